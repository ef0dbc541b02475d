#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <millrace/schema.h>
#include <stdio.h>

#include "sdk/arena_layout.h"
#include "sdk/schema_internal.h"
#include "base/mem.h"
#include "support/alloc_torture.h"

static void pieces_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(1 << 20);
    unsigned char *pieces[300];
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = mr_arena_alloc(arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t at = 0; at < i; at++)
            assert_int_equal(pieces[i][at], i & 0xff);
    mr_arena_destroy(arena);
}

static void the_limit_refuses_and_says_so(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(10000);
    size_t got = 0;
    while (mr_arena_alloc(arena, 160) != NULL)
        got++;
    assert_int_equal(got, 10000 / 160);
    assert_true(mr_arena_used_bytes(arena) <= 10000);
    struct mr_error *error = NULL;
    assert_int_equal(mr_arena_failed(arena, &error), -1);
    assert_non_null(strstr(mr_error_message(error), "10000 bytes"));
    mr_error_clear(&error);
    assert_non_null(mr_arena_alloc(arena, 10)); /* what still fits, fits */
    mr_arena_clear(arena);
    assert_int_equal(mr_arena_used_bytes(arena), 0);
    assert_null(mr_arena_alloc(arena, 10001));
    assert_null(mr_arena_alloc(arena, SIZE_MAX));
    assert_null(mr_arena_alloc(arena, SIZE_MAX - 20));
    assert_non_null(mr_arena_alloc(arena, 9000));
    mr_arena_destroy(arena);
}

static void the_limit_counts_large_pieces_too(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(100000);
    assert_non_null(mr_arena_alloc(arena, 16));
    assert_non_null(mr_arena_alloc(arena, 60000));
    assert_null(mr_arena_alloc(arena, 60000));
    size_t got = 0;
    while (mr_arena_alloc(arena, 16) != NULL)
        got += 16;
    assert_in_range(mr_arena_used_bytes(arena), got, 100000);
    mr_arena_destroy(arena);
}

static void no_limit_is_no_invitation_to_overflow(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(SIZE_MAX);
    for (size_t less = 0; less < 200; less++)
        assert_null(mr_arena_alloc(arena, SIZE_MAX - less));
    assert_non_null(mr_arena_alloc(arena, 100));
    mr_arena_destroy(arena);
}

static void one_record_has_its_share_and_all_together_theirs(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(1000);
    struct mr_error *error = NULL;
    assert_non_null(mr_arena_alloc(arena, 900)); /* what was there before */
    arena_allow(arena, 4000, 10000);
    assert_non_null(mr_arena_alloc(arena, 3000));
    assert_null(mr_arena_alloc(arena, 3000));
    mr_arena_failed(arena, &error);
    assert_int_equal(MR_ERR_DATA, mr_error_code(error)); /* its own fault */
    assert_non_null(strstr(mr_error_message(error), "4000 bytes"));
    mr_error_clear(&error);
    arena_allow(arena, 4000, 10000); /* the next one */
    assert_non_null(mr_arena_alloc(arena, 3000));
    arena_allow(arena, 4000, 10000); /* less than a share is left for this one */
    assert_non_null(mr_arena_alloc(arena, 2500));
    assert_null(mr_arena_alloc(arena, 3000));
    mr_arena_failed(arena, &error);
    assert_int_equal(MR_ERR_CONNECT, mr_error_code(error));
    mr_error_clear(&error);
    mr_arena_clear(arena);
    assert_null(mr_arena_alloc(arena, 1001)); /* as at its birth */
    mr_arena_failed(arena, &error);
    assert_int_equal(MR_ERR_CONNECT, mr_error_code(error));
    mr_error_clear(&error);
    mr_arena_destroy(arena);
}

static void a_share_counts_small_pieces_exactly(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(64);
    assert_non_null(mr_arena_alloc(arena, 48));
    for (int record = 0; record < 50; record++) {
        size_t got = 0;
        arena_allow(arena, 1600, 100000);
        while (mr_arena_alloc(arena, 16) != NULL)
            got += 16;
        assert_int_equal(1600, got);
    }
    mr_arena_destroy(arena);
}

static void a_cleared_arena_has_forgotten_its_failure(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(10000);
    struct mr_error *error = NULL;
    assert_null(mr_arena_alloc(arena, 10001));
    mr_arena_clear(arena);
    assert_int_equal(mr_arena_failed(arena, &error), -1);
    assert_string_equal(mr_error_message(error), "out of memory");
    mr_error_clear(&error);
    mr_arena_destroy(arena);
}

static void use_a_lot(struct mr_arena *arena)
{
    for (int i = 0; i < 2000; i++)
        assert_non_null(mr_arena_alloc(arena, 100));
    assert_non_null(mr_arena_alloc(arena, 300000));
    assert_non_null(mr_arena_printf(arena, "%d", 1));
}

static void a_cleared_arena_needs_no_malloc_for_the_same_again(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(64 << 20);
    use_a_lot(arena);
    for (int round = 0; round < 5; round++) {
        mr_arena_clear(arena);
        mem_watch_start(0); /* any allocation would fail */
        use_a_lot(arena);
        assert_int_equal(mem_failed(), 0);
        mem_watch_stop();
    }
    mr_arena_destroy(arena);
}

static void an_arena_forgets_a_single_large_use(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(64 << 20);
    assert_non_null(mr_arena_alloc(arena, 32 << 20));
    mr_arena_clear(arena);
    assert_true(arena->reserved_bytes <= ARENA_KEEP_MOST_BYTES);
    assert_non_null(mr_arena_alloc(arena, 4 << 20));
    for (int i = 0; i < 100; i++) {
        mr_arena_clear(arena);
        assert_non_null(mr_arena_alloc(arena, 100));
    }
    assert_true(arena->reserved_bytes <= 64 << 10);
    mr_arena_clear(arena);
    arena_trim(arena);
    assert_int_equal(arena->reserved_bytes, 0);
    mr_arena_destroy(arena);
}

static const struct mr_schema *named(const char *name)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRING);
    mr_schema_builder_set_name(builder, name);
    return mr_schema_builder_build(builder, NULL);
}

static void schemas_live_as_long_as_the_content(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(1 << 20);
    for (int round = 0; round < 3; round++) {
        char name[16];
        for (int i = 0; i < 100; i++) {
            snprintf(name, sizeof(name), "s%d", i % 50); /* each is kept once */
            const struct mr_schema *schema = named(name);
            assert_int_equal(mr_arena_keep_schema(arena, schema), 0);
            mr_schema_drop(schema);
        }
        assert_int_equal(arena->kept_count, 50);
        assert_int_equal(schema_interned_count(), 50);
        mr_arena_clear(arena);
        assert_int_equal(schema_interned_count(), 0);
    }
    assert_int_equal(mr_arena_keep_schema(arena, NULL), 0);
    assert_int_equal(mr_arena_keep_schema(arena, mr_schema_primitive(MR_TYPE_INT8, true)), 0);
    assert_int_equal(arena->kept_count, 0);
    mr_arena_destroy(arena);
}

static void texts_are_copied(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(1 << 20);
    char text[] = "abc";
    char *copy = mr_arena_text(arena, text);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_string_equal(mr_arena_printf(arena, "%s-%d", "a", 7), "a-7");
    assert_memory_equal(mr_arena_copy(arena, "\0\1", 2), "\0\1", 2);
    assert_non_null(mr_arena_copy(arena, NULL, 0));
    mr_arena_destroy(arena);
}

static bool fill(void *argument)
{
    const struct mr_schema *const *schemas = argument;
    struct mr_arena *arena = mr_arena_create(64 << 20);
    if (arena == NULL)
        return false;
    bool worked = true;
    for (int i = 0; i < 20 && worked; i++)
        worked = mr_arena_keep_schema(arena, schemas[i]) == 0 && mr_arena_alloc(arena, 3000) != NULL;
    worked = worked && mr_arena_alloc(arena, 100000) != NULL;
    struct mr_error *error = NULL;
    if (!worked)
        mr_arena_failed(arena, &error);
    mr_error_clear(&error);
    mr_arena_destroy(arena);
    return worked;
}

static void every_lost_allocation_is_survived(void **state)
{
    (void)state;
    const struct mr_schema *schemas[20];
    char name[16];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        schemas[i] = named(name);
    }
    alloc_torture(fill, (void *)schemas);
    for (int i = 0; i < 20; i++)
        mr_schema_drop(schemas[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_do_not_overlap),
        cmocka_unit_test(the_limit_refuses_and_says_so),
        cmocka_unit_test(the_limit_counts_large_pieces_too),
        cmocka_unit_test(no_limit_is_no_invitation_to_overflow),
        cmocka_unit_test(one_record_has_its_share_and_all_together_theirs),
        cmocka_unit_test(a_share_counts_small_pieces_exactly),
        cmocka_unit_test(a_cleared_arena_has_forgotten_its_failure),
        cmocka_unit_test(a_cleared_arena_needs_no_malloc_for_the_same_again),
        cmocka_unit_test(an_arena_forgets_a_single_large_use),
        cmocka_unit_test(schemas_live_as_long_as_the_content),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(every_lost_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
