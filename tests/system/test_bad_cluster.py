"""A cluster that turns bad under a running worker: exit status 2 when it is lost for good."""

import os
import signal
import subprocess
import unittest

import lab

SESSION_MS = 6000


class Lost(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()

    def stranger(self, group, topic):
        """A member that knows none of the worker's assignment strategies, once it is alone in the group."""
        log = os.path.join(lab.scratch_folder(), "stranger.log")

        def is_assigned():
            with open(log, "wb") as file:
                process = subprocess.Popen(["kcat", "-b", self.kafka.bootstrap, "-X", "partition.assignment.strategy=range",
                                            "-X", "session.timeout.ms=%d" % SESSION_MS, "-G", group, topic],
                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)

            def has_joined():
                with open(log, encoding="utf-8", errors="replace") as file:
                    return "assigned: " in file.read() or process.poll() is not None
            try:
                lab.wait_until(has_joined, "the stranger has joined", 10)
            except AssertionError:
                pass
            if "assigned: " in open(log, encoding="utf-8", errors="replace").read():
                return process
            process.kill()
            return None
        return lab.wait_until(is_assigned, "the group takes the stranger in", 60)

    def test_a_worker_that_cannot_come_back_into_its_group_ends_with_status_2(self):
        properties = lab.worker_properties(self.kafka, session__timeout__ms=SESSION_MS)
        worker = lab.Worker(properties).start().ready()
        self.addCleanup(worker.end)
        lab.wait_until(lambda: any(member["introduced"] for member in worker.rest("GET", "/admin/cluster")["members"]),
                       "the worker is a member, and known as one")
        worker.signal(signal.SIGSTOP)
        try:
            self.stranger(properties["group.id"], properties["config.storage.topic"])
        finally:
            worker.signal(signal.SIGCONT)
        self.assertEqual(2, worker.wait(60), worker.log_end())
        last = worker.log_text().splitlines()[-1]
        for word in (properties["group.id"], "another group.id"):
            self.assertIn(word, last)
