/* admin_groups.c: consumer groups: their offsets, members and end. */
#include "kafka/admin_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#include "base/bans.h"

/* ---- offsets ---- */

static int compare_offsets(const void *one, const void *other)
{
    const struct admin_offset *a = one, *b = other;
    int order = strcmp(a->topic, b->topic);
    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static int offsets_fill(struct admin_offsets *offsets, const rd_kafka_topic_partition_list_t *list,
                        struct mr_error **error)
{
    offsets->items = mem_calloc((size_t)list->cnt + 1, sizeof *offsets->items);
    if (offsets->items == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a group's offsets");
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *found = &list->elems[i];
        if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return native_error_set(error, found->err, "the offset of %s-%d", found->topic, (int)found->partition);
        if (found->offset < 0)
            continue;
        struct admin_offset *offset = &offsets->items[offsets->count];
        *offset = (struct admin_offset){mem_strdup(found->topic), found->partition, found->offset};
        if (offset->topic == NULL)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a group's offsets");
        offsets->count++;
    }
    qsort(offsets->items, offsets->count, sizeof *offsets->items, compare_offsets);
    return 0;
}

/* Of the single group of a result. *list may be NULL when the group failed as a whole. */
static int group_result(const rd_kafka_group_result_t **groups, size_t count, const char *group,
                        const rd_kafka_topic_partition_list_t **list, struct mr_error **error)
{
    const rd_kafka_error_t *native = count == 1 ? rd_kafka_group_result_error(groups[0]) : NULL;
    *list = NULL;
    if (native != NULL)
        return mr_error_set(error, native_error_code(rd_kafka_error_code(native)), "group %s: %s", group,
                            rd_kafka_error_string(native));
    if (count != 1)
        return mr_error_set(error, MR_ERR_CONNECT, "group %s: the brokers gave no answer", group);
    *list = rd_kafka_group_result_partitions(groups[0]);
    return 0;
}

/* The first partition that failed. */
static int list_error(const rd_kafka_topic_partition_list_t *list, const char *group, struct mr_error **error)
{
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return native_error_set(error, list->elems[i].err, "group %s: %s-%d", group, list->elems[i].topic,
                                    (int)list->elems[i].partition);
    }
    return 0;
}

int admin_list_group_offsets(struct admin *admin, const char *group, struct admin_offsets *offsets,
                             int64_t deadline_ms, struct mr_error **error)
{
    struct admin_call call;
    size_t count = 0;
    const rd_kafka_topic_partition_list_t *list = NULL;
    rd_kafka_ListConsumerGroupOffsets_t *request = rd_kafka_ListConsumerGroupOffsets_new(group, NULL);
    *offsets = (struct admin_offsets){0};
    admin_call_open(&call, admin, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, deadline_ms);
    rd_kafka_ListConsumerGroupOffsets(admin->rk, &request, 1, call.options, call.queue);
    int status = admin_call_wait(&call, group, error);
    if (status == 0) {
        const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(call.event), &count);
        status = group_result(groups, count, group, &list, error);
    }
    if (status == 0 && list != NULL)
        status = offsets_fill(offsets, list, error);
    if (status != 0)
        admin_offsets_release(offsets);
    admin_call_close(&call);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    return status;
}

void admin_offsets_release(struct admin_offsets *offsets)
{
    for (size_t i = 0; i < offsets->count; i++)
        mem_free(offsets->items[i].topic);
    mem_free(offsets->items);
    *offsets = (struct admin_offsets){0};
}

static rd_kafka_topic_partition_list_t *list_of(const struct admin_offset *offsets, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, offsets[i].topic, offsets[i].partition)->offset = offsets[i].offset;
    return list;
}

int admin_alter_group_offsets(struct admin *admin, const char *group, const struct admin_offset *offsets, size_t count,
                              int64_t deadline_ms, struct mr_error **error)
{
    struct admin_call call;
    size_t groups_count = 0;
    const rd_kafka_topic_partition_list_t *result = NULL;
    rd_kafka_topic_partition_list_t *list = list_of(offsets, count);
    rd_kafka_AlterConsumerGroupOffsets_t *request = rd_kafka_AlterConsumerGroupOffsets_new(group, list);
    admin_call_open(&call, admin, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, deadline_ms);
    rd_kafka_AlterConsumerGroupOffsets(admin->rk, &request, 1, call.options, call.queue);
    int status = admin_call_wait(&call, group, error);
    if (status == 0) {
        const rd_kafka_group_result_t **groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
            rd_kafka_event_AlterConsumerGroupOffsets_result(call.event), &groups_count);
        status = group_result(groups, groups_count, group, &result, error);
    }
    if (status == 0)
        status = list_error(result, group, error);
    admin_call_close(&call);
    rd_kafka_AlterConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

int admin_delete_group_offsets(struct admin *admin, const char *group, const struct admin_offset *partitions,
                               size_t count, int64_t deadline_ms, struct mr_error **error)
{
    struct admin_call call;
    size_t groups_count = 0;
    const rd_kafka_topic_partition_list_t *result = NULL;
    rd_kafka_topic_partition_list_t *list = list_of(partitions, count);
    rd_kafka_DeleteConsumerGroupOffsets_t *request = rd_kafka_DeleteConsumerGroupOffsets_new(group, list);
    admin_call_open(&call, admin, RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS, deadline_ms);
    rd_kafka_DeleteConsumerGroupOffsets(admin->rk, &request, 1, call.options, call.queue);
    int status = admin_call_wait(&call, group, error);
    if (status == 0) {
        const rd_kafka_group_result_t **groups = rd_kafka_DeleteConsumerGroupOffsets_result_groups(
            rd_kafka_event_DeleteConsumerGroupOffsets_result(call.event), &groups_count);
        status = group_result(groups, groups_count, group, &result, error);
    }
    if (status == 0)
        status = list_error(result, group, error);
    admin_call_close(&call);
    rd_kafka_DeleteConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

int admin_delete_group(struct admin *admin, const char *group, int64_t deadline_ms, struct mr_error **error)
{
    struct admin_call call;
    size_t count = 0;
    rd_kafka_DeleteGroup_t *request = rd_kafka_DeleteGroup_new(group);
    admin_call_open(&call, admin, RD_KAFKA_ADMIN_OP_DELETEGROUPS, deadline_ms);
    rd_kafka_DeleteGroups(admin->rk, &request, 1, call.options, call.queue);
    int status = admin_call_wait(&call, group, error);
    if (status == 0) {
        const rd_kafka_group_result_t **groups =
            rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(call.event), &count);
        const rd_kafka_error_t *native = count == 1 ? rd_kafka_group_result_error(groups[0]) : NULL;
        rd_kafka_resp_err_t code = native != NULL ? rd_kafka_error_code(native) : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
            status = native_error_set(error, code, code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
                                                       ? "group %s cannot be deleted, for which the right to Delete it is needed"
                                                       : "group %s cannot be deleted", group);
    }
    admin_call_close(&call);
    rd_kafka_DeleteGroup_destroy(request);
    return status;
}

/* ---- members ---- */

static bool owns_partition_0(const rd_kafka_MemberDescription_t *native)
{
    const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(native);
    const rd_kafka_topic_partition_list_t *list =
        assignment != NULL ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        if (list->elems[i].partition == 0)
            return true;
    }
    return false;
}

static bool member_fill(struct admin_member *member, const rd_kafka_MemberDescription_t *native)
{
    const char *instance_id = rd_kafka_MemberDescription_group_instance_id(native);
    member->member_id = mem_strdup(rd_kafka_MemberDescription_consumer_id(native));
    member->client_id = mem_strdup(rd_kafka_MemberDescription_client_id(native));
    member->host = mem_strdup(rd_kafka_MemberDescription_host(native));
    member->instance_id = mem_strdup(instance_id);
    member->owns_partition_0 = owns_partition_0(native);
    return member->member_id != NULL && member->client_id != NULL && member->host != NULL &&
           (instance_id == NULL || member->instance_id != NULL);
}

/* librdkafka does not tell the type; the JVM worker's protocols are called so. */
static const char *protocol_type_of(const char *assignor, size_t member_count)
{
    static const char *const connect[] = {"eager", "compatible", "sessioned", "default"};
    for (size_t i = 0; assignor != NULL && i < sizeof connect / sizeof *connect; i++) {
        if (strcmp(assignor, connect[i]) == 0)
            return "connect";
    }
    return member_count > 0 ? "consumer" : "";
}

/* Java's names of the states. */
static const char *state_of(rd_kafka_consumer_group_state_t state)
{
    switch (state) {
    case RD_KAFKA_CONSUMER_GROUP_STATE_PREPARING_REBALANCE:
        return "PreparingRebalance";
    case RD_KAFKA_CONSUMER_GROUP_STATE_COMPLETING_REBALANCE:
        return "CompletingRebalance";
    case RD_KAFKA_CONSUMER_GROUP_STATE_STABLE:
        return "Stable";
    case RD_KAFKA_CONSUMER_GROUP_STATE_DEAD:
        return "Dead";
    case RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY:
        return "Empty";
    default:
        return "Unknown";
    }
}

static int group_fill(struct admin_group *described, const rd_kafka_ConsumerGroupDescription_t *native,
                      struct mr_error **error)
{
    size_t count = rd_kafka_ConsumerGroupDescription_member_count(native);
    bool ok = true;
    described->state = mem_strdup(state_of(rd_kafka_ConsumerGroupDescription_state(native)));
    described->protocol_type =
        mem_strdup(protocol_type_of(rd_kafka_ConsumerGroupDescription_partition_assignor(native), count));
    described->members = mem_calloc(count + 1, sizeof *described->members);
    ok = described->state != NULL && described->protocol_type != NULL && described->members != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        ok = member_fill(&described->members[i], rd_kafka_ConsumerGroupDescription_member(native, i));
        described->member_count++;
    }
    return ok ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the description of a group");
}

/* Newer brokers do not describe a group of JVM workers; their words tell the type: "… is not a consumer group (connect)". */
static int describe_foreign(struct admin_group *described, struct mr_error **error)
{
    described->state = mem_strdup("Unknown");
    described->protocol_type = mem_strdup("connect");
    return described->state != NULL && described->protocol_type != NULL
               ? 0
               : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the description of a group");
}

static int describe_result(const struct admin_call *call, const char *group, struct admin_group *described,
                           struct mr_error **error)
{
    size_t count;
    const rd_kafka_ConsumerGroupDescription_t **groups = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(call->event), &count);
    if (count != 1)
        return mr_error_set(error, MR_ERR_CONNECT, "group %s: the brokers gave no answer", group);
    const rd_kafka_error_t *native = rd_kafka_ConsumerGroupDescription_error(groups[0]);
    if (native != NULL && strstr(rd_kafka_error_string(native), "(connect)") != NULL)
        return describe_foreign(described, error);
    if (native != NULL)
        return mr_error_set(error, native_error_code(rd_kafka_error_code(native)), "group %s: %s", group,
                            rd_kafka_error_string(native));
    return group_fill(described, groups[0], error);
}

int admin_describe_group(struct admin *admin, const char *group, struct admin_group *described, int64_t deadline_ms,
                         struct mr_error **error)
{
    struct admin_call call;
    *described = (struct admin_group){0};
    admin_call_open(&call, admin, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, deadline_ms);
    rd_kafka_DescribeConsumerGroups(admin->rk, &group, 1, call.options, call.queue);
    int status = admin_call_wait(&call, group, error);
    if (status == 0)
        status = describe_result(&call, group, described, error);
    if (status != 0)
        admin_group_release(described);
    admin_call_close(&call);
    return status;
}

int admin_count_members(struct admin *admin, const char *group, size_t *count, int64_t deadline_ms, struct mr_error **error)
{
    const struct rd_kafka_group_list *list = NULL;
    int64_t left_ms = deadline_ms - clock_monotonic_ms(NULL);
    rd_kafka_resp_err_t code =
        rd_kafka_list_groups(admin->rk, group, &list, left_ms <= 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
    *count = 0;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_error_set(error, native_error_code(code), "group %s: who is in it is not known: %s", group, rd_kafka_err2str(code));
    for (int i = 0; i < list->group_cnt; i++)
        *count += (size_t)list->groups[i].member_cnt;
    rd_kafka_group_list_destroy(list);
    return 0;
}

void admin_group_release(struct admin_group *group)
{
    for (size_t i = 0; i < group->member_count; i++) {
        mem_free(group->members[i].member_id);
        mem_free(group->members[i].client_id);
        mem_free(group->members[i].host);
        mem_free(group->members[i].instance_id);
    }
    mem_free(group->members);
    mem_free(group->state);
    mem_free(group->protocol_type);
    *group = (struct admin_group){0};
}
