"""What a drill is made of: steps that are printed as they happen, commands as an operator types them, metrics, and checks.

A drill is a file beside `run` with a docstring (the five headings of HEADINGS, which the runner wants to see) and a function `drill(d)`.
`d` is a Drill. Whatever it started it ends: processes by their own id, files with their folder. Facts are waited for, never time.
"""

import contextlib
import json
import os
import re
import shlex
import subprocess

import cluster
import lab

HEADINGS = ("What fails:", "What you see:", "What Millrace does:", "What you do:", "Nothing is lost:")
JSON = "org.apache.kafka.connect.json.JsonConverter"
FILE_SOURCE, FILE_SINK = "FileStreamSource", "FileStreamSink"
HTTP_SINK = "io.confluent.connect.http.HttpSinkConnector"


class Failed(Exception):
    """The outcome is not what it should be."""


class Skipped(Exception):
    """This machine does not allow what the drill needs."""


class Metric:
    """One number of GET /metrics, summed over its workers and over series that have these labels; of a worker that is gone: 0."""

    def __init__(self, name, workers, labels):
        self.name, self.workers, self.labels, self.seen = name, workers, labels, []
        self.before = self.now()

    def text(self):
        return self.name + ("{%s}" % ",".join('%s="%s"' % pair for pair in self.labels.items()) if self.labels else "")

    def now(self):
        total = 0.0
        for worker in self.workers:
            if worker.process.poll() is None:
                total += sum(self._values(lab.http("GET", worker.url + "/metrics")[1]))
        value = int(total) if total == int(total) else total
        if len(self.seen) > 1 and (self.seen[-2] - self.seen[-1]) * (self.seen[-1] - value) > 0:
            self.seen.pop()  # it goes on in the same direction
        if self.seen[-1:] != [value]:
            self.seen.append(value)
        return value

    def course(self):
        """Before → after, by way of where it turned."""
        return " → ".join(str(value) for value in (self.seen if len(self.seen) > 1 else self.seen * 2))

    def _values(self, exposition):
        for line in exposition.splitlines():
            found = re.match(r"%s(?:\{(.*)\})? (\S+)$" % re.escape(self.name), line)
            if found and all('%s="%s"' % pair in (found.group(1) or "") for pair in self.labels.items()):
                yield float(found.group(2))


def headers_of(record):
    """Of a record that lab.Lab.consume read: name → value."""
    names_and_values = record.get("headers", [])
    return dict(zip(names_and_values[::2], names_and_values[1::2]))


class Drill:
    """`kafka`: the lab.Lab whose topics are used. `folder`: for its files, gone at the end. `stack`: what is to be undone then, last first."""

    def __init__(self, name, kafka):
        self.name, self._kafka = name, kafka
        self.folder = lab.scratch_folder()
        self.stack = contextlib.ExitStack()
        self.workers, self.metrics, self._steps = [], [], 0

    # What is shown

    def step(self, text):
        self._steps += 1
        print("%d. %s" % (self._steps, text), flush=True)

    def say(self, text):
        """What can be seen now: a line of a log, a part of a status."""
        for line in str(text).splitlines():
            print("   | " + line, flush=True)

    def show_command(self, command):
        print("   $ " + command, flush=True)

    # What an operator does

    def run(self, command, status=0, show=False):
        """Prints and runs a line of shell; its output, which must come with that exit status."""
        self.show_command(command)
        return self._run(["bash", "-c", command], status, show)

    def millrace(self, arguments, status=0, show=False):
        """The same of a `millrace` command, as `dlq list NAME`."""
        self.show_command("millrace " + arguments)
        return self._run([os.path.join(lab.BUILD, "bin", "millrace"), *shlex.split(arguments)], status, show)

    def _run(self, command, status, show):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=90, check=False)
        if show:
            self.say(done.stdout.rstrip())
        if done.returncode != status:
            raise Failed("it ended with %d instead of %d: %s" % (done.returncode, status, done.stdout.strip()))
        return done.stdout

    def curl(self, method, worker, path, body_file=None):
        """One call of the REST API; the answer, parsed."""
        given = " -H 'Content-Type: application/json' -d @%s" % body_file if body_file else ""
        answer = self.run("curl -sS --fail-with-body%s%s %s" % (" -X " + method if method != "GET" else "", given,
                                                               shlex.quote(worker.url.rstrip("/") + path)))
        return json.loads(answer) if answer.strip() else None

    def configure(self, worker, name, config):
        """Creates or changes a connector; returns when all of its tasks run."""
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({key: str(value) for key, value in config.items()}, file, indent=1)
        for key, value in config.items():
            print("     %s=%s" % (key, value), flush=True)
        self.curl("PUT", worker, "/connectors/%s/config" % name, path)
        worker.wait_state(name, tasks=int(config.get("tasks.max", 1)))

    def show_status(self, worker, name, number=0):
        """A task's status as it can be seen from outside; the dict."""
        task = self.curl("GET", worker, "/connectors/%s/tasks/%d/status?millrace=true" % (name, number))
        self.say(task["state"])
        self.say(task.get("trace", ""))
        self.say(json.dumps({key: value for key, value in task["millrace"].items() if value}))
        return task

    def kill(self, worker, number=9):
        """Ends a worker by its process id; its exit status."""
        self.run("kill -%d %d" % (number, worker.process.pid))
        return worker.wait()

    # What there is

    @property
    def kafka(self):
        if self._kafka.bootstrap is None:
            print("   (starting a Kafka of its own)", flush=True)
            self._kafka.start()
        return self._kafka

    def own_kafka(self, **options):
        """A Kafka of this drill alone, which it may break; options of lab.Lab."""
        kafka = lab.Lab(**{"properties": {"group.initial.rebalance.delay.ms": 0}, **options}).start()
        self.stack.callback(kafka.stop)
        return kafka

    def named(self, what):
        """A name that nobody else has: for connectors and topics."""
        return lab.fresh_name("drill-" + what)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        """A file in the drill's folder; its path."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def lines(self, name):
        """Of a file in the drill's folder, or of any path; none while it is not there."""
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def worker(self, kafka=None, **properties):
        """A worker that has started; properties: a__b stands for a.b. Give `group` to have more than one in a group."""
        worker = lab.Worker(self.properties(kafka, **properties))
        return self.started(worker)

    def properties(self, kafka=None, **properties):
        """Of a worker, with a group, topics and port of its own."""
        group = properties.pop("group", None) or self.named("workers")
        return lab.worker_properties(kafka or self.kafka, group, **{"offset__flush__interval__ms": 500, **properties})

    def started(self, worker):
        """Starts it (again) and says where it is."""
        worker.start()
        self.follow(worker.ready())
        print("     worker %s, process %d, log %s" % (worker.url, worker.process.pid, worker.log), flush=True)
        return worker

    def cluster(self, names, **properties):
        """Workers of one group, by name; a cluster.Cluster, of which start(name) starts one more, or one again."""
        group = cluster.Cluster(self.kafka, names, group=self.named("workers"), offset__flush__interval__ms=500, **properties)
        self.stack.callback(group.end)
        for name in names:
            self.joined(group, name)
        return group

    def joined(self, group, name):
        """Says where a worker of the cluster is, which answers."""
        worker = self.follow(group.workers[name].ready())
        print("     worker %s: %s, process %d, log %s" % (name, worker.url, worker.process.pid, worker.log), flush=True)
        return worker

    def load(self, group, pairs):
        """File sources and file sinks, in pairs, through which numbered lines flow from now on, 40 a second each; a cluster.Load."""
        load = cluster.Load(group, pairs, prefix=self.named("load"))
        self.stack.callback(load.stop)
        load.begin()
        print("     %d pairs FileStreamSource -> topic -> FileStreamSink, %s-*, files in %s" % (pairs, load.prefix, load.folder), flush=True)
        return load

    def follow(self, worker):
        """Its log is shown when the drill fails."""
        if worker not in self.workers:
            self.workers.append(worker)
        return worker

    # What must be so

    def wait(self, fact, what, timeout_s=30):
        """Until fact() is true; what it answered then."""
        try:
            return lab.wait_until(fact, what, timeout_s)
        except AssertionError as error:
            raise Failed(str(error)) from None

    def log_line(self, worker, text, timeout_s=30):
        """Waits for a line with that text in the worker's log, and shows it."""
        line = self.wait(lambda: next((line for line in worker.log_text().splitlines() if text in line), None),
                         "the log of %s says %s" % (worker.url, text), timeout_s)
        self.say(line if len(line) <= 220 else line[:220] + " …")
        return line

    def task(self, worker, name, number=0):
        """A task in ?millrace=true status; {} while there is none."""
        tasks = worker.rest("GET", "/connectors/%s/status?millrace=true" % name)["tasks"]
        return next((task for task in tasks if task["id"] == number), {})

    def committed(self, worker, sink, partition=0):
        """The offset that a sink has committed; None: none yet."""
        offsets = worker.rest("GET", "/connectors/%s/offsets" % sink)["offsets"]
        return next((o["offset"]["kafka_offset"] for o in offsets if o["partition"]["kafka_partition"] == partition), None)

    def check(self, what, fact):
        """One part of the outcome."""
        print("   %s %s" % ("ok  " if fact else "NOT ", what), flush=True)
        if not fact:
            raise Failed("not so: " + what)

    def metric(self, name, *workers, **labels):
        """The metric that is going to move, as it is now; before and after are printed at the end. `now()` reads it again."""
        metric = Metric(name, workers or self.workers, labels)
        self.metrics.append(metric)
        return metric

    def metric_moved(self, metric, fact=lambda before, after: after > before, timeout_s=30):
        """Waits until it has: by default, until it is larger."""
        self.wait(lambda: fact(metric.before, metric.now()), "%s moves from %s" % (metric.text(), metric.before), timeout_s)

    # The end

    def show_metrics(self):
        for metric in self.metrics:
            print("   metric %s: %s" % (metric.text(), metric.course()), flush=True)

    def show_logs(self):
        for worker in self.workers:
            print("   the end of %s:\n%s" % (worker.log, worker.log_end(12)), flush=True)

    def end(self):
        """Nothing that it started remains."""
        for worker in self.workers:  # together: the last has nobody to wait for
            if worker.process.poll() is None:
                worker.process.terminate()
        lab.end_workers()
        self.stack.close()
