/* native_token.c: see the header. */
#include "kafka/native_token_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "identity/token_source.h"
#include "kafka/client_config.h"
#include "kafka/credentials_internal.h"
#include "kafka/native_notes_internal.h"

#include "base/bans.h"

#define LOGGER "kafka.client"

/* A source that tells the handle tokens. */
struct side {
    struct native_token *token;
    struct token_subscription *subscription;
    _Atomic bool is_on_trial, has_worked;
    pthread_mutex_t lock; /* taken last */
    char words[NATIVE_TOKEN_WORDS_MAX]; /* lock; why it gives none; "": it does, or nothing is known */
};

struct native_token {
    rd_kafka_t *rk;
    struct native_notes *notes;
    const char **extensions; /* name, value, … */
    size_t extension_texts;
    pthread_mutex_t lock; /* taken before a source's */
    struct side *present; /* lock */
    struct side *next;    /* on trial; NULL: none. thread: _replace, _look */
};

void native_token_prepare(rd_kafka_conf_t *conf, const struct client_config *config)
{
    if (client_config_token(config) != NULL)
        rd_kafka_conf_enable_sasl_queue(conf, 1);
}

/* ---- what the source says; thread: the source's, or who opens ---- */

static void side_say(struct side *side, const char *words)
{
    mutex_lock(&side->lock);
    snprintf(side->words, sizeof side->words, "%s", words);
    mutex_unlock(&side->lock);
}

/* librdkafka counts by the wall clock, as far as it counts at all. */
static void on_token(void *argument, const struct token *said, int64_t left_ms)
{
    struct side *side = argument;
    struct native_token *token = side->token;
    char why[256];
    side_say(side, "");
    if (rd_kafka_oauthbearer_set_token(token->rk, said->text, clock_wall_ms(NULL) + left_ms, said->principal, token->extensions,
                                       token->extension_texts, why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_error(LOGGER, "%s: librdkafka does not take the token of the OAUTHBEARER login", rd_kafka_name(token->rk));
    else
        atomic_store(&side->has_worked, true);
}

/* What may pass is no reason to end anything: brokers are waited for, and whoever gives up waiting tells what the trouble was. Nor is a
 * trial that fails: the former token counts. */
static void on_failure(void *argument, const struct token_failure *failure)
{
    struct side *side = argument;
    side_say(side, failure->words);
    if (atomic_load(&side->is_on_trial))
        return;
    native_notes_put_trouble(side->token->notes, failure->words);
    if (failure->is_hopeless)
        rd_kafka_oauthbearer_set_token_failure(side->token->rk, failure->words);
}

static const struct token_listener listener = {.on_token = on_token, .on_failure = on_failure};

/* ---- life ---- */

static void side_close(struct side *side)
{
    if (side == NULL)
        return;
    token_unsubscribe(side->subscription);
    mutex_destroy(&side->lock);
    mem_free(side);
}

static struct side *side_open(struct native_token *token, const struct string_map *settings, bool is_on_trial, struct mr_error **error)
{
    struct side *side = mem_calloc(1, sizeof *side);
    if (side == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a Kafka client");
        return NULL;
    }
    mutex_init(&side->lock);
    side->token = token;
    atomic_init(&side->is_on_trial, is_on_trial);
    side->subscription = token_subscribe(settings, &listener, side, error);
    if (side->subscription != NULL)
        return side;
    side_close(side);
    return NULL;
}

static void token_free(struct native_token *token)
{
    mutex_destroy(&token->lock);
    for (size_t i = 0; token->extensions != NULL && i < token->extension_texts; i++)
        mem_free((char *)(uintptr_t)token->extensions[i]);
    mem_free(token->extensions);
    mem_free(token);
}

static bool copy_extensions(struct native_token *token, const struct string_map *map)
{
    size_t count = string_map_count(map);
    token->extensions = mem_calloc(2 * count + 1, sizeof *token->extensions);
    if (token->extensions == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *texts[] = {string_map_key(map, i), string_map_value(map, i)};
        for (size_t k = 0; k < 2; k++) {
            if ((token->extensions[token->extension_texts] = mem_strdup(texts[k])) == NULL)
                return false;
            token->extension_texts++;
        }
    }
    return true;
}

/* What counts for clients that were opened with the same properties may be newer than they are. */
static struct side *open_present(struct native_token *token, const struct client_config *config, struct mr_error **error)
{
    struct client_config *newer = credentials_in_force(config);
    const struct string_map *settings = newer == NULL ? NULL : client_config_token(newer);
    struct side *side = side_open(token, settings != NULL ? settings : client_config_token(config), false, error);
    client_config_drop(newer);
    return side;
}

struct native_token *native_token_open(rd_kafka_t *rk, const struct client_config *config, struct native_notes *notes, bool *failed,
                                       struct mr_error **error)
{
    *failed = false;
    if (client_config_token(config) == NULL)
        return NULL;
    struct native_token *token = mem_calloc(1, sizeof *token);
    if (token == NULL) {
        *failed = true;
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a Kafka client");
        return NULL;
    }
    mutex_init(&token->lock);
    token->rk = rk;
    token->notes = notes;
    if (!copy_extensions(token, client_config_extensions(config)))
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a Kafka client");
    else
        token->present = open_present(token, config, error);
    if (token->present != NULL)
        return token;
    token_free(token);
    *failed = true;
    return NULL;
}

void native_token_close(struct native_token *token)
{
    if (token == NULL)
        return;
    side_close(token->next);
    side_close(token->present);
    token_free(token);
}

/* ---- settings that are new ---- */

int native_token_replace(struct native_token *token, const struct string_map *settings, struct mr_error **error)
{
    if (token == NULL)
        return 0;
    struct side *next = side_open(token, settings, true, error);
    if (next == NULL)
        return -1;
    side_close(token->next);
    token->next = next;
    return 0;
}

static void end_trial(struct native_token *token)
{
    struct side *former = token->present;
    atomic_store(&token->next->is_on_trial, false);
    mutex_lock(&token->lock);
    token->present = token->next;
    mutex_unlock(&token->lock);
    token->next = NULL;
    side_close(former);
}

enum native_token_trial native_token_look(struct native_token *token, char words[NATIVE_TOKEN_WORDS_MAX])
{
    words[0] = '\0';
    if (token == NULL || token->next == NULL)
        return NATIVE_TOKEN_NO_TRIAL;
    if (atomic_load(&token->next->has_worked)) {
        end_trial(token);
        return NATIVE_TOKEN_WORKS;
    }
    mutex_lock(&token->next->lock);
    snprintf(words, NATIVE_TOKEN_WORDS_MAX, "%s", token->next->words);
    mutex_unlock(&token->next->lock);
    return words[0] != '\0' ? NATIVE_TOKEN_FAILS : NATIVE_TOKEN_ON_TRIAL;
}

bool native_token_may_recover(struct native_token *token)
{
    if (token == NULL)
        return false;
    mutex_lock(&token->lock);
    struct token_subscription *subscription = token->present->subscription;
    bool may = token_is_lacking(subscription) || token_doubt(subscription);
    mutex_unlock(&token->lock);
    return may;
}

bool native_token_is_hopeless(struct native_token *token)
{
    if (token == NULL)
        return false;
    mutex_lock(&token->lock);
    bool is_hopeless = token_is_hopeless(token->present->subscription);
    mutex_unlock(&token->lock);
    return is_hopeless;
}
