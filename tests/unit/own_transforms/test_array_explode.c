#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transform_bench.h"

static void each_element_becomes_a_record_in_order(void **state)
{
    static const struct transform_case cases[] = {
        {"field=lines", "{\"id\":1,\"lines\":[{\"a\":1},null,\"x\"]}", "t {\"a\":1} | t null | t \"x\""},
        {"", "[1,2]", "t 1 | t 2"},
        {"field=lines", "{\"lines\":[]}", "dropped"},
        {"field=lines[0]", "{\"lines\":[[1],[2]]}", "t 1"},
        {"field=lines", "{\"lines\":null}", "error: there is nothing, or null, at lines"},
        {"field=lines;missing.or.null.behavior=include", "{\"lines\":null}", "t {\"lines\":null}"},
        {"field=lines;missing.or.null.behavior=exclude", "{}", "dropped"},
        {"field=lines", "{\"lines\":5}", "error: at lines stands no array"},
        {"field=lines", "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"field\":\"lines\",\"type\":\"array\",\"items\":{\"type\":\"int8\"}}]},"
                        "\"payload\":{\"lines\":[1,2]}}", "t 1 | t 2"},
    };

    (void)state;
    CHECK_VALUES(array_explode, cases);
    CHECK_KEYS(array_explode, cases);
}

/* The whole chain of one record: what a dead letter says of a part, and how its offset counts, is that of the whole. */
static void parts_keep_origin_schema_and_index(void **state)
{
    const struct mr_transform_ops *ops = array_explode_value.ops;
    struct mr_config *config = bench_config(&array_explode_value, "field=a;index.header=i", NULL);
    struct mr_json_envelope *envelope = mr_json_envelope_create(0, 16);
    struct mr_batch *batch = mr_batch_create(1u << 20);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_emitter emitter;
    void *self = ops->create(config, NULL);

    (void)state;
    emitter_init(&emitter);
    bench_fill(record, SIDE_VALUE, envelope, "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"field\":\"a\",\"type\":\"array\",\"items\":"
                                             "{\"type\":\"int8\"}}]},\"payload\":{\"a\":[4,5]}}");
    struct mr_value *partition = mr_map_create(mr_record_arena(record), 1);
    assert_int_equal(0, mr_map_put_text(mr_record_arena(record), partition, "p", mr_boolean(true)));
    assert_int_equal(0, mr_record_set_source(record, partition, partition));
    assert_int_equal(0, ops->apply(self, record, &emitter, NULL));
    assert_int_equal(2, emitter.count);
    for (size_t i = 0; i < 2; i++) {
        struct mr_record *part = emitter.records[i];

        assert_ptr_not_equal(part, record);
        assert_true(mr_value_equals(partition, mr_record_source_partition(part)));
        assert_ptr_equal(mr_schema_primitive(MR_TYPE_INT8, false), mr_record_value_schema(part));
        assert_int_equal(1, mr_record_header_count(part));
        assert_string_equal("i", mr_record_header_key(part, 0));
        assert_int_equal(i, mr_value_integer(mr_record_header_value(part, 0)));
    }
    emitter_release(&emitter);
    ops->destroy(self);
    mr_config_destroy(config);
    mr_json_envelope_destroy(envelope);
    mr_batch_drop(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_element_becomes_a_record_in_order),
        cmocka_unit_test(parts_keep_origin_schema_and_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
