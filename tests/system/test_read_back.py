"""Passwords that are read and written back over REST, by those who may see them and those who may not."""

import base64
import json
import os
import shutil
import unittest

import canary
import lab

FILE_PROVIDER = "org.apache.kafka.common.config.provider.FileConfigProvider"
SOURCE, TRANSFORM = "org.acme.ConfidingSource", "org.acme.ConfidingTransform"
JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="ada" password="%s";'
FAILED = "FAILED"
BASIC_MODULE = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"
BINDINGS = {"bindings": [
    {"name": "reading", "users": ["vera"], "role": "viewer", "connectors": ["*"]},
    {"name": "changing", "users": ["edda"], "role": "editor", "connectors": ["*"], "classes": ["org.acme.*"], "topics": ["*"],
     "references": ["file:*"], "overrides": ["producer.override.*"]},
    {"name": "all", "users": ["adam"], "role": "admin"}]}


class ReadBack(unittest.TestCase):
    """With logins: what a viewer is shown and what an editor is shown, each written back by the editor, still logs in."""

    def setUp(self):
        self.canaries = canary.Canaries()
        self.plant, self.out = self.canaries.plant, canary.Outlets(self.canaries)
        self.folder = lab.scratch_folder()
        self.name = lab.fresh_name("login")
        plugins = os.path.join(self.folder, "plugins")
        os.mkdir(plugins)
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "confiding.so"), plugins)
        logins = self.file("logins", "".join("%s=%s\n" % (user, self.plant("login of " + user)) for user in ("vera", "edda", "adam")))
        self.properties = lab.worker_properties(
            lab.suite_lab(), plugin__path=plugins, config__providers="file",
            config__providers__file__class=FILE_PROVIDER,
            millrace__audit__file=os.path.join(self.folder, "audit"),
            millrace__rest__auth__jaas__file=self.file("jaas", 'KafkaConnect { %s required file="%s"; };' % (BASIC_MODULE, logins)),
            millrace__rest__bindings__file=self.file("bindings", json.dumps(BINDINGS)))

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def ask(self, user, method, path, body=None):
        proof = base64.b64encode(("%s:%s" % (user, self.canaries.values["login of " + user])).encode()).decode()
        status, answer, headers = lab.http(method, self.worker.url + path, body, headers={"Authorization": "Basic " + proof})
        self.out.look("what %s reads" % user, "%s\n%s" % (headers, json.dumps(answer)))
        return status, answer

    def logged_in(self, times):
        """So often a task has started, and its password was right."""
        lab.wait_until(lambda: self.worker.log_text().count("ERROR [%s|task-0] logging in with" % self.name) == times,
                       "task start %d" % times)
        def runs():
            status, answer = self.ask("vera", "GET", "/connectors/%s/status" % self.name)
            states = [part["state"] for part in answer["tasks"]] if status == 200 else []
            self.assertNotIn(FAILED, states, answer)
            return states == ["RUNNING"]
        lab.wait_until(lambda: runs(), "the connector has logged in")

    def written_back(self, config, topic):
        """By the editor, with a change that makes the task start anew."""
        status, answer = self.ask("edda", "PUT", "/connectors/%s/config" % self.name, {**config, "topic": topic})
        self.assertEqual(200, status, answer)

    def play(self, password, lock):
        hidden = {"password": password, "producer.override.sasl.jaas.config": JAAS % self.plant("override"),
                  "transforms.t.password": self.plant("transform"), "db.credentials": self.plant("undeclared")}
        config = {"connector.class": SOURCE, "tasks.max": "1", "topic": self.name + "-0", "lock": lock, "say": "log",
                  "transforms": "t", "transforms.t.type": TRANSFORM, **hidden}
        status, answer = self.ask("edda", "POST", "/connectors", {"name": self.name, "config": config})
        self.assertEqual(201, status, answer)
        self.logged_in(1)
        shown = {}
        for user in ("vera", "edda"):
            shown[user] = self.ask(user, "GET", "/connectors/%s/config" % self.name)[1]
            self.assertEqual(shown[user], self.ask(user, "GET", "/connectors/" + self.name)[1]["config"])
            listed = self.ask(user, "GET", "/connectors?expand=info&expand=status")[1]
            self.assertEqual(shown[user], listed[self.name]["info"]["config"])
            self.ask(user, "GET", "/connectors/%s/tasks" % self.name)
        self.assertEqual({name: value if value.startswith("$") else "[hidden]" for name, value in hidden.items()},
                         {name: shown["vera"][name] for name in hidden})
        self.assertEqual({**config, "name": self.name}, shown["edda"])
        self.assertEqual(403, self.ask("vera", "PUT", "/connectors/%s/config" % self.name, shown["vera"])[0])
        self.written_back(shown["vera"], self.name + "-1")
        self.logged_in(2)
        self.written_back(shown["edda"], self.name + "-2")
        self.logged_in(3)
        status, answer = self.ask("edda", "PATCH", "/connectors/%s/config" % self.name, {"password": shown["vera"]["password"],
                                                                                        "topic": self.name + "-3"})
        self.assertEqual(200, status, answer)
        self.logged_in(4)
        self.assertEqual({**shown["edda"], "topic": self.name + "-3"}, self.ask("edda", "GET", "/connectors/%s/config" % self.name)[1])

    def send_wrong_proofs(self):
        wrong = "adam:" + self.plant("a wrong password")
        for proof in ("Basic " + base64.b64encode(wrong.encode()).decode(), "Basic " + wrong, "Bearer " + self.plant("a wrong token"),
                      "Bearer " + ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (
                          '{"alg": "RS256", "kid": "%s"}' % self.plant("a wrong key"), '{"sub": "%s"}' % self.plant("a wrong name"), "x"))):
            status, answer, headers = lab.http("GET", self.worker.url + "/connectors", headers={"Authorization": proof})
            self.assertEqual(401, status, answer)
            self.out.look("what nobody reads", "%s\n%s" % (headers, json.dumps(answer)))

    def run_worker(self, password, value):
        lock = self.file("lock", value)
        self.worker = lab.Worker(self.properties).start()
        self.addCleanup(self.worker.end)
        lab.wait_until(lambda: self.worker.process.poll() is not None or self.ask("adam", "GET", "/connectors")[0] == 200, "ready", 60)
        self.assertIsNone(self.worker.process.poll(), self.worker.log_end())
        self.play(password, lock)
        self.send_wrong_proofs()
        self.assertEqual(0, self.worker.stop())
        self.out.look_at_file("log", self.worker.log)
        self.out.look_at_file("audit", os.path.join(self.folder, "audit"))
        self.assertLessEqual({outlet for _, outlet in self.out.seen}, {"what edda reads"}, self.out.seen)
        return {place for place, _ in self.out.seen}

    def test_a_literal_password_shows_to_editors_alone_and_survives_what_anybody_writes_back(self):
        password = self.plant("password")
        self.assertEqual({"password", "override", "transform", "undeclared"}, self.run_worker(password, password))

    def test_a_reference_shows_to_everybody_and_its_value_to_nobody(self):
        reference = "${file:%s:key}" % self.file("kept.properties", "key=%s\n" % self.plant("password"))
        nobody = "127.0.0.1:%d" % lab.free_port()
        self.properties.update({"millrace.rest.auth.issuer": "https://issuer.example.org", "millrace.rest.auth.audiences": "connect",
                                "millrace.rest.auth.keys.proxy": "http://ada:%s@%s" % (self.plant("of a proxy"), nobody)})
        self.assertEqual({"override", "transform", "undeclared"}, self.run_worker(reference, self.canaries.values["password"]))
