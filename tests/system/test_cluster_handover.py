"""Hand-overs that go wrong, and one that takes its time: plugins that are slow to prepare or hang, leaders that die half-way."""

import json
import os
import shutil
import signal
import threading
import time
import unittest

import cluster
import lab

PREPARE_MS = 700
GRACEFUL_S = 2.0
SESSION_S = 6

# What hangs. Connector → (class, in which call, its unit); each worker's plugin makes or writes something of its own.
HUNG = {"poll": ("MisbehavingSource", "poll", 0), "task": ("MisbehavingSource", "task.stop", 0),
        "connector": ("MisbehavingSource", "stop", -1), "put": ("MisbehavingSink", "put", 0), "close": ("MisbehavingSink", "close", 0)}
BUSY = ("poll", "put")  # calls that hang at once, not only when the unit is to stop


class Handover(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.plugins = os.path.join(self.folder, "plugins")
        os.mkdir(self.plugins)
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "misbehaving.so"), self.plugins)
        self.hang = os.path.join(self.folder, "hang")
        self.name = lab.fresh_name("made")
        self.drains = []

    def begin(self, names, **properties):
        """Workers with the plugin, each with its own name in the environment as WHO."""
        plugin_path = ",".join([self.plugins, os.path.join(lab.BUILD, "plugins")])
        self.cluster = cluster.Cluster(self.kafka, (), plugin__path=plugin_path, session__timeout__ms=SESSION_S * 1000,
                                       offset__flush__interval__ms=200, config__providers="env", **{
                                           "config.providers.env.class": "EnvVarConfigProvider"}, **properties)
        self.addCleanup(self.cluster.end)
        self.addCleanup(self.end_hang)
        for name in names:
            self.start(name)
        for name in names:
            self.cluster.workers[name].ready()

    def start(self, name):
        os.environ["WHO"] = name
        return self.cluster.start(name)

    def end_hang(self):
        for name in os.listdir(self.folder):
            if name.startswith("hang"):
                os.unlink(os.path.join(self.folder, name))
        for thread in self.drains:
            thread.join()

    def put(self, **config):
        config = {key.replace("__", "."): value for key, value in config.items()}
        config = {"connector.class": "MisbehavingSource", "tasks.max": "1", "topic": self.name, "hang.while": self.hang, **config}
        lab.wait_until(lambda: self.cluster.any().request("PUT", "/connectors/%s/config" % self.name, config)[0] in (200, 201),
                       "the connector is there", 20)

    def holder(self):
        """Who has the task, by the leader's records; None while it is on its way."""
        assignments = self.cluster.assignments()
        return next((name for name in assignments if (self.name, 0) in assignments[name][0]), None)

    def wait_records(self, topic, more=1):
        """So many records more than now."""
        before = self.kafka.end_offset(topic) if topic in self.kafka.topics() else 0
        lab.wait_until(lambda: topic in self.kafka.topics() and self.kafka.end_offset(topic) >= before + more,
                       "records come to " + topic, 30, 0.1)

    def drain(self, name):
        """Asks for it; does not wait."""
        thread = threading.Thread(target=self.cluster.workers[name].request, args=("PUT", "/admin/drain"), daemon=True)
        thread.start()
        self.drains.append(thread)

    def wait_revoking(self, name):
        lab.wait_until(lambda: self.cluster.assignments()[name] == (set(), {(self.name, 0)}),
                       "nothing but the task that hangs is left to be revoked", 20, 0.1)

    def is_inside(self, call, path=None):
        lab.wait_until(lambda: call in open(path or self.hang).read().split(), "the plugin hangs in " + call, 20, 0.05)

    def said_of_task(self, name):
        """What the worker's newest record says of the task that it was to stop: None, "" or "abandoned"."""
        record = next(value for key, value in self.cluster.newest().items()
                      if key.startswith(cluster.MEMBER) and key[len(cluster.MEMBER):].rstrip("/") == self.cluster.id(name))
        tasks = record.get("stopped", {}).get(self.name)
        return None if tasks is None else tasks["0"] if isinstance(tasks, dict) else ""

    def test_a_slow_prepare_is_not_felt(self):
        self.begin("ab")
        self.put(misbehave="task.prepare:slow", slow__ms=str(PREPARE_MS))
        self.wait_records(self.name, 3)
        holder, since = self.holder(), time.time()
        self.assertEqual(204, self.cluster.workers[holder].request("PUT", "/admin/drain")[0])
        self.assertNotIn(self.holder(), (None, holder))
        self.wait_records(self.name, 2)
        out = self.kafka.kcat("-C", "-t", self.name, "-o", "beginning", "-c", str(self.kafka.end_offset(self.name)), "-e", "-q",
                              "-f", "%T\n")
        gap = cluster.longest([int(line) / 1000 for line in out.splitlines()], since, time.time())
        print("        %d ms to prepare, %d ms without a record" % (PREPARE_MS, 1000 * gap))
        self.assertLess(gap, PREPARE_MS / 1000)

    def hang_of(self, which, name):
        return "%s-%s-%s" % (self.hang, which, name)

    def topic_of(self, which, name):
        return "%s-%s-%s" % (self.name, which, name)

    def put_hanging(self, which):
        """The sinks read what both workers' connectors "connector" make: their tasks are well."""
        of, call, _ = HUNG[which]
        config = {"connector.class": of, "tasks.max": "1", "misbehave": call + ":hang", "hang.while": self.hang_of(which, "${env:WHO}")}
        if of == "MisbehavingSource":
            config["topic"] = self.topic_of(which, "all" if which == "connector" else "${env:WHO}")
        else:
            config.update({"topics": self.topic_of("connector", "all"), "file": self.file_of(which, "${env:WHO}"),
                           "consumer.override.metadata.max.age.ms": "1000"})
        self.assertEqual(201, self.cluster.any().request("PUT", "/connectors/%s-%s/config" % (self.name, which), config)[0])

    def file_of(self, which, name):
        return os.path.join(self.folder, "taken-%s-%s" % (which, name))

    def taken(self, which, name):
        path = self.file_of(which, name)
        return os.path.getsize(path) if os.path.exists(path) else 0

    def does(self, which, name):
        """How much came of it that worker's instance."""
        if "Sink" in HUNG[which][0]:
            return self.taken(which, name)
        topic = self.topic_of(which, name)
        return self.kafka.end_offset(topic) if topic in self.kafka.topics() else 0

    def committed(self, which):
        """Of a sink's group, while it runs."""
        offsets = self.cluster.any().rest("GET", "/connectors/%s-%s/offsets" % (self.name, which))["offsets"]
        return offsets[0]["offset"]["kafka_offset"] if offsets else 0

    def offsets(self, which, since_s):
        """Each offset that was stored for the source's task since then, in order. Nobody may be writing."""
        key = '"%s-%s"' % (self.name, which)
        return [json.loads(record["value"])["count"] for record in self.kafka.consume(self.cluster.common["offset.storage.topic"])
                if key in (record.get("key") or "") and record["value"] and record["ts"] / 1000 >= since_s]

    def holds(self, name):
        return {(connector, task) for connector, task in self.cluster.assignments()[name][0]}

    def test_plugins_that_hang_are_abandoned_and_what_they_bring_later_counts_no_more(self):
        """In poll, put, close and stop, of tasks and of a connector; all at once."""
        self.begin("ab", **{"task.shutdown.graceful.timeout.ms": int(GRACEFUL_S * 1000)})
        old, new = (self.cluster.workers[name] for name in "ab")
        self.assertEqual(204, new.request("PUT", "/admin/drain")[0])  # so that the other has it all
        for which in HUNG:
            self.put_hanging(which)
        mine = [which for which in HUNG if which != "connector"]
        lab.wait_until(lambda: all(self.does(which, "a") for which in mine), "all of them run", 30, 0.1)
        for which in HUNG:
            open(self.hang_of(which, "a"), "w").close()
        for which in BUSY:
            self.is_inside(which, self.hang_of(which, "a"))
        began = time.monotonic()
        self.assertEqual(204, new.request("DELETE", "/admin/drain")[0])
        self.drain("a")
        units = {("%s-%s" % (self.name, which), task) for which in HUNG for task in (-1, 0)}
        lab.wait_until(lambda: self.holds("b") == units and all(self.does(which, "b") for which in mine), "all runs elsewhere", 30, 0.1)
        took, since = time.monotonic() - began, time.time()
        print("        hang in %s: run elsewhere after %.1f s" % (", ".join(call for _, call, _ in HUNG.values()), took))
        self.assertGreater(took, GRACEFUL_S * 0.9)
        self.assertLess(took, 2 * GRACEFUL_S + 5)  # what goes first and what goes when the other drains
        self.assertEqual([], self.cluster.found_double())
        self.assertEqual({which for which in HUNG if which != "connector"}, self.said_abandoned())
        for which, (_, call, _) in HUNG.items():
            self.is_inside(call, self.hang_of(which, "a"))  # they hang still
        before = {which: self.does(which, "a") for which in ("poll", "task")}
        for which in HUNG:
            os.unlink(self.hang_of(which, "a"))  # they return: with a record, with what was put, with nothing
        committed = {which: self.committed(which) for which in ("put", "close")}
        self.assertEqual(0, old.stop(), old.log_end())
        self.assertEqual(before, {which: self.does(which, "a") for which in before})
        for which in committed:  # a word of the other would have set it back
            lab.wait_until(lambda: self.committed(which) > committed[which], "the successor commits", 10, 0.1)
        for which in before:
            lab.wait_until(lambda: self.does(which, "b") >= 8, "the successor's records come", 20, 0.1)
        self.assertEqual(0, new.stop())
        for which in before:
            offsets = self.offsets(which, since)
            self.assertGreater(len(offsets), 1)
            self.assertEqual(sorted(set(offsets)), offsets)  # the successor's alone: the other had come further

    def said_abandoned(self):
        """Which of them the first worker said so of, and told in its log."""
        log = self.cluster.workers["a"].log_text()
        said = set()
        for key, value, _ in self.cluster.records():
            if key.startswith(cluster.MEMBER) and value:
                said |= {connector.rsplit("-", 1)[1] for connector, tasks in value.get("stopped", {}).items()
                         if isinstance(tasks, dict) and tasks.get("0") == "abandoned"}
        for which in said:
            self.assertRegex(log, "task %s-%s-0 did not stop in time.*it is abandoned" % (self.name, which))
        return said

    def test_a_leader_may_die_between_revocation_acknowledgement_and_give_out(self):
        self.begin("abc", **{"task.shutdown.graceful.timeout.ms": 60000})
        self.load = cluster.Load(self.cluster, 3, every_s=0.05).create()
        self.addCleanup(self.load.stop)
        self.put(misbehave="task.stop:hang")
        self.cluster.wait_balanced(self.load.units + 2)
        self.load.start()
        self.load.wait_flow()
        for moment in (self.between_revocation_and_acknowledgement, self.between_acknowledgement_and_give_out):
            with self.subTest(moment.__name__):
                self.hold(moment)
        self.load.stop()
        self.load.wait_all_out()
        self.assertEqual([], self.load.wrong_once())
        self.assertEqual([], self.cluster.found_double())

    def hold(self, moment):
        """The leader, which runs nothing, dies while the task is being moved; then all is well again."""
        leader = self.cluster.leader()
        self.assertEqual(204, self.cluster.workers[leader].request("PUT", "/admin/drain")[0])
        holder = self.holder()
        open(self.hang, "w").close()
        self.drain(holder)
        self.wait_revoking(holder)
        self.is_inside("task.stop")
        began = time.monotonic()
        moment(leader, holder)
        third = next(name for name in "abc" if name not in (leader, holder))
        lab.wait_until(lambda: self.holder() == third, "the task is given out", SESSION_S + 15, 0.1)
        self.load.wait_flow(30)
        print("        %s: given out after %.1f s" % (moment.__name__, time.monotonic() - began))
        self.start(leader).ready()
        self.assertEqual(204, self.cluster.workers[holder].request("DELETE", "/admin/drain")[0])
        self.cluster.wait_balanced(self.load.units + 2, "abc")
        self.load.wait_flow()
        for thread in self.drains:
            thread.join()

    def between_revocation_and_acknowledgement(self, leader, holder):
        self.cluster.workers[leader].kill()
        lab.wait_until(lambda: self.cluster.leader() != leader, "another one leads", SESSION_S + 15, 0.1)
        self.assertEqual((set(), {(self.name, 0)}), self.cluster.assignments()[holder])
        self.assertIsNone(self.holder())
        os.unlink(self.hang)

    def between_acknowledgement_and_give_out(self, leader, holder):
        self.cluster.workers[leader].signal(signal.SIGSTOP)
        os.unlink(self.hang)
        lab.wait_until(lambda: self.said_of_task(holder) is not None, "the task is acknowledged", 20, 0.1)
        self.assertIsNone(self.holder())
        self.cluster.workers[leader].kill()
