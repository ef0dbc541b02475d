/* Which run of a worker answers at an address. */
#include "base/mem.h"
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

void forwarding_ask_boot(void *argument, const char *url, int64_t deadline_ms, leader_link_boot_fn *done, void *done_argument)
{
    struct forwarding *forwarding = argument;
    struct boot_call *call = mem_alloc(sizeof(*call));
    const char *why;

    if (call != NULL) {
        *call = (struct boot_call){done, done_argument};
        if (client_send(forwarding->client,
                        &(struct client_request){
                            .method = "GET", .url = url, .deadline_ms = deadline_ms, .done = on_answer, .argument = call},
                        &why))
            return;
    }
    mem_free(call);
    done(done_argument, NULL);
}
