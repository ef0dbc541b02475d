"""A producer changes the schema of its JSON, and a sink's transform cannot cope with it.

What fails: JSON with schemas (schemas.enable=true). A new release of a producer writes `amount` as a structure where it was a number, which the
  sink's Cast cannot take; and a script writes JSON without a schema, which the converter cannot take.
What you see: a dead letter for each such record; `kafka_connect_task_error_total_records_skipped` and
  `kafka_connect_task_error_deadletterqueue_produce_requests` rise. `millrace dlq list NAME` groups the letters by cause: here TRANSFORMATION with the
  class of the transform, and VALUE_CONVERTER; each with the topic, partition and offset it came from.
What Millrace does: with errors.tolerance=all and a dead letter topic it writes the record there, byte for byte, and goes on; all other records
  flow. (With errors.tolerance=none, the default, the task fails at the first such record and is not started again by itself.)
What you do: have an alert on the metric. Roll the producer back, or teach the connector the new schema (see first what would come of it:
  millrace dlq replay NAME --dry-run), then replay the letters; the drill dead_letter_replay does that.
Nothing is lost: good records and letters together are the records of the topic: the drill compares both.
"""

import json

from drill import FILE_SINK, JSON

RECORDS, STRUCTURED, BARE = range(60), (17, 44), (31,)
NUMBER = {"type": "int32", "optional": False, "field": "amount"}
STRUCTURE = {"type": "struct", "optional": False, "field": "amount", "fields": [
    {"type": "int32", "optional": False, "field": "cents"}, {"type": "string", "optional": False, "field": "currency"}]}
CAST = "org.apache.kafka.connect.transforms.Cast$Value"


def value_of(n):
    """The order n, as its producer wrote it."""
    if n in BARE:
        return json.dumps({"id": n, "amount": 100 + n})
    amount, schema = (100 + n, NUMBER) if n not in STRUCTURED else ({"cents": 100 * n, "currency": "EUR"}, STRUCTURE)
    return json.dumps({"schema": {"type": "struct", "optional": False, "fields": [
        {"type": "int32", "optional": False, "field": "id"}, schema]}, "payload": {"id": n, "amount": amount}})


def drill(d):
    name, topic, letters, out = d.named("invoices"), d.named("orders"), d.named("orders-failed"), d.path("invoices.txt")
    bad = sorted(STRUCTURED + BARE)
    good = ["Struct{id=%d,amount=%d.0}" % (n, 100 + n) for n in RECORDS if n not in bad]

    d.step("A worker, and a sink of JSON with schemas; a transform needs a number in `amount`")
    worker = d.worker()
    d.kafka.produce(topic, [value_of(n) for n in RECORDS if n < bad[0]])
    d.configure(worker, name, {
        "connector.class": FILE_SINK, "topics": topic, "file": out, "value.converter": JSON, "value.converter.schemas.enable": "true",
        "transforms": "number", "transforms.number.type": CAST, "transforms.number.spec": "amount:float64",
        "errors.tolerance": "all", "errors.deadletterqueue.topic.name": letters,
        "errors.deadletterqueue.topic.replication.factor": "1", "errors.deadletterqueue.context.headers.enable": "true"})
    d.wait(lambda: len(d.lines(out)) == bad[0], "the first orders are in the sink's file")
    skipped = d.metric("kafka_connect_task_error_total_records_skipped", worker, connector=name)
    written = d.metric("kafka_connect_task_error_deadletterqueue_produce_requests", worker, connector=name)

    d.step("Then some come with another type in `amount`, and one without a schema")
    d.say(value_of(STRUCTURED[0]))
    d.say(value_of(BARE[0]))
    d.kafka.produce(topic, [value_of(n) for n in RECORDS if n >= bad[0]])
    d.wait(lambda: len(d.lines(out)) >= len(good) and d.kafka.end_offset(letters) >= len(bad), "good ones and letters are written")
    d.check("all %d good orders are in the sink's file, in order, each once" % len(good), d.lines(out) == good)
    d.check("the task runs on", worker.wait_state(name) is not None)

    d.step("What are the causes, and where did the records come from?")
    d.millrace("dlq list %s --url %s" % (name, worker.url), show=True)
    listed = json.loads(d.millrace("dlq list %s --url %s --json" % (name, worker.url)))
    causes = {(group["stage"], group["class"]): group["count"] for group in listed["groups"]}
    d.check("two causes, with %d letters and %d" % (len(STRUCTURED), len(BARE)), causes == {
        ("TRANSFORMATION", CAST): len(STRUCTURED), ("VALUE_CONVERTER", JSON): len(BARE)})
    d.check("the letters say where: offsets %s of %s" % (bad, topic), sorted(
        (row["original"]["topic"], row["original"]["partition"], row["original"]["offset"]) for row in listed["letters"]) == [
            (topic, 0, n) for n in bad])
    d.check("the letters have the bytes of their records", [letter["value"] for letter in d.kafka.consume(letters)] == [
        value_of(n) for n in bad])
    d.metric_moved(skipped, lambda before, now: now == before + len(bad))
    d.metric_moved(written, lambda before, now: now == before + len(bad))
