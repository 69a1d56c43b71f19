#include "base/prng.h"
#include "codec/json_guard.h"
#include "support/test.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MUTATIONS       200000

static void test_json_guard_lets_json_pass(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{}",
        "[]",
        " \t\r\n{ } \n",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "\"\"",
        "\"x\"",
        "{\"a\":1,\"b\":[1,2,{\"c\":null}],\"d\":\"\\u00e9\\n\\\"\"}",
        "[1,-1,0.5,1e2,1E+2,1e-2,123456789012345,0.123456789012345,100000000000000000000,1."
        "50000000000000000000]",
        "\"\\ud83d\\ude00\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "0.000000000000001",
        "1e307",
        "\"a long string without anything that needs a second look, and some more of it\"",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct oh_fault fault;
        if (oh_json_guard(oh_bytes_of(bodies[i]), &fault) != OH_OK)
            fail_msg("%s: %s, %s", bodies[i], fault.code, fault.detail);
    }
}

static void test_json_read_notes_each_value_in_the_order_of_the_text(void **state)
{
    (void)state;
    struct oh_bytes body = OH_BYTES("{\"a\":[1.5,-0,true],\"b\\n\":{},\"c\":null,\"d\":\"x\"}");
    static const enum oh_json_type types[] = {
        OH_JSON_OBJECT, OH_JSON_STRING, OH_JSON_ARRAY, OH_JSON_NUMBER, OH_JSON_NUMBER, OH_JSON_TRUE, OH_JSON_STRING,
        OH_JSON_OBJECT, OH_JSON_STRING, OH_JSON_NULL,  OH_JSON_STRING, OH_JSON_STRING,
    };
    struct oh_json_value values[COUNT_OF(types)];
    struct oh_fault fault;
    uint32_t count;
    assert_int_equal(oh_json_read(body, values, COUNT_OF(types), &count, &fault), OH_OK);
    assert_int_equal(count, COUNT_OF(types));
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(values[i].type, types[i]);
    assert_int_equal(values[0].count, 4);
    assert_int_equal(values[0].next, count);
    assert_int_equal(values[2].count, 3);
    assert_int_equal(values[2].next, 6);
    assert_int_equal(values[7].count, 0);
    assert_int_equal(values[7].next, 8);
    assert_true(values[3].number == 1.5 && values[4].number == 0);
    assert_true(values[6].has_escapes && !values[1].has_escapes);
    assert_memory_equal(body.data + values[11].at, "x", values[11].size);
    assert_int_equal(oh_json_read(body, values, COUNT_OF(types) - 1, &count, &fault), OH_E_FULL);
}

static void test_json_unescape_says_what_was_meant(void **state)
{
    (void)state;
    static const struct { const char *raw, *text; } rows[] = {
        { "", "" },
        { "plain", "plain" },
        { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
        { "\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac" },
        { "x\\ud83d\\ude00y", "x\xf0\x9f\x98\x80y" },
        { "\xc3\xa9\\n", "\xc3\xa9\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[64];
        size_t size = oh_json_unescape(oh_bytes_of(rows[i].raw), out);
        assert_int_equal(size, strlen(rows[i].text));
        assert_memory_equal(out, rows[i].text, size);
    }
}

static void test_json_guard_names_field_and_reason_when_it_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *code;
        const char *field;
    } rows[] = {
        { "", "empty_body", "" },
        { "  \n", "empty_body", "" },
        { "hello", "invalid_json", "" },
        { "{", "invalid_json", "" },
        { "{\"a\"", "invalid_json", "a" },
        { "{\"a\":", "invalid_json", "a" },
        { "{\"a\":1", "invalid_json", "a" },
        { "{\"a\":1,}", "invalid_json", "" },
        { "{\"a\" 1}", "invalid_json", "a" },
        { "{a:1}", "invalid_json", "" },
        { "{'a':1}", "invalid_json", "" },
        { "{,}", "invalid_json", "" },
        { "[1,]", "invalid_json", "[1]" },
        { "[,1]", "invalid_json", "[0]" },
        { "[1 2]", "invalid_json", "[0]" },
        { "[1}", "invalid_json", "[0]" },
        { "}", "invalid_json", "" },
        { "]", "invalid_json", "" },
        { "{} {}", "invalid_json", "" },
        { "{}x", "invalid_json", "" },
        { "// no\n{}", "invalid_json", "" },
        { "\xef\xbb\xbf{}", "invalid_json", "" },
        { "{\"a\":nul}", "invalid_json", "a" },
        { "{\"a\":True}", "invalid_json", "a" },
        { "{\"quantity\":NaN}", "invalid_json", "quantity" },
        { "{\"quantity\":Infinity}", "invalid_json", "quantity" },
        { "{\"quantity\":-Infinity}", "invalid_json", "quantity" },
        { "{\"lines\":[{\"quantity\":1},{\"quantity\":NaN}]}", "invalid_json", "lines[1].quantity" },
        { "[01]", "invalid_json", "[0]" },
        { "[-01]", "invalid_json", "[0]" },
        { "[+1]", "invalid_json", "[0]" },
        { "[1.]", "invalid_json", "[0]" },
        { "[.5]", "invalid_json", "[0]" },
        { "[1e]", "invalid_json", "[0]" },
        { "[1e+]", "invalid_json", "[0]" },
        { "[-]", "invalid_json", "[0]" },
        { "[0x10]", "invalid_json", "[0]" },
        { "[\"a]", "invalid_json", "[0]" },
        { "[\"\\x\"]", "invalid_json", "[0]" },
        { "[\"\\u12g4\"]", "invalid_json", "[0]" },
        { "[\"\\u12\"]", "invalid_json", "[0]" },
        { "[\"a\nb\"]", "invalid_json", "[0]" },
        { "[\"12345678901234\tb\"]", "invalid_json", "[0]" },
        { "[\"\\", "invalid_json", "[0]" },
        { "[\"\\u0000\"]", "invalid_encoding", "[0]" },
        { "[\"\\ud800\"]", "invalid_encoding", "[0]" },
        { "[\"\\ud800\\u0041\"]", "invalid_encoding", "[0]" },
        { "[\"\\ude00\"]", "invalid_encoding", "[0]" },
        { "{\"name\":\"\xff\"}", "invalid_encoding", "name" },
        { "{\"name\":\"12345678\xc3\"}", "invalid_encoding", "name" },
        { "{\"name\":\"\xed\xa0\x80\"}", "invalid_encoding", "name" },
        { "{\"name\":\"\xc0\xaf\"}", "invalid_encoding", "name" },
        { "{\"quantity\":1e400}", "out_of_range", "quantity" },
        { "{\"quantity\":-1e400}", "out_of_range", "quantity" },
        { "{\"quantity\":1e99999999999999999999}", "out_of_range", "quantity" },
        { "{\"quantity\":1e308}", "out_of_range", "quantity" },
        { "{\"quantity\":10e307}", "out_of_range", "quantity" },
        { "{\"quantity\":1234567890123456}", "number_not_exact", "quantity" },
        { "{\"quantity\":1.234567890123456}", "number_not_exact", "quantity" },
        { "{\"quantity\":0.1000000000000001}", "number_not_exact", "quantity" },
        { "{\"quantity\":1e-400}", "number_not_exact", "quantity" },
        { "{\"quantity\":1.0000000000000000000000000000000000000000}", "number_not_exact", "quantity" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oh_fault fault = { .code = "ok" };
        enum oh_err err = oh_json_guard(oh_bytes_of(rows[i].body), &fault);
        if (err != OH_E_SYNTAX || strcmp(fault.code, rows[i].code) != 0 ||
            strcmp(fault.field, rows[i].field) != 0)
            fail_msg("%s: %s, %s, '%s'", rows[i].body, oh_err_text(err), fault.code, fault.field);
        assert_true(fault.detail[0] != '\0');
        assert_int_equal(fault.http_status, 400);
    }
}

/* What is read of it all the same, for those who do not need it exactly: the nearest number of 15 digits. */
static void test_json_read_rounds_a_number_with_more_digits(void **state)
{
    (void)state;
    static const struct { const char *body; double number; bool is_rounded; } rows[] = {
        { "123456789012345", 123456789012345, false },
        { "48.8566140000001", 48.8566140000001, false },
        { "48.85661400000001", 48.856614, true },
        { "-122.39999999999999", -122.4, true },
        { "9.9999999999999999", 10, true },
        { "1234567890123456", 1234567890123460, true },
        { "1e-400", 0, true },
        { "0.00000000000000000000000000000000000000000000000", 0, false },
        { "1.00000000000000000000000000000000000000", 1, false },
        { "1.00000000000000000000000000000000000001", 1, true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oh_json_value value;
        uint32_t count = 0;
        struct oh_fault fault = { .code = "ok" };
        assert_int_equal(oh_json_read(oh_bytes_of(rows[i].body), &value, 1, &count, &fault), OH_OK);
        if (value.number != rows[i].number || value.is_rounded != rows[i].is_rounded)
            fail_msg("%s: %.17g, %s", rows[i].body, value.number, value.is_rounded ? "rounded" : "exact");
    }
    struct oh_json_value value;
    uint32_t count = 0;
    struct oh_fault fault = { .code = "ok" };
    const char *long_body = "1.000000000000000000000000000000000000001"; /* 41 bytes */
    assert_int_equal(oh_json_read(oh_bytes_of(long_body), &value, 1, &count, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "number_not_exact");
}

/* A byte that is not plain, at each place of strings of each size, with the end of the body close behind and far. */
static void test_json_guard_sees_each_byte_of_a_string(void **state)
{
    (void)state;
    static const struct { const char *special, *code; } rows[] = {
        { "\x01", "invalid_json" }, { "\x1f", "invalid_json" },        { "\"", "invalid_json" },
        { "\\", "invalid_json" },   { "\x80", "invalid_encoding" }, { "\xff", "invalid_encoding" },
        { "\x7f", NULL },           { " ", NULL },                   { "!", NULL },
        { "#", NULL },              { "[", NULL },                   { "]", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t size = 1; size <= 36; size++) {
            for (size_t at = 0; at < 2 * size; at++) {
                size_t padding = at < size ? 0 : 20;
                char *body = malloc(size + padding + 2);
                struct oh_fault fault = { .code = "ok" };
                assert_non_null(body);
                memset(body, 'x', size + 2);
                body[0] = body[size + 1] = '"';
                body[1 + at % size] = rows[i].special[0];
                memset(body + size + 2, ' ', padding);
                enum oh_err err = oh_json_guard((struct oh_bytes){ body, size + padding + 2 }, &fault);
                if (rows[i].code == NULL)
                    assert_int_equal(err, OH_OK);
                else
                    assert_string_equal(fault.code, rows[i].code);
                free(body);
            }
        }
    }
}

static void test_json_guard_refuses_a_nul_byte(void **state)
{
    (void)state;
    struct oh_fault fault;
    assert_int_equal(oh_json_guard(OH_BYTES("[\"a\0b\"]"), &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "invalid_json");
    assert_int_equal(oh_json_guard(OH_BYTES("{}\0"), &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "invalid_json");
}

static enum oh_err guard_nested(size_t depth, struct oh_fault *fault)
{
    char body[64];
    memset(body, '[', depth);
    memset(body + depth, ']', depth);
    return oh_json_guard((struct oh_bytes){ body, 2 * depth }, fault);
}

static void test_json_guard_allows_16_levels_and_not_17(void **state)
{
    (void)state;
    struct oh_fault fault;
    assert_int_equal(guard_nested(16, &fault), OH_OK);
    assert_int_equal(guard_nested(17, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "too_deep");
    assert_non_null(strstr(fault.detail, "16"));
}

static void test_json_guard_allows_as_many_values_as_stated_and_not_one_more(void **state)
{
    (void)state;
    size_t size = 2 * (size_t)OH_JSON_VALUES_MAX + 2;
    char *body = malloc(size);
    struct oh_fault fault;
    assert_non_null(body);
    /* The array is a value too. */
    memset(body, '0', size);
    body[0] = '[';
    for (size_t i = 2; i < size; i += 2)
        body[i] = ',';
    size_t just = 2 * (size_t)(OH_JSON_VALUES_MAX - 1);
    body[just] = ']';
    assert_int_equal(oh_json_guard((struct oh_bytes){ body, just + 1 }, &fault), OH_OK);
    body[just] = ',';
    body[just + 2] = ']';
    assert_int_equal(oh_json_guard((struct oh_bytes){ body, just + 3 }, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "too_many");
    free(body);
}

static void test_json_guard_keeps_a_long_path_in_bounds(void **state)
{
    (void)state;
    char body[512];
    struct oh_fault fault;
    size_t size = 0;
    for (int i = 0; i < 8; i++)
        size += (size_t)snprintf(body + size, sizeof(body) - size,
                                 "{\"\xc3\xa9\xc3\xa9\xc3\xa9_a_long_name_%d\":[", i);
    assert_int_equal(oh_json_guard((struct oh_bytes){ body, size }, &fault), OH_E_SYNTAX);
    assert_string_equal(fault.code, "invalid_json");
    assert_true(strlen(fault.field) < sizeof(fault.field));
    assert_true(strlen(fault.field) > 80);
}

/*
 * What the guard lets pass, cJSON parses: the guard is the stricter of the two. And neither reads out of
 * bounds.
 */
static void test_json_guard_is_stricter_than_the_parser(void **state)
{
    (void)state;
    static const char body[] =
        "{\"id\":\"r-1\",\"kind\":\"ship\",\"ttl_seconds\":900.5,\"allow_partial\":false,"
        "\"lines\":[{\"line\":1,\"sku\":\"A\\u00e9\",\"quantity\":1e1,\"node\":null}]}";
    static const char alphabet[] = "{}[]:,\"\\0123456789.eE+-tfnul \xc3\xa9\x01";
    const uint64_t seed = 7;
    struct oh_prng prng;
    int passed = 0;
    printf("seed %" PRIu64 "\n", seed);
    oh_prng_init(&prng, seed);
    for (int i = 0; i < MUTATIONS; i++) {
        struct oh_fault fault;
        size_t size =
            sizeof(body) - 1 - (oh_prng_below(&prng, 4) == 0 ? oh_prng_below(&prng, sizeof(body) - 1) : 0);
        char *copy = malloc(size + 1); /* exactly, so that a sanitizer sees a read past the end */
        assert_non_null(copy);
        memcpy(copy, body, size);
        uint64_t changes = oh_prng_below(&prng, 4);
        for (uint64_t k = 0; k < changes && size > 0; k++)
            copy[oh_prng_below(&prng, size)] = alphabet[oh_prng_below(&prng, sizeof(alphabet) - 1)];
        if (oh_json_guard((struct oh_bytes){ copy, size }, &fault) == OH_OK) {
            const char *end = NULL;
            cJSON *root = cJSON_ParseWithLengthOpts(copy, size, &end, 0);
            assert_non_null(root);
            cJSON_Delete(root);
            passed++;
        }
        free(copy);
    }
    assert_true(passed > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_guard_lets_json_pass),
        cmocka_unit_test(test_json_read_notes_each_value_in_the_order_of_the_text),
        cmocka_unit_test(test_json_unescape_says_what_was_meant),
        cmocka_unit_test(test_json_guard_names_field_and_reason_when_it_refuses),
        cmocka_unit_test(test_json_read_rounds_a_number_with_more_digits),
        cmocka_unit_test(test_json_guard_sees_each_byte_of_a_string),
        cmocka_unit_test(test_json_guard_refuses_a_nul_byte),
        cmocka_unit_test(test_json_guard_allows_16_levels_and_not_17),
        cmocka_unit_test(test_json_guard_allows_as_many_values_as_stated_and_not_one_more),
        cmocka_unit_test(test_json_guard_keeps_a_long_path_in_bounds),
        cmocka_unit_test(test_json_guard_is_stricter_than_the_parser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
