/*
 * collect: the worker's side of the objects that a plugin fills or reads through opaque pointers.
 *
 * Heap objects end with _destroy (NULL is fine); all are owned by one thread at a time. An append that fails returns -1
 * to the plugin and is remembered: the worker asks _failed() after the call, so that a plugin which overlooks the -1
 * loses nothing silently.
 */
#ifndef SDK_COLLECT_H
#define SDK_COLLECT_H

#include "sdk/inside.h"

#include <millrace/config_provider.h>
#include <millrace/connector.h>
#include <millrace/sink_task.h>
#include <millrace/transform.h>

struct string_map;

/* Texts ---------------------------------------------------------------------------------------------------- */

#define TEXT_LIST_MAX 100000

MR_EXPORT struct mr_text_list *text_list_create(void);
MR_EXPORT void text_list_destroy(struct mr_text_list *list);
MR_EXPORT size_t text_list_count(const struct mr_text_list *list);
MR_EXPORT const char *text_list_at(const struct mr_text_list *list, size_t index);
MR_EXPORT bool text_list_failed(const struct mr_text_list *list);

/* Task configurations -------------------------------------------------------------------------------------- */

#define TASK_CONFIGS_MAX 100000 /* tasks of one connector; tasks.max is the herder's to enforce */

MR_EXPORT struct mr_task_configs *task_configs_create(void);
MR_EXPORT void task_configs_destroy(struct mr_task_configs *configs);
MR_EXPORT size_t task_configs_count(const struct mr_task_configs *configs);
MR_EXPORT const struct string_map *task_configs_at(const struct mr_task_configs *configs, size_t index);
/* The map is the caller's now; its place holds NULL. */
MR_EXPORT struct string_map *task_configs_take_at(struct mr_task_configs *configs, size_t index);
/* 0: all is there. -1 and words: memory was short, too many tasks, or a pair came before its task. */
MR_EXPORT int task_configs_check(const struct mr_task_configs *configs, struct mr_error **error);

/* Findings: (option, message) in the order of finding, several per option ---------------------------------- */

#define CONFIG_REPORT_MAX 10000 /* findings; further ones are counted as failed */
#define CONFIG_MESSAGE_MAX 8192 /* bytes of one message; longer ones are cut at a character */

MR_EXPORT struct mr_config_report *config_report_create(void);
MR_EXPORT void config_report_destroy(struct mr_config_report *report);
/* As mr_config_report_error, without a format. `option` may be NULL: about the whole. */
MR_EXPORT int config_report_add(struct mr_config_report *report, const char *option, const char *message) MR_MUST_USE;
/* Copies all findings of another; `prefix` (NULL: none) goes before their option names. */
MR_EXPORT int config_report_add_all(struct mr_config_report *report, const struct mr_config_report *other,
                                    const char *prefix) MR_MUST_USE;
MR_EXPORT size_t config_report_count(const struct mr_config_report *report);
MR_EXPORT const char *config_report_option(const struct mr_config_report *report, size_t index); /* NULL: the whole */
MR_EXPORT const char *config_report_message(const struct mr_config_report *report, size_t index);
MR_EXPORT size_t config_report_count_of(const struct mr_config_report *report, const char *option);
MR_EXPORT bool config_report_failed(const struct mr_config_report *report);

/* Offsets a user wants to set ------------------------------------------------------------------------------ */

/* References the values: they outlive the object. An `offset` of NULL or of kind null removes the partition. */
MR_EXPORT struct mr_offset_changes *offset_changes_create(void);
MR_EXPORT void offset_changes_destroy(struct mr_offset_changes *changes);
MR_EXPORT int offset_changes_add(struct mr_offset_changes *changes, const struct mr_value *partition,
                                 const struct mr_value *offset) MR_MUST_USE;

/* Offsets of a sink task ----------------------------------------------------------------------------------- */

/*
 * Topic partitions with offsets; get, put and remove by hash. Reused from commit to commit: after warm-up nothing is
 * allocated. Removing moves the last entry into the hole. A topic's text lives until the object is destroyed or
 * cleared while it holds more than OFFSETS_TOPICS_KEPT names.
 */
#define OFFSETS_MAX 1000000 /* entries */
#define OFFSETS_TOPICS_KEPT 1000
MR_EXPORT struct mr_offsets *offsets_create(void);
MR_EXPORT void offsets_destroy(struct mr_offsets *offsets);
MR_EXPORT int offsets_put_all(struct mr_offsets *offsets, const struct mr_offsets *other) MR_MUST_USE;
MR_EXPORT bool offsets_has(const struct mr_offsets *offsets, const char *topic, int32_t partition);
/* Did a put fail since the last clear? */
MR_EXPORT bool offsets_failed(const struct mr_offsets *offsets);

/* A config provider's answer ------------------------------------------------------------------------------- */

#define CONFIG_DATA_MAX 100000 /* keys */

MR_EXPORT struct mr_config_data *config_data_create(void);
MR_EXPORT void config_data_destroy(struct mr_config_data *data); /* overwrites the values: they are secrets */
MR_EXPORT size_t config_data_count(const struct mr_config_data *data);
MR_EXPORT const char *config_data_get(const struct mr_config_data *data, const char *key); /* NULL: absent */
MR_EXPORT const char *config_data_key(const struct mr_config_data *data, size_t index);
MR_EXPORT const char *config_data_value(const struct mr_config_data *data, size_t index);
MR_EXPORT int64_t config_data_ttl_ms(const struct mr_config_data *data); /* the shortest said, or MR_TTL_NONE */
MR_EXPORT bool config_data_failed(const struct mr_config_data *data);

/* What a transform emits ----------------------------------------------------------------------------------- */

/*
 * Embedded in a chain and cleared for each record: allocates only when it has to grow. Records are borrowed from their
 * batch. Read `records` and `count` directly; ask emitter_check first, which is one compare.
 */
#define EMITTER_KEEP_MAX 4096 /* room kept over a clear */

enum emitter_failure { EMITTER_FINE = 0, EMITTER_TOO_MANY, EMITTER_NO_MEMORY, EMITTER_NO_RECORD };

struct mr_emitter {
    struct mr_record **records;
    size_t count, capacity;
    enum emitter_failure failure; /* of the first refused emit */
};

MR_EXPORT void emitter_init(struct mr_emitter *emitter); /* allocates nothing */
MR_EXPORT void emitter_release(struct mr_emitter *emitter);
MR_EXPORT void emitter_shrink(struct mr_emitter *emitter);
MR_EXPORT int emitter_failed(const struct mr_emitter *emitter, struct mr_error **error); /* fills, returns -1 */

static inline void emitter_clear(struct mr_emitter *emitter)
{
    emitter->count = 0;
    emitter->failure = EMITTER_FINE;
    if (__builtin_expect(emitter->capacity > EMITTER_KEEP_MAX, 0))
        emitter_shrink(emitter);
}

/* 0: every emit was taken. */
static inline int emitter_check(const struct mr_emitter *emitter, struct mr_error **error)
{
    return __builtin_expect(emitter->failure == EMITTER_FINE, 1) ? 0 : emitter_failed(emitter, error);
}

#endif
