"""Two versions of each class of plugin in different places of the plugin path (KIP-891)."""

import os
import shutil
import unittest

import exposition
import lab

RANGE_3 = "not found that matches the version range [3.0,3.0], available versions: [1.0, 2.0]"
KINDS = {"VersionedSinkConnector": ["sink"], "VersionedTransform": ["transformation"], "VersionedPredicate": ["predicate"],
         "VersionedConverter": ["converter", "header_converter"]}


def place(version):
    """A folder of the plugin path with that version alone."""
    folder = lab.scratch_folder()
    shutil.copy(os.path.join(lab.BUILD, "test-plugins", "versioned_%s.so" % version.replace(".", "_")), folder)
    return folder


class SideBySide(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        properties = lab.worker_properties(self.kafka, plugin__path="%s,%s" % (place("2.0"), place("1.0")),
                                           key__converter="VersionedConverter", key__converter__plugin__version="[1.0,2.0)")
        self.worker = lab.Worker(properties).start().ready()
        self.addCleanup(self.worker.end)

    def test_each_connector_runs_the_versions_it_wishes_for(self):
        self.lists_and_pages_know_both()
        self.a_pipeline_mixes_them()
        self.a_connector_moves_between_them()

    def lists_and_pages_know_both(self):
        listed = [(plugin["class"], plugin["type"], plugin["version"])
                  for plugin in self.worker.rest("GET", "/connector-plugins?connectorsOnly=false")]
        for name, kinds in KINDS.items():
            for kind in kinds:
                self.assertEqual([("org.acme." + name, kind, "1.0"), ("org.acme." + name, kind, "2.0")],
                                 [entry for entry in listed if entry[0] == "org.acme." + name and entry[1] == kind])
            for asked, given in (("", "2.0"), ("?version=1.0", "1.0"), ("?version=%5B1.0,2.0)", "1.0"), ("?version=latest", "2.0")):
                options = self.worker.rest("GET", "/connector-plugins/%s/config%s" % (name, asked))
                self.assertEqual(["only.in." + given], [row["name"] for row in options if row["name"].startswith("only.in.")])
            status, answer = self.worker.request("GET", "/connector-plugins/%s/config?version=3.0" % name)
            self.assertEqual((400, "Plugin org.acme.%s %s" % (name, RANGE_3)), (status, answer["message"]))

    def a_pipeline_mixes_them(self):
        topic = lab.fresh_name("topic")
        lines = os.path.join(self.worker.folder, "lines")
        with open(lines, "w", encoding="utf-8") as file:
            file.write("line\n")
        self.worker.create(topic, {
            "connector.class": "FileStreamSource", "file": lines, "topic": topic,
            "value.converter": "VersionedConverter", "value.converter.plugin.version": "1.0",
            "header.converter": "VersionedConverter", "header.converter.plugin.version": "(1.0,)",
            "transforms": "old,new,not", "predicates": "holds,fails",
            "transforms.old.type": "VersionedTransform", "transforms.old.plugin.version": "[1.0]",
            "transforms.new.type": "VersionedTransform", "transforms.new.predicate": "holds",
            "transforms.not.type": "VersionedTransform", "transforms.not.predicate": "fails",
            "predicates.holds.type": "VersionedPredicate", "predicates.holds.wanted": "2.0",
            "predicates.fails.type": "VersionedPredicate", "predicates.fails.wanted": "2.0",
            "predicates.fails.plugin.version": "(,2.0)"})
        lab.wait_until(lambda: self.kafka.end_offset(topic) > 0, "the line")
        record = self.kafka.consume(topic)[0]
        self.assertEqual("1.0:line", record["value"])
        self.assertEqual(["transform", "2.0:1.0", "transform", "2.0:2.0"], record["headers"])
        info = [line for line in self.worker.rest("GET", "/metrics").splitlines()
                if line.startswith("kafka_connect_connector_task_info{connector=\"%s\"" % topic)][0]
        for label in ("key_converter_version=\"1.0\"", "value_converter_version=\"1.0\"", "header_converter_version=\"2.0\""):
            self.assertIn(label, info)
        found = exposition.Exposition(self.worker.rest("GET", "/metrics"))
        for kind, expected in (("transform", {("old", "1.0"), ("new", "2.0"), ("not", "2.0")}),
                               ("predicate", {("holds", "2.0"), ("fails", "1.0")})):
            seen = [dict(labels) for name, labels in found.samples if name == "kafka_connect_connector_%s_info" % kind]
            self.assertEqual(expected, {(labels[kind], labels[kind + "_version"]) for labels in seen if labels["connector"] == topic})

    def a_connector_moves_between_them(self):
        name = lab.fresh_name("sink")
        config = {"connector.class": "VersionedSink", "topics": lab.fresh_name("topic")}
        runs = self.runs(name)
        self.worker.create(name, {**config, "connector.plugin.version": "1.0"})
        lab.wait_until(lambda: runs() == ["1.0"] * 2, "1.0 to run")
        self.worker.rest("PUT", "/connectors/%s/config" % name, config)
        lab.wait_until(lambda: runs() == ["2.0"] * 2, "2.0 to run")
        status, answer = self.worker.request("PUT", "/connectors/%s/config" % name, {**config, "connector.plugin.version": "3.0"})
        self.assertEqual(400, status)
        self.assertIn("Plugin org.acme.VersionedSinkConnector " + RANGE_3, answer["message"])
        self.worker.rest("PUT", "/connectors/%s/config" % name, {**config, "connector.plugin.version": "[1.0,2.0)"})
        lab.wait_until(lambda: runs() == ["1.0"] * 2, "1.0 to run again")

    def runs(self, name):
        """The versions of the connector and its task, once both are RUNNING."""
        def versions():
            status, answer = self.worker.request("GET", "/connectors/%s/status" % name)
            parts = [answer["connector"], *answer["tasks"]] if status == 200 else []
            return [part["version"] for part in parts if part["state"] == "RUNNING"]
        return versions
