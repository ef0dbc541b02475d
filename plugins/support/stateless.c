#include "stateless.h"

void *stateless_create(const struct mr_config *config, struct mr_error **error)
{
    static char instance; /* any pointer but NULL will do */
    (void)config;
    (void)error;
    return &instance;
}

void stateless_destroy(void *self)
{
    (void)self;
}
