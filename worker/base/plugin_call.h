/*
 * plugin_call: which call into a plugin this thread is inside of, for the one reader that cannot ask anybody: the handler of a
 * fatal signal (crash.h).
 *
 *     const struct plugin_call before = plugin_call_enter(converter->plugin, "to_connect");
 *     status = ops->to_connect(…);
 *     plugin_call_leave(before);
 *
 * Costs a few stores to thread-local memory. Calls may nest (a plugin calls us, we call another one): who leaves restores what was.
 * The call that was left last stays readable: memory that a plugin has broken may kill the thread later. For whom the plugin
 * works is told by the log context (log.h).
 *
 * `plugin` lives as long as the process (the loader has one for each plugin), `name` is a string literal.
 * thread: any, each its own. locks: none.
 */
#ifndef BASE_PLUGIN_CALL_H
#define BASE_PLUGIN_CALL_H

struct plugin_name {
    const char *class_name;
    const char *file;
};

struct plugin_call {
    const struct plugin_name *plugin; /* NULL: inside of none */
    const char *name;                 /* "poll" */
};

extern _Thread_local struct plugin_call plugin_call_now, plugin_call_last; /* crash.c */

/* `plugin` NULL: not known; the call goes unnamed. */
static inline struct plugin_call plugin_call_enter(const struct plugin_name *plugin, const char *name)
{
    struct plugin_call before = plugin_call_now;

    plugin_call_now = (struct plugin_call){.plugin = plugin, .name = name};
    return before;
}

static inline void plugin_call_leave(struct plugin_call before)
{
    /* Word by word: a load of both at once would wait until the two stores of _enter have reached the cache. */
    plugin_call_last.plugin = *(const struct plugin_name *volatile *)&plugin_call_now.plugin;
    plugin_call_last.name = *(const char *volatile *)&plugin_call_now.name;
    plugin_call_now = before;
}

#endif
