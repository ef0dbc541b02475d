/* Contexts: every question reaches the owner's table; an absent answer is a mild one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sdk/contexts.h"

/* An owner that notes what it was asked last. */
struct owner {
    const char *asked;
    const char *topic;
    int32_t partition;
    int64_t number;
    const void *pointer;
};

static void raise_error(void *owner, const struct mr_error *error)
{
    *(struct owner *)owner = (struct owner){.asked = "raise", .pointer = error};
}

static void request_tasks(void *owner)
{
    ((struct owner *)owner)->asked = "tasks";
}

static const struct mr_value *stored_offset(void *owner, const struct mr_value *source_partition,
                                            struct mr_arena *arena, struct mr_error **error)
{
    (void)arena, (void)error;
    *(struct owner *)owner = (struct owner){.asked = "offset", .pointer = source_partition};
    return mr_null();
}

static void after_ms(void *owner, uint32_t delay_ms)
{
    *(struct owner *)owner = (struct owner){.asked = "after", .number = delay_ms};
}

static bool stopping(const void *owner)
{
    return ((const struct owner *)owner)->number == 1;
}

static void commit(void *owner, const struct mr_record *record)
{
    *(struct owner *)owner = (struct owner){.asked = "commit", .pointer = record};
}

static void abort_transaction(void *owner, const struct mr_record *record)
{
    *(struct owner *)owner = (struct owner){.asked = "abort", .pointer = record};
}

static int seek(void *owner, const char *topic, int32_t partition, int64_t offset, struct mr_error **error)
{
    *(struct owner *)owner = (struct owner){.asked = "seek", .topic = topic, .partition = partition, .number = offset};
    return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "not now");
}

static int pause_partition(void *owner, const char *topic, int32_t partition, struct mr_error **error)
{
    (void)error;
    *(struct owner *)owner = (struct owner){.asked = "pause", .topic = topic, .partition = partition};
    return 0;
}

static int report(void *owner, const struct mr_record *record, const struct mr_error *reason, struct mr_future **future,
                  struct mr_error **error)
{
    (void)reason, (void)error;
    assert_null(*future);
    *(struct owner *)owner = (struct owner){.asked = "report", .pointer = record};
    return 0;
}

static void a_connectors_questions_reach_its_owner(void **state)
{
    (void)state;
    static const struct connector_context_host host = {request_tasks, raise_error}, mute = {0};
    struct owner owner = {0};
    struct mr_error *error = NULL;
    mr_error_set(&error, MR_ERR_CONNECT, "x");
    struct mr_connector_context context = {.host = &host, .owner = &owner, .name = "jdbc"};
    assert_string_equal(mr_connector_context_name(&context), "jdbc");
    mr_connector_context_request_task_reconfiguration(&context);
    assert_string_equal(owner.asked, "tasks");
    mr_connector_context_raise_error(&context, error);
    assert_ptr_equal(owner.pointer, error);
    assert_null(mr_connector_context_metrics(&context));
    mr_error_drop(error);
    context.host = &mute;
    mr_connector_context_request_task_reconfiguration(&context);
    mr_connector_context_raise_error(&context, NULL);
}

static void a_source_tasks_questions_reach_its_owner(void **state)
{
    (void)state;
    static const struct source_context_host host = {stored_offset, after_ms, stopping}, mute = {0};
    static const struct transaction_host transaction_host = {commit, abort_transaction};
    struct owner owner = {0};
    const struct mr_record *record = (const struct mr_record *)&owner;
    struct mr_transaction transaction = {&transaction_host, &owner};
    struct mr_source_context context = {.host = &host,
                                        .owner = &owner,
                                        .connector = "jdbc",
                                        .task = 3,
                                        .batch_records_max = 500,
                                        .transaction = &transaction};
    assert_string_equal(mr_source_context_connector(&context), "jdbc");
    assert_int_equal(mr_source_context_task(&context), 3);
    assert_int_equal(mr_source_context_batch_records_max(&context), 500);
    assert_ptr_equal(mr_source_context_offset(&context, mr_boolean(true), NULL, NULL), mr_null());
    assert_ptr_equal(owner.pointer, mr_boolean(true));
    mr_source_context_poll_after_ms(&context, 1);
    assert_true(mr_source_context_is_stopping(&context));
    mr_transaction_commit_after(mr_source_context_transaction(&context), record);
    assert_string_equal(owner.asked, "commit");
    assert_ptr_equal(owner.pointer, record);
    mr_transaction_abort_batch(&transaction);
    assert_string_equal(owner.asked, "abort");
    assert_null(owner.pointer);

    struct mr_error *error = NULL;
    context.host = &mute;
    assert_null(mr_source_context_offset(&context, mr_null(), NULL, &error));
    assert_int_equal(mr_error_code(error), MR_ERR_NOT_SUPPORTED);
    mr_error_clear(&error);
    mr_source_context_poll_after_ms(&context, 1);
    assert_false(mr_source_context_is_stopping(&context));
}

static void a_sink_tasks_questions_reach_its_owner(void **state)
{
    (void)state;
    static const struct sink_context_host host = {
        .seek = seek, .pause = pause_partition, .retry_after_ms = after_ms, .request_commit = request_tasks};
    static const struct errant_reporter_host reporter_host = {report};
    struct owner owner = {0};
    struct mr_errant_reporter reporter = {&reporter_host, &owner};
    struct mr_sink_context context = {.host = &host, .owner = &owner, .connector = "s3", .errant = &reporter};
    struct mr_error *error = NULL;
    assert_int_equal(mr_sink_context_seek(&context, "t", 2, 77, &error), -1);
    assert_string_equal(mr_error_message(error), "not now");
    mr_error_clear(&error);
    assert_int_equal(owner.number, 77);
    assert_int_equal(mr_sink_context_pause(&context, "t", 4, &error), 0);
    assert_int_equal(owner.partition, 4);
    assert_int_equal(mr_sink_context_resume(&context, "t", 4, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_NOT_SUPPORTED);
    mr_error_clear(&error);
    mr_sink_context_retry_after_ms(&context, 250);
    assert_int_equal(owner.number, 250);
    mr_sink_context_request_commit(&context);
    assert_string_equal(owner.asked, "tasks");
    assert_null(mr_sink_context_assignment(&context));
    assert_false(mr_sink_context_is_stopping(&context));

    struct mr_future *future = (struct mr_future *)&owner;
    const struct mr_record *record = (const struct mr_record *)&reporter;
    assert_int_equal(mr_errant_report(mr_sink_context_errant_reporter(&context), record, NULL, &future, &error), 0);
    assert_ptr_equal(owner.pointer, record);
    assert_null(future);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connectors_questions_reach_its_owner),
        cmocka_unit_test(a_source_tasks_questions_reach_its_owner),
        cmocka_unit_test(a_sink_tasks_questions_reach_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
