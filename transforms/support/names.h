/* names.h: a list of names from an option, copied, to look in. */
#ifndef TRANSFORMS_SUPPORT_NAMES_H
#define TRANSFORMS_SUPPORT_NAMES_H

#include <millrace/millrace.h>

struct name {
    char *text;
    size_t size;
};

/* Starts zeroed. */
struct names {
    struct name *items;
    size_t count;
};

/* false: no memory; what was added before stays. */
bool names_add(struct names *names, const char *text, size_t size);
bool names_add_list(struct names *names, const struct mr_config *config, const char *option);
/* The last one of that name: of what is given twice the later counts. -1: none. */
int64_t names_find(const struct names *names, struct mr_bytes name);
void names_release(struct names *names);

#endif
