/*
 * extension_routes: REST extensions as this room has them (extensions/extensions.h): the stage that shows requests to their filters, the
 * paths they serve, and what they may ask of the cluster.
 */
#ifndef ROUTES_EXTENSION_ROUTES_H
#define ROUTES_EXTENSION_ROUTES_H

#include "routes/dispatch.h"

struct mr_error;
struct rest_context;
struct rest_setup;

/* Makes context->extensions and context->extension_routes. */
int extension_routes_init(struct rest_context *context, const struct rest_setup *setup, struct mr_error **error);
/* Nothing is passed on any more; who is served is answered 503. false: a call is still inside: the context, the herder and the plugins
 * must stay. */
bool extension_routes_stop(struct rest_context *context);
/* After it, when nobody asks any more; also after a failed or no _init. */
void extension_routes_release(struct rest_context *context);

/* A stage of dispatch.h. Health, metrics and what workers sign for each other pass unseen. */
dispatch_stage_fn extension_routes_filter;
/* All methods of the paths below an extension's prefix. */
http_handler extension_serve;

#endif
