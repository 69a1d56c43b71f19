/*
 * test_document_judge.c - documents as they are put: what is refused, with which code and at which field, and beside it
 * what is just good (docs/spec/promise.md, DO2, DO4, DO5).
 */
#include "codec/document.h"
#include "timetable/builder.h"
#include "support/no_descriptors.h"
#include "support/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 65536

static struct oh_json_document *document;

static const struct row {
    enum oh_document_kind kind;
    const char *text;
    const char *code, *field; /* "": it is good */
} rows[] = {
    { OH_DOCUMENT_CALENDAR, "{\"weekly_off\":[\"someday\"]}", "invalid_value", "weekly_off[0]" },
    { OH_DOCUMENT_CALENDAR, "{\"days_off\":[\"2030-02-29\"]}", "invalid_time", "days_off[0]" },
    { OH_DOCUMENT_SCHEDULE, "{\"time_zone\":\"Mars/Olympus\"}", "invalid_value", "time_zone" },
    { OH_DOCUMENT_SCHEDULE,
      "{\"capacity\":{\"unit\":\"orders\",\"windows\":[{\"from\":\"20:00\",\"to\":\"04:00\",\"limit\":1},"
      "{\"from\":\"04:00\",\"to\":\"20:00\",\"limit\":1}]}}", "", "" },
    { OH_DOCUMENT_SCHEDULE,
      "{\"capacity\":{\"unit\":\"orders\",\"windows\":[{\"from\":\"20:00\",\"to\":\"04:00\",\"limit\":1},"
      "{\"from\":\"03:59\",\"to\":\"20:00\",\"limit\":1}]}}", "invalid_value", "capacity.windows[1]" },
    { OH_DOCUMENT_SCHEDULE,
      "{\"capacity\":{\"unit\":\"lines\",\"windows\":[{\"from\":\"08:00\",\"to\":\"09:00\",\"limit\":1.5}]}}",
      "invalid_value", "capacity.windows[0].limit" },
    { OH_DOCUMENT_SERVICE, "{\"transit\":[{\"days\":1,\"hours\":1}]}", "invalid_value", "transit[0].hours" },
    { OH_DOCUMENT_SERVICE, "{\"transit\":[{}]}", "missing_field", "transit[0].days" },
    { OH_DOCUMENT_SERVICE, "{\"transit\":[{\"days\":1,\"distance_km_max\":0}]}", "out_of_range",
      "transit[0].distance_km_max" },
    { OH_DOCUMENT_SERVICE,
      "{\"transit\":[{\"days\":1}],\"slots\":[{\"days\":[\"mon\"],\"from\":\"08:00\",\"to\":\"09:00\",\"limit\":1},"
      "{\"days\":[\"mon\"],\"from\":\"08:00\",\"to\":\"10:00\",\"limit\":1}]}", "invalid_value", "slots[1].from" },
    { OH_DOCUMENT_SERVICE,
      "{\"transit\":[{\"days\":1}],\"accounts\":[{\"account\":\"a\"},{\"account\":\"a\"}]}", "invalid_value",
      "accounts[1].account" },
    { OH_DOCUMENT_LANE, "{\"from\":\"a\",\"to\":\"b\",\"departures\":[{\"at\":\"08:00\"}],\"transit_minutes\":1}", "",
      "" },
    { OH_DOCUMENT_LANE, "{\"from\":\"a\",\"to\":\"a\",\"departures\":[{\"at\":\"08:00\"}],\"transit_minutes\":1}",
      "invalid_value", "to" },
    { OH_DOCUMENT_SOURCING, "{\"objective\":[\"date\"],\"services\":[\"a\",\"b\",\"a\"]}", "invalid_value",
      "services" },
    { OH_DOCUMENT_SOURCING, "{\"objective\":[\"date\"],\"together\":[[\"a\",\"b\"]],\"apart\":[[\"b\",\"c\"]]}", "",
      "" },
    { OH_DOCUMENT_SOURCING, "{\"objective\":[\"date\"],\"together\":[[\"a\",\"b\"]],\"apart\":[[\"b\",\"a\"]]}",
      "invalid_value", "together[0]" },
};

static enum oh_err judge(enum oh_document_kind kind, const char *text, struct oh_fault *fault)
{
    struct oh_document judged;
    return oh_document_judge(document, kind, oh_bytes_of(text), &judged, fault);
}

static void test_documents_are_refused_at_the_field_that_is_wrong(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct oh_fault fault = { .code = "" };
        enum oh_err err = judge(row->kind, row->text, &fault);
        print_message("%s: %s at %s\n", row->text, fault.code, fault.field);
        assert_int_equal(err, row->code[0] == '\0' ? OH_OK : OH_E_SYNTAX);
        assert_string_equal(fault.code, row->code);
        assert_string_equal(fault.field, row->field);
    }
}

/* Those off and those on together. */
static void test_a_calendar_has_1000_days(void **state)
{
    (void)state;
    static char text[TEXT_SIZE];
    for (int count = 1000; count <= 1001; count++) {
        struct oh_fault fault;
        size_t used = (size_t)snprintf(text, sizeof(text), "{\"days_off\":[\"2029-01-01\"],\"days_on\":[");
        for (int i = 0; i < count - 1; i++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"%d-%02d-%02d\"", i > 0 ? "," : "",
                                     2030 + i / 336, i / 28 % 12 + 1, i % 28 + 1);
        (void)snprintf(text + used, sizeof(text) - used, "]}");
        assert_int_equal(judge(OH_DOCUMENT_CALENDAR, text, &fault), count == 1000 ? OH_OK : OH_E_SYNTAX);
        if (count > 1000)
            assert_string_equal(fault.code, "too_many");
    }
}

/* A week of a service has 256 slots at most: each day of an entry is one. */
static void test_a_week_has_256_slots(void **state)
{
    (void)state;
    static char text[TEXT_SIZE];
    for (int days = 4; days <= 5; days++) { /* of the last entry: 36 * 7 + 4 are 256 */
        struct oh_fault fault;
        size_t used = (size_t)snprintf(text, sizeof(text), "{\"transit\":[{\"days\":1}],\"slots\":[");
        for (int i = 0; i < 37; i++)
            used += (size_t)snprintf(text + used, sizeof(text) - used,
                                     "%s{%s\"from\":\"%02d:%02d\",\"to\":\"23:00\",\"limit\":1}", i > 0 ? "," : "",
                                     i < 36     ? ""
                                     : days == 4 ? "\"days\":[\"mon\",\"tue\",\"wed\",\"thu\"],"
                                                 : "\"days\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\"],",
                                     i / 6 + 8, i % 6 * 10);
        (void)snprintf(text + used, sizeof(text) - used, "]}");
        assert_int_equal(judge(OH_DOCUMENT_SERVICE, text, &fault), days == 4 ? OH_OK : OH_E_SYNTAX);
        if (days == 5)
            assert_string_equal(fault.field, "slots[36].days");
    }
}

static void test_a_time_zone_that_cannot_be_looked_up_is_not_called_wrong(void **state)
{
    (void)state;
    static const char text[] = "{\"time_zone\":\"Europe/London\"}";
    struct oh_fault fault = { .code = "" };
    struct rlimit usual = no_descriptors_begin();
    enum oh_err err = judge(OH_DOCUMENT_SCHEDULE, text, &fault);
    no_descriptors_end(usual);
    assert_int_equal(err, OH_E_SYNTAX);
    assert_string_equal(fault.code, "time_zones_unreadable");
    assert_int_equal(fault.http_status, 503);
    assert_string_equal(fault.field, "time_zone");
    assert_int_equal(judge(OH_DOCUMENT_SCHEDULE, text, &fault), OH_OK);
}

static int document_setup(void **state)
{
    (void)state;
    return oh_json_document_create(&document) == OH_OK ? 0 : -1;
}

static int document_teardown(void **state)
{
    (void)state;
    oh_json_document_destroy(&document);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents_are_refused_at_the_field_that_is_wrong),
        cmocka_unit_test(test_a_calendar_has_1000_days),
        cmocka_unit_test(test_a_week_has_256_slots),
        cmocka_unit_test(test_a_time_zone_that_cannot_be_looked_up_is_not_called_wrong),
    };
    return cmocka_run_group_tests(tests, document_setup, document_teardown);
}
