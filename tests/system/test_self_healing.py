"""What fails is started again by itself when that may help, and left alone when it may not; what stalls is seen."""

import os
import shutil
import unittest

import lab

RECORDS = 20


class SelfHealing(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        plugins = os.path.join(self.folder, "plugins")
        os.mkdir(plugins)
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "moody_sink.so"), plugins)
        self.worker = lab.Worker(lab.worker_properties(
            self.kafka, plugin__path=plugins, millrace__restart__delay__ms=1000, millrace__restart__delay__max__ms=1000,
            millrace__restart__budget=30, millrace__task__stall__ms=1000,
            task__shutdown__graceful__timeout__ms=1000)).start().ready()
        self.addCleanup(self.worker.end)

    def path(self, name, what):
        return os.path.join(self.folder, name + "." + what)

    def sink(self, name, mood=None, poison_at=None, **more):
        """A sink of RECORDS records, whose target is in that mood."""
        if mood:
            with open(self.path(name, "mood"), "w") as file:
                file.write(mood)
        topic = lab.fresh_name(name)
        self.kafka.topic_create(topic)
        self.kafka.produce(topic, ["poison" if i == poison_at else "%s %d" % (name, i) for i in range(RECORDS)])
        self.worker.create(name, {"connector.class": "org.acme.MoodySinkConnector", "topics": topic, "file":
                                  self.path(name, "file"), "mood": self.path(name, "mood"),
                                  "consumer.override.auto.offset.reset": "earliest", **more})
        return topic

    def better(self, name):
        os.remove(self.path(name, "mood"))

    def task(self, name):
        tasks = self.worker.rest("GET", "/connectors/%s/status?millrace=true" % name)["tasks"]
        return tasks[0] if tasks else {"state": None, "millrace": None}

    def says(self, name, fact, what, timeout_s=30):
        def is_so():
            task = self.task(name)
            self.last = task
            return fact(task, task["millrace"] or {}) and task
        try:
            return lab.wait_until(is_so, what, timeout_s)
        except AssertionError as error:
            raise AssertionError("%s: %s" % (error, self.last)) from None

    def lines(self, name):
        try:
            with open(self.path(name, "file")) as file:
                return set(file.read().splitlines())
        except FileNotFoundError:
            return set()

    def all_arrive(self, name):
        lab.wait_until(lambda: len(self.lines(name)) == RECORDS, "every record of %s arrives" % name, 40)

    def metric(self, name, connector):
        text = lab.http("GET", self.worker.url + "/metrics")[1]
        for line in text.splitlines():
            if line.startswith(name + "{") and 'connector="%s"' % connector in line:
                return float(line.split()[-1])
        raise AssertionError("no %s of %s" % (name, connector))

    def test_what_time_heals_is_healed_and_nothing_else(self):
        self.sink("away", "away")
        self.sink("broken", "broken")
        self.sink("busy", "busy")
        self.sink("stuck", "hang")
        poisoned = self.sink("poisoned", poison_at=7)
        # A record that is at fault is named, and never tried again by itself.
        task = self.says("poisoned", lambda task, _: task["state"] == "FAILED", "the poison is refused")
        self.assertIn("%s-0 offsets 0 to %d" % (poisoned, RECORDS - 1), task["trace"])
        self.assertIn("Not started again by itself: a record is at fault", task["trace"])
        self.assertEqual("record", task["millrace"]["restart"])
        # A target that is away: again and again.
        self.says("away", lambda task, _: "(lost connection; " in task.get("trace", ""), "it says why, and when it comes again")
        self.says("away", lambda _, health: health.get("restarts", 0) >= 2, "it is started again, more than once")
        # An error without a kind: once, then the records are the same.
        task = self.says("broken", lambda _, health: health.get("restart") == "same-records", "the second time is the last")
        self.assertEqual((1, "FAILED"), (task["millrace"]["restarts"], task["state"]))
        # A target that is busy is left alone, by a task that runs.
        self.says("busy", lambda task, health: task["state"] == "RUNNING" and health["breaker"] == "open", "the breaker opens")
        self.assertGreaterEqual(self.metric("millrace_task_put_breaker", "busy"), 1)
        # A put that hangs is seen while it hangs, and given up.
        lab.wait_until(lambda: "is stalled: it has been inside the plugin's put" in self.worker.log_text(), "the log says so")
        self.says("stuck", lambda task, health: health.get("restarts", 0) >= 1, "it is started anew")
        for name in ("away", "busy", "stuck"):
            self.better(name)
        for name in ("away", "busy", "stuck"):
            self.all_arrive(name)
            self.says(name, lambda task, health: task["state"] == "RUNNING" and health["breaker"] == "closed" and
                      health["stalled"] is None, "%s is well" % name)
        self.assertGreaterEqual(self.metric("millrace_task_restarts_total", "away"), 2)
        self.assertEqual(0, self.metric("millrace_task_put_breaker", "busy"))
        self.assertEqual(0, self.task("poisoned")["millrace"]["restarts"])
        # What a user says counts.
        self.better("broken")
        self.worker.rest("POST", "/connectors/broken/tasks/0/restart")
        self.all_arrive("broken")

    def test_a_rate_is_the_connectors_not_a_tasks(self):
        self.sink("slow", **{"millrace.rate.records.per.second": 8})
        self.says("slow", lambda _, health: health.get("rate_wait_ms", 0) > 0, "it waits for its rate")
        self.assertLess(len(self.lines("slow")), RECORDS)
        self.all_arrive("slow")
        self.assertGreater(self.metric("millrace_task_rate_waits_total", "slow"), 2)
        status, answer = self.worker.request("PUT", "/connectors/slow/config", {
            "connector.class": "org.acme.MoodySinkConnector", "topics": "t", "file": "/tmp/x",
            "millrace.rate.records.per.second": "-1", "millrace.restart.policy": "sometimes"})
        self.assertEqual(400, status)
        self.assertIn("millrace.rate.records.per.second", answer["message"])
        self.assertIn("millrace.restart.policy", answer["message"])


if __name__ == "__main__":
    unittest.main()
