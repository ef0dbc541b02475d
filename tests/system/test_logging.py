"""The log: JSON, levels of a connector, floods, secrets, and a standard error that nobody reads."""

import fcntl
import json
import os
import subprocess
import time
import unittest

import lab

SECRET = "a-password-that-no-line-may-show"
LOG_REPORTER = "org.apache.kafka.connect.runtime.errors.LogReporter"
BAD_RECORDS = 400
F_SETPIPE_SZ = 1031  # not in fcntl before Python 3.10


class Unread(lab.Worker):
    """Nobody reads what it says, until read_all."""

    def start(self):
        path = os.path.join(self.folder, "worker.properties")
        lab.properties_write(path, self.properties)
        reading, writing = os.pipe()
        fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
        self.process = subprocess.Popen([self.program, *self.command, path], stdin=subprocess.DEVNULL, stdout=writing, stderr=writing,
                                        cwd=self.folder, env=self.environment)
        os.close(writing)
        self.reading = reading
        lab._live.append(self)
        return self

    def log_text(self):
        return ""

    def read_until(self, words, timeout_s=30):
        seen, end = b"", time.monotonic() + timeout_s
        os.set_blocking(self.reading, False)
        while words.encode() not in seen and time.monotonic() < end:
            try:
                seen += os.read(self.reading, 1 << 16)
            except BlockingIOError:
                time.sleep(0.01)
        os.set_blocking(self.reading, True)
        return seen.decode()


class Logging(unittest.TestCase):
    def test_lines_in_json_say_for_whom_they_are_and_a_flood_is_counted(self):
        kafka = lab.suite_lab()
        properties = lab.worker_properties(kafka, millrace__log__format="json", millrace__log__levels="kafka.client=OFF",
                                           millrace__log__repeats__window__ms=3000)
        properties["config.providers"] = "env"
        properties["config.providers.env.class"] = "org.apache.kafka.common.config.provider.EnvVarConfigProvider"
        with lab.Worker(properties, environment={"LOG_SECRET": SECRET}) as worker:
            self.worker = worker
            self.topic = lab.fresh_name("bad")
            kafka.topic_create(self.topic)
            kafka.produce(self.topic, ["{not json %d" % i for i in range(BAD_RECORDS)])
            self.create("orders")
            self.create("orders-eu")
            worker.wait_state("orders")
            worker.wait_state("orders-eu")
            self.a_flood_is_counted()
            self.one_connector_speaks_more_than_the_others()
            self.lines_of_librdkafka_name_the_connector()
            self.debug_tells_what_a_task_does()
            self.secrets_are_hidden()
            lines = self.lines()
            named = [line for line in lines if "worker" in line]
            self.assertTrue(named and all(line["worker"] in worker.url for line in named))
            self.assertTrue(all({"time", "level", "logger", "message"} <= set(line) for line in lines))

    def lines(self):
        return [json.loads(line) for line in self.worker.log_text().splitlines()]

    def create(self, name, more=()):
        self.worker.create(name, {
            "connector.class": "FileStreamSink", "topics": self.topic, "file": os.path.join(self.worker.folder, name),
            "value.converter": "org.apache.kafka.connect.json.JsonConverter", "errors.tolerance": "all",
            "errors.log.enable": "true", "consumer.override.debug": "cgrp", "consumer.override.sasl.jaas.config":
            'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="${env:LOG_SECRET}";', **dict(more)})

    def a_flood_is_counted(self):
        def told():
            reports = [line for line in self.lines() if line["logger"] == LOG_REPORTER and line.get("connector") == "orders"]
            written, left_out = len(reports), sum(line.get("left_out", 0) for line in reports)
            assert left_out > 0 and reports[0]["task"] == 0 and reports[0]["stage"] == "VALUE_CONVERTER", reports[:1]
            # The line that tells of those left out is one of them, written again.
            assert written + left_out in (BAD_RECORDS, BAD_RECORDS + 1), (written, left_out)
            return True
        lab.wait_until(told, "all bad records are written or counted")

    def put_level(self, logger, level):
        return self.worker.request("PUT", "/admin/loggers/" + logger, {"level": level})

    def client_lines(self, name):
        """Warnings of a client that is opened: of the property `debug`, which it does not know."""
        return [line for line in self.lines() if line["logger"] == "kafka.client" and line.get("connector") == name]

    def one_connector_speaks_more_than_the_others(self):
        self.assertEqual([], self.client_lines("orders") + self.client_lines("orders-eu"))  # kafka.client is OFF
        self.assertEqual((200, ["connector.orders"]), self.put_level("connector.orders", "WARN"))
        for name in ("orders-eu", "orders"):
            self.assertEqual(204, self.worker.request("POST", "/connectors/%s/tasks/0/restart" % name)[0])
        lab.wait_until(lambda: self.client_lines("orders"), "the connector speaks")
        self.worker.wait_state("orders-eu")
        self.assertEqual([], self.client_lines("orders-eu"))
        self.assertEqual("OFF", self.worker.rest("GET", "/admin/loggers/kafka.client")["level"])

    def lines_of_librdkafka_name_the_connector(self):
        self.create("nowhere", {"consumer.override.bootstrap.servers": "127.0.0.1:1"})
        lab.wait_until(lambda: any(line["logger"] == "kafka.librdkafka" and line.get("connector") == "nowhere" and line["task"] == 0
                                   for line in self.lines()), "librdkafka's trouble names the connector")

    def debug_tells_what_a_task_does(self):
        source, topic = os.path.join(self.worker.folder, "told"), lab.fresh_name("told")
        with open(source, "w", encoding="utf-8") as file:
            file.write("one\ntwo\n")
        for name, config in (("told", {"connector.class": "FileStreamSource", "file": source, "topic": topic}),
                             ("told-out", {"connector.class": "FileStreamSink", "file": source + "-out", "topics": topic})):
            self.put_level("connector." + name, "DEBUG")
            self.worker.create(name, {**config, "value.converter": "org.apache.kafka.connect.storage.StringConverter"})

        def told(name, words):
            return [line for line in self.lines() if line["level"] == "DEBUG" and line.get("connector") == name and line["task"] == 0
                    and words in line["message"]]
        for name, words in (("told", "poll has given records: 2"), ("told", "records written: 2, dropped: 0"), ("told", "offsets are stored"),
                            ("told-out", "put has taken records: "), ("told-out", "%s-0: offset 2 is committed" % topic)):
            lab.wait_until(lambda name=name, words=words: told(name, words), "%s says: %s" % (name, words))
        self.assertFalse([line for line in self.lines() if line["level"] == "DEBUG" and line.get("connector") not in ("told", "told-out")])

    def secrets_are_hidden(self):
        """A line that would name it: whose level is set."""
        self.put_level("of." + SECRET, "INFO")
        lab.wait_until(lambda: any("the level of logger of." in line["message"] for line in self.lines()), "the line is there")
        self.assertNotIn(SECRET, self.worker.log_text())

    def test_a_standard_error_that_nobody_reads_holds_up_neither_records_nor_requests(self):
        kafka = lab.suite_lab()
        properties = lab.worker_properties(kafka, millrace__log__repeats__max=0, millrace__log__buffer__bytes=65536)
        worker = Unread(properties).start().ready()
        self.addCleanup(worker.end)
        source, topic = os.path.join(worker.folder, "in"), lab.fresh_name("unread")
        worker.create("in", {"connector.class": "FileStreamSource", "file": source, "topic": topic})
        for i in range(500):  # each leaves a line: pipe and buffer are full long before the last
            worker.request("PUT", "/admin/loggers/%s%d" % ("flood." * 30, i), {"level": "TRACE"})
        with open(source, "w", encoding="utf-8") as f:
            f.writelines("line %d\n" % i for i in range(1000))
        worker.wait_state("in")
        lab.wait_until(lambda: kafka.end_offset(topic) == 1000, "all records come")
        self.assertEqual(200, worker.request("GET", "/livez")[0])
        self.assertEqual("healthy", worker.rest("GET", "/health")["status"])
        said = worker.read_until("lines were dropped")
        self.assertIn("lines were dropped: standard error did not take them in time", said)
        began = time.monotonic()
        self.assertEqual(0, worker.stop())  # nobody reads again
        self.assertLess(time.monotonic() - began, 20)
        os.close(worker.reading)


if __name__ == "__main__":
    unittest.main()
