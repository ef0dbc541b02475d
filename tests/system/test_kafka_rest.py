"""Kafka's ConnectRestApiTest.test_rest_api: two workers, a file source and a file sink from their validation to their end."""

import os

import connect_service
import lab

SOURCE = connect_service.FILE + "FileStreamSourceConnector"
SINK = connect_service.FILE + "FileStreamSinkConnector"
COMMON = {"name", "connector.class", "tasks.max", "key.converter", "value.converter", "header.converter", "file", "transforms",
          "config.action.reload", "errors.retry.timeout", "errors.retry.delay.max.ms", "errors.tolerance", "errors.log.enable",
          "errors.log.include.messages", "predicates", "tasks.max.enforce"}
OF_SOURCE = COMMON | {"batch.size", "topic", "topic.creation.groups", "exactly.once.support", "transaction.boundary",
                      "transaction.boundary.interval.ms", "offsets.storage.topic"}
OF_SINK = COMMON | {"topics", "topics.regex", "errors.deadletterqueue.topic.name", "errors.deadletterqueue.topic.replication.factor",
                    "errors.deadletterqueue.context.headers.enable"}
SINCE = {"connector.plugin.version", "key.converter.plugin.version", "value.converter.plugin.version",
         "header.converter.plugin.version"}  # in Kafka since that test was written (KIP-891)
FIRST = ["foo", "bar", "baz"]
LONGER = FIRST + ["razz", "ma", "tazz"]


class KafkaRest(connect_service.Service):
    def test_rest_api(self):
        """ConnectRestApiTest.test_rest_api"""
        self.begin(names="ab")
        self.new_files()
        self.topic = self.new_topic()
        self.source, self.sink = lab.fresh_name("local-file-source"), lab.fresh_name("local-file-sink")
        external = os.path.join(self.folder, "connect-external-configs.properties")
        lab.properties_write(external, {"topic.external": self.topic})
        common = {"tasks.max": "1", "errors.log.enable": "true", "errors.log.include.messages": "true", "errors.tolerance": "none"}
        reference = "${file:%s:topic.external}" % external
        self.of_source = {"name": self.source, "connector.class": SOURCE, "file": self.input, "topic": reference, **common}
        self.of_sink = {"name": self.sink, "connector.class": SINK, "file": self.output, "topics": reference,
                        "key.converter.schemas.enable": "True", "value.converter.schemas.enable": "True", **common}
        self.plugins_and_validation()
        self.data_flows()
        self.what_is_told()
        self.another_file()
        for name in (self.source, self.sink):
            self.ask("DELETE", "/connectors/" + name)
        self.wait(lambda: self.ask("GET", "/connectors") == [], 10, "no connector")

    def plugins_and_validation(self):
        self.assertEqual([], self.ask("GET", "/connectors"))
        self.assertLessEqual({SOURCE, SINK}, {plugin["class"] for plugin in self.ask("GET", "/connector-plugins/")})
        for name, config, names in ((SOURCE, self.of_source, OF_SOURCE), (SINK, self.of_sink, OF_SINK)):
            answer = self.ask("PUT", "/connector-plugins/%s/config/validate" % name, config)
            self.assertEqual((name, 0), (answer["name"], answer["error_count"]))
            told = {each["definition"]["name"] for each in answer["configs"]}
            self.assertEqual(names | SINCE, {each for each in told if not each.startswith("millrace.")})

    def data_flows(self):
        self.create(self.source, self.of_source)
        self.create(self.sink, self.of_sink)
        self.wait(lambda: set(self.ask("GET", "/connectors")) == {self.source, self.sink}, 10, "both listed")
        self.append(FIRST)
        self.wait(lambda: set(self.output_lines()) == set(FIRST), 120, "the lines in the output")
        status, _ = self.cluster.any().request("POST", "/connectors", {"name": self.source, "config": self.of_source})
        self.assertEqual(409, status)

    def what_is_told(self):
        for name, config, kind, task_class in ((self.source, self.of_source, "source", "FileStreamSourceTask"),
                                               (self.sink, self.of_sink, "sink", "FileStreamSinkTask")):
            self.assertEqual({"name": name, "config": config, "type": kind, "tasks": [{"connector": name, "task": 0}]},
                             self.ask("GET", "/connectors/" + name))
            self.assertEqual(config, self.ask("GET", "/connectors/%s/config" % name))
            self.assertEqual([{"id": {"connector": name, "task": 0},
                               "config": {**config, "task.class": connect_service.FILE + task_class}}],
                             self.ask("GET", "/connectors/%s/tasks" % name))

    def another_file(self):
        """The tasks go over to it."""
        second = self.input + "2"
        self.ask("PUT", "/connectors/%s/config" % self.source, {**self.of_source, "file": second})
        self.append(LONGER, second)
        self.wait(lambda: set(self.output_lines()) == set(LONGER), 120, "the lines of the other file in the output")
