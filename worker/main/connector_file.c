#include "connector_file.h"

#include <millrace/error.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/properties.h"
#include "base/string_map.h"
#include "json/connector_body.h"

#include "base/bans.h"

/* Into file->name, and into the configuration where it is not in it. `quote` as the file's syntax writes names of options. */
static int take_name(const char *path, const char *usual_name, char quote, struct connector_file *file, struct mr_error **error)
{
    const char *name = string_map_get(file->config, "name");

    if (name == NULL && usual_name == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s: %cname%c is missing: a connector needs one", path, quote, quote);
    file->name = mem_strdup(name != NULL ? name : usual_name);
    if (file->name == NULL || (name == NULL && !string_map_put(file->config, "name", usual_name)))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "%s: no memory for a connector", path);
    return 0;
}

static int read_properties(const char *path, const char *usual_name, struct connector_file *file, struct mr_error **error)
{
    char why[512];

    file->config = properties_load(path, PROPERTIES_LATIN1, why, sizeof(why));
    if (file->config == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s", why);
    return take_name(path, usual_name, '`', file, error);
}

static bool is_json(const char *path)
{
    size_t length = strlen(path);

    return length > 5 && strcmp(path + length - 5, ".json") == 0;
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

static int read_json_text(const char *path, const char *usual_name, const char *text, size_t length,
                          struct connector_file *file, struct mr_error **error)
{
    struct body_problem problem;
    struct connector_body body;
    struct string_map *flat = options_body_read(text, length, &problem);

    if (flat != NULL) {
        file->config = flat;
        return take_name(path, usual_name, '"', file, error);
    }
    if (!is_of_post(&problem) || !connector_body_read(&body, text, length, &problem))
        return refuse(path, &problem, error);
    *file = (struct connector_file){.name = body.name, .config = body.config, .initial = body.initial_state};
    if (usual_name == NULL || (file->name != NULL && *file->name != '\0'))
        return 0;
    mem_free(file->name);
    file->name = NULL;
    string_map_remove(file->config, "name");
    return take_name(path, usual_name, '"', file, error);
}

static int read_json(const char *path, const char *usual_name, struct connector_file *file, struct mr_error **error)
{
    char why[512];
    size_t length;
    char *text = file_read(path, CONNECTOR_FILE_MAX, &length, why, sizeof(why));
    int status;

    if (text == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s", why);
    status = read_json_text(path, usual_name, text, length, file, error);
    explicit_bzero(text, length); /* it may hold passwords */
    mem_free(text);
    return status;
}

int connector_file_read(const char *path, const char *usual_name, struct connector_file *file, struct mr_error **error)
{
    memset(file, 0, sizeof(*file));
    if ((is_json(path) ? read_json : read_properties)(path, usual_name, file, error) == 0)
        return 0;
    connector_file_release(file);
    return -1;
}

void connector_file_release(struct connector_file *file)
{
    string_map_destroy(file->config);
    mem_free(file->name);
}
