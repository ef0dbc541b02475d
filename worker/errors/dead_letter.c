#include "errors/dead_letter.h"

#include <millrace/error.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "kafka/admin.h"

#include "base/bans.h"

static int failed(const char *topic, struct mr_error **error)
{
    mr_error_set(error, MR_ERR_CONNECT, "the topic could not be created");
    return mr_error_wrap(error, "Could not initialize dead letter queue with topic=%s", topic);
}

static int make_sure(struct admin *admin, const char *topic, int16_t replication_factor, int64_t deadline_ms,
                     struct mr_error **error)
{
    int32_t partitions = 0;
    if (admin_partition_count(admin, topic, &partitions, deadline_ms, error) < 0)
        return failed(topic, error);
    if (partitions > 0)
        return 0;
    log_info("errors", "dead letter topic %s does not exist and will be created", topic);
    const struct admin_new_topic wanted = { .name = topic, .partitions = 1, .replication_factor = replication_factor };
    enum admin_created created = admin_create_topic(admin, &wanted, deadline_ms, error);
    if (created == ADMIN_CREATED || created == ADMIN_EXISTED)
        return 0;
    mr_error_set(error, MR_ERR_CONNECT, "the brokers do not create it"); /* unless it says another reason */
    mr_error_wrap(error, "replication factor %d (errors.deadletterqueue.topic.replication.factor)", replication_factor);
    return failed(topic, error);
}

int dead_letter_prepare(struct admin *admin, const char *topic, int16_t replication_factor, int64_t deadline_ms,
                        struct mr_error **error)
{
    static const char blanks[] = " \t\r\n\f\v";
    const char *start = topic == NULL ? "" : topic + strspn(topic, blanks);
    size_t size = strlen(start);
    while (size > 0 && strchr(blanks, start[size - 1]) != NULL)
        size--;
    if (size == 0)
        return 0;
    char *name = mem_strndup(start, size);
    if (name == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the name of a topic");
    int result = make_sure(admin, name, replication_factor, deadline_ms, error);
    mem_free(name);
    return result;
}
