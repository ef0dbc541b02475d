#include "metrics/text.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str_buffer.h"
#include "metrics/histogram.h"

#include "base/bans.h"

#define TOTAL "_total"
#define EXACT_MOST 9007199254740992.0 /* 2^53: up to here a double is the very integer */

static bool ends_with_total(const char *name)
{
    size_t length = strlen(name), suffix = sizeof(TOTAL) - 1;

    return length > suffix && strcmp(name + length - suffix, TOTAL) == 0;
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

static void append_escaped(struct str_buffer *out, const char *value, bool with_quotes)
{
    const char *special = with_quotes ? "\\\n\"" : "\\\n";

    while (*value != '\0') {
        size_t plain = strcspn(value, special);

        str_buffer_append(out, value, plain);
        value += plain;
        if (*value == '\0')
            return;
        str_buffer_append_text(out, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
        value++;
    }
}

void metrics_text_append_label(struct str_buffer *labels, const char *name, const char *value)
{
    if (labels->length > 0)
        str_buffer_append_char(labels, ',');
    str_buffer_append_text(labels, name);
    str_buffer_append_text(labels, "=\"");
    append_escaped(labels, value, true);
    str_buffer_append_char(labels, '"');
}

void metrics_text_append_name(struct str_buffer *name, const char *words)
{
    for (; *words != '\0'; words++) {
        char c = *words;

        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        else if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
            c = '_';
        str_buffer_append_char(name, c);
    }
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

static void append_integer(struct str_buffer *out, int64_t value)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (value < 0)
        digits[--at] = '-';
    str_buffer_append(out, digits + at, sizeof(digits) - at);
}

static void append_number(struct str_buffer *out, double value)
{
    if (isnan(value))
        str_buffer_append_text(out, "NaN");
    else if (isinf(value))
        str_buffer_append_text(out, value > 0 ? "+Inf" : "-Inf");
    else if (value == floor(value) && fabs(value) <= EXACT_MOST)
        append_integer(out, (int64_t)value);
    else
        str_buffer_printf(out, "%.12g", value);
}

/* --- families ----------------------------------------------------------------------------------------------------- */

static const char *type_word(const struct metrics_text *text, enum metric_type type)
{
    if (type == METRIC_UNTYPED)
        return text->format == METRICS_OPENMETRICS ? "unknown" : "untyped";
    return type == METRIC_COUNTER ? "counter" : type == METRIC_HISTOGRAM ? "histogram" : "gauge";
}

static void append_head(struct metrics_text *text, const char *word, size_t name_length)
{
    str_buffer_append_text(text->out, "# ");
    str_buffer_append_text(text->out, word);
    str_buffer_append_char(text->out, ' ');
    str_buffer_append(text->out, text->name, name_length);
    str_buffer_append_char(text->out, ' ');
}

void metrics_text_family(struct metrics_text *text, const char *name, enum metric_type type, const char *help)
{
    size_t length = strlen(name);

    assert(type != METRIC_COUNTER || ends_with_total(name));
    if (text->format == METRICS_OPENMETRICS && type == METRIC_COUNTER)
        length -= sizeof(TOTAL) - 1;
    text->name = name;
    if (help != NULL && help[0] != '\0') {
        append_head(text, "HELP", length);
        append_escaped(text->out, help, text->format == METRICS_OPENMETRICS);
        str_buffer_append_char(text->out, '\n');
    }
    append_head(text, "TYPE", length);
    str_buffer_append_text(text->out, type_word(text, type));
    str_buffer_append_char(text->out, '\n');
}

/* With an ending behind the family's name. */
static void append_sample(struct metrics_text *text, const char *ending, const char *labels, const char *more, double value)
{
    bool has_labels = labels != NULL && labels[0] != '\0', has_more = more != NULL && more[0] != '\0';

    str_buffer_append_text(text->out, text->name);
    str_buffer_append_text(text->out, ending);
    if (has_labels || has_more)
        str_buffer_append_char(text->out, '{');
    if (has_labels)
        str_buffer_append_text(text->out, labels);
    if (has_labels && has_more)
        str_buffer_append_char(text->out, ',');
    if (has_more)
        str_buffer_append_text(text->out, more);
    if (has_labels || has_more)
        str_buffer_append_char(text->out, '}');
    str_buffer_append_char(text->out, ' ');
    append_number(text->out, value);
    str_buffer_append_char(text->out, '\n');
}

void metrics_text_sample(struct metrics_text *text, const char *labels, const char *more, double value)
{
    append_sample(text, "", labels, more, value);
}

void metrics_text_histogram(struct metrics_text *text, const char *labels, const struct histogram *histogram,
                            const struct histogram_scale *scale)
{
    const struct histogram_reading reading = histogram_read(histogram);
    char bound[40];

    for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
        /* OpenMetrics wants bounds as floats: 1.0 */
        bool is_whole = scale->bounds_us[i] % 1000000 == 0;
        snprintf(bound, sizeof(bound), "le=\"%.12g%s\"", (double)scale->bounds_us[i] / 1e6, is_whole ? ".0" : "");
        append_sample(text, "_bucket", labels, bound, (double)reading.below[i]);
    }
    append_sample(text, "_bucket", labels, "le=\"+Inf\"", (double)reading.count);
    append_sample(text, "_sum", labels, NULL, reading.sum_s);
    append_sample(text, "_count", labels, NULL, (double)reading.count);
}

void metrics_text_end(struct metrics_text *text)
{
    if (text->format == METRICS_OPENMETRICS)
        str_buffer_append_text(text->out, "# EOF\n");
}
