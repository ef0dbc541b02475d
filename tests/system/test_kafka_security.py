"""A Kafka that wants a login or a certificate: every way in with a JVM worker's properties, refusals in words, rotation in mid-stream."""

import os
import shutil
import unittest

import certificates
import lab

FILE_PROVIDER = {"config.providers": "file",
                 "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider"}
OF_CLIENTS = ("", "producer.", "consumer.", "admin.")


def jaas(module, user, password):
    return 'org.apache.kafka.common.security.%s required username="%s" password="%s";' % (module, user, password)


def put(path, text):
    """As one step, as whoever changes secrets does it."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


class Pipeline:
    """A worker that comes in one way, with a file source and a file sink."""

    def __init__(self, kafka, name, security, overrides=None):
        self.name, self.overrides = name, overrides or {}
        self.folder = lab.scratch_folder()
        self.source, self.sink = os.path.join(self.folder, "in"), os.path.join(self.folder, "out")
        protocol = security["security.protocol"]
        properties = lab.worker_properties(kafka, **{"millrace.kafka.credentials.interval.ms": 300})
        self.bootstrap = kafka.read("bootstrap-" + protocol.lower().replace("_", "-"))
        properties.update({prefix + key: value for prefix in OF_CLIENTS for key, value in security.items()})
        properties.update({"bootstrap.servers": self.bootstrap, "connector.client.config.override.policy": "All"})
        self.worker = lab.Worker(properties)
        self.written = 0

    def create(self):
        self.write(100)
        overrides = lambda kind: {"%s.override.%s" % (kind, key): value for key, value in self.overrides.items()}
        self.worker.create("in", {"connector.class": "FileStreamSource", "file": self.source, "topic": "of-" + self.name,
                                  **overrides("producer")})
        self.worker.create("out", {"connector.class": "FileStreamSink", "file": self.sink, "topics": "of-" + self.name,
                                   **overrides("consumer")})

    def write(self, count):
        with open(self.source, "a", encoding="utf-8") as file:
            file.writelines("%s %d\n" % (self.name, n) for n in range(self.written, self.written + count))
        self.written += count

    def wait_for_all(self, timeout_s=60):
        want = {"%s %d" % (self.name, n) for n in range(self.written)}
        try:
            lab.wait_until(lambda: want <= set(lines_of(self.sink)), "all lines over " + self.name, timeout_s)
        except AssertionError as error:
            raise AssertionError("%s; %d lines are there\n%s" % (error, len(lines_of(self.sink)), self.worker.log_end())) from None

    def metric(self, name):
        text = self.worker.rest("GET", "/metrics")
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " ")), None)

    def warnings(self):
        return {one["name"]: one["message"] for one in self.worker.request("GET", "/readyz")[1]["warnings"]}


class KafkaSecurity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = lab.Lab(secured=True).start()
        cls.authority = certificates.Authority.of_files(cls.kafka.path("ca.pem"), cls.kafka.path("ca.key"))
        cls.next_authority = certificates.Authority("CN=clients 2")
        cls.user = cls.kafka.credentials()["user"]
        cls.password = cls.kafka.credentials()["password"]
        cls.trust = {"ssl.truststore.type": "PEM", "ssl.truststore.location": cls.kafka.path("ca.pem")}

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def setUp(self):
        self.folder = lab.scratch_folder()

    def tearDown(self):
        lab.end_workers()

    def refused(self, says, security, **more):
        """A worker that ends, soon and with these words; its log."""
        worker = Pipeline(self.kafka, "refused", {**security, **more}).worker.start()
        self.assertEqual(1, worker.wait(30))
        last = worker.log_text().splitlines()[-1]
        for words in says:
            self.assertIn(words, last)
        return worker.log_text()

    def pipelines(self, own, secrets):
        """One for each way in; passwords are in the file `secrets`, certificates in files that `own` has issued."""
        by_file = lambda module: jaas(module, self.user, "${file:%s:password}" % secrets)
        pem, pkcs12 = os.path.join(self.folder, "own.pem"), os.path.join(self.folder, "own.p12")
        shutil.copy(own.pem, pem)
        shutil.copy(own.pkcs12, pkcs12)
        tls = {**self.trust, "security.protocol": "SSL"}
        made = [
            Pipeline(self.kafka, "plain", {**self.trust, "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN",
                                           "sasl.jaas.config": by_file("plain.PlainLoginModule")}),
            Pipeline(self.kafka, "scram-256", {"ssl.truststore.location": self.kafka.path("truststore.p12"),
                                               "ssl.truststore.password": self.kafka.credentials()["truststore.password"],
                                               "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-256",
                                               "sasl.jaas.config": by_file("scram.ScramLoginModule")}),
            Pipeline(self.kafka, "scram-512", {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512",
                                               "sasl.jaas.config": by_file("scram.ScramLoginModule")}),
            Pipeline(self.kafka, "pem-file", {**tls, "ssl.keystore.type": "PEM", "ssl.keystore.location": pem}),
            Pipeline(self.kafka, "pkcs12", {**tls, "ssl.keystore.type": "PKCS12", "ssl.keystore.location": pkcs12,
                                            "ssl.keystore.password": certificates.PASSWORD}),
            Pipeline(self.kafka, "pem-inline", {**tls, "ssl.keystore.type": "PEM", **inline(own)}),
        ]
        for one in made[:3]:
            one.worker.properties.update(FILE_PROVIDER)
        return made

    def rotate_clients(self, pipelines, secrets, password):
        """New certificates in the files of the old ones and in a worker's own file; a new password where the reference leads."""
        fresh = self.next_authority.issue("CN=worker-2")
        for extension in ("pem", "p12"):
            path = os.path.join(self.folder, "own." + extension)
            shutil.copy(fresh.pem if extension == "pem" else fresh.pkcs12, path + ".new")
            os.replace(path + ".new", path)
        put(secrets, "password=%s\n" % password)
        worker = pipelines[-1].worker
        worker.properties.update({prefix + key: value for prefix in OF_CLIENTS for key, value in inline(fresh).items()})
        lab.properties_write(os.path.join(worker.folder, "worker.properties"), worker.properties)

    def rotate_broker(self, password):
        """It takes nothing old any more, and every connection is made anew."""
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            self.kafka.tool("kafka.admin.ConfigCommand", "--bootstrap-server", self.kafka.bootstrap, "--alter", "--entity-type", "users",
                            "--entity-name", self.user, "--add-config", "%s=[password=%s]" % (mechanism, password))
        self.kafka.broker_stop()
        shutil.copy(self.next_authority.pem, self.kafka.path("clients-ca.pem"))
        path = self.kafka.path("broker-1/server.properties")
        put(path, "\n".join(lines_of(path)).replace(self.password, password) + "\n")
        self.kafka.broker_start()
        type(self).password, type(self).authority = password, self.next_authority

    def test_every_way_in_and_rotation_in_mid_stream(self):
        secrets, password = os.path.join(self.folder, "secrets"), "second-%s" % lab.fresh_name("p")
        former = self.password
        put(secrets, "password=%s\n" % former)
        pipelines = self.pipelines(self.authority.issue("CN=worker"), secrets)
        for one in pipelines:
            one.worker.start()
        for one in pipelines:
            one.worker.ready()
            one.create()
        for one in pipelines:
            one.wait_for_all()
        self.assertIn("kafka_certificate_expiry", pipelines[3].warnings())
        expires = pipelines[3].metric("millrace_kafka_certificate_expires_timestamp_seconds")
        self.rotate_clients(pipelines, secrets, password)
        for one in pipelines:
            lab.wait_until(lambda: one.metric("millrace_kafka_credentials_renewed_total") >= 1, "new credentials in " + one.name)
            one.write(100)
        self.assertGreater(pipelines[3].metric("millrace_kafka_certificate_expires_timestamp_seconds"), expires)
        self.rotate_broker(password)
        for one in pipelines:
            one.write(100)
        for one in pipelines:
            one.wait_for_all(90)
            for connector in ("in", "out"):
                one.worker.wait_state(connector)
            log = one.worker.log_text()
            for secret in (former, password, certificates.PASSWORD, "PRIVATE KEY"):
                self.assertNotIn(secret, log)
            self.assertNotIn("FAILED", log)
        for one in pipelines:
            self.assertEqual(0, one.worker.stop())

    def test_files_that_are_of_no_use_change_nothing_and_are_told(self):
        certificate, pem = self.authority.issue("CN=worker"), os.path.join(self.folder, "own.pem")
        shutil.copy(certificate.pem, pem)
        one = Pipeline(self.kafka, "useless", {**self.trust, "security.protocol": "SSL", "ssl.keystore.location": pem})
        one.worker.start().ready()
        put(pem, "nonsense\n")
        lab.wait_until(lambda: "ssl.keystore.location" in one.warnings().get("kafka_credentials", ""), "it is told")
        self.assertEqual(1, one.metric("millrace_kafka_credentials_failing"))
        one.create()
        one.wait_for_all()
        shutil.copy(certificate.pem, pem)
        lab.wait_until(lambda: "kafka_credentials" not in one.warnings(), "it is well again")

    def test_a_connector_comes_in_with_overrides_of_its_own(self):
        own = {**self.trust, "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN",
               "sasl.jaas.config": jaas("plain.PlainLoginModule", self.user, self.password)}
        one = Pipeline(self.kafka, "override", own, overrides={"sasl.jaas.config": own["sasl.jaas.config"]})
        wrong = jaas("plain.PlainLoginModule", self.user, "not-it")
        for prefix in ("producer.", "consumer."):
            one.worker.properties[prefix + "sasl.jaas.config"] = wrong
        with one.worker:
            one.create()
            one.wait_for_all()
            one.worker.create("without", {"connector.class": "FileStreamSink", "file": one.sink + "2", "topics": "of-override"})
            trace = lab.wait_until(lambda: next((t["trace"] for t in one.worker.status("without")["tasks"] if t["state"] == "FAILED"), None),
                                   "the one without is refused")
            self.assertIn("sasl.jaas.config: the brokers do not take this login", trace)
            self.assertNotIn("not-it", trace + one.worker.log_text())

    def test_what_is_refused_is_told_with_property_and_remedy(self):
        sasl = {**self.trust, "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN",
                "sasl.jaas.config": jaas("plain.PlainLoginModule", self.user, "not-the-password")}
        scram = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-256",
                 "sasl.jaas.config": jaas("scram.ScramLoginModule", self.user, "not-the-password")}
        tls = {**self.trust, "security.protocol": "SSL"}
        foreign = certificates.Authority("CN=foreign").issue("CN=worker")
        login = "sasl.jaas.config: the brokers do not take this login"
        self.assertNotIn("not-the-password", self.refused([login], sasl))
        self.assertNotIn("not-the-password", self.refused([login], scram))
        self.refused(["ssl.keystore.location: the brokers do not accept"], tls, **{"ssl.keystore.location": foreign.pem})
        self.refused(["ssl.keystore.location: the brokers want a client certificate"], tls)
        self.refused(["ssl.truststore.location: the authority"], {**sasl, "ssl.truststore.location": foreign.authority.pem})
        self.refused(["ssl.keystore.password: ", "the password is wrong"], tls, **{"ssl.keystore.location": foreign.pkcs12,
                                                                                  "ssl.keystore.password": "not-the-password"})
        jks = os.path.join(self.folder, "own.jks")
        with open(jks, "wb") as file:
            file.write(bytes.fromhex("feedfeed0000000200000000"))
        self.refused(["keytool -importkeystore -srckeystore " + jks, "PKCS12"], tls, **{"ssl.keystore.location": jks})

    def test_a_port_with_tls_that_is_asked_without_is_named_while_it_says_nothing(self):
        for port, protocol, more, remedy in (("ssl", "PLAINTEXT", {}, "set SSL or SASL_SSL"),
                                             ("sasl-ssl", "SASL_PLAINTEXT", {"sasl.mechanism": "PLAIN", "sasl.jaas.config": jaas(
                                                 "plain.PlainLoginModule", self.user, self.password)}, "set SASL_SSL")):
            properties = lab.worker_properties(self.kafka, default__api__timeout__ms=7000)
            properties.update({prefix + key: value for prefix in OF_CLIENTS
                               for key, value in {"security.protocol": protocol, **more}.items()})
            properties["bootstrap.servers"] = self.kafka.read("bootstrap-" + port)
            worker = lab.Worker(properties).start()
            self.assertEqual(1, worker.wait(30))
            advice = "security.protocol is %s: if this port of the brokers speaks TLS, %s" % (protocol, remedy)
            warning, last = [line for line in worker.log_text().splitlines() if "security.protocol is " in line]
            self.assertIn("WARN no answer from %s for 5 s" % properties["bootstrap.servers"], warning)
            self.assertIn(advice, warning)
            self.assertIn(advice, last)


def inline(certificate):
    """Its key and chain as properties: one of several lines, the other in one, which Java takes as well."""
    with open(certificate.pem, encoding="utf-8") as file:
        text = file.read()
    end = text.index("-----BEGIN CERTIFICATE")
    return {"ssl.keystore.key": text[:end].strip(), "ssl.keystore.certificate.chain": text[end:].strip().replace("\n", " ")}


if __name__ == "__main__":
    unittest.main()
