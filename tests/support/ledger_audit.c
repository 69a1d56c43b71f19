#include "support/ledger_audit.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

/* A piece of the text region, in units of 8 bytes. */
struct block { uint32_t first, end; };

struct audit {
    const struct oh_ledger *ledger;
    const char *complaint;
    struct block *blocks;
    uint32_t block_count, block_max;
    uint64_t live_size;  /* of the blocks that objects have */
    uint64_t index_size; /* of the buckets of all indexes */
    uint32_t *position_lists; /* per position: how many item lists it is in */
    uint32_t *extras_used;    /* per extra: how many positions have it */
    uint64_t *newest;         /* per position: number of its newest remembered movement + 1 */
    uint32_t *claims_used;    /* per claim: how many reservations have it */
    uint32_t *parts_used;     /* per parts: how many claims have them */
    uint32_t fences, supplies, rules, rares, reservations, ended, holds, claims, parts, parties, documents, buckets,
        bookings;
};

static void expect(struct audit *audit, bool is_so, const char *sentence)
{
    if (!is_so && audit->complaint == NULL)
        audit->complaint = sentence;
}

static void *zeros(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    OH_ASSERT(memory != NULL);
    return memory;
}

/* ---- Text ------------------------------------------------------------------------------------- */

static uint64_t block_size(uint64_t size)
{
    uint64_t block = 256;
    uint64_t step = 64;
    if (size <= 256)
        return (size + 7) / 8 * 8;
    for (; block * 2 < size; block *= 2)
        step *= 2;
    while (block < size)
        block += step;
    return block;
}

static void block_add(struct audit *audit, uint32_t ref, uint64_t size)
{
    if (audit->block_count == audit->block_max) {
        audit->block_max = audit->block_max * 2 + 1024;
        audit->blocks = realloc(audit->blocks, audit->block_max * sizeof(*audit->blocks));
        OH_ASSERT(audit->blocks != NULL);
    }
    audit->blocks[audit->block_count++] = (struct block){ ref, ref + (uint32_t)(size / 8) };
}

static void text_has(struct audit *audit, uint32_t ref, uint64_t size)
{
    expect(audit, ref != 0, "an object has no text");
    block_add(audit, ref, block_size(size));
    audit->live_size += block_size(size);
}

static void text_has_strings(struct audit *audit, uint32_t ref, uint32_t count)
{
    uint64_t size = 0;
    for (uint32_t i = 0; ref != 0 && i < count; i++)
        size += 2 + oh_text_string(&audit->ledger->text, ref, i).size;
    text_has(audit, ref, size);
}

static int block_compare(const void *a, const void *b)
{
    const struct block *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Every byte that was ever cut is in one object or in one list of free blocks. */
static void text_audit(struct audit *audit)
{
    const struct oh_text *text = &audit->ledger->text;
    expect(audit, text->live_size == audit->live_size, "text: what is in use is not what objects have");
    uint64_t size_before = 0;
    for (uint32_t class = 0; class < OH_TEXT_CLASSES; class++) {
        uint64_t size = class < OH_TEXT_SMALL_CLASSES ? (class + 1) * 8 : block_size(size_before + 1);
        size_before = size;
        uint32_t ref = text->free_heads[class];
        for (uint64_t i = 0; ref != 0 && i <= text->cut_size / 8; i++) {
            block_add(audit, ref, size);
            memcpy(&ref, oh_text_at(text, ref), sizeof(ref));
        }
    }
    uint32_t at = 1;
    if (audit->block_count > 0)
        qsort(audit->blocks, audit->block_count, sizeof(*audit->blocks), block_compare);
    for (uint32_t i = 0; i < audit->block_count; i++) {
        expect(audit, audit->blocks[i].first >= at, "text: a block is there twice");
        expect(audit, audit->blocks[i].first <= at, "text: a block is lost");
        at = audit->blocks[i].end;
    }
    expect(audit, at == text->cut_size / 8, "text: the last block is lost");
}

/* ---- Pools and indexes ------------------------------------------------------------------------ */

static void pool_audit(struct audit *audit, const struct pool *pool, uint32_t used, const char *sentence)
{
    uint32_t free_count = 0;
    uint32_t link = pool->free_head;
    while (link != 0 && free_count <= pool->slot_count) {
        const unsigned char *slot = pool->slots + (link - 1) * pool->slot_size;
        for (size_t i = sizeof(link); i < pool->slot_size; i++)
            expect(audit, slot[i] == 0, "pool: something is left in a free slot");
        memcpy(&link, slot, sizeof(link));
        free_count++;
    }
    expect(audit, pool->live_count == used && used + free_count == pool->slot_count, sentence);
}

/* Calls `each` with the entries of the bucket and of its overflows; returns how many overflows there are. */
static uint32_t chain_walk(struct audit *audit, const struct oh_index *index, uint32_t home,
                           void (*each)(void *ctx, uint32_t hash, uint32_t slot_link), void *ctx)
{
    const struct oh_index_bucket *bucket = &index->buckets[home];
    uint32_t count = 0;
    for (uint32_t i = 0; i < OH_INDEX_BUCKET_ENTRIES; i++)
        each(ctx, bucket->hashes[i], bucket->slots[i]);
    for (uint32_t link = bucket->overflow; link != 0 && count <= index->overflow_count; count++) {
        const struct oh_index_overflow *overflow = &index->overflows[link - 1];
        uint32_t used = 0;
        for (uint32_t i = 0; i < OH_INDEX_OVERFLOW_ENTRIES; i++) {
            each(ctx, overflow->hashes[i], overflow->slots[i]);
            used |= overflow->slots[i];
        }
        expect(audit, used != 0, "index: an overflow is empty");
        link = overflow->overflow;
    }
    return count;
}

struct home_audit {
    struct audit *audit;
    const struct oh_index *index;
    uint32_t home;
    uint32_t entries;
};

static void entry_audit(void *ctx, uint32_t hash, uint32_t slot_link)
{
    struct home_audit *of = ctx;
    of->entries += slot_link != 0 ? 1 : 0;
    expect(of->audit, slot_link == 0 || oh_index_home(of->index, hash) == of->home, "index: an entry is not at home");
}

static void index_audit(struct audit *audit, const struct oh_index *index, uint32_t names, const char *sentence)
{
    struct home_audit of = { .audit = audit, .index = index };
    uint32_t overflows = 0;
    for (; of.home < index->bucket_count; of.home++)
        overflows += chain_walk(audit, index, of.home, entry_audit, &of);
    uint32_t waiting = 0;
    for (uint32_t link = index->overflow_free; link != 0 && waiting <= index->overflow_count; waiting++)
        link = index->overflows[link - 1].overflow;
    expect(audit, overflows + waiting == index->overflow_count, "index: an overflow is lost or there twice");
    expect(audit, index->level_mask + 1 <= index->bucket_count && index->bucket_count < 2 * (index->level_mask + 1),
           "index: the round does not fit the buckets");
    expect(audit, of.entries <= index->bucket_count * 6, "index: it has not grown");
    audit->index_size += index->bucket_count * UINT64_C(64) + index->overflow_count * UINT64_C(32);
    expect(audit, of.entries == index->entry_count && of.entries == names, sentence);
}

/* ---- Reference data --------------------------------------------------------------------------- */

static void items_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    for (uint32_t i = 0; i < ledger->item_count; i++) {
        const struct item *item = &ledger->items[i];
        uint32_t capacity = 2;
        while (capacity < item->node_count)
            capacity *= 2;
        text_has_strings(audit, item->text, ITEM_TEXTS);
        if (item->node_count > 1)
            text_has(audit, item->list, (uint64_t)capacity * 6);
        const uint16_t *nodes = item_node_list(ledger, item);
        const uint32_t *positions = item_positions(ledger, item);
        for (uint32_t n = 0; n < item->node_count; n++) {
            expect(audit, n == 0 || nodes[n] > nodes[n - 1], "item: its nodes are not in order");
            expect(audit, nodes[n] < ledger->node_count && positions[n] < ledger->position_count,
                   "item: its list is wrong");
            if (positions[n] < ledger->position_count)
                audit->position_lists[positions[n]]++;
        }
    }
}

static void groups_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    for (uint32_t i = 0; i < ledger->group_count; i++) {
        const struct group *group = &ledger->groups[i];
        text_has_strings(audit, group->text, GROUP_TEXTS);
        if (group->capacity > 0)
            text_has(audit, group->list, (uint64_t)group->capacity * 6);
        if (group->bitmap_words > 0)
            text_has(audit, group->bitmap, (uint64_t)group->bitmap_words * 8);
        const uint64_t *words = oh_text_at(&ledger->text, group->bitmap);
        uint32_t bits = 0;
        for (uint32_t word = 0; word < group->bitmap_words; word++)
            bits += (uint32_t)__builtin_popcountll(words[word]);
        expect(audit, bits == group->node_count && bits <= group->capacity, "group: members and bitmap differ");
        const int32_t *priorities = oh_text_at(&ledger->text, group->list);
        for (uint32_t n = 1; n < group->node_count; n++)
            expect(audit, priorities[n - 1] <= priorities[n], "group: its members are not in order");
    }
}

static void nodes_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    uint32_t with_point = 0;
    for (uint32_t i = 0; i < ledger->node_count; i++) {
        text_has_strings(audit, ledger->nodes[i].text, NODE_TEXTS);
        with_point += ledger->nodes[i].has_point ? 1 : 0;
    }
    expect(audit, with_point == ledger->nodes_by_z_count, "nodes: the map has more or fewer than there are");
    for (uint32_t i = 0; i < ledger->nodes_by_z_count; i++) {
        const struct node *node = &ledger->nodes[ledger->nodes_by_z[i]];
        expect(audit, node->has_point, "nodes: one without a place is on the map");
        expect(audit, i == 0 || ledger->nodes[ledger->nodes_by_z[i - 1]].z <= node->z, "nodes: the map is in disorder");
    }
}

/* The sketch of all weekdays has what the others have. */
static void lane_audit(struct audit *audit, const struct transit_lane *lane)
{
    const struct oh_ledger *ledger = audit->ledger;
    uint64_t total = 0;
    for (uint32_t day = 0; day < WEEKDAYS; day++) {
        if (lane->transits[day] != 0)
            total += ledger->transits[lane->transits[day] - 1].sketch.total;
    }
    expect(audit, lane->transits[WEEKDAYS] != 0, "transits: a lane without its sum");
    expect(audit, total == ledger->transits[lane->transits[WEEKDAYS] - 1].sketch.total, "transits: another sum");
}

static void rest_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    for (uint32_t i = 0; i < ledger->channel_count; i++) {
        const struct channel *channel = &ledger->channels[i];
        text_has_strings(audit, channel->text, 2);
        text_has(audit, channel->list, ((uint64_t)channel->node_count + channel->group_count) * 2 + 1);
    }
    for (uint32_t i = 0; i < ledger->postal_code_count; i++)
        text_has_strings(audit, ledger->postal_codes[i].text, POSTAL_TEXTS);
    for (uint32_t i = 0; i < ledger->transit_lane_count; i++) {
        text_has_strings(audit, ledger->transit_lanes[i].text, LANE_TEXTS);
        lane_audit(audit, &ledger->transit_lanes[i]);
    }
    for (uint32_t i = 0; i < ledger->import_count; i++) {
        text_has_strings(audit, ledger->imports[i].text, 1);
        expect(audit, ledger->imports[i].used_number <= ledger->import_number, "imports: a number is ahead");
    }
}

/* ---- Rules ------------------------------------------------------------------------------------ */

static void rule_chain_audit(struct audit *audit, uint32_t link, uint32_t item, uint16_t node, uint16_t channel)
{
    const struct oh_ledger *ledger = audit->ledger;
    for (uint32_t i = 0; link != 0 && i <= ledger->rule_pool.slot_count; i++) {
        const struct rule *rule = &ledger->rules[link - 1];
        expect(audit, rule->is_used && rule->item == item && rule->node == node && rule->channel == channel,
               "rule: it is in the list of another scope");
        audit->rules++;
        link = rule->next;
    }
}

static void indexed_rules_audit(void *ctx, uint32_t hash, uint32_t slot_link)
{
    struct audit *audit = ctx;
    (void)hash;
    if (slot_link == 0)
        return;
    const struct rule *first = &audit->ledger->rules[slot_link - 1];
    rule_chain_audit(audit, slot_link, first->item, first->node, first->channel);
}

static void rules_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    const struct oh_index *index = &ledger->rule_scope_index;
    for (uint32_t i = 0; i < ledger->rule_pool.slot_count; i++) {
        const struct rule *rule = &ledger->rules[i];
        if (!rule->is_used)
            continue;
        text_has_strings(audit, rule->text, 1);
        expect(audit, (ledger->rule_mask | rule->values.mask) == ledger->rule_mask, "rule: it is not in the mask");
        expect(audit, rule->item == OH_INDEX_NONE || ledger->items[rule->item].has_rules,
               "rule: it is not known at its item");
    }
    rule_chain_audit(audit, ledger->default_rules, OH_INDEX_NONE, OH_NODE_NONE, OH_NODE_NONE);
    for (uint32_t i = 0; i < ledger->node_count; i++)
        rule_chain_audit(audit, ledger->nodes[i].rules, OH_INDEX_NONE, (uint16_t)i, OH_NODE_NONE);
    for (uint32_t i = 0; i < ledger->channel_count; i++)
        rule_chain_audit(audit, ledger->channels[i].rules, OH_INDEX_NONE, OH_NODE_NONE, (uint16_t)i);
    for (uint32_t home = 0; home < index->bucket_count; home++)
        (void)chain_walk(audit, index, home, indexed_rules_audit, audit);
}

/* ---- Positions -------------------------------------------------------------------------------- */

static void rare_audit(struct audit *audit, uint32_t slot, const struct rare *rare)
{
    const struct oh_ledger *ledger = audit->ledger;
    audit->rares++;
    for (uint32_t link = rare->fences; link != 0; link = ledger->fences[link - 1].next) {
        const struct fence *fence = &ledger->fences[link - 1];
        audit->fences++;
        text_has_strings(audit, fence->text, 1);
        expect(audit, fence->is_used && position_find(ledger, fence->item, fence->node) == slot,
               "fence: it is in the list of another position");
    }
    for (uint32_t link = rare->supplies; link != 0; link = ledger->supplies[link - 1].next) {
        const struct supply *supply = &ledger->supplies[link - 1];
        audit->supplies++;
        text_has_strings(audit, supply->text, 1);
        expect(audit, supply->is_used && position_find(ledger, supply->item, supply->node) == slot,
               "supply: it is in the list of another position");
    }
}

static void extra_audit(struct audit *audit, uint32_t slot, const struct extra *extra)
{
    const struct oh_ledger *ledger = audit->ledger;
    audit->extras_used[extra - ledger->extras]++;
    expect(audit, extra->claims_head != 0 || extra->rare != 0, "position: an idle part is kept");
    uint32_t previous = 0;
    for (uint32_t link = extra->claims_head; link != 0; link = ledger->claims[link - 1].position_next) {
        const struct claim *claim = &ledger->claims[link - 1];
        expect(audit, claim->position == slot, "claim: it is in the list of another position");
        expect(audit, claim->position_previous == previous, "claim: its position's list has no right way back");
        expect(audit, claim_live_milli(ledger, claim) > 0, "claim: it is in a list, and claims nothing");
        previous = link;
    }
    if (extra->rare != 0)
        rare_audit(audit, slot, &ledger->rares[extra->rare - 1]);
}

static void positions_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    uint64_t short_count = 0;
    uint32_t extras = 0;
    for (uint32_t slot = 0; slot < ledger->position_count; slot++) {
        const struct position *position = &ledger->positions[slot];
        const struct extra *extra = extra_of(ledger, position);
        const struct rare *rare = rare_of(ledger, position);
        short_count += position->claimed_milli > oh_max_i64(0, position->sellable_milli) ? 1 : 0;
        extras += extra != NULL ? 1 : 0;
        expect(audit, audit->position_lists[slot] == 1, "position: it is in no list, or in two");
        expect(audit, ((position->extra & EXTRA_IS_FENCED) != 0) == (rare != NULL && rare->fences != 0),
               "position: its mark of fences is wrong");
        if (extra != NULL)
            extra_audit(audit, slot, extra);
    }
    for (uint32_t i = 0; i < ledger->extra_pool.slot_count; i++)
        expect(audit, audit->extras_used[i] <= 1, "position: two have one part");
    expect(audit, short_count == ledger->short_count, "positions: the number of short ones is wrong");
    expect(audit, audit->rares == ledger->rare_count, "positions: a rare part is lost");
    pool_audit(audit, &ledger->extra_pool, extras, "pool: extra parts");
    pool_audit(audit, &ledger->fence_pool, audit->fences, "pool: fences");
    pool_audit(audit, &ledger->supply_pool, audit->supplies, "pool: supplies");
    pool_audit(audit, &ledger->rule_pool, audit->rules, "pool: rules");
}

/* ---- Movements -------------------------------------------------------------------------------- */

static void movement_audit(struct audit *audit, uint64_t number)
{
    const struct oh_ledger *ledger = audit->ledger;
    const struct remembered *entry = &ledger->history[number % ledger->options.history_max];
    uint32_t slot = position_find(ledger, entry->item_state & 0xffffff, entry->node);
    expect(audit, slot != NO_SLOT, "movement: it has no position");
    if (slot == NO_SLOT)
        return;
    if (audit->newest[slot] != 0) {
        uint64_t last = audit->newest[slot] - 1;
        const struct remembered *before = &ledger->history[last % ledger->options.history_max];
        expect(audit, entry->previous == number - last, "movement: the one before it is not found");
        expect(audit, entry->at_us_max == oh_max_i64(entry->at_us, before->at_us_max),
               "movement: the latest time up to it is wrong");
    } else {
        expect(audit, entry->previous == 0 || entry->previous > number - ledger->movement_forgotten,
               "movement: one comes before the first");
        expect(audit, entry->at_us_max >= entry->at_us, "movement: the latest time up to it is before it");
    }
    audit->newest[slot] = number + 1;
}

static void history_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    expect(audit, ledger->movement_count - ledger->movement_forgotten <= ledger->options.history_max,
           "movements: more are remembered than fit");
    expect(audit, ledger->movement_forgotten > 0 || ledger->forgotten_at_us == OH_TIME_US_NONE,
           "movements: none is forgotten, and yet one is");
    for (uint64_t number = ledger->movement_forgotten; number < ledger->movement_count; number++)
        movement_audit(audit, number);
    for (uint32_t slot = 0; slot < ledger->position_count; slot++) {
        uint64_t newest = audit->newest[slot];
        expect(audit, newest == 0 || ledger->positions[slot].history == (newest - 1) % HISTORY_MODULUS + 1,
               "position: its newest movement is not found");
    }
}

/* ---- Reservations ----------------------------------------------------------------------------- */

/* The neighbours in the list of a customer or an order point back. */
static void party_audit(struct audit *audit, uint32_t slot, uint32_t text)
{
    const struct oh_ledger *ledger = audit->ledger;
    const struct reservation *reservation = &ledger->reservations[slot];
    struct oh_bytes party = reservation_party(ledger, reservation, text);
    if (party.size == 0)
        return;
    bool is_order = text == RESERVATION_TEXT_ORDER;
    const struct parties *of = oh_text_at(&ledger->text, reservation->parties);
    uint32_t next = is_order ? of->order_next : of->customer_next;
    audit->parties += (is_order ? of->order_previous : of->customer_previous) == 0 ? 1 : 0;
    if (next == 0)
        return;
    const struct reservation *older = &ledger->reservations[next - 1];
    expect(audit, older->name != 0 && parties_of(ledger, older) != NULL, "party: one that is gone is in its list");
    if (audit->complaint != NULL)
        return;
    const struct parties *back = oh_text_at(&ledger->text, older->parties);
    expect(audit, (is_order ? back->order_previous : back->customer_previous) == link_of(slot),
           "party: its list has no right way back");
    expect(audit, oh_bytes_equal(ledger_string(ledger, older->text, text), party), "party: two are in one list");
}

/* Parts beside a claim are its own, and are more than one part. */
static void parts_audit(struct audit *audit, uint32_t slot)
{
    const struct parts *parts = &audit->ledger->parts[slot];
    int64_t quantity = parts->quantity_milli;
    int64_t sum = parts->held_milli + parts->confirmed_milli + parts->fulfilled_milli + parts->expired_milli;
    audit->parts++;
    expect(audit, slot < audit->ledger->parts_pool.slot_count && audit->parts_used[slot]++ == 0,
           "parts: two claims have them");
    expect(audit, quantity > CLAIM_AMOUNT_MAX ||
                      (sum > 0 && sum <= quantity && parts->held_milli < quantity &&
                       parts->confirmed_milli < quantity && parts->fulfilled_milli < quantity &&
                       parts->expired_milli < quantity), "parts: a claim that is in one part has them");
}

static void claims_audit(struct audit *audit, uint32_t slot)
{
    const struct oh_ledger *ledger = audit->ledger;
    const struct reservation *reservation = &ledger->reservations[slot];
    uint32_t count = 0, live = 0, held = 0, last = 0;
    for (uint32_t link = claims_first(ledger, reservation); link != 0 && count <= UINT16_MAX;) {
        const struct claim *claim = &ledger->claims[link - 1];
        expect(audit, claim->reservation == slot, "claim: it is in the list of another reservation");
        audit->claims_used[link - 1]++;
        count++;
        held += claim_held_milli(ledger, claim) > 0 ? 1 : 0;
        live += claim_live_milli(ledger, claim) > 0 ? 1 : 0;
        if (claim->part == PART_SEVERAL)
            parts_audit(audit, (uint32_t)claim->amount);
        last = link;
        link = claims_after(ledger, reservation, link);
    }
    audit->claims += count;
    bool has_ended = reservation->has_ended;
    expect(audit, count == reservation->claim_count, "reservation: it counts its claims wrong");
    expect(audit, has_ended || (live == reservation->live_count && held == reservation->held_count),
           "reservation: it counts its live claims wrong");
    expect(audit, last == reservation->claims_tail, "reservation: its last claim is another");
    expect(audit, (live == 0) == has_ended, "reservation: its end is wrong");
    bool waits = held > 0 && reservation->expires_at_us != OH_TIME_US_NONE;
    expect(audit, waits == (!has_ended && reservation->heap != 0),
           "reservation: whether it waits for its expiry is wrong");
    expect(audit, !waits || (reservation->heap <= ledger->heap_count &&
                             ledger->heap[reservation->heap - 1].reservation == slot), "reservation: not in the heap");
}

static void node_claims_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    uint32_t listed = 0, at_nodes = 0;
    for (uint32_t i = 0; i < ledger->node_count; i++) {
        uint32_t previous = 0;
        for (uint32_t link = ledger->nodes[i].claims_head; link != 0; link = ledger->claims[link - 1].node_next) {
            const struct claim *claim = &ledger->claims[link - 1];
            expect(audit, claim->node == i, "claim: it is in the list of another node");
            expect(audit, claim->node_previous == previous, "claim: its node's list has no right way back");
            previous = link;
            if (++listed > ledger->claim_pool.slot_count)
                break;
        }
    }
    for (uint32_t i = 0; i < ledger->claim_pool.slot_count; i++) {
        at_nodes += audit->claims_used[i] != 0 && ledger->claims[i].node != OH_NODE_NONE ? 1 : 0;
        expect(audit, audit->claims_used[i] <= 1, "claim: two reservations have it");
    }
    expect(audit, listed == at_nodes, "claim: it is not in the list of its node");
}

static void heap_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    for (uint32_t i = 0; i < ledger->heap_count; i++) {
        expect(audit, i == 0 || ledger->heap[(i - 1) / 4].at_us <= ledger->heap[i].at_us, "heap: it is in disorder");
        expect(audit, ledger->reservations[ledger->heap[i].reservation].expires_at_us == ledger->heap[i].at_us,
               "heap: a time is wrong");
    }
    expect(audit, ledger->heap_count == audit->holds, "heap: it has more or fewer than wait");
}

static void ended_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    int64_t last_us = INT64_MIN;
    uint32_t count = 0;
    for (uint64_t place = ledger->ended_first; place < ledger->ended_next; place++) {
        uint32_t slot = ledger->ended[place % ledger->options.reservations_max];
        if (slot == NO_SLOT)
            continue;
        const struct reservation *reservation = &ledger->reservations[slot];
        expect(audit, reservation->name != 0 && reservation->has_ended && reservation->ended_at_us >= last_us,
               "ended: they are in disorder");
        last_us = reservation->ended_at_us;
        count++;
    }
    expect(audit, count == audit->ended, "ended: one is lost, or there twice");
}

static void bookings_audit(struct audit *audit, uint32_t slot);

static void reservations_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    for (uint32_t slot = 0; slot < ledger->reservation_pool.slot_count; slot++) {
        const struct reservation *reservation = &ledger->reservations[slot];
        if (reservation->name == 0)
            continue;
        audit->reservations++;
        audit->ended += reservation->has_ended ? 1 : 0;
        audit->holds += !reservation->has_ended && reservation->heap != 0 ? 1 : 0;
        if (!reservation->is_numbered)
            text_has_strings(audit, reservation->text, RESERVATION_TEXTS);
        if (parties_of(ledger, reservation) != NULL) {
            text_has(audit, reservation->parties, sizeof(struct parties));
            bookings_audit(audit, slot);
        }
        claims_audit(audit, slot);
        party_audit(audit, slot, RESERVATION_TEXT_CUSTOMER);
        party_audit(audit, slot, RESERVATION_TEXT_ORDER);
    }
    pool_audit(audit, &ledger->reservation_pool, audit->reservations, "pool: reservations");
    pool_audit(audit, &ledger->claim_pool, audit->claims, "pool: claims");
    pool_audit(audit, &ledger->parts_pool, audit->parts, "pool: parts of claims");
    node_claims_audit(audit);
    heap_audit(audit);
    ended_audit(audit);
}

static void keys_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    const struct key *before = NULL;
    for (uint64_t number = ledger->key_first; number < ledger->key_next; number++) {
        const struct key *key = &ledger->keys[number % ledger->options.keys_max];
        text_has(audit, key->text, 2 + ledger_string(ledger, key->text, 0).size + key->answer_size);
        expect(audit, before == NULL || before->at_us < key->at_us ||
                          (before->at_us == key->at_us && before->seq <= key->seq), "keys: they are in disorder");
        before = key;
    }
}

/* ---- Documents and capacity ------------------------------------------------------------------- */

static void documents_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    for (uint32_t i = 0; i < ledger->document_pool.slot_count; i++) {
        const struct document *document = &ledger->documents[i];
        if (document->body_size == 0)
            continue;
        audit->documents++;
        text_has_strings(audit, document->text, 1);
        text_has(audit, document->body, document->body_size);
        expect(audit, document->version <= ledger->documents_version, "document: it is of a later version");
    }
    for (uint32_t i = 0; i < ledger->class_count; i++)
        text_has_strings(audit, ledger->classes[i], 1);
    pool_audit(audit, &ledger->document_pool, audit->documents, "pool: documents");
}

/* What is booked is what its claims say, and every bucket has a booking. */
static void buckets_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    uint32_t bookings = 0;
    for (uint32_t i = 0; i < ledger->bucket_pool.slot_count; i++) {
        const struct bucket *bucket = &ledger->buckets[i];
        if (bucket->text == 0)
            continue;
        audit->buckets++;
        text_has_strings(audit, bucket->text, 1);
        expect(audit, bucket->bookings_head != 0, "bucket: nothing is booked in it");
        expect(audit, bucket_agrees(ledger, i), "bucket: it is not the sum of its bookings");
        uint32_t previous = 0;
        for (uint32_t link = bucket->bookings_head; link != 0; link = ledger->bookings[link - 1].bucket_next) {
            expect(audit, ledger->bookings[link - 1].bucket_previous == previous, "booking: no right way back");
            previous = link;
            if (++bookings > ledger->booking_pool.slot_count)
                break;
        }
    }
    expect(audit, bookings == audit->bookings, "booking: it is in no bucket, or in two");
    pool_audit(audit, &ledger->bucket_pool, audit->buckets, "pool: buckets");
    pool_audit(audit, &ledger->booking_pool, audit->bookings, "pool: bookings");
}

static void bookings_audit(struct audit *audit, uint32_t slot)
{
    const struct oh_ledger *ledger = audit->ledger;
    const struct parties *parties = parties_of(ledger, &ledger->reservations[slot]);
    uint32_t last = 0;
    OH_ASSERT(parties != NULL);
    for (uint32_t link = parties->bookings_head; link != 0; link = ledger->bookings[link - 1].next) {
        expect(audit, ledger->bookings[link - 1].reservation == slot, "booking: another reservation has it");
        audit->bookings++;
        last = link;
    }
    expect(audit, last == parties->bookings_tail, "booking: the last is another");
    if (parties->promise != 0)
        text_has(audit, parties->promise, parties->promise_size);
}

/* ---- All of it -------------------------------------------------------------------------------- */

static void indexes_audit(struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    index_audit(audit, &ledger->node_index, ledger->node_count, "index: nodes");
    index_audit(audit, &ledger->item_index, ledger->item_count, "index: items");
    index_audit(audit, &ledger->group_index, ledger->group_count, "index: groups");
    index_audit(audit, &ledger->channel_index, ledger->channel_count, "index: channels");
    index_audit(audit, &ledger->postal_code_index, ledger->postal_code_count, "index: postal codes");
    index_audit(audit, &ledger->transit_lane_index, ledger->transit_lane_count, "index: transit lanes");
    index_audit(audit, &ledger->import_index, ledger->import_count, "index: imports");
    index_audit(audit, &ledger->rule_index, audit->rules, "index: rules");
    index_audit(audit, &ledger->rule_scope_index, ledger->rule_scope_index.entry_count, "index: scopes");
    index_audit(audit, &ledger->fence_index, audit->fences, "index: fences");
    index_audit(audit, &ledger->supply_index, audit->supplies, "index: supplies");
    index_audit(audit, &ledger->document_index, audit->documents, "index: documents");
    index_audit(audit, &ledger->bucket_index, audit->buckets, "index: buckets");
    index_audit(audit, &ledger->reservation_index, audit->reservations, "index: reservations");
    index_audit(audit, &ledger->party_index, audit->parties, "index: customers and orders");
    index_audit(audit, &ledger->key_index, (uint32_t)(ledger->key_next - ledger->key_first), "index: keys");
}

/* What has been touched of each region. */
static uint64_t memory_size(const struct audit *audit)
{
    const struct oh_ledger *ledger = audit->ledger;
    const struct { uint64_t count, size; } regions[] = {
        { ledger->node_count, sizeof(struct node) },
        { ledger->item_count, sizeof(struct item) },
        { ledger->group_count, sizeof(struct group) },
        { ledger->postal_code_count, sizeof(struct postal_code) },
        { ledger->transit_lane_count, sizeof(struct transit_lane) },
        { ledger->transit_count, sizeof(struct transit) },
        { ledger->rule_pool.slot_count, sizeof(struct rule) },
        { ledger->fence_pool.slot_count, sizeof(struct fence) },
        { ledger->supply_pool.slot_count, sizeof(struct supply) },
        { ledger->document_pool.slot_count, sizeof(struct document) },
        { ledger->trait_pool.slot_count, sizeof(struct oh_item_traits) },
        { ledger->deferral_pool.slot_count, sizeof(struct deferral) },
        { ledger->bucket_pool.slot_count, sizeof(struct bucket) },
        { ledger->booking_pool.slot_count, sizeof(struct booking) },
        { ledger->position_count, sizeof(struct position) },
        { ledger->extra_pool.slot_count, sizeof(struct extra) },
        { ledger->rare_count, sizeof(struct rare) },
        { ledger->movement_count - ledger->movement_forgotten, sizeof(struct remembered) },
        { ledger->reservation_pool.slot_count, sizeof(struct reservation) },
        { ledger->ended_next - ledger->ended_first, sizeof(uint32_t) },
        { ledger->claim_pool.slot_count, sizeof(struct claim) },
        { ledger->parts_pool.slot_count, sizeof(struct parts) },
        { ledger->heap_count, sizeof(struct heap_entry) },
        { ledger->key_next - ledger->key_first, sizeof(struct key) },
    };
    uint64_t size = audit->ledger->text.cut_size + audit->index_size;
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
        size += regions[i].count * regions[i].size;
    return size;
}

static void figures_audit(struct audit *audit)
{
    struct oh_ledger_stats stats;
    oh_ledger_stats_get(audit->ledger, &stats);
    expect(audit, stats.reservations == audit->reservations && stats.holds == audit->holds &&
                      stats.claims == audit->claims && stats.rules == audit->rules && stats.fences == audit->fences &&
                      stats.supplies == audit->supplies && stats.text_size == audit->live_size,
           "figures: they are not what there is");
    expect(audit, stats.keys == audit->ledger->key_index.entry_count, "figures: keys");
    expect(audit, stats.memory_size == memory_size(audit), "figures: memory");
}

const char *ledger_audit(const struct oh_ledger *ledger)
{
    struct audit audit = { .ledger = ledger };
    OH_ASSERT(!ledger->is_restored_unlinked);
    audit.position_lists = zeros(ledger->position_count, sizeof(*audit.position_lists));
    audit.extras_used = zeros(ledger->extra_pool.slot_count, sizeof(*audit.extras_used));
    audit.newest = zeros(ledger->position_count, sizeof(*audit.newest));
    audit.claims_used = zeros(ledger->claim_pool.slot_count, sizeof(*audit.claims_used));
    audit.parts_used = zeros(ledger->parts_pool.slot_count, sizeof(*audit.parts_used));
    items_audit(&audit);
    groups_audit(&audit);
    nodes_audit(&audit);
    rest_audit(&audit);
    rules_audit(&audit);
    positions_audit(&audit);
    history_audit(&audit);
    documents_audit(&audit);
    reservations_audit(&audit);
    buckets_audit(&audit);
    keys_audit(&audit);
    indexes_audit(&audit);
    figures_audit(&audit);
    text_audit(&audit);
    free(audit.blocks);
    free(audit.position_lists);
    free(audit.extras_used);
    free(audit.newest);
    free(audit.claims_used);
    free(audit.parts_used);
    return audit.complaint;
}
