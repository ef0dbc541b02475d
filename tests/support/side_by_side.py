"""Tests in processes of their own, several at a time, and nothing left of any of them.

A test is one child: it leads a session, so that a Ctrl-C at the terminal reaches only us, and has a folder of its own as TMPDIR.
Whatever it started is in its process group (workers, tools) or noted in a file `pids` below its folder (scripts/kafka-lab): both are
ended after it, however it ended.
"""

import glob
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import lab

TICK_S = 0.02
END_S = 40  # for a child that was told to end; then it is killed
UNKNOWN_S = 30  # a test that is not in the table of times yet


class Child:
    """One test that runs. Its command is given the file for its traces as its last argument."""

    def __init__(self, test, folder, environment):
        self.name, self.weight, self.deadline_s, self.folder = test.name, test.weight, test.deadline_s, folder
        os.mkdir(folder)
        self.output, self.traces_file = os.path.join(folder, "output"), os.path.join(folder, "traces")
        self.began = time.monotonic()
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([*test.command, self.traces_file], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            start_new_session=True, env={**os.environ, **environment, "TMPDIR": folder})
        self.seconds = None

    def has_ended(self):
        """Looks, without taking its number from it: its group is still to be ended by that."""
        if time.monotonic() - self.began > self.deadline_s:
            self.kill()
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)

    def finish(self):
        """After its end: what it left behind is ended too. Returns (its output, traces of what failed)."""
        self.kill()  # those of its group that are still there
        status = self.process.wait()
        self.seconds = time.monotonic() - self.began
        for pids in glob.glob(os.path.join(self.folder, "**", "pids"), recursive=True):
            subprocess.run([lab.KAFKA_LAB, "stop", "--dir", os.path.dirname(pids)], stdin=subprocess.DEVNULL, check=False)
        traces = []
        if os.path.exists(self.traces_file):
            with open(self.traces_file, encoding="utf-8") as file:
                traces = json.load(file)
        if status != 0 and not traces:
            traces = ["the test's own process ended with status %d after %d s" % (status, self.seconds)]
        with open(self.output, encoding="utf-8", errors="replace") as file:
            output = file.read()
        if not os.environ.get("MILLRACE_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        return output, traces


class Test:
    """What is to be run: its name, the command for it, when it is killed, and how many others of the usual kind it counts for."""

    def __init__(self, name, command, deadline_s, weight):
        self.name, self.command, self.deadline_s, self.weight = name, command, deadline_s, weight


ALONE = 1000  # a weight beside which there is nothing


def in_order(tests, times):
    """Longest first, so that none is left to run when all others are through; those that run alone at the end."""
    return sorted(tests, key=lambda test: (test.weight >= ALONE, -times.get(test.name, UNKNOWN_S)))


class Run:
    def __init__(self, tests, jobs, folder, environment):
        self.waiting, self.jobs, self.folder, self.environment = list(tests), jobs, folder, environment
        self.running, self.count = [], 0
        self.results = []  # (name, seconds, traces)
        self.is_over = False  # somebody interrupted it

    def next(self):
        """The first that may start now; None if there is none. With nothing beside it any may, however heavy."""
        left = self.jobs - sum(child.weight for child in self.running)
        return next((test for test in self.waiting if test.weight <= left or not self.running), None)

    def start(self, test):
        self.waiting.remove(test)
        self.count += 1
        self.running.append(Child(test, os.path.join(self.folder, "%03d" % self.count), self.environment))

    def take_ended(self):
        for child in [child for child in self.running if child.has_ended()]:
            self.running.remove(child)
            output, traces = child.finish()
            self.results.append((child.name, child.seconds, traces))
            show(child, output, traces)

    def interrupt(self, *_):
        self.is_over = True

    def all(self):
        """Runs them all and returns the results, in the order in which they ended. KeyboardInterrupt, once no child is left."""
        signal.signal(signal.SIGINT, self.interrupt)
        signal.signal(signal.SIGTERM, self.interrupt)
        try:
            while (self.waiting or self.running) and not self.is_over:
                while test := self.next():
                    self.start(test)
                self.take_ended()
                time.sleep(TICK_S)
        finally:
            self.end()
        if self.is_over:
            raise KeyboardInterrupt
        return self.results

    def end(self):
        """Only of a run that is interrupted are there any."""
        for child in self.running:
            child.process.send_signal(signal.SIGTERM)
            child.deadline_s = time.monotonic() - child.began + END_S
        while self.running:
            for child in [child for child in self.running if child.has_ended()]:
                self.running.remove(child)
                child.finish()
                print("ended   " + child.name, flush=True)
            time.sleep(TICK_S)


def show(child, output, traces):
    sys.stdout.write(output if not output or output.endswith("\n") else output + "\n")
    print("%-7s %-90s %6.1f s" % ("FAILED" if traces else "ok", child.name, child.seconds))
    for trace in traces:
        print("        " + trace.rstrip().replace("\n", "\n        "))
    sys.stdout.flush()


def cpu_s():
    """Of all children that were waited for, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
