/* header_print: values to the text of a header, by the rules of Kafka Connect's Values.convertToString. */
#ifndef SIMPLE_HEADER_PRINT_H
#define SIMPLE_HEADER_PRINT_H

#include "text.h"

#include <millrace/value.h>

#define HEADER_DEPTH_MAX 1000

/* Appends. MR_ERR_DATA: nested deeper than HEADER_DEPTH_MAX, or a number too long to print. */
int header_print(struct text *text, const struct mr_value *value, struct mr_error **error);

#endif
