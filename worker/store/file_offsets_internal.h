/*
 * file_offsets: the text of a standalone worker's offset file, see file_offset_store.h.
 */
#ifndef STORE_FILE_OFFSETS_INTERNAL_H
#define STORE_FILE_OFFSETS_INTERNAL_H

#include <stddef.h>

struct mr_error;
struct offset_store;
struct str_buffer;

/* Feeds what is in the text. -1: MR_ERR_CONFIG, words name the path and the remedy. */
int file_offsets_read(struct offset_store *store, const char *path, const char *text, size_t length,
                      struct mr_error **error);
/* Failures stay in the buffer. */
void file_offsets_write(struct offset_store *store, struct str_buffer *out);

#endif
