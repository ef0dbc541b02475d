/* A connector's store over the worker's: whose offset counts, in which order a put is written, what becomes of it when a part fails. */
#include "store_test.h"

#include <millrace/arena.h>
#include <millrace/value.h>

#include "base/mem.h"
#include "store/memory_offset_store.h"
#include "store/offset_store_internal.h"
#include "support/alloc_torture.h"

struct layers;

/* One of the two topics. What is appended is written down, fed back, and told at once, unless the test holds it. */
struct topic {
    struct layers *layers;
    const char *name;
    struct offset_store *store;
    bool holds, fails, refuses;
    offset_done_fn *held; /* of the last append */
    void *held_argument;
    int refreshed;
    offset_done_fn *held_refresh;
    void *held_refresh_argument;
};

struct layers {
    struct topic worker, own;
    struct str_buffer written;
    struct mr_arena *arena;
    int told, failed;
};

static void tell(offset_done_fn *done, void *argument, bool fails)
{
    struct mr_error *error = NULL;
    if (fails)
        mr_error_set(&error, MR_ERR_TIMEOUT, "no broker");
    done(argument, error);
    mr_error_drop(error);
}

static int append(void *argument, const struct store_record *records, size_t count, offset_done_fn *done, void *done_argument,
                  struct mr_error **error)
{
    struct topic *topic = argument;
    if (topic->refuses)
        return mr_error_set(error, MR_ERR_RETRIABLE, "full");
    for (size_t i = 0; i < count; i++) {
        str_buffer_append_text(&topic->layers->written, topic->name);
        written_add(&topic->layers->written, &records[i]);
        if (!topic->fails && offset_store_feed(topic->store, records[i].key, records[i].value, -1) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
    }
    if (topic->holds) {
        topic->held = done;
        topic->held_argument = done_argument;
    } else {
        tell(done, done_argument, topic->fails);
    }
    return 0;
}

static int refresh(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    struct topic *topic = argument;
    (void)deadline_ms;
    topic->refreshed++;
    return topic->fails ? mr_error_set(error, MR_ERR_TIMEOUT, "no broker") : 0;
}

static void refresh_then(void *argument, int64_t deadline_ms, offset_done_fn *done, void *done_argument)
{
    struct topic *topic = argument;
    (void)deadline_ms;
    topic->refreshed++;
    if (topic->holds) {
        topic->held_refresh = done;
        topic->held_refresh_argument = done_argument;
    } else {
        tell(done, done_argument, topic->fails);
    }
}

static const struct offset_log topic_log = {.append = append, .refresh = refresh, .refresh_then = refresh_then};

static int set_up(void **state)
{
    struct layers *layers = calloc(1, sizeof(*layers));
    str_buffer_init(&layers->written, 1 << 20);
    layers->arena = mr_arena_create(1 << 24);
    layers->worker = (struct topic){.layers = layers, .name = "worker:"};
    layers->own = (struct topic){.layers = layers, .name = "own:"};
    layers->worker.store = offset_store_create(&topic_log, &layers->worker, NULL);
    layers->own.store = offset_store_create(&topic_log, &layers->own, NULL);
    layers->own.store->below = layers->worker.store;
    *state = layers;
    return 0;
}

static int tear_down(void **state)
{
    struct layers *layers = *state;
    offset_store_destroy(layers->own.store);
    offset_store_destroy(layers->worker.store);
    mr_arena_destroy(layers->arena);
    str_buffer_release(&layers->written);
    free(layers);
    return 0;
}

static void on_told(void *argument, const struct mr_error *error)
{
    struct layers *layers = argument;
    layers->told++;
    layers->failed += error != NULL;
}

static struct mr_value *map_of(struct layers *layers, const char *key, int64_t number)
{
    struct mr_value *map = mr_map_create(layers->arena, 1);
    assert_int_equal(mr_map_put_text(layers->arena, map, key, mr_int64(layers->arena, number)), 0);
    return map;
}

/* offset < 0: forget it. */
static struct offset_entry entry(struct layers *layers, int64_t partition, int64_t offset)
{
    return (struct offset_entry){map_of(layers, "p", partition), offset < 0 ? mr_null() : map_of(layers, "n", offset)};
}

static int try_put(struct layers *layers, const struct offset_entry *entries, size_t count, struct mr_error **error)
{
    return offset_store_put(layers->own.store, "a", entries, count, on_told, layers, error);
}

static void put(struct layers *layers, int64_t partition, int64_t offset)
{
    struct offset_entry one = entry(layers, partition, offset);
    assert_int_equal(try_put(layers, &one, 1, NULL), 0);
}

static void feed(struct topic *topic, const char *key, const char *value)
{
    assert_int_equal(offset_store_feed(topic->store, bytes_of_text(key), bytes_of_text(value), 1), 0);
}

static int64_t stored(struct layers *layers, int64_t partition)
{
    struct mr_error *error = NULL;
    const struct mr_value *offset =
        offset_store_get(layers->own.store, "a", map_of(layers, "p", partition), layers->arena, &error);
    assert_no_error(error);
    return mr_value_is_null(offset) ? -1 : mr_value_integer(mr_map_get(offset, "n"));
}

/* ---- reading ---- */

static void the_connectors_offset_counts_before_the_workers(void **state)
{
    struct layers *layers = *state;
    feed(&layers->worker, "[\"a\",{\"p\":1}]", "{\"n\":10}");
    feed(&layers->worker, "[\"a\",{\"p\":2}]", "{\"n\":20}");
    feed(&layers->own, "[\"a\",{\"p\":2}]", "{\"n\":21}");
    feed(&layers->own, "[\"a\",{\"p\":3}]", "{\"n\":31}");
    assert_int_equal(stored(layers, 1), 10);
    assert_int_equal(stored(layers, 2), 21);
    assert_int_equal(stored(layers, 3), 31);
    assert_int_equal(stored(layers, 4), -1);
}

static int note(void *argument, const struct mr_value *partition, const struct mr_value *offset)
{
    str_buffer_printf(argument, "%d=%d ", (int)mr_value_integer(mr_map_get(partition, "p")),
                      (int)mr_value_integer(mr_map_get(offset, "n")));
    return 0;
}

static void both_are_listed_each_partition_once(void **state)
{
    struct layers *layers = *state;
    struct str_buffer list;
    str_buffer_init(&list, 1 << 10);
    feed(&layers->worker, "[\"a\",{\"p\":1}]", "{\"n\":10}");
    feed(&layers->worker, "[ \"a\", {\"p\":2} ]", "not for a reader");
    feed(&layers->worker, "[\"b\",{\"p\":7}]", "{\"n\":70}");
    feed(&layers->own, "[\"a\",{\"p\":2}]", "{\"n\":21}");
    assert_int_equal(offset_store_each(layers->own.store, "a", layers->arena, note, &list, NULL), 0);
    assert_string_equal(str_buffer_text(&list), "2=21 1=10 ");
    str_buffer_release(&list);
}

static void a_refresh_reads_both(void **state)
{
    struct layers *layers = *state;
    struct mr_error *error = NULL;
    assert_int_equal(offset_store_refresh(layers->own.store, NEVER, NULL), 0);
    offset_store_refresh_then(layers->own.store, NEVER, on_told, layers);
    assert_int_equal(layers->worker.refreshed, 2);
    assert_int_equal(layers->own.refreshed, 2);
    assert_int_equal(layers->told, 1);
    layers->worker.fails = true;
    offset_store_refresh_then(layers->own.store, NEVER, on_told, layers);
    assert_int_equal(layers->failed, 1);
    assert_int_equal(offset_store_refresh(layers->own.store, NEVER, &error), -1);
    assert_error(&error, MR_ERR_TIMEOUT, "no broker");
}

static void a_refresh_that_waits_for_the_worker_outlives_the_connectors_store(void **state)
{
    struct layers *layers = *state;
    layers->worker.holds = true;
    offset_store_refresh_then(layers->own.store, NEVER, on_told, layers);
    offset_store_destroy(layers->own.store);
    layers->own.store = NULL;
    assert_int_equal(layers->told, 0);
    tell(layers->worker.held_refresh, layers->worker.held_refresh_argument, false);
    assert_int_equal(layers->failed, 1);
}

/* ---- writing ---- */

static void a_put_is_copied_when_the_connectors_topic_has_it(void **state)
{
    struct layers *layers = *state;
    layers->own.holds = true;
    put(layers, 1, 5);
    assert_written(&layers->written, "own:[\"a\",{\"p\":1}]={\"n\":5}\n");
    assert_int_equal(layers->told, 0);
    layers->worker.holds = true; /* nobody waits for the copy */
    tell(layers->own.held, layers->own.held_argument, false);
    assert_written(&layers->written, "worker:[\"a\",{\"p\":1}]={\"n\":5}\n");
    assert_int_equal(layers->told, 1);
    tell(layers->worker.held, layers->worker.held_argument, true); /* a line in the log */
    assert_int_equal(layers->failed, 0);
}

static void what_failed_is_not_copied(void **state)
{
    struct layers *layers = *state;
    struct mr_error *error = NULL;
    struct offset_entry one = entry(layers, 1, 5);
    layers->own.fails = true;
    put(layers, 1, 5);
    assert_int_equal(layers->failed, 1);
    assert_written(&layers->written, "own:[\"a\",{\"p\":1}]={\"n\":5}\n");
    layers->own.refuses = true;
    assert_int_equal(try_put(layers, &one, 1, &error), -1);
    assert_error(&error, MR_ERR_RETRIABLE, "full");
    assert_int_equal(layers->told, 1);
}

static void a_copy_that_is_refused_is_the_logs_business(void **state)
{
    struct layers *layers = *state;
    layers->worker.refuses = true;
    put(layers, 1, 5);
    assert_int_equal(layers->told, 1);
    assert_int_equal(layers->failed, 0);
    offset_store_lose(layers->worker.store, "it was deleted");
    put(layers, 1, 6);
    assert_int_equal(layers->failed, 0);
}

static void tombstones_go_to_the_worker_first(void **state)
{
    struct layers *layers = *state;
    put(layers, 1, 5);
    str_buffer_clear(&layers->written);
    layers->worker.holds = true;
    struct offset_entry both[] = {entry(layers, 1, -1), entry(layers, 2, 7)};
    assert_int_equal(try_put(layers, both, 2, NULL), 0);
    assert_written(&layers->written, "worker:[\"a\",{\"p\":1}]=~\n");
    assert_int_equal(layers->told, 1); /* the former one */
    layers->worker.holds = false;
    tell(layers->worker.held, layers->worker.held_argument, false);
    assert_written(&layers->written, "own:[\"a\",{\"p\":1}]=~\nown:[\"a\",{\"p\":2}]={\"n\":7}\nworker:[\"a\",{\"p\":2}]={\"n\":7}\n");
    assert_int_equal(layers->told, 2);
    assert_int_equal(stored(layers, 1), -1);
}

static void a_tombstone_that_the_worker_does_not_get_is_not_written(void **state)
{
    struct layers *layers = *state;
    struct mr_error *error = NULL;
    struct offset_entry one = entry(layers, 1, -1);
    put(layers, 1, 5);
    str_buffer_clear(&layers->written);
    layers->worker.fails = true;
    put(layers, 1, -1);
    assert_written(&layers->written, "worker:[\"a\",{\"p\":1}]=~\n");
    assert_int_equal(layers->failed, 1);
    assert_int_equal(stored(layers, 1), 5);
    offset_store_lose(layers->worker.store, "it was deleted");
    assert_int_equal(try_put(layers, &one, 1, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "it was deleted");
}

static void a_put_that_waits_for_the_worker_fails_when_the_store_is_closed(void **state)
{
    struct layers *layers = *state;
    layers->worker.holds = true;
    put(layers, 1, -1);
    offset_store_destroy(layers->own.store);
    layers->own.store = NULL;
    tell(layers->worker.held, layers->worker.held_argument, false);
    assert_int_equal(layers->failed, 1);
    assert_written(&layers->written, "worker:[\"a\",{\"p\":1}]=~\n");
}

static void keys_keep_the_bytes_that_either_topic_knows(void **state)
{
    struct layers *layers = *state;
    feed(&layers->worker, "[ \"a\", {\"p\":1} ]", "{\"n\":1}");
    put(layers, 1, 2);
    assert_written(&layers->written, "own:[ \"a\", {\"p\":1} ]={\"n\":2}\nworker:[ \"a\", {\"p\":1} ]={\"n\":2}\n");
    feed(&layers->own, "[\"a\",{ \"p\":2 }]", "{\"n\":1}");
    put(layers, 2, 2);
    assert_written(&layers->written, "own:[\"a\",{ \"p\":2 }]={\"n\":2}\nworker:[\"a\",{ \"p\":2 }]={\"n\":2}\n");
}

static void nothing_to_put_is_told_at_once(void **state)
{
    struct layers *layers = *state;
    assert_int_equal(try_put(layers, NULL, 0, NULL), 0);
    assert_int_equal(layers->told, 1);
}

/* ---- who writes it himself ---- */

static void a_transaction_tells_the_worker_before_and_after(void **state)
{
    struct layers *layers = *state;
    struct offset_entry entries[] = {entry(layers, 1, -1), entry(layers, 2, 7)};
    struct offset_record *records;
    size_t count;
    feed(&layers->worker, "[ \"a\", {\"p\":1} ]", "{\"n\":1}");
    assert_int_equal(offset_store_forget_ahead(layers->own.store, "a", entries, 2, on_told, layers, NULL), 0);
    assert_int_equal(layers->told, 1);
    assert_written(&layers->written, "worker:[ \"a\", {\"p\":1} ]=~\n");
    assert_int_equal(offset_store_encode(layers->own.store, "a", entries, 2, layers->arena, &records, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_written(&layers->written, "");
    struct offset_copy *copy = offset_store_copy(layers->own.store, "a", entries, 2);
    offset_copy_drop(offset_store_copy(layers->own.store, "a", entries, 2)); /* of a transaction that was aborted */
    assert_written(&layers->written, "");
    offset_copy_send(copy);
    assert_written(&layers->written, "worker:[\"a\",{\"p\":2}]={\"n\":7}\n");
}

static void a_plain_store_has_nobody_to_tell(void **state)
{
    struct layers *layers = *state;
    struct offset_entry one = entry(layers, 1, -1);
    assert_int_equal(offset_store_forget_ahead(layers->worker.store, "a", &one, 1, on_told, layers, NULL), 0);
    assert_int_equal(layers->told, 1);
    assert_null(offset_store_copy(layers->worker.store, "a", &one, 1));
    offset_copy_send(NULL);
    assert_written(&layers->written, "");
}

static void a_transaction_without_tombstones_waits_for_nothing(void **state)
{
    struct layers *layers = *state;
    struct offset_entry one = entry(layers, 1, 3);
    layers->worker.holds = true;
    assert_int_equal(offset_store_forget_ahead(layers->own.store, "a", &one, 1, on_told, layers, NULL), 0);
    assert_int_equal(layers->told, 1);
}

/* ---- no memory ---- */

struct scene {
    const struct offset_entry *entries;
    size_t count;
};

static void on_torture_done(void *argument, const struct mr_error *error)
{
    struct layers *layers = argument;
    layers->told++;
    layers->failed += error != NULL;
}

static bool layers_put(struct offset_store *own, const struct scene *scene, struct mr_error **error)
{
    struct layers layers = {0};
    int status = offset_store_put(own, "a", scene->entries, scene->count, on_torture_done, &layers, error);
    assert_int_equal(layers.told, status == 0 ? 1 : 0); /* told or refused, never both */
    return status == 0 && layers.failed == 0;
}

static bool put_get_list(void *argument)
{
    const struct scene *scene = argument;
    struct layers layers = {0};
    struct mr_error *error = NULL;
    struct str_buffer list;
    struct mr_arena *arena = mr_arena_create(1 << 20);
    struct offset_store *worker = arena != NULL ? memory_offset_store_create(&error) : NULL;
    struct offset_store *own = worker != NULL ? memory_offset_store_create(&error) : NULL;
    str_buffer_init(&list, 1 << 10);
    if (own != NULL)
        own->below = worker;
    bool worked = own != NULL && layers_put(own, scene, &error) &&
                  offset_store_get(own, "a", scene->entries[0].partition, arena, &error) != NULL &&
                  offset_store_each(own, "a", arena, note, &list, &error) == 0 &&
                  offset_store_forget_ahead(own, "a", scene->entries, scene->count, on_torture_done, &layers, &error) == 0;
    if (worked) {
        offset_copy_send(offset_store_copy(own, "a", scene->entries, scene->count));
        offset_store_refresh_then(own, NEVER, on_torture_done, &layers);
    }
    mr_error_drop(error);
    str_buffer_release(&list);
    offset_store_destroy(own);
    offset_store_destroy(worker);
    mr_arena_destroy(arena);
    return worked && layers.failed == 0;
}

static void without_memory_nothing_leaks(void **state)
{
    struct layers *layers = *state;
    struct offset_entry both[] = {entry(layers, 1, -1), entry(layers, 2, 7)};
    alloc_torture(put_get_list, &(struct scene){both, 2});
}

#define WITH_LAYERS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

RUN_TESTS(WITH_LAYERS(the_connectors_offset_counts_before_the_workers), WITH_LAYERS(both_are_listed_each_partition_once),
          WITH_LAYERS(a_refresh_reads_both), WITH_LAYERS(a_refresh_that_waits_for_the_worker_outlives_the_connectors_store),
          WITH_LAYERS(a_put_is_copied_when_the_connectors_topic_has_it), WITH_LAYERS(what_failed_is_not_copied),
          WITH_LAYERS(a_copy_that_is_refused_is_the_logs_business), WITH_LAYERS(tombstones_go_to_the_worker_first),
          WITH_LAYERS(a_tombstone_that_the_worker_does_not_get_is_not_written),
          WITH_LAYERS(a_put_that_waits_for_the_worker_fails_when_the_store_is_closed),
          WITH_LAYERS(keys_keep_the_bytes_that_either_topic_knows), WITH_LAYERS(nothing_to_put_is_told_at_once),
          WITH_LAYERS(a_transaction_tells_the_worker_before_and_after), WITH_LAYERS(a_plain_store_has_nobody_to_tell),
          WITH_LAYERS(a_transaction_without_tombstones_waits_for_nothing), WITH_LAYERS(without_memory_nothing_leaks))
