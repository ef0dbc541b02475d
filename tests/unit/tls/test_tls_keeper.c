/* What ssl.* properties say, what stores hold, and what happens when their files change. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <millrace/error.h>

#include "base/log_sink.h"
#include "base/string_map.h"
#include "support/alloc_torture.h"
#include "support/certificates.h"
#include "support/descriptors.h"
#include "support/eventually.h"
#include "tls/tls_keeper.h"

#define PASSWORD "geheim-12"

static struct test_certificate ca, own, other, expired;
static char folder[40], pem[80], locked[80], pkcs12[80], trust[80], jks[80], missing[80], mixed[80], old[80];

static int set_up(void **state)
{
    (void)state;
    ca = certificate_make(NULL, &(struct certificate_wish){.subject = "O=Acme/CN=ca"});
    own = certificate_make(&ca, &(struct certificate_wish){.subject = "CN=own"});
    other = certificate_make(&ca, &(struct certificate_wish){.subject = "CN=other"});
    expired = certificate_make(&ca, &(struct certificate_wish){.subject = "CN=old", .is_expired = true});
    certificate_folder(folder);
    snprintf(pem, sizeof(pem), "%s/own.pem", folder);
    snprintf(locked, sizeof(locked), "%s/locked.pem", folder);
    snprintf(pkcs12, sizeof(pkcs12), "%s/own.p12", folder);
    snprintf(trust, sizeof(trust), "%s/trust.pem", folder);
    snprintf(jks, sizeof(jks), "%s/own.jks", folder);
    snprintf(missing, sizeof(missing), "%s/missing.pem", folder);
    snprintf(mixed, sizeof(mixed), "%s/mixed.pem", folder);
    snprintf(old, sizeof(old), "%s/old.pem", folder);
    certificate_write_pem(&own, &ca, pem);
    certificate_write_pem_locked(&own, &ca, PASSWORD, locked);
    certificate_write_pkcs12(&own, &ca, PASSWORD, pkcs12);
    certificate_write_trust(&ca, trust);
    certificate_write_pem(&expired, NULL, old);
    struct test_certificate strange = {own.key, other.x509};
    certificate_write_pem(&strange, NULL, mixed);
    FILE *file = fopen(jks, "wb");
    fwrite("\xfe\xed\xfe\xed rest", 1, 9, file);
    fclose(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    certificate_remove(folder);
    certificate_release(&ca);
    certificate_release(&own);
    certificate_release(&other);
    certificate_release(&expired);
    return 0;
}

/* "name=value" lines; a $ in the text is the folder. */
static struct string_map *properties_of(const char *text)
{
    struct string_map *properties = string_map_create();
    char copy[8000], *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char value[400], *at = strchr(line, '=');
        *at++ = '\0';
        snprintf(value, sizeof(value), "%s%s", *at == '$' ? folder : "", *at == '$' ? at + 1 : at);
        assert_true(string_map_put(properties, line, value));
    }
    return properties;
}

/* What is wrong with these properties for an https listener; "": nothing. */
static const char *wrong_with(const char *text)
{
    static char words[1000];
    struct string_map *properties = properties_of(text);
    struct mr_error *error = NULL;
    struct tls_keeper *keeper = tls_keeper_open(
        &(struct tls_keeper_setup){.properties = properties, .prefix = TLS_LISTENERS, .needs_key = true}, &error);
    snprintf(words, sizeof(words), "%s", keeper != NULL ? "" : mr_error_message(error));
    assert_true((keeper == NULL) == (error != NULL));
    mr_error_clear(&error);
    tls_keeper_close(keeper);
    string_map_destroy(properties);
    return words;
}

static void what_is_wrong_is_said_with_the_property_and_the_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *properties, *words;
    } CASES[] = {
        {"listeners=x", "ssl.keystore.location is not set: https needs a certificate and its key"},
        {"listeners.https.a=b\nssl.keystore.location=$/own.pem", "listeners.https.ssl.keystore.location is not set"},
        {"ssl.keystore.location=$/missing.pem", "missing.pem"},
        {"ssl.keystore.location=$/trust.pem", "holds no private key in PEM"},
        {"ssl.keystore.location=$/mixed.pem", "the private key belongs to none of the certificates"},
        {"ssl.keystore.location=$/locked.pem", "ssl.key.password: "},
        {"ssl.keystore.location=$/locked.pem\nssl.key.password=wrong", "cannot be decrypted with this password"},
        {"ssl.keystore.location=$/own.p12", "ssl.keystore.password: "},
        {"ssl.keystore.location=$/own.p12\nssl.keystore.password=wrong", "the password is wrong"},
        {"ssl.keystore.location=$/own.p12\nssl.keystore.type=PEM\nssl.keystore.password=x", "is PKCS12: correct the type"},
        {"ssl.keystore.location=$/own.jks", "-deststoretype PKCS12"},
        {"ssl.keystore.location=$/own.pem\nssl.keystore.type=BCFKS", "ssl.keystore.type=BCFKS"},
        {"ssl.keystore.key=x", "belong together"},
        {"ssl.keystore.location=$/own.pem\nssl.truststore.location=$/missing.pem", "ssl.truststore.location: "},
        {"ssl.keystore.location=$/own.pem\nssl.client.auth=required", "Set ssl.truststore.location"},
        {"ssl.keystore.location=$/own.pem\nssl.client.auth=maybe", "must be none, requested or required"},
        {"ssl.keystore.location=$/own.pem\nssl.enabled.protocols=TLSv1.4", "only TLSv1.2 and TLSv1.3 are known"},
        {"ssl.keystore.location=$/own.pem\nssl.enabled.protocols=TLSv1.1", "leaves no protocol"},
        {"ssl.keystore.location=$/own.pem\nssl.enabled.protocols=TLSv1.3\nssl.protocol=TLSv1.2", "leaves no protocol"},
        {"ssl.keystore.location=$/own.pem\nssl.protocol=SSL", "ssl.protocol=SSL"},
        {"ssl.keystore.location=$/own.pem\nssl.engine.factory.class=a.B", "ssl.engine.factory.class=a.B"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const char *words = wrong_with(CASES[i].properties);
        if (strstr(words, CASES[i].words) == NULL)
            fail_msg("%s\n gave: %s", CASES[i].properties, words);
        assert_null(strstr(words, PASSWORD));
    }
}

static void good_stores_are_read(void **state)
{
    (void)state;
    assert_string_equal(wrong_with("ssl.keystore.location=$/own.pem\nssl.keystore.type=PEM"), "");
    assert_string_equal(wrong_with("ssl.keystore.location=$/locked.pem\nssl.key.password=" PASSWORD), "");
    assert_string_equal(wrong_with("ssl.keystore.location=$/own.p12\nssl.keystore.password=" PASSWORD), "");
    assert_string_equal(wrong_with("ssl.keystore.location=$/old.pem"), ""); /* expired: a warning */
    assert_string_equal(wrong_with("ssl.keystore.location=$/own.pem\nssl.truststore.location=$/trust.pem\n"
                                   "ssl.client.auth=required\nssl.enabled.protocols=TLSv1.1, TLSv1.2"),
                        "");
    assert_string_equal(wrong_with("ssl.keystore.location=$/missing.pem\nlisteners.https.ssl.keystore.location=$/own.pem"), "");
}

static struct tls_keeper *open_keeper(const struct string_map *properties)
{
    struct mr_error *error = NULL;
    struct tls_keeper *keeper = tls_keeper_open(&(struct tls_keeper_setup){.properties = properties,
                                                                           .prefix = TLS_LISTENERS,
                                                                           .needs_key = true,
                                                                           .look_ms = 1},
                                                &error);
    if (keeper == NULL)
        fail_msg("%s", mr_error_message(error));
    return keeper;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static void a_store_becomes_an_unlocked_key_and_its_chain(void **state)
{
    (void)state;
    struct string_map *properties =
        properties_of("ssl.keystore.location=$/own.p12\nssl.keystore.password=" PASSWORD "\nssl.truststore.location=$/trust.pem");
    struct tls_keeper *keeper = open_keeper(properties);
    const struct tls_material *material = tls_keeper_take(keeper);
    assert_int_equal(count_of(material->key, "BEGIN PRIVATE KEY"), 1);
    assert_int_equal(count_of(material->chain, "BEGIN CERTIFICATE"), 2);
    assert_int_equal(count_of(material->trust, "BEGIN CERTIFICATE"), 1);
    assert_non_null(strstr(material->chain, material->trust)); /* the issuer comes last */
    tls_keeper_close(keeper);
    assert_int_equal(count_of(material->key, "BEGIN PRIVATE KEY"), 1); /* what was taken lives on */
    tls_material_drop(material);
    string_map_destroy(properties);
}

struct renewal {
    struct tls_keeper *keeper;
    const struct tls_material *first;
};

static bool is_renewed(void *argument)
{
    struct renewal *renewal = argument;
    const struct tls_material *now = tls_keeper_take(renewal->keeper);
    bool is_other = now != renewal->first;
    tls_material_drop(now);
    return is_other;
}

static void count_errors(void *state, const struct log_line *line)
{
    if (line->level == LOG_LEVEL_ERROR && strstr(line->message, "stay in force") != NULL)
        (*(int *)state)++;
}

/* Taking is what looks; the first one's stays, and the breakage is told once. */
static void take_until_told(struct renewal *renewal, int *told)
{
    *told = 0;
    for (int64_t until_ms = eventually_now_ms() + 5000; *told == 0 && eventually_now_ms() < until_ms;)
        assert_false(is_renewed(renewal));
    for (int i = 0; i < 3000; i++)
        assert_false(is_renewed(renewal));
    assert_int_equal(*told, 1);
}

static void a_changed_file_counts_and_a_broken_one_does_not(void **state)
{
    (void)state;
    struct string_map *properties = properties_of("ssl.keystore.location=$/renewed.pem");
    char path[80];
    snprintf(path, sizeof(path), "%s/renewed.pem", folder);
    certificate_write_pem(&own, &ca, path);
    struct renewal renewal = {.keeper = open_keeper(properties)};
    renewal.first = tls_keeper_take(renewal.keeper);
    assert_false(is_renewed(&renewal));

    int told = 0;
    log_sink_set(&(struct log_sink){count_errors, &told});
    char fresh[300];
    FILE *file = certificate_file_open(path, fresh);
    fputs("-----BEGIN PRIVATE KEY-----\n", file);
    certificate_file_close(file, fresh, path);
    take_until_told(&renewal, &told);
    struct tls_health health = tls_keeper_health(renewal.keeper);
    assert_true(health.is_failing);
    assert_true(health.expires_s > time(NULL));
    remove(path);
    take_until_told(&renewal, &told);

    certificate_write_pem(&other, &ca, path);
    assert_true(eventually(5000, is_renewed, &renewal));
    assert_false(tls_keeper_health(renewal.keeper).is_failing);
    log_sink_set(NULL);
    const struct tls_material *now = tls_keeper_take(renewal.keeper);
    assert_string_not_equal(now->chain, renewal.first->chain);
    tls_material_drop(now);
    tls_material_drop(renewal.first);
    tls_keeper_close(renewal.keeper);
    string_map_destroy(properties);
}

static void a_file_that_could_not_be_read_at_that_moment_counts_a_little_later(void **state)
{
    (void)state;
    struct string_map *properties = properties_of("ssl.keystore.location=$/renewed.pem");
    char path[80];
    int told = 0;
    snprintf(path, sizeof(path), "%s/renewed.pem", folder);
    certificate_write_pem(&own, &ca, path);
    struct renewal renewal = {.keeper = open_keeper(properties)};
    renewal.first = tls_keeper_take(renewal.keeper);
    certificate_write_pem(&other, &ca, path);
    log_sink_set(&(struct log_sink){count_errors, &told});
    struct rlimit before = descriptors_deny();
    for (int64_t until_ms = eventually_now_ms() + 5000; told == 0 && eventually_now_ms() < until_ms;)
        assert_false(is_renewed(&renewal));
    descriptors_allow(before);
    assert_true(eventually(10000, is_renewed, &renewal));
    assert_int_equal(told, 1);
    log_sink_set(NULL);
    tls_material_drop(renewal.first);
    tls_keeper_close(renewal.keeper);
    string_map_destroy(properties);
}

static bool open_and_close(void *argument)
{
    struct mr_error *error = NULL;
    struct tls_keeper *keeper = tls_keeper_open(
        &(struct tls_keeper_setup){.properties = argument, .prefix = TLS_LISTENERS, .needs_key = true}, &error);
    bool worked = keeper != NULL;
    mr_error_clear(&error);
    tls_keeper_close(keeper);
    return worked;
}

static bool is_warned_of_mode;

static void hear_of_mode(void *unused, const struct log_line *line)
{
    (void)unused;
    is_warned_of_mode = is_warned_of_mode || strstr(line->message, "everybody on this machine may read the private key") != NULL;
}

static void a_key_that_everybody_may_read_is_warned_about(void **state)
{
    static const struct log_sink SINK = {.write = hear_of_mode};
    static const struct {
        const char *lines;
        mode_t mode;
        bool is_warned;
    } CASES[] = {{"ssl.keystore.location=$/own.pem", 0644, true},
                 {"ssl.keystore.location=$/own.pem", 0640, false},
                 {"ssl.keystore.location=$/own.p12\nssl.keystore.password=" PASSWORD, 0644, false}};
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct string_map *properties = properties_of(CASES[i].lines);
        is_warned_of_mode = false;
        assert_int_equal(chmod(string_map_get(properties, "ssl.keystore.location"), CASES[i].mode), 0);
        log_sink_set(&SINK);
        assert_true(open_and_close(properties));
        log_sink_set(NULL);
        assert_int_equal(is_warned_of_mode, CASES[i].is_warned);
        string_map_destroy(properties);
    }
}

static void no_memory_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    struct string_map *properties =
        properties_of("ssl.keystore.location=$/own.p12\nssl.keystore.password=" PASSWORD "\nssl.truststore.location=$/trust.pem");
    alloc_torture(open_and_close, properties);
    string_map_destroy(properties);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_said_with_the_property_and_the_remedy),
        cmocka_unit_test(good_stores_are_read),
        cmocka_unit_test(a_store_becomes_an_unlocked_key_and_its_chain),
        cmocka_unit_test(a_changed_file_counts_and_a_broken_one_does_not),
        cmocka_unit_test(a_file_that_could_not_be_read_at_that_moment_counts_a_little_later),
        cmocka_unit_test(a_key_that_everybody_may_read_is_warned_about),
        cmocka_unit_test(no_memory_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests_name("tls_keeper", tests, set_up, tear_down);
}
