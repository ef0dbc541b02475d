#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sdk/record_layout.h"
#include "sdk/schema_internal.h"
#include "base/mem.h"
#include "support/alloc_torture.h"

static struct mr_batch *batch;

static int open_batch(void **state)
{
    (void)state;
    batch = mr_batch_create(1 << 20);
    return batch == NULL ? -1 : 0;
}

static int close_batch(void **state)
{
    (void)state;
    mr_batch_drop(batch);
    return schema_interned_count() == 0 ? 0 : -1;
}

static const struct mr_value *text(const char *words)
{
    return mr_string(mr_batch_arena(batch), words);
}

static const struct record_raw_header raw_headers[] = {{"h", {"v", 1}}, {"none", {NULL, 0}}};

static struct mr_record *sink_record(void)
{
    struct mr_record *record = mr_batch_append(batch);
    struct record_origin origin = {.topic = "in", .partition = 3, .offset = 42, .timestamp_ms = 1000,
        .timestamp_type = MR_TIMESTAMP_LOG_APPEND_TIME, .key = {NULL, 0}, .value = {"bytes", 5},
        .headers = raw_headers, .header_count = 2};
    assert_int_equal(record_set_origin(record, &origin), 0);
    return record;
}

static void a_new_record_is_empty(void **state)
{
    (void)state;
    struct mr_record *record = mr_batch_append(batch);
    assert_null(mr_record_topic(record));
    assert_int_equal(mr_record_partition(record), MR_PARTITION_NONE);
    assert_false(mr_record_has_timestamp(record));
    assert_int_equal(mr_record_timestamp_type(record), MR_TIMESTAMP_NONE);
    assert_true(mr_value_is_null(mr_record_key(record)));
    assert_true(mr_value_is_null(mr_record_value(record)));
    assert_null(mr_record_value_schema(record));
    assert_int_equal(mr_record_header_count(record), 0);
    assert_false(mr_record_is_sink(record));
    assert_int_equal(mr_record_offset(record), -1);
    assert_null(mr_record_origin_topic(record));
    assert_null(mr_record_origin_value(record).data);
    assert_true(mr_value_is_null(mr_record_source_partition(record)));
    assert_true(mr_value_is_null(mr_record_source_offset(record)));
    assert_ptr_equal(mr_record_batch(record), batch);
    assert_ptr_equal(mr_record_arena(record), mr_batch_arena(batch));
}

static void what_is_set_is_read(void **state)
{
    (void)state;
    struct mr_record *record = mr_batch_append(batch);
    char topic[] = "topic";
    assert_int_equal(mr_record_set_topic(record, topic), 0);
    topic[0] = 'x';
    assert_string_equal(mr_record_topic(record), "topic");
    mr_record_set_partition(record, 5);
    mr_record_set_timestamp_ms(record, 0);
    assert_true(mr_record_has_timestamp(record));
    assert_int_equal(mr_record_timestamp_type(record), MR_TIMESTAMP_CREATE_TIME);
    mr_record_clear_timestamp(record);
    assert_int_equal(mr_record_timestamp_type(record), MR_TIMESTAMP_NONE);
    assert_int_equal(mr_record_set_key(record, NULL, text("k")), 0);
    assert_true(value_text_is(mr_record_key(record), "k", 1));
    assert_int_equal(mr_record_set_source(record, text("p"), text("o")), 0);
    assert_true(value_text_is(mr_record_source_partition(record), "p", 1));
    assert_true(value_text_is(mr_record_source_offset(record), "o", 1));
    assert_int_equal(mr_record_set_value(record, NULL, NULL), -1);
    assert_int_equal(mr_record_add_header(record, "h", NULL, NULL), -1);
}

static void a_sink_record_keeps_its_origin(void **state)
{
    (void)state;
    struct mr_record *record = sink_record();
    assert_int_equal(mr_record_set_topic_ref(record, "elsewhere"), 0);
    mr_record_set_partition(record, 9);
    mr_record_set_timestamp_ms(record, 77);
    assert_int_equal(mr_record_set_source(record, text("p"), text("o")), 0); /* not for sink records */
    assert_true(mr_record_is_sink(record));
    assert_string_equal(mr_record_origin_topic(record), "in");
    assert_int_equal(mr_record_origin_partition(record), 3);
    assert_int_equal(mr_record_offset(record), 42);
    assert_null(mr_record_origin_key(record).data);
    assert_int_equal(mr_record_origin_value(record).size, 5);
    assert_true(mr_value_is_null(mr_record_source_offset(record)));
    assert_int_equal(mr_record_timestamp_type(record), MR_TIMESTAMP_LOG_APPEND_TIME);
    assert_int_equal(record_origin(record)->timestamp_ms, 1000);
    assert_string_equal(record_origin(record)->headers[1].key, "none");
}

static void headers_keep_order_and_may_repeat(void **state)
{
    (void)state;
    struct mr_record *record = mr_batch_append(batch);
    static const char *const keys[] = {"a", "b", "a", "c", "a", "d", "e"};
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(mr_record_add_header(record, keys[i], NULL, text(keys[i])), 0);
    assert_string_equal(mr_record_header_key(record, 2), "a");
    assert_int_equal(mr_record_remove_headers(record, "absent"), 0);
    assert_int_equal(mr_record_remove_headers(record, "a"), 0);
    assert_int_equal(mr_record_header_count(record), 4);
    assert_string_equal(mr_record_header_key(record, 0), "b");
    assert_true(value_text_is(mr_record_header_value(record, 3), "e", 1));
    assert_null(mr_record_header_key(record, 4));
    assert_null(mr_record_header_schema(record, 0));
}

static void the_number_of_headers_is_limited(void **state)
{
    (void)state;
    struct mr_batch *large = mr_batch_create(64 << 20);
    struct mr_record *record = mr_batch_append(large);
    for (int i = 0; i < RECORD_HEADERS_MAX; i++)
        assert_int_equal(record_add_header_ref(record, "h", NULL, mr_null()), 0);
    assert_int_equal(record_add_header_ref(record, "h", NULL, mr_null()), -1);
    assert_int_equal(mr_record_header_count(record), RECORD_HEADERS_MAX);
    mr_batch_drop(large);
}

static void restoring_undoes_whatever_was_done(void **state)
{
    (void)state;
    for (int with_headers = 0; with_headers < 2; with_headers++) {
        struct mr_record *record = sink_record();
        assert_int_equal(mr_record_set_value(record, NULL, text("before")), 0);
        for (int i = 0; with_headers && i < 3; i++)
            assert_int_equal(mr_record_add_header(record, i == 1 ? "drop" : "keep", NULL, text("v")), 0);
        struct record_content snapshot;
        record_snapshot(record, &snapshot);
        assert_int_equal(mr_record_remove_headers(record, "keep"), 0);
        assert_int_equal(mr_record_add_header(record, "new", NULL, text("n")), 0);
        assert_int_equal(mr_record_set_value(record, NULL, text("after")), 0);
        assert_int_equal(mr_record_set_topic_ref(record, "elsewhere"), 0);
        mr_record_clear_timestamp(record);
        record->owner_index = 7; /* the owner's own is not undone */
        record_restore(record, &snapshot);
        assert_string_equal(mr_record_topic(record), "in");
        assert_true(value_text_is(mr_record_value(record), "before", 6));
        assert_int_equal(mr_record_timestamp_ms(record), 1000);
        assert_int_equal(mr_record_header_count(record), with_headers ? 3 : 0);
        for (int i = 0; with_headers && i < 3; i++)
            assert_string_equal(mr_record_header_key(record, (size_t)i), i == 1 ? "drop" : "keep");
        assert_int_equal(record->owner_index, 7);
    }
}

static void restoring_twice_from_one_snapshot_works(void **state)
{
    (void)state;
    struct mr_record *record = mr_batch_append(batch);
    assert_int_equal(mr_record_add_header(record, "a", NULL, text("v")), 0);
    struct record_content snapshot;
    record_snapshot(record, &snapshot);
    for (int attempt = 0; attempt < 3; attempt++) {
        assert_int_equal(mr_record_add_header(record, "b", NULL, text("v")), 0);
        assert_int_equal(mr_record_remove_headers(record, "a"), 0);
        record_restore(record, &snapshot);
        assert_int_equal(mr_record_header_count(record), 1);
        assert_string_equal(mr_record_header_key(record, 0), "a");
    }
}

static void a_copy_shares_content_until_one_changes(void **state)
{
    (void)state;
    struct mr_record *record = sink_record();
    assert_int_equal(mr_record_add_header(record, "a", NULL, text("v")), 0);
    struct mr_record *copy = mr_record_copy(record), *again = mr_record_copy(copy);
    assert_int_equal(mr_record_add_header(copy, "b", NULL, text("v")), 0);
    assert_int_equal(mr_record_remove_headers(record, "a"), 0);
    assert_int_equal(mr_record_header_count(record), 0);
    assert_int_equal(mr_record_header_count(copy), 2);
    assert_int_equal(mr_record_header_count(again), 1);
    assert_int_equal(mr_record_offset(again), 42);
    assert_ptr_equal(again->original, record);
    assert_int_equal(mr_batch_count(batch), 1);
    assert_int_equal(batch_copy_count(batch), 2);
    assert_ptr_equal(batch_copy_at(batch, 1), again);
}

static const struct mr_schema *named_schema(void)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRING);
    mr_schema_builder_set_name(builder, "named");
    return mr_schema_builder_build(builder, NULL);
}

static void a_copy_into_another_batch_uses_nothing_of_the_first(void **state)
{
    (void)state;
    const struct mr_schema *schema = named_schema();
    struct mr_record *record = sink_record();
    assert_int_equal(mr_record_set_value(record, schema, text("value")), 0);
    assert_int_equal(mr_record_add_header(record, "h", schema, text("header")), 0);
    mr_schema_drop(schema);
    struct mr_batch *mine = mr_batch_create(1 << 20);
    struct mr_record *copy = mr_record_copy_into(mine, record);
    batch_clear(batch);
    assert_ptr_equal(mr_record_batch(copy), mine);
    assert_true(value_text_is(mr_record_value(copy), "value", 5));
    assert_string_equal(mr_schema_name(mr_record_value_schema(copy)), "named");
    assert_string_equal(mr_schema_name(mr_record_header_schema(copy, 0)), "named");
    assert_true(value_text_is(mr_record_header_value(copy, 0), "header", 6));
    assert_memory_equal(mr_record_origin_value(copy).data, "bytes", 5);
    assert_ptr_not_equal(record_origin(copy)->headers, raw_headers);
    assert_string_equal(record_origin(copy)->headers[0].key, "h");
    assert_int_equal(mr_record_offset(copy), 42);
    assert_int_equal(mr_batch_count(mine), 1);
    mr_batch_drop(mine);
}

static void a_copy_that_does_not_fit_leaves_no_record(void **state)
{
    (void)state;
    struct mr_record *record = mr_batch_append(batch);
    assert_int_equal(mr_record_set_value(record, NULL, mr_bytes_copy(mr_batch_arena(batch), "", 0)), 0);
    assert_int_equal(mr_record_set_source(record, text("partition"), text("offset")), 0);
    for (size_t limit = 0; limit < 6000; limit += 16) {
        struct mr_batch *small = mr_batch_create(limit);
        struct mr_record *copy = mr_record_copy_into(small, record);
        assert_int_equal(mr_batch_count(small), copy == NULL ? 0 : 1);
        mr_batch_drop(small);
    }
}

/* Fills the arena of a batch to the last piece. */
static void use_up(struct mr_batch *small)
{
    while (mr_arena_alloc(mr_batch_arena(small), 16) != NULL)
        continue;
}

static void a_setter_that_fails_leaves_a_mark(void **state)
{
    (void)state;
    for (int setter = 0; setter < 4; setter++) {
        struct mr_batch *small = mr_batch_create(8000);
        struct mr_record *record = mr_batch_append(small);
        assert_int_equal(mr_record_add_header(record, "h", NULL, mr_null()), 0);
        assert_non_null(mr_record_copy(record)); /* so that removing has to copy the headers */
        use_up(small);
        assert_false(batch_is_broken(small));
        int status = setter == 0 ? mr_record_set_topic(record, "topic")
            : setter == 1        ? mr_record_remove_headers(record, "h")
            : setter == 2        ? mr_record_set_key(record, NULL, mr_string(mr_batch_arena(small), "key"))
                                 : mr_record_add_header(record, "i", NULL, mr_null());
        assert_int_equal(status, -1);
        assert_true(batch_is_broken(small));
        mr_batch_drop(small);
    }
}

static int give_nothing(int setter, struct mr_record *record)
{
    switch (setter) {
    case 0: return mr_record_set_topic(record, NULL);
    case 1: return mr_record_set_topic_ref(record, NULL);
    case 2: return mr_record_set_key(record, NULL, NULL);
    case 3: return mr_record_set_value(record, NULL, NULL);
    case 4: return mr_record_set_source(record, NULL, text("o"));
    case 5: return mr_record_set_source(record, text("p"), NULL);
    case 6: return mr_record_add_header(record, "h", NULL, NULL);
    case 7: return mr_record_add_header(record, NULL, NULL, mr_null());
    default: return mr_record_remove_headers(record, NULL);
    }
}

static void a_setter_that_is_given_nothing_fails_and_changes_nothing(void **state)
{
    (void)state;
    struct mr_record *record = mr_batch_append(batch);
    assert_int_equal(mr_record_set_topic(record, "topic"), 0);
    assert_int_equal(mr_record_set_source(record, text("before"), text("before")), 0);
    for (int setter = 0; setter < 9; setter++) {
        struct record_content content = record->content;
        batch_failures_forget(batch);
        assert_int_equal(give_nothing(setter, record), -1);
        assert_true(batch_is_broken(batch));
        assert_memory_equal(&content, &record->content, sizeof(content));
    }
}

static void a_source_may_be_null_if_said_so(void **state)
{
    (void)state;
    struct mr_record *record = mr_batch_append(batch);
    assert_int_equal(mr_record_set_source(record, text("p"), text("o")), 0);
    assert_int_equal(mr_record_set_source(record, text("p"), mr_null()), 0);
    assert_true(value_text_is(mr_record_source_partition(record), "p", 1));
    assert_true(mr_value_is_null(mr_record_source_offset(record)));
    assert_int_equal(mr_record_set_source(record, mr_null(), mr_null()), 0);
    assert_true(mr_value_is_null(mr_record_source_partition(record)));
    assert_false(batch_is_broken(batch));
}

static bool make_records(void *argument)
{
    struct mr_batch *fresh = mr_batch_create(1 << 20);
    if (fresh == NULL)
        return false;
    bool worked = true;
    for (int i = 0; worked && i < 100; i++) {
        struct mr_record *record = mr_batch_append(fresh);
        worked = record != NULL && mr_record_set_topic(record, "topic") == 0
            && mr_record_set_value(record, argument, mr_string(mr_batch_arena(fresh), "text")) == 0
            && mr_record_add_header(record, "h", NULL, mr_null()) == 0 && mr_record_copy(record) != NULL
            && mr_record_remove_headers(record, "h") == 0 && mr_record_copy_into(fresh, record) != NULL;
    }
    mr_batch_drop(fresh);
    return worked;
}

static void every_lost_allocation_is_survived(void **state)
{
    (void)state;
    const struct mr_schema *schema = named_schema();
    alloc_torture(make_records, (void *)schema);
    mr_schema_drop(schema);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_batch, close_batch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_record_is_empty),
        TEST(what_is_set_is_read),
        TEST(a_sink_record_keeps_its_origin),
        TEST(headers_keep_order_and_may_repeat),
        TEST(the_number_of_headers_is_limited),
        TEST(restoring_undoes_whatever_was_done),
        TEST(restoring_twice_from_one_snapshot_works),
        TEST(a_copy_shares_content_until_one_changes),
        TEST(a_copy_into_another_batch_uses_nothing_of_the_first),
        TEST(a_copy_that_does_not_fit_leaves_no_record),
        TEST(a_setter_that_is_given_nothing_fails_and_changes_nothing),
        TEST(a_source_may_be_null_if_said_so),
        TEST(a_setter_that_fails_leaves_a_mark),
        TEST(every_lost_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
