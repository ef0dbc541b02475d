/*
 * basic: the credentials of an `Authorization: Basic …` header (RFC 7617, UTF-8).
 *
 * The password is a secret: it is wiped by _release, and nothing here writes it anywhere. Pure; any thread.
 */
#ifndef ACCESS_BASIC_H
#define ACCESS_BASIC_H

#include <stdbool.h>

#define BASIC_PASSWORD_MAX 512   /* bytes: libxcrypt hashes no more */
#define BASIC_HEADER_MAX 4096    /* of the header's value; longer is no login */

struct basic_credentials {
    char *user, *password;   /* never NULL after a true; a password may be empty */
};

/* Is the header of this scheme at all? So that a Bearer token is not taken for a broken login. */
bool basic_is_scheme(const char *header);

/* false: not such a header, or malformed (a name that is not fit, a NUL, no colon, too long), or no memory; nothing is held. */
bool basic_parse(struct basic_credentials *credentials, const char *header);
void basic_release(struct basic_credentials *credentials);

#endif
