/* GET /health: a request that goes through the herder's own queue and so shows that it turns. And the pulse, which waits for nothing. */
#include <millrace/error.h>

#include "base/lease.h"
#include "base/mem.h"
#include "herder/herder_internal.h"

#include "base/bans.h"

struct health_question {
    struct herder_post post;
    herder_reply_fn *reply;
    void *argument;
};

static void answer(herder_reply_fn *reply, void *argument, int status, const char *message)
{
    reply(argument, &(struct herder_reply){.status = status, .message = message});
}

static const char starting[] = "Worker is still starting up.";

static void handle(struct herder *herder, struct herder_post *post)
{
    struct health_question *question = (struct health_question *)post;

    if (herder->stage == HERDER_JOINING)
        answer(question->reply, question->argument, 503, starting);
    else if (herder->stage == HERDER_STOPPING || herder->stage == HERDER_ENDED)
        answer(question->reply, question->argument, 500, "Worker is shutting down");
    else
        answer(question->reply, question->argument, 200,
               "Worker has completed startup and is ready to handle requests.");
    mem_free(question);
}

void herder_ask_health(struct herder *herder, herder_reply_fn *reply, void *argument)
{
    struct health_question *question;

    if (!herder_is_ready(herder)) {
        answer(reply, argument, 503, starting);
        return;
    }
    question = mem_calloc(1, sizeof(*question));
    if (question == NULL) {
        answer(reply, argument, 500, "The worker has no memory left");
        return;
    }
    question->post.handle = handle;
    question->reply = reply;
    question->argument = argument;
    herder_post(herder, &question->post);
}

static enum herder_standing standing_of(const struct herder *herder)
{
    enum herder_stage stage = (enum herder_stage)atomic_load(&herder->seen_stage);

    if (!atomic_load(&herder->has_begun))
        return HERDER_STANDS_READING;
    if (stage == HERDER_STOPPING || stage == HERDER_ENDED || !herder_is_ready(herder))
        return HERDER_STANDS_LEAVING;
    if (stage == HERDER_JOINING)
        return HERDER_STANDS_JOINING;
    if (stage == HERDER_SUSPENDED)
        return HERDER_STANDS_ALONE;
    if (stage == HERDER_CATCHING_UP)
        return HERDER_STANDS_BEHIND;
    return herder->lease == NULL || lease_is_valid(herder->lease, herder->setup.clock) ? HERDER_STANDS_READY : HERDER_STANDS_UNLEASED;
}

void herder_take_pulse(const struct herder *herder, struct herder_pulse *pulse)
{
    int64_t late_ms = herder_now_ms() - atomic_load_explicit(&herder->turn_due_ms, memory_order_relaxed);

    *pulse = (struct herder_pulse){.standing = standing_of(herder), .late_ms = late_ms};
    if (late_ms < 0 || pulse->standing == HERDER_STANDS_READING) /* what is posted waits until there is a thread */
        pulse->late_ms = 0;
}
