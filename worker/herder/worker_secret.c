/* Which members have another millrace.inter.worker.secret than this worker. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "herder/cluster_internal.h"

#include "base/bans.h"

#define CONSEQUENCE "what one passes on the other refuses, and task configurations do not get through. Set the same on all workers"

static void warn(const struct cluster_known *known, const char *mark)
{
    if (known->member.secret_mark == NULL)
        log_warn(HERDER_LOG, "worker %s has no millrace.inter.worker.secret, this one has: " CONSEQUENCE, known->url);
    else if (mark == NULL)
        log_warn(HERDER_LOG, "worker %s has a millrace.inter.worker.secret, this one has none: " CONSEQUENCE, known->url);
    else
        log_warn(HERDER_LOG, "worker %s has another millrace.inter.worker.secret than this one: " CONSEQUENCE, known->url);
}

void worker_secret_watch(struct herder_cluster *cluster)
{
    for (size_t i = 0; i < cluster->picture.known.count; i++) {
        struct cluster_known *known = cluster->picture.known.items[i];

        if (!cluster_known_is_introduced(known) || strcmp(known->url, cluster->url) == 0 ||
            strcmp(known->secret_told, known->boot) == 0 ||
            cluster_member_shares_secret(&known->member, cluster->secret_mark))
            continue;
        snprintf(known->secret_told, sizeof(known->secret_told), "%s", known->boot);
        warn(known, cluster->secret_mark);
    }
}
