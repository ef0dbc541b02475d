/* How the worker logs: begun with the properties as they are written, so that the first lines have the right form already. */
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <millrace/number_text.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "boot_internal.h"
#include "logging/log_output.h"

#include "base/bans.h"

#define LOG_NAME "millrace.main"
#define BUFFER_BYTES (1u << 20)
#define BUFFER_BYTES_MOST (64u << 20)
#define REPEATS_MAX 50
#define REPEATS_WINDOW_MS 10000

/* What is wrong with it is told when the properties are read. */
static size_t buffer_bytes_of(const struct string_map *written)
{
    const char *text = string_map_get(written, "millrace.log.buffer.bytes");
    int64_t bytes;
    if (text == NULL || !mr_int64_parse((struct mr_bytes){text, strlen(text)}, &bytes) || bytes < (int64_t)LOG_BUFFER_BYTES_LEAST ||
        bytes > (int64_t)BUFFER_BYTES_MOST)
        return BUFFER_BYTES;
    return (size_t)bytes;
}

void boot_log_start(struct boot *boot, const struct string_map *written)
{
    char why[160];
    const char *format = string_map_get(written, "millrace.log.format");
    boot->log = log_output_start(&(struct log_output_setup){.fd = STDERR_FILENO,
                                                            .is_json = format != NULL && strcasecmp(format, "json") == 0,
                                                            .buffer_bytes = buffer_bytes_of(written),
                                                            .repeats_max = REPEATS_MAX,
                                                            .repeats_window_ms = REPEATS_WINDOW_MS},
                                 why, sizeof(why));
    if (boot->log == NULL)
        log_warn(LOG_NAME, "the log is written as it comes, which may block: %s", why);
}

/* LOGGER=LEVEL, checked before. */
static void set_level(char *term)
{
    enum log_level level;
    char *sign = strrchr(term, '=');
    term += strspn(term, " \t");
    if (sign == NULL || !log_level_parse(sign + 1, &level))
        return;
    *sign = '\0';
    log_level_set(term, level, -1, NULL);
}

void boot_log_set(struct boot *boot)
{
    const struct log_config *log = &boot->config->log;
    char *levels = mem_strdup(log->levels), *rest = levels, *term;
    if (boot->log != NULL)
        log_output_set_form(boot->log, strcasecmp(log->format, "json") == 0, log->repeats_max, log->repeats_window_ms);
    while (rest != NULL && (term = strsep(&rest, ",")) != NULL)
        set_level(term);
    mem_free(levels);
}

void boot_log_name(struct boot *boot)
{
    if (boot->log != NULL)
        log_output_set_worker(boot->log, boot->address.id);
}

struct log_output *boot_log(const struct boot *boot)
{
    return boot->log;
}
