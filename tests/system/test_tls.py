"""https: one worker that renews its certificate and one that demands its clients' certificates; a cluster that speaks nothing else."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import unittest
import urllib.error

import certificates
import cluster
import lab

CONFORMANCE = os.path.join(lab.ROOT, "tests", "rest-conformance", "run.py")


def https_properties(**more):
    properties = lab.worker_properties(lab.suite_lab(), **more)
    properties["listeners"] = properties["listeners"].replace("http:", "https:")
    return properties


def address_of(worker):
    host, port = worker.url.rsplit("/", 1)[1].rsplit(":", 1)
    return host, int(port)


def subject_shown(worker, tls):
    with socket.create_connection(address_of(worker), 10) as plain, tls.wrap_socket(plain, server_hostname="localhost") as secure:
        return dict(pair[0] for pair in secure.getpeercert()["subject"])["commonName"]


def old_client(tls):
    """One that speaks TLS 1.1 at most."""
    tls.minimum_version = ssl.TLSVersion.TLSv1
    tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("DEFAULT@SECLEVEL=0")
    return tls


class OneWorker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ca = certificates.Authority("O=Acme/CN=ca")
        cls.server, cls.client = cls.ca.issue("CN=first"), cls.ca.issue("O=Acme/CN=alice")

    def is_refused(self, worker, tls):
        try:
            lab.http("GET", worker.url + "/", tls=tls)
        except (urllib.error.URLError, ssl.SSLError, ConnectionError) as error:
            return error
        return self.fail("it was let in")

    def test_a_worker_serves_https_and_renews_its_certificate(self):
        path = os.path.join(lab.scratch_folder(), "server.pem")
        shutil.copy(self.server.pem, path)
        believing = certificates.context(self.ca)
        admin = "https://127.0.0.1:%d" % lab.free_port()
        properties = https_properties(ssl__keystore__type="PEM", ssl__keystore__location=path)
        properties["admin.listeners"] = admin
        with lab.Worker(properties, tls=believing) as worker:
            self.assertEqual(worker.request("GET", "/admin/loggers")[0], 404)
            self.assertEqual(lab.http("GET", admin + "/admin/loggers", tls=believing)[0], 200)
            self.assertEqual(lab.http("GET", admin + "/connectors", tls=believing)[0], 404)
            self.is_refused(worker, old_client(certificates.context(self.ca)))
            with socket.create_connection(address_of(worker), 10) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                self.assertNotIn(b"HTTP", plain.recv(1000))
            self.play_some_cases(worker)
            self.renew(worker, believing, path)

    def renew(self, worker, believing, path):
        with socket.create_connection(address_of(worker), 10) as plain, \
                believing.wrap_socket(plain, server_hostname="localhost") as kept:
            self.assertEqual(subject_shown(worker, believing), "first")
            self.ca.issue("CN=second").take_place_of(path)
            lab.wait_until(lambda: subject_shown(worker, believing) == "second", "the new certificate is shown", 20)
            kept.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertIn(b" 200 ", kept.recv(1000))
        with open(path, "wb"):
            pass
        lab.wait_until(lambda: subject_shown(worker, believing) == "second" and "stay in force" in worker.log_text(),
                       "a broken file is told and changes nothing", 20)

    def play_some_cases(self, worker):
        """The conformance suite runs over https, too."""
        played = subprocess.run([sys.executable, CONFORMANCE, "--url", worker.url, "--bootstrap", lab.suite_lab().bootstrap,
                                 "--only", "plugins-list", "--only", "slashes"],
                                env={**os.environ, "SSL_CERT_FILE": self.ca.pem}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        self.assertEqual(played.returncode, 0, played.stdout)

    def test_a_worker_that_demands_certificates(self):
        properties = https_properties(ssl__keystore__type="PKCS12", ssl__keystore__location=self.server.pkcs12,
                                      ssl__keystore__password=certificates.PASSWORD, ssl__client__auth="required",
                                      ssl__truststore__location=self.ca.pem, ssl__truststore__type="PEM",
                                      millrace__rest__auth__certificates="true")
        properties["millrace.rest.bindings.file"] = os.path.join(lab.scratch_folder(), "bindings.json")
        with open(properties["millrace.rest.bindings.file"], "w", encoding="utf-8") as bindings:
            json.dump({"bindings": [{"name": "all", "users": ["CN=alice,O=Acme"], "role": "admin"}]}, bindings)
        with lab.Worker(properties, tls=certificates.context(self.ca, self.client)) as worker:
            self.is_refused(worker, certificates.context(self.ca))
            strange = certificates.context(self.ca)
            strange.load_cert_chain(certificates.Authority("CN=elsewhere").issue("O=Acme/CN=alice").pem)
            self.is_refused(worker, strange)
            self.assertEqual(worker.rest("GET", "/whoami")["name"], "CN=alice,O=Acme")

    def test_a_wrong_password_stops_the_start_in_words(self):
        properties = https_properties(ssl__keystore__location=self.server.pkcs12, ssl__keystore__password="not-the-one")
        worker = lab.Worker(properties).start()
        self.assertEqual(worker.wait(), 1)
        self.assertRegex(worker.log_end(3), "ssl.keystore.password: .*own.p12: the password is wrong")
        self.assertNotIn("not-the-one", worker.log_text())


class Together(unittest.TestCase):
    def test_workers_ask_each_other_over_https_with_certificates(self):
        ca = certificates.Authority("O=Acme/CN=ca")
        own = ca.issue("O=Acme/CN=worker")
        workers = cluster.Cluster(
            lab.suite_lab(), ("a", "b"), tls=certificates.context(ca, own), listeners__https__ssl__keystore__type="PKCS12",
            listeners__https__ssl__keystore__location=own.pkcs12, session__timeout__ms=6000,
            listeners__https__ssl__keystore__password=certificates.PASSWORD, listeners__https__ssl__truststore__type="PEM",
            listeners__https__ssl__truststore__location=ca.pem, listeners__https__ssl__client__auth="required")
        self.addCleanup(workers.end)
        lab.wait_until(workers.leader, "somebody leads", 30)
        load = cluster.Load(workers, 2)
        self.addCleanup(load.stop)
        load.create()  # through both: half of the requests are passed on; and tasks of the other's connectors go to the leader
        workers.wait_balanced(load.units)
        follower = next(workers.workers[name] for name in workers.alive() if name != workers.leader())
        for i in range(2):
            self.assertEqual(follower.request("DELETE", "/connectors/" + load.sink(i))[0], 204)
        self.assertEqual(len(follower.rest("GET", "/connectors")), 2)
        for worker in workers.workers.values():
            self.assertTrue(worker.url.startswith("https:"))
            self.assertNotIn("cannot be asked over https", worker.log_text())


if __name__ == "__main__":
    unittest.main()
