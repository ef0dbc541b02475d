/* Bodies that are made while they are sent. */
#include "http_test.h"

#include <stdatomic.h>

#define PIECES 300
#define PIECE_BYTES 40000 /* together more than sockets hold */

static atomic_int made, ended;

struct work {
    int left;
    bool breaks;
};

static bool next(void *argument, struct str_buffer *piece, bool *is_over)
{
    struct work *work = argument;
    atomic_fetch_add(&made, 1);
    if (work->breaks)
        return false;
    for (int i = 0; i < PIECE_BYTES / 8; i++)
        str_buffer_append_text(piece, "piece...");
    *is_over = --work->left == 0;
    return true;
}

static void end(void *argument)
{
    free(argument);
    atomic_fetch_add(&ended, 1);
}

static void stream(struct http_exchange *exchange, bool breaks)
{
    struct http_response response;
    struct work *work = malloc(sizeof(*work));
    *work = (struct work){PIECES, breaks};
    http_response_init(&response, 200, HTTP_CONTENT_TEXT);
    str_buffer_append_text(&response.body, "first, ");
    http_response_set_stream(&response, &(struct http_stream){next, end, work});
    http_exchange_answer(exchange, &response);
}

static void handle_stream(void *context, struct http_exchange *exchange)
{
    (void)context;
    stream(exchange, false);
}

static void handle_broken(void *context, struct http_exchange *exchange)
{
    (void)context;
    stream(exchange, true);
}

static const struct http_route ROUTES[] = {{.method = HTTP_GET, .pattern = "/stream", .handler = handle_stream},
                                           {.method = HTTP_GET, .pattern = "/broken", .handler = handle_broken}};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    *state = fixture;
    made = ended = 0;
    int status = fixture_start(fixture);
    fixture->router.routes = ROUTES; /* before the first request */
    fixture->router.route_count = 2;
    return status;
}

static int tear_down(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

/* Everything up to the end of the connection; for the caller to free. */
static char *ask_all(struct fixture *fixture, const char *request, size_t *length)
{
    int client = client_open(fixture);
    size_t room = (size_t)PIECES * PIECE_BYTES * 2;
    char *all = malloc(room + 1);
    ssize_t n;
    client_say(client, request);
    *length = 0;
    while (*length < room && (n = recv(client, all + *length, room - *length, 0)) > 0)
        *length += (size_t)n;
    all[*length] = '\0';
    close(client);
    return all;
}

static bool is_ended(void *argument)
{
    return atomic_load(&ended) == *(int *)argument;
}

static void all_pieces_arrive_in_order_and_the_stream_ends_once(void **state)
{
    size_t length, expected = 7 + (size_t)PIECES * PIECE_BYTES;
    char *all = ask_all(*state, "GET /stream HTTP/1.0\r\nHost: h\r\n\r\n", &length); /* 1.0: as it is, without chunks */
    char *body = strstr(all, "\r\n\r\n");
    int once = 1;
    assert_non_null(body);
    body += 4;
    assert_int_equal(length - (size_t)(body - all), expected);
    assert_memory_equal(body, "first, piece...piece...", 23);
    assert_true(eventually(10000, is_ended, &once));
    assert_int_equal(made, PIECES);
    free(all);
}

static void with_chunks_the_end_can_be_told_from_a_break(void **state)
{
    size_t length;
    char *all = ask_all(*state, "GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &length);
    assert_non_null(strstr(all, "Transfer-Encoding: chunked"));
    assert_memory_equal(all + length - 5, "0\r\n\r\n", 5);
    free(all);
    all = ask_all(*state, "GET /broken HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &length);
    assert_true(length < 5 || memcmp(all + length - 5, "0\r\n\r\n", 5) != 0);
    free(all);
    int both = 2;
    assert_true(eventually(10000, is_ended, &both));
}

static void a_client_that_leaves_ends_the_stream_before_all_is_made(void **state)
{
    int client = client_open(*state), once = 1;
    char some[100];
    client_say(client, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(recv(client, some, sizeof(some), 0) > 0);
    close(client);
    assert_true(eventually(10000, is_ended, &once));
    assert_true(made < PIECES);
}

static void an_answer_to_nobody_ends_its_stream(void **state)
{
    struct http_response response;
    (void)state;
    http_response_init(&response, 200, HTTP_CONTENT_TEXT);
    http_response_set_stream(&response, &(struct http_stream){next, end, malloc(sizeof(struct work))});
    http_response_release(&response);
    assert_int_equal(ended, 1);
    assert_int_equal(made, 0);
}

static void head_makes_nothing(void **state)
{
    size_t length;
    char *all = ask_all(*state, "HEAD /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &length);
    int once = 1;
    assert_string_equal(all + length - 4, "\r\n\r\n");
    free(all);
    assert_true(eventually(10000, is_ended, &once));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_pieces_arrive_in_order_and_the_stream_ends_once),
        TEST(with_chunks_the_end_can_be_told_from_a_break),
        TEST(a_client_that_leaves_ends_the_stream_before_all_is_made),
        TEST(an_answer_to_nobody_ends_its_stream),
        TEST(head_makes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
