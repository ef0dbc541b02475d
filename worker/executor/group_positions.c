/* Where times are in the topics of a sink connector, and where these begin and end: for changes of its offsets over REST. */
#include <millrace/error.h>
#include <string.h>

#include "base/mem.h"
#include "executor/executor_internal.h"
#include "executor/group_client_internal.h"
#include "kafka/admin.h"

#include "base/bans.h"

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for positions in topics");
}

static int find(const struct group_client *client, struct admin_position *positions, size_t count, struct mr_error **error)
{
    int status;

    do {
        status = admin_find_positions(client->admin, positions, count, client->of->deadline_ms, error);
    } while (group_client_may_ask_again(client, status, error));
    return status;
}

/* --- partitions there are ------------------------------------------------------------------------------------------------ */

/* Of the topic that was asked about last. */
struct known_topic {
    const char *name;
    int32_t partitions; /* 0: it is not there */
};

static int know(const struct group_client *client, const char *topic, struct known_topic *known, struct mr_error **error)
{
    int status;

    if (known->name != NULL && strcmp(known->name, topic) == 0)
        return 0;
    known->name = NULL;
    do {
        status = admin_partition_count(client->admin, topic, &known->partitions, client->of->deadline_ms, error);
    } while (group_client_may_ask_again(client, status, error));
    if (status == 0)
        known->name = topic;
    return status;
}

static int require(const struct group_client *client, const struct executor_seek *seek, struct known_topic *known,
                   struct mr_error **error)
{
    if (*seek->topic != '\0' && know(client, seek->topic, known, error) != 0)
        return -1;
    if (*seek->topic == '\0' || known->partitions == 0)
        return mr_error_set(error, MR_ERR_NOT_FOUND, "there is no topic '%s': name one that the connector reads", seek->topic);
    if (seek->partition < known->partitions)
        return 0;
    return mr_error_set(error, MR_ERR_NOT_FOUND, "there is no partition %s-%d: the topic has those from 0 to %d", seek->topic,
                        (int)seek->partition, (int)known->partitions - 1);
}

/* --- times ------------------------------------------------------------------------------------------------------------- */

/* Of times that no record has reached yet it is the end. */
static int find_ends(const struct group_client *client, struct admin_position *positions, size_t count, struct mr_error **error)
{
    struct admin_position *late = mem_calloc(count, sizeof(*late));
    size_t late_count = 0, next = 0;
    int status = 0;

    if (late == NULL)
        return no_memory(error);
    for (size_t i = 0; i < count; i++)
        if (positions[i].offset < 0) {
            late[late_count] = positions[i];
            late[late_count++].time_ms = ADMIN_LATEST;
        }
    status = find(client, late, late_count, error);
    for (size_t i = 0; status == 0 && i < count; i++)
        if (positions[i].offset < 0)
            positions[i].offset = late[next++].offset;
    mem_free(late);
    return status;
}

struct telling {
    executor_seek_fn *each;
    void *argument;
};

/* `seeks`: to which of them a position belongs. */
static int find_and_tell(const struct group_client *client, struct admin_position *positions, const size_t *seeks, size_t count,
                         const struct telling *telling, struct mr_error **error)
{
    int status = count == 0 ? 0 : find(client, positions, count, error);

    if (status == 0 && count > 0)
        status = find_ends(client, positions, count, error);
    for (size_t i = 0; status == 0 && i < count; i++)
        status = telling->each(telling->argument, seeks[i],
                               &(struct executor_group_offset){
                                   .topic = positions[i].topic, .partition = positions[i].partition, .offset = positions[i].offset},
                               error);
    return status;
}

static int seek_all(const struct group_client *client, const struct executor_seek *seek, size_t place, int32_t count,
                    const struct telling *telling, struct mr_error **error)
{
    struct admin_position *positions = mem_calloc((size_t)count, sizeof(*positions));
    size_t *seeks = mem_calloc((size_t)count, sizeof(*seeks));
    int status = -1;

    for (int32_t i = 0; positions != NULL && seeks != NULL && i < count; i++) {
        positions[i] = (struct admin_position){.topic = seek->topic, .partition = i, .time_ms = seek->time_ms};
        seeks[i] = place;
    }
    if (positions != NULL && seeks != NULL)
        status = find_and_tell(client, positions, seeks, (size_t)count, telling, error);
    else
        no_memory(error);
    mem_free(positions);
    mem_free(seeks);
    return status;
}

/* Those that name their partition are asked for together. */
static int seek_each(const struct group_client *client, const struct executor_seek *seeks, size_t count, const struct telling *telling,
                     struct mr_error **error)
{
    struct admin_position *positions = mem_calloc(count + 1, sizeof(*positions));
    size_t *places = mem_calloc(count + 1, sizeof(*places)), named = 0;
    struct known_topic known = {.name = NULL};
    int status = positions == NULL || places == NULL ? no_memory(error) : 0;

    for (size_t i = 0; status == 0 && i < count; i++) {
        status = require(client, &seeks[i], &known, error);
        if (status == 0 && seeks[i].partition == EXECUTOR_ALL_PARTITIONS) {
            status = seek_all(client, &seeks[i], i, known.partitions, telling, error);
        } else if (status == 0) {
            places[named] = i;
            positions[named++] = (struct admin_position){
                .topic = seeks[i].topic, .partition = seeks[i].partition, .time_ms = seeks[i].time_ms};
        }
    }
    if (status == 0)
        status = find_and_tell(client, positions, places, named, telling, error);
    mem_free(positions);
    mem_free(places);
    return status;
}

int executor_seek(const struct executor *executor, const struct executor_group *of, const struct executor_seek *seeks, size_t count,
                  executor_seek_fn *each, void *argument, struct mr_error **error)
{
    struct group_client client = {.executor = executor, .of = of};
    const struct telling telling = {each, argument};
    struct mr_error *why = NULL, *told = NULL;
    bool is_missing;

    if (group_client_open(&client, &why) == 0)
        seek_each(&client, seeks, count, &telling, &why);
    is_missing = why != NULL && mr_error_code(why) == MR_ERR_NOT_FOUND;
    if (group_client_close(&client, why, &told, "Failed to find positions for sink connector %s", of->connector) == 0)
        return 0;
    mr_error_set(error, is_missing ? MR_ERR_CONFIG : MR_ERR_CONNECT, "%s", mr_error_message(told));
    mr_error_drop(told);
    return -1;
}

/* --- beginnings and ends ----------------------------------------------------------------------------------------------- */

/* Only those that are there. */
static int list_present(const struct group_client *client, const struct executor_bounds *bounds, size_t count,
                        struct admin_position *positions, size_t *places, size_t *found, struct mr_error **error)
{
    struct known_topic known = {.name = NULL};

    *found = 0;
    for (size_t i = 0; i < count; i++) {
        if (*bounds[i].topic == '\0' || bounds[i].partition < 0)
            continue;
        if (know(client, bounds[i].topic, &known, error) != 0)
            return -1;
        if (bounds[i].partition >= known.partitions)
            continue;
        places[*found] = i;
        positions[(*found)++] = (struct admin_position){
            .topic = bounds[i].topic, .partition = bounds[i].partition, .time_ms = ADMIN_EARLIEST};
    }
    return 0;
}

static int find_bounds(const struct group_client *client, struct executor_bounds *bounds, size_t count, struct mr_error **error)
{
    struct admin_position *positions = mem_calloc(count + 1, sizeof(*positions));
    size_t *places = mem_calloc(count + 1, sizeof(*places)), found = 0;
    int status = positions == NULL || places == NULL ? no_memory(error) : 0;

    if (status == 0)
        status = list_present(client, bounds, count, positions, places, &found, error);
    if (status == 0)
        status = find(client, positions, found, error);
    for (size_t i = 0; status == 0 && i < found; i++) {
        bounds[places[i]].begin = positions[i].offset;
        positions[i].time_ms = ADMIN_LATEST;
    }
    if (status == 0)
        status = find(client, positions, found, error);
    for (size_t i = 0; status == 0 && i < found; i++)
        bounds[places[i]].end = positions[i].offset;
    mem_free(positions);
    mem_free(places);
    return status;
}

int executor_find_bounds(const struct executor *executor, const struct executor_group *of, struct executor_bounds *bounds, size_t count,
                         bool *starts_at_end, struct mr_error **error)
{
    struct group_client client = {.executor = executor, .of = of};
    struct mr_error *why = NULL;

    for (size_t i = 0; i < count; i++)
        bounds[i].begin = bounds[i].end = -1;
    if (group_client_open(&client, &why) == 0)
        find_bounds(&client, bounds, count, &why);
    *starts_at_end = client.starts_at_end;
    return group_client_close(&client, why, error, "Failed to find the ends of the topics of sink connector %s", of->connector);
}
