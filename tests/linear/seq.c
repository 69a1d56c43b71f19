/*
 * The second rule: what the server says of its own order. It is cheap, and it
 * is a witness, not a proof: the search does without it.
 */
#include "linear/history.h"

#include <stdlib.h>
#include <string.h>

/* An answered request, or a moment of a sweep through time. */
struct mark {
    int64_t at_us;
    uint32_t op;
    int type; /* 0: sent; 1: answered; 2: crash */
};

static int mark_compare(const void *left, const void *right)
{
    const struct mark *a = left;
    const struct mark *b = right;
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us ? -1 : 1;
    if (a->type != b->type)
        return a->type - b->type;
    return a->op < b->op ? -1 : a->op > b->op;
}

/* A write that was done takes a seq that nothing had before. */
static bool makes_seq(const struct lin_op *op)
{
    return !lin_kind_is_read(op->kind) && op->answer == LIN_OK;
}

/* The first request of each key, by which the operation cannot have been before. */
struct seq_row {
    uint64_t key;
    int64_t invoke_us;
    uint32_t op;
    bool is_first;
};

static int row_compare(const void *left, const void *right)
{
    const struct seq_row *a = left;
    const struct seq_row *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->invoke_us != b->invoke_us)
        return a->invoke_us < b->invoke_us ? -1 : 1;
    return a->op < b->op ? -1 : a->op > b->op;
}

/*
 * Marks of every operation that has a seq: sent when its key was sent first, answered when its answer came first.
 * Requests that only repeat an answer say nothing new.
 */
static uint32_t marks_make(const struct lin_history *history, struct seq_row *rows, struct mark *marks)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < history->op_count; i++)
        rows[i] = (struct seq_row){ lin_key_used(&history->ops[i]), history->ops[i].invoke_us, i, false };
    qsort(rows, history->op_count, sizeof *rows, row_compare);
    for (uint32_t i = 0; i < history->op_count;) {
        uint32_t end = i + 1;
        uint32_t told = i;
        while (rows[i].key != 0 && end < history->op_count && rows[end].key == rows[i].key) {
            if (history->ops[rows[end].op].return_us < history->ops[rows[told].op].return_us)
                told = end;
            end++;
        }
        const struct lin_op *op = &history->ops[rows[told].op];
        if (op->answer != LIN_NONE && op->seq != LIN_UNSAID) {
            marks[count++] = (struct mark){ rows[i].invoke_us, rows[told].op, 0 };
            marks[count++] = (struct mark){ op->return_us, rows[told].op, 1 };
        }
        i = end;
    }
    for (uint32_t i = 0; i < history->crash_count; i++)
        marks[count++] = (struct mark){ history->crashes[i], UINT32_MAX, 2 };
    qsort(marks, count, sizeof *marks, mark_compare);
    return count;
}

/* What was answered before anything that is sent from now on. `read` may die with a crash. */
struct front {
    int64_t written;
    int64_t read;
    uint32_t written_op;
    uint32_t read_op;
};

/* The number of crashes before a moment. */
static uint32_t life_of(const struct lin_history *history, int64_t at_us)
{
    uint32_t low = 0;
    uint32_t high = history->crash_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (history->crashes[middle] < at_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The crash that ends the life of a moment. */
static int64_t life_end(const struct lin_history *history, int64_t at_us)
{
    uint32_t life = life_of(history, at_us);
    return life < history->crash_count ? history->crashes[life] : LIN_NEVER;
}

/* What a read saw binds only what is answered in the same life: after a crash it may be done anew, with less seq. */
static bool front_allows(const struct front *front, const struct lin_op *op, int64_t life_us,
                         uint32_t *out_before)
{
    bool is_read_bound = front->read > front->written && op->return_us <= life_us;
    int64_t floor = is_read_bound ? front->read : front->written;
    *out_before = is_read_bound ? front->read_op : front->written_op;
    return makes_seq(op) ? op->seq > floor : op->seq >= floor;
}

static void front_advance(struct front *front, const struct lin_op *op, uint32_t index)
{
    bool is_read = lin_kind_is_read(op->kind);
    if (is_read && op->seq > front->read) {
        front->read = op->seq;
        front->read_op = index;
    }
    if (!is_read && op->seq > front->written) {
        front->written = op->seq;
        front->written_op = index;
    }
}

static void sweep(const struct lin_history *history, const struct mark *marks, uint32_t count,
                  struct lin_result *result)
{
    struct front front = { .written = INT64_MIN, .read = INT64_MIN };
    for (uint32_t i = 0; i < count && result->verdict == LIN_GOOD; i++) {
        uint32_t before;
        if (marks[i].type == 2) {
            front.read = INT64_MIN;
            continue;
        }
        const struct lin_op *op = &history->ops[marks[i].op];
        if (marks[i].type == 1) {
            front_advance(&front, op, marks[i].op);
        } else if (!front_allows(&front, op, life_end(history, marks[i].at_us), &before)) {
            result->verdict = LIN_SEQ_ORDER;
            result->op = marks[i].op;
            result->cause = before;
        }
    }
}

struct seq_use {
    int64_t seq;
    uint64_t request;
    uint32_t op;
};

static int use_compare(const void *left, const void *right)
{
    const struct seq_use *a = left;
    const struct seq_use *b = right;
    if (a->seq != b->seq)
        return a->seq < b->seq ? -1 : 1;
    return a->op < b->op ? -1 : a->op > b->op;
}

static bool is_shared(const struct seq_use *a, const struct seq_use *b)
{
    return a->request != 0 && a->request == b->request;
}

static void check_distinct(const struct lin_history *history, const struct mark *marks, uint32_t count,
                           struct seq_use *uses, struct lin_result *result)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct lin_op *op = marks[i].type == 1 ? &history->ops[marks[i].op] : NULL;
        if (op != NULL && makes_seq(op))
            uses[used++] = (struct seq_use){ op->seq, op->request, marks[i].op };
    }
    qsort(uses, used, sizeof *uses, use_compare);
    for (uint32_t i = 1; i < used && result->verdict == LIN_GOOD; i++) {
        if (uses[i].seq != uses[i - 1].seq || is_shared(&uses[i], &uses[i - 1]))
            continue;
        result->verdict = LIN_SEQ_TWICE;
        result->op = uses[i].op;
        result->cause = uses[i - 1].op;
    }
}

void lin_seq_times(const struct lin_history *history, struct lin_result *result)
{
    size_t count = history->op_count;
    struct seq_row *rows = malloc((count + 1) * sizeof *rows);
    struct mark *marks = malloc((2 * count + history->crash_count + 1) * sizeof *marks);
    struct seq_use *uses = malloc((count + 1) * sizeof *uses);
    if (rows == NULL || marks == NULL || uses == NULL) {
        result->verdict = LIN_TOO_HARD;
    } else {
        uint32_t mark_count = marks_make(history, rows, marks);
        check_distinct(history, marks, mark_count, uses, result);
        sweep(history, marks, mark_count, result);
    }
    free(rows);
    free(marks);
    free(uses);
}

/* ---- Replay ---- */

struct turn {
    int64_t seq;
    int rank; /* what makes the seq comes before what sees it */
    int64_t invoke_us;
    uint32_t told; /* entries of one request are told in their order */
    uint32_t deed;
};

static int turn_compare(const void *left, const void *right)
{
    const struct turn *a = left;
    const struct turn *b = right;
    if (a->seq != b->seq)
        return a->seq < b->seq ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank - b->rank;
    if (a->invoke_us != b->invoke_us)
        return a->invoke_us < b->invoke_us ? -1 : 1;
    return a->told < b->told ? -1 : a->told > b->told;
}

void lin_seq_kept(const struct lin_history *history, int64_t *kept)
{
    for (uint32_t life = 0; life < history->crash_count; life++)
        kept[life] = INT64_MIN;
    for (uint32_t i = 0; i < history->op_count; i++) {
        const struct lin_op *op = &history->ops[i];
        uint32_t life = op->answer == LIN_NONE ? history->crash_count : life_of(history, op->return_us);
        if (life < history->crash_count && !lin_kind_is_read(op->kind) && op->seq > kept[life])
            kept[life] = op->seq;
    }
    for (uint32_t life = 1; life < history->crash_count; life++)
        kept[life] = kept[life] > kept[life - 1] ? kept[life] : kept[life - 1];
}

/* Reads beyond what the crash kept have seen what is not in the order. */
static bool read_may_be_lost(const struct lin_part *part, const struct lin_op *op)
{
    uint32_t life = life_of(part->history, op->return_us);
    return life < part->history->crash_count && op->seq > part->kept_seqs[life];
}

/* False: a write of the part has no seq, so its place is not known. */
static bool turns_make(const struct lin_part *part, struct turn *turns, uint32_t *out_count)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < part->deed_count; i++) {
        const struct lin_op *op = &part->deeds[i].op;
        bool is_read = lin_kind_is_read(op->kind);
        if (op->answer == LIN_NONE || op->seq == LIN_UNSAID) {
            if (!is_read)
                return false;
            continue;
        }
        if (is_read && read_may_be_lost(part, op))
            continue;
        turns[count++] =
            (struct turn){ op->seq, makes_seq(op) ? 0 : 1, op->invoke_us, part->deeds[i].told, i };
    }
    qsort(turns, count, sizeof *turns, turn_compare);
    *out_count = count;
    return true;
}

/* The hold that ends first of those that may have ended by then, or none. */
static bool first_end(const struct lin_part *part, struct lin_state *state, int64_t by_us,
                      uint64_t *out_reservation)
{
    const struct lin_held *claims = lin_state_claims(&part->shape, state);
    int64_t first_us = INT64_MAX;
    for (uint64_t i = 0; i < state->claim_count; i++) {
        if (!lin_model_may_expire(&claims[i], by_us) || claims[i].expires_from_us >= first_us)
            continue;
        first_us = claims[i].expires_from_us;
        *out_reservation = claims[i].reservation;
    }
    return first_us != INT64_MAX;
}

/* As early as its answer allows. */
static bool turn_apply(const struct lin_part *part, struct lin_state *state, struct lin_state *trial,
                       const struct lin_op *op)
{
    struct lin_moment moment = {
        .from_us = op->invoke_us - part->clock_early_us,
        .to_us = op->return_us + part->clock_late_us,
        .is_judged = true,
    };
    uint64_t over;
    for (;;) { /* each turn ends a hold */
        memcpy(trial, state, lin_state_size(&part->shape, state));
        if (lin_model_apply(&part->shape, trial, op, &moment)) {
            memcpy(state, trial, lin_state_size(&part->shape, trial));
            return true;
        }
        if (!first_end(part, state, moment.to_us, &over))
            return false;
        lin_model_expire(&part->shape, state, over);
    }
}

/* Ended claims that no later turn names are dropped, so that a long history does not become a slow one. */
static void state_drop(const struct lin_part *part, struct lin_state *state, const uint32_t *uses)
{
    struct lin_held *claims = lin_state_claims(&part->shape, state);
    uint64_t kept = 0;
    for (uint64_t i = 0; i < state->claim_count; i++)
        if (claims[i].held + claims[i].confirmed > 0 || uses[claims[i].reservation] > 0)
            claims[kept++] = claims[i];
    state->claim_count = kept;
}

static bool replay(const struct lin_part *part, const struct turn *turns, uint32_t count,
                   struct lin_state *states[2], uint32_t *uses, uint32_t *out_deed)
{
    for (uint32_t i = 0; i < part->deed_count; i++)
        if (part->deeds[i].op.reservation != UINT64_MAX)
            uses[part->deeds[i].op.reservation]++;
    lin_state_init(&part->shape, states[0]);
    for (uint32_t i = 0; i < count; i++) {
        const struct lin_op *op = &part->deeds[turns[i].deed].op;
        if (!turn_apply(part, states[0], states[1], op)) {
            *out_deed = turns[i].deed;
            return false;
        }
        if (op->reservation != UINT64_MAX && --uses[op->reservation] == 0)
            state_drop(part, states[0], uses);
    }
    return true;
}

enum lin_verdict lin_seq_replay(const struct lin_part *part, uint32_t *out_deed)
{
    uint32_t count = 0;
    enum lin_verdict verdict = LIN_TOO_HARD;
    struct turn *turns = malloc((part->deed_count + 1) * sizeof *turns);
    struct lin_state *states[2] = { malloc(lin_state_size_max(&part->shape)),
                                    malloc(lin_state_size_max(&part->shape)) };
    uint32_t *uses = calloc(part->reservation_count + 1, sizeof *uses);
    *out_deed = UINT32_MAX;
    if (turns != NULL && states[0] != NULL && states[1] != NULL && uses != NULL) {
        verdict = LIN_GOOD;
        if (turns_make(part, turns, &count) && !replay(part, turns, count, states, uses, out_deed))
            verdict = LIN_SEQ_ANSWER;
    }
    free(turns);
    free(states[0]);
    free(states[1]);
    free(uses);
    return verdict;
}
