/*
 * boot_internal: the parts of a worker, in the order in which they come into being.
 */
#ifndef MAIN_BOOT_INTERNAL_H
#define MAIN_BOOT_INTERNAL_H

#include <pthread.h>
#include <stdint.h>

#include "base/lease.h"
#include "boot.h"
#include "kafka/client_config.h"
#include "metrics/audit_counters.h"
#include "worker_address.h"

struct boot {
    enum worker_mode mode;
    struct worker_config *config;
    struct worker_address address;
    struct loader *loader;
    struct variables *variables;
    struct graveyard *graveyard;
    struct job_pool *jobs;
    struct producer_pool *producers;
    struct client_config *admin_config;
    struct admin *admin;
    char *cluster_id;
    struct lease lease;
    struct quarantine *quarantine;
    struct metrics_registry *metrics;
    struct health_board *health;
    struct log_output *log; /* run_worker ends it; NULL: lines go straight to standard error */
    struct audit_counters audit_counters;
    struct audit *audit; /* NULL: changes are not recorded */
    struct boot_credentials *credentials;

    /* Distributed: those of kafka_stores; standalone: their own. */
    struct kafka_stores *kafka_stores;
    struct config_store *configs;
    struct status_store *statuses;
    struct offset_store *offsets;
    struct topic_watch *topic_watch; /* boot_topics.c; standalone: NULL */
    struct client_config *member_config;

    struct forwarding *forwarding; /* standalone: NULL */
    struct herder *herder;
    struct rest_server *rest;

    pthread_mutex_t lock;
    char failure[1024]; /* locks: lock */
    bool had_run;       /* locks: lock */
};

int64_t boot_deadline_ms(const struct boot *boot); /* for one step that asks the brokers */
/* "<group.id>[-<client.id>]-<purpose>"; standalone: "standalone[-…]". NULL: no memory or refused. */
struct client_config *boot_client_config(const struct boot *boot, enum client_kind kind, const char *purpose,
                                         struct mr_error **error);

struct string_map;
/* boot_audit.c */
int boot_audit_open(struct boot *boot, struct mr_error **error);
void boot_audit_close(struct boot *boot);
void boot_audit_refreshed(void *boot, const char *connector, const struct string_map *raw); /* executor_refreshed_fn */

/* boot_credentials.c */
int boot_credentials_start(struct boot *boot, const char *path, struct mr_error **error);
bool boot_credentials_stop(struct boot *boot, int64_t deadline_ms); /* false: a config provider does not return */

/* boot_log.c */
void boot_log_start(struct boot *boot, const struct string_map *written); /* as written: before anything is understood */
void boot_log_set(struct boot *boot);  /* as the configuration says; levels, too */
void boot_log_name(struct boot *boot); /* lines name this worker */

/* boot_topics.c: their cleanup policy, from now on until the other call, which waits for a look that is under way */
int boot_topics_watch(struct boot *boot, struct mr_error **error);
void boot_topics_unwatch(struct boot *boot);

/* boot_stores.c */
int boot_stores_create(struct boot *boot, struct mr_error **error);
int boot_stores_start(struct boot *boot, struct mr_error **error);
void boot_stores_stop(struct boot *boot);
void boot_stores_destroy(struct boot *boot);

#endif
