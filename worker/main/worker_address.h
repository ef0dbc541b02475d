/*
 * worker_address: how others reach and name this worker: the advertised URL and "host:port", its id in statuses.
 *
 * rest.advertised.host.name and .port win; else the listener of the advertised scheme; a listener on all interfaces is told
 * by the name of this machine.
 */
#ifndef MAIN_WORKER_ADDRESS_H
#define MAIN_WORKER_ADDRESS_H

#include <stdint.h>

struct mr_error;
struct worker_config;

#define WORKER_HOST_MAX 256

struct worker_address {
    char id[WORKER_HOST_MAX + 8];
    char url[WORKER_HOST_MAX + 24]; /* "http://host:port/" */
};

/* -1: MR_ERR_CONFIG: no such listener, or this machine has no name that fits. */
int worker_address_make(const struct worker_config *config, struct worker_address *address, struct mr_error **error);

#endif
