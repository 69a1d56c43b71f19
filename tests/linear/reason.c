/*
 * Why a part has no order: the first of a list of small changes that would
 * give it one. What changes is the history, never the rules.
 */
#include "linear/history.h"

#include <stdlib.h>
#include <string.h>

#define REASON_DEEDS_MAX      2000u /* of larger parts only the kind of the answer tells */
#define REASON_CANDIDATES_MAX 64u
#define LONG_US               (INT64_C(1) << 50)

/* A copy of the part with room for two deeds more. */
struct trial {
    struct lin_part part;
    uint32_t tries[1];
};

static bool trial_begin(struct trial *trial, const struct lin_part *part)
{
    trial->part = *part;
    trial->part.shape.claims_max += 2 * LIN_LINES_MAX * part->shape.node_count;
    trial->part.deeds = malloc((part->deed_count + 2) * sizeof *trial->part.deeds);
    if (trial->part.deeds == NULL)
        return false;
    memcpy(trial->part.deeds, part->deeds, part->deed_count * sizeof *part->deeds);
    return true;
}

/* Whether it has an order now, or one that goes beyond a deed. Frees the copy. */
static bool trial_end_beyond(struct trial *trial, uint32_t deed)
{
    uint32_t stuck = UINT32_MAX;
    uint64_t states_max = 0;
    enum lin_verdict verdict = lin_search(&trial->part, &stuck, &states_max);
    free(trial->part.deeds);
    return verdict == LIN_GOOD || (verdict == LIN_NO_ORDER && deed != UINT32_MAX && stuck != deed);
}

static bool trial_end(struct trial *trial)
{
    return trial_end_beyond(trial, UINT32_MAX);
}

static void trial_remove(struct trial *trial, uint32_t deed)
{
    trial->part.deeds[deed] = trial->part.deeds[--trial->part.deed_count];
}

/* One more of what was asked, answered by nobody. */
static struct lin_deed *trial_add(struct trial *trial, const struct lin_deed *like)
{
    struct lin_deed *more = &trial->part.deeds[trial->part.deed_count++];
    *more = *like;
    more->op.answer = LIN_NONE;
    return more;
}

static bool good_without_ends(const struct lin_part *part)
{
    struct trial trial;
    if (!trial_begin(&trial, part))
        return false;
    trial.part.clock_early_us = LONG_US;
    trial.part.clock_late_us = LONG_US;
    for (uint32_t i = 0; i < trial.part.deed_count; i++) {
        struct lin_op *op = &trial.part.deeds[i].op;
        if (op->answer == LIN_OK && op->ttl_us > 0) { /* it may end whenever it likes */
            op->created_us = LIN_UNSAID;
            op->expires_us = LIN_UNSAID;
        }
    }
    return trial_end(&trial);
}

static bool good_without(const struct lin_part *part, uint32_t deed)
{
    struct trial trial;
    if (part->deeds[deed].op.answer != LIN_OK || !trial_begin(&trial, part))
        return false;
    trial_remove(&trial, deed);
    return trial_end(&trial);
}

static bool good_with_two(const struct lin_part *part, uint32_t deed)
{
    struct trial trial;
    if (part->deeds[deed].op.answer != LIN_OK || !trial_begin(&trial, part))
        return false;
    struct lin_deed *more = trial_add(&trial, &part->deeds[deed]);
    more->op.return_us = LIN_NEVER;
    return trial_end(&trial);
}

static bool good_in_pieces(const struct lin_part *part, uint32_t deed)
{
    struct trial trial;
    if (part->deeds[deed].op.line_count < 2 || !trial_begin(&trial, part))
        return false;
    trial_remove(&trial, deed);
    for (uint32_t i = 0; i < 2; i++) { /* the first line, and all others */
        struct lin_op *op = &trial_add(&trial, &part->deeds[deed])->op;
        op->line_count = i == 0 ? 1 : op->line_count - 1;
        memmove(op->lines, op->lines + i, op->line_count * sizeof op->lines[0]);
    }
    return trial_end(&trial);
}

static bool good_when_earlier(const struct lin_part *part, uint32_t deed)
{
    struct trial trial;
    if (!trial_begin(&trial, part))
        return false;
    trial.part.deeds[deed].op.invoke_us = -LONG_US;
    return trial_end(&trial);
}

static bool good_when_later(const struct lin_part *part, uint32_t deed)
{
    struct trial trial;
    if (!trial_begin(&trial, part))
        return false;
    trial.part.deeds[deed].op.return_us = LIN_NEVER - 1;
    return trial_end(&trial);
}

static void figures_unsay(struct lin_op *op)
{
    op->created_us = LIN_UNSAID;
    op->expires_us = LIN_UNSAID;
    op->claim_count = UINT32_MAX;
    for (uint32_t i = 0; i < op->line_count; i++)
        op->lines[i].available = LIN_UNSAID;
}

/* With the same answer, or the other one, and no figures. */
static bool good_if_answered(const struct lin_part *part, uint32_t deed, enum lin_answer answer)
{
    struct trial trial;
    if (!trial_begin(&trial, part))
        return false;
    trial.part.deeds[deed].op.answer = answer;
    figures_unsay(&trial.part.deeds[deed].op);
    return trial_end_beyond(&trial, deed);
}

/* The latest write that was sent before the deed was answered, for which the change gives an order. */
static bool cause_find(const struct lin_part *part, uint32_t deed,
                       bool (*is_good)(const struct lin_part *, uint32_t), uint32_t *out_cause)
{
    int64_t before_us = part->deeds[deed].op.return_us;
    int64_t last_us = INT64_MAX;
    for (uint32_t n = 0; n < REASON_CANDIDATES_MAX; n++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < part->deed_count; i++) {
            const struct lin_op *op = &part->deeds[i].op;
            bool is_candidate = !lin_kind_is_read(op->kind) && i != deed && op->invoke_us <= before_us &&
                                op->invoke_us < last_us;
            if (is_candidate && (best == UINT32_MAX || op->invoke_us > part->deeds[best].op.invoke_us))
                best = i;
        }
        if (best == UINT32_MAX)
            return false;
        if (is_good(part, best)) {
            *out_cause = best;
            return true;
        }
        last_us = part->deeds[best].op.invoke_us;
    }
    return false;
}

static bool has_ends(const struct lin_part *part)
{
    uint32_t i = 0;
    while (i < part->deed_count && part->deeds[i].op.ttl_us == 0)
        i++;
    return i < part->deed_count;
}

static bool is_claim(enum lin_kind kind)
{
    return kind == LIN_RESERVE || kind == LIN_PROMISE || kind == LIN_CHANGE || kind == LIN_MOVE;
}

/* A claim that should have been refused, or the other way round. */
static enum lin_verdict reason_of_claim(const struct lin_part *part, uint32_t deed)
{
    const struct lin_op *op = &part->deeds[deed].op;
    enum lin_answer refusal = op->kind == LIN_PROMISE ? LIN_NOT_PROMISABLE : LIN_INSUFFICIENT;
    if (!is_claim(op->kind))
        return LIN_NO_ORDER;
    if (op->answer == LIN_OK && good_if_answered(part, deed, refusal))
        return LIN_OVERSOLD;
    return op->answer == refusal && good_if_answered(part, deed, LIN_OK) ? LIN_REFUSED : LIN_NO_ORDER;
}

static enum lin_verdict reason_of_view(const struct lin_part *part, uint32_t deed)
{
    if (good_when_earlier(part, deed))
        return LIN_STALE_VIEW;
    if (good_when_later(part, deed))
        return LIN_FROM_THE_FUTURE;
    const struct lin_op *op = &part->deeds[deed].op;
    return !lin_kind_is_read(op->kind) && good_if_answered(part, deed, op->answer) ? LIN_FIGURE
                                                                                   : LIN_NO_ORDER;
}

enum lin_verdict lin_reason(const struct lin_part *part, uint32_t deed, uint32_t *out_cause)
{
    *out_cause = UINT32_MAX;
    if (part->deed_count > REASON_DEEDS_MAX || part->history->options.without_reasons)
        return LIN_NO_ORDER;
    if (has_ends(part) && good_without_ends(part))
        return LIN_EXPIRY;
    if (cause_find(part, deed, good_in_pieces, out_cause))
        return LIN_TORN;
    enum lin_verdict verdict = reason_of_claim(part, deed);
    if (verdict != LIN_NO_ORDER)
        return verdict;
    if (cause_find(part, deed, good_without, out_cause))
        return LIN_LOST;
    if (cause_find(part, deed, good_with_two, out_cause))
        return LIN_TWICE;
    return reason_of_view(part, deed);
}
