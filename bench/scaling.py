"""What two tasks move a second over what one does, and how many cores the worker has while it does. The brokers work on the same cores. So
that they have little to do beside the tasks, records are lines, which ten transforms hoist into a struct, add fields to, and extract again.
Where an eleventh drops all of them the brokers have nothing to do: that is how the worker itself scales."""

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
DROPPED = {**CHAIN, "transforms": CHAIN["transforms"] + ",drop", "transforms.drop.type": TRANSFORM + "Filter"}
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


def lines_read(pid, path):
    """How many each task that has the file open has read of it."""
    folder, lines = "/proc/%d/fd" % pid, []
    for number in os.listdir(folder):
        try:
            if os.readlink(os.path.join(folder, number)) == path:
                with open("/proc/%d/fdinfo/%s" % (pid, number), encoding="ascii") as text:
                    lines.append(int(text.readline().split()[1]) // workloads.LINE_BYTES)
        except FileNotFoundError:  # closed meanwhile
            continue
    return sorted(lines)


def dropping_sources(bench, side):
    rates, path = [], os.path.realpath(bench.paths["lines"])
    with bench.worker(side) as worker:
        def read(nth, count):
            lines = lines_read(worker.process.pid, path)
            return lines[nth] if len(lines) == count else 0

        for count in (1, 1, 2):
            names = ["dropped-%d-%d" % (len(rates), number) for number in range(count)]
            for name in names:
                worker.create(name, bench.source_config(name, path, DROPPED))
            ends = [lambda nth=nth, count=count: read(nth, count) for nth in range(count)]
            rates.append(rate(watch(worker, ends, bench.records), bench.records))
            for name in names:
                worker.rest("DELETE", "/connectors/" + name)
            lab.wait_until(lambda: not lines_read(worker.process.pid, path), "closed files")
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
