"""A disk is full: the one that a sink writes to, and that the audit record is on.

What fails: nothing more can be written to a disk. Here it is one of 1 MiB (a tmpfs in a user namespace that only the worker is in), filled by
  something else; a second sink writes to another disk.
What you see: the sink's task is RUNNING, with `breaker`, `put_failures` and `put_again_ms` in its ?millrace=true status, and warnings in the log:
  "No space left on device; the offsets wait". `kafka_connect_sink_task_sink_record_active_count` is what was taken and is not safe.
  Changes over REST are answered 503 with the reason, which /health names as well; `millrace_audit_failing` is 1 and
  `millrace_audit_refused_changes_total` counts them. (There may be room for some lines of the record, to the end of their block.)
What Millrace does: the sink keeps what it took, is given no more, and tries again each second; its offset is not committed. No other task
  waits for it. A change that cannot be recorded is not made.
What you do: make room. Nothing has to be restarted.
Nothing is lost: the sink's file has every line once there is room; only if the worker dies meanwhile may some come twice. The committed
  offset reaches the end of the topic. The audit record has a line "gap" that says how many changes were refused.
"""

import json
import os
import shlex
import shutil
import subprocess

import lab
from drill import FILE_SINK, FILE_SOURCE, Skipped

MOUNT = 'mount -t tmpfs -o size=1m drill "$1" && shift && exec "$@"'
BEFORE, WHILE_FULL = ["before %d" % n for n in range(100)], ["while full %d %s" % (n, "x" * 100) for n in range(400)]


def start_worker(d, disk):
    """A worker in a user namespace of its own, where the folder is a small disk."""
    unshare = shutil.which("unshare")
    if unshare is None:
        raise Skipped("there is no unshare here (of util-linux)")
    command = ["-Urm", "sh", "-c", MOUNT, "sh", disk]
    tried = subprocess.run([unshare, *command, "true"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, check=False)
    if tried.returncode != 0:
        raise Skipped("no disk can be made in a user namespace here: " + tried.stdout.strip())
    properties = d.properties(millrace__audit__file=os.path.join(disk, "audit.jsonl"))
    worker = lab.Worker(properties, program=unshare, command=(*command, os.path.join(lab.BUILD, "bin", "millrace"), "worker"))
    worker.arguments.append(os.path.join(worker.folder, "worker.properties"))
    return d.started(worker)


class Scene:
    """A source of lines, and two sinks of them: one on the small disk, one elsewhere."""

    def __init__(self, d):
        self.d, self.fed = d, []
        self.source, self.archive, self.mirror, self.topic = (d.named(what) for what in ("source", "archive", "mirror", "lines"))
        disk = d.path("disk")
        os.mkdir(disk)
        self.worker = start_worker(d, disk)
        self.disk = "/proc/%d/root%s" % (self.worker.process.pid, disk)  # the same from outside
        self.feed(BEFORE)
        d.configure(self.worker, self.source, {"connector.class": FILE_SOURCE, "file": d.path("app.log"), "topic": self.topic})
        d.wait(lambda: self.topic in d.kafka.topics(), "the topic is there")
        for sink, file in (self.archive, os.path.join(disk, "archive.txt")), (self.mirror, d.path("mirror.txt")):
            d.configure(self.worker, sink, {"connector.class": FILE_SINK, "topics": self.topic, "file": file})
        d.wait(lambda: self.archived() == BEFORE and self.mirrored() == BEFORE, "both sinks have the lines")
        d.wait(lambda: self.committed() == len(BEFORE), "the offset is committed")

    def feed(self, lines):
        self.fed += lines
        with open(self.d.path("app.log"), "a", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)

    def archived(self):
        return self.d.lines(os.path.join(self.disk, "archive.txt"))

    def mirrored(self):
        return self.d.lines("mirror.txt")

    def committed(self):
        return self.d.committed(self.worker, self.archive)

    def gaps(self):
        """What the audit record says of changes that were refused."""
        lines = [json.loads(line) for line in self.d.lines(os.path.join(self.disk, "audit.jsonl"))]
        return [line for line in lines if line["event"] == "gap"]


def fill(d, scene):
    d.step("Something else fills the disk")
    d.run("dd if=/dev/zero of=%s/core bs=64k 2>&1 | tail -1; stat -f -c '%%a blocks are free' %s" % (scene.disk, scene.disk), show=True)
    scene.feed(WHILE_FULL)
    d.log_line(scene.worker, "No space left on device; the offsets wait")
    task = d.wait(lambda: d.task(scene.worker, scene.archive)["millrace"]["put_failures"] > 0 and d.show_status(scene.worker, scene.archive),
                  "the status shows that it tries")
    d.check("its task runs, and tries again", task["state"] == "RUNNING" and task["millrace"]["put_failures"] > 0)
    d.check("the other sink, on another disk, has all lines", d.wait(lambda: scene.mirrored() == scene.fed, "the other sink goes on"))


def refuse(d, scene, failing):
    """Changes, which have to be recorded."""
    pause = "/connectors/%s/pause" % scene.source
    d.step("And who wants to change something?")

    def is_refused():  # until the last block is full there is room for lines, and for short ones after a long one had none
        return scene.worker.request("PUT", pause)[0] == 503 and failing.now() == 1
    d.check("the metric says that the record cannot be written", d.wait(is_refused, "there is no room for a line of the audit record"))
    answer = json.loads(d.run("curl -sS -X PUT " + shlex.quote(scene.worker.url + pause)))
    d.say(answer["message"])
    d.check("changes are refused, with the reason", answer["error_code"] == 503 and "No space left on device" in answer["message"])
    d.say(d.run("curl -sS %s/health" % scene.worker.url))
    d.check("the offset stays in front of what is not written", scene.committed() == len(BEFORE))


def drill(d):
    d.step("A worker with a small disk; its audit record and a sink's file are there")
    scene = Scene(d)
    waiting = d.metric("kafka_connect_sink_task_sink_record_active_count", scene.worker, connector=scene.archive)
    failing = d.metric("millrace_audit_failing", scene.worker)
    refused = d.metric("millrace_audit_refused_changes_total", scene.worker)
    fill(d, scene)
    d.metric_moved(waiting)
    refuse(d, scene, failing)
    d.metric_moved(refused)

    d.step("Room is made; nobody restarts anything")
    d.run("rm %s/core" % scene.disk)
    d.wait(lambda: len(scene.archived()) >= len(scene.fed), "the sink's file has all lines")
    d.check("the file has all %d lines, in order, each once" % len(scene.fed), scene.archived() == scene.fed)
    d.wait(lambda: scene.committed() == len(scene.fed), "the offset is committed")
    d.metric_moved(waiting, lambda _, after: after == 0)
    d.wait(lambda: failing.now() == 0, "the record can be written again")
    d.curl("PUT", scene.worker, "/connectors/%s/pause" % scene.source)
    gaps = d.wait(scene.gaps, "the record has a line about it")
    d.say(json.dumps(gaps[-1]))
    d.check("the record says how many changes were refused", sum(gap["refused_changes"] for gap in gaps) == refused.now())
