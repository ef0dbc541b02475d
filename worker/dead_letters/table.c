/* The answers for people, made from their JSON so that both say the same. */
#include "dead_letters/dead_letters_internal.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/str_buffer.h"
#include "base/utf8.h"
#include "dry_run/dry_run.h"

#include "base/bans.h"

#define CELL_MAX 120
#define SHOWN_MAX 2000 /* bytes of a value */
#define TIME_SIZE 32

static int64_t number_in(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static const char *text_in(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text == NULL ? "-" : text;
}

/* A line end in a text would look like one of ours. */
static void put_text(struct str_buffer *out, const char *text, size_t length, size_t most)
{
    size_t shown = utf8_cut(text, length, most);
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c == 0x7f)
            str_buffer_printf(out, "\\x%02x", c);
        else
            str_buffer_append_char(out, text[i]);
    }
    if (shown < length)
        str_buffer_append_text(out, "...");
}

static void put_time(struct str_buffer *out, const json_t *json)
{
    char text[TIME_SIZE];
    struct tm parts;
    time_t seconds = (time_t)(json_integer_value(json) / 1000);
    bool fine = json_is_integer(json) && gmtime_r(&seconds, &parts) != NULL && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &parts) > 0;
    str_buffer_append_text(out, fine ? text : "-");
}

static void put_bytes(struct str_buffer *out, const json_t *json, size_t most)
{
    const json_t *text = json_object_get(json, "text"), *base64 = json_object_get(json, "base64");
    if (!json_is_object(json)) {
        str_buffer_append_text(out, "null");
        return;
    }
    const json_t *shown = text != NULL ? text : base64;
    str_buffer_append_text(out, text != NULL ? "\"" : "base64:");
    put_text(out, json_string_value(shown), json_string_length(shown), most);
    if (text != NULL)
        str_buffer_append_char(out, '"');
    if (json_is_true(json_object_get(json, "cut")))
        str_buffer_printf(out, " (%" PRId64 " bytes)", number_in(json, "size"));
}

static void put_original(struct str_buffer *out, const json_t *row)
{
    const json_t *original = json_object_get(row, "original");
    str_buffer_append_text(out, text_in(original, "topic"));
    if (json_is_integer(json_object_get(original, "offset")))
        str_buffer_printf(out, " %" PRId64 "/%" PRId64, number_in(original, "partition"), number_in(original, "offset"));
}

/* Lists -------------------------------------------------------------------------------------------------------- */

static void write_group(struct str_buffer *out, const json_t *group)
{
    const json_t *latest = json_object_get(group, "latest");
    str_buffer_printf(out, "%s  %6" PRId64 "  %6" PRId64 "  ", text_in(group, "group"), number_in(group, "open"), number_in(group, "count"));
    put_time(out, json_object_get(group, "last"));
    str_buffer_printf(out, "  %" PRId64 "/%" PRId64 "  ", number_in(latest, "partition"), number_in(latest, "offset"));
    const char *const parts[] = {text_in(group, "stage"), text_in(group, "class"), text_in(group, "exception")};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        put_text(out, parts[i], strlen(parts[i]), CELL_MAX);
        str_buffer_append_char(out, ' ');
    }
    put_text(out, text_in(group, "message"), strlen(text_in(group, "message")), CELL_MAX);
    str_buffer_append_char(out, '\n');
}

static void write_row(struct str_buffer *out, const json_t *row)
{
    str_buffer_printf(out, "%" PRId64 "/%" PRId64 "  %-9s  ", number_in(row, "partition"), number_in(row, "offset"), text_in(row, "state"));
    put_time(out, json_object_get(row, "timestamp"));
    str_buffer_printf(out, "  %s  ", text_in(row, "group"));
    put_original(out, row);
    str_buffer_append_text(out, "  key ");
    put_bytes(out, json_object_get(row, "key"), CELL_MAX);
    str_buffer_append_text(out, "  ");
    put_text(out, text_in(row, "message"), strlen(text_in(row, "message")), CELL_MAX);
    str_buffer_append_char(out, '\n');
}

bool dead_letters_write_list(const json_t *answer, struct str_buffer *out)
{
    const json_t *groups = json_object_get(answer, "groups"), *rows = json_object_get(answer, "letters");
    str_buffer_printf(out, "%s: %" PRId64 " letters: %" PRId64 " open, %" PRId64 " replayed, %" PRId64 " discarded%s\n", text_in(answer, "topic"),
                      number_in(answer, "count"), number_in(answer, "open"), number_in(answer, "replayed"), number_in(answer, "discarded"),
                      json_is_true(json_object_get(answer, "complete")) ? "" : " (there are more than were looked at)");
    if (json_array_size(groups) > 0)
        str_buffer_append_text(out, "\nGROUP               OPEN     ALL  LAST                  LATEST  CAUSE\n");
    for (size_t i = 0; i < json_array_size(groups); i++)
        write_group(out, json_array_get(groups, i));
    if (json_array_size(rows) > 0)
        str_buffer_append_text(out, "\nLETTER  STATE  TIME  GROUP  ORIGINAL  KEY  MESSAGE\n");
    for (size_t i = 0; i < json_array_size(rows); i++)
        write_row(out, json_array_get(rows, i));
    return !str_buffer_failed(out);
}

/* One letter --------------------------------------------------------------------------------------------------- */

static void write_field(struct str_buffer *out, const char *name, const char *text)
{
    str_buffer_printf(out, "%-12s ", name);
    put_text(out, text, strlen(text), SHOWN_MAX);
    str_buffer_append_char(out, '\n');
}

static void write_headers(struct str_buffer *out, const char *title, const json_t *headers)
{
    for (size_t i = 0; i < json_array_size(headers); i++) {
        const json_t *header = json_array_get(headers, i);
        str_buffer_printf(out, "%-12s ", title);
        put_text(out, text_in(header, "key"), strlen(text_in(header, "key")), CELL_MAX);
        str_buffer_append_text(out, " = ");
        put_bytes(out, json_object_get(header, "value"), SHOWN_MAX);
        str_buffer_append_char(out, '\n');
    }
}

static void write_trace(struct str_buffer *out, const char *trace)
{
    str_buffer_append_text(out, "stacktrace\n");
    for (const char *at = trace; *at != '\0';) {
        size_t size = strcspn(at, "\n");
        str_buffer_append_text(out, "  ");
        put_text(out, at, size, SHOWN_MAX);
        str_buffer_append_char(out, '\n');
        at += size + (at[size] == '\n');
    }
}

static void write_pipeline(struct str_buffer *out, const json_t *pipeline)
{
    struct dry_run_report report = {.outcome = DRY_RUN_PASSED, .json = (json_t *)(uintptr_t)pipeline};
    if (json_object_get(pipeline, "error") != NULL && json_object_get(pipeline, "input") == NULL) {
        write_field(out, "now", text_in(pipeline, "error"));
        return;
    }
    str_buffer_append_text(out, "\nwith the present configuration:\n");
    dry_run_report_write_text(&report, out);
}

bool dead_letters_write_letter(const json_t *answer, struct str_buffer *out)
{
    static const char *const texts[] = {"state", "replay", "group", "connector", "task", "stage", "class", "exception", "message"};
    str_buffer_printf(out, "letter       %" PRId64 "/%" PRId64 "\ntime         ", number_in(answer, "partition"), number_in(answer, "offset"));
    put_time(out, json_object_get(answer, "timestamp"));
    str_buffer_append_text(out, "\noriginal     ");
    put_original(out, answer);
    str_buffer_append_char(out, '\n');
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (json_is_string(json_object_get(answer, texts[i])))
            write_field(out, texts[i], text_in(answer, texts[i]));
    str_buffer_append_text(out, "key          ");
    put_bytes(out, json_object_get(answer, "key"), SHOWN_MAX);
    str_buffer_append_text(out, "\nvalue        ");
    put_bytes(out, json_object_get(answer, "value"), SHOWN_MAX);
    str_buffer_append_char(out, '\n');
    write_headers(out, "header", json_object_get(answer, "headers"));
    write_headers(out, "context", json_object_get(answer, "context"));
    if (json_is_string(json_object_get(answer, "stacktrace")))
        write_trace(out, text_in(answer, "stacktrace"));
    write_pipeline(out, json_object_get(answer, "pipeline"));
    return !str_buffer_failed(out);
}

/* Replays ------------------------------------------------------------------------------------------------------ */

static void write_tries(struct str_buffer *out, const json_t *answer)
{
    const json_t *tries = json_object_get(answer, "letters");
    for (size_t i = 0; i < json_array_size(tries); i++) {
        const json_t *tried = json_array_get(tries, i);
        const struct dry_run_report report = {.json = json_object_get(tried, "report")};
        str_buffer_printf(out, "letter %" PRId64 "/%" PRId64 " to %s, ", number_in(tried, "partition"), number_in(tried, "offset"), text_in(tried, "to"));
        dry_run_report_write_text(&report, out);
        str_buffer_append_char(out, '\n');
    }
    str_buffer_printf(out, "nothing was written: %" PRId64 " selected", number_in(answer, "selected"));
    if (json_object_get(answer, "passed") != NULL)
        str_buffer_printf(out, ": %" PRId64 " would pass, %" PRId64 " be dropped, %" PRId64 " skipped, %" PRId64 " fail", number_in(answer, "passed"),
                          number_in(answer, "dropped"), number_in(answer, "skipped"), number_in(answer, "failed"));
}

static void write_refusals(struct str_buffer *out, const json_t *refusals)
{
    for (size_t i = 0; i < json_array_size(refusals); i++) {
        const json_t *refusal = json_array_get(refusals, i);
        str_buffer_printf(out, "letter %" PRId64 "/%" PRId64 " is not replayed: %s\n", number_in(refusal, "partition"), number_in(refusal, "offset"),
                          text_in(refusal, "why"));
    }
}

static void write_failures(struct str_buffer *out, const json_t *failures)
{
    for (size_t i = 0; i < json_array_size(failures); i++) {
        const json_t *failure = json_array_get(failures, i);
        str_buffer_printf(out, "letter %" PRId64 "/%" PRId64 " failed again in %s: %s\n", number_in(failure, "partition"), number_in(failure, "offset"),
                          text_in(failure, "stage"), text_in(failure, "why"));
    }
}

bool dead_letters_write_replay(const json_t *answer, struct str_buffer *out)
{
    const char *name = json_object_get(answer, "discarded") != NULL ? "discarded" : "replayed";
    bool is_trial = strcmp(text_in(answer, "state"), "tried") == 0;
    write_refusals(out, json_object_get(answer, "refusals"));
    write_failures(out, json_object_get(answer, "failures"));
    if (is_trial)
        write_tries(out, answer);
    else
        str_buffer_printf(out, "%s %s: %" PRId64 " %s", name[0] == 'd' ? "discard" : "replay", text_in(answer, "id"), number_in(answer, name), name);
    if (!is_trial && json_object_get(answer, "into") != NULL)
        str_buffer_printf(out, " into the %s, %" PRId64 " of them dropped, %" PRId64 " failed again", text_in(answer, "into"),
                          number_in(answer, "dropped"), number_in(answer, "failed"));
    str_buffer_printf(out, ", %" PRId64 " refused, %" PRId64 " done before; %s\n", number_in(answer, "refused"),
                      number_in(answer, "done_before"), text_in(answer, "state"));
    if (json_object_get(answer, "error") != NULL)
        write_field(out, "error", text_in(answer, "error"));
    return !str_buffer_failed(out);
}
