/* The lines: their members, and that nothing from outside breaks them. */
#include "audit_test.h"

#include "audit/audit_internal.h"
#include "support/alloc_torture.h"

static void a_change_has_its_intent_before_and_its_outcome_after(void **state)
{
    struct record record;
    struct asker asker;
    (void)state;
    record_init(&record);
    ask_audit(record.audit, &asker);
    assert_non_null(asker.change);
    assert_int_equal(line_count(record.path), 1);
    audit_change_end(asker.change, 201, "hmac-sha256:00000000:aa");
    await_lines(record.path, 2);
    json_t *intent = line_of(record.path, 0), *outcome = line_of(record.path, 1);
    assert_member(intent, "event", "change");
    assert_member(intent, "request", "r-1");
    assert_member(intent, "worker", "one:8083");
    assert_member(intent, "who", "ada");
    assert_member(intent, "login", "password");
    assert_member(intent, "address", "10.0.0.7");
    assert_int_equal(json_integer_value(json_object_get(intent, "port")), 5000);
    assert_member(intent, "method", "PUT");
    assert_member(intent, "path", "/connectors/files/config");
    assert_member(intent, "connector", "files");
    assert_member(intent, "hash_before", NULL);
    assert_null(json_object_get(intent, "outcome"));
    assert_member(outcome, "event", "outcome");
    assert_member(outcome, "request", "r-1");
    assert_member(outcome, "hash_after", "hmac-sha256:00000000:aa");
    assert_member(outcome, "outcome", "done");
    assert_int_equal(json_integer_value(json_object_get(outcome, "status")), 201);
    assert_int_equal(json_integer_value(json_object_get(outcome, "intent")),
                     json_integer_value(json_object_get(intent, "seq")));
    json_decref(intent);
    json_decref(outcome);
    record_release(&record);
}

static void a_time_is_utc_with_milliseconds(void **state)
{
    struct str_buffer out;
    struct audit_change entry = {.stage = AUDIT_NOTE, .event = "start", .at_ms = 1700000000042, .members = (char[]){""}};
    (void)state;
    str_buffer_init(&out, 10000);
    audit_line_append(&out, "w:1", 7, &entry);
    assert_string_equal(str_buffer_text(&out),
                        "{\"time\":\"2023-11-14T22:13:20.042Z\",\"event\":\"start\",\"seq\":7,\"worker\":\"w:1\"}\n");
    str_buffer_release(&out);
}

static void who_did_not_log_in_is_anonymous(void **state)
{
    struct str_buffer out;
    (void)state;
    str_buffer_init(&out, 10000);
    assert_true(audit_members_of_call(&out, &(struct audit_call){.method = "POST", .path = "/connectors"}));
    assert_non_null(strstr(str_buffer_text(&out), "\"who\":\"anonymous\",\"login\":\"none\",\"address\":null"));
    assert_null(strstr(str_buffer_text(&out), "port"));
    str_buffer_release(&out);
}

static void texts_from_outside_cannot_break_a_line(void **state)
{
    static char huge[300000];
    struct record record;
    memset(huge, 'x', sizeof(huge) - 1);
    static const char *const bad[] = {
        "\"}\n{\"event\":\"forged\"}", "\xff\xfe\xc3\x28", "a\x01\x1b[31m\r\n\t\x7f", "\xc2\x9b" "31m", "\xe2\x80\xa8\xe2\x80\xa9", "\\u0000\\",
        "\xed\xa0\x80", huge};
    (void)state;
    record_init(&record);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        audit_refused(record.audit,
                      &(struct audit_call){.request = bad[i], .user = bad[i], .login = bad[i], .address = bad[i],
                                           .method = bad[i], .path = bad[i], .connector = bad[i]},
                      403);
    await_lines(record.path, sizeof(bad) / sizeof(bad[0]));
    record_close(&record);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *line = line_of(record.path, (int)i);
        assert_member(line, "event", "refused");
        assert_true(json_string_length(json_object_get(line, "path")) <= 1030);
        for (const char *at = json_string_value(json_object_get(line, "who")); *at != '\0'; at++)
            assert_int_not_equal(*at, 0x7f);
        json_decref(line);
    }
    assert_null(line_of(record.path, (int)(sizeof(bad) / sizeof(bad[0]))));
    record_release(&record);
}

static void a_hash_tells_equal_from_changed_and_names_its_key(void **state)
{
    struct record record;
    char one[AUDIT_HASH_SIZE], same[AUDIT_HASH_SIZE], other[AUDIT_HASH_SIZE], elsewhere[AUDIT_HASH_SIZE];
    struct string_map *config = string_map_create(), *turned = string_map_create();
    (void)state;
    record_init(&record);
    string_map_put(config, "password", "1234");
    string_map_put(config, "user", "me");
    string_map_put(turned, "user", "me");
    string_map_put(turned, "password", "1234");
    assert_true(audit_hash_config(record.audit, config, one));
    assert_true(audit_hash_config(record.audit, turned, same));
    assert_string_equal(one, same);
    assert_int_equal(strlen(one), AUDIT_HASH_SIZE - 1);
    string_map_put(turned, "password", "1235");
    assert_true(audit_hash_config(record.audit, turned, other));
    assert_string_not_equal(one, other);
    assert_memory_equal(one, other, strlen("hmac-sha256:00000000:"));
    string_map_put(turned, "password", "12;2:me");
    string_map_put(turned, "user", NULL);
    assert_true(audit_hash_config(record.audit, turned, other));
    assert_string_not_equal(one, other);
    record_close(&record);
    record_open(&record);
    assert_true(audit_hash_config(record.audit, config, elsewhere));
    assert_string_not_equal(one, elsewhere); /* another run has another key */
    string_map_destroy(config);
    string_map_destroy(turned);
    record_release(&record);
}

static void a_chosen_key_makes_hashes_last(void **state)
{
    struct audit one = {0}, other = {0}, third = {0};
    char a[AUDIT_HASH_SIZE], b[AUDIT_HASH_SIZE], c[AUDIT_HASH_SIZE];
    struct string_map *config = string_map_create();
    (void)state;
    string_map_put(config, "x", "y");
    assert_true(audit_hash_choose_key(&one, "a key that is long enough for this"));
    assert_true(audit_hash_choose_key(&other, "a key that is long enough for this"));
    assert_true(audit_hash_choose_key(&third, "another key that is long enough"));
    audit_hash_config(&one, config, a);
    audit_hash_config(&other, config, b);
    audit_hash_config(&third, config, c);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    assert_memory_not_equal(a, c, strlen("hmac-sha256:00000000:"));
    string_map_destroy(config);
}

static void a_file_is_told_by_its_digest(void **state)
{
    char path[] = "/tmp/audit-digest-XXXXXX", digest[AUDIT_DIGEST_SIZE];
    int fd = mkstemp(path);
    (void)state;
    assert_int_equal(write(fd, "abc", 3), 3);
    close(fd);
    assert_true(audit_digest_file(path, digest));
    assert_string_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); /* FIPS 180-2 */
    unlink(path);
    assert_false(audit_digest_file(path, digest));
    assert_string_equal(digest, "");
}

static void a_clients_request_id_is_kept_when_it_is_sane(void **state)
{
    char id[AUDIT_REQUEST_ID_SIZE], other[AUDIT_REQUEST_ID_SIZE], longest[66];
    (void)state;
    audit_request_id("Trace-1._x", id);
    assert_string_equal(id, "Trace-1._x");
    memset(longest, 'a', 65);
    longest[65] = '\0';
    static const char *const strange[] = {"", "a b", "\"", "a\nb", "\xc3\xa4", NULL};
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        audit_request_id(strange[i], id);
        assert_int_equal(strlen(id), 32);
        audit_request_id(strange[i], other);
        assert_string_not_equal(id, other);
    }
    audit_request_id(longest, id);
    assert_int_equal(strlen(id), 32);
    audit_request_id(longest + 1, id);
    assert_string_equal(id, longest + 1);
}

static bool lines_are_made(void *argument)
{
    struct str_buffer out;
    bool is_whole;
    str_buffer_init(&out, AUDIT_MEMBERS_MAX);
    is_whole = audit_members_of_call(&out, argument);
    str_buffer_release(&out);
    return is_whole;
}

static void a_line_without_memory_is_none(void **state)
{
    (void)state;
    alloc_torture(lines_are_made, (void *)(uintptr_t)&CALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_has_its_intent_before_and_its_outcome_after),
        cmocka_unit_test(a_time_is_utc_with_milliseconds),
        cmocka_unit_test(who_did_not_log_in_is_anonymous),
        cmocka_unit_test(texts_from_outside_cannot_break_a_line),
        cmocka_unit_test(a_hash_tells_equal_from_changed_and_names_its_key),
        cmocka_unit_test(a_chosen_key_makes_hashes_last),
        cmocka_unit_test(a_file_is_told_by_its_digest),
        cmocka_unit_test(a_clients_request_id_is_kept_when_it_is_sane),
        cmocka_unit_test(a_line_without_memory_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
