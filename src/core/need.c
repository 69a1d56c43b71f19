/*
 * need.c - what each kind of command can need at most, from its shape alone or from what it names: looked at before it
 * is decided, so that nothing can be missing in the middle of it.
 */
#include "core/need.h"
#include "core/state.h"

/* The most that a command can take. */
struct need {
    uint32_t effects;
    uint32_t claims;
    uint32_t positions;
    uint32_t rares;
    uint32_t keys;
    uint32_t bookings;
    uint64_t text;    /* bytes */
    uint64_t scratch; /* bytes */
};

/* Whether an entry makes a position. While there is room for all of them, nobody needs to look. */
static bool place_is_new(const struct oh_ledger *ledger, struct oh_bytes sku, struct oh_bytes node, uint32_t count)
{
    if (count <= ledger->options.positions_max - ledger->position_count)
        return true;
    uint32_t item = item_find(ledger, sku);
    uint32_t slot = node_find(ledger, node);
    return item != NO_SLOT && slot != NO_SLOT && position_find(ledger, item, (uint16_t)slot) == NO_SLOT;
}

static struct need adjust_need(const struct oh_ledger *ledger, const struct oh_adjust_command *command)
{
    uint32_t count = command->entry_count;
    uint64_t bytes = 4096 + (uint64_t)count * 400;
    struct need need = { .effects = count * 2 + 1, .keys = 1, .text = bytes, .scratch = bytes };
    for (uint32_t i = 0; i < count && count <= OH_ENTRIES_MAX; i++) {
        const struct oh_adjust_entry *entry = &command->entries[i];
        need.positions += place_is_new(ledger, entry->sku, entry->node, count) ? 1 : 0;
        need.rares += entry->state != OH_STATE_SELLABLE ? 1 : 0;
        need.keys += entry->id.size > 0 ? 1 : 0;
    }
    return need;
}

static struct need sync_need(const struct oh_ledger *ledger, const struct oh_sync_command *command)
{
    uint32_t count = command->entry_count;
    uint64_t bytes = 4096 + (uint64_t)count * 100;
    struct need need = { .effects = count + 1, .keys = 1, .text = bytes, .scratch = bytes };
    for (uint32_t i = 0; i < count && count <= OH_ENTRIES_MAX; i++) {
        const struct oh_sync_entry *entry = &command->entries[i];
        need.positions += place_is_new(ledger, entry->sku, entry->node, count) ? 1 : 0;
        need.rares += entry->state != OH_STATE_SELLABLE || entry->has_source_seq ? 1 : 0;
    }
    return need;
}

static struct need deliveries_need(const struct oh_deliveries_command *command)
{
    uint32_t count = command->report_count;
    uint64_t bytes = 4096 + (uint64_t)count * 600;
    struct need need = { .effects = count * 2 + 1, .keys = 1, .text = bytes, .scratch = bytes };
    for (uint32_t i = 0; i < count && count <= OH_REPORTS_MAX; i++)
        need.keys += command->reports[i].id.size > 0 ? 1 : 0;
    return need;
}

/* Claims need new positions only where something may be sold that never was there. */
static struct need reserve_need(const struct oh_ledger *ledger, const struct oh_reserve_command *command)
{
    bool is_pinned = true;
    for (uint32_t i = 0; i < command->line_count && is_pinned; i++)
        is_pinned = command->lines[i].node.size > 0;
    uint32_t claims = command->pick_count > 0 ? command->pick_count + command->line_count
                      : is_pinned             ? command->line_count * 2
                                              : OH_CLAIMS_MAX + command->line_count;
    uint32_t rares = 0;
    for (uint32_t i = 0; i < command->pick_count && i < OH_CLAIMS_MAX; i++)
        rares += command->picks[i].due_at_us > 0 ? 1 : 0;
    return (struct need){
        .effects = claims + command->booking_count + 4,
        .claims = claims,
        .rares = rares,
        .bookings = command->booking_count,
        .positions = (ledger->rule_mask & OH_RULE_BACKORDER_LIMIT) != 0 ? claims : 0,
        .keys = 2,
        .text = 512 + (uint64_t)claims * 48 + (uint64_t)command->booking_count * 256 + command->promise.size * 2,
        .scratch = 4096 + (uint64_t)claims * 96,
    };
}

static struct need action_need(const struct oh_ledger *ledger, const struct oh_action_command *command, bool is_move)
{
    uint32_t slot = reservation_named(ledger);
    uint32_t claims = slot == NO_SLOT ? 0 : ledger->reservations[slot].claim_count;
    uint32_t bookings = slot == NO_SLOT ? 0 : bookings_count(ledger, slot);
    uint32_t taken = is_move ? command->window_count : 0;
    uint32_t written = (is_move ? 2 * bookings : bookings) + taken; /* given back, and taken along */
    uint32_t effects = claims * 4 + command->line_count * 2 + 2 + written;
    return (struct need){
        .effects = effects,
        .claims = is_move ? claims : 0,
        .rares = taken > 0 ? 1 : 0,
        .bookings = taken,
        .positions = is_move ? claims : 0,
        .keys = 1,
        .text = 512 + (uint64_t)effects * 48 + (uint64_t)written * 256,
        .scratch = 4096 + (uint64_t)effects * 96 + (uint64_t)written * 384 + (taken > 0 ? (uint64_t)claims * 16 : 0),
    };
}

static struct need replace_need(const struct oh_ledger *ledger, const struct oh_replace_command *command)
{
    uint32_t slot = reservation_named(ledger);
    uint32_t claims = slot == NO_SLOT ? 0 : ledger->reservations[slot].claim_count;
    uint32_t bookings = slot == NO_SLOT ? 0 : bookings_count(ledger, slot);
    uint32_t effects = claims * 2 + command->pick_count + command->booking_count + bookings + 2;
    return (struct need){
        .effects = effects,
        .claims = command->pick_count,
        .rares = command->pick_count,
        .bookings = command->booking_count,
        .positions = command->pick_count,
        .keys = 1,
        .text = 512 + (uint64_t)effects * 48 + (uint64_t)command->booking_count * 256 + command->promise.size * 2,
        .scratch = 4096 + (uint64_t)effects * 96 + (uint64_t)bookings * 256,
    };
}

static struct need command_need(const struct oh_ledger *ledger, const struct oh_command *command)
{
    uint32_t places = command->type == OH_COMMAND_FENCE || command->type == OH_COMMAND_SUPPLY ? 1 : 0;
    switch (command->type) {
    case OH_COMMAND_ADJUST:
        return adjust_need(ledger, &command->adjust);
    case OH_COMMAND_SYNC:
        return sync_need(ledger, &command->sync);
    case OH_COMMAND_DELIVERIES:
        return deliveries_need(&command->deliveries);
    case OH_COMMAND_RESERVE:
        return reserve_need(ledger, &command->reserve);
    case OH_COMMAND_REPLACE:
        return replace_need(ledger, &command->replace);
    case OH_COMMAND_CONFIRM:
    case OH_COMMAND_RELEASE:
    case OH_COMMAND_EXTEND:
    case OH_COMMAND_CHANGE:
    case OH_COMMAND_MOVE:
    case OH_COMMAND_FULFIL:
        return action_need(ledger, &command->action, command->type == OH_COMMAND_MOVE);
    case OH_COMMAND_NODE:
    case OH_COMMAND_ITEM:
    case OH_COMMAND_GROUP:
    case OH_COMMAND_GROUP_MEMBER:
    case OH_COMMAND_CHANNEL:
    case OH_COMMAND_RULE:
    case OH_COMMAND_FENCE:
    case OH_COMMAND_SUPPLY:
    case OH_COMMAND_POSTAL_CODE:
    case OH_COMMAND_IMPORT_PROGRESS:
    case OH_COMMAND_DOCUMENT:
        break;
    }
    return (struct need){ .effects = 3, .positions = places, .rares = places, .keys = 1, .text = 1 << 20,
                          .scratch = 1 << 20 };
}

static bool need_fits_record(const struct oh_ledger *ledger, const struct need *need)
{
    return need->effects <= OH_EFFECTS_MAX - ledger->effect_count &&
           need->scratch <= SCRATCH_SIZE - ledger->scratch_used;
}

static bool need_fits_ledger(const struct oh_ledger *ledger, const struct need *need, enum oh_command_type type)
{
    /* A node list doubles as an item reaches more nodes: part of what a new position can need. */
    uint64_t text = need->text + (uint64_t)need->positions * 64;
    uint32_t reservations = type == OH_COMMAND_RESERVE ? 1 : 0;
    return oh_text_has_room(&ledger->text, text) && pool_has_room(&ledger->claim_pool, need->claims) &&
           pool_has_room(&ledger->reservation_pool, reservations) &&
           need->positions <= ledger->options.positions_max - ledger->position_count &&
           need->rares <= ledger->rare_max - ledger->rare_count &&
           pool_has_room(&ledger->booking_pool, need->bookings) &&
           pool_has_room(&ledger->bucket_pool, need->bookings) &&
           ledger->key_next - ledger->key_first + need->keys <= ledger->options.keys_max;
}

enum room command_room(const struct oh_ledger *ledger, const struct oh_command *command)
{
    struct need need = command_need(ledger, command);
    if (!need_fits_record(ledger, &need))
        return ROOM_NONE_IN_RECORD;
    return need_fits_ledger(ledger, &need, command->type) ? ROOM_ENOUGH : ROOM_NONE_IN_LEDGER;
}
