/*
 * media_type: what Content-Type and Accept say (RFC 9110, sections 8.3 and 12.5.1).
 */
#ifndef HTTP_MEDIA_TYPE_H
#define HTTP_MEDIA_TYPE_H

#include <stdbool.h>

enum http_media { HTTP_MEDIA_JSON, HTTP_MEDIA_OTHER, HTTP_MEDIA_BROKEN };

/* Of one Content-Type value; parameters are checked and do not count, letter case does not matter. */
enum http_media http_media_of(const char *content_type);

/* Is application/json among the accepted? Ranges with q=0 are not; what cannot be read is passed over. */
bool http_media_accepts_json(const char *accept);

/* Is this very type among the accepted, other than by a wildcard? */
bool http_media_names(const char *accept, const char *type, const char *subtype);

#endif
