"""Sends one record at a time to a topic of one partition over one connection that is kept, at once and acknowledged by the leader:
kcat keeps lines until it has a block of them. (Produce, version 3, of the Kafka protocol; one broker.)"""

import struct
import time

import partition_end

PRODUCE, VERSION = 0, 3
NO_PRODUCER = struct.pack(">qhi", -1, -1, -1)


def crc32c_table():
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        yield number


TABLE = list(crc32c_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(number):
    number, out = number << 1 ^ number >> 63, b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def batch(value, now_ms):
    record = b"\0" + varint(0) + varint(0) + varint(-1) + varint(len(value)) + value + varint(0)
    body = struct.pack(">hiqq", 0, 0, now_ms, now_ms) + NO_PRODUCER + struct.pack(">i", 1) + varint(len(record)) + record
    return struct.pack(">qiib", 0, 9 + len(body), -1, 2) + struct.pack(">I", crc32c(body)) + body


class RecordSender(partition_end.PartitionEnd):
    def send(self, value):
        """Returns when the leader has it."""
        records = batch(value, int(time.time() * 1000))
        request = struct.pack(">hhi", PRODUCE, VERSION, 1) + partition_end.text("bench") + struct.pack(">hhi", -1, 1, 30000)
        request += struct.pack(">i", 1) + partition_end.text(self.topic) + struct.pack(">iii", 1, 0, len(records)) + records
        self.socket.sendall(struct.pack(">i", len(request)) + request)
        answer = self.read(struct.unpack(">i", self.read(4))[0])
        error = struct.unpack(">h", answer[-22:-20])[0]
        assert error == 0, "a record to %s: error %d of the protocol" % (self.topic, error)
