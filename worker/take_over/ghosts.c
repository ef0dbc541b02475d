#include "take_over/ghosts.h"

#include <millrace/error.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "kafka/admin.h"
#include "kafka/consumer.h"

#include "base/bans.h"

#define LOOK_EVERY_NS (20L * 1000 * 1000)

struct stand_in {
    struct consumer *consumer;
    bool is_in, has_failed;
};

/* "GROUP-3-1a2b3c4d": the task's number and a print of its topics (task/sink_task.c). */
static bool is_ghost(const char *instance_id, const char *group)
{
    size_t length = strlen(group);
    if (instance_id == NULL || strncmp(instance_id, group, length) != 0 || instance_id[length] != '-')
        return false;
    const char *number = instance_id + length + 1;
    size_t digits = strspn(number, "0123456789");
    return digits > 0 && number[digits] == '-' && strspn(number + digits + 1, "0123456789abcdef") == 8 && number[digits + 9] == '\0';
}

size_t ghosts_count(const struct admin_group *described, const char *group)
{
    size_t count = 0;
    for (size_t i = 0; i < described->member_count; i++)
        count += is_ghost(described->members[i].instance_id, group);
    return count;
}

static void open_one(struct stand_in *stand_in, const struct ghosts_setup *setup, const char *instance_id, struct mr_error **error)
{
    const struct consumer_setup consumer = {
        .config = setup->config, .graveyard = setup->graveyard, .instance_id = instance_id};
    const struct consumer_subscription subscription = {
        .topics = setup->topics, .topic_count = setup->topic_count, .topics_regex = setup->topics_regex};
    stand_in->consumer = consumer_open(&consumer, error);
    stand_in->has_failed = stand_in->consumer == NULL || consumer_subscribe(stand_in->consumer, &subscription, error) != 0;
}

/* What it is given is not taken, so nothing is read; that it is given something shows that it is in. */
static void look_at_one(struct stand_in *stand_in)
{
    struct consumer_event event;
    do {
        consumer_next_event(stand_in->consumer, &event);
        stand_in->is_in = stand_in->is_in || event.kind == CONSUMER_ASSIGNED;
        stand_in->has_failed = stand_in->has_failed || event.kind == CONSUMER_FAILED || event.kind == CONSUMER_FENCED;
    } while (event.kind != CONSUMER_NONE);
}

/* All have to be in before one leaves: whoever comes while the group is on the move waits for the ghosts that are left. */
static void wait_for_all(struct stand_in *stand_ins, size_t count, int64_t deadline_ms)
{
    bool goes_on = true;
    while (goes_on && clock_monotonic_ms(NULL) < deadline_ms) {
        goes_on = false;
        for (size_t i = 0; i < count; i++) {
            if (!stand_ins[i].has_failed && !stand_ins[i].is_in)
                look_at_one(&stand_ins[i]);
            goes_on = goes_on || (!stand_ins[i].has_failed && !stand_ins[i].is_in);
        }
        nanosleep(&(struct timespec){.tv_nsec = goes_on ? LOOK_EVERY_NS : 0}, NULL);
    }
}

int ghosts_lay(const struct ghosts_setup *setup, const struct admin_group *described, struct mr_error **error)
{
    struct stand_in stand_ins[GHOSTS_MAX];
    size_t count = 0;
    int left = 0;
    for (size_t i = 0; i < described->member_count && count < GHOSTS_MAX; i++) {
        if (!is_ghost(described->members[i].instance_id, setup->group))
            continue;
        stand_ins[count] = (struct stand_in){.consumer = NULL};
        open_one(&stand_ins[count++], setup, described->members[i].instance_id, error);
    }
    wait_for_all(stand_ins, count, setup->deadline_ms);
    for (size_t i = 0; i < count; i++) {
        left += stand_ins[i].is_in && !stand_ins[i].has_failed;
        consumer_close(stand_ins[i].consumer, stand_ins[i].is_in ? CONSUMER_CLOSE_LEAVE : CONSUMER_CLOSE_STAY, setup->deadline_ms);
    }
    if (left == 0 && count > 0)
        return mr_error_set(error, MR_ERR_TIMEOUT, "the brokers did not let stand-ins into group %s in time", setup->group);
    return left;
}
