"""What a reader saw of numbered records, and whether that is what was promised of them.

Each task of a source numbers its records 0, 1, 2, … and goes on after its last offset, over every restart (VerifiableSource: the key is
the task, the value the number). A history is the list of (task, number) in the order in which a reader of the topic met them. With
exactly once a reader that waits for commits meets each number of a task once, in order, and the last of them is the one in the task's
offset: records and offset come in one transaction. With at least once none is missing up to the offset; some may come again.

tests/system/test_history.py plants each fault in a history and sees it found.
"""

import collections
import json
import os
import subprocess

SHOWN = 5  # of each kind of fault


def wrong(history, offsets=None, tasks=None, once=True):
    """Texts of what is wrong with it, none if nothing is.

    `offsets`: task → the number in its offset once all tasks have stopped; what came after it was never committed, and what did not
    come up to it is lost. `tasks`: those that must have brought something (those with an offset anyway). `once`: exactly once;
    else at least once.
    """
    seen = collections.defaultdict(list)
    found = []
    for task, number in history:
        if isinstance(number, int) and number >= 0:
            seen[task].append(number)
        else:
            found.append("task %s: not the number of a record: %s" % (task, number))
    for task in sorted(set(seen) | set(offsets or {}) | set(tasks or ()), key=str):
        texts = _wrong_of(seen[task], once)
        if tasks is not None and task not in tasks:
            texts.append("there is no such task")
        if tasks is not None and not seen[task]:
            texts.append("no record")
        if offsets is not None:
            texts += _wrong_at_the_end(seen[task], offsets.get(task), once)
        found += ["task %s: %s" % (task, text) for text in texts]
    return found


def _wrong_of(numbers, once):
    counts = collections.Counter(numbers)
    found = []
    lost = sorted(set(range(max(counts, default=-1) + 1)) - set(counts))
    if lost:
        found.append("lost: %s" % few(lost))
    if not once:
        return found
    doubled = sorted(number for number, count in counts.items() if count > 1)
    if doubled:
        found.append("doubled: %s" % few(doubled))
    swapped = ["%d before %d" % (a, b) for a, b in zip(numbers, numbers[1:]) if a > b]
    if swapped and not doubled:  # what comes again is out of order as well
        found.append("out of order: %s" % few(swapped))
    return found


def _wrong_at_the_end(numbers, offset, once):
    last = max(numbers, default=-1)
    offset = -1 if offset is None else offset
    if last < offset:
        return ["lost at the end: the offset is at %d, the last record is %d" % (offset, last)]
    if once and last > offset:
        return ["stray: record %d beyond the offset, which is at %d" % (last, offset)]
    return []


def few(things):
    shown = ", ".join(str(thing) for thing in things[:SHOWN])
    return shown if len(things) <= SHOWN else "%s, … (%d)" % (shown, len(things))


def repeated(history):
    """How many records came that had come before."""
    return len(history) - len(set(history))


# A topic's history ------------------------------------------------------------------------------------------

FORMAT = "%k\t%s\n"


def read(kafka, topic, isolation="read_committed"):
    """[(task, number)] of a topic to which nobody writes any more; per task in order, as a task's records share a partition."""
    out = kafka.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-X", "isolation.level=" + isolation, "-f", FORMAT, timeout_s=300)
    return [_record(line) for line in out.splitlines()]


class Tail:
    """Reads on, in a process of its own, what is committed to a topic from an offset on; to be closed."""

    def __init__(self, kafka, topic, start):
        self.process = subprocess.Popen(
            ["kcat", "-b", kafka.bootstrap, "-C", "-t", topic, "-o", str(start), "-q", "-u", "-X", "isolation.level=read_committed",
             "-f", FORMAT], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest = b""

    def records(self):
        """Those that have come since it was last asked."""
        while data := self.process.stdout.read():
            self.rest += data
        *lines, self.rest = self.rest.split(b"\n")
        return [_record(line) for line in lines]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def _record(line):
    key, _, value = line.partition(b"\t")
    return _number(key), _number(value)


def _number(text):
    """Of a converter's text: bare, JSON with or without its schema, or VerifiableSource's complete record. What is none stays text."""
    if text.isdigit():
        return int(text)
    try:
        value = json.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace")
    value = value["payload"] if isinstance(value, dict) and "payload" in value else value
    return value.get("seqno", str(value)) if isinstance(value, dict) else value


def offsets(worker, connector):
    """task → number, of a source's offsets as REST tells them."""
    listed = worker.rest("GET", "/connectors/%s/offsets" % connector)["offsets"]
    return {entry["partition"]["id"]: entry["offset"]["seqno"] for entry in listed if entry["offset"] is not None}
