"""One of two workers is restarted in order, then killed and started again.

What fails: the process of a worker: SIGTERM, as an upgrade does, then kill -9, as a crash or the OOM killer.
What you see: of a kill, the leader's `GET /admin/cluster` says "a worker ended without leaving" and shows the worker as gone. The other
  worker's `kafka_connect_worker_task_count` rises by what the dead one ran, and falls when it is back.
What Millrace does: a worker that is told to end hands its work over first; the successors are ready before it stops. What a killed one
  ran runs on the other within a second or two where both are on one machine; else, and for a killed leader, when session.timeout.ms
  is over (10 s by default; 6 s here). Started again, the worker gets its work back when that time is over.
What you do: start the worker again. No connector is to be restarted.
Nothing is lost: the sources' files grow all the while, and each line is in the topic and in the sink's file. After a kill the last ones
  before it may be there twice (at least once: what was not committed yet comes again); after an orderly end none are.
"""

import signal
import time


def say_gap(d, load, since_s):
    gap_s = max(load.gaps(since_s).values())
    d.say("the longest time that one of the tasks brought nothing: %.2f s" % gap_s)
    return gap_s


def repeated(load):
    """Lines that came more than once into the sinks' files."""
    files = [load.read(load.output(i)) for i in range(load.pairs)]
    return sum(len(lines) - len(set(lines)) for lines in files)


def start_again(d, group, units, since_s):
    d.show_command("millrace worker worker-b.properties &")
    group.start("b")
    d.joined(group, "b")
    group.wait_balanced(units)
    d.say("it has its share again, %.1f s after the other process ended" % (time.time() - since_s))


def drill(d):
    d.step("A worker with two sources and two sinks, and a second one that takes its share")
    group = d.cluster("a", session__timeout__ms=6000)
    load = d.load(group, 2)
    group.start("b")
    d.joined(group, "b")
    group.wait_balanced(load.units)
    worker, other = group.workers["a"], group.workers["b"]
    tasks = d.metric("kafka_connect_worker_task_count", worker)
    rebalances = d.metric("kafka_connect_worker_rebalance_completed_rebalances_total", worker)

    d.step("Worker b is restarted in order")
    load.wait_flow()
    since = time.time()
    d.check("it ends with status 0", d.kill(other, signal.SIGTERM) == 0)
    load.wait_flow()
    d.check("that is hardly felt (below 4 s; seen: below 0.2 s)", say_gap(d, load, since) < 4)
    start_again(d, group, load.units, time.time())
    d.check("no line came twice", repeated(load) == 0)

    d.step("Worker b is killed")
    load.wait_flow()
    since = time.time()
    d.kill(group.workers["b"])
    load.wait_flow()
    d.wait(lambda: tasks.now() == 4, "worker a runs all tasks")
    d.check("everything runs on worker a (within 6 s; seen: below 1 s)", say_gap(d, load, since) < 6)
    shown = d.curl("GET", worker, "/admin/cluster")
    d.say("%s; gone: %s" % (shown["last_rebalance"]["reason"], ", ".join(member["url"] for member in shown["members"] if member["gone"])))

    d.step("It is started again")
    start_again(d, group, load.units, since)
    load.wait_flow()
    d.wait(lambda: tasks.now() == 2, "each runs two tasks")
    d.metric_moved(rebalances)

    d.step("Is all there?")
    load.stop()
    load.wait_all_out()
    wrong = load.wrong_at_least_once()
    d.check("each of %d lines of each source is in its topic and in the sink's file%s" % (load.fed, "".join(wrong)), not wrong)
    d.say("%d lines came twice" % repeated(load))
