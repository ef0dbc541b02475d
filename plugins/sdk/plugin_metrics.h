/*
 * plugin_metrics: the metrics that one plugin instance registers for itself (KIP-877).
 *
 * A fixed table of MR_METRICS_MAX places. Registering takes a lock; updating a metric and reading all of them do not:
 * places fill one after the other and what a place says besides its value never changes. Registering a name again gives
 * the same metric if it is of the same kind, else NULL.
 *
 * A counter only rises: mr_metric_set on a counter, a negative or NaN amount are ignored. A gauge takes anything.
 *
 * Life cycle: _create → instance lives → instance destroyed → _destroy. A plugin ends its threads before its destroy
 * returns, so nobody updates a metric after. Thread: any.
 */
#ifndef SDK_PLUGIN_METRICS_H
#define SDK_PLUGIN_METRICS_H

#include "sdk/inside.h"

#include <millrace/host.h>

enum plugin_metric_kind { PLUGIN_METRIC_COUNTER = 1, PLUGIN_METRIC_GAUGE };

#define PLUGIN_METRIC_NAME_MAX 255 /* bytes; a longer or empty name is refused */
#define PLUGIN_METRIC_DOC_MAX 1023 /* bytes; longer ones are cut at a character */

struct plugin_metric_reading {
    enum plugin_metric_kind kind;
    const char *name, *doc; /* never NULL; live as long as the metrics */
    double value;
};

MR_EXPORT struct mr_metrics *plugin_metrics_create(void); /* NULL: no memory */
MR_EXPORT void plugin_metrics_destroy(struct mr_metrics *metrics);

/* In the order of registration; 0 <= index < count. The count only rises. NULL metrics have none. */
MR_EXPORT size_t plugin_metrics_count(const struct mr_metrics *metrics);
MR_EXPORT struct plugin_metric_reading plugin_metrics_read(const struct mr_metrics *metrics, size_t index);

#endif
