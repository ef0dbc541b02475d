"""The config topic of several workers: made by all of them at once, changed by two clients at once, left half-written by a leader that
dies, and deleted, cut or created anew while they run."""

import os
import re
import threading
import time
import unittest

import cluster
import lab
import tcp_proxy

SESSION_MS = 6000


class Start(unittest.TestCase):
    def together(self, names):
        """Workers of a group that has no topics yet, in one second: one leads, nobody complains, work runs."""
        kafka = lab.suite_lab()
        began = time.monotonic()
        workers = cluster.Cluster(kafka, names, session__timeout__ms=SESSION_MS)
        self.addCleanup(workers.end)
        print("        %d workers ready after %.1f s" % (len(names), time.monotonic() - began), flush=True)
        topics = kafka.topics()
        self.assertEqual([1, 2, 1], [topics[workers.common[kind + ".storage.topic"]] for kind in ("config", "offset", "status")])
        load = cluster.Load(workers, len(names))
        self.addCleanup(load.stop)
        load.create()
        workers.wait_balanced(load.units)
        self.assertEqual(1, sum("this worker leads" in worker.log_text() for worker in workers.workers.values()))
        for worker in workers.workers.values():
            self.assertEqual([], [line for line in worker.log_text().splitlines() if " ERROR " in line])
        self.assertIn("cleanup.policy=compact", kafka.topic_configs(workers.topic))

    def test_two_workers_started_in_one_second_make_one_cluster(self):
        self.together("ab")

    def test_three_workers_started_in_one_second_make_one_cluster(self):
        self.together("abc")


def at_once(*calls):
    """Their answers, in order; they begin together."""
    answers = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(i):
        gate.wait()
        answers[i] = calls[i]()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class Changes(unittest.TestCase):
    ROUNDS = 50

    def setUp(self):
        self.kafka = lab.suite_lab()
        self.cluster = cluster.Cluster(self.kafka, "abc", session__timeout__ms=SESSION_MS)
        self.addCleanup(self.cluster.end)
        self.folder = lab.scratch_folder()
        lab.wait_until(self.cluster.leader, "somebody leads")
        leader = self.cluster.leader()
        self.pair = [self.cluster.workers[name] for name in "abc" if name != leader]  # both pass it on

    def config(self, name, value):
        path = os.path.join(self.folder, name)
        with open(path, "a", encoding="utf-8"):
            pass
        return {"connector.class": "FileStreamSource", "file": path, "topic": "%s-%s" % (name, value), "tasks.max": "1"}

    def agreed(self, name):
        """The topic that every worker says the connector and its task have; None while they differ."""
        said = set()
        for worker in self.cluster.workers.values():
            said.add(worker.rest("GET", "/connectors/%s/config" % name)["topic"])
            said |= {task["config"]["topic"] for task in worker.rest("GET", "/connectors/%s/tasks" % name)} or {None}
        return said.pop() if len(said) == 1 else None

    def test_of_two_changes_at_once_one_is_the_result_everywhere(self):
        name = lab.fresh_name("changed-")
        self.assertEqual(201, self.pair[0].request("PUT", "/connectors/%s/config" % name, self.config(name, "first"))[0])
        winners = []
        for i in range(self.ROUNDS):
            wishes = [self.config(name, "%d-%d" % (i, n)) for n in (0, 1)]
            answers = at_once(*(lambda n=n: self.pair[n].request("PUT", "/connectors/%s/config" % name, wishes[n]) for n in (0, 1)))
            self.assertEqual([200, 200], [status for status, _ in answers], answers)
            self.assertEqual([w["topic"] for w in wishes], [answer["config"]["topic"] for _, answer in answers])
            result = lab.wait_until(lambda: self.agreed(name), "all workers agree in round %d" % i, 20, 0.02)
            self.assertIn(result, [w["topic"] for w in wishes])
            winners.append(result[-1])
        with open(os.path.join(self.folder, name), "a", encoding="utf-8") as file:
            file.write("the end\n")
        lab.wait_until(lambda: result in self.kafka.topics() and b"the end" in self.kafka.values(result), "the task runs what all say")
        print("        %d times the one, %d times the other" % (winners.count("0"), winners.count("1")))

    def test_of_two_creations_at_once_one_creates(self):
        for i in range(10):
            name = lab.fresh_name("created-")
            wishes = [self.config(name, str(n)) for n in (0, 1)]
            if i % 2 == 0:
                answers = at_once(*(lambda n=n: self.pair[n].request("POST", "/connectors", {"name": name, "config": wishes[n]}) for n in (0, 1)))
                self.assertEqual([201, 409], sorted(status for status, _ in answers), answers)
                expected = [w["topic"] for w, answer in zip(wishes, answers) if answer[0] == 201]
            else:
                answers = at_once(*(lambda n=n: self.pair[n].request("PUT", "/connectors/%s/config" % name, wishes[n]) for n in (0, 1)))
                self.assertEqual([200, 201], sorted(status for status, _ in answers), answers)
                expected = [w["topic"] for w, answer in zip(wishes, answers) if answer[0] == 200]
            result = lab.wait_until(lambda: self.agreed(name), "all workers agree on %s" % name, 20, 0.02)
            self.assertEqual(expected, [result])


class HalfWritten(unittest.TestCase):
    TASKS = 20

    def begin(self):
        """Three workers, each with a way of its own to the broker, and a topic that is fed."""
        self.ways = {name: lab.free_port() for name in "abc"}
        self.kafka = lab.Lab(proxied=self.ways.values()).start()
        self.addCleanup(self.kafka.stop)
        self.proxy = tcp_proxy.Proxy({port: self.kafka.read("proxied-%d" % port) for port in self.ways.values()})
        self.addCleanup(self.proxy.end)
        self.cluster = cluster.Cluster(self.kafka, (), session__timeout__ms=SESSION_MS)
        self.addCleanup(self.cluster.end)
        for name, port in self.ways.items():
            self.cluster.start(name, bootstrap__servers="127.0.0.1:%d" % port)
        for worker in self.cluster.workers.values():
            worker.ready()
        self.load = cluster.Load(self.cluster, 1)
        self.addCleanup(self.load.stop)
        self.load.create()

    def written(self, name, isolation):
        """Keys of the connector's task and commit records, as readers of that isolation see them."""
        keys = [record["key"] or "" for record in self.kafka.consume(self.cluster.topic, isolation=isolation)]
        return [key for key in keys if re.fullmatch(r"(task-%s-\d+|commit-%s)" % (name, name), key)]

    def kill_between_tasks_and_commit(self, leader, other, name, config):
        """The leader hears nothing more from the broker once a task record has left it, so it cannot ask whether it may commit."""
        self.proxy.tell("mute-at:task-%s-" % name, self.ways[leader])
        self.assertEqual(201, other.request("PUT", "/connectors/%s/config" % name, config)[0])
        lab.wait_until(lambda: self.written(name, "read_uncommitted"), "task records stand in the topic")
        self.cluster.workers[leader].kill()
        left, seen = self.written(name, "read_uncommitted"), self.written(name, "read_committed")
        print("        the leader died behind %d task records of %d; readers see %d" % (
            sum(key.startswith("task-") for key in left), self.TASKS, len(seen)), flush=True)
        self.assertNotIn("commit-" + name, seen)
        if self.cluster.fencing == "transaction":
            self.assertEqual([], seen)  # both are in one transaction, which nobody will end
        else:
            self.assertNotEqual([], seen)

    def test_tasks_of_a_leader_that_dies_before_their_commit_are_written_again(self):
        self.begin()
        leader = lab.wait_until(self.cluster.leader, "somebody leads")
        other = next(worker for n, worker in self.cluster.workers.items() if n != leader)
        name, out, load = lab.fresh_name("half"), os.path.join(self.load.folder, "half"), self.load
        self.kill_between_tasks_and_commit(leader, other, name, {
            "connector.class": "FileStreamSink", "file": out, "topics": load.topic(0), "tasks.max": str(self.TASKS)})
        load.feed_one()
        line = (cluster.LINE % (0, load.fed - 1)).strip().encode()
        lab.wait_until(lambda: os.path.exists(out) and line in load.read(out), "a record comes out of the connector", SESSION_MS / 1000 + 30)
        status = other.wait_state(name, tasks=self.TASKS, timeout_s=30)
        self.assertNotIn("trace", status["tasks"][0])
        for worker in (self.cluster.workers[n] for n in self.cluster.alive()):
            lab.wait_until(lambda: len(worker.rest("GET", "/connectors/%s/tasks" % name)) == self.TASKS, "all tasks are known to " + worker.url)


class Lost(unittest.TestCase):
    """Nobody takes an empty topic for a wish: what runs goes on, changes are refused with the reason, on every worker."""

    def begin(self):
        self.kafka = lab.suite_lab()
        self.cluster = cluster.Cluster(self.kafka, "abc", session__timeout__ms=SESSION_MS, offset__flush__interval__ms=1000)
        self.addCleanup(self.cluster.end)
        self.load = cluster.Load(self.cluster, 3)
        self.addCleanup(self.load.stop)
        self.load.begin()
        self.leader = self.cluster.leader()

    def refuses(self, worker):
        status, answer = worker.request("PUT", "/connectors/%s/config" % self.load.source(0), self.load.config_of_source(0), timeout_s=60)
        return status == 409 and "changes are refused" in answer["message"]

    def see(self):
        """All of them stand still, and work goes on."""
        since = time.time()
        names = {self.load.source(i) for i in range(3)} | {self.load.sink(i) for i in range(3)}
        for name in self.cluster.alive():
            worker = self.cluster.workers[name]
            lab.wait_until(lambda: "the config topic is lost" in worker.log_text(), "%s notices" % name, 30)
            lab.wait_until(lambda: self.refuses(worker), "%s refuses changes" % name, 60)
            self.assertEqual(names, set(worker.rest("GET", "/connectors")))
            for connector in names:
                worker.wait_state(connector)
        print("        all have noticed, and say so, after %.1f s" % (time.time() - since), flush=True)
        self.load.wait_flow()
        self.assertEqual([], self.cluster.records())  # nobody wrote to what it did not read

    def finish(self):
        self.load.stop()
        self.load.wait_all_out()
        self.assertEqual([], self.load.wrong_at_least_once())
        for name in self.cluster.alive():
            self.assertEqual(0, self.cluster.workers[name].stop())

    def test_a_topic_created_anew_stands_still_until_all_workers_are_restarted(self):
        self.begin()
        self.kafka.topic_delete(self.cluster.topic)
        self.kafka.topic_create(self.cluster.topic, configs={"cleanup.policy": "compact"})
        self.see()
        # One comes back to the empty topic, and leads when the leader has gone: it clears nothing up.
        fresh = next(name for name in "abc" if name != self.leader)
        last = next(name for name in "abc" if name not in (self.leader, fresh))
        self.load.stop()
        self.load.wait_all_out()
        self.assertEqual([], self.load.wrong_at_least_once())
        self.assertEqual(0, self.cluster.workers[fresh].stop())
        self.cluster.start(fresh).ready()
        self.assertEqual(0, self.cluster.workers[self.leader].stop())
        kept = self.cluster.workers[last]
        lab.wait_until(lambda: "this worker leads" in self.cluster.workers[fresh].log_text() or "this worker leads" in kept.log_text(),
                       "another leads")
        self.assertEqual(6, len(kept.rest("GET", "/connectors")))
        self.assertTrue(self.refuses(kept))
        # The last one goes, too: that is the wish to begin with what the topic holds.
        self.assertEqual(0, kept.stop())
        self.cluster.start(last).ready()
        name = lab.fresh_name("anew-")
        config = {**self.load.config_of_source(0), "topic": name}
        lab.wait_until(lambda: self.cluster.workers[last].request("PUT", "/connectors/%s/config" % name, config)[0] in (200, 201), "a connector")
        lab.wait_until(lambda: name in self.kafka.topics() and self.kafka.values(name), "it runs")
        self.assertEqual([name], self.cluster.workers[fresh].rest("GET", "/connectors"))

    def test_a_deleted_topic_stops_nothing_but_changes(self):
        self.begin()
        self.kafka.topic_delete(self.cluster.topic)
        for name in self.cluster.alive():
            lab.wait_until(lambda: "the config topic is lost" in self.cluster.workers[name].log_text(), "%s notices" % name, 30)
        for name in self.cluster.alive():
            self.assertTrue(lab.wait_until(lambda: self.refuses(self.cluster.workers[name]), "%s refuses changes" % name, 60))
        self.load.wait_flow()
        self.finish()

    def test_a_topic_whose_records_were_deleted_stands_still(self):
        self.begin()
        self.kafka.records_delete(self.cluster.topic)
        self.see()
        since = time.time()
        self.cluster.workers[self.leader].kill()
        survivors = [worker for name, worker in self.cluster.workers.items() if name != self.leader]
        lab.wait_until(lambda: any("this worker leads" in worker.log_text() for worker in survivors), "another leads", 30)
        print("        another leads after %.1f s" % (time.time() - since), flush=True)
        for worker in survivors:
            lab.wait_until(lambda: self.refuses(worker), "changes are refused still", 30)
            self.assertEqual(6, len(worker.rest("GET", "/connectors")))
        self.assertEqual([], self.cluster.records())
