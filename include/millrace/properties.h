/* properties.h: the text of a Java .properties file, read exactly as java.util.Properties#load reads it from UTF-8.
 *
 * For plugins that read such files themselves, as users of Kafka Connect keep them: comments, continuation lines, \uXXXX, the
 * last of equal keys. Content may be secret: it is in no error text, and wiped at _destroy. Malformed \uXXXX, invalid UTF-8 and
 * NUL are refused (MR_ERR_CONFIG, by line). Immutable: any thread may read.
 */
#ifndef MILLRACE_PROPERTIES_H
#define MILLRACE_PROPERTIES_H

#include <millrace/error.h>

MR_BEGIN_DECLS

struct mr_properties;

MR_EXPORT struct mr_properties *mr_properties_parse(const char *text, size_t size, struct mr_error **error);
MR_EXPORT void mr_properties_destroy(struct mr_properties *properties);

MR_EXPORT const char *mr_properties_get(const struct mr_properties *properties, const char *key); /* NULL: not there */
/* In the order of the file. */
MR_EXPORT size_t mr_properties_count(const struct mr_properties *properties);
MR_EXPORT const char *mr_properties_key_at(const struct mr_properties *properties, size_t index);
MR_EXPORT const char *mr_properties_value_at(const struct mr_properties *properties, size_t index);

MR_END_DECLS
#endif
