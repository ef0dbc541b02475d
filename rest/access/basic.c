#include "access/basic.h"

#include <string.h>
#include <strings.h>

#include "access/identity.h"
#include "base/base64.h"
#include "base/mem.h"

#include "base/bans.h"

#define SCHEME "Basic "
#define SCHEME_LENGTH (sizeof(SCHEME) - 1)

bool basic_is_scheme(const char *header)
{
    return strncasecmp(header, SCHEME, SCHEME_LENGTH) == 0;
}

static bool split(struct basic_credentials *credentials, const char *pair, size_t length)
{
    const char *colon = memchr(pair, ':', length);
    if (colon == NULL || memchr(pair, '\0', length) != NULL)
        return false;
    size_t user_length = (size_t)(colon - pair), password_length = length - user_length - 1;
    if (!identity_name_is_fit(pair, user_length) || password_length > BASIC_PASSWORD_MAX)
        return false;
    credentials->user = mem_strndup(pair, user_length);
    credentials->password = mem_strndup(colon + 1, password_length);
    return credentials->user != NULL && credentials->password != NULL;
}

bool basic_parse(struct basic_credentials *credentials, const char *header)
{
    *credentials = (struct basic_credentials){0};
    if (!basic_is_scheme(header) || strlen(header) > BASIC_HEADER_MAX)
        return false;
    const char *text = header + SCHEME_LENGTH;
    text += strspn(text, " ");
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ')
        length--;
    size_t pair_max = base64_decoded_max(length) + 1, pair_length = 0;
    char *pair = mem_alloc(pair_max);
    if (pair == NULL)
        return false;
    bool parsed = base64_decode(text, length, pair, &pair_length) && split(credentials, pair, pair_length);
    explicit_bzero(pair, pair_max);
    mem_free(pair);
    if (!parsed)
        basic_release(credentials);
    return parsed;
}

void basic_release(struct basic_credentials *credentials)
{
    if (credentials->password != NULL)
        explicit_bzero(credentials->password, strlen(credentials->password));
    mem_free(credentials->user);
    mem_free(credentials->password);
    *credentials = (struct basic_credentials){0};
}
