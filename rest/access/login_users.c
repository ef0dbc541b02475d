#include "access/login_users_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/identity.h"
#include "access/login_file.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/properties.h"
#include "base/string_map.h"

#include "base/bans.h"

#define HASH_CHARACTERS "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define HASH_MAX 255

struct reader {
    struct pointer_map *users;
    char *why;
    size_t why_size;
    unsigned line;
};

static bool refuse(struct reader *reader, const char *what)
{
    snprintf(reader->why, reader->why_size, "line %u: %s", reader->line, what);
    return false;
}

static bool refuse_no_memory(struct reader *reader)
{
    snprintf(reader->why, reader->why_size, "%s", LOGIN_USERS_NO_MEMORY);
    return false;
}

static void user_free(void *value)
{
    struct login_user *user = value;
    if (user->secret != NULL)
        explicit_bzero(user->secret, strlen(user->secret));
    explicit_bzero(user->digest, sizeof(user->digest));
    mem_free(user->secret);
    ptr_array_release(&user->groups);
    mem_free(user);
}

static struct login_user *user_create(const char *secret, size_t length)
{
    struct login_user *user = mem_calloc(1, sizeof(*user));
    if (user == NULL)
        return NULL;
    ptr_array_init(&user->groups, mem_free);
    user->secret = mem_strndup(secret, length);
    if (user->secret == NULL) {
        user_free(user);
        return NULL;
    }
    return user;
}

/* ---- hashes ---- */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* After the last $ stand exactly that many characters of the hash. */
static bool ends_in_digest(const char *hash, size_t characters)
{
    const char *digest = strrchr(hash, '$') + 1;
    return strlen(digest) == characters && strspn(digest, HASH_CHARACTERS) == characters;
}

static const char *bcrypt_problem(const char *hash)
{
    if (strlen(hash) != 60 || strspn(hash + 4, "0123456789") != 2 || hash[6] != '$' || strspn(hash + 7, HASH_CHARACTERS) != 53)
        return "the bcrypt hash is cut or damaged";
    int cost = (hash[4] - '0') * 10 + hash[5] - '0';
    if (cost < 4)
        return "the bcrypt hash is cut or damaged";
    return cost > LOGIN_BCRYPT_COST_MAX ? "the bcrypt cost is above 16: a login would take seconds; write it with less" : NULL;
}

static const char *sha512_problem(const char *hash)
{
    if (starts_with(hash, "$6$rounds=")) {
        char *end;
        unsigned long rounds = strtoul(hash + 10, &end, 10);
        if (*end != '$' || strchr("0123456789", hash[10]) == NULL || end - hash > 20)
            return "the sha512crypt hash is cut or damaged";
        if (rounds > LOGIN_SHA512_ROUNDS_MAX)
            return "the rounds of sha512crypt are above 2000000: a login would take seconds; write it with less";
    }
    return ends_in_digest(hash, 86) ? NULL : "the sha512crypt hash is cut or damaged";
}

static const char *yescrypt_problem(const char *hash)
{
    return ends_in_digest(hash, 43) ? NULL : "the yescrypt or scrypt hash is cut or damaged";
}

/* NULL: it is one of ours and whole. */
static const char *hash_problem(const char *hash)
{
    static const struct {
        const char *prefix;
        const char *(*problem)(const char *hash);
    } schemes[] = {
        {"$2a$", bcrypt_problem}, {"$2b$", bcrypt_problem},  {"$2y$", bcrypt_problem}, {"$y$", yescrypt_problem},
        {"$gy$", yescrypt_problem}, {"$7$", yescrypt_problem}, {"$6$", sha512_problem},
    };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (!starts_with(hash, schemes[i].prefix))
            continue;
        if (hash[strspn(hash, HASH_CHARACTERS "$=")] != '\0')
            return "the hash holds a character that no hash has";
        return schemes[i].problem(hash);
    }
    return "the password is not hashed by bcrypt, yescrypt, scrypt or sha512crypt; write it with htpasswd -B or mkpasswd -m yescrypt";
}

/* ---- lines ---- */

static bool add_group(struct reader *reader, struct login_user *user, const char *group, size_t length)
{
    while (length > 0 && (group[0] == ' ' || group[0] == '\t')) {
        group++;
        length--;
    }
    while (length > 0 && (group[length - 1] == ' ' || group[length - 1] == '\t'))
        length--;
    if (!identity_name_is_fit(group, length))
        return refuse(reader, "the name of a group is empty, too long, or no UTF-8 text");
    if (user->groups.count >= IDENTITY_GROUPS_MAX)
        return refuse(reader, "the user has too many groups");
    char *copy = mem_strndup(group, length);
    if (copy == NULL || !ptr_array_push(&user->groups, copy)) {
        mem_free(copy);
        return refuse_no_memory(reader);
    }
    return true;
}

static bool add_groups(struct reader *reader, struct login_user *user, const char *groups, size_t length)
{
    const char *end = groups + length;
    for (;;) {
        const char *comma = memchr(groups, ',', (size_t)(end - groups));
        const char *stop = comma != NULL ? comma : end;
        if (!add_group(reader, user, groups, (size_t)(stop - groups)))
            return false;
        if (comma == NULL)
            return true;
        groups = comma + 1;
    }
}

/* Takes over the user. */
static bool add_user(struct reader *reader, const char *name, size_t length, struct login_user *user)
{
    char *key = mem_strndup(name, length);
    bool added = false;
    if (key == NULL)
        refuse_no_memory(reader);
    else if (pointer_map_has(reader->users, key))
        refuse(reader, "this user has a line above already");
    else if (pointer_map_count(reader->users) >= LOGIN_USERS_MAX)
        refuse(reader, "there are more than 10000 users");
    else if (!(added = pointer_map_put(reader->users, key, user)))
        refuse_no_memory(reader);
    if (!added)
        user_free(user);
    mem_free(key);
    return added;
}

static bool read_line(struct reader *reader, const char *line, size_t length)
{
    const char *end = line + length, *colon = memchr(line, ':', length);
    if (colon == NULL)
        return refuse(reader, "expected user:hash or user:hash:group,group");
    if (!identity_name_is_fit(line, (size_t)(colon - line)))
        return refuse(reader, "the name of the user is empty, too long, or no UTF-8 text");
    const char *hash = colon + 1, *hash_end = memchr(hash, ':', (size_t)(end - hash));
    size_t hash_length = (size_t)((hash_end != NULL ? hash_end : end) - hash);
    if (hash_length == 0)
        return refuse(reader, "the user has no hash");
    if (hash_length > HASH_MAX || memchr(hash, '\0', hash_length) != NULL)
        return refuse(reader, "what stands for the hash is none");
    struct login_user *user = user_create(hash, hash_length);
    if (user == NULL)
        return refuse_no_memory(reader);
    const char *problem = hash_problem(user->secret);
    bool fine = problem == NULL || refuse(reader, problem);
    if (fine && hash_end != NULL)
        fine = add_groups(reader, user, hash_end + 1, (size_t)(end - hash_end - 1));
    if (!fine) {
        user_free(user);
        return false;
    }
    return add_user(reader, line, (size_t)(colon - line), user);
}

static bool read_lines(struct reader *reader, const char *text, size_t length)
{
    const char *end = text + length;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line_length = (size_t)((newline != NULL ? newline : end) - text);
        size_t used = line_length;
        if (used > 0 && text[used - 1] == '\r')
            used--;
        reader->line++;
        if (used > 0 && text[0] != '#' && !read_line(reader, text, used))
            return false;
        text += line_length + (newline != NULL);
    }
    return true;
}

/* Hands the users over, unless something was wrong. */
static struct pointer_map *finish(struct reader *reader, bool fine)
{
    if (fine)
        return reader->users;
    pointer_map_destroy(reader->users);
    return NULL;
}

struct pointer_map *login_users_parse_hashed(const char *text, size_t length, char *why, size_t why_size)
{
    struct reader reader = {.users = pointer_map_create(user_free), .why = why, .why_size = why_size};
    if (reader.users == NULL) {
        refuse_no_memory(&reader);
        return NULL;
    }
    return finish(&reader, read_lines(&reader, text, length));
}

/* ---- properties ---- */

static bool add_properties(struct reader *reader, const struct string_map *passwords)
{
    for (size_t i = 0; i < string_map_count(passwords); i++) {
        const char *name = string_map_key(passwords, i), *password = string_map_value(passwords, i);
        if (!identity_name_is_fit(name, strlen(name)))
            continue; /* no header can bring it */
        struct login_user *user = user_create(password, strlen(password));
        if (user == NULL)
            return refuse_no_memory(reader);
        if (!add_user(reader, name, strlen(name), user))
            return false;
    }
    return true;
}

struct pointer_map *login_users_parse_properties(const char *text, size_t length, char *why, size_t why_size)
{
    struct reader reader = {.users = pointer_map_create(user_free), .why = why, .why_size = why_size};
    if (reader.users == NULL) {
        refuse_no_memory(&reader);
        return NULL;
    }
    struct string_map *passwords = properties_parse(text, length, PROPERTIES_LATIN1, why, why_size);
    struct pointer_map *users = finish(&reader, passwords != NULL && add_properties(&reader, passwords));
    string_map_destroy(passwords);
    return users;
}
