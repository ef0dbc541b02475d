/*
 * Refused calls beyond the lines of a second, by kind: who, from where, what, which status. Nobody's are lost among another's.
 *
 * A client is a user and a network: whoever has an IPv6 host has 2^64 addresses, and could fill the disk with a line for each.
 */
#include <string.h>

#include "audit/audit_internal.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/network.h"

#include "base/bans.h"

#define CLIENT_KINDS_MAX 32 /* of one client; whatever else it does is one kind more for each status (key_of_rest) */

static uint64_t hash_text(const struct audit_surplus *surplus, const char *text, uint64_t seed)
{
    return text == NULL ? seed : hash_bytes(text, strlen(text) + 1, seed ^ surplus->seed);
}

static uint64_t client_of(const struct audit_surplus *surplus, const struct audit_call *call)
{
    char network[NETWORK_SIZE];
    network_of(call->address == NULL ? "" : call->address, network);
    return hash_text(surplus, network, hash_text(surplus, call->user, call->is_forwarded));
}

static size_t kinds_of_client(const struct audit_surplus *surplus, uint64_t client)
{
    size_t count = 0;
    for (size_t i = 0; i < surplus->kind_count; i++)
        count += surplus->kinds[i].client == client;
    return count;
}

static struct audit_kind *find(struct audit_surplus *surplus, uint64_t client, const char *key, int status)
{
    for (size_t i = 0; i < surplus->kind_count; i++) {
        struct audit_kind *kind = &surplus->kinds[i];
        if (kind->client == client && kind->status == status && strcmp(kind->key, key) == 0)
            return kind;
    }
    return NULL;
}

/* NULL: no memory. */
static char *key_of(const struct audit_call *call)
{
    struct str_buffer members;
    str_buffer_init(&members, AUDIT_MEMBERS_MAX);
    audit_members_of_kind(&members, call);
    char *key = str_buffer_take(&members, NULL);
    str_buffer_release(&members);
    return key;
}

/* Nothing that the client may choose stands in it. */
static char *key_of_rest(const struct audit_call *call)
{
    char network[NETWORK_SIZE];
    struct audit_call rest = {.user = call->user, .login = call->login, .address = network, .is_forwarded = call->is_forwarded};
    network_of(call->address == NULL ? "" : call->address, network);
    return key_of(&rest);
}

static char *members_of(const struct audit_call *call)
{
    struct str_buffer members;
    str_buffer_init(&members, AUDIT_MEMBERS_MAX);
    audit_members_of_call(&members, call);
    char *text = str_buffer_take(&members, NULL);
    str_buffer_release(&members);
    return text;
}

/* Takes the key. */
static bool add_kind(struct audit_surplus *surplus, uint64_t client, char *key, const struct audit_call *call, int status)
{
    char *first = surplus->kind_count < AUDIT_KINDS_MAX ? members_of(call) : NULL;
    if (first == NULL) {
        mem_free(key);
        return false;
    }
    surplus->kinds[surplus->kind_count++] = (struct audit_kind){
        .client = client, .key = key, .first = first, .status = status, .first_ms = surplus->now_ms, .count = 1};
    return true;
}

static bool count_kind(struct audit_surplus *surplus, const struct audit_call *call, int status)
{
    uint64_t client = client_of(surplus, call);
    char *key = key_of(call);
    struct audit_kind *kind = key == NULL ? NULL : find(surplus, client, key, status);
    if (key != NULL && kind == NULL && kinds_of_client(surplus, client) >= CLIENT_KINDS_MAX) {
        mem_free(key);
        key = key_of_rest(call);
        kind = key == NULL ? NULL : find(surplus, client, key, status);
    }
    if (key == NULL)
        return false;
    if (kind == NULL)
        return add_kind(surplus, client, key, call, status);
    kind->count++;
    mem_free(key);
    return true;
}

void audit_surplus_count(struct audit_surplus *surplus, const struct audit_call *call, int status, int64_t now_ms)
{
    if (surplus->kind_count == 0)
        surplus->seed = hash_seed(surplus);
    surplus->now_ms = now_ms;
    if (!count_kind(surplus, call, status))
        surplus->unnamed++;
}

bool audit_surplus_is_empty(const struct audit_surplus *surplus)
{
    return surplus->kind_count == 0 && surplus->unnamed == 0;
}

bool audit_surplus_is_full(const struct audit_surplus *surplus)
{
    return surplus->kind_count == AUDIT_KINDS_MAX || surplus->unnamed > 0;
}

void audit_surplus_clear(struct audit_surplus *surplus)
{
    for (size_t i = 0; i < surplus->kind_count; i++) {
        mem_free(surplus->kinds[i].key);
        mem_free(surplus->kinds[i].first);
    }
    surplus->kind_count = 0;
    surplus->unnamed = 0;
}

uint64_t audit_surplus_append(struct str_buffer *out, const char *worker, uint64_t seq, int64_t now_ms, const struct audit_surplus *surplus)
{
    for (size_t i = 0; i < surplus->kind_count; i++)
        audit_kind_append(out, worker, ++seq, now_ms, &surplus->kinds[i]);
    if (surplus->unnamed > 0)
        audit_unnamed_append(out, worker, ++seq, now_ms, surplus->unnamed);
    return seq;
}
