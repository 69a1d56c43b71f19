/*
 * test_transits.c - what was reported of deliveries, against a list of all of them.
 *
 * Random reports, by every way to say where from and where to; some are repeated. The records are replayed into a
 * replica through their bytes, and a snapshot is taken while reports go on. One seed repeats one run: ONHAND_SEED.
 */
#include "base/prng.h"
#include "codec/record.h"
#include "core/state.h"
#include "support/ledger_audit.h"
#include "support/shop.h"
#include "support/test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS      60u
#define REPORTS_MAX 200u
#define KNOWN_MAX   (ROUNDS * REPORTS_MAX)
#define SECOND_US   1000000ll

/* One report as the test remembers it. */
struct known { uint32_t service, origin, destination, weekday, seconds; };

struct world {
    uint64_t seed;
    struct oh_prng prng;
    struct oh_ledger_options options;
    struct shop *shop;
    struct oh_ledger *replica;
    struct oh_ledger *restored;
    struct oh_record_decoder decoder;
    struct oh_strbuf bytes;
    struct known known[KNOWN_MAX];
    uint32_t known_count;
    char ids[REPORTS_MAX][16];
    uint32_t id_count;
};

static struct world world;

/* The same region, said in different ways. */
static const char *const services[] = { "express", "economy" };
static const char *const origins[] = { "north", "GB-EC", "FR" };       /* nodes n0, n1, n2 */
static const char *const destinations[] = { "GB-SW", "US-10", "home" };
static const char *const codes[][2] = { { "GB", "sw1a 1aa" }, { "US", "10001-1234" } };

static uint32_t below(uint32_t bound)
{
    return (uint32_t)oh_prng_below(&world.prng, bound);
}

static void record_replay(void)
{
    struct oh_record record;
    struct oh_record decoded;
    struct oh_diag diag;
    if (!oh_ledger_take_record(world.shop->ledger, &record))
        return;
    oh_strbuf_clear(&world.bytes);
    assert_int_equal(oh_record_encode(&record, &world.bytes), OH_OK);
    assert_int_equal(oh_record_decode(oh_strbuf_bytes(&world.bytes), &world.decoder, &decoded), OH_OK);
    assert_int_equal(oh_ledger_replay(world.replica, &decoded, &diag), OH_OK);
}

static void node_put(const char *node, const char *region, const char *country, const char *code)
{
    struct oh_command command = { .type = OH_COMMAND_NODE };
    command.node = (struct oh_node_command){ .node = oh_bytes_of(node), .region = oh_bytes_of(region),
                                             .country = oh_bytes_of(country), .postal_code = oh_bytes_of(code),
                                             .enabled = true };
    struct oh_answer answer;
    assert_int_equal(oh_ledger_apply(world.shop->ledger, world.shop->now_us, &command, &answer), OH_OK);
    assert_int_equal(answer.verdict, OH_OK_DONE);
    record_replay();
}

static uint32_t seconds_draw(void)
{
    static const uint32_t spans[] = { 60, 86400, 864000, OH_SKETCH_SECONDS_MAX };
    return below(spans[below(4)] + 1);
}

static void report_make(struct oh_delivery_report *report, struct known *known, int64_t now_us)
{
    *known = (struct known){ below(2), below(3), below(3), below(7), seconds_draw() };
    static const char *const nodes[] = { "n0", "n1", "n2" };
    *report = (struct oh_delivery_report){ .service = oh_bytes_of(services[known->service]),
                                           .weekday = known->weekday,
                                           .delivered_at_us = now_us };
    report->handed_over_at_us = now_us - known->seconds * SECOND_US;
    if (below(2) == 0)
        report->origin_node = oh_bytes_of(nodes[known->origin]);
    else
        report->origin_region = oh_bytes_of(origins[known->origin]);
    if (known->destination < 2 && below(2) == 0) {
        report->country = oh_bytes_of(codes[known->destination][0]);
        report->postal_code = oh_bytes_of(codes[known->destination][1]);
    } else {
        report->destination_region = oh_bytes_of(destinations[known->destination]);
    }
}

static void reports_send(uint32_t round)
{
    static struct oh_delivery_report reports[REPORTS_MAX];
    struct oh_command command = { .type = OH_COMMAND_DELIVERIES };
    struct oh_answer answer;
    command.deliveries = (struct oh_deliveries_command){ reports, 1 + below(REPORTS_MAX) };
    for (uint32_t i = 0; i < command.deliveries.report_count; i++) {
        report_make(&reports[i], &world.known[world.known_count + i], world.shop->now_us);
        if (round % 3 == 0) {
            snprintf(world.ids[i], sizeof(world.ids[i]), "%u-%u", round, i);
            reports[i].id = oh_bytes_of(world.ids[i]);
        }
    }
    for (uint32_t time = 0; time < (round % 3 == 0 ? 2u : 1u); time++) { /* with ids: once more, to no effect */
        assert_int_equal(oh_ledger_apply(world.shop->ledger, world.shop->now_us, &command, &answer), OH_OK);
        assert_int_equal(answer.verdict, OH_OK_DONE);
        for (uint32_t i = 0; i < answer.line_count; i++)
            assert_int_equal(answer.lines[i].verdict, time == 0 ? OH_OK_DONE : OH_V_REPEATED);
        record_replay();
    }
    world.known_count += command.deliveries.report_count;
}

static int seconds_compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* The durations that match, sorted; weekday 7: any. */
static uint32_t naive_durations(const struct known *of, uint32_t weekday, uint32_t *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world.known_count; i++) {
        const struct known *known = &world.known[i];
        if (known->service == of->service && known->origin == of->origin && known->destination == of->destination &&
            (weekday == 7 || known->weekday == weekday))
            out[count++] = known->seconds;
    }
    qsort(out, count, sizeof(*out), seconds_compare);
    return count;
}

static void quantile_check(const struct oh_ledger *ledger, const struct known *of, uint32_t percentile)
{
    static uint32_t durations[KNOWN_MAX];
    int64_t said_us = -1;
    uint32_t count = naive_durations(of, of->weekday, durations);
    if (count < OH_TRANSIT_REPORTS_MIN)
        count = naive_durations(of, 7, durations);
    bool is_learned = oh_transit_quantile(ledger, oh_bytes_of(services[of->service]), oh_bytes_of(origins[of->origin]),
                                          oh_bytes_of(destinations[of->destination]), of->weekday, percentile,
                                          &said_us);
    assert_int_equal(is_learned, count >= OH_TRANSIT_REPORTS_MIN);
    assert_true(is_learned || said_us == -1);
    if (!is_learned)
        return;
    double exact_s = durations[(count * percentile + 99) / 100 - 1];
    double said_s = (double)said_us / SECOND_US;
    if (said_s < exact_s * 0.99 || said_s > exact_s * 1.01)
        fail_msg("seed %" PRIu64 ": p%u of %u is %g s, not %g s", world.seed, percentile, count, exact_s, said_s);
}

static void ledger_check(const struct oh_ledger *ledger)
{
    struct known of;
    for (uint32_t i = 0; i < 2 * 3 * 3 * 7; i++) {
        of = (struct known){ i % 2, i / 2 % 3, i / 6 % 3, i / 18, 0 };
        quantile_check(ledger, &of, 50 + below(51));
    }
}

static void restore(void *ctx, const struct oh_effect *object)
{
    struct oh_diag diag;
    struct oh_effect decoded;
    (void)ctx;
    oh_strbuf_clear(&world.bytes);
    assert_int_equal(oh_object_encode(object, &world.bytes), OH_OK);
    assert_int_equal(oh_object_decode(oh_strbuf_bytes(&world.bytes), &world.decoder, &decoded), OH_OK);
    assert_int_equal(oh_ledger_restore(world.restored, &decoded, &diag), OH_OK);
}

/* A snapshot that began before `rounds` more requests is of the moment it began. */
static void snapshot_check(uint32_t round)
{
    uint32_t known_count = world.known_count;
    world.restored = shop_ledger_create(&world.options);
    oh_ledger_snapshot_begin(world.shop->ledger, restore, NULL);
    bool has_ended = false;
    for (uint32_t i = 0; !has_ended; i++) {
        if (i < 3)
            reports_send(round + i * 3 + 1);
        has_ended = oh_ledger_snapshot_step(world.shop->ledger, i < 3 ? 20 : 1000000);
    }
    uint32_t later_count = world.known_count;
    world.known_count = known_count;
    ledger_check(world.restored);
    world.known_count = later_count;
    (void)oh_ledger_advance(world.restored, world.shop->now_us, 1); /* puts what was restored in order */
    assert_null(ledger_audit(world.restored));
    oh_ledger_destroy(&world.restored);
}

static void test_transits_are_those_of_all_reports(void **state)
{
    (void)state;
    oh_prng_init(&world.prng, world.seed);
    oh_strbuf_init(&world.bytes, (size_t)16 << 20);
    oh_record_decoder_init(&world.decoder, 0);
    world.options = SHOP_OPTIONS;
    world.options.keys_max = 65536;
    world.options.text_size_max = (uint64_t)64 << 20;
    world.shop = shop_open(&world.options);
    world.replica = shop_ledger_create(&world.options);
    world.known_count = 0;
    node_put("n0", "north", "GB", "EC1A 1BB");
    node_put("n1", "", "GB", "EC1A 1BB");
    node_put("n2", "", "FR", "");
    for (uint32_t round = 0; round + 12 < ROUNDS; round++) {
        world.shop->now_us += 3600 * SECOND_US;
        reports_send(round);
        ledger_check(world.shop->ledger);
        ledger_check(world.replica);
        if (round % 20 == 10)
            snapshot_check(round);
    }
    assert_null(ledger_audit(world.shop->ledger));
    assert_null(ledger_audit(world.replica));
    oh_record_decoder_fini(&world.decoder);
    oh_strbuf_fini(&world.bytes);
    oh_ledger_destroy(&world.replica);
    shop_drop(world.shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_transits_are_those_of_all_reports) };
    const char *text = getenv("ONHAND_SEED");
    world.seed = text == NULL ? 1 : strtoull(text, NULL, 10);
    printf("seed %" PRIu64 " (ONHAND_SEED)\n", world.seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
