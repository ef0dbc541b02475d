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
bool forwarding_get_root(struct forwarding *forwarding, const struct root_question *question)
{
    const struct caller_call what = {.method = "GET", .url = question->url};
    struct str_buffer caller;
    const char *why;
    bool was_sent;

    str_buffer_init(&caller, CALLER_HEADER_MAX);
    was_sent = (forwarding->self == NULL ||
                caller_write(forwarding->callers, forwarding->self, NULL, &what, &caller, &why) == 0) &&
               client_send(forwarding->client,
                           &(struct client_request){
                               .method = "GET",
                               .url = question->url,
                               .headers = &(struct client_header){CALLER_HEADER,
                                                                  forwarding->self == NULL ? NULL : str_buffer_text(&caller)},
                               .header_count = 1,
                               .deadline_ms = question->deadline_ms,
                               .connect_timeout_ms = question->connect_timeout_ms,
                               .done = question->done,
                               .argument = question->argument},
                           &why);
    str_buffer_release(&caller);
    return was_sent;
}

void forwarding_ask_boot(void *argument, const char *url, int64_t deadline_ms, leader_link_boot_fn *done, void *done_argument)
{
    struct forwarding *forwarding = argument;
    struct boot_call *call = mem_alloc(sizeof(*call));

    if (call != NULL) {
        *call = (struct boot_call){done, done_argument};
        if (forwarding_get_root(forwarding, &(struct root_question){
                                                .url = url, .deadline_ms = deadline_ms, .done = on_answer, .argument = call}))
            return;
    }
    mem_free(call);
    done(done_argument, NULL);
}
