/*
 * How writes of a former leader are refused (store/config_store.h, config_store_claim): taken anew whenever this worker begins to lead,
 * by what its file says and what the brokers let it do; told in the log and in the cluster's record; and what those say who follow.
 */
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "config/worker_config.h"
#include "coordination/membership.h"
#include "herder/cluster_internal.h"
#include "herder/requests_internal.h"
#include "store/config_store.h"

#include "base/bans.h"

#define CLAIM_TIMEOUT_MS 10000 /* a transaction that a dead leader left is undone within a second; a first one makes Kafka's own topic */

const char *fencing_name(enum config_fencing fencing)
{
    return fencing == CONFIG_FENCING_TRANSACTION ? "transaction" : "generation";
}

static enum config_fencing wanted(const struct worker_config *worker)
{
    return worker_config_wants_leader_transactions(worker) ? CONFIG_FENCING_TRANSACTION : CONFIG_FENCING_GENERATION;
}

/* --- taking it; thread: job --------------------------------------------------------------------------------------------- */

uint32_t fencing_claim_timeout_ms(const struct herder *herder)
{
    return herder->cluster != NULL && wanted(herder->setup.worker) == CONFIG_FENCING_TRANSACTION ? CLAIM_TIMEOUT_MS : 0;
}

/* A former leader that is not yet aware of it must not shut out the one that leads: the group is asked first. The group alone: a lease
 * that was lost comes back only when the topics are read (resume.c), which is after this. */
static int claim_transactions(struct herder *herder, int64_t deadline_ms, struct mr_error **error)
{
    if (membership_guard(herder->membership, 0, deadline_ms, error) != 0)
        return -1;
    return config_store_claim(herder->setup.configs, CONFIG_FENCING_TRANSACTION, deadline_ms, error);
}

/* true: it is denied, and this worker may do without. */
static bool may_do_without(const struct herder *herder, struct fencing_claim *claim, const struct mr_error *why)
{
    claim->is_denied = mr_error_code(why) == MR_ERR_NOT_SUPPORTED;
    if (!claim->is_denied || herder->setup.worker->leader_fencing != LEADER_FENCING_AUTO)
        return false;
    snprintf(claim->why_not, sizeof(claim->why_not), "%s", mr_error_message(why));
    return true;
}

int fencing_claim(struct herder *herder, struct fencing_claim *claim, int64_t deadline_ms, struct mr_error **error)
{
    struct mr_error *why = NULL;

    claim->taken = wanted(herder->setup.worker);
    if (claim->taken == CONFIG_FENCING_TRANSACTION) {
        if (claim_transactions(herder, deadline_ms, &why) == 0)
            return 0;
        if (!may_do_without(herder, claim, why)) {
            *error = why;
            return -1;
        }
        mr_error_drop(why);
        claim->taken = CONFIG_FENCING_GENERATION;
    }
    return config_store_claim(herder->setup.configs, CONFIG_FENCING_GENERATION, deadline_ms, error);
}

/* --- what follows; thread: herder ----------------------------------------------------------------------------------------- */

static const char *wish(const struct worker_config *worker)
{
    static const char *const NAMES[] = {
        [LEADER_FENCING_AUTO] = "auto", [LEADER_FENCING_GENERATION] = "generation", [LEADER_FENCING_TRANSACTION] = "transaction"};

    return NAMES[worker->leader_fencing];
}

void fencing_begin(struct herder *herder, const struct fencing_claim *claim)
{
    const struct worker_config *worker = herder->setup.worker;

    herder->cluster->fencing = claim->taken;
    if (claim->why_not[0] != '\0')
        log_warn(HERDER_LOG,
                 "leader fencing: generation, although exactly.once.source.support asks for transactions (millrace.leader.fencing="
                 "auto): the brokers do not allow them: %s. Allow this worker's user to Describe and Write that "
                 "transactional id, or set millrace.leader.fencing=generation on all workers",
                 claim->why_not);
    else
        log_info(HERDER_LOG, "leader fencing: %s (millrace.leader.fencing=%s)", fencing_name(claim->taken), wish(worker));
}

/* A start that cannot succeed is told as such. What was given to this worker goes on, and the leader's part is tried again. */
bool fencing_denied(struct herder *herder, const char *words)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "millrace.leader.fencing=transaction: the brokers do not allow this worker to write transactions: %s. Allow its user "
             "to Describe and Write that transactional id, or set millrace.leader.fencing=generation on all workers",
             words);
    if (duty_assignment(herder->cluster) != NULL) {
        log_error(HERDER_LOG, "%s. This worker cannot lead, trying again; what runs goes on", text);
        return false;
    }
    herder_fail(herder, text);
    return true;
}

static bool is_leading(const struct cluster_picture *picture, const char *boot)
{
    for (size_t i = 0; i < picture->seats.count; i++) {
        const struct cluster_seat *seat = picture->seats.items[i];

        if (seat->leads && boot != NULL && strcmp(seat->boot, boot) == 0)
            return true;
    }
    return false;
}

/* Records of a former leader are no reason: all may have been started anew with another setting. */
void fencing_watch(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct cluster_head *head = &cluster->picture.head;
    const char *own = fencing_name(wanted(herder->setup.worker));

    if (herder->stage != HERDER_FOLLOWING || !cluster->picture.has_head || head->fencing == NULL ||
        !is_leading(&cluster->picture, head->leader))
        return;
    if (strcmp(head->fencing, own) == 0) {
        cluster->fencing_told = false;
    } else if (!cluster->fencing_told) {
        cluster->fencing_told = true;
        log_warn(HERDER_LOG,
                 "the leader %s fences by %s, this worker would by %s (millrace.leader.fencing=%s, exactly.once.source.support): set "
                 "the same on all workers%s",
                 head->leader_url != NULL ? head->leader_url : "", head->fencing, own, wish(herder->setup.worker),
                 strcmp(own, "generation") == 0 ? "; until then this worker may act on what a leader that dies has not finished writing"
                                                : ", or allow the leader its transactional id");
    }
}
