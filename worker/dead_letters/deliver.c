/* Straight into the connector's pipeline: by a task of its plugin that is ours alone, with the configuration of one of its tasks. */
#include "dead_letters/replay_internal.h"

#include <millrace/connector.h>
#include <millrace/module.h>

#include "base/secrets.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/connector_config.h"
#include "config/plugin_options.h"
#include "config/variables.h"
#include "loader/loader.h"
#include "pipeline/sink_pipeline.h"
#include "task/sink_feed.h"

#include "base/bans.h"

#define SAFE_TIMEOUT_MS 30000 /* for the plugin to say that a batch is safe */

int letters_may_deliver(const struct dead_letters *letters, bool is_trial, struct mr_error **error)
{
    if (letters->config->kind != CONNECTOR_SINK)
        return mr_error_set(error, MR_ERR_CONFIG, "\"into\": only records of a sink were read, and can go into its pipeline again");
    if (letters->task_config == NULL && !is_trial)
        return mr_error_set(error, MR_ERR_CONFIG, "\"into\" needs the configuration of one of the connector's tasks, and none is known: it is stopped, "
                            "or was not started yet, or comes from a file");
    return 0;
}

/* Under the lock the feed is seen by whoever interrupts, from before its plugin is called. */
static int show_feed(struct dead_letters *letters, struct sink_feed *feed)
{
    mutex_lock(&letters->feed_lock);
    letters->feed = feed;
    bool is_interrupted = letters->is_interrupted;
    mutex_unlock(&letters->feed_lock);
    return is_interrupted ? -1 : 0;
}

static struct sink_feed *make_feed(struct dead_letters *letters, struct mr_error **error)
{
    const struct connector_errors *errors = &letters->config->errors;
    const struct sink_pipeline_setup pipeline = {
        .loader = letters->loader, .connector = letters->resolved, .worker = letters->worker->properties};
    const struct loader_plugin *plugin;
    if (connector_config_plugin(letters->loader, letters->resolved, &plugin, error) != 0)
        return NULL;
    letters->task_resolved = variables_resolve(letters->variables, letters->task_config, NULL, error);
    struct mr_config *own = letters->task_resolved == NULL ? NULL : plugin_options_read(plugin, letters->task_resolved, NULL, NULL, error);
    if (own == NULL)
        return NULL;
    return sink_feed_create(&(struct sink_feed_setup){.connector = letters->config->name,
                                                      .name = &plugin->name,
                                                      .plugin = plugin->sink->task,
                                                      .config = own,
                                                      .pipeline = &pipeline,
                                                      .retry_timeout_ms = errors->retry_timeout_ms,
                                                      .retry_delay_max_ms = errors->retry_delay_max_ms,
                                                      .isolate = errors->isolate,
                                                      .flush_timeout_ms = SAFE_TIMEOUT_MS},
                            error);
}

/* What a plugin means by a code is not what it would mean to whoever asked. */
static int tell_plugins_failure(struct mr_error **error)
{
    struct mr_error *failure = *error;
    *error = NULL;
    replay_tell_error(failure, MR_ERR_CONNECT, error);
    mr_error_drop(failure);
    return -1;
}

static int start_feed(struct dead_letters *letters, struct mr_error **error)
{
    struct sink_feed *feed = make_feed(letters, error);
    if (feed == NULL)
        return mr_error_wrap(error, "the connector's pipeline cannot be made");
    if (show_feed(letters, feed) != 0)
        return mr_error_set(error, MR_ERR_TIMEOUT, "it was given up, since the connector took too long");
    return sink_feed_start(feed, error) == 0 ? 0 : tell_plugins_failure(error);
}

int letters_deliver(struct dead_letters *letters, struct sink_feed_item *items, size_t count, int64_t deadline_ms, struct mr_error **error)
{
    int status = letters->feed == NULL ? start_feed(letters, error) : 0;
    if (status == 0 && sink_feed_put(letters->feed, items, count, deadline_ms, error) != 0)
        status = tell_plugins_failure(error);
    for (size_t i = 0; i < count; i++)
        secrets_hide_text(items[i].why);
    if (status != 0) {
        variables_hide_error(letters->raw, letters->resolved, error);
        if (letters->task_resolved != NULL)
            variables_hide_error(letters->task_config, letters->task_resolved, error);
    }
    return status;
}

void letters_end_feed(struct dead_letters *letters)
{
    mutex_lock(&letters->feed_lock);
    struct sink_feed *feed = letters->feed;
    letters->feed = NULL;
    mutex_unlock(&letters->feed_lock);
    sink_feed_destroy(feed);
}

void dead_letters_interrupt(struct dead_letters *letters)
{
    mutex_lock(&letters->feed_lock);
    letters->is_interrupted = true;
    if (letters->feed != NULL)
        sink_feed_interrupt(letters->feed);
    mutex_unlock(&letters->feed_lock);
}
