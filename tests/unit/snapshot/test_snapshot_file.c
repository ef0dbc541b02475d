/* The file of a snapshot: what is written is read again, and what is damaged anywhere is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "snapshot/snapshot_file.h"

static char *written(size_t *size)
{
    struct snapshot snapshot;
    struct str_buffer out;
    assert_true(snapshot_init(&snapshot));
    snapshot.cluster_id = mem_strdup("kafka-1");
    snapshot.group_id = mem_strdup("group");
    snapshot.taken_ms = 1700000000000;
    json_object_set_new(snapshot.configs, "connector-später", json_string("{\"properties\":{\"file\":\"a\\nb\",\"p\":\"${env:X}\"}}"));
    json_object_set_new(snapshot.configs, "target-state-später", json_string("{\"state\":\"PAUSED\"}"));
    json_object_set_new(snapshot.configs, "commit-später", json_string("{\"tasks\":1}"));
    json_object_set_new(snapshot.offsets, "[\"später\",{\"filename\":\"a\"}]", json_string("{\"position\":7}"));
    json_array_append_new(snapshot.groups, json_pack("{s:s, s:s, s:i, s:I}", "sink-group", "connect-x", "topic", "t", "partition", 3, "offset",
                                                     (json_int_t)9000000000));
    str_buffer_init(&out, 1 << 20);
    assert_true(snapshot_write(&snapshot, &out));
    char *text = str_buffer_take(&out, size);
    snapshot_release(&snapshot);
    str_buffer_release(&out);
    return text;
}

/* What a refusal says; NULL: it was read. */
static const char *refusal(const char *text, size_t size)
{
    static char words[512];
    struct snapshot snapshot;
    struct mr_error *error = NULL;
    int status = snapshot_read(&snapshot, text, size, &error);
    snprintf(words, sizeof(words), "%s", status == 0 ? "" : mr_error_message(error));
    snapshot_release(&snapshot);
    mr_error_drop(error);
    return status == 0 ? NULL : words;
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct snapshot snapshot;
    struct mr_error *error = NULL;
    struct str_buffer again;
    size_t size;
    char *text = written(&size);
    assert_int_equal(0, snapshot_read(&snapshot, text, size, &error));
    assert_string_equal("kafka-1", snapshot.cluster_id);
    assert_string_equal("group", snapshot.group_id);
    assert_int_equal(1700000000000, snapshot.taken_ms);
    assert_int_equal(3, json_object_size(snapshot.configs));
    assert_string_equal("{\"position\":7}", json_string_value(json_object_get(snapshot.offsets, "[\"später\",{\"filename\":\"a\"}]")));
    str_buffer_init(&again, 1 << 20);
    assert_true(snapshot_write(&snapshot, &again));
    assert_string_equal(text, str_buffer_text(&again));
    str_buffer_release(&again);
    snapshot_release(&snapshot);
    mem_free(text);
}

static void a_byte_that_has_changed_anywhere_is_noticed(void **state)
{
    (void)state;
    size_t size;
    char *text = written(&size);
    for (size_t i = 0; i < size; i++) {
        text[i] ^= 1;
        assert_non_null(refusal(text, size));
        text[i] ^= 1;
    }
    assert_null(refusal(text, size));
    mem_free(text);
}

static void a_file_that_was_cut_anywhere_is_refused(void **state)
{
    (void)state;
    size_t size;
    char *text = written(&size);
    for (size_t i = 0; i < size; i++)
        assert_non_null(refusal(text, i));
    assert_non_null(strstr(refusal(text, size - 1), "cut"));
    mem_free(text);
}

static void another_version_is_refused_by_its_number(void **state)
{
    (void)state;
    static const char TEXT[] = "{\"millrace-snapshot\":2,\"cluster\":\"c\",\"group\":\"g\",\"taken_ms\":1}\n";
    assert_non_null(strstr(refusal(TEXT, sizeof(TEXT) - 1), "version 2; this program reads version 1"));
}

static void lines_that_no_snapshot_has_are_named(void **state)
{
    (void)state;
    static const char HEAD[] = "{\"millrace-snapshot\":1,\"cluster\":\"c\",\"group\":\"g\",\"taken_ms\":1}\n";
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"{\"config\":\"session-key\",\"value\":\"x\"}\n", "line 2 has a key of the config topic"},
        {"{\"config\":\"connector-\",\"value\":\"x\"}\n", "line 2 has a key of the config topic"},
        {"{\"config\":\"connector-a\",\"value\":1}\n", "line 2 has no key, or no value"},
        {"{\"config\":\"connector-a\",\"value\":\"1\"}\n{\"config\":\"connector-a\",\"value\":\"2\"}\n", "line 3 has a key that came before"},
        {"{\"sink-group\":\"g\",\"topic\":\"t\",\"partition\":-1,\"offset\":0}\n", "line 2 is not the offset of a group"},
        {"{\"sink-group\":\"g\",\"topic\":\"t\",\"partition\":0,\"offset\":-1}\n", "line 2 is not the offset of a group"},
        {"{\"something\":1}\n", "line 2 is nothing that a snapshot has"},
        {"[]\n", "line 2 is not a JSON object"},
        {"{\"lines\":0,\"sha256\":\"00\"}\n", "its sha256 does not fit"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        int size = snprintf(text, sizeof(text), "%s%s", HEAD, cases[i].line);
        const char *words = refusal(text, (size_t)size);
        if (words == NULL || strstr(words, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].line, words == NULL ? "was read" : words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_byte_that_has_changed_anywhere_is_noticed),
        cmocka_unit_test(a_file_that_was_cut_anywhere_is_refused),
        cmocka_unit_test(another_version_is_refused_by_its_number),
        cmocka_unit_test(lines_that_no_snapshot_has_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
