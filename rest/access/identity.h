/*
 * identity: who asks. Made by whoever checked the proof (login_file, jwt_validator, the TLS side for certificates), looked
 * at by access_decide.
 *
 * A name is 1 to IDENTITY_TEXT_MAX bytes of UTF-8 without control characters, so that it may stand in a log line and in an
 * answer. Groups and claims are texts as the issuer wrote them; their number is bounded. No secret is in here.
 * Life cycle: _create → _add… → read only → _destroy. One owner; reading from several threads is fine.
 */
#ifndef ACCESS_IDENTITY_H
#define ACCESS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ptr_array.h"

#define IDENTITY_TEXT_MAX 1024   /* bytes of a name, a group, a claim's name or value */
#define IDENTITY_GROUPS_MAX 2048
#define IDENTITY_CLAIMS_MAX 4096

/* How somebody logged in. Two that bear the same name and came by different ways are the same to the bindings. */
enum identity_login {
    IDENTITY_PASSWORD,      /* HTTP Basic, hashed file */
    IDENTITY_JAAS,          /* HTTP Basic, the properties file of the JVM's extension */
    IDENTITY_TOKEN,         /* Bearer JWT */
    IDENTITY_CERTIFICATE,   /* TLS client certificate */
    IDENTITY_WORKER,        /* a worker of this cluster that asks for itself (forwarding/caller.h), named "worker host:port" */
    IDENTITY_LOGIN_COUNT,
};
const char *identity_login_name(enum identity_login login);   /* "password", "jaas", "token", "certificate", "worker" */

struct identity_claim {
    char *name, *value;
};

struct identity {
    char *name;
    enum identity_login login;
    struct ptr_array groups;   /* char * */
    struct ptr_array claims;   /* struct identity_claim * */
};

/* May this be a name? */
bool identity_name_is_fit(const char *name, size_t length);

/* NULL: no memory. The name must be fit. */
struct identity *identity_create(const char *name, enum identity_login login);
void identity_destroy(struct identity *identity);

/* false: no memory, or the limit is reached; the identity is as before. */
bool identity_add_group(struct identity *identity, const char *group);
bool identity_add_claim(struct identity *identity, const char *name, const char *value);

bool identity_has_group(const struct identity *identity, const char *group);
bool identity_has_claim(const struct identity *identity, const char *name, const char *value);

#endif
