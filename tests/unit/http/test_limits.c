#include "http_test.h"

#include <time.h>

#include "http/server_internal.h"

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->setup.idle_ms = 1000;
    fixture->setup.transfer_ms = 1500;
    *state = fixture;
    return fixture_start(fixture);
}

static int tear_down(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

/* A hundred megabytes may take their time on a busy machine. */
static int patient_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->setup.idle_ms = 60000;
    fixture->setup.transfer_ms = 60000;
    *state = fixture;
    return fixture_start(fixture);
}

static void say_post_to(int client, const char *path, size_t length, const char *more)
{
    char head[200];
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
             path, length, more);
    assert_true(client_say(client, head));
}

static void say_post(int client, size_t length, const char *more)
{
    say_post_to(client, "/echo", length, more);
}

static bool send_many(int client, size_t length)
{
    static char block[65536];
    memset(block, ' ', sizeof(block));
    for (size_t sent = 0; sent < length; sent += sizeof(block))
        if (!client_send(client, block, length - sent < sizeof(block) ? length - sent : sizeof(block)))
            return false;
    return true;
}

static void a_body_of_100_mb_is_refused_in_bounded_memory_and_the_connection_kept(void **state)
{
    int client = client_open(*state);
    say_post(client, 100u << 20, "");
    assert_true(send_many(client, 100u << 20));
    struct reply *reply = client_read(client, true);
    assert_int_equal(reply->status, 413);
    assert_string_equal(reply->body, "{\"error_code\":413,\"message\":\"The request body is larger than 1 MiB\"}");
    client_say(client, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(client_read(client, true)->status, 200);
    close(client);
}

static void a_body_of_the_limit_is_read(void **state)
{
    int client = client_open(*state);
    say_post(client, HTTP_BODY_MAX, "Accept: text/plain\r\n"); /* refused after it was read: a small answer */
    assert_true(send_many(client, HTTP_BODY_MAX));
    assert_int_equal(client_read(client, true)->status, 406);
    say_post(client, HTTP_BODY_MAX + 1, "");
    assert_true(send_many(client, HTTP_BODY_MAX + 1));
    assert_int_equal(client_read(client, true)->status, 413);
    close(client);
}

static void a_route_may_take_larger_bodies(void **state)
{
    int client = client_open(*state);
    say_post_to(client, "/large", LARGE_MAX, "Accept: text/plain\r\n");
    assert_true(send_many(client, LARGE_MAX));
    assert_int_equal(client_read(client, true)->status, 406);
    say_post_to(client, "/large", LARGE_MAX + 1, "");
    assert_true(send_many(client, LARGE_MAX + 1));
    struct reply *reply = client_read(client, true);
    assert_int_equal(reply->status, 413);
    assert_string_equal(reply->body, "{\"error_code\":413,\"message\":\"The request body is larger than 3 MiB\"}");
    close(client);
}

static void a_client_that_asks_first_need_not_send_a_large_body(void **state)
{
    int client = client_open(*state);
    say_post(client, 100u << 20, "Expect: 100-continue\r\n");
    assert_int_equal(client_read(client, true)->status, 413);
    close(client);
    client = client_open(*state);
    say_post(client, 2, "Expect: 100-continue\r\n");
    assert_int_equal(client_read(client, true)->status, 100);
    client_say(client, "{}");
    assert_int_equal(client_read(client, true)->status, 200);
    close(client);
}

static void a_body_beyond_all_measure_is_refused_at_once(void **state)
{
    int client = client_open(*state);
    say_post(client, (size_t)HTTP_DRAIN_MAX + 1, "");
    assert_int_equal(client_read(client, true)->status, 413);
    assert_true(client_is_closed(client));
    close(client);
}

/* A request with one long part. */
static int status_with(struct fixture *fixture, const char *before, size_t length, const char *after)
{
    size_t size = strlen(before) + length + strlen(after);
    char *text = malloc(size + 1);
    memset(text, 'a', size);
    memcpy(text, before, strlen(before));
    memcpy(text + size - strlen(after), after, strlen(after));
    text[size] = '\0';
    int status = ask(fixture, text)->status;
    free(text);
    return status;
}

static void a_long_request_line_gets_414(void **state)
{
    assert_int_equal(status_with(*state, "GET /now?", 7000, " HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
    assert_int_equal(status_with(*state, "GET /now?", 9000, " HTTP/1.1\r\nHost: h\r\n\r\n"), 414);
    assert_int_equal(status_with(*state, "GET /now?", 200000, " HTTP/1.1\r\nHost: h\r\n\r\n"), 414);
}

static void large_headers_get_431(void **state)
{
    assert_int_equal(status_with(*state, "GET /now HTTP/1.1\r\nHost: h\r\nX: ", 7000, "\r\n\r\n"), 200);
    assert_int_equal(status_with(*state, "GET /now HTTP/1.1\r\nHost: h\r\nX: ", 9000, "\r\n\r\n"), 431);
    assert_int_equal(status_with(*state, "GET /now HTTP/1.1\r\nHost: h\r\nX: ", 200000, "\r\n\r\n"), 431);
}

/* A token with many groups, beside other headers of the limit and a long request line. */
static int status_of_login(struct fixture *fixture, const char *more, size_t length)
{
    static char before[20000];
    size_t at = (size_t)sprintf(before, "GET /now?%07000d HTTP/1.1\r\nHost: h\r\n", 0);
    for (int i = 0; i < 40; i++)
        at += (size_t)sprintf(before + at, "X-%d: %0160d\r\n", i, 0);
    sprintf(before + at, "%sAuthorization: ", more);
    return status_with(fixture, before, length, "\r\n\r\n");
}

static void one_authorization_may_be_as_long_as_a_token(void **state)
{
    static char other[8200];
    assert_int_equal(status_of_login(*state, "", HTTP_AUTHORIZATION_MAX), 200);
    assert_int_equal(status_of_login(*state, "", HTTP_AUTHORIZATION_MAX + 1), 431);
    assert_int_equal(status_of_login(*state, "", 100000), 431);
    sprintf(other, "Authorization: %04000d\r\n", 0);
    assert_int_equal(status_of_login(*state, other, 4000), 431); /* the second counts as the others do */
}

static void many_headers_get_431(void **state)
{
    char text[8000] = "GET /now HTTP/1.1\r\nHost: h\r\n";
    size_t length = strlen(text);
    for (int i = 0; i < HTTP_HEADER_COUNT_MAX; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "X-%d: y\r\n", i);
    snprintf(text + length, sizeof(text) - length, "\r\n");
    assert_int_equal(ask(*state, text)->status, 431);
}

static void a_silent_client_is_closed(void **state)
{
    int client = client_open(*state);
    client_say(client, "GET /now HT");
    while (!client_is_closed(client))
        ;
    close(client);
}

/* Bytes arrive all the time, so it is never idle; the request as a whole takes too long. */
static void a_client_that_trickles_is_closed(void **state)
{
    int client = client_open(*state);
    int64_t start_ms = eventually_now_ms();
    client_say(client, "GET /now HTTP/1.1\r\nHost: h\r\nX: ");
    struct timeval short_wait = {.tv_usec = 50000};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &short_wait, sizeof(short_wait));
    char byte;
    do {
        assert_true(eventually_now_ms() - start_ms < 20000);
        client_say(client, "a");
    } while (recv(client, &byte, 1, 0) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
    close(client);
}

static bool one_is_kept(void *fixture)
{
    return kept_count(fixture) == 1;
}

/* Waiting for an answer counts neither as idle nor as a transfer. */
static void a_waiting_exchange_outlives_the_idle_limit(void **state)
{
    struct fixture *fixture = *state;
    int client = client_open(fixture);
    client_say(client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(eventually(10000, one_is_kept, fixture));
    int silent = client_open(fixture); /* opened later, closed for silence: by then the limit has passed for both */
    while (!client_is_closed(silent))
        ;
    close(silent);
    answer_text(kept_take(fixture), 200, "still here");
    assert_string_equal(client_read(client, true)->body, "still here");
    close(client);
}

/* Those beyond the limit wait in the backlog until silent ones are closed. */
static void more_clients_than_the_limit_are_served_in_turn(void **state)
{
    enum { CLIENTS = HTTP_CONNECTIONS_MAX + 10 };
    static int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_open(*state);
        assert_true(clients[i] >= 0);
    }
    int last = clients[CLIENTS - 1];
    client_say(last, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(client_read(last, true)->status, 200);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
}

static bool no_client_is_left(void *argument)
{
    struct fixture *fixture = argument;
    mutex_lock(&fixture->server->lock);
    bool is_quiet = fixture->server->connections == NULL;
    mutex_unlock(&fixture->server->lock);
    return is_quiet;
}

static bool nothing_is_held(void *argument)
{
    (void)argument;
    return mem_live() == 0;
}

static int ask_with_memory_for(struct fixture *fixture, int64_t allocations, bool *had_enough)
{
    assert_true(eventually(20000, no_client_is_left, fixture));
    mem_watch_start(allocations);
    int client = client_open(fixture);
    client_say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                       "Content-Length: 2\r\n\r\n{}");
    int status = client_read(client, true)->status;
    close(client);
    bool is_clean = eventually(10000, nothing_is_held, NULL);
    *had_enough = mem_failed() == 0;
    mem_watch_stop();
    assert_true(is_clean);
    return status;
}

/* Every allocation of a request fails in its turn: the client gets an answer or a closed connection, nothing is left
 * over, and the next one is served. */
static void without_memory_a_request_fails_alone(void **state)
{
    struct fixture *fixture = *state;
    bool had_enough = false;
    ask(fixture, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n"); /* what the server allocates once, it has then */
    for (int64_t allocations = 0; !had_enough; allocations++) {
        int status = ask_with_memory_for(fixture, allocations, &had_enough);
        assert_true(status == 200 || (!had_enough && (status == 0 || status == 500 || status == 503)));
    }
}

/* ---- slow clients ---- */

static void who_is_too_slow_with_a_request_is_told_408(void **state)
{
    int client = client_open(*state);
    client_say(client, "GET /now HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 100 && client_say(client, "X: y\r\n"); i++)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* never silent */
    struct reply *reply = client_read(client, true);
    assert_int_equal(reply->status, 408);
    assert_string_equal(reply->body, "{\"error_code\":408,\"message\":\"The request did not arrive within its time\"}");
    close(client);
}

/* In a crowd patience is short. */
static int crowded_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->setup.idle_ms = 60000;
    fixture->setup.transfer_ms = 60000;
    fixture->setup.patience_ms = 200;
    *state = fixture;
    return fixture_start(fixture);
}

#define SLOW_CLIENTS 400 /* more than places */

static int slow[SLOW_CLIENTS];

static void close_slow(void)
{
    for (size_t i = 0; i < SLOW_CLIENTS; i++)
        if (slow[i] >= 0)
            close(slow[i]);
}

static void slow_clients_do_not_shut_out_others(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SLOW_CLIENTS; i++) {
        slow[i] = client_open(fixture);
        assert_true(slow[i] >= 0);
        client_say(slow[i], "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                            "Content-Length: 1000\r\n\r\n{");
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(ask(fixture, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n")->status, 200);
    assert_int_equal(client_read(slow[0], true)->status, 408); /* the longest there */
    close_slow();
}

static bool a_body_is_taken(void *argument)
{
    return ask(argument, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                         "Content-Length: 2\r\n\r\n{}")
               ->status == 200;
}

static void bodies_that_wait_leave_room_for_others(void **state)
{
    struct fixture *fixture = *state;
    size_t count = HTTP_BODIES_MAX / (HTTP_BODY_MAX - 1) + 4;
    for (size_t i = 0; i < SLOW_CLIENTS; i++)
        slow[i] = -1;
    for (size_t i = 0; i < count; i++) {
        slow[i] = client_open(fixture);
        say_post(slow[i], HTTP_BODY_MAX, "");
        send_many(slow[i], HTTP_BODY_MAX - 1);
    }
    assert_true(eventually(20000, a_body_is_taken, fixture));
    close_slow();
}

int main(void)
{
    const struct CMUnitTest large[] = {
        cmocka_unit_test(a_body_of_100_mb_is_refused_in_bounded_memory_and_the_connection_kept),
        cmocka_unit_test(a_body_of_the_limit_is_read),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_may_take_larger_bodies),
        cmocka_unit_test(a_client_that_asks_first_need_not_send_a_large_body),
        cmocka_unit_test(a_body_beyond_all_measure_is_refused_at_once),
        cmocka_unit_test(a_long_request_line_gets_414),
        cmocka_unit_test(large_headers_get_431),
        cmocka_unit_test(one_authorization_may_be_as_long_as_a_token),
        cmocka_unit_test(many_headers_get_431),
        cmocka_unit_test(a_silent_client_is_closed),
        cmocka_unit_test(a_client_that_trickles_is_closed),
        cmocka_unit_test(without_memory_a_request_fails_alone),
        cmocka_unit_test(more_clients_than_the_limit_are_served_in_turn),
        cmocka_unit_test(a_waiting_exchange_outlives_the_idle_limit),
        cmocka_unit_test_setup_teardown(who_is_too_slow_with_a_request_is_told_408, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slow_clients_do_not_shut_out_others, crowded_set_up, tear_down),
        cmocka_unit_test_setup_teardown(bodies_that_wait_leave_room_for_others, crowded_set_up, tear_down),
    };
    return cmocka_run_group_tests(large, patient_set_up, tear_down) + cmocka_run_group_tests(tests, set_up, tear_down);
}
