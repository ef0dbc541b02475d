/*
 * What workers write to each other in the config topic, as anybody may have written it. What is accepted is written as text that is
 * read as the same again, letter by letter; what is refused leaves nothing behind.
 *
 * Input: the first byte says which kind: m a member, a an assignment, c the cluster, l labels and, after a line feed, a selector.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/placement.h"
#include "base/str_buffer.h"
#include "coordination/cluster_records.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

static void must_be_refused(struct mr_error *error)
{
    must(error != NULL && mr_error_code(error) == MR_ERR_DATA && mr_error_message(error)[0] != '\0');
    mr_error_drop(error);
}

#define ROUND_TRIP(kind)                                                                                               \
    static bool kind##_pass(const char *text, size_t size, struct str_buffer *again)                                   \
    {                                                                                                                  \
        struct cluster_##kind record;                                                                                  \
        struct mr_error *error = NULL;                                                                                 \
        bool is_accepted;                                                                                              \
                                                                                                                       \
        cluster_##kind##_init(&record);                                                                                \
        is_accepted = cluster_##kind##_decode(&record, text, size, &error) == 0;                                       \
        if (is_accepted)                                                                                               \
            must(cluster_##kind##_encode(&record, again, &error) == 0);                                                \
        else                                                                                                           \
            must_be_refused(error);                                                                                    \
        cluster_##kind##_release(&record);                                                                             \
        return is_accepted;                                                                                            \
    }
ROUND_TRIP(member)
ROUND_TRIP(assignment)
ROUND_TRIP(head)

static void check_record(bool (*pass)(const char *, size_t, struct str_buffer *), const char *text, size_t size)
{
    struct str_buffer once, twice;

    str_buffer_init(&once, CLUSTER_RECORD_MAX);
    str_buffer_init(&twice, CLUSTER_RECORD_MAX);
    if (pass(text, size, &once)) {
        must(pass(str_buffer_text(&once), strlen(str_buffer_text(&once)), &twice));
        must(strcmp(str_buffer_text(&once), str_buffer_text(&twice)) == 0);
    }
    str_buffer_release(&once);
    str_buffer_release(&twice);
}

static void check_placement(const char *text, size_t size)
{
    char *labels = mem_alloc(size + 1), *selector, words[300] = "";

    must(labels != NULL);
    memcpy(labels, text, size);
    labels[size] = '\0';
    selector = strchr(labels, '\n');
    if (selector != NULL)
        *selector++ = '\0';
    must(placement_check_labels(labels, words, sizeof(words)) || words[0] != '\0');
    words[0] = '\0';
    must(placement_check_selector(selector != NULL ? selector : "", words, sizeof(words)) || words[0] != '\0');
    (void)placement_fits(selector, labels);
    must(placement_fits("", labels) && placement_fits(NULL, labels));
    mem_free(labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;

    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'm':
        check_record(member_pass, text, size - 1);
        break;
    case 'a':
        check_record(assignment_pass, text, size - 1);
        break;
    case 'c':
        check_record(head_pass, text, size - 1);
        break;
    case 'l':
        check_placement(text, size - 1);
        break;
    default:
        break;
    }
    return 0;
}
