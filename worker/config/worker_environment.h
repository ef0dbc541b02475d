/*
 * worker_environment: worker properties from CONNECT_… environment variables, as the common images of Kafka Connect have them.
 *
 * What follows CONNECT_ is put into lower case, then between other characters: _ is a dot, __ an underscore, ___ a dash; longer runs,
 * and those at an end, stay. CONNECT_BOOTSTRAP_SERVERS is bootstrap.servers. These are the rules the cp-kafka-connect images follow
 * (docs/container.md says where their older manual differs). Names with capitals cannot be said so: they need a file.
 *
 * A value is taken as it is, without the escapes of a file. A variable wins over the file. Values never stand in errors.
 * thread: start-up, before anything changes the environment.
 */
#ifndef CONFIG_WORKER_ENVIRONMENT_H
#define CONFIG_WORKER_ENVIRONMENT_H

#include <stddef.h>

struct mr_error;
struct string_map;

#define WORKER_ENVIRONMENT_NAME_MAX 1024 /* bytes of a variable's name, CONNECT_ included */

/* What the variables ("NAME=VALUE", NULL at the end) say; empty when there are none. NULL: two of them say the same property, a name is
 * too long, no memory. */
struct string_map *worker_environment_read(char *const *variables, struct mr_error **error);

#endif
