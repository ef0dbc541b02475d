#include "http_test.h"

#include <stdatomic.h>

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    *state = fixture;
    return fixture_start(fixture);
}

static int tear_down(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

static bool two_are_kept(void *fixture)
{
    return kept_count(fixture) == 2;
}

static bool one_is_kept(void *fixture)
{
    return kept_count(fixture) == 1;
}

static void an_answer_given_at_once_arrives(void **state)
{
    struct reply *reply = ask(*state, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(reply->status, 200);
    assert_string_equal(reply->body, "now");
    assert_string_equal(reply_header(reply, "Content-Type"), "text/plain");
}

static void a_body_reaches_the_handler(void **state)
{
    struct reply *reply = ask(*state, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                                      "Content-Length: 7\r\n\r\n{\"a\":1}");
    assert_int_equal(reply->status, 200);
    assert_string_equal(reply->body, "{\"a\":1}");
    assert_string_equal(reply_header(reply, "Content-Type"), "application/json");
}

static void a_chunked_body_reaches_the_handler(void **state)
{
    struct reply *reply = ask(*state, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                                      "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n");
    assert_int_equal(reply->status, 200);
    assert_string_equal(reply->body, "{\"a\":1}");
}

static void an_answer_given_later_by_another_thread_arrives(void **state)
{
    struct fixture *fixture = *state;
    int client = client_open(fixture);
    client_say(client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(eventually(10000, one_is_kept, fixture));
    answer_text(kept_take(fixture), 202, "at last");
    struct reply *reply = client_read(client, true);
    assert_int_equal(reply->status, 202);
    assert_string_equal(reply->body, "at last");
    close(client);
}

static void others_are_served_while_one_waits(void **state)
{
    struct fixture *fixture = *state;
    int first = client_open(fixture), second = client_open(fixture);
    client_say(first, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    client_say(second, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(eventually(10000, two_are_kept, fixture)); /* more than there are threads to hold one each */
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask(fixture, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n")->status, 200);
    answer_text(kept_take(fixture), 200, "a");
    answer_text(kept_take(fixture), 200, "a");
    assert_int_equal(client_read(first, true)->status, 200);
    assert_int_equal(client_read(second, true)->status, 200);
    close(first);
    close(second);
}

static void an_exchange_that_nobody_answers_gets_500(void **state)
{
    struct fixture *fixture = *state;
    struct reply *reply = ask(fixture, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(reply->status, 500);
    assert_string_equal(reply->body, "{\"error_code\":500,\"message\":\"Request timed out\"}");
    answer_text(kept_take(fixture), 200, "dropped without harm");
}

static void a_client_that_left_does_no_harm(void **state)
{
    struct fixture *fixture = *state;
    int client = client_open(fixture);
    client_say(client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(eventually(10000, one_is_kept, fixture));
    close(client);
    answer_text(kept_take(fixture), 200, "to nobody");
    assert_int_equal(ask(fixture, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n")->status, 200);
}

static void a_connection_serves_many_requests(void **state)
{
    int client = client_open(*state);
    for (int i = 0; i < 50; i++) {
        client_say(client, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_int_equal(client_read(client, true)->status, 200);
    }
    close(client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    int client = client_open(*state);
    client_say(client, "GET /names/a HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\n"
                       "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                       "GET /names/b HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(client_read(client, true)->body, "a");
    assert_string_equal(client_read(client, true)->body, "{}");
    assert_string_equal(client_read(client, true)->body, "b");
    close(client);
}

static void head_has_the_headers_and_no_body(void **state)
{
    int client = client_open(*state);
    client_say(client, "HEAD /now HTTP/1.1\r\nHost: h\r\n\r\nGET /now HTTP/1.1\r\nHost: h\r\n\r\n");
    struct reply *reply = client_read(client, false);
    assert_int_equal(reply->status, 200);
    assert_string_equal(reply_header(reply, "Content-Length"), "3");
    assert_string_equal(client_read(client, true)->body, "now"); /* nothing of the first lies in between */
    close(client);
}

static void an_escaped_name_reaches_the_handler_decoded(void **state)
{
    assert_string_equal(ask(*state, "GET /names/a%2Fb%25%20%C3%A9;v=1 HTTP/1.1\r\nHost: h\r\n\r\n")->body,
                        "a/b% \xC3\xA9");
}

static void a_bad_escape_gets_a_page(void **state)
{
    struct reply *reply = ask(*state, "GET /names/a%ZZ HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(reply->status, 400);
    assert_string_equal(reply_header(reply, "Content-Type"), "text/html;charset=utf-8");
}

static void an_unknown_path_is_refused(void **state)
{
    struct reply *reply = ask(*state, "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(reply->status, 404);
    assert_string_equal(reply->body, "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}");
}

static void what_http_does_not_allow_gets_400(void **state)
{
    static const char *const WRONG[] = {
        "GET /now HTTP/1.1\r\n\r\n",
        "GET /now HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /n ow HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET //now HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /names/%00 HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: json\r\nContent-Length: 2\r\n\r\n{}",
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
        assert_int_equal(ask(*state, WRONG[i])->status, 400);
    assert_int_equal(ask(*state, "GET /now HTTP/1.0\r\n\r\n")->status, 200);
}

static void garbage_does_no_harm(void **state)
{
    static const char *const GARBAGE[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\x00",
        "GET /now HTTP/9.9\r\n\r\n",
        "GET /now\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        "GET http:// HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(GARBAGE) / sizeof(GARBAGE[0]); i++) {
        int client = client_open(*state);
        client_say(client, GARBAGE[i]);
        close(client);
    }
    assert_int_equal(ask(*state, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n")->status, 200);
}

static bool some_are_kept(void *fixture)
{
    return kept_count(fixture) > 0;
}

static void many_connections_wait_and_are_all_answered(void **state)
{
    enum { CLIENTS = 200 };
    struct fixture *fixture = *state;
    static int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_open(fixture);
        assert_true(clients[i] >= 0);
        assert_true(client_say(clients[i], "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
    for (int answered = 0; answered < CLIENTS;) {
        assert_true(eventually(20000, some_are_kept, fixture));
        struct http_exchange *exchange;
        for (; (exchange = kept_take(fixture)) != NULL; answered++)
            answer_text(exchange, 200, "yes");
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_string_equal(client_read(clients[i], true)->body, "yes");
        close(clients[i]);
    }
}

/* Answers whatever is kept, at once, until told to end. */
struct answerer {
    struct fixture *fixture;
    atomic_bool ends;
};

static void *answer_all(void *argument)
{
    struct answerer *answerer = argument;
    while (!atomic_load(&answerer->ends)) {
        struct http_exchange *exchange = kept_take(answerer->fixture);
        if (exchange != NULL)
            answer_text(exchange, 200, "raced");
    }
    return NULL;
}

static void an_answer_may_race_with_falling_asleep(void **state)
{
    enum { CLIENTS = 8, ROUNDS = 500 };
    struct answerer answerer = {.fixture = *state};
    struct thread_setup setup = {.name = "answerer", .run = answer_all, .argument = &answerer};
    pthread_t thread;
    char why[100];
    int clients[CLIENTS];
    assert_true(thread_start(&thread, &setup, why, sizeof(why)));
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = client_open(*state);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            client_say(clients[i], "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
        for (int i = 0; i < CLIENTS; i++)
            assert_string_equal(client_read(clients[i], true)->body, "raced");
    }
    atomic_store(&answerer.ends, true);
    thread_join(thread);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
}

static void stopping_answers_who_waits(void **state)
{
    (void)state;
    struct fixture fixture = {.server = NULL};
    assert_int_equal(fixture_start(&fixture), 0);
    int waiting = client_open(&fixture), idle = client_open(&fixture);
    client_say(waiting, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(eventually(10000, one_is_kept, &fixture));
    fixture_stop(&fixture); /* it also answers the kept one, late */
    struct reply *reply = client_read(waiting, true);
    assert_int_equal(reply->status, 503);
    assert_non_null(strstr(reply->body, "shutting down"));
    assert_true(client_is_closed(idle));
    close(waiting);
    close(idle);
}

static void a_stopped_server_frees_its_port(void **state)
{
    struct fixture *fixture = *state;
    struct http_listener same = {.host = "127.0.0.1"};
    struct http_server_setup setup = {.listeners = &same, .listener_count = 1, .router = &fixture->router};
    for (int i = 0; i < 3; i++) {
        char why[300] = "";
        struct fixture view = {.server = http_server_start(&setup, why, sizeof(why))};
        if (view.server == NULL)
            fail_msg("%s", why);
        same.port = http_server_port(view.server, 0);
        assert_int_equal(ask(&view, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n")->status, 200);
        http_server_stop(view.server);
        assert_int_equal(raw_open(same.port), -1);
    }
}

static void a_port_in_use_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct http_listener taken = {.host = "127.0.0.1", .port = http_server_port(fixture->server, 0)};
    struct http_server_setup setup = {.listeners = &taken, .listener_count = 1, .router = &fixture->router};
    char why[300] = "", address[40];
    assert_null(http_server_start(&setup, why, sizeof(why)));
    snprintf(address, sizeof(address), "http://127.0.0.1:%u", (unsigned)taken.port);
    assert_non_null(strstr(why, address));
    assert_non_null(strstr(why, "`listeners`"));
    assert_null(strchr(why, '\n'));
}

static void a_host_that_does_not_exist_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct http_listener nowhere[] = {{.host = "127.0.0.1"}, {.host = "192.0.2.1"}};
    struct http_server_setup setup = {.listeners = nowhere, .listener_count = 2, .router = &fixture->router};
    char why[300] = "";
    assert_null(http_server_start(&setup, why, sizeof(why)));
    assert_non_null(strstr(why, "192.0.2.1"));
}

static void several_listeners_serve(void **state)
{
    struct fixture *fixture = *state;
    struct http_listener two[] = {{.host = "127.0.0.1"}, {.host = ""}};
    struct http_server_setup setup = {.listeners = two, .listener_count = 2, .router = &fixture->router};
    char why[300] = "";
    struct fixture view = {.server = http_server_start(&setup, why, sizeof(why))};
    assert_non_null(view.server);
    assert_int_not_equal(http_server_port(view.server, 0), http_server_port(view.server, 1));
    assert_int_equal(ask(&view, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n")->status, 200);
    http_server_stop(view.server);
}

static void threads_that_do_not_start_are_an_error(void **state)
{
    struct fixture *fixture = *state;
    char why[300] = "";
    thread_fail_after(0);
    struct http_server *server = http_server_start(&fixture->setup, why, sizeof(why));
    thread_fail_after(INT64_MAX);
    assert_null(server);
    assert_true(*why != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_given_at_once_arrives),
        cmocka_unit_test(a_body_reaches_the_handler),
        cmocka_unit_test(a_chunked_body_reaches_the_handler),
        cmocka_unit_test(an_answer_given_later_by_another_thread_arrives),
        cmocka_unit_test(others_are_served_while_one_waits),
        cmocka_unit_test(an_exchange_that_nobody_answers_gets_500),
        cmocka_unit_test(a_client_that_left_does_no_harm),
        cmocka_unit_test(a_connection_serves_many_requests),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(head_has_the_headers_and_no_body),
        cmocka_unit_test(an_escaped_name_reaches_the_handler_decoded),
        cmocka_unit_test(a_bad_escape_gets_a_page),
        cmocka_unit_test(an_unknown_path_is_refused),
        cmocka_unit_test(what_http_does_not_allow_gets_400),
        cmocka_unit_test(garbage_does_no_harm),
        cmocka_unit_test(many_connections_wait_and_are_all_answered),
        cmocka_unit_test(an_answer_may_race_with_falling_asleep),
        cmocka_unit_test(stopping_answers_who_waits),
        cmocka_unit_test(a_stopped_server_frees_its_port),
        cmocka_unit_test(a_port_in_use_is_named),
        cmocka_unit_test(a_host_that_does_not_exist_is_named),
        cmocka_unit_test(several_listeners_serve),
        cmocka_unit_test(threads_that_do_not_start_are_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
