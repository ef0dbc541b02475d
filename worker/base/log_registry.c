#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/log_internal.h"
#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/thread.h"

#include "base/bans.h"

/*
 * All loggers but root, sorted by name, under one lock. A logger's level is always the effective one: a new logger copies
 * its nearest ancestor's, and setting a level writes it to everything below. So nothing has to be looked up on a write.
 * Plain malloc here, not mem.h: loggers live for ever and would look like leaks to a test that counts.
 */
static struct {
    pthread_mutex_t lock;
    struct logger **loggers;
    size_t count, capacity;
    struct logger root;
    _Atomic int floor;   /* the highest level of a connector; LOG_LEVEL_OFF: none has one */
    _Atomic bool has_connectors;
} registry = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .root = { .gate = LOG_LEVEL_INFO, .level = LOG_LEVEL_INFO, .last_modified_ms = -1, .name = "root" },
};

static const char *const level_names[] = { "OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL" };

const char *log_level_name(enum log_level level)
{
    assert(level >= LOG_LEVEL_OFF && level <= LOG_LEVEL_ALL);
    return level_names[level];
}

bool log_level_parse(const char *text, enum log_level *level)
{
    for (int i = LOG_LEVEL_OFF; i <= LOG_LEVEL_ALL; i++)
        if (strcasecmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

static bool is_root(const char *name)
{
    return strcasecmp(name, registry.root.name) == 0;
}

static bool is_connector(const char *name)
{
    return strncmp(name, LOG_CONNECTOR_PREFIX, sizeof(LOG_CONNECTOR_PREFIX) - 1) == 0;
}

/* lock held. */
static void open_gate(struct logger *logger)
{
    int level = atomic_load(&logger->level), floor = atomic_load(&registry.floor);
    atomic_store(&logger->gate, level > floor ? level : floor);
}

/* lock held. */
static void open_gates(void)
{
    int floor = LOG_LEVEL_OFF;
    bool has_connectors = false;
    for (size_t i = 0; i < registry.count; i++)
        if (atomic_load(&registry.loggers[i]->decides)) {
            int level = atomic_load(&registry.loggers[i]->level);
            has_connectors = true;
            floor = level > floor ? level : floor;
        }
    atomic_store(&registry.floor, floor);
    atomic_store(&registry.has_connectors, has_connectors);
    open_gate(&registry.root);
    for (size_t i = 0; i < registry.count; i++)
        open_gate(registry.loggers[i]);
}

/* lock held. The place of the name, or where it would go. */
static size_t place_of(const char *name)
{
    size_t low = 0, high = registry.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(registry.loggers[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* lock held. */
static struct logger *find(const char *name)
{
    size_t i = place_of(name);
    return i < registry.count && strcmp(registry.loggers[i]->name, name) == 0 ? registry.loggers[i] : NULL;
}

/* lock held. "a.b" for "a.b.c", else "a", else root. */
static struct logger *nearest_ancestor(const char *name)
{
    char shorter[LOG_NAME_MAX + 1];
    memcpy(shorter, name, strlen(name) + 1);
    for (char *dot; (dot = strrchr(shorter, '.')) != NULL;) {
        *dot = '\0';
        struct logger *ancestor = find(shorter);
        if (ancestor != NULL)
            return ancestor;
    }
    return &registry.root;
}

/* lock held. */
static bool make_room(void)
{
    if (registry.count >= LOG_LOGGERS_MAX)
        return false;
    if (registry.count < registry.capacity)
        return true;
    size_t capacity = registry.capacity == 0 ? 64 : registry.capacity * 2;
    struct logger **loggers = realloc(registry.loggers, capacity * sizeof(struct logger *));
    if (loggers == NULL)
        return false;
    registry.loggers = loggers;
    registry.capacity = capacity;
    return true;
}

/* lock held. NULL: no memory or beyond a limit. */
static struct logger *find_or_make(const char *name)
{
    if (is_root(name))
        return &registry.root;
    struct logger *logger = find(name);
    size_t length = strlen(name);
    if (logger != NULL || length == 0 || length > LOG_NAME_MAX || !make_room())
        return logger;
    logger = malloc(sizeof(*logger) + length + 1);
    if (logger == NULL)
        return NULL;
    char *own_name = (char *)(logger + 1);
    memcpy(own_name, name, length + 1);
    logger->name = own_name;
    logger->last_modified_ms = -1;
    atomic_init(&logger->decides, false);
    atomic_init(&logger->level, atomic_load(&nearest_ancestor(name)->level));
    open_gate(logger);
    size_t i = place_of(name);
    memmove(&registry.loggers[i + 1], &registry.loggers[i], (registry.count - i) * sizeof(struct logger *));
    registry.loggers[i] = logger;
    registry.count++;
    return logger;
}

bool log_is_wanted(const struct logger *logger, enum log_level level, const char *connector)
{
    const struct logger *judge = NULL;
    char name[LOG_NAME_MAX + 1];
    if (connector != NULL && atomic_load_explicit(&registry.has_connectors, memory_order_relaxed) &&
        snprintf(name, sizeof(name), LOG_CONNECTOR_PREFIX "%s", connector) < (int)sizeof(name)) {
        mutex_lock(&registry.lock);
        judge = find(name);
        mutex_unlock(&registry.lock);
        if (judge != NULL && !atomic_load_explicit(&judge->decides, memory_order_relaxed))
            judge = NULL;
    }
    return (int)level <= atomic_load_explicit(judge != NULL ? &judge->level : &logger->level, memory_order_relaxed);
}

struct logger *logger_of(const char *name)
{
    mutex_lock(&registry.lock);
    struct logger *logger = find_or_make(name);
    mutex_unlock(&registry.lock);
    return logger == NULL ? &registry.root : logger;
}

struct logger *log_place_find(struct logger *_Atomic *place, const char *name)
{
    struct logger *logger = logger_of(name);
    /* A stand-in is not remembered: the next time may succeed. */
    if (strcmp(logger->name, name) == 0)
        atomic_store_explicit(place, logger, memory_order_release);
    return logger;
}

/* lock held; changed has room. */
static void set_one(struct logger *logger, enum log_level level, int64_t now_ms, struct ptr_array *changed)
{
    if (atomic_load(&logger->level) == (int)level)
        return;
    atomic_store(&logger->level, (int)level);
    if (now_ms >= 0)
        logger->last_modified_ms = now_ms;
    if (changed != NULL) {
        bool pushed = ptr_array_push(changed, (void *)logger->name);
        assert(pushed);
        (void)pushed;
    }
}

/* lock held; the named logger exists. */
static void set_all_below(const char *name, enum log_level level, int64_t now_ms, struct ptr_array *changed)
{
    bool everything = is_root(name);
    size_t length = strlen(name);
    for (size_t i = 0; i < registry.count; i++) {
        struct logger *logger = registry.loggers[i];
        bool is_of_connector = is_connector(logger->name), is_named = strcmp(logger->name, name) == 0;
        if (!everything && !is_named && (is_of_connector || strncmp(logger->name, name, length) != 0))
            continue;
        set_one(logger, level, now_ms, changed);
        atomic_store(&logger->decides, is_of_connector && is_named);
    }
    if (everything)
        set_one(&registry.root, level, now_ms, changed);
    open_gates();
}

bool log_level_set(const char *name, enum log_level level, int64_t now_ms, struct ptr_array *changed)
{
    mutex_lock(&registry.lock);
    /* All that can fail comes first. Two more: the named logger may be new, and root. */
    bool done = (changed == NULL || ptr_array_reserve(changed, changed->count + registry.count + 2)) &&
                find_or_make(name) != NULL;
    if (done)
        set_all_below(name, level, now_ms, changed);
    mutex_unlock(&registry.lock);
    if (done && changed != NULL)
        ptr_array_sort(changed, ptr_array_compare_text);
    return done;
}

/* lock held. */
static struct logger_view view_of(const struct logger *logger)
{
    return (struct logger_view){ logger->name, (enum log_level)atomic_load(&logger->level), logger->last_modified_ms };
}

bool log_logger_find(const char *name, struct logger_view *view)
{
    mutex_lock(&registry.lock);
    const struct logger *logger = is_root(name) ? &registry.root : find(name);
    if (logger != NULL)
        *view = view_of(logger);
    mutex_unlock(&registry.lock);
    return logger != NULL;
}

static int compare_views(const void *one, const void *other)
{
    return strcmp(((const struct logger_view *)one)->name, ((const struct logger_view *)other)->name);
}

struct logger_view *log_loggers_list(size_t *count)
{
    mutex_lock(&registry.lock);
    *count = registry.count + 1;
    struct logger_view *views = mem_alloc(*count * sizeof(*views));
    for (size_t i = 0; views != NULL && i < registry.count; i++)
        views[i] = view_of(registry.loggers[i]);
    if (views != NULL)
        views[registry.count] = view_of(&registry.root);
    mutex_unlock(&registry.lock);
    if (views != NULL)
        qsort(views, *count, sizeof(*views), compare_views);
    return views;
}
