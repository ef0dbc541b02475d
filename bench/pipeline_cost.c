/*
 * pipeline_cost FILE: what the cases in FILE (a JSON object a line: pipeline_subject.h) cost, for bench/pipeline.
 *
 *   --rounds N     of which the median counts (9)
 *   --round-ms N   how long each of them is, in processor time (100)
 *
 * For each case a line {"name", "ns", "allocations", "bytes"}: processor time of the thread, calls of malloc and its like, and bytes of
 * the batch's arena, each per record; the recycling of the batch is part of it, the filling is not. A case that fails has an "error";
 * then the exit status is 1.
 */
#include <jansson.h>
#include <millrace/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/host.h"
#include "loader/loader.h"
#include "pipeline_malloc.h"
#include "pipeline_subject.h"
#include "sdk/record_layout.h"
#include "base/log.h"

#define BATCH_RECORDS 500
#define BATCH_BYTES ((size_t)64 << 20)
#define ROUNDS_MAX 99

struct options {
    long rounds, round_ms;
};

struct cost {
    double ns, allocations, bytes;
};

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* At least one batch; -1: a record failed. */
static int round_run(struct subject *subject, struct mr_batch *batch, int64_t least_ns, struct cost *cost, struct mr_error **error)
{
    int64_t spent_ns = 0;
    uint64_t allocations = 0, records = 0;
    do {
        if (subject_fill(subject, batch, BATCH_RECORDS, error) < 0)
            return -1;
        size_t filled_bytes = mr_arena_used_bytes(mr_batch_arena(batch));
        uint64_t allocations_before = pipeline_malloc_count();
        int64_t began_ns = cpu_ns();
        if (subject_run(subject, batch, BATCH_RECORDS, error) < 0)
            return -1;
        cost->bytes = (double)(mr_arena_used_bytes(mr_batch_arena(batch)) - filled_bytes) / BATCH_RECORDS;
        batch_clear(batch);
        spent_ns += cpu_ns() - began_ns;
        allocations += pipeline_malloc_count() - allocations_before;
        records += BATCH_RECORDS;
    } while (spent_ns < least_ns);
    cost->ns = (double)spent_ns / (double)records;
    cost->allocations = (double)allocations / (double)records;
    return 0;
}

static int by_ns(const void *one, const void *other)
{
    double a = ((const struct cost *)one)->ns, b = ((const struct cost *)other)->ns;
    return (a > b) - (a < b);
}

static int subject_measure(struct subject *subject, const struct options *options, struct cost *median, struct mr_error **error)
{
    struct cost costs[ROUNDS_MAX];
    struct mr_batch *batch = mr_batch_create(BATCH_BYTES);
    if (batch == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a batch");
    int result = round_run(subject, batch, options->round_ms * 1000000, &costs[0], error); /* warms up */
    for (long i = 0; i < options->rounds && result == 0; i++)
        result = round_run(subject, batch, options->round_ms * 1000000, &costs[i], error);
    mr_batch_drop(batch);
    if (result == 0) {
        qsort(costs, (size_t)options->rounds, sizeof(costs[0]), by_ns);
        *median = costs[options->rounds / 2];
    }
    return result;
}

static bool case_run(const struct loader *loader, const json_t *test_case, const struct options *options)
{
    struct mr_error *error = NULL;
    struct cost cost = { .ns = 0 };
    struct subject *subject = subject_create(loader, test_case, &error);
    bool worked = subject != NULL && subject_measure(subject, options, &cost, &error) == 0;
    json_t *name = json_object_get(test_case, "name");
    json_t *line = worked ? json_pack("{sOsfsfsf}", "name", name, "ns", cost.ns, "allocations", cost.allocations, "bytes", cost.bytes)
                          : json_pack("{sOss}", "name", name, "error", error == NULL ? "no reason given" : mr_error_message(error));
    json_dumpf(line, stdout, JSON_COMPACT);
    printf("\n");
    fflush(stdout);
    json_decref(line);
    mr_error_drop(error);
    subject_destroy(subject);
    return worked;
}

static int file_run(const struct loader *loader, FILE *file, const struct options *options)
{
    int status = 0;
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t size; (size = getline(&line, &capacity, file)) > 0;) {
        json_error_t why;
        json_t *test_case = json_loadb(line, (size_t)size, 0, &why);
        if (test_case == NULL)
            fprintf(stderr, "pipeline_cost: a line is no JSON: %s\n", why.text);
        if (test_case == NULL || !case_run(loader, test_case, options))
            status = 1;
        json_decref(test_case);
    }
    free(line);
    return status;
}

static int usage(void)
{
    fprintf(stderr, "usage: pipeline_cost [--rounds N] [--round-ms N] FILE\n");
    return 2;
}

/* NULL: wrong usage. */
static const char *options_read(int count, char **arguments, struct options *options)
{
    int at = 1;
    for (; at + 1 < count && arguments[at][0] == '-'; at += 2) {
        long number = strtol(arguments[at + 1], NULL, 10);
        if (strcmp(arguments[at], "--rounds") == 0 && number > 0 && number <= ROUNDS_MAX)
            options->rounds = number;
        else if (strcmp(arguments[at], "--round-ms") == 0 && number >= 0)
            options->round_ms = number;
        else
            return NULL;
    }
    return at + 1 == count ? arguments[at] : NULL;
}

int main(int count, char **arguments)
{
    struct options options = { .rounds = 9, .round_ms = 100 };
    const char *path = options_read(count, arguments, &options);
    FILE *file = path == NULL ? NULL : fopen(path, "r");
    if (file == NULL)
        return usage();
    setenv("TZ", "UTC", 1);
    tzset();
    log_level_set("root", LOG_LEVEL_WARN, 0, NULL);
    struct mr_error *error = NULL;
    struct loader *loader = loader_create(&(struct loader_setup){ .with_shipped = true, .host = loader_host() }, &error);
    int status = 2;
    if (loader == NULL)
        fprintf(stderr, "pipeline_cost: %s\n", mr_error_message(error));
    else
        status = file_run(loader, file, &options);
    mr_error_drop(error);
    loader_destroy(loader);
    fclose(file);
    return status;
}
