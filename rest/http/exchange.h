/*
 * exchange: one request and its one answer.
 *
 * The server gives it to a handler (router.h); the handler, or whoever it hands the exchange on to, calls
 * http_exchange_answer exactly once, now or later, from any thread. Until then the connection sleeps and costs no
 * thread. An exchange that nobody answered by its deadline is answered by the server; the late answer is then dropped.
 * The same goes for a client that has left and for a server that has stopped: answering is always allowed.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <stdbool.h>

struct http_exchange;
struct http_request;
struct http_response;

/* Valid until the caller answers, whoever else has answered before, and as long as somebody holds the exchange. */
const struct http_request *http_exchange_request(const struct http_exchange *exchange);

/* Who asks, as whoever checked it sees them (void: this room knows no identities). Noted before the handler runs, by one thread at a
 * time; a second call ends the first caller. `destroy` is called when the exchange ends. NULL: nobody was noted. */
void http_exchange_set_caller(struct http_exchange *exchange, void *caller, void (*destroy)(void *caller));
void *http_exchange_caller(const struct http_exchange *exchange);

/* Names the request, for those who pass it on. Before the handler runs. */
void http_exchange_set_id(struct http_exchange *exchange, const char *id);

/* Told once, of the status of the answer that counts, whoever gives it: the handler, the server's deadline or its stop.
 * thread: any. No lock held. Must not wait. */
typedef void http_answered_fn(void *argument, const struct http_exchange *exchange, int status);
/* One watcher per exchange, set before the handler runs; `argument` lives until it was told: at once, where there is an answer already
 * (the server has stopped, or its deadline has passed). */
void http_exchange_watch(struct http_exchange *exchange, http_answered_fn *answered, void *argument);

/* A header for the answer that counts, whoever gives it; both texts are copied. Ignored once there is an answer, beyond
 * HTTP_NOTED_HEADERS_MAX and without memory. The name is fine (response.h). thread: any. */
#define HTTP_NOTED_HEADERS_MAX 8
void http_exchange_note_header(struct http_exchange *exchange, const char *name, const char *value);

/* Was it answered while its holder did something else, by the server's deadline or stop? What was not begun then need not be begun. */
bool http_exchange_is_answered(struct http_exchange *exchange);

/* One more hold, for whoever reads the request beyond the answer. thread: any. */
void http_exchange_take(struct http_exchange *exchange);
void http_exchange_drop(struct http_exchange *exchange);

/* Takes what the response holds (it needs no release then) and ends the caller's hold on the exchange.
 * thread: any. locks: takes its own; must not be called while holding a lock that a handler takes. Does not wait. */
void http_exchange_answer(struct http_exchange *exchange, struct http_response *response);

#endif
