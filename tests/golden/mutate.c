#include "mutate.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bans.h"
#include "compare.h"

struct mutation {
    json_t *root; /* a copy of `expect`, altered in one place at a time */
    const json_t *outcome;
    const char *operation;
    struct mutate_result *result;
};

static bool is_leaf(const json_t *json)
{
    return !(json_is_object(json) || json_is_array(json)) || (json_is_array(json) && json_array_size(json) == 0);
}

static bool is_information(const json_t *parent, const char *name)
{
    static const char *const NAMES[] = {"text", "exception", "message", "stage", "keys"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (strcmp(name, NAMES[i]) == 0)
            return true;
    return strcmp(name, "v") == 0 && json_object_get(parent, "bits") != NULL;
}

/* A text that differs; bits of a float become those of another number. */
static json_t *other_text(const char *text, bool is_bits)
{
    char longer[8192 + 2];
    if (is_bits)
        return json_string(strlen(text) == 16
                               ? (strcmp(text, "4045000000000000") == 0 ? "0000000000000000" : "4045000000000000")
                               : (strcmp(text, "42280000") == 0 ? "00000000" : "42280000"));
    snprintf(longer, sizeof(longer), "%.8192sx", text);
    return json_string(longer);
}

static json_t *other_leaf(const json_t *leaf, const char *name)
{
    switch (json_typeof(leaf)) {
    case JSON_STRING:
        return other_text(json_string_value(leaf), strcmp(name, "bits") == 0);
    case JSON_INTEGER:
        return json_integer(json_integer_value(leaf) + 1);
    case JSON_TRUE:
        return json_false();
    case JSON_FALSE:
        return json_true();
    case JSON_NULL:
        return json_string("something");
    default:
        return json_pack("[s]", "something");
    }
}

static void leaf_tried(struct mutation *mutation, const char *path)
{
    mutation->result->leaves++;
    if (!compare_outcome(mutation->root, mutation->outcome, mutation->operation))
        return;
    if (mutation->result->overlooked++ == 0)
        snprintf(mutation->result->first, sizeof(mutation->result->first), "%s", path);
}

static void walk(struct mutation *mutation, json_t *json, const char *path);

static void member_visit(struct mutation *mutation, json_t *parent, const char *name, const char *path)
{
    char deeper[256];
    json_t *child = json_object_get(parent, name);
    snprintf(deeper, sizeof(deeper), "%.180s.%.60s", path, name);
    if (!is_leaf(child)) {
        walk(mutation, child, deeper);
        return;
    }
    json_incref(child);
    json_object_set_new(parent, name, other_leaf(child, name));
    leaf_tried(mutation, deeper);
    json_object_set_new(parent, name, child);
}

static void element_visit(struct mutation *mutation, json_t *parent, size_t index, const char *path)
{
    char deeper[256];
    json_t *child = json_array_get(parent, index);
    snprintf(deeper, sizeof(deeper), "%.200s[%zu]", path, index);
    if (!is_leaf(child)) {
        walk(mutation, child, deeper);
        return;
    }
    json_incref(child);
    json_array_set_new(parent, index, other_leaf(child, ""));
    leaf_tried(mutation, deeper);
    json_array_set_new(parent, index, child);
}

static void walk(struct mutation *mutation, json_t *json, const char *path)
{
    if (json_is_array(json)) {
        for (size_t i = 0; i < json_array_size(json); i++)
            element_visit(mutation, json, i, path);
        return;
    }
    /* Setting a member moves nothing, but its key may be freed: names are copied. */
    json_t *names = json_array();
    const char *name;
    json_t *child;
    json_object_foreach(json, name, child) json_array_append_new(names, json_string(name));
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *member = json_string_value(json_array_get(names, i));
        if (!is_information(json, member))
            member_visit(mutation, json, member, path);
    }
    json_decref(names);
}

void mutate_every_leaf(const json_t *expected, const json_t *outcome, const char *operation,
                       struct mutate_result *result)
{
    struct mutation mutation = {
        .root = json_deep_copy(expected), .outcome = outcome, .operation = operation, .result = result};
    *result = (struct mutate_result){.leaves = 0};
    if (mutation.root == NULL)
        return;
    walk(&mutation, mutation.root, "expect");
    json_decref(mutation.root);
}
