/* Offsets of a sink connector over REST (KIP-875): what its consumer group has committed. No task is asked. */
#include <millrace/error.h>

#include "base/mem.h"
#include "executor/executor_internal.h"
#include "executor/group_client_internal.h"
#include "kafka/admin.h"

#include "base/bans.h"

/* --- asking ------------------------------------------------------------------------------------------------------------ */

static int list(const struct group_client *client, struct admin_offsets *offsets, struct mr_error **error)
{
    int status;

    do {
        status = admin_list_group_offsets(client->admin, client->group, offsets, client->of->deadline_ms, error);
    } while (group_client_may_ask_again(client, status, error));
    return status;
}

int executor_read_group_offsets(const struct executor *executor, const struct executor_group *of,
                                executor_group_offset_fn *each, void *argument, struct mr_error **error)
{
    struct group_client client = {.executor = executor, .of = of};
    struct admin_offsets offsets = {0};
    struct mr_error *why = NULL;
    int status = group_client_open(&client, &why);

    if (status == 0)
        status = list(&client, &offsets, &why);
    for (size_t i = 0; status == 0 && i < offsets.count; i++)
        status = each(argument,
                      &(struct executor_group_offset){.topic = offsets.items[i].topic,
                                                      .partition = offsets.items[i].partition,
                                                      .offset = offsets.items[i].offset},
                      &why);
    admin_offsets_release(&offsets);
    return group_client_close(&client, why, error, "Failed to retrieve consumer group offsets for sink connector %s",
                              of->connector);
}

/* --- changing ---------------------------------------------------------------------------------------------------------- */

#define STILL_MEMBERS                                                                                                  \
    " either because its tasks haven't stopped completely yet or the connector was resumed before the request to %s "  \
    "its offsets could be successfully completed, or because others are in its consumer group, too. If the connector " \
    "is in a stopped state, this operation can be safely retried: a task that was lost with its worker stays a "       \
    "member "                                                                                                          \
    "until its session is over"

static int close_changed(struct group_client *client, struct mr_error *why, const char *what, struct mr_error **error)
{
    if (why != NULL && mr_error_code(why) == MR_ERR_CONFLICT)
        return group_client_close(client, why, error,
                                  "Failed to %s consumer group offsets for connector %s" STILL_MEMBERS, what,
                                  client->of->connector, what);
    return group_client_close(client, why, error, "Failed to %s consumer group offsets for connector %s", what,
                              client->of->connector);
}

/* What no cluster would take, so that nothing is written of a request that has it. */
static int check_offsets(const struct executor_group_offset *offsets, size_t count, struct mr_error **error)
{
    for (size_t i = 0; i < count; i++) {
        const struct executor_group_offset *offset = &offsets[i];

        if (*offset->topic == '\0' || offset->partition < 0)
            return mr_error_set(error, MR_ERR_CONFIG, "there is no partition %s-%d", offset->topic,
                                (int)offset->partition);
        if (!offset->is_removed && offset->offset < 0)
            return mr_error_set(error, MR_ERR_CONFIG, "the offset of %s-%d is negative", offset->topic,
                                (int)offset->partition);
    }
    return 0;
}

/* Those that are removed, or those that are not; the texts stay the caller's. */
static size_t pick(struct admin_offset *picked, const struct executor_group_offset *offsets, size_t count,
                   bool is_removed)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        if (offsets[i].is_removed == is_removed)
            picked[found++] = (struct admin_offset){.topic = (char *)(uintptr_t)offsets[i].topic,
                                                    .partition = offsets[i].partition,
                                                    .offset = offsets[i].is_removed ? 0 : offsets[i].offset};
    return found;
}

typedef int change_fn(struct admin *admin, const char *group, const struct admin_offset *offsets, size_t count,
                      int64_t deadline_ms, struct mr_error **error);

static int change(const struct group_client *client, change_fn *order, const struct admin_offset *offsets, size_t count,
                  struct mr_error **error)
{
    int status;

    if (count == 0)
        return 0;
    do {
        status = order(client->admin, client->group, offsets, count, client->of->deadline_ms, error);
    } while (group_client_may_ask_again(client, status, error));
    return status;
}

/* Two orders; the second is given also when the first has failed, as Kafka Connect does it. */
static void change_all(const struct group_client *client, const struct executor_group_offset *offsets, size_t count,
                       struct mr_error **error)
{
    struct admin_offset *picked = mem_calloc(count + 1, sizeof(*picked));
    struct mr_error *second = NULL;

    if (picked == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a group's offsets");
        return;
    }
    change(client, admin_alter_group_offsets, picked, pick(picked, offsets, count, false), error);
    change(client, admin_delete_group_offsets, picked, pick(picked, offsets, count, true), &second);
    if (*error == NULL)
        *error = second;
    else
        mr_error_drop(second);
    mem_free(picked);
}

int executor_alter_group_offsets(const struct executor *executor, const struct executor_group *of,
                                 const struct executor_group_offset *offsets, size_t count, struct mr_error **error)
{
    struct group_client client = {.executor = executor, .of = of};
    struct mr_error *why = NULL;

    if (check_offsets(offsets, count, &why) == 0 && group_client_open(&client, &why) == 0)
        change_all(&client, offsets, count, &why);
    return close_changed(&client, why, "alter", error);
}

int executor_delete_group(const struct executor *executor, const struct executor_group *of, struct mr_error **error)
{
    struct group_client client = {.executor = executor, .of = of};
    struct mr_error *why = NULL;
    int status;

    if (group_client_open(&client, &why) == 0)
        do {
            status = admin_delete_group(client.admin, client.group, of->deadline_ms, &why);
        } while (group_client_may_ask_again(&client, status, &why));
    return close_changed(&client, why, "reset", error);
}
