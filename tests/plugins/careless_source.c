/* A source that makes mistakes of the kind its option says and overlooks every answer; its first record is a good one. */
#include <string.h>

#include "one_connector.h"

static const char *const kinds[] = {"no-topic",      "no-value",      "no-header",      "wrong-kind", "silent",
                                    "error-and-success", "endless",   "negative-time",  "odd-partition",
                                    "no-source",     "null-source",   "bad-source", NULL};
static const struct mr_config_row rows[] = {
    {.name = "mistake", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .importance = MR_HIGH, .doc = "Which.",
     .validator = mr_check_one_of, .validator_argument = kinds},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct task {
    const char *mistake;
    int polls;
};

static void *create(struct mr_source_context *context, struct mr_error **error)
{
    (void)context, (void)error;
    return calloc(1, sizeof(struct task));
}

static int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)error;
    ((struct task *)self)->mistake = mr_config_string(config, "mistake");
    return 0;
}

static struct mr_record *append(struct mr_batch *batch, int64_t number)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_value *partition = mr_map_create(arena, 1), *offset = mr_map_create(arena, 1);

    if (record == NULL || partition == NULL || offset == NULL ||
        mr_map_put_text(arena, partition, "p", mr_int64(arena, 0)) != 0 ||
        mr_map_put_text(arena, offset, "o", mr_int64(arena, number)) != 0 ||
        mr_record_set_value(record, NULL, mr_string(arena, "good")) != 0 ||
        mr_record_set_topic_ref(record, "careless") != 0 || mr_record_set_source(record, partition, offset) != 0)
        return NULL;
    return record;
}

static void spoil(const char *mistake, struct mr_record *record)
{
    struct mr_arena *arena = mr_record_arena(record);
    int ignored = 0;

    if (strcmp(mistake, "no-topic") == 0)
        ignored = mr_record_set_topic_ref(record, NULL);
    else if (strcmp(mistake, "no-value") == 0)
        ignored = mr_record_set_value(record, NULL, mr_string_copy(arena, "x", SIZE_MAX / 2));
    else if (strcmp(mistake, "no-header") == 0)
        ignored = mr_record_add_header(record, "h", NULL, NULL);
    else if (strcmp(mistake, "wrong-kind") == 0)
        ignored = mr_record_set_value(record, mr_schema_primitive(MR_TYPE_INT32, false), mr_string(arena, "text"));
    else if (strcmp(mistake, "negative-time") == 0)
        mr_record_set_timestamp_ms(record, -5000);
    else if (strcmp(mistake, "odd-partition") == 0)
        mr_record_set_partition(record, INT32_MIN);
    else if (strcmp(mistake, "no-source") == 0)
        ignored = mr_record_set_source(record, mr_map_create(arena, 1), mr_map_create(arena, SIZE_MAX));
    else if (strcmp(mistake, "null-source") == 0) /* no mistake: a record without an offset */
        ignored = mr_record_set_source(record, mr_null(), mr_null());
    else if (strcmp(mistake, "bad-source") == 0)
        ignored = mr_record_set_source(record, mr_int32(arena, 5), mr_boolean(true));
    (void)ignored;
}

static int poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;
    struct mr_record *record = append(batch, ++task->polls);

    if (record == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
    if (task->polls == 1)
        return 0;
    if (strcmp(task->mistake, "silent") == 0)
        return -1;
    if (strcmp(task->mistake, "error-and-success") == 0) {
        mr_error_set(error, MR_ERR_CONNECT, "said, but not meant");
        return 0;
    }
    if (strcmp(task->mistake, "endless") == 0)
        while (append(batch, task->polls) != NULL)
            ;
    spoil(task->mistake, record);
    return 0;
}

static void stop(void *self)
{
    (void)self;
}

static const struct mr_source_task_ops task_ops = {
    .size = sizeof(task_ops), .create = create, .start = start, .poll = poll, .stop = stop, .destroy = free};

SOURCE_CONNECTOR("org.acme.CarelessSourceConnector", "careless_source", options, task_ops)
