#include "pipeline/policy.h"

#include "base/bans.h"

static enum chain_verdict recover(void *argument, const struct chain_failure *failure, struct mr_error **error)
{
    struct policy *policy = argument;
    const struct operation operation = {
        .stage = STAGE_TRANSFORMATION,
        .class_name = failure->class_name,
        .alias = failure->alias,
        .record = policy->record,
        .run = failure->again,
        .argument = failure->again_argument,
        .letter = policy->chain.keeps_original ? &policy->letter : NULL, /* a source's: a sink asks for offsets */
    };
    switch (tolerance_recover(policy->tolerance, &operation, error)) {
    case TOLERANCE_RECOVERED: return CHAIN_RECOVERED;
    case TOLERANCE_SKIPPED: return CHAIN_SKIP;
    case TOLERANCE_FAILED: break;
    }
    return CHAIN_FAIL;
}

void policy_init(struct policy *policy, struct tolerance *tolerance, bool keeps_original)
{
    *policy = (struct policy){
        .tolerance = tolerance,
        .chain = { .recover = recover, .argument = policy, .tries_again = tolerance_retries(tolerance),
                   .keeps_original = keeps_original },
    };
}
