/*
 * login_file: HTTP Basic against a file.
 *
 * Hashed: lines `user:hash` or `user:hash:group,group`, as `htpasswd -B` and `mkpasswd` write the hash: bcrypt ($2a$ $2b$ $2y$),
 * yescrypt ($y$, $gy$), scrypt ($7$) and sha512crypt ($6$); older schemes are refused. Lines that are empty or begin with # do
 * not count. The file has at most LOGIN_FILE_MAX bytes and LOGIN_USERS_MAX users, and no user twice.
 *
 * JAAS: the file of Kafka's own basic-auth extension (KIP-285) with `KafkaConnect { …PropertyFileLoginModule required
 * file="…"; };`, and the properties file of plain passwords that it names. No groups. Other login modules are Java classes and
 * are refused.
 *
 * A file without users lets nobody in, and is warned about (Kafka's extension lets everybody in then): whoever empties it means it.
 *
 * The file of users is looked at in every check and read again when it was changed or replaced; one that cannot be read or is
 * wrong is logged once and tried again from time to time (file_watch.h), and the former content stays in force meanwhile. Reasons name file and line, never a hash, a
 * password or a user. A file that everybody on the machine may read is such a wrong one.
 *
 * Time: a name that is not there costs as much as a wrong password of the file's first user; keep one scheme and cost per file
 * if names must not be told apart. A right password is remembered as an HMAC under a key of this process until the user's line
 * changes, so that only the first of many requests pays for the hash; and no longer than LOGIN_MEMORY_MS, since whoever got hold of
 * the process' memory could try passwords against an HMAC faster than against the hash.
 *
 * thread: any. locks: its own, not held while a password is hashed (bcrypt with cost 12: a quarter of a second; yescrypt takes
 * some MB besides): call login_file_check where waiting is fine, and bound how many do so at once.
 */
#ifndef ACCESS_LOGIN_FILE_H
#define ACCESS_LOGIN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "access/access_file.h"

#define LOGIN_FILE_MAX (1u << 20)
#define LOGIN_USERS_MAX 10000
#define LOGIN_BCRYPT_COST_MAX 16
#define LOGIN_SHA512_ROUNDS_MAX 2000000
#define LOGIN_MEMORY_MS 300000

struct basic_credentials;
struct identity;
struct login_file;
struct mr_error;

/* NULL: MR_ERR_CONFIG or MR_ERR_NO_MEMORY. */
struct login_file *login_file_open_hashed(const char *path, struct mr_error **error);
struct login_file *login_file_open_jaas(const char *jaas_path, struct mr_error **error);
void login_file_close(struct login_file *file);   /* nobody is checking any more */
/* Tells at once of what has been read, then of each change. Before anybody checks; until _close. */
void login_file_listen(struct login_file *file, const struct access_file_listener *listener);
bool login_file_is_failing(struct login_file *file); /* changed, but of no use: the former content counts. Looks at the file */
size_t login_file_user_count(struct login_file *file);
/* Is there such a user? For our own records: askers are not told. */
bool login_file_has_user(struct login_file *file, const char *name);

enum login_result {
    LOGIN_ACCEPTED,   /* *identity is the caller's */
    LOGIN_REFUSED,    /* 401; whether the name or the password was wrong is not said */
    LOGIN_FAILED,     /* no memory: 503 */
    LOGIN_UNDECIDED,  /* of login_file_look: ask login_file_check */
};
enum login_result login_file_check(struct login_file *file, const struct basic_credentials *credentials,
                                   struct identity **identity);
/* The same without hashing anything: accepts whom it remembers; decides all for JAAS, where passwords are plain. thread: any. */
enum login_result login_file_look(struct login_file *file, const struct basic_credentials *credentials,
                                  struct identity **identity);

#endif
