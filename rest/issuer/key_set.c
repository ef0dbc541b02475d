#include "issuer/key_set.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "access/jwt_validator.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "forwarding/client.h"
#include "issuer/discovery_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.issuer"
#define JITTER_PERCENT 10

struct waiter {
    struct waiter *next;
    key_set_done_fn *done;
    void *argument;
};

struct key_set {
    struct jwt_validator *validator;
    char *issuer, *discovery_url, *proxy;
    bool allows_http;
    int64_t refresh_ms, demand_interval_ms, retry_min_ms;
    struct string_map *tls; /* for the client: whose certificates count */
    struct client *client;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a fetch has ended, or the end has come */
    /* All below: locks: lock, but for keys_url, which belongs to the fetch while one is under way. */
    bool is_stopping, is_fetching;
    bool is_asked_for; /* the fetch under way: by somebody who waits */
    bool has_failed;   /* said in the log */
    int64_t next_ms;   /* of the schedule; monotonic */
    int64_t asked_ms;  /* the last fetch that was asked for began then; -1: none */
    int64_t retry_ms;  /* after the next failure */
    char *keys_url;    /* NULL: not known yet */
    struct waiter *waiters;
    size_t waiter_count;
};

/* ---- the end of a fetch ---- */

static void tell(struct key_set *key_set, struct waiter *waiters)
{
    bool has_keys = jwt_validator_key_count(key_set->validator) > 0;

    while (waiters != NULL) {
        struct waiter *next = waiters->next;

        waiters->done(waiters->argument, has_keys);
        mem_free(waiters);
        waiters = next;
    }
}

static int64_t jittered_ms(int64_t refresh_ms)
{
    int64_t range_ms = refresh_ms * JITTER_PERCENT / 100;
    uint32_t bits = 0;

    if (range_ms == 0 || !random_fill_now(&bits, sizeof(bits)))
        return refresh_ms;
    return refresh_ms - range_ms + (int64_t)(bits % (uint64_t)(2 * range_ms + 1));
}

static void say_failure(struct key_set *key_set, bool is_first, const char *why)
{
    if (is_first)
        log_warn(LOG_NAME, "the keys of the token issuer %s were not fetched, trying again: %s%s", key_set->issuer, why,
                 jwt_validator_key_count(key_set->validator) > 0 ? "; the keys that are there stay"
                                                                 : "; until then no token can be checked");
    else
        log_debug(LOG_NAME, "the keys of the token issuer %s were not fetched: %s", key_set->issuer, why);
}

static void fetch(struct key_set *key_set);

/* locks: held. */
static bool may_ask(const struct key_set *key_set, int64_t now_ms)
{
    return key_set->asked_ms < 0 || now_ms - key_set->asked_ms >= key_set->demand_interval_ms;
}

/* Who waits for a fetch of the schedule joined it: its answer may be older than the key they wait for. So one is asked for on their behalf,
 * if it may be. locks: held. */
static bool asks_once_more(struct key_set *key_set, int64_t now_ms)
{
    if (key_set->waiters == NULL || key_set->is_asked_for || key_set->is_stopping || !may_ask(key_set, now_ms))
        return false;
    key_set->asked_ms = now_ms;
    key_set->is_asked_for = true;
    return true;
}

/* why NULL: the validator has new keys. */
static void end_fetch(struct key_set *key_set, const char *why)
{
    bool had_failed, is_stopping, goes_on;
    struct waiter *waiters = NULL;
    int64_t now_ms = clock_monotonic_ms(NULL);

    mutex_lock(&key_set->lock);
    had_failed = key_set->has_failed;
    is_stopping = key_set->is_stopping;
    key_set->has_failed = why != NULL;
    key_set->next_ms = now_ms + (why == NULL ? jittered_ms(key_set->refresh_ms) : key_set->retry_ms);
    key_set->retry_ms = why == NULL ? key_set->retry_min_ms
                        : key_set->retry_ms > KEY_SET_RETRY_MAX_MS / 2 ? KEY_SET_RETRY_MAX_MS : key_set->retry_ms * 2;
    if (why == NULL && had_failed)
        key_set->asked_ms = -1; /* who asked while the issuer was away has not used up what may be asked of it now */
    goes_on = why == NULL && !had_failed && asks_once_more(key_set, now_ms); /* after an outage these keys are what they waited for */
    key_set->is_fetching = goes_on;
    if (!goes_on) {
        waiters = key_set->waiters;
        key_set->waiters = NULL;
        key_set->waiter_count = 0;
    }
    cond_broadcast(&key_set->changed);
    mutex_unlock(&key_set->lock);
    if (why != NULL && !is_stopping)
        say_failure(key_set, !had_failed, why);
    if (why == NULL && had_failed)
        log_info(LOG_NAME, "the keys of the token issuer %s are fetched again", key_set->issuer);
    if (goes_on)
        fetch(key_set);
    else
        tell(key_set, waiters);
}

static void fail(struct key_set *key_set, const char *url, const char *why)
{
    char words[DISCOVERY_URL_MAX + 1000];

    snprintf(words, sizeof(words), "%s: %s", url, why);
    end_fetch(key_set, words);
}

/* ---- a fetch: the document if need be, then the keys. thread: of whoever began it, then the client's ---- */

static bool send(struct key_set *key_set, const char *url, size_t answer_max, client_done_fn *done)
{
    const char *why;
    bool is_sent = client_send(key_set->client,
                               &(struct client_request){.method = "GET",
                                                        .url = url,
                                                        .deadline_ms = clock_monotonic_ms(NULL) + KEY_SET_ANSWER_TIMEOUT_MS,
                                                        .answer_max = answer_max,
                                                        .proxy = key_set->proxy,
                                                        .done = done,
                                                        .argument = key_set},
                               &why);
    if (!is_sent)
        fail(key_set, url, why);
    return is_sent;
}

/* false: the fetch has ended. */
static bool is_fine(struct key_set *key_set, const char *url, const struct client_answer *answer)
{
    char words[60];

    if (answer->status == 200)
        return true;
    snprintf(words, sizeof(words), "it answered with status %d", answer->status);
    fail(key_set, url, answer->status == 0 ? answer->why : words);
    return false;
}

static void on_keys(void *argument, const struct client_answer *answer)
{
    struct key_set *key_set = argument;
    struct mr_error *error = NULL;

    if (!is_fine(key_set, key_set->keys_url, answer))
        return;
    if (jwt_validator_set_keys(key_set->validator, answer->body, answer->body_length, &error) == 0)
        end_fetch(key_set, NULL);
    else
        fail(key_set, key_set->keys_url, mr_error_message(error));
    mr_error_drop(error);
}

static void on_document(void *argument, const struct client_answer *answer)
{
    struct key_set *key_set = argument;
    struct mr_error *error = NULL;
    char *url;

    if (!is_fine(key_set, key_set->discovery_url, answer))
        return;
    url = discovery_keys_url(answer->body, answer->body_length, key_set->issuer, key_set->allows_http, &error);
    if (url == NULL) {
        fail(key_set, key_set->discovery_url, mr_error_message(error));
    } else {
        mem_free(key_set->keys_url);
        key_set->keys_url = url;
        send(key_set, url, JWT_KEYS_TEXT_MAX, on_keys);
    }
    mr_error_drop(error);
}

/* The schedule discovers each time, as an issuer may move its keys; who waits is served sooner without. */
static void fetch(struct key_set *key_set)
{
    if (key_set->discovery_url != NULL && (key_set->keys_url == NULL || !key_set->is_asked_for))
        send(key_set, key_set->discovery_url, KEY_SET_DISCOVERY_MAX, on_document);
    else
        send(key_set, key_set->keys_url, JWT_KEYS_TEXT_MAX, on_keys);
}

/* ---- when ---- */

static void *run(void *argument)
{
    struct key_set *key_set = argument;

    mutex_lock(&key_set->lock);
    while (!key_set->is_stopping) {
        if (key_set->is_fetching) {
            cond_wait(&key_set->changed, &key_set->lock);
        } else if (clock_monotonic_ms(NULL) < key_set->next_ms) {
            cond_wait_until_ms(&key_set->changed, &key_set->lock, key_set->next_ms);
        } else {
            key_set->is_fetching = true;
            key_set->is_asked_for = false;
            mutex_unlock(&key_set->lock);
            fetch(key_set);
            mutex_lock(&key_set->lock);
        }
    }
    mutex_unlock(&key_set->lock);
    return NULL;
}

void key_set_await(struct key_set *key_set, key_set_done_fn *done, void *argument)
{
    struct waiter *waiter = mem_alloc(sizeof(*waiter));
    int64_t now_ms = clock_monotonic_ms(NULL);
    bool begins = false, waits;

    mutex_lock(&key_set->lock);
    waits = waiter != NULL && !key_set->is_stopping && key_set->waiter_count < KEY_SET_WAITERS_MAX;
    if (waits && !key_set->is_fetching) {
        waits = begins = may_ask(key_set, now_ms);
        if (begins) {
            key_set->asked_ms = now_ms;
            key_set->is_fetching = key_set->is_asked_for = true;
        }
    }
    if (waits) {
        *waiter = (struct waiter){key_set->waiters, done, argument};
        key_set->waiters = waiter;
        key_set->waiter_count++;
    }
    mutex_unlock(&key_set->lock);
    if (begins)
        fetch(key_set);
    if (waits)
        return;
    mem_free(waiter);
    done(argument, jwt_validator_key_count(key_set->validator) > 0);
}

/* ---- life ---- */

static int check(const struct key_set_setup *setup, struct mr_error **error)
{
    const char *url = setup->keys_url != NULL ? setup->keys_url : setup->issuer;
    const char *problem = discovery_url_problem(url, setup->allows_http);

    if (problem == NULL && setup->keys_url == NULL && strchr(url, '?') != NULL)
        problem = "an issuer has no query";
    if (problem == NULL)
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "the keys of the token issuer cannot be fetched from %s: %s", url, problem);
}

static bool copy(struct key_set *key_set, const struct key_set_setup *setup)
{
    bool discovers = setup->keys_url == NULL;

    key_set->issuer = mem_strdup(setup->issuer);
    key_set->proxy = mem_strdup(setup->proxy);
    key_set->keys_url = mem_strdup(setup->keys_url);
    key_set->discovery_url = discovers ? discovery_url_of(setup->issuer) : NULL;
    key_set->tls = string_map_create();
    return key_set->issuer != NULL && (setup->proxy == NULL || key_set->proxy != NULL) &&
           (discovers ? key_set->discovery_url : key_set->keys_url) != NULL && key_set->tls != NULL &&
           (setup->ca_path == NULL || (string_map_put(key_set->tls, "ssl.truststore.type", "PEM") &&
                                       string_map_put(key_set->tls, "ssl.truststore.location", setup->ca_path)));
}

static void key_set_free(struct key_set *key_set)
{
    client_stop(key_set->client);
    string_map_destroy(key_set->tls);
    cond_destroy(&key_set->changed);
    mutex_destroy(&key_set->lock);
    mem_free(key_set->issuer);
    mem_free(key_set->proxy);
    mem_free(key_set->keys_url);
    mem_free(key_set->discovery_url);
    mem_free(key_set);
}

static struct key_set *key_set_create(const struct key_set_setup *setup, struct mr_error **error)
{
    struct key_set *key_set = mem_calloc(1, sizeof(*key_set));

    if (key_set == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the keys of the token issuer");
        return NULL;
    }
    mutex_init(&key_set->lock);
    cond_init(&key_set->changed);
    key_set->validator = setup->validator;
    key_set->allows_http = setup->allows_http;
    key_set->refresh_ms = setup->refresh_ms != 0 ? setup->refresh_ms : KEY_SET_REFRESH_DEFAULT_MS;
    key_set->demand_interval_ms =
        setup->demand_interval_ms != 0 ? setup->demand_interval_ms : JWT_REFRESH_INTERVAL_DEFAULT_MS;
    key_set->asked_ms = -1;
    key_set->retry_min_ms = setup->retry_min_ms != 0 ? setup->retry_min_ms : KEY_SET_RETRY_MIN_MS;
    key_set->retry_ms = key_set->retry_min_ms;
    if (copy(key_set, setup))
        return key_set;
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the keys of the token issuer");
    key_set_free(key_set);
    return NULL;
}

struct key_set *key_set_start(const struct key_set_setup *setup, struct mr_error **error)
{
    char why[160];
    struct key_set *key_set = check(setup, error) == 0 ? key_set_create(setup, error) : NULL;

    if (key_set == NULL)
        return NULL;
    key_set->client = client_start(key_set->tls, error);
    if (key_set->client != NULL) {
        if (thread_start(&key_set->thread,
                         &(struct thread_setup){.name = "key-set", .run = run, .argument = key_set}, why, sizeof(why)))
            return key_set;
        mr_error_set(error, MR_ERR_CONNECT, "the keys of the token issuer: %s", why);
    }
    key_set_free(key_set);
    return NULL;
}

void key_set_stop(struct key_set *key_set)
{
    if (key_set == NULL)
        return;
    mutex_lock(&key_set->lock);
    key_set->is_stopping = true;
    cond_broadcast(&key_set->changed);
    mutex_unlock(&key_set->lock);
    thread_join(key_set->thread);
    key_set_free(key_set); /* the client tells who is under way, and with it all who wait */
}
