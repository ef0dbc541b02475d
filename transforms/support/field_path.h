/* field_path.h: where a field stands (KIP-821). V1: the whole text is one field's name. V2: steps divided by dots; a step
 * in backticks may hold dots. */
#ifndef TRANSFORMS_SUPPORT_FIELD_PATH_H
#define TRANSFORMS_SUPPORT_FIELD_PATH_H

#include <millrace/millrace.h>

enum field_syntax { FIELD_SYNTAX_V1, FIELD_SYNTAX_V2 };

#define FIELD_SYNTAX "field.syntax.version"
extern const char *const field_syntax_versions[];
#define FIELD_SYNTAX_ROW                                                                                               \
    {                                                                                                                  \
        .name = FIELD_SYNTAX, .type = MR_CONFIG_STRING, .default_text = "V1", .importance = MR_HIGH,                   \
        .doc = "How field names are read. V1: the whole text is the name of a field of the top level. V2: dots lead "  \
               "into nested structs and maps (a.b.c); a name that holds dots itself stands in backticks (`a.b`.c).",   \
        .validator = mr_check_one_of_any_case, .validator_argument = field_syntax_versions                            \
    }

enum field_syntax field_syntax_of(const struct mr_config *config);

/* An empty path of V2 has no steps. */
struct field_path {
    size_t count;
    char **steps;
};

/* -1: MR_ERR_CONFIG (a backtick that is never closed), or no memory; nothing to release then. */
int field_path_init(struct field_path *path, enum field_syntax syntax, const char *text, struct mr_error **error);
void field_path_release(struct field_path *path);

#endif
