/*
 * host: the table that this worker lends to plugins (millrace/host.h), on top of base/log and base/clock.
 *
 * One constant table for the whole process. thread: any.
 */
#ifndef LOADER_HOST_H
#define LOADER_HOST_H

#include <millrace/host.h>

const struct mr_host *loader_host(void);

#endif
