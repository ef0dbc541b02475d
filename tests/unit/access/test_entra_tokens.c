/* Bearer tokens as Microsoft Entra ID makes them: the shape, with names and numbers of nobody. */
#include "tokens_bench.h"

#define ENTRA_TENANT "3b9d1c52-6f0e-4a7b-9c8d-2e5f7a1b0c34"
#define ENTRA_APP "c0ffee00-1a2b-4c3d-8e4f-5a6b7c8d9e0f"
#define ENTRA_OID "7d4e2f10-9a8b-4c6d-b5e3-1f2a3b4c5d6e"
#define ENTRA_KID "nOo3ZDrODXEK1jKWhXslHR_KXEg"
#define ENTRA_V2 "https://login.microsoftonline.com/" ENTRA_TENANT "/v2.0"
#define ENTRA_V1 "https://sts.windows.net/" ENTRA_TENANT "/"
#define ENTRA_HEADER "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"" ENTRA_KID "\"}"

#define ENTRA_V2_CLAIMS                                                                                                              \
    "{\"aud\":\"" ENTRA_APP "\",\"iss\":\"" ENTRA_V2 "\",\"iat\":1767225900,\"nbf\":1767225900,\"exp\":1767230123,"                    \
    "\"aio\":\"AXQAi/8TAAAA==\",\"azp\":\"04b07795-8ddb-461a-bbee-02f9e1bf7b46\",\"azpacr\":\"0\",\"name\":\"Ada Example\","         \
    "\"oid\":\"" ENTRA_OID "\",\"preferred_username\":\"ada@example.org\",\"rh\":\"1.AXkA.\",\"scp\":\"access\",\"sid\":\"x\","           \
    "\"sub\":\"Qm9ndXMgc3ViamVjdA\",\"tid\":\"" ENTRA_TENANT "\",\"uti\":\"u\",\"ver\":\"2.0\",\"xms_ftd\":\"f\","                         \
    "\"roles\":[\"Connect.Admin\",\"Connect.Viewer\"]"

/* Keys as its jwks_uri gives them: no alg; certificate, thumbprint and issuer beside the numbers; some of them of others. */
static void set_keys_as_entra(struct bench *bench)
{
    json_t *key = json_deep_copy(bench->rsa);
    assert_true(jose_jwk_pub(NULL, key));
    json_t *set = json_pack("{s:[{s:s,s:s,s:s,s:s,s:O,s:O,s:[s],s:s,s:s},{s:s,s:s,s:s,s:s,s:O,s:O,s:[s],s:s}]}", "keys", "kty", "RSA",
                            "use", "sig", "kid", "zz-the-next-one", "x5t", "zz-the-next-one", "n", json_object_get(key, "n"), "e",
                            json_object_get(key, "e"), "x5c", "MIIC/TCCAeWgAwIBAgIIUd7j/OIahkYwDQYJ", "cloud_instance_name",
                            "microsoftonline.com", "issuer", "https://login.microsoftonline.com/{tenantid}/v2.0", "kty", "RSA", "use",
                            "sig", "kid", ENTRA_KID, "x5t", ENTRA_KID, "n", json_object_get(key, "n"), "e", json_object_get(key, "e"),
                            "x5c", "MIIC/TCCAeWgAwIBAgIIUd7j/OIahkYwDQYJ", "issuer", ENTRA_V2);
    assert_non_null(set);
    char *text = json_dumps(set, 0);
    assert_int_equal(jwt_validator_set_keys(bench->validator, text, strlen(text), NULL), 0);
    assert_int_equal(jwt_validator_key_count(bench->validator), 2);
    free(text);
    json_decref(set);
    json_decref(key);
}

static void become_entra(struct bench *bench, const char *issuer, const char *audience)
{
    const struct jwt_setup setup = {.issuer = issuer, .audiences = &audience, .audience_count = 1, .name_claim = "oid",
                                    .clock_skew_s = 60, .clock = &bench->clock.clock};
    jwt_validator_destroy(bench->validator);
    bench->validator = jwt_validator_create(&setup, NULL);
    assert_non_null(bench->validator);
    set_keys_as_entra(bench);
}

/* Its key id is not that of bench->rsa. NULL: refused. */
static struct identity *identity_of(struct bench *bench, const char *claims)
{
    json_t *key = json_deep_copy(bench->rsa);
    json_object_set_new(key, "kid", json_string(ENTRA_KID));
    char *token = sign_text(key, ENTRA_HEADER, claims);
    struct jwt_verdict verdict = check(bench, token);
    free(token);
    json_decref(key);
    return verdict.identity;
}

static void a_token_of_entra_is_taken(void **state)
{
    struct bench *bench = *state;
    become_entra(bench, ENTRA_V2, ENTRA_APP);
    struct identity *identity = identity_of(bench, ENTRA_V2_CLAIMS ",\"groups\":[\"11111111-2222-4333-8444-555555555555\"]}");
    assert_non_null(identity);
    assert_string_equal(identity->name, ENTRA_OID);
    assert_int_equal(identity->groups.count, 3);
    assert_true(identity_has_group(identity, "Connect.Admin"));
    assert_true(identity_has_group(identity, "11111111-2222-4333-8444-555555555555"));
    assert_true(identity_has_claim(identity, "tid", ENTRA_TENANT));
    assert_true(identity_has_claim(identity, "azp", "04b07795-8ddb-461a-bbee-02f9e1bf7b46"));
    assert_true(identity_has_claim(identity, "ver", "2.0"));
    assert_false(identity->lacks_groups);
    identity_destroy(identity);
}

/* Version 1.0 has another issuer, and appid in the place of azp: each is taken where it is configured, and nowhere else. */
static void both_versions_of_entra_have_their_own_issuer(void **state)
{
    static const char V1_CLAIMS[] = "{\"aud\":\"api://" ENTRA_APP "\",\"iss\":\"" ENTRA_V1 "\",\"nbf\":1767225900,\"exp\":1767230123,"
                                    "\"appid\":\"04b07795-8ddb-461a-bbee-02f9e1bf7b46\",\"appidacr\":\"1\",\"idp\":\"" ENTRA_V1
                                    "\",\"oid\":\"" ENTRA_OID "\",\"sub\":\"" ENTRA_OID "\",\"tid\":\"" ENTRA_TENANT
                                    "\",\"ver\":\"1.0\",\"roles\":[\"Connect.Admin\"]}";
    struct bench *bench = *state;
    become_entra(bench, ENTRA_V2, ENTRA_APP);
    assert_null(identity_of(bench, V1_CLAIMS));
    become_entra(bench, ENTRA_V1, "api://" ENTRA_APP);
    assert_null(identity_of(bench, ENTRA_V2_CLAIMS "}"));
    struct identity *identity = identity_of(bench, V1_CLAIMS);
    assert_non_null(identity);
    assert_string_equal(identity->name, ENTRA_OID);
    assert_true(identity_has_group(identity, "Connect.Admin"));
    identity_destroy(identity);
}

static void groups_that_are_left_out_of_a_token_are_noticed(void **state)
{
    static const struct {
        const char *more;
        bool lacks;
    } rows[] = {
        {",\"_claim_names\":{\"groups\":\"src1\"},\"_claim_sources\":{\"src1\":{\"endpoint\":"
         "\"https://graph.windows.net/" ENTRA_TENANT "/users/" ENTRA_OID "/getMemberObjects\"}}}", true},
        {",\"hasgroups\":true}", true},
        {",\"hasgroups\":\"true\"}", true},
        {",\"hasgroups\":false}", false},
        {",\"hasgroups\":true,\"groups\":[\"g\"]}", false},
        {",\"_claim_names\":{\"address\":\"src1\"}}", false},
        {",\"_claim_names\":\"groups\"}", false},
        {"}", false},
    };
    struct bench *bench = *state;
    char claims[2000];
    become_entra(bench, ENTRA_V2, ENTRA_APP);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(claims, sizeof claims, "%s%s", ENTRA_V2_CLAIMS, rows[i].more);
        struct identity *identity = identity_of(bench, claims);
        assert_non_null(identity);
        if (identity->lacks_groups != rows[i].lacks)
            fail_msg("%s", rows[i].more);
        assert_true(identity_has_group(identity, "Connect.Viewer")); /* app roles are there all the same */
        identity_destroy(identity);
    }
}

/* 200 groups are as many as Entra writes. */
static void a_token_with_as_many_groups_as_entra_writes_fits(void **state)
{
    struct bench *bench = *state;
    char *claims = malloc(20000);
    size_t at = (size_t)sprintf(claims, "%s,\"groups\":[", ENTRA_V2_CLAIMS);
    for (int i = 0; i < 200; i++)
        at += (size_t)sprintf(claims + at, "%s\"%08x-2222-4333-8444-555555555555\"", i > 0 ? "," : "", (unsigned)i);
    sprintf(claims + at, "]}");
    become_entra(bench, ENTRA_V2, ENTRA_APP);
    struct identity *identity = identity_of(bench, claims);
    assert_non_null(identity);
    assert_int_equal(identity->groups.count, 202);
    identity_destroy(identity);
    free(claims);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        TEST(a_token_of_entra_is_taken),
        TEST(both_versions_of_entra_have_their_own_issuer),
        TEST(groups_that_are_left_out_of_a_token_are_noticed),
        TEST(a_token_with_as_many_groups_as_entra_writes_fits),
    };
    return cmocka_run_group_tests(tests, make_bench, end_bench);
}
