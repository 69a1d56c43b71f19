/*
 * sourcing.c - how long does it take to find the best plan, and how often is it proven to be the best?
 *
 * usage: bench_sourcing [--rounds N]
 *
 * One JSON line per question, each over N random baskets (a tenth for the large ones). Levels: complete, parcels,
 * date, cost, distance, priority, as by default. A cap is a look-up, a parcel a sum of weights, two tables of six rows
 * and the slowest line: what the ledger and the timetable cost on top is not part of it.
 */
#include "base/prng.h"
#include "core/sourcing.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COST_ROWS 6u

struct question {
    const char *name;
    uint32_t lines;
    uint32_t candidates;
    uint32_t have_percent; /* how many of the candidates have a line */
    uint32_t enough_percent; /* of those, how many have enough of it */
    enum { ALL_AS_IT_COMES, ALL_ONE, ALL_NONE } all; /* how many may have all */
    uint32_t parcels_max;
    bool is_date_first;
    uint32_t one_in; /* round of a question this is one */
};

static const struct question questions[] = {
    { "5 lines x 2,000, many have all", 5, 2000, 90, 95, ALL_AS_IT_COMES, 4, false, 1 },
    { "5 lines x 2,000, one has all", 5, 2000, 40, 95, ALL_ONE, 4, false, 1 },
    { "5 lines x 2,000, none has all", 5, 2000, 40, 95, ALL_NONE, 4, false, 1 },
    { "5 lines x 2,000, none has all, date first", 5, 2000, 40, 95, ALL_NONE, 4, true, 1 },
    { "20 lines x 5,000", 20, 5000, 30, 90, ALL_NONE, 4, false, 10 },
    { "1,000 lines x 25", 1000, 25, 60, 90, ALL_AS_IT_COMES, 8, false, 20 },
};

struct basket {
    struct sourcing_problem problem;
    struct oh_objective objective;
    int64_t *needs;
    int64_t *weights;
    int64_t *slow;
    int64_t *caps;
    uint64_t *may_have;
    struct sourcing_candidate *candidates;
};

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *take_memory(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "bench_sourcing: no memory\n");
        exit(1);
    }
    return memory;
}

/* ---- A basket --------------------------------------------------------------------------------- */

static int64_t basket_cap(void *ctx, uint32_t candidate, uint32_t line)
{
    const struct basket *basket = ctx;
    return basket->caps[(size_t)candidate * basket->problem.line_count + line];
}

static bool basket_parcel(void *ctx, uint32_t candidate, const struct sourcing_take *takes, uint32_t take_count,
                          struct sourcing_terms *out_terms)
{
    static const int64_t grams[COST_ROWS] = { 500, 1000, 2000, 5000, 10000, 20000 };
    static const int64_t amounts[COST_ROWS] = { 0, 800, 1500, 3000, 5000, 9000 };
    const struct basket *basket = ctx;
    int64_t weight = 0;
    int64_t slow = 0;
    for (uint32_t i = 0; i < take_count; i++) {
        weight += basket->weights[takes[i].line] * (takes[i].quantity_milli / 1000);
        slow = basket->slow[takes[i].line] > slow ? basket->slow[takes[i].line] : slow;
    }
    uint32_t row = 0;
    int64_t boxes = weight / 20000;
    while (row + 1 < COST_ROWS && grams[row] < weight % 20000)
        row++;
    *out_terms = basket->candidates[candidate].least;
    out_terms->at[OH_TERM_PARCELS] += boxes;
    out_terms->at[OH_TERM_COST] += boxes * 12000 + amounts[row];
    out_terms->at[OH_TERM_DATE] += slow;
    return true;
}

static void candidate_draw(struct oh_prng *prng, const struct question *question, struct basket *basket, uint32_t i)
{
    struct sourcing_terms *least = &basket->candidates[i].least;
    int64_t distance_m = oh_prng_between(prng, 1000, 800000);
    int64_t days = 1 + distance_m / 300000 + (int64_t)oh_prng_below(prng, 2);
    basket->candidates[i].site = i;
    least->at[OH_TERM_PARCELS] = 1;
    least->at[OH_TERM_DATE] = days * 1440 + 60 * oh_prng_between(prng, 0, 3);
    least->at[OH_TERM_COST] = 3000 + distance_m / 100000 * 500;
    least->at[OH_TERM_DISTANCE] = distance_m;
    least->at[OH_TERM_PRIORITY] = oh_prng_between(prng, 0, 3);
    bool has_all = question->all == ALL_ONE && i == question->candidates / 2;
    uint32_t missing = (uint32_t)oh_prng_below(prng, question->lines);
    for (uint32_t line = 0; line < question->lines; line++) {
        bool has = oh_prng_below(prng, 100) < question->have_percent;
        if (question->all != ALL_AS_IT_COMES)
            has = has_all || (has && line != missing);
        if (!has)
            continue;
        bool has_enough = has_all || oh_prng_below(prng, 100) < question->enough_percent;
        basket->may_have[(size_t)i * basket->problem.words + line / 64] |= UINT64_C(1) << (line % 64);
        basket->caps[(size_t)i * question->lines + line] = has_enough ? 20000 : 1000;
    }
}

static void basket_draw(struct oh_prng *prng, const struct question *question, struct basket *basket)
{
    memset(basket->may_have, 0, (size_t)question->candidates * basket->problem.words * sizeof(uint64_t));
    memset(basket->caps, 0, (size_t)question->candidates * question->lines * sizeof(int64_t));
    for (uint32_t line = 0; line < question->lines; line++) {
        basket->needs[line] = 1000 * oh_prng_between(prng, 1, 4);
        basket->weights[line] = oh_prng_between(prng, 50, 900);
        basket->slow[line] = oh_prng_below(prng, 10) == 0 ? 1440 : 0;
    }
    for (uint32_t i = 0; i < question->candidates; i++)
        candidate_draw(prng, question, basket, i);
}

static void basket_create(const struct question *question, struct basket *basket)
{
    static const struct oh_objective by_default = {
        6, { { 1 }, { 0, 1 }, { 0, 0, 1 }, { 0, 0, 0, 1 }, { 0, 0, 0, 0, 1 }, { 0, 0, 0, 0, 0, 1 } }
    };
    static const struct oh_objective date_first = {
        6, { { 1 }, { 0, 0, 1 }, { 0, 1 }, { 0, 0, 0, 1 }, { 0, 0, 0, 0, 1 }, { 0, 0, 0, 0, 0, 1 } }
    };
    uint32_t words = (question->lines + 63) / 64;
    basket->objective = question->is_date_first ? date_first : by_default;
    basket->needs = take_memory(question->lines, sizeof(int64_t));
    basket->weights = take_memory(question->lines, sizeof(int64_t));
    basket->slow = take_memory(question->lines, sizeof(int64_t));
    basket->caps = take_memory((size_t)question->candidates * question->lines, sizeof(int64_t));
    basket->may_have = take_memory((size_t)question->candidates * words, sizeof(uint64_t));
    basket->candidates = take_memory(question->candidates, sizeof(struct sourcing_candidate));
    basket->problem = (struct sourcing_problem){
        .needs_milli = basket->needs, .line_count = question->lines,
        .candidates = basket->candidates, .candidate_count = question->candidates,
        .may_have = basket->may_have, .words = words,
        .objective = &basket->objective, .parcels_max = question->parcels_max,
        .split_orders = true, .split_lines = true, .steps_max = SOURCING_STEPS_MAX,
        .cap = basket_cap, .parcel = basket_parcel, .ctx = basket,
    };
}

static void basket_destroy(struct basket *basket)
{
    free(basket->needs);
    free(basket->weights);
    free(basket->slow);
    free(basket->caps);
    free(basket->may_have);
    free(basket->candidates);
}

/* ---- Questions -------------------------------------------------------------------------------- */

static int number_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void ask(const struct question *question, uint32_t rounds, struct sourcing_scratch *scratch)
{
    struct basket basket;
    struct oh_prng prng;
    uint64_t *ns = take_memory(rounds, sizeof(uint64_t));
    uint64_t *steps = take_memory(rounds, sizeof(uint64_t));
    uint32_t found = 0;
    uint32_t bounded = 0;
    uint64_t parcels = 0;
    oh_prng_init(&prng, 1);
    basket_create(question, &basket);
    for (uint32_t i = 0; i < rounds; i++) {
        struct sourcing_plan plan;
        basket_draw(&prng, question, &basket);
        uint64_t started = clock_ns();
        sourcing_solve(&basket.problem, scratch, &plan);
        ns[i] = clock_ns() - started;
        steps[i] = plan.step_count;
        found += plan.is_found;
        bounded += plan.is_bounded;
        parcels += plan.is_found ? (uint64_t)plan.terms.at[OH_TERM_PARCELS] : 0;
    }
    qsort(ns, rounds, sizeof(uint64_t), number_compare);
    qsort(steps, rounds, sizeof(uint64_t), number_compare);
    printf("{\"question\":\"%s\",\"baskets\":%u,\"found\":%u,\"proven_best\":%.3f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
           "\"steps_p50\":%" PRIu64 ",\"steps_p99\":%" PRIu64 ",\"boxes_mean\":%.2f}\n",
           question->name, rounds, found, 1 - (double)bounded / rounds, (double)ns[rounds / 2] / 1e3,
           (double)ns[rounds * 99 / 100] / 1e3, steps[rounds / 2], steps[rounds * 99 / 100],
           found == 0 ? 0 : (double)parcels / found);
    fflush(stdout);
    basket_destroy(&basket);
    free(ns);
    free(steps);
}

int main(int argc, char **argv)
{
    uint32_t rounds = 1000;
    if (argc == 3 && strcmp(argv[1], "--rounds") == 0)
        rounds = (uint32_t)strtoul(argv[2], NULL, 10);
    if ((argc != 1 && argc != 3) || rounds == 0)
        return 2;
    void *memory = aligned_alloc(16, (sourcing_scratch_size() + 15) / 16 * 16);
    if (memory == NULL)
        return 1;
    struct sourcing_scratch *scratch = sourcing_scratch_init(memory);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        uint32_t asked = rounds / questions[i].one_in;
        ask(&questions[i], asked == 0 ? 1 : asked, scratch);
    }
    free(memory);
    return 0;
}
