#include "access/login_file.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#include <millrace/error.h>

#include "access/basic.h"
#include "access/identity.h"
#include "access/login_users_internal.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/file_watch.h"
#include "base/jaas.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/string_map.h"
#include "base/thread.h"

#include "base/bans.h"

#define WHY_SIZE 600
#define CONTEXT "KafkaConnect"
#define MODULE "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"

struct login_file {
    char *path;
    enum identity_login kind;                     /* IDENTITY_PASSWORD or IDENTITY_JAAS */
    unsigned char key[LOGIN_DIGEST_SIZE];         /* of the digests; made anew for each */
    pthread_mutex_t lock;
    struct file_watch watch;                      /* lock */
    struct pointer_map *users;                    /* lock; never NULL once open */
    struct access_file_listener listener;
};

/* ---- reading ---- */

static struct pointer_map *read_users(const struct login_file *file, struct mr_error **error)
{
    if (file_is_open_to_all(file->path)) {
        mr_error_set(error, MR_ERR_CONFIG, "%s: everybody on this machine may read the logins in it. Take that right away: "
                     "chmod o-rwx, or defaultMode 0440 where Kubernetes mounts it", file->path);
        return NULL;
    }
    char why[WHY_SIZE] = "", reason[WHY_SIZE] = "";
    size_t length = 0;
    char *text = file_read(file->path, LOGIN_FILE_MAX, &length, why, sizeof why);
    if (text == NULL) {
        mr_error_set(error, MR_ERR_CONFIG, "%s", why);
        return NULL;
    }
    struct pointer_map *users = file->kind == IDENTITY_JAAS ? login_users_parse_properties(text, length, reason, sizeof reason)
                                                            : login_users_parse_hashed(text, length, reason, sizeof reason);
    if (users == NULL)
        mr_error_set(error, strcmp(reason, LOGIN_USERS_NO_MEMORY) == 0 ? MR_ERR_NO_MEMORY : MR_ERR_CONFIG, "%s: %s", file->path,
                     reason);
    explicit_bzero(text, length);
    mem_free(text);
    return users;
}

static void warn_if_empty(const struct login_file *file)
{
    if (pointer_map_count(file->users) == 0)
        log_warn("access", "%s holds no user: nobody may log in by a password", file->path);
}

/* lock is held. */
static void read_again_if_changed(struct login_file *file)
{
    struct mr_error *error = NULL;
    int64_t now_ms = clock_monotonic_ms(NULL);
    if (!file_watch_is_due(&file->watch, now_ms))
        return;
    struct pointer_map *users = read_users(file, &error);
    if (users == NULL) {
        if (file_watch_failed(&file->watch, mr_error_message(error), now_ms))
            log_error("access", "%s; the logins read before stay in force until the file is mended", mr_error_message(error));
        mr_error_drop(error);
        return;
    }
    file_watch_worked(&file->watch);
    pointer_map_destroy(file->users);
    file->users = users;
    log_info("access", "%s was changed: %zu users may log in", file->path, pointer_map_count(users));
    warn_if_empty(file);
    if (file->listener.read != NULL)
        file->listener.read(file->listener.argument, file->path);
}

static struct login_file *open_file(const char *path, enum identity_login kind, struct mr_error **error)
{
    struct login_file *file = mem_calloc(1, sizeof(*file));
    if (file == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the logins of %s", path);
        return NULL;
    }
    mutex_init(&file->lock);
    file->kind = kind;
    file->path = mem_strdup(path);
    if (file->path == NULL || RAND_bytes(file->key, sizeof(file->key)) != 1) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory, or no random bytes, for the logins of %s", path);
    } else {
        file_watch_init(&file->watch, file->path, NULL);
        file->users = read_users(file, error);
        if (file->users != NULL) {
            warn_if_empty(file);
            return file;
        }
    }
    login_file_close(file);
    return NULL;
}

struct login_file *login_file_open_hashed(const char *path, struct mr_error **error)
{
    return open_file(path, IDENTITY_PASSWORD, error);
}

static struct login_file *open_named(const char *jaas_path, const struct jaas_entry *entry, struct mr_error **error)
{
    const char *path = string_map_get(entry->options, "file");
    if (strcmp(entry->module, MODULE) != 0)
        mr_error_set(error, MR_ERR_CONFIG, "%s: login module %s of context " CONTEXT " is a Java class, which cannot run here; "
                     "there is " MODULE, jaas_path, entry->module);
    else if (path == NULL || path[strspn(path, " \t")] == '\0')
        mr_error_set(error, MR_ERR_CONFIG, "%s: context " CONTEXT " names no file of passwords; write file=\"…\"", jaas_path);
    else if (strstr(path, "${") != NULL)
        mr_error_set(error, MR_ERR_CONFIG, "%s: there are no Java system properties here; write the path of the file of context "
                     CONTEXT " out", jaas_path);
    else
        return open_file(path, IDENTITY_JAAS, error);
    return NULL;
}

struct login_file *login_file_open_jaas(const char *jaas_path, struct mr_error **error)
{
    char why[WHY_SIZE] = "";
    struct jaas_entry entry;
    struct login_file *file = NULL;
    size_t length = 0;
    char *text = file_read(jaas_path, JAAS_TEXT_MAX, &length, why, sizeof why);
    if (text == NULL) {
        mr_error_set(error, MR_ERR_CONFIG, "%s", why);
        return NULL;
    }
    if (strlen(text) != length) {
        mr_error_set(error, MR_ERR_CONFIG, "%s: it holds a NUL character", jaas_path);
    } else if (!jaas_parse_file(&entry, text, CONTEXT, why, sizeof why)) {
        mr_error_set(error, MR_ERR_CONFIG, "%s: %s", jaas_path, why);
    } else {
        file = open_named(jaas_path, &entry, error);
        jaas_entry_release(&entry);
    }
    explicit_bzero(text, length);
    mem_free(text);
    return file;
}

void login_file_close(struct login_file *file)
{
    if (file == NULL)
        return;
    pointer_map_destroy(file->users);
    mutex_destroy(&file->lock);
    explicit_bzero(file->key, sizeof(file->key));
    mem_free(file->path);
    mem_free(file);
}

void login_file_listen(struct login_file *file, const struct access_file_listener *listener)
{
    file->listener = *listener;
    listener->read(listener->argument, file->path);
}

bool login_file_is_failing(struct login_file *file)
{
    mutex_lock(&file->lock);
    read_again_if_changed(file);
    bool is_failing = file->watch.failed;
    mutex_unlock(&file->lock);
    return is_failing;
}

size_t login_file_user_count(struct login_file *file)
{
    mutex_lock(&file->lock);
    size_t count = pointer_map_count(file->users);
    mutex_unlock(&file->lock);
    return count;
}

bool login_file_has_user(struct login_file *file, const char *name)
{
    mutex_lock(&file->lock);
    bool has_user = pointer_map_get(file->users, name) != NULL;
    mutex_unlock(&file->lock);
    return has_user;
}

/* ---- checking ---- */

static bool digest_of(const struct login_file *file, const char *password, unsigned char digest[LOGIN_DIGEST_SIZE])
{
    unsigned length = 0;
    return HMAC(EVP_sha256(), file->key, (int)sizeof(file->key), (const unsigned char *)password, strlen(password), digest,
                &length) != NULL && length == LOGIN_DIGEST_SIZE;
}

static enum login_result accept(const struct login_file *file, const char *name, const struct login_user *user,
                                struct identity **identity)
{
    struct identity *made = identity_create(name, file->kind);
    bool whole = made != NULL;
    for (size_t i = 0; whole && i < user->groups.count; i++)
        whole = identity_add_group(made, user->groups.items[i]);
    if (!whole) {
        identity_destroy(made);
        return LOGIN_FAILED;
    }
    *identity = made;
    return LOGIN_ACCEPTED;
}

/* LOGIN_REFUSED also for a hash that libxcrypt does not take. Slow; no lock is held. */
static enum login_result compare_hash(const char *hash, const char *password)
{
    struct crypt_data *work = mem_calloc(1, sizeof(*work));
    if (work == NULL)
        return LOGIN_FAILED;
    const char *made = crypt_r(password, hash, work);
    size_t length = strlen(hash);
    bool same = made != NULL && made[0] == '$' && strlen(made) == length && CRYPTO_memcmp(made, hash, length) == 0;
    explicit_bzero(work, sizeof(*work));
    mem_free(work);
    return same ? LOGIN_ACCEPTED : LOGIN_REFUSED;
}

static enum login_result compare_plain(const struct login_file *file, const char *right, const unsigned char *digest)
{
    unsigned char wanted[LOGIN_DIGEST_SIZE];
    if (!digest_of(file, right, wanted))
        return LOGIN_FAILED;
    return CRYPTO_memcmp(wanted, digest, sizeof wanted) == 0 ? LOGIN_ACCEPTED : LOGIN_REFUSED;
}

/* The password was right for that secret; a file that was changed meanwhile has the last word. */
static enum login_result accept_if_unchanged(struct login_file *file, const char *name, const char *secret,
                                             const unsigned char *digest, struct identity **identity)
{
    enum login_result result = LOGIN_REFUSED;
    mutex_lock(&file->lock);
    struct login_user *user = pointer_map_get(file->users, name);
    if (user != NULL && strcmp(user->secret, secret) == 0) {
        memcpy(user->digest, digest, sizeof(user->digest));
        user->remembered_until_ms = clock_monotonic_ms(NULL) + LOGIN_MEMORY_MS;
        result = accept(file, name, user, identity);
    }
    mutex_unlock(&file->lock);
    return result;
}

/* What is known of the name, once the file was looked at. */
struct found {
    bool is_known;
    char *secret; /* the name's, or somebody's where there is no such name, so that the time tells nothing; NULL: remembered */
};

/* LOGIN_UNDECIDED: the password must be compared with the secret. */
static enum login_result recall(struct login_file *file, const struct basic_credentials *credentials,
                                const unsigned char *digest, struct found *found, struct identity **identity)
{
    enum login_result result = LOGIN_UNDECIDED;
    mutex_lock(&file->lock);
    read_again_if_changed(file);
    const struct login_user *user = pointer_map_get(file->users, credentials->user);
    found->is_known = user != NULL;
    if (user != NULL && clock_monotonic_ms(NULL) < user->remembered_until_ms &&
        CRYPTO_memcmp(user->digest, digest, LOGIN_DIGEST_SIZE) == 0) {
        result = accept(file, credentials->user, user, identity);
    } else if (pointer_map_count(file->users) == 0) {
        result = LOGIN_REFUSED;
    } else {
        found->secret = mem_strdup((user != NULL ? user : (struct login_user *)pointer_map_value(file->users, 0))->secret);
        if (found->secret == NULL)
            result = LOGIN_FAILED;
    }
    mutex_unlock(&file->lock);
    return result;
}

static enum login_result compare(struct login_file *file, const struct basic_credentials *credentials,
                                 const unsigned char *digest, const struct found *found, struct identity **identity)
{
    enum login_result result = file->kind == IDENTITY_JAAS ? compare_plain(file, found->secret, digest)
                                                           : compare_hash(found->secret, credentials->password);
    if (result != LOGIN_ACCEPTED)
        return result;
    return found->is_known ? accept_if_unchanged(file, credentials->user, found->secret, digest, identity) : LOGIN_REFUSED;
}

static enum login_result check(struct login_file *file, const struct basic_credentials *credentials, bool may_be_slow,
                               struct identity **identity)
{
    unsigned char digest[LOGIN_DIGEST_SIZE];
    struct found found = {.secret = NULL};
    if (!digest_of(file, credentials->password, digest))
        return LOGIN_FAILED;
    enum login_result result = recall(file, credentials, digest, &found, identity);
    if (result == LOGIN_UNDECIDED && may_be_slow)
        result = compare(file, credentials, digest, &found, identity);
    if (found.secret != NULL)
        explicit_bzero(found.secret, strlen(found.secret));
    mem_free(found.secret);
    explicit_bzero(digest, sizeof digest);
    return result;
}

enum login_result login_file_check(struct login_file *file, const struct basic_credentials *credentials,
                                   struct identity **identity)
{
    return check(file, credentials, true, identity);
}

enum login_result login_file_look(struct login_file *file, const struct basic_credentials *credentials,
                                  struct identity **identity)
{
    return check(file, credentials, file->kind == IDENTITY_JAAS, identity);
}
