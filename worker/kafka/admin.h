/*
 * admin: questions and orders to the cluster. Each call waits until the answer or the deadline: for job threads only.
 *
 * An admin may be used by several threads at once. Errors: MR_ERR_TIMEOUT (no answer), MR_ERR_NOT_FOUND, MR_ERR_CONNECT;
 * MR_ERR_RETRIABLE where the broker says that trying again may help. Messages name topic or group and the broker's words.
 */
#ifndef KAFKA_ADMIN_H
#define KAFKA_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_error;
struct client_config;
struct graveyard;
struct string_map;
struct admin;

struct admin *admin_open(struct client_config *config, struct graveyard *graveyard, struct mr_error **error);
void admin_close(struct admin *admin);   /* NULL is fine; does not wait */

/* ---- topics ---- */

enum admin_created {
    ADMIN_CREATED,
    ADMIN_EXISTED,
    ADMIN_NOT_AUTHORISED,     /* no right to create: whoever needs the topic waits for it instead */
    ADMIN_UNSUPPORTED,        /* the broker or service does not know the request */
    ADMIN_INVALID_REPLICATION,/* fewer brokers than replicas: may change */
    ADMIN_CREATE_FAILED,      /* error says why */
};

struct admin_new_topic {
    const char *name;
    int32_t partitions;             /* -1: broker's default */
    int32_t replication_factor;     /* -1: broker's default */
    const struct string_map *configs;   /* topic configs; NULL: none */
};

/* error is set with every result but ADMIN_CREATED and ADMIN_EXISTED. */
enum admin_created admin_create_topic(struct admin *admin, const struct admin_new_topic *topic, int64_t deadline_ms,
                                      struct mr_error **error);
/* 0 also when the topic was not there. */
int admin_delete_topic(struct admin *admin, const char *topic, int64_t deadline_ms, struct mr_error **error);

/* *partitions is 0 when the topic does not exist (that is no error); never creates it. */
int admin_partition_count(struct admin *admin, const char *topic, int32_t *partitions, int64_t deadline_ms,
                          struct mr_error **error);
/* One value of a topic's configuration; free with mem_free. *value NULL: not there, or it may not be read (no right,
 * request not supported): that is no error. */
int admin_topic_config(struct admin *admin, const char *topic, const char *name, char **value, int64_t deadline_ms,
                       struct mr_error **error);

/* Where a time is in a partition: the offset of its first record with that time, or a later one. */
#define ADMIN_EARLIEST (-2) /* its beginning */
#define ADMIN_LATEST (-1)   /* its end: the offset that the next record will have */
struct admin_position {
    const char *topic;
    int32_t partition;
    int64_t time_ms; /* or one of these */
    int64_t offset;  /* the answer; -1: no record is so late */
};
/* One of each partition, which must be there. */
int admin_find_positions(struct admin *admin, struct admin_position *positions, size_t count, int64_t deadline_ms,
                         struct mr_error **error);

struct admin_topics {
    char **names;
    int32_t *partitions;
    size_t count;
};
int admin_list_topics(struct admin *admin, struct admin_topics *topics, int64_t deadline_ms, struct mr_error **error);
void admin_topics_release(struct admin_topics *topics);

/* Free with mem_free. NULL: no answer, error says why. */
char *admin_cluster_id(struct admin *admin, int64_t deadline_ms, struct mr_error **error);

/* ---- groups ---- */

struct admin_offset {
    char *topic;
    int32_t partition;
    int64_t offset;
};
struct admin_offsets {
    struct admin_offset *items;
    size_t count;
};

/* Every committed offset of the group, sorted by topic and partition; none when the group does not exist. */
int admin_list_group_offsets(struct admin *admin, const char *group, struct admin_offsets *offsets,
                             int64_t deadline_ms, struct mr_error **error);
void admin_offsets_release(struct admin_offsets *offsets);

/* For groups without members; with some, MR_ERR_CONFLICT. Topics and partitions that do not exist: MR_ERR_NOT_FOUND. */
int admin_alter_group_offsets(struct admin *admin, const char *group, const struct admin_offset *offsets, size_t count,
                              int64_t deadline_ms, struct mr_error **error);
int admin_delete_group_offsets(struct admin *admin, const char *group, const struct admin_offset *partitions,
                               size_t count, int64_t deadline_ms, struct mr_error **error);
/* 0 also when there was no such group; MR_ERR_CONFLICT while it has members. */
int admin_delete_group(struct admin *admin, const char *group, int64_t deadline_ms, struct mr_error **error);

struct admin_member {
    char *member_id;
    char *client_id;
    char *host;
    char *instance_id;      /* NULL: dynamic; also NULL where librdkafka cannot tell */
    bool owns_partition_0;  /* of any topic: of a worker's group it is the leader */
};
struct admin_group {
    char *state;            /* "Stable", "PreparingRebalance", "CompletingRebalance", "Empty", "Dead", "Unknown" */
    char *protocol_type;    /* "consumer"; "connect" of JVM workers (then without members); "" of an empty group */
    struct admin_member *members;
    size_t member_count;
};
int admin_describe_group(struct admin *admin, const char *group, struct admin_group *described, int64_t deadline_ms,
                         struct mr_error **error);
void admin_group_release(struct admin_group *group);
/* How many are in a group whatever its protocol type: of JVM workers the description above tells none. 0 also when there is no such
 * group. */
int admin_count_members(struct admin *admin, const char *group, size_t *count, int64_t deadline_ms, struct mr_error **error);

#endif
