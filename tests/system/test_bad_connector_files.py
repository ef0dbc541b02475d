"""Files of connectors that a standalone worker cannot take: exit status 1, and the last line says which file and why."""

import os
import unittest

import lab

FLAT = '{"name": "x", "connector.class": "FileStreamSource"%s}'


class Files(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()
        self.properties = {"bootstrap.servers": self.kafka.bootstrap, "key.converter": lab.STRING,
                           "value.converter": lab.STRING, "listeners": "http://127.0.0.1:0",
                           "offset.storage.file.filename": os.path.join(self.folder, "offsets")}

    def refused(self, name, content, *words):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())
        worker = lab.Worker(self.properties, command=("standalone",), arguments=[path]).start()
        self.assertEqual(1, worker.wait(30), worker.log_end())
        last = worker.log_text().splitlines()[-1]
        for word in (path, *words):
            self.assertIn(word, last)
        for word in ("request body", "URL", "endpoint"):
            self.assertNotIn(word, last)

    def test_every_fault_of_a_file_is_told_in_one_line_that_names_it(self):
        for name, content, *words in (
                ("nowhere.properties", None, "cannot be opened"),
                ("escape.properties", "name=a\nconnector.class=\\u12\n", "line 2"),
                ("nameless.properties", "connector.class=FileStreamSource\n", "`name` is missing"),
                ("foreign.properties", "name=a\nconnector.class=NoSuchThing\n", "was not accepted", "NoSuchThing"),
                ("lacking.properties", "name=a\nconnector.class=FileStreamSource\ntasks.max=zero\n",
                 '3 error(s): ', "tasks.max", '; Missing required configuration "topic"'),
                ("bad.json", "{bad", "is not valid JSON", "line 1"),
                ("list.json", "[]", "The file must be the configuration of a connector"),
                ("empty.json", "", "is empty"),
                ("bytes.json", b"\xff\xfe", "not UTF-8"),
                ("nameless.json", "{}", '"name" is missing'),
                ("nested.json", FLAT % ', "a": {}', 'Option "a"'),
                ("state.json", '{"name": "x", "config": {}, "initial_state": "FLYING"}', "FLYING", "RUNNING"),
                ("two-names.json", '{"name": "x", "config": {"name": "y"}}', '"name"', "differ"),
                ("unknown.json", '{"name": "x", "config": {}, "extra": 1}', '"extra"'),
                ("huge.json", b"a" * (2 << 20), "1048576 bytes")):
            with self.subTest(name):
                self.refused(name, content, *words)
