/*
 * login_users: the texts behind login_file: who is in them. Pure; any thread.
 */
#ifndef ACCESS_LOGIN_USERS_INTERNAL_H
#define ACCESS_LOGIN_USERS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ptr_array.h"

#define LOGIN_DIGEST_SIZE 32
#define LOGIN_USERS_NO_MEMORY "no memory"

struct pointer_map;

struct login_user {
    char *secret;              /* a hash, or a plain password; wiped when freed */
    struct ptr_array groups;   /* char * */
    int64_t remembered_until_ms; /* monotonic: until then digest is that of a password which was right */
    unsigned char digest[LOGIN_DIGEST_SIZE];
};

/* Name → struct login_user, in the order of the text. NULL: why says so: "line 3: …", LOGIN_USERS_NO_MEMORY. No user at all is fine. */
struct pointer_map *login_users_parse_hashed(const char *text, size_t length, char *why, size_t why_size);
struct pointer_map *login_users_parse_properties(const char *text, size_t length, char *why, size_t why_size);

#endif
