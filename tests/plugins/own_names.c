/* A predicate built from functions that are called like some of libmillrace.so's inner ones, and visible as theirs are not. It
 * holds when each call reached the plugin's own function. */
#include "idle.h"

enum { OWN = 4711 };

MR_EXPORT int config_parse(int number);
MR_EXPORT int arena_init(int number);
MR_EXPORT int future_create(int number);

int config_parse(int number)
{
    return number + OWN;
}

int arena_init(int number)
{
    return number + OWN;
}

int future_create(int number)
{
    return number + OWN;
}

/* Through pointers that the dynamic linker fills: where a direct call would go, too, if no compiler took a short cut. */
static int test(void *self, const struct mr_record *record, bool *holds, struct mr_error **error)
{
    int (*volatile functions[])(int) = { config_parse, arena_init, future_create };
    (void)self, (void)record, (void)error;
    *holds = true;
    for (int i = 0; i < 3; i++)
        *holds = *holds && functions[i](i) == i + OWN;
    return 0;
}

static const struct mr_predicate_ops ops = {
    .size = sizeof(ops), .create = idle_create, .test = test, .destroy = idle_void
};
static const struct mr_plugin plugin = IDLE_PLUGIN(MR_PLUGIN_PREDICATE, "org.acme.OwnNames", &ops);
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("own_names", plugins);

IDLE_ENTRY(module)
