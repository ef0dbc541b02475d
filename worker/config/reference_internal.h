/*
 * reference_internal: where ${provider:path:key} stands in a text. As Kafka's ConfigTransformer reads it:
 * \$\{([^}]*?):(([^}]*?):)?([^}]*?)\}, the leftmost match first.
 */
#ifndef CONFIG_REFERENCE_INTERNAL_H
#define CONFIG_REFERENCE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct text_part {
    const char *at;
    size_t length;
};

struct reference {
    struct text_part whole, provider, path, key; /* without a path: an empty one */
};

/* The first reference at or after `text`; false: there is none. */
bool reference_find(const char *text, struct reference *reference);

#endif
