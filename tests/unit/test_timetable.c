/* What documents become in a timetable: docs/spec/promise.md, DO3 to DO7, DA1 to DA9. */
#include "codec/time_text.h"
#include "support/document_shop.h"
#include "support/failing_malloc.h"
#include "support/no_descriptors.h"
#include "support/test.h"
#include "timetable/zone_clock.h"
#include <stdio.h>
#include <string.h>

#define NOW "2026-03-27T10:00:00Z" /* a Friday; the clocks of London change on the Sunday */

static struct document_shop shop;
static struct oh_timetable_builder *builder;

static int64_t at(const char *text)
{
    int64_t at_us = 0;
    assert_int_equal(oh_time_parse(oh_bytes_of(text), &at_us), OH_OK);
    return at_us;
}

static int shop_setup(void **state)
{
    (void)state;
    document_shop_init(&shop);
    assert_int_equal(oh_timetable_builder_create(10, &builder), OH_OK);
    document_shop_node(&shop, "leeds", "Europe/London", "north");
    document_shop_node(&shop, "york", "", "north");
    document_shop_channel(&shop, "web");
    return 0;
}

static int shop_teardown(void **state)
{
    (void)state;
    oh_timetable_builder_destroy(&builder);
    document_shop_fini(&shop);
    return 0;
}

static const struct oh_timetable *refresh_at(const char *now)
{
    const struct oh_timetable *timetable = NULL;
    assert_int_equal(oh_timetable_refresh(builder, shop.ledger, &shop.source, at(now), &timetable), OH_OK);
    return timetable;
}

static void schedule(const char *text)
{
    document_shop_put(&shop, OH_DOCUMENT_SCHEDULE, "leeds", text);
}

static void assert_at(int64_t at_us, const char *expected)
{
    struct oh_strbuf text;
    oh_strbuf_init(&text, 64);
    oh_time_put(&text, at_us);
    oh_strbuf_put_char(&text, '\0');
    assert_string_equal(text.data, expected);
    oh_strbuf_fini(&text);
}

static void assert_text(struct oh_bytes bytes, const char *expected)
{
    if (!oh_bytes_equal(bytes, oh_bytes_of(expected)))
        fail_msg("'%.*s' is not '%s'", (int)bytes.size, bytes.data, expected);
}

/* ---- Hours ------------------------------------------------------------------------------------ */

static void test_timetable_covers_yesterday_and_the_days_of_the_horizon(void **state)
{
    (void)state;
    const struct oh_timetable *timetable = refresh_at(NOW);
    assert_at(timetable->from_us, "2026-03-26T00:00:00Z");
    assert_at(timetable->until_us, "2026-04-07T00:00:00Z");
    assert_int_equal(timetable->node_count, 2);
    assert_int_equal(timetable->channel_count, 1);
}

static void test_timetable_of_a_node_without_a_schedule_is_open_always(void **state)
{
    (void)state;
    const struct oh_timetable_node *node = &refresh_at(NOW)->nodes[1];
    assert_int_equal(node->gap, OH_GAP_NONE);
    assert_true(node->hours.is_always);
    assert_true(node->collect_hours.is_always);
    assert_true(node->collect_cutoffs.is_at_once);
    assert_false(node->capacity.is_limited);
    assert_int_equal(node->pickup_count, 0);
    assert_int_equal(node->lane_count, 0);
    assert_int_equal(node->backorder_us, -1);
    assert_text(node->capacity_resource, "node/york");
}

static void test_timetable_counts_hours_across_the_change_of_clocks(void **state)
{
    (void)state;
    schedule(
        "{\"hours\": [{\"from\": \"08:00\", \"to\": \"12:00\"}, {\"from\": \"12:00\", \"to\": \"17:00\"},"
        " {\"days\": [\"sun\"], \"from\": \"00:30\", \"to\": \"03:00\"}]}");
    const struct oh_spans *hours = &refresh_at(NOW)->nodes[0].hours;
    assert_int_equal(hours->count, 14); /* 12 days, and two nights */
    assert_at(hours->at[0].from_us, "2026-03-26T08:00:00Z");
    assert_at(hours->at[0].until_us, "2026-03-26T17:00:00Z");
    assert_at(hours->at[3].from_us, "2026-03-29T00:30:00Z"); /* Sunday: an hour and a half */
    assert_at(hours->at[3].until_us, "2026-03-29T02:00:00Z");
    assert_at(hours->at[4].from_us, "2026-03-29T07:00:00Z");
    assert_int_equal(hours->at[3].before_us, 3 * 9 * 60 * OH_US_PER_MINUTE);
    assert_int_equal(hours->at[4].before_us, (3 * 9 * 60 + 90) * OH_US_PER_MINUTE);
    assert_at(hours->at[13].until_us, "2026-04-06T16:00:00Z");
}

static void test_timetable_joins_hours_that_overlap_and_cuts_them_to_its_range(void **state)
{
    (void)state;
    schedule(
        "{\"hours\": [{\"from\": \"00:00\", \"to\": \"24:00\"}, {\"from\": \"22:00\", \"to\": \"06:00\"}]}");
    const struct oh_timetable *timetable = refresh_at(NOW);
    assert_int_equal(timetable->nodes[0].hours.count, 1);
    assert_int_equal(timetable->nodes[0].hours.at[0].from_us, timetable->from_us);
    assert_int_equal(timetable->nodes[0].hours.at[0].until_us, timetable->until_us);
}

static void test_timetable_leaves_out_days_off_and_closures(void **state)
{
    (void)state;
    document_shop_put(&shop, OH_DOCUMENT_CALENDAR, "uk",
                      "{\"weekly_off\": [\"sat\", \"sun\"], \"days_off\": [\"2026-04-03\"],"
                      " \"days_on\": [\"2026-03-28\", \"2026-04-03\"]}");
    schedule("{\"calendar\": \"uk\", \"closures\": [\"2026-03-31\"]}");
    const struct oh_spans *hours = &refresh_at(NOW)->nodes[0].hours;
    assert_int_equal(hours->count, 4);
    assert_at(hours->at[0].until_us, "2026-03-29T00:00:00Z"); /* Thursday to the Saturday that is on */
    assert_at(hours->at[1].from_us, "2026-03-29T23:00:00Z");  /* Monday */
    assert_at(hours->at[1].until_us, "2026-03-30T23:00:00Z");
    assert_at(hours->at[2].from_us, "2026-03-31T23:00:00Z"); /* Wednesday, Thursday */
    assert_at(hours->at[2].until_us, "2026-04-02T23:00:00Z");
    assert_at(hours->at[3].from_us, "2026-04-05T23:00:00Z"); /* Monday */
}

static void test_timetable_of_a_node_without_hours_is_never_open_when_they_are_an_empty_list(void **state)
{
    (void)state;
    schedule("{\"hours\": [], \"collect_hours\": [{\"days\": [\"sat\"], \"from\": \"09:00\", \"to\": "
             "\"10:00\"}]}");
    const struct oh_timetable_node *node = &refresh_at(NOW)->nodes[0];
    assert_false(node->hours.is_always);
    assert_int_equal(node->hours.count, 0);
    assert_int_equal(node->collect_hours.count, 2);
}

/* ---- Departures ------------------------------------------------------------------------------- */

static const struct oh_departures *pickups_of(const struct oh_timetable *timetable, uint32_t node,
                                              const char *service)
{
    const struct oh_timetable_node *from = &timetable->nodes[node];
    for (uint32_t i = 0; i < from->pickup_count; i++)
        if (oh_bytes_equal(timetable->services[from->pickups[i].service].service, oh_bytes_of(service)))
            return &from->pickups[i].departures;
    fail_msg("no pickup of %s", service);
    return NULL;
}

static void test_timetable_takes_what_made_the_last_cutoff_before_a_pickup(void **state)
{
    (void)state;
    schedule("{\"cutoffs\": [{\"at\": \"16:00\"}, {\"at\": \"10:00\"}], \"pickups\": ["
             "{\"service\": \"dpd\", \"at\": \"18:00\", \"notification_minutes\": 90},"
             "{\"service\": \"dpd\", \"at\": \"16:00\"}, {\"service\": \"dpd\", \"at\": \"09:00\"}]}");
    const struct oh_departures *pickups = pickups_of(refresh_at(NOW), 0, "dpd");
    assert_int_equal(pickups->count, 12 * 3 - 1); /* before the first 09:00 there was no cut-off to make */
    assert_at(pickups->at[0].leaves_us, "2026-03-26T16:00:00Z");
    assert_at(pickups->at[0].deadline_us, "2026-03-26T16:00:00Z");
    assert_int_equal(pickups->at[0].notified_us, INT64_MAX);
    assert_at(pickups->at[1].leaves_us, "2026-03-26T18:00:00Z");
    assert_at(pickups->at[1].deadline_us, "2026-03-26T16:00:00Z");
    assert_at(pickups->at[1].notified_us, "2026-03-26T16:30:00Z");
    assert_at(pickups->at[2].leaves_us, "2026-03-27T09:00:00Z");
    assert_at(pickups->at[2].deadline_us, "2026-03-26T16:00:00Z");
    assert_int_equal(pickups->at[2].day, 20539); /* 2026-03-27 */
}

static void test_timetable_moves_a_cutoff_with_the_clocks(void **state)
{
    (void)state;
    schedule(
        "{\"cutoffs\": [{\"at\": \"01:30\"}], \"pickups\": [{\"service\": \"dpd\", \"at\": \"17:00\"}]}");
    const struct oh_departures *spring = pickups_of(refresh_at(NOW), 0, "dpd");
    assert_at(spring->at[3].deadline_us,
              "2026-03-29T01:00:00Z"); /* 01:30 is skipped: the first after the gap */
    assert_at(spring->at[3].leaves_us, "2026-03-29T16:00:00Z");
    const struct oh_departures *autumn = pickups_of(refresh_at("2026-10-24T10:00:00Z"), 0, "dpd");
    assert_at(autumn->at[2].deadline_us, "2026-10-25T00:30:00Z"); /* twice: the first */
    assert_at(autumn->at[2].leaves_us, "2026-10-25T17:00:00Z");
}

static void test_timetable_without_cutoffs_takes_what_is_ready_by_the_pickup(void **state)
{
    (void)state;
    schedule("{\"pickups\": [{\"service\": \"dpd\", \"at\": \"17:00\"}], \"collect_cutoffs\": [{\"at\": "
             "\"15:00\"}]}");
    const struct oh_timetable *timetable = refresh_at(NOW);
    const struct oh_departures *pickups = pickups_of(timetable, 0, "dpd");
    assert_int_equal(pickups->count, 12);
    assert_int_equal(pickups->at[0].deadline_us, pickups->at[0].leaves_us + 1);
    const struct oh_departures *collect = &timetable->nodes[0].collect_cutoffs;
    assert_false(collect->is_at_once);
    assert_int_equal(collect->count, 12);
    assert_int_equal(collect->at[0].deadline_us, collect->at[0].leaves_us);
}

static void test_timetable_runs_lanes_on_the_clock_of_where_they_begin(void **state)
{
    (void)state;
    document_shop_put(
        &shop, OH_DOCUMENT_LANE, "l1",
        "{\"from\": \"leeds\", \"to\": \"york\", \"transit_minutes\": 120, \"departures\": ["
        "{\"at\": \"20:00\", \"cutoff_minutes\": 10}, {\"at\": \"20:05\", \"cutoff_minutes\": 60}]}");
    document_shop_put(&shop, OH_DOCUMENT_LANE, "l2",
                      "{\"from\": \"leeds\", \"to\": \"nowhere\", \"transit_minutes\": 1,"
                      " \"departures\": [{\"at\": \"20:00\"}]}");
    schedule("{\"closures\": [\"2026-03-26\"]}");
    const struct oh_timetable_node *york = &refresh_at(NOW)->nodes[1];
    assert_int_equal(york->lane_count, 1);
    assert_int_equal(york->lanes[0].from_node, 0);
    assert_text(york->lanes[0].lane, "l1");
    const struct oh_departures *departures = &york->lanes[0].departures;
    assert_int_equal(departures->count, 22);
    assert_at(departures->at[0].leaves_us, "2026-03-27T20:00:00Z");
    assert_at(departures->at[0].deadline_us, "2026-03-27T19:50:00Z");
    assert_at(departures->at[0].arrives_us, "2026-03-27T22:00:00Z");
    assert_at(departures->at[1].deadline_us, "2026-03-27T19:50:00Z"); /* never earlier than the one before */
    assert_at(departures->at[4].leaves_us, "2026-03-29T19:00:00Z");
    document_shop_node(&shop, "nowhere", "", "");
    assert_int_equal(refresh_at(NOW)->nodes[2].lane_count, 1);
}

/* ---- Capacity, processing --------------------------------------------------------------------- */

static void test_timetable_lets_no_windows_overlap_when_an_hour_comes_twice(void **state)
{
    (void)state;
    schedule("{\"capacity\": {\"unit\": \"lines\", \"windows\": ["
             "{\"from\": \"01:30\", \"to\": \"06:00\", \"limit\": 7}, {\"from\": \"22:00\", \"to\": "
             "\"01:30\", \"limit\": 3}]}}");
    const struct oh_capacity *capacity = &refresh_at("2026-10-24T10:00:00Z")->nodes[0].capacity;
    assert_true(capacity->is_limited);
    assert_int_equal(capacity->unit, OH_UNIT_LINES);
    for (uint32_t i = 1; i < capacity->count; i++)
        assert_true(capacity->at[i - 1].until_us <= capacity->at[i].from_us);
    /* Whole, also where they begin before the range. */
    assert_at(capacity->at[0].from_us, "2026-10-22T21:00:00Z");
    assert_int_equal(capacity->at[0].limit_milli, 3000);
    assert_at(capacity->at[4].until_us, "2026-10-25T01:30:00Z");
    assert_at(capacity->at[5].from_us, "2026-10-25T01:30:00Z"); /* not 00:30, when it is 01:30 first */
    assert_at(capacity->at[5].until_us, "2026-10-25T06:00:00Z");
}

static void test_timetable_knows_the_minutes_of_classes(void **state)
{
    (void)state;
    schedule("{\"processing_minutes\": {\"default\": 5, \"classes\": {\"large\": 120, \"odd\": 7}}}");
    shop.classes[1] = "large";
    const struct oh_timetable_node *node = &refresh_at(NOW)->nodes[0];
    assert_int_equal(node->processing_us, 5 * OH_US_PER_MINUTE);
    assert_int_equal(node->class_count, 3);
    assert_int_equal(node->class_processing_us[0], 5 * OH_US_PER_MINUTE);
    assert_int_equal(node->class_processing_us[2], 120 * OH_US_PER_MINUTE);
    shop.classes[3] = "odd"; /* an item got it */
    shop.version++;
    node = &refresh_at(NOW)->nodes[0];
    assert_int_equal(node->class_count, 5);
    assert_int_equal(node->class_processing_us[4], 7 * OH_US_PER_MINUTE);
}

/* ---- Services --------------------------------------------------------------------------------- */

static void test_timetable_tabulates_the_days_of_a_service(void **state)
{
    (void)state;
    document_shop_put(&shop, OH_DOCUMENT_CALENDAR, "week", "{\"weekly_off\": [\"sat\", \"sun\"]}");
    document_shop_put(&shop, OH_DOCUMENT_CALENDAR, "sundays", "{\"weekly_off\": [\"sun\"]}");
    document_shop_put(
        &shop, OH_DOCUMENT_SERVICE, "dpd",
        "{\"name\": \"Next day\", \"currency\": \"GBP\", \"time_zone\": \"Europe/London\","
        " \"transit_calendar\": \"week\", \"delivery_calendar\": \"sundays\","
        " \"delivery_window\": {\"from\": \"08:00\", \"to\": \"18:00\"},"
        " \"transit\": [{\"country\": \"GB\", \"postal_prefix\": \"bt 1\", \"origin_region\": \"north\","
        "\"days\": 2}, {\"zone\": \"z\", \"distance_km_max\": 10.5, \"hours\": 1.5}],"
        " \"limits\": {\"weight_grams_max\": 30000},"
        " \"cost\": [{\"weight_grams_max\": 1000, \"amount\": 4.99}]}");
    const struct oh_timetable *timetable = refresh_at(NOW);
    const struct oh_timetable_service *service = &timetable->services[0];
    assert_int_equal(service->gap, OH_GAP_NONE);
    assert_text(service->service, "dpd");
    assert_text(service->slot_resource, "slot/dpd");
    assert_text(service->currency, "GBP");
    uint32_t sunday = 20541 - (uint32_t)service->day_first; /* 2026-03-29 */
    assert_int_equal(service->transit_rank[sunday], service->transit_rank[sunday - 2]);
    assert_int_equal(service->transit_rank[sunday + 1], service->transit_rank[sunday - 2] + 1);
    assert_int_equal(service->transit_days[service->transit_rank[sunday]], 20542);
    assert_int_equal(service->windows[service->delivery_next[sunday - 1]].day, 20540);
    assert_int_equal(service->windows[service->delivery_next[sunday]].day, 20542);
    assert_at(service->windows[service->delivery_next[sunday]].from_us, "2026-03-30T07:00:00Z");
    assert_at(service->day_starts_us[sunday], "2026-03-29T00:00:00Z");
    assert_at(service->day_starts_us[sunday + 1], "2026-03-29T23:00:00Z");
    assert_text(service->transit[0].to.postal_prefix, "BT1");
    assert_int_equal(service->transit[0].to.zone, OH_INDEX_NONE);
    assert_text(timetable->regions[service->transit[0].origin_region], "north");
    assert_int_equal(timetable->nodes[0].region, service->transit[0].origin_region);
    assert_int_equal(service->transit[1].days, -1);
    assert_int_equal(service->transit[1].hours_us, 90 * OH_US_PER_MINUTE);
    assert_int_equal(timetable->zones[service->transit[1].to.zone].gap, OH_GAP_ZONE);
    assert_int_equal(service->costs[0].amount_milli, 4990);
    assert_int_equal(service->account_count, 1);
    assert_text(service->accounts[0].resource, "account/dpd/");
}

static void test_timetable_has_slots_on_delivery_days(void **state)
{
    (void)state;
    document_shop_put(&shop, OH_DOCUMENT_SERVICE, "van",
                      "{\"time_zone\": \"Europe/London\", \"transit\": [{\"hours\": 1}], \"slots\": ["
                      "{\"from\": \"10:00\", \"to\": \"12:00\", \"limit\": 5, \"cutoff_minutes\": 90},"
                      "{\"from\": \"08:00\", \"to\": \"10:00\", \"limit\": 4},"
                      "{\"days\": [\"sun\"], \"from\": \"01:15\", \"to\": \"03:00\", \"limit\": 1},"
                      "{\"days\": [\"sun\"], \"from\": \"01:45\", \"to\": \"04:00\", \"limit\": 1}],"
                      " \"accounts\": [{\"account\": \"a\", \"nodes\": [\"york\", \"later\", \"leeds\"],"
                      " \"daily_parcels\": 9}]}");
    const struct oh_timetable_service *service = &refresh_at(NOW)->services[0];
    assert_true(service->has_slots);
    assert_int_equal(service->slot_count,
                     12 * 2 + 3); /* the second 02:00 of the 29th begins with the first */
    assert_at(service->slots[0].from_us, "2026-03-26T08:00:00Z");
    assert_at(service->slots[1].closes_us, "2026-03-26T08:30:00Z");
    assert_int_equal(service->slots[1].limit_milli, 5000);
    const struct oh_account *account = &service->accounts[0];
    assert_int_equal(account->daily_limit_milli, 9000);
    assert_int_equal(account->node_count, 3);
    assert_int_equal(account->nodes[0], 0);
    assert_int_equal(account->nodes[1], 1);
    assert_int_equal(account->nodes[2], OH_NODE_NONE);
    document_shop_node(&shop, "later", "", "");
    assert_int_equal(refresh_at(NOW)->services[0].accounts[0].nodes[2], 2);
}

/* ---- Gaps ------------------------------------------------------------------------------------- */

static void test_timetable_says_what_is_missing_until_it_is_there(void **state)
{
    (void)state;
    schedule("{\"calendar\": \"uk\", \"pickups\": [{\"service\": \"dpd\", \"at\": \"17:00\"}]}");
    const struct oh_timetable *timetable = refresh_at(NOW);
    assert_int_equal(timetable->nodes[0].gap, OH_GAP_CALENDAR);
    assert_text(timetable->nodes[0].gap_name, "uk");
    document_shop_put(&shop, OH_DOCUMENT_CALENDAR, "uk", "{}");
    timetable = refresh_at(NOW);
    assert_int_equal(timetable->nodes[0].gap, OH_GAP_NONE);
    assert_int_equal(timetable->service_count, 1);
    assert_int_equal(timetable->services[0].gap, OH_GAP_SERVICE);
    assert_text(timetable->services[0].gap_name, "dpd");
    document_shop_put(&shop, OH_DOCUMENT_SERVICE, "dpd",
                      "{\"transit\": [{\"days\": 1}], \"delivery_calendar\": \"x\"}");
    document_shop_put(&shop, OH_DOCUMENT_SERVICE, "aaa", "{\"transit\": [{\"days\": 1}]}");
    timetable = refresh_at(NOW);
    assert_int_equal(timetable->service_count, 2);
    assert_int_equal(timetable->nodes[0].pickups[0].service, 1); /* aaa came before it */
    assert_int_equal(timetable->services[1].gap, OH_GAP_CALENDAR);
    document_shop_put(&shop, OH_DOCUMENT_CALENDAR, "x", "{}");
    assert_int_equal(refresh_at(NOW)->services[1].gap, OH_GAP_NONE);
    document_shop_put(&shop, OH_DOCUMENT_CALENDAR, "uk", NULL);
    assert_int_equal(refresh_at(NOW)->nodes[0].gap, OH_GAP_CALENDAR);
}

static void test_timetable_promises_nothing_by_what_it_cannot_read(void **state)
{
    (void)state;
    document_shop_put(&shop, OH_DOCUMENT_SERVICE, "dpd", "{\"later_version\": 1}");
    document_shop_put(&shop, OH_DOCUMENT_SOURCING, "web", "{\"later_version\": 1}");
    document_shop_node(&shop, "mars", "Mars/Olympus", "");
    schedule("[]");
    const struct oh_timetable *timetable = refresh_at(NOW);
    assert_int_equal(timetable->nodes[0].gap, OH_GAP_DOCUMENT);
    assert_int_equal(timetable->nodes[2].gap, OH_GAP_TIME_ZONE);
    assert_text(timetable->nodes[2].gap_name, "Mars/Olympus");
    assert_int_equal(timetable->services[0].gap, OH_GAP_DOCUMENT);
    assert_int_equal(timetable->sourcing[0]->gap, OH_GAP_DOCUMENT);
    assert_true(timetable->sourcing[0]->has_services);
    assert_int_equal(timetable->sourcing[0]->service_count, 0);
}

/* A gap would stand until the next day: nothing is made of a zone that cannot be read just now. */
static void test_timetable_waits_for_time_zones_that_cannot_be_read(void **state)
{
    (void)state;
    const char *services[] = { NULL, "{\"transit\": [{\"days\": 1}], \"time_zone\": \"Asia/Tokyo\"}" };
    for (int i = 0; i < 2; i++) { /* the zone of a node; with those of nodes known, the zone of a service */
        const struct oh_timetable *before = i == 0 ? NULL : refresh_at(NOW), *timetable = NULL;
        if (services[i] != NULL)
            document_shop_put(&shop, OH_DOCUMENT_SERVICE, "dpd", services[i]);
        struct rlimit usual = no_descriptors_begin();
        enum oh_err err = oh_timetable_refresh(builder, shop.ledger, &shop.source, at(NOW), &timetable);
        no_descriptors_end(usual);
        assert_int_equal(err, OH_E_IO);
        assert_ptr_equal(timetable, before);
        timetable = refresh_at(NOW);
        assert_int_equal(timetable->nodes[0].gap, OH_GAP_NONE);
        assert_int_equal(timetable->service_count, i);
        if (i == 1)
            assert_int_equal(timetable->services[0].gap, OH_GAP_NONE);
    }
}

/* ---- Sourcing --------------------------------------------------------------------------------- */

static void test_timetable_gives_a_channel_its_policy_or_the_default(void **state)
{
    (void)state;
    document_shop_channel(&shop, "app");
    document_shop_put(&shop, OH_DOCUMENT_SERVICE, "dpd", "{\"transit\": [{\"days\": 1}]}");
    document_shop_put(
        &shop, OH_DOCUMENT_SOURCING, "app",
        "{\"objective\": [\"parcels\", {\"cost\": 3, \"date\": 2}], \"services\": [\"ups\", \"dpd\"],"
        " \"apart\": [[\"food\", \"soap\"], [\"food\", \"unknown\"]], \"parcels_max\": 8}");
    shop.classes[0] = "food";
    shop.classes[1] = "soap";
    const struct oh_timetable *timetable = refresh_at(NOW);
    assert_ptr_equal(timetable->sourcing[0], timetable->sourcing_default);
    assert_int_equal(timetable->sourcing_default->objective.level_count, 6);
    assert_int_equal(timetable->sourcing_default->objective.weights[5][OH_TERM_PRIORITY], 1);
    assert_int_equal(timetable->sourcing_default->stores_max, 5);
    const struct oh_sourcing *app = timetable->sourcing[1];
    assert_int_equal(app->objective.level_count, 2);
    assert_int_equal(app->objective.weights[1][OH_TERM_COST], 3);
    assert_int_equal(app->service_count, 1);
    assert_int_equal(app->gap, OH_GAP_SERVICE);
    assert_text(app->gap_name, "ups");
    assert_int_equal(app->apart_count, 1);
    assert_int_equal(app->apart[0].b, 2);
}

static void test_timetable_compiles_a_draft_without_storing_it(void **state)
{
    (void)state;
    struct oh_fault fault;
    const struct oh_sourcing *draft = NULL;
    const struct oh_timetable *timetable = refresh_at(NOW);
    uint64_t version = timetable->version;
    assert_int_equal(oh_timetable_draft(builder, shop.ledger, &shop.source, OH_BYTES("{\"parcels_max\": 2}"),
                                        &draft, &fault),
                     OH_OK);
    assert_int_equal(draft->parcels_max, 2);
    assert_int_equal(timetable->sourcing[0]->parcels_max, 4);
    assert_int_equal(timetable->version, version);
    assert_int_equal(oh_timetable_draft(builder, shop.ledger, &shop.source, OH_BYTES("{\"parcels_max\": 9}"),
                                        &draft, &fault),
                     OH_E_SYNTAX);
    assert_string_equal(fault.field, "parcels_max");
}

/* ---- Refresh ---------------------------------------------------------------------------------- */

static void test_timetable_compiles_only_what_has_changed(void **state)
{
    (void)state;
    schedule("{\"hours\": [{\"from\": \"08:00\", \"to\": \"17:00\"}]}");
    document_shop_put(&shop, OH_DOCUMENT_SCHEDULE, "york",
                      "{\"hours\": [{\"from\": \"09:00\", \"to\": \"17:00\"}]}");
    const struct oh_timetable *timetable = refresh_at(NOW);
    uint64_t version = timetable->version;
    const struct oh_span *leeds = timetable->nodes[0].hours.at;
    const struct oh_span *york = timetable->nodes[1].hours.at;
    assert_ptr_equal(refresh_at("2026-03-27T23:59:59Z"), timetable);
    document_shop_put(&shop, OH_DOCUMENT_SCHEDULE, "york",
                      "{\"hours\": [{\"from\": \"10:00\", \"to\": \"17:00\"}]}");
    timetable = refresh_at(NOW);
    assert_int_not_equal(timetable->version, version);
    assert_ptr_equal(timetable->nodes[0].hours.at, leeds);
    assert_ptr_not_equal(timetable->nodes[1].hours.at, york);
    assert_at(timetable->nodes[1].hours.at[0].from_us, "2026-03-26T10:00:00Z");
}

static void test_timetable_moves_on_with_the_day(void **state)
{
    (void)state;
    schedule("{\"hours\": [{\"from\": \"08:00\", \"to\": \"17:00\"}]}");
    refresh_at(NOW);
    const struct oh_timetable *timetable = refresh_at("2026-03-28T00:00:00Z");
    assert_at(timetable->from_us, "2026-03-27T00:00:00Z");
    assert_at(timetable->until_us, "2026-04-08T00:00:00Z");
    assert_at(timetable->nodes[0].hours.at[0].from_us, "2026-03-27T08:00:00Z");
    assert_at(refresh_at("2026-03-27T00:00:00Z")->from_us,
              "2026-03-27T00:00:00Z"); /* a step back in its range */
}

/* Documents of every kind, that name each other. */
static void put_everything(void)
{
    document_shop_put(&shop, OH_DOCUMENT_CALENDAR, "uk", "{\"weekly_off\": [\"sun\"]}");
    document_shop_put(&shop, OH_DOCUMENT_ZONE, "z",
                      "{\"matches\": [{\"country\": \"GB\", \"postal_prefixes\": [\"LS\"]}]}");
    document_shop_put(
        &shop, OH_DOCUMENT_SERVICE, "dpd",
        "{\"transit\": [{\"zone\": \"z\", \"days\": 1}], \"transit_calendar\": \"uk\","
        " \"cost\": [{\"amount\": 1}], \"slots\": [{\"from\": \"08:00\", \"to\": \"10:00\", \"limit\": 1}],"
        " \"accounts\": [{\"account\": \"a\", \"nodes\": [\"leeds\"]}]}");
    document_shop_put(&shop, OH_DOCUMENT_LANE, "l",
                      "{\"from\": \"leeds\", \"to\": \"york\", \"transit_minutes\": 1,"
                      " \"departures\": [{\"at\": \"20:00\"}]}");
    document_shop_put(&shop, OH_DOCUMENT_SOURCING, "web", "{\"services\": [\"dpd\"]}");
    schedule("{\"calendar\": \"uk\", \"hours\": [{\"from\": \"08:00\", \"to\": \"17:00\"}],"
             " \"collect_cutoffs\": [{\"at\": \"12:00\"}], \"cutoffs\": [{\"at\": \"12:00\"}],"
             " \"pickups\": [{\"service\": \"dpd\", \"at\": \"17:00\"}, {\"service\": \"ups\", \"at\": "
             "\"17:00\"}],"
             " \"capacity\": {\"unit\": \"orders\", \"windows\": [{\"from\": \"08:00\", \"to\": \"17:00\", "
             "\"limit\": 1}]},"
             " \"processing_minutes\": {\"classes\": {\"large\": 1}}}");
    shop.classes[0] = "large";
}

static void refresh_with_failures(int64_t now_us, const struct oh_timetable *before)
{
    for (size_t nth = 1;; nth++) {
        const struct oh_timetable *timetable = NULL;
        failing_malloc_arm(nth);
        enum oh_err err = oh_timetable_refresh(builder, shop.ledger, &shop.source, now_us, &timetable);
        if (!failing_malloc_disarm()) {
            assert_int_equal(err, OH_OK);
            assert_ptr_not_equal(timetable, before);
            return;
        }
        assert_int_equal(err, OH_E_NOMEM);
        assert_ptr_equal(timetable, before);
        if (before != NULL)
            assert_int_equal(before->nodes[0].pickup_count, 2);
    }
}

static void test_timetable_keeps_the_last_one_when_memory_runs_out(void **state)
{
    (void)state;
    put_everything();
    failing_malloc_watch();
    oh_timetable_builder_destroy(&builder);
    assert_int_equal(oh_timetable_builder_create(10, &builder), OH_OK);
    refresh_with_failures(at(NOW), NULL);
    refresh_with_failures(at("2026-03-29T10:00:00Z"), refresh_at(NOW)); /* another day: everything anew */
    const struct oh_timetable *timetable = refresh_at("2026-03-29T10:00:00Z");
    failing_malloc_pause();
    put_everything(); /* everything has changed */
    failing_malloc_resume();
    refresh_with_failures(at("2026-03-29T10:00:00Z"), timetable);
    oh_timetable_builder_destroy(&builder);
    size_t first = 0;
    assert_int_equal(failing_malloc_live(&first), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_timetable_covers_yesterday_and_the_days_of_the_horizon),
        TEST(test_timetable_of_a_node_without_a_schedule_is_open_always),
        TEST(test_timetable_counts_hours_across_the_change_of_clocks),
        TEST(test_timetable_joins_hours_that_overlap_and_cuts_them_to_its_range),
        TEST(test_timetable_leaves_out_days_off_and_closures),
        TEST(test_timetable_of_a_node_without_hours_is_never_open_when_they_are_an_empty_list),
        TEST(test_timetable_takes_what_made_the_last_cutoff_before_a_pickup),
        TEST(test_timetable_moves_a_cutoff_with_the_clocks),
        TEST(test_timetable_without_cutoffs_takes_what_is_ready_by_the_pickup),
        TEST(test_timetable_runs_lanes_on_the_clock_of_where_they_begin),
        TEST(test_timetable_lets_no_windows_overlap_when_an_hour_comes_twice),
        TEST(test_timetable_knows_the_minutes_of_classes),
        TEST(test_timetable_tabulates_the_days_of_a_service),
        TEST(test_timetable_has_slots_on_delivery_days),
        TEST(test_timetable_says_what_is_missing_until_it_is_there),
        TEST(test_timetable_promises_nothing_by_what_it_cannot_read),
        TEST(test_timetable_waits_for_time_zones_that_cannot_be_read),
        TEST(test_timetable_gives_a_channel_its_policy_or_the_default),
        TEST(test_timetable_compiles_a_draft_without_storing_it),
        TEST(test_timetable_compiles_only_what_has_changed),
        TEST(test_timetable_moves_on_with_the_day),
        TEST(test_timetable_keeps_the_last_one_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
