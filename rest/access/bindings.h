/*
 * bindings: which people have which role, and where. A JSON file that is reviewed like code:
 *
 *     {
 *       "bindings": [
 *         { "name": "everybody", "users": ["*"], "role": "viewer", "connectors": ["*"] },
 *         { "name": "orders team",
 *           "groups": ["orders-devs"],
 *           "logins": ["token"],
 *           "role": "editor",
 *           "rights": ["data"],
 *           "connectors": ["orders-*"],
 *           "classes": ["io.example.jdbc.*"],
 *           "topics": ["orders.*", "dlq.orders"],
 *           "group.ids": ["connect-orders-*"],
 *           "references": ["vault:orders-*"],
 *           "overrides": ["consumer.override.max.poll.*"] },
 *         { "name": "platform", "claims": {"roles": ["connect-admin"]}, "role": "admin" }
 *       ]
 *     }
 *
 * name: of the binding itself, unique; it is named in refusals. Every binding has one.
 * Whom it binds, at least one of: users, groups (exact texts; the user "*" is everybody who has logged in), claims (of a
 *   token, flattened as jwt_validator.h says: every claim that is named must have one of its values). One that fits is enough.
 * logins: by which way to log in those count: "password" (a JAAS file's, too), "certificate", "token"; absent: any. Names are given out by
 *   different people for each way: where several are open, who can choose a name in one must not be somebody else in another.
 * role: viewer, operator, editor, admin; each may do what those before it may. rights: ["data"], the contents of records.
 * The rest are patterns (`*` any characters, `?` one): what does not match is refused, what is absent matches nothing.
 *   connectors: names. Every role but admin states them.
 *   classes: of connectors, with their package: a short name is refused. An editor states them. FileStreamSource/SinkConnector,
 *     which read and write the worker's own disk, are matched by their whole name only, never by a pattern.
 *   topics: of connectors that are created or changed, and of records that are looked at. An editor, and whoever has
 *     "data", states them.
 *   group.ids: of consumer.override.group.id; the usual connect-<name> needs none.
 *   references: to config providers, as provider:path:key. A pattern names its provider to the letter, so that env: and
 *     file: are never allowed by the way. A reference with a ".." in it matches no pattern.
 *   overrides: client options a connector may set, with their prefix.
 *   files: what a file connector reads or writes, as its option says it: a pattern of the whole path. A path with a ".." in it
 *     matches none.
 * admin has no limits, and a file that states some for it is refused; "data" must be given to an admin, too.
 *
 * A member that is not known, comes twice, or is of the wrong type is refused: a misspelt limit must not be no limit.
 *
 * Life cycle: _parse → read only, _take/_drop. thread: any.
 */
#ifndef ACCESS_BINDINGS_H
#define ACCESS_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "access/access_file.h"

#define BINDINGS_FILE_MAX (1u << 20)
#define BINDINGS_MAX 1000
#define BINDINGS_TEXTS_MAX 1000   /* users, groups, values or patterns in one list */

struct bindings;
struct bindings_file;
struct mr_error;

/* NULL: MR_ERR_CONFIG or MR_ERR_NO_MEMORY; the message names the line, or the binding and the member. */
struct bindings *bindings_parse(const char *text, size_t length, struct mr_error **error);
struct bindings *bindings_take(struct bindings *bindings);
void bindings_drop(struct bindings *bindings);
size_t bindings_count(const struct bindings *bindings);

/* The name of the first binding that names users (but for "*") or groups and does not say by which logins; NULL: none. The bindings'. */
const char *bindings_without_logins(const struct bindings *bindings);

/* The first user whom a binding names, other than "*", that may log in by password and is no such user; NULL: none. `binding`: which one.
 * The bindings'. */
typedef bool bindings_has_user_fn(void *argument, const char *user);
const char *bindings_unknown_user(const struct bindings *bindings, bindings_has_user_fn *has_user, void *argument, const char **binding);

/* Does any binding look at that group, at that claim and value? What none names need not be known of an identity. */
bool bindings_name_group(const struct bindings *bindings, const char *group);
bool bindings_name_claim(const struct bindings *bindings, const char *name, const char *value);

/*
 * The file of them. _current() looks whether it was changed or replaced and then reads it again; one that is wrong is logged
 * once and tried again from time to time (file_watch.h), and the former bindings stay in force meanwhile.
 * thread: any. locks: its own, held while the file is read (a stat each time, else).
 */
struct bindings_file *bindings_file_open(const char *path, struct mr_error **error);
/* Tells at once of what has been read, then of each change. Before anybody asks; until _close. */
void bindings_file_listen(struct bindings_file *file, const struct access_file_listener *listener);
bool bindings_file_is_failing(struct bindings_file *file); /* changed, but of no use: the former ones count. Looks at the file */
void bindings_file_close(struct bindings_file *file);
struct bindings *bindings_file_current(struct bindings_file *file);   /* never NULL; drop it */

#endif
