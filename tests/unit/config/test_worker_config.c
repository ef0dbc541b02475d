#include "config_room_test.h"

#include <stdlib.h>
#include <unistd.h>

#include <millrace/error.h>

#include "support/alloc_torture.h"

/* The settings of the file that Kafka ships for distributed workers. */
static const char shipped_with_kafka[] =
    "##\n# Licensed to the Apache Software Foundation (ASF) under one or more\n##\n\n"
    "# A list of host/port pairs to use for establishing the initial connection to the Kafka cluster.\n"
    "bootstrap.servers=localhost:9092\n\n"
    "group.id=connect-cluster\n\n"
    "key.converter=org.apache.kafka.connect.json.JsonConverter\n"
    "value.converter=org.apache.kafka.connect.json.JsonConverter\n"
    "key.converter.schemas.enable=true\nvalue.converter.schemas.enable=true\n\n"
    "offset.storage.topic=connect-offsets\noffset.storage.replication.factor=1\n#offset.storage.partitions=25\n\n"
    "config.storage.topic=connect-configs\nconfig.storage.replication.factor=1\n\n"
    "status.storage.topic=connect-status\nstatus.storage.replication.factor=1\n#status.storage.partitions=5\n\n"
    "offset.flush.interval.ms=10000\n\n"
    "#listeners=HTTP://:8083\n#rest.advertised.host.name=\n#rest.advertised.port=\n#rest.advertised.listener=\n"
    "#plugin.path=\n";

static void the_file_shipped_with_kafka_loads_without_a_warning(void **state)
{
    (void)state;
    struct worker_config *worker = worker_of(shipped_with_kafka);
    assert_string_equal(worker->bootstrap_servers, "localhost:9092");
    assert_string_equal(worker->group_id, "connect-cluster");
    assert_string_equal(worker->config_topic.name, "connect-configs");
    assert_int_equal(worker->config_topic.partitions, 1);
    assert_int_equal(worker->config_topic.replication_factor, 1);
    assert_int_equal(worker->offset_topic.partitions, 25);
    assert_int_equal(worker->status_topic.partitions, 5);
    assert_int_equal(worker->offset_flush_interval_ms, 10000);
    assert_string_equal(worker->key_converter.class_name, "org.apache.kafka.connect.json.JsonConverter");
    assert_string_equal(string_map_get(worker->key_converter.options, "schemas.enable"), "true");
    assert_int_equal(worker_config_warning_count(worker), 0);
    worker_config_destroy(worker);
}

static void a_preset_goes_below_what_is_written_and_says_what_it_did(void **state)
{
    (void)state;
    struct worker_config *worker = worker_of(MINIMAL "millrace.kafka.preset=EventHubs\nconsumer.session.timeout.ms=25000\n"
                                             "metadata.max.age.ms=180000\n");
    const struct string_map *properties = worker->properties;
    assert_int_equal(worker->session_timeout_ms, 30000);
    assert_int_equal(worker->heartbeat_interval_ms, 3000);
    assert_string_equal(string_map_get(properties, "connections.max.idle.ms"), "180000");
    assert_string_equal(string_map_get(properties, "producer.max.request.size"), "1000000");
    assert_string_equal(string_map_get(properties, "admin.request.timeout.ms"), "60000");
    assert_string_equal(string_map_get(properties, "consumer.session.timeout.ms"), "25000");
    assert_null(string_map_get(properties, "producer.session.timeout.ms"));
    assert_int_equal(worker_config_warning_count(worker), 0);
    assert_int_equal(worker_config_note_count(worker), 2);
    const char *said = worker_config_note(worker, 0);
    assert_non_null(strstr(said, "producer.max.request.size=1000000"));
    assert_non_null(strstr(said, "and kept: consumer.session.timeout.ms"));
    assert_null(strstr(said, " metadata.max.age.ms=")); /* it was written, and the same */
    assert_non_null(strstr(worker_config_note(worker, 1), "after 30000 ms (10000 without"));
    worker_config_destroy(worker);

    worker = worker_of(MINIMAL "millrace.kafka.preset=confluent-cloud\n");
    assert_string_equal(string_map_get(worker->properties, "producer.security.protocol"), "SASL_SSL");
    assert_string_equal(string_map_get(worker->properties, "sasl.mechanism"), "PLAIN");
    assert_int_equal(worker->session_timeout_ms, 45000);
    worker_config_destroy(worker);

    worker = worker_of(MINIMAL);
    assert_int_equal(worker_config_note_count(worker), 0);
    worker_config_destroy(worker);
    assert_contains(refusal(WORKER_DISTRIBUTED, MINIMAL "millrace.kafka.preset=event-hubs\n"), "millrace.kafka.preset");
}

static void defaults_are_those_of_kafka_connect_but_for_the_named_two(void **state)
{
    (void)state;
    struct worker_config *worker = worker_of(MINIMAL);
    assert_int_equal(worker->session_timeout_ms, 10000);
    assert_int_equal(worker->heartbeat_interval_ms, 500);
    assert_int_equal(worker->rebalance_delay_max_ms, 0);
    assert_int_equal(worker->rebalance_timeout_ms, 60000);
    assert_int_equal(worker->worker_sync_timeout_ms, 3000);
    assert_int_equal(worker->offset_flush_interval_ms, 60000);
    assert_int_equal(worker->offset_flush_timeout_ms, 5000);
    assert_int_equal(worker->task_shutdown_timeout_ms, 5000);
    assert_int_equal(worker->config_topic.replication_factor, 3);
    assert_true(worker_config_is_sessioned(worker));
    assert_string_equal(worker->key_algorithm, "HmacSHA256");
    assert_int_equal(worker->key_size_bits, 0);
    assert_int_equal(worker->key_ttl_ms, 3600000);
    assert_string_equal(worker->signature_algorithm, "HmacSHA256");
    assert_string_equal(worker->verification_algorithms, "HmacSHA256");
    assert_true(worker->topic_creation_enable && worker->topic_tracking_enable && worker->topic_tracking_allow_reset);
    assert_true(worker->admin_on_listeners);
    assert_int_equal(worker->exactly_once_source, EXACTLY_ONCE_DISABLED);
    assert_string_equal(worker->override_policy, "All");
    assert_string_equal(worker->plugin_path, "");
    assert_string_equal(worker->client_id, "");
    assert_int_equal(worker->listener_count, 1);
    assert_string_equal(worker->listeners[0].host, "");
    assert_int_equal(worker->listeners[0].port, 8083);
    assert_null(worker->advertised_host);
    assert_string_equal(worker->advertised_scheme, "http");
    assert_int_equal(worker->task_buffer_bytes, 33554432);
    assert_int_equal(worker->call_timeout_ms, 60000);
    assert_int_equal(worker->task_stall_ms, 300000);
    assert_int_equal(worker->rest_connections_max, 256);
    assert_true(worker->pool_threads_max >= 4);
    worker_config_destroy(worker);
}

static void all_mistakes_are_told_at_once_with_their_remedies(void **state)
{
    (void)state;
    const char *message =
        refusal(WORKER_DISTRIBUTED, "session.timeout.ms=soon\nlisteners=8083\nconfig.storage.topic=c\n");
    assert_contains(message,
                    "bootstrap.servers: Missing required configuration \"bootstrap.servers\" which has no default "
                    "value. Set bootstrap.servers=HOST:PORT");
    assert_contains(message, "group.id: Missing");
    assert_lacks(message, "config.storage.topic: Missing");
    assert_contains(message, "\noffset.storage.topic: ");
    assert_contains(message, "\nstatus.storage.topic: ");
    assert_contains(message, "\nkey.converter: ");
    assert_contains(message, "\nvalue.converter: ");
    assert_contains(message,
                    "session.timeout.ms: Invalid value soon for configuration session.timeout.ms: Not a number "
                    "of type INT. Write a whole number");
    assert_contains(message, "listeners: '8083' is not a URL to listen on. Write scheme://host:port");
}

static void single_mistakes_are_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"bootstrap.servers=", "must not be empty"},
        {"bootstrap.servers=localhost", "bootstrap.servers: 'localhost' is not HOST:PORT"},
        {"bootstrap.servers=a:1,b:", "bootstrap.servers: 'b:' is not HOST:PORT"},
        {"bootstrap.servers=a:1;b:2", "bootstrap.servers: 'a:1;b:2' is not HOST:PORT"},
        {"bootstrap.servers=[::1]", "bootstrap.servers: '[::1]' is not HOST:PORT"},
        {"bootstrap.servers=a:99999", "bootstrap.servers: 'a:99999' is not HOST:PORT"},
        {"group.id=", "String must be non-empty. Set group.id"},
        {"session.timeout.ms=1000", "session.timeout.ms (1000) must be at least 2000"},
        {"rest.advertised.host.name=http://a", "rest.advertised.host.name: 'http://a' is not a host name"},
        {"heartbeat.interval.ms=10000", "heartbeat.interval.ms (10000) must be lower than session.timeout.ms (10000)"},
        {"heartbeat.interval.ms=-1", "Value must be at least 1"},
        {"offset.storage.partitions=0", "Number of partitions must be positive"},
        {"config.storage.replication.factor=-2", "Replication factor must be positive"},
        {"status.storage.replication.factor=70000", "Not a number of type SHORT"},
        {"status.storage.topic=c", "'c' is named twice"},
        {"topic.creation.enable=yes", "Expected value to be either true or false. Write true or false"},
        {"connect.protocol=gossip", "EAGER, COMPATIBLE, SESSIONED"},
        {"exactly.once.source.support=on", "Invalid value on for configuration exactly.once.source.support"},
        {"listeners=ftp://:8083", "'ftp://:8083' is not a URL"},
        {"listeners=http://:99999", "'http://:99999' is not a URL"},
        {"listeners=http://host", "'http://host' is not a URL"},
        {"listeners=http://[::1:8083", "'http://[::1:8083' is not a URL"},
        {"listeners=http://:8083/", "is not a URL"},
        {"listeners=http://u@h:8083", "names no user"},
        {"listeners=", "must not be empty"},
        {"listeners=https://:8443/x", "is not a URL"},
        {"admin.listeners=9000", "admin.listeners: '9000' is not a URL"},
        {"millrace.health.listeners=http://:8083", "millrace.health.listeners: port 8083 is one of listeners"},
        {"millrace.health.listeners=https://:9", "millrace.health.listeners: https is not served there"},
        {"millrace.health.stuck.ms=999", "millrace.health.stuck.ms"},
        {"admin.listeners=http://:8083", "port 8083 is one of listeners, too"},
        {"listeners=https://:8443", "ssl.keystore.location is not set: https needs a certificate"},
        {"listeners=https://:8443\nssl.keystore.location=/x\nssl.client.auth=required", "Set ssl.truststore.location"},
        {"admin.listeners=https://:1\nssl.keystore.location=/x\nadmin.listeners.https.ssl.protocol=TLS",
         "admin.listeners.https.ssl.keystore.location is not set"},
        {"rest.advertised.port=70000", "no more than 65535"},
        {"rest.advertised.listener=ftp", "neither http nor https"},
        {"rest.extension.classes=org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension",
         "BasicAuthSecurityRestExtension needs the JAAS file"},
        {"inter.worker.signature.algorithm=ROT13", "HmacSHA256 is"},
        {"inter.worker.key.size=8", "a session key has 40 to 8192 bits"},
        {"inter.worker.signature.algorithm=HmacSHA512", "must also be listed in inter.worker.verification.algorithms"},
        {"millrace.leader.fencing=zookeeper", "AUTO, GENERATION, TRANSACTION"},
        {"millrace.leader.fence=generation", "millrace.leader.fence: this version does not know it"},
        {"millrace.rest.auth.basic.file=users", "so nothing would come of it. Correct its name"},
        {"millrace.rest.binding.file=bindings",
         "millrace.rest.binding.file: this version does not know it, so nothing would come of it. Did you mean millrace.rest.bindings.file?"},
        {"millrace.rest.auth.bindings.file=bindings", "so nothing would come of it. Did you mean millrace.rest.bindings.file?"},
        {"millrace.inter.workr.secret=s", "Did you mean millrace.inter.worker.secret?"},
        {"milrace.rest.auth.passwords.file=p", "Did you mean millrace.rest.auth.passwords.file?"},
        {"Millrace.crash.file=p", "Did you mean millrace.crash.file?"},
        {"millrace.pool.thread.max=1", "millrace.pool.thread.max: this version does not know it"},
        {"millrace.rest.connection.max=10", "millrace.rest.connection.max: this version does not know it"},
        {"millrace.inter.worker.secrets=s", "millrace.inter.worker.secrets: this version does not know it"},
        {"millrace.inter.workers.secret=s", "so nothing would come of it. Did you mean millrace.inter.worker.secret?"},
        {"millrace.audit.files=a", "millrace.audit.files: this version does not know it"},
        {"millrace.task.buffer.bytes=10", "Value must be at least 65536"},
        {"security.protocol=TLS", "Invalid value TLS for configuration security.protocol"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "%s%s\n", MINIMAL, cases[i].line);
        const char *message = refusal(WORKER_DISTRIBUTED, text);
        assert_contains(message, cases[i].words);
        assert_null(strchr(message, '\n'));
    }
}

static void the_leaders_writes_are_transactions_where_they_are_wished_for(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        bool wants;
    } cases[] = {
        {"", false},
        {"millrace.leader.fencing=auto", false},
        {"exactly.once.source.support=preparing", true},
        {"exactly.once.source.support=Enabled", true},
        {"exactly.once.source.support=enabled\nmillrace.leader.fencing=generation", false},
        {"exactly.once.source.support=preparing\nmillrace.leader.fencing=GENERATION", false},
        {"millrace.leader.fencing=Transaction", true},
        {"exactly.once.source.support=disabled\nmillrace.leader.fencing=transaction", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "%s%s\n", MINIMAL, cases[i].lines);
        struct worker_config *worker = worker_of(text);
        assert_int_equal(worker_config_wants_leader_transactions(worker), cases[i].wants);
        worker_config_destroy(worker);
    }
}

static void listeners_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host;
        uint16_t port;
    } cases[] = {
        {"http://:8083", "", 8083},
        {"HTTP://0.0.0.0:0", "0.0.0.0", 0},
        {"http://[::1]:8084", "::1", 8084},
        {"http://[fe80::1%eth0]:8085", "fe80::1%eth0", 8085},
        {"http://worker-1.example.org:65535", "worker-1.example.org", 65535},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "%slisteners= http://127.0.0.1:1 , %s\n", MINIMAL, cases[i].url);
        struct worker_config *worker = worker_of(text);
        assert_int_equal(worker->listener_count, 2);
        assert_string_equal(worker->listeners[1].host, cases[i].host);
        assert_int_equal(worker->listeners[1].port, cases[i].port);
        assert_false(worker->listeners[1].is_https);
        worker_config_destroy(worker);
    }
}

static void https_is_told_to_others_only_where_there_is_no_http(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *scheme;
    } cases[] = {
        {"listeners=https://:8443", "https"},
        {"listeners=https://:8443,http://:8083", "http"},
        {"listeners=https://:8443,http://:8083\nrest.advertised.listener=HTTPS", "https"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "%s%s\nssl.keystore.location=/x\n", MINIMAL, cases[i].lines);
        struct worker_config *worker = worker_of(text);
        assert_true(worker->listeners[0].is_https);
        assert_string_equal(worker->advertised_scheme, cases[i].scheme);
        assert_int_equal(worker_config_warning_count(worker), 0);
        worker_config_destroy(worker);
    }
}

static void administrative_endpoints_have_listeners_of_their_own(void **state)
{
    (void)state;
    struct worker_config *worker = worker_of(MINIMAL "admin.listeners=http://127.0.0.1:9000,https://:9443\n"
                                                     "admin.listeners.https.ssl.keystore.location=/x\n");
    assert_false(worker->admin_on_listeners);
    assert_int_equal(worker->admin_listener_count, 2);
    assert_int_equal(worker->admin_listeners[0].port, 9000);
    assert_true(worker->admin_listeners[1].is_https);
    assert_int_equal(worker_config_warning_count(worker), 0);
    worker_config_destroy(worker);
}

static void a_proxy_in_front_is_what_others_are_told(void **state)
{
    (void)state;
    struct worker_config *worker = worker_of(MINIMAL "rest.advertised.host.name=connect.example.org\n"
                                                     "rest.advertised.port=443\nrest.advertised.listener=https\n");
    assert_string_equal(worker->advertised_host, "connect.example.org");
    assert_int_equal(worker->advertised_port, 443);
    assert_string_equal(worker->advertised_scheme, "https");
    worker_config_destroy(worker);
}

static void what_is_ignored_is_warned_about_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"internal.key.converter=x.JsonConverter", "internal.key.converter is ignored"},
        {"internal.value.converter.schemas.enable=false", "internal.value.converter.schemas.enable is ignored"},
        {"acces.control=1", "kept for plugins and clients: acces.control"},
        {"plugin.paths=/x", "kept for plugins and clients: plugin.paths (did you mean plugin.path?)"},
        {"ssl.client.authentication=required",
         "ssl.client.authentication: neither listeners nor Kafka clients know it. Did you mean ssl.client.auth?"},
        {"ssl.clientauth=required", "ssl.clientauth: neither listeners nor Kafka clients know it. Did you mean ssl.client.auth?"},
        {"listeners.https.ssl.clientauth=required", "Did you mean listeners.https.ssl.client.auth?"},
        {"ssl.enabled.protocol=TLSv1.3", "Did you mean ssl.enabled.protocols?"},
        {"admin.listener=http://:1", "Did you mean admin.listeners?"},
        {"admin.wholly.unknown=1", "admin.wholly.unknown: neither listeners nor Kafka clients know it"},
        {"metric.reporters=com.example.Reporter", "com.example.Reporter is a Java class"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "%s%s\n", MINIMAL, cases[i].line);
        struct worker_config *worker = worker_of(text);
        assert_int_equal(worker_config_warning_count(worker), 1);
        assert_contains(worker_config_warning(worker, 0), cases[i].words);
        worker_config_destroy(worker);
    }
}

static void what_clients_and_plugins_need_is_accepted_in_silence(void **state)
{
    (void)state;
    struct worker_config *worker =
        worker_of(MINIMAL "producer.acks=1\nconsumer.max.poll.records=10\nadmin.retries=3\nadmin.sasl.mechanism=PLAIN\n"
                          "sasl.mechanism=PLAIN\nadmin.ssl.key.password=k\nadmin.listeners.https.ssl.client.auth=none\n"
                          "ssl.truststore.location=/x\nconfig.storage.min.insync.replicas=2\nmetrics.context.a=b\n"
                          "connect.protocol=compatible\nadmin.listeners=\noffset.storage.file.filename=/tmp/x\n"
                          "config.providers=\nlisteners.https.ssl.key.password=k\nplugin.discovery=ONLY_SCAN\n"
                          "access.control.allow.origin=*\naccess.control.allow.methods=GET\n"
                          "response.http.headers.config=add X-A: b\n");
    assert_int_equal(worker_config_warning_count(worker), 0);
    assert_false(worker->admin_on_listeners);
    assert_int_equal(string_map_count(worker->config_topic.topic_configs), 1);
    assert_string_equal(string_map_get(worker->config_topic.topic_configs, "min.insync.replicas"), "2");
    assert_int_equal(string_map_count(worker->offset_topic.topic_configs), 0);
    worker_config_destroy(worker);
}

static void tasks_that_would_go_without_the_workers_security_are_warned_about(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *words; /* NULL: no warning */
    } cases[] = {
        {"security.protocol=SSL\n", "not set: producer.security.protocol, consumer.security.protocol. All tasks go "},
        {"security.protocol=SASL_SSL\nproducer.security.protocol=SASL_SSL\n", "security.protocol=SASL_SSL is for the worker's own clients alone; not "
         "set: consumer.security.protocol. Sink tasks go to the brokers without TLS and login"},
        {"security.protocol=SSL\nconsumer.security.protocol=SSL\n", "not set: producer.security.protocol. Source tasks and dead letters go "},
        {"security.protocol=SSL\nconsumer.security.protocol=PLAINTEXT\nproducer.security.protocol=SSL\n", NULL},
        {"security.protocol=SSL\nconsumer.bootstrap.servers=b:1\nproducer.bootstrap.servers=b:1\n", NULL},
        {"security.protocol=PLAINTEXT\n", NULL},
        {"millrace.kafka.preset=confluent-cloud\n", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char lines[2048];
        snprintf(lines, sizeof(lines), "%s%s", MINIMAL, cases[i].lines);
        struct worker_config *worker = worker_of(lines);
        assert_int_equal(worker_config_warning_count(worker), cases[i].words != NULL);
        if (cases[i].words != NULL)
            assert_contains(worker_config_warning(worker, 0), cases[i].words);
        worker_config_destroy(worker);
    }
}

static void secrets_stand_in_no_message(void **state)
{
    (void)state;
    const char *message = refusal(WORKER_DISTRIBUTED,
                                  "sasl.jaas.config=org.x.PlainLoginModule required password=\"hunter2\";\n"
                                  "ssl.key.password=hunter2\nproducer.sasl.jaas.config=hunter2\nlisteners=nonsense\n");
    assert_lacks(message, "hunter2");
    struct worker_config *worker = worker_of(MINIMAL "sasl.password.typo=hunter2\nunknown.password=hunter2\n");
    for (size_t i = 0; i < worker_config_warning_count(worker); i++)
        assert_lacks(worker_config_warning(worker, i), "hunter2");
    worker_config_destroy(worker);
}

static void standalone_needs_an_offset_file_and_no_group(void **state)
{
    (void)state;
    static const char text[] = "bootstrap.servers=b:1\nkey.converter=K\nvalue.converter=V\n";
    const char *message = refusal(WORKER_STANDALONE, text);
    assert_contains(message, "offset.storage.file.filename: Missing");
    assert_lacks(message, "group.id");
    struct string_map *map = properties_of(text);
    struct mr_error *error = NULL;
    assert_true(string_map_put(map, "offset.storage.file.filename", "/tmp/connect.offsets"));
    struct worker_config *worker = worker_config_create(WORKER_STANDALONE, map, &error);
    assert_non_null(worker);
    assert_string_equal(worker->offset_file, "/tmp/connect.offsets");
    assert_string_equal(worker->group_id, "");
    assert_int_equal(worker_config_warning_count(worker), 0);
    worker_config_destroy(worker);
    string_map_destroy(map);
}

static void huge_time_outs_count_as_the_largest(void **state)
{
    (void)state;
    struct worker_config *worker = worker_of(MINIMAL "offset.flush.interval.ms=9223372036854775807\n");
    assert_int_equal(worker->offset_flush_interval_ms, INT32_MAX);
    worker_config_destroy(worker);
}

static bool create_and_destroy(void *argument)
{
    struct mr_error *error = NULL;
    struct string_map *map = argument;
    struct worker_config *worker = worker_config_create(WORKER_DISTRIBUTED, map, &error);
    bool worked = worker != NULL;
    worker_config_destroy(worker);
    mr_error_drop(error);
    return worked;
}

static void memory_may_run_short_anywhere(void **state)
{
    (void)state;
    struct string_map *map = properties_of(MINIMAL "internal.key.converter=a\nunknown=b\nlisteners=http://[::1]:1\n");
    alloc_torture(create_and_destroy, map);
    string_map_destroy(map);
}

static void a_preset_is_taken_whole_or_not_at_all(void **state)
{
    (void)state;
    struct string_map *map = properties_of(MINIMAL "millrace.kafka.preset=eventhubs\n");
    alloc_torture(create_and_destroy, map);
    string_map_destroy(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_shipped_with_kafka_loads_without_a_warning),
        cmocka_unit_test(a_preset_goes_below_what_is_written_and_says_what_it_did),
        cmocka_unit_test(a_preset_is_taken_whole_or_not_at_all),
        cmocka_unit_test(defaults_are_those_of_kafka_connect_but_for_the_named_two),
        cmocka_unit_test(all_mistakes_are_told_at_once_with_their_remedies),
        cmocka_unit_test(single_mistakes_are_refused_in_words),
        cmocka_unit_test(the_leaders_writes_are_transactions_where_they_are_wished_for),
        cmocka_unit_test(listeners_are_read),
        cmocka_unit_test(https_is_told_to_others_only_where_there_is_no_http),
        cmocka_unit_test(administrative_endpoints_have_listeners_of_their_own),
        cmocka_unit_test(a_proxy_in_front_is_what_others_are_told),
        cmocka_unit_test(what_is_ignored_is_warned_about_by_name),
        cmocka_unit_test(what_clients_and_plugins_need_is_accepted_in_silence),
        cmocka_unit_test(tasks_that_would_go_without_the_workers_security_are_warned_about),
        cmocka_unit_test(secrets_stand_in_no_message),
        cmocka_unit_test(standalone_needs_an_offset_file_and_no_group),
        cmocka_unit_test(huge_time_outs_count_as_the_largest),
        cmocka_unit_test(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
