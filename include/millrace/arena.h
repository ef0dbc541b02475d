/* arena.h: memory for the values of one batch, freed in one go.
 *
 * Allocation is a pointer bump; nothing is freed singly. Everything allocated lives until the arena is cleared or
 * destroyed; the arena of a batch ends with the batch (record.h). An arena also keeps the schemas that its values use.
 *
 * Limits: an arena grows up to the limit given at its birth (that of a batch to be polled: millrace.task.buffer.bytes of
 * its task; that of a batch of consumed records: a multiple of it, and of what was consumed). Past it, and when memory is
 * short, allocation returns NULL and the constructors of value.h return NULL: a plugin answers with mr_arena_failed(), which
 * fills the error for it. Copies of NULL (data with a size, text) are NULL.
 *
 * Thread: one at a time.
 */
#ifndef MILLRACE_ARENA_H
#define MILLRACE_ARENA_H

#include <millrace/error.h>

MR_BEGIN_DECLS

struct mr_arena;
struct mr_schema;

/* An arena of the caller's own. NULL: no memory; only mr_arena_failed and mr_arena_destroy take that. */
MR_EXPORT struct mr_arena *mr_arena_create(size_t limit_bytes);
MR_EXPORT void mr_arena_destroy(struct mr_arena *arena);
/* Forgets all content and keeps some memory for the next use. */
MR_EXPORT void mr_arena_clear(struct mr_arena *arena);

MR_EXPORT void *mr_arena_alloc(struct mr_arena *arena, size_t size_bytes); /* aligned for any type, not cleared */
MR_EXPORT void *mr_arena_copy(struct mr_arena *arena, const void *data, size_t size_bytes);
MR_EXPORT char *mr_arena_text(struct mr_arena *arena, const char *text); /* NUL-terminated copy */
MR_EXPORT char *mr_arena_printf(struct mr_arena *arena, const char *format, ...) MR_PRINTF(2, 3);

/* Holds a reference of `schema` for as long as the arena's content lives. Cheap for a schema held a moment ago. */
MR_EXPORT int mr_arena_keep_schema(struct mr_arena *arena, const struct mr_schema *schema) MR_MUST_USE;

MR_EXPORT size_t mr_arena_used_bytes(const struct mr_arena *arena);
/* Fills `*error` by why the arena answered NULL last: MR_ERR_NO_MEMORY "out of memory", MR_ERR_CONNECT "more than N bytes in
 * one batch", MR_ERR_DATA for a value too large or too deep, or a record of which too much is made. Returns -1. */
MR_EXPORT int mr_arena_failed(const struct mr_arena *arena, struct mr_error **error);

MR_END_DECLS
#endif
