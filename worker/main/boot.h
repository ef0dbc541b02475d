/*
 * boot: builds a worker from its properties, in order, and takes it apart again.
 *
 * Order: configuration → plugins → Kafka's cluster id → stores and herder → REST (answers 503 for now) → internal topics → stores
 * read to their end → group. Each step may refuse with one message that says why and what to do; boot_end cleans up after any.
 *
 * Waits: the brokers get default.api.timeout.ms (60 s) to tell the cluster id, and as long again for the internal topics, and as
 * long for reading them.
 * thread: main.
 */
#ifndef MAIN_BOOT_H
#define MAIN_BOOT_H

#include <stdbool.h>

#include "config/worker_config.h"

struct boot;
struct herder;
struct mr_error;

/* NULL: no memory. */
struct boot *boot_create(enum worker_mode mode);
/* -1: refused; boot_end all the same. */
int boot_start(struct boot *boot, const char *properties_path, struct mr_error **error);
struct log_output;
/* Where log lines go since boot_start; outlives the boot, the caller's to stop. NULL: straight to standard error. */
struct log_output *boot_log(const struct boot *boot);
struct herder *boot_herder(struct boot *boot);
/* What ended the worker from inside; "" while nothing has. `had_run`: after it had been a member of its group. */
const char *boot_failure(struct boot *boot, bool *had_run);
/* Orderly: REST, connectors and tasks (task.shutdown.graceful.timeout.ms), group, stores. false: a plugin call is still inside:
 * memory is left as it is, the process must end without running exit handlers (_exit). */
bool boot_end(struct boot *boot);

#endif
