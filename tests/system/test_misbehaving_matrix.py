"""Every call of a plugin × hang, error, slow: what becomes of its unit, and that nobody else notices. One worker serves all cells."""

import collections
import concurrent.futures
import os
import threading
import time
import urllib.error

import lab
import test_misbehaving

CALL_TIMEOUT_MS = 3000  # millrace.call.timeout.ms of these workers
STOP_TIMEOUT_S = 5      # of a connector's stop
RECORDS = 20

# connector, task: the state in which the unit stays, "" for none. trace: words in the trace of what FAILED. paused: the connector's
# state after a pause, where that is what calls. left: the call inside which the deleted unit is left behind.
Cell = collections.namedtuple("Cell", "kind call how connector task trace paused left", defaults=("",) * 5)

CELLS = [
    Cell("source", "validate", "hang"),
    Cell("source", "validate", "error"),
    Cell("source", "validate", "slow", "RUNNING", "RUNNING"),
    Cell("source", "start", "hang", "FAILED", trace="start did not return in time"),
    Cell("source", "start", "error", "FAILED", trace="start was told to fail"),
    Cell("source", "start", "slow", "RUNNING", "RUNNING"),
    Cell("source", "task_configs", "hang", "FAILED", trace="task_configs did not return in time"),
    Cell("source", "task_configs", "error", "RUNNING"),
    Cell("source", "task_configs", "slow", "RUNNING", "RUNNING"),
    Cell("source", "stop", "hang", "RUNNING", "RUNNING", trace="stop did not return in time", paused="FAILED"),
    Cell("source", "stop", "error", "RUNNING", "RUNNING", trace="stop was told to fail", paused="FAILED"),
    Cell("source", "stop", "slow", "RUNNING", "RUNNING", paused="PAUSED"),
    Cell("source", "task.start", "hang", "RUNNING", left="start"),
    Cell("source", "task.start", "error", "RUNNING", "FAILED", trace="task.start was told to fail"),
    Cell("source", "task.start", "slow", "RUNNING", "RUNNING"),
    Cell("source", "poll", "hang", "RUNNING", "RUNNING", left="poll"),
    Cell("source", "poll", "error", "RUNNING", "FAILED", trace="poll was told to fail"),
    Cell("source", "poll", "slow", "RUNNING", "RUNNING"),
    Cell("source", "commit", "hang", "RUNNING", "RUNNING", left="commit"),
    Cell("source", "commit", "error", "RUNNING", "RUNNING"),
    Cell("source", "commit", "slow", "RUNNING", "RUNNING"),
    Cell("source", "task.stop", "hang", "RUNNING", "RUNNING", left="stop"),
    Cell("source", "task.stop", "slow", "RUNNING", "RUNNING"),
    Cell("sink", "validate", "hang"),
    Cell("sink", "validate", "error"),
    Cell("sink", "validate", "slow", "RUNNING", "RUNNING"),
    Cell("sink", "start", "hang", "FAILED", trace="start did not return in time"),
    Cell("sink", "start", "error", "FAILED", trace="start was told to fail"),
    Cell("sink", "start", "slow", "RUNNING", "RUNNING"),
    Cell("sink", "task_configs", "hang", "FAILED", trace="task_configs did not return in time"),
    Cell("sink", "task_configs", "error", "RUNNING"),
    Cell("sink", "task_configs", "slow", "RUNNING", "RUNNING"),
    Cell("sink", "stop", "hang", "RUNNING", "RUNNING", trace="stop did not return in time", paused="FAILED"),
    Cell("sink", "stop", "error", "RUNNING", "RUNNING", trace="stop was told to fail", paused="FAILED"),
    Cell("sink", "stop", "slow", "RUNNING", "RUNNING", paused="PAUSED"),
    Cell("sink", "task.start", "hang", "RUNNING", left="start"),
    Cell("sink", "task.start", "error", "RUNNING", "FAILED", trace="task.start was told to fail"),
    Cell("sink", "task.start", "slow", "RUNNING", "RUNNING"),
    Cell("sink", "open", "hang", "RUNNING", "RUNNING", left="open"),
    Cell("sink", "open", "error", "RUNNING", "FAILED", trace="open was told to fail"),
    Cell("sink", "open", "slow", "RUNNING", "RUNNING"),
    Cell("sink", "put", "hang", "RUNNING", "RUNNING", left="put"),
    Cell("sink", "put", "error", "RUNNING", "FAILED", trace="put was told to fail"),
    Cell("sink", "put", "slow", "RUNNING", "RUNNING"),
    Cell("sink", "pre_commit", "hang", "RUNNING", "RUNNING", left="pre_commit"),
    Cell("sink", "pre_commit", "error", "RUNNING", "RUNNING"),
    Cell("sink", "pre_commit", "slow", "RUNNING", "RUNNING"),
    Cell("flush-sink", "flush", "hang", "RUNNING", "RUNNING", left="flush"),
    Cell("flush-sink", "flush", "error", "RUNNING", "RUNNING"),
    Cell("flush-sink", "flush", "slow", "RUNNING", "RUNNING"),
    Cell("sink", "close", "hang", "RUNNING", "RUNNING", left="close"),
    Cell("sink", "close", "error", "RUNNING", "RUNNING"),
    Cell("sink", "close", "slow", "RUNNING", "RUNNING"),
    Cell("sink", "task.stop", "hang", "RUNNING", "RUNNING", left="stop"),
    Cell("sink", "task.stop", "slow", "RUNNING", "RUNNING"),
]


def state_of(status):
    """(connector, task) of a status, which may be None; "" where there is none."""
    if status is None:
        return "", ""
    tasks = status["tasks"]
    return status["connector"]["state"], tasks[0]["state"] if tasks else ""


def trace_of(status):
    parts = [status["connector"], *status["tasks"]]
    return "\n".join(part["trace"] for part in parts if part["state"] == "FAILED")


class Crowd(test_misbehaving.Misbehaving):
    """Many connectors at once, told to misbehave."""
    alone = True  # how quickly others are answered meanwhile
    PLUGINS = ("misbehaving",)

    def setUp(self):
        super().setUp()
        self.fed = lab.fresh_name("fed")
        self.kafka.produce(self.fed, ["line"] * RECORDS)
        self.requests = concurrent.futures.ThreadPoolExecutor(8)
        self.addCleanup(self.requests.shutdown)

    def config(self, kind, call, how, name, **more):
        class_name = "Misbehaving%sConnector" % {"source": "Source", "sink": "Sink", "flush-sink": "FlushSink"}[kind]
        ends = {"topic": self.topic_of(name)} if kind == "source" else {"topics": self.fed, "file": self.file_of(name)}
        return {"connector.class": class_name, "name": name, "misbehave": "%s:%s" % (call, how),
                "hang.while": self.hang, "tasks.max": "1", **ends, **more}

    def topic_of(self, name):
        return "made-" + name

    def file_of(self, name):
        return os.path.join(self.folder, name)

    def put(self, config):
        return self.worker.request("PUT", "/connectors/%s/config" % config["name"], config)

    def put_and_forget(self, config):
        """For what is never answered: its client waits in a thread that ends with the worker."""
        def ask():
            try:
                self.put(config)
            except (OSError, urllib.error.URLError):
                pass
        threading.Thread(target=ask, daemon=True).start()

    def hung(self, call):
        """How many of these calls hang, or did."""
        with open(self.hang, encoding="utf-8") as file:
            return file.read().splitlines().count(call)

    def statuses(self):
        """Of all connectors: name → status."""
        return {name: entry["status"] for name, entry in self.worker.rest("GET", "/connectors?expand=status").items()}

    def start(self, **more):
        super().start(**more)
        self.calm_ms = self.answer_p99_ms()

    def answer_p99_ms(self, count=200):
        """Of the other connector's status."""
        return lab.p99_ms(lambda: self.worker.status("others"), count)

    def answers_quickly(self, what, count=200):
        """As it does when nothing misbehaves."""
        self.is_quick(what, self.answer_p99_ms(count))

    def is_quick(self, what, p99):
        limit = lab.p99_limit_ms(self.calm_ms)
        print("        p99 of a status: %.1f ms, beside %s %.1f ms (limit %.1f)" % (self.calm_ms, what, p99, limit), flush=True)
        self.assertLess(p99, limit)

    def delete_all(self, names, within_s):
        """Deletes all at once; nothing is left of them, statuses included, in time. The time taken."""
        start = time.monotonic()
        list(self.requests.map(lambda name: self.worker.rest("DELETE", "/connectors/" + name), names))
        lab.wait_until(lambda: self.worker.rest("GET", "/connectors") == ["others"], "only the other connector is left")
        for name in names:
            lab.wait_until(lambda: self.worker.request("GET", "/connectors/%s/status" % name)[0] == 404,
                           "the status of %s is gone" % name)
        taken = time.monotonic() - start
        self.assertLess(taken, within_s)
        return taken


class Matrix(Crowd):
    def name_of(self, cell):
        return "%s-%s-%s-%s" % (self.fed, cell.kind, cell.call, cell.how)

    def create_all(self):
        for cell in CELLS:
            if (cell.call, cell.how) == ("validate", "hang"):
                self.put_and_forget(self.config(*cell[:3], self.name_of(cell)))
        answered = [cell for cell in CELLS if (cell.call, cell.how) != ("validate", "hang")]
        answers = self.requests.map(lambda cell: self.put(self.config(*cell[:3], self.name_of(cell)))[0], answered)
        for cell, status in zip(answered, answers):
            with self.subTest(self.name_of(cell)):
                self.assertEqual(201 if cell.connector else 500, status)
        return [cell for cell in CELLS if cell.connector]

    def wait_states(self, cells, wanted):
        """Until each cell is in the states that `wanted` says; those that are not are failures of their own."""
        seen = {}

        def are_there():
            seen.update(self.statuses())
            return all(state_of(seen.get(self.name_of(cell))) == wanted(cell) for cell in cells)
        try:
            lab.wait_until(are_there, "all cells", timeout_s=25, every_s=0.2)
        except AssertionError:
            pass  # told below, one by one
        for cell in cells:
            with self.subTest(self.name_of(cell)):
                status = seen.get(self.name_of(cell))
                self.assertEqual(wanted(cell), state_of(status), status)
                if "FAILED" in wanted(cell):
                    self.assertIn(cell.trace, trace_of(status))

    def records_pass(self, cell):
        if cell.kind == "source":
            lab.wait_until(lambda: self.kafka.end_offset(self.topic_of(self.name_of(cell))) > 0, "records of " + self.name_of(cell))
        else:
            lab.wait_until(lambda: os.path.exists(self.file_of(self.name_of(cell))), "lines of " + self.name_of(cell))

    def pause_those_that_stop(self, cells):
        cells = [cell for cell in cells if cell.paused]
        for cell in cells:
            self.worker.rest("PUT", "/connectors/%s/pause" % self.name_of(cell))
        self.wait_states(cells, lambda cell: (cell.paused, "PAUSED"))

    def left_behind(self, cells):
        log = self.worker.log_text()
        for cell in cells:
            words = "task %s-0 did not stop in time" % self.name_of(cell)
            with self.subTest(self.name_of(cell)):
                if cell.left:
                    self.assertIn("%s: it is inside %s;" % (words, cell.left), log)
                else:
                    self.assertNotIn(words, log)

    def test_each_misbehaving_call_ends_as_it_must_and_disturbs_nobody(self):
        self.start(millrace__call__timeout__ms=CALL_TIMEOUT_MS, offset__flush__interval__ms=200)
        cells = self.create_all()
        self.others_flow()
        self.wait_states(cells, lambda cell: (cell.connector, cell.task))
        for cell in cells:
            if cell.how == "slow":
                self.records_pass(cell)
        for call in {cell.call for cell in CELLS if cell.how == "hang"} - {"stop", "task.stop", "close"}:
            lab.wait_until(lambda: self.hung(call), "%s to hang" % call)
        self.others_flow()
        self.answers_quickly("%d cells" % len(cells))
        self.pause_those_that_stop(cells)
        self.delete_all([self.name_of(cell) for cell in cells], STOP_TIMEOUT_S + test_misbehaving.END_MARGIN_S)
        self.left_behind(cells)
        self.others_flow()
        self.create_all()  # under the same names
        self.wait_states(cells, lambda cell: (cell.connector, cell.task))
        self.others_flow()
        self.ends_in_time()


class Forty(Crowd):
    """Forty connectors that are blocked for ever, with the default times of a worker."""
    GRACE_MS = 5000
    DELETE_WITHIN_S = 15  # the JVM worker needs 196 s: it waits 5 s for each, one after another
    BLOCKED = 40
    VALIDATIONS = 64

    RUNNING = ("RUNNING", "RUNNING")
    # Where they hang, the states they hang in, and how many hang before they are deleted.
    ROWS = [("source", "start", ("", ""), BLOCKED), ("source", "stop", RUNNING, 0),
            ("source", "poll", RUNNING, BLOCKED), ("sink", "put", RUNNING, BLOCKED)]

    def names(self, kind, call):
        return ["%s-%s-%s-%d" % (self.fed, kind, call, i) for i in range(self.BLOCKED)]

    def block(self, kind, call, states, hung):
        """Their names, once all are there."""
        names = self.names(kind, call)
        list(self.requests.map(lambda name: self.put(self.config(kind, call, "hang", name)), names))

        def are_there():
            seen = self.statuses()
            return all(state_of(seen.get(name)) == states for name in names)
        lab.wait_until(are_there, "all %d in %s" % (self.BLOCKED, states), timeout_s=60, every_s=0.2)
        lab.wait_until(lambda: self.hung(call) >= hung, "%d hung calls of %s" % (hung, call), timeout_s=60)
        return names

    def name_is_free(self, kind, name):
        self.assertEqual(201, self.put(self.config(kind, "none", "", name))[0])
        self.worker.wait_state(name)
        self.delete_all([name], self.DELETE_WITHIN_S)

    def hang_validations(self):
        for i in range(self.VALIDATIONS):
            self.put_and_forget(self.config("source", "validate", "hang", "never-%d" % i))
        lab.wait_until(lambda: self.hung("validate") >= self.VALIDATIONS, "%d validations to hang" % self.VALIDATIONS)

    def test_forty_blocked_connectors_are_deleted_in_time_and_disturb_nobody(self):
        self.start()
        for kind, call, states, hung in self.ROWS:
            with self.subTest(call):
                self.calm_ms = self.answer_p99_ms()
                names = self.block(kind, call, states, hung)
                self.others_flow()
                p99 = self.answer_p99_ms()
                taken = self.delete_all(names, self.DELETE_WITHIN_S)
                self.is_quick("%d blocked in %s" % (self.BLOCKED, call), p99)  # now that none is left for the next row
                print("        %d blocked in %s: deleted in %.1f s" % (self.BLOCKED, call, taken), flush=True)
                self.name_is_free(kind, names[0])
                self.others_flow()
        self.ends_in_time()

    def test_the_end_comes_in_time_with_blocked_tasks_and_validations(self):
        self.start()
        self.block("source", "poll", self.RUNNING, self.BLOCKED)
        self.hang_validations()
        self.answers_quickly("%d blocked tasks and %d hung validations" % (self.BLOCKED, self.VALIDATIONS), 1000)
        self.others_flow()
        self.ends_in_time()
