/*
 * access: may this identity do that? Deny by default: only a binding (bindings.h) allows.
 *
 * One binding must allow the whole act: its role (or right), and every limit the act touches. Two bindings are never added up,
 * so that an editor of one team who views another's connectors cannot take that team's topics into a connector of its own.
 * When no binding does, the words say what is missing in the one that came nearest; they name bindings of the asker only.
 *
 * Pure; thread: any.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

struct bindings;
struct identity;

enum access_right {
    ACCESS_VIEW,      /* read; secrets masked */
    ACCESS_OPERATE,   /* pause, resume, stop, restart, replay */
    ACCESS_EDIT,      /* create, change, delete, offsets, discard; literal passwords are shown */
    ACCESS_ADMIN,     /* loggers, drain, plugins, audit */
    ACCESS_DATA,      /* contents of records: try on a topic, dead letters, tap */
};
const char *access_right_name(enum access_right right);   /* "view", "operate", "edit", "administer", "data" */

struct access_texts {
    const char *const *items;
    size_t count;
};

/* What the act touches; what is NULL or empty is not asked about. For create, PUT, PATCH, validate and try all members that
 * the new configuration has are given; to forget one is to allow it. */
struct access_subject {
    const char *connector;
    const char *class_name;           /* whole, not the short form that a configuration may use */
    struct access_texts topics;
    const char *topics_regex;         /* or other words: which topics it takes is not known: needs the pattern "*" in topics */
    struct access_texts group_ids;    /* consumer.override.group.id */
    struct access_texts references;   /* provider:path:key, without ${} */
    struct access_texts overrides;    /* producer.override.linger.ms */
    struct access_texts files;        /* that a file connector reads or writes */
    const char *unknowable;           /* words: something that no pattern can stand for; only an admin may */
    bool all_connectors;              /* needs the pattern "*" in connectors */
};

#define ACCESS_WHY_SIZE 1024

/* subject NULL: an act on the worker as a whole. false: why says what is missing (for the answer 403 and the log). */
bool access_decide(const struct bindings *bindings, const struct identity *identity, enum access_right right,
                   const struct access_subject *subject, char why[ACCESS_WHY_SIZE]);

/* The most that any of its bindings gives, for GET /whoami: "viewer" … "admin"; NULL: none. */
const char *access_role_of(const struct bindings *bindings, const struct identity *identity);
bool access_has_data(const struct bindings *bindings, const struct identity *identity);

#endif
