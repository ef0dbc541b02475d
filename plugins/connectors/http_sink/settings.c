#include "settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct mr_range http_connections_range = {1, 64}, http_time_range = {0, 86400000}, http_body_range = {0, 8192},
                      http_positive_range = {1, INT32_MAX}, http_count_range = {0, INT32_MAX},
                      http_port_range = {-1, 65535};

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void headers_release(char **lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wipe(lines[i]);
}

void http_settings_release(struct http_settings *settings)
{
    template_release(&settings->url);
    template_release(&settings->batch_key);
    replacements_release(&settings->replacements);
    headers_release(settings->header_lines, settings->header_count);
    headers_release(settings->oauth2.header_lines, settings->oauth2.header_count);
    wipe(settings->auth_text);
    *settings = (struct http_settings){0};
}

/* --- status codes ------------------------------------------------------------------------------------------------------- */

bool status_set_has(const struct status_set *set, long status)
{
    for (size_t i = 0; i < set->count; i++)
        if (status >= set->ranges[i].least && status <= set->ranges[i].most)
            return true;
    return false;
}

/* A status at `*at`; -1: none. */
static int read_status(const char **at)
{
    int status = 0, digits = 0;

    while (**at == ' ')
        (*at)++;
    for (; isdigit((unsigned char)**at) && digits < 4; (*at)++, digits++)
        status = status * 10 + (**at - '0');
    while (**at == ' ')
        (*at)++;
    return digits == 3 && status >= 100 ? status : -1;
}

static int read_range(struct status_range *range, const char **at)
{
    int least = read_status(at), most = least;

    if (least < 0)
        return -1;
    if (**at == '-') {
        (*at)++;
        while (**at == ' ')
            (*at)++;
        most = **at == ',' || **at == '\0' ? 999 : read_status(at);
    }
    if (most < least || (**at != ',' && **at != '\0'))
        return -1;
    *range = (struct status_range){.least = (uint16_t)least, .most = (uint16_t)most};
    return 0;
}

int status_set_read(struct status_set *set, const char *option, const char *text, struct mr_error **error)
{
    set->count = 0;
    if (text == NULL || text[0] == '\0')
        return 0;
    for (;;) {
        if (set->count == STATUS_RANGES_MAX)
            return mr_error_set(error, MR_ERR_CONFIG, "%s: more than %d codes and ranges", option, STATUS_RANGES_MAX);
        if (read_range(&set->ranges[set->count], &text) != 0)
            return mr_error_set(error, MR_ERR_CONFIG,
                                "%s: give status codes and ranges of them, as in 404,429,500- or 400-499", option);
        set->count++;
        if (*text == '\0')
            return 0;
        text++;
    }
}

/* --- checks of single options --------------------------------------------------------------------------------------------- */

int http_check_statuses(const char *name, const char *text, const struct mr_config *config, const void *argument,
                        struct mr_error **error)
{
    struct status_set set;

    (void)config, (void)argument;
    return text == NULL ? 0 : status_set_read(&set, name, text, error);
}

int http_check_blank(const char *name, const char *text, const struct mr_config *config, const void *argument,
                     struct mr_error **error)
{
    (void)name, (void)config, (void)argument;
    if (text == NULL || text[strspn(text, " \t\r\n")] != '\0')
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "String must be non-blank");
}

/* What follows "http://" or "https://"; NULL: it is another thing. */
static const char *authority_of(const char *url)
{
    if (strncasecmp(url, "http://", 7) == 0)
        return url + 7;
    return strncasecmp(url, "https://", 8) == 0 ? url + 8 : NULL;
}

int http_check_url(const char *name, const char *text, const struct mr_config *config, const void *argument,
                   struct mr_error **error)
{
    struct template template;
    const char *authority;
    size_t host;

    (void)name, (void)config, (void)argument;
    if (text == NULL || text[0] == '\0')
        return 0;
    authority = authority_of(text);
    host = authority == NULL ? 0 : strcspn(authority, "/?#");
    if (host == 0)
        return mr_error_set(error, MR_ERR_CONFIG, "malformed URL; give one that begins with http:// or https://");
    if (memchr(authority, '$', host) != NULL)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "a record may not choose the host: placeholders stand behind it, in the path or the query");
    if (memchr(authority, '@', host) != NULL)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "a URL shows in logs: give the user and the password by the options for authentication");
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return mr_error_set(error, MR_ERR_CONFIG, "malformed URL; write blanks as %%20");
    if (template_read(&template, text, error) != 0)
        return -1;
    template_release(&template);
    return 0;
}

/* --- headers ---------------------------------------------------------------------------------------------------------------- */

static bool is_token(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static int bad_header(const char *option, const char *why, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONFIG, "%s: %s", option, why);
}

bool http_header_frames(const char *name, size_t size)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive",
                                        "TE",             "Trailer",           "Upgrade",    "Proxy-Connection"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == size && strncasecmp(name, names[i], size) == 0)
            return true;
    return false;
}

int http_header_add(char **lines, size_t *count, const char *option, const char *line, size_t size,
                    struct mr_error **error)
{
    size_t name = 0, value;
    char *text;

    while (name < size && is_token(line[name]))
        name++;
    if (name == 0 || name == size || line[name] != ':')
        return bad_header(option, "a header is written as Name:value", error);
    if (http_header_frames(line, name))
        return bad_header(option, "Content-Length, Transfer-Encoding, Connection and their like are the sink's own: take them out", error);
    for (value = name + 1; value < size && (line[value] == ' ' || line[value] == '\t'); value++)
        ;
    for (size_t i = value; i < size; i++)
        if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
            return bad_header(option, "the value of a header holds a control character", error);
    if (*count == HEADERS_MAX)
        return bad_header(option, "more than 64 headers", error);
    /* libcurl sends a header without a value only when it ends in a semicolon. */
    if (asprintf(&text, value == size ? "%.*s;" : "%.*s: %.*s", (int)name, line, (int)(size - value), line + value) < 0)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for headers");
    lines[(*count)++] = text;
    return 0;
}

int http_headers_add(char **lines, size_t *count, const char *option, const char *text, const char *separator,
                     struct mr_error **error)
{
    while (text != NULL && *text != '\0') {
        const char *end = separator[0] == '\0' ? NULL : strstr(text, separator);
        const char *stop = end == NULL ? text + strlen(text) : end;
        const char *begin = text;

        while (begin < stop && isspace((unsigned char)*begin))
            begin++;
        text = end == NULL ? stop : end + strlen(separator);
        while (stop > begin && isspace((unsigned char)stop[-1]))
            stop--;
        if (stop > begin && http_header_add(lines, count, option, begin, (size_t)(stop - begin), error) != 0)
            return -1;
    }
    return 0;
}

bool http_headers_have(char *const *lines, size_t count, const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < count; i++)
        if (strncasecmp(lines[i], name, size) == 0 && (lines[i][size] == ':' || lines[i][size] == ';'))
            return true;
    return false;
}

/* --- texts ------------------------------------------------------------------------------------------------------------------ */

const char *http_text(const struct mr_config *config, const char *option)
{
    const char *text = mr_config_string(config, option);

    return text == NULL || text[0] == '\0' ? NULL : text;
}

struct mr_bytes http_raw_text(const struct mr_config *config, const char *option, const char *without)
{
    const char *text = mr_config_has(config, option) ? mr_config_text(config, option) : NULL;

    if (text == NULL)
        text = without;
    return (struct mr_bytes){.data = text, .size = strlen(text)};
}

void http_settings_own(struct http_settings *settings, const struct mr_config *config, bool forwards)
{
    settings->connections_max = (uint32_t)mr_config_integer(config, "millrace.http.connections.max");
    settings->retry_after_max_ms = (uint32_t)mr_config_integer(config, "millrace.http.retry.after.max.ms");
    settings->error_body_bytes = (uint32_t)mr_config_integer(config, "millrace.http.error.body.bytes");
    settings->forwards_record_headers = mr_config_has_value(config, "millrace.http.record.headers")
                                            ? mr_config_boolean(config, "millrace.http.record.headers")
                                            : forwards;
    settings->results_path = http_text(config, "millrace.batch.results");
    settings->result_status = mr_config_string(config, "millrace.batch.result.status");
}
