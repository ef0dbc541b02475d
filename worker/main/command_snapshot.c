/* millrace snapshot: what a cluster must not forget, as one file, and back (docs/snapshot.md). */
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "commands.h"
#include "config/worker_config.h"
#include "kafka/graveyard.h"
#include "say_error.h"
#include "snapshot/snapshot.h"
#include "try_worker.h"

#include "base/bans.h"

#define EXIT_NOT_DONE 2
#define TIMEOUT_MS 120000
#define END_TIMEOUT_MS 2000
#define REPORT_MAX ((size_t)64 << 20)
#define WHY_MAX 512

static const char USAGE[] =
    "Usage: millrace snapshot export --worker FILE --out SNAPSHOT\n"
    "       millrace snapshot import SNAPSHOT --worker FILE [--dry-run] [--replace]\n"
    "\n"
    "export writes configurations, target states and offsets of a cluster into one file, also while it runs.\n"
    "import writes them back while no worker runs: what is missing there. It makes topics that are gone.\n"
    "\n"
    "  --worker FILE   the worker's properties\n"
    "  --out SNAPSHOT  the file; it can be read by its owner alone, since configurations may hold secrets\n"
    "  --dry-run       say what would be written\n"
    "  --replace       write also what is there and says otherwise\n"
    "\n"
    "Exit status: 0 done; 2 not: the arguments, the files, workers that run, connectors that are there, or the brokers.\n";

struct options {
    bool is_export, is_help, is_dry, replaces;
    const char *worker, *file;
};

/* Arguments ---------------------------------------------------------------------------------------------------- */

static int read_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        options->is_help = true;
    else if (!options->is_export && strcmp(name, "--dry-run") == 0)
        options->is_dry = true;
    else if (!options->is_export && strcmp(name, "--replace") == 0)
        options->replaces = true;
    else if (!options->is_export && name[0] != '-' && options->file == NULL)
        options->file = name;
    else if (value != NULL && strcmp(name, "--worker") == 0)
        return options->worker = value, 2;
    else if (value != NULL && options->is_export && strcmp(name, "--out") == 0)
        return options->file = value, 2;
    else
        return 0;
    return 1;
}

static bool read_options(struct options *options, int argc, char **argv)
{
    bool is_import = argc > 1 && strcmp(argv[1], "import") == 0;
    options->is_export = argc > 1 && strcmp(argv[1], "export") == 0;
    options->is_help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (options->is_help)
        return true;
    if (!is_import && !options->is_export)
        return fprintf(stderr, "millrace snapshot: export, or import?\n"), false;
    for (int i = 2, taken; i < argc; i += taken) {
        taken = read_option(options, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        if (taken == 0)
            return fprintf(stderr, "millrace snapshot: %s: unknown, or its value is missing\n", argv[i]), false;
    }
    if (!options->is_help && (options->worker == NULL || options->file == NULL))
        return fprintf(stderr, "millrace snapshot: %s is missing\n",
                       options->worker == NULL ? "--worker" : options->is_export ? "--out" : "the snapshot's file"), false;
    return true;
}

/* Export ------------------------------------------------------------------------------------------------------- */

static int write_file(const char *path, const struct snapshot *snapshot, struct mr_error **error)
{
    char why[WHY_MAX];
    struct str_buffer text;
    int status = 0;
    str_buffer_init(&text, SNAPSHOT_BYTES_MAX);
    if (!snapshot_write(snapshot, &text))
        status = mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the snapshot, or it is larger than %zu bytes", SNAPSHOT_BYTES_MAX);
    else if (!file_replace(path, &(struct file_content){.bytes = str_buffer_text(&text), .length = text.length, .mode = 0600}, why, sizeof(why)))
        status = mr_error_set(error, MR_ERR_CONFIG, "%s", why);
    str_buffer_release(&text);
    return status;
}

static void tell_export(const struct options *options, const struct snapshot *snapshot, const struct snapshot_notes *notes)
{
    printf("%s: %zu connectors, %zu offsets of sources, %zu of sinks\n", options->file, notes->connectors,
           json_object_size(snapshot->offsets), json_array_size(snapshot->groups));
    if (notes->workers > 0)
        printf("%zu workers run: what they store from now on is not in it, and would be delivered again after an import; stop the connectors "
               "first for one without repetition\n", notes->workers);
    if (notes->plain_secrets > 0)
        fprintf(stderr, "millrace snapshot: %zu options that look like secrets are in the file as text: keep it as you keep those\n",
                notes->plain_secrets);
    if (notes->silent_groups > 0)
        fprintf(stderr, "millrace snapshot: the offsets of %zu groups are not in it\n", notes->silent_groups);
}

static int export(const struct options *options, const struct snapshot_setup *setup, struct mr_error **error)
{
    struct snapshot snapshot;
    struct snapshot_notes notes;
    int status = snapshot_export(setup, &snapshot, &notes, error);
    if (status == 0)
        status = write_file(options->file, &snapshot, error);
    if (status == 0)
        tell_export(options, &snapshot, &notes);
    snapshot_release(&snapshot);
    return status;
}

/* Import ------------------------------------------------------------------------------------------------------- */

static int read_file(const char *path, struct snapshot *snapshot, struct mr_error **error)
{
    char why[WHY_MAX];
    size_t size;
    char *text = file_read(path, SNAPSHOT_BYTES_MAX, &size, why, sizeof(why));
    if (text == NULL)
        return *snapshot = (struct snapshot){0}, mr_error_set(error, MR_ERR_CONFIG, "%s", why);
    int status = snapshot_read(snapshot, text, size, error);
    mem_free(text);
    return status == 0 ? 0 : mr_error_wrap(error, "%s cannot be used; nothing was written", path);
}

static int import(const struct options *options, const struct snapshot_setup *setup, struct mr_error **error)
{
    struct snapshot snapshot;
    struct str_buffer report;
    str_buffer_init(&report, REPORT_MAX);
    int status = read_file(options->file, &snapshot, error);
    if (status == 0)
        status = snapshot_import(setup, &snapshot, &(struct snapshot_import){.is_dry = options->is_dry, .replaces = options->replaces}, &report,
                                 error);
    fputs(str_buffer_text(&report), stdout);
    str_buffer_release(&report);
    snapshot_release(&snapshot);
    return status;
}

/* The whole ---------------------------------------------------------------------------------------------------- */

static int go(const struct options *options, const struct try_worker *worker, struct mr_error **error)
{
    if (worker->config->mode != WORKER_DISTRIBUTED)
        return mr_error_set(error, MR_ERR_CONFIG, "%s is a standalone worker's file, which keeps nothing in topics", options->worker);
    struct graveyard *graveyard = graveyard_create(error);
    if (graveyard == NULL)
        return -1;
    const struct snapshot_setup setup = {.worker = worker->config,
                                         .variables = worker->variables,
                                         .graveyard = graveyard,
                                         .deadline_ms = deadline_after_ms(TIMEOUT_MS)};
    int status = options->is_export ? export(options, &setup, error) : import(options, &setup, error);
    graveyard_destroy(graveyard, deadline_after_ms(END_TIMEOUT_MS));
    return status;
}

static int run(int argc, char **argv)
{
    struct options options = {.worker = NULL};
    struct try_worker worker = {.loader = NULL};
    struct mr_error *error = NULL;
    int status = -1;
    if (!read_options(&options, argc, argv)) {
        fprintf(stderr, "`millrace snapshot --help` says how it is called\n");
        return EXIT_NOT_DONE;
    }
    if (options.is_help)
        return fputs(USAGE, stdout) < 0 ? EXIT_NOT_DONE : 0;
    if (try_worker_init(&worker, options.worker, NULL, NULL, &error) == 0)
        status = go(&options, &worker, &error);
    try_worker_release(&worker);
    if (error != NULL)
        say_error("millrace snapshot", error);
    mr_error_drop(error);
    return status == 0 ? 0 : EXIT_NOT_DONE;
}

const struct command command_snapshot = {
    .name = "snapshot",
    .arguments = "export|import --worker FILE",
    .summary = "Keep configurations, states and offsets of a cluster in a file",
    .run = run,
};
