"""Requests that a running worker refuses: status and words as clients of the JVM worker know them, and nothing else happens.

What a worker is not needed for is in tests/unit/routes/test_error_rows.c.
"""

import os
import shutil
import unittest

import lab

CLASS = "FileStreamSource"
RECORD_MAX = 2000  # max.message.bytes of the config topic
TOO_LARGE = "x" * (2 * RECORD_MAX)
NOT_WRITTEN = "Error writing connector configuration to Kafka"
INVALID = "Connector configuration is invalid and contains the following 1 error(s):\n"
NOT_STOPPED = "Connectors must be in the STOPPED state before their offsets can be modified."
OFFSETS = {"offsets": [{"partition": {"filename": "f"}, "offset": {"position": 0}}]}


class Refusals(unittest.TestCase):
    def setUp(self):
        self.kafka, self.folder = lab.suite_lab(), lab.scratch_folder()

    def start(self, plugins=(), **more):
        for name in plugins:
            shutil.copy(os.path.join(lab.BUILD, "test-plugins", name + ".so"), self.folder)
        self.worker = lab.Worker(lab.worker_properties(self.kafka, plugin__path=self.folder, **more)).start().ready()
        self.addCleanup(self.worker.end)

    def source(self, **more):
        return {"connector.class": CLASS, "topic": lab.fresh_name("refused"), "file": os.path.join(self.folder, "none"),
                **more}

    def refuses(self, method, path, body, status, words):
        answer = self.worker.request(method, path, body)
        with self.subTest("%s %s" % (method, path), words=words):
            self.assertEqual(status, answer[0], answer)
            self.assertEqual({"error_code", "message"}, set(answer[1]), answer)
            self.assertEqual(status, answer[1]["error_code"])
            self.assertTrue(answer[1]["message"].startswith(words), answer)

    def test_each_refusal_has_its_status_and_words(self):
        self.start(plugins=["misbehaving"], topic__tracking__allow__reset="false")
        here, broken = lab.fresh_name("here"), lab.fresh_name("broken")
        self.worker.create(here, self.source())
        self.worker.create(broken, self.source(**{"connector.class": "MisbehavingSourceConnector",
                                                  "misbehave": "start:error", "hang.while": self.folder}))
        self.worker.wait_state(here)
        lab.wait_until(lambda: self.worker.status(broken)["connector"]["state"] == "FAILED", "the start to fail")

        def create(name, config):
            return {"name": name, "config": config}
        rows = [
            ("POST", "/connectors", create("a", {"topic": "t"}), 400, "Connector config {"),
            ("POST", "/connectors", create("a", {**self.source(), "connector.class": "Nope"}), 400,
             "Failed to find any class that implements Connector and which name matches Nope, available connectors are: "),
            ("POST", "/connectors", create("a", self.source(topic="")), 400, INVALID),
            ("POST", "/connectors", create("a", self.source(name="b")), 400,
             "Connector name configuration (b) doesn't match connector name in the URL (a)"),
            ("POST", "/connectors", create(here, self.source(topic="")), 400, INVALID),  # before: it is there already
            ("POST", "/connectors", create(here, self.source()), 409, "Connector %s already exists" % here),
            ("PUT", "/connectors/%s/config" % here, self.source(topic=""), 400, INVALID),
            ("PATCH", "/connectors/%s/config" % here, {"topic": None}, 400, INVALID),
            ("PATCH", "/connectors/no/config", {}, 404, "Connector no not found"),
            ("DELETE", "/connectors/no", None, 404, "Connector no not found"),
            ("PUT", "/connectors/no/pause", None, 404, "Unknown connector no"),
            ("PUT", "/connectors/no/resume", None, 404, "Unknown connector no"),
            ("PUT", "/connectors/no/stop", None, 404, "Unknown connector no"),
            ("POST", "/connectors/no/restart", None, 404, "Unknown connector: no"),
            ("POST", "/connectors/%s/tasks/7/restart" % here, None, 404, "Unknown task: %s-7" % here),
            ("POST", "/connectors/%s/restart" % broken, None, 500, "Failed to start connector: " + broken),
            ("PUT", "/connectors/%s/topics/reset" % here, None, 403, "Topic tracking reset is disabled."),
            ("PATCH", "/connectors/no/offsets", {}, 400, "Partitions / offsets need to be provided"),
            ("PATCH", "/connectors/no/offsets", OFFSETS, 404, "Connector no not found"),
            ("PATCH", "/connectors/%s/offsets" % here, OFFSETS, 400, NOT_STOPPED),
            ("DELETE", "/connectors/%s/offsets" % here, None, 400, NOT_STOPPED),
            ("DELETE", "/connectors/no/offsets", None, 404, "Connector no not found"),
            ("PUT", "/connector-plugins/%s/config/validate" % CLASS, self.source(**{"connector.class": "FileStreamSink"}),
             400, "Included connector type FileStreamSink does not match request type " + CLASS),
            ("GET", "/connector-plugins/Nope/config", None, 404, "Unknown plugin Nope."),
            ("GET", "/connector-plugins/%s/config?version=9.9" % CLASS, None, 400, ""),
        ]
        for row in rows:
            self.refuses(*row)
        self.worker.wait_state(here)
        self.assertEqual({here, broken}, set(self.worker.rest("GET", "/connectors")))
        self.assertEqual("healthy", self.worker.rest("GET", "/health")["status"])

    def test_a_configuration_that_the_topic_cannot_hold_changes_nothing(self):
        group, name = lab.fresh_name("group"), lab.fresh_name("here")
        self.kafka.topic_create(group + "-configs", 1, {"cleanup.policy": "compact", "max.message.bytes": RECORD_MAX})
        self.start(group=group)
        self.worker.create(name, self.source())
        self.worker.wait_state(name)
        before = self.worker.rest("GET", "/connectors/" + name)
        self.refuses("POST", "/connectors", {"name": "big", "config": self.source(big=TOO_LARGE)}, 500, NOT_WRITTEN)
        self.refuses("PUT", "/connectors/big/config", self.source(big=TOO_LARGE), 500, NOT_WRITTEN)
        self.refuses("PUT", "/connectors/%s/config" % name, self.source(big=TOO_LARGE), 500, NOT_WRITTEN)
        self.refuses("PATCH", "/connectors/%s/config" % name, {"big": TOO_LARGE}, 500, NOT_WRITTEN)
        self.assertEqual([name], self.worker.rest("GET", "/connectors"))
        self.assertEqual(before, self.worker.rest("GET", "/connectors/" + name))
        self.worker.wait_state(name)
        self.assertEqual("more", self.worker.rest("PATCH", "/connectors/%s/config" % name, {"big": "more"})["config"]["big"])
        self.assertEqual(0, self.worker.stop(), self.worker.log_end())
