"""Workers on machines of their own, where nobody sees the others' processes: who is dead is told by the group alone."""

import time
import unittest

import cluster
import hosts
import lab

PAIRS = 6
SESSION_S = 8
ELSEWHERE_S = 3.0  # where somebody knows that the process has ended


class Machines(unittest.TestCase):
    def begin(self):
        hosts.enter_network()
        self.kafka = lab.Lab(host=hosts.ADDRESS).start()
        self.addCleanup(self.kafka.stop)
        self.machines = {name: hosts.Host(number) for number, name in enumerate("abc", 2)}
        for machine in self.machines.values():
            self.addCleanup(machine.end)
        self.cluster = cluster.Cluster(self.kafka, machines=self.machines, session__timeout__ms=SESSION_S * 1000)
        self.addCleanup(self.cluster.end)
        self.load = cluster.Load(self.cluster, PAIRS)
        self.addCleanup(self.load.stop)
        self.load.begin()
        self.leader = self.cluster.leader()
        self.victim = next(name for name in "abc" if name != self.leader)
        self.third = next(name for name in "abc" if name not in (self.leader, self.victim))

    def put_in_its_place(self):
        """Another worker, on another machine, that claims the victim's address; what its end was, after its session."""
        victim = self.cluster.workers[self.victim]
        port = self.cluster.ports[self.victim]
        double = lab.Worker({**self.cluster.common, "listeners": "http://%s:%d" % (self.machines[self.third].address, port),
                             "rest.advertised.host.name": self.machines[self.victim].address},
                            host=self.machines[self.third]).start()
        self.addCleanup(double.end)
        self.assertEqual(1, double.wait(SESSION_S + 30), double.log_end())
        self.assertIn("another worker of this cluster is reached at %s/ already" % victim.url, double.log_end(1))

    def restart_after_a_kill(self, victim):
        """Nobody else can tell that its process has ended, but its successor says so before it joins."""
        killed = time.time()
        victim.kill()
        victim = self.cluster.start(self.victim)
        self.load.wait_flow(SESSION_S + 20)
        gaps = self.load.gaps(killed)
        print("        killed and started again on its machine: %s" % cluster.percentiles(gaps))
        self.assertEqual({}, {name: round(gap, 3) for name, gap in gaps.items() if gap >= ELSEWHERE_S})
        self.cluster.wait_balanced(self.load.units, "abc")
        return victim

    def test_a_worker_that_resets_every_connection_is_not_dead_until_it_is(self):
        self.begin()
        victim, machine = self.cluster.workers[self.victim], self.machines[self.victim]
        members = {record["host"] for key, record in self.cluster.newest().items() if key.startswith(cluster.MEMBER)}
        self.assertEqual(3, len(members), members)
        since = time.time()
        machine.reset_connections(self.cluster.ports[self.victim])
        with self.assertRaises(OSError):
            lab.http("GET", victim.url + "/", timeout_s=5)
        self.put_in_its_place()
        self.assertGreater(time.time() - since, SESSION_S)
        self.load.wait_flow(10)
        self.assertEqual({}, self.cluster.moves(since))
        self.cluster.is_balanced(self.load.units, "abc")
        self.assertNotIn("suspended", victim.log_text())
        print("        reset for %.1f s: %s" % (time.time() - since, cluster.percentiles(self.load.gaps(since))))

        victim = self.restart_after_a_kill(victim)
        killed = time.time()
        victim.kill()
        self.load.wait_flow(SESSION_S + 20)
        gaps = self.load.gaps(killed)
        print("        then killed: %s" % cluster.percentiles(gaps))
        self.assertEqual({}, {name: round(gap, 3) for name, gap in gaps.items() if gap >= SESSION_S + 1})
        self.cluster.wait_balanced(self.load.units)
        self.load.stop()
        self.load.wait_all_out()
        self.assertEqual([], self.load.wrong_at_least_once())
