/*
 * commands: what `millrace` can be told to do.
 *
 * A command is a constant row: its file defines it, commands.c lists it. `run` gets the arguments from its own name on
 * (argv[0] is the name) and returns the exit status: 0 done, 1 refused after one line on standard error (try, dlq, snapshot, ctl: 2). thread: main.
 */
#ifndef MAIN_COMMANDS_H
#define MAIN_COMMANDS_H

struct command {
    const char *name;
    const char *arguments;   /* "FILE.properties"; "" when it takes none */
    const char *summary;     /* one line, for the usage */
    int (*run)(int argc, char **argv);
};

extern const struct command command_worker;
extern const struct command command_standalone;
extern const struct command command_version;
extern const struct command command_plugin;
extern const struct command command_try;
extern const struct command command_dlq;
extern const struct command command_snapshot;
extern const struct command command_ctl;

/* All commands in the order of the usage; the closing entry is NULL. */
extern const struct command *const commands[];

#endif
