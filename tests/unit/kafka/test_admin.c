/* admin on the mock cluster, which knows topics, but not how to create them: what there is, deadlines, words. */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/thread.h"
#include "kafka/admin.h"
#include "kafka/graveyard.h"
#include "mock.h"
#include "support/eventually.h"

#define SOON_MS 20000

struct fixture {
    struct mock mock;
    struct graveyard *graveyard;
    struct admin *admin;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    mock_open(&fixture.mock);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "three", 3, 1);
    fixture.graveyard = graveyard_create(NULL);
    struct client_config *config = mock_config(&fixture.mock, CLIENT_ADMIN, NULL, "");
    fixture.admin = admin_open(config, fixture.graveyard, NULL);
    assert_non_null(fixture.admin);
    client_config_drop(config);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    admin_close(fixture->admin);
    graveyard_destroy(fixture->graveyard, deadline_after_ms(SOON_MS));
    mock_close(&fixture->mock);
    return 0;
}

static int32_t partitions_of(struct fixture *fixture, const char *topic)
{
    int32_t partitions = -1;
    assert_int_equal(admin_partition_count(fixture->admin, topic, &partitions, deadline_after_ms(SOON_MS), NULL), 0);
    return partitions;
}

static void a_topic_is_described_without_being_created(void **state)
{
    struct fixture *fixture = *state;
    struct admin_topics topics;
    assert_int_equal(partitions_of(fixture, "three"), 3);
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "none", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(partitions_of(fixture, "none"), 0);
    assert_int_equal(admin_list_topics(fixture->admin, &topics, deadline_after_ms(SOON_MS), NULL), 0);
    bool found = false;
    for (size_t i = 0; i < topics.count; i++)
        found = found || (strcmp(topics.names[i], "three") == 0 && topics.partitions[i] == 3);
    assert_true(found);
    admin_topics_release(&topics);
}

static void a_topic_that_may_not_be_described_is_an_error_with_words(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    int32_t partitions;
    rd_kafka_mock_topic_set_error(fixture->mock.cluster, "secret", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(admin_partition_count(fixture->admin, "secret", &partitions, deadline_after_ms(SOON_MS), &error), -1);
    assert_non_null(strstr(mr_error_message(error), "secret"));
    mr_error_drop(error);
}

static void a_creation_that_nobody_answers_ends_at_its_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    const struct admin_new_topic topic = {.name = "new", .partitions = 1, .replication_factor = 1};
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    int64_t begun_ms = eventually_now_ms();
    assert_int_equal(admin_create_topic(fixture->admin, &topic, deadline_after_ms(300), &error), ADMIN_CREATE_FAILED);
    assert_true(eventually_now_ms() - begun_ms < 5000);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    assert_non_null(strstr(mr_error_message(error), "topic new cannot be created"));
    mr_error_drop(error);
}

#if RD_KAFKA_VERSION >= 0x020c0000 /* ours is mended (scripts/build-rdkafka) */
/* The mock knows no descriptions of groups: the question ends in an error, once the coordinator was found. */
static enum mr_error_code describe_group(struct fixture *fixture, int64_t within_ms)
{
    struct admin_group group = {0};
    struct mr_error *error = NULL;
    int status = admin_describe_group(fixture->admin, "workers", &group, deadline_after_ms(within_ms), &error);
    enum mr_error_code code = mr_error_code(error);
    assert_int_equal(status, -1);
    admin_group_release(&group);
    mr_error_drop(error);
    return code;
}

static bool goes_unanswered(void *argument)
{
    return describe_group(argument, 300) == MR_ERR_TIMEOUT;
}

/* librdkafka keeps the question for the coordinator that comes back; it must know then that nobody waits for the answer. */
static void questions_that_were_given_up_do_no_harm_when_the_broker_is_back(void **state)
{
    struct fixture *fixture = *state;
    enum mr_error_code answered = describe_group(fixture, SOON_MS);
    assert_int_not_equal(answered, MR_ERR_TIMEOUT);
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    for (int i = 0; i < 4; i++)
        assert_true(eventually(SOON_MS, goes_unanswered, fixture));
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 1);
    assert_int_equal(describe_group(fixture, SOON_MS), answered);
}
#endif

static void numbers_that_kafka_cannot_have_are_refused_before_it_is_asked(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    const struct admin_new_topic topic = {.name = "new", .partitions = -7, .replication_factor = 1};
    assert_int_equal(admin_create_topic(fixture->admin, &topic, deadline_after_ms(SOON_MS), &error), ADMIN_CREATE_FAILED);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    assert_non_null(strstr(mr_error_message(error), "topic new"));
    mr_error_drop(error);
}

static void the_cluster_has_an_id(void **state)
{
    struct fixture *fixture = *state;
    char *id = admin_cluster_id(fixture->admin, deadline_after_ms(SOON_MS), NULL);
    assert_non_null(id);
    assert_true(strlen(id) > 0);
    mem_free(id);
}

static enum mr_error_code altering(struct fixture *fixture, char *topic, int32_t partition)
{
    struct mr_error *error = NULL;
    const struct admin_offset offset = {.topic = topic, .partition = partition, .offset = 7};
    if (admin_alter_group_offsets(fixture->admin, "group", &offset, 1, deadline_after_ms(SOON_MS), &error) == 0)
        return 0;
    assert_non_null(strstr(mr_error_message(error), "group"));
    enum mr_error_code code = mr_error_code(error);
    mr_error_drop(error);
    return code;
}

static void offsets_of_a_group_are_set_where_there_is_such_a_partition(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(altering(fixture, "three", 2), 0);
    assert_int_equal(altering(fixture, "three", 3), MR_ERR_NOT_FOUND);
}

static void produce_one(struct fixture *fixture, const char *topic, int32_t partition)
{
    char servers[256], words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    snprintf(servers, sizeof servers, "%s", rd_kafka_mock_cluster_bootstraps(fixture->mock.cluster));
    rd_kafka_conf_set(conf, "bootstrap.servers", servers, NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_VALUE((void *)"v", 1),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(rk, SOON_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
}

static void positions_are_found_for_each_partition(void **state)
{
    struct fixture *fixture = *state;
    struct admin_position positions[] = {
        {"three", 1, ADMIN_LATEST, 0}, {"three", 0, ADMIN_LATEST, 9}, {"three", 2, ADMIN_EARLIEST, 9}};
    produce_one(fixture, "three", 1);
    assert_int_equal(admin_find_positions(fixture->admin, positions, 3, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(positions[0].offset, 1);
    assert_int_equal(positions[1].offset, 0);
    assert_int_equal(positions[2].offset, 0);
    assert_int_equal(admin_find_positions(fixture->admin, positions, 0, deadline_after_ms(SOON_MS), NULL), 0);
}

static void a_position_that_is_not_told_is_an_error_with_words(void **state)
{
    struct fixture *fixture = *state;
    struct mr_error *error = NULL;
    struct admin_position position = {"three", 0, ADMIN_LATEST, 0};
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, 2 /* ListOffsets */, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(admin_find_positions(fixture->admin, &position, 1, deadline_after_ms(SOON_MS), &error), -1);
    assert_non_null(strstr(mr_error_message(error), "three-0"));
    mr_error_drop(error);
    error = NULL;
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    assert_int_equal(admin_find_positions(fixture->admin, &position, 1, deadline_after_ms(300), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_drop(error);
}

static void a_group_with_members_keeps_its_offsets_to_itself(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, 8 /* OffsetCommit */, 2, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
                                      RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
    assert_int_equal(altering(fixture, "three", 0), MR_ERR_CONFLICT);
    assert_int_equal(altering(fixture, "three", 0), MR_ERR_RETRIABLE);
    assert_int_equal(altering(fixture, "three", 0), 0);
}

#ifndef __SANITIZE_THREAD__ /* there librdkafka brings its own */
/* In place of the C library's, which librdkafka waits with: what it waits for happens just before the wait begins. */
static struct admin *_Atomic late_for; /* NULL: as usual */
static pthread_t late_thread;

int cnd_timedwait(cnd_t *condition, mtx_t *lock, const struct timespec *until)
{
    typedef int wait_fn(cnd_t *, mtx_t *, const struct timespec *);
    static _Atomic(wait_fn *) really;
    struct admin *admin = late_for;

    if (really == NULL)
        really = (wait_fn *)dlsym(RTLD_NEXT, "cnd_timedwait");
    if (admin != NULL && pthread_equal(pthread_self(), late_thread)) {
        late_for = NULL;
        mtx_unlock(lock);
        mem_free(admin_cluster_id(admin, deadline_after_ms(SOON_MS), NULL));
        mtx_lock(lock);
    }
    return really(condition, lock, until);
}

static void an_answer_that_comes_just_before_the_wait_for_it_is_not_missed(void **state)
{
    struct fixture *fixture = *state;
    int64_t begun_ms = eventually_now_ms();
    late_thread = pthread_self();
    late_for = fixture->admin;
    char *id = admin_cluster_id(fixture->admin, deadline_after_ms(SOON_MS), NULL);
    late_for = NULL;
    assert_non_null(id);
    assert_true(eventually_now_ms() - begun_ms < SOON_MS / 2);
    mem_free(id);
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_topic_is_described_without_being_created),
        TEST(a_topic_that_may_not_be_described_is_an_error_with_words),
        TEST(a_creation_that_nobody_answers_ends_at_its_deadline),
#if RD_KAFKA_VERSION >= 0x020c0000
        TEST(questions_that_were_given_up_do_no_harm_when_the_broker_is_back),
#endif
        TEST(numbers_that_kafka_cannot_have_are_refused_before_it_is_asked),
        TEST(the_cluster_has_an_id),
        TEST(offsets_of_a_group_are_set_where_there_is_such_a_partition),
        TEST(positions_are_found_for_each_partition),
        TEST(a_position_that_is_not_told_is_an_error_with_words),
        TEST(a_group_with_members_keeps_its_offsets_to_itself),
#ifndef __SANITIZE_THREAD__
        TEST(an_answer_that_comes_just_before_the_wait_for_it_is_not_missed),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
