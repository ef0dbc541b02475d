/*
 * snapshot_file: a snapshot in memory, and as text: a line of JSON each (docs/snapshot.md has the form).
 *
 * Embedded: _init → members → _release. Thread: one.
 */
#ifndef SNAPSHOT_SNAPSHOT_FILE_H
#define SNAPSHOT_SNAPSHOT_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_error;
struct str_buffer;

#define SNAPSHOT_VERSION 1
#define SNAPSHOT_BYTES_MAX ((size_t)1 << 30)

struct snapshot {
    char *cluster_id, *group_id; /* where it was taken; for mem_free */
    int64_t taken_ms;            /* wall clock */
    json_t *configs;             /* key → value of records of the config topic, in the order in which they were written */
    json_t *offsets;             /* key → value of records of the offsets topic */
    json_t *groups;              /* of {"sink-group", "topic", "partition", "offset"} */
};

bool snapshot_init(struct snapshot *snapshot); /* false: no memory; release it all the same */
void snapshot_release(struct snapshot *snapshot);

/* Does that key of the config topic belong into a snapshot? Session keys, restarts, levels and plans do not. */
bool snapshot_wants_config(const char *key);

/* false: no memory, or more than the buffer takes. */
bool snapshot_write(const struct snapshot *snapshot, struct str_buffer *out);
/* MR_ERR_DATA: it is none, or is damaged: the line is named. `snapshot` is initialised, and to be released, in any case. */
int snapshot_read(struct snapshot *snapshot, const char *text, size_t size, struct mr_error **error);

#endif
