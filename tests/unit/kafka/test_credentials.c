/* credentials: what open clients show to brokers, after files and texts have changed. The broker here is a TLS server that looks at whoever
 * comes, and hangs up: so clients come again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <millrace/error.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "kafka/client_config.h"
#include "kafka/credentials.h"
#include "kafka/native_internal.h"

#include "support/certificates.h"
#include "support/eventually.h"

#define SOON_MS 10000
#define NAME_SIZE 80

struct fixture {
    struct test_certificate authority, other, server, one, two;
    char folder[40], key_file[80], trust_file[80], servers[40];
    int listener;
    pthread_t thread;
    pthread_mutex_t lock;
    SSL_CTX *context;      /* lock */
    char seen[NAME_SIZE];  /* lock; of the last client: its subject, "nobody", or "failed" */
    int version;           /* lock */
    const char *wanted;
    struct native_handle *client;
};

/* ---- the server ---- */

static SSL_CTX *server_context(const struct fixture *fixture, const struct test_certificate *own)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context, own->x509);
    SSL_CTX_use_PrivateKey(context, own->key);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), fixture->authority.x509);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return context;
}

static void look_at(struct fixture *fixture, SSL *ssl)
{
    bool came_in = SSL_accept(ssl) == 1;
    X509 *peer = came_in ? SSL_get0_peer_certificate(ssl) : NULL;
    mutex_lock(&fixture->lock);
    snprintf(fixture->seen, sizeof fixture->seen, "%s", came_in ? "nobody" : "failed");
    if (peer != NULL)
        X509_NAME_oneline(X509_get_subject_name(peer), fixture->seen, sizeof fixture->seen);
    fixture->version = SSL_version(ssl);
    mutex_unlock(&fixture->lock);
}

static void *serve(void *argument)
{
    struct fixture *fixture = argument;
    int connection;
    while ((connection = accept(fixture->listener, NULL, NULL)) >= 0) {
        struct timeval patience = {.tv_sec = 2};
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        mutex_lock(&fixture->lock);
        SSL *ssl = SSL_new(fixture->context);
        mutex_unlock(&fixture->lock);
        SSL_set_fd(ssl, connection);
        look_at(fixture, ssl);
        SSL_free(ssl);
        close(connection);
    }
    return NULL;
}

static void listen_somewhere(struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    char why[100];
    fixture->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fixture->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fixture->listener, 10), 0);
    assert_int_equal(getsockname(fixture->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(fixture->servers, sizeof fixture->servers, "localhost:%d", ntohs(address.sin_port));
    assert_true(thread_start(&fixture->thread, &(struct thread_setup){.name = "server", .run = serve, .argument = fixture}, why, sizeof why));
}

static void serve_with(struct fixture *fixture, const struct test_certificate *own)
{
    mutex_lock(&fixture->lock);
    SSL_CTX_free(fixture->context);
    fixture->context = server_context(fixture, own);
    mutex_unlock(&fixture->lock);
}

static bool is_seen(void *argument)
{
    struct fixture *fixture = argument;
    mutex_lock(&fixture->lock);
    bool is_so = strcmp(fixture->seen, fixture->wanted) == 0;
    mutex_unlock(&fixture->lock);
    return is_so;
}

static void await(struct fixture *fixture, const char *wanted)
{
    fixture->wanted = wanted;
    if (!eventually(SOON_MS, is_seen, fixture))
        fail_msg("%s did not come; last %s", wanted, fixture->seen);
}

/* ---- set-up ---- */

static int set_up(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    mutex_init(&fixture.lock);
    fixture.authority = certificate_make(NULL, &(struct certificate_wish){.subject = "CN=authority"});
    fixture.other = certificate_make(NULL, &(struct certificate_wish){.subject = "CN=other"});
    fixture.server = certificate_make(&fixture.authority, &(struct certificate_wish){.subject = "CN=localhost"});
    fixture.one = certificate_make(&fixture.authority, &(struct certificate_wish){.subject = "CN=one"});
    fixture.two = certificate_make(&fixture.authority, &(struct certificate_wish){.subject = "CN=two"});
    certificate_folder(fixture.folder);
    snprintf(fixture.key_file, sizeof fixture.key_file, "%s/own", fixture.folder);
    snprintf(fixture.trust_file, sizeof fixture.trust_file, "%s/trust", fixture.folder);
    certificate_write_pem(&fixture.one, &fixture.authority, fixture.key_file);
    certificate_write_trust(&fixture.authority, fixture.trust_file);
    fixture.context = server_context(&fixture, &fixture.server);
    listen_somewhere(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->client != NULL)
        native_handle_drop(fixture->client);
    shutdown(fixture->listener, SHUT_RDWR);
    thread_join(fixture->thread);
    close(fixture->listener);
    SSL_CTX_free(fixture->context);
    certificate_release(&fixture->authority);
    certificate_release(&fixture->other);
    certificate_release(&fixture->server);
    certificate_release(&fixture->one);
    certificate_release(&fixture->two);
    certificate_remove(fixture->folder);
    mutex_destroy(&fixture->lock);
    credentials_forget_all();
    return 0;
}

static struct string_map *properties_of(const struct fixture *fixture)
{
    struct string_map *map = string_map_create();
    string_map_put(map, "bootstrap.servers", fixture->servers);
    string_map_put(map, "client.id", "test");
    string_map_put(map, "security.protocol", "SSL");
    string_map_put(map, "reconnect.backoff.ms", "10");
    string_map_put(map, "reconnect.backoff.max.ms", "10");
    string_map_put(map, "ssl.truststore.location", fixture->trust_file);
    string_map_put(map, "ssl.keystore.location", fixture->key_file);
    return map;
}

static struct client_config *config_of(const struct string_map *properties, struct mr_error **error)
{
    struct client_findings findings;
    client_findings_init(&findings);
    struct client_config *config = client_config_create(CLIENT_ADMIN, properties, &findings, error);
    client_findings_release(&findings);
    return config;
}

static void open_client(struct fixture *fixture, const struct string_map *properties)
{
    struct mr_error *error = NULL;
    struct client_config *config = config_of(properties, &error);
    if (config == NULL)
        fail_msg("%s", mr_error_message(error));
    rd_kafka_conf_t *conf = native_conf_create(config, NULL);
    rd_kafka_t *rk = native_open(config, RD_KAFKA_CONSUMER, &conf, &error);
    if (rk == NULL)
        fail_msg("%s", mr_error_message(error));
    fixture->client = native_handle_create(rk, NULL);
    client_config_drop(config);
}

static void open_usual(struct fixture *fixture)
{
    struct string_map *properties = properties_of(fixture);
    open_client(fixture, properties);
    string_map_destroy(properties);
}

static struct credentials_health look(void)
{
    struct credentials_health health;
    credentials_look(clock_monotonic_ms(NULL));
    credentials_health(&health);
    return health;
}

/* ---- certificates ---- */

static void an_open_client_shows_the_certificate_that_has_taken_the_place_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    open_usual(fixture);
    await(fixture, "/CN=one");
    uint64_t before = look().renewed;
    certificate_write_pem(&fixture->two, &fixture->authority, fixture->key_file);
    assert_int_equal(look().renewed, before + 1);
    await(fixture, "/CN=two");
    assert_int_equal(look().renewed, before + 1);
}

static void a_pkcs12_file_is_taken_likewise(void **state)
{
    struct fixture *fixture = *state;
    struct string_map *properties = properties_of(fixture);
    certificate_write_pkcs12(&fixture->one, &fixture->authority, "secret-1", fixture->key_file);
    string_map_put(properties, "ssl.keystore.password", "secret-1");
    open_client(fixture, properties);
    string_map_destroy(properties);
    await(fixture, "/CN=one");
    certificate_write_pkcs12(&fixture->two, &fixture->authority, "secret-2", fixture->key_file);
    assert_true(look().is_failing); /* until its password comes, too */
    await(fixture, "/CN=one");
    assert_int_equal(credentials_replace("ssl.keystore.password", "secret-1", "secret-2", NULL), 0);
    assert_false(look().is_failing);
    await(fixture, "/CN=two");
}

static void a_file_of_no_use_leaves_the_former_certificate_in_force(void **state)
{
    struct fixture *fixture = *state;
    struct string_map *properties = properties_of(fixture);
    open_usual(fixture);
    await(fixture, "/CN=one");
    certificate_write_trust(&fixture->two, fixture->key_file);
    struct credentials_health health = look();
    assert_true(health.is_failing);
    assert_non_null(strstr(health.words, "ssl.keystore.location"));
    await(fixture, "/CN=one");
    struct client_config *further = config_of(properties, NULL);
    assert_non_null(further); /* opened while the file is of no use */
    client_config_drop(further);
    certificate_write_pem(&fixture->two, NULL, fixture->key_file);
    assert_false(look().is_failing);
    await(fixture, "/CN=two");
    string_map_destroy(properties);
}

static void an_authority_that_comes_is_trusted_by_open_clients(void **state)
{
    struct fixture *fixture = *state;
    struct test_certificate server = certificate_make(&fixture->other, &(struct certificate_wish){.subject = "CN=localhost"});
    open_usual(fixture);
    await(fixture, "/CN=one");
    serve_with(fixture, &server);
    await(fixture, "failed");
    certificate_write_trust(&fixture->other, fixture->trust_file);
    look();
    await(fixture, "/CN=one");
    certificate_release(&server);
}

static void the_certificate_that_ends_first_is_told(void **state)
{
    struct fixture *fixture = *state;
    int64_t now_s = clock_wall_ms(NULL) / 1000;
    open_usual(fixture);
    int64_t expires_s = look().expires_s;
    assert_in_range(expires_s - now_s, 86400, 3 * 86400);
    native_handle_drop(fixture->client);
    fixture->client = NULL;
    assert_int_equal(look().sets, 0);
    assert_int_equal(look().expires_s, 0);
}

static void only_the_versions_of_tls_that_are_enabled_are_spoken(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        int version;
    } cases[] = {{"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}, {"TLSv1.2,TLSv1.3", TLS1_3_VERSION}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct string_map *properties = properties_of(fixture);
        string_map_put(properties, "ssl.enabled.protocols", cases[i].text);
        mutex_lock(&fixture->lock);
        fixture->seen[0] = '\0';
        mutex_unlock(&fixture->lock);
        open_client(fixture, properties);
        await(fixture, "/CN=one");
        assert_int_equal(fixture->version, cases[i].version);
        native_handle_drop(fixture->client);
        fixture->client = NULL;
        string_map_destroy(properties);
    }
}

/* librdkafka reads some files only then. */
static void a_client_that_cannot_be_opened_is_refused_in_words(void **state)
{
    struct fixture *fixture = *state;
    struct string_map *properties = properties_of(fixture);
    struct mr_error *error = NULL;
    struct client_config *config = config_of(properties, &error);
    rd_kafka_conf_t *conf = native_conf_create(config, NULL);
    native_conf_set(conf, "ssl.crl.location", "/no/such/file");
    assert_null(native_open(config, RD_KAFKA_CONSUMER, &conf, &error));
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    assert_int_equal(look().sets, 0);
    mr_error_drop(error);
    client_config_drop(config);
    string_map_destroy(properties);
}

/* ---- texts ---- */

static const char *password_of(const char *jaas)
{
    static char password[40];
    struct string_map *properties = string_map_create();
    string_map_put(properties, "bootstrap.servers", "localhost:1");
    string_map_put(properties, "security.protocol", "SASL_PLAINTEXT");
    string_map_put(properties, "sasl.mechanism", "PLAIN");
    string_map_put(properties, "sasl.jaas.config", jaas);
    struct client_config *config = config_of(properties, NULL);
    snprintf(password, sizeof password, "%s", client_config_get_native(config, "sasl.password"));
    client_config_drop(config);
    string_map_destroy(properties);
    return password;
}

#define LOGIN(password) "x.PlainLoginModule required username=\"u\" password=\"" password "\";"

static void a_replaced_text_counts_wherever_the_former_one_stands(void **state)
{
    (void)state;
    credentials_replace("sasl.jaas.config", LOGIN("a"), LOGIN("b"), NULL);
    assert_string_equal(password_of(LOGIN("a")), "b");
    assert_string_equal(password_of(LOGIN("other")), "other");
    credentials_replace("sasl.jaas.config", LOGIN("b"), LOGIN("c"), NULL);
    assert_string_equal(password_of(LOGIN("a")), "c");
    assert_string_equal(password_of(LOGIN("b")), "c");
    credentials_replace("sasl.jaas.config", LOGIN("c"), LOGIN("a"), NULL);
    assert_string_equal(password_of(LOGIN("a")), "a");
    assert_string_equal(password_of(LOGIN("b")), "a");
    assert_string_equal(password_of(LOGIN("c")), "a");
    credentials_forget_all();
    assert_string_equal(password_of(LOGIN("c")), "c");
}

static void only_credentials_are_replaced(void **state)
{
    (void)state;
    assert_true(credentials_is_property("sasl.jaas.config"));
    assert_true(credentials_is_property("ssl.keystore.password"));
    assert_false(credentials_is_property("bootstrap.servers"));
    assert_false(credentials_is_property("producer.sasl.jaas.config"));
}

/* ---- advice ---- */

static void a_refusal_names_the_property_that_mends_it(void **state)
{
    static const struct {
        const char *words, *property;
        bool refuses;
    } cases[] = {
        {"b:1/1: SASL authentication error: Authentication failed: Invalid username or password", "sasl.jaas.config", true},
        {"SASL SCRAM mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN", "sasl.mechanism", true},
        {"SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified",
         "ssl.truststore.location", true},
        {"Receive failed: error:0A000416:SSL routines::sslv3 alert certificate unknown: SSL alert number 46", "ssl.keystore.location", true},
        {"Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required", "ssl.keystore.location", true},
        {"SSL handshake failed: error:0A00010B:SSL routines::wrong version number", "security.protocol", true},
        {"Disconnected while requesting ApiVersion: might be caused by incorrect security.protocol configuration", "security.protocol", false},
        {"SASL authentication error: SASL handshake failed: Local: Broker transport failure", "sasl.jaas.config", false},
        {"Connect to ipv4#127.0.0.1:9 failed: Connection refused", NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *advice = native_advice(cases[i].words);
        if (cases[i].property == NULL ? advice != NULL : advice == NULL || strncmp(advice, cases[i].property, strlen(cases[i].property)) != 0)
            fail_msg("%s: %s", cases[i].words, advice != NULL ? advice : "no advice");
        if (native_words_refuse(cases[i].words) != cases[i].refuses)
            fail_msg("%s", cases[i].words);
    }
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(an_open_client_shows_the_certificate_that_has_taken_the_place_of_its_own),
        WITH_SERVER(a_pkcs12_file_is_taken_likewise),
        WITH_SERVER(a_file_of_no_use_leaves_the_former_certificate_in_force),
        WITH_SERVER(an_authority_that_comes_is_trusted_by_open_clients),
        WITH_SERVER(the_certificate_that_ends_first_is_told),
        WITH_SERVER(a_client_that_cannot_be_opened_is_refused_in_words),
        WITH_SERVER(only_the_versions_of_tls_that_are_enabled_are_spoken),
        cmocka_unit_test(a_replaced_text_counts_wherever_the_former_one_stands),
        cmocka_unit_test(only_credentials_are_replaced),
        cmocka_unit_test(a_refusal_names_the_property_that_mends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
