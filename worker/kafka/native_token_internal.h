/*
 * native_token: the tokens of a handle that logs in by SASL OAUTHBEARER: those of a source (identity/token_source.h), handed to librdkafka
 * as they come.
 *
 * Handles wait for their first token before they connect. librdkafka asks for the next by an event that nobody reads (its SASL queue):
 * the source comes sooner, for all handles at once, and without a thread for each.
 *
 * Settings that are new (a client secret that was replaced) come from another source, on trial: what it gives is handed on, what it fails
 * at is only told, and the former source stays until the new one has given a token.
 * thread: any; _replace and _look one at a time, and not during _close. locks: those of the sources.
 */
#ifndef KAFKA_NATIVE_TOKEN_INTERNAL_H
#define KAFKA_NATIVE_TOKEN_INTERNAL_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>
#include <millrace/error.h>

struct client_config;
struct native_notes;
struct native_token;
struct string_map;

/* Before the handle is opened. */
void native_token_prepare(rd_kafka_conf_t *conf, const struct client_config *config);

/* NULL: the configuration logs in otherwise, or *failed: the error is set. notes: where troubles are kept, may be NULL; outlive it. */
struct native_token *native_token_open(rd_kafka_t *rk, const struct client_config *config, struct native_notes *notes, bool *failed,
                                       struct mr_error **error);
/* Tokens of these settings (client_config_token) from now on, on trial at first. NULL is fine: there is no login by tokens. -1: as _open. */
int native_token_replace(struct native_token *token, const struct string_map *settings, struct mr_error **error);
/* How the trial goes; one that has worked is over by that. words (NATIVE_TOKEN_WORDS_MAX): why the new source gives no token, "": not known. */
enum native_token_trial { NATIVE_TOKEN_NO_TRIAL, NATIVE_TOKEN_ON_TRIAL, NATIVE_TOKEN_WORKS, NATIVE_TOKEN_FAILS };
#define NATIVE_TOKEN_WORDS_MAX 512
enum native_token_trial native_token_look(struct native_token *token, char words[NATIVE_TOKEN_WORDS_MAX]);

/* Before the handle is destroyed. NULL is fine. */
void native_token_close(struct native_token *token);

/* A broker has refused a login, or there was no token for it. true: the next may go better: there is no token now, or another one is
 * asked for. NULL: false. */
bool native_token_may_recover(struct native_token *token);

/* There is no token, and there will be none until somebody changes settings. NULL: false. */
bool native_token_is_hopeless(struct native_token *token);

#endif
