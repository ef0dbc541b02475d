/* Changes on record: which they are, what stands in the lines, what happens while they cannot be written. */
#include "routes_test.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "../audit/audit_test.h"
#include "routes/openapi_internal.h"
#include "routes/route_audit.h"
#include "routes/routes_internal.h"
#include "support/alloc_torture.h"

static atomic_bool sync_waits;
static atomic_int sync_count;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    sync_count++;
    while (sync_waits)
        usleep(1000);
    return __real_fdatasync(fd);
}

static struct record record;

static int set_up_recorded(void **state)
{
    record_init(&record);
    fixture_audit = record.audit;
    return set_up(state);
}

static int tear_down_recorded(void **state)
{
    tear_down(state);
    fixture_audit = NULL;
    record_release(&record);
    return 0;
}

/* Whoever adds a route that is neither has to say so here. */
static void every_route_that_is_no_get_is_a_change_and_may_answer_503_but_for_four(void **state)
{
    static const char *const none[] = {"/connector-plugins/{plugin}/config/validate",
                                       "/connector-plugins/{plugin}/config/try", "/connectors/{name}/tasks",
                                       "/connectors/{name}/fence"};
    (void)state;
    for (size_t i = 0; i < REST_ROUTE_COUNT; i++) {
        const struct http_route *route = &REST_ROUTES[i];
        bool is_listed = false;
        for (size_t n = 0; n < sizeof(none) / sizeof(none[0]); n++)
            is_listed = is_listed || strcmp(route->pattern, none[n]) == 0;
        bool expected = route->method != HTTP_GET && !is_listed;
        if (route_audit_is_change(route) != expected)
            fail_msg("%s %s", http_method_name(route->method), route->pattern);
        const struct route_doc *doc = route_doc_find(route);
        if (expected && strstr(doc->errors, "503") == NULL)
            fail_msg("%s %s can be refused with 503, which it does not say", http_method_name(route->method), route->pattern);
    }
}

static void a_change_has_two_lines_and_its_answer_names_it(void **state)
{
    struct reply *reply = ask(state, "PUT /connectors/a%2Fb/pause?token=s3cret", NULL);
    assert_int_equal(reply->status, 202);
    expect_asked(state, "pause a/b");
    await_lines(record.path, 2);
    json_t *intent = line_of(record.path, 0), *outcome = line_of(record.path, 1);
    assert_member(intent, "event", "change");
    assert_member(intent, "who", "anonymous");
    assert_member(intent, "address", "127.0.0.1");
    assert_true(json_integer_value(json_object_get(intent, "port")) > 0);
    assert_member(intent, "method", "PUT");
    assert_member(intent, "path", "/connectors/a%2Fb/pause");
    assert_member(intent, "connector", "a/b");
    assert_string_equal(reply_header(reply, "X-Request-ID"), json_string_value(json_object_get(intent, "request")));
    assert_member(outcome, "event", "outcome");
    assert_int_equal(json_integer_value(json_object_get(outcome, "status")), 202);
    assert_string_equal(json_string_value(json_object_get(outcome, "hash_before")),
                        json_string_value(json_object_get(outcome, "hash_after")));
    assert_null(json_object_get(intent, "forwarded"));
    json_decref(intent);
    json_decref(outcome);
}

static void a_dry_run_of_offsets_is_no_change(void **state)
{
    assert_int_equal(ask(state, "DELETE /connectors/here/offsets?dry_run=true", NULL)->status, 200);
    assert_int_equal(ask(state, "POST /connectors/here/offsets/undo", NULL)->status, 200);
    await_lines(record.path, 2);
    json_t *intent = line_of(record.path, 0);
    assert_member(intent, "path", "/connectors/here/offsets/undo");
    json_decref(intent);
}

static void give_letters(void **state)
{
    struct fixture *fixture = *state;
    struct string_map *config = string_map_create();
    string_map_put(config, "errors.deadletterqueue.topic.name", "bad");
    assert_int_equal(config_store_put_connector(fixture->herder.configs, "here", config, NULL, DEADLINE_NEVER, NULL), 0);
    string_map_destroy(config);
}

static void who_looks_at_dead_letters_is_on_record_first(void **state)
{
    static const char *const TARGETS[] = {"GET /connectors/here/dlq?limit=5", "GET /connectors/here/dlq/0/7"};
    give_letters(state);
    for (int i = 0; i < 2; i++) {
        struct reply *reply = ask(state, TARGETS[i], NULL);
        assert_int_equal(reply->status, 200);
        json_t *line = line_of(record.path, i); /* there when the answer is */
        assert_non_null(line);
        assert_member(line, "event", "records");
        assert_member(line, "connector", "here");
        assert_member(line, "topic", "bad");
        assert_string_equal(reply_header(reply, "X-Request-ID"), json_string_value(json_object_get(line, "request")));
        json_decref(line);
    }
    expect_asked(state, "letters show here  0/7 - by anonymous");
    assert_int_equal(ask(state, "GET /connectors/here/dlq/replays/night", NULL)->status, 200); /* shows none */
    assert_int_equal(line_count(record.path), 2);
}

/* It is a change, too: one id, and a line more. */
static void a_replay_that_is_only_tried_is_a_look(void **state)
{
    give_letters(state);
    struct reply *reply = ask(state, "POST /connectors/here/dlq/replay", "{\"all\":true,\"dry_run\":true}");
    if (reply->status != 200)
        fail_msg("%d %s", reply->status, reply->body);
    await_lines(record.path, 3);
    json_t *intent = line_of(record.path, 0), *look = line_of(record.path, 1);
    assert_member(intent, "event", "change");
    assert_member(look, "event", "records");
    assert_member(look, "request", json_string_value(json_object_get(intent, "request")));
    json_decref(intent);
    json_decref(look);
}

static void nobody_looks_at_records_while_that_cannot_be_recorded(void **state)
{
    static const struct {
        const char *target, *body;
    } LOOKS[] = {{"GET /connectors/here/dlq", NULL},
                 {"GET /connectors/here/dlq/0/7", NULL},
                 {"POST /connector-plugins/S/config/try", "{\"config\":{\"name\":\"c\"},\"topic\":\"orders\",\"last\":3}"}};
    give_letters(state);
    unlink(record.path);
    assert_int_equal(symlink("/dev/full", record.path), 0);
    for (size_t i = 0; i < sizeof(LOOKS) / sizeof(LOOKS[0]); i++) {
        struct reply *reply = ask(state, LOOKS[i].target, LOOKS[i].body);
        assert_int_equal(reply->status, 503);
        assert_non_null(strstr(reply->body, "The records are not shown: the audit record (millrace.audit.file)"));
        assert_non_null(strstr(reply->body, "No space left on device"));
    }
    expect_asked(state, "");
    assert_int_equal(ask(state, "GET /connectors/here/dlq/replays/night", NULL)->status, 200); /* shows none */
    unlink(record.path);
}

static void who_looks_at_records_of_a_topic_is_on_record(void **state)
{
    static const char target[] = "POST /connector-plugins/S/config/try";
    assert_int_equal(ask(state, target, "{\"config\":{\"name\":\"c\"},\"records\":[{}]}")->status, 200); /* is not */
    assert_int_equal(ask(state, target, "{\"config\":{\"name\":\"c\"},\"topic\":\"orders\",\"last\":3}")->status, 200);
    await_lines(record.path, 1);
    json_t *line = line_of(record.path, 0);
    assert_member(line, "event", "records");
    assert_member(line, "who", "anonymous");
    assert_member(line, "connector", "c");
    assert_member(line, "topic", "orders");
    json_decref(line);
}

static void a_connector_to_be_made_is_named_by_the_body(void **state)
{
    assert_int_equal(ask(state, "POST /connectors", "{\"name\":\"new\",\"config\":{\"connector.class\":\"Some\"}}")->status, 201);
    await_lines(record.path, 2);
    json_t *outcome = line_of(record.path, 1);
    assert_member(outcome, "connector", "new");
    assert_member(outcome, "hash_before", NULL);
    assert_non_null(json_string_value(json_object_get(outcome, "hash_after")));
    json_decref(outcome);
    assert_int_equal(ask(state, "POST /connectors", "{")->status, 400);
    await_lines(record.path, 4);
    outcome = line_of(record.path, 3);
    assert_member(outcome, "connector", NULL);
    assert_member(outcome, "outcome", "refused");
    json_decref(outcome);
}

static void what_another_worker_passes_on_keeps_its_id(void **state)
{
    struct fixture *fixture = *state;
    struct reply *reply = raw_ask(fixture->port, "PUT /connectors/here/stop?forward=true HTTP/1.1\r\nHost: me:1\r\n"
                                                 "X-Request-ID: abc-1\r\n\r\n");
    assert_string_equal(reply_header(reply, "X-Request-ID"), "abc-1");
    await_lines(record.path, 2);
    json_t *intent = line_of(record.path, 0);
    assert_member(intent, "request", "abc-1");
    assert_true(json_is_true(json_object_get(intent, "forwarded")));
    json_decref(intent);
}

static void reads_have_no_line_and_no_header(void **state)
{
    struct reply *reply = ask(state, "GET /connectors/here/config", NULL);
    assert_int_equal(reply->status, 200);
    assert_null(reply_header(reply, "X-Request-ID"));
    assert_int_equal(ask(state, "PUT /connectors/here/pause", NULL)->status, 202);
    await_lines(record.path, 2);
    json_t *intent = line_of(record.path, 0);
    assert_member(intent, "path", "/connectors/here/pause");
    json_decref(intent);
}

static void without_a_record_no_answer_has_the_header(void **state)
{
    struct reply *reply = ask(state, "PUT /connectors/here/pause", NULL);
    assert_int_equal(reply->status, 202);
    assert_null(reply_header(reply, "X-Request-ID"));
}

static bool pauses(void *state)
{
    return ask(state, "PUT /connectors/here/pause", NULL)->status == 202;
}

static void while_the_record_cannot_be_written_changes_are_refused_and_reads_are_not(void **state)
{
    unlink(record.path);
    assert_int_equal(symlink("/dev/full", record.path), 0);
    struct reply *reply = ask(state, "PUT /connectors/here/pause", NULL);
    assert_int_equal(reply->status, 503);
    assert_non_null(strstr(reply->body, "millrace.audit.file"));
    assert_non_null(strstr(reply->body, "No space left on device"));
    expect_asked(state, "");
    assert_int_equal(ask(state, "GET /connectors/here", NULL)->status, 200);
    reply = ask(state, "GET /health", NULL);
    assert_int_equal(reply->status, 200);
    assert_non_null(strstr(reply->body, "refuses changes: the audit record (millrace.audit.file)"));
    unlink(record.path);
    assert_true(eventually(SOON_MS, pauses, state));
}

struct client {
    void **state;
    const char *target;
};

static void *ask_in_vain(void *argument)
{
    const struct client *client = argument;
    struct reply *reply = ask(client->state, client->target, NULL);
    assert_int_equal(reply->status, 503);
    sync_waits = false; /* told: only now the record comes to an end with it */
    return NULL;
}

/* While its line is on the way. */
static void stop_in_the_midst_of(void **state, const char *target)
{
    struct fixture *fixture = *state;
    struct client client = {state, target};
    pthread_t thread;
    int before = sync_count;
    sync_waits = true;
    assert_true(thread_start(&thread, &(struct thread_setup){.name = "client", .run = ask_in_vain, .argument = &client}, NULL, 0));
    while (sync_count == before)
        usleep(1000);
    rest_server_stop(fixture->server);
    fixture->server = NULL;
    thread_join(thread);
    expect_asked(state, "");
}

static void nothing_is_shown_after_the_end_of_the_server(void **state)
{
    give_letters(state);
    stop_in_the_midst_of(state, "GET /connectors/here/dlq");
    await_lines(record.path, 1);
    json_t *line = line_of(record.path, 0);
    assert_member(line, "event", "records");
    json_decref(line);
}

static void a_change_that_was_answered_by_the_end_of_the_server_is_not_made(void **state)
{
    stop_in_the_midst_of(state, "PUT /connectors/here/pause");
    await_lines(record.path, 2);
    json_t *outcome = line_of(record.path, 1);
    assert_int_equal(json_integer_value(json_object_get(outcome, "status")), 503);
    assert_member(outcome, "outcome", "failed");
    json_decref(outcome);
}

static bool name_the_connector(void *argument)
{
    char *connector;
    bool worked = route_audit_connector_of(argument, &connector);
    assert_int_equal(connector != NULL, worked);
    if (worked)
        assert_string_equal(connector, "new");
    mem_free(connector);
    return worked;
}

static void want_of_memory_is_told_from_a_change_about_nobody(void **state)
{
    static const char BODY[] = "{\"name\":\"new\",\"config\":{\"connector.class\":\"Some\"}}";
    const struct http_route post = {.method = HTTP_POST, .pattern = "/connectors", .handler = connectors_post},
                            drain = {.method = HTTP_PUT, .pattern = "/admin/drain", .handler = drain_put};
    struct http_request request = {.route = &post, .body = BODY, .body_length = sizeof(BODY) - 1};
    char *connector;
    (void)state;
    alloc_torture(name_the_connector, &request);
    request.body_length--; /* malformed: the handler says so */
    assert_true(route_audit_connector_of(&request, &connector));
    assert_null(connector);
    request.route = &drain;
    assert_true(route_audit_connector_of(&request, &connector));
    assert_null(connector);
}

/* Of "secret". */
#define BCRYPT "$2y$04$H50y.1HDkBCJdLoUGUw9rOJI1AI0pUXRA6QtUV6oIP5vSgxyWPtq6"

static void put_file(const char *path, const char *text)
{
    char why[300];
    assert_true(file_replace(path, &(struct file_content){.bytes = text, .length = strlen(text), .mode = 0600}, why, sizeof(why)));
}

/* The files that say who may do what, at the start and when one has changed; then a wrong password for alice, and a password in the
 * field of the name: only who exists is named. */
static void files_of_logins_and_who_was_tried_are_on_record(void **state)
{
    char folder[] = "/tmp/millrace-tried.XXXXXX", passwords[100], bindings[100];
    assert_non_null(mkdtemp(folder));
    snprintf(passwords, sizeof(passwords), "%s/passwords", folder);
    snprintf(bindings, sizeof(bindings), "%s/bindings", folder);
    put_file(passwords, "alice:" BCRYPT "\n");
    put_file(bindings, "{\"bindings\":[{\"name\":\"all\",\"users\":[\"*\"],\"role\":\"admin\"}]}");
    record_init(&record);
    fixture_audit = record.audit;
    set_up_guarded(state, true, &(struct rest_auth_config){.passwords_file = passwords, .jaas_file = "", .issuer = "",
                                                           .bindings_file = bindings}, NULL);
    uint16_t port = ((struct fixture *)*state)->port;
    assert_int_equal(raw_ask(port, "GET /connectors HTTP/1.1\r\nHost: h\r\nX-Request-ID: r-9\r\n"
                                   "Authorization: Basic YWxpY2U6d3Jvbmc=\r\n\r\n")->status, 401); /* alice:wrong */
    assert_int_equal(raw_ask(port, "GET /connectors HTTP/1.1\r\nHost: h\r\nAuthorization: Basic aHVudGVyMjp3cm9uZw==\r\n\r\n")->status,
                     401); /* hunter2:wrong */
    put_file(bindings, "{\"bindings\":[{\"name\":\"some\",\"users\":[\"*\"],\"role\":\"admin\"}]}");
    assert_int_equal(raw_ask(port, "GET /connectors HTTP/1.1\r\nHost: h\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n")->status, 200);
    await_lines(record.path, 5);
    json_t *start = line_of(record.path, 0), *changed = line_of(record.path, 4), *logins = line_of(record.path, 1);
    assert_member(start, "event", "access");
    assert_member(start, "file", bindings);
    assert_member(logins, "event", "access");
    assert_member(logins, "file", passwords);
    assert_member(changed, "event", "access");
    assert_member(changed, "file", bindings);
    assert_int_equal(strlen(json_string_value(json_object_get(start, "sha256"))), 64);
    assert_string_not_equal(json_string_value(json_object_get(start, "sha256")), json_string_value(json_object_get(changed, "sha256")));
    json_decref(start);
    json_decref(changed);
    json_decref(logins);
    json_t *first = line_of(record.path, 2), *second = line_of(record.path, 3);
    assert_member(first, "event", "refused");
    assert_member(first, "who", "anonymous");
    assert_member(first, "tried", "alice");
    assert_member(first, "request", "r-9");
    assert_null(json_object_get(second, "tried"));
    json_decref(first);
    json_decref(second);
    tear_down_recorded(state);
    unlink(passwords);
    unlink(bindings);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_that_is_no_get_is_a_change_and_may_answer_503_but_for_four),
        cmocka_unit_test_setup_teardown(a_change_has_two_lines_and_its_answer_names_it, set_up_recorded, tear_down_recorded),
        cmocka_unit_test_setup_teardown(a_dry_run_of_offsets_is_no_change, set_up_recorded, tear_down_recorded),
        cmocka_unit_test_setup_teardown(a_connector_to_be_made_is_named_by_the_body, set_up_recorded, tear_down_recorded),
        cmocka_unit_test_setup_teardown(who_looks_at_records_of_a_topic_is_on_record, set_up_recorded, tear_down_recorded),
        cmocka_unit_test_setup_teardown(who_looks_at_dead_letters_is_on_record_first, set_up_recorded, tear_down_recorded),
        cmocka_unit_test_setup_teardown(a_replay_that_is_only_tried_is_a_look, set_up_recorded, tear_down_recorded),
        cmocka_unit_test_setup_teardown(nobody_looks_at_records_while_that_cannot_be_recorded, set_up_recorded, tear_down_recorded),
        cmocka_unit_test_setup_teardown(nothing_is_shown_after_the_end_of_the_server, set_up_recorded, tear_down_recorded),
        cmocka_unit_test_setup_teardown(what_another_worker_passes_on_keeps_its_id, set_up_recorded, tear_down_recorded),
        cmocka_unit_test_setup_teardown(reads_have_no_line_and_no_header, set_up_recorded, tear_down_recorded),
        cmocka_unit_test(files_of_logins_and_who_was_tried_are_on_record),
        cmocka_unit_test_setup_teardown(without_a_record_no_answer_has_the_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_the_record_cannot_be_written_changes_are_refused_and_reads_are_not, set_up_recorded,
                                        tear_down_recorded),
        cmocka_unit_test(want_of_memory_is_told_from_a_change_about_nobody),
        cmocka_unit_test_setup_teardown(a_change_that_was_answered_by_the_end_of_the_server_is_not_made, set_up_recorded,
                                        tear_down_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
