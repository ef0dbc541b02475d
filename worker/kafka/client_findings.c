/* client_findings.c: what a translation has to tell, kept in order, no secrets inside. */
#include "kafka/client_config_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "base/bans.h"

#define FINDING_TEXT_MAX 1024

void client_findings_init(struct client_findings *findings)
{
    *findings = (struct client_findings){0};
}

void client_findings_release(struct client_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        mem_free(findings->items[i].property);
        mem_free(findings->items[i].message);
    }
    mem_free(findings->items);
    client_findings_init(findings);
}

void client_findings_log(const struct client_findings *findings, const char *what)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (!findings->items[i].refuses)
            log_warn("kafka.client", "%s: %s", what, findings->items[i].message);
    }
}

static bool findings_grow(struct client_findings *findings)
{
    size_t capacity = findings->capacity > 0 ? findings->capacity * 2 : 8;
    struct client_finding *items = mem_realloc(findings->items, capacity * sizeof *items);
    if (items == NULL)
        return false;
    findings->items = items;
    findings->capacity = capacity;
    return true;
}

static void findings_add(struct translation *translation, const char *property, bool refuses, const char *format,
                         va_list args)
{
    struct client_findings *findings = translation->findings;
    char text[FINDING_TEXT_MAX];
    vsnprintf(text, sizeof text, format, args);
    if (!refuses && findings->count >= CLIENT_FINDINGS_MAX)
        return;
    if (findings->count == findings->capacity && !findings_grow(findings)) {
        translation->no_memory = true;
        return;
    }
    struct client_finding finding = {mem_strdup(property), mem_strdup(text), refuses};
    if (finding.property == NULL || finding.message == NULL) {
        mem_free(finding.property);
        mem_free(finding.message);
        translation->no_memory = true;
        return;
    }
    findings->items[findings->count++] = finding;
}

void translation_warn(struct translation *translation, const char *property, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    findings_add(translation, property, false, format, args);
    va_end(args);
}

void translation_refuse(struct translation *translation, const char *property, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    findings_add(translation, property, true, format, args);
    va_end(args);
}
