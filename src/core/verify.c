/*
 * verify.c - rule 2, watched: the counters of a position are derived again
 * from its claims, and what moved a run of positions is held against a total
 * that was kept apart from them.
 */
#include "core/state.h"

/* Each step of the way to a claim is asked for while others are looked at. */
#define EXTRA_AHEAD 12u
#define CLAIM_AHEAD 6u

/* A claim or booking lies anywhere in memory, positions and windows side by side. */
#define WORK_OF_A_CLAIM 4u

static void positions_expect(const struct oh_ledger *ledger, uint32_t slot)
{
    if (slot + EXTRA_AHEAD >= ledger->position_count)
        return;
    extra_expect(ledger, &ledger->positions[slot + EXTRA_AHEAD]);
    claims_expect(ledger, &ledger->positions[slot + CLAIM_AHEAD]);
}

/* How many live claims it has; looks no further than one past the most. */
static uint32_t claims_count(const struct oh_ledger *ledger, uint32_t slot, uint32_t most)
{
    const struct extra *extra = extra_of(ledger, &ledger->positions[slot]);
    uint32_t count = 0;
    for (uint32_t link = extra == NULL ? 0 : extra->claims_head; link != 0 && count <= most; count++)
        link = ledger->claims[link - 1].position_next;
    return count;
}

static bool claims_agree(const struct oh_ledger *ledger, uint32_t slot)
{
    const struct position *position = &ledger->positions[slot];
    const struct extra *extra = extra_of(ledger, position);
    if (extra == NULL)
        return position->claimed_milli == 0;
    int64_t held = 0;
    int64_t confirmed = 0;
    for (uint32_t link = extra->claims_head; link != 0; link = ledger->claims[link - 1].position_next) {
        const struct claim *claim = &ledger->claims[link - 1];
        if (claim->position != slot)
            return false;
        struct parts parts = claim_parts(ledger, claim);
        held += parts.held_milli;
        confirmed += parts.confirmed_milli;
    }
    return held == extra->held_milli && held + confirmed == position->claimed_milli;
}

/* Fences follow the claims of their channel. */
static bool fences_agree(const struct oh_ledger *ledger, uint32_t slot)
{
    const struct position *position = &ledger->positions[slot];
    if ((position->extra & EXTRA_IS_FENCED) == 0)
        return true;
    const struct extra *extra = extra_of(ledger, position);
    for (uint32_t link = rare_of(ledger, position)->fences; link != 0; link = ledger->fences[link - 1].next) {
        const struct fence *fence = &ledger->fences[link - 1];
        int64_t live = 0;
        for (uint32_t at = extra->claims_head; at != 0; at = ledger->claims[at - 1].position_next) {
            const struct claim *claim = &ledger->claims[at - 1];
            if (ledger->reservations[claim->reservation].channel == fence->channel)
                live += claim_live_milli(ledger, claim);
        }
        if (live != fence->live_milli)
            return false;
    }
    return true;
}

/* What is due later is what the deferred claims have. */
static bool deferrals_agree(const struct oh_ledger *ledger, uint32_t slot)
{
    const struct position *position = &ledger->positions[slot];
    const struct extra *extra = extra_of(ledger, position);
    int64_t live = 0;
    if ((position->extra & EXTRA_IS_DEFERRED) == 0)
        return true;
    for (uint32_t at = extra == NULL ? 0 : extra->claims_head; at != 0; at = ledger->claims[at - 1].position_next) {
        const struct claim *claim = &ledger->claims[at - 1];
        live += claim->is_deferred ? claim_live_milli(ledger, claim) : 0;
    }
    for (uint32_t link = rare_of(ledger, position)->deferrals; link != 0; link = ledger->deferrals[link - 1].next)
        live -= ledger->deferrals[link - 1].live_milli;
    return live == 0;
}

static bool control_agrees(const struct oh_ledger *ledger, uint32_t run)
{
    uint32_t first = run * OH_CONTROL_POSITIONS;
    uint32_t end = first + OH_CONTROL_POSITIONS;
    int64_t sum = 0;
    for (uint32_t slot = first; slot < end && slot < ledger->position_count; slot++)
        sum += ledger->positions[slot].sellable_milli;
    return sum == ledger->control_totals[run];
}

/* How many bookings a window has; looks no further than one past the most. */
static uint32_t window_bookings_count(const struct oh_ledger *ledger, uint32_t slot, uint32_t most)
{
    uint32_t count = 0;
    for (uint32_t link = ledger->buckets[slot].bookings_head; link != 0 && count <= most; count++)
        link = ledger->bookings[link - 1].bucket_next;
    return count;
}

/* Windows are gone through beside the positions, in the same round. */
static uint32_t verify_buckets(const struct oh_ledger *ledger, struct oh_verifier *verifier, uint32_t work_max)
{
    uint32_t differences = 0;
    uint32_t most = verifier->claims_max;
    uint32_t work = 0;
    while (work < work_max && verifier->bucket < ledger->bucket_pool.slot_count) {
        uint32_t slot = verifier->bucket++;
        uint32_t bookings = most == 0 ? 0 : window_bookings_count(ledger, slot, most);
        bool is_passed_over = bookings > most;
        work += 1 + WORK_OF_A_CLAIM * bookings;
        verifier->passed_over_count += is_passed_over ? 1 : 0;
        differences += is_passed_over || bucket_agrees(ledger, slot) ? 0 : 1;
    }
    if (verifier->bucket >= ledger->bucket_pool.slot_count)
        verifier->bucket = 0;
    verifier->work_count += work;
    return differences;
}

uint32_t oh_ledger_verify(const struct oh_ledger *ledger, struct oh_verifier *verifier, uint32_t work_max)
{
    uint32_t differences = verify_buckets(ledger, verifier, work_max);
    uint32_t most = verifier->claims_max;
    uint32_t work = 0;
    while (work < work_max && ledger->position_count > 0) {
        if (verifier->position >= ledger->position_count) {
            verifier->position = 0;
            verifier->rounds++;
            break;
        }
        uint32_t slot = verifier->position++;
        verifier->position_count++;
        positions_expect(ledger, slot);
        uint32_t claims = most == 0 ? 0 : claims_count(ledger, slot, most);
        bool is_passed_over = claims > most;
        work += 1 + WORK_OF_A_CLAIM * claims;
        verifier->passed_over_count += is_passed_over ? 1 : 0;
        bool agrees = is_passed_over || (claims_agree(ledger, slot) && fences_agree(ledger, slot) &&
                                         deferrals_agree(ledger, slot));
        if (slot % OH_CONTROL_POSITIONS == 0)
            agrees = agrees && control_agrees(ledger, slot / OH_CONTROL_POSITIONS);
        differences += agrees ? 0 : 1;
    }
    verifier->work_count += work;
    verifier->differences += differences;
    return differences;
}
