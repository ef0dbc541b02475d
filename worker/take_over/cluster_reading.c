#include "take_over/cluster_reading.h"

#include <millrace/error.h>
#include <stddef.h>

#include "config/worker_config.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "kafka/internal_topics.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "store/kafka_stores.h"
#include "store/offset_store.h"
#include "store/status_store.h"

#include "base/bans.h"

static struct client_config *client_of(const struct cluster_reading_setup *setup, enum client_kind kind, struct mr_error **error)
{
    const struct client_layers layers = {
        .worker = setup->worker->properties, .client_id = setup->client_id, .group_id = setup->worker->group_id};
    return client_config_for(kind, &layers, NULL, error);
}

static struct kafka_stores *create_stores(const struct cluster_reading_setup *setup, struct mr_error **error)
{
    const struct worker_config *worker = setup->worker;
    struct client_config *consumer = client_of(setup, CLIENT_INTERNAL_CONSUMER, error);
    struct client_config *producer = consumer == NULL ? NULL : client_of(setup, CLIENT_INTERNAL_PRODUCER, error);
    struct kafka_stores *stores = NULL;
    if (producer != NULL)
        stores = kafka_stores_create(&(struct kafka_stores_setup){.consumer = consumer,
                                                                  .producer = producer,
                                                                  .fenced_producer = setup->may_claim ? producer : NULL,
                                                                  .config_topic = worker->config_topic.name,
                                                                  .offset_topic = worker->offset_topic.name,
                                                                  .status_topic = worker->status_topic.name,
                                                                  .graveyard = setup->graveyard,
                                                                  .group_id = worker->group_id,
                                                                  .read_committed = !setup->uncommitted},
                                     error);
    client_config_drop(consumer);
    client_config_drop(producer);
    return stores;
}

static int open_admin(struct cluster_reading *reading, const struct cluster_reading_setup *setup, struct mr_error **error)
{
    struct client_config *config = client_of(setup, CLIENT_INTERNAL_ADMIN, error);
    reading->admin = config == NULL ? NULL : admin_open(config, setup->graveyard, error);
    client_config_drop(config);
    return reading->admin == NULL ? -1 : 0;
}

static int check_topics(const struct cluster_reading *reading, const struct cluster_reading_setup *setup, struct mr_error **error)
{
    for (int kind = 0; kind < INTERNAL_TOPIC_COUNT; kind++) {
        if (internal_topic_check(reading->admin, (enum internal_topic)kind, setup->worker->properties, setup->deadline_ms, error) != 0)
            return -1;
    }
    return 0;
}

int cluster_reading_open(struct cluster_reading *reading, const struct cluster_reading_setup *setup, struct mr_error **error)
{
    *reading = (struct cluster_reading){.admin = NULL};
    if (setup->worker->mode != WORKER_DISTRIBUTED)
        return mr_error_set(error, MR_ERR_CONFIG, "the worker's file is a standalone worker's, which keeps nothing in topics: group.id and the "
                            "names of three topics make it a distributed one's");
    if (open_admin(reading, setup, error) != 0 || check_topics(reading, setup, error) != 0)
        return -1;
    reading->stores = create_stores(setup, error);
    if (reading->stores == NULL || kafka_stores_start(reading->stores, setup->deadline_ms, error) != 0)
        return -1;
    reading->configs = config_store_snapshot(kafka_stores_configs(reading->stores));
    return 0;
}

int cluster_reading_refresh(struct cluster_reading *reading, int64_t deadline_ms, struct mr_error **error)
{
    struct config_store *configs = kafka_stores_configs(reading->stores);
    if (config_store_refresh(configs, deadline_ms, error) != 0 ||
        offset_store_refresh(kafka_stores_offsets(reading->stores), deadline_ms, error) != 0 ||
        status_store_refresh(kafka_stores_statuses(reading->stores), deadline_ms, error) != 0)
        return -1;
    config_snapshot_drop(reading->configs);
    reading->configs = config_store_snapshot(configs);
    return 0;
}

void cluster_reading_close(struct cluster_reading *reading)
{
    config_snapshot_drop(reading->configs);
    kafka_stores_destroy(reading->stores);
    admin_close(reading->admin);
    *reading = (struct cluster_reading){.admin = NULL};
}
