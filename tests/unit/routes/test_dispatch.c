/* The stages every request passes: who must log in, what strangers are told, and what callers are told about themselves. */
#include "routes_test.h"

#include <crypt.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/log.h"
#include "base/log_sink.h"
#include "routes/route_access.h"
#include "routes/routes_internal.h"

/* Of "secret". */
#define BCRYPT "$2y$04$H50y.1HDkBCJdLoUGUw9rOJI1AI0pUXRA6QtUV6oIP5vSgxyWPtq6"

static atomic_bool hashing_waits;
static atomic_int hashing_count;

char *__real_crypt_r(const char *password, const char *hash, struct crypt_data *data);
char *__wrap_crypt_r(const char *password, const char *hash, struct crypt_data *data);
char *__wrap_crypt_r(const char *password, const char *hash, struct crypt_data *data)
{
    hashing_count++;
    while (hashing_waits)
        usleep(1000);
    return __real_crypt_r(password, hash, data);
}

struct files {
    char folder[64], passwords[96], bindings[96];
};
static struct files files;

static void put(const char *path, const char *text)
{
    char why[300];
    if (!file_replace(path, &(struct file_content){.bytes = text, .length = strlen(text), .mode = 0600}, why, sizeof(why)))
        fail_msg("%s", why);
}

static int set_up_with_logins(void **state)
{
    snprintf(files.folder, sizeof(files.folder), "/tmp/millrace-dispatch.XXXXXX");
    assert_non_null(mkdtemp(files.folder));
    snprintf(files.passwords, sizeof(files.passwords), "%s/passwords", files.folder);
    snprintf(files.bindings, sizeof(files.bindings), "%s/bindings", files.folder);
    put(files.passwords, "alice:" BCRYPT ":devs\nbob:" BCRYPT "\n");
    put(files.bindings, "{\"bindings\":[{\"name\":\"devs\",\"groups\":[\"devs\"],\"role\":\"operator\",\"rights\":[\"data\"],"
        "\"connectors\":[\"*\"],\"topics\":[\"*\"]}]}");
    const struct rest_auth_config auth = {.passwords_file = files.passwords, .jaas_file = "", .issuer = "",
                                          .bindings_file = files.bindings};
    return set_up_guarded(state, true, &auth, NULL);
}

static int tear_down_with_logins(void **state)
{
    unlink(files.passwords);
    unlink(files.bindings);
    rmdir(files.folder);
    return tear_down(state);
}

static struct reply *ask_as(void **state, const char *method_and_path, const char *user, const char *password)
{
    static char request[4000];
    char pair[200], login[400];
    int length = snprintf(pair, sizeof(pair), "%s:%s", user, password);
    login[base64_encode(pair, (size_t)length, login)] = '\0';
    snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: me:1\r\nAuthorization: Basic %s\r\n\r\n", method_and_path, login);
    return raw_ask(((struct fixture *)*state)->port, request);
}

static void every_route_is_401_to_strangers_but_the_named_ones(void **state)
{
    static const char *const OPEN[] = {"/health", "/livez", "/readyz"};
    for (size_t i = 0; i < REST_ROUTE_COUNT; i++) {
        const struct http_route *route = &REST_ROUTES[i];
        char method_and_path[200], path[150];
        size_t length = 0;
        bool is_open = false;
        for (const char *at = route->pattern; *at != '\0'; at++) {
            bool is_number = *at == '{' && strncmp(at + strcspn(at, ":}"), ":int}", 5) == 0;
            if (*at == '{')
                at = strchr(at, '}');
            path[length++] = *at == '}' ? is_number ? '0' : 'x' : *at;
        }
        path[length] = '\0';
        for (size_t j = 0; j < sizeof(OPEN) / sizeof(OPEN[0]); j++)
            is_open = is_open || strcmp(path, OPEN[j]) == 0;
        snprintf(method_and_path, sizeof(method_and_path), "%s %s", http_method_name(route->method), path);
        struct reply *reply = ask(state, method_and_path, NULL);
        bool is_internal = route->handler == internal_tasks_post || route->handler == internal_fence_put;
        if (is_internal ? reply->status == 401 : (reply->status == 401) == is_open)
            fail_msg("%s: %d", method_and_path, reply->status);
        if (reply->status == 401)
            assert_string_equal(reply_header(reply, "WWW-Authenticate"), "Basic realm=\"millrace\", charset=\"UTF-8\"");
    }
}

static void a_refusal_has_the_body_of_kafka_connects_errors(void **state)
{
    expect(state, "GET /connectors", NULL, 401, "{\"error_code\":401,\"message\":\"This needs a login.\"}");
    struct reply *reply = ask_as(state, "GET /connectors", "alice", "wrong");
    assert_int_equal(reply->status, 401);
    assert_string_equal(reply->body, "{\"error_code\":401,\"message\":\"The user or the password is wrong.\"}");
}

static void who_logs_in_passes_the_first_time_and_again(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct reply *reply = ask_as(state, "GET /connectors/here/status", "alice", "secret");
        if (reply->status != 200)
            fail_msg("%d %s", reply->status, reply->body);
    }
    assert_int_equal(ask_as(state, "PUT /connectors/here/pause", "alice", "secret")->status, 202);
    expect_asked(state, "pause here");
}

static void callers_are_told_who_they_are(void **state)
{
    struct reply *reply = ask_as(state, "GET /whoami", "alice", "secret");
    assert_int_equal(reply->status, 200);
    assert_string_equal(reply->body,
                        "{\"name\":\"alice\",\"login\":\"password\",\"role\":\"operator\",\"data\":true,\"groups\":[\"devs\"]}");
    reply = ask_as(state, "GET /whoami", "bob", "secret");
    assert_int_equal(reply->status, 200);
    assert_string_equal(reply->body, "{\"name\":\"bob\",\"login\":\"password\",\"role\":null,\"data\":false,\"groups\":[]}");
}

static void a_changed_file_of_bindings_counts_at_once(void **state)
{
    assert_int_equal(ask_as(state, "GET /connectors/here/status", "bob", "secret")->status, 403);
    put(files.bindings, "{\"bindings\":[{\"name\":\"all\",\"users\":[\"*\"],\"role\":\"viewer\",\"connectors\":[\"h*\"]}]}");
    assert_int_equal(ask_as(state, "GET /connectors/here/status", "bob", "secret")->status, 200);
    assert_int_equal(ask_as(state, "PUT /connectors/here/pause", "alice", "secret")->status, 403);
}

static void preflights_and_unknown_paths_need_no_login(void **state)
{
    assert_int_equal(ask(state, "OPTIONS /connectors", NULL)->status, 200);
    assert_int_equal(ask(state, "GET /nowhere", NULL)->status, 404);
    assert_int_equal(ask(state, "DELETE /connectors", NULL)->status, 405);
}

static void who_claims_to_speak_for_another_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const TARGETS[] = {"GET /connectors", "GET /health", "PUT /connectors/here/pause",
                                          "PUT /connectors/here/fence"};
    for (size_t i = 0; i < sizeof(TARGETS) / sizeof(TARGETS[0]); i++) {
        char request[600];
        snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: h\r\nMillrace-Caller: 1.1.AAAA.e30=.AAAA\r\n"
                 "Authorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n", TARGETS[i]);
        struct reply *reply = raw_ask(fixture->port, request);
        if (reply->status != 403)
            fail_msg("%s: %d %s", TARGETS[i], reply->status, reply->body);
    }
    expect_asked(state, "");
}

/* Asks as alice; the Host is "me:1". */
static int status_with(void **state, const char *method_and_path, const char *headers)
{
    char request[600];
    snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: me:1\r\n%sAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n", method_and_path,
             headers);
    return raw_ask(((struct fixture *)*state)->port, request)->status;
}

static void pages_of_strangers_change_nothing_by_what_browsers_send_along(void **state)
{
    static const char PAUSE[] = "PUT /connectors/here/pause", RESTART[] = "POST /connectors/here/restart";
    static const char *const FOREIGN[] = {"Sec-Fetch-Site: cross-site\r\n", "Origin: https://evil.example\r\n", "Origin: null\r\n",
                                          "Sec-Fetch-Site: same-site\r\nOrigin: http://me:2\r\n", "Origin: http://me:10\r\n",
                                          "Sec-Fetch-Site: cross-site\r\nOrigin: http://me:1\r\n"};
    for (size_t i = 0; i < sizeof(FOREIGN) / sizeof(FOREIGN[0]); i++) {
        assert_int_equal(status_with(state, PAUSE, FOREIGN[i]), 403);
        assert_int_equal(status_with(state, RESTART, FOREIGN[i]), 403);
        assert_int_equal(status_with(state, "GET /connectors/here/status", FOREIGN[i]), 200);
    }
    expect_asked(state, "");
    assert_int_equal(status_with(state, PAUSE, "Sec-Fetch-Site: same-origin\r\nOrigin: https://proxy.example\r\n"), 202);
    assert_int_equal(status_with(state, PAUSE, "Sec-Fetch-Site: none\r\n"), 202);
    assert_int_equal(status_with(state, PAUSE, "Origin: https://ME:1\r\n"), 202);
    assert_int_equal(status_with(state, PAUSE, ""), 202);
}

static void a_stranger_who_writes_the_header_of_workers_sends_no_body(void **state)
{
    struct fixture *fixture = *state;
    int client = raw_open(fixture->port);
    client_say(client, "PUT /connectors/here/config HTTP/1.1\r\nHost: h\r\nMillrace-Caller: 1.1.AAAA.e30=.AAAA\r\n"
                       "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n");
    struct reply *reply = client_read(client, true);
    assert_int_equal(reply->status, 403);
    close(client);
}

static void the_process_is_alive_while_it_is_not_ready(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(state, "GET /livez", NULL)->status, 200);
    fixture->herder.is_ready = false;
    assert_int_equal(ask(state, "GET /readyz", NULL)->status, 503);
    assert_int_equal(ask(state, "GET /livez", NULL)->status, 200);
}

static void where_nobody_logs_in_everybody_is_nobody_and_may_do_all(void **state)
{
    expect(state, "GET /whoami", NULL, 200, "{\"name\":null,\"login\":null,\"role\":\"admin\",\"data\":true,\"groups\":[]}");
    assert_int_equal(ask_as(state, "GET /connectors", "alice", "wrong")->status, 200);
}

/* The server stops while passwords are being looked at; nobody is left behind. */
static void it_stops_while_logins_wait(void **state)
{
    struct fixture *fixture = *state;
    int clients[20];
    for (int i = 0; i < 20; i++) {
        clients[i] = raw_open(fixture->port);
        client_say(clients[i], "GET /connectors HTTP/1.1\r\nHost: h\r\nAuthorization: Basic YWxpY2U6d3Jvbmc=\r\n\r\n");
    }
    rest_server_stop(fixture->server);
    fixture->server = NULL;
    for (int i = 0; i < 20; i++) {
        int status = client_read(clients[i], true)->status;
        assert_true(status == 0 || status == 401 || status == 429 || status == 503);
        close(clients[i]);
    }
}

static void *ask_to_pause(void *argument)
{
    assert_int_equal(ask_as(argument, "PUT /connectors/here/pause", "alice", "secret")->status, 503);
    hashing_waits = false; /* told: only now the login passes */
    return NULL;
}

static void what_was_answered_while_the_login_waited_is_not_done(void **state)
{
    struct fixture *fixture = *state;
    pthread_t client;
    int before = hashing_count;
    hashing_waits = true;
    assert_true(thread_start(&client, &(struct thread_setup){.name = "client", .run = ask_to_pause, .argument = state}, NULL, 0));
    while (hashing_count == before)
        usleep(1000);
    rest_server_stop(fixture->server);
    fixture->server = NULL;
    thread_join(client);
    expect_asked(state, "");
}

/* ---- what the start says ---- */

static char said[400], said_level[10];

static void hear(void *unused, const struct log_line *line)
{
    (void)unused;
    if (strcmp(line->logger, "rest") != 0)
        return;
    snprintf(said, sizeof(said), "%.*s", (int)line->message_length, line->message);
    snprintf(said_level, sizeof(said_level), "%s", line->level == LOG_LEVEL_WARN ? "WARN" : "");
}

static void hear_which_connector(void *is_named, const struct log_line *line)
{
    if (strstr(line->message, "refused with 401: GET /connectors/{name}/status of connector some/where from 127.0.0.1") != NULL)
        atomic_store((atomic_bool *)is_named, true);
}

static void the_log_says_of_which_connector_a_refused_call_was(void **state)
{
    atomic_bool is_named = false;
    log_sink_set(&(struct log_sink){hear_which_connector, &is_named});
    assert_int_equal(ask_as(state, "GET /connectors/some%2Fwhere/status", "alice", "wrong")->status, 401);
    log_sink_set(NULL);
    assert_true(atomic_load(&is_named));
}

static void hear_of_level(void *is_said, const struct log_line *line)
{
    if (strcmp(line->message, "the level of logger some.logger is DEBUG now, as 127.0.0.1 asked") == 0)
        atomic_store((atomic_bool *)is_said, true);
}

static void a_new_level_of_a_logger_is_said(void **state)
{
    atomic_bool is_said = false;
    log_sink_set(&(struct log_sink){hear_of_level, &is_said});
    assert_int_equal(ask(state, "PUT /admin/loggers/some.logger", "{\"level\":\"DEBUG\"}")->status, 200);
    log_sink_set(NULL);
    assert_true(atomic_load(&is_said));
}

static void assert_looked_at(const struct worker_config *worker, const char *property)
{
    struct mr_error *error = NULL;
    int status = rest_server_look_at_files(worker, &error);
    assert_int_equal(status, property == NULL ? 0 : -1);
    if (property != NULL)
        assert_non_null(strstr(mr_error_message(error), property));
    mr_error_drop(error);
}

static void files_that_cannot_be_read_are_told_with_their_property(void **state)
{
    (void)state;
    struct worker_config worker = {.rest_auth = {.passwords_file = files.passwords, .jaas_file = "", .issuer = "",
                                                 .bindings_file = files.bindings}};
    assert_looked_at(&worker, NULL);
    worker.rest_auth.bindings_file = "/nowhere/bindings";
    assert_looked_at(&worker, "millrace.rest.bindings.file");
    worker.rest_auth.bindings_file = files.bindings;
    worker.rest_auth.passwords_file = "/nowhere/passwords";
    assert_looked_at(&worker, "millrace.rest.auth.passwords.file");
    worker.rest_auth.passwords_file = files.passwords;
    worker.properties = string_map_create();
    struct listener_address secure = {.host = "", .is_https = true};
    worker.admin_listeners = &secure;
    worker.admin_listener_count = 1;
    assert_looked_at(&worker, "ssl.keystore");
    string_map_destroy((struct string_map *)(uintptr_t)worker.properties);
}

static void the_start_says_whether_rest_is_open(void **state)
{
    static const struct log_sink SINK = {.write = hear};
    struct fixture *fixture;
    log_sink_set(&SINK);
    set_up(state);
    assert_string_equal(said, "REST is open to everybody on this machine: no login is demanded");
    fixture = *state;
    struct listener_address everywhere = {.host = "", .port = 0};
    struct worker_config worker = {.listeners = &everywhere, .listener_count = 1};
    struct rest_server *exposed =
        rest_server_start(&(struct rest_setup){.herder = &fixture->herder, .worker = &worker}, NULL);
    assert_non_null(exposed);
    assert_non_null(strstr(said, "REST IS OPEN"));
    assert_string_equal(said_level, "WARN");
    rest_server_stop(exposed);
    tear_down(state);

    set_up_with_logins(state);
    assert_string_equal(said, "REST demands a login: password (2 users); 1 bindings");
    tear_down_with_logins(state);
    log_sink_set(NULL);
}

int main(void)
{
#define GUARDED(name) cmocka_unit_test_setup_teardown(name, set_up_with_logins, tear_down_with_logins)
#define OPEN(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        GUARDED(every_route_is_401_to_strangers_but_the_named_ones),
        GUARDED(a_refusal_has_the_body_of_kafka_connects_errors),
        GUARDED(who_logs_in_passes_the_first_time_and_again),
        GUARDED(callers_are_told_who_they_are),
        GUARDED(a_changed_file_of_bindings_counts_at_once),
        GUARDED(preflights_and_unknown_paths_need_no_login),
        GUARDED(who_claims_to_speak_for_another_is_refused),
        GUARDED(pages_of_strangers_change_nothing_by_what_browsers_send_along),
        GUARDED(the_process_is_alive_while_it_is_not_ready),
        GUARDED(it_stops_while_logins_wait),
        GUARDED(what_was_answered_while_the_login_waited_is_not_done),
        cmocka_unit_test(the_start_says_whether_rest_is_open),
        OPEN(a_new_level_of_a_logger_is_said),
        GUARDED(files_that_cannot_be_read_are_told_with_their_property),
        GUARDED(the_log_says_of_which_connector_a_refused_call_was),
        OPEN(where_nobody_logs_in_everybody_is_nobody_and_may_do_all),
        OPEN(who_claims_to_speak_for_another_is_refused),
        OPEN(a_stranger_who_writes_the_header_of_workers_sends_no_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
