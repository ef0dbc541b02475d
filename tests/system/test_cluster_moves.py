"""Work moves between three workers: balance, a join, drains, planned leaves, a rolling upgrade and the way back, which are rolling
restarts. Nothing is lost, nothing comes twice, nobody feels it."""

import contextlib
import os
import re
import signal
import time
import unittest

import cluster
import lab

PAIRS = 12
GAP_MOST_S = 1.0
GRACEFUL_S = 5  # task.shutdown.graceful.timeout.ms, by default
AHEAD = os.path.join(lab.BUILD, "tests", "millrace-ahead")  # a build whose records have a later format (tests/ahead)


class Moves(unittest.TestCase):
    alone = True  # how long nothing moves

    def begin(self, pairs, names=("a", "b", "c"), **properties):
        self.kafka = lab.suite_lab()
        self.cluster = cluster.Cluster(self.kafka, names, **properties)
        self.addCleanup(self.cluster.end)
        self.load = cluster.Load(self.cluster, pairs)
        self.addCleanup(self.load.stop)
        self.load.begin()
        self.windows = []

    def planned_leave(self, name):
        """SIGTERM; all has been handed over in time."""
        began = time.monotonic()
        self.assertEqual(0, self.cluster.workers[name].stop(), self.cluster.workers[name].log_end())
        print("        %s ended after %.2f s" % (name, time.monotonic() - began))
        self.assertLess(time.monotonic() - began, GRACEFUL_S)

    @contextlib.contextmanager
    def unfelt(self, what, names, moves_most=1):
        """Then the work is spread evenly over those, and no unit has moved more often; finish() looks at the gaps."""
        since = time.time()
        yield
        self.cluster.wait_balanced(self.load.units, names)
        self.load.wait_flow()
        self.windows.append((what, since, time.time()))
        moves = self.cluster.moves(since)
        print("        %s: %d units of %d moved, at most %d times" % (what, len(moves), self.load.units, max(moves.values())))
        self.assertEqual({}, {unit: count for unit, count in moves.items() if count > moves_most})

    def finish(self):
        """Nothing lost, nothing twice, nobody ever had what another had, no task was without a record for long."""
        self.load.stop()
        self.load.wait_all_out()
        self.assertEqual([], self.load.wrong_once())
        self.assertEqual([], self.cluster.found_double())
        times = self.load.times()
        for what, since, until in self.windows:
            gaps = self.load.gaps(since, until, times)
            print("        %s: %s" % (what, cluster.percentiles(gaps)), flush=True)
            self.assertEqual({}, {name: round(gap, 3) for name, gap in gaps.items() if gap >= GAP_MOST_S}, what)

    def test_work_is_spread_and_a_worker_that_joins_gets_its_share(self):
        self.begin(PAIRS)
        since = time.time()
        with self.unfelt("join", "abcd"):
            self.cluster.start("d").ready()
        self.assertEqual(self.load.units // 4, len(self.cluster.moves(since)))
        self.end_all_at_once()
        self.cluster.start("a").ready()
        self.finish()

    def end_all_at_once(self):
        """Nobody is left to take over, and nobody waits for that."""
        workers, began = self.cluster.workers.values(), time.monotonic()
        for worker in workers:
            worker.signal(signal.SIGTERM)
        self.assertEqual({0}, {worker.wait() for worker in workers})
        print("        all ended after %.2f s" % (time.monotonic() - began))
        self.assertLess(time.monotonic() - began, GRACEFUL_S + 2)

    def test_drains_and_planned_leaves_are_not_felt(self):
        self.begin(PAIRS)
        leader = self.cluster.leader()
        follower = next(name for name in "abc" if name != leader)
        with self.unfelt("follower drains", set("abc") - {follower}):
            self.drain("PUT", follower)
        with self.unfelt("follower takes work again", "abc"):
            self.drain("DELETE", follower)
        with self.unfelt("leader drains and takes work again", "abc", 2):
            self.drain("PUT", leader)
            self.drain("DELETE", leader)
        self.assertEqual(leader, self.cluster.leader())
        with self.unfelt("follower leaves", set("abc") - {follower}):
            self.planned_leave(follower)
        with self.unfelt("leader leaves", set("abc") - {follower, leader}):
            self.planned_leave(leader)
        self.finish()

    def drain(self, method, name):
        self.assertEqual((204, None), self.cluster.workers[name].request(method, "/admin/drain"))
        if method == "PUT":
            self.assertEqual((set(), set()), self.cluster.assignments()[name])

    def test_a_rolling_upgrade_and_the_way_back_move_each_unit_twice_at_most(self):
        """Between this build and one whose records have a later format."""
        self.begin(30, session__timeout__ms=8000, offset__flush__interval__ms=2000)
        self.ended = []
        self.assertEqual({2}, set(self.roll("upgrade", AHEAD).values()))
        self.assertTrue(all("ahead" in value for value in self.cluster.newest().values()))
        self.assertEqual({1}, set(self.roll("downgrade", None).values()))
        self.finish()
        self.assertEqual([], self.complaints())

    def roll(self, what, program):
        """Each worker is replaced. The versions of our records that stand in the topic then."""
        with self.unfelt(what, "abc", 2):
            for name in "abc":
                self.planned_leave(name)
                self.ended.append(self.cluster.workers[name])
                self.cluster.start(name, program).ready()
                self.cluster.wait_balanced(self.load.units, "abc")
                self.load.wait_flow()
        return {key: value["v"] for key, value in self.cluster.newest().items()}

    def complaints(self):
        """Lines that somebody would have to look at, of all processes there were."""
        workers = self.ended + list(self.cluster.workers.values())
        return [line for worker in workers for line in worker.log_text().splitlines()
                if re.search(r"\] (ERROR|FATAL)\b|could not be", line)]
