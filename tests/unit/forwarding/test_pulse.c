/* Whoever waits for a worker that is frozen, and what that one does when it wakes. */
#include "workers.h"

#include <netinet/tcp.h>

#define PATIENCE_MS 400

static struct forwarding *start_impatient(struct worker *worker)
{
    struct forwarding *forwarding = forwarding_start(
        &(struct forwarding_setup){
            .worker = &worker->herder.worker, .configs = worker->herder.configs, .address = "me:1", .patience_ms = PATIENCE_MS},
        NULL);
    assert_non_null(forwarding);
    return forwarding;
}

static void pass_pause(struct forwarding *forwarding, const char *url, struct passed *passed)
{
    *passed = (struct passed){.times = 0};
    mutex_init(&passed->lock);
    forwarding_send(forwarding,
                    &(struct forwarding_request){.url = url,
                                                 .method = "PUT",
                                                 .target = "connectors/here/pause?forward=true",
                                                 .deadline_ms = clock_monotonic_ms(NULL) + WAIT_MS},
                    on_passed, passed);
}

/* The kernel of a frozen process takes its connections. */
static int open_frozen(char url[60])
{
    int frozen = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    assert_int_equal(bind(frozen, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(frozen, 10), 0);
    assert_int_equal(getsockname(frozen, (struct sockaddr *)&address, &size), 0);
    snprintf(url, 60, "http://127.0.0.1:%u/", ntohs(address.sin_port));
    return frozen;
}

static void a_frozen_worker_is_waited_for_no_longer_than_its_successor(void **state)
{
    struct cluster *cluster = *state;
    struct forwarding *forwarding = start_impatient(&cluster->workers[0]);
    struct passed first, second;
    char url[60];
    int frozen = open_frozen(url);
    int64_t began_ms = clock_monotonic_ms(NULL);
    pass_pause(forwarding, url, &first);
    pass_pause(forwarding, url, &second);
    assert_true(eventually(WAIT_MS / 2, was_passed, &first));
    assert_true(eventually(WAIT_MS / 2, was_passed, &second));
    assert_true(clock_monotonic_ms(NULL) - began_ms >= PATIENCE_MS);
    assert_int_equal(first.status, 409);
    assert_int_equal(second.status, 409);
    assert_non_null(strstr(first.words, "has not given any answer for 400 ms"));
    close(frozen);
    forwarding_stop(forwarding);
}

static bool is_over(void *argument)
{
    return clock_monotonic_ms(NULL) >= *(int64_t *)argument;
}

static void a_worker_that_lives_is_waited_for_however_slow_it_is(void **state)
{
    struct cluster *cluster = *state;
    struct forwarding *forwarding = start_impatient(&cluster->workers[0]);
    struct passed passed;
    int64_t until_ms = clock_monotonic_ms(NULL) + 3 * PATIENCE_MS;
    cluster->workers[1].herder.holds = true;
    pass_pause(forwarding, cluster->workers[1].url, &passed);
    assert_true(eventually(WAIT_MS, is_over, &until_ms));
    assert_false(was_passed(&passed));
    fake_let_go(&cluster->workers[1].herder, 202);
    assert_true(eventually(WAIT_MS, was_passed, &passed));
    assert_int_equal(passed.status, 202);
    forwarding_stop(forwarding);
}

/* A whole request and the end of the connection, in one packet: as a worker finds it that was frozen meanwhile. */
static struct reply *ask_and_hang_up(const struct worker *worker, const char *method_and_path)
{
    int client = raw_open(worker->port), is_on = 1;
    assert_int_equal(setsockopt(client, IPPROTO_TCP, TCP_CORK, &is_on, sizeof(is_on)), 0);
    say(client, method_and_path, "", NULL);
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    struct reply *reply = client_read(client, true);
    close(client);
    return reply;
}

static void what_another_worker_has_given_up_is_not_begun(void **state)
{
    struct cluster *cluster = *state;
    struct worker *worker = &cluster->workers[0];
    assert_int_equal(ask_and_hang_up(worker, "PUT /connectors/here/pause?forward=true")->status, 409);
    assert_int_equal(ask_and_hang_up(worker, "PUT /connectors/here/pause?forward=false")->status, 409);
    assert_string_equal(worker->herder.asked, "");
    assert_int_equal(ask_and_hang_up(worker, "PUT /connectors/here/pause")->status, 202); /* a client may shut down its side */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_frozen_worker_is_waited_for_no_longer_than_its_successor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_worker_that_lives_is_waited_for_however_slow_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_another_worker_has_given_up_is_not_begun, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
