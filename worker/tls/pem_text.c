#include "tls/pem_text.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

#include "base/bans.h"

#define DASHES "-----"
#define DASHES_LENGTH 5

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Within a marker blanks are words' ("BEGIN PRIVATE KEY"), and so they are in the head of an old encrypted key ("Proc-Type: 4,ENCRYPTED"). */
static char *unfold(const char *text, char *out)
{
    bool in_marker = false, in_head = false;
    for (const char *at = text; *at != '\0'; at++) {
        if (strncmp(at, DASHES, DASHES_LENGTH) == 0) {
            bool begins_line = !in_marker && out[-1] != '\n';
            if (begins_line)
                *out++ = '\n';
            memcpy(out, DASHES, DASHES_LENGTH);
            out += DASHES_LENGTH;
            at += DASHES_LENGTH - 1;
            in_marker = !in_marker;
            if (!in_marker && at[1] != '\n' && at[1] != '\r')
                *out++ = '\n';
        } else if (*at == '\r') {
            continue; /* a line end follows */
        } else if (in_marker || !is_blank(*at)) {
            in_head = in_head || *at == ':';
            if (*at == '\n')
                in_head = false;
            *out++ = *at;
        } else if (in_head) {
            *out++ = *at;
        } else if (out[-1] != '\n') {
            *out++ = '\n';
        }
    }
    return out;
}

char *pem_text_unfold(const char *text)
{
    size_t length = strlen(text);
    char *pem = mem_alloc(2 * length + 2); /* a line end for each byte at most, one before all, and the NUL */
    if (pem == NULL)
        return NULL;
    pem[0] = '\n'; /* so that there is a byte before the first */
    *unfold(text, pem + 1) = '\0';
    return pem;
}

void pem_text_free(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    mem_free(text);
}
