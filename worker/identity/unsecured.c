#include "identity/unsecured.h"

#include <inttypes.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "identity/token.h"
#include "identity/token_settings.h"

#include "base/bans.h"

static void append_base64url(struct str_buffer *text, const char *bytes, size_t length)
{
    size_t size = base64_encoded_length(length);
    char *room = str_buffer_reserve(text, size);
    if (room == NULL)
        return;
    base64_encode(bytes, length, room);
    while (size > 0 && room[size - 1] == '=')
        size--;
    for (size_t i = 0; i < size; i++)
        room[i] = room[i] == '+' ? '-' : room[i] == '/' ? '_' : room[i];
    str_buffer_advance(text, size);
}

char *unsecured_jws(const struct token_settings *settings, int64_t now_wall_ms)
{
    static const char head[] = "{\"alg\":\"none\"}";
    size_t length = strlen(settings->claims);
    struct str_buffer claims, text;
    str_buffer_init(&claims, TOKEN_TEXT_MAX);
    str_buffer_init(&text, TOKEN_TEXT_MAX);
    while (length > 0 && settings->claims[length - 1] != '}')
        length--;
    if (length > 0)
        length--;
    str_buffer_append(&claims, settings->claims, length);
    /* Java's clocks count in parts of a second here, too: what is a second old is not yet ended. */
    str_buffer_printf(&claims, "%s\"iat\":%" PRId64 ".%03d,\"exp\":%" PRId64 ".%03d}", length > 1 ? "," : "", now_wall_ms / 1000,
                      (int)(now_wall_ms % 1000), (now_wall_ms + settings->lifetime_ms) / 1000,
                      (int)((now_wall_ms + settings->lifetime_ms) % 1000));
    append_base64url(&text, head, sizeof head - 1);
    str_buffer_append_char(&text, '.');
    append_base64url(&text, str_buffer_text(&claims), claims.length);
    str_buffer_append_char(&text, '.');
    text.failed = text.failed || claims.failed;
    str_buffer_release(&claims);
    char *jws = str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    return jws;
}
