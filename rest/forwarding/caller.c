#include "forwarding/caller.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str_buffer.h"
#include "forwarding/caller_internal.h"
#include "http/request.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define FORMER_KEY_MS (CALLER_KEY_SETTLE_MS + 2 * CALLER_WINDOW_MS) /* a call may be as late, and the clocks as far apart */

static const char NO_KEY[] = "the leader has not written a session key yet; try again";
/* Signed as it is, a worker wrote it. */
#define UNREADABLE(what) \
    CALLER_HEADER ": another worker signed it, but " what " cannot be read: its version of Millrace writes that otherwise. Let all " \
                  "workers run the same version"
static const char NOT_SIGNED[] = CALLER_HEADER " is a header of workers, and none of this cluster signed this one";
static const char NOT_OURS[] = CALLER_HEADER " is a header of workers, and it is not signed as this worker signs; if another worker passed this "
                               "on, the two have different values of millrace.inter.worker.secret, or different config topics";
static const char NO_MEMORY[] = "no memory left; try again";

struct callers {
    struct callers_setup setup;
    const char *secret; /* "": none */
    int64_t started_ms; /* wall clock */
    struct caller_nonces nonces;
};

/* ---- life ---- */

static int check(const struct callers_setup *setup, const char *secret, struct mr_error **error)
{
    if (*secret != '\0' && strlen(secret) < CALLER_SECRET_MIN)
        return mr_error_set(error, MR_ERR_CONFIG, "millrace.inter.worker.secret is shorter than %d bytes", CALLER_SECRET_MIN);
    if (*secret == '\0' && !setup->is_sessioned)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "where login is needed, workers sign what they ask of each other: set connect.protocol=sessioned, or the "
                            "same millrace.inter.worker.secret on all workers");
    return 0;
}

struct callers *callers_create(const struct callers_setup *setup, struct mr_error **error)
{
    const char *secret = setup->secret == NULL ? "" : setup->secret;
    struct callers *callers;

    if (check(setup, secret, error) != 0)
        return NULL;
    callers = mem_calloc(1, sizeof(*callers));
    if (callers == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "requests to other workers: no memory");
        return NULL;
    }
    callers->setup = *setup;
    callers->secret = secret;
    callers->started_ms = clock_wall_ms(setup->clock);
    caller_nonces_init(&callers->nonces, 2 * CALLER_WINDOW_MS);
    return callers;
}

void callers_destroy(struct callers *callers)
{
    if (callers == NULL)
        return;
    caller_nonces_release(&callers->nonces);
    mem_free(callers);
}

/* ---- keys ---- */

enum which_key { KEY_NEWEST, KEY_FORMER };

/* Is the newest key so young that the former one counts, for that long? */
static bool is_young(const struct session_key *newest, int64_t now_ms, int64_t than_ms)
{
    return newest != NULL && now_ms - newest->created_ms < than_ms;
}

/* The key to sign with, or one to check by; false: there is none. */
static bool key_of(const struct callers *callers, enum which_key which, unsigned char key[CALLER_KEY_SIZE])
{
    struct config_snapshot *snapshot;
    const struct session_key *session;
    bool fine;

    if (!callers->setup.is_sessioned)
        return which == KEY_NEWEST && caller_key_make(NULL, callers->secret, key);
    snapshot = config_store_snapshot(callers->setup.configs);
    session = which == KEY_NEWEST ? config_snapshot_session_key(snapshot) : config_snapshot_former_session_key(snapshot);
    fine = session != NULL && caller_key_make(session, callers->secret, key);
    config_snapshot_drop(snapshot);
    return fine;
}

static bool former_counts(const struct callers *callers, int64_t than_ms)
{
    struct config_snapshot *snapshot;
    bool counts;

    if (!callers->setup.is_sessioned)
        return false;
    snapshot = config_store_snapshot(callers->setup.configs);
    counts = config_snapshot_former_session_key(snapshot) != NULL &&
             is_young(config_snapshot_session_key(snapshot), clock_wall_ms(callers->setup.clock), than_ms);
    config_snapshot_drop(snapshot);
    return counts;
}

/* ---- writing ---- */

static void append_base64(struct str_buffer *text, const void *bytes, size_t length)
{
    size_t encoded = base64_encoded_length(length);
    char *room = str_buffer_reserve(text, encoded);

    if (room != NULL)
        str_buffer_advance(text, base64_encode(bytes, length, room));
}

/* "http://host:port/path" → "host:port" and "/path". */
static void split_url(const char *url, struct caller_signed *what)
{
    const char *scheme = strstr(url, "://");

    what->address = scheme == NULL ? url : scheme + 3;
    what->address_length = strcspn(what->address, "/?");
    what->target = what->address[what->address_length] == '\0' ? "/" : what->address + what->address_length;
}

/* Everything before the MAC; its parts are then read back from it, so that what is signed is what is sent. */
static void write_parts(struct str_buffer *header, const struct callers *callers, const struct identity *identity,
                        const struct bindings *bindings)
{
    unsigned char nonce[CALLER_NONCE_SIZE];
    struct str_buffer json;

    str_buffer_init(&json, CALLER_HEADER_MAX);
    caller_identity_write(&json, identity, bindings);
    str_buffer_printf(header, "1.%lld.", (long long)clock_wall_ms(callers->setup.clock));
    header->failed = header->failed || !random_fill(nonce, sizeof(nonce)) || str_buffer_failed(&json);
    header->over_max = header->over_max || json.over_max;
    append_base64(header, nonce, sizeof(nonce));
    str_buffer_append_char(header, '.');
    append_base64(header, str_buffer_text(&json), json.length);
    str_buffer_append_char(header, '.');
    str_buffer_release(&json);
}

static int refuse(const char **why, int status, const char *words)
{
    *why = words;
    return status;
}

static bool sign(const unsigned char key[CALLER_KEY_SIZE], const struct caller_call *call, const struct str_buffer *header,
                 unsigned char mac[CALLER_MAC_SIZE])
{
    const char *time = strchr(str_buffer_text(header), '.') + 1, *nonce = strchr(time, '.') + 1,
               *identity = strchr(nonce, '.') + 1;
    struct caller_signed what = {.method = call->method,
                                 .time = {time, strcspn(time, ".")},
                                 .nonce = {nonce, strcspn(nonce, ".")},
                                 .identity = {identity, strcspn(identity, ".")}};

    split_url(call->url, &what);
    caller_digest_body(&what, call->body, call->body_length);
    return caller_mac(key, &what, mac);
}

int caller_write(struct callers *callers, const struct identity *identity, const struct bindings *bindings,
                 const struct caller_call *call, struct str_buffer *header, const char **why)
{
    enum which_key which = former_counts(callers, CALLER_KEY_SETTLE_MS) ? KEY_FORMER : KEY_NEWEST;
    unsigned char key[CALLER_KEY_SIZE], mac[CALLER_MAC_SIZE];
    bool fine;

    write_parts(header, callers, identity, bindings);
    if (header->over_max)
        return refuse(why, 431,
                      "the groups and claims of the caller that bindings name are too long to be passed on to another worker; ask that "
                      "worker itself, or bind fewer of them");
    if (str_buffer_failed(header))
        return refuse(why, 503, NO_MEMORY);
    if (!key_of(callers, which, key))
        return refuse(why, 503, NO_KEY);
    fine = sign(key, call, header, mac);
    explicit_bzero(key, sizeof(key));
    if (fine)
        append_base64(header, mac, sizeof(mac));
    if (fine && !str_buffer_failed(header))
        return 0;
    return refuse(why, 503, NO_MEMORY);
}

/* ---- checking ---- */

static struct caller_verdict verdict_of(int status, const char *why)
{
    return (struct caller_verdict){.status = status, .why = why};
}

static bool mac_fits(const struct callers *callers, enum which_key which, const struct caller_signed *what,
                     const struct caller_part *claimed)
{
    unsigned char key[CALLER_KEY_SIZE], mac[CALLER_MAC_SIZE];
    char text[CALLER_MAC_TEXT];
    bool fits = false;

    if (!key_of(callers, which, key))
        return false;
    if (caller_mac(key, what, mac)) {
        base64_encode(mac, sizeof(mac), text);
        fits = CRYPTO_memcmp(text, claimed->text, CALLER_MAC_TEXT) == 0;
    }
    explicit_bzero(key, sizeof(key));
    return fits;
}

static bool is_signed(const struct callers *callers, const struct caller_header *header, const struct http_request *request)
{
    struct caller_signed what = {.address = callers->setup.address,
                                       .address_length = strlen(callers->setup.address),
                                       .method = http_method_name(request->method),
                                       .target = request->raw_target,
                                       .time = header->time,
                                       .nonce = header->nonce,
                                       .identity = header->identity};

    caller_digest_body(&what, request->body, request->body_length);
    return mac_fits(callers, KEY_NEWEST, &what, &header->mac) ||
           (former_counts(callers, FORMER_KEY_MS) && mac_fits(callers, KEY_FORMER, &what, &header->mac));
}

static bool is_in_time(const struct callers *callers, const struct caller_header *header)
{
    int64_t now_ms = clock_wall_ms(callers->setup.clock);

    return header->time_ms >= now_ms - CALLER_WINDOW_MS && header->time_ms <= now_ms + CALLER_WINDOW_MS;
}

static struct caller_verdict check_nonce(struct callers *callers, const struct caller_header *header)
{
    unsigned char nonce[CALLER_NONCE_TEXT];
    size_t length;

    if (!base64_decode(header->nonce.text, header->nonce.length, nonce, &length) || length != CALLER_NONCE_SIZE)
        return verdict_of(403, UNREADABLE("the number that makes each request its own"));
    switch (caller_nonces_add(&callers->nonces, nonce, clock_monotonic_ms(callers->setup.clock))) {
    case CALLER_NONCE_NEW:
        return verdict_of(0, "");
    case CALLER_NONCE_SEEN:
        return verdict_of(403, "the caller was signed for a request that has come before");
    default:
        return verdict_of(503, "too many requests were passed on to this worker within a minute; try again");
    }
}

static struct caller_verdict read_identity(const struct caller_header *header)
{
    struct caller_verdict verdict = verdict_of(0, "");
    char *json = mem_alloc(base64_decoded_max(header->identity.length) + 1);
    bool no_memory = json == NULL;
    size_t length;

    if (json != NULL && base64_decode(header->identity.text, header->identity.length, json, &length))
        verdict.identity = caller_identity_read(json, length, &no_memory);
    mem_free(json);
    if (verdict.identity == NULL)
        verdict = no_memory ? verdict_of(503, NO_MEMORY) : verdict_of(403, UNREADABLE("who asks"));
    return verdict;
}

static bool has_key(const struct callers *callers)
{
    unsigned char key[CALLER_KEY_SIZE];
    bool has = key_of(callers, KEY_NEWEST, key);

    explicit_bzero(key, sizeof(key));
    return has;
}

static struct caller_verdict look(const struct callers *callers, const struct http_request *request, struct caller_header *header)
{
    const char *value = http_request_header(request, CALLER_HEADER);

    if (callers == NULL || http_request_header_count(request, CALLER_HEADER) != 1 || !caller_header_read(header, value))
        return verdict_of(403, NOT_SIGNED);
    if (!has_key(callers))
        return verdict_of(503, NO_KEY);
    if (!is_in_time(callers, header))
        return verdict_of(403, "the caller was signed more than 30 s ago, or the clocks of the two workers are that far apart");
    return verdict_of(0, "");
}

struct caller_verdict caller_look(const struct callers *callers, const struct http_request *request)
{
    struct caller_header header;

    return look(callers, request, &header);
}

struct caller_verdict caller_check(struct callers *callers, const struct http_request *request)
{
    struct caller_header header;
    struct caller_verdict verdict = look(callers, request, &header);

    if (verdict.status != 0)
        return verdict;
    if (!is_signed(callers, &header, request))
        return verdict_of(403, NOT_OURS);
    if (header.time_ms < callers->started_ms)
        return verdict_of(503, "the caller was signed before this worker started; try again");
    verdict = check_nonce(callers, &header);
    return verdict.status == 0 ? read_identity(&header) : verdict;
}
