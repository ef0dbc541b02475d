"""Sources whose tasks number their records, as a load that a cluster can be harmed under; judged by history.py at the end.

Each is a VerifiableSource (Kafka's own tool for this) with a topic of its own. In a cluster with exactly once they differ in where their
transactions end. Beside the load come the things that users do to connectors: restarts, pauses, another
number of tasks, drawn like faults.
"""

import history
import lab

SOURCE = "org.apache.kafka.connect.tools.VerifiableSourceConnector"
PER_S = 40  # of each task
TASKS = (1, 2, 3)
TASKS_FIRST = 2
ONCE = (  # how the sources differ with exactly once
    {"transaction.boundary": "interval", "transaction.boundary.interval.ms": 300},
    {"transaction.boundary": "poll"},
    {"transaction.boundary": "connector", "millrace.transaction.records": 20, "millrace.transaction.abort.every": 3},
    {"transaction.boundary": "poll", "offsets.storage.topic": "%s-offsets"},  # its own
)
PROPERTIES_ONCE = {"exactly.once.source.support": "enabled", "producer.transaction.timeout.ms": 30000}  # of their workers


class Numbered:
    def __init__(self, cluster, count=len(ONCE) - 1, once=True):
        self.cluster, self.kafka, self.once = cluster, cluster.kafka, once
        prefix = lab.fresh_name("numbered")
        self.configs = {name: self.first_config(name, i) for i, name in enumerate("%s-%d" % (prefix, n) for n in range(count))}
        self.most_tasks = dict.fromkeys(self.configs, TASKS_FIRST)  # there ever were

    def first_config(self, name, i):
        own = ONCE[i % len(ONCE)] if self.once else {}
        return {"connector.class": SOURCE, "topic": name, "tasks.max": str(TASKS_FIRST), "throughput": str(PER_S),
                **{key: str(value).replace("%s", name) for key, value in own.items()}}

    def tasks(self, name):
        return int(self.configs[name]["tasks.max"])

    @property
    def units(self):
        return sum(1 + self.tasks(name) for name in self.configs)

    def ask(self, method, path, body=None):
        """Of any worker, again while the cluster is changing."""
        def asked():
            try:
                return [self.cluster.any().rest(method, path, body)]
            except lab.RestError as error:
                if error.status not in (409, 503):
                    raise AssertionError("%s %s: %s" % (method, path, error)) from None
                raise
        return lab.wait_until(asked, "%s %s is obeyed" % (method, path), 40, 0.2)[0]

    def configure(self, name):
        self.ask("PUT", "/connectors/%s/config" % name, self.configs[name])

    # As a load

    def create(self):
        for name in self.configs:
            self.configure(name)
        lab.wait_until(lambda: all(name in self.kafka.topics() for name in self.configs), "all topics", 40, 0.2)
        self.wait_flow()

    def start(self):
        """Nobody has to feed them."""

    stop = start

    def wait_flow(self, timeout_s=60):
        """A record that was written from now on can be read of each task."""
        missing = {name: set(range(self.tasks(name))) for name in self.configs}
        tails = {name: history.Tail(self.kafka, name, self.kafka.end_offset(name)) for name in missing}

        def came():
            for name, tail in tails.items():
                missing[name] -= {task for task, _ in tail.records()}
            assert not any(missing.values()), "nothing from %s" % {name: tasks for name, tasks in missing.items() if tasks}
            return True
        try:
            lab.wait_until(came, "records of all tasks", timeout_s, 0.02)
        finally:
            for tail in tails.values():
                tail.close()

    # What users do

    def things_to_do(self, dice):
        """Functions; each does its thing to one of the connectors and says which."""
        def one(what):
            def to_one():
                name = dice.choice(sorted(self.configs))
                what(name)
                return name[-1]
            to_one.__name__ = what.__name__
            return to_one

        def restart_connector(name):
            self.ask("POST", "/connectors/%s/restart?includeTasks=true" % name)

        def restart_task(name):
            self.ask("POST", "/connectors/%s/tasks/%d/restart" % (name, dice.randrange(self.tasks(name))))

        def pause(name):
            self.rest_in(name, "pause", "PAUSED", self.tasks(name))

        def stop(name):
            self.rest_in(name, "stop", "STOPPED", 0)

        def other_tasks(name):
            count = dice.choice([count for count in TASKS if count != self.tasks(name)])
            self.configs[name]["tasks.max"] = str(count)
            self.most_tasks[name] = max(count, self.most_tasks[name])
            self.configure(name)

        return [one(what) for what in (restart_connector, restart_task, pause, stop, other_tasks)]

    def rest_in(self, name, order, state, tasks):
        self.ask("PUT", "/connectors/%s/%s" % (name, order))
        self.cluster.any().wait_state(name, state, tasks)
        self.ask("PUT", "/connectors/%s/resume" % name)

    # At the end

    def conclude(self):
        """All run, and are stopped; (texts of what is wrong, one line about what there was)."""
        wrong, records, again = [], 0, 0
        for name in self.configs:
            self.cluster.any().wait_state(name, tasks=self.tasks(name))
            self.ask("PUT", "/connectors/%s/stop" % name)
        for name in self.configs:
            self.cluster.any().wait_state(name, "STOPPED", 0)
            read = history.read(self.kafka, name)
            offsets = history.offsets(self.cluster.any(), name)
            wrong += ["%s, %s" % (name, text) for text in history.wrong(read, offsets, range(self.most_tasks[name]), self.once)]
            records, again = records + len(read), again + history.repeated(read)
        return wrong, "%d records of %d tasks, %s" % (
            records, sum(self.most_tasks.values()),
            "each once and in order" if self.once else "none missing, %d came again" % again)
