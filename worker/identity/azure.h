/*
 * azure: which identity a process has in Azure, from the environment that Azure's own libraries read, as settings of a token source.
 *
 *   workload identity   AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_AUTHORITY_HOST (https://login.microsoftonline.com):
 *                       what the webhook of AKS puts into a pod. The file is read anew for each token, as Kubernetes renews it.
 *   managed identity    the metadata service of the machine, http://169.254.169.254 (AZURE_POD_IDENTITY_AUTHORITY_HOST: another address);
 *                       AZURE_CLIENT_ID names one of several.
 *
 * thread: any; the environment does not change while a worker runs.
 */
#ifndef IDENTITY_AZURE_H
#define IDENTITY_AZURE_H

struct mr_error;
struct string_map;

#define AZURE_METADATA_HOST "http://169.254.169.254"

enum azure_identity {
    AZURE_WORKLOAD_IDENTITY,
    AZURE_MANAGED_IDENTITY,
    AZURE_ANY_IDENTITY, /* the first where its environment is there, else the second */
};

/* Texts may be NULL: what the environment says. */
struct azure_wish {
    enum azure_identity identity;
    const char *client_id, *tenant_id;
    const char *scope; /* "https://NAMESPACE.servicebus.windows.net/.default"; needed. For the metadata service without its last part */
};

/* Adds to the map. -1: MR_ERR_CONFIG: what is missing and where it should come from; MR_ERR_NO_MEMORY. */
int azure_settings(struct string_map *map, const struct azure_wish *wish, struct mr_error **error);

#endif
