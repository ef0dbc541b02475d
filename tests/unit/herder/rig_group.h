/* rig_group: what else is around the herder of a rig: records on their way, validation, the group, the config topic. */
#ifndef TEST_HERDER_RIG_GROUP_H
#define TEST_HERDER_RIG_GROUP_H

#include "rig_state.h"

/* --- what it says of itself, on its way ---------------------------------------------------------------------------------- */

int __real_config_store_put_own_note(struct config_store *store, const struct config_note_write *note, int64_t deadline_ms,
                                     struct mr_error **error);
int __wrap_config_store_put_own_note(struct config_store *store, const struct config_note_write *note, int64_t deadline_ms,
                                     struct mr_error **error);
int __wrap_config_store_put_own_note(struct config_store *store, const struct config_note_write *note, int64_t deadline_ms,
                                     struct mr_error **error)
{
    bool is_own = strcmp(note->key, "millrace-member-" RIG_URL) == 0;
    int status;

    if (is_own && rig_is(&rig.own_notes_refused))
        return mr_error_set(error, MR_ERR_CONNECT, "Topic authorization failed");
    status = __real_config_store_put_own_note(store, note, deadline_ms, error);
    if (is_own && status == 0 && rig_is(&rig.own_notes_unanswered))
        return mr_error_set(error, MR_ERR_TIMEOUT, "no answer");
    return status;
}

int __real_config_store_put_notes(struct config_store *store, const struct config_note_write *notes, size_t count,
                                  const struct config_condition *condition, int64_t deadline_ms, struct mr_error **error);
int __wrap_config_store_put_notes(struct config_store *store, const struct config_note_write *notes, size_t count,
                                  const struct config_condition *condition, int64_t deadline_ms, struct mr_error **error);
int __wrap_config_store_put_notes(struct config_store *store, const struct config_note_write *notes, size_t count,
                                  const struct config_condition *condition, int64_t deadline_ms, struct mr_error **error)
{
    if (rig_is(&rig.plans_unanswered))
        return mr_error_set(error, MR_ERR_TIMEOUT, "no answer");
    return rig_is(&rig.plans_refused) ? mr_error_set(error, MR_ERR_CONNECT, "Topic authorization failed")
                                      : __real_config_store_put_notes(store, notes, count, condition, deadline_ms, error);
}

/* --- statuses, on their way -------------------------------------------------------------------------------------------- */

void __real_status_store_put_connector(struct status_store *store, const char *connector,
                                       const struct unit_status *status, enum status_care care);
void __wrap_status_store_put_connector(struct status_store *store, const char *connector,
                                       const struct unit_status *status, enum status_care care);
void __wrap_status_store_put_connector(struct status_store *store, const char *connector,
                                       const struct unit_status *status, enum status_care care)
{
    rig_say("status %s %s%s", connector, unit_state_name(status->state), care == STATUS_SAFE ? " safe" : "");
    __real_status_store_put_connector(store, connector, status, care);
}

void __real_status_store_put_task(struct status_store *store, const char *connector, uint32_t task,
                                  const struct unit_status *status, enum status_care care);
void __wrap_status_store_put_task(struct status_store *store, const char *connector, uint32_t task,
                                  const struct unit_status *status, enum status_care care);
void __wrap_status_store_put_task(struct status_store *store, const char *connector, uint32_t task,
                                  const struct unit_status *status, enum status_care care)
{
    rig_say("status %s-%u %s%s", connector, task,
            status->state == UNIT_DESTROYED ? "DESTROYED" : unit_state_name(status->state),
            care == STATUS_SAFE ? " safe" : "");
    __real_status_store_put_task(store, connector, task, status, care);
}

char **__real_status_store_connectors(struct status_store *store, size_t *count);
char **__wrap_status_store_connectors(struct status_store *store, size_t *count);
char **__wrap_status_store_connectors(struct status_store *store, size_t *count)
{
    atomic_fetch_add(&rig.listings, 1);
    return __real_status_store_connectors(store, count);
}

/* --- validation ---------------------------------------------------------------------------------------------------------- */

#define RIG_CALM_CLASS "Calm" /* never hangs */

static inline bool no_validation_is_inside(void *argument)
{
    (void)argument;
    return atomic_load(&rig.validations_inside) == 0;
}

static inline bool a_validation_is_inside(void *argument)
{
    return !no_validation_is_inside(argument);
}

struct connector_report *__wrap_connector_config_validate(const struct connector_validation *validation,
                                                          struct mr_error **error);
struct connector_report *__wrap_connector_config_validate(const struct connector_validation *validation,
                                                          struct mr_error **error)
{
    static struct connector_report good = {.class_name = "any"}, bad = {.class_name = "any", .error_count = 1};

    if (string_map_get(validation->raw, "connector.class") == NULL) {
        mr_error_set(error, MR_ERR_CONFIG, "Connector config {name=%s} contains no connector type", validation->name);
        return NULL;
    }
    bool is_trial = secrets_trial(true);
    secrets_trial(is_trial);
    atomic_store(&rig.validation_was_trial, is_trial);
    atomic_fetch_add(&rig.validations_inside, 1);
    while (rig_is(&rig.validation_hangs) &&
           strcmp(string_map_get(validation->raw, "connector.class"), RIG_CALM_CLASS) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    bool is_good = rig.finding == NULL; /* nobody sets it while one is inside */
    atomic_fetch_sub(&rig.validations_inside, 1);
    return is_good ? &good : &bad;
}

int __wrap_connector_config_plugin(const struct loader *loader, const struct string_map *config,
                                   const struct loader_plugin **plugin, struct mr_error **error);
int __wrap_connector_config_plugin(const struct loader *loader, const struct string_map *config,
                                   const struct loader_plugin **plugin, struct mr_error **error)
{
    static const struct loader_plugin source = {.kind = MR_PLUGIN_SOURCE}, sink = {.kind = MR_PLUGIN_SINK};

    (void)loader, (void)config, (void)error;
    *plugin = rig_is(&rig.is_sink) ? &sink : &source;
    return 0;
}

char *__wrap_connector_report_message(const struct connector_report *report);
char *__wrap_connector_report_message(const struct connector_report *report)
{
    (void)report;
    return mem_strdup(rig.finding);
}

void __wrap_connector_report_destroy(struct connector_report *report);
void __wrap_connector_report_destroy(struct connector_report *report)
{
    (void)report;
}

bool __wrap_variables_put_back(const struct string_map *raw, struct string_map *config);
bool __wrap_variables_put_back(const struct string_map *raw, struct string_map *config)
{
    (void)raw, (void)config;
    return true;
}

/* --- the group ------------------------------------------------------------------------------------------------------------ */

struct membership *__wrap_membership_create(const struct membership_setup *setup, struct mr_error **error);
struct membership *__wrap_membership_create(const struct membership_setup *setup, struct mr_error **error)
{
    (void)error;
    rig.group = setup->listener;
    rig.group_argument = setup->listener_argument;
    return (struct membership *)&rig;
}

int __wrap_membership_start(struct membership *membership, struct mr_error **error);
int __wrap_membership_start(struct membership *membership, struct mr_error **error)
{
    (void)membership, (void)error;
    return 0;
}

bool __wrap_membership_leave(struct membership *membership, int64_t deadline_ms);
bool __wrap_membership_leave(struct membership *membership, int64_t deadline_ms)
{
    (void)membership, (void)deadline_ms;
    rig_say("leaves the group");
    return true;
}

void __wrap_membership_destroy(struct membership *membership);
void __wrap_membership_destroy(struct membership *membership)
{
    (void)membership;
}

int32_t __wrap_membership_generation(const struct membership *membership);
int32_t __wrap_membership_generation(const struct membership *membership)
{
    (void)membership;
    return 7;
}

const char *__wrap_membership_boot_id(const struct membership *membership);
const char *__wrap_membership_boot_id(const struct membership *membership)
{
    (void)membership;
    return RIG_BOOT;
}

uint64_t __wrap_membership_losses(struct membership *membership);
uint64_t __wrap_membership_losses(struct membership *membership)
{
    (void)membership;
    return atomic_load(&rig.losses);
}

void __wrap_membership_resume(struct membership *membership, uint64_t losses);
void __wrap_membership_resume(struct membership *membership, uint64_t losses)
{
    (void)membership;
    rig_say("lease back after %u", (unsigned)losses);
}

void __wrap_membership_wait_out(struct membership *membership, const char *boot_id);
void __wrap_membership_wait_out(struct membership *membership, const char *boot_id)
{
    (void)membership;
    rig_say("waits out %s", boot_id);
}

uint64_t __wrap_membership_epoch(const struct membership *membership);
uint64_t __wrap_membership_epoch(const struct membership *membership)
{
    (void)membership;
    return 1;
}

int __wrap_membership_guard(struct membership *membership, int64_t max_age_ms, int64_t deadline_ms, struct mr_error **error);
int __wrap_membership_guard(struct membership *membership, int64_t max_age_ms, int64_t deadline_ms, struct mr_error **error)
{
    bool hangs;

    (void)membership, (void)max_age_ms, (void)deadline_ms;
    mutex_lock(&rig.lock);
    hangs = rig.guard_hangs_at > 0 && --rig.guard_hangs_at == 0;
    mutex_unlock(&rig.lock);
    while (hangs && rig_is(&rig.guard_hangs))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return hangs || rig_is(&rig.guard_refuses) ? mr_error_set(error, MR_ERR_CONFLICT, "somebody else leads") : 0;
}

/* Says which kind was claimed; the memory store itself has nothing to claim. */
int __wrap_config_store_claim(struct config_store *store, enum config_fencing fencing, int64_t deadline_ms,
                              struct mr_error **error);
int __wrap_config_store_claim(struct config_store *store, enum config_fencing fencing, int64_t deadline_ms,
                              struct mr_error **error)
{
    (void)store, (void)deadline_ms;
    rig_say("claim %s", fencing == CONFIG_FENCING_TRANSACTION ? "transaction" : "generation");
    return fencing == CONFIG_FENCING_TRANSACTION && rig_is(&rig.claim_is_denied)
               ? mr_error_set(error, MR_ERR_NOT_SUPPORTED, "transactional id connect-cluster-g: denied")
               : 0;
}

/* As others of the room ask for it. */
bool __real_cluster_refresh(struct herder *herder);
bool __wrap_cluster_refresh(struct herder *herder);
bool __wrap_cluster_refresh(struct herder *herder)
{
    bool fails = rig_is(&rig.refresh_fails);

    atomic_fetch_add(&rig.refreshes_failed, fails);
    return !fails && __real_cluster_refresh(herder);
}

/* --- the config topic ----------------------------------------------------------------------------------------------------- */

bool __wrap_config_store_is_lost(struct config_store *store, const char **words);
bool __wrap_config_store_is_lost(struct config_store *store, const char **words)
{
    (void)store;
    if (words != NULL)
        *words = "it was cut";
    return rig_is(&rig.log_is_lost);
}

#endif
