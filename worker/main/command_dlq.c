/* millrace dlq: a connector's dead letters: looked at, replayed, discarded (docs/dead-letters.md). */
#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "commands.h"
#include "config/worker_file.h"
#include "connector_file.h"
#include "dead_letters/dead_letters.h"
#include "dead_letters/selection.h"
#include "dlq_connector.h"
#include "dlq_options.h"
#include "dlq_rest.h"
#include "kafka/graveyard.h"
#include "say_error.h"
#include "try_worker.h"

#include "base/bans.h"

#define EXIT_SOME_REFUSED 1
#define EXIT_NOT_DONE 2
#define STEP_TIMEOUT_MS 60000 /* of one answer; a replay that needs longer goes on in the next */
#define END_TIMEOUT_MS 2000
#define ANSWER_MAX ((size_t)1 << 30)
#define WHO_MAX 400

/* One run of the command. */
struct looking {
    const struct dlq_options *options;
    const struct try_worker *worker;
    const struct string_map *config, *task_config; /* of its first task; NULL: not known */
    struct graveyard *graveyard;
    const struct string_map *tls; /* of a worker that is asked; NULL: the brokers are */
};

/* Answers ------------------------------------------------------------------------------------------------------ */

static bool write_text(const struct dlq_options *options, const json_t *answer, struct str_buffer *out)
{
    switch (options->verb) {
    case DLQ_LIST:
        return dead_letters_write_list(answer, out);
    case DLQ_SHOW:
        return dead_letters_write_letter(answer, out);
    case DLQ_REPLAY:
    case DLQ_DISCARD:
        break;
    }
    return dead_letters_write_replay(answer, out);
}

static bool write_json(const json_t *answer, struct str_buffer *out)
{
    char *text = json_dumps(answer, JSON_COMPACT);
    bool fine = text != NULL && str_buffer_append_text(out, text) && str_buffer_append_char(out, '\n');
    free(text);
    return fine;
}

static int print(const struct dlq_options *options, const json_t *answer, struct mr_error **error)
{
    struct str_buffer out;
    str_buffer_init(&out, ANSWER_MAX);
    bool fine = options->is_json ? write_json(answer, &out) : write_text(options, answer, &out);
    fine = fine && fwrite(str_buffer_text(&out), 1, out.length, stdout) == out.length && fflush(stdout) == 0;
    str_buffer_release(&out);
    return fine ? 0 : mr_error_set(error, MR_ERR_CONNECT, "the answer cannot be written to standard output");
}

static json_int_t number_in(const json_t *answer, const char *name)
{
    return json_integer_value(json_object_get(answer, name));
}

static int status_of(const struct dlq_options *options, const json_t *answer)
{
    const char *state = json_string_value(json_object_get(answer, "state"));
    if (options->verb == DLQ_LIST || options->verb == DLQ_SHOW)
        return 0;
    if (state == NULL || strcmp(state, "failed") == 0)
        return EXIT_NOT_DONE;
    return number_in(answer, "refused") > 0 || number_in(answer, "skipped") > 0 || number_in(answer, "failed") > 0 ? EXIT_SOME_REFUSED : 0;
}

/* Asking ------------------------------------------------------------------------------------------------------- */

static json_t *ask_selected(struct dead_letters *letters, const struct dlq_options *options, const struct selection *selection,
                            struct mr_error **error)
{
    switch (options->verb) {
    case DLQ_LIST:
        return dead_letters_list(letters, selection, error);
    case DLQ_SHOW:
        return dead_letters_show(letters, selection->places[0].partition, selection->places[0].offset, error);
    case DLQ_REPLAY:
        return dead_letters_replay(letters, selection, error);
    case DLQ_DISCARD:
        break;
    }
    return dead_letters_discard(letters, selection, error);
}

static void name_caller(char who[WHO_MAX])
{
    char host[200] = "localhost";
    const char *user = getenv("USER");
    if (gethostname(host, sizeof(host)) != 0)
        host[0] = '\0';
    host[sizeof(host) - 1] = '\0';
    if (user == NULL)
        snprintf(who, WHO_MAX, "uid %lu@%s", (unsigned long)getuid(), host);
    else
        snprintf(who, WHO_MAX, "%.150s@%s", user, host);
}

static json_t *ask_brokers(const struct looking *looking, struct mr_error **error)
{
    const struct dlq_options *options = looking->options;
    char who[WHO_MAX];
    struct selection selection;
    json_t *answer = NULL;
    char *text = json_dumps(options->selection, JSON_COMPACT);
    if (text == NULL || selection_read(&selection, text, strlen(text), error) != 0) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a selection"); /* unless it says another reason */
        free(text);
        return NULL;
    }
    name_caller(who);
    struct dead_letters *letters = dead_letters_open(&(struct dead_letters_setup){.loader = looking->worker->loader,
                                                                                  .worker = looking->worker->config,
                                                                                  .variables = looking->worker->variables,
                                                                                  .config = looking->config,
                                                                                  .task_config = looking->task_config,
                                                                                  .graveyard = looking->graveyard,
                                                                                  .deadline_ms = deadline_after_ms(STEP_TIMEOUT_MS),
                                                                                  .who = who},
                                                     error);
    if (letters != NULL)
        answer = ask_selected(letters, options, &selection, error);
    dead_letters_close(letters);
    selection_release(&selection);
    free(text);
    return answer;
}

static json_t *ask(const struct looking *looking, struct mr_error **error)
{
    return looking->tls != NULL ? dlq_rest_ask(looking->options, looking->tls, error) : ask_brokers(looking, error);
}

/* A replay that ran out of time goes on; one whose limit is reached does not. */
static bool goes_on(const struct dlq_options *options, const json_t *answer)
{
    const char *state = json_string_value(json_object_get(answer, "state"));
    json_t *limit = json_object_get(options->selection, "limit");
    if (!json_is_true(json_object_get(answer, "more")) || state == NULL || strcmp(state, "running") != 0)
        return false;
    json_int_t left = json_integer_value(limit) - number_in(answer, "now");
    if (limit != NULL && (left <= 0 || json_integer_set(limit, left) != 0))
        return false;
    return json_object_set(options->selection, "id", json_object_get(answer, "id")) == 0;
}

static int ask_all(const struct looking *looking, struct mr_error **error)
{
    json_t *answer;
    while ((answer = ask(looking, error)) != NULL && goes_on(looking->options, answer))
        json_decref(answer);
    if (answer == NULL)
        return EXIT_NOT_DONE;
    int status = print(looking->options, answer, error) == 0 ? status_of(looking->options, answer) : EXIT_NOT_DONE;
    json_decref(answer);
    return status;
}

/* The whole ---------------------------------------------------------------------------------------------------- */

static int look(const struct dlq_options *options, const struct try_worker *worker, const struct connector_file *file,
                struct mr_error **error)
{
    struct looking looking = {.options = options, .worker = worker, .graveyard = graveyard_create(error)};
    struct string_map *read = NULL, *task = NULL;
    int status = EXIT_NOT_DONE;
    if (looking.graveyard == NULL)
        return status;
    if (file->config == NULL)
        read = dlq_connector_read(worker->config, options->connector, looking.graveyard, deadline_after_ms(STEP_TIMEOUT_MS), &task, error);
    looking.task_config = task;
    looking.config = file->config != NULL ? file->config : read;
    if (looking.config != NULL)
        status = ask_all(&looking, error);
    string_map_destroy(read);
    string_map_destroy(task);
    graveyard_destroy(looking.graveyard, deadline_after_ms(END_TIMEOUT_MS));
    return status;
}

static int look_over_rest(const struct dlq_options *options, struct mr_error **error)
{
    struct string_map *tls = options->worker == NULL ? string_map_create() : worker_file_read(options->worker, error);
    int status = EXIT_NOT_DONE;
    log_level_set("root", LOG_LEVEL_WARN, -1, NULL);
    if (tls != NULL)
        status = ask_all(&(struct looking){.options = options, .tls = tls}, error);
    string_map_destroy(tls);
    return status;
}

static int run_with(const struct dlq_options *options)
{
    struct connector_file file = {.config = NULL};
    struct try_worker worker = {.loader = NULL};
    struct mr_error *error = NULL;
    int status = EXIT_NOT_DONE;
    if (options->url != NULL) {
        status = look_over_rest(options, &error);
    } else if (options->file == NULL || connector_file_read(options->file, options->connector, &file, &error) == 0) {
        if (try_worker_init(&worker, options->worker, options->plugin_path, file.config, &error) == 0)
            status = look(options, &worker, &file, &error);
        try_worker_release(&worker);
        if (file.config != NULL)
            connector_file_release(&file);
    }
    if (error != NULL)
        say_error("millrace dlq", error);
    mr_error_drop(error);
    return status;
}

static int run(int argc, char **argv)
{
    struct dlq_options options;
    int status = EXIT_NOT_DONE;
    if (!dlq_options_read(&options, argc, argv))
        fprintf(stderr, "`millrace dlq --help` says how it is called\n");
    else if (options.is_help)
        status = fputs(DLQ_USAGE, stdout) < 0 ? EXIT_NOT_DONE : 0;
    else
        status = run_with(&options);
    dlq_options_release(&options);
    return status;
}

const struct command command_dlq = {
    .name = "dlq",
    .arguments = "list|show|replay|discard CONNECTOR --worker FILE",
    .summary = "Look after a connector's dead letters",
    .has_help = true,
    .run = run,
};
