#include <stdio.h>

#include <millrace/abi.h>

#include "commands.h"
#include "kafka/client_config.h"

#include "base/bans.h"

static int run(int argc, char **argv)
{
    (void)argv;
    if (argc != 1) {
        fprintf(stderr, "Usage: millrace version\n");
        return 1;
    }
    printf("millrace %s (%s)\n", MILLRACE_VERSION, MILLRACE_COMMIT);
    printf("plugin ABI %d.%d\n", MR_ABI_MAJOR, MR_ABI_MINOR);
    printf("compatible with Kafka Connect %s (%s)\n", KAFKA_VERSION, KAFKA_COMMIT);
    printf("librdkafka %s\n", client_library_version());
    return 0;
}

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "Print versions: of the program, the plugin ABI, Kafka and librdkafka",
    .run = run,
};
