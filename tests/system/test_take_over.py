"""A cluster changes hands: from Kafka Connect's own workers to Millrace and back, with file connectors in mid-stream (docs/migration.md)."""

import json
import os
import re
import shutil
import signal
import subprocess
import unittest

import cluster
import jvm
import lab

SMALL = "-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"
PROPERTIES = {"scheduled.rebalance.max.delay.ms": 0, "session.timeout.ms": 6000, "heartbeat.interval.ms": 2000}


@unittest.skipUnless(shutil.which("java"), "there is no java, so no worker of Kafka Connect's own")
class TakeOver(unittest.TestCase):
    def setUp(self):
        os.environ["KAFKA_LAB_JVM"] = SMALL
        self.addCleanup(os.environ.pop, "KAFKA_LAB_JVM")
        self.kafka = lab.suite_lab()
        self.properties = {**PROPERTIES, "group": lab.fresh_name("hands")}
        self.load = None

    # Hands

    def jvm(self, names=("a",), **more):
        return self.hand(jvm.JvmCluster(self.kafka, names, **{**self.properties, **more}))

    def ours(self, names=("a",), **more):
        return self.hand(cluster.Cluster(self.kafka, names, **{**self.properties, **more}))

    def hand(self, workers):
        self.addCleanup(workers.end)
        self.cluster = workers
        if self.load is not None:
            self.load.cluster = workers
        return workers

    def stop_all(self):
        for name in self.cluster.alive():
            self.cluster.workers[name].stop()

    def ctl(self, *arguments, status=0):
        path = os.path.join(self.load.folder, "worker.properties")
        lab.properties_write(path, {**self.cluster.common, "listeners": "http://127.0.0.1:0"})
        done = subprocess.run([os.path.join(lab.BUILD, "bin", "millrace"), "ctl", *arguments, "--worker", path, "--json"],
                              capture_output=True, text=True, timeout=90, check=False)
        self.assertEqual(status, done.returncode, done.stderr + done.stdout)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def adopt(self, status=0):
        report = self.ctl("adopt", "--dry-run", status=status)
        return report, {connector["name"]: connector for connector in report["connectors"]}

    def give_back(self):
        """As soon as nobody is in the group any more: who was killed is, for a session."""
        def given():
            try:
                return self.ctl("give-back")
            except AssertionError as error:
                if '"state":"refused"' in str(error):
                    raise
                raise RuntimeError(error) from None
        return lab.wait_until(given, "the cluster is given back", 30, 0.5)

    # Work

    def begin(self):
        """A pair in mid-stream, a paused and a stopped connector."""
        self.load = cluster.Load(self.cluster, 1, every_s=0.01).create()
        worker = self.cluster.any()
        self.idle = {}
        for state, word in (("PAUSED", "pause"), ("STOPPED", "stop")):
            name = self.idle[state] = lab.fresh_name(word)
            worker.create(name, {"connector.class": "FileStreamSource", "file": self.load.input(0), "topic": name})
            worker.wait_state(name)
            lab.wait_until(lambda n=name: self.kafka.topics().get(n), "%s has read" % name)
            worker.rest("PUT", "/connectors/%s/%s" % (name, word))
            worker.wait_state(name, state, 1 if state == "PAUSED" else 0)
        self.load.start()
        self.load.wait_flow()

    def check_states(self):
        worker = self.cluster.any()
        worker.wait_state(self.load.source(0))
        worker.wait_state(self.load.sink(0))
        worker.wait_state(self.idle["PAUSED"], "PAUSED", 1)
        worker.wait_state(self.idle["STOPPED"], "STOPPED", 0)

    def of_kafka(self):
        """Records of the config topic that are not Millrace's own: key → value of the newest."""
        records = [record for record in self.kafka.consume(self.cluster.topic) if not record["key"].startswith(cluster.NOTE)]
        return len(records), {record["key"]: record["value"] for record in records if record["key"] != "session-key"}

    def left_of_ours(self):
        return [key for key, value in {r["key"]: r["value"] for r in self.kafka.consume(self.cluster.topic)}.items()
                if key.startswith(cluster.NOTE) and value is not None]

    def left_half_written(self, connector, number):
        """As a leader leaves it that is killed between a task's configuration and the commit; what it changed."""
        _, records = self.of_kafka()
        change = {"errors.retry.delay.max.ms": str(number)}
        for key in ("connector-" + connector, "task-%s-0" % connector):
            properties = {**json.loads(records[key])["properties"], **change}
            self.kafka.kcat("-P", "-t", self.cluster.topic, "-K", "\t", data=("%s\t%s" % (
                key, json.dumps({"properties": properties}, separators=(",", ":")))).encode())

    def is_whole(self, connector, number):
        """The task's configuration is the new one, and a commit follows it."""
        keys = [record["key"] for record in self.kafka.consume(self.cluster.topic)]
        task = json.loads(self.of_kafka()[1]["task-%s-0" % connector])["properties"]
        last = lambda key: len(keys) - keys[::-1].index(key)
        return task["errors.retry.delay.max.ms"] == str(number) and last("commit-" + connector) > last("task-%s-0" % connector)

    def kill_half_way(self, number):
        """All workers die, the leader in the midst of writing the configurations of both connectors' tasks."""
        for name in self.cluster.alive():
            self.cluster.workers[name].kill()
        for connector in (self.load.source(0), self.load.sink(0)):
            self.left_half_written(connector, number)

    def wait_whole(self, number):
        for connector in (self.load.source(0), self.load.sink(0)):
            lab.wait_until(lambda c=connector: self.is_whole(c, number), "the tasks of %s are whole" % connector, 30, 0.2)

    def missing(self):
        """Lines that are not in the topic, and not in the file, whatever a killed process left of line ends."""
        expected = {line.decode() for line in self.load.lines(0)}
        with open(self.load.output(0), encoding="utf-8") as file:
            found = set(re.findall(r"\d{4}:\d{8}", file.read()))
        return (sorted(expected - {value.decode() for value in self.kafka.values(self.load.topic(0))}), sorted(expected - found))

    def goes_on(self):
        self.load.wait_flow()
        self.check_states()

    def end(self):
        self.load.stop().wait_all_out()
        self.stop_all()

    # Tests

    def test_there_and_back_between_clean_stops_each_line_comes_once(self):
        self.jvm()
        self.begin()
        report, connectors = self.adopt()
        self.assertEqual(("connect", 1), (report["group"]["protocol"], report["group"]["members"]))
        self.assertEqual({self.load.source(0), self.load.sink(0), *self.idle.values()}, set(connectors))
        self.stop_all()
        before = self.of_kafka()
        self.ours()
        self.goes_on()
        self.assertEqual(before, self.of_kafka())
        report = self.ctl("give-back", status=1)
        self.assertEqual("refused", report["state"])
        self.stop_all()
        self.assertEqual("ready", self.ctl("give-back", "--dry-run")["state"])
        report = self.give_back()
        self.assertEqual([], self.left_of_ours())
        self.jvm()
        self.goes_on()
        self.end()
        self.assertEqual([], self.load.wrong_once())

    def test_a_leader_that_dies_between_tasks_and_commit_costs_neither_side_a_line(self):
        self.properties["consumer.session.timeout.ms"] = 6000  # the JVM's sink task is no static member
        self.jvm()
        self.begin()
        self.kill_half_way(1001)
        lab.wait_until(lambda: self.adopt()[0]["group"]["members"] == 0, "the session of the dead is over", 30, 0.5)
        _, connectors = self.adopt()
        self.assertEqual("uncommitted", connectors[self.load.source(0)]["tasks"]["state"])
        self.ours()
        self.goes_on()
        self.wait_whole(1001)
        self.kill_half_way(1002)
        report = self.give_back()
        self.assertEqual([], self.left_of_ours())
        self.assertTrue(any("half-written" in note for connector in report["connectors"] for note in connector["notes"]), report)
        self.jvm()
        self.goes_on()
        self.wait_whole(1002)
        self.end()
        self.assertEqual(([], []), self.missing())

    def test_with_exactly_once_each_side_shuts_out_the_zombies_of_the_other(self):
        """All workers of the side before are frozen in mid-stream, and wake when the other side has gone on."""
        self.properties.update({"exactly.once.source.support": "enabled", "consumer.isolation.level": "read_committed",
                                "consumer.session.timeout.ms": 6000})
        self.jvm()
        self.begin()
        self.ctl("adopt")
        zombie = self.freeze()
        lab.wait_until(lambda: self.adopt()[0]["group"]["members"] == 0, "the session of the frozen is over", 30, 0.5)
        self.ours()
        self.goes_on()
        self.wake(zombie)
        zombie = self.freeze()
        self.give_back()
        self.jvm()
        self.goes_on()
        self.wake(zombie)
        self.end()
        self.assertEqual(([], []), self.missing())
        self.assertEqual([], [wrong for wrong in self.load.wrong_once() if ", topic: " in wrong])

    def freeze(self):
        workers = [self.cluster.workers[name] for name in self.cluster.alive()]
        for worker in workers:
            worker.signal(signal.SIGSTOP)
        self.addCleanup(lambda: [worker.signal(signal.SIGCONT) for worker in workers if worker.process.poll() is None])
        return workers

    def wake(self, workers):
        """They cannot come back into the group, and stop; what they do until then counts for nothing. (The JVM's process may stay.)"""
        for worker in workers:
            worker.signal(signal.SIGCONT)
        self.load.wait_flow()
        for worker in workers:
            lab.wait_until(lambda w=worker: w.process.poll() is not None or "Worker stopped" in w.log_text(), "the zombie has stopped", 30)
            if worker.process.poll() is None:
                worker.kill()


class Look(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.properties = lab.worker_properties(self.kafka)
        self.path = os.path.join(lab.scratch_folder(), "worker.properties")
        lab.properties_write(self.path, self.properties)

    def ctl(self, *arguments):
        done = subprocess.run([os.path.join(lab.BUILD, "bin", "millrace"), "ctl", *arguments], capture_output=True, text=True, timeout=90,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def put(self, name, config, tasks=None):
        """As a JVM leader writes it; `tasks` None: it died before their commit."""
        records = [("connector-" + name, {"properties": {**config, "name": name}}), ("task-%s-0" % name, {"properties": config})]
        records += [("commit-" + name, {"tasks": tasks})] if tasks else []
        lines = "".join("%s\t%s\n" % (key, json.dumps(value)) for key, value in records)
        self.kafka.kcat("-P", "-t", self.properties["config.storage.topic"], "-K", "\t", data=lines.encode())

    def test_what_does_not_run_is_told_connector_by_connector_and_nothing_is_written(self):
        for kind in ("config", "offset", "status"):
            self.kafka.topic_create(self.properties[kind + ".storage.topic"], 1, {"cleanup.policy": "compact"})
        self.put("fine", {"connector.class": "FileStreamSource", "file": "/in", "topic": "t", "topcis": "x", "own": "y"}, 1)
        self.put("foreign", {"connector.class": "com.acme.Source", "transforms": "a", "transforms.a.type": "com.acme.A"}, 1)
        self.put("odd", {"connector.class": "FileStreamSink", "file": "${vault:a:secret-b}", "topics": "t", "tasks.max": "many",
                         "value.converter": "com.acme.Avro", "millrace.rate.records.per.second": "3"})
        end = self.kafka.end_offset(self.properties["config.storage.topic"])
        status, out, err = self.ctl("adopt", "--dry-run", "--json", "--worker", self.path)
        self.assertEqual((1, ""), (status, err))
        found = {connector["name"]: connector for connector in json.loads(out)["connectors"]}
        self.assertEqual({"fine": True, "foreign": False, "odd": False}, {name: connector["runs"] for name, connector in found.items()})
        self.assertEqual((["topcis", "own"], 1), (found["fine"]["unknown"], found["fine"]["tasks"]["count"]))
        self.assertIn("did you mean topic?", found["fine"]["notes"][0])
        at = lambda name: [problem.split(": ")[0] for problem in found[name]["problems"]]
        self.assertEqual(["connector.class", "transforms.a.type"], at("foreign"))
        self.assertEqual(["file", "tasks.max", "value.converter"], sorted(set(at("odd"))))
        self.assertEqual("uncommitted", found["odd"]["tasks"]["state"])
        self.assertNotIn("secret-b", out)
        status, out, _ = self.ctl("adopt", "--worker", self.path)
        self.assertEqual(1, status)
        self.assertIn("1 of 3 connectors run.", out)
        status, out, _ = self.ctl("give-back", "--dry-run", "--worker", self.path)
        self.assertEqual(0, status)
        self.assertIn("the JVM workers need the plugin com.acme.Source", out)
        self.assertIn("millrace.rate.records.per.second is Millrace's", out)
        self.assertEqual(end, self.kafka.end_offset(self.properties["config.storage.topic"]))

    def test_what_cannot_be_looked_at_is_told_in_one_line(self):
        for arguments, words in ((("adopt",), "--worker is missing"), (("adopt", "--worker"), "--worker: unknown, or its value is missing"),
                                 (("give-back", "--worker", "/nowhere"), "/nowhere"), (("adopt", "--worker", self.path), "there is no topic"),
                                 (("take",), "there is no subcommand 'take'")):
            status, out, err = self.ctl(*arguments)
            self.assertEqual((2, ""), (status, out), arguments)
            self.assertIn(words, err)


class NeverCommitted(unittest.TestCase):
    """A JVM worker whose exactly-once sources are not enabled reads what a dying leader or task of ours has never committed."""

    def test_what_was_never_committed_is_overwritten_before_the_topics_are_given_back(self):
        kafka = lab.suite_lab()
        properties = lab.worker_properties(kafka, millrace__leader__fencing="transaction", offset__storage__partitions=1)
        group, configs, offsets = (properties[name] for name in ("group.id", "config.storage.topic", "offset.storage.topic"))
        folder = lab.scratch_folder()
        path, properties_path = os.path.join(folder, "input"), os.path.join(folder, "worker.properties")
        with open(path, "w", encoding="utf-8") as file:
            file.write("line\n" * 10)
        lab.properties_write(properties_path, properties)
        name = lab.fresh_name("lines")
        config = {"connector.class": "FileStreamSource", "file": path, "topic": name}
        with lab.Worker(properties) as worker:
            worker.create(name, config)
            lab.wait_until(lambda: last(kafka, offsets).get(json.dumps([name, {"filename": path}], separators=(",", ":"))),
                           "an offset is committed")
            worker.stop()
        valid = last(kafka, configs), last(kafka, offsets)
        key = next(iter(valid[1]))
        kafka.leave_transaction_open("connect-cluster-" + group, configs, "connector-" + name,
                                     json.dumps({"properties": {**config, "topic": "elsewhere", "name": name}}))
        kafka.leave_transaction_open("connect-cluster-" + group, configs, "connector-ghost",
                                     json.dumps({"properties": {**config, "name": "ghost"}}))  # this one is open still
        for _ in range(2):  # the second aborts the first; then it is open
            kafka.leave_transaction_open(group + "-task", offsets, key, '{"position":1000}')
        kafka.leave_transaction_open(group + "-task", name, "x", "x")
        done = subprocess.run([os.path.join(lab.BUILD, "bin", "millrace"), "ctl", "give-back", "--worker", properties_path],
                              capture_output=True, text=True, timeout=90, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        for what in (name + ": its configuration was written", "ghost: that there is no such", "offsets of 1 source partitions were written"):
            self.assertIn(what, done.stdout)
        for isolation in ("read_committed", "read_uncommitted"):
            now = last(kafka, configs, isolation), last(kafka, offsets, isolation)
            self.assertEqual({key: value for key, value in valid[0].items() if not key.startswith(cluster.NOTE)}, now[0])
            self.assertEqual(valid[1], now[1])


def last(kafka, topic, isolation="read_committed"):
    """key → value of the newest record, of those that are no tombstones."""
    newest = {record["key"]: record["value"] for record in kafka.consume(topic, isolation=isolation)}
    return {key: value for key, value in newest.items() if value is not None}
