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

    def offsets(self, since_s):
        """Each offset that was stored for the task since then, in order. Nobody may be writing."""
        return [json.loads(record["value"])["count"] for record in self.kafka.consume(self.cluster.common["offset.storage.topic"])
                if self.name in (record.get("key") or "") and record["value"] and record["ts"] / 1000 >= since_s]

    def test_a_plugin_that_hangs_is_abandoned_and_what_it_brings_later_counts_no_more(self):
        self.begin("ab", **{"task.shutdown.graceful.timeout.ms": int(GRACEFUL_S * 1000)})
        self.put(misbehave="poll:hang", topic=self.name + "-${env:WHO}", hang__while=self.hang + "-${env:WHO}")
        lab.wait_until(self.holder, "the task is given", 20)
        holder = self.holder()
        other = "ba"["ab".index(holder)]
        topics = {name: self.name + "-" + name for name in "ab"}
        self.wait_records(topics[holder], 10)
        hang = self.hang + "-" + holder
        open(hang, "w").close()
        self.is_inside("poll", hang)
        before, began = self.kafka.end_offset(topics[holder]), time.monotonic()
        self.drain(holder)
        self.wait_records(topics[other])
        took, since = time.monotonic() - began, time.time()
        print("        hangs in poll: runs elsewhere after %.1f s" % took)
        self.assertGreater(took, GRACEFUL_S * 0.9)
        self.assertLess(took, GRACEFUL_S + 3)
        said = [value["stopped"][self.name] for key, value, _ in self.cluster.records()
                if key.startswith(cluster.MEMBER) and value and self.name in value.get("stopped", {})]
        self.assertIn({"0": "abandoned"}, said)
        self.assertIn("it is abandoned", self.cluster.workers[holder].log_text())
        self.assertEqual([], self.cluster.found_double())
        os.unlink(hang)  # it returns with a record
        self.assertEqual(0, self.cluster.workers[holder].stop(), self.cluster.workers[holder].log_end())
        self.assertEqual(before, self.kafka.end_offset(topics[holder]))
        self.wait_records(topics[other], 4)
        self.assertEqual(0, self.cluster.workers[other].stop())
        offsets = self.offsets(since)
        self.assertGreater(len(offsets), 1)
        self.assertEqual(sorted(set(offsets)), offsets)  # the successor's alone: the other had come further

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
