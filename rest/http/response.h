/*
 * response: an answer being put together. Embedded: _init → fill → http_exchange_answer (which takes what it holds) or
 * _release. One thread at a time.
 *
 * When memory runs out, or the body grows beyond HTTP_RESPONSE_BODY_MAX, the answer becomes a 500 that says so: whoever
 * fills it need not look.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str_buffer.h"

#define HTTP_RESPONSE_BODY_MAX (64u << 20)
#define HTTP_RESPONSE_HEADERS_MAX 32 /* room for 16 rules of response.http.headers.config beside our own */

enum http_content { HTTP_CONTENT_NONE, HTTP_CONTENT_JSON, HTTP_CONTENT_TEXT, HTTP_CONTENT_HTML };

struct http_response_header {
    const char *name; /* outlives the response: a literal as a rule */
    char *value;
};

/* A body that is made while it is sent, in pieces, so that it is never held as a whole. */
struct http_stream {
    /* Appends the next piece; *is_over: the last one. false: the rest cannot be made, the connection breaks. thread: HTTP, one at a time.
     * Must not wait. */
    bool (*next)(void *argument, struct str_buffer *piece, bool *is_over);
    void (*end)(void *argument);
    void *argument;
};

struct http_response {
    int status;
    enum http_content content;
    struct str_buffer body;
    struct http_stream stream; /* what follows the body; next NULL: nothing */
    struct http_response_header headers[HTTP_RESPONSE_HEADERS_MAX];
    size_t header_count;
    bool failed; /* a header could not be kept */
};

void http_response_init(struct http_response *response, int status, enum http_content content);
void http_response_release(struct http_response *response);

/* Takes the stream over. */
void http_response_set_stream(struct http_response *response, const struct http_stream *stream);

/* Free of control characters. */
bool http_header_value_is_fine(const char *value);
/* A token (RFC 9110, section 5.6.2). */
bool http_header_name_is_fine(const char *name);
/* It says where an answer ends, or its connection: the server's to set. */
bool http_header_is_framing(const char *name);
/* `name` is a literal, or outlives the response; the value is copied. A value with control characters is a failure. */
void http_response_add_header(struct http_response *response, const char *name, const char *value);

/* The reason phrase: "Not Found"; "" for a status unknown here. */
const char *http_status_words(int status);

/* Answers of this room itself; the response is one without a body before. `words` are plain ASCII without quotes. */
void http_response_set_error(struct http_response *response, int status,
                             const char *words);                            /* {"error_code","message"} */
void http_response_set_refusal(struct http_response *response, int status); /* the same, words "HTTP 404 Not Found" */
void http_response_set_page(struct http_response *response, int status, const char *words); /* HTML */

#endif
