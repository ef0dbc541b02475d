"""Plugins that end whichever worker runs them, in a cluster: two workers at most, then they are held; all others run."""

import os
import shutil
import threading
import unittest

import cluster
import lab

HEALTHY = 30
CRASHING = "org.acme.CrashingSourceConnector"
HELD = "twice within ten minutes"


class Keeper(threading.Thread):
    """Starts dead workers of a cluster again under their names after a second, as Kubernetes does; counts them."""

    def __init__(self, of, restarts=True):
        super().__init__(daemon=True)
        self.cluster, self.restarts = of, restarts
        self.dead = []  # (name, exit status)
        self.logs = []
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(1.0):
            for name, worker in list(self.cluster.workers.items()):
                if worker.process.poll() is None or worker in self.logs:
                    continue
                self.logs.append(worker)
                self.dead.append((name, worker.process.returncode))
                if self.restarts:
                    self.cluster.start(name)

    def stop(self):
        self.ending.set()
        self.join()


class Quarantine(unittest.TestCase):
    def begin(self, healthy=HEALTHY):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        plugins = os.path.join(self.folder, "plugins")
        os.mkdir(plugins)
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "crashing_source.so"), plugins)
        os.environ["XDG_STATE_HOME"] = self.folder  # where crashes are reported; a file for each worker
        self.addCleanup(os.environ.pop, "XDG_STATE_HOME")
        self.trigger = os.path.join(self.folder, "crash-while")
        open(self.trigger, "w").close()
        self.cluster = cluster.Cluster(self.kafka, session__timeout__ms=6000, plugin__path=plugins)
        self.addCleanup(self.cluster.end)
        self.topic = lab.fresh_name("healthy")
        self.lines = 0
        for i in range(healthy):
            open(self.input(i), "w").close()
            self.ask("POST", "/connectors", {"name": "%s-%d" % (self.topic, i), "config": {
                "connector.class": "FileStreamSource", "file": self.input(i), "topic": self.topic, "tasks.max": "1"}})
        self.healthy = healthy
        self.cluster.wait_balanced(2 * healthy)
        self.all_flow()

    def input(self, i):
        return os.path.join(self.folder, "in-%d" % i)

    def ask(self, method, path, body=None):
        """Of any worker that is alive; asked again while the cluster changes."""
        def answers():
            for worker in list(self.cluster.workers.values()):
                try:
                    status, answer = worker.request(method, path, body)
                except OSError:
                    continue
                if 200 <= status < 300 or (method == "POST" and body is not None and status == 409 and "already" in str(answer)):
                    return (answer,)
                assert status in (404, 409, 500, 503), "%d %s" % (status, answer)
            return None
        return lab.wait_until(answers, "%s %s is answered" % (method, path), 40)[0]

    def all_flow(self, timeout_s=40):
        """A line put into each file now comes out of the topic."""
        self.lines += 1
        for i in range(self.healthy):
            with open(self.input(i), "a") as file:
                file.write("%d-%d\n" % (i, self.lines))
        wanted = {b"%d-%d" % (i, self.lines) for i in range(self.healthy)}

        def came():
            missing = wanted - set(self.kafka.values(self.topic))
            assert not missing, "missing %s" % sorted(missing)[:5]
            return True
        lab.wait_until(came, "all healthy connectors run", timeout_s, 0.2)

    def create(self, name, crash):
        self.ask("POST", "/connectors", {"name": name, "config": {
            "connector.class": CRASHING, "topic": lab.fresh_name("crashes"), "crash": crash, "crash.while": self.trigger,
            "tasks.max": "1"}})

    def unit(self, name, task):
        status = self.ask("GET", "/connectors/%s/status" % name)
        return status["connector"] if task is None else next((t for t in status["tasks"] if t["id"] == task), {})

    def wait_held(self, name, task=None):
        def is_held():
            unit = self.unit(name, task)
            return unit.get("state") == "FAILED" and HELD in unit.get("trace", "") and unit
        return lab.wait_until(is_held, "%s is held" % name, 60, 0.2)

    def wait_running(self, name, task=None):
        lab.wait_until(lambda: self.unit(name, task).get("state") == "RUNNING", "%s runs" % name, 40, 0.2)

    def check_held(self, keeper, name, task, units):
        """Held after two deaths, over the restart of whoever holds it; the others run."""
        trace = self.wait_held(name, task)["trace"]
        self.assertIn("SIGSEGV inside", trace)
        if keeper.restarts:
            self.cluster.wait_balanced(units, "abc", 60)
        self.all_flow()
        self.assertEqual(2, len(keeper.dead), keeper.dead)

    def test_what_ended_two_workers_is_held_everywhere(self):
        self.begin()
        keeper = Keeper(self.cluster)
        self.addCleanup(keeper.stop)
        self.create("at-start", "start:segv")
        self.check_held(keeper, "at-start", None, 2 * HEALTHY + 1)
        print("        at start: %s died" % keeper.dead)
        keeper.dead.clear()
        self.create("at-1000", "record:segv")
        self.check_held(keeper, "at-1000", 0, 2 * HEALTHY + 3)
        print("        at its 1,000th record: %s died" % keeper.dead)
        keeper.stop()

        holder = self.cluster.name_of("http://" + self.unit("at-1000", 0)["worker_id"])  # an orderly restart elsewhere frees nobody
        self.assertEqual(0, self.cluster.workers[holder].stop(), self.cluster.workers[holder].log_end())
        self.cluster.wait_balanced(2 * HEALTHY + 3)
        self.assertEqual(self.wait_held("at-1000", 0)["state"], self.wait_held("at-start")["state"])
        os.remove(self.trigger)
        self.ask("POST", "/connectors/at-1000/tasks/0/restart")
        self.wait_running("at-1000", 0)
        config = self.ask("GET", "/connectors/at-start/config")
        self.ask("PUT", "/connectors/at-start/config", dict(config, **{"crash.at": "1"}))
        self.wait_running("at-start")
        self.all_flow()
        lab.wait_until(self.nothing_is_held_against_anybody, "the records of crashes are removed")

    def nothing_is_held_against_anybody(self):
        newest = {key: value for key, value, _ in self.cluster.records() if "-crash-" in key}
        return newest and not any(newest.values())

    def test_what_ended_two_workers_that_stay_away_is_held_by_the_third(self):
        self.begin(6)
        keeper = Keeper(self.cluster, restarts=False)
        self.addCleanup(keeper.stop)
        self.create("away", "poll:abort")
        trace = lab.wait_until(lambda: self.wait_held("away", 0)["trace"], "it is held", 60)
        self.assertIn("SIGABRT inside poll of " + CRASHING, trace)
        self.assertIn("(worker 127.0.0.1:", trace)
        self.all_flow()
        self.assertEqual(2, len(keeper.dead), keeper.dead)


if __name__ == "__main__":
    unittest.main()
