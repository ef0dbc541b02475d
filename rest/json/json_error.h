/*
 * json_error: the error body, exactly {"error_code": status, "message": text}.
 *
 * Where words of plugins or providers enter, known secrets are hidden in them (base/secrets.h): in the herder for its replies and traces,
 * in json_error_set_told for what is asked of a plugin here. In words that repeat what a client said they are not: whoever sent guesses
 * would be told which of them are secrets.
 */
#ifndef JSON_JSON_ERROR_H
#define JSON_JSON_ERROR_H

struct http_response;

/* The response is one whose body is empty. `message` NULL: null. */
void json_error_set(struct http_response *response, int status, const char *message);
/* The same with words that a plugin may have chosen. */
void json_error_set_told(struct http_response *response, int status, const char *message);

#endif
