"""The HTTP sink against real servers on the loopback: what they take is compared to the byte."""

import json
import os
import re
import ssl
import unittest

import certificates
import lab
from http_target import HttpTarget, answer, hang, reset

CONFLUENT = "io.confluent.connect.http.HttpSinkConnector"
AIVEN = "io.aiven.kafka.connect.http.HttpSinkConnector"


class HttpSink(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = lab.suite_lab()
        cls.worker = lab.Worker(lab.worker_properties(cls.kafka, offset__flush__interval__ms=200)).start()
        cls.worker.ready()

    @classmethod
    def tearDownClass(cls):
        cls.worker.end()

    def setUp(self):
        self.topic = lab.fresh_name("topic")

    def create(self, class_name, topics=None, **options):
        """options: a__b stands for a.b."""
        name = lab.fresh_name("http")
        config = {"connector.class": class_name, "topics": topics or self.topic, "tasks.max": 1,
                  **{key.replace("__", "."): value for key, value in options.items()}}
        self.worker.create(name, config)
        self.addCleanup(self.worker.request, "DELETE", "/connectors/" + name)
        return name

    def committed(self, name):
        return {entry["partition"]["kafka_partition"]: entry["offset"]["kafka_offset"]
                for entry in self.worker.rest("GET", "/connectors/%s/offsets" % name)["offsets"]}

    def test_every_record_arrives_once_and_in_order_whatever_the_target_does(self):
        self.kafka.topic_create(self.topic, partitions=2)
        sent = {p: ["%d-%04d ä" % (p, i) for i in range(600)] for p in (0, 1)}
        for partition, values in sent.items():
            self.kafka.produce(self.topic, values, partition=partition)
        with HttpTarget() as target:
            target.is_away = True
            target.trouble(answer(429, {"Retry-After": "1"}))
            name = self.create(CONFLUENT, http__api__url=target.url + "/in", batch__max__size=40, batch__prefix="<", batch__separator="|",
                               batch__suffix=">", max__retries=50, retry__backoff__ms=100, retry__backoff__policy="constant_value",
                               http__request__timeout__ms=800)
            lab.wait_until(lambda: target.asked >= 3, "requests of a target that is away")
            self.assertFalse(any(self.committed(name).values()))  # nothing was taken: nothing is committed
            target.trouble(reset, answer(500), answer(500), hang, answer(503, {"Retry-After": "1"}))
            target.is_away = False
            lab.wait_until(lambda: self.committed(name) == {0: 600, 1: 600}, "all is delivered and committed")
            bodies = target.bodies()
            self.assertEqual(0, target.trouble_left())
        got = [value for body in bodies for value in body.decode().removeprefix("<").removesuffix(">").split("|")]
        for partition, values in sent.items():
            self.assertEqual(values, [value for value in got if value.startswith("%d-" % partition)])
        self.assertEqual(1200, len(got))
        self.assertLess(len(bodies), 60)

    def test_refused_records_go_to_the_dead_letter_topic_and_no_others(self):
        letters = lab.fresh_name("letters")
        self.kafka.produce(self.topic, ["fine-1", "poison-1", "fine-2", "poison-2"], key="k")
        with HttpTarget(refuses=lambda body: b"poison" in body) as target:
            name = self.create(CONFLUENT, http__api__url=target.url + "/x/${topic}/${key}", errors__tolerance="all",
                               errors__deadletterqueue__topic__name=letters, errors__deadletterqueue__context__headers__enable="true",
                               errors__deadletterqueue__topic__replication__factor=1)
            lab.wait_until(lambda: self.committed(name) == {0: 4}, "the commit behind the last letter")
            self.assertEqual([b"fine-1", b"fine-2"], target.bodies())
            self.assertEqual("/x/%s/k" % self.topic, target.taken[0][1])
        got = self.kafka.consume(letters)
        self.assertEqual([("k", "poison-1"), ("k", "poison-2")], [(letter["key"], letter["value"]) for letter in got])
        headers = dict(zip(got[0]["headers"][::2], got[0]["headers"][1::2]))
        self.assertIn("it answered 400: not this one", headers["__connect.errors.exception.message"])

    def test_tokens_are_renewed_and_certificates_checked_both_ways(self):
        authority = certificates.Authority("CN=http-ca")
        server, client = authority.issue("CN=localhost"), authority.issue("CN=sink")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(server.pem)
        tls.load_verify_locations(authority.pem)
        tls.verify_mode = ssl.CERT_REQUIRED
        self.kafka.produce(self.topic, ["{\"n\":%d}" % i for i in range(30)])
        with HttpTarget(tls=tls, tokens={"me": "client-secret-1"}, token_requests=8) as target:
            self.create(CONFLUENT, http__api__url=target.url + "/", auth__type="OAUTH2", oauth2__token__url=target.token_url,
                        oauth2__client__id="me", oauth2__client__secret="client-secret-1", oauth2__client__auth__mode="url",
                        https__ssl__truststore__location=authority.pem, https__ssl__keystore__location=client.pkcs12,
                        https__ssl__keystore__password=certificates.PASSWORD, retry__backoff__ms=50)
            lab.wait_until(lambda: len(target.bodies()) == 30, "all behind a token")
            self.assertEqual([b"{\"n\":%d}" % i for i in range(30)], target.bodies())
            self.assertEqual(4, len(target.tokens_given))
            tokens = list(target.tokens_given)
        log = self.worker.log_text()
        for secret in tokens + ["client-secret-1", certificates.PASSWORD]:
            self.assertNotIn(secret, log)

    def test_a_refused_client_fails_the_task_and_says_so_without_its_secret(self):
        self.kafka.produce(self.topic, ["one"])
        with HttpTarget(tokens={"me": "another-secret"}, token_requests=8) as target:
            name = self.create(CONFLUENT, http__api__url=target.url + "/", auth__type="oauth2", oauth2__token__url=target.token_url,
                               oauth2__client__id="me", oauth2__client__secret="wrong-secret", max__retries=1, retry__backoff__ms=20)
            trace = lab.wait_until(lambda: (self.worker.status(name)["tasks"] or [{}])[0].get("trace"), "the task fails")
        self.assertIn("/token: it answered 401: {\"error\":\"invalid_client\"}", trace)
        self.assertNotIn("wrong-secret", trace + self.worker.log_text())

    def test_the_other_family_of_options_works_as_well(self):
        self.kafka.produce(self.topic, ["a", "b", "c"])
        with HttpTarget() as target:
            self.create(AIVEN, http__url=target.url + "/a", http__authorization__type="static", http__headers__authorization="Key 4711",
                        http__headers__content__type="text/csv", http__headers__additional="X-A:1", batching__enabled="true")
            lab.wait_until(lambda: b"".join(target.bodies()).count(b"\n") == 3, "three lines")
            self.assertEqual(b"a\nb\nc\n", b"".join(target.bodies()))
            headers = target.taken[0][2]
        self.assertEqual(("Key 4711", "text/csv", "1"), (headers["Authorization"], headers["Content-Type"], headers["X-A"]))

    def test_the_example_of_the_manual_does_what_it_says(self):
        with open(os.path.join(lab.ROOT, "docs", "http-sink.md"), encoding="utf-8") as file:
            manual = file.read()
        config, records, request = (re.search(r"```%s\n(.*?)```" % kind, manual, re.S).group(1) for kind in ("json", "text", "http"))
        head, body = request.split("\n\n", 1)
        with HttpTarget() as target:
            config = json.loads(config.replace("http://localhost:8080", target.url))
            config.update({"topics": self.topic})
            for line in records.splitlines():
                key, value = line.split(" ", 1)
                self.kafka.produce(self.topic, [value], key=key)
            name = lab.fresh_name("manual")
            self.worker.create(name, config)
            self.addCleanup(self.worker.request, "DELETE", "/connectors/" + name)
            lab.wait_until(lambda: self.committed(name) == {0: len(records.splitlines())}, "the example's records are delivered")
            method, path, headers, got = target.taken[0]
            self.assertEqual(1, len(target.taken))
        lines = head.splitlines()
        self.assertEqual(lines[0], "%s %s HTTP/1.1" % (method, path))
        for line in lines[1:]:
            header, value = line.split(": ", 1)
            self.assertEqual(value, headers[header])
        self.assertEqual(body.rstrip("\n"), got.decode())


if __name__ == "__main__":
    unittest.main()
