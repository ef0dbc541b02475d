/* Life and clients of a connector's letters. */
#include "dead_letters/dead_letters_internal.h"

#include <inttypes.h>
#include <millrace/error.h>
#include <millrace/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/connector_config.h"
#include "config/variables.h"
#include "dry_run/dry_run.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "loader/loader.h"
#include "regex/java_regex.h"

#include "base/bans.h"

#define CLIENT_ID_MAX 2048
#define BLANKS " \t\r\n\f\v"

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for dead letters");
}

/* The configuration ------------------------------------------------------------------------------------------- */

char *dead_letters_topic_of(const struct string_map *config)
{
    static const char *const options[] = {"errors.deadletterqueue.topic.name", "millrace.errors.deadletterqueue.topic.name"};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const char *text = string_map_get(config, options[i]);
        const char *start = text == NULL ? "" : text + strspn(text, BLANKS);
        size_t size = strlen(start);
        while (size > 0 && strchr(BLANKS, start[size - 1]) != NULL)
            size--;
        if (size > 0)
            return mem_strndup(start, size);
    }
    return NULL;
}

static int name_topics(struct dead_letters *letters, struct mr_error **error)
{
    letters->topic = dead_letters_topic_of(letters->resolved);
    if (letters->topic == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "the connector has no dead letters: set errors.deadletterqueue.topic.name");
    if (!letter_topic_is_valid(letters->topic, strlen(letters->topic)) ||
        strlen(letters->topic) + sizeof(MARKS_SUFFIX) > LETTER_TOPIC_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, "errors.deadletterqueue.topic.name: %.250s is no name of a topic, or too long by the %s of "
                            "its marks", letters->topic, MARKS_SUFFIX);
    size_t size = strlen(letters->topic) + sizeof(MARKS_SUFFIX);
    letters->marks_topic = mem_alloc(size);
    if (letters->marks_topic == NULL)
        return no_memory(error);
    snprintf(letters->marks_topic, size, "%s" MARKS_SUFFIX, letters->topic);
    return 0;
}

/* Under the override policy, as a task of the connector. */
static int read_config(struct dead_letters *letters, struct mr_error **error)
{
    const struct loader_plugin *plugin;
    letters->resolved = variables_resolve(letters->variables, letters->raw, NULL, error);
    if (letters->resolved == NULL || connector_config_plugin(letters->loader, letters->resolved, &plugin, error) != 0)
        return -1;
    enum connector_kind kind = plugin->kind == MR_PLUGIN_SOURCE ? CONNECTOR_SOURCE : CONNECTOR_SINK;
    letters->config = connector_config_create(kind, letters->resolved, letters->worker, error);
    if (letters->config == NULL)
        return -1;
    const struct connector_validation validation = {
        .loader = letters->loader, .worker = letters->worker, .name = letters->config->name, .raw = letters->raw};
    return connector_config_check_overrides(&validation, plugin, letters->resolved, error);
}

/* Clients ------------------------------------------------------------------------------------------------------ */

static struct client_layers layers_of(const struct dead_letters *letters, char id[CLIENT_ID_MAX])
{
    snprintf(id, CLIENT_ID_MAX, "connector-dlq-studio-%s", letters->config->name);
    return (struct client_layers){
        .worker = letters->worker->properties, .connector = letters->resolved, .client_id = id, .group_id = id};
}

/* What was aborted is no letter, and looking creates nothing. */
static int make_consumer(struct dead_letters *letters, struct mr_error **error)
{
    char id[CLIENT_ID_MAX];
    const struct client_layers layers = layers_of(letters, id);
    struct string_map *properties = client_properties_for(CLIENT_CONSUMER, &layers);
    if (properties == NULL || !string_map_put(properties, "isolation.level", "read_committed") ||
        !string_map_put(properties, "allow.auto.create.topics", "false")) {
        string_map_destroy(properties);
        return no_memory(error);
    }
    letters->consumer = client_config_create(CLIENT_CONSUMER, properties, NULL, error);
    string_map_destroy(properties);
    return letters->consumer == NULL ? -1 : 0;
}

struct client_config *letters_producer(struct dead_letters *letters, struct mr_error **error)
{
    char id[CLIENT_ID_MAX];
    const struct client_layers layers = layers_of(letters, id);
    return client_config_for(CLIENT_PRODUCER, &layers, NULL, error);
}

struct admin *letters_admin(struct dead_letters *letters, struct mr_error **error)
{
    char id[CLIENT_ID_MAX];
    const struct client_layers layers = layers_of(letters, id);
    if (letters->admin != NULL)
        return letters->admin;
    struct client_config *config = client_config_for(CLIENT_ADMIN, &layers, NULL, error);
    if (config != NULL)
        letters->admin = admin_open(config, letters->graveyard, error);
    client_config_drop(config);
    return letters->admin;
}

struct dry_run *letters_dry_run(struct dead_letters *letters, struct mr_error **error)
{
    if (letters->config->kind != CONNECTOR_SINK) {
        mr_error_set(error, MR_ERR_CONFIG, "the letters of a source were not consumed: there is nothing that they could be tried on");
        return NULL;
    }
    if (letters->dry_run == NULL)
        letters->dry_run = dry_run_create(&(struct dry_run_setup){.loader = letters->loader,
                                                                  .worker = letters->worker,
                                                                  .variables = letters->variables,
                                                                  .config = letters->raw,
                                                                  .shown_max = DEAD_LETTERS_VALUE_MAX * 4,
                                                                  .shown_all_max = (size_t)8 << 20,
                                                                  .held_max = (size_t)64 << 20},
                                          error);
    return letters->dry_run;
}

/* Topics ------------------------------------------------------------------------------------------------------- */

int letters_partitions(struct dead_letters *letters, const char *topic, int32_t *count, struct mr_error **error)
{
    char text[16];
    const char *known = string_map_get(letters->partitions, topic);
    if (known != NULL) {
        *count = (int32_t)strtol(known, NULL, 10);
        return 0;
    }
    struct admin *admin = letters_admin(letters, error);
    if (admin == NULL || admin_partition_count(admin, topic, count, letters->deadline_ms, error) != 0)
        return -1;
    snprintf(text, sizeof(text), "%" PRId32, *count);
    return string_map_put(letters->partitions, topic, text) ? 0 : no_memory(error);
}

int letters_make_marks_topic(struct dead_letters *letters, struct mr_error **error)
{
    struct admin *admin = letters_admin(letters, error);
    struct string_map *configs = string_map_create();
    int32_t count = 0;
    int status = admin == NULL ? -1 : admin_partition_count(admin, letters->marks_topic, &count, letters->deadline_ms, error);
    if (status == 0 && (configs == NULL || !string_map_put(configs, "cleanup.policy", "compact")))
        status = no_memory(error);
    if (status == 0 && count == 0) {
        /* As many replicas as the letters' own topic was to have. */
        const struct admin_new_topic wanted = {.name = letters->marks_topic,
                                               .partitions = 1,
                                               .replication_factor = letters->config->errors.dead_letter_replication_factor > 0
                                                                         ? letters->config->errors.dead_letter_replication_factor
                                                                         : -1,
                                               .configs = configs};
        enum admin_created created = admin_create_topic(admin, &wanted, letters->deadline_ms, error);
        status = created == ADMIN_CREATED || created == ADMIN_EXISTED
                     ? 0
                     : mr_error_wrap(error, "the topic of the marks, %s, cannot be created; create it with one partition and "
                                     "cleanup.policy=compact", letters->marks_topic);
    }
    string_map_destroy(configs);
    return status;
}

int letters_scan(struct dead_letters *letters, const struct selection *selection, size_t last, topic_tail_each_fn *each,
                 void *argument, struct mr_error **error)
{
    struct topic_tail_setup setup = {.config = letters->consumer,
                                     .graveyard = letters->graveyard,
                                     .topic = letters->topic,
                                     .last = last,
                                     .deadline_ms = letters->deadline_ms,
                                     .each = each,
                                     .argument = argument};
    setup.only_one = selection_is_of_one(selection, &setup.partition, &setup.from);
    struct topic_tail *tail = topic_tail_read(&setup, error);
    topic_tail_destroy(tail);
    return tail == NULL ? -1 : 0;
}

int letters_read_marks(struct dead_letters *letters, struct marks *marks, struct mr_error **error)
{
    return marks_read(marks,
                      &(struct marks_source){.config = letters->consumer,
                                             .graveyard = letters->graveyard,
                                             .topic = letters->marks_topic,
                                             .deadline_ms = letters->deadline_ms},
                      error);
}

/* Life -------------------------------------------------------------------------------------------------------- */

static int copy_setup(struct dead_letters *letters, const struct dead_letters_setup *setup, struct mr_error **error)
{
    letters->loader = setup->loader;
    letters->worker = setup->worker;
    letters->variables = setup->variables;
    letters->graveyard = setup->graveyard;
    letters->deadline_ms = setup->deadline_ms;
    letters->who = mem_strdup(setup->who);
    letters->request = mem_strdup(setup->request);
    letters->raw = string_map_copy(setup->config);
    letters->task_config = setup->task_config == NULL ? NULL : string_map_copy(setup->task_config);
    letters->partitions = string_map_create();
    bool fine = letters->who != NULL && letters->raw != NULL && letters->partitions != NULL &&
                (setup->request == NULL || letters->request != NULL) && (setup->task_config == NULL || letters->task_config != NULL);
    return fine ? 0 : no_memory(error);
}

struct dead_letters *dead_letters_open(const struct dead_letters_setup *setup, struct mr_error **error)
{
    struct dead_letters *letters = mem_calloc(1, sizeof(*letters));
    if (letters == NULL) {
        no_memory(error);
        return NULL;
    }
    mutex_init(&letters->feed_lock);
    if (copy_setup(letters, setup, error) == 0 && read_config(letters, error) == 0 && name_topics(letters, error) == 0 &&
        make_consumer(letters, error) == 0)
        return letters;
    variables_hide_error(letters->raw, letters->resolved, error);
    dead_letters_close(letters);
    return NULL;
}

void dead_letters_close(struct dead_letters *letters)
{
    if (letters == NULL)
        return;
    letters_end_feed(letters);
    mutex_destroy(&letters->feed_lock);
    dry_run_destroy(letters->dry_run);
    java_regex_destroy(letters->topics_regex);
    admin_close(letters->admin);
    client_config_drop(letters->consumer);
    connector_config_destroy(letters->config);
    string_map_destroy(letters->raw);
    string_map_destroy(letters->resolved);
    string_map_destroy(letters->partitions);
    string_map_destroy(letters->task_config);
    string_map_destroy(letters->task_resolved);
    mem_free(letters->topic);
    mem_free(letters->marks_topic);
    mem_free(letters->who);
    mem_free(letters->request);
    mem_free(letters);
}

const char *dead_letters_topic(const struct dead_letters *letters)
{
    return letters->topic;
}
