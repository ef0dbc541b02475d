/* record.h: records, and the batches they travel in.
 *
 * A batch is shared by reference count and owns an arena; its records, their values, headers and topic names live there
 * (or in the Kafka message a sink record came from, which the batch pins). Whoever holds a reference keeps all of it alive.
 *
 * Who may hold a record, and how long:
 *  - Records given to put() are borrowed until it returns. To keep them longer a task takes a reference of their batch
 *    (mr_batch_take(mr_record_batch(r)); pins the whole batch and its fetch buffers, counted against the task's byte
 *    budget) or copies them into a batch of its own (mr_record_copy_into; pins nothing). It must let go when the
 *    partition is closed or the task is stopped; a task that does not costs memory, never correctness.
 *  - Records that poll() appended belong to the batch; they live until their commit_record has been called. poll is the only
 *    call that appends to a batch of the worker's.
 *  - A transform may change the record it is given and may make more (mr_record_copy): all in the same batch.
 *
 * Every sink record has an origin: topic, partition, offset and bytes as they were consumed, also after transforms and
 * for each record a transform makes of it. It is what a dead letter contains and what offsets are counted by.
 *
 * Thread: the records of a batch belong to the thread that calls the plugin; take and drop work from any thread.
 */
#ifndef MILLRACE_RECORD_H
#define MILLRACE_RECORD_H

#include <millrace/value.h>

MR_BEGIN_DECLS

struct mr_batch;
struct mr_record;

enum mr_timestamp_type { MR_TIMESTAMP_NONE = 0, MR_TIMESTAMP_CREATE_TIME = 1, MR_TIMESTAMP_LOG_APPEND_TIME = 2 };

/* A batch of the caller's own, for records it keeps; limit_bytes bounds its arena. NULL: no memory. _take returns the batch,
 * so that a reference is taken where it is stored. */
MR_EXPORT struct mr_batch *mr_batch_create(size_t limit_bytes);
MR_EXPORT struct mr_batch *mr_batch_take(struct mr_batch *batch);
MR_EXPORT void mr_batch_drop(struct mr_batch *batch);
MR_EXPORT struct mr_arena *mr_batch_arena(struct mr_batch *batch);
MR_EXPORT size_t mr_batch_count(const struct mr_batch *batch);
MR_EXPORT struct mr_record *mr_batch_at(struct mr_batch *batch, size_t index); /* NULL past the end */

/* A new empty record at the end of the batch: key and value null, schemaless, no topic, no partition, no timestamp, no
 * source. NULL: no memory (mr_arena_failed).
 *
 * Setters return -1 when memory is short and when they are given NULL where something should be: what a constructor that
 * failed has returned (value.h), or a text that could not be made. The record then keeps what it had, and the worker notes
 * that it is unfinished: a poll or a transform that overlooks the -1 and returns 0 fails all the same, and nothing of the
 * batch is sent. What is to be absent is said as such: mr_null(), mr_record_clear_timestamp, MR_PARTITION_NONE. */
MR_EXPORT struct mr_record *mr_batch_append(struct mr_batch *batch);
/* Progress without a record, in order with the records: the source has come this far (heartbeats, filtered input).
 * Takes effect when all earlier records of the same source partition are acknowledged. An offset of mr_null() takes the
 * stored offset away: the partition is gone for good (a file that was deleted, a table that was dropped). -1: as setters. */
MR_EXPORT int mr_batch_append_progress(struct mr_batch *batch, const struct mr_value *source_partition,
                                       const struct mr_value *source_offset) MR_MUST_USE;

MR_EXPORT struct mr_batch *mr_record_batch(const struct mr_record *record);
MR_EXPORT struct mr_arena *mr_record_arena(const struct mr_record *record);

MR_EXPORT const char *mr_record_topic(const struct mr_record *record);                      /* NULL: none */
MR_EXPORT int mr_record_set_topic(struct mr_record *record, const char *topic) MR_MUST_USE; /* copied */
/* Without a copy: the text outlives the batch. A literal does; the configuration of a source task does for what that task
 * polls; that of a transform does not, since a sink task may keep its records longer than the transform lives. */
MR_EXPORT int mr_record_set_topic_ref(struct mr_record *record, const char *topic) MR_MUST_USE;

#define MR_PARTITION_NONE (-1)
/* Kafka partition; MR_PARTITION_NONE lets the partitioner choose. */
MR_EXPORT int32_t mr_record_partition(const struct mr_record *record);
MR_EXPORT void mr_record_set_partition(struct mr_record *record, int32_t partition);

MR_EXPORT bool mr_record_has_timestamp(const struct mr_record *record);
MR_EXPORT int64_t mr_record_timestamp_ms(const struct mr_record *record); /* 0 without one */
/* A sink record keeps the type it was consumed with; a source record has CREATE_TIME or NONE. */
MR_EXPORT enum mr_timestamp_type mr_record_timestamp_type(const struct mr_record *record);
MR_EXPORT void mr_record_set_timestamp_ms(struct mr_record *record, int64_t timestamp_ms);
MR_EXPORT void mr_record_clear_timestamp(struct mr_record *record);

/* Never NULL pointers for values; schemas may be NULL (schemaless). The arena keeps the schema. */
MR_EXPORT const struct mr_schema *mr_record_key_schema(const struct mr_record *record);
MR_EXPORT const struct mr_value *mr_record_key(const struct mr_record *record);
MR_EXPORT int mr_record_set_key(struct mr_record *record, const struct mr_schema *schema,
                                const struct mr_value *key) MR_MUST_USE;
MR_EXPORT const struct mr_schema *mr_record_value_schema(const struct mr_record *record);
MR_EXPORT const struct mr_value *mr_record_value(const struct mr_record *record);
MR_EXPORT int mr_record_set_value(struct mr_record *record, const struct mr_schema *schema,
                                  const struct mr_value *value) MR_MUST_USE;

/* Headers: ordered, keys may repeat. */
MR_EXPORT size_t mr_record_header_count(const struct mr_record *record);
MR_EXPORT const char *mr_record_header_key(const struct mr_record *record, size_t index);
MR_EXPORT const struct mr_schema *mr_record_header_schema(const struct mr_record *record, size_t index);
MR_EXPORT const struct mr_value *mr_record_header_value(const struct mr_record *record, size_t index);
/* The key is copied; at most 65,535 headers. */
MR_EXPORT int mr_record_add_header(struct mr_record *record, const char *key, const struct mr_schema *schema,
                                   const struct mr_value *value) MR_MUST_USE;
/* All of that key; none is fine. Needs memory where a copy of the record shares its headers. */
MR_EXPORT int mr_record_remove_headers(struct mr_record *record, const char *key) MR_MUST_USE;

/* Source records: where the record came from, as maps of text to null, booleans, numbers, text or bytes. Records with
 * equal partitions share one order of acknowledgement; setting the same pointer again costs nothing. mr_null() as one or
 * both says "none", as a new record has it and every sink record (setting it there does nothing): such a record moves no
 * stored offset. The getters never return NULL. Anything but a map or mr_null() fails the task when the batch is sent. */
MR_EXPORT const struct mr_value *mr_record_source_partition(const struct mr_record *record);
MR_EXPORT const struct mr_value *mr_record_source_offset(const struct mr_record *record);
MR_EXPORT int mr_record_set_source(struct mr_record *record, const struct mr_value *source_partition,
                                   const struct mr_value *source_offset) MR_MUST_USE;

/* Sink records: the origin. */
MR_EXPORT bool mr_record_is_sink(const struct mr_record *record);
MR_EXPORT int64_t mr_record_offset(const struct mr_record *record); /* -1 for a source record */
MR_EXPORT const char *mr_record_origin_topic(const struct mr_record *record);
MR_EXPORT int32_t mr_record_origin_partition(const struct mr_record *record);
MR_EXPORT struct mr_bytes mr_record_origin_key(const struct mr_record *record);
MR_EXPORT struct mr_bytes mr_record_origin_value(const struct mr_record *record);

/* A second record in the same batch with the same contents (references) and the same origin or source coordinates:
 * what a transform emits when it makes many of one. Not part of mr_batch_count. NULL here and below: no memory. */
MR_EXPORT struct mr_record *mr_record_copy(const struct mr_record *record);
/* A full copy at the end of another batch, origin bytes included; uses nothing of the first batch. */
MR_EXPORT struct mr_record *mr_record_copy_into(struct mr_batch *batch, const struct mr_record *record);

MR_END_DECLS
#endif
