"""What a new user starts first: ./quickstart --check, with the build under test."""

import os
import subprocess
import unittest

import lab


class Quickstart(unittest.TestCase):
    def check(self, *arguments):
        """The exit status, the lines printed and those of the errors."""
        result = subprocess.run([os.path.join(lab.ROOT, "quickstart"), "--check", *arguments], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=180, check=False)
        return result.returncode, result.stdout.splitlines(), result.stderr.splitlines()

    def test_the_check_moves_its_orders_and_leaves_nothing_running(self):
        kafka = lab.suite_lab()
        before = set(kafka.topics())
        status, lines, errors = self.check("--bootstrap", kafka.bootstrap, "--worker-root", lab.BUILD)
        self.assertEqual((0, []), (status, errors), lines)
        self.assertEqual(["Starting a worker ...",
                          "quickstart: 20 orders went through the source, the transform, the topic and the sink, in "
                          "order; clean stop"], lines)
        made = [t for t in set(kafka.topics()) - before if t.startswith("quickstart-") and t.endswith("-orders")]
        self.assertGreaterEqual(len(made), 1)
        orders = kafka.consume(made[0])
        self.assertGreaterEqual(len(orders), 20)
        self.assertIn('"origin":"quickstart"', orders[0]["value"])

    def test_the_check_says_what_is_missing(self):
        self.assertEqual((1, [], ["quickstart: --bootstrap wants HOST:PORT"]), self.check("--bootstrap"))
        self.assertEqual((1, [], ["quickstart: --worker-root wants a folder"]), self.check("--worker-root"))
        nothing = lab.scratch_folder()
        status, _, errors = self.check("--bootstrap", lab.suite_lab().bootstrap, "--worker-root", nothing)
        self.assertEqual((1, ["quickstart: %s/bin/millrace is not there: build first, or give --worker-root the folder "
                              "that holds bin/millrace" % nothing]), (status, errors))
        nobody = "127.0.0.1:%d" % lab.free_port()
        status, _, errors = self.check("--bootstrap", nobody, "--worker-root", lab.BUILD)
        self.assertEqual(1, status)
        self.assertIn("no Kafka takes connections at " + nobody, errors[-1])
