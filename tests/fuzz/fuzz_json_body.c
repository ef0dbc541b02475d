/*
 * Bodies of REST requests. Whatever is accepted, written out again, is read as the same; whatever is refused is explained
 * with a 400.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/utf8.h"
#include "json/connector_body.h"
#include "json/json_in.h"
#include "json/json_out.h"
#include "json/try_body.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

static void is_refused_in_words(const struct body_problem *problem)
{
    must(problem->status == 400 && *problem->message != '\0' && strlen(problem->message) < sizeof(problem->message));
}

static void read_back(const char *name, const struct string_map *config)
{
    struct str_buffer text;
    struct json_out out;
    struct body_problem problem;
    str_buffer_init(&text, 64u << 20);
    json_out_init(&out, &text);
    json_out_map(&out, config);
    must(!str_buffer_failed(&text) && utf8_valid(str_buffer_text(&text), text.length));
    struct string_map *again = config_body_read(name, str_buffer_text(&text), text.length, &problem);
    must(again != NULL && string_map_equals(config, again));
    string_map_destroy(again);
    str_buffer_release(&text);
}

static void read_connector(const char *text, size_t length)
{
    struct connector_body body;
    struct body_problem problem;
    if (!connector_body_read(&body, text, length, &problem)) {
        is_refused_in_words(&problem);
        return;
    }
    read_back(body.name, body.config);
    connector_body_release(&body);
}

static void read_config(const char *text, size_t length)
{
    struct body_problem problem;
    struct string_map *config = config_body_read("c", text, length, &problem);
    if (config == NULL) {
        is_refused_in_words(&problem);
        return;
    }
    must(strcmp(string_map_get(config, "name"), "c") == 0);
    read_back("c", config);
    string_map_destroy(config);
}

static void read_try(const char *text, size_t length)
{
    struct try_body body;
    struct body_problem problem;
    if (!try_body_read(&body, text, length, &problem)) {
        is_refused_in_words(&problem);
        return;
    }
    must((body.topic == NULL) == (body.record_count > 0) && (body.topic == NULL) == (body.last == 0));
    try_body_release(&body);
}

/* Whatever a configuration may be made of is JSON first. */
static void pass_over(const char *text, size_t length)
{
    struct json_in in;
    json_in_init(&in, text, length);
    bool fine = json_in_skip(&in) && json_in_end(&in);
    must(fine == (*json_in_why(&in) == '\0') && fine == !json_in_broken(&in));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    pass_over((const char *)bytes, length);
    read_connector((const char *)bytes, length);
    read_config((const char *)bytes, length);
    read_try((const char *)bytes, length);
    return 0;
}
