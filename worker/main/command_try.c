/* millrace try: what a connector's converters and transforms make of records, before it runs (docs/dry-run.md). */
#include <errno.h>
#include <inttypes.h>
#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "commands.h"
#include "connector_file.h"
#include "dry_run/dry_run.h"
#include "kafka/graveyard.h"
#include "say_error.h"
#include "try_worker.h"

#include "base/bans.h"

#define EXIT_RECORD_FAILED 1
#define EXIT_NOT_TRIED 2
#define TOPIC_TIMEOUT_MS 30000
#define TOPIC_BYTES_MAX ((size_t)256 << 20)
#define END_TIMEOUT_MS 2000
#define REPORT_MAX ((size_t)2 << 30) /* of one record */

static const char USAGE[] =
    "Usage: millrace try --connector FILE (--records FILE | --topic TOPIC --last N --worker FILE) [options]\n"
    "\n"
    "Runs records through the converters and transforms of a connector and shows each stage. Nothing is written.\n"
    "\n"
    "  --connector FILE    the connector: JSON (as POST /connectors takes it, or its options alone) or properties; a name is not needed\n"
    "  --records FILE      records, a JSON object a line; - is standard input:\n"
    "                        {\"key\": \"k\", \"value\": \"text\", \"headers\": {\"h\": \"v\"}, \"topic\": \"t\", \"timestamp\": 0}\n"
    "                      A text stands for its bytes, other JSON for its text; with \"kind\" exact values (docs/dry-run.md)\n"
    "  --topic TOPIC       instead: records of a topic, for sink connectors; reads without a group, commits nothing\n"
    "  --last N            the newest N of all its partitions, at most 10000\n"
    "  --worker FILE       the worker's properties: its converters, config providers, plugin.path, Kafka clients\n"
    "  --plugin-path PATHS instead of the worker's plugin.path\n"
    "  --json              a JSON object a record instead of text; nothing is cut\n"
    "\n"
    "Exit status: 0 all records passed or were dropped by a transform; 1 a stage failed for a record; 2 nothing was tried, or not\n"
    "all: the configuration, or the records, cannot be used.\n";

struct try_options {
    const char *connector, *records, *topic, *worker, *plugin_path;
    size_t last;
    bool is_json, is_help;
};

/* One run of the command. */
struct trying {
    const struct try_options *options;
    struct dry_run *dry_run;
    size_t outcomes[DRY_RUN_FAILED + 1];
    size_t count;
};

/* Options ------------------------------------------------------------------------------------------------------ */

static bool read_last(const char *text, size_t *last)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    *last = number;
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && number >= 1 && number <= DRY_RUN_RECORDS_MAX;
}

static bool read_option(struct try_options *options, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **value;
    } texts[] = {
        {"--connector", &options->connector}, {"--records", &options->records}, {"--topic", &options->topic},
        {"--worker", &options->worker},       {"--plugin-path", &options->plugin_path},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].value = value;
            return true;
        }
    }
    if (strcmp(name, "--last") == 0 && read_last(value, &options->last))
        return true;
    fprintf(stderr, strcmp(name, "--last") == 0 ? "millrace try: %s must be from 1 to 10000\n" : "millrace try: there is no option %s\n",
            name);
    return false;
}

static bool check_options(const struct try_options *options)
{
    const char *wrong = NULL;
    if (options->connector == NULL)
        wrong = "--connector is missing";
    else if ((options->records == NULL) == (options->topic == NULL))
        wrong = "give either --records or --topic";
    else if (options->topic != NULL && (options->last == 0 || options->worker == NULL))
        wrong = "--topic needs --last and --worker";
    else if (options->topic == NULL && options->last != 0)
        wrong = "--last goes with --topic";
    if (wrong != NULL)
        fprintf(stderr, "millrace try: %s\n", wrong);
    return wrong == NULL;
}

static bool read_options(struct try_options *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            options->is_json = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            options->is_help = true;
            return true;
        } else if (i + 1 == argc) {
            fprintf(stderr, "millrace try: %s: unknown, or its value is missing\n", argv[i]);
            return false;
        } else if (!read_option(options, argv[i], argv[i + 1])) {
            return false;
        } else {
            i++;
        }
    }
    return check_options(options);
}

/* Reports ------------------------------------------------------------------------------------------------------ */

static int print(struct trying *trying, const struct dry_run_report *report, struct mr_error **error)
{
    struct str_buffer out;
    str_buffer_init(&out, REPORT_MAX);
    bool fine = trying->options->is_json ? dry_run_report_write_json(report, &out) && str_buffer_append_char(&out, '\n')
                                         : dry_run_report_write_text(report, &out);
    if (fine)
        fine = fwrite(str_buffer_text(&out), 1, out.length, stdout) == out.length && fflush(stdout) == 0;
    str_buffer_release(&out);
    trying->outcomes[report->outcome]++;
    trying->count++;
    return fine ? 0 : mr_error_set(error, MR_ERR_CONNECT, "the report cannot be written to standard output");
}

static void print_sum(const struct trying *trying)
{
    if (!trying->options->is_json && trying->count > 0)
        printf("%zu record%s: %zu passed, %zu dropped, %zu skipped, %zu failed\n", trying->count, trying->count == 1 ? "" : "s",
               trying->outcomes[DRY_RUN_PASSED], trying->outcomes[DRY_RUN_DROPPED], trying->outcomes[DRY_RUN_SKIPPED],
               trying->outcomes[DRY_RUN_FAILED]);
}

/* From the `from`th on. */
static void print_hints(const struct dry_run *dry_run, size_t from)
{
    for (size_t i = from; i < dry_run_hint_count(dry_run); i++)
        fprintf(stderr, "millrace try: %s\n", dry_run_hint(dry_run, i));
}

/* Records of a file -------------------------------------------------------------------------------------------- */

/* A line without its end; false: the end of the file. Of a line that is too long its beginning is there, and the buffer has failed. */
static bool read_line(FILE *file, struct str_buffer *line)
{
    int byte;
    str_buffer_clear(line);
    while ((byte = getc(file)) != EOF && byte != '\n')
        str_buffer_append_char(line, (char)byte);
    return byte != EOF || line->length > 0;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r")] == '\0';
}

static int try_line(struct trying *trying, const struct str_buffer *line, struct mr_error **error)
{
    struct dry_run_report report;
    if (str_buffer_failed(line))
        return mr_error_set(error, MR_ERR_DATA, "the line is longer than %u bytes, or there is no memory for it", DRY_RUN_LINE_MAX);
    if (trying->count == DRY_RUN_RECORDS_MAX)
        return mr_error_set(error, MR_ERR_DATA, "%d records are tried at once; split the file", DRY_RUN_RECORDS_MAX);
    if (dry_run_text(trying->dry_run, str_buffer_text(line), line->length, &report, error) != 0)
        return -1;
    int status = print(trying, &report, error);
    dry_run_report_release(&report);
    return status;
}

static int try_lines(struct trying *trying, FILE *file, const char *path, struct mr_error **error)
{
    struct str_buffer line;
    struct mr_error *why = NULL;
    size_t number = 0;
    int status = 0;
    str_buffer_init(&line, DRY_RUN_LINE_MAX);
    while (status == 0 && read_line(file, &line)) {
        number++;
        if (!is_blank(str_buffer_text(&line)))
            status = try_line(trying, &line, &why);
    }
    if (status != 0)
        mr_error_set(error, mr_error_code(why), "%s:%zu: %s", path, number, mr_error_message(why));
    else if (ferror(file))
        status = mr_error_set(error, MR_ERR_CONFIG, "%s cannot be read: %s", path, strerror(errno));
    else if (trying->count == 0)
        status = mr_error_set(error, MR_ERR_CONFIG, "%s holds no record", path);
    mr_error_drop(why);
    str_buffer_release(&line);
    return status;
}

static int try_file(struct trying *trying, struct mr_error **error)
{
    const char *path = trying->options->records;
    if (strcmp(path, "-") == 0)
        return try_lines(trying, stdin, "standard input", error);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s cannot be opened: %s", path, strerror(errno));
    int status = try_lines(trying, file, path, error);
    fclose(file);
    return status;
}

/* Records of a topic ------------------------------------------------------------------------------------------- */

static int try_consumed(void *argument, struct dry_run *dry_run, const struct record_origin *origin, struct mr_error **error)
{
    struct dry_run_report report;
    if (dry_run_consumed(dry_run, origin, &report, error) != 0)
        return -1;
    int status = print(argument, &report, error);
    dry_run_report_release(&report);
    return status;
}

static int try_topic(struct trying *trying, struct mr_error **error)
{
    struct graveyard *graveyard = graveyard_create(error);
    if (graveyard == NULL)
        return -1;
    const struct dry_run_topic topic = {
        .topic = trying->options->topic,
        .last = trying->options->last,
        .bytes_max = TOPIC_BYTES_MAX,
        .deadline_ms = deadline_after_ms(TOPIC_TIMEOUT_MS),
        .graveyard = graveyard,
    };
    int status = dry_run_topic(trying->dry_run, &topic, try_consumed, trying, error);
    if (status == 0 && trying->count == 0)
        status = mr_error_set(error, MR_ERR_CONFIG, "topic %s holds no records", topic.topic);
    graveyard_destroy(graveyard, deadline_after_ms(END_TIMEOUT_MS));
    return status;
}

/* The whole ---------------------------------------------------------------------------------------------------- */

static int try_with(const struct try_options *options, const struct try_worker *worker, const struct connector_file *connector,
                    struct mr_error **error)
{
    struct trying trying = {.options = options};
    trying.dry_run = dry_run_create(&(struct dry_run_setup){.loader = worker->loader,
                                                            .worker = worker->config,
                                                            .variables = worker->variables,
                                                            .config = connector->config,
                                                            .shown_max = DRY_RUN_SHOWN_MAX,
                                                            .shown_all_max = SIZE_MAX,
                                                            .held_max = DRY_RUN_HELD_MAX},
                                    error);
    if (trying.dry_run == NULL)
        return EXIT_NOT_TRIED;
    print_hints(trying.dry_run, 0);
    int status = options->topic != NULL ? try_topic(&trying, error) : try_file(&trying, error);
    print_sum(&trying);
    size_t told = dry_run_hint_count(trying.dry_run);
    dry_run_end(trying.dry_run);
    print_hints(trying.dry_run, told);
    dry_run_destroy(trying.dry_run);
    if (status != 0)
        return EXIT_NOT_TRIED;
    return trying.outcomes[DRY_RUN_SKIPPED] + trying.outcomes[DRY_RUN_FAILED] > 0 ? EXIT_RECORD_FAILED : 0;
}

static int run(int argc, char **argv)
{
    struct try_options options = {.connector = NULL};
    struct connector_file connector;
    struct try_worker worker = {.loader = NULL};
    struct mr_error *error = NULL;
    int status = EXIT_NOT_TRIED;
    if (!read_options(&options, argc, argv)) {
        fprintf(stderr, "`millrace try --help` says how it is called\n");
        return EXIT_NOT_TRIED;
    }
    if (options.is_help) {
        fputs(USAGE, stdout);
        return 0;
    }
    if (connector_file_read(options.connector, DRY_RUN_NAME, &connector, &error) == 0) {
        if (try_worker_init(&worker, options.worker, options.plugin_path, connector.config, &error) == 0)
            status = try_with(&options, &worker, &connector, &error);
        try_worker_release(&worker);
        connector_file_release(&connector);
    }
    if (error != NULL)
        say_error("millrace try", error);
    mr_error_drop(error);
    return status;
}

const struct command command_try = {
    .name = "try",
    .arguments = "--connector FILE (--records FILE | --topic T --last N) [--worker FILE] [--json]",
    .summary = "Show what a connector makes of records, stage by stage",
    .has_help = true,
    .run = run,
};
