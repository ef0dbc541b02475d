/* /livez and /readyz: what they say, on which listeners, and that they wait for nobody. */
#include "routes_test.h"

#include "base/health_board.h"

#define WELL "The worker is a member of its group and ready to handle requests."
#define TURNS "The worker's control thread turns."

static void with_health_listener(struct fixture *fixture, struct health_board *board, struct worker_config *worker,
                                 struct listener_address *address)
{
    *address = (struct listener_address){.host = "127.0.0.1"};
    *worker = (struct worker_config){.listeners = address,
                                     .listener_count = 1,
                                     .health_listeners = address,
                                     .health_listener_count = 1,
                                     .health_stuck_ms = 30000,
                                     .admin_on_listeners = true,
                                     .properties = fixture->properties};
    rest_server_stop(fixture->server);
    fixture->server = rest_server_start(&(struct rest_setup){.herder = &fixture->herder, .worker = worker, .health = board}, NULL);
    assert_non_null(fixture->server);
    fixture->port = rest_server_health_port(fixture->server, 0);
}

static void a_worker_that_stands_well_is_live_and_ready(void **state)
{
    expect(state, "GET /livez", NULL, 200, "{\"status\":\"healthy\",\"message\":\"" TURNS "\",\"reasons\":[],\"warnings\":[]}");
    expect(state, "GET /readyz", NULL, 200, "{\"status\":\"healthy\",\"message\":\"" WELL "\",\"reasons\":[],\"warnings\":[]}");
}

static void each_standing_but_one_is_a_reason_not_to_be_ready_and_none_not_to_live(void **state)
{
    static const struct {
        enum herder_standing standing;
        const char *status, *name;
    } ROWS[] = {{HERDER_STANDS_READING, "starting", "topics"},     {HERDER_STANDS_JOINING, "starting", "membership"},
                {HERDER_STANDS_ALONE, "unhealthy", "membership"},  {HERDER_STANDS_BEHIND, "unhealthy", "topics"},
                {HERDER_STANDS_UNLEASED, "unhealthy", "membership"}, {HERDER_STANDS_LEAVING, "unhealthy", "stopping"}};
    struct fixture *fixture = *state;
    char wanted[100];
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        fixture->herder.pulse.standing = ROWS[i].standing;
        struct reply *reply = ask(state, "GET /readyz", NULL);
        assert_int_equal(reply->status, 503);
        snprintf(wanted, sizeof(wanted), "{\"status\":\"%s\",\"message\":", ROWS[i].status);
        assert_non_null(strstr(reply->body, wanted));
        snprintf(wanted, sizeof(wanted), "\"reasons\":[{\"name\":\"%s\",", ROWS[i].name);
        assert_non_null(strstr(reply->body, wanted));
        assert_int_equal(ask(state, "GET /livez", NULL)->status, 200);
    }
}

static void a_control_thread_that_is_late_is_first_not_ready_and_then_not_live(void **state)
{
    static const struct {
        int64_t late_ms;
        int ready, live;
    } ROWS[] = {{9999, 200, 200}, {10000, 503, 200}, {29999, 503, 200}, {30000, 503, 500}};
    struct fixture *fixture = *state;
    struct worker_config worker;
    struct listener_address address;
    with_health_listener(fixture, NULL, &worker, &address);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        fixture->herder.pulse.late_ms = ROWS[i].late_ms;
        assert_int_equal(ask(state, "GET /readyz", NULL)->status, ROWS[i].ready);
        assert_int_equal(ask(state, "GET /livez", NULL)->status, ROWS[i].live);
    }
    expect(state, "GET /livez", NULL, 500,
           "{\"status\":\"unhealthy\",\"message\":\"The control thread has not turned for 30000 ms.\",\"reasons\":[{\"name\":"
           "\"control_thread\",\"message\":\"The control thread has not turned for 30000 ms.\"}],\"warnings\":[]}");
}

static void what_others_put_on_the_board_is_shown_and_only_the_grave_takes_it_out(void **state)
{
    struct fixture *fixture = *state;
    struct worker_config worker;
    struct listener_address address;
    struct health_board *board = health_board_create();
    with_health_listener(fixture, board, &worker, &address);
    health_board_raise(board, "config_topic_cleanup", HEALTH_WARNING, "topic %s is not compacted", "c");
    expect(state, "GET /readyz", NULL, 200,
           "{\"status\":\"healthy\",\"message\":\"" WELL "\",\"reasons\":[],\"warnings\":[{\"name\":\"config_topic_cleanup\","
           "\"message\":\"topic c is not compacted\"}]}");
    health_board_raise(board, "config_topic_cleanup", HEALTH_NOT_READY, "worse");
    expect(state, "GET /readyz", NULL, 503,
           "{\"status\":\"unhealthy\",\"message\":\"worse\",\"reasons\":[{\"name\":\"config_topic_cleanup\",\"message\":\"worse\"}],"
           "\"warnings\":[]}");
    assert_int_equal(ask(state, "GET /livez", NULL)->status, 200);
    health_board_clear(board, "config_topic_cleanup");
    assert_int_equal(ask(state, "GET /readyz", NULL)->status, 200);
    rest_server_stop(fixture->server);
    fixture->server = NULL;
    health_board_destroy(board);
}

static void listeners_of_probes_serve_nothing_else(void **state)
{
    static const char *const ELSEWHERE[] = {"/", "/connectors", "/metrics", "/admin/loggers", "/whoami", "/openapi.json"};
    struct fixture *fixture = *state;
    struct worker_config worker;
    struct listener_address address;
    char target[64];
    with_health_listener(fixture, NULL, &worker, &address);
    assert_int_equal(ask(state, "GET /health", NULL)->status, 200);
    assert_int_equal(ask(state, "GET /livez", NULL)->status, 200);
    assert_int_equal(ask(state, "GET /readyz", NULL)->status, 200);
    for (size_t i = 0; i < sizeof(ELSEWHERE) / sizeof(ELSEWHERE[0]); i++) {
        snprintf(target, sizeof(target), "GET %s", ELSEWHERE[i]);
        assert_int_equal(ask(state, target, NULL)->status, 404);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_worker_that_stands_well_is_live_and_ready),
        TEST(each_standing_but_one_is_a_reason_not_to_be_ready_and_none_not_to_live),
        TEST(a_control_thread_that_is_late_is_first_not_ready_and_then_not_live),
        TEST(what_others_put_on_the_board_is_shown_and_only_the_grave_takes_it_out),
        TEST(listeners_of_probes_serve_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
