/* What compaction leaves of a config topic is complete, or heals itself: random histories, random remainders.
 *
 * Of each key the newest record stays; any older one may stay or go, so that a reader that reads while the cleaner works is covered,
 * too. A tombstone may go when nothing older of its key is left (KIP-534): else what it removed would come back.
 *
 * A history is a list of deeds (a connector is put, its tasks are written …), any of which may end after any of its records, as
 * its writer may. Failing cases are made small, deed by deed, and printed with their seed. */
#include "store_test.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/string_map.h"
#include "store/config_replay_internal.h"
#include "store/config_snapshot.h"

#define CASES 10000 /* MILLRACE_SEED and MILLRACE_CASES ask for others */
#define DEEDS_MAX 24
#define DEED_RECORDS_MAX 5
#define RECORDS_MAX (DEEDS_MAX * DEED_RECORDS_MAX)
#define TASKS_MAX 3
#define WORKERS 2

static const char *const connectors[] = {"a", "a-1"};
#define CONNECTORS (sizeof(connectors) / sizeof(connectors[0]))

enum deed_kind {
    PUT,     /* the configuration, maybe the one it had */
    TASKS,   /* of the configuration of now, and their commit */
    REMOVE,
    TARGET,
    STOP,    /* commit of no tasks, target state */
    LATE,    /* a commit by somebody who led once, of tasks that others may have replaced */
    FENCE,
    RESTART,
    KEY,
    LEVEL,
    MEMBER,  /* a worker speaks */
    LEAD,    /* a leader begins: the next epoch */
    ASSIGN,  /* it assigns */
    FORMER,  /* the leader before assigns */
    GONE,    /* of a worker nothing is left */
    DEED_KINDS
};

static const char *const deed_names[] = {"PUT",     "TASKS", "REMOVE", "TARGET", "STOP", "LATE",   "FENCE", "RESTART",
                                         "KEY",     "LEVEL", "MEMBER", "LEAD",   "ASSIGN", "FORMER", "GONE"};

struct deed {
    enum deed_kind kind;
    unsigned about;    /* connector or worker */
    unsigned value;
    unsigned written;  /* records until its writer died */
    unsigned goes;     /* bits: of which records compaction would take, if it may */
};

struct history {
    size_t count;
    struct deed deeds[DEEDS_MAX];
};

struct record {
    char key[48], value[160];
    bool is_tombstone, goes, is_gone;
};

struct topic {
    size_t count;
    struct record records[RECORDS_MAX];
    unsigned epoch;
};

/* ---- from deeds to records ---- */

static struct record *write_record(struct topic *topic, const struct deed *deed, unsigned *written, const char *prefix, const char *name)
{
    static struct record nowhere;
    struct record *record = *written < deed->written ? &topic->records[topic->count++] : &nowhere;

    memset(record, 0, sizeof(*record));
    snprintf(record->key, sizeof(record->key), "%s%s", prefix, name);
    record->goes = (deed->goes >> *written & 1) != 0;
    *written += 1;
    return record;
}

#define RECORD(prefix, name, ...)                                                    \
    do {                                                                             \
        struct record *to = write_record(topic, deed, &written, prefix, name);       \
        snprintf(to->value, sizeof(to->value), __VA_ARGS__);                         \
    } while (0)
#define TOMBSTONE(prefix, name) write_record(topic, deed, &written, prefix, name)->is_tombstone = true

/* What the writers know of a connector. */
struct known {
    bool exists;
    unsigned value, incarnation;
};

static unsigned tasks_of(unsigned value)
{
    return value % (TASKS_MAX + 1);
}

static void write_tasks(struct topic *topic, const struct deed *deed, const char *name, const struct known *known)
{
    unsigned written = 0;

    for (unsigned i = 0; i < tasks_of(known->value); i++) {
        char key[32];

        snprintf(key, sizeof(key), "%s-%u", name, i);
        RECORD("task-", key, "{\"properties\":{\"v\":\"%u\",\"i\":\"%u\"}}", known->value, known->incarnation);
    }
    RECORD("commit-", name, "{\"tasks\":%u}", tasks_of(known->value));
}

static void write_of_connector(struct topic *topic, const struct deed *deed, struct known *known)
{
    static const char *const states[] = {"STARTED", "PAUSED", "STOPPED"};
    const char *name = connectors[deed->about % CONNECTORS];
    unsigned written = 0;

    if (deed->written == 0)
        return;
    switch (deed->kind) {
    case PUT:
        known->exists = true;
        known->value = deed->value;
        RECORD("connector-", name, "{\"properties\":{\"v\":\"%u\",\"i\":\"%u\"}}", known->value, known->incarnation);
        break;
    case TASKS:
        if (known->exists)
            write_tasks(topic, deed, name, known);
        break;
    case REMOVE:
        known->exists = false;
        known->incarnation++;
        TOMBSTONE("connector-", name);
        TOMBSTONE("target-state-", name);
        break;
    case STOP:
        RECORD("commit-", name, "{\"tasks\":0}");
        RECORD("target-state-", name, "{\"state\":\"PAUSED\",\"state.v2\":\"STOPPED\"}");
        break;
    case LATE:
        RECORD("commit-", name, "{\"tasks\":%u}", tasks_of(deed->value));
        break;
    case FENCE:
        RECORD("tasks-fencing-", name, "{\"task-count\":%u}", tasks_of(deed->value));
        break;
    case RESTART:
        RECORD("restart-connector-", name, "{\"include-tasks\":true,\"only-failed\":false}");
        break;
    default:
        RECORD("target-state-", name, "{\"state\":\"%s\"}", states[deed->value % 3]);
    }
}

static void write_of_cluster(struct topic *topic, const struct deed *deed)
{
    const char *worker = deed->about % WORKERS == 0 ? "w0" : "w1";
    unsigned written = 0;

    switch (deed->kind) {
    case KEY:
        RECORD("session-key", "", "{\"key\":\"AA==\",\"algorithm\":\"A\",\"creation-timestamp\":%u}", deed->value);
        break;
    case LEVEL:
        RECORD("logger-cluster-", "x", "{\"level\":\"DEBUG\"}");
        break;
    case MEMBER:
        RECORD("millrace-member-", worker, "{\"boot\":\"%u\"}", deed->value);
        break;
    case GONE:
        TOMBSTONE("millrace-assignment-", worker);
        TOMBSTONE("millrace-member-", worker);
        break;
    case LEAD:
        topic->epoch++;
        RECORD("millrace-cluster", "", "{\"epoch\":%u}", topic->epoch);
        /* fall through */
    default:
        if (topic->epoch > 0)
            RECORD("millrace-assignment-", worker, "{\"epoch\":%u,\"v\":%u}", topic->epoch - (deed->kind == FORMER), deed->value);
    }
}

static void write_history(struct topic *topic, const struct history *history)
{
    struct known known[CONNECTORS] = {{0}};

    topic->count = topic->epoch = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct deed *deed = &history->deeds[i];

        if (deed->kind < KEY)
            write_of_connector(topic, deed, &known[deed->about % CONNECTORS]);
        else
            write_of_cluster(topic, deed);
    }
}

/* ---- compaction ---- */

static bool is_newest(const struct topic *topic, size_t of)
{
    for (size_t i = of + 1; i < topic->count; i++)
        if (strcmp(topic->records[i].key, topic->records[of].key) == 0)
            return false;
    return true;
}

static bool has_older(const struct topic *topic, size_t of)
{
    for (size_t i = 0; i < of; i++)
        if (!topic->records[i].is_gone && strcmp(topic->records[i].key, topic->records[of].key) == 0)
            return true;
    return false;
}

static bool takes_newest; /* to see that the property notices */

static void compact(struct topic *topic)
{
    for (size_t i = 0; i < topic->count; i++) {
        struct record *record = &topic->records[i];
        bool may_go = record->is_tombstone ? !has_older(topic, i) : !is_newest(topic, i) || takes_newest;

        record->is_gone = record->goes && may_go;
    }
}

static void replay_record(struct config_replay *replay, size_t offset, const char *key, const char *value)
{
    struct mr_bytes bytes = {.data = value, .size = value != NULL ? strlen(value) : 0};

    assert_true(config_replay_apply(replay, (int64_t)offset, (struct mr_bytes){key, strlen(key)}, bytes));
}

static struct config_replay *replay_topic(const struct topic *topic, bool all)
{
    struct config_replay *replay = config_replay_create();

    for (size_t i = 0; i < topic->count; i++)
        if (all || !topic->records[i].is_gone)
            replay_record(replay, i, topic->records[i].key,
                          topic->records[i].is_tombstone ? NULL : topic->records[i].value);
    return replay;
}

/* ---- healing: what the owner of a connector, and the leader, write; all read it ---- */

struct readers {
    struct config_replay *full, *part;   /* one was there all the time, the other read what compaction left */
};

static void write_for(const struct readers *readers, const char *key, const char *value)
{
    replay_record(readers->full, RECORDS_MAX, key, value);
    replay_record(readers->part, RECORDS_MAX, key, value);
}

static unsigned number_in(const struct string_map *map, const char *key)
{
    return (unsigned)atoi(string_map_get(map, key));
}

static bool is_stored(const struct config_snapshot *snapshot, const char *name, unsigned value)
{
    const struct string_map *applied = config_snapshot_applied(snapshot, name);

    if (!config_snapshot_is_settled(snapshot, name) || config_snapshot_task_count(snapshot, name) != tasks_of(value) ||
        number_in(applied, "v") != value)
        return false;
    for (unsigned i = 0; i < tasks_of(value); i++)
        if (number_in(config_snapshot_task(snapshot, name, i), "v") != value)
            return false;
    return true;
}

static void heal_connector(const struct readers *readers, const struct config_snapshot *seen, const char *name)
{
    unsigned value = number_in(config_snapshot_config(seen, name), "v");
    char key[48], text[96];

    if (is_stored(seen, name, value))
        return;
    for (unsigned i = 0; i < tasks_of(value); i++) {
        snprintf(key, sizeof(key), "task-%s-%u", name, i);
        snprintf(text, sizeof(text), "{\"properties\":{\"v\":\"%u\"}}", value);
        write_for(readers, key, text);
    }
    snprintf(key, sizeof(key), "commit-%s", name);
    snprintf(text, sizeof(text), "{\"tasks\":%u}", tasks_of(value));
    write_for(readers, key, text);
}

/* What does not count is written again. */
static void heal_notes(const struct readers *readers, const struct config_snapshot *seen, unsigned epoch)
{
    for (size_t i = 0; i < config_snapshot_note_count(seen); i++) {
        struct config_note note = config_snapshot_note_at(seen, i);
        char text[96];

        if (!note.is_overruled)
            continue;
        snprintf(text, sizeof(text), "{\"epoch\":%u}", epoch);
        write_for(readers, note.key, text);
    }
}

static void heal(const struct readers *readers, unsigned epoch)
{
    struct config_snapshot *seen = config_replay_snapshot(readers->full);

    for (size_t i = 0; i < config_snapshot_connector_count(seen); i++)
        heal_connector(readers, seen, config_snapshot_connector_at(seen, i));
    heal_notes(readers, seen, epoch);
    config_snapshot_drop(seen);
}

/* ---- comparing ---- */

static void describe_tasks(struct str_buffer *out, const struct config_snapshot *snapshot, const char *name)
{
    const struct string_map *applied = config_snapshot_applied(snapshot, name);

    str_buffer_printf(out, " of %s:", applied != NULL ? string_map_get(applied, "v") : "nothing");
    for (uint32_t i = 0; i < config_snapshot_task_count(snapshot, name); i++)
        str_buffer_printf(out, " %s", string_map_get(config_snapshot_task(snapshot, name, i), "v"));
    str_buffer_printf(out, "%s%s", config_snapshot_is_inconsistent(snapshot, name) ? " inconsistent" : "",
                      config_snapshot_needs_fencing(snapshot, name) ? " to be fenced" : "");
}

/* `of`: whose connectors' tasks are compared although they may differ until they have healed; NULL: all. */
static void describe(struct str_buffer *out, const struct config_snapshot *snapshot, const struct config_snapshot *of)
{
    const struct session_key *key = config_snapshot_session_key(snapshot);

    str_buffer_clear(out);
    for (size_t i = 0; i < config_snapshot_connector_count(snapshot); i++) {
        const char *name = config_snapshot_connector_at(snapshot, i);

        str_buffer_printf(out, "%s(%s) %s fenced %d", name, string_map_get(config_snapshot_config(snapshot, name), "v"),
                          target_state_name(config_snapshot_target(snapshot, name)), (int)config_snapshot_fenced_count(snapshot, name));
        if (of == NULL || config_snapshot_is_settled(of, name))
            describe_tasks(out, snapshot, name);
        str_buffer_append_char(out, '\n');
    }
    if (key != NULL)
        str_buffer_printf(out, "key %d\n", (int)key->created_ms);
    for (size_t i = 0; i < config_snapshot_note_count(snapshot); i++) {
        struct config_note note = config_snapshot_note_at(snapshot, i);
        bool is_to_heal = false;

        for (size_t j = 0; of != NULL && j < config_snapshot_note_count(of); j++)
            is_to_heal = is_to_heal || (strcmp(config_snapshot_note_at(of, j).key, note.key) == 0 &&
                                        config_snapshot_note_at(of, j).is_overruled);
        if (!is_to_heal)
            str_buffer_printf(out, "%s=%s%s\n", note.key, note.text, note.is_overruled ? "!" : "");
    }
}

/* Tasks that can be seen were computed for this connector, not for one that had its name before. */
static bool shows_another_incarnation(const struct config_snapshot *snapshot)
{
    for (size_t i = 0; i < config_snapshot_connector_count(snapshot); i++) {
        const char *name = config_snapshot_connector_at(snapshot, i);
        unsigned incarnation = number_in(config_snapshot_config(snapshot, name), "i");

        for (uint32_t task = 0; task < config_snapshot_task_count(snapshot, name); task++)
            if (number_in(config_snapshot_task(snapshot, name, task), "i") != incarnation)
                return true;
    }
    return false;
}

static bool differ(const struct config_snapshot *full, const struct config_snapshot *part, const struct config_snapshot *of)
{
    struct str_buffer one, other;
    bool do_differ;

    str_buffer_init(&one, 1 << 16);
    str_buffer_init(&other, 1 << 16);
    describe(&one, full, of);
    describe(&other, part, of);
    do_differ = strcmp(str_buffer_text(&one), str_buffer_text(&other)) != 0;
    str_buffer_release(&one);
    str_buffer_release(&other);
    return do_differ;
}

static bool has_late_commits(const struct history *history)
{
    for (size_t i = 0; i < history->count; i++)
        if (history->deeds[i].kind == LATE)
            return true;
    return false;
}

static const char *compare(const struct readers *readers, bool has_healed, bool had_late_commits)
{
    struct config_snapshot *full = config_replay_snapshot(readers->full), *part = config_replay_snapshot(readers->part);
    const char *words = NULL;

    if (differ(full, part, has_healed ? NULL : full))
        words = has_healed ? "it does not heal" : "what was settled is another state";
    else if (!has_healed && !had_late_commits && shows_another_incarnation(part))
        words = "tasks of another incarnation are shown";
    config_snapshot_drop(full);
    config_snapshot_drop(part);
    return words;
}

/* NULL: the property holds. */
static const char *judge(const struct history *history)
{
    static struct topic topic;
    struct readers readers;
    const char *words;

    write_history(&topic, history);
    compact(&topic);
    readers = (struct readers){replay_topic(&topic, true), replay_topic(&topic, false)};
    words = compare(&readers, false, has_late_commits(history));
    heal(&readers, topic.epoch);
    if (words == NULL)
        words = compare(&readers, true, false);
    config_replay_destroy(readers.full);
    config_replay_destroy(readers.part);
    return words;
}

/* ---- making, shrinking, showing ---- */

static uint64_t dice;

static unsigned roll(unsigned below)
{
    dice = dice * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(dice >> 33) % below;
}

static void make_history(struct history *history, uint64_t seed)
{
    dice = seed * 0x9E3779B97F4A7C15ull;
    history->count = 1 + roll(DEEDS_MAX);
    for (size_t i = 0; i < history->count; i++) {
        struct deed *deed = &history->deeds[i];

        /* Two of three are about what compaction could harm most. */
        deed->kind = roll(3) > 0 ? (enum deed_kind)roll(REMOVE + 1) : (enum deed_kind)roll(DEED_KINDS);
        deed->about = roll(2);
        deed->value = roll(6);
        deed->written = roll(4) == 0 ? roll(DEED_RECORDS_MAX) : DEED_RECORDS_MAX;
        deed->goes = roll(1 << DEED_RECORDS_MAX) | (roll(2) == 0 ? roll(1 << DEED_RECORDS_MAX) : 0);
    }
}

/* Takes the change when the case fails still. */
static bool try_change(struct history *history, const struct history *changed)
{
    if (judge(changed) == NULL)
        return false;
    *history = *changed;
    return true;
}

static bool shrink_once(struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        struct history changed = *history;

        memmove(&changed.deeds[i], &changed.deeds[i + 1], (history->count - i - 1) * sizeof(changed.deeds[0]));
        changed.count--;
        if (try_change(history, &changed))
            return true;
        for (unsigned bit = 0; bit < DEED_RECORDS_MAX; bit++) {
            changed = *history;
            changed.deeds[i].goes &= ~(1u << bit);
            if (changed.deeds[i].goes != history->deeds[i].goes && try_change(history, &changed))
                return true;
        }
        changed = *history;
        if (changed.deeds[i].value > 0) {
            changed.deeds[i].value--;
            if (try_change(history, &changed))
                return true;
        }
    }
    return false;
}

static void show(const struct history *history, uint64_t seed)
{
    static struct topic topic;

    print_error("seed %llu: %s\n", (unsigned long long)seed, judge(history));
    for (size_t i = 0; i < history->count; i++)
        print_error("  %s %u %u, %u records\n", deed_names[history->deeds[i].kind], history->deeds[i].about,
                    history->deeds[i].value, history->deeds[i].written);
    write_history(&topic, history);
    compact(&topic);
    for (size_t i = 0; i < topic.count; i++)
        print_error("  %zu %s %s = %s\n", i, topic.records[i].is_gone ? "gone" : "    ", topic.records[i].key,
                    topic.records[i].is_tombstone ? "(removed)" : topic.records[i].value);
}

/* 0: the property holds for all of them. Else the seed, and the case made small. */
static uint64_t find_failure(uint64_t first, uint64_t cases, struct history *history)
{
    for (uint64_t seed = first; seed < first + cases; seed++) {
        make_history(history, seed);
        if (judge(history) == NULL)
            continue;
        while (shrink_once(history))
            continue;
        return seed;
    }
    return 0;
}

static void what_compaction_leaves_is_complete_or_heals(void **state)
{
    const char *wish = getenv("MILLRACE_SEED"), *many = getenv("MILLRACE_CASES");
    uint64_t first = wish != NULL ? strtoull(wish, NULL, 10) : 1;
    struct history history;
    uint64_t seed;

    (void)state;
    seed = find_failure(first, many != NULL ? strtoull(many, NULL, 10) : CASES, &history);
    if (seed != 0) {
        show(&history, seed);
        fail();
    }
}

/* Lest the property hold because it looks at nothing. */
static void a_newest_record_that_is_gone_is_noticed(void **state)
{
    struct history history;

    (void)state;
    takes_newest = true;
    assert_true(find_failure(1, 500, &history) != 0);
    assert_int_equal(history.count, 1);
    takes_newest = false;
}

static int be_quiet(void **state)
{
    (void)state;
    assert_true(log_level_set("store.config", LOG_LEVEL_OFF, clock_wall_ms(NULL), NULL));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_compaction_leaves_is_complete_or_heals),
        cmocka_unit_test(a_newest_record_that_is_gone_is_noticed),
    };

    return cmocka_run_group_tests(tests, be_quiet, NULL);
}
