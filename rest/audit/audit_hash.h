/*
 * audit_hash: fingerprints for the record, which tell whether something is the same and nothing else.
 *
 * A configuration may hold a short password beside options that many can read: a plain hash of it could be tried out offline by whoever
 * reads the record. So it is HMAC-SHA-256 under a key that stands in no record: `millrace.audit.hash.key`, the same on all workers, or,
 * where that is not set, a random one that ends with the process. Replacing secret-looking values before hashing was not taken:
 * a plugin that forgets to call its option a password would give it away, and a changed password would leave no trace.
 * The text names its key by eight digits: hashes with the same ones can be compared.
 */
#ifndef AUDIT_AUDIT_HASH_H
#define AUDIT_AUDIT_HASH_H

#include <stdbool.h>
#include <stddef.h>

#define AUDIT_HASH_SIZE 86   /* "hmac-sha256:KKKKKKKK:" and 64 hex digits */
#define AUDIT_DIGEST_SIZE 65 /* hex digits of SHA-256 */

struct audit;
struct string_map;

/* As it is stored, references unresolved; the order of its options does not matter. "" and false: no memory. */
bool audit_hash_config(const struct audit *audit, const struct string_map *config, char text[AUDIT_HASH_SIZE]);

/* Of a file as it is now. false: it cannot be read, the text is "". */
bool audit_digest_file(const char *path, char text[AUDIT_DIGEST_SIZE]);

#endif
