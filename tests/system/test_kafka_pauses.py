"""Kafka's ConnectDistributedTest: a paused source or sink stands still until it is resumed, and is paused still after a restart of all.

Theirs are a cluster each; ours share one, and what is paused is watched side by side.
"""

import time

import connect_service

STILL_S = 10  # as long as theirs watch: there is no fact to wait for where nothing happens


class KafkaPauses(connect_service.Service):
    def pause_all(self, counts):
        """`counts`: name → a function that counts what it has brought so far. Paused they bring nothing, resumed more."""
        for name in counts:
            self.ask("PUT", "/connectors/%s/pause" % name)
        for name in counts:
            self.wait_everywhere(name, "PAUSED")
        before = {name: count(name) for name, count in counts.items()}
        time.sleep(STILL_S)
        self.assertEqual(before, {name: count(name) for name, count in counts.items()})
        for name in counts:
            self.ask("PUT", "/connectors/%s/resume" % name)
        for name in counts:
            self.wait_everywhere(name, "RUNNING")
        for name, count in counts.items():
            self.wait(lambda: count(name) > before[name], 30, "%s goes on" % name)

    def stays_paused(self, name):
        self.ask("PUT", "/connectors/%s/pause" % name)
        self.restart()
        self.wait_everywhere(name, "PAUSED", timeout_s=120)

    def number_sent(self, name):
        return len(self.sent(name))

    def number_received(self, name):
        return len(self.received(name))

    def test_pause_and_resume(self):
        """ConnectDistributedTest.test_pause_and_resume_source(exactly_once_source=False), .test_pause_and_resume_sink,
        .test_pause_state_persistent(exactly_once_source=False)
        """
        self.begin()
        topic, other = self.new_topic(), self.new_topic()
        source, feed = self.verifiable_source(topic), self.verifiable_source(other)
        self.wait(lambda: self.committed(feed), 30, "a record of the source")
        sink = self.verifiable_sink(other)
        self.wait_running(source)
        self.wait_running(sink)
        self.pause_all({source: self.number_sent, sink: self.number_received})
        self.stays_paused(source)

    def test_pause_and_resume_exactly_once(self):
        """ConnectDistributedTest.test_pause_and_resume_source(exactly_once_source=True), .test_pause_state_persistent(
        exactly_once_source=True)
        """
        self.begin(once=True)
        source = self.verifiable_source(self.new_topic())
        self.wait_running(source)
        self.pause_all({source: self.number_sent})
        self.stays_paused(source)
