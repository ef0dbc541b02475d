/*
 * random: bytes that nobody can foresee, from the system (getrandom(2)); for keys and nonces. thread: any.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* All of them, also when signals come in between. false: the system gives none; what the bytes hold then is not to be used. */
bool random_fill(void *bytes, size_t size);

#endif
