/* What no report may hold: values that config providers answered, and literal ones that nobody is shown (config/connector_shown.h). */
#include "dry_run/dry_run_internal.h"

#include <millrace/error.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/secrets.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_shown.h"
#include "config/variables.h"

#include "base/bans.h"

static const char HIDDEN[] = SECRETS_HIDDEN;

static bool add(struct mask *mask, const char *text)
{
    if (text == NULL || strlen(text) < SECRETS_LEAST) /* stands in any text */
        return true;
    mask->texts[mask->count] = mem_strdup(text);
    return mask->texts[mask->count++] != NULL;
}

static bool fill(struct mask *mask, const struct string_map *raw, const struct string_map *resolved,
                 const struct string_map *shown)
{
    bool fine = shown != NULL && mask->texts != NULL;
    for (size_t i = 0; fine && i < string_map_count(raw); i++) {
        const char *name = string_map_key(raw, i), *text = string_map_value(raw, i), *as_shown = string_map_get(shown, name);
        bool is_hidden = text != NULL && as_shown != NULL && strcmp(text, as_shown) != 0;
        if (is_hidden || variables_has_reference(text))
            fine = add(mask, string_map_get(resolved, name));
    }
    return fine;
}

int mask_init(struct mask *mask, const struct loader *loader, const struct string_map *raw,
              const struct string_map *resolved, struct mr_error **error)
{
    struct string_map *shown = connector_shown_create(loader, raw, raw);
    *mask = (struct mask){.texts = mem_calloc(string_map_count(raw) + 1, sizeof(*mask->texts))};
    bool fine = fill(mask, raw, resolved, shown);
    string_map_destroy(shown);
    return fine ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for what a dry run hides");
}

void mask_release(struct mask *mask)
{
    for (size_t i = 0; i < mask->count; i++) {
        if (mask->texts[i] != NULL)
            explicit_bzero(mask->texts[i], strlen(mask->texts[i]));
        mem_free(mask->texts[i]);
    }
    mem_free(mask->texts);
    *mask = (struct mask){.count = 0};
}

/* Hides every `secret`, in place, which has room for it: it is no shorter than what takes its place. */
static size_t hide(char *text, size_t length, const char *secret)
{
    size_t cut = strlen(secret), put = sizeof(HIDDEN) - 1;
    for (char *at = text; (at = memmem(at, length - (size_t)(at - text), secret, cut)) != NULL; at += put) {
        memcpy(at, HIDDEN, put);
        memmove(at + put, at + cut, length - (size_t)(at - text) - cut);
        length -= cut - put;
    }
    return length;
}

/* A copy of the text without what is hidden; mem_free. *changed false: nothing was. NULL: no memory. */
static char *hidden_copy(const struct mask *mask, const char *text, size_t *length, bool *changed)
{
    char *copy = mem_alloc(*length + 1);
    if (copy == NULL)
        return NULL;
    size_t before = *length;
    memcpy(copy, text, before);
    for (size_t i = 0; i < mask->count; i++)
        *length = hide(copy, *length, mask->texts[i]);
    *length = secrets_hide(copy, *length);
    *changed = *length != before || memcmp(copy, text, before) != 0;
    return copy;
}

static bool mask_text(const struct mask *mask, json_t *json)
{
    size_t length = json_string_length(json);
    bool changed = false;
    char *copy = hidden_copy(mask, json_string_value(json), &length, &changed);
    bool fine = copy != NULL && (!changed || json_string_setn(json, copy, length) == 0);
    mem_free(copy);
    return fine;
}

/* Base64 is another text: it is looked at as what it stands for. */
static bool mask_bytes(const struct mask *mask, json_t *json)
{
    size_t length = json_string_length(json), size;
    bool changed = false, fine = true;
    char *bytes = mem_alloc(base64_decoded_max(length) + 1);
    if (bytes == NULL)
        return false;
    if (base64_decode(json_string_value(json), length, bytes, &size)) {
        char *copy = hidden_copy(mask, bytes, &size, &changed);
        char *text = copy == NULL ? NULL : mem_alloc(base64_encoded_length(size) + 1);
        fine = text != NULL && (!changed || json_string_setn(json, text, base64_encode(copy, size, text)) == 0);
        mem_free(copy);
        mem_free(text);
    }
    mem_free(bytes);
    return fine;
}

static bool is_base64(const json_t *object, const char *name)
{
    const char *tag = json_string_value(json_object_get(object, "t"));
    return strcmp(name, "bytes") == 0 || (strcmp(name, "v") == 0 && tag != NULL && strcmp(tag, "bytes") == 0);
}

bool mask_apply(const struct mask *mask, json_t *json)
{
    bool fine = true;
    const char *name;
    json_t *item;
    size_t i;
    if (json_is_string(json))
        return mask_text(mask, json);
    if (json_is_array(json)) {
        json_array_foreach(json, i, item) fine = mask_apply(mask, item) && fine;
        return fine;
    }
    json_object_foreach(json, name, item)
    {
        bool is_bytes = json_is_string(item) && is_base64(json, name);
        fine = (is_bytes ? mask_bytes(mask, item) : mask_apply(mask, item)) && fine;
    }
    return fine;
}
