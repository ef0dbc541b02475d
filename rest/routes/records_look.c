/* Who looks at records of a topic (docs/access.md, docs/audit.md): asked by whatever shows them. */
#include "base/mem.h"
#include "routes/dispatch.h"
#include "routes/route_audit.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

static bool may_look(struct rest_context *context, struct http_exchange *exchange, const struct rest_look *look)
{
    char why[ACCESS_WHY_SIZE];
    struct route_asker asker;
    route_asker_init(&asker, context, exchange);
    bool may = route_may_look(&asker, look->connector, look->topic, why);
    route_asker_release(&asker);
    if (!may)
        rest_refuse(context, exchange, look->connector, why);
    return may;
}

/* Between the question and the record's word. */
struct waiting {
    struct rest_context *context;
    struct http_exchange *exchange;
    void (*show)(struct rest_context *context, struct http_exchange *exchange, void *argument);
    void (*destroy)(void *argument);
    void *argument;
};

static void on_told(void *argument, const char *why)
{
    struct waiting *waiting = argument;
    if (why != NULL)
        rest_answer_error(waiting->exchange, 503, "%s", why);
    else if (!dispatch_has_ended(waiting->exchange))
        waiting->show(waiting->context, waiting->exchange, waiting->argument);
    waiting->destroy(waiting->argument);
    rest_context_drop(waiting->context);
    mem_free(waiting);
}

void rest_look(struct rest_context *context, struct http_exchange *exchange, const struct rest_look *look)
{
    if (!may_look(context, exchange, look)) {
        look->destroy(look->argument);
        return;
    }
    struct waiting *waiting = mem_alloc(sizeof(*waiting));
    if (waiting == NULL) {
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
        look->destroy(look->argument);
        return;
    }
    rest_context_take(context);
    *waiting = (struct waiting){context, exchange, look->show, look->destroy, look->argument};
    route_audit_look(context, exchange, look->connector, look->topic, on_told, waiting);
}
