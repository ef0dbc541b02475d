"""A sink that keeps its offsets with its records (examples/sqlite_sink): each record once and in order, whatever happens to workers."""

import os
import shutil
import sqlite3
import threading
import unittest

import cluster
import lab

PARTITIONS = 3
KILLS = 3
BETWEEN_KILLS = 150  # records that must have come since the last kill


class Feed(threading.Thread):
    """Numbered records into each partition until it is told to stop."""

    def __init__(self, kafka, topic):
        super().__init__(daemon=True)
        self.kafka, self.topic, self.fed, self.stopping = kafka, topic, 0, threading.Event()

    def run(self):
        while not self.stopping.wait(0.05):
            self.feed(40)

    def feed(self, count):
        for partition in range(PARTITIONS):
            self.kafka.produce(self.topic, ["%d" % i for i in range(self.fed, self.fed + count)], partition=partition)
        self.fed += count

    def stop(self):
        self.stopping.set()
        self.join()


class ExactlyOnceSink(unittest.TestCase):
    def setUp(self):
        self.kafka, self.folder = lab.suite_lab(), lab.scratch_folder()
        self.database = os.path.join(self.folder, "records.db")
        plugins = os.path.join(self.folder, "plugins")
        os.mkdir(plugins)
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "sqlite_sink.so"), plugins)
        self.plugins, self.topic, self.name = plugins, lab.fresh_name("numbers"), lab.fresh_name("sqlite")
        self.kafka.topic_create(self.topic, partitions=PARTITIONS)
        self.feed = Feed(self.kafka, self.topic)

    def begin(self, names, flush_ms, **config):
        self.cluster = cluster.Cluster(self.kafka, names, plugin__path=self.plugins, session__timeout__ms=6000,
                                       offset__flush__interval__ms=flush_ms,
                                       scheduled__rebalance__max__delay__ms=0)
        self.addCleanup(self.cluster.end)
        self.cluster.any().create(self.name, {
            "connector.class": "SqliteSink", "topics": self.topic, "tasks.max": 2, "database": self.database,
            "consumer.override.session.timeout.ms": 6000, "consumer.override.auto.offset.reset": "earliest", **config})
        self.feed.start()
        self.addCleanup(self.feed.stop)

    def query(self, sql):
        connection = sqlite3.connect(self.database, timeout=10)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def count(self):
        try:
            return self.query("SELECT count(*) FROM records")[0][0]
        except sqlite3.OperationalError:  # no table yet
            return 0

    def wait_more(self, count):
        wanted = self.count() + count
        lab.wait_until(lambda: self.count() >= wanted, "%d more records" % count, 60)

    def values(self):
        """Those of each partition, in the order in which they were written."""
        found = [[] for _ in range(PARTITIONS)]
        for partition, value in self.query("SELECT part, value FROM records ORDER BY rowid"):
            found[partition].append(int(value))
        return found

    def kill_and_replace(self, name):
        self.wait_more(BETWEEN_KILLS)
        self.cluster.workers[name].kill()
        self.cluster.start(name).ready()

    def wait_all(self):
        self.feed.stop()
        every = set(range(self.feed.fed))
        lab.wait_until(lambda: all(set(values) == every for values in self.values()), "every record", 60)

    def set_offsets(self, offset_of):
        """Stops the connector, moves the group's offsets, and resumes it."""
        worker = self.cluster.any()
        worker.rest("PUT", "/connectors/%s/stop" % self.name)
        worker.wait_state(self.name, "STOPPED", tasks=0)
        body = {"offsets": [{"partition": {"kafka_topic": self.topic, "kafka_partition": partition},
                             "offset": {"kafka_offset": offset_of(partition)}} for partition in range(PARTITIONS)]}
        lab.wait_until(lambda: worker.request("PATCH", "/connectors/%s/offsets" % self.name, body)[0] == 200, "offsets are moved")
        before = self.count()
        self.feed.feed(20)
        worker.rest("PUT", "/connectors/%s/resume" % self.name)
        lab.wait_until(lambda: self.count() >= before + 20 * PARTITIONS, "records after the offsets were moved", 60)

    def test_each_record_is_there_once_and_in_order_after_kills_and_moved_offsets(self):
        self.begin(("a", "b"), flush_ms=1000)
        for i in range(KILLS):
            self.kill_and_replace("ab"[i % 2])
        self.wait_all()
        self.set_offsets(lambda partition: 0)                                              # behind
        self.set_offsets(lambda partition: self.kafka.end_offset(self.topic, partition) + 10)  # ahead of what is there
        for values in self.values():
            self.assertEqual(list(range(self.feed.fed)), values)

    def test_with_the_groups_offsets_alone_records_come_twice_but_none_is_lost(self):
        self.begin(("a",), flush_ms=60000, **{"offsets.in.database": "false"})
        self.kill_and_replace("a")
        self.wait_all()
        self.assertGreater(self.count(), PARTITIONS * self.feed.fed)  # what the other test would have found


if __name__ == "__main__":
    unittest.main()
