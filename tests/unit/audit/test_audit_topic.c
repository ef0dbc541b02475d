/* The topic, on the mock cluster: acknowledged before a change goes on, refused while the brokers are away, and back by itself. */
#include "audit_test.h"

#include "../kafka/mock.h"
#include "base/thread.h"
#include "kafka/admin.h"
#include "kafka/graveyard.h"

#define TOPIC "audit"

struct topic_fixture {
    struct mock mock;
    struct graveyard *graveyard;
    struct client_config *admin_config, *producer_config;
    struct admin *admin;
    struct audit *audit;
};

static int set_up(void **state)
{
    static struct topic_fixture fixture;
    fixture = (struct topic_fixture){.audit = NULL};
    mock_open(&fixture.mock);
    fixture.graveyard = graveyard_create(NULL);
    fixture.admin_config = mock_config(&fixture.mock, CLIENT_INTERNAL_ADMIN, NULL, "");
    fixture.producer_config = mock_config(&fixture.mock, CLIENT_INTERNAL_PRODUCER, NULL, "");
    fixture.admin = admin_open(fixture.admin_config, fixture.graveyard, NULL);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct topic_fixture *fixture = *state;
    audit_close(fixture->audit);
    admin_close(fixture->admin);
    client_config_drop(fixture->admin_config);
    client_config_drop(fixture->producer_config);
    graveyard_destroy(fixture->graveyard, deadline_after_ms(10000));
    mock_close(&fixture->mock);
    return 0;
}

static struct audit *open_record(struct topic_fixture *fixture, struct mr_error **error)
{
    struct audit_setup setup = {.topic = TOPIC,
                                .topic_replication_factor = 1,
                                .admin = fixture->admin,
                                .producer = fixture->producer_config,
                                .graveyard = fixture->graveyard,
                                .deadline_ms = deadline_after_ms(2000),
                                .topic_wait_ms = 2000,
                                .worker = "one:8083"};
    return audit_open(&setup, error);
}

/* All lines, one after another; read by a plain client of librdkafka. */
static void read_topic(struct topic_fixture *fixture, int wanted, char *text, size_t size)
{
    char words[256];
    size_t length = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->mock.cluster), words, sizeof(words));
    rd_kafka_conf_set(conf, "group.id", "reader", words, sizeof(words));
    rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", words, sizeof(words));
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, words, sizeof(words));
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(partitions, TOPIC, 0)->offset = 0;
    rd_kafka_assign(reader, partitions);
    rd_kafka_topic_partition_list_destroy(partitions);
    for (int i = 0, tries = 0; i < wanted && tries < 200; tries++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 100);
        if (message != NULL && message->err == 0) {
            assert_memory_equal(message->key, "one:8083", message->key_len);
            length += (size_t)snprintf(text + length, size - length, "%.*s\n", (int)message->len, (char *)message->payload);
            i++;
        }
        if (message != NULL)
            rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
}

static void a_change_goes_on_when_the_brokers_have_its_line(void **state)
{
    static char text[20000];
    struct topic_fixture *fixture = *state;
    struct asker asker;
    rd_kafka_mock_topic_create(fixture->mock.cluster, TOPIC, 1, 1);
    fixture->audit = open_record(fixture, NULL);
    assert_non_null(fixture->audit);
    for (int i = 0; i < 3; i++) {
        ask_audit(fixture->audit, &asker);
        assert_non_null(asker.change);
        audit_change_end(asker.change, 200, NULL);
    }
    audit_note(fixture->audit, "stop", NULL, 0);
    audit_close(fixture->audit);
    fixture->audit = NULL;
    read_topic(fixture, 7, text, sizeof(text));
    assert_non_null(strstr(text, "\"event\":\"change\",\"seq\":1,"));
    assert_non_null(strstr(text, "\"event\":\"outcome\""));
    assert_non_null(strstr(text, "\"event\":\"stop\",\"seq\":7,"));
}

static void while_the_brokers_refuse_lines_changes_are_refused_and_then_go_on(void **state)
{
    struct topic_fixture *fixture = *state;
    struct asker asker;
    rd_kafka_mock_topic_create(fixture->mock.cluster, TOPIC, 1, 1);
    fixture->audit = open_record(fixture, NULL);
    assert_true(is_admitted_now(fixture->audit));
    rd_kafka_resp_err_t denied[20];
    for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
        denied[i] = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    rd_kafka_mock_push_request_errors_array(fixture->mock.cluster, 0 /* Produce */, sizeof(denied) / sizeof(denied[0]), denied);
    ask_audit(fixture->audit, &asker);
    for (int i = 0; i < 20 && asker.change != NULL; i++) { /* an outcome may have met the first refusal */
        audit_change_end(asker.change, 200, NULL);
        ask_audit(fixture->audit, &asker);
    }
    assert_null(asker.change);
    assert_non_null(strstr(asker.why, "millrace.audit.topic"));
    rd_kafka_mock_clear_request_errors(fixture->mock.cluster, 0);
    assert_true(eventually(2 * SOON_MS, is_admitted_now, fixture->audit));
}

static void brokers_that_are_away_refuse_within_a_bound(void **state)
{
    struct topic_fixture *fixture = *state;
    struct asker asker;
    rd_kafka_mock_topic_create(fixture->mock.cluster, TOPIC, 1, 1);
    fixture->audit = open_record(fixture, NULL);
    assert_true(is_admitted_now(fixture->audit));
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    ask_audit(fixture->audit, &asker);
    assert_null(asker.change);
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 1);
    assert_true(eventually(2 * SOON_MS, is_admitted_now, fixture->audit));
}

static void a_topic_that_is_not_there_is_created_or_named(void **state)
{
    struct topic_fixture *fixture = *state;
    struct mr_error *error = NULL;
    fixture->audit = open_record(fixture, &error);
    if (fixture->audit != NULL) { /* mocks that know the request */
        assert_true(is_admitted_now(fixture->audit));
        return;
    }
    assert_non_null(strstr(mr_error_message(error), "millrace.audit.topic: audit is not there and cannot be created"));
    mr_error_drop(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_goes_on_when_the_brokers_have_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_the_brokers_refuse_lines_changes_are_refused_and_then_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(brokers_that_are_away_refuse_within_a_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_topic_that_is_not_there_is_created_or_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
