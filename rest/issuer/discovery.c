#include "issuer/discovery_internal.h"

#include <jansson.h>
#include <string.h>

#include <millrace/error.h>

#include "base/loopback.h"
#include "base/mem.h"
#include "base/str_buffer.h"

#include "base/bans.h"

#define WELL_KNOWN "/.well-known/openid-configuration"

/* ---- addresses ---- */

/* The host's length, brackets included; 0: there is none, or a user stands before it. */
static size_t host_length(const char *authority)
{
    size_t whole = strcspn(authority, "/?#");

    if (memchr(authority, '@', whole) != NULL)
        return 0;
    if (authority[0] == '[') {
        const char *end = memchr(authority, ']', whole);
        return end == NULL ? 0 : (size_t)(end - authority) + 1;
    }
    return strcspn(authority, "/?#:");
}

static bool is_plain(const char *url)
{
    size_t length = strlen(url);

    for (size_t i = 0; i < length; i++)
        if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f || strchr("\"<>\\^`{|}#", url[i]) != NULL)
            return false;
    return length <= DISCOVERY_URL_MAX;
}

const char *discovery_url_problem(const char *url, bool allows_http)
{
    bool is_http = strncmp(url, "http://", 7) == 0;
    const char *authority = url + (is_http ? 7 : 8);
    size_t length;

    if (!is_http && strncmp(url, "https://", 8) != 0)
        return "it does not begin with https://";
    if (!is_plain(url))
        return "it is longer than 2048 bytes, or holds characters that a URL does not have, or a fragment";
    length = host_length(authority);
    if (length == 0)
        return "it names no host, or a user";
    if (is_http && !allows_http && !loopback_is_host(authority, length))
        return "keys that come over http could be anybody's; it must begin with https://";
    return NULL;
}

/* A closing slash of the issuer does not count (Discovery 1.0, section 4). */
char *discovery_url_of(const char *issuer)
{
    size_t length = strlen(issuer);
    struct str_buffer url;

    str_buffer_init(&url, DISCOVERY_URL_MAX + sizeof(WELL_KNOWN));
    str_buffer_append(&url, issuer, length > 0 && issuer[length - 1] == '/' ? length - 1 : length);
    str_buffer_append_text(&url, WELL_KNOWN);
    char *text = str_buffer_take(&url, NULL);
    str_buffer_release(&url);
    return text;
}

/* ---- the document ---- */

static int check(const json_t *document, const char *issuer, bool allows_http, struct mr_error **error)
{
    const char *named = json_string_value(json_object_get(document, "issuer"));
    const char *url = json_string_value(json_object_get(document, "jwks_uri"));
    const char *problem;

    if (named == NULL || url == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "it is no JSON object with the texts issuer and jwks_uri");
    if (strcmp(named, issuer) != 0)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "it is that of the issuer '%.*s': tokens and the worker's file must name the issuer to the letter",
                            DISCOVERY_WORDS_MAX, is_plain(named) ? named : "?");
    problem = discovery_url_problem(url, allows_http);
    if (problem != NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "its jwks_uri '%.*s' is not asked: %s", DISCOVERY_WORDS_MAX,
                            is_plain(url) ? url : "?", problem);
    return 0;
}

char *discovery_keys_url(const char *text, size_t length, const char *issuer, bool allows_http, struct mr_error **error)
{
    json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    char *url = NULL;

    if (check(document, issuer, allows_http, error) == 0) {
        url = mem_strdup(json_string_value(json_object_get(document, "jwks_uri")));
        if (url == NULL)
            mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for it");
    }
    json_decref(document);
    return url;
}
