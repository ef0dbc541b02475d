/*
 * Who may do what over REST: each role at each row of the route table, and the ways by which somebody might reach beyond their binding.
 */
#include "routes_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "config/connector_report.h"
#include "routes/route_list.h"
#include "routes/routes_internal.h"

/* ---- the worker: one user for each role, who have the connectors "own-…" but for the admin ---- */

enum user { NOBODY, STRANGER, VIEWER, OPERATOR, EDITOR, ADMIN, USER_COUNT };
static const char *const USERS[USER_COUNT] = {NULL, "stranger", "viewer", "operator", "editor", "admin"};

#define LETTERS "errors.deadletterqueue.topic.name"
#define SINK "org.apache.kafka.connect.file.FileStreamSinkConnector"
#define LIMITS "\"connectors\":[\"own-*\"]"
static const char BINDINGS[] =
    "{\"bindings\":[{\"name\":\"v\",\"users\":[\"viewer\"],\"role\":\"viewer\"," LIMITS "},"
    "{\"name\":\"o\",\"users\":[\"operator\"],\"role\":\"operator\",\"rights\":[\"data\"],\"topics\":[\"mine.*\"]," LIMITS "},"
    "{\"name\":\"e\",\"users\":[\"editor\"],\"role\":\"editor\"," LIMITS ",\"classes\":[\"org.acme.*\",\"org.apache.*\"],"
    "\"topics\":[\"mine.*\"],\"group.ids\":[\"connect-own-*\"],\"references\":[\"vault:own/*\"],"
    "\"overrides\":[\"*.override.client.id\"]},"
    "{\"name\":\"a\",\"users\":[\"admin\"],\"role\":\"admin\"},"
    "{\"name\":\"d\",\"users\":[\"admin\"],\"role\":\"viewer\",\"rights\":[\"data\"]," LIMITS ",\"topics\":[\"mine.*\"]}]}";

struct files {
    char folder[64], jaas[96], passwords[96], bindings[96];
};
static struct files files;

static void put(const char *path, const char *text)
{
    char why[300];
    if (!file_replace(path, &(struct file_content){.bytes = text, .length = strlen(text), .mode = 0600}, why, sizeof(why)))
        fail_msg("%s", why);
}

static void write_files(void)
{
    char jaas[300];
    snprintf(files.folder, sizeof(files.folder), "/tmp/millrace-route-access.XXXXXX");
    assert_non_null(mkdtemp(files.folder));
    snprintf(files.jaas, sizeof(files.jaas), "%s/jaas", files.folder);
    snprintf(files.passwords, sizeof(files.passwords), "%s/passwords", files.folder);
    snprintf(files.bindings, sizeof(files.bindings), "%s/bindings", files.folder);
    snprintf(jaas, sizeof(jaas), "KafkaConnect { org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule "
             "required file=\"%s\"; };", files.passwords);
    put(files.jaas, jaas);
    put(files.passwords, "stranger=x\nviewer=x\noperator=x\neditor=x\nadmin=x\n");
    put(files.bindings, BINDINGS);
}

/* "name class option=value …" */
static void put_config(void **state, const char *name, const char *class_name, const char *const *options)
{
    struct fixture *fixture = *state;
    struct string_map *config = string_map_create();
    string_map_put(config, "name", name);
    string_map_put(config, "connector.class", class_name);
    for (; *options != NULL; options += 2)
        string_map_put(config, options[0], options[1]);
    assert_int_equal(config_store_put_connector(fixture->herder.configs, name, config, NULL, DEADLINE_NEVER, NULL), 0);
    string_map_destroy(config);
}
#define PUT_CONFIG(name, class_name, ...) put_config(state, name, class_name, (const char *const[]){__VA_ARGS__, NULL})

static const struct connector_report no_findings = {.class_name = "PickySource"};

static int set_up_with_admin_on(void **state, bool serves_admin)
{
    static const char plugins[] = MR_TEST_PLUGINS "/picky.so," MR_TEST_PLUGINS "/gallery.so," MR_PLUGINS "/file_connectors.so," MR_TEST_PLUGINS "/rest_extensions.so,"
                                  MR_PLUGINS "/transforms.so";
    fake_report = &no_findings;
    write_files();
    const struct rest_auth_config auth = {.passwords_file = "", .jaas_file = files.jaas, .issuer = "", .audiences = "",
                                          .keys_url = "", .keys_ca_file = "", .keys_proxy = "", .name_claim = "",
                                          .group_claims = "", .bindings_file = files.bindings};
    set_up_guarded(state, serves_admin, &auth, plugins);
    memset(&fixture_extras, 0, sizeof(fixture_extras));
    PUT_CONFIG("own-1", "org.acme.PickySourceConnector", "topic", "mine.a", "token", "swordfish", "depth", "3", LETTERS, "mine.letters");
    PUT_CONFIG("other-1", "org.acme.PickySourceConnector", "topic", "theirs.a", "token", "swordfish", LETTERS, "theirs.letters");
    PUT_CONFIG("own-file", SINK, "topics", "mine.a", "file", "/tmp/x");
    PUT_CONFIG("own-reference", "PickySource", "topic", "mine.a", "token", "${vault:admin/db:password}", "url", "db");
    put_task(&((struct fixture *)*state)->herder, "own-1");
    put_task(&((struct fixture *)*state)->herder, "other-1");
    ((struct fixture *)*state)->herder.has_cluster = true;
    return 0;
}

static int set_up_users(void **state)
{
    return set_up_with_admin_on(state, true);
}

static int set_up_with_admin_elsewhere(void **state)
{
    return set_up_with_admin_on(state, false);
}

static int set_up_among_others(void **state)
{
    fixture_extras.peer_secret = "0123456789abcdef";
    return set_up_users(state);
}

static int set_up_among_others_with_session_keys(void **state)
{
    fixture_extras.connect_protocol = "sessioned";
    return set_up_users(state);
}

static int set_up_with_an_extension(void **state)
{
    fixture_extras.rest_extensions = "org.acme.MoodyRestExtension";
    return set_up_users(state);
}

static int tear_down_users(void **state)
{
    tear_down(state);
    unlink(files.jaas);
    unlink(files.passwords);
    unlink(files.bindings);
    return rmdir(files.folder);
}

static struct reply *ask_port_as(uint16_t port, enum user user, const char *method_and_path, const char *body)
{
    static char request[6000];
    char plain[40], login[80] = "", media[80] = "";
    if (user != NOBODY) {
        snprintf(plain, sizeof(plain), "%s:x", USERS[user]);
        int length = snprintf(login, sizeof(login), "Authorization: Basic ");
        length += (int)base64_encode(plain, strlen(plain), login + length);
        snprintf(login + length, sizeof(login) - (size_t)length, "\r\n");
    }
    if (body != NULL)
        snprintf(media, sizeof(media), "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: me:1\r\n%s%s\r\n%s", method_and_path, login, media,
             body == NULL ? "" : body);
    return raw_ask(port, request);
}

static struct reply *ask_as(void **state, enum user user, const char *method_and_path, const char *body)
{
    return ask_port_as(((struct fixture *)*state)->port, user, method_and_path, body);
}

/* ---- the matrix ---- */

/*
 * What each user may do to a connector of their own, and to another: in the order of enum user, 1: may, 0: 403, L: must log in;
 * and what those are answered who may: nothing else passes for a yes. Named after the route's handler: a route without a row here does
 * not compile, nor does a row without its route.
 */
struct expectation {
    const char *own, *other;
    int answer;
};
#define MAY(handler, own, other, answer) static const struct expectation MAY_##handler = {own, other, answer}
MAY(root_get, "L01111", "L01111", 200);
MAY(health_get, "111111", "111111", 200);
MAY(livez_get, "111111", "111111", 200);
MAY(readyz_get, "111111", "111111", 200);
MAY(whoami_get, "L11111", "L11111", 200);
MAY(metrics_get, "L00001", "L00001", 404); /* this worker counts nothing */
MAY(openapi_get, "L11111", "L11111", 200);
MAY(connectors_get, "L01111", "L01111", 200);
MAY(connectors_post, "L00011", "L00001", 200);
MAY(connector_get, "L01111", "L00001", 200);
MAY(connector_delete, "L00011", "L00001", 204);
MAY(connector_config_get, "L01111", "L00001", 200);
MAY(connector_config_put, "L00011", "L00001", 200);
MAY(connector_config_patch, "L00011", "L00001", 200);
MAY(connector_status_get, "L01111", "L00001", 200);
MAY(connector_pause, "L00111", "L00001", 202);
MAY(connector_resume, "L00111", "L00001", 202);
MAY(connector_stop, "L00111", "L00001", 204);
MAY(connector_restart, "L00111", "L00001", 204);
MAY(connector_tasks_get, "L01111", "L00001", 200);
MAY(internal_tasks_post, "111111", "111111", 404); /* of workers: signed, and 404 on one that stands alone */
MAY(internal_fence_put, "111111", "111111", 404);
MAY(connector_task_status_get, "L01111", "L00001", 200);
MAY(connector_task_restart, "L00111", "L00001", 204);
MAY(connector_topics_get, "L01111", "L00001", 200);
MAY(connector_topics_reset, "L00011", "L00001", 202);
MAY(connector_offsets_get, "L01111", "L00001", 200);
MAY(connector_offsets_patch, "L00011", "L00001", 200);
MAY(connector_offsets_delete, "L00011", "L00001", 200);
MAY(connector_offsets_undo, "L00011", "L00001", 200);
MAY(dlq_get, "L00101", "L00000", 200);
MAY(dlq_letter_get, "L00101", "L00000", 200);
MAY(dlq_replay, "L00111", "L00001", 200);
MAY(dlq_discard, "L00011", "L00001", 200);
MAY(dlq_replay_get, "L01111", "L00001", 200);
MAY(connector_plugins_get, "L01111", "L01111", 200);
MAY(plugin_config_get, "L01111", "L01111", 200);
MAY(plugin_config_validate, "L00011", "L00001", 200);
MAY(plugin_config_try, "L00011", "L00001", 200);
MAY(loggers_get, "L01111", "L01111", 200);
MAY(logger_get, "L01111", "L01111", 200);
MAY(logger_put, "L00001", "L00001", 200);
MAY(cluster_get, "L01111", "L01111", 200);
MAY(drain_put, "L00001", "L00001", 204);
MAY(drain_delete, "L00001", "L00001", 204);

#define EXPECTATION(method, pattern, handler, ...) &MAY_##handler,
static const struct expectation *const EXPECTATIONS[] = {REST_ROUTE_LIST(EXPECTATION)}; /* in the order of REST_ROUTES */

/* The pattern with a name for each {part}. */
static void write_target(char *text, size_t size, const char *method, const struct http_route *route, const char *connector)
{
    size_t at = (size_t)snprintf(text, size, "%s ", method);
    for (const char *from = route->pattern; *from != '\0'; from++) {
        const char *part = NULL;
        if (*from == '{')
            part = strncmp(from, "{name}", 6) == 0 ? connector : strncmp(from, "{task", 5) == 0 || strncmp(from, "{partition", 10) == 0 || strncmp(from, "{offset", 7) == 0 ? "0"
                   : strncmp(from, "{plugin}", 8) == 0 ? "PickySourceConnector" : "root";
        at += part == NULL ? (size_t)snprintf(text + at, size - at, "%c", *from) : (size_t)snprintf(text + at, size - at, "%s", part);
        if (part != NULL)
            from = strchr(from, '}');
    }
}

#define OPTIONS "\"connector.class\":\"PickySource\",\"topic\":\"mine.a\",\"name\":\"%s\",\"token\":\"t\",\"" LETTERS "\":\"mine.letters\""
static const char *body_of(const struct http_route *route, const char *connector)
{
    static char body[400];
    if (route->method == HTTP_GET || route->method == HTTP_DELETE)
        return NULL;
    if (strcmp(route->pattern, "/connectors") == 0)
        snprintf(body, sizeof(body), "{\"name\":\"%s\",\"config\":{" OPTIONS "}}", connector, connector);
    else if (strstr(route->pattern, "/try") != NULL)
        snprintf(body, sizeof(body), "{\"config\":{" OPTIONS "},\"records\":[{}]}", connector);
    else if (strstr(route->pattern, "/config") != NULL && route->method == HTTP_PUT)
        snprintf(body, sizeof(body), "{" OPTIONS "}", connector);
    else if (strstr(route->pattern, "/config") != NULL)
        snprintf(body, sizeof(body), "{\"depth\":\"4\"}");
    else if (strstr(route->pattern, "/offsets") != NULL)
        snprintf(body, sizeof(body), "{\"offsets\":[{\"partition\":{\"a\":1},\"offset\":{\"b\":2}}]}");
    else if (strstr(route->pattern, "/dlq") != NULL)
        snprintf(body, sizeof(body), "{\"all\":true}");
    else if (strstr(route->pattern, "/tasks") != NULL && strstr(route->pattern, "restart") == NULL)
        snprintf(body, sizeof(body), "[]");
    else if (strstr(route->pattern, "/loggers") != NULL)
        snprintf(body, sizeof(body), "{\"level\":\"INFO\"}");
    else
        return NULL;
    return body;
}

static void check_method(uint16_t port, const char *method, const struct http_route *route, const char *connector,
                         const char *expected, int answer)
{
    char target[300];
    write_target(target, sizeof(target), method, route, connector);
    assert_int_equal(strlen(expected), USER_COUNT);
    for (int user = 0; user < USER_COUNT; user++) {
        struct reply *reply = ask_port_as(port, (enum user)user, target, body_of(route, connector));
        int status = expected[user] == 'L' ? 401 : expected[user] == '0' ? 403 : answer;
        if (reply->status != status)
            fail_msg("%s as %s: %d, not %d: %s", target, user == NOBODY ? "nobody" : USERS[user], reply->status, status, reply->body);
    }
}

/* And HEAD, wherever there is a GET. */
static void check_route(uint16_t port, const struct http_route *route, const char *connector, const char *expected, int answer)
{
    check_method(port, http_method_name(route->method), route, connector, expected, answer);
    if (route->method == HTTP_GET)
        check_method(port, "HEAD", route, connector, expected, answer);
}

static void each_role_may_do_what_the_table_says_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < REST_ROUTE_COUNT; i++) {
        check_route(fixture->port, &REST_ROUTES[i], "own-1", EXPECTATIONS[i]->own, EXPECTATIONS[i]->answer);
        check_route(fixture->port, &REST_ROUTES[i], "other-1", EXPECTATIONS[i]->other, EXPECTATIONS[i]->answer);
    }
}

static void administrative_listeners_ask_for_the_same_rights(void **state)
{
    struct fixture *fixture = *state;
    uint16_t port = rest_server_admin_port(fixture->server, 0);
    for (size_t i = 0; i < REST_ROUTE_COUNT; i++) {
        const struct http_route *route = &REST_ROUTES[i];
        bool is_here = i >= REST_ROUTE_COUNT_WITHOUT_ADMIN;
        if (is_here || strcmp(route->pattern, REST_ADMIN_OPENAPI.pattern) == 0)
            check_route(port, route, "own-1", EXPECTATIONS[i]->own, EXPECTATIONS[i]->answer);
        else
            check_method(port, http_method_name(route->method), route, "own-1", "111111", 404);
        if (is_here)
            check_method(fixture->port, http_method_name(route->method), route, "own-1", "111111", 404);
    }
}

/* ---- what workers ask of each other ---- */

static void check_what_workers_ask(void **state, int answer)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < REST_ROUTE_COUNT; i++)
        if (REST_ROUTES[i].handler == internal_tasks_post || REST_ROUTES[i].handler == internal_fence_put) {
            check_route(fixture->port, &REST_ROUTES[i], "own-1", "111111", answer);
            check_route(fixture->port, &REST_ROUTES[i], "other-1", "111111", answer);
        }
    assert_string_equal(fixture->herder.asked, "");
}

static void no_role_may_ask_what_workers_ask(void **state)
{
    check_what_workers_ask(state, 403);
}

static void no_role_may_ask_what_workers_sign_with_session_keys(void **state)
{
    check_what_workers_ask(state, 400);
}

/* ---- paths of REST extensions ---- */

static void paths_of_extensions_are_an_admins(void **state)
{
    static const enum http_method METHODS[] = {HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++)
        check_route(fixture->port, &(struct http_route){.method = METHODS[i], .pattern = "/acme/things"}, "", "L00001", 200);
}

/* ---- the contents of records ---- */

/* As if this route showed them; NULL: none. */
static const struct http_route *data_route;

const struct route_access *__real_route_access_of(const struct http_route *route);
const struct route_access *__wrap_route_access_of(const struct http_route *route);
const struct route_access *__wrap_route_access_of(const struct http_route *route)
{
    static const struct route_access of_data = {ACCESS_DATA, TOUCHES_CONNECTOR};
    return route == data_route && route != NULL ? &of_data : __real_route_access_of(route);
}

static void contents_of_records_are_for_whoever_has_the_right_data_whatever_the_role(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < REST_ROUTE_COUNT; i++)
        if (REST_ROUTES[i].handler == connector_status_get)
            data_route = &REST_ROUTES[i];
    assert_non_null(data_route);
    check_route(fixture->port, data_route, "own-1", "L00101", 200); /* an admin by binding d */
    check_route(fixture->port, data_route, "other-1", "L00000", 200);
    data_route = NULL;
}

/* ---- what is shown ---- */

static void expect_as(void **state, enum user user, const char *method_and_path, int status, const char *part)
{
    struct reply *reply = ask_as(state, user, method_and_path, NULL);
    if (reply->status != status || strstr(reply->body, part) == NULL)
        fail_msg("%s as %s: %d %s", method_and_path, USERS[user], reply->status, reply->body);
}

static void expect_without(void **state, enum user user, const char *method_and_path, const char *part)
{
    struct reply *reply = ask_as(state, user, method_and_path, NULL);
    if (reply->status != 200 || strstr(reply->body, part) != NULL)
        fail_msg("%s as %s: %d %s", method_and_path, USERS[user], reply->status, reply->body);
}

static void lists_leave_out_what_one_may_not_see(void **state)
{
    static const char *const LISTS[] = {"GET /connectors", "GET /connectors?expand=info", "GET /connectors?expand=status",
                                        "GET /connectors?expand=info&expand=status"};
    for (size_t i = 0; i < sizeof(LISTS) / sizeof(LISTS[0]); i++) {
        expect_as(state, VIEWER, LISTS[i], 200, "own-1");
        expect_without(state, VIEWER, LISTS[i], "other-1");
        expect_without(state, VIEWER, LISTS[i], "here");
        expect_as(state, ADMIN, LISTS[i], 200, "here");
    }
    expect_as(state, ADMIN, "GET /connectors", 200, "other-1");
    expect_as(state, ADMIN, "GET /admin/cluster", 200, "\"connector\":\"c\"");
    expect_as(state, ADMIN, "GET /admin/cluster", 200, "\"connector\":\"d\"");
    expect_without(state, VIEWER, "GET /admin/cluster", "\"connector\":");
}

static void whether_a_hidden_connector_is_there_is_not_told(void **state)
{
    assert_string_equal(ask_as(state, VIEWER, "GET /connectors/other-1", NULL)->body, "{\"error_code\":403,\"message\":\"viewer may not do this: the connectors of binding v "
                        "do not cover other-1\"}");
    expect_as(state, VIEWER, "GET /connectors/other-2", 403, "do not cover other-2");
    expect_as(state, VIEWER, "GET /connectors/own-2", 404, "own-2 not found");
}

static void passwords_are_shown_to_editors_of_the_connector_alone(void **state)
{
    static const char *const SHOWN[] = {"GET /connectors/own-1", "GET /connectors/own-1/config", "GET /connectors?expand=info"};
    for (size_t i = 0; i < sizeof(SHOWN) / sizeof(SHOWN[0]); i++) {
        expect_as(state, VIEWER, SHOWN[i], 200, "\"token\":\"[hidden]\"");
        expect_without(state, VIEWER, SHOWN[i], "swordfish");
        expect_without(state, OPERATOR, SHOWN[i], "swordfish");
        expect_as(state, EDITOR, SHOWN[i], 200, "\"token\":\"swordfish\"");
        expect_as(state, ADMIN, SHOWN[i], 200, "\"token\":\"swordfish\"");
    }
    expect_as(state, VIEWER, "GET /connectors/own-reference/config", 200, "${vault:admin/db:password}");
    PUT_CONFIG("own-2", "org.acme.PickySourceConnector", "topic", "theirs", "token", "swordfish");
    expect_without(state, EDITOR, "GET /connectors/own-2/config", "swordfish"); /* not one that this editor could have made */
    expect_as(state, ADMIN, "GET /connectors/own-2/config", 200, "swordfish");
}

static void configurations_of_tasks_are_masked_as_well(void **state)
{
    struct fixture *fixture = *state;
    struct string_map *task = string_map_create();
    string_map_put(task, "token", "swordfish");
    assert_int_equal(config_store_put_tasks(fixture->herder.configs, "own-1", (const struct string_map *const[]){task}, 1,
                                            DEADLINE_NEVER, NULL), 0);
    string_map_destroy(task);
    expect_without(state, VIEWER, "GET /connectors/own-1/tasks", "swordfish");
    expect_as(state, EDITOR, "GET /connectors/own-1/tasks", 200, "swordfish");
}

/* ---- reaching further ---- */

/* As the editor. */
static void expect_edit(void **state, const char *method_and_path, const char *body, int status, const char *part)
{
    struct reply *reply = ask_as(state, EDITOR, method_and_path, body);
    if (reply->status != status || strstr(reply->body, part) == NULL)
        fail_msg("%s %s: %d %s", method_and_path, body, reply->status, reply->body);
}

static void no_change_reaches_beyond_the_binding(void **state)
{
    static const struct {
        const char *changes, *why;
    } REFUSED[] = {
        {"{\"topic\":\"theirs.a\"}", "topics of binding e do not cover theirs.a"},
        {"{\"topic\":\" theirs.a\"}", "topics of binding e do not cover theirs.a"},
        {"{\"topic\":\"Mine.a\"}", "topics of binding e do not cover Mine.a"},
        {"{\"topic\":null}", "all topics"},
        {"{\"topic.prefix\":\"mine.\"}", "all topics"},
        {"{\"topics\":\"mine.b, theirs.b\"}", "do not cover theirs.b"},
        {"{\"transforms\":\"r\",\"transforms.r.type\":\"RegexRouter\"}", "all topics (transforms.r.type"},
        {"{\"errors.deadletterqueue.topic.name\":\"theirs\"}", "do not cover theirs"},
        {"{\"offsets.storage.topic\":\"theirs\"}", "do not cover theirs"},
        {"{\"mode\":\"${env:HOME}\"}", "references of binding e do not cover env:HOME"},
        {"{\"mode\":\"${vault:own/../admin:x}\"}", "references of binding e do not cover vault:own/../admin:x"},
        {"{\"mode\":\"${vault:own/a:b}${file:/etc/passwd:root}\"}", "do not cover file:/etc/passwd:root"},
        {"{\"mode\":\"${vault:${vault:own/a:b}:c}\"}", "do not cover vault:${vault:own/a:b"},
        {"{\"new\":\"${Vault:own/a:b}\"}", "do not cover Vault:own/a:b"},
        {"{\"connector.class\":\"FileStreamSource\"}", "FileStreamSourceConnector touches files"},
        {"{\"connector.class\":\"${vault:own/a:b}\"}", "only an admin may"},
        {"{\"connector.class\":\"com.evil.Sink\"}", "classes of binding e do not cover com.evil.Sink"},
        {"{\"producer.override.bootstrap.servers\":\"evil:9092\"}", "do not cover producer.override.bootstrap.servers"},
        {"{\"consumer.override.group.id\":\"connect-other-1\"}", "group.ids of binding e do not cover connect-other-1"},
        {"{\"consumer.override.group.id\":\"connect-own-${vault:own/a:b}\"}", "only an admin may"},
        {"{\"name\":\"other-1\"}", "the option name says other-1"},
    };
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++)
        expect_edit(state, "PATCH /connectors/own-1/config", REFUSED[i].changes, 403, REFUSED[i].why);
    expect_edit(state, "PATCH /connectors/own-1/config",
                "{\"mode\":\"${vault:own/a:b}\",\"consumer.override.group.id\":\"connect-own-9\",\"producer.override.client.id\":\"x\"}",
                200, "own-1");
}

static void what_is_created_replaced_and_validated_is_looked_at_alike(void **state)
{
#define WITH(more) "{\"name\":\"own-3\",\"connector.class\":\"PickySource\",\"topic\":\"mine.b\"" more "}"
    static const char *const REFUSED[] = {WITH(",\"mode\":\"${env:A}\""), WITH(",\"topics\":\"theirs\""),
                                          WITH(",\"admin.override.x\":\"y\"")};
    char body[300];
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
        expect_edit(state, "PUT /connectors/own-3/config", REFUSED[i], 403, "do not cover");
        expect_edit(state, "PUT /connector-plugins/PickySource/config/validate", REFUSED[i], 403, "do not cover");
        snprintf(body, sizeof(body), "{\"name\":\"own-3\",\"config\":%s}", REFUSED[i]);
        expect_edit(state, "POST /connectors", body, 403, "do not cover");
    }
    expect_edit(state, "PUT /connectors/own-3/config", WITH(""), 201, "own-3");
}

/* Not even an admin's role includes them. */
static void records_of_a_topic_are_for_those_with_the_right_to_see_them(void **state)
{
#define TRY_TOPIC(name, topic) "{\"config\":" WITH_NAME(name) ",\"topic\":\"" topic "\",\"last\":1}"
#define WITH_NAME(name) "{\"name\":\"" name "\",\"connector.class\":\"PickySource\",\"topic\":\"mine.b\"}"
#define WITHOUT_NAME "{\"connector.class\":\"PickySource\",\"topic\":\"mine.b\"}"
    static const struct {
        enum user user;
        const char *body;
        int status;
        const char *words;
    } ROWS[] = {
        {EDITOR, TRY_TOPIC("own-3", "mine.a"), 403, "no binding gives the right data"},
        {ADMIN, TRY_TOPIC("own-3", "mine.a"), 200, "passed"},
        {ADMIN, TRY_TOPIC("own-3", "theirs.a"), 403, "do not cover theirs.a"},
        {ADMIN, TRY_TOPIC("other-3", "mine.a"), 403, "do not cover other-3"},
        {VIEWER, TRY_TOPIC("own-3", "mine.a"), 403, "needs the role editor"},
        {EDITOR, "{\"config\":" WITH_NAME("own-3") ",\"records\":[{}]}", 200, "passed"},
        {EDITOR, "{\"config\":" WITH_NAME("other-3") ",\"records\":[{}]}", 403, "do not cover other-3"},
        {EDITOR, "{\"config\":" WITHOUT_NAME ",\"records\":[{}]}", 403, "do not cover all connectors; the configuration has no \\\"name"},
        {ADMIN, "{\"config\":" WITHOUT_NAME ",\"records\":[{}]}", 200, "passed"},
        {ADMIN, "{\"config\":" WITHOUT_NAME ",\"topic\":\"mine.a\",\"last\":1}", 403, "do not cover all connectors; the configuration"},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct reply *reply = ask_as(state, ROWS[i].user, "POST /connector-plugins/PickySource/config/try", ROWS[i].body);
        if (reply->status != ROWS[i].status || strstr(reply->body, ROWS[i].words) == NULL)
            fail_msg("%s: %d %s", ROWS[i].body, reply->status, reply->body);
    }
}

/* Whoever replays sends records back to where they were; another record, or elsewhere, is an editor's, and seeing them asks for data. */
static void what_a_replay_may_do_depends_on_what_it_says(void **state)
{
    static const struct {
        enum user user;
        const char *body;
        int status;
        const char *words;
    } ROWS[] = {
        {OPERATOR, "{\"all\":true}", 200, "id"},
        {OPERATOR, "{\"all\":true,\"to\":\"mine.b\"}", 403, "needs the role editor"},
        {OPERATOR, "{\"letters\":[{\"partition\":0,\"offset\":1}],\"value\":null}", 403, "needs the role editor"},
        {OPERATOR, "{\"all\":true,\"dry_run\":true}", 200, "id"},
        {EDITOR, "{\"all\":true,\"dry_run\":true}", 403, "no binding gives the right data"},
        {EDITOR, "{\"all\":true,\"to\":\"mine.b\"}", 200, "id"},
        {EDITOR, "{\"all\":true,\"to\":\"theirs.b\"}", 403, "do not cover theirs.b"},
        {EDITOR, "{\"letters\":[{\"partition\":0,\"offset\":1}],\"value\":null}", 200, "id"},
        {ADMIN, "{\"all\":true,\"dry_run\":true}", 200, "id"},
        {OPERATOR, "{\"al\":true}", 400, "unknown member"},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct reply *reply = ask_as(state, ROWS[i].user, "POST /connectors/own-1/dlq/replay", ROWS[i].body);
        if (reply->status != ROWS[i].status || strstr(reply->body, ROWS[i].words) == NULL)
            fail_msg("%s as %s: %d %s", ROWS[i].body, USERS[ROWS[i].user], reply->status, reply->body);
    }
    expect_as(state, ADMIN, "GET /connectors/own-file/dlq", 400, "has no dead letters");
}

/* Its stored secrets would go wherever a change sends them. */
static void what_stays_of_the_former_configuration_counts(void **state)
{
    expect_edit(state, "PATCH /connectors/own-reference/config", "{\"url\":\"evil\"}", 403, "do not cover vault:admin/db:password");
    expect_edit(state, "PUT /connectors/own-reference/config",
                "{\"name\":\"own-reference\",\"connector.class\":\"PickySource\",\"topic\":\"mine.a\",\"token\":\"t\"}", 200, "own-ref");
}

/* What is shown as "[hidden]" does not come along when that is taken away which hides it. */
static void a_hidden_value_stays_with_what_hides_it(void **state)
{
#define TAKEN(token) "{\"name\":\"own-both\",\"connector.class\":\"PickySource\",\"topic\":\"mine.a\",\"url\":\"evil\",\"token\":\"" token "\"}"
    static const char *const HIDING[] = {"mode", "${vault:admin/db:mode}", "producer.override.linger.ms", "5"};
    struct fixture *fixture = *state;
    char changes[100];
    for (size_t i = 0; i < sizeof(HIDING) / sizeof(HIDING[0]); i += 2) {
        PUT_CONFIG("own-both", "PickySource", "topic", "mine.a", "token", "swordfish", HIDING[i], HIDING[i + 1]);
        expect_as(state, EDITOR, "GET /connectors/own-both/config", 200, "\"token\":\"[hidden]\"");
        snprintf(changes, sizeof(changes), "{\"%s\":null}", HIDING[i]);
        expect_edit(state, "PATCH /connectors/own-both/config", changes, 403, "do not cover");
        expect_edit(state, "PUT /connectors/own-both/config", TAKEN("[hidden]"), 403, "do not cover");
        expect_edit(state, "PUT /connector-plugins/PickySource/config/validate", TAKEN("[hidden]"), 403, "do not cover");
        assert_null(strstr(fixture->herder.asked, "validate"));
        expect_edit(state, "PUT /connector-plugins/PickySource/config/validate", TAKEN("swordfish"), 200, ""); /* no oracle */
        fixture->herder.asked[0] = '\0';
        snprintf(changes, sizeof(changes), "{\"%s\":null,\"topic\":\"mine.a\",\"token\":\"mine\"}", HIDING[i]);
        expect_edit(state, "PATCH /connectors/own-both/config", changes, 200, "own-both");
    }
}

static void who_may_not_make_a_connector_may_not_change_it(void **state)
{
    expect_edit(state, "DELETE /connectors/own-file", NULL, 403, "FileStreamSinkConnector touches files");
    expect_edit(state, "DELETE /connectors/own-file/offsets", NULL, 403, "touches files");
    expect_edit(state, "PATCH /connectors/own-file/offsets", "{\"offsets\":[{\"partition\":{\"a\":1},\"offset\":null}]}", 403,
                "touches files");
    expect_edit(state, "PUT /connectors/own-file/topics/reset", NULL, 403, "touches files");
    expect_edit(state, "PUT /connectors/own-file/config",
                "{\"connector.class\":\"PickySource\",\"topic\":\"mine.a\",\"token\":\"t\"}", 403, "touches files");
    expect_edit(state, "PUT /connector-plugins/PickySource/config/validate",
                "{\"name\":\"own-file\",\"connector.class\":\"PickySource\",\"topic\":\"mine.a\",\"token\":\"t\"}", 403, "touches files");
    expect_edit(state, "DELETE /connectors/own-1", NULL, 204, "");
}

static void positions_are_altered_in_ones_own_topics_only(void **state)
{
#define POSITION(topic) "{\"offsets\":[{\"partition\":{\"kafka_topic\":\"" topic "\",\"kafka_partition\":0},\"offset\":null}]}"
    expect_edit(state, "PATCH /connectors/own-1/offsets", POSITION("theirs.a"), 403, "topics of binding e do not cover theirs.a");
    expect_edit(state, "PATCH /connectors/own-1/offsets", POSITION("mine.b"), 200, "");
    struct fixture *fixture = *state;
    fixture->herder.undo_topic = "theirs.a";
    expect_edit(state, "POST /connectors/own-1/offsets/undo", NULL, 403, "topics of binding e do not cover theirs.a");
    fixture->herder.undo_topic = "mine.b";
    expect_edit(state, "POST /connectors/own-1/offsets/undo", NULL, 200, "");
}

static const char *stored(void **state, const char *name, const char *option)
{
    static char text[100];
    struct fixture *fixture = *state;
    struct config_snapshot *snapshot = config_store_snapshot(fixture->herder.configs);
    snprintf(text, sizeof(text), "%s", string_map_get_or(config_snapshot_config(snapshot, name), option, "(none)"));
    config_snapshot_drop(snapshot);
    return text;
}

static void what_was_hidden_stays_when_it_is_written_back(void **state)
{
#define BACK(name, class_name) "{\"name\":\"" name "\",\"connector.class\":\"" class_name "\",\"topic\":\"mine.a\",\"token\":\"[hidden]\"}"
    expect_edit(state, "PUT /connectors/own-1/config", BACK("own-1", "PickySource"), 200, "swordfish");
    assert_string_equal(stored(state, "own-1", "token"), "swordfish");
    expect_edit(state, "PUT /connectors/own-new/config", BACK("own-new", "PickySource"), 400, "token");
    expect_edit(state, "PUT /connector-plugins/PickySource/config/validate", BACK("own-new", "PickySource"), 400, "token");
}

static void a_file_connector_needs_its_whole_name_in_a_binding(void **state)
{
#define FILE_SINK(class_name) "{\"name\":\"own-f\",\"connector.class\":\"" class_name "\",\"topics\":\"mine.a\",\"file\":\"/tmp/x\"}"
    static const char *const NAMES[] = {FILE_SINK("FileStreamSink"), FILE_SINK("FileStreamSinkConnector"), FILE_SINK(SINK)};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        expect_edit(state, "PUT /connectors/own-f/config", NAMES[i], 403, "touches files");
    put(files.bindings, "{\"bindings\":[{\"name\":\"e\",\"users\":[\"editor\"],\"role\":\"editor\",\"connectors\":[\"own-*\"],"
                        "\"classes\":[\"" SINK "\"],\"topics\":[\"mine.*\"],\"files\":[\"/tmp/y/*\"]}]}");
    expect_edit(state, "PUT /connectors/own-f/config", NAMES[0], 403, "the files of binding e do not cover /tmp/x");
    put(files.bindings, "{\"bindings\":[{\"name\":\"e\",\"users\":[\"editor\"],\"role\":\"editor\",\"connectors\":[\"own-*\"],"
                        "\"classes\":[\"" SINK "\"],\"topics\":[\"mine.*\"],\"files\":[\"/tmp/*\"]}]}");
    expect_edit(state, "PUT /connectors/own-f/config", NAMES[0], 201, "own-f");
    assert_int_equal(ask_as(state, ADMIN, "GET /connectors", NULL)->status, 403); /* no binding is left for whoever was admin */
}

#define CASE_OF(set_up, test) cmocka_unit_test_setup_teardown(test, set_up, tear_down_users)
#define CASE(test) CASE_OF(set_up_users, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_role_may_do_what_the_table_says_and_no_more),
        CASE_OF(set_up_with_admin_elsewhere, administrative_listeners_ask_for_the_same_rights),
        CASE_OF(set_up_among_others, no_role_may_ask_what_workers_ask),
        CASE_OF(set_up_among_others_with_session_keys, no_role_may_ask_what_workers_sign_with_session_keys),
        CASE_OF(set_up_with_an_extension, paths_of_extensions_are_an_admins),
        CASE(contents_of_records_are_for_whoever_has_the_right_data_whatever_the_role),
        CASE(lists_leave_out_what_one_may_not_see),
        CASE(whether_a_hidden_connector_is_there_is_not_told),
        CASE(passwords_are_shown_to_editors_of_the_connector_alone),
        CASE(configurations_of_tasks_are_masked_as_well),
        CASE(no_change_reaches_beyond_the_binding),
        CASE(what_is_created_replaced_and_validated_is_looked_at_alike),
        CASE(records_of_a_topic_are_for_those_with_the_right_to_see_them),
        CASE(what_a_replay_may_do_depends_on_what_it_says),
        CASE(what_stays_of_the_former_configuration_counts),
        CASE(a_hidden_value_stays_with_what_hides_it),
        CASE(who_may_not_make_a_connector_may_not_change_it),
        CASE(positions_are_altered_in_ones_own_topics_only),
        CASE(what_was_hidden_stays_when_it_is_written_back),
        CASE(a_file_connector_needs_its_whole_name_in_a_binding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
