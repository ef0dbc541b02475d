/* The last records of a topic, read as a task of the connector would: with its settings, under its override policy. */
#include "dry_run/dry_run_internal.h"

#include <millrace/error.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "kafka/client_config.h"
#include "kafka/topic_tail.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define CLIENT_ID_MAX 2048

static struct client_config *client_of(const struct dry_run *dry_run, struct mr_error **error)
{
    const struct connector_validation validation = {
        .loader = dry_run->loader, .worker = dry_run->worker, .name = dry_run->config->name, .raw = dry_run->raw};
    const struct loader_plugin *plugin;
    char id[CLIENT_ID_MAX];
    if (connector_config_plugin(dry_run->loader, dry_run->resolved, &plugin, error) != 0 ||
        connector_config_check_overrides(&validation, plugin, dry_run->resolved, error) != 0)
        return NULL;
    snprintf(id, sizeof(id), "connector-try-%s", dry_run->config->name);
    const struct client_layers layers = {
        .worker = dry_run->worker->properties, .connector = dry_run->resolved, .client_id = id, .group_id = id};
    return client_config_for(CLIENT_CONSUMER, &layers, NULL, error);
}

static int headers_of(const struct topic_tail_record *record, struct record_raw_header **headers, struct mr_error **error)
{
    *headers = mem_calloc(record->header_count + 1, sizeof(**headers));
    if (*headers == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the headers of a record");
    for (size_t i = 0; i < record->header_count; i++)
        (*headers)[i] = (struct record_raw_header){.key = record->headers[i].name, .value = record->headers[i].value};
    return 0;
}

static int each_record(struct dry_run *dry_run, const struct dry_run_topic *topic, const struct topic_tail_record *record,
                       dry_run_each_fn *each, void *argument, struct mr_error **error)
{
    struct record_raw_header *headers = NULL;
    if (record == NULL || headers_of(record, &headers, error) != 0)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a record of topic %s", topic->topic);
    const struct record_origin origin = {
        .topic = topic->topic,
        .partition = record->partition,
        .offset = record->offset,
        .timestamp_ms = record->timestamp_ms,
        .timestamp_type = record->timestamp_ms == -1        ? MR_TIMESTAMP_NONE
                          : record->timestamp_is_log_append ? MR_TIMESTAMP_LOG_APPEND_TIME
                                                            : MR_TIMESTAMP_CREATE_TIME,
        .key = record->key,
        .value = record->value,
        .headers = headers,
        .header_count = (uint32_t)record->header_count,
    };
    int status = each(argument, dry_run, &origin, error);
    mem_free(headers);
    return status;
}

int dry_run_topic(struct dry_run *dry_run, const struct dry_run_topic *topic, dry_run_each_fn *each, void *argument,
                  struct mr_error **error)
{
    if (!dry_run_is_sink(dry_run))
        return mr_error_set(error, MR_ERR_CONFIG, "%s is a source: it reads no topic. Give records instead",
                            dry_run->config->class_name);
    struct client_config *config = client_of(dry_run, error);
    if (config == NULL)
        return -1;
    struct topic_tail *tail = topic_tail_read(&(struct topic_tail_setup){.config = config,
                                                                         .graveyard = topic->graveyard,
                                                                         .topic = topic->topic,
                                                                         .last = topic->last,
                                                                         .bytes_max = topic->bytes_max,
                                                                         .deadline_ms = topic->deadline_ms},
                                              error);
    int status = tail == NULL ? -1 : 0;
    for (size_t i = 0; status == 0 && i < topic_tail_count(tail); i++)
        status = each_record(dry_run, topic, topic_tail_at(tail, i), each, argument, error);
    topic_tail_destroy(tail);
    client_config_drop(config);
    return status;
}
