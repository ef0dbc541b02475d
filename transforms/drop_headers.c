#include <stdlib.h>

#include "support/names.h"
#include "transform.h"

static const struct mr_config_row rows[] = {
    {
        .name = "headers",
        .type = MR_CONFIG_LIST,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "The names of the headers to remove.",
        .validator = mr_check_valid_list,
        .validator_argument = "not empty",
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

static void destroy(void *self)
{
    if (self != NULL)
        names_release(self);
    free(self);
}

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct names *headers = calloc(1, sizeof(*headers));
    if (headers != NULL && names_add_list(headers, config, "headers"))
        return headers;
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for DropHeaders");
    destroy(headers);
    return NULL;
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    const struct names *headers = self;
    for (size_t i = 0; i < headers->count; i++) {
        if (mr_record_remove_headers(record, headers->items[i].text) < 0)
            return mr_arena_failed(mr_record_arena(record), error);
    }
    return mr_emit(emitter, record);
}

TRANSFORM_SINGLE(drop_headers, "DropHeaders", "Removes headers by their names.", options);
