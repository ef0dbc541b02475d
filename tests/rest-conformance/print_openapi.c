/* Prints the description of the REST API, as GET /openapi.json answers it. */
#include <stdio.h>

#include "base/str_buffer.h"
#include "routes/openapi.h"

int main(void)
{
    struct str_buffer text;
    str_buffer_init(&text, OPENAPI_LENGTH_MAX);
    bool worked = openapi_write(&text, true, NULL) && puts(str_buffer_text(&text)) >= 0;
    str_buffer_release(&text);
    return worked ? 0 : 1;
}
