#include "identity/azure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/error.h>

#include "base/string_map.h"
#include "identity/token_settings.h"

#include "base/bans.h"

#define URL_MAX 2048
#define DEFAULT_SCOPE "/.default"

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static int put(struct string_map *map, const char *name, const char *value, struct mr_error **error)
{
    if (value == NULL || string_map_put(map, name, value))
        return 0;
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the settings of an identity");
}

/* A directory's id or name stands in a path. */
static bool is_tenant(const char *text)
{
    return *text != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == strlen(text);
}

static int missing(struct mr_error **error, const char *name)
{
    return mr_error_set(error, MR_ERR_CONFIG, "workload identity needs %s, which is not in the environment: label the pod "
                        "azure.workload.identity/use: \"true\", and annotate its service account with azure.workload.identity/client-id", name);
}

static int workload(struct string_map *map, const struct azure_wish *wish, struct mr_error **error)
{
    char url[URL_MAX];
    const char *file = environment("AZURE_FEDERATED_TOKEN_FILE"), *authority = environment("AZURE_AUTHORITY_HOST");
    const char *client = wish->client_id != NULL ? wish->client_id : environment("AZURE_CLIENT_ID");
    const char *tenant = wish->tenant_id != NULL ? wish->tenant_id : environment("AZURE_TENANT_ID");
    if (file == NULL)
        return missing(error, "AZURE_FEDERATED_TOKEN_FILE");
    if (client == NULL)
        return missing(error, "AZURE_CLIENT_ID");
    if (tenant == NULL)
        return missing(error, "AZURE_TENANT_ID");
    if (!is_tenant(tenant))
        return mr_error_set(error, MR_ERR_CONFIG, "the tenant id must be the id or the domain of a directory");
    if (authority == NULL)
        authority = "https://login.microsoftonline.com";
    size_t length = strlen(authority);
    while (length > 0 && authority[length - 1] == '/')
        length--;
    if (snprintf(url, sizeof url, "%.*s/%s/oauth2/v2.0/token", (int)length, authority, tenant) >= (int)sizeof url)
        return mr_error_set(error, MR_ERR_CONFIG, "AZURE_AUTHORITY_HOST is too long");
    return put(map, TOKEN_KIND, "client_credentials", error) != 0 || put(map, TOKEN_URL, url, error) != 0 ||
           put(map, TOKEN_CLIENT_ID, client, error) != 0 || put(map, TOKEN_ASSERTION_FILE, file, error) != 0 ||
           put(map, TOKEN_SCOPE, wish->scope, error) != 0 ? -1 : 0;
}

static int managed(struct string_map *map, const struct azure_wish *wish, struct mr_error **error)
{
    char url[URL_MAX], resource[URL_MAX];
    const char *host = environment("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    const char *client = wish->client_id != NULL ? wish->client_id : environment("AZURE_CLIENT_ID");
    size_t length = strlen(wish->scope), end = strlen(DEFAULT_SCOPE);
    if (length > end && strcmp(wish->scope + length - end, DEFAULT_SCOPE) == 0)
        length -= end;
    if (host == NULL)
        host = AZURE_METADATA_HOST;
    size_t host_length = strlen(host);
    while (host_length > 0 && host[host_length - 1] == '/')
        host_length--;
    if (snprintf(url, sizeof url, "%.*s/metadata/identity/oauth2/token", (int)host_length, host) >= (int)sizeof url ||
        snprintf(resource, sizeof resource, "%.*s", (int)length, wish->scope) >= (int)sizeof resource)
        return mr_error_set(error, MR_ERR_CONFIG, "the scope, or AZURE_POD_IDENTITY_AUTHORITY_HOST, is too long");
    return put(map, TOKEN_KIND, "managed_identity", error) != 0 || put(map, TOKEN_URL, url, error) != 0 ||
           put(map, TOKEN_RESOURCE, resource, error) != 0 || put(map, TOKEN_CLIENT_ID, client, error) != 0 ? -1 : 0;
}

int azure_settings(struct string_map *map, const struct azure_wish *wish, struct mr_error **error)
{
    bool is_workload = wish->identity == AZURE_WORKLOAD_IDENTITY ||
                       (wish->identity == AZURE_ANY_IDENTITY && environment("AZURE_FEDERATED_TOKEN_FILE") != NULL);
    if (wish->scope == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "an identity of Azure needs a scope, as https://NAMESPACE.servicebus.windows.net/.default");
    return is_workload ? workload(map, wish, error) : managed(map, wish, error);
}
