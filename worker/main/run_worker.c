#include "run_worker.h"

#include <millrace/error.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "boot.h"
#include "logging/log_output.h"
#include "last_word.h"
#include "stop_signal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.main"
#define WORDS_MAX (32u << 10)
#define LAST_WORDS_MORE 100 /* what stands before them */
#define LOG_END_TIMEOUT_MS 2000 /* for whoever reads standard error */

/* Why it ends, with its causes, in one text. */
static char *words_of(const struct mr_error *error)
{
    struct str_buffer words;

    str_buffer_init(&words, WORDS_MAX);
    str_buffer_append_text(&words, mr_error_message(error));
    for (const struct mr_error *cause = mr_error_cause(error); cause != NULL; cause = mr_error_cause(cause))
        str_buffer_printf(&words, ": %s", mr_error_message(cause));
    return str_buffer_take(&words, NULL);
}

static int wait_for_the_end(struct boot *boot, char **words)
{
    const char *failure;
    bool had_run;

    last_word_wait(boot_herder(boot));
    failure = boot_failure(boot, &had_run);
    if (failure[0] == '\0') {
        log_info(LOG_NAME, "stopping");
        return 0;
    }
    log_error(LOG_NAME, "stopping: %s", failure);
    *words = mem_strdup(failure);
    return had_run ? EXIT_CLUSTER_LOST : EXIT_REFUSED;
}

static int start(const struct run_worker *run, struct boot *boot, char **words)
{
    struct mr_error *error = NULL;

    if (boot_start(boot, run->properties_path, &error) == 0 &&
        (run->begun == NULL || run->begun(boot_herder(boot), run->arguments, &error) == 0))
        return 0;
    *words = words_of(error);
    mr_error_drop(error);
    return -1;
}

/* The last line on standard error is the reason: whoever looks at the end of a log finds it. */
static void say_last(const struct run_worker *run, struct log_output *log, int status, const char *words)
{
    struct str_buffer line;

    if (status == 0)
        return;
    str_buffer_init(&line, WORDS_MAX + LAST_WORDS_MORE);
    str_buffer_printf(&line, "millrace %s: %s\n", run->command, words != NULL ? words : "no memory left on this machine");
    if (log != NULL)
        log_output_say(log, str_buffer_text(&line));
    else
        fputs(str_buffer_text(&line), stderr);
    str_buffer_release(&line);
}

/* false: nobody reads standard error, and a thread waits there; or one of a plugin's may still log. */
static bool end_log(struct log_output *log, bool is_clean)
{
    int64_t deadline_ms = clock_monotonic_ms(NULL) + LOG_END_TIMEOUT_MS;

    if (log == NULL)
        return true;
    return is_clean ? log_output_stop(log, deadline_ms) : log_output_flush(log, deadline_ms);
}

int run_worker(const struct run_worker *run)
{
    struct boot *boot = boot_create(run->mode);
    char *words = NULL;
    struct log_output *log;
    int status;
    bool is_clean;

    if (boot == NULL || !stop_signal_install()) {
        say_last(run, NULL, EXIT_REFUSED, "no memory or no file descriptor left on this machine");
        return EXIT_REFUSED;
    }
    status = start(run, boot, &words) == 0 ? wait_for_the_end(boot, &words) : EXIT_REFUSED;
    log = boot_log(boot);
    is_clean = boot_end(boot);
    if (status == 0)
        log_info(LOG_NAME, "stopped");
    say_last(run, log, status, words);
    mem_free(words);
    is_clean = end_log(log, is_clean) && is_clean;
    if (!is_clean) {
        fflush(NULL);
        _exit(status);
    }
    return status;
}
