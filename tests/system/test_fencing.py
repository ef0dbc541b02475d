"""How a leader shuts out a former one, and what happens where the brokers do not let it."""

import json
import os
import time
import unittest

import lab

FILE_SOURCE = {"connector.class": "FileStreamSource", "tasks.max": "1"}


class Group:
    """Workers of one group with the same properties, and connectors on them."""

    def __init__(self, kafka, **properties):
        self.kafka, self.folder = kafka, lab.scratch_folder()
        self.properties = lab.worker_properties(kafka, session__timeout__ms=6000, **properties)
        self.workers = []

    def start(self):
        worker = lab.Worker({**self.properties, "listeners": "http://127.0.0.1:%d" % lab.free_port()}).start()
        self.workers.append(worker)
        return worker

    def end(self):
        for worker in self.workers:
            worker.end()

    def config(self, name):
        path = os.path.join(self.folder, name)
        with open(path, "a", encoding="ascii") as file:
            file.write("line\n")
        return {**FILE_SOURCE, "file": path, "topic": self.properties["group.id"] + "-data"}

    def put(self, worker, name):
        return worker.request("PUT", "/connectors/%s/config" % name, self.config(name))[0]

    def wait_put(self, worker, name, timeout_s=30):
        lab.wait_until(lambda: self.put(worker, name) in (200, 201), "%s is written" % name, timeout_s, 0.2)
        worker.wait_state(name)

    def fencing(self, worker):
        return worker.rest("GET", "/admin/cluster")["fencing"]


class Transactions(unittest.TestCase):
    def test_a_leader_that_is_shut_out_undoes_what_the_other_began_and_leads_again(self):
        """Another leader that has not died yet, or was not to lead: it takes the transactional id, writes, and dies before its commit."""
        kafka = lab.suite_lab()
        group = Group(kafka, millrace__leader__fencing="transaction")
        self.addCleanup(group.end)
        worker = group.start().ready()
        group.wait_put(worker, "before")
        self.assertEqual("transaction", group.fencing(worker))
        ghost = json.dumps({"properties": {**group.config("ghost"), "name": "ghost"}})
        kafka.leave_transaction_open("connect-cluster-" + group.properties["group.id"], group.properties["config.storage.topic"],
                                     "connector-ghost", ghost)
        self.assertEqual(409, group.put(worker, "between"))  # the first write finds out
        began = time.monotonic()
        group.wait_put(worker, "after")
        print("        leads again after %.2f s" % (time.monotonic() - began))
        self.assertIn("writes as leader are refused", worker.log_text())
        self.assertEqual({"before", "after"}, set(worker.rest("GET", "/connectors")))
        worker.stop()
        worker = group.start().ready()  # reads all of it anew
        lab.wait_until(lambda: worker.request("GET", "/connectors/after/status")[0] == 200, "it has read the topic")
        worker.wait_state("after")
        worker.wait_state("before")
        self.assertEqual({"before", "after"}, set(worker.rest("GET", "/connectors")))
        self.assertNotIn("ghost", worker.log_text())

    def test_both_ways_take_their_time(self):
        kafka = lab.suite_lab()
        for fencing in ("generation", "transaction"):
            group = Group(kafka, millrace__leader__fencing=fencing)
            self.addCleanup(group.end)
            worker = group.start().ready()
            group.wait_put(worker, "first")
            took = []
            for i in range(20):
                began = time.monotonic()
                self.assertEqual(201, group.put(worker, "c%d" % i))
                took.append(time.monotonic() - began)
            took.sort()
            print("        %s: median of 20 creations %.0f ms, longest %.0f ms" % (fencing, 1000 * took[10], 1000 * took[-1]))
            self.assertEqual(fencing, group.fencing(worker))
            self.assertLess(took[10], 0.5)
            self.assertEqual(0, worker.stop())


class Denied(unittest.TestCase):
    def test_without_the_right_to_transactional_ids_generation_leads_and_transaction_says_why_not(self):
        with lab.Lab(sasl_ssl=True, properties=lab.AUTHORIZER) as kafka:
            kafka.deny_transactional_ids()
            security = kafka.worker_security()
            self.refuse(kafka, security)
            self.do_without(kafka, security)

    def refuse(self, kafka, security):
        group = Group(kafka, millrace__leader__fencing="transaction", **security)
        self.addCleanup(group.end)
        worker = group.start()
        self.assertEqual(1, worker.wait())
        log = worker.log_text()
        for words in ("millrace.leader.fencing=transaction: ", "transactional id connect-cluster-" + group.properties["group.id"],
                      "Transactional Id authorization failed", "to Describe and Write", "or set millrace.leader.fencing=generation"):
            self.assertIn(words, log)

    def do_without(self, kafka, security):
        group = Group(kafka, exactly__once__source__support="preparing", **security)
        self.addCleanup(group.end)
        first, second = group.start(), group.start()
        first.ready()
        second.ready()
        group.wait_put(second, "a")
        self.assertEqual("generation", group.fencing(first))
        status, said = second.request("PUT", "/connectors/exact/config",
                                      {**group.config("exact"), "millrace.exactly.once.source": "enabled"})
        self.assertEqual(400, status)
        self.assertIn("transactional id %s-exact-0" % group.properties["group.id"], said["message"])
        leaders = [worker for worker in (first, second) if "leader fencing: generation, although" in worker.log_text()]
        self.assertEqual(1, len(leaders))
        other = second if leaders == [first] else first
        lab.wait_until(lambda: "the leader" in other.log_text() and "fences by generation, this worker would by transaction" in
                       other.log_text(), "the follower warns")
        leaders[0].kill()
        group.wait_put(other, "b", 60)
        self.assertEqual("generation", group.fencing(other))
        other.wait_state("a")
        self.assertIn("leader fencing: generation, although", other.log_text())
