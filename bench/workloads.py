"""The workloads of bench/run: what each side does, and how it is measured.

A worker (ours, the JVM's) is started anew for each workload of each repetition and does the work four times, of which only the last counts: the JVM's
gets cheaper until the third or fourth, when Java's compiler is done. "first_us" is what the first cost. Processor time is that of the worker's process with all its threads and children, from just before the
connector is created until the last record is there and 0.1 s more; the brokers' does not count. librdkafka alone is measured by itself
(baseline.c), from its first record to the last.
"""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time

import jvm
import lab
import latency
import measure
import partition_end
import scaling
import topic

OURS, ALONE, JVM, AT_LEAST_ONCE = "Millrace", "librdkafka alone", "JVM worker", "at least once"

# What the worker's clients effectively use (worker/kafka/client_properties.c, client_table.c), in librdkafka's names. Its account of 32 MiB
# of records (buffer.memory) is librdkafka's own limit here.
PRODUCER = ["acks=all", "enable.idempotence=false", "max.in.flight.requests.per.connection=1", "message.timeout.ms=0",
            "partitioner=murmur2_random", "message.max.bytes=1048576", "queue.buffering.max.kbytes=32768",
            "queue.buffering.max.messages=500000", "linger.ms=5", "socket.keepalive.enable=true", "socket.nagle.disable=true"]
CONSUMER = ["group.id=baseline", "enable.auto.commit=false", "enable.auto.offset.store=false",
            "isolation.level=read_uncommitted", "auto.offset.reset=earliest", "queued.min.messages=1000000",
            "queued.max.messages.kbytes=4096", "socket.keepalive.enable=true", "socket.nagle.disable=true"]
# Not with the floor, librdkafka 2.0.2, which looks only once a second whether a full queue has room.
CONSUMER_NEWER = ["fetch.queue.backoff.ms=5", "queued.min.messages=5000", "queued.max.messages.kbytes=1024"]

JSON = {"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "true"}
TRANSFORM = "org.apache.kafka.connect.transforms."
SOURCE_JSON = {**JSON, "transforms": "hoist,insert", "transforms.hoist.type": TRANSFORM + "HoistField$Value", "transforms.hoist.field": "line",
               "transforms.insert.type": TRANSFORM + "InsertField$Value", "transforms.insert.static.field": "origin",
               "transforms.insert.static.value": "file"}
SINK_JSON = {**JSON, "transforms": "insert,extract", "transforms.insert.type": TRANSFORM + "InsertField$Value",
             "transforms.insert.static.field": "reader", "transforms.insert.static.value": "file",
             "transforms.extract.type": TRANSFORM + "ExtractField$Value", "transforms.extract.field": "line"}
# What SOURCE_JSON makes of a line, byte for byte; the sink reads the same.
ENVELOPE = '{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"line"},' \
           '{"type":"string","optional":true,"field":"origin"}],"optional":false},"payload":{"line":"%s","origin":"file"}}\n'
EACH_500_MS = {"transaction.boundary": "interval", "transaction.boundary.interval.ms": 500}

SAMPLE_S = 0.01
SETTLE_S = 0.1      # after the last record, with the processor time of its acknowledgement
COMMIT_S = 0.8      # so long after the last record the last transaction may end
STUCK_S = 60
WARM_UPS = 3
PROFILER_S = 1.0    # until it has attached itself
LINE_BYTES = len(measure.LINE % 0)


class Bench:
    """What the runs share: Kafka, the files of lines, topics to read."""

    def __init__(self, kafka, records, copies, latency_s, warm_ups=WARM_UPS, profile=None, under=None):
        self.kafka, self.records, self.copies, self.latency_s, self.warm_ups = kafka, records, copies, latency_s, warm_ups
        self.profile, self.under = profile, under
        self.folder, self.filled = lab.scratch_folder(), {}
        self.paths = {kind: os.path.join(self.folder, kind) for kind in ("lines", "json")}
        measure.lines_write(self.paths["lines"], records)
        with open(self.paths["json"], "w", encoding="ascii") as file:
            file.writelines(ENVELOPE % (measure.LINE % number).rstrip("\n") for number in range(records))
        told = subprocess.run([os.path.join(lab.BUILD, "bin", "millrace"), "version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.consumer = CONSUMER + ([] if "librdkafka 2.0." in told else CONSUMER_NEWER)
        self.version = told.splitlines()

    def path(self, name):
        return os.path.join(self.folder, lab.fresh_name(name))

    def topic(self, name, partitions=1):
        made = lab.fresh_name("bench-" + name)
        topic.create(self.kafka, made, partitions, self.copies)
        return made

    # librdkafka alone

    def baseline(self, side, name, path, settings):
        """Starts it; baseline_result waits for it."""
        measure.memory_fetch()
        arguments = [os.path.join(lab.BUILD, "bench", "baseline_" + side), "--bootstrap", self.kafka.bootstrap, "--topic", name, "--file", path,
                     "--records", str(self.records)]
        for setting in settings:
            arguments += ["-X", setting]
        return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def baseline_result(self, process):
        try:
            out = process.communicate(timeout=300)[0]
        finally:
            process.kill()  # nothing, where it has ended
        assert process.returncode == 0, "%s ended with %d" % (" ".join(process.args), process.returncode)
        result = json.loads(out)
        assert result["records"] == self.records, "%s of %d records" % (out, self.records)
        return {"cpu_us": result["cpu_us_per_record"], "records_per_s": round(self.records / result["wall_s"])}

    def to_read(self, kind):
        """A topic that holds the lines, made once."""
        if kind not in self.filled:
            self.filled[kind] = self.topic("read-" + kind)
            self.baseline_result(self.baseline("source", self.filled[kind], self.paths[kind], PRODUCER))
        return self.filled[kind]

    def alone_source(self, kind):
        name = self.topic("alone")
        figures = self.baseline_result(self.baseline("source", name, self.paths[kind], PRODUCER))
        topic.delete(self.kafka, name)
        return figures

    def alone_sink(self, kind):
        out = self.path("alone")
        figures = self.baseline_result(self.baseline("sink", self.to_read(kind), out, self.consumer))
        os.remove(out)
        return figures

    # Workers

    @contextlib.contextmanager
    def worker(self, side, properties=None):
        properties = {**lab.worker_properties(self.kafka), **(properties or {})}
        if side == JVM:
            worker = jvm.JvmWorker(properties).start_in(self.kafka, measure.JVM_FLAGS)
        else:
            worker = lab.Worker(properties, program=self.program()).start()
        try:
            yield worker.ready(120)
        finally:
            worker.end()

    def program(self):
        """The worker, or a script that starts it under something else; None: as the lab does."""
        if self.under is None:
            return None
        path = self.path("under")
        with open(path, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nexec %s %s "$@"\n' % (self.under, shlex.quote(os.path.join(lab.BUILD, "bin", "millrace"))))
        os.chmod(path, 0o755)
        return path

    def passes(self, worker, side):
        """What is beside the worker each time that it does the work."""
        return [contextlib.nullcontext()] * self.warm_ups + [self.profiled(worker, side)]

    @contextlib.contextmanager
    def profiled(self, worker, side):
        """What counts of ours, with the profiler beside it that was asked for."""
        if self.profile is None or side == JVM:
            yield
            return
        beside = subprocess.Popen(shlex.split(self.profile.replace("PID", str(worker.process.pid))), stdin=subprocess.DEVNULL)
        time.sleep(PROFILER_S)
        try:
            yield
        finally:
            beside.send_signal(signal.SIGINT)
            beside.wait(60)

    def cost(self, worker, name, config, end, still_s=SETTLE_S):
        """Of one connector, until end() says that all records are there and nothing more has come for still_s."""
        pid, last, begun, cpu = worker.process.pid, 0, None, None
        measure.memory_fetch()
        before, grown = measure.cpu_us(pid), time.monotonic()
        worker.create(name, config)
        while True:
            now, count = time.monotonic(), end()
            if count > last:
                begun, last, grown, cpu = begun or (now, count), count, now, None
            elif last >= self.records and cpu is None and now - grown >= SETTLE_S:
                cpu = measure.cpu_us(pid)
            if cpu is not None and now - grown >= still_s:
                break
            assert now - grown < STUCK_S, "%d of %d records, and no more: %s\n%s" % (last, self.records, worker.status(name), worker.log_end())
            time.sleep(SAMPLE_S)
        worker.rest("DELETE", "/connectors/" + name)
        return {"cpu_us": (cpu - before) / self.records, "records_per_s": round((last - begun[1]) / max(grown - begun[0], SAMPLE_S))}

    def source_config(self, name, path, more):
        return {"connector.class": "FileStreamSource", "topic": name, "file": path, "tasks.max": 1, **more}

    def source(self, side, config, properties=None, still_s=SETTLE_S):
        runs = []
        with self.worker(side, properties) as worker:
            for beside in self.passes(worker, side):
                name = self.topic("source")
                end = partition_end.PartitionEnd(topic.leaders(self.kafka, name)[0], name)
                with beside:
                    runs.append(self.cost(worker, name, self.source_config(name, self.paths["lines"], config), end.ask, still_s))
                end.close()
                if config.get("transforms"):
                    self.check_first(name)
                topic.delete(self.kafka, name)
        return {**runs[-1], "first_us": runs[0]["cpu_us"]}

    def check_first(self, name):
        """That what the worker wrote is what librdkafka alone and the sinks are given."""
        first = self.kafka.kcat("-C", "-t", name, "-o", "beginning", "-c", "1", "-q").decode()
        assert first == ENVELOPE % (measure.LINE % 0).rstrip("\n"), first

    def sink(self, side, kind, config):
        runs = []
        with self.worker(side) as worker:
            for beside in self.passes(worker, side):
                name, out = lab.fresh_name("bench-sink"), self.path("out")
                full = {"connector.class": "FileStreamSink", "topics": self.to_read(kind), "file": out, "tasks.max": 1, **config}
                with beside:
                    runs.append(self.cost(worker, name, full, lambda: size_of(out) // LINE_BYTES))
                assert size_of(out) == self.records * LINE_BYTES, "%s holds %d bytes" % (out, size_of(out))
                os.remove(out)
        return {**runs[-1], "first_us": runs[0]["cpu_us"]}


def size_of(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


# The list

def cost_workload(name, title, side, kind, config, goal):
    def worker_run(which):
        return lambda bench: bench.source(which, config) if side == "source" else bench.sink(which, kind, config)

    def alone(bench):
        return bench.alone_source(kind) if side == "source" else bench.alone_sink(kind)
    return {"name": name, "title": title, "figure": "cpu_us", "goal": goal, "sides": {ALONE: alone, OURS: worker_run(OURS), JVM: worker_run(JVM)}}


def at_most(value, over=None, figure=None):
    return {"at_most": value, "over": over, "figure": figure}


def all_workloads():
    once = {"exactly.once.source.support": "enabled"}
    both = {side: lambda bench, side=side: latency.run(bench, side) for side in (OURS, JVM)}
    sources = {OURS: lambda bench: scaling.sources(bench, OURS)}
    sinks = {OURS: lambda bench: scaling.sinks(bench, OURS)}
    dropping = {OURS: lambda bench: scaling.dropping_sources(bench, OURS)}
    return [
        cost_workload("source", "file source, String", "source", "lines", {}, at_most(1.25, ALONE)),
        cost_workload("sink", "file sink, String", "sink", "lines", {}, at_most(1.25, ALONE)),
        cost_workload("source-json", "source, HoistField, InsertField, JSON with schemas", "source", "json", SOURCE_JSON, at_most(1 / 8, JVM, "first_us")),
        cost_workload("sink-json", "sink, JSON with schemas, InsertField, ExtractField", "sink", "json", SINK_JSON, at_most(1 / 8, JVM, "first_us")),
        {"name": "exactly-once", "title": "file source, exactly once, commit each 500 ms", "figure": "cpu_us", "goal": at_most(1.15, AT_LEAST_ONCE),
         "sides": {AT_LEAST_ONCE: lambda bench: bench.source(OURS, {}), OURS: lambda bench: bench.source(OURS, EACH_500_MS, once, COMMIT_S)}},
        {"name": "latency", "title": "source → topic → sink, 1,000 records/s, linger.ms=0", "figure": "p99_ms", "goal": at_most(10), "sides": both},
        {"name": "scaling-sources", "title": "two sources over one, ten transforms each", "figure": "ratio", "goal": {"at_least": 1.7, "over": None},
         "sides": sources},
        {"name": "scaling-sinks", "title": "a sink of two tasks over one, ten transforms each", "figure": "ratio", "goal": {"at_least": 1.7, "over": None},
         "sides": sinks},
        {"name": "scaling-alone", "title": "two sources over one, ten transforms each, all records dropped: no work for brokers", "figure": "ratio",
         "goal": {"at_least": 1.7, "over": None}, "sides": dropping},
    ]
