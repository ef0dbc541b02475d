"""Logins to Kafka by OAUTHBEARER: real tokens of a real issuer, which end after seconds, while records flow."""

import os
import threading
import time
import unittest

import exposition
import lab
import oidc_provider
import token_endpoint

MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
HANDLER = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
TOKEN_S = 8       # a token's life
PREFIXES = ("", "producer.", "consumer.", "admin.")
HUB_SCOPE = "https://hub.servicebus.windows.net/.default"
# Tokens of seconds are refreshed by the default share of their life; what is tried again is so soon.
BRIEF = {"sasl.login.retry.backoff.ms": 100, "sasl.login.retry.backoff.max.ms": 500}


class Lines(threading.Thread):
    """Appends numbered lines to a file until told to stop."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.count, self.ending = path, 0, threading.Event()
        self.start()

    def run(self):
        with open(self.path, "a", encoding="ascii", buffering=1) as file:
            while not self.ending.wait(0.02):
                file.write("line %d\n" % self.count)
                self.count += 1

    def stop(self):
        self.ending.set()
        self.join()


class OAuth(unittest.TestCase):
    weight = 2

    @classmethod
    def setUpClass(cls):
        cls.issuer = oidc_provider.Issuer().start()
        cls.kafka = lab.Lab(oauth=cls.issuer.url).start()

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()
        cls.issuer.stop()

    def setUp(self):
        self.endpoint = token_endpoint.TokenEndpoint(self.issuer)
        self.addCleanup(self.endpoint.stop)
        self.folder = lab.scratch_folder()
        self.topic = lab.fresh_name("lines")

    def worker(self, login, environment=None, **more):
        own = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", **BRIEF, **login}
        properties = lab.worker_properties(self.kafka, **more)
        properties.update({prefix + key: value for prefix in PREFIXES for key, value in own.items()})
        properties["bootstrap.servers"] = self.kafka.read("bootstrap-oauth")
        worker = lab.Worker(properties, environment=environment)
        self.addCleanup(worker.end)
        return worker.start()

    def by_secret(self, secret=token_endpoint.SECRET):
        return {"sasl.jaas.config": '%s clientId="%s" clientSecret="%s" scope="connect" ;' % (MODULE, token_endpoint.CLIENT, secret),
                "sasl.login.callback.handler.class": HANDLER, "sasl.oauthbearer.token.endpoint.url": self.endpoint.url + "/token"}

    def flow(self, worker, **source):
        """Lines from file to file, over Kafka."""
        self.input, self.output = os.path.join(self.folder, "in"), os.path.join(self.folder, "out")
        lines = Lines(self.input)
        self.addCleanup(lines.stop)
        worker.create("in", {"connector.class": "FileStreamSource", "file": self.input, "topic": self.topic, **source})
        worker.create("out", {"connector.class": "FileStreamSink", "file": self.output, "topics": self.topic})
        lab.wait_until(lambda: self.written() > 20, "lines flow")
        return lines

    def written(self):
        with open(self.output, encoding="ascii") as file:
            return sum(1 for _ in file)

    def all_came(self, worker, lines):
        """Each line, in order, once; both connectors run."""
        lines.stop()
        lab.wait_until(lambda: self.written() >= lines.count, "%d lines" % lines.count)
        with open(self.output, encoding="ascii") as file:
            self.assertEqual(["line %d" % i for i in range(lines.count)], file.read().splitlines())
        for name in ("in", "out"):
            worker.wait_state(name)

    def no_log_tells(self, worker, *secrets):
        text = worker.log_text()
        for secret in (*secrets, *(part for token in self.endpoint.tokens for part in token.split(".")[1:])):
            self.assertNotIn(secret[:40], text)

    def test_tokens_are_renewed_in_mid_stream_and_an_issuer_may_be_away(self):
        """Tokens of 8 s, connections that log in anew each 4 s; then no token at all for longer than one counts."""
        worker = self.worker(self.by_secret()).ready()
        lines = self.flow(worker)
        asked = len(self.endpoint.asked)
        self.assertLess(asked, 5, "all clients share a token")
        lab.wait_until(lambda: len(self.endpoint.tokens) >= asked + 2, "two more tokens")
        before = self.written()
        lab.wait_until(lambda: self.written() > before + 50 or "FAILED" in worker.log_text(), "records flow with the next tokens")
        self.assertNotIn("FAILED", worker.log_text())

        self.endpoint.away = True
        gone_s = time.monotonic()
        before = self.written()
        lab.wait_until(lambda: self.written() > before + 50, "records flow with the token at hand")
        lab.wait_until(lambda: "there is no token that counts" in worker.log_text() and time.monotonic() - gone_s > TOKEN_S,
                       "the token has ended", every_s=0.2)
        for name in ("in", "out"):
            self.assertEqual(["RUNNING"], [task["state"] for task in worker.status(name)["tasks"]])
        self.endpoint.away = False
        lab.wait_until(lambda: "gives tokens again" in worker.log_text(), "a token")
        before = self.written()
        lab.wait_until(lambda: self.written() > before + 50, "records flow again")
        self.all_came(worker, lines)
        self.no_log_tells(worker, '"secret"', "c2VjcmV0")

    def test_the_secret_of_the_client_is_replaced_in_mid_stream(self):
        """One of no use first, which changes nothing; then the next, and the former one does not count any more."""
        worker = self.worker(self.by_secret(), **{"millrace.kafka.credentials.interval.ms": 300}).ready()
        lines = self.flow(worker)

        def write_secret(secret):
            worker.properties.update({prefix + key: value for prefix in PREFIXES for key, value in self.by_secret(secret).items()})
            lab.properties_write(os.path.join(worker.folder, "worker.properties"), worker.properties)

        def failing():
            return exposition.Exposition(worker.rest("GET", "/metrics")).value("millrace_kafka_credentials_failing")
        write_secret("mistyped")
        lab.wait_until(lambda: failing() == 1, "the mistyped one is told")
        self.assertIn("the new source gives no tokens, those of the former one stay in force", worker.log_text())
        self.endpoint.secrets.add("second")
        write_secret("second")
        lab.wait_until(lambda: "have tokens of the new source" in worker.log_text() and
                       failing() == 0, "tokens by the second")
        self.endpoint.secrets.remove(token_endpoint.SECRET)
        before, tokens = self.written(), len(self.endpoint.tokens)
        lab.wait_until(lambda: len(self.endpoint.tokens) >= tokens + 2 and self.written() > before + 50, "records flow with its tokens")
        self.all_came(worker, lines)
        self.assertNotIn("FAILED", worker.log_text())
        self.no_log_tells(worker, "mistyped", "second\"")

    def test_a_pod_of_azure_logs_in_by_workload_identity_and_a_connector_by_another(self):
        """The file with the pod's own token is replaced while it runs; the connector's producer asks the metadata service, which is busy."""
        path = os.path.join(self.folder, "federated")
        self.federate(path, 1)
        azure = {"AZURE_FEDERATED_TOKEN_FILE": path, "AZURE_CLIENT_ID": token_endpoint.CLIENT, "AZURE_TENANT_ID": token_endpoint.TENANT,
                 "AZURE_AUTHORITY_HOST": self.endpoint.url + "/", "AZURE_POD_IDENTITY_AUTHORITY_HOST": self.endpoint.url}
        worker = self.worker({"sasl.jaas.config": MODULE + ";", "sasl.login.callback.handler.class": "millrace.AzureIdentity",
                              "sasl.oauthbearer.scope": HUB_SCOPE}, environment=azure).ready()
        self.endpoint.busy = 2
        lines = self.flow(worker, **{"producer.override.sasl.login.callback.handler.class": "millrace.AzureManagedIdentity"})
        self.assertIn("/metadata/identity/oauth2/token", [path for path, _, _ in self.endpoint.asked])
        self.federate(path, 2)
        seen = len(self.endpoint.asked)
        lab.wait_until(lambda: any(fields.get("client_assertion") == token_endpoint.federated_token(2)
                                   for _, fields, _ in self.endpoint.asked[seen:]), "the new assertion is used")
        before = self.written()
        lab.wait_until(lambda: self.written() > before + 50, "records flow")
        self.all_came(worker, lines)
        self.no_log_tells(worker, token_endpoint.federated_token(1), token_endpoint.federated_token(2))

    def federate(self, path, number):
        self.endpoint.assertion = token_endpoint.federated_token(number)
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(self.endpoint.assertion + "\n")
        os.rename(path + ".new", path)

    def test_a_token_may_stand_in_a_file_and_a_wrong_secret_is_told(self):
        path = os.path.join(self.folder, "token")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.issuer.token(token_endpoint.CLIENT, token_endpoint.AUDIENCE) + "\n")
        worker = self.worker({"sasl.jaas.config": MODULE + ";", "sasl.login.callback.handler.class": HANDLER,
                              "sasl.oauthbearer.token.endpoint.url": "file://" + path}).ready()
        wrong = self.worker(self.by_secret("wrong-secret"))
        path = os.path.join(self.folder, "in")
        with open(path, "w", encoding="ascii") as file:
            file.write("line\n")
        worker.create("in", {"connector.class": "FileStreamSource", "file": path, "topic": self.topic,
                             **{"producer.override." + key: value for key, value in self.by_secret("wrong-secret").items()}})
        failed = lab.wait_until(lambda: [task for task in worker.status("in")["tasks"] if task["state"] == "FAILED"], "the task FAILED")
        self.assertIn("401 invalid_client", failed[0]["trace"])
        lab.wait_until(lambda: "it answered 401 invalid_client (AADSTS700027)" in wrong.log_text(), "the reason")
        self.assertIn("check the client's id, its secret", wrong.log_text())
        self.assertEqual(1, wrong.wait(20))
        self.assertIn("do not let this worker in: asking for the cluster's id: there is no token for the login: ", wrong.log_text())
        self.no_log_tells(wrong, "wrong-secret", "d3Jvbmct")
        self.assertEqual(0, worker.stop())


if __name__ == "__main__":
    unittest.main()
