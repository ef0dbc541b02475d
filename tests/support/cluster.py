"""Several workers of one group under load, and what can be said of them from outside.

Cluster starts, stops and kills workers by name and reads the records that the leader wrote. Load is pairs of a file source and a
file sink through a topic each; a thread appends numbered lines of one length to all inputs, another notes when the outputs grow.
So "it runs" is always a line that went all the way, and the longest time without a record is known for each task afterwards.

MILLRACE_FENCING: millrace.leader.fencing of all clusters that do not say it themselves, for a run of the same tests in the other mode.
"""

import json
import os
import signal
import threading
import time

import hosts
import lab

LINE = "%04d:%08d\n"  # the pair and the line
LINE_BYTES = len(LINE % (0, 0))
NOTE = "millrace-"
MEMBER, ASSIGNMENT, HEAD = NOTE + "member-", NOTE + "assignment-", NOTE + "cluster"
FENCING = "millrace.leader.fencing"


def units_of(text):
    """{"CONNECTOR": [-1, 0]}, or with texts instead of the list → {(connector, task)}."""
    return {(connector, int(task)) for connector, tasks in (text or {}).items() for task in tasks}


def worker_properties(kafka, **properties):
    """lab.worker_properties of a worker in a cluster, with the fencing of this run."""
    common = lab.worker_properties(kafka, **properties)
    if os.environ.get("MILLRACE_FENCING"):
        common.setdefault(FENCING, os.environ["MILLRACE_FENCING"])
    return common


def fencing_of(common):
    """What the leader takes where nothing is denied."""
    fencing = common.get(FENCING, "auto")
    if fencing != "auto":
        return fencing
    return "transaction" if common.get("exactly.once.source.support") in ("preparing", "enabled") else "generation"


class Cluster:
    """Workers of one group, by name; each keeps its port, so that it comes back under its URL.

    `machines`: name → hosts.Host of those that do not run on this one. `tls`: they listen on https, and are asked so (ssl.SSLContext).
    """

    def __init__(self, kafka, names=("a", "b", "c"), machines=None, tls=None, **properties):
        self.kafka, self.machines, self.tls = kafka, machines or {}, tls
        self.common = worker_properties(kafka, **properties)
        del self.common["listeners"]
        self.fencing = fencing_of(self.common)
        self.topic = self.common["config.storage.topic"]
        self.ports, self.workers = {}, {}
        self.ever = []  # each process there was, in the order of their starts
        for name in names:
            self.start(name)
        for name in names:
            self.workers[name].ready()

    # Workers

    def start(self, name, program=None, **more):
        """A new process of that name, of another build if `program` names one; does not wait."""
        port = self.ports.setdefault(name, None) or lab.free_port()
        self.ports[name] = port
        more = {key.replace("__", "."): value for key, value in more.items()}
        host = self.machines.get(name)
        listener = "%s://%s:%d" % ("https" if self.tls else "http", host.address if host else "127.0.0.1", port)
        self.workers[name] = lab.Worker({**self.common, "listeners": listener, **more}, program=program, host=host,
                                        tls=self.tls).start()
        self.ever.append(self.workers[name])
        return self.workers[name]

    def end(self):
        for worker in self.workers.values():
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
        for worker in self.workers.values():  # together: the last has nobody to wait for
            if worker.process.poll() is None:
                worker.process.terminate()
        for worker in self.workers.values():
            worker.end()

    def alive(self):
        return [name for name, worker in self.workers.items() if worker.process.poll() is None]

    def any(self):
        return self.workers[self.alive()[0]]

    def id(self, name):
        return self.workers[name].url

    def name_of(self, url):
        return next((name for name, worker in self.workers.items() if worker.url.rstrip("/") == url.rstrip("/")), None)

    # Records

    def records(self, start="beginning"):
        """Every record of the cluster's own in the config topic, in order: (key, dict or None, when it was written, s)."""
        found = []
        for record in self.kafka.consume(self.topic, start):
            key = record.get("key") or ""
            if key.startswith(NOTE):
                found.append((key, json.loads(record["value"]) if record["value"] else None, record["ts"] / 1000))
        return found

    def newest(self):
        return {key: value for key, value, _ in self.records() if value is not None}

    def head(self):
        """{} while there is none. Whoever leads fences as it was told."""
        head = self.newest().get(HEAD, {})
        assert head.get("fencing", self.fencing) == self.fencing, "leader fencing: %s, not %s" % (head["fencing"], self.fencing)
        return head

    def leader(self):
        """The name of the worker that leads; only once its record stands there."""
        url = self.head().get("leader_url")
        return self.name_of(url) if url else None

    def assignments(self):
        """Name → (units, revoking) of the workers that are alive, as the leader wrote them for this run of theirs."""
        newest = self.newest()
        answer = {}
        for name in self.alive():
            url = self.workers[name].url
            key = next((key for key in newest if key.startswith(ASSIGNMENT) and key[len(ASSIGNMENT):].rstrip("/") == url), None)
            member = newest.get(key.replace(ASSIGNMENT, MEMBER)) if key else None
            if key is None or member is None or member.get("boot") != newest[key].get("boot") or \
                    member.get("pid") != hosts.number_inside(self.workers[name].process.pid):
                answer[name] = (set(), set())
            else:
                answer[name] = (units_of(newest[key].get("units")), units_of(newest[key].get("revoking")))
        return answer

    def is_balanced(self, units, names=None):
        """Each of so many units stands at exactly one worker; none has more than one connector or task more than another."""
        assignments = self.assignments()
        held = [assignments[name] for name in (names or self.alive())]
        everything = [unit for own, _ in held for unit in own]
        tasks = [sum(task >= 0 for _, task in own) for own, _ in held]
        connectors = [len(own) - count for (own, _), count in zip(held, tasks)]
        assert not any(revoking for _, revoking in held), "still revoking: %s" % assignments
        assert len(everything) == len(set(everything)) == units, "%d units of %d: %s" % (len(everything), units, tasks)
        assert max(tasks) - min(tasks) <= 1 and max(connectors) - min(connectors) <= 1, "tasks %s, connectors %s" % (
            tasks, connectors)
        return True

    def wait_balanced(self, units, names=None, timeout_s=60):
        lab.wait_until(lambda: self.is_balanced(units, names), "%d units are balanced" % units, timeout_s, 0.1)
        self.head()

    def moves(self, since_s=0.0):
        """(connector, task) → how often it was given to another run of a worker since then."""
        owner, moves = {}, {}
        for key, value, when_s in self.records():
            if not key.startswith(ASSIGNMENT) or value is None:
                continue
            for unit in units_of(value.get("units")):
                now = (key, value["boot"])
                if unit in owner and owner[unit] != now and when_s >= since_s:
                    moves[unit] = moves.get(unit, 0) + 1
                owner[unit] = now
        return moves

    def found_double(self):
        """Units that one assignment gave out while another worker had not let go of them, by the records in their order.

        Where no worker has died: of the dead the records cannot tell when the leader knew.
        """
        held, said, double = {}, {}, []  # key → {unit: the stamp of its revocation or None}; URL → (stopped units, as of)
        for key, value, when_s in self.records():
            if key.startswith(MEMBER):
                said[key[len(MEMBER):]] = (units_of(value.get("stopped")), stamp_of(value.get("as_of"))) if value else (set(), ())
            if not key.startswith(ASSIGNMENT):
                continue
            held[key] = held_by(value) if value else {}
            for other in held:
                stopped, as_of = said.get(other[len(ASSIGNMENT):], (set(), ()))
                for unit, since in held[other].items():
                    is_let_go = since is not None and unit in stopped and as_of >= since
                    if other != key and unit in held[key] and held[key][unit] is None and not is_let_go:
                        double.append((unit, key, other, when_s))
        return double


def stamp_of(text):
    """"3.12", or {"epoch": 3, "sequence": 12} → (3, 12)."""
    if isinstance(text, dict):
        return (text["epoch"], text["sequence"])
    return tuple(int(part) for part in str(text).split(".")) if text else ()


def held_by(assignment):
    """unit → None, or the stamp of its revocation."""
    held = {unit: None for unit in units_of(assignment.get("units"))}
    for connector, tasks in (assignment.get("revoking") or {}).items():
        for task, text in tasks.items():
            held[(connector, int(task))] = stamp_of(text.split(" ")[0])
    return held


class Load:
    """`pairs` of a file source and a file sink; a line for each every `every_s`."""

    def __init__(self, cluster, pairs, every_s=0.025, settings=None, prefix=None):
        self.cluster, self.kafka, self.pairs, self.every_s = cluster, cluster.kafka, pairs, every_s
        self.folder = lab.scratch_folder()
        self.prefix = prefix or lab.fresh_name("load")
        self.settings = settings or {}
        self.fed = 0
        self.growth = [[] for _ in range(pairs)]  # (when, bytes)
        self.stopping = threading.Event()
        self.files = [open(self.input(i), "ab", buffering=0) for i in range(pairs)]
        self.feeder = threading.Thread(target=self._feed, daemon=True)
        self.watcher = threading.Thread(target=self._watch, daemon=True)

    def input(self, i):
        return os.path.join(self.folder, "in-%d" % i)

    def output(self, i):
        return os.path.join(self.folder, "out-%d" % i)

    def topic(self, i):
        return "%s-%d" % (self.prefix, i)

    def source(self, i):
        return "%s-source-%d" % (self.prefix, i)

    def sink(self, i):
        return "%s-sink-%d" % (self.prefix, i)

    @property
    def units(self):
        return 4 * self.pairs  # a connector and a task of each

    def config_of_source(self, i):
        return {"connector.class": "FileStreamSource", "file": self.input(i), "topic": self.topic(i), "tasks.max": "1",
                **self.settings}

    def config_of_sink(self, i):
        return {"connector.class": "FileStreamSink", "file": self.output(i), "topics": self.topic(i), "tasks.max": "1",
                "consumer.override.metadata.max.age.ms": "1000", **self.settings}

    def create(self, timeout_s=40):
        """All connectors, through one worker after the other; returns when lines go through all of them."""
        for i in range(self.pairs):
            self._create(self.source(i), self.config_of_source(i))
        self.feed_one()
        lab.wait_until(lambda: all(self.topic(i) in self.kafka.topics() for i in range(self.pairs)), "all topics", timeout_s, 0.2)
        for i in range(self.pairs):
            self._create(self.sink(i), self.config_of_sink(i))
        self.wait_flow(timeout_s)
        return self

    def begin(self):
        """Created, spread evenly, and lines go through all pairs from now on."""
        self.create()
        self.cluster.wait_balanced(self.units)
        self.start()
        self.wait_flow()
        return self

    def _create(self, name, config):
        workers = [self.cluster.workers[w] for w in self.cluster.alive()]
        worker = workers[hash(name) % len(workers)]

        def put():
            status, answer = worker.request("PUT", "/connectors/%s/config" % name, config)
            if status == 409:
                return False  # the cluster is changing: to be asked again
            assert status in (200, 201), "%d %s" % (status, answer)
            return True
        lab.wait_until(put, "connector %s can be created" % name, 30)

    def feed_one(self):
        """One more line in each input."""
        for i, file in enumerate(self.files):
            file.write((LINE % (i, self.fed)).encode())
        self.fed += 1

    def start(self):
        self.feeder.start()
        self.watcher.start()
        return self

    def _feed(self):
        next_s = time.monotonic()
        while not self.stopping.is_set():
            self.feed_one()
            next_s = max(next_s + self.every_s, time.monotonic() - 1)
            time.sleep(max(0, next_s - time.monotonic()))

    def _watch(self):
        sizes = [0] * self.pairs
        while not self.stopping.is_set():
            for i in range(self.pairs):
                try:
                    size = os.stat(self.output(i)).st_size
                except OSError:
                    continue
                if size != sizes[i]:
                    sizes[i] = size
                    self.growth[i].append((time.time(), size))
            time.sleep(0.005)

    def stop(self):
        """No further line; the threads end."""
        self.stopping.set()
        if self.feeder.ident is not None:
            self.feeder.join()
            self.watcher.join()
        return self

    # Facts

    def wait_flow(self, timeout_s=60, pairs=None):
        """A line fed from now on has come out of each pair: its source and its sink run. Feeds one if nobody does."""
        if not self.feeder.is_alive():
            self.feed_one()
        number = self.fed
        if not self.feeder.is_alive():
            number -= 1
        wanted = {i: (LINE % (i, number)).encode() for i in (pairs if pairs is not None else range(self.pairs))}

        def came():
            for i in list(wanted):
                if self._has_line(i, wanted[i]):
                    del wanted[i]
            assert not wanted, "not through %s" % sorted(wanted)
            return True
        lab.wait_until(came, "lines go through all pairs", timeout_s, 0.1)

    def _has_line(self, i, line):
        """Or a later one: lines of a pair only grow."""
        try:
            with open(self.output(i), "rb") as f:
                f.seek(max(0, os.stat(self.output(i)).st_size - 4 * LINE_BYTES))
                lines = [text for text in f.read().splitlines() if len(text) == LINE_BYTES - 1]
        except OSError:
            return False
        return bool(lines) and max(lines) >= line.strip()

    def lines(self, i):
        return [(LINE % (i, n)).strip().encode() for n in range(self.fed)]

    def read(self, path):
        with open(path, "rb") as f:
            return f.read().splitlines()

    def wait_all_out(self, timeout_s=60):
        """After stop(): the last line has come out everywhere."""
        last = self.fed - 1
        lab.wait_until(lambda: all(self._has_line(i, (LINE % (i, last)).encode()) for i in range(self.pairs)),
                       "the last line (%d) of every pair is out" % last, timeout_s, 0.1)

    def wrong_once(self):
        """Pairs where what came out is not exactly what went in: texts that say how. In the topic, then in the file."""
        wrong = []
        for i in range(self.pairs):
            expected = self.lines(i)
            for where, got in (("topic", self.kafka.values(self.topic(i))), ("file", self.read(self.output(i)))):
                if got != expected:
                    wrong.append("pair %d, %s: %s" % (i, where, difference(expected, got)))
        return wrong

    def wrong_at_least_once(self):
        """As wrong_once(), but a line may come again."""
        wrong = []
        for i in range(self.pairs):
            expected = self.lines(i)
            for where, got in (("topic", self.kafka.values(self.topic(i))), ("file", self.read(self.output(i)))):
                if set(got) != set(expected):
                    wrong.append("pair %d, %s: %s" % (i, where, difference(expected, got)))
        return wrong

    def repeated(self):
        """How many lines came more than once: (in topics, in files)."""
        topics = sum(len(got) - len(set(got)) for got in (self.kafka.values(self.topic(i)) for i in range(self.pairs)))
        files = sum(len(got) - len(set(got)) for got in (self.read(self.output(i)) for i in range(self.pairs)))
        return topics, files

    def times(self):
        """When each record of each topic was made, s; to be read once for several windows."""
        times = []
        for i in range(self.pairs):
            count = self.kafka.end_offset(self.topic(i))  # kcat -e would run after a topic that grows
            out = self.kafka.kcat("-C", "-t", self.topic(i), "-o", "beginning", "-c", str(count), "-e", "-q", "-f", "%T\n")
            times.append([int(line) / 1000 for line in out.splitlines()])
        return times

    def gaps(self, since_s, until_s=None, times=None):
        """Longest time without a record in that window, s, of each task: {connector: gap}.

        Of a source from the times its records were made; of a sink from when the file grew, not counting time when there was
        nothing for it to take.
        """
        until_s = until_s or time.time()
        gaps = {}
        for i, made in enumerate(times or self.times()):
            gaps[self.source(i)] = longest(made, since_s, until_s)
            gaps[self.sink(i)] = longest_of_sink(self.growth[i], made, since_s, until_s)
        return gaps


def longest(times, since_s, until_s):
    inside = [t for t in times if since_s <= t <= until_s]
    before = [t for t in times if t < since_s]
    marks = before[-1:] + inside
    return max((b - a for a, b in zip(marks, marks[1:])), default=until_s - since_s)


def longest_of_sink(growth, times, since_s, until_s):
    gap = 0.0
    for (a, size), (b, _) in zip(growth, growth[1:]):
        if b < since_s or a > until_s:
            continue
        taken = size // LINE_BYTES
        there = times[taken] if taken < len(times) else b  # when the next record came to be
        gap = max(gap, b - max(a, there))
    return gap


def difference(expected, got):
    """How two lists of lines differ, in a few words."""
    missing, extra = sorted(set(expected) - set(got)), sorted(set(got) - set(expected))
    again = len(got) - len(set(got))
    first = next((n for n, (e, g) in enumerate(zip(expected, got)) if e != g), min(len(expected), len(got)))
    return "%d lines for %d; missing %d %s; foreign %d %s; repeated %d; the first difference at %d: %s for %s" % (
        len(got), len(expected), len(missing), missing[:3], len(extra), extra[:3], again, first, got[first:first + 1],
        expected[first:first + 1])


def percentiles(gaps):
    """For people: median, 95 %, longest, in ms."""
    values = sorted(gaps.values())
    at = lambda p: values[min(len(values) - 1, int(p * len(values)))]
    return "gap without a record: median %d ms, 95 %% %d ms, longest %d ms (%s)" % (
        1000 * at(0.5), 1000 * at(0.95), 1000 * values[-1], max(gaps, key=gaps.get)) if values else "nothing measured"
