#include "sdk/collect.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/utf8.h"

#include "base/bans.h"

struct finding {
    const char *option; /* lies behind the message; NULL: about the whole */
    char message[];
};

struct mr_config_report {
    struct ptr_array findings;
    bool failed;
};

/* Words repeat values, maybe secret ones. */
static void finding_free(void *item)
{
    struct finding *finding = item;
    explicit_bzero(finding->message, strlen(finding->message));
    mem_free(finding);
}

struct mr_config_report *config_report_create(void)
{
    struct mr_config_report *report = mem_calloc(1, sizeof(*report));
    if (report != NULL)
        ptr_array_init(&report->findings, finding_free);
    return report;
}

void config_report_destroy(struct mr_config_report *report)
{
    if (report == NULL)
        return;
    ptr_array_release(&report->findings);
    mem_free(report);
}

static struct finding *finding_create(const char *prefix, const char *option, const char *message)
{
    size_t message_length = utf8_cut(message, strlen(message), CONFIG_MESSAGE_MAX);
    size_t prefix_length = strlen(prefix);
    size_t option_size = option == NULL ? 0 : strlen(option) + 1;
    struct finding *finding = mem_alloc(sizeof(*finding) + message_length + 1 + prefix_length + option_size);
    if (finding == NULL)
        return NULL;
    memcpy(finding->message, message, message_length);
    finding->message[message_length] = '\0';
    finding->option = NULL;
    if (option != NULL) {
        char *at = finding->message + message_length + 1;
        memcpy(at, prefix, prefix_length);
        memcpy(at + prefix_length, option, option_size);
        finding->option = at;
    }
    return finding;
}

static int add(struct mr_config_report *report, const char *prefix, const char *option, const char *message)
{
    struct finding *finding =
        report->findings.count < CONFIG_REPORT_MAX ? finding_create(prefix, option, message) : NULL;
    if (finding != NULL && ptr_array_push(&report->findings, finding))
        return 0;
    mem_free(finding);
    report->failed = true;
    return -1;
}

int config_report_add(struct mr_config_report *report, const char *option, const char *message)
{
    return add(report, "", option, message);
}

int mr_config_report_error(struct mr_config_report *report, const char *option, const char *format, ...)
{
    char message[CONFIG_MESSAGE_MAX + 4]; /* enough for utf8_cut to see the character it must not halve */
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return add(report, "", option, message);
}

int config_report_add_all(struct mr_config_report *report, const struct mr_config_report *other, const char *prefix)
{
    for (size_t i = 0; i < other->findings.count; i++) {
        const struct finding *finding = ptr_array_at(&other->findings, i);
        if (add(report, prefix == NULL ? "" : prefix, finding->option, finding->message) != 0)
            return -1;
    }
    report->failed = report->failed || other->failed;
    return report->failed ? -1 : 0;
}

size_t config_report_count(const struct mr_config_report *report)
{
    return report->findings.count;
}

const char *config_report_option(const struct mr_config_report *report, size_t index)
{
    const struct finding *finding = ptr_array_at(&report->findings, index);
    return finding->option;
}

const char *config_report_message(const struct mr_config_report *report, size_t index)
{
    const struct finding *finding = ptr_array_at(&report->findings, index);
    return finding->message;
}

size_t config_report_count_of(const struct mr_config_report *report, const char *option)
{
    size_t count = 0;
    for (size_t i = 0; i < report->findings.count; i++) {
        const char *theirs = config_report_option(report, i);
        count += theirs != NULL && strcmp(theirs, option) == 0;
    }
    return count;
}

bool config_report_failed(const struct mr_config_report *report)
{
    return report->failed;
}
