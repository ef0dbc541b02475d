"""The lab itself: what every other system test stands on."""

import unittest

import lab


class LabTest(unittest.TestCase):
    def test_records_come_back_from_the_broker_in_order(self):
        kafka = lab.suite_lab()
        topic = lab.fresh_name("roundtrip")
        kafka.produce(topic, ["first", "second", "third"])
        self.assertEqual(["first", "second", "third"], [r["value"] for r in kafka.consume(topic)])
        self.assertEqual([b"first", b"second", b"third"], kafka.values(topic))
        self.assertEqual(3, kafka.end_offset(topic))
        self.assertEqual(1, kafka.topics()[topic])

    def test_only_known_users_enter_through_tls(self):
        with lab.Lab(sasl_ssl=True) as kafka:
            user = kafka.credentials()
            tls = ["-b", kafka.read("bootstrap-sasl-ssl"), "-X", "security.protocol=SASL_SSL",
                   "-X", "sasl.mechanisms=PLAIN", "-X", "ssl.ca.location=" + kafka.path("ca.pem"),
                   "-X", "sasl.username=" + user["user"], "-L", "-m", "5"]
            self.assertIn(b"broker 1 at localhost", kafka.kcat(*tls, "-X", "sasl.password=" + user["password"]))
            with self.assertRaises(AssertionError):
                kafka.kcat(*tls, "-X", "sasl.password=wrong")

    def test_a_stopped_broker_comes_back_with_its_records(self):
        with lab.Lab() as kafka:
            kafka.produce("kept", ["one"])
            kafka.broker_stop(kill=True)
            kafka.broker_start()
            self.assertEqual([b"one"], kafka.values("kept"))
