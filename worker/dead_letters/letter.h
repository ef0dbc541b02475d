/*
 * letter: what a record of a dead letter topic says of itself: its context headers (KIP-298), whose names and texts anybody may have
 * written, and the mark of a former replay.
 *
 * The context is what was added last: the headers from the last "__connect.errors.topic" on (without one: from the first of the prefix
 * on) whose names have the prefix. So a letter about a record that was itself a letter gives back the record with its own context.
 * Everything is borrowed from the record. thread: any.
 */
#ifndef DEAD_LETTERS_LETTER_H
#define DEAD_LETTERS_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/abi.h>

struct topic_tail_header;
struct topic_tail_record;

#define LETTER_CONTEXT_PREFIX "__connect.errors."
#define LETTER_MARK_HEADER "millrace.replay" /* {"id","topic","partition","offset","attempt"}: which letter a record was replayed from */
#define LETTER_TOPIC_MAX 250
#define LETTER_GROUP_SIZE 17       /* 16 hex digits */
#define LETTER_ATTEMPTS_UNKNOWN (-1)
#define LETTER_REPLAY_MAX 65

enum letter_field {
    LETTER_TOPIC,
    LETTER_PARTITION,
    LETTER_OFFSET,
    LETTER_CONNECTOR,
    LETTER_TASK,
    LETTER_STAGE,
    LETTER_CLASS,
    LETTER_EXCEPTION,
    LETTER_MESSAGE,
    LETTER_TRACE,
    LETTER_FIELDS
};

struct letter_view {
    const struct topic_tail_record *record;
    size_t context_from;                   /* index of the first header that may be context; header_count: none is */
    struct mr_bytes fields[LETTER_FIELDS]; /* data NULL: not said */
    /* Where the record stood; "" and -1: not said, or not in the form of it. */
    char topic[LETTER_TOPIC_MAX];
    int32_t partition;
    int64_t offset;
    int32_t attempts; /* replays that came to this letter; LETTER_ATTEMPTS_UNKNOWN: the mark cannot be read */
    char replay[LETTER_REPLAY_MAX]; /* the id of the last of them; "" */
    uint64_t print;   /* of key, value and time: tells letters of a topic that was made anew from those before */
    char group[LETTER_GROUP_SIZE];
};

void letter_view_read(struct letter_view *view, const struct topic_tail_record *record);
/* Is the header at this index context, or the mark? Such are not the record's own. */
bool letter_view_is_added(const struct letter_view *view, size_t header);
/* NULL: the header is no context, or one of those above; else its name behind the prefix, such as "source.offset". */
const char *letter_view_more_name(const struct letter_view *view, size_t header);
bool letter_field_is(const struct letter_view *view, enum letter_field field, const char *text);

/* A name that a topic may have. */
bool letter_topic_is_valid(const char *name, size_t size);

/* ---- cause.c ---- */

#define CAUSE_MESSAGE_MAX 400
/* The message with numbers, ids and quoted parts replaced, so that messages of one cause are equal; cut. Always with a NUL, valid UTF-8. */
void cause_message(struct mr_bytes message, char words[CAUSE_MESSAGE_MAX]);
/* The id of a cause: stage, class, exception and message. The same on every worker and in every version. */
void cause_id(const struct letter_view *view, char id[LETTER_GROUP_SIZE]);
/* A hash that may be stored (FNV-1a). Begin with LETTER_HASH_BEGIN. */
#define LETTER_HASH_BEGIN UINT64_C(14695981039346656037)
uint64_t letter_hash(uint64_t hash, const void *bytes, size_t size);

#endif
