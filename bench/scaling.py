"""What two tasks move a second over what one does, and how many cores the worker has while it does. The brokers work on the same cores. So
that they have little to do beside the tasks, records are lines, which ten transforms hoist into a struct, add fields to, and extract again."""

import os
import time

import lab
import measure
import partition_end
import topic
import workloads

TRANSFORM = "org.apache.kafka.connect.transforms."
FIELDS = ["field%d" % number for number in range(8)]
CHAIN = {"transforms": ",".join(["hoist", *FIELDS, "extract"]),
         "transforms.hoist.type": TRANSFORM + "HoistField$Value", "transforms.hoist.field": "line",
         **{"transforms.%s.type" % name: TRANSFORM + "InsertField$Value" for name in FIELDS},
         **{"transforms.%s.static.field" % name: name for name in FIELDS},
         **{"transforms.%s.static.value" % name: "ground" for name in FIELDS},
         "transforms.extract.type": TRANSFORM + "ExtractField$Value", "transforms.extract.field": "line"}
EVENLY = ["partitioner=random", "sticky.partitioning.linger.ms=0"]  # over the partitions
SAMPLE_S = 0.005
JOIN_S = 3.0    # the tasks of a sink share the partitions out, twice when one joins late


def watch(worker, ends, records):
    """[(seconds, processor time, [how far each is])] until each of them is so far."""
    pid, samples, grown = worker.process.pid, [], time.monotonic()
    while not samples or min(samples[-1][2]) < records:
        now, counts = time.monotonic(), [end() for end in ends]
        if samples and counts != samples[-1][2]:
            grown = now
        assert now - grown < workloads.STUCK_S, "%s of %d records, and no more\n%s" % (counts, records, worker.log_end())
        samples.append((now, measure.cpu_us(pid), counts))
        time.sleep(SAMPLE_S)
    return samples


def rate(samples, records):
    """Records a second and cores, from when all of them move until the first has come to its end; 0 when they never moved together."""
    begin = next(sample for sample in samples if min(sample[2]) > 0)
    end = next(sample for sample in samples if max(sample[2]) >= records)
    seconds = end[0] - begin[0]
    if seconds <= 0:
        return 0.0, 0.0
    return (sum(end[2]) - sum(begin[2])) / seconds, (end[1] - begin[1]) / seconds / 1e6


def result(one, two):
    return {"ratio": two[0] / one[0] if one[0] else 0.0, "one_per_s": round(one[0]), "two_per_s": round(two[0]), "one_cores": one[1], "two_cores": two[1]}


def sources(bench, side):
    rates = []
    with bench.worker(side) as worker:
        for count in (1, 1, 2):  # the first warms up
            names = [bench.topic("scaling") for _ in range(count)]
            ends = [partition_end.PartitionEnd(topic.leaders(bench.kafka, name)[0], name) for name in names]
            for name in names:
                worker.create(name, bench.source_config(name, bench.paths["lines"], CHAIN))
            rates.append(rate(watch(worker, [end.ask for end in ends], bench.records), bench.records))
            for name, end in zip(names, ends):
                end.close()
                worker.rest("DELETE", "/connectors/" + name)
                topic.delete(bench.kafka, name)
    return result(*rates[1:])


def sinks(bench, side):
    """The sink waits, paused with its partitions, while the topic is filled."""
    rates = []
    with bench.worker(side) as worker:
        for count in (1, 1, 2):
            name, out = bench.topic("scaling", 2), bench.path("out")
            worker.create(name, {"connector.class": "FileStreamSink", "topics": name, "file": out, "tasks.max": count, **CHAIN})
            worker.wait_state(name, "RUNNING", count)
            time.sleep(JOIN_S)
            worker.rest("PUT", "/connectors/%s/pause" % name)
            worker.wait_state(name, "PAUSED", count)
            bench.baseline_result(bench.baseline("source", name, bench.paths["lines"], workloads.PRODUCER + EVENLY))
            worker.rest("PUT", "/connectors/%s/resume" % name)
            rates.append(rate(watch(worker, [lambda: workloads.size_of(out) // workloads.LINE_BYTES], bench.records), bench.records))
            worker.rest("DELETE", "/connectors/" + name)
            topic.delete(bench.kafka, name)
            os.remove(out)
    return result(*rates[1:])
