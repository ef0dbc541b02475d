/* host.h: what the worker lends to plugins: log, clock, metrics, wake-ups.
 *
 * The table is handed to mr_module_v1 and stays valid until the process ends. Functions may be called from any thread,
 * never from a signal handler. New members come at the end: look at `size` before using one past version 1.0.
 */
#ifndef MILLRACE_HOST_H
#define MILLRACE_HOST_H

#include <millrace/error.h>

MR_BEGIN_DECLS

enum mr_log_level { MR_LOG_ERROR = 1, MR_LOG_WARN, MR_LOG_INFO, MR_LOG_DEBUG, MR_LOG_TRACE };

struct mr_host {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    const char *worker_version;
    /* `logger` is the plugin's class name or a dotted name below it. Lines longer than 8 KiB are cut. Never write secrets
	 * or record contents above DEBUG. The line carries connector and task when called on a task's thread. */
    void (*log)(enum mr_log_level level, const char *logger, const char *text);
    bool (*log_is_on)(enum mr_log_level level, const char *logger);
    int64_t (*clock_wall_ms)(void);      /* since the Unix epoch */
    int64_t (*clock_monotonic_ms)(void); /* for spans and deadlines */
};

/* Formats and logs in one call; `host` as given to mr_module_v1. */
MR_EXPORT void mr_log(const struct mr_host *host, enum mr_log_level level, const char *logger, const char *format, ...)
    MR_PRINTF(4, 5);

/* Metrics of one plugin instance (KIP-877); they appear beside the worker's own under the plugin's tags, and vanish
 * with the instance: nobody updates one after destroy. At most MR_METRICS_MAX per instance, names of 1 to 255 bytes, docs cut
 * at 1023. A further one, a bad name, a name that is taken by the other kind, and short memory give NULL; a name that is
 * known gives what it gave before. Updating NULL is fine, and so is asking NULL metrics. A counter only rises: a negative
 * amount is ignored, and so is setting it. Thread: any; updates take no lock. */
struct mr_metrics;
struct mr_metric;
#define MR_METRICS_MAX 64
MR_EXPORT struct mr_metric *mr_metric_counter(struct mr_metrics *metrics, const char *name, const char *doc);
MR_EXPORT struct mr_metric *mr_metric_gauge(struct mr_metrics *metrics, const char *name, const char *doc);
MR_EXPORT void mr_metric_add(struct mr_metric *metric, double amount);
MR_EXPORT void mr_metric_set(struct mr_metric *metric, double value);

/* A wake-up that the plugin owns: makes the worker call poll() (source) or put() (sink) of its task soon. For plugins
 * that wait for something in a thread, a callback or an event loop of their own. Waking a task that has ended is
 * harmless; take a reference for each thread that keeps it. Thread: any; also inside a callback that holds locks. */
struct mr_waker;
MR_EXPORT struct mr_waker *mr_waker_take(struct mr_waker *waker);
MR_EXPORT void mr_waker_drop(struct mr_waker *waker);
MR_EXPORT void mr_waker_wake(struct mr_waker *waker);

/* A result that comes later (dead letters). The holder drops it; dropping does not cancel. Thread: any. */
struct mr_future;
MR_EXPORT bool mr_future_is_done(const struct mr_future *future);
/* 0 done and worked, -1 failed or not done within timeout_ms (MR_ERR_TIMEOUT). */
MR_EXPORT int mr_future_wait(struct mr_future *future, uint32_t timeout_ms, struct mr_error **error);
MR_EXPORT struct mr_future *mr_future_take(struct mr_future *future);
MR_EXPORT void mr_future_drop(struct mr_future *future);

MR_END_DECLS
#endif
