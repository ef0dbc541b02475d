/* Where a worker keeps what it must not forget: the internal topics, or, standalone, memory and a file of offsets. */
#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "boot_internal.h"
#include "kafka/internal_topics.h"
#include "store/config_store.h"
#include "store/file_offset_store.h"
#include "store/kafka_stores.h"
#include "store/offset_store.h"
#include "store/status_store.h"

#include "base/bans.h"

#define FLUSH_TIMEOUT_MS 3000 /* a broker that is gone must not hold up the end */

static int create_standalone(struct boot *boot, struct mr_error **error)
{
    boot->configs = memory_config_store_create(error);
    if (boot->configs != NULL)
        boot->statuses = memory_status_store_create(error);
    if (boot->statuses != NULL)
        boot->offsets = file_offset_store_create(boot->config->offset_file, error);
    return boot->offsets != NULL ? 0 : -1;
}

static int create_distributed(struct boot *boot, struct mr_error **error)
{
    const struct worker_config *config = boot->config;
    struct client_config *consumer = boot_client_config(boot, CLIENT_INTERNAL_CONSUMER, "stores", error);
    bool has_transactions = worker_config_wants_leader_transactions(config);
    struct client_config *producer = NULL, *fenced = NULL;

    if (consumer != NULL)
        producer = boot_client_config(boot, CLIENT_INTERNAL_PRODUCER, "stores", error);
    if (producer != NULL && has_transactions)
        fenced = boot_client_config(boot, CLIENT_INTERNAL_PRODUCER, "configs-leader", error);
    if (producer != NULL && (fenced != NULL || !has_transactions))
        boot->kafka_stores = kafka_stores_create(
            &(struct kafka_stores_setup){
                .consumer = consumer,
                .producer = producer,
                .config_topic = config->config_topic.name,
                .offset_topic = config->offset_topic.name,
                .status_topic = config->status_topic.name,
                .graveyard = boot->graveyard,
                .fenced_producer = fenced,
                .group_id = config->group_id,
                .read_committed = has_transactions || config->exactly_once_source != EXACTLY_ONCE_DISABLED,
                .lease = &boot->lease,
            },
            error);
    client_config_drop(consumer);
    client_config_drop(producer);
    client_config_drop(fenced);
    if (boot->kafka_stores == NULL)
        return -1;
    boot->configs = kafka_stores_configs(boot->kafka_stores);
    boot->statuses = kafka_stores_statuses(boot->kafka_stores);
    boot->offsets = kafka_stores_offsets(boot->kafka_stores);
    return 0;
}

int boot_stores_create(struct boot *boot, struct mr_error **error)
{
    return boot->mode == WORKER_STANDALONE ? create_standalone(boot, error) : create_distributed(boot, error);
}

int boot_stores_start(struct boot *boot, struct mr_error **error)
{
    if (boot->mode == WORKER_STANDALONE)
        return 0;
    if (internal_topics_ensure(boot->admin, boot->config->properties, boot_deadline_ms(boot), error) != 0)
        return -1;
    return kafka_stores_start(boot->kafka_stores, boot_deadline_ms(boot), error);
}

void boot_stores_stop(struct boot *boot)
{
    if (boot->kafka_stores != NULL)
        kafka_stores_stop(boot->kafka_stores, clock_monotonic_ms(NULL) + FLUSH_TIMEOUT_MS);
}

void boot_stores_destroy(struct boot *boot)
{
    if (boot->mode == WORKER_DISTRIBUTED) {
        kafka_stores_destroy(boot->kafka_stores);
        return;
    }
    offset_store_destroy(boot->offsets);
    status_store_destroy(boot->statuses);
    config_store_destroy(boot->configs);
}
