/* field_reference.h: what is taken over from a change event's envelope into the row or its headers: "op", "source.ts_ms", "table:origin".
 *
 * A plain name is looked for where Debezium has it (transaction.*, the envelope, else source), then in the envelope; the new name is the
 * prefix and the name, or "struct_name", or what follows the colon (io.debezium.transforms.ExtractNewRecordState, add.fields).
 */
#ifndef TRANSFORMS_OWN_FIELD_REFERENCE_H
#define TRANSFORMS_OWN_FIELD_REFERENCE_H

#include <millrace/millrace.h>

struct field_reference {
    char *structure; /* NULL: the envelope itself */
    char *field;
    char *name; /* the new one */
};
struct field_references {
    struct field_reference *items;
    size_t count;
};

mr_config_validator check_field_references;

/* false: no memory; release all the same. */
bool field_references_read(struct field_references *references, const struct mr_config *config, const char *list_option,
                           const char *prefix_option);
void field_references_release(struct field_references *references);

/* Of an envelope. Schema NULL: it has no such field. The value may be null. */
struct reference_found {
    const struct mr_schema *schema;
    const struct mr_value *value;
};
struct reference_found field_reference_find(const struct field_reference *reference, const struct mr_value *envelope);

#endif
