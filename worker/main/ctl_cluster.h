/*
 * ctl_cluster: what `ctl adopt` and `ctl give-back` share: the command line, a worker's file with its plugins, a report that is printed.
 */
#ifndef MAIN_CTL_CLUSTER_H
#define MAIN_CTL_CLUSTER_H

#include <stdbool.h>

struct json_t;
struct mr_error;
struct str_buffer;
struct take_over_setup;

struct ctl_cluster {
    const char *name; /* "millrace ctl adopt" */
    const char *usage;
    struct json_t *(*ask)(const struct take_over_setup *setup, bool is_dry, struct mr_error **error);
    bool (*write)(const struct json_t *report, bool is_dry, struct str_buffer *out); /* false: no memory */
    bool (*is_fine)(const struct json_t *report);
};

/* The exit status: 0 fine, 1 not, 2 nothing is known: arguments, files or brokers. */
int ctl_cluster_run(const struct ctl_cluster *what, int argc, char **argv);

#endif
