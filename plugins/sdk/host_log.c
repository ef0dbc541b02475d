#include <millrace/host.h>

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#include "base/bans.h"

/* host.h: longer lines are cut. */
#define LOG_TEXT_MAX 8192

void mr_log(const struct mr_host *host, enum mr_log_level level, const char *logger, const char *format, ...)
{
    if (host == NULL || !host->log_is_on(level, logger))
        return;
    char text[LOG_TEXT_MAX + 4]; /* so that the cut sees the character it must not halve */
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (length < 0)
        return;
    text[utf8_cut(text, strlen(text), LOG_TEXT_MAX)] = '\0';
    host->log(level, logger, text);
}
