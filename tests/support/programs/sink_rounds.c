/*
 * sink_rounds BROKERS TOPIC GROUP PLUGINS ROUNDS SEED: a sink task on a real broker, under load, against random events.
 *
 * The sink keeps records in memory, stores them when it is asked before a commit (all, or some), and loses the rest whenever a
 * partition goes. In each round some of these happen, as the seed says: put fails retriably, the task is paused, the sink pauses a
 * partition, it seeks back, and another member joins the group and leaves it, which takes partitions away and gives them back. The
 * other member commits nothing. In every put each record must be the next one or an earlier one; after every round nothing may be
 * committed that is not stored. In the end all is stored, and committed.
 *
 * Partitions are numbered from 0 to 2 and empty at the beginning. One line of counts on standard output; exit status 0 when all is
 * well, else 1 with a line on standard error that says what was not.
 */
#include <librdkafka/rdkafka.h>
#include <millrace/error.h>
#include <millrace/sink_task.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "errors/tolerance.h"
#include "kafka/client_config.h"
#include "kafka/graveyard.h"
#include "loader/host.h"
#include "loader/loader.h"
#include "pipeline/sink_pipeline.h"
#include "sdk/config_host.h"
#include "task/sink_task.h"
#include "task/task_listener.h"

#define PARTITIONS 3
#define RECORDS_MAX 1000000 /* of a partition */
#define ROUND_RECORDS 600
#define SOON_MS 60000
#define FLUSH_INTERVAL_MS 40
#define FAILURES_IN_A_ROW_MAX 3 /* after five the task leaves its target alone for ten seconds */
#define STRING_CONVERTER "org.apache.kafka.connect.storage.StringConverter"

static const char *brokers, *topic, *group;

static _Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    _exit(1);
}

static void check(bool is_so, const char *what)
{
    if (!is_so)
        die("%s", what);
}

/* What was written. */
static struct filler {
    rd_kafka_t *rk;
    int64_t end[PARTITIONS];
} filler;

/* --- dice ---- */

static uint64_t dice;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice >> 33) % sides;
}

static bool one_in(uint32_t sides)
{
    return roll(sides) == 0;
}

/* --- the sink, with a memory and a store ---- */

static struct sink {
    struct mr_sink_context *context;
    bool is_stored[PARTITIONS][RECORDS_MAX];
    int64_t stored_to[PARTITIONS];
    int64_t memory_from[PARTITIONS], memory_to[PARTITIONS]; /* not stored yet; equal: nothing */
    int64_t next[PARTITIONS];                               /* that put may give, or any before; -1: any up to what is stored */
    bool is_open[PARTITIONS], is_paused[PARTITIONS];
    int fails, wants_rewind, wants_pause; /* wishes of the round */
    bool is_calm;
    long puts, records, repeats, failures, rewinds, pauses, lowered, closes;
} sink;

static int64_t stored_to(int32_t p)
{
    while (sink.is_stored[p][sink.stored_to[p]])
        sink.stored_to[p]++;
    return sink.stored_to[p];
}

static void forget(int32_t p)
{
    sink.memory_from[p] = sink.memory_to[p] = 0;
    sink.next[p] = -1;
}

/* Never may a record be missing between what the sink has and what it is given next. */
static void take(const struct mr_record *record)
{
    int32_t p = mr_record_partition(record);
    int64_t offset = mr_record_offset(record);
    struct mr_bytes value = mr_value_bytes(mr_record_value(record));
    char expected[32];

    snprintf(expected, sizeof(expected), "%d-%lld", (int)p, (long long)offset);
    if (value.size != strlen(expected) || memcmp(value.data, expected, value.size) != 0)
        die("%s came as %.*s", expected, (int)value.size, (const char *)value.data);
    if (!sink.is_open[p])
        die("%s was put while its partition was closed", expected);
    if (offset > (sink.next[p] < 0 ? stored_to(p) : sink.next[p]))
        die("%s was put after %lld, with %lld stored: records were left out", expected, (long long)sink.next[p],
            (long long)stored_to(p));
    if (sink.memory_from[p] == sink.memory_to[p])
        sink.memory_from[p] = sink.memory_to[p] = offset;
    sink.repeats += sink.is_stored[p][offset];
    if (offset < sink.memory_from[p])
        sink.memory_from[p] = offset;
    sink.memory_to[p] = sink.next[p] = offset + 1;
    sink.records++;
}

static void rewind_one(int32_t p)
{
    int64_t stored = stored_to(p), to = stored - (stored > 0 ? roll((uint32_t)(stored < 2000 ? stored : 2000)) : 0);

    if (mr_sink_context_seek(sink.context, topic, p, to, NULL) != 0)
        return; /* not ours at present */
    forget(p);
    sink.rewinds++;
}

static void pause_one(int32_t p, bool paused)
{
    if (sink.is_paused[p] == paused)
        return;
    if ((paused ? mr_sink_context_pause : mr_sink_context_resume)(sink.context, topic, p, NULL) != 0)
        return; /* not ours at present */
    sink.is_paused[p] = paused;
    sink.pauses += paused;
}

static int sink_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    (void)self;
    sink.puts++;
    if (sink.wants_pause > 0 && count > 0)
        pause_one((int32_t)roll(PARTITIONS), sink.wants_pause-- > 0);
    else
        for (int32_t p = 0; p < PARTITIONS; p++)
            if (sink.is_calm || one_in(4))
                pause_one(p, false);
    if (sink.fails > 0 && count > 0) {
        sink.fails--;
        sink.failures++;
        if (one_in(4))
            rewind_one((int32_t)roll(PARTITIONS));
        mr_error_set(error, MR_ERR_RETRIABLE, "not now");
        mr_error_set_retry_after_ms(*error, 2 + roll(20));
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        take(records[i]);
    if (sink.wants_rewind > 0 && count > 0) {
        sink.wants_rewind--;
        rewind_one((int32_t)roll(PARTITIONS));
    }
    if (!sink.is_calm && one_in(20))
        mr_sink_context_request_commit(sink.context);
    return 0;
}

/* Stores what is in memory, or some of it, and answers with as much. */
static int sink_pre_commit(void *self, struct mr_offsets *offsets, struct mr_error **error)
{
    bool all = sink.is_calm || roll(2) == 0;

    (void)self, (void)error;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        int64_t given = mr_offsets_get(offsets, topic, p), to = sink.memory_to[p];

        if (given < 0 || sink.memory_from[p] == to)
            continue;
        if (!all)
            to -= roll((uint32_t)(to - sink.memory_from[p]) + 1);
        for (; sink.memory_from[p] < to; sink.memory_from[p]++)
            sink.is_stored[p][sink.memory_from[p]] = true;
        if (sink.memory_from[p] == sink.memory_to[p])
            continue;
        sink.lowered++;
        check(mr_offsets_put(offsets, topic, p, sink.memory_from[p]) == 0, "no memory");
    }
    return 0;
}

static int sink_open(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)self, (void)error;
    for (size_t i = 0; i < mr_offsets_count(partitions); i++) {
        int32_t p = mr_offsets_partition(partitions, i);

        forget(p);
        sink.is_open[p] = true;
        sink.is_paused[p] = false;
    }
    return 0;
}

static int sink_close(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)self, (void)error;
    for (size_t i = 0; i < mr_offsets_count(partitions); i++) {
        forget(mr_offsets_partition(partitions, i));
        sink.is_open[mr_offsets_partition(partitions, i)] = false;
        sink.closes++;
    }
    return 0;
}

static void *sink_create(struct mr_sink_context *context, struct mr_error **error)
{
    (void)error;
    sink.context = context;
    return &sink;
}

static int sink_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self, (void)config, (void)error;
    return 0;
}

static void nothing(void *self)
{
    (void)self;
}

static const struct mr_sink_task_ops sink_ops = {.size = sizeof(sink_ops), .create = sink_create, .start = sink_start,
                                                 .open = sink_open, .put = sink_put, .pre_commit = sink_pre_commit,
                                                 .close = sink_close, .stop = nothing, .destroy = nothing};

/* --- the task, stepped by this thread ---- */

static pthread_mutex_t wake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake_cond;
static bool is_woken;

static void wake(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&wake_lock);
    is_woken = true;
    pthread_cond_signal(&wake_cond);
    pthread_mutex_unlock(&wake_lock);
}

static void on_state(void *argument, enum task_state state, const char *trace)
{
    (void)argument;
    if (state == TASK_FAILED)
        die("the task failed: %s", trace == NULL ? "" : trace);
}

static void on_topic(void *argument, const char *name)
{
    (void)argument, (void)name;
}

static void on_failure(void *argument, const struct failure *failure)
{
    (void)argument, (void)failure;
}

static const struct task_listener listener = {.on_state = on_state, .on_topic = on_topic, .on_failure = on_failure};

static void wait_until_ms(int64_t until_ms)
{
    pthread_mutex_lock(&wake_lock);
    while (!is_woken && cond_wait_until_ms(&wake_cond, &wake_lock, until_ms))
        ;
    is_woken = false;
    pthread_mutex_unlock(&wake_lock);
}

static _Noreturn void die_as_it_stands(const struct task *task, const char *what)
{
    fprintf(stderr, "state %d, %ld puts, %d to fail, %d to rewind, %d to pause;", (int)task_state(task), sink.puts, sink.fails,
            sink.wants_rewind, sink.wants_pause);
    for (int32_t p = 0; p < PARTITIONS; p++)
        fprintf(stderr, " %d: %s%s, stored to %lld, next %lld, written to %lld;", (int)p, sink.is_open[p] ? "open" : "closed",
                sink.is_paused[p] ? ", paused" : "", (long long)stored_to(p), (long long)sink.next[p], (long long)filler.end[p]);
    fputc('\n', stderr);
    die("%s", what);
}

/* Until the fact is true; without one, for so long. false: the task has ended. */
static bool run(struct task *task, bool (*fact)(void), int64_t duration_ms, const char *what)
{
    int64_t deadline_ms = clock_monotonic_ms(NULL) + duration_ms;

    while (fact == NULL || !fact()) {
        int64_t wake_at_ms = INT64_MAX, now_ms = clock_monotonic_ms(NULL);

        if (now_ms >= deadline_ms) {
            if (fact != NULL)
                die_as_it_stands(task, what);
            return true;
        }
        switch (task_step(task, &wake_at_ms)) {
        case TASK_STEP_ENDED:
            return false;
        case TASK_STEP_AGAIN:
            break;
        case TASK_STEP_WAIT:
            now_ms += fact == NULL ? duration_ms : 20; /* facts of others are looked at */
            wait_until_ms(wake_at_ms < now_ms ? wake_at_ms : now_ms);
        }
    }
    return true;
}

static struct string_map *properties_of(const char *const *pairs)
{
    struct string_map *map = string_map_create();

    for (; *pairs != NULL; pairs += 2)
        check(string_map_put(map, pairs[0], pairs[1]), "no memory");
    return map;
}

static struct client_config *consumer_config(void)
{
    struct string_map *worker = properties_of((const char *const[]){"bootstrap.servers", brokers, "consumer.heartbeat.interval.ms", "100",
                                                                    "consumer.session.timeout.ms", "6000", "consumer.fetch.max.wait.ms",
                                                                    "20", "consumer.max.poll.records", "100", NULL});
    struct client_layers layers = {.worker = worker, .client_id = "sink-rounds", .group_id = group};
    struct string_map *properties = client_properties_for(CLIENT_CONSUMER, &layers);
    struct client_config *config = client_config_create(CLIENT_CONSUMER, properties, NULL, NULL);

    check(config != NULL, "the consumer's configuration was refused");
    string_map_destroy(properties);
    string_map_destroy(worker);
    return config;
}

static struct task *make_task(const struct loader *loader, const struct lease *lease, struct graveyard *graveyard)
{
    static const struct plugin_name plugin = {.class_name = "Rounds", .file = "sink_rounds"};
    static const struct mr_config_def no_options = {.size = sizeof(no_options)};
    const struct error_settings settings = ERROR_SETTINGS_DEFAULT;
    struct string_map *lines = properties_of((const char *const[]){"key.converter", STRING_CONVERTER, "value.converter", STRING_CONVERTER,
                                                                   "header.converter", STRING_CONVERTER, NULL});
    struct client_config *config = consumer_config();
    struct mr_error *error = NULL;
    struct sink_task_setup setup = {
        .common = {.connector = "rounds", .plugin = &plugin, .lease = lease, .listener = &listener, .wake = wake, .wake_take = nothing,
                   .wake_drop = nothing, .offset_flush_interval_ms = FLUSH_INTERVAL_MS, .offset_flush_timeout_ms = 5000,
                   .buffer_bytes_max = 1u << 20},
        .plugin = &sink_ops, .consumer_config = config, .graveyard = graveyard, .topics = &topic, .topic_count = 1};
    setup.tolerance = tolerance_create(&(struct tolerance_setup){.connector = "rounds", .settings = &settings, .wake = wake}, &error);
    setup.pipeline = sink_pipeline_create(
        &(struct sink_pipeline_setup){.loader = loader, .connector = lines, .tolerance = setup.tolerance}, &error);
    setup.config = config_create(&no_options, lines, NULL);
    struct task *task = setup.pipeline == NULL || setup.config == NULL ? NULL : sink_task_create(&setup, &error);
    check(task != NULL, error == NULL ? "no memory" : mr_error_message(error));
    string_map_destroy(lines);
    client_config_drop(config);
    return task;
}

/* --- others ---- */

static rd_kafka_t *open_client(rd_kafka_type_t type)
{
    const char *const settings[][2] = {{"bootstrap.servers", brokers}, {type == RD_KAFKA_PRODUCER ? "enable.idempotence" : "group.id",
                                        type == RD_KAFKA_PRODUCER ? "true" : group}, {type == RD_KAFKA_PRODUCER ? "linger.ms" :
                                        "heartbeat.interval.ms", type == RD_KAFKA_PRODUCER ? "1" : "100"},
                                       {"session.timeout.ms", "6000"}, {"enable.auto.commit", "false"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];

    for (size_t i = 0; i < (type == RD_KAFKA_PRODUCER ? 3 : sizeof(settings) / sizeof(settings[0])); i++)
        check(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof(why)) == RD_KAFKA_CONF_OK, why);
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
    check(rk != NULL, why);
    return rk;
}

static void fill(void)
{
    for (int i = 0; i < ROUND_RECORDS; i++) {
        int32_t p = (int32_t)roll(PARTITIONS);
        char value[32];
        int size = snprintf(value, sizeof(value), "%d-%lld", (int)p, (long long)filler.end[p]++);

        check(rd_kafka_producev(filler.rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(p), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                RD_KAFKA_V_VALUE(value, (size_t)size), RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR_NO_ERROR, "the queue is full");
    }
    rd_kafka_poll(filler.rk, 0);
}

static rd_kafka_t *other; /* member of the group; NULL: none */

static bool other_has_partitions(void)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(other, 0);

    if (message != NULL)
        rd_kafka_message_destroy(message);
    bool has = rd_kafka_assignment(other, &list) == RD_KAFKA_RESP_ERR_NO_ERROR && list->cnt > 0;
    rd_kafka_topic_partition_list_destroy(list);
    return has;
}

static bool all_are_open(void)
{
    return sink.is_open[0] && sink.is_open[1] && sink.is_open[2];
}

static void *close_other(void *argument)
{
    rd_kafka_consumer_close(other);
    rd_kafka_destroy(other);
    return argument;
}

/* Partitions go, and come back: where the sink goes on nobody but itself has committed. */
static void rebalance(struct task *task)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    pthread_t closing;

    other = open_client(RD_KAFKA_CONSUMER);
    rd_kafka_poll_set_consumer(other);
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(other, list);
    rd_kafka_topic_partition_list_destroy(list);
    run(task, other_has_partitions, SOON_MS, "the other member got no partitions");
    run(task, NULL, roll(60), NULL);
    check(pthread_create(&closing, NULL, close_other, NULL) == 0, "no thread");
    run(task, all_are_open, SOON_MS, "the partitions did not come back");
    pthread_join(closing, NULL);
    other = NULL;
}

/* --- rounds ---- */

static int64_t committed[PARTITIONS];
static rd_kafka_t *looker; /* of the group's offsets; no member */

static void nothing_unseen_is_committed(void)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);

    for (int32_t p = 0; p < PARTITIONS; p++)
        rd_kafka_topic_partition_list_add(list, topic, p);
    check(rd_kafka_committed(looker, list, SOON_MS) == RD_KAFKA_RESP_ERR_NO_ERROR, "what is committed cannot be asked");
    for (int i = 0; i < list->cnt; i++) {
        int32_t p = list->elems[i].partition;

        committed[p] = list->elems[i].offset;
        if (committed[p] > stored_to(p))
            die("%d: %lld committed, %lld stored", (int)p, (long long)committed[p], (long long)stored_to(p));
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static long puts_wanted;

static bool enough_puts(void)
{
    return sink.puts >= puts_wanted;
}

static void round_of(struct task *task, int *rebalances, int *task_pauses)
{
    fill();
    sink.fails = one_in(2) ? 1 + (int)roll(FAILURES_IN_A_ROW_MAX) : 0;
    sink.wants_rewind = one_in(2) ? 1 + (int)roll(2) : 0;
    sink.wants_pause = one_in(3) ? 1 : 0;
    if (one_in(3)) {
        task_request_pause(task);
        run(task, NULL, 2 + roll(30), NULL);
        task_request_resume(task);
        ++*task_pauses;
    }
    if (one_in(4)) {
        rebalance(task);
        ++*rebalances;
    }
    puts_wanted = sink.puts + 3 + roll(8);
    run(task, enough_puts, SOON_MS, "nothing was put any more");
    nothing_unseen_is_committed();
}

static bool all_is_stored(void)
{
    for (int32_t p = 0; p < PARTITIONS; p++)
        if (stored_to(p) < filler.end[p])
            return false;
    return true;
}

static void end_in_order(struct task *task)
{
    sink.is_calm = true;
    sink.fails = sink.wants_rewind = sink.wants_pause = 0;
    check(rd_kafka_flush(filler.rk, SOON_MS) == RD_KAFKA_RESP_ERR_NO_ERROR, "not all could be written");
    run(task, all_is_stored, SOON_MS, "not all was stored in the end");
    task_request_stop(task, TASK_DEPARTURE_LEAVE, clock_monotonic_ms(NULL) + SOON_MS);
    check(!run(task, NULL, SOON_MS, NULL), "the task did not stop");
    nothing_unseen_is_committed();
    for (int32_t p = 0; p < PARTITIONS; p++)
        check(committed[p] == filler.end[p], "not all was committed in the end");
    task_destroy(task);
}

int main(int count, char **arguments)
{
    static struct lease lease;
    int rebalances = 0, task_pauses = 0;

    if (count != 7)
        return 2;
    brokers = arguments[1], topic = arguments[2], group = arguments[3];
    dice = strtoull(arguments[6], NULL, 10);
    cond_init(&wake_cond);
    lease_set(&lease, LEASE_FOR_EVER);
    struct loader *loader = loader_create(&(struct loader_setup){.plugin_path = arguments[4], .host = loader_host()}, NULL);
    struct graveyard *graveyard = graveyard_create(NULL);
    check(loader != NULL && graveyard != NULL, "no memory");
    filler.rk = open_client(RD_KAFKA_PRODUCER);
    looker = open_client(RD_KAFKA_CONSUMER);
    for (int32_t p = 0; p < PARTITIONS; p++)
        forget(p);
    struct task *task = make_task(loader, &lease, graveyard);
    task_request_start(task);
    run(task, all_are_open, SOON_MS, "no partitions came");
    for (int rounds = atoi(arguments[5]); rounds > 0; rounds--)
        round_of(task, &rebalances, &task_pauses);
    end_in_order(task);
    printf("librdkafka %s, seed %s: %s rounds, %lld records, %ld puts of %ld, %ld repeats, %ld retriable failures, %ld rewinds, %d pauses, "
           "%ld of partitions, %d rebalances, %ld partitions closed, %ld answers lowered\n",
           rd_kafka_version_str(), arguments[6], arguments[5], (long long)(filler.end[0] + filler.end[1] + filler.end[2]), sink.puts,
           sink.records, sink.repeats, sink.failures, sink.rewinds, task_pauses, sink.pauses, rebalances, sink.closes, sink.lowered);
    rd_kafka_destroy(filler.rk);
    rd_kafka_destroy(looker);
    graveyard_destroy(graveyard, clock_monotonic_ms(NULL) + SOON_MS);
    loader_destroy(loader);
    return 0;
}
