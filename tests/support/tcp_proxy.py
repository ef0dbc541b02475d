#!/usr/bin/env python3
"""A TCP proxy that can be told to lose a network: for partitions between workers and brokers.

    tcp_proxy.py LISTEN=HOST:PORT…     relays 127.0.0.1:LISTEN to HOST:PORT; obeys lines on its standard input, ends with it

    stall LISTEN     nothing passes, in neither direction; connections stay, new ones are taken and hear nothing
    mute LISTEN      requests pass, answers do not: what was asked for is done, but who asked never hears of it
    mute-at:TEXT LISTEN      so, from the moment when TEXT (without a blank) stands in a request, which still passes
    reset LISTEN     every connection is reset, and so is each new one
    idle:SECONDS LISTEN      a connection on which neither side has said anything for so long is closed without a word
    limit:BYTES LISTEN       a connection that sends a Kafka request of more bytes is closed without a word; not for TLS, nor with idle
    heal LISTEN      all as before; what was held back passes now
    closed LISTEN    answers with how many connections idle and limit have closed

As Proxy: one such process, which ends with the test.
"""

import asyncio
import os
import socket
import struct
import subprocess
import sys
import time

CHUNK_BYTES = 1 << 16  # of each direction, held back while a line is cut; the sockets' own buffers beside
TEXT_BYTES_MAX = 256  # of mute-at


class Proxy:
    """`targets`: port to listen on → "host:port". The test's side of it."""

    def __init__(self, targets):
        pairs = ["%d=%s" % pair for pair in targets.items()]
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), *pairs], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", "the proxy did not start"

    def tell(self, what, port):
        """Returns when it is so."""
        assert self._ask(what, port) == "done\n", "the proxy has ended"

    def closed(self, port):
        return int(self._ask("closed", port))

    def _ask(self, what, port):
        self.process.stdin.write("%s %d\n" % (what, port))
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Line:
    """One port and all connections through it."""

    def __init__(self, port, target):
        self.port, self.target = port, target.rsplit(":", 1)
        self.requests, self.answers = asyncio.Event(), asyncio.Event()  # set: they pass
        self.is_reset = False
        self.mute_at = None
        self.idle_s = self.limit_bytes = None
        self.closed = 0
        self.writers = set()

    async def start(self):
        self.set("heal")
        self.server = await asyncio.start_server(self.connected, "127.0.0.1", self.port)

    def set(self, what):
        what, _, text = what.partition(":")
        self.mute_at = text.encode() if what == "mute-at" else None
        self.is_reset = what == "reset"
        self.idle_s = float(text) if what == "idle" else None
        self.limit_bytes = int(text) if what == "limit" else None
        (self.requests.clear if what == "stall" else self.requests.set)()
        (self.answers.clear if what in ("stall", "mute") else self.answers.set)()
        if self.is_reset:
            for writer in list(self.writers):
                reset(writer)

    async def connected(self, reader, writer):
        if self.is_reset:
            return reset(writer)
        try:
            upstream = await asyncio.open_connection(*self.target)
        except OSError:
            return reset(writer)
        ends = {writer, upstream[1]}
        heard = Connection(self, ends)
        self.writers |= ends
        if self.is_reset:
            reset(writer)
        watch = asyncio.create_task(heard.watch())
        await asyncio.gather(pump(reader, upstream[1], self.requests, self.look, heard.request),
                             pump(upstream[0], writer, self.answers, None, heard.answer))
        watch.cancel()
        self.writers -= ends

    def look(self, data):
        """At a request, before it passes."""
        if self.mute_at and self.mute_at in data:
            self.answers.clear()


class Connection:
    """What idle and limit need to know of one."""

    def __init__(self, line, ends):
        self.line, self.ends = line, ends
        self.last = time.monotonic()
        self.rest, self.size = 0, b""  # of the request under way: bytes to come, and its size as far as it has come

    def close(self):
        self.line.closed += 1
        for end in self.ends:
            end.transport.abort()

    def answer(self, _):
        self.last = time.monotonic()
        return True

    def request(self, data):
        """False: closed instead of passed on."""
        self.last = time.monotonic()
        at = 0
        while at < len(data):
            if self.rest:
                step = min(self.rest, len(data) - at)
                self.rest -= step
                at += step
                continue
            wanted = 4 - len(self.size)
            self.size += data[at:at + wanted]
            at += wanted
            if len(self.size) == 4:
                self.rest, self.size = int.from_bytes(self.size, "big"), b""
                if self.line.limit_bytes and self.rest > self.line.limit_bytes:
                    self.close()
                    return False
        return True

    async def watch(self):
        while True:
            await asyncio.sleep(0.2)
            if self.line.idle_s and time.monotonic() - self.last > self.line.idle_s:
                return self.close()


async def pump(reader, writer, passes, look=None, heard=None):
    """Until either side has ended; then the other ends too. `look` is shown each piece, and the end of the one before it; `heard` says
    whether a piece passes."""
    seen = b""
    try:
        while data := await reader.read(CHUNK_BYTES):
            await passes.wait()
            if look:
                seen = seen[-TEXT_BYTES_MAX:] + data
                look(seen)
            if heard and not heard(data):
                return
            writer.write(data)
            await writer.drain()
        await passes.wait()  # that it has ended is not heard either
        writer.close()
    except OSError:
        reset(writer)


def reset(writer):
    """Closes without a word: the other end is told by RST."""
    try:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass  # it is gone already
    writer.transport.abort()


async def serve(pairs):
    lines = {int(port): Line(int(port), target) for port, target in (pair.split("=") for pair in pairs)}
    for line in lines.values():
        await line.start()
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print("ready", flush=True)
    while order := await orders.readline():
        what, port = order.decode().split()
        if what == "closed":
            print(lines[int(port)].closed, flush=True)
            continue
        lines[int(port)].set(what)
        print("done", flush=True)
    os._exit(0)  # with all connections as they are


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))
