#include "base/loopback.h"

#include <string.h>

#include "base/bans.h"

bool loopback_is_host(const char *host, size_t length)
{
    static const char *const NAMES[] = {"localhost", "::1", "[::1]"};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (strlen(NAMES[i]) == length && memcmp(host, NAMES[i], length) == 0)
            return true;
    if (length <= 4 || memcmp(host, "127.", 4) != 0)
        return false;
    for (size_t i = 0; i < length; i++)
        if (strchr("0123456789.", host[i]) == NULL) /* 127.example.org */
            return false;
    return true;
}

bool loopback_is_url(const char *url)
{
    const char *mark = strstr(url, "://"), *host = mark != NULL ? mark + 3 : url;
    size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");

    return length <= strlen(host) && loopback_is_host(host, length);
}
