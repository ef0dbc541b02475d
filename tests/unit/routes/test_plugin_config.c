/* GET /connector-plugins/{plugin}/config, PUT …/config/validate and POST …/config/try. */
#include "fake_herder.h"

#include <millrace/error.h>

#include "config/connector_report.h"
#include "loader/host.h"
#include "routes/rest_server.h"
#include "support/raw_http.h"

struct fixture {
    struct herder herder;
    struct rest_server *server;
    uint16_t port;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    static const char path[] = MR_TEST_PLUGINS "/picky.so," MR_TEST_PLUGINS "/gallery.so";
    struct listener_address address = {.host = "127.0.0.1", .port = 0};
    struct worker_config worker = {.listeners = &address, .listener_count = 1, .admin_on_listeners = true};
    struct mr_error *error = NULL;
    memset(&fixture, 0, sizeof(fixture));
    fixture.herder.worker = worker;
    mutex_init(&fixture.herder.lock);
    fixture.herder.configs = memory_config_store_create(NULL);
    fixture.herder.statuses = memory_status_store_create(NULL);
    fixture.herder.loader = loader_create(&(struct loader_setup){.plugin_path = path, .host = loader_host()}, NULL);
    fixture.herder.is_ready = true;
    fixture.herder.cluster_id = "cluster";
    fixture.server = rest_server_start(&(struct rest_setup){.herder = &fixture.herder, .worker = &worker}, &error);
    if (fixture.server == NULL)
        fail_msg("%s", mr_error_message(error));
    fixture.port = rest_server_port(fixture.server, 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    rest_server_stop(fixture->server);
    config_store_destroy(fixture->herder.configs);
    status_store_destroy(fixture->herder.statuses);
    loader_destroy(fixture->herder.loader);
    mutex_destroy(&fixture->herder.lock);
    return 0;
}

static struct reply *ask(void **state, const char *method_and_path, const char *body)
{
    static char request[4000];
    struct fixture *fixture = *state;
    snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: me:1\r\n%s%zu\r\n\r\n%s", method_and_path,
             *body == '\0' ? "Content-Length: " : "Content-Type: application/json\r\nContent-Length: ", strlen(body),
             body);
    return raw_ask(fixture->port, request);
}

static void expect(void **state, const char *method_and_path, const char *body, int status, const char *part)
{
    struct reply *reply = ask(state, method_and_path, body);
    if (reply->status != status || strstr(reply->body, part) == NULL)
        fail_msg("%s: %d %s", method_and_path, reply->status, reply->body);
    assert_string_equal(reply_header(reply, "Content-Type"), "application/json");
}

static void definitions_are_found_by_every_name(void **state)
{
    static const char first[] =
        "[{\"name\":\"mode\",\"type\":\"STRING\",\"required\":false,\"default_value\":\"fast\",\"importance\":\"HIGH\","
        "\"documentation\":\"How.\",\"group\":\"Picky\",\"width\":\"SHORT\",\"display_name\":\"Mode\","
        "\"dependents\":[\"depth\"],\"order_in_group\":1},";
    expect(state, "GET /connector-plugins/PickySource/config", "", 200, first);
    expect(state, "GET /connector-plugins/PickySourceConnector/config", "", 200, first);
    expect(state, "GET /connector-plugins/org.acme.PickySourceConnector/config/", "", 200, first);
    expect(state, "GET /connector-plugins/org.acme.Turn$Value/config", "", 200, "[]");
    expect(state, "GET /connector-plugins/PickySource/config?version=1.5", "", 200, first);
    expect(state, "GET /connector-plugins/PickySource/config?version=latest", "", 200, first);
    expect(state, "GET /connector-plugins/PickySource/config?version=", "", 200, first);
    assert_int_equal(ask(state, "HEAD /connector-plugins/PickySource/config", "")->status, 200);
}

static void definitions_of_nothing_are_refused(void **state)
{
    expect(state, "GET /connector-plugins/Nope/config", "", 404,
           "{\"error_code\":404,\"message\":\"Unknown plugin Nope.\"}");
    expect(state, "GET /connector-plugins/Nope/config?version=9", "", 404, "Unknown plugin Nope.");
    expect(state, "GET /connector-plugins/PickySource/config?version=9", "", 400,
           "Plugin org.acme.PickySourceConnector not found that matches the version range [9");
    expect(state, "GET /connector-plugins/PickySource/config?version=%5B1", "", 400, "\"error_code\":400");
    expect(state, "GET /connector-plugins/SafeConfigProvider/config", "", 400,
           "Invalid plugin class SafeConfigProvider. Valid types are sink, source, converter, header_converter, "
           "transformation, predicate.");
    assert_int_equal(ask(state, "PUT /connector-plugins/PickySource/config", "{}")->status, 405);
    assert_int_equal(ask(state, "GET /connector-plugins/PickySource/config/validate", "")->status, 405);
}

static void class_and_plugin_fit_by_their_endings(void **state)
{
    static const struct {
        const char *plugin, *class_name;
        bool fits;
    } cases[] = {
        {"PickySource", "PickySource", true},
        {"PickySource", "PickySourceConnector", true},
        {"PickySourceConnector", "PickySource", true},
        {"PickySource", "org.acme.PickySourceConnector", true},
        {"Source", "PickySource", true}, /* any ending does */
        {"Nope", "org.acme.Nope", true}, /* it is the class that is looked for */
        {"Connector", "Connector", true},
        {"org.acme.PickySourceConnector", "PickySource", false},
        {"PickySource", "ThingSink", false},
        {"PickySource", "pickysource", false},
        {"PickySource", "Source", false},
    };
    static const struct connector_report empty = {.class_name = "C"};
    fake_report = &empty;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[200], body[200], answer[200];
        snprintf(path, sizeof(path), "PUT /connector-plugins/%s/config/validate", cases[i].plugin);
        snprintf(body, sizeof(body), "{\"connector.class\":\"%s\",\"n\":null}", cases[i].class_name);
        snprintf(answer, sizeof(answer), "Included connector type %s does not match request type %s",
                 cases[i].class_name, cases[i].plugin);
        expect(state, path, body, cases[i].fits ? 200 : 400,
               cases[i].fits ? "{\"name\":\"C\",\"error_count\":0,\"groups\":[],\"configs\":[]}" : answer);
    }
    struct fixture *fixture = *state;
    assert_string_equal(fixture->herder.asked, "validate 2 Connector");
    expect(state, "PUT /connector-plugins/PickySource/config/validate", "{\"name\":\"v\"}", 200, "{\"name\":\"C\"");
    assert_string_equal(fixture->herder.asked, "validate 1 (none)");
}

static void bodies_that_are_no_configuration_ask_nothing(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bodies[] = {"{\"name\": ", "[]", "\"x\"", "7", "null", "{\"a\":{}}", "{\"a\":[]}", "{} x"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        expect(state, "PUT /connector-plugins/PickySource/config/validate", bodies[i], 400, "\"error_code\":400");
    assert_string_equal(fixture->herder.asked, "");
}

static void what_the_herder_refuses_is_passed_on(void **state)
{
    struct fixture *fixture = *state;
    fixture->herder.status = 500;
    fixture->herder.message = "Request timed out. The worker was validating the configuration.";
    expect(state, "PUT /connector-plugins/PickySource/config/validate", "{}", 500,
           "{\"error_code\":500,\"message\":\"Request timed out.");
}

#define TRY "POST /connector-plugins/PickySource/config/try"

static void records_are_tried_as_they_are_written(void **state)
{
    struct fixture *fixture = *state;
    expect(state, TRY, "{\"config\":{\"connector.class\":\"PickySource\"},\"records\":[ {\"value\" : 1e3} , [7],\"x\" ]}", 200,
           "{\"passed\":1,\"dropped\":0,\"skipped\":0,\"failed\":0,\"records\":[]}");
    assert_string_equal(fixture->herder.asked, "try 1 PickySource {\"value\" : 1e3} [7] \"x\"  0");
    expect(state, TRY, "{\"topic\":\"t\",\"last\":100,\"config\":{}}", 200, "\"passed\":1");
    assert_string_equal(fixture->herder.asked, "try 0 (none) t 100");
}

static void bodies_that_try_nothing_are_refused(void **state)
{
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"", "The request body is empty"},
        {"[]", "an object with"},
        {"{\"config\":{},\"records\":[{}]", "not valid JSON"},
        {"{\"config\":{},\"records\":[{]}", "not valid JSON"},
        {"{\"records\":[{}]}", "is missing"},
        {"{\"config\":7,\"records\":[{}]}", "must be an object of options"},
        {"{\"config\":{\"a\":{}},\"records\":[{}]}", "Option"},
        {"{\"config\":{}}", "Give either"},
        {"{\"config\":{},\"records\":[]}", "Give either"},
        {"{\"config\":{},\"records\":{}}", "must be a list"},
        {"{\"config\":{},\"topic\":\"t\"}", "Give either"},
        {"{\"config\":{},\"last\":1}", "Give either"},
        {"{\"config\":{},\"topic\":\"\",\"last\":1}", "Give either"},
        {"{\"config\":{},\"topic\":\"t\",\"last\":1,\"records\":[{}]}", "Give either"},
        {"{\"config\":{},\"topic\":7,\"last\":1}", "must be a text"},
        {"{\"config\":{},\"topic\":\"t\",\"last\":0}", "must be from 1 to 100"},
        {"{\"config\":{},\"topic\":\"t\",\"last\":101}", "must be from 1 to 100"},
        {"{\"config\":{},\"topic\":\"t\",\"last\":-1}", "must be from 1 to 100"},
        {"{\"config\":{},\"topic\":\"t\",\"last\":\"1\"}", "must be a number"},
        {"{\"config\":{},\"records\":[{}],\"more\":1}", "Unknown field"},
        {"{\"config\":{\"connector.class\":\"Other\"},\"records\":[{}]}", "does not match request type"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(state, TRY, cases[i].body, 400, cases[i].words);
    char many[1000] = "{\"config\":{},\"records\":[1";
    for (size_t i = 0; i < HERDER_TRY_RECORDS_MAX; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), ",1");
    snprintf(many + strlen(many), sizeof(many) - strlen(many), "]}");
    expect(state, TRY, many, 400, "At most 100 records");
    assert_string_equal(fixture->herder.asked, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(definitions_are_found_by_every_name),
        TEST(definitions_of_nothing_are_refused),
        TEST(class_and_plugin_fit_by_their_endings),
        TEST(bodies_that_are_no_configuration_ask_nothing),
        TEST(what_the_herder_refuses_is_passed_on),
        TEST(records_are_tried_as_they_are_written),
        TEST(bodies_that_try_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
