"""Kafka's ConnectDistributedTest: lines from a file into a file over restarts of all workers, and a chain of transforms.

Its test_broker_compatibility is the first part of this with older brokers, which our build machines do not have.
"""

import json

import connect_service
import lab

FIRST, SECOND = ["foo", "bar", "baz"], ["razz", "ma", "tazz"]
TIMESTAMP = "the_timestamp"
SCHEMA = {"type": "struct", "optional": False, "fields": [
    {"field": "content", "type": "string", "optional": False},
    {"field": TIMESTAMP, "name": "org.apache.kafka.connect.data.Timestamp", "type": "int64", "version": 1, "optional": True}]}


class KafkaFiles(connect_service.Service):
    def source_to_sink(self):
        self.new_files()
        topic = self.new_topic()
        self.create("local-file-source-" + topic, {
            "connector.class": connect_service.FILE + "FileStreamSourceConnector", "tasks.max": 1, "file": self.input, "topic": topic,
            "errors.log.enable": "true", "errors.log.include.messages": "true", "errors.tolerance": "none"})
        self.create("local-file-sink-" + topic, {
            "connector.class": connect_service.FILE + "FileStreamSinkConnector", "tasks.max": 1, "file": self.output, "topics": topic,
            "key.converter.schemas.enable": "True", "value.converter.schemas.enable": "True"})
        self.append(FIRST)
        self.wait(lambda: set(self.output_lines()) == set(FIRST), 70, "the first lines in the output")
        self.restart()
        self.append(SECOND)
        self.wait(lambda: set(self.output_lines()) == set(FIRST + SECOND), 150, "the lines after the restart in the output")

    def test_file_source_and_sink(self):
        """ConnectDistributedTest.test_file_source_and_sink(exactly_once_source=False)"""
        self.begin()
        self.source_to_sink()

    def test_file_source_and_sink_exactly_once(self):
        """ConnectDistributedTest.test_file_source_and_sink(exactly_once_source=True)"""
        self.begin(once=True)
        self.source_to_sink()

    def test_transformations(self):
        """ConnectDistributedTest.test_transformations"""
        self.begin()
        self.new_files()
        topic, transforms = self.new_topic(), "org.apache.kafka.connect.transforms."
        name = self.create(lab.fresh_name("file-src"), {
            "connector.class": connect_service.FILE + "FileStreamSourceConnector", "tasks.max": 1, "file": self.input, "topic": topic,
            "transforms": "hoistToStruct,insertTimestampField", "transforms.hoistToStruct.type": transforms + "HoistField$Value",
            "transforms.hoistToStruct.field": "content",
            "transforms.insertTimestampField.type": transforms + "InsertField$Value",
            "transforms.insertTimestampField.timestamp.field": TIMESTAMP})
        self.wait(lambda: self.connector_is(name, "RUNNING"), 30, "RUNNING")
        self.append(FIRST)
        self.wait(lambda: self.kafka.end_offset(topic) >= len(FIRST), 15, "the records")
        records = self.kafka.consume(topic)
        self.assertEqual(len(FIRST), len(records))
        for record in records:
            value = json.loads(record["value"])
            self.assertEqual("create", record["tstype"])
            self.assertEqual(SCHEMA, value["schema"])
            self.assertIn(value["payload"]["content"], FIRST)
            self.assertEqual(record["ts"], value["payload"][TIMESTAMP])
