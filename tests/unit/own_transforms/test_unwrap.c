#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transform_bench.h"

#define ROW_AS(field) "{\"type\":\"struct\",\"optional\":true,\"name\":\"db.t.Value\",\"field\":\"" field "\",\"fields\":[{\"field\":\"id\"," \
                      "\"type\":\"int32\"},{\"field\":\"name\",\"type\":\"string\",\"optional\":true}]}"
#define EVENT(payload)                                                                                                 \
    "{\"schema\":{\"type\":\"struct\",\"name\":\"db.t.Envelope\",\"fields\":[" ROW_AS("before") "," ROW_AS("after") ","      \
    "{\"type\":\"struct\",\"field\":\"source\",\"fields\":[{\"field\":\"table\",\"type\":\"string\"},{\"field\":\"ts_ms\","       \
    "\"type\":\"int64\",\"default\":0}]},{\"field\":\"op\",\"type\":\"string\"},{\"field\":\"ts_ms\",\"type\":\"int64\",\"optional\":true}]}," \
    "\"payload\":" payload "}"
#define SOURCE "\"source\":{\"table\":\"t\",\"ts_ms\":5},\"ts_ms\":9"
#define INSERT EVENT("{\"before\":null,\"after\":{\"id\":1,\"name\":\"a\"},\"op\":\"c\"," SOURCE "}")
#define DELETE EVENT("{\"before\":{\"id\":1,\"name\":\"a\"},\"after\":null,\"op\":\"d\"," SOURCE "}")
#define TRUNCATE EVENT("{\"before\":null,\"after\":null,\"op\":\"t\"," SOURCE "}")
#define RUN(cases) bench_check(&unwrap, SIDE_VALUE, cases, sizeof(cases) / sizeof((cases)[0]))

static void the_row_takes_the_place_of_the_event(void **state)
{
    static const struct transform_case cases[] = {
        {"", INSERT, "t {\"id\":1,\"name\":\"a\"}"},
        {"", TRUNCATE, "dropped"},
        {"", "{\"op\":\"c\",\"after\":{}}", "t {\"op\":\"c\",\"after\":{}}"}, /* no envelope */
        {"add.fields=op,table,source.ts_ms,ts_ms:when,nowhere", INSERT,
         "t {\"id\":1,\"name\":\"a\",\"__op\":\"c\",\"__table\":\"t\",\"__source_ts_ms\":5,\"__when\":9}"},
        {"add.fields=op;add.fields.prefix=", INSERT, "t {\"id\":1,\"name\":\"a\",\"op\":\"c\"}"},
        {"route.by.field=name", INSERT, "a {\"id\":1,\"name\":\"a\"}"},
        {"route.by.field=id", INSERT, "error: no text field id"},
        {"add.fields=a.b.c", INSERT, "error: 'a.b.c' is none of"},
        {"add.fields=op:", INSERT, "error: 'op:' is none of"},
    };

    (void)state;
    RUN(cases);
}

static void deletes_and_tombstones_go_by_the_mode(void **state)
{
    static const struct transform_case cases[] = {
        {"", DELETE, "t null"},
        {"", "null", "dropped"},
        {"delete.tombstone.handling.mode=drop", DELETE, "dropped"},
        {"delete.tombstone.handling.mode=REWRITE", DELETE, "t {\"id\":1,\"name\":\"a\",\"__deleted\":\"true\"}"},
        {"delete.tombstone.handling.mode=rewrite", INSERT, "t {\"id\":1,\"name\":\"a\",\"__deleted\":\"false\"}"},
        {"delete.tombstone.handling.mode=rewrite", "null", "dropped"},
        {"delete.tombstone.handling.mode=rewrite-with-tombstone", "null", "t null"},
        {"delete.tombstone.handling.mode=delete-to-tombstone", DELETE, "t null"},
        {"delete.tombstone.handling.mode=rewrite;add.fields=op", DELETE, "t {\"id\":1,\"name\":\"a\",\"__deleted\":\"true\",\"__op\":\"d\"}"},
        {"route.by.field=name", DELETE, "a null"},
        {"drop.tombstones=false", "null", "t null"},
        {"drop.tombstones=false", DELETE, "dropped"},
        {"delete.handling.mode=none", DELETE, "t null"},
        {"delete.handling.mode=rewrite", DELETE, "t {\"id\":1,\"name\":\"a\",\"__deleted\":\"true\"}"},
        {"delete.handling.mode=rewrite;delete.tombstone.handling.mode=drop", DELETE, "dropped"},
        {"delete.tombstone.handling.mode=never", DELETE, "error: delete.tombstone.handling.mode"},
    };

    (void)state;
    RUN(cases);
}

/* One record through a transform, by hand: what the table above does not show. */
static struct mr_record *event_of(struct mr_batch *batch, struct mr_json_envelope *envelope, const char *json)
{
    struct mr_record *record = mr_batch_append(batch);

    bench_fill(record, SIDE_VALUE, envelope, json);
    return record;
}

static void apply_to(const char *text, struct mr_record *record)
{
    const struct mr_transform_ops *ops = unwrap.ops;
    struct mr_config *config = bench_config(&unwrap, text, NULL);
    struct mr_emitter emitter;
    void *self = ops->create(config, NULL);

    emitter_init(&emitter);
    assert_non_null(self);
    assert_int_equal(0, ops->apply(self, record, &emitter, NULL));
    assert_int_equal(1, emitter.count);
    emitter_release(&emitter);
    ops->destroy(self);
    mr_config_destroy(config);
}

static void schemas_and_headers_are_those_of_debezium(void **state)
{
    struct mr_batch *batch = mr_batch_create(1u << 20);
    struct mr_json_envelope *envelope = mr_json_envelope_create(0, 16);
    struct mr_record *record = event_of(batch, envelope, INSERT);
    const struct mr_schema *schema;

    (void)state;
    apply_to("add.headers=op,source.ts_ms:at;add.fields=ts_ms", record);
    schema = mr_record_value_schema(record);
    assert_string_equal("db.t.Value", mr_schema_name(schema));
    assert_false(mr_schema_is_optional(schema));
    assert_true(mr_schema_is_optional(mr_schema_field(schema, 2)));
    assert_int_equal(2, mr_record_header_count(record));
    assert_string_equal("__op", mr_record_header_key(record, 0));
    assert_true(mr_schema_is_optional(mr_record_header_schema(record, 0)));
    assert_string_equal("__at", mr_record_header_key(record, 1));
    assert_null(mr_schema_default(mr_record_header_schema(record, 1)));
    assert_int_equal(5, mr_value_integer(mr_record_header_value(record, 1)));
    record = event_of(batch, envelope, DELETE);
    apply_to("delete.tombstone.handling.mode=tombstone", record);
    assert_non_null(mr_record_value_schema(record));
    record = event_of(batch, envelope, DELETE);
    apply_to("delete.tombstone.handling.mode=delete-to-tombstone", record);
    assert_null(mr_record_value_schema(record));
    record = event_of(batch, envelope, "null");
    apply_to("delete.tombstone.handling.mode=rewrite-with-tombstone;add.headers=op,table", record);
    assert_int_equal(1, mr_record_header_count(record));
    assert_memory_equal("d", mr_value_bytes(mr_record_header_value(record, 0)).data, 1);
    mr_json_envelope_destroy(envelope);
    mr_batch_drop(batch);
}

static void a_header_lists_fields_to_leave_out(void **state)
{
    static const char *const texts[] = {"drop.fields.header.name=gone", "drop.fields.header.name=gone;drop.fields.keep.schema.compatible=false"};
    struct mr_batch *batch = mr_batch_create(1u << 20);
    struct mr_json_envelope *envelope = mr_json_envelope_create(0, 16);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct mr_record *record = event_of(batch, envelope, INSERT);
        struct mr_value *list = mr_array_create(mr_record_arena(record), 2);

        assert_int_equal(0, mr_array_append(mr_record_arena(record), list, mr_string_ref(mr_record_arena(record), "name", 4)));
        assert_int_equal(0, mr_array_append(mr_record_arena(record), list, mr_string_ref(mr_record_arena(record), "id", 2)));
        assert_int_equal(0, mr_record_add_header(record, "gone", NULL, list));
        apply_to(texts[i], record);
        assert_int_equal(i == 0 ? 1 : 0, mr_schema_field_count(mr_record_value_schema(record)));
    }
    mr_json_envelope_destroy(envelope);
    mr_batch_drop(batch);
}

/* The same row in an event that says more about itself, and another one. */
#define OTHER_EVENT                                                                                                    \
    "{\"schema\":{\"type\":\"struct\",\"name\":\"db.t.Envelope\",\"fields\":[" ROW_AS("before") "," ROW_AS("after") ","      \
    "{\"field\":\"op\",\"type\":\"string\"},{\"field\":\"nowhere\",\"type\":\"int8\"}]},"                                    \
    "\"payload\":{\"before\":null,\"after\":{\"id\":2,\"name\":null},\"op\":\"u\",\"nowhere\":3}}"

static void events_before_do_not_matter(void **state)
{
    static const char *const events[] = { INSERT, OTHER_EVENT, DELETE };

    (void)state;
    bench_check_forgets(&unwrap, "delete.tombstone.handling.mode=rewrite;add.fields=op,nowhere,source.ts_ms", events, 3);
    bench_check_forgets(&unwrap, "add.fields=op,nowhere,source.ts_ms", events, 2);
    bench_check_forgets(&unwrap, "", events, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_row_takes_the_place_of_the_event),
        cmocka_unit_test(deletes_and_tombstones_go_by_the_mode),
        cmocka_unit_test(schemas_and_headers_are_those_of_debezium),
        cmocka_unit_test(a_header_lists_fields_to_leave_out),
        cmocka_unit_test(events_before_do_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
