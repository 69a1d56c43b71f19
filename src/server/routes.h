/*
 * routes.h - the table of all routes. docs/openapi.yaml is held to it by a test. Any thread: constant.
 */
#ifndef ONHAND_SERVER_ROUTES_H
#define ONHAND_SERVER_ROUTES_H

#include "base/strbuf.h"
#include "server/router.h"
#include <stddef.h>

/* Lends the table; its `app` is a struct oh_service. */
const struct oh_route *oh_routes(size_t *out_count);

/* One line each, "GET /v1/nodes/{node}". */
void oh_routes_put_text(struct oh_strbuf *out);

#endif
