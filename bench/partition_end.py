"""How far a partition is, asked of its leader over one connection that is kept: cheap enough to ask every few milliseconds beside what is
measured (ListOffsets, version 2, of the Kafka protocol)."""

import socket
import struct

LIST_OFFSETS, VERSION, LATEST = 2, 2, -1


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class Connection:
    """To the first broker of `bootstrap`."""

    def __init__(self, bootstrap):
        host, port = bootstrap.split(",")[0].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)

    def read(self, size):
        got = b""
        while len(got) < size:
            more = self.socket.recv(size - len(got))
            assert more, "the broker has closed the connection"
            got += more
        return got

    def call(self, request):
        self.socket.sendall(struct.pack(">i", len(request)) + request)
        return self.read(struct.unpack(">i", self.read(4))[0])

    def close(self):
        self.socket.close()


class PartitionEnd(Connection):
    """`bootstrap`: its leader, or the only broker."""

    def __init__(self, bootstrap, topic, partition=0):
        super().__init__(bootstrap)
        self.topic, self.request = topic, struct.pack(">hhi", LIST_OFFSETS, VERSION, 0) + text("bench")
        self.request += struct.pack(">ibi", -1, 0, 1) + text(topic) + struct.pack(">iiq", 1, partition, LATEST)  # of no replica, read_uncommitted

    def ask(self):
        """The offset after the last record or marker."""
        _, error, _, offset = struct.unpack(">ihqq", self.call(self.request)[-22:])
        assert error == 0, "the end of %s: error %d of the protocol" % (self.topic, error)
        return offset
