"""Three workers as Kafka's own system tests of Connect run them (tests/kafkatest), for our ports of these tests (test_kafka_*.py).

The properties are those of their template. Where they wait a fixed time for a group to settle, ours wait for the fact that it has.
`verifiable_*` and `mock_*` make the connectors of Kafka's test tools; what the verifiable ones print is collected from the output of every
process there was.
"""

import json
import os
import time
import unittest

import cluster
import lab

JSON = "org.apache.kafka.connect.json.JsonConverter"
TOOLS = "org.apache.kafka.connect.tools."
FILE = "org.apache.kafka.connect.file."
WORKERS = "abc"
CLIENTS = {"consumer.session.timeout.ms": 10000, "request.timeout.ms": 30000}
TEMPLATE = {
    "key.converter": JSON, "value.converter": JSON, "key.converter.schemas.enable": "true", "value.converter.schemas.enable": "true",
    "offset.storage.partitions": 1, "offset.flush.interval.ms": 5000, "connect.protocol": "sessioned",
    "scheduled.rebalance.max.delay.ms": 60000, "session.timeout.ms": 10000, "config.providers": "file",
    "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider", **CLIENTS}
ONCE = {"exactly.once.source.support": "enabled", "producer.transaction.timeout.ms": 10000}


class Service(unittest.TestCase):
    """A test case with such workers."""

    def begin(self, kafka=None, once=False, names=WORKERS, **more):
        self.kafka = kafka or lab.suite_lab()
        self.cluster = cluster.Cluster(self.kafka, names, **{**TEMPLATE, **(ONCE if once else {}), **more})
        self.addCleanup(self.cluster.end)
        self.nodes = list(names)

    def node(self, name):
        return self.cluster.workers[name]

    def ask(self, method, path, body=None, timeout_s=10.0):
        """Of any worker; 409 and 404 are answers of a cluster that is changing: asked again, as theirs does (40 times 250 ms)."""
        def asked():
            status, answer = self.cluster.any().request(method, path, body)
            if status in (404, 409):
                raise lab.RestError(status, answer)
            assert status < 400, "%s %s: %d %s" % (method, path, status, answer)
            return [answer]
        return lab.wait_until(asked, "%s %s" % (method, path), timeout_s, 0.25)[0]

    def new_topic(self):
        """One that is there already, of one partition, as theirs are; nothing is in it."""
        topic = lab.fresh_name("test")
        self.kafka.kcat("-L", "-t", topic)  # who asks for it makes it
        lab.wait_until(lambda: topic in self.kafka.topics(), "topic " + topic)
        return topic

    # Connectors

    def create(self, name, config):
        self.ask("POST", "/connectors", {"name": name, "config": {key: str(value) for key, value in {**config, "name": name}.items()}})
        return name

    def verifiable_source(self, topic, tasks=1, throughput=1000, complete=False, **more):
        return self.create(lab.fresh_name("verifiable-source"), {
            "connector.class": TOOLS + "VerifiableSourceConnector", "tasks.max": tasks, "topic": topic, "throughput": throughput,
            "complete.record.data": complete, **more})

    def verifiable_sink(self, topic, tasks=1, **more):
        return self.create(lab.fresh_name("verifiable-sink"), {
            "connector.class": TOOLS + "VerifiableSinkConnector", "tasks.max": tasks, "topics": topic, **more})

    def mock_source(self, mode, delay_s=5):
        return self.create(lab.fresh_name("mock-source"), {
            "connector.class": TOOLS + "MockSourceConnector", "tasks.max": 1, "mock_mode": mode, "delay_ms": delay_s * 1000})

    def mock_sink(self, topic, mode, delay_s=5):
        return self.create(lab.fresh_name("mock-sink"), {
            "connector.class": TOOLS + "MockSinkConnector", "tasks.max": 1, "topics": topic, "mock_mode": mode,
            "delay_ms": delay_s * 1000})

    def messages(self, name):
        """What the connector of that name printed, in every process there was; of one process in order."""
        found = []
        for worker in self.cluster.ever:
            with open(worker.log, encoding="utf-8", errors="replace") as log:
                lines = [line for line in log if line.startswith("{") and '"%s"' % name in line]
            found += [message for message in map(json.loads, lines) if message["name"] == name]
        return found

    def sent(self, name):
        return [message for message in self.messages(name) if not message.get("committed")]

    def committed(self, name):
        return [message for message in self.messages(name) if message.get("committed")]

    def received(self, name):
        return [message for message in self.messages(name) if not message.get("flushed")]

    def flushed(self, name):
        return [message for message in self.messages(name) if message.get("flushed")]

    # States

    def status(self, name, node=None):
        """None while there is none."""
        worker = self.node(node) if node else self.cluster.any()
        status, answer = worker.request("GET", "/connectors/%s/status" % name)
        return answer if status == 200 else None

    def connector_is(self, name, state):
        status = self.status(name)
        return status is not None and status["connector"]["state"] == state

    def task_is(self, name, state, task=0):
        status = self.status(name)
        return status is not None and any(each["id"] == task and each["state"] == state for each in status["tasks"])

    def all_are(self, name, state, tasks=1, node=None):
        status = self.status(name, node)
        return status is not None and status["connector"]["state"] == state and \
            [task["state"] for task in status["tasks"]] == [state] * tasks

    def wait(self, fact, timeout_s, what):
        lab.wait_until(fact, what, timeout_s, 0.1)

    def wait_running(self, name, tasks=1, timeout_s=30):
        self.wait(lambda: self.all_are(name, "RUNNING", tasks), timeout_s, "%s is RUNNING" % name)

    def wait_everywhere(self, name, state, tasks=1, timeout_s=30):
        for node in self.nodes:
            self.wait(lambda: self.all_are(name, state, tasks, node), timeout_s, "%s is %s for %s" % (name, state, node))

    # Workers

    def stop_worker(self, name, clean=True):
        if clean:
            self.assertEqual(0, self.node(name).stop(), self.node(name).log_end())
        else:
            self.node(name).kill()

    def restart_worker(self, name, clean=True):
        """Returns when it has joined and was given its share."""
        began = time.monotonic()
        self.stop_worker(name, clean)
        self.cluster.start(name).ready()
        self.wait(lambda: self.cluster.assignments()[name][0], 90, "worker %s joins and starts work" % name)
        return time.monotonic() - began

    def restart(self):
        """One after the other."""
        for name in self.nodes:
            self.stop_worker(name)
            self.cluster.start(name).ready()

    def end_workers(self):
        """Cleanly, side by side."""
        for name in self.nodes:
            self.node(name).process.terminate()
        for name in self.nodes:
            self.assertEqual(0, self.node(name).wait(), self.node(name).log_end())

    # Files

    def new_files(self):
        """An input and an output, of no lines yet."""
        self.folder = lab.scratch_folder()
        self.input, self.output = os.path.join(self.folder, "connect.input"), os.path.join(self.folder, "connect.output")

    def append(self, lines, path=None):
        with open(path or self.input, "a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def output_lines(self):
        try:
            with open(self.output, encoding="utf-8") as file:
                return [line.strip() for line in file]
        except FileNotFoundError:
            return []
