/* millrace standalone: one worker without a cluster; its connectors come from files and live until it ends. */
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "commands.h"
#include "connector_file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/refcount.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "herder/herder.h"
#include "run_worker.h"
#include "stop_signal.h"

#include "base/bans.h"

#define WORDS_MAX (64u << 10)

/* One request that the main thread waits for. Owned by the herder, until it answers, and by who waits. */
struct waiting_put {
    struct refcount owners;
    int answered_fd; /* eventfd */
    bool is_refused;
    struct mr_error *error; /* with is_refused; NULL: no memory */
};

static struct waiting_put *waiting_put_create(struct mr_error **error)
{
    struct waiting_put *put = mem_calloc(1, sizeof(*put));
    int fd = put != NULL ? eventfd(0, EFD_CLOEXEC) : -1;

    if (fd < 0) {
        mem_free(put);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory or no file descriptor left for a request");
        return NULL;
    }
    refcount_init(&put->owners);
    put->answered_fd = fd;
    return put;
}

static void waiting_put_drop(struct waiting_put *put)
{
    if (!refcount_drop(&put->owners))
        return;
    close(put->answered_fd);
    mr_error_drop(put->error);
    mem_free(put);
}

/* The words of an answer over REST as one line, without its pointer to a REST endpoint. */
static void refuse(struct mr_error **error, const char *words)
{
    static const char pointer[] = "\nYou can also find the above list of errors at the endpoint";
    const char *end = strstr(words, pointer);
    struct str_buffer line;

    str_buffer_init(&line, WORDS_MAX);
    for (size_t length = end != NULL ? (size_t)(end - words) : strlen(words); length > 0; words++, length--) {
        if (*words == '\n')
            str_buffer_append_text(&line, words[-1] == ':' ? " " : "; ");
        else
            str_buffer_append_char(&line, *words);
    }
    mr_error_set(error, MR_ERR_CONFIG, "%s", str_buffer_text(&line));
    str_buffer_release(&line);
}

/* thread: the herder's. */
static void take_reply(void *argument, const struct herder_reply *reply)
{
    struct waiting_put *put = argument;
    uint64_t one = 1;
    ssize_t written;

    put->is_refused = reply->status >= 300;
    if (put->is_refused)
        refuse(&put->error, reply->message);
    written = write(put->answered_fd, &one, sizeof(one));
    (void)written; /* the first eight bytes fit */
    waiting_put_drop(put);
}

enum put_outcome { PUT_ACCEPTED, PUT_REFUSED, PUT_LEFT };

/* PUT_LEFT: the worker shall stop; the request is answered later, by the herder's end. */
static enum put_outcome put_connector(struct herder *herder, const struct connector_file *file, struct mr_error **error)
{
    struct waiting_put *put = waiting_put_create(error);
    enum put_outcome outcome = PUT_LEFT;

    if (put == NULL)
        return PUT_REFUSED;
    refcount_take(&put->owners);
    herder_put_connector(
        herder,
        &(struct herder_put_connector){.name = file->name, .config = file->config, .initial_state = file->initial},
        take_reply, put);
    if (!stop_signal_wait_or(put->answered_fd)) {
        outcome = put->is_refused ? PUT_REFUSED : PUT_ACCEPTED;
        *error = put->error;
        put->error = NULL;
    }
    waiting_put_drop(put);
    return outcome;
}

static int put_connectors(struct herder *herder, char **paths, struct mr_error **error)
{
    enum put_outcome outcome = PUT_ACCEPTED;

    for (; *paths != NULL && outcome == PUT_ACCEPTED; paths++) {
        struct connector_file file;

        if (connector_file_read(*paths, NULL, &file, error) != 0)
            return -1;
        outcome = put_connector(herder, &file, error);
        if (outcome == PUT_ACCEPTED)
            log_info("millrace.main", "connector %s comes from %s", file.name, *paths);
        connector_file_release(&file);
        if (outcome == PUT_REFUSED)
            return mr_error_wrap(error, "%s was not accepted", *paths);
    }
    return 0;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "Usage: millrace standalone WORKER.properties [CONNECTOR.properties|CONNECTOR.json]...\n");
        return EXIT_REFUSED;
    }
    return run_worker(&(struct run_worker){.command = "standalone",
                                           .mode = WORKER_STANDALONE,
                                           .properties_path = argv[1],
                                           .begun = put_connectors,
                                           .arguments = argv + 2});
}

const struct command command_standalone = {
    .name = "standalone",
    .arguments = "WORKER.properties CONNECTOR.properties|json...",
    .summary = "Run one worker without a cluster, offsets in a file",
    .run = run,
};
