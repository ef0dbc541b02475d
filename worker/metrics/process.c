#include "metrics/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "metrics/text.h"

#include "base/bans.h"

#define FILE_MAX 4096

static void write_gauge(struct metrics_text *text, const char *name, const char *help, double value)
{
    metrics_text_family(text, name, METRIC_GAUGE, help);
    metrics_text_sample(text, NULL, NULL, value);
}

/* The beginning of the file as text. */
static bool read_file(const char *path, char content[FILE_MAX])
{
    FILE *file = fopen(path, "re");
    size_t length = file == NULL ? 0 : fread(content, 1, FILE_MAX - 1, file);

    if (file != NULL)
        fclose(file);
    content[length] = '\0';
    return length > 0;
}

static void write_cpu(struct metrics_text *text)
{
    struct timespec used;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
        return;
    metrics_text_family(text, "process_cpu_seconds_total", METRIC_COUNTER,
                        "Total user and system CPU time spent in seconds.");
    metrics_text_sample(text, NULL, NULL, (double)used.tv_sec + (double)used.tv_nsec / 1e9);
}

/* "size resident …" in pages. */
static void write_memory(struct metrics_text *text)
{
    char content[FILE_MAX], *end;
    double page = (double)sysconf(_SC_PAGESIZE), pages;

    if (!read_file("/proc/self/statm", content))
        return;
    pages = (double)strtoull(content, &end, 10);
    write_gauge(text, "process_virtual_memory_bytes", "Virtual memory size in bytes.", pages * page);
    pages = (double)strtoull(end, NULL, 10);
    write_gauge(text, "process_resident_memory_bytes", "Resident memory size in bytes.", pages * page);
}

static void write_descriptors(struct metrics_text *text)
{
    struct rlimit limit;
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");

    if (folder != NULL) {
        for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
            count += entry->d_name[0] != '.';
        closedir(folder);
        write_gauge(text, "process_open_fds", "Number of open file descriptors.", (double)(count - 1)); /* not ours */
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        write_gauge(text, "process_max_fds", "Maximum number of open file descriptors.", (double)limit.rlim_cur);
}

/* The n-th field (from 1) behind the name of the program, which may hold anything but ends with the last ')'. */
static bool field_behind_name(const char *content, int n, double *value)
{
    const char *at = strrchr(content, ')');

    for (int i = 0; at != NULL && i < n; i++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return false;
    *value = strtod(at + 1, NULL);
    return true;
}

/* When the machine was started, in seconds since 1970. */
static bool read_boot_time(double *seconds)
{
    char line[FILE_MAX];
    FILE *file = fopen("/proc/stat", "re");
    bool is_found = false;

    while (file != NULL && !is_found && fgets(line, sizeof(line), file) != NULL) {
        is_found = strncmp(line, "btime ", 6) == 0;
        if (is_found)
            *seconds = strtod(line + 6, NULL);
    }
    if (file != NULL)
        fclose(file);
    return is_found;
}

#define STAT_THREADS 18 /* fields 20 and 22 of /proc/PID/stat, counted behind the name, which is the second */
#define STAT_START 20

static void write_life(struct metrics_text *text)
{
    char content[FILE_MAX];
    double boot, value;

    if (!read_file("/proc/self/stat", content))
        return;
    if (field_behind_name(content, STAT_START, &value) && read_boot_time(&boot))
        write_gauge(text, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
                    boot + value / (double)sysconf(_SC_CLK_TCK));
    if (field_behind_name(content, STAT_THREADS, &value))
        write_gauge(text, "process_threads", "Number of OS threads in the process.", value);
}

void metrics_process_write(struct metrics_text *text)
{
    write_cpu(text);
    write_memory(text);
    write_descriptors(text);
    write_life(text);
}

/* --- as a JVM ------------------------------------------------------------------------------------------------------ */

static void write_areas(struct metrics_text *text, const char *name, double resident)
{
    metrics_text_family(text, name, METRIC_GAUGE, "Resident memory, as a JVM worker would name it.");
    metrics_text_sample(text, "area=\"heap\"", NULL, resident);
    metrics_text_sample(text, "area=\"nonheap\"", NULL, 0);
}

void metrics_process_write_as_jvm(struct metrics_text *text)
{
    char content[FILE_MAX], *end;
    double value = 0;

    if (read_file("/proc/self/statm", content)) {
        strtoull(content, &end, 10);
        value = (double)strtoull(end, NULL, 10) * (double)sysconf(_SC_PAGESIZE);
    }
    write_areas(text, "jvm_memory_bytes_used", value);
    write_areas(text, "jvm_memory_used_bytes", value);
    metrics_text_family(text, "jvm_gc_collection_seconds_sum", METRIC_GAUGE, "There is no garbage collector: 0.");
    metrics_text_sample(text, "gc=\"none\"", NULL, 0);
    if (read_file("/proc/self/stat", content) && field_behind_name(content, STAT_THREADS, &value))
        write_gauge(text, "jvm_threads_current", "Threads of the process.", value);
}
