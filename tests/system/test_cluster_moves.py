"""Work moves between three workers: balance, a join, planned leaves, a rolling restart. Nothing is lost, nothing comes twice."""

import time
import unittest

import cluster
import lab

PAIRS = 12
GAP_MOST_S = 1.0


class Moves(unittest.TestCase):
    alone = True  # how long nothing moves

    def begin(self, pairs, names=("a", "b", "c"), **properties):
        self.kafka = lab.suite_lab()
        self.cluster = cluster.Cluster(self.kafka, names, **properties)
        self.addCleanup(self.cluster.end)
        self.load = cluster.Load(self.cluster, pairs)
        self.addCleanup(self.load.stop)
        self.load.begin()

    def planned_leave(self, name):
        """SIGTERM; how long it took."""
        began = time.monotonic()
        self.assertEqual(0, self.cluster.workers[name].stop(), self.cluster.workers[name].log_end())
        return time.monotonic() - began

    def finish(self):
        """Nothing lost, nothing twice, nobody ever had what another had."""
        self.load.stop()
        self.load.wait_all_out()
        self.assertEqual([], self.load.wrong_once())
        self.assertEqual([], self.cluster.found_double())

    def say(self, what, since_s, limit_s=GAP_MOST_S):
        gaps = self.load.gaps(since_s)
        print("        %s: %s" % (what, cluster.percentiles(gaps)), flush=True)
        return {name: round(gap, 3) for name, gap in gaps.items() if gap >= limit_s}

    def test_work_is_spread_and_a_worker_that_joins_gets_its_share(self):
        self.begin(PAIRS)
        since = time.time()
        self.cluster.start("d").ready()
        self.cluster.wait_balanced(self.load.units, "abcd")
        self.load.wait_flow()
        moves = self.cluster.moves(since)
        print("        join: %d units of %d moved" % (len(moves), self.load.units))
        self.assertLessEqual(max(moves.values()), 1)
        self.assertEqual(self.load.units // 4, len(moves))
        self.assertEqual({}, self.say("join", since))
        self.finish()

    def test_a_planned_leave_is_not_felt(self):
        self.begin(PAIRS)
        leader = self.cluster.leader()
        follower = next(name for name in "abc" if name != leader)
        for what, name in (("follower leaves", follower), ("leader leaves", leader)):
            with self.subTest(what):
                since = time.time()
                took = self.planned_leave(name)
                self.load.wait_flow()
                self.cluster.wait_balanced(self.load.units)
                print("        %s: ended after %.2f s" % (what, took))
                self.assertLess(took, 5)
                self.assertEqual({}, self.say(what, since))
                self.assertLessEqual(max(self.cluster.moves(since).values()), 1)
        self.finish()

    def test_a_rolling_restart_moves_each_unit_twice_at_most(self):
        self.begin(30, offset__flush__interval__ms=2000)
        since = time.time()
        for name in "abc":
            took = self.planned_leave(name)
            self.cluster.start(name).ready()
            self.cluster.wait_balanced(self.load.units, "abc")
            self.load.wait_flow()
            print("        %s: ended after %.2f s" % (name, took))
        moves = self.cluster.moves(since)
        print("        rolling restart: %d units of %d moved, at most %d times" % (len(moves), self.load.units,
                                                                                  max(moves.values())))
        self.assertEqual({}, {unit: count for unit, count in moves.items() if count > 2})
        self.assertEqual({}, self.say("rolling restart", since))
        self.finish()
