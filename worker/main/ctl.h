/*
 * ctl: the subcommands of `millrace ctl`. Rows as in commands.h: `run` gets the arguments from the subcommand's name on, and prints its
 * own --help. Exit statuses are each one's own; 2: bad arguments or files. command_ctl.c lists them.
 */
#ifndef MAIN_CTL_H
#define MAIN_CTL_H

#include "commands.h"

extern const struct command ctl_adopt;
extern const struct command ctl_give_back;
extern const struct command ctl_health;
extern const struct command ctl_offsets;

#endif
