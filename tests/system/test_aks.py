"""examples/aks: what the manifests promise, and that a live /metrics knows every name in the dashboard and in the alerts."""

import json
import os
import re
import unittest

import yaml

import certificates
import exposition
import lab
import promql

AKS = os.path.join(lab.ROOT, "examples", "aks")
MANIFESTS = ("kafka.yaml", "event-hubs.yaml")


def things(manifest):
    """kind → the objects of that kind."""
    with open(os.path.join(AKS, "manifests", manifest), encoding="utf-8") as file:
        found = {}
        for thing in yaml.safe_load_all(file):
            found.setdefault(thing["kind"], []).append(thing)
        return found


def properties_of(found):
    text = next(c["data"]["worker.properties"] for c in found["ConfigMap"] if "worker.properties" in c["data"])
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


class Manifests(unittest.TestCase):
    def each(self):
        for manifest in MANIFESTS:
            with self.subTest(manifest):
                found = things(manifest)
                yield found, found["StatefulSet"][0]["spec"]["template"]["spec"]

    def test_pods_are_of_the_restricted_profile(self):
        for _, pod in self.each():
            self.assertEqual((True, "RuntimeDefault", False),
                             (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["seccompProfile"]["type"],
                              pod["automountServiceAccountToken"]))
            for container in pod["containers"] + pod.get("initContainers", []):
                self.assertEqual({"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                  "capabilities": {"drop": ["ALL"]}}, container["securityContext"])
                self.assertIn("memory", container["resources"]["limits"])
            self.assertFalse([v for v in pod["volumes"] if "hostPath" in v])
            self.assertNotIn("hostNetwork", pod)

    def test_a_pod_has_the_time_that_its_worker_takes_to_leave(self):
        for found, pod in self.each():
            properties = properties_of(found)
            worker_s = (int(properties["task.shutdown.graceful.timeout.ms"]) + int(properties["session.timeout.ms"])) / 1000
            pause_s = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
            self.assertGreaterEqual(pod["terminationGracePeriodSeconds"], pause_s + worker_s + 5)

    def test_probes_and_scrapers_ask_ports_that_the_worker_listens_on(self):
        for found, pod in self.each():
            container, properties = pod["containers"][0], properties_of(found)
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
                self.assertEqual({"path": path, "port": "health"}, container[probe]["httpGet"])
            for name, listeners in (("rest", "listeners"), ("health", "millrace.health.listeners"),
                                    ("metrics", "millrace.metrics.listeners")):
                self.assertEqual("http://:%d" % ports[name], properties[listeners])

    def test_workers_find_each_other_under_names_that_stay(self):
        for found, pod in self.each():
            stateful = found["StatefulSet"][0]
            headless = next(s for s in found["Service"] if s["spec"].get("clusterIP") == "None")
            self.assertEqual(headless["metadata"]["name"], stateful["spec"]["serviceName"])
            self.assertTrue(headless["spec"]["publishNotReadyAddresses"])
            self.assertIn(".%s.${env:POD_NAMESPACE}.svc" % headless["metadata"]["name"],
                          properties_of(found)["rest.advertised.host.name"])
            self.assertEqual(["POD_NAME", "POD_NAMESPACE"], [entry["name"] for entry in pod["containers"][0]["env"]])
            self.assertEqual(stateful["spec"]["selector"], found["PodDisruptionBudget"][0]["spec"]["selector"])
            self.assertIn("topology.kubernetes.io/zone", [c["topologyKey"] for c in pod["topologySpreadConstraints"]])

    def test_secrets_are_files_and_the_network_is_closed(self):
        for found, pod in self.each():
            self.assertNotIn("Secret", found)
            for key, value in properties_of(found).items():
                if "jaas" in key or "password" in key:
                    self.assertRegex(value, r"^\$\{secrets:/etc/millrace/secrets:\w+\}$")
            self.assertIn("/etc/millrace/secrets", [m["mountPath"] for m in pod["containers"][0]["volumeMounts"] if m.get("readOnly")])
            self.assertEqual(["Ingress", "Egress"], found["NetworkPolicy"][0]["spec"]["policyTypes"])

    def test_workload_identity_is_asked_for_where_it_is_wanted(self):
        found = things("event-hubs.yaml")
        self.assertEqual("true", found["StatefulSet"][0]["spec"]["template"]["metadata"]["labels"]["azure.workload.identity/use"])
        self.assertIn("azure.workload.identity/client-id", found["ServiceAccount"][0]["metadata"]["annotations"])
        self.assertNotIn("annotations", things("kafka.yaml")["ServiceAccount"][0]["metadata"])


def alerts():
    with open(os.path.join(AKS, "chart", "files", "alerts.yaml"), encoding="utf-8") as file:
        return {rule["alert"]: rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]}


def panels():
    """Title → expressions, and what fills the variables."""
    with open(os.path.join(AKS, "chart", "files", "dashboard.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    found = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in dashboard["panels"] if "targets" in panel}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()
            found["$" + variable["name"]] = ["sum by (%s) (%s)" % (label, name)]
    return found


class Names(unittest.TestCase):
    def test_a_live_worker_has_every_name_and_label_of_dashboard_and_alerts(self):
        expressions = {title: [rule["expr"]] for title, rule in alerts().items()}
        self.assertGreater(len(expressions), 12)
        expressions.update(panels())
        kafka, folder = lab.suite_lab(), lab.scratch_folder()
        ca = certificates.Authority("O=Acme/CN=ca")
        own = ca.issue("CN=localhost")
        properties = lab.worker_properties(kafka, offset__flush__interval__ms=300, millrace__metrics__kafka__interval__ms=500,
                                           ssl__keystore__type="PEM", ssl__keystore__location=own.pem,
                                           millrace__kafka__credentials__interval__ms=300,
                                           millrace__audit__file=os.path.join(folder, "audit"))
        properties["listeners"] = properties["listeners"].replace("http:", "https:")
        with lab.Worker(properties, tls=certificates.context(ca)) as worker:
            self.work(worker, folder)
            self.show_a_certificate(worker, own)
            seen = {}

            def left():
                text = lab.http("GET", worker.url + "/metrics", tls=worker.tls)[1]
                for name, labels in exposition.Exposition(text).samples:
                    seen.setdefault(name, set()).update(key for key, _ in labels)
                return {title: wrong for title, texts in expressions.items()
                        if (wrong := [w for text in texts for w in promql.problems(text, seen)])}
            try:
                lab.wait_until(lambda: not left(), "every name is there", 20, every_s=0.3)
            except AssertionError:
                self.assertEqual({}, left())

    def work(self, worker, folder):
        """A source, and a sink with a dead letter."""
        topic = lab.fresh_name("watched")
        lines = os.path.join(folder, "lines")
        with open(lines, "w", encoding="ascii") as file:
            file.write("1\n{broken\n")
        worker.create(topic + "-source", {"connector.class": "FileStreamSource", "file": lines, "topic": topic})
        worker.create(topic + "-sink", {"connector.class": "FileStreamSink", "file": lines + "-out", "topics": topic,
                                        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
                                        "value.converter.schemas.enable": "false", "errors.tolerance": "all",
                                        "errors.deadletterqueue.topic.name": topic + "-dead",
                                        "errors.deadletterqueue.topic.replication.factor": 1})

    def show_a_certificate(self, worker, own):
        """A sink that wants TLS of brokers, which are without: it has a client with a certificate, and gets no records."""
        worker.create("shows-a-certificate", {"connector.class": "FileStreamSink", "file": own.pem + "-out", "topics": "none",
                                              "consumer.override.security.protocol": "SSL",
                                              "consumer.override.ssl.keystore.location": own.pem})

    def test_the_run_book_says_of_each_alert_what_to_do(self):
        with open(os.path.join(lab.ROOT, "docs", "operations.md"), encoding="utf-8") as file:
            self.assertEqual(sorted(alerts()), sorted(re.findall(r"^\| (Millrace\w+) \|", file.read(), re.M)))

    def test_a_name_that_is_not_there_is_found_out(self):
        seen = {"up_total": {"task"}}
        self.assertEqual([], promql.problems('sum by (task) (rate(up_total{task="0"}[5m]))', seen))
        self.assertEqual(["no series down_total"], promql.problems("rate(down_total[5m])", seen))
        self.assertEqual(["up_total has no label tusk"], promql.problems('up_total{tusk=~"$x"} > 0', seen))
        self.assertEqual(["no series of it has the label tusk"], promql.problems("sum by (tusk) (up_total)", seen))
