/*
 * trust_store: certificates out of Java's trust store files, as PEM text: JKS (an own reader: certificates are plain DER in
 * it), PKCS#12 and PEM. The kind is told by the content, as Java does, not by the file's name.
 * Pure: reads one file. Messages name the file, never the password.
 */
#ifndef TLS_TRUST_STORE_H
#define TLS_TRUST_STORE_H

#include <stddef.h>

struct mr_error;
struct str_buffer;

#define STORE_FILE_MAX (16u << 20) /* bytes of a store's file */

enum store_format { STORE_UNKNOWN, STORE_PEM, STORE_PKCS12, STORE_JKS };

enum store_format store_format_of(const void *bytes, size_t size);

/* Appends every trusted certificate. password may be NULL (JKS: then its integrity is not checked). -1: MR_ERR_CONFIG. */
int trust_store_read(const char *path, const char *password, struct str_buffer *pem, struct mr_error **error);
/* The same from bytes; `name` is for messages. */
int trust_store_parse(const void *bytes, size_t size, const char *name, const char *password, struct str_buffer *pem,
                      struct mr_error **error);

#endif
