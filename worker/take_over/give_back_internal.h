/*
 * give_back_internal: what a JVM worker would read otherwise than ours did, put right before it does.
 */
#ifndef TAKE_OVER_GIVE_BACK_INTERNAL_H
#define TAKE_OVER_GIVE_BACK_INTERNAL_H

#include <jansson.h>

#include "take_over/cluster_reading.h"
#include "take_over/take_over.h"

/*
 * With exactly.once.source.support=disabled or preparing a JVM worker reads all records of the internal topics, also those of transactions
 * that were aborted; ours, where it wrote transactions, did not. Where both readings differ, what is valid is written once more, so that it
 * is the newest in either. A line of `notes` for each connector.
 */
int give_back_right(const struct take_over_setup *setup, const struct cluster_reading *reading, json_t *notes, struct mr_error **error);

#endif
