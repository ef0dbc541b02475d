/*
 * What a worker is told of a caller. The first byte says what the rest is: a header's value, of which an accepted one must hold together;
 * or the identity in it, which must come out the same when it is told on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "access/identity.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "forwarding/caller_internal.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

static void check_header(const char *text)
{
    struct caller_header header;

    if (!caller_header_read(&header, text))
        return;
    must(header.time_ms >= 0 && header.nonce.length == CALLER_NONCE_TEXT && header.mac.length == CALLER_MAC_TEXT);
    must(header.mac.text + header.mac.length == text + strlen(text));
    must(strlen(text) == sizeof("1....") - 1 + header.time.length + header.nonce.length + header.identity.length + header.mac.length);
}

static void check_identity(const char *json, size_t length)
{
    bool no_memory = false;
    struct identity *identity = caller_identity_read(json, length, &no_memory), *again;
    struct str_buffer first, second;

    if (identity == NULL)
        return;
    must(identity_name_is_fit(identity->name, strlen(identity->name)) && identity->login < IDENTITY_LOGIN_COUNT);
    str_buffer_init(&first, 1u << 24);
    str_buffer_init(&second, 1u << 24);
    caller_identity_write(&first, identity, NULL);
    again = caller_identity_read(str_buffer_text(&first), first.length, &no_memory);
    must(again != NULL && again->groups.count == identity->groups.count && again->claims.count == identity->claims.count);
    caller_identity_write(&second, again, NULL);
    must(strcmp(str_buffer_text(&first), str_buffer_text(&second)) == 0);
    identity_destroy(again);
    identity_destroy(identity);
    str_buffer_release(&first);
    str_buffer_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0)
        return 0;
    text = mem_strndup((const char *)data + 1, size - 1);
    must(text != NULL);
    if (data[0] % 2 == 0)
        check_header(text);
    else
        check_identity(text, size - 1);
    mem_free(text);
    return 0;
}
