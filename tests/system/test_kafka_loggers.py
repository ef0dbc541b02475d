"""Kafka's ConnectDistributedTest.test_dynamic_logging: levels of one worker and of all, seen through the listings of three."""

import time

import connect_service


def other_than(level):
    return "INFO" if level is None or level.upper() != "INFO" else "WARN"


class KafkaLoggers(connect_service.Service):
    def loggers(self, name):
        return self.node(name).rest("GET", "/admin/loggers")

    def set_level(self, namespace, level, scope=None):
        """Through the first worker; the time of the request, ms."""
        asked_ms = int(time.time() * 1000)
        changed = self.node("a").rest("PUT", "/admin/loggers/%s%s" % (namespace, "?scope=" + scope if scope else ""), {"level": level})
        if scope == "cluster":
            self.assertIsNone(changed)
        else:
            self.assertTrue(changed)
            self.assertEqual([], [name for name in changed if not name.startswith(namespace)])
        return asked_ms

    def are_set(self, level, since_ms, namespace, names=connect_service.WORKERS):
        """All loggers of the namespace, there, have the level, and a change since then; None: no change ever."""
        for name in names:
            own = [state for logger, state in self.loggers(name).items() if logger.startswith(namespace)]
            if since_ms is None:
                self.assertEqual([], [state for state in own if state["last_modified"] is not None])
            if not own or any(state["level"] != level or (since_ms is not None and (state["last_modified"] or 0) < since_ms)
                              for state in own):
                return False
        return True

    def wait_set(self, level, since_ms, namespace):
        self.wait(lambda: self.are_set(level, since_ms, namespace), 10, "%s is %s on all workers" % (namespace, level))

    def test_dynamic_logging(self):
        """ConnectDistributedTest.test_dynamic_logging"""
        self.begin()
        self.initial = self.loggers("a")
        self.assertIn("root", self.initial)
        self.assertGreaterEqual(len(self.initial), 2)
        self.assertEqual([], [state for state in self.initial.values() if state["last_modified"] is not None])
        self.of_one_worker()
        self.of_all()
        self.twice_the_same_changes_nothing()
        self.of_one_worker_beside_all()
        self.restart_worker_alone()

    def of_one_worker(self):
        self.namespace = next(name for name in self.initial if name != "root")
        before = self.initial[self.namespace]["level"]
        asked_ms = self.set_level(self.namespace, other_than(before))
        self.assertTrue(self.are_set(other_than(before), asked_ms, self.namespace, ["a"]))
        self.assertTrue(self.are_set(before, None, self.namespace, ["b", "c"]))

    def of_all(self):
        self.set_level("root", "DEBUG", "cluster")
        self.wait_set("INFO", self.set_level("root", "INFO", "cluster"), "root")
        self.wait_set("DEBUG", self.set_level(self.namespace, "DEBUG", "cluster"), self.namespace)

    def twice_the_same_changes_nothing(self):
        before = {name: self.loggers(name) for name in self.nodes}
        self.set_level(self.namespace, "DEBUG", "cluster")
        self.other, state = [(name, state) for name, state in before["a"].items()
                             if name != "root" and not name.startswith(self.namespace)][-1]
        level = other_than(state["level"])
        self.wait_set(level, self.set_level(self.other, level, "cluster"), self.other)
        for name in self.nodes:
            after = self.loggers(name)
            self.assertEqual({}, {logger: (state, after[logger]) for logger, state in before[name].items()
                                  if logger.startswith(self.namespace) and state != after[logger]})

    def of_one_worker_beside_all(self):
        self.set_level("root", "DEBUG", "cluster")
        root_ms = self.set_level("root", "INFO", "cluster")
        self.wait_set("INFO", root_ms, "root")
        before = {name: self.loggers(name) for name in self.nodes}
        own_ms = self.set_level(self.other, other_than("INFO"), "worker")
        self.assertTrue(self.are_set(other_than("INFO"), own_ms, self.other, ["a"]))
        for logger, state in self.loggers("a").items():
            if not logger.startswith(self.other):
                self.assertEqual("INFO", state["level"], logger)
                self.assertTrue(root_ms <= state["last_modified"] < own_ms, (logger, state, root_ms, own_ms))
        self.assertEqual({name: before[name] for name in "bc"}, {name: self.loggers(name) for name in "bc"})

    def restart_worker_alone(self):
        """All changes, whatever their scope, are gone after a restart. A logger is listed from its first message on: not each comes again."""
        self.stop_worker("a")
        self.cluster.start("a").ready()
        restarted = self.loggers("a")
        self.assertEqual([], [name for name, state in restarted.items() if state["last_modified"] is not None])
        self.assertEqual(restarted, {name: self.initial.get(name, self.initial["root"]) for name in restarted})
        self.assertIn("root", restarted)
