/* The admin client of a sink connector, and which group is its own. */
#include "executor/group_client_internal.h"

#include <millrace/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
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
    client->starts_at_end = consumer != NULL && strcmp(string_map_get_or(consumer, "auto.offset.reset", ""), "latest") == 0;
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

int group_client_open(struct group_client *client, struct mr_error **error)
{
    bool before = secrets_trial(true);
    int status = resolve_and_open(client, error);
    secrets_trial(before);
    return status;
}

int group_client_close(struct group_client *client, struct mr_error *why, struct mr_error **error, const char *format, ...)
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

bool group_client_may_ask_again(const struct group_client *client, int status, struct mr_error **error)
{
    if (status == 0 || *error == NULL || mr_error_code(*error) != MR_ERR_RETRIABLE ||
        clock_monotonic_ms(NULL) + AGAIN_MS >= client->of->deadline_ms)
        return false;
    mr_error_clear(error);
    nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
    return true;
}
