#include "http/response.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#include "base/bans.h"

void http_response_init(struct http_response *response, int status, enum http_content content)
{
    *response = (struct http_response){.status = status, .content = content};
    str_buffer_init(&response->body, HTTP_RESPONSE_BODY_MAX);
}

void http_response_release(struct http_response *response)
{
    str_buffer_release(&response->body);
    if (response->stream.next != NULL)
        response->stream.end(response->stream.argument);
    response->stream = (struct http_stream){NULL, NULL, NULL};
    for (size_t i = 0; i < response->header_count; i++)
        mem_free(response->headers[i].value);
    response->header_count = 0;
}

void http_response_set_stream(struct http_response *response, const struct http_stream *stream)
{
    response->stream = *stream;
}

bool http_header_value_is_fine(const char *value)
{
    for (; *value != '\0'; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7f)
            return false;
    return true;
}

bool http_header_name_is_fine(const char *name)
{
    if (*name == '\0')
        return false;
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && strchr("!#$%&'*+-.^_`|~", *name) == NULL)
            return false;
    return true;
}

bool http_header_is_framing(const char *name)
{
    static const char *const NAMES[] = {"Connection", "Content-Length", "Keep-Alive", "Trailer", "Transfer-Encoding", "Upgrade"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (strcasecmp(NAMES[i], name) == 0)
            return true;
    return false;
}

void http_response_add_header(struct http_response *response, const char *name, const char *value)
{
    assert(response->header_count < HTTP_RESPONSE_HEADERS_MAX);
    char *copy = value == NULL || !http_header_value_is_fine(value) ? NULL : mem_strdup(value);
    if (copy == NULL || response->header_count == HTTP_RESPONSE_HEADERS_MAX) {
        mem_free(copy);
        response->failed = true;
        return;
    }
    response->headers[response->header_count++] = (struct http_response_header){name, copy};
}

const char *http_status_words(int status)
{
    static const struct {
        int status;
        const char *words;
    } WORDS[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Payload Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
        if (WORDS[i].status == status)
            return WORDS[i].words;
    return "";
}

void http_response_set_error(struct http_response *response, int status, const char *words)
{
    response->status = status;
    response->content = HTTP_CONTENT_JSON;
    str_buffer_clear(&response->body);
    str_buffer_printf(&response->body, "{\"error_code\":%d,\"message\":\"%s\"}", status, words);
}

void http_response_set_refusal(struct http_response *response, int status)
{
    char words[80];
    snprintf(words, sizeof(words), "HTTP %d %s", status, http_status_words(status));
    http_response_set_error(response, status, words);
}

void http_response_set_page(struct http_response *response, int status, const char *words)
{
    response->status = status;
    response->content = HTTP_CONTENT_HTML;
    str_buffer_clear(&response->body);
    str_buffer_printf(&response->body,
                      "<html>\n<head><title>Error %d %s</title></head>\n"
                      "<body><h2>HTTP error %d</h2>\n<p>%s</p></body>\n</html>\n",
                      status, http_status_words(status), status, words);
}
