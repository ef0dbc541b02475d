"""What the programs of this folder measure with: processor time of a process, spreads, the machine, the files they read."""

import mmap
import os
import time

PROCESS_CPU = 2  # of clock_getcpuclockid(3): CPUCLOCK_SCHED of a process
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
LINE = "%09d the miller grinds what the river brings, day by day, a hundred bytes a line, no more.....\n"

# How bin/connect-distributed.sh and bin/kafka-server-start.sh start their JVMs; scripts/kafka-lab by itself is sparing, for tests.
_PERFORMANCE = "-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 " \
               "-XX:+ExplicitGCInvokesConcurrent -XX:MaxInlineLevel=15 -Djava.awt.headless=true"
JVM_FLAGS = "-Xms256M -Xmx2G " + _PERFORMANCE
BROKER_FLAGS = "-Xms1G -Xmx1G " + _PERFORMANCE


FETCHED_BYTES = 512 << 20


def memory_fetch():
    """Memory that a hypervisor has taken back comes again page by page, at the cost of whoever touches it first: not of one who is measured."""
    with mmap.mmap(-1, FETCHED_BYTES) as memory:
        for at in range(0, FETCHED_BYTES, mmap.PAGESIZE):
            memory[at] = 1


def stat_fields(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
        return file.read().rsplit(")", 1)[1].split()


def children(pid):
    for task in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as file:
                numbers = file.read().split()
        except OSError:  # the thread has ended meanwhile
            numbers = []
        yield from map(int, numbers)


def cpu_us(pid):
    """Processor time of a process and of its children, those that have ended (by ticks) and those that run."""
    used = time.clock_gettime(~pid << 3 | PROCESS_CPU) * 1e6 + sum(map(int, stat_fields(pid)[13:15])) * TICK_US
    for child in children(pid):
        try:
            used += cpu_us(child)
        except OSError:  # ended meanwhile, and counts among its parent's from then on
            pass
    return used


def spread(times):
    """Median and 99th percentile of milliseconds."""
    ordered = sorted(times)
    return {"p50_ms": round(ordered[len(ordered) // 2], 2), "p99_ms": round(ordered[max(0, int(len(ordered) * 0.99) - 1)], 2)}


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "?")
    return {"cpu": model, "cores": os.cpu_count(), "load_before": os.getloadavg()[0]}


def lines_write(path, records):
    """A file of so many lines of 100 bytes."""
    with open(path, "w", encoding="ascii") as file:
        file.writelines(LINE % number for number in range(records))
