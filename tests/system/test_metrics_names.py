"""GET /metrics holds every name that dashboards for Kafka Connect read, with exactly their labels, under load, and each number moves
as it must; tests/support/metrics-names.txt is the list."""

import os
import unittest

import exposition
import lab

LINES = 3000
LISTED = os.path.join(lab.ROOT, "tests", "support", "metrics-names.txt")


def listed_names():
    """name → (type, labels)"""
    names = {}
    with open(LISTED, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, kind, labels = (line.split() + ["-"])[:3]
                names[name] = kind, frozenset() if labels == "-" else frozenset(labels.split(","))
    return names


def names_in(found):
    """Families that have a series."""
    return {name for name, kind in found.types.items()
            if any(n == (name + "_count" if kind == "histogram" else name) for n, _ in found.samples)}


class MetricsNames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = lab.suite_lab()
        cls.folder = lab.scratch_folder()
        cls.topic = lab.fresh_name("named-")
        cls.port = lab.free_port()
        cls.worker = lab.Worker(lab.worker_properties(
            cls.kafka, offset__flush__interval__ms=500, millrace__metrics__kafka__interval__ms=500,
            millrace__metrics__jvm__names="true", millrace__metrics__listeners="http://127.0.0.1:%d" % cls.port))
        cls.worker.__enter__()
        cls.source, cls.sink, cls.strict = "in-" + cls.topic, "out-" + cls.topic, "strict-" + cls.topic
        cls.path = os.path.join(cls.folder, cls.topic)
        cls.append(LINES)
        cls.worker.create(cls.source, {"connector.class": "FileStreamSource", "file": cls.path, "topic": cls.topic})
        bad = {"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
               "errors.tolerance": "all", "errors.deadletterqueue.topic.name": cls.topic + "-letters",
               "errors.deadletterqueue.topic.replication.factor": "1"}
        cls.worker.create(cls.sink, cls.sink_config(cls.topic))
        cls.worker.create("letters-" + cls.topic, cls.sink_config(cls.topic, **bad))

    @classmethod
    def tearDownClass(cls):
        cls.worker.__exit__(None, None, None)

    @classmethod
    def append(cls, lines):
        with open(cls.path, "a", encoding="utf-8") as file:
            file.writelines("line %d\n" % i for i in range(lines))

    @classmethod
    def sink_config(cls, topic, **more):
        return {"connector.class": "FileStreamSink", "file": os.path.join(cls.folder, topic + "-out"), "topics": topic, **more}

    def text(self, accept="text/plain", url=None):
        status, body, _ = lab.http("GET", (url or self.worker.url) + "/metrics", headers={"Accept": accept})
        self.assertEqual(200, status, body)
        return body

    def scrape(self):
        return exposition.Exposition(self.text())

    def wait(self, what, is_so, timeout_s=30):
        seen = []

        def look():
            seen[:] = [self.scrape()]
            return is_so(seen[0])
        lab.wait_until(look, what, timeout_s)
        return seen[0]

    def all_known(self, found):
        return listed_names().keys() <= names_in(found)

    def test_every_listed_name_is_there_with_its_labels_and_type(self):
        try:
            found = self.wait("every listed name", self.all_known)
        except AssertionError:
            self.fail("missing: %s" % sorted(listed_names().keys() - names_in(self.scrape())))
        for name, (kind, labels) in listed_names().items():
            with self.subTest(name):
                self.assertEqual(kind, found.types[name])
                sample = name + "_count" if kind == "histogram" else name
                seen = {frozenset(key for key, _ in has) for n, has in found.samples if n == sample}
                self.assertEqual({labels}, seen)

    def test_both_formats_are_read_by_prometheus_own_parsers_to_the_same_series(self):
        self.wait("every listed name", self.all_known)
        try:
            from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
            from prometheus_client.parser import text_string_to_metric_families as read_text
        except ImportError:
            self.skipTest("prometheus_client is not installed (scripts/install-deps)")
        series = []
        for read, accept in ((read_text, "text/plain"), (read_openmetrics, "application/openmetrics-text")):
            families = list(read(self.text(accept)))
            self.assertGreater(len(families), 150)
            series.append({(sample.name, frozenset(sample.labels.items())) for family in families for sample in family.samples
                           if not family.name.startswith("millrace_rest_") and not family.name.startswith("millrace_task_")})
        self.assertEqual(series[0], series[1])

    def test_numbers_move_with_the_work(self):
        task = {"connector": self.source, "task": "0"}
        sink = {"connector": self.sink, "task": "0"}
        client = {"clientid": "connector-consumer-%s-0" % self.sink}
        producer = {"clientid": "connector-producer-%s-0" % self.source}
        bytes_of_lines = os.path.getsize(self.path)
        lines = sum(1 for _ in open(self.path, encoding="utf-8"))
        sent, read = "kafka_connect_source_task_source_record_write_total", "kafka_connect_sink_task_sink_record_send_total"
        self.wait("all lines are through", lambda f: f.value(sent, **task) == f.value(read, **sink) == lines)
        topic = {"topic": self.topic, **client}
        found = self.wait("the clients have told of them", lambda f: f.value(
            "kafka_consumer_fetch_manager_records_consumed_total", **topic) == lines and f.value(
                "kafka_producer_topic_record_send_total", topic=self.topic, **producer) == lines)
        expected = bytes_of_lines - lines  # line ends are not in the records
        for name, labels in (("millrace_task_bytes_out_total", task), ("millrace_task_bytes_in_total", sink),
                             ("kafka_producer_byte_total", producer), ("kafka_consumer_fetch_manager_bytes_consumed_total", topic)):
            self.assertEqual(expected, found.value(name, **labels), name)
        self.assertEqual(lines, found.value("kafka_producer_record_send_total", **producer))
        found = self.wait("nothing is left to be read", lambda f: f.value("millrace_task_consumer_lag_records", **sink) == 0)
        for name in ("millrace_task_cpu_seconds_total", "millrace_task_record_age_seconds_count",
                     "millrace_task_offset_commit_duration_seconds_count"):
            self.assertGreater(found.value(name, **task), 0, name)
            self.assertGreater(found.value(name, **sink), 0, name)
        self.assertGreater(found.value("millrace_task_put_duration_seconds_count", **sink), 0)
        self.assertEqual(1, found.value("millrace_task_rebalances_total", **sink))
        self.assertEqual(1, found.value("kafka_consumer_coordinator_assigned_partitions", **client))
        self.assertGreater(found.value("millrace_rest_requests_total", method="GET", route="/metrics", code="2xx"), 0)

    def test_dead_letters_are_counted_by_stage_and_cause(self):
        labels = {"connector": "letters-" + self.topic, "task": "0"}
        name = "millrace_task_dead_letters_total"
        wanted = {"stage": "VALUE_CONVERTER", "cause": "data", **labels}
        requests = "kafka_connect_task_error_deadletterqueue_produce_requests"
        self.wait("every line is a dead letter", lambda f: (f.value(name, **wanted) or 0) >= LINES
                  and f.value(name, **wanted) == f.value(requests, **labels))
        self.assertEqual([wanted], self.scrape().with_labels(name, connector=labels["connector"]))

    def test_lag_grows_while_a_sink_is_paused_behind_and_its_state_is_one_series_of_six(self):
        topic = lab.fresh_name("behind-")
        name = "slow-" + topic
        self.kafka.produce(topic, ["record %d" % i for i in range(400)])
        self.worker.create(name, self.sink_config(topic, **{"millrace.rate.records.per.second": "5"}))
        labels = {"connector": name, "task": "0"}
        found = self.wait("it is behind", lambda f: (f.value("millrace_task_consumer_lag_records", **labels) or 0) > 100)
        part = {"topic": topic, "partition": "0"}
        self.assertGreater(found.value("millrace_task_partition_lag_records", **labels, **part), 100)
        self.assertGreater(found.value("kafka_consumer_fetch_manager_records_lag", clientid="connector-consumer-%s-0" % name, **part), 100)
        self.worker.rest("PUT", "/connectors/%s/pause" % name)
        states = "millrace_task_state"
        found = self.wait("it is paused", lambda f: f.value(states, state="paused", **labels) == 1)
        self.assertEqual(1, sum(found.value(states, **has) for has in found.with_labels(states, **labels)))
        self.assertEqual(6, len(found.with_labels(states, **labels)))
        self.worker.rest("DELETE", "/connectors/" + name)
        self.wait("nothing is left of it", lambda f: not f.about(connector=name) and not f.about(
            clientid="connector-consumer-%s-0" % name))

    def test_a_failed_task_is_shown_as_failed_by_a_series_that_was_there_before(self):
        topic = lab.fresh_name("fails-")
        name = "fails-" + topic
        labels = {"connector": name, "task": "0", "state": "failed"}
        self.worker.create(name, self.sink_config(topic, **{
            "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}))
        self.wait("it runs", lambda f: f.value("millrace_task_state", **labels) == 0)
        self.kafka.produce(topic, ["nonsense"])
        self.wait("it has failed", lambda f: f.value("millrace_task_state", **labels) == 1)
        self.worker.rest("DELETE", "/connectors/" + name)

    def test_its_own_listener_serves_metrics_and_nothing_else(self):
        url = "http://127.0.0.1:%d" % self.port
        self.assertIn("kafka_connect_worker_connector_count", self.text(url=url))
        for path in ("/", "/connectors", "/admin/loggers", "/openapi.json"):
            self.assertEqual(404, lab.http("GET", url + path)[0], path)
        self.assertEqual(405, lab.http("POST", url + "/metrics", {})[0])

    def test_the_manual_has_every_name(self):
        with open(os.path.join(lab.ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
            manual = file.read()
        shown = self.wait("every listed name", self.all_known).types
        self.assertEqual([], [name for name in shown if "`%s`" % name not in manual])
