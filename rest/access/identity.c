#include "access/identity.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#include "base/bans.h"

const char *identity_login_name(enum identity_login login)
{
    static const char *const names[] = {
        [IDENTITY_PASSWORD] = "password",
        [IDENTITY_JAAS] = "jaas",
        [IDENTITY_TOKEN] = "token",
        [IDENTITY_CERTIFICATE] = "certificate",
        [IDENTITY_WORKER] = "worker",
    };
    assert((size_t)login < IDENTITY_LOGIN_COUNT);
    return names[login];
}

bool identity_name_is_fit(const char *name, size_t length)
{
    if (length == 0 || length > IDENTITY_TEXT_MAX || !utf8_valid(name, length))
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (unsigned char)name[i + 1] < 0xa0)) /* C0, DEL, C1 */
            return false;
    }
    return true;
}

static void claim_free(void *item)
{
    struct identity_claim *claim = item;
    mem_free(claim->name);
    mem_free(claim->value);
    mem_free(claim);
}

struct identity *identity_create(const char *name, enum identity_login login)
{
    assert(identity_name_is_fit(name, strlen(name)));
    struct identity *identity = mem_calloc(1, sizeof(*identity));
    if (identity == NULL)
        return NULL;
    identity->name = mem_strdup(name);
    identity->login = login;
    ptr_array_init(&identity->groups, mem_free);
    ptr_array_init(&identity->claims, claim_free);
    if (identity->name == NULL) {
        identity_destroy(identity);
        return NULL;
    }
    return identity;
}

void identity_destroy(struct identity *identity)
{
    if (identity == NULL)
        return;
    ptr_array_release(&identity->groups);
    ptr_array_release(&identity->claims);
    mem_free(identity->name);
    mem_free(identity);
}

bool identity_add_group(struct identity *identity, const char *group)
{
    if (identity->groups.count >= IDENTITY_GROUPS_MAX)
        return false;
    char *copy = mem_strdup(group);
    if (copy == NULL || !ptr_array_push(&identity->groups, copy)) {
        mem_free(copy);
        return false;
    }
    return true;
}

bool identity_add_claim(struct identity *identity, const char *name, const char *value)
{
    if (identity->claims.count >= IDENTITY_CLAIMS_MAX)
        return false;
    struct identity_claim *claim = mem_calloc(1, sizeof(*claim));
    if (claim == NULL)
        return false;
    claim->name = mem_strdup(name);
    claim->value = mem_strdup(value);
    if (claim->name == NULL || claim->value == NULL || !ptr_array_push(&identity->claims, claim)) {
        claim_free(claim);
        return false;
    }
    return true;
}

bool identity_has_group(const struct identity *identity, const char *group)
{
    for (size_t i = 0; i < identity->groups.count; i++)
        if (strcmp(identity->groups.items[i], group) == 0)
            return true;
    return false;
}

bool identity_has_claim(const struct identity *identity, const char *name, const char *value)
{
    for (size_t i = 0; i < identity->claims.count; i++) {
        const struct identity_claim *claim = identity->claims.items[i];
        if (strcmp(claim->name, name) == 0 && strcmp(claim->value, value) == 0)
            return true;
    }
    return false;
}
