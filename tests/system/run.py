#!/usr/bin/env python3
"""Runs the system tests: real brokers, worker processes, kills.

    tests/system/run.py [-j N] [PATTERN]…     (only tests whose module.Class.name contains one of the patterns)
    tests/system/run.py --times LOG           (writes times.txt anew from the output of a run)

Prints each test's result and time and closes with `N passed, N failed`. One broker serves the whole run; a test makes its own groups
and topics. Each test is a process of its own; N run side by side (by default one more than there are processors: they mostly wait), the
longest first by times.txt. A class with `weight = 2`, many workers or brokers, counts for two. A test or class with `alone = True` has
limits of time that others would break: it runs when all those are through, and nothing beside it. Environment: MILLRACE_BUILD,
MILLRACE_TEST_SECONDS (a test's deadline, 300, where its class has no deadline_s of its own), MILLRACE_KEEP.
"""

import argparse
import glob
import json
import os
import re
import signal
import sys
import tempfile
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "support")]
sys.dont_write_bytecode = True

import lab  # noqa: E402
import side_by_side  # noqa: E402

TIMES = os.path.join(HERE, "times.txt")
CLEANUP_S = 60  # what a test may need beyond its deadline to end what it started


class Overdue(Exception):
    """The test used up its deadline."""


def tests_of(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from tests_of(entry)
        else:
            yield entry


class Result(unittest.TestResult):
    """Counts, and keeps the trace of what failed; a skipped test has not passed."""

    def __init__(self):
        super().__init__()
        self.traces = []

    def addError(self, test, err):
        self.traces.append("".join(traceback.format_exception(*err)))

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.traces.append("%s\n%s" % (subtest, "".join(traceback.format_exception(*err))))

    def addSkip(self, test, reason):
        self.traces.append("skipped: %s" % reason)

    def addUnexpectedSuccess(self, test):
        self.traces.append("unexpected success")


def interrupt(*_):
    """As Ctrl-C does: what a test does not take for a failure of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


# One test, in a process of its own

def run_one(test, deadline_s):
    """The traces of what failed, none if it passed."""
    def overdue(*_):
        raise Overdue("still running after %d s" % deadline_s)

    result = Result()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup's "ignored" would be the workers' too: they obey it
    signal.signal(signal.SIGALRM, overdue)
    signal.alarm(deadline_s)
    try:
        unittest.TestSuite([test]).run(result)
    except Overdue:
        result.traces.append(traceback.format_exc())
    finally:
        signal.alarm(0)
        lab.end_workers()
    return result.traces


def deadline_of(test):
    return getattr(test, "deadline_s", int(os.environ.get("MILLRACE_TEST_SECONDS", "300")))


def be_one(module, name, traces_file):
    signal.signal(signal.SIGTERM, interrupt)
    try:
        test = next(t for t in tests_of(unittest.defaultTestLoader.loadTestsFromName(module)) if t.id() == name)
        traces = run_one(test, deadline_of(test))
        with open(traces_file, "w", encoding="utf-8") as file:
            json.dump(traces, file)
        return 1 if traces else 0
    finally:
        lab.end_all()


# All of them

def wanted_tests(patterns):
    found = []
    for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
        module = os.path.basename(path)[:-3]
        for test in tests_of(unittest.defaultTestLoader.loadTestsFromName(module)):
            name = test.id()
            if patterns and not any(p in name for p in patterns):
                continue
            method = getattr(test, name.rsplit(".", 1)[1], None)
            command = [sys.executable, os.path.abspath(__file__), "--one", module, name]
            weight = side_by_side.ALONE if getattr(method, "alone", getattr(test, "alone", False)) else getattr(test, "weight", 1)
            found.append(side_by_side.Test(name, command, deadline_of(test) + CLEANUP_S, weight))
    return found


def times_read():
    """Name → seconds, of an earlier run on a quiet machine."""
    with open(TIMES, encoding="utf-8") as file:
        return {name: float(seconds) for seconds, name in (line.split() for line in file)}


def times_write(log):
    with open(log, encoding="utf-8", errors="replace") as file:
        found = dict(re.findall(r"^ok +(test_\S+) +([\d.]+) s$", file.read(), re.MULTILINE))
    with open(TIMES, "w", encoding="utf-8") as file:
        file.writelines("%6.1f %s\n" % (float(seconds), name) for name, seconds in sorted(found.items()))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-j", "--jobs", type=int, default=(os.cpu_count() or 1) + 1)
    parser.add_argument("--times", metavar="LOG")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    return parser.parse_args()


def run_all(wanted):
    tests = side_by_side.in_order(wanted_tests(wanted.patterns), times_read())
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="millrace-run-") as folder:
        if os.environ.get("MILLRACE_KEEP"):
            folder = tempfile.mkdtemp(prefix="millrace-kept-")
            print("all is kept in " + folder)
        environment = {"KAFKA_LAB_BOOTSTRAP": lab.suite_lab().bootstrap} if tests else {}
        results = side_by_side.Run(tests, wanted.jobs, folder, environment).all()
    failed = [name for name, _, traces in results if traces]
    print("%d tests side by side by %d: %d s instead of %d s, %d s of processor time" % (
        len(results), wanted.jobs, time.monotonic() - began, sum(seconds for _, seconds, _ in results), side_by_side.cpu_s()))
    for name in failed:
        print("failed: " + name)
    print("%d passed, %d failed" % (len(results) - len(failed), len(failed)), flush=True)
    return 1 if failed else 0


def main():
    wanted = arguments()
    if wanted.one:
        return be_one(*wanted.one)
    if wanted.times:
        return times_write(wanted.times)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return run_all(wanted)
    except KeyboardInterrupt:
        return 130
    finally:
        lab.end_all()


if __name__ == "__main__":
    sys.exit(main())
