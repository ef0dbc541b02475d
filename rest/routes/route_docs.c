/* The words for every row of the route table (routes.c): a route without a row here, or a row without its route, fails the tests. */
#include <string.h>

#include "forwarding/signature.h"
#include "herder/leader_link.h"
#include "routes/openapi_internal.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

#define SIGNED SIGNATURE_HEADER " " SIGNATURE_ALGORITHM_HEADER

const char OPENAPI_METRICS[] = "metrics";

const struct route_doc ROUTE_DOCS[] = {
    {HTTP_GET, "/", "getWorker", "Version and cluster of this worker", "", NO_BODY, {{200, "Worker"}}, ""},
    {HTTP_GET, "/health", "getHealth", "Whether this worker is ready to serve", "", NO_BODY,
     {{200, "Health"}, {500, "HealthOrError"}, {503, "HealthOrError"}}, ""},
    {HTTP_GET, "/livez", "getLiveness", "Whether this worker's control thread turns", "", NO_BODY, {{200, "Probe"}, {500, "Probe"}}, ""},
    {HTTP_GET, "/readyz", "getReadiness", "Whether this worker has read the topics, holds its place in the group and turns", "",
     NO_BODY, {{200, "Probe"}, {503, "Probe"}}, ""},
    {HTTP_GET, "/whoami", "getWhoami", "Who the caller is, and the most that they may do", "", NO_BODY, {{200, "Whoami"}}, ""},
    {HTTP_GET, REST_METRICS, "getMetrics", "All numbers, for Prometheus", "", NO_BODY, {{200, OPENAPI_METRICS}}, "404 503"},
    {HTTP_GET, REST_OPENAPI, "getOpenApi", "This document", "", NO_BODY, {{200, "OpenApi"}}, ""},

    {HTTP_GET, "/connectors", "listConnectors", "Names of all connectors, or what `expand` asks for about each", "expand",
     NO_BODY, {{200, "ConnectorsOrExpanded"}}, "503"},
    {HTTP_POST, "/connectors", "createConnector", "Creates a connector", "", "NewConnector", {{201, "Connector"}},
     "400 409 500 503"},
    {HTTP_GET, "/connectors/{name}", "getConnector", "A connector's configuration and tasks", "", NO_BODY,
     {{200, "Connector"}}, "404 503"},
    {HTTP_DELETE, "/connectors/{name}", "deleteConnector", "Deletes a connector; its offsets stay", "", NO_BODY,
     {{204, NO_BODY}}, "404 409 500 503"},
    {HTTP_GET, "/connectors/{name}/config", "getConnectorConfig", "A connector's configuration", "", NO_BODY,
     {{200, "Config"}}, "404 503"},
    {HTTP_PUT, "/connectors/{name}/config", "putConnectorConfig", "Creates a connector, or replaces its configuration", "",
     "GivenConfig", {{200, "Connector"}, {201, "Connector"}}, "400 409 500 503"},
    {HTTP_PATCH, "/connectors/{name}/config", "patchConnectorConfig", "Changes some options; null removes one", "",
     "ConfigChanges", {{200, "Connector"}}, "400 404 409 500 503"},
    {HTTP_GET, "/connectors/{name}/status", "getConnectorStatus", "States of a connector and its tasks", "millrace", NO_BODY,
     {{200, "ConnectorStatus"}}, "404 503"},
    {HTTP_PUT, "/connectors/{name}/pause", "pauseConnector", "Pauses a connector; its tasks stay where they are", "", NO_BODY,
     {{202, NO_BODY}}, "404 409 500 503"},
    {HTTP_PUT, "/connectors/{name}/resume", "resumeConnector", "Resumes a paused or stopped connector", "", NO_BODY,
     {{202, NO_BODY}}, "404 409 500 503"},
    {HTTP_PUT, "/connectors/{name}/stop", "stopConnector", "Stops a connector and ends its tasks", "", NO_BODY,
     {{204, NO_BODY}}, "404 409 500 503"},
    {HTTP_POST, "/connectors/{name}/restart", "restartConnector",
     "Restarts a connector; with a parameter also tasks, and answers with what restarts", "includeTasks onlyFailed", NO_BODY,
     {{202, "ConnectorStatus"}, {204, NO_BODY}}, "404 409 500 503"},
    {HTTP_GET, "/connectors/{name}/tasks", "listTasks", "A connector's tasks and their configurations", "", NO_BODY,
     {{200, "Tasks"}}, "404 503"},
    {HTTP_POST, "/connectors/{name}/tasks", "putTaskConfigs", "Between workers: what tasks a connector asks for",
     SIGNED " " LEADER_LINK_MADE_FROM, "TaskConfigs", {{204, NO_BODY}}, "400 403 404 409 500 503"},
    {HTTP_PUT, "/connectors/{name}/fence", "fenceConnector", "Between workers: fences former tasks of an exactly-once source",
     SIGNED, NO_BODY, {{204, NO_BODY}}, "400 403 404 409 500 503"},
    {HTTP_GET, "/connectors/{name}/tasks/{task:int}/status", "getTaskStatus", "A task's state", "millrace", NO_BODY,
     {{200, "TaskStatus"}}, "404 503"},
    {HTTP_POST, "/connectors/{name}/tasks/{task:int}/restart", "restartTask", "Restarts a task", "", NO_BODY,
     {{204, NO_BODY}}, "404 409 500 503"},
    {HTTP_GET, "/connectors/{name}/topics", "getConnectorTopics", "Topics a connector has used", "", NO_BODY,
     {{200, "ConnectorTopics"}}, "403 503"},
    {HTTP_PUT, "/connectors/{name}/topics/reset", "resetConnectorTopics", "Forgets the topics a connector has used", "", NO_BODY,
     {{202, NO_BODY}}, "403 503"},
    {HTTP_GET, "/connectors/{name}/offsets", "getOffsets", "How far a connector has come", "", NO_BODY,
     {{200, "Offsets"}}, "404 500 503"},
    {HTTP_PATCH, "/connectors/{name}/offsets", "alterOffsets",
     "Changes offsets of a stopped connector, of a sink also by time; null removes one", "dry_run undo", "OffsetChanges",
     {{200, "MessageOrOffsetsTrial"}}, "400 404 409 500 503"},
    {HTTP_DELETE, "/connectors/{name}/offsets", "resetOffsets", "Removes all offsets of a stopped connector", "dry_run undo", NO_BODY,
     {{200, "MessageOrOffsetsTrial"}}, "400 404 409 500 503"},
    {HTTP_POST, "/connectors/{name}/offsets/undo", "undoOffsets",
     "Sets the offsets of a stopped connector back to what they were before the last change", "dry_run undo", NO_BODY,
     {{200, "MessageOrOffsetsTrial"}}, "400 404 409 500 503"},

    {HTTP_GET, "/connectors/{name}/dlq", "listDeadLetters", "Causes of dead letters with their counts, and the newest letters",
     "group stage class exception topic header header_value since until partition from before limit", NO_BODY, {{200, "DeadLetters"}},
     "400 404 500 503"},
    {HTTP_GET, "/connectors/{name}/dlq/{partition:int}/{offset}", "getDeadLetter", "A dead letter, and what would become of it now", "",
     NO_BODY, {{200, "DeadLetter"}}, "400 404 500 503"},
    {HTTP_POST, "/connectors/{name}/dlq/replay", "replayDeadLetters", "Sends letters back to the topics they were read from, or into the connector's pipeline", "",
     "DeadLetterSelection", {{200, "Replay"}}, "400 404 409 500 503"},
    {HTTP_POST, "/connectors/{name}/dlq/discard", "discardDeadLetters", "Marks letters as done", "", "DeadLetterSelection",
     {{200, "Replay"}}, "400 404 409 500 503"},
    {HTTP_GET, "/connectors/{name}/dlq/replays/{id}", "getReplay", "What a replay has come to", "", NO_BODY, {{200, "ReplaySum"}},
     "400 404 500 503"},

    {HTTP_GET, "/connector-plugins", "listPlugins", "Plugins of this worker", "connectorsOnly", NO_BODY, {{200, "Plugins"}}, ""},
    {HTTP_GET, "/connector-plugins/{plugin}/config", "getPluginConfig", "A plugin's options", "version", NO_BODY,
     {{200, "OptionDefinitions"}}, "400 404 500"},
    {HTTP_PUT, "/connector-plugins/{plugin}/config/validate", "validateConfig", "Checks a configuration without using it", "",
     "ConfigChanges", {{200, "Validation"}}, "400 500 503"},
    {HTTP_POST, "/connector-plugins/{plugin}/config/try", "tryConfig", "What a configuration would make of records", "", "Try",
     {{200, "Tried"}}, "400 500 503"},

    {HTTP_GET, "/admin/loggers", "listLoggers", "Loggers of this worker and their levels", "", NO_BODY, {{200, "Loggers"}}, "503"},
    {HTTP_GET, "/admin/loggers/{logger}", "getLogger", "A logger's level", "", NO_BODY, {{200, "Logger"}}, "404"},
    {HTTP_PUT, "/admin/loggers/{logger}", "setLogger", "Sets the level of a logger and those below it", "scope", "LoggerLevel",
     {{200, "LoggerNames"}, {204, NO_BODY}}, "400 404 500 503"},
    {HTTP_GET, "/admin/cluster", "getCluster", "The cluster as this worker knows it", "", NO_BODY, {{200, "Cluster"}}, "404 503"},
    {HTTP_PUT, "/admin/drain", "drainWorker", "Hands this worker's work to others; 202: what is left", "", NO_BODY,
     {{202, "Drain"}, {204, NO_BODY}}, "404 409 500 503"},
    {HTTP_DELETE, "/admin/drain", "undrainWorker", "Lets this worker take work again", "", NO_BODY, {{204, NO_BODY}},
     "404 409 500 503"},
};
const size_t ROUTE_DOC_COUNT = sizeof(ROUTE_DOCS) / sizeof(ROUTE_DOCS[0]);

const struct route_doc *route_doc_find(const struct http_route *route)
{
    for (size_t i = 0; i < ROUTE_DOC_COUNT; i++)
        if (ROUTE_DOCS[i].method == route->method && strcmp(ROUTE_DOCS[i].pattern, route->pattern) == 0)
            return &ROUTE_DOCS[i];
    return NULL;
}
