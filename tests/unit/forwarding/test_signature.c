#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/thread.h"
#include "config/worker_config.h"
#include "forwarding/signature.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "support/alloc_torture.h"

#define BODY "[{\"a\":\"1\"}]"
#define RIGHT "6gzOHQkAGM03HPZ+z/WOJRH2v7muyEoWPR3K2q7ZUyo="

/* Bytes 0 to 31. */
static const struct session_key KEY = {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "HmacSHA256", 1};

/* The expected texts come from Python's hmac and hashlib. */
static void signatures_are_those_of_the_hmac(void **state)
{
    static const struct {
        const char *algorithm, *signature;
    } CASES[] = {
        {"HmacSHA1", "Oc0vbURldFcN9yHSfpKxvqx2b0s="},
        {"HmacSHA224", "KsCGtRsJ0CUV4F2x2mgRjsQKt1E4ixCEnuEOIw=="},
        {"HmacSHA256", RIGHT},
        {"hmacsha256", RIGHT},
        {"HmacSHA384", "VyoYJc13ZDfVLvG8kIZGTPMEBomfzROO4dvh7Bn+IGDKldPCoYjxk0aSRrk8qBQi"},
        {"HmacSHA512", "d2vLTqUX3+aoZ2nx7byFimW/xoeKYkMhkwi+5mCFhxxT0JKCEsedWQk3F6NVJINDSGzGKyi+++pPkYWTQzTs3Q=="},
    };
    char text[SIGNATURE_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_true(signature_make(CASES[i].algorithm, &KEY, BODY, strlen(BODY), text));
        assert_string_equal(text, CASES[i].signature);
    }
    assert_true(signature_make("HmacSHA256", &KEY, "", 0, text));
    assert_string_equal(text, "04tCCW2A9F+Ca0Sp1WB95ySWpBXT9KGoyI47udqNwcs=");
}

static void a_key_longer_than_a_block_signs_too(void **state)
{
    char key[300], text[SIGNATURE_TEXT_SIZE];
    (void)state;
    memset(key, '/', 266); /* 200 bytes of 0xff */
    memcpy(key + 266, "8=", 3);
    struct session_key session = {key, "HmacSHA256", 1};
    assert_true(signature_make("HmacSHA256", &session, "\xC3\xA9", 2, text));
    assert_string_equal(text, "7Sip5ZXJV0FnttuhgkOFZCWlrCpm/MP1MZPTWtvlIoA=");
}

static void what_is_not_understood_signs_nothing(void **state)
{
    struct session_key broken = {"no base64!", "HmacSHA256", 1};
    char text[SIGNATURE_TEXT_SIZE];
    (void)state;
    assert_false(signature_make("HmacMD5", &KEY, BODY, strlen(BODY), text));
    assert_false(signature_make("HmacSHA256", &broken, BODY, strlen(BODY), text));
}

/* ---- checking ---- */

static struct worker_config worker_with(const char *protocol)
{
    return (struct worker_config){
        .connect_protocol = protocol, .signature_algorithm = "HmacSHA256", .verification_algorithms = "HmacSHA512, HmacSHA256"};
}

/* 0: let in. */
static int check(const char *protocol, bool has_key, const char *signature, const char *algorithm, const char **message)
{
    static struct signature_verdict verdict;
    struct worker_config worker = worker_with(protocol);
    struct config_store *store = memory_config_store_create(NULL);
    if (has_key)
        assert_int_equal(config_store_put_session_key(store, &KEY, DEADLINE_NEVER, NULL), 0);
    bool in = signature_check(&worker, store, &(struct signature_claim){signature, algorithm}, BODY, strlen(BODY), &verdict);
    config_store_destroy(store);
    assert_int_equal(in, verdict.status == 0);
    *message = verdict.message;
    return verdict.status;
}

static void every_lack_of_a_signature_has_its_status(void **state)
{
    static const struct {
        bool has_key;
        const char *signature, *algorithm;
        int status;
        const char *message;
    } CASES[] = {
        {true, RIGHT, "HmacSHA256", 0, ""},
        {true, NULL, "HmacSHA256", 400, "Internal request missing required signature"},
        {true, RIGHT, NULL, 400, "Internal request missing required signature"},
        {true, RIGHT, "HmacSHA1", 400,
         "This worker does not support the 'HmacSHA1' key signing algorithm used by other workers. This worker is currently "
         "configured to use: [HmacSHA512, HmacSHA256]. Check that all workers' configuration files permit the same set of "
         "signature algorithms, and correct any misconfigured worker and restart it."},
        {true, "%%%", "HmacSHA256", 400, "Internal request contained a signature that is not base64"},
        {false, RIGHT, "HmacSHA256", 503,
         "This worker is still starting up and has not been able to read a session key from the config topic yet"},
        {true, "7gzOHQkAGM03HPZ+z/WOJRH2v7muyEoWPR3K2q7ZUyo=", "HmacSHA256", 403,
         "Internal request contained invalid signature."},
        {true, RIGHT, "HmacSHA512", 403, "Internal request contained invalid signature."},
        {true, "", "HmacSHA256", 403, "Internal request contained invalid signature."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const char *message;
        assert_int_equal(check("sessioned", CASES[i].has_key, CASES[i].signature, CASES[i].algorithm, &message),
                         CASES[i].status);
        assert_string_equal(message, CASES[i].message);
    }
}

static void other_protocols_demand_none(void **state)
{
    const char *message;
    (void)state;
    assert_int_equal(check("compatible", false, NULL, NULL, &message), 0);
    assert_int_equal(check("EAGER", true, "wrong", "none", &message), 0);
    assert_int_equal(check("Sessioned", true, NULL, NULL, &message), 400);
}

static bool make_one(void *argument)
{
    char text[SIGNATURE_TEXT_SIZE];
    (void)argument;
    return signature_make("HmacSHA256", &KEY, BODY, strlen(BODY), text);
}

static void a_signature_that_finds_no_memory_is_none(void **state)
{
    (void)state;
    alloc_torture(make_one, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_the_hmac),
        cmocka_unit_test(a_key_longer_than_a_block_signs_too),
        cmocka_unit_test(what_is_not_understood_signs_nothing),
        cmocka_unit_test(every_lack_of_a_signature_has_its_status),
        cmocka_unit_test(other_protocols_demand_none),
        cmocka_unit_test(a_signature_that_finds_no_memory_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
