/*
 * questions_internal: what tasks with exactly once ask of the cluster (task/task.h, docs/decisions/0012).
 *
 *   questions.c     from the executor's thread to the herder's; whose a task is, once the config topic was read to its end
 *   fence_round.c   whether former tasks were shut out: rounds, one at a time for each connector
 *
 * Nobody is told "no": a task that is not to go on is stopped by reconciling, and its question is forgotten. thread: herder.
 */
#ifndef HERDER_QUESTIONS_INTERNAL_H
#define HERDER_QUESTIONS_INTERNAL_H

#include "herder/units_internal.h"

#define QUESTION_READ_TIMEOUT_MS 30000 /* for reading the config topic to its end */
#define QUESTION_RETRY_MS 500          /* after that has failed, or while the group is joined */

struct question {
    struct herder_post post;
    struct question *next;
    char *connector;
    uint32_t task;
    enum task_question about;
    uint64_t token;
    bool is_told; /* that it is not answered for now */
};
void question_free(struct question *question); /* NULL is fine */
/* The task that asked, if it is still the one that did; NULL: nobody waits for an answer. */
struct herder_task *question_asker(struct herder *herder, const struct question *question);
/* Yes, or a failure for good. Frees the question. */
void question_answer(struct herder *herder, struct question *question, const struct mr_error *failure);

/* Those that wait for the topic to be read, and for whom it is being read. */
struct herder_questions {
    struct question *waiting, *reading;
    struct herder_timer timer;
    struct pointer_map *rounds; /* connector → fence_round */
};
struct herder_questions *questions_create(void); /* NULL: no memory */
void questions_destroy(struct herder_questions *questions);
/* executor_listener.on_task_asks. thread: the executor's */
void questions_on_task_asks(void *herder, const char *connector, uint32_t task, enum task_question about, uint64_t token);

/* ---- fence_round.c ---- */
/* Takes the question over. */
void fence_round_join(struct herder *herder, struct question *question);
void fence_round_free(void *round);
/* Whoever asked over REST. At the herder's end. */
void fence_rounds_answer_all(struct herder *herder, int status, const char *words);

#endif
