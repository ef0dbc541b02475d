/*
 * Paths into values, as the own transforms read them and as field.syntax.version=V1 and V2: any text is read or refused in words, what
 * is read has the parts of the text and no more, and can be looked up; written in backticks it is read the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own/value_path.h"
#include "support/field_path.h"

static void must(int fact)
{
    if (!fact)
        abort();
}

/* {"a":[1,{"b":2}],"x.y":{"":3}} */
static const struct mr_value *sample(struct mr_arena *arena)
{
    struct mr_value *outer = mr_map_create(arena, 2), *inner = mr_map_create(arena, 1), *dotted = mr_map_create(arena, 1);
    struct mr_value *array = mr_array_create(arena, 2);
    must(outer != NULL && inner != NULL && dotted != NULL && array != NULL);
    must(mr_map_put_text(arena, inner, "b", mr_int32(arena, 2)) == 0 && mr_map_put_text(arena, dotted, "", mr_int32(arena, 3)) == 0);
    must(mr_array_append(arena, array, mr_int32(arena, 1)) == 0 && mr_array_append(arena, array, inner) == 0);
    must(mr_map_put_text(arena, outer, "a", array) == 0 && mr_map_put_text(arena, outer, "x.y", dotted) == 0);
    return outer;
}

/* In backticks. NULL: a name has a backslash, which has no such form. Ends with free. */
static char *written(const struct value_path *path, size_t text_size)
{
    char *out = malloc(4 * text_size + 32 * (path->count + 1)), *end = out;
    must(out != NULL);
    for (size_t i = 0; i < path->count; i++) {
        const struct value_step *step = &path->steps[i];
        if (step->kind == STEP_NAME && strchr(step->name, '\\') != NULL) {
            free(out);
            return NULL;
        }
        if (step->kind != STEP_NAME) {
            end += step->kind == STEP_EACH ? sprintf(end, "[*]") : sprintf(end, "[%lld]", (long long)step->index);
            continue;
        }
        end += sprintf(end, "%s`", i == 0 ? "" : ".");
        for (const char *at = step->name; *at != '\0'; at++)
            end += sprintf(end, "%s%c", *at == '`' ? "\\" : "", *at);
        *end++ = '`';
    }
    *end = '\0';
    return out;
}

static void must_be_same(const struct value_path *one, const struct value_path *other)
{
    must(one->count == other->count);
    for (size_t i = 0; i < one->count; i++) {
        const struct value_step *left = &one->steps[i], *right = &other->steps[i];
        must(left->kind == right->kind);
        must(left->kind != STEP_NAME || strcmp(left->name, right->name) == 0);
        must(left->kind != STEP_INDEX || left->index == right->index);
    }
}

static void read_again(const struct value_path *path, size_t size)
{
    char *text = written(path, size);
    struct value_path again;
    if (text != NULL) {
        must(value_path_init(&again, text, true, NULL) == 0);
        must_be_same(path, &again);
        value_path_release(&again);
    }
    free(text);
}

static void read_own(struct mr_arena *arena, const char *text)
{
    struct value_path path, wider;
    struct mr_error *error = NULL;
    bool is_read = value_path_init(&path, text, false, &error) == 0;
    must(is_read == (error == NULL));
    mr_error_clear(&error);
    bool is_wider = value_path_init(&wider, text, true, NULL) == 0;
    must(!is_read || is_wider);
    if (is_wider) {
        must(wider.count <= VALUE_PATH_STEPS_MAX);
        read_again(&wider, strlen(text));
        value_path_release(&wider);
    }
    if (is_read) {
        value_path_find(&path, sample(arena), true);
        value_path_release(&path);
    }
}

static void read_field(const char *text)
{
    struct field_path path;
    struct mr_error *error = NULL;
    must(field_path_init(&path, FIELD_SYNTAX_V1, text, NULL) == 0 && path.count == 1 && strcmp(path.steps[0], text) == 0);
    field_path_release(&path);
    bool is_read = field_path_init(&path, FIELD_SYNTAX_V2, text, &error) == 0;
    must(is_read == (error == NULL) && (is_read || mr_error_code(error) == MR_ERR_CONFIG));
    mr_error_clear(&error);
    if (!is_read)
        return;
    size_t sum = 0;
    for (size_t i = 0; i < path.count; i++)
        sum += strlen(path.steps[i]);
    must(sum <= strlen(text) && path.count <= strlen(text) + 1);
    field_path_release(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *text = strndup((const char *)bytes, length);
    struct mr_arena *arena = mr_arena_create((size_t)1 << 20);
    must(text != NULL && arena != NULL);
    read_own(arena, text);
    read_field(text);
    mr_arena_destroy(arena);
    free(text);
    return 0;
}
