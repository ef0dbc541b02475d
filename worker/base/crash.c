#include "base/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/log.h"
#include "base/plugin_call.h"

#include "base/bans.h"

#define STACK_BYTES (32u << 10) /* beyond what the kernel itself needs for a signal */
#define REPORT_MAX (12u << 10)
#define MAPS_LINE_MAX 512
#define TELL_PATIENCE_MS 500 /* for whoever reads standard error */

_Thread_local struct plugin_call plugin_call_now, plugin_call_last;

static const struct fatal {
    int number;
    const char *name;
} fatals[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}, {SIGABRT, "SIGABRT"},
};
#define FATALS (sizeof(fatals) / sizeof(fatals[0]))

static struct sigaction before[FATALS]; /* what takes its course after us: the default, or a sanitizer */
static char file_path[CRASH_PATH_MAX], worker_id[CRASH_TEXT_MAX];
static atomic_bool is_installed, is_reporting, is_replacing;

/* --- text; from here to on_fatal everything is async-signal-safe --------------------------------------------------------- */

static char report_memory[REPORT_MAX]; /* the first thread that crashes owns it */

struct text {
    char *at, *end;
};

static void put_char(struct text *text, char c)
{
    if (text->at < text->end)
        *text->at++ = c;
}

static void put(struct text *text, const char *words)
{
    for (; *words != '\0'; words++)
        put_char(text, *words);
}

static void put_number(struct text *text, uint64_t number, unsigned base, unsigned width)
{
    char digits[24];
    unsigned count = 0;

    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0 || count < width);
    while (count > 0)
        put_char(text, digits[--count]);
}

/* Text from outside, so that it stays on its line. */
static void put_escaped(struct text *text, const char *words)
{
    size_t left = CRASH_TEXT_MAX;

    for (; *words != '\0' && left > 0; words++, left--) {
        unsigned char c = (unsigned char)*words;

        if (c >= 0x20 && c != 0x7F && c != '\\') {
            put_char(text, *words);
            continue;
        }
        put(text, "\\x");
        put_number(text, c, 16, 2);
    }
}

static void put_pair(struct text *text, const char *name, const char *value)
{
    put(text, name);
    put(text, ": ");
    put_escaped(text, value);
    put_char(text, '\n');
}

static void put_number_pair(struct text *text, const char *name, uint64_t value, unsigned base)
{
    put(text, name);
    put(text, base == 16 ? ": 0x" : ": ");
    put_number(text, value, base, 1);
    put_char(text, '\n');
}

/* "2026-01-31 12:00:00,123" in UTC: the time zone cannot be asked for here. Days to dates as Howard Hinnant does it. */
static void put_time(struct text *text, int64_t wall_ms)
{
    uint64_t seconds = (uint64_t)wall_ms / 1000, z = seconds / 86400 + 719468, of_day = seconds % 86400;
    uint64_t era = z / 146097, day = z - era * 146097;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t of_year = day - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;

    put_number(text, year + era * 400 + (month >= 10), 10, 4);
    put_char(text, '-');
    put_number(text, month < 10 ? month + 3 : month - 9, 10, 2);
    put_char(text, '-');
    put_number(text, of_year - (153 * month + 2) / 5 + 1, 10, 2);
    put_char(text, ' ');
    put_number(text, of_day / 3600, 10, 2);
    put_char(text, ':');
    put_number(text, of_day / 60 % 60, 10, 2);
    put_char(text, ':');
    put_number(text, of_day % 60, 10, 2);
    put_char(text, ',');
    put_number(text, (uint64_t)wall_ms % 1000, 10, 3);
}

/* --- what happened -------------------------------------------------------------------------------------------------------- */

struct crash {
    const struct fatal *signal;
    const siginfo_t *info;
    uintptr_t code; /* address of the instruction */
    int64_t wall_ms;
    const struct log_context *context; /* NULL: this thread works for nobody */
    struct plugin_call call;           /* its `plugin` NULL: none yet */
    bool is_inside;                    /* of it; else it was the last one */
    const char *module; /* the file `code` lies in; "" not known */
    uintptr_t module_offset;
};

static uintptr_t code_address(const void *context)
{
    const ucontext_t *machine = context;
#if defined(__x86_64__)
    return (uintptr_t)machine->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)machine->uc_mcontext.pc;
#else
    (void)machine;
    return 0;
#endif
}

static uintptr_t hex_read(const char **at)
{
    uintptr_t number = 0;

    for (;; (*at)++) {
        char c = **at;
        if (c >= '0' && c <= '9')
            number = number * 16 + (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            number = number * 16 + (uintptr_t)(c - 'a' + 10);
        else
            return number;
    }
}

/* One line of maps(5): "start-end perms offset device inode   path". */
static bool maps_line_fits(char *line, struct crash *crash)
{
    const char *at = line, *path = strchr(line, '/');
    uintptr_t start = hex_read(&at), end;

    if (*at != '-' || path == NULL)
        return false;
    at++;
    end = hex_read(&at);
    if (crash->code < start || crash->code >= end || strlen(at) < 7)
        return false;
    at += 6; /* " r-xp " */
    crash->module_offset = crash->code - start + hex_read(&at);
    crash->module = path;
    return true;
}

static void find_module(struct crash *crash)
{
    static char line[MAPS_LINE_MAX];
    char block[1024];
    size_t length = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;

    crash->module = "";
    while (fd >= 0 && crash->module[0] == '\0' && (got = read(fd, block, sizeof(block))) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (block[i] != '\n') {
                if (length < sizeof(line) - 1)
                    line[length++] = block[i];
                continue;
            }
            line[length] = '\0';
            length = 0;
            if (maps_line_fits(line, crash))
                break;
        }
    }
    if (fd >= 0)
        close(fd);
}

/* kill(2) by somebody else: nobody here is to blame. */
static bool is_from_outside(const struct crash *crash)
{
    return crash->info->si_code == SI_USER && crash->info->si_pid != getpid();
}

/* --- telling -------------------------------------------------------------------------------------------------------------- */

static void write_all(int fd, const struct text *text, const char *from)
{
    while (from < text->at) {
        ssize_t written = write(fd, from, (size_t)(text->at - from));
        if (written < 0 && errno != EINTR)
            return;
        if (written > 0)
            from += written;
    }
}

static void put_plugin(struct text *text, const struct crash *crash)
{
    const struct plugin_name *plugin = crash->call.plugin;

    put_escaped(text, crash->call.name);
    put(text, " of ");
    put_escaped(text, plugin->class_name);
    put(text, " (");
    put_escaped(text, plugin->file);
    put_char(text, ')');
}

static void put_culprit(struct text *text, const struct crash *crash)
{
    if (is_from_outside(crash)) {
        put(text, " was sent by process ");
        put_number(text, (uint64_t)crash->info->si_pid, 10, 1);
    } else if (crash->call.plugin == NULL) {
        put(text, " outside of any plugin call");
    } else {
        put(text, crash->is_inside ? " inside " : " in the worker itself; the last plugin call of this thread was ");
        put_plugin(text, crash);
    }
    if (crash->module[0] != '\0') {
        put(text, ", at ");
        put_escaped(text, crash->module);
        put(text, "+0x");
        put_number(text, crash->module_offset, 16, 1);
    }
}

static void (*_Atomic flush_log)(void);

void crash_set_flush(void (*flush)(void))
{
    atomic_store(&flush_log, flush);
}

/* Whoever does not read standard error does not keep the process from its end. */
static bool can_tell(void)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&fd, 1, TELL_PATIENCE_MS) == 1;
}

/* A line as the log has them. */
static void tell_log(const struct crash *crash)
{
    struct text text = {report_memory, report_memory + sizeof(report_memory)};
    void (*flush)(void) = atomic_load(&flush_log);

    if (flush != NULL)
        flush();
    if (!can_tell())
        return;
    put_char(&text, '[');
    put_time(&text, crash->wall_ms);
    put(&text, "] FATAL ");
    if (crash->context != NULL) {
        put_escaped(&text, crash->context->text);
        put_char(&text, ' ');
    }
    put(&text, crash->signal->name);
    put_culprit(&text, crash);
    put(&text, "; the process ends");
    if (file_path[0] != '\0') {
        put(&text, "; a report is in ");
        put_escaped(&text, file_path);
    }
    put(&text, " (millrace.crash)\n");
    write_all(STDERR_FILENO, &text, report_memory);
}

static void put_report(struct text *text, const struct crash *crash)
{
    char thread[17] = "";

    put(text, "crash\n");
    put_number_pair(text, "time_ms", (uint64_t)crash->wall_ms, 10);
    put_pair(text, "worker", worker_id);
    put_number_pair(text, "process", (uint64_t)getpid(), 10);
    if (prctl(PR_GET_NAME, thread) == 0)
        put_pair(text, "thread", thread);
    put_pair(text, "signal", crash->signal->name);
    if (is_from_outside(crash))
        put_number_pair(text, "sender", (uint64_t)crash->info->si_pid, 10);
    else if (crash->signal->number != SIGABRT)
        put_number_pair(text, "address", (uintptr_t)crash->info->si_addr, 16);
    if (crash->context != NULL) {
        put_pair(text, "connector", crash->context->connector);
        if (crash->context->task >= 0)
            put_number_pair(text, "task", (uint64_t)crash->context->task, 10);
    }
    if (crash->call.plugin != NULL) {
        put_pair(text, "class", crash->call.plugin->class_name);
        put_pair(text, "file", crash->call.plugin->file);
        put_pair(text, "call", crash->call.name);
        put_pair(text, "inside", crash->is_inside ? "yes" : "no");
    }
    if (crash->module[0] != '\0') {
        put_pair(text, "module", crash->module);
        put_number_pair(text, "offset", crash->module_offset, 16);
    }
}

/* Every folder above the file that is not there yet. */
static void make_folders(void)
{
    static char folder[CRASH_PATH_MAX];

    for (size_t i = 0; file_path[i] != '\0'; i++) {
        if (file_path[i] == '/' && i > 0) {
            folder[i] = '\0';
            (void)mkdir(folder, 0700);
        }
        folder[i] = file_path[i];
    }
}

static void wait_for_replacing(void)
{
    for (int ms = 0; ms < CRASH_REPLACE_MS && atomic_load(&is_replacing); ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* -1: none is wanted, or it cannot be opened, which was said. */
static int open_file(void)
{
    struct text text = {report_memory, report_memory + sizeof(report_memory)};
    struct stat facts;
    int fd;

    if (file_path[0] == '\0')
        return -1;
    wait_for_replacing();
    make_folders();
    fd = open(file_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        put(&text, "the report of the crash could not be written (error ");
        put_number(&text, (uint64_t)errno, 10, 1);
        put(&text, ")\n");
        write_all(STDERR_FILENO, &text, report_memory);
        return -1;
    }
    if (fstat(fd, &facts) == 0 && facts.st_size > (off_t)CRASH_FILE_MAX && ftruncate(fd, 0) != 0)
        (void)0; /* then it grows */
    return fd;
}

/* --- the courier ---------------------------------------------------------------------------------------------------------- */

enum { COURIER_AWAY, COURIER_WAITS, COURIER_WALKS, COURIER_SENT, COURIER_FAILED };

static atomic_int courier = COURIER_AWAY;
static _Atomic(const char *) report_text;
static void (*wake_courier)(void);
static pthread_t courier_thread;

void crash_courier_begin(void (*wake)(void))
{
    wake_courier = wake;
    courier_thread = pthread_self();
    atomic_store(&courier, COURIER_WAITS);
}

void crash_courier_end(void)
{
    int waits = COURIER_WAITS;

    atomic_compare_exchange_strong(&courier, &waits, COURIER_AWAY);
}

const char *crash_courier_report(void)
{
    return atomic_load(&report_text);
}

void crash_courier_answer(bool is_sent)
{
    atomic_store(&courier, is_sent ? COURIER_SENT : COURIER_FAILED);
}

/* true: the report is where others see it. */
static bool send_report(const struct crash *crash)
{
    int waits = COURIER_WAITS;

    if (crash->context == NULL || !crash->is_inside || is_from_outside(crash) ||
        !atomic_compare_exchange_strong(&courier, &waits, COURIER_WALKS) || pthread_equal(courier_thread, pthread_self()))
        return false;
    atomic_store(&report_text, report_memory);
    wake_courier();
    for (int ms = 0; ms < CRASH_COURIER_MS && atomic_load(&courier) == COURIER_WALKS; ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return atomic_load(&courier) == COURIER_SENT;
}

/* In the file first: the courier may never come back. */
static void tell_others(const struct crash *crash)
{
    struct text text = {report_memory, report_memory + sizeof(report_memory) - 1};
    const char *end;
    int fd = open_file();

    put_report(&text, crash);
    *text.at = '\0';
    if (fd >= 0) {
        write_all(fd, &text, report_memory);
        fsync(fd);
    }
    end = send_report(crash) ? "sent: yes\n\n" : "\n";
    if (fd >= 0) {
        write_all(fd, &(struct text){.at = (char *)end + strlen(end)}, end);
        fsync(fd);
        close(fd);
    }
}

static void on_fatal(int number, siginfo_t *info, void *context)
{
    struct crash crash = {.info = info, .code = code_address(context), .context = log_context_top(),
                          .is_inside = plugin_call_now.plugin != NULL};
    struct timespec now;
    size_t row = 0;

    while (row < FATALS - 1 && fatals[row].number != number)
        row++;
    if (atomic_exchange(&is_reporting, true))
        for (;;)
            pause(); /* another thread was first; it ends the process */
    clock_gettime(CLOCK_REALTIME, &now);
    crash.call = crash.is_inside ? plugin_call_now : plugin_call_last;
    crash.signal = &fatals[row];
    crash.wall_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    find_module(&crash);
    tell_log(&crash);
    tell_others(&crash);
    /* A fault happens again at the same place, with the machine as it was; what was sent is sent again. */
    sigaction(number, &before[row], NULL);
    if (info->si_code <= 0)
        raise(number);
}

bool crash_replace_begin(void)
{
    atomic_store(&is_replacing, true); /* before the question: of the two, one sees the other */
    if (!atomic_load(&is_reporting))
        return true;
    atomic_store(&is_replacing, false);
    return false;
}

void crash_replace_end(void)
{
    atomic_store(&is_replacing, false);
}

/* --- set-up --------------------------------------------------------------------------------------------------------------- */

/* What thread had before (a sanitizer's), to be put back: it lies at the beginning of the block. */
struct stack_head {
    stack_t before;
    size_t size;
};

void *crash_stack_begin(void)
{
    size_t size = STACK_BYTES + getauxval(AT_MINSIGSTKSZ);
    struct stack_head *head;

    if (!atomic_load_explicit(&is_installed, memory_order_acquire))
        return NULL;
    head = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (head == MAP_FAILED)
        return NULL;
    head->size = size;
    if (sigaltstack(&(stack_t){.ss_sp = head + 1, .ss_size = size - sizeof(*head)}, &head->before) == 0)
        return head;
    munmap(head, size);
    return NULL;
}

void crash_stack_end(void *stack)
{
    struct stack_head *head = stack;

    if (head == NULL)
        return;
    sigaltstack(&head->before, NULL);
    munmap(head, head->size);
}

bool crash_install(const char *path, const char *worker)
{
    struct sigaction action;

    if (strlen(path) >= sizeof(file_path))
        return false;
    memcpy(file_path, path, strlen(path) + 1);
    memset(worker_id, 0, sizeof(worker_id));
    memcpy(worker_id, worker, strnlen(worker, sizeof(worker_id) - 1));
    if (atomic_exchange_explicit(&is_installed, true, memory_order_acq_rel))
        return true;
    (void)crash_stack_begin(); /* of the main thread: for as long as the process */
    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FATALS; i++)
        sigaddset(&action.sa_mask, fatals[i].number);
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    action.sa_sigaction = on_fatal;
    for (size_t i = 0; i < FATALS; i++)
        sigaction(fatals[i].number, &action, &before[i]);
    return true;
}
