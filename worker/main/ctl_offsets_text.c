#include "ctl_offsets_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"

#include "base/bans.h"

#define COLUMNS_MAX 5
#define CELL_MAX (1u << 20)

/* Cells of one row after another; the first row is the head. */
struct table {
    size_t columns, count, capacity;
    char **cells; /* mem_free each */
    bool has_failed;
};

static void table_release(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        mem_free(table->cells[i]);
    mem_free(table->cells);
}

/* Takes the text; NULL: no memory. */
static void add(struct table *table, char *text)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity * 2 + 64;
        char **cells = mem_realloc(table->cells, capacity * sizeof(*cells));
        if (cells == NULL) {
            mem_free(text);
            table->has_failed = true;
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    table->has_failed = table->has_failed || text == NULL;
    table->cells[table->count++] = text;
}

/* What a terminal shows of UTF-8, one column a character. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void write_row(const struct table *table, size_t row, const size_t *widths, struct str_buffer *out)
{
    for (size_t i = 0; i < table->columns; i++) {
        const char *text = table->cells[row * table->columns + i];
        str_buffer_append_text(out, text);
        for (size_t k = width_of(text); i + 1 < table->columns && k < widths[i] + 2; k++)
            str_buffer_append_char(out, ' ');
    }
    str_buffer_append_char(out, '\n');
}

static bool table_write(const struct table *table, struct str_buffer *out)
{
    size_t widths[COLUMNS_MAX] = {0};
    if (table->has_failed)
        return false;
    for (size_t i = 0; i < table->count; i++) {
        size_t width = width_of(table->cells[i]);
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    for (size_t row = 0; row < table->count / table->columns; row++)
        write_row(table, row, widths, out);
    return !str_buffer_failed(out);
}

/* Cells ------------------------------------------------------------------------------------------------------- */

static char *text_of_json(const json_t *value)
{
    char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char *copy = mem_strdup(json);
    free(json);
    return copy;
}

/* Of a sink "topic/0", else the JSON. */
static char *text_of_partition(const json_t *partition)
{
    const json_t *topic = json_object_get(partition, "kafka_topic"), *number = json_object_get(partition, "kafka_partition");
    struct str_buffer text;
    if (!json_is_string(topic) || !json_is_integer(number))
        return text_of_json(partition);
    str_buffer_init(&text, CELL_MAX);
    str_buffer_printf(&text, "%s/%" JSON_INTEGER_FORMAT, json_string_value(topic), json_integer_value(number));
    return str_buffer_take(&text, NULL);
}

/* Of a sink the number alone; none: "-". */
static char *text_of_offset(const json_t *offset)
{
    const json_t *number = json_object_get(offset, "kafka_offset");
    if (json_is_null(offset) || offset == NULL)
        return mem_strdup("-");
    return text_of_json(number != NULL && json_object_size(offset) == 1 ? number : offset);
}

static char *text_of_count(const json_t *count)
{
    return json_is_integer(count) ? text_of_json(count) : mem_strdup("?");
}

/* The two ---------------------------------------------------------------------------------------------------------- */

bool ctl_offsets_write(const json_t *answer, struct str_buffer *out)
{
    const json_t *all = json_object_get(answer, "offsets"), *entry;
    struct table table = {.columns = 2};
    size_t i;
    if (json_array_size(all) == 0)
        return str_buffer_append_text(out, "no offsets\n");
    add(&table, mem_strdup("PARTITION"));
    add(&table, mem_strdup("OFFSET"));
    json_array_foreach(all, i, entry)
    {
        add(&table, text_of_partition(json_object_get(entry, "partition")));
        add(&table, text_of_offset(json_object_get(entry, "offset")));
    }
    bool is_written = table_write(&table, out);
    table_release(&table);
    return is_written;
}

static void add_head(struct table *table)
{
    static const char *const names[] = {"PARTITION", "BEFORE", "AFTER", "SKIPPED", "AGAIN"};
    for (size_t i = 0; i < table->columns; i++)
        add(table, mem_strdup(names[i]));
}

static void add_change(struct table *table, const json_t *entry)
{
    add(table, text_of_partition(json_object_get(entry, "partition")));
    add(table, text_of_offset(json_object_get(entry, "before")));
    add(table, text_of_offset(json_object_get(entry, "after")));
    if (table->columns == 3)
        return;
    add(table, text_of_count(json_object_get(entry, "skipped")));
    add(table, text_of_count(json_object_get(entry, "again")));
}

bool ctl_offsets_write_trial(const json_t *answer, struct str_buffer *out)
{
    const json_t *all = json_object_get(answer, "offsets"), *entry, *refused = json_object_get(answer, "refused");
    bool is_sink = json_object_get(answer, "skipped") != NULL;
    struct table table = {.columns = is_sink ? 5 : 3};
    size_t i;
    add_head(&table);
    json_array_foreach(all, i, entry) add_change(&table, entry);
    bool is_written = json_array_size(all) == 0 ? str_buffer_append_text(out, "no offsets would change\n") : table_write(&table, out);
    table_release(&table);
    if (is_sink)
        str_buffer_printf(out, "%" JSON_INTEGER_FORMAT " records would be skipped, %" JSON_INTEGER_FORMAT " read again\n",
                          json_integer_value(json_object_get(answer, "skipped")), json_integer_value(json_object_get(answer, "again")));
    if (json_is_string(refused))
        str_buffer_printf(out, "It would be refused now: %s\n", json_string_value(refused));
    else
        str_buffer_append_text(out, "Nothing was changed: this was a dry run.\n");
    return is_written && !str_buffer_failed(out);
}
