"""Secrets are planted wherever a user can put one, and looked for wherever something leaves the worker.

Each is another text, so that one that got out tells where it was put. The search proves itself first: on a worker that leaks on purpose
(tests/leaky) it has to find every leak, or what it says of the true worker counts for nothing.
"""

import base64
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
import unittest

import canary
import lab

CLASSES = "org.apache.kafka.common.config.provider."
SOURCE, SINK, TRANSFORM = "org.acme.ConfidingSource", "org.acme.ConfidingSink", "org.acme.ConfidingTransform"
JSON = "org.apache.kafka.connect.json.JsonConverter"
LEAKY = os.path.join(lab.BUILD, "tests", "millrace-leaky")
SANITIZED = "asan" in lab.BUILD or "tsan" in lab.BUILD  # they end the process in their own way
FAILED = "FAILED"

# What may be seen, where, and why. Everything else is a leak.
ALLOWED = (
    (r"sent: ", r"answer to its sender", "whoever sent it knows it; Kafka Connect repeats it, too"),
    (r"literal", r"answer to its sender", "as above"),
    (r"literal", r"REST GET /connectors.*", "without authentication literal values show, as in Kafka Connect"),
    (r"literal", r"REST (POST|PUT|PATCH) /connectors.*", "as above: the answer is the stored configuration"),
    (r"literal", r"topic \S+-configs", "the config topic is where configurations are stored, as in Kafka Connect"),
    (r"environment", r"environment of the process", "where the user has put it; readable for the user of the process alone"),
)

# What the leaky worker lets out: what was planted, and where it is to be found.
LEAKS = (
    ("a plugin's log line", r"provider: ", r"log"),
    ("a trace in the status topic", r"provider: ", r"topic \S+-status"),
    ("a trace over REST", r"provider: ", r"REST GET /connectors/\S+/status"),
    ("a literal password in a trace", r"literal password", r"topic \S+-status"),
    ("a dead letter's header", r"provider: letter", r"topic \S+-letters"),
    ("a dead letter for a transform", r"literal password of a transform", r"topic \S+-letters"),
    ("task configurations in the config topic", r"provider: ", r"topic \S+-configs"),
    ("task configurations over REST", r"provider: ", r"REST GET /connectors/\S+/tasks"),
    ("an answer of a validation", r"provider: ", r"REST PUT /connector-plugins/\S+/config/validate"),
    ("an error over REST", r"provider: ", r"REST POST /connectors"),
    ("passwords of the worker's file in the log", r"worker file: sasl.jaas.config", r"log"),
    ("passwords with a prefix in the log", r"worker file: producer.sasl.jaas.config", r"log"),
    ("an Authorization header in the log", r"sent: the password of Basic", r"log"),
    ("a body in the log", r"sent: broken JSON", r"log"),
    ("a literal value in the log", r"literal", r"log"),
    ("an argument of the process", r"", r"arguments of the process"),
    ("/metrics", r"", r"REST GET /metrics"),
    ("an audit line", r"provider: |environment", r"files \(audit-0\)"),
    ("an audit line in a topic", r"provider: |environment", r"topic \S+-audit"),
    ("a crash report", r"environment", r"files \(crash-.\)"),
    ("a crash report in the log", r"environment|provider", r"log"),
)


def jaas(password):
    return 'org.apache.kafka.common.security.plain.PlainLoginModule required username="ada" password="%s";' % password


def pattern_of(path):
    """/connectors/NAME/status → /connectors/{c}/status: many connectors are one outlet."""
    return re.sub(r"(/connectors/)[^/?]+", r"\1{c}", path.split("?")[0])


class Scene:
    """Workers with secrets everywhere, what was asked of each in turn, so that half of it is passed on, and what came out."""

    def __init__(self, kafka, program=None):
        self.kafka, self.program = kafka, program
        self.canaries = canary.Canaries()
        self.plant = self.canaries.plant
        self.out = canary.Outlets(self.canaries)
        self.folder = lab.scratch_folder()
        self.state = os.path.join(self.folder, "state")
        self.lock = os.path.join(self.folder, "lock")
        self.prefix = lab.fresh_name("canary")
        self.names = []
        self.workers = []
        self.asked = 0
        self.make_files()

    # What the user writes

    def make_files(self):
        secrets, plugins = os.path.join(self.folder, "secrets"), os.path.join(self.folder, "plugins")
        for folder in (secrets, plugins, self.state):
            os.mkdir(folder)
        self.secrets = secrets
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "confiding.so"), plugins)
        self.environment = {"CANARY_ENV": self.plant("environment, provider: env")}
        worker_file = {}
        for prefix in ("", "producer.", "consumer.", "admin."):
            for name in ("ssl.key.password", "ssl.keystore.password", "ssl.truststore.password", "acme.password"):
                worker_file[prefix + name] = self.plant("worker file: " + prefix + name)
            worker_file[prefix + "sasl.jaas.config"] = jaas(self.plant("worker file: %ssasl.jaas.config" % prefix))
        for name in ("listeners.https.ssl.keystore.password", "listeners.https.ssl.key.password", "millrace.inter.worker.secret",
                     "config.providers.file.param.acme.password", "millrace.audit.hash.key"):
            worker_file[name] = self.plant("worker file: " + name) + "0123456789"
        worker_file["ssl.keystore.password"] = self.reference("of the worker's file")
        self.properties = lab.worker_properties(
            self.kafka, self.prefix, plugin__path=plugins,
            config__providers="env,file,dir", config__providers__env__class=CLASSES + "EnvVarConfigProvider",
            config__providers__file__class=CLASSES + "FileConfigProvider",
            config__providers__dir__class=CLASSES + "DirectoryConfigProvider", session__timeout__ms=6000)
        self.properties.update(worker_file)

    def reference(self, to, provider="file"):
        """A reference to a secret of its own."""
        value, name = self.plant("provider: " + to), re.sub(r"\W", "-", to)
        path = os.path.join(self.secrets, name)
        if provider == "dir":
            with open(path, "w", encoding="ascii") as file:
                file.write(value + ("\n" if "token" in to else ""))  # as kubectl --from-file leaves one
            return "${dir:%s:%s}" % (self.secrets, name)
        with open(path + ".properties", "w", encoding="ascii") as file:
            file.write("key=%s\njaas=%s\n" % (value, jaas(value).replace(" required", "")))
        return "${file:%s.properties:key}" % path

    def locked(self, to):
        """The connector's lock, which opens to that secret."""
        with open(self.lock, "w", encoding="ascii") as file:
            file.write(self.canaries.values[to])
        return self.lock

    # What is asked of the worker

    @property
    def worker(self):
        """The next one that runs."""
        running = [worker for worker in self.workers if worker.process.poll() is None]
        self.asked += 1
        return running[self.asked % len(running)]

    def ask(self, method, path, body=None, headers=None):
        """Whoever sends a secret may get it back; nobody else."""
        status, answer, got = lab.http(method, self.worker.url + path, body, headers=headers)
        sent = body if isinstance(body, bytes) else json.dumps([path, body, headers]).encode()
        text = "%s\n%s" % (got, answer if isinstance(answer, str) else json.dumps(answer))
        known = self.canaries.found(sent) | {place for place in self.canaries.values if place.startswith("sent: the password of")
                                             and headers}
        self.look(method, path, text, known)
        return status, answer

    def look(self, method, path, text, known=()):
        own = canary.Outlets(self.canaries)
        own.look("answer", text)
        for place, _ in own.seen:
            outlet = "answer to its sender" if place in known else "REST %s %s" % (method, pattern_of(path))
            self.out.seen.setdefault((place, outlet), own.seen[(place, "answer")])
        self.out.look("answers of REST", b"")
        self.out.sizes["answers of REST"] += len(text)

    def create(self, name, connector_class, **config):
        config = {key.replace("__", "."): value for key, value in config.items()}
        self.names.append(name)
        return self.ask("POST", "/connectors", {"name": self.prefix + name, "config": {"connector.class": connector_class,
                                                                                       "tasks.max": "1", **config}})

    def sink(self, name, **config):
        return self.create(name, SINK, topics=self.prefix + "-records", errors__tolerance="all", errors__log__enable="true",
                           errors__log__include__messages="true",
                           errors__deadletterqueue__topic__name=self.prefix + "-letters",
                           errors__deadletterqueue__topic__replication__factor="1",
                           errors__deadletterqueue__context__headers__enable="true",
                           consumer__override__auto__offset__reset="earliest", **config)

    def create_connectors(self):
        records = self.prefix + "-records"
        self.create("-quiet", SOURCE, topic=records, password=self.plant("literal password: log"), say="log,thread",
                    token=self.reference("token", "dir"), value__converter=JSON,
                    value__converter__basic__auth__user__info="u:" + self.plant("literal option of a converter"),
                    header__converter=JSON, header__converter__acme__password=self.plant("literal option of a header converter"),
                    transforms="t", transforms__t__type=TRANSFORM, transforms__t__password="nothing", transforms__t__predicate="p",
                    predicates="p", predicates__p__type="RecordIsTombstone",
                    predicates__p__acme__password=self.plant("literal option of a predicate"))
        self.create("-env", SOURCE, topic=records, password="${env:CANARY_ENV}", say="log")
        self.create("-poll", SOURCE, topic=records, password=self.reference("poll"), say="poll,log",
                    token="x" + self.reference("token of poll"))
        self.create("-start", SOURCE, password=self.reference("start", "dir"), say="start")
        self.create("-connector", SOURCE, password=self.reference("connector"), say="connector")
        self.create("-literal", SOURCE, topic=records, password=self.plant("literal password: poll"), say="poll")
        self.sink("-letters", password=self.reference("letter"), say="letter")
        self.sink("-put", password=self.plant("literal password: put"), say="put")
        self.sink("-transform", password="nothing", transforms="t", transforms__t__type=TRANSFORM,
                  transforms__t__password=self.plant("literal password of a transform"), transforms__t__say="bad",
                  transforms__t__token=self.reference("token of a transform"))
        self.create("-overrides", SOURCE, topic=records, password="nothing",
                    producer__override__security__protocol="SASL_PLAINTEXT", producer__override__sasl__mechanism="PLAIN",
                    producer__override__sasl__jaas__config=jaas(self.plant("literal override: jaas")),
                    producer__override__acme__password=self.plant("literal override: unknown"))
        self.create("-broken-jaas", SOURCE, topic=records, password="nothing", producer__override__security__protocol="SASL_SSL",
                    producer__override__sasl__jaas__config="x required " + self.plant("literal override: broken"))
        broken = self.reference("broken jaas").replace(":key}", ":jaas}")
        self.create("-broken-override", SOURCE, topic=records, password="nothing",
                    producer__override__security__protocol="SASL_PLAINTEXT", producer__override__sasl__mechanism="PLAIN",
                    producer__override__sasl__jaas__config=broken)

    def send_what_is_refused(self):
        words = self.prefix + "-refused"
        posts = {
            "broken JSON": lambda secret: b'{"name": "x", "config": {"password": "%s", ' % secret.encode(),
            "JSON of the wrong shape": lambda secret: {"name": words, "config": {"password": {"is": secret}}},
            "no class": lambda secret: {"name": words, "config": {"password": secret}},
            "an unknown class": lambda secret: {"name": words, "config": {"connector.class": "Nothing", "password": secret}},
            "no number": lambda secret: {"name": words, "config": {"connector.class": SOURCE, "tasks.max": secret}},
            "two names": lambda secret: {"name": words, "config": {"connector.class": SOURCE, "name": secret}},
        }
        for what, body in posts.items():
            self.ask("POST", "/connectors", body(self.plant("sent: " + what)))
        self.ask("POST", "/connectors", {"name": words, "config": {"connector.class": SOURCE, "password": "x",
                                                                   "tasks.max": self.reference("no number")}})
        for name, value in (("literal", self.plant("sent: to be validated")), ("provider", self.reference("to be validated"))):
            config = {"connector.class": SOURCE, "name": name, "say": "validate", "password": value, "token": value,
                      "tasks.max": value, "producer.override.linger.ms": value, "errors.tolerance": value}
            self.ask("PUT", "/connector-plugins/%s/config/validate" % SOURCE, config)
        self.ask("POST", "/connectors/nobody/tasks", [{"password": self.plant("sent: unsigned tasks")}],
                 {"X-Connect-Authorization": self.plant("sent: a signature")})
        self.ask("PUT", "/connectors/%s/config" % (self.prefix + "-quiet"), b"password=" + self.plant("sent: no JSON").encode(),
                 {"Content-Type": "text/plain"})
        for part in ({"partition": {"password": self.plant("sent: partition")}, "offset": {"at": 1}},
                     {"partition": {"a": 1}, "offset": {"password": self.plant("sent: offset")}}):
            self.ask("PATCH", "/connectors/%s/offsets" % (self.prefix + "-quiet"), {"offsets": [part]})  # it runs
        self.ask("PATCH", "/connectors/%s/config" % (self.prefix + "-start"), {"acme.token": self.plant("literal patched")})

    def send_proofs(self):
        """Of who asks: in headers, in the URL, in what is no request at all."""
        basic = base64.b64encode(b"ada:" + self.plant("sent: the password of Basic").encode()).decode()
        for value in ("Basic " + basic, "Basic " + basic[:-7], "Bearer " + self.plant("sent: the password of Bearer"),
                      "Nonsense " + self.plant("sent: the password of nobody")):
            for path in ("/connectors", "/nowhere", "/connectors/nobody/status"):
                self.ask("GET", path, headers={"Authorization": value, "Cookie": self.plant("sent: the password of Cookie")})
        self.ask("GET", "/connectors?password=" + self.plant("sent: in a query"))
        host, port = self.worker.url.split("//")[1].split(":")
        for what, request in (("in the URL", "GET http://ada:%s@localhost/connectors HTTP/1.1\r\nHost: x\r\n\r\n"),
                              ("in no request", "%s\r\n\r\n"), ("in a bad header", "GET / HTTP/1.1\r\nAuthorization %s\r\n\r\n"),
                              ("in an endless header", "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: " + "x" * 9000 + "%s\r\n\r\n")):
            place = "sent: " + what
            with socket.create_connection((host, int(port)), 3) as s:
                s.sendall((request % self.plant(place)).encode())
                s.shutdown(socket.SHUT_WR)
                answer = s.recv(65536)  # the beginning; whether the connection ends is not the matter here
            self.look("GET", "/connectors", answer.decode("latin-1"), {place})

    def read_all(self):
        for path in ("/", "/health", "/connectors?expand=info&expand=status", "/connector-plugins?connectorsOnly=false",
                     "/admin/loggers", "/admin/cluster", "/metrics", "/openapi.json", "/whoami", "/livez", "/readyz",
                     "/connector-plugins/%s/config" % SOURCE, "/connector-plugins/FileConfigProvider/config"):
            self.ask("GET", path)
        for name in self.names:
            for part in ("", "/config", "/status", "/tasks", "/tasks/0/status", "/topics", "/offsets"):
                self.ask("GET", "/connectors/%s%s" % (self.prefix + name, part))

    # What comes of it

    def begin(self, workers=1):
        limits = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, limits[1]))  # a core file is all there is in memory, by the machine's own wish
        for i in range(workers):
            self.workers.append(lab.Worker(
                {**self.properties, "listeners": "http://127.0.0.1:%d" % lab.free_port(),
                 "millrace.crash.file": os.path.join(self.state, "crash-%d" % i),
                 **({"millrace.audit.file": os.path.join(self.state, "audit-0")} if i == 0 else
                    {"millrace.audit.topic": self.prefix + "-audit", "millrace.audit.topic.replication.factor": "1"})},
                environment=self.environment, program=self.program).start())
        resource.setrlimit(resource.RLIMIT_CORE, limits)
        for worker in self.workers:
            worker.ready()
            lab.http("PUT", worker.url + "/admin/loggers/root", {"level": "TRACE"})

    def has(self, name, state, words=""):
        def is_so():
            status, answer = self.ask("GET", "/connectors/%s/status" % (self.prefix + name))
            parts = [answer["connector"], *answer["tasks"]] if status == 200 else []
            return len(parts) > (state != FAILED) and any(p["state"] == state and words in p.get("trace", "") for p in parts[::-1])
        lab.wait_until(is_so, "%s is %s" % (name, state))

    def wait_for_all(self):
        for name in ("-poll", "-start", "-connector", "-literal", "-put", "-broken-jaas", "-broken-override"):
            self.has(name, FAILED)
        for name in ("-quiet", "-env", "-letters", "-transform"):
            self.has(name, "RUNNING")
        lab.wait_until(lambda: self.prefix + "-letters" in self.kafka.topics(), "the topic of dead letters")
        lab.wait_until(lambda: {"-letters", "-transform"} <= self.authors(), "a dead letter of each")

    def authors(self):
        """Of dead letters."""
        letters = self.kafka.consume(self.prefix + "-letters")
        return {dict(zip(r["headers"][::2], r["headers"][1::2]))["__connect.errors.connector.name"][len(self.prefix):]
                for r in letters}

    def look_at_process(self):
        for name, outlet in (("cmdline", "arguments of the process"), ("environ", "environment of the process"),
                             ("comm", "arguments of the process")):
            for worker in self.workers:
                self.out.look_at_file(outlet, "/proc/%d/%s" % (worker.process.pid, name))

    def crash(self):
        """A plugin ends one of the processes while it holds a password; the other one takes over what that did."""
        self.create("-crash", SOURCE, topic=self.prefix + "-records", password=self.reference("crash"), say="crash,log",
                    lock=self.locked("provider: crash"), token="${env:CANARY_ENV}")
        self.has("-crash", "RUNNING")
        open(self.lock + ".crash", "w", encoding="ascii").close()
        crashed = lab.wait_until(lambda: [worker for worker in self.workers if worker.process.poll() is not None], "a crash")[0]
        assert crashed.wait() == -signal.SIGSEGV or SANITIZED, crashed.log_end()
        self.has("-crash", "RUNNING", "" if SANITIZED else "ended")
        self.read_all()

    def look_at_the_rest(self):
        for topic in self.kafka.topics():
            if topic.startswith(self.prefix) or topic == "confided":
                self.out.look("topic " + topic, self.kafka.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J"))
        self.out.look("groups in Kafka", self.kafka.kcat("-C", "-t", "__consumer_offsets", "-o", "-2000", "-e", "-q", "-f", "%k%s"))
        self.out.look_at_folder("files", self.state)
        for worker in self.workers:
            if self.program is None:
                worker.end()  # what it says when it leaves counts, too
            elif worker.process.poll() is None:
                worker.kill()
            self.out.look_at_folder("files", worker.folder, but=("worker.properties", "worker.log"))
            self.out.look_at_file("log", worker.log)

    def play(self):
        self.begin(workers=2)
        self.create_connectors()
        self.send_what_is_refused()
        self.send_proofs()
        self.wait_for_all()
        self.read_all()
        self.look_at_process()
        self.crash()
        self.look_at_the_rest()
        return self


class Canary(unittest.TestCase):
    def leaks_of(self, scene):
        """Of the true worker: what is not allowed."""
        found = []
        for (place, outlet), words in sorted(scene.out.seen.items()):
            if not any(re.match(planted, place) and re.fullmatch(where, outlet) for planted, where, _ in ALLOWED):
                found.append("%s is in %s: …%s…" % (place, outlet, words))
        return found

    def assert_all_found(self, scene):
        missing = []
        for leak, planted, where in LEAKS:
            if not any(re.match(planted, place) and re.fullmatch(where, outlet) for place, outlet in scene.out.seen):
                missing.append(leak)
        self.assertEqual([], missing, "leaks that are there and were not found; found: %s" % sorted(scene.out.seen))

    def test_secrets_planted_everywhere_get_out_nowhere(self):
        kafka = lab.suite_lab()
        self.assert_all_found(Scene(kafka, program=LEAKY).play())
        scene = Scene(kafka).play()
        for outlet in ("log", "answers of REST", "arguments of the process", "files (audit-0)", "groups in Kafka",
                       "topic %s-letters" % scene.prefix, "topic %s-audit" % scene.prefix):
            self.assertGreater(scene.out.sizes[outlet], 20, outlet)
        self.assertEqual("", "\n".join(self.leaks_of(scene)))


class Refusals(unittest.TestCase):
    """What a command says when it cannot do what it is asked."""

    def setUp(self):
        self.canaries = canary.Canaries()
        self.plant, self.out = self.canaries.plant, canary.Outlets(self.canaries)
        self.folder = lab.scratch_folder()
        self.environment = {**os.environ, "CANARY_ENV": self.plant("environment")}

    def run_command(self, outlet, *arguments):
        process = subprocess.run([os.path.join(lab.BUILD, "bin", "millrace"), *arguments], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment, cwd=self.folder, timeout=30,
                                 check=False)
        self.out.look(outlet, process.stdout)
        return process.returncode

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def properties(self, more):
        # nobody listens there: a worker that is not refused ends, too
        nowhere = lab.Lab()
        nowhere.bootstrap = "127.0.0.1:%d" % lab.free_port()
        properties = {**lab.worker_properties(nowhere), "default.api.timeout.ms": "10", "config.providers": "env,file",
                      "config.providers.env.class": CLASSES + "EnvVarConfigProvider",
                      "config.providers.file.class": CLASSES + "FileConfigProvider", **more}
        path = os.path.join(self.folder, "worker.properties")
        lab.properties_write(path, properties)
        return path

    def test_a_start_that_is_refused_tells_no_secret(self):
        sasl = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}
        kept = self.file("kept.properties", "key=%s\n" % self.plant("provider"))
        reference = "${file:%s:key}" % kept
        pem = self.file("no.pem", "-----BEGIN PRIVATE KEY-----\n%s\n" % self.plant("a broken PEM file"))
        logins = self.file("logins", "ada:%s\n" % self.plant("a file of logins"))
        bindings = self.file("bindings", '{"bindings": [{"name": "all", "users": ["*"], "role": "admin"}]}')
        jaas_logins = self.file("jaas", 'KafkaConnect { org.acme.Login required password="%s"; };' % self.plant("a JAAS file"))
        broker = {"bootstrap.servers": lab.suite_lab().bootstrap, "default.api.timeout.ms": "60000"}
        starts = {
            "jaas that is none": {**sasl, "sasl.jaas.config": "x required password=\"" + self.plant("jaas")},
            "jaas that is a password": {**sasl, "sasl.jaas.config": self.plant("nothing but the password")},
            "jaas without a user": {**sasl, "sasl.jaas.config": jaas(self.plant("jaas without a user")).replace("username", "name")},
            "jaas of producers": {"producer.security.protocol": "SASL_SSL", "producer.sasl.jaas.config": jaas(self.plant("module"))
                                  .replace("Plain", "Plane")},
            "a key that is none": {"security.protocol": "SSL", "ssl.keystore.type": "PEM", "ssl.keystore.location": pem,
                                   "ssl.key.password": self.plant("key password")},
            "a key in the file": {"security.protocol": "SSL", "ssl.keystore.type": "PEM", "ssl.keystore.key": self.plant("key"),
                                  "ssl.keystore.certificate.chain": "none"},
            "a trust store that is none": {"security.protocol": "SSL", "ssl.truststore.location": pem, "ssl.truststore.type": "JKS",
                                           "ssl.truststore.password": self.plant("truststore password")},
            "https with no key": {"listeners": "https://127.0.0.1:%d" % lab.free_port(), "ssl.keystore.location": pem,
                                  "ssl.keystore.password": self.plant("https password"), "ssl.keystore.type": "PKCS12"},
            "a listener with a user": {"listeners": "http://ada:%s@127.0.0.1:8083" % self.plant("listener")},
            "a number from the environment": {"inter.worker.key.size": "${env:CANARY_ENV}"},
            "a number from a file": {"offset.flush.interval.ms": reference},
            "a class from a file": {"key.converter": reference},
            "a provider's class from a file": {"config.providers.file.class": self.plant("no secret: a class that is not there")},
            "a short key": {"millrace.audit.file": os.path.join(self.folder, "audit"), "millrace.audit.hash.key": "Cnry7chars"},
            "logins that are none": {**broker, "millrace.rest.auth.passwords.file": logins,
                                     "millrace.rest.bindings.file": bindings},
            "a module that is none": {**broker, "millrace.rest.auth.jaas.file": jaas_logins,
                                      "millrace.rest.bindings.file": bindings},
            "no broker": {**sasl, "sasl.jaas.config": jaas(self.plant("no broker"))},
        }
        for start, more in starts.items():
            self.assertEqual(1, self.run_command(start, "worker", self.properties(more)), start)
        self.assertEqual(["no secret: a class that is not there"], [place for place, _ in self.out.seen], self.out.seen)

    def test_commands_tell_no_secret(self):
        standalone = self.file("standalone.properties", "\n".join((
            "bootstrap.servers=127.0.0.1:%d" % lab.free_port(), "default.api.timeout.ms=10", "key.converter=" + lab.STRING,
            "value.converter=" + lab.STRING, "offset.storage.file.filename=" + os.path.join(self.folder, "offsets"),
            "listeners=http://127.0.0.1:%d" % lab.free_port())))
        broken = self.file("broken.json", '{"name": "x", "config": {"password": "%s", ' % self.plant("a broken connector file"))
        nameless = self.file("nameless.properties", "connector.class=Nothing\npassword=%s\n" % self.plant("a connector file"))
        for path in (broken, nameless):
            self.assertEqual(1, self.run_command("standalone", "standalone", standalone, path))
        for arguments in (("plugin", "list"), ("plugin", "doc", "FileConfigProvider"), ("version",), ("worker", "/nowhere")):
            self.run_command(" ".join(arguments), *arguments)
        self.assertEqual({}, self.out.seen)


class Memory(unittest.TestCase):
    """What a provider answered is not kept when nobody uses it any more."""

    def secrets_left(self, program, wait_s):
        scene = Scene(lab.suite_lab(), program=program)
        scene.begin()
        validated = scene.reference("validated"), scene.reference("validated in a folder", "dir")
        scene.ask("PUT", "/connector-plugins/%s/config/validate" % SOURCE,
                  {"connector.class": SOURCE, "name": "x", "password": validated[0], "tasks.max": validated[1]})
        scene.ask("POST", "/connectors", {"name": "refused", "config": {
            "connector.class": SOURCE, "password": scene.reference("refused"), "tasks.max": "x"}})
        for name, say in (("-connector", "connector"), ("-start", "start"), ("-deleted", "")):
            scene.create(name, SOURCE, topic=scene.prefix + "-records", password=scene.reference(name), say=say)
        for name, state in (("-connector", FAILED), ("-start", FAILED), ("-deleted", "RUNNING")):
            scene.has(name, state)
        worker, held = scene.workers[0], scene.canaries.values["provider: -deleted"]
        self.assertTrue(canary.memory_holds(worker.process.pid, held), "what a task uses is in memory")
        for name in scene.names:
            scene.ask("DELETE", "/connectors/" + scene.prefix + name)
        deadline = time.monotonic() + wait_s
        while True:
            memory = b"".join(canary.memory_of(worker.process.pid))
            left = [place for place, value in scene.canaries.values.items()
                    if place.startswith("provider: ") and "worker's file" not in place and value.encode() in memory]
            if not left or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        for place in left if program is None else ():
            print("\n".join([place, *canary.found_at(worker.process.pid, scene.canaries.values[place])]))
        self.assertEqual(0, worker.stop())
        return left

    def test_what_a_provider_answered_is_not_in_memory_when_nobody_uses_it(self):
        self.assertEqual(6, len(self.secrets_left(LEAKY, 0)))
        left = self.secrets_left(None, 15)
        if not SANITIZED:  # they keep what was freed, to find who still uses it
            self.assertEqual([], left)
