/* trust_jks: the certificates of a Java trust store in Java's own format (JKS), which keytool made until Java 8: its certificates are plain
 * DER. Keys, which are in a form that only Java reads, are passed over. Pure: reads bytes. */
#ifndef HTTP_SINK_TRUST_JKS_H
#define HTTP_SINK_TRUST_JKS_H

#include <millrace/error.h>

/* Gets each certificate that is trusted; not 0 ends the reading as a mistake of the store. */
typedef int trust_jks_taker(void *owner, const unsigned char *der, size_t size);

/* password NULL: the store is not checked against it. -1: MR_ERR_CONFIG; `path` is for words. */
int trust_jks_read(const char *path, const unsigned char *bytes, size_t size, const char *password,
                   trust_jks_taker *take, void *owner, struct mr_error **error);

#endif
