#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "forwarding/client.h"
#include "http/exchange.h"
#include "http/response.h"
#include "http/server.h"
#include "support/alloc_torture.h"
#include "support/eventually.h"

#define WAIT_MS 20000
#define HELD_MAX 400

/* ---- a server that echoes, counts its connections' askers, or keeps silent ---- */

struct fixture {
    struct http_router router;
    struct http_server *server;
    struct string_map *properties;
    struct client *client;
    pthread_mutex_t lock;
    struct http_exchange *held[HELD_MAX]; /* of /never */
    size_t held_count;
};

static void handle_echo(void *context, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    const char *header = http_request_header(request, "X-Test");
    struct http_response response;
    (void)context;
    http_response_init(&response, 202, HTTP_CONTENT_JSON);
    str_buffer_printf(&response.body, "%s %s ", http_method_name(request->method), header == NULL ? "-" : header);
    str_buffer_append(&response.body, request->body, request->body_length);
    http_response_add_header(&response, "X-Answer", "forty-two");
    http_exchange_answer(exchange, &response);
}

static void handle_never(void *context, struct http_exchange *exchange)
{
    struct fixture *fixture = context;
    mutex_lock(&fixture->lock);
    assert_true(fixture->held_count < HELD_MAX);
    fixture->held[fixture->held_count++] = exchange;
    mutex_unlock(&fixture->lock);
}

static const struct http_route ROUTES[] = {
    {.method = HTTP_GET, .pattern = "/echo", .handler = handle_echo},
    {.method = HTTP_PUT, .pattern = "/echo", .handler = handle_echo},
    {.method = HTTP_POST, .pattern = "/echo", .handler = handle_echo},
    {.method = HTTP_DELETE, .pattern = "/echo", .handler = handle_echo},
    {.method = HTTP_PUT, .pattern = "/never", .handler = handle_never},
};

static int set_up(void **state)
{
    static struct fixture fixture;
    char why[300];
    memset(&fixture, 0, sizeof(fixture));
    mutex_init(&fixture.lock);
    fixture.properties = string_map_create();
    fixture.router = (struct http_router){
        .routes = ROUTES, .route_count = sizeof(ROUTES) / sizeof(ROUTES[0]), .context = &fixture};
    fixture.server = http_server_start(
        &(struct http_server_setup){
            .listeners = &(struct http_listener){.host = "127.0.0.1"}, .listener_count = 1, .router = &fixture.router},
        why, sizeof(why));
    assert_non_null(fixture.server);
    fixture.client = client_start(fixture.properties, NULL);
    assert_non_null(fixture.client);
    *state = &fixture;
    return 0;
}

static void stop_client(struct fixture *fixture)
{
    client_stop(fixture->client);
    fixture->client = NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    stop_client(fixture);
    http_server_stop(fixture->server);
    for (size_t i = 0; i < fixture->held_count; i++) {
        struct http_response response;
        http_response_init(&response, 500, HTTP_CONTENT_NONE);
        http_exchange_answer(fixture->held[i], &response);
    }
    string_map_destroy(fixture->properties);
    mutex_destroy(&fixture->lock);
    return 0;
}

/* ---- asking ---- */

struct told {
    pthread_mutex_t lock;
    int times, status;
    bool is_unreachable;
    char body[500], why[300], header[100];
    int asked_ready, ready_from; /* is_ready says yes from that question on */
};

static void on_done(void *argument, const struct client_answer *answer)
{
    struct told *told = argument;
    const char *header = client_answer_header(answer, "x-answer");
    mutex_lock(&told->lock);
    told->times++;
    told->status = answer->status;
    told->is_unreachable = answer->is_unreachable;
    snprintf(told->body, sizeof(told->body), "%.*s", (int)answer->body_length, answer->body);
    snprintf(told->why, sizeof(told->why), "%s", answer->why);
    snprintf(told->header, sizeof(told->header), "%s", header == NULL ? "-" : header);
    mutex_unlock(&told->lock);
}

static bool is_ready_later(void *argument, const struct client_answer *answer)
{
    struct told *told = argument;
    assert_int_equal(answer->status, 202);
    return ++told->asked_ready >= told->ready_from;
}

static bool is_told(void *argument)
{
    struct told *told = argument;
    mutex_lock(&told->lock);
    bool is = told->times > 0;
    mutex_unlock(&told->lock);
    return is;
}

static const char *url_of(struct fixture *fixture, const char *path)
{
    static char url[200];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port(fixture->server, 0), path);
    return url;
}

static void told_init(struct told *told)
{
    *told = (struct told){.times = 0};
    mutex_init(&told->lock);
}

static struct client_request request_to(const char *method, const char *url, struct told *told)
{
    return (struct client_request){.method = method,
                                   .url = url,
                                   .deadline_ms = clock_monotonic_ms(NULL) + WAIT_MS,
                                   .done = on_done,
                                   .argument = told};
}

static void send_and_wait(struct fixture *fixture, const struct client_request *request, struct told *told)
{
    const char *why = "";
    if (!client_send(fixture->client, request, &why))
        fail_msg("refused: %s", why);
    assert_true(eventually(WAIT_MS, is_told, told));
    assert_int_equal(told->times, 1);
}

/* ---- what it does ---- */

static void every_method_carries_its_body_and_headers(void **state)
{
    static const struct {
        const char *method, *body, *answer;
    } CASES[] = {{"PUT", "{\"a\":1}", "PUT me {\"a\":1}"},
                 {"POST", "[]", "POST me []"},
                 {"PUT", NULL, "PUT me "},
                 {"POST", NULL, "POST me "},
                 {"DELETE", NULL, "DELETE me "},
                 {"GET", NULL, "GET me "}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct told told;
        told_init(&told);
        struct client_header headers[] = {{"X-Test", "me"}, {"X-None", NULL}};
        struct client_request request = request_to(CASES[i].method, url_of(fixture, "/echo"), &told);
        request.body = CASES[i].body;
        request.body_length = CASES[i].body == NULL ? 0 : strlen(CASES[i].body);
        request.headers = headers;
        request.header_count = 2;
        send_and_wait(fixture, &request, &told);
        assert_int_equal(told.status, 202);
        assert_string_equal(told.body, CASES[i].answer);
        assert_string_equal(told.header, "forty-two");
        assert_string_equal(told.why, "");
    }
}

static void a_large_body_is_sent_whole(void **state)
{
    struct fixture *fixture = *state;
    size_t length = 1000000;
    char *body = malloc(length);
    struct told told;
    told_init(&told);
    memset(body, 'x', length);
    struct client_request request = request_to("PUT", url_of(fixture, "/echo"), &told);
    request.body = body;
    request.body_length = length;
    send_and_wait(fixture, &request, &told);
    assert_int_equal(told.status, 202);
    free(body);
}

static void a_header_with_a_line_end_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *why;
    struct told told;
    told_init(&told);
    struct client_header header = {"X-Test", "a\r\nX-Other: b"};
    struct client_request request = request_to("PUT", url_of(fixture, "/echo"), &told);
    request.headers = &header;
    request.header_count = 1;
    assert_false(client_send(fixture->client, &request, &why));
    assert_int_equal(told.times, 0);
}

static void who_is_not_there_is_told_as_no_answer(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    told_init(&told);
    struct client_request request = request_to("PUT", "http://127.0.0.1:1/echo", &told);
    send_and_wait(fixture, &request, &told);
    assert_int_equal(told.status, 0);
    assert_true(told.is_unreachable);
    assert_true(strlen(told.why) > 0);
}

/* A server of one connection: answers the first request, reads the second, and is gone. */
static void *answer_one_and_end(void *argument)
{
    static const char ANSWER[] = "HTTP/1.1 204 No Content\r\n\r\n";
    int listener = *(int *)argument, connection = accept(listener, NULL, NULL);
    char bytes[2000];
    assert_true(recv(connection, bytes, sizeof(bytes), 0) > 0);
    assert_int_equal(send(connection, ANSWER, sizeof(ANSWER) - 1, 0), sizeof(ANSWER) - 1);
    assert_true(recv(connection, bytes, sizeof(bytes), 0) > 0);
    close(listener);
    close(connection);
    return NULL;
}

static void what_went_over_an_old_connection_may_have_been_heard_though_there_is_no_new_one(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct told first, second;
    pthread_t thread;
    char url[60];
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&thread, NULL, answer_one_and_end, &listener), 0);
    told_init(&first);
    told_init(&second);
    struct client_request request = request_to("PUT", url, &first);
    send_and_wait(*state, &request, &first);
    assert_int_equal(first.status, 204);
    request.argument = &second;
    send_and_wait(*state, &request, &second);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(second.status, 0);
    assert_false(second.is_unreachable);
    assert_non_null(strstr(second.why, "connect")); /* curl has tried once more */
}

static void silence_ends_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    told_init(&told);
    struct client_request request = request_to("PUT", url_of(fixture, "/never"), &told);
    int64_t began_ms = clock_monotonic_ms(NULL);
    request.deadline_ms = began_ms + 60;
    send_and_wait(fixture, &request, &told);
    assert_int_equal(told.status, 0);
    assert_string_equal(told.why, "no answer in time");
    assert_false(told.is_unreachable);
    assert_true(clock_monotonic_ms(NULL) - began_ms >= 60);
}

static void those_that_wait_for_a_connection_have_a_deadline_too(void **state)
{
    struct fixture *fixture = *state;
    static struct told told[CLIENT_HOST_CONNECTIONS_MAX + 10];
    const char *why;
    int64_t deadline_ms = clock_monotonic_ms(NULL) + 400;
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        told_init(&told[i]);
        struct client_request request = request_to("PUT", url_of(fixture, "/never"), &told[i]);
        request.deadline_ms = deadline_ms;
        assert_true(client_send(fixture->client, &request, &why));
    }
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        assert_true(eventually(WAIT_MS, is_told, &told[i]));
        assert_int_equal(told[i].status, 0);
    }
    mutex_lock(&fixture->lock);
    size_t held_count = fixture->held_count;
    mutex_unlock(&fixture->lock);
    assert_true(held_count <= CLIENT_HOST_CONNECTIONS_MAX);
}

static void an_answer_waits_until_it_may_be_told(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    told_init(&told);
    told.ready_from = 4;
    struct client_request request = request_to("PUT", url_of(fixture, "/echo"), &told);
    request.is_ready = is_ready_later;
    send_and_wait(fixture, &request, &told);
    assert_int_equal(told.asked_ready, 4);
    assert_int_equal(told.status, 202);
}

static void an_answer_that_never_may_is_told_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    told_init(&told);
    told.ready_from = INT32_MAX;
    struct client_request request = request_to("PUT", url_of(fixture, "/echo"), &told);
    request.is_ready = is_ready_later;
    request.deadline_ms = clock_monotonic_ms(NULL) + 500;
    send_and_wait(fixture, &request, &told);
    assert_int_equal(told.status, 202);
}

static void a_stop_tells_everyone(void **state)
{
    struct fixture *fixture = *state;
    struct told silent, unready;
    const char *why;
    told_init(&silent);
    told_init(&unready);
    unready.ready_from = INT32_MAX;
    struct client_request first = request_to("PUT", url_of(fixture, "/never"), &silent);
    assert_true(client_send(fixture->client, &first, &why));
    struct client_request second = request_to("PUT", url_of(fixture, "/echo"), &unready);
    second.is_ready = is_ready_later;
    assert_true(client_send(fixture->client, &second, &why));
    stop_client(fixture);
    assert_int_equal(silent.times, 1);
    assert_int_equal(silent.status, 0);
    assert_string_equal(silent.why, "the worker is shutting down");
    assert_int_equal(unready.times, 1);
}

static void more_than_the_limit_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static struct told told[CLIENT_REQUESTS_MAX + 1];
    const char *why = "";
    for (size_t i = 0; i < CLIENT_REQUESTS_MAX; i++) {
        told_init(&told[i]);
        struct client_request request = request_to("PUT", url_of(fixture, "/never"), &told[i]);
        assert_true(client_send(fixture->client, &request, &why));
    }
    struct client_request request = request_to("PUT", url_of(fixture, "/echo"), &told[CLIENT_REQUESTS_MAX]);
    assert_false(client_send(fixture->client, &request, &why));
    assert_string_equal(why, "too many requests to other workers are under way");
    stop_client(fixture);
    for (size_t i = 0; i < CLIENT_REQUESTS_MAX; i++)
        assert_int_equal(told[i].times, 1);
}

static void a_store_that_cannot_be_read_sends_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct told told;
    const char *why = "";
    told_init(&told);
    string_map_put(fixture->properties, "ssl.truststore.location", "/somewhere/trust.jks");
    struct client_request request = request_to("PUT", "https://127.0.0.1:1/echo", &told);
    assert_false(client_send(fixture->client, &request, &why));
    assert_non_null(strstr(why, "ssl.* properties cannot be honoured"));
}

/* ---- when memory runs out ---- */

static bool ask_once(void *argument)
{
    struct fixture *fixture = argument;
    struct mr_error *error = NULL;
    struct told told;
    const char *why;
    told_init(&told);
    struct client *client = client_start(fixture->properties, &error);
    mr_error_drop(error);
    if (client == NULL)
        return false;
    struct client_request request = request_to("PUT", "http://127.0.0.1:1/", &told);
    bool sent = client_send(client, &request, &why);
    if (sent)
        assert_true(eventually(WAIT_MS, is_told, &told));
    client_stop(client);
    assert_int_equal(told.times, sent);
    return sent;
}

static void nothing_is_lost_when_memory_runs_out(void **state)
{
    struct fixture *fixture = *state;
    stop_client(fixture);
    http_server_stop(fixture->server); /* the watch is to see the threads of one client alone */
    fixture->server = NULL;
    ask_once(fixture);
    alloc_torture(ask_once, fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_method_carries_its_body_and_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_body_is_sent_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_header_with_a_line_end_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_not_there_is_told_as_no_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_went_over_an_old_connection_may_have_been_heard_though_there_is_no_new_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_ends_at_the_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_that_wait_for_a_connection_have_a_deadline_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_waits_until_it_may_be_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_never_may_is_told_at_the_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_tells_everyone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_the_limit_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_cannot_be_read_sends_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_lost_when_memory_runs_out, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
