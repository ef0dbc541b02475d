/* descriptors: a moment in which the process can open nothing, as when it has too many files open. */
#ifndef SUPPORT_DESCRIPTORS_H
#define SUPPORT_DESCRIPTORS_H

#include <sys/resource.h>

/* What is open stays so. Give back what this returns. */
static inline struct rlimit descriptors_deny(void)
{
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    return before;
}

static inline void descriptors_allow(struct rlimit before)
{
    setrlimit(RLIMIT_NOFILE, &before);
}

#endif
