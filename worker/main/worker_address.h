/*
 * worker_address: how others reach and name this worker: the advertised URL and "host:port", its id in statuses.
 *
 * rest.advertised.host.name and .port win; else the listener of the advertised scheme; a listener on all interfaces is told
 * by the name of this machine.
 */
#ifndef MAIN_WORKER_ADDRESS_H
#define MAIN_WORKER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_error;
struct worker_config;

#define WORKER_HOST_MAX 256

struct worker_address {
    char id[WORKER_HOST_MAX + 8];
    char url[WORKER_HOST_MAX + 24]; /* "http://host:port/" */
};

/* `bound_port`: of the advertised listener once it listens; 0: not known yet. -1: MR_ERR_CONFIG: no such listener, or this machine has
 * no name that fits. */
int worker_address_make(const struct worker_config *config, uint16_t bound_port, struct worker_address *address,
                        struct mr_error **error);
/* Does the address lack its port until the listeners listen (`listeners` says port 0)? *listener: the one it has to come from. */
bool worker_address_wants_port(const struct worker_config *config, size_t *listener);

#endif
