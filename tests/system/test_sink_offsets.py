"""Offsets of sink connectors over REST (KIP-875): their consumer group's, on a real broker."""

import os
import unittest

import lab

STILL_MEMBERS = "either because its tasks haven't stopped completely yet"


class SinkOffsets(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.topic, self.group = lab.fresh_name("topic"), lab.fresh_name("group")
        self.kafka.topic_create(self.topic, partitions=2)
        for partition in (0, 1):
            self.kafka.produce(self.topic, ["%d-%d" % (partition, i) for i in range(3)], partition=partition)
        self.worker = lab.Worker(lab.worker_properties(
            self.kafka, key__converter="org.apache.kafka.connect.storage.StringConverter",
            value__converter="org.apache.kafka.connect.storage.StringConverter"))
        self.worker.start()
        self.worker.ready()

    def create(self, tasks):
        name = lab.fresh_name("sink")
        self.worker.create(name, {"connector.class": "FileStreamSink", "topics": self.topic, "tasks.max": tasks,
                                  "file": os.path.join(self.folder, name), "consumer.override.group.id": self.group})
        self.worker.wait_state(name, tasks=tasks)
        return name

    def wait_for_lines(self, name, lines):
        def read():
            with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                return sorted(file.read().split())
        lab.wait_until(lambda: read() == sorted(lines), "the lines of %s" % name)

    def offsets(self, name):
        answer = self.worker.rest("GET", "/connectors/%s/offsets" % name)
        for entry in answer["offsets"]:
            self.assertEqual(self.topic, entry["partition"]["kafka_topic"])
        return {entry["partition"]["kafka_partition"]: entry["offset"]["kafka_offset"] for entry in answer["offsets"]}

    def patch(self, name, *changes):
        """changes: (partition, offset or None[, topic])"""
        return self.worker.request("PATCH", "/connectors/%s/offsets" % name, {"offsets": [
            {"partition": {"kafka_topic": more[0] if more else self.topic, "kafka_partition": partition},
             "offset": None if offset is None else {"kafka_offset": offset}} for partition, offset, *more in changes]})

    def stop(self, name):
        self.worker.rest("PUT", "/connectors/%s/stop" % name)
        self.worker.wait_state(name, "STOPPED", tasks=0)

    def refused(self, answer, words):
        status, body = answer
        self.assertEqual(500, status, body)
        self.assertIn(words, body["message"])

    def test_offsets_are_those_of_the_group_and_change_while_nobody_is_in_it(self):
        name = self.create(tasks=2)
        every = ["%d-%d" % (p, i) for p in (0, 1) for i in range(3)]
        self.wait_for_lines(name, every)
        self.stop(name)
        self.assertEqual(200, self.patch(name, (0, 1), ("1", "99"))[0])  # though the tasks may only just be leaving
        self.assertEqual({0: 1, 1: 99}, self.offsets(name))
        self.assertEqual(200, self.patch(name, (0, 2), (1, None))[0])
        self.assertEqual({0: 2}, self.offsets(name))
        failed = "Failed to alter consumer group offsets for connector %s: " % name
        for change in [(1, 1, lab.fresh_name("none")), (-1, 1), (1, 1, ""), (1, -1), (1, None, lab.fresh_name("none"))]:
            self.refused(self.patch(name, change), failed)
        self.assertEqual({0: 2}, self.offsets(name))
        self.refused(self.patch(name, (7, 1), (0, 1)), failed)
        self.assertEqual({0: 1}, self.offsets(name))  # one partition that is not there does not keep the others back

        other = self.create(tasks=1)
        self.wait_for_lines(other, every[1:])  # it starts where the group is, and is in it
        self.refused(self.patch(name, (0, 2)), STILL_MEMBERS)
        self.refused(self.patch(name, (0, None)), STILL_MEMBERS)
        self.refused(self.worker.request("DELETE", "/connectors/%s/offsets" % name), STILL_MEMBERS)
        self.stop(other)
        self.worker.rest("DELETE", "/connectors/%s/offsets" % other)  # waits for its own tasks
        self.assertEqual({}, self.offsets(name))
        self.worker.rest("DELETE", "/connectors/%s/offsets" % name)
        self.assertEqual({}, self.offsets(name))
        self.assertEqual(0, self.worker.stop())


if __name__ == "__main__":
    unittest.main()
