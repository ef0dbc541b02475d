/* Offsets of a sink connector over REST (KIP-875): what its consumer group has committed. No task is asked. */
#include <millrace/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secrets.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "config/variables.h"
#include "config/worker_config.h"
#include "executor/executor_internal.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"
#include "loader/loader.h"

#include "base/bans.h"

#define AGAIN_MS 100 /* after an answer that says "later" */
#define WORDS_MAX (16u << 10)
#define NAME_MAX_BYTES (64u << 10) /* of a client or group; longer ones are an error */

/* What it takes to ask about the group. Embedded: _open → … → _close, also after a failed open. */
struct group_client {
    const struct executor *executor;
    const struct executor_group *of;
    struct string_map *resolved;
    char *client_id, *group;
    struct admin *admin;
};

/* --- the client ------------------------------------------------------------------------------------------------------- */

static char *joined(const char *before, const char *name)
{
    struct str_buffer text;

    str_buffer_init(&text, NAME_MAX_BYTES);
    str_buffer_printf(&text, "%s%s", before, name);
    return str_buffer_take(&text, NULL);
}

/* The policy may refuse now what it allowed when the connector was made. */
static int check_overrides(const struct group_client *client, struct mr_error **error)
{
    const struct executor_setup *setup = &client->executor->setup;
    const struct loader_plugin *plugin;
    struct connector_validation validation = {
        .loader = setup->loader, .worker = setup->worker, .name = client->of->connector, .raw = client->of->config};

    if (connector_config_plugin(setup->loader, client->resolved, &plugin, error) != 0)
        return -1;
    return connector_config_check_offset_overrides(&validation, plugin, client->resolved, error);
}

/* As the connector's consumers have it. */
static int find_group(struct group_client *client, struct client_layers layers, struct mr_error **error)
{
    char *usual = joined("connect-", client->of->connector);
    struct string_map *consumer;
    const char *group;

    layers.group_id = usual;
    consumer = usual == NULL ? NULL : client_properties_for(CLIENT_CONSUMER, &layers);
    group = consumer == NULL ? NULL : string_map_get(consumer, "group.id");
    client->group = mem_strdup(group);
    string_map_destroy(consumer);
    mem_free(usual);
    return client->group != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the name of a group");
}

/* Warnings about the settings were given when the tasks started. */
static int open_admin(struct group_client *client, const struct client_layers *layers, struct mr_error **error)
{
    struct client_findings findings;
    struct client_config *config;

    client_findings_init(&findings);
    config = client_config_for(CLIENT_ADMIN, layers, &findings, error);
    if (config != NULL)
        client->admin = admin_open(config, client->executor->setup.graveyard, error);
    client_config_drop(config);
    client_findings_release(&findings);
    return client->admin != NULL ? 0 : -1;
}

static int resolve_and_open(struct group_client *client, struct mr_error **error)
{
    const struct executor_setup *setup = &client->executor->setup;
    struct client_layers layers = {.worker = setup->worker->properties};

    client->resolved = variables_resolve(setup->variables, client->of->config, NULL, error);
    if (client->resolved == NULL || check_overrides(client, error) != 0)
        return -1;
    client->client_id = joined("connector-worker-adminclient-", client->of->connector);
    if (client->client_id == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for an admin client");
    layers.connector = client->resolved;
    layers.client_id = client->client_id;
    return find_group(client, layers, error) == 0 ? open_admin(client, &layers, error) : -1;
}

static int group_client_open(struct group_client *client, struct mr_error **error)
{
    bool before = secrets_trial(true);
    int status = resolve_and_open(client, error);
    secrets_trial(before);
    return status;
}

/* `why` is what went wrong, or NULL; the caller gets it behind a sentence, with what config providers answered hidden. */
static int group_client_close(struct group_client *client, struct mr_error *why, struct mr_error **error,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));
static int group_client_close(struct group_client *client, struct mr_error *why, struct mr_error **error,
                              const char *format, ...)
{
    char words[WORDS_MAX];
    va_list args;

    admin_close(client->admin);
    variables_hide_error(client->of->config, client->resolved, &why);
    string_map_destroy(client->resolved);
    mem_free(client->client_id);
    mem_free(client->group);
    if (why == NULL)
        return 0;
    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    mr_error_set(error, MR_ERR_CONNECT, "%s: %s", words, mr_error_message(why));
    mr_error_drop(why);
    return -1;
}

/* --- asking ------------------------------------------------------------------------------------------------------------ */

/* A coordinator that moves or loads: librdkafka hands such answers to us. */
static bool is_worth_another(const struct group_client *client, int status, struct mr_error **error)
{
    if (status == 0 || *error == NULL || mr_error_code(*error) != MR_ERR_RETRIABLE ||
        clock_monotonic_ms(NULL) + AGAIN_MS >= client->of->deadline_ms)
        return false;
    mr_error_clear(error);
    nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
    return true;
}

static int list(const struct group_client *client, struct admin_offsets *offsets, struct mr_error **error)
{
    int status;

    do {
        status = admin_list_group_offsets(client->admin, client->group, offsets, client->of->deadline_ms, error);
    } while (is_worth_another(client, status, error));
    return status;
}

int executor_read_group_offsets(const struct executor *executor, const struct executor_group *of,
                                executor_group_offset_fn *each, void *argument, struct mr_error **error)
{
    struct group_client client = {.executor = executor, .of = of};
    struct admin_offsets offsets = {0};
    struct mr_error *why = NULL;
    int status = group_client_open(&client, &why);

    if (status == 0)
        status = list(&client, &offsets, &why);
    for (size_t i = 0; status == 0 && i < offsets.count; i++)
        status = each(argument,
                      &(struct executor_group_offset){.topic = offsets.items[i].topic,
                                                      .partition = offsets.items[i].partition,
                                                      .offset = offsets.items[i].offset},
                      &why);
    admin_offsets_release(&offsets);
    return group_client_close(&client, why, error, "Failed to retrieve consumer group offsets for sink connector %s",
                              of->connector);
}

/* --- changing ---------------------------------------------------------------------------------------------------------- */

#define STILL_MEMBERS                                                                                                  \
    " either because its tasks haven't stopped completely yet or the connector was resumed before the request to %s "  \
    "its offsets could be successfully completed, or because others are in its consumer group, too. If the connector " \
    "is in a stopped state, this operation can be safely retried: a task that was lost with its worker stays a "       \
    "member "                                                                                                          \
    "until its session is over"

static int close_changed(struct group_client *client, struct mr_error *why, const char *what, struct mr_error **error)
{
    if (why != NULL && mr_error_code(why) == MR_ERR_CONFLICT)
        return group_client_close(client, why, error,
                                  "Failed to %s consumer group offsets for connector %s" STILL_MEMBERS, what,
                                  client->of->connector, what);
    return group_client_close(client, why, error, "Failed to %s consumer group offsets for connector %s", what,
                              client->of->connector);
}

/* What no cluster would take, so that nothing is written of a request that has it. */
static int check_offsets(const struct executor_group_offset *offsets, size_t count, struct mr_error **error)
{
    for (size_t i = 0; i < count; i++) {
        const struct executor_group_offset *offset = &offsets[i];

        if (*offset->topic == '\0' || offset->partition < 0)
            return mr_error_set(error, MR_ERR_CONFIG, "there is no partition %s-%d", offset->topic,
                                (int)offset->partition);
        if (!offset->is_removed && offset->offset < 0)
            return mr_error_set(error, MR_ERR_CONFIG, "the offset of %s-%d is negative", offset->topic,
                                (int)offset->partition);
    }
    return 0;
}

/* Those that are removed, or those that are not; the texts stay the caller's. */
static size_t pick(struct admin_offset *picked, const struct executor_group_offset *offsets, size_t count,
                   bool is_removed)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        if (offsets[i].is_removed == is_removed)
            picked[found++] = (struct admin_offset){.topic = (char *)(uintptr_t)offsets[i].topic,
                                                    .partition = offsets[i].partition,
                                                    .offset = offsets[i].is_removed ? 0 : offsets[i].offset};
    return found;
}

typedef int change_fn(struct admin *admin, const char *group, const struct admin_offset *offsets, size_t count,
                      int64_t deadline_ms, struct mr_error **error);

static int change(const struct group_client *client, change_fn *order, const struct admin_offset *offsets, size_t count,
                  struct mr_error **error)
{
    int status;

    if (count == 0)
        return 0;
    do {
        status = order(client->admin, client->group, offsets, count, client->of->deadline_ms, error);
    } while (is_worth_another(client, status, error));
    return status;
}

/* Two orders; the second is given also when the first has failed, as Kafka Connect does it. */
static void change_all(const struct group_client *client, const struct executor_group_offset *offsets, size_t count,
                       struct mr_error **error)
{
    struct admin_offset *picked = mem_calloc(count + 1, sizeof(*picked));
    struct mr_error *second = NULL;

    if (picked == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a group's offsets");
        return;
    }
    change(client, admin_alter_group_offsets, picked, pick(picked, offsets, count, false), error);
    change(client, admin_delete_group_offsets, picked, pick(picked, offsets, count, true), &second);
    if (*error == NULL)
        *error = second;
    else
        mr_error_drop(second);
    mem_free(picked);
}

int executor_alter_group_offsets(const struct executor *executor, const struct executor_group *of,
                                 const struct executor_group_offset *offsets, size_t count, struct mr_error **error)
{
    struct group_client client = {.executor = executor, .of = of};
    struct mr_error *why = NULL;

    if (check_offsets(offsets, count, &why) == 0 && group_client_open(&client, &why) == 0)
        change_all(&client, offsets, count, &why);
    return close_changed(&client, why, "alter", error);
}

int executor_delete_group(const struct executor *executor, const struct executor_group *of, struct mr_error **error)
{
    struct group_client client = {.executor = executor, .of = of};
    struct mr_error *why = NULL;
    int status;

    if (group_client_open(&client, &why) == 0)
        do {
            status = admin_delete_group(client.admin, client.group, of->deadline_ms, &why);
        } while (is_worth_another(&client, status, &why));
    return close_changed(&client, why, "reset", error);
}
