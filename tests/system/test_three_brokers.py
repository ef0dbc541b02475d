"""A cluster of three brokers of which one leaves and comes back under a running worker."""

import os
import unittest

import lab

PART = 20000
REPLICAS = "3"


class ThreeBrokers(unittest.TestCase):
    weight = 2

    def leader(self, topic):
        return self.partition(topic)["leader"]

    def partition(self, topic):
        for entry in self.kafka.metadata()["topics"]:
            if entry["topic"] == topic:
                return entry["partitions"][0]
        raise AssertionError("no topic " + topic)

    def in_sync(self, topic):
        return len(self.partition(topic)["isrs"])

    def write(self, part):
        with open(self.input, "a", encoding="utf-8") as file:
            file.write("".join("%d\n" % i for i in range(part * PART, (part + 1) * PART)))

    def arrive(self, part):
        """Waits until the last line of the part is in the output."""
        last = b"\n%d\n" % ((part + 1) * PART - 1)

        def is_there():
            with open(self.output, "rb") as file:
                return last in file.read()
        lab.wait_until(is_there, "part %d in the output" % part, 60)

    def test_nothing_is_lost_while_one_of_three_brokers_is_away(self):
        folder, topic = lab.scratch_folder(), "lines"
        self.input, self.output = os.path.join(folder, "in.txt"), os.path.join(folder, "out.txt")
        self.write(0)
        with lab.Lab(brokers=3) as self.kafka:
            factors = {store + ".storage.replication.factor": REPLICAS for store in ("config", "offset", "status")}
            with lab.Worker({**lab.worker_properties(self.kafka), **factors}) as worker:
                worker.create("in", {"connector.class": "FileStreamSource", "file": self.input, "topic": topic,
                                     "topic.creation.default.replication.factor": REPLICAS,
                                     "topic.creation.default.partitions": "1"})
                worker.create("out", {"connector.class": "FileStreamSink", "file": self.output, "topics": topic})
                self.arrive(0)
                for name in (topic, *(worker.properties[s + ".storage.topic"] for s in ("config", "offset", "status"))):
                    self.assertEqual(3, len(self.partition(name)["replicas"]), name)
                away = self.leader(topic)
                self.write(1)
                self.kafka.broker_stop(away)  # while the part is under way
                self.arrive(1)
                self.assertNotEqual(away, self.leader(topic))
                self.write(2)
                self.arrive(2)
                self.kafka.broker_start(away)
                self.write(3)
                self.arrive(3)
                lab.wait_until(lambda: self.in_sync(topic) == 3, "the broker follows again")
                for name in ("in", "out"):
                    worker.wait_state(name)
                self.assertEqual(0, worker.stop(), worker.log_end())
            expected = list(range(4 * PART))
            self.assertEqual(expected, sorted({int(value) for value in self.kafka.values(topic)}))
            with open(self.output, encoding="utf-8") as file:
                self.assertEqual(expected, sorted({int(line) for line in file}))
