"""Levels of loggers, of one worker and of all (KIP-976)."""

import json
import time
import unittest

import cluster
import lab


class Loggers(unittest.TestCase):
    def level(self, name, logger):
        """(level, last_modified), or None."""
        status, body = self.cluster.workers[name].request("GET", "/admin/loggers/" + logger)
        return (body["level"], body["last_modified"]) if status == 200 else None

    def put(self, name, path, level):
        return self.cluster.workers[name].request("PUT", "/admin/loggers/" + path, {"level": level})

    def wait_levels(self, logger, level):
        def are_so():
            seen = [self.level(name, logger) for name in "ab"]
            assert all(one is not None and one[0] == level for one in seen), seen
            return True
        lab.wait_until(are_so, "%s is %s on both" % (logger, level))

    def records(self):
        return [(record["key"], json.loads(record["value"])) for record in self.cluster.kafka.consume(self.cluster.topic)
                if (record.get("key") or "").startswith("logger-")]

    def test_a_level_is_set_for_one_worker_or_for_all(self):
        self.cluster = cluster.Cluster(lab.suite_lab(), ("a", "b"))
        self.addCleanup(self.cluster.end)
        self.for_one()
        self.for_all()
        self.bad_ones_change_nothing()
        self.as_a_jvm_worker_writes_it()
        self.not_over_a_restart()

    def for_one(self):
        self.assertEqual((200, ["test.one"]), self.put("a", "test.one", "trace"))
        self.assertEqual((200, []), self.put("a", "test.one?scope=worker", "TRACE"))
        self.assertEqual((200, ["test.one"]), self.put("a", "test.one?scope=galaxy", "Debug"))
        self.assertIsNone(self.level("b", "test.one"))
        self.assertEqual([], self.records())

    def for_all(self):
        leader = self.cluster.leader() or "a"
        follower = "b" if leader == "a" else "a"
        began_ms = time.time() * 1000
        for name, level in ((follower, "DEBUG"), (leader, "warn")):  # each writes it itself
            self.assertEqual((204, None), self.put(name, "millrace.herder?scope=Cluster", level))
            self.wait_levels("millrace.herder", level.upper())
        for name in "ab":
            modified_ms = self.level(name, "millrace.herder")[1]
            self.assertTrue(began_ms - 1000 <= modified_ms <= time.time() * 1000 + 1000, modified_ms)
        self.assertEqual([("logger-cluster-millrace.herder", {"level": "DEBUG"}), ("logger-cluster-millrace.herder", {"level": "WARN"})],
                         self.records())

    def bad_ones_change_nothing(self):
        for body, status in (({"level": "LOUD"}, 404), ({}, 400), ({"level": None}, 400)):
            self.assertEqual(status, self.cluster.workers["a"].request("PUT", "/admin/loggers/test.bad?scope=cluster", body)[0])
        self.assertEqual(2, len(self.records()))
        self.assertIsNone(self.level("a", "test.bad"))

    def as_a_jvm_worker_writes_it(self):
        """A Java name is taken, and holds for the plugins that are called so."""
        self.cluster.kafka.produce(self.cluster.topic, ['{"level":"error"}'], key="logger-cluster-org.apache.kafka.connect")
        self.wait_levels("org.apache.kafka.connect", "ERROR")

    def not_over_a_restart(self):
        """As in Kafka Connect: what the topic holds is history."""
        self.cluster.workers["b"].stop()
        self.cluster.start("b").ready()
        self.assertIn(self.level("b", "millrace.herder"), (None, ("INFO", None)))  # None: nothing was logged by it yet
        self.assertIsNone(self.level("b", "org.apache.kafka.connect"))
        self.assertEqual("WARN", self.level("a", "millrace.herder")[0])
