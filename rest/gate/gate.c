/* Life of the gate, and what it answers to who does not pass. */
#include "gate/gate_internal.h"

#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "access/bindings.h"
#include "access/jwt_validator.h"
#include "access/login_file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/str_buffer.h"
#include "config/worker_config.h"
#include "http/response.h"
#include "issuer/key_set.h"

#include "base/bans.h"

/* ---- tokens ---- */

/* Of a comma list; false: no memory. */
static bool split(struct ptr_array *texts, const char *list)
{
    for (const char *at = list; *at != '\0'; at += *at == ',') {
        at += strspn(at, " \t");
        size_t length = strcspn(at, ","), kept = length;
        while (kept > 0 && (at[kept - 1] == ' ' || at[kept - 1] == '\t'))
            kept--;
        char *text = kept > 0 ? mem_strndup(at, kept) : NULL;
        if (kept > 0 && (text == NULL || !ptr_array_push(texts, text))) {
            mem_free(text);
            return false;
        }
        at += length;
    }
    return true;
}

static struct jwt_validator *create_validator(const struct rest_auth_config *config, const struct clock *clock,
                                              struct mr_error **error)
{
    struct ptr_array audiences, groups;
    struct jwt_validator *validator = NULL;
    ptr_array_init(&audiences, mem_free);
    ptr_array_init(&groups, mem_free);
    if (split(&audiences, config->audiences) && split(&groups, config->group_claims)) {
        const struct jwt_setup setup = {
            .issuer = config->issuer,
            .audiences = (const char *const *)audiences.items,
            .audience_count = audiences.count,
            .name_claim = config->name_claim,
            .group_claims = (const char *const *)groups.items,
            .group_claim_count = groups.count,
            .clock_skew_s = config->clock_skew_ms / 1000,
            .refresh_interval_ms = JWT_REFRESH_INTERVAL_DEFAULT_MS,
            .clock = clock,
        };
        validator = jwt_validator_create(&setup, error);
    } else {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for checking tokens");
    }
    ptr_array_release(&audiences);
    ptr_array_release(&groups);
    return validator;
}

static const char *text_or_null(const char *text)
{
    return *text == '\0' ? NULL : text;
}

static int open_tokens(struct gate *gate, const struct rest_auth_config *config, struct mr_error **error)
{
    if (*config->issuer == '\0')
        return 0;
    gate->validator = create_validator(config, gate->clock, error);
    if (gate->validator == NULL)
        return -1;
    const struct key_set_setup setup = {
        .validator = gate->validator,
        .issuer = config->issuer,
        .keys_url = text_or_null(config->keys_url),
        .ca_path = text_or_null(config->keys_ca_file),
        .proxy = text_or_null(config->keys_proxy),
        .refresh_ms = config->keys_refresh_ms,
    };
    gate->key_set = key_set_start(&setup, error);
    return gate->key_set != NULL ? 0 : -1;
}

/* ---- life ---- */

static int open_passwords(struct gate *gate, const struct rest_auth_config *config, struct mr_error **error)
{
    if (*config->passwords_file != '\0') {
        gate->logins = login_file_open_hashed(config->passwords_file, error);
        if (gate->logins == NULL)
            return -1;
        gate->queue = password_queue_start(gate_run_password, gate, error);
        return gate->queue != NULL ? 0 : -1;
    }
    if (*config->jaas_file == '\0')
        return 0;
    gate->logins = login_file_open_jaas(config->jaas_file, error);
    return gate->logins != NULL ? 0 : -1;
}

static bool has_password(void *logins, const char *user)
{
    return login_file_has_user(logins, user);
}

/* Where passwords are the only way to log in, a misspelt name binds nobody. */
static void warn_of_strangers(struct gate *gate)
{
    const char *binding, *user;
    struct bindings *bindings;
    if (gate->logins == NULL || gate->validator != NULL || gate->takes_certificates)
        return;
    bindings = bindings_file_current(gate->bindings);
    user = bindings_unknown_user(bindings, has_password, gate->logins, &binding);
    if (user != NULL)
        log_warn("access", "binding %.200s names the user %.200s, who has no password, and nobody can log in otherwise: it binds nobody by "
                 "that name. Correct the name, or give that user a password (maybe others, too)",
                 binding, user);
    bindings_drop(bindings);
}

/* Whoever gives out names for one way to log in gives them rights of the same names in another. */
static void warn_of_names(struct gate *gate)
{
    int ways = (gate->logins != NULL) + (gate->validator != NULL) + gate->takes_certificates;
    struct bindings *bindings = bindings_file_current(gate->bindings);
    const char *binding = bindings_without_logins(bindings);
    if (ways > 1 && binding != NULL)
        log_warn("access", "there is more than one way to log in, and binding %.200s (maybe others) names users or groups without "
                 "\"logins\": whoever bears such a name by any of them has its rights. Say [\"password\"], [\"certificate\"] or "
                 "[\"token\"] there (docs/access.md)",
                 binding);
    bindings_drop(bindings);
}

struct gate *gate_create(const struct rest_auth_config *config, const struct clock *clock, struct mr_error **error)
{
    struct gate *gate = mem_calloc(1, sizeof(*gate));
    if (gate == NULL || (gate->failures = failure_limit_create(clock)) == NULL) {
        mem_free(gate);
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory, or no random bytes, for logins over REST");
        return NULL;
    }
    gate->clock = clock;
    gate->takes_certificates = config->certificates;
    gate->bindings = bindings_file_open(config->bindings_file, error);
    if (gate->bindings != NULL && open_passwords(gate, config, error) == 0 && open_tokens(gate, config, error) == 0) {
        warn_of_names(gate);
        warn_of_strangers(gate);
        return gate;
    }
    gate_stop(gate);
    gate_destroy(gate);
    return NULL;
}

void gate_stop(struct gate *gate)
{
    if (gate == NULL)
        return;
    key_set_stop(gate->key_set);
    gate->key_set = NULL;
    password_queue_stop(gate->queue);
    gate->queue = NULL;
}

void gate_destroy(struct gate *gate)
{
    if (gate == NULL)
        return;
    jwt_validator_destroy(gate->validator);
    if (gate->logins != NULL)
        login_file_close(gate->logins);
    if (gate->bindings != NULL)
        bindings_file_close(gate->bindings);
    failure_limit_destroy(gate->failures);
    mem_free(gate);
}

struct bindings_file *gate_bindings(struct gate *gate)
{
    return gate->bindings;
}

void gate_listen(struct gate *gate, const struct access_file_listener *listener)
{
    bindings_file_listen(gate->bindings, listener);
    if (gate->logins != NULL)
        login_file_listen(gate->logins, listener);
}

bool gate_is_failing(struct gate *gate)
{
    bool has_failing_logins = gate->logins != NULL && login_file_is_failing(gate->logins);
    return bindings_file_is_failing(gate->bindings) || has_failing_logins;
}

/* ---- words ---- */

void gate_describe(struct gate *gate, struct str_buffer *words)
{
    struct bindings *bindings = bindings_file_current(gate->bindings);
    if (gate->logins != NULL)
        str_buffer_printf(words, "%s (%zu users)", gate->queue != NULL ? "password" : "jaas", login_file_user_count(gate->logins));
    if (gate->validator != NULL)
        str_buffer_printf(words, "%stoken", words->length > 0 ? ", " : "");
    if (gate->takes_certificates)
        str_buffer_printf(words, "%scertificate", words->length > 0 ? ", " : "");
    str_buffer_printf(words, "; %zu bindings", bindings_count(bindings));
    bindings_drop(bindings);
}

/* ---- refusals ---- */

static void add_challenges(const struct gate *gate, const struct gate_verdict *verdict, struct http_response *response)
{
    if (gate->logins != NULL)
        http_response_add_header(response, "WWW-Authenticate", "Basic realm=\"millrace\", charset=\"UTF-8\"");
    if (gate->takes_certificates) /* no scheme is registered for it, and a 401 must have a challenge (RFC 9110, 15.5.2) */
        http_response_add_header(response, "WWW-Authenticate", "Certificate realm=\"millrace\"");
    if (gate->validator == NULL)
        return;
    char challenge[400] = "Bearer realm=\"millrace\"";
    if (verdict->token_problem != NULL)
        snprintf(challenge, sizeof(challenge), "Bearer realm=\"millrace\", error=\"%s\", error_description=\"%s\"",
                 verdict->token_problem, verdict->why);
    http_response_add_header(response, "WWW-Authenticate", challenge);
}

void gate_fill_refusal(const struct gate *gate, const struct gate_verdict *verdict, struct http_response *response)
{
    char seconds[16];
    http_response_set_error(response, verdict->status, verdict->why);
    if (verdict->status == 401)
        add_challenges(gate, verdict, response);
    if (verdict->retry_after_s == 0)
        return;
    snprintf(seconds, sizeof(seconds), "%u", verdict->retry_after_s);
    http_response_add_header(response, "Retry-After", seconds);
}
