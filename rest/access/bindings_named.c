/* What of an identity any binding could look at, and what a binding leaves open. */
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

static bool leaves_logins_open(const struct binding *binding)
{
    size_t anybody = has_text(&binding->users, "*") ? 1 : 0;
    return binding->logins == 0 && binding->users.count + binding->groups.count > anybody;
}

const char *bindings_without_logins(const struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->list.count; i++) {
        const struct binding *binding = bindings->list.items[i];
        if (leaves_logins_open(binding))
            return binding->name;
    }
    return NULL;
}

static const char *unknown_user_of(const struct binding *binding, bindings_has_user_fn *has_user, void *argument)
{
    for (size_t i = 0; i < binding->users.count; i++) {
        const char *user = binding->users.items[i];
        if (strcmp(user, "*") != 0 && !has_user(argument, user))
            return user;
    }
    return NULL;
}

const char *bindings_unknown_user(const struct bindings *bindings, bindings_has_user_fn *has_user, void *argument, const char **binding)
{
    for (size_t i = 0; i < bindings->list.count; i++) {
        const struct binding *one = bindings->list.items[i];
        bool may = one->logins == 0 || (one->logins & BINDING_PASSWORD) != 0;
        const char *user = may ? unknown_user_of(one, has_user, argument) : NULL;
        *binding = one->name;
        if (user != NULL)
            return user;
    }
    return NULL;
}
