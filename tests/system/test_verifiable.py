"""VerifiableSource fills a topic and VerifiableSink reads it; both tell so on the worker's output. MockSource and MockSink fail as told."""

import json
import unittest

import history
import lab

TOOLS = "org.apache.kafka.connect.tools."
JSON = "org.apache.kafka.connect.json.JsonConverter"


class Verifiable(unittest.TestCase):
    def begin(self, **more):
        self.kafka = lab.suite_lab()
        self.worker = lab.Worker(lab.worker_properties(self.kafka, key__converter=JSON, value__converter=JSON,
                                                       offset__flush__interval__ms=500, **more)).start().ready()
        self.addCleanup(self.worker.end)

    def told(self, name):
        """What the connector has printed, among the lines of the log."""
        lines = [line for line in self.worker.log_text().splitlines() if line.startswith('{"name":"%s"' % name)]
        return [json.loads(line) for line in lines]

    def numbers(self, name, task, what=None):
        return [line["seqno"] for line in self.told(name) if line["task"] == task and line.get(what, what is None) is True
                and (what or not (line.get("committed") or line.get("flushed")))]

    def test_numbers_go_from_the_source_to_the_sink_and_both_tell(self):
        self.begin()
        source, sink, topic = (lab.fresh_name(what) for what in ("verifiable-source", "verifiable-sink", "verifiable"))
        self.kafka.topic_create(topic, partitions=2)
        self.worker.create(source, {"connector.class": "VerifiableSource", "tasks.max": 2, "topic": topic, "throughput": 200})
        self.worker.create(sink, {"connector.class": "VerifiableSink", "topics": topic,
                                  "consumer.override.auto.offset.reset": "earliest"})
        lab.wait_until(lambda: all(len(self.numbers(sink, task, "flushed")) >= 200 for task in (0, 1)), "200 of each task are flushed")
        self.worker.rest("PUT", "/connectors/%s/stop" % source)
        self.worker.wait_state(source, "STOPPED", 0)
        for task in (0, 1):
            sent = self.numbers(source, task)
            self.assertEqual(list(range(len(sent))), sent)
            committed = self.numbers(source, task, "committed")
            lab.wait_until(lambda task=task, count=len(committed): len(self.numbers(sink, task, "flushed")) >= count, "all is flushed")
            received = self.numbers(sink, task)
            self.assertEqual(list(range(len(received))), received)
            self.assertEqual(received, self.numbers(sink, task, "flushed"))
            self.assertLessEqual(set(committed), set(received))
        self.assertEqual({"name", "task", "sinkTask", "topic", "time_ms", "seqno", "offset"}, set(self.told(sink)[0]))
        # It goes on where it was.
        stopped_at = {task: len(self.numbers(source, task)) for task in (0, 1)}
        self.worker.rest("PUT", "/connectors/%s/resume" % source)
        for task, count in stopped_at.items():
            lab.wait_until(lambda task=task, count=count: len(self.numbers(source, task)) > count, "more of task %d" % task)
            self.assertEqual(count, self.numbers(source, task)[count])

    def test_transactions_of_its_own_and_aborts_leave_each_number_once(self):
        self.begin(exactly__once__source__support="enabled")
        name = lab.fresh_name("verifiable-once")
        self.kafka.topic_create(name)
        self.worker.create(name, {"connector.class": "VerifiableSource", "topic": name, "throughput": 500, "exactly.once.support": "required",
                                  "transaction.boundary": "connector", "millrace.transaction.records": 20,
                                  "millrace.transaction.abort.every": 3})
        lab.wait_until(lambda: len(self.numbers(name, 0, "committed")) >= 300, "300 are committed", 40)
        self.worker.rest("PUT", "/connectors/%s/stop" % name)
        self.worker.wait_state(name, "STOPPED", 0)
        count = len(self.numbers(name, 0, "committed"))
        self.assertGreater(len(self.numbers(name, 0)), count + 80)  # those of 40 … 59, 100 … 119, … were sent twice
        found = history.read(self.kafka, name)
        self.assertEqual([(0, number) for number in range(len(found))], found)
        self.assertGreaterEqual(len(found), count)
        self.assertEqual(0, len(found) % 20)

    def test_mocks_fail_when_they_are_told_to(self):
        self.begin(millrace__restart__policy="never")
        topic = lab.fresh_name("mock")
        self.kafka.topic_create(topic)
        names = {}
        for mode in ("connector-failure", "task-failure"):
            for kind, more in (("Source", {}), ("Sink", {"topics": topic})):
                names[kind, mode] = lab.fresh_name("mock")
                self.worker.create(names[kind, mode], {"connector.class": "%sMock%sConnector" % (TOOLS, kind), "mock_mode": mode,
                                                       "delay_ms": 1000, **more})
        for (_, mode), name in names.items():
            def failed(name=name, mode=mode):
                status = self.worker.status(name)
                of_mode = status["connector"] if mode == "connector-failure" else (status["tasks"] or [{}])[0]
                return of_mode.get("state") == "FAILED" and [status, of_mode["trace"]]
            status, trace = lab.wait_until(failed, "%s of %s" % (mode, name))
            self.assertIn("java.lang.RuntimeException", trace)
            self.assertIn("mock_mode=" + mode, trace)
            other = status["tasks"][0] if mode == "connector-failure" else status["connector"]
            self.assertEqual("RUNNING", other["state"], status)


if __name__ == "__main__":
    unittest.main()
