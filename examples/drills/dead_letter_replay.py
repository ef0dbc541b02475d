"""Dead letters of a transform that was wrong go back, each once.

What fails: a transform casts amounts to whole numbers, and some amounts are none. Those records are dead letters by now. One amount is no number
  at all, which the mended transform refuses as well.
What you see: `millrace dlq list NAME` has the letters by cause, `millrace dlq show NAME P/O` one of them with what the connector would make of it
  now. `kafka_connect_task_error_deadletterqueue_produce_requests` has risen; the task runs.
What Millrace does: a replay writes a letter back to where its record was, as it was, with the header millrace.replay, and marks the letter in
  the same transaction: whatever breaks off, run it again, and what went back does not go twice. A letter that fails again becomes a new
  one that knows its attempts; after three (--attempts) it is refused, and nothing starts a replay but you.
What you do: mend the connector; `millrace dlq replay NAME --all --dry-run`, which writes nothing and says what would still fail; the same
  without --dry-run. What still fails is mended by hand (--letter, --value) or discarded with a reason. Readers of the topic other than
  this connector see the records again: --to another topic spares them that.
Nothing is lost: `millrace dlq list NAME` has no open letters, and the sink has each record once. A second replay of all does nothing.
"""

import json
import os
import re
import shlex

from drill import FILE_SINK, JSON, headers_of

ORDERS, HALVES, WORDS = 30, (3, 4, 11, 12, 19, 28), 21
FAILING = sorted([*HALVES, WORDS])
LETTERS = len(FAILING)
ID = "amounts"  # of the replay


def order(n):
    return '{"order":%d,"amount":"%s"}' % (n, "12.50" if n in HALVES else "a dozen" if n == WORDS else n)


def mark_of(record):
    """Id and attempt, of the header that a replay adds."""
    mark = json.loads(headers_of(record).get("millrace.replay", "{}"))
    return mark.get("id"), mark.get("attempt")


class Letters:
    """`millrace dlq` for one connector, as an operator calls it."""

    def __init__(self, d, name, worker):
        self.d, self.name, self.worker_file = d, name, os.path.join(worker.folder, "worker.properties")

    def call(self, verb, *arguments, status=0, last=1):
        """What it prints; the last so many lines are shown."""
        printed = self.d.millrace("dlq %s %s --worker %s" % (verb, " ".join([self.name, *arguments]), self.worker_file), status=status)
        self.d.say("\n".join([line for line in printed.splitlines() if line][-last:]))
        return printed

    def says(self, what, words, verb, *arguments, status=0):
        self.d.check(what, words in self.call(verb, *arguments, status=status))


def fail(d, worker, name, topic, letters):
    sent = d.metric("kafka_connect_task_error_deadletterqueue_produce_requests", worker, connector=name)
    d.step("Orders come, and not all of them are as the transform thinks")
    d.kafka.produce(topic, [order(n) for n in range(1, ORDERS)], key="k")
    d.metric_moved(sent, lambda _, after: after == LETTERS)
    d.wait(lambda: letters in d.kafka.topics() and d.kafka.end_offset(letters) == LETTERS, "the letters are written")
    d.check("the task runs", d.task(worker, name)["state"] == "RUNNING")


def look(dlq):
    dlq.d.step("What is there, and why? As the connector is, nothing would pass")
    dlq.call("list", last=LETTERS + 5)
    dlq.call("show", "0/0", last=40)
    dlq.says("none would pass", "0 would pass, 0 be dropped, %d skipped" % LETTERS, "replay", "--all", "--dry-run", status=1)


def came_back(d, topic):
    return [(record["key"], record["value"], *mark_of(record)) for record in d.kafka.consume(topic, start=ORDERS)]


def replay(dlq, out, topic):
    d = dlq.d
    d.check("the first letter's amount would be a number", '{"order": 3, "amount": 12.5}' in dlq.call("show", "0/0", last=9))
    dlq.says("all but one would pass now", "%d would pass, 0 be dropped, 1 skipped" % len(HALVES), "replay", "--all", "--dry-run", status=1)
    d.check("nothing was written so far", d.kafka.end_offset(topic) == ORDERS)
    d.step("Back with them")
    dlq.says("they are back", "%d replayed, 0 refused" % LETTERS, "replay", "--all", "--id", ID)
    d.wait(lambda: len(d.lines(out)) >= ORDERS - 1, "the mended orders are in the sink's file")
    d.run("kcat -b %s -C -e -q -t %s -o %d -c 1 -f '%%k %%s %%h\\n'" % (d.kafka.bootstrap, topic, ORDERS), show=True)
    d.check("each came back as it was, with the mark", came_back(d, topic) == [("k", order(n), ID, 1) for n in FAILING])


def mend_the_last(dlq, topic, letters, out):
    d = dlq.d
    d.step("One fails again: a letter anew, that knows of its attempt, and nobody sends it round and round")
    d.wait(lambda: d.kafka.end_offset(letters) == LETTERS + 1, "it is a letter again")
    d.check("the letter has the mark", mark_of(d.kafka.consume(letters)[-1]) == (ID, 1))
    dlq.call("replay", "--all", "--id", ID)
    d.check("the same replay once more moves nothing", len(came_back(d, topic)) == LETTERS)
    dlq.says("with all its attempts spent it is refused", "0 replayed, 1 refused", "replay", "--all", "--attempts", "1", status=1)
    d.step("It is mended by hand")
    dlq.says("it is back", "1 replayed, 0 refused", "replay", "--letter", "0/%d" % LETTERS, "--value",
             shlex.quote('{"order":%d,"amount":"12"}' % WORDS))
    d.wait(lambda: len(d.lines(out)) >= ORDERS, "the last order is in the sink's file")


def drill(d):
    name, topic, letters, out = d.named("cast"), d.named("orders"), d.named("orders-failed"), d.path("orders.txt")
    config = {"connector.class": FILE_SINK, "topics": topic, "file": out, "value.converter": JSON, "value.converter.schemas.enable": "false",
              "transforms": "amount", "transforms.amount.type": "org.apache.kafka.connect.transforms.Cast$Value",
              "transforms.amount.spec": "amount:int32", "errors.tolerance": "all", "errors.deadletterqueue.topic.name": letters,
              "errors.deadletterqueue.topic.replication.factor": "1", "errors.deadletterqueue.context.headers.enable": "true"}
    d.step("A worker, and a sink whose transform takes every amount for a whole number")
    worker = d.worker()
    d.kafka.produce(topic, [order(0)], key="k")
    d.configure(worker, name, config)
    fail(d, worker, name, topic, letters)
    dlq = Letters(d, name, worker)
    look(dlq)
    d.step("The transform is mended")
    d.configure(worker, name, {**config, "transforms.amount.spec": "amount:float64"})
    sent = d.metric("kafka_connect_sink_task_sink_record_send_total", worker, connector=name)
    d.metric_moved(sent, lambda _, after: after == 0)  # it is the new task's
    sent.before = 0
    replay(dlq, out, topic)
    mend_the_last(dlq, topic, letters, out)
    d.metric_moved(sent, lambda before, after: after == before + LETTERS)
    d.check("no letter is open", "%d letters: 0 open" % (LETTERS + 1) in dlq.call("list", last=LETTERS + 7))
    d.check("each of the %d orders came to the sink exactly once" % ORDERS, sorted(
        int(re.search(r"order=(\d+)", line).group(1)) for line in d.lines(out)) == list(range(ORDERS)))
