#include <stdio.h>
#include <stdlib.h>

#include "own/own.h"
#include "support/names.h"
#include "support/regex_option.h"

static const char *const actions[] = { "include", "exclude", NULL };

/* Either list or expression; without both every value that is there matches. */
static int check_pattern(const char *name, const char *text, const struct mr_config *config, const void *argument,
                         struct mr_error **error)
{
    if (text == NULL)
        return 0;
    if (mr_config_list_count(config, "values") > 0)
        return mr_error_set(error, MR_ERR_CONFIG, "values and pattern exclude each other: give one of them");
    return check_regex(name, text, config, argument, error);
}

static const struct mr_config_row rows[] = {
    {
        .name = "field",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "Where to look: a path like order.lines[0].sku; empty: the whole key or value.",
        .validator = check_value_path,
    },
    {
        .name = "values",
        .type = MR_CONFIG_LIST,
        .default_text = "",
        .importance = MR_HIGH,
        .doc = "A record matches when the field is one of these.",
        .validator = mr_check_valid_list,
    },
    {
        .name = "pattern",
        .type = MR_CONFIG_STRING,
        .importance = MR_HIGH,
        .doc = "A record matches when this regular expression matches the whole field. Without values and pattern every record "
               "matches that has the field.",
        .validator = check_pattern,
    },
    {
        .name = "action",
        .type = MR_CONFIG_STRING,
        .default_text = "include",
        .importance = MR_HIGH,
        .doc = "include: records that match pass, the others are dropped; exclude: the other way round.",
        .validator = mr_check_one_of,
        .validator_argument = actions,
    },
    MISSING_ROW,
    REPLACE_NULL_ROW,
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct filter_by_field {
    enum side side;
    bool with_default, excludes;
    enum missing missing;
    struct value_path path;
    struct names values;
    struct java_regex *pattern; /* NULL: none */
};

static void destroy(void *self)
{
    struct filter_by_field *filter = self;
    if (filter == NULL)
        return;
    value_path_release(&filter->path);
    names_release(&filter->values);
    java_regex_destroy(filter->pattern);
    free(filter);
}

static int configure(struct filter_by_field *filter, const struct mr_config *config, struct mr_error **error)
{
    filter->with_default = mr_config_boolean(config, REPLACE_NULL);
    filter->excludes = strcmp(mr_config_string(config, "action"), "exclude") == 0;
    filter->missing = missing_of(config);
    if (value_path_init(&filter->path, mr_config_string(config, "field"), false, error) < 0)
        return -1;
    if (!names_add_list(&filter->values, config, "values"))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for FilterByField");
    if (!mr_config_has_value(config, "pattern"))
        return 0;
    filter->pattern = regex_option_create(config, "pattern", error);
    return filter->pattern == NULL ? -1 : 0;
}

static void *create(enum side side, const struct mr_config *config, struct mr_error **error)
{
    struct filter_by_field *filter = calloc(1, sizeof(*filter));
    if (filter == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for FilterByField");
        return NULL;
    }
    filter->side = side;
    if (configure(filter, config, error) == 0)
        return filter;
    destroy(filter);
    return NULL;
}

static int find_match(struct filter_by_field *filter, struct mr_arena *arena, const struct mr_value *value, bool *matches,
                      struct mr_error **error)
{
    *matches = true;
    if (filter->values.count == 0 && filter->pattern == NULL)
        return 0;
    struct mr_bytes text = field_text(arena, &filter->path, value, error);
    if (text.data == NULL)
        return -1;
    *matches = filter->pattern == NULL ? names_find(&filter->values, text) >= 0
                                       : java_regex_matches(filter->pattern, text.data, text.size);
    if (*matches || filter->pattern == NULL || java_regex_failure(filter->pattern) == NULL)
        return 0;
    char what[220];
    snprintf(what, sizeof(what), "the value at %.200s", filter->path.count == 0 ? "the top" : filter->path.text);
    return regex_option_given_up(filter->pattern, "pattern", what, error);
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct filter_by_field *filter = self;
    const struct mr_value *value = value_path_find(&filter->path, operand_value(record, filter->side), filter->with_default);
    bool matches;
    if (value == NULL || mr_value_is_null(value))
        return missing_end(filter->missing, &filter->path, record, emitter, error);
    if (find_match(filter, mr_record_arena(record), value, &matches, error) < 0)
        return -1;
    return matches != filter->excludes ? mr_emit(emitter, record) : 0;
}

OWN_PAIR(filter_by_field, "FilterByField", "Lets records pass, or drops them, by what stands in a field.", options);
