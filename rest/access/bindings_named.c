/* What of an identity any binding could look at. */
#include <string.h>

#include "access/bindings_internal.h"

#include "base/bans.h"

static bool has_text(const struct ptr_array *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) == 0)
            return true;
    return false;
}

bool bindings_name_group(const struct bindings *bindings, const char *group)
{
    for (size_t i = 0; i < bindings->list.count; i++) {
        const struct binding *binding = bindings->list.items[i];
        if (has_text(&binding->groups, group))
            return true;
    }
    return false;
}

static bool names_claim(const struct binding *binding, const char *name, const char *value)
{
    for (size_t i = 0; i < binding->claims.count; i++) {
        const struct binding_claim *claim = binding->claims.items[i];
        if (strcmp(claim->name, name) == 0 && has_text(&claim->values, value))
            return true;
    }
    return false;
}

bool bindings_name_claim(const struct bindings *bindings, const char *name, const char *value)
{
    for (size_t i = 0; i < bindings->list.count; i++)
        if (names_claim(bindings->list.items[i], name, value))
            return true;
    return false;
}
