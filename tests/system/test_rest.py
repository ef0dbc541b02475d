"""The REST API as clients of the JVM worker know it: the recorded cases of tests/rest-conformance, on a real broker."""

import hashlib
import json
import os
import subprocess
import sys
import unittest

import lab
import openapi

CONFORMANCE = os.path.join(lab.ROOT, "tests", "rest-conformance", "recorded_run.py")
JSON = "org.apache.kafka.connect.json.JsonConverter"

SUMS = os.path.join(lab.ROOT, "tests", "rest-conformance", "SHA256SUMS")


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
        kafka = lab.suite_lab()
        properties = lab.worker_properties(kafka, key__converter=JSON, value__converter=JSON)
        with lab.Worker(properties) as worker:
            worker.ready()
            answers = os.path.join(worker.folder, "answers")
            for case in recorded_cases():
                with self.subTest(case):
                    self.passes(worker, kafka, case, answers)
            document = openapi.Document(worker.rest("GET", "/openapi.json"))
            self.all_fit(document, answers)
            self.what_is_ours_fits(document, worker)

    def all_fit(self, document, answers):
        """Each answer that a case has seen fits the description of the API."""
        with open(answers, encoding="utf-8") as lines:
            seen = [json.loads(line) for line in lines]
        self.assertGreater(len(seen), 500)
        for one in seen:
            body = None if one["body"] is None else one["body"].encode()
            wrong = document.problem(one["method"], one["path"], one["status"], one["content_type"], body)
            self.assertIsNone(wrong, one)

    def what_is_ours_fits(self, document, worker):
        name = lab.fresh_name("described")
        worker.create(name, {"connector.class": "FileStreamSource", "topic": name, "file": "/dev/null"})
        lab.wait_until(lambda: worker.rest("GET", "/connectors/%s/status" % name)["tasks"], "a task")
        for method, path in (("GET", "/admin/cluster"), ("DELETE", "/admin/drain"), ("GET", "/metrics"), ("GET", "/health"),
                             ("GET", "/openapi.json"), ("GET", "/connectors?expand=status&expand=info")):
            status, body, headers = lab.http(method, worker.url + path)
            self.assertLess(status, 300, path)
            self.assertIsNone(document.problem(method, path, status, headers.get("Content-Type"), body or None), path)
        worker.rest("DELETE", "/connectors/" + name)

    def passes(self, worker, kafka, case, answers):
        # --lenient: malformed requests are 400 here and 500 there (docs/differences.md).
        run = subprocess.run(
            [sys.executable, CONFORMANCE, answers, "--url", worker.url, "--bootstrap", kafka.bootstrap, "--lenient", "--only",
             case], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertIn("1 passed, 0 failed", run.stdout, run.stdout)


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
