/* Which request is refused with which status and which words: a row each, as clients of Kafka Connect know them. */
#include "routes_test.h"

#include "base/secrets.h"
#include "http/request.h"
#include "routes/routes_internal.h"

#define JSON "application/json"
#define SIZE(rows) (sizeof(rows) / sizeof((rows)[0]))

struct row {
    const char *asked; /* method and path */
    const char *type;  /* NULL: no Content-Type */
    const char *body;  /* NULL: none */
    int status;
    const char *message; /* whole; NULL: an HTML page, "": none, of an answer that refuses nothing */
    const char *header;  /* one more; NULL: none */
};

static struct reply *ask_row(void **state, const struct row *row)
{
    static char request[4000];
    struct fixture *fixture = *state;
    size_t at = (size_t)snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: me:1\r\n", row->asked);
    if (row->type != NULL)
        at += (size_t)snprintf(request + at, sizeof(request) - at, "Content-Type: %s\r\n", row->type);
    if (row->header != NULL)
        at += (size_t)snprintf(request + at, sizeof(request) - at, "%s\r\n", row->header);
    if (row->body != NULL)
        at += (size_t)snprintf(request + at, sizeof(request) - at, "Content-Length: %zu\r\n", strlen(row->body));
    snprintf(request + at, sizeof(request) - at, "\r\n%s", row->body != NULL ? row->body : "");
    return raw_ask(fixture->port, request);
}

/* The message of an error body, with its quotes and backslashes escaped as they are in JSON. */
static bool has_message(const struct reply *reply, int status, const char *message)
{
    char wanted[1000];
    size_t at = (size_t)snprintf(wanted, sizeof(wanted), "{\"error_code\":%d,\"message\":\"", status);
    for (; *message != '\0'; message++) {
        if (strchr("\"\\", *message) != NULL)
            wanted[at++] = '\\';
        wanted[at++] = *message;
    }
    snprintf(wanted + at, sizeof(wanted) - at, "\"}");
    return strcmp(reply->body, wanted) == 0;
}

static bool answers_as(const struct reply *reply, const struct row *row)
{
    const char *type = reply_header(reply, "Content-Type");
    if (reply->status != row->status)
        return false;
    if (row->message == NULL)
        return type != NULL && strncmp(type, "text/html", 9) == 0;
    if (*row->message == '\0')
        return row->status < 400;
    return type != NULL && strcmp(type, JSON) == 0 && has_message(reply, row->status, row->message);
}

static void expect_rows(void **state, const struct row *rows, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const struct reply *reply = ask_row(state, &rows[i]);
        if (answers_as(reply, &rows[i]))
            continue;
        wrong++;
        print_error("%s [%s] %s: %d %s\n", rows[i].asked, rows[i].type != NULL ? rows[i].type : "",
                    rows[i].body != NULL ? rows[i].body : "", reply->status, reply->body);
    }
    assert_int_equal(wrong, 0);
}

/* ---- refused before a resource is reached ---- */

#define NOT_FOUND "HTTP 404 Not Found"
#define NOT_ALLOWED "HTTP 405 Method Not Allowed"
#define NOT_ACCEPTABLE "HTTP 406 Not Acceptable"
#define UNSUPPORTED "HTTP 415 Unsupported Media Type"

static void paths_and_methods_that_are_not_there(void **state)
{
    static const struct row ROWS[] = {
        {"GET /nothing", NULL, NULL, 404, NOT_FOUND, NULL},
        {"GET /connectors/here/tasks-config", NULL, NULL, 404, NOT_FOUND, NULL},
        {"GET /connectors/here/tasks/0", NULL, NULL, 404, NOT_FOUND, NULL},
        {"GET /connectors/here/tasks/one/status", NULL, NULL, 404, NOT_FOUND, NULL},
        {"GET /connectors/here/tasks/2147483648/status", NULL, NULL, 404, NOT_FOUND, NULL},
        {"GET /admin", NULL, NULL, 404, NOT_FOUND, NULL},
        {"DELETE /", NULL, NULL, 405, NOT_ALLOWED, NULL},
        {"POST /health", JSON, "{}", 405, NOT_ALLOWED, NULL},
        {"BREW /connectors", NULL, NULL, 405, NOT_ALLOWED, NULL},
        {"PUT /connectors/here", JSON, "{}", 405, NOT_ALLOWED, NULL},
        {"POST /connectors/here/config", JSON, "{}", 405, NOT_ALLOWED, NULL},
        {"DELETE /admin/loggers/l", NULL, NULL, 405, NOT_ALLOWED, NULL},
        {"OPTIONS /connectors", NULL, NULL, 200, "", NULL},
        {"GET /connectors/", NULL, NULL, 200, "", NULL},
    };
    expect_rows(state, ROWS, SIZE(ROWS));
}

static void media_types_that_are_not_spoken(void **state)
{
    static const struct row ROWS[] = {
        {"POST /connectors", "text/plain", "{}", 415, UNSUPPORTED, NULL},
        {"POST /connectors", NULL, "{}", 415, UNSUPPORTED, NULL},
        {"PATCH /connectors/here/config", "application/merge-patch+json", "{}", 415, UNSUPPORTED, NULL},
        {"GET /connectors", "text/plain", NULL, 415, UNSUPPORTED, NULL},
        {"DELETE /connectors/here", "application/xml", NULL, 415, UNSUPPORTED, NULL},
        {"PUT /connectors/here/pause", "text/plain", NULL, 415, UNSUPPORTED, NULL},
        {"PUT /connectors/here/pause", "APPLICATION/Json; charset=utf-8", "{bad", 202, "", NULL},
        {"PUT /connectors/here/pause", NULL, NULL, 202, "", NULL},
        {"POST /connectors", "nonsense", "{}", 400, NULL, NULL},
        {"POST /connectors", JSON, "{}", 400, NULL, "Content-Type: text/plain"},
        {"GET /connectors", NULL, NULL, 406, NOT_ACCEPTABLE, "Accept: text/plain"},
        {"GET /connectors/here", NULL, NULL, 406, NOT_ACCEPTABLE, "Accept: text/*, application/json;q=0"},
        {"GET /connectors", NULL, NULL, 200, "", "Accept: text/html, application/*;q=0.1"},
        {"GET /connectors", NULL, NULL, 200, "", "Accept: */*"},
    };
    expect_rows(state, ROWS, SIZE(ROWS));
}

static void paths_that_are_none(void **state)
{
    static const struct row ROWS[] = {
        {"GET /connectors/a%00", NULL, NULL, 400, NULL, NULL},   {"GET /connectors/a%09", NULL, NULL, 400, NULL, NULL},
        {"GET /connectors/a%0A", NULL, NULL, 400, NULL, NULL},   {"GET /connectors/%FF", NULL, NULL, 400, NULL, NULL},
        {"GET /connectors/%C3", NULL, NULL, 400, NULL, NULL},    {"GET /connectors/%ZZ", NULL, NULL, 400, NULL, NULL},
        {"GET /connectors/a%", NULL, NULL, 400, NULL, NULL},     {"GET //connectors", NULL, NULL, 400, NULL, NULL},
        {"GET /connectors/%2e%2e", NULL, NULL, 400, NULL, NULL}, {"GET /connectors/a\"", NULL, NULL, 400, NULL, NULL},
        {"GET /connectors/<a>", NULL, NULL, 400, NULL, NULL},    {"GET /connectors/{a}", NULL, NULL, 400, NULL, NULL},
        {"GET /connectors/a|b", NULL, NULL, 400, NULL, NULL},    {"GET /connectors/[a]", NULL, NULL, 400, NULL, NULL},
        {"GET /connectors/here;v=1", NULL, NULL, 200, "", NULL}, {"GET /connectors?%ZZ=%", NULL, NULL, 200, "", NULL},
    };
    expect_rows(state, ROWS, SIZE(ROWS));
}

/* ---- too large ---- */

/* A request with `length` letters between two texts. */
static struct reply *ask_long(void **state, const char *before, size_t length, const char *after)
{
    struct fixture *fixture = *state;
    int client = raw_open(fixture->port);
    char *letters = malloc(length + 1);
    assert_true(client >= 0);
    assert_non_null(letters);
    memset(letters, 'a', length);
    letters[length] = '\0';
    client_say(client, before);
    client_say(client, letters);
    client_say(client, after);
    struct reply *reply = client_read(client, true);
    free(letters);
    close(client);
    return reply;
}

static void what_is_too_large_is_refused_and_nothing_asked(void **state)
{
    static const struct row LINE = {"", NULL, NULL, 414, NULL, NULL}, HEADERS = {"", NULL, NULL, 431, NULL, NULL},
                            BODY = {"", NULL, NULL, 413, "The request body is larger than 1 MiB", NULL};
    char head[200];
    assert_true(
        answers_as(ask_long(state, "GET /connectors/", HTTP_REQUEST_LINE_MAX, " HTTP/1.1\r\nHost: h\r\n\r\n"), &LINE));
    assert_true(answers_as(ask_long(state, "GET /connectors HTTP/1.1\r\nHost: h\r\nX: ", HTTP_HEADERS_MAX, "\r\n\r\n"),
                           &HEADERS));
    snprintf(head, sizeof(head),
             "PUT /connectors/big/config HTTP/1.1\r\nHost: h\r\nContent-Type: " JSON "\r\nContent-Length: %u\r\n\r\n",
             HTTP_BODY_MAX + 1);
    assert_true(answers_as(ask_long(state, head, HTTP_BODY_MAX + 1, ""), &BODY));
    expect_asked(state, "");
}

/* ---- refused by a resource ---- */

static void things_that_are_not_there(void **state)
{
    static const struct row ROWS[] = {
        {"GET /connectors/no", NULL, NULL, 404, "Connector no not found", NULL},
        {"GET /connectors/no/config", NULL, NULL, 404, "Connector no not found", NULL},
        {"GET /connectors/no/tasks", NULL, NULL, 404, "Connector no not found", NULL},
        {"GET /connectors/no/offsets", NULL, NULL, 404, "Connector no not found", NULL},
        {"GET /connectors/no/status", NULL, NULL, 404, "No status found for connector no", NULL},
        {"GET /connectors/here/tasks/7/status", NULL, NULL, 404, "No status found for task here-7", NULL},
        {"GET /connector-plugins/No/config", NULL, NULL, 404, "Unknown plugin No.", NULL},
        {"GET /admin/loggers/test.no", NULL, NULL, 404, "Logger test.no not found.", NULL},
        {"PUT /admin/loggers/l", JSON, "{\"level\":\"X\"}", 404, "invalid log level 'X'.", NULL},
        {"GET /connectors/no/topics", NULL, NULL, 200, "", NULL},
        {"PUT /connectors/no/topics/reset", NULL, NULL, 202, "", NULL},
    };
    expect_rows(state, ROWS, SIZE(ROWS));
}

#define NO_JSON "The request body is not valid JSON: "
#define CONNECTOR "an object with \"name\" and \"config\""
#define NO_CONNECTOR "The request body must be " CONNECTOR
#define EMPTY "The request body is empty; it must be " CONNECTOR
#define OPTIONS "the configuration of a connector: an object of options"
#define NO_OPTIONS "The request body must be " OPTIONS

/* The JVM worker says 500 where the fault is the client's; docs/differences.md. */
static void bodies_of_a_wrong_shape(void **state)
{
    static const struct row ROWS[] = {
        {"POST /connectors", JSON, "{bad", 400, NO_JSON "Expected a name in double quotes at line 1, column 2", NULL},
        {"POST /connectors", JSON, "[]", 400, NO_CONNECTOR, NULL},
        {"POST /connectors", JSON, "\"x\"", 400, NO_CONNECTOR, NULL},
        {"POST /connectors", JSON, "7", 400, NO_CONNECTOR, NULL},
        {"POST /connectors", JSON, "null", 400, NO_CONNECTOR, NULL},
        {"POST /connectors", JSON, "", 400, EMPTY, NULL},
        {"POST /connectors", NULL, NULL, 400, EMPTY, NULL},
        {"POST /connectors", JSON, "{\"name\":\"a\",\"config\":{}} x", 400,
         NO_JSON "Unexpected text behind the value at line 1, column 26", NULL},
        {"POST /connectors", JSON, "{\"name\":\"a\",\"config\":{},}", 400,
         NO_JSON "Expected a name in double quotes at line 1, column 25", NULL},
        {"POST /connectors", JSON, "{'name':'a'}", 400, NO_JSON "Expected a name in double quotes at line 1, column 2",
         NULL},
        {"POST /connectors", JSON, "{\"name\":\"\xFF\"}", 400, NO_JSON "Bytes that are not UTF-8 at line 1, column 10",
         NULL},
        {"POST /connectors", JSON, "{\"name\":\"a\",\"config\":{},\"more\":1}", 400,
         "Unknown field \"more\"; there are \"name\", \"config\" and \"initial_state\"", NULL},
        {"POST /connectors", JSON, "{\"name\":\"a\"}", 400, "\"config\" is missing; it must be an object of options",
         NULL},
        {"POST /connectors", JSON, "{\"name\":\"a\",\"config\":null}", 400, "\"config\" must be an object of options",
         NULL},
        {"POST /connectors", JSON, "{\"name\":\"a\",\"config\":[]}", 400, "\"config\" must be an object of options",
         NULL},
        {"POST /connectors", JSON, "{\"name\":\"a\",\"config\":{\"o\":{}}}", 400,
         "Option \"o\" is an object; it must be a text, a number or a boolean", NULL},
        {"POST /connectors", JSON, "{\"name\":\"a\",\"config\":{\"o\":[]}}", 400,
         "Option \"o\" is an array; it must be a text, a number or a boolean", NULL},
        {"POST /connectors", JSON, "{\"name\":{},\"config\":{}}", 400, "\"name\" must be a text", NULL},
        {"POST /connectors", JSON, "{\"name\":\"a\",\"config\":{},\"initial_state\":\"OFF\"}", 400,
         "\"initial_state\" is \"OFF\"; it must be RUNNING, PAUSED or STOPPED", NULL},
        {"POST /connectors", JSON, "{\"name\":\"a\",\"config\":{\"name\":\"b\"}}", 400,
         "Connector name configuration (b) doesn't match connector name in the URL (a)", NULL},
        {"PUT /connectors/a/config", JSON, "{\"name\":\"b\"}", 400,
         "Connector name configuration (b) doesn't match connector name in the URL (a)", NULL},
        {"PUT /connectors/a/config", JSON, "null", 400, NO_OPTIONS, NULL},
        {"PATCH /connectors/here/config", JSON, "", 400, "The request body is empty; it must be " OPTIONS, NULL},
        {"PUT /connector-plugins/p/config/validate", JSON, "[]", 400, NO_OPTIONS, NULL},
        {"PATCH /connectors/no/offsets", JSON, "{}", 400,
         "Partitions / offsets need to be provided for an alter offsets request", NULL},
        {"PATCH /connectors/no/offsets", JSON, "{\"offsets\":[]}", 400,
         "Partitions / offsets need to be provided for an alter offsets request", NULL},
        {"PATCH /connectors/no/offsets", JSON, "{\"offsets\":7}", 400, "\"offsets\" must be a list", NULL},
        {"PUT /admin/loggers/l", JSON, "{}", 400, "Desired 'level' parameter was not specified in request.", NULL},
        {"PUT /admin/loggers/l", JSON, "{\"level\":null}", 400,
         "Desired 'level' parameter was not specified in request.", NULL},
        {"PUT /admin/loggers/l", JSON, "[]", 400, "The request body must be an object with a \"level\"", NULL},
    };
    expect_rows(state, ROWS, SIZE(ROWS));
    expect_asked(state, "");
}

static void of_equal_fields_the_last_counts(void **state)
{
    static const struct row ROW = {"POST /connectors",
                                   JSON,
                                   "{\"name\":\"x\",\"name\":\"a\",\"config\":{\"o\":\"1\",\"o\":\"2\"}}",
                                   201,
                                   "",
                                   NULL};
    expect_rows(state, &ROW, 1);
    expect_asked(state, "put a - new o=2 name=a");
}

/* Whoever guesses is not told whether the guess is a secret of somebody's. */
static void what_a_client_says_is_repeated_whatever_it_is(void **state)
{
    static const struct row ROWS[] = {
        {"GET /connectors/guess-one%20guess-two", NULL, NULL, 404, "Connector guess-one guess-two not found", NULL},
        {"GET /connector-plugins/guess-one%20guess-two/config", NULL, NULL, 404, "Unknown plugin guess-one guess-two.", NULL},
        {"GET /admin/loggers/guess-one%20guess-two", NULL, NULL, 404, "Logger guess-one guess-two not found.", NULL},
        {"POST /connectors", JSON, "{\"guess-one guess-two\":1}", 400,
         "Unknown field \"guess-one guess-two\"; there are \"name\", \"config\" and \"initial_state\"", NULL},
    };
    secrets_note("guess-two");
    expect_rows(state, ROWS, SIZE(ROWS));
    secrets_forget();
}

static void topics_that_are_not_tracked(void **state)
{
    struct fixture *fixture = *state;
    static const struct row NOT_RESET[] = {
        {"PUT /connectors/here/topics/reset", NULL, NULL, 403, "Topic tracking reset is disabled.", NULL},
        {"GET /connectors/here/topics", NULL, NULL, 200, "", NULL},
    };
    static const struct row NOT_TRACKED[] = {
        {"GET /connectors/here/topics", NULL, NULL, 403, "Topic tracking is disabled.", NULL},
        {"PUT /connectors/here/topics/reset", NULL, NULL, 403, "Topic tracking is disabled.", NULL},
    };
    fixture->herder.worker.topic_tracking_allow_reset = false;
    expect_rows(state, NOT_RESET, SIZE(NOT_RESET));
    fixture->herder.worker.topic_tracking_enable = false;
    expect_rows(state, NOT_TRACKED, SIZE(NOT_TRACKED));
}

/* ---- what the herder says ---- */

static void what_the_herder_refuses_keeps_its_status_and_words(void **state)
{
    struct fixture *fixture = *state;
    static const struct row ROWS[] = {
        {"POST /connectors", JSON, "{\"name\":\"a\",\"config\":{}}", 400,
         "Connector config {name=a} contains no connector type", NULL},
        {"PUT /connectors/here/config", JSON, "{}", 500, "Error writing connector configuration to Kafka", NULL},
        {"PATCH /connectors/no/config", JSON, "{}", 404, "Connector no not found", NULL},
        {"DELETE /connectors/no", NULL, NULL, 404, "Connector no not found", NULL},
        {"POST /connectors", JSON, "{\"name\":\"here\",\"config\":{}}", 409, "Connector here already exists", NULL},
        {"PUT /connectors/no/pause", NULL, NULL, 404, "Unknown connector no", NULL},
        {"PUT /connectors/no/resume", NULL, NULL, 404, "Unknown connector no", NULL},
        {"PUT /connectors/no/stop", NULL, NULL, 404, "Unknown connector no", NULL},
        {"POST /connectors/no/restart", NULL, NULL, 404, "Unknown connector: no", NULL},
        {"POST /connectors/here/restart", NULL, NULL, 500, "Failed to start connector: here", NULL},
        {"POST /connectors/here/tasks/7/restart", NULL, NULL, 404, "Unknown task: here-7", NULL},
        {"PUT /connector-plugins/p/config/validate", JSON, "{\"connector.class\":\"p\"}", 500, "Request timed out.",
         NULL},
        {"PATCH /connectors/here/offsets", JSON, "{\"offsets\":[{\"partition\":{}}]}", 400,
         "Connectors must be in the STOPPED state before their offsets can be modified.", NULL},
        {"DELETE /connectors/here/offsets", NULL, NULL, 500,
         "Failed to alter consumer group offsets for connector here", NULL},
        {"GET /connectors/here/offsets", NULL, NULL, 500, "Request timed out.", NULL},
        {"PUT /admin/loggers/l?scope=cluster", JSON, "{\"level\":\"INFO\"}", 409, "no leader", NULL},
    };
    for (size_t i = 0; i < SIZE(ROWS); i++) {
        fixture->herder.status = ROWS[i].status;
        fixture->herder.message = ROWS[i].message;
        expect_rows(state, &ROWS[i], 1);
    }
}

static void a_health_that_is_none_says_which(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        int status;
        const char *body;
    } ROWS[] = {
        {200, "{\"status\":\"healthy\",\"message\":\"words\"}"},
        {503, "{\"status\":\"starting\",\"message\":\"words\"}"},
        {500, "{\"status\":\"unhealthy\",\"message\":\"words\"}"},
    };
    for (size_t i = 0; i < SIZE(ROWS); i++) {
        fixture->herder.status = ROWS[i].status;
        fixture->herder.message = "words";
        expect(state, "GET /health", NULL, ROWS[i].status, ROWS[i].body);
    }
}

/* Whose herder does not answer: the words depend on whether it ever has. */
static void a_health_that_nobody_tells_in_time_is_none(void **state)
{
    struct fixture *fixture = *state;
    struct rest_context context = {.herder = &fixture->herder};
    static const struct {
        bool is_ready;
        int status;
        const char *body;
    } ROWS[] = {
        {true, 500,
         "{\"status\":\"unhealthy\",\"message\":\"Worker was unable to handle this request and may be unable to handle "
         "other requests.\"}"},
        {false, 503, "{\"status\":\"starting\",\"message\":\"Worker is still starting up.\"}"},
    };
    for (size_t i = 0; i < SIZE(ROWS); i++) {
        struct http_response response;
        fixture->herder.is_ready = ROWS[i].is_ready;
        http_response_init(&response, 200, HTTP_CONTENT_NONE);
        health_timed_out(&context, NULL, &response);
        assert_int_equal(response.status, ROWS[i].status);
        assert_string_equal(str_buffer_text(&response.body), ROWS[i].body);
        http_response_release(&response);
    }
}

static void nothing_is_told_before_the_topics_are_read(void **state)
{
    struct fixture *fixture = *state;
    static const char words[] = "The worker is still reading its topics. Try again in a moment.";
    static const struct row ROWS[] = {
        {"GET /connectors", NULL, NULL, 503, words, NULL},
        {"GET /connectors/here/status", NULL, NULL, 503, words, NULL},
        {"GET /connectors/no", NULL, NULL, 503, words, NULL},
    };
    fixture->herder.is_ready = false;
    expect_rows(state, ROWS, SIZE(ROWS));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(paths_and_methods_that_are_not_there),
        TEST(media_types_that_are_not_spoken),
        TEST(paths_that_are_none),
        TEST(what_is_too_large_is_refused_and_nothing_asked),
        TEST(things_that_are_not_there),
        TEST(bodies_of_a_wrong_shape),
        TEST(of_equal_fields_the_last_counts),
        TEST(what_a_client_says_is_repeated_whatever_it_is),
        TEST(topics_that_are_not_tracked),
        TEST(what_the_herder_refuses_keeps_its_status_and_words),
        TEST(a_health_that_is_none_says_which),
        TEST(a_health_that_nobody_tells_in_time_is_none),
        TEST(nothing_is_told_before_the_topics_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
