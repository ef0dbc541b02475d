#include "provider_test.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>

#include "path_watch.h"
#include "support/eventually.h"

#define SOON_MS 10000

static int64_t real_ms(void)
{
    return eventually_now_ms();
}

static struct mr_host watching_host;

/* A provider of files that are watched; `by_notices`: by the kernel's notices alone, else by polling alone. */
static void watching_init(struct bench *bench, const struct mr_plugin *plugin, bool by_notices)
{
    watching_host = test_host;
    watching_host.clock_monotonic_ms = real_ms;
    path_watch_tuning = (struct path_watch_tuning){10, by_notices ? 3600000 : 10, !by_notices};
    bench_init(bench, plugin, NO_LINES);
    provider_host = &watching_host;
}

static atomic_int told;

static void note(void *argument, const char *path)
{
    assert_string_equal(argument, path);
    told++;
}

static void subscribe(struct bench *bench, const char *path)
{
    told = 0;
    assert_int_equal(0, bench->ops->subscribe(bench->self, path, note, (void *)(intptr_t)path, &bench->error));
}

static void unsubscribe(struct bench *bench, const char *path)
{
    bench->ops->unsubscribe(bench->self, path, (void *)(intptr_t)path);
}

static bool was_told(void *argument)
{
    return told >= *(int *)argument;
}

static void assert_told(int times)
{
    if (!eventually(SOON_MS, was_told, &times))
        fail_msg("told %d times, not %d", told, times);
}

static void replace(const char *folder, const char *name, const char *text)
{
    const char *fresh = in_folder(folder, "fresh.tmp");
    append_text_to(fresh, text);
    assert_int_equal(0, rename(fresh, in_folder(folder, name)));
}

static bool has_thread(void *argument)
{
    bool found = false;
    DIR *tasks = opendir("/proc/self/task");
    (void)argument;
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        char path[300], name[32] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file != NULL && fgets(name, sizeof(name), file) != NULL)
            found = found || strcmp(name, "config-watch\n") == 0;
        if (file != NULL)
            fclose(file);
    }
    closedir(tasks);
    return found;
}

static void changes_of_a_file(const char *folder, bool by_notices)
{
    struct bench bench;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", in_folder(folder, "db.properties"));
    append_text_to(path, "user=ada\n");
    watching_init(&bench, &file_provider, by_notices);
    subscribe(&bench, path);
    append_text_to(path, "password=1\n");
    assert_told(1);
    replace(folder, "db.properties", "user=bob\n");
    assert_told(2);
    assert_int_equal(0, unlink(path));
    replace(folder, "db.properties", "user=eve\n");
    assert_told(3);
    unsubscribe(&bench, path);
    replace(folder, "db.properties", "user=zoe\n");
    bench_release(&bench);
    assert_int_equal(told, 3);
    assert_int_equal(0, unlink(path));
}

static void changes_of_a_file_are_told(void **state)
{
    changes_of_a_file(*state, true);
}

static void changes_of_a_file_are_told_without_notices_too(void **state)
{
    changes_of_a_file(*state, false);
}

static void volume_version(const char *folder, const char *version, const char *password)
{
    char name[64];
    assert_int_equal(0, mkdir(in_folder(folder, version), 0700));
    snprintf(name, sizeof(name), "%s/password", version);
    append_text_to(in_folder(folder, name), password);
    snprintf(name, sizeof(name), "%s/db.properties", version);
    append_text_to(in_folder(folder, name), password);
}

/* As the kubelet does it: a new folder, a new link, renamed over the old one. */
static void volume_swap(const char *folder, const char *former, const char *version, const char *password)
{
    char name[64], command[2 * PATH_MAX];
    volume_version(folder, version, password);
    assert_int_equal(0, symlink(version, in_folder(folder, "..data_tmp")));
    assert_int_equal(0, rename(in_folder(folder, "..data_tmp"), in_folder(folder, "..data")));
    if (former == NULL)
        return;
    snprintf(name, sizeof(name), "%s", former);
    snprintf(command, sizeof(command), "rm -r '%s'", in_folder(folder, name));
    assert_int_equal(0, system(command));
}

static void swaps_of_a_volume(const char *folder, const struct mr_plugin *plugin, bool by_notices)
{
    struct bench bench;
    char path[PATH_MAX];
    volume_swap(folder, NULL, "..v1", "a=1\n");
    assert_int_equal(0, symlink("..data/password", in_folder(folder, "password")));
    assert_int_equal(0, symlink("..data/db.properties", in_folder(folder, "db.properties")));
    snprintf(path, sizeof(path), "%s", plugin == &file_provider ? in_folder(folder, "db.properties") : folder);
    watching_init(&bench, plugin, by_notices);
    subscribe(&bench, path);
    volume_swap(folder, "..v1", "..v2", "a=2\n");
    assert_told(1);
    volume_swap(folder, "..v2", "..v3", "a=3\n");
    assert_told(2);
    volume_swap(folder, "..v3", "..v4", "a=3\n"); /* the same content again */
    volume_swap(folder, "..v4", "..v5", "a=5\n");
    assert_told(3);
    unsubscribe(&bench, path);
    bench_release(&bench);
    assert_int_equal(told, 3);
}

static void a_swapped_kubernetes_volume_is_told_for_a_file(void **state)
{
    swaps_of_a_volume(*state, &file_provider, true);
}

static void a_swapped_kubernetes_volume_is_told_for_a_folder(void **state)
{
    swaps_of_a_volume(*state, &directory_provider, true);
}

static void a_swapped_kubernetes_volume_is_told_without_notices_too(void **state)
{
    swaps_of_a_volume(*state, &directory_provider, false);
}

/* A second path shows that the thread has looked. */
static void what_has_gone_or_is_the_same_is_not_told(void **state)
{
    struct bench bench;
    const char *folder = *state;
    char path[PATH_MAX], other[PATH_MAX];
    snprintf(path, sizeof(path), "%s", in_folder(folder, "a.properties"));
    snprintf(other, sizeof(other), "%s", in_folder(folder, "b.properties"));
    append_text_to(path, "user=ada\n");
    watching_init(&bench, &file_provider, true);
    subscribe(&bench, path);
    subscribe(&bench, other);
    assert_int_equal(0, unlink(path));
    replace(folder, "b.properties", "1\n");
    assert_told(1);
    replace(folder, "a.properties", "user=ada\n");
    replace(folder, "b.properties", "2\n");
    assert_told(2);
    unsubscribe(&bench, path);
    unsubscribe(&bench, other);
    bench_release(&bench);
    assert_int_equal(told, 2);
}

static void the_thread_lives_from_the_first_subscription_to_the_last_provider(void **state)
{
    struct bench bench, second;
    const char *path = *state;
    watching_init(&bench, &directory_provider, true);
    watching_init(&second, &file_provider, true);
    assert_false(has_thread(NULL));
    subscribe(&bench, path);
    assert_true(eventually(SOON_MS, has_thread, NULL));
    unsubscribe(&bench, path);
    bench_release(&bench);
    assert_true(has_thread(NULL));
    bench_release(&second);
    assert_false(has_thread(NULL));
}

static void a_provider_told_not_to_watch_does_not(void **state)
{
    struct bench bench;
    const char *path = *state;
    bench_init(&bench, &directory_provider, LINES("watch=false"));
    subscribe(&bench, path);
    assert_false(has_thread(NULL));
    unsubscribe(&bench, path);
    bench_release(&bench);
}

static atomic_bool is_inside, may_leave;

static void stay(void *argument, const char *path)
{
    (void)argument;
    (void)path;
    is_inside = true;
    while (!may_leave)
        usleep(1000);
    is_inside = false;
}

static bool holds(void *flag)
{
    return *(atomic_bool *)flag;
}

static void *let_leave(void *argument)
{
    may_leave = true;
    return argument;
}

static void who_unsubscribes_waits_for_the_call_that_is_being_made(void **state)
{
    struct bench bench;
    pthread_t helper;
    const char *folder = *state;
    watching_init(&bench, &directory_provider, true);
    assert_int_equal(0, bench.ops->subscribe(bench.self, folder, stay, *state, &bench.error));
    append_text_to(in_folder(folder, "new"), "1");
    assert_true(eventually(SOON_MS, holds, &is_inside));
    assert_int_equal(0, pthread_create(&helper, NULL, let_leave, NULL));
    bench.ops->unsubscribe(bench.self, folder, *state);
    assert_false(is_inside);
    pthread_join(helper, NULL);
    bench_release(&bench);
}

struct subscribing {
    struct bench *bench;
    const char *path;
};

static bool subscribe_once(void *argument)
{
    struct subscribing *subscribing = argument;
    struct mr_error *error = NULL;
    const struct mr_config_provider_ops *ops = subscribing->bench->ops;
    void *self = ops->create(subscribing->bench->config, &error);
    bool worked = self != NULL && ops->subscribe(self, subscribing->path, note, (void *)(intptr_t)subscribing->path, &error) == 0;
    if (worked)
        ops->unsubscribe(self, subscribing->path, (void *)(intptr_t)subscribing->path);
    if (self != NULL)
        ops->destroy(self);
    mr_error_drop(error);
    return worked;
}

static void memory_may_run_short_when_subscribing(void **state)
{
    struct bench bench;
    watching_init(&bench, &file_provider, true);
    void *self = bench.self;
    bench.self = NULL;
    bench.ops->destroy(self); /* so that the thread ends within each attempt */
    malloc_torture(subscribe_once, &(struct subscribing){&bench, in_folder(*state, "db.properties")});
    bench_release(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_folder(changes_of_a_file_are_told),
        test_in_folder(changes_of_a_file_are_told_without_notices_too),
        test_in_folder(a_swapped_kubernetes_volume_is_told_for_a_file),
        test_in_folder(a_swapped_kubernetes_volume_is_told_for_a_folder),
        test_in_folder(a_swapped_kubernetes_volume_is_told_without_notices_too),
        test_in_folder(what_has_gone_or_is_the_same_is_not_told),
        test_in_folder(the_thread_lives_from_the_first_subscription_to_the_last_provider),
        test_in_folder(a_provider_told_not_to_watch_does_not),
        test_in_folder(who_unsubscribes_waits_for_the_call_that_is_being_made),
        test_in_folder(memory_may_run_short_when_subscribing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
