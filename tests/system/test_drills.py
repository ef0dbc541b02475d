"""The failure drills of examples/drills, as an operator runs them: one test for each file there."""

import glob
import os
import signal
import subprocess
import unittest

import lab

FOLDER = os.path.join(lab.ROOT, "examples", "drills")
NAMES = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(FOLDER, "*.py")))


class Drills(unittest.TestCase):
    def drill(self, name):
        with open(os.path.join(FOLDER, "README.md"), encoding="utf-8") as file:
            self.assertIn("[`%s`](%s.py)" % (name, name), file.read())
        process = subprocess.Popen([os.path.join(FOLDER, "run"), name, "--bootstrap", lab.suite_lab().bootstrap],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            printed = process.communicate()[0]
        finally:
            self.end(process)
        self.assertEqual(0, process.returncode, printed)
        if "\nSKIPPED %s: " % name in printed:
            return  # what it needs is not allowed here
        self.assertRegex(printed, r"(?m)^   metric \S+: \S+( → \S+)+$")
        self.assertRegex(printed, r"(?m)^PASSED %s in" % name)

    @staticmethod
    def end(process):
        """A drill that is overdue ends what it started."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


for drill in NAMES:
    setattr(Drills, "test_" + drill, lambda self, name=drill: self.drill(name))


if __name__ == "__main__":
    unittest.main()
