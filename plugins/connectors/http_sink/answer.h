/* answer: what came back for a request, what it means, and how it is said.
 *
 * Words never hold a secret of the connector: wherever one stands in a body (a target that echoes headers), [hidden] stands instead;
 * control characters become dots. */
#ifndef HTTP_SINK_ANSWER_H
#define HTTP_SINK_ANSWER_H

#include <millrace/error.h>

#include "settings.h"

#define ANSWER_BODY_KEPT ((size_t)1 << 20) /* of a body; what follows is read and dropped */
#define ANSWER_BODY_READ                                                                                               \
    ((size_t)8 << 20) /* beyond it (or what is kept) the connection is closed rather than read on */
#define ANSWER_RESULT_KEPT ((size_t)1 << 10)       /* more for each record whose result is looked for in it, … */
#define ANSWER_RESULTS_KEPT_MAX ((size_t)64 << 20) /* … at most so much */
#define ANSWER_SECRETS_MAX (2 * HEADERS_MAX + 16)

enum answer_class {
    ANSWER_TAKEN,
    ANSWER_THROTTLED, /* come again, by the target's own word: counts as no attempt */
    ANSWER_TARGET,    /* the target cannot now, or not for us: again; never a record's fault */
    ANSWER_AGAIN,     /* again; when it stays so, the records are refused */
    ANSWER_REFUSED,   /* the records are */
    ANSWER_FATAL      /* no request can work: the configuration has to change */
};

struct answer {
    long status;            /* 0: none came */
    char failure[256];      /* why not; without it the exchange was whole */
    bool is_setup_failure;  /* it will be the same the next time: a certificate that cannot be read, … */
    int64_t retry_after_ms; /* -1: not said */
    char *body;             /* malloc; not terminated; what was kept of it */
    size_t body_size, body_read, body_most;
};

struct answer_secrets {
    const char *texts[ANSWER_SECRETS_MAX];
    size_t count;
};
void answer_secrets_add(struct answer_secrets *secrets, const char *text); /* NULL and short ones are left out */

void answer_clear(struct answer *answer);
enum answer_class answer_classify(const struct answer *answer, const struct http_settings *settings);
/* The class of a status alone, of a whole answer or of one record's result. */
enum answer_class answer_classify_status(long status, const struct http_settings *settings);
/* "it answered 503: …" or why there is no answer; cut at `size`. */
void answer_words(const struct answer *answer, const struct http_settings *settings,
                  const struct answer_secrets *secrets, char *words, size_t size);

#endif
