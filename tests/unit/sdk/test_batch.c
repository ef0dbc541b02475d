#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>

#include "sdk/record_layout.h"
#include "sdk/schema_internal.h"
#include "base/mem.h"
#include "support/alloc_torture.h"

static struct batch_pool *make_pool(void)
{
    struct batch_pool *pool = batch_pool_create(&(struct batch_pool_setup){.batch_limit_bytes = 8 << 20, .idle_max = 2});
    assert_non_null(pool);
    return pool;
}

static void records_stay_where_they_are_while_the_batch_grows(void **state)
{
    (void)state;
    struct mr_batch *batch = mr_batch_create(8 << 20);
    static struct mr_record *at[5000];
    for (size_t i = 0; i < 5000; i++) {
        at[i] = mr_batch_append(batch);
        mr_record_set_partition(at[i], (int32_t)i);
    }
    assert_int_equal(mr_batch_count(batch), 5000);
    for (size_t i = 0; i < 5000; i++) {
        assert_ptr_equal(mr_batch_at(batch, i), at[i]);
        assert_int_equal(mr_record_partition(at[i]), i);
    }
    assert_null(mr_batch_at(batch, 5000));
    mr_batch_drop(batch);
}

static void a_full_batch_refuses_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct mr_batch *batch = mr_batch_create(20000);
    size_t count = 0;
    while (mr_batch_append(batch) != NULL)
        count++;
    assert_in_range(count, 16, 20000 / sizeof(struct mr_record));
    assert_int_equal(mr_batch_count(batch), count);
    mr_batch_drop(batch);
}

static void progress_stands_among_the_records_and_is_not_counted(void **state)
{
    (void)state;
    struct mr_batch *batch = mr_batch_create(1 << 20);
    struct mr_arena *arena = mr_batch_arena(batch);
    const struct mr_value *partition = mr_string(arena, "p");
    for (int i = 0; i < 100; i++) {
        if (i % 3 != 0)
            mr_record_set_partition(mr_batch_append(batch), i);
        else
            assert_int_equal(mr_batch_append_progress(batch, partition, mr_int64(arena, i)), 0);
    }
    assert_false(batch_is_broken(batch));
    assert_int_equal(mr_batch_append_progress(batch, NULL, partition), -1);
    assert_true(batch_is_broken(batch));
    assert_int_equal(mr_batch_count(batch), 66);
    assert_int_equal(batch_entry_count(batch), 100);
    assert_int_equal(record_kind(batch_entry_at(batch, 3)), RECORD_PROGRESS);
    assert_int_equal(mr_value_integer(mr_record_source_offset(batch_entry_at(batch, 3))), 3);
    static const size_t order[] = {0, 1, 2, 65, 64, 10, 11, 11, 0};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        assert_int_equal(mr_record_partition(mr_batch_at(batch, order[i])), order[i] / 2 * 3 + order[i] % 2 + 1);
    assert_null(mr_batch_at(batch, 66));
    mr_batch_drop(batch);
}

struct diary {
    int calls[4], count;
};

static struct diary diary;

static void note(void *number)
{
    diary.calls[diary.count++] = (int)(intptr_t)number;
}

static void release_calls_come_once_with_the_last_reference(void **state)
{
    (void)state;
    diary.count = 0;
    struct mr_batch *batch = mr_batch_create(1 << 20);
    assert_int_equal(batch_on_release(batch, note, (void *)1), 0);
    assert_int_equal(batch_on_release(batch, note, (void *)2), 0);
    mr_batch_take(batch);
    mr_batch_drop(batch);
    assert_int_equal(diary.count, 0);
    assert_true(batch_is_mine_alone(batch));
    mr_batch_drop(batch);
    assert_int_equal(diary.count, 2);
    assert_int_equal(diary.calls[0], 2);
    assert_int_equal(diary.calls[1], 1);
    mr_batch_drop(NULL);
}

static void clearing_a_batch_lets_go_of_all(void **state)
{
    (void)state;
    diary.count = 0;
    struct mr_batch *batch = mr_batch_create(1 << 20);
    assert_int_equal(batch_on_release(batch, note, (void *)1), 0);
    mr_record_copy(mr_batch_append(batch));
    assert_int_equal(mr_batch_append_progress(batch, mr_null(), mr_null()), 0);
    batch_clear(batch);
    assert_int_equal(diary.count, 1);
    assert_int_equal(mr_batch_count(batch), 0);
    assert_int_equal(batch_entry_count(batch), 0);
    assert_int_equal(batch_copy_count(batch), 0);
    assert_int_equal(mr_arena_used_bytes(mr_batch_arena(batch)), 0);
    mr_batch_drop(batch);
    assert_int_equal(diary.count, 1);
}

static const struct mr_schema *named_schema(void)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRING);
    mr_schema_builder_set_name(builder, "named");
    return mr_schema_builder_build(builder, NULL);
}

static void work(struct batch_pool *pool, const struct mr_schema *schema)
{
    struct mr_batch *batch = batch_pool_take(pool);
    assert_int_equal(batch_on_release(batch, note, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        struct mr_record *record = mr_batch_append(batch);
        struct mr_arena *arena = mr_record_arena(record);
        assert_int_equal(mr_record_set_topic(record, "topic"), 0);
        assert_int_equal(mr_record_set_value(record, schema, mr_string(arena, "a line of text that is not so short")), 0);
        assert_int_equal(mr_record_add_header(record, "h", NULL, mr_int64(arena, i)), 0);
        assert_non_null(mr_record_copy(record));
    }
    diary.count = 0;
    mr_batch_drop(batch);
}

static void a_warm_pool_asks_for_no_memory(void **state)
{
    (void)state;
    struct batch_pool *pool = make_pool();
    const struct mr_schema *schema = named_schema();
    work(pool, schema);
    mem_watch_start(0); /* whatever is asked for is refused */
    for (int i = 0; i < 20; i++)
        work(pool, schema);
    assert_int_equal(mem_failed(), 0);
    mem_watch_stop();
    mr_schema_drop(schema);
    batch_pool_destroy(pool);
    assert_int_equal(schema_interned_count(), 0);
}

static void a_pool_keeps_few_idle_batches(void **state)
{
    (void)state;
    struct batch_pool *pool = make_pool();
    struct mr_batch *batches[5];
    mem_watch_start(MEM_NEVER_FAIL);
    for (int i = 0; i < 5; i++)
        batches[i] = batch_pool_take(pool);
    assert_int_equal(batch_pool_out_count(pool), 5);
    for (int i = 0; i < 5; i++)
        mr_batch_drop(batches[i]);
    assert_int_equal(batch_pool_out_count(pool), 0);
    assert_int_equal(mem_live(), 2);
    batch_pool_trim(pool);
    assert_int_equal(mem_live(), 0);
    mem_watch_stop();
    batch_pool_destroy(pool);
}

/* Two of 64 KiB are more than 100 KiB; but the first stays whatever it holds. */
static void a_pool_keeps_few_idle_bytes(void **state)
{
    struct batch_pool *pool = batch_pool_create(
        &(struct batch_pool_setup){.batch_limit_bytes = 8 << 20, .idle_max = 12, .idle_bytes_max = 100 << 10});
    struct mr_batch *small, *large[3];

    (void)state;
    assert_non_null(pool);
    small = batch_pool_take(pool);
    assert_non_null(mr_arena_alloc(mr_batch_arena(small), 100));
    for (int i = 0; i < 3; i++) {
        large[i] = batch_pool_take(pool);
        assert_non_null(mr_arena_alloc(mr_batch_arena(large[i]), 64 << 10));
    }
    for (int i = 0; i < 3; i++)
        mr_batch_drop(large[i]);
    mr_batch_drop(small);
    assert_ptr_equal(batch_pool_take(pool), small);
    assert_ptr_equal(batch_pool_take(pool), large[0]);
    mr_batch_drop(large[0]); /* what was taken counts no more */
    mr_batch_drop(small);
    assert_ptr_equal(batch_pool_take(pool), small);
    assert_ptr_equal(batch_pool_take(pool), large[0]);
    mr_batch_drop(small);
    mr_batch_drop(large[0]);
    batch_pool_trim(pool);
    large[0] = batch_pool_take(pool);
    assert_non_null(mr_arena_alloc(mr_batch_arena(large[0]), 128 << 10));
    mr_batch_drop(large[0]);
    assert_ptr_equal(batch_pool_take(pool), large[0]);
    mr_batch_drop(large[0]);
    batch_pool_destroy(pool);
}

static void a_kept_batch_outlives_its_pool(void **state)
{
    (void)state;
    struct batch_pool *pool = make_pool();
    struct mr_batch *kept = batch_pool_take(pool);
    struct mr_record *record = mr_batch_append(kept);
    assert_int_equal(mr_record_set_topic(record, "still here"), 0);
    diary.count = 0;
    assert_int_equal(batch_on_release(kept, note, NULL), 0);
    mr_batch_drop(batch_pool_take(pool));
    batch_pool_destroy(pool); /* the task has ended */
    assert_string_equal(mr_record_topic(record), "still here");
    mr_batch_drop(kept);
    assert_int_equal(diary.count, 1);
}

static void a_recycled_batch_is_like_new(void **state)
{
    (void)state;
    struct batch_pool *pool = make_pool();
    struct mr_batch *batch = batch_pool_take(pool);
    batch->owner = pool;
    struct mr_record *record = mr_batch_append(batch);
    record->owner = pool;
    atomic_store(&record->owner_state, 3);
    assert_int_equal(mr_batch_append_progress(batch, mr_null(), mr_null()), 0);
    mr_batch_drop(batch);
    struct mr_batch *again = batch_pool_take(pool);
    assert_ptr_equal(again, batch);
    assert_null(again->owner);
    assert_int_equal(mr_batch_count(again), 0);
    record = mr_batch_append(again);
    assert_null(record->owner);
    assert_int_equal(atomic_load(&record->owner_state), 0);
    assert_ptr_equal(mr_batch_at(again, 0), record);
    mr_batch_drop(again);
    batch_pool_destroy(pool);
}

static _Atomic int releases;

static void count_release(void *nothing)
{
    (void)nothing;
    atomic_fetch_add(&releases, 1);
}

static void *drop_it(void *batch)
{
    struct mr_record *record = mr_batch_at(batch, 0);
    assert_string_equal(mr_record_topic(record), "shared");
    mr_batch_drop(batch);
    return NULL;
}

static void the_last_drop_may_come_from_any_thread(void **state)
{
    (void)state;
    struct batch_pool *pool = make_pool();
    for (int round = 0; round < 200; round++) {
        struct mr_batch *batch = batch_pool_take(pool);
        assert_int_equal(mr_record_set_topic(mr_batch_append(batch), "shared"), 0);
        assert_int_equal(batch_on_release(batch, count_release, NULL), 0);
        pthread_t threads[3];
        for (int i = 0; i < 3; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, drop_it, mr_batch_take(batch)), 0);
        mr_batch_drop(batch);
        if (round == 199)
            batch_pool_destroy(pool);
        for (int i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&releases), 200);
}

/* What makes AddressSanitizer report a task that reads records after it let go of them. */
static void memory_of_an_idle_batch_is_poisoned(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    struct batch_pool *pool = make_pool();
    struct mr_batch *batch = batch_pool_take(pool);
    struct mr_record *record = mr_batch_append(batch);
    assert_false(__asan_address_is_poisoned(record));
    mr_batch_drop(batch);
    assert_true(__asan_address_is_poisoned(record));
    batch_pool_destroy(pool);
#else
    skip();
#endif
}

static bool use_a_pool(void *argument)
{
    (void)argument;
    struct batch_pool *pool = batch_pool_create(&(struct batch_pool_setup){.batch_limit_bytes = 1 << 20, .idle_max = 1});
    struct mr_batch *batch = pool == NULL ? NULL : batch_pool_take(pool);
    bool worked = batch != NULL && batch_on_release(batch, count_release, NULL) == 0 && mr_batch_append(batch) != NULL;
    if (pool != NULL && batch == NULL)
        assert_int_equal(batch_pool_out_count(pool), 0);
    mr_batch_drop(batch);
    batch_pool_destroy(pool);
    return worked;
}

static void every_lost_allocation_is_survived(void **state)
{
    (void)state;
    alloc_torture(use_a_pool, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_stay_where_they_are_while_the_batch_grows),
        cmocka_unit_test(a_full_batch_refuses_and_keeps_what_it_has),
        cmocka_unit_test(progress_stands_among_the_records_and_is_not_counted),
        cmocka_unit_test(release_calls_come_once_with_the_last_reference),
        cmocka_unit_test(clearing_a_batch_lets_go_of_all),
        cmocka_unit_test(a_warm_pool_asks_for_no_memory),
        cmocka_unit_test(a_pool_keeps_few_idle_batches),
        cmocka_unit_test(a_pool_keeps_few_idle_bytes),
        cmocka_unit_test(a_kept_batch_outlives_its_pool),
        cmocka_unit_test(a_recycled_batch_is_like_new),
        cmocka_unit_test(the_last_drop_may_come_from_any_thread),
        cmocka_unit_test(memory_of_an_idle_batch_is_poisoned),
        cmocka_unit_test(every_lost_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
