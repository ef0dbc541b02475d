/*
 * json_error: the error body, exactly {"error_code": status, "message": text}.
 */
#ifndef JSON_JSON_ERROR_H
#define JSON_JSON_ERROR_H

struct http_response;

/* The response is one whose body is empty. `message` NULL: null. */
void json_error_set(struct http_response *response, int status, const char *message);

#endif
