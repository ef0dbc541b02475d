/* GET /metrics: which format is answered, and when there is nothing to answer. */
#include "fake_herder.h"

#include "metrics/registry.h"
#include "routes/rest_server.h"
#include "support/raw_http.h"

struct fixture {
    struct herder herder;
    struct metrics_registry *metrics;
    struct rest_server *server;
    uint16_t port;
};

static int set_up_counting(void **state, bool counts)
{
    static struct fixture fixture;
    struct listener_address address = {.host = "127.0.0.1", .port = 0};
    struct worker_config worker = {.listeners = &address, .listener_count = 1};

    memset(&fixture, 0, sizeof(fixture));
    if (counts)
        fixture.metrics = metrics_registry_create(
            &(struct metrics_registry_setup){.version = "0", .librdkafka_version = "0"});
    fixture.server = rest_server_start(
        &(struct rest_setup){.herder = &fixture.herder, .worker = &worker, .metrics = fixture.metrics}, NULL);
    assert_non_null(fixture.server);
    fixture.port = rest_server_port(fixture.server, 0);
    *state = &fixture;
    return 0;
}

static int set_up(void **state)
{
    return set_up_counting(state, true);
}

static int set_up_without(void **state)
{
    return set_up_counting(state, false);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    rest_server_stop(fixture->server);
    metrics_registry_destroy(fixture->metrics);
    return 0;
}

static struct reply *ask(void **state, const char *method, const char *accept)
{
    static char request[500];
    const struct fixture *fixture = *state;

    snprintf(request, sizeof(request), "%s /metrics HTTP/1.1\r\nHost: h\r\n%s%s%s\r\n", method,
             accept == NULL ? "" : "Accept: ", accept == NULL ? "" : accept, accept == NULL ? "" : "\r\n");
    return raw_ask(fixture->port, request);
}

static void expect_type(void **state, const char *accept, const char *type, bool is_ended)
{
    const struct reply *reply = ask(state, "GET", accept);

    assert_int_equal(reply->status, 200);
    assert_string_equal(reply_header(reply, "Content-Type"), type);
    assert_non_null(strstr(reply->body, "\nkafka_connect_worker_connector_count 0\n"));
    assert_int_equal(strstr(reply->body, "# EOF\n") != NULL, is_ended);
}

static void the_format_is_the_one_that_was_asked_for(void **state)
{
    static const char text[] = "text/plain; version=0.0.4; charset=utf-8",
                      openmetrics[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    expect_type(state, NULL, text, false);
    expect_type(state, "*/*", text, false);
    expect_type(state, "text/plain", text, false);
    expect_type(state, "application/json", text, false);
    expect_type(state, "application/openmetrics-text;version=1.0.0,*/*;q=0.1", openmetrics, true);
}

static void other_methods_are_refused(void **state)
{
    assert_int_equal(ask(state, "DELETE", NULL)->status, 405);
}

static void without_a_registry_there_is_nothing(void **state)
{
    assert_int_equal(ask(state, "GET", NULL)->status, 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_format_is_the_one_that_was_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_methods_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_registry_there_is_nothing, set_up_without, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
