/* The exported functions of REST extensions: each looks into what it was given or calls the owner's table. */
#include "sdk/rest_host.h"

#include "base/bans.h"

/* Requests ----------------------------------------------------------------------------------------------------- */

const char *mr_rest_request_method(const struct mr_rest_request *request)
{
    return request->method;
}

const char *mr_rest_request_path(const struct mr_rest_request *request)
{
    return request->path;
}

const char *mr_rest_request_segment(const struct mr_rest_request *request, size_t index)
{
    return request->host->segment(request->owner, index);
}

const char *mr_rest_request_query(const struct mr_rest_request *request, const char *name)
{
    return name == NULL ? NULL : request->host->query(request->owner, name);
}

const char *mr_rest_request_header(const struct mr_rest_request *request, const char *name)
{
    return name == NULL ? NULL : request->host->header(request->owner, name);
}

struct mr_bytes mr_rest_request_body(const struct mr_rest_request *request)
{
    return request->body;
}

const char *mr_rest_request_caller(const struct mr_rest_request *request)
{
    return request->caller;
}

const char *mr_rest_request_client_address(const struct mr_rest_request *request)
{
    return request->client_address;
}

/* Answers ------------------------------------------------------------------------------------------------------ */

int mr_rest_answer_set(struct mr_rest_answer *answer, int status, const char *json)
{
    return answer->host->set(answer->owner, status, json);
}

int mr_rest_answer_add_header(struct mr_rest_answer *answer, const char *name, const char *value)
{
    return answer->host->add_header(answer->owner, name, value);
}

/* The cluster -------------------------------------------------------------------------------------------------- */

const char *mr_rest_context_cluster_id(const struct mr_rest_context *context)
{
    return context->host->cluster_id(context->owner);
}

int mr_rest_context_each_connector(struct mr_rest_context *context, mr_rest_connector_fn *visit, void *argument,
                                   struct mr_error **error)
{
    return context->host->each_connector(context->owner, visit, argument, error);
}

int mr_rest_context_each_unit(struct mr_rest_context *context, const char *connector, mr_rest_unit_fn *visit, void *argument,
                              struct mr_error **error)
{
    if (connector == NULL)
        return mr_error_set(error, MR_ERR_NOT_FOUND, "There is no connector without a name");
    return context->host->each_unit(context->owner, connector, visit, argument, error);
}
