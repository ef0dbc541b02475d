#include "coordination/process_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bans.h"

#define STAT_SIZE 1024

/* The number of bytes, NUL-terminated; -1 and errno. */
static ssize_t read_small(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;
    int saved;

    if (file < 0)
        return -1;
    length = read(file, text, size - 1);
    saved = errno;
    close(file);
    errno = saved;
    if (length >= 0)
        text[length] = '\0';
    return length;
}

/* Fields 3 and 22 of /proc/PID/stat; the name between them may hold anything, also brackets. */
static bool parse_stat(const char *text, char *state, int64_t *started)
{
    const char *at = strrchr(text, ')');

    if (at == NULL || at[1] != ' ')
        return false;
    *state = at[2];
    at += 2;
    for (int field = 3; field < 22; field++) {
        at = strchr(at, ' ');
        if (at == NULL)
            return false;
        at++;
    }
    return sscanf(at, "%" SCNd64, started) == 1;
}

static void read_host(char host[PROCESS_HOST_SIZE])
{
    char boot[64], name[48];
    ssize_t length = readlink("/proc/self/ns/pid", name, sizeof(name) - 1);

    host[0] = '\0';
    if (length <= 0 || read_small("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) <= 0)
        return;
    name[length] = '\0';
    boot[strcspn(boot, "\n")] = '\0';
    snprintf(host, PROCESS_HOST_SIZE, "%s/%s", boot, name);
}

void process_identity_read(struct process_identity *self)
{
    char text[STAT_SIZE], state;

    *self = (struct process_identity){.pid = getpid()};
    if (read_small("/proc/self/stat", text, sizeof(text)) <= 0 || !parse_stat(text, &state, &self->started))
        return;
    if (strtoll(text, NULL, 10) == self->pid) /* else /proc is that of another namespace: it numbers processes otherwise */
        read_host(self->host);
}

/* Where /proc hides the processes of other users (hidepid) the kernel still tells whether there is one. */
static bool is_nowhere(int64_t pid)
{
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

bool process_is_gone(int64_t pid, int64_t started)
{
    char path[64], text[STAT_SIZE], state;
    int64_t found;

    if (pid <= 0 || pid > INT32_MAX)
        return false;
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
    if (read_small(path, text, sizeof(text)) < 0)
        return (errno == ENOENT || errno == ESRCH) && is_nowhere(pid);
    if (!parse_stat(text, &state, &found))
        return false;
    return found != started || state == 'Z' || state == 'X';
}
