/* header_converter.h: a header converter is a converter of kind MR_PLUGIN_HEADER_CONVERTER; the place of a datum names
 * the header's key. One table serves both kinds, so one implementation can be listed twice in a module. */
#ifndef MILLRACE_HEADER_CONVERTER_H
#define MILLRACE_HEADER_CONVERTER_H

#include <millrace/converter.h>

#endif
