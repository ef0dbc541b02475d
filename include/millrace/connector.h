/* connector.h: a connector decides what its tasks do; it moves no records itself.
 *
 * Life: create → start ⇄ stop → destroy. A paused connector is stopped and later started again on the same object, as in
 * Kafka Connect; one that is paused from the beginning is created only. A start that failed is followed by destroy alone:
 * it ends what it has begun by itself. task_configs comes while it is started, first after start and again whenever it asked
 * for it or tasks.max changed. All calls of one instance come one at a time, on job threads with
 * deadlines: a call that hangs fails the connector and costs a thread, nobody else waits for it. Calls without an instance
 * (validate, alter_offsets, the questions about exactly-once) may come at any time, several at once.
 *
 * A task is configured by what task_configs gave for it, parsed by the rows of the connector: one table of options serves
 * both. stop and destroy cannot fail; trouble there is for the log, or for mr_connector_context_raise_error.
 *
 * Source and sink connectors differ in the task table and in a few questions, hence two tables with a common head.
 */
#ifndef MILLRACE_CONNECTOR_H
#define MILLRACE_CONNECTOR_H

#include <millrace/config_def.h>
#include <millrace/host.h>
#include <millrace/value.h>

MR_BEGIN_DECLS

struct mr_source_task_ops;
struct mr_sink_task_ops;

/* What a connector may ask of the worker; valid from create until destroy. Thread: any. */
struct mr_connector_context;
MR_EXPORT const char *mr_connector_context_name(const struct mr_connector_context *context);
/* The set of tasks should be computed anew: the input has changed. Many requests fold into one. */
MR_EXPORT void mr_connector_context_request_task_reconfiguration(struct mr_connector_context *context);
/* Fails the connector from a thread of its own; `error` is copied and stays the caller's. Its tasks go on. */
MR_EXPORT void mr_connector_context_raise_error(struct mr_connector_context *context, const struct mr_error *error);
MR_EXPORT struct mr_metrics *mr_connector_context_metrics(struct mr_connector_context *context);

/* Collects task configurations: one _add per task, then pairs (copied; a name put again is replaced). -1: no memory, a name
 * or text of NULL (one that could not be made), a pair before the first _add, too many tasks; task_configs then fails, also
 * when it returns 0. */
struct mr_task_configs;
MR_EXPORT int mr_task_configs_add(struct mr_task_configs *configs) MR_MUST_USE;
MR_EXPORT int mr_task_configs_put(struct mr_task_configs *configs, const char *name, const char *text) MR_MUST_USE;
/* An option that is there and null, as a user may submit it in JSON. */
MR_EXPORT int mr_task_configs_put_null(struct mr_task_configs *configs, const char *name) MR_MUST_USE;
/* Adds one task with everything the connector was given. */
MR_EXPORT int mr_task_configs_add_copy(struct mr_task_configs *configs, const struct mr_config *config) MR_MUST_USE;

/* Collects findings of validate(): many per option; `option` NULL is about the whole. A finding is no failure: validate
 * returns 0 with findings, -1 when it could not check. -1 here: no memory, or more than 10,000 findings; validate then
 * counts as failed, whatever it returns. Messages are cut at 8 KiB. */
struct mr_config_report;
MR_EXPORT int mr_config_report_error(struct mr_config_report *report, const char *option, const char *format, ...)
    MR_PRINTF(3, 4);

/* Offsets a user wants to set (KIP-875): pairs of maps; an offset of kind null removes the partition. Those of a sink are
 * {"kafka_topic", "kafka_partition"} and {"kafka_offset"}. NULL past the end. Valid during the call. */
struct mr_offset_changes;
MR_EXPORT size_t mr_offset_changes_count(const struct mr_offset_changes *changes);
MR_EXPORT const struct mr_value *mr_offset_changes_partition(const struct mr_offset_changes *changes, size_t index);
MR_EXPORT const struct mr_value *mr_offset_changes_offset(const struct mr_offset_changes *changes, size_t index);

enum mr_support { MR_SUPPORT_UNKNOWN = 0, MR_SUPPORTED = 1, MR_UNSUPPORTED = 2 };

/* The head that both tables share. `self` is what create returned. It cannot grow: what both get in a later minor version
 * stands at the end of each. */
#define MR_CONNECTOR_HEAD                                                                                              \
    uint32_t size;                                                                                                     \
    /* The value of task.class in stored task configurations: the Java class where there is one. */                    \
    const char *task_class_name;                                                                                       \
    void *(*create)(struct mr_connector_context * context, struct mr_error * *error);                                  \
    int (*start)(void *self, const struct mr_config *config, struct mr_error **error);                                 \
    /* At most tasks_max entries; none is fine. */                                                                     \
    int (*task_configs)(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error);     \
    void (*stop)(void *self);                                                                                          \
    void (*destroy)(void *self);                                                                                       \
    /* Beyond what the rows check. No instance exists. NULL: nothing more to check. */                                 \
    int (*validate)(const struct mr_config *config, struct mr_config_report *report, struct mr_error **error);         \
    /* No instance is started. *handled = true: the connector has dealt with or checked the change itself; an error \
	 * refuses it. NULL: only the worker's own offsets change. */  \
    int (*alter_offsets)(const struct mr_config *config, const struct mr_offset_changes *changes, bool *handled,       \
                         struct mr_error **error);

struct mr_source_connector_ops {
    MR_CONNECTOR_HEAD
    const struct mr_source_task_ops *task;
    /* KIP-618. NULL: unknown, which counts as unsupported where it is required. */
    enum mr_support (*exactly_once_support)(const struct mr_config *config);
    enum mr_support (*can_define_transaction_boundaries)(const struct mr_config *config);
};

struct mr_sink_connector_ops {
    MR_CONNECTOR_HEAD
    const struct mr_sink_task_ops *task;
};

MR_END_DECLS
#endif
