/* Values that configurations refer to, changing while connectors run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PROBE_MORE_PLUGINS "," MR_PLUGINS "/config_providers.so"
#include "support/executor_probe.h"

#define WORKER                                                                                                         \
    PROBE_WORKER "bootstrap.servers=127.0.0.1:1\nconfig.providers=vault,file\n"                                        \
                 "config.providers.file.class=FileConfigProvider\n"
#define SLOW "config.providers.file.param.watch=false\nconfig.providers.file.param.ttl.ms=10\n"

struct scene {
    struct probe probe;
    char path[64];
};

static struct scene *scene_open(const char *worker)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    snprintf(scene->path, sizeof(scene->path), "/tmp/connector-values.XXXXXX");
    int file = mkstemp(scene->path);
    assert_true(file >= 0);
    close(file);
    probe_open(&scene->probe, worker);
    return scene;
}

static int set_up(void **state)
{
    *state = scene_open(WORKER);
    return 0;
}

static int set_up_without_watch(void **state)
{
    *state = scene_open(WORKER SLOW);
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    probe_close(&scene->probe);
    unlink(scene->path);
    free(scene);
    return 0;
}

/* As one step, as whoever changes secrets does it. */
static void write_secrets(const struct scene *scene, const char *text)
{
    char fresh[80];
    snprintf(fresh, sizeof(fresh), "%s.tmp", scene->path);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(0, rename(fresh, scene->path));
}

static void start(struct scene *scene, const char *name, const char *more)
{
    char text[512], running[128];
    snprintf(text, sizeof(text), "secret=${file:%s:password}\n%s", scene->path, more);
    probe_start_connector(&scene->probe, name, text, CONNECTOR_TARGET_STARTED);
    snprintf(running, sizeof(running), "connector %s RUNNING", name);
    probe_expect(&scene->probe, running);
}

static void another_value_is_told(void **state)
{
    struct scene *scene = *state;
    write_secrets(scene, "password=one\n");
    start(scene, "a", "");
    write_secrets(scene, "password=two\n");
    probe_expect(&scene->probe, "values a");
}

static void a_change_that_the_connector_does_not_refer_to_is_not_told(void **state)
{
    struct scene *scene = *state;
    char other[128];
    write_secrets(scene, "password=one\nuser=ada\n");
    start(scene, "a", "");
    snprintf(other, sizeof(other), "prefix=${file:%s:user}\n", scene->path);
    start(scene, "b", other);
    write_secrets(scene, "password=one\nuser=bob\n");
    probe_expect(&scene->probe, "values b");
    assert_false(probe_was_told(&scene->probe, "values a"));
}

static void one_that_wishes_no_reload_is_not_told(void **state)
{
    struct scene *scene = *state;
    write_secrets(scene, "password=one\n");
    start(scene, "a", "config.action.reload=none\n");
    start(scene, "b", "config.action.reload=restart\n");
    write_secrets(scene, "password=two\n");
    probe_expect(&scene->probe, "values b");
    assert_false(probe_was_told(&scene->probe, "values a"));
}

static void what_has_gone_or_cannot_be_read_is_not_told(void **state)
{
    struct scene *scene = *state;
    char other[128];
    write_secrets(scene, "password=one\nuser=ada\n");
    start(scene, "a", "");
    snprintf(other, sizeof(other), "prefix=${file:%s:user}\n", scene->path);
    start(scene, "b", other);
    write_secrets(scene, "password=\\u12\n");
    write_secrets(scene, "user=bob\n");
    write_secrets(scene, "user=cid\npassword=one\n");
    probe_expect(&scene->probe, "values b");
    assert_false(probe_was_told(&scene->probe, "values a"));
}

static void one_that_was_ended_is_not_told(void **state)
{
    struct scene *scene = *state;
    write_secrets(scene, "password=one\n");
    start(scene, "a", "");
    start(scene, "b", "");
    executor_end_connector(scene->probe.executor, "a");
    probe_expect(&scene->probe, "connector a ENDED");
    write_secrets(scene, "password=two\n");
    probe_expect(&scene->probe, "values b");
    assert_false(probe_was_told(&scene->probe, "values a"));
}

static void a_time_to_live_that_is_over_has_values_looked_at_again(void **state)
{
    struct scene *scene = *state;
    write_secrets(scene, "password=one\n");
    start(scene, "a", "");
    write_secrets(scene, "password=two\n");
    probe_expect(&scene->probe, "values a");
}

static void a_failed_start_tells_the_reference(void **state)
{
    struct scene *scene = *state;
    char text[256], words[256];
    write_secrets(scene, "password=s3cr3t\n");
    snprintf(text, sizeof(text), "limit=${file:%s:password}\n", scene->path);
    snprintf(words, sizeof(words), "Invalid value ${file:%s:password} for configuration limit", scene->path);
    probe_start_connector(&scene->probe, "a", text, CONNECTOR_TARGET_STARTED);
    probe_expect(&scene->probe, "connector a FAILED");
    probe_expect(&scene->probe, words);
    assert_false(probe_was_told(&scene->probe, "s3cr3t"));
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED(another_value_is_told),
        WATCHED(a_change_that_the_connector_does_not_refer_to_is_not_told),
        WATCHED(one_that_wishes_no_reload_is_not_told),
        WATCHED(what_has_gone_or_cannot_be_read_is_not_told),
        WATCHED(one_that_was_ended_is_not_told),
        cmocka_unit_test_setup_teardown(a_time_to_live_that_is_over_has_values_looked_at_again, set_up_without_watch, tear_down),
        WATCHED(a_failed_start_tells_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
