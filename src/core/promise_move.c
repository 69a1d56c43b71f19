/*
 * promise_move.c - when the work of what is moved falls: the windows that the nodes it goes to have for it
 * (docs/spec/promise.md, CA6).
 *
 * Which claims go where is said once more here than the ledger decides (actions.c): a window too many is not taken.
 */
#include "core/promise.h"

struct moving {
    const struct oh_ledger *ledger;
    const struct oh_timetable *timetable;
    int64_t now_us;
    struct oh_reserve_booking *windows;
    int64_t work_us[OH_BOOKINGS_MAX + 1]; /* of each window, the longest of its lines */
    uint32_t count;
};

/* Something of the class goes there. */
static void moving_note(struct moving *moving, uint32_t node, uint32_t class)
{
    const struct oh_timetable_node *schedule = node_timetable(moving->timetable, (uint16_t)node);
    uint32_t at = 0;
    if (!schedule->capacity.is_limited)
        return;
    while (at < moving->count && moving->windows[at].node != node)
        at++;
    if (at > OH_BOOKINGS_MAX)
        return;
    if (at == moving->count) {
        moving->windows[moving->count++] = (struct oh_reserve_booking){
            .resource = schedule->capacity_resource, .node = (uint16_t)node, .unit = schedule->capacity.unit
        };
        moving->work_us[at] = 0;
    }
    moving->work_us[at] = oh_max_i64(moving->work_us[at], class_work_us(schedule, class));
}

static void claim_note(struct moving *moving, const struct claim *claim, const struct oh_action_command *move)
{
    struct oh_item_traits traits;
    oh_item_traits(moving->ledger, (struct oh_item_id){ claim->item }, &traits);
    uint32_t whole = move->line_count == 0 ? 1 : 0;
    for (uint32_t i = 0; i < move->line_count + whole; i++) {
        const struct oh_action_line *line = whole ? NULL : &move->lines[i];
        if (line != NULL && (line->line != claim->line ||
                             (line->node.size > 0 && node_find(moving->ledger, line->node) != claim->node)))
            continue;
        bool has_own = line != NULL && line->to_node.size > 0;
        uint32_t to_node = node_find(moving->ledger, has_own ? line->to_node : move->to_node);
        if (to_node != NO_SLOT && to_node != claim->node)
            moving_note(moving, to_node, traits.class_index);
    }
}

/* The window of when the work is done, were it begun now; else the next one. */
static void window_find(const struct moving *moving, uint32_t at)
{
    struct oh_reserve_booking *out = &moving->windows[at];
    const struct oh_timetable_node *schedule = node_timetable(moving->timetable, out->node);
    int64_t ready_us = spans_advance(&schedule->hours, moving->now_us + schedule->lead_us, moving->work_us[at]);
    uint32_t first = ready_us == CHAIN_NEVER ? schedule->capacity.count : windows_first(&schedule->capacity, ready_us);
    if (first == schedule->capacity.count)
        return;
    const struct oh_window *window = &schedule->capacity.at[first];
    out->from_us = window->from_us;
    out->until_us = window->until_us;
    out->limit_milli = window->limit_milli;
}

uint32_t oh_move_windows(const struct oh_ledger *ledger, const struct oh_timetable *timetable,
                         struct oh_reservation_id reservation, const struct oh_action_command *move, int64_t now_us,
                         struct oh_reserve_booking *out_windows)
{
    const struct reservation *of = &ledger->reservations[reservation.index];
    struct moving moving = { .ledger = ledger,
                             .timetable = timetable,
                             .now_us = oh_max_i64(ledger->time_us, now_us),
                             .windows = out_windows };
    bool is_due = reservation_is_due(of, moving.now_us);
    for (uint32_t link = claims_first(ledger, of); link != 0; link = claims_after(ledger, of, link)) {
        const struct claim *claim = &ledger->claims[link - 1];
        if (claim_live_milli(ledger, claim) - (is_due ? claim_held_milli(ledger, claim) : 0) > 0)
            claim_note(&moving, claim, move);
    }
    for (uint32_t i = 0; i < moving.count; i++)
        window_find(&moving, i);
    return moving.count;
}
