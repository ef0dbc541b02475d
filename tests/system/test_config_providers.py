"""Secrets by reference: resolved where they are used, shown and stored nowhere, and read again when they change."""

import json
import os
import shutil
import unittest

import lab

CLASSES = "org.apache.kafka.common.config.provider."


def replace(path, text):
    """As one step, as whoever changes secrets does it."""
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".tmp", path)


def volume_put(folder, version, values):
    """A secret volume as the kubelet writes it: a new folder, and the link ..data given a new target."""
    fresh, link = os.path.join(folder, version), os.path.join(folder, "..data")
    former = os.readlink(link) if os.path.islink(link) else None
    os.makedirs(fresh)
    for name, value in values.items():
        with open(os.path.join(fresh, name), "w", encoding="utf-8") as file:
            file.write(value)
        if former is None:
            os.symlink(os.path.join("..data", name), os.path.join(folder, name))
    os.symlink(version, link + "_tmp")
    os.rename(link + "_tmp", link)
    if former is not None:
        shutil.rmtree(os.path.join(folder, former))


class ConfigProviders(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.secrets = os.path.join(self.folder, "secrets")
        self.file = os.path.join(self.secrets, "db.properties")
        self.volume = os.path.join(self.secrets, "volume")
        os.makedirs(self.volume)
        self.properties = lab.worker_properties(
            self.kafka, config__providers="env,file,dir", config__providers__env__class=CLASSES + "EnvVarConfigProvider",
            config__providers__env__param__allowlist__pattern="CP_.*",
            config__providers__file__class=CLASSES + "FileConfigProvider",
            config__providers__file__param__allowed__paths=self.secrets,
            config__providers__dir__class=CLASSES + "DirectoryConfigProvider",
            config__providers__dir__param__allowed__paths=self.secrets)
        self.input, self.topic, self.name = os.path.join(self.folder, "input"), lab.fresh_name("lines"), lab.fresh_name("in")

    def worker(self, **environment):
        return lab.Worker(self.properties, environment=environment)

    def source(self, secret, **more):
        """Lines of the input with the secret in a field: shows what the task was given."""
        config = {"connector.class": "FileStreamSource", "file": self.input, "topic": self.topic,
                  "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
                  "transforms": "hoist,insert", "transforms.hoist.type": "org.apache.kafka.connect.transforms.HoistField$Value",
                  "transforms.hoist.field": "line", "transforms.insert.type": "org.apache.kafka.connect.transforms.InsertField$Value",
                  "transforms.insert.static.field": "secret", "transforms.insert.static.value": secret}
        config.update({key.replace("__", "."): value for key, value in more.items()})
        return config

    def say(self, line):
        with open(self.input, "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def arrived(self, line):
        """The secret beside that line, once it is in the topic."""
        def there():
            if self.topic not in self.kafka.topics():
                return None
            records = [json.loads(value) for value in self.kafka.values(self.topic)]
            return [record["secret"] for record in records if record["line"] == line]
        return lab.wait_until(there, "line %s in the topic" % line)[-1]

    def restarted(self, worker):
        """The old task has ended and the new one runs."""
        key = "status-task-%s-0" % self.name
        lab.wait_until(lambda: [r for r in self.kafka.consume(self.kafka_group() + "-status")
                                if r["key"] == key and "RESTARTING" in (r["value"] or "")], "the task's restart")
        worker.wait_state(self.name)

    def assert_untold(self, worker, *secrets):
        """Not in the internal topics, not in the log, not in what REST tells of the connectors."""
        places = {"log": worker.log_text(), "REST": json.dumps(worker.rest("GET", "/connectors?expand=info&expand=status")),
                  "tasks": json.dumps(worker.rest("GET", "/connectors/%s/tasks" % self.name))}
        group = self.kafka_group()
        for kind in ("configs", "offsets", "status"):
            places[kind] = json.dumps(self.kafka.consume("%s-%s" % (group, kind)))
        for place, text in places.items():
            for secret in secrets:
                self.assertNotIn(secret, text, "a secret in the " + place)
        self.assertIn("transforms.insert.static.value", places["configs"])

    def kafka_group(self):
        return self.properties["config.storage.topic"][:-len("-configs")]

    def test_a_changed_file_restarts_the_connector_and_only_the_reference_is_kept(self):
        reference = "${file:%s:password}" % self.file
        replace(self.file, "password=first-s3cr3t\nuser=ada\n")
        with self.worker() as worker:
            worker.create(self.name, self.source(reference))
            self.say("one")
            self.assertEqual("first-s3cr3t", self.arrived("one"))
            replace(self.file, "password=second-s3cr3t\nuser=ada\n")
            lab.wait_until(lambda: "values that connector %s refers to have changed" % self.name in worker.log_text(), "the notice")
            lab.wait_until(lambda: [r for r in self.kafka.consume(self.kafka_group() + "-configs")
                                    if r["key"] == "restart-connector-" + self.name], "the restart")
            self.restarted(worker)
            self.say("two")
            self.assertEqual("second-s3cr3t", self.arrived("two"))
            config = worker.rest("GET", "/connectors/%s/config" % self.name)
            self.assertEqual(reference, config["transforms.insert.static.value"])
            self.assert_untold(worker, "first-s3cr3t", "second-s3cr3t")
            self.assertEqual(0, worker.stop())

    def test_a_swapped_kubernetes_volume_restarts_the_connector(self):
        volume_put(self.volume, "..2026_01", {"password": "first-s3cr3t", "user": "ada"})
        with self.worker() as worker:
            worker.create(self.name, self.source("${dir:%s:user}:${dir:%s:password}" % (self.volume, self.volume)))
            self.say("one")
            self.assertEqual("ada:first-s3cr3t", self.arrived("one"))
            volume_put(self.volume, "..2026_02", {"password": "second-s3cr3t", "user": "ada"})
            self.restarted(worker)
            self.say("two")
            self.assertEqual("ada:second-s3cr3t", self.arrived("two"))
            self.assert_untold(worker, "first-s3cr3t", "second-s3cr3t")
            self.assertEqual(0, worker.stop())

    def test_the_workers_own_file_is_resolved_and_what_is_not_allowed_stays_text(self):
        outside = os.path.join(self.folder, "outside.properties")
        replace(outside, "password=outside-s3cr3t\n")
        replace(self.file, "bootstrap=%s\npassword=file-s3cr3t\n" % self.kafka.bootstrap)
        self.properties["bootstrap.servers"] = "${file:%s:bootstrap}" % self.file
        self.properties["client.id"] = "${env:CP_CLIENT}"
        forbidden = "${env:HOME} ${file:%s/../outside.properties:password} ${nobody:x}" % self.secrets
        with self.worker(CP_CLIENT="env-client", CP_PASSWORD="env-s3cr3t") as worker:
            worker.create(self.name, self.source("${env:CP_PASSWORD} " + forbidden))
            self.say("one")
            self.assertEqual("env-s3cr3t " + forbidden, self.arrived("one"))
            self.assertIn("is not allowed to be accessed", worker.log_text())
            self.assert_untold(worker, "env-s3cr3t", "outside-s3cr3t", "file-s3cr3t")
            self.assertEqual(0, worker.stop())

    def test_a_connector_that_wishes_no_reload_keeps_its_values(self):
        watched = lab.fresh_name("watched")
        replace(self.file, "password=first-s3cr3t\n")
        with self.worker() as worker:
            worker.create(self.name, self.source("${file:%s:password}" % self.file, config__action__reload="none"))
            worker.create(watched, {"connector.class": "FileStreamSource", "file": self.input + "2",
                                    "topic": "${file:%s:password}" % self.file})
            worker.wait_state(watched)
            self.say("one")
            self.assertEqual("first-s3cr3t", self.arrived("one"))
            replace(self.file, "password=second-s3cr3t\n")
            lab.wait_until(lambda: "values that connector %s refers to have changed" % watched in worker.log_text(), "the notice")
            self.say("two")
            self.assertEqual("first-s3cr3t", self.arrived("two"))
            self.assertNotIn("values that connector %s refers" % self.name, worker.log_text())
            self.assertEqual(0, worker.stop())

    def test_what_cannot_be_resolved_is_told_by_its_reference(self):
        replace(self.file, "password=first-s3cr3t\n")
        missing = os.path.join(self.secrets, "missing.properties")
        with self.worker() as worker:
            status, body = worker.request("POST", "/connectors", {"name": "a", "config": self.source("${file:%s:x}" % missing)})
            self.assertGreaterEqual(status, 400)
            self.assertIn("Could not read properties from file %s: No such file or directory" % missing, body["message"])
            status, body = worker.request("POST", "/connectors", {"name": "b", "config": self.source(
                "x", tasks__max="${file:%s:password}" % self.file)})
            self.assertEqual(400, status)
            self.assertIn("${file:%s:password}" % self.file, body["message"])
            self.assertNotIn("s3cr3t", body["message"] + worker.log_text())
            self.assertEqual(0, worker.stop())

    def test_a_provider_that_cannot_be_made_refuses_the_start(self):
        self.properties["config.providers.file.param.allowed.paths"] = "/nowhere/at/all"
        worker = self.worker().start()
        self.assertEqual(1, worker.wait())
        self.assertIn("config.providers.file.class: allowed.paths: Path /nowhere/at/all does not exist", worker.log_text())
