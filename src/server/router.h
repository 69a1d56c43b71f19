/*
 * router.h - from method and path to the row of a static table.
 *
 * Not here: what a route does (handle_*.c), limits, replies.
 * Thread: built before the loop starts, read-only after; any thread may then read it.
 *
 * Rules. A pattern is literal segments and "{name}" segments. A path is split at '/', each segment is percent-decoded
 * (exactly once), then compared. A literal wins over a parameter at the same place; when its way has no row for the
 * method, the parameter's way is tried, so that GET /v1/stock/{sku} finds a SKU named "adjust" too. An empty
 * segment, a trailing slash, a bad escape or a NUL byte matches nothing. A "%2F" is a byte of its segment.
 */
#ifndef ONHAND_SERVER_ROUTER_H
#define ONHAND_SERVER_ROUTER_H

#include "onhand/error.h"
#include "server/exchange.h"

#define OH_ROUTES_MAX 256
#define OH_ROUTE_SEGMENTS_MAX 8

/* Requests of one class share one latency histogram. X(name, number, metric label). */
#define OH_ROUTE_CLASSES(X)             \
    X(OH_ROUTE_READ, 0, "read")         \
    X(OH_ROUTE_WRITE, 1, "write")       \
    X(OH_ROUTE_IMPORT, 2, "import")     \
    X(OH_ROUTE_ADMIN, 3, "admin")

enum oh_route_class {
#define OH_ROUTE_CLASS_ENUM(name, number, label) name = (number),
    OH_ROUTE_CLASSES(OH_ROUTE_CLASS_ENUM)
#undef OH_ROUTE_CLASS_ENUM
};
#define OH_ROUTE_CLASS_COUNT 4

typedef void oh_route_handler_fn(void *app, struct oh_exchange *exchange);

/* Callbacks of a streamed body; exchange.h says when each is called. `closed` may be NULL. */
struct oh_stream_handlers {
    void (*begin)(void *app, struct oh_exchange *exchange);
    bool (*data)(void *app, struct oh_exchange *exchange, struct oh_bytes bytes);
    void (*end)(void *app, struct oh_exchange *exchange);
    void (*closed)(void *app, struct oh_exchange *exchange);
};

/* One row. HEAD needs no row of its own: it is answered by the GET row. */
struct oh_route {
    enum oh_method method;
    enum oh_route_class route_class;
    const char *pattern;                      /* "/v1/reservations/{id}/confirm" */
    const char *name;                         /* metric label, "reservation_confirm", unique */
    oh_route_handler_fn *handle;              /* or NULL when `stream` is set */
    const struct oh_stream_handlers *stream;  /* NULL: the body is buffered up to limits.body_size_max */
};

struct oh_router;

struct oh_route_match {
    const struct oh_route *route;    /* NULL: no such path, or no such method on it */
    uint32_t allowed_methods;        /* bits (1 << method) the path has; 0: no such path */
    uint8_t param_count;
    struct oh_bytes params[OH_PARAMS_MAX];
};

/*
 * oh_router_create - compile a table.
 *
 * Errors: OH_E_INVALID with diag when two rows collide, a pattern is malformed, or a limit above is passed;
 *         OH_E_NOMEM.
 * Owner:  borrows the rows until oh_router_destroy. Gives the router.
 */
enum oh_err oh_router_create(const struct oh_route *routes, size_t count, struct oh_diag *diag,
                             struct oh_router **out_router) OH_MUST_CHECK;
void oh_router_destroy(struct oh_router **router);

/*
 * oh_router_match - find the row.
 *
 * Owner: params point into path, or into scratch[0..scratch_size) where decoding was needed; scratch_size >=
 *        path.size.
 * Cost:  one hash look-up per segment, independent of the number of routes.
 */
void oh_router_match(const struct oh_router *router, enum oh_method method, struct oh_bytes path, char *scratch,
                     size_t scratch_size, struct oh_route_match *out_match);

/* The table, for tests and metrics. index < oh_router_count(). */
size_t oh_router_count(const struct oh_router *router);
const struct oh_route *oh_router_route(const struct oh_router *router, size_t index);

/* Writes "GET, HEAD, PUT" for an Allow header. */
void oh_router_allow_text(uint32_t allowed_methods, struct oh_strbuf *out);

#endif
