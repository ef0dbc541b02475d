#include "dlq_options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bans.h"

const char DLQ_USAGE[] =
    "Usage: millrace dlq list|show|replay|discard CONNECTOR [PARTITION/OFFSET] --worker FILE|--url URL [options]\n"
    "\n"
    "Looks after a connector's dead letters (docs/dead-letters.md). A worker need not run: the connector is read from the config topic.\n"
    "\n"
    "  list                causes with their counts, and the newest letters\n"
    "  show                one letter, and what the connector would make of it now; needs PARTITION/OFFSET\n"
    "  replay              sends letters back to the topics they were read from; needs a selection, or --all\n"
    "  discard             marks letters as done; needs a selection, or --all\n"
    "\n"
    "  --worker FILE       the worker's properties\n"
    "  --connector FILE    the connector's file instead of the config topic; CONNECTOR is not needed then\n"
    "  --plugin-path PATHS instead of the worker's plugin.path\n"
    "  --url URL           asks this worker instead; --worker is not needed then (its ssl.* verify https)\n"
    "  --authorization-file FILE\n"
    "                      the header Authorization for that: a line such as Basic dXNlcjpwYXNz\n"
    "  --json              the answer as JSON\n"
    "\n"
    "Selection (all must fit):\n"
    "  --all               every letter\n"
    "  --letter P/O        this one; may be given again\n"
    "  --group ID          of that cause, as list shows it\n"
    "  --stage, --class, --exception, --topic TEXT     of the context headers\n"
    "  --header NAME[=VALUE]\n"
    "  --since, --until T  of the letters' times: milliseconds, or 2026-01-31T12:00:00Z\n"
    "  --partition N, --from OFFSET, --before OFFSET   of the letter topic\n"
    "  --limit N           at most so many\n"
    "\n"
    "Replay:\n"
    "  --dry-run           only show what the connector would make of them\n"
    "  --rate N            letters a second\n"
    "  --to TOPIC          another topic than the original\n"
    "  --into pipeline     no topic: straight into the connector's converters, transforms and put, beside its tasks\n"
    "  --key, --value TEXT of one letter, instead of its own; --null-value: a tombstone\n"
    "  --attempts N        refuse letters that were replayed so often (3); --force replays them nevertheless\n"
    "  --again             also letters that were replayed or discarded before\n"
    "  --id ID             goes on with a replay that was interrupted\n"
    "  --reason TEXT       for the record\n"
    "\n"
    "Exit status: 0 done; 1 letters were refused, or would fail; 2 nothing, or not all, was done.\n";

enum option_kind { PATH, FLAG, TEXT, NUMBER, TIME, PLACE, HEADER, NOTHING };

static const char *const FORMS[] = {[PATH] = "a text",
                                    [FLAG] = "left out",
                                    [TEXT] = "a text, in UTF-8",
                                    [NUMBER] = "a number from 0 on",
                                    [TIME] = "a time like 2026-11-22T18:00:00Z, or milliseconds since 1970",
                                    [PLACE] = "PARTITION/OFFSET, like 0/17",
                                    [HEADER] = "NAME or NAME=VALUE, in UTF-8",
                                    [NOTHING] = "left out"};

struct option {
    const char *name;
    enum option_kind kind;
    const char *member; /* of the selection */
    size_t at;          /* of a path */
};

#define AT(field) offsetof(struct dlq_options, field)
static const struct option OPTIONS[] = {
    {"--worker", PATH, NULL, AT(worker)},
    {"--connector", PATH, NULL, AT(file)},
    {"--plugin-path", PATH, NULL, AT(plugin_path)},
    {"--url", PATH, NULL, AT(url)},
    {"--authorization-file", PATH, NULL, AT(authorization_file)},
    {"--all", FLAG, "all", 0},
    {"--letter", PLACE, "letters", 0},
    {"--group", TEXT, "group", 0},
    {"--stage", TEXT, "stage", 0},
    {"--class", TEXT, "class", 0},
    {"--exception", TEXT, "exception", 0},
    {"--topic", TEXT, "topic", 0},
    {"--header", HEADER, "header", 0},
    {"--since", TIME, "since", 0},
    {"--until", TIME, "until", 0},
    {"--partition", NUMBER, "partition", 0},
    {"--from", NUMBER, "from", 0},
    {"--before", NUMBER, "before", 0},
    {"--limit", NUMBER, "limit", 0},
    {"--dry-run", FLAG, "dry_run", 0},
    {"--rate", NUMBER, "rate", 0},
    {"--to", TEXT, "to", 0},
    {"--into", TEXT, "into", 0},
    {"--key", TEXT, "key", 0},
    {"--value", TEXT, "value", 0},
    {"--null-value", NOTHING, "value", 0},
    {"--attempts", NUMBER, "attempts", 0},
    {"--force", FLAG, "force", 0},
    {"--again", FLAG, "again", 0},
    {"--id", TEXT, "id", 0},
    {"--reason", TEXT, "reason", 0},
};

static bool read_number(const char *text, json_int_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static bool read_time(const char *text, json_int_t *time_ms)
{
    struct tm parts = {.tm_sec = 0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (end != NULL && *end == '\0') {
        *time_ms = (json_int_t)timegm(&parts) * 1000;
        return true;
    }
    return read_number(text, time_ms);
}

static bool add_place(json_t *selection, const char *text)
{
    long long partition, offset;
    char rest;
    json_t *list = json_object_get(selection, "letters");
    if (sscanf(text, "%lld/%lld%c", &partition, &offset, &rest) != 2)
        return false;
    if (list == NULL) {
        list = json_array();
        if (json_object_set_new(selection, "letters", list) != 0)
            return false;
    }
    return json_array_append_new(list, json_pack("{s:I,s:I}", "partition", (json_int_t)partition, "offset", (json_int_t)offset)) == 0;
}

static bool add_header(json_t *selection, const char *text)
{
    const char *value = strchr(text, '=');
    size_t size = value == NULL ? strlen(text) : (size_t)(value - text);
    return json_object_set_new(selection, "header", json_stringn(text, size)) == 0 &&
           (value == NULL || json_object_set_new(selection, "header_value", json_string(value + 1)) == 0);
}

static bool set(struct dlq_options *options, const struct option *option, const char *value)
{
    json_int_t number;
    switch (option->kind) {
    case PATH:
        *(const char **)(void *)((char *)options + option->at) = value;
        return true;
    case FLAG:
        return json_object_set_new(options->selection, option->member, json_true()) == 0;
    case NOTHING:
        return json_object_set_new(options->selection, option->member, json_null()) == 0;
    case TEXT:
        return json_object_set_new(options->selection, option->member, json_string(value)) == 0;
    case NUMBER:
        return read_number(value, &number) && json_object_set_new(options->selection, option->member, json_integer(number)) == 0;
    case TIME:
        return read_time(value, &number) && json_object_set_new(options->selection, option->member, json_integer(number)) == 0;
    case PLACE:
        return add_place(options->selection, value);
    case HEADER:
        break;
    }
    return add_header(options->selection, value);
}

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(OPTIONS[0]); i++)
        if (strcmp(OPTIONS[i].name, name) == 0)
            return &OPTIONS[i];
    return NULL;
}

/* How many arguments were used; 0: said why not. */
static int read_option(struct dlq_options *options, int left, char **argv)
{
    const struct option *option = find_option(argv[0]);
    bool is_alone = option != NULL && (option->kind == FLAG || option->kind == NOTHING);
    if (option == NULL)
        fprintf(stderr, "millrace dlq: there is no option %s\n", argv[0]);
    else if (!is_alone && left < 2)
        fprintf(stderr, "millrace dlq: %s: its value is missing\n", argv[0]);
    else if (!set(options, option, is_alone ? NULL : argv[1]))
        fprintf(stderr, "millrace dlq: %s: the value is to be %s\n", argv[0], FORMS[option->kind]);
    else
        return is_alone ? 1 : 2;
    return 0;
}

static bool read_verb(struct dlq_options *options, const char *text)
{
    static const char *const verbs[] = {[DLQ_LIST] = "list", [DLQ_SHOW] = "show", [DLQ_REPLAY] = "replay", [DLQ_DISCARD] = "discard"};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i], text) == 0) {
            options->verb = (enum dlq_verb)i;
            return true;
        }
    }
    fprintf(stderr, "millrace dlq: %s: there are list, show, replay and discard\n", text);
    return false;
}

static bool read_word(struct dlq_options *options, const char *word)
{
    if (options->connector == NULL && options->file == NULL) {
        options->connector = word;
        return true;
    }
    if (options->verb == DLQ_SHOW && json_object_get(options->selection, "letters") == NULL && add_place(options->selection, word))
        return true;
    fprintf(stderr, "millrace dlq: %s: not understood\n", word);
    return false;
}

/* A worker says so as well, but in the words of its REST API. */
static bool selects(const struct dlq_options *options)
{
    static const char *const members[] = {"all",    "letters", "group", "stage", "class",     "exception",
                                          "topic", "header",  "since", "until", "partition", "before"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (json_object_get(options->selection, members[i]) != NULL)
            return true;
    }
    return false;
}

static bool check(const struct dlq_options *options)
{
    const char *wrong = NULL;
    if (options->connector == NULL && options->file == NULL)
        wrong = "name the connector";
    else if (options->worker == NULL && options->url == NULL)
        wrong = "--worker is missing, or --url";
    else if (options->url != NULL && options->connector == NULL)
        wrong = "--url needs the connector's name; it knows its configuration";
    else if (options->url != NULL && options->verb == DLQ_LIST && json_object_get(options->selection, "letters") != NULL)
        wrong = "list takes no --letter from a worker; show does";
    else if (options->verb == DLQ_SHOW && json_array_size(json_object_get(options->selection, "letters")) != 1)
        wrong = "show needs one letter, as PARTITION/OFFSET";
    else if ((options->verb == DLQ_REPLAY || options->verb == DLQ_DISCARD) && !selects(options))
        wrong = "say which letters: --letter PARTITION/OFFSET, --group ID, another selection, or --all";
    if (wrong != NULL)
        fprintf(stderr, "millrace dlq: %s\n", wrong);
    return wrong == NULL;
}

static bool is_help(const char *text)
{
    return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

bool dlq_options_read(struct dlq_options *options, int argc, char **argv)
{
    *options = (struct dlq_options){.selection = json_object()};
    for (int i = 1; i < argc && !options->is_help; i++)
        options->is_help = is_help(argv[i]);
    if (options->is_help)
        return true;
    if (argc < 2 || options->selection == NULL) {
        fprintf(stderr, "millrace dlq: say list, show, replay or discard\n");
        return false;
    }
    if (!read_verb(options, argv[1]))
        return false;
    for (int i = 2; i < argc;) {
        int used = 1;
        if (strcmp(argv[i], "--json") == 0)
            options->is_json = true;
        else if (strncmp(argv[i], "--", 2) == 0)
            used = read_option(options, argc - i, argv + i);
        else if (!read_word(options, argv[i]))
            used = 0;
        if (used == 0)
            return false;
        i += used;
    }
    return check(options);
}

void dlq_options_release(struct dlq_options *options)
{
    json_decref(options->selection);
    options->selection = NULL;
}
