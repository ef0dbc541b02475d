/* plugin_module: the one function that a plugin file exports, for a module that wants nothing of the host. */
#ifndef SUPPORT_PLUGIN_MODULE_H
#define SUPPORT_PLUGIN_MODULE_H

#include <millrace/module.h>

#define PLUGIN_MODULE(module_name, list)                                                                               \
    static const struct mr_module plugin_module = MR_MODULE(module_name, list);                                        \
    const struct mr_module *mr_module_v1(const struct mr_host *host)                                                   \
    {                                                                                                                  \
        (void)host;                                                                                                    \
        return &plugin_module;                                                                                         \
    }                                                                                                                  \
    struct plugin_module_wants_a_semicolon

#endif
