#include "retry_after.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

static bool is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && text[digits + strspn(text + digits, " \t\r\n")] == '\0';
}

/* -1: not a date. All three forms of HTTP begin with the name of a day; other things that libcurl would take do not count. */
static int64_t read_date(const char *text)
{
    if (text == NULL || !isalpha((unsigned char)text[0]))
        return -1;
    return curl_getdate(text, NULL);
}

int64_t retry_after_ms(const char *text, const char *date, int64_t now_s, uint32_t max_ms)
{
    int64_t until_s, from_s, wait_s = 0;

    text += strspn(text, " \t");
    if (is_number(text)) {
        for (; *text >= '0' && *text <= '9' && wait_s < UINT32_MAX; text++)
            wait_s = wait_s * 10 + (*text - '0');
    } else {
        until_s = read_date(text);
        if (until_s < 0)
            return -1;
        from_s = read_date(date);
        wait_s = until_s - (from_s < 0 ? now_s : from_s);
    }
    if (wait_s < 0)
        wait_s = 0;
    return wait_s > max_ms / 1000 ? (int64_t)max_ms : wait_s * 1000;
}
