/* charset_names: a charset's name in Java to its name in iconv. Constant tables; thread: any. */
#ifndef STRING_CHARSET_NAMES_H
#define STRING_CHARSET_NAMES_H

#define CHARSET_NAME_MAX 64   /* bytes, the NUL included */

/* `name` itself where no other is known, a constant, or `plain`. */
const char *charset_plain_name(const char *name, char plain[CHARSET_NAME_MAX]);

#endif
