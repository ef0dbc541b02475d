"""Two clients that others have written for the JVM worker, unmodified: a connector's life through each."""

import os
import subprocess
import sys
import unittest

import lab

CLIENTS = os.path.join(lab.ROOT, "tests", "support", "rest-clients")


class Clients(unittest.TestCase):
    def life(self, command, environment=None):
        """What the client's script printed: first word or words → rest."""
        kafka = lab.suite_lab()
        folder = subprocess.run([os.path.join(lab.ROOT, "scripts", "rest-clients")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                text=True, check=True).stdout.strip()
        with lab.Worker(lab.worker_properties(kafka)) as worker:
            worker.ready()
            place = {"folder": folder, "url": worker.url, "name": lab.fresh_name("client"), "topic": lab.fresh_name("topic"),
                     "file": os.path.join(worker.folder, "none.txt")}
            run = subprocess.run([part.format(**place) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
                                 env={**os.environ, **{k: v.format(**place) for k, v in (environment or {}).items()}})
            self.assertEqual(0, run.returncode, run.stdout)
            return place["name"], [line for line in run.stdout.splitlines() if not line.startswith(("SLF4J", "WARN"))]

    def test_the_java_client_of_maven_central(self):
        name, said = self.life(["java", "-XX:TieredStopAtLevel=1", "-cp", "{folder}/java/*",
                                *("-D%s={%s}" % (key, key) for key in ("url", "name", "topic", "file")), "bsh.Interpreter",
                                os.path.join(CLIENTS, "life.bsh")])
        self.assertEqual(["version 4.3.1", "created " + name, "listed true", "state RUNNING", "expanded true", "config true",
                          "paused true PAUSED", "resumed true RUNNING", "restarted true RUNNING", "validated 0", "updated " + name,
                          "plugins true", "deleted true", "left false"], said)

    def test_the_python_client_of_pypi(self):
        name, said = self.life([sys.executable, os.path.join(CLIENTS, "life.py"), "{url}", "{name}", "{topic}", "{file}"],
                               {"PYTHONPATH": "{folder}/python"})
        self.assertEqual(["version 4.3.1", "created " + name, "listed True", "state RUNNING", "expanded True True", "config True",
                          "paused PAUSED", "resumed RUNNING", "restarted RUNNING", "restarted with tasks RUNNING", "stopped STOPPED",
                          "validated 0", "updated " + name, "plugins True", "left False"], said)
