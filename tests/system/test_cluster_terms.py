"""One group has one set of topics, and one set of topics has one group: who comes later and has it otherwise is told so and ends."""

import re
import time
import unittest

import cluster
import lab

SESSION_MS = 6000
TOPICS = ("config.storage.topic", "offset.storage.topic", "status.storage.topic")


class Terms(unittest.TestCase):
    def begin(self):
        """Two workers, two pairs of connectors, lines flow."""
        self.cluster = cluster.Cluster(lab.suite_lab(), "ab", session__timeout__ms=SESSION_MS)
        self.addCleanup(self.cluster.end)
        self.load = cluster.Load(self.cluster, 2)
        self.addCleanup(self.load.stop)
        self.load.begin()

    def stray(self, **other):
        """A worker of the cluster but for these properties; each of them names something new."""
        worker = self.cluster.start("-".join(other), **{key: lab.fresh_name("stray") for key in other})
        self.addCleanup(worker.end)
        return worker

    def assert_ends(self, worker, *words):
        """With status 1, a last line that says why and what to do, and without having run anything."""
        self.assertEqual(1, worker.wait(30), worker.log_end())
        last = worker.log_end(1)
        for word in words:
            self.assertRegex(last, word)
        self.assertNotRegex(worker.log_text(), re.escape(self.load.prefix))

    def check_strays(self):
        common = self.cluster.common
        of_offsets, of_status, of_group = (self.stray(**{key: None}) for key in
                                           ("offset__storage__topic", "status__storage__topic", "group__id"))
        for worker, key in (of_offsets, TOPICS[1]), (of_status, TOPICS[2]):
            self.assert_ends(worker, "has the same group.id and other topics: %s is %s here and %s there;" % (
                key, worker.properties[key], common[key]), "Set the same on all workers")
        self.assert_ends(of_group, "group.id is %s, but worker http://127.0.0.1:[0-9]+/ of group %s is alive and uses the same "
                         "config.storage.topic=%s" % (of_group.properties["group.id"], common["group.id"], common[TOPICS[0]]),
                         "give this group its own config.storage.topic")

    def test_who_comes_with_other_topics_or_as_another_group_ends_and_disturbs_nobody(self):
        self.begin()
        before, since = self.cluster.head(), time.time()
        self.check_strays()
        self.load.wait_flow()
        self.load.stop().wait_all_out()
        gaps = self.load.gaps(since)
        print("        " + cluster.percentiles(gaps), flush=True)
        self.assertLess(max(gaps.values()), 2)
        self.assertEqual({}, self.cluster.moves(since))
        after = self.cluster.head()
        self.assertEqual([before[key] for key in ("epoch", "leader", "group")], [after[key] for key in ("epoch", "leader", "group")])
        self.assertEqual([], [line for name in "ab" for line in self.cluster.workers[name].log_text().splitlines() if " ERROR " in line])
        self.assertEqual([], self.load.wrong_once())
        self.check_group_is_renamed()

    def test_of_two_groups_that_begin_together_on_new_topics_one_ends(self):
        self.cluster = cluster.Cluster(lab.suite_lab(), "", session__timeout__ms=SESSION_MS)
        self.addCleanup(self.cluster.end)
        groups = {name: self.cluster.start(name, group__id=lab.fresh_name("group")) for name in "ab"}
        lab.wait_until(lambda: len(self.cluster.alive()) == 1, "one has ended", 60)
        stays, = self.cluster.alive()
        ended = groups["b" if stays == "a" else "a"]
        self.assertIn(ended.wait(), (1, 2))
        self.assertRegex(ended.log_end(1), "group.id is %s, but worker %s/ (leads|of) group %s" % tuple(
            re.escape(text) for text in (ended.properties["group.id"], groups[stays].url, groups[stays].properties["group.id"])))
        self.load = cluster.Load(self.cluster, 1)
        self.addCleanup(self.load.stop)
        self.load.create()
        self.assertEqual([], self.load.wrong_once())
        self.assertEqual([stays], self.cluster.alive())

    def check_group_is_renamed(self):
        """All workers stopped first: what the topics hold goes on under another group.id, where it was."""
        for name in "ab":
            self.assertEqual(0, self.cluster.workers[name].stop())
        self.cluster.common["group.id"] = lab.fresh_name("renamed")
        self.cluster.start("a").ready()
        self.load.wait_flow()
        self.assertEqual([], self.load.wrong_once())
