/*
 * Request targets, and the media types that stand beside them. Segments of an accepted path are UTF-8 without control
 * characters, and lead to themselves when they are encoded again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str_buffer.h"
#include "base/utf8.h"
#include "http/media_type.h"
#include "http/target.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

static void lead_back(const struct http_target *target)
{
    struct str_buffer path;
    struct http_target again;
    str_buffer_init(&path, 1u << 20);
    for (size_t i = 0; i < target->segment_count; i++) {
        str_buffer_append_char(&path, '/');
        http_segment_append(&path, target->segments[i]);
    }
    if (target->segment_count == 0)
        str_buffer_append_char(&path, '/');
    must(!str_buffer_failed(&path) && http_target_parse(&again, str_buffer_text(&path)) == NULL);
    must(again.segment_count == target->segment_count);
    for (size_t i = 0; i < again.segment_count; i++)
        must(strcmp(again.segments[i], target->segments[i]) == 0);
    http_target_release(&again);
    str_buffer_release(&path);
}

static void check(const struct http_target *target)
{
    for (size_t i = 0; i < target->segment_count; i++) {
        const char *segment = target->segments[i];
        must(*segment != '\0' && utf8_valid(segment, strlen(segment)));
        for (; *segment != '\0'; segment++)
            must((unsigned char)*segment >= 0x20 && *segment != 0x7f);
    }
    for (size_t i = 0; i < target->query_count; i++)
        must(utf8_valid(target->query[i].name, strlen(target->query[i].name)) &&
             utf8_valid(target->query[i].value, strlen(target->query[i].value)));
    lead_back(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *text = malloc(length + 1);
    struct http_target target;
    must(text != NULL);
    memcpy(text, bytes, length);
    text[length] = '\0';
    if (http_target_parse(&target, text) == NULL)
        check(&target);
    http_target_release(&target);
    if (http_media_of(text) == HTTP_MEDIA_JSON)
        must(http_media_accepts_json("application/json"));
    http_media_accepts_json(text);
    free(text);
    return 0;
}
