#include "base/prng.h"
#include "codec/query.h"
#include "support/small_ledger.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MUTATIONS       200000

static const char *const known[] = { "node",   "limit", "min_quantity", "explain", "kind",
                                     "status", "near",  "radius_km",    "after",   "by",   NULL };

static void parse(const char *raw, struct oh_param_list *out)
{
    struct oh_fault fault;
    if (oh_params_parse(oh_bytes_of(raw), known, out, &fault) != OH_OK)
        fail_msg("%s: %s %s", raw, fault.code, fault.detail);
}

static void assert_bytes(struct oh_bytes bytes, const char *text)
{
    assert_true(oh_bytes_equal(bytes, oh_bytes_of(text)));
}

static void test_query_decodes_names_and_values(void **state)
{
    (void)state;
    struct oh_param_list params;
    parse("node=Lyon+Part%20Dieu%26&after=&&lim%69t=5&explain", &params);
    assert_bytes(oh_params_text(&params, "node"), "Lyon Part Dieu&");
    assert_bytes(oh_params_text(&params, "limit"), "5");
    assert_false(oh_params_has(&params, "after"));
    assert_false(oh_params_has(&params, "explain"));
    assert_false(oh_params_has(&params, "kind"));
    parse("node=a=b", &params);
    assert_bytes(oh_params_text(&params, "node"), "a=b");
    parse("node=%C3%A9", &params);
    assert_bytes(oh_params_text(&params, "node"), "\xc3\xa9");
    parse("", &params);
    assert_int_equal(params.count, 0);
}

static void test_query_names_the_parameter_when_it_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *code;
        const char *field;
    } rows[] = {
        { "nodes=a", "invalid_query", "nodes" },
        { "node=a&Node=b", "invalid_query", "Node" },
        { "node=a&node=a", "invalid_query", "node" },
        { "node=a&n%6Fde=b", "invalid_query", "node" },
        { "node=&node=b", "invalid_query", "node" },
        { "node=%", "invalid_query", "node" },
        { "node=%4", "invalid_query", "node" },
        { "node=%zz", "invalid_query", "node" },
        { "node=%00", "invalid_query", "node" },
        { "%=5", "invalid_query", "" },
        { "=5", "invalid_query", "" },
        { "node=%FF", "invalid_encoding", "node" },
        { "node=%C3", "invalid_encoding", "node" },
        { "%FF=1", "invalid_query", "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oh_param_list params;
        struct oh_fault fault = { .code = "ok" };
        enum oh_err err = oh_params_parse(oh_bytes_of(rows[i].raw), known, &params, &fault);
        if (err != OH_E_SYNTAX || strcmp(fault.code, rows[i].code) != 0 ||
            strcmp(fault.field, rows[i].field) != 0)
            fail_msg("%s: %s '%s'", rows[i].raw, fault.code, fault.field);
    }
}

static void test_query_has_at_most_its_stated_size(void **state)
{
    (void)state;
    char raw[OH_PARAM_TEXT_SIZE_MAX + 8];
    struct oh_param_list params;
    struct oh_fault fault;
    memset(raw, 'x', sizeof(raw));
    memcpy(raw, "node=", 5);
    assert_int_equal(
        oh_params_parse((struct oh_bytes){ raw, OH_PARAM_TEXT_SIZE_MAX }, known, &params, &fault), OH_OK);
    assert_int_equal(
        oh_params_parse((struct oh_bytes){ raw, OH_PARAM_TEXT_SIZE_MAX + 1 }, known, &params, &fault),
        OH_E_SYNTAX);
    assert_string_equal(fault.code, "too_long");
    parse("node=x", &params);
    struct oh_bytes id = OH_BYTES_NONE;
    assert_int_equal(oh_params_id(&params, "node", &id, &fault), OH_OK);
    assert_bytes(id, "x");
    assert_int_equal(oh_params_parse((struct oh_bytes){ raw, 5 + 64 }, known, &params, &fault), OH_OK);
    assert_int_equal(oh_params_id(&params, "node", &id, &fault), OH_OK);
    assert_int_equal(oh_params_parse((struct oh_bytes){ raw, 5 + 65 }, known, &params, &fault), OH_OK);
    assert_int_equal(oh_params_id(&params, "node", &id, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "too_long");
    assert_string_equal(fault.field, "node");
}

static void test_query_reads_whole_numbers_in_range(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *code; /* NULL: good */
        int64_t value;
    } rows[] = {
        { "limit=1", NULL, 1 },
        { "limit=1000", NULL, 1000 },
        { "limit=", NULL, 100 },
        { "node=a", NULL, 100 },
        { "limit=0", "out_of_range", 0 },
        { "limit=1001", "out_of_range", 0 },
        { "limit=-1", "out_of_range", 0 },
        { "limit=99999999999999999999999", "out_of_range", 0 },
        { "limit=1.5", "wrong_type", 0 },
        { "limit=ten", "wrong_type", 0 },
        { "limit=1+", "wrong_type", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oh_param_list params;
        struct oh_fault fault = { .code = "ok" };
        int64_t value = 100;
        parse(rows[i].raw, &params);
        enum oh_err err = oh_params_integer(&params, "limit", 1, 1000, &value, &fault);
        if (rows[i].code == NULL) {
            assert_int_equal(err, OH_OK);
            assert_true(value == rows[i].value);
        } else {
            assert_int_equal(err, OH_E_SYNTAX);
            assert_string_equal(fault.code, rows[i].code);
            assert_string_equal(fault.field, "limit");
            assert_true(value == 100);
        }
    }
}

static void test_query_reads_decimals_words_and_booleans(void **state)
{
    (void)state;
    struct oh_param_list params;
    struct oh_fault fault;
    int64_t milli = 0;
    bool is_set = false;
    enum oh_kind kind = OH_KIND_ANY;
    enum oh_status status = OH_STATUS_HELD;
    parse("min_quantity=1.5&explain=1&kind=ship&status=released", &params);
    assert_int_equal(oh_params_milli(&params, "min_quantity", 0, 5000, &milli, &fault), OH_OK);
    assert_true(milli == 1500);
    assert_int_equal(oh_params_milli(&params, "min_quantity", 2000, 5000, &milli, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "out_of_range");
    assert_int_equal(oh_params_bool(&params, "explain", &is_set, &fault), OH_OK);
    assert_true(is_set);
    assert_int_equal(oh_params_kind(&params, "kind", &kind, &fault), OH_OK);
    assert_int_equal(kind, OH_KIND_SHIP);
    is_set = false;
    assert_int_equal(oh_params_status(&params, "status", &is_set, &status, &fault), OH_OK);
    assert_true(is_set && status == OH_STATUS_RELEASED);
    int64_t by_us = -1;
    parse("", &params);
    assert_int_equal(oh_params_time(&params, "by", &by_us, &fault), OH_OK);
    assert_true(by_us == -1);
    parse("by=2199-12-31T23:59:59Z", &params);
    assert_int_equal(oh_params_time(&params, "by", &by_us, &fault), OH_OK);
    assert_true(by_us == OH_TIME_US_MAX - 1000000);
    static const char *const bad_times[] = { "by=2200-01-01T00:00:00Z", "by=1969-12-31T23:59:59Z", "by=tomorrow",
                                             "by=2026-11-22" };
    for (size_t i = 0; i < sizeof(bad_times) / sizeof(bad_times[0]); i++) {
        parse(bad_times[i], &params);
        assert_int_equal(oh_params_time(&params, "by", &by_us, &fault), OH_E_SYNTAX);
        assert_string_equal(fault.code, "invalid_time");
        assert_string_equal(fault.field, "by");
    }
    parse("min_quantity=1.2345&explain=yes&kind=SHIP&status=gone", &params);
    assert_int_equal(oh_params_milli(&params, "min_quantity", 0, 5000, &milli, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "number_not_exact");
    assert_int_equal(oh_params_bool(&params, "explain", &is_set, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "wrong_type");
    assert_int_equal(oh_params_kind(&params, "kind", &kind, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.field, "kind");
    assert_int_equal(oh_params_status(&params, "status", &is_set, &status, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "invalid_value");
}

static void test_query_reads_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *code; /* NULL: good */
        const char *field;
    } rows[] = {
        { "near=48.85,2.35&radius_km=10.5", NULL, "" },
        { "near=-90,180", NULL, "" },
        { "node=a", NULL, "" },
        { "radius_km=5", "invalid_query", "radius_km" },
        { "near=48.85", "invalid_value", "near" },
        { "near=48.85,", "invalid_value", "near" },
        { "near=,2", "invalid_value", "near" },
        { "near=1,2,3", "invalid_value", "near" },
        { "near=a,b", "invalid_value", "near" },
        { "near=nan,1", "invalid_value", "near" },
        { "near=90.1,2", "out_of_range", "near" },
        { "near=1,-180.1", "out_of_range", "near" },
        { "near=:75011", "invalid_value", "near" },
        { "near=FR:", "invalid_value", "near" },
        { "near=FR:75011", "unknown_postal_code", "near" },
        { "near=1,2&radius_km=x", "wrong_type", "radius_km" },
        { "near=1,2&radius_km=-1", "out_of_range", "radius_km" },
        { "near=1,2&radius_km=20041", "out_of_range", "radius_km" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oh_param_list params;
        struct oh_fault fault = { .code = "ok" };
        struct oh_near near = { .radius_km = 77 };
        parse(rows[i].raw, &params);
        enum oh_err err = oh_params_near(&params, NULL, &near, &fault);
        if (rows[i].code == NULL && err == OH_OK)
            continue;
        if (rows[i].code == NULL || strcmp(fault.code, rows[i].code) != 0 ||
            strcmp(fault.field, rows[i].field) != 0)
            fail_msg("%s: %s '%s'", rows[i].raw, fault.code, fault.field);
        assert_true(near.radius_km == 77);
    }
    struct oh_param_list params;
    struct oh_fault fault;
    struct oh_near near;
    parse("near=48.85%2C2.35&radius_km=10.5", &params);
    assert_int_equal(oh_params_near(&params, NULL, &near, &fault), OH_OK);
    assert_true(near.is_set && near.point.latitude == 48.85 && near.point.longitude == 2.35);
    assert_true(near.radius_km == 10.5);
}

static void test_query_looks_a_postal_code_up_in_the_ledger(void **state)
{
    (void)state;
    struct oh_param_list params;
    struct oh_fault fault;
    struct oh_near near;
    struct oh_ledger *ledger = small_ledger_create();
    assert_non_null(ledger);
    parse("near=FR:75011&radius_km=3", &params);
    assert_int_equal(oh_params_near(&params, ledger, &near, &fault), OH_OK);
    assert_true(near.is_set && near.point.latitude == 48.8589 && near.radius_km == 3);
    parse("near=FR:75012", &params);
    assert_int_equal(oh_params_near(&params, ledger, &near, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "unknown_postal_code");
    oh_ledger_destroy(&ledger);
}

static void test_query_answers_every_text(void **state)
{
    (void)state;
    static const char alphabet[] = "node=limit&%3dC3A9F+.,:1-\xff";
    const uint64_t seed = 31;
    struct oh_prng prng;
    printf("seed %" PRIu64 "\n", seed);
    oh_prng_init(&prng, seed);
    for (int i = 0; i < MUTATIONS; i++) {
        struct oh_param_list params;
        struct oh_fault fault = { .code = NULL };
        struct oh_near near;
        size_t size = oh_prng_below(&prng, 24);
        char *raw = malloc(size + 1);
        assert_non_null(raw);
        for (size_t k = 0; k < size; k++)
            raw[k] = alphabet[oh_prng_below(&prng, sizeof(alphabet) - 1)];
        if (i % 2 == 0 && size > 5)
            memcpy(raw, "near=", 5);
        char *exact = malloc(size); /* so that a sanitizer sees a read past the end */
        memcpy(exact, raw, size);
        if (oh_params_parse((struct oh_bytes){ exact, size }, known, &params, &fault) != OH_OK)
            assert_non_null(fault.code);
        else if (oh_params_near(&params, NULL, &near, &fault) != OH_OK)
            assert_non_null(fault.code);
        free(raw);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_decodes_names_and_values),
        cmocka_unit_test(test_query_names_the_parameter_when_it_refuses),
        cmocka_unit_test(test_query_has_at_most_its_stated_size),
        cmocka_unit_test(test_query_reads_whole_numbers_in_range),
        cmocka_unit_test(test_query_reads_decimals_words_and_booleans),
        cmocka_unit_test(test_query_reads_a_place),
        cmocka_unit_test(test_query_looks_a_postal_code_up_in_the_ledger),
        cmocka_unit_test(test_query_answers_every_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
