/*
 * stock.c - the physical side: movements and counts, and how a count is
 * rebased (docs/spec/ledger.md, L9 to L14).
 *
 * For each state of a position: quantity = the greatest count there is, plus
 * the movements after it. Counts are ordered by (as_of, source_seq, smaller
 * quantity), so the result depends on what happened, not on when it was told.
 * Movements that a later count may need are remembered in a ring; a count
 * that would need forgotten ones is refused rather than guessed.
 */
#include "core/state.h"

#define FUTURE_US_MAX 300000000ll /* clocks of tills and ours may differ by five minutes */

/* ---- What a count has seen -------------------------------------------------------------------- */

struct count_key { int64_t as_of_us; int64_t source_seq; };

static struct count_key count_key_of(const struct oh_ledger *ledger, const struct position *position,
                                     enum oh_state state)
{
    const struct rare *rare = rare_of(ledger, position);
    struct count_key key = { position->as_of_us, rare == NULL ? -1 : rare->source_seqs[state] };
    if (state != OH_STATE_SELLABLE)
        key.as_of_us = rare == NULL ? OH_TIME_US_NONE : rare->states[state - 1].as_of_us;
    return key;
}

bool movement_is_counted(const struct oh_ledger *ledger, uint32_t position, enum oh_state state, int64_t at_us)
{
    return at_us <= count_key_of(ledger, &ledger->positions[position], state).as_of_us;
}

/* ---- Remembered movements --------------------------------------------------------------------- */

static uint32_t item_state_of(uint32_t item, enum oh_state state)
{
    return item | (uint32_t)state << 24;
}

static struct remembered *history_at(const struct oh_ledger *ledger, uint64_t number)
{
    return &ledger->history[number & (ledger->options.history_max - 1)];
}

/* The newest remembered movement of a position. False: none is remembered. */
static bool history_newest(const struct oh_ledger *ledger, const struct position *position, uint32_t item,
                           uint16_t node, uint64_t *out_number)
{
    if (position->history == 0)
        return false;
    uint64_t now = ledger->movement_count % HISTORY_MODULUS;
    uint64_t back = (now + HISTORY_MODULUS - (position->history - 1)) % HISTORY_MODULUS;
    if (back == 0 || back > ledger->movement_count - ledger->movement_forgotten)
        return false;
    uint64_t number = ledger->movement_count - back;
    const struct remembered *newest = history_at(ledger, number);
    *out_number = number;
    return newest->node == node && (newest->item_state & 0xffffff) == item;
}

static void history_forget_oldest(struct oh_ledger *ledger)
{
    uint64_t number = ledger->movement_forgotten++;
    uint32_t slot = (uint32_t)(number & (ledger->options.history_max - 1));
    snapshot_touch(ledger, SNAP_REMEMBERED, slot);
    const struct remembered *entry = &ledger->history[slot];
    ledger->forgotten_at_us = oh_max_i64(ledger->forgotten_at_us, entry->at_us);
    uint32_t item = entry->item_state & 0xffffff;
    uint32_t position = position_find(ledger, item, entry->node);
    if (position != NO_SLOT)
        position_edit(ledger, item, entry->node, position)->extra |= EXTRA_HAS_FORGOTTEN;
}

static void history_link(struct oh_ledger *ledger, uint64_t number, uint32_t position_slot)
{
    struct position *position = &ledger->positions[position_slot];
    struct remembered *entry = history_at(ledger, number);
    uint64_t newest;
    entry->previous = 0;
    entry->at_us_max = entry->at_us;
    if (history_newest(ledger, position, entry->item_state & 0xffffff, entry->node, &newest)) {
        entry->previous = (uint32_t)(number - newest); /* less than history_max */
        entry->at_us_max = oh_max_i64(entry->at_us, history_at(ledger, newest)->at_us_max);
    } else if ((position->extra & EXTRA_HAS_FORGOTTEN) != 0) {
        entry->at_us_max = oh_max_i64(entry->at_us, ledger->forgotten_at_us);
    }
    position->history = (uint32_t)(number % HISTORY_MODULUS) + 1;
}

static void history_remember(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t position,
                             enum oh_state state, int64_t quantity_milli, int64_t at_us)
{
    if (ledger->movement_count - ledger->movement_forgotten == ledger->options.history_max)
        history_forget_oldest(ledger);
    uint64_t number = ledger->movement_count;
    snapshot_skip(ledger, SNAP_REMEMBERED, (uint32_t)(number & (ledger->options.history_max - 1)));
    *history_at(ledger, number) = (struct remembered){
        .at_us = at_us,
        .quantity_milli = quantity_milli,
        .item_state = item_state_of(item, state),
        .node = node,
    };
    history_link(ledger, number, position);
    ledger->movement_count++;
}

/*
 * The sum of a state's movements after as_of. False: movements that may belong to it are forgotten.
 * Cost: O(movements of the position after as_of), whatever came before.
 */
static bool history_sum_after(const struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t position_slot,
                              enum oh_state state, int64_t as_of_us, int64_t *out_sum)
{
    const struct position *position = &ledger->positions[position_slot];
    bool has_forgotten = (position->extra & EXTRA_HAS_FORGOTTEN) != 0 && ledger->forgotten_at_us > as_of_us;
    uint64_t number;
    int64_t sum = 0;
    bool has_more = history_newest(ledger, position, item, node, &number);
    while (has_more) {
        const struct remembered *entry = history_at(ledger, number);
        if (entry->at_us_max <= as_of_us) {
            has_forgotten = false;
            break;
        }
        if (entry->at_us > as_of_us && entry->item_state == item_state_of(item, state))
            sum += entry->quantity_milli;
        has_more = entry->previous != 0 && entry->previous <= number - ledger->movement_forgotten;
        number -= entry->previous;
    }
    *out_sum = sum;
    return !has_forgotten;
}

/* After a restore: the chains of the positions, oldest first, as they were built. */
void history_relink(struct oh_ledger *ledger)
{
    uint64_t count = ledger->movement_count;
    for (uint64_t number = ledger->movement_forgotten; number < count; number++) {
        const struct remembered *entry = history_at(ledger, number);
        uint32_t position = position_find(ledger, entry->item_state & 0xffffff, entry->node);
        ledger->movement_count = number;
        if (position != NO_SLOT)
            history_link(ledger, number, position);
    }
    ledger->movement_count = count;
}

/* A movement of the snapshot that this ledger's smaller ring has no room for. */
static enum oh_err restored_forget(struct oh_ledger *ledger, uint32_t item, uint16_t node)
{
    uint32_t position = position_obtain(ledger, item, node);
    if (position == NO_SLOT)
        return OH_E_NOMEM;
    ledger->positions[position].extra |= EXTRA_HAS_FORGOTTEN;
    return OH_OK;
}

enum oh_err apply_remembered(struct oh_ledger *ledger, const struct oh_effect_remembered *effect)
{
    uint64_t oldest = ledger->movement_count > ledger->options.history_max
                          ? ledger->movement_count - ledger->options.history_max
                          : 0;
    if (effect->number >= ledger->movement_count)
        return OH_E_CORRUPT;
    if (effect->number < oldest) { /* the ring is smaller than it was */
        ledger->forgotten_at_us = oh_max_i64(ledger->forgotten_at_us, effect->at_us);
        return restored_forget(ledger, effect->item, effect->node);
    }
    if (effect->number < ledger->movement_forgotten)
        ledger->movement_forgotten = effect->number;
    *history_at(ledger, effect->number) = (struct remembered){
        .at_us = effect->at_us,
        .quantity_milli = effect->quantity_milli,
        .item_state = item_state_of(effect->item, effect->state),
        .node = effect->node,
    };
    return OH_OK;
}

/* ---- Changing a state's quantity -------------------------------------------------------------- */

static bool total_is_valid(int64_t milli)
{
    return milli >= -OH_TOTAL_MILLI_MAX && milli <= OH_TOTAL_MILLI_MAX;
}

static enum oh_err state_add(struct oh_ledger *ledger, uint32_t slot, enum oh_state state, int64_t delta_milli)
{
    struct position *position = &ledger->positions[slot];
    int64_t total;
    if (!oh_add_i64(position_state_milli(ledger, position, state), delta_milli, &total) || !total_is_valid(total))
        return OH_E_CORRUPT;
    if (state == OH_STATE_SELLABLE) {
        position_add(ledger, slot, delta_milli, 0);
        ledger->control_totals[slot / OH_CONTROL_POSITIONS] += delta_milli;
        return OH_OK;
    }
    struct rare *rare = rare_obtain(ledger, position);
    if (rare == NULL)
        return OH_E_NOMEM;
    rare->states[state - 1].quantity_milli = total;
    return OH_OK;
}

enum oh_err stock_move(struct oh_ledger *ledger, uint32_t item, uint16_t node, uint32_t position,
                       enum oh_state state, int64_t quantity_milli, int64_t at_us, bool is_counted)
{
    if (is_counted)
        return OH_OK;
    position_edit(ledger, item, node, position);
    enum oh_err err = state_add(ledger, position, state, quantity_milli);
    if (err == OH_OK)
        history_remember(ledger, item, node, position, state, quantity_milli, at_us);
    return err;
}

enum oh_err apply_movement(struct oh_ledger *ledger, const struct oh_effect_movement *effect, struct hint hint)
{
    uint32_t position = position_hinted(ledger, effect->item, effect->node, hint);
    if (position == NO_SLOT)
        return OH_E_NOMEM;
    return stock_move(ledger, effect->item, effect->node, position, effect->state, effect->quantity_milli,
                      effect->at_us, effect->is_counted);
}

static enum oh_err count_key_set(struct oh_ledger *ledger, struct position *position, enum oh_state state,
                                 int64_t as_of_us, int64_t source_seq)
{
    bool needs_rare = state != OH_STATE_SELLABLE || source_seq >= 0;
    struct rare *rare = needs_rare ? rare_obtain(ledger, position) : rare_of(ledger, position);
    if (needs_rare && rare == NULL)
        return OH_E_NOMEM;
    if (rare != NULL)
        rare->source_seqs[state] = source_seq;
    if (state == OH_STATE_SELLABLE)
        position->as_of_us = as_of_us;
    else
        rare->states[state - 1].as_of_us = as_of_us;
    return OH_OK;
}

enum oh_err apply_count(struct oh_ledger *ledger, const struct oh_effect_count *effect, struct hint hint)
{
    uint32_t slot = position_hinted(ledger, effect->item, effect->node, hint);
    if (slot == NO_SLOT)
        return OH_E_NOMEM;
    struct position *position = position_edit(ledger, effect->item, effect->node, slot);
    enum oh_err err = state_add(ledger, slot, effect->state, effect->delta_milli);
    if (err == OH_OK)
        err = count_key_set(ledger, position, effect->state, effect->as_of_us, effect->source_seq);
    return err;
}

enum oh_err apply_position(struct oh_ledger *ledger, const struct oh_effect_position *effect)
{
    uint32_t slot = position_obtain(ledger, effect->item, effect->node);
    if (slot == NO_SLOT)
        return OH_E_NOMEM;
    struct position *position = &ledger->positions[slot];
    if (effect->has_forgotten)
        position->extra |= EXTRA_HAS_FORGOTTEN;
    for (uint32_t i = 0; i < OH_STATE_COUNT; i++) {
        enum oh_state state = (enum oh_state)i;
        enum oh_err err = OH_OK;
        if (effect->states[i].quantity_milli != 0)
            err = state_add(ledger, slot, state, effect->states[i].quantity_milli);
        if (err == OH_OK && effect->states[i].as_of_us != OH_TIME_US_NONE)
            err = count_key_set(ledger, position, state, effect->states[i].as_of_us, effect->states[i].source_seq);
        if (err != OH_OK)
            return err;
    }
    return OH_OK;
}

/* ---- Deciding: adjust ------------------------------------------------------------------------- */

/* Whether a counter stays in range whatever part of the request's quantities, `sum_milli` together, goes there. */
static bool stock_fits(const struct oh_ledger *ledger, struct place place, enum oh_state state, int64_t sum_milli)
{
    uint32_t slot = place.position;
    int64_t quantity = slot == NO_SLOT ? 0 : position_state_milli(ledger, &ledger->positions[slot], state);
    return total_is_valid(quantity + sum_milli) && total_is_valid(quantity - sum_milli); /* each less than 2^54 */
}

static bool quantity_is_valid(int64_t quantity_milli)
{
    return quantity_milli >= -OH_QUANTITY_MILLI_MAX && quantity_milli <= OH_QUANTITY_MILLI_MAX;
}

static bool time_is_valid(const struct oh_ledger *ledger, int64_t at_us)
{
    return at_us >= 0 && at_us <= OH_TIME_US_MAX && at_us <= ledger->time_us + FUTURE_US_MAX;
}

static bool adjust_entry_is_valid(struct oh_ledger *ledger, const struct oh_adjust_entry *entry, uint32_t i,
                                  struct place *out_place, struct oh_answer *answer)
{
    if (!place_resolve(ledger, entry->sku, entry->node, i, out_place, answer))
        return false;
    if (entry->quantity_milli == 0 || !quantity_is_valid(entry->quantity_milli)) {
        refuse(answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
        return false;
    }
    if (entry->at_us != OH_TIME_US_NONE && !time_is_valid(ledger, entry->at_us)) {
        refuse(answer, OH_V_INVALID_TIME, OH_FIELD_AT, i);
        return false;
    }
    if (entry->id.size > 0 && !id_is_valid(entry->id)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_ID, i);
        return false;
    }
    if (!text_is_valid(entry->reason, OH_TEXT_SIZE_MAX)) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_REASON, i);
        return false;
    }
    return true;
}

/* Whether an entry was applied before, by its id. A different entry under the same id refuses the request. */
static bool entry_is_repeat(const struct oh_ledger *ledger, const struct oh_adjust_command *command, uint32_t i,
                            struct oh_answer *answer)
{
    const struct oh_adjust_entry *entry = &command->entries[i];
    if (entry->id.size == 0)
        return false;
    const struct key *key = key_lookup(ledger, 'e', command->source, entry->id);
    if (key != NULL && key->fingerprint != entry_fingerprint(entry))
        refuse(answer, OH_V_IDEMPOTENCY_MISMATCH, OH_FIELD_ID, i);
    return key != NULL;
}

static bool entries_head_is_valid(struct oh_bytes source, uint32_t entry_count, struct oh_answer *answer)
{
    if (!id_is_valid(source)) {
        refuse(answer, OH_V_INVALID_ID, OH_FIELD_SOURCE, OH_INDEX_NONE);
        return false;
    }
    if (entry_count == 0 || entry_count > OH_ENTRIES_MAX) {
        refuse(answer, OH_V_TOO_MANY, OH_FIELD_ENTRIES, OH_INDEX_NONE);
        return false;
    }
    return true;
}

static void adjust_entry_do(struct oh_ledger *ledger, const struct oh_adjust_command *command, uint32_t i,
                            struct place place, struct oh_answer_line *line)
{
    const struct oh_adjust_entry *entry = &command->entries[i];
    struct hint hint = NO_HINT;
    hint.position = place_position(ledger, &place);
    int64_t at_us = entry->at_us == OH_TIME_US_NONE ? ledger->time_us : entry->at_us;
    bool is_counted = hint.position != NO_SLOT && movement_is_counted(ledger, hint.position, entry->state, at_us);
    effect_add(ledger, OH_EFFECT_MOVEMENT, hint)->movement = (struct oh_effect_movement){
        .item = place.item,
        .node = place.node,
        .state = entry->state,
        .is_counted = is_counted,
        .quantity_milli = entry->quantity_milli,
        .at_us = at_us,
        .source = command->source,
        .reason = entry->reason,
    };
    if (entry->id.size > 0) {
        struct key_name name;
        key_name_make('e', command->source, entry->id, &name);
        key_add(ledger, &name, entry_fingerprint(entry), NULL);
    }
    line->verdict = is_counted ? OH_V_RECORDED : OH_OK_DONE;
    line->quantity_milli = is_counted ? 0 : entry->quantity_milli;
}

static void line_begin(struct oh_answer_line *line, uint32_t i, struct place place, int64_t requested_milli)
{
    *line = (struct oh_answer_line){
        .line = i,
        .item = { place.item },
        .node = { place.node },
        .requested_milli = requested_milli,
    };
}

/* Does what was decided for an entry, so that the next entry and the answer see it. The request was judged whole. */
static void line_end(struct oh_ledger *ledger, const struct place *place, struct oh_answer_line *line)
{
    effects_apply(ledger);
    struct left left = left_at_slot(ledger, place->item, place->node, place_position(ledger, place), ledger->time_us);
    line->available_milli = left.available_milli;
    line->short_milli = left.short_milli;
}

/* An id names one entry. The table of pending claims finds candidates by hash, the names decide. */
static bool entry_id_is_first(struct oh_ledger *ledger, const struct oh_adjust_command *command, uint32_t i)
{
    struct oh_bytes id = command->entries[i].id;
    if (id.size == 0)
        return true;
    if (pending_is_first(ledger, name_hash(id)))
        return true;
    for (uint32_t j = 0; j < i; j++) {
        if (oh_bytes_equal(command->entries[j].id, id))
            return false;
    }
    return true;
}

static bool adjust_is_valid(struct oh_ledger *ledger, const struct oh_adjust_command *command, struct place *places,
                            struct oh_answer *answer)
{
    int64_t sum_milli = 0;
    pending_begin(ledger);
    for (uint32_t i = 0; i < command->entry_count; i++) {
        if (!adjust_entry_is_valid(ledger, &command->entries[i], i, &places[i], answer))
            return false;
        if (!entry_id_is_first(ledger, command, i)) {
            refuse(answer, OH_V_DUPLICATE_MEMBER, OH_FIELD_ID, i);
            return false;
        }
        entry_is_repeat(ledger, command, i, answer);
        if (answer->verdict != OH_OK_DONE)
            return false;
        int64_t quantity = command->entries[i].quantity_milli;
        sum_milli += quantity < 0 ? -quantity : quantity; /* at most 10,000 x 10^12 */
    }
    for (uint32_t i = 0; i < command->entry_count; i++) {
        if (!stock_fits(ledger, places[i], command->entries[i].state, sum_milli)) {
            refuse(answer, OH_V_QUANTITY_OVERFLOW, OH_FIELD_QUANTITY, i);
            return false;
        }
    }
    return true;
}

void decide_adjust(struct oh_ledger *ledger, const struct oh_adjust_command *command, struct oh_answer *answer)
{
    if (!entries_head_is_valid(command->source, command->entry_count, answer))
        return;
    struct place *places = scratch_take(ledger, command->entry_count * sizeof(*places));
    if (!adjust_is_valid(ledger, command, places, answer))
        return;
    answer->line_count = command->entry_count;
    for (uint32_t i = 0; i < command->entry_count; i++) {
        struct oh_answer_line *line = &ledger->answer_lines[i];
        line_begin(line, i, places[i], command->entries[i].quantity_milli);
        if (entry_is_repeat(ledger, command, i, answer))
            line->verdict = OH_V_REPEATED;
        else
            adjust_entry_do(ledger, command, i, places[i], line);
        line_end(ledger, &places[i], line);
    }
}

/* ---- Deciding: sync --------------------------------------------------------------------------- */

static int count_key_compare(struct count_key a, struct count_key b)
{
    if (a.as_of_us != b.as_of_us)
        return a.as_of_us < b.as_of_us ? -1 : 1;
    return a.source_seq < b.source_seq ? -1 : a.source_seq > b.source_seq;
}

/* How a count changes the counter: OH_OK_DONE with the change, or why it changes nothing. */
static enum oh_verdict count_judge(const struct oh_ledger *ledger, struct place place, uint32_t slot,
                                   const struct oh_sync_entry *entry, int64_t *out_delta)
{
    if (slot == NO_SLOT) {
        *out_delta = entry->quantity_milli;
        return OH_OK_DONE;
    }
    const struct position *position = &ledger->positions[slot];
    struct count_key last = count_key_of(ledger, position, entry->state);
    struct count_key key = { entry->as_of_us, entry->has_source_seq ? entry->source_seq : -1 };
    int order = count_key_compare(key, last);
    if (order < 0)
        return OH_V_STALE;
    int64_t after;
    if (!history_sum_after(ledger, place.item, place.node, slot, entry->state, entry->as_of_us, &after))
        return OH_V_COUNT_TOO_OLD;
    int64_t quantity = position_state_milli(ledger, position, entry->state);
    if (order == 0) {
        int64_t counted = quantity - after; /* what the last count said */
        if (entry->quantity_milli == counted)
            return OH_V_UNCHANGED;
        if (entry->quantity_milli > counted)
            return OH_V_STALE;
    }
    if (!total_is_valid(entry->quantity_milli + after))
        return OH_V_QUANTITY_OVERFLOW;
    *out_delta = entry->quantity_milli + after - quantity;
    return OH_OK_DONE;
}

static bool sync_entry_is_valid(struct oh_ledger *ledger, const struct oh_sync_entry *entry, uint32_t i,
                                struct place *out_place, struct oh_answer *answer)
{
    if (!place_resolve(ledger, entry->sku, entry->node, i, out_place, answer))
        return false;
    if (entry->quantity_milli < 0 || !quantity_is_valid(entry->quantity_milli)) {
        refuse(answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
        return false;
    }
    if (!time_is_valid(ledger, entry->as_of_us)) {
        refuse(answer, OH_V_INVALID_TIME, OH_FIELD_AS_OF, i);
        return false;
    }
    if (entry->has_source_seq && entry->source_seq < 0) {
        refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_SOURCE_SEQ, i);
        return false;
    }
    return true;
}

void decide_sync(struct oh_ledger *ledger, const struct oh_sync_command *command, struct oh_answer *answer)
{
    if (!entries_head_is_valid(command->source, command->entry_count, answer))
        return;
    struct place *places = scratch_take(ledger, command->entry_count * sizeof(*places));
    for (uint32_t i = 0; i < command->entry_count; i++) {
        if (!sync_entry_is_valid(ledger, &command->entries[i], i, &places[i], answer))
            return;
    }
    answer->line_count = command->entry_count;
    for (uint32_t i = 0; i < command->entry_count; i++) {
        const struct oh_sync_entry *entry = &command->entries[i];
        struct oh_answer_line *line = &ledger->answer_lines[i];
        int64_t delta = 0;
        line_begin(line, i, places[i], entry->quantity_milli);
        struct hint hint = NO_HINT;
        hint.position = place_position(ledger, &places[i]);
        line->verdict = count_judge(ledger, places[i], hint.position, entry, &delta);
        if (line->verdict == OH_OK_DONE) {
            line->quantity_milli = delta;
            effect_add(ledger, OH_EFFECT_COUNT, hint)->count = (struct oh_effect_count){
                .item = places[i].item,
                .node = places[i].node,
                .state = entry->state,
                .quantity_milli = entry->quantity_milli,
                .delta_milli = delta,
                .as_of_us = entry->as_of_us,
                .source_seq = entry->has_source_seq ? entry->source_seq : -1,
                .source = command->source,
            };
        }
        line_end(ledger, &places[i], line);
    }
}
