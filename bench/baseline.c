#include "baseline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double cpu_begin_us, wall_begin_s;

_Noreturn void baseline_die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
        baseline_die(name, why);
}

static void set_pair(rd_kafka_conf_t *conf, char *pair)
{
    char *equals = strchr(pair, '=');

    if (equals == NULL)
        baseline_die(pair, "write name=value");
    *equals = '\0';
    set(conf, pair, equals + 1);
}

void baseline_parse(struct baseline *baseline, int argc, char **argv)
{
    *baseline = (struct baseline){.conf = rd_kafka_conf_new()};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--bootstrap") == 0)
            set(baseline->conf, "bootstrap.servers", argv[i + 1]);
        else if (strcmp(argv[i], "--topic") == 0)
            baseline->topic = argv[i + 1];
        else if (strcmp(argv[i], "--file") == 0)
            baseline->file = argv[i + 1];
        else if (strcmp(argv[i], "--records") == 0)
            baseline->records = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "-X") == 0)
            set_pair(baseline->conf, argv[i + 1]);
        else
            baseline_die(argv[i], "no such option");
    }
    if (baseline->topic == NULL || baseline->file == NULL)
        baseline_die("usage", "--bootstrap HOST:PORT --topic T --file F [--records N] [-X name=value]...");
}

static double cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double wall_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void baseline_begin(void)
{
    cpu_begin_us = cpu_us();
    wall_begin_s = wall_s();
}

void baseline_end(uint64_t records)
{
    double us = cpu_us() - cpu_begin_us;

    printf("{\"records\": %llu, \"cpu_us_per_record\": %.3f, \"wall_s\": %.3f}\n", (unsigned long long)records,
           records == 0 ? 0.0 : us / (double)records, wall_s() - wall_begin_s);
}
