/* A process beside this one: alive, stopped, ended, or another one with its number. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "coordination/process_identity.h"

static void this_process_is_not_gone_and_has_a_host(void **state)
{
    struct process_identity self, again;

    (void)state;
    process_identity_read(&self);
    process_identity_read(&again);
    assert_int_equal(self.pid, getpid());
    assert_true(self.started > 0);
    assert_true(strlen(self.host) > 20);
    assert_string_equal(self.host, again.host);
    assert_int_equal(self.started, again.started);
    assert_false(process_is_gone(self.pid, self.started));
}

static void another_process_with_the_same_number_is_not_taken_for_it(void **state)
{
    struct process_identity self;

    (void)state;
    process_identity_read(&self);
    assert_true(process_is_gone(self.pid, self.started - 1));
}

static void a_child_is_alive_while_stopped_and_gone_once_ended(void **state)
{
    int pipe_ends[2];
    struct process_identity child;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(pipe_ends), 0);
    pid = fork();
    if (pid == 0) {
        process_identity_read(&child);
        (void)!write(pipe_ends[1], &child, sizeof(child));
        for (;;)
            pause();
    }
    assert_int_equal(read(pipe_ends[0], &child, sizeof(child)), sizeof(child));
    assert_false(process_is_gone(child.pid, child.started));
    kill(pid, SIGSTOP);
    waitpid(pid, NULL, WUNTRACED);
    assert_false(process_is_gone(child.pid, child.started));
    kill(pid, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(process_is_gone(child.pid, child.started)); /* ended, not collected */
    waitpid(pid, NULL, 0);
    assert_true(process_is_gone(child.pid, child.started));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

/* The /proc of another namespace numbers processes otherwise: who went by it would take the living for dead. */
static void a_foreign_proc_says_of_no_host(void **state)
{
    int pipe_ends[2];
    struct process_identity child = {.host = "none"};
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(pipe_ends), 0);
    pid = fork();
    if (pid == 0) {
        if (unshare(geteuid() == 0 ? CLONE_NEWPID : CLONE_NEWUSER | CLONE_NEWPID) == 0 && (pid = fork()) == 0) {
            process_identity_read(&child);
            (void)!write(pipe_ends[1], &child, sizeof(child));
        } else if (pid > 0) {
            waitpid(pid, NULL, 0);
        }
        _exit(0);
    }
    close(pipe_ends[1]);
    if (read(pipe_ends[0], &child, sizeof(child)) == sizeof(child)) /* else nobody may make namespaces here */
        assert_string_equal(child.host, "");
    waitpid(pid, NULL, 0);
    close(pipe_ends[0]);
}

static void nobody_is_gone_without_a_number(void **state)
{
    (void)state;
    assert_false(process_is_gone(0, 0));
    assert_false(process_is_gone(-1, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_process_is_not_gone_and_has_a_host),
        cmocka_unit_test(another_process_with_the_same_number_is_not_taken_for_it),
        cmocka_unit_test(a_child_is_alive_while_stopped_and_gone_once_ended),
        cmocka_unit_test(a_foreign_proc_says_of_no_host),
        cmocka_unit_test(nobody_is_gone_without_a_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
