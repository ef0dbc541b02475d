/* base64, murmur2, utf8, hash: pure functions on bytes. */
#include "base_test.h"

#include "base/base64.h"
#include "base/hash.h"
#include "base/murmur2.h"
#include "base/utf8.h"

static void murmur2_is_that_of_the_java_client(void **state)
{
    (void)state;
    static const struct { const char *text; int32_t hash; } known[] = {
        { "21", -973932308 },
        { "foobar", -790332482 },
        { "a-little-bit-long-string", -985981536 },
        { "a-little-bit-longer-string", -1486304829 },
        { "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 },
        { "abc", 479470107 },
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_int_equal(murmur2(known[i].text, strlen(known[i].text)), known[i].hash);
    assert_int_equal(murmur2_partition("abc", 3, 10), 479470107 % 10);
    assert_int_equal(murmur2_partition("21", 2, 10), (-973932308 & 0x7fffffff) % 10);
    assert_int_equal(murmur2(NULL, 0), murmur2("", 0));
}

static void base64_has_the_vectors_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *plain = pairs[i][0], *coded = pairs[i][1];
        char text[16];
        unsigned char bytes[16];
        size_t length;
        assert_int_equal(base64_encode(plain, strlen(plain), text), strlen(coded));
        assert_int_equal(base64_encoded_length(strlen(plain)), strlen(coded));
        assert_memory_equal(text, coded, strlen(coded));
        assert_true(base64_decode(coded, strlen(coded), bytes, &length));
        assert_int_equal(length, strlen(plain));
        assert_memory_equal(bytes, plain, length);
    }
}

static void base64_refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = { "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9 ", "Zm9-", "Zm9_", "=m9v",
                                         "Z=9v", "Zm=v", "Zm9vA", "Zm\n9" };
    unsigned char bytes[16];
    size_t length;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(base64_decode(wrong[i], strlen(wrong[i]), bytes, &length));
    assert_true(base64_decode("Zh==", 4, bytes, &length));   /* unused bits do not matter */
}

static void base64_keeps_every_byte(void **state)
{
    (void)state;
    unsigned char bytes[256], back[258];
    char text[344];
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    for (size_t count = 0; count <= 256; count++) {
        size_t length;
        size_t coded = base64_encode(bytes, count, text);
        assert_true(base64_decode(text, coded, back, &length));
        assert_int_equal(length, count);
        assert_true(length <= base64_decoded_max(coded));
        assert_memory_equal(back, bytes, count);
    }
}

static void every_code_point_survives_utf8(void **state)
{
    (void)state;
    for (uint32_t code_point = 0; code_point <= 0x110000; code_point++) {
        char bytes[4];
        uint32_t back = 0;
        size_t length = utf8_encode(code_point, bytes);
        bool exists = code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF);
        assert_int_equal(length != 0, exists);
        if (!exists)
            continue;
        assert_int_equal(utf8_decode(bytes, length, &back), length);
        assert_int_equal(back, code_point);
        assert_int_equal(utf8_decode(bytes, length - 1, &back), 0);
    }
}

static void wrong_utf8_is_noticed_where_it_starts(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF", "\xE2\x82",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xF0\x9F\x98", "\xE2\x28\xA1",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        for (size_t before = 0; before < 20; before++) {
            char text[40];
            memset(text, 'a', before);
            memcpy(text + before, wrong[i], strlen(wrong[i]));
            assert_false(utf8_valid(text, before + strlen(wrong[i])));
            assert_int_equal(utf8_valid_length(text, before + strlen(wrong[i])), before);
        }
    assert_true(utf8_valid("", 0));
    assert_true(utf8_valid(NULL, 0));
    static const char mixed[] = "12345678\xC3\xA9" "12345678\xF0\x9F\x98\x80\xE2\x82\xAC!";
    assert_true(utf8_valid(mixed, strlen(mixed)));
}

static void a_cut_leaves_characters_whole(void **state)
{
    (void)state;
    static const char text[] = "a\xE2\x82\xAC" "b";
    static const size_t cut[] = { 0, 1, 1, 1, 4, 5, 5 };
    for (size_t limit = 0; limit < 7; limit++)
        assert_int_equal(utf8_cut(text, 5, limit), cut[limit]);
}

static void a_hash_depends_on_seed_length_and_every_byte(void **state)
{
    (void)state;
    unsigned char bytes[40] = { 0 };
    for (size_t length = 0; length < sizeof(bytes); length++) {
        uint64_t plain = hash_bytes(bytes, length, 1);
        assert_true(plain == hash_bytes(bytes, length, 1));
        assert_true(plain != hash_bytes(bytes, length, 2));
        assert_true(plain != hash_bytes(bytes, length + 1, 1));
        for (size_t i = 0; i < length; i++) {
            bytes[i] = 1;
            assert_true(plain != hash_bytes(bytes, length, 1));
            bytes[i] = 0;
        }
    }
    assert_true(hash_seed(bytes) != 0);
}

RUN_TESTS(cmocka_unit_test(murmur2_is_that_of_the_java_client), cmocka_unit_test(base64_has_the_vectors_of_rfc_4648),
          cmocka_unit_test(base64_refuses_what_is_none), cmocka_unit_test(base64_keeps_every_byte),
          cmocka_unit_test(every_code_point_survives_utf8), cmocka_unit_test(wrong_utf8_is_noticed_where_it_starts),
          cmocka_unit_test(a_cut_leaves_characters_whole),
          cmocka_unit_test(a_hash_depends_on_seed_length_and_every_byte))
