/* numbers: what the files of this plugin share. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <millrace/millrace.h>

#define NUMBER_CLASS(name) "org.apache.kafka.connect.converters." name

/* One row for each class; a converter and a header converter of each. */
extern const struct mr_converter_ops boolean_ops;
extern const struct mr_converter_ops short_ops, integer_ops, long_ops, float_ops, double_ops;

#endif
