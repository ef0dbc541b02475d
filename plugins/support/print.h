/* print: any value as Java's toString prints it; strings as they are. */
#ifndef STRING_PRINT_H
#define STRING_PRINT_H

#include "text.h"

#include <millrace/value.h>

#define PRINT_DEPTH_MAX 1000

/* Appends. MR_ERR_DATA: nested deeper than PRINT_DEPTH_MAX, or a number too long to print. */
int print_value(struct text *text, const struct mr_value *value, struct mr_error **error);

#endif
