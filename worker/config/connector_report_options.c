/* From parsed options to options of a report. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "config/connector_report_internal.h"
#include "sdk/collect.h"

#include "base/bans.h"

struct adding {
    struct report_builder *builder;
    const struct report_look *look;
    const struct mr_config *config;
    struct mr_config_report *found;
    struct mr_error **error;
};

/* Order --------------------------------------------------------------------------------------------------------- */

struct rank {
    size_t index, group; /* 0: no group, else by first appearance */
    const struct config_option *option;
};

static size_t group_rank(const struct mr_config *config, const char *group)
{
    size_t at = 0;
    if (group == NULL)
        return 0;
    for (; at < config_option_count(config); at++) {
        const char *theirs = config_option_at(config, at)->row.group;
        if (theirs != NULL && strcmp(theirs, group) == 0)
            break;
    }
    return at + 1;
}

/* ConfigDef.sortedConfigs: by group and place there; then what has no default, the more important, by name. */
static int rank_compare(const void *one, const void *other)
{
    const struct rank *a = one, *b = other;
    const struct mr_config_row *x = &a->option->row, *y = &b->option->row;
    int32_t x_order = x->group == NULL ? -1 : x->order_in_group, y_order = y->group == NULL ? -1 : y->order_in_group;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (x_order != y_order)
        return x_order < y_order ? -1 : 1;
    if (a->option->is_required != b->option->is_required)
        return a->option->is_required ? -1 : 1;
    if (x->importance != y->importance)
        return x->importance < y->importance ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool sort(const struct mr_config *config, size_t *order)
{
    size_t count = config_option_count(config);
    struct rank *ranks = mem_calloc(count + 1, sizeof(*ranks));
    for (size_t i = 0; ranks != NULL && i < count; i++)
        ranks[i] =
            (struct rank){i, group_rank(config, config_option_at(config, i)->row.group), config_option_at(config, i)};
    if (ranks == NULL)
        return false;
    qsort(ranks, count, sizeof(*ranks), rank_compare);
    for (size_t i = 0; i < count; i++)
        order[i] = ranks[i].index;
    mem_free(ranks);
    return true;
}

/* The map's keys are the names without prefix. */
static bool hash(const struct mr_config *config, size_t *order)
{
    size_t count = config_option_count(config);
    const char **names = mem_calloc(count + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = config_option_at(config, i)->row.name;
    bool is_ordered = names != NULL && java_order(names, count, count, order);
    mem_free(names);
    return is_ordered;
}

static bool choose_order(const struct adding *adding, size_t *order)
{
    if (adding->look->alias_group != NULL)
        return sort(adding->config, order);
    if (adding->look->is_hash_ordered)
        return hash(adding->config, order);
    for (size_t i = 0; i < config_option_count(adding->config); i++)
        order[i] = i;
    return true;
}

/* One option ---------------------------------------------------------------------------------------------------- */

static bool is_wrong(const struct adding *adding, const char *name)
{
    for (size_t i = 0; adding->found != NULL && i < config_report_count(adding->found); i++) {
        const char *option = config_report_option(adding->found, i);
        if (option != NULL && strcmp(option, name) == 0)
            return true;
    }
    return false;
}

static bool is_listed(const struct adding *adding, const struct config_option *option)
{
    return !option->row.is_internal ||
           (!adding->look->has_no_values && (string_map_has(config_submitted(adding->config), option->row.name) ||
                                             is_wrong(adding, option->full_name)));
}

static struct option_texts dependents_of(const struct adding *adding, const struct mr_config_row *row)
{
    struct option_texts texts = {row->dependents, 0};
    while (texts.items != NULL && texts.items[texts.count] != NULL)
        texts.count++;
    if (adding->look->alias_prefix == NULL || texts.count == 0)
        return texts;
    const char **full = report_keep_list(adding->builder, texts.count);
    for (size_t i = 0; full != NULL && i < texts.count; i++)
        full[i] = report_keep_printf(adding->builder, "%s%s", adding->look->alias_prefix, texts.items[i]);
    return (struct option_texts){full, full == NULL ? 0 : texts.count};
}

static const char *group_of(const struct adding *adding, const struct mr_config_row *row)
{
    if (adding->look->alias_group == NULL || row->group == NULL)
        return adding->look->alias_group == NULL ? row->group : adding->look->alias_group;
    return report_keep_printf(adding->builder, "%s: %s", adding->look->alias_group, row->group);
}

static void define(const struct adding *adding, struct connector_option *option, size_t index, int32_t place)
{
    const struct config_option *from = config_option_at(adding->config, index);
    const struct mr_config_row *row = &from->row;
    int32_t order = row->group == NULL ? -1 : row->order_in_group;
    option->is_defined = true;
    option->is_own = adding->look->is_own;
    option->definition = (struct option_definition){
        .type = row->type,
        .is_required = from->is_required,
        .default_text = report_keep(adding->builder, config_option_default(adding->config, index)),
        .importance = row->importance,
        .doc = row->doc == NULL ? "" : row->doc,
        .display_name = row->display_name == NULL ? row->name : row->display_name,
        .group = group_of(adding, row),
        .order_in_group = adding->look->alias_group == NULL ? order : place,
        .width = row->width,
        .dependents = dependents_of(adding, row),
    };
    report_add_group(adding->builder, option->definition.group);
}

static int recommend(const struct adding *adding, struct connector_option *option, size_t index)
{
    struct mr_text_list *values = text_list_create();
    if (values == NULL) {
        adding->builder->failed = true;
        return 0;
    }
    int status =
        config_option_recommend(adding->config, index, values, &option->is_visible, adding->found, adding->error);
    size_t count = text_list_count(values);
    const char **kept = status == 0 && count > 0 ? report_keep_list(adding->builder, count) : NULL;
    for (size_t i = 0; kept != NULL && i < count; i++)
        kept[i] = report_keep(adding->builder, text_list_at(values, i));
    option->recommended = (struct option_texts){kept, kept == NULL ? 0 : count};
    text_list_destroy(values);
    return status;
}

static int add_option(const struct adding *adding, size_t index, int32_t place)
{
    const struct config_option *from = config_option_at(adding->config, index);
    enum report_part part = adding->look->part;
    struct connector_option *option = part == REPORT_MAIN ? report_find(adding->builder, from->full_name) : NULL;
    if (option == NULL)
        option = report_add(adding->builder, part, report_keep(adding->builder, from->full_name));
    if (option == NULL)
        return 0;
    define(adding, option, index, place);
    if (adding->look->has_no_values)
        return 0;
    option->value = report_keep(adding->builder, config_option_shown(adding->config, index));
    return from->row.recommender == NULL ? 0 : recommend(adding, option, index);
}

/* The whole ------------------------------------------------------------------------------------------------------ */

static int add_options(const struct adding *adding, const size_t *order)
{
    int32_t place = adding->look->first_order;
    for (size_t i = 0; i < config_option_count(adding->config); i++) {
        if (is_listed(adding, config_option_at(adding->config, order[i])) && add_option(adding, order[i], place++) != 0)
            return -1;
    }
    return 0;
}

static bool has_error(const struct connector_option *option, const char *message)
{
    for (size_t i = 0; option != NULL && i < option->errors.count; i++) {
        if (strcmp(option->errors.items[i], message) == 0)
            return true;
    }
    return false;
}

void report_file_all(struct report_builder *builder, enum report_part part, const struct mr_config_report *found)
{
    for (size_t i = 0; i < config_report_count(found); i++) {
        const char *name = config_report_option(found, i), *message = config_report_message(found, i);
        name = name == NULL ? "connector.class" : name; /* about the whole */
        if (part != REPORT_MAIN || !has_error(report_find(builder, name), message))
            report_file_error(builder, part, name, message);
    }
    builder->failed = builder->failed || config_report_failed(found);
}

int report_add_config(struct report_builder *builder, const struct report_look *look, const struct mr_config *config,
                      struct mr_config_report *found, struct mr_error **error)
{
    struct adding adding = {builder, look, config, found, error};
    size_t *order = mem_calloc(config_option_count(config) + 1, sizeof(*order));
    int status = 0;
    if (order == NULL || !choose_order(&adding, order))
        builder->failed = true;
    else
        status = add_options(&adding, order);
    mem_free(order);
    if (status == 0 && found != NULL)
        report_file_all(builder, look->part, found);
    return status;
}
