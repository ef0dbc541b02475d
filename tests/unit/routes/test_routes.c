#include "routes_test.h"

/* ---- reading ---- */

static void root_and_health_answer(void **state)
{
    struct fixture *fixture = *state;
    expect(state, "GET /", NULL, 200,
           "{\"version\":\"4.3.1\",\"commit\":\"26b251a451ce941d\",\"kafka_cluster_id\":\"cluster\"}");
    expect(state, "GET /health", NULL, 200, "{\"status\":\"healthy\",\"message\":\"fine\"}");
    fixture->herder.status = 503;
    fixture->herder.message = "soon";
    expect(state, "GET /health", NULL, 503, "{\"status\":\"starting\",\"message\":\"soon\"}");
    fixture->herder.status = 500;
    expect(state, "GET /health", NULL, 500, "{\"status\":\"unhealthy\",\"message\":\"soon\"}");
}

#define INFO                                                                                                           \
    "{\"name\":\"here\",\"config\":{\"connector.class\":\"Some\",\"password\":\"${env:SECRET}\",\"name\":\"here\"},"   \
    "\"tasks\":[{\"connector\":\"here\",\"task\":0}],\"type\":\"unknown\"}"
#define STATUS                                                                                                         \
    "{\"name\":\"here\",\"connector\":{\"state\":\"RUNNING\",\"worker_id\":\"h:1\",\"version\":\"1.0\"},"              \
    "\"tasks\":[{\"id\":0,\"state\":\"FAILED\",\"worker_id\":\"h:1\",\"version\":\"1.0\",\"trace\":\"boom\"}],"        \
    "\"type\":\"unknown\"}"

static void what_is_there_is_shown(void **state)
{
    expect(state, "GET /connectors", NULL, 200, "[\"a/b\",\"here\"]");
    expect(state, "GET /connectors/here", NULL, 200, INFO);
    expect(state, "GET /connectors/here/config", NULL, 200,
           "{\"connector.class\":\"Some\",\"password\":\"${env:SECRET}\",\"name\":\"here\"}");
    expect(state, "GET /connectors/here/status", NULL, 200, STATUS);
    expect(state, "GET /connectors/here/tasks", NULL, 200,
           "[{\"id\":{\"connector\":\"here\",\"task\":0},\"config\":{\"task.class\":\"SomeTask\"}}]");
    expect(state, "GET /connectors/here/tasks/00/status", NULL, 200,
           "{\"id\":0,\"state\":\"FAILED\",\"worker_id\":\"h:1\",\"version\":\"1.0\",\"trace\":\"boom\"}");
    expect(state, "GET /connectors/a%2Fb/config", NULL, 200,
           "{\"connector.class\":\"Some\",\"password\":\"${env:SECRET}\",\"name\":\"a/b\"}");
    expect(state, "GET /connector-plugins", NULL, 200, "[]");
    assert_int_equal(ask(state, "HEAD /connectors", NULL)->status, 200);
}

static void lists_are_expanded_as_asked(void **state)
{
    expect(state, "GET /connectors?expand=status", NULL, 200, "{\"here\":{\"status\":" STATUS "}}");
    expect(state, "GET /connectors?expand=info&expand=status", NULL, 200,
           "{\"here\":{\"status\":" STATUS ",\"info\":" INFO "}}");
    expect(state, "GET /connectors?expand=other", NULL, 200, "{\"a/b\":{},\"here\":{}}");
    expect(state, "GET /connectors?expand", NULL, 200, "{\"a/b\":{},\"here\":{}}");
}

static void what_is_not_there_is_404(void **state)
{
    expect(state, "GET /connectors/no", NULL, 404, "{\"error_code\":404,\"message\":\"Connector no not found\"}");
    expect(state, "GET /connectors/no/config", NULL, 404,
           "{\"error_code\":404,\"message\":\"Connector no not found\"}");
    expect(state, "GET /connectors/no/tasks", NULL, 404, "{\"error_code\":404,\"message\":\"Connector no not found\"}");
    expect(state, "GET /connectors/no/status", NULL, 404,
           "{\"error_code\":404,\"message\":\"No status found for connector no\"}");
    expect(state, "GET /connectors/here/tasks/1/status", NULL, 404,
           "{\"error_code\":404,\"message\":\"No status found for task here-1\"}");
    expect(state, "GET /connectors/here/tasks/-1/status", NULL, 404,
           "{\"error_code\":404,\"message\":\"No status found for task here--1\"}");
    expect(state, "GET /connectors/here/tasks/one/status", NULL, 404,
           "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}");
    expect(state, "POST /connectors/here/tasks/-1/restart", NULL, 404,
           "{\"error_code\":404,\"message\":\"Unknown task: here--1\"}");
    expect(state, "POST /connectors/no/tasks/-1/restart", NULL, 404,
           "{\"error_code\":404,\"message\":\"Unknown connector: no\"}");
}

static void nothing_is_listed_before_the_topics_are_read(void **state)
{
    static const char *const PATHS[] = {
        "GET /connectors",
        "GET /connectors?expand=status",
        "GET /connectors/here",
        "GET /connectors/here/config",
        "GET /connectors/here/status",
        "GET /connectors/here/tasks",
        "GET /connectors/here/tasks/0/status",
        "GET /connectors/here/topics",
        "GET /connectors/here/offsets",
    };
    struct fixture *fixture = *state;
    fixture->herder.is_ready = false;
    for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
        struct reply *reply = ask(state, PATHS[i], NULL);
        assert_int_equal(reply->status, 503);
        assert_non_null(strstr(reply->body, "{\"error_code\":503,\"message\":\""));
    }
    assert_int_equal(ask(state, "GET /", NULL)->status, 200);
    assert_int_equal(ask(state, "GET /health", NULL)->status, 200);
    assert_int_equal(ask(state, "GET /connector-plugins", NULL)->status, 200);
}

static void what_an_idle_worker_has_said_to_run_is_unassigned(void **state)
{
    struct fixture *fixture = *state;
    fixture->herder.idle_worker_id = "h:1";
    expect(state, "GET /connectors/here/status", NULL, 200,
           "{\"name\":\"here\",\"connector\":{\"state\":\"UNASSIGNED\",\"worker_id\":\"h:1\",\"version\":\"1.0\"},"
           "\"tasks\":[{\"id\":0,\"state\":\"FAILED\",\"worker_id\":\"h:1\",\"version\":\"1.0\",\"trace\":\"boom\"}],"
           "\"type\":\"unknown\"}");
    fixture->herder.idle_worker_id = "other:1";
    expect(state, "GET /connectors/here/status", NULL, 200, STATUS);
}

/* ---- topics ---- */

static void topics_are_listed_and_forgotten(void **state)
{
    struct fixture *fixture = *state;
    status_store_put_topic(fixture->herder.statuses, "a/b", "t\xC3\xA9", 0);
    status_store_put_topic(fixture->herder.statuses, "a/b", "s", 0);
    expect(state, "GET /connectors/a%2Fb/topics", NULL, 200, "{\"a/b\":{\"topics\":[\"s\",\"t\xC3\xA9\"]}}");
    expect(state, "PUT /connectors/a%2Fb/topics/reset", NULL, 202, "");
    expect(state, "GET /connectors/a%2Fb/topics", NULL, 200, "{\"a/b\":{\"topics\":[]}}");
    expect(state, "GET /connectors/no/topics", NULL, 200, "{\"no\":{\"topics\":[]}}");
    expect(state, "PUT /connectors/no/topics/reset", NULL, 202, "");
}

static void topics_are_403_where_the_worker_does_not_track_them(void **state)
{
    struct fixture *fixture = *state;
    fixture->herder.worker.topic_tracking_allow_reset = false;
    expect(state, "PUT /connectors/here/topics/reset", NULL, 403,
           "{\"error_code\":403,\"message\":\"Topic tracking reset is disabled.\"}");
    assert_int_equal(ask(state, "GET /connectors/here/topics", NULL)->status, 200);
    fixture->herder.worker.topic_tracking_enable = false;
    expect(state, "GET /connectors/here/topics", NULL, 403,
           "{\"error_code\":403,\"message\":\"Topic tracking is disabled.\"}");
    expect(state, "PUT /connectors/here/topics/reset", NULL, 403,
           "{\"error_code\":403,\"message\":\"Topic tracking is disabled.\"}");
}

/* ---- dead letters ---- */

static void letters_are_asked_for_as_the_query_says(void **state)
{
    struct fixture *fixture = *state;
    struct string_map *config = string_map_create();
    string_map_put(config, "errors.deadletterqueue.topic.name", "bad");
    assert_int_equal(config_store_put_connector(fixture->herder.configs, "here", config, NULL, DEADLINE_NEVER, NULL), 0);
    string_map_destroy(config);
    expect(state, "GET /connectors/here/dlq?group=0f&limit=5&since=x&other=1", NULL, 200, "{\"id\":\"r\"}");
    expect_asked(state, "letters list here {\"group\":\"0f\",\"since\":\"x\",\"limit\":5} 0/0 - by anonymous");
    expect(state, "GET /connectors/here/dlq/3/12345678901", NULL, 200, "{\"id\":\"r\"}");
    expect_asked(state, "letters show here  3/12345678901 - by anonymous");
    expect(state, "POST /connectors/here/dlq/discard", "{\"all\":true}", 200, "{\"id\":\"r\"}");
    expect_asked(state, "letters discard here {\"all\":true} 0/0 - by anonymous");
    expect(state, "GET /connectors/here/dlq/replays/night", NULL, 200, "{\"id\":\"r\"}");
    expect_asked(state, "letters find here  0/0 night by anonymous");
    assert_int_equal(ask(state, "GET /connectors/here/dlq/0/-1", NULL)->status, 400);
    assert_int_equal(ask(state, "GET /connectors/no/dlq", NULL)->status, 404);
    assert_int_equal(ask(state, "POST /connectors/no/dlq/replay", "{\"all\":true}")->status, 404);
}

/* ---- offsets ---- */

static void offsets_are_shown(void **state)
{
    struct fixture *fixture = *state;
    expect(state, "GET /connectors/here/offsets", NULL, 200, "{\"offsets\":[]}");
    fixture->herder.has_offsets = true;
    expect(state, "GET /connectors/here/offsets", NULL, 200,
           "{\"offsets\":[{\"partition\":{\"file\":\"\xC3\xA9\"},\"offset\":{\"at\":9}}]}");
    expect(state, "GET /connectors/no/offsets", NULL, 404,
           "{\"error_code\":404,\"message\":\"Connector no not found\"}");
}

static void offsets_are_changed(void **state)
{
    expect(state, "PATCH /connectors/here/offsets",
           "{\"offsets\":[{\"partition\":{\"a\":1,\"b\":2},\"offset\":{\"at\":9}},{\"partition\":{\"c\":3}},"
           "{\"partition\":{\"b\":2,\"a\":1},\"offset\":null}]}",
           200, "{\"message\":\"altered\"}");
    expect_asked(state, "alter here {\"a\":1,\"b\":2}=null {\"c\":3}=null");
    expect(state, "DELETE /connectors/here/offsets", NULL, 200, "{\"message\":\"reset\"}");
    expect_asked(state, "reset here");
}

static void a_change_of_offsets_can_be_tried_undone_and_made_for_good(void **state)
{
    static const char entry[] = "{\"offsets\":[{\"partition\":{\"c\":3},\"offset\":null}]}";
    static const char trial[] = "{\"dry_run\":true,\"type\":\"sink\",\"refused\":null,\"not_asked\":\"so\",\"offsets\":[]}";
    expect(state, "PATCH /connectors/here/offsets?dry_run=true", entry, 200, trial);
    expect_asked(state, "try alter here {\"c\":3}=null");
    expect(state, "DELETE /connectors/here/offsets?dry_run=TRUE&undo=false", NULL, 200, trial);
    expect_asked(state, "try reset for good here");
    expect(state, "POST /connectors/here/offsets/undo?dry_run=true", NULL, 200, trial);
    expect_asked(state, "try undo here");
    expect(state, "POST /connectors/here/offsets/undo", NULL, 200, "{\"message\":\"set back\"}");
    expect_asked(state, "undo here");
    expect(state, "PATCH /connectors/here/offsets?undo=false&dry_run=false", entry, 200, "{\"message\":\"altered\"}");
    expect_asked(state, "alter for good here {\"c\":3}=null");
    expect(state, "DELETE /connectors/here/offsets?undo=true", NULL, 200, "{\"message\":\"reset\"}");
    expect_asked(state, "reset here");
}

static void a_misspelt_dry_run_is_no_change(void **state)
{
    struct fixture *fixture = *state;
    fake_note(&fixture->herder, "nothing");
    expect(state, "DELETE /connectors/here/offsets?dry_run=yes", NULL, 400,
           "{\"error_code\":400,\"message\":\"The parameter dry_run is true or false\"}");
    expect(state, "DELETE /connectors/here/offsets?dry_run", NULL, 400,
           "{\"error_code\":400,\"message\":\"The parameter dry_run is true or false\"}");
    expect(state, "POST /connectors/here/offsets/undo?undo=0", NULL, 400,
           "{\"error_code\":400,\"message\":\"The parameter undo is true or false\"}");
    expect_asked(state, "nothing");
}

static void offsets_of_another_shape_are_400(void **state)
{
    static const char *const BODIES[] = {
        "{}",
        "{\"offsets\":null}",
        "{\"offsets\":[]}",
        "{\"offsets\":{}}",
        "{\"offsets\":[null]}",
        "{\"offsets\":[1]}",
        "{\"other\":[]}",
        "{\"offsets\":[{\"partition\":{},\"other\":1}]}",
        "{\"offsets\":[{\"partition\":[]}]}",
        "{\"offsets\":[{\"partition\":{},\"offset\":3}]}",
        "{\"offsets\":[{\"partition\":{}}]} x",
        "[]",
        "null",
        "",
    };
    for (size_t i = 0; i < sizeof(BODIES) / sizeof(BODIES[0]); i++)
        assert_int_equal(ask(state, "PATCH /connectors/no/offsets", BODIES[i])->status, 400);
    expect(state, "PATCH /connectors/no/offsets", "{}", 400,
           "{\"error_code\":400,\"message\":\"Partitions / offsets need to be provided for an alter offsets request\"}");
    expect_asked(state, "");
}

/* ---- loggers ---- */

static void loggers_are_set_and_shown(void **state)
{
    expect(state, "GET /admin/loggers/test.routes", NULL, 404,
           "{\"error_code\":404,\"message\":\"Logger test.routes not found.\"}");
    expect(state, "PUT /admin/loggers/test.routes?scope=elsewhere", "{\"level\":\"debug\",\"more\":[1]}", 200,
           "[\"test.routes\"]");
    assert_non_null(strstr(ask(state, "GET /admin/loggers/test.routes", NULL)->body,
                           "{\"level\":\"DEBUG\",\"last_modified\":1"));
    expect(state, "PUT /admin/loggers/test.routes", "{\"level\":\"DEBUG\"}", 200, "[]");
    assert_non_null(strstr(ask(state, "GET /admin/loggers", NULL)->body, "\"test.routes\":{\"level\":\"DEBUG\""));
    assert_int_equal(ask(state, "GET /admin/loggers/ROOT", NULL)->status, 200);
    expect_asked(state, "");
}

static void a_level_for_the_cluster_is_asked_of_the_herder(void **state)
{
    expect(state, "PUT /admin/loggers/test.cluster?scope=CLUSTER", "{\"level\":\"warn\"}", 204, "");
    expect_asked(state, "level test.cluster WARN");
}

static void a_level_that_is_none_is_refused(void **state)
{
    expect(state, "PUT /admin/loggers/l", "{\"level\":\"LOUD\"}", 404,
           "{\"error_code\":404,\"message\":\"invalid log level 'LOUD'.\"}");
    expect(state, "PUT /admin/loggers/l", "{\"level\":null}", 400,
           "{\"error_code\":400,\"message\":\"Desired 'level' parameter was not specified in request.\"}");
    expect(state, "PUT /admin/loggers/l", "{}", 400,
           "{\"error_code\":400,\"message\":\"Desired 'level' parameter was not specified in request.\"}");
    assert_int_equal(ask(state, "PUT /admin/loggers/l", "[]")->status, 400);
    assert_int_equal(ask(state, "PUT /admin/loggers/l", "{\"level\":{}}")->status, 400);
}

static void loggers_are_not_there_when_their_listeners_are_elsewhere(void **state)
{
    expect(state, "GET /admin/loggers", NULL, 404, "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}");
    expect(state, "PUT /admin/loggers/a", "{\"level\":\"INFO\"}", 404,
           "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}");
}

static void administrative_listeners_serve_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    uint16_t port = rest_server_admin_port(fixture->server, 0);
    assert_int_equal(raw_ask(port, "GET /admin/loggers HTTP/1.1\r\nHost: h\r\n\r\n")->status, 200);
    static const char *const ELSEWHERE[] = {"/", "/health", "/connectors", "/metrics"};
    for (size_t i = 0; i < sizeof(ELSEWHERE) / sizeof(ELSEWHERE[0]); i++) {
        char request[100];
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", ELSEWHERE[i]);
        assert_int_equal(raw_ask(port, request)->status, 404);
    }
}

/* ---- changing ---- */

static void some_options_are_changed(void **state)
{
    expect(state, "PATCH /connectors/here/config", "{\"a\":1,\"b\":null}", 200, INFO);
    expect_asked(state, "patch here a=1 b=(null)");
    assert_int_equal(ask(state, "PATCH /connectors/here/config", "[]")->status, 400);
}

static void a_created_connector_is_shown_and_located(void **state)
{
    struct reply *reply = ask(state, "POST /connectors",
                              "{\"name\":\" n/e w;x \",\"config\":{\"connector.class\":\"X\",\"n\":1e3},"
                              "\"initial_state\":\"paused\"}");
    assert_int_equal(reply->status, 201);
    assert_string_equal(reply_header(reply, "Location"), "http://me:1/connectors/n%2Fe%20w%3Bx");
    assert_string_equal(reply->body, "{\"name\":\"n/e w;x\",\"config\":{\"connector.class\":\"X\",\"n\":\"1e3\","
                                     "\"name\":\"n/e w;x\"},\"tasks\":[],\"type\":\"unknown\"}");
    expect_asked(state, "put n/e w;x PAUSED new connector.class=X n=1e3 name=n/e w;x");
}

static void a_changed_connector_shows_its_tasks(void **state)
{
    struct reply *reply = ask(state, "PUT /connectors/here/config", "{\"connector.class\":\"Y\"}");
    assert_int_equal(reply->status, 200);
    assert_null(reply_header(reply, "Location"));
    assert_string_equal(reply->body, "{\"name\":\"here\",\"config\":{\"connector.class\":\"Y\",\"name\":\"here\"},"
                                     "\"tasks\":[{\"connector\":\"here\",\"task\":0}],\"type\":\"unknown\"}");
    expect_asked(state, "put here - any connector.class=Y name=here");
    assert_int_equal(ask(state, "PUT /connectors/%20x%20/config", "{}")->status, 201);
    expect_asked(state, "put  x  - any name= x ");
}

static void a_bad_body_is_400_and_asks_nothing(void **state)
{
    expect(state, "POST /connectors", "{\"name\":\"a\",\"config\":{\"name\":\"b\"}}", 400,
           "{\"error_code\":400,\"message\":\"Connector name configuration (b) doesn't match connector name in the URL "
           "(a)\"}");
    assert_int_equal(ask(state, "POST /connectors", "{nonsense")->status, 400);
    assert_int_equal(ask(state, "POST /connectors", "")->status, 400);
    assert_int_equal(ask(state, "POST /connectors", NULL)->status, 400);
    assert_int_equal(ask(state, "PUT /connectors/x/config", "[]")->status, 400);
    expect_asked(state, "");
}

static void what_the_herder_refuses_is_passed_on(void **state)
{
    struct fixture *fixture = *state;
    fixture->herder.status = 409;
    fixture->herder.message = "Connector \"a\" already exists";
    expect(state, "POST /connectors", "{\"name\":\"a\",\"config\":{}}", 409,
           "{\"error_code\":409,\"message\":\"Connector \\\"a\\\" already exists\"}");
    expect(state, "DELETE /connectors/a", NULL, 409,
           "{\"error_code\":409,\"message\":\"Connector \\\"a\\\" already exists\"}");
    expect(state, "POST /connectors/here/restart?includeTasks=true", NULL, 409,
           "{\"error_code\":409,\"message\":\"Connector \\\"a\\\" already exists\"}");
}

static void states_are_asked_for(void **state)
{
    expect(state, "PUT /connectors/a%2Fb/pause", NULL, 202, "");
    expect_asked(state, "pause a/b");
    expect(state, "PUT /connectors/here/resume", "no JSON, and ignored", 202, "");
    expect_asked(state, "resume here");
    expect(state, "PUT /connectors/here/stop", NULL, 204, "");
    expect_asked(state, "stop here");
    expect(state, "DELETE /connectors/here?force=true", NULL, 204, "");
    expect_asked(state, "delete here");
    expect(state, "POST /connectors/here/tasks/3/restart", NULL, 204, "");
    expect_asked(state, "restart task here-3");
}

static void a_restart_shows_what_restarts(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t TASKS[] = {0};
    fixture->herder.plan = (struct herder_restart_plan){true, TASKS, 1, NULL};
    expect(
        state, "POST /connectors/here/restart?includeTasks=TRUE", NULL, 202,
        "{\"name\":\"here\",\"connector\":{\"state\":\"RESTARTING\",\"worker_id\":\"h:1\",\"version\":\"1.0\"},"
        "\"tasks\":[{\"id\":0,\"state\":\"RESTARTING\",\"worker_id\":\"h:1\",\"version\":\"1.0\",\"trace\":\"boom\"}],"
        "\"type\":\"unknown\"}");
    expect_asked(state, "restart here 1 0");
    struct unit_status broken = {.state = UNIT_FAILED, .worker_id = "h:2", .version = "1.0", .trace = "of then"};
    struct task_status task = {.task = 0, .status = broken};
    struct status_view then = {.connector = &broken, .tasks = &task, .task_count = 1};
    fixture->herder.plan = (struct herder_restart_plan){false, TASKS, 1, &then};
    expect(
        state, "POST /connectors/here/restart?includeTasks=true&onlyFailed=true", NULL, 202,
        "{\"name\":\"here\",\"connector\":{\"state\":\"FAILED\",\"worker_id\":\"h:2\",\"version\":\"1.0\",\"trace\":\"of then\"},"
        "\"tasks\":[{\"id\":0,\"state\":\"RESTARTING\",\"worker_id\":\"h:2\",\"version\":\"1.0\",\"trace\":\"of then\"}],"
        "\"type\":\"unknown\"}");
    expect_asked(state, "restart here 1 1");
    expect(state, "POST /connectors/here/restart?includeTasks=yes&onlyFailed", NULL, 204, "");
    expect_asked(state, "restart here 0 0");
}

static void methods_that_a_path_does_not_have_are_405(void **state)
{
    static const char *const ASKED[] = {
        "DELETE /connectors",          "PUT /connectors",
        "POST /connectors/c",          "PATCH /connectors/c",
        "DELETE /connectors/c/config", "GET /connectors/c/restart",
        "POST /connectors/c/pause",    "GET /connectors/c/stop",
        "DELETE /connectors/c/tasks",  "POST /connector-plugins",
        "POST /connectors/c/offsets",  "POST /admin/loggers",
        "GET /connectors/c/topics/reset",
    };
    for (size_t i = 0; i < sizeof(ASKED) / sizeof(ASKED[0]); i++)
        expect(state, ASKED[i], NULL, 405, "{\"error_code\":405,\"message\":\"HTTP 405 Method Not Allowed\"}");
}

/* ---- waiting ---- */

static void a_reply_that_comes_later_answers(void **state)
{
    struct fixture *fixture = *state;
    fixture->herder.holds = true;
    int client = raw_open(fixture->port);
    client_say(client, "PUT /connectors/here/stop HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(eventually(10000, fake_holds_one, &fixture->herder));
    fake_let_go(&fixture->herder, 204);
    assert_int_equal(client_read(client, true)->status, 204);
    close(client);
}

static void a_reply_after_the_server_has_stopped_does_no_harm(void **state)
{
    struct fixture *fixture = *state;
    fixture->herder.holds = true;
    int client = raw_open(fixture->port);
    client_say(client, "PUT /connectors/here/config HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                       "Content-Length: 2\r\n\r\n{}");
    assert_true(eventually(10000, fake_holds_one, &fixture->herder));
    rest_server_stop(fixture->server);
    fixture->server = NULL;
    assert_int_equal(client_read(client, true)->status, 503);
    fake_let_go(&fixture->herder, 200);
    close(client);
}

static void the_cluster_is_shown(void **state)
{
    struct fixture *fixture = *state;
    fixture->herder.has_cluster = true;
    expect(state, "GET /admin/cluster", NULL, 200,
           "{\"answered_by\":{\"url\":\"http://me:1/\",\"boot\":\"b1\",\"is_member\":true},\"leader\":\"http://me:1/\","
           "\"fencing\":null,\"epoch\":0,\"members\":[{\"url\":\"http://me:1/\",\"boot\":\"b1\",\"version\":null,"
           "\"host\":null,\"labels\":null,\"leads\":true,\"introduced\":false,\"drains\":false,\"leaves\":false,"
           "\"unfit\":false,\"gone\":false,\"same_secret\":null,\"offset_topic\":null,\"status_topic\":null,"
           "\"exactly_once\":null}],"
           "\"assignment\":[{\"url\":\"http://me:1/\",\"boot\":\"b1\",\"obeyed\":true,"
           "\"units\":[{\"connector\":\"c\"},{\"connector\":\"c\",\"task\":0}],"
           "\"revoking\":[{\"connector\":\"d\",\"task\":1,\"reason\":\"drain\"}],\"preparing\":[]}],"
           "\"unassigned\":[],\"waiting\":[{\"connector\":\"e\",\"for\":\"http://gone:1/\",\"until_ms\":1700000000000}],"
           "\"last_rebalance\":null}");
}

static void a_standalone_worker_has_no_cluster(void **state)
{
    static const char words[] =
        "{\"error_code\":404,\"message\":\"This worker stands alone: it is no member of a cluster\"}";
    expect(state, "GET /admin/cluster", NULL, 404, words);
    expect(state, "PUT /admin/drain", NULL, 404, words);
    expect(state, "DELETE /admin/drain", NULL, 404, words);
}

static void a_drain_is_asked_for_and_what_is_left_is_shown(void **state)
{
    struct fixture *fixture = *state;
    fixture->herder.has_cluster = true;
    expect(state, "PUT /admin/drain", NULL, 204, "");
    expect_asked(state, "drain 1");
    expect(state, "DELETE /admin/drain", NULL, 204, "");
    expect_asked(state, "drain 0");
    fixture->herder.status = 202;
    expect(state, "PUT /admin/drain", NULL, 202,
           "{\"left\":[{\"connector\":\"c\"},{\"connector\":\"c\",\"task\":0}],"
           "\"revoking\":[{\"connector\":\"d\",\"task\":1,\"reason\":\"drain\"}]}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(root_and_health_answer),
        TEST(what_is_there_is_shown),
        TEST(lists_are_expanded_as_asked),
        TEST(what_is_not_there_is_404),
        TEST(nothing_is_listed_before_the_topics_are_read),
        TEST(what_an_idle_worker_has_said_to_run_is_unassigned),
        TEST(topics_are_listed_and_forgotten),
        TEST(topics_are_403_where_the_worker_does_not_track_them),
        TEST(letters_are_asked_for_as_the_query_says),
        TEST(offsets_are_shown),
        TEST(offsets_are_changed),
        TEST(a_change_of_offsets_can_be_tried_undone_and_made_for_good),
        TEST(a_misspelt_dry_run_is_no_change),
        TEST(offsets_of_another_shape_are_400),
        TEST(loggers_are_set_and_shown),
        TEST(a_level_for_the_cluster_is_asked_of_the_herder),
        TEST(a_level_that_is_none_is_refused),
        cmocka_unit_test_setup_teardown(administrative_listeners_serve_nothing_else, set_up_without_admin, tear_down),
        cmocka_unit_test_setup_teardown(loggers_are_not_there_when_their_listeners_are_elsewhere, set_up_without_admin,
                                        tear_down),
        TEST(some_options_are_changed),
        TEST(a_created_connector_is_shown_and_located),
        TEST(a_changed_connector_shows_its_tasks),
        TEST(a_bad_body_is_400_and_asks_nothing),
        TEST(what_the_herder_refuses_is_passed_on),
        TEST(states_are_asked_for),
        TEST(a_restart_shows_what_restarts),
        TEST(the_cluster_is_shown),
        TEST(a_standalone_worker_has_no_cluster),
        TEST(a_drain_is_asked_for_and_what_is_left_is_shown),
        TEST(methods_that_a_path_does_not_have_are_405),
        TEST(a_reply_that_comes_later_answers),
        TEST(a_reply_after_the_server_has_stopped_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
