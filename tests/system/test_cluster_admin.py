"""What a cluster says of itself, a drain on request, labels, two workers that claim one address, and what some properties of it change."""

import os
import re
import signal
import subprocess
import time
import unittest

import cluster
import exposition
import lab

SESSION_MS = 10000
SHORT_SESSION_MS, DELAY_MS = 6000, 10000


class ClusterAdmin(unittest.TestCase):
    def begin(self, *labels, **more):
        """A worker for each; "": without labels."""
        self.kafka = lab.suite_lab()
        self.common = cluster.worker_properties(self.kafka, **{"session.timeout.ms": SESSION_MS, **more})
        self.folder = lab.scratch_folder()
        self.workers = [self.worker(millrace__placement__labels=text).start() for text in labels]
        for worker in self.workers:
            worker.ready()
        lab.wait_until(lambda: all(self.are_members(worker, len(labels)) for worker in self.workers), "all are members")

    def worker(self, **more):
        properties = {**self.common, "listeners": "http://127.0.0.1:%d" % lab.free_port(),
                      **{key.replace("__", "."): value for key, value in more.items()}}
        worker = lab.Worker(properties)
        self.addCleanup(worker.end)
        return worker

    def cluster(self, worker):
        shown = worker.rest("GET", "/admin/cluster")
        self.assertIn(shown.get("fencing"), (cluster.fencing_of(self.common), None))
        return shown

    def are_members(self, worker, count):
        members = self.cluster(worker)["members"]
        return len(members) == count and all(member["introduced"] for member in members)

    def units(self, worker, of):
        """(connector, task) that the worker `of` is to run, as `worker` shows it."""
        for assignment in self.cluster(worker)["assignment"]:
            if assignment["url"].rstrip("/") == of.url and assignment["obeyed"]:
                return {(unit["connector"], unit.get("task", -1)) for unit in assignment["units"] + assignment["revoking"]}
        return set()

    def unsigned(self, name, worker):
        """The status of what workers ask each other, when somebody asks it without a signature."""
        tasks = [task["config"] for task in worker.rest("GET", "/connectors/%s/tasks" % name)]
        return worker.request("POST", "/connectors/%s/tasks" % name, tasks)[0]

    def check_protocol(self, protocol, names):
        """Followers have asked the leader to write their connectors' tasks, signed or not."""
        wanted = 400 if protocol == "sessioned" else 204
        self.assertEqual({wanted}, {self.unsigned(name, worker) for name in names for worker in self.workers})
        keys = [record["key"] for record in self.kafka.consume(self.common["config.storage.topic"])]
        self.assertEqual(protocol == "sessioned", "session-key" in keys)
        found = exposition.Exposition(lab.http("GET", self.workers[0].url + "/metrics")[1])
        self.assertEqual([{"connect_protocol": protocol.upper()}],
                         found.with_labels("kafka_connect_worker_rebalance_connect_protocol"))

    def leader(self):
        url = lab.wait_until(lambda: self.cluster(self.workers[0])["leader"], "somebody leads")
        return next(worker for worker in self.workers if worker.url == url.rstrip("/"))

    def source(self, name, **more):
        """Feeds topic `name` from a file; through the leader or whoever passes it on."""
        path = os.path.join(self.folder, name)
        with open(path, "a"):
            pass
        self.workers[0].create(name, {"connector.class": "FileStreamSource", "file": path, "topic": name, "tasks.max": "1", **more})
        return path

    def assert_flows(self, name, timeout_s=30):
        """A line written now comes out of the topic."""
        line = "line-%d" % time.time_ns()
        with open(os.path.join(self.folder, name), "a") as f:
            f.write(line + "\n")
        lab.wait_until(lambda: name in self.kafka.topics() and line.encode() in self.kafka.values(name), "%s delivers" % name,
                       timeout_s, 0.2)

    def create_sources(self, count):
        names = [lab.fresh_name("admin") for _ in range(count)]
        for name in names:
            self.source(name)
        for name in names:
            self.assert_flows(name)
        return names

    def test_every_worker_shows_the_same_cluster(self):
        self.begin("zone=a", "zone=b", connect__protocol="eager")
        names = self.create_sources(2)
        a, b = self.workers
        wanted = {(name, task) for name in names for task in (-1, 0)}
        lab.wait_until(lambda: self.units(a, a) | self.units(a, b) == wanted, "all is given out")
        lab.wait_until(lambda: len(self.units(b, a)) == 2, "it is balanced")
        shown = [self.cluster(worker) for worker in self.workers]
        for worker, seen in zip(self.workers, shown):
            asked = seen.pop("answered_by")
            self.assertEqual((worker.url + "/", True), (asked["url"], asked["is_member"]))
        self.assertEqual(shown[0], shown[1])
        seen = shown[0]
        self.assertEqual({"zone=a", "zone=b"}, {member["labels"] for member in seen["members"]})
        self.check_who_they_are(seen["members"])
        self.assertEqual([seen["leader"]], [member["url"] for member in seen["members"] if member["leads"]])
        self.assertEqual([], seen["unassigned"])
        self.assertEqual(cluster.fencing_of(self.common), seen["fencing"])
        self.check_protocol("eager", names)

    def check_who_they_are(self, members):
        """Each run of a worker has its own boot id; all are of this build, and on this machine."""
        boots = {worker.url + "/": worker.rest("GET", "/admin/cluster")["answered_by"]["boot"] for worker in self.workers}
        self.assertEqual(len(self.workers), len(set(boots.values())))
        self.assertEqual(boots, {member["url"]: member["boot"] for member in members})
        own = subprocess.run([self.workers[0].program, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        for member in members:
            self.assertRegex(member["boot"], "^[0-9a-f]{16}$")
            self.assertIn(member["version"], own.split())
        self.assertEqual(1, len({member["host"] for member in members}))
        self.assertTrue(members[0]["host"])

    def test_a_leader_that_drains_goes_on_leading(self):
        self.begin("", "")
        names = self.create_sources(4)
        leader = self.leader()
        other = next(worker for worker in self.workers if worker is not leader)
        began = time.monotonic()
        self.assertEqual((204, None), leader.request("PUT", "/admin/drain"))
        print("        drained in %.2f s" % (time.monotonic() - began))
        self.assertEqual(set(), self.units(leader, leader))
        told = self.cluster(leader)["last_rebalance"]
        lab.wait_until(lambda: not self.units(other, leader) and self.cluster(other)["last_rebalance"] == told, "the other one has read it too", 5)
        self.assertEqual(8, len(self.units(other, other)))
        shown = self.cluster(other)
        self.assertEqual(leader.url + "/", shown["leader"])
        self.assertEqual(["a worker drains", 4], [shown["last_rebalance"][name] for name in ("reason", "moves")])
        self.assertLess(shown["last_rebalance"]["duration_ms"], 2000)
        self.check_rebalances(leader, shown["last_rebalance"])
        self.check_metrics(leader)
        self.check_protocol("sessioned", names)
        for name in names:
            self.assert_flows(name)
        names += self.create_sources(1)
        self.assertEqual(set(), self.units(other, leader))
        self.check_rebalances(leader, self.cluster(other)["last_rebalance"])  # what is new has moved nothing
        self.assertEqual(shown["last_rebalance"], self.cluster(other)["last_rebalance"])
        self.assertEqual((204, None), leader.request("DELETE", "/admin/drain"))
        lab.wait_until(lambda: 4 <= len(self.units(other, leader)) <= 6, "it gets its share")
        for name in names:
            self.assert_flows(name)

    def check_rebalances(self, leader, last):
        """The leader's log has one line for each, the others' have none."""
        lines = lambda worker: re.findall(r"rebalance (\d+) \((.*)\): (\d+) units moved in (\d+) ms;", worker.log_text())
        wanted = (str(last["number"]), last["reason"], str(last["moves"]), str(last["duration_ms"]))
        lab.wait_until(lambda: lines(leader)[-1:] == [wanted], "the leader's log says %s" % (wanted,), 10)
        self.assertEqual([str(n + 1) for n in range(last["number"])], [line[0] for line in lines(leader)])
        for worker in self.workers:
            if worker is not leader:
                self.assertEqual([], lines(worker))

    def check_metrics(self, leader):
        """All have joined, been given work, and taken over or handed over: each of these is a rebalance; now they rest."""
        prefix = "kafka_connect_worker_rebalance_"
        for worker in self.workers:
            def rests():
                found = exposition.Exposition(lab.http("GET", worker.url + "/metrics", headers={"Accept": "text/plain"})[1])
                return found.value(prefix + "rebalancing") == 0 and found
            found = lab.wait_until(rests, "no rebalance is under way", 10)
            self.assertGreaterEqual(found.value(prefix + "completed_rebalances_total"), 3)
            longest, average = (found.value(prefix + "rebalance_%s_time_ms" % name) for name in ("max", "avg"))
            self.assertTrue(0 < average <= longest < 5000, (average, longest))
            self.assertTrue(0 <= found.value(prefix + "time_since_last_rebalance_ms") < 60000)
            self.assertGreaterEqual(found.value(prefix + "epoch"), 1)
            self.assertEqual([{"leader_name": leader.url + "/"}], found.with_labels(prefix + "leader_name"))

    def test_the_only_worker_that_drains_leaves_its_work_unassigned(self):
        self.begin("")
        name, = self.create_sources(1)
        only = self.workers[0]
        self.assertEqual((204, None), only.request("PUT", "/admin/drain"))
        self.assertIn("asked to drain while no other worker takes work", only.log_text())
        self.assertEqual([{"connector": name, "reason": "no worker takes work now"},
                          {"connector": name, "task": 0, "reason": "no worker takes work now"}], self.cluster(only)["unassigned"])
        only.wait_state(name, "UNASSIGNED")
        self.assertEqual((204, None), only.request("DELETE", "/admin/drain"))
        only.wait_state(name, "RUNNING")
        self.assert_flows(name)

    def test_a_connector_waits_for_a_worker_with_its_labels(self):
        self.begin("zone=a")
        name = lab.fresh_name("admin")
        status, _ = self.workers[0].request("PUT", "/connectors/%s/config" % name, {
            "connector.class": "FileStreamSource", "file": "/x", "topic": "x", "millrace.placement.selector": "zone=b=c"})
        self.assertEqual(400, status)
        self.source(name, **{"millrace.placement.selector": "zone=b"})

        def says_why():
            status = self.workers[0].status(name)["connector"]
            return status["state"] == "UNASSIGNED" and "millrace.placement.selector" in status.get("trace", "")
        lab.wait_until(says_why, "the status says why")
        other = self.worker(millrace__placement__labels="zone=b").start().ready()
        self.assert_flows(name)
        self.assertEqual({(name, -1), (name, 0)}, self.units(other, other))
        self.assertNotIn("trace", other.status(name)["connector"])
        config = other.rest("GET", "/connectors/%s/config" % name)
        other.rest("PUT", "/connectors/%s/config" % name, dict(config, **{"millrace.placement.selector": "zone=c"}))
        status = other.wait_state(name, "UNASSIGNED")  # with its task
        for unit in (status["connector"], status["tasks"][0]):
            self.assertIn("millrace.placement.selector", unit["trace"])
        self.assertEqual([-1, 0], [unit.get("task", -1) for unit in self.cluster(other)["unassigned"]])

    def test_of_two_workers_with_one_address_the_later_refuses(self):
        self.begin("")
        name, = self.create_sources(1)
        host, port = self.workers[0].url.replace("http://", "").split(":")
        double = self.worker(rest__advertised__host__name=host, rest__advertised__port=port).start()
        self.assertEqual(1, double.wait(30), double.log_end())
        last = double.log_end(1)
        self.assertIn("another worker of this cluster is reached at %s/ already" % self.workers[0].url, last)
        self.assert_flows(name)
        self.assertIsNone(self.workers[0].process.poll())

    def test_a_newcomer_beside_a_silent_worker_does_not_hold_up_the_leader(self):
        """The group waits for the silent one until its session is over; who leads has asked to join again, and goes on writing."""
        self.begin("", "", "")
        leader = self.leader()
        silent = next(worker for worker in self.workers if worker is not leader)
        silent.signal(signal.SIGSTOP)
        self.addCleanup(silent.signal, signal.SIGCONT)
        newcomer = self.worker().start()
        name = lab.fresh_name("beside")
        path = os.path.join(self.folder, name)
        open(path, "a").close()
        slowest_s, until = 0.0, time.monotonic() + SESSION_MS / 1000 - 3
        while time.monotonic() < until:
            since = time.monotonic()
            leader.rest("PUT", "/connectors/%s/config" % name,
                        {"connector.class": "FileStreamSource", "file": path, "topic": name, "tasks.max": "1",
                         "batch.size": str(100 + int(since) % 100)})
            slowest_s = max(slowest_s, time.monotonic() - since)
        print("        slowest write while the group waits: %d ms" % (1000 * slowest_s), flush=True)
        self.assertLess(slowest_s, 2)
        newcomer.ready()

    def test_what_a_killed_worker_had_runs_elsewhere_and_goes_home_when_it_comes_back(self):
        self.begin("", "")
        names = self.create_sources(4)
        victim = next(worker for worker in self.workers if worker is not self.leader())
        survivor = next(worker for worker in self.workers if worker is not victim)
        victim.kill()
        began = time.monotonic()
        lab.wait_until(lambda: len(self.units(survivor, survivor)) == 8, "the other one has it all", SESSION_MS / 1000)
        print("        the other one has it all after %.2f s" % (time.monotonic() - began))
        self.assertLess(time.monotonic() - began, 3)
        for name in names:
            self.assert_flows(name, SESSION_MS / 1000)
        again = self.worker(listeners=victim.url).start().ready()

        def is_itself_again():
            boot = self.cluster(again)["answered_by"]["boot"]
            return boot in [member["boot"] for member in self.cluster(survivor)["members"] if member["introduced"]] and \
                len(self.units(survivor, again)) == 4
        lab.wait_until(is_itself_again, "it has its share again", 30)
        print("        a member with its share after %.2f s; the former one's session had %d s" % (
            time.monotonic() - began, SESSION_MS / 1000))
        self.assertLess(time.monotonic() - began, SESSION_MS / 1000 + 5)
        for name in names:
            self.assert_flows(name)

    def waits(self, of):
        """(connector, task) → until when, of what the cluster keeps for that worker."""
        return {(unit["connector"], unit.get("task", -1)): unit["until_ms"] / 1000
                for unit in self.cluster(self.workers[0])["waiting"] if unit["for"].rstrip("/") == of.url}

    def test_work_waits_for_its_worker_and_not_longer_than_the_delay(self):
        """Two die at once; one of them is started again."""
        self.begin("", "", "", session__timeout__ms=SHORT_SESSION_MS, connect__protocol="compatible",
                   scheduled__rebalance__max__delay__ms=DELAY_MS)
        names = self.create_sources(3)
        leader = self.leader()
        self.workers.sort(key=lambda worker: worker is not leader)
        _, back, lost = self.workers
        had = lab.wait_until(lambda: [units for units in [[self.units(leader, of) for of in self.workers]] if {2} == set(map(len, units))],
                             "each has a connector and a task")[0]
        self.check_protocol("compatible", names)
        for worker in (back, lost):
            worker.kill()
        killed = time.time()
        until = lab.wait_until(lambda: set(self.waits(back)) == had[1] and set(self.waits(lost)) == had[2] and self.waits(lost),
                               "what both had waits", 3)
        for at in until.values():
            self.assertAlmostEqual(killed + DELAY_MS / 1000, at, delta=2)
        self.check_statuses_say_what_is_waited_for(had[1], back)
        self.check_statuses_say_what_is_waited_for(had[2], lost)
        again = self.worker(listeners=back.url).start()
        lab.wait_until(lambda: self.units(leader, again) == had[1], "one is back and has what it had", DELAY_MS / 1000)
        print("        home after %.1f s" % (time.time() - killed))
        self.assertEqual((had[0], had[2]), (self.units(leader, leader), set(self.waits(lost))))
        self.assertLess(time.time(), min(until.values()))
        for name in {connector for connector, _ in had[0] | had[1]}:
            self.assert_flows(name)
        lab.wait_until(lambda: self.units(leader, leader) | self.units(leader, again) == set().union(*had), "the others have it all",
                       DELAY_MS / 1000)
        print("        elsewhere after %.1f s" % (time.time() - killed))
        self.assertGreaterEqual(time.time(), min(until.values()) - 0.1)
        self.assertEqual({}, self.waits(lost))
        for name in names:
            self.assert_flows(name)

    def check_statuses_say_what_is_waited_for(self, units, worker):
        for connector, task in units:
            def says_why():
                status = self.workers[0].status(connector)
                unit = status["connector"] if task < 0 else status["tasks"][task]
                return (unit["state"], worker.url in unit.get("trace", "")) == ("UNASSIGNED", True)
            lab.wait_until(says_why, "the status of %s/%d says who is waited for" % (connector, task), 5)


if __name__ == "__main__":
    unittest.main()
