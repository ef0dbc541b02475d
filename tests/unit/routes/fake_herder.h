/*
 * fake_herder: the functions of herder/herder.h over memory stores, in the test's own process. It keeps in words what it
 * was asked last and replies at once, or when the test says so.
 */
#ifndef FAKE_HERDER_H
#define FAKE_HERDER_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <millrace/arena.h>
#include <millrace/json.h>
#include <millrace/value.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/connector_shown.h"
#include "config/worker_config.h"
#include "herder/cluster_view.h"
#include "herder/herder.h"
#include "loader/loader.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "store/offset_store.h"
#include "store/status_store.h"

struct herder {
    struct config_store *configs;
    struct status_store *statuses;
    struct loader *loader;
    bool is_ready;
    struct herder_pulse pulse; /* zeroed: ready, and on time */
    const char *cluster_id;
    const char *idle_worker_id;
    bool has_cluster; /* of this worker alone, which is "http://me:1/" */
    struct worker_config worker;
    bool has_offsets; /* one */
    const char *undo_topic; /* of what the last change could be set back to; NULL: nothing */

    /* The next reply: 0: what fits the request. */
    int status;
    const char *message;
    struct herder_restart_plan plan;
    bool holds; /* replies only when told to */
    const char *forward_url; /* everything belongs to that worker; NULL: to this one */

    pthread_mutex_t lock;
    char asked[1000]; /* "put c RUNNING new a=1 name=c" */
    herder_reply_fn *held_reply;
    void *held_argument;
};

static inline void fake_note(struct herder *herder, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void fake_note(struct herder *herder, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mutex_lock(&herder->lock);
    vsnprintf(herder->asked, sizeof(herder->asked), format, args);
    mutex_unlock(&herder->lock);
    va_end(args);
}

static inline bool fake_holds_one(void *argument)
{
    struct herder *herder = argument;
    mutex_lock(&herder->lock);
    bool holds = herder->held_reply != NULL;
    mutex_unlock(&herder->lock);
    return holds;
}

static inline void fake_reply(struct herder *herder, herder_reply_fn *reply, void *argument,
                              const struct herder_reply *fitting)
{
    struct herder_reply told = *fitting;
    if (herder->forward_url != NULL) {
        told = (struct herder_reply){.status = 409, .message = "not here", .forward_url = herder->forward_url};
    } else if (herder->status != 0) {
        told.status = herder->status;
        told.message = herder->message;
    }
    if (!herder->holds) {
        reply(argument, &told);
        return;
    }
    mutex_lock(&herder->lock);
    herder->held_reply = reply;
    herder->held_argument = argument;
    mutex_unlock(&herder->lock);
}

/* Lets go what was held, without a body. */
static inline void fake_let_go(struct herder *herder, int status)
{
    mutex_lock(&herder->lock);
    herder_reply_fn *reply = herder->held_reply;
    void *argument = herder->held_argument;
    herder->held_reply = NULL;
    mutex_unlock(&herder->lock);
    assert_non_null(reply);
    reply(argument, &(struct herder_reply){.status = status, .message = "held"});
}

/* true: refused and answered, as the herder does in the request's turn. `next`, which may be NULL, is made whole. */
static inline bool fake_refuses(struct herder *herder, herder_guard_fn *guard, const char *name, struct string_map *next,
                                herder_reply_fn *reply, void *argument)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->configs);
    const struct string_map *present = config_snapshot_config(snapshot, name);
    const char *missing = NULL;
    char why[HERDER_WHY_SIZE] = "";
    struct herder_reply refusal = {.status = 0, .message = why};
    if (guard != NULL && herder->forward_url == NULL) {
        if (next != NULL && !connector_shown_restore(next, present, &missing))
            refusal = (struct herder_reply){.status = 400, .message = missing};
        else if (!guard(argument, present, next, why))
            refusal.status = 403;
    }
    if (refusal.status != 0)
        reply(argument, &refusal);
    config_snapshot_drop(snapshot);
    return refusal.status != 0;
}

/* The present configuration with the changes; to be destroyed. */
static inline struct string_map *fake_merged(struct herder *herder, const char *name, const struct string_map *changes)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->configs);
    const struct string_map *present = config_snapshot_config(snapshot, name);
    struct string_map *merged = present == NULL ? string_map_create() : string_map_copy(present);
    config_snapshot_drop(snapshot);
    for (size_t i = 0; i < string_map_count(changes); i++)
        if (string_map_value(changes, i) == NULL)
            string_map_remove(merged, string_map_key(changes, i));
        else
            string_map_put(merged, string_map_key(changes, i), string_map_value(changes, i));
    return merged;
}

void herder_put_connector(struct herder *herder, const struct herder_put_connector *request, herder_reply_fn *reply,
                          void *argument)
{
    static const char *const STATES[] = {"-", "RUNNING", "PAUSED", "STOPPED"};
    char options[800] = "";
    for (size_t i = 0, at = 0; i < string_map_count(request->config); i++)
        at += (size_t)snprintf(options + at, sizeof(options) - at, " %s=%s", string_map_key(request->config, i),
                               string_map_value(request->config, i));
    fake_note(herder, "put %s %s %s%s", request->name, STATES[request->initial_state],
              request->must_be_new ? "new" : "any", options);
    struct string_map *config = string_map_copy(request->config);
    if (fake_refuses(herder, request->guard, request->name, config, reply, argument)) {
        string_map_destroy(config);
        return;
    }
    struct config_snapshot *before = config_store_snapshot(herder->configs);
    bool created = !config_snapshot_has(before, request->name);
    config_snapshot_drop(before);
    if (herder->status == 0 && herder->forward_url == NULL)
        config_store_put_connector(herder->configs, request->name, config, NULL, DEADLINE_NEVER, NULL);
    string_map_destroy(config);
    struct config_snapshot *after = config_store_snapshot(herder->configs);
    fake_reply(herder, reply, argument,
               &(struct herder_reply){.status = created ? 201 : 200, .created = created, .snapshot = after});
    config_snapshot_drop(after);
}

void herder_patch_connector(struct herder *herder, const char *name, const struct string_map *changes,
                            herder_guard_fn *guard, herder_reply_fn *reply, void *argument)
{
    struct string_map *merged = fake_merged(herder, name, changes);
    bool is_refused = fake_refuses(herder, guard, name, merged, reply, argument);
    string_map_destroy(merged);
    if (is_refused)
        return;
    char options[800] = "";
    for (size_t i = 0, at = 0; i < string_map_count(changes); i++) {
        const char *value = string_map_value(changes, i);
        at += (size_t)snprintf(options + at, sizeof(options) - at, " %s=%s", string_map_key(changes, i),
                               value == NULL ? "(null)" : value);
    }
    fake_note(herder, "patch %s%s", name, options);
    struct config_snapshot *now = config_store_snapshot(herder->configs);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 200, .snapshot = now});
    config_snapshot_drop(now);
}

/* What the test has prepared. */
static const struct connector_report *fake_report;
void herder_validate(struct herder *herder, const struct string_map *config, herder_reply_fn *reply, void *argument)
{
    fake_note(herder, "validate %zu %s", string_map_count(config),
              string_map_get_or(config, "connector.class", "(none)"));
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 200, .report = fake_report});
}

/* Whatever is asked of letters, in one line. */
void herder_letters(struct herder *herder, const struct herder_letters *request, herder_reply_fn *reply, void *argument)
{
    static const char *const verbs[] = {"list", "show", "replay", "discard", "find"};
    static const char json[] = "{\"id\":\"r\"}";
    fake_note(herder, "letters %s %s %.*s %d/%lld %s by %s", verbs[request->verb], request->connector, (int)request->selection_length,
              request->selection == NULL ? "" : request->selection, request->partition, (long long)request->offset,
              request->id == NULL ? "-" : request->id, request->who);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 200, .json = json, .json_length = sizeof(json) - 1});
}

/* Records stand as they are, a blank behind each. */
void herder_try(struct herder *herder, const struct herder_try *request, herder_reply_fn *reply, void *argument)
{
    static const char json[] = "{\"passed\":1,\"dropped\":0,\"skipped\":0,\"failed\":0,\"records\":[]}";
    char records[300];
    size_t length = request->records_length < sizeof(records) ? request->records_length : sizeof(records) - 1;
    memcpy(records, request->records, length);
    records[length] = '\0';
    for (size_t i = 0; i < length; i++)
        records[i] = records[i] == '\0' ? ' ' : records[i];
    fake_note(herder, "try %zu %s %s%s %zu", string_map_count(request->config), string_map_get_or(request->config, "connector.class", "(none)"),
              records, request->topic == NULL ? "" : request->topic, request->last);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 200, .json = json, .json_length = sizeof(json) - 1});
}

/* " {partition}={offset}" each. */
static inline void fake_write_offsets(char *text, size_t size, const struct offset_entry *entries, size_t count)
{
    struct mr_arena *arena = mr_arena_create(1u << 20);
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        struct mr_bytes partition, offset;
        assert_int_equal(mr_json_write(arena, NULL, entries[i].partition, 0, &partition, NULL), 0);
        assert_int_equal(mr_json_write(arena, NULL, entries[i].offset, 0, &offset, NULL), 0);
        at += (size_t)snprintf(text + at, size - at, " %.*s=%.*s", (int)partition.size, (const char *)partition.data,
                               (int)offset.size, (const char *)offset.data);
    }
    mr_arena_destroy(arena);
}

static inline void fake_note_offsets(struct herder *herder, const char *trial, const struct herder_offsets *asked)
{
    static const char *const verbs[] = {"alter", "reset", "undo"};
    char text[800];
    fake_write_offsets(text, sizeof(text), asked->changes, asked->count);
    fake_note(herder, "%s%s%s %s%s", trial, verbs[asked->verb], asked->is_without_undo ? " for good" : "", asked->connector, text);
}

void herder_change_offsets(struct herder *herder, const struct herder_offsets *asked, herder_reply_fn *reply, void *argument)
{
    static const char *const done[] = {"altered", "reset", "set back"};
    if (fake_refuses(herder, asked->guard, asked->connector, NULL, reply, argument))
        return;
    fake_note_offsets(herder, "", asked);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 200, .message = done[asked->verb]});
}

void herder_try_offsets(struct herder *herder, const struct herder_offsets *asked, herder_reply_fn *reply, void *argument)
{
    static const char json[] = "{\"dry_run\":true,\"type\":\"sink\",\"refused\":null,\"not_asked\":\"so\",\"offsets\":[]}";
    fake_note_offsets(herder, "try ", asked);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 200, .json = json, .json_length = sizeof(json) - 1});
}

/* Partition 0 of undo_topic. */
int herder_each_undone(const struct herder *herder, const char *connector, herder_partition_fn *each, void *argument)
{
    struct mr_arena *arena = mr_arena_create(1u << 20);
    struct mr_value *partition = mr_map_create(arena, 1);
    int status = 0;
    (void)connector;
    if (herder->undo_topic != NULL) {
        assert_int_equal(mr_map_put_text(arena, partition, "kafka_topic", mr_string(arena, herder->undo_topic)), 0);
        status = each(argument, partition);
    }
    mr_arena_destroy(arena);
    return status;
}

void herder_read_offsets(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    struct mr_arena *arena = mr_arena_create(1u << 20);
    struct offset_entry entry = {
        mr_json_read(arena, (struct mr_bytes){"{\"file\":\"\xC3\xA9\"}", 13}, MR_JSON_COPY_TEXT, NULL),
        mr_json_read(arena, (struct mr_bytes){"{\"at\":9}", 8}, MR_JSON_COPY_TEXT, NULL)};
    fake_note(herder, "read offsets %s", name);
    fake_reply(herder, reply, argument,
               &(struct herder_reply){.status = 200, .offsets = &entry, .offset_count = herder->has_offsets});
    mr_arena_destroy(arena);
}

void herder_set_logger_level(struct herder *herder, const char *logger, const char *level, herder_reply_fn *reply,
                             void *argument)
{
    fake_note(herder, "level %s %s", logger, level);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 204});
}

void herder_delete_connector(struct herder *herder, const char *name, herder_guard_fn *guard, herder_reply_fn *reply,
                             void *argument)
{
    if (fake_refuses(herder, guard, name, NULL, reply, argument))
        return;
    fake_note(herder, "delete %s", name);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 204});
}

void herder_pause_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    fake_note(herder, "pause %s", name);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 202});
}

void herder_resume_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    fake_note(herder, "resume %s", name);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 202});
}

void herder_stop_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    fake_note(herder, "stop %s", name);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 204});
}

void herder_restart_connector(struct herder *herder, const char *name, bool include_tasks, bool only_failed,
                              herder_reply_fn *reply, void *argument)
{
    fake_note(herder, "restart %s %d %d", name, include_tasks, only_failed);
    struct config_snapshot *now = config_store_snapshot(herder->configs);
    bool has_plan = include_tasks || only_failed;
    fake_reply(herder, reply, argument,
               &(struct herder_reply){
                   .status = has_plan ? 202 : 204, .snapshot = now, .restart = has_plan ? &herder->plan : NULL});
    config_snapshot_drop(now);
}

void herder_restart_task(struct herder *herder, const char *name, uint32_t task, herder_reply_fn *reply, void *argument)
{
    fake_note(herder, "restart task %s-%u", name, task);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 204});
}

void herder_put_task_configs(struct herder *herder, const char *name, const struct string_map *const *maps, size_t count,
                             const char *made_from, herder_reply_fn *reply, void *argument)
{
    fake_note(herder, "tasks %s %zu %s%s%s", name, count, count == 0 ? "-" : string_map_get_or(maps[0], "a", "(none)"),
              made_from != NULL ? " of " : "", made_from != NULL ? made_from : "");
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 204});
}

void herder_fence_connector(struct herder *herder, const char *name, herder_reply_fn *reply, void *argument)
{
    fake_note(herder, "fence %s", name);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 204});
}

const char *herder_boot_id(const struct herder *herder)
{
    return herder->has_cluster ? "b1" : NULL;
}

bool herder_has_cluster(const struct herder *herder)
{
    return herder->has_cluster;
}

struct herder_cluster_view *herder_cluster_view(const struct herder *herder)
{
    static const char orders[] = "{\"boot\":\"b1\",\"units\":{\"c\":[-1,0]},\"revoking\":{\"d\":{\"1\":\"1.2 drain\"}}}";
    static const char head[] = "{\"absent\":{\"e\":{\"-1\":\"1700000000000 http://gone:1/\"}}}";
    struct herder_cluster_view *view = mem_calloc(1, sizeof(*view));
    (void)herder;
    *view = (struct herder_cluster_view){.url = "http://me:1/", .boot = "b1", .is_member = true};
    cluster_picture_init(&view->picture);
    cluster_picture_add_seat(&view->picture, view->url, view->boot, true);
    cluster_picture_read(&view->picture, "millrace-assignment-http://me:1/", orders, strlen(orders), false);
    cluster_picture_read(&view->picture, "millrace-cluster", head, strlen(head), false);
    cluster_picture_settle(&view->picture);
    return view;
}

void herder_cluster_view_destroy(struct herder_cluster_view *view)
{
    cluster_picture_release(&view->picture);
    mem_free(view);
}

void herder_drain(struct herder *herder, bool drains, herder_reply_fn *reply, void *argument)
{
    fake_note(herder, "drain %d", drains);
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 204});
}

void herder_ask_health(struct herder *herder, herder_reply_fn *reply, void *argument)
{
    fake_reply(herder, reply, argument, &(struct herder_reply){.status = 200, .message = "fine"});
}

void herder_take_pulse(const struct herder *herder, struct herder_pulse *pulse)
{
    *pulse = herder->is_ready ? herder->pulse : (struct herder_pulse){.standing = HERDER_STANDS_READING};
}

bool herder_is_ready(const struct herder *herder)
{
    return herder->is_ready;
}

struct config_snapshot *herder_configs(const struct herder *herder)
{
    return config_store_snapshot(herder->configs);
}

struct status_store *herder_statuses(const struct herder *herder)
{
    return herder->statuses;
}

const struct loader *herder_loader(const struct herder *herder)
{
    return herder->loader;
}

const struct worker_config *herder_worker(const struct herder *herder)
{
    return &herder->worker;
}

const char *herder_idle_worker_id(const struct herder *herder)
{
    return herder->idle_worker_id;
}

const char *herder_cluster_id(const struct herder *herder)
{
    return herder->cluster_id;
}

#endif
