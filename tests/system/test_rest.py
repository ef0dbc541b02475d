"""The REST API as clients of the JVM worker know it: the recorded cases of tests/rest-conformance, on a real broker."""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import unittest

import cluster
import lab
import openapi

CONFORMANCE = os.path.join(lab.ROOT, "tests", "rest-conformance", "recorded_run.py")
JSON = "org.apache.kafka.connect.json.JsonConverter"

SUMS = os.path.join(lab.ROOT, "tests", "rest-conformance", "SHA256SUMS")


DIFFERENCES = os.path.join(lab.ROOT, "docs", "differences.md")
CASES_AT_ONCE = 4  # they mostly wait
WAYS_MAX = 60  # to alter one answer


def listed_differences():
    """{(case, step, status of the JVM worker, status here)}, of docs/differences.md."""
    with open(DIFFERENCES, encoding="utf-8") as text:
        rows = re.findall(r"^\| `([\w-]+)` \| ([\d, ]+) \| (\d+) \| (\d+) \|", text.read(), re.MULTILINE)
    return {(case, int(step), int(theirs), int(ours)) for case, steps, theirs, ours in rows for step in steps.split(",")}


def recorded_cases():
    with open(SUMS, encoding="utf-8") as sums:
        paths = [line.split()[1] for line in sums]
    return [os.path.basename(path)[:-len(".json")] for path in paths if path.startswith("cases_shared/")]


class Conformance(unittest.TestCase):
    def test_the_cases_are_those_that_were_recorded(self):
        folder = os.path.dirname(SUMS)
        with open(SUMS, encoding="utf-8") as sums:
            for line in sums:
                digest, path = line.split()
                with open(os.path.join(folder, path), "rb") as file:
                    self.assertEqual(digest, hashlib.sha256(file.read()).hexdigest(), path)
        self.assertEqual(sorted(recorded_cases()),
                         sorted(name[:-len(".json")] for name in os.listdir(os.path.join(folder, "cases_shared"))))

    def test_the_recorded_cases(self):
        with lab.Worker(lab.worker_properties(lab.suite_lab(), key__converter=JSON, value__converter=JSON)) as worker:
            worker.ready()
            answers = self.play(worker)
            document = openapi.Document(worker.rest("GET", "/openapi.json"))
            self.all_fit(document, answers)
            self.what_is_ours_fits(document, worker)

    def test_the_recorded_cases_through_a_follower(self):
        workers = cluster.Cluster(lab.suite_lab(), ("a", "b"), key__converter=JSON, value__converter=JSON)
        self.addCleanup(workers.end)
        leader = lab.wait_until(workers.leader, "a leader")
        # One after another, as they were recorded: connectors of other cases that end would have theirs move in their midst.
        self.play(workers.workers["b" if leader == "a" else "a"], at_once=1)

    def play(self, worker, at_once=CASES_AT_ONCE):
        """All cases; what the worker answered to them."""
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            plays = {case: pool.submit(self.play_one, worker, case) for case in recorded_cases()}
        noted = []
        for case, play in plays.items():
            with self.subTest(case):
                printed, lines = play.result()
                self.assertIn("1 passed, 0 failed", printed, printed)
                noted += lines
        self.assertEqual(listed_differences(), {(line["quirk"], line["step"], line["expected"], line["status"])
                                                for line in noted if "quirk" in line})
        return [line for line in noted if "quirk" not in line]

    def play_one(self, worker, case):
        """(what run.py printed, what it noted). Lenient: steps marked as quirks may differ, and are told."""
        file = os.path.join(worker.folder, "answers-" + case)
        run = subprocess.run(
            [sys.executable, CONFORMANCE, file, "--url", worker.url, "--bootstrap", lab.suite_lab().bootstrap, "--lenient", "--only",
             case], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        with open(file, encoding="utf-8") as lines:
            return run.stdout, [json.loads(line) for line in lines]

    def all_fit(self, document, seen):
        """Each answer that a case has seen fits the description of the API."""
        self.assertGreater(len(seen), 400)
        self.altered = {}
        for one in seen:
            body = None if one["body"] is None else one["body"].encode()
            wrong = document.problem(one["method"], one["path"], one["status"], one["content_type"], body)
            self.assertIsNone(wrong, one)
            self.does_not_fit_altered(document, one["method"], one["path"], one["status"], one["content_type"], body)

    def does_not_fit_altered(self, document, method, path, status, content_type, body):
        """The first answer of each operation and status, in some of the ways that it can be made wrong."""
        kind = (method, str(document.operation(method, path)), status)
        if kind in self.altered or method == "HEAD" or not body or openapi.media_type(content_type) != "application/json":
            return
        ways = list(openapi.alterations(path, json.loads(body)))
        self.altered[kind] = len(ways)
        for altered in ways[::1 + len(ways) // WAYS_MAX]:
            self.assertIsNotNone(document.problem(method, path, status, content_type, altered), (method, path, altered))

    def what_is_ours_fits(self, document, worker):
        name = lab.fresh_name("described")
        worker.create(name, {"connector.class": "FileStreamSource", "topic": name, "file": "/dev/null"})
        lab.wait_until(lambda: worker.rest("GET", "/connectors/%s/status" % name)["tasks"], "a task")
        for method, path in (("GET", "/admin/cluster"), ("PUT", "/admin/drain"), ("DELETE", "/admin/drain"), ("GET", "/metrics"),
                             ("GET", "/health"), ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/whoami"), ("GET", "/admin/loggers"),
                             ("GET", "/connector-plugins?connectorsOnly=false"), ("GET", "/openapi.json"), ("GET", "/connectors?expand=status&expand=info")):
            status, body, headers = lab.http(method, worker.url + path)
            self.assertLess(status, 300, path)
            body = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
            self.assertIsNone(document.problem(method, path, status, headers.get("Content-Type"), body or None), path)
            if path != "/openapi.json":
                self.does_not_fit_altered(document, method, path, status, headers.get("Content-Type"), body)
        self.assertGreater(len(self.altered), 40)
        worker.rest("DELETE", "/connectors/" + name)


class Names(unittest.TestCase):
    """What the JVM worker cannot address, this one can."""

    def test_a_connector_named_with_a_slash_lives_and_dies(self):
        kafka = lab.suite_lab()
        name, path = "a/b%c\\d;e", "/connectors/a%2Fb%25c%5Cd%3Be"
        with lab.Worker(lab.worker_properties(kafka)) as worker:
            worker.ready()
            status, _, headers = lab.http("POST", worker.url + "/connectors", {
                "name": name, "config": {"connector.class": "FileStreamSource", "topic": lab.fresh_name("topic"),
                                         "file": os.path.join(worker.folder, "none.txt")}})
            self.assertEqual(201, status)
            self.assertTrue(headers["Location"].endswith(path), headers["Location"])
            self.assertEqual(name, worker.rest("GET", path)["name"])
            lab.wait_until(lambda: worker.rest("GET", path + "/status")["connector"]["state"] == "RUNNING", "RUNNING")
            worker.rest("DELETE", path)
            lab.wait_until(lambda: worker.request("GET", path)[0] == 404, "the connector to be gone")
