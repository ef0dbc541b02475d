"""Logins over REST on a real worker: passwords, tokens of an issuer on the loopback, the JVM's basic-auth extension, files that change."""

import base64
import http.client
import http.server
import json
import os
import ssl
import subprocess
import threading
import time
import unittest

import lab

# Of "secret", at the least cost there is: what takes long is not what is tried here.
BCRYPT = "$2y$04$H50y.1HDkBCJdLoUGUw9rOJI1AI0pUXRA6QtUV6oIP5vSgxyWPtq6"
ISSUER = "https://login.example/t/v2.0"
AUDIENCE = "api://millrace"
EXTENSION = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
MODULE = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"
FREE_FAILURES = 5


def encode(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An RSA key made by the openssl program, its key set on the loopback, and tokens signed with it."""

    def __init__(self, folder):
        self.key = os.path.join(folder, "issuer.pem")
        self.openssl("genrsa", "-out", self.key, "2048")
        modulus = self.openssl("rsa", "-in", self.key, "-noout", "-modulus").decode().strip().split("=")[1]
        keys = json.dumps({"keys": [{"kty": "RSA", "kid": "k1", "use": "sig", "e": "AQAB", "n": encode(bytes.fromhex(modulus))}]})

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d/keys" % self.server.server_port

    def openssl(self, *arguments, data=None):
        return subprocess.run(["openssl", *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=True).stdout

    def token(self, algorithm="RS256", **claims):
        now = int(time.time())
        body = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ci-robot", "iat": now, "exp": now + 3600, "groups": ["viewers"], **claims}
        text = encode({"alg": algorithm, "typ": "JWT", "kid": "k1"}) + "." + encode(body)
        if algorithm == "none":
            return text + "."
        return text + "." + encode(self.openssl("dgst", "-sha256", "-sign", self.key, data=text.encode()))

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


class Logins(unittest.TestCase):
    def write(self, name, text, mode=0o600):
        """Replaces the file in one step."""
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
        os.rename(path + ".new", path)
        return path

    def bindings(self, role_of_viewers="viewer"):
        return self.write("bindings.json", json.dumps({"bindings": [
            {"name": "admins", "users": ["alice", "carol"], "role": "admin"},
            {"name": "viewers", "groups": ["viewers"], "role": role_of_viewers, "connectors": ["*"]}]}))

    def ask(self, method, path, login=None, source="127.0.0.1"):
        """(status, body, headers)."""
        host, port = self.worker.url.split("//")[1].split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30, source_address=(source, 0))
        try:
            connection.request(method, path, headers={"Authorization": login} if login else {})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None, answer.headers
        finally:
            connection.close()

    def start(self, environment=None, **more):
        properties = lab.worker_properties(lab.suite_lab(), millrace__rest__bindings__file=self.bindings(), **more)
        self.worker = lab.Worker(properties, environment=environment).start()
        self.addCleanup(self.worker.end)
        lab.wait_until(lambda: self.ask("GET", "/readyz")[0] == 200, "the worker is ready")

    def test_who_may_log_in_and_who_may_not(self):
        self.folder = lab.scratch_folder()
        self.issuer = Issuer(self.folder)
        self.addCleanup(self.issuer.stop)
        passwords = self.write("passwords", "alice:%s\nbob:%s:viewers\n" % (BCRYPT, BCRYPT))
        self.start(**{"millrace__rest__auth__passwords__file": passwords, "millrace__rest__auth__issuer": ISSUER,
                      "millrace__rest__auth__audiences": AUDIENCE, "millrace__rest__auth__keys__url": self.issuer.url})
        self.strangers()
        self.passwords()
        self.tokens()
        self.files_that_change()
        self.guessing()
        log = self.worker.log_text()
        for secret in ("wrong-password", BCRYPT):
            self.assertNotIn(secret, log)

    def strangers(self):
        for path in ("/livez", "/readyz", "/health"):
            self.assertEqual(200, self.ask("GET", path)[0], path)
        self.assertEqual(200, lab.http("OPTIONS", self.worker.url + "/connectors")[0])
        for path in ("/", "/connectors", "/connectors/x/status", "/metrics", "/openapi.json", "/whoami", "/admin/loggers"):
            status, body, headers = self.ask("GET", path)
            self.assertEqual((401, {"error_code": 401, "message": "This needs a login."}), (status, body), path)
            self.assertEqual(['Basic realm="millrace", charset="UTF-8"', 'Bearer realm="millrace"'],
                             headers.get_all("WWW-Authenticate"))

    def passwords(self):
        self.assertEqual(200, self.ask("GET", "/connectors", basic("alice", "secret"))[0])
        self.assertEqual({"name": "alice", "login": "password", "role": "admin", "data": False, "groups": []},
                         self.ask("GET", "/whoami", basic("alice", "secret"))[1])
        self.assertEqual("viewer", self.ask("GET", "/whoami", basic("bob", "secret"))[1]["role"])
        self.assertEqual(401, self.ask("GET", "/connectors", basic("alice", "wrong-password"))[0])
        self.assertEqual(401, self.ask("GET", "/connectors", basic("mallory", "secret"))[0])
        self.assertEqual(403, self.ask("PUT", "/admin/drain", basic("bob", "secret"))[0])

    def tokens(self):
        now = int(time.time())
        self.assertEqual({"name": "ci-robot", "login": "token", "role": "viewer", "data": False, "groups": ["viewers"]},
                         self.ask("GET", "/whoami", "Bearer " + self.issuer.token())[1])
        for what, bad in (("expired", self.issuer.token(exp=now - 3600)), ("too early", self.issuer.token(nbf=now + 3600)),
                          ("of another audience", self.issuer.token(aud="api://other")),
                          ("of another issuer", self.issuer.token(iss="https://evil.example")),
                          ("unsigned", self.issuer.token(algorithm="none")),
                          ("confused", self.issuer.token(algorithm="HS256")), ("none at all", "a.b.c")):
            status, body, headers = self.ask("GET", "/connectors", "Bearer " + bad)
            self.assertEqual((401, 401), (status, body["error_code"]), what)
            self.assertIn('error="invalid_token"', headers.get_all("WWW-Authenticate")[1], what)

    def files_that_change(self):
        self.write("passwords", "alice:%s\ncarol:%s\n" % (BCRYPT, BCRYPT))
        self.assertEqual(200, self.ask("GET", "/connectors", basic("carol", "secret"))[0])
        self.assertEqual(401, self.ask("GET", "/connectors", basic("bob", "secret"))[0])
        robot = "Bearer " + self.issuer.token()
        self.assertEqual(403, self.ask("PUT", "/connectors/x/pause", robot)[0])
        self.bindings("operator")
        self.assertEqual(404, self.ask("PUT", "/connectors/x/pause", robot)[0])

    def guessing(self):
        for _ in range(FREE_FAILURES):
            self.assertEqual(401, self.ask("GET", "/connectors", basic("carol", "wrong-password"))[0])
        status, body, headers = self.ask("GET", "/connectors", basic("carol", "wrong-password"))
        self.assertEqual((429, 429), (status, body["error_code"]))
        self.assertEqual("1", headers["Retry-After"])
        self.assertEqual(200, self.ask("GET", "/connectors", basic("carol", "secret"), source="127.0.0.2")[0])
        self.assertEqual(200, self.ask("GET", "/connectors", basic("alice", "secret"))[0])
        lab.wait_until(lambda: self.ask("GET", "/connectors", basic("carol", "secret"))[0] == 200, "carol may try again")

    def certificate(self, name, issuer=None, extension="basicConstraints=critical,CA:TRUE"):
        """Makes `name`.pem (certificate) and `name`.key, signed by `issuer` or by itself."""
        path = os.path.join(self.folder, name)
        by = ["-CA", issuer + ".pem", "-CAkey", issuer + ".key"] if issuer else []
        for arguments in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path + ".key",
                           "-out", path + ".csr", "-subj", "/O=build/CN=" + name],
                          ["x509", "-req", "-in", path + ".csr", "-days", "2", "-out", path + ".pem", "-extfile",
                           self.write(name + ".ext", extension)] + (by if by else ["-signkey", path + ".key"])):
            made = subprocess.run(["openssl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self.assertEqual(0, made.returncode, made.stdout)
        return path

    def ask_tls(self, path, client=None):
        context = ssl.create_default_context(cafile=os.path.join(self.folder, "ca.pem"))
        if client:
            context.load_cert_chain(client + ".pem", client + ".key")
        connection = http.client.HTTPSConnection("127.0.0.1", int(self.worker.url.rsplit(":", 1)[1]), timeout=30, context=context)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def test_a_client_certificate_is_a_login(self):
        self.folder = lab.scratch_folder()
        ca = self.certificate("ca")
        server = self.certificate("server", ca, "subjectAltName=IP:127.0.0.1")
        robot = self.certificate("robot", ca, "extendedKeyUsage=clientAuth")
        with open(server + ".key", encoding="utf-8") as key, open(server + ".pem", encoding="utf-8") as chain:
            store = self.write("server-store.pem", key.read() + chain.read())
        bindings = self.write("bindings.json", json.dumps({"bindings": [
            {"name": "robots", "users": ["CN=robot,O=build"], "role": "operator", "connectors": ["*"]}]}))
        self.worker = lab.Worker(lab.worker_properties(lab.suite_lab(), listeners="https://127.0.0.1:%d" % lab.free_port(), **{
            "millrace.rest.auth.certificates": "true", "millrace.rest.bindings.file": bindings, "ssl.client.auth": "requested",
            "ssl.keystore.type": "PEM", "ssl.keystore.location": store, "ssl.truststore.type": "PEM",
            "ssl.truststore.location": ca + ".pem"})).start()
        self.addCleanup(self.worker.end)
        lab.wait_until(lambda: self.ask_tls("/readyz")[0] == 200, "the worker is ready")
        self.assertEqual((401, {"error_code": 401, "message": "This needs a login."}), self.ask_tls("/connectors"))
        self.assertEqual((200, {"name": "CN=robot,O=build", "login": "certificate", "role": "operator", "data": False, "groups": []}),
                         self.ask_tls("/whoami", robot))

    def test_the_jvms_extension_is_honoured(self):
        self.folder = lab.scratch_folder()
        users = self.write("users.properties", "alice=plain-secret\n")
        jaas = self.write("jaas.conf", 'KafkaConnect { %s required file="%s"; };\n' % (MODULE, users))
        self.start(environment={"KAFKA_OPTS": "-Djava.security.auth.login.config=" + jaas}, rest__extension__classes=EXTENSION)
        self.assertEqual(401, self.ask("GET", "/connectors")[0])
        self.assertEqual(401, self.ask("GET", "/connectors", basic("alice", "wrong-password"))[0])
        self.assertEqual("jaas", self.ask("GET", "/whoami", basic("alice", "plain-secret"))[1]["login"])
        self.write("users.properties", "alice=other-secret\n")
        self.assertEqual(401, self.ask("GET", "/whoami", basic("alice", "plain-secret"))[0])
        self.assertEqual(200, self.ask("GET", "/whoami", basic("alice", "other-secret"))[0])
        self.assertNotIn("-secret", self.worker.log_text())
