/* base64: the standard alphabet, padded. */
#ifndef SUPPORT_BASE64_H
#define SUPPORT_BASE64_H

#include "text.h"

void base64_add(struct text *text, struct mr_bytes bytes);

#endif
