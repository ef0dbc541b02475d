"""Dead letters looked after: a poison stream, its cause mended, the letters back where they came from; a kill in the middle; no circles."""

import json
import os
import signal
import subprocess
import threading
import time
import unittest

import lab

JSON = "org.apache.kafka.connect.json.JsonConverter"
BYTES = "org.apache.kafka.connect.converters.ByteArrayConverter"
GOOD, BAD = ['{"n": %d}' % n for n in range(6)], ["bad %d" % n for n in range(9)]


class DeadLetters(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.topic = lab.fresh_name("orders")
        self.letters = self.topic + "-dlq"
        self.name = lab.fresh_name("sink")
        self.properties = lab.worker_properties(self.kafka)
        self.file = os.path.join(self.folder, "worker.properties")
        lab.properties_write(self.file, self.properties)

    def config(self, converter=JSON, **more):
        return {"connector.class": "FileStreamSink", "topics": self.topic, "file": self.out(), "value.converter": converter,
                "value.converter.schemas.enable": "false", "errors.tolerance": "all",
                "errors.deadletterqueue.topic.name": self.letters, "errors.deadletterqueue.topic.replication.factor": "1",
                "errors.deadletterqueue.context.headers.enable": "true", **more}

    def out(self):
        return os.path.join(self.folder, "out.txt")

    def out_lines(self):
        if not os.path.exists(self.out()):
            return []
        with open(self.out(), encoding="utf-8") as file:
            return file.read().split("\n")[:-1]

    def start_worker(self):
        worker = lab.Worker(self.properties).start().ready()
        self.addCleanup(worker.end)
        return worker

    def command(self, verb, *arguments):
        return [os.path.join(lab.BUILD, "bin", "millrace"), "dlq", verb, self.name, *arguments, "--worker", self.file, "--json"]

    def dlq(self, verb, *arguments, status=0):
        """The answer."""
        done = subprocess.run(self.command(verb, *arguments), capture_output=True, text=True, timeout=90, check=False)
        self.assertEqual(status, done.returncode, done.stderr + done.stdout)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def poison(self):
        """Records with keys, headers and times of their own, every other one no JSON; what was written."""
        self.kafka.topic_create(self.topic, partitions=2)
        for n, (good, bad) in enumerate(zip(GOOD, BAD)):
            for value in (good, bad):
                self.kafka.kcat("-P", "-t", self.topic, "-p", str(n % 2), "-k", "k%d" % n, "-H", "h=%d" % n, data=value.encode())
        return self.kafka.consume(self.topic)

    def wait_letters(self, count):
        lab.wait_until(lambda: self.letters in self.kafka.topics() and self.kafka.end_offset(self.letters) >= count,
                       "%d letters" % count)

    def test_a_mended_cause_and_a_replay_complete_the_sink(self):
        before = self.poison()
        worker = self.start_worker()
        worker.create(self.name, self.config())
        bad = sorted(r["value"] for r in before if r["value"].startswith("bad"))
        self.wait_letters(len(bad))

        listed = self.dlq("list")
        self.assertEqual((len(bad), len(bad), True), (listed["count"], listed["open"], listed["complete"]))
        self.assertEqual(1, len(listed["groups"]), listed["groups"])
        group = listed["groups"][0]
        self.assertEqual(("VALUE_CONVERTER", JSON, len(bad)), (group["stage"], group["class"], group["count"]))
        self.assertEqual({self.topic}, {row["original"]["topic"] for row in listed["letters"]})
        self.assertEqual(sorted((row["offset"] for row in listed["letters"]), reverse=True), [row["offset"] for row in listed["letters"]])
        shown = self.dlq("show", "0/0")
        self.assertEqual([{"key": "h", "value": {"text": shown["key"]["text"][1:], "size": 1}}], shown["headers"])
        self.assertEqual("skipped", shown["pipeline"]["outcome"])
        self.assertNotIn('"cut"', json.dumps(shown["pipeline"]))

        tried = self.dlq("replay", "--all", "--dry-run", status=1)
        self.assertEqual((len(bad), 0), (tried["skipped"], tried["passed"]))
        worker.rest("PUT", "/connectors/%s/config" % self.name, self.config(converter=lab.STRING))
        self.assertEqual(len(bad), self.dlq("replay", "--group", group["group"], "--dry-run")["passed"])
        self.assertEqual(len(bad), self.dlq("list")["open"])
        self.assertEqual(len(before), len(self.kafka.consume(self.topic)))

        replay = self.dlq("replay", "--group", group["group"])
        self.assertEqual(("done", len(bad), 0), (replay["state"], replay["replayed"], replay["refused"]))
        lab.wait_until(lambda: set(bad) <= set(self.out_lines()), "the mended records in the sink's file")
        after = self.kafka.consume(self.topic)[0:]
        again = {r["value"]: r for r in after if "millrace.replay" in r.get("headers", [])}
        self.assertEqual(bad, sorted(again))
        for record in before:
            if record["value"] in again:
                copy = again[record["value"]]
                self.assertEqual([record[x] for x in ("key", "ts", "partition")], [copy[x] for x in ("key", "ts", "partition")])
                self.assertEqual([*record["headers"], "millrace.replay"], copy["headers"][:-1])
                self.assertEqual((replay["id"], 1), (json.loads(copy["headers"][-1])["id"], json.loads(copy["headers"][-1])["attempt"]))
        listed = self.dlq("list")
        self.assertEqual((0, len(bad)), (listed["open"], listed["replayed"]))
        self.assertEqual(0, self.dlq("replay", "--all")["replayed"])
        self.assertEqual(len(after), len(self.kafka.consume(self.topic)))

    def test_a_letter_that_fails_again_goes_in_no_circle(self):
        self.kafka.topic_create(self.topic)
        self.kafka.produce(self.topic, ["bad"])
        worker = self.start_worker()
        worker.create(self.name, self.config())
        for attempt in range(1, 4):
            self.wait_letters(attempt)
            answer = self.dlq("replay", "--all")
            self.assertEqual((1, "done"), (answer["replayed"], answer["state"]))
        self.wait_letters(4)
        answer = self.dlq("replay", "--all", status=1)
        self.assertEqual((0, 1), (answer["replayed"], answer["refused"]))
        self.assertIn("failed again", answer["refusals"][0]["why"])
        self.assertEqual(1, self.dlq("replay", "--letter", "0/3", "--force", "--key", "k", "--value", '{"fixed": 1}')["replayed"])
        lab.wait_until(lambda: any("fixed" in line for line in self.out_lines()), "the edited record in the sink's file")
        self.assertEqual(0, self.dlq("list")["open"])

    def test_over_rest_it_is_the_same(self):
        self.kafka.topic_create(self.topic)
        self.kafka.produce(self.topic, BAD)
        worker = self.start_worker()
        worker.create(self.name, self.config())
        self.wait_letters(len(BAD))
        path = "/connectors/%s/dlq" % self.name
        listed = worker.rest("GET", path + "?stage=VALUE_CONVERTER&limit=2")
        self.assertEqual((len(BAD), 2), (listed["count"], len(listed["letters"])))
        self.assertEqual(self.dlq("list")["groups"], listed["groups"])
        at = ["--url", self.properties["listeners"]]
        self.assertEqual(listed, self.dlq("list", "--stage", "VALUE_CONVERTER", "--limit", "2", *at))
        self.assertEqual(self.dlq("show", "0/1"), self.dlq("show", "0/1", *at))
        self.assertIn("there is no letter", self.dlq("show", "0/999", *at, status=2))
        away = self.dlq("list", "--url", "http://ann:secret@127.0.0.1:1", status=2)
        self.assertIn("http://127.0.0.1:1: no answer", away)
        self.assertNotIn("secret", away)
        self.assertEqual(0, worker.rest("GET", path + "?stage=TASK_PUT")["count"])
        self.assertEqual(BAD[0], worker.rest("GET", path + "/0/0")["value"]["text"])
        worker.rest("PUT", "/connectors/%s/config" % self.name, self.config(converter=lab.STRING))
        tried = worker.rest("POST", path + "/replay", {"all": True, "dry_run": True})
        self.assertEqual(("tried", len(BAD)), (tried["state"], tried["passed"]))
        one = worker.rest("POST", path + "/replay", {"letters": [{"partition": 0, "offset": 2}], "value": "mended"})
        self.assertEqual((1, "done"), (one["replayed"], one["state"]))
        self.assertEqual({x: one[x] for x in ("replayed", "began", "who")},
                         {x: worker.rest("GET", path + "/replays/" + one["id"])[x] for x in ("replayed", "began", "who")})
        self.assertEqual(1, worker.rest("POST", path + "/discard", {"letters": [{"partition": 0, "offset": 3}]})["discarded"])
        some = worker.rest("POST", path + "/replay", {"all": True, "limit": 3, "id": "day"})
        self.assertEqual(("running", True, 3), (some["state"], some["more"], some["replayed"]))
        rest = self.dlq("replay", "--all", "--id", "day", *at)
        self.assertEqual(("done", len(BAD) - 2, 2 + 3), (rest["state"], rest["replayed"], rest["done_before"]))
        lab.wait_until(lambda: sorted(self.out_lines()) == sorted(["mended", *(b for i, b in enumerate(BAD) if i not in (2, 3))]),
                       "each once in the sink's file")
        for method, rest_of_path, body, status, words in (
                ("POST", "/replay", {}, 400, "say which letters"), ("POST", "/replay", {"al": True}, 400, "unknown member"),
                ("GET", "/0/999", None, 404, "there is no letter"), ("GET", "/replays/none", None, 404, "there is no replay"),
                ("GET", "?limit=x", None, 400, "whole number")):
            got, answer = worker.request(method, path + rest_of_path, body)
            self.assertEqual(status, got, answer)
            self.assertIn(words, answer["message"])

    def put_letters(self, values):
        """Letters as a sink writes them; the connector in a file, and no worker."""
        self.kafka.topic_create(self.topic)
        self.kafka.topic_create(self.letters)
        headers = [x for name, value in (("topic", self.topic), ("partition", "0"), ("offset", "7"), ("stage", "TASK_PUT"))
                   for x in ("-H", "__connect.errors.%s=%s" % (name, value))]
        self.kafka.kcat("-P", "-t", self.letters, *headers, data="".join(value + "\n" for value in values).encode())
        connector = os.path.join(self.folder, "sink.json")
        with open(connector, "w", encoding="utf-8") as file:
            json.dump({"name": self.name, "config": self.config()}, file)
        return ["--connector", connector]

    def test_what_nobody_needs_is_discarded(self):
        connector = self.put_letters(BAD)
        self.assertIn("say which letters: --letter", self.dlq("discard", *connector, status=2))
        self.assertIn("or --all", self.dlq("replay", "--limit", "1", *connector, status=2))
        self.assertEqual(2, self.dlq("discard", "--letter", "0/1", "--letter", "0/3", "--reason", "tests", *connector)["discarded"])
        listed = self.dlq("list", *connector)
        self.assertEqual((len(BAD) - 2, 2), (listed["open"], listed["discarded"]), listed["letters"])
        self.assertEqual(3, self.dlq("replay", "--before", "5", *connector)["replayed"])
        self.assertEqual(["bad 0", "bad 2", "bad 4"], [record["value"] for record in self.kafka.consume(self.topic)])
        self.assertIn("does not exist", self.dlq("replay", "--all", "--to", lab.fresh_name("none"), *connector, status=1)["refusals"][0]["why"])

    def start_replay(self, *arguments):
        """One that is under way."""
        seen = self.kafka.end_offset(self.topic)
        replay = subprocess.Popen(self.command("replay", *arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        lab.wait_until(lambda: self.kafka.end_offset(self.topic) > seen, "the first of a batch", every_s=0.02)
        self.assertIsNone(replay.poll())
        return replay

    def test_a_kill_in_the_middle_of_a_replay_loses_and_doubles_nothing(self):
        values = [str(n) for n in range(1000)]
        arguments = ["--all", "--id", "night", *self.put_letters(values)]
        for wait_s in (0, 0.03):  # at another moment each time; none is a proof
            killed = self.start_replay(*arguments, "--rate", "200")
            time.sleep(wait_s)
            killed.send_signal(signal.SIGKILL)
            killed.communicate()
        overtaken = self.start_replay(*arguments, "--rate", "100")
        answer = self.dlq("replay", *arguments)
        self.assertEqual(("done", len(values)), (answer["state"], answer["replayed"]))
        self.assertLess(answer["now"], len(values))
        told = json.loads(overtaken.communicate(timeout=60)[0])
        self.assertEqual((2, "failed"), (overtaken.returncode, told["state"]))
        self.assertEqual(values, [record["value"] for record in self.kafka.consume(self.topic)])

    def test_a_kill_of_the_worker_in_the_middle_of_a_replay_loses_and_doubles_nothing(self):
        values = [str(n) for n in range(500)]
        self.put_letters(values)
        worker = self.start_worker()
        worker.create(self.name, self.config())
        path, failures = "/connectors/%s/dlq/replay" % self.name, []

        def ask():
            try:
                worker.rest("POST", path, {"all": True, "id": "night", "rate": 100})
            except OSError as error:
                failures.append(error)
        asking = threading.Thread(target=ask)
        asking.start()
        lab.wait_until(lambda: self.kafka.end_offset(self.topic) > 0, "the first of a batch", every_s=0.02)
        worker.kill()
        asking.join(60)
        self.assertEqual(1, len(failures))
        answer = self.start_worker().rest("POST", path, {"all": True, "id": "night"})
        self.assertEqual(("done", len(values)), (answer["state"], answer["replayed"]))
        self.assertLess(answer["now"], len(values))
        self.assertEqual(values, [record["value"] for record in self.kafka.consume(self.topic)])
        marks = [record["key"] for record in self.kafka.consume(self.letters + ".marks") if record["key"].startswith("letter/")]
        self.assertEqual(sorted("letter/0/%d" % n for n in range(len(values))), sorted(marks))

    def test_into_the_pipeline_the_topic_stays_as_it_is_and_a_kill_loses_nothing(self):
        values = ["bad %d" % n for n in range(300)]
        wrong = {"transforms": "number", "transforms.number.type": "org.apache.kafka.connect.transforms.Cast$Value",
                 "transforms.number.spec": "int32"}
        self.kafka.topic_create(self.topic)
        self.kafka.produce(self.topic, values)
        worker = self.start_worker()
        worker.create(self.name, self.config(lab.STRING, **wrong))
        self.wait_letters(len(values))

        tried = self.dlq("replay", "--all", "--into", "pipeline", "--dry-run", "--limit", "5", status=1)
        self.assertEqual((5, 0), (tried["skipped"], tried["passed"]))
        again = self.dlq("replay", "--letter", "0/0", "--letter", "0/1", "--into", "pipeline", status=1)
        self.assertEqual(("done", 0, 2), (again["state"], again["replayed"], again["failed"]))
        self.assertEqual(("TRANSFORMATION", 0, 0), tuple(again["failures"][0][x] for x in ("stage", "partition", "offset")))
        shown = self.dlq("show", "0/1")
        self.assertEqual(("open", 1), (shown["state"], shown["attempts"]))
        self.assertEqual(len(values), self.kafka.end_offset(self.letters))

        worker.rest("PUT", "/connectors/%s/config" % self.name, self.config(lab.STRING))
        self.assertEqual(1, self.dlq("replay", "--letter", "0/299", "--value", "mended", "--into", "pipeline",
                                     "--url", self.properties["listeners"])["replayed"])
        self.assertEqual(["mended"], self.out_lines())
        arguments = ["--all", "--into", "pipeline", "--id", "night"]
        replay = subprocess.Popen(self.command("replay", *arguments, "--rate", "50", "--url", self.properties["listeners"]),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lab.wait_until(lambda: len(self.out_lines()) > 1, "the first of a batch", every_s=0.02)
        self.assertIsNone(replay.poll())
        worker.kill()
        self.assertEqual(2, replay.wait(timeout=60))
        answer = self.dlq("replay", *arguments)  # in its own process
        self.assertEqual(("done", len(values) - 1, 0), (answer["state"], answer["replayed"], answer["failed"]))
        lines = self.out_lines()
        self.assertEqual({*values[:299], "mended"}, set(lines))
        self.assertLessEqual(len(lines), len(values) + 50)
        self.assertEqual((0, len(values)), tuple(self.dlq("list")[x] for x in ("open", "replayed")))
        self.assertEqual(len(values), self.kafka.end_offset(self.topic))
        self.assertIn("not both", self.dlq("replay", "--all", "--into", "pipeline", "--to", "x", status=2))


if __name__ == "__main__":
    unittest.main()
