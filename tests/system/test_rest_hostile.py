"""Clients that mean harm, on a real worker: each gets a clear 4xx or a closed connection, memory stays bounded, others are served.

MILLRACE_TEST_ATTEMPTS: connection attempts in turn, 5,000 by default; 100,000 at night.
"""

import collections
import json
import os
import re
import socket
import threading
import time
import unittest

import lab

ATTEMPTS = int(os.environ.get("MILLRACE_TEST_ATTEMPTS", "5000"))
HELD_MAX = 128  # millrace.rest.connections.max
HOLDS = 160  # of the attempts at a time: more than the worker takes
OTHER_SOCKETS = 30  # of the worker: brokers, listener
PATIENCE_S = 2  # of the worker, in a crowd
SLOWEST_S = 15  # for a good client: its turn after a crowd's patience, on a busy machine
GROWTH_MAX_MIB = 160  # bodies 64, large answers 64, connections 32
KEPT_MAX_MIB = 48  # of it, afterwards
GIB = 1 << 30
NAMES = ("..", "%2e%2e", "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd", "%252e%252e%252fetc%252fpasswd", "..%5c..%5cetc", "..%c0%af..%c0%afetc",
         "%00", "a%0d%0aX-Injected:%20y", "%ff%fe", "~root", "a" * 7000)
HEAD = b"Host: h\r\nContent-Type: application/json\r\n"


class GoodClient(threading.Thread):
    """Asks for a status, each time on a connection of its own, until it is told to stop."""

    def __init__(self, worker):
        super().__init__(daemon=True)
        self.worker, self.times_ms, self.failures, self.stops = worker, [], [], threading.Event()

    def run(self):
        while not self.stops.is_set():
            start = time.monotonic()
            try:
                self.worker.status("others")
            except (OSError, lab.RestError) as error:
                self.failures.append("%s after %.1f s" % (error, time.monotonic() - start))
            self.times_ms.append((time.monotonic() - start) * 1000)
            self.stops.wait(0.01)


class Hostile(unittest.TestCase):
    def setUp(self):
        kafka = lab.suite_lab()
        self.worker = lab.Worker(lab.worker_properties(kafka, millrace__rest__connections__max=HELD_MAX)).start().ready()
        self.addCleanup(self.worker.end)
        path = os.path.join(lab.scratch_folder(), "input")
        open(path, "w").close()
        self.worker.create("others", {"connector.class": "FileStreamSource", "file": path, "topic": lab.fresh_name("others")})
        self.worker.wait_state("others")
        host, port = self.worker.url.split("//")[1].split(":")
        self.address = host, int(port)
        self.before_mib = self.memory_mib("VmRSS")
        self.good = GoodClient(self.worker)
        self.good.start()

    def memory_mib(self, what):
        with open("/proc/%d/status" % self.worker.process.pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith(what)) / 1024

    def sockets(self):
        folder, count = "/proc/%d/fd" % self.worker.process.pid, 0
        for name in os.listdir(folder):
            try:
                count += os.readlink(os.path.join(folder, name)).startswith("socket:")
            except OSError:
                pass  # closed meanwhile
        return count

    def open(self, data=b"", timeout_s=30):
        s = socket.create_connection(self.address, timeout=timeout_s)
        s.sendall(data)
        return s

    def answer(self, s):
        """The status of the first answer, None when the connection ends without; and all that came until then or its end."""
        came = b""
        try:
            while b"\r\n\r\n" not in came:
                piece = s.recv(65536)
                if not piece:
                    break
                came += piece
        except OSError:
            pass
        status = re.match(rb"HTTP/1\.1 (\d+)", came)
        return int(status[1]) if status else None, came

    def asked(self, data):
        """Sent as it is; the status, None for a connection that was closed instead."""
        s = self.open()
        try:
            s.sendall(data)
        except OSError:
            pass  # refused before all was sent
        try:
            return self.answer(s)[0]
        finally:
            s.close()

    def refused(self, data, *statuses, what=None):
        status = self.asked(data)
        self.assertTrue(status in statuses if statuses else status is not None and 400 <= status < 500,
                        "%s: %s" % (status, what or data[:200]))

    # What is done to it

    def many_attempts(self):
        held, most = collections.deque(), 0
        for number in range(ATTEMPTS):
            held.append(self.open((b"", b"GE", b"POST /connectors HTTP/1.1\r\nHo")[number % 3]))
            if len(held) > HOLDS:
                held.popleft().close()
            if number % 500 == 0:
                most = max(most, self.sockets())
        most = max(most, self.sockets())
        for s in held:
            s.close()
        self.assertLessEqual(most, HELD_MAX + OTHER_SOCKETS)
        return most

    def slow_ones(self):
        """Slow heads, slow bodies, and answers that are not read, more of each than fit; they trickle longer than the worker waits."""
        starts = (b"GET / HTTP/1.1\r\nHost: h\r\nX: ", b"POST /connectors HTTP/1.1\r\n" + HEAD + b"Content-Length: 1000\r\n\r\n{",
                  b"GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n" * 100)
        for start in starts:
            slow = [self.open(start) for _ in range(HELD_MAX + 10)]
            until = time.monotonic() + PATIENCE_S * 1.5
            while time.monotonic() < until:
                for s in slow:
                    try:
                        s.send(b" ", socket.MSG_DONTWAIT)
                    except OSError:
                        pass  # ended
                time.sleep(0.1)
            for s in slow:
                s.close()

    def large_bodies(self):
        post = b"POST /connectors HTTP/1.1\r\n" + HEAD
        self.refused(post + b"Content-Length: %d\r\n\r\n{" % GIB, 413)
        self.refused(post + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % GIB, 413)
        self.refused(post + b"Content-Length: 99999999999999999999\r\n\r\n{", 413)
        s, chunk, sent = self.open(post + b"Transfer-Encoding: chunked\r\n\r\n"), b"100000\r\n" + b" " * (1 << 20) + b"\r\n", 0
        try:
            while sent < GIB:
                s.sendall(chunk)
                sent += 1 << 20
        except OSError:
            pass
        self.assertIn(self.answer(s)[0], (413, None))  # None: it went under in the reset
        s.close()
        self.assertLess(sent, GIB / 2)

    def paths_out(self):
        """On every route that names something; what is there already is a GET of the list."""
        paths = [path for path in self.worker.rest("GET", "/openapi.json")["paths"] if "{" in path]
        self.assertGreater(len(paths), 10)
        for path in paths:
            for name in NAMES:
                self.shows_nothing(re.sub(r"\{[^}]*\}", name, path).encode())
        for target in (b"/../etc/passwd", b"//etc/passwd", b"/connectors/../../etc/passwd", b"/connectors/..;/..;/etc/passwd",
                       b"/connectors/others/../others", b"http://h/../../etc/passwd"):
            self.shows_nothing(target, 400, 404)

    def shows_nothing(self, target, *statuses):
        """What no connector is called like is unknown, as any unknown name: 404, or for topics and offsets a list of nothing."""
        s = self.open(b"GET " + target + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        status, came = self.answer(s)
        try:
            while piece := s.recv(65536):
                came += piece
        except OSError:
            pass
        s.close()
        self.assertTrue(status in statuses if statuses else status is not None and 200 <= status < 500, (status, target[:100]))
        for word in (b"root:", b"\r\nX-Injected", b"FileStreamSource"):
            self.assertNotIn(word, came, target[:100])

    def large_heads(self):
        get = b"GET / HTTP/1.1\r\nHost: h\r\n"
        self.refused(get + b"".join(b"X-%d: y\r\n" % i for i in range(200)) + b"\r\n", 431)
        self.refused(get + b"X: y\r\n" * 100000, 431, None)
        self.refused(get + b"X: " + b"a" * 1000000, 431, None)
        self.refused(get + b"X: a\r\n" + b" a\r\n" * 100000, 431, None)
        self.refused(b"GET /" + b"a" * 1000000, 414, None)
        self.refused(b"A" * 1000000, 414, 431, None)

    def odd_bodies(self):
        def posted(body, *statuses):
            self.refused(b"POST /connectors HTTP/1.1\r\n" + HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
                         *statuses)
        for body in (b"[" * 500000, b'{"a":' * 150000, b'{"name":"x","config":' + b"[" * 400000 + b"]" * 400000 + b"}",
                     b'{"name":"x","config":{"connector.class":"X","a":' + b"9" * 900000 + b"}}",
                     b'{"name":"x","config":{"connector.class":"X","a":1e999999999}}',
                     b'{"name":"x","config":{"connector.class":"X","a":-1e-999999999}}',
                     b'{"name":"x","config":{' + b'"a":"b",' * 100000 + b'"connector.class":"NoSuchClass"}}',
                     b'{"name":"x","name":"y","config":{},"config":{"connector.class":"NoSuchClass"}}',
                     b'"' + b"\\ud800" * 100000 + b'"', b"\0" * 100000, b"\xff" * 100000):
            posted(body)
        posted(json.dumps({"name": "x" * 1000, "config": {"connector.class": "X" * 900000}}).encode())

    def test_harm_stays_small_and_others_are_served(self):
        steps = (self.many_attempts, self.slow_ones, self.large_bodies, self.paths_out, self.large_heads, self.odd_bodies)
        for step in steps:
            start = time.monotonic()
            most = step()
            print("        %s: %.1f s, at most %.0f MiB%s" % (step.__name__, time.monotonic() - start, self.memory_mib("VmHWM"),
                                                            "" if most is None else ", %d sockets" % most), flush=True)
        self.good.stops.set()
        self.good.join()
        times = sorted(self.good.times_ms)
        print("        a good client: %d answers, median %.1f ms, slowest %.0f ms" % (len(times), times[len(times) // 2], times[-1]))
        self.assertEqual([], self.good.failures)
        self.assertLess(times[-1], SLOWEST_S * 1000)
        self.assertLess(self.memory_mib("VmHWM") - self.before_mib, GROWTH_MAX_MIB)
        lab.wait_until(lambda: self.memory_mib("VmRSS") - self.before_mib < KEPT_MAX_MIB, "what was taken is given back")
        self.assertEqual(["others"], self.worker.rest("GET", "/connectors"))
        self.assertEqual(0, self.worker.stop())
