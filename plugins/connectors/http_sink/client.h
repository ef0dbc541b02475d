/* client: requests to the target, many at once over connections that are kept (libcurl multi).
 *
 * The caller starts transfers, steps, and takes those that have ended; a transfer's slot is free again when it is dropped. Nothing
 * here decides what an answer means.
 *
 * Limits: settings->connections_max transfers, and one for a token; answers as answer.h says.
 * Thread: the task's; http_client_interrupt from any, between open and close. */
#ifndef HTTP_SINK_CLIENT_H
#define HTTP_SINK_CLIENT_H

#include "answer.h"

struct curl_slist;

struct transfer {
    void *easy; /* CURL */
    struct http_client *client;
    struct answer answer;
    struct curl_slist *headers; /* of this one alone */
    bool is_running, is_done;
    void *owner; /* the caller's */
};

struct http_call {
    const char *method, *url;
    struct mr_bytes body; /* stays the caller's, until the transfer has ended */
    bool has_body;
    char *const *header_lines; /* besides those that all have; copied */
    size_t header_count;
    const char *authorization; /* a whole header line; NULL: none of this call's own */
    size_t body_most;          /* how much of the answer's is kept; 0: ANSWER_BODY_KEPT */
    bool is_to_target;         /* with the settings' own headers and credentials; else to the token endpoint */
    void *owner;
};

struct http_client;

/* NULL: MR_ERR_CONFIG: a certificate, key or trust store that cannot be read. */
struct http_client *http_client_open(const struct http_settings *settings, struct mr_error **error);
void http_client_close(struct http_client *client); /* NULL is fine; ends all transfers */

size_t http_client_free(const struct http_client *client); /* how many calls to the target may be started */
/* NULL: no slot is free, or no memory (MR_ERR_NO_MEMORY). */
struct transfer *http_client_start(struct http_client *client, const struct http_call *call, struct mr_error **error);
/* Moves all on, without waiting. */
void http_client_step(struct http_client *client);
/* Until something can be moved on, or http_client_interrupt, at most wait_ms. */
void http_client_wait(struct http_client *client, int wait_ms);
/* One that has ended and was not taken before; NULL: none. */
struct transfer *http_client_take(struct http_client *client);
/* Ends the transfer if it runs; its slot is free. */
void transfer_drop(struct transfer *transfer);
void http_client_drop_all(struct http_client *client);
/* Ends a wait, or the next one. Thread: any. */
void http_client_interrupt(struct http_client *client);

/* client_tls.c: the certificates of `tls` for one easy handle, after client_tls_open has read what libcurl cannot. */
struct client_tls {
    char *trust_pem; /* malloc: out of a PKCS#12 or JKS trust store; NULL: libcurl reads the file */
    size_t trust_size;
    const char *key_kind; /* "PEM", "P12"; NULL: none */
};
int client_tls_open(struct client_tls *files, const struct http_tls *tls, struct mr_error **error);
void client_tls_close(struct client_tls *files);
/* 0 or -1: an option that this libcurl refuses. */
int client_tls_set(const struct client_tls *files, const struct http_tls *tls, void *easy);

#endif
