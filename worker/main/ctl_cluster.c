#include "ctl_cluster.h"

#include <jansson.h>
#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str_buffer.h"
#include "base/thread.h"
#include "kafka/graveyard.h"
#include "say_error.h"
#include "take_over/take_over.h"
#include "try_worker.h"

#include "base/bans.h"

#define EXIT_NOT_FINE 1
#define EXIT_NOT_KNOWN 2
#define TIMEOUT_MS 60000 /* for all that the brokers are asked */
#define END_TIMEOUT_MS 2000
#define REPORT_MAX ((size_t)256 << 20)

struct options {
    const char *worker, *plugin_path;
    bool is_dry, is_json, is_help;
};

/* How many arguments it takes; 0: there is no such option. */
static int read_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--dry-run") == 0)
        options->is_dry = true;
    else if (strcmp(name, "--json") == 0)
        options->is_json = true;
    else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        options->is_help = true;
    else if (value != NULL && strcmp(name, "--worker") == 0)
        options->worker = value;
    else if (value != NULL && strcmp(name, "--plugin-path") == 0)
        options->plugin_path = value;
    else
        return 0;
    return strcmp(name, "--worker") == 0 || strcmp(name, "--plugin-path") == 0 ? 2 : 1;
}

static bool read_options(struct options *options, const char *name, int argc, char **argv)
{
    for (int i = 1, taken; i < argc; i += taken) {
        taken = read_option(options, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        if (taken == 0) {
            fprintf(stderr, "%s: %s: unknown, or its value is missing\n", name, argv[i]);
            return false;
        }
    }
    if (options->worker == NULL && !options->is_help)
        fprintf(stderr, "%s: --worker is missing\n", name);
    return options->worker != NULL || options->is_help;
}

static int print(const struct ctl_cluster *what, const struct options *options, const json_t *report, struct mr_error **error)
{
    struct str_buffer out;
    char *json = options->is_json ? json_dumps(report, JSON_COMPACT) : NULL;
    str_buffer_init(&out, REPORT_MAX);
    bool fine = options->is_json ? json != NULL && str_buffer_append_text(&out, json) && str_buffer_append_char(&out, '\n')
                                 : what->write(report, options->is_dry, &out);
    fine = fine && fwrite(str_buffer_text(&out), 1, out.length, stdout) == out.length && fflush(stdout) == 0;
    str_buffer_release(&out);
    free(json);
    return fine ? 0 : mr_error_set(error, MR_ERR_CONNECT, "the report cannot be written to standard output");
}

static int ask(const struct ctl_cluster *what, const struct options *options, const struct try_worker *worker, struct mr_error **error)
{
    struct graveyard *graveyard = graveyard_create(error);
    if (graveyard == NULL)
        return EXIT_NOT_KNOWN;
    json_t *report = what->ask(&(struct take_over_setup){.loader = worker->loader,
                                                         .worker = worker->config,
                                                         .variables = worker->variables,
                                                         .graveyard = graveyard,
                                                         .deadline_ms = deadline_after_ms(TIMEOUT_MS)},
                               options->is_dry, error);
    int status = EXIT_NOT_KNOWN;
    if (report != NULL && print(what, options, report, error) == 0)
        status = what->is_fine(report) ? 0 : EXIT_NOT_FINE;
    json_decref(report);
    graveyard_destroy(graveyard, deadline_after_ms(END_TIMEOUT_MS));
    return status;
}

int ctl_cluster_run(const struct ctl_cluster *what, int argc, char **argv)
{
    struct options options = {.worker = NULL};
    struct try_worker worker = {.loader = NULL};
    struct mr_error *error = NULL;
    int status = EXIT_NOT_KNOWN;
    if (!read_options(&options, what->name, argc, argv)) {
        fprintf(stderr, "`%s --help` says how it is called\n", what->name);
        return status;
    }
    if (options.is_help)
        return fputs(what->usage, stdout) < 0 ? EXIT_NOT_KNOWN : 0;
    if (try_worker_init(&worker, options.worker, options.plugin_path, NULL, &error) == 0)
        status = ask(what, &options, &worker, &error);
    try_worker_release(&worker);
    if (error != NULL)
        say_error(what->name, error);
    mr_error_drop(error);
    return status;
}
