"""The checker of histories (tests/support/history.py) finds what it is there to find, before anybody trusts its silence."""

import random
import unittest

import history
import lab

SEED = 9
COUNTS = {0: 400, 1: 300, 2: 1}  # task → records


def whole():
    """Of three tasks that wrote side by side, in order each; and their offsets."""
    dice = random.Random(SEED)
    order = [task for task, count in COUNTS.items() for _ in range(count)]
    dice.shuffle(order)
    following = dict.fromkeys(COUNTS, 0)
    made = []
    for task in order:
        made.append((task, following[task]))
        following[task] += 1
    return made, {task: count - 1 for task, count in COUNTS.items()}


class Planted(unittest.TestCase):
    """One fault in each history, at some place in the middle; what is said of it names the task and the number."""

    def setUp(self):
        self.history, self.offsets = whole()
        self.place = self.history.index((1, 150))

    def found(self, once=True, offsets=None):
        return history.wrong(self.history, offsets if offsets is not None else self.offsets, tasks=list(COUNTS), once=once)

    def test_nothing_is_found_where_nothing_is(self):
        self.assertEqual([], self.found())
        self.assertEqual([], self.found(once=False))

    def test_one_lost_record_is_found_in_either_mode(self):
        del self.history[self.place]
        self.assertEqual(["task 1: lost: 150"], self.found())
        self.assertEqual(["task 1: lost: 150"], self.found(once=False))

    def test_the_last_record_lost_is_found_by_the_offset(self):
        self.history.remove((1, COUNTS[1] - 1))
        expected = ["task 1: lost at the end: the offset is at 299, the last record is 298"]
        self.assertEqual(expected, self.found())
        self.assertEqual(expected, self.found(once=False))

    def test_one_doubled_record_is_found_and_allowed_where_it_may_be(self):
        for place in (self.place, self.place + 40, len(self.history)):
            with self.subTest(place):
                self.history.insert(place, (1, 150))
                self.assertEqual(["task 1: doubled: 150"], self.found())
                self.assertEqual([], self.found(once=False))
                self.assertEqual(1, history.repeated(self.history))
                del self.history[place]

    def test_two_swapped_records_are_found(self):
        other = self.history.index((1, 151))
        self.history[self.place], self.history[other] = (1, 151), (1, 150)
        self.assertEqual(["task 1: out of order: 151 before 150"], self.found())
        self.assertEqual([], self.found(once=False))

    def test_a_record_of_another_is_no_swap_of_ones_own(self):
        self.history.insert(self.place, self.history.pop(self.place + 1))
        self.assertEqual([], self.found())

    def test_a_stray_record_is_found(self):
        self.history.append((1, COUNTS[1]))
        self.assertEqual(["task 1: stray: record 300 beyond the offset, which is at 299"], self.found())
        self.assertEqual([], self.found(once=False))  # written, not yet in the offset when the task ended

    def test_a_task_nobody_started_and_a_text_that_is_no_number_are_found(self):
        self.history.append((7, 0))
        self.history.append((0, "nonsense"))
        self.assertEqual(["task 0: not the number of a record: nonsense", "task 7: there is no such task",
                          "task 7: stray: record 0 beyond the offset, which is at -1"],
                         self.found())

    def test_a_task_without_a_record_is_found(self):
        self.history = [(task, number) for task, number in self.history if task != 2]
        self.assertEqual(["task 2: no record", "task 2: lost at the end: the offset is at 0, the last record is -1"], self.found())

    def test_what_an_abort_left_and_its_repetition_are_found(self):
        """As a reader sees them that does not wait for commits: five numbers, later the same five."""
        self.history[self.place:self.place] = [(1, number) for number in range(150, 155)]
        self.assertEqual(["task 1: doubled: 150, 151, 152, 153, 154"], self.found())


class Reader(unittest.TestCase):
    def test_records_of_an_aborted_transaction_are_met_only_by_a_reader_that_does_not_wait_for_commits(self):
        kafka, topic = lab.suite_lab(), lab.fresh_name("history")
        identity = lab.fresh_name("writer")
        kafka.topic_create(topic)
        kafka.produce(topic, ["0", "1"], key="0")
        kafka.produce(topic, ['{"schema":{"type":"int64"},"payload":0}'], key='{"schema":{"type":"int32"},"payload":1}')
        kafka.produce(topic, ['{"name":"a","seqno":1,"task":1}'], key="1")
        kafka.leave_transaction_open(identity, topic, "0", "2")
        committed = [(0, 0), (0, 1), (1, 0), (1, 1)]
        self.assertEqual(committed, history.read(kafka, topic))
        kafka.leave_transaction_open(identity, topic, "0", "2")  # ends the first without a commit, and stays open
        self.assertEqual(committed, history.read(kafka, topic))
        met = history.read(kafka, topic, isolation="read_uncommitted")
        self.assertEqual(committed + [(0, 2), (0, 2)], met)
        self.assertEqual([], history.wrong(history.read(kafka, topic), {0: 1, 1: 1}))
        self.assertEqual(["task 0: doubled: 2", "task 0: stray: record 2 beyond the offset, which is at 1"],
                         history.wrong(met, {0: 1, 1: 1}))
