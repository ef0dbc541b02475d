"""Records that a sink cannot read stand among good ones.

What fails: some values of a topic are no JSON, and the sink's value converter refuses them. First with errors.tolerance=none, the default;
  then as it might have been from the start.
What you see: the task is FAILED. Its trace names the stage, the converter and the record (topic, partition, offset), and ends with "Not
  started again by itself: a record is at fault"; `restart` of its ?millrace=true status is "record".
  `kafka_connect_task_error_total_record_errors` is 1, `millrace_task_restarts_total` stays.
What Millrace does: it stays in front of the record. Tried again it would fail again, so nothing is started by itself; a restart by hand
  comes to the same end. With errors.tolerance=all and a dead letter topic each bad record is written there, with what failed in its
  headers, and the task goes on.
What you do: look at the record (kcat), and at what a new configuration would make of all of them (millrace try). Then set errors.tolerance=all
  and errors.deadletterqueue.topic.name; the new configuration starts the task. Have an alert on
  `kafka_connect_task_error_deadletterqueue_produce_requests` from then on. How letters come back: dead_letter_replay.
Nothing is lost: good records and letters together are the records of the topic. `millrace dlq list NAME` counts the letters; each has the
  bytes and the key of its record.
"""

import json

from drill import FILE_SINK, JSON, headers_of

RECORDS, BAD_AT = 40, (7, 8, 31)
GOOD = ["{order=%d}" % n for n in range(RECORDS) if n not in BAD_AT]  # as the file sink prints them
CONTEXT = "__connect.errors."


def value_of(n):
    return "order %d, typed by hand" % n if n in BAD_AT else '{"order":%d}' % n


def facts_of(letter):
    """The record, and what the headers say of it."""
    headers = headers_of(letter)
    return (letter["key"], letter["value"], *(headers.get(CONTEXT + name) for name in ("topic", "offset", "stage", "class.name")))


def fail(d, worker, name, topic):
    """Records at fault, and a task that stays in front of the first of them."""
    errors = d.metric("kafka_connect_task_error_total_record_errors", worker, connector=name)
    restarts = d.metric("millrace_task_restarts_total", worker, connector=name)
    d.step("More orders come; some of them were typed by hand")
    d.kafka.produce(topic, [value_of(n) for n in range(BAD_AT[0], RECORDS)], key="k")
    d.wait(lambda: d.task(worker, name).get("trace"), "the task has failed and says why")
    task = d.show_status(worker, name)
    d.metric_moved(errors)
    d.check("the task is FAILED, and its trace names the record: partition 0, offset %d" % BAD_AT[0], task["state"] == "FAILED" and
            "{topic='%s', partition=0, offset=%d," % (topic, BAD_AT[0]) in task["trace"])
    d.check("it waits for you, since a record is at fault", task["millrace"]["restart"] == "record")
    d.step("A restart by hand comes to the same record and passes over none")
    d.curl("POST", worker, "/connectors/%s/tasks/0/restart" % name)
    d.wait(lambda: worker.log_text().count("failed. Not started again by itself") == 2, "it has failed again")
    d.check("it was never started again by itself", restarts.now() == 0)


def mend(d, worker, name, topic, config):
    """What would come of it is looked at before it is done."""
    d.step("Which record is it, and what would a tolerant configuration make of the topic?")
    d.run("kcat -b %s -C -e -q -t %s -p 0 -o %d -c 1" % (d.kafka.bootstrap, topic, BAD_AT[0]), show=True)
    tried = d.millrace("try --connector %s --topic %s --last %d --worker %s/worker.properties" % (
        d.write(name + ".json", json.dumps(config)), topic, RECORDS, worker.folder), status=1)
    d.say(tried.splitlines()[-1])
    d.check("%d records would be left out, and no others" % len(BAD_AT), "%d passed, 0 dropped, %d skipped, 0 failed" % (
        len(GOOD), len(BAD_AT)) in tried)
    d.step("Bad records are to go to a dead letter topic")
    d.configure(worker, name, config)


def drill(d):
    name, topic, letters, out = d.named("poisoned"), d.named("orders"), d.named("orders-failed"), d.path("orders.txt")
    config = {"connector.class": FILE_SINK, "topics": topic, "file": out, "value.converter": JSON, "value.converter.schemas.enable": "false"}
    d.step("A worker, and a sink of JSON with the default errors.tolerance=none")
    worker = d.worker(millrace__restart__delay__ms=1000)
    d.kafka.produce(topic, [value_of(n) for n in range(BAD_AT[0])], key="k")
    d.configure(worker, name, config)
    d.wait(lambda: d.lines(out) == GOOD[:BAD_AT[0]], "the first orders are in the sink's file")
    fail(d, worker, name, topic)
    sent = d.metric("kafka_connect_task_error_deadletterqueue_produce_requests", worker, connector=name)
    mend(d, worker, name, topic, {**config, "errors.tolerance": "all", "errors.deadletterqueue.topic.name": letters,
                                  "errors.deadletterqueue.topic.replication.factor": "1",
                                  "errors.deadletterqueue.context.headers.enable": "true"})
    d.wait(lambda: len(d.lines(out)) >= len(GOOD), "the good orders are in the sink's file")
    d.wait(lambda: d.kafka.end_offset(letters) >= len(BAD_AT), "the bad ones are letters")
    d.metric_moved(sent)
    d.say(d.millrace("dlq list %s --worker %s/worker.properties" % (name, worker.folder)))
    d.check("the sink has the %d good orders, in order, each once" % len(GOOD), d.lines(out) == GOOD)
    d.check("the letters are the %d bad ones, with key, bytes and where they were" % len(BAD_AT), [
        facts_of(letter) for letter in d.kafka.consume(letters)] == [
            ("k", value_of(n), topic, str(n), "VALUE_CONVERTER", JSON) for n in BAD_AT])
