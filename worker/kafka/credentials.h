/*
 * credentials: what open Kafka clients show to brokers, kept up to date while they run: certificates and keys, trusted authorities, and
 * the passwords of PLAIN and SCRAM, and the secret that tokens of OAUTHBEARER are asked for with.
 *
 * A client is opened with what its configuration says. From then on whoever keeps the credentials of this process looks from time to
 * time (credentials_look): files that have changed are read again, and what properties have come to say is used (credentials_replace).
 * No client is opened anew and no connection is cut: the next handshake or login, of any client, uses what counts then. So rotating
 * loses nothing and causes no rebalance, as long as the brokers take both the former and the present one for a while.
 *
 * What is of no use (a key without its certificate, a password that does not open its file) changes nothing: what was read before stays
 * in force, credentials_health says why, and the files are tried again.
 * Authorities are added to those that an open client trusts; one that was taken away is forgotten by clients opened later.
 *
 * One registry in a process, as clients are opened everywhere. thread: any, but for _look: one at a time; it reads files.
 */
#ifndef KAFKA_CREDENTIALS_H
#define KAFKA_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CREDENTIALS_WORDS_MAX 320

struct mr_error;

/* Is it a property (without a prefix) whose text credentials_replace takes? */
bool credentials_is_property(const char *property);

/* Where `property` of a client says `former`, `present` counts from now on: in open clients after the next look, in those opened later at
 * once, also where their configuration still has the former text. -1: no memory. */
int credentials_replace(const char *property, const char *former, const char *present, struct mr_error **error);

/* Brings open clients up to date. */
void credentials_look(int64_t now_ms);

struct credentials_health {
    size_t sets;        /* different credentials in use */
    bool is_failing;    /* something has changed and is of no use */
    char words[CREDENTIALS_WORDS_MAX]; /* why; names property and remedy, no secret */
    int64_t expires_s;  /* since 1970, of the client certificate that ends first; 0: there is none */
    uint64_t renewed;   /* how often something new was taken into use */
};
void credentials_health(struct credentials_health *health);

/* Forgets what was replaced; for tests. */
void credentials_forget_all(void);

#endif
