/* Passwords over HTTP: what passes at once, what takes longer, what is refused and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gate_bench.h"
#include "support/alloc_torture.h"

/* ---- passwords ---- */

static void a_password_is_looked_at_later_and_then_remembered(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    assert_int_equal(look(bench, basic("alice", PASSWORD)), 0);
    assert_int_equal(ask(bench, basic("alice", PASSWORD)), 200);
    assert_string_equal(bench->name, "alice");
    assert_int_equal(look(bench, basic("alice", PASSWORD)), 200);
    assert_int_equal(look(bench, basic("alice", "wrong")), 0);
    assert_int_equal(ask(bench, basic("alice", "wrong")), 401);
    assert_int_equal(ask(bench, basic("bob", PASSWORD)), 401);
    assert_string_equal(bench->why, "The user or the password is wrong.");
}

static void a_changed_file_counts_at_once(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    assert_int_equal(ask(bench, basic("alice", PASSWORD)), 200);
    put(bench->passwords, "bob:" BCRYPT "\n", 0600);
    assert_int_equal(ask(bench, basic("alice", PASSWORD)), 401);
    assert_int_equal(ask(bench, basic("bob", PASSWORD)), 200);
    put(bench->passwords, "carol:" BCRYPT "\n", 0644); /* all may read it: the former content stays */
    assert_int_equal(ask(bench, basic("carol", PASSWORD)), 401);
    assert_int_equal(ask(bench, basic("bob", PASSWORD)), 200);
}

static void guessing_is_slowed_down_for_the_guesser_alone(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    for (int i = 0; i < GATE_FAILURES_FREE; i++)
        assert_int_equal(ask(bench, basic("alice", "wrong")), 401);
    assert_int_equal(look(bench, basic("alice", "wrong")), 429);
    assert_int_equal(look(bench, basic("alice", PASSWORD)), 429);
    assert_int_equal(ask_from(bench, basic("alice", PASSWORD), "192.0.2.2"), 200);
    assert_int_equal(look(bench, basic("alice", PASSWORD)), 429); /* remembered by now, but still no way to try fast */
    fake_clock_advance_ms(&bench->clock, GATE_DELAY_MIN_MS);
    assert_int_equal(ask(bench, basic("alice", PASSWORD)), 200);
    assert_int_equal(ask(bench, basic("alice", "wrong")), 401);
}

static void a_guesser_gains_nothing_by_other_addresses_of_the_same_network(void **state)
{
    struct bench *bench = *state;
    char address[40];
    open_gate_for_passwords(bench);
    for (int i = 0; i < GATE_FAILURES_FREE; i++) {
        snprintf(address, sizeof(address), "2001:db8::%d", i);
        assert_int_equal(ask_from(bench, basic("alice", "wrong"), address), 401);
    }
    assert_int_equal(ask_from(bench, basic("alice", PASSWORD), "2001:db8::ffff:1"), 429);
    assert_int_equal(ask_from(bench, basic("alice", PASSWORD), "2001:db8:0:1::1"), 200);
}

static void a_refusal_says_when_to_come_again(void **state)
{
    struct bench *bench = *state;
    struct http_request request = request_with(basic("carol", "wrong"));
    struct http_response response;
    open_gate_for_jaas(bench);
    for (int i = 0; i < GATE_FAILURES_FREE + 1; i++) {
        fake_clock_advance_ms(&bench->clock, i * 1000);
        assert_int_equal(look(bench, basic("carol", "wrong")), 401);
    }
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    assert_int_equal(verdict.status, 429);
    assert_int_equal(verdict.retry_after_s, 2 * GATE_DELAY_MIN_MS / 1000);
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    gate_fill_refusal(bench->gate, &verdict, &response);
    assert_int_equal(response.header_count, 1);
    assert_string_equal(response.headers[0].name, "Retry-After");
    assert_string_equal(response.headers[0].value, "2");
    http_response_release(&response);
}

static void jaas_logins_are_decided_at_once(void **state)
{
    struct bench *bench = *state;
    open_gate_for_jaas(bench);
    assert_int_equal(look(bench, basic("carol", "hunter2")), 200);
    assert_int_equal(look(bench, basic("carol", "hunter3")), 401);
    assert_int_equal(look(bench, basic("dave", "hunter2")), 401);
}

static void too_many_waiting_logins_are_sent_away(void **state)
{
    struct bench *bench = *state;
    int sent_away = 0;
    open_gate_for_passwords(bench);
    for (int i = 0; i < TOLD_MAX; i++) {
        char user[20];
        snprintf(user, sizeof(user), "user-%d", i);
        struct http_request request = request_with(basic(user, "wrong"));
        gate_check(bench->gate, &request, on_told, bench);
    }
    wait_for_told(bench, TOLD_MAX);
    for (int i = 0; i < TOLD_MAX; i++)
        sent_away += bench->statuses[i] == 503;
    assert_true(sent_away > 0); /* the queue is shorter than what was asked faster than hashing goes */
    assert_true(sent_away <= TOLD_MAX - GATE_PASSWORDS_PER_ADDRESS_MAX);
}

struct one {
    struct bench *bench;
    int status; /* 0: not told; bench->lock */
};

static void on_one_told(void *argument, const struct gate_verdict *verdict)
{
    struct one *one = argument;
    mutex_lock(&one->bench->lock);
    one->status = verdict->status;
    cond_broadcast(&one->bench->changed);
    mutex_unlock(&one->bench->lock);
}

static int status_of_one(struct bench *bench, const char *user, const char *address)
{
    struct one one = {.bench = bench};
    struct http_request request = request_with(basic(user, "wrong"));
    request.client_address = address;
    gate_check(bench->gate, &request, on_one_told, &one);
    int64_t deadline_ms = deadline_after_ms(60000);
    mutex_lock(&bench->lock);
    while (one.status == 0)
        assert_true(cond_wait_until_ms(&bench->changed, &bench->lock, deadline_ms) || one.status != 0);
    mutex_unlock(&bench->lock);
    return one.status;
}

static void on_counted(void *argument, const struct gate_verdict *verdict)
{
    (void)verdict;
    atomic_fetch_add((atomic_int *)argument, 1);
}

/* Logins of a user whose hash takes long, from two addresses, hold all places; who has logged in before is looked at, others are not. */
static void a_flood_of_logins_keeps_nobody_out_where_they_have_logged_in(void **state)
{
    static const char *const FROM[] = {"203.0.113.1", "203.0.113.2"};
    static const char SLOW[] = "$2y$12$H50y.1HDkBCJdLoUGUw9rOJI1AI0pUXRA6QtUV6oIP5vSgxyWPtq6";
    static atomic_int answered; /* also of those that the gate tells when it closes */
    struct bench *bench = *state;
    char lines[300];
    snprintf(lines, sizeof(lines), "alice:" BCRYPT "\nslow:%s\n", SLOW);
    put(bench->passwords, lines, 0640);
    open_gate_for_passwords(bench);
    assert_int_equal(ask(bench, basic("alice", PASSWORD)), 200);
    int64_t deadline_ms = deadline_after_ms(60000);
    atomic_store(&answered, 0);
    /* Until both threads hash and the queue is full: those that have begun late leave room for as many more. */
    for (int i = 0; i - atomic_load(&answered) < GATE_PASSWORDS_WAITING_MAX + GATE_PASSWORD_THREADS; i++) {
        assert_true(clock_monotonic_ms(NULL) < deadline_ms);
        struct http_request request = request_with(basic("slow", "wrong"));
        request.client_address = FROM[i % 2];
        gate_check(bench->gate, &request, on_counted, &answered);
    }
    assert_int_equal(status_of_one(bench, "alice", "198.51.100.7"), 503);
    assert_int_equal(status_of_one(bench, "alice", "192.0.2.1"), 401);
}

static void many_at_once_with_the_right_password_all_pass(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    for (int i = 0; i < 16; i++) {
        struct http_request request = request_with(basic("alice", PASSWORD));
        gate_check(bench->gate, &request, on_told, bench);
    }
    wait_for_told(bench, 16);
    for (int i = 0; i < 16; i++)
        assert_int_equal(bench->statuses[i], 200);
}

static void who_waits_when_it_stops_is_told(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    for (int i = 0; i < 30; i++) {
        struct http_request request = request_with(basic("alice", "wrong"));
        gate_check(bench->gate, &request, on_told, bench);
    }
    gate_stop(bench->gate);
    assert_int_equal(bench->told, 30);
    for (int i = 0; i < 30; i++)
        assert_true(bench->statuses[i] == 401 || bench->statuses[i] == 429 || bench->statuses[i] == 503);
}

/* ---- memory ---- */

static bool log_in_once(void *argument)
{
    struct bench *bench = argument;
    struct mr_error *error = NULL;
    int status = 0;
    bench->gate = gate_create(&bench->config, &bench->clock.clock, &error);
    if (bench->gate != NULL)
        status = ask(bench, basic("alice", PASSWORD));
    mr_error_drop(error);
    gate_stop(bench->gate);
    gate_destroy(bench->gate);
    bench->gate = NULL;
    return status == 200;
}

static void memory_may_run_short_anywhere(void **state)
{
    struct bench *bench = *state;
    bench->config.passwords_file = bench->passwords;
    alloc_torture(log_in_once, bench);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_password_is_looked_at_later_and_then_remembered),
        TEST(a_changed_file_counts_at_once),
        TEST(guessing_is_slowed_down_for_the_guesser_alone),
        TEST(a_guesser_gains_nothing_by_other_addresses_of_the_same_network),
        TEST(a_refusal_says_when_to_come_again),
        TEST(jaas_logins_are_decided_at_once),
        TEST(too_many_waiting_logins_are_sent_away),
        TEST(a_flood_of_logins_keeps_nobody_out_where_they_have_logged_in),
        TEST(many_at_once_with_the_right_password_all_pass),
        TEST(who_waits_when_it_stops_is_told),
        TEST(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
