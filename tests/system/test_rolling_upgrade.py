"""A rolling upgrade to a build whose records have a later format, and back: as a rolling restart, unfelt (tests/ahead)."""

import os
import re
import time
import unittest

import cluster
import lab

PAIRS = 6
AHEAD = os.path.join(lab.BUILD, "tests", "millrace-ahead")


class RollingUpgrade(unittest.TestCase):
    def begin(self):
        self.kafka = lab.suite_lab()
        self.cluster = cluster.Cluster(self.kafka, session__timeout__ms=8000, offset__flush__interval__ms=1000)
        self.addCleanup(self.cluster.end)
        self.load = cluster.Load(self.cluster, PAIRS)
        self.addCleanup(self.load.stop)
        self.load.begin()
        self.ended = []

    def roll(self, what, program):
        """Each worker is replaced; no unit moves more than twice. The versions of our records that stand in the topic then."""
        since = time.time()
        for name in "abc":
            self.assertEqual(0, self.cluster.workers[name].stop(), self.cluster.workers[name].log_end())
            self.ended.append(self.cluster.workers[name])
            self.cluster.start(name, program).ready()
            self.cluster.wait_balanced(self.load.units, "abc")
            self.load.wait_flow()
        moves = self.cluster.moves(since)
        print("        %s: %d units of %d moved, at most %d times; %s" % (
            what, len(moves), self.load.units, max(moves.values()), cluster.percentiles(self.load.gaps(since))), flush=True)
        self.assertEqual({}, {unit: count for unit, count in moves.items() if count > 2})
        return {key: value["v"] for key, value in self.cluster.newest().items()}

    def complaints(self):
        """Lines that somebody would have to look at, of all processes there were."""
        workers = self.ended + list(self.cluster.workers.values())
        return [line for worker in workers for line in worker.log_text().splitlines() if re.search(r"\] (ERROR|FATAL)\b|could not be", line)]

    def test_to_a_later_format_and_back(self):
        self.begin()
        self.assertEqual({2}, set(self.roll("upgrade", AHEAD).values()))
        self.assertTrue(all("ahead" in value for value in self.cluster.newest().values()))
        self.assertEqual({1}, set(self.roll("downgrade", None).values()))
        self.load.stop()
        self.load.wait_all_out()
        self.assertEqual([], self.load.wrong_once())
        self.assertEqual([], self.cluster.found_double())
        self.assertEqual([], self.complaints())


if __name__ == "__main__":
    unittest.main()
