/* One line at level ERROR for each record that was given up (errors.log.enable). */
#include <inttypes.h>
#include <millrace/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "errors/record_text.h"
#include "errors/report.h"
#include "metrics/error_counters.h"

#include "base/bans.h"

#define LOGGER "org.apache.kafka.connect.runtime.errors.LogReporter"

struct reporter {
    const char *connector;
    uint32_t task;
    bool with_messages;
    struct error_counters *counters;
};

static int create(const struct reporter_setup *setup, struct reporter **reporter, struct mr_error **error)
{
    if (!setup->settings->log_enable)
        return 0;
    *reporter = mem_alloc(sizeof(**reporter));
    if (*reporter == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to log errors");
    **reporter = (struct reporter){
        .connector = setup->connector,
        .task = setup->tolerance->task,
        .with_messages = setup->settings->log_messages,
        .counters = setup->counters,
    };
    return 0;
}

static void destroy(struct reporter *reporter, int64_t deadline_ms)
{
    (void)deadline_ms;
    mem_free(reporter);
}

static void append_record(struct str_buffer *text, const struct report *report)
{
    if (report->origin != NULL) {
        str_buffer_append_text(text, ", where consumed record is ");
        record_text_origin(text, report->origin);
    } else if (report->record != NULL) {
        str_buffer_append_text(text, ", where source record is = ");
        record_text_source(text, report->record);
    }
}

/* A line that is too long for the log ends where there is no more room: str_buffer keeps what fitted. */
static int log_report(struct reporter *reporter, const struct report *report, struct mr_error **error)
{
    (void)error;
    struct str_buffer line;
    char trace[2048];
    str_buffer_init(&line, LOG_LINE_MAX);
    str_buffer_printf(&line, "Error encountered in task %s-%" PRIu32 ". Executing stage '%s' with class '%s'",
                      reporter->connector, reporter->task, stage_name(report->stage), report->class_name);
    if (reporter->with_messages)
        append_record(&line, report);
    mr_error_trace(report->error, trace, sizeof(trace));
    const char *before = log_stage_set(stage_name(report->stage));
    logger_write(logger_of(LOGGER), LOG_LEVEL_ERROR, "%s.\n%s", str_buffer_text(&line), trace);
    log_stage_set(before);
    str_buffer_release(&line);
    atomic_fetch_add_explicit(&reporter->counters->errors_logged, 1, memory_order_relaxed);
    return 0;
}

const struct reporter_ops report_log = {
    .name = "log",
    .create = create,
    .report = log_report,
    .destroy = destroy,
};
