/* line_reader: whatever the blocks are, the lines are those of the whole text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line_reader.h"

#define LINES_MAX 4096

/* What became of a text: its lines, each with the bytes it used up. */
struct cut {
    char text[LINES_MAX * 4];
    size_t size;
    size_t lines, consumed;
    bool failed;
};

static void cut_add(struct cut *cut, const void *line, size_t size, size_t consumed)
{
    int written;

    assert_true(cut->size + size + 32 < sizeof(cut->text));
    written = snprintf(cut->text + cut->size, sizeof(cut->text) - cut->size, "%zu/%zu:", size, consumed);
    cut->size += (size_t)written;
    memcpy(cut->text + cut->size, line, size);
    cut->size += size;
    cut->lines++;
    cut->consumed += consumed;
}

/* The same by the book: one pass over the whole text. A \r or nothing at the very end is no end yet. */
static void cut_plainly(struct cut *cut, const char *text, size_t size)
{
    size_t start = 0;

    *cut = (struct cut){.size = 0};
    for (size_t i = 0; i < size; i++) {
        size_t end = text[i] == '\n' ? 1 : 0;

        if (text[i] == '\r' && i + 1 < size)
            end = text[i + 1] == '\n' ? 2 : 1;
        if (end == 0)
            continue;
        cut_add(cut, text + start, i - start, i - start + end);
        start = i + end;
        i = start - 1;
    }
}

struct feed {
    const char *text;
    size_t size;
    size_t line_max_bytes;
    size_t (*block_size)(void *argument, size_t left);
    void *argument;
};

static void feed_block(struct cut *cut, struct line_reader *reader, struct mr_arena *arena, struct line_block block)
{
    struct mr_bytes line;
    size_t consumed;
    int status;

    while ((status = line_reader_next(reader, &block, arena, &line, &consumed, NULL)) == 1)
        cut_add(cut, line.data, line.size, consumed);
    cut->failed |= status < 0;
    assert_true(status < 0 || block.at == block.end);
    assert_true(reader->rest_size <= reader->line_max_bytes + 1);
}

static void cut_in_blocks(struct cut *cut, const struct feed *feed)
{
    struct line_reader reader;
    struct mr_arena *arena = mr_arena_create(1 << 20);

    *cut = (struct cut){.size = 0};
    line_reader_init(&reader, feed->line_max_bytes);
    for (size_t at = 0; at < feed->size && !cut->failed;) {
        size_t size = feed->block_size(feed->argument, feed->size - at);
        unsigned char *copy = malloc(size); /* its own, so that a read beyond is seen */

        memcpy(copy, feed->text + at, size);
        feed_block(cut, &reader, arena, (struct line_block){.at = copy, .end = copy + size});
        free(copy);
        at += size;
    }
    line_reader_release(&reader);
    mr_arena_destroy(arena);
}

static void assert_same(const struct cut *expected, const struct cut *got)
{
    assert_false(got->failed);
    assert_int_equal(expected->lines, got->lines);
    assert_int_equal(expected->consumed, got->consumed);
    assert_int_equal(expected->size, got->size);
    assert_memory_equal(expected->text, got->text, expected->size);
}

/* Blocks of the sizes that the bits of a number say: every way to split a text. */
static size_t split_by_bits(void *argument, size_t left)
{
    uint32_t *bits = argument;
    size_t size = 1;

    while (size < left && (*bits & 1) == 0) {
        *bits >>= 1;
        size++;
    }
    *bits >>= 1;
    return size;
}

static void every_split_of_every_short_text_gives_the_same_lines(void **state)
{
    static const char alphabet[] = "a\n\r";
    char text[8];
    struct cut expected, got;

    (void)state;
    for (size_t size = 1; size <= 7; size++) {
        size_t texts = 1;

        for (size_t i = 0; i < size; i++)
            texts *= 3;
        for (size_t number = 0; number < texts; number++) {
            for (size_t i = 0, rest = number; i < size; i++, rest /= 3)
                text[i] = alphabet[rest % 3];
            cut_plainly(&expected, text, size);
            for (uint32_t split = 0; split < 1u << (size - 1); split++) {
                uint32_t bits = split;

                cut_in_blocks(&got, &(struct feed){.text = text, .size = size, .line_max_bytes = 7,
                                                   .block_size = split_by_bits, .argument = &bits});
                assert_same(&expected, &got);
            }
        }
    }
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static size_t random_size(void *argument, size_t left)
{
    size_t size = 1 + next_random(argument) % 40;

    return size < left ? size : left;
}

static void random_texts_in_random_blocks_give_the_same_lines(void **state)
{
    static const char alphabet[] = "abcdefgh\n\r";
    char text[2000];
    struct cut expected, got;
    uint64_t seed = 4711;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t size = 1 + next_random(&seed) % sizeof(text), longest = 0, run = 0;

        for (size_t i = 0; i < size; i++) {
            text[i] = alphabet[next_random(&seed) % (sizeof(alphabet) - 1)];
            run = text[i] == '\n' || text[i] == '\r' ? 0 : run + 1;
            longest = run > longest ? run : longest;
        }
        cut_plainly(&expected, text, size);
        /* A line exactly as long as allowed is allowed, wherever blocks begin and end. */
        cut_in_blocks(&got, &(struct feed){.text = text, .size = size, .line_max_bytes = longest == 0 ? 1 : longest,
                                           .block_size = random_size, .argument = &seed});
        assert_same(&expected, &got);
    }
}

static size_t fixed_size(void *argument, size_t left)
{
    size_t size = *(size_t *)argument;

    return size < left ? size : left;
}

static void a_line_longer_than_allowed_fails_before_it_fills_the_memory(void **state)
{
    struct cut cut;
    char text[64];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\n';
    for (size_t block = 1; block <= sizeof(text); block++) {
        cut_in_blocks(&cut, &(struct feed){.text = text, .size = sizeof(text), .line_max_bytes = 62,
                                           .block_size = fixed_size, .argument = &block});
        assert_true(cut.failed);
        assert_int_equal(0, cut.lines);
        cut_in_blocks(&cut, &(struct feed){.text = text, .size = sizeof(text), .line_max_bytes = 63,
                                           .block_size = fixed_size, .argument = &block});
        assert_false(cut.failed);
        assert_int_equal(1, cut.lines);
    }
}

static void the_words_of_a_long_line_name_the_limit_and_the_remedy(void **state)
{
    struct line_reader reader;
    struct mr_arena *arena = mr_arena_create(1 << 16);
    const unsigned char text[] = "four\n";
    struct line_block block = {.at = text, .end = text + 5};
    struct mr_error *error = NULL;
    struct mr_bytes line;
    size_t consumed;

    (void)state;
    line_reader_init(&reader, 3);
    assert_int_equal(-1, line_reader_next(&reader, &block, arena, &line, &consumed, &error));
    assert_non_null(strstr(mr_error_message(error), "longer than 3 bytes"));
    assert_non_null(strstr(mr_error_message(error), "millrace.line.max.bytes"));
    mr_error_drop(error);
    line_reader_release(&reader);
    mr_arena_destroy(arena);
}

static void the_end_of_the_input_ends_the_last_line(void **state)
{
    static const struct {
        const char *text, *line;
        size_t consumed;
    } cases[] = {{"abc", "abc", 3}, {"abc\r", "abc", 4}, {"\r", "", 1}};
    struct mr_arena *arena = mr_arena_create(1 << 16);
    struct line_reader reader;
    struct mr_bytes line;
    size_t consumed;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned char *text = (const unsigned char *)cases[i].text;
        struct line_block block = {.at = text, .end = text + strlen(cases[i].text)};

        line_reader_init(&reader, 100);
        assert_int_equal(0, line_reader_next(&reader, &block, arena, &line, &consumed, NULL));
        assert_int_equal(1, line_reader_finish(&reader, arena, &line, &consumed, NULL));
        assert_int_equal(strlen(cases[i].line), line.size);
        assert_memory_equal(cases[i].line, line.data, line.size);
        assert_int_equal(cases[i].consumed, consumed);
        assert_int_equal(0, line_reader_finish(&reader, arena, &line, &consumed, NULL));
        line_reader_release(&reader);
    }
    mr_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_of_every_short_text_gives_the_same_lines),
        cmocka_unit_test(random_texts_in_random_blocks_give_the_same_lines),
        cmocka_unit_test(a_line_longer_than_allowed_fails_before_it_fills_the_memory),
        cmocka_unit_test(the_words_of_a_long_line_name_the_limit_and_the_remedy),
        cmocka_unit_test(the_end_of_the_input_ends_the_last_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
