/*
 * group_client_internal: what it takes to ask about the consumer group of a sink connector, and about its topics: an admin client with the
 * connector's own settings, which the override policy must allow. One thread at a time (a job's).
 */
#ifndef EXECUTOR_GROUP_CLIENT_INTERNAL_H
#define EXECUTOR_GROUP_CLIENT_INTERNAL_H

#include <stdbool.h>

struct admin;
struct executor;
struct executor_group;
struct mr_error;
struct string_map;

/* Embedded: { executor, of } → _open → … → _close, also after a failed open. */
struct group_client {
    const struct executor *executor;
    const struct executor_group *of;
    struct string_map *resolved;
    char *client_id, *group;
    bool starts_at_end; /* without an offset its consumers begin at a partition's end, else at its beginning */
    struct admin *admin;
};

int group_client_open(struct group_client *client, struct mr_error **error);
/* `why` is what went wrong, or NULL; the caller gets it behind a sentence, with what config providers answered hidden. */
int group_client_close(struct group_client *client, struct mr_error *why, struct mr_error **error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A coordinator or leader that moves or loads: librdkafka hands such answers to us. Waits a little, and drops the error. */
bool group_client_may_ask_again(const struct group_client *client, int status, struct mr_error **error);

#endif
