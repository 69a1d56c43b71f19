#include "server/http_date.h"
#include "support/test.h"
#include <string.h>

static void assert_date(int64_t at_s, const char *expected)
{
    char text[OH_HTTP_DATE_SIZE + 1] = "";
    oh_http_date_write(at_s, text);
    assert_string_equal(text, expected);
}

static void test_http_date_writes_known_moments(void **state)
{
    (void)state;
    assert_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_date(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    assert_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    assert_date(1795352827, "Sun, 22 Nov 2026 13:07:07 GMT");
    assert_date(4107542399, "Sun, 28 Feb 2100 23:59:59 GMT");
    assert_date(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
}

static void test_http_date_stays_within_its_years(void **state)
{
    (void)state;
    assert_date(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_date(INT64_MIN, "Mon, 01 Jan 0001 00:00:00 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_date_writes_known_moments),
        cmocka_unit_test(test_http_date_stays_within_its_years),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
