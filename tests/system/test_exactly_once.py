"""Exactly-once sources (KIP-618) in workers with real brokers: what is committed together, who shuts out whom, and what nobody reads."""

import collections
import json
import os
import shutil
import signal
import time
import unittest

import cluster
import lab

SESSION_MS = 6000


class ExactlyOnce(unittest.TestCase):
    def begin(self, workers=1, plugins=False, **more):
        self.kafka = lab.suite_lab()
        if plugins:
            more["plugin.path"] = lab.scratch_folder()
            shutil.copy(os.path.join(lab.BUILD, "test-plugins", "counting_source.so"), more["plugin.path"])
        self.common = cluster.worker_properties(self.kafka, **{
            "session.timeout.ms": SESSION_MS, "exactly.once.source.support": "enabled", "offset.flush.interval.ms": 500, **more})
        self.folder = lab.scratch_folder()
        self.workers = [self.worker().start() for _ in range(workers)]
        for worker in self.workers:
            worker.ready()

    def worker(self, **more):
        worker = lab.Worker({**self.common, "listeners": "http://127.0.0.1:%d" % lab.free_port(), **more})
        self.addCleanup(worker.end)
        return worker

    def source(self, **more):
        """A source of a file's lines; its name is the topic's and the file's."""
        name = lab.fresh_name("exact")
        self.append(name, 0)
        self.workers[0].create(name, {"connector.class": "FileStreamSource", "file": self.path(name), "topic": name,
                                      "tasks.max": "1", **more})
        return name

    def path(self, name):
        return os.path.join(self.folder, name)

    def append(self, name, count, first=0):
        with open(self.path(name), "a") as file:
            file.writelines("line-%d\n" % n for n in range(first, first + count))

    def lines(self, name, isolation="read_committed"):
        return [record["value"] for record in self.kafka.consume(name, isolation=isolation)] if name in self.kafka.topics() else []

    def expect_lines(self, name, count, timeout_s=60):
        wanted = ["line-%d" % n for n in range(count)]
        lab.wait_until(lambda: len(self.lines(name)) >= count, "%d lines of %s are committed" % (count, name), timeout_s, 0.3)
        self.assertEqual(wanted, self.lines(name))

    def test_lines_and_their_offsets_are_committed_together(self):
        self.begin()
        for boundary in ("poll", "interval"):
            name = self.source(**{"transaction.boundary": boundary})
            self.append(name, 1000)
            self.expect_lines(name, 1000)
            for killed in range(2):
                self.append(name, 1000, 1000 * (killed + 1))
                self.workers[0].kill()
                self.workers[0] = self.worker().start().ready()
                self.expect_lines(name, 1000 * (killed + 2))
            self.workers[0].rest("PUT", "/connectors/%s/stop" % name)
            self.workers[0].wait_state(name, "STOPPED", tasks=0)
            offsets = self.workers[0].rest("GET", "/connectors/%s/offsets" % name)["offsets"]
            self.assertEqual(os.path.getsize(self.path(name)), offsets[0]["offset"]["position"])
            self.assertEqual(3000, len(self.lines(name)))
        self.assertEqual([1], self.counts(name))

    def owner(self, name):
        """The worker that runs task 0; None: nobody."""
        tasks = self.workers[0].status(name)["tasks"]
        return next((worker for worker in self.workers if tasks and worker.url.endswith(tasks[0]["worker_id"].split(":")[-1])
                     and tasks[0]["state"] == "RUNNING"), None)

    def move(self, name, worker):
        """So that task 0 runs there."""
        for other in self.workers:
            if other is not worker:
                other.rest("PUT", "/admin/drain")
        lab.wait_until(lambda: self.owner(name) is worker, "the task runs there")
        for other in self.workers:
            if other is not worker:
                other.rest("DELETE", "/admin/drain")

    def test_a_frozen_worker_is_shut_out_and_wakes_without_harm(self):
        self.begin(2)
        name = self.source(**{"transaction.boundary": "interval", "transaction.boundary.interval.ms": 1000})
        self.append(name, 500)
        self.expect_lines(name, 500)
        frozen = lab.wait_until(lambda: self.owner(name), "somebody runs the task")
        other = next(worker for worker in self.workers if worker is not frozen)
        self.append(name, 500, 500)  # some of them may be in an open transaction
        frozen.signal(signal.SIGSTOP)
        try:
            self.workers.sort(key=lambda worker: worker is frozen)  # whom to ask
            lab.wait_until(lambda: self.owner(name) is other, "the other one has taken over", 60)
            self.append(name, 500, 1000)
            self.expect_lines(name, 1500)
        finally:
            frozen.signal(signal.SIGCONT)
        self.append(name, 500, 1500)
        self.expect_lines(name, 2000)
        lab.wait_until(lambda: self.workers[0].status(name)["tasks"][0]["state"] == "RUNNING", "the task runs")
        self.assertNotIn("task %s-0 (" % name, frozen.log_text())  # "… failed: "
        self.move(name, frozen)
        self.append(name, 500, 2000)
        self.expect_lines(name, 2500)

    def test_a_task_that_hangs_in_its_transaction_holds_no_other_up(self):
        self.begin(plugins=True)
        hung = lab.fresh_name("hung")
        block = self.path("block")
        with open(block, "w"):
            pass
        self.workers[0].create(hung, {"connector.class": "CountingSource", "topic": hung, "tasks.max": "1", "misbehave": "poll:hang",
                                      "hang.while": block, "transaction.boundary": "interval", "transaction.boundary.interval.ms": 600000})
        lab.wait_until(lambda: self.lines(hung, "read_uncommitted"), "it has an open transaction")
        self.assertEqual([], self.lines(hung))
        began = time.monotonic()
        name = self.source()
        self.append(name, 10)
        self.expect_lines(name, 10, 20)
        print("        beside a hung one: %.1f s from creation to committed lines" % (time.monotonic() - began))
        os.unlink(block)

    def test_what_never_works_is_refused_or_fails_for_good(self):
        self.begin()
        config = {"connector.class": "FileStreamSource", "file": self.path("none"), "topic": "never", "tasks.max": "1"}
        status, said = self.workers[0].request("POST", "/connectors", {"name": "too-long", "config": {
            **config, "producer.override.transaction.timeout.ms": "99999999"}})
        self.assertEqual(400, status, said)
        self.assertIn("Transaction timeout is larger", said["message"])
        self.workers[0].create("bad-topic", {**config, "offsets.storage.topic": "bad name"})
        task = lab.wait_until(lambda: next((task for task in self.workers[0].status("bad-topic")["tasks"] if task["state"] == "FAILED"), None),
                              "its task has FAILED")
        trace = task["trace"]
        self.assertIn("bad name", trace)
        self.assertIn("Not started again by itself: only a change of its configuration", trace)

    def test_one_source_of_a_cluster_that_prepares_and_then_all(self):
        self.begin(**{"exactly.once.source.support": "preparing"})
        exact, other = self.source(**{"millrace.exactly.once.source": "enabled"}), self.source()
        for name in (exact, other):
            self.append(name, 200)
        for name in (exact, other):
            self.expect_lines(name, 200)
        self.assertEqual([[1], []], [self.counts(name) for name in (exact, other)])
        self.append(exact, 300, 200)
        self.workers[0].kill()
        self.workers[0] = self.worker(**{"exactly.once.source.support": "enabled"}).start().ready()
        self.expect_lines(exact, 500)
        self.append(other, 300, 200)
        self.expect_lines(other, 500)
        lab.wait_until(lambda: self.counts(other) == [1], "the other one's tasks are shut out as well")

    def test_more_and_fewer_tasks_shut_the_former_ones_out(self):
        self.begin(plugins=True)
        name = lab.fresh_name("many")
        config = {"connector.class": "CountingSource", "topic": name, "tasks": "2", "tasks.max": "4", "limit": "1000"}
        self.workers[0].create(name, config)

        def counted(tasks):
            return collections.Counter(self.lines(name)) == collections.Counter(str(n) for n in range(1, 1001) for _ in range(tasks))
        lab.wait_until(lambda: counted(2), "two tasks have counted", 60, 0.5)
        for tasks, ever in ((1, 2), (3, 3)):
            self.workers[0].rest("PUT", "/connectors/%s/config" % name, dict(config, tasks=str(tasks)))
            lab.wait_until(lambda: self.counts(name)[-1:] == [tasks], "the round for %d tasks is written" % tasks)
            self.workers[0].wait_state(name, tasks=tasks)
            lab.wait_until(lambda: counted(ever), "nothing comes twice", 60, 0.5)
        self.assertEqual([2, 1, 3], self.counts(name))

    def counts(self, name):
        """Of its tasks-fencing records."""
        return [json.loads(record["value"])["task-count"] for record in self.kafka.consume(self.common["config.storage.topic"])
                if record["key"] == "tasks-fencing-" + name]


if __name__ == "__main__":
    unittest.main()
