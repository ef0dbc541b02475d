#include "run.h"

#include <millrace/error.h>

#include "pipeline/chain.h"
#include "base/bans.h"

json_t *run_chain(const struct loader *loader, const struct string_map *properties, struct mr_record *record)
{
    struct mr_error *error = NULL;
    struct chain *chain = chain_create(loader, properties, &error);
    if (chain == NULL)
        return run_error("configure", error);
    struct chain_policy policy = {.recover = NULL};
    struct record_array out;
    record_array_init(&out);
    enum chain_outcome result = chain_apply(chain, &policy, record, &out, &error);
    json_t *outcome = result == CHAIN_FAILED   ? run_error(NULL, error)
                      : result == CHAIN_PASSED ? run_records(out.items, out.count)
                                               : run_records(NULL, 0);
    record_array_release(&out);
    chain_destroy(chain);
    return outcome;
}
