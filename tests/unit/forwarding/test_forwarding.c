/* Requests that are passed on to the worker they belong to, and the calls of the herder. */
#include "workers.h"

/* ---- hops ---- */

static void two_hops_reach_the_worker_and_three_do_not(void **state)
{
    struct cluster *cluster = *state;
    make_chain(cluster, 3);
    expect(&cluster->workers[0], "PUT /connectors/here/pause", NULL, 202, "");
    assert_string_equal(cluster->workers[2].herder.asked, "pause here");
    make_chain(cluster, 4);
    expect(&cluster->workers[0], "PUT /connectors/here/resume", NULL, 409, "{\"error_code\":409,\"message\":\"not here\"}");
    assert_string_equal(cluster->workers[3].herder.asked, "");
}

static void the_forward_parameter_says_how_far(void **state)
{
    struct cluster *cluster = *state;
    make_chain(cluster, 3);
    expect(&cluster->workers[0], "PUT /connectors/here/pause?forward=false", NULL, 409,
           "{\"error_code\":409,\"message\":\"not here\"}");
    expect(&cluster->workers[0], "PUT /connectors/here/pause?forward=true", NULL, 409,
           "{\"error_code\":409,\"message\":\"not here\"}");
    expect(&cluster->workers[1], "PUT /connectors/here/pause?forward=TRUE", NULL, 202, "");
    expect(&cluster->workers[0], "PUT /connectors/here/pause?forward=perhaps", NULL, 202, "");
}

static void a_circle_ends(void **state)
{
    struct cluster *cluster = *state;
    cluster->workers[0].herder.forward_url = cluster->workers[0].url;
    expect(&cluster->workers[0], "PUT /connectors/here/pause", NULL, 409, "{\"error_code\":409,\"message\":\"not here\"}");
}

/* ---- what is carried ---- */

static void paths_parameters_and_bodies_arrive_as_they_were(void **state)
{
    struct cluster *cluster = *state;
    struct worker *first = &cluster->workers[0];
    const char *asked = cluster->workers[1].herder.asked;
    make_chain(cluster, 2);
    expect(first, "PUT /connectors/a%2Fb%25%20%C3%A9;v=1/stop/", NULL, 204, "");
    assert_string_equal(asked, "stop a/b% \xC3\xA9");
    expect(first, "POST /connectors/here/tasks/3/restart", NULL, 204, "");
    assert_string_equal(asked, "restart task here-3");
    expect(first, "POST /connectors/here/restart?includeTasks=True&onlyFailed=false&other=1", NULL, 404,
           "{\"error_code\":404,\"message\":\"Status for connector here not found\"}");
    assert_string_equal(asked, "restart here 1 0");
    expect(first, "PATCH /connectors/here/config", "{\"a\":\"\xC3\xA9\",\"b\":null}", 200,
           "{\"name\":\"here\",\"config\":{\"connector.class\":\"Some\",\"name\":\"here\"},\"tasks\":[],\"type\":\"unknown\"}");
    assert_string_equal(asked, "patch here a=\xC3\xA9 b=(null)");
    expect(first, "DELETE /connectors/here", NULL, 204, "");
    assert_string_equal(asked, "delete here");
    expect(first, "PATCH /connectors/here/offsets", "{\"offsets\":[{\"partition\":{\"p\":1},\"offset\":{\"o\":2}}]}", 200,
           "{\"message\":\"altered\"}");
    assert_string_equal(asked, "alter here {\"p\":1}={\"o\":2}");
}

static void statuses_and_errors_come_back_unchanged(void **state)
{
    static const int STATUSES[] = {400, 404, 409, 500, 503};
    struct cluster *cluster = *state;
    make_chain(cluster, 2);
    cluster->workers[1].herder.message = "because \"of\" \xC3\xA9";
    for (size_t i = 0; i < sizeof(STATUSES) / sizeof(STATUSES[0]); i++) {
        char body[100];
        snprintf(body, sizeof(body), "{\"error_code\":%d,\"message\":\"because \\\"of\\\" \xC3\xA9\"}", STATUSES[i]);
        cluster->workers[1].herder.status = STATUSES[i];
        expect(&cluster->workers[0], "DELETE /connectors/here", NULL, STATUSES[i], body);
    }
}

static bool first_has_new(void *argument)
{
    struct cluster *cluster = argument;
    struct config_snapshot *snapshot = config_store_snapshot(cluster->workers[1].herder.configs);
    bool has = config_snapshot_has(snapshot, "new");
    config_snapshot_drop(snapshot);
    return has;
}

/* Nothing may have come; a look at the socket proves it for the moment. */
static bool has_answer(int client)
{
    char byte;
    return recv(client, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void a_write_is_told_when_the_asked_worker_shows_it(void **state)
{
    struct cluster *cluster = *state;
    struct worker *first = &cluster->workers[0];
    make_chain(cluster, 2);
    int client = raw_open(first->port);
    say(client, "POST /connectors", "", "{\"name\":\"new\",\"config\":{\"connector.class\":\"Some\"}}");
    assert_true(eventually(WAIT_MS, first_has_new, cluster));
    assert_false(has_answer(client));
    put_connector(&first->herder, "new"); /* its log reader comes as far */
    struct reply *reply = client_read(client, true);
    assert_int_equal(reply->status, 201);
    assert_string_equal(reply_header(reply, "Location"), "http://me:1/connectors/new");
    assert_string_equal(reply->body,
                        "{\"name\":\"new\",\"config\":{\"connector.class\":\"Some\",\"name\":\"new\"},\"tasks\":[],\"type\":\"unknown\"}");
    assert_null(reply_header(reply, FORWARDING_OFFSET_HEADER)); /* between workers only */
    close(client);
}

/* ---- when it does not work ---- */

static void a_worker_that_cannot_be_reached_is_named_and_to_be_asked_again(void **state)
{
    struct cluster *cluster = *state;
    cluster->workers[0].herder.forward_url = "http://127.0.0.1:1/";
    struct reply *reply = ask(&cluster->workers[0], "PUT /connectors/here/pause", "", NULL);
    assert_int_equal(reply->status, 409);
    assert_non_null(strstr(reply->body, "{\"error_code\":409,\"message\":\"Worker http://127.0.0.1:1/, "));
    assert_non_null(strstr(reply->body, "; nothing was sent to it, try again\"}"));
}

static void a_slow_worker_is_given_up_at_the_deadline(void **state)
{
    struct cluster *cluster = *state;
    struct passed passed = {.times = 0};
    mutex_init(&passed.lock);
    cluster->workers[1].herder.holds = true;
    forwarding_send(cluster->workers[0].forwarding,
                    &(struct forwarding_request){.url = cluster->workers[1].url,
                                                 .method = "PUT",
                                                 .target = "connectors/here/pause?forward=true",
                                                 .deadline_ms = clock_monotonic_ms(NULL) + 100},
                    on_passed, &passed);
    assert_true(eventually(WAIT_MS, was_passed, &passed));
    assert_int_equal(passed.status, 500);
    assert_string_equal(passed.words, "IO Error trying to forward REST request: no answer in time");
    assert_true(eventually(WAIT_MS, fake_holds_one, &cluster->workers[1].herder));
}

static void a_hundred_requests_at_one_time_are_all_answered(void **state)
{
    struct cluster *cluster = *state;
    int clients[100];
    make_chain(cluster, 3);
    for (size_t i = 0; i < 100; i++) {
        clients[i] = raw_open(cluster->workers[0].port);
        assert_true(clients[i] >= 0);
        say(clients[i], "PUT /connectors/here/stop", "", NULL);
    }
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(client_read(clients[i], true)->status, 204);
        close(clients[i]);
    }
}

static void a_stopped_server_leaves_no_request_behind(void **state)
{
    struct cluster *cluster = *state;
    struct worker *first = &cluster->workers[0];
    make_chain(cluster, 2);
    cluster->workers[1].herder.holds = true;
    int client = raw_open(first->port);
    say(client, "PUT /connectors/here/pause", "", NULL);
    assert_true(eventually(WAIT_MS, fake_holds_one, &cluster->workers[1].herder));
    rest_server_stop(first->server);
    first->server = NULL;
    assert_int_equal(client_read(client, true)->status, 503);
    close(client);
}

/* ---- for somebody who has logged in at the worker that passes it on; nobody logs in at the other ---- */

static void pass_for_ann(struct cluster *cluster, const char *method, const char *target, const char *body, struct passed *passed)
{
    struct identity *ann = identity_create("ann", IDENTITY_TOKEN);
    assert_non_null(ann);
    *passed = (struct passed){.times = 0};
    mutex_init(&passed->lock);
    forwarding_send(cluster->workers[0].forwarding,
                    &(struct forwarding_request){.url = cluster->workers[1].url,
                                                 .method = method,
                                                 .target = target,
                                                 .body = body,
                                                 .body_length = body == NULL ? 0 : strlen(body),
                                                 .caller = ann,
                                                 .deadline_ms = clock_monotonic_ms(NULL) + WAIT_MS},
                    on_passed, passed);
    identity_destroy(ann);
    assert_true(eventually(WAIT_MS, was_passed, passed));
}

static bool stores_password(struct herder *herder, const char *password)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->configs);
    bool stores = strcmp(string_map_get_or(config_snapshot_config(snapshot, "here"), "password", "(none)"), password) == 0;
    config_snapshot_drop(snapshot);
    return stores;
}

static void what_another_worker_hid_is_not_written_over(void **state)
{
    struct cluster *cluster = *state;
    struct herder *herder = &cluster->workers[1].herder;
    struct passed passed;
    pass_for_ann(cluster, "PUT", "connectors/here/config?forward=true", "{\"connector.class\":\"Some\",\"password\":\"swordfish\"}",
                 &passed);
    assert_int_equal(passed.status, 200);
    pass_for_ann(cluster, "PUT", "connectors/here/config?forward=true", "{\"connector.class\":\"Some\",\"password\":\"[hidden]\"}",
                 &passed);
    assert_int_equal(passed.status, 200);
    assert_true(stores_password(herder, "swordfish"));
    pass_for_ann(cluster, "PUT", "connectors/here/config?forward=true", "{\"connector.class\":\"Some\",\"token\":\"[hidden]\"}", &passed);
    assert_int_equal(passed.status, 400);
    assert_true(stores_password(herder, "swordfish"));
    /* A client of this worker, where nothing is hidden, means what it says. */
    assert_int_equal(ask(&cluster->workers[1], "PUT /connectors/here/config", "", "{\"password\":\"[hidden]\"}")->status, 200);
    assert_true(stores_password(herder, "[hidden]"));
}

static void whoever_has_logged_in_elsewhere_is_told_who_they_are(void **state)
{
    struct passed passed;
    pass_for_ann(*state, "GET", "whoami", NULL, &passed);
    assert_int_equal(passed.status, 200);
    assert_string_equal(passed.body, "{\"name\":\"ann\",\"login\":\"token\",\"role\":\"admin\",\"data\":true,\"groups\":[]}");
}

/* ---- internal requests ---- */

#define TASKS "[{\"a\":\"1\"}]"
#define SIGNED                                                                                                         \
    SIGNATURE_HEADER ": 6gzOHQkAGM03HPZ+z/WOJRH2v7muyEoWPR3K2q7ZUyo=\r\n" SIGNATURE_ALGORITHM_HEADER ": HmacSHA256\r\n"

static void task_configurations_need_a_signature(void **state)
{
    struct cluster *cluster = *state;
    struct worker *first = &cluster->workers[0];
    struct reply *reply = ask(first, "POST /connectors/here/tasks", "", TASKS);
    assert_int_equal(reply->status, 400);
    assert_string_equal(reply->body, "{\"error_code\":400,\"message\":\"Internal request missing required signature\"}");
    reply = ask(first, "POST /connectors/here/tasks", SIGNED, "[{\"a\":\"2\"}]");
    assert_int_equal(reply->status, 403);
    assert_string_equal(first->herder.asked, "");
    reply = ask(first, "POST /connectors/here/tasks", SIGNED, TASKS);
    assert_int_equal(reply->status, 204);
    assert_string_equal(first->herder.asked, "tasks here 1 1");
}

static void a_signed_request_is_passed_on_with_its_signature(void **state)
{
    struct cluster *cluster = *state;
    make_chain(cluster, 3);
    assert_int_equal(ask(&cluster->workers[0], "POST /connectors/here/tasks", SIGNED, TASKS)->status, 204);
    assert_string_equal(cluster->workers[2].herder.asked, "tasks here 1 1");
}

static const char *sign(const char *body)
{
    static char headers[300];
    char signature[SIGNATURE_TEXT_SIZE];
    assert_true(signature_make("HmacSHA256", &KEY, body, strlen(body), signature));
    snprintf(headers, sizeof(headers), SIGNATURE_HEADER ": %s\r\n" SIGNATURE_ALGORITHM_HEADER ": HmacSHA256\r\n", signature);
    return headers;
}

static const char *const NO_TASKS[] = {"[", "{}", "[1]", "[{\"a\":{}}]", "null", "[{}] x"};

static void bodies_that_are_no_task_configurations_are_500(void **state)
{
    struct cluster *cluster = *state;
    for (size_t i = 0; i < sizeof(NO_TASKS) / sizeof(NO_TASKS[0]); i++)
        assert_int_equal(ask(&cluster->workers[0], "POST /connectors/here/tasks", sign(NO_TASKS[i]), NO_TASKS[i])->status, 500);
    assert_int_equal(ask(&cluster->workers[0], "POST /connectors/here/tasks", sign(""), NULL)->status, 500);
    assert_string_equal(cluster->workers[0].herder.asked, "");
}

/* Strangers' bodies cost nothing but their bytes, and of those who do not sign not even these. */
static void whether_a_worker_asks_is_known_before_its_body_is_read(void **state)
{
    struct cluster *cluster = *state;
    struct worker *first = &cluster->workers[0];
    for (size_t i = 0; i < sizeof(NO_TASKS) / sizeof(NO_TASKS[0]); i++) {
        assert_int_equal(ask(first, "POST /connectors/here/tasks", SIGNED, NO_TASKS[i])->status, 403);
        assert_int_equal(ask(first, "POST /connectors/here/tasks", "", NO_TASKS[i])->status, 400);
    }
    int client = raw_open(first->port);
    char head[300];
    snprintf(head, sizeof(head), "POST /connectors/here/tasks HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
             "Content-Length: %u\r\n\r\n[", FORWARDING_BODY_MAX + 1);
    client_say(client, head);
    for (size_t sent = 1; sent < FORWARDING_BODY_MAX + 1; sent += 65536) {
        static char zeros[65537];
        memset(zeros, '0', 65536);
        if (!client_say(client, zeros))
            break;
    }
    assert_int_equal(client_read(client, true)->status, 400); /* not 413: nothing of it was kept */
    close(client);
}

#define EMPTY                                                                                                          \
    SIGNATURE_HEADER ": 04tCCW2A9F+Ca0Sp1WB95ySWpBXT9KGoyI47udqNwcs=\r\n" SIGNATURE_ALGORITHM_HEADER ": HmacSHA256\r\n"

static void fencing_needs_a_signature_and_a_connector(void **state)
{
    struct cluster *cluster = *state;
    assert_int_equal(ask(&cluster->workers[0], "PUT /connectors/here/fence", "", NULL)->status, 400);
    assert_int_equal(ask(&cluster->workers[0], "PUT /connectors/here/fence", SIGNED, NULL)->status, 403);
    assert_int_equal(ask(&cluster->workers[0], "PUT /connectors/here/fence", EMPTY, NULL)->status, 204);
    assert_int_equal(ask(&cluster->workers[0], "PUT /connectors/gone/fence", EMPTY, NULL)->status, 404);
}

/* ---- the herder's calls ---- */

static void on_link_done(void *argument, int status, const char *message)
{
    on_passed(argument, &(struct forwarding_answer){.status = status, .message = message});
}

static void put_tasks_made_from(const char *made_from, struct worker *worker, const char *url, const char *connector,
                                struct passed *passed)
{
    const struct leader_link *link = forwarding_leader_link(worker->forwarding);
    struct string_map *map = string_map_create();
    string_map_put(map, "a", "1");
    *passed = (struct passed){.times = 0};
    mutex_init(&passed->lock);
    link->put_tasks(link->argument, url,
                    &(struct leader_link_tasks){connector, (const struct string_map *const[]){map, map}, 2, made_from},
                    clock_monotonic_ms(NULL) + WAIT_MS, on_link_done, passed);
    string_map_destroy(map);
    assert_true(eventually(WAIT_MS, was_passed, passed));
    assert_int_equal(passed->times, 1);
}

static void put_tasks(struct worker *worker, const char *url, const char *connector, struct passed *passed)
{
    put_tasks_made_from(NULL, worker, url, connector, passed);
}

static void what_task_configurations_were_made_from_goes_along_over_two_hops(void **state)
{
    struct cluster *cluster = *state;
    struct passed passed;
    put_tasks_made_from("00ff", &cluster->workers[0], cluster->workers[1].url, "here", &passed);
    assert_int_equal(passed.status, 204);
    assert_string_equal(cluster->workers[1].herder.asked, "tasks here 2 1 of 00ff");
    cluster->workers[1].herder.forward_url = cluster->workers[2].url; /* no leader any more */
    put_tasks_made_from("00ff", &cluster->workers[0], cluster->workers[1].url, "here", &passed);
    assert_int_equal(passed.status, 204);
    assert_string_equal(cluster->workers[2].herder.asked, "tasks here 2 1 of 00ff");
}

static void task_configurations_reach_the_leader_signed(void **state)
{
    struct cluster *cluster = *state;
    struct passed passed;
    put_tasks(&cluster->workers[0], cluster->workers[1].url, "a/b", &passed);
    assert_int_equal(passed.status, 204);
    assert_string_equal(cluster->workers[1].herder.asked, "tasks a/b 2 1");
}

static void ask_for_fence(struct worker *worker, const char *url, struct passed *passed)
{
    const struct leader_link *link = forwarding_leader_link(worker->forwarding);
    *passed = (struct passed){.times = 0};
    mutex_init(&passed->lock);
    link->fence(link->argument, url, "here", clock_monotonic_ms(NULL) + WAIT_MS, on_link_done, passed);
    assert_true(eventually(WAIT_MS, was_passed, passed));
    assert_int_equal(passed->times, 1);
}

static void former_tasks_are_shut_out_by_the_leader(void **state)
{
    struct cluster *cluster = *state;
    struct herder *leader = &cluster->workers[1].herder;
    struct passed passed;
    ask_for_fence(&cluster->workers[0], cluster->workers[1].url, &passed);
    assert_int_equal(passed.status, 204); /* it never had transactions */
    assert_string_equal(leader->asked, "");
    assert_int_equal(config_store_put_fenced_count(leader->configs, "here", 2, &(struct config_condition){0}, DEADLINE_NEVER, NULL), 0);
    ask_for_fence(&cluster->workers[0], cluster->workers[1].url, &passed);
    assert_int_equal(passed.status, 204);
    assert_string_equal(leader->asked, "fence here");
    leader->status = 501;
    leader->message = "no right";
    ask_for_fence(&cluster->workers[0], cluster->workers[1].url, &passed);
    assert_int_equal(passed.status, 501);
    assert_string_equal(passed.words, "no right");
}

static void where_workers_have_a_secret_the_session_key_does_not_do(void **state)
{
    struct cluster *cluster = *state;
    struct passed passed;
    struct reply *reply = ask(&cluster->workers[0], "POST /connectors/here/tasks", SIGNED, TASKS);
    assert_int_equal(reply->status, 403);
    assert_non_null(strstr(reply->body, "set the same millrace.inter.worker.secret on all workers"));
    assert_int_equal(ask(&cluster->workers[0], "PUT /connectors/here/fence", EMPTY, NULL)->status, 403);
    assert_string_equal(cluster->workers[0].herder.asked, "");
    assert_int_equal(strlen(forwarding_leader_link(cluster->workers[0].forwarding)->secret_mark), 4);
    put_tasks(&cluster->workers[0], cluster->workers[1].url, "here", &passed);
    assert_int_equal(passed.status, 204);
    assert_string_equal(cluster->workers[1].herder.asked, "tasks here 2 1");
    cluster->workers[1].herder.forward_url = cluster->workers[2].url;
    put_tasks(&cluster->workers[0], cluster->workers[1].url, "here", &passed);
    assert_int_equal(passed.status, 204);
    assert_string_equal(cluster->workers[2].herder.asked, "tasks here 2 1");
}

static void many_task_configurations_fit_one_request(void **state)
{
    struct cluster *cluster = *state;
    const struct leader_link *link = forwarding_leader_link(cluster->workers[0].forwarding);
    struct string_map *map = string_map_create();
    static const struct string_map *maps[3000];
    char value[2000];
    struct passed passed = {.times = 0};
    mutex_init(&passed.lock);
    snprintf(value, sizeof(value), "%01999d", 7);
    string_map_put(map, "b", value);
    for (size_t i = 0; i < 3000; i++)
        maps[i] = map;
    link->put_tasks(link->argument, cluster->workers[1].url, &(struct leader_link_tasks){"here", maps, 3000, NULL},
                    clock_monotonic_ms(NULL) + WAIT_MS, on_link_done, &passed);
    string_map_destroy(map);
    assert_true(eventually(WAIT_MS, was_passed, &passed));
    assert_int_equal(passed.status, 204);
    assert_string_equal(cluster->workers[1].herder.asked, "tasks here 3000 (none)");
}

static void the_leaders_words_come_back(void **state)
{
    struct cluster *cluster = *state;
    struct passed passed;
    cluster->workers[1].herder.status = 404;
    cluster->workers[1].herder.message = "Connector here not found";
    put_tasks(&cluster->workers[0], cluster->workers[1].url, "here", &passed);
    assert_int_equal(passed.status, 404);
    assert_string_equal(passed.words, "Connector here not found");
    put_tasks(&cluster->workers[0], "http://127.0.0.1:1/", "here", &passed);
    assert_int_equal(passed.status, 0);
    assert_non_null(strstr(passed.words, "Worker http://127.0.0.1:1/, which would have to do this, cannot be reached"));
}

static void without_a_key_nothing_is_sent(void **state)
{
    struct cluster *cluster = *state;
    struct passed passed;
    struct worker *first = &cluster->workers[0];
    struct config_store *with_key = first->herder.configs, *without = memory_config_store_create(NULL);
    struct forwarding *forwarding = first->forwarding;
    first->forwarding =
        forwarding_start(&(struct forwarding_setup){.worker = &first->herder.worker, .configs = without}, NULL);
    put_tasks(first, cluster->workers[1].url, "here", &passed);
    assert_int_equal(passed.status, 0);
    assert_string_equal(passed.words, "the leader has not written a session key yet");
    first->herder.worker.connect_protocol = "compatible";
    cluster->workers[1].herder.worker.connect_protocol = "compatible";
    forwarding_stop(first->forwarding);
    first->forwarding = forwarding;
    assert_ptr_equal(first->herder.configs, with_key);
    config_store_destroy(without);
    put_tasks(first, cluster->workers[1].url, "here", &passed);
    assert_int_equal(passed.status, 204); /* unsigned */
}

/* ---- when memory runs out ---- */

static bool put_tasks_once(void *argument)
{
    struct worker *worker = argument;
    struct passed passed = {.times = 0};
    mutex_init(&passed.lock);
    struct forwarding *forwarding = forwarding_start(
        &(struct forwarding_setup){.worker = &worker->herder.worker, .configs = worker->herder.configs}, NULL);
    if (forwarding == NULL)
        return false;
    const struct leader_link *link = forwarding_leader_link(forwarding);
    link->put_tasks(link->argument, "http://127.0.0.1:1/", &(struct leader_link_tasks){.connector = "here"},
                    clock_monotonic_ms(NULL) + WAIT_MS, on_link_done, &passed);
    bool was_told = eventually(WAIT_MS, was_passed, &passed);
    forwarding_stop(forwarding);
    assert_true(was_told);
    assert_int_equal(passed.times, 1);
    return strstr(passed.words, "cannot be reached") != NULL;
}

static void whoever_asks_is_told_when_memory_runs_out(void **state)
{
    struct cluster *cluster = *state;
    for (size_t i = 0; i < WORKERS; i++) { /* the watch is to see one thread of the room alone */
        rest_server_stop(cluster->workers[i].server);
        cluster->workers[i].server = NULL;
        forwarding_stop(cluster->workers[i].forwarding);
        cluster->workers[i].forwarding = NULL;
    }
    assert_true(put_tasks_once(&cluster->workers[0]));
    alloc_torture(put_tasks_once, &cluster->workers[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_hops_reach_the_worker_and_three_do_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_forward_parameter_says_how_far, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_circle_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_parameters_and_bodies_arrive_as_they_were, set_up, tear_down),
        cmocka_unit_test_setup_teardown(statuses_and_errors_come_back_unchanged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_is_told_when_the_asked_worker_shows_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_worker_that_cannot_be_reached_is_named_and_to_be_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_worker_is_given_up_at_the_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hundred_requests_at_one_time_are_all_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stopped_server_leaves_no_request_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_another_worker_hid_is_not_written_over, set_up_with_secret, tear_down),
        cmocka_unit_test_setup_teardown(whoever_has_logged_in_elsewhere_is_told_who_they_are, set_up_with_secret, tear_down),
        cmocka_unit_test_setup_teardown(task_configurations_need_a_signature, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signed_request_is_passed_on_with_its_signature, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bodies_that_are_no_task_configurations_are_500, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whether_a_worker_asks_is_known_before_its_body_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fencing_needs_a_signature_and_a_connector, set_up, tear_down),
        cmocka_unit_test_setup_teardown(task_configurations_reach_the_leader_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(former_tasks_are_shut_out_by_the_leader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_task_configurations_were_made_from_goes_along_over_two_hops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_workers_have_a_secret_the_session_key_does_not_do, set_up_with_secret, tear_down),
        cmocka_unit_test_setup_teardown(many_task_configurations_fit_one_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_leaders_words_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_key_nothing_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whoever_asks_is_told_when_memory_runs_out, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
