#include "coordination/membership.h"

#include <assert.h>
#include <millrace/error.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/thread.h"
#include "coordination/membership_listener.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "kafka/group_member.h"

#include "base/bans.h"

#define LOG_NAME "millrace.coordination"
#define ASK_AGAIN_MS 500 /* while the group is rebalancing, or the leader is not to be seen */
#define ASK_TIMEOUT_MS 5000
#define URL_SIZE_MAX 1024
#define GHOST_LOOK_MS 250     /* whether a dead predecessor is out of the group */
#define GHOST_SESSIONS_MAX 3 /* a broker that comes back counts its members' sessions anew */
#define GHOST_MARGIN_MS 2000  /* beyond its session */

struct membership {
    struct membership_setup setup;
    char *client_id;
    char *group_id;
    char *config_topic;
    char boot_id[MEMBERSHIP_BOOT_ID_SIZE];
    struct group_member *_Atomic member; /* its thread may tell of the lead before _start has returned */
    atomic_bool leading, leaving;
    bool joined; /* thread: group-member */
    bool owns;   /* partition 0; leads once a heartbeat was acknowledged, too. thread: group-member */
    bool told;   /* of leading or following, since it joined. thread: group-member */
    atomic_llong guard_offset;
    atomic_llong guarded_ms;       /* when the last question of the guard that was answered well was asked (boot time) */
    atomic_ullong guarded_epoch;   /* and in which membership; 0: none yet */
    char ghost[MEMBERSHIP_BOOT_ID_SIZE]; /* "": joins at once. Set before the threads start */
    bool has_told_ghost;                 /* the log has it. The asker's */

    pthread_t asker;
    bool asker_runs;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool must_ask, ends;           /* locks: lock */
    bool has_news;                 /* leader_url is still to be told. locks: lock */
    char leader_url[URL_SIZE_MAX]; /* learnt last. locks: lock */
    bool is_held;     /* the lease, since the group was lost. locks: lock */
    uint64_t losses;  /* locks: lock */
    int64_t acked_ms; /* 0: it must not act. locks: lock */
};

/* --- who leads? ------------------------------------------------------------------------------------------------ */

bool membership_parse_client_id(const char *client_id, char *url, size_t url_size, char *boot_id, size_t boot_id_size)
{
    const char *mark = strrchr(client_id, '#');

    if (mark == NULL || strlen(mark + 1) != MEMBERSHIP_BOOT_ID_SIZE - 1)
        return false;
    if ((size_t)(mark - client_id) >= url_size || strlen(mark + 1) >= boot_id_size)
        return false;
    memcpy(url, client_id, (size_t)(mark - client_id));
    url[mark - client_id] = '\0';
    memcpy(boot_id, mark + 1, strlen(mark + 1) + 1);
    return true;
}

/* false: not to be seen now. */
static bool find_leader(const struct admin_group *group, char *url, size_t size)
{
    char boot_id[MEMBERSHIP_BOOT_ID_SIZE];

    if (strcmp(group->state, "Stable") != 0)
        return false;
    for (size_t i = 0; i < group->member_count; i++)
        if (group->members[i].owns_partition_0)
            return membership_parse_client_id(group->members[i].client_id, url, size, boot_id, sizeof(boot_id));
    return false;
}

/* Those of the members that are workers of ours. NULL: no memory. The texts are peers[0 …]'s own: one block. */
static struct membership_peer *peers_of(const struct admin_group *group, size_t *count)
{
    size_t text_size = 0;
    struct membership_peer *peers;
    char *text;

    for (size_t i = 0; i < group->member_count; i++)
        text_size += strlen(group->members[i].client_id) + 1 + MEMBERSHIP_BOOT_ID_SIZE;
    peers = mem_calloc(1, group->member_count * sizeof(*peers) + text_size + 1);
    *count = 0;
    if (peers == NULL)
        return NULL;
    text = (char *)(peers + group->member_count);
    for (size_t i = 0; i < group->member_count; i++) {
        size_t url_size = strlen(group->members[i].client_id) + 1;
        char *boot_id = text + url_size;

        if (!membership_parse_client_id(group->members[i].client_id, text, url_size, boot_id, MEMBERSHIP_BOOT_ID_SIZE))
            continue;
        peers[(*count)++] = (struct membership_peer){text, boot_id, group->members[i].owns_partition_0};
        text = boot_id + MEMBERSHIP_BOOT_ID_SIZE;
    }
    return peers;
}

/* false: the group has not settled, or not with us in it. */
static bool tell_peers(struct membership *membership, uint64_t epoch, const struct admin_group *group)
{
    size_t count;
    struct membership_peer *peers;
    bool is_there = false;

    if (strcmp(group->state, "Stable") != 0)
        return false;
    peers = peers_of(group, &count);
    for (size_t i = 0; i < count; i++)
        is_there = is_there || strcmp(peers[i].boot_id, membership->boot_id) == 0;
    if (is_there && membership->setup.listener->on_peers != NULL)
        membership->setup.listener->on_peers(membership->setup.listener_argument, epoch, peers, count);
    mem_free(peers);
    return is_there;
}

/* false: what was described is the group of before a change, of which this worker has been told meanwhile; and of before a loss, with which
 * the leader was forgotten. */
static bool learn_leader(struct membership *membership, uint64_t epoch, const char *url)
{
    bool is_of_now;

    mutex_lock(&membership->lock);
    is_of_now = membership_epoch(membership) == epoch;
    if (is_of_now && strcmp(url, membership->leader_url) != 0)
        membership->has_news = true;
    if (is_of_now)
        snprintf(membership->leader_url, sizeof(membership->leader_url), "%s", url);
    mutex_unlock(&membership->lock);
    return is_of_now;
}

static void forget_leader(struct membership *membership)
{
    mutex_lock(&membership->lock);
    membership->leader_url[0] = '\0';
    membership->has_news = false;
    mutex_unlock(&membership->lock);
}

/* true: settled, until the next change. */
static bool ask_who_is_there(struct membership *membership)
{
    struct admin_group group = {0};
    struct mr_error *error = NULL;
    char url[URL_SIZE_MAX];
    uint64_t epoch = membership_epoch(membership);
    bool found, is_told;

    if (admin_describe_group(membership->setup.admin, membership->group_id, &group,
                             clock_monotonic_ms(NULL) + ASK_TIMEOUT_MS, &error) != 0) {
        log_debug(LOG_NAME, "group %s could not be described: %s", membership->group_id, mr_error_message(error));
        mr_error_drop(error);
        return false;
    }
    found = find_leader(&group, url, sizeof(url));
    is_told = tell_peers(membership, epoch, &group);
    admin_group_release(&group);
    if (found && !atomic_load(&membership->leading) && !learn_leader(membership, epoch, url))
        return false;
    return found && is_told;
}

static void ask_later(struct membership *membership)
{
    mutex_lock(&membership->lock);
    membership->must_ask = true;
    cond_signal(&membership->changed);
    mutex_unlock(&membership->lock);
}

/* --- what the group says; thread: group-member ------------------------------------------------------------------ */

/* Still a member: its units go on, what only a leader may do does not. */
static void stop_leading(struct membership *membership)
{
    membership->owns = false;
    if (atomic_exchange(&membership->leading, false) && !atomic_load(&membership->leaving))
        membership->setup.listener->on_following(membership->setup.listener_argument, NULL);
}

static void on_assigned(void *argument, bool owns_partition_0)
{
    struct membership *membership = argument;

    membership->joined = true;
    if (owns_partition_0)
        membership->owns = true;
    else
        stop_leading(membership);
    ask_later(membership);
}

static void on_revoked(void *argument)
{
    stop_leading(argument);
}

/* locks: lock is held. */
static void apply_lease(struct membership *membership)
{
    bool may_act = membership->acked_ms != 0 && !membership->is_held;

    lease_set(membership->setup.lease,
              may_act ? membership->acked_ms + membership->setup.session_timeout_ms - LEASE_MARGIN_MS : 0);
}

static void renew_lease(struct membership *membership, int64_t acked_ms)
{
    mutex_lock(&membership->lock);
    membership->acked_ms = acked_ms;
    apply_lease(membership);
    mutex_unlock(&membership->lock);
}

static void hold_lease(struct membership *membership)
{
    mutex_lock(&membership->lock);
    membership->is_held = true;
    membership->losses++;
    membership->acked_ms = 0;
    apply_lease(membership);
    mutex_unlock(&membership->lock);
}

uint64_t membership_losses(struct membership *membership)
{
    uint64_t losses;

    mutex_lock(&membership->lock);
    losses = membership->losses;
    mutex_unlock(&membership->lock);
    return losses;
}

void membership_resume(struct membership *membership, uint64_t losses)
{
    mutex_lock(&membership->lock);
    if (losses == membership->losses && membership->is_held) {
        membership->is_held = false;
        apply_lease(membership);
    }
    mutex_unlock(&membership->lock);
}

static void on_lost(void *argument)
{
    struct membership *membership = argument;
    bool was_told = membership->told;

    membership->joined = membership->owns = membership->told = false;
    atomic_store(&membership->leading, false);
    hold_lease(membership);
    forget_leader(membership);
    if (was_told && !atomic_load(&membership->leaving))
        membership->setup.listener->on_lost(
            membership->setup.listener_argument,
            "no member of the group any more (the broker was out of reach for a whole session?)");
}

static void on_failed(void *argument, const struct mr_error *error)
{
    struct membership *membership = argument;
    struct mr_error *named = NULL;

    hold_lease(membership);
    atomic_store(&membership->leading, false);
    mr_error_set(&named, mr_error_code(error), "group.id=%s: %s", membership->group_id, mr_error_message(error));
    membership->setup.listener->on_failed(membership->setup.listener_argument, named);
    mr_error_drop(named);
}

static void begin_leading(struct membership *membership)
{
    if (atomic_exchange(&membership->leading, true))
        return;
    membership->told = true;
    forget_leader(membership);
    membership->setup.listener->on_leading(membership->setup.listener_argument);
}

/* Told by the thread that tells of leading as well: else one that leads by now could be told, late, that it follows. */
static void tell_following(struct membership *membership)
{
    char url[URL_SIZE_MAX];
    bool has_news;

    mutex_lock(&membership->lock);
    has_news = membership->has_news;
    membership->has_news = false;
    snprintf(url, sizeof(url), "%s", membership->leader_url);
    mutex_unlock(&membership->lock);
    if (!has_news)
        return;
    membership->told = true;
    membership->setup.listener->on_following(membership->setup.listener_argument, url);
}

/* What a member is, leading or following, is told once a heartbeat was acknowledged: who hears it may act, but after a loss. */
static void on_tick(void *argument, int64_t acked_ms)
{
    struct membership *membership = argument;
    bool may_act = acked_ms != 0 && membership->joined && !atomic_load(&membership->leaving);

    renew_lease(membership, may_act ? acked_ms : 0);
    if (atomic_load(&membership->leaving)) /* since it was looked at */
        lease_set(membership->setup.lease, 0);
    if (may_act && membership->owns)
        begin_leading(membership);
    else if (may_act)
        tell_following(membership);
}

static const struct group_member_listener group_listener = {
    .on_assigned = on_assigned,
    .on_revoked = on_revoked,
    .on_lost = on_lost,
    .on_failed = on_failed,
    .on_tick = on_tick,
};

/* --- joining ----------------------------------------------------------------------------------------------------- */

static int join(struct membership *membership, struct mr_error **error)
{
    struct group_member *member = group_member_open(
        &(struct group_member_setup){
            .config = membership->setup.config,
            .graveyard = membership->setup.graveyard,
            .topic = membership->config_topic,
            .client_id = membership->client_id,
            .metrics = membership->setup.metrics,
            .listener = &group_listener,
            .argument = membership,
        },
        error);

    atomic_store(&membership->member, member);
    return member == NULL ? -1 : 0;
}

/* Only of one that was seen: who left in order is not there, and nobody waits for it. */
static void tell_ghost(struct membership *membership)
{
    if (!membership->has_told_ghost)
        log_info(LOG_NAME, "the worker that ran here before was killed and is in group %s still: joining when its session is over",
                 membership->group_id);
    membership->has_told_ghost = true;
}

/* What cannot be seen may be there, for a session from when it was seen last: a broker that comes back counts anew. */
static bool ghost_is_there(struct membership *membership, int64_t *until_ms)
{
    struct admin_group group = {0};
    struct mr_error *ignored = NULL;
    char url[URL_SIZE_MAX], boot_id[MEMBERSHIP_BOOT_ID_SIZE];
    bool is_there = false;

    if (admin_describe_group(membership->setup.admin, membership->group_id, &group,
                             clock_monotonic_ms(NULL) + ASK_TIMEOUT_MS, &ignored) != 0) {
        mr_error_drop(ignored);
        return clock_monotonic_ms(NULL) < *until_ms;
    }
    for (size_t i = 0; i < group.member_count; i++)
        if (membership_parse_client_id(group.members[i].client_id, url, sizeof(url), boot_id, sizeof(boot_id)))
            is_there = is_there || strcmp(boot_id, membership->ghost) == 0;
    admin_group_release(&group);
    if (is_there)
        tell_ghost(membership);
    *until_ms = clock_monotonic_ms(NULL) + membership->setup.session_timeout_ms + GHOST_MARGIN_MS;
    return is_there;
}

/* false: it is not to be waited for any more, the membership ends. One that is there much longer than a session is none: who joins
 * beside it finds that out (herder/newcomer.c). */
static bool wait_for_ghost(struct membership *membership)
{
    int64_t session_ms = membership->setup.session_timeout_ms + GHOST_MARGIN_MS;
    int64_t until_ms = deadline_after_ms(session_ms), last_ms = deadline_after_ms(GHOST_SESSIONS_MAX * session_ms);
    bool ends = false;

    while (!ends && clock_monotonic_ms(NULL) < last_ms && ghost_is_there(membership, &until_ms)) {
        mutex_lock(&membership->lock);
        if (!membership->ends)
            cond_wait_until_ms(&membership->changed, &membership->lock, deadline_after_ms(GHOST_LOOK_MS));
        ends = membership->ends;
        mutex_unlock(&membership->lock);
        ends = ends || atomic_load(&membership->leaving);
    }
    return !ends;
}

static void join_after_ghost(struct membership *membership)
{
    struct mr_error *error = NULL;

    if (wait_for_ghost(membership) && join(membership, &error) != 0) {
        on_failed(membership, error);
        mr_error_drop(error);
    }
}

static void *asker_run(void *argument)
{
    struct membership *membership = argument;

    if (membership->ghost[0] != '\0')
        join_after_ghost(membership);
    mutex_lock(&membership->lock);
    while (!membership->ends) {
        bool settled;

        if (!membership->must_ask) {
            cond_wait(&membership->changed, &membership->lock);
            continue;
        }
        membership->must_ask = false;
        mutex_unlock(&membership->lock);
        settled = ask_who_is_there(membership);
        mutex_lock(&membership->lock);
        if (settled || membership->ends)
            continue;
        cond_wait_until_ms(&membership->changed, &membership->lock, deadline_after_ms(ASK_AGAIN_MS));
        membership->must_ask = true;
    }
    mutex_unlock(&membership->lock);
    return NULL;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static int make_boot_id(char *text, struct mr_error **error)
{
    uint64_t bits;

    if (!random_fill(&bits, sizeof(bits)))
        return mr_error_set(error, MR_ERR_CONNECT, "the system gave no random numbers for a boot id");
    snprintf(text, MEMBERSHIP_BOOT_ID_SIZE, "%016llx", (unsigned long long)bits);
    return 0;
}

static char *make_client_id(const char *url, const char *boot_id)
{
    size_t size = strlen(url) + 1 + MEMBERSHIP_BOOT_ID_SIZE;
    char *text = mem_alloc(size);

    if (text != NULL)
        snprintf(text, size, "%s#%s", url, boot_id);
    return text;
}

struct membership *membership_create(const struct membership_setup *setup, struct mr_error **error)
{
    struct membership *membership = mem_calloc(1, sizeof(*membership));

    assert(setup->session_timeout_ms > LEASE_MARGIN_MS);
    if (membership == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the membership");
        return NULL;
    }
    mutex_init(&membership->lock);
    cond_init(&membership->changed);
    membership->setup = *setup;
    client_config_take(setup->config);
    if (make_boot_id(membership->boot_id, error) != 0) {
        membership_destroy(membership);
        return NULL;
    }
    membership->client_id = make_client_id(setup->worker_url, membership->boot_id);
    membership->group_id = mem_strdup(setup->group_id);
    membership->config_topic = mem_strdup(setup->config_topic);
    if (membership->client_id == NULL || membership->group_id == NULL || membership->config_topic == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the membership");
        membership_destroy(membership);
        return NULL;
    }
    return membership;
}

void membership_wait_out(struct membership *membership, const char *boot_id)
{
    snprintf(membership->ghost, sizeof(membership->ghost), "%s", boot_id);
}

int membership_start(struct membership *membership, struct mr_error **error)
{
    char why[128];

    if (!thread_start(&membership->asker,
                      &(struct thread_setup){.name = "membership", .run = asker_run, .argument = membership}, why,
                      sizeof(why)))
        return mr_error_set(error, MR_ERR_CONNECT, "%s", why);
    membership->asker_runs = true;
    return membership->ghost[0] != '\0' ? 0 : join(membership, error);
}

bool membership_leave(struct membership *membership, int64_t deadline_ms)
{
    atomic_store(&membership->leaving, true);
    lease_set(membership->setup.lease, 0);
    return atomic_load(&membership->member) == NULL ||
           group_member_leave(atomic_load(&membership->member), deadline_ms);
}

void membership_destroy(struct membership *membership)
{
    if (membership == NULL)
        return;
    atomic_store(&membership->leaving, true);
    if (membership->asker_runs) { /* it may be about to join */
        mutex_lock(&membership->lock);
        membership->ends = true;
        cond_signal(&membership->changed);
        mutex_unlock(&membership->lock);
        thread_join(membership->asker);
    }
    group_member_close(atomic_load(&membership->member));
    client_config_drop(membership->setup.config);
    cond_destroy(&membership->changed);
    mutex_destroy(&membership->lock);
    mem_free(membership->client_id);
    mem_free(membership->group_id);
    mem_free(membership->config_topic);
    mem_free(membership);
}

bool membership_is_leading(const struct membership *membership)
{
    return atomic_load(&membership->leading);
}

int32_t membership_generation(const struct membership *membership)
{
    struct group_member *member = atomic_load(&membership->member);
    int32_t generation = member != NULL ? group_member_generation(member) : 0;

    return generation > 0 ? generation : 0;
}

uint64_t membership_epoch(const struct membership *membership)
{
    struct group_member *member = atomic_load(&membership->member);

    return member != NULL ? group_member_epoch(member) : 0;
}

const char *membership_boot_id(const struct membership *membership)
{
    return membership->boot_id;
}

/* Was it asked so lately, in this membership? The epoch is read first and written last, so the time is at least as late as its own. */
static bool was_guarded(const struct membership *membership, int64_t max_age_ms)
{
    uint64_t epoch = atomic_load(&membership->guarded_epoch);

    return max_age_ms > 0 && epoch != 0 && epoch == membership_epoch(membership) &&
           clock_boottime_ms(NULL) - atomic_load(&membership->guarded_ms) < max_age_ms;
}

int membership_guard(struct membership *membership, int64_t max_age_ms, int64_t deadline_ms, struct mr_error **error)
{
    long long offset = atomic_fetch_add(&membership->guard_offset, 1);
    uint64_t epoch = membership_epoch(membership);
    int64_t now_ms = clock_boottime_ms(NULL);

    if (!atomic_load(&membership->leading) || atomic_load(&membership->member) == NULL)
        return mr_error_set(error, MR_ERR_CONFLICT, "this worker does not lead");
    if (was_guarded(membership, max_age_ms))
        return 0;
    if (group_member_guard(atomic_load(&membership->member), offset, membership->setup.lease, deadline_ms, error) != 0)
        return -1;
    atomic_store(&membership->guarded_ms, now_ms);
    atomic_store(&membership->guarded_epoch, epoch);
    return 0;
}
