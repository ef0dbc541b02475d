"""Each metric of the manual moves as it must, while records flow and much goes wrong; tests/support/metrics-movement.txt says how."""

import os
import re
import threading
import time
import unittest

import exposition
import lab

RULES = os.path.join(lab.ROOT, "tests", "support", "metrics-movement.txt")
PATIENCE_S = 60
SMT = "org.apache.kafka.connect.transforms."


def rules():
    """name → rule"""
    with open(RULES, encoding="utf-8") as file:
        return dict(line.split() for line in file if line.strip() and not line.startswith("#"))


def names_of_manual():
    with open(os.path.join(lab.ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
        return set(re.findall(r"`((?:kafka|millrace|process|jvm)_[a-z0-9_]+[a-z0-9])`", file.read()))


class Series:
    """The values of a family in all scrapes so far."""

    def __init__(self):
        self.seen = []  # of each scrape, {labels: value}

    def sums(self):
        return [sum(values.values()) for values in self.seen]

    def follows(self, rule):
        every = [value for values in self.seen for value in values.values() if value == value]
        if rule == "grows":
            sums = self.sums()
            return any(later > sums[0] for later in sums[1:])
        if rule == "rises":  # above 0, where it was not
            return any(value > 0 for value in every)
        if rule == "share":
            return bool(every) and all(0 <= value <= 1 for value in every)
        if rule == "level":
            return bool(every) and all(0 <= value < float("inf") for value in every)
        if rule == "one":
            return bool(every) and all(value == 1 for value in every)
        if rule == "zero":  # nothing of the kind happens here; another test makes it happen
            return bool(every) and all(value == 0 for value in every)
        if rule == "absent":  # as long as there is nothing of the kind
            return not any(self.seen)
        raise AssertionError("no such rule: " + rule)


class Load:
    """Appends lines to a file until it is over."""

    def __init__(self, path):
        self.path, self.over = path, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with open(self.path, "a", encoding="ascii", buffering=1) as file:
            number = 0
            while not self.over.wait(0.01):
                file.write("line %d\n" % number)
                number += 1

    def end(self):
        self.over.set()
        self.thread.join()


class Movement(unittest.TestCase):
    deadline_s = 240

    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.topic = lab.fresh_name("moved-")
        self.worker = lab.Worker(lab.worker_properties(
            self.kafka, plugin__path=os.path.join(lab.BUILD, "test-plugins", "moody_sink.so"), offset__flush__interval__ms=300, millrace__metrics__kafka__interval__ms=300,
            millrace__metrics__jvm__names="true", millrace__restart__delay__ms=1000, millrace__restart__delay__max__ms=1000,
            millrace__restart__budget=30, millrace__task__stall__ms=1000, task__shutdown__graceful__timeout__ms=1000,
            exactly__once__source__support="enabled", millrace__audit__file=os.path.join(self.folder, "audit"))).start().ready()
        self.addCleanup(self.worker.end)

    def path(self, name):
        return os.path.join(self.folder, name)

    def moody(self, name, mood):
        with open(self.path(name + ".mood"), "w", encoding="ascii") as file:
            file.write(mood)
        self.worker.create(name, {"connector.class": "org.acme.MoodySinkConnector", "topics": self.topic, "file": self.path(name),
                                  "mood": self.path(name + ".mood"), "consumer.override.auto.offset.reset": "earliest"})

    def begin(self):
        load = Load(self.path("lines"))
        self.addCleanup(load.end)
        self.worker.create("in", {
            "connector.class": "FileStreamSource", "file": self.path("lines"), "topic": self.topic, "transforms": "hoist",
            "transforms.hoist.type": SMT + "InsertHeader", "transforms.hoist.header": "h", "transforms.hoist.value.literal": "1",
            "transforms.hoist.predicate": "all", "predicates": "all",
            "predicates.all.type": SMT + "predicates.TopicNameMatches", "predicates.all.pattern": ".*"})
        self.worker.create("out", {"connector.class": "FileStreamSink", "file": self.path("out"), "topics": self.topic})
        self.worker.create("slow", {"connector.class": "FileStreamSink", "file": self.path("slow"), "topics": self.topic,
                                    "millrace.rate.records.per.second": "5"})
        self.worker.create("letters", {
            "connector.class": "FileStreamSink", "file": self.path("letters"), "topics": self.topic, "errors.tolerance": "all",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
            "errors.log.enable": "true", "errors.deadletterqueue.topic.name": self.topic + "-letters",
            "errors.deadletterqueue.topic.replication.factor": "1"})
        self.worker.create("paused", {"connector.class": "FileStreamSink", "file": self.path("paused"), "topics": self.topic})
        self.worker.wait_state("paused")
        self.worker.rest("PUT", "/connectors/paused/pause")
        for name, mood in (("away", "away"), ("busy", "busy"), ("stuck", "hang")):
            self.moody(name, mood)

    def scrape(self, series):
        found = exposition.Exposition(self.worker.rest("GET", "/metrics"))
        for name, one in series.items():
            sample = name + "_count" if found.types.get(name) == "histogram" else name
            one.seen.append({labels: value for (n, labels), value in found.samples.items() if n == sample})
        return found

    def test_each_metric_of_the_manual_moves_as_it_must(self):
        wanted = rules()
        self.assertEqual(set(), names_of_manual() ^ set(wanted), "the manual and the rules name the same")
        series = {name: Series() for name in wanted}
        self.begin()
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.scrape(series)
            still = {name: rule for name, rule in wanted.items() if not series[name].follows(rule)}
            if not still or time.monotonic() > deadline:
                break
            time.sleep(0.3)
        self.assertEqual({}, {name: (rule, series[name].sums()[:1], series[name].sums()[-1:]) for name, rule in still.items()})


if __name__ == "__main__":
    unittest.main()
