/* native.c: see the header. */
#include "kafka/native_internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "kafka/client_config_internal.h"
#include "kafka/credentials_internal.h"
#include "kafka/native_notes_internal.h"
#include "kafka/native_token_internal.h"

#include "base/bans.h"

/* librdkafka's syslog levels. Broken connections are level 3 there; they heal by themselves, so they are warnings here.
 * CONFWARN is about settings that we chose or warned about ourselves; ERROR repeats what FAIL or an event says. */
static enum log_level level_of(int level, const char *facility)
{
    static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_ERROR, LOG_LEVEL_ERROR, LOG_LEVEL_WARN,
                                            LOG_LEVEL_WARN,  LOG_LEVEL_INFO,  LOG_LEVEL_DEBUG, LOG_LEVEL_TRACE};
    if (strcmp(facility, "CONFWARN") == 0 || strcmp(facility, "ERROR") == 0)
        return LOG_LEVEL_DEBUG;
    return level >= 0 && level < 8 ? levels[level] : LOG_LEVEL_WARN;
}

static void write_line(struct logger *logger, enum log_level level, const char *name, const char *facility, const char *words,
                       uint32_t merged)
{
    if (merged > 0)
        logger_write(logger, level, "%s: %s: %s (%u more of this kind since it was last logged)", name, facility, words,
                     (unsigned)merged);
    else
        logger_write(logger, level, "%s: %s: %s", name, facility, words);
}

/* thread: librdkafka's own. */
static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *words)
{
    static struct logger *_Atomic place;
    struct logger *logger = log_place_find(&place, "kafka.librdkafka");
    enum log_level ours = level_of(level, facility);
    struct native_notes *notes = rk != NULL ? rd_kafka_opaque(rk) : NULL;
    uint32_t merged = 0;
    if (notes != NULL && strcmp(facility, "FAIL") == 0)
        native_notes_put_trouble(notes, words);
    if (!logger_enabled(logger, ours) ||
        (ours <= LOG_LEVEL_WARN && !native_notes_may_log(notes, words, clock_monotonic_ms(NULL), &merged)))
        return;
    const char *name = rk != NULL ? rd_kafka_name(rk) : "client";
    int task;
    const char *connector = native_notes_owner(notes, &task);
    struct log_context context;
    if (connector != NULL)
        log_context_push(&context, connector, task);
    write_line(logger, ours, name, facility, words, merged);
    if (connector != NULL)
        log_context_pop(&context);
}

void native_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char words[256];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, words, sizeof words);
    assert(result == RD_KAFKA_CONF_OK);
    (void)result;
}

rd_kafka_conf_t *native_conf_create(const struct client_config *config, struct mr_error **error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char words[512];
    for (size_t i = 0; i < string_map_count(config->native); i++) {
        const char *name = string_map_key(config->native, i);
        if (rd_kafka_conf_set(conf, name, string_map_value(config->native, i), words, sizeof words) !=
            RD_KAFKA_CONF_OK) {
            /* Each was tried alone at translation; the words may repeat the value, so they are left out. */
            mr_error_set(error, MR_ERR_CONFIG, "librdkafka refuses the value of %s", name);
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    rd_kafka_conf_set_log_cb(conf, log_line);
    native_token_prepare(conf, config);
    return conf;
}

/* Without notes nobody would find it again. */
static bool open_token(rd_kafka_t *rk, const struct client_config *config, struct native_notes *notes, struct mr_error **error)
{
    bool failed;
    if (client_config_token(config) != NULL && notes == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a Kafka client");
        return false;
    }
    struct native_token *token = native_token_open(rk, config, notes, &failed, error);
    if (token != NULL)
        native_notes_put_token(notes, token);
    return !failed;
}

rd_kafka_t *native_open(const struct client_config *config, rd_kafka_type_t type, rd_kafka_conf_t **conf, struct mr_error **error)
{
    char words[512];
    struct native_notes *notes = native_notes_create();   /* without memory there are none */
    if (type == RD_KAFKA_CONSUMER) /* producers are shared */
        native_notes_note_owner(notes);
    struct credentials_client *credentials = notes != NULL ? credentials_client_prepare(config, *conf) : NULL;
    native_notes_keep_credentials(notes, credentials);
    rd_kafka_conf_set_opaque(*conf, notes);
    rd_kafka_t *rk = rd_kafka_new(type, *conf, words, sizeof words);
    credentials_client_opened(credentials, rk, config);
    if (rk == NULL) {
        rd_kafka_conf_destroy(*conf);
        native_notes_destroy(notes);
        mr_error_set(error, MR_ERR_CONFIG, "The Kafka client cannot be opened: %s", words);
    } else if (!open_token(rk, config, notes, error)) {
        native_destroy(rk);
        rk = NULL;
    }
    *conf = NULL;
    if (rk != NULL && credentials_client_is_unbound(credentials)) {
        native_destroy(rk);
        mr_error_set(error, MR_ERR_CONFIG, "ssl.enabled.protocols cannot be enforced with this librdkafka, which has an OpenSSL of its own: "
                     "name TLSv1.2 and TLSv1.3, or forbid one at the brokers");
        return NULL;
    }
    return rk;
}

void native_destroy(rd_kafka_t *rk)
{
    struct native_notes *notes = rd_kafka_opaque(rk);
    struct credentials_client *credentials = native_notes_credentials(notes);
    credentials_client_leave(credentials); /* nobody gives it other tokens any more */
    native_token_close(native_notes_token(notes));
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    credentials_client_free(credentials); /* handshakes and log lines come until then */
    native_notes_destroy(notes);
}

/* ---- rebalances ---- */

bool native_is_cooperative(rd_kafka_t *rk)
{
    const char *protocol = rd_kafka_rebalance_protocol(rk);
    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

/* An assignment must be answered by an assignment: librdkafka takes its withdrawal (assign NULL) for no answer, puts off
 * unsubscribing until one comes, and never leaves the group. A cooperative member has to take what it will have to give. */
static void decline_assignment(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
    if (native_is_cooperative(rk)) {
        rd_kafka_error_destroy(rd_kafka_incremental_assign(rk, list));
        return;
    }
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
    rd_kafka_assign(rk, none);
    rd_kafka_topic_partition_list_destroy(none);
}

void native_rebalance_decline(rd_kafka_t *rk, rd_kafka_event_t *event)
{
    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_REBALANCE)
        return;
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        decline_assignment(rk, list);
    else if (native_is_cooperative(rk))
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(rk, list));
    else
        rd_kafka_assign(rk, NULL);
}

/* ---- errors ---- */

static const struct {
    rd_kafka_resp_err_t code;
    enum mr_error_code means;
} meanings[] = {
    {RD_KAFKA_RESP_ERR__TIMED_OUT, MR_ERR_TIMEOUT},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, MR_ERR_TIMEOUT},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, MR_ERR_TIMEOUT},
    {RD_KAFKA_RESP_ERR__TRANSPORT, MR_ERR_TIMEOUT},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, MR_ERR_TIMEOUT},
    {RD_KAFKA_RESP_ERR__WAIT_COORD, MR_ERR_TIMEOUT},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, MR_ERR_TIMEOUT},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, MR_ERR_NOT_FOUND},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, MR_ERR_NOT_FOUND},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, MR_ERR_NOT_FOUND},
    {RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, MR_ERR_NOT_FOUND},
    {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, MR_ERR_CONFLICT},
    {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, MR_ERR_CONFLICT},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, MR_ERR_CONFLICT},
    {RD_KAFKA_RESP_ERR__FENCED, MR_ERR_CONFLICT},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, MR_ERR_CONFLICT},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, MR_ERR_CONFLICT},
    {RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP, MR_ERR_CONFLICT},
    {RD_KAFKA_RESP_ERR_GROUP_SUBSCRIBED_TO_TOPIC, MR_ERR_CONFLICT},
    {RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, MR_ERR_CONFLICT},
    {RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, MR_ERR_RETRIABLE},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, MR_ERR_DATA},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, MR_ERR_DATA},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, MR_ERR_NOT_SUPPORTED},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, MR_ERR_NOT_SUPPORTED},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, MR_ERR_CONFIG}, /* no name for a topic */
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, MR_ERR_CONFIG},
};

/* Kafka's own "may work later" (Java's RetriableException), but for those above. */
bool native_error_is_retriable(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return true;
    default:
        return false;
    }
}

static bool is_refusal(rd_kafka_resp_err_t code, const char *words)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:   /* "… handshake failed: Local: Broker transport failure …" */
        return strstr(words, ": Local: ") == NULL && strstr(words, "Disconnected") == NULL;
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
        return true;
    case RD_KAFKA_RESP_ERR__SSL:
        return strstr(words, "certificate verify failed") != NULL || strstr(words, " alert ") != NULL;
    default:
        return false;
    }
}

bool native_login_is_refused(rd_kafka_t *rk, rd_kafka_resp_err_t code, const char *words)
{
    if (!is_refusal(code, words))
        return false;
    return rk == NULL || code == RD_KAFKA_RESP_ERR__SSL || !native_token_may_recover(native_notes_token(rd_kafka_opaque(rk)));
}

enum mr_error_code native_error_code(rd_kafka_resp_err_t code)
{
    assert(code != RD_KAFKA_RESP_ERR_NO_ERROR);
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (meanings[i].code == code)
            return meanings[i].means;
    }
    return native_error_is_retriable(code) ? MR_ERR_RETRIABLE : MR_ERR_CONNECT;
}

int native_error_set(struct mr_error **error, rd_kafka_resp_err_t code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return mr_error_set(error, native_error_code(code), "%s: %s", text, rd_kafka_err2str(code));
}

int native_error_take(struct mr_error **error, rd_kafka_error_t *native, const char *what)
{
    if (native == NULL)
        return 0;
    mr_error_set(error, native_error_code(rd_kafka_error_code(native)), "%s: %s", what, rd_kafka_error_string(native));
    rd_kafka_error_destroy(native);
    return -1;
}

static bool has_heard_of_brokers(rd_kafka_t *rk)
{
    char *cluster_id = rd_kafka_clusterid(rk, 0);
    rd_kafka_mem_free(rk, cluster_id);
    return cluster_id != NULL;
}

/* A listener with TLS takes a question without it for the beginning of a long record and waits for the rest: nobody says what is wrong. */
static const char *silence_advice(rd_kafka_t *rk)
{
    char protocol[32] = "";
    size_t size = sizeof protocol;
    if (rd_kafka_conf_get(rd_kafka_conf(rk), "security.protocol", protocol, &size) != RD_KAFKA_CONF_OK || has_heard_of_brokers(rk))
        return NULL;
    return strcasecmp(protocol, "sasl_plaintext") == 0
               ? "security.protocol is SASL_PLAINTEXT: if this port of the brokers speaks TLS, set SASL_SSL"
           : strcasecmp(protocol, "plaintext") == 0
               ? "security.protocol is PLAINTEXT: if this port of the brokers speaks TLS, set SSL or SASL_SSL"
               : NULL;
}

int native_silence_set(struct mr_error **error, rd_kafka_t *rk, const char *what)
{
    char trouble[NOTES_WORDS_MAX];
    native_notes_trouble(rd_kafka_opaque(rk), trouble, sizeof trouble);
    const char *advice = *trouble != '\0' ? native_advice(trouble) : silence_advice(rk);
    return mr_error_set(error, MR_ERR_TIMEOUT, "%s: no answer from the brokers in time%s%s%s%s", what,
                        *trouble != '\0' ? "; " : "", trouble, advice != NULL ? ". " : "", advice != NULL ? advice : "");
}

bool native_refusal_set(struct mr_error **error, const rd_kafka_t *rk, const char *what)
{
    char trouble[NOTES_WORDS_MAX];
    struct native_token *token = native_notes_token(rd_kafka_opaque(rk));
    native_notes_trouble(rd_kafka_opaque(rk), trouble, sizeof trouble);
    if (native_token_is_hopeless(token)) {
        mr_error_set(error, MR_ERR_CONNECT, "%s: there is no token for the login: %s", what, trouble);
        return true;
    }
    if (!native_words_refuse(trouble) || native_token_may_recover(token))
        return false;
    mr_error_set(error, MR_ERR_CONNECT, "%s: %s. %s", what, trouble, native_advice(trouble));
    return true;
}

int native_timeout_ms(int64_t deadline_ms, int most)
{
    if (deadline_ms == DEADLINE_NEVER)
        return most;
    int64_t left_ms = deadline_ms - clock_monotonic_ms(NULL);
    return left_ms < 0 ? 0 : left_ms > most ? most : (int)left_ms;
}
