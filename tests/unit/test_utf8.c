#include "base/utf8.h"
#include "support/test.h"

static size_t encode(uint32_t point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

static void test_utf8_accepts_each_code_point_but_surrogates_and_refuses_it_cut(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x1fffff; point++) {
        char bytes[4];
        size_t size = encode(point, bytes);
        bool is_valid = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        if (oh_utf8_is_valid((struct oh_bytes){ bytes, size }) != is_valid)
            fail_msg("U+%04X", point);
        if (size > 1 && oh_utf8_is_valid((struct oh_bytes){ bytes, size - 1 }))
            fail_msg("U+%04X, cut", point);
    }
}

static void test_utf8_refuses_encodings_longer_than_needed_and_stray_bytes(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\x80",
        "\xbf",
        "\xfe",
        "\xff",
        "\xf8\x88\x80\x80\x80",
        "\xc3(",
        "\xe2\x82(",
        "\xf0\x9f\x98(",
        "a\x80",
        "abcdefgh\xc3",
        "abcdefghi\xff"
        "abcdefgh",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_false(oh_utf8_is_valid(oh_bytes_of(rows[i])));
}

static void test_utf8_accepts_text_at_each_alignment(void **state)
{
    (void)state;
    static const char text[] = "0123456789 caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 0123456789abcdef";
    for (size_t start = 0; start < 10; start++)
        assert_true(oh_utf8_is_valid((struct oh_bytes){ text + start, sizeof(text) - 1 - start }));
    assert_true(oh_utf8_is_valid(OH_BYTES_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_accepts_each_code_point_but_surrogates_and_refuses_it_cut),
        cmocka_unit_test(test_utf8_refuses_encodings_longer_than_needed_and_stray_bytes),
        cmocka_unit_test(test_utf8_accepts_text_at_each_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
