#include "dry_run/places.h"

#include <millrace/record.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/variables.h"
#include "pipeline/observer.h"

#include "base/bans.h"

#define OURS "millrace.transforms."
#define KAFKAS "org.apache.kafka.connect.transforms."
#define PLACES_MAX 200      /* further ones are not looked for */
#define TOLD_MAX 20         /* further ones are not told */
#define HINT_BYTES_MAX 1024 /* of one */
#define NAME_BYTES_MAX 1024 /* of one step */

struct place {
    const char *alias; /* the pipeline's */
    char *option, *path;
    bool is_key, is_name; /* is_name: dots and brackets mean nothing */
    enum { NOT_LOOKED, ABSENT, PRESENT } seen; /* in the record at work */
    size_t looked, found;
};

static void place_free(void *item)
{
    struct place *place = item;
    mem_free(place->option);
    mem_free(place->path);
    mem_free(place);
}

void places_init(struct places *places, const struct string_map *raw, const struct string_map *resolved)
{
    *places = (struct places){.raw = raw, .resolved = resolved};
    ptr_array_init(&places->items, place_free);
}

void places_release(struct places *places)
{
    ptr_array_release(&places->items);
}

/* Options ----------------------------------------------------------------------------------------------------- */

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void add_place(struct places *places, const struct place *like, const char *option, const char *path, size_t length)
{
    struct place *place = places->items.count == PLACES_MAX ? NULL : mem_calloc(1, sizeof(*place));
    if (place == NULL)
        return;
    *place = *like;
    place->option = mem_strdup(option);
    place->path = mem_strndup(path, length);
    if (place->option == NULL || place->path == NULL || !ptr_array_push(&places->items, place))
        place_free(place);
}

/* What a config provider answered is not for hints. */
static void add_option(struct places *places, const struct place *like, const char *name, bool is_list)
{
    struct str_buffer option;
    str_buffer_init(&option, HINT_BYTES_MAX);
    str_buffer_printf(&option, "transforms.%s.%s", like->alias, name);
    const char *text = string_map_get(places->resolved, str_buffer_text(&option)), *raw = string_map_get(places->raw, str_buffer_text(&option));
    while (text != NULL && raw != NULL && !variables_has_reference(raw) && *text != '\0') {
        text += strspn(text, ", \t\r\n");
        size_t reach = is_list ? strcspn(text, ",") : strlen(text), length = reach;
        while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
            length--;
        if (length > 0)
            add_place(places, like, str_buffer_text(&option), text, length);
        text += reach;
    }
    str_buffer_release(&option);
}

static bool has_paths(const struct places *places, const char *alias)
{
    struct str_buffer option;
    str_buffer_init(&option, HINT_BYTES_MAX);
    str_buffer_printf(&option, "transforms.%s.field.syntax.version", alias);
    const char *version = string_map_get(places->resolved, str_buffer_text(&option));
    bool is_second = version != NULL && strcmp(version, "V2") == 0;
    str_buffer_release(&option);
    return is_second;
}

static void add_stage(struct places *places, const struct observed_stage *stage)
{
    const char *class_name = stage->class_name, *side = strrchr(class_name, '$');
    bool is_ours = begins_with(class_name, OURS);
    const struct place like = {.alias = stage->alias,
                               .is_key = side != NULL && strcmp(side, "$Key") == 0,
                               .is_name = !is_ours && !has_paths(places, stage->alias)};
    if ((!is_ours && !begins_with(class_name, KAFKAS)) || begins_with(class_name, KAFKAS "HoistField"))
        return; /* HoistField's field is one that it makes */
    add_option(places, &like, "field", false);
    add_option(places, &like, "fields", true);
    if (begins_with(class_name, KAFKAS "ReplaceField")) {
        add_option(places, &like, "exclude", true);
        add_option(places, &like, "include", true);
    }
}

/* Paths --------------------------------------------------------------------------------------------------------- */

/* A name and the dot behind it; a backtick at its beginning quotes it. The path has been found right when the transform was made. */
static const char *read_name(const char *path, struct str_buffer *name)
{
    bool is_quoted = *path == '`';
    path += is_quoted;
    while (*path != '\0' && (is_quoted ? *path != '`' : *path != '.' && *path != '[')) {
        if (is_quoted && path[0] == '\\' && path[1] == '`')
            path++;
        str_buffer_append_char(name, *path++);
    }
    path += is_quoted && *path == '`';
    return path + (*path == '.');
}

static bool is_there(const struct mr_value *value, const char *path);

static const struct mr_value *member(const struct mr_value *value, const char *name)
{
    if (mr_value_kind(value) == MR_KIND_MAP)
        return mr_map_get(value, name);
    int32_t index = mr_value_kind(value) == MR_KIND_STRUCT ? mr_schema_field_index(mr_struct_schema(value), name) : -1;
    return index < 0 ? NULL : mr_struct_at(value, (size_t)index);
}

static bool has_element(const struct mr_value *value, const char *path)
{
    const char *end = strchr(path, ']');
    size_t count = mr_value_kind(value) == MR_KIND_ARRAY ? mr_array_count(value) : 0;
    if (mr_value_kind(value) != MR_KIND_ARRAY || end == NULL)
        return false;
    end += 1 + (end[1] == '.');
    bool is_found = path[1] == '*' && count == 0;
    for (size_t i = 0; path[1] == '*' && i < count && !is_found; i++)
        is_found = is_there(mr_array_at(value, i), end);
    if (path[1] == '*')
        return is_found;
    long long number = strtoll(path + 1, NULL, 10);
    uint64_t index = number < 0 ? count - (uint64_t)-number : (uint64_t)number;
    return index < count && is_there(mr_array_at(value, index), end);
}

static bool is_there(const struct mr_value *value, const char *path)
{
    if (value == NULL)
        return false;
    if (*path == '\0' || mr_value_is_null(value))
        return true;
    if (*path == '[')
        return has_element(value, path);
    struct str_buffer name;
    str_buffer_init(&name, NAME_BYTES_MAX);
    path = read_name(path, &name);
    const struct mr_value *found = str_buffer_failed(&name) ? NULL : member(value, str_buffer_text(&name));
    str_buffer_release(&name);
    return is_there(found, path);
}

/* Records ----------------------------------------------------------------------------------------------------- */

static bool is_known(const struct places *places, const struct observed_stage *stage)
{
    for (size_t i = 0; i < places->items.count; i++)
        if (((const struct place *)places->items.items[i])->alias == stage->alias)
            return true;
    return false;
}

void places_look(struct places *places, const struct observed_stage *stage, const struct mr_record *record)
{
    if (!is_known(places, stage))
        add_stage(places, stage);
    for (size_t i = 0; i < places->items.count; i++) {
        struct place *place = places->items.items[i];
        const struct mr_value *value = place->is_key ? mr_record_key(record) : mr_record_value(record);
        if (place->alias != stage->alias)
            continue;
        if (value == NULL || mr_value_is_null(value))
            place->seen = NOT_LOOKED;
        else
            place->seen = (place->is_name ? member(value, place->path) != NULL : is_there(value, place->path)) ? PRESENT : ABSENT;
    }
}

void places_count(struct places *places, const struct observed_stage *stage, bool applies)
{
    for (size_t i = 0; i < places->items.count; i++) {
        struct place *place = places->items.items[i];
        if (place->alias != stage->alias)
            continue;
        place->looked += applies && place->seen != NOT_LOOKED;
        place->found += applies && place->seen == PRESENT;
        place->seen = NOT_LOOKED;
    }
}

void places_tell(const struct places *places, struct ptr_array *hints)
{
    size_t told = 0;
    for (size_t i = 0; i < places->items.count && told < TOLD_MAX; i++) {
        const struct place *place = places->items.items[i];
        struct str_buffer words;
        if (place->looked == 0 || place->found > 0)
            continue;
        str_buffer_init(&words, HINT_BYTES_MAX);
        str_buffer_printf(&words, "%s: %s was in none of the records that came there (%zu); is it spelt as in the records?", place->option,
                          place->path, place->looked);
        char *text = str_buffer_failed(&words) ? NULL : str_buffer_take(&words, NULL);
        if (text == NULL || !ptr_array_push(hints, text))
            mem_free(text);
        str_buffer_release(&words);
        told++;
    }
}
