"""Validations in a running worker: plugins that never return from theirs, secrets of providers, the policy for client settings."""

import os
import shutil
import threading
import time
import unittest

import lab

HANGING = 64
VALIDATE = "/connector-plugins/%s/config/validate"
PICKY = {"name": "v", "connector.class": "PickySource", "token": "t0ken"}
SINK = {"connector.class": "FileStreamSink", "file": "/dev/null", "topics": "t", "name": "v"}
SOURCE = {"name": "v", "connector.class": "FileStreamSource", "topic": "t"}


class Validation(unittest.TestCase):
    def start(self, **more):
        folder = lab.scratch_folder()
        for plugin in ("picky.so", "refusing.so"):
            shutil.copy(os.path.join(lab.BUILD, "test-plugins", plugin), folder)
        self.worker = lab.Worker(lab.worker_properties(lab.suite_lab(), plugin__path=folder, **more)).start().ready()
        self.addCleanup(self.worker.end)

    def validate(self, config, plugin="PickySource"):
        return self.worker.rest("PUT", VALIDATE % plugin, config)

    def option(self, answer, name):
        return [config["value"] for config in answer["configs"] if config["value"]["name"] == name][-1]


class Hung(Validation):
    alone = True  # how quickly others are answered meanwhile

    def hang(self):
        """Validations that never return; their clients wait in threads that end with the worker."""
        def ask():
            try:
                self.worker.request("PUT", VALIDATE % "PickySource", {**PICKY, "trouble": "hang"}, timeout_s=120)
            except OSError:
                pass  # the worker has ended
        clients = [threading.Thread(target=ask, daemon=True) for _ in range(HANGING)]
        for client in clients:
            client.start()
        lab.wait_until(lambda: self.threads() >= HANGING, "%d validations to hang" % HANGING)

    def threads(self):
        """Threads of validations; they are made when no other is free."""
        count = 0
        for task in os.listdir("/proc/%d/task" % self.worker.process.pid):
            with open("/proc/%d/task/%s/comm" % (self.worker.process.pid, task), encoding="utf-8") as name:
                count += name.read().startswith("validation")
        return count

    def answer_p99_ms(self):
        return lab.p99_ms(lambda: self.worker.rest("GET", "/connectors"))

    def test_hung_validations_disturb_nobody(self):
        self.start()
        calm = self.answer_p99_ms()
        self.hang()
        beside = self.answer_p99_ms()
        limit = lab.p99_limit_ms(calm)
        print("        p99 of an answer: %.1f ms, beside %d hung validations %.1f ms (limit %.1f)" %
              (calm, HANGING, beside, limit), flush=True)
        self.assertLess(beside, limit)
        self.assertEqual(0, self.validate(PICKY)["error_count"])
        self.worker.create("here", {"connector.class": "FileStreamSource", "topic": lab.fresh_name("topic"),
                                    "file": os.path.join(self.worker.folder, "none.txt")})
        self.worker.wait_state("here")
        self.worker.rest("DELETE", "/connectors/here")
        start = time.monotonic()
        self.worker.stop()
        self.assertLess(time.monotonic() - start, 15, self.worker.log_end())


class Answers(Validation):
    def test_what_a_plugin_does_in_its_validation_stays_there(self):
        self.start()
        for trouble in ("error", "mute"):
            status, body = self.worker.request("PUT", VALIDATE % "PickySource", {**PICKY, "trouble": trouble})[:2]
            self.assertEqual(500, status, body)
            status, body = self.worker.request("PUT", "/connectors/x/config", {**PICKY, "name": "x", "trouble": trouble})[:2]
            self.assertEqual(500, status, body)
        answer = self.validate({**PICKY, "trouble": "declared"})
        self.assertEqual(["mode and trouble do not go together"], self.option(answer, "mode")["errors"])
        self.assertEqual("[hidden]", self.option(answer, "token")["value"])
        self.assertNotIn("t0ken", str(answer))
        status, body = self.worker.request("PUT", "/connectors/x/config", {**PICKY, "name": "x", "trouble": "declared"})[:2]
        self.assertEqual(400, status)
        self.assertIn("contains the following 1 error(s):\nmode and trouble do not go together\nYou can also find",
                      body["message"])
        self.assertEqual([], self.worker.rest("GET", "/connectors"))

    def test_what_cannot_be_set_up_is_refused_on_its_option(self):
        """What the task would fail with; words and names as validation and creation tell them."""
        self.start()
        smt = "org.apache.kafka.connect.transforms."
        source = {**SOURCE, "transforms": "m"}
        for more, name, words in (
                ({"transforms.m.type": smt + "TimestampConverter$Value", "transforms.m.target.type": "string",
                  "transforms.m.format": "yyyy-MM-ddTHH"}, "transforms.m.format", "Illegal pattern character 'T'"),
                ({"transforms.m.type": smt + "InsertField$Value"}, "transforms.m.type", "No field insertion configured"),
                ({"transforms.m.type": smt + "Filter", "transforms.m.predicate": "isX"}, "transforms.m.predicate",
                 "the list 'predicates' of the connector has no such alias"),
                ({"transforms.m.type": "millrace.transforms.Redact$Value", "transforms.m.pattern": "4111",
                  "transforms.m.replacement": "$2"}, "transforms.m.replacement", "No group 2"),
                ({"transforms.m.type": smt + "MaskFeld$Value"}, "transforms.m.type", "Did you mean %sMaskField$Value?" % smt),
                ({"transforms.m.type": smt + "MaskField"}, "transforms.m.type", "This class is abstract"),
                ({"transforms": "", "value.converter": "org.apache.kafka.connect.storage.StringConverter",
                  "value.converter.converter.encoding": "utf-99"}, "value.converter.converter.encoding", "charset")):
            with self.subTest(name=name, words=words):
                answer = self.validate({**source, **more}, "FileStreamSource")
                self.assertEqual(1, answer["error_count"], answer)
                self.assertIn(words, self.option(answer, name)["errors"][0])
                status, body = self.worker.request("PUT", "/connectors/v/config", {**source, **more})[:2]
                self.assertEqual(400, status, body)
                self.assertIn("contains the following 1 error(s):\n", body["message"])
                self.assertIn(words, body["message"])
                self.assertIn(name, body["message"])
        hanging = {**source, "transforms.m.type": "org.acme.Refusing", "transforms.m.how": "hang"}
        threading.Thread(target=self.ask_and_forget, args=(hanging,), daemon=True).start()
        self.assertEqual(0, self.validate({**hanging, "transforms.m.how": "fine"}, "FileStreamSource")["error_count"])
        self.worker.create("v", {**source, "topic": lab.fresh_name("topic"), "file": "/dev/null", "transforms.m.type": "org.acme.Refusing",
                                 "transforms.m.wrods": "x"})
        config = self.worker.rest("GET", "/connectors/v/config")
        self.worker.rest("PUT", "/connectors/v/config", config)  # unchanged: nothing to tell again
        self.worker.rest("PUT", "/connectors/v/config", {**config, "tasks.max": "2"})
        hint = "transforms.m.wrods has no effect: there is no such option (`millrace plugin doc CLASS` lists them); did you mean transforms.m.words?"
        self.assertEqual(2, self.worker.log_text().count(hint), self.worker.log_end())

    def ask_and_forget(self, config):
        try:
            self.worker.request("PUT", VALIDATE % "FileStreamSource", config, timeout_s=120)
        except OSError:
            pass  # the worker has ended

    def test_what_a_provider_answers_is_in_no_answer(self):
        folder = lab.scratch_folder()
        with open(os.path.join(folder, "secret"), "w", encoding="utf-8") as file:
            file.write("hunter2")
        self.start(config__providers="files", config__providers__files__class="DirectoryConfigProvider",
                   config__providers__files__param__allowed__paths=folder)
        reference = "${files:%s:secret}" % folder
        answer = self.validate({**SOURCE, "file": reference, "tasks.max": reference,
                                "producer.override.foo": reference}, "FileStreamSource")
        self.assertEqual(2, answer["error_count"])
        self.assertNotIn("hunter2", str(answer))
        self.assertEqual(reference, self.option(answer, "file")["value"])
        for path in ("/connectors/x/config", VALIDATE % "FileStreamSource"):
            config = {**SOURCE, "name": "x", "producer.override.linger.ms": reference}
            status, body = self.worker.request("PUT", path, config)[:2]
            self.assertEqual(500, status)
            self.assertEqual("Invalid value %s for configuration linger.ms: Not a number of type LONG" % reference,
                             body["message"])
        self.assertNotIn("hunter2", self.worker.log_text())

    def test_client_settings_are_held_against_the_policy(self):
        """As a JVM worker answers them under each policy: what it refuses, by plugin and what is overridden."""
        sasl = {"producer.override.sasl.mechanism": "PLAIN", "producer.override.security.protocol": "PLAINTEXT"}
        mixed = {"producer.override.acks": "1", "producer.override.foo": "2", "consumer.override.acks": "3"}
        letters = {"errors.deadletterqueue.topic.name": "d", "producer.override.acks": "1", "admin.override.client.id": "x"}
        for policy, more, refused in (
                ("None", {}, (list(sasl), ["producer.override.acks", "producer.override.foo"], list(letters)[1:])),
                ("Principal", {}, ([], ["producer.override.acks", "producer.override.foo"], list(letters)[1:])),
                ("Allowlist", {"connector.client.config.override.allowlist": "acks, client.id"},
                 (list(sasl), ["producer.override.foo"], []))):
            with self.subTest(policy):
                self.start(connector__client__config__override__policy=policy, **more)
                for config, overrides, names in zip((SOURCE, SOURCE, SINK), (sasl, mixed, letters), refused):
                    self.is_refused(policy, {**config, **overrides}, names)
                answer = self.validate({**SOURCE, "producer.override.linger.ms": None}, "FileStreamSource")
                self.assertEqual(2, answer["error_count"])  # null, and not allowed

    def is_refused(self, policy, config, names):
        answer = self.validate(config, config["connector.class"])
        words = {name: "The '%s' policy does not allow '%s' to be overridden in the connector configuration." % (
            policy, name.split("override.")[1]) for name in names}
        self.assertEqual({name: [text] for name, text in words.items()},
                         {one["value"]["name"]: one["value"]["errors"] for one in answer["configs"] if one["value"]["errors"]})
        status, body = self.worker.request("PUT", "/connectors/v/config", config)
        self.assertEqual(400 if names else 201, status, body)
        for text in words.values():
            self.assertIn(text, body["message"])
        if not names:
            self.worker.rest("DELETE", "/connectors/v")
