/* millrace ctl health: what a probe without curl asks, for an image that holds no shell (docs/health.md, docs/container.md). */
#include <jansson.h>
#include <millrace/error.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/string_map.h"
#include "config/worker_file.h"
#include "ctl.h"
#include "rest_ask.h"
#include "say_error.h"

#include "base/bans.h"

#define NAME "millrace ctl health"
#define EXIT_UNHEALTHY 1
#define EXIT_NOT_ASKED 2
#define TIMEOUT_MS 5000 /* probes answer at once, or not at all */
#define URL_DEFAULT "http://localhost:8083"
#define URL_VARIABLE "MILLRACE_HEALTH_URL"

static const char USAGE[] =
    "Usage: millrace ctl health [--live] [--url URL] [--worker FILE]\n"
    "\n"
    "Asks a worker whether it is ready (/readyz), and prints what it says.\n"
    "\n"
    "  --live                    asks whether it is alive (/livez)\n"
    "  --url URL                 of a listener or health listener; by default $" URL_VARIABLE ", else " URL_DEFAULT "\n"
    "  --worker FILE             a worker's properties, whose ssl.* verify https\n"
    "\n"
    "Exit status: 0 it is; 1 it is not, or nobody answers within 5 s; 2 the arguments or the file are wrong.\n";

struct options {
    const char *url, *worker;
    bool is_live;
};

static bool read_options(struct options *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char **text = strcmp(argv[i], "--url") == 0 ? &options->url : strcmp(argv[i], "--worker") == 0 ? &options->worker : NULL;
        if (strcmp(argv[i], "--live") == 0) {
            options->is_live = true;
        } else if (text != NULL && i + 1 < argc) {
            *text = argv[++i];
        } else {
            fprintf(stderr, NAME ": %s: %s\n`" NAME " --help` says how it is called\n", argv[i],
                    text == NULL ? "there is no such option" : "its value is missing");
            return false;
        }
    }
    return true;
}

static int ask(const struct options *options, const struct string_map *tls, struct mr_error **error)
{
    json_t *answer = rest_ask(&(struct rest_worker){.url = options->url, .tls = tls},
                              &(struct rest_question){.method = "GET", .path = options->is_live ? "/livez" : "/readyz", .timeout_ms = TIMEOUT_MS},
                              error);
    const char *status = json_string_value(json_object_get(answer, "status"));
    const char *message = json_string_value(json_object_get(answer, "message"));
    if (answer != NULL && status == NULL)
        mr_error_set(error, MR_ERR_ILLEGAL_STATE, "%s is no worker: its answer has no status", options->url);
    else if (answer != NULL)
        printf("%s%s%s\n", status, message == NULL ? "" : ": ", message == NULL ? "" : message);
    json_decref(answer);
    return *error == NULL ? 0 : EXIT_UNHEALTHY;
}

static int run_with(const struct options *options)
{
    struct mr_error *error = NULL;
    int status = EXIT_NOT_ASKED;
    log_level_set("root", LOG_LEVEL_WARN, -1, NULL);
    struct string_map *tls = options->worker == NULL ? string_map_create() : worker_file_read(options->worker, &error);
    if (tls != NULL)
        status = ask(options, tls, &error);
    if (error != NULL)
        say_error(NAME, error);
    mr_error_drop(error);
    string_map_destroy(tls);
    return status;
}

static int run(int argc, char **argv)
{
    const char *wished = getenv(URL_VARIABLE);
    struct options options = {.url = wished == NULL || *wished == '\0' ? URL_DEFAULT : wished};
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return fputs(USAGE, stdout) < 0 ? EXIT_NOT_ASKED : 0;
    return read_options(&options, argc, argv) ? run_with(&options) : EXIT_NOT_ASKED;
}

const struct command ctl_health = {
    .name = "health",
    .arguments = "[--live] [--url URL]",
    .summary = "Ask a worker whether it is ready, or alive",
    .run = run,
};
