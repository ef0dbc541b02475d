/* native_advice.c: what librdkafka and brokers say of a login or handshake that failed, in the names of the properties that mend it. */
#include "kafka/native_internal.h"

#include <string.h>

#include "base/bans.h"

/* The first row whose words all occur. `refuses`: nothing but other settings, or another broker, helps. */
static const struct row {
    const char *words, *and_words;
    bool refuses;
    const char *advice;
} rows[] = {
    {"Unsupported SASL mechanism", "", true, "sasl.mechanism: these brokers do not offer it; choose one of those they name, with its login "
     "module in sasl.jaas.config"},
    {"SASL", "uthentication", true, "sasl.jaas.config: the brokers do not take this login; correct user and password, or what fetches the token, in the "
     "worker's properties, bare and under producer., consumer. and admin., or in the connector's overrides"},
    {"mismatch", "certificate", true, "bootstrap.servers: the brokers' certificate is for other names; use one of those, or leave "
     "ssl.endpoint.identification.algorithm empty to skip the check"},
    {"certificate verify failed", "", true, "ssl.truststore.location: the authority that issued the brokers' certificate is not among the "
     "trusted; put its certificate there"},
    {"alert certificate expired", "", true, "ssl.keystore.location: the client certificate has expired; put a new one there"},
    {"alert certificate required", "", true, "ssl.keystore.location: the brokers want a client certificate; name a PEM or PKCS12 file there"},
    {"alert bad certificate", "", true, "ssl.keystore.location: the brokers want a client certificate that they accept; name a PEM or PKCS12 file "
     "there"},
    {"alert certificate unknown", "", true, "ssl.keystore.location: the brokers do not accept this client certificate; it must not have expired, and "
     "the brokers must trust who issued it"},
    {"alert unknown ca", "", true, "ssl.keystore.location: the brokers do not trust who issued this client certificate"},
    {"alert handshake failure", "", true, "ssl.cipher.suites, ssl.keystore.location: no cipher suite in common, or the brokers want another client "
     "certificate"},
    {"alert protocol version", "", true, "ssl.enabled.protocols: these brokers speak other versions of TLS"},
    {"wrong version number", "", true, "security.protocol: this port of the brokers does not speak TLS; use the port of the listener that does, or "
     "PLAINTEXT or SASL_PLAINTEXT"},
    {"incorrect security.protocol", "", false, "security.protocol: if this port of the brokers wants TLS or a login, set SSL, SASL_SSL or "
     "SASL_PLAINTEXT"},
};

static const struct row *row_of(const char *words)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strstr(words, rows[i].words) != NULL && strstr(words, rows[i].and_words) != NULL)
            return &rows[i];
    }
    return NULL;
}

const char *native_advice(const char *words)
{
    const struct row *row = row_of(words);
    return row != NULL ? row->advice : NULL;
}

bool native_words_refuse(const char *words)
{
    const struct row *row = row_of(words);
    return row != NULL && row->refuses && strstr(words, ": Local: ") == NULL && strstr(words, "Disconnected") == NULL;
}
