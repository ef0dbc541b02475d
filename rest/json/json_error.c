#include "json/json_error.h"

#include "base/mem.h"
#include "base/secrets.h"
#include "http/response.h"
#include "json/json_out.h"

#include "base/bans.h"

void json_error_set(struct http_response *response, int status, const char *message)
{
    struct json_out out;

    response->status = status;
    response->content = HTTP_CONTENT_JSON;
    json_out_init(&out, &response->body);
    json_out_open(&out, '{');
    json_out_name(&out, "error_code");
    json_out_int(&out, status);
    json_out_pair(&out, "message", message);
    json_out_close(&out, '}');
}

void json_error_set_told(struct http_response *response, int status, const char *message)
{
    char *shown = mem_strdup(message);

    secrets_hide_text(shown);
    json_error_set(response, status, shown);
    mem_free(shown);
}
