#include "config/connector_internal.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "sdk/collect.h"

#include "base/bans.h"

#define FINDINGS_FIRST 8

static size_t place_of(const struct connector_findings *findings, const char *option)
{
    for (size_t i = findings->count; i > 0; i--) {
        if (strcmp(findings->items[i - 1].option, option) == 0)
            return i;
    }
    return findings->count;
}

static bool make_room(struct connector_findings *findings)
{
    if (findings->count < findings->capacity)
        return true;
    size_t capacity = findings->capacity == 0 ? FINDINGS_FIRST : findings->capacity * 2;
    struct connector_finding *items = mem_realloc(findings->items, capacity * sizeof(*items));
    if (items == NULL)
        return false;
    findings->items = items;
    findings->capacity = capacity;
    return true;
}

/* Takes both texts. */
static bool insert(struct connector_findings *findings, char *option, char *message)
{
    if (option == NULL || message == NULL || !make_room(findings)) {
        mem_free(option);
        mem_free(message);
        return false;
    }
    size_t place = place_of(findings, option);
    memmove(&findings->items[place + 1], &findings->items[place], (findings->count - place) * sizeof(*findings->items));
    findings->items[place] = (struct connector_finding){option, message};
    findings->count++;
    return true;
}

int finding_add(struct validating *validating, const char *option, const char *format, ...)
{
    struct str_buffer text;
    va_list args;
    if (validating->findings->count >= CONNECTOR_FINDINGS_MAX)
        return 0;
    str_buffer_init(&text, CONFIG_MESSAGE_MAX);
    va_start(args, format);
    str_buffer_vprintf(&text, format, args);
    va_end(args);
    bool is_too_long = text.over_max;
    char *message = is_too_long ? mem_strdup("The value is not valid") : str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    if (insert(validating->findings, mem_strdup(option), message))
        return 0;
    return mr_error_set(validating->error, MR_ERR_NO_MEMORY, "No memory to validate a connector");
}

bool finding_exists(const struct validating *validating, const char *option)
{
    const struct connector_findings *findings = validating->findings;
    size_t place = place_of(findings, option);
    return place > 0 && strcmp(findings->items[place - 1].option, option) == 0;
}

void connector_findings_release(struct connector_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        mem_free(findings->items[i].option);
        mem_free(findings->items[i].message);
    }
    mem_free(findings->items);
    *findings = (struct connector_findings){0};
}

char *connector_findings_message(const struct connector_findings *findings)
{
    static const char ending[] = "\nYou can also find the above list of errors at the endpoint "
                                 "`/connector-plugins/{connectorType}/config/validate`";
    struct str_buffer text;
    str_buffer_init(&text, CONNECTOR_MESSAGE_MAX);
    str_buffer_printf(&text,
                      "Connector configuration is invalid and contains the following %zu error(s):", findings->count);
    for (size_t i = 0; i < findings->count && text.length < CONNECTOR_MESSAGE_MAX - 2 * CONFIG_MESSAGE_MAX; i++)
        str_buffer_printf(&text, "\n%s", findings->items[i].message);
    str_buffer_append_text(&text, ending);
    char *message = str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    return message;
}
