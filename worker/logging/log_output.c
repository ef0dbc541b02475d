#include "logging/log_output.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log_sink.h"
#include "base/mem.h"
#include "base/thread.h"
#include "logging/line_json.h"
#include "logging/log_ring.h"
#include "logging/repeats.h"

#include "base/bans.h"

#define LOG_NAME "millrace.log"
#define SWEEP_MS 1000
#define CRASH_PATIENCE_MS 200
#define SAID_AFTER_MAX 64 /* bytes of "(and N more like it …)" */

_Static_assert(LINE_JSON_MAX > LOG_TEXT_MAX + SAID_AFTER_MAX, "one buffer serves both forms");

struct log_output {
    struct log_output_setup setup;
    struct log_sink sink;
    struct log_ring *ring;
    struct repeats *repeats;
    char worker[LOG_WORKER_MAX];
    atomic_bool has_worker, is_json, is_ending;
    pthread_t thread;
};

static struct log_output *_Atomic current; /* for a crash */

/* ---- lines ---- */

static size_t text_of(const struct log_output *output, const struct log_line *line, uint64_t left_out, char text[LINE_JSON_MAX])
{
    if (atomic_load_explicit(&output->is_json, memory_order_relaxed))
        return line_json_format(line, atomic_load(&output->has_worker) ? output->worker : "", left_out, text, LINE_JSON_MAX);
    size_t length = log_line_format(line, text, LOG_TEXT_MAX);
    if (left_out == 0)
        return length;
    length--; /* the line end goes behind it */
    return length + (size_t)snprintf(text + length, SAID_AFTER_MAX, " (and %" PRIu64 " like it were left out)\n", left_out);
}

static void put(struct log_output *output, const struct log_line *line, uint64_t left_out)
{
    char text[LINE_JSON_MAX];
    size_t length = text_of(output, line, left_out, text);
    log_ring_put(output->ring, text, length);
}

/* A line of our own, past repeats and levels. */
static bool put_own(struct log_output *output, enum log_level level, const char *message)
{
    struct log_line line = {.level = level, .logger = LOG_NAME, .context = "", .message = message,
                            .message_length = strlen(message), .wall_ms = clock_wall_ms(NULL)};
    char text[LINE_JSON_MAX];
    size_t length = text_of(output, &line, 0, text);
    return log_ring_offer(output->ring, text, length);
}

static void tell_dropped(struct log_output *output, bool at_once)
{
    char message[200];
    uint64_t dropped = log_ring_take_dropped(output->ring, at_once);
    if (dropped == 0)
        return;
    snprintf(message, sizeof(message), "%" PRIu64 " lines were dropped: standard error did not take them in time", dropped);
    if (!put_own(output, LOG_LEVEL_WARN, message)) /* others filled the ring meanwhile */
        log_ring_give_back_dropped(output->ring, dropped);
}

static void take_line(void *state, const struct log_line *line)
{
    struct log_output *output = state;
    uint64_t left_out;
    bool was_pending = repeats_pending(output->repeats);
    if (!repeats_takes(output->repeats, line, clock_monotonic_ms(NULL), &left_out)) {
        if (!was_pending)
            log_ring_wake(output->ring); /* the count is told even if nothing follows */
        return;
    }
    tell_dropped(output, false);
    put(output, line, left_out);
}

static void tell_left_out(void *argument, const struct log_line *sample, uint64_t left_out)
{
    struct log_line line = *sample;
    line.wall_ms = clock_wall_ms(NULL);
    put(argument, &line, left_out);
}

/* ---- the writer ---- */

static int64_t next_look_ms(const struct log_output *output)
{
    return repeats_pending(output->repeats) ? clock_monotonic_ms(NULL) + SWEEP_MS : DEADLINE_NEVER;
}

/* What cannot be written at all is gone: a closed pipe, a full disk. */
static size_t write_some(const struct log_output *output, const char *bytes, size_t length)
{
    ssize_t written = write(output->setup.fd, bytes, length);
    if (written >= 0)
        return (size_t)written;
    if (errno == EINTR)
        return 0;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        poll(&(struct pollfd){.fd = output->setup.fd, .events = POLLOUT}, 1, SWEEP_MS);
        return 0;
    }
    return length;
}

static void *run(void *argument)
{
    struct log_output *output = argument;
    for (;;) {
        const char *bytes;
        size_t length = log_ring_look(output->ring, next_look_ms(output), &bytes);
        if (length > 0)
            log_ring_done(output->ring, write_some(output, bytes, length));
        else if (atomic_load(&output->is_ending)) {
            log_ring_writer_ended(output->ring);
            return NULL;
        }
        tell_dropped(output, false);
        if (repeats_pending(output->repeats))
            repeats_sweep(output->repeats, clock_monotonic_ms(NULL), tell_left_out, output);
    }
}

/* ---- life ---- */

static void flush_in_crash(void)
{
    const struct log_output *output = atomic_load(&current);
    if (output != NULL)
        log_ring_crash(output->ring, output->setup.fd, CRASH_PATIENCE_MS);
}

static void destroy(struct log_output *output)
{
    repeats_destroy(output->repeats);
    log_ring_destroy(output->ring);
    mem_free(output);
}

struct log_output *log_output_start(const struct log_output_setup *setup, char *why, size_t why_size)
{
    struct log_output *output = mem_calloc(1, sizeof(*output));
    if (output == NULL) {
        snprintf(why, why_size, "no memory for the log");
        return NULL;
    }
    output->setup = *setup;
    atomic_store(&output->is_json, setup->is_json);
    output->sink = (struct log_sink){take_line, output};
    output->ring = log_ring_create(setup->buffer_bytes < LOG_BUFFER_BYTES_LEAST ? LOG_BUFFER_BYTES_LEAST : setup->buffer_bytes);
    output->repeats = repeats_create(setup->repeats_max, setup->repeats_window_ms);
    if (output->ring == NULL || output->repeats == NULL) {
        snprintf(why, why_size, "no memory for the log");
        destroy(output);
        return NULL;
    }
    if (!thread_start(&output->thread, &(struct thread_setup){.name = "log", .run = run, .argument = output}, why, why_size)) {
        destroy(output);
        return NULL;
    }
    atomic_store(&current, output);
    crash_set_flush(flush_in_crash);
    log_sink_set(&output->sink);
    return output;
}

void log_output_set_form(struct log_output *output, bool is_json, uint32_t repeats_max, uint32_t repeats_window_ms)
{
    atomic_store(&output->is_json, is_json);
    repeats_set(output->repeats, repeats_max, repeats_window_ms);
}

void log_output_set_worker(struct log_output *output, const char *worker)
{
    if (atomic_load(&output->has_worker))
        return;
    snprintf(output->worker, sizeof(output->worker), "%s", worker);
    atomic_store(&output->has_worker, true);
}

void log_output_say(struct log_output *output, const char *text)
{
    log_ring_put(output->ring, text, strlen(text));
}

bool log_output_flush(struct log_output *output, int64_t deadline_ms)
{
    repeats_sweep(output->repeats, INT64_MAX / 2, tell_left_out, output);
    return log_ring_wait_empty(output->ring, deadline_ms);
}

bool log_output_stop(struct log_output *output, int64_t deadline_ms)
{
    if (output == NULL)
        return true;
    if (!log_output_flush(output, deadline_ms))
        return false;
    log_sink_set(NULL);
    crash_set_flush(NULL);
    atomic_store(&current, NULL);
    atomic_store(&output->is_ending, true);
    log_ring_wake(output->ring);
    if (!log_ring_wait_writer(output->ring, deadline_ms)) /* what was said since the flush is not taken */
        return false;
    thread_join(output->thread);
    destroy(output);
    return true;
}

struct log_output_counts log_output_counts(const struct log_output *output)
{
    return (struct log_output_counts){.dropped = log_ring_dropped(output->ring), .left_out = repeats_left_out(output->repeats)};
}
