"""REST extensions: the example as its page says, and one that hangs and crashes."""

import os
import signal
import threading
import unittest

import lab

PLUGINS = os.path.join(lab.BUILD, "test-plugins")
HELLO, MOODY = os.path.join(PLUGINS, "hello_rest.so"), os.path.join(PLUGINS, "rest_extensions.so")
SOURCE = {"connector.class": "FileStreamSource", "file": "/dev/null"}


class Extensions(unittest.TestCase):
    def start(self, **properties):
        self.worker = lab.Worker(lab.worker_properties(lab.suite_lab(), plugin__path="%s,%s" % (HELLO, MOODY), **properties)).start()
        self.addCleanup(self.worker.end)
        self.worker.ready()

    def refused_start(self, classes):
        worker = lab.Worker(lab.worker_properties(lab.suite_lab(), plugin__path=MOODY, rest__extension__classes=classes)).start()
        self.assertEqual(1, worker.wait())
        return worker.log_text()

    def test_the_example_freezes_changes_and_tells_what_has_failed(self):
        freeze = os.path.join(lab.scratch_folder(), "freeze")
        self.start(rest__extension__classes="HelloRestExtension, org.acme.StampRestExtension", hello__freeze__file=freeze)
        self.assertEqual({"connectors": 0, "failed": []}, self.worker.rest("GET", "/hello"))
        good, bad = lab.fresh_name("good"), lab.fresh_name("bad \"one\"")
        self.worker.create(good, {**SOURCE, "topic": good})
        lines = os.path.join(self.worker.folder, "lines")
        with open(lines, "w", encoding="utf-8") as file:
            file.write("no number\n")
        self.worker.create(bad, {**SOURCE, "topic": good, "file": lines, "transforms": "t", "transforms.t.spec": "int8",
                                 "transforms.t.type": "org.apache.kafka.connect.transforms.Cast$Value"})
        lab.wait_until(lambda: self.worker.rest("GET", "/hello") == {"connectors": 2, "failed": [bad]}, "what has failed")
        self.worker.wait_state(good)
        with open(freeze, "w", encoding="utf-8"):
            pass
        for method, path in (("DELETE", "/connectors/" + good), ("PUT", "/connectors/%s/pause" % good)):
            self.assertEqual((403, {"error_code": 403, "message": "Changes are frozen"}), self.worker.request(method, path))
        self.assertEqual(0, self.worker.rest("PUT", "/connector-plugins/FileStreamSource/config/validate",
                                             {**SOURCE, "name": "v", "topic": "t"})["error_count"])
        status, _, headers = lab.http("GET", self.worker.url + "/connectors/" + good)
        self.assertEqual((200, "GET"), (status, headers["X-Stamp"]))
        status, _, headers = lab.http("GET", self.worker.url + "/health")
        self.assertEqual((200, None), (status, headers["X-Stamp"]))
        os.unlink(freeze)
        self.worker.rest("DELETE", "/connectors/" + good)
        self.assertEqual(404, self.worker.request("GET", "/hello/below")[0])
        self.assertEqual(1, self.worker.rest("GET", "/hello")["connectors"])
        self.assertEqual(404, self.worker.request("GET", "/helloes")[0])

    def test_one_that_hangs_is_refused_and_one_that_crashes_is_named(self):
        gate = os.path.join(lab.scratch_folder(), "gate")
        with open(gate, "w", encoding="utf-8"):
            pass
        self.start(rest__extension__classes="Moody", millrace__rest__extension__timeout__ms=500)
        hanging = [threading.Thread(target=self.worker.request, args=("GET", "/connectors?filter=hang&while=" + gate), daemon=True)
                   for _ in range(20)]
        for thread in hanging:
            thread.start()
        for thread in hanging:
            thread.join()
        status, body = self.worker.request("GET", "/?filter=hang&while=" + gate)
        self.assertEqual((503, "REST extension org.acme.MoodyRestExtension did not answer in time"), (status, body["message"]))
        self.assertEqual(200, self.worker.request("GET", "/connectors")[0])
        lab.wait_until(lambda: self.worker.request("GET", "/health")[0] == 200, "health")
        self.assertEqual(403, self.worker.request("GET", "/connectors?filter=refuse")[0])
        self.assertEqual(404, self.worker.request("PUT", "/acme/x?of=none", {})[0])
        self.assertEqual("PUT", self.worker.rest("PUT", "/acme/x", {})["method"])
        os.unlink(gate)
        with self.assertRaises(OSError):
            self.worker.request("GET", "/connectors?filter=crash")
        self.assertEqual(-signal.SIGSEGV, self.worker.wait())
        self.assertIn("inside filter of org.acme.MoodyRestExtension", self.worker.log_text())

    def test_a_hung_call_does_not_hold_up_the_end(self):
        gate = os.path.join(lab.scratch_folder(), "gate")
        with open(gate, "w", encoding="utf-8"):
            pass
        self.start(rest__extension__classes="Moody", millrace__rest__extension__timeout__ms=300)
        self.assertEqual(503, self.worker.request("GET", "/acme?serve=hang&while=" + gate)[0])
        self.assertEqual(0, self.worker.stop(20), self.worker.log_end())
        self.assertIn("a plugin did not return in time", self.worker.log_text())

    def test_what_cannot_be_honoured_ends_the_start(self):
        self.assertIn("rest.extension.classes: there is no rest_extension org.acme.Guard", self.refused_start("org.acme.Guard"))
        self.assertIn("org.acme.GreedyRestExtension wants to serve /connectors, which is the worker's own", self.refused_start("Greedy"))
