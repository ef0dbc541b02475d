#include <stdio.h>

#include "commands.h"
#include "run_worker.h"

#include "base/bans.h"

static int run(int argc, char **argv)
{
    if (argc > 2) {
        fprintf(stderr, "Usage: millrace worker [FILE.properties]\n");
        return EXIT_REFUSED;
    }
    return run_worker(
        &(struct run_worker){.command = "worker", .mode = WORKER_DISTRIBUTED, .properties_path = argv[1]});
}

const struct command command_worker = {
    .name = "worker",
    .arguments = "[FILE.properties]",
    .summary = "Run a worker of a cluster in the foreground",
    .run = run,
};
