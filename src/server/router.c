#include "server/router.h"
#include "base/assert.h"
#include "server/percent.h"
#include <stdlib.h>
#include <string.h>

#define NODES_MAX (OH_ROUTES_MAX * OH_ROUTE_SEGMENTS_MAX + 1)
#define EDGES_SIZE 4096u /* slots of the edge table, a power of two, at least half of them empty */
#define NODE_NONE 0u     /* the root is nobody's child */
#define ROUTE_NONE 0u

/* A place in the tree of segments. */
struct router_node {
    uint16_t param_child;              /* NODE_NONE: no "{name}" here */
    bool has_literals;                 /* else nothing needs to be looked for */
    uint32_t allowed_methods;          /* bits (1 << method) of those with a row */
    uint16_t routes[OH_METHOD_COUNT];  /* 1 + index of the row; ROUTE_NONE: none */
};

/* "From `parent`, the literal `segment` leads to `child`." */
struct router_edge {
    struct oh_bytes segment;
    uint16_t parent;
    uint16_t child; /* NODE_NONE: an empty slot */
};

struct oh_router {
    const struct oh_route *routes;
    size_t route_count;
    size_t node_count;
    struct router_node nodes[NODES_MAX];
    struct router_edge edges[EDGES_SIZE];
};

_Static_assert(EDGES_SIZE >= NODES_MAX, "every node but the root may be at the end of an edge");

static const char *const method_texts[] = {
#define ROUTER_METHOD_TEXT(name, number, text) [number] = text,
    OH_METHODS(ROUTER_METHOD_TEXT)
#undef ROUTER_METHOD_TEXT
};

const char *oh_method_text(enum oh_method method)
{
    return method_texts[method];
}

/* Of the first and the last eight bytes, which in a short segment overlap; edges are compared as a whole. */
static uint32_t segment_hash(struct oh_bytes segment)
{
    uint64_t words[2] = { 0, 0 };
    size_t size = segment.size < sizeof(words[0]) ? segment.size : sizeof(words[0]);
    oh_bytes_copy((char *)&words[0], segment.data, size);
    oh_bytes_copy((char *)&words[1], segment.data + segment.size - size, size);
    return (uint32_t)(((words[0] * 3 + words[1] + segment.size) * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* The slot that holds the edge, or the empty one where it belongs. */
static uint32_t edge_slot(const struct oh_router *router, uint16_t parent, struct oh_bytes segment)
{
    uint32_t slot = (segment_hash(segment) ^ parent) & (EDGES_SIZE - 1);
    while (router->edges[slot].child != NODE_NONE &&
           (router->edges[slot].parent != parent || !oh_bytes_equal(router->edges[slot].segment, segment)))
        slot = (slot + 1) & (EDGES_SIZE - 1);
    return slot;
}

static uint16_t router_add_node(struct oh_router *router)
{
    OH_ASSERT(router->node_count < NODES_MAX);
    return (uint16_t)router->node_count++;
}

static bool segment_is_param(struct oh_bytes segment)
{
    return segment.size > 2 && segment.data[0] == '{' && segment.data[segment.size - 1] == '}';
}

/* The node after one more segment of a pattern, made when it is new. */
static uint16_t router_step(struct oh_router *router, uint16_t node, struct oh_bytes segment)
{
    if (segment_is_param(segment)) {
        if (router->nodes[node].param_child == NODE_NONE)
            router->nodes[node].param_child = router_add_node(router);
        return router->nodes[node].param_child;
    }
    uint32_t slot = edge_slot(router, node, segment);
    if (router->edges[slot].child == NODE_NONE)
        router->edges[slot] =
            (struct router_edge){ .segment = segment, .parent = node, .child = router_add_node(router) };
    router->nodes[node].has_literals = true;
    return router->edges[slot].child;
}

/*
 * Splits at '/'. Returns the number of segments, or 0 when the path does not begin with '/', has an empty segment or
 * more than OH_ROUTE_SEGMENTS_MAX.
 */
static size_t path_split(struct oh_bytes path, struct oh_bytes segments[OH_ROUTE_SEGMENTS_MAX])
{
    size_t count = 0;
    size_t at = 0;
    while (at < path.size) {
        if (path.data[at] != '/' || count == OH_ROUTE_SEGMENTS_MAX)
            return 0;
        at++;
        const char *slash = memchr(path.data + at, '/', path.size - at);
        size_t size = slash == NULL ? path.size - at : (size_t)(slash - path.data) - at;
        if (size == 0)
            return 0;
        segments[count++] = (struct oh_bytes){ path.data + at, size };
        at += size;
    }
    return count;
}

static bool route_is_well_formed(const struct oh_route *route)
{
    bool has_handler = (route->handle != NULL) != (route->stream != NULL);
    bool has_method = route->method != OH_METHOD_HEAD && route->method < OH_METHOD_OPTIONS;
    return has_handler && has_method && route->pattern != NULL && route->name != NULL;
}

static void node_set_route(struct router_node *node, enum oh_method method, size_t index)
{
    node->routes[method] = (uint16_t)(index + 1);
    node->allowed_methods |= 1u << method;
}

static enum oh_err router_add(struct oh_router *router, size_t index, struct oh_diag *diag)
{
    const struct oh_route *route = &router->routes[index];
    struct oh_bytes segments[OH_ROUTE_SEGMENTS_MAX];
    size_t count = route_is_well_formed(route) ? path_split(oh_bytes_of(route->pattern), segments) : 0;
    size_t param_count = 0;
    uint16_t node = 0;
    for (size_t i = 0; i < count; i++) {
        param_count += segment_is_param(segments[i]) ? 1 : 0;
        node = router_step(router, node, segments[i]);
    }
    if (count == 0 || param_count > OH_PARAMS_MAX) {
        oh_diag_set(diag, "route %zu is malformed", index);
        return OH_E_INVALID;
    }
    if (router->nodes[node].routes[route->method] != ROUTE_NONE) {
        oh_diag_set(diag, "two routes for %s %s", oh_method_text(route->method), route->pattern);
        return OH_E_INVALID;
    }
    node_set_route(&router->nodes[node], route->method, index);
    if (route->method == OH_METHOD_GET)
        node_set_route(&router->nodes[node], OH_METHOD_HEAD, index);
    return OH_OK;
}

enum oh_err oh_router_create(const struct oh_route *routes, size_t count, struct oh_diag *diag,
                             struct oh_router **out_router)
{
    if (count > OH_ROUTES_MAX) {
        oh_diag_set(diag, "more than %d routes", OH_ROUTES_MAX);
        return OH_E_INVALID;
    }
    struct oh_router *router = calloc(1, sizeof(*router));
    if (router == NULL)
        return OH_E_NOMEM;
    router->routes = routes;
    router->route_count = count;
    router->node_count = 1;
    for (size_t i = 0; i < count; i++) {
        enum oh_err err = router_add(router, i, diag);
        if (err != OH_OK) {
            oh_router_destroy(&router);
            return err;
        }
    }
    *out_router = router;
    return OH_OK;
}

void oh_router_destroy(struct oh_router **router)
{
    free(*router);
    *router = NULL;
}

/* Decodes the segments of the path that need it, into scratch. False for a bad escape. */
static bool segments_decode(struct oh_bytes path, struct oh_bytes *segments, size_t count, char *scratch,
                            size_t scratch_size)
{
    if (memchr(path.data, '%', path.size) == NULL)
        return true;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (memchr(segments[i].data, '%', segments[i].size) == NULL)
            continue;
        size_t size = 0;
        if (segments[i].size > scratch_size - used ||
            oh_percent_decode(segments[i], scratch + used, &size) != OH_OK)
            return false;
        segments[i] = (struct oh_bytes){ scratch + used, size };
        used += size;
    }
    return true;
}

/* A parameter's way not tried yet. */
struct router_branch {
    uint16_t node;
    uint8_t depth; /* segments used before this place */
    uint8_t param_count;
};

/* One walk from a branch to the end of the path: literals first, remembering parameter siblings. */
struct router_walk {
    const struct oh_bytes *segments;
    size_t count;
    struct router_branch branches[OH_ROUTE_SEGMENTS_MAX];
    size_t branch_count;
};

/* Takes a parameter edge. NODE_NONE when the segment is too long or the pattern has too many. */
static uint16_t walk_param(const struct router_walk *walk, uint16_t node, size_t depth, struct oh_route_match *match)
{
    struct oh_bytes segment = walk->segments[depth];
    if (segment.size > OH_PARAM_SIZE_MAX || match->param_count == OH_PARAMS_MAX)
        return NODE_NONE;
    match->params[match->param_count++] = segment;
    return node;
}

static uint16_t walk_down(const struct oh_router *router, struct router_walk *walk, uint16_t node, size_t depth,
                          struct oh_route_match *match)
{
    for (size_t i = depth; i < walk->count; i++) {
        bool has_literals = router->nodes[node].has_literals;
        uint16_t literal = has_literals ? router->edges[edge_slot(router, node, walk->segments[i])].child : NODE_NONE;
        uint16_t param = router->nodes[node].param_child;
        if (literal != NODE_NONE && param != NODE_NONE)
            walk->branches[walk->branch_count++] =
                (struct router_branch){ .node = param, .depth = (uint8_t)i, .param_count = match->param_count };
        if (literal != NODE_NONE)
            node = literal;
        else
            node = param == NODE_NONE ? NODE_NONE : walk_param(walk, param, i, match);
        if (node == NODE_NONE)
            return NODE_NONE;
    }
    return node;
}

/* Notes what the node at the end of a walk has; true when it has a row for the method. */
static bool match_note(const struct oh_router *router, uint16_t node, enum oh_method method,
                       struct oh_route_match *match)
{
    match->allowed_methods |= router->nodes[node].allowed_methods;
    uint16_t index = router->nodes[node].routes[method];
    match->route = index == ROUTE_NONE ? NULL : &router->routes[index - 1];
    return match->route != NULL;
}

void oh_router_match(const struct oh_router *router, enum oh_method method, struct oh_bytes path, char *scratch,
                     size_t scratch_size, struct oh_route_match *out_match)
{
    out_match->route = NULL;
    out_match->allowed_methods = 0;
    out_match->param_count = 0;
    struct oh_bytes segments[OH_ROUTE_SEGMENTS_MAX];
    struct router_walk walk = { .segments = segments, .count = path_split(path, segments), .branch_count = 0 };
    if (walk.count == 0 || !segments_decode(path, segments, walk.count, scratch, scratch_size))
        return;
    uint16_t node = walk_down(router, &walk, 0, 0, out_match);
    while (node == NODE_NONE || !match_note(router, node, method, out_match)) {
        if (walk.branch_count == 0)
            return;
        struct router_branch branch = walk.branches[--walk.branch_count];
        out_match->param_count = branch.param_count;
        node = walk_param(&walk, branch.node, branch.depth, out_match);
        if (node != NODE_NONE)
            node = walk_down(router, &walk, node, (size_t)branch.depth + 1, out_match);
    }
}

size_t oh_router_count(const struct oh_router *router)
{
    return router->route_count;
}

const struct oh_route *oh_router_route(const struct oh_router *router, size_t index)
{
    OH_ASSERT(index < router->route_count);
    return &router->routes[index];
}

void oh_router_allow_text(uint32_t allowed_methods, struct oh_strbuf *out)
{
    bool is_first = true;
    for (unsigned i = 0; i < OH_METHOD_COUNT; i++) {
        if ((allowed_methods & (1u << i)) == 0)
            continue;
        if (!is_first)
            oh_strbuf_put_text(out, ", ");
        oh_strbuf_put_text(out, method_texts[i]);
        is_first = false;
    }
}
