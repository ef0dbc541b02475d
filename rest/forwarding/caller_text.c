#include <string.h>

#include "access/bindings.h"
#include "access/identity.h"
#include "base/str_buffer.h"
#include "forwarding/caller_internal.h"
#include "json/json_in.h"
#include "json/json_out.h"

#include "base/bans.h"

#define VERSION "1."
#define TIME_DIGITS_MAX 15

/* ---- the header ---- */

static bool take_part(const char **at, char stop, struct caller_part *part)
{
    part->text = *at;
    part->length = strcspn(*at, ".");
    *at += part->length;
    if (**at != stop)
        return false;
    *at += stop != '\0';
    return part->length > 0;
}

static bool read_time(struct caller_header *header)
{
    if (header->time.length > TIME_DIGITS_MAX)
        return false;
    header->time_ms = 0;
    for (size_t i = 0; i < header->time.length; i++) {
        char digit = header->time.text[i];

        if (digit < '0' || digit > '9')
            return false;
        header->time_ms = header->time_ms * 10 + (digit - '0');
    }
    return true;
}

bool caller_header_read(struct caller_header *header, const char *value)
{
    const char *at = value + sizeof(VERSION) - 1;

    return strncmp(value, VERSION, sizeof(VERSION) - 1) == 0 && strlen(value) <= CALLER_HEADER_MAX &&
           take_part(&at, '.', &header->time) && take_part(&at, '.', &header->nonce) && take_part(&at, '.', &header->identity) &&
           take_part(&at, '\0', &header->mac) && read_time(header) && header->nonce.length == CALLER_NONCE_TEXT &&
           header->mac.length == CALLER_MAC_TEXT;
}

/* ---- the identity: {"name":"…","login":"token","groups":["…"],"claims":[["name","value",…],…]} ---- */

static void write_groups(struct json_out *out, const struct identity *identity, const struct bindings *bindings)
{
    json_out_name(out, "groups");
    json_out_open(out, '[');
    for (size_t i = 0; i < identity->groups.count; i++)
        if (bindings == NULL || bindings_name_group(bindings, identity->groups.items[i]))
            json_out_text(out, identity->groups.items[i]);
    json_out_close(out, ']');
}

/* Claims of one name stand together, as a list of a token is flattened. */
static void write_claims(struct json_out *out, const struct identity *identity, const struct bindings *bindings)
{
    const char *open = NULL;

    json_out_name(out, "claims");
    json_out_open(out, '[');
    for (size_t i = 0; i < identity->claims.count; i++) {
        const struct identity_claim *claim = identity->claims.items[i];

        if (bindings != NULL && !bindings_name_claim(bindings, claim->name, claim->value))
            continue;
        if (open == NULL || strcmp(open, claim->name) != 0) {
            if (open != NULL)
                json_out_close(out, ']');
            json_out_open(out, '[');
            json_out_text(out, claim->name);
            open = claim->name;
        }
        json_out_text(out, claim->value);
    }
    if (open != NULL)
        json_out_close(out, ']');
    json_out_close(out, ']');
}

void caller_identity_write(struct str_buffer *json, const struct identity *identity, const struct bindings *bindings)
{
    struct json_out out;

    json_out_init(&out, json);
    json_out_open(&out, '{');
    json_out_pair(&out, "name", identity->name);
    json_out_pair(&out, "login", identity_login_name(identity->login));
    write_groups(&out, identity, bindings);
    write_claims(&out, identity, bindings);
    json_out_close(&out, '}');
}

static bool read_text(struct json_in *in, struct str_buffer *text)
{
    return json_in_kind(in) == JSON_IN_STRING && json_in_scalar(in, text);
}

static bool read_groups(struct json_in *in, struct identity *identity, struct str_buffer *text)
{
    if (!json_in_enter(in, JSON_IN_ARRAY))
        return false;
    while (json_in_next_item(in))
        if (!read_text(in, text) || !identity_add_group(identity, str_buffer_text(text)))
            return false;
    return !json_in_broken(in);
}

static bool read_claim(struct json_in *in, struct identity *identity, struct str_buffer *text)
{
    struct str_buffer name;
    bool fine = false;

    str_buffer_init(&name, IDENTITY_TEXT_MAX);
    if (json_in_enter(in, JSON_IN_ARRAY) && json_in_next_item(in) && read_text(in, &name)) {
        fine = true;
        while (fine && json_in_next_item(in))
            fine = read_text(in, text) && identity_add_claim(identity, str_buffer_text(&name), str_buffer_text(text));
    }
    str_buffer_release(&name);
    return fine && !json_in_broken(in);
}

static bool read_claims(struct json_in *in, struct identity *identity, struct str_buffer *text)
{
    if (!json_in_enter(in, JSON_IN_ARRAY))
        return false;
    while (json_in_next_item(in))
        if (!read_claim(in, identity, text))
            return false;
    return !json_in_broken(in);
}

static bool next_is(struct json_in *in, struct str_buffer *text, const char *name)
{
    return json_in_next_member(in, text) && strcmp(str_buffer_text(text), name) == 0;
}

static bool login_of(const char *name, enum identity_login *login)
{
    for (int i = 0; i < IDENTITY_LOGIN_COUNT; i++)
        if (strcmp(identity_login_name((enum identity_login)i), name) == 0) {
            *login = (enum identity_login)i;
            return true;
        }
    return false;
}

/* NULL: *no_memory is set, or it is no name and login. */
static struct identity *read_who(struct json_in *in, struct str_buffer *text, bool *no_memory)
{
    struct identity *identity;
    enum identity_login login;

    if (!next_is(in, text, "name") || !read_text(in, text) || !identity_name_is_fit(str_buffer_text(text), text->length))
        return NULL;
    identity = identity_create(str_buffer_text(text), IDENTITY_TOKEN);
    *no_memory = identity == NULL;
    if (identity == NULL)
        return NULL;
    if (next_is(in, text, "login") && read_text(in, text) && login_of(str_buffer_text(text), &login)) {
        identity->login = login;
        return identity;
    }
    identity_destroy(identity);
    return NULL;
}

/* In the order they are written: it is us who wrote them. */
struct identity *caller_identity_read(const char *json, size_t length, bool *no_memory)
{
    struct identity *identity = NULL;
    struct str_buffer text;
    struct json_in in;

    *no_memory = false;
    str_buffer_init(&text, IDENTITY_TEXT_MAX);
    json_in_init(&in, json, length);
    if (json_in_enter(&in, JSON_IN_OBJECT))
        identity = read_who(&in, &text, no_memory);
    if (identity != NULL &&
        !(next_is(&in, &text, "groups") && read_groups(&in, identity, &text) && next_is(&in, &text, "claims") &&
          read_claims(&in, identity, &text) && !json_in_next_member(&in, &text) && json_in_end(&in))) {
        identity_destroy(identity);
        identity = NULL;
    }
    str_buffer_release(&text);
    return identity;
}
