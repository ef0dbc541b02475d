/*
 * golden [-v] [--self-test] [--known] [--exotic N] [--plugins PATH] DIR|FILE…: runs the golden corpus through the plugins,
 * as the loader finds them beside the executable (../plugins).
 * golden [--plugins PATH] --answer: each line of standard input is a case, each line of standard output its outcome.
 *
 * A line a file, `FILE: N passed, N failed, N exotic failed` (the three are all its cases: exotic ones that fail are counted
 * apart), and at the end `N passed, N failed` over all cases, exotic or not. Exit status 1 when something failed. A class
 * that does not exist is a failure; nothing is skipped.
 *
 *  -v            prints each failed case with what was expected and what came
 *  --self-test   alters every leaf of each `expect` in turn and demands that the case then fails
 *  --known       leaves out cases of classes that no plugin has yet, and counts them; a plugin that is not loaded fails
 *  --exotic N    so many exotic cases may fail: they are told, and not counted at the end
 *  --plugins     looks for plugins there as well
 */
#include <dirent.h>
#include <millrace/error.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "compare.h"
#include "loader/host.h"
#include "loader/loader.h"
#include "mutate.h"
#include "run.h"
#include "base/log.h"

struct options {
    bool is_verbose, is_self_test, known_only, is_answering;
    size_t exotic_known;
    const char *plugins;
};

struct counts {
    size_t passed, failed, exotic_failed;
    size_t leaves;
    size_t left_out;
};

struct golden {
    const struct options *options;
    const struct loader *loader;
    struct counts total;
};

static void text_print(const char *label, const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    printf("    %-8s %s\n", label, text == NULL ? "?" : text);
    free(text);
}

static void failure_print(const json_t *test_case, const json_t *outcome)
{
    printf("  %s%s\n", json_string_value(json_object_get(test_case, "id")),
           json_object_get(test_case, "tier") != NULL ? " (exotic)" : "");
    text_print("class", json_object_get(test_case, "class"));
    text_print("config", json_object_get(test_case, "config"));
    text_print("input", json_object_get(test_case, "input"));
    text_print("expected", json_object_get(test_case, "expect"));
    text_print("got", outcome);
}

/* Against the outcome if the case passes, else against what it expects. */
static bool self_test(struct golden *golden, const json_t *test_case, const json_t *outcome, const char *operation,
                      struct counts *counts)
{
    const json_t *expected = json_object_get(test_case, "expect");
    struct mutate_result result;
    if (!compare_outcome(expected, outcome, operation))
        outcome = expected;
    mutate_every_leaf(expected, outcome, operation, &result);
    counts->leaves += result.leaves;
    bool passed = compare_outcome(expected, outcome, operation) && result.overlooked == 0 && result.leaves > 0;
    if (!passed && golden->options->is_verbose)
        printf("  %s: %zu of %zu altered leaves overlooked, first %s\n",
               json_string_value(json_object_get(test_case, "id")), result.overlooked, result.leaves, result.first);
    return passed;
}

static void case_run(struct golden *golden, const json_t *test_case, struct counts *counts)
{
    const char *operation = json_string_value(json_object_get(test_case, "op"));
    json_t *outcome;
    bool passed;
    if (golden->options->known_only && !run_is_possible(golden->loader, test_case)) {
        counts->left_out++;
        return;
    }
    outcome = run_case(golden->loader, test_case);
    if (golden->options->is_self_test) {
        passed = self_test(golden, test_case, outcome, operation, counts);
    } else {
        passed = compare_outcome(json_object_get(test_case, "expect"), outcome, operation);
        if (!passed && golden->options->is_verbose)
            failure_print(test_case, outcome);
    }
    json_decref(outcome);
    counts->passed += passed;
    bool is_exotic = json_object_get(test_case, "tier") != NULL;
    counts->failed += !passed && !is_exotic;
    counts->exotic_failed += !passed && is_exotic;
}

static void file_run(struct golden *golden, const char *path)
{
    struct counts counts = {.passed = 0};
    char *line = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "r");
    for (ssize_t size; file != NULL && (size = getline(&line, &capacity, file)) > 0;) {
        json_error_t why;
        json_t *test_case = json_loadb(line, (size_t)size, JSON_ALLOW_NUL, &why);
        if (test_case == NULL) {
            printf("  %s: a line is not JSON: %s\n", path, why.text);
            counts.failed++;
            continue;
        }
        case_run(golden, test_case, &counts);
        json_decref(test_case);
    }
    free(line);
    if (file != NULL)
        fclose(file);
    else
        counts.failed++;
    printf("%s: %zu passed, %zu failed, %zu exotic failed\n", path, counts.passed, counts.failed, counts.exotic_failed);
    golden->total.passed += counts.passed;
    golden->total.failed += counts.failed;
    golden->total.exotic_failed += counts.exotic_failed;
    golden->total.leaves += counts.leaves;
    golden->total.left_out += counts.left_out;
}

static json_t *case_answer(const struct loader *loader, const char *line, size_t size)
{
    json_error_t why;
    json_t *test_case = json_loadb(line, size, JSON_ALLOW_NUL, &why);
    json_t *outcome = test_case == NULL ? json_pack("{ss}", "broken", why.text) : run_case(loader, test_case);
    json_decref(test_case);
    return outcome;
}

/* One outcome a case, as soon as it is there: whoever asks may wait for it. */
static void answer(const struct loader *loader)
{
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t size; (size = getline(&line, &capacity, stdin)) > 0;) {
        json_t *outcome = case_answer(loader, line, (size_t)size);
        char *text = json_dumps(outcome, JSON_COMPACT);
        printf("%s\n", text == NULL ? "{\"broken\":\"the outcome cannot be written\"}" : text);
        fflush(stdout);
        free(text);
        json_decref(outcome);
    }
    free(line);
}

static bool is_case_file(const char *name)
{
    size_t size = strlen(name);
    return size > 6 && strcmp(name + size - 6, ".jsonl") == 0;
}

/* A file, or every *.jsonl below a folder, in the order of their names. */
static void path_run(struct golden *golden, const char *path)
{
    struct stat status;
    struct dirent **entries = NULL;
    if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        file_run(golden, path);
        return;
    }
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        printf("%s: cannot be read\n", path);
        golden->total.failed++;
    }
    for (int i = 0; i < count; i++) {
        char *deeper = NULL;
        const char *name = entries[i]->d_name;
        if (name[0] != '.' && asprintf(&deeper, "%s/%s", path, name) > 0 && stat(deeper, &status) == 0 &&
            (S_ISDIR(status.st_mode) || is_case_file(name)))
            path_run(golden, deeper);
        free(deeper);
        free(entries[i]);
    }
    free(entries);
}

static int usage(void)
{
    fprintf(stderr, "usage: golden [-v] [--self-test] [--known] [--exotic N] [--plugins PATH] DIR|FILE...\n"
                    "       golden [--plugins PATH] --answer\n");
    return 2;
}

/* Returns the index of the first path, 0 for wrong usage. */
static int options_read(int count, char **arguments, struct options *options)
{
    int at = 1;
    for (; at < count && arguments[at][0] == '-'; at++) {
        if (strcmp(arguments[at], "-v") == 0)
            options->is_verbose = true;
        else if (strcmp(arguments[at], "--self-test") == 0)
            options->is_self_test = true;
        else if (strcmp(arguments[at], "--known") == 0)
            options->known_only = true;
        else if (strcmp(arguments[at], "--answer") == 0)
            options->is_answering = true;
        else if (strcmp(arguments[at], "--exotic") == 0 && at + 1 < count)
            options->exotic_known = strtoul(arguments[++at], NULL, 10);
        else if (strcmp(arguments[at], "--plugins") == 0 && at + 1 < count)
            options->plugins = arguments[++at];
        else
            return 0;
    }
    return (at < count) != options->is_answering ? at : 0;
}

static void refusals_print(const struct loader *loader)
{
    for (size_t i = 0; i < loader_refusal_count(loader); i++)
        printf("not loaded: %s: %s\n", loader_refusal_path(loader, i), loader_refusal_reason(loader, i));
}

int main(int count, char **arguments)
{
    struct options options = {.plugins = NULL};
    int first = options_read(count, arguments, &options);
    if (first == 0)
        return usage();
    setenv("TZ", "UTC", 1);
    tzset();
    log_level_set("root", LOG_LEVEL_WARN, 0, NULL);
    struct mr_error *error = NULL;
    struct loader *loader = loader_create(
        &(struct loader_setup){.plugin_path = options.plugins, .with_shipped = true, .host = loader_host()}, &error);
    if (loader == NULL) {
        fprintf(stderr, "golden: %s\n", mr_error_message(error));
        mr_error_drop(error);
        return 2;
    }
    if (options.is_answering) {
        answer(loader);
        loader_destroy(loader);
        return 0;
    }
    refusals_print(loader);
    struct golden golden = {.options = &options, .loader = loader};
    if (options.known_only)
        golden.total.failed += loader_refusal_count(loader);
    for (int i = first; i < count; i++)
        path_run(&golden, arguments[i]);
    if (options.is_self_test)
        printf("%zu leaves altered\n", golden.total.leaves);
    if (options.known_only)
        printf("%zu left out: their classes are not there yet\n", golden.total.left_out);
    if (golden.total.exotic_failed > options.exotic_known)
        golden.total.failed += golden.total.exotic_failed - options.exotic_known;
    printf("%zu passed, %zu failed\n", golden.total.passed, golden.total.failed);
    loader_destroy(loader);
    return golden.total.failed == 0 ? 0 : 1;
}
