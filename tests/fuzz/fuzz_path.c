/*
 * fuzz_path.c - paths: escapes and the choice of a route, against a twin that tries every route.
 *
 * Input: one byte that says which method, and whether of the server or of a table in which many routes fit; then a
 * path of visible ASCII: a head with any other byte in its target is refused before (http_head.h).
 * Laws: the same route, the same parameters, the same allowed methods as the twin; among several routes that fit, the
 * one whose first segment that differs is a word and not a parameter.
 */
#include "base/assert.h"
#include "fuzz/fuzz.h"
#include "server/router.h"
#include "server/routes.h"
#include <stdio.h>
#include <string.h>

#define INPUT_SIZE_MAX 2048u

/* ---- Tables ----------------------------------------------------------------------------------- */

static void nothing_handle(void *app, struct oh_exchange *exchange)
{
    (void)app;
    (void)exchange;
}

#define ROW(row_method, row_pattern)                                                       \
    {                                                                                      \
        .method = OH_METHOD_##row_method, .pattern = (row_pattern), .name = (row_pattern), \
        .handle = nothing_handle                                                           \
    }

/* Words and parameters in each other's place. */
static const struct oh_route crossing[] = {
    ROW(GET, "/a/b"),         ROW(PUT, "/a/{x}"),     ROW(POST, "/{x}/b"),     ROW(DELETE, "/{x}/{y}"),
    ROW(GET, "/{x}/b/{y}"),   ROW(GET, "/a/{x}/c"),   ROW(PUT, "/a/b/{x}"),    ROW(GET, "/{x}/{y}/c"),
    ROW(PUT, "/{x}/{y}/{z}"), ROW(GET, "/a/{x}/c/d"), ROW(POST, "/a/b/{x}/d"), ROW(GET, "/{x}/b/c/{y}"),
};

struct table {
    const struct oh_route *routes;
    size_t count;
    struct oh_router *router;
};

static struct table table_make(const struct oh_route *routes, size_t count)
{
    struct table table = { routes, count, NULL };
    struct oh_diag diag = { "" };
    enum oh_err err = oh_router_create(routes, count, &diag, &table.router);
    OH_ASSERT(err == OH_OK);
    return table;
}

static const struct table *table_choose(bool is_crossing)
{
    static struct table tables[2];
    if (tables[0].router == NULL) {
        size_t count = 0;
        const struct oh_route *routes = oh_routes(&count);
        tables[0] = table_make(routes, count);
        tables[1] = table_make(crossing, sizeof(crossing) / sizeof(crossing[0]));
    }
    return &tables[is_crossing ? 1 : 0];
}

/* ---- The twin --------------------------------------------------------------------------------- */

struct twin_match {
    bool fits;
    uint32_t param_count;
    char params[OH_PARAMS_MAX][OH_PARAM_SIZE_MAX];
    size_t param_sizes[OH_PARAMS_MAX];
    char words[OH_ROUTE_SEGMENTS_MAX +
               1]; /* 'a' a word, 'b' a parameter: the smaller text is the better match */
};

/* False: a bad escape, or a NUL. */
static bool twin_decode(const char *text, size_t size, char *out, size_t *out_size)
{
    *out_size = 0;
    for (size_t at = 0; at < size; at++) {
        unsigned value = (unsigned char)text[at];
        if (text[at] == '%') {
            char digits[3] = "";
            if (size - at < 3)
                return false;
            memcpy(digits, text + at + 1, 2);
            if (strspn(digits, "0123456789abcdefABCDEF") != 2)
                return false;
            value = (unsigned)strtoul(digits, NULL, 16);
            at += fuzz_is_planted() ? 1 : 2;
        }
        if (value == 0)
            return false;
        out[(*out_size)++] = (char)value;
    }
    return true;
}

/* One segment of a pattern and of the path, decoded. */
static bool twin_segment(struct oh_bytes pattern, const char *text, size_t size, struct twin_match *match,
                         size_t depth)
{
    bool is_param = pattern.size > 2 && pattern.data[0] == '{';
    match->words[depth] = is_param ? 'b' : 'a';
    match->words[depth + 1] = '\0';
    if (!is_param)
        return oh_bytes_equal(pattern, (struct oh_bytes){ text, size });
    if (size > OH_PARAM_SIZE_MAX || match->param_count == OH_PARAMS_MAX)
        return false;
    memcpy(match->params[match->param_count], text, size);
    match->param_sizes[match->param_count++] = size;
    return true;
}

/* Takes "/segment" off the front. */
static bool segment_take(struct oh_bytes *rest, struct oh_bytes *out)
{
    if (rest->size == 0 || rest->data[0] != '/')
        return false;
    const char *end = memchr(rest->data + 1, '/', rest->size - 1);
    size_t size = end == NULL ? rest->size - 1 : (size_t)(end - rest->data) - 1;
    *out = (struct oh_bytes){ rest->data + 1, size };
    *rest = (struct oh_bytes){ rest->data + 1 + size, rest->size - 1 - size };
    return true;
}

static struct twin_match twin_fit(const struct oh_route *route, struct oh_bytes path)
{
    static char text[INPUT_SIZE_MAX];
    struct twin_match match = { .fits = false };
    struct oh_bytes pattern = oh_bytes_of(route->pattern);
    struct oh_bytes wanted;
    struct oh_bytes segment;
    for (size_t depth = 0; segment_take(&pattern, &wanted); depth++) {
        size_t size = 0;
        if (!segment_take(&path, &segment) || segment.size == 0 ||
            !twin_decode(segment.data, segment.size, text, &size) ||
            !twin_segment(wanted, text, size, &match, depth))
            return match;
    }
    match.fits = path.size == 0;
    return match;
}

static bool method_fits(enum oh_method asked, enum oh_method has)
{
    return asked == has || (asked == OH_METHOD_HEAD && has == OH_METHOD_GET);
}

static uint32_t methods_of(enum oh_method method)
{
    return 1u << method | (method == OH_METHOD_GET ? 1u << OH_METHOD_HEAD : 0);
}

/* The best fit of that method; without one, *out_allowed has the methods of every route that fits. */
static const struct oh_route *twin_route(const struct table *table, enum oh_method method,
                                         struct oh_bytes path, struct twin_match *out, uint32_t *out_allowed)
{
    const struct oh_route *routes = table->routes;
    const struct oh_route *best = NULL;
    *out_allowed = 0;
    for (size_t i = 0; i < table->count; i++) {
        struct twin_match match = twin_fit(&routes[i], path);
        if (!match.fits)
            continue;
        *out_allowed |= methods_of(routes[i].method);
        if (method_fits(method, routes[i].method) && (best == NULL || strcmp(match.words, out->words) < 0)) {
            best = &routes[i];
            *out = match;
        }
    }
    return best;
}

/* ---- Comparing -------------------------------------------------------------------------------- */

static bool is_visible(struct oh_bytes path)
{
    for (size_t i = 0; i < path.size; i++) {
        if (path.data[i] < 0x21 || path.data[i] > 0x7e)
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct twin_match twin;
    char scratch[INPUT_SIZE_MAX];
    uint32_t allowed = 0;
    if (size < 1 || size > INPUT_SIZE_MAX)
        return 0;
    struct oh_bytes path = { (const char *)data + 1, size - 1 };
    enum oh_method method = (enum oh_method)(data[0] % OH_METHOD_COUNT);
    const struct table *table = table_choose(data[0] >= OH_METHOD_COUNT);
    if (!is_visible(path))
        return 0;
    const struct oh_route *route = twin_route(table, method, path, &twin, &allowed);
    struct oh_route_match match;
    oh_router_match(table->router, method, path, scratch, sizeof(scratch), &match);
    OH_ASSERT(match.route == route);
    if (route == NULL) {
        OH_ASSERT(match.allowed_methods == allowed);
        return 0;
    }
    OH_ASSERT(match.param_count == twin.param_count);
    for (uint32_t i = 0; i < match.param_count; i++)
        OH_ASSERT(oh_bytes_equal(match.params[i], (struct oh_bytes){ twin.params[i], twin.param_sizes[i] }));
    return 0;
}
