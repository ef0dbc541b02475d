/*
 * allowed_paths: which paths a provider may read: those at or below one of the folders (or files) in allowed.paths.
 *
 * As Kafka does it (KIP-993): `.` and `..` are taken out of the text of the asked path first, and the path that remains is the one
 * that is compared (name by name) and opened, so that neither can lead out. Symbolic links inside an allowed folder are followed,
 * wherever they lead: whoever may write there decides. Immutable; any thread may read.
 */
#ifndef CONFIG_PROVIDERS_ALLOWED_PATHS_H
#define CONFIG_PROVIDERS_ALLOWED_PATHS_H

#include <stdbool.h>

struct allowed_paths;
struct mr_error;

/* `list`: absolute paths that exist, separated by commas without blanks; NULL or "": everything is allowed. NULL: error. */
struct allowed_paths *allowed_paths_create(const char *list, struct mr_error **error);
void allowed_paths_destroy(struct allowed_paths *allowed);

enum allowed_verdict { ALLOWED_YES, ALLOWED_NO, ALLOWED_NO_MEMORY };

/* ALLOWED_YES: *usable is what to open instead of `path`; free it. */
enum allowed_verdict allowed_paths_check(const struct allowed_paths *allowed, const char *path, char **usable);

/* `path` without ".", "name/.." and doubled slashes, as java.nio.file.Path#normalize; free it. NULL: no memory. */
char *allowed_paths_normalize(const char *path);

#endif
