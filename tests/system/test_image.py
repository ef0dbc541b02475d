"""The container image: its root, its bill of materials, and the worker in it as an engine would run it (examples/docker/confine)."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import lab

DOCKER = os.path.join(lab.ROOT, "examples", "docker")
CONFINE = os.path.join(DOCKER, "confine")
PROGRAM = "/opt/millrace/bin/millrace"
SIZE_MAX_BYTES = 40 << 20
USER = 65532
SECRET = "image-s3cr3t"
SPDX_TOOLS = "spdx-tools==0.8.5"


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "ab") as file:
        file.write(data)


def spdx_tools():
    """The folder of the validator, fetched once by pip; a Python of Debian's takes nothing from pip but into a folder."""
    cache = os.environ.get("MILLRACE_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "millrace")
    folder = os.path.join(cache, "spdx-%s-python%d.%d" % (SPDX_TOOLS.split("==")[1], *sys.version_info[:2]))
    if not os.path.isdir(folder):
        os.makedirs(cache, exist_ok=True)
        fresh = tempfile.mkdtemp(prefix="spdx-", dir=cache)
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--root-user-action=ignore", "--target", fresh, SPDX_TOOLS],
                       stdin=subprocess.DEVNULL, check=True, timeout=120)
        os.rename(fresh, folder)
    return folder


def staged_root():
    """Staged once for each build and shared by the processes of a run; it is read only."""
    sources = [os.path.join(DOCKER, name) for name in ("stage", "files.list", "sbom")] + [os.path.join(lab.BUILD, "bin", "millrace")]
    plugins = os.path.join(lab.BUILD, "plugins")
    sources += sorted(os.path.join(plugins, name) for name in os.listdir(plugins) if name.endswith(".so"))
    key = hashlib.sha256(repr([(path, os.stat(path).st_mtime_ns) for path in sources]).encode()).hexdigest()[:16]
    folder = os.path.join(lab.BUILD, "image-roots")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = os.path.join(folder, key)
        if not os.path.isdir(root):
            for old in os.listdir(folder):
                shutil.rmtree(os.path.join(folder, old), ignore_errors=True)
            subprocess.run([os.path.join(DOCKER, "stage"), lab.BUILD, root + ".new"], check=True, timeout=120, stdout=subprocess.DEVNULL)
            os.rename(root + ".new", root)
    return root


HAS_NAMESPACES = subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False).returncode == 0


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = staged_root()

    def volume(self):
        """A folder that the worker may write."""
        folder = lab.scratch_folder()
        if os.getuid() == 0:
            os.chown(folder, USER, USER)
        return folder

    def confined(self, *arguments, options=()):
        return subprocess.run([CONFINE, *options, self.root, PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)


class Root(Image):
    def files(self):
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.root) for name in names]

    def test_it_takes_no_more_than_40_mib(self):
        size = sum(os.lstat(path).st_size for path in self.files())
        print("the image's root takes %.1f MiB uncompressed" % (size / (1 << 20)))
        self.assertLessEqual(size, SIZE_MAX_BYTES)

    def test_it_holds_no_shell_and_nothing_that_gives_rights(self):
        shells = {"sh", "bash", "dash", "busybox", "python3", "perl"}
        self.assertEqual([p for p in self.files() if os.path.basename(p) in shells], [])
        self.assertEqual([p for p in self.files() if os.lstat(p).st_mode & (stat.S_ISUID | stat.S_ISGID)], [])
        programs = [p for p in self.files() if os.access(p, os.X_OK) and not os.path.islink(p) and ".so" not in p]
        self.assertEqual([self.root + PROGRAM], programs)

    def test_what_worker_and_libraries_look_for_is_there(self):
        self.assertIn(b":65532:65532:", read(self.root, "etc/passwd"))
        self.assertEqual("/etc/ssl/certs/ca-certificates.crt", os.readlink(self.root + "/usr/lib/ssl/cert.pem"))
        self.assertIn(b"BEGIN CERTIFICATE", read(self.root, "etc/ssl/certs/ca-certificates.crt"))
        self.assertEqual(b"TZif", read(self.root, "usr/share/zoneinfo/Europe/Paris")[:4])

    @unittest.skipUnless(HAS_NAMESPACES, "needs user namespaces to confine the worker")
    def test_every_plugin_of_the_build_loads_in_it(self):
        def names(text):
            return sorted(line.split()[:2] for line in text.splitlines())
        inside = self.confined("plugin", "list")
        outside = subprocess.run([os.path.join(lab.BUILD, "bin", "millrace"), "plugin", "list"], capture_output=True, text=True, check=True)
        self.assertEqual(0, inside.returncode, inside.stderr)
        self.assertEqual(names(outside.stdout), names(inside.stdout))
        self.assertGreater(len(inside.stdout.splitlines()), 40)

    def test_its_bill_of_materials_is_valid_and_names_every_library(self):
        path = os.path.join(self.root, "opt/millrace/sbom.spdx.json")
        checked = subprocess.run([sys.executable, "-m", "spdx_tools.spdx.clitools.pyspdxtools", "-i", path], text=True, timeout=60,
                                 env={**os.environ, "PYTHONPATH": spdx_tools()}, capture_output=True, check=False)
        self.assertEqual((0, ""), (checked.returncode, (checked.stdout + checked.stderr)[-2000:]))
        bill = json.loads(read(path))
        self.assertEqual("SPDX-2.3", bill["spdxVersion"])
        packages = {package["name"]: package for package in bill["packages"]}
        for name in ("millrace", "librdkafka", "libssl3", "libc6", "libcurl4", "ca-certificates"):
            self.assertIn(name, packages)
        installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "libssl3"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(installed, packages["libssl3"]["versionInfo"])
        self.assertIn("pkg:deb/debian/libssl3@", packages["libssl3"]["externalRefs"][0]["referenceLocator"])
        sums = {f["fileName"][1:]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]} for f in bill["files"]}
        for file in self.files():
            place = file[len(self.root):]
            if ".so" in place and not os.path.islink(file):
                self.assertEqual(hashlib.sha256(read(file)).hexdigest(), sums[place]["SHA256"], place)
        self.assertIn(PROGRAM, sums)


class Contained(lab.Worker):
    """A worker in the image's root, told by variables alone; `work` is its /var/lib/millrace."""

    def __init__(self, root, work, properties):
        super().__init__(properties)
        variables = {"CONNECT_" + name.upper().replace(".", "_"): value
                     for name, value in properties.items()}
        options = ["--volume", work + ":/var/lib/millrace"]
        for name, value in variables.items():
            options += ["--env", "%s=%s" % (name, value)]
        self.spawn = lambda _, **more: subprocess.Popen([CONFINE, *options, root, PROGRAM, "worker"], **more)

    def pid(self):
        """The worker's, as this machine sees it: the only child's only child."""
        pid = self.process.pid
        for _ in range(2):
            pid = int(read("/proc/%d/task/%d/children" % (pid, pid)).split()[0])
        return pid


@unittest.skipUnless(HAS_NAMESPACES, "needs user namespaces to confine the worker")
class Running(Image):
    def properties(self, group):
        return {"bootstrap.servers": lab.suite_lab().bootstrap, "group.id": group, "listeners": "http://127.0.0.1:%d" % lab.free_port(),
                "config.storage.topic": group + "-configs", "offset.storage.topic": group + "-offsets",
                "status.storage.topic": group + "-status", "config.storage.replication.factor": "1",
                "offset.storage.replication.factor": "1", "status.storage.replication.factor": "1",
                "key.converter": lab.STRING, "value.converter": lab.STRING, "offset.flush.interval.ms": "60000",
                "plugin.path": "/plugins",
                "consumer.sasl.jaas.config": 'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="%s";' % SECRET}

    def test_process_1_delivers_drains_on_sigterm_and_goes_on_where_it_was(self):
        group, work = lab.fresh_name("image"), self.volume()
        topic, properties = group + "-lines", self.properties(group)
        with Contained(self.root, work, {**properties, "gruop.id": "x"}) as worker:
            pid = worker.pid()
            self.look_at(pid)
            latin = {"value.converter": lab.STRING, "value.converter.converter.encoding": "ISO-8859-1"}
            write(os.path.join(work, "in.txt"), "café\ntwo\n".encode())
            worker.create(group + "-in", {"connector.class": "FileStreamSource", "file": "/var/lib/millrace/in.txt", "topic": topic, **latin})
            worker.create(group + "-out", {"connector.class": "FileStreamSink", "file": "/var/lib/millrace/out.txt", "topics": topic, **latin})
            self.wait_for(work, "café\ntwo\n")
            self.assertEqual([b"caf\xe9", b"two"], lab.suite_lab().values(topic))
            self.health(worker, 0, "healthy")
            self.secret_is_nowhere(worker)
            self.assertEqual(b"", read("/proc/%d/task/%d/children" % (pid, pid)), "it starts no process that it would have to reap")
            self.assertEqual(0, worker.stop(), worker.log_end())
        self.health(worker, 1, "no answer")
        write(os.path.join(work, "in.txt"), b"three\n")
        with Contained(self.root, work, properties) as worker:
            self.wait_for(work, "café\ntwo\nthree\n")
            self.assertEqual(128 + 9, self.killed(worker))

    def wait_for(self, work, lines):
        out = os.path.join(work, "out.txt")
        lab.wait_until(lambda: os.path.exists(out) and read(out).decode() == lines, "%r in the sink's file" % lines)

    def look_at(self, pid):
        status = dict(line.split(":\t", 1) for line in read("/proc/%d/status" % pid).decode().splitlines() if ":\t" in line)
        self.assertEqual("1", status["NSpid"].split()[-1])
        self.assertEqual([str(USER if os.getuid() == 0 else os.getuid())] * 4, status["Uid"].split())
        self.assertEqual(("0" * 16, "0" * 16, "1"), (status["CapEff"], status["CapBnd"], status["NoNewPrivs"]))
        mounts = dict(line.split()[4:6] for line in read("/proc/%d/mountinfo" % pid).decode().splitlines())
        self.assertEqual({"/proc", "/tmp", "/dev", "/var/lib/millrace"} | {p for p in mounts if p.startswith("/dev/")},
                         {place for place, flags in mounts.items() if "rw" in flags.split(",")})
        self.assertIn("ro", mounts["/"].split(","))

    def health(self, worker, status, words):
        done = self.confined("ctl", "health", "--url", worker.url)
        self.assertEqual(status, done.returncode, done.stderr)
        self.assertIn(words, done.stdout + done.stderr)

    def secret_is_nowhere(self, worker):
        worker.request("PUT", "/admin/loggers/root", {"level": "DEBUG"})
        said = [str(worker.request("GET", path)[1]) for path in ("/", "/connectors?expand=info&expand=status", "/admin/cluster",
                                                                 "/connector-plugins", "/metrics", "/readyz")]
        worker.request("PUT", "/admin/loggers/root", {"level": "INFO"})
        log = worker.log_text()
        self.assertIn("group.id is set by the environment", log)
        self.assertIn("consumer.sasl.jaas.config is set by the environment", log)
        self.assertIn("gruop.id (did you mean group.id?)", log)
        self.assertNotIn(SECRET, "\n".join(said) + log)

    def killed(self, worker):
        os.kill(worker.pid(), 9)
        return worker.wait()

    def test_a_start_that_is_refused_ends_with_1_and_says_why(self):
        nothing = self.confined("worker")
        self.assertEqual(1, nothing.returncode)
        self.assertIn("CONNECT_BOOTSTRAP_SERVERS", nothing.stderr)
        folder = lab.scratch_folder()
        os.chmod(folder, 0o755)
        lab.properties_write(os.path.join(folder, "worker.properties"),
                             {**self.properties("image-file"), "millrace.leader.fencing": "generation", "group.id": "of-the-file"})
        wrong = self.confined("worker", "/etc/millrace/worker.properties",
                              options=["--read-only", folder + ":/etc/millrace", "--env", "CONNECT_MILLRACE_LEADER_FENCING=wrong",
                                       "--env", "CONNECT_MILLRACE_HEALTH_LISTENRS=http://:1"])
        self.assertEqual(1, wrong.returncode, wrong.stderr)
        self.assertIn("millrace.leader.fencing", wrong.stderr, "a variable wins over the file")
        self.assertIn("environment (CONNECT_…) sets: millrace.leader.fencing, millrace.health.listenrs", wrong.stderr)
        self.assertRegex(wrong.stderr, r"millrace\.health\.listenrs: .*Did you mean millrace\.health\.listeners\?")
        self.assertNotIn(SECRET, wrong.stderr)

    def test_the_quick_start_runs_its_check_confined(self):
        done = subprocess.run([os.path.join(lab.ROOT, "quickstart"), "--check", "--bootstrap", lab.suite_lab().bootstrap, "--worker-root",
                               self.root], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("confined to " + self.root, done.stdout)
        self.assertIn("20 orders went through", done.stdout)


class Recipe(unittest.TestCase):
    def test_dockerfile_and_chart_agree(self):
        text = read(DOCKER, "Dockerfile").decode()
        final = text[text.index("FROM scratch"):]
        self.assertIn("USER 65532:65532", final)
        self.assertIn("STOPSIGNAL SIGTERM", final)
        self.assertEqual([PROGRAM], json.loads(re.search(r"^ENTRYPOINT (.*)$", final, re.M).group(1)))
        self.assertEqual([PROGRAM, "ctl", "health"], json.loads(re.search(r"CMD (\[.*health.*\])$", final, re.M).group(1)))
        self.assertNotIn("RUN", final)
        manifest = read(lab.ROOT, "examples/aks/manifests/kafka.yaml").decode()
        self.assertIn("runAsUser: 65532", manifest)
        for place in ("/tmp", "/var/lib/millrace"):
            self.assertIn("mountPath: " + place, manifest)
            self.assertIn(' %s\n' % place, read(DOCKER, "files.list").decode())
        for port in ("8083", "8086", "9404"):
            self.assertIn("containerPort: " + port, manifest)
            self.assertIn(port, re.search(r"^EXPOSE (.*)$", final, re.M).group(1))


del Image  # a base alone

if __name__ == "__main__":
    unittest.main()
