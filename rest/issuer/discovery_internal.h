/*
 * discovery: addresses of an issuer, and its discovery document. Pure.
 */
#ifndef ISSUER_DISCOVERY_INTERNAL_H
#define ISSUER_DISCOVERY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct mr_error;

#define DISCOVERY_URL_MAX 2048
#define DISCOVERY_WORDS_MAX 200

/* May this be asked? https, or http on the loopback (literal addresses and localhost), or anywhere when allowed; a host; no user in
 * it, no fragment, nothing that has to be escaped. NULL: yes; else why not, static. */
const char *discovery_url_problem(const char *url, bool allows_http);

/* Where the issuer's document is; the caller frees it (mem_free). NULL: no memory. */
char *discovery_url_of(const char *issuer);

/* jwks_uri of the document; the caller frees it. NULL: MR_ERR_CONFIG: no such document, that of another issuer, or an address
 * that may not be asked; or MR_ERR_NO_MEMORY. */
char *discovery_keys_url(const char *text, size_t length, const char *issuer, bool allows_http, struct mr_error **error);

#endif
