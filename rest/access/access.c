#include "access/access.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "access/bindings_internal.h"
#include "access/glob_internal.h"
#include "access/identity.h"

#include "base/bans.h"

const char *access_right_name(enum access_right right)
{
    static const char *const names[] = {"view", "operate", "edit", "administer", "data"};
    assert((size_t)right < sizeof names / sizeof *names);
    return names[right];
}

/* ---- whom a binding binds ---- */

static bool claims_fit(const struct ptr_array *claims, const struct identity *identity)
{
    for (size_t i = 0; i < claims->count; i++) {
        const struct binding_claim *claim = claims->items[i];
        bool fits = false;
        for (size_t j = 0; j < claim->values.count && !fits; j++)
            fits = identity_has_claim(identity, claim->name, claim->values.items[j]);
        if (!fits)
            return false;
    }
    return claims->count > 0;
}

static bool binds(const struct binding *binding, const struct identity *identity)
{
    for (size_t i = 0; i < binding->users.count; i++)
        if (strcmp(binding->users.items[i], "*") == 0 || strcmp(binding->users.items[i], identity->name) == 0)
            return true;
    for (size_t i = 0; i < binding->groups.count; i++)
        if (identity_has_group(identity, binding->groups.items[i]))
            return true;
    return claims_fit(&binding->claims, identity);
}

/* ---- what it allows ---- */

/* Connectors that read and write files of the worker's own machine. */
static bool is_guarded_class(const char *class_name)
{
    static const char *const guarded[] = {
        "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "org.apache.kafka.connect.file.FileStreamSinkConnector",
    };
    for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++)
        if (strcmp(class_name, guarded[i]) == 0)
            return true;
    return false;
}

static bool pattern_matches(enum limit limit, const char *pattern, const char *text)
{
    if (limit == LIMIT_CLASSES && is_guarded_class(text))
        return strcmp(pattern, text) == 0;
    if ((limit == LIMIT_REFERENCES || limit == LIMIT_FILES) && strstr(text, "..") != NULL)
        return false;
    return glob_matches(pattern, text);
}

static bool limit_covers(const struct binding *binding, enum limit limit, const char *text)
{
    for (size_t i = 0; i < binding->limits[limit].count; i++)
        if (pattern_matches(limit, binding->limits[limit].items[i], text))
            return true;
    return false;
}

static bool covers_all(const struct binding *binding, enum limit limit)
{
    for (size_t i = 0; i < binding->limits[limit].count; i++)
        if (strcmp(binding->limits[limit].items[i], "*") == 0)
            return true;
    return false;
}

/* How near a binding came; the higher, the nearer. */
enum nearness { NEAR_NOT_BOUND, NEAR_BOUND, NEAR_ROLE, NEAR_LIMIT, NEAR_ALLOWED = NEAR_LIMIT + LIMIT_COUNT };

struct finding {
    int nearness;
    const struct binding *binding;
    enum limit limit;    /* of NEAR_LIMIT and above: the first that does not cover; LIMIT_COUNT: nothing could */
    const char *text;    /* what it does not cover */
};

static bool role_is_enough(const struct binding *binding, enum access_right right)
{
    return right == ACCESS_DATA ? binding->has_data : (int)binding->role >= (int)right;
}

static bool check_one(struct finding *finding, enum limit limit, const char *text)
{
    finding->nearness = NEAR_LIMIT + (int)limit;
    if (text == NULL || limit_covers(finding->binding, limit, text))
        return true;
    finding->limit = limit;
    finding->text = text;
    return false;
}

static bool check_list(struct finding *finding, enum limit limit, const struct access_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        if (!check_one(finding, limit, texts->items[i]))
            return false;
    return true;
}

/* What only the pattern "*" stands for. */
static bool check_all(struct finding *finding, enum limit limit, const char *words)
{
    if (words == NULL || covers_all(finding->binding, limit))
        return true;
    finding->nearness = NEAR_LIMIT + (int)limit;
    finding->limit = limit;
    finding->text = words;
    return false;
}

static bool check_knowable(struct finding *finding, const struct access_subject *subject)
{
    finding->limit = LIMIT_COUNT;
    finding->text = subject->unknowable;
    return subject->unknowable == NULL;
}

static bool check_topics(struct finding *finding, const struct access_subject *subject)
{
    return check_list(finding, LIMIT_TOPICS, &subject->topics) && check_all(finding, LIMIT_TOPICS, subject->topics_regex);
}

static bool limits_allow(struct finding *finding, const struct access_subject *subject)
{
    if (finding->binding->role == ROLE_ADMIN || subject == NULL)
        return true;
    return check_one(finding, LIMIT_CONNECTORS, subject->connector) &&
           check_all(finding, LIMIT_CONNECTORS, subject->all_connectors ? "all connectors" : NULL) &&
           check_knowable(finding, subject) && check_one(finding, LIMIT_CLASSES, subject->class_name) &&
           check_topics(finding, subject) && check_list(finding, LIMIT_GROUP_IDS, &subject->group_ids) &&
           check_list(finding, LIMIT_REFERENCES, &subject->references) &&
           check_list(finding, LIMIT_OVERRIDES, &subject->overrides) && check_list(finding, LIMIT_FILES, &subject->files);
}

static struct finding look(const struct binding *binding, const struct identity *identity, enum access_right right,
                           const struct access_subject *subject)
{
    struct finding finding = {.nearness = NEAR_NOT_BOUND, .binding = binding};
    if (!binds(binding, identity))
        return finding;
    finding.nearness = NEAR_BOUND;
    if (!role_is_enough(binding, right))
        return finding;
    finding.nearness = NEAR_ROLE;
    if (limits_allow(&finding, subject))
        finding.nearness = NEAR_ALLOWED;
    return finding;
}

/* ---- words ---- */

static void explain(const struct finding *nearest, const struct identity *identity, enum access_right right, char *why)
{
    const char *name = identity->name;
    if (nearest->nearness == NEAR_NOT_BOUND) {
        snprintf(why, ACCESS_WHY_SIZE, "%.200s has no role here: no binding names this user, its groups or its claims", name);
    } else if (nearest->nearness == NEAR_BOUND && right == ACCESS_DATA) {
        snprintf(why, ACCESS_WHY_SIZE, "%.200s may not see the contents of records: no binding gives the right data", name);
    } else if (nearest->nearness == NEAR_BOUND) {
        snprintf(why, ACCESS_WHY_SIZE, "%.200s may not do this: it needs the role %s, binding %.200s gives %s", name,
                 role_name((enum role)right), nearest->binding->name, role_name(nearest->binding->role));
    } else if (nearest->limit == LIMIT_COUNT) {
        snprintf(why, ACCESS_WHY_SIZE, "%.200s may not do this: %.400s, so that only an admin may", name, nearest->text);
    } else if (nearest->limit == LIMIT_CLASSES && is_guarded_class(nearest->text)) {
        snprintf(why, ACCESS_WHY_SIZE, "%.200s may not do this: %.200s touches files of the worker, and the classes of binding "
                 "%.200s do not name it in full", name, nearest->text, nearest->binding->name);
    } else {
        snprintf(why, ACCESS_WHY_SIZE, "%.200s may not do this: the %s of binding %.200s do not cover %.400s", name,
                 limit_name(nearest->limit), nearest->binding->name, nearest->text);
    }
}

/* Workers look who answers at an address; what else they ask of each other needs no right. No binding is about them. */
static bool decide_worker(enum access_right right, const struct access_subject *subject, char why[ACCESS_WHY_SIZE])
{
    bool may = right == ACCESS_VIEW && subject == NULL;
    snprintf(why, ACCESS_WHY_SIZE, "%s", may ? "" : "a worker asks this for nobody");
    return may;
}

bool access_decide(const struct bindings *bindings, const struct identity *identity, enum access_right right,
                   const struct access_subject *subject, char why[ACCESS_WHY_SIZE])
{
    struct finding nearest = {.nearness = NEAR_NOT_BOUND};
    if (identity->login == IDENTITY_WORKER)
        return decide_worker(right, subject, why);
    for (size_t i = 0; i < bindings->list.count; i++) {
        struct finding finding = look(bindings->list.items[i], identity, right, subject);
        if (finding.nearness == NEAR_ALLOWED) {
            why[0] = '\0';
            return true;
        }
        bool is_higher_role = finding.nearness == NEAR_BOUND && nearest.nearness == NEAR_BOUND &&
                              finding.binding->role > nearest.binding->role;
        if (finding.nearness > nearest.nearness || is_higher_role)
            nearest = finding;
    }
    explain(&nearest, identity, right, why);
    return false;
}

const char *access_role_of(const struct bindings *bindings, const struct identity *identity)
{
    int highest = -1;
    for (size_t i = 0; i < bindings->list.count; i++) {
        const struct binding *binding = bindings->list.items[i];
        if ((int)binding->role > highest && binds(binding, identity))
            highest = (int)binding->role;
    }
    return highest < 0 ? NULL : role_name((enum role)highest);
}

bool access_has_data(const struct bindings *bindings, const struct identity *identity)
{
    for (size_t i = 0; i < bindings->list.count; i++) {
        const struct binding *binding = bindings->list.items[i];
        if (binding->has_data && binds(binding, identity))
            return true;
    }
    return false;
}
