/*
 * jaas: the text of `sasl.jaas.config`: `LoginModuleClass flag key=value key="quoted \" value" … ;`, exactly one entry.
 *
 * As Kafka's own parser, and a little more patient: a value without quotes reaches to the next blank or ';' (there it may
 * only be a word). Quotes are " or '; inside them \n \t \r \b \f \a \v, octal \101 and backslash + any other character.
 * Comments (two slashes to the line's end, or slash star) may stand between tokens.
 * Messages of errors name options, never values. Pure: no state, any thread.
 */
#ifndef KAFKA_JAAS_INTERNAL_H
#define KAFKA_JAAS_INTERNAL_H

#include <stddef.h>

struct mr_error;
struct string_map;

#define JAAS_TEXT_MAX 65536

struct jaas_entry {
    char *module;                 /* the class name as written */
    struct string_map *options;   /* of a repeated key the last one counts */
};

/* -1: MR_ERR_CONFIG, entry is empty. */
int jaas_parse(struct jaas_entry *entry, const char *text, struct mr_error **error);
void jaas_entry_release(struct jaas_entry *entry);
/* "PlainLoginModule" of "org.apache.kafka.common.security.plain.PlainLoginModule". */
const char *jaas_entry_module_name(const struct jaas_entry *entry);

#endif
