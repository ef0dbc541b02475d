#include "connector_file.h"

#include <millrace/error.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/properties.h"
#include "base/string_map.h"
#include "json/connector_body.h"

#include "base/bans.h"

static int read_properties(const char *path, struct connector_file *file, struct mr_error **error)
{
    char why[512];

    file->config = properties_load(path, PROPERTIES_LATIN1, why, sizeof(why));
    if (file->config == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s", why);
    file->name = mem_strdup(string_map_get(file->config, "name"));
    if (file->name == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s: `name` is missing: a connector needs one", path);
    return 0;
}

static bool is_json(const char *path)
{
    size_t length = strlen(path);

    return length > 5 && strcmp(path + length - 5, ".json") == 0;
}

static int take_flat(const char *path, struct string_map *config, struct connector_file *file, struct mr_error **error)
{
    file->config = config;
    file->name = mem_strdup(string_map_get(config, "name"));
    return file->name != NULL ? 0
                              : mr_error_set(error, MR_ERR_CONFIG, "%s: \"name\" is missing: a connector needs one", path);
}

/* Options alone hold no object; the body of POST /connectors holds one, "config". */
static bool is_of_post(const struct body_problem *problem_as_options)
{
    return strncmp(problem_as_options->message, "Option \"config\"", strlen("Option \"config\"")) == 0;
}

/* What is said of request bodies, said of a file. */
static int refuse(const char *path, const struct body_problem *problem, struct mr_error **error)
{
    static const char body[] = "The request body", url[] = "Connector name configuration (";
    size_t length = sizeof(body) - 1;

    if (strncmp(problem->message, body, length) == 0)
        return mr_error_set(error, MR_ERR_CONFIG, "%s: The file%s", path, problem->message + length);
    if (strncmp(problem->message, url, sizeof(url) - 1) == 0)
        return mr_error_set(error, MR_ERR_CONFIG, "%s: \"name\" beside \"config\" and \"name\" in it differ; leave one out", path);
    return mr_error_set(error, MR_ERR_CONFIG, "%s: %s", path, problem->message);
}

static int read_json_text(const char *path, const char *text, size_t length, struct connector_file *file,
                          struct mr_error **error)
{
    struct body_problem problem;
    struct connector_body body;
    struct string_map *flat = options_body_read(text, length, &problem);

    if (flat != NULL)
        return take_flat(path, flat, file, error);
    if (!is_of_post(&problem) || !connector_body_read(&body, text, length, &problem))
        return refuse(path, &problem, error);
    *file = (struct connector_file){.name = body.name, .config = body.config, .initial = body.initial_state};
    return 0;
}

static int read_json(const char *path, struct connector_file *file, struct mr_error **error)
{
    char why[512];
    size_t length;
    char *text = file_read(path, CONNECTOR_FILE_MAX, &length, why, sizeof(why));
    int status;

    if (text == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s", why);
    status = read_json_text(path, text, length, file, error);
    explicit_bzero(text, length); /* it may hold passwords */
    mem_free(text);
    return status;
}

int connector_file_read(const char *path, struct connector_file *file, struct mr_error **error)
{
    memset(file, 0, sizeof(*file));
    if ((is_json(path) ? read_json : read_properties)(path, file, error) == 0)
        return 0;
    connector_file_release(file);
    return -1;
}

void connector_file_release(struct connector_file *file)
{
    string_map_destroy(file->config);
    mem_free(file->name);
}
