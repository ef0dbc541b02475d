"""Sink tasks under load and random events on a real broker: retriable failures of put, pauses, rewinds, rebalances.

What is done and held against what is in support/programs/sink_rounds.c, which is built with the librdkafka of the build: run-tests runs this for
the pinned one and for the oldest that is served.
"""

import os
import random
import subprocess
import unittest

import lab

ROUNDS = 200


class SinkRounds(unittest.TestCase):
    deadline_s = 600

    def test_no_record_is_left_out_and_none_is_committed_unseen(self):
        seed = os.environ.get("MILLRACE_SEED", str(random.randrange(1 << 32)))
        kafka = lab.suite_lab()
        topic = lab.fresh_name("rounds")
        kafka.topic_create(topic, 3)
        done = subprocess.run([os.path.join(lab.BUILD, "test-programs", "sink_rounds"), kafka.bootstrap, topic, "connect-" + topic,
                               os.path.join(lab.BUILD, "plugins", "string_converter.so"), str(ROUNDS), seed],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        said = done.stderr.splitlines()[-20:]
        self.assertEqual(0, done.returncode, "MILLRACE_SEED=%s, last words first: %s" % (seed, "\n".join(reversed(said))))
        print(done.stdout.strip())
