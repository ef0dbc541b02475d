/* GET /whoami: who the caller is to this worker, and the most that they may do. */
#include "access/access.h"
#include "access/bindings.h"
#include "gate/gate.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

static void write_flag(struct json_out *out, const char *name, bool flag)
{
    json_out_name(out, name);
    json_out_raw(out, flag ? "true" : "false", flag ? 4 : 5);
}

static void write_groups(struct json_out *out, const struct identity *caller)
{
    json_out_name(out, "groups");
    json_out_open(out, '[');
    for (size_t i = 0; caller != NULL && i < caller->groups.count; i++)
        json_out_text(out, caller->groups.items[i]);
    json_out_close(out, ']');
}

void whoami_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct identity *caller = rest_caller(exchange);
    bool is_bound = caller != NULL && context->gate != NULL; /* who logged in at another worker may do here what nobody may, all */
    struct bindings *bindings = is_bound ? bindings_file_current(gate_bindings(context->gate)) : NULL;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    json_out_open(&out, '{');
    json_out_pair(&out, "name", caller != NULL ? caller->name : NULL);
    json_out_pair(&out, "login", caller != NULL ? identity_login_name(caller->login) : NULL);
    /* Where nobody logs in everybody may do everything. */
    json_out_pair(&out, "role", is_bound ? access_role_of(bindings, caller) : "admin");
    write_flag(&out, "data", !is_bound || access_has_data(bindings, caller));
    write_groups(&out, caller);
    json_out_close(&out, '}');
    bindings_drop(bindings);
    http_exchange_answer(exchange, &response);
}
