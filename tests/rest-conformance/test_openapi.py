#!/usr/bin/env python3
"""The recorded answers of the JVM worker fit /openapi.json, and altered ones do not.

    test_openapi.py PRINT_OPENAPI

An answer is recorded as a pattern (README.md). One that says what the whole answer is becomes an example of it here; one that tells a
part ($subset, $validate …) is left to the system tests, which hold what a worker answered against the document.
"""

import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import openapi  # noqa: E402

CASES = os.path.join(HERE, "cases_shared")
PRINT_OPENAPI = sys.argv.pop(1)
EXAMPLES = {"$any": "x", "$string": "x", "$str": "", "$int": 1, "$number": 1, "$bool": True, "$list": [], "$object": {},
            "$int_or_null": None, "$string_or_null": None, "$worker_id": "h:1", "$tasks": [{"connector": "x", "task": 0}]}


class Partial(Exception):
    pass


def example(pattern):
    """The plainest value that the pattern matches. Partial: it tells only a part of it."""
    if isinstance(pattern, str):
        return "x" if pattern.startswith("$re:") else EXAMPLES.get(pattern, pattern)
    if isinstance(pattern, list):
        return [example(item) for item in pattern]
    if not isinstance(pattern, dict):
        return pattern
    operators = [name for name in pattern if name.startswith("$") and not name.startswith("${")]
    if operators == ["$unordered"]:
        return example(pattern["$unordered"])
    if operators == ["$in"]:
        return example(pattern["$in"][0])
    if operators:
        raise Partial()
    return {name: "INFO" if (name, member) == ("level", "$string") else example(member) for name, member in pattern.items()}


def recorded():
    """(where, method, path, status, body) of each answer that is recorded whole; the body None: empty."""
    for file in sorted(os.listdir(CASES)):
        with open(os.path.join(CASES, file), encoding="utf-8") as case:
            steps = json.load(case)["steps"]
        for number, step in enumerate(steps, 1):
            for expected in (step.get("until"), step.get("expect")):
                if expected is None or not isinstance(expected.get("status"), int):
                    continue
                where, path = "%s, step %d" % (file, number), step["path"].replace("|enc", "")
                if "error" in expected:
                    body = {"error_code": expected["error"], "message": expected.get("message_like", "x")}
                elif "json" in expected:
                    try:
                        body = example(expected["json"])
                    except Partial:
                        continue
                elif expected.get("empty"):
                    body = None
                else:
                    continue
                yield where, step["method"], path, expected["status"], body


class RecordedAnswers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        printed = subprocess.run([PRINT_OPENAPI], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        cls.document = openapi.Document(json.loads(printed.stdout))
        cls.answers = list(recorded())

    def problem(self, answer, body):
        where, method, path, status, _ = answer
        return self.document.problem(method, path, status, None, body)

    def test_there_are_many(self):
        with_body = [answer for answer in self.answers if answer[4] is not None]
        self.assertGreater(len(self.answers), 250)
        self.assertGreater(len(with_body), 200)

    def test_each_fits(self):
        for answer in self.answers:
            with self.subTest(answer[:4]):
                self.assertIsNone(self.problem(answer, answer[4]), answer[4])

    def test_an_altered_one_does_not(self):
        count = 0
        for answer in self.answers:
            if answer[4] is None:
                continue
            for altered in openapi.alterations(answer[4]):
                count += 1
                if self.problem(answer, altered) is None:
                    self.fail("%s: %s fits" % (answer[:4], altered))
        self.assertGreater(count, 1000)

    def test_one_under_another_status_does_not(self):
        for answer in self.answers:
            where, method, path, status, body = answer
            if body is not None:
                other = 404 if status < 400 else 204
                self.assertIsNotNone(self.document.problem(method, path, other, None, body), answer)

    def test_a_member_of_an_error_cannot_be_left_out(self):
        for left_out in ("error_code", "message"):
            body = {"error_code": 404, "message": "x"}
            del body[left_out]
            self.assertIsNotNone(self.document.problem("GET", "/connectors/a", 404, None, body))


if __name__ == "__main__":
    unittest.main()
