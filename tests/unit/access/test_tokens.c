/* Bearer tokens. Two were made by the openssl program (support/signed_tokens.h); the others are signed here (tokens_bench.h). */
#include "tokens_bench.h"

#include "support/alloc_torture.h"

/* ---- what is taken ---- */

static void tokens_of_another_maker_are_taken(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(jwt_validator_set_keys(bench->validator, signed_tokens_keys, strlen(signed_tokens_keys), NULL), 0);
    assert_int_equal(jwt_validator_key_count(bench->validator), 2);
    struct jwt_verdict verdict = check(bench, signed_tokens_rs256);
    assert_int_equal(verdict.outcome, JWT_ACCEPTED);
    assert_string_equal(verdict.identity->name, "u-17");
    assert_int_equal(verdict.identity->login, IDENTITY_TOKEN);
    assert_int_equal(verdict.identity->groups.count, 3);
    assert_true(identity_has_group(verdict.identity, "orders-devs"));
    assert_true(identity_has_group(verdict.identity, "connect-editor"));
    assert_true(identity_has_claim(verdict.identity, "realm_access.roles", "nested"));
    assert_true(identity_has_claim(verdict.identity, "exp", "1767229200"));
    identity_destroy(verdict.identity);
    assert_accepted(bench, signed_tokens_es256);
}

static void a_changed_letter_breaks_a_token(void **state)
{
    struct bench *bench = *state;
    static const char *const tokens[] = {signed_tokens_rs256, signed_tokens_es256};
    assert_int_equal(jwt_validator_set_keys(bench->validator, signed_tokens_keys, strlen(signed_tokens_keys), NULL), 0);
    for (size_t t = 0; t < 2; t++) {
        size_t length = strlen(tokens[t]);
        for (size_t i = 0; i + 1 < length; i += 7) { /* the last letter holds bits that mean nothing */
            char *changed = strdup(tokens[t]);
            changed[i] = changed[i] == 'A' ? 'B' : 'A';
            struct jwt_verdict verdict = check(bench, changed);
            if (verdict.outcome == JWT_ACCEPTED)
                fail_msg("token %zu, letter %zu", t, i);
            free(changed);
        }
        for (size_t cut = 0; cut < length; cut += 13)
            assert_int_not_equal(jwt_validator_check(bench->validator, tokens[t], cut).outcome, JWT_ACCEPTED);
    }
}

static void claims_decide(void **state)
{
    static const struct {
        const char *member, *value, *says; /* says NULL: accepted */
    } rows[] = {
        {NULL, NULL, NULL},
        {"iss", "\"https://login.example/t/v2.0/\"", "another issuer"},
        {"iss", NULL, "another issuer"},
        {"iss", "[\"https://login.example/t/v2.0\"]", "another issuer"},
        {"aud", "\"api://elsewhere\"", "another audience"},
        {"aud", NULL, "another audience"},
        {"aud", "[]", "another audience"},
        {"aud", "[\"a\", \"api://millrace\"]", NULL},
        {"aud", "\"api://other\"", NULL},
        {"aud", "{\"api://millrace\": 1}", "another audience"},
        {"exp", NULL, "no time of expiry"},
        {"exp", "\"1999999999\"", "no time of expiry"},
        {"exp", "1767226141", NULL},
        {"exp", "1767226140", "expired"},
        {"exp", "1767226140.5", NULL},
        {"exp", "0", "expired"},
        {"exp", "-1", "expired"},
        {"exp", "9e300", NULL},
        {"nbf", NULL, NULL},
        {"nbf", "1767226260", NULL},
        {"nbf", "1767226261", "not valid yet"},
        {"nbf", "\"0\"", "nbf is no number"},
        {"sub", NULL, "no fit text"},
        {"sub", "\"\"", "no fit text"},
        {"sub", "7", "no fit text"},
        {"sub", "\"a\\nb\"", "no fit text"},
        {"groups", "\"one\"", NULL},
        {"groups", "[1, null, {\"a\": 2}, [\"x\"], \"a\\u0007b\"]", NULL},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *claims = claims_with(rows[i].member, rows[i].value), *token = sign_text(bench->rsa, HEADER, claims);
        if (rows[i].says == NULL)
            assert_accepted(bench, token);
        else
            assert_refused(bench, token, rows[i].says);
        free(token);
        free(claims);
    }
}

static void a_token_expires_while_it_is_used(void **state)
{
    struct bench *bench = *state;
    char *claims = claims_with(NULL, NULL), *token = sign_text(bench->ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", claims);
    assert_accepted(bench, token);
    fake_clock_advance_ms(&bench->clock, 69999);
    assert_accepted(bench, token);
    fake_clock_advance_ms(&bench->clock, 1);
    assert_refused(bench, token, "expired");
    free(token);
    free(claims);
}

static void groups_come_from_the_claims_that_are_configured(void **state)
{
    struct bench *bench = *state;
    static const char *const group_claims[] = {"realm_access.roles"};
    const struct jwt_setup setup = {.issuer = SIGNED_TOKENS_ISSUER, .audiences = audiences, .audience_count = 2, .name_claim = "oid",
                                    .group_claims = group_claims, .group_claim_count = 1, .clock = &bench->clock.clock};
    jwt_validator_destroy(bench->validator);
    bench->validator = jwt_validator_create(&setup, NULL);
    assert_int_equal(jwt_validator_set_keys(bench->validator, signed_tokens_keys, strlen(signed_tokens_keys), NULL), 0);
    struct jwt_verdict verdict = check(bench, signed_tokens_rs256);
    assert_int_equal(verdict.outcome, JWT_ACCEPTED);
    assert_string_equal(verdict.identity->name, "0000-17");
    assert_int_equal(verdict.identity->groups.count, 1);
    assert_true(identity_has_group(verdict.identity, "nested"));
    identity_destroy(verdict.identity);
}

/* ---- attacks ---- */

static void other_algorithms_are_refused(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"none\",\"kid\":\"r\"}",  "{\"alg\":\"None\",\"kid\":\"r\"}",  "{\"alg\":\"HS256\",\"kid\":\"r\"}",
        "{\"alg\":\"rs256\",\"kid\":\"r\"}", "{\"alg\":\"PS256\",\"kid\":\"r\"}", "{\"alg\":\"RS512\",\"kid\":\"r\"}",
        "{\"alg\":[\"RS256\"],\"kid\":\"r\"}", "{\"alg\":null,\"kid\":\"r\"}",    "{\"kid\":\"r\"}",
    };
    struct bench *bench = *state;
    char *claims = claims_with(NULL, NULL), *token = NULL;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        assert_true(asprintf(&token, "%s.%s.%s", encode(headers[i]), encode(claims), "AAAA") > 0);
        assert_refused(bench, token, "not signed by RS256 or ES256");
        free(token);
    }
    assert_true(asprintf(&token, "%s.%s.", encode("{\"alg\":\"none\"}"), encode(claims)) > 0);
    assert_refused(bench, token, "no signed JWT");
    free(token);
    free(claims);
}

/* The public key as a shared secret: the classic confusion. And each algorithm with the key of the other. */
static void a_key_serves_its_own_algorithm_alone(void **state)
{
    struct bench *bench = *state;
    char *claims = claims_with(NULL, NULL);
    json_t *secret = json_pack("{s:s, s:o}", "kty", "oct", "k", json_copy(json_object_get(bench->rsa, "n")));
    char *token = sign_text(secret, "{\"alg\":\"HS256\",\"kid\":\"r\"}", claims);
    assert_refused(bench, token, "not signed by RS256 or ES256");
    free(token);
    token = sign_text(bench->ec, "{\"alg\":\"ES256\",\"kid\":\"r\"}", claims);
    assert_int_equal(check(bench, token).outcome, JWT_KEY_UNKNOWN);
    free(token);
    token = sign_text(bench->rsa, "{\"alg\":\"RS256\",\"kid\":\"e\"}", claims);
    assert_int_equal(check(bench, token).outcome, JWT_KEY_UNKNOWN);
    free(token);
    json_decref(secret);
    free(claims);
}

static void keys_inside_the_token_count_for_nothing(void **state)
{
    struct bench *bench = *state;
    json_t *mine = make_key("{\"kty\":\"EC\",\"crv\":\"P-256\"}"), *pub = json_deep_copy(mine);
    assert_true(jose_jwk_pub(NULL, pub));
    json_t *header = json_pack("{s:s, s:s, s:o, s:s}", "alg", "ES256", "kid", "e", "jwk", pub, "jku", "https://evil.example/keys");
    char *text = json_dumps(header, 0), *claims = claims_with(NULL, NULL), *token = sign_text(mine, text, claims);
    assert_refused(bench, token, "signature is wrong");
    free(token);
    free(claims);
    free(text);
    json_decref(header);
    json_decref(mine);
}

static void odd_headers_are_refused(void **state)
{
    static const struct {
        const char *header, *says;
    } rows[] = {
        {"{\"alg\":\"RS256\"}", "does not name its key"},
        {"{\"alg\":\"RS256\",\"kid\":7}", "does not name its key"},
        {"{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[\"b64\"],\"b64\":false}", "crit"},
        {"{\"alg\":\"RS256\",\"kid\":\"r\",\"typ\":\"logout+jwt\"}", "not for access"},
        {"{\"alg\":\"RS256\",\"kid\":\"r\",\"typ\":3}", "not for access"},
    };
    struct bench *bench = *state;
    char *claims = claims_with(NULL, NULL), *token;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(asprintf(&token, "%s.%s.%s", encode(rows[i].header), encode(claims), "AAAA") > 0);
        assert_refused(bench, token, rows[i].says);
        free(token);
    }
    token = sign_text(bench->rsa, "{\"alg\":\"RS256\",\"kid\":\"r\",\"typ\":\"at+JWT\"}", claims);
    assert_accepted(bench, token);
    free(token);
    free(claims);
}

static void what_is_no_token_is_refused(void **state)
{
    static const char *const texts[] = {"", ".", "..", "...", "a.b", "a.b.c", "e30.e30.e30", "e30.e30.e30.e30", "W10.e30.AAAA",
                                        "e30=.e30.AAAA", " e30.e30.AAAA", "e30.e30.AA AA", "e30.e30.AA\nAA", "e+0.e/0.AAAA"};
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(check(bench, texts[i]).outcome, JWT_REFUSED);
    assert_int_equal(jwt_validator_check(bench->validator, "e30\0e30.AAAA.A", 14).outcome, JWT_REFUSED);
    char *token = NULL;
    assert_true(asprintf(&token, "%s.%s.%s", encode("{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"r\"}"), encode("{}"), "AAAA") > 0);
    assert_refused(bench, token, "no signed JWT"); /* a member twice */
    free(token);
    char *nested = malloc(9001);
    memset(nested, '[', 9000);
    nested[9000] = '\0';
    assert_true(asprintf(&token, "%s.%s.%s", encode(HEADER), encode(nested), "AAAA") > 0);
    assert_refused(bench, token, "no signed JWT");
    free(token);
    free(nested);
}

static void a_token_has_an_end_and_so_have_its_claims(void **state)
{
    struct bench *bench = *state;
    char *big = malloc(JWT_TOKEN_MAX + 2), *claims, *token;
    memset(big, 'A', JWT_TOKEN_MAX + 1);
    big[JWT_TOKEN_MAX + 1] = '\0';
    assert_refused(bench, big, "too long");
    size_t at = (size_t)sprintf(big, "[\"\"");
    for (int i = 0; i < IDENTITY_GROUPS_MAX + 1; i++)
        at += (size_t)sprintf(big + at, ",\"g\"");
    memcpy(big + at, "]", 2);
    claims = claims_with("groups", big);
    token = sign_text(bench->rsa, HEADER, claims);
    assert_refused(bench, token, "more claims or groups");
    free(token);
    free(claims);
    free(big);
}

/* ---- keys ---- */

static void an_unknown_key_asks_for_fresh_ones_once_per_interval(void **state)
{
    struct bench *bench = *state;
    json_t *rotated = make_key("{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"new\"}");
    char *claims = claims_with("exp", "1767312600"), *token = sign_text(rotated, "{\"alg\":\"ES256\",\"kid\":\"new\"}", claims);
    struct jwt_verdict first = check(bench, token), second = check(bench, token);
    assert_int_equal(first.outcome, JWT_KEY_UNKNOWN);
    assert_true(first.fetch_keys);
    assert_int_equal(second.outcome, JWT_KEY_UNKNOWN);
    assert_false(second.fetch_keys);
    fake_clock_advance_ms(&bench->clock, JWT_REFRESH_INTERVAL_DEFAULT_MS - 1);
    assert_false(check(bench, token).fetch_keys);
    fake_clock_advance_ms(&bench->clock, 1);
    assert_true(check(bench, token).fetch_keys);
    set_keys(bench->validator, rotated, bench->rsa);
    assert_accepted(bench, token);
    json_decref(rotated);
    free(token);
    free(claims);
}

static void a_token_that_is_wrong_anyway_asks_for_no_keys(void **state)
{
    struct bench *bench = *state;
    char *claims = claims_with("exp", "5"), *token = sign_text(bench->ec, "{\"alg\":\"ES256\",\"kid\":\"made-up\"}", claims);
    assert_refused(bench, token, "expired");
    free(token);
    free(claims);
    claims = claims_with(NULL, NULL);
    token = sign_text(bench->ec, "{\"alg\":\"ES256\",\"kid\":\"made-up\"}", claims);
    assert_true(check(bench, token).fetch_keys);
    free(token);
    free(claims);
}

static void without_keys_the_first_token_asks_for_them(void **state)
{
    struct bench *bench = *state;
    jwt_validator_destroy(bench->validator);
    bench->validator = make_validator(bench);
    assert_int_equal(jwt_validator_key_count(bench->validator), 0);
    struct jwt_verdict verdict = check(bench, signed_tokens_rs256);
    assert_int_equal(verdict.outcome, JWT_KEY_UNKNOWN);
    assert_true(verdict.fetch_keys);
}

static void bad_key_sets_are_refused_and_the_former_stay(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "no JSON"},
        {"<html>", "no JSON"},
        {"[]", "list \"keys\""},
        {"{}", "list \"keys\""},
        {"{\"keys\": {}}", "list \"keys\""},
        {"{\"keys\": []}", "no key with a kid"},
        {"{\"keys\": [1, null, {}, {\"kid\": \"a\"}]}", "no key with a kid"},
        {"{\"keys\": [{\"kty\": \"oct\", \"kid\": \"a\", \"k\": \"AAAA\"}]}", "no key with a kid"},
        {"{\"keys\": [{\"kty\": \"RSA\", \"kid\": \"a\", \"n\": \"AAAA\", \"e\": \"AQAB\"}]}", "no key with a kid"},
        {"{\"keys\": [{\"kty\": \"RSA\", \"kid\": \"a\", \"n\": 7, \"e\": []}]}", "no key with a kid"},
        {"{\"keys\": [{\"kty\": \"EC\", \"kid\": \"a\", \"crv\": \"P-256\", \"x\": \"AA\", \"y\": \"!\"}]}", "no key with a kid"},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mr_error *error = NULL;
        assert_int_equal(jwt_validator_set_keys(bench->validator, bad[i].text, strlen(bad[i].text), &error), -1);
        assert_says(error, bad[i].says, NULL);
    }
    struct mr_error *error = NULL;
    char *text = malloc(JWT_KEYS_TEXT_MAX + 1);
    memset(text, ' ', JWT_KEYS_TEXT_MAX + 1);
    assert_int_equal(jwt_validator_set_keys(bench->validator, text, JWT_KEYS_TEXT_MAX + 1, &error), -1);
    assert_says(error, "more than", NULL);
    error = NULL;
    size_t at = (size_t)sprintf(text, "{\"keys\": [{}");
    for (int i = 0; i < JWT_KEYS_MAX; i++)
        at += (size_t)sprintf(text + at, ",{}");
    at += (size_t)sprintf(text + at, "]}");
    assert_int_equal(jwt_validator_set_keys(bench->validator, text, at, &error), -1);
    assert_says(error, "more than 64 keys", NULL);
    free(text);
    assert_int_equal(jwt_validator_key_count(bench->validator), 2);
}

static void keys_for_other_ends_are_passed_over(void **state)
{
    static const struct {
        const char *member, *value;
        bool usable;
    } rows[] = {
        {"use", "\"sig\"", true},   {"use", "\"enc\"", false},          {"alg", "\"ES256\"", true},
        {"alg", "\"ES384\"", false}, {"key_ops", "[\"verify\"]", true}, {"key_ops", "[\"sign\"]", false},
        {"kid", "\"\"", false},     {"kid", "null", false},             {"kty", "\"RSA\"", false},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *key = json_deep_copy(bench->ec);
        assert_true(jose_jwk_pub(NULL, key));
        json_object_set_new(key, rows[i].member, json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
        json_t *set = json_pack("{s:[o]}", "keys", key);
        char *text = json_dumps(set, 0);
        struct jwt_validator *validator = make_validator(bench);
        if ((jwt_validator_set_keys(validator, text, strlen(text), NULL) == 0) != rows[i].usable)
            fail_msg("%s %s", rows[i].member, rows[i].value);
        jwt_validator_destroy(validator);
        free(text);
        json_decref(set);
    }
    set_keys(bench->validator, bench->p384, bench->ec);
    assert_int_equal(jwt_validator_key_count(bench->validator), 1);
}

/* ---- making the validator ---- */

static void issuer_and_audience_are_demanded(void **state)
{
    const struct jwt_setup setups[] = {
        {.audiences = audiences, .audience_count = 1},
        {.issuer = "", .audiences = audiences, .audience_count = 1},
        {.issuer = "i"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
        struct mr_error *error = NULL;
        assert_null(jwt_validator_create(&setups[i], &error));
        assert_says(error, "need an issuer and at least one audience", NULL);
    }
}

/* libjose and jansson allocate by themselves; what is ours takes part. */
static bool check_one(void *argument)
{
    struct bench *bench = argument;
    const struct jwt_setup setup = {.issuer = SIGNED_TOKENS_ISSUER, .audiences = audiences, .audience_count = 2,
                                    .clock = &bench->clock.clock};
    struct jwt_validator *validator = jwt_validator_create(&setup, NULL);
    if (validator == NULL)
        return false;
    assert_int_equal(jwt_validator_set_keys(validator, signed_tokens_keys, strlen(signed_tokens_keys), NULL), 0);
    struct jwt_verdict verdict = jwt_validator_check(validator, signed_tokens_es256, strlen(signed_tokens_es256));
    assert_true(verdict.outcome == JWT_ACCEPTED || verdict.outcome == JWT_FAILED);
    identity_destroy(verdict.identity);
    jwt_validator_destroy(validator);
    return verdict.outcome == JWT_ACCEPTED;
}

static void every_failing_allocation_is_survived(void **state)
{
    alloc_torture(check_one, *state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        TEST(tokens_of_another_maker_are_taken),
        TEST(a_changed_letter_breaks_a_token),
        TEST(claims_decide),
        TEST(a_token_expires_while_it_is_used),
        TEST(groups_come_from_the_claims_that_are_configured),
        TEST(other_algorithms_are_refused),
        TEST(a_key_serves_its_own_algorithm_alone),
        TEST(keys_inside_the_token_count_for_nothing),
        TEST(odd_headers_are_refused),
        TEST(what_is_no_token_is_refused),
        TEST(a_token_has_an_end_and_so_have_its_claims),
        TEST(an_unknown_key_asks_for_fresh_ones_once_per_interval),
        TEST(a_token_that_is_wrong_anyway_asks_for_no_keys),
        TEST(without_keys_the_first_token_asks_for_them),
        TEST(bad_key_sets_are_refused_and_the_former_stay),
        TEST(keys_for_other_ends_are_passed_over),
        TEST(issuer_and_audience_are_demanded),
        TEST(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, make_bench, end_bench);
}
