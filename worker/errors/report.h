/*
 * report: where failures are told. A reporter is a row of functions in the table of report.c: adding one is one file
 * and one row. Tolerance runs all of them, in the order of the table, for each record that is given up.
 *
 * For the files of this room and its tests; other rooms speak to tolerance.h.
 */
#ifndef ERRORS_REPORT_H
#define ERRORS_REPORT_H

#include <millrace/abi.h>

#include "errors/tolerance.h"

struct error_counters;
struct reporter;

/* A stop, and what it kept from being written. */
struct letter_stop {
    _Atomic bool is_wanted;   /* ends waits for room */
    _Atomic bool is_cancelled; /* ends all waits */
    _Atomic bool interrupted; /* a wait was ended, its letter not written */
};

struct reporter_setup {
    const struct tolerance_setup *tolerance; /* valid during create; texts in it are copied where kept */
    const struct error_settings *settings;   /* outlive the reporter, as does the connector's name */
    const char *connector;
    struct error_counters *counters;
    struct letter_stop *stop;
};

struct report {
    enum stage stage;
    const char *class_name;
    const char *alias;                     /* of a transform in its chain; NULL: it has none */
    const struct mr_error *error;          /* the original, not its wrapper */
    const struct mr_record *record;        /* source records: as polled */
    const struct record_origin *origin;    /* sink records: as consumed; NULL for source records */
    const struct source_letter *letter;    /* of a source record, where one is to be written; else NULL */
    /* Not NULL: a reporter whose work ends later adds a part to it and completes that. */
    struct mr_future *future;
};

struct reporter_ops {
    const char *name;
    /* *reporter stays NULL when the settings do not ask for it. */
    int (*create)(const struct reporter_setup *setup, struct reporter **reporter, struct mr_error **error);
    /* thread: any, also several at once. -1: the report got lost, and so the task has to fail. */
    int (*report)(struct reporter *reporter, const struct report *report, struct mr_error **error);
    void (*destroy)(struct reporter *reporter, int64_t deadline_ms);
    /* All below: thread any; NULL: reports are done when report() returns. As the functions of tolerance.h. */
    int64_t (*safe_offset)(struct reporter *reporter, const char *topic, int32_t partition, int64_t upto);
    int (*failure)(struct reporter *reporter, struct mr_error **error);
    bool (*is_waiting)(struct reporter *reporter);
    void (*await)(struct reporter *reporter, int64_t deadline_ms); /* until it is not, at most; or something failed */
    bool (*has_room)(struct reporter *reporter);
    void (*forget_partition)(struct reporter *reporter, const char *topic, int32_t partition);
    void (*stop)(struct reporter *reporter); /* looks again at setup's `stop` */
};

extern const struct reporter_ops report_log;
extern const struct reporter_ops report_dead_letter;

#define REPORTERS_MAX 4

/* Those that the settings ask for. Embedded. */
struct reporters {
    const struct reporter_ops *ops[REPORTERS_MAX];
    struct reporter *items[REPORTERS_MAX];
    uint32_t count;
};

int reporters_init(struct reporters *reporters, const struct reporter_setup *setup, struct mr_error **error);
void reporters_release(struct reporters *reporters, int64_t deadline_ms);
/* Runs all; -1 with the first error when one lost its report. */
int reporters_run(const struct reporters *reporters, const struct report *report, struct mr_error **error);

#endif
