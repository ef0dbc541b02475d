#include "identity/token_source.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/secrets.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "identity/token_http.h"
#include "identity/token_keeper.h"
#include "identity/token_settings.h"

#include "base/bans.h"

#define LOGGER "identity"
#define LOOK_MAX_MS 30000 /* the wait's clock stands still while the machine sleeps; that of tokens does not */
#define COMPLAINT_MS 60000
#define STACK_BYTES ((size_t)512 << 10)
#define NAME_BYTES 256

struct token_subscription {
    struct token_subscription *next;
    struct token_source *source;
    const struct token_listener *listener;
    void *argument;
};

struct token_source {
    struct token_source *next; /* in the table. locks: table_lock */
    size_t users;              /* locks: table_lock */
    struct string_map *map;    /* constant, as the next two */
    struct token_settings settings;
    char name[NAME_BYTES];
    struct token_http *http;
    pthread_t thread;
    bool has_thread;           /* locks: table_lock */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct token_subscription *subscribers; /* locks: lock, as all below */
    struct token_keeper keeper;
    struct token_failure failure;           /* the last one; words "": none since the last token */
    bool is_stopping;
    int64_t complained_ms;                  /* -1: not since the last token */
    bool complained_of_none;                /* and then there was no token any more */
    bool has_warned_of_skew, has_worked;
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct token_source *table; /* those left last come first */
static token_fetch_fn *fetch_with = token_fetch;

static double draw(void)
{
    uint32_t bits = 0;
    return random_fill_now(&bits, sizeof bits) ? (double)bits / 4294967295.0 : 0.5;
}

/* ---- telling; with the lock held ---- */

static void tell(struct token_subscription *subscription, int64_t now_ms)
{
    struct token_source *source = subscription->source;
    if (token_keeper_counts(&source->keeper, now_ms))
        subscription->listener->on_token(subscription->argument, source->keeper.token, source->keeper.token->expires_ms - now_ms);
    else if (*source->failure.words != '\0')
        subscription->listener->on_failure(subscription->argument, &source->failure);
}

static void tell_all(struct token_source *source, int64_t now_ms)
{
    for (struct token_subscription *each = source->subscribers; each != NULL; each = each->next)
        tell(each, now_ms);
}

/* ---- the log ---- */

static void log_token(struct token_source *source, int64_t skew_s, int64_t now_ms)
{
    int64_t life_s = (source->keeper.token->expires_ms - now_ms) / 1000;
    if (source->complained_ms >= 0)
        log_info(LOGGER, "%s: gives tokens again; this one counts for %" PRId64 " s", source->name, life_s);
    else if (!source->has_worked)
        log_info(LOGGER, "%s: a token that counts for %" PRId64 " s", source->name, life_s);
    else
        log_debug(LOGGER, "%s: the next token, which counts for %" PRId64 " s", source->name, life_s);
    source->has_worked = true;
    source->complained_ms = -1;
    if (!source->has_warned_of_skew && llabs(skew_s) > TOKEN_SKEW_WARN_S) {
        source->has_warned_of_skew = true;
        log_warn(LOGGER, "%s: its clock is %lld s %s this machine's; tokens are counted by elapsed time here, but who checks them may "
                 "refuse: set the clock", source->name, llabs(skew_s), skew_s > 0 ? "ahead of" : "behind");
    }
}

static void log_failure(struct token_source *source, int64_t now_ms)
{
    int64_t next_s = (source->keeper.due_ms - now_ms + 999) / 1000;
    bool counts = token_keeper_counts(&source->keeper, now_ms);
    bool is_news = source->complained_ms < 0 || (!counts && !source->complained_of_none);
    if (!is_news && now_ms - source->complained_ms < COMPLAINT_MS)
        return;
    source->complained_ms = now_ms;
    source->complained_of_none = !counts;
    if (counts)
        log_warn(LOGGER, "%s; tried again in %" PRId64 " s, the token at hand counts for %" PRId64 " s more", source->failure.words, next_s,
                 (source->keeper.token->expires_ms - now_ms) / 1000);
    else
        log_error(LOGGER, "%s; there is no token that counts, tried again in %" PRId64 " s", source->failure.words, next_s);
}

/* ---- the thread ---- */

static void take(struct token_source *source, struct token *token, const struct token_failure *failure, int64_t skew_s)
{
    int64_t now_ms = clock_boottime_ms(NULL);
    if (token != NULL) {
        token_keeper_put(&source->keeper, token, now_ms, draw());
        source->failure = (struct token_failure){0};
        log_token(source, skew_s, now_ms);
        tell_all(source, now_ms);
    } else if (!source->is_stopping) {
        token_keeper_failed(&source->keeper, failure->is_hopeless, failure->retry_after_ms, now_ms, draw());
        source->failure = *failure;
        log_failure(source, now_ms);
        if (!token_keeper_counts(&source->keeper, now_ms))
            tell_all(source, now_ms);
    }
}

static void *run(void *argument)
{
    struct token_source *source = argument;
    mutex_lock(&source->lock);
    while (!source->is_stopping) {
        int64_t wait_ms = source->keeper.due_ms - clock_boottime_ms(NULL);
        if (wait_ms > 0) {
            cond_wait_until_ms(&source->changed, &source->lock, deadline_after_ms(wait_ms < LOOK_MAX_MS ? wait_ms : LOOK_MAX_MS));
            continue;
        }
        struct token_failure failure = {0};
        int64_t skew_s = 0;
        mutex_unlock(&source->lock);
        struct token *token = fetch_with(source->http, &source->settings, NULL, &skew_s, &failure);
        mutex_lock(&source->lock);
        take(source, token, &failure, skew_s);
    }
    mutex_unlock(&source->lock);
    return NULL;
}

/* ---- the table ---- */

static void source_destroy(struct token_source *source)
{
    token_keeper_release(&source->keeper);
    token_http_destroy(source->http);
    string_map_destroy(source->map);
    mutex_destroy(&source->lock);
    cond_destroy(&source->changed);
    mem_free(source);
}

static struct token_source *source_create(const struct string_map *map, struct mr_error **error)
{
    struct token_source *source = mem_calloc(1, sizeof *source);
    if (source == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a source of tokens");
        return NULL;
    }
    mutex_init(&source->lock);
    cond_init(&source->changed);
    source->map = string_map_copy(map);
    source->http = token_http_create();
    source->complained_ms = -1;
    if (source->map == NULL || source->http == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a source of tokens");
    else if (token_settings_read(&source->settings, source->map, error) == 0) {
        secrets_note(source->settings.client_secret);
        token_settings_name(&source->settings, source->name, sizeof source->name);
        token_keeper_init(&source->keeper, &source->settings.rules, clock_boottime_ms(NULL));
        if (token_settings_is_in_clear(&source->settings))
            log_warn(LOGGER, "%s: secret and tokens go over the network unencrypted; use https", source->name);
        return source;
    }
    source_destroy(source);
    return NULL;
}

/* Nobody was subscribed until now, and nobody has been told anything. */
static bool start(struct token_source *source, struct mr_error **error)
{
    char why[128];
    source->is_stopping = false;
    token_http_resume(source->http);
    source->failure = (struct token_failure){0};
    if (!token_keeper_counts(&source->keeper, clock_boottime_ms(NULL))) {
        token_keeper_release(&source->keeper);
        token_keeper_init(&source->keeper, &source->settings.rules, clock_boottime_ms(NULL)); /* what failed then may work now */
    }
    source->has_thread = thread_start(&source->thread, &(struct thread_setup){"token", run, source, STACK_BYTES}, why, sizeof why);
    if (!source->has_thread)
        mr_error_set(error, MR_ERR_CONNECT, "no thread for a source of tokens: %s", why);
    return source->has_thread;
}

static void stop(struct token_source *source)
{
    if (!source->has_thread)
        return;
    mutex_lock(&source->lock);
    source->is_stopping = true;
    cond_broadcast(&source->changed);
    mutex_unlock(&source->lock);
    token_http_stop(source->http);
    thread_join(source->thread);
    source->has_thread = false;
}

static struct token_source *unlink_source(struct token_source *source)
{
    struct token_source **at = &table;
    while (*at != source)
        at = &(*at)->next;
    *at = source->next;
    return source;
}

static void put_first(struct token_source *source)
{
    source->next = table;
    table = source;
}

/* What nobody uses goes when its token has ended, and beyond `most`. */
static void forget_idle(size_t most)
{
    int64_t now_ms = clock_boottime_ms(NULL);
    size_t idle = 0;
    for (struct token_source *source = table, *next; source != NULL; source = next) {
        next = source->next;
        if (source->users == 0 && (++idle > most || !token_keeper_counts(&source->keeper, now_ms)))
            source_destroy(unlink_source(source));
    }
}

static struct token_source *find_or_make(const struct string_map *settings, struct mr_error **error)
{
    for (struct token_source *source = table; source != NULL; source = source->next) {
        if (string_map_equals(source->map, settings))
            return source;
    }
    struct token_source *source = source_create(settings, error);
    if (source != NULL)
        put_first(source);
    return source;
}

static void let_go(struct token_source *source)
{
    if (--source->users > 0)
        return;
    stop(source);
    put_first(unlink_source(source));
    forget_idle(SOURCES_IDLE_MAX);
}

/* ---- subscribers ---- */

static void add(struct token_source *source, struct token_subscription *subscription)
{
    mutex_lock(&source->lock);
    subscription->next = source->subscribers;
    source->subscribers = subscription;
    tell(subscription, clock_boottime_ms(NULL));
    mutex_unlock(&source->lock);
}

struct token_subscription *token_subscribe(const struct string_map *settings, const struct token_listener *listener, void *argument,
                                           struct mr_error **error)
{
    struct token_subscription *subscription = mem_calloc(1, sizeof *subscription);
    if (subscription == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a source of tokens");
        return NULL;
    }
    mutex_lock(&table_lock);
    struct token_source *source = find_or_make(settings, error);
    bool is_fine = source != NULL;
    if (is_fine) {
        *subscription = (struct token_subscription){NULL, source, listener, argument};
        source->users++;
        is_fine = source->has_thread || start(source, error);
        add(source, subscription);
    }
    mutex_unlock(&table_lock);
    if (is_fine)
        return subscription;
    if (source != NULL)
        token_unsubscribe(subscription);
    else
        mem_free(subscription);
    return NULL;
}

void token_unsubscribe(struct token_subscription *subscription)
{
    if (subscription == NULL)
        return;
    struct token_source *source = subscription->source;
    mutex_lock(&source->lock);
    struct token_subscription **at = &source->subscribers;
    while (*at != subscription)
        at = &(*at)->next;
    *at = subscription->next;
    mutex_unlock(&source->lock);
    mutex_lock(&table_lock);
    let_go(source);
    mutex_unlock(&table_lock);
    mem_free(subscription);
}

bool token_is_lacking(struct token_subscription *subscription)
{
    struct token_source *source = subscription->source;
    mutex_lock(&source->lock);
    bool lacks = !token_keeper_counts(&source->keeper, clock_boottime_ms(NULL)) && !source->keeper.is_hopeless;
    mutex_unlock(&source->lock);
    return lacks;
}

bool token_doubt(struct token_subscription *subscription)
{
    struct token_source *source = subscription->source;
    mutex_lock(&source->lock);
    bool is_renewed = token_keeper_doubt(&source->keeper, clock_boottime_ms(NULL));
    cond_broadcast(&source->changed);
    mutex_unlock(&source->lock);
    return is_renewed;
}

void token_sources_fetch_with(token_fetch_fn *fetch)
{
    fetch_with = fetch != NULL ? fetch : token_fetch;
}

void token_sources_forget(void)
{
    mutex_lock(&table_lock);
    forget_idle(0);
    mutex_unlock(&table_lock);
}
