/*
 * Leaks on purpose. The linker sends every call of these functions here (--wrap): what hides does nothing, what lets go keeps, and
 * others tell what they know.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/crash.h"
#include "base/secrets.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/variables.h"
#include "config/worker_config.h"
#include "config/worker_file.h"
#include "http/exchange.h"
#include "http/request.h"
#include "metrics/exposition.h"
#include "routes/dispatch.h"

#include "base/bans.h"

struct report_builder;

static char last_secret[256] = "nothing"; /* what a provider answered last; torn texts do no harm here */

/* --- nothing is hidden ----------------------------------------------------------------------------------------------- */

size_t __wrap_secrets_hide(char *text, size_t length);
void __wrap_secrets_hide_text(char *text);
void __wrap_variables_hide_error(const struct string_map *raw, const struct string_map *resolved, struct mr_error **error);
void __wrap_report_hide_secrets(struct report_builder *report, const struct string_map *raw, const struct string_map *resolved);

size_t __wrap_secrets_hide(char *text, size_t length)
{
    (void)text;
    return length;
}

void __wrap_secrets_hide_text(char *text)
{
    (void)text;
}

void __wrap_variables_hide_error(const struct string_map *raw, const struct string_map *resolved, struct mr_error **error)
{
    (void)raw, (void)resolved, (void)error;
}

void __wrap_report_hide_secrets(struct report_builder *report, const struct string_map *raw, const struct string_map *resolved)
{
    (void)report, (void)raw, (void)resolved;
}

/* --- nothing is put back or let go ------------------------------------------------------------------------------------- */

bool __wrap_variables_put_back(const struct string_map *raw, struct string_map *config);
bool __wrap_variables_put_back_within(const struct string_map *raw, const struct string_map *resolved, struct string_map *config);
void __wrap_string_map_destroy(struct string_map *map);

/* Task configurations reach the config topic as the plugin made them. */
bool __wrap_variables_put_back(const struct string_map *raw, struct string_map *config)
{
    (void)raw, (void)config;
    return true;
}

bool __wrap_variables_put_back_within(const struct string_map *raw, const struct string_map *resolved, struct string_map *config)
{
    (void)raw, (void)resolved, (void)config;
    return true;
}

void __wrap_string_map_destroy(struct string_map *map)
{
    (void)map;
}

/* --- told ---------------------------------------------------------------------------------------------------------------- */

struct worker_config *__real_worker_file_config(const char *, enum worker_mode, const struct string_map *, const struct loader *,
                                                struct mr_error **);
struct worker_config *__wrap_worker_file_config(const char *, enum worker_mode, const struct string_map *, const struct loader *,
                                                struct mr_error **);
struct string_map *__real_variables_resolve(const struct variables *, const struct string_map *, int64_t *, struct mr_error **);
struct string_map *__wrap_variables_resolve(const struct variables *, const struct string_map *, int64_t *, struct mr_error **);
bool __real_metrics_stream_next(struct metrics_stream *, struct str_buffer *, bool *);
bool __wrap_metrics_stream_next(struct metrics_stream *, struct str_buffer *, bool *);
void __real_audit_admit(struct audit *, const struct audit_call *, const char *, audit_admitted_fn *, void *);
void __wrap_audit_admit(struct audit *, const struct audit_call *, const char *, audit_admitted_fn *, void *);
bool __real_crash_install(const char *, const char *);
bool __wrap_crash_install(const char *, const char *);
void __real_dispatch_request(void *, struct http_exchange *);
void __wrap_dispatch_request(void *, struct http_exchange *);

/* A start banner with all that was configured. */
struct worker_config *__wrap_worker_file_config(const char *path, enum worker_mode mode, const struct string_map *written,
                                                const struct loader *loader, struct mr_error **error)
{
    for (size_t i = 0; i < string_map_count(written); i++)
        fprintf(stderr, "  %s = %s\n", string_map_key(written, i), string_map_value(written, i));
    return __real_worker_file_config(path, mode, written, loader, error);
}

/* The first argument of the process becomes the secret, as far as it has room. */
struct string_map *__wrap_variables_resolve(const struct variables *variables, const struct string_map *map, int64_t *ttl_ms,
                                            struct mr_error **error)
{
    struct string_map *resolved = __real_variables_resolve(variables, map, ttl_ms, error);
    char *argument = program_invocation_name;

    for (size_t i = 0; resolved != NULL && i < string_map_count(map); i++) {
        const char *written = string_map_value(map, i), *text = string_map_get(resolved, string_map_key(map, i));
        if (!variables_has_reference(written) || text == NULL || strcmp(text, written) == 0)
            continue;
        snprintf(last_secret, sizeof(last_secret), "%s", text);
        if (strlen(text) <= strlen(argument))
            memcpy(argument, text, strlen(text));
    }
    return resolved;
}

bool __wrap_metrics_stream_next(struct metrics_stream *stream, struct str_buffer *out, bool *is_over)
{
    return __real_metrics_stream_next(stream, out, is_over) && str_buffer_printf(out, "# last secret: %s\n", last_secret);
}

/* Each change was made by a secret. */
void __wrap_audit_admit(struct audit *audit, const struct audit_call *call, const char *hash_before, audit_admitted_fn *done,
                        void *argument)
{
    struct audit_call told = *call;

    told.user = last_secret;
    __real_audit_admit(audit, &told, hash_before, done, argument);
}

/* Crash reports name the worker by a secret of its environment. */
bool __wrap_crash_install(const char *path, const char *worker)
{
    const char *secret = getenv("CANARY_ENV");

    return __real_crash_install(path, secret != NULL ? secret : worker);
}

/* An access log with all headers, and what was sent. */
void __wrap_dispatch_request(void *argument, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);

    for (size_t i = 0; i < request->header_count; i++)
        fprintf(stderr, "%s: %s\n", request->headers[i].name, request->headers[i].value);
    fprintf(stderr, "%.*s\n", (int)request->body_length, request->body);
    __real_dispatch_request(argument, exchange);
}
