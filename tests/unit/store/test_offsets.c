/* Source offsets: found by meaning, written under the bytes that were found; the memory make. */
#include "store_test.h"

#include <millrace/arena.h>
#include <millrace/value.h>

#include "base/mem.h"
#include "store/memory_offset_store.h"
#include "store/offset_store_internal.h"
#include "support/alloc_torture.h"

/* A topic that writes down what is appended; feeding it back is up to the test. */
struct topic {
    struct offset_store *store;
    struct str_buffer written;
    struct mr_arena *arena;
    bool feeds;
};

static int topic_append(void *argument, const struct store_record *records, size_t count, offset_done_fn *done,
                        void *done_argument, struct mr_error **error)
{
    struct topic *topic = argument;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        written_add(&topic->written, &records[i]);
        if (topic->feeds)
            assert_int_equal(offset_store_feed(topic->store, records[i].key, records[i].value, -1), 0);
    }
    done(done_argument, NULL);
    return 0;
}

static const struct offset_log topic_log = {
    .append = topic_append, .refresh = offset_refresh_nothing, .refresh_then = offset_refresh_nothing_then};

static int with_topic(void **state)
{
    struct topic *topic = calloc(1, sizeof(*topic));
    str_buffer_init(&topic->written, 1 << 20);
    topic->arena = mr_arena_create(1 << 24);
    topic->store = offset_store_create(&topic_log, topic, NULL);
    topic->feeds = true;
    *state = topic;
    return 0;
}

static int without_topic(void **state)
{
    struct topic *topic = *state;
    offset_store_destroy(topic->store);
    mr_arena_destroy(topic->arena);
    str_buffer_release(&topic->written);
    free(topic);
    return 0;
}

static void on_done(void *argument, const struct mr_error *error)
{
    assert_null(error);
    *(int *)argument += 1;
}

static void put(struct topic *topic, const struct mr_value *partition, const struct mr_value *offset)
{
    struct mr_error *error = NULL;
    int told = 0;
    if (offset_store_put(topic->store, "src-a", &(struct offset_entry){partition, offset}, 1, on_done, &told, &error) != 0)
        fail_msg("%s", mr_error_message(error));
    assert_int_equal(told, 1);
}

static void feed(struct topic *topic, const char *key, const char *value, int64_t timestamp_ms)
{
    assert_int_equal(offset_store_feed(topic->store, bytes_of_text(key), bytes_of_text(value), timestamp_ms), 0);
}

/* seq of the stored offset; -1: none. */
static int64_t seq(struct topic *topic, const struct mr_value *partition)
{
    struct mr_error *error = NULL;
    const struct mr_value *offset = offset_store_get(topic->store, "src-a", partition, topic->arena, &error);
    assert_no_error(error);
    return mr_value_is_null(offset) ? -1 : mr_value_integer(mr_map_get(offset, "seq"));
}

static const struct mr_value *seq_of(struct topic *topic, int64_t number)
{
    struct mr_value *map = mr_map_create(topic->arena, 1);
    assert_int_equal(mr_map_put_text(topic->arena, map, "seq", mr_int64(topic->arena, number)), 0);
    return map;
}

static const struct mr_value *text(struct topic *topic, const char *words)
{
    return mr_string(topic->arena, words);
}

static struct mr_value *pair(struct topic *topic, const char *key, const struct mr_value *value)
{
    struct mr_value *map = mr_map_create(topic->arena, 2);
    assert_int_equal(mr_map_put_text(topic->arena, map, key, value), 0);
    return map;
}

/* {"b":"1","a":2} or {"a":2,"b":"1"} */
static const struct mr_value *two_members(struct topic *topic, bool b_first)
{
    struct mr_value *map = mr_map_create(topic->arena, 2);
    for (int i = 0; i < 2; i++) {
        bool b = (i == 0) == b_first;
        assert_int_equal(mr_map_put_text(topic->arena, map, b ? "b" : "a",
                                         b ? text(topic, "1") : mr_int32(topic->arena, 2)), 0);
    }
    return map;
}

static void a_new_partition_is_written_in_its_own_order(void **state)
{
    struct topic *topic = *state;
    put(topic, pair(topic, "id", text(topic, "0")), seq_of(topic, 43));
    put(topic, two_members(topic, true), seq_of(topic, 1));
    put(topic, pair(topic, "filename", text(topic, "/data/f\xC3\xA9 \"x\".txt")), seq_of(topic, 6));
    assert_written(&topic->written, "[\"src-a\",{\"id\":\"0\"}]={\"seq\":43}\n"
                                    "[\"src-a\",{\"b\":\"1\",\"a\":2}]={\"seq\":1}\n"
                                    "[\"src-a\",{\"filename\":\"/data/f\xC3\xA9 \\\"x\\\".txt\"}]={\"seq\":6}\n");
    assert_int_equal(seq(topic, two_members(topic, false)), 1);
}

static void a_known_partition_keeps_the_bytes_of_its_key(void **state)
{
    struct topic *topic = *state;
    feed(topic, "[ \"src-a\", {\"b\":\"1\", \"\\u0061\":2} ]", "{\"seq\":7}", 1);
    assert_int_equal(seq(topic, two_members(topic, false)), 7);
    put(topic, two_members(topic, false), seq_of(topic, 8));
    assert_written(&topic->written, "[ \"src-a\", {\"b\":\"1\", \"\\u0061\":2} ]={\"seq\":8}\n");
}

static void removing_writes_a_tombstone_for_every_spelling(void **state)
{
    struct topic *topic = *state;
    feed(topic, "[\"src-a\",{\"a\":2,\"b\":\"1\"}]", "{\"seq\":7}", 5);
    feed(topic, "[\"src-a\",{\"b\":\"1\",\"a\":2}]", "{\"seq\":8}", 4);
    assert_int_equal(seq(topic, two_members(topic, true)), 7);   /* the younger record */
    put(topic, two_members(topic, true), seq_of(topic, 9));
    assert_written(&topic->written, "[\"src-a\",{\"a\":2,\"b\":\"1\"}]={\"seq\":9}\n");
    put(topic, two_members(topic, true), mr_null());
    assert_non_null(strstr(str_buffer_text(&topic->written), "[\"src-a\",{\"a\":2,\"b\":\"1\"}]=~\n"));
    assert_non_null(strstr(str_buffer_text(&topic->written), "[\"src-a\",{\"b\":\"1\",\"a\":2}]=~\n"));
    assert_int_equal(seq(topic, two_members(topic, true)), -1);
    str_buffer_clear(&topic->written);
    put(topic, two_members(topic, true), mr_null());   /* unknown: written all the same */
    assert_written(&topic->written, "[\"src-a\",{\"b\":\"1\",\"a\":2}]=~\n");
}

static void kinds_that_json_joins_mean_the_same(void **state)
{
    struct topic *topic = *state;
    struct mr_arena *arena = topic->arena;
    feed(topic, "[\"src-a\",{\"n\":1}]", "{\"seq\":1}", -1);
    feed(topic, "[\"src-a\",{\"n\":1.0}]", "{\"seq\":2}", -1);
    feed(topic, "[\"src-a\",{\"n\":\"AAEC\"}]", "{\"seq\":3}", -1);
    feed(topic, "[\"src-a\",{\"n\":0.1}]", "{\"seq\":4}", -1);
    feed(topic, "[\"src-a\",{\"n\":null}]", "{\"seq\":5}", -1);
    feed(topic, "[\"src-a\",{\"n\":true}]", "{\"seq\":6}", -1);
    assert_int_equal(seq(topic, pair(topic, "n", mr_int8(arena, 1))), 1);
    assert_int_equal(seq(topic, pair(topic, "n", mr_int64(arena, 1))), 1);
    assert_int_equal(seq(topic, pair(topic, "n", mr_float64(arena, 1))), 2);
    assert_int_equal(seq(topic, pair(topic, "n", mr_bytes_copy(arena, "\0\1\2", 3))), 3);
    assert_int_equal(seq(topic, pair(topic, "n", mr_float32(arena, 0.1f))), 4);
    assert_int_equal(seq(topic, pair(topic, "n", mr_null())), 5);
    assert_int_equal(seq(topic, pair(topic, "n", mr_boolean(true))), 6);
    assert_int_equal(seq(topic, pair(topic, "n", text(topic, "1"))), -1);
}

static void written_keys_are_found_when_they_come_back(void **state)
{
    struct topic *topic = *state;
    struct mr_arena *arena = topic->arena;
    const struct mr_value *values[] = {mr_null(), mr_boolean(false), mr_int8(arena, -7), mr_int64(arena, INT64_MIN),
                                       mr_float32(arena, 3.4e38f), mr_float64(arena, 1e-300), mr_float64(arena, -0.0),
                                       text(topic, ""), text(topic, "\x01\xE2\x80\xA8/"), mr_bytes_copy(arena, "", 0)};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        put(topic, pair(topic, "k", values[i]), seq_of(topic, (int64_t)i));
        if (i < 7 || i == 8)   /* empty bytes and the empty text are the same text */
            assert_int_equal(seq(topic, pair(topic, "k", values[i])), (int64_t)i);
    }
    assert_int_equal(seq(topic, pair(topic, "k", text(topic, ""))), 9);
}

static void what_cannot_be_stored_is_refused(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    struct mr_value *number_key = mr_map_create(topic->arena, 1), *good = pair(topic, "id", text(topic, "0"));
    assert_int_equal(mr_map_put(topic->arena, number_key, mr_int32(topic->arena, 1), mr_null()), 0);
    const struct offset_entry bad[] = {{number_key, seq_of(topic, 1)},
                                       {pair(topic, "k", good), seq_of(topic, 1)},
                                       {good, pair(topic, "k", mr_array_create(topic->arena, 0))},
                                       {text(topic, "x"), seq_of(topic, 1)},
                                       {good, text(topic, "x")}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int told = 0;
        struct offset_entry entries[] = {{good, seq_of(topic, 1)}, bad[i]};
        assert_int_equal(offset_store_put(topic->store, "src-a", entries, 2, on_done, &told, &error), -1);
        assert_error(&error, MR_ERR_DATA, "connector src-a");
        assert_int_equal(told, 0);
    }
    assert_written(&topic->written, "");
    assert_null(offset_store_get(topic->store, "src-a", number_key, topic->arena, &error));
    assert_error(&error, MR_ERR_DATA, "must be texts");
}

/* "key=value\n…" of what would be written; "~": a tombstone. */
static const char *encoded(struct topic *topic, const struct offset_entry *entries, size_t count)
{
    static char words[512];
    struct offset_record *records;
    struct mr_error *error = NULL;
    size_t record_count, used = 0;
    if (offset_store_encode(topic->store, "src-a", entries, count, topic->arena, &records, &record_count, &error) != 0)
        fail_msg("%s", mr_error_message(error));
    words[0] = '\0';
    for (size_t i = 0; i < record_count; i++)
        used += (size_t)snprintf(words + used, sizeof(words) - used, "%.*s=%.*s\n", (int)records[i].key.size,
                                 (const char *)records[i].key.data, records[i].value.data != NULL ? (int)records[i].value.size : 1,
                                 records[i].value.data != NULL ? (const char *)records[i].value.data : "~");
    return words;
}

static void who_writes_offsets_elsewhere_gets_the_same_records(void **state)
{
    struct topic *topic = *state;
    feed(topic, "[ \"src-a\",{\"b\":\"1\",\"a\":2}]", "{\"seq\":8}", 4);
    const struct offset_entry entries[] = {{two_members(topic, false), seq_of(topic, 9)},
                                           {pair(topic, "id", text(topic, "0")), seq_of(topic, 1)},
                                           {two_members(topic, true), mr_null()}};
    assert_string_equal(encoded(topic, entries, 3), "[ \"src-a\",{\"b\":\"1\",\"a\":2}]={\"seq\":9}\n"
                                                    "[\"src-a\",{\"id\":\"0\"}]={\"seq\":1}\n"
                                                    "[ \"src-a\",{\"b\":\"1\",\"a\":2}]=~\n");
    assert_string_equal(encoded(topic, NULL, 0), "");
    assert_written(&topic->written, "");
    assert_int_equal(seq(topic, two_members(topic, true)), 8); /* until it is read */
}

static void nobody_gets_records_for_a_lost_topic(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    struct offset_record *records;
    size_t count;
    offset_store_lose(topic->store, "it was cut");
    assert_int_equal(offset_store_encode(topic->store, "src-a", NULL, 0, topic->arena, &records, &count, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "it was cut");
}

static void strange_records_are_passed_over(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    feed(topic, "junk", "{}", -1);
    feed(topic, "[\"src-a\"]", "{}", -1);
    feed(topic, "[\"src-a\",{},1]", "{}", -1);
    feed(topic, "[7,{}]", "{}", -1);
    feed(topic, "[\"src-a\",[]]", "{}", -1);
    feed(topic, NULL, "{}", -1);
    feed(topic, "[\"src-a\",{\"id\":\"1\"}]", NULL, -1);
    feed(topic, "[\"src-a\",{\"id\":\"0\"}]", "broken{", -1);
    assert_null(
        offset_store_get(topic->store, "src-a", pair(topic, "id", text(topic, "0")), topic->arena, &error));
    assert_error(&error, MR_ERR_DATA, "cannot be read");
    feed(topic, "[\"src-a\",{\"id\":\"0\"}]", "{\"seq\":1}", -1);
    assert_int_equal(seq(topic, pair(topic, "id", text(topic, "0"))), 1);
}

struct listing {
    char names[20];
    size_t count;
};

static int list_one(void *argument, const struct mr_value *partition, const struct mr_value *offset)
{
    struct listing *listing = argument;
    struct mr_bytes id = mr_value_bytes(mr_map_get(partition, "id"));
    assert_non_null(mr_map_get(offset, "seq"));
    listing->names[listing->count++] = *(const char *)id.data;
    return 0;
}

static void a_connector_lists_its_own_in_the_order_first_seen(void **state)
{
    struct topic *topic = *state;
    struct listing listing = {0};
    feed(topic, "[\"src-a\",{\"id\":\"x\"}]", "{\"seq\":1}", -1);
    feed(topic, "[\"src-b\",{\"id\":\"y\"}]", "{\"seq\":1}", -1);
    feed(topic, "[\"src-a\",{\"id\":\"a\"}]", "{\"seq\":1}", -1);
    feed(topic, "[\"src-a\",{\"id\":\"m\"}]", "{\"seq\":1}", -1);
    feed(topic, "[\"src-a\",{\"id\":\"x\"}]", "{\"seq\":2}", -1);
    feed(topic, "[\"src-a\",{\"id\":\"a\"}]", NULL, -1);
    assert_int_equal(offset_store_each(topic->store, "src-a", topic->arena, list_one, &listing, NULL), 0);
    assert_string_equal(listing.names, "xm");
    assert_int_equal(offset_store_each(topic->store, "none", topic->arena, list_one, &listing, NULL), 0);
    assert_int_equal(listing.count, 2);
}

static void a_put_that_is_not_read_back_yet_is_not_seen(void **state)
{
    struct topic *topic = *state;
    topic->feeds = false;
    put(topic, pair(topic, "id", text(topic, "0")), seq_of(topic, 43));
    assert_int_equal(seq(topic, pair(topic, "id", text(topic, "0"))), -1);
}

static void a_lost_topic_refuses_puts_and_still_answers(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    int told = 0;
    put(topic, pair(topic, "id", text(topic, "0")), seq_of(topic, 43));
    offset_store_lose(topic->store, "it was cut");
    struct offset_entry entry = {pair(topic, "id", text(topic, "0")), seq_of(topic, 44)};
    assert_int_equal(offset_store_put(topic->store, "src-a", &entry, 1, on_done, &told, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "it was cut");
    assert_int_equal(seq(topic, entry.partition), 43);
}

static void many_partitions_are_found(void **state)
{
    struct topic *topic = *state;
    char key[60], value[40];
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof(key), "[\"src-a\",{\"id\":\"%d\"}]", i);
        snprintf(value, sizeof(value), "{\"seq\":%d}", i);
        feed(topic, key, value, i);
        if (i % 2 == 0)
            feed(topic, key, NULL, i);
    }
    for (int i = 0; i < 20000; i += 997) {
        snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(seq(topic, pair(topic, "id", text(topic, key))), i % 2 == 0 ? -1 : i);
    }
}

static void nothing_to_put_is_done_at_once(void **state)
{
    struct topic *topic = *state;
    int told = 0;
    assert_int_equal(offset_store_put(topic->store, "src-a", NULL, 0, on_done, &told, NULL), 0);
    assert_int_equal(told, 1);
}

struct scene {
    const struct mr_value *partition, *offset;
};

static void on_torture_done(void *argument, const struct mr_error *error)
{
    (void)argument;
    (void)error;
}

static bool put_get_list(void *argument)
{
    struct scene *scene = argument;
    struct listing listing = {0};
    struct mr_error *error = NULL;
    struct mr_arena *arena = mr_arena_create(1 << 20);
    struct offset_store *store = arena != NULL ? memory_offset_store_create(&error) : NULL;
    struct offset_entry entry = {scene->partition, scene->offset}, removal = {scene->partition, mr_null()};
    bool worked = store != NULL &&
                  offset_store_put(store, "a", &entry, 1, on_torture_done, NULL, &error) == 0 &&
                  offset_store_put(store, "a", &entry, 1, on_torture_done, NULL, &error) == 0 &&
                  offset_store_get(store, "a", scene->partition, arena, &error) != NULL &&
                  offset_store_encode(store, "a", &entry, 1, arena, &(struct offset_record *){NULL}, &(size_t){0}, &error) == 0 &&
                  offset_store_each(store, "a", arena, list_one, &listing, &error) == 0 && listing.count == 1 &&
                  offset_store_put(store, "a", &removal, 1, on_torture_done, NULL, &error) == 0;
    assert_true(worked || store == NULL || error != NULL);
    mr_error_drop(error);
    offset_store_destroy(store);
    mr_arena_destroy(arena);
    return worked;
}

static void without_memory_nothing_leaks(void **state)
{
    struct topic *topic = *state;
    struct mr_value *partition = mr_map_copy(topic->arena, two_members(topic, true), 1);
    assert_int_equal(mr_map_put_text(topic->arena, partition, "id", text(topic, "i")), 0);
    struct scene scene = {partition, seq_of(topic, 1)};
    alloc_torture(put_get_list, &scene);
}

#define ON_TOPIC(test) cmocka_unit_test_setup_teardown(test, with_topic, without_topic)

RUN_TESTS(ON_TOPIC(a_new_partition_is_written_in_its_own_order), ON_TOPIC(a_known_partition_keeps_the_bytes_of_its_key),
          ON_TOPIC(removing_writes_a_tombstone_for_every_spelling), ON_TOPIC(kinds_that_json_joins_mean_the_same),
          ON_TOPIC(written_keys_are_found_when_they_come_back), ON_TOPIC(what_cannot_be_stored_is_refused),
          ON_TOPIC(strange_records_are_passed_over), ON_TOPIC(a_connector_lists_its_own_in_the_order_first_seen),
          ON_TOPIC(a_put_that_is_not_read_back_yet_is_not_seen), ON_TOPIC(a_lost_topic_refuses_puts_and_still_answers),
          ON_TOPIC(many_partitions_are_found), ON_TOPIC(who_writes_offsets_elsewhere_gets_the_same_records),
          ON_TOPIC(nobody_gets_records_for_a_lost_topic), ON_TOPIC(nothing_to_put_is_done_at_once),
          ON_TOPIC(without_memory_nothing_leaks))
