/* Which option a plugin means that refuses its configuration when it is set up: errors have no place for it, so its words are looked at. */
#include <ctype.h>
#include <string.h>

#include "base/string_map.h"
#include "config/connector_internal.h"

#include "base/bans.h"

struct fault {
    const char *words;
    const struct mr_config_def *def;
    const struct string_map *options;
    const char *prefix;
};

static bool is_of_name(char character)
{
    return isalnum((unsigned char)character) || strchr("._-", character) != NULL;
}

/* `text` begins with the name, which ends there; a dot behind it may end a sentence. */
static bool names(const char *text, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(text, name, length) != 0)
        return false;
    return text[length] == '\0' || !is_of_name(text[length]) || (text[length] == '.' && !is_of_name(text[length + 1]));
}

static const char *option_at(const struct fault *fault, const char *text)
{
    size_t prefix = strlen(fault->prefix);
    if (strncmp(text, fault->prefix, prefix) == 0)
        text += prefix;
    for (size_t i = 0; i < fault->def->count; i++)
        if (names(text, fault->def->rows[i].name))
            return fault->def->rows[i].name;
    return NULL;
}

/* As Kafka's ConfigException words it. */
static const char *option_told(const struct fault *fault)
{
    static const char marker[] = " for configuration ";
    const char *at = strstr(fault->words, marker);
    return at == NULL ? NULL : option_at(fault, at + sizeof(marker) - 1);
}

/* "format option", 'format', static.value: no word of a sentence. */
static bool stands_out(const char *words, const char *at, const char *name)
{
    const char *end = at + strlen(name);
    if (at > words && is_of_name(at[-1]))
        return false;
    if (at > words && strchr("'\"`", at[-1]) != NULL)
        return *end == at[-1];
    return strchr(name, '.') != NULL || strncmp(end, " option", 7) == 0 || strncmp(end, " config", 7) == 0;
}

static const char *option_standing_out(const struct fault *fault)
{
    const char *found = NULL, *where = NULL;
    for (size_t i = 0; i < fault->def->count; i++) {
        const char *name = fault->def->rows[i].name, *at = strstr(fault->words, name);
        while (at != NULL && !(names(at, name) && stands_out(fault->words, at, name)))
            at = strstr(at + 1, name);
        if (at != NULL && (where == NULL || at < where))
            found = name, where = at;
    }
    return found;
}

/* ": VALUE" at the end or before a colon, 'VALUE', [VALUE]: other texts may stand in any words. */
static bool is_set_off(const char *words, const char *at, size_t length)
{
    char before = at == words ? '\0' : at[-1], after = at[length];
    if (before == '[')
        return after == ']';
    if (before == '\'' || before == '"')
        return after == before;
    return at >= words + 2 && strncmp(at - 2, ": ", 2) == 0 && (after == '\0' || after == ':');
}

static bool tells_value(const char *words, const char *value)
{
    size_t length = strlen(value);
    const char *at = length == 0 ? NULL : strstr(words, value);
    while (at != NULL && !is_set_off(words, at, length))
        at = strstr(at + 1, value);
    return at != NULL;
}

/* The one whose value is told; NULL also where there are several. */
static const char *option_of_value(const struct fault *fault)
{
    const char *found = NULL;
    for (size_t i = 0; i < fault->def->count; i++) {
        const char *name = fault->def->rows[i].name, *value = string_map_get(fault->options, name);
        if (value == NULL || !tells_value(fault->words, value))
            continue;
        if (found != NULL)
            return NULL;
        found = name;
    }
    return found;
}

const char *fault_option(const char *words, const struct mr_config_def *def, const struct string_map *options, const char *prefix)
{
    const struct fault fault = {words, def, options, prefix};
    const char *found = option_told(&fault);
    if (found == NULL)
        found = option_at(&fault, words);
    if (found == NULL)
        found = option_standing_out(&fault);
    return found != NULL ? found : option_of_value(&fault);
}
