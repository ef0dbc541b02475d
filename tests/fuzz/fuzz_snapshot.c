/* A snapshot's file, which anybody may have edited. Nothing crashes, what is refused says why, and what was read is written as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/error.h>

#include "base/str_buffer.h"
#include "snapshot/snapshot_file.h"

#define OUT_MAX ((size_t)16 << 20)

static void must(int fact)
{
    if (!fact)
        abort();
}

static void write_and_read_again(const struct snapshot *snapshot)
{
    struct str_buffer out;
    struct snapshot again;
    struct mr_error *error = NULL;
    str_buffer_init(&out, OUT_MAX);
    must(snapshot_write(snapshot, &out));
    must(snapshot_read(&again, str_buffer_text(&out), out.length, &error) == 0);
    must(json_equal(snapshot->configs, again.configs) && json_equal(snapshot->offsets, again.offsets) && json_equal(snapshot->groups, again.groups));
    snapshot_release(&again);
    str_buffer_release(&out);
    mr_error_drop(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct snapshot snapshot;
    struct mr_error *error = NULL;
    int status = snapshot_read(&snapshot, (const char *)bytes, length, &error);
    must((status == 0) == (error == NULL));
    /* The print at the end keeps the fuzzer from reading to it: what was understood before that is held against writing. */
    if (snapshot.cluster_id != NULL && snapshot.group_id != NULL)
        write_and_read_again(&snapshot);
    snapshot_release(&snapshot);
    mr_error_drop(error);
    return 0;
}
