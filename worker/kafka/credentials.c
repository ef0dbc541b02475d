/* credentials.c: sets of equal credentials, the clients that have them, and the look at what has changed.
 *
 * A set keeps the configuration of its first client and translates it again: so what is refused at the start is refused in the same
 * words later. Its native settings are then what counts for every client of the set. */
#include "kafka/credentials_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/file_watch.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "kafka/client_config_internal.h"
#include "kafka/native_notes_internal.h"
#include "kafka/native_token_internal.h"

#include "base/bans.h"

#define LOGGER "kafka.credentials"
#define KEY_TEXT_MAX (8u << 20)

struct credential_set {
    struct credential_set *next;
    size_t owners;                    /* clients, and the look; lock */
    struct str_buffer key;            /* the properties that make it one, as they were when its first client was opened */
    struct client_config *config;     /* whose native settings count; lock */
    struct client_identity *identity; /* lock; NULL: no certificate of our own */
    struct credentials_client *clients; /* lock */
    /* thread: the look */
    struct file_watch watch;
    uint64_t generation; /* of the texts when it was last looked at */
    bool has_failing_tokens;
    bool is_new;         /* its first client may have read the files long before it was opened */
    bool is_failing;     /* lock */
    char words[CREDENTIALS_WORDS_MAX]; /* lock */
};

struct credentials_client {
    struct credentials_client *next;
    struct credential_set *set;
    rd_kafka_t *rk;     /* while it is in the set's list */
    SSL_CTX *context;   /* rk's, from before its threads start; NULL: no TLS, or an OpenSSL that is not ours */
    pthread_mutex_t hooking;
    bool is_hooked;     /* hooking */
    int tls_least, tls_most;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct credential_set *sets; /* lock */
static uint64_t renewed;            /* lock */
static _Thread_local bool is_looking;

/* ---- sets ---- */

static bool has_credentials(const struct client_config *config)
{
    return client_config_get_native(config, "sasl.password") != NULL || client_config_get_native(config, "ssl.key.pem") != NULL ||
           client_config_get_native(config, "ssl.ca.pem") != NULL || config->tls_least != 0 || config->token != NULL;
}

/* Equal texts: equal credentials, whatever client it is. */
static bool append_key(struct str_buffer *key, const struct client_config *config)
{
    bool ok = true;
    for (size_t i = 0; ok && i < string_map_count(config->java); i++) {
        const char *name = string_map_key(config->java, i), *value = string_map_value(config->java, i);
        if (value != NULL && (strncmp(name, "ssl.", 4) == 0 || strncmp(name, "sasl.", 5) == 0 || strncmp(name, "security.", 9) == 0))
            ok = str_buffer_printf(key, "%s=%zu:%s;", name, strlen(value), value);
    }
    return ok;
}

static void set_destroy(struct credential_set *set)
{
    if (set == NULL)
        return;
    if (set->key.data != NULL)
        explicit_bzero(set->key.data, set->key.length);
    str_buffer_release(&set->key);
    client_identity_drop(set->identity);
    client_config_drop(set->config);
    mem_free(set);
}

static struct client_identity *identity_of(const struct client_config *config)
{
    const char *chain = client_config_get_native(config, "ssl.certificate.pem");
    const char *key = client_config_get_native(config, "ssl.key.pem");
    return chain != NULL && key != NULL ? client_identity_create(chain, key) : NULL;
}

/* The paths live as long as the configuration. */
static void watch_files(struct credential_set *set)
{
    file_watch_init(&set->watch, client_config_get(set->config, "ssl.keystore.location"),
                    client_config_get(set->config, "ssl.truststore.location"));
}

static struct credential_set *set_create(const struct client_config *config)
{
    struct credential_set *set = mem_calloc(1, sizeof *set);
    if (set == NULL)
        return NULL;
    str_buffer_init(&set->key, KEY_TEXT_MAX);
    set->config = client_config_take((struct client_config *)(uintptr_t)config); /* what it says is not changed */
    set->identity = identity_of(config);
    set->is_new = true;
    watch_files(set);
    if (!append_key(&set->key, config)) {
        set_destroy(set);
        return NULL;
    }
    return set;
}

/* locks: lock. */
static struct credential_set *find_set(const struct str_buffer *key)
{
    struct credential_set *set = sets;
    while (set != NULL && (set->key.length != key->length || memcmp(set->key.data, key->data, key->length) != 0))
        set = set->next;
    return set;
}

/* One more owner of the one that the configuration belongs to. */
static struct credential_set *set_take(const struct client_config *config)
{
    struct credential_set *fresh = set_create(config);
    if (fresh == NULL)
        return NULL;
    mutex_lock(&lock);
    struct credential_set *set = find_set(&fresh->key);
    if (set == NULL) {
        set = fresh;
        set->next = sets;
        sets = set;
        fresh = NULL;
    }
    set->owners++;
    mutex_unlock(&lock);
    set_destroy(fresh);
    return set;
}

struct client_config *credentials_in_force(const struct client_config *config)
{
    struct client_config *found = NULL;
    struct str_buffer key;
    if (is_looking)
        return NULL;
    str_buffer_init(&key, KEY_TEXT_MAX);
    if (append_key(&key, config)) {
        mutex_lock(&lock);
        struct credential_set *set = find_set(&key);
        found = set != NULL ? client_config_take(set->config) : NULL;
        mutex_unlock(&lock);
    }
    if (key.data != NULL)
        explicit_bzero(key.data, key.length);
    str_buffer_release(&key);
    return found;
}

static void set_drop(struct credential_set *set)
{
    mutex_lock(&lock);
    bool is_last = --set->owners == 0;
    for (struct credential_set **at = &sets; is_last && *at != NULL; at = &(*at)->next) {
        if (*at == set) {
            *at = set->next;
            break;
        }
    }
    mutex_unlock(&lock);
    if (is_last)
        set_destroy(set);
}

/* ---- clients ---- */

/* thread: librdkafka's, in a handshake. What the context has stays where this fails. */
static int give_identity(SSL *ssl, void *argument)
{
    struct credentials_client *client = argument;
    mutex_lock(&lock);
    struct client_identity *identity = client_identity_take(client->set->identity);
    mutex_unlock(&lock);
    if (identity != NULL && !client_identity_use(identity, ssl))
        log_warn(LOGGER, "the client certificate could not be used in a handshake");
    client_identity_drop(identity);
    return 1;
}

static void hook(struct credentials_client *client)
{
    mutex_lock(&client->hooking);
    if (client->context != NULL && !client->is_hooked) {
        SSL_CTX_set_cert_cb(client->context, give_identity, client);
        ssl_context_bound(client->context, client->tls_least, client->tls_most);
    }
    client->is_hooked = true;
    mutex_unlock(&client->hooking);
}

/* As librdkafka opens one itself; but before its first connection the context is made ready. Interceptors would be told at a better
 * moment, but a client that cannot be opened frees them twice (2.0.2 to 2.12). thread: librdkafka's. */
static int open_socket(int domain, int type, int protocol, void *notes)
{
    struct credentials_client *client = native_notes_credentials(notes);
    if (client != NULL)
        hook(client);
    return socket(domain, type | SOCK_CLOEXEC, protocol);
}

struct credentials_client *credentials_client_prepare(const struct client_config *config, rd_kafka_conf_t *conf)
{
    struct credentials_client *client = has_credentials(config) ? mem_calloc(1, sizeof *client) : NULL;
    if (client == NULL)
        return NULL;
    mutex_init(&client->hooking);
    client->tls_least = config->tls_least;
    client->tls_most = config->tls_most;
    client->set = set_take(config);
    if (client->set == NULL) {
        credentials_client_free(client);
        return NULL;
    }
    rd_kafka_conf_set_socket_cb(conf, open_socket);
    ssl_context_catch_begin(&client->context);
    return client;
}

/* What its own configuration does not say, because it is older. locks: lock. */
static void bring_up_to_date(struct credentials_client *client, const struct client_config *from, const struct client_config *to)
{
    const char *user = client_config_get_native(to, "sasl.username"), *password = client_config_get_native(to, "sasl.password");
    const char *trust = client_config_get_native(to, "ssl.ca.pem");
    bool is_same_login = user == NULL || password == NULL ||
                         (strcmp(user, string_map_get_or(from->native, "sasl.username", "")) == 0 &&
                          strcmp(password, string_map_get_or(from->native, "sasl.password", "")) == 0);
    if (!is_same_login)
        rd_kafka_error_destroy(rd_kafka_sasl_set_credentials(client->rk, user, password));
    if (trust != NULL && client->context != NULL && strcmp(trust, string_map_get_or(from->native, "ssl.ca.pem", "")) != 0)
        ssl_context_trust(client->context, trust);
}

/* It is open for some time: what it logs in with is tried beside what it has. locks: lock. */
static void give_other_tokens(struct credentials_client *client, const struct client_config *to)
{
    struct mr_error *error = NULL;
    if (native_token_replace(native_notes_token(rd_kafka_opaque(client->rk)), to->token, &error) != 0)
        log_error(LOGGER, "%s goes on with the tokens it has: %s", rd_kafka_name(client->rk), mr_error_message(error));
    mr_error_drop(error);
}

void credentials_client_opened(struct credentials_client *client, rd_kafka_t *rk, const struct client_config *config)
{
    if (client == NULL)
        return;
    ssl_context_catch_end();
    if (rk == NULL) {
        credentials_client_free(client);
        return;
    }
    client->rk = rk;
    mutex_lock(&lock);
    client->next = client->set->clients;
    client->set->clients = client;
    bring_up_to_date(client, config, client->set->config);
    mutex_unlock(&lock);
}

bool credentials_client_is_unbound(const struct credentials_client *client)
{
    return client != NULL && client->tls_least != 0 && client->context == NULL;
}

void credentials_client_leave(struct credentials_client *client)
{
    if (client == NULL)
        return;
    mutex_lock(&lock);
    for (struct credentials_client **at = &client->set->clients; *at != NULL; at = &(*at)->next) {
        if (*at == client) {
            *at = client->next;
            break;
        }
    }
    mutex_unlock(&lock);
}

void credentials_client_free(struct credentials_client *client)
{
    if (client == NULL)
        return;
    if (client->set != NULL)
        set_drop(client->set);
    mutex_destroy(&client->hooking);
    mem_free(client);
}

/* ---- the look ---- */

static bool differs(const struct client_config *one, const struct client_config *other, const char *native)
{
    const char *before = client_config_get_native(one, native), *after = client_config_get_native(other, native);
    return (before == NULL) != (after == NULL) || (before != NULL && strcmp(before, after) != 0);
}

/* Another source of tokens: another secret of the client, or other authorities of the endpoint. */
static bool has_other_token(const struct client_config *one, const struct client_config *other)
{
    return one->token != NULL && other->token != NULL && !string_map_equals(one->token, other->token);
}

static bool is_other(const struct client_config *one, const struct client_config *other)
{
    static const char *const natives[] = {"sasl.username", "sasl.password", "ssl.certificate.pem", "ssl.key.pem", "ssl.ca.pem"};
    for (size_t i = 0; i < sizeof natives / sizeof *natives; i++) {
        if (differs(one, other, natives[i]))
            return true;
    }
    return has_other_token(one, other);
}

/* A certificate that the context cannot be told of: see client_identity.c. */
static bool is_beyond_reach(const struct credentials_client *client, const struct client_config *from, const struct client_config *to)
{
    return client->context == NULL && (differs(from, to, "ssl.certificate.pem") || differs(from, to, "ssl.ca.pem"));
}

static void use(struct credential_set *set, const struct client_config *former, const struct client_config *fresh)
{
    struct client_identity *identity = identity_of(fresh), *former_identity;
    size_t clients = 0, beyond_reach = 0;
    mutex_lock(&lock);
    former_identity = set->identity;
    set->identity = identity;
    for (struct credentials_client *client = set->clients; client != NULL; client = client->next) {
        bring_up_to_date(client, former, fresh);
        if (has_other_token(former, fresh))
            give_other_tokens(client, fresh);
        clients++;
        beyond_reach += is_beyond_reach(client, former, fresh);
    }
    renewed++;
    mutex_unlock(&lock);
    if (beyond_reach > 0)
        log_warn(LOGGER, "%zu open Kafka client(s) use an OpenSSL of their own and keep the former certificate: restart the worker",
                 beyond_reach);
    log_info(LOGGER, "new%s%s%s%s for %zu open Kafka client(s)%s%s", differs(former, fresh, "sasl.password") ? " password" : "",
             has_other_token(former, fresh) ? " source of tokens" : "",
             differs(former, fresh, "ssl.certificate.pem") ? " client certificate" : "",
             differs(former, fresh, "ssl.ca.pem") ? " trusted authorities" : "", clients,
             fresh->certificate_end[0] != '\0' ? "; the certificate counts until " : "", fresh->certificate_end);
    client_identity_drop(former_identity);
}

/* Also where nothing of it is new to clients: its files may have other names. */
static void take_over(struct credential_set *set, struct client_config *fresh)
{
    struct client_config *former = set->config;
    struct file_watch watch = set->watch;
    mutex_lock(&lock);
    set->config = fresh;
    mutex_unlock(&lock);
    watch_files(set);
    for (size_t i = 0; i < FILE_WATCH_PATHS; i++) {
        const char *before = watch.paths[i], *after = set->watch.paths[i];
        if (before != NULL && after != NULL && strcmp(before, after) == 0)
            set->watch.stamps[i] = watch.stamps[i]; /* as it was before it was read */
    }
    if (is_other(former, fresh))
        use(set, former, fresh);
    client_config_drop(former);
}

static void set_failing(struct credential_set *set, bool is_failing, const char *words)
{
    mutex_lock(&lock);
    set->is_failing = is_failing;
    snprintf(set->words, sizeof set->words, "%s", words);
    mutex_unlock(&lock);
}

static bool is_due(struct credential_set *set, int64_t now_ms)
{
    uint64_t generation = credentials_generation();
    bool is_due = file_watch_is_due(&set->watch, now_ms) || set->generation != generation || set->is_new;
    set->generation = generation;
    set->is_new = false;
    return is_due;
}

/* How the clients of the set get on with other tokens. */
static void look_at_tokens(struct credential_set *set)
{
    size_t working = 0, failing = 0;
    char words[NATIVE_TOKEN_WORDS_MAX], why[NATIVE_TOKEN_WORDS_MAX] = "";
    mutex_lock(&lock);
    for (struct credentials_client *client = set->clients; client != NULL; client = client->next) {
        enum native_token_trial trial = native_token_look(native_notes_token(rd_kafka_opaque(client->rk)), words);
        working += trial == NATIVE_TOKEN_WORKS;
        failing += trial == NATIVE_TOKEN_FAILS;
        if (trial == NATIVE_TOKEN_FAILS)
            snprintf(why, sizeof why, "%s", words);
    }
    mutex_unlock(&lock);
    if (working > 0)
        log_info(LOGGER, "%zu open Kafka client(s) have tokens of the new source", working);
    if (failing > 0 && !set->has_failing_tokens)
        log_error(LOGGER, "the new source gives no tokens, those of the former one stay in force: %s", why);
    if (failing > 0 || set->has_failing_tokens)
        set_failing(set, failing > 0, why);
    set->has_failing_tokens = failing > 0;
}

static void look_at(struct credential_set *set, int64_t now_ms)
{
    struct client_findings unsaid; /* the same as at the start */
    struct mr_error *error = NULL;
    if (!is_due(set, now_ms))
        return;
    client_findings_init(&unsaid);
    is_looking = true;
    struct client_config *fresh = client_config_create(set->config->kind, set->config->java, &unsaid, &error);
    is_looking = false;
    client_findings_release(&unsaid);
    if (fresh == NULL) {
        if (file_watch_failed(&set->watch, mr_error_message(error), now_ms))
            log_error(LOGGER, "changed credentials cannot be used, the former ones stay in force: %s", mr_error_message(error));
        set_failing(set, true, mr_error_message(error));
        mr_error_drop(error);
        return;
    }
    set_failing(set, false, "");
    take_over(set, fresh);
}

/* The next one of the list, with one more owner; `set` loses one. A set that comes meanwhile comes at the list's head: next time. */
static struct credential_set *step(struct credential_set *set, bool from_head)
{
    mutex_lock(&lock);
    struct credential_set *next = from_head ? sets : set->next;
    if (next != NULL)
        next->owners++;
    mutex_unlock(&lock);
    if (set != NULL)
        set_drop(set);
    return next;
}

void credentials_look(int64_t now_ms)
{
    for (struct credential_set *set = step(NULL, true); set != NULL; set = step(set, false)) {
        look_at(set, now_ms);
        look_at_tokens(set);
    }
}

void credentials_health(struct credentials_health *health)
{
    *health = (struct credentials_health){0};
    mutex_lock(&lock);
    for (const struct credential_set *set = sets; set != NULL; set = set->next) {
        int64_t expires_s = set->config->certificate_expires_s;
        health->sets++;
        if (expires_s != 0 && (health->expires_s == 0 || expires_s < health->expires_s))
            health->expires_s = expires_s;
        if (set->is_failing && !health->is_failing) {
            health->is_failing = true;
            snprintf(health->words, sizeof health->words, "%s", set->words);
        }
    }
    health->renewed = renewed;
    mutex_unlock(&lock);
}
