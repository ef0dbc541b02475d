/* The parts of the HTTP sink that need no target: options, templates, what a target says, tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "answer.h"
#include "attempts.h"
#include "client.h"
#include "connector_test.h"
#include "delivered.h"
#include "http_plugin.h"
#include "results.h"
#include "retry_after.h"
#include "settings.h"
#include "token.h"

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

struct told {
    struct http_settings settings;
    struct mr_config *config;
    struct mr_error *error;
    int status;
};

static struct told told(bool aiven, const char *const *lines)
{
    struct told told = {.config = config_of(aiven ? &http_def_aiven : &http_def_confluent, lines)};

    told.status = (aiven ? http_settings_aiven : http_settings_confluent)(&told.settings, told.config, &told.error);
    return told;
}

static void told_release(struct told *told)
{
    if (told->status == 0)
        http_settings_release(&told->settings);
    mr_config_destroy(told->config);
    mr_error_drop(told->error);
}

static void assert_bytes(const char *expected, struct mr_bytes bytes)
{
    assert_int_equal(strlen(expected), bytes.size);
    assert_memory_equal(expected, bytes.data, bytes.size);
}

/* --- options ---- */

static void confluent_options_reach_the_core(void **state)
{
    struct told t =
        told(false, LINES("http.api.url=http://h/x/${topic}", "request.method=put", "headers=A:1| B: two |",
                          "batch.max.size=7", "batch.prefix= <", "batch.separator=\n", "auth.type=bearer",
                          "bearer.token=geheim", "behavior.on.null.values=delete", "behavior.on.error=IGNORE",
                          "retry.on.status.codes=404,500-599", "retry.backoff.policy=constant_value",
                          "http.proxy.host=p", "http.proxy.port=3128", "report.errors.as=http_response"));

    (void)state;
    assert_int_equal(0, t.status);
    assert_string_equal("PUT", t.settings.method);
    assert_int_equal(2, t.settings.header_count);
    assert_string_equal("A: 1", t.settings.header_lines[0]);
    assert_string_equal("B: two", t.settings.header_lines[1]);
    assert_int_equal(7, t.settings.batch_max);
    assert_bytes(" <", t.settings.prefix); /* blanks count */
    assert_bytes("\n", t.settings.separator);
    assert_bytes("", t.settings.suffix);
    assert_string_equal("Bearer geheim", t.settings.auth_text);
    assert_int_equal(HTTP_NULL_DELETE, t.settings.on_null);
    assert_int_equal(HTTP_ERROR_IGNORE, t.settings.on_error);
    assert_true(status_set_has(&t.settings.retry_on, 404) && status_set_has(&t.settings.retry_on, 599));
    assert_false(status_set_has(&t.settings.retry_on, 405) || status_set_has(&t.settings.retry_on, 600));
    assert_false(t.settings.backoff_grows);
    assert_int_equal(3128, t.settings.proxy_port);
    assert_true(t.settings.error_as_answer && t.settings.forwards_record_headers);
    told_release(&t);
}

static void confluent_arrays_take_the_place_of_prefix_and_suffix(void **state)
{
    struct told t = told(false, LINES("http.api.url=http://h", "request.body.format=json", "batch.json.as.array=true",
                                      "batch.prefix=no", "batch.separator=no"));

    (void)state;
    assert_int_equal(0, t.status);
    assert_bytes("[", t.settings.prefix);
    assert_bytes(",", t.settings.separator);
    assert_bytes("]", t.settings.suffix);
    assert_string_equal("application/json", t.settings.content_type);
    told_release(&t);
}

static void aiven_options_reach_the_core(void **state)
{
    struct told t = told(true, LINES("http.url=https://h/x", "http.authorization.type=static",
                                     "http.headers.authorization=Key abc", "http.headers.content.type=text/csv",
                                     "http.headers.additional=A:1,B:2", "batching.enabled=true", "http.timeout=5",
                                     "kafka.retry.backoff.ms=70", "http.ssl.trust.all.certs=true"));

    (void)state;
    assert_int_equal(0, t.status);
    assert_string_equal("Key abc", t.settings.auth_text);
    assert_string_equal("text/csv", t.settings.content_type);
    assert_string_equal("B: 2", t.settings.header_lines[1]);
    assert_int_equal(500, t.settings.batch_max);
    assert_bytes("\n", t.settings.suffix); /* the original's default */
    assert_bytes("\n", t.settings.separator);
    assert_int_equal(5000, t.settings.request_timeout_ms);
    assert_int_equal(70, t.settings.backoff_ms);
    assert_int_equal(1, t.settings.retries_max);
    assert_false(t.settings.tls.checks_peer || t.settings.backoff_grows || t.settings.forwards_record_headers);
    told_release(&t);
}

static void options_that_cannot_be_honoured_are_refused_in_words(void **state)
{
    static const struct {
        bool aiven;
        const char *lines[6], *words;
    } cases[] = {
        {false, {"http.api.url=http://h", "auth.type=basic"}, "connection.user must be given"},
        {false,
         {"http.api.url=http://h", "auth.type=oauth2", "oauth2.jwt.enabled=true"},
         "signed JWT are not supported"},
        {false,
         {"http.api.url=http://h", "auth.type=oauth2", "oauth2.token.url=http://t"},
         "oauth2.client.id must be given"},
        {false, {"http.api.url=http://h", "http.proxy.host=p"}, "http.proxy.port must be given"},
        {false, {"http.api.url=http://h", "headers=no colon"}, "Name:value"},
        {false, {"http.api.url=http://h", "headers=A: b\rC: d"}, "control character"},
        {false, {"http.api.url=http://h", "headers=X-Fix: op|content-length: 4"}, "are the sink's own"},
        {false, {"http.api.url=http://h", "https.ssl.enabled.protocols=TLSv1.1"}, "TLSv1.1 is not spoken"},
        {false, {"http.api.url=http://h", "regex.patterns=(", "regex.replacements=x"}, "regex.patterns: pattern 1"},
        {false, {"http.api.url=http://h", "regex.patterns=a~b", "regex.replacements=x"}, "differ in their number"},
        {true, {"http.url=http://h", "http.authorization.type=static"}, "http.headers.authorization must be given"},
        {true, {"http.url=http://h", "http.authorization.type=none", "http.headers.authorization=x"}, "goes with"},
        {true, {"http.url=http://h", "http.authorization.type=none", "http.headers.additional=A:1,a:2"}, "twice"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct told t = told(cases[i].aiven, cases[i].lines);

        assert_int_equal(-1, t.status);
        if (strstr(mr_error_message(t.error), cases[i].words) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].words, mr_error_message(t.error));
        told_release(&t);
    }
}

static void a_url_may_not_let_a_record_choose_the_host(void **state)
{
    static const struct {
        const char *url;
        bool fine;
    } cases[] = {{"http://h", true},         {"HTTPS://h:1/${topic}?a=${b.c}", true},
                 {"http://${key}/x", false}, {"http://u:p@h/", false},
                 {"ftp://h", false},         {"http://", false},
                 {"http://h/a b", false},    {"http://h/${", false},
                 {"http://h/${}", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mr_error *error = NULL;

        assert_int_equal(cases[i].fine ? 0 : -1, http_check_url("u", cases[i].url, NULL, NULL, &error));
        mr_error_drop(error);
    }
}

/* --- templates ---- */

static void placeholders_are_filled_from_the_record(void **state)
{
    struct mr_batch *batch = mr_batch_create(1 << 20);
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_value *inner = mr_map_create(arena, 1), *value = mr_map_create(arena, 2);
    struct template template;
    struct text text = {.arena = arena};

    (void)state;
    assert_int_equal(0, mr_map_put_text(arena, inner, "id", mr_int64(arena, 42)));
    assert_int_equal(0, mr_map_put_text(arena, value, "order", inner));
    assert_int_equal(0, mr_record_set_topic(record, "t"));
    assert_int_equal(0, mr_record_set_key(record, NULL, mr_string(arena, "a/b ä")));
    assert_int_equal(0, mr_record_set_value(record, NULL, value));
    assert_int_equal(0, template_read(&template, "http://h/${topic}/${key}?i=${order.id}", NULL));
    assert_int_equal(0, template_fill(&template, record, template_write_url, &text, NULL));
    assert_bytes("http://h/t/a%2Fb%20%C3%A4?i=42", (struct mr_bytes){text.data, text.size});
    template_release(&template);
    mr_batch_drop(batch);
}

static void a_record_that_lacks_a_field_or_would_climb_is_refused(void **state)
{
    struct mr_batch *batch = mr_batch_create(1 << 20);
    struct mr_record *record = mr_batch_append(batch);
    struct template template;
    struct mr_error *error = NULL;

    (void)state;
    for (int i = 0; i < 3; i++) {
        static const char *const urls[] = {"http://h/${none}", "http://h/${key}", "http://h/${key}"};
        struct text text = {.arena = mr_batch_arena(batch)};

        if (i == 2)
            assert_int_equal(0, mr_record_set_key(record, NULL, mr_string(mr_batch_arena(batch), "..")));
        assert_int_equal(0, template_read(&template, urls[i], NULL));
        assert_int_equal(-1, template_fill(&template, record, template_write_url, &text, &error));
        assert_int_equal(MR_ERR_DATA, mr_error_code(error));
        mr_error_clear(&error);
        template_release(&template);
    }
    mr_batch_drop(batch);
}

static void regular_expressions_replace_as_in_java(void **state)
{
    static const struct {
        const char *patterns, *texts, *in, *out;
    } cases[] = {{"(\\w+)@(\\w+)", "$2-at-$1", "ann@home bob@work", "home-at-ann work-at-bob"},
                 {"a~b", "b~\\$x", "ab", "$x$x"},
                 {"^", "{\"v\":", "1", "{\"v\":1"},
                 {"x*", "-", "äb", "-ä-b-"},
                 {"(?<n>\\d)", "<${n}|${topic}>", "7", "<7|t>"},
                 {"\"", "", "\"q\"", "q"}};
    struct mr_batch *batch = mr_batch_create(1 << 20);
    struct mr_record *record = mr_batch_append(batch);

    (void)state;
    assert_int_equal(0, mr_record_set_topic(record, "t"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct replacements list;
        struct mr_bytes bytes = {cases[i].in, strlen(cases[i].in)};

        assert_int_equal(0, replacements_read(&list, cases[i].patterns, cases[i].texts, "~", NULL));
        assert_int_equal(0, replacements_apply(&list, record, mr_batch_arena(batch), &bytes, NULL));
        assert_bytes(cases[i].out, bytes);
        replacements_release(&list);
    }
    mr_batch_drop(batch);
}

/* --- what a target says ---- */

static void retry_after_comes_in_seconds_and_as_a_date(void **state)
{
    static const char now[] = "Sun, 06 Nov 1994 08:49:30 GMT";

    (void)state;
    assert_int_equal(7000, retry_after_ms(" 7 ", NULL, 0, 60000));
    assert_int_equal(0, retry_after_ms("0", NULL, 0, 60000));
    assert_int_equal(60000, retry_after_ms("99999999999999999999", NULL, 0, 60000));
    assert_int_equal(7000, retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", now, 0, 60000));
    assert_int_equal(7000, retry_after_ms("Sunday, 06-Nov-94 08:49:37 GMT", now, 0, 60000));
    assert_int_equal(7000, retry_after_ms("Sun Nov  6 08:49:37 1994", now, 0, 60000));
    assert_int_equal(7000, retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", NULL, 784111770, 60000));
    assert_int_equal(0, retry_after_ms("Sun, 06 Nov 1994 08:49:20 GMT", now, 0, 60000)); /* it has passed */
    assert_int_equal(-1, retry_after_ms("soon", now, 0, 60000));
    assert_int_equal(-1, retry_after_ms("", now, 0, 60000));
    assert_int_equal(-1, retry_after_ms("-5", now, 0, 60000));
}

static void a_status_says_whose_fault_it_is(void **state)
{
    struct told t = told(false, LINES("http.api.url=http://h"));
    static const struct {
        long status;
        int64_t retry_after_ms;
        enum answer_class class;
    } cases[] = {{200, -1, ANSWER_TAKEN},   {204, -1, ANSWER_TAKEN},     {302, -1, ANSWER_FATAL},
                 {400, -1, ANSWER_REFUSED}, {401, -1, ANSWER_TARGET},    {408, -1, ANSWER_AGAIN},
                 {422, -1, ANSWER_REFUSED}, {429, -1, ANSWER_THROTTLED}, {500, -1, ANSWER_AGAIN},
                 {503, -1, ANSWER_TARGET},  {503, 5, ANSWER_THROTTLED},  {413, 5, ANSWER_THROTTLED},
                 {400, 5, ANSWER_REFUSED}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct answer answer = {.status = cases[i].status, .retry_after_ms = cases[i].retry_after_ms};

        assert_int_equal(cases[i].class, answer_classify(&answer, &t.settings));
    }
    assert_int_equal(ANSWER_TARGET, answer_classify(&(struct answer){.failure = "no connection"}, &t.settings));
    told_release(&t);
}

static void words_hide_secrets_and_control_characters(void **state)
{
    struct told t = told(false, LINES("http.api.url=http://h", "millrace.http.error.body.bytes=30"));
    struct answer answer = {
        .status = 400, .body = "you sent\nBearer geheim-123 and geheim-123 and much more", .retry_after_ms = -1};
    struct answer_secrets secrets = {0};
    char words[256];

    (void)state;
    answer.body_size = answer.body_read = strlen(answer.body);
    answer_secrets_add(&secrets, "geheim-123");
    answer_secrets_add(&secrets, "you"); /* too short to be hidden */
    answer_words(&answer, &t.settings, &secrets, words, sizeof(words));
    assert_string_equal("it answered 400: you sent.Bearer [hidden] and…", words);
    told_release(&t);
}

static void results_are_read_per_record(void **state)
{
    static const char body[] =
        "{\"took\":3,\"items\":[{\"index\":{\"status\":201}},{\"create\":{\"status\":409}},{\"index\":{}}]}";
    struct mr_arena *arena = mr_arena_create(1 << 20);
    struct results results;

    (void)state;
    results_read(&results, arena, (struct mr_bytes){body, strlen(body)}, "items", "*.status", 3);
    assert_int_equal(201, results_status(&results, 0));
    assert_int_equal(409, results_status(&results, 1));
    assert_int_equal(0, results_status(&results, 2));
    results_read(&results, arena, (struct mr_bytes){body, strlen(body)}, "items", "*.status", 2);
    assert_null(results.array); /* another number than were sent: it says nothing of them */
    results_read(&results, arena, (struct mr_bytes){"[{\"ok\":true},{\"ok\":false}]", 27}, ".", "ok", 2);
    assert_int_equal(200, results_status(&results, 0));
    assert_int_equal(400, results_status(&results, 1));
    mr_arena_destroy(arena);
}

/* --- tokens ---- */

static int read_token(struct token *token, const char *text, const char *name, struct mr_error **error)
{
    struct http_oauth2 oauth2 = {.token_name = name};

    return token_read(token, &oauth2, (struct mr_bytes){text, strlen(text)}, 1000, error);
}

static void a_token_counts_until_shortly_before_its_end(void **state)
{
    struct token token = {0};

    (void)state;
    assert_false(token_counts(&token, 0));
    assert_int_equal(0, read_token(&token, "{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":3600}",
                                   "access_token", NULL));
    assert_string_equal("Authorization: Bearer abc", token.header);
    assert_int_equal(1000 + 3600000 - TOKEN_MARGIN_MS, token.expires_ms);
    assert_true(token_counts(&token, token.expires_ms - 1));
    assert_false(token_counts(&token, token.expires_ms));
    assert_int_equal(0, read_token(&token, "{\"t\":\"x\",\"expires_in\":\"100\"}", "t", NULL));
    assert_int_equal(1000 + 90000, token.expires_ms); /* a short life gives a tenth */
    assert_int_equal(2, token.generation);
    assert_int_equal(0, read_token(&token, "{\"t\":\"x\"}", "t", NULL));
    assert_true(token_counts(&token, INT64_MAX - 1));
    token_release(&token);
}

static void an_answer_without_a_token_leaves_the_old_one_and_tells_nothing(void **state)
{
    static const char *const answers[] = {"",
                                          "[]",
                                          "nonsense-geheim",
                                          "{\"other\":\"geheim\"}",
                                          "{\"access_token\":7}",
                                          "{\"access_token\":\"\"}",
                                          "{\"access_token\":\"ge\\r\\nheim\"}",
                                          "{\"access_token\":\"a\",\"token_type\":\"geheim b\"}"};
    struct token token = {0};

    (void)state;
    assert_int_equal(0, read_token(&token, "{\"access_token\":\"old\"}", "access_token", NULL));
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct mr_error *error = NULL;

        assert_int_equal(-1, read_token(&token, answers[i], "access_token", &error));
        assert_null(strstr(mr_error_message(error), "geheim"));
        assert_string_equal("Authorization: Bearer old", token.header);
        mr_error_drop(error);
    }
    token_release(&token);
}

static void credentials_go_into_the_header_or_the_form(void **state)
{
    struct http_oauth2 oauth2 = {.client_id = "me",
                                 .client_secret = "s&t",
                                 .scope = "a b",
                                 .id_name = "client_id",
                                 .secret_name = "client_secret",
                                 .grant_name = "grant_type",
                                 .grant = "client_credentials"};
    char *form = token_form(&oauth2), *basic = token_basic(&oauth2);

    (void)state;
    assert_string_equal("grant_type=client_credentials&scope=a%20b", form);
    assert_string_equal("Authorization: Basic bWU6cyZ0", basic);
    free(form);
    free(basic);
    oauth2.credentials_in_form = true;
    form = token_form(&oauth2);
    assert_string_equal("grant_type=client_credentials&scope=a%20b&client_id=me&client_secret=s%26t", form);
    free(form);
}

/* --- trust stores ---- */

static X509 *make_certificate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)"ca", -1,
                               -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    EVP_PKEY_free(key);
    return certificate;
}

static void put_number(unsigned char *bytes, size_t *at, uint32_t value, int size)
{
    while (size-- > 0)
        bytes[(*at)++] = (unsigned char)(value >> (8 * size));
}

static void put_bytes(unsigned char *bytes, size_t *at, const void *more, size_t size)
{
    memcpy(bytes + *at, more, size);
    *at += size;
}

/* A key that is passed over, with a chain of one, and then the certificate; under the password "pw". */
static size_t make_jks(unsigned char *bytes, X509 *certificate)
{
    unsigned char *der = NULL, digest[20], under[] = {0, 'p', 0, 'w'};
    int der_size = i2d_X509(certificate, &der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t at = 0;

    put_number(bytes, &at, 0xfeedfeed, 4);
    put_number(bytes, &at, 2, 4);
    put_number(bytes, &at, 2, 4);
    for (uint32_t tag = 1; tag <= 2; tag++) {
        put_number(bytes, &at, tag, 4);
        put_number(bytes, &at, 4, 2);
        put_bytes(bytes, &at, "name", 4);
        put_bytes(bytes, &at, "\0\0\0\0\0\0\0", 8);
        if (tag == 1) {
            put_number(bytes, &at, 3, 4);
            put_bytes(bytes, &at, "key", 3);
            put_number(bytes, &at, 1, 4);
        }
        put_number(bytes, &at, 5, 2);
        put_bytes(bytes, &at, "X.509", 5);
        put_number(bytes, &at, (uint32_t)der_size, 4);
        put_bytes(bytes, &at, der, (size_t)der_size);
    }
    EVP_DigestInit_ex(context, EVP_sha1(), NULL);
    EVP_DigestUpdate(context, under, sizeof(under));
    EVP_DigestUpdate(context, "Mighty Aphrodite", 16);
    EVP_DigestUpdate(context, bytes, at);
    EVP_DigestFinal_ex(context, digest, NULL);
    put_bytes(bytes, &at, digest, sizeof(digest));
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    return at;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_int_equal(size, fwrite(bytes, 1, size, file));
    fclose(file);
}

/* What libcurl was told of the folder with the system's authorities. */
static enum { FOLDER_IS_LEFT, FOLDER_IS_NONE, FOLDER_IS_OTHER } system_folder;

CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    va_list args;
    void *value;

    va_start(args, option);
    value = va_arg(args, void *);
    va_end(args);
    if (option == CURLOPT_CAPATH)
        system_folder = value == NULL ? FOLDER_IS_NONE : FOLDER_IS_OTHER;
    return __real_curl_easy_setopt(easy, option, value);
}

static void assert_is_all_that_is_trusted(const struct client_tls *files, const struct http_tls *tls)
{
    CURL *easy = curl_easy_init();

    system_folder = FOLDER_IS_LEFT;
    assert_int_equal(0, client_tls_set(files, tls, easy));
    assert_int_equal(FOLDER_IS_NONE, system_folder);
    curl_easy_cleanup(easy);
}

static void assert_trusts(const char *path, const char *password, X509 *expected)
{
    struct http_tls tls = {.trust_path = path, .trust_password = password};
    struct client_tls files;
    struct mr_error *error = NULL;
    BIO *pem;
    X509 *got;

    if (client_tls_open(&files, &tls, &error) != 0)
        fail_msg("%s", mr_error_message(error));
    pem = BIO_new_mem_buf(files.trust_pem, (int)files.trust_size);
    got = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    assert_int_equal(0, X509_cmp(expected, got));
    assert_null(PEM_read_bio_X509(pem, NULL, NULL, NULL)); /* that one alone */
    X509_free(got);
    BIO_free(pem);
    assert_is_all_that_is_trusted(&files, &tls);
    client_tls_close(&files);
}

static void assert_no_store(const char *path, const char *password, const char *words)
{
    struct http_tls tls = {.trust_path = path, .trust_password = password};
    struct client_tls files;
    struct mr_error *error = NULL;

    assert_int_equal(-1, client_tls_open(&files, &tls, &error));
    assert_int_equal(MR_ERR_CONFIG, mr_error_code(error));
    if (strstr(mr_error_message(error), words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, mr_error_message(error));
    mr_error_drop(error);
}

static void a_jks_trust_store_is_read_and_a_cut_one_refused(void **state)
{
    const char *path = in_folder(*state, "trust.jks");
    X509 *certificate = make_certificate();
    unsigned char bytes[4096];
    size_t size = make_jks(bytes, certificate);

    write_file(path, bytes, size);
    assert_trusts(path, "pw", certificate);
    assert_trusts(path, NULL, certificate);
    assert_no_store(path, "wrong", "password of the trust store is wrong");
    for (size_t cut = 4; cut < size; cut += 7) {
        write_file(path, bytes, cut);
        assert_no_store(path, NULL, path);
    }
    X509_free(certificate);
}

static void a_pkcs12_trust_store_is_read(void **state)
{
    const char *path = in_folder(*state, "trust.p12");
    X509 *certificate = make_certificate();
    STACK_OF(X509) *list = sk_X509_new_null();
    FILE *file = fopen(path, "w");
    PKCS12 *store;

    sk_X509_push(list, certificate);
    store = PKCS12_create("pw", NULL, NULL, NULL, list, 0, 0, 0, 0, 0);
    assert_int_equal(1, i2d_PKCS12_fp(file, store));
    fclose(file);
    assert_trusts(path, "pw", certificate);
    assert_no_store(path, "wrong", "the password of the trust store is wrong");
    write_file(path, "neither", 7);
    assert_no_store(path, NULL, "is neither PEM");
    PKCS12_free(store);
    sk_X509_pop_free(list, X509_free);
}

/* --- what is remembered ---- */

static void what_was_delivered_is_known_again(void **state)
{
    struct delivered delivered = {0};
    struct delivered_place place = {.topic = "t", .partition = 1};

    (void)state;
    for (place.offset = 0; place.offset < 3000; place.offset += 2)
        delivered_add(&delivered, &place);
    for (place.offset = 0; place.offset < 3000; place.offset++)
        assert_int_equal(place.offset % 2 == 0, delivered_has(&delivered, &place));
    place = (struct delivered_place){.topic = "t", .partition = 1, .offset = 2, .number = 1};
    assert_false(delivered_has(&delivered, &place)); /* another one made of the same record */
    assert_int_equal(1500, delivered.count);
    delivered_clear(&delivered);
}

static void what_is_remembered_is_bounded(void **state)
{
    struct delivered delivered = {0};
    struct delivered_place place = {.topic = "t"};

    (void)state;
    for (place.offset = 0; place.offset <= DELIVERED_MAX; place.offset++)
        delivered_add(&delivered, &place);
    assert_int_equal(1, delivered.count); /* all was forgotten, which costs a second sending */
    delivered_clear(&delivered);
}

static void attempts_count_per_head_of_a_partition(void **state)
{
    struct attempts attempts = {0};
    struct delivered_place a = {.topic = "t", .offset = 5}, b = {.topic = "t", .partition = 1, .offset = 5};

    (void)state;
    attempts_of(&attempts, &a)->failed = 3;
    attempts_of(&attempts, &b)->failed = 1;
    assert_int_equal(3, attempts_of(&attempts, &a)->failed);
    a.offset = 6;
    assert_int_equal(0, attempts_of(&attempts, &a)->failed); /* another record is first: a new count */
    attempts_forget(&attempts, &b);
    assert_int_equal(1, attempts.count);
    attempts_release(&attempts);
}

static void waits_double_up_to_a_limit_with_jitter(void **state)
{
    (void)state;
    assert_int_equal(100, attempts_delay_ms(100, 1000, 1, 1, 0));
    assert_int_equal(400, attempts_delay_ms(100, 1000, 3, 1, 0));
    assert_int_equal(1000, attempts_delay_ms(100, 1000, 30, 1, 0));
    assert_int_equal(100, attempts_delay_ms(100, 1000, 30, 0, 0));
    assert_int_equal(0, attempts_delay_ms(0, 1000, 4, 1, 17));
    for (uint32_t dice = 0; dice < 500; dice++)
        assert_in_range(attempts_delay_ms(100, 1000, 2, 1, dice), 100, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confluent_options_reach_the_core),
        cmocka_unit_test(confluent_arrays_take_the_place_of_prefix_and_suffix),
        cmocka_unit_test(aiven_options_reach_the_core),
        cmocka_unit_test(options_that_cannot_be_honoured_are_refused_in_words),
        cmocka_unit_test(a_url_may_not_let_a_record_choose_the_host),
        cmocka_unit_test(placeholders_are_filled_from_the_record),
        cmocka_unit_test(a_record_that_lacks_a_field_or_would_climb_is_refused),
        cmocka_unit_test(regular_expressions_replace_as_in_java),
        cmocka_unit_test(retry_after_comes_in_seconds_and_as_a_date),
        cmocka_unit_test(a_status_says_whose_fault_it_is),
        cmocka_unit_test(words_hide_secrets_and_control_characters),
        cmocka_unit_test(results_are_read_per_record),
        cmocka_unit_test(a_token_counts_until_shortly_before_its_end),
        cmocka_unit_test(an_answer_without_a_token_leaves_the_old_one_and_tells_nothing),
        cmocka_unit_test(credentials_go_into_the_header_or_the_form),
        cmocka_unit_test_setup_teardown(a_jks_trust_store_is_read_and_a_cut_one_refused, folder_set_up,
                                        folder_tear_down),
        cmocka_unit_test_setup_teardown(a_pkcs12_trust_store_is_read, folder_set_up, folder_tear_down),
        cmocka_unit_test(what_was_delivered_is_known_again),
        cmocka_unit_test(what_is_remembered_is_bounded),
        cmocka_unit_test(attempts_count_per_head_of_a_partition),
        cmocka_unit_test(waits_double_up_to_a_limit_with_jitter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
