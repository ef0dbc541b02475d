/* What a record may cost of ours on its way, asserted: no allocation once a task is warm, and so many copies of its bytes and no more.
 * With one of either too many on purpose the same assertion does not hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pipeline_malloc.h"
#include "record_counts.h"
#include "record_path.h"

#define LINE_BYTES 1000 /* so that a copy of a record's bytes stands out from what is around it */
#define WARM_UP_RECORDS 10000
#define RECORDS 20000
#define SPARE_RECORDS 10000
#define ALLOCATIONS_MAX 250 /* of all RECORDS: of batches, polls and steps, none of the record */

struct cost {
    double allocations; /* of all RECORDS */
    double copies;      /* of a record's text */
};

static struct cost measure(const char *name, enum record_path_fault fault)
{
    struct record_path *path = record_path_open(&(struct record_path_setup){
        .name = name, .line_bytes = LINE_BYTES, .records_max = WARM_UP_RECORDS + RECORDS + SPARE_RECORDS});
    uint64_t allocations, bytes;
    size_t moved;

    record_path_move(path, WARM_UP_RECORDS);
    record_path_break(fault);
    allocations = pipeline_malloc_count();
    bytes = record_counts_copied_bytes();
    moved = record_path_move(path, RECORDS);
    allocations = pipeline_malloc_count() - allocations;
    bytes = record_counts_copied_bytes() - bytes;
    record_path_close(path);
    print_message("%s: %d allocations and %.2f copies of the text, of %zu records\n", name, (int)allocations,
                  (double)bytes / (double)moved / LINE_BYTES, moved);
    return (struct cost){.allocations = (double)allocations * RECORDS / (double)moved, .copies = (double)bytes / (double)moved / LINE_BYTES};
}

/* `copies_max`: whole ones, and what is copied besides (names, offsets) below half a text. */
static bool is_within(struct cost cost, double copies_max)
{
    return cost.allocations <= ALLOCATIONS_MAX && cost.copies < copies_max + 0.5;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS false /* a sanitizer counts for itself */
#else
#define COUNTS true
#endif

/* That it is the work it is said to be. */
static void check_result(const char *name, const char *begin, const char *more)
{
    struct record_path *path = record_path_open(
        &(struct record_path_setup){.name = name, .line_bytes = LINE_BYTES, .records_max = WARM_UP_RECORDS});
    char text[4096];

    record_path_move(path, 1);
    record_path_sample(path, text, sizeof(text));
    record_path_close(path);
    assert_memory_equal(text, begin, strlen(begin));
    assert_non_null(strstr(text, more));
}

/* The assertion, and that it would not hold with one copy or one allocation more. */
static void check_cost(const char *name, double copies_max)
{
    bool is_good = is_within(measure(name, RECORD_PATH_NO_FAULT), copies_max);

    if (!COUNTS)
        return;
    assert_true(is_good);
    assert_false(is_within(measure(name, RECORD_PATH_COPIES), copies_max));
    assert_false(is_within(measure(name, RECORD_PATH_ALLOCATES), copies_max));
}

static void a_source_copies_lines_out_of_what_it_read_alone(void **state)
{
    (void)state;
    check_result("source", "0000000000aaaa", "aaaa");
    check_cost("source", 1);
}

static void a_sink_copies_lines_into_its_buffer_alone(void **state)
{
    (void)state;
    check_result("sink", "0000000000aaaa", "aaaa\n");
    check_cost("sink", 1);
}

static void a_source_copies_lines_into_their_json_alone(void **state)
{
    (void)state;
    check_result("json-source", "{\"schema\":{\"type\":\"struct\",", "\"payload\":{\"line\":\"0000000000aaaa");
    check_cost("json-source", 1);
}

static void a_sink_takes_lines_out_of_their_json(void **state)
{
    (void)state;
    check_result("json-sink", "0000000000aaaa", "aaaa\n");
    check_cost("json-sink", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_copies_lines_out_of_what_it_read_alone),
        cmocka_unit_test(a_sink_copies_lines_into_its_buffer_alone),
        cmocka_unit_test(a_source_copies_lines_into_their_json_alone),
        cmocka_unit_test(a_sink_takes_lines_out_of_their_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
