#include <stddef.h>
#include <string.h>

#include <millrace/config_def.h>

#include "loader/loader_internal.h"
#include "sdk/config_host.h"

#include "base/bans.h"

enum {
    OPTIONS_MAX = 4096,
    OPTION_TEXT_MAX = 65536,
    DEPENDENTS_MAX = 4096,
    /* What a row of ABI 1.0 holds; a shorter one belongs to no version. */
    ROW_SIZE_LEAST = offsetof(struct mr_config_row, is_internal) + sizeof(bool)
};

static const struct mr_config_row *row_at(const struct mr_config_def *def, size_t i)
{
    return (const struct mr_config_row *)((const char *)def->rows + i * def->row_size);
}

static bool text_or_null(const char *text)
{
    return text == NULL || probe_text(text, OPTION_TEXT_MAX);
}

static bool is_required(const struct mr_config_row *row)
{
    return row->default_text == MR_REQUIRED;
}

static bool dependents_check(const struct mr_config_row *row, struct why *why)
{
    if (row->dependents == NULL)
        return true;
    for (size_t i = 0; i < DEPENDENTS_MAX; i++) {
        if (!probe_pointer(&row->dependents[i]))
            break;
        if (row->dependents[i] == NULL)
            return true;
        if (!probe_text(row->dependents[i], OPTION_TEXT_MAX))
            break;
    }
    return refuse(why, "option %s: the list of dependents has no end", row->name);
}

static bool texts_check(const struct mr_config_row *row, size_t i, struct why *why)
{
    if (!probe_text(row->name, OPTION_TEXT_MAX) || row->name[0] == '\0')
        return refuse(why, "option %zu has no name", i);
    if (!text_or_null(row->doc) || !text_or_null(row->group) || !text_or_null(row->display_name) ||
        !(is_required(row) || text_or_null(row->default_text)))
        return refuse(why, "option %s: a text cannot be read, or is longer than %d bytes", row->name, OPTION_TEXT_MAX);
    return dependents_check(row, why);
}

/* Once every text can be read, the sdk knows the rest: types, names that come twice, defaults that do not parse. */
static bool meaning_check(const struct mr_config_def *def, struct why *why)
{
    struct mr_error *error = NULL;
    if (config_def_check(def, &error) == 0)
        return true;
    refuse(why, "%s", mr_error_message(error));
    mr_error_drop(error);
    return false;
}

static bool rows_check(const struct mr_config_def *def, struct why *why)
{
    if (def->count > 0 && !probe_table(def->rows, def->count * def->row_size, "the table of options", why))
        return false;
    for (size_t i = 0; i < def->count; i++) {
        if (!texts_check(row_at(def, i), i, why))
            return false;
    }
    return meaning_check(def, why);
}

bool options_check(const struct mr_config_def *def, struct why *why)
{
    if (def == NULL)
        return true;
    if (!table_check(def, sizeof(*def), "struct mr_config_def", why))
        return false;
    if (!TABLE_HOLDS(struct mr_config_def, count, def->size))
        return refuse(why, "struct mr_config_def has only %u bytes; start it with MR_CONFIG_DEF", def->size);
    if (def->row_size < ROW_SIZE_LEAST || def->row_size > sizeof(struct mr_config_row) ||
        def->row_size % _Alignof(struct mr_config_row) != 0)
        return refuse(why, "a row of options has %u bytes, this worker's has %zu; start the table with MR_CONFIG_DEF",
                      def->row_size, sizeof(struct mr_config_row));
    if (def->count > OPTIONS_MAX)
        return refuse(why, "%zu options, of at most %d", def->count, OPTIONS_MAX);
    return rows_check(def, why);
}

const struct mr_config_def *options_copy(struct loader *loader, const struct mr_config_def *def)
{
    size_t count = def != NULL ? def->count : 0;
    struct mr_config_def *copy = loader_block(loader, sizeof(*copy));
    struct mr_config_row *rows = loader_block(loader, (count + 1) * sizeof(*rows));
    if (copy == NULL || rows == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        memcpy(&rows[i], row_at(def, i), def->row_size);
        if (rows[i].doc == NULL)
            rows[i].doc = "";
    }
    *copy = (struct mr_config_def){ .size = sizeof(*copy), .row_size = sizeof(*rows), .rows = rows, .count = count };
    return copy;
}
