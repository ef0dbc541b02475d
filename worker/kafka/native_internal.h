/*
 * native: librdkafka handles made from client configurations, and librdkafka's errors in our words.
 * For the files of this room; thread: any.
 */
#ifndef KAFKA_NATIVE_INTERNAL_H
#define KAFKA_NATIVE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>
#include <millrace/error.h>

#include "base/refcount.h"

struct client_config;
struct graveyard;

/* librdkafka's configuration with every setting of config, and our log front. NULL: error is set. */
rd_kafka_conf_t *native_conf_create(const struct client_config *config, struct mr_error **error);

/* One more setting over those; asserts that librdkafka knows it. */
void native_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value);

/* Opens a handle; *conf, which was made of config, is consumed in any case. From then on its credentials are kept up to date. NULL: MR_ERR_CONFIG with librdkafka's words (it checks certificates,
 * mechanisms and combinations only now). */
rd_kafka_t *native_open(const struct client_config *config, rd_kafka_type_t type, rd_kafka_conf_t **conf, struct mr_error **error);

/* What the code means for us; NO_ERROR asserts. */
enum mr_error_code native_error_code(rd_kafka_resp_err_t code);
bool native_error_is_retriable(rd_kafka_resp_err_t code);
/* The brokers refuse who we are, or we refuse them: what Java's AuthenticationException says. Nothing but other settings
 * helps. A connection that broke during the login is none of it, nor a token that has ended or will be replaced (native_token_internal.h;
 * rk NULL: there is none). `words` are librdkafka's. */
bool native_login_is_refused(rd_kafka_t *rk, rd_kafka_resp_err_t code, const char *words);
/* "format: librdkafka's words". Returns -1. */
int native_error_set(struct mr_error **error, rd_kafka_resp_err_t code, const char *format, ...) MR_PRINTF(3, 4);
/* From an error object, which is consumed; NULL is success: returns 0. */
int native_error_take(struct mr_error **error, rd_kafka_error_t *native, const char *what);

/* MR_ERR_TIMEOUT: "what: no answer from the brokers in time", with the last trouble that the handle had with a broker (refused
 * connections, failed logins), which is why as a rule. Returns -1. */
int native_silence_set(struct mr_error **error, rd_kafka_t *rk, const char *what);
/* Likewise MR_ERR_CONNECT, where what the handle last had trouble with is a refusal of its login or handshake. false: it is none. */
bool native_refusal_set(struct mr_error **error, const rd_kafka_t *rk, const char *what);
/* native_advice.c: which property mends what librdkafka's words tell of. NULL: not known. */
const char *native_advice(const char *words);
/* Only other settings, or other brokers, help. */
bool native_words_refuse(const char *words);
/* Destroys the handle and the notes that it has. Nothing of a consumer is closed here: who wanted that has begun it, and it
 * could block. */
void native_destroy(rd_kafka_t *rk);

/* Milliseconds until the deadline, at least 0, at most `most`. */
int native_timeout_ms(int64_t deadline_ms, int most);

/* Members of its group give and take single partitions. */
bool native_is_cooperative(rd_kafka_t *rk);
/* The answer to a rebalance event of a consumer that is on its way out; other events are passed over. */
void native_rebalance_decline(rd_kafka_t *rk, rd_kafka_event_t *event);

/*
 * A handle with owners: whoever opened it, and every batch of messages that is not yet dropped. When the last one drops,
 * the graveyard destroys it. Without a graveyard the last dropper does (tests, short-lived handles).
 */
struct native_handle {
    struct refcount refcount;
    rd_kafka_t *rk;
    struct graveyard *graveyard;
    struct native_handle *next;          /* in the graveyard's queue */
    rd_kafka_queue_t *closing_queue;     /* a consumer whose close was not over in time: served until it is; else NULL */
    /* What its interceptors use, dropped once it has been destroyed: they are called until then, and on_destroy comes too
     * early. NULL: nothing. */
    void *hooked;
    void (*drop_hooked)(void *hooked);
};

/* Destroys rk, then drops what is hooked; frees the handle. */
void native_handle_end(struct native_handle *handle);
/* NULL: no memory, rk stays the caller's. */
struct native_handle *native_handle_create(rd_kafka_t *rk, struct graveyard *graveyard);
struct native_handle *native_handle_take(struct native_handle *handle);
void native_handle_drop(struct native_handle *handle);

#endif
