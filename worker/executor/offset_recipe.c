/* Does a connector need an offset store of its own, and by which clients? As Kafka's Worker.offsetStoreFor…SourceTask. */
#include "executor/offset_stores_internal.h"

#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/worker_config.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "kafka/internal_topics.h"
#include "store/connector_offset_store.h"

#include "base/bans.h"

#define CLIENT_ID_MAX 2048
#define KEY_MAX (64u << 10)

/* --- one topic or two? -------------------------------------------------------------------------------------------------- */

static size_t server_length(const char *list)
{
    return strcspn(list, ", \t");
}

static const char *next_server(const char *list)
{
    return list + strspn(list, ", \t");
}

static bool has_server(const char *list, const char *server, size_t length)
{
    for (list = next_server(list); *list != '\0'; list = next_server(list + server_length(list)))
        if (server_length(list) == length && strncmp(list, server, length) == 0)
            return true;
    return false;
}

static bool has_all_servers(const char *list, const char *of)
{
    for (of = next_server(of); *of != '\0'; of = next_server(of + server_length(of)))
        if (!has_server(list, of, server_length(of)))
            return false;
    return true;
}

/* By the names of the servers, as Kafka does: other names of the same cluster make two stores of one topic, which is only more work. */
static bool is_workers_cluster(const struct worker_config *worker, const struct string_map *producer)
{
    const char *servers = string_map_get_or(producer, "bootstrap.servers", "");
    return has_all_servers(servers, worker->bootstrap_servers) && has_all_servers(worker->bootstrap_servers, servers);
}

/* NULL: the worker's store is the one. */
static const char *topic_of(const struct worker_config *worker, const struct offset_stores_want *want,
                            const struct string_map *producer)
{
    const char *topic = want->topic != NULL ? want->topic : worker->offset_topic.name;
    return strcmp(topic, worker->offset_topic.name) == 0 && is_workers_cluster(worker, producer) ? NULL : topic;
}

/* --- clients ------------------------------------------------------------------------------------------------------------- */

static int no_memory(const struct offset_stores_want *want, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "connector %s: no memory for its offset store", want->connector);
}

static struct string_map *properties_of(enum client_kind kind, const struct offset_stores_setup *setup,
                                        const struct offset_stores_want *want, const char *role)
{
    char id[CLIENT_ID_MAX];
    snprintf(id, sizeof(id), "%s-%s", role, want->connector);
    struct client_layers layers = {.worker = setup->worker->properties, .connector = want->config, .client_id = id};
    return client_properties_for(kind, &layers);
}

/* Takes the properties. Warnings about them are given when tasks start. */
static struct client_config *client_of(enum client_kind kind, struct string_map *properties, struct mr_error **error)
{
    struct client_findings findings;
    client_findings_init(&findings);
    struct client_config *config = client_config_create(kind, properties, &findings, error);
    client_findings_release(&findings);
    string_map_destroy(properties);
    return config;
}

/* Partitions are assigned, so there is no group; isolation is the log's business. */
static int make_consumer(struct offset_recipe *recipe, const struct offset_stores_setup *setup, const struct offset_stores_want *want,
                         struct mr_error **error)
{
    struct string_map *properties = properties_of(CLIENT_CONSUMER, setup, want, "connector-consumer");
    if (properties == NULL)
        return no_memory(want, error);
    string_map_remove(properties, "group.id");
    string_map_remove(properties, "group.instance.id");
    recipe->consumer = client_of(CLIENT_CONSUMER, properties, error);
    return recipe->consumer != NULL ? 0 : -1;
}

/* What it writes is in no transaction: those are the tasks' own producers' business. Takes the properties. */
static int make_producer(struct offset_recipe *recipe, struct string_map *properties, struct mr_error **error)
{
    string_map_remove(properties, "transactional.id");
    recipe->producer = client_of(CLIENT_PRODUCER, properties, error);
    return recipe->producer != NULL ? 0 : -1;
}

static int make_admin(struct offset_recipe *recipe, const struct offset_stores_setup *setup, const struct offset_stores_want *want,
                      struct mr_error **error)
{
    struct string_map *properties = properties_of(CLIENT_ADMIN, setup, want, "connector-adminclient");
    if (properties == NULL)
        return no_memory(want, error);
    recipe->admin = client_of(CLIENT_ADMIN, properties, error);
    return recipe->admin != NULL ? 0 : -1;
}

/* Without exactly once a user may read what is not committed, if he says so. */
static bool is_read_committed(const struct worker_config *worker, const struct offset_stores_want *want)
{
    const char *own = string_map_get(want->config, "consumer.override.isolation.level");
    if (own == NULL)
        own = string_map_get(worker->properties, "consumer.isolation.level");
    return want->exactly_once || own == NULL || strcmp(own, "read_uncommitted") != 0;
}

static char *key_of(const struct offset_recipe *recipe)
{
    struct str_buffer key;
    str_buffer_init(&key, KEY_MAX);
    str_buffer_printf(&key, "%s\n%s\n%d\n%s\n%s\n%s", recipe->connector, recipe->topic, recipe->read_committed,
                      client_config_identity(recipe->consumer), client_config_identity(recipe->producer),
                      client_config_identity(recipe->admin));
    return str_buffer_take(&key, NULL);
}

int offset_recipe_init(struct offset_recipe *recipe, const struct offset_stores_setup *setup, const struct offset_stores_want *want,
                       struct mr_error **error)
{
    if (setup->worker->mode == WORKER_STANDALONE || (want->topic == NULL && !want->exactly_once))
        return 0;
    struct string_map *producer = properties_of(CLIENT_PRODUCER, setup, want, "connector-producer");
    if (producer == NULL)
        return no_memory(want, error);
    recipe->connector = want->connector;
    recipe->topic = topic_of(setup->worker, want, producer);
    recipe->read_committed = is_read_committed(setup->worker, want);
    if (recipe->topic == NULL) {
        string_map_destroy(producer);
        return 0;
    }
    if (make_producer(recipe, producer, error) != 0 || make_consumer(recipe, setup, want, error) != 0 ||
        make_admin(recipe, setup, want, error) != 0)
        return -1;
    recipe->key = key_of(recipe);
    return recipe->key != NULL ? 0 : no_memory(want, error);
}

void offset_recipe_release(struct offset_recipe *recipe)
{
    client_config_drop(recipe->consumer);
    client_config_drop(recipe->producer);
    client_config_drop(recipe->admin);
    mem_free(recipe->key);
    *recipe = (struct offset_recipe){0};
}

/* --- opening ------------------------------------------------------------------------------------------------------------- */

/* Made where it is missing, as the worker's: offset.storage.* says with how many partitions and replicas. */
static int ensure_topic(const struct offset_recipe *recipe, const struct offset_stores_setup *setup, int64_t deadline_ms,
                        struct mr_error **error)
{
    struct string_map *settings = string_map_copy(setup->worker->properties);
    if (settings == NULL || !string_map_put(settings, internal_topic_property(INTERNAL_TOPIC_OFFSET), recipe->topic)) {
        string_map_destroy(settings);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for its settings");
    }
    struct admin *admin = admin_open(recipe->admin, setup->graveyard, error);
    int status = admin == NULL ? -1 : internal_topic_ensure(admin, INTERNAL_TOPIC_OFFSET, settings, deadline_ms, error);
    admin_close(admin);
    string_map_destroy(settings);
    return status;
}

struct offset_store *offset_recipe_open(const struct offset_recipe *recipe, const struct offset_stores_setup *setup,
                                        const _Atomic int64_t *flush_until_ms, int64_t deadline_ms, struct mr_error **error)
{
    struct connector_offset_store_setup own = {.connector = recipe->connector,
                                               .topic = recipe->topic,
                                               .consumer = recipe->consumer,
                                               .producer = recipe->producer,
                                               .read_committed = recipe->read_committed,
                                               .graveyard = setup->graveyard,
                                               .lease = setup->lease,
                                               .worker = setup->offsets,
                                               .flush_until_ms = flush_until_ms};
    struct offset_store *store = NULL;
    struct mr_error *why = NULL;
    if (ensure_topic(recipe, setup, deadline_ms, &why) == 0)
        store = connector_offset_store_open(&own, deadline_ms, &why);
    if (why != NULL)
        mr_error_set(error, mr_error_code(why), "the offsets topic of connector %s (offsets.storage.topic %s) cannot be used: %s",
                     recipe->connector, recipe->topic, mr_error_message(why));
    mr_error_drop(why);
    return store;
}
