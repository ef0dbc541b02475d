"""A worker joins while records flow, and another one leaves.

What fails: nothing; but work moves from worker to worker, which is when connectors of other houses stand still.
What you see: `kafka_connect_worker_rebalance_completed_rebalances_total` rises, `kafka_connect_worker_task_count` goes down on one worker
  and up on the other; `GET /admin/cluster` says who has what, and why the last change was.
What Millrace does: just so much moves that the newcomer has its share, one unit after the other; the rest runs on untouched. Each unit is
  prepared where it goes before it stops where it was. A worker that is told to leave hands all over first.
What you do: start the new worker with the same group.id and topics; end the old one with SIGTERM, or drain it
  (docs/cluster.md). Nothing else.
Nothing is lost: each line of the sources' files is in its topic and in the sink's file exactly once: nobody died.
"""

import signal
import time


def unit_text(unit):
    return "%s/%d" % (unit["connector"], unit["task"]) if "task" in unit else unit["connector"]


def moved(d, group, load, since_s):
    """What moved, how long it was felt, and what stayed where it was."""
    moves = group.moves(since_s)
    gap_s = max(load.gaps(since_s).values())
    d.say("%d of %d connectors and tasks moved; the longest time that one of the tasks brought nothing: %.2f s" % (
        len(moves), load.units, gap_s))
    d.check("that is hardly felt (below 4 s; seen: below 0.2 s)", gap_s < 4)
    return moves


def drill(d):
    d.step("A worker with two sources and two sinks")
    group = d.cluster("a", session__timeout__ms=6000)
    load = d.load(group, 2)
    first = group.workers["a"]
    tasks = d.metric("kafka_connect_worker_task_count", first)
    rebalances = d.metric("kafka_connect_worker_rebalance_completed_rebalances_total", first)

    d.step("A second worker joins")
    since = time.time()
    d.show_command("millrace worker worker-b.properties &")
    group.start("b")
    d.joined(group, "b")
    group.wait_balanced(load.units)
    load.wait_flow()
    d.wait(lambda: tasks.now() == 2, "the first worker is left with half of the tasks")
    d.check("only the newcomer's share moved, and nothing twice", sorted(moved(d, group, load, since).values()) == [1] * (load.units // 2))
    shown = d.curl("GET", group.workers["b"], "/admin/cluster")
    d.say(shown["last_rebalance"]["reason"])
    for given in shown["assignment"]:
        d.say("%s has %s" % (given["url"], ", ".join(unit_text(unit) for unit in given["units"])))

    d.step("The first worker leaves")
    since = time.time()
    d.metric_moved(rebalances)
    d.check("it ends with status 0", d.kill(first, signal.SIGTERM) == 0)
    load.wait_flow()
    group.wait_balanced(load.units)
    moved(d, group, load, since)

    d.step("Is all there?")
    load.stop()
    load.wait_all_out()
    wrong = load.wrong_once()
    d.check("each of %d lines of each source is in its topic and in the sink's file, once%s" % (load.fed, "".join(wrong)), not wrong)
