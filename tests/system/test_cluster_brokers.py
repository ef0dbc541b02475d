"""Brokers that go away under three workers: what is short costs nothing, what is long is waited for, and nothing moves.

At night (MILLRACE_NIGHTLY) one of three is restarted in order under a cluster with the default session, too.
"""

import os
import time
import unittest

import cluster
import exposition
import lab

PAIRS = 3
PATIENT_S, DEFAULT_S, HASTY_S = 60, 10, 6
STARTS = ("kafka_connect_worker_connector_startup_attempts_total", "kafka_connect_worker_task_startup_attempts_total")
SUSPENDED = "connectors and tasks are suspended"


def java_hash(text):
    """String.hashCode(): how Kafka finds the partition of a group."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xffffffff
    return value - (1 << 32) if value >> 31 else value


class Group:
    """Three workers under load, and what must not change while brokers go away."""

    def __init__(self, test, kafka, session_s, factor=1, pairs=PAIRS):
        self.test, self.session_s = test, session_s
        factors = {"%s__storage__replication__factor" % store: factor for store in ("config", "offset", "status")}
        self.cluster = cluster.Cluster(kafka, session__timeout__ms=session_s * 1000, **factors)
        test.addCleanup(self.cluster.end)
        self.load = cluster.Load(self.cluster, pairs)
        test.addCleanup(self.load.stop)
        self.load.begin()
        self.since, self.starts = time.time(), self.count_starts()

    def count_starts(self):
        """Of connectors and tasks, on each worker, since it began."""
        return {name: [exposition.Exposition(lab.http("GET", worker.url + "/metrics")[1]).samples[start, frozenset()] for start in STARTS]
                for name, worker in self.cluster.workers.items()}

    def suspended(self):
        return [name for name, worker in self.cluster.workers.items() if SUSPENDED in worker.log_text()]

    def assert_stands_still(self):
        """Nothing was moved or started; all that was given out runs where it ran."""
        self.test.assertEqual({}, self.cluster.moves(self.since))
        self.cluster.is_balanced(self.load.units)
        self.test.assertEqual(self.starts, self.count_starts())

    def finish(self):
        self.load.stop()
        self.load.wait_all_out()
        self.test.assertEqual([], self.load.wrong_at_least_once())
        print("        session %d s: repeated lines: %d in topics, %d in files, of %d" % (
            self.session_s, *self.load.repeated(), self.load.fed * self.load.pairs))


class Brokers(unittest.TestCase):
    def start_brokers(self, count, **properties):
        self.kafka = lab.Lab(brokers=count, properties=properties).start()
        self.addCleanup(self.kafka.stop)

    def test_a_broker_that_is_restarted_is_waited_for_in_place(self):
        """One outage, shorter than the session of one cluster and longer than that of another."""
        self.start_brokers(1)
        patient, hasty = Group(self, self.kafka, PATIENT_S), Group(self, self.kafka, HASTY_S)
        began = time.time()
        self.kafka.broker_stop()
        lab.wait_until(lambda: len(hasty.suspended()) == 3, "the shorter session is over", HASTY_S + 15)
        self.kafka.broker_start()
        back = time.time()
        patient.load.wait_flow(30)
        print("        away for %.1f s at most; of the longer session all runs %.1f s after" % (back - began, time.time() - back))
        hasty.load.wait_flow(30)
        print("        of the shorter session all runs %.1f s after" % (time.time() - back))
        self.assertEqual([], patient.suspended())
        for group in (patient, hasty):
            group.assert_stands_still()
            group.finish()

    # Three

    def partition_leader(self, topic, partition=0):
        found = next(entry for entry in self.kafka.metadata()["topics"] if entry["topic"] == topic)
        return next(p["leader"] for p in found["partitions"] if p["partition"] == partition)

    def coordinator(self, group=None):
        partitions = self.kafka.topics()["__consumer_offsets"]
        group = (group or self.group).cluster.common["group.id"]
        return self.partition_leader("__consumer_offsets", (java_hash(group) & 0x7fffffff) % partitions)

    def all_are_in_sync(self):
        return all(len(p["isrs"]) == 3 for entry in self.kafka.metadata()["topics"] for p in entry["partitions"])

    def kill_and_see(self, what, ask):
        broker, since = ask(), time.time()
        self.kafka.broker_stop(broker, kill=True)
        lab.wait_until(lambda: ask() not in (broker, -1), "another broker is the " + what, 30, 0.2)
        self.group.load.wait_flow(60)
        print("        %s killed: %s" % (what, cluster.percentiles(self.group.load.gaps(since))))
        self.assertEqual([], self.group.suspended())
        self.group.assert_stands_still()
        return broker

    def restart_in_order(self, group):
        """The coordinator of a cluster with the default session is stopped and started: that costs it nothing."""
        since, broker = time.time(), self.coordinator(group)
        self.kafka.broker_stop(broker)
        group.load.wait_flow(60)
        self.kafka.broker_start(broker)
        lab.wait_until(self.all_are_in_sync, "the broker follows again", 60, 0.2)
        group.load.wait_flow(60)
        print("        restarted in order: %s; suspended: %d" % (cluster.percentiles(group.load.gaps(since)), len(group.suspended())))
        group.assert_stands_still()
        group.finish()
        group.cluster.end()
        self.group.assert_stands_still()

    def test_three_brokers_go_on_without_the_coordinator_and_without_the_leader_of_the_config_topic(self):
        self.start_brokers(3, **{"default.replication.factor": 3})
        self.group = Group(self, self.kafka, PATIENT_S, factor=3)
        if os.environ.get("MILLRACE_NIGHTLY"):
            self.restart_in_order(Group(self, self.kafka, DEFAULT_S, factor=3, pairs=1))
        killed = self.kill_and_see("coordinator", self.coordinator)
        self.kafka.broker_start(killed)
        lab.wait_until(self.all_are_in_sync, "the broker follows again", 60, 0.2)
        self.kill_and_see("leader of the config topic", lambda: self.partition_leader(self.group.cluster.topic))
        self.group.finish()


if __name__ == "__main__":
    unittest.main()
