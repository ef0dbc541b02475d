#include "access/jwt_claims_internal.h"

#include <stdio.h>
#include <string.h>

#include "access/identity.h"
#include "base/str_buffer.h"

#include "base/bans.h"

#define TOO_MANY "the token holds more claims or groups than are read; let the issuer leave some out"

/* ---- for us, and now ---- */

static bool is_listed(const struct ptr_array *texts, const json_t *value)
{
    for (size_t i = 0; json_is_string(value) && i < texts->count; i++)
        if (strcmp(texts->items[i], json_string_value(value)) == 0)
            return true;
    return false;
}

static bool is_for_us(const struct jwt_rules *rules, const json_t *audience)
{
    const json_t *item;
    size_t i;
    if (!json_is_array(audience))
        return is_listed(&rules->audiences, audience);
    json_array_foreach (audience, i, item)
        if (is_listed(&rules->audiences, item))
            return true;
    return false;
}

const char *jwt_claims_problem(const struct jwt_rules *rules, const json_t *claims, int64_t now_ms)
{
    const json_t *issuer = json_object_get(claims, "iss"), *expiry = json_object_get(claims, "exp");
    const json_t *begin = json_object_get(claims, "nbf");
    double now_s = (double)now_ms / 1000, skew_s = (double)rules->clock_skew_s;
    if (!json_is_string(issuer) || strcmp(json_string_value(issuer), rules->issuer) != 0)
        return "the token is from another issuer";
    if (!is_for_us(rules, json_object_get(claims, "aud")))
        return "the token is for another audience";
    if (!json_is_number(expiry))
        return "the token says no time of expiry";
    if (!(now_s < json_number_value(expiry) + skew_s))
        return "the token has expired";
    if (begin != NULL && !json_is_number(begin))
        return "the token's nbf is no number";
    if (begin != NULL && !(now_s >= json_number_value(begin) - skew_s))
        return "the token is not valid yet";
    return NULL;
}

/* ---- as an identity ---- */

struct flattening {
    const struct jwt_rules *rules;
    struct identity *identity;
    const char *why;
};

static bool give_up(struct flattening *flattening, const char *why)
{
    flattening->why = why;
    return false;
}

static bool is_group_claim(const struct jwt_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->group_claims.count; i++)
        if (strcmp(rules->group_claims.items[i], name) == 0)
            return true;
    return false;
}

/* Texts that cannot stand in a log line or are too long are no claims of ours: a token may carry what is not meant for us. */
static bool add_text(struct flattening *flattening, const char *name, const char *value, size_t length)
{
    if (!identity_name_is_fit(value, length))
        return true;
    struct identity *identity = flattening->identity;
    if (identity->claims.count >= IDENTITY_CLAIMS_MAX || identity->groups.count >= IDENTITY_GROUPS_MAX)
        return give_up(flattening, TOO_MANY);
    if (!identity_add_claim(identity, name, value) ||
        (is_group_claim(flattening->rules, name) && !identity_add_group(identity, value)))
        return give_up(flattening, JWT_NO_MEMORY);
    return true;
}

static bool add_scalar(struct flattening *flattening, const char *name, const json_t *value)
{
    char text[32];
    switch (json_typeof(value)) {
    case JSON_STRING:
        return add_text(flattening, name, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return add_text(flattening, name, text, strlen(text));
    case JSON_TRUE:
    case JSON_FALSE:
        return json_is_true(value) ? add_text(flattening, name, "true", 4) : add_text(flattening, name, "false", 5);
    default:
        return true; /* reals, null, and what lies too deep */
    }
}

static bool add_object(struct flattening *flattening, const char *outer, const json_t *object, int depth);

static bool add_member(struct flattening *flattening, const char *name, const json_t *value, int depth)
{
    const json_t *item;
    size_t i;
    if (json_is_object(value))
        return add_object(flattening, name, value, depth + 1);
    if (!json_is_array(value))
        return add_scalar(flattening, name, value);
    json_array_foreach (value, i, item)
        if (!add_scalar(flattening, name, item))
            return false;
    return true;
}

static bool add_object(struct flattening *flattening, const char *outer, const json_t *object, int depth)
{
    const char *key;
    json_t *value;
    bool fine = true;
    if (depth >= JWT_CLAIMS_DEPTH_MAX)
        return true;
    json_object_foreach ((json_t *)object, key, value) {
        struct str_buffer name;
        if (!fine)
            break;
        str_buffer_init(&name, IDENTITY_TEXT_MAX);
        str_buffer_printf(&name, "%s%s%s", outer, outer[0] != '\0' ? "." : "", key);
        if (!str_buffer_failed(&name) && identity_name_is_fit(str_buffer_text(&name), name.length))
            fine = add_member(flattening, str_buffer_text(&name), value, depth);
        else if (name.failed && !name.over_max)
            fine = give_up(flattening, JWT_NO_MEMORY);
        str_buffer_release(&name);
    }
    return fine;
}

/* A member of the token itself: who bears it is no detail of an inner object. */
static const char *name_of(const struct jwt_rules *rules, const json_t *claims)
{
    const json_t *name = json_object_get(claims, rules->name_claim);
    return json_is_string(name) && identity_name_is_fit(json_string_value(name), json_string_length(name))
               ? json_string_value(name)
               : NULL;
}

struct identity *jwt_claims_identity(const struct jwt_rules *rules, const json_t *claims, const char **why)
{
    struct flattening flattening = {.rules = rules};
    const char *name = name_of(rules, claims);
    if (name == NULL) {
        *why = "the token has no fit text in the claim that names who bears it";
        return NULL;
    }
    flattening.identity = identity_create(name, IDENTITY_TOKEN);
    if (flattening.identity == NULL) {
        *why = JWT_NO_MEMORY;
        return NULL;
    }
    if (!add_object(&flattening, "", claims, 0)) {
        identity_destroy(flattening.identity);
        *why = flattening.why;
        return NULL;
    }
    return flattening.identity;
}
