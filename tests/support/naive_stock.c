#include "support/naive.h"
#include <assert.h>
#include <stdlib.h>

#define LINE_MAX INT64_C(1000000000000)       /* of one entry */
#define TOTAL_MAX INT64_C(9007199254740991)   /* of one counter */
#define AHEAD_US INT64_C(300000000)           /* clocks may differ by five minutes */

/* ---- Places and what was told of them --------------------------------------------------------- */

const struct naive_place *naive_place_find(const struct naive *naive, uint32_t item, uint32_t node)
{
    for (uint32_t i = 0; i < naive->place_count; i++) {
        if (naive->places[i].item == item && naive->places[i].node == node)
            return &naive->places[i];
    }
    return NULL;
}

struct naive_place *naive_place_obtain(struct naive *naive, uint32_t item, uint32_t node)
{
    for (uint32_t i = 0; i < naive->place_count; i++) {
        if (naive->places[i].item == item && naive->places[i].node == node)
            return &naive->places[i];
    }
    assert(naive->place_count < NAIVE_MANY);
    naive->places[naive->place_count] = (struct naive_place){ .item = item, .node = node };
    return &naive->places[naive->place_count++];
}

static void fact_add(struct naive_facts *facts, struct naive_fact fact)
{
    if (facts->count == facts->capacity) {
        facts->capacity = facts->capacity * 2 + 8;
        facts->list = realloc(facts->list, facts->capacity * sizeof(*facts->list));
        if (facts->list == NULL)
            abort();
    }
    facts->list[facts->count++] = fact;
}

/* Counts have an order: by time, then by the source's number, then the smaller quantity is the greater count. */
static bool count_is_greater(const struct naive_fact *a, const struct naive_fact *b)
{
    if (a->at_us != b->at_us)
        return a->at_us > b->at_us;
    if (a->source_seq != b->source_seq)
        return a->source_seq > b->source_seq;
    return a->milli < b->milli;
}

/* NULL: it was never counted. */
static const struct naive_fact *greatest_count(const struct naive_facts *facts)
{
    const struct naive_fact *greatest = NULL;
    for (uint32_t i = 0; i < facts->count; i++) {
        const struct naive_fact *fact = &facts->list[i];
        if (fact->is_count && (greatest == NULL || count_is_greater(fact, greatest)))
            greatest = fact;
    }
    return greatest;
}

static int64_t moved_after(const struct naive_facts *facts, int64_t at_us)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < facts->count; i++) {
        if (!facts->list[i].is_count && facts->list[i].at_us > at_us)
            sum += facts->list[i].milli;
    }
    return sum;
}

static int64_t facts_quantity(const struct naive_facts *facts)
{
    const struct naive_fact *count = greatest_count(facts);
    return count == NULL ? moved_after(facts, OH_TIME_US_NONE) : count->milli + moved_after(facts, count->at_us);
}

int64_t naive_quantity(const struct naive *naive, uint32_t item, uint32_t node, enum oh_state state)
{
    const struct naive_place *place = naive_place_find(naive, item, node);
    return place == NULL ? 0 : facts_quantity(&place->states[state]);
}

static uint64_t number_take(struct naive *naive, int64_t at_us)
{
    uint64_t number = naive->movement_count++;
    naive->latest_us = realloc(naive->latest_us, naive->movement_count * sizeof(*naive->latest_us));
    if (naive->latest_us == NULL)
        abort();
    naive->latest_us[number] = number == 0 ? at_us : naive_max(at_us, naive->latest_us[number - 1]);
    return number;
}

bool naive_move_stock(struct naive *naive, uint32_t item, uint32_t node, enum oh_state state, int64_t milli,
                      int64_t at_us)
{
    struct naive_facts *facts = &naive_place_obtain(naive, item, node)->states[state];
    const struct naive_fact *count = greatest_count(facts);
    bool is_seen = count != NULL && at_us <= count->at_us;
    fact_add(facts, (struct naive_fact){ .at_us = at_us, .milli = milli,
                                         .number = is_seen ? UINT64_MAX : number_take(naive, at_us) });
    return is_seen;
}

/*
 * Whether the ledger may know too little of the place for a count of as_of_us. It may take a movement that it has
 * forgotten for as late as any that it has forgotten; but not if it still knows one, up to which all were earlier.
 */
static bool place_may_forget(const struct naive *naive, const struct naive_place *place, int64_t as_of_us)
{
    uint64_t first = naive->movement_count > naive->history_max ? naive->movement_count - naive->history_max : 0;
    bool has_forgotten = false;
    for (uint32_t state = 0; state < OH_STATE_COUNT; state++) {
        for (uint32_t i = 0; i < place->states[state].count; i++) {
            const struct naive_fact *fact = &place->states[state].list[i];
            if (fact->is_count || fact->number == UINT64_MAX)
                continue;
            if (fact->number >= first && naive->latest_us[fact->number] <= as_of_us)
                return false;
            has_forgotten = has_forgotten || fact->number < first;
        }
    }
    return has_forgotten && naive->latest_us[first - 1] > as_of_us;
}

/* ---- What adjusts and counts share ------------------------------------------------------------ */

struct spot { uint32_t item, node; };

static bool head_is_valid(struct oh_bytes source, uint32_t count, struct oh_answer *answer)
{
    if (!naive_id_is_valid(source)) {
        naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_SOURCE, OH_INDEX_NONE);
        return false;
    }
    if (count < 1 || count > 10000) {
        naive_refuse(answer, OH_V_TOO_MANY, OH_FIELD_ENTRIES, OH_INDEX_NONE);
        return false;
    }
    return true;
}

static bool spot_resolve(const struct naive *naive, struct oh_bytes sku, struct oh_bytes node, uint32_t i,
                         struct spot *out_spot, struct oh_answer *answer)
{
    out_spot->item = naive_item_find(naive, sku);
    out_spot->node = naive_node_find(naive, node);
    if (out_spot->item == NAIVE_NONE)
        naive_refuse(answer, OH_V_UNKNOWN_ITEM, OH_FIELD_SKU, i);
    else if (out_spot->node == NAIVE_NONE)
        naive_refuse(answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, i);
    return answer->verdict == OH_OK_DONE;
}

static bool time_is_valid(const struct naive *naive, int64_t at_us)
{
    return at_us >= 0 && at_us <= OH_TIME_US_MAX && at_us <= naive->time_us + AHEAD_US;
}

static struct oh_answer_line line_of(uint32_t i, struct spot spot, int64_t requested)
{
    return (struct oh_answer_line){ .line = i, .item = { spot.item }, .node = { (uint16_t)spot.node },
                                    .requested_milli = requested };
}

static void line_finish(const struct naive *naive, struct oh_answer_line *line)
{
    struct oh_position_view view;
    naive_position(naive, line->item.index, line->node.index, &view);
    line->available_milli = view.available_milli;
    line->short_milli = view.short_milli;
}

/* ---- Adjust ----------------------------------------------------------------------------------- */

static enum oh_verdict entry_judge(struct naive *naive, const struct oh_adjust_command *command, uint32_t i,
                                   struct spot *out_spot, struct oh_answer *answer)
{
    const struct oh_adjust_entry *entry = &command->entries[i];
    if (!spot_resolve(naive, entry->sku, entry->node, i, out_spot, answer))
        return answer->verdict;
    if (entry->quantity_milli == 0 || entry->quantity_milli < -LINE_MAX || entry->quantity_milli > LINE_MAX)
        return naive_refuse(answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
    if (entry->at_us != OH_TIME_US_NONE && !time_is_valid(naive, entry->at_us))
        return naive_refuse(answer, OH_V_INVALID_TIME, OH_FIELD_AT, i);
    if (entry->id.size > 0 && !naive_id_is_valid(entry->id))
        return naive_refuse(answer, OH_V_INVALID_ID, OH_FIELD_ID, i);
    if (!naive_text_is_valid(entry->reason, 128))
        return naive_refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_REASON, i);
    for (uint32_t j = 0; j < i; j++) {
        if (entry->id.size > 0 && oh_bytes_equal(entry->id, command->entries[j].id))
            return naive_refuse(answer, OH_V_DUPLICATE_MEMBER, OH_FIELD_ID, i);
    }
    const struct naive_key *key =
        entry->id.size == 0 ? NULL : naive_key_find(naive, 'e', command->source, entry->id);
    if (key != NULL && !oh_bytes_equal(key->request, naive_entry_print(naive, entry)))
        return naive_refuse(answer, OH_V_IDEMPOTENCY_MISMATCH, OH_FIELD_ID, i);
    return OH_OK_DONE;
}

/* Careful: whether a counter stays in range whatever part of the request goes there. */
static bool entries_fit(const struct naive *naive, const struct oh_adjust_command *command,
                        const struct spot *spots, struct oh_answer *answer)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < command->entry_count; i++)
        sum += llabs(command->entries[i].quantity_milli);
    for (uint32_t i = 0; i < command->entry_count; i++) {
        int64_t quantity = naive_quantity(naive, spots[i].item, spots[i].node, command->entries[i].state);
        if (quantity + sum > TOTAL_MAX || quantity - sum < -TOTAL_MAX) {
            naive_refuse(answer, OH_V_QUANTITY_OVERFLOW, OH_FIELD_QUANTITY, i);
            return false;
        }
    }
    return true;
}

static void entry_do(struct naive *naive, const struct oh_adjust_command *command, uint32_t i, struct spot spot,
                     struct oh_answer_line *line)
{
    const struct oh_adjust_entry *entry = &command->entries[i];
    if (entry->id.size > 0 && naive_key_find(naive, 'e', command->source, entry->id) != NULL) {
        line->verdict = OH_V_REPEATED;
        return;
    }
    naive_change(naive);
    int64_t at_us = entry->at_us == OH_TIME_US_NONE ? naive->time_us : entry->at_us;
    bool is_seen = naive_move_stock(naive, spot.item, spot.node, entry->state, entry->quantity_milli, at_us);
    line->verdict = is_seen ? OH_V_RECORDED : OH_OK_DONE;
    line->quantity_milli = is_seen ? 0 : entry->quantity_milli;
    if (entry->id.size > 0)
        naive_key_add(naive, 'e', command->source, entry->id, naive_entry_print(naive, entry), NULL);
}

void naive_adjust(struct naive *naive, const struct oh_adjust_command *command, struct oh_answer *answer)
{
    if (!head_is_valid(command->source, command->entry_count, answer))
        return;
    struct spot *spots = naive_allocate(naive, command->entry_count * sizeof(*spots));
    for (uint32_t i = 0; i < command->entry_count; i++) {
        if (entry_judge(naive, command, i, &spots[i], answer) != OH_OK_DONE)
            return;
    }
    if (!entries_fit(naive, command, spots, answer))
        return;
    answer->line_count = command->entry_count;
    for (uint32_t i = 0; i < command->entry_count; i++) {
        naive->lines[i] = line_of(i, spots[i], command->entries[i].quantity_milli);
        entry_do(naive, command, i, spots[i], &naive->lines[i]);
        line_finish(naive, &naive->lines[i]);
    }
}

/* ---- Sync ------------------------------------------------------------------------------------- */

static enum oh_verdict count_entry_judge(const struct naive *naive, const struct oh_sync_entry *entry, uint32_t i,
                                         struct spot *out_spot, struct oh_answer *answer)
{
    if (!spot_resolve(naive, entry->sku, entry->node, i, out_spot, answer))
        return answer->verdict;
    if (entry->quantity_milli < 0 || entry->quantity_milli > LINE_MAX)
        return naive_refuse(answer, OH_V_INVALID_QUANTITY, OH_FIELD_QUANTITY, i);
    if (!time_is_valid(naive, entry->as_of_us))
        return naive_refuse(answer, OH_V_INVALID_TIME, OH_FIELD_AS_OF, i);
    if (entry->has_source_seq && entry->source_seq < 0)
        return naive_refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_SOURCE_SEQ, i);
    return OH_OK_DONE;
}

/* What becomes of one count. `may_forget`: the ledger said that it knows too little, and may. */
static enum oh_verdict count_judge(const struct naive_facts *facts, const struct naive_fact *count, bool may_forget)
{
    const struct naive_fact *last = greatest_count(facts);
    bool is_equal = last != NULL && last->at_us == count->at_us && last->source_seq == count->source_seq;
    if (last != NULL && !is_equal && count_is_greater(last, count))
        return OH_V_STALE;
    if (may_forget)
        return OH_V_COUNT_TOO_OLD;
    if (is_equal && count->milli >= last->milli)
        return count->milli == last->milli ? OH_V_UNCHANGED : OH_V_STALE;
    int64_t total = count->milli + moved_after(facts, count->at_us);
    return total > TOTAL_MAX || total < -TOTAL_MAX ? OH_V_QUANTITY_OVERFLOW : OH_OK_DONE;
}

static void count_do(struct naive *naive, const struct oh_sync_entry *entry, struct spot spot,
                     enum oh_verdict said, struct oh_answer_line *line)
{
    static const struct naive_facts NOTHING;
    struct naive_fact count = { .is_count = true, .at_us = entry->as_of_us,
                                .source_seq = entry->has_source_seq ? entry->source_seq : -1,
                                .milli = entry->quantity_milli };
    const struct naive_place *place = naive_place_find(naive, spot.item, spot.node);
    bool may_forget = said == OH_V_COUNT_TOO_OLD && place != NULL &&
                      place_may_forget(naive, place, entry->as_of_us);
    line->verdict = count_judge(place == NULL ? &NOTHING : &place->states[entry->state], &count, may_forget);
    if (line->verdict != OH_OK_DONE)
        return;
    naive_change(naive);
    struct naive_facts *facts = &naive_place_obtain(naive, spot.item, spot.node)->states[entry->state];
    int64_t before = facts_quantity(facts);
    fact_add(facts, count);
    line->quantity_milli = facts_quantity(facts) - before;
}

void naive_sync(struct naive *naive, const struct oh_sync_command *command, const struct oh_answer *said,
                struct oh_answer *answer)
{
    if (!head_is_valid(command->source, command->entry_count, answer))
        return;
    struct spot *spots = naive_allocate(naive, command->entry_count * sizeof(*spots));
    for (uint32_t i = 0; i < command->entry_count; i++) {
        if (count_entry_judge(naive, &command->entries[i], i, &spots[i], answer) != OH_OK_DONE)
            return;
    }
    answer->line_count = command->entry_count;
    for (uint32_t i = 0; i < command->entry_count; i++) {
        enum oh_verdict said_here = i < said->line_count ? said->lines[i].verdict : OH_OK_DONE;
        naive->lines[i] = line_of(i, spots[i], command->entries[i].quantity_milli);
        count_do(naive, &command->entries[i], spots[i], said_here, &naive->lines[i]);
        line_finish(naive, &naive->lines[i]);
    }
}
