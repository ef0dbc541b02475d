/*
 * loader_internal: what the files of this room share. One loader under construction belongs to one thread.
 */
#ifndef LOADER_LOADER_INTERNAL_H
#define LOADER_LOADER_INTERNAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/ptr_array.h"
#include "loader/loader.h"

#define LOADER_WHY_MAX 1024   /* bytes of a reason; longer ones are cut */

/* A refusal or a gap. */
struct finding {
    char *path;
    char *reason;
};

/* A shared object that stays open. device and inode tell whether another path leads to it again. */
struct loader_file {
    char *path;
    void *handle;
    dev_t device;
    ino_t inode;
};

struct loader {
    struct ptr_array plugins;    /* struct loader_plugin *, owned, sorted once all are in */
    struct ptr_array files;      /* struct loader_file *, owned */
    struct ptr_array refusals;   /* struct finding *, owned */
    struct ptr_array gaps;       /* struct finding *, owned */
    struct ptr_array blocks;     /* the full-size copies, owned */
    const struct mr_host *host;
    size_t candidates;
    bool out_of_memory;          /* sticky: the creation fails in the end */
};

/* Why something is refused. */
struct why {
    char text[LOADER_WHY_MAX];
};
/* Always returns false, so that `return refuse(why, …)` reads as one thought. */
bool refuse(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- loader.c ---- */
void loader_refuse(struct loader *loader, const char *path, const char *reason);   /* copies both; logs */
void loader_note_gap(struct loader *loader, const char *path, const char *reason);   /* the same */
void *loader_block(struct loader *loader, size_t size);   /* zeroed, lives as long as the loader; NULL: no memory, noted */

/* ---- scan.c: plugin path → loader_open_file for each candidate ---- */
void scan_plugin_path(struct loader *loader, const char *plugin_path);
void scan_shipped(struct loader *loader);

/* ---- file.c: opens one candidate, adopts its plugins or refuses it ---- */
void loader_open_file(struct loader *loader, const char *path);
void loader_file_destroy(void *file);   /* closes it: as ptr_array_free_fn */

/* ---- elf.c ---- */
/* Would dlopen survive this file? A foreign or cut-off file is refused here in better words than dlopen's, and a
 * truncated one would otherwise end the process with SIGBUS. */
bool elf_check(int fd, struct why *why);

/* ---- probe.c: may this memory be read? ---- */
/* Plugins may hand over any garbage. These ask the kernel, one byte a page, at load time only. */
bool probe_memory(const void *memory, size_t size);
bool probe_pointer(const void *place);                    /* aligned, too: an entry of a list */
bool probe_text(const char *text, size_t length_max);   /* readable, ended within length_max */
/* A table: not NULL, aligned as a pointer, readable. `what` names it in the refusal. */
bool probe_table(const void *table, size_t size, const char *what, struct why *why);

/* ---- handshake.c ---- */
/* Checks the module and all it refers to; nothing of it is used before. */
bool module_check(const struct mr_module *module, struct why *why);
/* A member of a table that begins with its size: false where the plugin's table ends before. */
#define TABLE_HOLDS(type, member, table_size) \
    (offsetof(type, member) + sizeof(((type *)NULL)->member) <= (table_size))
/* Checks the size at the head of a table of the plugin's and that so much can be read. */
bool table_check(const void *table, size_t size_max, const char *what, struct why *why);

/* ---- shapes.c: the ops table of each kind ---- */
bool ops_check(enum mr_plugin_kind kind, const void *ops, struct why *why);
/* A full-size copy, task table included, with NULL past the plugin's size. NULL: no memory. */
const void *ops_copy(struct loader *loader, enum mr_plugin_kind kind, const void *ops);

/* ---- options.c ---- */
bool options_check(const struct mr_config_def *def, struct why *why);
const struct mr_config_def *options_copy(struct loader *loader, const struct mr_config_def *def);   /* def may be NULL */

/* ---- names.c ---- */
/* Does `name` mean this plugin, as its class, as an alias in full, or as a short form of one of them? */
enum name_match { NAME_NO = 0, NAME_SHORT, NAME_ALIAS, NAME_CLASS };
enum name_match name_match(const struct loader_plugin *plugin, const char *name);
/* "Connector", "Transformation", … */
const char *kind_suffix(enum mr_plugin_kind kind);

/* ---- version_range.c ---- */
struct version_range;
/* NULL text and "latest" give a NULL range, which contains every version. */
int version_range_parse(const char *text, struct version_range **range, struct mr_error **error);
void version_range_destroy(struct version_range *range);
bool version_range_contains(const struct version_range *range, const char *version);
const char *version_range_text(const struct version_range *range);   /* in Maven's spelling: "[1.0,1.0]" */

#endif
