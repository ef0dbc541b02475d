/* What a transform emits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sdk/collect.h"
#include "support/alloc_torture.h"

static struct mr_record *record_number(size_t number)
{
    return (struct mr_record *)(uintptr_t)(number * 64 + 64); /* never looked into */
}

static void order_is_kept(void **state)
{
    (void)state;
    struct mr_emitter emitter;
    emitter_init(&emitter);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(mr_emit(&emitter, record_number(i)), 0);
    assert_int_equal(emitter_check(&emitter, NULL), 0);
    assert_int_equal(emitter.count, 100);
    for (size_t i = 0; i < 100; i++)
        assert_ptr_equal(emitter.records[i], record_number(i));
    emitter_release(&emitter);
}

static void from_record_to_record_nothing_is_allocated(void **state)
{
    (void)state;
    struct mr_emitter emitter;
    emitter_init(&emitter);
    assert_int_equal(mr_emit(&emitter, record_number(0)), 0);
    int status = 0;
    mem_watch_start(0);
    for (int i = 0; i < 1000; i++) {
        emitter_clear(&emitter);
        status |= mr_emit(&emitter, record_number(1));
    }
    mem_watch_stop();
    assert_int_equal(status, 0);
    assert_int_equal(emitter.count, 1);
    emitter_release(&emitter);
}

static void a_record_too_many_is_refused_and_remembered(void **state)
{
    (void)state;
    struct mr_emitter emitter;
    struct mr_error *error = NULL;
    emitter_init(&emitter);
    for (size_t i = 0; i < MR_EMIT_MAX; i++)
        assert_int_equal(mr_emit(&emitter, record_number(i)), 0);
    assert_int_equal(mr_emit(&emitter, record_number(0)), -1);
    assert_int_equal(emitter_check(&emitter, &error), -1);
    assert_string_equal(mr_error_message(error), "A transformation made more than 100000 records of one");
    mr_error_clear(&error);
    emitter_clear(&emitter);
    assert_int_equal(emitter.capacity, 0); /* one outlier does not hold memory for ever */
    assert_int_equal(emitter_check(&emitter, &error), 0);
    emitter_release(&emitter);
}

static void a_constructors_null_fails_the_record(void **state)
{
    (void)state;
    struct mr_emitter emitter;
    struct mr_error *error = NULL;
    emitter_init(&emitter);
    assert_int_equal(mr_emit(&emitter, NULL), -1);
    assert_int_equal(mr_emit(&emitter, record_number(0)), 0);
    assert_int_equal(emitter_check(&emitter, &error), -1);
    assert_non_null(error);
    mr_error_clear(&error);
    emitter_release(&emitter);
}

static bool emit_some(void *argument)
{
    (void)argument;
    struct mr_emitter emitter;
    struct mr_error *error = NULL;
    emitter_init(&emitter);
    bool worked = true;
    for (size_t i = 0; i < 200; i++)
        worked = mr_emit(&emitter, record_number(i)) == 0 && worked;
    assert_int_equal(emitter_check(&emitter, &error) == 0, worked);
    assert_true(worked || mr_error_code(error) == MR_ERR_NO_MEMORY);
    mr_error_drop(error);
    emitter_release(&emitter);
    return worked;
}

static void emitting_survives_every_failing_allocation(void **state)
{
    (void)state;
    alloc_torture(emit_some, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(from_record_to_record_nothing_is_allocated),
        cmocka_unit_test(a_record_too_many_is_refused_and_remembered),
        cmocka_unit_test(a_constructors_null_fails_the_record),
        cmocka_unit_test(emitting_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
