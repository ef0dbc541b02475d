#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_internal.h"
#include "base/log_sink.h"
#include "base/plugin_call.h"
#include "base/secrets.h"
#include "base/utf8.h"

#include "base/bans.h"

static void write_to_stderr(void *state, const struct log_line *line);

static const struct log_sink stderr_sink = { write_to_stderr, NULL };
static const struct log_sink *_Atomic current_sink = &stderr_sink;
static _Thread_local struct log_context *innermost_context;
static _Atomic uint64_t line_counts[LOG_LEVEL_ALL];

void log_sink_set(const struct log_sink *sink)
{
    atomic_store_explicit(&current_sink, sink == NULL ? &stderr_sink : sink, memory_order_release);
}

void log_context_push(struct log_context *context, const char *connector, int task)
{
    if (task >= 0)
        snprintf(context->text, sizeof(context->text), "[%s|task-%d]", connector, task);
    else
        snprintf(context->text, sizeof(context->text), "[%s|worker]", connector);
    context->connector = connector;
    context->task = task;
    context->stage = NULL;
    context->outer = innermost_context;
    innermost_context = context;
}

void log_context_pop(struct log_context *context)
{
    assert(innermost_context == context);
    innermost_context = context->outer;
}

const char *log_stage_set(const char *stage)
{
    if (innermost_context == NULL)
        return NULL;
    const char *before = innermost_context->stage;
    innermost_context->stage = stage;
    return before;
}

const struct log_context *log_context_top(void)
{
    return innermost_context;
}

const char *log_context_text(void)
{
    return innermost_context == NULL ? "" : innermost_context->text;
}

/* The message is cut so that the mark fits too. */
static size_t cut_long_message(char *message, size_t length)
{
    static const char mark[] = "\xE2\x80\xA6";
    size_t room = LOG_LINE_MAX - (sizeof(mark) - 1);
    length = utf8_cut(message, length, length < room ? length : room);
    memcpy(message + length, mark, sizeof(mark));
    return length + sizeof(mark) - 1;
}

void logger_vwrite(struct logger *logger, enum log_level level, const char *format, va_list args)
{
    if (!log_is_wanted(logger, level, innermost_context == NULL ? NULL : innermost_context->connector))
        return;
    atomic_fetch_add_explicit(&line_counts[level], 1, memory_order_relaxed);
    char message[LOG_LINE_MAX + SECRETS_PIECE + 1]; /* a secret that the cut would halve is still whole */
    int saved_errno = errno;
    int wanted = vsnprintf(message, sizeof(message), format, args);
    size_t length = wanted < 0 ? 0 : (size_t)wanted;
    if (wanted < 0)
        message[0] = '\0';
    bool is_cut = length >= sizeof(message);
    length = secrets_hide(message, is_cut ? sizeof(message) - 1 : length);
    message[length] = '\0';
    if (is_cut || length > LOG_LINE_MAX)
        length = cut_long_message(message, length);
    struct log_line line = {
        .level = level,
        .logger = logger->name,
        .context = log_context_text(),
        .frame = innermost_context,
        .call = &plugin_call_now,
        .message = message,
        .message_length = length,
        .wall_ms = clock_wall_ms(NULL),
    };
    const struct log_sink *sink = atomic_load_explicit(&current_sink, memory_order_acquire);
    sink->write(sink->state, &line);
    errno = saved_errno;
}

uint64_t log_line_count(enum log_level level)
{
    return atomic_load_explicit(&line_counts[level], memory_order_relaxed);
}

void logger_write(struct logger *logger, enum log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    logger_vwrite(logger, level, format, args);
    va_end(args);
}

/* A text being written into a fixed place; what does not fit is dropped. */
struct span {
    char *at, *end;   /* end is left for the NUL */
};

static void put_char(struct span *span, char c)
{
    if (span->at < span->end)
        *span->at++ = c;
}

static void put_text(struct span *span, const char *text)
{
    for (; *text != '\0'; text++)
        put_char(span, *text);
}

/* C0, DEL and C1 (U+0080 to U+009F, which some terminals obey: U+009B begins a sequence). A byte of C1's alone is none: it stands in the
 * middle of other characters. */
static bool is_control(const char *text, size_t left)
{
    unsigned char c = (unsigned char)text[0], next = left > 1 ? (unsigned char)text[1] : 0;
    if (c == '\t' || c == '\n')
        return false;
    return c < 0x20 || c == 0x7F || (c == 0xC2 && next >= 0x80 && next <= 0x9F);
}

static void put_message(struct span *span, const struct log_line *line)
{
    for (size_t i = 0; i < line->message_length; i++) {
        char c = line->message[i];
        bool is_bad = is_control(line->message + i, line->message_length - i);
        put_char(span, is_bad ? '?' : c);
        i += is_bad && c == '\xC2'; /* its second byte */
        if (c == '\n')
            put_char(span, '\t');
    }
}

static void put_time(struct span *span, int64_t wall_ms)
{
    char text[64];
    struct tm parts;
    time_t seconds = (time_t)(wall_ms / 1000);
    localtime_r(&seconds, &parts);
    size_t length = strftime(text, sizeof(text), "[%Y-%m-%d %H:%M:%S", &parts);
    snprintf(text + length, sizeof(text) - length, ",%03d] ", (int)(wall_ms % 1000));
    put_text(span, text);
}

size_t log_line_format(const struct log_line *line, char *text, size_t size)
{
    assert(size >= 2);
    struct span span = { text, text + size - 2 };   /* line end and NUL */
    put_time(&span, line->wall_ms);
    put_text(&span, log_level_name(line->level));
    put_char(&span, ' ');
    if (line->context[0] != '\0') {
        put_text(&span, line->context);
        put_char(&span, ' ');
    }
    put_message(&span, line);
    put_text(&span, " (");
    put_text(&span, line->logger);
    put_char(&span, ')');
    span.at[0] = '\n';
    span.at[1] = '\0';
    return (size_t)(span.at + 1 - text);
}

/* One write a line: lines of several threads do not mix. */
static void write_to_stderr(void *state, const struct log_line *line)
{
    (void)state;
    char text[LOG_TEXT_MAX];
    size_t left = log_line_format(line, text, sizeof(text));
    for (const char *at = text; left > 0;) {
        ssize_t written = write(STDERR_FILENO, at, left);
        if (written < 0 && errno != EINTR)
            return;
        if (written > 0) {
            at += written;
            left -= (size_t)written;
        }
    }
}
