/* policy: the error policy of a task as the chain asks for it. For the files of this room. */
#ifndef PIPELINE_POLICY_H
#define PIPELINE_POLICY_H

#include "errors/tolerance.h"
#include "pipeline/chain.h"

struct policy {
    struct tolerance *tolerance;
    const struct mr_record *record; /* the one at work: what is reported */
    struct mr_future *letter; /* of the record skipped last; whoever asked takes it. NULL: nothing to wait for */
    struct chain_policy chain;
};

void policy_init(struct policy *policy, struct tolerance *tolerance, bool keeps_original);

#endif
