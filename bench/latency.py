"""How long a line takes from a file through a topic to the sink's file, which is a pipe here, so that its arrival wakes who reads it."""

import os
import select
import threading
import time

import measure

PER_S = 1000
WARM_UP_S = 3.0
STUCK_S = 30
LINE = b"%019d until the mill has ground it, a hundred bytes to the line as in all of these measurements....\n"
LINE_BYTES = len(LINE % 0)


class Reader(threading.Thread):
    """Notes when each line has come through the pipe: (written, read), ns."""

    def __init__(self, path):
        super().__init__()
        self.pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.times, self.is_ended = [], False

    def run(self):
        rest, poll = b"", select.poll()
        poll.register(self.pipe, select.POLLIN)
        while not self.is_ended:
            events = poll.poll(100)
            if not events or not events[0][1] & select.POLLIN:
                time.sleep(0.001 if events else 0)  # nobody has opened its other end
                continue
            text, now = rest + os.read(self.pipe, 1 << 16), time.monotonic_ns()
            *lines, rest = text.split(b"\n")
            self.times += [(int(line[:19]), now) for line in lines]
        os.close(self.pipe)


def write_lines(path, count):
    with open(path, "ab", buffering=0) as file:
        began = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, began + number / PER_S - time.monotonic()))
            file.write(LINE % time.monotonic_ns())


def run(bench, side):
    """{"p50_ms", "p99_ms"} of bench.latency_s seconds after a warm-up."""
    path, pipe, name = bench.path("grows"), bench.path("pipe"), bench.topic("latency")
    open(path, "wb").close()
    os.mkfifo(pipe)
    reader, count = Reader(pipe), int((WARM_UP_S + bench.latency_s) * PER_S)
    with bench.worker(side, {"producer.linger.ms": 0}) as worker:
        worker.create(name + "-sink", {"connector.class": "FileStreamSink", "topics": name, "file": pipe, "tasks.max": 1})
        worker.create(name, bench.source_config(name, path, {}))
        worker.wait_state(name)
        worker.wait_state(name + "-sink")
        reader.start()
        try:
            write_lines(path, count)
            until = time.monotonic() + STUCK_S
            while len(reader.times) < count and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            reader.is_ended = True
            reader.join()
    assert len(reader.times) == count, "%d of %d lines came through\n%s" % (len(reader.times), count, worker.log_end())
    return measure.spread([(read - written) / 1e6 for written, read in reader.times[int(WARM_UP_S * PER_S):]])
