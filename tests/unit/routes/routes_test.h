/*
 * routes_test: a REST server over a fake herder that knows the connector "here" with one task, and "a/b"; and a client.
 */
#ifndef ROUTES_TEST_H
#define ROUTES_TEST_H

#include "fake_herder.h"

#include <millrace/error.h>

#include "config/worker_config.h"
#include "forwarding/forwarding.h"
#include "loader/host.h"
#include "routes/rest_server.h"
#include "support/eventually.h"
#include "support/raw_http.h"

/* What the next set-up records changes to; NULL: nothing. */
static struct audit *fixture_audit;
static struct metrics_registry *fixture_metrics; /* likewise */
/* What the next set-up has besides. */
static struct {
    const char *rest_extensions;                 /* NULL: none */
    const char *connect_protocol, *peer_secret; /* one of them: it is a worker among others */
} fixture_extras;

struct fixture {
    struct herder herder;
    struct forwarding *forwarding; /* NULL: it stands alone */
    struct string_map *properties;
    struct rest_server *server;
    uint16_t port;
};

static inline void put_connector(struct herder *herder, const char *name)
{
    struct string_map *config = string_map_create();
    string_map_put(config, "connector.class", "Some");
    string_map_put(config, "password", "${env:SECRET}");
    string_map_put(config, "name", name);
    assert_int_equal(config_store_put_connector(herder->configs, name, config, NULL, DEADLINE_NEVER, NULL), 0);
    string_map_destroy(config);
}

static inline void put_task(struct herder *herder, const char *name)
{
    struct string_map *task = string_map_create();
    string_map_put(task, "task.class", "SomeTask");
    assert_int_equal(config_store_put_tasks(herder->configs, name, (const struct string_map *const[]){task}, 1,
                                            DEADLINE_NEVER, NULL),
                     0);
    string_map_destroy(task);
    struct unit_status running = {UNIT_RUNNING, "h:1", 1, NULL, "1.0"}, failed = {UNIT_FAILED, "h:1", 1, "boom", "1.0"};
    status_store_put_connector(herder->statuses, name, &running, STATUS_CERTAIN);
    status_store_put_task(herder->statuses, name, 0, &failed, STATUS_CERTAIN);
}

static inline struct forwarding *start_forwarding(struct herder *herder)
{
    static const struct session_key key = {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "HmacSHA256", 1};
    struct mr_error *error = NULL;
    if (fixture_extras.connect_protocol == NULL && fixture_extras.peer_secret == NULL)
        return NULL;
    assert_int_equal(config_store_put_session_key(herder->configs, &key, DEADLINE_NEVER, NULL), 0);
    struct forwarding *forwarding = forwarding_start(
        &(struct forwarding_setup){.worker = &herder->worker, .configs = herder->configs, .address = "127.0.0.1:1"}, &error);
    if (forwarding == NULL)
        fail_msg("%s", mr_error_message(error));
    return forwarding;
}

/* `auth`: who may log in; `plugins`: a path of them. */
static inline int set_up_guarded(void **state, bool serves_admin, const struct rest_auth_config *auth, const char *plugins)
{
    static struct fixture fixture;
    struct listener_address address = {.host = "127.0.0.1", .port = 0}; /* also of admin.listeners, if any */
    struct worker_config worker = {.listeners = &address,
                                   .listener_count = 1,
                                   .admin_on_listeners = serves_admin,
                                   .admin_listeners = &address,
                                   .admin_listener_count = serves_admin ? 0 : 1,
                                   .topic_tracking_enable = true,
                                   .topic_tracking_allow_reset = true,
                                   .rest_extensions = fixture_extras.rest_extensions,
                                   .rest_extension_timeout_ms = 20000,
                                   .connect_protocol = fixture_extras.connect_protocol,
                                   .inter_worker_secret = fixture_extras.peer_secret,
                                   .signature_algorithm = "HmacSHA256",
                                   .verification_algorithms = "HmacSHA256",
                                   .advertised_scheme = "http",
                                   .rest_auth = *auth};
    struct mr_error *error = NULL;
    memset(&fixture, 0, sizeof(fixture));
    worker.properties = fixture.properties = string_map_create();
    fixture.herder.worker = worker;
    mutex_init(&fixture.herder.lock);
    fixture.herder.configs = memory_config_store_create(NULL);
    fixture.herder.statuses = memory_status_store_create(NULL);
    fixture.herder.loader = loader_create(&(struct loader_setup){.plugin_path = plugins, .host = loader_host()}, NULL);
    fixture.herder.is_ready = true;
    fixture.herder.cluster_id = "cluster";
    put_connector(&fixture.herder, "here");
    put_connector(&fixture.herder, "a/b");
    put_task(&fixture.herder, "here");
    fixture.forwarding = start_forwarding(&fixture.herder);
    fixture.server = rest_server_start(&(struct rest_setup){.herder = &fixture.herder,
                                                            .worker = &worker,
                                                            .forwarding = fixture.forwarding,
                                                            .audit = fixture_audit,
                                                            .metrics = fixture_metrics},
                                       &error);
    if (fixture.server == NULL)
        fail_msg("%s", mr_error_message(error));
    fixture.port = rest_server_port(fixture.server, 0);
    *state = &fixture;
    return 0;
}

static inline int set_up_serving(void **state, bool serves_admin)
{
    return set_up_guarded(state, serves_admin, &(struct rest_auth_config){.passwords_file = NULL}, NULL);
}

static inline int set_up(void **state)
{
    return set_up_serving(state, true);
}

static inline int set_up_without_admin(void **state)
{
    return set_up_serving(state, false);
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    rest_server_stop(fixture->server);
    forwarding_stop(fixture->forwarding);
    string_map_destroy(fixture->properties);
    config_store_destroy(fixture->herder.configs);
    status_store_destroy(fixture->herder.statuses);
    loader_destroy(fixture->herder.loader);
    mutex_destroy(&fixture->herder.lock);
    return 0;
}

static struct reply *ask(void **state, const char *method_and_path, const char *body)
{
    static char request[4000];
    struct fixture *fixture = *state;
    if (body == NULL)
        snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: me:1\r\n\r\n", method_and_path);
    else
        snprintf(request, sizeof(request),
                 "%s HTTP/1.1\r\nHost: me:1\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 method_and_path, strlen(body), body);
    return raw_ask(fixture->port, request);
}

static inline void expect(void **state, const char *method_and_path, const char *body, int status, const char *answer)
{
    struct reply *reply = ask(state, method_and_path, body);
    if (reply->status != status || strcmp(reply->body, answer) != 0)
        fail_msg("%s: %d %s", method_and_path, reply->status, reply->body);
    const char *type = reply_header(reply, "Content-Type");
    if (*answer != '\0')
        assert_string_equal(type, "application/json");
    else
        assert_null(type);
}

static inline void expect_asked(void **state, const char *asked)
{
    struct fixture *fixture = *state;
    assert_string_equal(fixture->herder.asked, asked);
}

#endif
