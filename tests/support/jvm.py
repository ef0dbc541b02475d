"""Kafka Connect's own workers, as lab.Worker and cluster.Cluster know ours."""

import os
import re
import signal
import subprocess
import time

import cluster
import lab


class Orphan:
    """A process that is not our child, with what lab.Worker asks of a Popen."""

    def __init__(self, pid):
        self.pid, self.returncode = pid, None

    def poll(self):
        try:
            with open("/proc/%d/stat" % self.pid, encoding="utf-8") as file:
                is_there = file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            is_there = False
        self.returncode = None if is_there else 0
        return self.returncode

    def wait(self, timeout_s=60):
        deadline = time.monotonic() + timeout_s
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("JVM worker %d" % self.pid, timeout_s)
            time.sleep(0.05)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)


class JvmWorker(lab.Worker):
    def start_in(self, kafka, flags=None):
        self.process = Orphan(kafka.jvm_worker_start({**self.properties, "plugin.discovery": "only_scan"}, flags))
        with open(kafka.path("pids"), encoding="utf-8") as file:
            name = next(line.split()[0] for line in file if line.split()[1] == str(self.process.pid))
        self.log = kafka.path(name + ".log")
        return self


class JvmCluster(cluster.Cluster):
    def start(self, name, **more):
        self.ports[name] = self.ports.get(name) or lab.free_port()
        worker = JvmWorker({**self.common, "listeners": "http://127.0.0.1:%d" % self.ports[name], **more})
        self.workers[name] = worker.start_in(self.kafka)
        return worker

    def leader(self):
        """The latest that a live worker was told when it joined."""
        texts = [self.workers[name].log_text() for name in self.alive()]
        told = [(int(generation), url) for text in texts for generation, url in
                re.findall(r"Joined group at generation (\d+) .*leaderUrl='([^']*)'", text)]
        return self.name_of(max(told)[1]) if told else None

    def is_balanced(self, units, names=None):
        names = names or self.alive()
        counts = {self.workers[name].url.split("//")[1]: 0 for name in names}
        statuses = self.any().rest("GET", "/connectors?expand=status")
        parts = [part for entry in statuses.values() for part in entry["status"]["tasks"]]
        assert len(parts) == units // 2 and all(part["state"] == "RUNNING" for part in parts), "%d tasks" % len(parts)
        for part in parts:
            assert part["worker_id"] in counts, part
            counts[part["worker_id"]] += 1
        assert max(counts.values()) - min(counts.values()) <= 1, "tasks %s" % counts
        return True
