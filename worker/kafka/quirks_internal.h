/*
 * quirks: what the librdkafka in use cannot do, in one table by version (quirks.c). Asked at run time: the library is
 * often not the one that was compiled against.
 */
#ifndef KAFKA_QUIRKS_INTERNAL_H
#define KAFKA_QUIRKS_INTERNAL_H

#include <stdbool.h>

enum quirk {
    QUIRK_NO_FETCH_QUEUE_BACKOFF,      /* a full fetch queue is looked at again only after 1 s */
    QUIRK_NO_RETRY_BACKOFF_MAX,        /* retry.backoff.max.ms is not known */
    QUIRK_NO_DNS_LOOKUP,               /* client.dns.lookup is not known */
    QUIRK_NO_CONSUMER_PROTOCOL,        /* group.protocol=consumer (KIP-848) is not known */
    QUIRK_NO_REBOOTSTRAP,              /* metadata.recovery.strategy is not known */
    QUIRK_IDEMPOTENT_DISCONNECT_FATAL, /* an idempotent producer may end in a fatal error after a disconnect */
    QUIRK_CLOSE_HANGS,                 /* rd_kafka_consumer_close may hang after a lost partition */
    QUIRK_EMPTY_MEMBER_STAYS,          /* closing a cooperative member without partitions sends no LeaveGroup */
    QUIRK_FIRST_RECORD_LATE,           /* metadata asked for by produce alone may take 1 s */
};

bool quirk_present(enum quirk quirk);

#endif
