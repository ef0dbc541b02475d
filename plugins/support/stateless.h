/* stateless: create and destroy of plugins whose instances have neither options nor state. One instance serves all. */
#ifndef SUPPORT_STATELESS_H
#define SUPPORT_STATELESS_H

#include <millrace/config_def.h>

void *stateless_create(const struct mr_config *config, struct mr_error **error);
void stateless_destroy(void *self);

#endif
