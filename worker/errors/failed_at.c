/* Where a record failed, in words, put in front of why: what its owner needs to find it and the plugin to blame. */
#include "errors/tolerance_internal.h"

#include <millrace/error.h>

#include "base/str_buffer.h"
#include "base/thread.h"
#include "errors/record_text.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define WORDS_MAX 4096 /* longer ones are cut: source partitions may hold anything */
#define CONNECT_EXCEPTION "org.apache.kafka.connect.errors.ConnectException"

static void append_place(struct str_buffer *text, const struct mr_record *record, const struct record_origin *origin)
{
    if (origin != NULL) {
        str_buffer_append_text(text, ", where consumed record is ");
        record_text_origin(text, origin);
    } else if (record != NULL) {
        str_buffer_append_text(text, ", where source record is ");
        record_text_source_place(text, record);
    }
}

void tolerance_add_place(const struct report *report, struct mr_error **error)
{
    struct str_buffer words;
    str_buffer_init(&words, WORDS_MAX);
    str_buffer_printf(&words, "Executing stage '%s' with class '%s'", stage_name(report->stage), report->class_name);
    if (report->alias != NULL)
        str_buffer_printf(&words, " (alias '%s')", report->alias);
    append_place(&words, report->record, report->origin);
    mr_error_wrap(error, "%s", str_buffer_text(&words));
    mr_error_set_class_name(*error, CONNECT_EXCEPTION);
    str_buffer_release(&words);
}

void tolerance_place_failure(const struct operation *operation, struct mr_error **error)
{
    const struct report report = report_of(operation, *error);
    tolerance_add_place(&report, error);
}

int tolerance_exceeded(const struct report *report, struct mr_error **error)
{
    tolerance_add_place(report, error);
    mr_error_wrap(error, "Tolerance exceeded in error handler");
    mr_error_set_class_name(*error, CONNECT_EXCEPTION);
    return -1;
}

/* --- the same for whoever decides about a restart ----------------------------------------------------------------- */

enum failure_kind tolerance_kind_of(const struct mr_error *error)
{
    enum mr_error_code code = mr_error_code(error);
    return code == MR_ERR_RETRIABLE || code == MR_ERR_TIMEOUT ? FAILURE_CONNECTION : FAILURE_RECORD;
}

void tolerance_add_record(struct failure *failure, const struct mr_record *record)
{
    struct str_buffer words;
    str_buffer_init(&words, WORDS_MAX);
    record_text_source_place(&words, record);
    failure_add(failure, failure_place(str_buffer_text(&words), 0), 0, 0);
    str_buffer_release(&words);
}

static void add_record(struct failure *failure, const struct report *report)
{
    if (report->origin != NULL) {
        uint64_t where = failure_place(report->origin->topic != NULL ? report->origin->topic : "", report->origin->partition);
        failure_add(failure, where, report->origin->offset, report->origin->offset);
    } else if (report->record != NULL) {
        tolerance_add_record(failure, report->record);
    }
}

void tolerance_note_failed(struct tolerance *tolerance, const struct report *report, enum failure_kind kind)
{
    mutex_lock(&tolerance->lock);
    if (tolerance->failure.kind == FAILURE_NONE) {
        tolerance->failure.kind = kind;
        add_record(&tolerance->failure, report);
    }
    mutex_unlock(&tolerance->lock);
}

bool tolerance_failure(struct tolerance *tolerance, struct failure *failure)
{
    mutex_lock(&tolerance->lock);
    bool has_failed = tolerance->failure.kind != FAILURE_NONE;
    if (has_failed)
        *failure = tolerance->failure;
    mutex_unlock(&tolerance->lock);
    return has_failed;
}
