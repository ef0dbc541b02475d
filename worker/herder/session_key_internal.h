/*
 * session_key_internal: the key under which workers sign what they ask of each other. It stands in the config topic, so whoever may
 * read that may ask. Only with connect.protocol=sessioned, only by the leader: a key is written when there is none, when
 * inter.worker.key.ttl.ms has passed since its making, or when its algorithm or size is not what this worker is told to use. A new leader
 * goes on with the key it finds (KIP-507).
 *
 * Nothing is remembered: the snapshot says what is due, and a write looks again when its turn has come, so that calls that come too
 * often do no harm.
 */
#ifndef HERDER_SESSION_KEY_INTERNAL_H
#define HERDER_SESSION_KEY_INTERNAL_H

#include <stdint.h>

struct herder;

/* To be called while this worker leads: posts a job that writes a key if one is due. Returns after how many milliseconds it wants to be
 * called again at the latest. thread: herder. */
int64_t session_key_tend(struct herder *herder);

#endif
