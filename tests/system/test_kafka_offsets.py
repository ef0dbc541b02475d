"""Kafka's OffsetsApiIntegrationTest: offsets of sources and sinks are read, altered and reset over REST, through three workers.

Its sources stop at their tenth record; ours are a file of ten lines, and a VerifiableSource, which goes on.
"""

import os
import shutil

import connect_service
import lab

PARTITIONS, RECORDS = 3, 10
LINE = "line\n"
FLUSH_MS = 1000  # as theirs
BAD_OF_SINK = (
    {}, {"offsets": []}, {"offsets": [{}]}, {"offsets": [{"partition": None, "offset": None}]}, {"offsets": [{"partition": {}, "offset": None}]},
    {"offsets": [{"partition": {"kafka_topic": "test", "kafka_partition": "not a number"}, "offset": None}]},
    {"offsets": [{"partition": {"kafka_topic": "test", "kafka_partition": 1}, "offset": {}}]},
    {"offsets": [{"partition": {"kafka_topic": "test", "kafka_partition": 1}, "offset": {"kafka_offset": "not a number"}}]},
)
BAD_OF_SOURCE = (b"[]", b"{}", b'{"key": []}', b'{"offsets": []}', b'{"offsets": {}}', b'{"offsets": [123]}', b'{"offsets": [{"key": "val"}]}',
                 b'{"offsets": [{"partition": []]}]}')


class KafkaOffsets(connect_service.Service):
    def offsets(self, name):
        return [(entry["partition"], entry["offset"]) for entry in self.ask("GET", "/connectors/%s/offsets" % name)["offsets"]]

    def modify(self, name, changes=None):
        """Alters, or resets. As theirs does it, again while tasks are only just leaving."""
        path = "/connectors/%s/offsets" % name
        body = changes and {"offsets": [{"partition": partition, "offset": offset} for partition, offset in changes]}

        def modified():
            status, answer = self.cluster.any().request("PATCH" if changes else "DELETE", path, body)
            if status == 500 and "consumer group offsets for connector" in answer["message"]:
                raise lab.RestError(status, answer)
            self.assertEqual(200, status, answer)
            return True
        lab.wait_until(modified, "the offsets of %s are changed" % name, 30, 0.5)

    def stop(self, name):
        self.ask("PUT", "/connectors/%s/stop" % name)
        self.wait_everywhere(name, "STOPPED", 0)

    def resume(self, name, tasks):
        self.ask("PUT", "/connectors/%s/resume" % name)
        self.wait_running(name, tasks)

    # Sinks

    def sink_offsets_are(self, name, expected):
        """`expected`: partition → offset."""
        def are():
            told = {partition["kafka_partition"]: offset["kafka_offset"] for partition, offset in self.offsets(name)}
            assert told == expected, told
            return True
        self.wait(are, 60, "offsets of %s" % name)

    def produce(self):
        for partition in range(PARTITIONS):
            self.kafka.produce(self.topic, ["value"] * RECORDS, partition=partition)

    def sink(self, **more):
        name = self.create(lab.fresh_name("sink"), {
            "connector.class": "FileStreamSink", "tasks.max": 2, "topics": self.topic, "file": os.path.join(self.folder, "sink"),
            "key.converter": lab.STRING, "value.converter": lab.STRING,
            **{key.replace("__", "."): value for key, value in more.items()}})
        self.wait_running(name, 2)
        return name

    def test_sinks(self):
        """OffsetsApiIntegrationTest.testGetSinkConnectorOffsets, .testAlterSinkConnectorOffsets, .testResetSinkConnectorOffsets, each also
        with OverriddenConsumerGroupId, .testAlterSinkConnectorOffsetsInvalidRequestBody
        """
        self.begin(offset__flush__interval__ms=FLUSH_MS)
        self.new_files()
        self.topic = lab.fresh_name("topic")
        self.kafka.topic_create(self.topic, partitions=PARTITIONS)
        self.produce()
        group = lab.fresh_name("overridden-group")
        names = [self.sink(), self.sink(consumer__override__group__id=group)]
        for name in names:
            self.sink_offsets_are(name, dict.fromkeys(range(PARTITIONS), RECORDS))
        self.produce()
        for name in names:
            self.sink_offsets_are(name, dict.fromkeys(range(PARTITIONS), 2 * RECORDS))
        groups = self.kafka.tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server", self.kafka.bootstrap, "--list").split()
        self.assertEqual([True, True, False], [each in groups for each in ("connect-" + names[0], group, "connect-" + names[1])])
        for name in names:
            self.sink_is_altered(name)
            self.sink_is_reset(name)
        for body in BAD_OF_SINK:
            self.refused(names[0], body)

    def sink_is_altered(self, name):
        self.stop(name)
        of = [{"kafka_topic": self.topic, "kafka_partition": partition} for partition in range(PARTITIONS)]
        self.modify(name, [(of[0], None)] + [(partition, {"kafka_offset": 5}) for partition in of[1:]])
        self.sink_offsets_are(name, {1: 5, 2: 5})
        self.resume(name, 2)
        self.sink_offsets_are(name, dict.fromkeys(range(PARTITIONS), 2 * RECORDS))

    def sink_is_reset(self, name):
        self.stop(name)
        for _ in range(2):
            self.modify(name)
            self.assertEqual([], self.offsets(name))
        self.resume(name, 2)
        self.sink_offsets_are(name, dict.fromkeys(range(PARTITIONS), 2 * RECORDS))
        self.stop(name)

    def refused(self, name, body):
        status, answer = self.cluster.any().request("PATCH", "/connectors/%s/offsets" % name, body)
        self.assertEqual(400, status, (body, answer))

    def test_zombie_sink_tasks(self):
        """OffsetsApiIntegrationTest.testAlterSinkConnectorOffsetsZombieSinkTasks, .testResetSinkConnectorOffsetsZombieSinkTasks

        Theirs refuse while a task hangs in its stop; ours has let go of its consumer by then, so that nobody undoes the change.
        """
        self.new_files()
        shutil.copy(os.path.join(lab.BUILD, "test-plugins", "misbehaving.so"), self.folder)
        self.begin(plugin__path=self.folder, offset__flush__interval__ms=FLUSH_MS)
        self.topic = self.new_topic()
        self.kafka.produce(self.topic, ["value"] * RECORDS)
        open(self.output, "w", encoding="utf-8").close()  # they hang while it is there
        name = self.create(lab.fresh_name("sink"), {
            "connector.class": "MisbehavingSink", "tasks.max": 1, "topics": self.topic, "misbehave": "task.stop:hang",
            "hang.while": self.output, "key.converter": lab.STRING, "value.converter": lab.STRING})
        self.sink_offsets_are(name, {0: RECORDS})
        self.ask("PUT", "/connectors/%s/stop" % name)
        self.wait(self.output_lines, 10, "the task hangs")
        partition = {"kafka_topic": self.topic, "kafka_partition": 0}
        self.modify(name, [(partition, {"kafka_offset": 3})])
        self.sink_offsets_are(name, {0: 3})
        self.modify(name)
        self.assertEqual([], self.offsets(name))
        os.unlink(self.output)

    # Sources

    def test_sources(self):
        """OffsetsApiIntegrationTest.testGetNonExistentConnectorOffsets, .testAlterOffsetsNonExistentConnector, .testGetSourceConnectorOffsets,
        .testAlterOffsetsNonStoppedConnector, .testAlterSourceConnectorOffsets, .testResetSourceConnectorOffsets, each also with
        CustomOffsetsTopic, .testAlterSourceConnectorOffsetsInvalidRequestBody
        """
        self.sources(once=False)

    def test_sources_exactly_once(self):
        """OffsetsApiIntegrationTest.testAlterSourceConnectorOffsetsExactlyOnceSupportEnabled, .testResetSourceConnectorOffsets…"""
        self.sources(once=True)

    def sources(self, once):
        self.begin(once=once, offset__flush__interval__ms=FLUSH_MS)
        self.new_files()
        nobody = "/connectors/%s/offsets" % lab.fresh_name("nobody")
        self.assertEqual(404, self.cluster.any().request("GET", nobody)[0])
        self.assertEqual(404, self.cluster.any().request("PATCH", nobody, {"offsets": [{"partition": {}, "offset": {}}]})[0])
        own = {"offsets.storage.topic": lab.fresh_name("custom-offsets")}
        self.sources_of_files({}, own)
        self.sources_that_go_on({}, own)

    def sources_of_files(self, *differences):
        self.append([LINE.strip()] * RECORDS)
        for more in differences:
            name = self.create(lab.fresh_name("lines"), {
                "connector.class": "FileStreamSource", "tasks.max": 1, "file": self.input, "topic": lab.fresh_name("topic"), **more})
            self.lines_read_are(name, RECORDS)
            changes = [({"filename": self.input}, {"position": 5 * len(LINE)})]
            body = {"offsets": [{"partition": partition, "offset": offset} for partition, offset in changes]}
            self.refused(name, body)
            self.ask("PUT", "/connectors/%s/pause" % name)
            self.wait_everywhere(name, "PAUSED")
            self.refused(name, body)
            self.stop(name)
            self.modify(name, changes)
            self.lines_read_are(name, 5)
            self.resume(name, 1)
            self.lines_read_are(name, RECORDS)
        self.stop(name)
        for body in BAD_OF_SOURCE:
            self.refused(name, body)

    def lines_read_are(self, name, count):
        expected = [({"filename": self.input}, {"position": count * len(LINE)})]
        self.wait(lambda: self.offsets(name) == expected, 60, "%d lines of %s" % (count, name))

    def sources_that_go_on(self, *differences):
        names = [self.verifiable_source(lab.fresh_name("topic"), 2, 100, **more) for more in differences]
        for name in names:
            self.numbers_reach(name, RECORDS)
            self.stop(name)
            changes = [({"id": task}, {"seqno": 5}) for task in range(2)]
            self.modify(name, changes)
            self.assertCountEqual(changes, self.offsets(name))
            self.resume(name, 2)
            self.numbers_reach(name, RECORDS)
            self.stop(name)
            for _ in range(2):
                self.modify(name)
                self.assertEqual([], self.offsets(name))
            self.resume(name, 2)
            self.numbers_reach(name, RECORDS)
            self.ask("DELETE", "/connectors/" + name)

    def numbers_reach(self, name, least):
        def reach():
            told = {partition["id"]: offset["seqno"] for partition, offset in self.offsets(name)}
            return set(told) == {0, 1} and min(told.values()) >= least
        self.wait(reach, 60, "offsets of %s" % name)
