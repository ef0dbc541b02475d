/* errors_test.h: sink and source records for the tests of this folder, and log lines that can be read. */
#ifndef ERRORS_TEST_H
#define ERRORS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log_sink.h"
#include "sdk/record_layout.h"

static inline struct mr_batch *batch_of_test(void)
{
    struct mr_batch *batch = mr_batch_create(1 << 20);
    assert_non_null(batch);
    return batch;
}

static inline struct mr_bytes bytes_of(const char *text)
{
    return (struct mr_bytes){ .data = text, .size = text == NULL ? 0 : strlen(text) };
}

static inline struct mr_record *append_sink(struct mr_batch *batch, const char *topic, int32_t partition, int64_t offset,
                                            const char *key, const char *value)
{
    struct mr_record *record = mr_batch_append(batch);
    const struct record_origin origin = {
        .topic = topic,
        .partition = partition,
        .offset = offset,
        .timestamp_ms = 1000 + offset,
        .timestamp_type = MR_TIMESTAMP_CREATE_TIME,
        .key = bytes_of(key),
        .value = bytes_of(value),
    };
    assert_int_equal(0, record_set_origin(record, &origin));
    return record;
}

#define LINES_MAX 16
static struct lines {
    char text[LINES_MAX][4096];
    size_t count;
} lines;

static inline void keep_line(void *state, const struct log_line *line)
{
    (void)state;
    if (lines.count < LINES_MAX)
        snprintf(lines.text[lines.count++], sizeof(lines.text[0]), "%s", line->message);
}

static inline void keep_lines(void)
{
    static const struct log_sink sink = { .write = keep_line };
    lines.count = 0;
    log_sink_set(&sink);
}

#endif
