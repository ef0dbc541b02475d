"""How far a topic of one partition is, asked of its only broker over one connection that is kept: cheap enough to ask every few
milliseconds beside what is measured (ListOffsets, version 2, of the Kafka protocol)."""

import socket
import struct

LIST_OFFSETS, VERSION, LATEST = 2, 2, -1


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class PartitionEnd:
    def __init__(self, bootstrap, topic):
        host, port = bootstrap.split(",")[0].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        request = struct.pack(">hhi", LIST_OFFSETS, VERSION, 0) + text("bench")
        request += struct.pack(">ibi", -1, 0, 1) + text(topic) + struct.pack(">iiq", 1, 0, LATEST)  # of no replica, read_uncommitted
        self.request, self.topic = struct.pack(">i", len(request)) + request, topic

    def read(self, size):
        got = b""
        while len(got) < size:
            more = self.socket.recv(size - len(got))
            assert more, "the broker has closed the connection"
            got += more
        return got

    def ask(self):
        """The offset after the last record or marker."""
        self.socket.sendall(self.request)
        answer = self.read(struct.unpack(">i", self.read(4))[0])
        _, error, _, offset = struct.unpack(">ihqq", answer[-22:])
        assert error == 0, "the end of %s: error %d of the protocol" % (self.topic, error)
        return offset

    def close(self):
        self.socket.close()
