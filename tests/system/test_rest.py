"""The REST API as clients of the JVM worker know it: the recorded cases of tests/rest-conformance, on a real broker."""

import os
import subprocess
import sys
import unittest

import lab

CONFORMANCE = os.path.join(lab.ROOT, "tests", "rest-conformance", "run.py")
JSON = "org.apache.kafka.connect.json.JsonConverter"

# Every case whose endpoints this worker serves.
CASES = """
    create-coercion create-errors create-source delete expand expand-2 failed-task flow malformed media-types
    names-escaped paths-bad paths-bad-2 pause-resume pause-resume-2 plugins-list put-config put-config-2 restart
    root-info slashes status-errors stop-resume tasks
""".split()


class Conformance(unittest.TestCase):
    def test_the_recorded_cases(self):
        kafka = lab.suite_lab()
        properties = lab.worker_properties(kafka, key__converter=JSON, value__converter=JSON)
        with lab.Worker(properties) as worker:
            worker.ready()
            for case in CASES:
                with self.subTest(case):
                    self.passes(worker, kafka, case)

    def passes(self, worker, kafka, case):
        # --lenient: malformed requests are 400 here and 500 there (docs/differences.md).
        run = subprocess.run(
            [sys.executable, CONFORMANCE, "--url", worker.url, "--bootstrap", kafka.bootstrap, "--lenient", "--only",
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
