/*
 * ledger.c - a ledger's life, and the one way it changes: decide, then do.
 *
 * A decision reads the ledger and writes effects; only when all of them are
 * known are they applied. Between the first and the last nothing can fail:
 * room for the worst case is checked before the decision begins.
 */
#include "core/need.h"
#include "core/state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t name_hash(struct oh_bytes name)
{
    return XXH3_64bits(name.data, name.size);
}

/* ---- Life ------------------------------------------------------------------------------------- */

static bool options_default(struct oh_ledger_options *options)
{
#define DEFAULT_OF(field, value, most)      \
    if (options->field == 0)                \
        options->field = (value);           \
    if (options->field > (most))            \
        return false;
    DEFAULT_OF(items_max, OH_ITEMS_MAX, OH_ITEMS_MAX)
    DEFAULT_OF(positions_max, OH_POSITIONS_MAX, OH_POSITIONS_MAX)
    DEFAULT_OF(reservations_max, 16777216u, 16777216u)
    DEFAULT_OF(claims_max, 33554432u, 33554432u)
    DEFAULT_OF(keys_max, 16777216u, 67108864u)
    DEFAULT_OF(history_max, 4194304u, 1u << 28)
    DEFAULT_OF(text_size_max, (uint64_t)16 << 30, (uint64_t)32 << 30)
    DEFAULT_OF(terminal_retention_us, OH_KEY_RETENTION_US, OH_TTL_US_MAX)
#undef DEFAULT_OF
    bool history_is_power_of_two = (options->history_max & (options->history_max - 1)) == 0;
    return history_is_power_of_two && options->text_size_max >= 4 * OH_TEXT_BLOCK_SIZE_MAX &&
           options->terminal_retention_us > 0;
}

/*
 * One pool from the allocator; NULL when it has no more. What is used most is mostly at the beginning of a pool, and
 * a processor's cache has few places for lines that are a multiple of a page apart: so pools begin at different
 * lines of a page.
 */
static void *ledger_region(struct oh_ledger *ledger, size_t count, size_t size)
{
    const size_t page = 4096;
    const size_t apart = 5 * 64; /* with 64 lines to a page, each place is taken once before one is taken twice */
    size_t begin = ledger->region_count * apart % page;
    size_t total;
    OH_ASSERT(ledger->region_count < sizeof(ledger->regions) / sizeof(ledger->regions[0]));
    bool fits = oh_mul_size(count, size, &total) && total <= SIZE_MAX - begin;
    OH_ASSERT(fits);
    unsigned char *memory = ledger->allocator.allocate(ledger->allocator.ctx, begin + total);
    if (memory == NULL)
        return NULL;
    ledger->regions[ledger->region_count] = memory;
    ledger->region_sizes[ledger->region_count++] = begin + total;
    return memory + begin;
}

static bool ledger_index(struct oh_ledger *ledger, struct oh_index *index, uint32_t entry_max)
{
    void *memory = ledger_region(ledger, 1, oh_index_size(entry_max));
    if (memory != NULL)
        oh_index_init(index, memory, entry_max);
    return memory != NULL;
}

static bool ledger_indexes(struct oh_ledger *ledger)
{
    const struct oh_ledger_options *options = &ledger->options;
    return ledger_index(ledger, &ledger->node_index, OH_NODES_MAX) &&
           ledger_index(ledger, &ledger->item_index, options->items_max) &&
           ledger_index(ledger, &ledger->group_index, OH_GROUPS_MAX) &&
           ledger_index(ledger, &ledger->channel_index, OH_CHANNELS_MAX) &&
           ledger_index(ledger, &ledger->postal_code_index, OH_POSTAL_CODES_MAX) &&
           ledger_index(ledger, &ledger->import_index, OH_IMPORTS_MAX) &&
           ledger_index(ledger, &ledger->transit_lane_index, TRANSIT_LANES_MAX) &&
           ledger_index(ledger, &ledger->rule_index, OH_RULES_MAX) &&
           ledger_index(ledger, &ledger->rule_scope_index, OH_RULES_MAX) &&
           ledger_index(ledger, &ledger->fence_index, OH_FENCES_MAX) &&
           ledger_index(ledger, &ledger->supply_index, OH_SUPPLIES_MAX) &&
           ledger_index(ledger, &ledger->document_index, OH_DOCUMENTS_MAX) &&
           ledger_index(ledger, &ledger->bucket_index, OH_BUCKETS_MAX) &&
           ledger_index(ledger, &ledger->reservation_index, options->reservations_max) &&
           ledger_index(ledger, &ledger->party_index, options->reservations_max * 2) &&
           ledger_index(ledger, &ledger->key_index, options->keys_max);
}

static bool ledger_snapshot_bitmaps(struct oh_ledger *ledger)
{
    const uint32_t slots[SNAP_CLASSES] = {
        [SNAP_NODE] = OH_NODES_MAX,
        [SNAP_ITEM] = ledger->options.items_max,
        [SNAP_GROUP] = OH_GROUPS_MAX,
        [SNAP_CHANNEL] = OH_CHANNELS_MAX,
        [SNAP_RULE] = OH_RULES_MAX,
        [SNAP_FENCE] = OH_FENCES_MAX,
        [SNAP_SUPPLY] = OH_SUPPLIES_MAX,
        [SNAP_POSTAL_CODE] = OH_POSTAL_CODES_MAX,
        [SNAP_TRANSIT] = OH_TRANSITS_MAX,
        [SNAP_IMPORT] = OH_IMPORTS_MAX,
        [SNAP_DOCUMENT] = OH_DOCUMENTS_MAX,
        [SNAP_POSITION] = ledger->options.positions_max,
        [SNAP_RESERVATION] = ledger->options.reservations_max,
        [SNAP_KEY] = ledger->options.keys_max,
        [SNAP_REMEMBERED] = ledger->options.history_max,
    };
    for (uint32_t i = 0; i < SNAP_CLASSES; i++) {
        ledger->snapshot.emitted[i] = ledger_region(ledger, slots[i] / 64 + 1, sizeof(uint64_t));
        if (ledger->snapshot.emitted[i] == NULL)
            return false;
    }
    return true;
}

#define REGION(field, count)                                                       \
    ((ledger->field = ledger_region(ledger, (count), sizeof(*ledger->field))) != NULL)

static void pool_init(struct pool *pool, void *slots, size_t slot_size, uint32_t slot_max)
{
    *pool = (struct pool){ .slots = slots, .slot_size = slot_size, .slot_max = slot_max };
}

static void ledger_pools(struct oh_ledger *ledger)
{
    const struct oh_ledger_options *options = &ledger->options;
    pool_init(&ledger->rule_pool, ledger->rules, sizeof(*ledger->rules), OH_RULES_MAX);
    pool_init(&ledger->fence_pool, ledger->fences, sizeof(*ledger->fences), OH_FENCES_MAX);
    pool_init(&ledger->supply_pool, ledger->supplies, sizeof(*ledger->supplies), OH_SUPPLIES_MAX);
    pool_init(&ledger->document_pool, ledger->documents, sizeof(*ledger->documents), OH_DOCUMENTS_MAX);
    pool_init(&ledger->trait_pool, ledger->traits, sizeof(*ledger->traits), options->items_max);
    pool_init(&ledger->deferral_pool, ledger->deferrals, sizeof(*ledger->deferrals), options->claims_max);
    pool_init(&ledger->bucket_pool, ledger->buckets, sizeof(*ledger->buckets), OH_BUCKETS_MAX);
    pool_init(&ledger->booking_pool, ledger->bookings, sizeof(*ledger->bookings), BOOKINGS_MAX);
    pool_init(&ledger->extra_pool, ledger->extras, sizeof(*ledger->extras), options->positions_max);
    pool_init(&ledger->reservation_pool, ledger->reservations, sizeof(*ledger->reservations),
              options->reservations_max);
    pool_init(&ledger->claim_pool, ledger->claims, sizeof(*ledger->claims), options->claims_max);
    pool_init(&ledger->parts_pool, ledger->parts, sizeof(*ledger->parts), options->claims_max);
}

static bool ledger_regions(struct oh_ledger *ledger)
{
    const struct oh_ledger_options *options = &ledger->options;
    ledger->rare_max = options->positions_max / 8 + 65536;
    void *text = ledger_region(ledger, 1, options->text_size_max);
    if (text == NULL)
        return false;
    oh_text_init(&ledger->text, text, options->text_size_max);
    return REGION(nodes, OH_NODES_MAX) && REGION(nodes_by_z, OH_NODES_MAX) && REGION(items, options->items_max) &&
           REGION(groups, OH_GROUPS_MAX) && REGION(channels, OH_CHANNELS_MAX) &&
           REGION(postal_codes, OH_POSTAL_CODES_MAX) && REGION(imports, OH_IMPORTS_MAX) &&
           REGION(transit_lanes, TRANSIT_LANES_MAX) && REGION(transits, OH_TRANSITS_MAX) &&
           REGION(transit_buckets, OH_SKETCH_BUCKETS_MAX) &&
           REGION(rules, OH_RULES_MAX) && REGION(fences, OH_FENCES_MAX) && REGION(supplies, OH_SUPPLIES_MAX) &&
           REGION(documents, OH_DOCUMENTS_MAX) && REGION(classes, OH_CLASSES_MAX) &&
           REGION(traits, options->items_max) && REGION(deferrals, options->claims_max) &&
           REGION(deferred, options->claims_max) && REGION(buckets, OH_BUCKETS_MAX) &&
           REGION(bookings, BOOKINGS_MAX) &&
           REGION(positions, options->positions_max) && REGION(extras, options->positions_max) &&
           REGION(control_totals, options->positions_max / OH_CONTROL_POSITIONS + 1) &&
           REGION(rares, ledger->rare_max) && REGION(history, options->history_max) &&
           REGION(reservations, options->reservations_max) && REGION(claims, options->claims_max) &&
           REGION(parts, options->claims_max) &&
           REGION(heap, options->reservations_max) && REGION(ended, options->reservations_max) &&
           REGION(keys, options->keys_max) && REGION(dues, UINT32_C(1) << DUES_BITS) &&
           REGION(pending, PENDING_SLOTS) && REGION(candidates, OH_NODES_MAX) &&
           REGION(visited, OH_NODES_MAX / 64 + 1) && REGION(covers, OH_NODES_MAX) &&
           REGION(answer_lines, ANSWER_LINES_MAX) &&
           REGION(scratch, SCRATCH_SIZE) && REGION(effects, OH_EFFECTS_MAX) && REGION(hints, OH_EFFECTS_MAX) &&
           ledger_indexes(ledger) && ledger_snapshot_bitmaps(ledger);
}

enum oh_err oh_ledger_create(const struct oh_ledger_options *options, const struct oh_allocator *allocator,
                             struct oh_ledger **out_ledger)
{
    struct oh_ledger_options chosen = *options;
    if (!options_default(&chosen))
        return OH_E_INVALID;
    struct oh_ledger *ledger = allocator->allocate(allocator->ctx, sizeof(*ledger));
    if (ledger == NULL)
        return OH_E_NOMEM;
    ledger->allocator = *allocator;
    ledger->options = chosen;
    ledger->forgotten_at_us = OH_TIME_US_NONE;
    if (!ledger_regions(ledger)) {
        oh_ledger_destroy(&ledger);
        return OH_E_NOMEM;
    }
    ledger_pools(ledger);
    oh_sketch_scale_init(&ledger->sketch_scale);
    *out_ledger = ledger;
    return OH_OK;
}

void oh_ledger_destroy(struct oh_ledger **ledger)
{
    struct oh_ledger *old = *ledger;
    if (old == NULL)
        return;
    struct oh_allocator allocator = old->allocator;
    for (uint32_t i = 0; i < old->region_count; i++)
        allocator.release(allocator.ctx, old->regions[i], old->region_sizes[i]);
    allocator.release(allocator.ctx, old, sizeof(*old));
    *ledger = NULL;
}

uint64_t oh_ledger_seq(const struct oh_ledger *ledger)
{
    return ledger->seq;
}

int64_t oh_ledger_time_us(const struct oh_ledger *ledger)
{
    return ledger->time_us;
}

/* ---- The open record -------------------------------------------------------------------------- */

static void record_begin_if_none(struct oh_ledger *ledger)
{
    if (!ledger->record_is_lent)
        return;
    ledger->record_is_lent = false;
    ledger->effect_count = 0;
    ledger->effect_applied_count = 0;
    ledger->scratch_used = 0;
    ledger->record_ids = 0;
}

struct oh_effect *effect_add(struct oh_ledger *ledger, enum oh_effect_type type, struct hint hint)
{
    OH_ASSERT(ledger->effect_count < OH_EFFECTS_MAX);
    if (!ledger->record_is_open) {
        ledger->record_is_open = true;
        ledger->seq++;
        ledger->record_at_us = ledger->time_us;
    }
    ledger->hints[ledger->effect_count] = hint;
    struct oh_effect *effect = &ledger->effects[ledger->effect_count++];
    effect->type = type;
    return effect;
}

struct oh_bytes scratch_copy(struct oh_ledger *ledger, struct oh_bytes bytes)
{
    char *copy = scratch_take(ledger, bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    return (struct oh_bytes){ copy, bytes.size };
}

bool oh_ledger_take_record(struct oh_ledger *ledger, struct oh_record *out_record)
{
    bool is_open = ledger->record_is_open;
    if (is_open)
        *out_record = (struct oh_record){ ledger->seq, ledger->record_at_us, ledger->effects, ledger->effect_count };
    ledger->record_is_open = false;
    ledger->record_is_lent = true;
    return is_open;
}

/* ---- Doing ------------------------------------------------------------------------------------ */

static enum oh_err effect_apply(struct oh_ledger *ledger, const struct oh_effect *effect, struct hint hint)
{
    switch (effect->type) {
    case OH_EFFECT_NODE:
        return apply_node(ledger, &effect->node);
    case OH_EFFECT_ITEM:
        return apply_item(ledger, &effect->item);
    case OH_EFFECT_GROUP:
        return apply_group(ledger, &effect->group);
    case OH_EFFECT_GROUP_MEMBER:
        return apply_group_member(ledger, &effect->group_member);
    case OH_EFFECT_CHANNEL:
        return apply_channel(ledger, &effect->channel);
    case OH_EFFECT_RULE:
        return apply_rule(ledger, &effect->rule);
    case OH_EFFECT_FENCE:
        return apply_fence(ledger, &effect->fence);
    case OH_EFFECT_SUPPLY:
        return apply_supply(ledger, &effect->supply);
    case OH_EFFECT_POSTAL_CODE:
        return apply_postal_code(ledger, &effect->postal_code);
    case OH_EFFECT_MOVEMENT:
        return apply_movement(ledger, &effect->movement, hint);
    case OH_EFFECT_COUNT:
        return apply_count(ledger, &effect->count, hint);
    case OH_EFFECT_RESERVATION:
        return apply_reservation(ledger, &effect->reservation, hint);
    case OH_EFFECT_CLAIM:
        return apply_claim(ledger, &effect->claim, hint);
    case OH_EFFECT_STEP:
        return apply_step(ledger, &effect->step, hint);
    case OH_EFFECT_EXTEND:
        return apply_extend(ledger, &effect->extend);
    case OH_EFFECT_KEY:
        return apply_key(ledger, &effect->key, hint);
    case OH_EFFECT_IMPORT:
        return apply_import(ledger, &effect->import);
    case OH_EFFECT_DOCUMENT:
        return apply_document(ledger, &effect->document);
    case OH_EFFECT_BOOKING:
        return apply_booking(ledger, &effect->booking);
    case OH_EFFECT_PROMISE:
        return apply_promise(ledger, &effect->promise);
    case OH_EFFECT_TRANSIT:
        return apply_transit(ledger, &effect->transit);
    case OH_EFFECT_POSITION:
    case OH_EFFECT_REMEMBERED:
    case OH_EFFECT_HEAD:
        break; /* objects of a snapshot: not in a record */
    }
    return OH_E_CORRUPT;
}

void effects_apply(struct oh_ledger *ledger)
{
    if (ledger->pending_count > 0)
        pending_begin(ledger); /* what was pending is done, or refused */
    while (ledger->effect_applied_count < ledger->effect_count) {
        uint32_t i = ledger->effect_applied_count++;
        enum oh_err err = effect_apply(ledger, &ledger->effects[i], ledger->hints[i]);
        OH_ASSERT(err == OH_OK);
    }
}

static void clock_set(struct oh_ledger *ledger, int64_t now_us)
{
    ledger->time_us = oh_max_i64(ledger->time_us, now_us);
}

static void restored_relink(struct oh_ledger *ledger)
{
    if (!ledger->is_restored_unlinked)
        return;
    ledger->is_restored_unlinked = false;
    history_relink(ledger);
    reservations_relink(ledger);
    keys_relink(ledger);
}

/* What is remembered for a time is forgotten as records go by, two at most for the one that each may add. */
static void memories_forget(struct oh_ledger *ledger, uint32_t count)
{
    if (ledger->ended_first < ledger->ended_next)
        reservations_forget(ledger, count);
    if (ledger->key_first < ledger->key_next)
        keys_forget(ledger, count);
}

/* ---- Deciding --------------------------------------------------------------------------------- */

/* An action is on one reservation: looked for once, for what it needs and for what it does. */
static uint32_t command_reservation(const struct oh_ledger *ledger, const struct oh_command *command)
{
    if (command_is_action(command->type))
        return reservation_stored(ledger, command->action.id, id_key(command->action.id));
    if (command->type == OH_COMMAND_REPLACE)
        return reservation_stored(ledger, command->replace.id, id_key(command->replace.id));
    return NO_SLOT;
}

static void command_decide(struct oh_ledger *ledger, int64_t now_us, const struct oh_command *command,
                           struct oh_answer *answer)
{
    switch (command->type) {
    case OH_COMMAND_NODE:
        decide_node(ledger, &command->node, answer);
        return;
    case OH_COMMAND_ITEM:
        decide_item(ledger, &command->item, answer);
        return;
    case OH_COMMAND_GROUP:
        decide_group(ledger, &command->group, answer);
        return;
    case OH_COMMAND_GROUP_MEMBER:
        decide_group_member(ledger, &command->group_member, answer);
        return;
    case OH_COMMAND_CHANNEL:
        decide_channel(ledger, &command->channel, answer);
        return;
    case OH_COMMAND_RULE:
        decide_rule(ledger, &command->rule, answer);
        return;
    case OH_COMMAND_FENCE:
        decide_fence(ledger, &command->fence, answer);
        return;
    case OH_COMMAND_SUPPLY:
        decide_supply(ledger, &command->supply, answer);
        return;
    case OH_COMMAND_POSTAL_CODE:
        decide_postal_code(ledger, &command->postal_code, answer);
        return;
    case OH_COMMAND_ADJUST:
        decide_adjust(ledger, &command->adjust, answer);
        return;
    case OH_COMMAND_SYNC:
        decide_sync(ledger, &command->sync, answer);
        return;
    case OH_COMMAND_DELIVERIES:
        decide_deliveries(ledger, &command->deliveries, answer);
        return;
    case OH_COMMAND_RESERVE:
        decide_reserve(ledger, now_us, &command->reserve, answer);
        return;
    case OH_COMMAND_REPLACE:
        decide_replace(ledger, now_us, &command->replace, answer);
        return;
    case OH_COMMAND_DOCUMENT:
        decide_document(ledger, &command->document, answer);
        return;
    case OH_COMMAND_IMPORT_PROGRESS:
        decide_import(ledger, &command->import_progress, answer);
        return;
    case OH_COMMAND_CONFIRM:
    case OH_COMMAND_RELEASE:
    case OH_COMMAND_EXTEND:
    case OH_COMMAND_CHANGE:
    case OH_COMMAND_MOVE:
    case OH_COMMAND_FULFIL:
        decide_action(ledger, now_us, command->type, &command->action, answer);
        return;
    }
    OH_UNREACHABLE();
}

/*
 * A verdict is remembered under its key when it is an answer about the
 * business. Malformed requests, unknown names and full ledgers are not: the
 * client may mend them and come again with the same key.
 */
static bool verdict_is_remembered(enum oh_verdict verdict)
{
    return oh_verdict_is_success(verdict) || oh_verdict_http_status(verdict) == 409;
}

/* Own ids are keys of their own (rule 7); a key given beside them is remembered too. */
static bool command_own_id(const struct oh_command *command, struct oh_bytes *out_id)
{
    if (command->type != OH_COMMAND_RESERVE || command->reserve.id.size == 0)
        return false;
    *out_id = command->reserve.id;
    return true;
}

/* True: the answer is what was answered before, or that the key was used for something else. */
static bool answer_repeat(struct oh_ledger *ledger, const struct key *key, uint64_t fingerprint, enum oh_field field,
                          struct oh_answer *answer)
{
    if (key == NULL)
        return false;
    if (key->fingerprint != fingerprint) {
        refuse(answer, OH_V_IDEMPOTENCY_MISMATCH, field, OH_INDEX_NONE);
        return true;
    }
    bool is_unpacked = answer_unpack(ledger, key_answer(ledger, key), answer);
    OH_ASSERT(is_unpacked);
    answer->is_repeat = true;
    answer->seq = key->seq;
    answer->at_us = key->at_us;
    return true;
}

/* Apart, because the names of its keys would cost a command without any their memory and a guard of the stack. */
__attribute__((noinline)) static void command_run_once(struct oh_ledger *ledger, int64_t now_us,
                                                       const struct oh_command *command, struct oh_answer *answer)
{
    struct oh_bytes own_id = OH_BYTES_NONE;
    bool has_own_id = command_own_id(command, &own_id);
    bool has_key = command->key.size > 0;
    uint64_t fingerprint = command_fingerprint(command);
    struct key_name key_name;
    struct key_name id_name;
    if (has_key)
        key_name_make('k', OH_BYTES_NONE, command->key, &key_name);
    if (has_own_id)
        key_name_make('r', OH_BYTES_NONE, own_id, &id_name);
    if (has_key && answer_repeat(ledger, key_find(ledger, &key_name), fingerprint, OH_FIELD_KEY, answer))
        return;
    if (has_own_id && answer_repeat(ledger, key_find(ledger, &id_name), fingerprint, OH_FIELD_ID, answer))
        return;
    command_decide(ledger, now_us, command, answer);
    if (!verdict_is_remembered(answer->verdict))
        return;
    if (has_key)
        key_add(ledger, &key_name, fingerprint, answer);
    if (has_own_id)
        key_add(ledger, &id_name, fingerprint, answer);
}

static void command_run(struct oh_ledger *ledger, int64_t now_us, const struct oh_command *command,
                        struct oh_answer *answer)
{
    struct oh_bytes own_id;
    if (command->key.size > 0 || command_own_id(command, &own_id))
        command_run_once(ledger, now_us, command, answer);
    else
        command_decide(ledger, now_us, command, answer);
}

enum oh_err oh_ledger_apply(struct oh_ledger *ledger, int64_t now_us, const struct oh_command *command,
                            struct oh_answer *out_answer)
{
    restored_relink(ledger);
    record_begin_if_none(ledger);
    ledger->named_reservation = command_reservation(ledger, command);
    enum room room = command_room(ledger, command);
    if (room == ROOM_NONE_IN_RECORD)
        return OH_E_FULL;
    clock_set(ledger, now_us);
    *out_answer = (struct oh_answer){
        .type = command->type,
        .fault_index = OH_INDEX_NONE,
        .expires_at_us = OH_TIME_US_NONE,
        .created_at_us = OH_TIME_US_NONE,
        .lines = ledger->answer_lines,
    };
    if (command->key.size > OH_ID_SIZE_MAX)
        refuse(out_answer, OH_V_INVALID_ID, OH_FIELD_KEY, OH_INDEX_NONE);
    else if (room == ROOM_NONE_IN_LEDGER)
        refuse(out_answer, OH_V_LEDGER_FULL, OH_FIELD_NONE, OH_INDEX_NONE);
    else
        command_run(ledger, ledger->time_us, command, out_answer);
    if (!out_answer->is_repeat) {
        out_answer->seq = ledger->seq;
        out_answer->at_us = ledger->time_us;
    }
    effects_apply(ledger);
    memories_forget(ledger, 4);
    return OH_OK;
}

/* ---- Time ------------------------------------------------------------------------------------- */

/* Every hold of one reservation that is due. */
static uint32_t reservation_expire(struct oh_ledger *ledger, uint32_t slot)
{
    const struct reservation *reservation = &ledger->reservations[slot];
    struct oh_bytes id = reservation_id(ledger, reservation, scratch_take(ledger, ID_MADE_SIZE_MAX));
    uint32_t count = 0;
    for (uint32_t link = claims_first(ledger, reservation); link != 0; link = claims_after(ledger, reservation, link)) {
        const struct claim *claim = &ledger->claims[link - 1];
        int64_t held_milli = claim_held_milli(ledger, claim);
        if (held_milli == 0)
            continue;
        struct hint hint = { .reservation = slot, .claim = link - 1, .position = claim->position };
        effect_add(ledger, OH_EFFECT_STEP, hint)->step = (struct oh_effect_step){
            .id = id,
            .line = claim->line,
            .item = claim->item,
            .node = claim->node,
            .step = OH_STEP_EXPIRE,
            .is_held = true,
            .quantity_milli = held_milli,
            .at_us = reservation->expires_at_us,
        };
        count++;
    }
    return count;
}

uint32_t oh_ledger_advance(struct oh_ledger *ledger, int64_t now_us, uint32_t holds_max)
{
    restored_relink(ledger);
    OH_ASSERT(!ledger->record_is_open);
    clock_set(ledger, now_us);
    ledger->record_is_lent = true;
    record_begin_if_none(ledger);
    uint32_t count = 0;
    while (count < holds_max && ledger->heap_count > 0 && ledger->heap[0].at_us <= ledger->time_us &&
           ledger->effect_count + OH_CLAIMS_MAX <= OH_EFFECTS_MAX) {
        count += reservation_expire(ledger, ledger->heap[0].reservation);
        effects_apply(ledger);
    }
    return count;
}

int64_t oh_ledger_next_due_us(const struct oh_ledger *ledger)
{
    return ledger->heap_count == 0 ? OH_TIME_US_NONE : ledger->heap[0].at_us;
}

/* ---- Replay ----------------------------------------------------------------------------------- */

static enum oh_err effect_replay(struct oh_ledger *ledger, const struct oh_record *record, uint32_t index,
                                 struct oh_diag *diag)
{
    const struct oh_effect *effect = &record->effects[index];
    bool is_valid = effect_is_valid(ledger, effect, false);
    enum oh_err err = is_valid ? effect_apply(ledger, effect, NO_HINT) : OH_E_CORRUPT;
    if (err != OH_OK)
        oh_diag_set(diag, "record %llu, effect %u (%s): %s", (unsigned long long)record->seq, index,
                    oh_effect_type_text(effect->type), oh_err_text(err));
    return err;
}

/* Of few effects the first is there before a later one could be asked for. */
static enum oh_err effects_replay(struct oh_ledger *ledger, const struct oh_record *record, struct oh_diag *diag)
{
    struct expected expected;
    uint32_t ahead = record->effect_count < EXPECT_AHEAD ? 0 : EXPECT_AHEAD;
    for (uint32_t step = 0; step < record->effect_count + ahead; step++) {
        if (ahead > 0)
            effects_expect(ledger, record, step, &expected);
        enum oh_err err = step < ahead ? OH_OK : effect_replay(ledger, record, step - ahead, diag);
        if (err != OH_OK)
            return err;
    }
    return OH_OK;
}

enum oh_err oh_ledger_replay(struct oh_ledger *ledger, const struct oh_record *record, struct oh_diag *diag)
{
    restored_relink(ledger);
    if (record->seq != ledger->seq + 1) {
        oh_diag_set(diag, "record %llu follows record %llu", (unsigned long long)record->seq,
                    (unsigned long long)ledger->seq);
        return OH_E_CORRUPT;
    }
    ledger->seq = record->seq;
    ledger->record_at_us = record->at_us;
    clock_set(ledger, record->at_us);
    enum oh_err err = effects_replay(ledger, record, diag);
    if (err == OH_OK)
        memories_forget(ledger, 4 + record->effect_count);
    return err;
}

static enum oh_err restore_head(struct oh_ledger *ledger, const struct oh_effect_head *head)
{
    if (ledger->seq != 0 || head->seq == 0)
        return OH_E_CORRUPT;
    ledger->seq = head->seq;
    ledger->time_us = head->time_us;
    ledger->record_at_us = head->time_us;
    ledger->movement_count = head->movement_count;
    ledger->movement_forgotten = head->movement_count; /* lowered as remembered movements are restored */
    ledger->forgotten_at_us = head->forgotten_at_us;
    return OH_OK;
}

enum oh_err oh_ledger_restore(struct oh_ledger *ledger, const struct oh_effect *object, struct oh_diag *diag)
{
    enum oh_err err;
    ledger->is_restored_unlinked = true;
    if (!effect_is_valid(ledger, object, true))
        err = OH_E_CORRUPT;
    else if (object->type == OH_EFFECT_HEAD)
        err = restore_head(ledger, &object->head);
    else if (object->type == OH_EFFECT_POSITION)
        err = apply_position(ledger, &object->position);
    else if (object->type == OH_EFFECT_REMEMBERED)
        err = apply_remembered(ledger, &object->remembered);
    else
        err = effect_apply(ledger, object, NO_HINT);
    if (err != OH_OK)
        oh_diag_set(diag, "snapshot object %s: %s", oh_effect_type_text(object->type), oh_err_text(err));
    return err;
}

/* ---- Figures ---------------------------------------------------------------------------------- */

static uint64_t ledger_memory_size(const struct oh_ledger *ledger)
{
    const struct oh_index *indexes[] = {
        &ledger->node_index,   &ledger->item_index,  &ledger->group_index,       &ledger->channel_index,
        &ledger->rule_index,   &ledger->fence_index, &ledger->supply_index,      &ledger->postal_code_index,
        &ledger->import_index, &ledger->key_index,   &ledger->reservation_index, &ledger->party_index,
        &ledger->rule_scope_index, &ledger->document_index, &ledger->bucket_index, &ledger->transit_lane_index,
    };
    uint64_t size = ledger->text.cut_size;
    for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++)
        size += oh_index_memory_size(indexes[i]);
    size += (uint64_t)ledger->node_count * sizeof(struct node);
    size += (uint64_t)ledger->item_count * sizeof(struct item);
    size += (uint64_t)ledger->group_count * sizeof(struct group);
    size += (uint64_t)ledger->postal_code_count * sizeof(struct postal_code);
    size += (uint64_t)ledger->transit_lane_count * sizeof(struct transit_lane);
    size += (uint64_t)ledger->transit_count * sizeof(struct transit);
    size += (uint64_t)ledger->rule_pool.slot_count * sizeof(struct rule);
    size += (uint64_t)ledger->fence_pool.slot_count * sizeof(struct fence);
    size += (uint64_t)ledger->supply_pool.slot_count * sizeof(struct supply);
    size += (uint64_t)ledger->document_pool.slot_count * sizeof(struct document);
    size += (uint64_t)ledger->trait_pool.slot_count * sizeof(struct oh_item_traits);
    size += (uint64_t)ledger->deferral_pool.slot_count * sizeof(struct deferral);
    size += (uint64_t)ledger->bucket_pool.slot_count * sizeof(struct bucket);
    size += (uint64_t)ledger->booking_pool.slot_count * sizeof(struct booking);
    size += (uint64_t)ledger->position_count * sizeof(struct position);
    size += (uint64_t)ledger->extra_pool.slot_count * sizeof(struct extra);
    size += (uint64_t)ledger->rare_count * sizeof(struct rare);
    size += (ledger->movement_count - ledger->movement_forgotten) * sizeof(struct remembered);
    size += (uint64_t)ledger->reservation_pool.slot_count * sizeof(struct reservation);
    size += (ledger->ended_next - ledger->ended_first) * sizeof(*ledger->ended);
    size += (uint64_t)ledger->claim_pool.slot_count * sizeof(struct claim);
    size += (uint64_t)ledger->parts_pool.slot_count * sizeof(struct parts);
    size += (uint64_t)ledger->heap_count * sizeof(struct heap_entry);
    size += (ledger->key_next - ledger->key_first) * sizeof(struct key);
    return size;
}

void oh_ledger_stats_get(const struct oh_ledger *ledger, struct oh_ledger_stats *out_stats)
{
    *out_stats = (struct oh_ledger_stats){
        .seq = ledger->seq,
        .items = ledger->item_count,
        .nodes = ledger->node_count,
        .groups = ledger->group_count,
        .channels = ledger->channel_count,
        .rules = ledger->rule_pool.live_count,
        .fences = ledger->fence_pool.live_count,
        .supplies = ledger->supply_pool.live_count,
        .postal_codes = ledger->postal_code_count,
        .transits = ledger->transit_count,
        .positions = ledger->position_count,
        .positions_max = ledger->options.positions_max,
        .reservations = ledger->reservation_pool.live_count,
        .reservations_max = ledger->options.reservations_max,
        .holds = ledger->heap_count,
        .claims = ledger->claim_pool.live_count,
        .claims_max = ledger->options.claims_max,
        .keys = (uint32_t)(ledger->key_next - ledger->key_first),
        .keys_max = ledger->options.keys_max,
        .documents = ledger->document_pool.live_count,
        .buckets = ledger->bucket_pool.live_count,
        .bookings = ledger->booking_pool.live_count,
        .movements = ledger->movement_count,
        .short_positions = ledger->short_count,
        .text_size = ledger->text.live_size,
        .text_size_max = ledger->text.size_max,
        .memory_size = ledger_memory_size(ledger),
    };
}
