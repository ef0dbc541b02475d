/*
 * REST extensions in every mood. MoodyRestExtension does in filter what the query's `filter` says, and in serve what its `serve` says:
 * refuse, fail, hang (while the file `while` is there), crash, status, json, header, large, many, mute (serve alone). Its serve is at
 * /acme and tells what it sees. StampRestExtension adds a header to all answers. Greedy wants a path of the worker's, Twin the one of
 * Moody, Unwilling does not start.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "idle.h"

static const struct mr_config_row rows[] = {
    {.name = "acme.greeting", .type = MR_CONFIG_STRING, .default_text = "hello", .importance = MR_LOW, .doc = "What serve says."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct moody {
    struct mr_rest_context *context;
    const char *greeting;
};

static void *moody_create(struct mr_rest_context *context, const struct mr_config *config, struct mr_error **error)
{
    struct moody *moody = calloc(1, sizeof(*moody));
    if (moody == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
        return NULL;
    }
    *moody = (struct moody){context, mr_config_string(config, "acme.greeting")};
    return moody;
}

/* true: it did. What an answer refuses is overlooked, as careless plugins do. */
static bool misbehave(const char *mood, const struct mr_rest_request *request, struct mr_rest_answer *answer)
{
    int overlooked = 0;
    if (strcmp(mood, "hang") == 0) {
        while (access(mr_rest_request_query(request, "while"), F_OK) == 0)
            usleep(2000);
    } else if (strcmp(mood, "crash") == 0) {
        raise(SIGSEGV);
    } else if (strcmp(mood, "status") == 0) {
        overlooked = mr_rest_answer_set(answer, 99, "{}");
    } else if (strcmp(mood, "json") == 0) {
        overlooked = mr_rest_answer_set(answer, 200, "{\"a\":1} {");
    } else if (strcmp(mood, "blank") == 0) {
        overlooked = mr_rest_answer_set(answer, 200, " ");
    } else if (strcmp(mood, "header") == 0) {
        overlooked = mr_rest_answer_add_header(answer, "Content-Length", "7");
    } else if (strcmp(mood, "split") == 0) {
        overlooked = mr_rest_answer_add_header(answer, "X-A", "b\r\nX-Evil: c");
    } else if (strcmp(mood, "null") == 0) {
        overlooked = mr_rest_answer_add_header(answer, NULL, NULL);
    } else if (strcmp(mood, "many") == 0) {
        for (int i = 0; i <= MR_REST_HEADERS_MAX; i++)
            overlooked |= mr_rest_answer_add_header(answer, "X-A", "b");
    } else if (strcmp(mood, "large") == 0) {
        char *large = malloc(MR_REST_BODY_MAX + 3);
        memset(large, '1', MR_REST_BODY_MAX + 2);
        large[MR_REST_BODY_MAX + 2] = '\0';
        overlooked = mr_rest_answer_set(answer, 200, large);
        free(large);
    } else {
        return false;
    }
    return overlooked <= 0;
}

static int moody_filter(void *self, const struct mr_rest_request *request, struct mr_rest_answer *answer, struct mr_error **error)
{
    const char *mood = mr_rest_request_query(request, "filter");
    (void)self;
    if (mood == NULL || misbehave(mood, request, answer))
        return 0;
    if (strcmp(mood, "refuse") == 0)
        return mr_rest_answer_set(answer, 403, "{\"refused\":true}");
    if (strcmp(mood, "fail") == 0)
        return mr_error_set(error, MR_ERR_NOT_FOUND, "secret words");
    return strcmp(mood, "mutter") == 0 ? -1 : 0;
}

static void count_connector(void *argument, const char *connector)
{
    (void)connector;
    ++*(int *)argument;
}

static void note_unit(void *argument, const struct mr_unit_health *unit)
{
    char *states = argument;
    size_t length = strlen(states);
    snprintf(states + length, 256 - length, "%d:%s ", unit->task, unit->state);
}

static int tell(const struct moody *moody, const struct mr_rest_request *request, struct mr_rest_answer *answer, struct mr_error **error)
{
    char text[4096], states[256] = "";
    const char *of = mr_rest_request_query(request, "of"), *second = mr_rest_request_segment(request, 1);
    const char *header = mr_rest_request_header(request, "X-Asked");
    const char *caller = mr_rest_request_caller(request);
    int count = 0;
    if (mr_rest_context_each_connector(moody->context, count_connector, &count, error) != 0 ||
        (of != NULL && mr_rest_context_each_unit(moody->context, of, note_unit, states, error) != 0))
        return -1;
    snprintf(text, sizeof(text),
             "{\"says\":\"%s\",\"method\":\"%s\",\"path\":\"%s\",\"second\":\"%s\",\"asked\":\"%s\",\"body\":%zu,\"caller\":\"%s\","
             "\"from\":\"%s\",\"cluster\":\"%s\",\"connectors\":%d,\"states\":\"%s\"}",
             moody->greeting, mr_rest_request_method(request), mr_rest_request_path(request), second != NULL ? second : "",
             header != NULL ? header : "", mr_rest_request_body(request).size, caller != NULL ? caller : "",
             mr_rest_request_client_address(request), mr_rest_context_cluster_id(moody->context), count, states);
    return mr_rest_answer_set(answer, 200, text);
}

static int moody_serve(void *self, const struct mr_rest_request *request, struct mr_rest_answer *answer, struct mr_error **error)
{
    const char *mood = mr_rest_request_query(request, "serve");
    if (mood == NULL)
        return tell(self, request, answer, error);
    if (misbehave(mood, request, answer) || strcmp(mood, "mute") == 0)
        return 0;
    if (strcmp(mood, "empty") == 0)
        return mr_rest_answer_set(answer, 204, NULL);
    if (strcmp(mood, "fail") == 0)
        return mr_error_set(error, MR_ERR_NOT_FOUND, "there is no such thing");
    return -1;
}

static void *unwilling_create(struct mr_rest_context *context, const struct mr_config *config, struct mr_error **error)
{
    (void)context, (void)config;
    mr_error_set(error, MR_ERR_CONFIG, "not today");
    return NULL;
}

static int stamp_filter(void *self, const struct mr_rest_request *request, struct mr_rest_answer *answer, struct mr_error **error)
{
    (void)self, (void)error;
    return mr_rest_answer_add_header(answer, "X-Stamp", mr_rest_request_method(request));
}

#define OPS(create_, destroy_, filter_, serve_, prefix_)                                                                 \
    {                                                                                                                  \
        .size = sizeof(struct mr_rest_extension_ops), .create = (create_), .destroy = (destroy_), .filter = (filter_),    \
        .serve = (serve_), .prefix = (prefix_)                                                                         \
    }
static const struct mr_rest_extension_ops moody_ops = OPS(moody_create, free, moody_filter, moody_serve, "/acme"),
                                          stamp_ops = OPS(idle_rest_create, idle_void, stamp_filter, NULL, NULL),
                                          greedy_ops = OPS(idle_rest_create, idle_void, NULL, moody_serve, "/connectors"),
                                          twin_ops = OPS(idle_rest_create, idle_void, NULL, moody_serve, "/acme"),
                                          unwilling_ops = OPS(unwilling_create, idle_void, stamp_filter, NULL, NULL);

static const struct mr_plugin moody = {.size = sizeof(moody), .kind = MR_PLUGIN_REST_EXTENSION, .config_def = &options,
                                       .class_name = "org.acme.MoodyRestExtension", .version = "1.0", .ops = &moody_ops};
static const struct mr_plugin stamp = IDLE_PLUGIN(MR_PLUGIN_REST_EXTENSION, "org.acme.StampRestExtension", &stamp_ops);
static const struct mr_plugin greedy = IDLE_PLUGIN(MR_PLUGIN_REST_EXTENSION, "org.acme.GreedyRestExtension", &greedy_ops);
static const struct mr_plugin twin = IDLE_PLUGIN(MR_PLUGIN_REST_EXTENSION, "org.acme.TwinRestExtension", &twin_ops);
static const struct mr_plugin unwilling =
    IDLE_PLUGIN(MR_PLUGIN_REST_EXTENSION, "org.acme.UnwillingRestExtension", &unwilling_ops);

static const struct mr_plugin *const plugins[] = {&moody, &stamp, &greedy, &twin, &unwilling};
static const struct mr_module module = MR_MODULE("rest_extensions", plugins);

IDLE_ENTRY(module)
