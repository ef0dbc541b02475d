"""The audit record of a real worker: every kind of change, refused calls, plugins, secrets; a full disk; a topic."""

import base64
import hashlib
import json
import os
import re
import unittest

import exposition
import lab

PLANTED = ("pl4nted-literal", "pl4nted-first", "pl4nted-second")
FILE_PROVIDER = "org.apache.kafka.common.config.provider.FileConfigProvider"
# Of "secret", at the least cost there is.
BCRYPT = "$2y$04$H50y.1HDkBCJdLoUGUw9rOJI1AI0pUXRA6QtUV6oIP5vSgxyWPtq6"
HASH = re.compile(r"^hmac-sha256:[0-9a-f]{8}:[0-9a-f]{64}$")


def basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Record(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.path = os.path.join(self.folder, "audit.log")
        self.input, self.topic, self.name = os.path.join(self.folder, "input"), lab.fresh_name("lines"), lab.fresh_name("in")
        self.secrets = os.path.join(self.folder, "secrets.properties")
        self.put_secret(PLANTED[1])
        self.say("one")

    def put_secret(self, value):
        with open(self.secrets + ".tmp", "w", encoding="utf-8") as file:
            file.write("password=%s\n" % value)
        os.rename(self.secrets + ".tmp", self.secrets)

    def say(self, line):
        with open(self.input, "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def arrived(self, line):
        lab.wait_until(lambda: self.topic in self.kafka.topics() and line.encode() in self.kafka.values(self.topic),
                       "line %s in the topic" % line)

    def config(self, **more):
        return {"connector.class": "FileStreamSource", "file": self.input, "topic": self.topic, "db.password": PLANTED[0],
                "db.user": "${file:%s:password}" % self.secrets, **more}

    def worker(self):
        return lab.Worker(lab.worker_properties(
            self.kafka, millrace__audit__file=self.path, config__providers="file",
            config__providers__file__class=FILE_PROVIDER))

    # The record

    def events(self, event, **members):
        return [line for line in lines_of(self.path)
                if line["event"] == event and all(line[key] == value for key, value in members.items())]

    def one(self, event, **members):
        return lab.wait_until(lambda: self.events(event, **members), "%s %s in the record" % (event, members))[-1]

    def change(self, worker, method, path, body=None, status=None):
        """A change with an id of its own; its outcome's line."""
        self.count = getattr(self, "count", 0) + 1
        request = "change-%d" % self.count
        got, answer, headers = lab.http(method, worker.url + path, body, headers={"X-Request-ID": request})
        self.assertEqual(request, headers["X-Request-ID"])
        self.assertEqual(status, got, answer)
        intent, outcome = self.one("change", request=request), self.one("outcome", request=request)
        for line in intent, outcome:
            self.assertEqual((method, path.split("?")[0], "anonymous", "none", "127.0.0.1"),
                             tuple(line[key] for key in ("method", "path", "who", "login", "address")))
            self.assertEqual(worker.url, "http://" + line["worker"])
        self.assertEqual((intent["seq"], got), (outcome["intent"], outcome["status"]))
        self.assertEqual(intent["hash_before"], outcome["hash_before"])
        return outcome

    def check_changes(self, worker):
        at = "/connectors/" + self.name
        made = self.change(worker, "POST", "/connectors", {"name": self.name, "config": self.config()}, 201)
        self.assertEqual((self.name, None, "done"), (made["connector"], made["hash_before"], made["outcome"]))
        self.assertRegex(made["hash_after"], HASH)
        worker.wait_state(self.name)
        same = self.change(worker, "PUT", at + "/config", self.config(), 200)
        self.assertEqual((made["hash_after"], made["hash_after"]), (same["hash_before"], same["hash_after"]))
        other = self.change(worker, "PATCH", at + "/config", {"batch.size": "100"}, 200)
        self.assertEqual(made["hash_after"], other["hash_before"])
        self.assertRegex(other["hash_after"], HASH)
        self.assertNotEqual(other["hash_before"], other["hash_after"])
        worker.wait_state(self.name)
        for method, what, status in (("PUT", "/pause", 202), ("PUT", "/resume", 202), ("POST", "/restart", 204),
                                     ("POST", "/tasks/0/restart", 204), ("PUT", "/topics/reset", 202), ("PUT", "/stop", 204)):
            line = self.change(worker, method, at + what, status=status)
            self.assertEqual(other["hash_after"], line["hash_after"])
            if what in ("/restart", "/tasks/0/restart"):
                worker.wait_state(self.name)
        worker.wait_state(self.name, "STOPPED", 0)
        self.change(worker, "DELETE", at + "/offsets", status=200)
        self.change(worker, "PUT", at + "/resume", status=202)
        self.change(worker, "PUT", "/admin/loggers/audit.test", {"level": "DEBUG"}, 200)
        self.assertEqual("refused", self.change(worker, "PUT", "/connectors/absent/pause", status=404)["outcome"])
        self.change(worker, "POST", "/connectors", b"{", 400)
        second = lab.fresh_name("gone ä/")
        worker.create(second, self.config())
        gone = self.change(worker, "DELETE", "/connectors/gone%20%C3%A4%2F" + second[len("gone ä/"):], status=204)
        self.assertEqual((second, None), (gone["connector"], gone["hash_after"]))

    def check_what_is_no_change(self, worker):
        before = len(self.events("change"))
        for method, path, body in (("GET", "/connectors?expand=info", None),
                                   ("PUT", "/connector-plugins/FileStreamSource/config/validate", self.config(name="x"))):
            status, _, headers = lab.http(method, worker.url + path, body)
            self.assertEqual((200, None), (status, headers["X-Request-ID"]))
        self.assertEqual(before, len(self.events("change")))

    def check_other_lines(self, worker):
        self.one("start")
        plugin = self.one("plugin", module=self.events("plugin")[0]["module"])
        with open(plugin["file"], "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).hexdigest(), plugin["sha256"])
        status, _ = worker.request("POST", "/connectors/%s/tasks" % self.name, [])
        refused = self.one("refused", path="/connectors/%s/tasks" % self.name)
        self.assertEqual(status, refused["status"])
        worker.wait_state(self.name)
        self.put_secret(PLANTED[2])
        self.assertEqual("file:%s:password" % self.secrets, self.one("secret", connector=self.name)["references"])

    def check_full_disk(self, worker):
        """As a disk that is full: the record's place leads to a device that is."""
        worker.wait_state(self.name)
        os.rename(self.path, self.path + ".1")
        os.symlink("/dev/full", self.path)
        for method, path, body in (("PUT", "/connectors/%s/pause" % self.name, None),
                                   ("POST", "/connectors", {"name": "never", "config": self.config()}),
                                   ("POST", "/connector-plugins/FileStreamSource/config/try",
                                    {"config": self.config(name="never"), "topic": "any", "last": 1})):
            status, answer = worker.request(method, path, body)
            self.assertEqual(503, status, answer)
            self.assertIn("audit record (millrace.audit.file) cannot be written: No space left on device", answer["message"])
        self.say("while the disk is full")
        self.arrived("while the disk is full")
        self.assertNotIn("never", worker.rest("GET", "/connectors"))
        self.assertIn("refuses changes: the audit record", worker.rest("GET", "/health")["message"])
        numbers = exposition.Exposition(lab.http("GET", worker.url + "/metrics", headers={"Accept": "text/plain"})[1])
        self.assertEqual((1, 2), (numbers.value("millrace_audit_failing"), numbers.value("millrace_audit_refused_changes_total")))
        os.unlink(self.path)
        lab.wait_until(lambda: worker.request("PUT", "/connectors/%s/pause" % self.name)[0] == 202, "changes go on", 10)
        gap = self.one("gap")
        self.assertEqual(("No space left on device", 0), (gap["reason"], gap["lost"]))
        self.assertGreaterEqual(gap["refused_changes"], 2)
        self.assertNotIn("audit", worker.rest("GET", "/health")["message"])

    def test_every_change_is_on_record_and_none_is_made_while_it_cannot_be(self):
        with self.worker() as worker:
            self.check_changes(worker)
            self.check_what_is_no_change(worker)
            self.check_other_lines(worker)
            self.check_full_disk(worker)
            self.assertEqual(0, worker.stop())
        self.assertEqual("stop", lines_of(self.path)[-1]["event"])
        self.assertEqual(0o600, os.stat(self.path).st_mode & 0o777)
        for path in self.path, self.path + ".1":
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for planted in PLANTED:
                self.assertNotIn(planted, text)


class Topic(unittest.TestCase):
    def lines(self):
        return [json.loads(value) for value in self.kafka.values(self.topic)]

    def say(self, line):
        with open(self.input, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        lab.wait_until(lambda: self.data in self.kafka.topics() and line.encode() in self.kafka.values(self.data), line)

    def test_a_topic_that_is_not_there_is_made_and_holds_each_change(self):
        self.kafka, self.topic = lab.suite_lab(), lab.fresh_name("audit")
        self.data, self.input = self.topic + "-none", os.path.join(lab.scratch_folder(), "input")
        with lab.Worker(lab.worker_properties(self.kafka, millrace__audit__topic=self.topic,
                                              millrace__audit__topic__replication__factor=1)) as worker:
            worker.create("none", {"connector.class": "FileStreamSource", "file": self.input, "topic": self.data, "db.password": PLANTED[0]})
            lines = self.lines()
            self.assertEqual(1, len([line for line in lines if line["event"] == "change"]), lines)
            status, _ = worker.request("POST", "/connectors/none/tasks", [{"password": PLANTED[1]}],
                                       headers={"Authorization": basic("ada", PLANTED[2])})
            lab.wait_until(lambda: self.lines()[-1]["event"] == "refused", "the refused call")
            self.assertEqual(0, worker.stop())
        lines = self.lines()
        self.assertEqual(list(range(1, len(lines) + 1)), [line["seq"] for line in lines])
        self.assertEqual(["start", "change", "outcome", "refused", "stop"], [line["event"] for line in lines if line["event"] != "plugin"])
        self.assertEqual((201, lines[-4]["seq"]), (lines[-3]["status"], lines[-3]["intent"]))
        self.assertEqual((status, "POST", "/connectors/none/tasks"), tuple(lines[-2][key] for key in ("status", "method", "path")))
        for planted in (*PLANTED, basic("ada", PLANTED[2])[6:]):
            self.assertNotIn(planted, json.dumps(lines))

    def test_without_its_topic_no_change_is_made_and_records_go_on(self):
        self.kafka = lab.Lab(properties={"auto.create.topics.enable": "false"}).start()  # else whoever writes to it makes it anew
        self.addCleanup(self.kafka.stop)
        self.topic = lab.fresh_name("audit")
        self.data, self.input = self.topic + "-lines", os.path.join(lab.scratch_folder(), "input")
        self.kafka.topic_create(self.data)
        with lab.Worker(lab.worker_properties(self.kafka, millrace__audit__topic=self.topic,
                                              millrace__audit__topic__replication__factor=1)) as worker:
            worker.create("lines", {"connector.class": "FileStreamSource", "file": self.input, "topic": self.data})
            worker.wait_state("lines")
            self.kafka.topic_delete(self.topic)
            status, answer = worker.request("PUT", "/connectors/lines/pause")
            self.assertEqual(503, status, answer)
            self.assertIn("audit record (millrace.audit.topic) cannot be written", answer["message"])
            self.say("while no change is made")
            self.assertEqual("RUNNING", worker.status("lines")["connector"]["state"])


class Logins(unittest.TestCase):
    """Two workers of one group where everybody has to log in, each with a file."""

    def start(self, name):
        properties = {**self.common, "listeners": "http://127.0.0.1:%d" % lab.free_port(), "millrace.audit.file": self.path(name)}
        worker = lab.Worker(properties).start()
        self.addCleanup(worker.end)
        return worker

    def path(self, name):
        return os.path.join(self.folder, "audit-" + name)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
        return path

    def ask(self, worker, method, path, body=None, login=None, request=None):
        headers = {"Authorization": login} if login else {}
        if request:
            headers["X-Request-ID"] = request
        return lab.http(method, worker.url + path, body, headers=headers)

    def setUp(self):
        self.folder = lab.scratch_folder()
        bindings = {"bindings": [
            {"name": "admins", "users": ["alice"], "role": "admin"},
            {"name": "readers", "users": ["bob"], "role": "viewer", "connectors": ["*"]},
            {"name": "writers", "users": ["bob"], "role": "editor", "connectors": ["from-*"], "classes": ["org.acme.*"], "topics": ["x"]}]}
        self.common = lab.worker_properties(
            lab.suite_lab(), millrace__rest__bindings__file=self.write("bindings.json", json.dumps(bindings)),
            millrace__rest__auth__passwords__file=self.write("passwords", "alice:%s\nbob:%s\n" % (BCRYPT, BCRYPT)))

    def check_refused(self, worker, name):
        at = "/connectors/orders"
        wrong = basic("alice", "wr0ng-passw0rd")
        told = [(self.ask(worker, "DELETE", at)[0], "anonymous"), (self.ask(worker, "DELETE", at, login=wrong)[0], "anonymous"),
                (self.ask(worker, "PUT", at + "/pause", login=basic("bob", "secret"))[0], "bob")]
        self.assertEqual([401, 401, 403], [status for status, _ in told])
        lab.wait_until(lambda: self.ask(worker, "GET", at, login=wrong)[0] == 429, "too many wrong passwords")
        refused = lab.wait_until(lambda: [line for line in lines_of(self.path(name)) if line["event"] == "refused" and line["status"] == 429]
                                 and [line for line in lines_of(self.path(name)) if line["event"] == "refused"], "the refused calls")
        self.assertEqual(told, [(line["status"], line["who"]) for line in refused[:3]])
        self.assertEqual(["DELETE", "DELETE", "PUT"], [line["method"] for line in refused[:3]])
        self.assertTrue(all(line["path"].startswith(at) and line["address"] == "127.0.0.1" for line in refused))
        self.assertFalse([line for line in lines_of(self.path(name)) if line["event"] == "change"])

    def check_passed_on(self, workers):
        config = {"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "file": "/dev/null",
                  "topic": self.common["group.id"] + "-none"}
        for name, worker in workers.items():
            lab.wait_until(lambda: self.ask(worker, "PUT", "/connectors/from-%s/config" % name, config,
                                            basic("alice", "secret"), "by-" + name)[0] in (200, 201), "a connector through " + name)
        done = lab.wait_until(lambda: (lambda lines: len(lines) >= 3 and lines)(
            [line for name in workers for line in lines_of(self.path(name)) if line["event"] == "outcome" and line["outcome"] == "done"]),
            "outcomes in both records")
        passed_on = [line for line in done if line.get("forwarded")]
        self.assertEqual(1, len(passed_on), done)  # one of the two is the leader
        first = [line for line in done if line["request"] == passed_on[0]["request"] and not line.get("forwarded")]
        self.assertEqual(1, len(first), done)
        self.assertNotEqual(first[0]["worker"], passed_on[0]["worker"])
        self.assertEqual({("alice", "password")}, {(line["who"], line["login"]) for line in done})
        for worker in workers.values():  # what bob's class may be is looked at where it is written
            self.assertEqual(403, self.ask(worker, "PUT", "/connectors/from-bob/config", config, basic("bob", "secret"))[0])
        refused = lab.wait_until(lambda: (lambda lines: len(lines) >= 2 and lines)(
            [line for name in workers for line in lines_of(self.path(name))
             if line["event"] == "refused" and line["path"] == "/connectors/from-bob/config"]), "both refusals")
        self.assertEqual([(passed_on[0]["worker"], False), (passed_on[0]["worker"], True)],
                         sorted((line["worker"], line.get("forwarded", False)) for line in refused))

    def test_who_is_refused_and_who_is_passed_on_are_named(self):
        workers = {name: self.start(name) for name in ("a", "b")}
        for worker in workers.values():
            lab.wait_until(lambda: self.ask(worker, "GET", "/readyz")[0] == 200, "the worker is ready")
        self.check_refused(workers["a"], "a")
        self.check_passed_on({"b": workers["b"], "a": workers["a"]})
        for name, worker in workers.items():
            self.assertEqual(0, worker.stop())
            with open(self.path(name), encoding="utf-8") as file:
                text = file.read()
            for secret in ("wr0ng", basic("alice", "wr0ng-passw0rd")[6:], basic("alice", "secret")[6:], BCRYPT):
                self.assertNotIn(secret, text)


if __name__ == "__main__":
    unittest.main()
