#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <millrace/value.h>
#include <stdio.h>

#include "sdk/schema_internal.h"
#include "sdk/value_layout.h"
#include "base/mem.h"
#include "support/alloc_torture.h"

static struct mr_arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = mr_arena_create(16 << 20);
    return arena == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
    (void)state;
    mr_arena_destroy(arena);
    return schema_interned_count() == 0 ? 0 : -1;
}

static const struct mr_schema *build(struct mr_schema_builder *builder)
{
    const struct mr_schema *schema = mr_schema_builder_build(builder, NULL);
    assert_non_null(schema);
    assert_int_equal(mr_arena_keep_schema(arena, schema), 0);
    mr_schema_drop(schema);
    return schema;
}

static const struct mr_schema *list_of(enum mr_type type, bool optional)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_ARRAY);
    mr_schema_builder_set_element(builder, mr_schema_primitive(type, optional));
    return build(builder);
}

static const struct mr_schema *with_default(void)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRING);
    mr_schema_builder_set_default(builder, mr_string(arena, "standard"));
    return build(builder);
}

static const struct mr_schema *person(void)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    mr_schema_builder_add_field(builder, "id", mr_schema_primitive(MR_TYPE_INT64, false));
    mr_schema_builder_add_field(builder, "nick", mr_schema_primitive(MR_TYPE_STRING, true));
    mr_schema_builder_add_field(builder, "role", with_default());
    mr_schema_builder_add_field(builder, "tags", list_of(MR_TYPE_STRING, false));
    return build(builder);
}

static void assert_data_error(int result, struct mr_error *error, const char *words)
{
    assert_int_equal(result, -1);
    assert_non_null(error);
    assert_int_equal(mr_error_code(error), MR_ERR_DATA);
    if (strstr(mr_error_message(error), words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, mr_error_message(error));
    mr_error_drop(error);
}

/* `call` fills `error`. */
#define ASSERT_DATA_ERROR(call, words) \
    do { \
        struct mr_error *error = NULL; \
        int result = (call); \
        assert_data_error(result, error, words); \
    } while (0)
#define ASSERT_FITS(schema, value) assert_int_equal(mr_value_validate((schema), (value), NULL, NULL), 0)
#define ASSERT_REFUSED(schema, value, words) \
    ASSERT_DATA_ERROR(mr_value_validate((schema), (value), "spot", &error), words)

static void scalars_read_back_as_what_they_are(void **state)
{
    (void)state;
    assert_int_equal(mr_value_integer(mr_int8(arena, -128)), -128);
    assert_int_equal(mr_value_integer(mr_int16(arena, INT16_MIN)), INT16_MIN);
    assert_int_equal(mr_value_integer(mr_int32(arena, INT32_MIN)), INT32_MIN);
    assert_true(mr_value_integer(mr_int64(arena, INT64_MIN)) == INT64_MIN);
    assert_int_equal(mr_value_integer(mr_instant(arena, -1)), -1);
    assert_true(mr_value_float64(mr_float32(arena, 1.5f)) == 1.5);
    assert_true(mr_value_float32(mr_float32(arena, 1.5f)) == 1.5f);
    assert_true(mr_value_boolean(mr_boolean(true)));
    assert_int_equal(mr_value_bytes(mr_string_copy(arena, "a\0b", 3)).size, 3);
    assert_true(mr_value_is_null(mr_null()));
    assert_string_equal(mr_kind_name(mr_value_kind(mr_instant(arena, 0))), "instant");
}

static void asking_for_what_it_is_not_gives_nothing(void **state)
{
    (void)state;
    const struct mr_value *text = mr_string(arena, "7");
    assert_int_equal(mr_value_integer(text), 0);
    assert_int_equal(mr_value_integer(mr_float64(arena, 7)), 0);
    assert_false(mr_value_boolean(text));
    assert_null(mr_value_bytes(mr_int8(arena, 1)).data);
    assert_null(mr_value_unscaled(text).data);
    assert_int_equal(mr_array_count(text), 0);
    assert_null(mr_array_at(text, 0));
    assert_null(mr_map_get(text, "x"));
    assert_null(mr_struct_at(text, 0));
    assert_null(mr_struct_schema(text));
    assert_string_equal(mr_kind_name((enum mr_kind)99), "unknown");
}

static void an_empty_text_is_not_null(void **state)
{
    (void)state;
    assert_non_null(mr_value_bytes(mr_string(arena, "")).data);
    assert_non_null(mr_value_bytes(mr_bytes_copy(arena, NULL, 0)).data);
    assert_non_null(mr_value_bytes(mr_bytes_ref(arena, NULL, 0)).data);
}

static void exact_numbers_are_kept_in_their_shortest_form(void **state)
{
    (void)state;
    static const struct { const char *in; size_t in_size; const char *out; size_t out_size; } cases[] = {
        {"\x00\x00\x05", 3, "\x05", 1}, {"\x00\x80", 2, "\x00\x80", 2}, {"\xff\xff\x80", 3, "\x80", 1},
        {"\xff\x7f", 2, "\xff\x7f", 2}, {"", 0, "\x00", 1}, {"\x00\x00", 2, "\x00", 1}, {"\xff\xff", 2, "\xff", 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct mr_value *decimal = mr_decimal(arena, cases[i].in, cases[i].in_size, -3);
        struct mr_bytes unscaled = mr_value_unscaled(decimal);
        assert_int_equal(unscaled.size, cases[i].out_size);
        assert_memory_equal(unscaled.data, cases[i].out, unscaled.size);
        assert_int_equal(mr_value_decimal_scale(decimal), -3);
        assert_int_equal(mr_value_unscaled(mr_bigint(arena, cases[i].in, cases[i].in_size)).size, cases[i].out_size);
    }
}

static void equality_looks_at_kind_and_bits(void **state)
{
    (void)state;
    assert_false(mr_value_equals(mr_int32(arena, 1), mr_int64(arena, 1)));
    assert_false(mr_value_equals(mr_int64(arena, 1), mr_instant(arena, 1)));
    assert_false(mr_value_equals(mr_string(arena, "a"), mr_bytes_copy(arena, "a", 1)));
    assert_false(mr_value_equals(mr_float64(arena, 0.0), mr_float64(arena, -0.0)));
    assert_true(mr_value_equals(mr_float64(arena, NAN), mr_float64(arena, -NAN)));
    assert_true(mr_value_equals(mr_float32(arena, NAN), mr_float32(arena, -NAN)));
    assert_false(mr_value_equals(mr_decimal(arena, "\x0a", 1, 1), mr_decimal(arena, "\x01", 1, 0)));
    assert_true(mr_value_equals(mr_decimal(arena, "\x00\x0a", 2, 1), mr_decimal(arena, "\x0a", 1, 1)));
    assert_true(value_hash(mr_float64(arena, NAN)) == value_hash(mr_float64(arena, -NAN)));
}

static void maps_are_sets_that_keep_their_order(void **state)
{
    (void)state;
    struct mr_value *a = mr_map_create(arena, 0), *b = mr_map_create(arena, 100);
    char key[16];
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(mr_map_put_text(arena, a, key, mr_int32(arena, i)), 0);
        snprintf(key, sizeof(key), "k%d", 299 - i);
        assert_int_equal(mr_map_put(arena, b, mr_string(arena, key), mr_int32(arena, 299 - i)), 0);
        assert_true((i + 1 == 300) == mr_value_equals(a, b));
    }
    assert_true(value_hash(a) == value_hash(b));
    assert_int_equal(mr_map_count(a), 300);
    assert_true(value_text_is(mr_map_key_at(a, 299), "k299", 4));
    assert_int_equal(mr_value_integer(mr_map_value_at(a, 7)), 7);
    assert_int_equal(mr_map_put_text(arena, a, "k7", mr_null()), 0); /* in place */
    assert_int_equal(mr_map_count(a), 300);
    assert_true(mr_value_is_null(mr_map_get(a, "k7")));
    assert_null(mr_map_get(a, "absent"));
    assert_false(mr_value_equals(a, b));
}

/* [[[…[number]…]]] */
static const struct mr_value *deep_array(struct mr_arena *arena, int64_t number, int depth)
{
    const struct mr_value *value = mr_int64(arena, number);
    for (int i = 0; i < depth; i++) {
        struct mr_value *array = mr_array_create(arena, 1);
        assert_int_equal(mr_array_append(arena, array, value), 0);
        value = array;
    }
    return value;
}

static void keys_that_differ_deep_inside_do_not_lie_in_one_place(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(1 << 20);
    for (int depth = 1; depth < 1000; depth *= 3) {
        struct mr_value *one = mr_map_create(arena, 1), *other = mr_map_create(arena, 1);
        assert_int_equal(mr_map_put_text(arena, one, "k", deep_array(arena, 1, depth)), 0);
        assert_int_equal(mr_map_put_text(arena, other, "k", deep_array(arena, 2, depth)), 0);
        assert_true(value_hash(deep_array(arena, 1, depth)) != value_hash(deep_array(arena, 2, depth)));
        assert_true(value_hash(deep_array(arena, 1, depth)) == value_hash(deep_array(arena, 1, depth)));
        assert_true(value_hash(one) != value_hash(other));
    }
    mr_arena_destroy(arena);
}

static void removing_from_a_map_leaves_the_copy_alone(void **state)
{
    (void)state;
    for (int count = 3; count < 60; count += 28) {
        struct mr_value *map = mr_map_create(arena, 0);
        char key[16];
        for (int i = 0; i < count; i++) {
            snprintf(key, sizeof(key), "k%d", i);
            assert_int_equal(mr_map_put_text(arena, map, key, mr_int32(arena, i)), 0);
        }
        struct mr_value *copy = mr_map_copy(arena, map, 5);
        mr_map_remove(copy, "k1");
        mr_map_remove(copy, "absent");
        mr_map_remove(NULL, "k1"); /* of a copy that there was no memory for */
        assert_int_equal(mr_map_count(map), count);
        assert_int_equal(mr_map_count(copy), count - 1);
        assert_null(mr_map_get(copy, "k1"));
        assert_int_equal(mr_value_integer(mr_map_get(copy, "k2")), 2);
        assert_true(value_text_is(mr_map_key_at(copy, 1), "k2", 2));
        assert_int_equal(mr_map_put_text(arena, copy, "k1", mr_int32(arena, 1)), 0);
        assert_true(mr_value_equals(map, copy));
    }
}

static void copies_of_a_container_cell_see_the_same_container(void **state)
{
    (void)state;
    struct mr_value *list = mr_array_create(arena, 1), *outer = mr_map_create(arena, 1);
    assert_int_equal(mr_map_put_text(arena, outer, "list", list), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(mr_array_append(arena, list, mr_int32(arena, i)), 0);
    assert_int_equal(mr_array_count(mr_map_get(outer, "list")), 100);
    assert_int_equal(mr_value_integer(mr_array_at(mr_map_get(outer, "list"), 99)), 99);
}

static void putting_into_a_struct_validates(void **state)
{
    (void)state;
    struct mr_value *value = mr_struct_create(arena, person());
    assert_int_equal(mr_struct_put(value, 0, mr_int64(arena, 1), NULL), 0);
    assert_int_equal(mr_struct_put(value, 1, mr_null(), NULL), 0);
    ASSERT_DATA_ERROR(mr_struct_put(value, 0, mr_null(), &error), "\"id\"");
    ASSERT_DATA_ERROR(mr_struct_put(value, 0, mr_int32(arena, 1), &error), "int32 where a int64");
    /* a default does not make an explicit null acceptable */
    ASSERT_DATA_ERROR(mr_struct_put(value, 2, mr_null(), &error), "\"role\"");
    ASSERT_DATA_ERROR(mr_struct_put(value, 4, mr_null(), &error), "no field 4");
    assert_int_equal(mr_value_integer(mr_struct_get(value, "id")), 1);
    assert_null(mr_struct_get(value, "absent"));
    assert_true(mr_value_is_null(mr_struct_at(value, 2)));
    assert_true(value_text_is(mr_struct_at_or_default(value, 2), "standard", 8));
    assert_true(mr_value_is_null(mr_struct_at_or_default(value, 1)));
    assert_null(mr_struct_create(arena, mr_schema_primitive(MR_TYPE_INT8, false)));
}

static void a_nested_struct_is_validated_whole(void **state)
{
    (void)state;
    struct mr_value *value = mr_struct_create(arena, person());
    ASSERT_REFUSED(person(), value, "\"id\"");
    assert_int_equal(mr_struct_put(value, 0, mr_int64(arena, 1), NULL), 0);
    ASSERT_REFUSED(person(), value, "\"tags\"");
    assert_int_equal(mr_struct_put(value, 3, mr_array_create(arena, 0), NULL), 0);
    ASSERT_FITS(person(), value); /* role is null and has a default: fine here */
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    mr_schema_builder_add_field(builder, "id", mr_schema_primitive(MR_TYPE_INT64, false));
    ASSERT_REFUSED(build(builder), value, "another schema");
}

static void logical_types_want_their_own_kind(void **state)
{
    (void)state;
    const struct mr_schema *date = mr_schema_logical(MR_LOGICAL_DATE, false);
    ASSERT_FITS(date, mr_instant(arena, 0));
    ASSERT_REFUSED(date, mr_int32(arena, 0), "int32 where");
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_BYTES);
    mr_schema_builder_set_name(builder, MR_DECIMAL_NAME);
    mr_schema_builder_set_parameter(builder, "scale", "2");
    const struct mr_schema *decimal = build(builder);
    ASSERT_FITS(decimal, mr_decimal(arena, "\x01", 1, 7)); /* the scale is the converter's concern */
    ASSERT_REFUSED(decimal, mr_bytes_copy(arena, "\x01", 1), "bytes where");
    ASSERT_REFUSED(mr_schema_primitive(MR_TYPE_INT64, true), mr_instant(arena, 1), "instant where");
    ASSERT_REFUSED(mr_schema_primitive(MR_TYPE_INT64, true), mr_bigint(arena, "\x01", 1), "bigint where");
}

static void elements_are_validated(void **state)
{
    (void)state;
    struct mr_value *list = mr_array_create(arena, 0);
    ASSERT_FITS(list_of(MR_TYPE_INT32, false), list);
    assert_int_equal(mr_array_append(arena, list, mr_null()), 0);
    ASSERT_FITS(list_of(MR_TYPE_INT32, true), list);
    ASSERT_REFUSED(list_of(MR_TYPE_INT32, false), list, "element of field \"spot\"");
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_MAP);
    mr_schema_builder_set_key(builder, mr_schema_primitive(MR_TYPE_STRING, false));
    const struct mr_schema *half = build(builder);
    struct mr_value *map = mr_map_create(arena, 0);
    ASSERT_FITS(half, map);
    assert_int_equal(mr_map_put_text(arena, map, "k", mr_null()), 0);
    ASSERT_REFUSED(half, map, "no schema for the map value");
    ASSERT_FITS(NULL, map);
}

static const struct mr_value *nested(unsigned depth)
{
    struct mr_value *outer = mr_array_create(arena, 1), *at = outer;
    for (unsigned i = 1; i < depth; i++) {
        struct mr_value *inner = mr_array_create(arena, 1);
        assert_int_equal(mr_array_append(arena, at, inner), 0);
        at = inner;
    }
    return outer;
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    assert_true(mr_value_equals(nested(VALUE_DEPTH_MAX - 1), nested(VALUE_DEPTH_MAX - 1)));
    assert_non_null(mr_value_copy(arena, nested(VALUE_DEPTH_MAX - 1)));
    assert_false(mr_value_equals(nested(VALUE_DEPTH_MAX + 1), nested(VALUE_DEPTH_MAX + 1)));
    assert_null(mr_value_copy(arena, nested(VALUE_DEPTH_MAX + 1)));
    ASSERT_DATA_ERROR(mr_arena_failed(arena, &error), "1100 levels");
    struct mr_value *ring = mr_array_create(arena, 1);
    assert_int_equal(mr_array_append(arena, ring, ring), 0);
    assert_null(mr_value_copy(arena, ring));
}

static const struct mr_value *everything(struct mr_arena *in, const struct mr_schema *schema)
{
    struct mr_value *map = mr_map_create(in, 0), *list = mr_array_create(in, 0), *row = mr_struct_create(in, schema);
    bool fine = map != NULL && list != NULL && row != NULL;
    fine = fine && mr_array_append(in, list, mr_string(in, "text")) == 0;
    for (int i = 0; fine && i < 40; i++)
        fine = mr_array_append(in, list, mr_decimal(in, "\x12\x34", 2, i)) == 0;
    fine = fine && mr_struct_put(row, 0, mr_int64(in, 1), NULL) == 0;
    fine = fine && mr_map_put_text(in, map, "list", list) == 0 && mr_map_put_text(in, map, "row", row) == 0;
    fine = fine && mr_map_put(in, map, mr_int8(in, 1), mr_bigint(in, "\x7f\xff", 2)) == 0;
    char key[16];
    for (int i = 0; fine && i < 40; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        fine = mr_map_put_text(in, map, key, mr_bytes_copy(in, key, 2)) == 0;
    }
    return fine ? map : NULL;
}

static void a_copy_outlives_the_first_arena(void **state)
{
    (void)state;
    struct mr_arena *first = mr_arena_create(1 << 20);
    const struct mr_value *value = everything(first, person());
    const struct mr_value *copy = mr_value_copy(arena, value);
    assert_true(mr_value_equals(value, copy));
    mr_arena_destroy(first);
    assert_true(mr_value_equals(copy, everything(arena, person())));
    assert_ptr_equal(mr_value_copy(arena, mr_null()), mr_null());
    assert_null(mr_value_copy(arena, NULL));
}

static void a_constructors_null_may_be_passed_on(void **state)
{
    (void)state;
    assert_null(mr_arena_text(arena, NULL));
    assert_null(mr_arena_copy(arena, NULL, 1));
    assert_null(mr_string(arena, NULL));
    assert_null(mr_string_copy(arena, NULL, 1));
    assert_null(mr_string_ref(arena, NULL, 1));
    assert_null(mr_bytes_copy(arena, NULL, 1));
    assert_null(mr_bytes_ref(arena, NULL, 1));
    assert_null(mr_decimal(arena, NULL, 1, 0));
    assert_null(mr_bigint(arena, NULL, 1));
    assert_null(mr_map_copy(arena, NULL, 0));
    assert_null(mr_struct_create(arena, NULL));
    struct mr_value *some_map = mr_map_create(arena, 1);
    assert_int_equal(mr_map_put_text(arena, some_map, NULL, mr_null()), -1);
    mr_map_remove(some_map, NULL);
    assert_null(mr_map_get(some_map, NULL));
    assert_int_equal(mr_arena_failed(NULL, NULL), -1);
    struct mr_value *list = mr_array_create(arena, 0), *map = mr_map_create(arena, 0);
    assert_int_equal(mr_array_append(arena, list, NULL), -1);
    assert_int_equal(mr_array_append(arena, NULL, mr_null()), -1);
    assert_int_equal(mr_map_put(arena, map, NULL, mr_null()), -1);
    assert_int_equal(mr_map_put_text(arena, map, "k", NULL), -1);
    struct mr_value *row = mr_struct_create(arena, person());
    assert_int_equal(mr_struct_put(row, 0, NULL, NULL), -1);
    assert_int_equal(mr_struct_put_unchecked(row, 0, NULL), -1);
    assert_int_equal(mr_struct_put_unchecked(NULL, 0, mr_null()), -1);
    assert_int_equal(mr_value_validate(NULL, NULL, NULL, NULL), -1);
    assert_null(mr_string_ref(arena, "", SIZE_MAX));
    assert_null(mr_array_create(arena, SIZE_MAX));
    assert_null(mr_map_create(arena, SIZE_MAX));
}

static bool build_and_copy(void *argument)
{
    struct mr_arena *first = mr_arena_create(1 << 20), *second = mr_arena_create(1 << 20);
    bool worked = false;
    if (first != NULL && second != NULL) {
        const struct mr_value *value = everything(first, argument);
        const struct mr_value *copy = mr_value_copy(second, value);
        worked = copy != NULL && mr_value_equals(value, copy);
    }
    mr_arena_destroy(first);
    mr_arena_destroy(second);
    return worked;
}

static void every_lost_allocation_is_survived(void **state)
{
    (void)state;
    alloc_torture(build_and_copy, (void *)person());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scalars_read_back_as_what_they_are),
        TEST(asking_for_what_it_is_not_gives_nothing),
        TEST(an_empty_text_is_not_null),
        TEST(exact_numbers_are_kept_in_their_shortest_form),
        TEST(equality_looks_at_kind_and_bits),
        TEST(maps_are_sets_that_keep_their_order),
        TEST(keys_that_differ_deep_inside_do_not_lie_in_one_place),
        TEST(removing_from_a_map_leaves_the_copy_alone),
        TEST(copies_of_a_container_cell_see_the_same_container),
        TEST(putting_into_a_struct_validates),
        TEST(a_nested_struct_is_validated_whole),
        TEST(logical_types_want_their_own_kind),
        TEST(elements_are_validated),
        TEST(nesting_has_a_limit),
        TEST(a_copy_outlives_the_first_arena),
        TEST(a_constructors_null_may_be_passed_on),
        TEST(every_lost_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
