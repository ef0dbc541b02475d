#include "template.h"

#include <stdlib.h>
#include <string.h>

#include "print.h"

static int add_part(struct template *template, enum template_kind kind, const char *text, size_t size,
                    struct mr_error **error)
{
    struct template_part *part = &template->parts[template->count];

    if (template->count == TEMPLATE_PARTS_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, "more than %d placeholders and texts between them",
                            TEMPLATE_PARTS_MAX);
    *part = (struct template_part){.kind = kind, .text = strndup(text, size)};
    if (part->text == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a template");
    template->count++;
    return 0;
}

static int add_placeholder(struct template *template, const char *name, size_t size, struct mr_error **error)
{
    if (size == 0)
        return mr_error_set(error, MR_ERR_CONFIG, "\"${}\" names nothing; write ${topic}, ${key} or a field");
    if (size == 5 && memcmp(name, "topic", 5) == 0)
        return add_part(template, TEMPLATE_TOPIC, name, size, error);
    if (size == 3 && memcmp(name, "key", 3) == 0)
        return add_part(template, TEMPLATE_KEY, name, size, error);
    return add_part(template, TEMPLATE_FIELD, name, size, error);
}

int template_read(struct template *template, const char *source, struct mr_error **error)
{
    *template = (struct template){0};
    while (*source != '\0') {
        const char *open = strstr(source, "${");
        const char *close = open == NULL ? NULL : strchr(open, '}');
        size_t before = open == NULL ? strlen(source) : (size_t)(open - source);

        if (open != NULL && close == NULL)
            goto unclosed;
        if (before > 0 && add_part(template, TEMPLATE_TEXT, source, before, error) != 0)
            goto failed;
        if (open == NULL)
            return 0;
        if (add_placeholder(template, open + 2, (size_t)(close - open) - 2, error) != 0)
            goto failed;
        source = close + 1;
    }
    return 0;
unclosed:
    mr_error_set(error, MR_ERR_CONFIG, "\"${\" without its \"}\"");
failed:
    template_release(template);
    return -1;
}

void template_release(struct template *template)
{
    for (size_t i = 0; i < template->count; i++)
        free(template->parts[i].text);
    *template = (struct template){0};
}

bool template_has(const struct template *template, enum template_kind kind)
{
    for (size_t i = 0; i < template->count; i++)
        if (template->parts[i].kind == kind)
            return true;
    return false;
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */

void template_write_plain(struct text *text, const char *bytes, size_t size)
{
    text_add(text, bytes, size);
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void template_write_url(struct text *text, const char *bytes, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (is_unreserved(c))
            text_add(text, bytes + i, 1);
        else
            text_add(text, (char[3]){'%', digits[c >> 4], digits[c & 15]}, 3);
    }
}

int template_value_text(struct text *text, const struct mr_value *value, struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(value);

    if (kind == MR_KIND_STRING || kind == MR_KIND_BYTES) {
        struct mr_bytes bytes = mr_value_bytes(value);

        text_add(text, bytes.data, bytes.size);
        return text->failed ? mr_arena_failed(text->arena, error) : 0;
    }
    return print_value(text, value, error);
}

/* --- filling ----------------------------------------------------------------------------------------------------------- */

static const struct mr_value *member(const struct mr_value *value, const char *name)
{
    switch (mr_value_kind(value)) {
    case MR_KIND_STRUCT:
        return mr_struct_get(value, name);
    case MR_KIND_MAP:
        return mr_map_get(value, name);
    default:
        return NULL;
    }
}

/* The whole path as a name first: a field may have dots in its own. */
static const struct mr_value *field(struct mr_arena *arena, const struct mr_value *value, const char *path)
{
    const struct mr_value *found = member(value, path);
    char *names, *name, *rest;

    if (found != NULL || strchr(path, '.') == NULL)
        return found;
    names = mr_arena_text(arena, path);
    for (name = names; name != NULL && value != NULL; name = rest) {
        rest = strchr(name, '.');
        if (rest != NULL)
            *rest++ = '\0';
        value = member(value, name);
    }
    return names == NULL ? NULL : value;
}

/* Dots alone would be a step in the path, also percent-encoded. */
static bool is_dots(const struct text *text)
{
    return (text->size == 1 && text->data[0] == '.') || (text->size == 2 && memcmp(text->data, "..", 2) == 0);
}

static int fill_value(const struct mr_value *value, const char *name, template_writer *write, struct text *text,
                      struct mr_error **error)
{
    struct text plain = {.arena = text->arena};

    if (value == NULL || mr_value_is_null(value))
        return mr_error_set(error, MR_ERR_DATA, "the record has nothing to put in place of ${%s}", name);
    if (template_value_text(&plain, value, error) != 0)
        return -1;
    if (write == template_write_url && is_dots(&plain))
        return mr_error_set(error, MR_ERR_DATA, "${%s} of the record is \".\" or \"..\", which no URL can hold", name);
    write(text, plain.data == NULL ? "" : plain.data, plain.size);
    return 0;
}

int template_fill(const struct template *template, const struct mr_record *record, template_writer *write,
                  struct text *text, struct mr_error **error)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct template_part *part = &template->parts[i];
        const char *topic = mr_record_topic(record);
        int status = 0;

        if (part->kind == TEMPLATE_TEXT)
            text_add_string(text, part->text);
        else if (part->kind == TEMPLATE_TOPIC)
            write(text, topic == NULL ? "" : topic, topic == NULL ? 0 : strlen(topic));
        else if (part->kind == TEMPLATE_KEY)
            status = fill_value(mr_record_key(record), part->text, write, text, error);
        else
            status =
                fill_value(field(text->arena, mr_record_value(record), part->text), part->text, write, text, error);
        if (status != 0)
            return -1;
    }
    return text->failed ? mr_arena_failed(text->arena, error) : 0;
}
