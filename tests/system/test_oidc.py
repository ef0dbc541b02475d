"""Bearer tokens of a real OpenID Connect issuer: two workers, one behind the other, while keys rotate and the issuer goes away."""

import base64
import json
import os
import threading
import time
import unittest

import lab
import oidc_provider

FLOOD = 200
PAUSE_S = 0.02  # between requests of one thread
CLOCK_SKEW_MS = 0
KEY_SETTLE_S = 5  # CALLER_KEY_SETTLE_MS
BINDINGS = {"bindings": [
    {"name": "readers", "groups": ["readers"], "role": "viewer", "connectors": ["*"]},
    {"name": "team", "groups": ["team"], "role": "editor", "connectors": ["team-*"], "topics": ["*"],
     "classes": ["org.apache.kafka.connect.file.FileStreamSourceConnector"], "files": ["*"]},
]}


class Asking(threading.Thread):
    """Asks each worker in turn until told to stop, with the token of the moment, and keeps every status but 200."""

    def __init__(self, workers, token, method="GET", path="/connectors"):
        super().__init__(daemon=True)
        self.workers, self.token, self.method, self.path = workers, token, method, path
        self.stopping = threading.Event()
        self.count, self.others = 0, []
        self.start()

    def run(self):
        while not self.stopping.is_set():
            for worker in self.workers:
                status, body = worker.request(self.method, self.path, headers={"Authorization": "Bearer " + self.token})
                self.count += 1
                if not 200 <= status < 300:
                    self.others.append((status, body))
                self.stopping.wait(PAUSE_S)

    def stop(self):
        self.stopping.set()
        self.join()


class Tokens(unittest.TestCase):
    def begin(self):
        """Two workers that begin without their issuer; `a` fetches keys when a token asks for them, `b` every second as well."""
        self.issuer = oidc_provider.Issuer()
        self.addCleanup(self.issuer.stop)
        folder = lab.scratch_folder()
        self.bindings = os.path.join(folder, "bindings.json")
        self.bind(BINDINGS)
        self.input = os.path.join(folder, "in")
        open(self.input, "w", encoding="utf-8").close()
        common = lab.worker_properties(
            lab.suite_lab(), session__timeout__ms=8000, millrace__inter__worker__secret="s" * 32,
            millrace__rest__bindings__file=self.bindings, millrace__rest__auth__issuer=self.issuer.url,
            millrace__rest__auth__audiences=oidc_provider.AUDIENCE, millrace__rest__auth__clock__skew__ms=CLOCK_SKEW_MS)
        self.topic = common["config.storage.topic"]
        self.a = self.worker(common)
        self.b = self.worker(common, **{"millrace.rest.auth.keys.url": self.issuer.url + "/jwks?b",
                                        "millrace.rest.auth.keys.refresh.ms": 1000})
        for worker in (self.a, self.b):
            worker.start()

    def bind(self, bindings):
        with open(self.bindings + ".new", "w", encoding="utf-8") as f:
            json.dump(bindings, f)
        os.rename(self.bindings + ".new", self.bindings)

    def log_everything(self, token):
        """By an admin for a moment: what is logged at TRACE tells no token either."""
        self.bind({"bindings": [{"name": "all", "groups": ["team"], "role": "admin"}]})
        for worker in (self.a, self.b):
            lab.wait_until(lambda: self.status(worker, token, "PUT", "/admin/loggers/root", {"level": "TRACE"}) == 200, "TRACE")
        self.bind(BINDINGS)
        for worker in (self.a, self.b):
            lab.wait_until(lambda: self.status(worker, token, "PUT", "/admin/loggers/root", {"level": "TRACE"}) == 403, "no admin more")

    def no_log_tells(self, tokens):
        for worker in (self.a, self.b):
            text = worker.log_text()
            self.assertIn("the level of logger root is TRACE now", text)
            for token in tokens:
                for part in token.split(".")[1:]:
                    self.assertNotIn(part[:30], text)

    def worker(self, common, **more):
        worker = lab.Worker({**common, "listeners": "http://127.0.0.1:%d" % lab.free_port(), **more})
        self.addCleanup(worker.end)
        return worker

    def ask(self, worker, token, method="GET", path="/connectors", body=None, **headers):
        return worker.request(method, path, body, headers={"Authorization": "Bearer " + token, **headers})

    def status(self, *arguments, **more):
        return self.ask(*arguments, **more)[0]

    def wait_status(self, wanted, worker, token, timeout_s=30):
        lab.wait_until(lambda: self.status(worker, token) == wanted, "%d from %s" % (wanted, worker.url), timeout_s)

    def follower(self, token):
        url = lab.wait_until(lambda: self.ask(self.a, token, path="/admin/cluster")[1].get("leader"), "somebody leads")
        return self.a if url.rstrip("/") == self.b.url else self.b

    def test_tokens_of_a_real_issuer(self):
        self.begin()
        self.without_issuer()
        self.issuer.start()
        editor = self.issuer.token()
        for worker in (self.a, self.b):
            self.wait_status(200, worker, editor)
            self.assertEqual(200, self.status(worker, self.issuer.token("elliptic")))
        self.log_everything(editor)
        follower = self.follower(editor)
        name = self.through_the_follower(follower, editor)
        writing = Asking([follower], editor, "PUT", "/connectors/%s/pause" % name)
        changed_s = self.change_session_key()
        self.bad_tokens(editor)
        self.rotation(editor, writing)
        self.editor_after = self.issuer.token()
        self.issuer_gone(self.editor_after)
        lab.wait_until(lambda: time.monotonic() > changed_s + 0.5, "workers sign by the new session key")
        writing.stop()
        self.assertEqual([], writing.others[:3], "of %d" % writing.count)
        self.no_log_tells([editor, self.editor_after])

    def change_session_key(self):
        """As a leader does when inter.worker.key.ttl.ms has passed; when workers sign by the new one."""
        key = base64.b64encode(os.urandom(32)).decode()
        record = {"key": key, "algorithm": "HmacSHA256", "creation-timestamp": int(1000 * time.time())}
        lab.suite_lab().produce(self.topic, [json.dumps(record)], key="session-key")
        return time.monotonic() + KEY_SETTLE_S

    def without_issuer(self):
        """No key has come yet: nobody can be let in, and nobody is sent away for good."""
        token = self.issuer.forged({"alg": "RS256", "kid": "any"})
        for worker in (self.a, self.b):
            lab.wait_until(lambda worker=worker: self.ask(worker, token), "%s listens" % worker.url)
            status, body = self.ask(worker, token)
            self.assertEqual(503, status, body)
            self.assertIn("issuer", body["message"])
            self.assertIn("were not fetched, trying again", worker.log_text())
            self.assertEqual(401, worker.request("GET", "/connectors")[0])

    def through_the_follower(self, follower, editor):
        """What the leader does for others it does by their rights, though it never saw their token."""
        viewer, name = self.issuer.token("viewer"), lab.fresh_name("team-x")
        config = {"connector.class": "FileStreamSource", "file": self.input, "topic": name, "tasks.max": "1"}
        for token, called, wanted in ((viewer, name, 403), (editor, "other-" + name, 403), (editor, name, 201)):
            lab.wait_until(lambda: self.status(follower, token, "POST", "/connectors", {"name": called, "config": config}) == wanted,
                           "%d for %s" % (wanted, called))
        leader = self.a if follower is self.b else self.b
        for header in ("1.%d.AAAAAAAAAAAAAAAAAAAAAA==.e30=.%s=" % (time.time() * 1000, "A" * 43), "x", "2.1.1.1.1"):
            for worker in (leader, follower):
                status, body = self.ask(worker, editor, **{"Millrace-Caller": header})
                self.assertEqual(403, status, body)
                self.assertIn("refused with 403", worker.log_text())
        return name

    def bad_tokens(self, editor):
        public = self.issuer.public("a")
        head, claims, signature = editor.split(".")
        brief = self.issuer.token("brief")
        bad = {
            "of another audience": self.issuer.token(audience="api://other"),
            "expired": self.issuer.forged({"alg": "RS256", "kid": public["kid"]}, exp=int(time.time()) - 1),
            "HS256 by the public key": self.issuer.forged({"alg": "HS256", "kid": public["kid"]}, public["pem"].encode()),
            "HMAC that says RS256": self.issuer.forged({"alg": "RS256", "kid": public["kid"]}, public["pem"].encode()),
            "none": self.issuer.forged({"alg": "none", "kid": public["kid"]}).rsplit(".", 1)[0] + ".",
            "none, signed": self.issuer.forged({"alg": "none", "kid": public["kid"]}),
            "of changed claims": "%s.%s.%s" % (head, claims[:-4] + ("AAAA" if claims[-4:] != "AAAA" else "BBBB"), signature),
            "without a signature": "%s.%s." % (head, claims),
        }
        for worker in (self.a, self.b):
            for what, token in bad.items():
                with self.subTest(what=what):
                    self.assertEqual(401, self.status(worker, token))
            self.wait_status(401, worker, brief)  # a real one, once it has expired

    def rotation(self, old, writing):
        """New keys while requests go on: no good token is refused. Then made-up keys, and one that was withdrawn."""
        asking = [Asking([self.a, self.b], old), Asking([self.b, self.a], old)]
        before = self.issuer.times_asked("/jwks")
        self.issuer.use_keys("b", "a")
        new = self.issuer.token()
        self.assertNotEqual(new.split(".")[0], old.split(".")[0])
        for thread in (writing, *asking):
            thread.token = new
        self.assertEqual(200, self.status(self.a, new))
        self.assertEqual(before + 1, self.issuer.times_asked("/jwks"))
        for i in range(FLOOD):
            status, body = self.ask(self.a, self.issuer.forged({"alg": "RS256", "kid": "made-up-%d" % i}))
            self.assertEqual(401, status, body)
        self.assertEqual(before + 1, self.issuer.times_asked("/jwks"))
        self.assertEqual(200, self.status(self.a, old))
        for thread in asking:
            lab.wait_until(lambda asked=thread: asked.count > 10, "more than 10 requests by each")
            thread.stop()
            self.assertEqual([], thread.others[:3], "of %d" % thread.count)
        self.issuer.use_keys("b")
        self.wait_status(401, self.b, old)

    def issuer_gone(self, token):
        """The keys that are there stay, also when fetching fails; the log says it once."""
        self.assertEqual(200, self.status(self.b, token))
        self.issuer.stop()
        said = self.b.log_text().count("were not fetched, trying again")
        lab.wait_until(lambda: self.b.log_text().count("were not fetched, trying again") == said + 1, "it is said", 10)
        for worker in (self.a, self.b):
            self.assertEqual(200, self.status(worker, token))
            self.assertEqual(401, self.status(worker, self.issuer.forged({"alg": "RS256", "kid": "made-up"})))


if __name__ == "__main__":
    unittest.main()
