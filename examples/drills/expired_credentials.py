"""The credentials that an HTTP sink comes with have expired.

What fails: first the target takes its token back, then the client secret expires, which tokens are fetched with: the token endpoint answers 401.
What you see: of the token nothing. Of the secret: warnings in the log, "it answered 401", `kafka_connect_plugins_http_retries_total` rises, and
  after max.retries (10; here 2) the task is FAILED with these words in its trace, and with the records that it was about to send;
  `kafka_connect_worker_connector_failed_task_count` is 1. No secret and no token is in any of that.
What Millrace does: a token that is refused is fetched anew, once. A 401 beyond that is the target's trouble, not the records': it is tried again,
  no record is given up, no offset passes it. The secret stands in the configuration as a reference to a file, which is watched.
What you do: write the new secret into the file, or have your secret manager do it. Within a second the connector restarts with it, the failed
  task as well. (With config.action.reload=none, or the secret in the configuration itself: restart it, or change it there.)
Nothing is lost: the target has every record; here each once, since none was refused that it had taken. The committed offset
  (GET /connectors/NAME/offsets) reaches the end of the topic.
"""

import json
import os

from drill import HTTP_SINK
from http_target import HttpTarget

PART = 50  # records of each step
CLIENT, SECRETS = "drill-client", ("secret-until-today-4711", "secret-from-today-4712")


class Scene:
    """A target behind OAuth 2, and a sink of it whose client secret is in a file."""

    def __init__(self, d, target):
        self.d, self.target, self.fed = d, target, 0
        self.name, self.topic = d.named("collector"), d.named("orders")
        self.put_secret(SECRETS[0])
        self.worker = d.worker(config__providers="file", config__providers__file__class="FileConfigProvider",
                               config__providers__file__param__allowed__paths=d.folder)
        self.feed()
        d.configure(self.worker, self.name, {
            "connector.class": HTTP_SINK, "topics": self.topic, "http.api.url": target.url + "/orders", "auth.type": "OAUTH2",
            "oauth2.token.url": target.token_url, "oauth2.client.id": CLIENT,
            "oauth2.client.secret": "${file:%s:client.secret}" % d.path("collector.properties"), "max.retries": 2, "retry.backoff.ms": 200})

    def put_secret(self, secret):
        """As a whole: nobody reads half a file."""
        path = self.d.write("collector.properties.new", "client.secret=%s\n" % secret)
        os.rename(path, self.d.path("collector.properties"))

    def records(self):
        return [b"order %d" % n for n in range(self.fed)]

    def feed(self):
        first, self.fed = self.fed, self.fed + PART
        self.d.kafka.produce(self.topic, self.records()[first:])

    def all_came(self, what):
        """The target has each record once, in order."""
        self.d.wait(lambda: len(self.target.bodies()) >= self.fed, "the target has all records")
        self.d.check(what, self.target.bodies() == self.records())

    def committed(self):
        return self.d.committed(self.worker, self.name)

    def revoke_token(self):
        with self.target.lock:
            self.target.token = "none"

    def expire_secret(self):
        with self.target.lock:
            self.target.token, self.target.tokens = "none", {CLIENT: SECRETS[1]}

    def everything_said(self):
        """By the worker: its log, what it answers, and what it has written to Kafka."""
        said = [self.worker.log_text(), json.dumps(self.worker.rest("GET", "/connectors?expand=info&expand=status"))]
        said += [json.dumps(self.d.task(self.worker, self.name)), self.worker.rest("GET", "/metrics")]
        for topic in ("config.storage.topic", "status.storage.topic"):
            said += [value.decode() for value in self.d.kafka.values(self.worker.properties[topic])]
        return "\n".join(said)


def expire(d, scene):
    retries = d.metric("kafka_connect_plugins_http_retries_total", scene.worker, connector=scene.name)
    failed = d.metric("kafka_connect_worker_connector_failed_task_count", scene.worker, connector=scene.name)
    d.step("The client secret expires")
    scene.expire_secret()
    scene.feed()
    d.metric_moved(retries)
    d.log_line(scene.worker, "it answered 401")
    d.wait(lambda: d.task(scene.worker, scene.name).get("trace"), "the task has failed and says why")
    trace = d.show_status(scene.worker, scene.name)["trace"]
    d.metric_moved(failed)
    d.check("the trace says who answered what, and which records wait", "/token: it answered 401" in trace and
            "%s-0 offset" % scene.topic in trace)
    d.check("no record was given up, and no offset passes them", scene.committed() == scene.fed - PART)
    return failed


def drill(d):
    with HttpTarget(tokens={CLIENT: SECRETS[0]}, token_requests=1000000) as target:
        d.step("A worker, and a sink to an HTTP target that wants a token; its client secret is in a file")
        scene = Scene(d, target)
        scene.all_came("the first %d records have come" % PART)

        d.step("The target takes the token back: the sink fetches another, and nobody has to do anything")
        scene.revoke_token()
        scene.feed()
        scene.all_came("all %d records have come" % scene.fed)
        d.check("with a second token", len(target.tokens_given) == 2)
        d.wait(lambda: scene.committed() == scene.fed, "the offset is committed")
        failed = expire(d, scene)
        said = scene.everything_said()

        d.step("The new secret is written into the file; nobody restarts anything")
        scene.put_secret(SECRETS[1])
        d.log_line(scene.worker, "refers to have changed")
        scene.all_came("the target has all %d records, in order, each once" % scene.fed)
        scene.worker.wait_state(scene.name)
        d.metric_moved(failed, lambda _, after: after == 0)
        d.wait(lambda: scene.committed() == scene.fed, "the offset is committed")
        said += scene.everything_said()
        d.check("no secret or token is in a log, a status, a metric or the worker's topics",
                not any(secret in said for secret in (*SECRETS, *target.tokens_given)))
