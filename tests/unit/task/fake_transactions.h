/*
 * fake_transactions: stands in for kafka/producer_transaction.h and for the records of source offsets, over fake_producer. What was asked
 * for is in `said`: "init ", "begin ", "commit(a b |0=2) " with what was sent since the begin, records before the bar, offsets as
 * partition=offset behind it, "abort(a) ". Calls that wait are held until _run; with the producer's acknowledgements, as librdkafka
 * awaits them. Part of source_bench.h.
 */
#ifndef FAKE_TRANSACTIONS_H
#define FAKE_TRANSACTIONS_H

#include "kafka/producer_transaction.h"

static struct fake_transactions {
    char said[4096];
    void (*job)(void *); /* held; NULL: none */
    void *job_argument;
    bool no_thread; /* jobs are refused */
    int refused_jobs;
    enum producer_transaction next; /* what the next call comes to */
    char records[1024], offsets[1024]; /* of the open transaction */
    char asked[256];                   /* the questions, "round owner " */
    enum task_question held;           /* this one is not answered while is_holding */
    bool is_holding;
    bool is_refused; /* that question is answered with a failure */
    bool forgets_late;          /* the store below has not answered yet */
    offset_done_fn *forgotten;  /* to be told then */
    void *forgotten_argument;
    int copies, copies_sent; /* of offsets, for the store below; made and not dropped, sent */
} fake_transactions;

static inline void fake_transactions_reset(void)
{
    memset(&fake_transactions, 0, sizeof(fake_transactions));
}

static inline void fake_say(const char *format, const char *what, const char *records, const char *offsets)
{
    size_t used = strlen(fake_transactions.said);

    snprintf(fake_transactions.said + used, sizeof(fake_transactions.said) - used, format, what, records, offsets);
}

static inline enum producer_transaction fake_answer(const char *call, struct mr_error **error)
{
    enum producer_transaction answer = fake_transactions.next;
    enum mr_error_code code = answer == PRODUCER_TRANSACTION_FENCED ? MR_ERR_CONFLICT : MR_ERR_CONNECT;

    fake_transactions.next = PRODUCER_TRANSACTION_DONE;
    if (answer != PRODUCER_TRANSACTION_DONE)
        mr_error_set(error, code, "the brokers did not like the %s", call);
    return answer;
}

/* Comes back as acknowledged, and is noted as part of the transaction. */
static inline void fake_land(enum producer_outcome outcome)
{
    const struct producer_record *record = &fake_producer.sent[0];
    bool is_offset = strcmp(record->topic->name, "connect-offsets") == 0;
    char *text = is_offset ? fake_transactions.offsets : fake_transactions.records;
    size_t used = strlen(text);

    if (outcome == PRODUCER_ACKED && is_offset)
        snprintf(text + used, 1024 - used, "%.*s=%.*s ", (int)record->key.size, (const char *)record->key.data,
                 (int)record->value.size, (const char *)record->value.data);
    else if (outcome == PRODUCER_ACKED)
        snprintf(text + used, 1024 - used, "%.*s ", (int)record->value.size, (const char *)record->value.data);
    fake_producer_return(outcome, outcome == PRODUCER_FAILED ? "too large" : NULL);
}

static inline void fake_land_all(void)
{
    while (fake_producer.sent_count > 0)
        fake_land(PRODUCER_ACKED);
}

enum producer_transaction __wrap_producer_transactions_init(struct producer_user *user, int64_t deadline_ms, struct mr_error **error)
{
    (void)user, (void)deadline_ms;
    fake_say("%s ", "init", "", "");
    return fake_answer("init", error);
}

enum producer_transaction __wrap_producer_transaction_begin(struct producer_user *user, struct mr_error **error)
{
    (void)user;
    fake_transactions.records[0] = fake_transactions.offsets[0] = '\0';
    fake_say("%s ", "begin", "", "");
    return fake_answer("begin", error);
}

static inline enum producer_transaction fake_end_transaction(const char *call, struct mr_error **error)
{
    enum producer_transaction answer = fake_answer(call, error);

    fake_say(answer == PRODUCER_TRANSACTION_DONE ? "%s(%s|%s) " : "%s? ", call, fake_transactions.records, fake_transactions.offsets);
    return answer;
}

enum producer_transaction __wrap_producer_transaction_commit(struct producer_user *user, int64_t deadline_ms, struct mr_error **error)
{
    (void)user, (void)deadline_ms;
    fake_land_all();
    return fake_end_transaction("commit", error);
}

enum producer_transaction __wrap_producer_transaction_abort(struct producer_user *user, int64_t deadline_ms, struct mr_error **error)
{
    (void)user, (void)deadline_ms;
    while (fake_producer.sent_count > 0)
        fake_land(PRODUCER_NOT_SENT);
    return fake_end_transaction("abort", error);
}

int __wrap_offset_store_encode(struct offset_store *store, const char *connector, const struct offset_entry *entries, size_t count,
                               struct mr_arena *arena, struct offset_record **records, size_t *record_count, struct mr_error **error)
{
    (void)store;
    assert_string_equal("files", connector);
    if (fake_store.mode == STORE_REFUSES)
        return mr_error_set(error, MR_ERR_DATA, "an offset of that kind");
    *records = mr_arena_alloc(arena, (count + 1) * sizeof(**records));
    assert_non_null(*records);
    for (size_t i = 0; i < count; i++) {
        char text[32];
        size_t size = (size_t)snprintf(text, sizeof(text), "%d", (int)fake_store_number(entries[i].partition, "p"));

        (*records)[i].key = (struct mr_bytes){mr_arena_copy(arena, text, size), size};
        size = (size_t)snprintf(text, sizeof(text), "%d", mr_value_is_null(entries[i].offset) ? -1 : (int)fake_store_number(entries[i].offset, "o"));
        (*records)[i].value = (struct mr_bytes){mr_arena_copy(arena, text, size), size};
    }
    *record_count = count;
    return 0;
}

static inline bool fake_run(void *argument, void (*call)(void *), void *call_argument)
{
    (void)argument;
    if (fake_transactions.no_thread) {
        fake_transactions.refused_jobs++;
        return false;
    }
    assert_null(fake_transactions.job);
    fake_transactions.job = call;
    fake_transactions.job_argument = call_argument;
    return true;
}

static inline enum source_answer fake_ask(void *argument, enum task_question question, struct mr_error **error)
{
    static const char *const NAMES[] = {"round ", "owner ", "successor "};
    size_t used = strlen(fake_transactions.asked), length = strlen(NAMES[question]);

    (void)argument;
    if (used < length || strcmp(fake_transactions.asked + used - length, NAMES[question]) != 0)
        snprintf(fake_transactions.asked + used, sizeof(fake_transactions.asked) - used, "%s", NAMES[question]);
    if (question != fake_transactions.held)
        return SOURCE_ANSWER_YES;
    if (fake_transactions.is_refused) {
        mr_error_set(error, MR_ERR_NOT_SUPPORTED, "the cluster says no to %s", NAMES[question]);
        return SOURCE_ANSWER_FAILED;
    }
    return fake_transactions.is_holding ? SOURCE_ANSWER_PENDING : SOURCE_ANSWER_YES;
}

/* The held call, on its thread. false: none is held. */
static inline bool fake_transactions_run(void)
{
    void (*job)(void *) = fake_transactions.job;

    fake_transactions.job = NULL;
    if (job != NULL)
        job(fake_transactions.job_argument);
    return job != NULL;
}

/* Brokers and threads are quick: until the task rests. true: it has ended. */
static inline bool fake_transactions_settle(struct task *task)
{
    for (int i = 0; i < 1000; i++) {
        if (bench_run(task))
            return true;
        bool went_on = fake_producer.sent_count > 0;
        fake_land_all();
        if (!fake_transactions_run() && !went_on) {
            if (!fake_producer.is_closed)
                return false;
            fake_producer_end();
        }
    }
    fail_msg("the task does not rest");
    return false;
}

/* --- the store below ---------------------------------------------------------------------------------------------------- */

int __wrap_offset_store_forget_ahead(struct offset_store *store, const char *connector, const struct offset_entry *entries,
                                     size_t count, offset_done_fn *done, void *argument, struct mr_error **error);
int __wrap_offset_store_forget_ahead(struct offset_store *store, const char *connector, const struct offset_entry *entries,
                                     size_t count, offset_done_fn *done, void *argument, struct mr_error **error)
{
    (void)store, (void)connector, (void)entries, (void)count, (void)error;
    assert_string_equal("", fake_transactions.offsets); /* before any is sent */
    if (fake_transactions.forgets_late) {
        fake_transactions.forgotten = done;
        fake_transactions.forgotten_argument = argument;
        return 0;
    }
    done(argument, NULL);
    return 0;
}

struct offset_copy *__wrap_offset_store_copy(struct offset_store *store, const char *connector, const struct offset_entry *entries,
                                             size_t count);
struct offset_copy *__wrap_offset_store_copy(struct offset_store *store, const char *connector, const struct offset_entry *entries,
                                             size_t count)
{
    (void)store, (void)connector, (void)entries, (void)count;
    fake_transactions.copies++;
    return (struct offset_copy *)&fake_transactions;
}

void __wrap_offset_copy_send(struct offset_copy *copy);
void __wrap_offset_copy_send(struct offset_copy *copy)
{
    fake_transactions.copies_sent += copy != NULL;
    fake_transactions.copies -= copy != NULL;
}

void __wrap_offset_copy_drop(struct offset_copy *copy);
void __wrap_offset_copy_drop(struct offset_copy *copy)
{
    fake_transactions.copies -= copy != NULL;
}

#endif
