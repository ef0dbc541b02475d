#include "kafka/producer_fence.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/client_config.h"
#include "kafka/native_transaction_internal.h"

#include "base/bans.h"

#define TURN_MS 20 /* waited for one of them before the next is looked at: meanwhile all go on */
#define TRANSACTION_TIMEOUT_MS "60000"

/* One that is being shut out; handle NULL: none, or done. */
struct fencing {
    const char *id;
    struct native_handle *handle;
};

static int fencing_begin(struct fencing *fencing, const struct client_config *config, struct graveyard *graveyard,
                         struct mr_error **error)
{
    rd_kafka_conf_t *conf = native_conf_create(config, error);
    if (conf == NULL)
        return -1;
    const char *timeout = client_config_get_native(config, "transaction.timeout.ms");
    timeout = timeout != NULL ? timeout : TRANSACTION_TIMEOUT_MS;
    native_conf_set(conf, "enable.idempotence", "true");
    native_conf_set(conf, "transaction.timeout.ms", timeout);
    native_conf_set(conf, "message.timeout.ms", timeout); /* never longer; nothing is sent */
    rd_kafka_t *rk = native_open(config, RD_KAFKA_PRODUCER, &conf, error);
    if (rk == NULL)
        return -1;
    fencing->id = client_config_get_native(config, "transactional.id");
    fencing->handle = native_handle_create(rk, graveyard);
    if (fencing->handle != NULL)
        return 0;
    native_destroy(rk);
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a producer");
}

static void fencing_end(struct fencing *fencing)
{
    if (fencing->handle != NULL)
        native_handle_drop(fencing->handle);
    fencing->handle = NULL;
}

/* The call goes on in the background when it was not answered in its turn. -1: it will not be. */
static int fencing_turn(struct fencing *fencing, int64_t deadline_ms, struct mr_error **error)
{
    rd_kafka_t *rk = fencing->handle->rk;
    rd_kafka_error_t *native = rd_kafka_init_transactions(rk, native_timeout_ms(deadline_ms, TURN_MS));
    if (native == NULL) {
        fencing_end(fencing);
        return 0;
    }
    bool is_open = (rd_kafka_error_is_retriable(native) || rd_kafka_error_code(native) == RD_KAFKA_RESP_ERR__TIMED_OUT) &&
                   rd_kafka_fatal_error(rk, NULL, 0) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (is_open && clock_monotonic_ms(NULL) < deadline_ms) {
        rd_kafka_error_destroy(native);
        return 0;
    }
    native_transaction_error_take(error, rk, fencing->id, native);
    return -1;
}

/* Whoever asks late may shut out the very producers that are to be there by now. */
static int check_bound(const struct fence_bound *bound, struct mr_error **error)
{
    const char *why_not = bound == NULL || bound->why_not == NULL ? NULL : bound->why_not(bound->argument);
    return why_not == NULL ? 0 : mr_error_set(error, MR_ERR_CONFLICT, "no further producers are shut out: %s", why_not);
}

static int shut_out_some(struct client_config *const *configs, size_t count, const struct fence_bound *bound, struct graveyard *graveyard,
                         int64_t deadline_ms, struct mr_error **error)
{
    struct fencing fencings[PRODUCER_FENCE_TOGETHER] = {{0}};
    size_t left = count;
    int status = check_bound(bound, error);
    for (size_t i = 0; status == 0 && i < count; i++)
        status = fencing_begin(&fencings[i], configs[i], graveyard, error);
    while (status == 0 && left > 0) {
        left = 0;
        for (size_t i = 0; status == 0 && i < count; i++) {
            if (fencings[i].handle != NULL)
                status = fencing_turn(&fencings[i], deadline_ms, error);
            left += fencings[i].handle != NULL;
        }
        if (status == 0 && left > 0)
            status = check_bound(bound, error);
    }
    for (size_t i = 0; i < count; i++)
        fencing_end(&fencings[i]);
    return status;
}

int producers_shut_out(struct client_config *const *configs, size_t count, const struct fence_bound *bound, struct graveyard *graveyard,
                       int64_t deadline_ms, struct mr_error **error)
{
    for (size_t at = 0; at < count; at += PRODUCER_FENCE_TOGETHER) {
        size_t some = count - at < PRODUCER_FENCE_TOGETHER ? count - at : PRODUCER_FENCE_TOGETHER;
        if (shut_out_some(configs + at, some, bound, graveyard, deadline_ms, error) != 0)
            return -1;
    }
    return 0;
}

/* --- of tasks ---- */

bool transactional_id_of_task(char id[TRANSACTIONAL_ID_MAX], const char *group_id, const char *connector, uint32_t task)
{
    int length = snprintf(id, TRANSACTIONAL_ID_MAX, "%s-%s-%u", group_id, connector, task);
    return length > 0 && length < TRANSACTIONAL_ID_MAX;
}

static struct client_config *config_of(const struct fence_of_tasks *tasks, uint32_t task, struct mr_error **error)
{
    char id[TRANSACTIONAL_ID_MAX], client_id[TRANSACTIONAL_ID_MAX];
    struct client_findings findings; /* were told when the task was made */
    if (!transactional_id_of_task(id, tasks->group_id, tasks->name, task)) {
        mr_error_set(error, MR_ERR_CONFIG, "The names of the group and of connector %.64s… are too long for transactional ids", tasks->name);
        return NULL;
    }
    snprintf(client_id, sizeof client_id, "connector-fencer-%s-%u", tasks->name, task);
    struct client_layers layers = {
        .worker = tasks->worker, .connector = tasks->connector, .client_id = client_id, .transactional_id = id};
    client_findings_init(&findings);
    struct client_config *config = client_config_for(CLIENT_PRODUCER, &layers, &findings, error);
    client_findings_release(&findings);
    return config;
}

int producers_shut_out_of_tasks(const struct fence_of_tasks *tasks, struct graveyard *graveyard, int64_t deadline_ms,
                                struct mr_error **error)
{
    struct client_config **configs = mem_calloc(tasks->count, sizeof *configs);
    uint32_t made = 0;
    if (configs == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to shut out %u tasks", tasks->count);
    while (made < tasks->count && (configs[made] = config_of(tasks, made, error)) != NULL)
        made++;
    int status = made < tasks->count ? -1 : producers_shut_out(configs, tasks->count, tasks->bound, graveyard, deadline_ms, error);
    for (uint32_t i = 0; i < made; i++)
        client_config_drop(configs[i]);
    mem_free(configs);
    return status;
}
