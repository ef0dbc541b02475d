/*
 * requests_internal: what REST asked, until it is answered. thread: herder, unless said otherwise.
 *
 * A request is posted, put in the lane of its connector, begun when it is first there and the stage allows, and answered once.
 * While a job works for it, it stays first of its lane even when it was answered already (deadline, shutdown): nothing
 * overtakes a write that may still happen.
 *
 * While the group is joined and the topics are read a request waits for as long as LEADER_LINK_PATIENCE_MS says; then it is a 409.
 * What the leader began before it lost the group is not gone on with after that: another one may have written meanwhile.
 */
#ifndef HERDER_REQUESTS_INTERNAL_H
#define HERDER_REQUESTS_INTERNAL_H

#include "base/fingerprint.h"
#include "base/refcount.h"
#include "executor/job_pool.h"
#include "herder/offsets_internal.h"
#include "herder/units_internal.h"

#define STORE_WRITE_TIMEOUT_MS 30000 /* the budget of one write, with reading it back */

struct config_change;
struct herder_job;
struct herder_request;

/* Which worker of the cluster a request belongs to (docs/cluster.md). */
enum request_route {
    ROUTE_LEADER,    /* it changes what only a leader may change */
    ROUTE_CONNECTOR, /* who runs the connector */
    ROUTE_TASK,      /* who runs the task */
    ROUTE_ANY
};

struct request_kind {
    enum request_route route;
    const char *doing;  /* "Request timed out. The worker was <doing>" */
    bool is_of_herder;  /* not REST's: nobody is answered, no deadline while it waits */
    /* Makes `config` whole, before the guard is asked; false: answered. May be NULL. */
    bool (*prepare)(struct herder *herder, struct herder_request *request, const struct string_map *present);
    /* Around the connector's name: answered with 404 when the config topic does not have it. NULL: it need not be there. */
    const char *unknown_before, *unknown_after;
    /* It is first of its lane and this worker leads: answer it, or post a job. NULL: `write` is posted at once. */
    void (*begin)(struct herder *herder, struct herder_request *request);
    void (*write)(struct herder_job *job);                          /* thread: job */
    void (*written)(struct herder *herder, struct herder_job *job); /* in time, maybe with an error */
    /* Something happened to the connector or its tasks; a begun request without a job looks whether it is done. May be NULL. */
    void (*look)(struct herder *herder, struct herder_request *request);
    /* Just answered, whatever with; its job may go on. May be NULL. */
    void (*answered)(struct herder *herder, struct herder_request *request);
    /* Its job came to its end too late, or when it was answered already: what it did is not known. May be NULL. */
    void (*unfinished)(struct herder *herder, struct herder_request *request);
};

struct herder_request {
    struct herder_post post;
    struct refcount owners; /* the lane, and a job that is inside */
    struct herder_request *next;
    struct herder_timer timer;
    const struct request_kind *kind;
    struct herder_connector *connector; /* once in a lane */
    const char *doing;
    herder_guard_fn *guard; /* NULL: anything may be done; asked by request_begin, of `config` where there is one */
    herder_reply_fn *reply;
    void *argument;
    int64_t deadline_ms;
    uint64_t reign; /* herder->catch_up_count when it began */
    bool has_begun, has_job, is_answered;

    /* What is asked; not changed once posted. */
    char *name;
    struct string_map *config;
    enum herder_initial_state initial;
    int target; /* enum target_state */
    bool must_be_new, include_tasks, only_failed;
    uint32_t task;
    struct string_map **maps; /* task configurations to write */
    size_t map_count;
    uint64_t version; /* of the connector they belong to */
    char made_from[FINGERPRINT_SIZE]; /* of its configuration; "": not known */
    enum herder_offsets_verb offsets_verb;
    struct offset_list offsets; /* to write; of a reset or an undo found by the first job */
    bool is_without_undo, awaits_fence;
    bool is_malformed;          /* offsets: what was asked cannot be understood. Set by a job */
    bool is_handled;            /* the connector had its say */

    bool existed;
    char *hints; /* options of `config` without effect, in words; NULL: none */
    struct herder_restart_plan plan; /* its tasks are the request's */
    uint32_t *plan_tasks;
    struct status_view *plan_statuses;
    bool has_come_back; /* the restart was read in the topic and waits for the answer */
};

void request_take(struct herder_request *request);
void request_drop(struct herder_request *request);
/* NULL: no memory, and the reply was given. thread: any. */
struct herder_request *request_create(const struct request_kind *kind, const char *name, herder_reply_fn *reply,
                                      void *argument);
/* A request that could not be filled in, for lack of memory: answers it and frees it. thread: any. */
void request_discard(struct herder_request *request);
/* Hands the request over, or answers it at once when it cannot be taken. thread: any. */
void request_post(struct herder *herder, struct herder_request *request);
/* Into the lane directly. thread: herder. */
void request_enter(struct herder *herder, struct herder_request *request);

/* After these the request may be gone. `format` NULL: no message. */
void request_answer(struct herder *herder, struct herder_request *request, int status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void request_answer_reply(struct herder *herder, struct herder_request *request, const struct herder_reply *reply);
/* With an error's words (herder_error_words) behind ours. */
void request_answer_told(struct herder *herder, struct herder_request *request, int status, const char *before,
                         const struct mr_error *error);
void request_answer_error(struct herder *herder, struct herder_request *request, const struct mr_error *error);
/* May changes be made now? false: answered. Looked at again after each job. */
bool request_may_go_on(struct herder *herder, struct herder_request *request);

/* All that wait; at shutdown. */
void requests_answer_all(struct herder *herder, int status, const char *words);
/* The first of every lane that has begun and waits for a fact. */
void requests_answer_begun(struct herder *herder, int status, const char *words);
void lane_advance(struct herder *herder, struct herder_connector *connector);
void lanes_advance(struct herder *herder);
void lane_look(struct herder *herder, struct herder_connector *connector);

/* ---- jobs ---- */

/* Work for a request (or for the herder itself) on a job thread. */
struct herder_job {
    struct herder_post post;
    struct refcount owners; /* its outcome, and its run */
    struct herder *herder;
    struct herder_request *request;                                  /* a reference; NULL: the herder's own */
    void (*run)(struct herder_job *job);                             /* thread: job */
    void (*done)(struct herder *herder, struct herder_job *job);     /* ended in time; thread: herder */
    void (*late)(struct herder *herder, struct herder_job *job);     /* did not; may only look at `request` and `number` */
    uint64_t number;
    bool in_time;
    int64_t deadline_ms;
    void *data;                     /* for the run */
    void (*data_free)(void *data);
    struct config_change *change; /* to write to the config topic: others may write it along, before this job has its turn */
    /* Results of the run; `text` may also be given to it. */
    struct mr_error *error;
    char *text; /* mem_free */
};
struct herder_job_setup {
    struct herder_request *request;
    void (*run)(struct herder_job *job);
    void (*done)(struct herder *herder, struct herder_job *job);
    void (*late)(struct herder *herder, struct herder_job *job); /* NULL for a request: 500 timed out */
    uint64_t number;
    const void *serial;
    struct job_pool *pool; /* NULL: the herder's jobs */
    int64_t deadline_ms;
    char *text;                    /* the job's, also when it could not be posted; may be NULL */
    void *data;                    /* the same */
    void (*data_free)(void *data);
    struct config_change *change; /* the same; enlisted when the job is posted */
};
/* false: the job pool is full or no memory: nothing will come. */
bool herder_job_post(struct herder *herder, const struct herder_job_setup *setup);
/* For a request: its deadline; writes to the config topic take turns. Not posted: answered 503. */
void request_post_job(struct herder *herder, struct herder_request *request, const char *doing,
                      void (*run)(struct herder_job *), void (*done)(struct herder *, struct herder_job *));
/* The same on the threads of validations. */
void request_post_validation(struct herder *herder, struct herder_request *request, const char *doing,
                             void (*run)(struct herder_job *), void (*done)(struct herder *, struct herder_job *));
void request_post_write(struct herder *herder, struct herder_request *request, void (*run)(struct herder_job *),
                        void (*done)(struct herder *, struct herder_job *));
/* As request_post_write; many of them are written together. Takes the change; NULL: there was no memory for it, which the job says. */
void request_post_change(struct herder *herder, struct herder_request *request, struct config_change *change,
                         void (*done)(struct herder *, struct herder_job *));
void job_run_change(struct herder_job *job); /* the run of a job with a change */
/* What a write may take at most. thread: job. */
int64_t job_write_deadline_ms(const struct herder_job *job);

/* task_configs.c needs it: the lane's last step of a reconfiguration. */
extern const struct request_kind put_tasks_kind;

#endif
