"""The main job: lines from a file through a real Kafka into a file, driven over REST, with everything that may come in between."""

import os
import unittest

import lab

LINES = int(os.environ.get("MILLRACE_TEST_LINES", "1000000"))


def write_lines(path, first, count):
    with open(path, "a") as file:
        file.writelines("%09d the river turns the wheel, the wheel turns the stone\n" % n for n in range(first, first + count))


def numbers(path):
    """The numbers of the lines, in order. A line that is not whole fails the test."""
    with open(path, "rb") as file:
        return [int(line[:9]) for line in file if line.endswith(b"stone\n") or lab_broken(line)]


def lab_broken(line):
    raise AssertionError("a broken line: %r" % line)


class MainJob(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.input = os.path.join(self.folder, "input")
        self.output = os.path.join(self.folder, "output")
        self.topic = lab.fresh_name("lines")
        self.i, self.o = lab.fresh_name("in"), lab.fresh_name("out")  # a sink's group is named after it: no two tests share one
        self.kafka.topic_create(self.topic)
        self.source = {"connector.class": "FileStreamSource", "file": self.input, "topic": self.topic}
        self.sink = {"connector.class": "FileStreamSink", "file": self.output, "topics": self.topic}

    def has_line(self, last):
        """The output ends with that line."""
        def ends():
            with open(self.output, "rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - 200))
                lines = file.read().splitlines()
            return lines and lines[-1].startswith(b"%09d" % last)
        return ends

    def test_a_million_lines_arrive_identical_and_in_order(self):
        write_lines(self.input, 0, LINES)
        with lab.Worker(lab.worker_properties(self.kafka)) as worker:
            worker.create(self.i, self.source)
            worker.create(self.o, self.sink)
            lab.wait_until(self.has_line(LINES - 1), "all lines in the output", timeout_s=240)
            self.assertEqual(0, worker.stop())
        with open(self.input, "rb") as sent, open(self.output, "rb") as received:
            self.assertTrue(sent.read() == received.read(), "the output differs from the input")

    def test_nothing_is_lost_or_repeated_over_pause_stop_and_restart_of_the_worker(self):
        part = max(LINES // 10, 1000)
        properties = lab.worker_properties(self.kafka)
        with lab.Worker(properties) as worker:
            write_lines(self.input, 0, part)
            worker.create(self.i, self.source)
            worker.create(self.o, self.sink)
            lab.wait_until(self.has_line(part - 1), "the first part")
            worker.rest("PUT", "/connectors/%s/pause" % self.i)
            worker.wait_state(self.i, "PAUSED")
            write_lines(self.input, part, part)
            worker.rest("PUT", "/connectors/%s/resume" % self.i)
            lab.wait_until(self.has_line(2 * part - 1), "the part after the pause")
            worker.rest("PUT", "/connectors/%s/stop" % self.o)
            worker.wait_state(self.o, "STOPPED", tasks=0)
            write_lines(self.input, 2 * part, part)
            worker.rest("PUT", "/connectors/%s/resume" % self.o)
            lab.wait_until(self.has_line(3 * part - 1), "the part after the stop")
            worker.rest("POST", "/connectors/%s/restart?includeTasks=true" % self.i)
            write_lines(self.input, 3 * part, part)
            lab.wait_until(self.has_line(4 * part - 1), "the part after the restart of the connector")
            self.assertEqual(0, worker.stop())
        write_lines(self.input, 4 * part, part)
        with lab.Worker(properties) as worker:
            lab.wait_until(self.has_line(5 * part - 1), "the part after the restart of the worker")
            self.assertEqual(0, worker.stop())
        self.assertEqual(list(range(5 * part)), numbers(self.output))

    def test_nothing_is_missing_after_sigkill(self):
        part = max(LINES // 10, 1000)
        properties = lab.worker_properties(self.kafka)
        write_lines(self.input, 0, part)
        with lab.Worker(properties) as worker:
            worker.create(self.i, self.source)
            worker.create(self.o, self.sink)
            lab.wait_until(lambda: os.path.exists(self.output) and os.path.getsize(self.output) > 0, "the first lines")
            write_lines(self.input, part, part)
            worker.kill()
        write_lines(self.input, 2 * part, part)
        with lab.Worker(properties) as worker:
            lab.wait_until(self.has_line(3 * part - 1), "all lines after the kill", timeout_s=120)
            self.assertEqual(0, worker.stop())
        received = numbers(self.output)
        self.assertEqual(set(range(3 * part)), set(received))

    def test_a_deleted_connector_is_gone_and_comes_back_where_it_was(self):
        write_lines(self.input, 0, 1000)
        with lab.Worker(lab.worker_properties(self.kafka)) as worker:
            worker.create(self.i, self.source)
            lab.wait_until(lambda: self.kafka.end_offset(self.topic) >= 1000, "1000 records in the topic")
            worker.rest("DELETE", "/connectors/%s" % self.i)
            lab.wait_until(lambda: worker.request("GET", "/connectors/%s/status" % self.i)[0] == 404, "the status is gone")
            self.assertEqual([], worker.rest("GET", "/connectors"))
            write_lines(self.input, 1000, 500)
            worker.create(self.i, self.source)
            lab.wait_until(lambda: self.kafka.end_offset(self.topic) >= 1500, "only the new records follow")
            worker.wait_state(self.i)
            self.assertEqual(1500, self.kafka.end_offset(self.topic))

    def test_a_chain_of_transforms_and_json_with_schemas(self):
        write_lines(self.input, 0, 3)
        json_converter = {"value.converter": "org.apache.kafka.connect.json.JsonConverter"}
        chain = {"transforms": "hoist,where", "transforms.hoist.type": "org.apache.kafka.connect.transforms.HoistField$Value",
                 "transforms.hoist.field": "line", "transforms.where.type": "org.apache.kafka.connect.transforms.InsertField$Value",
                 "transforms.where.static.field": "mill", "transforms.where.static.value": "upper"}
        back = {"transforms": "line", "transforms.line.type": "org.apache.kafka.connect.transforms.ExtractField$Value",
                "transforms.line.field": "line"}
        with lab.Worker(lab.worker_properties(self.kafka)) as worker:
            worker.create(self.i, {**self.source, **json_converter, **chain})
            worker.create(self.o, {**self.sink, **json_converter, **back})
            lab.wait_until(self.has_line(2), "three lines")
            first = self.kafka.values(self.topic)[0].decode()
        self.assertEqual([0, 1, 2], numbers(self.output))
        self.assertIn('"payload":{"line":"000000000 the river', first)
        self.assertIn('"mill":"upper"}}', first)


class Group(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()

    def test_a_second_worker_joins_and_takes_over_when_the_first_leaves(self):
        properties = lab.worker_properties(self.kafka)
        folder = lab.scratch_folder()
        topic = lab.fresh_name("takeover")
        self.kafka.topic_create(topic)
        path = os.path.join(folder, "input")
        write_lines(path, 0, 10)
        with lab.Worker(properties) as first:
            first.create("in", {"connector.class": "FileStreamSource", "file": path, "topic": topic})
            lab.wait_until(lambda: self.kafka.end_offset(topic) >= 10, "the first records")
            second = lab.Worker({**properties, "listeners": "http://127.0.0.1:%d" % lab.free_port()}).start()
            lab.wait_until(lambda: "this worker follows" in second.log_text(), "the second says that it follows")
            self.assertEqual(10, self.kafka.end_offset(topic))
            self.assertEqual(0, first.stop())
            write_lines(path, 10, 10)
            lab.wait_until(lambda: self.kafka.end_offset(topic) >= 20, "the second goes on")
            self.assertEqual(20, self.kafka.end_offset(topic))
            self.assertEqual(0, second.stop())

    def test_a_live_jvm_worker_in_the_group_is_a_start_up_error(self):
        properties = lab.worker_properties(self.kafka)
        jvm = {**properties, "plugin.discovery": "only_scan"}
        self.kafka.jvm_worker_start(jvm)
        lab.wait_until(lambda: lab.http("GET", jvm["listeners"] + "/connectors")[0] == 200, "the JVM worker answers", 120)
        worker = lab.Worker({**properties, "listeners": "http://127.0.0.1:%d" % lab.free_port()}).start()
        self.assertEqual(1, worker.wait(60))
        self.assertIn(properties["group.id"], worker.log_end(3))


class Secured(unittest.TestCase):
    def test_the_main_job_over_sasl_ssl_with_a_jaas_line(self):
        with lab.Lab(sasl_ssl=True) as kafka:
            user = kafka.credentials()
            security = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "ssl.truststore.type": "PEM",
                        "ssl.truststore.location": kafka.path("ca.pem"),
                        "sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"%s\" "
                                            "password=\"%s\";" % (user["user"], user["password"])}
            properties = lab.worker_properties(kafka)
            properties["bootstrap.servers"] = kafka.read("bootstrap-sasl-ssl")
            for prefix in ("", "producer.", "consumer.", "admin."):
                properties.update({prefix + key: value for key, value in security.items()})
            folder = lab.scratch_folder()
            path, out = os.path.join(folder, "input"), os.path.join(folder, "output")
            write_lines(path, 0, 1000)
            kafka.topic_create("secured")
            with lab.Worker(properties) as worker:
                worker.create("in", {"connector.class": "FileStreamSource", "file": path, "topic": "secured"})
                worker.create("out", {"connector.class": "FileStreamSink", "file": out, "topics": "secured"})
                lab.wait_until(lambda: os.path.exists(out) and len(numbers(out)) == 1000, "all lines")
                self.assertEqual(0, worker.stop())
                self.assertNotIn(user["password"], worker.log_text())
            wrong = {key: value.replace(user["password"], "not-the-password") if isinstance(value, str) else value
                     for key, value in properties.items()}
            worker = lab.Worker(wrong).start()
            self.assertEqual(1, worker.wait(120))
            self.assertNotIn("not-the-password", worker.log_text())
