/*
 * expiry.c - which hold is due next: a 4-ary heap over the reservations that
 * hold something and have an expiry. A cache line holds four children.
 */
#include "core/state.h"

static void heap_put(struct oh_ledger *ledger, uint32_t at, struct heap_entry entry)
{
    ledger->heap[at] = entry;
    ledger->reservations[entry.reservation].heap = at + 1;
}

static void heap_sift_up(struct oh_ledger *ledger, uint32_t at, struct heap_entry entry)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 4;
        if (ledger->heap[parent].at_us <= entry.at_us)
            break;
        heap_put(ledger, at, ledger->heap[parent]);
        at = parent;
    }
    heap_put(ledger, at, entry);
}

static void heap_sift_down(struct oh_ledger *ledger, uint32_t at, struct heap_entry entry)
{
    for (;;) {
        uint32_t first = at * 4 + 1;
        if (first >= ledger->heap_count)
            break;
        uint32_t end = first + 4 < ledger->heap_count ? first + 4 : ledger->heap_count;
        uint32_t least = first;
        for (uint32_t child = first + 1; child < end; child++) {
            if (ledger->heap[child].at_us < ledger->heap[least].at_us)
                least = child;
        }
        if (ledger->heap[least].at_us >= entry.at_us)
            break;
        heap_put(ledger, at, ledger->heap[least]);
        at = least;
    }
    heap_put(ledger, at, entry);
}

void expiry_add(struct oh_ledger *ledger, uint32_t reservation)
{
    const struct reservation *of = &ledger->reservations[reservation];
    OH_ASSERT(!of->has_ended && of->heap == 0 && of->expires_at_us != OH_TIME_US_NONE);
    struct heap_entry entry = { of->expires_at_us, reservation };
    heap_sift_up(ledger, ledger->heap_count++, entry);
}

void expiry_remove(struct oh_ledger *ledger, uint32_t reservation)
{
    struct reservation *of = &ledger->reservations[reservation];
    if (of->has_ended || of->heap == 0)
        return;
    uint32_t at = of->heap - 1;
    of->heap = 0;
    struct heap_entry last = ledger->heap[--ledger->heap_count];
    if (at == ledger->heap_count)
        return;
    if (at > 0 && ledger->heap[(at - 1) / 4].at_us > last.at_us)
        heap_sift_up(ledger, at, last);
    else
        heap_sift_down(ledger, at, last);
}
