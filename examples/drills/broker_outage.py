"""Kafka goes away under a worker that runs, and comes back.

What fails: the only broker is stopped, and started again some seconds later. This drill starts a Kafka of its own for that.
What you see: the worker lives, and answers reads; all states are RUNNING. The log has librdkafka's "Connection refused" for each client, "brokers
  are down" of the sink, and later that offsets could not be stored or committed. `kafka_connect_source_task_source_record_active_count` is
  what the source has read and Kafka has not acknowledged, and `kafka_connect_source_task_source_record_write_total` stands still. A change
  over REST waits, and fails after some 15 s.
What Millrace does: it waits in place. The source reads on until its producer's buffer is full, the sink waits. An outage longer than
  session.timeout.ms (10 s by default; here 30 s) suspends connectors and tasks, since another worker might have taken them over; they
  begin again when the group is back. In a shorter one nothing is moved or restarted.
What you do: bring Kafka back. Nothing else.
Nothing is lost: what the source read is in the topic, and what is in the topic comes to the sink; at least once, in order. The active count goes
  back to 0, and GET /connectors/NAME/offsets of the sink reaches the end of the topic.
"""

import lab
from drill import FILE_SINK, FILE_SOURCE

BEFORE, DURING = ["before %d" % n for n in range(200)], ["during %d" % n for n in range(200)]


def feed(d, lines):
    with open(d.path("app.log"), "a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def first_times(lines):
    """Each line once, in the order of their first time."""
    return list(dict.fromkeys(lines))


def outage(d, kafka, worker, source, sink):
    active = d.metric("kafka_connect_source_task_source_record_active_count", worker, connector=source)
    written = d.metric("kafka_connect_source_task_source_record_write_total", worker, connector=source)
    d.step("The broker is stopped; the log that the source reads goes on")
    d.run("%s broker-stop --dir %s --id 1" % (lab.KAFKA_LAB, kafka.folder))
    feed(d, DURING)
    d.log_line(worker, "brokers are down")
    d.metric_moved(active)
    d.check("the worker answers", d.curl("GET", worker, "/health")["status"] == "healthy")
    d.check("both tasks are RUNNING", d.show_status(worker, source)["state"] == "RUNNING" and
            d.show_status(worker, sink)["state"] == "RUNNING")
    d.check("the sink has nothing new", d.lines("out.txt") == BEFORE)
    return active, written


def drill(d):
    d.step("A Kafka of its own, a worker, a source of a log file, and a sink of its lines")
    kafka = d.own_kafka()
    worker = d.worker(kafka, session__timeout__ms=30000)
    source, sink, topic = d.named("source"), d.named("sink"), d.named("lines")
    feed(d, BEFORE)
    d.configure(worker, source, {"connector.class": FILE_SOURCE, "file": d.path("app.log"), "topic": topic})
    d.wait(lambda: topic in kafka.topics(), "the topic is there")
    d.configure(worker, sink, {"connector.class": FILE_SINK, "file": d.path("out.txt"), "topics": topic})
    d.wait(lambda: d.lines("out.txt") == BEFORE and d.committed(worker, sink) == len(BEFORE), "the lines are through, and committed")
    active, written = outage(d, kafka, worker, source, sink)

    d.step("The broker is started again; nobody touches the worker")
    d.run("%s broker-start --dir %s --id 1" % (lab.KAFKA_LAB, kafka.folder))
    d.wait(lambda: len(first_times(d.lines("out.txt"))) == len(BEFORE + DURING), "all lines are in the sink's file", 60)
    out = d.lines("out.txt")
    d.check("the sink has all %d lines, in order; %d came twice" % (len(BEFORE + DURING), len(out) - len(first_times(out))),
            first_times(out) == BEFORE + DURING)
    d.check("so has the topic", first_times(line.decode() for line in kafka.values(topic)) == BEFORE + DURING)
    d.metric_moved(active, lambda _, after: after == 0)
    d.metric_moved(written)
    d.wait(lambda: d.committed(worker, sink) == kafka.end_offset(topic), "the sink's offset is at the end of the topic")
    d.check("nothing was restarted", all(d.task(worker, name)["millrace"]["restarts"] == 0 for name in (source, sink)))
