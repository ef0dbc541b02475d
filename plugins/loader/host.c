#include "loader/host.h"

#include "base/clock.h"
#include "base/log.h"

#include "base/bans.h"

static enum log_level base_level(enum mr_log_level level)
{
    switch (level) {
    case MR_LOG_ERROR:
        return LOG_LEVEL_ERROR;
    case MR_LOG_WARN:
        return LOG_LEVEL_WARN;
    case MR_LOG_INFO:
        return LOG_LEVEL_INFO;
    case MR_LOG_DEBUG:
        return LOG_LEVEL_DEBUG;
    case MR_LOG_TRACE:
        break;
    }
    return LOG_LEVEL_TRACE;
}

static const char *name_or_default(const char *logger)
{
    return logger != NULL ? logger : "plugin";
}

static void host_log(enum mr_log_level level, const char *logger, const char *text)
{
    logger_write(logger_of(name_or_default(logger)), base_level(level), "%s", text != NULL ? text : "");
}

static bool host_log_is_on(enum mr_log_level level, const char *logger)
{
    return logger_enabled(logger_of(name_or_default(logger)), base_level(level));
}

static int64_t host_clock_wall_ms(void)
{
    return clock_wall_ms(NULL);
}

static int64_t host_clock_monotonic_ms(void)
{
    return clock_monotonic_ms(NULL);
}

const struct mr_host *loader_host(void)
{
    static const struct mr_host host = {
        .size = sizeof(host),
        .abi_major = MR_ABI_MAJOR,
        .abi_minor = MR_ABI_MINOR,
        .worker_version = MILLRACE_VERSION,
        .log = host_log,
        .log_is_on = host_log_is_on,
        .clock_wall_ms = host_clock_wall_ms,
        .clock_monotonic_ms = host_clock_monotonic_ms,
    };
    return &host;
}
