/*
 * native_token: the tokens of a handle that logs in by SASL OAUTHBEARER: those of a source (identity/token_source.h), handed to librdkafka
 * as they come.
 *
 * Handles wait for their first token before they connect. librdkafka asks for the next by an event that nobody reads (its SASL queue):
 * the source comes sooner, for all handles at once, and without a thread for each.
 * thread: any. locks: those of the source.
 */
#ifndef KAFKA_NATIVE_TOKEN_INTERNAL_H
#define KAFKA_NATIVE_TOKEN_INTERNAL_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>
#include <millrace/error.h>

struct client_config;
struct native_notes;
struct native_token;

/* Before the handle is opened. */
void native_token_prepare(rd_kafka_conf_t *conf, const struct client_config *config);

/* NULL: the configuration logs in otherwise, or *failed: the error is set. notes: where troubles are kept, may be NULL; outlive it. */
struct native_token *native_token_open(rd_kafka_t *rk, const struct client_config *config, struct native_notes *notes, bool *failed,
                                       struct mr_error **error);
/* Before the handle is destroyed. NULL is fine. */
void native_token_close(struct native_token *token);

/* A broker has refused a login, or there was no token for it. true: the next may go better: there is no token now, or another one is
 * asked for. NULL: false. */
bool native_token_may_recover(struct native_token *token);

#endif
