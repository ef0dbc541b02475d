/* Members with another millrace.inter.worker.secret: the log of each says so, once of each run. */
#include "base/log_sink.h"
#include "herder/cluster_internal.h"
#include "herder/cluster_view.h"
#include "rig.h"

#define OTHER_URL "http://other:8083/"
#define OTHER_BOOT "ffeeddcc00112233"
#define LATER_BOOT "ffeeddcc00112244"

static struct {
    pthread_mutex_t lock;
    unsigned count;
    char words[500]; /* of the newest */
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hear(void *state, const struct log_line *line)
{
    (void)state;
    if (line->level != LOG_LEVEL_WARN || strstr(line->message, "millrace.inter.worker.secret") == NULL)
        return;
    mutex_lock(&told.lock);
    told.count++;
    snprintf(told.words, sizeof(told.words), "%s", line->message);
    mutex_unlock(&told.lock);
}

static const struct log_sink sink = {.write = hear};

static int setup_with(const char *mark)
{
    static struct leader_link link;

    told.count = 0;
    told.words[0] = '\0';
    log_sink_set(&sink);
    link = (struct leader_link){.secret_mark = mark};
    rig_link = &link;
    rig_open(true, 0);
    rig_link = NULL;
    rig_start();
    return 0;
}

static int setup_with_secret(void **state)
{
    (void)state;
    return setup_with("12ab");
}

static int setup_without(void **state)
{
    (void)state;
    return setup_with(NULL);
}

static int teardown(void **state)
{
    rig_teardown(state);
    log_sink_set(NULL);
    return 0;
}

static void lead_beside(const char *boot, const char *more)
{
    const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, true}, {OTHER_URL, boot, false}};
    char text[200];

    snprintf(text, sizeof(text), "{\"boot\":\"%s\"%s}", boot, more);
    assert_int_equal(config_store_put_own_note(rig.configs, &(struct config_note_write){"millrace-member-" OTHER_URL, text},
                                               INT64_MAX, NULL),
                     0);
    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, peers, 2);
    turn();
}

static bool was_told(void *count)
{
    bool was;

    mutex_lock(&told.lock);
    was = told.count == *(const unsigned *)count;
    mutex_unlock(&told.lock);
    return was;
}

/* So often by now, and the last time so. */
static void assert_told(unsigned count, const char *words)
{
    assert_true(eventually(5000, was_told, &count));
    mutex_lock(&told.lock);
    assert_non_null(strstr(told.words, words));
    mutex_unlock(&told.lock);
}

static bool own_record_says_mark(void *argument)
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    const struct cluster_known *own = cluster_picture_find(&view->picture, RIG_URL);
    bool says = own != NULL && own->has_member && cluster_member_shares_secret(&own->member, "12ab");

    (void)argument;
    says = says && strcmp(view->secret_mark, "12ab") == 0;
    herder_cluster_view_destroy(view);
    return says;
}

static void another_secret_is_told_once_of_each_run(void **state)
{
    (void)state;
    lead_beside(OTHER_BOOT, ",\"secret_mark\":\"12ac\"");
    assert_true(eventually(5000, own_record_says_mark, NULL));
    assert_told(1, "worker " OTHER_URL " has another millrace.inter.worker.secret than this one");
    lead_beside(OTHER_BOOT, ",\"secret_mark\":\"12ac\",\"drains\":true");
    assert_told(1, OTHER_URL);
    lead_beside(LATER_BOOT, "");
    assert_told(2, "worker " OTHER_URL " has no millrace.inter.worker.secret, this one has");
}

static void the_same_secret_is_nothing_to_talk_about(void **state)
{
    (void)state;
    lead_beside(OTHER_BOOT, ",\"secret_mark\":\"12ab\"");
    assert_true(eventually(5000, own_record_says_mark, NULL));
    lead_beside(LATER_BOOT, ",\"secret_mark\":\"12ac\"");
    assert_told(1, "another"); /* of the later one alone */
}

static void a_worker_without_a_secret_tells_of_those_that_have_one(void **state)
{
    (void)state;
    lead_beside(OTHER_BOOT, "");
    lead_beside(LATER_BOOT, ",\"secret_mark\":\"12ab\"");
    assert_told(1, "worker " OTHER_URL " has a millrace.inter.worker.secret, this one has none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(another_secret_is_told_once_of_each_run, setup_with_secret, teardown),
        cmocka_unit_test_setup_teardown(the_same_secret_is_nothing_to_talk_about, setup_with_secret, teardown),
        cmocka_unit_test_setup_teardown(a_worker_without_a_secret_tells_of_those_that_have_one, setup_without, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
