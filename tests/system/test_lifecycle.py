"""The life of connectors and tasks, row by row: each action with the records it leaves in the config and status topics, in
order, and the calls it makes of the plugin."""

import collections
import json
import os
import shutil
import unittest

import lab

TIMEOUT_S = 30
CALLS_OF_LIFE = {"start", "start-again", "task_configs", "stop", "open", "close"}
VERSIONLESS = {"UNASSIGNED", "RESTARTING"}

# row: which of the tables. do: a method, a path of the connector or options to change, see Replay.do. Then what follows: records of the
# config topic in order; states of the connector, and of each task, in the order of their records ("-" is a tombstone); calls of the
# connector and of each task. What is empty stays without a record or call.
Row = collections.namedtuple("Row", "row do config connector tasks calls task_calls", defaults=("", "", (), "", ()))

SOURCE = [
    Row("writes: create", "create tasks.max=2",
        "connector | task 0 | task 1 | commit 2", "RUNNING", ("RUNNING", "RUNNING"),
        "start task_configs", ("start", "start")),
    Row("transition: STARTED to PAUSED", "PUT /pause",
        "target PAUSED", "PAUSED", ("PAUSED", "PAUSED"), "stop"),
    Row("transition: PAUSED to STARTED", "PUT /resume",
        "target STARTED", "RUNNING", ("RUNNING", "RUNNING"), "start-again task_configs"),
    Row("request: restart without flags", "POST /restart",
        "", "UNASSIGNED RUNNING", (), "stop start task_configs"),
    Row("request: restart with tasks", "POST /restart?includeTasks=true",
        "restart true false", "UNASSIGNED RESTARTING RUNNING", ("UNASSIGNED RESTARTING RUNNING",) * 2,
        "stop start task_configs", ("stop start", "stop start")),
    Row("request: restart of a task", "POST /tasks/1/restart",
        "", "", ("", "UNASSIGNED RUNNING"), "", ("", "stop start")),
    Row("writes: PUT identical config", "config",
        "connector", "UNASSIGNED RUNNING", (), "stop start task_configs"),
    Row("request: PUT config, tasks follow", "config extra=other",
        "connector | task 0 | task 1 | commit 2", "UNASSIGNED RUNNING", ("UNASSIGNED RUNNING",) * 2,
        "stop start task_configs", ("stop start", "stop start")),
    Row("state: task FAILED alone", "strings task-1=fail",
        "", "", ("", "FAILED"), "", ("", "stop")),
    Row("transition: a FAILED task ignores PAUSED", "PUT /pause",
        "target PAUSED", "PAUSED", ("PAUSED", ""), "stop"),
    Row("transition: a FAILED task ignores STARTED", "PUT /resume",
        "target STARTED", "RUNNING", ("RUNNING", ""), "start-again task_configs"),
    Row("the task may work again", "strings task-1="),
    Row("request: restart what has failed", "POST /restart?includeTasks=true&onlyFailed=true",
        "restart true true", "", ("", "RESTARTING RUNNING"), "", ("", "start")),
    Row("state: task FAILED again", "strings task-0=fail",
        "", "", ("FAILED",), "", ("stop",)),
    Row("the task may work again", "strings task-0="),
    Row("request: restart of a FAILED task", "POST /tasks/0/restart",
        "", "", ("RUNNING",), "", ("start",)),
    Row("state: task FAILED before a pause", "strings task-0=fail",
        "", "", ("FAILED",), "", ("stop",)),
    Row("transition: STARTED to PAUSED beside it", "PUT /pause",
        "target PAUSED", "PAUSED", ("", "PAUSED"), "stop"),
    Row("the task may work again", "strings task-0="),
    Row("a restart keeps the target state; a FAILED task becomes PAUSED", "POST /restart?includeTasks=true",
        "restart true false", "UNASSIGNED RESTARTING PAUSED", ("RESTARTING PAUSED", "UNASSIGNED RESTARTING PAUSED"),
        "", ("", "stop")),
    Row("tasks wait for the resume before their start", "PUT /resume",
        "target STARTED", "RUNNING", ("RUNNING", "RUNNING"), "start task_configs", ("start", "start")),
    Row("reconfiguration: asked for, nothing new", "strings ask=1",
        "", "", (), "task_configs"),
    Row("reconfiguration: fewer tasks", "strings ask=2 tasks=1",
        "task 0 | commit 1", "", ("", "UNASSIGNED -"), "task_configs", ("", "stop")),
    Row("reconfiguration: more tasks", "strings ask=3 tasks=2",
        "task 0 | task 1 | commit 2", "", ("", "RUNNING"), "task_configs", ("", "start")),
    Row("reconfiguration: more than tasks.max", "strings ask=4 tasks=3",
        "", "FAILED", (), "task_configs"),
    Row("there are no more than it may", "strings tasks=2"),
    Row("request: restart what has failed, the connector", "POST /restart?onlyFailed=true",
        "restart false true", "UNASSIGNED RESTARTING RUNNING", (), "stop start task_configs"),
    Row("there may be more", "strings tasks=3"),
    Row("reconfiguration: tasks.max.enforce=false", "config tasks.max.enforce=false",
        "connector | task 0 | task 1 | task 2 | commit 3", "UNASSIGNED RUNNING",
        ("UNASSIGNED RUNNING", "UNASSIGNED RUNNING", "RUNNING"),
        "stop start task_configs", ("stop start", "stop start", "start")),
    Row("transition: STARTED to STOPPED", "PUT /stop",
        "commit 0 | target STOPPED", "STOPPED", ("UNASSIGNED -",) * 3, "stop", ("stop",) * 3),
    Row("there are two again", "strings tasks=2"),
    Row("transition: STOPPED to STARTED", "PUT /resume",
        "target STARTED | task 0 | task 1 | commit 2", "RUNNING", ("RUNNING", "RUNNING"),
        "start-again task_configs", ("start", "start")),
    Row("transition: STARTED to PAUSED", "PUT /pause",
        "target PAUSED", "PAUSED", ("PAUSED", "PAUSED"), "stop"),
    Row("transition: PAUSED to STOPPED", "PUT /stop",
        "commit 0 | target STOPPED", "STOPPED", ("UNASSIGNED -",) * 2, "", ("stop",) * 2),
    Row("it gives no task configurations", "strings task_configs=fail"),
    Row("reconfiguration: an error is tried again", "PUT /resume",
        "target STARTED", "RUNNING", (), "start-again task_configs"),
    Row("reconfiguration: until it works", "strings task_configs=",
        "task 0 | task 1 | commit 2", "", ("RUNNING", "RUNNING"), "task_configs", ("start", "start")),
    Row("its start fails", "strings start=fail"),
    Row("state: connector FAILED, its tasks go on", "config",
        "connector", "UNASSIGNED FAILED", (), "stop start"),
    Row("transition: FAILED to PAUSED is refused", "PUT /pause",
        "target PAUSED", "", ("PAUSED", "PAUSED")),
    Row("transition: FAILED to STARTED is refused", "PUT /resume",
        "target STARTED", "", ("RUNNING", "RUNNING")),
    Row("worker: a graceful stop", "worker stop",
        "", "UNASSIGNED", ("UNASSIGNED", "UNASSIGNED"), "", ("stop", "stop")),
    Row("worker: a start writes nothing anew", "worker start",
        "", "FAILED", ("RUNNING", "RUNNING"), "start", ("start", "start")),
    Row("transition: FAILED to STOPPED", "PUT /stop",
        "commit 0 | target STOPPED", "STOPPED", ("UNASSIGNED -",) * 2, "", ("stop",) * 2),
    Row("its start works", "strings start="),
    Row("transition: STOPPED to STARTED after a failure", "PUT /resume",
        "target STARTED | task 0 | task 1 | commit 2", "RUNNING", ("RUNNING", "RUNNING"),
        "start task_configs", ("start", "start")),
    Row("request: delete", "DELETE",
        "connector - | target -", "UNASSIGNED -", ("UNASSIGNED -",) * 2, "stop", ("stop",) * 2),
]

SINK = [
    Row("writes: create", "create tasks.max=1",
        "connector | task 0 | commit 1", "RUNNING", ("RUNNING",), "start task_configs", ("start open",)),
    Row("it takes a record", "wait 0 put"),
    Row("transition: STARTED to PAUSED", "PUT /pause",
        "target PAUSED", "PAUSED", ("PAUSED",), "stop"),
    Row("a paused sink commits at once", "wait 0 pre_commit"),
    Row("transition: PAUSED to STARTED", "PUT /resume",
        "target STARTED", "RUNNING", ("RUNNING",), "start-again task_configs"),
    Row("request: restart with tasks", "POST /restart?includeTasks=true",
        "restart true false", "UNASSIGNED RESTARTING RUNNING", ("UNASSIGNED RESTARTING RUNNING",),
        "stop start task_configs", ("close stop start open",)),
    Row("request: PUT config, tasks follow", "config extra=other",
        "connector | task 0 | commit 1", "UNASSIGNED RUNNING", ("UNASSIGNED RUNNING",),
        "stop start task_configs", ("close stop start open",)),
    Row("transition: STARTED to STOPPED", "PUT /stop",
        "commit 0 | target STOPPED", "STOPPED", ("UNASSIGNED -",), "stop", ("close stop",)),
    Row("a stopping sink ends in order", "last 0 pre_commit | 0 close | 0 stop"),
    Row("transition: STOPPED to STARTED", "PUT /resume",
        "target STARTED | task 0 | commit 1", "RUNNING", ("RUNNING",), "start-again task_configs", ("start open",)),
    Row("its next put fails", "strings task-0=fail"),
    Row("state: task FAILED alone", "produce",
        "", "", ("FAILED",), "", ("close stop",)),
    Row("a failed sink ends in order", "last 0 put | 0 pre_commit | 0 close | 0 stop"),
    Row("worker: a FAILED task writes nothing", "worker stop",
        "", "UNASSIGNED", (), "stop"),
    Row("the task may work again", "strings task-0="),
    Row("worker: a start begins FAILED tasks anew", "worker start",
        "", "RUNNING", ("RUNNING",), "start task_configs", ("start open",)),
    Row("request: delete", "DELETE",
        "connector - | target -", "UNASSIGNED -", ("UNASSIGNED -",), "stop", ("close stop",)),
]

CREATED_PAUSED = [
    Row("writes: create with initial_state PAUSED", "create PAUSED",
        "target PAUSED | connector", "PAUSED"),
    Row("transition: PAUSED to STARTED, the first time", "PUT /resume",
        "target STARTED | task 0 | commit 1", "RUNNING", ("RUNNING",), "start task_configs", ("start",)),
    Row("request: delete", "DELETE",
        "connector - | target -", "UNASSIGNED -", ("UNASSIGNED -",), "stop", ("stop",)),
]

CREATED_STOPPED = [
    Row("writes: create with initial_state STOPPED", "create STOPPED",
        "target STOPPED | connector", "STOPPED"),
    Row("transition: STOPPED to STARTED, the first time", "PUT /resume",
        "target STARTED | task 0 | commit 1", "RUNNING", ("RUNNING",), "start task_configs", ("start",)),
    Row("request: delete", "DELETE",
        "connector - | target -", "UNASSIGNED -", ("UNASSIGNED -",), "stop", ("stop",)),
]

STATUSES = {"PUT /pause": 202, "PUT /resume": 202, "PUT /stop": 204, "POST /restart": 204, "DELETE": 204}


class Topic:
    """Reads on where it last was."""

    def __init__(self, kafka, name):
        self.kafka, self.name, self.next = kafka, name, 0

    def read(self):
        """(key, value parsed or None) of what is new."""
        records = self.kafka.consume(self.name, self.next) if self.kafka.end_offset(self.name) > self.next else []
        if records:
            self.next = records[-1]["offset"] + 1
        return [(r["key"], None if r["value"] is None else json.loads(r["value"])) for r in records]


class Lifecycle(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.name = lab.fresh_name("puppet")
        self.topic = self.name + "-records"
        plugins = os.path.join(self.folder, "plugins")
        os.mkdir(plugins)
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "puppet.so"), plugins)
        self.strings, self.calls = {}, os.path.join(self.folder, "calls")
        open(self.calls, "w").close()
        self.calls_before = self.calls_seen = 0  # where this row, and the one before, began in the calls
        self.pull()
        properties = lab.worker_properties(self.kafka, plugin__path=plugins, offset__flush__interval__ms=60000)
        self.worker = lab.Worker(properties)
        self.addCleanup(self.worker.end)
        self.start_worker()
        self.configs = Topic(self.kafka, properties["config.storage.topic"])
        self.statuses = Topic(self.kafka, properties["status.storage.topic"])
        self.config = {"name": self.name, "strings": self.path("strings"), "calls": self.calls, "tasks.max": "1"}

    def path(self, name):
        return os.path.join(self.folder, name)

    def pull(self, **strings):
        self.strings.update(strings)
        with open(self.path("new"), "w", encoding="utf-8") as file:
            file.writelines("%s %s\n" % pair for pair in self.strings.items() if pair[1])
        os.replace(self.path("new"), self.path("strings"))

    def start_worker(self):
        """Until it may be given work: what is created before is UNASSIGNED for a moment."""
        self.worker.start().ready()
        lab.wait_until(lambda: any(member["introduced"] for member in self.worker.rest("GET", "/admin/cluster")["members"]),
                       "the worker is a member")

    # What is done

    def do(self, what):
        verb, _, rest = what.partition(" ")
        options = dict(word.split("=", 1) for word in rest.split() if "=" in word and not rest.startswith("/"))
        if verb == "create":
            self.config.update(options)
            initial = {} if options or not rest else {"initial_state": rest}
            self.worker.rest("POST", "/connectors", {"name": self.name, "config": self.config, **initial})
        elif verb == "config":
            self.config.update(options)
            self.worker.rest("PUT", "/connectors/%s/config" % self.name, self.config)
        elif verb == "strings":
            self.pull(**options)
        elif verb == "worker":
            self.start_worker() if rest == "start" else self.assertEqual(0, self.worker.stop())
        elif verb == "produce":
            self.kafka.produce(self.topic, ["line"])
        elif verb == "wait":
            self.wait_for_calls(rest.split(" | ") if rest else [])
        elif verb == "last":
            self.assertEqual(rest.split(" | "), self.calls_of(rest.split()[0])[-rest.count("|") - 1:])
        else:
            self.ask(what, verb, rest)

    def ask(self, what, verb, path):
        status, body = self.worker.request(verb, "/connectors/%s%s" % (self.name, path))
        self.assertEqual(STATUSES.get(what, 202 if "?" in path else 204), status, body)
        if "?" in path:
            self.assertEqual(self.name, body["name"])

    def wait_for_calls(self, calls):
        """Since the row before began."""
        lab.wait_until(lambda: set(calls) <= set(self.all_calls()[self.calls_before:]), "the calls %s" % calls)

    # What follows

    def all_calls(self):
        with open(self.calls, encoding="utf-8") as file:
            return file.read().splitlines()

    def calls_of(self, unit):
        return [call for call in self.all_calls() if call.split()[0] == unit]

    def config_record(self, key, value):
        kind, state = key[:-len(self.name)].rstrip("-"), value or {}
        if kind == "connector":
            return "connector" if value else "connector -"
        if kind == "target-state":
            return "target %s" % (state.get("state.v2") or "-")
        if kind == "commit":
            return "commit %d" % state["tasks"]
        if kind == "restart-connector":
            return ("restart %s %s" % (state["include-tasks"], state["only-failed"])).lower()
        number = key[len("task-%s-" % self.name):]
        return "task %s" % number if key == "task-%s-%s" % (self.name, number) else None

    def new_config_records(self):
        records = [self.config_record(*record) for record in self.configs.read() if self.name in record[0]]
        return [record for record in records if record]

    def status_state(self, value):
        if value is None:
            return "-"
        self.assertEqual({"state", "trace", "worker_id", "generation", "version"}, set(value))
        self.assertEqual(value["state"] == "FAILED", value["trace"] is not None, value)
        self.assertIn(value["version"], ("3.2", None) if value["state"] in VERSIONLESS else ("3.2",), value)
        self.assertEqual(self.worker.url, "http://" + value["worker_id"])
        self.assertIsInstance(value["generation"], int)
        return value["state"]

    def new_states(self):
        """Unit → states; a unit is "connector" or the task's number."""
        states = collections.defaultdict(list)
        for key, value in self.statuses.read():
            if key == "status-connector-" + self.name:
                states["connector"].append(self.status_state(value))
            elif key.startswith("status-task-%s-" % self.name):
                states[key.rsplit("-", 1)[1]].append(self.status_state(value))
        return states

    def new_calls(self):
        """Unit → calls of its life; asked twice in a row counts once, as what fails is tried again."""
        calls = collections.defaultdict(list)
        for line in self.all_calls()[self.calls_seen:]:
            unit, call = line.split()
            if call in CALLS_OF_LIFE and not (calls[unit][-1:] == [call] == ["task_configs"]):
                calls[unit].append(call)
        return calls

    @staticmethod
    def expected(whole, parts):
        """As the observed ones are: unit → list."""
        units = {"connector": whole.split(), **{str(i): part.split() for i, part in enumerate(parts)}}
        return {unit: words for unit, words in units.items() if words}

    def replay(self, row):
        seen = {"config": [], "states": collections.defaultdict(list), "calls": {}}
        wanted = {"config": row.config.split(" | ") if row.config else [],
                  "states": self.expected(row.connector, row.tasks), "calls": self.expected(row.calls, row.task_calls)}

        def has_followed():
            seen["config"] += self.new_config_records()
            for unit, states in self.new_states().items():
                seen["states"][unit] += states
            seen["calls"] = {unit: calls for unit, calls in self.new_calls().items() if calls}
            for states in seen["states"].values():
                while states[-2:] == ["-", "-"]:
                    states.pop()
            return seen == wanted
        try:
            self.do(row.do)
            lab.wait_until(has_followed, row.row, TIMEOUT_S)
        except AssertionError as error:
            self.assertEqual(wanted, seen, "%s: %s\n%s" % (row.row, error, self.worker.log_end(10)))
            raise
        self.calls_before, self.calls_seen = self.calls_seen, len(self.all_calls())

    def replay_all(self, rows, **config):
        """What comes too late for its row, or though nothing should, stands in the way of the next."""
        self.config.update(config)
        for row in rows:
            self.replay(row)
        self.replay(Row("nothing more", "wait "))
        self.assertEqual(0, self.worker.stop())

    def test_a_source(self):
        self.replay_all(SOURCE, **{"connector.class": "PuppetSource", "topic": self.topic})

    def test_a_sink(self):
        self.kafka.produce(self.topic, ["line"])
        self.replay_all(SINK, **{"connector.class": "PuppetSink", "topics": self.topic})

    def test_a_source_created_paused(self):
        self.replay_all(CREATED_PAUSED, **{"connector.class": "PuppetSource", "topic": self.topic})

    def test_a_source_created_stopped(self):
        self.replay_all(CREATED_STOPPED, **{"connector.class": "PuppetSource", "topic": self.topic})
