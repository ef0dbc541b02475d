#include "crash_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str_buffer.h"

#include "base/bans.h"

#define LOG_NAME "millrace.crash"
#define NAME_PART_MAX 100

/* Can the folder be written to, or be made? What is missing of it is made when it is needed. */
static bool can_write_below(const char *folder)
{
    struct str_buffer there;
    struct stat facts;
    bool can_write = false;

    str_buffer_init(&there, 1 << 16);
    for (str_buffer_append_text(&there, folder); !str_buffer_failed(&there) && there.length > 0;) {
        if (stat(there.data, &facts) == 0) {
            can_write = S_ISDIR(facts.st_mode) && access(there.data, W_OK | X_OK) == 0;
            break;
        }
        do
            str_buffer_truncate(&there, there.length - 1);
        while (there.length > 1 && there.data[there.length] != '/');
    }
    str_buffer_release(&there);
    return can_write;
}

/* "<folder><below>/"; false: there is no such folder, nothing is appended. */
static bool append_folder(struct str_buffer *path, const char *folder, const char *below)
{
    size_t before = path->length;

    if (folder == NULL || folder[0] != '/')
        return false;
    str_buffer_append(path, folder, strcspn(folder, ":")); /* STATE_DIRECTORY may name several */
    str_buffer_append_text(path, below);
    if (!str_buffer_failed(path) && can_write_below(path->data))
        return str_buffer_append_char(path, '/');
    if (!str_buffer_failed(path))
        str_buffer_truncate(path, before);
    return false;
}

/* In a folder that everybody may write to, another user may have been first: what is there must be ours alone. It is made now, so
 * that nobody else can before a crash. */
static bool is_ours(const char *folder)
{
    struct stat facts;

    (void)mkdir(folder, 0700);
    return lstat(folder, &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == getuid() &&
           (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* false: there is no folder for it. */
static bool append_state_folder(struct str_buffer *path)
{
    char last[64];

    if (append_folder(path, getenv("STATE_DIRECTORY"), "") || append_folder(path, getenv("XDG_STATE_HOME"), "/millrace") ||
        append_folder(path, getenv("HOME"), "/.local/state/millrace"))
        return true;
    snprintf(last, sizeof(last), "/tmp/millrace-%u", (unsigned)getuid());
    if (is_ours(last)) {
        str_buffer_printf(path, "%s/", last);
        return true;
    }
    log_warn(LOG_NAME,
             "crashes are not kept in a file: %s is not a folder of this user alone, and neither $STATE_DIRECTORY, $XDG_STATE_HOME "
             "nor $HOME can be written to; set one of them or millrace.crash.file",
             last);
    return false;
}

/* Of a name from outside only what is good in a file name. */
static void append_part(struct str_buffer *path, const char *name)
{
    for (size_t i = 0; name[i] != '\0' && i < NAME_PART_MAX; i++) {
        char c = name[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';

        str_buffer_append_char(path, is_plain ? c : '_');
    }
}

void crash_place_append(struct str_buffer *path, const struct worker_config *config, const char *worker_id)
{
    if (config->crash_file[0] != '\0') {
        str_buffer_append_text(path, config->crash_file);
        return;
    }
    if (config->mode == WORKER_STANDALONE) {
        str_buffer_printf(path, "%s.crash", config->offset_file);
        return;
    }
    if (!append_state_folder(path))
        return;
    str_buffer_append_text(path, "crash-");
    append_part(path, config->group_id);
    str_buffer_append_char(path, '-');
    append_part(path, worker_id);
}
