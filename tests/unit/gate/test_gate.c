/* Proofs of identity over HTTP: what passes at once, what takes longer, what is refused and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <millrace/error.h>

#include "access/identity.h"
#include "access/jwt_validator.h"
#include "base/base64.h"
#include "base/fake_clock.h"
#include "base/file.h"
#include "base/log_sink.h"
#include "base/thread.h"
#include "config/worker_config.h"
#include "gate/gate.h"
#include "http/exchange.h"
#include "http/request.h"
#include "http/response.h"
#include "http/server.h"
#include "support/alloc_torture.h"
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

static void put(const char *path, const char *text, mode_t mode)
{
    char why[300];
    struct file_content content = {.bytes = text, .length = strlen(text), .mode = mode};
    if (!file_replace(path, &content, why, sizeof(why)) || chmod(path, mode) != 0)
        fail_msg("%s", why);
}

static int set_up(void **state)
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

static int tear_down(void **state)
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

static void open_gate(struct bench *bench)
{
    struct mr_error *error = NULL;
    bench->gate = gate_create(&bench->config, &bench->clock.clock, &error);
    if (bench->gate == NULL)
        fail_msg("%s", mr_error_message(error));
}

static void open_gate_for_passwords(struct bench *bench)
{
    bench->config.passwords_file = bench->passwords;
    open_gate(bench);
}

static void open_gate_for_jaas(struct bench *bench)
{
    bench->config.jaas_file = bench->jaas;
    open_gate(bench);
}

static void refuses_to_open(struct bench *bench, const char *words)
{
    struct mr_error *error = NULL;
    assert_null(gate_create(&bench->config, NULL, &error));
    assert_non_null(error);
    if (strstr(mr_error_message(error), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", mr_error_message(error), words);
    mr_error_drop(error);
}

/* ---- requests ---- */

static struct http_request request_with(const char *authorization)
{
    struct http_request request = {.body = "", .client_address = "192.0.2.1"};
    if (authorization != NULL)
        request.headers[request.header_count++] = (struct http_pair){"authorization", authorization};
    return request;
}

/* Valid until the next call. */
static const char *basic(const char *user, const char *password)
{
    static char header[1000];
    char pair[500];
    int length = snprintf(pair, sizeof(pair), "%s:%s", user, password);
    strcpy(header, "Basic ");
    header[6 + base64_encode(pair, (size_t)length, header + 6)] = '\0';
    return header;
}

static void on_told(void *argument, const struct gate_verdict *verdict)
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

static void wait_for_told(struct bench *bench, int count)
{
    int64_t deadline_ms = deadline_after_ms(60000);
    mutex_lock(&bench->lock);
    while (bench->told < count)
        assert_true(cond_wait_until_ms(&bench->changed, &bench->lock, deadline_ms) || bench->told >= count);
    mutex_unlock(&bench->lock);
}

/* The whole way; 200: passed. */
static int ask_from(struct bench *bench, const char *authorization, const char *address)
{
    struct http_request request = request_with(authorization);
    request.client_address = address;
    bench->told = 0;
    gate_check(bench->gate, &request, on_told, bench);
    wait_for_told(bench, 1);
    return bench->statuses[0];
}

static int ask(struct bench *bench, const char *authorization)
{
    return ask_from(bench, authorization, "192.0.2.1");
}

/* At once; 0: undecided, 200: passed. */
static int look(struct bench *bench, const char *authorization)
{
    struct http_request request = request_with(authorization);
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    identity_destroy(verdict.identity);
    return verdict.outcome == GATE_PASSED ? 200 : verdict.outcome == GATE_UNDECIDED ? 0 : verdict.status;
}

/* ---- opening ---- */

static void files_that_will_not_do_are_named_at_the_start(void **state)
{
    struct bench *bench = *state;
    bench->config.passwords_file = "/nowhere/passwords";
    refuses_to_open(bench, "/nowhere/passwords");
    bench->config.passwords_file = bench->passwords;
    put(bench->passwords, "alice:" BCRYPT "\n", 0644);
    refuses_to_open(bench, "chmod o-rwx");
    put(bench->passwords, "alice:" BCRYPT "\n", 0640);
    put(bench->bindings, "{}", 0644);
    refuses_to_open(bench, bench->bindings);
    bench->config.bindings_file = "/nowhere/bindings";
    refuses_to_open(bench, "/nowhere/bindings");
}

/* Counts warnings of names that count for several logins. */
static void count_warnings(void *state, const struct log_line *line)
{
    *(int *)state += line->level == LOG_LEVEL_WARN && strstr(line->message, "more than one way to log in, and binding robots") != NULL;
}

typedef void hear_fn(void *state, const struct log_line *line);
static int lines_at_start(struct bench *bench, hear_fn *count)
{
    int lines = 0;
    log_sink_set(&(struct log_sink){count, &lines});
    open_gate(bench);
    gate_stop(bench->gate);
    gate_destroy(bench->gate);
    bench->gate = NULL;
    log_sink_set(NULL);
    return lines;
}

static int warnings_at_start(struct bench *bench)
{
    return lines_at_start(bench, count_warnings);
}

static void names_that_count_for_several_logins_are_warned_about(void **state)
{
#define ROBOTS "{\"bindings\":[{\"name\":\"all\",\"users\":[\"*\"],\"role\":\"admin\"}," \
               "{\"name\":\"robots\",\"users\":[\"CN=robot\"],\"role\":\"admin\""
    struct bench *bench = *state;
    bench->config.jaas_file = bench->jaas;
    put(bench->bindings, ROBOTS "}]}", 0644);
    assert_int_equal(warnings_at_start(bench), 0);
    bench->config.certificates = true;
    assert_int_equal(warnings_at_start(bench), 1);
    put(bench->bindings, ROBOTS ",\"logins\":[\"certificate\"]}]}", 0644);
    assert_int_equal(warnings_at_start(bench), 0);
}

static void count_strangers(void *state, const struct log_line *line)
{
    *(int *)state += line->level == LOG_LEVEL_WARN && strstr(line->message, "binding vera names the user verra, who has no password") != NULL;
}

static int strangers_at_start(struct bench *bench, const char *more)
{
    char text[300];

    snprintf(text, sizeof(text), "{\"bindings\":[{\"name\":\"all\",\"users\":[\"*\",\"carol\"],\"role\":\"admin\"},"
             "{\"name\":\"vera\",\"users\":[\"verra\"],\"role\":\"admin\"%s}]}", more);
    put(bench->bindings, text, 0644);
    return lines_at_start(bench, count_strangers);
}

static void a_user_without_a_password_is_warned_about_where_there_is_no_other_login(void **state)
{
    struct bench *bench = *state;
    bench->config.jaas_file = bench->jaas;
    put(bench->plain, "carol=hunter2\n", 0600);
    assert_int_equal(strangers_at_start(bench, ""), 1);
    assert_int_equal(strangers_at_start(bench, ",\"logins\":[\"certificate\"]"), 0);
    bench->config.certificates = true;
    assert_int_equal(strangers_at_start(bench, ""), 0);
    put(bench->plain, "carol=hunter2\nverra=hunter3\n", 0600);
    bench->config.certificates = false;
    assert_int_equal(strangers_at_start(bench, ""), 0);
}

static void plain_passwords_that_all_may_read_are_refused(void **state)
{
    struct bench *bench = *state;
    bench->config.jaas_file = bench->jaas;
    put(bench->plain, "carol=hunter2\n", 0604);
    refuses_to_open(bench, bench->plain);
}

static void an_issuer_that_cannot_be_asked_is_refused(void **state)
{
    struct bench *bench = *state;
    bench->config.issuer = "http://login.example.org";
    bench->config.audiences = "a";
    refuses_to_open(bench, "http://login.example.org");
}

/* ---- passwords ---- */

static void a_password_is_looked_at_later_and_then_remembered(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    assert_int_equal(look(bench, basic("alice", PASSWORD)), 0);
    assert_int_equal(ask(bench, basic("alice", PASSWORD)), 200);
    assert_string_equal(bench->name, "alice");
    assert_int_equal(look(bench, basic("alice", PASSWORD)), 200);
    assert_int_equal(look(bench, basic("alice", "wrong")), 0);
    assert_int_equal(ask(bench, basic("alice", "wrong")), 401);
    assert_int_equal(ask(bench, basic("bob", PASSWORD)), 401);
    assert_string_equal(bench->why, "The user or the password is wrong.");
}

static void a_changed_file_counts_at_once(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    assert_int_equal(ask(bench, basic("alice", PASSWORD)), 200);
    put(bench->passwords, "bob:" BCRYPT "\n", 0600);
    assert_int_equal(ask(bench, basic("alice", PASSWORD)), 401);
    assert_int_equal(ask(bench, basic("bob", PASSWORD)), 200);
    put(bench->passwords, "carol:" BCRYPT "\n", 0644); /* all may read it: the former content stays */
    assert_int_equal(ask(bench, basic("carol", PASSWORD)), 401);
    assert_int_equal(ask(bench, basic("bob", PASSWORD)), 200);
}

static void guessing_is_slowed_down_for_the_guesser_alone(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    for (int i = 0; i < GATE_FAILURES_FREE; i++)
        assert_int_equal(ask(bench, basic("alice", "wrong")), 401);
    assert_int_equal(look(bench, basic("alice", "wrong")), 429);
    assert_int_equal(look(bench, basic("alice", PASSWORD)), 429);
    assert_int_equal(ask_from(bench, basic("alice", PASSWORD), "192.0.2.2"), 200);
    assert_int_equal(look(bench, basic("alice", PASSWORD)), 429); /* remembered by now, but still no way to try fast */
    fake_clock_advance_ms(&bench->clock, GATE_DELAY_MIN_MS);
    assert_int_equal(ask(bench, basic("alice", PASSWORD)), 200);
    assert_int_equal(ask(bench, basic("alice", "wrong")), 401);
}

static void a_guesser_gains_nothing_by_other_addresses_of_the_same_network(void **state)
{
    struct bench *bench = *state;
    char address[40];
    open_gate_for_passwords(bench);
    for (int i = 0; i < GATE_FAILURES_FREE; i++) {
        snprintf(address, sizeof(address), "2001:db8::%d", i);
        assert_int_equal(ask_from(bench, basic("alice", "wrong"), address), 401);
    }
    assert_int_equal(ask_from(bench, basic("alice", PASSWORD), "2001:db8::ffff:1"), 429);
    assert_int_equal(ask_from(bench, basic("alice", PASSWORD), "2001:db8:0:1::1"), 200);
}

static void a_refusal_says_when_to_come_again(void **state)
{
    struct bench *bench = *state;
    struct http_request request = request_with(basic("carol", "wrong"));
    struct http_response response;
    open_gate_for_jaas(bench);
    for (int i = 0; i < GATE_FAILURES_FREE + 1; i++) {
        fake_clock_advance_ms(&bench->clock, i * 1000);
        assert_int_equal(look(bench, basic("carol", "wrong")), 401);
    }
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    assert_int_equal(verdict.status, 429);
    assert_int_equal(verdict.retry_after_s, 2 * GATE_DELAY_MIN_MS / 1000);
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    gate_fill_refusal(bench->gate, &verdict, &response);
    assert_int_equal(response.header_count, 1);
    assert_string_equal(response.headers[0].name, "Retry-After");
    assert_string_equal(response.headers[0].value, "2");
    http_response_release(&response);
}

static void jaas_logins_are_decided_at_once(void **state)
{
    struct bench *bench = *state;
    open_gate_for_jaas(bench);
    assert_int_equal(look(bench, basic("carol", "hunter2")), 200);
    assert_int_equal(look(bench, basic("carol", "hunter3")), 401);
    assert_int_equal(look(bench, basic("dave", "hunter2")), 401);
}

static void too_many_waiting_logins_are_sent_away(void **state)
{
    struct bench *bench = *state;
    int sent_away = 0;
    open_gate_for_passwords(bench);
    for (int i = 0; i < TOLD_MAX; i++) {
        char user[20];
        snprintf(user, sizeof(user), "user-%d", i);
        struct http_request request = request_with(basic(user, "wrong"));
        gate_check(bench->gate, &request, on_told, bench);
    }
    wait_for_told(bench, TOLD_MAX);
    for (int i = 0; i < TOLD_MAX; i++)
        sent_away += bench->statuses[i] == 503;
    assert_true(sent_away > 0); /* the queue is shorter than what was asked faster than hashing goes */
    assert_true(sent_away <= TOLD_MAX - GATE_PASSWORDS_PER_ADDRESS_MAX);
}

struct one {
    struct bench *bench;
    int status; /* 0: not told; bench->lock */
};

static void on_one_told(void *argument, const struct gate_verdict *verdict)
{
    struct one *one = argument;
    mutex_lock(&one->bench->lock);
    one->status = verdict->status;
    cond_broadcast(&one->bench->changed);
    mutex_unlock(&one->bench->lock);
}

static int status_of_one(struct bench *bench, const char *user, const char *address)
{
    struct one one = {.bench = bench};
    struct http_request request = request_with(basic(user, "wrong"));
    request.client_address = address;
    gate_check(bench->gate, &request, on_one_told, &one);
    int64_t deadline_ms = deadline_after_ms(60000);
    mutex_lock(&bench->lock);
    while (one.status == 0)
        assert_true(cond_wait_until_ms(&bench->changed, &bench->lock, deadline_ms) || one.status != 0);
    mutex_unlock(&bench->lock);
    return one.status;
}

/* Logins of a user whose hash takes long, from two addresses, hold all places; who has logged in before is looked at, others are not. */
static void a_flood_of_logins_keeps_nobody_out_where_they_have_logged_in(void **state)
{
    static const char *const FROM[] = {"203.0.113.1", "203.0.113.2"};
    static const char SLOW[] = "$2y$12$H50y.1HDkBCJdLoUGUw9rOJI1AI0pUXRA6QtUV6oIP5vSgxyWPtq6";
    struct bench *bench = *state;
    char lines[300];
    snprintf(lines, sizeof(lines), "alice:" BCRYPT "\nslow:%s\n", SLOW);
    put(bench->passwords, lines, 0640);
    open_gate_for_passwords(bench);
    assert_int_equal(ask(bench, basic("alice", PASSWORD)), 200);
    bench->told = 0;
    for (int i = 0; i < 2 * (GATE_PASSWORDS_PER_ADDRESS_MAX + 2); i++) {
        struct http_request request = request_with(basic("slow", "wrong"));
        request.client_address = FROM[i % 2];
        gate_check(bench->gate, &request, on_told, bench);
    }
    assert_int_equal(status_of_one(bench, "alice", "198.51.100.7"), 503);
    assert_int_equal(status_of_one(bench, "alice", "192.0.2.1"), 401);
}

static void many_at_once_with_the_right_password_all_pass(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    for (int i = 0; i < 16; i++) {
        struct http_request request = request_with(basic("alice", PASSWORD));
        gate_check(bench->gate, &request, on_told, bench);
    }
    wait_for_told(bench, 16);
    for (int i = 0; i < 16; i++)
        assert_int_equal(bench->statuses[i], 200);
}

static void who_waits_when_it_stops_is_told(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    for (int i = 0; i < 30; i++) {
        struct http_request request = request_with(basic("alice", "wrong"));
        gate_check(bench->gate, &request, on_told, bench);
    }
    gate_stop(bench->gate);
    assert_int_equal(bench->told, 30);
    for (int i = 0; i < 30; i++)
        assert_true(bench->statuses[i] == 401 || bench->statuses[i] == 429 || bench->statuses[i] == 503);
}

/* ---- headers ---- */

static void what_is_no_login_is_refused_without_a_look_at_the_body(void **state)
{
    static const char *const HEADERS[] = {
        NULL,  "",          "Basic",     "Basic ",       "Basic !!!!", "Basic YWxpY2U=" /* no colon */, "Digest username=\"alice\"",
        "Bea", "Bearer a.b.c", "Bearer",
    };
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    for (size_t i = 0; i < sizeof(HEADERS) / sizeof(HEADERS[0]); i++)
        assert_int_equal(look(bench, HEADERS[i]), 401);
    struct http_request request = request_with(basic("alice", PASSWORD));
    request.headers[request.header_count++] = (struct http_pair){"Authorization", "Basic YTpi"};
    assert_int_equal(gate_look(bench->gate, &request).status, 401);
}

static void challenges_name_what_is_taken_here(void **state)
{
    struct bench *bench = *state;
    struct http_request request = request_with(NULL);
    struct http_response response;
    open_gate_for_jaas(bench);
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    gate_fill_refusal(bench->gate, &verdict, &response);
    assert_int_equal(response.status, 401);
    assert_int_equal(response.header_count, 1);
    assert_string_equal(response.headers[0].name, "WWW-Authenticate");
    assert_string_equal(response.headers[0].value, "Basic realm=\"millrace\", charset=\"UTF-8\"");
    assert_string_equal(str_buffer_text(&response.body), "{\"error_code\":401,\"message\":\"This needs a login.\"}");
    http_response_release(&response);
}

static void a_listener_that_takes_certificates_alone_has_a_challenge_too(void **state)
{
    struct bench *bench = *state;
    struct http_request request = request_with(NULL);
    struct http_response response;
    bench->config.certificates = true;
    open_gate(bench);
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    gate_fill_refusal(bench->gate, &verdict, &response);
    assert_int_equal(response.status, 401);
    assert_int_equal(response.header_count, 1);
    assert_string_equal(response.headers[0].name, "WWW-Authenticate");
    assert_string_equal(response.headers[0].value, "Certificate realm=\"millrace\"");
    http_response_release(&response);
}

/* ---- certificates ---- */

static void a_certificate_counts_where_it_is_taken(void **state)
{
    struct bench *bench = *state;
    struct http_request request = request_with(NULL);
    request.certificate_subject = "CN=ci,OU=build";
    open_gate_for_jaas(bench);
    assert_int_equal(gate_look(bench->gate, &request).status, 401);
    gate_stop(bench->gate);
    gate_destroy(bench->gate);

    bench->config.certificates = true;
    open_gate_for_jaas(bench);
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    assert_int_equal(verdict.outcome, GATE_PASSED);
    assert_string_equal(verdict.identity->name, "CN=ci,OU=build");
    assert_int_equal(verdict.identity->login, IDENTITY_CERTIFICATE);
    identity_destroy(verdict.identity);

    request.certificate_subject = "CN=a\nb";
    assert_int_equal(gate_look(bench->gate, &request).status, 401);
    request.certificate_subject = "CN=ci,OU=build"; /* a login that was sent counts before it, also a wrong one */
    request.headers[request.header_count++] = (struct http_pair){"Authorization", basic("carol", "wrong")};
    assert_int_equal(gate_look(bench->gate, &request).status, 401);
}

static void a_changed_file_that_is_of_no_use_shows(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    assert_false(gate_is_failing(bench->gate));
    put(bench->bindings, "{", 0644);
    assert_true(gate_is_failing(bench->gate));
    put(bench->bindings, BINDINGS, 0644);
    assert_false(gate_is_failing(bench->gate));
    put(bench->passwords, "alice:plain\n", 0640);
    assert_true(gate_is_failing(bench->gate));
}

static void a_workers_certificate_logs_nobody_in(void **state)
{
    static const char *const PASSED_ON[] = {"/connectors/a?forward=true", "/connectors/a?forward=false", "/connectors/a?x=1&%66orward"};
    struct bench *bench = *state;
    struct http_request request = request_with(NULL);
    bench->config.certificates = true;
    open_gate_for_jaas(bench);
    request.certificate_subject = "CN=worker";
    request.certificate_is_ours = true;
    assert_int_equal(gate_look(bench->gate, &request).status, 401);

    request.certificate_is_ours = false;
    for (size_t i = 0; i < sizeof(PASSED_ON) / sizeof(PASSED_ON[0]); i++) {
        assert_null(http_target_parse(&request.target, PASSED_ON[i]));
        assert_int_equal(gate_look(bench->gate, &request).status, 401);
        http_target_release(&request.target);
    }
}

/* ---- tokens ---- */

static void send_keys(void *context, struct http_exchange *exchange)
{
    struct http_response response;
    (void)context;
    http_response_init(&response, 200, HTTP_CONTENT_JSON);
    str_buffer_append_text(&response.body, signed_tokens_keys);
    http_exchange_answer(exchange, &response);
}

static void a_token_passes_once_the_issuers_keys_are_there(void **state)
{
    static const struct http_route ROUTES[] = {{.method = HTTP_GET, .pattern = "/keys", .handler = send_keys}};
    static const struct http_router ROUTER = {.routes = ROUTES, .route_count = 1};
    static const struct http_listener ANY_PORT = {.host = "127.0.0.1"};
    struct bench *bench = *state;
    char why[300], url[100], header[4000];
    struct http_server *issuer = http_server_start(
        &(struct http_server_setup){.listeners = &ANY_PORT, .listener_count = 1, .router = &ROUTER}, why, sizeof(why));
    assert_non_null(issuer);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/keys", (unsigned)http_server_port(issuer, 0));
    bench->config.issuer = SIGNED_TOKENS_ISSUER;
    bench->config.audiences = " api://other ,, " SIGNED_TOKENS_AUDIENCE;
    bench->config.keys_url = url;
    open_gate(bench);
    snprintf(header, sizeof(header), "bearer %s", signed_tokens_rs256);
    int status = ask(bench, header);
    if (status != 200)
        fail_msg("%d %s", status, bench->why);
    assert_string_equal(bench->name, "u-17");
    assert_int_equal(look(bench, header), 200);

    header[strlen(header) - 20] ^= 1;
    assert_int_equal(look(bench, header), 401);
    fake_clock_advance_ms(&bench->clock, 3 * 3600 * 1000);
    snprintf(header, sizeof(header), "Bearer %s", signed_tokens_rs256);
    struct http_request request = request_with(header);
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    struct http_response response;
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    gate_fill_refusal(bench->gate, &verdict, &response);
    assert_int_equal(response.status, 401);
    assert_non_null(strstr(response.headers[0].value, "Bearer realm=\"millrace\", error=\"invalid_token\", error_description=\""));
    http_response_release(&response);
    gate_stop(bench->gate);
    http_server_stop(issuer);
}

static void without_any_key_the_worker_is_not_ready_for_tokens(void **state)
{
    struct bench *bench = *state;
    char header[4000];
    bench->config.issuer = SIGNED_TOKENS_ISSUER;
    bench->config.audiences = SIGNED_TOKENS_AUDIENCE;
    bench->config.keys_url = "http://127.0.0.1:1/keys";
    open_gate(bench);
    snprintf(header, sizeof(header), "Bearer %s", signed_tokens_rs256);
    assert_int_equal(ask(bench, header), 503);
}

/* ---- memory ---- */

static bool log_in_once(void *argument)
{
    struct bench *bench = argument;
    struct mr_error *error = NULL;
    int status = 0;
    bench->gate = gate_create(&bench->config, &bench->clock.clock, &error);
    if (bench->gate != NULL)
        status = ask(bench, basic("alice", PASSWORD));
    mr_error_drop(error);
    gate_stop(bench->gate);
    gate_destroy(bench->gate);
    bench->gate = NULL;
    return status == 200;
}

static void memory_may_run_short_anywhere(void **state)
{
    struct bench *bench = *state;
    bench->config.passwords_file = bench->passwords;
    alloc_torture(log_in_once, bench);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(files_that_will_not_do_are_named_at_the_start),
        TEST(names_that_count_for_several_logins_are_warned_about),
        TEST(a_user_without_a_password_is_warned_about_where_there_is_no_other_login),
        TEST(plain_passwords_that_all_may_read_are_refused),
        TEST(an_issuer_that_cannot_be_asked_is_refused),
        TEST(a_password_is_looked_at_later_and_then_remembered),
        TEST(a_changed_file_counts_at_once),
        TEST(guessing_is_slowed_down_for_the_guesser_alone),
        TEST(a_guesser_gains_nothing_by_other_addresses_of_the_same_network),
        TEST(a_refusal_says_when_to_come_again),
        TEST(jaas_logins_are_decided_at_once),
        TEST(too_many_waiting_logins_are_sent_away),
        TEST(a_flood_of_logins_keeps_nobody_out_where_they_have_logged_in),
        TEST(many_at_once_with_the_right_password_all_pass),
        TEST(who_waits_when_it_stops_is_told),
        TEST(what_is_no_login_is_refused_without_a_look_at_the_body),
        TEST(challenges_name_what_is_taken_here),
        TEST(a_listener_that_takes_certificates_alone_has_a_challenge_too),
        TEST(a_certificate_counts_where_it_is_taken),
        TEST(a_changed_file_that_is_of_no_use_shows),
        TEST(a_workers_certificate_logs_nobody_in),
        TEST(a_token_passes_once_the_issuers_keys_are_there),
        TEST(without_any_key_the_worker_is_not_ready_for_tokens),
        TEST(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
