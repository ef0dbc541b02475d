/* The cleanup policy of the internal topics may be changed while workers run: looked at again and again. */
#include <millrace/error.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/health_board.h"
#include "base/mem.h"
#include "base/thread.h"
#include "boot_internal.h"
#include "kafka/internal_topics.h"
#include "metrics/registry.h"

#include "base/bans.h"

#define LOOK_TIMEOUT_MS 5000 /* for one topic: the end of the worker waits for it */

struct topic_watch {
    struct boot *boot;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ends; /* locks: lock */
};

static const char *const names[INTERNAL_TOPIC_COUNT] = {
    [INTERNAL_TOPIC_OFFSET] = "offset", [INTERNAL_TOPIC_STATUS] = "status", [INTERNAL_TOPIC_CONFIG] = "config"};

static void look_at(struct boot *boot, enum internal_topic kind)
{
    char words[INTERNAL_TOPIC_WORDS_MAX], name[HEALTH_NAME_MAX];
    enum internal_topic_fitness fitness =
        internal_topic_look(boot->admin, kind, boot->config->properties, words, sizeof(words), deadline_after_ms(LOOK_TIMEOUT_MS));
    if (fitness == INTERNAL_TOPIC_UNKNOWN) /* what was known stays */
        return;
    snprintf(name, sizeof(name), "%s_topic_cleanup", names[kind]);
    if (fitness == INTERNAL_TOPIC_FORGETS)
        health_board_raise(boot->health, name, HEALTH_WARNING, "%s", words);
    else
        health_board_clear(boot->health, name);
    metrics_registry_set_forgetful(boot->metrics, names[kind], fitness == INTERNAL_TOPIC_FORGETS);
}

static bool wait_for_next(struct topic_watch *watch)
{
    int64_t next_ms = deadline_after_ms(watch->boot->config->internal_topics_check_ms);
    mutex_lock(&watch->lock);
    while (!watch->ends && cond_wait_until_ms(&watch->changed, &watch->lock, next_ms))
        ;
    bool goes_on = !watch->ends;
    mutex_unlock(&watch->lock);
    return goes_on;
}

static bool has_ended(struct topic_watch *watch)
{
    mutex_lock(&watch->lock);
    bool ends = watch->ends;
    mutex_unlock(&watch->lock);
    return ends;
}

static void *run(void *argument)
{
    struct topic_watch *watch = argument;
    do {
        for (int kind = 0; kind < INTERNAL_TOPIC_COUNT && !has_ended(watch); kind++)
            look_at(watch->boot, (enum internal_topic)kind);
    } while (wait_for_next(watch));
    return NULL;
}

static void drop(struct topic_watch *watch)
{
    cond_destroy(&watch->changed);
    mutex_destroy(&watch->lock);
    mem_free(watch);
}

int boot_topics_watch(struct boot *boot, struct mr_error **error)
{
    char why[160];
    if (boot->mode == WORKER_STANDALONE)
        return 0;
    struct topic_watch *watch = mem_calloc(1, sizeof(*watch));
    if (watch == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to watch the internal topics");
    watch->boot = boot;
    mutex_init(&watch->lock);
    cond_init(&watch->changed);
    if (!thread_start(&watch->thread, &(struct thread_setup){.name = "topic-watch", .run = run, .argument = watch}, why, sizeof(why))) {
        drop(watch);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "%s", why);
    }
    boot->topic_watch = watch;
    return 0;
}

void boot_topics_unwatch(struct boot *boot)
{
    struct topic_watch *watch = boot->topic_watch;
    if (watch == NULL)
        return;
    mutex_lock(&watch->lock);
    watch->ends = true;
    cond_signal(&watch->changed);
    mutex_unlock(&watch->lock);
    thread_join(watch->thread);
    drop(watch);
    boot->topic_watch = NULL;
}
