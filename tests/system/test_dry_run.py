"""What a dry run shows is what connectors do: a real source's topic and a real sink's file beside `millrace try` and its REST twin."""

import json
import os
import subprocess
import unittest

import lab

SMT = "org.apache.kafka.connect.transforms."
LINES = ["order 7 card 4111", "", "näh ü", "order 8"]
SOURCE = {"connector.class": "FileStreamSource", "transforms": "wrap,by,name",
          "transforms.wrap.type": SMT + "HoistField$Value", "transforms.wrap.field": "line",
          "transforms.by.type": SMT + "InsertHeader", "transforms.by.header": "by", "transforms.by.value.literal": "17",
          "transforms.name.type": SMT + "RegexRouter", "transforms.name.regex": "(.*)", "transforms.name.replacement": "$1-named"}
SINK = {"connector.class": "FileStreamSink", "transforms": "skip,take",
        "transforms.skip.type": SMT + "Filter", "transforms.skip.predicate": "deleted", "predicates": "deleted",
        "predicates.deleted.type": SMT + "predicates.RecordIsTombstone",
        "transforms.take.type": SMT + "ExtractField$Value", "transforms.take.field": "line"}


class DryRun(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.topic = lab.fresh_name("try")
        properties = lab.worker_properties(self.kafka, key__converter=lab.STRING, value__converter="org.apache.kafka.connect.json.JsonConverter")
        self.worker = lab.Worker(properties).start().ready()
        self.addCleanup(self.worker.end)
        self.properties = os.path.join(self.folder, "worker.properties")
        lab.properties_write(self.properties, properties)

    def path(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def try_it(self, config, *arguments, status=0):
        """The reports."""
        connector = self.path("try.json", json.dumps({"name": "tried", "config": config}))
        done = subprocess.run([os.path.join(lab.BUILD, "bin", "millrace"), "try", "--json", "--connector", connector, "--worker",
                               self.properties, *arguments], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(status, done.returncode, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def over_rest(self, config, hints=(), **what):
        answer = self.worker.rest("POST", "/connector-plugins/%s/config/try" % config["connector.class"],
                                  {"config": {"name": "tried", **config}, **what})
        self.assertEqual(list(hints), answer["hints"])
        return answer["records"]

    def run_source(self):
        """What a real source writes: [value]."""
        config = {**SOURCE, "topic": self.topic, "file": self.path("in.txt", "".join(line + "\n" for line in LINES))}
        self.worker.create("lines", config)
        lab.wait_until(lambda: self.kafka.end_offset(self.topic + "-named") >= len(LINES), "the lines in the topic")
        return self.kafka.values(self.topic + "-named")

    def run_sink(self, count):
        """What a real sink writes: [line]."""
        path = self.path("out.txt")
        self.worker.create("out", {**SINK, "topics": self.topic + "-named", "file": path})
        self.worker.wait_state("out")

        def read():
            with open(path, encoding="utf-8") as file:
                return file.read().split("\n")[:-1]
        lab.wait_until(lambda: os.path.exists(path) and len(read()) >= count, "the lines in the file")
        return read()

    def test_a_real_source_and_a_real_sink_do_what_was_shown(self):
        source = {**SOURCE, "topic": self.topic, "file": self.path("in.txt")}
        records = [{"value": line} for line in LINES]
        shown = self.try_it(source, "--records", self.path("r.jsonl", "".join(json.dumps(r) + "\n" for r in records)))
        outputs = [report["output"][0] for report in shown]
        self.assertEqual([value.decode() for value in self.run_source()], [output["value"]["text"] for output in outputs])
        self.assertEqual({self.topic + "-named"}, {output["topic"] for output in outputs})
        self.assertEqual({"17"}, {output["headers"][0]["value"]["text"] for output in outputs})

        self.kafka.kcat("-P", "-t", self.topic + "-named", "-K", ":", "-Z", data=b"gone:\n")  # a tombstone
        sink = {**SINK, "topics": self.topic + "-named", "file": self.path("out.txt")}
        shown = self.try_it(sink, "--topic", self.topic + "-named", "--last", "100")
        self.assertEqual([str(offset) for offset in range(len(LINES) + 1)], [report["input"]["offset"] for report in shown])
        self.assertEqual("skip", shown[-1]["dropped_by"])
        self.assertEqual(self.run_sink(len(LINES)), [report["output"][0]["value"]["v"] for report in shown[:-1]])

        last = self.over_rest(sink, topic=self.topic + "-named", last=2)
        self.assertEqual([report["output"] for report in shown[-2:]], [report["output"] for report in last])
        self.assertEqual(outputs, [report["output"][0] for report in self.over_rest(
            {**source, "error.tolerance": "all"}, records=records,
            hints=["error.tolerance has no effect: nobody declares such an option; did you mean errors.tolerance?"])])

    def test_what_cannot_be_tried_is_refused_in_words(self):
        sink = {**SINK, "topics": self.topic, "file": self.path("out.txt")}
        absent = lab.fresh_name("none")
        self.assertEqual([], self.try_it(sink, "--topic", absent, "--last", "1", status=2))
        for config, what, words in (
                (sink, {"topic": absent, "last": 1}, "does not exist"),
                (sink, {"records": [{"vaule": 1}]}, "records[0]: unknown member"),
                ({**sink, "transforms.take.type": "Nope"}, {"records": [{}]}, "transforms.take.type: "),
                ({**SOURCE, "topic": self.topic}, {"topic": self.topic, "last": 1}, "is a source: it reads no topic")):
            status, body = self.worker.request("POST", "/connector-plugins/%s/config/try" % config["connector.class"],
                                               {"config": config, **what})
            self.assertEqual(400, status, body)
            self.assertIn(words, body["message"])
        self.assertNotIn(absent, self.kafka.topics())


if __name__ == "__main__":
    unittest.main()
