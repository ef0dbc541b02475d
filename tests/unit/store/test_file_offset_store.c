/* The offset file of a standalone worker: what is in it, what is refused, and that a kill at any moment leaves it
 * whole. */
#include "store_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <millrace/arena.h>
#include <millrace/value.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/file_offset_store.h"
#include "store/offset_store.h"
#include "support/eventually.h"

struct place {
    char folder[64], path[160];
    struct mr_arena *arena;
};

static int with_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    snprintf(place->folder, sizeof(place->folder), "/tmp/millrace-offsets-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof(place->path), "%s/offsets", place->folder);
    place->arena = mr_arena_create(1 << 24);
    *state = place;
    return 0;
}

static int without_place(void **state)
{
    struct place *place = *state;
    static const char *const endings[] = {"", ".lock", ".tmp"};
    for (size_t i = 0; i < 3; i++) {
        char path[180];
        snprintf(path, sizeof(path), "%s%s", place->path, endings[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(place->folder), 0);
    mr_arena_destroy(place->arena);
    free(place);
    return 0;
}

static const struct mr_value *pair(struct place *place, const char *key, const struct mr_value *value)
{
    struct mr_value *map = mr_map_create(place->arena, 1);
    assert_int_equal(mr_map_put_text(place->arena, map, key, value), 0);
    return map;
}

static const struct mr_value *file_of(struct place *place, const char *name)
{
    return pair(place, "filename", mr_string(place->arena, name));
}

static const struct mr_value *position_of(struct place *place, int64_t position)
{
    return pair(place, "position", mr_int64(place->arena, position));
}

struct result {
    atomic_int told;
    atomic_bool failed;
};

static void on_done(void *argument, const struct mr_error *error)
{
    struct result *result = argument;
    if (error != NULL)
        atomic_store(&result->failed, true);
    atomic_fetch_add(&result->told, 1);
}

static bool was_told(void *argument)
{
    return atomic_load(&((struct result *)argument)->told) > 0;
}

/* Puts and waits until it is on disk. */
static void put(struct place *place, struct offset_store *store, const char *name, const struct mr_value *offset)
{
    struct result result = {0};
    struct offset_entry entry = {file_of(place, name), offset};
    assert_int_equal(offset_store_put(store, "src", &entry, 1, on_done, &result, NULL), 0);
    assert_true(eventually(10000, was_told, &result));
    assert_false(atomic_load(&result.failed));
}

static int64_t position(struct place *place, struct offset_store *store, const char *name)
{
    const struct mr_value *offset = offset_store_get(store, "src", file_of(place, name), place->arena, NULL);
    assert_non_null(offset);
    return mr_value_is_null(offset) ? -1 : mr_value_integer(mr_map_get(offset, "position"));
}

static struct offset_store *opened(struct place *place)
{
    struct mr_error *error = NULL;
    struct offset_store *store = file_offset_store_create(place->path, &error);
    assert_no_error(error);
    assert_non_null(store);
    return store;
}

static void assert_file(struct place *place, const char *expected)
{
    char why[200];
    char *text = file_read(place->path, 1 << 20, NULL, why, sizeof(why));
    assert_non_null(text);
    assert_string_equal(text, expected);
    mem_free(text);
}

static void write_file(struct place *place, const void *bytes, size_t length)
{
    int file = open(place->path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    assert_true(file >= 0 && write(file, bytes, length) == (ssize_t)length);
    close(file);
}

static void offsets_outlive_the_store(void **state)
{
    struct place *place = *state;
    struct offset_store *store = opened(place);
    put(place, store, "/a\t\n\xC3\xA9", position_of(place, 10));
    put(place, store, "/b", position_of(place, 20));
    put(place, store, "/a\t\n\xC3\xA9", position_of(place, 11));
    put(place, store, "/c", position_of(place, 1));
    put(place, store, "/c", mr_null());
    offset_store_destroy(store);
    assert_file(place, "#millrace-offsets 1\n"
                       "[\"src\",{\"filename\":\"/a\\t\\n\xC3\xA9\"}]\t{\"position\":11}\n"
                       "[\"src\",{\"filename\":\"/b\"}]\t{\"position\":20}\n"
                       "#end 2\n");
    store = opened(place);
    assert_int_equal(position(place, store, "/a\t\n\xC3\xA9"), 11);
    assert_int_equal(position(place, store, "/b"), 20);
    assert_int_equal(position(place, store, "/c"), -1);
    offset_store_destroy(store);
}

static void what_was_put_is_seen_at_once_and_written_at_the_end(void **state)
{
    struct place *place = *state;
    struct offset_store *store = opened(place);
    struct result result = {0};
    for (int i = 0; i < 100; i++) {
        struct offset_entry entry = {file_of(place, "/a"), position_of(place, i)};
        assert_int_equal(offset_store_put(store, "src", &entry, 1, on_done, &result, NULL), 0);
        assert_int_equal(position(place, store, "/a"), i);
    }
    offset_store_destroy(store);
    assert_int_equal(atomic_load(&result.told), 100);
    store = opened(place);
    assert_int_equal(position(place, store, "/a"), 99);
    offset_store_destroy(store);
}

static void assert_refused(struct place *place, const char *words)
{
    struct mr_error *error = NULL;
    assert_null(file_offset_store_create(place->path, &error));
    assert_error(&error, MR_ERR_CONFIG, words);
}

static void files_of_others_are_refused_with_the_remedy(void **state)
{
    struct place *place = *state;
    write_file(place, "\xAC\xED\x00\x05sr\x00\x11java.util.HashMap", 22);
    assert_refused(place, "JVM standalone worker");
    write_file(place, "hello\n", 6);
    assert_refused(place, "not an offset file");
    write_file(place, "#millrace-offsets 1\nnonsense\n#end 1\n", 36);
    assert_refused(place, "line 2");
    write_file(place, "", 0);
    offset_store_destroy(opened(place));
}

static void a_file_that_was_cut_anywhere_is_refused(void **state)
{
    static const char whole[] = "#millrace-offsets 1\n[\"src\",{\"filename\":\"/b\"}]\t{\"position\":20}\n#end 1\n";
    struct place *place = *state;
    for (size_t length = 1; length < strlen(whole); length++) {
        struct mr_error *error = NULL;
        write_file(place, whole, length);
        assert_null(file_offset_store_create(place->path, &error));
        assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
        mr_error_drop(error);
    }
    write_file(place, whole, strlen(whole));
    offset_store_destroy(opened(place));
}

static void two_workers_cannot_share_a_file(void **state)
{
    struct place *place = *state;
    struct offset_store *store = opened(place);
    assert_refused(place, "in use by another worker");
    offset_store_destroy(store);
    offset_store_destroy(opened(place));
}

static void a_folder_that_is_missing_is_named(void **state)
{
    struct place *place = *state;
    struct mr_error *error = NULL;
    assert_null(file_offset_store_create("/nowhere/at/all/offsets", &error));
    assert_error(&error, MR_ERR_CONFIG, "/nowhere/at/all/offsets");
    (void)place;
}

/* The folder goes away under the store. */
static void a_write_that_fails_is_told(void **state)
{
    struct place *place = *state;
    char lock[180];
    struct offset_store *store = opened(place);
    struct result result = {0};
    snprintf(lock, sizeof(lock), "%s.lock", place->path);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(rmdir(place->folder), 0);
    struct offset_entry entry = {file_of(place, "/a"), position_of(place, 1)};
    assert_int_equal(offset_store_put(store, "src", &entry, 1, on_done, &result, NULL), 0);
    assert_true(eventually(10000, was_told, &result));
    assert_true(atomic_load(&result.failed));
    assert_int_equal(mkdir(place->folder, 0700), 0);
    put(place, store, "/b", position_of(place, 2));
    offset_store_destroy(store);
    store = opened(place);
    assert_int_equal(position(place, store, "/a"), 1);
    offset_store_destroy(store);
}

/* A child writes as fast as it can and says through a pipe what is done; the parent kills it anywhere. */
static void on_done_say(void *argument, const struct mr_error *error)
{
    int64_t *said = argument;
    if (error == NULL && write((int)said[0], &said[1], sizeof(said[1])) != sizeof(said[1]))
        _exit(1);
    free(said);
}

static void child_run(struct place *place, int pipe)
{
    struct offset_store *store = file_offset_store_create(place->path, NULL);
    for (int64_t i = 1; store != NULL; i++) {
        int64_t *say = malloc(2 * sizeof(*say));
        say[0] = pipe;
        say[1] = i;
        mr_arena_clear(place->arena);
        struct offset_entry entry = {file_of(place, "/a"), position_of(place, i)};
        if (offset_store_put(store, "src", &entry, 1, on_done_say, say, NULL) != 0)
            free(say);
    }
    _exit(1);
}

static void a_kill_at_any_moment_loses_nothing_that_was_done(void **state)
{
    struct place *place = *state;
    for (int round = 0; round < 20; round++) {
        int ends[2];
        int64_t done = 0, said;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            child_run(place, ends[1]);
        close(ends[1]);
        for (int i = 0; i <= round * 3; i++)
            assert_int_equal(read(ends[0], &done, sizeof(done)), sizeof(done));
        kill(child, SIGKILL);
        while (read(ends[0], &said, sizeof(said)) == sizeof(said))
            done = said;
        close(ends[0]);
        waitpid(child, NULL, 0);
        struct offset_store *store = opened(place);
        assert_true(position(place, store, "/a") >= done);
        offset_store_destroy(store);
    }
}

/* Steps that a write takes: bytes of the file, fsync, rename, fsync of the folder. */
#define STEPS_MAX 2000

/* Puts; true: it is told to be on disk. */
static bool put_works(struct place *place, struct offset_store *store, const char *name, int64_t position)
{
    struct result result = {0};
    struct offset_entry entry = {file_of(place, name), position_of(place, position)};
    assert_int_equal(offset_store_put(store, "src", &entry, 1, on_done, &result, NULL), 0);
    assert_true(eventually(10000, was_told, &result));
    return !atomic_load(&result.failed);
}

/* What a worker that starts now finds. */
static int64_t position_on_disk(struct place *place, const char *name)
{
    char copy[180], why[256];
    size_t length;
    char *text = file_read(place->path, 1 << 20, &length, why, sizeof(why));
    assert_non_null(text);
    snprintf(copy, sizeof(copy), "%s/copy", place->folder);
    struct file_content content = {.bytes = text, .length = length, .mode = 0600};
    file_fail_after(INT64_MAX, false);
    assert_true(file_replace(copy, &content, why, sizeof(why)));
    mem_free(text);
    struct place beside = *place;
    snprintf(beside.path, sizeof(beside.path), "%.150s", copy);
    struct offset_store *store = opened(&beside);
    int64_t found = position(place, store, name);
    offset_store_destroy(store);
    unlink(copy);
    snprintf(copy, sizeof(copy), "%s.lock", beside.path);
    unlink(copy);
    return found;
}

static void a_write_that_fails_at_any_byte_keeps_the_old_or_has_the_new(void **state)
{
    struct place *place = *state;
    struct offset_store *store = opened(place);
    bool works = false;
    int64_t steps = 0;
    put(place, store, "/kept", position_of(place, 7));
    for (; !works && steps < STEPS_MAX; steps++) {
        mr_arena_clear(place->arena);
        put(place, store, "/a", position_of(place, 1000));
        file_fail_after(steps, false);
        works = put_works(place, store, "/a", 2000);
        int64_t found = position_on_disk(place, "/a");
        assert_true(found == 2000 || (found == 1000 && !works));
        assert_int_equal(position_on_disk(place, "/kept"), 7);
    }
    assert_true(works && steps > 50);
    offset_store_destroy(store);
}

static void a_death_at_any_byte_keeps_the_old_or_has_the_new(void **state)
{
    struct place *place = *state;
    bool works = false;
    int64_t steps = 0;
    for (; !works && steps < STEPS_MAX; steps++) {
        int status;
        mr_arena_clear(place->arena);
        struct offset_store *store = opened(place);
        put(place, store, "/kept", position_of(place, 7));
        put(place, store, "/a", position_of(place, 1000));
        offset_store_destroy(store);
        pid_t child = fork();
        if (child == 0) {
            store = file_offset_store_create(place->path, NULL);
            file_fail_after(steps, true);
            _exit(store != NULL && put_works(place, store, "/a", 2000) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        works = WIFEXITED(status);
        assert_int_equal(status, works ? 0 : SIGKILL);
        store = opened(place);
        int64_t found = position(place, store, "/a");
        assert_true(found == 2000 || (found == 1000 && !works));
        assert_int_equal(position(place, store, "/kept"), 7);
        offset_store_destroy(store);
    }
    assert_true(works && steps > 50);
}

#define ON_PLACE(test) cmocka_unit_test_setup_teardown(test, with_place, without_place)

RUN_TESTS(ON_PLACE(offsets_outlive_the_store), ON_PLACE(what_was_put_is_seen_at_once_and_written_at_the_end),
          ON_PLACE(files_of_others_are_refused_with_the_remedy), ON_PLACE(a_file_that_was_cut_anywhere_is_refused),
          ON_PLACE(two_workers_cannot_share_a_file), ON_PLACE(a_folder_that_is_missing_is_named),
          ON_PLACE(a_write_that_fails_is_told), ON_PLACE(a_write_that_fails_at_any_byte_keeps_the_old_or_has_the_new),
          ON_PLACE(a_death_at_any_byte_keeps_the_old_or_has_the_new), ON_PLACE(a_kill_at_any_moment_loses_nothing_that_was_done))
