/*
 * The options of Kafka's clients, for overrides in connectors: names, types and defaults as in Kafka 4.3.1's definitions of
 * producer, consumer and admin client. What librdkafka makes of them is the business of worker/kafka.
 */
#include <millrace/override_policy.h>

#include "config/connector_internal.h"

#include "base/bans.h"

#define OPTION(name_, type_, default_, importance_)                                                                    \
    {                                                                                                                  \
        .name = (name_), .type = MR_CONFIG_##type_, .default_text = (default_), .importance = MR_##importance_,        \
        .doc = "A setting of the Kafka client, as in Kafka's documentation of its clients."                            \
    }
#define METRICS "org.apache.kafka.common.metrics."
#define OAUTH "org.apache.kafka.common.security.oauthbearer."
#define ASSIGNOR "class org.apache.kafka.clients.consumer."

/* All clients ----------------------------------------------------------------------------------------------------- */

static const struct mr_config_row security_rows[] = {
    OPTION("security.protocol", STRING, "PLAINTEXT", MEDIUM),
    OPTION("security.providers", STRING, NULL, LOW),
    OPTION("ssl.protocol", STRING, "TLSv1.3", MEDIUM),
    OPTION("ssl.provider", STRING, NULL, MEDIUM),
    OPTION("ssl.cipher.suites", LIST, "", LOW),
    OPTION("ssl.enabled.protocols", LIST, "TLSv1.2,TLSv1.3", MEDIUM),
    OPTION("ssl.keystore.type", STRING, "JKS", MEDIUM),
    OPTION("ssl.keystore.location", STRING, NULL, HIGH),
    OPTION("ssl.keystore.password", PASSWORD, NULL, HIGH),
    OPTION("ssl.key.password", PASSWORD, NULL, HIGH),
    OPTION("ssl.keystore.key", PASSWORD, NULL, HIGH),
    OPTION("ssl.keystore.certificate.chain", PASSWORD, NULL, HIGH),
    OPTION("ssl.truststore.certificates", PASSWORD, NULL, HIGH),
    OPTION("ssl.truststore.type", STRING, "JKS", MEDIUM),
    OPTION("ssl.truststore.location", STRING, NULL, HIGH),
    OPTION("ssl.truststore.password", PASSWORD, NULL, HIGH),
    OPTION("ssl.keymanager.algorithm", STRING, "SunX509", LOW),
    OPTION("ssl.trustmanager.algorithm", STRING, "PKIX", LOW),
    OPTION("ssl.endpoint.identification.algorithm", STRING, "https", LOW),
    OPTION("ssl.secure.random.implementation", STRING, NULL, LOW),
    OPTION("ssl.engine.factory.class", CLASS, NULL, LOW),
    OPTION("sasl.kerberos.service.name", STRING, NULL, MEDIUM),
    OPTION("sasl.kerberos.kinit.cmd", STRING, "/usr/bin/kinit", LOW),
    OPTION("sasl.kerberos.ticket.renew.window.factor", DOUBLE, "0.8", LOW),
    OPTION("sasl.kerberos.ticket.renew.jitter", DOUBLE, "0.05", LOW),
    OPTION("sasl.kerberos.min.time.before.relogin", LONG, "60000", LOW),
    OPTION("sasl.login.refresh.window.factor", DOUBLE, "0.8", LOW),
    OPTION("sasl.login.refresh.window.jitter", DOUBLE, "0.05", LOW),
    OPTION("sasl.login.refresh.min.period.seconds", SHORT, "60", LOW),
    OPTION("sasl.login.refresh.buffer.seconds", SHORT, "300", LOW),
    OPTION("sasl.mechanism", STRING, "GSSAPI", MEDIUM),
    OPTION("sasl.jaas.config", PASSWORD, NULL, MEDIUM),
    OPTION("sasl.client.callback.handler.class", CLASS, NULL, MEDIUM),
    OPTION("sasl.login.callback.handler.class", CLASS, NULL, MEDIUM),
    OPTION("sasl.login.class", CLASS, NULL, MEDIUM),
    OPTION("sasl.login.connect.timeout.ms", INT, NULL, LOW),
    OPTION("sasl.login.read.timeout.ms", INT, NULL, LOW),
    OPTION("sasl.login.retry.backoff.max.ms", LONG, "10000", LOW),
    OPTION("sasl.login.retry.backoff.ms", LONG, "100", LOW),
    OPTION("sasl.oauthbearer.jwt.retriever.class", CLASS, OAUTH "DefaultJwtRetriever", MEDIUM),
    OPTION("sasl.oauthbearer.jwt.validator.class", CLASS, OAUTH "DefaultJwtValidator", MEDIUM),
    OPTION("sasl.oauthbearer.scope", STRING, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.client.credentials.client.id", STRING, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.client.credentials.client.secret", PASSWORD, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.assertion.algorithm", STRING, "RS256", MEDIUM),
    OPTION("sasl.oauthbearer.assertion.claim.aud", STRING, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.assertion.claim.exp.seconds", INT, "300", LOW),
    OPTION("sasl.oauthbearer.assertion.claim.iss", STRING, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.assertion.claim.jti.include", BOOLEAN, "false", MEDIUM),
    OPTION("sasl.oauthbearer.assertion.claim.nbf.seconds", INT, "60", LOW),
    OPTION("sasl.oauthbearer.assertion.claim.sub", STRING, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.assertion.file", STRING, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.assertion.private.key.file", STRING, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.assertion.private.key.passphrase", PASSWORD, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.assertion.template.file", STRING, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.scope.claim.name", STRING, "scope", LOW),
    OPTION("sasl.oauthbearer.sub.claim.name", STRING, "sub", LOW),
    OPTION("sasl.oauthbearer.token.endpoint.url", STRING, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.jwks.endpoint.url", STRING, NULL, MEDIUM),
    OPTION("sasl.oauthbearer.jwks.endpoint.refresh.ms", LONG, "3600000", LOW),
    OPTION("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", LONG, "10000", LOW),
    OPTION("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", LONG, "100", LOW),
    OPTION("sasl.oauthbearer.clock.skew.seconds", INT, "30", LOW),
    OPTION("sasl.oauthbearer.expected.audience", LIST, "", HIGH),
    OPTION("sasl.oauthbearer.expected.issuer", STRING, NULL, HIGH),
    OPTION("sasl.oauthbearer.header.urlencode", BOOLEAN, "false", LOW),
};

static const struct mr_config_row common_rows[] = {
    OPTION("client.dns.lookup", STRING, "use_all_dns_ips", MEDIUM),
    OPTION("send.buffer.bytes", INT, "131072", MEDIUM),
    OPTION("reconnect.backoff.ms", LONG, "50", LOW),
    OPTION("reconnect.backoff.max.ms", LONG, "1000", LOW),
    OPTION("retry.backoff.ms", LONG, "100", LOW),
    OPTION("retry.backoff.max.ms", LONG, "1000", LOW),
    OPTION("request.timeout.ms", INT, "30000", MEDIUM),
    OPTION("metadata.max.age.ms", LONG, "300000", LOW),
    OPTION("metrics.sample.window.ms", LONG, "30000", LOW),
    OPTION("metrics.num.samples", INT, "2", LOW),
    OPTION("metrics.recording.level", STRING, "INFO", LOW),
    OPTION("metric.reporters", LIST, METRICS "JmxReporter", LOW),
    OPTION("socket.connection.setup.timeout.ms", LONG, "10000", MEDIUM),
    OPTION("socket.connection.setup.timeout.max.ms", LONG, "30000", MEDIUM),
    OPTION("metadata.recovery.strategy", STRING, "rebootstrap", LOW),
    OPTION("metadata.recovery.rebootstrap.trigger.ms", LONG, "300000", LOW),
    OPTION("config.providers", LIST, "", LOW),
};

/* One kind each --------------------------------------------------------------------------------------------------- */

static const struct mr_config_row producer_rows[] = {
    OPTION("bootstrap.servers", LIST, MR_REQUIRED, HIGH),
    OPTION("buffer.memory", LONG, "33554432", HIGH),
    OPTION("retries", INT, "2147483647", HIGH),
    OPTION("acks", STRING, "all", LOW),
    OPTION("compression.type", STRING, "none", HIGH),
    OPTION("compression.gzip.level", INT, "-1", MEDIUM),
    OPTION("compression.lz4.level", INT, "9", MEDIUM),
    OPTION("compression.zstd.level", INT, "3", MEDIUM),
    OPTION("batch.size", INT, "16384", MEDIUM),
    OPTION("partitioner.adaptive.partitioning.enable", BOOLEAN, "true", LOW),
    OPTION("partitioner.availability.timeout.ms", LONG, "0", LOW),
    OPTION("partitioner.ignore.keys", BOOLEAN, "false", MEDIUM),
    OPTION("linger.ms", LONG, "5", MEDIUM),
    OPTION("delivery.timeout.ms", INT, "120000", MEDIUM),
    OPTION("client.id", STRING, "", MEDIUM),
    OPTION("receive.buffer.bytes", INT, "32768", MEDIUM),
    OPTION("max.request.size", INT, "1048576", MEDIUM),
    OPTION("enable.metrics.push", BOOLEAN, "true", LOW),
    OPTION("max.block.ms", LONG, "60000", MEDIUM),
    OPTION("metadata.max.idle.ms", LONG, "300000", LOW),
    OPTION("max.in.flight.requests.per.connection", INT, "5", LOW),
    OPTION("key.serializer", CLASS, MR_REQUIRED, HIGH),
    OPTION("value.serializer", CLASS, MR_REQUIRED, HIGH),
    OPTION("connections.max.idle.ms", LONG, "540000", MEDIUM),
    OPTION("partitioner.class", CLASS, NULL, MEDIUM),
    OPTION("interceptor.classes", LIST, "", LOW),
    OPTION("enable.idempotence", BOOLEAN, "true", LOW),
    OPTION("transaction.timeout.ms", INT, "60000", LOW),
    OPTION("transactional.id", STRING, NULL, LOW),
    OPTION("transaction.two.phase.commit.enable", BOOLEAN, "false", LOW),
};

static const struct mr_config_row consumer_rows[] = {
    OPTION("bootstrap.servers", LIST, MR_REQUIRED, HIGH),
    OPTION("client.id", STRING, "", LOW),
    OPTION("receive.buffer.bytes", INT, "65536", MEDIUM),
    OPTION("enable.metrics.push", BOOLEAN, "true", LOW),
    OPTION("connections.max.idle.ms", LONG, "540000", MEDIUM),
    OPTION("interceptor.classes", LIST, "", LOW),
    OPTION("group.id", STRING, NULL, HIGH),
    OPTION("group.instance.id", STRING, NULL, MEDIUM),
    OPTION("session.timeout.ms", INT, "45000", HIGH),
    OPTION("heartbeat.interval.ms", INT, "3000", HIGH),
    OPTION("partition.assignment.strategy", LIST, ASSIGNOR "RangeAssignor," ASSIGNOR "CooperativeStickyAssignor",
           MEDIUM),
    OPTION("enable.auto.commit", BOOLEAN, "true", MEDIUM),
    OPTION("auto.commit.interval.ms", INT, "5000", LOW),
    OPTION("client.rack", STRING, "", LOW),
    OPTION("max.partition.fetch.bytes", INT, "1048576", HIGH),
    OPTION("fetch.min.bytes", INT, "1", HIGH),
    OPTION("fetch.max.bytes", INT, "52428800", MEDIUM),
    OPTION("fetch.max.wait.ms", INT, "500", LOW),
    OPTION("auto.offset.reset", STRING, "latest", MEDIUM),
    OPTION("check.crcs", BOOLEAN, "true", LOW),
    OPTION("key.deserializer", CLASS, MR_REQUIRED, HIGH),
    OPTION("value.deserializer", CLASS, MR_REQUIRED, HIGH),
    OPTION("default.api.timeout.ms", INT, "60000", MEDIUM),
    OPTION("max.poll.records", INT, "500", MEDIUM),
    OPTION("max.poll.interval.ms", INT, "300000", MEDIUM),
    OPTION("exclude.internal.topics", BOOLEAN, "true", MEDIUM),
    OPTION("internal.throw.on.fetch.stable.offset.unsupported", BOOLEAN, "false", LOW),
    OPTION("isolation.level", STRING, "read_uncommitted", MEDIUM),
    OPTION("allow.auto.create.topics", BOOLEAN, "true", MEDIUM),
    OPTION("group.protocol", STRING, "classic", HIGH),
    OPTION("group.remote.assignor", STRING, NULL, MEDIUM),
    OPTION("share.acknowledgement.mode", STRING, "implicit", MEDIUM),
    OPTION("share.acquire.mode", STRING, "BATCH_OPTIMIZED", MEDIUM),
};

static const struct mr_config_row admin_rows[] = {
    OPTION("bootstrap.servers", LIST, "", HIGH),
    OPTION("retries", INT, "2147483647", LOW),
    OPTION("client.id", STRING, "", MEDIUM),
    OPTION("receive.buffer.bytes", INT, "65536", MEDIUM),
    OPTION("enable.metrics.push", BOOLEAN, "false", LOW),
    OPTION("connections.max.idle.ms", LONG, "300000", MEDIUM),
    OPTION("default.api.timeout.ms", INT, "60000", MEDIUM),
    OPTION("bootstrap.controllers", LIST, "", HIGH),
};

static const struct mr_config_def security_def = MR_CONFIG_DEF(security_rows), common_def = MR_CONFIG_DEF(common_rows),
                                  producer_def = MR_CONFIG_DEF(producer_rows),
                                  consumer_def = MR_CONFIG_DEF(consumer_rows), admin_def = MR_CONFIG_DEF(admin_rows);

void client_defs(int kind, const struct mr_config_def *defs[CLIENT_DEFS])
{
    defs[0] = kind == MR_CLIENT_PRODUCER ? &producer_def : kind == MR_CLIENT_CONSUMER ? &consumer_def : &admin_def;
    defs[1] = &common_def;
    defs[2] = &security_def;
}
