#include "connector_file.h"

#include <millrace/error.h>
#include <string.h>

#include "base/mem.h"
#include "base/properties.h"
#include "base/string_map.h"

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

int connector_file_read(const char *path, struct connector_file *file, struct mr_error **error)
{
    memset(file, 0, sizeof(*file));
    if (read_properties(path, file, error) == 0)
        return 0;
    connector_file_release(file);
    return -1;
}

void connector_file_release(struct connector_file *file)
{
    string_map_destroy(file->config);
    mem_free(file->name);
}
