/*
 * worker_config_internal: how worker properties become a worker_config. For worker_*.c of this room.
 *
 *   worker_options.c    the table: name, type, default, check, field, remedy
 *   worker_preset.c     what a managed service documents, under what the user wrote
 *   worker_listeners.c  listener URLs
 *   worker_access.c     who may log in over REST: what goes together
 *   worker_names.c      names that somebody misspelt
 *   worker_notices.c    what is ignored, what cannot be honoured
 *   worker_plugins.c    do the plugins it names exist
 *   worker_own_files.c  files that no connector may open
 *   worker_config.c     puts them together
 */
#ifndef CONFIG_WORKER_CONFIG_INTERNAL_H
#define CONFIG_WORKER_CONFIG_INTERNAL_H

#include "base/ptr_array.h"
#include "base/str_buffer.h"
#include "config/worker_config.h"
#include "sdk/config_host.h"

/* How a parsed option is stored in struct worker_config. */
enum worker_field_kind {
    WORKER_FIELD_NONE,   /* accepted and checked; used by clients, plugins or later */
    WORKER_FIELD_TEXT,   /* const char *; NULL where the option has no value */
    WORKER_FIELD_UINT32, /* larger values count as the largest */
    WORKER_FIELD_INT32,
    WORKER_FIELD_UINT16,
    WORKER_FIELD_UINT64,
    WORKER_FIELD_BOOL
};

/* A row of the table; what config_parse sees of it is `row` (mr_config_def.row_size says how long ours are). */
struct worker_option {
    struct mr_config_row row; /* row.doc: what to write there, the remedy in error texts; NULL: the type says it */
    enum worker_field_kind kind;
    size_t field; /* offset in struct worker_config */
};

/* The table of a mode: what it alone has, then what both have. */
#define WORKER_DEFS 2
void worker_option_defs(enum worker_mode mode, const struct mr_config_def *defs[WORKER_DEFS]);
/* NULL: the mode has no such option. */
const struct worker_option *worker_option_find(enum worker_mode mode, const char *name);

/* The configuration and what belongs to it. */
struct worker_config_box {
    struct worker_config config; /* first: the door casts */
    struct mr_config *parsed;
    struct string_map *properties;
    struct listener_address *listeners, *admin_listeners, *metrics_listeners, *health_listeners;
    char *jaas_file; /* out of KAFKA_OPTS; NULL: not from there */
    char *path;
    struct ptr_array warnings; /* char * */
    struct ptr_array notes;    /* char * */
};

#define WORKER_MISTAKES_MAX (16 * 1024) /* bytes of the error text; further mistakes are left out */

/* Adds a line. */
void worker_mistake(struct str_buffer *mistakes, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* false: no memory. */
bool worker_warn(struct worker_config_box *box, const char *format, ...) __attribute__((format(printf, 2, 3)));

void worker_audit_check(const struct worker_config *config, struct str_buffer *mistakes);

/* Which file it came from. false: no memory. */
bool worker_config_set_path(struct worker_config *config, const char *path);

/* Before the properties are parsed. false: no memory. */
bool worker_preset_apply(struct worker_config_box *box);

/* -1: no memory; mistakes get a line each. */
int worker_listeners_read(struct worker_config_box *box, struct str_buffer *mistakes);
int worker_access_read(struct worker_config_box *box, struct str_buffer *mistakes);
/* The JVM's basic-auth extension: not a class to be loaded, but logins by a JAAS file. */
bool worker_access_is_extension(const char *class_name);
/* Nearly one of the worker's own names, or one that begins as they do: somebody counts on it. */
bool worker_name_is_meant_for_us(const char *name);
/* ssl.*, admin.* and listeners.*, of which clients and listeners know but some. */
bool worker_name_is_strange(const char *name);
#define WORKER_NAME_MAX 200
/* The known name that was probably meant. false: none is near. */
bool worker_name_guess(const char *name, char guess[WORKER_NAME_MAX]);
/* What is ignored becomes a warning; what protects something and cannot be honoured a mistake. -1: no memory. */
int worker_notices_read(struct worker_config_box *box, struct str_buffer *mistakes);

#endif
