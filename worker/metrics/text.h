/*
 * text: the two text formats of Prometheus: its own 0.0.4, and OpenMetrics 1.0.
 *
 * A family is begun once and followed by all of its samples. Names of counters end with _total in both formats; OpenMetrics leaves
 * that away where it names the family. Label values and help may be any text: they are escaped. Names and label names
 * are ours, or went through metrics_text_append_name.
 *
 * The buffer is the caller's; whether it had room it says itself (str_buffer_failed). One thread at a time.
 */
#ifndef METRICS_TEXT_H
#define METRICS_TEXT_H

#include <stdint.h>

struct str_buffer;

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };
#define METRICS_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_UNTYPED };

struct metrics_text {
    struct str_buffer *out;
    enum metrics_format format;
    const char *name; /* of the family begun last; must live as long */
};

/* `help` NULL or "": none. */
void metrics_text_family(struct metrics_text *text, const char *name, enum metric_type type, const char *help);
/* `labels` as metrics_text_append_label made them, without braces; `more` alike, behind them. NULL or "": none. */
void metrics_text_sample(struct metrics_text *text, const char *labels, const char *more, double value);
/* All series of one histogram. */
struct histogram;
struct histogram_scale;
void metrics_text_histogram(struct metrics_text *text, const char *labels, const struct histogram *histogram,
                            const struct histogram_scale *scale);
/* Behind the last family. */
void metrics_text_end(struct metrics_text *text);

/* name="value", with a comma in front where something stands already. */
void metrics_text_append_label(struct str_buffer *labels, const char *name, const char *value);
/* In lower case, what a name may not hold as '_'. */
void metrics_text_append_name(struct str_buffer *name, const char *words);

#endif
