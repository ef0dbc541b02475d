"""A poison stream through Kafka Connect's own worker and through ours, on one broker: their dead letters are the same.

Compared: which records, their order, key, value, time, and the headers with their order and values; of the stack trace only its first
line, which names the exception: the rest are lines of Java. Without Java what Kafka Connect 4.3.1 wrote stands in
support/poison/letters.json; with Java it is held against that as well. MILLRACE_RECORD=1 writes it anew.
"""

import concurrent.futures
import glob
import json
import os
import shutil
import subprocess
import unittest
import zipfile

import lab

JSON = "org.apache.kafka.connect.json.JsonConverter"
POISON = os.path.join(lab.ROOT, "tests", "support", "poison")
RECORDED = os.path.join(POISON, "letters.json")
TRACE = "__connect.errors.exception.stacktrace"

# Key, value (None: null), headers. Each bad one is bad at one stage, but for the last: the first stage that fails counts.
STREAM = [
    ('"k0"', '{"n": 1}', []),
    ("no JSON", '{"n": 2}', [("h", '"x"')]),
    ('"k2"', "{", [("h", "1"), ("g", ""), ("h", '"two"')]),
    ('"k3"', '{"n": 3}', [("fine", "true"), ("bad", "no JSON")]),
    ('"k4"', '{"n": "many"}', [("h", "[1]")]),
    ('"k5"', '{"n": 13}', [("h", "null")]),
    ('"k6"', '{"n": "6"}', []),
    (None, '{"n": "13"}', []),
    (None, '{"n": ', []),
    ("no JSON", None, []),
    ('"k10"', None, []),
    ('"k11"', '{"n": [1]}', [("__connect.errors.topic", '"older"'), ("__connect.errors.stage", '"OLD"')]),
    ('"k12"', '[1, 2]', []),
    ("no JSON", "no JSON", [("bad", "no JSON")]),
]
BAD = [1, 2, 3, 4, 8, 9, 11, 12, 13, 5, 7]  # as their letters come: put is given all that came through
COUNTS = {"all": len(BAD), "none": 1}


def config(topic, letters, tolerance):
    """With tolerance=none already the first record is bad: it is without its schema."""
    schemas = "true" if tolerance == "none" else "false"
    return {"connector.class": "org.acme.ReportingSink", "topics": topic, "tasks.max": "1",
            "key.converter": JSON, "key.converter.schemas.enable": "false", "value.converter": JSON,
            "value.converter.schemas.enable": schemas, "header.converter": JSON, "header.converter.schemas.enable": "false",
            "transforms": "number", "transforms.number.type": "org.apache.kafka.connect.transforms.Cast$Value",
            "transforms.number.spec": "n:int32", "errors.tolerance": tolerance, "errors.deadletterqueue.topic.name": letters,
            "errors.deadletterqueue.topic.replication.factor": "1", "errors.deadletterqueue.context.headers.enable": "true",
            "consumer.override.group.id": letters, "consumer.override.auto.offset.reset": "earliest"}


def java_plugin(folder):
    """A folder for plugin.path with the sink as a jar."""
    libs = subprocess.run([lab.KAFKA_LAB, "fetch"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    classes, plugin = os.path.join(folder, "classes"), os.path.join(folder, "java", "poison")
    os.makedirs(plugin)
    subprocess.run(["javac", "-proc:none", "-cp", libs + "/*", "-d", classes, os.path.join(POISON, "ReportingSink.java")], check=True)
    with zipfile.ZipFile(os.path.join(plugin, "poison.jar"), "w") as jar:
        for path in glob.glob(classes + "/**/*.class", recursive=True):
            jar.write(path, os.path.relpath(path, classes))
        jar.writestr("META-INF/services/org.apache.kafka.connect.sink.SinkConnector", "org.acme.ReportingSink\n")
    return os.path.dirname(plugin)


class Poison(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.topic = lab.fresh_name("poison")
        self.maxDiff = None

    def produce(self):
        for key, value, headers in STREAM:
            told = [x for name, text in headers for x in ("-H", "%s=%s" % (name, text))]
            # An empty text stands for null.
            line = "%s\x01%s" % (key or "", value or "")
            self.kafka.kcat("-P", "-t", self.topic, "-p", "0", "-K", "\x01", "-Z", *told, data=line.encode())
        return self.kafka.consume(self.topic)

    def fresh(self, letter):
        """Without what this run alone has: the names of its topics, and the offset of the letter."""
        headers = list(zip(letter["headers"][::2], letter["headers"][1::2]))
        cut = [(name, text.split("\n")[0] if name == TRACE else text.replace(self.topic, "TOPIC")) for name, text in headers]
        return {"key": letter.get("key"), "value": letter["value"], "headers": [list(pair) for pair in cut]}

    def letters_of(self, url):
        """Those that the worker there writes, by policy."""
        letters = {policy: lab.fresh_name("letters") for policy in COUNTS}
        for policy, topic in letters.items():
            body = {"name": "poison-" + policy, "config": config(self.topic, topic, policy)}
            self.assertEqual(201, lab.http("POST", url + "/connectors", body)[0])

        def is_through():
            entries = lab.http("GET", url + "/connectors/poison-all/offsets")[1]["offsets"]
            tasks = lab.http("GET", url + "/connectors/poison-none/status")[1].get("tasks", [])
            return [e["offset"]["kafka_offset"] for e in entries] == [len(STREAM)] and [t["state"] for t in tasks] == ["FAILED"]
        lab.wait_until(is_through, "the stream is dealt with at " + url, 60)
        written = {policy: self.kafka.consume(topic) for policy, topic in letters.items()}
        self.assertEqual(COUNTS, {policy: len(found) for policy, found in written.items()})
        return written

    def ours(self):
        plugins = os.path.join(self.folder, "plugins")
        os.mkdir(plugins)
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "reporting_sink.so"), plugins)
        with lab.Worker(lab.worker_properties(self.kafka, plugin__path=plugins)) as worker:
            return self.letters_of(worker.url)

    def theirs(self):
        """None where there is no Java."""
        for tool in ("java", "javac"):
            if shutil.which(tool) is None:
                print("%s is not installed: held against the letters that Kafka Connect 4.3.1 wrote once" % tool)
                return None
        properties = lab.worker_properties(self.kafka, plugin__path=java_plugin(self.folder), plugin__discovery="service_load")
        self.kafka.jvm_worker_start(properties)
        url = properties["listeners"]
        lab.wait_until(lambda: lab.http("GET", url + "/connectors")[0] == 200, "the JVM worker answers", 60)
        return self.letters_of(url)

    def test_letters_are_those_of_kafka_connect(self):
        records = self.produce()
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            asked = beside.submit(self.theirs)
            ours, theirs = self.ours(), asked.result()
        seen = {policy: [self.fresh(letter) for letter in letters] for policy, letters in ours.items()}
        if theirs is not None:
            expected = {policy: [self.fresh(letter) for letter in letters] for policy, letters in theirs.items()}
            if os.environ.get("MILLRACE_RECORD"):
                with open(RECORDED, "w", encoding="utf-8") as file:
                    json.dump(expected, file, indent=1)
                    file.write("\n")
            self.assertEqual([letter["ts"] for letter in theirs["all"]], [letter["ts"] for letter in ours["all"]])
        with open(RECORDED, encoding="utf-8") as file:
            recorded = json.load(file)
        if theirs is not None:
            self.assertEqual(recorded, expected)
        self.assertEqual(recorded, seen)
        # Both may be wrong: what the promise says, without either.
        for at, letter in zip(BAD, ours["all"]):
            before = records[at]
            self.assertEqual([before[x] for x in ("key", "value", "ts")], [letter[x] for x in ("key", "value", "ts")])
            own = before.get("headers", [])
            self.assertEqual(own, letter["headers"][:len(own)])
        print("%d records, %d of them bad: %d dead letters, as Kafka Connect's; 0 records lost" % (
            len(STREAM), len(BAD), len(ours["all"])))


if __name__ == "__main__":
    unittest.main()
