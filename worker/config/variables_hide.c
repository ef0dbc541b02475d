/* Words about a resolved configuration, for logs, statuses and REST: what a provider answered is not in them. */
#include "config/variables.h"

#include <string.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"

#include "base/bans.h"

#define SECRET_LEAST 3 /* bytes; shorter values are hidden as values of their own option alone: they stand in any text */
#define WORDS_MAX 65536
#define CAUSES_MAX 64
#define OPTION_MAX (16u << 20)

static void append_without(struct str_buffer *out, const char *text, const char *secret, const char *raw)
{
    size_t length = strlen(secret);
    for (const char *found; length > 0 && (found = strstr(text, secret)) != NULL; text = found + length) {
        str_buffer_append(out, text, (size_t)(found - text));
        str_buffer_append_text(out, raw);
    }
    str_buffer_append_text(out, text);
}

/* "Invalid value V for configuration NAME: …", whatever the parser has made V of the secret. NULL: no such words. */
static const char *after_own_value(const char *words, const char *name, const char **start)
{
    static const char begin[] = "Invalid value ";
    struct str_buffer marker;
    str_buffer_init(&marker, WORDS_MAX);
    str_buffer_printf(&marker, " for configuration %s: ", name);
    *start = strstr(words, begin);
    const char *end = *start == NULL || str_buffer_failed(&marker) ? NULL : strstr(*start, str_buffer_text(&marker));
    *start = end == NULL ? NULL : *start + sizeof(begin) - 1;
    str_buffer_release(&marker);
    return end;
}

static char *hide_one(const char *words, const char *name, const char *raw, const char *secret)
{
    struct str_buffer out;
    const char *start, *rest = after_own_value(words, name, &start);
    str_buffer_init(&out, WORDS_MAX);
    size_t usual = 2 * strlen(words) + 1024; /* so that no piece of a secret is left behind by growing */
    str_buffer_reserve(&out, usual < WORDS_MAX / 2 ? usual : WORDS_MAX / 2);
    if (rest != NULL) {
        str_buffer_append(&out, words, (size_t)(start - words));
        str_buffer_append_text(&out, raw);
        words = rest;
    }
    if (strlen(secret) >= SECRET_LEAST)
        append_without(&out, words, secret, raw);
    else
        str_buffer_append_text(&out, words);
    char *hidden = str_buffer_failed(&out) ? NULL : str_buffer_take(&out, NULL);
    str_buffer_release(&out);
    return hidden;
}

static void words_free(char *words)
{
    if (words != NULL)
        explicit_bzero(words, strlen(words));
    mem_free(words);
}

char *variables_hide(const struct string_map *raw, const struct string_map *resolved, const char *words)
{
    char *hidden = mem_strdup(words);
    for (size_t i = 0; hidden != NULL && i < string_map_count(raw); i++) {
        const char *name = string_map_key(raw, i), *text = string_map_value(raw, i), *secret = string_map_get(resolved, name);
        if (secret == NULL || !variables_has_reference(text) || strcmp(text, secret) == 0)
            continue;
        char *next = hide_one(hidden, name, text, secret);
        words_free(hidden);
        hidden = next;
    }
    return hidden;
}

/* Every text of `config` in which the secret stands. */
static bool put_back_one(struct string_map *config, const char *secret, const char *raw)
{
    bool is_fine = true;
    for (size_t i = 0; is_fine && i < string_map_count(config); i++) {
        struct str_buffer out;
        const char *text = string_map_value(config, i);
        if (text == NULL || strstr(text, secret) == NULL)
            continue;
        str_buffer_init(&out, OPTION_MAX);
        append_without(&out, text, secret, raw);
        is_fine = !str_buffer_failed(&out) && string_map_put(config, string_map_key(config, i), str_buffer_text(&out));
        str_buffer_release(&out);
    }
    return is_fine;
}

bool variables_put_back_within(const struct string_map *raw, const struct string_map *resolved, struct string_map *config)
{
    for (size_t i = 0; i < string_map_count(raw); i++) {
        const char *text = string_map_value(raw, i), *secret = string_map_get(resolved, string_map_key(raw, i));
        if (secret == NULL || strlen(secret) < VARIABLES_PUT_BACK_LEAST || !variables_has_reference(text) || strcmp(text, secret) == 0)
            continue;
        if (!put_back_one(config, secret, text))
            return false;
    }
    return true;
}

/* The chain of causes, each with its words hidden; an error whose words could not be made has none. */
static void add_hidden(const struct mr_error *shown, const struct string_map *raw, const struct string_map *resolved,
                       struct mr_error **made)
{
    char *hidden = variables_hide(raw, resolved, mr_error_message(shown));
    const char *words = hidden != NULL ? hidden : "(no memory for the words of this error)";
    if (*made == NULL)
        mr_error_set(made, mr_error_code(shown), "%s", words);
    else
        mr_error_wrap(made, "%s", words);
    mr_error_set_class_name(*made, mr_error_class_name(shown));
    mr_error_set_retry_after_ms(*made, mr_error_retry_after_ms(shown));
    mem_free(hidden);
}

void variables_hide_error(const struct string_map *raw, const struct string_map *resolved, struct mr_error **error)
{
    const struct mr_error *chain[CAUSES_MAX];
    struct mr_error *made = NULL;
    size_t count = 0;
    if (error == NULL || *error == NULL || raw == NULL || resolved == NULL)
        return;
    for (const struct mr_error *at = *error; at != NULL && count < CAUSES_MAX; at = mr_error_cause(at))
        chain[count++] = at;
    while (count > 0)
        add_hidden(chain[--count], raw, resolved, &made);
    mr_error_drop(*error);
    *error = made;
}
