#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <millrace/value.h>
#include <pthread.h>
#include <stdio.h>

#include "sdk/schema_internal.h"
#include "base/mem.h"
#include "support/alloc_torture.h"

static const struct mr_schema *build(struct mr_schema_builder *builder)
{
    struct mr_error *error = NULL;
    const struct mr_schema *schema = mr_schema_builder_build(builder, &error);
    if (schema == NULL)
        print_message("refused: %s\n", mr_error_message(error));
    assert_non_null(schema);
    return schema;
}

static void assert_refused_as(enum mr_error_code code, struct mr_schema_builder *builder, const char *words)
{
    struct mr_error *error = NULL;
    assert_null(mr_schema_builder_build(builder, &error));
    assert_int_equal(mr_error_code(error), code);
    char trace[1024];
    mr_error_trace(error, trace, sizeof(trace));
    if (strstr(trace, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, trace);
    mr_error_drop(error);
}

static void assert_refused(struct mr_schema_builder *builder, const char *words)
{
    assert_refused_as(MR_ERR_DATA, builder, words);
}

static const struct mr_schema *point(const char *name, const char *last_field)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    mr_schema_builder_set_name(builder, name);
    mr_schema_builder_add_field(builder, "x", mr_schema_primitive(MR_TYPE_INT32, false));
    mr_schema_builder_add_field(builder, last_field, mr_schema_primitive(MR_TYPE_STRING, true));
    return build(builder);
}

static int no_schema_is_left(void **state)
{
    (void)state;
    return schema_interned_count() == 0 ? 0 : -1;
}

static void equal_schemas_are_one_pointer(void **state)
{
    (void)state;
    const struct mr_schema *a = point("p", "y"), *b = point("p", "y"), *c = point("p", "z");
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_false(mr_schema_equals(a, c));
    mr_schema_drop(a);
    assert_string_equal(mr_schema_field_name(b, 1), "y"); /* still b's */
    mr_schema_drop(b);
    mr_schema_drop(c);
}

static void plain_builds_give_the_immortal_ones(void **state)
{
    (void)state;
    for (enum mr_type type = MR_TYPE_INT8; type <= MR_TYPE_BYTES; type++) {
        struct mr_schema_builder *builder = mr_schema_builder_create(type);
        mr_schema_builder_set_optional(builder, true);
        const struct mr_schema *schema = build(builder);
        assert_ptr_equal(schema, mr_schema_primitive(type, true));
        assert_int_equal(mr_schema_type(schema), type);
        assert_false(mr_schema_equals(schema, mr_schema_primitive(type, false)));
        mr_schema_drop(mr_schema_take(schema));
    }
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_INT64);
    mr_schema_builder_set_name(builder, MR_TIMESTAMP_NAME);
    mr_schema_builder_set_version(builder, 1);
    assert_ptr_equal(build(builder), mr_schema_logical(MR_LOGICAL_TIMESTAMP, false));
    assert_null(mr_schema_primitive(MR_TYPE_STRUCT, false));
    assert_null(mr_schema_logical(MR_LOGICAL_DECIMAL, false));
}

static void logical_types_are_told_by_name_alone(void **state)
{
    (void)state;
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRING); /* odd, but Connect's rule */
    mr_schema_builder_set_name(builder, MR_DATE_NAME);
    const struct mr_schema *schema = build(builder);
    assert_int_equal(mr_schema_logical_type(schema), MR_LOGICAL_DATE);
    mr_schema_drop(schema);
}

static const struct mr_schema *decimal(const char *first, const char *second)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_BYTES);
    mr_schema_builder_set_name(builder, MR_DECIMAL_NAME);
    mr_schema_builder_set_parameter(builder, first, "2");
    mr_schema_builder_set_parameter(builder, second, "2");
    return build(builder);
}

static void the_order_of_parameters_makes_no_difference_to_equality(void **state)
{
    (void)state;
    const struct mr_schema *a = decimal("scale", "precision"), *b = decimal("precision", "scale");
    assert_ptr_not_equal(a, b);
    assert_true(mr_schema_equals(a, b));
    struct mr_schema_builder *outer_a = mr_schema_builder_create(MR_TYPE_ARRAY);
    struct mr_schema_builder *outer_b = mr_schema_builder_create(MR_TYPE_ARRAY);
    mr_schema_builder_set_element(outer_a, a);
    mr_schema_builder_set_element(outer_b, b);
    const struct mr_schema *array_a = build(outer_a), *array_b = build(outer_b);
    assert_true(mr_schema_equals(array_a, array_b));
    assert_ptr_not_equal(array_a, array_b);
    assert_string_equal(mr_schema_parameter_key(a, 0), "scale");
    assert_string_equal(mr_schema_parameter(b, "scale"), "2");
    assert_null(mr_schema_parameter(b, "other"));
    mr_schema_drop(a);
    mr_schema_drop(b);
    mr_schema_drop(array_a);
    mr_schema_drop(array_b);
}

static void an_empty_set_of_parameters_is_not_no_set(void **state)
{
    (void)state;
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_INT8);
    mr_schema_builder_set_parameters_present(builder);
    const struct mr_schema *schema = build(builder);
    assert_true(mr_schema_has_parameters(schema));
    assert_false(mr_schema_equals(schema, mr_schema_primitive(MR_TYPE_INT8, false)));
    mr_schema_drop(schema);
}

static void fields_are_found_in_small_and_wide_structs(void **state)
{
    (void)state;
    static const size_t widths[] = {0, 1, 8, 9, 500};
    for (size_t w = 0; w < 5; w++) {
        struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
        char name[32];
        for (size_t i = 0; i < widths[w]; i++) {
            snprintf(name, sizeof(name), "field-%zu", i);
            mr_schema_builder_add_field(builder, name, mr_schema_primitive(MR_TYPE_INT8, false));
        }
        const struct mr_schema *schema = build(builder);
        assert_int_equal(mr_schema_field_count(schema), widths[w]);
        for (size_t i = 0; i < widths[w]; i++) {
            snprintf(name, sizeof(name), "field-%zu", i);
            assert_int_equal(mr_schema_field_index(schema, name), i);
        }
        assert_int_equal(mr_schema_field_index(schema, "field"), -1);
        assert_int_equal(mr_schema_field_index(schema, ""), -1);
        assert_null(mr_schema_field_name(schema, widths[w]));
        mr_schema_drop(schema);
    }
}

static void a_builder_from_a_schema_takes_the_basics_only(void **state)
{
    (void)state;
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    mr_schema_builder_set_name(builder, "n");
    mr_schema_builder_set_doc(builder, "d");
    mr_schema_builder_set_version(builder, 7);
    mr_schema_builder_set_parameter(builder, "k", "old");
    mr_schema_builder_set_parameter(builder, "k", "v");
    mr_schema_builder_set_optional(builder, true);
    mr_schema_builder_add_field(builder, "f", mr_schema_primitive(MR_TYPE_INT8, false));
    const struct mr_schema *from = build(builder);
    const struct mr_schema *to = build(mr_schema_builder_from(from, MR_TYPE_STRUCT));
    int32_t version = 0;
    assert_string_equal(mr_schema_name(to), "n");
    assert_string_equal(mr_schema_doc(to), "d");
    assert_true(mr_schema_version(to, &version));
    assert_int_equal(version, 7);
    assert_int_equal(mr_schema_parameter_count(to), 1);
    assert_string_equal(mr_schema_parameter(to, "k"), "v");
    assert_false(mr_schema_is_optional(to));
    assert_int_equal(mr_schema_field_count(to), 0);
    mr_schema_drop(from);
    mr_schema_drop(to);
}

static void mistakes_are_remembered_and_named(void **state)
{
    (void)state;
    const struct mr_schema *int8 = mr_schema_primitive(MR_TYPE_INT8, false);
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    mr_schema_builder_add_field(builder, "", int8);
    mr_schema_builder_add_field(builder, "fine", int8);
    assert_refused(builder, "no name");
    builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    mr_schema_builder_add_field(builder, "twice", int8);
    mr_schema_builder_add_field(builder, "other", int8);
    mr_schema_builder_add_field(builder, "twice", int8);
    assert_refused(builder, "two fields \"twice\"");
    builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    mr_schema_builder_add_field(builder, "bare", NULL);
    assert_refused(builder, "\"bare\" has no schema");
    builder = mr_schema_builder_create(MR_TYPE_INT8);
    mr_schema_builder_add_field(builder, "f", int8);
    assert_refused(builder, "no fields");
    builder = mr_schema_builder_create(MR_TYPE_ARRAY);
    mr_schema_builder_set_key(builder, int8);
    assert_refused(builder, "no key");
    assert_refused(mr_schema_builder_create((enum mr_type)99), "type 99");
    builder = mr_schema_builder_create(MR_TYPE_STRING);
    mr_schema_builder_set_default(builder, mr_boolean(true));
    assert_refused(builder, "default does not fit");
}

static void what_could_not_be_made_is_not_left_out(void **state)
{
    (void)state;
    for (int setter = 0; setter < 5; setter++) {
        struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_MAP);
        switch (setter) {
        case 0: mr_schema_builder_set_key(builder, NULL); break;
        case 1: mr_schema_builder_set_element(builder, NULL); break;
        case 2: mr_schema_builder_set_name(builder, NULL); break;
        case 3: mr_schema_builder_set_doc(builder, NULL); break;
        default: mr_schema_builder_set_default(builder, NULL); break;
        }
        assert_refused_as(MR_ERR_NO_MEMORY, builder, "out of memory");
    }
}

static void a_default_lives_in_its_schema(void **state)
{
    (void)state;
    const struct mr_schema *made[2];
    for (int i = 0; i < 2; i++) {
        struct mr_arena *arena = mr_arena_create(1 << 20);
        struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRING);
        mr_schema_builder_set_default(builder, mr_string(arena, "standard"));
        made[i] = build(builder);
        mr_arena_destroy(arena);
    }
    assert_ptr_equal(made[0], made[1]);
    struct mr_bytes text = mr_value_bytes(mr_schema_default(made[0]));
    assert_memory_equal(text.data, "standard", 8);
    mr_schema_drop(made[0]);
    mr_schema_drop(made[1]);
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRING);
    mr_schema_builder_set_default(builder, mr_null());
    assert_ptr_equal(build(builder), mr_schema_primitive(MR_TYPE_STRING, false));
}

static void a_struct_may_be_a_default(void **state)
{
    (void)state;
    const struct mr_schema *bare = point("p", "y");
    struct mr_arena *arena = mr_arena_create(1 << 20);
    struct mr_value *value = mr_struct_create(arena, bare);
    assert_int_equal(mr_struct_put(value, 0, mr_int32(arena, 5), NULL), 0);
    struct mr_schema_builder *builder = mr_schema_builder_from(bare, MR_TYPE_STRUCT);
    for (size_t i = 0; i < 2; i++)
        mr_schema_builder_add_field(builder, mr_schema_field_name(bare, i), mr_schema_field(bare, i));
    mr_schema_builder_set_optional(builder, true);
    mr_schema_builder_set_default(builder, value);
    const struct mr_schema *schema = build(builder);
    mr_arena_destroy(arena);
    mr_schema_drop(bare);
    assert_int_equal(mr_value_integer(mr_struct_at(mr_schema_default(schema), 0)), 5);
    mr_schema_drop(schema);
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    const struct mr_schema *schema = mr_schema_primitive(MR_TYPE_INT8, false);
    for (unsigned depth = 1; depth < SCHEMA_DEPTH_MAX; depth++) {
        struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_ARRAY);
        mr_schema_builder_set_element(builder, schema);
        mr_schema_drop(schema);
        schema = build(builder);
    }
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_ARRAY);
    mr_schema_builder_set_element(builder, schema);
    assert_refused(builder, "500 levels");
    mr_schema_drop(schema);
}

static void *build_and_drop_many(void *argument)
{
    (void)argument;
    char name[16];
    for (int i = 0; i < 4000; i++) {
        snprintf(name, sizeof(name), "f%d", i % 7);
        const struct mr_schema *a = point("p", name), *b = point("p", name);
        assert_ptr_equal(a, b);
        mr_schema_drop(mr_schema_take(a));
        mr_schema_drop(a);
        mr_schema_drop(b);
    }
    return NULL;
}

static void threads_share_the_table(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, build_and_drop_many, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static bool build_everything(void *argument)
{
    (void)argument;
    struct mr_error *error = NULL;
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);
    mr_schema_builder_set_name(builder, "n");
    mr_schema_builder_set_doc(builder, "d");
    mr_schema_builder_set_parameter(builder, "k", "v");
    char name[16];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        mr_schema_builder_add_field(builder, name, mr_schema_primitive(MR_TYPE_INT8, false));
    }
    const struct mr_schema *inner = mr_schema_builder_build(builder, &error);
    struct mr_arena *arena = mr_arena_create(1 << 20);
    const struct mr_schema *outer = NULL;
    if (inner != NULL && arena != NULL) {
        builder = mr_schema_builder_create(MR_TYPE_ARRAY);
        mr_schema_builder_set_element(builder, inner);
        struct mr_value *standard = mr_array_create(arena, 0);
        mr_schema_builder_set_default(builder, standard);
        outer = mr_schema_builder_build(builder, &error);
    }
    bool worked = outer != NULL;
    assert_true(worked || arena == NULL || error != NULL);
    mr_schema_drop(inner);
    mr_schema_drop(outer);
    mr_arena_destroy(arena);
    mr_error_clear(&error);
    return worked;
}

static void every_lost_allocation_is_survived(void **state)
{
    (void)state;
    alloc_torture(build_everything, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(equal_schemas_are_one_pointer, no_schema_is_left),
        cmocka_unit_test_teardown(plain_builds_give_the_immortal_ones, no_schema_is_left),
        cmocka_unit_test_teardown(logical_types_are_told_by_name_alone, no_schema_is_left),
        cmocka_unit_test_teardown(the_order_of_parameters_makes_no_difference_to_equality, no_schema_is_left),
        cmocka_unit_test_teardown(an_empty_set_of_parameters_is_not_no_set, no_schema_is_left),
        cmocka_unit_test_teardown(fields_are_found_in_small_and_wide_structs, no_schema_is_left),
        cmocka_unit_test_teardown(a_builder_from_a_schema_takes_the_basics_only, no_schema_is_left),
        cmocka_unit_test_teardown(mistakes_are_remembered_and_named, no_schema_is_left),
        cmocka_unit_test_teardown(what_could_not_be_made_is_not_left_out, no_schema_is_left),
        cmocka_unit_test_teardown(a_default_lives_in_its_schema, no_schema_is_left),
        cmocka_unit_test_teardown(a_struct_may_be_a_default, no_schema_is_left),
        cmocka_unit_test_teardown(nesting_has_a_limit, no_schema_is_left),
        cmocka_unit_test_teardown(threads_share_the_table, no_schema_is_left),
        cmocka_unit_test_teardown(every_lost_allocation_is_survived, no_schema_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
