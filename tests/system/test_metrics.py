"""GET /metrics of a real worker: exact counts of known work, both text formats, nothing left of what has gone."""

import os
import threading
import unittest

import exposition
import lab

LINES = 2500
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


class Metrics(unittest.TestCase):
    def setUp(self):
        self.kafka = lab.suite_lab()
        self.folder = lab.scratch_folder()

    def text(self, worker, accept="text/plain"):
        status, body, headers = lab.http("GET", worker.url + "/metrics", headers={"Accept": accept})
        self.assertEqual(200, status, body)
        return body, headers["Content-Type"]

    def scrape(self, worker):
        return exposition.Exposition(self.text(worker)[0])

    def wait_for(self, worker, name, value, **labels):
        seen = []

        def is_so():
            seen[:] = [self.scrape(worker)]
            return seen[0].value(name, **labels) == value
        try:
            lab.wait_until(is_so, "%s%s = %s" % (name, labels, value), 30)
        except AssertionError as error:
            raise AssertionError("%s; it is %s" % (error, seen[0].value(name, **labels))) from None
        return seen[0]

    def source(self, topic, lines=LINES, **more):
        path = os.path.join(self.folder, topic)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines("line %d\n" % i for i in range(lines))
        return {"connector.class": "FileStreamSource", "file": path, "topic": topic, **more}

    def sink(self, topic, **more):
        return {"connector.class": "FileStreamSink", "file": os.path.join(self.folder, topic + "-out"), "topics": topic, **more}

    def test_known_work_is_counted_exactly_and_nothing_is_left_of_what_has_gone(self):
        topic = lab.fresh_name("counted-")
        # A name may hold what a label has to escape.
        source, sink = 'in "%s"\\' % topic, "out-" + topic
        properties = lab.worker_properties(self.kafka, offset__flush__interval__ms=500)
        with lab.Worker(properties) as worker:
            self.check_idle(worker, properties)
            worker.create(source, self.source(topic))
            worker.create(sink, self.sink(topic))
            self.check_source(worker, source)
            self.check_sink(worker, sink)
            self.check_worker(worker, source, sink)
            self.check_formats(worker)
            self.check_states(worker, sink)
            for name in (source, sink):
                worker.rest("DELETE", "/connectors/" + name.replace(" ", "%20").replace('"', "%22").replace("\\", "%5C"))
            found = self.wait_for(worker, "kafka_connect_worker_connector_count", 0)
            self.wait_for(worker, "kafka_connect_worker_task_count", 0)
            found = self.scrape(worker)
            for name in (source, sink):
                self.assertEqual([], found.about(connector=name))
            self.assertEqual(0, worker.stop())

    def check_idle(self, worker, properties):
        found = self.scrape(worker)
        self.assertEqual(0, found.value("kafka_connect_worker_connector_count"))
        for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
                     "process_start_time_seconds"):
            self.assertGreater(found.value(name), 0, name)
        build, = found.with_labels("millrace_build_info")
        self.assertEqual({"version", "librdkafka"}, set(build))
        found = self.wait_for(worker, "kafka_connect_worker_rebalance_completed_rebalances_total", 1)
        self.assertGreaterEqual(found.value("kafka_connect_worker_rebalance_epoch"), 1)
        leader, = found.with_labels("kafka_connect_worker_rebalance_leader_name")
        self.assertIn(properties["listeners"].rsplit(":", 1)[1], leader["leader_name"])

    def check_source(self, worker, name):
        task = {"connector": name, "task": "0"}
        prefix = "kafka_connect_source_task_"
        found = self.wait_for(worker, prefix + "source_record_write_total", LINES, **task)
        self.assertEqual(LINES, found.value(prefix + "source_record_poll_total", **task))
        found = self.wait_for(worker, prefix + "source_record_active_count", 0, **task)
        self.assertGreater(found.value(prefix + "poll_batch_max_time_ms", **task), 0)
        self.assertLessEqual(found.value("kafka_connect_connector_task_batch_size_max", **task), LINES)
        self.assertGreater(found.value(prefix + "source_record_write_rate", **task), LINES / 90)
        found = self.wait_for(worker, "kafka_connect_connector_task_offset_commit_success_percentage", 1, **task)
        self.assertGreaterEqual(found.value("millrace_task_offset_commits_total", **task), 1)
        self.assertEqual(0, found.value("kafka_connect_task_error_total_record_failures", **task))
        self.assertIsNone(found.value("kafka_connect_sink_task_partition_count", **task))

    def check_sink(self, worker, name):
        task = {"connector": name, "task": "0"}
        prefix = "kafka_connect_sink_task_"
        found = self.wait_for(worker, prefix + "sink_record_send_total", LINES, **task)
        self.assertEqual(LINES, found.value(prefix + "sink_record_read_total", **task))
        self.assertEqual(1, found.value(prefix + "partition_count", **task))
        found = self.wait_for(worker, prefix + "sink_record_active_count", 0, **task)
        self.assertGreaterEqual(found.value(prefix + "offset_commit_seq_no", **task), 1)
        self.assertGreaterEqual(found.value(prefix + "offset_commit_completion_total", **task),
                                found.value(prefix + "offset_commit_seq_no", **task))
        self.assertEqual(0, found.value(prefix + "offset_commit_skip_total", **task))
        self.assertGreater(found.value(prefix + "sink_record_active_count_max", **task), 0)

    def check_worker(self, worker, source, sink):
        found = self.scrape(worker)
        self.assertEqual(2, found.value("kafka_connect_worker_connector_count"))
        self.assertEqual(2, found.value("kafka_connect_worker_task_count"))
        self.assertEqual(2, found.value("kafka_connect_worker_connector_startup_success_total"))
        self.assertEqual(2, found.value("kafka_connect_worker_task_startup_success_total"))
        self.assertEqual(0, found.value("kafka_connect_worker_task_startup_failure_total"))
        for name, kind in ((source, "source"), (sink, "sink")):
            self.assertEqual(1, found.value("kafka_connect_connector_status", connector=name, status="running"))
            self.assertEqual(1, found.value("kafka_connect_connector_connector_type", connector=name, connector_type=kind))
            self.assertEqual(1, len(found.with_labels("kafka_connect_connector_status", connector=name)))
            self.assertEqual(1, found.value("kafka_connect_connector_task_status", connector=name, task="0",
                                            status="running"))
            self.assertEqual(1, found.value("kafka_connect_worker_connector_running_task_count", connector=name))
            described, = found.with_labels("kafka_connect_connector_connector_class", connector=name)
            self.assertIn("FileStream", described["connector_class"])

    def check_formats(self, worker):
        text, content_type = self.text(worker)
        self.assertEqual("text/plain; version=0.0.4; charset=utf-8", content_type)
        openmetrics, content_type = self.text(worker, OPENMETRICS)
        self.assertEqual("application/openmetrics-text; version=1.0.0; charset=utf-8", content_type)
        self.assertTrue(openmetrics.endswith("\n# EOF\n"))
        self.assertIn("# TYPE process_cpu_seconds counter\n", openmetrics)
        counts = exposition.check_with_prometheus(text, openmetrics)
        if counts is not None:
            self.assertEqual(counts[0], counts[1])
            self.assertEqual(len(exposition.Exposition(text).types), counts[0])
        with open(os.path.join(lab.ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
            manual = file.read()
        for name in exposition.Exposition(text).types:
            self.assertIn("`%s`" % name, manual)
        self.assertEqual(405, worker.request("POST", "/metrics", {})[0])
        self.assertEqual(406, worker.request("GET", "/connectors", headers={"Accept": "text/plain"})[0])

    def check_states(self, worker, name):
        worker.rest("PUT", "/connectors/%s/pause" % name)
        found = self.wait_for(worker, "kafka_connect_connector_task_status", 1, connector=name, task="0", status="paused")
        self.assertEqual(1, len(found.with_labels("kafka_connect_connector_task_status", connector=name)))
        self.assertGreater(found.value("kafka_connect_connector_task_running_ratio", connector=name, task="0"), 0)
        worker.rest("PUT", "/connectors/%s/stop" % name)
        found = self.wait_for(worker, "kafka_connect_connector_status", 1, connector=name, status="stopped")
        self.wait_for(worker, "kafka_connect_worker_task_count", 1)
        self.assertEqual([], self.scrape(worker).about(connector=name, task="0"))

    def test_errors_are_counted_and_a_failed_task_is_shown_until_it_goes(self):
        topic = lab.fresh_name("bad-")
        letters = lab.fresh_name("letters-")
        self.kafka.produce(topic, ['{"a":1}', "nonsense", '{"a":2}', "more nonsense"])
        json = {"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}
        tolerant = {"errors.tolerance": "all", "errors.log.enable": "true",
                    "errors.deadletterqueue.topic.name": letters, "errors.deadletterqueue.topic.replication.factor": "1"}
        lax, strict = "lax-" + topic, "strict-" + topic
        with lab.Worker(lab.worker_properties(self.kafka)) as worker:
            worker.create(lax, self.sink(topic, **json, **tolerant))
            worker.create(strict, self.sink(topic, **json))
            prefix = "kafka_connect_task_error_"
            found = self.wait_for(worker, prefix + "total_records_skipped", 2, connector=lax, task="0")
            for name, count in (("total_record_failures", 2), ("total_record_errors", 2), ("total_errors_logged", 2),
                                ("deadletterqueue_produce_requests", 2), ("deadletterqueue_produce_failures", 0)):
                self.assertEqual(count, found.value(prefix + name, connector=lax, task="0"), name)
            self.assertGreater(found.value(prefix + "last_error_timestamp", connector=lax, task="0"), 1.6e12)
            found = self.wait_for(worker, "kafka_connect_connector_task_status", 1, connector=strict, task="0",
                                  status="failed")
            self.assertEqual(1, found.value(prefix + "total_record_errors", connector=strict, task="0"))
            self.assertEqual(0, found.value(prefix + "total_records_skipped", connector=strict, task="0"))
            self.assertEqual(1, found.value("kafka_connect_worker_connector_failed_task_count", connector=strict))
            self.assertEqual(0, found.value("kafka_connect_worker_task_startup_failure_total"))
            worker.rest("DELETE", "/connectors/" + strict)
            self.wait_for(worker, "kafka_connect_worker_connector_count", 1)
            self.assertEqual([], self.scrape(worker).about(connector=strict))

    def test_it_is_scraped_while_connectors_come_and_go(self):
        with lab.Worker(lab.worker_properties(self.kafka)) as worker:
            over, failures, counts = threading.Event(), [], []

            def scrape_on():
                try:
                    while not over.is_set():
                        counts.append(len(self.scrape(worker).samples))
                except Exception as error:  # told to the test's thread
                    failures.append(error)
            threads = [threading.Thread(target=scrape_on) for _ in range(3)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(3):
                    names = [lab.fresh_name("brief-") for _ in range(5)]
                    for name in names:
                        worker.create(name, self.source(name, lines=50))
                    for name in names:
                        worker.wait_state(name)
                    for name in names:
                        worker.rest("DELETE", "/connectors/" + name)
            finally:
                over.set()
                for thread in threads:
                    thread.join()
            self.assertEqual([], failures)
            self.assertGreater(len(counts), 0)
            self.wait_for(worker, "kafka_connect_worker_connector_count", 0)
            found = self.wait_for(worker, "kafka_connect_worker_task_count", 0)
            self.assertEqual(15, found.value("kafka_connect_worker_connector_startup_attempts_total"))
            self.assertEqual([], [name for name, labels in found.samples if any(key == "connector" for key, _ in labels)])
