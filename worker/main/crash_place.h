/*
 * crash_place: where the reports of crashes of this worker are (base/crash.h).
 *
 * millrace.crash.file; else, standalone, beside the offsets: offset.storage.file.filename with ".crash" behind it; else
 * crash-GROUP-HOST_PORT in the first of these folders that can be written to: $STATE_DIRECTORY (systemd), $XDG_STATE_HOME/millrace,
 * $HOME/.local/state/millrace, /tmp/millrace-UID. Nothing is created before something crashes but the last, which must be this user's
 * alone: no other user decides where a report goes. Where even that is not so, there is no file, and a warning.
 */
#ifndef MAIN_CRASH_PLACE_H
#define MAIN_CRASH_PLACE_H

#include "config/worker_config.h"

struct str_buffer;

/* Appends the path, or nothing: no file; `path` has failed: no memory, or too long. */
void crash_place_append(struct str_buffer *path, const struct worker_config *config, const char *worker_id);

#endif
