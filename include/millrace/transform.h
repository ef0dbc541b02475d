/* transform.h: a single message transform (SMT): one record in; none, one or many out.
 *
 * Life: create (with its parsed configuration; MR_ERR_CONFIG refuses it) → apply* → destroy. One instance serves one
 * task; its calls come one at a time, from changing threads. A validation creates and destroys one as well, to find what create
 * refuses before there is a task: at any time, on a thread of its own. Words that name the option at fault ("Invalid value V for
 * configuration N: …", or "N: …") are shown with that option. Records of a source task and of a sink task look the same:
 * mr_record_is_sink tells them apart.
 *
 * apply may change the record it is given and emit it, emit others made with mr_record_copy, or emit nothing (the
 * record is filtered). Anything else it emits fails the record. When it fails, nothing it emitted counts and the record is as
 * it was before: the error policy sees the original, and after MR_ERR_RETRIABLE apply gets it again as long as
 * errors.retry.timeout says. Records emitted for one input stay together and in order through the rest of the chain.
 */
#ifndef MILLRACE_TRANSFORM_H
#define MILLRACE_TRANSFORM_H

#include <millrace/config_def.h>
#include <millrace/record.h>

MR_BEGIN_DECLS

/* At most MR_EMIT_MAX records for one input; a further one fails the record. -1: return -1 as well, the worker knows why. */
struct mr_emitter;
#define MR_EMIT_MAX 100000
MR_EXPORT int mr_emit(struct mr_emitter *emitter, struct mr_record *record) MR_MUST_USE;

struct mr_transform_ops {
    uint32_t size;
    void *(*create)(const struct mr_config *config, struct mr_error **error);
    int (*apply)(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error);
    void (*destroy)(void *self);
};

MR_END_DECLS
#endif
