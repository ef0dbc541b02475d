/* The session key: written when one is due, kept otherwise. */
#include "rig.h"

#include "base/clock.h"
#include "herder/session_key_internal.h"

#define TTL_MS 3600000
#define KEY_32 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static int key_setup(void **state)
{
    standalone_setup(state);
    turn(); /* the herder itself has looked at its settings, and will not before it has a key */
    rig.worker.connect_protocol = "sessioned";
    rig.worker.key_algorithm = "HmacSHA256";
    rig.worker.key_ttl_ms = TTL_MS;
    return 0;
}

/* "algorithm key" of the newest one; "" when there is none. */
static const char *key_now(void)
{
    static char text[400];
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    const struct session_key *key = config_snapshot_session_key(snapshot);

    snprintf(text, sizeof(text), "%s %s", key == NULL ? "" : key->algorithm, key == NULL ? "" : key->key);
    config_snapshot_drop(snapshot);
    return key == NULL ? "" : text;
}

static bool differs_from(void *argument)
{
    return strcmp(key_now(), argument) != 0;
}

static void put_key(const char *algorithm, int64_t age_ms)
{
    assert_int_equal(config_store_put_session_key(rig.configs,
                                                  &(struct session_key){KEY_32, algorithm, clock_wall_ms(NULL) - age_ms},
                                                  INT64_MAX, NULL),
                     0);
}

/* Writes of the herder's jobs take turns: when this one is answered, those before it are over. */
static void wait_for_writes(void)
{
    assert_true(put("barrier", "1") / 100 == 2);
}

static void expect_kept(void)
{
    char before[400];

    snprintf(before, sizeof(before), "%s", key_now());
    assert_true(session_key_tend(rig.herder) > 0);
    wait_for_writes();
    assert_string_equal(key_now(), before);
}

static void expect_written(const char *algorithm, size_t length)
{
    char before[400];

    snprintf(before, sizeof(before), "%s", key_now());
    assert_true(session_key_tend(rig.herder) > 0);
    assert_true(eventually(5000, differs_from, before));
    assert_int_equal(strncmp(key_now(), algorithm, strlen(algorithm)), 0);
    assert_int_equal(strlen(key_now()) - strlen(algorithm) - 1, length);
    wait_for_writes();
}

static void a_key_is_written_when_there_is_none(void **state)
{
    (void)state;
    expect_written("HmacSHA256", 44);
    expect_kept();
}

static void a_key_that_another_leader_wrote_is_kept(void **state)
{
    (void)state;
    put_key("HmacSHA256", TTL_MS / 2);
    int64_t next_ms = session_key_tend(rig.herder);
    assert_true(next_ms > TTL_MS / 2 - 60000 && next_ms <= TTL_MS / 2);
    expect_kept();
}

static void a_key_too_old_is_renewed_unless_none_ever_is(void **state)
{
    (void)state;
    put_key("HmacSHA256", TTL_MS + 1);
    rig.worker.key_ttl_ms = 0;
    expect_kept();
    rig.worker.key_ttl_ms = TTL_MS;
    expect_written("HmacSHA256", 44);
}

static void a_key_of_another_algorithm_or_size_is_replaced(void **state)
{
    (void)state;
    put_key("HmacSHA1", 0);
    expect_written("HmacSHA256", 44);
    rig.worker.key_size_bits = 130; /* 17 bytes */
    expect_written("HmacSHA256", 24);
    rig.worker.key_size_bits = 0;
    rig.worker.key_algorithm = "HmacSHA512";
    expect_written("HmacSHA512", 88);
}

/* Nobody but the herder's own timer asks for the second and the third. */
static void keys_that_live_shortly_are_renewed_as_often_as_asked(void **state)
{
    char former[400];
    int64_t begun_ms = clock_monotonic_ms(NULL);

    (void)state;
    rig.worker.key_ttl_ms = 700;
    session_key_tend(rig.herder);
    for (int i = 0; i < 3; i++) {
        snprintf(former, sizeof(former), "%s", key_now());
        assert_true(eventually(5000, differs_from, former));
    }
    assert_true(clock_monotonic_ms(NULL) - begun_ms >= 2 * 700 - 10);
}

static void calls_that_come_too_often_write_one_key(void **state)
{
    char first[400];

    (void)state;
    for (int i = 0; i < 5; i++)
        session_key_tend(rig.herder);
    assert_true(eventually(5000, differs_from, ""));
    snprintf(first, sizeof(first), "%s", key_now());
    wait_for_writes();
    assert_string_equal(key_now(), first);
}

static void other_protocols_have_no_key(void **state)
{
    (void)state;
    rig.worker.connect_protocol = "compatible";
    assert_true(session_key_tend(rig.herder) > 0);
    wait_for_writes();
    assert_string_equal(key_now(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_written_when_there_is_none, key_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_key_that_another_leader_wrote_is_kept, key_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_key_too_old_is_renewed_unless_none_ever_is, key_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_key_of_another_algorithm_or_size_is_replaced, key_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(keys_that_live_shortly_are_renewed_as_often_as_asked, key_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(calls_that_come_too_often_write_one_key, key_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(other_protocols_have_no_key, key_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
