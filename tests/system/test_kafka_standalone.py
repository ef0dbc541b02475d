"""Kafka's ConnectStandaloneFileTest: a standalone worker with a file source, another with a file sink, restarts, and dead letters."""

import hashlib
import json
import os

import connect_service
import lab

FIRST, SECOND = ["foo", "bar", "baz"], ["razz", "ma", "tazz"]
SCHEMA = {"type": "string", "optional": False}


class KafkaStandalone(connect_service.Service):
    def begin(self):
        """The files of both workers, none of which runs yet."""
        self.kafka = lab.suite_lab()
        self.new_files()
        self.topic = self.new_topic()
        self.external = os.path.join(self.folder, "connect-external-configs.properties")
        lab.properties_write(self.external, {"topic.external": self.topic})

    def worker(self, schemas, connector, **config):
        """Kafka's template and one connector; a `__` stands for a dot."""
        path = os.path.join(self.folder, config["name"] + ".properties")
        lab.properties_write(path, {"connector.class": connect_service.FILE + connector, "tasks.max": 1, "errors.log.enable": "true",
                                    "errors.log.include.messages": "true", "errors.tolerance": "none",
                                    **{key.replace("__", "."): value for key, value in config.items()}})
        return lab.Worker({
            "bootstrap.servers": self.kafka.bootstrap, "key.converter": connect_service.JSON, "value.converter": connect_service.JSON,
            "key.converter.schemas.enable": schemas, "value.converter.schemas.enable": schemas,
            "offset.storage.file.filename": os.path.join(self.folder, config["name"] + ".offsets"), "request.timeout.ms": 30000,
            "config.providers": "file", "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
            "listeners": "http://127.0.0.1:%d" % lab.free_port()}, command=("standalone",), arguments=[path])

    def pair(self, schemas="true", source=None, sink=None):
        topic = "${file:%s:topic.external}" % self.external
        workers = [self.worker(schemas, "FileStreamSourceConnector", name=lab.fresh_name("local-file-source"), file=self.input,
                               topic=topic, **(source or {})),
                   self.worker(schemas, "FileStreamSinkConnector", name=lab.fresh_name("local-file-sink"), file=self.output,
                               topics=topic, **(sink or {}))]
        for worker in workers:
            worker.start()
            self.addCleanup(worker.end)
        for worker in workers:
            worker.ready()
        return workers

    def output_is(self, text):
        try:
            with open(self.output, "rb") as file:
                return hashlib.md5(file.read()).digest() == hashlib.md5(text.encode()).digest()
        except FileNotFoundError:
            return False

    def source_to_sink(self, converter, schemas):
        self.begin()
        own = {} if converter == connect_service.JSON else {"key__converter": converter, "value__converter": converter}
        workers = self.pair("true" if schemas else "false", own, {
            "key__converter__schemas__enable": str(schemas), "value__converter__schemas__enable": str(schemas), **own})
        self.append(FIRST)
        self.wait(lambda: self.output_is("foo\nbar\nbaz\n"), 60, "the first lines in the output")
        for worker in workers:
            self.assertEqual(0, worker.stop(), worker.log_end())
            worker.start().ready()
        self.append(SECOND)
        self.wait(lambda: self.output_is("foo\nbar\nbaz\nrazz\nma\ntazz\n"), 60, "all lines in the output, each once")
        decode = json.loads if converter == connect_service.JSON else str
        self.assertEqual([{"schema": SCHEMA, "payload": line} if schemas else line for line in FIRST + SECOND],
                         [decode(record["value"]) for record in self.kafka.consume(self.topic)])

    def test_file_source_and_sink_json(self):
        """ConnectStandaloneFileTest.test_file_source_and_sink(converter=JsonConverter, schemas=True)"""
        self.source_to_sink(connect_service.JSON, True)

    def test_file_source_and_sink_json_without_schemas(self):
        """ConnectStandaloneFileTest.test_file_source_and_sink(converter=JsonConverter, schemas=False)"""
        self.source_to_sink(connect_service.JSON, False)

    def test_file_source_and_sink_strings(self):
        """ConnectStandaloneFileTest.test_file_source_and_sink(converter=StringConverter, schemas=None)"""
        self.source_to_sink(lab.STRING, None)

    def letters(self, tolerance):
        """Of 1000 records every other one is no JSON; the good ones' text, the bad ones."""
        self.begin()
        self.letters_topic = lab.fresh_name("my-connector-errors")
        names = ("key__converter", "value__converter")
        workers = self.pair(source={**dict.fromkeys(names, lab.STRING), "errors__tolerance": tolerance}, sink={
            **dict.fromkeys(names, connect_service.JSON), **{name + "__schemas__enable": "False" for name in names},
            "errors__tolerance": tolerance, "errors__deadletterqueue__topic__name": self.letters_topic,
            "errors__deadletterqueue__topic__replication__factor": 1})
        lines = ['{"some_key":%d}' % n if n % 2 == 0 else '{"some_key:%d}' % n for n in range(1000)]
        self.append(lines)
        return workers[1], "".join("{some_key=%d}\n" % n for n in range(0, 1000, 2)), lines[1::2]

    def test_skip_and_log_to_dlq(self):
        """ConnectStandaloneFileTest.test_skip_and_log_to_dlq(error_tolerance=all)"""
        _, good, bad = self.letters("all")
        self.wait(lambda: self.output_is(good), 15, "the good records in the output")
        self.wait(lambda: [record["value"] for record in self.kafka.consume(self.letters_topic)] == bad, 10, "the others are letters")

    def test_fail_and_log_to_dlq(self):
        """ConnectStandaloneFileTest.test_skip_and_log_to_dlq(error_tolerance=none)"""
        sink, good, bad = self.letters("none")
        name = next(iter(sink.rest("GET", "/connectors")))
        self.wait(lambda: [task["state"] for task in sink.status(name)["tasks"]] == ["FAILED"], 15, "the sink has failed")
        self.assertFalse(self.output_is(good))
        self.wait(lambda: [record["value"] for record in self.kafka.consume(self.letters_topic)] == bad[:1], 10, "the first is a letter")
