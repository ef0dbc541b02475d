/*
 * plugin_call: which call into a plugin this thread is inside of, for the one reader that cannot ask anybody: the handler of a
 * fatal signal (crash.h).
 *
 *     const struct plugin_call before = plugin_call_enter(&converter->plugin, "to_connect");
 *     status = ops->to_connect(…);
 *     plugin_call_leave(before);
 *
 * Costs a few stores to thread-local memory. Calls may nest (a plugin calls us, we call another one): who leaves restores what was.
 * Left for good, the last call stays readable: memory that a plugin has broken may kill the thread later. For whom the plugin
 * works is told by the log context (log.h).
 *
 * `name` is a string literal; the texts of `plugin` live as long as the process.
 * thread: any, each its own. locks: none.
 */
#ifndef BASE_PLUGIN_CALL_H
#define BASE_PLUGIN_CALL_H

#include <stdbool.h>

/* As the loader knows it. */
struct plugin_name {
    const char *class_name;
    const char *file;
};

struct plugin_call {
    const struct plugin_name *plugin; /* NULL: none yet */
    const char *name;                 /* "poll" */
    bool is_inside;                   /* false: it was the last one */
};

extern _Thread_local struct plugin_call plugin_call_now; /* crash.c */

static inline struct plugin_call plugin_call_enter(const struct plugin_name *plugin, const char *name)
{
    struct plugin_call before = plugin_call_now;

    plugin_call_now = (struct plugin_call){.plugin = plugin, .name = name, .is_inside = true};
    return before;
}

static inline void plugin_call_leave(struct plugin_call before)
{
    if (before.is_inside)
        plugin_call_now = before;
    else
        plugin_call_now.is_inside = false;
}

#endif
