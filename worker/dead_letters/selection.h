/*
 * selection: what is asked for, as JSON: which letters, and what is to become of them. The members and their meaning are in
 * docs/dead-letters.md; both doors, REST and the command, come in here.
 *
 * Owned texts. Thread: one at a time.
 */
#ifndef DEAD_LETTERS_SELECTION_H
#define DEAD_LETTERS_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/abi.h>

struct letter_view;
struct mr_error;

#define SELECTION_PLACES_MAX 10000
#define SELECTION_ID_MAX 64
#define SELECTION_LIMIT_MAX 1000000
#define SELECTION_RATE_MAX 1000000   /* letters a second */
#define SELECTION_ATTEMPTS 3         /* a letter that was replayed so often is not replayed again, unless it is forced */

struct selection_place {
    int32_t partition;
    int64_t offset;
};

struct selection {
    /* Which: all that is given must fit. */
    bool all;                        /* says that no filter is meant */
    struct selection_place *places;  /* sorted; count 0: any */
    size_t place_count;
    char *group, *stage, *class_name, *exception, *topic, *header, *header_value; /* NULL: any */
    int64_t since_ms, until_ms;      /* of the letters' times, until exclusive; INT64_MIN, INT64_MAX */
    int64_t partition, from, before; /* -1: not given. Of the letter topic; `before` exclusive */
    /* How. */
    int64_t limit;                   /* 0: not given */
    int64_t rate;                    /* letters a second; 0: as fast as it goes */
    int64_t attempts;
    bool force, again, is_trial;     /* past the limit of attempts; also letters that are done; a dry run */
    char *id, *to, *reason;          /* of the replay; a topic instead of the original; for the record */
    char *into;                      /* "pipeline": into the connector's pipeline instead of a topic; NULL */
    bool edits_key, edits_value;
    struct mr_bytes key, value;      /* owned; data NULL: null */
};

/* `text` NULL: an empty object. -1: MR_ERR_CONFIG: the text is none, or a member is unknown or wrong; nothing to release. */
int selection_read(struct selection *selection, const char *text, size_t size, struct mr_error **error);
void selection_release(struct selection *selection);

/* Is there anything that says which letters are meant? */
bool selection_is_explicit(const struct selection *selection);
bool selection_fits(const struct selection *selection, const struct letter_view *view);
/* Of the letters of one partition, read upwards, none can fit from here on. */
bool selection_is_past(const struct selection *selection, int32_t partition, int64_t offset);
/* Are all that can fit in one partition, and from which offset on? */
bool selection_is_of_one(const struct selection *selection, int32_t *partition, int64_t *from);

#endif
