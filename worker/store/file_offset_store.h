/*
 * file_offset_store: source offsets of a standalone worker, in the file of `offset.storage.file.filename`.
 *
 * A put is seen by readers at once and done when the file that holds it is on disk. The file is replaced as a whole
 * (written beside, fsync, rename, fsync of the folder) by a thread of the store's own; puts that come meanwhile share
 * the next replacement. Whatever byte a kill or a power cut hits, the old file or the new one is there.
 *
 * Format, UTF-8 text, ours:
 *     #millrace-offsets 1
 *     ["CONNECTOR",{partition}]<TAB>{offset}<LF>        one line for each partition; both sides as in the offset topic
 *     #end N                                            N lines above
 * A file that does not end so was cut by something else and is refused, as is a file of Kafka Connect's standalone
 * worker (a serialised Java map): the message says what to do. A missing or empty file is an empty store.
 * One process per file: a lock on FILE.lock refuses the second.
 */
#ifndef STORE_FILE_OFFSET_STORE_H
#define STORE_FILE_OFFSET_STORE_H

struct mr_error;
struct offset_store;

#define FILE_OFFSET_STORE_BYTES_MAX (256u << 20) /* larger files are refused; puts that would exceed it fail */

/* NULL: MR_ERR_CONFIG (not readable, not ours, in use, folder not writable), MR_ERR_NO_MEMORY. */
struct offset_store *file_offset_store_create(const char *path, struct mr_error **error);

#endif
