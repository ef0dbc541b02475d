#include <stdio.h>
#include <string.h>

#include "commands.h"

#include "base/bans.h"

static void print_usage(FILE *stream)
{
    fprintf(stream, "Usage: millrace COMMAND [ARGUMENTS]\n\nCommands:\n");
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(stream, "  %-10s %s\n             %s\n", commands[i]->name, commands[i]->arguments, commands[i]->summary);
    fprintf(stream, "\n`millrace --version` prints the versions, `millrace COMMAND --help` how a command is called.\n");
}

static void print_command(const struct command *command)
{
    printf("Usage: millrace %s%s%s\n\n%s.\n", command->name, *command->arguments == '\0' ? "" : " ", command->arguments, command->summary);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int is_help(const char *argument)
{
    return strcmp(argument, "help") == 0 || strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return 1;
    }
    if (is_help(argv[1])) {
        print_usage(stdout);
        return 0;
    }
    const struct command *command = find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (command == NULL) {
        fprintf(stderr, "millrace: there is no command '%s'\n", argv[1]);
        print_usage(stderr);
        return 1;
    }
    if (!command->has_help && argc == 3 && is_help(argv[2]) && strcmp(argv[2], "help") != 0) {
        print_command(command);
        return 0;
    }
    return command->run(argc - 1, argv + 1);
}
