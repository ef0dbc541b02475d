/*
 * rest_server: the REST API of a worker, on the listeners of its configuration.
 *
 * May be started as soon as the herder was created: until the topics are read, /, /health and /connector-plugins answer and
 * everything else is told 503. May be stopped before or after the herder: a reply of the herder that comes late is
 * dropped. Who waits when it stops is answered 503.
 *
 * thread: _start and _stop one thread, not an HTTP or herder thread.
 */
#ifndef ROUTES_REST_SERVER_H
#define ROUTES_REST_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit;
struct forwarding;
struct health_board;
struct herder;
struct metrics_registry;
struct mr_error;
struct rest_server;
struct worker_config;

struct rest_setup {
    struct herder *herder;              /* outlives the server */
    const struct worker_config *worker; /* its listeners, headers and origins; during the call */
    struct forwarding *forwarding;      /* to other workers; outlives the herder; NULL: standalone, all belongs here */
    struct audit *audit;                /* outlives the server and the herder; NULL: nothing is recorded */
    struct health_board *health;        /* outlives the server; NULL: nobody warns of anything */
    struct metrics_registry *metrics;   /* outlives the server; NULL: /metrics answers 404 */
};

/* Can logins, bindings and certificates be read? Before Kafka is asked: what is wrong here is told at once. -1: names property and file. */
int rest_server_look_at_files(const struct worker_config *worker, struct mr_error **error);

/* NULL: MR_ERR_CONFIG for headers or origins of the worker that cannot be honoured, else MR_ERR_CONNECT; one line that names the address and the remedy. */
struct rest_server *rest_server_start(const struct rest_setup *setup, struct mr_error **error);
/* false: a call of a REST extension has not returned: herder and loader must not be destroyed. NULL is fine. */
bool rest_server_stop(struct rest_server *server);

/* The port of a listener, also where its configuration said 0. */
uint16_t rest_server_port(const struct rest_server *server, size_t listener);
uint16_t rest_server_admin_port(const struct rest_server *server, size_t listener); /* of admin.listeners */

uint16_t rest_server_health_port(const struct rest_server *server, size_t listener); /* of millrace.health.listeners */

#endif
