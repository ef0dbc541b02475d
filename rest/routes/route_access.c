#include "routes/route_access.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "access/bindings.h"
#include "base/string_map.h"
#include "config/connector_shown.h"
#include "config/connector_touches.h"
#include "gate/gate.h"
#include "routes/dispatch.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

#define NO_MEMORY "The worker has no memory left to look at what this would touch"

bool route_needs_login(const struct http_route *route)
{
    enum route_touches touches = route_access_of(route)->touches;
    return touches != TOUCHES_NOTHING && touches != TOUCHES_PEERS;
}

/* ---- who asks ---- */

bool route_is_guarded(const struct rest_context *context)
{
    return context->gate != NULL;
}

void route_asker_init(struct route_asker *asker, struct rest_context *context, struct http_exchange *exchange)
{
    asker->identity = rest_caller(exchange);
    asker->bindings = route_is_guarded(context) ? bindings_file_current(gate_bindings(context->gate)) : NULL;
}

void route_asker_release(struct route_asker *asker)
{
    if (asker->bindings != NULL)
        bindings_drop(asker->bindings);
    asker->bindings = NULL;
}

/* Authentication is on, and nobody is there: a request that came past the login is nobody's. */
static bool decide(const struct route_asker *asker, enum access_right right, const struct access_subject *subject,
                   char why[ACCESS_WHY_SIZE])
{
    if (asker->bindings == NULL)
        return true;
    if (asker->identity != NULL)
        return access_decide(asker->bindings, asker->identity, right, subject, why);
    snprintf(why, ACCESS_WHY_SIZE, "nobody has logged in");
    return false;
}

/* ---- what a configuration touches ---- */

static struct access_texts texts_of(const struct ptr_array *list)
{
    return (struct access_texts){(const char *const *)list->items, list->count};
}

static struct access_subject subject_of(const char *connector, const struct connector_touches *touches)
{
    return (struct access_subject){.connector = connector,
                                   .class_name = touches->class_name,
                                   .topics = texts_of(&touches->topics),
                                   .topics_regex = touches->any_topic,
                                   .group_ids = texts_of(&touches->group_ids),
                                   .references = texts_of(&touches->references),
                                   .overrides = texts_of(&touches->overrides),
                                   .files = texts_of(&touches->files),
                                   .unknowable = touches->unknowable};
}

static bool may_make(const struct route_asker *asker, const struct rest_context *context, const char *connector,
                     const struct string_map *config, bool goes, char why[ACCESS_WHY_SIZE])
{
    struct connector_touches *touches = connector_touches_create(herder_loader(context->herder), config);
    if (touches == NULL) {
        snprintf(why, ACCESS_WHY_SIZE, NO_MEMORY);
        return false;
    }
    struct access_subject subject = subject_of(connector, touches);
    if (goes)
        subject.references = subject.overrides = (struct access_texts){NULL, 0};
    bool may = decide(asker, ACCESS_EDIT, &subject, why);
    connector_touches_destroy(touches);
    return may;
}

/* Its consumer group and its offsets go by this name, too. */
static bool name_fits(const char *connector, const struct string_map *next, char why[ACCESS_WHY_SIZE])
{
    const char *name = string_map_get(next, "name");
    if (connector == NULL || name == NULL || strcmp(connector, name) == 0)
        return true;
    snprintf(why, ACCESS_WHY_SIZE, "the option name says %.400s, but the connector is %.400s", name, connector);
    return false;
}

bool route_may_touch(const struct route_asker *asker, const struct rest_context *context, const struct route_change *change,
                     char why[ACCESS_WHY_SIZE])
{
    const char *connector = change->connector;
    if (asker->bindings == NULL)
        return true;
    if (!decide(asker, ACCESS_EDIT, &(struct access_subject){.connector = connector}, why) ||
        (change->present != NULL && !may_make(asker, context, connector, change->present, true, why)))
        return false;
    if (change->next == NULL)
        return true;
    return name_fits(connector, change->next, why) && may_make(asker, context, connector, change->next, false, why) &&
           (change->present == NULL ||
            !connector_shown_stays(herder_loader(context->herder), change->present, change->next, change->given) ||
            may_make(asker, context, connector, change->present, false, why));
}

bool route_may_see(const struct route_asker *asker, const char *connector)
{
    char why[ACCESS_WHY_SIZE];
    return decide(asker, ACCESS_VIEW, &(struct access_subject){.connector = connector}, why);
}

bool route_may_look(const struct route_asker *asker, const char *connector, const char *topic, char why[ACCESS_WHY_SIZE])
{
    const struct access_subject subject = {.connector = connector, .all_connectors = connector == NULL, .topics = {&topic, 1}};
    return decide(asker, ACCESS_DATA, &subject, why);
}

bool route_may_try_nameless(const struct route_asker *asker, char why[ACCESS_WHY_SIZE])
{
    return decide(asker, ACCESS_EDIT, &(struct access_subject){.all_connectors = true}, why);
}

bool route_sees_secrets(const struct route_asker *asker, const struct rest_context *context, const char *connector,
                        const struct string_map *config)
{
    char why[ACCESS_WHY_SIZE];
    return asker->bindings == NULL ||
           (decide(asker, ACCESS_EDIT, &(struct access_subject){.connector = connector}, why) &&
            may_make(asker, context, connector, config, false, why));
}

/* ---- before the handler ---- */

static bool may_change_present(const struct route_asker *asker, const struct rest_context *context, const char *name,
                               char why[ACCESS_WHY_SIZE])
{
    if (!herder_is_ready(context->herder))
        return decide(asker, ACCESS_EDIT, &(struct access_subject){.connector = name}, why);
    struct config_snapshot *snapshot = herder_configs(context->herder);
    const struct route_change change = {.connector = name, .present = config_snapshot_config(snapshot, name)};
    bool may = route_may_touch(asker, context, &change, why);
    config_snapshot_drop(snapshot);
    return may;
}

static bool may_pass(const struct route_asker *asker, const struct rest_context *context, const struct http_exchange *exchange,
                     char why[ACCESS_WHY_SIZE])
{
    const struct http_route *route = http_exchange_request(exchange)->route;
    const struct route_access *access = route_access_of(route);
    bool has_name = strstr(route->pattern, "{name}") != NULL;
    struct access_subject subject = {.connector = has_name ? rest_name(exchange) : NULL};
    assert(has_name || (access->touches != TOUCHES_CONNECTOR && access->touches != TOUCHES_PRESENT));
    switch (access->touches) {
    case TOUCHES_NOTHING:
    case TOUCHES_PEERS:
        return true;
    case TOUCHES_CALLER:
        return asker->bindings == NULL || asker->identity != NULL;
    case TOUCHES_ALL_CONNECTORS:
        subject.all_connectors = true;
        return decide(asker, access->right, &subject, why);
    case TOUCHES_PRESENT:
        return decide(asker, access->right, &subject, why) &&
               may_change_present(asker, context, subject.connector, why);
    default:
        return decide(asker, access->right, has_name ? &subject : NULL, why);
    }
}

bool route_authorize(struct rest_context *context, struct http_exchange *exchange)
{
    char why[ACCESS_WHY_SIZE] = "nobody has logged in";
    struct route_asker asker;
    if (!route_is_guarded(context))
        return true;
    route_asker_init(&asker, context, exchange);
    bool may = may_pass(&asker, context, exchange, why);
    route_asker_release(&asker);
    if (may)
        return true;
    dispatch_note_refusal(context, exchange, 403, why);
    rest_answer_error(exchange, 403, "%s", why);
    return false;
}
