/* Java client properties → librdkafka: each row of the specification, the layers, identity, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "kafka/client_config.h"
#include "kafka/native_internal.h"

#define SASL "security.protocol=SASL_SSL\n"
#define PLAIN "sasl.mechanism=PLAIN\nsasl.jaas.config=a.PlainLoginModule required username=\"u\" password=\"hidden\";\n"

/* "name=value\n…" over a base of bootstrap.servers. */
static struct string_map *properties_of(const char *lines)
{
    struct string_map *map = string_map_create();
    char line[1024];
    string_map_put(map, "bootstrap.servers", "127.0.0.1:9092");
    string_map_put(map, "client.id", "test");
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, lines);
        char *equals = strchr(line, '=');
        *equals = '\0';
        string_map_put(map, line, equals + 1);
        lines += length + (lines[length] == '\n');
    }
    return map;
}

static struct client_config *config_of(enum client_kind kind, const char *lines, struct client_findings *findings,
                                       struct mr_error **error)
{
    struct string_map *map = properties_of(lines);
    client_findings_init(findings);
    struct client_config *config = client_config_create(kind, map, findings, error);
    string_map_destroy(map);
    return config;
}

static const struct translated {
    enum client_kind kind;
    const char *lines;
    const char *native;
    const char *value;   /* NULL: not set */
} translated[] = {
    {CLIENT_PRODUCER, "", "partitioner", "murmur2_random"},
    {CLIENT_INTERNAL_PRODUCER, "", "partitioner", "murmur2_random"},
    {CLIENT_PRODUCER, "", "bootstrap.servers", "127.0.0.1:9092"},
    {CLIENT_PRODUCER, "acks=all", "acks", "-1"},
    {CLIENT_PRODUCER, "acks=1", "acks", "1"},
    {CLIENT_PRODUCER, "delivery.timeout.ms=2147483647", "message.timeout.ms", "0"},
    {CLIENT_PRODUCER, "delivery.timeout.ms=5000", "message.timeout.ms", "5000"},
    {CLIENT_INTERNAL_PRODUCER, "delivery.timeout.ms=5000", "message.timeout.ms", "0"},
    {CLIENT_PRODUCER, "linger.ms=7", "linger.ms", "7"},
    {CLIENT_PRODUCER, "batch.size=16384", "batch.size", "16384"},
    {CLIENT_PRODUCER, "", "batch.size", NULL},
    {CLIENT_PRODUCER, "max.request.size=2000000", "message.max.bytes", "2000000"},
    {CLIENT_PRODUCER, "compression.type=LZ4", "compression.type", "lz4"},
    {CLIENT_PRODUCER, "compression.type=gzip\ncompression.gzip.level=3", "compression.level", "3"},
    {CLIENT_PRODUCER, "compression.type=gzip\ncompression.zstd.level=3", "compression.level", NULL},
    {CLIENT_PRODUCER, "enable.idempotence=true", "enable.idempotence", "true"},
    {CLIENT_PRODUCER, "request.timeout.ms=1234", "request.timeout.ms", "1234"},
    {CLIENT_ADMIN, "request.timeout.ms=1234", "socket.timeout.ms", "1234"},
    {CLIENT_PRODUCER, "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner", "partitioner", "random"},
    {CLIENT_PRODUCER, "receive.buffer.bytes=-1", "socket.receive.buffer.bytes", "0"},
    {CLIENT_PRODUCER, "metadata.max.age.ms=180000", "metadata.max.age.ms", "180000"},
    {CLIENT_PRODUCER, "metadata.max.age.ms=180000", "topic.metadata.refresh.interval.ms", "180000"},
    {CLIENT_PRODUCER, "group.id=x", "group.id", NULL},
    {CLIENT_CONSUMER, "group.id=g", "group.id", "g"},
    {CLIENT_CONSUMER, "", "enable.auto.commit", "false"},
    {CLIENT_CONSUMER, "", "enable.auto.offset.store", "false"},
    {CLIENT_CONSUMER, "enable.auto.commit=true", "enable.auto.commit", "false"},
    {CLIENT_CONSUMER, "isolation.level=READ_COMMITTED", "isolation.level", "read_committed"},
    {CLIENT_CONSUMER, "auto.offset.reset=none", "auto.offset.reset", "error"},
    {CLIENT_CONSUMER, "fetch.max.wait.ms=100", "fetch.wait.max.ms", "100"},
    {CLIENT_CONSUMER, "partition.assignment.strategy=org.apache.kafka.clients.consumer.RangeAssignor, "
                      "org.apache.kafka.clients.consumer.CooperativeStickyAssignor", "partition.assignment.strategy", "range"},
    {CLIENT_CONSUMER, "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
     "partition.assignment.strategy", "cooperative-sticky"},
    {CLIENT_MEMBER, "group.id=w\nrebalance.timeout.ms=20000", "max.poll.interval.ms", "20000"},
    {CLIENT_MEMBER, "group.id=w\nrebalance.timeout.ms=2000\nsession.timeout.ms=10000", "max.poll.interval.ms", "10000"},
    {CLIENT_MEMBER, "group.id=w", "partition.assignment.strategy", "cooperative-sticky"},
    {CLIENT_INTERNAL_CONSUMER, "group.id=w", "group.id", NULL},
    {CLIENT_PRODUCER, "security.protocol=sasl_plaintext\n" PLAIN, "security.protocol", "SASL_PLAINTEXT"},
    {CLIENT_PRODUCER, SASL PLAIN, "sasl.username", "u"},
    {CLIENT_PRODUCER, SASL PLAIN, "sasl.password", "hidden"},
    {CLIENT_PRODUCER, SASL PLAIN, "sasl.mechanism", "PLAIN"},
    {CLIENT_PRODUCER, SASL PLAIN, "ssl.endpoint.identification.algorithm", "https"},
    {CLIENT_PRODUCER, SASL PLAIN "ssl.endpoint.identification.algorithm=", "ssl.endpoint.identification.algorithm", "none"},
    {CLIENT_PRODUCER, PLAIN, "sasl.username", NULL},
    {CLIENT_PRODUCER, SASL "sasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config=x.ScramLoginModule required username=a password=b;",
     "sasl.mechanism", "SCRAM-SHA-512"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.cipher.suites=TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
     "ssl.cipher.suites", "ECDHE-RSA-AES128-GCM-SHA256"},
};

static void properties_are_translated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof translated / sizeof *translated; i++) {
        struct client_findings findings;
        struct mr_error *error = NULL;
        struct client_config *config = config_of(translated[i].kind, translated[i].lines, &findings, &error);
        if (config == NULL)
            fail_msg("%s: %s", translated[i].lines, mr_error_message(error));
        const char *value = client_config_get_native(config, translated[i].native);
        if ((value == NULL) != (translated[i].value == NULL) ||
            (value != NULL && strcmp(value, translated[i].value) != 0))
            fail_msg("%s: %s is '%s'", translated[i].lines, translated[i].native, value != NULL ? value : "(unset)");
        client_findings_release(&findings);
        client_config_drop(config);
    }
}

static const struct refused {
    enum client_kind kind;
    const char *lines;
    const char *says;
} refused[] = {
    {CLIENT_PRODUCER, "bootstrap.servers=", "bootstrap.servers"},
    {CLIENT_PRODUCER, "acks=2", "acks"},
    {CLIENT_PRODUCER, "linger.ms=soon", "linger.ms"},
    {CLIENT_PRODUCER, "enable.idempotence=true\nacks=1", "acks=all"},
    {CLIENT_PRODUCER, "partitioner.class=com.acme.Mine", "com.acme.Mine"},
    {CLIENT_PRODUCER, "compression.type=rar", "rar"},
    {CLIENT_CONSUMER, "auto.offset.reset=by_duration:P1D", "auto.offset.reset"},
    {CLIENT_PRODUCER, "security.protocol=TLS", "security.protocol"},
    {CLIENT_PRODUCER, SASL "sasl.mechanism=PLAIN", "sasl.jaas.config is missing"},
    {CLIENT_PRODUCER, SASL "sasl.mechanism=PLAIN\nsasl.jaas.config=com.acme.Vault required a=\"hidden\";", "com.acme.Vault"},
    {CLIENT_PRODUCER, SASL "sasl.mechanism=PLAIN\nsasl.jaas.config=x.PlainLoginModule required password=\"hidden\"", "semicolon"},
    {CLIENT_PRODUCER, SASL "sasl.mechanism=PLAIN\nsasl.jaas.config=x.PlainLoginModule required password=\"hidden\";", "username"},
    {CLIENT_PRODUCER, SASL "sasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config=x.PlainLoginModule required username=a password=hidden;",
     "does not go with"},
    {CLIENT_PRODUCER, SASL PLAIN "sasl.login.class=com.acme.Login", "com.acme.Login"},
    {CLIENT_PRODUCER, SASL PLAIN "sasl.client.callback.handler.class=com.acme.Handler", "com.acme.Handler"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.truststore.certificates=hidden", "ssl.truststore.certificates"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.truststore.certificates=-----BEGIN CERTIFICATE----- hidden -----END CERTIFICATE-----", "holds no certificate"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.keystore.key=hidden\nssl.keystore.certificate.chain=hidden", "holds no private key"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.truststore.location=/no/such/file", "/no/such/file"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.keystore.location=/no/such/file", "/no/such/file"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.endpoint.identification.algorithm=ldap", "ldap"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.enabled.protocols=TLSv1.1", "TLSv1.1"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.cipher.suites=NONSENSE", "ssl.cipher.suites"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.engine.factory.class=com.acme.Ssl", "ssl.engine.factory.class"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.keystore.key=hidden", "belong together"},
};

static void what_protects_and_cannot_be_honoured_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct client_findings findings;
        struct mr_error *error = NULL;
        struct client_config *config = config_of(refused[i].kind, refused[i].lines, &findings, &error);
        if (config != NULL)
            fail_msg("accepted: %s", refused[i].lines);
        assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
        if (strstr(mr_error_message(error), refused[i].says) == NULL)
            fail_msg("%s: %s", refused[i].lines, mr_error_message(error));
        assert_null(strstr(mr_error_message(error), "hidden"));
        client_findings_release(&findings);
        mr_error_drop(error);
    }
}

static const struct {
    enum client_kind kind;
    const char *lines;
    const char *property;   /* NULL: no warning */
} warned[] = {
    {CLIENT_PRODUCER, "", NULL},
    {CLIENT_CONSUMER, "group.id=g", NULL},
    {CLIENT_ADMIN, "config.storage.topic=x\ngroup.id=w", NULL},
    {CLIENT_PRODUCER, "partitioner.ignore.keys=true", "partitioner.ignore.keys"},
    {CLIENT_PRODUCER, "queue.buffering.max.ms=5", "queue.buffering.max.ms"},
    {CLIENT_PRODUCER, "linger.ms=9999999", "linger.ms"},
    {CLIENT_CONSUMER, "enable.auto.commit=true", "enable.auto.commit"},
    {CLIENT_CONSUMER, "group.protocol=consumer", "group.protocol"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.enabled.protocols=TLSv1.2", NULL},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.enabled.protocols=TLSv1.3,TLSv1.2\nssl.protocol=TLSv1.3", NULL},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.protocol=SSLv3", "ssl.protocol"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.provider=BC", "ssl.provider"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.keymanager.algorithm=PKIX", "ssl.keymanager.algorithm"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.trustmanager.algorithm=PKIX", "ssl.trustmanager.algorithm"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.secure.random.implementation=x", "ssl.secure.random.implementation"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nsecurity.providers=x", "security.providers"},
    {CLIENT_PRODUCER, "security.protocol=SSL\nssl.trustore.location=/x", "ssl.trustore.location"},
    {CLIENT_CONSUMER, "group.id=g\nsasl.jaas.conf=x", "sasl.jaas.conf"},
    {CLIENT_ADMIN, "ssl.client.auth=required", NULL},
    {CLIENT_PRODUCER, SASL "sasl.mechanism=GSSAPI\nsasl.jaas.config=x.Krb5LoginModule required keyTab=\"/k\" principal=\"p\";\n"
                      "sasl.kerberos.kinit.cmd=/usr/bin/kinit", "sasl.kerberos.kinit.cmd"},
    {CLIENT_PRODUCER, "key.serializer=x\nmetric.reporters=z", NULL},
    {CLIENT_PRODUCER, "interceptor.classes=org.example.Audit", "interceptor.classes"},
};

static void what_only_tunes_gives_one_warning_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof warned / sizeof *warned; i++) {
        struct client_findings findings;
        struct client_config *config = config_of(warned[i].kind, warned[i].lines, &findings, NULL);
        assert_non_null(config);
        assert_int_equal(findings.count, warned[i].property != NULL);
        if (warned[i].property != NULL) {
            assert_string_equal(findings.items[0].property, warned[i].property);
            assert_non_null(strstr(findings.items[0].message, warned[i].property));
        }
        client_findings_release(&findings);
        client_config_drop(config);
    }
}

static void layers_lie_over_each_other_as_in_kafka_connect(void **state)
{
    (void)state;
    struct string_map *worker = properties_of("producer.linger.ms=1\nproducer.acks=1\nlinger.ms=99\nadmin.retry.backoff.ms=7\n"
                                              "security.protocol=SSL\nretry.backoff.ms=5\nclient.id=worker");
    struct string_map *connector = properties_of("producer.override.linger.ms=3\nconsumer.override.group.id=mine");
    struct client_layers layers = {.worker = worker, .connector = connector, .client_id = "connector-producer-x-0", .group_id = "connect-x"};
    struct string_map *producer = client_properties_for(CLIENT_PRODUCER, &layers);
    assert_string_equal(string_map_get(producer, "linger.ms"), "3");
    assert_string_equal(string_map_get(producer, "acks"), "1");
    assert_string_equal(string_map_get(producer, "client.id"), "connector-producer-x-0");
    assert_string_equal(string_map_get(producer, "max.in.flight.requests.per.connection"), "1");
    assert_null(string_map_get(producer, "security.protocol"));
    struct string_map *consumer = client_properties_for(CLIENT_CONSUMER, &layers);
    assert_string_equal(string_map_get(consumer, "group.id"), "mine");
    assert_string_equal(string_map_get(consumer, "isolation.level"), "read_uncommitted");
    char *named = client_sink_group(worker, connector, "x"), *usual = client_sink_group(worker, NULL, "x");
    assert_string_equal(named, "mine");
    assert_string_equal(usual, "connect-x");
    mem_free(named);
    mem_free(usual);
    struct string_map *admin = client_properties_for(CLIENT_ADMIN, &layers);
    assert_string_equal(string_map_get(admin, "security.protocol"), "SSL");
    assert_string_equal(string_map_get(admin, "retry.backoff.ms"), "7");
    struct string_map *member = client_properties_for(CLIENT_MEMBER, &layers);
    assert_string_equal(string_map_get(member, "heartbeat.interval.ms"), "500");
    assert_string_equal(string_map_get(member, "retry.backoff.ms"), "5");
    string_map_destroy(producer);
    string_map_destroy(consumer);
    string_map_destroy(admin);
    string_map_destroy(member);
    string_map_destroy(connector);
    string_map_destroy(worker);
}

static void a_transactional_id_stands_above_all_layers(void **state)
{
    (void)state;
    struct string_map *worker = properties_of("producer.enable.idempotence=false");
    struct string_map *connector = properties_of("producer.override.transactional.id=mine\nproducer.override.linger.ms=3");
    struct client_layers layers = {.worker = worker, .connector = connector, .client_id = "p", .transactional_id = "g-x-0"};
    struct string_map *producer = client_properties_for(CLIENT_PRODUCER, &layers);
    assert_string_equal(string_map_get(producer, "transactional.id"), "g-x-0");
    assert_string_equal(string_map_get(producer, "enable.idempotence"), "true");
    assert_string_equal(string_map_get(producer, "linger.ms"), "3");
    string_map_destroy(producer);
    string_map_destroy(connector);
    string_map_destroy(worker);
}

static void identity_ignores_client_id_and_order_only(void **state)
{
    (void)state;
    static const struct {
        const char *one, *other;
        bool same;
    } pairs[] = {
        {"client.id=a", "client.id=b", true},
        {"linger.ms=1\nacks=1", "acks=1\nlinger.ms=1", true},
        {"linger.ms=1", "linger.ms=2", false},
        {"buffer.memory=1000000", "buffer.memory=2000000", false},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct client_findings findings;
        struct client_config *one = config_of(CLIENT_PRODUCER, pairs[i].one, &findings, NULL);
        client_findings_release(&findings);
        struct client_config *other = config_of(CLIENT_PRODUCER, pairs[i].other, &findings, NULL);
        client_findings_release(&findings);
        assert_int_equal(strcmp(client_config_identity(one), client_config_identity(other)) == 0, pairs[i].same);
        client_config_drop(one);
        client_config_drop(other);
    }
}

/* librdkafka compares some settings with each other only when a client is opened. */
static void what_java_takes_opens_a_client(void **state)
{
    static const struct {
        enum client_kind kind;
        const char *lines;
    } cases[] = {
        {CLIENT_PRODUCER, "reconnect.backoff.ms=5000\nreconnect.backoff.max.ms=1000"},
        {CLIENT_PRODUCER, "retry.backoff.ms=5000"},
        {CLIENT_PRODUCER, "request.timeout.ms=1"},
        {CLIENT_PRODUCER, "metadata.max.age.ms=1"},
        {CLIENT_PRODUCER, "max.request.size=100000000"},
        {CLIENT_PRODUCER, "batch.size=0"},
        {CLIENT_PRODUCER, "acks=0"},
        {CLIENT_PRODUCER, "delivery.timeout.ms=1\nlinger.ms=0"},
        {CLIENT_PRODUCER, "delivery.timeout.ms=120000\nlinger.ms=5"},
        {CLIENT_PRODUCER, "enable.idempotence=true"},
        {CLIENT_CONSUMER, "group.id=g\nfetch.max.bytes=100000"},
        {CLIENT_CONSUMER, "group.id=g\nfetch.max.bytes=500\nmax.partition.fetch.bytes=100"},
        {CLIENT_CONSUMER, "group.id=g\nfetch.max.bytes=2147483647"},
        {CLIENT_CONSUMER, "group.id=g\nmax.partition.fetch.bytes=100000000"},
        {CLIENT_CONSUMER, "group.id=g\nmax.poll.interval.ms=10000"},
        {CLIENT_CONSUMER, "group.id=g\nmax.poll.interval.ms=10000\nsession.timeout.ms=45000"},
        {CLIENT_CONSUMER, "group.id=g\nfetch.max.wait.ms=60000\nrequest.timeout.ms=30000"},
        {CLIENT_CONSUMER, "group.id=g\nheartbeat.interval.ms=3000\nsession.timeout.ms=2000"},
        {CLIENT_MEMBER, "group.id=g\nsession.timeout.ms=30000\nrebalance.timeout.ms=20000"},
        {CLIENT_ADMIN, "request.timeout.ms=5"},
        {CLIENT_INTERNAL_CONSUMER, "fetch.max.bytes=1000"},
        {CLIENT_INTERNAL_PRODUCER, "acks=1\nmax.in.flight.requests.per.connection=5"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client_findings findings;
        struct mr_error *error = NULL;
        struct client_config *config = config_of(cases[i].kind, cases[i].lines, &findings, &error);
        rd_kafka_conf_t *conf = config != NULL ? native_conf_create(config, &error) : NULL;
        rd_kafka_type_t type = cases[i].kind == CLIENT_PRODUCER || cases[i].kind == CLIENT_INTERNAL_PRODUCER
                                   ? RD_KAFKA_PRODUCER
                                   : RD_KAFKA_CONSUMER;
        rd_kafka_t *rk = conf != NULL ? native_open(config, type, &conf, &error) : NULL;
        if (rk == NULL)
            fail_msg("%s: %s", cases[i].lines, mr_error_message(error));
        native_handle_drop(native_handle_create(rk, NULL));
        client_config_drop(config);
        client_findings_release(&findings);
    }
}

static void a_consumer_prefetches_little_where_it_looks_often(void **state)
{
    struct client_findings findings;
    struct client_config *config = config_of(CLIENT_CONSUMER, "group.id=g", &findings, NULL);
    bool often = client_config_get_native(config, "fetch.queue.backoff.ms") != NULL;
    (void)state;
    assert_string_equal(client_config_get_native(config, "queued.min.messages"), often ? "5000" : "1000000");
    assert_string_equal(client_config_get_native(config, "queued.max.messages.kbytes"), often ? "1024" : "4096");
    client_findings_release(&findings);
    client_config_drop(config);
}

static void what_is_emulated_can_be_read(void **state)
{
    (void)state;
    struct client_findings findings;
    struct client_config *config = config_of(CLIENT_CONSUMER, "max.poll.records=7\nsession.timeout.ms=6000", &findings, NULL);
    assert_int_equal(client_config_max_poll_records(config), 7);
    assert_int_equal(client_config_session_timeout_ms(config), 6000);
    assert_int_equal(client_config_max_poll_interval_ms(config), 300000);
    assert_string_equal(client_config_client_id(config), "test");
    assert_true(client_config_max_block_ms(config) == INT64_MAX);
    client_findings_release(&findings);
    client_config_drop(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_are_translated),
        cmocka_unit_test(what_protects_and_cannot_be_honoured_refuses),
        cmocka_unit_test(what_only_tunes_gives_one_warning_by_name),
        cmocka_unit_test(layers_lie_over_each_other_as_in_kafka_connect),
        cmocka_unit_test(a_transactional_id_stands_above_all_layers),
        cmocka_unit_test(identity_ignores_client_id_and_order_only),
        cmocka_unit_test(what_java_takes_opens_a_client),
        cmocka_unit_test(a_consumer_prefetches_little_where_it_looks_often),
        cmocka_unit_test(what_is_emulated_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
