#include "errors/letter.h"

#include <assert.h>
#include <inttypes.h>
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/secrets.h"
#include "errors/report.h"
#include "sdk/future_host.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define PREFIX "__connect.errors."
#define TRACE_BYTES_MAX 32768 /* longer ones are cut: a letter should not grow beyond what a topic takes */
#define CONTEXT_HEADERS 10

/* Context ---------------------------------------------------------------------------------------------------- */

struct context_header {
    const char *name;
    const char *text; /* NULL: null */
};

/* The texts of the context headers; lives while a letter is made. */
struct context {
    struct context_header headers[CONTEXT_HEADERS];
    size_t count;
    char partition[16], offset[24], task[16];
    char *trace, *message;
};

static void context_add(struct context *context, const char *name, const char *text)
{
    assert(context->count < CONTEXT_HEADERS);
    context->headers[context->count++] = (struct context_header){ .name = name, .text = text };
}

static void context_release(struct context *context)
{
    mem_free(context->trace);
    mem_free(context->message);
}

/* Release it in either case. */
static bool context_init(struct context *context, const struct letter_writer *writer, const struct report *report)
{
    *context = (struct context){ .count = 0 };
    if (writer->connector == NULL)
        return true;
    size_t size = mr_error_trace(report->error, NULL, 0) + 1;
    size = size < TRACE_BYTES_MAX ? size : TRACE_BYTES_MAX;
    context->trace = mem_alloc(size);
    context->message = mem_strdup(mr_error_message(report->error));
    if (context->trace == NULL || context->message == NULL)
        return false;
    mr_error_trace(report->error, context->trace, size);
    secrets_hide_text(context->trace);
    secrets_hide_text(context->message);
    snprintf(context->partition, sizeof(context->partition), "%" PRId32, report->origin->partition);
    snprintf(context->offset, sizeof(context->offset), "%" PRId64, report->origin->offset);
    snprintf(context->task, sizeof(context->task), "%" PRIu32, writer->task);
    context_add(context, PREFIX "topic", report->origin->topic);
    context_add(context, PREFIX "partition", context->partition);
    context_add(context, PREFIX "offset", context->offset);
    context_add(context, PREFIX "connector.name", writer->connector);
    context_add(context, PREFIX "task.id", context->task);
    context_add(context, PREFIX "stage", stage_name(report->stage));
    context_add(context, PREFIX "class.name", report->class_name);
    context_add(context, PREFIX "exception.class.name", mr_error_class_name(report->error));
    context_add(context, PREFIX "exception.message", context->message);
    context_add(context, PREFIX "exception.stacktrace", context->trace);
    return true;
}

/* The letter ------------------------------------------------------------------------------------------------- */

static size_t origin_bytes(const struct record_origin *origin)
{
    size_t bytes = origin->key.size + origin->value.size;
    for (uint32_t i = 0; i < origin->header_count; i++)
        bytes += strlen(origin->headers[i].key) + 1 + origin->headers[i].value.size;
    return bytes;
}

static size_t context_bytes(const struct context *context)
{
    size_t bytes = 0;
    for (size_t i = 0; i < context->count; i++)
        bytes += context->headers[i].text == NULL ? 0 : strlen(context->headers[i].text);
    return bytes;
}

/* Copies to *at and moves on. Null stays null, empty stays empty. */
static struct mr_bytes put_bytes(char **at, struct mr_bytes bytes)
{
    if (bytes.data == NULL)
        return bytes;
    char *copy = *at;
    memcpy(copy, bytes.data, bytes.size);
    *at += bytes.size;
    return (struct mr_bytes){ .data = copy, .size = bytes.size };
}

static struct mr_bytes text_bytes(const char *text)
{
    return (struct mr_bytes){ .data = text, .size = text == NULL ? 0 : strlen(text) };
}

static void put_headers(struct producer_header *headers, char **at, const struct record_origin *origin,
                        const struct context *context)
{
    for (uint32_t i = 0; i < origin->header_count; i++) {
        const struct record_raw_header *header = &origin->headers[i];
        headers->name = put_bytes(at, (struct mr_bytes){ .data = header->key, .size = strlen(header->key) + 1 }).data;
        headers->value = put_bytes(at, header->value);
        headers++;
    }
    for (size_t i = 0; i < context->count; i++) {
        headers->name = context->headers[i].name; /* a literal */
        headers->value = put_bytes(at, text_bytes(context->headers[i].text));
        headers++;
    }
}

static struct letter *letter_write(const struct report *report, const struct context *context)
{
    const struct record_origin *origin = report->origin;
    size_t header_count = origin->header_count + context->count;
    size_t bytes = sizeof(struct letter) + header_count * sizeof(struct producer_header) + origin_bytes(origin) +
                   context_bytes(context);
    struct letter *letter = mem_alloc(bytes);
    if (letter == NULL)
        return NULL;
    struct producer_header *headers = (struct producer_header *)(letter + 1);
    char *at = (char *)(headers + header_count);
    *letter = (struct letter){ .offset = origin->offset, .bytes = bytes };
    letter->record = (struct producer_record){
        .partition = -1,
        .timestamp_ms = origin->timestamp_ms,
        .key = put_bytes(&at, origin->key),
        .value = put_bytes(&at, origin->value),
        .headers = headers,
        .header_count = header_count,
        .ticket = &letter->ticket,
    };
    put_headers(headers, &at, origin, context);
    assert(at == (char *)letter + bytes);
    return letter;
}

struct letter *letter_create(const struct letter_writer *writer, const struct report *report)
{
    struct context context;
    struct letter *letter = context_init(&context, writer, report) ? letter_write(report, &context) : NULL;
    context_release(&context);
    if (letter != NULL && report->future != NULL) {
        future_add_part(report->future);
        letter->future = mr_future_take(report->future);
    }
    return letter;
}

void letter_destroy(struct letter *letter)
{
    if (letter != NULL)
        mr_future_drop(letter->future);
    mem_free(letter);
}
