#include "herder/session_key_internal.h"

#include <millrace/error.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "config/worker_config.h"
#include "herder/requests_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define LOOK_AGAIN_MS (60 * 60 * 1000)
#define RETRY_MS (STORE_WRITE_TIMEOUT_MS + 1000) /* a write under way has ended by then */

/* What Java's generator of that algorithm makes when no size is given. */
static size_t default_size(const char *algorithm)
{
    static const struct {
        const char *algorithm;
        size_t bytes;
    } SIZES[] = {{"HmacSHA1", 64}, {"HmacSHA224", 28}, {"HmacSHA256", 32}, {"HmacSHA384", 48}, {"HmacSHA512", 64}};

    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++)
        if (strcmp(SIZES[i].algorithm, algorithm) == 0)
            return SIZES[i].bytes;
    return 32;
}

static size_t wanted_size(const struct worker_config *worker)
{
    return worker->key_size_bits != 0 ? (worker->key_size_bits + 7) / 8 : default_size(worker->key_algorithm);
}

/* Bytes that a base64 text stands for, by its length. */
static size_t decoded_size(const char *text)
{
    size_t length = strlen(text), padding = 0;

    while (padding < 2 && length > padding && text[length - 1 - padding] == '=')
        padding++;
    return length / 4 * 3 - padding;
}

/* Milliseconds until a new key is due; <= 0: now. */
static int64_t due_in_ms(const struct worker_config *worker, struct config_store *configs)
{
    struct config_snapshot *snapshot = config_store_snapshot(configs);
    const struct session_key *key = config_snapshot_session_key(snapshot);
    int64_t left_ms = 0;

    if (key != NULL && strcmp(key->algorithm, worker->key_algorithm) == 0 && decoded_size(key->key) == wanted_size(worker))
        left_ms = worker->key_ttl_ms == 0 ? LOOK_AGAIN_MS
                                          : key->created_ms + (int64_t)worker->key_ttl_ms - clock_wall_ms(NULL);
    config_snapshot_drop(snapshot);
    return left_ms;
}

/* The text of a new key; NULL: no memory. */
static char *make_key(size_t size)
{
    unsigned char *bytes = mem_alloc(size);
    char *text = mem_alloc(base64_encoded_length(size) + 1);
    bool is_made = bytes != NULL && text != NULL && random_fill(bytes, size);

    if (is_made) {
        text[base64_encode(bytes, size, text)] = '\0';
    } else {
        mem_free(text);
        text = NULL;
    }
    if (bytes != NULL)
        explicit_bzero(bytes, size);
    mem_free(bytes);
    return text;
}

/* thread: job; writes of one store take turns, so nobody writes between the look and the write. */
static void write_run(struct herder_job *job)
{
    const struct herder_setup *setup = &job->herder->setup;
    const struct worker_config *worker = setup->worker;
    char *text;

    if (due_in_ms(worker, setup->configs) > 0)
        return;
    text = make_key(wanted_size(worker));
    if (text == NULL) {
        mr_error_set(&job->error, MR_ERR_NO_MEMORY, "no memory for a session key");
        return;
    }
    config_store_put_session_key(setup->configs,
                                 &(struct session_key){text, worker->key_algorithm, clock_wall_ms(NULL)},
                                 job_write_deadline_ms(job), &job->error);
    explicit_bzero(text, strlen(text));
    mem_free(text);
}

static void write_done(struct herder *herder, struct herder_job *job)
{
    (void)herder;
    if (job->error != NULL)
        log_warn(HERDER_LOG, "the session key could not be written, trying again: %s", mr_error_message(job->error));
}

static void write_late(struct herder *herder, struct herder_job *job)
{
    (void)herder;
    (void)job;
    log_warn(HERDER_LOG, "the session key was not written in time, trying again");
}

int64_t session_key_tend(struct herder *herder)
{
    const struct worker_config *worker = herder->setup.worker;
    int64_t left_ms;

    if (!worker_config_is_sessioned(worker))
        return LOOK_AGAIN_MS;
    left_ms = due_in_ms(worker, herder->setup.configs);
    if (left_ms > 0)
        return left_ms < LOOK_AGAIN_MS ? left_ms : LOOK_AGAIN_MS;
    if (!herder_job_post(herder, &(struct herder_job_setup){.run = write_run,
                                                            .done = write_done,
                                                            .late = write_late,
                                                            .serial = herder->setup.configs,
                                                            .deadline_ms = herder_now_ms() + STORE_WRITE_TIMEOUT_MS}))
        log_warn(HERDER_LOG, "the session key is not written yet: the job pool is full");
    return RETRY_MS;
}
