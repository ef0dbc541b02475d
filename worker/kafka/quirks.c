/* quirks.c: the one table of differences between librdkafka releases. Found by measuring (docs/decisions) or in its
 * change log. A quirk that is not present costs nothing; one without end is worked around in every version. */
#include "kafka/quirks_internal.h"

#include <librdkafka/rdkafka.h>

#define VERSION(major, minor, patch) ((major) << 24 | (minor) << 16 | (patch) << 8)
#define NEVER 0x7fffffff

static const int fixed_in[] = {
    [QUIRK_NO_FETCH_QUEUE_BACKOFF] = VERSION(2, 2, 0),
    [QUIRK_NO_RETRY_BACKOFF_MAX] = VERSION(2, 3, 0),
    [QUIRK_NO_DNS_LOOKUP] = VERSION(2, 2, 0),
    [QUIRK_NO_CONSUMER_PROTOCOL] = VERSION(2, 12, 0),
    [QUIRK_NO_REBOOTSTRAP] = VERSION(2, 10, 0),
    [QUIRK_IDEMPOTENT_DISCONNECT_FATAL] = VERSION(2, 3, 0),
    [QUIRK_CLOSE_HANGS] = VERSION(2, 4, 0),
    [QUIRK_EMPTY_MEMBER_STAYS] = NEVER,
    [QUIRK_FIRST_RECORD_LATE] = VERSION(2, 10, 1),
};

bool quirk_present(enum quirk quirk)
{
    return (rd_kafka_version() & ~0xff) < fixed_in[quirk];
}
