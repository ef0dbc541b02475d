/* What tidy promises: memory between what is still used goes back to the system; the process goes on; not too often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/tidy.h"

#define PIECES 65536
#define PIECE_BYTES 1000
#define MIB (1024L * 1024L)

static long resident_bytes(void)
{
    long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    assert_non_null(file);
    assert_int_equal(2, fscanf(file, "%ld %ld", &all, &resident));
    fclose(file);
    return resident * 4096;
}

static void free_memory_between_used_one_goes_back(void **state)
{
    static char *pieces[PIECES];
    long before, after;

    (void)state;
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = malloc(PIECE_BYTES);
        assert_non_null(pieces[i]);
        memset(pieces[i], 1, PIECE_BYTES);
    }
    for (size_t i = 0; i < PIECES - 1; i++) /* the last one keeps malloc from doing it by itself */
        free(pieces[i]);
    before = resident_bytes();
    assert_true(tidy());
    after = resident_bytes();
    assert_int_equal(1, pieces[PIECES - 1][PIECE_BYTES - 1]);
    free(pieces[PIECES - 1]);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(before - after > 32 * MIB);
#else
    (void)before;
    (void)after;
#endif
}

static void a_second_time_at_once_does_nothing(void **state)
{
    (void)state;
    assert_false(tidy());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_memory_between_used_one_goes_back),
        cmocka_unit_test(a_second_time_at_once_does_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
