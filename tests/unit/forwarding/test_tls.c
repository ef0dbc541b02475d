/* Requests to other workers over https: who is believed, what is shown, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "forwarding/client.h"
#include "forwarding/own_certificate_internal.h"
#include "http/exchange.h"
#include "http/request.h"
#include "http/response.h"
#include "http/server.h"
#include "support/certificates.h"
#include "support/eventually.h"
#include "tls/tls_keeper.h"

#define WAIT_MS 20000
#define PASSWORD "geheim-12"

static struct test_certificate ca, other_ca, worker, nameless;
static char folder[40];

static const char *path_of(const char *name)
{
    static char paths[4][80];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, 80, "%s/%s", folder, name);
    return path;
}

static int make_certificates(void **state)
{
    (void)state;
    ca = certificate_make(NULL, &(struct certificate_wish){.subject = "CN=ca"});
    other_ca = certificate_make(NULL, &(struct certificate_wish){.subject = "CN=other ca"});
    worker = certificate_make(&ca, &(struct certificate_wish){.subject = "O=Acme/CN=worker"});
    nameless = certificate_make(&ca, &(struct certificate_wish){.subject = "CN=elsewhere", .names_nobody = true});
    certificate_folder(folder);
    certificate_write_pem(&worker, &ca, path_of("worker.pem"));
    certificate_write_pem(&nameless, &ca, path_of("nameless.pem"));
    certificate_write_pkcs12(&worker, &ca, PASSWORD, path_of("worker.p12"));
    certificate_write_trust(&ca, path_of("ca.pem"));
    certificate_write_trust(&other_ca, path_of("other-ca.pem"));
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    certificate_release(&ca);
    certificate_release(&other_ca);
    certificate_release(&worker);
    certificate_release(&nameless);
    certificate_remove(folder);
    return 0;
}

/* ---- both sides ---- */

static void handle_who(void *context, struct http_exchange *exchange)
{
    const char *subject = http_exchange_request(exchange)->certificate_subject;
    struct http_response response;
    (void)context;
    http_response_init(&response, 200, HTTP_CONTENT_JSON);
    str_buffer_append_text(&response.body, subject == NULL ? "nobody" : subject);
    http_exchange_answer(exchange, &response);
}

static const struct http_route ROUTES[] = {{.method = HTTP_GET, .pattern = "/who", .handler = handle_who}};

struct fixture {
    struct string_map *theirs, *ours;
    struct tls_keeper *keeper;
    struct http_router router;
    struct http_server *server;
    struct client *client;

    pthread_mutex_t lock;
    pthread_cond_t told;
    bool is_told;
    int status;
    char words[400]; /* body, or why none */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->theirs = string_map_create();
    fixture->ours = string_map_create();
    mutex_init(&fixture->lock);
    cond_init(&fixture->told);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    client_stop(fixture->client);
    http_server_stop(fixture->server);
    tls_keeper_close(fixture->keeper);
    string_map_destroy(fixture->theirs);
    string_map_destroy(fixture->ours);
    cond_destroy(&fixture->told);
    mutex_destroy(&fixture->lock);
    free(fixture);
    return 0;
}

static void serve(struct fixture *fixture, const char *key_store)
{
    char why[300] = "";
    struct mr_error *error = NULL;
    string_map_put(fixture->theirs, "ssl.keystore.location", path_of(key_store));
    string_map_put(fixture->theirs, "ssl.keystore.password", PASSWORD);
    string_map_put(fixture->theirs, "ssl.truststore.location", path_of("ca.pem"));
    fixture->keeper = tls_keeper_open(
        &(struct tls_keeper_setup){.properties = fixture->theirs, .prefix = TLS_LISTENERS, .needs_key = true}, &error);
    if (fixture->keeper == NULL)
        fail_msg("%s", mr_error_message(error));
    fixture->router = (struct http_router){.routes = ROUTES, .route_count = 1};
    fixture->server = http_server_start(
        &(struct http_server_setup){.listeners = &(struct http_listener){.host = "127.0.0.1", .tls = fixture->keeper},
                                    .listener_count = 1,
                                    .router = &fixture->router},
        why, sizeof(why));
    if (fixture->server == NULL)
        fail_msg("%s", why);
    fixture->client = client_start(fixture->ours, &error);
    assert_non_null(fixture->client);
}

static void on_done(void *argument, const struct client_answer *answer)
{
    struct fixture *fixture = argument;
    mutex_lock(&fixture->lock);
    fixture->status = answer->status;
    snprintf(fixture->words, sizeof(fixture->words), "%s", answer->status != 0 ? answer->body : answer->why);
    fixture->is_told = true;
    cond_broadcast(&fixture->told);
    mutex_unlock(&fixture->lock);
}

/* The status; 0: none, -1: not even sent. */
static int ask(struct fixture *fixture)
{
    char url[80];
    const char *why = "";
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/who", http_server_port(fixture->server, 0));
    fixture->is_told = false;
    if (!client_send(fixture->client,
                     &(struct client_request){.method = "GET",
                                              .url = url,
                                              .deadline_ms = deadline_after_ms(WAIT_MS),
                                              .done = on_done,
                                              .argument = fixture},
                     &why)) {
        snprintf(fixture->words, sizeof(fixture->words), "%s", why);
        return -1;
    }
    mutex_lock(&fixture->lock);
    while (!fixture->is_told)
        cond_wait(&fixture->told, &fixture->lock);
    mutex_unlock(&fixture->lock);
    return fixture->status;
}

/* ---- tests ---- */

static void a_worker_shows_its_pkcs12_certificate_to_one_that_demands_it(void **state)
{
    struct fixture *fixture = *state;
    string_map_put(fixture->theirs, "ssl.client.auth", "required");
    string_map_put(fixture->ours, "listeners.https.ssl.keystore.location", path_of("worker.p12"));
    string_map_put(fixture->ours, "listeners.https.ssl.keystore.password", PASSWORD);
    string_map_put(fixture->ours, "listeners.https.ssl.truststore.location", path_of("ca.pem"));
    serve(fixture, "worker.p12");
    assert_int_equal(ask(fixture), 200);
    assert_string_equal(fixture->words, "CN=worker,O=Acme");
}

static bool shows_the_renewed_one(void *argument)
{
    struct fixture *fixture = argument;
    return ask(fixture) == 200 && strcmp(fixture->words, "CN=renewed") == 0;
}

static void a_renewed_certificate_is_shown_without_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct test_certificate renewed = certificate_make(&ca, &(struct certificate_wish){.subject = "CN=renewed"});
    char shown[80], other[80];
    snprintf(shown, sizeof(shown), "%s", path_of("shown.pem"));
    snprintf(other, sizeof(other), "%s", path_of("next.pem"));
    certificate_write_pem(&worker, &ca, shown);
    string_map_put(fixture->theirs, "ssl.client.auth", "required");
    string_map_put(fixture->ours, "ssl.keystore.location", shown);
    string_map_put(fixture->ours, "ssl.truststore.location", path_of("ca.pem"));
    serve(fixture, "worker.p12");
    assert_int_equal(ask(fixture), 200);
    assert_string_equal(fixture->words, "CN=worker,O=Acme");
    certificate_write_pem(&renewed, &ca, other);
    assert_int_equal(rename(other, shown), 0);
    assert_true(eventually(WAIT_MS, shows_the_renewed_one, fixture));
    certificate_release(&renewed);
}

static void a_worker_without_a_certificate_is_refused_by_one_that_demands_it(void **state)
{
    struct fixture *fixture = *state;
    string_map_put(fixture->theirs, "ssl.client.auth", "required");
    string_map_put(fixture->ours, "ssl.truststore.location", path_of("ca.pem"));
    serve(fixture, "worker.pem");
    assert_int_equal(ask(fixture), 0);
}

static void a_certificate_of_an_unknown_authority_is_not_believed(void **state)
{
    struct fixture *fixture = *state;
    string_map_put(fixture->ours, "ssl.truststore.location", path_of("other-ca.pem"));
    serve(fixture, "worker.pem");
    assert_int_equal(ask(fixture), 0);
    assert_non_null(strstr(fixture->words, "certificate"));
    assert_non_null(strstr(fixture->words, "ssl.truststore.location"));
}

static void without_a_trust_store_the_systems_authorities_count(void **state)
{
    struct fixture *fixture = *state;
    serve(fixture, "worker.pem");
    assert_int_equal(ask(fixture), 0);
}

static void a_certificate_for_another_host_is_not_believed(void **state)
{
    struct fixture *fixture = *state;
    string_map_put(fixture->ours, "ssl.truststore.location", path_of("ca.pem"));
    serve(fixture, "nameless.pem");
    assert_int_equal(ask(fixture), 0);
    assert_non_null(strstr(fixture->words, "put the host into its subjectAltName, or set rest.advertised.host.name"));
    assert_null(strstr(fixture->words, "truststore"));
}

static void unless_the_check_of_hosts_is_turned_off(void **state)
{
    struct fixture *fixture = *state;
    string_map_put(fixture->ours, "ssl.truststore.location", path_of("ca.pem"));
    string_map_put(fixture->ours, "ssl.endpoint.identification.algorithm", "");
    serve(fixture, "nameless.pem");
    assert_int_equal(ask(fixture), 200);
}

static void the_listeners_own_properties_replace_the_bare_ones_all(void **state)
{
    struct fixture *fixture = *state;
    string_map_put(fixture->ours, "ssl.truststore.location", path_of("ca.pem"));
    string_map_put(fixture->ours, "listeners.https.ssl.protocol", "TLSv1.3");
    serve(fixture, "worker.pem");
    assert_int_equal(ask(fixture), 0); /* the trust store does not count */
}

static void properties_that_cannot_be_honoured_send_nothing_and_may_be_mended(void **state)
{
    struct fixture *fixture = *state;
    char later[80];
    snprintf(later, sizeof(later), "%s", path_of("later.pem"));
    string_map_put(fixture->ours, "ssl.truststore.location", later);
    serve(fixture, "worker.pem");
    assert_int_equal(ask(fixture), -1);
    assert_non_null(strstr(fixture->words, "ssl.*"));
    certificate_write_trust(&ca, later);
    assert_int_equal(ask(fixture), 200);
}

static void a_certificate_that_its_own_trust_store_does_not_know_is_found_at_the_start(void **state)
{
    struct string_map *ours = ((struct fixture *)*state)->ours;
    char why[200] = "";
    assert_int_equal(own_certificate_look(ours, "127.0.0.1:8443", why, sizeof(why)), OWN_CERTIFICATE_BELIEVED); /* it has none */
    string_map_put(ours, "ssl.keystore.location", path_of("worker.pem"));
    assert_int_equal(own_certificate_look(ours, "127.0.0.1:8443", why, sizeof(why)), OWN_CERTIFICATE_UNBELIEVED);
    assert_string_not_equal(why, "");
    string_map_put(ours, "ssl.truststore.location", path_of("other-ca.pem"));
    assert_int_equal(own_certificate_look(ours, "127.0.0.1:8443", why, sizeof(why)), OWN_CERTIFICATE_UNBELIEVED);
    string_map_put(ours, "ssl.truststore.location", path_of("ca.pem"));
    assert_int_equal(own_certificate_look(ours, "127.0.0.1:8443", why, sizeof(why)), OWN_CERTIFICATE_BELIEVED);
    assert_int_equal(own_certificate_look(ours, "localhost:8443", why, sizeof(why)), OWN_CERTIFICATE_BELIEVED);
    assert_int_equal(own_certificate_look(ours, "elsewhere:8443", why, sizeof(why)), OWN_CERTIFICATE_MISNAMED);
    assert_int_equal(own_certificate_look(ours, "[::1]:8443", why, sizeof(why)), OWN_CERTIFICATE_MISNAMED);
    string_map_put(ours, "ssl.endpoint.identification.algorithm", "");
    assert_int_equal(own_certificate_look(ours, "elsewhere:8443", why, sizeof(why)), OWN_CERTIFICATE_BELIEVED);
}

#define BOTH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_worker_shows_its_pkcs12_certificate_to_one_that_demands_it),
        BOTH(a_renewed_certificate_is_shown_without_a_restart),
        BOTH(a_worker_without_a_certificate_is_refused_by_one_that_demands_it),
        BOTH(a_certificate_of_an_unknown_authority_is_not_believed),
        BOTH(without_a_trust_store_the_systems_authorities_count),
        BOTH(a_certificate_for_another_host_is_not_believed),
        BOTH(unless_the_check_of_hosts_is_turned_off),
        BOTH(the_listeners_own_properties_replace_the_bare_ones_all),
        BOTH(a_certificate_that_its_own_trust_store_does_not_know_is_found_at_the_start),
        BOTH(properties_that_cannot_be_honoured_send_nothing_and_may_be_mended),
    };
    return cmocka_run_group_tests_name("tls", tests, make_certificates, remove_certificates);
}
