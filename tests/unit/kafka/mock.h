/* mock: librdkafka's mock cluster for one test, and configurations that point to it. Include after cmocka.h. */
#ifndef TEST_KAFKA_MOCK_H
#define TEST_KAFKA_MOCK_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/string_map.h"
#include "kafka/client_config.h"

/* When members come and go, the mock's group waits for nearly a session before it goes on: a short one. Older mocks hold the
 * first member of a group for three seconds, and forget one whose session is over by then. */
#if RD_KAFKA_VERSION >= 0x020c0000
#define MOCK_FIRST_REBALANCE_MS 100
#define MOCK_SESSION_MS 2000
#define MOCK_SESSION_LINE "session.timeout.ms=2000\n"
#else
#define MOCK_SESSION_MS 6000
#define MOCK_SESSION_LINE "session.timeout.ms=6000\n"
#endif

struct mock {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
};

static inline void mock_open_brokers(struct mock *mock, int brokers)
{
    char words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
    mock->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    assert_non_null(mock->rk);
    mock->cluster = rd_kafka_mock_cluster_new(mock->rk, brokers);
    assert_non_null(mock->cluster);
#ifdef MOCK_FIRST_REBALANCE_MS
    rd_kafka_mock_group_initial_rebalance_delay_ms(mock->cluster, MOCK_FIRST_REBALANCE_MS);
#endif
}

static inline void mock_open(struct mock *mock)
{
    mock_open_brokers(mock, 1);
}

static inline void mock_close(struct mock *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rk);
}

/* lines: "name=value\n…" over the layers of the kind; client id "test". */
static inline struct client_config *mock_config(const struct mock *mock, enum client_kind kind, const char *group,
                                                const char *lines)
{
    struct string_map *worker = string_map_create();
    string_map_put(worker, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock->cluster));
    struct client_layers layers = {.worker = worker, .client_id = "test", .group_id = group};
    struct string_map *properties = client_properties_for(kind, &layers);
    while (*lines != '\0') {
        char line[256];
        size_t length = strcspn(lines, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, lines);
        char *equals = strchr(line, '=');
        *equals = '\0';
        string_map_put(properties, line, equals + 1);
        lines += length + (lines[length] == '\n');
    }
    struct client_config *config = client_config_create(kind, properties, NULL, NULL);
    assert_non_null(config);
    string_map_destroy(properties);
    string_map_destroy(worker);
    return config;
}

#endif
