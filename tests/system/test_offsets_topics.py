"""Where source connectors keep their offsets: behind transactions of others, and in a topic of their own."""

import json
import os
import threading
import time
import unittest

import lab

FILE_SOURCE = {"connector.class": "FileStreamSource", "tasks.max": "1", "topic": "never-written"}
WAITS = "for a transaction that is still open"


def partition_of(file):
    return {"filename": file}


def key_of(name, file):
    return json.dumps([name, partition_of(file)], separators=(",", ":"))


class Reading(threading.Thread):
    """GET of a connector's offsets, which may wait."""

    def __init__(self, worker, name):
        super().__init__(daemon=True)
        self.worker, self.name, self.answer = worker, name, None
        self.start()

    def run(self):
        self.answer = self.worker.request("GET", "/connectors/%s/offsets" % self.name)

    def offsets(self):
        self.join(60)
        assert self.answer is not None, "no answer"
        status, body = self.answer
        assert status == 200, self.answer
        return {entry["partition"]["filename"]: entry["offset"]["position"] for entry in body["offsets"]}


class OffsetsTopics(unittest.TestCase):
    def start(self, **properties):
        properties = lab.worker_properties(lab.suite_lab(), offset__storage__partitions=1,
                                           exactly__once__source__support="preparing", **properties)
        worker = lab.Worker(properties).start()
        self.addCleanup(worker.end)
        return properties, worker.ready()

    def create_stopped(self, worker, name, config):
        worker.rest("POST", "/connectors", {"name": name, "config": {**FILE_SOURCE, **config}, "initial_state": "STOPPED"})

    def test_offsets_behind_an_open_transaction_are_waited_for(self):
        kafka = lab.suite_lab()
        properties, worker = self.start()
        topic, group = properties["offset.storage.topic"], properties["group.id"]
        self.create_stopped(worker, "s", {"file": "/data/f"})
        self.assertEqual({}, Reading(worker, "s").offsets())
        kafka.leave_transaction_open(group + "-hung-0", topic, key_of("hung", "/data/h"), '{"position":1}')
        kafka.produce(topic, ['{"position":5}'], key=key_of("s", "/data/f"))
        began = time.monotonic()
        reading = Reading(worker, "s")
        lab.wait_until(lambda: WAITS in worker.log_text(), "the log says what is waited for")
        other = lab.Worker({**properties, "listeners": "http://127.0.0.1:%d" % lab.free_port()}).start()
        self.addCleanup(other.end)
        other.ready()  # a start waits for no transaction
        self.assertTrue(reading.is_alive())
        kafka.leave_transaction_open(group + "-hung-0", group + "-elsewhere", "k", "v")  # its successor undoes what it began
        self.assertEqual({"/data/f": 5}, reading.offsets())
        print("        the offset came after %.1f s, when the transaction had been undone" % (time.monotonic() - began))
        self.assertEqual(1, worker.log_text().count(WAITS))
        self.assertEqual({"/data/f": 5}, Reading(other, "s").offsets())

    def test_a_connector_keeps_its_offsets_in_a_topic_of_its_own(self):
        kafka = lab.suite_lab()
        properties, worker = self.start()
        topic, own = properties["offset.storage.topic"], properties["group.id"] + "-own"
        kafka.produce(topic, ['{"position":3}'], key=key_of("s", "/data/f"))
        self.create_stopped(worker, "s", {"file": "/data/f", "offsets.storage.topic": own})
        self.assertEqual({"/data/f": 3}, Reading(worker, "s").offsets())  # the worker's topic says where it stood
        self.assertEqual(1, kafka.topics()[own])  # as offset.storage.partitions says

        path = "/connectors/s/offsets"
        worker.rest("PATCH", path, {"offsets": [{"partition": partition_of("/data/f"), "offset": {"position": 7}}]})
        self.assertEqual({"/data/f": 7}, Reading(worker, "s").offsets())
        written = (key_of("s", "/data/f"), '{"position":7}')
        self.assertEqual([written], self.records(own))
        lab.wait_until(lambda: self.records(topic)[1:] == [written], "the worker's topic has a copy")

        kafka.produce(topic, ['{"position":4}'], key=key_of("s", "/data/f"))
        self.assertEqual({"/data/f": 7}, Reading(worker, "s").offsets())  # its own counts
        worker.rest("DELETE", path)
        self.assertEqual({}, Reading(worker, "s").offsets())
        gone = (key_of("s", "/data/f"), None)
        self.assertEqual([written, gone], self.records(own))
        self.assertEqual(gone, self.records(topic)[-1])

    def test_tasks_write_to_the_connectors_topic_and_copies_to_the_workers(self):
        kafka = lab.suite_lab()
        properties, worker = self.start()
        group, folder = properties["group.id"], lab.scratch_folder()
        for name, settings in (("least", {}), ("exact", {"millrace.exactly.once.source": "enabled"})):
            own, path = "%s-%s" % (group, name), os.path.join(folder, name)
            with open(path, "w", encoding="ascii") as file:
                file.write("one\ntwo\n")
            config = {**FILE_SOURCE, "file": path, "topic": own + "-data", "offsets.storage.topic": own, **settings}
            worker.create(name, config)
            worker.wait_state(name)
            at_eight = (key_of(name, path), '{"position":8}')
            lab.wait_until(lambda: self.records(own)[-1:] == [at_eight], "the offset of %s is in its topic" % name)
            lab.wait_until(lambda: at_eight in self.records(properties["offset.storage.topic"]), "%s is copied" % name)
            worker.rest("POST", "/connectors/%s/tasks/0/restart" % name)
            with open(path, "a", encoding="ascii") as file:
                file.write("three\n")
            lab.wait_until(lambda: len(self.records(own + "-data")) == 3, "it goes on where it was")
            self.assertEqual(["one", "two", "three"], [value for _, value in self.records(own + "-data")])
        self.assertNotIn("cannot be used", worker.log_text())

    def records(self, topic):
        return [(record["key"], record["value"]) for record in lab.suite_lab().consume(topic)]


if __name__ == "__main__":
    unittest.main()
