/*
 * Who asked, told by one worker and believed by another. "a:1" signs, "b:2" is asked; each has a store of its own, so that one may know
 * of a session key what the other does not yet.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "access/bindings.h"
#include "access/identity.h"
#include "base/base64.h"
#include "base/fake_clock.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "forwarding/caller_internal.h"
#include "http/request.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "support/alloc_torture.h"

#define NOW_MS INT64_C(1800000000000)
#define OLD_MS (NOW_MS - 3600000)
#define SECRET "0123456789abcdef"
#define URL "http://b:2/connectors/a%20b/pause?forward=true"
#define TARGET "/connectors/a%20b/pause?forward=true"
#define BODY "{\"a\":\"1\"}"
#define KEY_1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_2 "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

struct worker {
    struct config_store *configs;
    struct callers *callers;
};
struct bench {
    struct fake_clock clock; /* of both */
    struct worker a, b;
    struct identity *identity;
};

static void put_key(const struct worker *worker, const char *text, int64_t created_ms)
{
    assert_int_equal(
        config_store_put_session_key(worker->configs, &(struct session_key){text, "HmacSHA256", created_ms}, DEADLINE_NEVER, NULL), 0);
}

static void make_worker(struct bench *bench, struct worker *worker, const char *address, const char *secret, bool is_sessioned)
{
    worker->configs = memory_config_store_create(NULL);
    assert_non_null(worker->configs);
    worker->callers = callers_create(&(struct callers_setup){.secret = secret,
                                                             .is_sessioned = is_sessioned,
                                                             .configs = worker->configs,
                                                             .address = address,
                                                             .clock = &bench->clock.clock},
                                     NULL);
    assert_non_null(worker->callers);
}

static void end_worker(struct worker *worker)
{
    callers_destroy(worker->callers);
    config_store_destroy(worker->configs);
}

static void make_bench(struct bench *bench, const char *secret_a, const char *secret_b)
{
    fake_clock_init(&bench->clock, NOW_MS);
    make_worker(bench, &bench->a, "a:1", secret_a, true);
    make_worker(bench, &bench->b, "b:2", secret_b, true);
    put_key(&bench->a, KEY_1, OLD_MS);
    put_key(&bench->b, KEY_1, OLD_MS);
    bench->identity = identity_create("Ann \xC3\x84", IDENTITY_TOKEN);
    assert_true(identity_add_group(bench->identity, "team") && identity_add_group(bench->identity, "all \"x\""));
    assert_true(identity_add_claim(bench->identity, "roles", "one") && identity_add_claim(bench->identity, "roles", "two") &&
                identity_add_claim(bench->identity, "tenant", "t-1"));
}

static void end_bench(struct bench *bench)
{
    identity_destroy(bench->identity);
    end_worker(&bench->a);
    end_worker(&bench->b);
}

static int set_up(void **state)
{
    static struct bench bench;
    make_bench(&bench, "", "");
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    end_bench(*state);
    return 0;
}

/* ---- telling and asking ---- */

static const struct caller_call CALL = {"PUT", URL, BODY, sizeof(BODY) - 1};

/* 0 and the header, or the status. */
static int tell(struct worker *worker, const struct identity *identity, const struct bindings *bindings, struct str_buffer *header)
{
    const char *why = "";
    str_buffer_init(header, CALLER_HEADER_MAX);
    int status = caller_write(worker->callers, identity, bindings, &CALL, header, &why);
    assert_int_equal(*why == '\0', status == 0);
    return status;
}

/* How the request that CALL makes looks to the other. */
static struct http_request *arrived(const char *header)
{
    static struct http_request request;
    memset(&request, 0, sizeof(request));
    request.method = HTTP_PUT;
    request.raw_target = TARGET;
    request.body = BODY;
    request.body_length = sizeof(BODY) - 1;
    request.headers[0] = (struct http_pair){"millrace-caller", header};
    request.header_count = 1;
    return &request;
}

/* The status; an identity is thrown away. */
static int check(struct worker *worker, const struct http_request *request)
{
    struct caller_verdict verdict = caller_check(worker->callers, request);
    assert_int_equal(verdict.identity != NULL, verdict.status == 0);
    assert_int_equal(*verdict.why == '\0', verdict.status == 0);
    identity_destroy(verdict.identity);
    return verdict.status;
}

static int tell_and_check(struct bench *bench)
{
    struct str_buffer header;
    assert_int_equal(tell(&bench->a, bench->identity, NULL, &header), 0);
    int status = check(&bench->b, arrived(str_buffer_text(&header)));
    str_buffer_release(&header);
    return status;
}

/* ---- what comes through ---- */

static void the_whole_identity_comes_through(void **state)
{
    struct bench *bench = *state;
    struct str_buffer header;
    assert_int_equal(tell(&bench->a, bench->identity, NULL, &header), 0);
    struct caller_verdict verdict = caller_check(bench->b.callers, arrived(str_buffer_text(&header)));
    str_buffer_release(&header);
    assert_int_equal(verdict.status, 0);
    assert_string_equal(verdict.identity->name, "Ann \xC3\x84");
    assert_int_equal(verdict.identity->login, IDENTITY_TOKEN);
    assert_int_equal(verdict.identity->groups.count, 2);
    assert_true(identity_has_group(verdict.identity, "team") && identity_has_group(verdict.identity, "all \"x\""));
    assert_int_equal(verdict.identity->claims.count, 3);
    assert_true(identity_has_claim(verdict.identity, "roles", "two") && identity_has_claim(verdict.identity, "tenant", "t-1"));
    identity_destroy(verdict.identity);
}

static void what_no_binding_names_stays(void **state)
{
    struct bench *bench = *state;
    static const char text[] = "{\"bindings\":[{\"name\":\"x\",\"groups\":[\"team\"],\"claims\":{\"roles\":[\"two\",\"three\"]},"
                               "\"role\":\"viewer\",\"connectors\":[\"*\"]}]}";
    struct bindings *bindings = bindings_parse(text, strlen(text), NULL);
    struct str_buffer header;
    assert_non_null(bindings);
    assert_int_equal(tell(&bench->a, bench->identity, bindings, &header), 0);
    struct caller_verdict verdict = caller_check(bench->b.callers, arrived(str_buffer_text(&header)));
    assert_int_equal(verdict.identity->groups.count, 1);
    assert_int_equal(verdict.identity->claims.count, 1);
    assert_true(identity_has_claim(verdict.identity, "roles", "two"));
    identity_destroy(verdict.identity);
    str_buffer_release(&header);
    bindings_drop(bindings);
}

static void an_identity_that_is_too_large_is_not_cut(void **state)
{
    struct bench *bench = *state;
    struct str_buffer header;
    char group[500];
    memset(group, 'g', sizeof(group) - 1);
    group[sizeof(group) - 1] = '\0';
    for (int i = 0; i < 12; i++)
        assert_true(identity_add_group(bench->identity, group));
    assert_int_equal(tell(&bench->a, bench->identity, NULL, &header), 431);
    str_buffer_release(&header);
}

/* ---- what does not ---- */

static void it_counts_once_at_one_worker(void **state)
{
    struct bench *bench = *state;
    struct str_buffer header;
    struct worker c;
    make_worker(bench, &c, "c:3", "", true);
    put_key(&c, KEY_1, OLD_MS);
    assert_int_equal(tell(&bench->a, bench->identity, NULL, &header), 0);
    const struct http_request *request = arrived(str_buffer_text(&header));
    assert_int_equal(check(&c, request), 403);
    assert_int_equal(check(&bench->b, request), 0);
    assert_int_equal(check(&bench->b, request), 403);
    fake_clock_advance_ms(&bench->clock, CALLER_WINDOW_MS);
    assert_int_equal(check(&bench->b, request), 403);
    str_buffer_release(&header);
    end_worker(&c);
}

static void whatever_is_changed_is_refused(void **state)
{
    struct bench *bench = *state;
    struct str_buffer header;
    char other[CALLER_HEADER_MAX];
    assert_int_equal(tell(&bench->a, bench->identity, NULL, &header), 0);
    const char *text = str_buffer_text(&header);
    struct http_request *request = arrived(text);
    request->method = HTTP_POST;
    assert_int_equal(check(&bench->b, request), 403);
    request = arrived(text);
    request->raw_target = "/connectors/a%20b/pause?forward=false";
    assert_int_equal(check(&bench->b, request), 403);
    request = arrived(text);
    request->body = "{\"a\":\"2\"}";
    assert_int_equal(check(&bench->b, request), 403);
    for (size_t i = 0; i < header.length; i++) {
        memcpy(other, text, header.length + 1);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        assert_int_equal(check(&bench->b, arrived(other)), 403);
    }
    assert_int_equal(check(&bench->b, arrived(text)), 0);
    str_buffer_release(&header);
}

static void what_is_no_such_header_is_refused(void **state)
{
    static const char *const headers[] = {"", "1", "1.", "2.1.1.1.1", "1.1.AAAAAAAAAAAAAAAAAAAAAA==.e30=", "1.x.AAAAAAAAAAAAAAAAAAAAAA==.e30=.AA",
                                          "1.....", "1.1800000000000000.AAAAAAAAAAAAAAAAAAAAAA==.e30=.AA"};
    struct bench *bench = *state;
    struct str_buffer header;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_int_equal(check(&bench->b, arrived(headers[i])), 403);
    assert_int_equal(tell(&bench->a, bench->identity, NULL, &header), 0);
    struct http_request *request = arrived(str_buffer_text(&header));
    request->headers[request->header_count++] = request->headers[0];
    assert_int_equal(check(&bench->b, request), 403);
    assert_int_equal(caller_check(NULL, arrived(str_buffer_text(&header))).status, 403);
    str_buffer_release(&header);
}

/* As another worker would sign what it writes otherwise than this build. */
static void sign_parts(const char *nonce, const char *identity, char *header, size_t size)
{
    char time[24];
    unsigned char key[CALLER_KEY_SIZE], mac[CALLER_MAC_SIZE];
    struct caller_signed what = {.address = "b:2",
                                 .address_length = 3,
                                 .method = "PUT",
                                 .target = TARGET,
                                 .nonce = {nonce, strlen(nonce)},
                                 .identity = {identity, strlen(identity)}};
    int length;
    what.time = (struct caller_part){time, (size_t)snprintf(time, sizeof(time), "%lld", (long long)NOW_MS)};
    caller_digest_body(&what, BODY, sizeof(BODY) - 1);
    assert_true(caller_key_make(&(struct session_key){KEY_1, "HmacSHA256", OLD_MS}, "", key));
    assert_true(caller_mac(key, &what, mac));
    length = snprintf(header, size, "1.%s.%s.%s.", time, nonce, identity);
    header[length + (int)base64_encode(mac, sizeof(mac), header + length)] = '\0';
}

static void what_a_worker_signed_and_cannot_be_read_is_of_another_version(void **state)
{
    static const struct {
        const char *nonce, *identity, *what;
    } cases[] = {
        {"????????????????????????", "e30=", "the number that makes each request its own cannot be read"},
        {"AQAAAAAAAAAAAAAAAAAAAA==", "e30=", "who asks cannot be read"},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char header[400];
        sign_parts(cases[i].nonce, cases[i].identity, header, sizeof(header));
        struct caller_verdict verdict = caller_check(bench->b.callers, arrived(header));
        assert_int_equal(verdict.status, 403);
        if (strstr(verdict.why, cases[i].what) == NULL)
            fail_msg("%s: %s", header, verdict.why);
        assert_non_null(strstr(verdict.why, "Let all workers run the same version"));
    }
}

static void clocks_may_differ_by_the_window_and_no_more(void **state)
{
    static const struct {
        int64_t later_ms;
        int status;
    } CASES[] = {{-CALLER_WINDOW_MS - 1, 403}, {-CALLER_WINDOW_MS, 0}, {CALLER_WINDOW_MS, 0}, {CALLER_WINDOW_MS + 1, 403}};
    struct bench *bench = *state;
    fake_clock_advance_ms(&bench->clock, 10 * CALLER_WINDOW_MS);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct str_buffer header;
        assert_int_equal(tell(&bench->a, bench->identity, NULL, &header), 0);
        fake_clock_set_wall_ms(&bench->clock, clock_wall_ms(&bench->clock.clock) + CASES[i].later_ms);
        assert_int_equal(check(&bench->b, arrived(str_buffer_text(&header))), CASES[i].status);
        fake_clock_set_wall_ms(&bench->clock, clock_wall_ms(&bench->clock.clock) - CASES[i].later_ms);
        str_buffer_release(&header);
    }
}

/* What strangers send costs no look at its body. */
static void what_headers_tell_is_told_before_the_body_is_there(void **state)
{
    struct bench *bench = *state;
    struct str_buffer header;
    struct http_request *request;
    assert_int_equal(tell(&bench->a, bench->identity, NULL, &header), 0);
    request = arrived(str_buffer_text(&header));
    request->body = NULL;
    assert_int_equal(caller_look(NULL, request).status, 403);
    assert_int_equal(caller_look(bench->b.callers, request).status, 0);
    fake_clock_advance_ms(&bench->clock, CALLER_WINDOW_MS + 1);
    assert_int_equal(caller_look(bench->b.callers, request).status, 403);
    request->headers[0].value = "1.1800000030001.nonsense";
    assert_int_equal(caller_look(bench->b.callers, request).status, 403);
    request->headers[0].value = "1.1.AAAAAAAAAAAAAAAAAAAAAA==.e30=.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    request->body_length = SIZE_MAX; /* would be gone through for the signature */
    assert_int_equal(check(&bench->b, request), 403);
    str_buffer_release(&header);
}

static void what_was_signed_before_the_start_may_have_come_before(void **state)
{
    struct bench *bench = *state;
    struct str_buffer header;
    assert_int_equal(tell(&bench->a, bench->identity, NULL, &header), 0);
    fake_clock_advance_ms(&bench->clock, 1);
    end_worker(&bench->b);
    make_worker(bench, &bench->b, "b:2", "", true);
    put_key(&bench->b, KEY_1, OLD_MS);
    assert_int_equal(check(&bench->b, arrived(str_buffer_text(&header))), 503);
    str_buffer_release(&header);
    assert_int_equal(tell_and_check(bench), 0);
}

/* ---- keys ---- */

static void the_secret_of_the_cluster_counts(void **state)
{
    struct bench bench;
    (void)state;
    make_bench(&bench, SECRET, SECRET);
    assert_int_equal(tell_and_check(&bench), 0);
    end_bench(&bench);
    make_bench(&bench, SECRET, SECRET "x");
    assert_int_equal(tell_and_check(&bench), 403);
    end_bench(&bench);
    make_bench(&bench, SECRET, "");
    assert_int_equal(tell_and_check(&bench), 403);
    end_bench(&bench);
}

static void who_has_another_secret_is_told_which_property_to_look_at(void **state)
{
    struct bench bench;
    struct str_buffer header;
    (void)state;
    make_bench(&bench, SECRET, SECRET "x");
    assert_int_equal(tell(&bench.a, bench.identity, NULL, &header), 0);
    struct caller_verdict verdict = caller_check(bench.b.callers, arrived(str_buffer_text(&header)));
    assert_int_equal(verdict.status, 403);
    assert_non_null(strstr(verdict.why, "millrace.inter.worker.secret"));
    str_buffer_release(&header);
    end_bench(&bench);
}

static void without_session_keys_the_secret_is_the_key(void **state)
{
    struct bench *bench = *state;
    struct mr_error *error = NULL;
    end_worker(&bench->a);
    end_worker(&bench->b);
    make_worker(bench, &bench->a, "a:1", SECRET, false);
    make_worker(bench, &bench->b, "b:2", SECRET, false);
    assert_int_equal(tell_and_check(bench), 0);
    const struct callers_setup nothing = {.secret = NULL, .configs = bench->a.configs, .address = "a:1"};
    assert_null(callers_create(&nothing, &error));
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    assert_non_null(strstr(mr_error_message(error), "connect.protocol=sessioned"));
    mr_error_drop(error);
    error = NULL;
    const struct callers_setup brief = {.secret = "short", .is_sessioned = true, .configs = bench->a.configs, .address = "a:1"};
    assert_null(callers_create(&brief, &error));
    assert_null(strstr(mr_error_message(error), "short\""));
    mr_error_drop(error);
}

static void without_a_session_key_yet_it_is_said(void **state)
{
    struct bench *bench = *state;
    struct worker young;
    struct str_buffer header;
    make_worker(bench, &young, "b:2", "", true);
    assert_int_equal(tell(&young, bench->identity, NULL, &header), 503);
    str_buffer_release(&header);
    assert_int_equal(tell(&bench->a, bench->identity, NULL, &header), 0);
    assert_int_equal(check(&young, arrived(str_buffer_text(&header))), 503);
    str_buffer_release(&header);
    end_worker(&young);
}

/* One of the two has read the new key before the other, whichever it is. */
static void a_new_session_key_breaks_no_call(void **state)
{
    struct bench *bench = *state;
    struct worker *const first_readers[] = {&bench->a, &bench->b};
    const char *const keys[] = {KEY_2, KEY_1};
    for (size_t i = 0; i < 2; i++) {
        put_key(first_readers[i], keys[i], clock_wall_ms(&bench->clock.clock));
        assert_int_equal(tell_and_check(bench), 0);
        put_key(first_readers[1 - i], keys[i], clock_wall_ms(&bench->clock.clock));
        assert_int_equal(tell_and_check(bench), 0);
        fake_clock_advance_ms(&bench->clock, CALLER_KEY_SETTLE_MS);
        assert_int_equal(tell_and_check(bench), 0);
        fake_clock_advance_ms(&bench->clock, 3600000);
        assert_int_equal(tell_and_check(bench), 0);
    }
}

static void a_former_session_key_counts_for_a_while_only(void **state)
{
    struct bench *bench = *state;
    put_key(&bench->b, KEY_2, clock_wall_ms(&bench->clock.clock));
    fake_clock_advance_ms(&bench->clock, 2 * CALLER_WINDOW_MS);
    assert_int_equal(tell_and_check(bench), 0);
    fake_clock_advance_ms(&bench->clock, CALLER_KEY_SETTLE_MS);
    assert_int_equal(tell_and_check(bench), 403);
}

/* ---- nonces ---- */

static void nonce_of(uint64_t number, unsigned char nonce[CALLER_NONCE_SIZE])
{
    memset(nonce, 7, CALLER_NONCE_SIZE);
    memcpy(nonce, &number, sizeof(number));
}

static void nonces_are_known_until_they_cannot_count(void **state)
{
    struct caller_nonces nonces;
    unsigned char nonce[CALLER_NONCE_SIZE];
    (void)state;
    caller_nonces_init(&nonces, 1000);
    nonce_of(1, nonce);
    assert_int_equal(caller_nonces_add(&nonces, nonce, 5000), CALLER_NONCE_NEW);
    assert_int_equal(caller_nonces_add(&nonces, nonce, 6500), CALLER_NONCE_SEEN);
    assert_int_equal(caller_nonces_add(&nonces, nonce, 8600), CALLER_NONCE_NEW);
    memset(nonce, 0, sizeof(nonce));
    assert_int_equal(caller_nonces_add(&nonces, nonce, 8600), CALLER_NONCE_SEEN);
    caller_nonces_release(&nonces);
}

static void nonces_beyond_the_limit_are_refused_until_there_is_room(void **state)
{
    struct caller_nonces nonces;
    unsigned char nonce[CALLER_NONCE_SIZE];
    (void)state;
    caller_nonces_init(&nonces, 1000);
    for (uint64_t i = 0; i < CALLER_NONCES_MAX; i++) {
        nonce_of(i, nonce);
        assert_int_equal(caller_nonces_add(&nonces, nonce, 0), CALLER_NONCE_NEW);
    }
    nonce_of(CALLER_NONCES_MAX, nonce);
    assert_int_equal(caller_nonces_add(&nonces, nonce, 0), CALLER_NONCE_FULL);
    assert_int_equal(caller_nonces_add(&nonces, nonce, 1000), CALLER_NONCE_NEW);
    for (uint64_t i = 0; i < CALLER_NONCES_MAX; i++) {
        nonce_of(i, nonce);
        assert_int_equal(caller_nonces_add(&nonces, nonce, 1000), CALLER_NONCE_SEEN);
    }
    caller_nonces_release(&nonces);
}

/* ---- memory ---- */

static bool tell_and_check_all(void *argument)
{
    struct bench *bench = argument;
    struct str_buffer header;
    const char *why;
    struct callers *callers = callers_create(
        &(struct callers_setup){.is_sessioned = true, .configs = bench->b.configs, .address = "b:2", .clock = &bench->clock.clock}, NULL);
    bool worked = false;
    if (callers == NULL)
        return false;
    str_buffer_init(&header, CALLER_HEADER_MAX);
    if (caller_write(callers, bench->identity, NULL, &CALL, &header, &why) == 0) {
        struct caller_verdict verdict = caller_check(callers, arrived(str_buffer_text(&header)));
        worked = verdict.status == 0;
        assert_int_equal(verdict.identity != NULL, worked);
        identity_destroy(verdict.identity);
    }
    str_buffer_release(&header);
    callers_destroy(callers);
    return worked;
}

static void without_memory_nothing_is_told_and_nothing_leaks(void **state)
{
    alloc_torture(tell_and_check_all, *state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_whole_identity_comes_through),
        TEST(what_no_binding_names_stays),
        TEST(an_identity_that_is_too_large_is_not_cut),
        TEST(it_counts_once_at_one_worker),
        TEST(whatever_is_changed_is_refused),
        TEST(what_is_no_such_header_is_refused),
        TEST(what_a_worker_signed_and_cannot_be_read_is_of_another_version),
        TEST(clocks_may_differ_by_the_window_and_no_more),
        TEST(what_headers_tell_is_told_before_the_body_is_there),
        TEST(what_was_signed_before_the_start_may_have_come_before),
        TEST(the_secret_of_the_cluster_counts),
        TEST(who_has_another_secret_is_told_which_property_to_look_at),
        TEST(without_session_keys_the_secret_is_the_key),
        TEST(without_a_session_key_yet_it_is_said),
        TEST(a_new_session_key_breaks_no_call),
        TEST(a_former_session_key_counts_for_a_while_only),
        TEST(nonces_are_known_until_they_cannot_count),
        TEST(nonces_beyond_the_limit_are_refused_until_there_is_room),
        TEST(without_memory_nothing_is_told_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
