/* Fatal signals: children crash inside a call they have noted; what they leave behind names the culprit. */
#include "base_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/crash_file.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/plugin_call.h"
#include "base/ptr_array.h"
#include "base/string_map.h"
#include "base/thread.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WITH_SANITIZER true /* it ends the process in its own way once we have told */
#else
#define WITH_SANITIZER false
#endif

struct place {
    char folder[64], path[128], err[96];
    struct ptr_array reports;
};

static void destroy_map(void *map)
{
    string_map_destroy(map);
}

static int with_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    snprintf(place->folder, sizeof(place->folder), "/tmp/millrace-crash-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof(place->path), "%s/state/deeper/crash", place->folder);
    snprintf(place->err, sizeof(place->err), "%s/err", place->folder);
    ptr_array_init(&place->reports, destroy_map);
    *state = place;
    return 0;
}

static int without_place(void **state)
{
    struct place *place = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", place->folder);
    assert_int_equal(0, system(command));
    ptr_array_release(&place->reports);
    free(place);
    return 0;
}

static const struct plugin_name plugin = {.class_name = "org.acme.Breaker", .file = "/opt/plug\nins/breaker.so"};

/* --- what children do ------------------------------------------------------------------------------------------------- */

static void touch_forbidden_memory(void)
{
    volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *page = 1;
}

static void call_abort(void)
{
    abort();
}

static void read_past_a_file(void)
{
    char name[] = "/tmp/millrace-crash-page-XXXXXX";
    int fd = mkstemp(name);
    volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

    unlink(name);
    (void)page[0];
}

static void raise_fpe(void)
{
    raise(SIGFPE);
}

static void raise_ill(void)
{
    raise(SIGILL);
}

static void inside_poll(void (*crash)(void), int task)
{
    struct log_context context;
    struct plugin_call before;

    log_context_push(&context, "orders \\ \xC3\xA4\n", task);
    before = plugin_call_enter(&plugin, "poll");
    crash();
    plugin_call_leave(before);
    log_context_pop(&context);
}

/* `run` in a child with the handler installed; its wait status. */
static int in_child(struct place *place, void (*run)(void))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        int err = open(place->err, O_CREAT | O_TRUNC | O_WRONLY, 0600);

        dup2(err, STDERR_FILENO);
        for (int number = 1; number < 32; number++)
            signal(number, SIG_DFL); /* cmocka's */
        if (!crash_install(place->path, "host:8083"))
            _exit(90);
        run();
        _exit(91);
    }
    assert_int_equal(child, waitpid(child, &status, 0));
    return status;
}

static const char *field(const struct place *place, size_t report, const char *name)
{
    assert_true(report < place->reports.count);
    return string_map_get(ptr_array_at(&place->reports, report), name);
}

static void assert_field(const struct place *place, size_t report, const char *name, const char *expected)
{
    const char *value = field(place, report, name);

    assert_non_null(value);
    assert_string_equal(expected, value);
}

static void read_reports(struct place *place, size_t expected)
{
    char why[256];

    ptr_array_clear(&place->reports);
    assert_true(crash_file_read(place->path, &place->reports, why, sizeof(why)));
    assert_int_equal(expected, place->reports.count);
}

static void assert_ended_by(int status, int number)
{
    if (WITH_SANITIZER)
        assert_false(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) >= 90));
    else
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == number);
}

static void assert_told(struct place *place, const char *words)
{
    char why[256];
    char *text = file_read(place->err, 1 << 20, NULL, why, sizeof(why));

    assert_non_null(text);
    if (strstr(text, words) == NULL)
        fail_msg("standard error has no '%s': %s", words, text);
    mem_free(text);
}

/* --- tests --------------------------------------------------------------------------------------------------------------- */

static void segv_in_a_task(void)
{
    inside_poll(touch_forbidden_memory, 3);
}
static void bus_in_a_task(void)
{
    inside_poll(read_past_a_file, 3);
}
static void abort_in_a_task(void)
{
    inside_poll(call_abort, 3);
}
static void fpe_in_a_task(void)
{
    inside_poll(raise_fpe, 3);
}
static void ill_in_a_task(void)
{
    inside_poll(raise_ill, 3);
}

static void every_fatal_signal_names_connector_task_plugin_and_call(void **state)
{
    static const struct {
        int number;
        const char *name;
        void (*run)(void);
    } rows[] = {{SIGSEGV, "SIGSEGV", segv_in_a_task}, {SIGBUS, "SIGBUS", bus_in_a_task},
                {SIGABRT, "SIGABRT", abort_in_a_task}, {SIGFPE, "SIGFPE", fpe_in_a_task},
                {SIGILL, "SIGILL", ill_in_a_task}};
    struct place *place = *state;
    int64_t now_ms = clock_wall_ms(NULL);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_ended_by(in_child(place, rows[i].run), rows[i].number);
        read_reports(place, i + 1);
        assert_field(place, i, "signal", rows[i].name);
        assert_field(place, i, "worker", "host:8083");
        assert_field(place, i, "connector", "orders \\ \xC3\xA4\n");
        assert_field(place, i, "task", "3");
        assert_field(place, i, "class", plugin.class_name);
        assert_field(place, i, "file", plugin.file);
        assert_field(place, i, "call", "poll");
        assert_field(place, i, "inside", "yes");
        assert_non_null(field(place, i, "module"));
        assert_null(field(place, i, "sender"));
        assert_in_range(strtoll(field(place, i, "time_ms"), NULL, 10), now_ms, now_ms + 100000);
        assert_told(place, rows[i].name);
        assert_told(place, " inside poll of org.acme.Breaker (/opt/plug\\x0ains/breaker.so), at /");
        assert_told(place, place->path);
    }
}

static void segv_in_a_connector(void)
{
    inside_poll(touch_forbidden_memory, -1);
}

static void a_connector_has_no_task_number(void **state)
{
    struct place *place = *state;

    assert_ended_by(in_child(place, segv_in_a_connector), SIGSEGV);
    read_reports(place, 1);
    assert_null(field(place, 0, "task"));
    assert_non_null(field(place, 0, "connector"));
}

static int descend(volatile int depth)
{
    volatile char room[4096];

    room[0] = (char)depth;
    return depth < 0 ? 0 : descend(depth + 1) + room[0];
}

static void use_up_the_stack(void)
{
    (void)descend(0);
}

static void *overflow_run(void *argument)
{
    inside_poll(use_up_the_stack, 0);
    return argument;
}

static void overflow_on_a_thread(void)
{
    pthread_t thread;
    char why[128];

    if (thread_start(&thread, &(struct thread_setup){.name = "deep", .run = overflow_run}, why, sizeof(why)))
        thread_join(thread);
}

static void a_stack_that_is_used_up_is_named_as_well(void **state)
{
    struct place *place = *state;

    if (WITH_SANITIZER)
        return; /* it brings stacks of its own */
    assert_ended_by(in_child(place, overflow_on_a_thread), SIGSEGV);
    read_reports(place, 1);
    assert_field(place, 0, "call", "poll");
    assert_field(place, 0, "thread", "deep");
}

static void crash_after_a_call(void)
{
    struct plugin_call before = plugin_call_enter(&plugin, "put");

    plugin_call_leave(before);
    touch_forbidden_memory();
}

static void a_crash_of_our_own_names_the_last_call_without_blaming_it(void **state)
{
    struct place *place = *state;

    assert_ended_by(in_child(place, crash_after_a_call), SIGSEGV);
    read_reports(place, 1);
    assert_field(place, 0, "inside", "no");
    assert_field(place, 0, "call", "put");
    assert_null(field(place, 0, "connector"));
    assert_told(place, "in the worker itself; the last plugin call of this thread was put of org.acme.Breaker");
}

static void crash_after_a_nested_call(void)
{
    static const struct plugin_name other = {.class_name = "Inner", .file = "inner.so"};
    struct plugin_call outer = plugin_call_enter(&plugin, "put"), inner = plugin_call_enter(&other, "to_connect");

    plugin_call_leave(inner);
    touch_forbidden_memory();
    plugin_call_leave(outer);
}

static void a_call_goes_on_after_one_inside_of_it(void **state)
{
    struct place *place = *state;

    assert_ended_by(in_child(place, crash_after_a_nested_call), SIGSEGV);
    read_reports(place, 1);
    assert_field(place, 0, "inside", "yes");
    assert_field(place, 0, "class", plugin.class_name);
}


static void killed_from_outside(void)
{
    struct plugin_call before = plugin_call_enter(&plugin, "poll");
    pid_t sender = fork();

    if (sender == 0) {
        kill(getppid(), SIGSEGV);
        _exit(0);
    }
    for (;;)
        pause();
    plugin_call_leave(before);
}

static void a_signal_from_outside_blames_nobody(void **state)
{
    struct place *place = *state;

    assert_ended_by(in_child(place, killed_from_outside), SIGSEGV);
    read_reports(place, 1);
    assert_non_null(field(place, 0, "sender"));
    assert_told(place, "was sent by process");
}

static void a_torn_report_and_foreign_lines_do_not_harm(void **state)
{
    static const char text[] = "what is this\nclass: lost\ncrash\ntime_ms: 5\nconnector: a\n\ncrash\nclass: B\\x5cC\ncal";
    struct place *place = *state;
    char why[256];
    struct file_content content = {.bytes = text, .length = sizeof(text) - 1, .mode = 0600};

    snprintf(place->path, sizeof(place->path), "%s/crash", place->folder);
    assert_true(file_replace(place->path, &content, why, sizeof(why)));
    read_reports(place, 2);
    assert_field(place, 0, "connector", "a");
    assert_field(place, 1, "class", "B\\C");
    assert_null(field(place, 1, "cal"));
}

static void write_reports(struct place *place)
{
    char why[256];
    size_t length;
    char *text = crash_file_text(&place->reports, &length);

    assert_non_null(text);
    assert_true(crash_file_write(place->path, text, length, why, sizeof(why)));
    mem_free(text);
}

static void what_is_written_back_is_read_again(void **state)
{
    struct place *place = *state;

    assert_ended_by(in_child(place, abort_in_a_task), SIGABRT);
    read_reports(place, 1);
    assert_true(string_map_put(ptr_array_at(&place->reports, 0), "told", "yes"));
    write_reports(place);
    read_reports(place, 1);
    assert_field(place, 0, "told", "yes");
    assert_field(place, 0, "connector", "orders \\ \xC3\xA4\n");
    ptr_array_clear(&place->reports);
    write_reports(place);
    assert_int_equal(-1, access(place->path, F_OK));
    read_reports(place, 0);
    write_reports(place);
}

/* --- the courier ------------------------------------------------------------------------------------------------------------ */

static int wake_pipe[2];

static void wake(void)
{
    ssize_t written = write(wake_pipe[1], "", 1);

    (void)written;
}

/* The child's main thread; `crash` runs on another one. */
static void courier(void *(*crash)(void *), bool answers)
{
    pthread_t thread;
    char why[128], byte;

    if (pipe(wake_pipe) != 0)
        _exit(92);
    crash_courier_begin(wake);
    if (crash_courier_report() != NULL || !thread_start(&thread, &(struct thread_setup){.name = "crash", .run = crash}, why, sizeof(why)))
        _exit(93);
    while (read(wake_pipe[0], &byte, 1) < 0)
        ;
    if (strncmp(crash_courier_report(), "crash\ntime_ms: ", 15) != 0 || strstr(crash_courier_report(), "\ncall: poll\n") == NULL)
        _exit(94);
    if (answers)
        crash_courier_answer(true);
    for (;;)
        pause();
}

static void *segv_run(void *argument)
{
    segv_in_a_task();
    return argument;
}

static void courier_answers(void)
{
    courier(segv_run, true);
}

static void courier_is_stuck(void)
{
    courier(segv_run, false);
}

static void a_report_is_taken_further_before_the_end(void **state)
{
    struct place *place = *state;

    assert_ended_by(in_child(place, courier_answers), SIGSEGV);
    read_reports(place, 1);
    assert_field(place, 0, "sent", "yes");
    assert_field(place, 0, "call", "poll");
}

static void a_courier_that_is_stuck_does_not_keep_the_process(void **state)
{
    struct place *place = *state;

    assert_ended_by(in_child(place, courier_is_stuck), SIGSEGV);
    read_reports(place, 1);
    assert_null(field(place, 0, "sent"));
}

static void crash_beside_a_courier(void)
{
    if (pipe(wake_pipe) != 0)
        _exit(92);
    crash_courier_begin(wake);
    crash_after_a_call();
}

static void crash_of_the_courier(void)
{
    if (pipe(wake_pipe) != 0)
        _exit(92);
    crash_courier_begin(wake);
    segv_in_a_task();
}

static void crash_when_the_courier_has_gone(void)
{
    crash_courier_begin(wake);
    crash_courier_end();
    segv_in_a_task();
}

static void nobody_waits_for_a_courier_that_has_no_errand(void **state)
{
    struct place *place = *state;
    int64_t began_ms = clock_monotonic_ms(NULL);

    assert_ended_by(in_child(place, crash_beside_a_courier), SIGSEGV);
    assert_ended_by(in_child(place, crash_of_the_courier), SIGSEGV);
    assert_ended_by(in_child(place, crash_when_the_courier_has_gone), SIGSEGV);
    read_reports(place, 3);
    for (size_t i = 0; i < 3; i++)
        assert_null(field(place, i, "sent"));
    if (!WITH_SANITIZER)
        assert_true(clock_monotonic_ms(NULL) - began_ms < 3 * CRASH_COURIER_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_place, without_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_fatal_signal_names_connector_task_plugin_and_call),
        TEST(a_connector_has_no_task_number),
        TEST(a_stack_that_is_used_up_is_named_as_well),
        TEST(a_crash_of_our_own_names_the_last_call_without_blaming_it),
        TEST(a_call_goes_on_after_one_inside_of_it),
        TEST(a_signal_from_outside_blames_nobody),
        TEST(a_torn_report_and_foreign_lines_do_not_harm),
        TEST(what_is_written_back_is_read_again),
        TEST(a_report_is_taken_further_before_the_end),
        TEST(a_courier_that_is_stuck_does_not_keep_the_process),
        TEST(nobody_waits_for_a_courier_that_has_no_errand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
