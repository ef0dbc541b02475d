"""The main job with the smallest buffers a task may have: slower, but all of it arrives."""

import os
import unittest

import lab

JSON = "org.apache.kafka.connect.json.JsonConverter"
SMALLEST = 65536


class SmallBuffers(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.input, self.output = os.path.join(self.folder, "input"), os.path.join(self.folder, "output")
        self.topic = lab.fresh_name("small")

    def size(self):
        return os.path.getsize(self.output) if os.path.exists(self.output) else 0

    def test_lines_of_all_lengths_arrive_in_order(self):
        with open(self.input, "w", encoding="utf-8") as file:
            for i in range(5000):
                file.write("%d %s\n" % (i, "x" * (20000 if i % 500 == 7 else i % 400)))
        with lab.Worker(lab.worker_properties(self.kafka, millrace__task__buffer__bytes=SMALLEST)) as worker:
            worker.create(lab.fresh_name("in"), {"connector.class": "FileStreamSource", "file": self.input,
                                                 "topic": self.topic})
            worker.create(lab.fresh_name("out"), {"connector.class": "FileStreamSink", "file": self.output,
                                                  "topics": self.topic})
            lab.wait_until(lambda: self.size() >= os.path.getsize(self.input), "all lines in the output", timeout_s=120)
            self.assertEqual(0, worker.stop())
        with open(self.input, "rb") as sent, open(self.output, "rb") as received:
            self.assertTrue(sent.read() == received.read(), "the output differs from the input")

    def test_records_with_schemas_go_through(self):
        name = lab.fresh_name("gen")
        properties = lab.worker_properties(self.kafka, millrace__task__buffer__bytes=SMALLEST, value__converter=JSON)
        with lab.Worker(properties) as worker:
            worker.create(name, {"connector.class": "DatagenSource", "topic": self.topic, "records.max": 3000,
                                 "records.per.second": 0})
            lab.wait_until(lambda: self.topic in self.kafka.topics() and self.kafka.end_offset(self.topic) >= 3000,
                           "3000 records", timeout_s=60)
            worker.wait_state(name)
