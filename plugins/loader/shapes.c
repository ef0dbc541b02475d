#include <stddef.h>
#include <string.h>

#include <millrace/config_provider.h>
#include <millrace/connector.h>
#include <millrace/converter.h>
#include <millrace/override_policy.h>
#include <millrace/predicate.h>
#include <millrace/rest_extension.h>
#include <millrace/sink_task.h>
#include <millrace/source_task.h>
#include <millrace/transform.h>

#include "loader/loader_internal.h"

#include "base/bans.h"

enum { REST_PREFIX_MAX = 128 };

/* What a table must hold. Pointers all, to functions, to text or to a further table. */
struct member {
    const char *name;   /* NULL ends the list */
    size_t offset;
};

struct shape {
    const char *name;
    size_t size;                 /* of this worker's table */
    const struct member *needed;
    const struct shape *task;    /* of connectors */
    size_t task_offset;
};

#define NEEDS(type, member) { #member, offsetof(struct type, member) }

static const struct member source_task_needs[] = {
    NEEDS(mr_source_task_ops, create),  NEEDS(mr_source_task_ops, start), NEEDS(mr_source_task_ops, poll),
    NEEDS(mr_source_task_ops, stop),    NEEDS(mr_source_task_ops, destroy), { NULL, 0 },
};
static const struct shape source_task_shape = { "struct mr_source_task_ops", sizeof(struct mr_source_task_ops),
                                                source_task_needs, NULL, 0 };

static const struct member sink_task_needs[] = {
    NEEDS(mr_sink_task_ops, create), NEEDS(mr_sink_task_ops, start),   NEEDS(mr_sink_task_ops, put),
    NEEDS(mr_sink_task_ops, stop),   NEEDS(mr_sink_task_ops, destroy), { NULL, 0 },
};
static const struct shape sink_task_shape = { "struct mr_sink_task_ops", sizeof(struct mr_sink_task_ops),
                                              sink_task_needs, NULL, 0 };

#define CONNECTOR_NEEDS(type) \
    NEEDS(type, task_class_name), NEEDS(type, create), NEEDS(type, start), NEEDS(type, task_configs), \
    NEEDS(type, stop), NEEDS(type, destroy), NEEDS(type, task), { NULL, 0 }
static const struct member source_connector_needs[] = { CONNECTOR_NEEDS(mr_source_connector_ops) };
static const struct member sink_connector_needs[] = { CONNECTOR_NEEDS(mr_sink_connector_ops) };

static const struct member transform_needs[] = {
    NEEDS(mr_transform_ops, create), NEEDS(mr_transform_ops, apply), NEEDS(mr_transform_ops, destroy), { NULL, 0 },
};
static const struct member predicate_needs[] = {
    NEEDS(mr_predicate_ops, create), NEEDS(mr_predicate_ops, test), NEEDS(mr_predicate_ops, destroy), { NULL, 0 },
};
static const struct member converter_needs[] = {
    NEEDS(mr_converter_ops, create), NEEDS(mr_converter_ops, from_connect), NEEDS(mr_converter_ops, to_connect),
    NEEDS(mr_converter_ops, destroy), { NULL, 0 },
};
static const struct member config_provider_needs[] = {
    NEEDS(mr_config_provider_ops, create), NEEDS(mr_config_provider_ops, get), NEEDS(mr_config_provider_ops, destroy),
    { NULL, 0 },
};
static const struct member override_policy_needs[] = {
    NEEDS(mr_override_policy_ops, create), NEEDS(mr_override_policy_ops, check),
    NEEDS(mr_override_policy_ops, destroy), { NULL, 0 },
};
static const struct member rest_extension_needs[] = {
    NEEDS(mr_rest_extension_ops, create), NEEDS(mr_rest_extension_ops, destroy), { NULL, 0 },
};

#define SHAPE(type, needs) { "struct " #type, sizeof(struct type), needs, NULL, 0 }
static const struct shape shapes[] = {
    [MR_PLUGIN_SINK] = { "struct mr_sink_connector_ops", sizeof(struct mr_sink_connector_ops), sink_connector_needs,
                         &sink_task_shape, offsetof(struct mr_sink_connector_ops, task) },
    [MR_PLUGIN_SOURCE] = { "struct mr_source_connector_ops", sizeof(struct mr_source_connector_ops),
                           source_connector_needs, &source_task_shape, offsetof(struct mr_source_connector_ops, task) },
    [MR_PLUGIN_TRANSFORM] = SHAPE(mr_transform_ops, transform_needs),
    [MR_PLUGIN_PREDICATE] = SHAPE(mr_predicate_ops, predicate_needs),
    [MR_PLUGIN_CONVERTER] = SHAPE(mr_converter_ops, converter_needs),
    [MR_PLUGIN_HEADER_CONVERTER] = SHAPE(mr_converter_ops, converter_needs),
    [MR_PLUGIN_CONFIG_PROVIDER] = SHAPE(mr_config_provider_ops, config_provider_needs),
    [MR_PLUGIN_OVERRIDE_POLICY] = SHAPE(mr_override_policy_ops, override_policy_needs),
    [MR_PLUGIN_REST_EXTENSION] = SHAPE(mr_rest_extension_ops, rest_extension_needs),
};

static uint32_t table_size(const void *table)
{
    uint32_t size;
    memcpy(&size, table, sizeof(size));
    return size;
}

/* The pointer at an offset, NULL past the table's own end. Function pointers are pointers here, as dlsym needs it too. */
static const void *member_at(const void *table, size_t offset)
{
    const void *member;
    if (offset + sizeof(member) > table_size(table))
        return NULL;
    memcpy(&member, (const char *)table + offset, sizeof(member));
    return member;
}

static bool shape_check(const struct shape *shape, const void *table, struct why *why)
{
    if (!table_check(table, shape->size, shape->name, why))
        return false;
    for (const struct member *member = shape->needed; member->name != NULL; member++) {
        if (member_at(table, member->offset) == NULL)
            return refuse(why, "%s lacks `%s`", shape->name, member->name);
    }
    return shape->task == NULL || shape_check(shape->task, member_at(table, shape->task_offset), why);
}

static bool task_class_check(const void *ops, struct why *why)
{
    const char *name = member_at(ops, offsetof(struct mr_source_connector_ops, task_class_name));
    _Static_assert(offsetof(struct mr_source_connector_ops, task_class_name) ==
                       offsetof(struct mr_sink_connector_ops, task_class_name),
                   "both connector tables begin with the same head");
    if (!probe_text(name, LOADER_WHY_MAX / 4) || name[0] == '\0')
        return refuse(why, "task_class_name is no text, or an empty one");
    return true;
}

/* A subscription that cannot be ended would call into a worker that has forgotten it. */
static bool subscriptions_check(const void *ops, struct why *why)
{
    if (member_at(ops, offsetof(struct mr_config_provider_ops, subscribe)) != NULL &&
        member_at(ops, offsetof(struct mr_config_provider_ops, unsubscribe)) == NULL)
        return refuse(why, "struct mr_config_provider_ops has `subscribe` and lacks `unsubscribe`");
    return true;
}

static bool is_prefix(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return probe_text(text, REST_PREFIX_MAX) && text[0] == '/' && text[1] != '\0' && text[1] != '.' &&
           text[1 + strspn(text + 1, allowed)] == '\0';
}

/* What nobody could reach, or what would do nothing, was meant otherwise. */
static bool rest_extension_check(const void *ops, struct why *why)
{
    const char *prefix = member_at(ops, offsetof(struct mr_rest_extension_ops, prefix));
    if (prefix != NULL && member_at(ops, offsetof(struct mr_rest_extension_ops, serve)) == NULL)
        return refuse(why, "struct mr_rest_extension_ops has a `prefix` and lacks `serve`");
    if (prefix == NULL && member_at(ops, offsetof(struct mr_rest_extension_ops, filter)) == NULL)
        return refuse(why, "struct mr_rest_extension_ops has neither `filter` nor `prefix` and `serve`");
    if (prefix != NULL && !is_prefix(prefix))
        return refuse(why, "its prefix is not \"/\" and one segment of letters, digits, '.', '_' and '-'");
    return true;
}

bool ops_check(enum mr_plugin_kind kind, const void *ops, struct why *why)
{
    if (!shape_check(&shapes[kind], ops, why))
        return false;
    if (shapes[kind].task != NULL)
        return task_class_check(ops, why);
    if (kind == MR_PLUGIN_REST_EXTENSION)
        return rest_extension_check(ops, why);
    return kind != MR_PLUGIN_CONFIG_PROVIDER || subscriptions_check(ops, why);
}

static void *shape_copy(struct loader *loader, const struct shape *shape, const void *table)
{
    char *copy = loader_block(loader, shape->size);
    if (copy == NULL)
        return NULL;
    memcpy(copy, table, table_size(table));
    uint32_t size = (uint32_t)shape->size;
    memcpy(copy, &size, sizeof(size));
    if (shape->task != NULL) {
        const void *task = shape_copy(loader, shape->task, member_at(table, shape->task_offset));
        memcpy(copy + shape->task_offset, &task, sizeof(task));
    }
    return copy;
}

const void *ops_copy(struct loader *loader, enum mr_plugin_kind kind, const void *ops)
{
    return shape_copy(loader, &shapes[kind], ops);
}
