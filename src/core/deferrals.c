/*
 * deferrals.c - claims on supplies to come: what they leave of the stock
 * until they are due (docs/spec/promise.md, AT1, AT2).
 *
 * A position's counters hold every claim, due or not. Here it is kept how much of that is due when, so that what a
 * claim does not need yet can be had by others, as far as the supplies to come make up for it in time.
 */
#include "core/state.h"

static struct deferral *deferral_of(const struct oh_ledger *ledger, uint32_t claim)
{
    OH_ASSERT(ledger->claims[claim].is_deferred && ledger->deferred[claim] != 0);
    return &ledger->deferrals[ledger->deferred[claim] - 1];
}

bool deferral_add(struct oh_ledger *ledger, uint32_t claim_slot, int64_t due_at_us)
{
    struct claim *claim = &ledger->claims[claim_slot];
    struct position *position = &ledger->positions[claim->position];
    struct rare *rare = rare_obtain(ledger, position);
    if (rare == NULL || !pool_has_room(&ledger->deferral_pool, 1))
        return false;
    uint32_t *link = &rare->deferrals;
    while (*link != 0 && ledger->deferrals[*link - 1].due_at_us < due_at_us)
        link = &ledger->deferrals[*link - 1].next;
    if (*link == 0 || ledger->deferrals[*link - 1].due_at_us != due_at_us) {
        uint32_t slot = pool_take(&ledger->deferral_pool);
        ledger->deferrals[slot] = (struct deferral){ .due_at_us = due_at_us, .next = *link };
        *link = link_of(slot);
    }
    struct deferral *deferral = &ledger->deferrals[*link - 1];
    deferral->live_milli += claim_live_milli(ledger, claim);
    deferral->claim_count++;
    ledger->deferred[claim_slot] = *link;
    claim->is_deferred = true;
    position->extra |= EXTRA_IS_DEFERRED;
    return true;
}

static void deferral_drop(struct oh_ledger *ledger, struct position *position, uint32_t slot)
{
    struct rare *rare = rare_of(ledger, position);
    OH_ASSERT(rare != NULL);
    uint32_t *link = &rare->deferrals;
    while (*link != link_of(slot))
        link = &ledger->deferrals[*link - 1].next;
    *link = ledger->deferrals[slot].next;
    pool_give(&ledger->deferral_pool, slot);
    if (rare->deferrals == 0)
        position->extra &= ~EXTRA_IS_DEFERRED;
}

void deferral_follow(struct oh_ledger *ledger, uint32_t claim_slot, int64_t delta_milli)
{
    struct claim *claim = &ledger->claims[claim_slot];
    struct deferral *deferral = deferral_of(ledger, claim_slot);
    deferral->live_milli += delta_milli;
    if (claim_live_milli(ledger, claim) > 0)
        return;
    uint32_t slot = ledger->deferred[claim_slot] - 1;
    claim->is_deferred = false;
    ledger->deferred[claim_slot] = 0;
    if (--deferral->claim_count == 0)
        deferral_drop(ledger, &ledger->positions[claim->position], slot);
}

int64_t deferral_due_at(const struct oh_ledger *ledger, uint32_t claim)
{
    return ledger->claims[claim].is_deferred ? deferral_of(ledger, claim)->due_at_us : OH_TIME_US_NONE;
}

static int64_t supplies_by(const struct oh_ledger *ledger, const struct rare *rare, int64_t by_us, int64_t now_us)
{
    int64_t sum = 0;
    for (uint32_t link = rare->supplies; link != 0; link = ledger->supplies[link - 1].next) {
        const struct supply *supply = &ledger->supplies[link - 1];
        if (supply->eta_us > now_us && supply->eta_us <= by_us)
            sum += supply->quantity_milli;
    }
    return sum;
}

/* Without what reservations hold of it that are due: that counts for nothing already. */
static int64_t deferral_left(const struct oh_ledger *ledger, const struct position *position, uint32_t link,
                             int64_t now_us)
{
    return ledger->deferrals[link - 1].live_milli -
           held_due_of(ledger, position, DUE_OF_DEFERRAL + link - 1, now_us);
}

/* Supplies only add, so there is least right when a claim falls due; times before from_us do not matter. */
int64_t deferral_relief(const struct oh_ledger *ledger, const struct position *position, int64_t from_us,
                        int64_t now_us)
{
    const struct rare *rare = rare_of(ledger, position);
    if (rare == NULL)
        return 0;
    int64_t later = 0; /* claims due after the time looked at */
    for (uint32_t link = rare->deferrals; link != 0; link = ledger->deferrals[link - 1].next) {
        if (ledger->deferrals[link - 1].due_at_us > from_us)
            later += deferral_left(ledger, position, link, now_us);
    }
    int64_t least = later + supplies_by(ledger, rare, from_us, now_us);
    for (uint32_t link = rare->deferrals; link != 0; link = ledger->deferrals[link - 1].next) {
        int64_t due_us = ledger->deferrals[link - 1].due_at_us;
        if (due_us <= from_us)
            continue;
        later -= deferral_left(ledger, position, link, now_us);
        least = oh_min_i64(least, later + supplies_by(ledger, rare, due_us, now_us));
    }
    return least;
}
