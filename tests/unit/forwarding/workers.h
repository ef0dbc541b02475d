/* workers: some made of a REST server, a forwarding and a fake herder each, in one process; and what is asked of them. */
#ifndef TEST_FORWARDING_WORKERS_H
#define TEST_FORWARDING_WORKERS_H

#include "../routes/fake_herder.h"

#include <millrace/error.h>

#include "access/identity.h"
#include "base/base64.h"
#include "base/clock.h"
#include "forwarding/forwarding.h"
#include "forwarding/signature.h"
#include "herder/leader_link.h"
#include "loader/host.h"
#include "routes/rest_server.h"
#include "support/alloc_torture.h"
#include "support/eventually.h"
#include "support/raw_http.h"

#define WAIT_MS 20000
#define WORKERS 4

struct worker {
    struct herder herder;
    struct listener_address address;
    struct string_map *properties;
    struct forwarding *forwarding;
    struct rest_server *server;
    uint16_t port;
    char url[60], host_and_port[40];
};
struct cluster {
    struct worker workers[WORKERS];
};

static inline struct string_map *options_of(const char *name)
{
    struct string_map *config = string_map_create();
    string_map_put(config, "connector.class", "Some");
    string_map_put(config, "name", name);
    return config;
}

static inline void put_connector(struct herder *herder, const char *name)
{
    struct string_map *config = options_of(name);
    assert_int_equal(config_store_put_connector(herder->configs, name, config, NULL, DEADLINE_NEVER, NULL), 0);
    string_map_destroy(config);
}

static const struct session_key KEY = {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "HmacSHA256", 1};

static inline void put_key(struct herder *herder)
{
    assert_int_equal(config_store_put_session_key(herder->configs, &KEY, DEADLINE_NEVER, NULL), 0);
}

static inline void start_worker(struct worker *worker, const char *secret)
{
    struct mr_error *error = NULL;
    struct herder *herder = &worker->herder;
    worker->address = (struct listener_address){.host = "127.0.0.1", .port = 0};
    worker->properties = string_map_create();
    herder->worker = (struct worker_config){.listeners = &worker->address,
                                            .listener_count = 1,
                                            .properties = worker->properties,
                                            .advertised_scheme = "http",
                                            .connect_protocol = "sessioned",
                                            .inter_worker_secret = secret,
                                            .signature_algorithm = "HmacSHA256",
                                            .verification_algorithms = "HmacSHA256"};
    mutex_init(&herder->lock);
    herder->configs = memory_config_store_create(NULL);
    herder->statuses = memory_status_store_create(NULL);
    herder->loader = loader_create(&(struct loader_setup){.host = loader_host()}, NULL);
    herder->is_ready = true;
    herder->cluster_id = "cluster";
    put_connector(herder, "here");
    put_key(herder);
    worker->forwarding =
        forwarding_start(&(struct forwarding_setup){.worker = &herder->worker, .configs = herder->configs, .address = worker->host_and_port},
                         &error);
    worker->server = rest_server_start(
        &(struct rest_setup){.herder = herder, .worker = &herder->worker, .forwarding = worker->forwarding}, &error);
    if (worker->forwarding == NULL || worker->server == NULL)
        fail_msg("%s", mr_error_message(error));
    worker->port = rest_server_port(worker->server, 0);
    snprintf(worker->url, sizeof(worker->url), "http://127.0.0.1:%u/", worker->port);
    snprintf(worker->host_and_port, sizeof(worker->host_and_port), "127.0.0.1:%u", worker->port);
}

static inline void stop_worker(struct worker *worker)
{
    rest_server_stop(worker->server);
    if (worker->herder.held_reply != NULL)
        fake_let_go(&worker->herder, 204);
    forwarding_stop(worker->forwarding);
    config_store_destroy(worker->herder.configs);
    status_store_destroy(worker->herder.statuses);
    loader_destroy(worker->herder.loader);
    string_map_destroy(worker->properties);
    mutex_destroy(&worker->herder.lock);
}

static inline int set_up_all(void **state, const char *secret)
{
    static struct cluster cluster;
    memset(&cluster, 0, sizeof(cluster));
    for (size_t i = 0; i < WORKERS; i++)
        start_worker(&cluster.workers[i], secret);
    *state = &cluster;
    return 0;
}

static inline int set_up(void **state)
{
    return set_up_all(state, "");
}

static inline int set_up_with_secret(void **state)
{
    return set_up_all(state, "0123456789abcdef");
}

static inline int tear_down(void **state)
{
    struct cluster *cluster = *state;
    for (size_t i = 0; i < WORKERS; i++)
        stop_worker(&cluster->workers[i]);
    return 0;
}

/* Each of these says that everything belongs to the next; the last serves it. */
static inline void make_chain(struct cluster *cluster, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++)
        cluster->workers[i].herder.forward_url = cluster->workers[i + 1].url;
}

static inline void say(int client, const char *method_and_path, const char *headers, const char *body)
{
    static char request[70000];
    if (body == NULL)
        snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: me:1\r\n%s\r\n", method_and_path, headers);
    else
        snprintf(request, sizeof(request),
                 "%s HTTP/1.1\r\nHost: me:1\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 method_and_path, headers, strlen(body), body);
    assert_true(client_say(client, request));
}

static inline struct reply *ask(const struct worker *worker, const char *method_and_path, const char *headers, const char *body)
{
    int client = raw_open(worker->port);
    assert_true(client >= 0);
    say(client, method_and_path, headers, body);
    struct reply *reply = client_read(client, true);
    close(client);
    return reply;
}

static inline void expect(const struct worker *worker, const char *method_and_path, const char *body, int status, const char *answer)
{
    struct reply *reply = ask(worker, method_and_path, "", body);
    if (reply->status != status || strcmp(reply->body, answer) != 0)
        fail_msg("%s: %d %s", method_and_path, reply->status, reply->body);
}

/* ---- what came of a request that was passed on ---- */

struct passed {
    pthread_mutex_t lock;
    int times, status;
    char words[300], body[300];
};

static inline void on_passed(void *argument, const struct forwarding_answer *answer)
{
    struct passed *passed = argument;
    mutex_lock(&passed->lock);
    passed->times++;
    passed->status = answer->status;
    snprintf(passed->words, sizeof(passed->words), "%s", answer->message == NULL ? "-" : answer->message);
    snprintf(passed->body, sizeof(passed->body), "%.*s", (int)answer->body_length, answer->body == NULL ? "" : answer->body);
    mutex_unlock(&passed->lock);
}

static inline bool was_passed(void *argument)
{
    struct passed *passed = argument;
    mutex_lock(&passed->lock);
    bool was = passed->times > 0;
    mutex_unlock(&passed->lock);
    return was;
}

#endif
