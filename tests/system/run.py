#!/usr/bin/env python3
"""Runs the system tests: real brokers, worker processes, kills.

    tests/system/run.py [PATTERN]…     (only tests whose module.Class.name contains one of the patterns)

Prints each test's result and time and closes with `N passed, N failed`. One broker serves the whole run; a test makes
its own groups and topics. Environment: MILLRACE_BUILD, MILLRACE_TEST_SECONDS (a test's deadline, 300), MILLRACE_KEEP.
"""

import glob
import os
import signal
import sys
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "support")]
sys.dont_write_bytecode = True

import lab  # noqa: E402


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


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    patterns = sys.argv[1:]
    deadline_s = int(os.environ.get("MILLRACE_TEST_SECONDS", "300"))
    modules = sorted(os.path.basename(p)[:-3] for p in glob.glob(os.path.join(HERE, "test_*.py")))
    passed, failed = 0, []
    for test in tests_of(unittest.defaultTestLoader.loadTestsFromNames(modules)):
        name = test.id()
        if patterns and not any(p in name for p in patterns):
            continue
        start = time.monotonic()
        traces = run_one(test, deadline_s)
        print("%-7s %-90s %6.1f s" % ("FAILED" if traces else "ok", name, time.monotonic() - start), flush=True)
        for trace in traces:
            print("        " + trace.rstrip().replace("\n", "\n        "), flush=True)
        if traces:
            failed.append(name)
        else:
            passed += 1
    for name in failed:
        print("failed: " + name)
    print("%d passed, %d failed" % (passed, len(failed)), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    status = main()
    lab.end_all()
    sys.exit(status)
