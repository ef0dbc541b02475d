/*
 * gate_bench.h: a gate with its files (hashed passwords, plain ones named by a JAAS file, bindings) in a folder of its own, and
 * what it says of a request. Include after cmocka.h.
 */
#ifndef GATE_BENCH_H
#define GATE_BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <millrace/error.h>

#include "access/identity.h"
#include "base/base64.h"
#include "base/fake_clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "config/worker_config.h"
#include "gate/gate.h"
#include "http/request.h"
#include "http/response.h"
#include "support/eventually.h"
#include "support/signed_tokens.h"

#define BCRYPT "$2y$04$H50y.1HDkBCJdLoUGUw9rOJI1AI0pUXRA6QtUV6oIP5vSgxyWPtq6"
#define PASSWORD "secret"
#define BINDINGS "{\"bindings\":[{\"name\":\"all\",\"users\":[\"*\"],\"role\":\"admin\"}]}"
#define TOLD_MAX 200

struct bench {
    char folder[64], passwords[96], plain[96], jaas[96], bindings[96];
    struct rest_auth_config config;
    struct fake_clock clock;
    struct gate *gate;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    int told; /* lock, as what follows */
    int statuses[TOLD_MAX]; /* 200: passed */
    char name[100], why[200];
};

static inline void put(const char *path, const char *text, mode_t mode)
{
    char why[300];
    struct file_content content = {.bytes = text, .length = strlen(text), .mode = mode};
    if (!file_replace(path, &content, why, sizeof(why)) || chmod(path, mode) != 0)
        fail_msg("%s", why);
}

static inline int set_up(void **state)
{
    static struct bench bench;
    char jaas[400];
    memset(&bench, 0, sizeof(bench));
    snprintf(bench.folder, sizeof(bench.folder), "/tmp/millrace-gate.XXXXXX");
    assert_non_null(mkdtemp(bench.folder));
    snprintf(bench.passwords, sizeof(bench.passwords), "%s/passwords", bench.folder);
    snprintf(bench.plain, sizeof(bench.plain), "%s/plain", bench.folder);
    snprintf(bench.jaas, sizeof(bench.jaas), "%s/jaas", bench.folder);
    snprintf(bench.bindings, sizeof(bench.bindings), "%s/bindings", bench.folder);
    snprintf(jaas, sizeof(jaas),
             "KafkaConnect { org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required file=\"%s\"; };",
             bench.plain);
    put(bench.passwords, "alice:" BCRYPT ":devs,all\n", 0640);
    put(bench.plain, "carol=hunter2\n", 0600);
    put(bench.jaas, jaas, 0644);
    put(bench.bindings, BINDINGS, 0644);
    bench.config = (struct rest_auth_config){.passwords_file = "", .jaas_file = "", .issuer = "", .audiences = "", .keys_url = "",
                                             .keys_ca_file = "", .keys_proxy = "", .name_claim = "sub",
                                             .group_claims = "groups, roles", .clock_skew_ms = 60000,
                                             .keys_refresh_ms = 600000, .bindings_file = bench.bindings};
    fake_clock_init(&bench.clock, (SIGNED_TOKENS_FROM_S + 600) * INT64_C(1000));
    mutex_init(&bench.lock);
    cond_init(&bench.changed);
    *state = &bench;
    return 0;
}

static inline int tear_down(void **state)
{
    struct bench *bench = *state;
    gate_stop(bench->gate);
    gate_destroy(bench->gate);
    cond_destroy(&bench->changed);
    mutex_destroy(&bench->lock);
    unlink(bench->passwords);
    unlink(bench->plain);
    unlink(bench->jaas);
    unlink(bench->bindings);
    return rmdir(bench->folder);
}

static inline void open_gate(struct bench *bench)
{
    struct mr_error *error = NULL;
    bench->gate = gate_create(&bench->config, &bench->clock.clock, &error);
    if (bench->gate == NULL)
        fail_msg("%s", mr_error_message(error));
}

static inline void open_gate_for_passwords(struct bench *bench)
{
    bench->config.passwords_file = bench->passwords;
    open_gate(bench);
}

static inline void open_gate_for_jaas(struct bench *bench)
{
    bench->config.jaas_file = bench->jaas;
    open_gate(bench);
}

static inline void refuses_to_open(struct bench *bench, const char *words)
{
    struct mr_error *error = NULL;
    assert_null(gate_create(&bench->config, NULL, &error));
    assert_non_null(error);
    if (strstr(mr_error_message(error), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", mr_error_message(error), words);
    mr_error_drop(error);
}

/* ---- requests ---- */

static inline struct http_request request_with(const char *authorization)
{
    struct http_request request = {.body = "", .client_address = "192.0.2.1"};
    if (authorization != NULL)
        request.headers[request.header_count++] = (struct http_pair){"authorization", authorization};
    return request;
}

/* Valid until the next call. */
static inline const char *basic(const char *user, const char *password)
{
    static char header[1000];
    char pair[500];
    int length = snprintf(pair, sizeof(pair), "%s:%s", user, password);
    strcpy(header, "Basic ");
    header[6 + base64_encode(pair, (size_t)length, header + 6)] = '\0';
    return header;
}

static inline void on_told(void *argument, const struct gate_verdict *verdict)
{
    struct bench *bench = argument;
    mutex_lock(&bench->lock);
    assert_true(bench->told < TOLD_MAX);
    bench->statuses[bench->told++] = verdict->outcome == GATE_PASSED ? 200 : verdict->status;
    if (verdict->outcome == GATE_PASSED)
        snprintf(bench->name, sizeof(bench->name), "%s", verdict->identity->name);
    else
        snprintf(bench->why, sizeof(bench->why), "%s", verdict->why);
    identity_destroy(verdict->identity);
    cond_broadcast(&bench->changed);
    mutex_unlock(&bench->lock);
}

static inline void wait_for_told(struct bench *bench, int count)
{
    int64_t deadline_ms = deadline_after_ms(60000);
    mutex_lock(&bench->lock);
    while (bench->told < count)
        assert_true(cond_wait_until_ms(&bench->changed, &bench->lock, deadline_ms) || bench->told >= count);
    mutex_unlock(&bench->lock);
}

/* The whole way; 200: passed. */
static inline int ask_from(struct bench *bench, const char *authorization, const char *address)
{
    struct http_request request = request_with(authorization);
    request.client_address = address;
    bench->told = 0;
    gate_check(bench->gate, &request, on_told, bench);
    wait_for_told(bench, 1);
    return bench->statuses[0];
}

static inline int ask(struct bench *bench, const char *authorization)
{
    return ask_from(bench, authorization, "192.0.2.1");
}

/* At once; 0: undecided, 200: passed. */
static inline int look(struct bench *bench, const char *authorization)
{
    struct http_request request = request_with(authorization);
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    identity_destroy(verdict.identity);
    return verdict.outcome == GATE_PASSED ? 200 : verdict.outcome == GATE_UNDECIDED ? 0 : verdict.status;
}

#endif
