#include "say_error.h"

#include <millrace/error.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/secrets.h"
#include "base/str_buffer.h"

#include "base/bans.h"

#define WORDS_MAX (256u << 10)

void say_error(const char *command, const struct mr_error *error)
{
    struct str_buffer line;
    str_buffer_init(&line, WORDS_MAX);
    str_buffer_append_text(&line, mr_error_message(error));
    while ((error = mr_error_cause(error)) != NULL)
        str_buffer_printf(&line, "; caused by: %s", mr_error_message(error));
    char *words = str_buffer_take(&line, NULL);
    if (words != NULL)
        secrets_hide_text(words);
    fprintf(stderr, "%s: %s\n", command, words == NULL ? "no memory left on this machine" : words);
    mem_free(words);
}
