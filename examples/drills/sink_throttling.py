"""An HTTP target throttles one of its customers: 429 with Retry-After.

What fails: the target answers 429 and "Retry-After: 1" to the records of one region; those of the other it takes.
What you see: the tasks are RUNNING. `breaker` is "open" in the ?millrace=true status of the one that is throttled, and put_again_ms says when
  it tries again; `millrace_task_put_breaker` is 1 (2 while it tries), `millrace_task_put_retries_total` and
  `kafka_connect_plugins_http_throttled_total` rise. Its lag grows, that of the others does not.
What Millrace does: the task waits as long as the target says, keeps its partitions, and comes again with the same records. It counts as no
  attempt, so max.retries is not used up. After 5 failures in a row the breaker opens: only one try at a time is made, at the target's
  pace or each 10 to 60 s. Tasks with other partitions go on at full speed. The first put that works closes the breaker.
What you do: nothing, or ask the target's people for more. Held to a rate (millrace.rate.records.per.second) it need not come to this.
Nothing is lost: no record is given up and no offset is committed past one that was not taken. Compare what the target has with the topic.
"""

from drill import HTTP_SINK
from http_target import HttpTarget, answer

EAST, WEST = 0, 1  # partitions; their records have the key "east" or "west", and it is in the URL
PART = 200


class Target(HttpTarget):
    """Takes records at /east and /west; while `is_busy` it throttles /east."""
    is_busy = False

    def act(self, handler, body):
        if self.is_busy and handler.path == "/east":
            answer(429, {"Retry-After": "1"})(handler, self)
        else:
            super().act(handler, body)

    def lines(self, path):
        with self.lock:
            return [line for _, at, _, body in self.taken if at == path for line in body.decode().split("|")]


def feed(d, topic, first):
    """PART more records for each partition."""
    for partition, key in ((EAST, "east"), (WEST, "west")):
        d.kafka.produce(topic, ["%s %d" % (key, n) for n in range(first, first + PART)], partition=partition, key=key)


def records(key, count):
    return ["%s %d" % (key, n) for n in range(count)]


def drill(d):
    with Target() as target:
        throttled(d, target)


def throttled(d, target):
    name, topic = d.named("collector"), d.named("orders")
    d.step("A worker, and an HTTP sink with two tasks, a partition each")
    worker = d.worker()
    d.kafka.topic_create(topic, partitions=2)
    feed(d, topic, 0)
    d.configure(worker, name, {"connector.class": HTTP_SINK, "topics": topic, "tasks.max": 2, "http.api.url": target.url + "/${key}",
                               "batch.max.size": 50, "batch.separator": "|", "max.retries": 1})
    d.wait(lambda: target.lines("/east") == records("east", PART) and target.lines("/west") == records("west", PART),
           "all records have arrived")
    breaker = d.metric("millrace_task_put_breaker", worker, connector=name)
    waits = d.metric("kafka_connect_plugins_http_throttled_total", worker, connector=name)
    retries = d.metric("millrace_task_put_retries_total", worker, connector=name)

    d.step("The target throttles the east, and more records come")
    target.is_busy = True
    feed(d, topic, PART)
    d.wait(lambda: len(target.lines("/west")) == 2 * PART, "the west goes on")
    d.check("the west has all of its records while the east waits", target.lines("/west") == records("west", 2 * PART) and
            len(target.lines("/east")) == PART)

    d.step("After 5 failures in a row the breaker opens")
    slow = d.wait(lambda: [n for n in (0, 1) if d.task(worker, name, n)["millrace"]["breaker"] == "open"], "a breaker is open")[0]
    d.show_status(worker, name, slow)
    d.metric_moved(breaker)
    other = d.task(worker, name, 1 - slow)
    d.check("the task is RUNNING, and the other one has no trouble", d.task(worker, name, slow)["state"] == "RUNNING" and
            other["millrace"]["breaker"] == "closed" and other["millrace"]["put_failures"] == 0)
    offsets = d.curl("GET", worker, "/connectors/%s/offsets" % name)["offsets"]
    committed = {entry["partition"]["kafka_partition"]: entry["offset"]["kafka_offset"] for entry in offsets}
    d.check("no offset is committed past what the target has: %d of the east" % PART, committed.get(EAST, 0) <= PART)

    d.step("The target takes all again")
    target.is_busy = False
    d.wait(lambda: len(target.lines("/east")) >= 2 * PART, "the east arrives")
    d.check("all %d records of each are there, in order, each once" % (2 * PART), target.lines("/east") == records("east", 2 * PART))
    d.metric_moved(breaker, lambda _, now: now == 0)
    d.metric_moved(waits)
    d.metric_moved(retries)
    d.wait(lambda: all(d.task(worker, name, n)["millrace"]["breaker"] == "closed" for n in (0, 1)), "the breakers are closed")
