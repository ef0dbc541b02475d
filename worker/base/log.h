/*
 * log: the front every room logs through.
 *
 *     log_info("herder", "connector %s: started", name);
 *
 * The logger name must be a string literal; each place looks its logger up once and then pays one atomic load while the
 * level is off. Arguments are not evaluated when off. Names known only at run time: logger_of() once, then logger_write.
 *
 * Loggers have dotted names and inherit the level of their nearest named ancestor ("a.b" for "a.b.c"), at last of
 * "root". Levels change at run time (REST /admin/loggers). Loggers live as long as the process.
 *
 * The registry of loggers is the one process-wide state in this room: places that log keep static handles, and plugins,
 * callbacks of foreign libraries and code that runs before anything is built must be able to log. It owns no resources
 * besides memory and needs no shutdown.
 *
 * A connector may have a level of its own, which then decides alone for whatever is logged on its behalf (log_context):
 * log_level_set("connector.NAME", …). It costs the others one look more at lines that its level lets through.
 *
 * A message longer than LOG_LINE_MAX is cut (at a character) and ends in "…". Never log a secret;
 * those that are noted (secrets.h) are hidden, whoever logs.
 * thread: any. locks: the registry lock, when a place logs for the first time; none after.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 8192       /* bytes of one message */
#define LOG_LOGGERS_MAX 10000   /* loggers in the process; more are refused (REST can create them) */
#define LOG_NAME_MAX 512        /* bytes of a logger's name */
#define LOG_CONTEXT_TEXT_MAX 288   /* with the NUL; a longer connector name is cut */

enum log_level {
    LOG_LEVEL_OFF,
    LOG_LEVEL_FATAL,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_TRACE,
    LOG_LEVEL_ALL,
};

/* Open only so that the check below is one load; use the functions. */
struct logger {
    _Atomic int gate;           /* the most that could be written: its level, or that of some connector; registry lock */
    _Atomic int level;          /* effective; changed under the registry lock */
    _Atomic bool decides;       /* of a connector: it was given this level; registry lock */
    int64_t last_modified_ms;   /* registry lock */
    const char *name;
};

/* The logger of that name, made when new. Never NULL: without memory, or beyond a limit, the root logger. */
struct logger *logger_of(const char *name);

/* false: nobody wants it. true: logger_write decides. */
static inline bool logger_enabled(const struct logger *logger, enum log_level level)
{
    return (int)level <= atomic_load_explicit(&logger->gate, memory_order_relaxed);
}

void logger_write(struct logger *logger, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void logger_vwrite(struct logger *logger, enum log_level level, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Lines of that level (FATAL to TRACE) that were logged since the process began, also those that an output left out or dropped later. */
uint64_t log_line_count(enum log_level level);

#define log_fatal(name, ...) log_at(LOG_LEVEL_FATAL, name, __VA_ARGS__)
#define log_error(name, ...) log_at(LOG_LEVEL_ERROR, name, __VA_ARGS__)
#define log_warn(name, ...) log_at(LOG_LEVEL_WARN, name, __VA_ARGS__)
#define log_info(name, ...) log_at(LOG_LEVEL_INFO, name, __VA_ARGS__)
#define log_debug(name, ...) log_at(LOG_LEVEL_DEBUG, name, __VA_ARGS__)
#define log_trace(name, ...) log_at(LOG_LEVEL_TRACE, name, __VA_ARGS__)

/* "" name "" accepts literals only. */
#define log_at(level, name, ...)                                          \
    do {                                                                  \
        static struct logger *_Atomic log_place;                          \
        struct logger *log_here =                                         \
            atomic_load_explicit(&log_place, memory_order_acquire);       \
        if (log_here == NULL)                                             \
            log_here = log_place_find(&log_place, "" name "");            \
        if (logger_enabled(log_here, level))                              \
            logger_write(log_here, level, __VA_ARGS__);                   \
    } while (0)

/* For log_at alone: finds the logger and remembers it in the place. */
struct logger *log_place_find(struct logger *_Atomic *place, const char *name);

/*
 * Per-thread context: which connector and task the thread works for. Frames live on the caller's stack and are popped in
 * reverse order by the thread that pushed them. A task below 0 means the connector itself ("[name|worker]").
 */
struct log_context {
    char text[LOG_CONTEXT_TEXT_MAX];
    const char *connector; /* borrowed until the pop */
    int task;
    const char *stage;     /* log_stage_set; NULL: not known */
    struct log_context *outer;
};
void log_context_push(struct log_context *context, const char *connector, int task);
void log_context_pop(struct log_context *context);
/* What the innermost frame is at, e.g. "VALUE_CONVERTER" (a literal), for lines that are read by machines; NULL: no longer. Returns what
 * was said before. Without a frame it does nothing. */
const char *log_stage_set(const char *stage);
const char *log_context_text(void);   /* of this thread; "" without one */
const struct log_context *log_context_top(void); /* NULL: none; async-signal-safe */

/* ---- levels, for start-up and REST ---- */

const char *log_level_name(enum log_level level);                    /* "INFO" */
bool log_level_parse(const char *text, enum log_level *level);       /* in any case; false: no such level */

struct ptr_array;

#define LOG_CONNECTOR_PREFIX "connector." /* then the connector's name: not a logger, but the level for all on its behalf */

/*
 * Sets the level of the named logger (made when new) and of every logger whose name starts with that text; plain text,
 * no dots minded, as Kafka Connect does; "connector.NAME" sets that connector's alone. "root" (any case) sets all, and connectors
 * have no level of their own any more. Those that change get last_modified_ms = now_ms;
 * now_ms < 0 leaves it unset (start-up). changed (may be NULL; items not owned) receives the names (const char *, live
 * for ever) of the loggers that changed, sorted; a new logger that has that level already by inheritance did not.
 * false: no memory, too many loggers, or a name that is empty or too long; nothing was changed.
 */
bool log_level_set(const char *name, enum log_level level, int64_t now_ms, struct ptr_array *changed);

struct logger_view {
    const char *name;           /* lives for ever */
    enum log_level level;
    int64_t last_modified_ms;   /* -1: never set since the start */
};

bool log_logger_find(const char *name, struct logger_view *view);   /* false: no such logger; does not make one */

/* All loggers and root, sorted by name; free with mem_free. NULL: no memory. */
struct logger_view *log_loggers_list(size_t *count);

#endif
