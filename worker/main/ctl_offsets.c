/* millrace ctl offsets: how far a connector has come, and changes of that, over the REST API of a worker (docs/offsets.md). */
#include <jansson.h>
#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/worker_file.h"
#include "ctl.h"
#include "ctl_offsets_text.h"
#include "rest_ask.h"
#include "say_error.h"

#include "base/bans.h"

#define NAME "millrace ctl offsets"
#define EXIT_WOULD_BE_REFUSED 1
#define EXIT_NOT_DONE 2
#define ANSWER_MAX ((size_t)1 << 30)
#define URL_DEFAULT "http://localhost:8083"

static const char USAGE[] =
    "Usage: millrace ctl offsets show|set|seek|reset|undo CONNECTOR [ARGUMENTS] [options]\n"
    "\n"
    "Shows how far a connector has come, and changes it. A change needs a connector that is stopped (docs/offsets.md).\n"
    "\n"
    "  show                      partitions and their offsets\n"
    "  set TOPIC/PARTITION=OFFSET …\n"
    "                            of a sink: the offset to read next; `none` removes it\n"
    "  set --file FILE           of any connector: a JSON object as show --json prints it; `-` reads standard input\n"
    "  seek TIME [TOPIC[/PARTITION] …]\n"
    "                            of a sink: to the first record of a time (2026-01-31T12:00:00Z, or milliseconds since 1970), to\n"
    "                            earliest, or to latest; without a topic all that it has offsets of\n"
    "  reset                     removes all offsets: it begins anew\n"
    "  undo                      back to what was before the last change, unless tasks have run since\n"
    "\n"
    "  --url URL                 the worker that is asked, any of the cluster; by default " URL_DEFAULT "\n"
    "  --authorization-file FILE the header Authorization for that: a line such as Basic dXNlcjpwYXNz\n"
    "  --worker FILE             a worker's properties, whose ssl.* verify https\n"
    "  --dry-run                 changes nothing and shows what would change\n"
    "  --no-undo                 goes on also where what was before cannot be kept; there is no undo then\n"
    "  --json                    the answer as JSON\n"
    "\n"
    "Exit status: 0 done; 1 the dry run says that it would be refused now; 2 not done.\n";

enum verb { SHOW, SET, SEEK, RESET, UNDO };

struct options {
    enum verb verb;
    const char *connector;
    const char *url, *authorization_file, *worker, *file;
    const char *time;   /* of seek */
    const char **words; /* the others, as many as there are arguments at most */
    size_t word_count;
    bool is_trial, is_without_undo, is_json;
};

/* The command line ------------------------------------------------------------------------------------------------- */

static bool wrong(const char *what, const char *why)
{
    fprintf(stderr, NAME ": %s%s%s\n", what, *what == '\0' ? "" : ": ", why);
    return false;
}

static bool read_verb(struct options *options, const char *text)
{
    static const char *const verbs[] = {[SHOW] = "show", [SET] = "set", [SEEK] = "seek", [RESET] = "reset", [UNDO] = "undo"};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i], text) == 0) {
            options->verb = (enum verb)i;
            return true;
        }
    }
    return wrong(text, "there are show, set, seek, reset and undo");
}

/* How many arguments were used; 0: said why not. */
static int read_option(struct options *options, int left, char **argv)
{
    const struct {
        const char *name;
        const char **text;
        bool *flag;
    } table[] = {
        {"--url", &options->url, NULL},
        {"--authorization-file", &options->authorization_file, NULL},
        {"--worker", &options->worker, NULL},
        {"--file", &options->file, NULL},
        {"--dry-run", NULL, &options->is_trial},
        {"--no-undo", NULL, &options->is_without_undo},
        {"--json", NULL, &options->is_json},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].name, argv[0]) != 0)
            continue;
        if (table[i].flag != NULL) {
            *table[i].flag = true;
            return 1;
        }
        if (left < 2)
            return wrong(argv[0], "its value is missing");
        *table[i].text = argv[1];
        return 2;
    }
    return wrong(argv[0], "there is no such option");
}

static bool check(const struct options *options)
{
    bool takes_words = options->verb == SEEK || (options->verb == SET && options->file == NULL);
    if (options->connector == NULL)
        return wrong("", "name the connector");
    if (options->verb == SEEK && options->time == NULL)
        return wrong("", "seek needs a time, earliest or latest");
    if (options->verb == SET && options->file == NULL && options->word_count == 0)
        return wrong("", "set needs TOPIC/PARTITION=OFFSET, or --file");
    if (options->file != NULL && options->verb != SET)
        return wrong("--file", "only set takes it");
    if (options->verb == SHOW && (options->is_trial || options->is_without_undo))
        return wrong("", "show changes nothing: it takes neither --dry-run nor --no-undo");
    return takes_words || options->word_count == 0 || wrong(options->words[0], "not understood");
}

static bool read_options(struct options *options, int argc, char **argv)
{
    if (argc < 2)
        return wrong("", "say show, set, seek, reset or undo");
    if (!read_verb(options, argv[1]))
        return false;
    for (int i = 2; i < argc;) {
        int used = 1;
        if (strncmp(argv[i], "--", 2) == 0)
            used = read_option(options, argc - i, argv + i);
        else if (options->connector == NULL)
            options->connector = argv[i];
        else if (options->verb == SEEK && options->time == NULL)
            options->time = argv[i];
        else
            options->words[options->word_count++] = argv[i];
        if (used == 0)
            return false;
        i += used;
    }
    return check(options);
}

/* Asking ----------------------------------------------------------------------------------------------------------- */

static json_t *ask(const struct options *options, const struct string_map *tls, const char *method, const char *after, const json_t *body,
                   struct mr_error **error)
{
    struct str_buffer path;
    json_t *answer = NULL;
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    str_buffer_init(&path, REST_ASK_URL_MAX);
    str_buffer_append_text(&path, "/connectors/");
    rest_ask_escape(&path, options->connector);
    str_buffer_printf(&path, "/offsets%s", after);
    if (options->is_trial && strcmp(method, "GET") != 0)
        str_buffer_append_text(&path, "?dry_run=true");
    if (options->is_without_undo && strcmp(method, "GET") != 0)
        str_buffer_append_text(&path, options->is_trial ? "&undo=false" : "?undo=false");
    if (str_buffer_failed(&path) || (body != NULL && text == NULL))
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a question to a worker");
    else
        answer = rest_ask(&(struct rest_worker){options->url, options->authorization_file, tls},
                          &(struct rest_question){.method = method, .path = str_buffer_text(&path), .body = text}, error);
    str_buffer_release(&path);
    free(text);
    return answer;
}

/* What to change ----------------------------------------------------------------------------------------------------- */

/* "topic" or "topic/3"; a slash is in no topic's name. NULL: it is neither. */
static json_t *partition_of(const char *word, size_t length, bool may_be_topic)
{
    const char *slash = memchr(word, '/', length);
    size_t topic_length = slash == NULL ? length : (size_t)(slash - word);
    json_t *partition = json_pack("{s:s%}", "kafka_topic", word, topic_length);
    if (topic_length == 0 || (slash == NULL && !may_be_topic)) {
        json_decref(partition);
        return NULL;
    }
    if (slash != NULL)
        json_object_set_new(partition, "kafka_partition", json_stringn(slash + 1, length - topic_length - 1));
    return partition;
}

static int add_setting(json_t *entries, const char *word, struct mr_error **error)
{
    const char *equals = strrchr(word, '=');
    json_t *partition = equals == NULL ? NULL : partition_of(word, (size_t)(equals - word), false), *offset;
    if (partition == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s is to be TOPIC/PARTITION=OFFSET, like orders/0=17 or orders/0=none", word);
    offset = strcmp(equals + 1, "none") == 0 ? json_null() : json_pack("{s:s}", "kafka_offset", equals + 1);
    return json_array_append_new(entries, json_pack("{s:o,s:o}", "partition", partition, "offset", offset)) == 0
               ? 0
               : mr_error_set(error, MR_ERR_CONFIG, "%s is not UTF-8", word);
}

static int add_seek(json_t *entries, const char *time, const char *word, struct mr_error **error)
{
    bool is_position = strcmp(time, "earliest") == 0 || strcmp(time, "latest") == 0;
    json_t *partition = partition_of(word, strlen(word), true);
    if (partition == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s is to be TOPIC or TOPIC/PARTITION", word);
    return json_array_append_new(entries, json_pack("{s:o,s:{s:s}}", "partition", partition, "offset",
                                                    is_position ? "position" : "timestamp", time)) == 0
               ? 0
               : mr_error_set(error, MR_ERR_CONFIG, "%s or %s is not UTF-8", time, word);
}

/* The topics that it has offsets of, each once: they come in order. */
static int add_seeks_of_all(json_t *entries, const struct options *options, const struct string_map *tls, struct mr_error **error)
{
    json_t *answer = ask(options, tls, "GET", "", NULL, error), *entry;
    const char *last = "";
    size_t i;
    int status = answer == NULL ? -1 : 0;
    json_array_foreach(json_object_get(answer, "offsets"), i, entry)
    {
        const char *topic = json_string_value(json_object_get(json_object_get(entry, "partition"), "kafka_topic"));
        if (topic == NULL || strcmp(topic, last) == 0 || status != 0)
            continue;
        status = add_seek(entries, options->time, topic, error);
        last = topic;
    }
    if (status == 0 && json_array_size(entries) == 0)
        status = json_array_size(json_object_get(answer, "offsets")) > 0
                     ? mr_error_set(error, MR_ERR_CONFIG, "%s is a source: only sinks go to a time or an end; a source's offsets are set with "
                                    "`set %s --file FILE`", options->connector, options->connector)
                     : mr_error_set(error, MR_ERR_CONFIG, "%s has committed no offsets yet: name the topics after the time, like orders or "
                                    "orders/0", options->connector);
    json_decref(answer);
    return status;
}

static json_t *read_file(const char *path, struct mr_error **error)
{
    json_error_t why;
    json_t *body = strcmp(path, "-") == 0 ? json_loadf(stdin, 0, &why) : json_load_file(path, 0, &why);
    if (body == NULL)
        mr_error_set(error, MR_ERR_CONFIG, "%s holds no JSON object with offsets: %s", path, why.text);
    return body;
}

static json_t *body_of(const struct options *options, const struct string_map *tls, struct mr_error **error)
{
    if (options->file != NULL)
        return read_file(options->file, error);
    json_t *entries = json_array();
    int status = 0;
    if (options->verb == SEEK && options->word_count == 0)
        status = add_seeks_of_all(entries, options, tls, error);
    for (size_t i = 0; i < options->word_count && status == 0; i++)
        status = options->verb == SEEK ? add_seek(entries, options->time, options->words[i], error)
                                       : add_setting(entries, options->words[i], error);
    json_t *body = json_pack("{s:o}", "offsets", entries);
    if (status == 0 && body != NULL)
        return body;
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a change of offsets"); /* unless it says another reason */
    json_decref(body);
    return NULL;
}

/* The whole ---------------------------------------------------------------------------------------------------------- */

static json_t *ask_verb(const struct options *options, const struct string_map *tls, struct mr_error **error)
{
    json_t *body, *answer;
    switch (options->verb) {
    case SHOW:
        return ask(options, tls, "GET", "", NULL, error);
    case RESET:
        return ask(options, tls, "DELETE", "", NULL, error);
    case UNDO:
        return ask(options, tls, "POST", "/undo", NULL, error);
    case SET:
    case SEEK:
        break;
    }
    body = body_of(options, tls, error);
    answer = body == NULL ? NULL : ask(options, tls, "PATCH", "", body, error);
    json_decref(body);
    return answer;
}

static bool write_text(const struct options *options, const json_t *answer, struct str_buffer *out)
{
    const char *message = json_string_value(json_object_get(answer, "message"));
    if (options->verb == SHOW)
        return ctl_offsets_write(answer, out);
    if (json_is_true(json_object_get(answer, "dry_run")))
        return ctl_offsets_write_trial(answer, out);
    return str_buffer_printf(out, "%s\n", message == NULL ? "done" : message);
}

static bool write_json(const json_t *answer, struct str_buffer *out)
{
    char *text = json_dumps(answer, JSON_COMPACT);
    bool fine = text != NULL && str_buffer_append_text(out, text) && str_buffer_append_char(out, '\n');
    free(text);
    return fine;
}

static int print(const struct options *options, const json_t *answer, struct mr_error **error)
{
    struct str_buffer out;
    str_buffer_init(&out, ANSWER_MAX);
    bool fine = options->is_json ? write_json(answer, &out) : write_text(options, answer, &out);
    fine = fine && fwrite(str_buffer_text(&out), 1, out.length, stdout) == out.length && fflush(stdout) == 0;
    str_buffer_release(&out);
    return fine ? 0 : mr_error_set(error, MR_ERR_CONNECT, "the answer cannot be written to standard output");
}

/* A worker that does not know dry runs would have made the change: that must be seen. */
static int status_of(const struct options *options, const json_t *answer, struct mr_error **error)
{
    if (!options->is_trial)
        return 0;
    if (!json_is_true(json_object_get(answer, "dry_run"))) {
        mr_error_set(error, MR_ERR_ILLEGAL_STATE, "the worker is too old for dry runs: the change was made");
        return EXIT_NOT_DONE;
    }
    return json_is_string(json_object_get(answer, "refused")) ? EXIT_WOULD_BE_REFUSED : 0;
}

static int run_with(const struct options *options)
{
    struct mr_error *error = NULL;
    int status = EXIT_NOT_DONE;
    log_level_set("root", LOG_LEVEL_WARN, -1, NULL);
    struct string_map *tls = options->worker == NULL ? string_map_create() : worker_file_read(options->worker, &error);
    json_t *answer = tls == NULL ? NULL : ask_verb(options, tls, &error);
    if (answer != NULL && print(options, answer, &error) == 0)
        status = status_of(options, answer, &error);
    if (error != NULL)
        say_error(NAME, error);
    mr_error_drop(error);
    json_decref(answer);
    string_map_destroy(tls);
    return status;
}

static int run(int argc, char **argv)
{
    struct options options = {.url = URL_DEFAULT, .words = mem_calloc((size_t)argc, sizeof(*options.words))};
    int status = EXIT_NOT_DONE;
    bool is_help = false;
    for (int i = 1; i < argc; i++)
        is_help = is_help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    if (is_help)
        status = fputs(USAGE, stdout) < 0 ? EXIT_NOT_DONE : 0;
    else if (options.words == NULL)
        fprintf(stderr, NAME ": no memory left on this machine\n");
    else if (read_options(&options, argc, argv))
        status = run_with(&options);
    else
        fprintf(stderr, "`" NAME " --help` says how it is called\n");
    mem_free(options.words);
    return status;
}

const struct command ctl_offsets = {
    .name = "offsets",
    .arguments = "show|set|seek|reset|undo CONNECTOR [--url URL]",
    .summary = "Show how far a connector has come, and change it",
    .run = run,
};
