#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "connector_head.h"

typedef int settings_reader(struct http_settings *settings, const struct mr_config *config, struct mr_error **error);

/* --- the connectors --------------------------------------------------------------------------------------------------------- */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static int connector_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    for (size_t i = 0; i < mr_config_count(config); i++)
        if (begins(mr_config_name_at(config, i), "reporter.")) {
            mr_log(http_host, MR_LOG_WARN, HTTP_LOGGER,
                   "reporter.* is not honoured: answers of the target are not written to topics; records that it "
                   "refuses go to "
                   "errors.deadletterqueue.topic.name");
            break;
        }
    return connector_head_start(self, config, error);
}

/* Which row the words of a finding begin with. */
static const char *option_named(const struct mr_config_def *def, const char *words)
{
    const char *longest = NULL;

    for (size_t i = 0; i < def->count; i++) {
        const char *name = def->rows[i].name;

        if (begins(words, name) && (longest == NULL || strlen(name) > strlen(longest)))
            longest = name;
    }
    return longest;
}

/* What the options say together, and what the files they name hold. */
static int validate(const struct mr_config_def *def, settings_reader *read, const struct mr_config *config,
                    struct mr_config_report *report)
{
    struct http_settings *settings = calloc(1, sizeof(*settings));
    struct client_tls files = {0};
    struct mr_error *why = NULL;
    int status = 0;

    if (settings == NULL)
        return -1;
    if (read(settings, config, &why) == 0)
        client_tls_open(&files, &settings->tls, &why);
    if (why != NULL)
        status = mr_config_report_error(report, option_named(def, mr_error_message(why)), "%s", mr_error_message(why));
    mr_error_drop(why);
    client_tls_close(&files);
    http_settings_release(settings);
    free(settings);
    return status;
}

static int validate_confluent(const struct mr_config *config, struct mr_config_report *report, struct mr_error **error)
{
    (void)error;
    return validate(&http_def_confluent, http_settings_confluent, config, report);
}

static int validate_aiven(const struct mr_config *config, struct mr_config_report *report, struct mr_error **error)
{
    (void)error;
    return validate(&http_def_aiven, http_settings_aiven, config, report);
}

static int connector_alter_offsets(const struct mr_config *config, const struct mr_offset_changes *changes,
                                   bool *handled, struct mr_error **error)
{
    (void)config, (void)changes, (void)error;
    *handled = true; /* the target keeps nothing that an offset could disagree with */
    return 0;
}

/* --- the task ------------------------------------------------------------------------------------------------------------------ */

static void *task_create(struct mr_sink_context *context, struct mr_error **error)
{
    struct http_task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
        return NULL;
    }
    task->context = context;
    return task;
}

static void make_metrics(struct http_task *task)
{
    struct mr_metrics *metrics = mr_sink_context_metrics(task->context);

    task->metrics.requests = mr_metric_counter(metrics, "http-requests-total", "Requests sent to the target.");
    task->metrics.retries =
        mr_metric_counter(metrics, "http-retries-total", "Requests that failed and are tried again.");
    task->metrics.throttled =
        mr_metric_counter(metrics, "http-throttled-total", "Requests put off by the target's own word.");
    task->metrics.refused =
        mr_metric_counter(metrics, "http-refused-records-total", "Records that the target refused.");
    task->metrics.bytes = mr_metric_counter(metrics, "http-sent-bytes-total", "Bytes of the bodies sent.");
}

/* For messages: the URL as it was configured, without its query, which may hold a key. */
static void say_where(struct http_task *task)
{
    const struct template *url = &task->settings.url;
    size_t at = (size_t)snprintf(task->where, sizeof(task->where), "%s ", task->settings.method);

    for (size_t i = 0; i < url->count && at < sizeof(task->where); i++) {
        const struct template_part *part = &url->parts[i];
        const char *query = part->kind == TEMPLATE_TEXT ? strchr(part->text, '?') : NULL;
        int size = query == NULL ? (int)strlen(part->text) : (int)(query - part->text);

        at += (size_t)snprintf(task->where + at, sizeof(task->where) - at,
                               part->kind == TEMPLATE_TEXT ? "%.*s" : "${%.*s}", size, part->text);
        if (query != NULL)
            return;
    }
}

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

static char *basic_of(const char *user, const char *password)
{
    struct http_oauth2 pair = {.client_id = user, .client_secret = password == NULL ? "" : password};
    char *line = token_basic(&pair), *text = line == NULL ? NULL : strdup(line + strlen("Authorization: Basic "));

    wipe(line);
    return text;
}

static int make_credentials(struct http_task *task, struct mr_error **error)
{
    const struct http_settings *settings = &task->settings;
    bool fine = true;

    if (settings->auth == HTTP_AUTH_OAUTH2) {
        task->token_form = token_form(&settings->oauth2);
        task->token_basic = settings->oauth2.credentials_in_form ? NULL : token_basic(&settings->oauth2);
        fine = task->token_form != NULL && (task->token_basic != NULL || settings->oauth2.credentials_in_form);
        task->form_secret = token_form_value(settings->oauth2.client_secret);
        fine = fine && task->form_secret != NULL;
    } else if (settings->auth == HTTP_AUTH_BASIC) {
        task->basic_text = basic_of(settings->user, settings->password);
        fine = task->basic_text != NULL;
    }
    if (settings->proxy_host != NULL && settings->proxy_user != NULL) {
        task->proxy_text = basic_of(settings->proxy_user, settings->proxy_password);
        fine = fine && task->proxy_text != NULL;
    }
    return fine ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for credentials");
}

static int start(struct http_task *task, settings_reader *read, const struct mr_config *config, struct mr_error **error)
{
    if (read(&task->settings, config, error) != 0)
        return -1;
    task->has_settings = true;
    task->dice = (unsigned)http_host->clock_wall_ms() + mr_sink_context_task(task->context);
    task->arena = mr_arena_create(PUT_BYTES_MAX);
    if (task->arena == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
    say_where(task);
    make_metrics(task);
    if (!task->settings.tls.checks_peer || !task->settings.tls.checks_host)
        mr_log(http_host, MR_LOG_WARN, HTTP_LOGGER,
               "%s: the target's certificate is not checked%s; whoever answers is believed", task->where,
               task->settings.tls.checks_peer ? " for its name" : "");
    if (make_credentials(task, error) != 0)
        return -1;
    task->client = http_client_open(&task->settings, error);
    return task->client == NULL ? -1 : 0;
}

static int start_confluent(void *self, const struct mr_config *config, struct mr_error **error)
{
    return start(self, http_settings_confluent, config, error);
}

static int start_aiven(void *self, const struct mr_config *config, struct mr_error **error)
{
    return start(self, http_settings_aiven, config, error);
}

static int task_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct http_task *task = self;

    if (count > 0)
        return sink_run(task, records, count, error);
    mr_arena_clear(task->arena);
    return 0;
}

/* Whoever has the partitions next may be told to begin elsewhere: what comes back later is sent whatever was. */
static int task_close(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    struct http_task *task = self;

    (void)partitions, (void)error;
    delivered_clear(&task->delivered);
    task->comes_in_parts = task->knows_a_part = false;
    return 0;
}

static void task_request_stop(void *self)
{
    struct http_task *task = self;
    struct http_client *client = task->client;

    atomic_store(&task->is_stopping, true);
    if (client != NULL)
        http_client_interrupt(client);
}

static void task_stop(void *self)
{
    struct http_task *task = self;

    http_client_close(task->client);
    task->client = NULL;
}

static void task_destroy(void *self)
{
    struct http_task *task = self;

    task_stop(task);
    delivered_clear(&task->delivered);
    attempts_release(&task->attempts);
    token_release(&task->token);
    wipe(task->token_form);
    wipe(task->token_basic);
    wipe(task->basic_text);
    wipe(task->proxy_text);
    wipe(task->form_secret);
    mr_arena_destroy(task->arena);
    if (task->has_settings)
        http_settings_release(&task->settings);
    free(task);
}

#define TASK_OPS(start_function)                                                                                       \
    {                                                                                                                  \
        .size = sizeof(struct mr_sink_task_ops), .create = task_create, .start = (start_function), .put = task_put,    \
        .close = task_close, .request_stop = task_request_stop, .stop = task_stop, .destroy = task_destroy             \
    }

static const struct mr_sink_task_ops confluent_task = TASK_OPS(start_confluent), aiven_task = TASK_OPS(start_aiven);

#define CONNECTOR_OPS(task_class, check, task_ops)                                                                     \
    {                                                                                                                  \
        .size = sizeof(struct mr_sink_connector_ops), .task_class_name = (task_class),                                 \
        .create = connector_head_create, .start = connector_start, .task_configs = connector_head_all_tasks,           \
        .stop = connector_head_stop, .destroy = connector_head_destroy, .validate = (check),                           \
        .alter_offsets = connector_alter_offsets, .task = (task_ops)                                                   \
    }

static const struct mr_sink_connector_ops confluent_ops =
    CONNECTOR_OPS("io.confluent.connect.http.HttpSinkTask", validate_confluent, &confluent_task);
static const struct mr_sink_connector_ops aiven_ops =
    CONNECTOR_OPS("io.aiven.kafka.connect.http.HttpSinkTask", validate_aiven, &aiven_task);

const struct mr_plugin http_confluent_plugin = {
    .size = sizeof(http_confluent_plugin),
    .kind = MR_PLUGIN_SINK,
    .class_name = HTTP_CONFLUENT_CLASS,
    .version = HTTP_SINK_VERSION,
    .doc = "Sends records to an HTTP target, one by one or in batches; with the options of Confluent's HTTP sink.",
    .config_def = &http_def_confluent,
    .ops = &confluent_ops,
};

const struct mr_plugin http_aiven_plugin = {
    .size = sizeof(http_aiven_plugin),
    .kind = MR_PLUGIN_SINK,
    .class_name = HTTP_AIVEN_CLASS,
    .version = HTTP_SINK_VERSION,
    .doc = "Sends records to an HTTP target, one by one or in batches; with the options of Aiven's HTTP sink.",
    .config_def = &http_def_aiven,
    .ops = &aiven_ops,
};
