/* admin.c: the handle, requests in general, topics. Groups are in admin_groups.c.
 * The handle is a consumer's without a group: unlike a producer's, its background metadata requests create no topics. */
#include "kafka/admin_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "kafka/client_config.h"

#include "base/bans.h"

#define WAIT_MAX_MS 600000
#define LOOK_AGAIN_MS 250 /* for the cluster's id */
#define REFUSAL_PATIENCE_MS 3000 /* another broker may take us, or this one when it has started fully */

struct admin *admin_open(struct client_config *config, struct graveyard *graveyard, struct mr_error **error)
{
    rd_kafka_conf_t *conf = native_conf_create(config, error);
    rd_kafka_t *rk = conf != NULL ? native_open(config, RD_KAFKA_CONSUMER, &conf, error) : NULL;
    if (rk == NULL)
        return NULL;
    struct admin *admin = mem_calloc(1, sizeof *admin);
    struct native_handle *handle = admin != NULL ? native_handle_create(rk, graveyard) : NULL;
    if (handle == NULL) {
        native_destroy(rk);
        mem_free(admin);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for an admin client");
        return NULL;
    }
    *admin = (struct admin){handle, rk};
    return admin;
}

void admin_close(struct admin *admin)
{
    if (admin == NULL)
        return;
    native_handle_drop(admin->handle);
    mem_free(admin);
}

/* ---- requests ---- */

void admin_call_open(struct admin_call *call, struct admin *admin, rd_kafka_admin_op_t operation, int64_t deadline_ms)
{
    char words[256];
    *call = (struct admin_call){.rk = admin->rk, .deadline_ms = deadline_ms};
    call->queue = rd_kafka_queue_new(admin->rk);
    call->options = rd_kafka_AdminOptions_new(admin->rk, operation);
    int timeout_ms = native_timeout_ms(deadline_ms, WAIT_MAX_MS);
    rd_kafka_AdminOptions_set_request_timeout(call->options, timeout_ms > 0 ? timeout_ms : 1, words, sizeof words);
}

/* librdkafka's words for it ("Failed while waiting for controller") hide the reason. */
static bool is_silence(rd_kafka_resp_err_t code)
{
    return code != RD_KAFKA_RESP_ERR_NO_ERROR && native_error_code(code) == MR_ERR_TIMEOUT;
}

int admin_call_wait(struct admin_call *call, const char *what, struct mr_error **error)
{
    call->event = rd_kafka_queue_poll(call->queue, native_timeout_ms(call->deadline_ms, WAIT_MAX_MS));
    if (call->event == NULL)
        return native_silence_set(error, call->rk, what);
    rd_kafka_resp_err_t code = rd_kafka_event_error(call->event);
    if (is_silence(code))
        return native_silence_set(error, call->rk, what);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_error_set(error, native_error_code(code), "%s: %s", what, rd_kafka_event_error_string(call->event));
    return 0;
}

void admin_call_close(struct admin_call *call)
{
    if (call->event != NULL)
        rd_kafka_event_destroy(call->event);
    rd_kafka_AdminOptions_destroy(call->options);
    rd_kafka_queue_destroy(call->queue);
}

/* ---- creating and deleting topics ---- */

static const struct {
    rd_kafka_resp_err_t code;
    enum admin_created means;
} created_meanings[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, ADMIN_CREATED},
    {RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, ADMIN_EXISTED},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ADMIN_NOT_AUTHORISED},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ADMIN_NOT_AUTHORISED},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, ADMIN_UNSUPPORTED},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, ADMIN_UNSUPPORTED},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, ADMIN_INVALID_REPLICATION},
};

static enum admin_created created_of(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < sizeof created_meanings / sizeof *created_meanings; i++) {
        if (created_meanings[i].code == code)
            return created_meanings[i].means;
    }
    return ADMIN_CREATE_FAILED;
}

static enum admin_created create_result(const struct admin_call *call, const char *name, struct mr_error **error)
{
    size_t count;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(call->event);
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
    rd_kafka_resp_err_t code = count == 1 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
    enum admin_created created = created_of(code);
    if (created != ADMIN_CREATED && created != ADMIN_EXISTED) {
        const char *words = count == 1 ? rd_kafka_topic_result_error_string(topics[0]) : NULL;
        mr_error_set(error, native_error_code(code), "topic %s cannot be created: %s", name,
                     words != NULL ? words : rd_kafka_err2str(code));
    }
    return created;
}

static rd_kafka_NewTopic_t *new_topic(const struct admin_new_topic *topic, struct mr_error **error)
{
    char words[512];
    rd_kafka_NewTopic_t *native =
        rd_kafka_NewTopic_new(topic->name, topic->partitions, topic->replication_factor, words, sizeof words);
    if (native == NULL) {
        mr_error_set(error, MR_ERR_CONFIG, "topic %s cannot be created: %s", topic->name, words);
        return NULL;
    }
    for (size_t i = 0; topic->configs != NULL && i < string_map_count(topic->configs); i++)
        rd_kafka_NewTopic_set_config(native, string_map_key(topic->configs, i), string_map_value(topic->configs, i));
    return native;
}

enum admin_created admin_create_topic(struct admin *admin, const struct admin_new_topic *topic, int64_t deadline_ms,
                                      struct mr_error **error)
{
    struct admin_call call;
    char what[320];
    rd_kafka_NewTopic_t *native = new_topic(topic, error);
    if (native == NULL)
        return ADMIN_CREATE_FAILED;
    snprintf(what, sizeof what, "topic %s cannot be created", topic->name);
    admin_call_open(&call, admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline_ms);
    rd_kafka_CreateTopics(admin->rk, &native, 1, call.options, call.queue);
    enum admin_created created;
    if (admin_call_wait(&call, what, error) == 0)
        created = create_result(&call, topic->name, error);
    else
        created = call.event != NULL && created_of(rd_kafka_event_error(call.event)) == ADMIN_UNSUPPORTED
                      ? ADMIN_UNSUPPORTED
                      : ADMIN_CREATE_FAILED;
    admin_call_close(&call);
    rd_kafka_NewTopic_destroy(native);
    return created;
}

int admin_delete_topic(struct admin *admin, const char *topic, int64_t deadline_ms, struct mr_error **error)
{
    struct admin_call call;
    size_t count = 0;
    rd_kafka_DeleteTopic_t *native = rd_kafka_DeleteTopic_new(topic);
    admin_call_open(&call, admin, RD_KAFKA_ADMIN_OP_DELETETOPICS, deadline_ms);
    rd_kafka_DeleteTopics(admin->rk, &native, 1, call.options, call.queue);
    int status = admin_call_wait(&call, topic, error);
    if (status == 0) {
        const rd_kafka_topic_result_t **topics =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(call.event), &count);
        rd_kafka_resp_err_t code = count == 1 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            status = native_error_set(error, code, "topic %s cannot be deleted", topic);
    }
    admin_call_close(&call);
    rd_kafka_DeleteTopic_destroy(native);
    return status;
}

/* ---- what there is ---- */

static int partitions_of(const struct rd_kafka_metadata *metadata, const char *topic, int32_t *partitions,
                         struct mr_error **error)
{
    *partitions = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *found = &metadata->topics[i];
        if (strcmp(found->topic, topic) != 0 || found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            continue;
        if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR && found->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
            return native_error_set(error, found->err, "topic %s", topic);
        *partitions = found->partition_cnt;
    }
    return 0;
}

int admin_partition_count(struct admin *admin, const char *topic, int32_t *partitions, int64_t deadline_ms,
                          struct mr_error **error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(admin->rk, topic, NULL);
    if (rkt == NULL)
        return native_error_set(error, rd_kafka_last_error(), "topic %s", topic);
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(admin->rk, 0, rkt, &metadata, native_timeout_ms(deadline_ms, WAIT_MAX_MS));
    int status = 0;
    *partitions = 0;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        status = partitions_of(metadata, topic, partitions, error);
    else if (code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && code != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        status = is_silence(code) ? native_silence_set(error, admin->rk, topic)
                                  : native_error_set(error, code, "the metadata of topic %s", topic);
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(rkt);
    return status;
}

static int topics_fill(struct admin_topics *topics, const struct rd_kafka_metadata *metadata)
{
    size_t count = (size_t)metadata->topic_cnt;
    topics->names = mem_calloc(count + 1, sizeof *topics->names);
    topics->partitions = mem_calloc(count + 1, sizeof *topics->partitions);
    if (topics->names == NULL || topics->partitions == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        topics->names[i] = mem_strdup(metadata->topics[i].topic);
        if (topics->names[i] == NULL)
            return -1;
        topics->partitions[i] = metadata->topics[i].partition_cnt;
        topics->count++;
    }
    return 0;
}

int admin_list_topics(struct admin *admin, struct admin_topics *topics, int64_t deadline_ms, struct mr_error **error)
{
    const struct rd_kafka_metadata *metadata;
    *topics = (struct admin_topics){0};
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(admin->rk, 1, NULL, &metadata, native_timeout_ms(deadline_ms, WAIT_MAX_MS));
    if (is_silence(code))
        return native_silence_set(error, admin->rk, "the list of topics");
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return native_error_set(error, code, "the list of topics");
    int status = topics_fill(topics, metadata);
    rd_kafka_metadata_destroy(metadata);
    if (status != 0) {
        admin_topics_release(topics);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the list of topics");
    }
    return status;
}

void admin_topics_release(struct admin_topics *topics)
{
    for (size_t i = 0; i < topics->count; i++)
        mem_free(topics->names[i]);
    mem_free(topics->names);
    mem_free(topics->partitions);
    *topics = (struct admin_topics){0};
}

/* librdkafka looks for the id and only then begins to wait: an answer that comes between wakes nobody, and no second one is on its
 * way. So it is made to look again. NULL: none in time; or at once: brokers too old to say. */
static char *look_for_cluster_id(rd_kafka_t *rk, int64_t deadline_ms, struct mr_error **error)
{
    int64_t patient_until_ms = deadline_after_ms(REFUSAL_PATIENCE_MS);
    for (;;) {
        int64_t began_ms = clock_monotonic_ms(NULL);
        int timeout_ms = native_timeout_ms(deadline_ms, LOOK_AGAIN_MS);
        char *native = rd_kafka_clusterid(rk, timeout_ms > 0 ? timeout_ms : 1);

        if (native != NULL || timeout_ms == 0 || clock_monotonic_ms(NULL) - began_ms < timeout_ms / 2)
            return native;
        if (began_ms > patient_until_ms && native_refusal_set(error, rk, "asking for the cluster's id"))
            return NULL;
    }
}

char *admin_cluster_id(struct admin *admin, int64_t deadline_ms, struct mr_error **error)
{
    struct mr_error *refusal = NULL;
    char *native = look_for_cluster_id(admin->rk, deadline_ms, &refusal);
    char *id = native != NULL ? mem_strdup(native) : NULL;
    if (refusal != NULL)
        mr_error_set(error, mr_error_code(refusal), "%s", mr_error_message(refusal));
    else if (native == NULL)
        native_silence_set(error, admin->rk, "the cluster's id");
    else if (id == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the cluster's id");
    mr_error_drop(refusal);
    rd_kafka_mem_free(admin->rk, native);
    return id;
}

/* ---- configuration of a topic ---- */

static const char *entry_value(const rd_kafka_ConfigResource_t *resource, const char *name)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    }
    return NULL;
}

/* No right, or a service that does not know the question: the value is simply not known. */
static bool is_unreadable(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION || code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
           code == RD_KAFKA_RESP_ERR_INVALID_REQUEST;
}

static int config_result(const struct admin_call *call, const char *topic, const char *name, char **value,
                         struct mr_error **error)
{
    size_t count;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(call->event), &count);
    rd_kafka_resp_err_t code = count == 1 ? rd_kafka_ConfigResource_error(resources[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
    if (is_unreadable(code))
        return 0;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return native_error_set(error, code, "the configuration of topic %s", topic);
    const char *text = entry_value(resources[0], name);
    *value = mem_strdup(text);
    return text != NULL && *value == NULL ? mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a topic's settings") : 0;
}

int admin_topic_config(struct admin *admin, const char *topic, const char *name, char **value, int64_t deadline_ms,
                       struct mr_error **error)
{
    struct admin_call call;
    struct mr_error *own = NULL;
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    *value = NULL;
    admin_call_open(&call, admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline_ms);
    rd_kafka_DescribeConfigs(admin->rk, &resource, 1, call.options, call.queue);
    int status = admin_call_wait(&call, topic, &own);
    if (status == 0)
        status = config_result(&call, topic, name, value, &own);
    else if (call.event != NULL && is_unreadable(rd_kafka_event_error(call.event)))
        status = 0;
    if (status == 0)
        mr_error_clear(&own);
    else if (error != NULL && *error == NULL)
        *error = own;
    else
        mr_error_drop(own);
    admin_call_close(&call);
    rd_kafka_ConfigResource_destroy(resource);
    return status;
}
