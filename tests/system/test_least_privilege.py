"""A worker with the rights that docs/azure.md lists and no others, confined as a pod of the restricted profile, from the properties that
the chart renders; and what it says when one of the rights is missing."""

import concurrent.futures
import os
import re
import unittest

import confined
import lab

LIST = os.path.join(lab.ROOT, "docs", "azure.md")
MANIFEST = os.path.join(lab.ROOT, "examples", "aks", "manifests", "kafka.yaml")


def listed_rights(group):
    """(kind, name, operation) of each right in the list, for a group and its connectors."""
    with open(LIST, encoding="utf-8") as file:
        block = re.search(r"^```acl\n(.*?)^```", file.read(), re.M | re.S).group(1)
    names = {"connect-SINK": "connect-%s-sink" % group, "SOURCE-TOPIC": group + "-lines", "SINK-TOPIC": group + "-lines",
             "DEAD-LETTER-TOPIC": group + "-dead"}
    rights = []
    for line in block.splitlines():
        kind, name, *operations = line.split()
        rights += [(kind, names.get(name, name.replace("GROUP", group)), operation) for operation in operations]
    return rights


def rendered_properties():
    """worker.properties as it stands in the manifest."""
    with open(MANIFEST, encoding="utf-8") as file:
        lines = file.read().split("  worker.properties: |\n")[1].split("\n---")[0].splitlines()
    return dict(line.strip().split("=", 1) for line in lines if "=" in line and not line.strip().startswith("#"))


NIGHTLY = bool(os.environ.get("MILLRACE_NIGHTLY"))
# What a worker says of a right that it has not; of DescribeConfigs that it cannot see how the topic is set.
REFUSED = {"group": "roup authorization failed", "topic": "opic authorization failed|cleanup policy of topic .* cannot be read"}
ANY_REFUSED = "|".join(REFUSED.values())


class LeastPrivilege(unittest.TestCase):
    """By day the offsets and status topics, which are as the configs topic, keep their rights."""
    weight = 2

    @classmethod
    def setUpClass(cls):
        cls.kafka = lab.Lab(sasl_ssl=True, properties={**lab.AUTHORIZER, "allow.everyone.if.no.acl.found": "false"}).start()

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def grant(self, rights):
        """One call of the tool for each operation, since each takes seconds."""
        for operation in sorted({right[2] for right in rights}):
            which = [word for kind, name, has in rights if has == operation for word in ("--" + kind, name)]
            self.kafka.tool("AclCommand", "--bootstrap-server", self.kafka.bootstrap, "--add", "--allow-principal", "User:alice",
                            "--operation", operation, *which)

    def properties(self, group):
        """The chart's, for the lab's Kafka and free ports, and without what only a pod has."""
        ours = lab.worker_properties(self.kafka, group)
        properties = rendered_properties()
        properties.update({key: ours[key] for key in ours if key.startswith(("group.id", "listeners", "config.storage", "offset.storage",
                                                                              "status.storage", "offset.flush"))})
        folder = lab.scratch_folder()
        confined.let_through(folder)
        state = os.path.join(folder, "state")
        os.mkdir(state)
        ca = os.path.join(folder, "ca.pem")
        with open(ca, "w", encoding="ascii") as file:
            file.write(self.kafka.read("ca.pem") + "\n")
        for key in [key for key in properties if key.startswith(("rest.advertised", "config.providers"))]:
            del properties[key]
        security = {key: ca if key.endswith("ssl.truststore.location") else value
                    for key, value in self.kafka.worker_security().items()}
        properties.update({**security, "millrace.crash.file": os.path.join(state, "crash"),
                           "key.converter": lab.STRING, "value.converter": lab.STRING})
        for key in ("millrace.health.listeners", "millrace.metrics.listeners"):
            properties[key] = "http://127.0.0.1:%d" % lab.free_port()
        return properties, state

    def make_topics(self, group):
        """As whoever has all rights makes them before: a worker without a login."""
        with lab.Worker(lab.worker_properties(self.kafka, group)) as worker:
            self.assertEqual(0, worker.stop())
        for topic in ("-lines", "-dead"):
            self.kafka.produce(group + topic, ["{broken"])

    def worker(self, group):
        properties, state = self.properties(group)
        worker = lab.Worker(properties, host=confined.Confined(state))
        confined.let_through(worker.folder)
        self.addCleanup(worker.end)
        worker.state = state
        return worker

    def create(self, worker, name, config):
        """Without waiting long: a worker that may not read its topic never answers."""
        worker.rest("POST", "/connectors", {"name": name, "config": {key: str(value) for key, value in config.items()}}, timeout_s=5)

    def connectors(self, group, worker):
        """A source, and a sink that has a dead letter to write."""
        lines = os.path.join(os.path.dirname(worker.state), "lines")
        with open(lines, "w", encoding="ascii") as file:
            file.write("1\n{broken\n2\n")
        self.create(worker, group + "-source", {"connector.class": "FileStreamSource", "file": lines, "topic": group + "-lines"})
        self.create(worker, group + "-sink", {"connector.class": "FileStreamSink", "file": os.path.join(worker.state, "out"),
                                             "topics": group + "-lines", "errors.tolerance": "all",
                                             "value.converter": "org.apache.kafka.connect.json.JsonConverter",
                                             "value.converter.schemas.enable": "false",
                                             "errors.deadletterqueue.topic.name": group + "-dead",
                                             "errors.deadletterqueue.topic.replication.factor": 1})

    def said(self, group, worker):
        """The log, and what statuses say."""
        text = worker.log_text()
        for name in ("-source", "-sink"):
            try:
                text += str(worker.request("GET", "/connectors/%s%s/status" % (group, name), timeout_s=5)[1])
            except OSError:
                pass
        return text

    def start(self, group, worker):
        """Ready and with its connectors, as far as it comes; what it could not do is in its log."""
        try:
            worker.ready(10)
            self.connectors(group, worker)
        except (AssertionError, OSError, lab.RestError):
            pass

    def check_all(self, group):
        worker = self.worker(group).start().ready()
        standing = confined.standing(worker.process.pid)
        self.assertNotEqual(0, standing["user"])
        self.assertEqual((0, 0, True), (standing["may"], standing["could"], standing["gains_nothing"]))
        self.assertEqual([worker.state], standing["writable"])
        self.connectors(group, worker)
        worker.wait_state(group + "-source")
        worker.wait_state(group + "-sink")

        def delivered():
            with open(os.path.join(worker.state, "out"), encoding="ascii") as file:
                return file.read() == "1\n2\n"
        lab.wait_until(delivered, "the sink has written what can be read")
        # Two of them: one was there before, one came with the source.
        lab.wait_until(lambda: len(self.kafka.consume(group + "-dead")) == 3, "both dead letters are written")
        lab.wait_until(lambda: self.kafka.consume(group + "-offsets"), "the source's offsets are stored")
        self.assertNotRegex(self.said(group, worker), ANY_REFUSED)
        self.assertEqual(0, worker.stop())

    def check_without(self, group, right):
        worker = self.worker(group).start()
        self.start(group, worker)

        # Whole, or with a partition: the group of a worker begins the names of its topics.
        name = re.compile(r"(?<![\w-])%s%s(?![\w-])" % (re.escape(right[1]), r"(-\d+)?" if right[0] == "topic" else ""))

        def names_it():
            return any(name.search(line) and re.search(REFUSED[right[0]], line) for line in self.said(group, worker).splitlines())
        try:
            lab.wait_until(names_it, "%s is missing, and the worker names it" % (right,), 20, every_s=0.2)
        except AssertionError as error:
            return "%s\n%s" % (error, "\n".join(re.findall(".*(?:%s).*" % ANY_REFUSED, self.said(group, worker))))
        finally:
            worker.kill() if worker.process.poll() is None else worker.end()
        return None

    def test_the_listed_rights_suffice_and_each_that_is_missing_is_named(self):
        whole = lab.fresh_name("least")
        rights, groups = listed_rights(whole), []
        missing = [i for i, right in enumerate(rights) if NIGHTLY or not right[1].endswith(("-offsets", "-status"))]
        granted = list(rights)
        for i in range(len(rights)):
            groups.append(lab.fresh_name("least"))
            own = listed_rights(groups[-1])
            granted += own[:i] + own[i + 1:]
        self.assertGreater(len(rights), 10)
        self.grant(granted)
        self.make_topics(whole)
        self.check_all(whole)

        def without(i):
            self.make_topics(groups[i])
            return self.check_without(groups[i], listed_rights(groups[i])[i])
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.assertEqual([], [failure for failure in pool.map(without, missing) if failure])
