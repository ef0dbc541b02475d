#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "http/media_type.h"
#include "http/response.h"
#include "http/router.h"

static void handle(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

static const struct http_route ROUTES[] = {
    {.method = HTTP_GET, .pattern = "/connectors", .handler = handle},
    {.method = HTTP_POST, .pattern = "/connectors", .handler = handle},
    {.method = HTTP_GET, .pattern = "/connectors/{name}/tasks/{task:int}/status", .handler = handle},
    {.method = HTTP_GET, .pattern = "/metrics", .handler = handle},
};
static const struct http_route MORE[] = {{.method = HTTP_GET, .pattern = "/acme/{*}", .handler = handle}};
static const struct http_router ROUTER = {.routes = ROUTES,
                                          .route_count = sizeof(ROUTES) / sizeof(ROUTES[0]),
                                          .more_routes = MORE,
                                          .more_route_count = 1,
                                          .text_pattern = "/metrics"};

/* A request and what the router made of it. */
struct trial {
    struct http_request request;
    struct http_response refusal;
    bool found;
};

static int set_up(void **state)
{
    static struct trial trial;
    memset(&trial, 0, sizeof(trial));
    *state = &trial;
    return 0;
}

static int tear_down(void **state)
{
    struct trial *trial = *state;
    http_target_release(&trial->request.target);
    http_response_release(&trial->refusal);
    return 0;
}

static void add_header(struct trial *trial, const char *name, const char *value)
{
    trial->request.headers[trial->request.header_count++] = (struct http_pair){name, value};
}

/* 200 when a route was found, else the refusal's status. */
static int status_of(struct trial *trial, const char *method, const char *raw)
{
    tear_down((void *[]){trial});
    trial->request.method = http_method_of(method);
    assert_null(http_target_parse(&trial->request.target, raw));
    http_response_init(&trial->refusal, 500, HTTP_CONTENT_NONE);
    trial->found = http_router_find(&ROUTER, &trial->request, &trial->refusal);
    return trial->found ? 200 : trial->refusal.status;
}

static void path_then_method_decide(void **state)
{
    struct trial *trial = *state;
    assert_int_equal(status_of(trial, "GET", "/connectors"), 200);
    assert_ptr_equal(trial->request.route, &ROUTES[0]);
    assert_int_equal(status_of(trial, "POST", "/connectors/"), 200);
    assert_ptr_equal(trial->request.route, &ROUTES[1]);
    assert_int_equal(status_of(trial, "HEAD", "/connectors"), 200);
    assert_int_equal(status_of(trial, "HEAD", "/connectors/x/tasks/3/status"), 200);
    assert_string_equal(http_request_part(&trial->request, "name"), "x");
    assert_int_equal(http_request_int_part(&trial->request, "task"), 3);
    assert_int_equal(status_of(trial, "DELETE", "/connectors"), 405);
    assert_int_equal(status_of(trial, "TRACE", "/connectors"), 405);
    assert_int_equal(status_of(trial, "GET", "/connectors/x/tasks/one/status"), 404);
    assert_int_equal(status_of(trial, "OPTIONS", "/nothing"), 404);
}

static void options_lists_the_methods(void **state)
{
    struct trial *trial = *state;
    assert_int_equal(status_of(trial, "OPTIONS", "/connectors"), 200);
    assert_false(trial->found);
    assert_string_equal(str_buffer_text(&trial->refusal.body), "GET,HEAD,POST,OPTIONS");
    assert_string_equal(trial->refusal.headers[0].name, "Allow");
    assert_string_equal(trial->refusal.headers[0].value, "GET,HEAD,POST,OPTIONS");
    assert_int_equal(trial->refusal.content, HTTP_CONTENT_TEXT);
}

static void a_content_type_that_is_not_json_is_refused(void **state)
{
    struct trial *trial = *state;
    add_header(trial, "content-type", "text/plain");
    assert_int_equal(status_of(trial, "GET", "/connectors"), 415);
    assert_string_equal(str_buffer_text(&trial->refusal.body),
                        "{\"error_code\":415,\"message\":\"HTTP 415 Unsupported Media Type\"}");
    assert_int_equal(status_of(trial, "DELETE", "/connectors"), 405); /* decided first */
}

static void a_body_needs_a_type(void **state)
{
    struct trial *trial = *state;
    trial->request.has_body = true;
    assert_int_equal(status_of(trial, "POST", "/connectors"), 415);
    add_header(trial, "Content-Type", "Application/JSON ; charset=utf-8");
    assert_int_equal(status_of(trial, "POST", "/connectors"), 200);
    add_header(trial, "Content-Type", "application/json");
    assert_int_equal(status_of(trial, "POST", "/connectors"), 400);
}

static void the_client_must_accept_json(void **state)
{
    struct trial *trial = *state;
    add_header(trial, "Accept", "text/html, image/*");
    assert_int_equal(status_of(trial, "GET", "/connectors"), 406);
    assert_int_equal(status_of(trial, "GET", "/metrics"), 200); /* answers no JSON */
    add_header(trial, "Accept", "*/*;q=0.1");
    assert_int_equal(status_of(trial, "GET", "/connectors"), 200);
}

static void content_types_are_read(void **state)
{
    (void)state;
    assert_int_equal(http_media_of("application/json"), HTTP_MEDIA_JSON);
    assert_int_equal(http_media_of(" APPLICATION/Json;charset=\"utf-8\" ; x=y"), HTTP_MEDIA_JSON);
    assert_int_equal(http_media_of("application/json;"), HTTP_MEDIA_JSON);
    assert_int_equal(http_media_of("application/merge-patch+json"), HTTP_MEDIA_OTHER);
    assert_int_equal(http_media_of("application/jsonx"), HTTP_MEDIA_OTHER);
    static const char *const BROKEN[] = {"",      "json",  "/",      "a/",        "/b",
                                         "a/b c", "a/b;c", "a/b;c=", "a/b;c=\"d", "a/b,c/d"};
    for (size_t i = 0; i < sizeof(BROKEN) / sizeof(BROKEN[0]); i++)
        assert_int_equal(http_media_of(BROKEN[i]), HTTP_MEDIA_BROKEN);
}

static void accepted_types_are_read(void **state)
{
    (void)state;
    assert_true(http_media_accepts_json("application/json"));
    assert_true(http_media_accepts_json("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
    assert_true(http_media_accepts_json("application/*"));
    assert_true(http_media_accepts_json("rubbish, a/b;c=\"x,y\", */*"));
    assert_false(http_media_accepts_json("application/json;q=0"));
    assert_false(http_media_accepts_json("text/*"));
    assert_false(http_media_accepts_json("a/b;c=\"*/*"));
    assert_false(http_media_accepts_json(""));
}

static void a_type_is_named_only_by_its_name(void **state)
{
    (void)state;
    assert_true(http_media_names("text/plain;q=0.5, application/OpenMetrics-text; version=1.0.0;q=0.8,*/*;q=0.1", "application",
                                 "openmetrics-text"));
    assert_false(http_media_names("*/*", "application", "openmetrics-text"));
    assert_false(http_media_names("application/*", "application", "openmetrics-text"));
    assert_false(http_media_names("application/openmetrics-text;q=0", "application", "openmetrics-text"));
    assert_false(http_media_names("", "application", "openmetrics-text"));
}

static void a_tail_fits_whatever_follows(void **state)
{
    struct trial *trial = *state;
    assert_int_equal(status_of(trial, "GET", "/acme"), 200);
    assert_int_equal(status_of(trial, "GET", "/acme/"), 200);
    assert_int_equal(status_of(trial, "GET", "/acme/a/b%2Fc/d"), 200);
    assert_int_equal(status_of(trial, "GET", "/acmes"), 404);
    assert_int_equal(status_of(trial, "GET", "/"), 404);
    assert_int_equal(status_of(trial, "POST", "/acme/a"), 405);
    /* A path that is cut when it is kept is not handed on as another one. */
    assert_int_equal(status_of(trial, "GET", "/acme/1/2/3/4/5/6/7/8/9/10"), 200);
    assert_int_equal(status_of(trial, "GET", "/acme/1/2/3/4/5/6/7/8/9/10/11"), 404);
    assert_int_equal(status_of(trial, "GET", "/acme/1/2/3/4/5/6/7/8/9/10/11/12/13"), 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(path_then_method_decide, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_lists_the_methods, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_content_type_that_is_not_json_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_needs_a_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_client_must_accept_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tail_fits_whatever_follows, set_up, tear_down),
        cmocka_unit_test(content_types_are_read),
        cmocka_unit_test(accepted_types_are_read),
        cmocka_unit_test(a_type_is_named_only_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
