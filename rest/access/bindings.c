/* bindings.c: the JSON text and its rules. Each reader returns false after it has set the error. */
#include "access/bindings.h"

#include <jansson.h>
#include <string.h>

#include <millrace/error.h>

#include "access/bindings_internal.h"
#include "access/identity.h"
#include "base/mem.h"

#include "base/bans.h"

static const char *const role_names[] = {"viewer", "operator", "editor", "admin"};
static const char *const limit_names[] = {"connectors", "classes", "topics", "group.ids", "references", "overrides", "files"};

const char *role_name(enum role role)
{
    return role_names[role];
}

const char *limit_name(enum limit limit)
{
    return limit_names[limit];
}

/* ---- life ---- */

static void claim_free(void *item)
{
    struct binding_claim *claim = item;
    ptr_array_release(&claim->values);
    mem_free(claim->name);
    mem_free(claim);
}

static void binding_free(void *item)
{
    struct binding *binding = item;
    ptr_array_release(&binding->users);
    ptr_array_release(&binding->groups);
    ptr_array_release(&binding->claims);
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        ptr_array_release(&binding->limits[i]);
    mem_free(binding->name);
    mem_free(binding);
}

static struct binding *binding_create(void)
{
    struct binding *binding = mem_calloc(1, sizeof(*binding));
    if (binding == NULL)
        return NULL;
    ptr_array_init(&binding->users, mem_free);
    ptr_array_init(&binding->groups, mem_free);
    ptr_array_init(&binding->claims, claim_free);
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        ptr_array_init(&binding->limits[i], mem_free);
    return binding;
}

struct bindings *bindings_take(struct bindings *bindings)
{
    refcount_take(&bindings->refcount);
    return bindings;
}

void bindings_drop(struct bindings *bindings)
{
    if (bindings == NULL || !refcount_drop(&bindings->refcount))
        return;
    ptr_array_release(&bindings->list);
    mem_free(bindings);
}

size_t bindings_count(const struct bindings *bindings)
{
    return bindings->list.count;
}

/* ---- members ---- */

/* Where the reader stands, for its words: "binding 3 (orders team): topics: …". */
struct place {
    size_t number;
    const char *name;     /* NULL: not known yet */
    const char *member;
    struct mr_error **error;
};

static bool refuse(const struct place *place, const char *what)
{
    if (place->name == NULL)
        mr_error_set(place->error, MR_ERR_CONFIG, "binding %zu: %.60s: %s", place->number, place->member, what);
    else
        mr_error_set(place->error, MR_ERR_CONFIG, "binding %zu (%.100s): %.60s: %s", place->number, place->name, place->member, what);
    return false;
}

static bool refuse_no_memory(const struct place *place)
{
    mr_error_set(place->error, MR_ERR_NO_MEMORY, "no memory for the bindings");
    return false;
}

static bool is_fit(const json_t *value)
{
    return json_is_string(value) && identity_name_is_fit(json_string_value(value), json_string_length(value));
}

static bool read_texts(const struct place *place, const json_t *list, struct ptr_array *texts)
{
    const json_t *item;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) == 0)
        return refuse(place, "expected a list with at least one text; leave the member out to allow nothing");
    if (json_array_size(list) > BINDINGS_TEXTS_MAX)
        return refuse(place, "more than 1000 texts in one list");
    json_array_foreach (list, i, item) {
        if (!is_fit(item))
            return refuse(place, "an item is no text of 1 to 1024 bytes without control characters");
        char *copy = mem_strdup(json_string_value(item));
        if (copy == NULL || !ptr_array_push(texts, copy)) {
            mem_free(copy);
            return refuse_no_memory(place);
        }
    }
    return true;
}

static bool read_claims(const struct place *place, const json_t *claims, struct ptr_array *read)
{
    const char *name;
    json_t *values;
    if (!json_is_object(claims) || json_object_size(claims) == 0 || json_object_size(claims) > BINDINGS_TEXTS_MAX)
        return refuse(place, "expected an object: {\"claim\": [\"value\", …]}");
    json_object_foreach ((json_t *)claims, name, values) {
        struct binding_claim *claim = mem_calloc(1, sizeof(*claim));
        if (claim == NULL)
            return refuse_no_memory(place);
        ptr_array_init(&claim->values, mem_free);
        claim->name = mem_strdup(name);
        if (claim->name == NULL || !ptr_array_push(read, claim)) {
            claim_free(claim);
            return refuse_no_memory(place);
        }
        if (!read_texts(place, values, &claim->values))
            return false;
    }
    return true;
}

static bool read_role(const struct place *place, const json_t *value, struct binding *binding)
{
    for (size_t i = 0; json_is_string(value) && i < ROLE_COUNT; i++) {
        if (strcmp(json_string_value(value), role_names[i]) == 0) {
            binding->role = (enum role)i;
            return true;
        }
    }
    return refuse(place, "expected \"viewer\", \"operator\", \"editor\" or \"admin\"");
}

static bool read_rights(const struct place *place, const json_t *value, struct binding *binding)
{
    const json_t *item;
    size_t i;
    binding->has_data = json_is_array(value) && json_array_size(value) > 0;
    json_array_foreach (value, i, item)
        binding->has_data = binding->has_data && json_is_string(item) && strcmp(json_string_value(item), "data") == 0;
    return binding->has_data || refuse(place, "the only right there is beside roles is [\"data\"]");
}

static unsigned login_named(const json_t *item)
{
    static const char *const NAMES[] = {"password", "certificate", "token"};
    for (unsigned i = 0; json_is_string(item) && i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (strcmp(json_string_value(item), NAMES[i]) == 0)
            return 1u << i;
    return 0;
}

static bool read_logins(const struct place *place, const json_t *value, struct binding *binding)
{
    const json_t *item;
    size_t i;
    bool is_fine = json_is_array(value) && json_array_size(value) > 0;
    json_array_foreach (value, i, item) {
        is_fine = is_fine && login_named(item) != 0;
        binding->logins |= login_named(item);
    }
    return is_fine || refuse(place, "expected a list of \"password\", \"certificate\", \"token\"; leave the member out for all of them");
}

static bool read_name(struct place *place, const json_t *value, struct binding *binding)
{
    if (!is_fit(value))
        return refuse(place, "expected a text of 1 to 1024 bytes without control characters");
    binding->name = mem_strdup(json_string_value(value));
    return binding->name != NULL || refuse_no_memory(place);
}

static bool read_member(struct place *place, const json_t *value, struct binding *binding)
{
    const char *member = place->member;
    if (strcmp(member, "name") == 0)
        return read_name(place, value, binding);
    if (strcmp(member, "users") == 0)
        return read_texts(place, value, &binding->users);
    if (strcmp(member, "groups") == 0)
        return read_texts(place, value, &binding->groups);
    if (strcmp(member, "claims") == 0)
        return read_claims(place, value, &binding->claims);
    if (strcmp(member, "logins") == 0)
        return read_logins(place, value, binding);
    if (strcmp(member, "role") == 0)
        return read_role(place, value, binding);
    if (strcmp(member, "rights") == 0)
        return read_rights(place, value, binding);
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (strcmp(member, limit_names[i]) == 0)
            return read_texts(place, value, &binding->limits[i]);
    return refuse(place, "no such member; there are name, users, groups, claims, logins, role, rights, connectors, classes, topics, "
                  "group.ids, references, overrides, files");
}

/* ---- rules between members ---- */

static bool demand_limit(struct place *place, const struct binding *binding, enum limit limit, const char *why)
{
    place->member = limit_names[limit];
    return binding->limits[limit].count > 0 || refuse(place, why);
}

static bool check_admin(struct place *place, const struct binding *binding)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        place->member = limit_names[i];
        if (binding->limits[i].count > 0)
            return refuse(place, "an admin has no limits; give a lesser role, or leave the member out");
    }
    return true;
}

static bool check_references(struct place *place, const struct binding *binding)
{
    const struct ptr_array *patterns = &binding->limits[LIMIT_REFERENCES];
    place->member = limit_names[LIMIT_REFERENCES];
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        size_t provider = strcspn(pattern, ":*?");
        if (provider == 0 || pattern[provider] != ':')
            return refuse(place, "a pattern must name its provider, as in \"vault:secret/orders/*\"");
    }
    return true;
}

static bool is_pattern(const char *text)
{
    return strchr(text, '*') != NULL && strcmp(text, "*") != 0;
}

/* Who is bound is named in full; what looks like a pattern would bind nobody, and nothing would say so. */
static bool check_names(struct place *place, const struct binding *binding)
{
    place->member = "users";
    for (size_t i = 0; i < binding->users.count; i++)
        if (is_pattern(binding->users.items[i]))
            return refuse(place, "a name is no pattern: write it in full, or \"*\" for everybody who has logged in");
    place->member = "groups";
    for (size_t i = 0; i < binding->groups.count; i++)
        if (strchr(binding->groups.items[i], '*') != NULL)
            return refuse(place, "a group is no pattern: write it in full; for everybody who has logged in give \"users\": [\"*\"]");
    return true;
}

/* Whom such a login could never be. */
static bool check_logins(struct place *place, const struct binding *binding)
{
    place->member = "logins";
    if (binding->logins == 0)
        return true;
    if (binding->claims.count > 0 && (binding->logins & BINDING_TOKEN) == 0)
        return refuse(place, "only tokens have claims; add \"token\", or name users or groups");
    if (binding->groups.count > 0 && binding->logins == BINDING_CERTIFICATE)
        return refuse(place, "certificates have no groups; name their subjects as users");
    return true;
}

/* Names cannot begin so in Kafka, and of connectors nobody's does. */
static bool check_expressions(struct place *place, const struct binding *binding)
{
    static const enum limit GLOBS[] = {LIMIT_CONNECTORS, LIMIT_CLASSES, LIMIT_TOPICS};
    for (size_t i = 0; i < sizeof(GLOBS) / sizeof(GLOBS[0]); i++) {
        const struct ptr_array *patterns = &binding->limits[GLOBS[i]];
        place->member = limit_names[GLOBS[i]];
        for (size_t j = 0; j < patterns->count; j++)
            if (((const char *)patterns->items[j])[0] == '^')
                return refuse(place, "a pattern is no regular expression: * stands for any text, ? for one character");
    }
    return true;
}

/* Configurations may name a class by its last part, its alias; what is judged is the whole name, which has a package. Two classes may have
 * one alias, so it stands for none. */
static bool is_short_class(const char *pattern)
{
    bool is_one_class = strpbrk(pattern, "*?") == NULL;
    return strchr(pattern, '.') == NULL && (is_one_class || (pattern[0] >= 'A' && pattern[0] <= 'Z'));
}

static bool check_classes(struct place *place, const struct binding *binding)
{
    const struct ptr_array *patterns = &binding->limits[LIMIT_CLASSES];
    place->member = limit_names[LIMIT_CLASSES];
    for (size_t i = 0; i < patterns->count; i++)
        if (is_short_class(patterns->items[i]))
            return refuse(place, "a class is named with its package, as in \"org.acme.ThingSourceConnector\"; GET /connector-plugins "
                          "lists those names");
    return true;
}

/* A relative path is another file wherever a worker is started. */
static bool check_files(struct place *place, const struct binding *binding)
{
    const struct ptr_array *patterns = &binding->limits[LIMIT_FILES];
    place->member = limit_names[LIMIT_FILES];
    for (size_t i = 0; i < patterns->count; i++)
        if (strchr("/*?", ((const char *)patterns->items[i])[0]) == NULL)
            return refuse(place, "a pattern must be of the whole path, as in \"/data/orders/*\": a relative one depends on "
                          "where the worker was started");
    return true;
}

/* Could the pattern fit an option that begins so? */
static bool may_begin(const char *pattern, const char *prefix)
{
    size_t literal = strcspn(pattern, "*?"), length = strlen(prefix);
    return strncmp(pattern, prefix, literal < length ? literal : length) == 0 && (literal >= length || pattern[literal] != '\0');
}

static bool check_overrides(struct place *place, const struct binding *binding)
{
    const struct ptr_array *patterns = &binding->limits[LIMIT_OVERRIDES];
    place->member = limit_names[LIMIT_OVERRIDES];
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        if (!may_begin(pattern, "producer.override.") && !may_begin(pattern, "consumer.override.") &&
            !may_begin(pattern, "admin.override."))
            return refuse(place, "a pattern must be of the whole option, as in \"producer.override.linger.ms\"");
    }
    return true;
}

/* A limit on what only editors do, given to somebody else: a mistake in the role, or in what it is thought to allow. */
static bool check_useless(struct place *place, const struct binding *binding)
{
    static const enum limit OF_EDITORS[] = {LIMIT_CLASSES, LIMIT_GROUP_IDS, LIMIT_REFERENCES, LIMIT_OVERRIDES, LIMIT_FILES};
    for (size_t i = 0; i < sizeof(OF_EDITORS) / sizeof(OF_EDITORS[0]); i++) {
        place->member = limit_names[OF_EDITORS[i]];
        if (binding->role < ROLE_EDITOR && binding->limits[OF_EDITORS[i]].count > 0)
            return refuse(place, "only editors use them; give the role editor, or leave the member out");
    }
    place->member = limit_names[LIMIT_TOPICS];
    if (binding->role < ROLE_EDITOR && !binding->has_data && binding->limits[LIMIT_TOPICS].count > 0)
        return refuse(place, "only editors and the right data use them; give the role editor, add \"rights\": [\"data\"], or leave the "
                      "member out");
    return true;
}

static bool check_binding(struct place *place, const json_t *object, const struct binding *binding)
{
    if (binding->name == NULL) {
        place->member = "name";
        return refuse(place, "it is missing");
    }
    place->member = "role";
    if (json_object_get(object, "role") == NULL)
        return refuse(place, "it is missing");
    place->member = "users";
    if (binding->users.count + binding->groups.count + binding->claims.count == 0)
        return refuse(place, "the binding binds nobody; name users, groups or claims");
    if (!check_names(place, binding) || !check_logins(place, binding))
        return false;
    if (binding->role == ROLE_ADMIN)
        return check_admin(place, binding);
    if (!demand_limit(place, binding, LIMIT_CONNECTORS, "they are missing; [\"*\"] is all"))
        return false;
    if (binding->role == ROLE_EDITOR &&
        (!demand_limit(place, binding, LIMIT_CLASSES, "an editor needs them; [\"*\"] is all but file connectors") ||
         !demand_limit(place, binding, LIMIT_TOPICS, "an editor needs them; [\"*\"] is all")))
        return false;
    if (binding->has_data && !demand_limit(place, binding, LIMIT_TOPICS, "the right data needs them; [\"*\"] is all"))
        return false;
    return check_expressions(place, binding) && check_classes(place, binding) && check_references(place, binding) &&
           check_overrides(place, binding) && check_files(place, binding) && check_useless(place, binding);
}

static bool is_name_free(const struct bindings *bindings, const char *name)
{
    for (size_t i = 0; i < bindings->list.count; i++)
        if (strcmp(((const struct binding *)bindings->list.items[i])->name, name) == 0)
            return false;
    return true;
}

static bool fill_binding(struct place *place, const json_t *object, struct binding *binding)
{
    const char *member;
    json_t *value;
    if (!json_is_object(object)) {
        place->member = "it";
        return refuse(place, "expected an object");
    }
    json_object_foreach ((json_t *)object, member, value) {
        place->member = member;
        if (!read_member(place, value, binding))
            return false;
        place->name = binding->name;
    }
    return check_binding(place, object, binding);
}

static bool read_binding(struct bindings *bindings, size_t number, const json_t *object, struct mr_error **error)
{
    struct place place = {.number = number, .error = error, .member = "name"};
    struct binding *binding = binding_create();
    if (binding == NULL)
        return refuse_no_memory(&place);
    bool fine = fill_binding(&place, object, binding);
    place.member = "name";
    if (fine && !is_name_free(bindings, binding->name))
        fine = refuse(&place, "another binding above has this name");
    if (fine && !ptr_array_push(&bindings->list, binding))
        fine = refuse_no_memory(&place);
    if (!fine)
        binding_free(binding);
    return fine;
}

static bool read_list(struct bindings *bindings, const json_t *root, struct mr_error **error)
{
    const json_t *list = json_object_get(root, "bindings"), *object;
    size_t i;
    if (!json_is_array(list) || json_object_size(root) != 1) {
        mr_error_set(error, MR_ERR_CONFIG, "expected {\"bindings\": [ … ]} and nothing beside");
        return false;
    }
    if (json_array_size(list) > BINDINGS_MAX) {
        mr_error_set(error, MR_ERR_CONFIG, "there are more than %d bindings", BINDINGS_MAX);
        return false;
    }
    json_array_foreach (list, i, object)
        if (!read_binding(bindings, i + 1, object, error))
            return false;
    return true;
}

/* jansson often says so by saying nothing; in the middle of a text it finds a mistake there, so a file is tried again (file_watch.h). */
static bool is_want_of_memory(const json_error_t *mistake)
{
    return mistake->text[0] == '\0' || json_error_code(mistake) == json_error_out_of_memory;
}

struct bindings *bindings_parse(const char *text, size_t length, struct mr_error **error)
{
    json_error_t mistake = {.line = 0};
    if (length > BINDINGS_FILE_MAX) {
        mr_error_set(error, MR_ERR_CONFIG, "the bindings have more than %u bytes", BINDINGS_FILE_MAX);
        return NULL;
    }
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &mistake);
    if (root == NULL && is_want_of_memory(&mistake)) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the bindings");
        return NULL;
    }
    if (root == NULL) {
        mr_error_set(error, MR_ERR_CONFIG, "line %d, column %d: %s", mistake.line, mistake.column, mistake.text);
        return NULL;
    }
    struct bindings *bindings = mem_calloc(1, sizeof(*bindings));
    if (bindings == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the bindings");
    } else {
        refcount_init(&bindings->refcount);
        ptr_array_init(&bindings->list, binding_free);
        if (!read_list(bindings, root, error)) {
            bindings_drop(bindings);
            bindings = NULL;
        }
    }
    json_decref(root);
    return bindings;
}
