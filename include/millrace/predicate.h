/* predicate.h: decides whether a transform applies to a record (KIP-585).
 *
 * Life, thread and errors as a transform's. The record must not be changed; `*holds` is false before the call.
 */
#ifndef MILLRACE_PREDICATE_H
#define MILLRACE_PREDICATE_H

#include <millrace/config_def.h>
#include <millrace/record.h>

MR_BEGIN_DECLS

struct mr_predicate_ops {
    uint32_t size;
    void *(*create)(const struct mr_config *config, struct mr_error **error);
    int (*test)(void *self, const struct mr_record *record, bool *holds, struct mr_error **error);
    void (*destroy)(void *self);
};

MR_END_DECLS
#endif
