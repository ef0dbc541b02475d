/* The record that goes back: the original in key, value, headers and timestamp, and, by way of a topic, the mark. */
#include "dead_letters/dead_letters_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "dry_run/dry_run.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define MARK_MAX 512

/* All names in it are such that JSON needs no escapes. 0: there is to be none. */
static size_t write_mark(char mark[MARK_MAX], const struct letter_view *view, const struct resend_to *to)
{
    int32_t attempts = view->attempts == LETTER_ATTEMPTS_UNKNOWN ? 0 : view->attempts;
    if (to->id == NULL)
        return 0;
    int size = snprintf(mark, MARK_MAX, "{\"id\":\"%s\",\"topic\":\"%s\",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"attempt\":%" PRId32 "}",
                        to->id, to->letters, view->record->partition, view->record->offset, attempts + 1);
    assert(size > 0 && size < MARK_MAX);
    return (size_t)size;
}

static size_t bytes_of(const struct letter_view *view, struct mr_bytes key, struct mr_bytes value, const char *topic, size_t mark_size)
{
    size_t bytes = sizeof(struct resend) + (view->record->header_count + 1) * sizeof(struct fenced_writer_header);
    for (size_t i = 0; i < view->record->header_count; i++)
        bytes += strlen(view->record->headers[i].name) + 1 + view->record->headers[i].value.size;
    return bytes + key.size + value.size + strlen(topic) + 1 + sizeof(LETTER_MARK_HEADER) + mark_size;
}

/* Null stays null. */
static struct mr_bytes put(char **at, struct mr_bytes bytes)
{
    if (bytes.data == NULL)
        return bytes;
    char *copy = *at;
    memcpy(copy, bytes.data, bytes.size);
    *at += bytes.size;
    return (struct mr_bytes){.data = copy, .size = bytes.size};
}

static const char *put_text(char **at, const char *text)
{
    return put(at, (struct mr_bytes){.data = text, .size = strlen(text) + 1}).data;
}

static size_t put_headers(struct fenced_writer_header *headers, char **at, const struct letter_view *view, struct mr_bytes mark)
{
    size_t count = 0;
    for (size_t i = 0; i < view->record->header_count; i++) {
        if (letter_view_is_added(view, i))
            continue;
        headers[count].name = put_text(at, view->record->headers[i].name);
        headers[count++].value = put(at, view->record->headers[i].value);
    }
    if (mark.size == 0)
        return count;
    headers[count].name = put_text(at, LETTER_MARK_HEADER);
    headers[count++].value = put(at, mark);
    return count;
}

/* To a producer 0 is "now": the next one that can be written comes closer. */
static int64_t timestamp_of(const struct letter_view *view, const struct resend_to *to)
{
    return view->record->timestamp_ms == 0 && to->id != NULL ? 1 : view->record->timestamp_ms;
}

struct resend *resend_create(const struct letter_view *view, const struct selection *selection, const struct resend_to *to)
{
    char mark[MARK_MAX];
    size_t mark_size = write_mark(mark, view, to);
    struct mr_bytes key = selection->edits_key ? selection->key : view->record->key;
    struct mr_bytes value = selection->edits_value ? selection->value : view->record->value;
    size_t bytes = bytes_of(view, key, value, to->topic, mark_size);
    struct resend *resend = mem_alloc(bytes);
    if (resend == NULL)
        return NULL;
    struct fenced_writer_header *headers = (struct fenced_writer_header *)(resend + 1);
    char *at = (char *)(headers + view->record->header_count + 1);
    *resend = (struct resend){.partition = view->partition < 0 ? 0 : view->partition,
                              .offset = view->offset < 0 ? view->record->offset : view->offset,
                              .bytes = bytes};
    resend->entry = (struct fenced_writer_entry){.key = put(&at, key),
                                                 .value = put(&at, value),
                                                 .topic = put_text(&at, to->topic),
                                                 .partition = to->partition,
                                                 .timestamp_ms = timestamp_of(view, to),
                                                 .headers = headers};
    resend->entry.header_count = put_headers(headers, &at, view, (struct mr_bytes){.data = mark, .size = mark_size});
    assert(at <= (char *)resend + bytes);
    return resend;
}

bool resend_origin(const struct resend *resend, struct record_origin *origin, struct record_raw_header **headers)
{
    const struct fenced_writer_entry *entry = &resend->entry;
    *headers = mem_calloc(entry->header_count + 1, sizeof(**headers));
    for (size_t i = 0; *headers != NULL && i < entry->header_count; i++)
        (*headers)[i] = (struct record_raw_header){.key = entry->headers[i].name, .value = entry->headers[i].value};
    *origin = (struct record_origin){
        .topic = entry->topic,
        .partition = resend->partition,
        .offset = resend->offset,
        .timestamp_ms = entry->timestamp_ms,
        .timestamp_type = entry->timestamp_ms < 0 ? MR_TIMESTAMP_NONE : MR_TIMESTAMP_CREATE_TIME,
        .key = entry->key,
        .value = entry->value,
        .headers = *headers,
        .header_count = (uint32_t)entry->header_count,
    };
    return *headers != NULL;
}

json_t *resend_try(struct dead_letters *letters, const struct resend *resend, int *outcome, struct mr_error **error)
{
    struct dry_run *dry_run = letters_dry_run(letters, error);
    struct record_raw_header *headers;
    struct record_origin origin;
    struct dry_run_report report;
    json_t *json = NULL;
    if (dry_run == NULL)
        return NULL;
    if (!resend_origin(resend, &origin, &headers)) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a dry run");
        return NULL;
    }
    if (dry_run_consumed(dry_run, &origin, &report, error) == 0) {
        json = json_incref(report.json);
        if (outcome != NULL)
            *outcome = (int)report.outcome;
        dry_run_report_release(&report);
    }
    mem_free(headers);
    return json;
}
