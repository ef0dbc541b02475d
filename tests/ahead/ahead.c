/*
 * The records of a later build: what the writers of this one make, with a raised version and members nobody knows yet. The linker sends
 * every call of a writer here (--wrap).
 */
#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "coordination/cluster_records.h"
#include "coordination/crash_record.h"

#include "base/bans.h"

#define AHEAD                                                                                                            \
    "\"ahead\":{\"units\":{\"nobody\":[-1,0]},\"epoch\":99999},\"ahead_list\":[1,\"two\",null,{\"v\":3}],"               \
    "\"ahead_null\":null,\"ahead_text\":\"\\u00e4 \\\"boot\\\"\",\"ahead_number\":1.5,"

int __real_cluster_member_encode(const struct cluster_member *, struct str_buffer *, struct mr_error **);
int __real_cluster_assignment_encode(const struct cluster_assignment *, struct str_buffer *, struct mr_error **);
int __real_cluster_head_encode(const struct cluster_head *, struct str_buffer *, struct mr_error **);
int __real_crash_record_encode(const struct string_map *, struct str_buffer *, struct mr_error **);

int __wrap_cluster_member_encode(const struct cluster_member *, struct str_buffer *, struct mr_error **);
int __wrap_cluster_assignment_encode(const struct cluster_assignment *, struct str_buffer *, struct mr_error **);
int __wrap_cluster_head_encode(const struct cluster_head *, struct str_buffer *, struct mr_error **);
int __wrap_crash_record_encode(const struct string_map *, struct str_buffer *, struct mr_error **);

/* `text` holds one record and nothing else. Takes the result of its writer. */
static int raise_format(int result, struct str_buffer *text, struct mr_error **error)
{
    char present[16], *record, *version;
    bool is_raised;

    if (result != 0)
        return result;
    snprintf(present, sizeof(present), "\"v\":%d", CLUSTER_FORMAT);
    record = mem_strdup(str_buffer_text(text));
    version = record != NULL ? strstr(record, present) : NULL;
    if (version == NULL) {
        mem_free(record);
        return mr_error_set(error, MR_ERR_DATA, "a record of the cluster has no version, or there is no memory");
    }
    str_buffer_truncate(text, (size_t)(version - record));
    is_raised = str_buffer_printf(text, "%s\"v\":%d%s", AHEAD, CLUSTER_FORMAT + 1, version + strlen(present));
    mem_free(record);
    return is_raised ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a cluster record");
}

int __wrap_cluster_member_encode(const struct cluster_member *member, struct str_buffer *text, struct mr_error **error)
{
    return raise_format(__real_cluster_member_encode(member, text, error), text, error);
}

int __wrap_cluster_assignment_encode(const struct cluster_assignment *assignment, struct str_buffer *text, struct mr_error **error)
{
    return raise_format(__real_cluster_assignment_encode(assignment, text, error), text, error);
}

int __wrap_cluster_head_encode(const struct cluster_head *head, struct str_buffer *text, struct mr_error **error)
{
    return raise_format(__real_cluster_head_encode(head, text, error), text, error);
}

int __wrap_crash_record_encode(const struct string_map *report, struct str_buffer *text, struct mr_error **error)
{
    return raise_format(__real_crash_record_encode(report, text, error), text, error);
}
