#include "commands.h"

#include <stddef.h>

const struct command *const commands[] = {
    &command_worker,
    &command_standalone,
    &command_try,
    &command_dlq,
    &command_snapshot,
    &command_ctl,
    &command_plugin,
    &command_version,
    NULL,
};
