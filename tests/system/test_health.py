"""/livez, /readyz and /health while the control thread stands still, the topics are slow and the group is lost."""

import ctypes
import os
import socket
import subprocess
import time
import unittest
import urllib.error

import lab
import tcp_proxy

STUCK_MS = 2000
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


class Frozen:
    """One thread of a process, held in its place; the others run on."""

    def __init__(self, process, name):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
        self.tid = next(tid for tid in map(int, os.listdir("/proc/%d/task" % process.pid)) if self.name_of(process.pid, tid) == name)

    @staticmethod
    def name_of(pid, tid):
        with open("/proc/%d/task/%d/comm" % (pid, tid), encoding="utf-8") as f:
            return f.read().strip()

    def trace(self, request):
        if self.libc.ptrace(request, self.tid, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.trace(PTRACE_SEIZE)
        self.trace(PTRACE_INTERRUPT)
        os.waitpid(self.tid, 0x40000000)  # __WALL: until it has stopped
        return self

    def __exit__(self, *_):
        self.trace(PTRACE_DETACH)


class Asked(unittest.TestCase):
    """By `millrace ctl health`, where there is no curl."""

    def test_a_worker_that_takes_connections_and_answers_nobody_is_not_well_soon(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            done = subprocess.run([os.path.join(lab.BUILD, "bin", "millrace"), "ctl", "health", "--url", "http://127.0.0.1:%d" % server.getsockname()[1]],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual((1, ""), (done.returncode, done.stdout), done.stderr)
        self.assertIn("no answer", done.stderr)


class Health(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = lab.free_port()
        cls.kafka = lab.Lab(proxied=[cls.port]).start()
        cls.addClassCleanup(cls.kafka.stop)
        cls.proxy = tcp_proxy.Proxy({cls.port: cls.kafka.read("proxied-%d" % cls.port)})
        cls.addClassCleanup(cls.proxy.end)

    def worker(self, **more):
        properties = lab.worker_properties(self.kafka, session__timeout__ms=6000, millrace__health__stuck__ms=STUCK_MS, **more)
        properties["bootstrap.servers"] = "127.0.0.1:%d" % self.port
        self.probes = "http://127.0.0.1:%d" % lab.free_port()
        properties["millrace.health.listeners"] = self.probes
        worker = lab.Worker(properties)
        self.addCleanup(worker.end)
        return worker.start()

    def ask(self, path):
        try:
            return lab.http("GET", self.probes + path, timeout_s=5)
        except (urllib.error.URLError, OSError):
            return None, {"reasons": []}, {}

    def status(self, path):
        return self.ask(path)[0]

    def reasons(self, path):
        return [entry["name"] for entry in self.ask(path)[1]["reasons"]]

    def wait_status(self, path, status, timeout_s=30):
        lab.wait_until(lambda: self.status(path) == status, "%s answers %d" % (path, status), timeout_s)

    def test_a_control_thread_that_stands_still_fails_the_liveness_probe_and_nothing_waits_for_it(self):
        worker = self.worker()
        self.wait_status("/readyz", 200)
        self.assertEqual((200, 200), (self.status("/livez"), self.status("/health")))
        with Frozen(worker.process, "herder"):
            began = time.monotonic()
            self.wait_status("/livez", 500)
            self.assertLess(time.monotonic() - began, 25)
            self.assertEqual(["control_thread"], self.reasons("/livez"))
            asked = time.monotonic()
            self.assertEqual(500, self.status("/livez"))
            self.status("/readyz")
            self.assertLess(time.monotonic() - asked, 2)
            self.wait_status("/readyz", 503)
            self.assertIn("control_thread", self.reasons("/readyz"))
        self.wait_status("/livez", 200)
        self.wait_status("/readyz", 200)

    def test_slow_topics_and_a_lost_group_fail_the_readiness_probe_alone(self):
        worker = self.worker()
        self.proxy.tell("mute-at:" + worker.properties["config.storage.topic"], self.port)
        self.addCleanup(self.proxy.tell, "heal", self.port)
        self.wait_status("/livez", 200)
        self.assertEqual((503, ["topics"]), (self.status("/readyz"), self.reasons("/readyz")))
        self.assertEqual("starting", self.ask("/health")[1]["status"])
        self.proxy.tell("heal", self.port)
        self.wait_status("/readyz", 200, 60)
        self.proxy.tell("stall", self.port)
        self.wait_status("/readyz", 503)
        self.assertEqual((["membership"], 200), (self.reasons("/readyz"), self.status("/livez")))
        self.proxy.tell("heal", self.port)
        self.wait_status("/readyz", 200, 60)


if __name__ == "__main__":
    unittest.main()
