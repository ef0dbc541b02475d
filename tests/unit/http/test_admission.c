/* Who is let on before a body is kept, who the caller is, and who hears of the answer. */
#include "http_test.h"

#include "http/server_internal.h"

#define UNDECIDED_CLIENTS 17 /* of HTTP_BODY_MAX each: one more than HTTP_BODIES_UNDECIDED_MAX holds */

/* By the header Door: no, perhaps, or the caller's name. */
static enum http_admission admit(void *context, struct http_exchange *exchange, struct http_response *refusal)
{
    const struct http_request *request = http_exchange_request(exchange);
    const char *door = http_request_header(request, "Door");
    (void)context;
    assert_non_null(request->route);
    assert_string_equal(request->body, "");
    if (door == NULL || strcmp(door, "no") == 0) {
        http_response_set_error(refusal, 401, "no");
        http_response_add_header(refusal, "WWW-Authenticate", "Door");
        return HTTP_REFUSED;
    }
    if (strcmp(door, "perhaps") == 0)
        return HTTP_UNDECIDED;
    http_exchange_set_caller(exchange, strdup("somebody else"), free);
    http_exchange_set_caller(exchange, strdup(door), free);
    return HTTP_ADMITTED;
}

static void *answer_elsewhere(void *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    char text[300];
    snprintf(text, sizeof(text), "%s from %s with %zu", (char *)http_exchange_caller(exchange), request->client_address,
             request->body_length);
    answer_text(exchange, 203, text);
    return NULL;
}

/* Who has a caller is answered by another thread. */
static void dispatch(void *context, struct http_exchange *exchange)
{
    pthread_t thread;
    char why[100];
    if (http_exchange_caller(exchange) == NULL) {
        http_exchange_request(exchange)->route->handler(context, exchange);
        return;
    }
    struct thread_setup setup = {.name = "elsewhere", .run = answer_elsewhere, .argument = exchange};
    assert_true(thread_start(&thread, &setup, why, sizeof(why)));
    pthread_detach(thread);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    *state = fixture;
    if (fixture_start(fixture) != 0)
        return -1;
    fixture->router.admit = admit;
    fixture->router.dispatch = dispatch;
    return 0;
}

static int tear_down(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

static uint64_t held_bytes(struct fixture *fixture)
{
    return atomic_load(&fixture->server->body_bytes);
}

static void who_is_refused_is_told_so_and_has_no_body_kept(void **state)
{
    struct fixture *fixture = *state;
    int client = client_open(fixture);
    client_say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n01234");
    client_say(client, "56789");
    struct reply *reply = client_read(client, true);
    assert_int_equal(reply->status, 401);
    assert_string_equal(reply_header(reply, "WWW-Authenticate"), "Door");
    assert_string_equal(reply->body, "{\"error_code\":401,\"message\":\"no\"}");
    assert_int_equal(held_bytes(fixture), 0);
    client_say(client, "GET /now HTTP/1.1\r\nHost: h\r\nDoor: me\r\n\r\n"); /* the connection is kept */
    assert_int_equal(client_read(client, true)->status, 203);
    close(client);
}

static void who_asks_first_need_not_send_the_body(void **state)
{
    int client = client_open(*state);
    client_say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
                       "Content-Length: 10\r\n\r\n");
    assert_int_equal(client_read(client, true)->status, 401);
    assert_true(client_is_closed(client));
    close(client);
}

static void a_caller_is_known_to_whoever_answers(void **state)
{
    struct reply *reply = ask(*state, "POST /echo HTTP/1.1\r\nHost: h\r\nDoor: alice\r\nContent-Type: application/json\r\n"
                                      "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(reply->status, 203);
    assert_string_equal(reply->body, "alice from 127.0.0.1 with 2");
}

static void unknown_paths_are_404_before_anybody_is_asked(void **state)
{
    struct fixture *fixture = *state;
    int client = client_open(fixture);
    client_say(client, "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n01234");
    client_say(client, "56789");
    assert_int_equal(client_read(client, true)->status, 404);
    close(client);
    assert_int_equal(ask(fixture, "OPTIONS /echo HTTP/1.1\r\nHost: h\r\n\r\n")->status, 200);
    assert_int_equal(ask(fixture, "DELETE /echo HTTP/1.1\r\nHost: h\r\n\r\n")->status, 405);
}

static void the_body_of_a_get_is_not_kept_but_needs_its_type(void **state)
{
    struct reply *reply = ask(*state, "GET /now HTTP/1.1\r\nHost: h\r\nDoor: alice\r\nContent-Type: application/json\r\n"
                                      "Content-Length: 2\r\n\r\n{}");
    assert_string_equal(reply->body, "alice from 127.0.0.1 with 0");
    reply = ask(*state, "GET /now HTTP/1.1\r\nHost: h\r\nDoor: alice\r\nContent-Length: 2\r\n\r\n{}");
    assert_int_equal(reply->status, 415);
}

static bool holds_all_it_may(void *argument)
{
    return held_bytes(argument) == (uint64_t)(UNDECIDED_CLIENTS - 1) * (HTTP_BODY_MAX - 1);
}

/* The answer's status alone: its body is large. */
static int read_status(int client)
{
    char line[13] = "";
    for (size_t length = 0; length < sizeof(line) - 1; length++)
        if (recv(client, line + length, 1, 0) != 1)
            return 0;
    return (int)strtol(line + strlen("HTTP/1.1 "), NULL, 10);
}

/* All but its last byte: it waits. */
static int send_nearly_all(struct fixture *fixture)
{
    static char block[HTTP_BODY_MAX];
    char head[300];
    int client = client_open(fixture);
    memset(block, ' ', sizeof(block));
    snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\nHost: h\r\nDoor: perhaps\r\nContent-Type: application/json\r\n"
             "Content-Length: %u\r\n\r\n", HTTP_BODY_MAX);
    client_say(client, head);
    client_send(client, block, HTTP_BODY_MAX - 1);
    return client;
}

static void strangers_cannot_use_up_the_room_for_bodies(void **state)
{
    struct fixture *fixture = *state;
    int clients[UNDECIDED_CLIENTS];
    for (int i = 0; i < UNDECIDED_CLIENTS - 1; i++)
        clients[i] = send_nearly_all(fixture);
    assert_true(eventually(20000, holds_all_it_may, fixture));
    int last = clients[UNDECIDED_CLIENTS - 1] = send_nearly_all(fixture);
    client_say(last, " ");
    assert_int_equal(read_status(last), 503);
    struct reply *reply = ask(fixture, "POST /echo HTTP/1.1\r\nHost: h\r\nDoor: alice\r\nContent-Type: application/json\r\n"
                                       "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(reply->status, 203);
    for (int i = 0; i < UNDECIDED_CLIENTS; i++)
        close(clients[i]);
}

/* ---- watching ---- */

static _Atomic int watched_count, watched_status;

static void on_answered(void *argument, const struct http_exchange *exchange, int status)
{
    assert_ptr_equal(argument, &watched_count);
    assert_non_null(http_exchange_request(exchange)->route);
    atomic_store(&watched_status, status);
    atomic_fetch_add(&watched_count, 1);
}

static void watch(void *context, struct http_exchange *exchange)
{
    http_exchange_watch(exchange, on_answered, &watched_count);
    http_exchange_request(exchange)->route->handler(context, exchange);
}

static int set_up_watching(void **state)
{
    atomic_store(&watched_count, 0);
    atomic_store(&watched_status, 0);
    if (set_up(state) != 0)
        return -1;
    struct fixture *fixture = *state;
    fixture->router.admit = NULL;
    fixture->router.dispatch = watch;
    return 0;
}

static void a_watcher_is_told_the_status_once(void **state)
{
    assert_int_equal(ask(*state, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n")->status, 200);
    assert_int_equal(atomic_load(&watched_count), 1);
    assert_int_equal(atomic_load(&watched_status), 200);
}

static void a_watcher_that_comes_late_is_told_at_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->router.dispatch = NULL;
    assert_int_equal(ask(fixture, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n")->status, 500);
    assert_int_equal(atomic_load(&watched_count), 0);
    struct http_exchange *exchange = kept_take(fixture);
    http_exchange_watch(exchange, on_answered, &watched_count);
    assert_int_equal(atomic_load(&watched_count), 1);
    assert_int_equal(atomic_load(&watched_status), 500);
    answer_text(exchange, 200, "late");
    assert_int_equal(atomic_load(&watched_count), 1);
}

static bool is_told(void *unused)
{
    (void)unused;
    return atomic_load(&watched_count) > 0;
}

static void a_watcher_is_told_of_the_deadline_and_not_of_the_late_answer(void **state)
{
    assert_int_equal(ask(*state, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n")->status, 500);
    answer_text(kept_take(*state), 200, "late");
    assert_true(eventually(20000, is_told, NULL)); /* by the thread of deadlines, maybe after the client */
    assert_int_equal(atomic_load(&watched_count), 1);
    assert_int_equal(atomic_load(&watched_status), 500);
}

static bool is_kept(void *fixture)
{
    return kept_count(fixture) == 1;
}

static void a_watcher_is_told_when_the_client_has_left(void **state)
{
    int client = client_open(*state);
    client_say(client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(eventually(20000, is_kept, *state));
    close(client);
    answer_text(kept_take(*state), 204, "");
    assert_int_equal(atomic_load(&watched_count), 1);
    assert_int_equal(atomic_load(&watched_status), 204);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define WATCHING(name) cmocka_unit_test_setup_teardown(name, set_up_watching, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_is_refused_is_told_so_and_has_no_body_kept),
        TEST(who_asks_first_need_not_send_the_body),
        TEST(a_caller_is_known_to_whoever_answers),
        TEST(unknown_paths_are_404_before_anybody_is_asked),
        TEST(the_body_of_a_get_is_not_kept_but_needs_its_type),
        TEST(strangers_cannot_use_up_the_room_for_bodies),
        WATCHING(a_watcher_is_told_the_status_once),
        WATCHING(a_watcher_that_comes_late_is_told_at_once),
        WATCHING(a_watcher_is_told_of_the_deadline_and_not_of_the_late_answer),
        WATCHING(a_watcher_is_told_when_the_client_has_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
