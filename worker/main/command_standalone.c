/* millrace standalone: one worker without a cluster; its connectors come from files and live until it ends. */
#include <millrace/error.h>
#include <stdio.h>

#include "commands.h"
#include "connector_file.h"
#include "base/log.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "herder/herder.h"
#include "run_worker.h"

#include "base/bans.h"

struct waiting_put {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool is_answered;
    struct mr_error *error;
};

static void take_reply(void *argument, const struct herder_reply *reply)
{
    struct waiting_put *put = argument;

    mutex_lock(&put->lock);
    if (reply->status >= 300)
        mr_error_set(&put->error, MR_ERR_CONFIG, "%s", reply->message);
    put->is_answered = true;
    cond_signal(&put->answered);
    mutex_unlock(&put->lock);
}

/* Waits for the answer; the herder answers every request, at its deadline at the latest. */
static int put_connector(struct herder *herder, const struct connector_file *file, struct mr_error **error)
{
    struct waiting_put put = {0};

    mutex_init(&put.lock);
    cond_init(&put.answered);
    herder_put_connector(
        herder,
        &(struct herder_put_connector){.name = file->name, .config = file->config, .initial_state = file->initial},
        take_reply, &put);
    mutex_lock(&put.lock);
    while (!put.is_answered)
        cond_wait(&put.answered, &put.lock);
    mutex_unlock(&put.lock);
    cond_destroy(&put.answered);
    mutex_destroy(&put.lock);
    *error = put.error;
    return put.error == NULL ? 0 : -1;
}

static int put_connectors(struct herder *herder, char **paths, struct mr_error **error)
{
    for (; *paths != NULL; paths++) {
        struct connector_file file;
        int status;

        if (connector_file_read(*paths, &file, error) != 0)
            return -1;
        status = put_connector(herder, &file, error);
        if (status == 0)
            log_info("millrace.main", "connector %s comes from %s", file.name, *paths);
        connector_file_release(&file);
        if (status != 0)
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
