#include "routes/header_rules.h"

#include <ctype.h>
#include <errno.h>
#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"
#include "http/response.h"

#include "base/bans.h"

#define OPTION "response.http.headers.config"
#define DATE_OFFSET_MAX_MS (100LL * 366 * 24 * 3600 * 1000) /* years stay four digits */

/* ---- taking the list apart ---- */

static int refuse(struct mr_error **error, const char *rule, const char *words)
{
    return mr_error_set(error, MR_ERR_CONFIG, OPTION ": the rule '%.200s' %s", rule, words);
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    for (size_t length = strlen(text); length > 0 && isspace((unsigned char)text[length - 1]); length--)
        text[length - 1] = '\0';
    return text;
}

/* Ends the first rule at its comma, takes its quotes away in place, and moves on behind it. NULL: a quote is not closed. */
static char *take_rule(char **at)
{
    char *begin = *at, *to = begin, *from = begin;
    bool quoted = false;
    for (; *from != '\0' && (quoted || *from != ','); from++) {
        if (*from == '"')
            quoted = !quoted;
        else if (quoted && *from == '\\' && from[1] != '\0')
            *to++ = *++from;
        else
            *to++ = *from;
    }
    *at = from + (*from == ',');
    *to = '\0';
    return quoted ? NULL : trim(begin);
}

/* ---- one rule ---- */

static bool read_action(struct header_rule *rule, const char *action)
{
    rule->is_date = strcasecmp(action, "setDate") == 0 || strcasecmp(action, "addDate") == 0;
    rule->adds = strncasecmp(action, "add", 3) == 0;
    return rule->is_date || strcasecmp(action, "set") == 0 || strcasecmp(action, "add") == 0;
}

static bool read_offset(struct header_rule *rule, const char *value)
{
    char *end;
    errno = 0;
    rule->offset_ms = strtoll(value, &end, 10);
    return *end == '\0' && errno == 0 && rule->offset_ms <= DATE_OFFSET_MAX_MS && rule->offset_ms >= -DATE_OFFSET_MAX_MS;
}

/* What is wrong with it; NULL: nothing. Cuts `text` into its parts; name and value stay in it. */
static const char *read_rule(struct header_rule *rule, char *text, const char **name, const char **value)
{
    char *header = text + strcspn(text, " \t");
    if (*header != '\0')
        *header++ = '\0';
    if (!read_action(rule, text))
        return "does not begin with set, add, setDate or addDate";
    char *colon = strchr(header, ':');
    if (colon == NULL || strchr(colon + 1, ':') != NULL)
        return "is not of the form 'ACTION NAME: VALUE' with one colon";
    *colon = '\0';
    *name = trim(header);
    *value = trim(colon + 1);
    if (!http_header_name_is_fine(*name))
        return "has a name that no header can have";
    if (http_header_is_framing(*name))
        return "names a header that only the server can set. Remove it";
    if (**value == '\0' || !http_header_value_is_fine(*value))
        return "has no value, or control characters in it";
    if (rule->is_date && !read_offset(rule, *value))
        return "has a date that is no number of milliseconds from now";
    return NULL;
}

/* ---- all of them ---- */

static void release_rule(struct header_rule *rule)
{
    mem_free(rule->name);
    mem_free(rule->value);
}

void header_rules_release(struct header_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        release_rule(&rules->rules[i]);
    rules->count = 0;
}

static void drop_named(struct header_rules *rules, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < rules->count; i++) {
        if (strcasecmp(rules->rules[i].name, name) == 0)
            release_rule(&rules->rules[i]);
        else
            rules->rules[kept++] = rules->rules[i];
    }
    rules->count = kept;
}

static int add_rule(struct header_rules *rules, char *text, struct mr_error **error)
{
    struct header_rule rule = {.name = NULL};
    char whole[256];
    const char *name, *value;
    snprintf(whole, sizeof(whole), "%s", text);
    const char *wrong = read_rule(&rule, text, &name, &value);
    if (wrong != NULL)
        return refuse(error, whole, wrong);
    if (!rule.adds)
        drop_named(rules, name);
    if (rules->count == HEADER_RULES_MAX)
        return refuse(error, whole, "is one too many: at most 16 are kept. Remove some");
    rule.name = mem_strdup(name);
    rule.value = mem_strdup(value);
    if (rule.name == NULL || rule.value == NULL) {
        release_rule(&rule);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "Out of memory");
    }
    rules->rules[rules->count++] = rule;
    return 0;
}

int header_rules_init(struct header_rules *rules, const char *config, struct mr_error **error)
{
    *rules = (struct header_rules){.count = 0};
    char *copy = mem_strdup(config == NULL ? "" : config), *at = copy;
    if (copy == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "Out of memory");
    int status = 0;
    while (status == 0 && *at != '\0') {
        char *rule = take_rule(&at);
        if (rule == NULL)
            status = mr_error_set(error, MR_ERR_CONFIG, OPTION ": a double quote is not closed");
        else if (*rule != '\0')
            status = add_rule(rules, rule, error);
    }
    mem_free(copy);
    if (status != 0)
        header_rules_release(rules);
    return status;
}

/* ---- on an answer ---- */

static bool has_header(const struct http_response *response, const char *name, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(response->headers[i].name, name) == 0)
            return true;
    return false;
}

/* own_count: headers that the answer had before the rules. */
static bool is_settled(const struct http_response *response, const struct header_rule *rule, size_t own_count)
{
    bool is_type = strcasecmp(rule->name, "Content-Type") == 0;
    return (is_type && response->content != HTTP_CONTENT_NONE) ||
           ((is_type || !rule->adds) && has_header(response, rule->name, own_count));
}

/* As RFC 9110, section 5.6.7, whatever the locale. */
static void write_date(char *text, size_t size, int64_t time_ms)
{
    static const char DAYS[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char MONTHS[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm at;
    gmtime_r(&seconds, &at);
    snprintf(text, size, "%s, %02d %s %04d %02d:%02d:%02d GMT", DAYS[at.tm_wday], at.tm_mday, MONTHS[at.tm_mon],
             at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
}

void header_rules_apply(const struct header_rules *rules, struct http_response *response, int64_t now_ms)
{
    size_t own_count = response->header_count;
    for (size_t i = 0; i < rules->count; i++) {
        const struct header_rule *rule = &rules->rules[i];
        char date[64];
        if (is_settled(response, rule, own_count))
            continue;
        if (rule->is_date)
            write_date(date, sizeof(date), now_ms + rule->offset_ms);
        http_response_add_header(response, rule->name, rule->is_date ? date : rule->value);
    }
}
