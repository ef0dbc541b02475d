"""Kafka's ConnectDistributedTest: what failed is restarted over REST. The mock connectors fail by themselves after five seconds.

Theirs are a cluster each; ours share one, their connectors fail and are restarted side by side.
"""

import connect_service

WITH_TASKS = "/restart?onlyFailed=false&includeTasks=true"


class KafkaRestarts(connect_service.Service):
    def connectors_that_failed(self, restarts):
        """`restarts`: name → the end of the path. Each is FAILED soon, is restarted and RUNNING soon, by Kafka's times."""
        for name in restarts:
            self.wait(lambda: self.connector_is(name, "FAILED"), 15, "%s is FAILED" % name)
        for name, path in restarts.items():
            self.ask("POST", "/connectors/%s%s" % (name, path))
            self.wait(lambda: self.connector_is(name, "RUNNING"), 10, "%s is RUNNING" % name)

    def tasks_that_failed(self, restarts):
        for name in restarts:
            self.wait(lambda: self.task_is(name, "FAILED"), 20, "the task of %s is FAILED" % name)
        for name, path in restarts.items():
            self.ask("POST", "/connectors/%s%s" % (name, path))
            self.wait(lambda: self.task_is(name, "RUNNING"), 10, "the task of %s is RUNNING" % name)

    def test_restart_failed(self):
        """ConnectDistributedTest.test_restart_failed_connector(exactly_once_source=False), .test_restart_failed_task(connector_type=source,
        sink), .test_restart_connector_and_tasks_failed_connector, .test_restart_connector_and_tasks_failed_task(connector_type=source, sink)
        """
        self.begin()
        topic = self.new_topic()
        connectors = {self.mock_sink(topic, "connector-failure"): "/restart",
                      self.mock_sink(topic, "connector-failure"): "/restart?onlyFailed=true&includeTasks=false"}
        tasks = {self.mock_source("task-failure"): "/tasks/0/restart", self.mock_sink(topic, "task-failure"): "/tasks/0/restart",
                 self.mock_source("task-failure"): WITH_TASKS, self.mock_sink(topic, "task-failure"): WITH_TASKS}
        self.connectors_that_failed(connectors)
        self.tasks_that_failed(tasks)

    def test_restart_failed_exactly_once(self):
        """ConnectDistributedTest.test_restart_failed_connector(exactly_once_source=True), .test_restart_failed_task(
        connector_type=exactly-once source)
        """
        self.begin(once=True)
        connectors = {self.mock_source("connector-failure"): "/restart"}
        tasks = {self.mock_source("task-failure"): "/tasks/0/restart"}
        self.connectors_that_failed(connectors)
        self.tasks_that_failed(tasks)
