/*
 * Two laws. A history that is made from a run in some order, with requests
 * that overlap at random and crashes that lose a tail, is accepted. A small
 * history, whatever was done to it, is accepted exactly when trying every
 * order finds one (brute.h).
 *
 *     test_linear_random [SEED [HISTORIES]]
 */
#include "linear/brute.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_COUNT  200u
#define LONG_OPS    60u
#define SMALL_COUNT 8000u
#define SMALL_OPS   7u
#define NODES       2u
#define REACH_US    35 /* how far a request may begin before, and end after, its moment */
#define STEP_US     10

static uint64_t seed = 1;
static uint64_t wanted_count; /* 0: the constants above */

/* ---- Chance ---- */

static uint64_t chance_state;

static uint64_t chance_next(void)
{
    chance_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = chance_state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint32_t below(uint32_t count)
{
    return (uint32_t)(chance_next() % count);
}

static bool one_in(uint32_t count)
{
    return below(count) == 0;
}

/* ---- A run, and what clients see of it ---- */

struct run {
    struct brute_book now;
    struct brute_book kept; /* what a crash leaves */
    struct lin_op ops[2 * LONG_OPS];
    int64_t crashes[2];
    uint32_t op_count;
    uint32_t crash_count;
    uint32_t item_count;
    uint32_t reservation_count;
    int64_t life_us; /* when this life began */
    bool is_lost;    /* what is written from here on dies in the next crash */
    bool tells_time; /* reservations say when they were made */
};

static void line_make(const struct run *run, struct lin_line *line, bool may_be_any)
{
    line->item = below(run->item_count);
    line->node = may_be_any && one_in(4) ? LIN_ANY_NODE : below(NODES);
}

static void op_make(struct run *run, struct lin_op *op)
{
    static const enum lin_kind kinds[] = { LIN_ADJUST,  LIN_RESERVE, LIN_RESERVE, LIN_READ,
                                           LIN_READ,    LIN_CONFIRM, LIN_RELEASE, LIN_FULFIL,
                                           LIN_PROMISE, LIN_PROMISE, LIN_LIMIT,   LIN_SUPPLY };
    lin_op_init(op, kinds[below(sizeof kinds / sizeof kinds[0])]);
    bool is_step = op->kind == LIN_CONFIRM || op->kind == LIN_RELEASE || op->kind == LIN_FULFIL;
    if (op->kind == LIN_RESERVE || op->kind == LIN_PROMISE)
        op->reservation = run->reservation_count++;
    if (is_step)
        op->reservation = run->reservation_count == 0 ? 0 : below(run->reservation_count);
    bool is_single = op->kind == LIN_READ || op->kind == LIN_LIMIT || op->kind == LIN_SUPPLY;
    op->line_count = is_step ? 0 : is_single ? 1 : 1 + (uint32_t)one_in(3);
    for (uint32_t i = 0; i < op->line_count; i++) {
        line_make(run, &op->lines[i], op->kind == LIN_RESERVE || op->kind == LIN_READ);
        if (op->kind == LIN_PROMISE)
            op->lines[i].node = LIN_ANY_NODE;
        op->lines[i].quantity = op->kind == LIN_ADJUST ? (int64_t)below(7) - 1 : 1 + (int64_t)below(3);
    }
    if (op->kind == LIN_PROMISE || op->kind == LIN_LIMIT)
        op->window = below(BRUTE_WINDOWS);
    if (op->kind == LIN_SUPPLY) {
        op->supply = below(BRUTE_SUPPLIES);
        op->eta = below(3);
    }
    if (op->kind == LIN_READ && one_in(3))
        op->by = below(3);
    op->key = op->kind == LIN_READ ? 0 : run->op_count + 1;
}

/* Requests that overlap: each begins somewhat before its moment and ends somewhat after it. */
static void op_see(struct run *run, struct lin_op *op, int64_t at_us, int64_t crash_us)
{
    op->client = below(4);
    op->invoke_us = at_us - below(REACH_US);
    op->return_us = at_us + below(REACH_US);
    if (op->invoke_us <= run->life_us)
        op->invoke_us = run->life_us + 1;
    bool is_cut = op->return_us > crash_us || run->is_lost;
    if (op->kind == LIN_READ ? op->return_us > crash_us : is_cut) {
        op->return_us = LIN_NEVER;
        op->answer = LIN_NONE;
    }
}

static void answer_unsay(struct lin_op *op)
{
    op->created_us = LIN_UNSAID;
    for (uint32_t i = 0; i < op->line_count; i++)
        op->lines[i].available = LIN_UNSAID;
}

/* Does an operation at a moment; what it answers may never arrive. */
static void run_do(struct run *run, const struct lin_op *asked, int64_t at_us, int64_t crash_us)
{
    struct lin_op *op = &run->ops[run->op_count];
    brute_do(&run->now, NODES, asked, op);
    if ((op->kind == LIN_RESERVE || op->kind == LIN_PROMISE) && op->answer == LIN_OK && run->tells_time)
        op->created_us = at_us;
    op_see(run, op, at_us, crash_us);
    if (op->answer == LIN_NONE)
        answer_unsay(op);
    if (op->kind == LIN_READ && op->answer == LIN_NONE)
        return;
    if (!run->is_lost)
        run->kept = run->now;
    run->op_count++;
}

/* Asks again for what was not answered: what was kept answers as it did, what was lost is done now. */
static void run_retry(struct run *run, uint32_t first, const bool *was_kept, const struct lin_op *answers,
                      int64_t *at_us)
{
    uint32_t count = run->op_count;
    for (uint32_t i = first; i < count; i++) {
        if (run->ops[i].answer != LIN_NONE || one_in(3))
            continue;
        struct lin_op asked = run->ops[i];
        asked.invoke_us = *at_us += STEP_US;
        if (!was_kept[i]) {
            run_do(run, &asked, *at_us, LIN_NEVER);
            continue;
        }
        run->ops[run->op_count] = answers[i];
        op_see(run, &run->ops[run->op_count++], *at_us, LIN_NEVER);
    }
}

/*
 * A life that ends in a crash loses what came after a random moment, and only what nobody was answered. Answers of
 * writes that are cut are remembered, for those that are kept and asked for again.
 */
static void run_make(struct run *run, uint32_t op_count, bool has_crash, bool tells_time)
{
    bool was_kept[2 * LONG_OPS] = { false };
    struct lin_op answers[2 * LONG_OPS];
    struct lin_op asked;
    int64_t at_us = 100;
    int64_t crash_us = has_crash ? at_us + (int64_t)(1 + op_count / 2) * STEP_US + below(STEP_US) : LIN_NEVER;
    *run = (struct run){ .item_count = 1 + below(BRUTE_ITEMS), .life_us = 0, .tells_time = tells_time };
    for (uint32_t i = 0; i < op_count; i++) {
        at_us += STEP_US;
        if (at_us > crash_us) {
            run->now = run->kept;
            run->is_lost = false;
            run->crashes[run->crash_count++] = crash_us;
            run->life_us = crash_us;
            at_us = crash_us + STEP_US;
            crash_us = LIN_NEVER;
            run_retry(run, 0, was_kept, answers, &at_us);
            at_us += STEP_US;
        }
        if (crash_us != LIN_NEVER && crash_us - at_us < 2 * STEP_US && one_in(2))
            run->is_lost = true;
        op_make(run, &asked);
        struct brute_book copy = run->now;
        uint32_t index = run->op_count;
        brute_do(&copy, NODES, &asked, &answers[index]);
        bool is_made = asked.kind == LIN_RESERVE || asked.kind == LIN_PROMISE;
        if (is_made && answers[index].answer == LIN_OK && tells_time)
            answers[index].created_us = at_us;
        run_do(run, &asked, at_us, crash_us);
        was_kept[index] = !run->is_lost && answers[index].answer != LIN_UNKNOWN; /* that uses no key up */
    }
}

/* ---- The checker on it ---- */

static enum lin_verdict run_check(const struct run *run, char *out_text, size_t size)
{
    struct lin_result result;
    size_t used = 0;
    const struct lin_options options = { .without_reasons = true };
    struct lin_history *history = lin_create(&options);
    assert_non_null(history);
    for (uint32_t i = 0; i < NODES; i++)
        (void)lin_node(history, i == 0 ? "n1" : "n2");
    for (uint32_t i = 0; i < BRUTE_ITEMS; i++)
        (void)lin_item(history, i == 0 ? "A" : "B");
    for (uint32_t i = 0; i < BRUTE_WINDOWS; i++)
        (void)lin_window(history, i == 0 ? "W1" : "W2");
    for (uint32_t i = 0; i < BRUTE_SUPPLIES; i++)
        (void)lin_supply(history, i == 0 ? "S1" : "S2");
    for (uint32_t i = 0; i < run->op_count; i++) {
        assert_true(lin_add(history, &run->ops[i]));
        used += lin_write_op(history, &run->ops[i], out_text + used, size - used);
        used += (size_t)snprintf(out_text + used, size - used, "\n");
    }
    for (uint32_t i = 0; i < run->crash_count; i++) {
        assert_true(lin_crash(history, run->crashes[i]));
        used += (size_t)snprintf(out_text + used, size - used, "crash %lld\n", (long long)run->crashes[i]);
    }
    lin_check(history, &result);
    lin_destroy(&history);
    return result.verdict;
}

static char text[1u << 16];

static void run_fail(const char *what, uint64_t number)
{
    (void)printf("nodes n1 n2\n%s", text);
    fail_msg("%s: repeat with: test_linear_random %llu 1", what, (unsigned long long)number);
}

static void test_linear_accepts_what_a_run_with_overlaps_and_crashes_shows(void **state)
{
    static struct run run;
    uint64_t count = wanted_count == 0 ? LONG_COUNT : wanted_count;
    (void)state;
    for (uint64_t number = seed; number < seed + count; number++) {
        chance_state = number;
        run_make(&run, 1 + below(LONG_OPS), one_in(2), one_in(2));
        if (run_check(&run, text, sizeof text) != LIN_GOOD)
            run_fail("a history with an order is refused", number);
    }
}

/* Something that did not happen. */
static void run_spoil(struct run *run)
{
    struct lin_op *op = &run->ops[below(run->op_count)];
    switch (below(5)) {
    case 0:
        if (op->line_count > 0 && op->lines[0].available != LIN_UNSAID)
            op->lines[0].available += one_in(2) ? 1 : -1;
        break;
    case 1:
        if (op->kind == LIN_RESERVE && op->answer != LIN_NONE) {
            op->answer = op->answer == LIN_OK ? LIN_INSUFFICIENT : LIN_OK;
            for (uint32_t i = 0; i < op->line_count; i++)
                op->lines[i].available = LIN_UNSAID;
        }
        if (op->kind == LIN_PROMISE && op->answer != LIN_NONE)
            op->answer = op->answer == LIN_OK ? LIN_NOT_PROMISABLE : LIN_OK;
        break;
    case 2:
        if (op->kind == LIN_CONFIRM && op->answer == LIN_OK)
            op->answer = LIN_ALREADY_CONFIRMED;
        break;
    case 3: /* narrower: what was concurrent is in order now */
        if (op->return_us != LIN_NEVER)
            op->invoke_us = op->return_us;
        break;
    default:
        if (op->line_count > 0)
            op->lines[0].quantity++;
        break;
    }
}

/* Repeats of one key must ask and answer alike, else the history is refused before any search. */
static bool keys_agree(const struct run *run)
{
    for (uint32_t i = 0; i < run->op_count; i++)
        for (uint32_t n = 0; n < i; n++)
            if (run->ops[i].key != 0 && run->ops[i].key == run->ops[n].key &&
                (run->ops[i].lines[0].quantity != run->ops[n].lines[0].quantity ||
                 run->ops[i].invoke_us <= run->ops[n].invoke_us))
                return false;
    return true;
}

static void test_linear_agrees_with_trying_every_order(void **state)
{
    static struct run run;
    uint64_t count = wanted_count == 0 ? SMALL_COUNT : wanted_count;
    uint64_t good = 0;
    uint64_t bad = 0;
    (void)state;
    for (uint64_t number = seed; number < seed + count; number++) {
        chance_state = ~number;
        run_make(&run, 2 + below(SMALL_OPS - 1), one_in(2), false);
        for (uint32_t i = run.op_count == 0 ? 0 : below(6); i > 0; i--)
            run_spoil(&run);
        if (run.op_count > BRUTE_OPS_MAX || !keys_agree(&run))
            continue;
        bool is_good = run_check(&run, text, sizeof text) == LIN_GOOD;
        if (is_good != brute_check(run.ops, run.op_count, run.crashes, run.crash_count, NODES))
            run_fail(is_good ? "accepted, and no order exists" : "refused, and an order exists", number);
        good += is_good;
        bad += !is_good;
    }
    print_message("%llu good, %llu bad\n", (unsigned long long)good, (unsigned long long)bad);
    assert_true(wanted_count != 0 || (good >= SMALL_COUNT / 5 && bad >= SMALL_COUNT / 5));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_accepts_what_a_run_with_overlaps_and_crashes_shows),
        cmocka_unit_test(test_linear_agrees_with_trying_every_order),
    };
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        wanted_count = strtoull(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
