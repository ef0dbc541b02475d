/*
 * worker_file: the worker's own .properties file, its references ${provider:path:key} resolved.
 *
 * The providers are those that the file itself declares, made from their definitions (config.providers…) as they are written; they
 * and the plugin path are read before anything can be resolved. What the file then says, also of the providers that connectors
 * use, is the resolved text: as the JVM worker does it. A reference that no provider answers stays as text, with a warning; in a
 * password, secret or key it refuses the file.
 *
 * A file that declares no providers is taken as it is written.
 * thread: start-up; calls plugin code.
 */
#ifndef CONFIG_WORKER_FILE_H
#define CONFIG_WORKER_FILE_H

#include "config/worker_config.h"

/* What is written; a malformed line is named by its number. */
struct string_map *worker_file_read(const char *path, struct mr_error **error);

/* Resolves it alone, its secrets noted: what a running worker reads again. NULL: a provider fails, or does not answer for a secret. */
struct string_map *worker_file_resolve(const struct string_map *written, const struct loader *loader, struct mr_error **error);

/* Resolves and understands it. Mistakes name the file and no value that a provider answered. */
struct worker_config *worker_file_config(const char *path, enum worker_mode mode, const struct string_map *written,
                                         const struct loader *loader, struct mr_error **error);

#endif
