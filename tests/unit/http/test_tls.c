/* https listeners: protocols, ciphers, client certificates, certificates that change, clients that mean no good. */
#include "http_test.h"

#include <millrace/error.h>

#include "base/string_map.h"
#include "http/server_internal.h"
#include "support/tls_client.h"
#include "tls/tls_keeper.h"

#define WHO "GET /who HTTP/1.1\r\nHost: h\r\n\r\n"
#define NOW "GET /now HTTP/1.1\r\nHost: h\r\n\r\n"

static struct test_certificate ca, server, renewed, alice, late, stranger_ca, stranger, site;
static char folder[40], key_path[80], trust_path[80];

static int make_certificates(void **state)
{
    (void)state;
    ca = certificate_make(NULL, &(struct certificate_wish){.subject = "O=Acme/CN=ca"});
    server = certificate_make(&ca, &(struct certificate_wish){.subject = "CN=localhost"});
    renewed = certificate_make(&ca, &(struct certificate_wish){.subject = "CN=renewed"});
    alice = certificate_make(&ca, &(struct certificate_wish){.subject = "O=Acme/CN=alice"});
    late = certificate_make(&ca, &(struct certificate_wish){.subject = "CN=late", .is_expired = true});
    site = certificate_make(&ca, &(struct certificate_wish){.subject = "CN=site", .purpose = "serverAuth"});
    stranger_ca = certificate_make(NULL, &(struct certificate_wish){.subject = "CN=other ca"});
    stranger = certificate_make(&stranger_ca, &(struct certificate_wish){.subject = "O=Acme/CN=alice"});
    certificate_folder(folder);
    snprintf(key_path, sizeof(key_path), "%s/server.pem", folder);
    snprintf(trust_path, sizeof(trust_path), "%s/trust.pem", folder);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    struct test_certificate *all[] = {&ca, &server, &renewed, &alice, &late, &stranger_ca, &stranger, &site};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        certificate_release(all[i]);
    certificate_remove(folder);
    return 0;
}

/* ---- a server ---- */

struct secure {
    struct fixture fixture;
    struct string_map *properties;
    struct http_listener listener;
};

static void put(struct secure *secure, const char *name, const char *value)
{
    assert_true(string_map_put(secure->properties, name, value));
}

/* With the bare ssl.* properties put so far. */
static void start(struct secure *secure)
{
    struct mr_error *error = NULL;
    certificate_write_pem(&server, &ca, key_path);
    certificate_write_trust(&ca, trust_path);
    put(secure, "ssl.keystore.location", key_path);
    secure->listener = (struct http_listener){
        .host = "127.0.0.1",
        .tls = tls_keeper_open(&(struct tls_keeper_setup){.properties = secure->properties,
                                                          .prefix = TLS_LISTENERS,
                                                          .needs_key = true,
                                                          .look_ms = 1},
                               &error)};
    if (error != NULL)
        fail_msg("%s", mr_error_message(error));
    secure->fixture.setup.listeners = &secure->listener;
    assert_int_equal(fixture_start(&secure->fixture), 0);
}

static int set_up(void **state)
{
    struct secure *secure = calloc(1, sizeof(*secure));
    secure->properties = string_map_create();
    *state = secure;
    return 0;
}

static int tear_down(void **state)
{
    struct secure *secure = *state;
    if (secure->fixture.server != NULL)
        fixture_stop(&secure->fixture);
    tls_keeper_close(secure->listener.tls);
    string_map_destroy(secure->properties);
    free(secure);
    return 0;
}

static uint16_t port_of(const struct secure *secure)
{
    return http_server_port(secure->fixture.server, 0);
}

static const char *ask_as(struct secure *secure, const struct test_certificate *own)
{
    return tls_ask_once(port_of(secure), &(struct tls_wish){.authority = &ca, .own = own}, WHO);
}

#define assert_says(answer, words)                                                                                     \
    do {                                                                                                               \
        const char *answer_ = (answer);                                                                                \
        if (strstr(answer_, (words)) == NULL)                                                                          \
            fail_msg("not '%s' but '%s'", (words), answer_);                                                           \
    } while (0)

/* ---- serving ---- */

static void requests_are_answered_over_tls_and_know_that(void **state)
{
    struct tls_client client;
    start(*state);
    assert_true(tls_open(&client, port_of(*state), &(struct tls_wish){.authority = &ca}));
    for (int i = 0; i < 3; i++)
        assert_says(tls_ask(&client, WHO), "\r\n\r\nhttps://h nobody");
    tls_close(&client);
}

static void a_waiting_request_is_answered_over_tls(void **state)
{
    struct secure *secure = *state;
    struct tls_client client;
    start(secure);
    assert_true(tls_open(&client, port_of(secure), &(struct tls_wish){.authority = &ca}));
    assert_says(tls_ask(&client, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n"), " 500 ");
    tls_close(&client);
}

static void a_large_body_comes_back_whole(void **state)
{
    enum { LENGTH = 1000000 };
    struct tls_client client;
    static char body[LENGTH];
    char head[200];
    size_t came = 0;
    start(*state);
    assert_true(tls_open(&client, port_of(*state), &(struct tls_wish){.authority = &ca}));
    snprintf(head, sizeof(head), "POST /large HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
             LENGTH);
    memset(body, 'x', sizeof(body));
    SSL_write(client.ssl, head, (int)strlen(head));
    assert_int_equal(SSL_write(client.ssl, body, LENGTH), LENGTH);
    for (int n; came < LENGTH && (n = SSL_read(client.ssl, body, sizeof(body))) > 0;)
        came += (size_t)n;
    assert_true(came >= LENGTH);
    tls_close(&client);
}

static void protocols_before_tls_1_2_are_refused(void **state)
{
    struct secure *secure = *state;
    start(secure);
    assert_string_equal(tls_ask_once(port_of(secure), &(struct tls_wish){.version_max = TLS1_1_VERSION}, NOW), "");
    assert_says(tls_ask_once(port_of(secure), &(struct tls_wish){.version_max = TLS1_2_VERSION}, NOW), "now");
    assert_says(tls_ask_once(port_of(secure), &(struct tls_wish){.version_max = TLS1_3_VERSION}, NOW), "now");
}

static void only_the_protocol_that_is_enabled_is_spoken(void **state)
{
    struct secure *secure = *state;
    put(secure, "ssl.enabled.protocols", "TLSv1.3");
    start(secure);
    assert_string_equal(tls_ask_once(port_of(secure), &(struct tls_wish){.version_max = TLS1_2_VERSION}, NOW), "");
    assert_says(tls_ask_once(port_of(secure), &(struct tls_wish){.version_max = TLS1_3_VERSION}, NOW), "now");
}

static void only_suites_that_are_named_are_spoken(void **state)
{
    struct secure *secure = *state;
    put(secure, "ssl.cipher.suites", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_256_GCM_SHA384");
    start(secure);
    struct tls_wish other = {.version_max = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"},
                    named = {.version_max = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"};
    assert_string_equal(tls_ask_once(port_of(secure), &other, NOW), "");
    assert_says(tls_ask_once(port_of(secure), &named, NOW), "now");
    assert_says(tls_ask_once(port_of(secure), &(struct tls_wish){.authority = &ca}, NOW), "now");
}

static void suites_that_cannot_be_had_alone_are_refused(void **state)
{
    static const struct {
        const char *suites, *words;
        bool has_no_1_2;
    } CASES[] = {
        {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "", false},
        {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "", false},
        {"TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256", "", true},
        {"TLS_NONE_AT_ALL", "ssl.cipher.suites: TLS_NONE_AT_ALL is not known", false},
        {"TLS_RSA_WITH_AES_256_GCM_SHA384", "none of them belongs to ssl.enabled.protocols", true},
        {"TLS_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "would be offered as well", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct tls_settings settings = {
            .prefix = "", .cipher_suites = CASES[i].suites, .has_tls_1_2 = !CASES[i].has_no_1_2, .has_tls_1_3 = true};
        gnutls_priority_t priorities;
        char why[300] = "";
        bool fine = tls_priorities_init(&priorities, &settings, why, sizeof(why));
        assert_int_equal(fine, CASES[i].words[0] == '\0');
        assert_says(why, CASES[i].words);
        if (fine)
            gnutls_priority_deinit(priorities);
    }
}

/* ---- clients' certificates ---- */

static void a_client_that_is_asked_may_show_a_good_certificate_or_none(void **state)
{
    struct secure *secure = *state;
    put(secure, "ssl.client.auth", "requested");
    put(secure, "ssl.truststore.location", trust_path);
    certificate_write_trust(&ca, trust_path);
    start(secure);
    assert_says(ask_as(secure, NULL), "https://h nobody");
    assert_says(ask_as(secure, &alice), "https://h CN=alice,O=Acme");
    assert_says(ask_as(secure, &server), "https://h myself");
    assert_string_equal(ask_as(secure, &stranger), "");
    assert_string_equal(ask_as(secure, &late), "");
    assert_string_equal(ask_as(secure, &site), "");
}

static void a_client_that_must_show_a_certificate_is_refused_without(void **state)
{
    struct secure *secure = *state;
    put(secure, "ssl.client.auth", "required");
    put(secure, "ssl.truststore.location", trust_path);
    certificate_write_trust(&ca, trust_path);
    start(secure);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_wish wish = {.authority = &ca, .version_max = version};
        assert_string_equal(tls_ask_once(port_of(secure), &wish, WHO), "");
        wish.own = &stranger;
        assert_string_equal(tls_ask_once(port_of(secure), &wish, WHO), "");
        wish.own = &alice;
        assert_says(tls_ask_once(port_of(secure), &wish, WHO), "CN=alice,O=Acme");
    }
}

static void a_client_that_is_not_asked_stays_nobody(void **state)
{
    start(*state);
    assert_says(ask_as(*state, &alice), "https://h nobody");
}

static void subjects_are_written_as_java_does(void **state)
{
    static const struct {
        const char *subject, *text;
    } CASES[] = {
        {"C=DE/O=Acme, Inc/CN=x", "CN=x,O=Acme\\, Inc,C=DE"},
        {"CN=a=b", "CN=a\\=b"},
        {"CN=#x, y+z<>;\"q", "CN=\\#x\\, y\\+z\\<\\>\\;\\\"q"},
        {"CN= two ", "CN=\\ two\\ "},
        {"O=Acme/CN=x/emailAddress=a@b.c", "1.2.840.113549.1.9.1=#16056140622e63,CN=x,O=Acme"},
        {"CN=Gr\xc3\xbcn", "CN=Gr\xc3\xbcn"},
        {"CN=two\nlines", "CN=two\\0Alines"},
        {"DC=x/UID=u", "UID=u,DC=x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct test_certificate made = certificate_make(&ca, &(struct certificate_wish){.subject = CASES[i].subject});
        unsigned char *der = NULL;
        int length = i2d_X509(made.x509, &der);
        gnutls_x509_crt_t certificate;
        gnutls_x509_crt_init(&certificate);
        gnutls_datum_t bytes = {der, (unsigned)length};
        assert_int_equal(gnutls_x509_crt_import(certificate, &bytes, GNUTLS_X509_FMT_DER), 0);
        char *text = tls_subject_text(certificate);
        assert_string_equal(text, CASES[i].text);
        mem_free(text);
        gnutls_x509_crt_deinit(certificate);
        OPENSSL_free(der);
        certificate_release(&made);
    }
}

/* ---- changes ---- */

static bool shows_renewed(void *argument)
{
    struct tls_client client;
    char name[100];
    assert_true(tls_open(&client, port_of(argument), &(struct tls_wish){.authority = &ca}));
    X509 *shown = SSL_get1_peer_certificate(client.ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof(name));
    X509_free(shown);
    tls_close(&client);
    return strcmp(name, "renewed") == 0;
}

static void a_new_certificate_is_for_new_connections(void **state)
{
    struct secure *secure = *state;
    struct tls_client before;
    start(secure);
    assert_true(tls_open(&before, port_of(secure), &(struct tls_wish){.authority = &ca}));
    assert_false(shows_renewed(secure));
    certificate_write_pem(&renewed, &ca, key_path);
    assert_true(eventually(5000, shows_renewed, secure));
    assert_says(tls_ask(&before, NOW), "now"); /* an open connection goes on */
    FILE *file = fopen(key_path, "wb");
    fclose(file);
    assert_true(shows_renewed(secure)); /* what is broken changes nothing */
    tls_close(&before);
}

static bool lets_stranger_in(void *argument)
{
    return strstr(ask_as(argument, &stranger), "CN=alice") != NULL;
}

static void a_new_trust_store_is_for_new_connections(void **state)
{
    struct secure *secure = *state;
    put(secure, "ssl.client.auth", "required");
    put(secure, "ssl.truststore.location", trust_path);
    certificate_write_trust(&ca, trust_path);
    start(secure);
    assert_false(lets_stranger_in(secure));
    certificate_write_trust(&stranger_ca, trust_path);
    assert_true(eventually(5000, lets_stranger_in, secure));
    assert_string_equal(ask_as(secure, &alice), "");
}

/* ---- no good ---- */

/* An alert of TLS may come, HTTP in plain text may not. */
static void assert_closes(int client)
{
    char byte;
    while (recv(client, &byte, 1, 0) > 0)
        assert_true(byte != 'H');
    close(client);
}

static void plain_http_to_a_tls_port_is_closed(void **state)
{
    struct secure *secure = *state;
    start(secure);
    int client = client_open(&secure->fixture);
    client_say(client, NOW);
    assert_closes(client);
    assert_says(ask_as(secure, NULL), "nobody");
}

static void a_handshake_that_is_never_finished_is_ended(void **state)
{
    struct secure *secure = *state;
    secure->fixture.setup.idle_ms = 1000;
    secure->fixture.setup.transfer_ms = 1500;
    start(secure);
    int silent = client_open(&secure->fixture), begun = client_open(&secure->fixture);
    assert_true(client_send(begun, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
    assert_closes(silent);
    assert_closes(begun);
}

/* On a slow machine a good client may be among those that are ended; it comes again. */
static bool is_served(void *argument)
{
    return strstr(ask_as(argument, NULL), "nobody") != NULL;
}

static void handshakes_that_hang_do_not_shut_others_out(void **state)
{
    struct secure *secure = *state;
    enum { COUNT = HTTP_CONNECTIONS_MAX + 20 };
    int hanging[COUNT];
    secure->fixture.setup.patience_ms = 500;
    start(secure);
    for (int i = 0; i < COUNT; i++)
        hanging[i] = client_open(&secure->fixture);
    assert_true(eventually(20000, is_served, secure));
    for (int i = 0; i < COUNT; i++)
        close(hanging[i]);
}

static void a_request_that_hangs_over_tls_is_closed_without_plain_text(void **state)
{
    struct secure *secure = *state;
    struct tls_client client;
    char byte;
    secure->fixture.setup.transfer_ms = 500;
    start(secure);
    assert_true(tls_open(&client, port_of(secure), &(struct tls_wish){.authority = &ca}));
    SSL_write(client.ssl, "GET /now HTTP/1.1\r\nHost:", 24);
    assert_true(SSL_read(client.ssl, &byte, 1) <= 0);
    tls_close(&client);
}

#define SECURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SECURE(requests_are_answered_over_tls_and_know_that),
        SECURE(a_waiting_request_is_answered_over_tls),
        SECURE(a_large_body_comes_back_whole),
        SECURE(protocols_before_tls_1_2_are_refused),
        SECURE(only_the_protocol_that_is_enabled_is_spoken),
        SECURE(only_suites_that_are_named_are_spoken),
        SECURE(suites_that_cannot_be_had_alone_are_refused),
        SECURE(a_client_that_is_asked_may_show_a_good_certificate_or_none),
        SECURE(a_client_that_must_show_a_certificate_is_refused_without),
        SECURE(a_client_that_is_not_asked_stays_nobody),
        SECURE(subjects_are_written_as_java_does),
        SECURE(a_new_certificate_is_for_new_connections),
        SECURE(a_new_trust_store_is_for_new_connections),
        SECURE(plain_http_to_a_tls_port_is_closed),
        SECURE(a_handshake_that_is_never_finished_is_ended),
        SECURE(handshakes_that_hang_do_not_shut_others_out),
        SECURE(a_request_that_hangs_over_tls_is_closed_without_plain_text),
    };
    return cmocka_run_group_tests_name("tls", tests, make_certificates, remove_certificates);
}
