/* /connectors/{name}/dlq…: reads and writes topics, by any worker, on a validation's thread: it may wait for a rate. */
#include <millrace/error.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "dead_letters/dead_letters.h"
#include "dead_letters/selection.h"
#include "executor/quarantine.h"
#include "herder/errand_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

#define JSON_MAX (64u << 20)
#define WRITE_MS 20000 /* what is begun shortly before the end of a request's time needs so long at most */
#define SELECTION_TEXT_MAX (4u << 20)

struct letters_errand {
    enum herder_letters_verb verb;
    int32_t partition;
    int64_t offset;
    char *id, *who, *request; /* may be NULL, but for who */
    pthread_mutex_t lock;
    struct dead_letters *open; /* while it runs; NULL */
};

void letters_errand_destroy(struct letters_errand *letters)
{
    if (letters == NULL)
        return;
    mem_free(letters->id);
    mem_free(letters->who);
    mem_free(letters->request);
    mutex_destroy(&letters->lock);
    mem_free(letters);
}

static bool copied(const char *text, char **copy)
{
    *copy = mem_strdup(text);
    return text == NULL || *copy != NULL;
}

static struct letters_errand *copy_request(const struct herder_letters *request)
{
    struct letters_errand *letters = mem_calloc(1, sizeof(*letters));
    if (letters == NULL)
        return NULL;
    mutex_init(&letters->lock);
    letters->verb = request->verb;
    letters->partition = request->partition;
    letters->offset = request->offset;
    if (copied(request->id, &letters->id) && copied(request->who, &letters->who) && copied(request->request, &letters->request))
        return letters;
    letters_errand_destroy(letters);
    return NULL;
}

static json_t *ask(struct dead_letters *letters, const struct errand *errand, const struct selection *selection, struct mr_error **error)
{
    const struct letters_errand *what = errand->letters;
    switch (what->verb) {
    case HERDER_LETTERS_LIST:
        return dead_letters_list(letters, selection, error);
    case HERDER_LETTERS_SHOW:
        return dead_letters_show(letters, what->partition, what->offset, error);
    case HERDER_LETTERS_REPLAY:
        return dead_letters_replay(letters, selection, error);
    case HERDER_LETTERS_DISCARD:
        return dead_letters_discard(letters, selection, error);
    case HERDER_LETTERS_FIND_REPLAY:
        break;
    }
    return dead_letters_find_replay(letters, what->id, error);
}

/* For whoever gives the errand up; NULL again before the end. */
static void show(struct letters_errand *errand, struct dead_letters *letters)
{
    mutex_lock(&errand->lock);
    errand->open = letters;
    mutex_unlock(&errand->lock);
}

/* A plugin is inside, perhaps. */
static void give_up(struct errand *errand)
{
    if (errand->letters == NULL)
        return;
    mutex_lock(&errand->letters->lock);
    if (errand->letters->open != NULL)
        dead_letters_interrupt(errand->letters->open);
    mutex_unlock(&errand->letters->lock);
}

static void ask_with(struct errand *errand, const struct config_snapshot *snapshot, const struct selection *selection)
{
    const struct herder_setup *setup = &errand->herder->setup;
    struct dead_letters *letters = dead_letters_open(&(struct dead_letters_setup){.loader = setup->loader,
                                                                                  .worker = setup->worker,
                                                                                  .variables = setup->variables,
                                                                                  .config = config_snapshot_config(snapshot, errand->name),
                                                                                  .task_config = config_snapshot_task(snapshot, errand->name, 0),
                                                                                  .graveyard = errand->herder->graveyard,
                                                                                  .deadline_ms = errand->deadline_ms - WRITE_MS,
                                                                                  .who = errand->letters->who,
                                                                                  .request = errand->letters->request},
                                                     &errand->error);
    show(errand->letters, letters);
    json_t *answer = letters == NULL ? NULL : ask(letters, errand, selection, &errand->error);
    show(errand->letters, NULL);
    char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT);
    str_buffer_init(&errand->json, JSON_MAX);
    if (answer != NULL && (text == NULL || !str_buffer_append_text(&errand->json, text)))
        mr_error_set(&errand->error, MR_ERR_NO_MEMORY, "The answer is too large, or the worker has no memory left for it");
    free(text);
    json_decref(answer);
    dead_letters_close(letters);
}

/* What has ended workers is not called for a replay either; a dry run calls no more than `try` does. */
static int check_quarantine(struct errand *errand, const struct config_snapshot *snapshot, const struct selection *selection)
{
    int64_t count = config_snapshot_task_count(snapshot, errand->name);
    if (selection->into == NULL || selection->is_trial)
        return 0;
    for (int64_t task = QUARANTINE_CONNECTOR; task < count; task++) {
        char *reason = quarantine_reason(errand->herder->quarantine, errand->name, task, config_snapshot_config(snapshot, errand->name));
        if (reason == NULL)
            continue;
        mr_error_set(&errand->error, MR_ERR_CONFLICT, "nothing goes into the pipeline of %s: %s", errand->name, reason);
        mem_free(reason);
        return -1;
    }
    return 0;
}

static void run(struct errand *errand)
{
    struct selection selection;
    struct config_snapshot *snapshot = herder_configs(errand->herder);
    const struct string_map *config = config_snapshot_config(snapshot, errand->name);
    if (errand->letters == NULL || str_buffer_failed(&errand->records)) {
        mr_error_set(&errand->error, MR_ERR_NO_MEMORY, "The worker has no memory left for this request");
    } else if (config == NULL) {
        mr_error_set(&errand->error, MR_ERR_NOT_FOUND, "Connector %s not found", errand->name);
    } else if (selection_read(&selection, errand->records.length == 0 ? NULL : str_buffer_text(&errand->records), errand->records.length,
                              &errand->error) == 0) {
        if (check_quarantine(errand, snapshot, &selection) == 0)
            ask_with(errand, snapshot, &selection);
        selection_release(&selection);
    }
    config_snapshot_drop(snapshot);
}

static void answer(struct errand *errand)
{
    errand_reply(errand, &(struct herder_reply){
                             .status = 200, .json = str_buffer_text(&errand->json), .json_length = errand->json.length});
}

void herder_letters(struct herder *herder, const struct herder_letters *request, herder_reply_fn *reply, void *argument)
{
    struct errand *errand = errand_create(herder, request->connector, NULL, reply, argument);

    if (errand == NULL)
        return;
    errand->letters = copy_request(request);
    str_buffer_init(&errand->records, SELECTION_TEXT_MAX);
    str_buffer_append(&errand->records, request->selection == NULL ? "" : request->selection, request->selection_length);
    errand->pool = herder->validations;
    errand->blames_asker = true;
    errand->missing_is_404 = true;
    errand->give_up = give_up;
    errand->doing = "looking after dead letters";
    errand->run = run;
    errand->answer = answer;
    errand_post(errand);
}
