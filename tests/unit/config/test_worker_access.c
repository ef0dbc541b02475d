/* Who may log in over REST: which properties go together, and what a JVM worker's settings mean. */
#include "config_room_test.h"

#include <stdlib.h>

#define EXTENSION "rest.extension.classes=org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension\n"
#define AUTH "millrace.rest.auth."
#define BINDINGS "millrace.rest.bindings.file=/b\n"
#define LOOPBACK "listeners=http://127.0.0.1:8083\n"

static struct worker_config *worker_with(const char *lines)
{
    char text[2048];
    snprintf(text, sizeof(text), "%s%s", MINIMAL, lines);
    return worker_of(text);
}

static void without_the_properties_nobody_logs_in(void **state)
{
    (void)state;
    struct worker_config *worker = worker_with("");
    assert_false(worker_config_needs_login(worker));
    assert_string_equal(worker->rest_auth.passwords_file, "");
    assert_string_equal(worker->rest_auth.bindings_file, "");
    worker_config_destroy(worker);
}

static void tokens_are_read_with_their_defaults(void **state)
{
    (void)state;
    struct worker_config *worker =
        worker_with(LOOPBACK BINDINGS AUTH "issuer=https://i\n" AUTH "audiences=api://a, api://b\n");
    assert_true(worker_config_needs_login(worker));
    assert_string_equal(worker->rest_auth.issuer, "https://i");
    assert_string_equal(worker->rest_auth.name_claim, "sub");
    assert_string_equal(worker->rest_auth.group_claims, "groups,roles");
    assert_int_equal(worker->rest_auth.clock_skew_ms, 60000);
    assert_int_equal(worker->rest_auth.keys_refresh_ms, 600000);
    assert_int_equal(worker_config_warning_count(worker), 0);
    worker_config_destroy(worker);
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *words;
    } cases[] = {
        {AUTH "passwords.file=/p\n", "nobody may do anything: millrace.rest.bindings.file is not set"},
        {BINDINGS, "is set, but nobody can log in"},
        {BINDINGS AUTH "passwords.file=/p\n" AUTH "jaas.file=/j\n", "are both set. Keep one"},
        {BINDINGS AUTH "issuer=https://i\n", "audiences is not: tokens that were made for others"},
        {BINDINGS AUTH "passwords.file=/p\n" AUTH "audiences=a\n", "audiences is set, but millrace.rest.auth.issuer is not"},
        {BINDINGS AUTH "passwords.file=/p\n" AUTH "keys.url=https://k\n", "keys.url is set, but"},
        {BINDINGS AUTH "certificates=true\n", "there is no https:// in listeners"},
        {BINDINGS AUTH "certificates=true\nlisteners=https://:8443\n", "no client is asked for a certificate"},
        {BINDINGS AUTH "certificates=true\nlisteners=https://:8443\nssl.client.auth=required\nlisteners.https.ssl.key.password=x\n",
         "no client is asked for a certificate"},
        {BINDINGS AUTH "passwords.file=/p\n" AUTH "clock.skew.ms=300001\n", "no more than 300000"},
        {BINDINGS AUTH "passwords=/p\n", "so nothing would come of it"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[2048];
        snprintf(text, sizeof(text), "%s%s", MINIMAL, cases[i].lines);
        assert_contains(refusal(WORKER_DISTRIBUTED, text), cases[i].words);
    }
}

static void logins_on_an_open_network_are_warned_about_loudly(void **state)
{
    (void)state;
    static const struct {
        const char *listeners;
        size_t warnings;
    } cases[] = {
        {"listeners=http://:8083\n", 1},
        {"listeners=http://127.0.0.1:8083\nadmin.listeners=http://:9000\n", 1},
        {"listeners=http://127.0.0.1:8083,http://[::1]:8083,http://localhost:8084\n", 0},
        {"listeners=http://127.0.0.1:8083,http://127.0.0.1.example.org:8083\n", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char lines[512];
        snprintf(lines, sizeof(lines), "%s" BINDINGS AUTH "passwords.file=/p\n", cases[i].listeners);
        struct worker_config *worker = worker_with(lines);
        assert_int_equal(worker_config_warning_count(worker), cases[i].warnings);
        if (cases[i].warnings > 0)
            assert_contains(worker_config_warning(worker, 0), "LOGINS ARE NOT PROTECTED");
        worker_config_destroy(worker);
    }
}

static void the_jvms_extension_finds_its_file_as_a_jvm_does(void **state)
{
    (void)state;
    static const struct {
        const char *options, *file;
    } cases[] = {
        {"-Djava.security.auth.login.config=/etc/jaas.conf", "/etc/jaas.conf"},
        {"-Xmx1g  -Djava.security.auth.login.config==/etc/jaas.conf -ea", "/etc/jaas.conf"},
        {"-Djava.security.auth.login.config=/first -Djava.security.auth.login.config=file:/last", "/last"},
        {"-Djava.security.auth.login.config=file:///etc/jaas.conf", "/etc/jaas.conf"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setenv("KAFKA_OPTS", cases[i].options, 1);
        struct worker_config *worker = worker_with(LOOPBACK BINDINGS EXTENSION);
        assert_string_equal(worker->rest_auth.jaas_file, cases[i].file);
        assert_true(worker_config_needs_login(worker));
        worker_config_destroy(worker);
    }
    setenv("KAFKA_OPTS", "-Djava.security.auth.login.config=", 1);
    assert_contains(refusal(WORKER_DISTRIBUTED, MINIMAL EXTENSION), "needs the JAAS file");
    setenv("KAFKA_OPTS", "-Djava.security.auth.login.config=/etc/jaas.conf", 1);
    assert_contains(refusal(WORKER_DISTRIBUTED, MINIMAL EXTENSION), "nobody may do anything");
    struct worker_config *worker = worker_with(LOOPBACK BINDINGS EXTENSION AUTH "jaas.file=/mine\n");
    assert_string_equal(worker->rest_auth.jaas_file, "/mine");
    worker_config_destroy(worker);
    unsetenv("KAFKA_OPTS");
}

static void whoever_listens_beyond_the_loopback_is_exposed(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        bool is_exposed;
    } cases[] = {
        {"", true},
        {"listeners=http://127.0.0.1:1,http://[::1]:2,http://localhost:3\n", false},
        {"listeners=http://127.0.0.1:1,http://10.0.0.1:2\n", true},
        {"listeners=http://127.0.0.1:1\nadmin.listeners=http://0.0.0.0:2\n", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct worker_config *worker = worker_with(cases[i].lines);
        assert_int_equal(worker_config_is_exposed(worker), cases[i].is_exposed);
        worker_config_destroy(worker);
    }
}

static void the_secret_between_workers_is_optional(void **state)
{
    (void)state;
    struct worker_config *worker = worker_with("");
    assert_string_equal(worker->inter_worker_secret, "");
    worker_config_destroy(worker);
    worker = worker_with("millrace.inter.worker.secret=0123456789abcdef\n");
    assert_string_equal(worker->inter_worker_secret, "0123456789abcdef");
    assert_int_equal(worker_config_warning_count(worker), 0);
    worker_config_destroy(worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_properties_nobody_logs_in),
        cmocka_unit_test(tokens_are_read_with_their_defaults),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(logins_on_an_open_network_are_warned_about_loudly),
        cmocka_unit_test(the_jvms_extension_finds_its_file_as_a_jvm_does),
        cmocka_unit_test(whoever_listens_beyond_the_loopback_is_exposed),
        cmocka_unit_test(the_secret_between_workers_is_optional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
