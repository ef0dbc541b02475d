#include "converter_plugin.h"
#include "numbers.h"

#define PAIR(name, simple_name, text)                                                                                  \
    CONVERTER_PAIR(name, NUMBER_CLASS(simple_name), text, &converter_no_options, &name##_ops)

PAIR(boolean, "BooleanConverter", "Booleans: one byte, 0 or 1.");
PAIR(short, "ShortConverter", "Integers of 16 bits: two bytes, big-endian.");
PAIR(integer, "IntegerConverter", "Integers of 32 bits: four bytes, big-endian.");
PAIR(long, "LongConverter", "Integers of 64 bits: eight bytes, big-endian.");
PAIR(float, "FloatConverter", "Floating-point numbers of 32 bits: four bytes, IEEE 754, big-endian.");
PAIR(double, "DoubleConverter", "Floating-point numbers of 64 bits: eight bytes, IEEE 754, big-endian.");

static const struct mr_plugin *const plugins[] = {
    &boolean_converter, &boolean_header_converter, &short_converter,  &short_header_converter,
    &integer_converter, &integer_header_converter, &long_converter,   &long_header_converter,
    &float_converter,   &float_header_converter,   &double_converter, &double_header_converter,
};
PLUGIN_MODULE("number_converters", plugins);
