#include "gate/password_queue_internal.h"

#include <string.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/thread.h"

#include "base/bans.h"

struct password_queue {
    password_run_fn *run;
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_stopping;            /* lock */
    struct password_job *first;  /* lock */
    pthread_t threads[GATE_PASSWORD_THREADS];
    size_t thread_count;
};

void password_job_destroy(struct password_job *job)
{
    if (job == NULL)
        return;
    basic_release(&job->credentials);
    mem_free(job);
}

static void *run_queue(void *argument)
{
    struct password_queue *queue = argument;
    mutex_lock(&queue->lock);
    for (;;) {
        while (queue->first == NULL && !queue->is_stopping)
            cond_wait(&queue->changed, &queue->lock);
        struct password_job *job = queue->first;
        bool is_stopping = queue->is_stopping;
        if (job == NULL)
            break;
        queue->first = job->next;
        mutex_unlock(&queue->lock);
        queue->run(queue->context, job, is_stopping);
        mutex_lock(&queue->lock);
    }
    mutex_unlock(&queue->lock);
    return NULL;
}

struct password_queue *password_queue_start(password_run_fn *run, void *context, struct mr_error **error)
{
    char why[200] = "";
    struct password_queue *queue = mem_calloc(1, sizeof(*queue));
    if (queue == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for checking passwords");
        return NULL;
    }
    queue->run = run;
    queue->context = context;
    mutex_init(&queue->lock);
    cond_init(&queue->changed);
    for (; queue->thread_count < GATE_PASSWORD_THREADS; queue->thread_count++) {
        struct thread_setup setup = {.name = "passwords", .run = run_queue, .argument = queue};
        if (!thread_start(&queue->threads[queue->thread_count], &setup, why, sizeof(why)))
            break;
    }
    if (queue->thread_count > 0)
        return queue; /* one will do */
    mr_error_set(error, MR_ERR_CONNECT, "No thread could be started for checking passwords: %s", why);
    password_queue_stop(queue);
    return NULL;
}

void password_queue_stop(struct password_queue *queue)
{
    if (queue == NULL)
        return;
    mutex_lock(&queue->lock);
    queue->is_stopping = true;
    cond_broadcast(&queue->changed);
    mutex_unlock(&queue->lock);
    for (size_t i = 0; i < queue->thread_count; i++)
        thread_join(queue->threads[i]);
    cond_destroy(&queue->changed);
    mutex_destroy(&queue->lock);
    mem_free(queue);
}

bool password_queue_push(struct password_queue *queue, struct password_job *job)
{
    size_t count = 0, of_address = 0;
    mutex_lock(&queue->lock);
    struct password_job **end = &queue->first;
    for (; *end != NULL; end = &(*end)->next) {
        count++;
        of_address += strcmp((*end)->network, job->network) == 0;
    }
    bool fits = !queue->is_stopping && count < GATE_PASSWORDS_WAITING_MAX && of_address < GATE_PASSWORDS_PER_ADDRESS_MAX;
    if (fits) {
        job->next = NULL;
        *end = job;
        cond_signal(&queue->changed);
    }
    mutex_unlock(&queue->lock);
    return fits;
}
