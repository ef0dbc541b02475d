/* millrace ctl: what is done to a cluster from outside of its workers; a subcommand each (ctl_*.c). */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "ctl.h"

#include "base/bans.h"

#define EXIT_NOT_DONE 2

static const struct command *const subcommands[] = {
    &ctl_adopt,
    &ctl_give_back,
    &ctl_health,
    &ctl_offsets,
    NULL,
};

static void print_usage(FILE *stream)
{
    fprintf(stream, "Usage: millrace ctl SUBCOMMAND [ARGUMENTS]\n\nSubcommands:\n");
    for (size_t i = 0; subcommands[i] != NULL; i++)
        fprintf(stream, "  %-10s %s\n             %s\n", subcommands[i]->name, subcommands[i]->arguments, subcommands[i]->summary);
    fprintf(stream, "\n`millrace ctl SUBCOMMAND --help` says how it is called.\n");
}

static int run(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_usage(stdout);
        return 0;
    }
    for (size_t i = 0; argc >= 2 && subcommands[i] != NULL; i++) {
        if (strcmp(subcommands[i]->name, argv[1]) == 0)
            return subcommands[i]->run(argc - 1, argv + 1);
    }
    if (argc >= 2)
        fprintf(stderr, "millrace ctl: there is no subcommand '%s'\n", argv[1]);
    print_usage(stderr);
    return EXIT_NOT_DONE;
}

const struct command command_ctl = {
    .name = "ctl",
    .arguments = "adopt|give-back|health|offsets …",
    .summary = "Look after a cluster from outside: take it over, give it back, ask whether it is well, move its connectors' offsets",
    .run = run,
};
