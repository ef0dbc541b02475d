/* internal_topics.c: create, then check. */
#include "kafka/internal_topics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "kafka/admin.h"

#include "base/bans.h"

#define LOGGER "kafka.internal_topics"
#define AWAIT_MAX_MS 30000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 1000
#define SEGMENT_BYTES "16777216"
#define REMIND_EVERY_MS 10000   /* as long as the topic is not there */

static const struct kind {
    const char *prefix;
    const char *property;
    const char *what;
    int32_t partitions;   /* default */
    bool one_partition;   /* and no other number will do */
} kinds[INTERNAL_TOPIC_COUNT] = {
    [INTERNAL_TOPIC_OFFSET] = {"offset.storage.", "offset.storage.topic", "source connector offsets", 25, false},
    [INTERNAL_TOPIC_STATUS] = {"status.storage.", "status.storage.topic", "connector and task statuses", 5, false},
    [INTERNAL_TOPIC_CONFIG] = {"config.storage.", "config.storage.topic", "connector configurations", 1, true},
};

struct wish {
    const struct kind *kind;
    struct admin_new_topic topic;
    struct string_map *configs;
    bool may_forget; /* without compaction it is warned of, and used */
};

const char *internal_topic_property(enum internal_topic kind)
{
    return kinds[kind].property;
}

static void pause_ms(int64_t *backoff_ms, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - clock_monotonic_ms(NULL);
    int64_t span_ms = *backoff_ms < left_ms ? *backoff_ms : left_ms;
    if (span_ms > 0)
        nanosleep(&(struct timespec){.tv_sec = span_ms / 1000, .tv_nsec = span_ms % 1000 * 1000000}, NULL);
    *backoff_ms = *backoff_ms * 2 < BACKOFF_MAX_MS ? *backoff_ms * 2 : BACKOFF_MAX_MS;
}

/* ---- what the user wants ---- */

static int number_of(const struct string_map *settings, const struct kind *kind, const char *name, int32_t otherwise,
                     int32_t *number, struct mr_error **error)
{
    const char *text = string_map_get(settings, name);
    char *end;
    long parsed = text != NULL ? strtol(text, &end, 10) : otherwise;
    if (text != NULL && (end == text || *end != '\0' || (parsed < 1 && parsed != -1) || parsed > INT16_MAX))
        return mr_error_set(error, MR_ERR_CONFIG, "%s%s is '%s'; it must be a number above 0, or -1 for the broker's "
                            "default", kind->prefix, name, text);
    *number = (int32_t)parsed;
    return 0;
}

static bool is_own_setting(const char *name)
{
    return strcmp(name, "topic") == 0 || strcmp(name, "partitions") == 0 || strcmp(name, "replication.factor") == 0 ||
           strcmp(name, "cleanup.policy") == 0;
}

static bool wish_configs(struct wish *wish, const struct string_map *settings)
{
    bool ok = string_map_put(wish->configs, "cleanup.policy", "compact") &&
              string_map_put(wish->configs, "segment.bytes", SEGMENT_BYTES);
    for (size_t i = 0; ok && i < string_map_count(settings); i++) {
        const char *name = string_map_key(settings, i);
        const char *value = string_map_value(settings, i);
        if (!is_own_setting(name) && value != NULL)
            ok = string_map_put(wish->configs, name, value);
    }
    return ok;
}

static int wish_numbers(struct wish *wish, const struct string_map *settings, struct mr_error **error)
{
    const struct kind *kind = wish->kind;
    if (string_map_has(settings, "cleanup.policy"))
        log_warn(LOGGER, "%scleanup.policy is ignored: the topic must be compacted", kind->prefix);
    if (kind->one_partition && string_map_has(settings, "partitions"))
        log_warn(LOGGER, "%spartitions is ignored: the topic must have one partition", kind->prefix);
    if (number_of(settings, kind, "replication.factor", 3, &wish->topic.replication_factor, error) != 0)
        return -1;
    wish->topic.partitions = 1;
    return kind->one_partition ? 0
                               : number_of(settings, kind, "partitions", kind->partitions, &wish->topic.partitions, error);
}

static int wish_init(struct wish *wish, const struct kind *kind, const struct string_map *worker, struct mr_error **error)
{
    struct string_map *settings = string_map_with_prefix(worker, kind->prefix);
    const char *name = string_map_get(worker, kind->property);
    *wish = (struct wish){.kind = kind, .configs = string_map_create()};
    const char *compaction = string_map_get(worker, "millrace.internal.topics.compaction");
    wish->topic.name = name;
    wish->topic.configs = wish->configs;
    wish->may_forget = compaction != NULL && strcasecmp(compaction, "warn") == 0;
    int status;
    if (settings == NULL || wish->configs == NULL || !wish_configs(wish, settings))
        status = mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the settings of an internal topic");
    else if (name == NULL || *name == '\0')
        status = mr_error_set(error, MR_ERR_CONFIG, "%s is missing: name the topic for %s", kind->property, kind->what);
    else
        status = wish_numbers(wish, settings, error);
    string_map_destroy(settings);
    if (status != 0)
        string_map_destroy(wish->configs);
    return status;
}

/* ---- existence ---- */

/* The worker does not run before the topic is there: whoever looks at its log must find why, and what to do. */
static void remind(const struct wish *wish, const struct mr_error *why, const char *remedy, int64_t *remind_at_ms)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    if (why == NULL || now_ms < *remind_at_ms)
        return;
    *remind_at_ms = now_ms + REMIND_EVERY_MS;
    log_warn(LOGGER, "%s (%s); waiting for it: %s", mr_error_message(why), wish->kind->property, remedy);
}

/* Where it could not be created here (why_not; else NULL), somebody else may have done it, or do it. */
static int await_topic(struct admin *admin, const struct wish *wish, const struct mr_error *why_not, int64_t deadline_ms,
                       struct mr_error **error)
{
    int64_t backoff_ms = BACKOFF_MIN_MS, until_ms = deadline_after_ms(AWAIT_MAX_MS), remind_at_ms = 0;
    until_ms = deadline_ms < until_ms ? deadline_ms : until_ms;
    for (;;) {
        int32_t partitions = 0;
        remind(wish, why_not, "create it with cleanup.policy=compact, or allow this worker to", &remind_at_ms);
        struct mr_error *own = NULL;
        int status = admin_partition_count(admin, wish->topic.name, &partitions, until_ms, &own);
        if (status == 0 && partitions > 0)
            return 0;
        bool again = status == 0 || mr_error_is_retriable(own) || mr_error_code(own) == MR_ERR_TIMEOUT;
        if (!again || clock_monotonic_ms(NULL) >= until_ms) {
            mr_error_set(error, MR_ERR_TIMEOUT, "topic %s (%s) does not exist and could not be created here%s%s; create "
                         "it with cleanup.policy=compact", wish->topic.name, wish->kind->property,
                         own != NULL ? ": " : "", own != NULL ? mr_error_message(own) : "");
            mr_error_clear(&own);
            return -1;
        }
        mr_error_clear(&own);
        pause_ms(&backoff_ms, until_ms);
    }
}

/* Brokers that are still coming up refuse a replication factor, or do not answer: that may change until the deadline. */
static enum admin_created create_patiently(struct admin *admin, const struct wish *wish, int64_t deadline_ms,
                                           struct mr_error **error)
{
    int64_t backoff_ms = BACKOFF_MIN_MS, remind_at_ms = 0;
    char remedy[160];
    snprintf(remedy, sizeof remedy, "start the brokers that are missing, or set %sreplication.factor to what they can hold",
             wish->kind->prefix);
    for (;;) {
        struct mr_error *own = NULL;
        enum admin_created created = admin_create_topic(admin, &wish->topic, deadline_ms, &own);
        bool again = created == ADMIN_INVALID_REPLICATION ||
                     (created == ADMIN_CREATE_FAILED &&
                      (mr_error_is_retriable(own) || mr_error_code(own) == MR_ERR_TIMEOUT));
        if (!again || clock_monotonic_ms(NULL) + backoff_ms + BACKOFF_MIN_MS >= deadline_ms) {
            if (own != NULL && error != NULL && *error == NULL)
                *error = own;
            else
                mr_error_drop(own);
            return created;
        }
        remind(wish, own, created == ADMIN_INVALID_REPLICATION ? remedy : "it is tried again", &remind_at_ms);
        mr_error_drop(own);
        pause_ms(&backoff_ms, deadline_ms);
    }
}

static bool is_there(struct admin *admin, const struct wish *wish, int64_t deadline_ms)
{
    int32_t partitions = 0;
    return admin_partition_count(admin, wish->topic.name, &partitions, deadline_ms, NULL) == 0 && partitions > 0;
}

static int create_or_find(struct admin *admin, const struct wish *wish, bool *existed, int64_t deadline_ms,
                          struct mr_error **error)
{
    *existed = true;
    if (is_there(admin, wish, deadline_ms))   /* the rule after the first start, and quicker than being told so */
        return 0;
    struct mr_error *own = NULL;
    enum admin_created created = create_patiently(admin, wish, deadline_ms, &own);
    int status = 0;
    *existed = created != ADMIN_CREATED;
    switch (created) {
    case ADMIN_CREATED:
        log_info(LOGGER, "topic %s created for %s (%" PRId32 " partitions)", wish->topic.name, wish->kind->what,
                 wish->topic.partitions);
        status = await_topic(admin, wish, NULL, deadline_ms, error);
        break;
    case ADMIN_EXISTED: /* another worker was quicker: not every broker knows the topic yet */
        status = await_topic(admin, wish, NULL, deadline_ms, error);
        break;
    case ADMIN_NOT_AUTHORISED:
    case ADMIN_UNSUPPORTED:
        status = await_topic(admin, wish, own, deadline_ms, error);
        break;
    case ADMIN_INVALID_REPLICATION:
        status = mr_error_set(error, MR_ERR_CONFIG, "%s; set %sreplication.factor to what the brokers can hold",
                              mr_error_message(own), wish->kind->prefix);
        break;
    case ADMIN_CREATE_FAILED:
        status = mr_error_set(error, mr_error_code(own), "%s (%s)", mr_error_message(own), wish->kind->property);
        break;
    }
    mr_error_clear(&own);
    return status;
}

/* ---- fitness ---- */

/* The broker that is asked may not know yet of a topic that was just created. */
static int read_policy(struct admin *admin, const struct wish *wish, char **policy, int64_t deadline_ms,
                       struct mr_error **error)
{
    int64_t backoff_ms = BACKOFF_MIN_MS, until_ms = deadline_after_ms(AWAIT_MAX_MS);
    until_ms = deadline_ms < until_ms ? deadline_ms : until_ms;
    for (;;) {
        struct mr_error *own = NULL;
        if (admin_topic_config(admin, wish->topic.name, "cleanup.policy", policy, deadline_ms, &own) == 0)
            return 0;
        bool again = mr_error_code(own) == MR_ERR_NOT_FOUND || mr_error_is_retriable(own);
        if (!again || clock_monotonic_ms(NULL) + backoff_ms >= until_ms) {
            int status = mr_error_set(error, mr_error_code(own), "%s (%s)", mr_error_message(own), wish->kind->property);
            mr_error_drop(own);
            return status;
        }
        mr_error_drop(own);
        pause_ms(&backoff_ms, until_ms);
    }
}

/* What becomes of its records, and what to do. `retention_ms` NULL: not known. */
static void say_unfit(const struct wish *wish, const char *policy, const char *retention_ms, char *words, size_t size)
{
    snprintf(words, size, "topic %s (%s) has cleanup.policy=%s, so Kafka deletes %s that are older than retention.ms%s%s, valid or not: "
             "set cleanup.policy=compact, or where there is no compaction retention.ms=-1 and retention.bytes=-1",
             wish->topic.name, wish->kind->property, policy, wish->kind->what, retention_ms == NULL ? "" : "=",
             retention_ms == NULL ? "" : retention_ms);
}

static bool is_endless(struct admin *admin, const struct wish *wish, const char *name, char **value, int64_t deadline_ms)
{
    *value = NULL;
    return admin_topic_config(admin, wish->topic.name, name, value, deadline_ms, NULL) == 0 && *value != NULL && strcmp(*value, "-1") == 0;
}

/* Deletes by age or size, or forgets nothing at all? */
static enum internal_topic_fitness weigh_retention(struct admin *admin, const struct wish *wish, const char *policy, char *words, size_t size,
                                                   int64_t deadline_ms)
{
    char *ms = NULL, *bytes = NULL;
    enum internal_topic_fitness fitness = INTERNAL_TOPIC_FORGETS;
    if (is_endless(admin, wish, "retention.ms", &ms, deadline_ms) && is_endless(admin, wish, "retention.bytes", &bytes, deadline_ms)) {
        fitness = INTERNAL_TOPIC_GROWS;
        snprintf(words, size, "topic %s (%s) has cleanup.policy=%s and no limit of age or size: nothing is lost, but it grows for ever, and "
                 "workers start more slowly", wish->topic.name, wish->kind->property, policy);
    } else {
        say_unfit(wish, policy, ms, words, size);
    }
    mem_free(ms);
    mem_free(bytes);
    return fitness;
}

static enum internal_topic_fitness weigh_policy(struct admin *admin, const struct wish *wish, const char *policy, char *words, size_t size,
                                                int64_t deadline_ms)
{
    if (policy == NULL || *policy == '\0')
        return INTERNAL_TOPIC_UNKNOWN;
    if (strcmp(policy, "compact") == 0)
        return INTERNAL_TOPIC_COMPACTED;
    return weigh_retention(admin, wish, policy, words, size, deadline_ms);
}

static int judge_policy(struct admin *admin, const struct wish *wish, const char *policy, int64_t deadline_ms, struct mr_error **error)
{
    char words[INTERNAL_TOPIC_WORDS_MAX];
    switch (weigh_policy(admin, wish, policy, words, sizeof words, deadline_ms)) {
    case INTERNAL_TOPIC_UNKNOWN:
        log_info(LOGGER, "the cleanup policy of topic %s cannot be read (DescribeConfigs on it is needed); make sure that it is compact",
                 wish->topic.name);
        return 0;
    case INTERNAL_TOPIC_COMPACTED:
        return 0;
    case INTERNAL_TOPIC_GROWS:
    case INTERNAL_TOPIC_FORGETS:
        break;
    }
    if (!wish->may_forget)
        return mr_error_set(error, MR_ERR_CONFIG, "Topic '%s' supplied via the '%s' property is required to have "
                            "'cleanup.policy=compact' to guarantee consistency and durability of %s, but found the "
                            "topic currently has 'cleanup.policy=%s'. Change the topic's policy, or name another topic; where there is "
                            "no compaction, millrace.internal.topics.compaction=warn (docs/restricted.md)",
                            wish->topic.name, wish->kind->property, wish->kind->what, policy);
    log_warn(LOGGER, "%s", words);
    return 0;
}

static int check_policy(struct admin *admin, const struct wish *wish, int64_t deadline_ms, struct mr_error **error)
{
    char *policy = NULL;
    if (read_policy(admin, wish, &policy, deadline_ms, error) != 0)
        return -1;
    int status = judge_policy(admin, wish, policy, deadline_ms, error);
    mem_free(policy);
    return status;
}

enum internal_topic_fitness internal_topic_look(struct admin *admin, enum internal_topic kind, const struct string_map *worker, char *words,
                                                size_t size, int64_t deadline_ms)
{
    const struct wish wish = {.kind = &kinds[kind], .topic = {.name = string_map_get(worker, kinds[kind].property)}};
    enum internal_topic_fitness fitness = INTERNAL_TOPIC_UNKNOWN;
    char *policy = NULL;
    if (admin_topic_config(admin, wish.topic.name, "cleanup.policy", &policy, deadline_ms, NULL) == 0)
        fitness = weigh_policy(admin, &wish, policy, words, size, deadline_ms);
    mem_free(policy);
    return fitness;
}

static int check_partitions(struct admin *admin, const struct wish *wish, int64_t deadline_ms, struct mr_error **error)
{
    int32_t partitions = 0;
    if (!wish->kind->one_partition)
        return 0;
    if (admin_partition_count(admin, wish->topic.name, &partitions, deadline_ms, error) != 0)
        return -1;
    if (partitions > 1)
        return mr_error_set(error, MR_ERR_CONFIG, "Topic '%s' supplied via the '%s' property is required to have a "
                            "single partition in order to guarantee consistency of %s, but found %" PRId32 " partitions. "
                            "Name another topic", wish->topic.name, wish->kind->property, wish->kind->what, partitions);
    return 0;
}

int internal_topic_ensure(struct admin *admin, enum internal_topic kind, const struct string_map *worker,
                          int64_t deadline_ms, struct mr_error **error)
{
    struct wish wish;
    bool existed;
    if (wish_init(&wish, &kinds[kind], worker, error) != 0)
        return -1;
    int status = create_or_find(admin, &wish, &existed, deadline_ms, error);
    if (status == 0 && existed)
        status = check_policy(admin, &wish, deadline_ms, error);
    if (status == 0)
        status = check_partitions(admin, &wish, deadline_ms, error);
    string_map_destroy(wish.configs);
    return status;
}

static int check_presence(struct admin *admin, const struct wish *wish, int64_t deadline_ms, struct mr_error **error)
{
    int32_t partitions = 0;
    if (admin_partition_count(admin, wish->topic.name, &partitions, deadline_ms, error) != 0)
        return -1;
    if (partitions == 0)
        return mr_error_set(error, MR_ERR_NOT_FOUND, "there is no topic %s (%s): check bootstrap.servers and %s", wish->topic.name,
                            wish->kind->property, wish->kind->property);
    return 0;
}

int internal_topic_check(struct admin *admin, enum internal_topic kind, const struct string_map *worker,
                         int64_t deadline_ms, struct mr_error **error)
{
    struct wish wish;
    if (wish_init(&wish, &kinds[kind], worker, error) != 0)
        return -1;
    int status = check_presence(admin, &wish, deadline_ms, error);
    if (status == 0)
        status = check_policy(admin, &wish, deadline_ms, error);
    if (status == 0)
        status = check_partitions(admin, &wish, deadline_ms, error);
    string_map_destroy(wish.configs);
    return status;
}

int internal_topics_ensure(struct admin *admin, const struct string_map *worker, int64_t deadline_ms,
                           struct mr_error **error)
{
    for (int kind = 0; kind < INTERNAL_TOPIC_COUNT; kind++) {
        if (internal_topic_ensure(admin, (enum internal_topic)kind, worker, deadline_ms, error) != 0)
            return -1;
    }
    return 0;
}
