/* A shared library that is no plugin: it has another entry. */
#include "idle.h"

MR_EXPORT int entry_of_something_else(void);

int entry_of_something_else(void)
{
    return 0;
}
