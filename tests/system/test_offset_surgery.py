"""Offsets of connectors moved by time, on trial and back: over REST and with `millrace ctl offsets` (docs/offsets.md)."""

import datetime
import json
import os
import subprocess
import time
import unittest

import lab

EARLY, LATE = 3, 2  # records of each of the two partitions


class OffsetSurgery(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        text = "org.apache.kafka.connect.storage.StringConverter"
        self.properties = lab.worker_properties(self.kafka, key__converter=text, value__converter=text)
        self.worker = lab.Worker(self.properties)
        self.worker.start()

    def ctl(self, verb, *arguments, status=0, reads_json=True):
        command = [os.path.join(lab.BUILD, "bin", "millrace"), "ctl", "offsets", verb, *arguments, "--url", self.worker.url]
        done = subprocess.run(command + ["--json"] * reads_json, capture_output=True, text=True, timeout=60)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        if status == 2:
            return done.stderr
        return json.loads(done.stdout) if reads_json else done.stdout

    def stop(self, name):
        self.worker.rest("PUT", "/connectors/%s/stop" % name)
        self.worker.wait_state(name, "STOPPED", tasks=0)

    def restart_worker(self):
        self.assertEqual(0, self.worker.stop())
        self.worker = lab.Worker(self.properties)
        self.worker.start()
        self.worker.ready()

    def offsets(self, name):
        return {entry["partition"]["kafka_partition"]: entry["offset"]["kafka_offset"] for entry in self.ctl("show", name)["offsets"]}

    def produce(self):
        """Returns a time between the early and the late records."""
        topic = lab.fresh_name("topic")
        self.kafka.topic_create(topic, partitions=2)
        for partition in (0, 1):
            self.kafka.produce(topic, ["early-%d-%d" % (partition, i) for i in range(EARLY)], partition=partition)
        between = int(time.time() * 1000) + 1
        lab.wait_until(lambda: time.time() * 1000 > between, "a later millisecond", every_s=0.001)
        for partition in (0, 1):
            self.kafka.produce(topic, ["late-%d-%d" % (partition, i) for i in range(LATE)], partition=partition)
        return topic, between

    def wait_for_lines(self, path, count):
        def lines():
            with open(path, encoding="utf-8") as file:
                return len(file.read().split())
        lab.wait_until(lambda: lines() == count, "%d lines in %s" % (count, path))

    def test_a_sink_goes_to_a_time_and_back_until_its_tasks_have_run(self):
        topic, between = self.produce()
        name, path = lab.fresh_name("sink"), os.path.join(self.folder, "lines")
        every, end = 2 * (EARLY + LATE), EARLY + LATE
        self.worker.ready()
        self.worker.create(name, {"connector.class": "FileStreamSink", "topics": topic, "tasks.max": 1, "file": path})
        self.worker.wait_state(name)
        self.wait_for_lines(path, every)

        tried = self.ctl("seek", name, "earliest", topic, "--dry-run", status=1)  # allowed while it runs
        self.assertIn("must be in the STOPPED state", tried["refused"])
        self.stop(name)
        self.assertEqual({0: end, 1: end}, self.offsets(name))

        tried = self.ctl("seek", name, str(between), "--dry-run")
        self.assertEqual((None, 0, 2 * LATE), (tried["refused"], tried["skipped"], tried["again"]))
        self.assertEqual([{"partition": {"kafka_topic": topic, "kafka_partition": partition}, "before": {"kafka_offset": end},
                           "after": {"kafka_offset": EARLY}, "skipped": 0, "again": LATE} for partition in (0, 1)], tried["offsets"])
        self.assertIn("0 records would be skipped, 4 read again", self.ctl("seek", name, str(between), "--dry-run", reads_json=False))
        self.assertIn("nothing to undo", self.ctl("undo", name, status=2))
        self.assertEqual({0: end, 1: end}, self.offsets(name))

        moment = datetime.datetime.fromtimestamp(between / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds")
        self.assertIn("altered successfully", self.ctl("seek", name, moment, reads_json=False))
        self.assertEqual({0: EARLY, 1: EARLY}, self.offsets(name))
        self.restart_worker()  # what the offsets were is in the topic, not in the worker
        self.assertIn("set back", self.ctl("undo", name)["message"])
        self.assertEqual({0: end, 1: end}, self.offsets(name))
        self.ctl("undo", name)
        self.assertEqual({0: EARLY, 1: EARLY}, self.offsets(name))

        self.worker.rest("PUT", "/connectors/%s/resume" % name)
        self.wait_for_lines(path, every + 2 * LATE)
        self.stop(name)
        self.assertIn("its tasks have run since", self.ctl("undo", name, status=2))
        self.assertIn("its tasks have run since", self.ctl("undo", name, "--dry-run", status=1)["refused"])

        self.ctl("set", name, topic + "/0=1", topic + "/1=none")
        self.assertEqual({0: 1}, self.offsets(name))
        self.ctl("seek", name, "2999-01-01T00:00:00Z", topic)
        self.assertEqual({0: end, 1: end}, self.offsets(name))
        self.assertIn("there is no partition %s-7" % topic, self.ctl("seek", name, "latest", topic + "/7", status=2))
        self.ctl("reset", name)
        self.assertEqual({}, self.offsets(name))
        self.ctl("undo", name)
        self.assertEqual({0: end, 1: end}, self.offsets(name))
        self.assertEqual(0, self.worker.stop())

    def test_a_source_is_shown_what_would_change_and_set_back(self):
        path, name = os.path.join(self.folder, "in"), lab.fresh_name("source")
        topic = lab.fresh_name("topic")
        self.kafka.topic_create(topic)
        with open(path, "w", encoding="utf-8") as file:
            file.write("one\ntwo\n")
        self.worker.ready()
        self.worker.create(name, {"connector.class": "FileStreamSource", "topic": topic, "file": path})
        self.worker.wait_state(name)
        lab.wait_until(lambda: self.kafka.end_offset(topic) == 2, "the records of %s" % name)
        self.stop(name)
        before = self.ctl("show", name)
        self.assertEqual([{"partition": {"filename": path}, "offset": {"position": 8}}], before["offsets"])

        change = {"offsets": [{"partition": {"filename": path}, "offset": {"position": 4}}]}
        status, tried = self.worker.request("PATCH", "/connectors/%s/offsets?dry_run=true" % name, change)
        self.assertEqual(200, status, tried)
        self.assertEqual([{"partition": {"filename": path}, "before": {"position": 8}, "after": {"position": 4}}], tried["offsets"])
        self.assertEqual(before, self.ctl("show", name))
        file = os.path.join(self.folder, "change.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump(change, out)
        self.ctl("set", name, "--file", file)
        self.assertEqual(change, self.ctl("show", name))
        self.ctl("undo", name)
        self.assertEqual(before, self.ctl("show", name))
        self.assertIn('{"position":8}  -\n', self.ctl("reset", name, "--dry-run", reads_json=False))
        self.ctl("reset", name, "--no-undo")
        self.assertIn("nothing to undo", self.ctl("undo", name, status=2))
        self.assertEqual(0, self.worker.stop())


if __name__ == "__main__":
    unittest.main()
