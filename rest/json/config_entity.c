#include "json/config_entity.h"

#include "config/connector_report.h"
#include "json/json_out.h"
#include "sdk/config_host.h"

#include "base/bans.h"

static void write_texts(struct json_out *out, const char *name, const char *const *texts, size_t count)
{
    json_out_name(out, name);
    json_out_open(out, '[');
    for (size_t i = 0; i < count; i++)
        json_out_text(out, texts[i]);
    json_out_close(out, ']');
}

static void write_boolean(struct json_out *out, const char *name, bool value)
{
    json_out_name(out, name);
    json_out_raw(out, value ? "true" : "false", value ? 4 : 5);
}

static void write_definition(struct json_out *out, const struct connector_option *option)
{
    const struct option_definition *definition = &option->definition;
    json_out_open(out, '{');
    json_out_pair(out, "name", option->name);
    json_out_pair(out, "type", config_type_name(definition->type));
    write_boolean(out, "required", definition->is_required);
    json_out_pair(out, "default_value", definition->default_text);
    json_out_pair(out, "importance", config_importance_name(definition->importance));
    json_out_pair(out, "documentation", definition->doc);
    json_out_pair(out, "group", definition->group);
    json_out_pair(out, "width", config_width_name(definition->width));
    json_out_pair(out, "display_name", definition->display_name);
    write_texts(out, "dependents", definition->dependents.items, definition->dependents.count);
    json_out_name(out, "order_in_group");
    json_out_int(out, definition->order_in_group);
    json_out_close(out, '}');
}

static void write_value(struct json_out *out, const struct connector_option *option)
{
    json_out_open(out, '{');
    json_out_pair(out, "name", option->name);
    json_out_pair(out, "value", option->value);
    write_texts(out, "recommended_values", option->recommended.items, option->recommended.count);
    json_out_name(out, "errors");
    json_out_open(out, '[');
    for (size_t i = 0; i < option->errors.count; i++)
        json_out_text(out, option->errors.items[i]);
    json_out_close(out, ']');
    write_boolean(out, "visible", option->is_visible);
    json_out_close(out, '}');
}

void config_infos_write(struct json_out *out, const struct connector_report *report)
{
    json_out_open(out, '{');
    json_out_pair(out, "name", report->class_name);
    json_out_name(out, "error_count");
    json_out_int(out, (int64_t)report->error_count);
    write_texts(out, "groups", report->groups.items, report->groups.count);
    json_out_name(out, "configs");
    json_out_open(out, '[');
    for (size_t i = 0; i < report->option_count; i++) {
        const struct connector_option *option = report->options[i];
        json_out_open(out, '{');
        json_out_name(out, "definition");
        if (option->is_defined)
            write_definition(out, option);
        else
            json_out_text(out, NULL);
        json_out_name(out, "value");
        write_value(out, option);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
    json_out_close(out, '}');
}

void config_definitions_write(struct json_out *out, const struct connector_report *report)
{
    json_out_open(out, '[');
    for (size_t i = 0; i < report->option_count; i++)
        write_definition(out, report->options[i]);
    json_out_close(out, ']');
}
