"""`millrace snapshot`: a cluster in a file, and back from it when its topics are lost."""

import json
import os
import stat
import subprocess
import unittest

import lab

COUNT = 200


class Snapshot(unittest.TestCase):
    weight = 2

    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.group = lab.fresh_name("snap")
        self.properties = lab.worker_properties(self.kafka, self.group)
        self.file = os.path.join(self.folder, "snapshot")
        self.worker_file = os.path.join(self.folder, "worker.properties")
        lab.properties_write(self.worker_file, self.properties)
        self.source, self.sink = (os.path.join(self.folder, name) for name in ("in", "out"))
        self.lines, self.topic = 0, self.group + "-lines"

    def add_lines(self, count=COUNT):
        with open(self.source, "a", encoding="ascii") as file:
            file.write("".join("%d\n" % line for line in range(self.lines + 1, self.lines + count + 1)))
        self.lines += count

    def written(self):
        try:
            with open(self.sink, encoding="ascii") as file:
                return [int(line) for line in file.read().splitlines()]
        except OSError:
            return []

    def wait_written(self):
        lab.wait_until(lambda: len(self.written()) >= self.lines, "all %d lines are in the sink" % self.lines)

    def start(self):
        worker = lab.Worker(self.properties).start()
        self.addCleanup(worker.end)
        return worker.ready()

    def create(self, worker):
        worker.create(self.group + "-in", {"connector.class": "FileStreamSource", "file": self.source, "topic": self.topic,
                                           "some.password": "plain"})
        worker.create(self.group + "-out", {"connector.class": "FileStreamSink", "file": self.sink, "topics": self.topic})
        worker.create(self.group + "-rests", {"connector.class": "FileStreamSink", "file": self.sink + "2", "topics": self.topic})
        worker.wait_state(self.group + "-rests")
        worker.rest("PUT", "/connectors/%s-rests/stop" % self.group)
        worker.wait_state(self.group + "-rests", "STOPPED", 0)

    def snapshot(self, *arguments):
        """Status, standard output, standard error."""
        program = os.path.join(lab.BUILD, "bin", "millrace")
        done = subprocess.run([program, "snapshot", *arguments, "--worker", self.worker_file], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr

    def export(self):
        status, out, err = self.snapshot("export", "--out", self.file)
        self.assertEqual(0, status, err)
        return out, err

    def lose_topics(self):
        self.kafka._topic_command("--delete", "--topic", self.group + "-(configs|offsets|status)")
        lab.wait_until(lambda: not [name for name in self.kafka.topics() if name.startswith(self.group) and name != self.topic],
                       "the topics are gone")

    def test_a_cluster_whose_topics_are_lost_goes_on_where_it_was(self):
        self.add_lines()
        worker = self.start()
        self.create(worker)
        self.wait_written()
        out, err = self.export()
        self.assertIn("3 connectors", out)
        self.assertIn("1 workers run", out)
        self.assertIn("1 options that look like secrets", err)
        self.assertEqual(0o600, stat.S_IMODE(os.stat(self.file).st_mode))
        status, _, err = self.snapshot("import", self.file)
        self.assertEqual(2, status)
        self.assertIn("1 workers are in group %s: stop all of them first" % self.group, err)

        self.assertEqual(0, worker.stop())
        out, _ = self.export()  # after a clean stop: nothing is delivered again
        self.assertNotIn("workers run", out)
        status, _, err = self.snapshot("import", self.file)
        self.assertEqual(2, status)
        self.assertIn("3 connectors of the snapshot are there already", err)

        self.lose_topics()
        self.check_damaged_files()
        status, out, err = self.snapshot("import", self.file, "--dry-run")
        self.assertEqual(0, status, err)
        for words in ("topic %s-configs is not there; it is made" % self.group, "connector %s-in\n" % self.group, "would be written"):
            self.assertIn(words, out)
        self.assertFalse([name for name in self.kafka.topics() if name.startswith(self.group) and name != self.topic])
        status, out, err = self.snapshot("import", self.file)
        self.assertEqual(0, status, err)
        self.assertRegex(out, "3 connectors with [0-9]+ records, 1 offsets of sources and 0 of sinks written")

        self.add_lines()
        worker = self.start()
        worker.wait_state(self.group + "-in")
        worker.wait_state(self.group + "-out")
        worker.wait_state(self.group + "-rests", "STOPPED", 0)
        self.wait_written()
        self.assertEqual(list(range(1, self.lines + 1)), self.written())
        self.check_lost_groups(worker)

    def check_lost_groups(self, worker):
        """Elsewhere, or when groups were lost with their topics, the file's offsets count."""
        group = "connect-%s-out" % self.group
        for name in (self.group + "-in", self.group + "-out"):  # the source, too: what it stored after the export would be replaced
            worker.rest("PUT", "/connectors/%s/stop" % name)
            worker.wait_state(name, "STOPPED", 0)
        self.export()
        with open(self.file, encoding="utf-8") as file:
            wanted = [line for line in map(json.loads, file) if line.get("sink-group") == group]
        self.assertEqual([self.lines], [line["offset"] for line in wanted])
        worker.rest("DELETE", "/connectors/%s-out/offsets" % self.group)
        self.assertEqual(0, worker.stop())
        status, out, err = self.snapshot("import", self.file, "--replace")
        self.assertEqual(0, status, err)
        self.assertIn("connector %s-in (replaced)" % self.group, out)
        self.assertIn("1 of sinks written", out)
        self.check_one_more_line()
        self.kafka.topic_delete(self.group + "-configs")  # alone: offsets are newer than the file, and stay
        status, out, err = self.snapshot("import", self.file)
        self.assertEqual(0, status, err)
        self.assertIn(" 0 offsets of sources and 0 of sinks written\n1 offsets of sources and 1 of sinks are there and stay", out)
        self.check_one_more_line()

    def check_one_more_line(self):
        worker = self.start()
        self.add_lines(1)
        for name in (self.group + "-in", self.group + "-out"):
            worker.rest("PUT", "/connectors/%s/resume" % name)
        self.wait_written()
        self.assertEqual(0, worker.stop())
        self.assertEqual(list(range(1, self.lines + 1)), self.written())

    def check_damaged_files(self):
        with open(self.file, "rb") as file:
            whole = file.read()
        damaged = self.file + "-damaged"
        lines = whole.splitlines(keepends=True)
        for words, text in (("cut", whole[:-20]), ("cut", b"".join(lines[:-1])), ("sha256 does not fit", whole.replace(b"FileStreamSink", b"FileStreamSunk")),
                            ("not a JSON object", b"\x00" + whole), ("ends it, but more follows", whole + b"{}\n"),
                            ("version 9", whole.replace(b'snapshot":1', b'snapshot":9')), ("cut", b"")):
            with open(damaged, "wb") as file:
                file.write(text)
            status, out, err = self.snapshot("import", damaged)
            self.assertEqual((2, ""), (status, out), words)
            self.assertIn(words, err)
            self.assertIn("nothing was written", err)
        self.assertFalse([name for name in self.kafka.topics() if name.startswith(self.group) and name != self.topic])
