/* fault_matrix.h: each fault with each error policy, as a table that docs/errors.md must show. Include after cmocka.h.
 *
 * A task is given the records 0, 1 and 2; what is wrong is wrong with record 1, or with all. A cell says how the task ends up, how
 * far it may go on after a restart, and how many dead letters were acknowledged. Whatever the cell says, no record may be lost: each was
 * delivered, or its letter was acknowledged, or it comes again, or it was skipped as wished (errors.tolerance=all without dead
 * letters) and counted or logged so.
 *
 * Every cell is tried with and without errors.log.enable, and where nothing is retriable with and without errors.retry.timeout: the
 * outcome must be the same.
 *
 * MILLRACE_PRINT_MATRIX=1: prints the table instead of comparing it.
 */
#ifndef FAULT_MATRIX_H
#define FAULT_MATRIX_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str_buffer.h"
#include "metrics/error_counters.h"

#define RECORDS 3
#define FAULT_RETRY_TIMEOUT_MS 5000

struct policy {
    bool all, letters, log;
    int64_t retry_timeout_ms;
};

/* What becomes of letters. */
enum letter_fault { LETTER_FINE, LETTER_REFUSED_NOW, LETTER_REFUSED_LATER, LETTER_UNANSWERED };

/* Pipelines with something in them that fails. */
static const char *const key[] = {"key.converter=org.acme.FailingConverter", NULL};
static const char *const value[] = {"value.converter=org.acme.FailingConverter", NULL};
static const char *const header[] = {"header.converter=org.acme.FailingConverter", NULL};
static const char *const transform[] = {"transforms=x", "transforms.x.type=org.acme.Failing", NULL};
static const char *const twice[] = {"transforms=x", "transforms.x.type=org.acme.Failing", "transforms.x.times=2",
                                    "transforms.x.bad=none", NULL};
static const char *const always[] = {"value.converter=org.acme.FailingConverter", "value.converter.times=1000000", NULL};

#define POLICY "Tolerance exceeded in error handler"

/* How a failure of this kind is counted (Kafka Connect's task-error-metrics). */
enum counted { COUNTED_RECORD, COUNTED_REPORT, COUNTED_PRODUCE, COUNTED_NOT };

struct outcome {
    char state[16];
    int64_t offset; /* of the record that is read first after a restart */
    bool delivered[RECORDS], lettered[RECORDS];
    const char *words; /* that a FAILED task must say; NULL: not looked at */
};

static struct error_counters counters;
static size_t faults_tried, records_lost;

static inline void check_nothing_is_lost(const char *fault, const struct policy *policy, const struct outcome *outcome)
{
    uint64_t gone = 0;

    for (size_t i = 0; i < RECORDS; i++)
        gone += !outcome->delivered[i] && !outcome->lettered[i] && (int64_t)i < outcome->offset;
    faults_tried++;
    if (gone == 0 || (policy->all && !policy->letters && (counters.record_failures >= gone || counters.errors_logged >= gone)))
        return;
    records_lost += gone;
    print_message("%s, tolerance=%s, letters=%d: %d records are lost\n", fault, policy->all ? "all" : "none", policy->letters, (int)gone);
}

static inline void check_counters(const char *fault, const struct policy *policy, enum counted counted)
{
    uint64_t reports = counted == COUNTED_RECORD ? counters.record_errors
                       : counted == COUNTED_NOT  ? 0
                                                 : counters.record_failures;

    if (counters.errors_logged != (policy->log ? reports : 0))
        fail_msg("%s: %d of %d reports logged", fault, (int)counters.errors_logged, (int)reports);
    if (counters.dead_letter_requests != (policy->letters ? reports : 0))
        fail_msg("%s: %d of %d reports became letters", fault, (int)counters.dead_letter_requests, (int)reports);
    if (counted == COUNTED_RECORD && counters.records_skipped != (policy->all ? reports - counters.dead_letter_failures : 0) &&
        counters.records_skipped != (policy->all ? reports : 0))
        fail_msg("%s: %d of %d skipped", fault, (int)counters.records_skipped, (int)reports);
    if (counted != COUNTED_RECORD && counters.records_skipped != 0)
        fail_msg("%s: counted as skipped", fault);
    if (counted == COUNTED_NOT && (counters.record_failures != 0 || counters.record_errors != 0))
        fail_msg("%s: counted as a record's failure", fault);
}

/* "RUNNING, 3" or "FAILED, 1, letter". */
static inline void cell_text(const struct outcome *outcome, char *text, size_t size)
{
    size_t letters = 0, used;

    for (size_t i = 0; i < RECORDS; i++)
        letters += outcome->lettered[i];
    used = (size_t)snprintf(text, size, "%s, %d", outcome->state, (int)outcome->offset);
    if (letters > 0)
        snprintf(text + used, size - used, letters == 1 ? ", letter" : ", %zu letters", letters);
}

typedef void run_cell_fn(const void *fault, const struct policy *policy, struct outcome *outcome);

/* Whether there is an error log can matter: it is somebody to report to. */
enum log_matters { LOG_BOTH, LOG_OFF, LOG_ON };

struct matrix_row {
    const char *name;
    enum counted counted;
    bool is_retriable; /* the retry timeout matters: only `retries` is tried */
    bool retries;
    const char *words;
    const void *fault;
    enum log_matters log;
};

static inline void run_policy(const struct matrix_row *row, run_cell_fn *run, const struct policy *policy, char *text, size_t size)
{
    struct outcome outcome = {.words = row->words};

    memset(&counters, 0, sizeof(counters));
    run(row->fault, policy, &outcome);
    check_nothing_is_lost(row->name, policy, &outcome);
    check_counters(row->name, policy, row->counted);
    if (!row->is_retriable && counters.retries != 0)
        fail_msg("%s was tried again", row->name);
    cell_text(&outcome, text, size);
}

/* The cell, the same with all that must not matter. */
static inline void run_cell(const struct matrix_row *row, run_cell_fn *run, bool all, bool letters, char *text, size_t size)
{
    for (int i = 0; i < 4; i++) {
        const struct policy policy = {.all = all, .letters = letters, .log = row->log == LOG_BOTH ? (i & 1) != 0 : row->log == LOG_ON,
                                      .retry_timeout_ms = (row->is_retriable ? row->retries : (i & 2) != 0) ? FAULT_RETRY_TIMEOUT_MS : 0};
        char again[64];

        run_policy(row, run, &policy, again, sizeof(again));
        if (i == 0)
            snprintf(text, size, "%s", again);
        else if (strcmp(text, again) != 0)
            fail_msg("%s: '%s' becomes '%s' with log=%d, retry=%d", row->name, text, again, i & 1, i >> 1);
    }
}

/* What stands in docs/errors.md between the two marks; yours to free. */
static inline char *documented(const char *name)
{
    char begin[64], *page, *from, *to;
    FILE *file = fopen(MR_TEST_SOURCE_DIR "/docs/errors.md", "r");

    assert_non_null(file);
    page = calloc(1, 1 << 20);
    assert_true(fread(page, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    snprintf(begin, sizeof(begin), "<!-- faults: %s -->\n", name);
    from = strstr(page, begin);
    assert_non_null(from);
    from += strlen(begin);
    to = strstr(from, "<!-- end -->");
    assert_non_null(to);
    *to = '\0';
    memmove(page, from, strlen(from) + 1);
    return page;
}

static inline void run_matrix(const char *name, const struct matrix_row *rows, size_t count, run_cell_fn *run)
{
    struct str_buffer table;
    char cell[64], *page;

    str_buffer_init(&table, 1 << 16);
    str_buffer_append_text(&table, "| what fails | `none` | `none`, letters | `all` | `all`, letters |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        str_buffer_printf(&table, "| %s |", rows[i].name);
        for (int k = 0; k < 4; k++) {
            run_cell(&rows[i], run, (k & 2) != 0, (k & 1) != 0, cell, sizeof(cell));
            str_buffer_printf(&table, " %s |", cell);
        }
        str_buffer_append_text(&table, "\n");
    }
    print_message("%s: %zu faults of %zu kinds tried, %zu records lost\n", name, faults_tried, count, records_lost);
    if (getenv("MILLRACE_PRINT_MATRIX") != NULL) {
        printf("%s", str_buffer_text(&table));
    } else {
        page = documented(name);
        assert_string_equal(page, str_buffer_text(&table));
        free(page);
    }
    str_buffer_release(&table);
    assert_int_equal(0, records_lost);
}

#endif
