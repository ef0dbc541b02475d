/* graveyard's back room: burying a handle that nobody holds any more. */
#ifndef KAFKA_GRAVEYARD_INTERNAL_H
#define KAFKA_GRAVEYARD_INTERNAL_H

#include "kafka/graveyard.h"

struct native_handle;

/* Shared with every handle: a batch may be dropped after the graveyard was closed. */
struct graveyard *graveyard_take(struct graveyard *graveyard);
void graveyard_drop(struct graveyard *graveyard);

/* Counts a handle from its opening on. */
void graveyard_expect(struct graveyard *graveyard);
/* Takes the handle, with its rk. thread: any. */
void graveyard_bury(struct graveyard *graveyard, struct native_handle *handle);

#endif
