#include "server/router.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void handle_nothing(void *app, struct oh_exchange *exchange)
{
    (void)app;
    (void)exchange;
}

#define ROUTE(method_, pattern_, name_) { OH_METHOD_##method_, OH_ROUTE_READ, pattern_, name_, handle_nothing, NULL }

static const struct oh_route routes[] = {
    ROUTE(GET, "/healthz", "healthz"),
    ROUTE(GET, "/v1/nodes", "nodes"),
    ROUTE(GET, "/v1/nodes/{node}", "node_get"),
    ROUTE(PUT, "/v1/nodes/{node}", "node_put"),
    ROUTE(POST, "/v1/stock/adjust", "adjust"),
    ROUTE(POST, "/v1/stock/sync", "sync"),
    ROUTE(GET, "/v1/stock/{sku}", "stock_sku"),
    ROUTE(GET, "/v1/stock/{sku}/{node}", "stock_sku_node"),
    ROUTE(GET, "/v1/stock/adjust/log", "adjust_log"),
    ROUTE(POST, "/v1/reservations/{id}/confirm", "confirm"),
    ROUTE(DELETE, "/v1/{a}/{b}/{c}/{d}", "four"),
};

static struct oh_router *router_of(const struct oh_route *rows, size_t count)
{
    struct oh_router *router = NULL;
    struct oh_diag diag;
    assert_int_equal(oh_router_create(rows, count, &diag, &router), OH_OK);
    return router;
}

/* "name(param,param)" of the match, or "404", or "405 GET, PUT". */
static const char *matched(const struct oh_router *router, enum oh_method method, const char *path)
{
    static char text[2048];
    char scratch[8192];
    struct oh_route_match match;
    struct oh_strbuf allow;
    oh_strbuf_init(&allow, 256);
    oh_router_match(router, method, oh_bytes_of(path), scratch, sizeof(scratch), &match);
    if (match.route == NULL) {
        oh_router_allow_text(match.allowed_methods, &allow);
        snprintf(text, sizeof(text), match.allowed_methods == 0 ? "404" : "405 %.*s", (int)allow.size,
                 allow.data == NULL ? "" : allow.data);
    } else {
        size_t size = (size_t)snprintf(text, sizeof(text), "%s(", match.route->name);
        for (unsigned i = 0; i < match.param_count; i++)
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%.*s", i == 0 ? "" : ",",
                                     (int)match.params[i].size, match.params[i].data);
        snprintf(text + size, sizeof(text) - size, ")");
    }
    oh_strbuf_fini(&allow);
    return text;
}

struct router_case {
    enum oh_method method;
    const char *path;
    const char *expected;
};

static void assert_cases(const struct router_case *cases, size_t count)
{
    struct oh_router *router = router_of(routes, sizeof(routes) / sizeof(routes[0]));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(matched(router, cases[i].method, cases[i].path), cases[i].expected);
    oh_router_destroy(&router);
    assert_null(router);
}

#define ASSERT_CASES(cases) assert_cases(cases, sizeof(cases) / sizeof(cases[0]))

static void test_router_finds_rows_and_their_parameters(void **state)
{
    static const struct router_case cases[] = {
        { OH_METHOD_GET, "/healthz", "healthz()" },
        { OH_METHOD_GET, "/v1/nodes", "nodes()" },
        { OH_METHOD_GET, "/v1/nodes/a", "node_get(a)" },
        { OH_METHOD_PUT, "/v1/nodes/a", "node_put(a)" },
        { OH_METHOD_HEAD, "/v1/nodes/a", "node_get(a)" },
        { OH_METHOD_GET, "/v1/stock/x/y", "stock_sku_node(x,y)" },
        { OH_METHOD_POST, "/v1/reservations/r-1/confirm", "confirm(r-1)" },
        { OH_METHOD_DELETE, "/v1/1/2/3/4", "four(1,2,3,4)" },
    };
    (void)state;
    ASSERT_CASES(cases);
}

static void test_router_answers_404_when_no_pattern_fits(void **state)
{
    static const struct router_case cases[] = {
        { OH_METHOD_GET, "", "404" },
        { OH_METHOD_GET, "/", "404" },
        { OH_METHOD_GET, "/v1", "404" },
        { OH_METHOD_GET, "/healthz/", "404" },
        { OH_METHOD_GET, "//healthz", "404" },
        { OH_METHOD_GET, "/v1//a", "404" },
        { OH_METHOD_GET, "/v1/nodes/", "404" },
        { OH_METHOD_GET, "/V1/nodes", "404" },
        { OH_METHOD_GET, "/v1/node", "404" },
        { OH_METHOD_GET, "/v1/nodesx", "404" },
        { OH_METHOD_GET, "/1/2/3/4/5/6/7/8/9", "404" },
        { OH_METHOD_POST, "/v1/reservations/r/confirmed", "404" },
    };
    (void)state;
    ASSERT_CASES(cases);
}

static void test_router_names_the_methods_of_a_path(void **state)
{
    static const struct router_case cases[] = {
        { OH_METHOD_POST, "/v1/nodes/a", "405 GET, HEAD, PUT" },
        { OH_METHOD_OPTIONS, "/healthz", "405 GET, HEAD" },
        { OH_METHOD_OTHER, "/v1/reservations/r/confirm", "405 POST" },
        { OH_METHOD_PUT, "/v1/stock/adjust", "405 GET, HEAD, POST" },
    };
    (void)state;
    ASSERT_CASES(cases);
}

static void test_router_tries_the_parameter_when_the_literal_has_no_such_method(void **state)
{
    static const struct router_case cases[] = {
        { OH_METHOD_POST, "/v1/stock/adjust", "adjust()" },
        { OH_METHOD_GET, "/v1/stock/adjust", "stock_sku(adjust)" },
        { OH_METHOD_GET, "/v1/stock/adjust/log", "adjust_log()" },
        { OH_METHOD_GET, "/v1/stock/adjust/paris", "stock_sku_node(adjust,paris)" },
        { OH_METHOD_DELETE, "/v1/reservations/r/confirm/now", "four(reservations,r,confirm,now)" },
    };
    (void)state;
    ASSERT_CASES(cases);
}

static void test_router_decodes_each_segment_once(void **state)
{
    static const struct router_case cases[] = {
        { OH_METHOD_GET, "/v1/nodes/a%20b", "node_get(a b)" },
        { OH_METHOD_GET, "/v1/nodes/a%2Fb", "node_get(a/b)" },
        { OH_METHOD_GET, "/v1/nodes/a%2fb%3F", "node_get(a/b?)" },
        { OH_METHOD_GET, "/v1/nodes/%2541", "node_get(%41)" },
        { OH_METHOD_GET, "/v1/nodes/a+b", "node_get(a+b)" },
        { OH_METHOD_GET, "/v1/nodes/caf%C3%A9", "node_get(caf\xc3\xa9)" },
        { OH_METHOD_GET, "/v1/%6eodes/x", "node_get(x)" },
        { OH_METHOD_GET, "/v1/stock/%41%42/%43", "stock_sku_node(AB,C)" },
        { OH_METHOD_GET, "/v1/nodes/%", "404" },
        { OH_METHOD_GET, "/v1/nodes/%4", "404" },
        { OH_METHOD_GET, "/v1/nodes/%4g", "404" },
        { OH_METHOD_GET, "/v1/nodes/%00", "404" },
        { OH_METHOD_GET, "/v1/nodes/..", "node_get(..)" },
    };
    (void)state;
    ASSERT_CASES(cases);
}

static void test_router_takes_a_parameter_up_to_its_limit(void **state)
{
    struct oh_router *router = router_of(routes, sizeof(routes) / sizeof(routes[0]));
    char path[512] = "/v1/nodes/";
    (void)state;
    memset(path + 10, 'a', OH_PARAM_SIZE_MAX);
    assert_memory_equal(matched(router, OH_METHOD_GET, path), "node_get(aaa", 12);
    path[10 + OH_PARAM_SIZE_MAX] = 'a';
    assert_string_equal(matched(router, OH_METHOD_GET, path), "404");
    oh_router_destroy(&router);
}

static void test_router_gives_back_its_table(void **state)
{
    struct oh_router *router = router_of(routes, sizeof(routes) / sizeof(routes[0]));
    (void)state;
    assert_int_equal(oh_router_count(router), sizeof(routes) / sizeof(routes[0]));
    for (size_t i = 0; i < oh_router_count(router); i++)
        assert_ptr_equal(oh_router_route(router, i), &routes[i]);
    oh_router_destroy(&router);
}

static void assert_refused(const struct oh_route *rows, size_t count)
{
    struct oh_router *router = NULL;
    struct oh_diag diag = { "" };
    assert_int_equal(oh_router_create(rows, count, &diag, &router), OH_E_INVALID);
    assert_null(router);
    assert_true(strlen(diag.text) > 0);
}

static void test_router_refuses_rows_that_collide_or_are_malformed(void **state)
{
    static const struct oh_route same[] = { ROUTE(GET, "/a/{b}", "x"), ROUTE(GET, "/a/{c}", "y") };
    static const struct oh_route wrong[] = {
        ROUTE(GET, "a", "x"),
        ROUTE(GET, "/", "x"),
        ROUTE(GET, "/a/", "x"),
        ROUTE(GET, "/a//b", "x"),
        ROUTE(GET, "/{a}/{b}/{c}/{d}/{e}", "x"),
        ROUTE(GET, "/1/2/3/4/5/6/7/8/9", "x"),
        ROUTE(HEAD, "/a", "x"),
        ROUTE(OTHER, "/a", "x"),
        { OH_METHOD_GET, OH_ROUTE_READ, "/a", "x", NULL, NULL },
        { OH_METHOD_GET, OH_ROUTE_READ, "/a", NULL, handle_nothing, NULL },
    };
    (void)state;
    assert_refused(same, 2);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_refused(&wrong[i], 1);
}

static void test_router_holds_exactly_its_maximum_of_routes(void **state)
{
    static struct oh_route rows[OH_ROUTES_MAX + 1];
    static char patterns[OH_ROUTES_MAX + 1][64];
    struct oh_router *router = NULL;
    (void)state;
    for (size_t i = 0; i <= OH_ROUTES_MAX; i++) {
        snprintf(patterns[i], sizeof(patterns[i]), "/%zu/a%zu/b/c/d/e/f/g", i, i);
        rows[i] = (struct oh_route)ROUTE(GET, patterns[i], "x");
    }
    router = router_of(rows, OH_ROUTES_MAX);
    for (size_t i = 0; i < OH_ROUTES_MAX; i++)
        assert_string_equal(matched(router, OH_METHOD_GET, patterns[i]), "x()");
    oh_router_destroy(&router);
    assert_refused(rows, OH_ROUTES_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_router_finds_rows_and_their_parameters),
        cmocka_unit_test(test_router_answers_404_when_no_pattern_fits),
        cmocka_unit_test(test_router_names_the_methods_of_a_path),
        cmocka_unit_test(test_router_tries_the_parameter_when_the_literal_has_no_such_method),
        cmocka_unit_test(test_router_decodes_each_segment_once),
        cmocka_unit_test(test_router_takes_a_parameter_up_to_its_limit),
        cmocka_unit_test(test_router_gives_back_its_table),
        cmocka_unit_test(test_router_refuses_rows_that_collide_or_are_malformed),
        cmocka_unit_test(test_router_holds_exactly_its_maximum_of_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
