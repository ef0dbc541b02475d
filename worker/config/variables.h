/*
 * variables: references ${provider:path:key} (or ${provider:key}) in configurations, resolved by the config providers that
 * the worker's properties declare (KIP-297): config.providers=a,b; config.providers.a.class; config.providers.a.param.*.
 *
 * Connector configurations are stored and shown as written; whoever uses one resolves it first, every time. The resolved
 * map holds secrets: it is never logged, shown or stored; task configurations are given their references back
 * (variables_put_back) before they are written to Kafka.
 *
 * A reference to an unknown provider, or to a key that the provider does not have, stays as text. Nothing is resolved
 * within what a provider answered. All keys of one path are asked for in one call.
 *
 * Life: _create (job thread or start-up: calls plugin code) → resolve, watch → _destroy, when all watches have ended.
 * thread: any, also several at once; resolving and watching call plugin code: job threads.
 */
#ifndef CONFIG_VARIABLES_H
#define CONFIG_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loader;
struct mr_error;
struct string_map;
struct variables;
struct variables_watch;

/* `loader` outlives the result. NULL: MR_ERR_CONFIG names the property. */
struct variables *variables_create(const struct loader *loader, const struct string_map *worker_properties,
                                   struct mr_error **error);
void variables_destroy(struct variables *variables);
/* Whatever the providers answer from now on is noted as secret (base/secrets.h). Not so by itself: the worker's own file has names of
 * hosts and topics from the environment that it must be able to say. */
void variables_are_secret(struct variables *variables);

/* A new map with every reference replaced. `*ttl_ms` (may be NULL): resolve again after so long, the shortest that a provider
 * said, or MR_TTL_NONE. `variables` NULL: a copy. NULL: a provider failed; the words name it and the path, no value. */
struct string_map *variables_resolve(const struct variables *variables, const struct string_map *map, int64_t *ttl_ms,
                                     struct mr_error **error);

/* Is there something in the text that looks like a reference? NULL: no. */
bool variables_has_reference(const char *text);

/* In `config`, made from the resolved `raw`: every option whose text in `raw` holds a reference gets that text back.
 * false: no memory. */
bool variables_put_back(const struct string_map *raw, struct string_map *config);

/* The same for options of other names, which a connector made of a resolved one ("jdbc:…?password=" and the password): what a whole option
 * of `raw` came to, where it has VARIABLES_PUT_BACK_LEAST bytes at least, becomes the text of `raw` again. false: no memory. */
#define VARIABLES_PUT_BACK_LEAST 8 /* shorter texts stand anywhere */
bool variables_put_back_within(const struct string_map *raw, const struct string_map *resolved, struct string_map *config);

/* What the references in `raw` came to in `resolved`, without the values: tells later whether they have changed. */
struct variables_print {
    uint64_t values; /* a hash, of this process only */
    size_t missing;  /* references that nothing answered */
};
/* References of the text that still stand in what it has become: nothing answered them. */
size_t variables_missing(const char *raw, const char *resolved);
struct variables_print variables_print(const struct string_map *raw, const struct string_map *resolved);

/* The words with the text of `raw` in place of every value that a provider answered for it; mem_free. NULL: no memory. */
char *variables_hide(const struct string_map *raw, const struct string_map *resolved, const char *words);
/* The same for an error and its causes; `*error` or a map may be NULL. */
void variables_hide_error(const struct string_map *raw, const struct string_map *resolved, struct mr_error **error);

/* Something that the map refers to has changed. thread: the provider's, any; must only post. */
typedef void variables_changed_fn(void *argument);

/* Asks the providers that can to tell of changes of what `map` refers to. NULL: a provider failed, or no memory.
 * After _stop has returned `changed` is not called any more. */
struct variables_watch *variables_watch_start(const struct variables *variables, const struct string_map *map,
                                              variables_changed_fn *changed, void *argument, struct mr_error **error);
void variables_watch_stop(struct variables_watch *watch);

#endif
