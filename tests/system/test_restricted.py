"""Workers at services that refuse what Kafka itself would do: no transactional ids, no topics made by clients, no compaction, no
changes of a group's offsets; connections that are closed when idle, or when a request is too large."""

import concurrent.futures
import os
import unittest

import lab
import tcp_proxy


def rewrite(kafka, topic, config):
    kafka.tool("kafka.admin.ConfigCommand", "--bootstrap-server", kafka.bootstrap, "--alter", "--entity-type", "topics",
               "--entity-name", topic, "--add-config", config)


def probe(worker):
    return lab.http("GET", worker.url + "/readyz", timeout_s=5)


def warnings(worker):
    """Name → words, of the probe."""
    return {entry["name"]: entry["message"] for entry in probe(worker)[1]["warnings"]}


def forgetful(worker):
    """Topic → 0 or 1, of the metric."""
    text = lab.http("GET", worker.url + "/metrics")[1]
    lines = [line for line in text.splitlines() if line.startswith("millrace_internal_topic_forgets{")]
    return {line.split('"')[1]: float(line.split()[1]) for line in lines}


class Lines:
    """A file source into a topic, and a file sink out of it."""

    def __init__(self, name):
        self.name, self.folder, self.sent = name, lab.scratch_folder(), 0
        self.source = os.path.join(self.folder, "in")
        self.sink = os.path.join(self.folder, "out")
        self.add(3)

    def add(self, count):
        with open(self.source, "a", encoding="ascii") as file:
            for _ in range(count):
                self.sent += 1
                file.write("%d\n" % self.sent)

    def create(self, worker):
        worker.create(self.name + "-in", {"connector.class": "FileStreamSource", "file": self.source, "topic": self.name})
        worker.create(self.name + "-out", {"connector.class": "FileStreamSink", "file": self.sink, "topics": self.name})

    def arrived(self):
        try:
            with open(self.sink, encoding="ascii") as file:
                return {int(line) for line in file.read().splitlines()} >= set(range(1, self.sent + 1))
        except OSError:
            return False

    def wait(self, timeout_s=45):
        lab.wait_until(self.arrived, "all lines up to %d are in the sink" % self.sent, timeout_s)


class Refused(unittest.TestCase):
    """alice may read and write topics that are there, read groups, and nothing else."""

    @classmethod
    def setUpClass(cls):
        cls.kafka = lab.Lab(sasl_ssl=True, properties=lab.AUTHORIZER).start()
        add = ("AclCommand", "--bootstrap-server", cls.kafka.bootstrap, "--add", "--allow-principal")
        orders = [("User:alice", "--topic", "*", "--group", "*", "--operation", "Read"),
                  ("User:alice", "--topic", "*", "--operation", "Write", "--operation", "DescribeConfigs"),
                  ("User:bob", "--cluster", "--transactional-id", "*", "--operation", "Describe")]
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda order: cls.kafka.tool(*add, *order), orders))

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def properties(self, group, **more):
        return {**lab.worker_properties(self.kafka, group, **{"millrace__internal__topics__check__interval__ms": 1000, **more}),
                **self.kafka.worker_security()}

    def make_topics(self, group, *names):
        """As the broker makes topics that somebody asks for: with one partition and cleanup.policy=delete."""
        for name in names:
            self.kafka.kcat("-L", "-t", group + name)

    def make_compacted_topics(self, group):
        """As whoever has all rights makes them: a worker without a login."""
        with lab.Worker(lab.worker_properties(self.kafka, group)) as worker:
            self.assertEqual(0, worker.stop())
        self.make_topics(group, "-lines")

    def start(self, *arguments, **more):
        worker = lab.Worker(self.properties(*arguments, **more)).start()
        self.addCleanup(worker.end)
        return worker

    def test_workers_without_rights_and_compaction_lead_and_fail_over(self):
        group = lab.fresh_name("refused")
        self.make_topics(group, "-configs", "-offsets", "-status", "-lines")

        strict = self.start(group)
        self.assertEqual(1, strict.wait())
        for words in ("cleanup.policy=delete", "offset.storage.topic", "millrace.internal.topics.compaction=warn"):
            self.assertIn(words, strict.log_text())

        workers = [self.start(group, millrace__internal__topics__compaction="warn").ready() for _ in range(2)]
        for words in ("(config.storage.topic) has cleanup.policy=delete", "retention.ms=604800000", "retention.ms=-1"):
            self.assertIn(words, workers[0].log_text())
        lines = Lines(group + "-lines")
        lines.create(workers[1])
        lines.wait()
        lab.wait_until(lambda: set(warnings(workers[0])) >= {"config_topic_cleanup", "offset_topic_cleanup", "status_topic_cleanup"},
                       "all three policies are warned of")
        lab.wait_until(lambda: probe(workers[0])[0] == 200, "it is ready all the same")
        self.check_offsets_that_may_not_be_deleted(workers[0], lines)

        leads = [worker for worker in workers if "this worker leads the cluster" in worker.log_text()]
        self.assertEqual(1, len(leads))
        survivor = workers[1 - workers.index(leads[0])]
        leads[0].kill()
        lines.add(3)
        lines.wait()
        lab.wait_until(lambda: "this worker leads the cluster" in survivor.log_text(), "the other one leads")
        lab.wait_until(lambda: survivor.request("PUT", "/connectors/%s-in/pause" % lines.name)[0] == 202, "it takes changes")
        survivor.wait_state(lines.name + "-in", "PAUSED")
        self.assertEqual(0, survivor.stop())

    def check_offsets_that_may_not_be_deleted(self, worker, lines):
        """Who asks is told the right that is missing, and the sink goes on."""
        name = lines.name + "-out"
        worker.rest("PUT", "/connectors/%s/stop" % name)
        worker.wait_state(name, "STOPPED", 0)
        status, answer = worker.request("DELETE", "/connectors/%s/offsets" % name)
        self.assertGreaterEqual(status, 400, answer)
        self.assertRegex(answer["message"], "(?i)group.*authorization.*|authorization.*group")
        self.assertIn("connect-" + name, answer["message"])
        self.assertIn("Delete", answer["message"])
        worker.rest("PUT", "/connectors/%s/resume" % name)
        worker.wait_state(name)

    def test_topics_that_may_not_be_created_are_awaited(self):
        group = lab.fresh_name("byhand")
        worker = self.start(group)
        lab.wait_until(lambda: "create it with cleanup.policy=compact, or allow this worker to" in worker.log_text(), "it says what it waits for")
        self.make_compacted_topics(group)
        worker.ready()
        self.assertNotIn("config_topic_cleanup", warnings(worker))
        self.check_a_policy_that_changes(worker, group)
        self.check_exactly_once(worker, group)
        self.assertEqual(0, worker.stop())

    def check_a_policy_that_changes(self, worker, group):
        lab.wait_until(lambda: forgetful(worker) == {"offset": 0, "status": 0, "config": 0}, "the metric says that none forgets")
        rewrite(self.kafka, group + "-configs", "cleanup.policy=delete")
        lab.wait_until(lambda: "config_topic_cleanup" in warnings(worker), "the change is seen")
        self.assertIn("has cleanup.policy=delete", warnings(worker)["config_topic_cleanup"])
        self.assertIn("set cleanup.policy=compact", warnings(worker)["config_topic_cleanup"])
        lab.wait_until(lambda: probe(worker)[0] == 200, "it is ready all the same")
        self.assertEqual({"offset": 0, "status": 0, "config": 1}, forgetful(worker))
        self.assertIn("config_topic_cleanup (a warning): topic", worker.log_text())
        rewrite(self.kafka, group + "-configs", "retention.ms=-1")
        lab.wait_until(lambda: "config_topic_cleanup" not in warnings(worker), "without a limit of age nothing is lost")
        lab.wait_until(lambda: forgetful(worker)["config"] == 0, "nor does the metric say so")
        rewrite(self.kafka, group + "-configs", "retention.ms=86400000")
        lab.wait_until(lambda: "config_topic_cleanup" in warnings(worker), "it forgets again")
        rewrite(self.kafka, group + "-configs", "cleanup.policy=compact")
        lab.wait_until(lambda: forgetful(worker)["config"] == 0, "it is mended")
        self.assertNotIn("config_topic_cleanup", warnings(worker))
        self.assertIn("config_topic_cleanup: is well again", worker.log_text())

    def check_exactly_once(self, worker, group):
        """Only who asks for transactions hears of them."""
        config = {"connector.class": "FileStreamSource", "file": "/dev/null", "topic": group + "-lines", "name": "once"}
        found = worker.rest("PUT", "/connector-plugins/FileStreamSource/config/validate", config)
        self.assertEqual(0, found["error_count"])
        found = worker.rest("PUT", "/connector-plugins/FileStreamSource/config/validate", {**config, "exactly.once.support": "required"})
        wrong = [entry["value"]["name"] for entry in found["configs"] if entry["value"]["errors"]]
        self.assertEqual(["exactly.once.support"], wrong)


class Closed(unittest.TestCase):
    """A service that closes connections."""

    @classmethod
    def setUpClass(cls):
        cls.port = lab.free_port()
        cls.kafka = lab.Lab(proxied=[cls.port]).start()
        cls.proxy = tcp_proxy.Proxy({cls.port: cls.kafka.read("proxied-%d" % cls.port)})

    @classmethod
    def tearDownClass(cls):
        cls.proxy.end()
        cls.kafka.stop()

    def tearDown(self):
        self.proxy.tell("heal", self.port)

    def start(self, group, **more):
        worker = lab.Worker(lab.worker_properties(self.kafka, group, bootstrap__servers="127.0.0.1:%d" % self.port, **more)).start()
        self.addCleanup(worker.end)
        return worker

    def test_connections_closed_when_idle_cost_nothing(self):
        group = lab.fresh_name("idle")
        workers = [self.start(group).ready() for _ in range(2)]
        lines = Lines(group + "-lines")
        lines.create(workers[0])
        lines.wait()
        before = self.proxy.closed(self.port)
        self.proxy.tell("idle:1", self.port)
        lab.wait_until(lambda: self.proxy.closed(self.port) > before + 3, "connections are closed")
        lines.add(3)
        lines.wait()
        leads = [worker for worker in workers if "this worker leads the cluster" in worker.log_text()][0]
        survivor = workers[1 - workers.index(leads)]
        leads.kill()
        lines.add(3)
        lines.wait()
        lab.wait_until(lambda: survivor.request("PUT", "/connectors/%s-in/pause" % lines.name)[0] == 202, "it takes changes")
        self.assertEqual(0, survivor.stop())

    def test_a_request_that_is_too_large_stops_its_task_alone_with_max_request_size(self):
        """1 MiB is what Event Hubs takes. As its preset says, the producer keeps below it, and the large record fails in words."""
        group = lab.fresh_name("large")
        before = self.proxy.closed(self.port)
        self.proxy.tell("limit:1046528", self.port)
        worker = self.start(group, millrace__kafka__preset="eventhubs").ready()
        lines = Lines(group + "-lines")
        lines.create(worker)
        large = os.path.join(lines.folder, "large")
        with open(large, "w", encoding="ascii") as file:
            file.write("".join("%s\n" % ("x" * 90000) for _ in range(40)))  # 3.6 MB in many requests
        worker.create(group + "-many", {"connector.class": "FileStreamSource", "file": large, "topic": group + "-many"})
        lab.wait_until(lambda: group + "-many" in self.kafka.topics() and len(self.kafka.values(group + "-many")) == 40, "all are written")
        self.assertEqual(before, self.proxy.closed(self.port))
        with open(large, "a", encoding="ascii") as file:
            file.write("y" * 1200000 + "\n")
        lab.wait_until(lambda: worker.status(group + "-many")["tasks"][0]["state"] == "FAILED", "the task fails")
        self.assertRegex(worker.status(group + "-many")["tasks"][0]["trace"], "max.request.size|too large|larger than")
        self.assertEqual(before, self.proxy.closed(self.port))
        self.check_without_the_limit(group, worker)
        lines.add(3)
        lines.wait()
        self.assertEqual(0, worker.stop())

    def check_without_the_limit(self, group, worker):
        """Who sets it higher: the request is tried again until delivery.timeout.ms, and the others go on."""
        large = os.path.join(lab.scratch_folder(), "large")
        with open(large, "w", encoding="ascii") as file:
            file.write("y" * 1200000 + "\n")
        before = self.proxy.closed(self.port)
        worker.create(group + "-huge", {"connector.class": "FileStreamSource", "file": large, "topic": group + "-huge",
                                        "producer.override.max.request.size": 5000000, "producer.override.delivery.timeout.ms": 6000,
                                        "producer.override.request.timeout.ms": 5000})
        lab.wait_until(lambda: self.proxy.closed(self.port) > before, "the connection is closed")
        lab.wait_until(lambda: worker.status(group + "-huge")["tasks"][0]["state"] == "FAILED", "it is given up", 40)
        self.assertIn("set max.request.size to their limit", worker.status(group + "-huge")["tasks"][0]["trace"])
