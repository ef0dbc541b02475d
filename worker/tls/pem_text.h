/*
 * pem_text: PEM as people write it into properties. Java takes blanks for line ends there, so that a key fits on one line
 * ("-----BEGIN PRIVATE KEY----- MIIE… -----END PRIVATE KEY-----"); OpenSSL does not.
 * Pure.
 */
#ifndef TLS_PEM_TEXT_H
#define TLS_PEM_TEXT_H

/* The text with its markers and the lines between them each on a line of its own. Free with pem_text_free. NULL: no memory. */
char *pem_text_unfold(const char *text);
void pem_text_free(char *text); /* wipes it; NULL is fine */

#endif
