/* openapi_internal: the tables that the document is made of. All is constant. */
#ifndef ROUTES_OPENAPI_INTERNAL_H
#define ROUTES_OPENAPI_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "http/router.h"

#define ROUTE_ANSWERS_MAX 4
#define NO_BODY NULL

/* What one row of the route table asks and answers. */
struct route_doc {
    enum http_method method;
    const char *pattern; /* as in the route table */
    const char *id;      /* operationId */
    const char *summary;
    const char *parameters; /* besides those of the path: names of OPENAPI_PARAMETERS, one blank between; "" */
    const char *request;    /* the schema of its body; NO_BODY */
    /* Those that are no plain error; until status 0. */
    struct {
        int status;
        const char *schema; /* its name; NO_BODY; OPENAPI_METRICS */
    } answers[ROUTE_ANSWERS_MAX];
    const char *errors; /* statuses with the common shape that a client should expect, one blank between; "" */
};
extern const char OPENAPI_METRICS[]; /* text in one of two formats */
extern const struct route_doc ROUTE_DOCS[];
extern const size_t ROUTE_DOC_COUNT;

/* JSON with ' for ". */
struct openapi_part {
    const char *name, *json;
};
extern const struct openapi_part OPENAPI_SCHEMAS[], OPENAPI_PARAMETERS[];
extern const size_t OPENAPI_SCHEMA_COUNT, OPENAPI_PARAMETER_COUNT;

/* NULL: none. */
const struct route_doc *route_doc_find(const struct http_route *route);

#endif
