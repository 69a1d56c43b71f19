#include "linear/brute.h"

#include <string.h>

struct brute {
    const struct lin_op *ops;
    uint32_t count;
    const int64_t *crashes;
    uint32_t crash_count;
    uint32_t node_count;
};

/* ---- The ledger ---- */

static int64_t left_at(const struct brute_book *book, uint32_t item, uint32_t node)
{
    int64_t left = book->there[item][node];
    for (uint32_t r = 0; r < BRUTE_RESERVATIONS; r++)
        if (book->stages[r] == BRUTE_HELD || book->stages[r] == BRUTE_FIRM)
            left -= book->claimed[r][item][node];
    return left < 0 ? 0 : left;
}

static int64_t left_for(const struct brute_book *book, uint32_t node_count, const struct lin_line *line)
{
    int64_t left = 0;
    for (uint32_t node = 0; node < node_count; node++)
        if (line->node == LIN_ANY_NODE || line->node == node)
            left += left_at(book, line->item, node);
    return left;
}

static void do_reserve(struct brute_book *book, uint32_t node_count, struct lin_op *op)
{
    struct brute_book before = *book;
    bool fits = true;
    book->stages[op->reservation] = BRUTE_HELD;
    for (uint32_t i = 0; i < op->line_count; i++) {
        struct lin_line *line = &op->lines[i];
        int64_t wanted = line->quantity;
        line->available = left_for(book, node_count, line);
        fits = fits && line->available >= wanted;
        for (uint32_t node = 0; node < node_count && line->available >= wanted && wanted > 0; node++) {
            int64_t here = left_at(book, line->item, node);
            int64_t most = line->node == LIN_ANY_NODE || line->node == node ? wanted : 0;
            int64_t take = here < most ? here : most;
            book->claimed[op->reservation][line->item][node] += take;
            wanted -= take;
        }
    }
    if (!fits)
        *book = before;
    for (uint32_t i = 0; fits && i < op->line_count; i++)
        op->lines[i].available = LIN_UNSAID; /* only a refusal tells */
    op->answer = fits ? LIN_OK : LIN_INSUFFICIENT;
}

/* Everything at one node, the first that has it; a place that is taken stays taken but for a release. */
static void do_promise(struct brute_book *book, uint32_t node_count, struct lin_op *op)
{
    int64_t places = book->limits[op->window];
    op->answer = LIN_NOT_PROMISABLE;
    for (uint32_t r = 0; r < BRUTE_RESERVATIONS; r++)
        places -= book->is_in[r][op->window] && book->stages[r] != BRUTE_GONE;
    for (uint32_t node = 0; node < node_count && places > 0 && op->answer != LIN_OK; node++) {
        int64_t wanted[BRUTE_ITEMS] = { 0 };
        bool fits = true;
        for (uint32_t i = 0; i < op->line_count; i++)
            wanted[op->lines[i].item] += op->lines[i].quantity;
        for (uint32_t item = 0; item < BRUTE_ITEMS; item++)
            fits = fits && wanted[item] <= left_at(book, item, node);
        if (!fits)
            continue;
        op->answer = LIN_OK;
        book->stages[op->reservation] = BRUTE_HELD;
        book->is_in[op->reservation][op->window] = true;
        for (uint32_t item = 0; item < BRUTE_ITEMS; item++)
            book->claimed[op->reservation][item][node] = wanted[item];
    }
}

/* With what comes in time: unlike now, what is missing at a node is made up for first. */
static int64_t left_by(const struct brute_book *book, uint32_t node_count, const struct lin_line *line, int64_t by)
{
    struct brute_book then = *book;
    for (uint32_t s = 0; s < BRUTE_SUPPLIES; s++)
        if (book->supplies[s].eta <= by)
            then.there[book->supplies[s].item][book->supplies[s].node] += book->supplies[s].quantity;
    return left_for(&then, node_count, line);
}

static enum lin_answer do_step(struct brute_book *book, enum lin_kind kind, uint64_t reservation)
{
    static const enum lin_answer ended[] = {
        [BRUTE_NONE] = LIN_UNKNOWN,           [BRUTE_HELD] = LIN_NOT_CONFIRMED,
        [BRUTE_FIRM] = LIN_ALREADY_CONFIRMED, [BRUTE_GONE] = LIN_ALREADY_RELEASED,
        [BRUTE_SOLD] = LIN_ALREADY_FULFILLED,
    };
    enum brute_stage *stage = &book->stages[reservation];
    bool is_live = *stage == BRUTE_HELD || *stage == BRUTE_FIRM;
    bool can = (kind == LIN_CONFIRM && *stage == BRUTE_HELD) || (kind == LIN_RELEASE && is_live) ||
               (kind == LIN_FULFIL && *stage == BRUTE_FIRM);
    if (!can)
        return ended[*stage];
    *stage = kind == LIN_CONFIRM ? BRUTE_FIRM : kind == LIN_RELEASE ? BRUTE_GONE : BRUTE_SOLD;
    for (uint32_t item = 0; kind == LIN_FULFIL && item < BRUTE_ITEMS; item++)
        for (uint32_t node = 0; node < BRUTE_NODES; node++)
            book->there[item][node] -= book->claimed[reservation][item][node];
    return LIN_OK;
}

static void do_register(struct brute_book *book, const struct lin_op *op)
{
    const struct lin_line *line = &op->lines[0];
    if (op->kind == LIN_LIMIT)
        book->limits[op->window] = line->quantity;
    else
        book->supplies[op->supply] =
            (struct brute_supply){ line->item, line->node, line->quantity, op->eta };
}

void brute_do(struct brute_book *book, uint32_t node_count, const struct lin_op *op, struct lin_op *out_right)
{
    *out_right = *op;
    if (op->kind == LIN_RESERVE || op->kind == LIN_PROMISE) {
        (op->kind == LIN_RESERVE ? do_reserve : do_promise)(book, node_count, out_right);
        return;
    }
    out_right->answer = LIN_OK;
    if (op->kind == LIN_LIMIT || op->kind == LIN_SUPPLY) {
        do_register(book, op);
        return;
    }
    if (op->kind == LIN_READ && op->by != LIN_UNSAID) {
        out_right->lines[0].available = left_by(book, node_count, &op->lines[0], op->by);
        return;
    }
    if (op->kind != LIN_ADJUST && op->kind != LIN_READ)
        out_right->answer = do_step(book, op->kind, op->reservation);
    for (uint32_t i = 0; i < op->line_count; i++) {
        if (op->kind == LIN_ADJUST)
            book->there[op->lines[i].item][op->lines[i].node] += op->lines[i].quantity;
        out_right->lines[i].available = left_for(book, node_count, &op->lines[i]);
    }
}

/* ---- The orders ---- */

/* The life of the server in which an answer came, or in which a request without one was sent. */
static uint32_t life_of(const struct brute *brute, const struct lin_op *op)
{
    int64_t at_us = op->return_us == LIN_NEVER ? op->invoke_us : op->return_us;
    uint32_t life = 0;
    while (life < brute->crash_count && brute->crashes[life] < at_us)
        life++;
    return life;
}

/* "Unknown" can be mended, so it uses no key up. */
static uint64_t key_of(const struct lin_op *op)
{
    return op->answer == LIN_UNKNOWN ? 0 : op->key;
}

/* This request and the other one of its key. */
static uint32_t twins_of(const struct brute *brute, uint32_t op)
{
    uint32_t twins = UINT32_C(1) << op;
    for (uint32_t i = 0; i < brute->count; i++)
        if (key_of(&brute->ops[op]) != 0 && key_of(&brute->ops[i]) == key_of(&brute->ops[op]))
            twins |= UINT32_C(1) << i;
    return twins;
}

/* The request of a key that was answered, or the one asked about. */
static const struct lin_op *answered_of(const struct brute *brute, uint32_t op)
{
    uint32_t twins = twins_of(brute, op);
    for (uint32_t i = 0; i < brute->count; i++)
        if ((twins >> i & 1) != 0 && brute->ops[i].answer != LIN_NONE)
            return &brute->ops[i];
    return &brute->ops[op];
}

/* Nothing that is still to come was answered before this was sent. */
static bool may_be_next(const struct brute *brute, uint32_t op, uint32_t done)
{
    for (uint32_t i = 0; i < brute->count; i++)
        if ((done >> i & 1) == 0 && i != op && brute->ops[i].return_us < brute->ops[op].invoke_us)
            return false;
    return true;
}

static bool life_is_over(const struct brute *brute, uint32_t life, uint32_t done)
{
    for (uint32_t i = 0; i < brute->count; i++)
        if ((done >> i & 1) == 0 && brute->ops[i].return_us != LIN_NEVER &&
            life_of(brute, &brute->ops[i]) == life)
            return false;
    return true;
}

static bool is_as_told(const struct lin_op *told, const struct lin_op *right)
{
    bool is_same = told->answer == right->answer;
    for (uint32_t i = 0; i < told->line_count; i++)
        is_same = is_same && (told->lines[i].available == LIN_UNSAID ||
                              told->lines[i].available == right->lines[i].available);
    return told->answer == LIN_NONE || is_same;
}

/*
 * Everything that can follow. `kept` is the state that a crash leaves; from the first lost write on it stays as it
 * is. Recursive, at most BRUTE_OPS_MAX + crashes deep: brute force should be plain.
 */
static bool follow(const struct brute *brute, uint32_t life, const struct brute_book *now,
                   const struct brute_book *kept, bool is_lost, uint32_t done)
{
    if (life_is_over(brute, life, done)) {
        if (life == brute->crash_count || follow(brute, life + 1, kept, kept, false, done))
            return true;
    }
    for (uint32_t i = 0; i < brute->count; i++) {
        const struct lin_op *op = &brute->ops[i];
        struct brute_book after = *now;
        struct lin_op right;
        if ((done >> i & 1) != 0 || life_of(brute, op) != life || !may_be_next(brute, i, done))
            continue;
        brute_do(&after, brute->node_count, op, &right);
        bool is_right = is_as_told(answered_of(brute, i), &right);
        bool is_read = op->kind == LIN_READ;
        bool can_be_lost = !is_read && op->answer == LIN_NONE && life < brute->crash_count;
        uint32_t all = done | twins_of(brute, i);
        if (is_read && is_right && follow(brute, life, now, kept, is_lost, all))
            return true;
        if (!is_read && !is_lost && is_right && follow(brute, life, &after, &after, false, all))
            return true;
        if (can_be_lost && follow(brute, life, &after, kept, true, done | UINT32_C(1) << i))
            return true;
    }
    return false;
}

bool brute_check(const struct lin_op *ops, uint32_t count, const int64_t *crashes, uint32_t crash_count,
                 uint32_t node_count)
{
    struct brute brute = { ops, count, crashes, crash_count, node_count };
    struct brute_book empty;
    memset(&empty, 0, sizeof empty);
    return follow(&brute, 0, &empty, &empty, false, 0);
}
