"""Topics made and deleted over one short connection each (CreateTopics, DeleteTopics of the Kafka protocol), where Kafka's own tool would
be a JVM that takes two seconds of both cores right before something is measured."""

import struct

import lab
import partition_end

CREATE, CREATE_VERSION = 19, 2
DELETE, DELETE_VERSION = 20, 1
TIMEOUT_MS = 30_000


def call(bootstrap, api, version, body):
    """Asks any broker, who passes it on; the error code of the only topic."""
    connection = partition_end.Connection(bootstrap)
    answer = connection.call(struct.pack(">hhi", api, version, 0) + partition_end.text("bench") + body)
    connection.close()
    _, _, _, name_size = struct.unpack(">iiih", answer[:14])
    return struct.unpack(">h", answer[14 + name_size:16 + name_size])[0]


def leaders(kafka, name):
    """host:port of who leads each partition. One broker may know it later than another."""
    def told():
        metadata = kafka.metadata()
        brokers = {broker["id"]: broker["name"] for broker in metadata["brokers"]}
        partitions = next((topic["partitions"] for topic in metadata["topics"] if topic["topic"] == name), [])
        return [brokers.get(part["leader"]) for part in sorted(partitions, key=lambda part: part["partition"])]

    def all_led():
        addresses = told()
        return addresses if addresses and all(addresses) else None
    return lab.wait_until(all_led, "the topic %s has leaders" % name)


def create(kafka, name, partitions=1, copies=1):
    """Returns once each partition has a leader that answers for it."""
    body = struct.pack(">i", 1) + partition_end.text(name) + struct.pack(">ih", partitions, copies) + struct.pack(">ii", 0, 0)
    error = call(kafka.bootstrap, CREATE, CREATE_VERSION, body + struct.pack(">ib", TIMEOUT_MS, 0))
    assert error == 0, "the topic %s: error %d of the protocol" % (name, error)

    def is_led():
        return all(end_of(address, name, partition) == 0 for partition, address in enumerate(leaders(kafka, name)))
    lab.wait_until(is_led, "the topic %s is led" % name)


def delete(kafka, name):
    body = struct.pack(">i", 1) + partition_end.text(name) + struct.pack(">i", TIMEOUT_MS)
    error = call(kafka.bootstrap, DELETE, DELETE_VERSION, body)
    assert error == 0, "the topic %s: error %d of the protocol" % (name, error)


def end_of(address, name, partition=0):
    end = partition_end.PartitionEnd(address, name, partition)
    offset = end.ask()
    end.close()
    return offset
