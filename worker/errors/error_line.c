#include "errors/error_line.h"

#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/secrets.h"

#include "base/bans.h"

const char *error_line(const struct mr_error *error, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (const struct mr_error *at = error; at != NULL && used < size; at = mr_error_cause(at)) {
        int added = snprintf(text + used, size - used, "%s%s", at == error ? "" : "; caused by: ", mr_error_message(at));
        used += added > 0 ? (size_t)added : 0;
    }
    secrets_hide_text(text); /* as long as its lines are whole */
    for (char *at = text; (at = strpbrk(at, "\r\n\t")) != NULL;)
        *at++ = ' ';
    return text;
}
