#include "errors/letter.h"

#include <assert.h>
#include <inttypes.h>
#include <millrace/error.h>
#include <openssl/evp.h>
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
#define CONTEXT_HEADERS 16
#define CUT_HEADERS 3
#define DIGEST_TEXT_SIZE 65 /* 64 hex digits of SHA-256 */

/* Context ---------------------------------------------------------------------------------------------------- */

struct context_header {
    const char *name;
    struct mr_bytes text; /* data NULL: null */
};

/* The texts of the context headers; lives while a letter is made. */
struct context {
    struct context_header headers[CONTEXT_HEADERS];
    size_t count;
    char partition[16], offset[24], task[16];
    char *trace, *message;
};

static void context_add_bytes(struct context *context, const char *name, struct mr_bytes text)
{
    assert(context->count < CONTEXT_HEADERS);
    context->headers[context->count++] = (struct context_header){ .name = name, .text = text };
}

static void context_add(struct context *context, const char *name, const char *text)
{
    context_add_bytes(context, name, (struct mr_bytes){ .data = text, .size = text == NULL ? 0 : strlen(text) });
}

static void context_release(struct context *context)
{
    mem_free(context->trace);
    mem_free(context->message);
}

/* Where a consumed record stood, or where a source's was to go: its topic always, and its partition where it chose one. */
static void add_place(struct context *context, const struct report *report)
{
    const struct source_letter *letter = report->letter;
    int32_t partition = letter != NULL ? letter->partition : report->origin->partition;
    context_add(context, PREFIX "topic", letter != NULL ? letter->topic : report->origin->topic);
    snprintf(context->partition, sizeof(context->partition), "%" PRId32, partition);
    if (letter == NULL || partition >= 0)
        context_add(context, PREFIX "partition", context->partition);
    if (letter != NULL)
        return;
    snprintf(context->offset, sizeof(context->offset), "%" PRId64, report->origin->offset);
    context_add(context, PREFIX "offset", context->offset);
}

static void add_form(struct context *context, const char *name, const char *form)
{
    if (strcmp(form, LETTER_FORM_CONVERTER) != 0)
        context_add(context, name, form);
}

static void add_source(struct context *context, const struct source_letter *letter)
{
    context_add_bytes(context, PREFIX "source.partition", letter->source_partition);
    context_add_bytes(context, PREFIX "source.offset", letter->source_offset);
    add_form(context, PREFIX "key.form", letter->key_form);
    add_form(context, PREFIX "value.form", letter->value_form);
    add_form(context, PREFIX "headers.form", letter->headers_form);
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
    snprintf(context->task, sizeof(context->task), "%" PRIu32, writer->task);
    add_place(context, report);
    context_add(context, PREFIX "connector.name", writer->connector);
    context_add(context, PREFIX "task.id", context->task);
    context_add(context, PREFIX "stage", stage_name(report->stage));
    context_add(context, PREFIX "class.name", report->class_name);
    context_add(context, PREFIX "exception.class.name", mr_error_class_name(report->error));
    context_add(context, PREFIX "exception.message", context->message);
    context_add(context, PREFIX "exception.stacktrace", context->trace);
    if (report->letter != NULL)
        add_source(context, report->letter);
    return true;
}

/* What a cut says; lies in the letter's block. */
struct letter_cut {
    struct producer_header *headers; /* the record's own, then the context, then room */
    size_t own_header_count;
    char key[128], value[128], own[64];
};

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
        bytes += context->headers[i].text.size;
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
        headers->value = put_bytes(at, context->headers[i].text);
        headers++;
    }
}

/* What the letter is of. */
static struct record_origin subject_of(const struct report *report)
{
    const struct source_letter *letter = report->letter;
    if (letter == NULL)
        return *report->origin;
    return (struct record_origin){ .topic = letter->topic, .partition = letter->partition, .offset = -1,
                                   .timestamp_ms = letter->timestamp_ms, .key = letter->key, .value = letter->value,
                                   .headers = letter->headers, .header_count = letter->header_count };
}

/* A source's letter has what a cut needs in front of its headers, and room behind them. */
static struct letter *letter_write(const struct report *report, const struct context *context)
{
    const struct record_origin subject = subject_of(report);
    bool can_be_cut = report->letter != NULL;
    size_t header_count = subject.header_count + context->count;
    size_t slots = header_count + (can_be_cut ? CUT_HEADERS : 0), before = can_be_cut ? sizeof(struct letter_cut) : 0;
    size_t bytes = sizeof(struct letter) + before + slots * sizeof(struct producer_header) + origin_bytes(&subject) +
                   context_bytes(context);
    struct letter *letter = mem_alloc(bytes);
    if (letter == NULL)
        return NULL;
    struct letter_cut *cut = (struct letter_cut *)(letter + 1);
    struct producer_header *headers = can_be_cut ? (struct producer_header *)(cut + 1) : (struct producer_header *)(letter + 1);
    char *at = (char *)(headers + slots);
    if (can_be_cut)
        *cut = (struct letter_cut){ .headers = headers, .own_header_count = subject.header_count };
    *letter = (struct letter){ .offset = subject.offset, .bytes = bytes, .cut = can_be_cut ? cut : NULL };
    letter->record = (struct producer_record){
        .partition = -1,
        .timestamp_ms = subject.timestamp_ms,
        .key = put_bytes(&at, subject.key),
        .value = put_bytes(&at, subject.value),
        .headers = headers,
        .header_count = header_count,
        .ticket = &letter->ticket,
    };
    put_headers(headers, &at, &subject, context);
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

/* Cutting ------------------------------------------------------------------------------------------------------ */

static void add_cut(struct letter *letter, const char *name, const char *text)
{
    struct producer_header *header = (struct producer_header *)&letter->record.headers[letter->record.header_count++];
    header->name = name;
    header->value = (struct mr_bytes){ .data = text, .size = strlen(text) };
}

/* false: no memory. */
static bool digest_text(struct mr_bytes bytes, char text[DIGEST_TEXT_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(bytes.data, bytes.size, digest, &size, EVP_sha256(), NULL) != 1)
        return false;
    for (unsigned int i = 0; i < size; i++)
        snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
    return true;
}

static bool cut_bytes(struct mr_bytes *bytes, char *text, size_t size)
{
    char digest[DIGEST_TEXT_SIZE];
    if (bytes->size <= LETTER_CUT_BYTES)
        return false;
    if (digest_text(*bytes, digest))
        snprintf(text, size, "{\"bytes\":%zu,\"sha256\":\"%s\"}", bytes->size, digest);
    else
        snprintf(text, size, "{\"bytes\":%zu}", bytes->size); /* better than no letter */
    bytes->size = LETTER_CUT_BYTES;
    return true;
}

static bool cut_headers(struct letter *letter, struct letter_cut *cut)
{
    size_t bytes = 0;
    for (size_t i = 0; i < cut->own_header_count; i++)
        bytes += strlen(cut->headers[i].name) + cut->headers[i].value.size;
    if (bytes <= LETTER_CUT_BYTES)
        return false;
    snprintf(cut->own, sizeof(cut->own), "{\"count\":%zu,\"bytes\":%zu}", cut->own_header_count, bytes);
    letter->record.headers = cut->headers + cut->own_header_count;
    letter->record.header_count -= cut->own_header_count;
    return true;
}

/* What is said about a consumed record may go, what it was may not: it is to go back as it came. The context stands last. */
static bool drop_stacktrace(struct letter *letter)
{
    struct producer_header *headers = (struct producer_header *)(uintptr_t)letter->record.headers;
    for (size_t i = letter->record.header_count; i-- > 0;) {
        if (strcmp(headers[i].name, PREFIX "exception.stacktrace") != 0 || headers[i].value.data == NULL)
            continue;
        headers[i].value = (struct mr_bytes){0};
        return true;
    }
    return false;
}

bool letter_cut(struct letter *letter)
{
    struct letter_cut *cut = letter->cut;
    letter->cut = NULL;
    if (cut == NULL)
        return drop_stacktrace(letter);
    bool headers = cut_headers(letter, cut), key = cut_bytes(&letter->record.key, cut->key, sizeof(cut->key)),
         value = cut_bytes(&letter->record.value, cut->value, sizeof(cut->value));
    if (headers)
        add_cut(letter, PREFIX "headers.cut", cut->own);
    if (key)
        add_cut(letter, PREFIX "key.cut", cut->key);
    if (value)
        add_cut(letter, PREFIX "value.cut", cut->value);
    return headers || key || value;
}

void letter_destroy(struct letter *letter)
{
    if (letter != NULL)
        mr_future_drop(letter->future);
    mem_free(letter);
}
