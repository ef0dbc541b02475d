/* offset_commit: nothing is stored past a record that is not acknowledged, and one that is stuck holds its own lane only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fake_clock.h"
#include "fake_store.h"
#include "support/alloc_torture.h"
#include "task/offset_lanes_internal.h"
#include "task/source_batch_internal.h"

#define INTERVAL_MS 1000
#define TIMEOUT_MS 500

static struct fake_clock fake_clock;
static int wakes;

static void wake(void *argument)
{
    (void)argument;
    __atomic_add_fetch(&wakes, 1, __ATOMIC_RELAXED);
}

static struct offset_commit *commit_of_test(bool keep_done)
{
    struct offset_commit *commit = offset_commit_create(
        &(struct offset_commit_setup){.connector = "files", .clock = &fake_clock.clock, .interval_ms = INTERVAL_MS,
                                      .timeout_ms = TIMEOUT_MS, .keep_done = keep_done, .wake = wake},
        NULL);

    assert_non_null(commit);
    return commit;
}

static int set_up(void **state)
{
    fake_store_reset();
    fake_clock_init(&fake_clock, 0);
    wakes = 0;
    *state = commit_of_test(false);
    return 0;
}

static int tear_down(void **state)
{
    offset_commit_close(*state);
    return 0;
}

/* --- batches ---- */

static struct source_batch *batch_begin(void)
{
    struct mr_batch *polled = mr_batch_create(64 << 20);
    struct source_batch *batch = mr_arena_alloc(mr_batch_arena(polled), sizeof(*batch));

    *batch = (struct source_batch){.batch = polled};
    polled->owner = batch;
    return batch;
}

static const struct mr_value *map_of(struct source_batch *batch, const char *name, int64_t number)
{
    struct mr_arena *arena = mr_batch_arena(batch->batch);
    struct mr_value *map = mr_map_create(arena, 1);

    assert_int_equal(0, mr_map_put_text(arena, map, name, mr_int64(arena, number)));
    return map;
}

/* A record with one item on its way. */
static struct mr_record *add(struct source_batch *batch, int64_t partition, int64_t offset)
{
    struct mr_record *record = mr_batch_append(batch->batch);

    assert_int_equal(0, mr_record_set_source(record, map_of(batch, "p", partition), map_of(batch, "o", offset)));
    atomic_store(&record->owner_pending, 1);
    return record;
}

static struct mr_record *add_acked(struct source_batch *batch, int64_t partition, int64_t offset)
{
    struct mr_record *record = add(batch, partition, offset);

    atomic_store(&record->owner_pending, 0);
    atomic_store(&record->owner_state, ENTRY_ACKED);
    return record;
}

static struct mr_record *add_progress(struct source_batch *batch, int64_t partition, int64_t offset)
{
    assert_int_equal(0, mr_batch_append_progress(batch->batch, map_of(batch, "p", partition),
                                                 map_of(batch, "o", offset)));
    struct mr_record *marker = batch_entry_at(batch->batch, batch_entry_count(batch->batch) - 1);
    atomic_store(&marker->owner_state, ENTRY_ACKED);
    return marker;
}

static void submit(struct offset_commit *commit, struct source_batch *batch)
{
    assert_int_equal(0, offset_commit_submit(commit, batch, NULL));
}

/* Collects, and has everything committable stored at once. */
static void flush_now(struct offset_commit *commit)
{
    offset_commit_collect(commit);
    while (offset_commit_flush(commit, true) == FLUSH_STORED)
        ;
}

static void end(struct offset_commit *commit, struct source_batch *batch)
{
    offset_commit_forget(commit);
    mr_batch_drop(batch->batch);
}

/* --- lanes and prefixes ---- */

static void only_the_acknowledged_prefix_is_stored(void **state)
{
    struct source_batch *batch = batch_begin();
    struct mr_record *records[4];

    for (int i = 0; i < 4; i++)
        records[i] = add(batch, 0, i + 1);
    submit(*state, batch);
    offset_commit_mark_acked(records[1]);
    offset_commit_mark_acked(records[3]);
    flush_now(*state);
    assert_int_equal(-1, fake_store.stored[0]);
    offset_commit_mark_acked(records[0]);
    flush_now(*state);
    assert_int_equal(2, fake_store.stored[0]);
    assert_int_equal(2, offset_commit_pending(*state));
    offset_commit_mark_acked(records[2]);
    flush_now(*state);
    assert_int_equal(4, fake_store.stored[0]);
    assert_true(offset_commit_is_home(*state, batch));
    end(*state, batch);
}

static void a_stuck_record_holds_back_its_own_lane_only(void **state)
{
    struct source_batch *batch = batch_begin();
    struct mr_record *stuck = add(batch, 0, 1), *records[20];

    for (int i = 0; i < 20; i++)
        records[i] = add(batch, i % 5, i + 2);
    submit(*state, batch);
    for (int i = 0; i < 20; i++)
        offset_commit_mark_acked(records[i]);
    flush_now(*state);
    assert_int_equal(-1, fake_store.stored[0]);
    for (int partition = 1; partition < 5; partition++)
        assert_int_equal(17 + partition, fake_store.stored[partition]);
    assert_false(offset_commit_is_home(*state, batch));
    offset_commit_mark_acked(stuck);
    flush_now(*state);
    assert_int_equal(17, fake_store.stored[0]);
    assert_int_equal(1, fake_store.last_count);
    assert_true(offset_commit_is_home(*state, batch));
    end(*state, batch);
}

static void equal_partitions_of_different_batches_are_one_lane(void **state)
{
    struct source_batch *one = batch_begin(), *other = batch_begin();
    struct mr_record *first = add(one, 7, 1), *second = add(other, 7, 2);

    submit(*state, one);
    submit(*state, other);
    offset_commit_mark_acked(second);
    flush_now(*state);
    assert_int_equal(0, fake_store.puts);
    offset_commit_mark_acked(first);
    flush_now(*state);
    assert_int_equal(2, fake_store.stored[7]);
    assert_int_equal(1, fake_store.entries);
    offset_commit_forget(*state);
    mr_batch_drop(one->batch);
    mr_batch_drop(other->batch);
}

static void a_record_of_many_items_waits_for_all_of_them(void **state)
{
    struct source_batch *batch = batch_begin();
    struct mr_record *record = add(batch, 0, 1);

    atomic_store(&record->owner_pending, 3);
    submit(*state, batch);
    for (int i = 0; i < 3; i++) {
        flush_now(*state);
        assert_int_equal(-1, fake_store.stored[0]);
        offset_commit_mark_acked(record);
    }
    flush_now(*state);
    assert_int_equal(1, fake_store.stored[0]);
    end(*state, batch);
}

static void filtered_records_and_progress_advance_the_lane_in_their_turn(void **state)
{
    struct source_batch *batch = batch_begin();
    struct mr_record *first;

    first = add(batch, 0, 1);
    add_acked(batch, 0, 2);
    add_progress(batch, 0, 3);
    add_progress(batch, 1, 4);
    submit(*state, batch);
    flush_now(*state);
    assert_int_equal(-1, fake_store.stored[0]);
    assert_int_equal(4, fake_store.stored[1]);
    offset_commit_mark_acked(first);
    flush_now(*state);
    assert_int_equal(3, fake_store.stored[0]);
    end(*state, batch);
}

static void a_source_without_offsets_stores_nothing(void **state)
{
    struct source_batch *batch = batch_begin();
    struct mr_record *bare = mr_batch_append(batch->batch), *without_offset = mr_batch_append(batch->batch);

    assert_int_equal(0, mr_record_set_source(without_offset, map_of(batch, "p", 1), mr_null()));
    atomic_store(&bare->owner_state, ENTRY_ACKED);
    atomic_store(&without_offset->owner_state, ENTRY_ACKED);
    submit(*state, batch);
    flush_now(*state);
    assert_int_equal(0, fake_store.puts);
    assert_true(offset_commit_is_home(*state, batch));
    end(*state, batch);
}

static void a_record_without_an_offset_keeps_the_one_before_it(void **state)
{
    struct source_batch *batch = batch_begin();

    add_acked(batch, 0, 7);
    struct mr_record *without_offset = mr_batch_append(batch->batch);
    assert_int_equal(0, mr_record_set_source(without_offset, map_of(batch, "p", 0), mr_null()));
    atomic_store(&without_offset->owner_state, ENTRY_ACKED);
    submit(*state, batch);
    flush_now(*state);
    assert_int_equal(7, fake_store.stored[0]);
    end(*state, batch);
}

static void progress_to_null_forgets_the_partition_in_its_turn(void **state)
{
    struct source_batch *batch = batch_begin();
    struct mr_record *waiting;

    add_acked(batch, 0, 7);
    waiting = add(batch, 0, 8);
    assert_int_equal(0, mr_batch_append_progress(batch->batch, map_of(batch, "p", 0), mr_null()));
    struct mr_record *marker = batch_entry_at(batch->batch, batch_entry_count(batch->batch) - 1);
    atomic_store(&marker->owner_state, ENTRY_ACKED);
    submit(*state, batch);
    flush_now(*state);
    assert_int_equal(7, fake_store.stored[0]);
    offset_commit_mark_acked(waiting);
    flush_now(*state);
    assert_int_equal(2, fake_store.puts);
    assert_int_equal(-1, fake_store.stored[0]);
    end(*state, batch);
}

static void random_acknowledgements_never_store_too_much(void **state)
{
    enum { RECORDS = 3000, PARTITIONS = 37 };
    struct source_batch *batch = batch_begin();
    static struct mr_record *records[RECORDS];
    static bool is_acked[RECORDS];
    uint64_t seed = 99;

    memset(is_acked, 0, sizeof(is_acked));
    for (int i = 0; i < RECORDS; i++)
        records[i] = add(batch, (int)((seed = seed * 6364136223846793005u + 1) >> 33) % PARTITIONS, i);
    submit(*state, batch);
    for (int round = 0; round < RECORDS * 3; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int at = (int)((seed >> 33) % RECORDS);

        if (!is_acked[at])
            offset_commit_mark_acked(records[at]);
        is_acked[at] = true;
        if (round % 50 != 0)
            continue;
        flush_now(*state);
        int64_t expected[PARTITIONS];
        bool is_stuck[PARTITIONS] = {false};
        memset(expected, -1, sizeof(expected));
        for (int i = 0; i < RECORDS; i++) {
            int64_t p = fake_store_number(mr_record_source_partition(records[i]), "p");

            is_stuck[p] |= !is_acked[i];
            expected[p] = is_stuck[p] ? expected[p] : i;
        }
        for (int p = 0; p < PARTITIONS; p++)
            assert_int_equal(expected[p], fake_store.stored[p]);
    }
    end(*state, batch);
}

static void many_partitions_are_stored_once_each(void **state)
{
    enum { PARTITIONS = 4000 };
    struct source_batch *batch = NULL;

    for (int round = 0; round < 3; round++) {
        batch = batch_begin();
        for (int i = 0; i < PARTITIONS; i++)
            add_acked(batch, i, round * 10 + 1);
        submit(*state, batch);
        flush_now(*state);
        end(*state, batch);
        assert_int_equal(PARTITIONS * (round + 1), fake_store.entries);
        assert_int_equal(round + 1, fake_store.puts);
    }
    for (int i = 0; i < PARTITIONS; i++)
        assert_int_equal(21, fake_store.stored[i]);
    flush_now(*state); /* what was stored is not stored again */
    assert_int_equal(3, fake_store.puts);
}

/* --- commit_record ---- */

static void finished_records_wait_for_their_commit_record(void **state)
{
    struct offset_commit *commit = commit_of_test(true);
    struct source_batch *batch = batch_begin();
    struct mr_record *first = add(batch, 0, 1), *second = add(batch, 0, 2);

    (void)state;
    add_progress(batch, 0, 3); /* has no commit_record */
    submit(commit, batch);
    offset_commit_mark_acked(second);
    offset_commit_collect(commit);
    assert_null(offset_commit_take_done(commit));
    offset_commit_mark_acked(first);
    offset_commit_collect(commit);
    assert_ptr_equal(first, offset_commit_take_done(commit));
    offset_commit_release_done(commit, first);
    assert_ptr_equal(second, offset_commit_take_done(commit));
    assert_false(offset_commit_is_home(commit, batch));
    offset_commit_release_done(commit, second);
    assert_true(offset_commit_is_home(commit, batch));
    assert_null(offset_commit_take_done(commit));
    mr_batch_drop(batch->batch);
    offset_commit_close(commit);
}

/* --- flushes ---- */

static void submit_acked(struct offset_commit *commit, int64_t partition, int64_t offset)
{
    struct source_batch *batch = batch_begin();

    add_acked(batch, partition, offset);
    submit(commit, batch);
    offset_commit_collect(commit);
    mr_batch_drop(batch->batch); /* it is home */
}

static void a_flush_waits_for_its_interval(void **state)
{
    int64_t began_ms = clock_monotonic_ms(&fake_clock.clock);

    assert_int_equal(INT64_MAX, offset_commit_next_ms(*state));
    submit_acked(*state, 0, 1);
    assert_int_equal(began_ms + INTERVAL_MS, offset_commit_next_ms(*state));
    fake_clock_advance_ms(&fake_clock, INTERVAL_MS - 1);
    assert_int_equal(FLUSH_NOTHING, offset_commit_flush(*state, false));
    fake_clock_advance_ms(&fake_clock, 1);
    assert_int_equal(FLUSH_STORED, offset_commit_flush(*state, false));
    assert_int_equal(FLUSH_NOTHING, offset_commit_flush(*state, false)); /* told once */
    assert_int_equal(1, fake_store.stored[0]);
}

/* A record that Kafka does not acknowledge must not make its task run in circles. */
static void what_is_under_way_asks_for_no_time(void **state)
{
    struct source_batch *batch = batch_begin();

    add(batch, 0, 1);
    submit(*state, batch);
    fake_clock_advance_ms(&fake_clock, 10 * INTERVAL_MS);
    assert_int_equal(INT64_MAX, offset_commit_next_ms(*state));
    end(*state, batch);
}

static void one_flush_runs_at_a_time(void **state)
{
    fake_store.mode = STORE_HOLDS;
    submit_acked(*state, 0, 1);
    assert_int_equal(FLUSH_RUNNING, offset_commit_flush(*state, true));
    submit_acked(*state, 0, 2);
    assert_int_equal(FLUSH_RUNNING, offset_commit_flush(*state, true));
    assert_int_equal(1, fake_store.puts);
    fake_store_answer(NULL);
    assert_int_equal(1, wakes);
    assert_int_equal(FLUSH_STORED, offset_commit_flush(*state, true));
    assert_int_equal(FLUSH_RUNNING, offset_commit_flush(*state, true));
    assert_int_equal(2, fake_store.puts);
    fake_store_answer(NULL);
    assert_int_equal(FLUSH_STORED, offset_commit_flush(*state, true));
}

static void a_failed_flush_is_tried_again_with_what_is_newest(void **state)
{
    submit_acked(*state, 1, 5);
    flush_now(*state);
    fake_store.mode = STORE_HOLDS;
    submit_acked(*state, 0, 1);
    assert_int_equal(FLUSH_RUNNING, offset_commit_flush(*state, true));
    submit_acked(*state, 0, 2);
    fake_store_answer("no broker");
    assert_int_equal(FLUSH_FAILED, offset_commit_flush(*state, false));
    assert_int_equal(FLUSH_NOTHING, offset_commit_flush(*state, false)); /* at the next interval */
    fake_store.mode = STORE_CONFIRMS;
    fake_clock_advance_ms(&fake_clock, INTERVAL_MS);
    assert_int_equal(FLUSH_STORED, offset_commit_flush(*state, false));
    assert_int_equal(2, fake_store.stored[0]);
    assert_int_equal(1, fake_store.last_count); /* the other lane was stored before */
}

static void a_refused_flush_is_tried_again(void **state)
{
    fake_store.mode = STORE_REFUSES;
    submit_acked(*state, 0, 1);
    assert_int_equal(FLUSH_FAILED, offset_commit_flush(*state, true));
    fake_store.mode = STORE_CONFIRMS;
    assert_int_equal(FLUSH_STORED, offset_commit_flush(*state, true));
    assert_int_equal(1, fake_store.stored[0]);
}

static void a_flush_without_confirmation_is_given_up_and_a_late_one_ignored(void **state)
{
    fake_store.mode = STORE_HOLDS;
    submit_acked(*state, 0, 1);
    assert_int_equal(FLUSH_RUNNING, offset_commit_flush(*state, true));
    assert_int_equal(clock_monotonic_ms(&fake_clock.clock) + TIMEOUT_MS, offset_commit_next_ms(*state));
    fake_clock_advance_ms(&fake_clock, TIMEOUT_MS);
    assert_int_equal(FLUSH_FAILED, offset_commit_flush(*state, false));
    assert_int_equal(FLUSH_RUNNING, offset_commit_flush(*state, true));
    fake_store_answer(NULL); /* of the first: late */
    assert_int_equal(FLUSH_RUNNING, offset_commit_flush(*state, true));
    fake_store_answer(NULL);
    assert_int_equal(FLUSH_STORED, offset_commit_flush(*state, true));
    assert_int_equal(FLUSH_NOTHING, offset_commit_flush(*state, true));
}

static void a_confirmation_may_outlive_the_task(void **state)
{
    struct offset_commit *commit = commit_of_test(false);

    (void)state;
    fake_store.mode = STORE_HOLDS;
    submit_acked(commit, 0, 1);
    assert_int_equal(FLUSH_RUNNING, offset_commit_flush(commit, true));
    offset_commit_close(commit);
    fake_store_answer(NULL);
    assert_int_equal(0, wakes);
}

static void offsets_that_were_overtaken_take_no_memory(void **state)
{
    for (int i = 0; i < 50000; i++)
        submit_acked(*state, i % 3, i);
    flush_now(*state);
    assert_int_equal(49998, fake_store.stored[0]);
    assert_int_equal(49999, fake_store.stored[1]);
    assert_int_equal(49997, fake_store.stored[2]);
}

/* --- threads and memory ---- */

struct race {
    struct offset_commit *commit;
    struct mr_record **records;
    size_t count;
    atomic_bool over;
};

/* In a transaction all offsets go along, or it is not committed: until a newer one has come, one that found no memory is lacking. */
static void an_offset_that_found_no_memory_is_lacking_until_a_newer_one_comes(void **state)
{
    struct offset_commit *commit = *state;
    struct source_batch *batch = batch_begin();
    struct mr_record *record = mr_batch_append(batch->batch);
    struct mr_arena *arena = mr_batch_arena(batch->batch);
    struct mr_value *large = mr_map_create(arena, 1);
    static char text[1 << 20];

    memset(text, 'x', sizeof(text) - 1);
    assert_int_equal(0, mr_map_put_text(arena, large, "o", mr_string(arena, text)));
    assert_int_equal(0, mr_record_set_source(record, map_of(batch, "p", 1), large));
    atomic_store(&record->owner_pending, 1);
    submit(commit, batch);
    offset_commit_mark_acked(record);
    mr_arena_destroy(commit->offsets);
    commit->offsets = mr_arena_create(64 << 10); /* has room for all but the large one */
    offset_commit_collect(commit);
    assert_true(offset_commit_lacks(commit));
    submit_acked(commit, 2, 1);
    flush_now(commit);
    assert_true(offset_commit_lacks(commit)); /* of another partition */
    submit_acked(commit, 1, 5);
    flush_now(commit);
    assert_int_equal(5, fake_store.stored[1]);
    assert_false(offset_commit_lacks(commit));
    end(commit, batch);
}

static void *acknowledge(void *argument)
{
    struct race *race = argument;

    for (size_t i = 0; i < race->count; i++)
        offset_commit_mark_acked(race->records[i]);
    return NULL;
}

static void *tick(void *argument)
{
    struct race *race = argument;

    while (!atomic_load(&race->over)) {
        offset_commit_collect(race->commit);
        offset_commit_flush_start(race->commit);
        fake_clock_advance_ms(&fake_clock, INTERVAL_MS);
    }
    return NULL;
}

static void acknowledging_ticking_and_collecting_threads_agree(void **state)
{
    enum { RECORDS = 20000 };
    struct source_batch *batch = batch_begin();
    struct race race = {.commit = *state, .records = calloc(RECORDS, sizeof(struct mr_record *)), .count = RECORDS};
    pthread_t threads[2];
    char why[128];

    for (int i = 0; i < RECORDS; i++)
        race.records[i] = add(batch, i % 10, i);
    submit(*state, batch);
    assert_true(thread_start(&threads[0], &(struct thread_setup){.name = "ack", .run = acknowledge, .argument = &race},
                             why, sizeof(why)));
    assert_true(thread_start(&threads[1], &(struct thread_setup){.name = "tick", .run = tick, .argument = &race}, why,
                             sizeof(why)));
    while (!offset_commit_is_home(*state, batch)) {
        offset_commit_collect(*state);
        offset_commit_flush(*state, false);
    }
    thread_join(threads[0]);
    offset_commit_forget(*state); /* as a task does, while the other still ticks */
    mr_batch_drop(batch->batch);
    atomic_store(&race.over, true);
    thread_join(threads[1]);
    flush_now(*state);
    for (int p = 0; p < 10; p++)
        assert_int_equal(RECORDS - 10 + p, fake_store.stored[p]);
    free(race.records);
}

static bool live_through(void *argument)
{
    struct offset_commit *commit = offset_commit_create(
        &(struct offset_commit_setup){.connector = "files", .clock = &fake_clock.clock, .interval_ms = INTERVAL_MS,
                                      .timeout_ms = TIMEOUT_MS, .keep_done = true, .wake = wake},
        NULL);
    struct source_batch *batch = argument;
    bool worked = commit != NULL && offset_commit_submit(commit, batch, NULL) == 0;
    struct mr_record *done;

    if (commit == NULL)
        return false;
    offset_commit_collect(commit);
    while ((done = offset_commit_take_done(commit)) != NULL)
        offset_commit_release_done(commit, done);
    offset_commit_flush(commit, true);
    offset_commit_forget(commit);
    batch->entries_left = 0;
    offset_commit_close(commit);
    return worked;
}

static void it_survives_every_lack_of_memory(void **state)
{
    struct source_batch *batch = batch_begin();

    (void)state;
    for (int i = 0; i < 40; i++)
        add_acked(batch, i % 20, i);
    alloc_torture(live_through, batch);
    mr_batch_drop(batch->batch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_acknowledged_prefix_is_stored),
        TEST(a_stuck_record_holds_back_its_own_lane_only),
        TEST(equal_partitions_of_different_batches_are_one_lane),
        TEST(a_record_of_many_items_waits_for_all_of_them),
        TEST(filtered_records_and_progress_advance_the_lane_in_their_turn),
        TEST(a_source_without_offsets_stores_nothing),
        TEST(a_record_without_an_offset_keeps_the_one_before_it),
        TEST(progress_to_null_forgets_the_partition_in_its_turn),
        TEST(random_acknowledgements_never_store_too_much),
        TEST(many_partitions_are_stored_once_each),
        TEST(finished_records_wait_for_their_commit_record),
        TEST(a_flush_waits_for_its_interval),
        TEST(what_is_under_way_asks_for_no_time),
        TEST(one_flush_runs_at_a_time),
        TEST(a_failed_flush_is_tried_again_with_what_is_newest),
        TEST(a_refused_flush_is_tried_again),
        TEST(a_flush_without_confirmation_is_given_up_and_a_late_one_ignored),
        TEST(a_confirmation_may_outlive_the_task),
        TEST(offsets_that_were_overtaken_take_no_memory),
        TEST(an_offset_that_found_no_memory_is_lacking_until_a_newer_one_comes),
        TEST(acknowledging_ticking_and_collecting_threads_agree),
        TEST(it_survives_every_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
