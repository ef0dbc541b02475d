"""Plugins that misbehave in a running worker: what they do stays theirs, the others flow on, and the process ends in time."""

import os
import shutil
import signal
import time
import unittest

import lab

END_MARGIN_S = 5.0  # beyond the grace: statuses, leaving the group, closing clients
HANGING = 40
POOL_THREADS = 4  # millrace.pool.threads.max on two cores
JSON = "org.apache.kafka.connect.json.JsonConverter"


class Misbehaving(unittest.TestCase):
    PLUGINS = ()
    GRACE_MS = 2000  # task.shutdown.graceful.timeout.ms

    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.plugins = os.path.join(self.folder, "plugins")
        os.mkdir(self.plugins)
        for name in self.PLUGINS:
            shutil.copy(os.path.join(lab.BUILD, "test-plugins", name + ".so"), self.plugins)
        self.hang = os.path.join(self.folder, "hang")
        open(self.hang, "w").close()
        self.lines = 0

    def start(self, **more):
        """A worker with a source whose lines must go on arriving."""
        properties = lab.worker_properties(self.kafka, plugin__path=self.plugins,
                                           task__shutdown__graceful__timeout__ms=self.GRACE_MS, **more)
        self.worker = lab.Worker(properties).start().ready()
        self.addCleanup(self.worker.end)
        self.input, self.others = os.path.join(self.folder, "input"), lab.fresh_name("others")
        self.others_flow(create=True)

    def others_flow(self, create=False):
        with open(self.input, "a") as file:
            file.write("line %d\n" % self.lines)
        self.lines += 1
        if create:
            self.worker.create("others", {"connector.class": "FileStreamSource", "file": self.input,
                                          "topic": self.others})
        lab.wait_until(lambda: self.kafka.end_offset(self.others) >= self.lines, "the other connector flows")

    def ends_in_time(self):
        start = time.monotonic()
        self.assertEqual(0, self.worker.stop(), self.worker.log_end())
        self.assertLess(time.monotonic() - start, self.GRACE_MS / 1000 + END_MARGIN_S, self.worker.log_end())


class Garbage(Misbehaving):
    PLUGINS = ("garbage_source",)
    CONNECTOR_FAILS = ("start.code",)
    TASK_FAILS = ("task_start.code", "poll.code", "poll.no_reason", "record.no_topic", "record.empty_topic",
                  "record.bad_topic", "record.long_topic", "record.partition", "record.timestamp", "record.schema",
                  "record.too_long", "record.source")
    # A negative partition means none; Kafka takes any bytes.
    HARMLESS = ("poll.error_and_success", "record.bad_text", "record.negative_partition")

    def create(self, garbage, **more):
        name = "garbage-" + garbage
        self.worker.create(name, {"connector.class": "org.acme.GarbageSourceConnector", "garbage": garbage,
                                  "topic": lab.fresh_name("garbage"), **more})
        return name

    def has_failed(self, name, find):
        """The part that `find` finds in the status is FAILED and says why; the reason."""
        def failed():
            part = find(self.worker.status(name))
            return part if part and part["state"] == "FAILED" else None
        part = lab.wait_until(failed, "%s has FAILED" % name, timeout_s=60)
        self.assertGreater(len(part["trace"].split()), 3, part)
        self.assertNotIn("memory", part["trace"])
        return part["trace"]

    def test_garbage_fails_its_own_task_in_words_and_the_others_never_notice(self):
        self.start()
        names = {garbage: self.create(garbage, **{"value.converter": JSON})
                 for garbage in self.CONNECTOR_FAILS + self.TASK_FAILS + self.HARMLESS}
        for garbage in self.CONNECTOR_FAILS:
            with self.subTest(garbage):
                self.has_failed(names[garbage], lambda status: status["connector"])
        for garbage in self.TASK_FAILS:
            with self.subTest(garbage):
                self.has_failed(names[garbage], lambda status: status["tasks"] and status["tasks"][0])
        for garbage in self.HARMLESS:
            with self.subTest(garbage):
                self.worker.wait_state(names[garbage])
        self.others_flow()
        for name in names.values():
            self.worker.rest("DELETE", "/connectors/%s" % name)
        lab.wait_until(lambda: self.worker.rest("GET", "/connectors") == ["others"], "only the other connector is left")
        self.others_flow()
        self.ends_in_time()

    def test_a_connector_without_instance_or_tasks_says_so(self):
        self.start()
        name = self.create("create-nothing")
        self.has_failed(name, lambda status: status["connector"])
        name = self.create("task_configs.code")
        self.worker.wait_state(name, tasks=0)
        lab.wait_until(lambda: name + " gave no task configurations" in self.worker.log_text(), "the log says so")
        self.others_flow()
        self.ends_in_time()


class Hanging(Misbehaving):
    PLUGINS = ("counting_source", "hoarding_sink")

    def hanging_source(self, name, call, tasks=1):
        self.worker.create(name, {"connector.class": "org.acme.CountingSourceConnector", "misbehave": call + ":hang",
                                  "hang.while": self.hang, "tasks": tasks, "tasks.max": tasks, "batch": 1,
                                  "topic": lab.fresh_name("hung")})

    def test_forty_polls_that_never_return_hold_up_nobody(self):
        self.start()
        before = self.threads()
        self.hanging_source("hung", "poll", HANGING)
        self.worker.wait_state("hung", tasks=HANGING)
        # The pool's own few threads hang as well; all others were added for the rest.
        lab.wait_until(lambda: self.threads() >= before + HANGING - POOL_THREADS, "every task holds a thread")
        start = time.monotonic()
        for _ in range(20):
            self.worker.rest("GET", "/connectors/hung/status")
        self.assertLess(time.monotonic() - start, 5)
        self.others_flow()
        self.ends_in_time()
        self.assertGreaterEqual(self.worker.log_text().count("did not stop in time: it is inside poll"),
                                HANGING - POOL_THREADS)

    def threads(self):
        with open("/proc/%d/status" % self.worker.process.pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Threads:"))

    def test_a_task_has_all_of_its_time_to_end(self):
        self.start()
        self.hanging_source("slow", "task.stop")
        self.worker.wait_state("slow")
        self.worker.signal(signal.SIGTERM)
        lab.wait_until(lambda: "stopping" in self.worker.log_text(), "the worker stops")
        time.sleep(self.GRACE_MS / 1000 * 0.8)  # the time itself is what is tested
        os.remove(self.hang)
        self.assertEqual(0, self.worker.wait())
        self.assertNotIn("did not stop in time", self.worker.log_text())
    test_a_task_has_all_of_its_time_to_end.alone = True

    def test_a_connector_with_hung_tasks_can_be_stopped_and_deleted(self):
        self.start()
        self.hanging_source("hung", "poll", 3)
        self.worker.wait_state("hung", tasks=3)
        self.worker.rest("PUT", "/connectors/hung/stop")
        self.worker.wait_state("hung", "STOPPED", tasks=0)
        self.worker.rest("DELETE", "/connectors/hung")
        lab.wait_until(lambda: self.worker.request("GET", "/connectors/hung/status")[0] == 404, "the status is gone")
        self.others_flow()
        self.hanging_source("hung", "none")
        self.worker.wait_state("hung")
        self.ends_in_time()

    def test_a_start_that_never_returns_keeps_only_its_connector(self):
        self.start()
        self.hanging_source("hung", "start")
        self.others_flow()
        self.worker.rest("DELETE", "/connectors/hung")
        self.others_flow()
        self.ends_in_time()

    def test_a_put_that_never_returns_is_left_behind_with_what_it_holds(self):
        self.start()
        topic, output = lab.fresh_name("taken"), os.path.join(self.folder, "output")
        self.kafka.produce(topic, ["one", "two", "three"])
        name = lab.fresh_name("hung")
        self.worker.create(name, {"connector.class": "org.acme.HoardingSinkConnector", "topics": topic, "file": output,
                                  "keep": 2, "hang.while": self.hang})
        lab.wait_until(lambda: os.path.exists(output) and open(output).read() == "one\n", "the first record")
        self.kafka.produce(topic, ["hang", "four"])
        self.others_flow()
        self.ends_in_time()


class Hoarding(Misbehaving):
    """A sink that holds on to records over put, rebalance, restart and stop."""
    PLUGINS = ("hoarding_sink",)
    PARTITIONS, EACH, KEEP = 4, 500, 100

    def config(self, **more):
        return {"connector.class": "org.acme.HoardingSinkConnector", "topics": self.topic, "file": self.output,
                "keep": self.KEEP, "tasks.max": 1, **more}

    def put(self, **more):
        self.worker.rest("PUT", "/connectors/%s/config" % self.name,
                         {key: str(value) for key, value in self.config(**more).items()})

    def produce(self):
        for partition in range(self.PARTITIONS):
            first = self.produced
            self.kafka.produce(self.topic, ["%d-%06d" % (partition, first + n) for n in range(self.EACH)], partition)
        self.produced += self.EACH

    def written(self):
        with open(self.output) as file:
            return file.read().splitlines()

    def wait_written(self, held, what):
        """Nothing but at most `held` records is still missing in the file."""
        lab.wait_until(lambda: len(self.written()) >= self.PARTITIONS * self.produced - held, what, timeout_s=60)

    def test_hoarded_records_are_neither_lost_nor_in_the_way(self):
        self.start(consumer__session__timeout__ms=10000)
        self.topic, self.output = lab.fresh_name("hoarded"), os.path.join(self.folder, "output")
        self.name, self.produced = lab.fresh_name("hoard"), 0
        self.kafka.topic_create(self.topic, partitions=self.PARTITIONS)
        open(self.output, "w").close()
        self.worker.create(self.name, self.config())
        self.produce()
        self.wait_written(self.KEEP, "the first records")
        self.put(**{"tasks.max": 3})
        self.worker.wait_state(self.name, tasks=3)
        self.produce()
        self.wait_written(3 * self.KEEP, "the records after the rebalance")
        self.worker.rest("POST", "/connectors/%s/restart?includeTasks=true" % self.name)
        self.produce()
        self.wait_written(3 * self.KEEP, "the records after the restart")
        self.worker.rest("PUT", "/connectors/%s/stop" % self.name)
        self.worker.wait_state(self.name, "STOPPED", tasks=0)
        self.worker.rest("PUT", "/connectors/%s/resume" % self.name)
        self.worker.wait_state(self.name, tasks=3)
        self.produce()
        self.wait_written(3 * self.KEEP, "the records after the stop")
        self.put(keep=0)
        self.wait_written(0, "all records")
        self.each_once_and_in_order()
        self.put()
        self.worker.wait_state(self.name)
        self.produce()
        self.wait_written(self.KEEP, "the last records")
        self.others_flow()
        self.ends_in_time()
        self.assertNotIn("did not return", self.worker.log_text())

    def each_once_and_in_order(self):
        lines = self.written()
        for partition in range(self.PARTITIONS):
            mine = [line for line in lines if line.startswith("%d-" % partition)]
            self.assertEqual(["%d-%06d" % (partition, n) for n in range(self.produced)], mine)
