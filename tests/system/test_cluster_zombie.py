"""Workers that were frozen for longer than their session, with records still in their hands, wake: what they may not do any more."""

import json
import os
import signal
import struct
import time
import unittest

import cluster
import lab

PAIRS = 8
SESSION_S = 7
HELD_LINES = 40  # a second's
LATE_MOST = HELD_LINES  # of a source: what was in hand, and not what was read on waking


class Zombie(unittest.TestCase):
    def begin(self):
        self.kafka = lab.Lab().start()  # its broker is stopped for a moment
        self.addCleanup(self.kafka.stop)
        self.cluster = cluster.Cluster(self.kafka, session__timeout__ms=SESSION_S * 1000, offset__flush__interval__ms=500)
        self.addCleanup(self.cluster.end)
        self.load = cluster.Load(self.cluster, PAIRS)
        self.addCleanup(self.load.stop)
        self.load.begin()
        self.broker = next(int(line.split()[1]) for line in self.kafka.read("pids").splitlines() if line.startswith("broker-1 "))

    def freeze_with_records_in_hand(self, workers):
        """The broker is silent while the workers read on; then they freeze, and the broker answers again."""
        os.kill(self.broker, signal.SIGSTOP)
        try:
            fed = self.load.fed
            lab.wait_until(lambda: self.load.fed >= fed + HELD_LINES, "lines are held", 10)
            for worker in workers:
                worker.signal(signal.SIGSTOP)
            return time.time()
        finally:
            os.kill(self.broker, signal.SIGCONT)

    def records(self, topic):
        """(when handed over, s, line), in the order of the log; while it grows."""
        count = self.kafka.end_offset(topic)
        out = self.kafka.kcat("-C", "-t", topic, "-o", "beginning", "-c", str(count), "-e", "-q", "-f", "%T %s\n")
        return [(int(when) / 1000, line) for when, line in (record.split() for record in out.splitlines())]

    def assert_nothing_was_handed_over_without_the_lease(self, pairs, lease_end_s):
        """Of two that hand over one would go back in the order of lines. Returns how many left the zombie's queues late."""
        late = 0
        for i in pairs:
            records = self.records(self.load.topic(i))
            new = [line for when, line in records if when >= lease_end_s]
            self.assertEqual(sorted(set(new)), new, self.load.source(i))
            first = next(n for n, (when, _) in enumerate(records) if when >= lease_end_s)
            old = [line for when, line in records[first:] if when < lease_end_s]
            self.assertEqual(len(set(old)), len(old), self.load.source(i))
            late += len(old)
        return late

    def back_steps(self, commits):
        """key → (what was committed, what after it) wherever the latter is less."""
        steps, last = {}, {}
        for key, value in commits:
            if value < last.get(key, value):
                steps.setdefault(key, []).append((last[key], value))
            last[key] = value
        return steps

    def source_commits(self):
        topic = self.cluster.common["offset.storage.topic"]
        return [(record["key"], json.loads(record["value"])["position"]) for record in self.kafka.consume(topic) if record["value"]]

    def sink_commits(self):
        """Of the groups of sinks, from Kafka's own topic: ((group, topic, partition), offset)."""
        out = self.kafka.kcat("-C", "-t", "__consumer_offsets", "-o", "beginning", "-e", "-q", "-f", "%K %S %k%s")
        commits, at = [], 0
        while at < len(out):
            key_size, value_size, _ = out[at:].split(b" ", 2)
            at += len(key_size) + len(value_size) + 2
            key, value = out[at:at + int(key_size)], out[at + int(key_size):at + int(key_size) + max(0, int(value_size))]
            at += len(key) + len(value)
            if struct.unpack_from(">h", key)[0] > 1 or not value:
                continue  # of a group itself, or a tombstone
            group, topic, partition = self.parse_offset_key(key)
            if group.startswith("connect-"):
                commits.append(((group, topic, partition), struct.unpack_from(">hq", value)[1]))
        return commits

    @staticmethod
    def parse_offset_key(key):
        texts, at = [], 2
        for _ in range(2):
            size = struct.unpack_from(">h", key, at)[0]
            texts.append(key[at + 2:at + 2 + size].decode())
            at += 2 + size
        return (*texts, struct.unpack_from(">i", key, at)[0])

    def states(self):
        """What the status topic ever said of a connector or task."""
        records = self.kafka.consume(self.cluster.common["status.storage.topic"])
        return {json.loads(record["value"])["state"] for record in records
                if record["value"] and record["key"].startswith("status-") and not record["key"].startswith("status-topic-")}

    def freeze_and_wake(self, names):
        zombies = [self.cluster.workers[name] for name in names]
        units = {name: self.cluster.assignments()[name][0] for name in names}
        sources = {name: [i for i in range(PAIRS) if (self.load.source(i), 0) in units[name]] for name in names}
        sinks = {name: [i for i in range(PAIRS) if (self.load.sink(i), 0) in units[name]] for name in names}
        self.assertTrue(all(sources.values()) and all(sinks.values()), units)
        frozen = self.freeze_with_records_in_hand(zombies)
        try:
            self.load.wait_flow(SESSION_S + 20)
            self.assertGreater(time.time() - frozen, SESSION_S - 1)
        finally:
            for zombie in zombies:
                zombie.signal(signal.SIGCONT)
        self.cluster.wait_balanced(self.load.units, "abc")  # they are back by themselves
        self.load.wait_flow(30)
        self.load.stop()
        self.load.wait_all_out()
        for name in names:
            late = self.assert_nothing_was_handed_over_without_the_lease(sources[name], frozen + SESSION_S - 1)
            print("        %d records left the queues of %s after it woke" % (late, name))
            self.assertLessEqual(late, LATE_MOST * len(sources[name]))
        learnt, were = sum(self.look_at_log(zombie) for zombie in zombies), sum(map(len, sinks.values()))
        print("        %d of %d sinks were fenced by the brokers" % (learnt, were))
        self.assertLessEqual(learnt, were)
        self.assertEqual({}, self.back_steps(self.source_commits()))
        self.assertEqual({}, self.back_steps(self.sink_commits()))
        self.assertEqual({"connect-" + self.load.sink(i) for i in range(PAIRS)}, {key[0] for key, _ in self.sink_commits()})
        self.assertNotIn("FAILED", self.states())
        self.assertEqual([], self.load.wrong_at_least_once())
        print("        repeated lines: %d in topics, %d in files, of %d" % (*self.load.repeated(), self.load.fed * PAIRS))

    def look_at_log(self, zombie):
        """How many of its sinks the brokers told that they have successors; the others had been stopped before they could ask."""
        self.assertIsNone(zombie.process.poll())
        text = zombie.log_text()
        self.assertIn("suspended", text)
        return text.count("a successor has taken this task's place in the group: stopping")

    def test_the_leader_and_a_follower_that_froze_with_records_in_hand_move_nothing_when_they_wake(self):
        self.begin()
        leader = self.cluster.leader()
        self.freeze_and_wake([leader, next(name for name in "abc" if name != leader)])


if __name__ == "__main__":
    unittest.main()
