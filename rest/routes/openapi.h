/*
 * openapi: the description of the REST API, OpenAPI 3.1, made of the route table (routes.c), the words for each route
 * (route_docs.c) and the shapes of bodies (openapi_schemas.c). GET /openapi.json answers with it.
 *
 * Every route that is served is in it. Shapes are closed (additionalProperties false) wherever an answer has fixed members;
 * open are only what connectors choose: names of options, partitions and offsets of sources. Errors are one shape, at every
 * path, under `default`.
 * Made once, when the REST server starts; at most OPENAPI_LENGTH_MAX bytes.
 */
#ifndef ROUTES_OPENAPI_H
#define ROUTES_OPENAPI_H

#include <stdbool.h>
#include <stddef.h>

#define OPENAPI_LENGTH_MAX (256u << 10)

struct rest_auth_config;
struct str_buffer;

/* Appends the document, with administrative routes or without. `auth`: the ways to log in of the worker that it describes; NULL: of any
 * worker, so all ways, and none. false: no memory; the buffer has failed. */
bool openapi_write(struct str_buffer *out, bool with_admin, const struct rest_auth_config *auth);

#endif
