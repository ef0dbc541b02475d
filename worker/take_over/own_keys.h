/*
 * own_keys: every kind of record that Millrace writes into the internal topics under keys of its own (docs/decisions/0007, 0010 to 0012).
 * All lie in the config topic; the status and offset topics hold Kafka Connect's records alone.
 *
 * Whoever adds a kind adds its row here: a test looks through the sources for keys that are missing. give_back removes also what no row
 * is for, so that records of a later build do not stay; it only cannot say what they were.
 */
#ifndef TAKE_OVER_OWN_KEYS_H
#define TAKE_OVER_OWN_KEYS_H

#include <stddef.h>

#define OWN_KEY_START "millrace-" /* of all of them */

struct own_key {
    const char *start; /* of the key; the whole key where there is one record of the kind */
    const char *what;  /* it is, for people */
};

size_t own_key_count(void);
const struct own_key *own_key_at(size_t i);
/* The row of that record's key; NULL: of a later build, or none of ours. */
const struct own_key *own_key_of(const char *key);

#endif
