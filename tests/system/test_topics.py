"""Topics of source connectors: created by groups (KIP-158), and remembered as active (KIP-558), on a real broker."""

import json
import os
import unittest

import lab

GROUPS = {
    "topic.creation.groups": "small, wide",
    "topic.creation.default.partitions": 3,
    "topic.creation.default.replication.factor": 1,
    "topic.creation.small.include": "state-.*, .*-small",
    "topic.creation.small.exclude": ".*-eu-.*",
    "topic.creation.small.max.message.bytes": 2345,
    "topic.creation.wide.include": "state-.*",
    "topic.creation.wide.partitions": 7,
    "topic.creation.wide.retention.ms": 123456789,
}


class Topics(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()

    def source(self, topic, lines=20, **more):
        path = os.path.join(self.folder, topic)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines("line %d\n" % i for i in range(lines))
        return {"connector.class": "FileStreamSource", "file": path, "topic": topic, **more}

    def wait_for_lines(self, topic, count):
        lab.wait_until(lambda: len(self.kafka.values(topic)) >= count, "%d records in %s" % (count, topic))

    def test_topics_are_created_by_the_first_group_that_matches(self):
        topics = {lab.fresh_name("state-us-"): (3, "max.message.bytes=2345"),   # small; partitions from default
                  lab.fresh_name("state-eu-"): (7, "retention.ms=123456789"),   # small excludes it
                  lab.fresh_name("other-"): (3, None)}                          # default
        with lab.Worker(lab.worker_properties(self.kafka)) as worker:
            worker.ready()
            for topic in topics:
                worker.create(topic, self.source(topic, **GROUPS))
            for topic, (partitions, setting) in topics.items():
                self.wait_for_lines(topic, 20)
                self.assertEqual(partitions, self.kafka.topics()[topic], topic)
                configs = self.kafka.topic_configs(topic)
                if setting is None:
                    self.assertNotIn("max.message.bytes", configs)
                    self.assertNotIn("retention.ms", configs)
                else:
                    self.assertIn(setting, configs)
                worker.wait_state(topic)
            self.assertEqual(0, worker.stop())

    def test_a_topic_that_is_there_is_left_as_it_is(self):
        topic = lab.fresh_name("state-")
        self.kafka.topic_create(topic, partitions=2)
        with lab.Worker(lab.worker_properties(self.kafka)) as worker:
            worker.ready()
            worker.create(topic, self.source(topic, **GROUPS))
            self.wait_for_lines(topic, 20)
            self.assertEqual(2, self.kafka.topics()[topic])

    def test_a_topic_that_cannot_be_created_fails_the_task_in_words(self):
        topic = lab.fresh_name("impossible-")
        wishes = {"topic.creation.default.partitions": 1, "topic.creation.default.replication.factor": 9}
        with lab.Worker(lab.worker_properties(self.kafka)) as worker:
            worker.ready()
            worker.create(topic, self.source(topic, **wishes))
            lab.wait_until(lambda: [t["state"] for t in worker.status(topic)["tasks"]] == ["FAILED"], "a FAILED task")
            trace = worker.status(topic)["tasks"][0]["trace"]
            self.assertIn("Error while attempting to create/find topic(s) '%s'" % topic, trace)
            self.assertNotIn(topic, self.kafka.topics())
            failures = [line for line in worker.log_text().splitlines() if " ERROR " in line and topic in line]
            self.assertEqual(1, len(failures), failures)
            self.assertIn("FileStreamSource", failures[0])

    def test_wrong_groups_fail_the_connector(self):
        name = lab.fresh_name("wrong-")
        with lab.Worker(lab.worker_properties(self.kafka)) as worker:
            worker.ready()
            worker.create(name, self.source(name, **{"topic.creation.default.partitions": 0,
                                                     "topic.creation.default.replication.factor": 1}))
            lab.wait_until(lambda: worker.status(name)["connector"]["state"] == "FAILED", "a FAILED connector")
            self.assertIn("topic.creation.default.partitions: Number of partitions must be positive",
                          worker.status(name)["connector"]["trace"])

    def test_a_worker_without_topic_creation_leaves_it_to_the_broker(self):
        topic = lab.fresh_name("state-")
        with lab.Worker(lab.worker_properties(self.kafka, topic__creation__enable="false")) as worker:
            worker.ready()
            worker.create(topic, self.source(topic, **GROUPS))
            self.wait_for_lines(topic, 20)
            self.assertNotEqual(3, self.kafka.topics()[topic])
            self.assertNotIn("max.message.bytes", self.kafka.topic_configs(topic))

    def test_active_topics_are_recorded_and_come_back_after_a_reset(self):
        topic, source, sink = lab.fresh_name("active-"), lab.fresh_name("src-"), lab.fresh_name("snk-")
        properties = lab.worker_properties(self.kafka)
        config = self.source(topic)
        with lab.Worker(properties) as worker:
            worker.ready()
            worker.create(source, config)
            worker.create(sink, {"connector.class": "FileStreamSink", "topics": topic,
                                 "file": os.path.join(self.folder, "out")})
            for name in (source, sink):
                lab.wait_until(lambda n=name: self.recorded(properties, n).get(topic), "the active topic of " + name)
                record = self.recorded(properties, name)[topic]["topic"]
                self.assertEqual({"name": topic, "connector": name, "task": 0}, {k: record[k] for k in ("name", "connector", "task")})
                self.assertGreater(record["discoverTimestamp"], 1600000000000)
                self.assertEqual({name: {"topics": [topic]}}, worker.rest("GET", "/connectors/%s/topics" % name))
                worker.rest("PUT", "/connectors/%s/topics/reset" % name)
                lab.wait_until(lambda n=name: worker.rest("GET", "/connectors/%s/topics" % n)[n]["topics"] == [],
                               "no active topic of " + name)
            self.assertIsNone(self.recorded(properties, source)[topic])
            with open(config["file"], "a", encoding="utf-8") as file:
                file.write("one more\n")
            for name in (source, sink):
                lab.wait_until(lambda n=name: worker.rest("GET", "/connectors/%s/topics" % n)[n]["topics"] == [topic],
                               "the topic of %s again" % name)
            self.assertEqual(0, worker.stop())

    def recorded(self, properties, connector):
        """Topic → the last record about it in the status topic; None: a tombstone."""
        known, end = {}, ":connector-" + connector
        for record in self.kafka.consume(properties["status.storage.topic"]):
            key = record["key"]
            if key.startswith("status-topic-") and key.endswith(end):
                value = record["value"]
                known[key[len("status-topic-"):-len(end)]] = None if value is None else json.loads(value)
        return known
