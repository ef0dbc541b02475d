/*
 * errand_internal: what REST asks that touches no state of the herder, so that it needs no turn: a job of its own, answered from
 * its thread, on any worker, leader or not.
 */
#ifndef HERDER_ERRAND_INTERNAL_H
#define HERDER_ERRAND_INTERNAL_H

#include "base/refcount.h"
#include "base/str_buffer.h"
#include "herder/herder_internal.h"
#include "herder/offsets_internal.h"

struct connector_report;
struct job_pool;
struct letters_errand;
struct string_map;

struct errand {
    struct refcount owners; /* its outcome, and its run */
    struct herder *herder;
    herder_reply_fn *reply;
    void *argument;
    const char *doing;                      /* "Request timed out. The worker was <doing>" */
    void (*run)(struct errand *errand);     /* thread: job; fills what follows */
    void (*answer)(struct errand *errand);  /* it has run in time, without an error */
    void (*give_up)(struct errand *errand); /* its time is over, and it may still run: a job of its own; may be NULL */
    void (*leave)(struct errand *errand);   /* when its outcome was told and its run has ended; may be NULL */
    struct job_pool *pool;                  /* the one it runs on; the herder's jobs unless changed */
    bool blames_asker;                      /* an error in what was asked is 400 */
    bool missing_is_404;                    /* and something that is not there 404 */
    int64_t deadline_ms;
    char *name, *text;
    struct string_map *config;
    struct mr_error *error; /* answered as 409 or 500 */
    struct connector_report *report;
    struct offset_list offsets;
    enum herder_offsets_verb offsets_verb; /* of a trial */
    bool is_without_undo;
    struct str_buffer records; /* of try */
    size_t last;
    struct letters_errand *letters; /* of dead_letters.c */
    struct str_buffer json;
};
void letters_errand_destroy(struct letters_errand *letters); /* NULL is fine */

/* NULL: the reply was given. Both texts are copied; `text` may be NULL. thread: any. */
struct errand *errand_create(struct herder *herder, const char *name, const char *text, herder_reply_fn *reply,
                             void *argument);
/* Replies in any case. thread: any. */
void errand_post(struct errand *errand);
/* Instead of errand_post. */
void errand_refuse(struct errand *errand, int status, const char *message);
void errand_reply(struct errand *errand, const struct herder_reply *reply);

#endif
