/*
 * topic_maker: sees to it that a source task's topics are there before anything is sent to them (KIP-158): one that does not
 * exist is created as the connector's groups say.
 *
 * The task asks and never waits; the cluster is asked on job threads, one topic of a maker at a time, with a client that is
 * open only while there is something to ask. What the answers mean is Kafka Connect's (TopicAdmin): no answer to
 * "is it there?" is asked again; a topic that may not be created, cannot be, or is not within TOPIC_MAKER_PATIENCE_MS, fails
 * the task. A topic that was there once is not asked for again, but where TOPIC_MAKER_TOPICS_MAX are known: then those that were
 * not needed for TOPIC_MAKER_KEPT_MS are forgotten, and asked for again should they come back. Those in use are kept in any case.
 *
 * Life: topic_maker_create → the task asks → its `end`. A job may be under way beyond that.
 */
#ifndef EXECUTOR_TOPIC_MAKER_H
#define EXECUTOR_TOPIC_MAKER_H

#include "task/source_task.h"

struct client_config;
struct executor;
struct mr_error;
struct topic_groups;

#define TOPIC_MAKER_TOPICS_MAX 10000 /* a task's */
#define TOPIC_MAKER_KEPT_MS 60000
#define TOPIC_MAKER_AGAIN_MS 100
#define TOPIC_MAKER_ATTEMPT_MS 2000
#define TOPIC_MAKER_PATIENCE_MS 60000

/* For source_task_setup.topics. `groups` is taken over, also on failure; of `admin_config` (CLIENT_ADMIN) a reference is
 * taken. -1: no memory. */
int topic_maker_create(struct executor *executor, const struct task_common_setup *common, struct topic_groups *groups,
                       struct client_config *admin_config, struct source_topics *topics, struct mr_error **error);

#endif
