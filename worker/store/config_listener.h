/*
 * config_listener: what changed in the config topic. Filled by the herder.
 *
 * Called after start-up only: nothing in history is told, the snapshot holds it. Every call comes after the snapshot
 * that shows it was published, in the order of the records. Calls only post: they must not wait, write, or destroy the
 * store. Texts live only during the call. Members may be NULL.
 * thread: the log reader's (kafka twin), or the writer's own, before its call returns (memory twin). locks: none held.
 */
#ifndef STORE_CONFIG_LISTENER_H
#define STORE_CONFIG_LISTENER_H

#include <stdbool.h>

struct config_listener {
    /* Created or configured, also with the very configuration it had. */
    void (*connector_changed)(void *argument, const char *connector);
    /* Deleted; also told when it was not there. */
    void (*connector_removed)(void *argument, const char *connector);
    /* A commit record was read: tasks were replaced, or the connector became inconsistent. */
    void (*tasks_changed)(void *argument, const char *connector);
    /* Only when it differs, only of a connector that has a configuration, not for a tombstone: the removal is told. */
    void (*target_state_changed)(void *argument, const char *connector);
    void (*restart_requested)(void *argument, const char *connector, bool include_tasks, bool only_failed);
    void (*session_key_changed)(void *argument);
    void (*logger_level_changed)(void *argument, const char *logger, const char *level);
    /* A record of our own ("millrace-…") came, or one that does not count. */
    void (*note_changed)(void *argument, const char *key);
    /* The leader's transactions are over (config_store_claim): another worker has shut this one out, or nobody can tell what became of the
     * last. thread: the writer's, before its call returns. */
    void (*claim_lost)(void *argument);
    /* Records that were read are gone from the topic (cut or created anew): the snapshot stays, writes are refused. */
    void (*log_lost)(void *argument, const char *words);
};

#endif
