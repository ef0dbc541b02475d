/* native_token.c: see the header. */
#include "kafka/native_token_internal.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "identity/token_source.h"
#include "kafka/client_config.h"
#include "kafka/native_notes_internal.h"

#include "base/bans.h"

#define LOGGER "kafka.client"

struct native_token {
    rd_kafka_t *rk;
    struct native_notes *notes;
    const char **extensions; /* name, value, … */
    size_t extension_texts;
    struct token_subscription *subscription;
};

void native_token_prepare(rd_kafka_conf_t *conf, const struct client_config *config)
{
    if (client_config_token(config) != NULL)
        rd_kafka_conf_enable_sasl_queue(conf, 1);
}

/* ---- what the source says; thread: the source's, or who opens ---- */

/* librdkafka counts by the wall clock, as far as it counts at all. */
static void on_token(void *argument, const struct token *said, int64_t left_ms)
{
    struct native_token *token = argument;
    char why[256];
    if (rd_kafka_oauthbearer_set_token(token->rk, said->text, clock_wall_ms(NULL) + left_ms, said->principal, token->extensions,
                                       token->extension_texts, why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_error(LOGGER, "%s: librdkafka does not take the token of the OAUTHBEARER login", rd_kafka_name(token->rk));
}

/* What may pass is no reason to end anything: brokers are waited for, and whoever gives up waiting tells what the trouble was. */
static void on_failure(void *argument, const struct token_failure *failure)
{
    struct native_token *token = argument;
    native_notes_put_trouble(token->notes, failure->words);
    if (failure->is_hopeless)
        rd_kafka_oauthbearer_set_token_failure(token->rk, failure->words);
}

static const struct token_listener listener = {.on_token = on_token, .on_failure = on_failure};

/* ---- life ---- */

static void token_free(struct native_token *token)
{
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

struct native_token *native_token_open(rd_kafka_t *rk, const struct client_config *config, struct native_notes *notes, bool *failed,
                                       struct mr_error **error)
{
    *failed = false;
    if (client_config_token(config) == NULL)
        return NULL;
    struct native_token *token = mem_calloc(1, sizeof *token);
    if (token != NULL && copy_extensions(token, client_config_extensions(config))) {
        token->rk = rk;
        token->notes = notes;
        token->subscription = token_subscribe(client_config_token(config), &listener, token, error);
        if (token->subscription != NULL)
            return token;
    } else {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a Kafka client");
    }
    if (token != NULL)
        token_free(token);
    *failed = true;
    return NULL;
}

void native_token_close(struct native_token *token)
{
    if (token == NULL)
        return;
    token_unsubscribe(token->subscription);
    token_free(token);
}

bool native_token_may_recover(struct native_token *token)
{
    return token != NULL && (token_is_lacking(token->subscription) || token_doubt(token->subscription));
}
