/*
 * log_sink: where log lines go. worker/main fills this table; without one, lines go to standard error.
 */
#ifndef BASE_LOG_SINK_H
#define BASE_LOG_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/plugin_call.h"

/* All texts live only during the call. */
struct log_line {
    enum log_level level;
    const char *logger;
    const char *context;   /* "[name|task-0]", "[name|worker]" or "" */
    const struct log_context *frame; /* for whom; NULL: for nobody */
    const struct plugin_call *call;  /* inside of which plugin; its `plugin` may be NULL, and so may it */
    const char *message;   /* at most LOG_LINE_MAX bytes; may hold line breaks (traces) */
    size_t message_length;
    int64_t wall_ms;
};

/* Runs on whatever thread logged, several at once, no lock held. Must not log. May block shortly. */
typedef void log_sink_fn(void *state, const struct log_line *line);

struct log_sink {
    log_sink_fn *write;
    void *state;
};

/* Lines go to this sink from now on; NULL: standard error. Threads may still be inside the sink set before: it must live
 * until no thread that could log then is left. */
void log_sink_set(const struct log_sink *sink);

/*
 * Renders a line as Kafka does, "[2026-01-31 12:00:00,123] INFO [name|task-0] message (logger)\n", in local time.
 * Line breaks inside the message are kept and followed by a tab, other control characters (C0, DEL, C1) become '?': text from
 * outside cannot forge a line or steer a terminal. Returns the length; always NUL-terminated, cut when size is too small. LOG_TEXT_MAX is enough
 * for any line without breaks.
 */
#define LOG_TEXT_MAX (LOG_LINE_MAX + 1024)
size_t log_line_format(const struct log_line *line, char *text, size_t size);

#endif
