"""Records that fail, on a real broker: dead letters of sources, the records at fault in a refused batch, letters that nobody takes."""

import hashlib
import os
import shutil
import unittest

import lab

LETTERS = "millrace.errors.deadletterqueue."
STRING = "org.apache.kafka.connect.storage.StringConverter"


def context_of(record):
    """The context headers of a letter, without their prefix."""
    pairs = record["headers"]
    return {pairs[i].replace("__connect.errors.", ""): pairs[i + 1] for i in range(0, len(pairs), 2)}


class Errors(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        plugins = os.path.join(self.folder, "plugins")
        os.mkdir(plugins)
        for plugin in ("failing_transform", "strict_sink"):
            shutil.copy(os.path.join(lab.BUILD, "test-plugins", plugin + ".so"), plugins)
        self.properties = lab.worker_properties(self.kafka, plugin__path=plugins)

    def path(self, name):
        return os.path.join(self.folder, name)

    def source(self, topic, lines, **more):
        with open(self.path(topic), "w", encoding="ascii") as file:
            file.writelines(line + "\n" for line in lines)
        return {"connector.class": "FileStreamSource", "file": self.path(topic), "topic": topic, "key.converter": STRING,
                "value.converter": STRING, "transforms": "x", "transforms.x.type": "org.acme.Failing", "errors.tolerance": "all",
                LETTERS + "topic.name": topic + "-letters", LETTERS + "topic.replication.factor": "1",
                LETTERS + "context.headers.enable": "true", **more}

    def position(self, worker, name):
        offsets = worker.rest("GET", "/connectors/%s/offsets" % name)["offsets"]
        return offsets[0]["offset"]["position"] if offsets else 0

    def trace(self, worker, name):
        """Of its task, which fails; the connector runs on."""
        def tasks():
            return [task for task in worker.status(name)["tasks"] if task["state"] == "FAILED"]
        return lab.wait_until(tasks, "the task of %s fails" % name)[0]["trace"]

    def test_what_a_source_cannot_deliver_becomes_letters(self):
        topic = lab.fresh_name("source")
        large = "x" * 1500000
        lines = ["one", "bad", large, "two"]
        with lab.Worker(self.properties) as worker:
            worker.ready()
            worker.create(topic, self.source(topic, lines))
            lab.wait_until(lambda: self.position(worker, topic) == os.path.getsize(self.path(topic)), "all is stored")
            worker.wait_state(topic)
            self.assertEqual([b"one", b"two"], self.kafka.values(topic))
            refused, cut = self.kafka.consume(topic + "-letters")
            said = context_of(refused)
            self.assertEqual("bad", refused["value"])
            self.assertEqual(("TRANSFORMATION", topic, "a bad record"), (said["stage"], said["topic"], said["exception.message"]))
            self.assertEqual('{"filename":"%s"}' % self.path(topic), said["source.partition"])
            self.assertEqual('{"position":%d}' % len("one\nbad\n"), said["source.offset"])
            said = context_of(cut)
            self.assertEqual(large[:4096], cut["value"])
            self.assertEqual("KAFKA_PRODUCE", said["stage"])
            self.assertEqual('{"bytes":1500000,"sha256":"%s"}' % hashlib.sha256(large.encode()).hexdigest(), said["value.cut"])
            self.assertEqual(0, worker.stop())

    def test_letters_that_nobody_takes_fail_the_source_before_its_offset_moves(self):
        topic = lab.fresh_name("source")
        self.kafka.topic_create(topic + "-letters", configs={"max.message.bytes": 100})
        with lab.Worker(self.properties) as worker:
            worker.ready()
            worker.create(topic, self.source(topic, ["one", "bad", "two"]))
            self.assertIn("Could not produce message to dead letter queue. topic=%s-letters" % topic, self.trace(worker, topic))
            self.assertEqual(len("one\n"), self.position(worker, topic))
            # Three replicas on one broker: the topic cannot be made, and the task does not begin.
            other = lab.fresh_name("source")
            worker.create(other, self.source(other, ["one"], **{LETTERS + "topic.replication.factor": "3"}))
            self.assertIn("Could not initialize dead letter queue with topic=%s-letters" % other, self.trace(worker, other))
            self.assertEqual(0, self.position(worker, other))
            self.assertEqual(0, worker.stop())

    def test_only_the_records_at_fault_leave_a_refused_batch(self):
        topic = lab.fresh_name("sink")
        values = ["bad" if i in (7, 40, 41) else str(i) for i in range(100)]
        self.kafka.produce(topic, values, partition=0)
        with lab.Worker(self.properties) as worker:
            worker.ready()
            worker.create(topic, {
                "connector.class": "org.acme.StrictSink", "file": self.path("taken"), "topics": topic, "key.converter": STRING,
                "value.converter": STRING, "errors.tolerance": "all", "millrace.errors.isolate": "true",
                "errors.deadletterqueue.topic.name": topic + "-letters", "errors.deadletterqueue.topic.replication.factor": "1",
                "errors.deadletterqueue.context.headers.enable": "true"})
            def offset():
                offsets = worker.rest("GET", "/connectors/%s/offsets" % topic)["offsets"]
                return offsets[0]["offset"]["kafka_offset"] if offsets else 0
            worker.wait_state(topic)
            lab.wait_until(lambda: offset() == 100, "all is committed")
            with open(self.path("taken"), encoding="ascii") as file:
                lines = file.read().split("\n")[:-1]
            self.assertEqual([v for v in values if v != "bad"], [line for line in lines if not line.startswith("refused")])
            letters = self.kafka.consume(topic + "-letters")
            self.assertEqual(["7", "40", "41"], [context_of(letter)["offset"] for letter in letters])
            self.assertEqual({"TASK_PUT"}, {context_of(letter)["stage"] for letter in letters})
            self.assertEqual(0, worker.stop())


if __name__ == "__main__":
    unittest.main()
