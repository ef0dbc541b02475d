/*
 * connector_shown: a configuration as somebody sees it who may not see its passwords.
 *
 * "[hidden]" stands for a literal value (one that is not a single ${provider:…} reference)
 *  - of an option of type PASSWORD: of the connector, its converters, transformations and predicates, or of a client override;
 *  - of any option whose name says that it is a secret (password, secret, token, …): authors declare such as STRING, too;
 *  - of an option that nothing declares, as in the worker's own messages: it may be what a user keeps secret. Where the
 *    connector's class is not there, that is each option but the framework's.
 *
 * Written back, "[hidden]" stands for the value that is stored: connector_shown_restore.
 * Pure; thread: any.
 */
#ifndef CONFIG_CONNECTOR_SHOWN_H
#define CONFIG_CONNECTOR_SHOWN_H

#include <stdbool.h>

struct loader;
struct string_map;

/* The options of `shown`, which is `config` itself or a configuration of one of its tasks, by what `config` declares. NULL: no memory. */
struct string_map *connector_shown_create(const struct loader *loader, const struct string_map *config,
                                          const struct string_map *shown);

/* Puts the stored values where `config` says "[hidden]". `present` NULL: nothing is stored. `*missing`: the option that has no stored
 * value, NULL: none; it lives as long as `config`. false: no memory, or one is missing. */
#define CONNECTOR_SHOWN_MISSING "%.200s is \"[hidden]\", which stands for the value that is stored, and none is. Give the value"
bool connector_shown_restore(struct string_map *config, const struct string_map *present, const char **missing);

/* Does a value of `present` that is not shown stay in `next`? `given`: what the client wrote, of which `next` was made: who writes the
 * value itself knows it, so only what was left out or written as "[hidden]" counts; NULL: not known. true also for want of memory. */
bool connector_shown_stays(const struct loader *loader, const struct string_map *present, const struct string_map *next,
                           const struct string_map *given);

#endif
