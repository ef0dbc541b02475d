"""Standalone workers: kills at any moment, stops while something hangs, and what a signal does."""

import http.client
import os
import random
import shutil
import signal
import time
import unittest

import lab

KILLS, SEED = 15, 4
GRACE_MS, END_MARGIN_S = 2000, 5.0


class Standalone(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.topic = lab.fresh_name("standalone")
        self.offsets = os.path.join(self.folder, "offsets")

    def properties(self, **more):
        return {"bootstrap.servers": self.kafka.bootstrap, "key.converter": lab.STRING, "value.converter": lab.STRING,
                "listeners": "http://127.0.0.1:%d" % lab.free_port(), "offset.storage.file.filename": self.offsets,
                "task.shutdown.graceful.timeout.ms": GRACE_MS,
                **{key.replace("__", "."): value for key, value in more.items()}}

    def connector(self, **config):
        path = os.path.join(self.folder, config["name"] + ".properties")
        lab.properties_write(path, {key.replace("__", "."): value for key, value in config.items()})
        return path

    def worker(self, *files, **more):
        worker = lab.Worker(self.properties(**more), command=("standalone",), arguments=files).start()
        self.addCleanup(worker.end)
        return worker

    def file_source(self):
        self.input = os.path.join(self.folder, "input")
        open(self.input, "w").close()
        return self.connector(name="lines", connector__class="FileStreamSource", file=self.input, topic=self.topic)

    def plugin(self, name):
        plugins = os.path.join(self.folder, "plugins")
        os.makedirs(plugins, exist_ok=True)
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", name + ".so"), plugins)
        return plugins


class Kills(Standalone):
    def test_kills_at_random_moments_lose_nothing_and_leave_the_offset_file_whole(self):
        dice = random.Random(SEED)
        source, written = self.file_source(), 0
        for _ in range(KILLS):
            worker = self.worker(source, offset__flush__interval__ms=5)
            deadline = time.monotonic() + dice.uniform(0.05, 1.2)
            while time.monotonic() < deadline:
                self.assertIsNone(worker.process.poll(), worker.log_end())
                with open(self.input, "a") as file:
                    for _ in range(dice.randrange(1, 50)):
                        file.write("line %d\n" % written)
                        written += 1
                time.sleep(0.005)
            worker.kill()
        worker = self.worker(source, offset__flush__interval__ms=5).ready()
        last = b"line %d" % (written - 1)
        lab.wait_until(lambda: self.kafka.end_offset(self.topic) >= written and
                       last in self.kafka.values(self.topic)[-1:], "the last line", 60)
        self.assertEqual(0, worker.stop())
        self.in_order(written)
        before = self.kafka.end_offset(self.topic)
        worker = self.worker(source).ready()  # after a clean stop nothing is repeated
        with open(self.input, "a") as file:
            file.write("line %d\n" % written)
        lab.wait_until(lambda: self.kafka.end_offset(self.topic) > before, "the line after the clean stop")
        self.assertEqual(0, worker.stop())
        self.assertEqual([b"line %d" % written], self.kafka.values(self.topic)[before:])

    def in_order(self, written):
        """Every line came; a kill may repeat some, from an earlier one on, never skip any."""
        expected = 0
        for value in self.kafka.values(self.topic):
            number = int(value.split()[1])
            self.assertLessEqual(number, expected, "line %d is missing" % expected)
            expected = max(expected, number + 1)
        self.assertEqual(written, expected)


class Signals(Standalone):
    def hung(self, **more):
        """A worker whose connector hangs in validate."""
        hang = os.path.join(self.folder, "hang")
        open(hang, "w").close()
        path = self.connector(name="hung", connector__class="org.acme.CrashingSourceConnector", topic=self.topic,
                              crash="validate:hang", crash__while=hang)
        worker = self.worker(path, plugin__path=self.plugin("crashing_source"), **more)
        def answers():
            try:
                return worker.request("GET", "/connectors")[0] == 200
            except (OSError, http.client.HTTPException):
                return False
        lab.wait_until(answers, "the worker answers", 30)
        return worker

    def ends(self, worker, status, within_s):
        start = time.monotonic()
        self.assertEqual(status, worker.wait(), worker.log_end())
        self.assertLess(time.monotonic() - start, within_s, worker.log_end())

    def test_a_stop_while_a_validation_hangs_keeps_to_its_budget(self):
        worker = self.hung()
        worker.signal(signal.SIGTERM)
        self.ends(worker, 0, GRACE_MS / 1000 + END_MARGIN_S)

    def test_a_second_signal_hastens_the_end(self):
        worker = self.hung(task__shutdown__graceful__timeout__ms=60000)
        worker.signal(signal.SIGTERM)
        lab.wait_until(lambda: "stopping" in worker.log_text(), "the worker stops")
        worker.signal(signal.SIGINT)
        start = time.monotonic()
        self.assertIn(worker.wait(), (0, 128 + signal.SIGINT), worker.log_end())
        self.assertLess(time.monotonic() - start, 2 + END_MARGIN_S)

    def test_a_hang_up_is_an_order_to_stop(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                worker = self.worker(self.file_source()).ready()
                worker.wait_state("lines")
                worker.signal(number)
                self.ends(worker, 0, GRACE_MS / 1000 + END_MARGIN_S)
                self.assertIn("stopping", worker.log_text())

    def test_a_hang_up_that_is_ignored_stays_so(self):
        command = lab.Worker(self.properties(), command=("standalone",), arguments=[self.file_source()])
        command.program, command.command = "nohup", (command.program, "standalone")
        path = os.path.join(command.folder, "worker.properties")
        lab.properties_write(path, command.properties)
        command.command += (path,)
        worker = command.start().ready()
        self.addCleanup(worker.end)
        worker.signal(signal.SIGHUP)
        worker.wait_state("lines")
        self.assertNotIn("stopping", worker.log_text())
        worker.signal(signal.SIGTERM)
        self.ends(worker, 0, GRACE_MS / 1000 + END_MARGIN_S)


class Address(Standalone):
    def test_the_workers_id_has_the_port_that_the_system_chose(self):
        worker = self.worker(self.file_source(), listeners="http://127.0.0.1:0")
        lab.wait_until(lambda: "connector lines comes from" in worker.log_text(), "the worker runs", 30)
        port = next(line.rsplit(":", 1)[1].split()[0] for line in worker.log_text().splitlines() if "listening on" in line)
        worker.url = "http://127.0.0.1:" + port
        worker.wait_state("lines")
        self.assertEqual("127.0.0.1:" + port, worker.status("lines")["connector"]["worker_id"])
        self.assertIn("worker http://127.0.0.1:%s/ runs" % port, worker.log_text())
        self.assertEqual(0, worker.stop())
