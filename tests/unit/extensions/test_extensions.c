/* Requests on their way through extensions, over a server: /now answers "now" once all filters let it pass, /acme is served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/string_map.h"
#include "config/worker_config.h"
#include "extensions/extensions_internal.h"
#include "http/exchange.h"
#include "http/request.h"
#include "http/response.h"
#include "http/server.h"
#include "loader/host.h"
#include "support/eventually.h"
#include "support/raw_http.h"

#define MOODY "org.acme.MoodyRestExtension"
#define STAMP "org.acme.StampRestExtension"
#define TIMEOUT_MS 300
#define ALL_INSIDE_MS 3000 /* until the pool has replaced its blocked threads often enough */
#define LONG_MS 20000

struct fixture {
    struct loader *loader;
    struct string_map *properties;
    struct extensions *extensions;
    struct http_server *server;
    uint16_t port;
    char refused[100];
    char gate[256]; /* a file; hung calls return when it is gone */
};
static struct fixture it;

/* ---- the cluster ---- */

static const char *cluster_id(const void *owner)
{
    (void)owner;
    return "kafka";
}

static int each_connector(void *owner, mr_rest_connector_fn *visit, void *argument, struct mr_error **error)
{
    (void)owner;
    (void)error;
    visit(argument, "a");
    visit(argument, "b");
    return 0;
}

static int each_unit(void *owner, const char *connector, mr_rest_unit_fn *visit, void *argument, struct mr_error **error)
{
    (void)owner;
    if (strcmp(connector, "a") != 0)
        return mr_error_set(error, MR_ERR_NOT_FOUND, "Connector %s not found", connector);
    visit(argument, &(struct mr_unit_health){sizeof(struct mr_unit_health), -1, "RUNNING", "w:1", NULL});
    visit(argument, &(struct mr_unit_health){sizeof(struct mr_unit_health), 0, "FAILED", "w:1", "boom"});
    return 0;
}

static const struct rest_context_host cluster = {cluster_id, each_connector, each_unit};

static bool prefix_is_taken(const char *prefix)
{
    return strcmp(prefix, "/connectors") == 0;
}

/* ---- the server ---- */

static void passed(void *argument, struct http_exchange *exchange)
{
    struct http_response response;
    (void)argument;
    http_response_init(&response, 200, HTTP_CONTENT_TEXT);
    str_buffer_append_text(&response.body, "now");
    http_exchange_answer(exchange, &response);
}

static void note_refusal(void *argument, struct http_exchange *exchange, int status, const char *class_name)
{
    (void)argument;
    (void)exchange;
    snprintf(it.refused, sizeof(it.refused), "%d by %s", status, class_name);
}

static void handle_now(void *context, struct http_exchange *exchange)
{
    (void)context;
    extensions_filter(it.extensions, exchange, "alice", passed, note_refusal, NULL);
}

static void handle_acme(void *context, struct http_exchange *exchange)
{
    (void)context;
    extensions_serve(it.extensions, exchange, NULL);
}

static const struct http_route ROUTES[] = {
    {.method = HTTP_GET, .pattern = "/now", .handler = handle_now},
    {.method = HTTP_GET, .pattern = "/acme/{*}", .handler = handle_acme},
    {.method = HTTP_POST, .pattern = "/acme/{*}", .handler = handle_acme},
};
static const struct http_router ROUTER = {.routes = ROUTES, .route_count = sizeof(ROUTES) / sizeof(ROUTES[0])};

static struct extensions *create(const char *classes, uint32_t timeout_ms, struct mr_error **error)
{
    const struct worker_config worker = {
        .properties = it.properties, .rest_extensions = classes, .rest_extension_timeout_ms = timeout_ms};
    return extensions_create(&(struct extensions_setup){.loader = it.loader,
                                                        .worker = &worker,
                                                        .cluster = &cluster,
                                                        .prefix_is_taken = prefix_is_taken},
                             error);
}

static void start(const char *classes, uint32_t timeout_ms)
{
    struct mr_error *error = NULL;
    char why[200];
    it.extensions = create(classes, timeout_ms, &error);
    if (it.extensions == NULL)
        fail_msg("%s", mr_error_message(error));
    it.server = http_server_start(
        &(struct http_server_setup){.listeners = &(struct http_listener){.host = "127.0.0.1"}, .listener_count = 1, .router = &ROUTER},
        why, sizeof(why));
    assert_non_null(it.server);
    it.port = http_server_port(it.server, 0);
}

static int set_up(void **state)
{
    (void)state;
    memset(&it, 0, sizeof(it));
    it.loader = loader_create(&(struct loader_setup){.plugin_path = MR_TEST_PLUGINS "/rest_extensions.so", .host = loader_host()}, NULL);
    it.properties = string_map_create();
    assert_non_null(it.loader);
    assert_true(string_map_put(it.properties, "acme.greeting", "good day"));
    snprintf(it.gate, sizeof(it.gate), "%s/millrace-gate-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    int file = mkstemp(it.gate);
    assert_true(file >= 0);
    close(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(it.gate);
    http_server_stop(it.server);
    if (it.extensions != NULL)
        assert_true(extensions_stop(it.extensions, clock_monotonic_ms(NULL) + LONG_MS));
    extensions_destroy(it.extensions);
    string_map_destroy(it.properties);
    loader_destroy(it.loader);
    return 0;
}

static struct reply *ask(const char *target)
{
    static char request[600];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: h\r\nX-Asked: yes\r\n\r\n", target);
    return raw_ask(it.port, request);
}

/* ---- tests ---- */

static void without_extensions_all_pass(void **state)
{
    (void)state;
    start("", TIMEOUT_MS);
    assert_false(extensions_have_filters(it.extensions));
    assert_null(extensions_prefix(it.extensions, 0));
    assert_string_equal(ask("/now")->body, "now");
    assert_int_equal(ask("/acme")->status, 404);
}

static void a_filter_lets_pass_or_answers(void **state)
{
    (void)state;
    start(MOODY " , " STAMP, LONG_MS);
    assert_true(extensions_have_filters(it.extensions));
    struct reply *reply = ask("/now");
    assert_int_equal(reply->status, 200);
    assert_string_equal(reply->body, "now");
    assert_string_equal(reply_header(reply, "X-Stamp"), "GET");
    reply = ask("/now?filter=refuse");
    assert_int_equal(reply->status, 403);
    assert_string_equal(reply->body, "{\"refused\":true}");
    assert_string_equal(reply_header(reply, "Content-Type"), "application/json");
    assert_string_equal(it.refused, "403 by " MOODY);
    assert_null(reply_header(reply, "X-Stamp")); /* the next one was not asked */
}

static void an_extension_serves_its_paths(void **state)
{
    (void)state;
    start(MOODY, LONG_MS);
    assert_string_equal(extensions_prefix(it.extensions, 0), "/acme");
    assert_null(extensions_prefix(it.extensions, 1));
    assert_string_equal(ask("/acme/a%2fb;x=1/?of=a")->body,
                        "{\"says\":\"good day\",\"method\":\"GET\",\"path\":\"/acme/a%2Fb\",\"second\":\"a/b\",\"asked\":\"yes\","
                        "\"body\":0,\"caller\":\"\",\"from\":\"127.0.0.1\",\"cluster\":\"kafka\",\"connectors\":2,"
                        "\"states\":\"-1:RUNNING 0:FAILED \"}");
    struct reply *reply = raw_ask(it.port, "POST /acme HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                                           "Content-Length: 7\r\n\r\n{\"a\":1}");
    assert_non_null(strstr(reply->body, "\"method\":\"POST\",\"path\":\"/acme\",\"second\":\"\",\"asked\":\"\",\"body\":7"));
    reply = ask("/acme?serve=empty");
    assert_int_equal(reply->status, 204);
    assert_null(reply_header(reply, "Content-Type"));
}

static void a_filter_that_fails_refuses(void **state)
{
    static const char *const moods[] = {"fail", "mutter", "status", "json", "blank", "header", "split", "null", "many", "large"};
    (void)state;
    start(MOODY, LONG_MS);
    for (size_t i = 0; i < sizeof(moods) / sizeof(moods[0]); i++) {
        char target[80];
        snprintf(target, sizeof(target), "/now?filter=%s", moods[i]);
        struct reply *reply = ask(target);
        assert_int_equal(reply->status, 500);
        assert_string_equal(reply->body, "{\"error_code\":500,\"message\":\"REST extension " MOODY " failed\"}");
        assert_null(reply_header(reply, "X-A"));
    }
    assert_int_equal(ask("/now")->status, 200);
}

static void what_a_served_path_answers_can_be_sent(void **state)
{
    static const char *const moods[] = {"mute", "mutter", "status", "json", "blank", "header", "split", "null", "many", "large"};
    (void)state;
    start(MOODY, LONG_MS);
    for (size_t i = 0; i < sizeof(moods) / sizeof(moods[0]); i++) {
        char target[80];
        snprintf(target, sizeof(target), "/acme?serve=%s", moods[i]);
        assert_int_equal(ask(target)->status, 500);
    }
    struct reply *reply = ask("/acme?serve=fail");
    assert_int_equal(reply->status, 404);
    assert_string_equal(reply->body, "{\"error_code\":404,\"message\":\"there is no such thing\"}");
    assert_int_equal(ask("/acme?of=nobody")->status, 404);
}

static bool nobody_is_inside(void *argument)
{
    (void)argument;
    return atomic_load(&it.extensions->list[0].inside) == 0;
}

static void a_call_that_hangs_costs_its_request(void **state)
{
    char target[400];
    (void)state;
    start(MOODY, TIMEOUT_MS);
    snprintf(target, sizeof(target), "/now?filter=hang&while=%s", it.gate);
    struct reply *reply = ask(target);
    assert_int_equal(reply->status, 503);
    assert_string_equal(reply->body, "{\"error_code\":503,\"message\":\"REST extension " MOODY " did not answer in time\"}");
    snprintf(target, sizeof(target), "/acme?serve=hang&while=%s", it.gate);
    assert_int_equal(ask(target)->status, 503);
    assert_int_equal(atomic_load(&it.extensions->list[0].inside), 2);
    assert_string_equal(ask("/now")->body, "now"); /* others are looked at meanwhile */
    unlink(it.gate);
    assert_true(eventually(LONG_MS, nobody_is_inside, NULL));
}

static void so_many_may_hang_and_no_more(void **state)
{
    static int clients[MR_REST_CALLS_MAX];
    char request[500];
    (void)state;
    start(MOODY, ALL_INSIDE_MS);
    snprintf(request, sizeof(request), "GET /now?filter=hang&while=%s HTTP/1.1\r\nHost: h\r\n\r\n", it.gate);
    for (size_t i = 0; i < MR_REST_CALLS_MAX; i++) {
        clients[i] = raw_open(it.port);
        assert_true(client_say(clients[i], request));
    }
    for (size_t i = 0; i < MR_REST_CALLS_MAX; i++) {
        assert_int_equal(client_read(clients[i], true)->status, 503);
        close(clients[i]);
    }
    assert_non_null(strstr(ask("/now")->body, "is busy with other requests"));
    unlink(it.gate);
    assert_true(eventually(LONG_MS, nobody_is_inside, NULL));
    assert_string_equal(ask("/now")->body, "now");
}

static void a_stop_waits_for_who_is_inside(void **state)
{
    char request[500];
    (void)state;
    start(MOODY, LONG_MS);
    int client = raw_open(it.port);
    snprintf(request, sizeof(request), "GET /now?filter=hang&while=%s HTTP/1.1\r\nHost: h\r\n\r\n", it.gate);
    client_say(client, request);
    while (nobody_is_inside(NULL))
        usleep(1000);
    assert_false(extensions_stop(it.extensions, clock_monotonic_ms(NULL) + 20));
    unlink(it.gate);
    assert_true(extensions_stop(it.extensions, clock_monotonic_ms(NULL) + LONG_MS));
    assert_int_equal(client_read(client, true)->status, 503); /* it passed, but nothing is behind the filter any more */
    close(client);
    assert_int_equal(ask("/now")->status, 503);
}

static void refused(const char *classes, const char *words)
{
    struct mr_error *error = NULL;
    assert_null(create(classes, TIMEOUT_MS, &error));
    if (strstr(mr_error_message(error), words) == NULL)
        fail_msg("%s", mr_error_message(error));
    mr_error_drop(error);
}

static void what_cannot_be_honoured_is_refused_at_the_start(void **state)
{
    (void)state;
    refused("org.acme.NoRestExtension", "rest.extension.classes: org.acme.NoRestExtension is not there");
    refused("org.acme.UnwillingRestExtension", "org.acme.UnwillingRestExtension did not start");
    refused("org.acme.GreedyRestExtension", "wants to serve /connectors, which is the worker's own");
    refused(MOODY ",org.acme.TwinRestExtension", "both want to serve /acme");
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(without_extensions_all_pass),
        EACH(a_filter_lets_pass_or_answers),
        EACH(an_extension_serves_its_paths),
        EACH(a_filter_that_fails_refuses),
        EACH(what_a_served_path_answers_can_be_sent),
        EACH(a_call_that_hangs_costs_its_request),
        EACH(so_many_may_hang_and_no_more),
        EACH(a_stop_waits_for_who_is_inside),
        EACH(what_cannot_be_honoured_is_refused_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
