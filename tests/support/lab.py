"""What system tests are made of: a real Kafka, worker processes, REST calls, topics read and written from outside.

Only the standard library is used. Every process started here is ended here, by its own pid, when the test ends or at
the latest when the interpreter does. Tests wait for facts (wait_until), never for time.
"""

import atexit
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("MILLRACE_BUILD", os.path.join(ROOT, "build")))
KAFKA_LAB = os.path.join(ROOT, "scripts", "kafka-lab")
STRING = "org.apache.kafka.connect.storage.StringConverter"

_names = itertools.count(1)
_run = "%d%s" % (os.getpid(), "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=4)))  # a number comes again in a long run
_ports = []  # claims to ports, each the socket of a name
_live = []  # labs and workers to end when the interpreter does
_jvm_workers = []  # of a Kafka that is not ours


# Facts ------------------------------------------------------------------------------------------------------

def wait_until(fact, what, timeout_s=30.0, every_s=0.05):
    """Calls fact() until it answers something true and returns that; AssertionError with `what` after timeout_s.

    A fact may raise AssertionError, OSError or RestError while it is not true yet; the last one is in the message.
    """
    deadline = time.monotonic() + timeout_s
    last = None
    while True:
        try:
            answer = fact()
            if answer:
                return answer
        except (AssertionError, OSError, RestError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError("not within %g s: %s%s" % (timeout_s, what, " (%s)" % last if last else ""))
        time.sleep(every_s)


def p99_ms(ask, count=400):
    """Of how long ask() takes."""
    times = []
    for _ in range(count):
        start = time.monotonic()
        ask()
        times.append((time.monotonic() - start) * 1000)
    return sorted(times)[int(count * 0.99) - 1]


def p99_limit_ms(calm_ms):
    """What a p99 may be in trouble, given that of the same run without: trouble may add 10 ms, so that a machine on which other things run
    hides nothing. More where the worker is an instrumented one."""
    limit_ms = calm_ms + 10.0
    return limit_ms * (5 if "ASAN_OPTIONS" in os.environ else 1)


def fresh_name(prefix):
    """A name no other test has: for groups, topics and connectors."""
    return "%s-%s-%d" % (prefix, _run, next(_names))


def free_port():
    """A loopback port nobody listens on now, below the kernel's range for outgoing connections and above that of scripts/kafka-lab.

    Ours until this process ends, also while nobody listens on it: no other process that asks here is given it.
    """
    while True:
        port = random.randrange(20000, 32000)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind("\0millrace-port-%d" % port)  # a name without a file, gone with its process
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _ports.append(claim)
        return port


def scratch_folder():
    """A folder below TMPDIR that is removed at the end (kept when MILLRACE_KEEP is set)."""
    folder = tempfile.mkdtemp(prefix="millrace-system-")
    if not os.environ.get("MILLRACE_KEEP"):
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


# Properties -------------------------------------------------------------------------------------------------

def properties_write(path, properties):
    """Writes a Java properties file from a dict."""
    with open(path, "w", encoding="utf-8") as f:
        for key, value in properties.items():
            text = str(value).replace("\\", "\\\\").replace("\n", "\\n")
            f.write("%s=%s\n" % (key.replace(" ", "\\ ").replace(":", "\\:").replace("=", "\\="), text))


# Kafka ------------------------------------------------------------------------------------------------------

# Broker properties with which access is only what ACLs say of it; whoever comes without a login may do all.
AUTHORIZER = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
              "super.users": "User:ANONYMOUS", "allow.everyone.if.no.acl.found": "true"}


class Lab:
    """One Kafka of one or three brokers, and JVM workers beside it (scripts/kafka-lab)."""

    def __init__(self, brokers=1, sasl_ssl=False, properties=None, proxied=(), host=None, oauth=None, secured=False):
        self.folder = scratch_folder()
        self.arguments = ["--brokers", str(brokers)] + (["--secured"] if secured else ["--sasl-ssl"] if sasl_ssl else [])
        for key, value in (properties or {}).items():
            self.arguments += ["--broker-property", "%s=%s" % (key, value)]
        for port in proxied:
            self.arguments += ["--proxied", str(port)]
        self.arguments += ["--host", host] if host else []
        self.arguments += ["--oauth", oauth] if oauth else []
        self.bootstrap = None

    def _run(self, command, *arguments, environment=None):
        result = subprocess.run([KAFKA_LAB, command, "--dir", self.folder, *arguments], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                                env={**os.environ, **(environment or {})})
        assert result.returncode == 0, "kafka-lab %s: %s" % (command, result.stderr.strip())
        return result.stdout.strip()

    def start(self):
        _live.append(self)
        self._run("start", *self.arguments)
        self.bootstrap = self.read("bootstrap")
        return self

    def stop(self):
        if self in _live:
            _live.remove(self)
        self._run("stop")

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as f:
            return f.read().strip()

    def path(self, name):
        return os.path.join(self.folder, name)

    def credentials(self):
        """user, password and truststore.password of the SASL_SSL listener, as a dict."""
        return dict(line.split("=", 1) for line in self.read("credentials").splitlines())

    def worker_security(self):
        """Properties of a worker that comes as alice, through the SASL_SSL listener."""
        user = self.credentials()
        own = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "ssl.truststore.type": "PEM",
               "ssl.truststore.location": self.path("ca.pem"),
               "sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required "
                                   'username="%s" password="%s";' % (user["user"], user["password"])}
        return {"bootstrap.servers": self.read("bootstrap-sasl-ssl"),
                **{prefix + key: value for prefix in ("", "producer.", "consumer.") for key, value in own.items()}}

    def deny_transactional_ids(self):
        """Nobody but bob may use them, where brokers have AUTHORIZER; alice may do all else."""
        self.tool("AclCommand", "--bootstrap-server", self.bootstrap, "--add", "--allow-principal", "User:bob",
                  "--transactional-id", "*", "--operation", "Write", "--operation", "Describe")

    def broker_stop(self, broker_id=1, kill=False):
        self._run("broker-stop", "--id", str(broker_id), *(["--kill"] if kill else []))

    def broker_start(self, broker_id=1):
        self._run("broker-start", "--id", str(broker_id))

    def jvm_worker_start(self, properties, flags=None):
        """Starts Kafka Connect's own distributed worker and returns its pid; it ends with the lab. `flags`: of its JVM."""
        path = self.path(fresh_name("jvm-worker") + ".properties")
        properties_write(path, properties)
        pid = int(self._run("jvm-worker", "--properties", path, environment={"KAFKA_LAB_JVM": flags} if flags else None))
        if os.environ.get("KAFKA_LAB_BOOTSTRAP"):
            _jvm_workers.append(pid)  # no lab of ours will be stopped, which would end it
        return pid

    # Topics, through kcat

    def kcat(self, *arguments, data=None, timeout_s=60):
        """Runs kcat on this Kafka and returns its standard output as bytes."""
        feed = {"stdin": subprocess.DEVNULL} if data is None else {"input": data}
        result = subprocess.run(["kcat", "-b", self.bootstrap, *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=timeout_s, check=False, **feed)
        assert result.returncode == 0, "kcat %s: %s" % (" ".join(arguments), result.stderr.decode().strip())
        return result.stdout

    def tool(self, name, *arguments):
        """One of Kafka's JVM tools, by its class; of org.apache.kafka.tools unless it names its package (about 2 s)."""
        libs = subprocess.run([KAFKA_LAB, "fetch"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              check=True).stdout.strip()
        result = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-cp", libs + "/*",
                                 name if "." in name else "org.apache.kafka.tools." + name,
                                 *arguments],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                check=False)
        assert result.returncode == 0, "%s: %s" % (" ".join(arguments), result.stdout.strip())
        return result.stdout

    def _topic_command(self, *arguments):
        return self.tool("TopicCommand", "--bootstrap-server", self.bootstrap, *arguments)

    def leave_transaction_open(self, transactional_id, topic, key, value):
        """What a producer leaves that took the id, wrote a record and died before its commit."""
        program = os.path.join(BUILD, "test-programs", "open_transaction")
        subprocess.run([program, self.bootstrap, transactional_id, topic, key, value], stdin=subprocess.DEVNULL, timeout=60,
                       check=True)

    def topic_create(self, topic, partitions=1, configs=None):
        """Creates a topic; one of one partition comes with its first record."""
        settings = ["--config=%s=%s" % pair for pair in (configs or {}).items()]
        self._topic_command("--create", "--topic", topic, "--partitions", str(partitions), *settings)

    def topic_delete(self, topic):
        self._topic_command("--delete", "--topic", topic)
        wait_until(lambda: topic not in self.topics(), "%s is gone" % topic)

    def records_delete(self, topic):
        """All records of a compacted topic of one partition; Kafka allows it once old ones may be deleted as well."""
        self.tool("kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap, "--alter", "--entity-type", "topics",
                  "--entity-name", topic, "--add-config", "cleanup.policy=[compact,delete]")
        path = os.path.join(scratch_folder(), "records.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"version": 1, "partitions": [{"topic": topic, "partition": 0, "offset": -1}]}, file)
        printed = self.tool("DeleteRecordsCommand", "--bootstrap-server", self.bootstrap, "--offset-json-file", path)
        assert "low_watermark" in printed, printed

    def topic_configs(self, topic):
        """What was set for the topic alone, as the tool prints it: "max.message.bytes=2345,…"."""
        return self._topic_command("--describe", "--topic", topic).split("Configs:")[1].split("\n")[0].strip()

    def topics(self):
        """Name → number of partitions."""
        return {t["topic"]: len(t["partitions"]) for t in self.metadata()["topics"]}

    def metadata(self):
        """Brokers and topics as kcat lists them; of a partition "leader", "replicas" and "isrs"."""
        return json.loads(self.kcat("-L", "-J"))

    def produce(self, topic, values, partition=None, key=None):
        """Writes each of the values (str or bytes without newline) as one record."""
        lines = [v if isinstance(v, bytes) else v.encode() for v in values]
        where = ["-p", str(partition)] if partition is not None else []
        keyed = ["-k", key] if key is not None else []
        self.kcat("-P", "-t", topic, *where, *keyed, data=b"".join(line + b"\n" for line in lines))

    def consume(self, topic, start="beginning", isolation="read_committed"):
        """Everything in the topic now, as dicts: partition, offset, ts, key, value (str or None), headers."""
        out = self.kcat("-C", "-t", topic, "-o", str(start), "-e", "-q", "-J", "-Z",
                        "-X", "isolation.level=" + isolation)
        records = []
        for line in out.splitlines():
            record = json.loads(line)
            record["value"] = record.pop("payload", None)
            records.append(record)
        return records

    def values(self, topic, start="beginning"):
        """The values of the topic as lines of bytes: quick, for millions of records of one partition."""
        return self.kcat("-C", "-t", topic, "-o", str(start), "-e", "-q", timeout_s=300).splitlines()

    def end_offset(self, topic, partition=0):
        out = self.kcat("-Q", "-t", "%s:%d:-1" % (topic, partition)).decode()
        return int(out.rsplit(" ", 1)[1])


# Workers ----------------------------------------------------------------------------------------------------

class RestError(Exception):
    """An answer that is not 2xx: status and body (parsed JSON where it is JSON)."""

    def __init__(self, status, body):
        super().__init__("HTTP %d: %s" % (status, body))
        self.status = status
        self.body = body


def http(method, url, body=None, timeout_s=30, headers=None, tls=None):
    """One request; returns (status, body, headers) whatever the status. A body that is JSON comes parsed. `tls`: an ssl.SSLContext."""
    data = None
    sent = {"Accept": "application/json", **(headers or {})}
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(url, data=data, method=method, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s, context=tls) as answer:
            status, text, got = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            status, text, got = error.code, error.read(), error.headers
    try:
        return status, json.loads(text) if text else None, got
    except ValueError:
        return status, text.decode("utf-8", "replace"), got


def worker_properties(lab, group=None, **more):
    """Distributed worker properties with a group, topics and a REST port of its own; more: a__b stands for a.b."""
    group = group or fresh_name("group")
    properties = {
        "bootstrap.servers": lab.bootstrap,
        "group.id": group,
        "key.converter": STRING,
        "value.converter": STRING,
        "config.storage.topic": group + "-configs",
        "offset.storage.topic": group + "-offsets",
        "status.storage.topic": group + "-status",
        "config.storage.replication.factor": 1,
        "offset.storage.replication.factor": 1,
        "status.storage.replication.factor": 1,
        "offset.storage.partitions": 2,
        "status.storage.partitions": 1,
        "offset.flush.interval.ms": 1000,
        "millrace.restart.delay.ms": 600000,  # what has FAILED stays so for the time of a test that does not say otherwise
        "listeners": "http://127.0.0.1:%d" % free_port(),
    }
    properties.update({key.replace("__", "."): value for key, value in more.items()})
    return properties


class Worker:
    """One `millrace` process. `command` is what stands before the properties file; one that names a file gets no other.

    `host`: the machine it runs on (hosts.Host); None: this one. `tls`: how it is asked over https (an ssl.SSLContext).
    """

    def __init__(self, properties, command=("worker",), arguments=(), environment=None, program=None, host=None, tls=None):
        self.properties = dict(properties)
        self.tls = tls
        self.program = program or os.path.join(BUILD, "bin", "millrace")
        self.command = command
        self.arguments = list(arguments)
        self.environment = {**os.environ, **(environment or {})}
        self.spawn = host.spawn if host else subprocess.Popen
        self.folder = scratch_folder()
        self.log = os.path.join(self.folder, "worker.log")
        self.process = None
        listener = str(self.properties.get("listeners", "http://127.0.0.1:8083")).split(",")[0]
        self.url = listener.replace("HTTP://", "http://").replace("//:", "//127.0.0.1:")

    def start(self):
        """Starts the process and returns at once."""
        path = os.path.join(self.folder, "worker.properties")
        properties_write(path, self.properties)
        with open(self.log, "ab") as log:
            files = [path] if len(self.command) == 1 else []
            self.process = self.spawn([self.program, *self.command, *files, *self.arguments], stdin=subprocess.DEVNULL,
                                      stdout=log, stderr=log, cwd=self.folder, env=self.environment)
        _live.append(self)
        return self

    def ready(self, timeout_s=60):
        """Waits until the worker lists its connectors, as its herder does only once the topics are read."""
        def answers_or_ended():
            return self.process.poll() is not None or http("GET", self.url + "/connectors", timeout_s=5, tls=self.tls)[0] == 200
        try:
            wait_until(answers_or_ended, "worker ready on " + self.url, timeout_s)
        except AssertionError as error:
            raise AssertionError("%s\n%s" % (error, self.log_end())) from None
        assert self.process.poll() is None, "the worker ended with %s:\n%s" % (self.process.returncode, self.log_end())
        return self

    def __enter__(self):
        return self.start().ready()

    def __exit__(self, *_):
        self.end()

    def wait(self, timeout_s=60):
        """Waits for the process to end by itself; its exit status (negative: the signal)."""
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError("the worker still runs after %g s:\n%s" % (timeout_s, self.log_end())) from None
        if self in _live:
            _live.remove(self)
        return status

    def stop(self, timeout_s=60):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        return self.wait()

    def end(self):
        """Whatever the state: no process remains."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self in _live:
            _live.remove(self)

    def signal(self, number):
        self.process.send_signal(number)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def log_end(self, lines=30):
        """Without what verifiable connectors say on the same way."""
        return "\n".join([line for line in self.log_text().splitlines() if not line.startswith("{")][-lines:])

    # REST

    def request(self, method, path, body=None, **more):
        """(status, body), whatever the status."""
        return http(method, self.url + path, body, **{"tls": self.tls, **more})[:2]

    def rest(self, method, path, body=None, **more):
        """The body of a 2xx answer; RestError for every other."""
        status, answer = self.request(method, path, body, **more)
        if not 200 <= status < 300:
            raise RestError(status, answer)
        return answer

    def create(self, name, config):
        return self.rest("POST", "/connectors", {"name": name, "config": {k: str(v) for k, v in config.items()}})

    def status(self, name):
        return self.rest("GET", "/connectors/%s/status" % name)

    def wait_state(self, name, state="RUNNING", tasks=1, timeout_s=30):
        """Waits until the connector and exactly `tasks` tasks are in the state; the status."""
        seen = []

        def is_so():
            answer = self.status(name)
            seen[:] = [answer]
            states = [t["state"] for t in answer["tasks"]]
            return answer if answer["connector"]["state"] == state and states == [state] * tasks else None
        try:
            return wait_until(is_so, "%s %s with %d tasks" % (name, state, tasks), timeout_s)
        except AssertionError as error:
            raise AssertionError("%s; last status %s" % (error, seen)) from None


# The suite's own Kafka ---------------------------------------------------------------------------------------

_suite = None


def suite_lab():
    """The one single-broker Kafka that the tests of a run share; started when first asked for.

    KAFKA_LAB_BOOTSTRAP makes it one that runs already (for writing tests).
    """
    global _suite
    if _suite is None:
        _suite = Lab()
        if os.environ.get("KAFKA_LAB_BOOTSTRAP"):
            _suite.bootstrap = os.environ["KAFKA_LAB_BOOTSTRAP"]
        else:
            _suite.start()
    return _suite


def end_all():
    """Ends every process that is still there; workers before the Kafka they use."""
    while _jvm_workers:
        try:
            os.kill(_jvm_workers.pop(), signal.SIGTERM)
        except ProcessLookupError:
            pass
    for thing in sorted(_live, key=lambda t: isinstance(t, Lab)):
        try:
            thing.end() if isinstance(thing, Worker) else thing.stop()
        except (AssertionError, OSError) as error:
            print("lab: %s" % error)


def end_workers():
    """Ends the workers a test left behind."""
    for worker in [t for t in _live if isinstance(t, Worker)]:
        worker.end()


atexit.register(end_all)
