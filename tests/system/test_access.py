"""Who may do what, on two real workers: asked through the follower, which passes changes on, so that both have to be asked."""

import base64
import json
import os
import unittest

import lab

PROVIDERS = "org.apache.kafka.common.config.provider."
LOGIN_MODULE = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"
USERS = ("viewer", "operator", "editor", "filer", "admin")
DATAGEN = "millrace.datagen.DatagenSourceConnector"
FILE_SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
HIDDEN = "[hidden]"


class Access(unittest.TestCase):
    def setUp(self):
        self.folder = lab.scratch_folder()
        self.team = lab.fresh_name("team")
        self.own, self.other = self.team + "-gen", lab.fresh_name("theirs")
        self.topic = self.team + "-orders"
        os.mkdir(os.path.join(self.folder, "team"))
        self.secret = "${file:%s:word}" % self.write("team/secrets.properties", "word=x\n")
        self.forbidden = "${file:%s:word}" % self.write("secrets.properties", "word=x\n")
        passwords = self.write("passwords", "".join("%s=%s-word\n" % (user, user) for user in USERS))
        jaas = self.write("jaas", 'KafkaConnect { %s required file="%s"; };\n' % (LOGIN_MODULE, passwords))
        common = lab.worker_properties(
            lab.suite_lab(), millrace__rest__auth__jaas__file=jaas, config__providers="file,env",
            millrace__rest__bindings__file=self.write("bindings", json.dumps(self.bindings())),
            config__providers__file__class=PROVIDERS + "FileConfigProvider",
            config__providers__env__class=PROVIDERS + "EnvVarConfigProvider")
        self.workers = [lab.Worker({**common, "listeners": "http://127.0.0.1:%d" % lab.free_port()}) for _ in range(2)]
        for worker in self.workers:
            self.addCleanup(worker.end)
            worker.start()

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def bindings(self):
        own = {"connectors": [self.team + "-*"]}
        edit = {**own, "role": "editor", "topics": [self.topic + "*"], "group.ids": ["connect-%s-*" % self.team],
                "references": ["file:%s/team/*" % self.folder], "overrides": ["producer.override.linger.ms"]}
        return {"bindings": [
            {"name": "viewers", "users": ["viewer"], "role": "viewer", **own},
            {"name": "operators", "users": ["operator"], "role": "operator", **own},
            {"name": "editors", "users": ["editor"], "classes": ["*"], **edit},
            {"name": "filers", "users": ["filer"], "classes": [FILE_SINK], "files": [self.folder + "/*"], **edit},
            {"name": "admins", "users": ["admin"], "role": "admin"}]}

    # Asking: whoever it is asks the follower, unless said otherwise.

    def ask(self, user, method, path, body=None, worker=None):
        proof = base64.b64encode(("%s:%s-word" % (user, user)).encode()).decode()
        return (worker or self.follower).request(method, path, body, headers={"Authorization": "Basic " + proof})

    def allowed(self, user, method, path, body=None, worker=None):
        status, answer = self.ask(user, method, path, body, worker)
        self.assertIn(status, (200, 201, 202, 204), (user, method, path, answer))
        return answer

    def refused(self, words, user, method, path, body=None, worker=None):
        status, answer = self.ask(user, method, path, body, worker)
        self.assertEqual(403, status, (user, method, path, body, answer))
        self.assertEqual(403, answer["error_code"])
        self.assertIn(words, answer["message"], (user, method, path, body))

    def find_follower(self):
        def leader():
            status, cluster = self.ask("admin", "GET", "/admin/cluster")
            return status == 200 and len(cluster["members"]) == 2 and all(m["introduced"] for m in cluster["members"]) and cluster["leader"]
        self.follower = self.workers[0]
        url = lab.wait_until(leader, "two workers, one of them leads")
        self.follower, self.leader = sorted(self.workers, key=lambda worker: worker.url == url.rstrip("/"))

    def config(self, **more):
        return {"connector.class": DATAGEN, "topic": self.topic, "records.max": "5", **more}

    def test_each_has_their_rights_on_both_workers(self):
        self.find_follower()
        self.create()
        self.roles()
        self.changes_that_reach_further()
        self.classes_by_other_names()
        self.groups()
        self.secrets()
        self.allowed("editor", "DELETE", "/connectors/" + self.own)

    def create(self):
        self.allowed("admin", "POST", "/connectors", {"name": self.other, "config": self.config(topic=self.other)})
        body = {"name": self.own, "config": self.config()}
        for user in ("viewer", "operator"):
            self.refused("it needs the role editor", user, "POST", "/connectors", body)
        self.refused("do not cover", "editor", "POST", "/connectors", {**body, "name": lab.fresh_name("theirs")})
        self.allowed("editor", "POST", "/connectors", body)
        lab.wait_until(lambda: self.allowed("viewer", "GET", "/connectors/%s/status" % self.own)["tasks"], "it runs")

    def roles(self):
        for worker in self.workers:
            self.assertEqual(401, worker.request("GET", "/connectors")[0])
            self.assertEqual([self.own], self.allowed("viewer", "GET", "/connectors", worker=worker))
            self.assertEqual([self.own], list(self.allowed("editor", "GET", "/connectors?expand=info&expand=status", worker=worker)))
            self.assertEqual({self.own, self.other}, set(self.allowed("admin", "GET", "/connectors", worker=worker)))
            self.assertNotIn(self.other, json.dumps(self.allowed("viewer", "GET", "/admin/cluster", worker=worker)))
            for path in ("", "/config", "/status", "/tasks", "/topics", "/offsets", "/tasks/0/status"):
                self.refused("do not cover", "viewer", "GET", "/connectors/%s%s" % (self.other, path), worker=worker)
            for verb in ("pause", "stop", "resume"):
                self.refused("it needs the role operator", "viewer", "PUT", "/connectors/%s/%s" % (self.own, verb), worker=worker)
                self.refused("do not cover", "operator", "PUT", "/connectors/%s/%s" % (self.other, verb), worker=worker)
            self.refused("do not cover", "editor", "DELETE", "/connectors/" + self.other, worker=worker)
            self.refused("it needs the role editor", "operator", "DELETE", "/connectors/" + self.own, worker=worker)
            self.refused("it needs the role admin", "editor", "PUT", "/admin/drain", worker=worker)
        self.allowed("operator", "PUT", "/connectors/%s/pause" % self.own)
        self.allowed("operator", "PUT", "/connectors/%s/resume" % self.own)

    def changes_that_reach_further(self):
        path = "/connectors/%s/config" % self.own
        before = self.allowed("admin", "GET", path, worker=self.leader)
        for changes, words in (
                ({"topic": self.other}, "do not cover " + self.other),
                ({"topic": self.topic.upper()}, "do not cover " + self.topic.upper()),
                ({"transforms": "r", "transforms.r.type": "RegexRouter", "transforms.r.regex": ".*",
                  "transforms.r.replacement": self.other}, "all topics"),
                ({"seed": "${env:PATH}"}, "do not cover env:PATH"),
                ({"seed": self.forbidden}, "references of binding editors do not cover"),
                ({"seed": "${file:%s/team/../secrets.properties:word}" % self.folder}, "references of binding editors"),
                ({"producer.override.bootstrap.servers": "evil:9092"}, "overrides of binding editors"),
                ({"name": self.other}, "the option name says")):
            for worker in self.workers:
                self.refused(words, "editor", "PATCH", path, changes, worker)
            if "name" not in changes:
                self.refused(words, "editor", "PUT", path, {**self.config(), **changes})
                self.refused(words, "editor", "PUT", "/connector-plugins/DatagenSource/config/validate",
                             {"name": self.own, **self.config(), **changes})
        self.assertEqual(before, self.allowed("admin", "GET", path, worker=self.leader))
        self.allowed("editor", "PATCH", path, {"transforms": "i", "transforms.i.type": "InsertHeader", "transforms.i.header": "h",
                                               "transforms.i.value.literal": self.secret, "producer.override.linger.ms": "7"})

    def classes_by_other_names(self):
        name = self.team + "-file"
        for given in ("FileStreamSink", "FileStreamSinkConnector", FILE_SINK):
            config = {"connector.class": given, "topics": self.topic, "file": os.path.join(self.folder, "out")}
            for worker in self.workers:
                self.refused("touches files", "editor", "PUT", "/connectors/%s/config" % name, config, worker)
        self.refused("touches files", "editor", "PATCH", "/connectors/%s/config" % self.own,
                     {"connector.class": "FileStreamSource", "file": "/etc/passwd"})
        self.refused("only an admin may", "editor", "PATCH", "/connectors/%s/config" % self.own, {"connector.class": self.secret})
        self.allowed("filer", "PUT", "/connectors/%s/config" % name, config)
        for method, path in (("DELETE", ""), ("DELETE", "/offsets"), ("PUT", "/topics/reset")):
            self.refused("touches files", "editor", method, "/connectors/%s%s" % (name, path))

    def groups(self):
        path = "/connectors/%s-file/config" % self.team
        for group in ("connect-" + self.other, "connect-${file:%s/team/secrets.properties:word}" % self.folder):
            self.refused("", "filer", "PATCH", path, {"consumer.override.group.id": group})
        self.allowed("filer", "PATCH", path, {"consumer.override.group.id": "connect-%s-second" % self.team})
        self.allowed("filer", "DELETE", "/connectors/%s-file" % self.team)

    def secrets(self):
        path = "/connectors/%s/config" % self.own
        self.allowed("editor", "PATCH", path, {"gate.password": "swordfish"})
        lab.wait_until(lambda: "gate.password" in self.allowed("viewer", "GET", path), "the follower has read it")
        for worker in self.workers:
            seen = self.allowed("viewer", "GET", path, worker=worker)
            self.assertEqual((HIDDEN, self.secret), (seen["gate.password"], seen["transforms.i.value.literal"]))
            self.assertEqual("swordfish", self.allowed("editor", "GET", path, worker=worker)["gate.password"])
            for listed in ("/connectors?expand=info", "/connectors/%s/tasks" % self.own, "/connectors/" + self.own):
                self.assertNotIn("swordfish", json.dumps(self.allowed("operator", "GET", listed, worker=worker)))
        self.allowed("editor", "PUT", path, {**seen, "records.max": "6"})
        self.assertEqual("swordfish", self.allowed("editor", "GET", path, worker=self.leader)["gate.password"])


if __name__ == "__main__":
    unittest.main()
