"""The place that a source reads from goes away and comes back.

What fails: the file of a FileStreamSource is gone, and a folder stands in its place, as a container runtime leaves one where the file
  of a bind mount is missing. Any source that loses its connection in poll looks the same from here on.
What you see: the task is FAILED; its trace says why, and as its last line when it is started again; the log has the same as an error.
  `millrace_task_restarts_total` rises, `millrace_task_restart_wait_seconds` counts down to the next try.
What Millrace does: millrace.restart.policy=on-failure, the default: the task is started again after 30 s, then after twice as long each
  time, up to 15 min. This drill sets millrace.restart.delay.ms to 1 s, so as not to wait; that is for tests only.
What you do: bring the source back. Nothing else; who does not want to wait for the next try restarts the task
  (POST /connectors/NAME/tasks/0/restart).
Nothing is lost: the task goes on at the offset that was stored, so the topic has each line, those included that were written during the
  outage. Compare the lines of the file with `kcat -C -e -t TOPIC`.
"""

import os

from drill import FILE_SOURCE

BEFORE, DURING = ["before %d" % n for n in range(200)], ["during %d" % n for n in range(200)]


def feed(path, lines):
    with open(path, "a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def stored(worker, name):
    """The position in the file that GET /connectors/NAME/offsets shows; None before the first."""
    offsets = worker.rest("GET", "/connectors/%s/offsets" % name)["offsets"]
    return offsets[0]["offset"]["position"] if offsets else None


def lines_of(d, topic):
    return [value.decode() for value in d.kafka.values(topic)]


def drill(d):
    name, topic, source = d.named("source"), d.named("lines"), d.path("app.log")
    d.step("A worker, and a source of a log file")
    worker = d.worker(millrace__restart__delay__ms=1000, millrace__restart__delay__max__ms=1000)
    feed(source, BEFORE)
    d.configure(worker, name, {"connector.class": FILE_SOURCE, "file": source, "topic": topic})
    d.wait(lambda: topic in d.kafka.topics() and d.kafka.end_offset(topic) == len(BEFORE), "the lines are in the topic")
    d.wait(lambda: stored(worker, name) == os.path.getsize(source), "the offset behind them is stored")
    restarts = d.metric("millrace_task_restarts_total", worker, connector=name)

    d.step("The file goes away, and a folder stands where it was")
    d.run("mv {0} {0}.away; mkdir {0}".format(source))
    feed(source + ".away", DURING)  # its writer still has it open
    d.log_line(worker, "is a directory")
    trace = d.wait(lambda: d.task(worker, name).get("trace"), "the status says why")
    d.show_status(worker, name)
    d.check("the trace says that the task is started again by itself", "Will be started again by itself at" in trace)

    d.step("It is tried again and again")
    d.metric_moved(restarts)

    d.step("The file comes back; nobody restarts anything")
    d.run("rmdir {0}; mv {0}.away {0}".format(source))
    worker.wait_state(name)
    d.wait(lambda: d.kafka.end_offset(topic) >= len(BEFORE + DURING), "the other lines are in the topic")
    d.check("the topic has all %d lines, in order, each once" % len(BEFORE + DURING), lines_of(d, topic) == BEFORE + DURING)
    d.check("it was started again by itself at least once", restarts.now() >= 1)
