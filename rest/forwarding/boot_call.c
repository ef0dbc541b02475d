/* Which run of a worker answers at an address. */
#include "base/mem.h"
#include "base/str_buffer.h"
#include "forwarding/forwarding_internal.h"

#include "base/bans.h"

struct boot_call {
    leader_link_boot_fn *done;
    void *argument;
};

static void on_answer(void *argument, const struct client_answer *answer)
{
    struct boot_call *call = argument;

    call->done(call->argument, answer->status == 200 ? client_answer_header(answer, LEADER_LINK_BOOT_HEADER) : NULL);
    mem_free(call);
}

/* Where login is needed this worker asks in its own name. */
static bool ask(struct forwarding *forwarding, struct boot_call *call, const char *url, int64_t deadline_ms,
                struct str_buffer *caller)
{
    const struct caller_call what = {.method = "GET", .url = url};
    const char *why;

    if (forwarding->self != NULL && caller_write(forwarding->callers, forwarding->self, NULL, &what, caller, &why) != 0)
        return false;
    return client_send(forwarding->client,
                       &(struct client_request){
                           .method = "GET",
                           .url = url,
                           .headers = &(struct client_header){CALLER_HEADER,
                                                              forwarding->self == NULL ? NULL : str_buffer_text(caller)},
                           .header_count = 1,
                           .deadline_ms = deadline_ms,
                           .done = on_answer,
                           .argument = call},
                       &why);
}

void forwarding_ask_boot(void *argument, const char *url, int64_t deadline_ms, leader_link_boot_fn *done, void *done_argument)
{
    struct forwarding *forwarding = argument;
    struct boot_call *call = mem_alloc(sizeof(*call));
    struct str_buffer caller;

    str_buffer_init(&caller, CALLER_HEADER_MAX);
    if (call != NULL) {
        *call = (struct boot_call){done, done_argument};
        if (ask(forwarding, call, url, deadline_ms, &caller)) {
            str_buffer_release(&caller);
            return;
        }
    }
    str_buffer_release(&caller);
    mem_free(call);
    done(done_argument, NULL);
}
