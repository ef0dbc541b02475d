/* What is expected here was compared with java.util.Properties of JDK 17. */
#include "base_test.h"

#include "base/properties.h"
#include "base/string_map.h"
#include "support/alloc_torture.h"

static struct string_map *parse(const char *text, enum properties_charset charset)
{
    char why[200] = "";
    struct string_map *map = properties_parse(text, strlen(text), charset, why, sizeof(why));
    if (map == NULL)
        fail_msg("%s", why);
    return map;
}

/* `pairs`: key, value, …, NULL; exactly these. */
static void assert_reads_as(const char *text, const char *const *pairs)
{
    struct string_map *map = parse(text, PROPERTIES_LATIN1);
    size_t count = 0;
    for (; pairs[2 * count] != NULL; count++) {
        const char *value = string_map_get(map, pairs[2 * count]);
        if (value == NULL)
            fail_msg("no key '%s'", pairs[2 * count]);
        assert_string_equal(value, pairs[2 * count + 1]);
    }
    assert_int_equal(string_map_count(map), count);
    string_map_destroy(map);
}
#define READS_AS(text, ...) assert_reads_as(text, (const char *const[]){ __VA_ARGS__, NULL })
#define READS_AS_NOTHING(text) assert_reads_as(text, (const char *const[]){ NULL })

static void a_key_ends_at_a_separator(void **state)
{
    (void)state;
    READS_AS("a=1\nb:2\nc 3\nd\t4\ne\f5\n", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5");
    READS_AS("a = 1\nb : 2\nc  =  = 3\n", "a", "1", "b", "2", "c", "= 3");
    READS_AS("a==b\nc=:d\ne :=f", "a", "=b", "c", ":d", "e", "=f");
    READS_AS("lonely\nempty=\n=nameless", "lonely", "", "empty", "", "", "nameless");
    READS_AS("a\\ b\\=c\\:d = x", "a b=c:d", "x");
}

static void blanks_before_are_skipped_and_behind_are_kept(void **state)
{
    (void)state;
    READS_AS("  \t\f a=1  \n", "a", "1  ");
    READS_AS("a= \\ 1", "a", " 1");
}

static void comments_and_blank_lines_say_nothing(void **state)
{
    (void)state;
    READS_AS("# one\n! two\n\n  \n\t# three\\\na=1#2\n#", "a", "1#2");
    READS_AS_NOTHING("");
    READS_AS_NOTHING("\n\r\n\r");
    READS_AS_NOTHING("# only a comment");
}

static void a_line_goes_on_after_an_odd_number_of_backslashes(void **state)
{
    (void)state;
    READS_AS("a=1,\\\n   2,\\\r\n\t3\nb=x\\\\\nc=y\\\\\\\nz", "a", "1,2,3", "b", "x\\", "c", "y\\z");
    READS_AS("a=1\\\n# no comment\n", "a", "1# no comment");
    READS_AS("a=1\\\n\nb=2", "a", "1", "b", "2");
    READS_AS("ke\\\n  y=1", "key", "1");
    READS_AS("a=1\\", "a", "1");
    READS_AS("a=1\\\n", "a", "1");
}

static void every_line_end_ends_a_line(void **state)
{
    (void)state;
    READS_AS("a=1\rb=2\r\nc=3\nd=4", "a", "1", "b", "2", "c", "3", "d", "4");
}

static void a_lone_backslash_is_read_as_java_does(void **state)
{
    (void)state;
    READS_AS("\\", "", "");
    READS_AS("\\\n", "", "");
    READS_AS_NOTHING("\\\r\n");
    READS_AS("\\\n# comment\na=1", "a", "1");
}

static void escapes_are_taken_out(void **state)
{
    (void)state;
    READS_AS("a=\\t\\n\\r\\f\\\\\\\"\\'\\z\\#", "a", "\t\n\r\f\\\"'z#");
    READS_AS("\\u0061\\u0062=\\u00e9\\u20AC", "ab", "\xC3\xA9\xE2\x82\xAC");
    READS_AS("a=\\u0020b\\u003dc", "a", " b=c");
    READS_AS("a=\\\\u0041", "a", "\\u0041");
    READS_AS("a=\\U0041", "a", "U0041");
}

static void a_surrogate_pair_is_one_character_and_half_of_one_a_question_mark(void **state)
{
    (void)state;
    READS_AS("a=\\uD83D\\uDE00", "a", "\xF0\x9F\x98\x80");
    READS_AS("a=\\uD83D\\\n  \\uDE00", "a", "\xF0\x9F\x98\x80");
    READS_AS("a=\\uD83Dx", "a", "?x");
    READS_AS("a=\\uDE00\\uD83D", "a", "??");
    READS_AS("a=\\uD83D\\uD83D\\uDE00", "a", "?\xF0\x9F\x98\x80");
}

static void the_last_of_two_equal_keys_wins(void **state)
{
    (void)state;
    READS_AS("a=1\nb=2\na=3", "a", "3", "b", "2");
}

static void bytes_are_latin1_or_utf8_as_asked(void **state)
{
    (void)state;
    READS_AS("a=\xE9", "a", "\xC3\xA9");
    READS_AS("a=\xC3\xA9", "a", "\xC3\x83\xC2\xA9");
    struct string_map *map = parse("\xC3\xA9=\\\xC3\xA9\\u00e9", PROPERTIES_UTF8);
    assert_string_equal(string_map_get(map, "\xC3\xA9"), "\xC3\xA9\xC3\xA9");
    string_map_destroy(map);
}

static void assert_refused(const char *text, size_t length, enum properties_charset charset, const char *expected)
{
    char why[200] = "";
    assert_null(properties_parse(text, length, charset, why, sizeof(why)));
    assert_string_equal(why, expected);
}
#define REFUSED(text, charset, why) assert_refused(text, sizeof(text) - 1, charset, why)

static void what_cannot_be_read_is_refused_with_its_line(void **state)
{
    (void)state;
    REFUSED("a=1\n\nb=\\u12", PROPERTIES_LATIN1, "line 3: malformed \\uxxxx escape");
    REFUSED("a=1\r\n#\r\nb=\\u12x4z\n", PROPERTIES_LATIN1, "line 3: malformed \\uxxxx escape");
    REFUSED("\\u=1", PROPERTIES_LATIN1, "line 1: malformed \\uxxxx escape");
    REFUSED("a=\\uD83D\\u12", PROPERTIES_LATIN1, "line 1: malformed \\uxxxx escape");
    REFUSED("a=\\u0000", PROPERTIES_LATIN1, "line 1: \\u0000 cannot be part of a key or value");
    REFUSED("a=1\nb=\0", PROPERTIES_LATIN1, "line 2: a NUL byte: this is no text file");
    REFUSED("a=1\rb=\xE9", PROPERTIES_UTF8, "line 2: not valid UTF-8");
    REFUSED("\xFF", PROPERTIES_UTF8, "line 1: not valid UTF-8");
}

static void a_real_worker_file_is_read(void **state)
{
    (void)state;
    READS_AS("# licensed\n"
             "bootstrap.servers=localhost:9092\n"
             "producer.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\\n"
             "    username=\"alice\" \\\n"
             "    password=\"al=ice:1\";\n"
             "plugin.path=/usr/share/java,\\\n"
             "/opt/connectors,\n",
             "bootstrap.servers", "localhost:9092", "producer.sasl.jaas.config",
             "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"alice\" "
             "password=\"al=ice:1\";",
             "plugin.path", "/usr/share/java,/opt/connectors,");
}

static bool parse_once(void *argument)
{
    char why[200];
    struct string_map *map = properties_parse(argument, strlen(argument), PROPERTIES_LATIN1, why, sizeof(why));
    bool worked = map != NULL;
    if (!worked)
        assert_string_equal(why, "no memory");
    string_map_destroy(map);
    return worked;
}

static void no_memory_fails_cleanly(void **state)
{
    (void)state;
    alloc_torture(parse_once, "a=1\nb=\\u00e9 and a text that is longer than the first piece of memory of any "
                              "buffer, and goes on, \\\n and on\n# c\nlast.key.of.all : value\n");
}

RUN_TESTS(cmocka_unit_test(a_key_ends_at_a_separator), cmocka_unit_test(blanks_before_are_skipped_and_behind_are_kept),
          cmocka_unit_test(comments_and_blank_lines_say_nothing),
          cmocka_unit_test(a_line_goes_on_after_an_odd_number_of_backslashes),
          cmocka_unit_test(every_line_end_ends_a_line), cmocka_unit_test(a_lone_backslash_is_read_as_java_does),
          cmocka_unit_test(escapes_are_taken_out),
          cmocka_unit_test(a_surrogate_pair_is_one_character_and_half_of_one_a_question_mark),
          cmocka_unit_test(the_last_of_two_equal_keys_wins), cmocka_unit_test(bytes_are_latin1_or_utf8_as_asked),
          cmocka_unit_test(what_cannot_be_read_is_refused_with_its_line),
          cmocka_unit_test(a_real_worker_file_is_read), cmocka_unit_test(no_memory_fails_cleanly))
