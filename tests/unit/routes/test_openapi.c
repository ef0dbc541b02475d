/* The description of the API holds what the route table serves, and nothing else. */
#include "routes_test.h"

#include <jansson.h>

#include "routes/openapi.h"
#include "routes/openapi_internal.h"
#include "routes/routes_internal.h"
#include "support/alloc_torture.h"


static json_t *read_document_of(bool with_admin, const struct rest_auth_config *auth)
{
    struct str_buffer text;
    json_error_t why;
    str_buffer_init(&text, OPENAPI_LENGTH_MAX);
    assert_true(openapi_write(&text, with_admin, auth));
    json_t *root = json_loads(str_buffer_text(&text), JSON_REJECT_DUPLICATES, &why);
    if (root == NULL)
        fail_msg("%s at %d", why.text, why.position);
    str_buffer_release(&text);
    return root;
}

static json_t *read_document(bool with_admin)
{
    return read_document_of(with_admin, NULL);
}

static int set_up_document(void **state)
{
    *state = read_document(true);
    return 0;
}

static int tear_down_document(void **state)
{
    json_decref(*state);
    return 0;
}

/* "/a/{b:int}" → "/a/{b}" */
static const char *path_of(const char *pattern)
{
    static char path[200];
    size_t length = 0;
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at == ':')
            at = strchr(at, '}');
        path[length++] = *at;
    }
    path[length] = '\0';
    return path;
}

static const char *member_of(enum http_method method)
{
    static char name[20];
    snprintf(name, sizeof(name), "%s", http_method_name(method));
    for (char *at = name; *at != '\0'; at++)
        *at = (char)(*at | 0x20);
    return name;
}

static bool is_route(const char *path, const char *method)
{
    for (size_t i = 0; i < REST_ROUTE_COUNT; i++)
        if (strcmp(path_of(REST_ROUTES[i].pattern), path) == 0 && strcmp(member_of(REST_ROUTES[i].method), method) == 0)
            return true;
    return false;
}

static void every_route_is_described(void **state)
{
    for (size_t i = 0; i < REST_ROUTE_COUNT; i++) {
        const struct http_route *route = &REST_ROUTES[i];
        const json_t *path = json_object_get(json_object_get(*state, "paths"), path_of(route->pattern));
        const json_t *operation = json_object_get(path, member_of(route->method));
        if (operation == NULL)
            fail_msg("%s %s has no row in route_docs.c", http_method_name(route->method), route->pattern);
        if (json_object_size(json_object_get(operation, "responses")) < 2)
            fail_msg("%s %s says of no answer what it is", http_method_name(route->method), route->pattern);
    }
}

static void nothing_but_routes_is_described(void **state)
{
    const char *path, *method;
    json_t *operations, *operation;
    size_t count = 0;
    json_object_foreach(json_object_get(*state, "paths"), path, operations)
    {
        json_object_foreach(operations, method, operation)
        {
            count++;
            if (!is_route(path, method))
                fail_msg("%s %s is no route", method, path);
        }
    }
    assert_int_equal(count, REST_ROUTE_COUNT);
    assert_int_equal(ROUTE_DOC_COUNT, REST_ROUTE_COUNT);
}

static void administrative_routes_are_left_out_where_they_are_not_served(void **state)
{
    (void)state;
    json_t *root = read_document(false);
    const char *path;
    json_t *operations;
    size_t count = 0;
    json_object_foreach(json_object_get(root, "paths"), path, operations)
    {
        assert_null(strstr(path, "/admin/"));
        count += json_object_size(operations);
    }
    assert_int_equal(count, REST_ROUTE_COUNT_WITHOUT_ADMIN);
    json_decref(root);
}

static void it_says_what_needs_a_login_and_by_what(void **state)
{
    json_t *schemes = json_object_get(json_object_get(*state, "components"), "securitySchemes"), *way;
    size_t i;
    assert_int_equal(json_array_size(json_object_get(*state, "security")), json_object_size(schemes) + 1);
    json_array_foreach(json_object_get(*state, "security"), i, way)
    {
        const char *name = json_object_iter_key(json_object_iter(way));
        assert_true(name == NULL || json_object_get(schemes, name) != NULL);
    }
    for (i = 0; i < REST_ROUTE_COUNT; i++) {
        const struct http_route *route = &REST_ROUTES[i];
        const json_t *path = json_object_get(json_object_get(*state, "paths"), path_of(route->pattern));
        const json_t *operation = json_object_get(path, member_of(route->method));
        const json_t *answers = json_object_get(operation, "responses"), *security = json_object_get(operation, "security");
        bool needs_login = route_needs_login(route);
        if ((json_object_get(answers, "401") != NULL) != needs_login || (security == NULL) != needs_login)
            fail_msg("%s %s", http_method_name(route->method), route->pattern);
        assert_int_equal(json_array_size(security), 0);
    }
}

/* "password token": what the worker's document names, in its order; "-" stands for none. */
static void assert_ways(const struct rest_auth_config *auth, const char *expected)
{
    json_t *root = read_document_of(true, auth), *way;
    char ways[100] = "";
    size_t i;
    json_array_foreach(json_object_get(root, "security"), i, way)
    {
        const char *name = json_object_iter_key(json_object_iter(way));
        snprintf(ways + strlen(ways), sizeof(ways) - strlen(ways), "%s%s", i == 0 ? "" : " ", name == NULL ? "-" : name);
    }
    assert_string_equal(ways, expected);
    json_t *schemes = json_object_get(json_object_get(root, "components"), "securitySchemes");
    assert_int_equal(json_object_size(schemes), json_array_size(json_object_get(root, "security")) - (strchr(ways, '-') != NULL));
    json_decref(root);
}

static void only_the_ways_to_log_in_that_are_open_are_named(void **state)
{
    (void)state;
    assert_ways(NULL, "password token certificate -");
    assert_ways(&(struct rest_auth_config){.passwords_file = ""}, "-");
    assert_ways(&(struct rest_auth_config){.passwords_file = "p"}, "password");
    assert_ways(&(struct rest_auth_config){.jaas_file = "j", .certificates = true}, "password certificate");
    assert_ways(&(struct rest_auth_config){.issuer = "https://i"}, "token");
}

static void operations_have_names_of_their_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROUTE_DOC_COUNT; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ROUTE_DOCS[i].id, ROUTE_DOCS[j].id);
}

/* ---- what is said in it ---- */

typedef void visit_fn(json_t *root, const char *name, json_t *object);

/* Every object in the tree; `name` is that of the member it stands under, or hangs below. */
static void visit(json_t *root, const char *name, json_t *at, visit_fn *look)
{
    const char *member;
    json_t *value;
    size_t i;
    if (json_is_object(at)) {
        look(root, name, at);
        json_object_foreach(at, member, value)
            visit(root, member, value, look);
    } else if (json_is_array(at)) {
        json_array_foreach(at, i, value)
            visit(root, name, value, look);
    }
}

static void follow(json_t *root, const char *name, json_t *object)
{
    const char *reference = json_string_value(json_object_get(object, "$ref"));
    if (reference == NULL)
        return;
    char kind[40], part[100];
    if (sscanf(reference, "#/components/%39[^/]/%99s", kind, part) != 2 ||
        json_object_get(json_object_get(json_object_get(root, "components"), kind), part) == NULL)
        fail_msg("%s leads nowhere (under %s)", reference, name);
}

static void references_lead_somewhere(void **state)
{
    visit(*state, "", *state, follow);
}

/* These take what they do not know, as the JVM worker does. */
static bool is_open(const char *name)
{
    return strcmp(name, "LoggerLevel") == 0 || strcmp(name, "OpenApi") == 0;
}

static void look_closed(json_t *root, const char *name, json_t *schema)
{
    (void)root;
    if (json_object_get(schema, "properties") != NULL && json_is_string(json_object_get(schema, "type")) && !is_open(name) &&
        !json_is_false(json_object_get(schema, "additionalProperties")))
        fail_msg("%s is open", name);
    const char *required;
    size_t i;
    json_t *value;
    json_array_foreach(json_object_get(schema, "required"), i, value)
    {
        required = json_string_value(value);
        if (!is_open(name) && json_object_get(json_object_get(schema, "properties"), required) == NULL)
            fail_msg("%s requires %s, which it has not", name, required);
    }
}

static void shapes_are_closed(void **state)
{
    json_t *schemas = json_object_get(json_object_get(*state, "components"), "schemas");
    assert_int_equal(json_object_size(schemas), OPENAPI_SCHEMA_COUNT);
    visit(*state, "", schemas, look_closed);
}

static void it_is_served(void **state)
{
    struct reply *reply = ask(state, "GET " REST_OPENAPI, NULL);
    struct str_buffer text;
    assert_int_equal(reply->status, 200);
    assert_string_equal(reply_header(reply, "Content-Type"), "application/json");
    str_buffer_init(&text, OPENAPI_LENGTH_MAX);
    assert_true(openapi_write(&text, true, &(struct rest_auth_config){.certificates = false}));
    assert_string_equal(reply->body, str_buffer_text(&text));
    assert_true(text.length < OPENAPI_LENGTH_MAX / 2);
    str_buffer_release(&text);
}

static bool write_once(void *argument)
{
    (void)argument;
    struct str_buffer text;
    str_buffer_init(&text, OPENAPI_LENGTH_MAX);
    bool worked = openapi_write(&text, true, NULL);
    str_buffer_release(&text);
    return worked;
}

static void want_of_memory_is_told(void **state)
{
    (void)state;
    alloc_torture(write_once, NULL);
}

#define OF_DOCUMENT(test) cmocka_unit_test_setup_teardown(test, set_up_document, tear_down_document)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF_DOCUMENT(every_route_is_described),
        OF_DOCUMENT(nothing_but_routes_is_described),
        cmocka_unit_test(administrative_routes_are_left_out_where_they_are_not_served),
        cmocka_unit_test(operations_have_names_of_their_own),
        OF_DOCUMENT(it_says_what_needs_a_login_and_by_what),
        cmocka_unit_test(only_the_ways_to_log_in_that_are_open_are_named),
        OF_DOCUMENT(references_lead_somewhere),
        OF_DOCUMENT(shapes_are_closed),
        cmocka_unit_test_setup_teardown(it_is_served, set_up, tear_down),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
