/* Who waits for the hashing threads, who is sent away, and who comes first. The threads stand still until the test lets them go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "gate/password_queue_internal.h"
#include "support/eventually.h"

#define WAIT_MS 20000
#define RUN_MAX 200

struct bench {
    struct password_queue *queue;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    size_t permits; /* how many jobs may end */
    size_t begun;
    char users[RUN_MAX][24]; /* of those that have begun */
};

static void run_job(void *context, struct password_job *job, bool is_stopping)
{
    struct bench *bench = context;
    mutex_lock(&bench->lock);
    assert_true(bench->begun < RUN_MAX);
    snprintf(bench->users[bench->begun++], sizeof(bench->users[0]), "%s", job->credentials.user);
    while (bench->permits == 0 && !is_stopping)
        cond_wait(&bench->changed, &bench->lock);
    bench->permits -= !is_stopping;
    mutex_unlock(&bench->lock);
    password_job_destroy(job);
}

static bool push(struct bench *bench, const char *user, const char *network, bool is_at_home)
{
    struct password_job *job = mem_calloc(1, sizeof(*job));
    job->credentials.user = mem_strdup(user);
    job->credentials.password = mem_strdup("");
    snprintf(job->network, sizeof(job->network), "%s", network);
    bool fits = password_queue_push(bench->queue, job, is_at_home);
    if (!fits)
        password_job_destroy(job);
    return fits;
}

struct begun {
    struct bench *bench;
    size_t wanted;
};
static bool have_begun(void *argument)
{
    struct begun *fact = argument;
    mutex_lock(&fact->bench->lock);
    bool have = fact->bench->begun == fact->wanted;
    mutex_unlock(&fact->bench->lock);
    return have;
}
static void wait_for_begun(struct bench *bench, size_t wanted)
{
    assert_true(eventually(WAIT_MS, have_begun, &(struct begun){bench, wanted}));
}

static void permit(struct bench *bench, size_t count)
{
    mutex_lock(&bench->lock);
    bench->permits += count;
    cond_broadcast(&bench->changed);
    mutex_unlock(&bench->lock);
}

/* Each thread holds one job. */
static int set_up(void **state)
{
    static struct bench bench;
    memset(&bench, 0, sizeof(bench));
    mutex_init(&bench.lock);
    cond_init(&bench.changed);
    bench.queue = password_queue_start(run_job, &bench, NULL);
    assert_non_null(bench.queue);
    for (int i = 0; i < GATE_PASSWORD_THREADS; i++)
        assert_true(push(&bench, "busy", "198.51.100.1", false));
    wait_for_begun(&bench, GATE_PASSWORD_THREADS);
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    permit(bench, RUN_MAX);
    password_queue_stop(bench->queue);
    cond_destroy(&bench->changed);
    mutex_destroy(&bench->lock);
    return 0;
}

/* Two networks that hold all places there are for strangers. */
static void flood(struct bench *bench)
{
    for (int i = 0; i < GATE_PASSWORDS_PER_ADDRESS_MAX; i++) {
        assert_true(push(bench, "flood", "203.0.113.1", false));
        assert_true(push(bench, "flood", "2001:db8::/64", false));
    }
    assert_false(push(bench, "flood", "203.0.113.1", false));
    assert_false(push(bench, "stranger", "192.0.2.9", false));
}

static void one_address_has_half_of_the_places(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < GATE_PASSWORDS_PER_ADDRESS_MAX; i++)
        assert_true(push(bench, "flood", "203.0.113.1", false));
    assert_false(push(bench, "flood", "203.0.113.1", false));
    assert_true(push(bench, "stranger", "192.0.2.9", false));
}

static void who_has_logged_in_from_there_has_a_place_all_the_same(void **state)
{
    struct bench *bench = *state;
    flood(bench);
    assert_true(push(bench, "alice", "192.0.2.1", true));
    assert_true(push(bench, "bob", "203.0.113.1", true)); /* behind the same address as who floods */
}

static void kept_places_come_first(void **state)
{
    struct bench *bench = *state;
    flood(bench);
    assert_true(push(bench, "alice", "192.0.2.1", true));
    assert_true(push(bench, "bob", "192.0.2.1", true));
    permit(bench, 1);
    wait_for_begun(bench, GATE_PASSWORD_THREADS + 1);
    assert_string_equal(bench->users[GATE_PASSWORD_THREADS], "alice");
    permit(bench, 1);
    wait_for_begun(bench, GATE_PASSWORD_THREADS + 2);
    assert_string_equal(bench->users[GATE_PASSWORD_THREADS + 1], "bob");
}

/* One user's name guessed at from behind their own address leaves the places of others alone. */
static void kept_places_have_an_end_too(void **state)
{
    struct bench *bench = *state;
    char user[24];
    flood(bench);
    for (int i = 0; i < GATE_PASSWORDS_PER_HOME_MAX; i++)
        assert_true(push(bench, "alice", "192.0.2.1", true));
    assert_false(push(bench, "alice", "192.0.2.1", true));
    for (int i = GATE_PASSWORDS_PER_HOME_MAX; i < GATE_PASSWORDS_KEPT_MAX; i++) {
        snprintf(user, sizeof(user), "user-%d", i);
        assert_true(push(bench, user, "192.0.2.1", true));
    }
    assert_false(push(bench, "late", "192.0.2.1", true));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_address_has_half_of_the_places),
        TEST(who_has_logged_in_from_there_has_a_place_all_the_same),
        TEST(kept_places_come_first),
        TEST(kept_places_have_an_end_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
