/* Whether the files count that say who may do what, and until when listeners show a good certificate. */
#include "base/thread.h"
#include "metrics/reading_internal.h"

#include "base/bans.h"

static void write_gauge(struct metrics_text *text, const char *name, const char *help, double value)
{
    metrics_text_family(text, name, METRIC_GAUGE, help);
    metrics_text_sample(text, NULL, NULL, value);
}

static void write_credentials(struct metrics_text *text, const struct credentials_reading *reading)
{
    if (!reading->is_in_use)
        return;
    write_gauge(text, "millrace_kafka_credentials_failing",
                "1 while changed certificates or passwords for Kafka cannot be used and the former ones stay in force, else 0.",
                reading->is_failing ? 1 : 0);
    metrics_text_family(text, "millrace_kafka_credentials_renewed_total", METRIC_COUNTER,
                        "How often certificates, authorities or passwords for Kafka were replaced in open clients.");
    metrics_text_sample(text, NULL, NULL, (double)reading->renewed);
    if (reading->certificate_expires_s != 0)
        write_gauge(text, "millrace_kafka_certificate_expires_timestamp_seconds",
                    "When the client certificate for Kafka expires, in seconds since 1970; of several the earliest.",
                    (double)reading->certificate_expires_s);
}

void access_families_write(struct metrics_text *text, struct metrics_registry *registry)
{
    mutex_lock(&registry->lock);
    struct access_reading reading = registry->access;
    struct credentials_reading credentials = registry->credentials;
    mutex_unlock(&registry->lock);

    write_credentials(text, &credentials);

    if (reading.has_logins)
        write_gauge(text, "millrace_access_file_failing",
                    "1 while changed logins or bindings cannot be used and the former ones stay in force, else 0.",
                    reading.is_failing ? 1 : 0);
    if (!reading.has_certificate)
        return;
    write_gauge(text, "millrace_certificate_file_failing",
                "1 while changed certificates cannot be used and the former ones stay in force, else 0.",
                reading.certificate_is_failing ? 1 : 0);
    write_gauge(text, "millrace_certificate_expires_timestamp_seconds",
                "When the certificate of the https listeners expires, in seconds since 1970; of two the earlier.",
                (double)reading.certificate_expires_s);
}
