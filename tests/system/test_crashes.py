"""Plugins that end the process: the culprit is named, its status says so at the next start, and twice is enough."""

import http.client
import os
import re
import shutil
import signal
import unittest

import lab

SOURCE = "org.acme.CrashingSourceConnector"
TRANSFORM = "org.acme.CrashingTransform"
PREDICATE = "org.acme.CrashingPredicate"
CONVERTER = "org.acme.CrashingConverter"
SINK = "org.acme.CrashingSinkConnector"
SANITIZED = "asan" in lab.BUILD or "tsan" in lab.BUILD  # they end the process in their own way


class Crashes(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.plugins = os.path.join(self.folder, "plugins")
        os.mkdir(self.plugins)
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "crashing_source.so"), self.plugins)
        self.file = os.path.join(self.folder, "state", "crash")
        self.trigger = os.path.join(self.folder, "crash-while")
        open(self.trigger, "w").close()

    def worker(self, properties, **more):
        worker = lab.Worker(dict(properties, **{"plugin.path": self.plugins, "millrace.crash.file": self.file}), **more)
        self.addCleanup(worker.end)
        return worker

    def crashing(self, crash, **more):
        return {"connector.class": SOURCE, "topic": lab.fresh_name("crashes"), "crash": crash,
                "crash.while": self.trigger, "tasks.max": 1, **more}

    def crashed(self, worker, number):
        status = worker.wait()
        if not SANITIZED:
            self.assertEqual(-number, status, worker.log_end())
        self.assertNotEqual(0, status)

    def reports(self):
        """The reports in the file: a dict each."""
        if not os.path.exists(self.file):
            return []
        with open(self.file) as file:
            parts = [part for part in file.read().split("\n\n") if part]
        for part in parts:
            self.assertTrue(part.startswith("crash\n"), part)
        return [dict(line.split(": ", 1) for line in part.splitlines()[1:]) for part in parts]


class Distributed(Crashes):
    """One worker and its successors; a source beside the one that crashes must go on."""

    def start(self):
        self.running = self.worker(self.properties).start().ready()
        return self.running

    def others_flow(self):
        with open(self.input, "a") as file:
            file.write("line %d\n" % self.lines)
        self.lines += 1
        lab.wait_until(lambda: self.kafka.end_offset(self.others) >= self.lines, "the other connector flows", 60)

    def task_says(self, state, words):
        def says():
            tasks = self.running.status("breaker")["tasks"]
            return tasks and tasks[0]["state"] == state and words in tasks[0].get("trace", "") and tasks[0]
        return lab.wait_until(says, "the task is %s and says %r" % (state, words), 60)

    def test_a_task_that_ends_the_worker_twice_is_held_until_somebody_restarts_it(self):
        self.properties = lab.worker_properties(self.kafka, session__timeout__ms=6000)
        self.input, self.others, self.lines = os.path.join(self.folder, "input"), lab.fresh_name("others"), 0
        first = self.start()
        open(self.input, "w").close()
        first.create("others", {"connector.class": "FileStreamSource", "file": self.input, "topic": self.others})
        self.others_flow()
        first.create("breaker", self.crashing("poll:segv"))
        self.crashed(first, signal.SIGSEGV)
        self.assertRegex(first.log_text(), r"FATAL \[breaker\|task-0\] SIGSEGV inside poll of " + re.escape(SOURCE) +
                         r" \(.*/crashing_source.so\), at .*/crashing_source.so\+0x")
        report = self.reports()[0]
        for name, value in {"connector": "breaker", "task": "0", "class": SOURCE, "call": "poll", "inside": "yes",
                            "signal": "SIGSEGV"}.items():
            self.assertEqual(value, report[name])

        os.rename(self.trigger, self.trigger + ".kept")
        second = self.start()
        self.assertIn("a worker process ended by a crash for task 0 of connector breaker", second.log_text())
        trace = self.task_says("RUNNING", "ended the former worker process")["trace"]
        self.assertIn("SIGSEGV inside poll of " + SOURCE, trace)
        self.others_flow()

        os.rename(self.trigger + ".kept", self.trigger)
        self.crashed(second, signal.SIGSEGV)
        third = self.start()
        trace = self.task_says("FAILED", "twice within ten minutes")["trace"]
        self.assertIn("SIGSEGV inside poll of " + SOURCE, trace)
        self.others_flow()
        self.assertEqual("RUNNING", third.status("breaker")["connector"]["state"])

        self.assertEqual(0, third.stop())
        fourth = self.start()  # an orderly restart changes nothing
        self.task_says("FAILED", "twice within ten minutes")
        os.remove(self.trigger)
        fourth.rest("POST", "/connectors/breaker/tasks/0/restart")
        fourth.wait_state("breaker")
        self.assertNotIn("trace", fourth.status("breaker")["tasks"][0])
        lab.wait_until(lambda: self.reports() == [], "nothing is held against it any more")
        self.others_flow()
        self.assertEqual(0, fourth.stop())


class Standalone(Crashes):
    """Where it crashes, and how; the worker comes up again with the connector from its file."""

    def start(self, config):
        path = os.path.join(self.folder, "breaker.properties")
        lab.properties_write(path, dict(config, name="breaker"))
        properties = {"bootstrap.servers": self.kafka.bootstrap, "key.converter": lab.STRING,
                      "value.converter": lab.STRING, "listeners": "http://127.0.0.1:%d" % lab.free_port(),
                      "offset.storage.file.filename": os.path.join(self.folder, "offsets")}
        return self.worker(properties, command=("standalone",), arguments=[path]).start()

    def named(self, crash, number, call, class_name=SOURCE, task=None, **more):
        """One crash; the report, and the words at the next start."""
        if os.path.exists(self.file):
            os.remove(self.file)
        worker = self.start(self.crashing(crash, **more))
        self.crashed(worker, number)
        self.assertEqual(1, len(self.reports()), worker.log_end())
        report = self.reports()[0]
        self.assertEqual((call, class_name, "yes"), (report.get("call"), report.get("class"), report.get("inside")))
        self.assertEqual(task, report.get("task"))
        return report

    def input_topic(self):
        topic = lab.fresh_name("drained")
        self.kafka.produce(topic, ["a record"])
        return topic

    def test_every_call_is_named(self):
        through = {"transforms": "t", "transforms.t.type": TRANSFORM, "transforms.t.crash": "apply:segv",
                   "transforms.t.crash.while": self.trigger}
        when = {"transforms": "t", "transforms.t.type": TRANSFORM, "transforms.t.predicate": "p", "predicates": "p",
                "predicates.p.type": PREDICATE, "predicates.p.crash": "test:segv",
                "predicates.p.crash.while": self.trigger}
        converted = {"value.converter": CONVERTER, "value.converter.crash": "from_connect:segv",
                     "value.converter.crash.while": self.trigger}
        drained = {"task": "0", "class_name": SINK, "connector.class": SINK, "topics": self.input_topic()}
        for crash, number, call, more in (("task.start:abort", signal.SIGABRT, "start", {"task": "0"}),
                                          ("start:segv", signal.SIGSEGV, "start", {}),
                                          ("task_configs:fpe", signal.SIGFPE, "task_configs", {}),
                                          ("none", signal.SIGSEGV, "apply",
                                           {"task": "0", "class_name": TRANSFORM, **through}),
                                          ("none", signal.SIGSEGV, "test",
                                           {"task": "0", "class_name": PREDICATE, **when}),
                                          ("none", signal.SIGSEGV, "from_connect",
                                           {"task": "0", "class_name": CONVERTER, **converted}),
                                          ("open:segv", signal.SIGSEGV, "open", drained),
                                          ("put:segv", signal.SIGSEGV, "put", drained)):
            with self.subTest(crash):
                report = self.named(crash, number, call, **more)
                self.assertEqual("breaker", report["connector"])
        if not SANITIZED:
            with self.subTest("a stack that is used up"):
                self.named("poll:stack", signal.SIGSEGV, "poll", task="0")

    def test_what_reads_the_options_of_a_plugin_or_sets_it_up_is_named(self):
        self.named("options:segv", signal.SIGSEGV, "validate")
        report = self.named("none", signal.SIGSEGV, "validate", TRANSFORM, **{
            "transforms": "t", "transforms.t.type": TRANSFORM, "transforms.t.crash": "create:segv",
            "transforms.t.crash.while": self.trigger})
        self.assertNotIn("task", report)
        os.remove(self.file)
        os.remove(self.trigger)
        worker = self.start(self.crashing("options:segv")).ready()
        worker.wait_state("breaker")
        open(self.trigger, "w").close()
        try:
            worker.rest("POST", "/connectors/breaker/restart")
        except (OSError, http.client.HTTPException):
            pass  # it may be gone before it answers
        self.crashed(worker, signal.SIGSEGV)
        report = self.reports()[0]
        self.assertEqual(("options", SOURCE, "yes", "breaker"),
                         tuple(report.get(name) for name in ("call", "class", "inside", "connector")))

    def test_a_thread_of_the_plugins_own_is_found_by_its_file(self):
        self.crashed(self.start(self.crashing("poll:thread")), signal.SIGSEGV)
        report = self.reports()[0]
        self.assertNotIn("connector", report)
        self.assertTrue(report["module"].endswith("/crashing_source.so"), report)

    def test_a_connector_that_ends_the_worker_twice_is_held_until_it_is_configured_anew(self):
        config = self.crashing("start:segv")
        for _ in range(2):
            self.crashed(self.start(config), signal.SIGSEGV)
        held = self.start(config).ready()

        def has_failed():
            connector = held.status("breaker")["connector"]
            return connector["state"] == "FAILED" and "twice within ten minutes" in connector["trace"]
        lab.wait_until(has_failed, "the connector is held")
        self.assertEqual(0, held.stop())
        mended = self.start(dict(config, crash="none")).ready()
        mended.wait_state("breaker")
        self.assertEqual([], self.reports())
        self.assertEqual(0, mended.stop())

    def test_a_signal_from_outside_is_nobodys_fault(self):
        config = self.crashing("none")
        for _ in range(2):
            worker = self.start(config).ready()
            worker.wait_state("breaker")
            worker.signal(signal.SIGSEGV)
            self.crashed(worker, signal.SIGSEGV)
            self.assertIn("SIGSEGV was sent by process %d" % os.getpid(), worker.log_text())
        worker = self.start(config).ready()
        worker.wait_state("breaker")
        self.assertNotIn("trace", worker.status("breaker")["tasks"][0])
