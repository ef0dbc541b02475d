"""Random faults in a cluster under load: tests/chaos/run, the same few each time."""

import os
import subprocess
import unittest

import lab

FAULTS = 15  # ./run-tests nightly does many more, others each time
SEED, SEED_NUMBERED = 5, 7


class Chaos(unittest.TestCase):
    deadline_s, weight = 600, 2

    def survives(self, *arguments):
        own = {key: value for key, value in os.environ.items() if key != "KAFKA_LAB_BOOTSTRAP"}  # a broker that may be harmed
        run = subprocess.run([os.path.join(lab.ROOT, "tests", "chaos", "run"), "--faults", str(FAULTS), *arguments],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=own,
                             check=False)
        print("".join("        %s\n" % line for line in run.stdout.splitlines()), end="", flush=True)
        self.assertEqual(0, run.returncode, run.stdout[-2000:])

    def test_nothing_is_missing_after_random_faults(self):
        self.survives("--seed", str(SEED))

    def test_each_number_comes_once_and_in_order_after_random_faults(self):
        self.survives("--seed", str(SEED_NUMBERED), "--numbered", "exactly-once", "--session", "3")
