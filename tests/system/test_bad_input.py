"""Bad input: one clear line (or error body) that names the thing and the remedy; the others never notice."""

import http.client
import os
import shutil
import unittest

import lab


def lines_of(worker):
    return [line for line in worker.log_text().splitlines() if line.strip()]


class StartUp(unittest.TestCase):
    """What keeps a worker from starting: exit status 1, and the last line says why."""

    def setUp(self):
        self.kafka = lab.suite_lab()

    def refused(self, properties, *words, timeout_s=90):
        worker = lab.Worker(properties).start()
        self.assertEqual(1, worker.wait(timeout_s), worker.log_end())
        last = lines_of(worker)[-1]
        for word in words:
            self.assertIn(word, last)
        return worker

    def test_a_malformed_properties_file(self):
        worker = lab.Worker(lab.worker_properties(self.kafka))
        path = os.path.join(worker.folder, "bad.properties")
        with open(path, "w") as file:
            file.write("group.id=a\nbootstrap.servers=\\u12\n")
        worker.command = ("worker", path)
        worker.start()
        self.assertEqual(1, worker.wait())
        self.assertIn("bad.properties", lines_of(worker)[-1])
        self.assertIn("line 2", lines_of(worker)[-1])

    def test_a_file_that_is_not_there(self):
        worker = lab.Worker({}, command=("worker", "/nowhere/worker.properties")).start()
        self.assertEqual(1, worker.wait())
        self.assertIn("/nowhere/worker.properties", worker.log_text())

    def test_required_properties_are_all_named_at_once(self):
        worker = lab.Worker({"bootstrap.servers": self.kafka.bootstrap}).start()
        self.assertEqual(1, worker.wait())
        for name in ("group.id", "config.storage.topic", "key.converter"):
            self.assertIn(name, worker.log_text())

    def test_a_broker_that_cannot_be_reached(self):
        properties = lab.worker_properties(self.kafka)
        properties["bootstrap.servers"] = "127.0.0.1:%d" % lab.free_port()
        self.refused(properties, properties["bootstrap.servers"], timeout_s=120)

    def test_a_port_in_use(self):
        with lab.Worker(lab.worker_properties(self.kafka)) as first:
            properties = lab.worker_properties(self.kafka)
            properties["listeners"] = first.properties["listeners"]
            self.refused(properties, first.properties["listeners"].rsplit(":", 1)[1])
            self.assertEqual([], first.rest("GET", "/connectors"))

    def test_a_config_topic_with_two_partitions(self):
        properties = lab.worker_properties(self.kafka)
        self.kafka.topic_create(properties["config.storage.topic"], partitions=2, configs={"cleanup.policy": "compact"})
        self.refused(properties, properties["config.storage.topic"], "config.storage.topic")

    def test_an_internal_topic_that_is_not_compacted(self):
        properties = lab.worker_properties(self.kafka)
        self.kafka.topic_create(properties["status.storage.topic"], configs={"cleanup.policy": "delete"})
        self.refused(properties, properties["status.storage.topic"], "cleanup.policy", "compact")

    def test_a_jks_key_store_protects_something_and_cannot_be_honoured(self):
        properties = lab.worker_properties(self.kafka, security__protocol="SSL", ssl__keystore__type="JKS",
                                           ssl__keystore__location="/etc/keys.jks", ssl__keystore__password="hush")
        worker = self.refused(properties, "ssl.keystore")
        self.assertNotIn("hush", worker.log_text())


class Running(unittest.TestCase):
    """What a running worker answers; the other connector flows on all the while."""

    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.topic = lab.fresh_name("others")
        self.kafka.topic_create(self.topic)
        self.plugins = os.path.join(self.folder, "plugins")
        os.mkdir(self.plugins)

    def start(self):
        worker = lab.Worker(lab.worker_properties(self.kafka, plugin__path=self.plugins)).start().ready()
        self.addCleanup(worker.end)
        self.input = os.path.join(self.folder, "input")
        with open(self.input, "w") as file:
            file.write("first\n")
        worker.create("other", {"connector.class": "FileStreamSource", "file": self.input, "topic": self.topic})
        self.flows(1)
        return worker

    def flows(self, count):
        lab.wait_until(lambda: self.kafka.end_offset(self.topic) >= count, "the other connector flows")

    def still_flows(self):
        with open(self.input, "a") as file:
            file.write("more\n")
        self.flows(2)

    def test_broken_and_foreign_plugin_files_are_refused_in_words(self):
        with open(os.path.join(self.plugins, "broken.so"), "w") as file:
            file.write("this is no shared object")
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "wrong_major.so"), self.plugins)
        worker = self.start()
        self.assertIn("broken.so", worker.log_text())
        self.assertIn("wrong_major.so", worker.log_text())

    def test_a_class_that_does_not_exist(self):
        worker = self.start()
        status, body = worker.request("POST", "/connectors", {"name": "x", "config": {"connector.class": "NoSuchThing"}})
        self.assertEqual(400, status)
        self.assertEqual(400, body["error_code"])
        self.assertIn("NoSuchThing", body["message"])
        self.still_flows()

    def test_invalid_json_and_wrong_shapes(self):
        worker = self.start()
        for body in (b"{bad", b"[]", b'{"name": "x"}', b'{"name": "x", "config": {"a": {}}}', b"", b"null", b"\xff\xfe"):
            status, answer = worker.request("POST", "/connectors", body)
            self.assertEqual(400, status, body)
            self.assertEqual({"error_code", "message"}, set(answer))
        self.assertEqual(["other"], worker.rest("GET", "/connectors"))
        self.still_flows()

    def test_a_body_of_100_megabytes(self):
        worker = self.start()
        host, port = worker.url.split("//")[1].split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        self.addCleanup(connection.close)
        chunk = b"x" * (1 << 20)
        try:
            connection.putrequest("POST", "/connectors")
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(100 * len(chunk)))
            connection.endheaders()
            for _ in range(100):
                connection.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent
        try:
            self.assertEqual(413, connection.getresponse().status)
        except (ConnectionResetError, http.client.BadStatusLine):
            pass  # the answer went under in the reset: closing is clear enough
        with open("/proc/%d/status" % worker.process.pid) as file:
            peak_kib = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        self.assertLess(peak_kib, 100 * 1024)
        self.still_flows()
