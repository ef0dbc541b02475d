/* Does not want to load and says why. */
#include "idle.h"

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    host->log(MR_LOG_WARN, "org.acme.Shy", "no licence file");
    return NULL;
}
