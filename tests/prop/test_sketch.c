/*
 * test_sketch.c - quantiles of a sketch against the sorted durations themselves.
 *
 * Each round is durations of one random distribution. One seed repeats one run: ONHAND_SEED.
 */
#include "base/prng.h"
#include "core/sketch.h"
#include "support/test.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS       400u
#define SECONDS_KEPT 5000u
#define PARTS        5u

static struct oh_sketch_scale scale;
static uint64_t run_seed;

struct durations {
    uint32_t seconds[SECONDS_KEPT];
    uint32_t count;
};

static uint64_t seed_of_run(void)
{
    const char *text = getenv("ONHAND_SEED");
    return text == NULL ? 1 : strtoull(text, NULL, 10);
}

/* In (0, 1]. */
static double fraction(struct oh_prng *prng)
{
    return (double)(oh_prng_below(prng, 1u << 30) + 1) / (double)(1u << 30);
}

static uint32_t clamp(double seconds)
{
    return seconds < OH_SKETCH_SECONDS_MAX ? (uint32_t)seconds : OH_SKETCH_SECONDS_MAX;
}

static uint32_t duration_draw(struct oh_prng *prng, uint32_t kind, double middle_s)
{
    switch (kind) {
    case 0: /* uniform */
        return clamp(2 * middle_s * fraction(prng));
    case 1: /* exponential */
        return clamp(-middle_s * log(fraction(prng)));
    case 2: /* Pareto: a few are very late */
        return clamp(middle_s * pow(fraction(prng), -1.0));
    case 3: /* log-uniform over the whole scale: more buckets than a sketch keeps */
        return clamp(exp(log(OH_SKETCH_SECONDS_MAX) * fraction(prng)));
    case 4: /* whole days */
        return clamp(86400.0 * (double)oh_prng_between(prng, 0, 9));
    case 5: /* always the same */
        return clamp(middle_s);
    default: /* two clusters, and the longest there is */
        return oh_prng_below(prng, 20) == 0 ? OH_SKETCH_SECONDS_MAX
                                            : clamp(middle_s * (oh_prng_below(prng, 2) == 0 ? 0.01 : 1));
    }
}

static void durations_draw(struct oh_prng *prng, uint32_t kind, struct durations *durations)
{
    double middle_s = exp(log(1e6) * fraction(prng));
    durations->count = 1 + (uint32_t)oh_prng_below(prng, oh_prng_below(prng, 2) == 0 ? 40 : SECONDS_KEPT);
    for (uint32_t i = 0; i < durations->count; i++)
        durations->seconds[i] = duration_draw(prng, kind, middle_s);
}

static void sketch_fill(struct oh_sketch *sketch, const uint32_t *seconds, uint32_t count)
{
    memset(sketch, 0, sizeof(*sketch));
    for (uint32_t i = 0; i < count; i++)
        assert_true(oh_sketch_add(sketch, oh_sketch_bucket(&scale, seconds[i]), 1));
}

static int seconds_compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* Sorts. What fell into the lowest bucket of a full sketch may have been shorter: then it says too much. */
static void durations_judge(struct durations *durations, const struct oh_sketch *sketch, uint32_t round)
{
    qsort(durations->seconds, durations->count, sizeof(uint32_t), seconds_compare);
    for (uint32_t percentile = 1; percentile <= 100; percentile++) {
        uint32_t rank = (durations->count * percentile + 99) / 100;
        double exact_s = durations->seconds[rank - 1];
        double said_s = oh_sketch_quantile_s(&scale, sketch, percentile);
        bool is_collapsed = sketch->bucket_count == OH_SKETCH_BUCKETS_MAX &&
                            oh_sketch_bucket(&scale, (uint32_t)exact_s) < sketch->buckets[0];
        if (said_s < exact_s * 0.99 || (said_s > exact_s * 1.01 && !is_collapsed))
            fail_msg("seed %" PRIu64 ", round %u, p%u of %u: %g s, is %g s", run_seed, round, percentile,
                     durations->count, said_s, exact_s);
    }
}

static void test_sketch_is_within_one_percent_of_the_sorted_durations(void **state)
{
    (void)state;
    static struct durations durations;
    static struct oh_sketch sketch;
    struct oh_prng prng;
    uint32_t full = 0;
    oh_prng_init(&prng, run_seed);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        durations_draw(&prng, round % 7, &durations);
        sketch_fill(&sketch, durations.seconds, durations.count);
        assert_int_equal(sketch.total, durations.count);
        full += sketch.bucket_count == OH_SKETCH_BUCKETS_MAX;
        durations_judge(&durations, &sketch, round);
    }
    assert_true(full > 0 && full < ROUNDS / 2); /* both kinds of sketch were seen */
}

static void durations_shuffle(struct oh_prng *prng, struct durations *durations)
{
    for (uint32_t i = durations->count; i > 1; i--) {
        uint32_t other = (uint32_t)oh_prng_below(prng, i);
        uint32_t seconds = durations->seconds[i - 1];
        durations->seconds[i - 1] = durations->seconds[other];
        durations->seconds[other] = seconds;
    }
}

static void sketch_merge(struct oh_sketch *into, const struct oh_sketch *from)
{
    for (uint32_t i = 0; i < from->bucket_count; i++)
        assert_true(oh_sketch_add(into, from->buckets[i], from->counts[i]));
}

/* The parts overlap at random places, and some are empty. */
static void sketch_merge_parts(struct oh_prng *prng, const struct durations *durations, struct oh_sketch *whole)
{
    static struct oh_sketch part;
    uint32_t first = 0;
    memset(whole, 0, sizeof(*whole));
    for (uint32_t i = 0; i < PARTS; i++) {
        uint32_t rest = durations->count - first;
        uint32_t count = i == PARTS - 1 ? rest : (uint32_t)oh_prng_below(prng, rest + 1);
        sketch_fill(&part, durations->seconds + first, count);
        sketch_merge(whole, &part);
        first += count;
    }
}

static void test_sketch_is_the_same_in_any_order_and_from_any_parts(void **state)
{
    (void)state;
    static struct durations durations;
    static struct oh_sketch sketch;
    static struct oh_sketch shuffled;
    static struct oh_sketch merged;
    struct oh_prng prng;
    oh_prng_init(&prng, run_seed + 1);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        durations_draw(&prng, round % 7, &durations);
        sketch_fill(&sketch, durations.seconds, durations.count);
        durations_shuffle(&prng, &durations);
        sketch_fill(&shuffled, durations.seconds, durations.count);
        sketch_merge_parts(&prng, &durations, &merged);
        if (memcmp(&sketch, &shuffled, sizeof(sketch)) != 0 || memcmp(&sketch, &merged, sizeof(sketch)) != 0)
            fail_msg("seed %" PRIu64 ", round %u: the order or the parts show", run_seed, round);
    }
}

/* Every bucket there is: its durations are its own, and its value is within 1 % of all of them. */
static void test_sketch_scale_is_within_one_percent_everywhere(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < OH_SKETCH_SCALE; i++) {
        double longest = scale.ends_s[i];
        double shortest = i == 0 ? 0 : scale.ends_s[i - 1] + 1;
        double value = oh_sketch_bucket_seconds(&scale, i);
        assert_true(shortest <= longest);
        assert_true(value - shortest <= 0.01 * shortest && longest - value <= 0.01 * longest);
        assert_int_equal(oh_sketch_bucket(&scale, (uint32_t)shortest), i);
        assert_int_equal(oh_sketch_bucket(&scale, (uint32_t)longest), i);
    }
}

/* A journal holds numbers of buckets: the table may never change. */
static void test_sketch_scale_is_the_one_journals_were_written_with(void **state)
{
    (void)state;
    static const uint32_t known[][2] = { { 0, 0 }, { 99, 99 }, { 100, 101 }, { 200, 597 }, { 400, 31284 },
                                         { 500, 231025 }, { 600, 1706996 }, { 700, 12613760 }, { 745, 31025738 },
                                         { 746, 31536000 } };
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_int_equal(scale.ends_s[known[i][0]], known[i][1]);
    for (uint32_t i = 0; i < OH_SKETCH_SCALE; i++)
        sum = sum * 31 + scale.ends_s[i];
    assert_true(sum == UINT64_C(11175343758591542134));
}

static void test_sketch_adds_up_to_its_limit_and_not_past_it(void **state)
{
    (void)state;
    static struct oh_sketch sketch;
    static struct oh_sketch before;
    memset(&sketch, 0, sizeof(sketch));
    assert_true(oh_sketch_add(&sketch, 3, UINT32_MAX - 1));
    assert_true(oh_sketch_add(&sketch, OH_SKETCH_SCALE - 1, 1));
    before = sketch;
    assert_false(oh_sketch_add(&sketch, 3, 1));
    assert_memory_equal(&before, &sketch, sizeof(sketch));
    assert_true(oh_sketch_add(&sketch, 5, 0)); /* nothing, of a bucket that is not there */
    assert_memory_equal(&before, &sketch, sizeof(sketch));
    assert_int_equal(oh_sketch_quantile_s(&scale, &sketch, 99), 3);
    assert_int_equal(oh_sketch_quantile_s(&scale, &sketch, 100), oh_sketch_bucket_seconds(&scale, 746));
}

/* One bucket more than it keeps: the lowest two become one, whichever came last. */
static void test_sketch_collapses_the_lowest_when_it_is_full(void **state)
{
    (void)state;
    static struct oh_sketch sketch;
    memset(&sketch, 0, sizeof(sketch));
    for (uint32_t i = 0; i < OH_SKETCH_BUCKETS_MAX; i++)
        assert_true(oh_sketch_add(&sketch, 2 * i + 10, 1));
    assert_int_equal(sketch.bucket_count, OH_SKETCH_BUCKETS_MAX);
    assert_int_equal(sketch.buckets[0], 10);
    assert_true(oh_sketch_add(&sketch, 11, 1)); /* between the lowest two */
    assert_int_equal(sketch.bucket_count, OH_SKETCH_BUCKETS_MAX);
    assert_int_equal(sketch.buckets[0], 11);
    assert_int_equal(sketch.counts[0], 2);
    assert_true(oh_sketch_add(&sketch, 0, 5)); /* below all */
    assert_int_equal(sketch.buckets[0], 11);
    assert_int_equal(sketch.counts[0], 7);
    assert_true(oh_sketch_add(&sketch, 746, 1)); /* above all */
    assert_int_equal(sketch.buckets[0], 12);
    assert_int_equal(sketch.counts[0], 8);
    assert_int_equal(sketch.total, OH_SKETCH_BUCKETS_MAX + 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sketch_is_within_one_percent_of_the_sorted_durations),
        cmocka_unit_test(test_sketch_is_the_same_in_any_order_and_from_any_parts),
        cmocka_unit_test(test_sketch_scale_is_within_one_percent_everywhere),
        cmocka_unit_test(test_sketch_scale_is_the_one_journals_were_written_with),
        cmocka_unit_test(test_sketch_adds_up_to_its_limit_and_not_past_it),
        cmocka_unit_test(test_sketch_collapses_the_lowest_when_it_is_full),
    };
    run_seed = seed_of_run();
    printf("seed %" PRIu64 " (ONHAND_SEED)\n", run_seed);
    oh_sketch_scale_init(&scale);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
