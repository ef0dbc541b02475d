/*
 * connector_file: one connector from a file, for standalone workers and `millrace try`: Java properties, or JSON as POST /connectors takes it
 * ({"name", "config", "initial_state"}) or as a flat map of options.
 */
#ifndef MAIN_CONNECTOR_FILE_H
#define MAIN_CONNECTOR_FILE_H

#include "herder/herder.h"

struct mr_error;
struct string_map;

#define CONNECTOR_FILE_MAX (1u << 20)

struct connector_file {
    char *name;
    struct string_map *config; /* with `name` */
    enum herder_initial_state initial;
};

/* `usual_name`: of one that has none; NULL: such a one is refused. -1: MR_ERR_CONFIG names the file and what is wrong with it, never
 * a value. Nothing to release then. */
int connector_file_read(const char *path, const char *usual_name, struct connector_file *file, struct mr_error **error);
void connector_file_release(struct connector_file *file);

#endif
