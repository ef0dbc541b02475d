/*
 * jaas: login entries as Java's JAAS writes them.
 *
 * An entry, the text of `sasl.jaas.config`: `LoginModuleClass flag key=value key="quoted \" value" … ;`, exactly one.
 * A file, as `-Djava.security.auth.login.config` names it: `Context { entry } ; Context { entry } ;`.
 *
 * As Kafka's own parser, and a little more patient: a value without quotes reaches to the next blank or ';' (there it may
 * only be a word). Quotes are " or '; inside them \n \t \r \b \f \a \v, octal \101 and backslash + any other character.
 * Comments (two slashes to the line's end, or slash star) may stand between tokens.
 * Reasons name options and, in a file, the line; never values. Pure: no state, any thread.
 */
#ifndef BASE_JAAS_H
#define BASE_JAAS_H

#include <stdbool.h>
#include <stddef.h>

struct string_map;

#define JAAS_TEXT_MAX 65536
#define JAAS_NO_MEMORY "no memory"

struct jaas_entry {
    char *module;                 /* the class name as written */
    struct string_map *options;   /* of a repeated key the last one counts */
};

/* false: entry is empty, why says the reason (JAAS_NO_MEMORY). */
bool jaas_parse(struct jaas_entry *entry, const char *text, char *why, size_t why_size);
/* The one entry of that context in the text of a file. A context that is not there, or holds several entries, is refused; the
 * whole text must be well formed, and no context may come twice. */
bool jaas_parse_file(struct jaas_entry *entry, const char *text, const char *context, char *why, size_t why_size);
void jaas_entry_release(struct jaas_entry *entry);
/* "PlainLoginModule" of "org.apache.kafka.common.security.plain.PlainLoginModule". */
const char *jaas_entry_module_name(const struct jaas_entry *entry);

#endif
