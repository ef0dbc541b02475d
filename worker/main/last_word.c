#include "last_word.h"

#include <millrace/error.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/crash_file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/string_map.h"
#include "herder/herder.h"
#include "stop_signal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.crash"
#define WRITE_TIMEOUT_MS 30000 /* more than the process has left: a write with less is not begun */

static void destroy_report(void *report)
{
    string_map_destroy(report);
}

/* false: the others do not know of it; the next start will tell them. */
static bool say(struct herder *herder, const char *report)
{
    int64_t deadline_ms = clock_monotonic_ms(NULL) + WRITE_TIMEOUT_MS;
    struct ptr_array reports;
    struct mr_error *error = NULL;
    char *text = mem_strdup(report);
    bool is_said;

    ptr_array_init(&reports, destroy_report);
    is_said = text != NULL && crash_file_parse(text, &reports) && reports.count == 1 &&
              herder_tell_crash(herder, reports.items[0], deadline_ms, &error) == 0;
    if (!is_said)
        log_warn(LOG_NAME, "the other workers are not told of this crash: %s",
                 error != NULL ? mr_error_message(error) : "no memory");
    mr_error_drop(error);
    ptr_array_release(&reports);
    mem_free(text);
    return is_said;
}

void last_word_wait(struct herder *herder)
{
    if (herder_has_cluster(herder))
        crash_courier_begin(stop_signal_raise);
    stop_signal_wait();
    if (crash_courier_report() != NULL) {
        crash_courier_answer(say(herder, crash_courier_report()));
        for (;;)
            pause();
    }
    crash_courier_end();
}
