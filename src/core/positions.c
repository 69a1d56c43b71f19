/*
 * positions.c - where the row of an (item, node) is, and its parts.
 */
#include "core/state.h"

#define LIST_ENTRY_SIZE (sizeof(uint32_t) + sizeof(uint16_t))

/* ---- Which nodes have an item ----------------------------------------------------------------- */

/* The next power of two, at least 2. */
static uint32_t list_capacity(uint32_t node_count)
{
    return node_count <= 2 ? 2 : UINT32_C(2) << (31 - __builtin_clz(node_count - 1));
}

const uint32_t *item_positions(const struct oh_ledger *ledger, const struct item *item)
{
    return item->node_count <= 1 ? &item->list : oh_text_at(&ledger->text, item->list);
}

const uint16_t *item_node_list(const struct oh_ledger *ledger, const struct item *item)
{
    if (item->node_count <= 1)
        return &item->only_node;
    return (const uint16_t *)(item_positions(ledger, item) + list_capacity(item->node_count));
}

/* The first place in the list, which has some, whose node is not below. */
static uint32_t list_lower_bound(const uint16_t *nodes, uint32_t count, uint16_t node)
{
    uint32_t base = 0;
    while (count > 1) {
        uint32_t half = count / 2;
        base += nodes[base + half - 1] < node ? half : 0;
        count -= half;
    }
    return base + (nodes[base] < node ? 1 : 0);
}

/* The node's place in the list of an item that every node has; and not far from it when few have not. */
static uint32_t list_guess(const struct item *item, uint16_t node)
{
    return node < item->node_count ? node : item->node_count - 1;
}

void position_list_expect(const struct oh_ledger *ledger, uint32_t item_slot, uint16_t node)
{
    const struct item *item = &ledger->items[item_slot];
    if (item->node_count <= 1)
        return;
    uint32_t guess = list_guess(item, node);
    memory_expect(item_positions(ledger, item) + guess);
    memory_expect(item_node_list(ledger, item) + guess);
}

uint32_t position_find(const struct oh_ledger *ledger, uint32_t item_slot, uint16_t node)
{
    const struct item *item = &ledger->items[item_slot];
    if (item->node_count <= 1)
        return item->node_count == 1 && item->only_node == node ? item->list : NO_SLOT;
    const uint16_t *nodes = item_node_list(ledger, item);
    const uint32_t *positions = item_positions(ledger, item);
    uint32_t at = list_guess(item, node);
    if (nodes[at] == node)
        return positions[at];
    at = list_lower_bound(nodes, item->node_count, node);
    return at < item->node_count && nodes[at] == node ? positions[at] : NO_SLOT;
}

/* Makes room for one more in the list; 0: full. */
static bool list_grow(struct oh_ledger *ledger, struct item *item)
{
    uint32_t count = item->node_count;
    uint32_t capacity = list_capacity(count + 1);
    if (count >= 2 && capacity == list_capacity(count))
        return true;
    uint32_t list = oh_text_allocate(&ledger->text, capacity * LIST_ENTRY_SIZE);
    if (list == 0)
        return false;
    uint32_t *positions = oh_text_at(&ledger->text, list);
    memcpy(positions, item_positions(ledger, item), count * sizeof(*positions));
    memcpy(positions + capacity, item_node_list(ledger, item), count * sizeof(uint16_t));
    if (count >= 2)
        oh_text_free(&ledger->text, item->list, list_capacity(count) * LIST_ENTRY_SIZE);
    item->list = list;
    return true;
}

static bool list_insert(struct oh_ledger *ledger, struct item *item, uint16_t node, uint32_t position)
{
    uint32_t count = item->node_count;
    if (count == 0) {
        item->list = position;
        item->only_node = node;
        item->node_count = 1;
        return true;
    }
    if (!list_grow(ledger, item))
        return false;
    uint32_t *positions = oh_text_at(&ledger->text, item->list);
    uint16_t *nodes = (uint16_t *)(positions + list_capacity(count + 1));
    uint32_t at = list_lower_bound(nodes, count, node);
    memmove(&positions[at + 1], &positions[at], (count - at) * sizeof(*positions));
    memmove(&nodes[at + 1], &nodes[at], (count - at) * sizeof(*nodes));
    positions[at] = position;
    nodes[at] = node;
    item->node_count = count + 1;
    return true;
}

uint32_t position_obtain(struct oh_ledger *ledger, uint32_t item, uint16_t node)
{
    uint32_t slot = position_find(ledger, item, node);
    if (slot != NO_SLOT)
        return slot;
    if (ledger->position_count == ledger->options.positions_max)
        return NO_SLOT;
    slot = ledger->position_count;
    if (!list_insert(ledger, &ledger->items[item], node, slot))
        return NO_SLOT;
    ledger->position_count++;
    ledger->positions[slot] = (struct position){ .as_of_us = OH_TIME_US_NONE };
    return slot;
}

/* ---- Places ----------------------------------------------------------------------------------- */

bool place_resolve(const struct oh_ledger *ledger, struct oh_bytes sku, struct oh_bytes node, uint32_t fault_index,
                   struct place *out_place, struct oh_answer *answer)
{
    uint32_t item = item_find(ledger, sku);
    if (item == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_ITEM, OH_FIELD_SKU, fault_index);
        return false;
    }
    uint32_t slot = node_find(ledger, node);
    if (slot == NO_SLOT) {
        refuse(answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, fault_index);
        return false;
    }
    *out_place = (struct place){ item, (uint16_t)slot, position_find(ledger, item, (uint16_t)slot) };
    return true;
}

/* ---- Parts ------------------------------------------------------------------------------------ */

struct position *position_edit(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t position)
{
    if (__builtin_expect(ledger->snapshot.is_active, 0))
        snapshot_touch_position_slow(ledger, item, node, position);
    return &ledger->positions[position];
}

struct rare *rare_of(const struct oh_ledger *ledger, const struct position *position)
{
    const struct extra *extra = extra_of(ledger, position);
    return extra == NULL || extra->rare == 0 ? NULL : &ledger->rares[extra->rare - 1];
}

/* There is one for each position (asserted). */
struct extra *extra_obtain(struct oh_ledger *ledger, struct position *position)
{
    struct extra *extra = extra_of(ledger, position);
    if (extra != NULL)
        return extra;
    uint32_t slot = pool_take(&ledger->extra_pool);
    ledger->extras[slot] = (struct extra){ 0, 0, 0 };
    position->extra |= link_of(slot);
    return &ledger->extras[slot];
}

struct rare *rare_obtain(struct oh_ledger *ledger, struct position *position)
{
    struct extra *extra = extra_obtain(ledger, position);
    if (extra->rare == 0) {
        if (ledger->rare_count == ledger->rare_max)
            return NULL;
        struct rare *rare = &ledger->rares[ledger->rare_count++];
        for (uint32_t i = 0; i < OH_STATE_COUNT - 1; i++)
            rare->states[i].as_of_us = OH_TIME_US_NONE;
        for (uint32_t i = 0; i < OH_STATE_COUNT; i++)
            rare->source_seqs[i] = -1;
        extra->rare = ledger->rare_count;
    }
    return &ledger->rares[extra->rare - 1];
}

struct rare *place_rare(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t *out_position)
{
    *out_position = position_obtain(ledger, item, node);
    return *out_position == NO_SLOT ? NULL : rare_obtain(ledger, &ledger->positions[*out_position]);
}

void extra_drop_if_idle(struct oh_ledger *ledger, struct position *position)
{
    struct extra *extra = extra_of(ledger, position);
    OH_ASSERT(extra != NULL);
    if (extra->claims_head != 0 || extra->rare != 0)
        return;
    OH_ASSERT(extra->held_milli == 0);
    pool_give(&ledger->extra_pool, (position->extra & EXTRA_LINK) - 1);
    position->extra &= EXTRA_FLAGS;
}

int64_t position_state_milli(const struct oh_ledger *ledger, const struct position *position, enum oh_state state)
{
    if (state == OH_STATE_SELLABLE)
        return position->sellable_milli;
    const struct rare *rare = rare_of(ledger, position);
    return rare == NULL ? 0 : rare->states[state - 1].quantity_milli;
}

static bool position_is_short(const struct position *position)
{
    return position->claimed_milli > 0 && position->sellable_milli < position->claimed_milli;
}

void position_add(struct oh_ledger *ledger, uint32_t slot, int64_t sellable_delta, int64_t claimed_delta)
{
    struct position *position = &ledger->positions[slot];
    ledger->short_count -= position_is_short(position) ? 1 : 0;
    position->sellable_milli += sellable_delta;
    position->claimed_milli += claimed_delta;
    ledger->short_count += position_is_short(position) ? 1 : 0;
}

/* ---- Public questions ------------------------------------------------------------------------- */

uint32_t oh_item_nodes(const struct oh_ledger *ledger, struct oh_item_id item, uint32_t first, uint32_t nodes_max,
                       struct oh_node_id *out_nodes)
{
    OH_ASSERT(item.index < ledger->item_count);
    const struct item *of = &ledger->items[item.index];
    const uint16_t *nodes = item_node_list(ledger, of);
    for (uint32_t i = 0; i < nodes_max && first + i < of->node_count; i++)
        out_nodes[i].index = nodes[first + i];
    return of->node_count;
}
