"""A connector's life through kafka-connect-py, as it is published: life.py URL NAME TOPIC FILE.

Prints what it sees, a line each; test_rest_clients.py knows what must be there.
"""

import sys
import time

import requests
from kafka_connect import KafkaConnect

url, name, topic, file = sys.argv[1:]
client = KafkaConnect(url=url)
config = {"connector.class": "FileStreamSource", "topic": topic, "file": file, "tasks.max": "1"}


def state_now():
    try:
        return client.get_connector_status(name)["connector"]["state"]
    except requests.HTTPError as error:  # 404: it has none yet
        return str(error)


def await_state(wanted):
    for _ in range(300):
        state = state_now()
        if state == wanted:
            return state
        time.sleep(0.1)
    return "never %s: %s" % (wanted, state)


print("version", client.get_cluster_info()["version"])
print("created", client.create_connector({"name": name, "config": config})["name"])
print("listed", name in client.list_connectors())
print("state", await_state("RUNNING"))
print("expanded", name in client.list_connectors(expand="status"), name in client.list_connectors(state="running", pattern=name))
print("config", client.get_connector_config(name)["file"] == file)
client.pause_connector(name)
print("paused", await_state("PAUSED"))
client.resume_connector(name)
print("resumed", await_state("RUNNING"))
client.restart_connector(name)
print("restarted", await_state("RUNNING"))
client.restart_connector(name, include_tasks=True)
print("restarted with tasks", await_state("RUNNING"))
client.stop_connector(name)
print("stopped", await_state("STOPPED"))
validation = client.validate_connector_config("FileStreamSource", {**config, "name": name})
print("validated", validation["error_count"])
print("updated", client.update_connector(name, {**config, "name": name})["config"]["name"])
print("plugins", len(client.list_connector_plugins()) > 1)
client.delete_connector(name)
for _ in range(300):
    if name not in client.list_connectors():
        break
    time.sleep(0.1)
print("left", name in client.list_connectors())
