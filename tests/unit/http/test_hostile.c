/* Clients that mean harm: requests that two readers understand differently, and connections held for the sake of holding them. */
#include "http_test.h"

#include "http/server_internal.h"

#define HELD 8 /* connections_max of these tests */
#define JSON "Host: h\r\nContent-Type: application/json\r\n"

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->setup.connections_max = HELD;
    fixture->setup.idle_ms = 60000;
    fixture->setup.transfer_ms = 60000;
    fixture->setup.patience_ms = 200;
    *state = fixture;
    return fixture_start(fixture);
}

static int tear_down(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

static bool asks_now(void *fixture)
{
    return ask(fixture, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n")->status == 200;
}

/* In these crowds patience is so short that a busy machine may be too slow for it once or twice. */
static bool is_served(struct fixture *fixture)
{
    return eventually(20000, asks_now, fixture);
}

/* ---- requests ---- */

/* The first answer is a 4xx and the connection's end: what follows must not be taken for a request. */
static void assert_ends(struct fixture *fixture, const char *request)
{
    char rest[2000];
    size_t length = 0;
    ssize_t n;
    int client = client_open(fixture);
    client_say(client, request);
    struct reply *reply = client_read(client, true);
    if (reply->status < 400 || reply->status > 499)
        fail_msg("%d for %s", reply->status, request);
    while ((n = recv(client, rest + length, sizeof(rest) - 1 - length, 0)) > 0)
        length += (size_t)n;
    rest[length] = '\0';
    if ((n < 0 && errno != ECONNRESET) || strstr(rest, "smuggled") != NULL || strstr(rest, " 200 ") != NULL)
        fail_msg("the connection outlives %s: %s", request, rest);
    close(client);
}

#define SMUGGLED "GET /names/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

static void a_body_whose_end_is_not_clear_is_refused_and_nothing_follows_it(void **state)
{
    static const char *const REQUESTS[] = {
        "POST /echo HTTP/1.1\r\n" JSON "Content-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Content-Length: 2\r\nContent-Length: 44\r\n\r\n{}" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Content-Length: 2, 2\r\n\r\n{}" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Content-Length: +2\r\n\r\n{}" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Content-Length: -2\r\n\r\n{}" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Content-Length: 0x2\r\n\r\n{}" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Content-Length: 18446744073709551618\r\n\r\n{}" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Content-Length:\r\n\r\n{}" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Content-Length : 2\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.0\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n" SMUGGLED,
        "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n" SMUGGLED,
        "GET /now HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n" SMUGGLED,
        "GET /now HTTP/1.1\r\nX: y\r\n\r\n" SMUGGLED,
        "GET /now HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n" SMUGGLED,
        "GET /now HTTP/1.1\r\nHost: h\r\nA B: y\r\n\r\n" SMUGGLED,
        "GET /now HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n" SMUGGLED,
        "GET /now\r\n\r\n" SMUGGLED,
    };
    for (size_t i = 0; i < sizeof(REQUESTS) / sizeof(REQUESTS[0]); i++)
        assert_ends(*state, REQUESTS[i]);
    assert_true(is_served(*state));
}

static void a_folded_coding_is_none_that_smuggles(void **state)
{
    assert_ends(*state, "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding:\r\n chunked, x\r\n\r\n0\r\n\r\n" SMUGGLED);
    assert_true(is_served(*state));
}

static void a_body_of_a_get_is_no_second_request(void **state)
{
    int client = client_open(*state);
    client_say(client, "GET /now HTTP/1.1\r\n" JSON "Content-Length: 44\r\n\r\n"
                       "DELETE /names/victim HTTP/1.1\r\nHost: host\r\n\r\n"
                       "GET /names/next HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(client_read(client, true)->status, 200);
    assert_string_equal(client_read(client, true)->body, "next");
    close(client);
}

static void many_requests_at_once_are_answered_in_their_order(void **state)
{
    enum { COUNT = 500 };
    static char text[COUNT * 60];
    char expected[20];
    size_t length = 0;
    for (int i = 0; i < COUNT; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "GET /names/n%d HTTP/1.1\r\nHost: h\r\n\r\n", i);
    int client = client_open(*state);
    client_say(client, text);
    for (int i = 0; i < COUNT; i++) {
        snprintf(expected, sizeof(expected), "n%d", i);
        assert_string_equal(client_read(client, true)->body, expected);
    }
    close(client);
}

static void what_is_no_http_is_closed_or_refused(void **state)
{
    static const char *const BYTES[] = {
        "\x16\x03\x01\x02\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/9.9\r\nHost: h\r\n\r\n", "\r\n \r\n\r\n",
        "GET\t/now\tHTTP/1.1\r\nHost: h\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(BYTES) / sizeof(BYTES[0]); i++) {
        int client = client_open(*state);
        client_say(client, BYTES[i]);
        int status = client_read(client, true)->status;
        if (status >= 200 && status < 400)
            fail_msg("%d for %s", status, BYTES[i]);
        close(client);
    }
    assert_true(is_served(*state));
}

/* ---- connections ---- */

static size_t held_count(struct fixture *fixture)
{
    mutex_lock(&fixture->server->lock);
    size_t count = fixture->server->listeners[0].connection_count;
    mutex_unlock(&fixture->server->lock);
    return count;
}

#define CROWD 60
static int crowd[CROWD];

static void crowd_close(void)
{
    for (int i = 0; i < CROWD; i++)
        if (crowd[i] >= 0)
            close(crowd[i]);
}

static void a_crowd_of_silent_clients_holds_no_more_than_the_limit(void **state)
{
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = client_open(*state);
        assert_true(crowd[i] >= 0);
        assert_true(held_count(*state) <= HELD);
    }
    assert_true(is_served(*state));
    assert_true(held_count(*state) <= HELD);
    crowd_close();
}

static void attempts_one_after_another_leave_nothing(void **state)
{
    for (int i = 0; i < 2000; i++) {
        int client = client_open(*state);
        assert_true(client >= 0);
        if (i % 2 == 0)
            client_say(client, "POST /echo HTTP/1.1\r\nHo");
        close(client);
    }
    assert_true(is_served(*state));
    assert_true(held_count(*state) <= HELD);
}

/* What they have said is read together with their end, which libmicrohttpd then does not see. */
static void who_said_half_a_request_and_left_holds_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture->server->patience_ms = 8000; /* a look at them each second */
    for (int i = 0; i < HELD; i++) {
        int client = client_open(fixture);
        client_say(client, "POST /echo HTTP/1.1\r\nHo");
        close(client);
    }
    int64_t start_ms = eventually_now_ms();
    for (int i = 0; i < 4 * HELD; i++)
        assert_true(is_served(fixture));
    assert_true(eventually_now_ms() - start_ms < 8000);
}

/* As a browser does, and never asks again. */
static void clients_that_stay_after_their_answer_give_way(void **state)
{
    for (int i = 0; i < CROWD; i++)
        crowd[i] = -1;
    for (int i = 0; i < HELD; i++) {
        crowd[i] = client_open(*state);
        client_say(crowd[i], "GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_int_equal(client_read(crowd[i], true)->status, 200);
    }
    assert_true(is_served(*state)); /* long before they are idle for too long */
    crowd_close();
}

static void clients_that_do_not_take_their_answer_give_way(void **state)
{
    for (int i = 0; i < CROWD; i++)
        crowd[i] = -1;
    for (int i = 0; i < HELD; i++) {
        crowd[i] = client_open(*state);
        client_say(crowd[i], "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    assert_true(is_served(*state));
    crowd_close();
}

static bool nothing_waits_to_be_sent(void *argument)
{
    struct fixture *fixture = argument;
    return atomic_load(&fixture->server->answer_bytes) == 0;
}

static bool all_waits_to_be_sent(void *argument)
{
    struct fixture *fixture = argument;
    return atomic_load(&fixture->server->answer_bytes) == HTTP_ANSWERS_MAX;
}

static void answers_that_are_not_taken_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    enum { FLOODS = HTTP_ANSWERS_MAX / FLOOD_SIZE };
    fixture->server->patience_ms = 60000; /* nobody gives way */
    for (int i = 0; i < CROWD; i++)
        crowd[i] = -1;
    for (int i = 0; i < FLOODS; i++) {
        crowd[i] = client_open(fixture);
        client_say(crowd[i], "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    assert_true(eventually(20000, all_waits_to_be_sent, fixture));
    assert_int_equal(ask(fixture, "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n")->status, 503);
    assert_true(is_served(fixture));
    crowd_close();
    assert_true(eventually(20000, nothing_waits_to_be_sent, fixture));
}

/* Nobody knows beforehand how much comes; what is too much to throw away ends the connection. */
static void a_body_without_an_announced_length_ends_at_a_limit(void **state)
{
    static char block[65536];
    int client = client_open(*state);
    size_t sent = 0;
    memset(block, ' ', sizeof(block));
    client_say(client, "POST /echo HTTP/1.1\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n");
    while (sent <= 2 * (size_t)HTTP_DRAIN_MAX && client_say(client, "10000\r\n") && client_send(client, block, sizeof(block)) &&
           client_say(client, "\r\n"))
        sent += sizeof(block);
    assert_true(sent >= HTTP_DRAIN_MAX / 2 && sent < 2 * (size_t)HTTP_DRAIN_MAX);
    close(client);
    assert_true(is_served(*state));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_whose_end_is_not_clear_is_refused_and_nothing_follows_it),
        TEST(a_folded_coding_is_none_that_smuggles),
        TEST(a_body_of_a_get_is_no_second_request),
        TEST(many_requests_at_once_are_answered_in_their_order),
        TEST(what_is_no_http_is_closed_or_refused),
        TEST(a_crowd_of_silent_clients_holds_no_more_than_the_limit),
        TEST(attempts_one_after_another_leave_nothing),
        TEST(who_said_half_a_request_and_left_holds_nothing),
        TEST(clients_that_stay_after_their_answer_give_way),
        TEST(clients_that_do_not_take_their_answer_give_way),
        TEST(answers_that_are_not_taken_are_bounded),
        TEST(a_body_without_an_announced_length_ends_at_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
