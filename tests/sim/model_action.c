/*
 * model_action.c - what can be done with a reservation (L26 to L32; verdicts V10, V11).
 */
#include "sim/model_internal.h"
#include <string.h>

/* A claim as the action sees it. */
struct work {
    struct model_claim *claim;
    int64_t held, confirmed;           /* left */
    int64_t took_held, took_confirmed; /* by the lines of the action */
    int64_t added;
    int64_t placed; /* move: of what was taken, what has found room */
    uint32_t to_node;
};

struct action {
    struct model *model;
    const struct model_request *request;
    struct work works[MODEL_PARTS_MAX];
    uint32_t work_count;
    struct model_pending pending;
    struct model_booking taken[MODEL_NODES]; /* move: of the windows of where it goes */
    uint32_t taken_count;
};

static bool is_selected(const struct work *work, const struct model_line *line)
{
    return line == NULL ||
           (work->claim->line == line->line && (line->node == MODEL_NONE || work->claim->node == line->node));
}

static int64_t work_capacity(const struct action *action, const struct work *work)
{
    if (action->request->type == MODEL_CONFIRM)
        return work->held;
    if (action->request->type == MODEL_FULFIL)
        return work->confirmed;
    return work->held + work->confirmed;
}

static int64_t capacity_of(const struct action *action, const struct model_line *line, uint32_t except_node)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < action->work_count; i++) {
        if (is_selected(&action->works[i], line) && action->works[i].claim->node != except_node)
            sum += work_capacity(action, &action->works[i]);
    }
    return sum;
}

/* V10 */
static void refuse_nothing(const struct action *action, const struct model_line *line,
                           struct model_answer *out)
{
    bool is_named = false, held = false, confirmed = false, fulfilled = false, expired = false, had = false;
    for (uint32_t i = 0; i < action->work_count; i++) {
        const struct work *work = &action->works[i];
        if (!is_selected(work, line))
            continue;
        is_named = true;
        had = had || work->claim->node != MODEL_NONE;
        held = held || work->held > 0;
        confirmed = confirmed || work->claim->confirmed > 0;
        fulfilled = fulfilled || work->claim->fulfilled > 0;
        expired = expired || work->claim->expired > 0 ||
                  (model_is_due(action->model, work->claim) && work->claim->held > 0);
    }
    if (!is_named && line != NULL)
        model_refuse(out, 422, "unknown_line");
    else if (action->request->type == MODEL_FULFIL && held)
        model_refuse(out, 409, "not_confirmed");
    else
        model_refuse(out, 409,
                     confirmed   ? "already_confirmed"
                     : fulfilled ? "already_fulfilled"
                     : expired   ? "expired"
                     : had       ? "already_released"
                                 : "nothing_claimed");
}

/* L30: in the order they were made, held before confirmed. */
static void take(struct action *action, const struct model_line *line, uint32_t except_node, int64_t milli)
{
    for (uint32_t i = 0; i < action->work_count; i++) {
        struct work *work = &action->works[i];
        if (!is_selected(work, line) || work->claim->node == except_node)
            continue;
        int64_t held = action->request->type == MODEL_FULFIL ? 0 : smaller(work->held, milli);
        int64_t confirmed =
            action->request->type == MODEL_CONFIRM ? 0 : smaller(work->confirmed, milli - held);
        work->held -= held;
        work->confirmed -= confirmed;
        work->took_held += held;
        work->took_confirmed += confirmed;
        milli -= held + confirmed;
    }
}

static int64_t room_for(const struct action *action, uint32_t item, uint32_t node)
{
    const struct model_reservation *of = &action->model->reservations[action->request->reservation];
    struct model_room room =
        model_room_at(action->model, &action->pending, item, node, of->channel, of->kind);
    return smaller(room.free, model_allowance(action->model, &action->pending, item, of->channel, of->kind)) +
           room.backorder;
}

static const char *ineligible_for(const struct action *action, uint32_t item, uint32_t node)
{
    const struct model_reservation *of = &action->model->reservations[action->request->reservation];
    return model_ineligible(action->model, item, node, of->channel, of->kind);
}

static bool line_judge(const struct action *action, const struct model_line *line, int64_t capacity,
                       int64_t *out_milli, struct model_answer *out)
{
    if (capacity == 0) {
        refuse_nothing(action, line, out);
        return false;
    }
    if (line != NULL && line->has_quantity && line->milli > capacity) {
        model_refuse(out, 409, "exceeds_claim");
        return false;
    }
    *out_milli = line != NULL && line->has_quantity ? line->milli : capacity;
    return true;
}

static bool act_take(struct action *action, const struct model_line *line, struct model_answer *out)
{
    int64_t milli;
    if (!line_judge(action, line, capacity_of(action, line, MODEL_ITEMS + MODEL_NONE), &milli, out))
        return false;
    take(action, line, MODEL_ITEMS + MODEL_NONE, milli);
    return true;
}

/* L31, V11 */
static bool act_move(struct action *action, const struct model_line *line, struct model_answer *out)
{
    uint32_t to = line != NULL ? line->to_node : action->request->node;
    int64_t capacity = capacity_of(action, line, to);
    int64_t milli;
    if (capacity == 0 && capacity_of(action, line, MODEL_ITEMS + MODEL_NONE) > 0) {
        model_refuse(out, 422, "same_node");
        return false;
    }
    if (!line_judge(action, line, capacity, &milli, out))
        return false;
    take(action, line, to, milli);
    for (uint32_t i = 0; i < action->work_count; i++) {
        struct work *work = &action->works[i];
        int64_t moved = work->took_held + work->took_confirmed - work->placed;
        if (moved == 0)
            continue;
        if (work->to_node != MODEL_NONE && work->to_node != to) {
            model_refuse(out, 400, "duplicate_line");
            return false;
        }
        work->to_node = to;
        work->placed += moved;
        action->pending.milli[work->claim->item][work->claim->node] -= moved;
        const char *code = ineligible_for(action, work->claim->item, to);
        if (code != NULL || room_for(action, work->claim->item, to) < moved) {
            model_refuse(out, 409, code != NULL ? code : "insufficient_stock");
            return false;
        }
        action->pending.milli[work->claim->item][to] += moved;
    }
    return true;
}

/* What goes to the node, in its unit: an order, lines of different items, or units (CA1). */
static int64_t move_load(const struct action *action, uint32_t node, uint32_t unit)
{
    bool has[MODEL_ITEMS] = { false };
    int64_t units = 0, lines = 0;
    for (uint32_t i = 0; i < action->work_count; i++) {
        const struct work *work = &action->works[i];
        if (work->to_node != node)
            continue;
        units += work->placed;
        lines += has[work->claim->item] ? 0 : 1000;
        has[work->claim->item] = true;
    }
    return unit == MODEL_UNITS ? units : unit == MODEL_LINES ? lines : units > 0 ? 1000 : 0;
}

/* CA6: what was promised takes of the windows of where it goes, as they are before it goes. */
static bool windows_take(struct action *action, struct model_answer *out)
{
    uint32_t reservation = action->request->reservation;
    for (uint32_t node = 0; node < MODEL_NODES; node++) {
        struct model_booking booking;
        struct model_window window;
        bool is_certain;
        bool is_promised = action->model->reservations[reservation].promise != NULL;
        if (!is_promised || !model_move_window(action->model, node, &booking))
            continue;
        booking.milli = move_load(action, node, booking.unit);
        if (booking.milli == 0)
            continue;
        (void)model_window_of(action->model, booking.resource, node, booking.from_us, &window);
        int64_t booked = model_booked(action->model, booking.resource, booking.from_us, &is_certain) -
                         model_booking_joined(action->model, reservation, &booking);
        if (booked + booking.milli > window.limit_milli) {
            model_refuse(out, 409, "no_capacity");
            out->window_us = booking.from_us;
            return false;
        }
        action->taken[action->taken_count++] = booking;
    }
    return true;
}

static bool change_add(struct action *action, const struct model_line *line, int64_t more,
                       struct model_answer *out)
{
    for (uint32_t i = 0; i < action->work_count && more > 0; i++) {
        struct work *work = &action->works[i];
        if (!is_selected(work, line) || work->held + work->confirmed == 0)
            continue;
        const char *code = ineligible_for(action, work->claim->item, work->claim->node);
        if (code != NULL) {
            model_refuse(out, 409, code);
            return false;
        }
        int64_t added = smaller(room_for(action, work->claim->item, work->claim->node), more);
        work->added += added;
        more -= added;
        action->pending.milli[work->claim->item][work->claim->node] += added;
    }
    if (more > 0)
        model_refuse(out, 409, "insufficient_stock");
    return more == 0;
}

static bool act_change(struct action *action, const struct model_line *line, struct model_answer *out)
{
    int64_t has = capacity_of(action, line, MODEL_ITEMS + MODEL_NONE);
    const struct model_reservation *of = &action->model->reservations[action->request->reservation];
    if (has == 0) {
        refuse_nothing(action, line, out);
        return false;
    }
    uint32_t i = 0;
    while (!is_selected(&action->works[i], line))
        i++;
    const char *code = line->milli == 0 ? NULL
                                        : model_quantity_fault(action->model, action->works[i].claim->item,
                                                               line->node, of->channel, line->milli);
    if (code != NULL) {
        model_refuse(out, 409, code);
        return false;
    }
    if (line->milli >= has)
        return change_add(action, line, line->milli - has, out);
    take(action, line, MODEL_ITEMS + MODEL_NONE, has - line->milli);
    return true;
}

/* A line is named once; a move may name it once a node, a confirmation and its like as often as there is some left. */
static bool is_named_before(const struct model_request *request, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++) {
        bool is_same_node = request->lines[j].node == request->lines[i].node;
        if (request->lines[j].line == request->lines[i].line &&
            (request->type == MODEL_CHANGE || is_same_node))
            return request->type == MODEL_CHANGE || request->type == MODEL_MOVE;
    }
    return false;
}

static bool act_line(struct action *action, const struct model_line *line, struct model_answer *out)
{
    if (action->request->type == MODEL_MOVE)
        return act_move(action, line, out);
    return action->request->type == MODEL_CHANGE ? act_change(action, line, out)
                                                 : act_take(action, line, out);
}

static void fence_use(struct model *model, const struct model_claim *claim, int64_t milli)
{
    for (uint32_t i = 0; i < MODEL_FENCES; i++) {
        struct model_fence_slot *fence = &model->fences[i];
        if (fence->exists && fence->item == claim->item && fence->node == claim->node &&
            fence->channel == model->reservations[claim->reservation].channel)
            fence->quantity = at_least_0(fence->quantity - milli);
    }
}

/* What was decided for one claim happens. */
static void work_do(struct action *action, struct work *work, struct model_answer *out)
{
    struct model *model = action->model;
    const struct model_request *request = action->request;
    struct model_claim *claim = work->claim;
    int64_t took = work->took_held + work->took_confirmed;
    bool gives_back =
        request->return_rest && (request->type == MODEL_CONFIRM || request->type == MODEL_FULFIL);
    int64_t back_held = gives_back ? work->held : 0;
    int64_t back_confirmed = gives_back && request->type == MODEL_FULFIL ? work->confirmed : 0;
    bool had_held = work->held > 0;
    claim->held -= work->took_held + back_held;
    claim->confirmed -= work->took_confirmed + back_confirmed;
    claim->released += back_held + back_confirmed;
    if (request->type == MODEL_CONFIRM) {
        claim->confirmed += took;
    } else if (request->type == MODEL_FULFIL) {
        claim->fulfilled += took;
        if (took > 0) {
            int64_t at_us = request->at_us == MODEL_NEVER ? model->now_us : request->at_us;
            model_tell(model, claim->item, claim->node, 0,
                       (struct model_fact){ .at_us = at_us, .milli = -took });
            fence_use(model, claim, took);
        }
    } else if (request->type == MODEL_MOVE) {
        claim->quantity -= took;
        if (took > 0) {
            struct model_claim *there =
                model_claim_at(model, claim->reservation, claim->line, claim->item, work->to_node);
            there->quantity += took;
            there->held += work->took_held;
            there->confirmed += work->took_confirmed;
        }
    } else {
        claim->released += took;
        claim->quantity += work->added;
        claim->held += had_held ? work->added : 0;
        claim->confirmed += had_held ? 0 : work->added;
    }
    if (took + back_held + back_confirmed + work->added == 0)
        return;
    struct model_part *part = model_part_add(out, claim->line, claim->item,
                                             work->to_node != MODEL_NONE ? work->to_node : claim->node);
    part->quantity = request->type == MODEL_CHANGE ? work->added - took : took;
    part->returned = back_held + back_confirmed;
    out->record = MODEL_RECORD_YES;
}

static void extend(struct action *action, struct model_answer *out)
{
    int64_t held = 0;
    for (uint32_t i = 0; i < action->work_count; i++)
        held += action->works[i].held;
    if (held == 0) {
        refuse_nothing(action, NULL, out);
        return;
    }
    out->record = MODEL_RECORD_YES;
    action->model->reservations[action->request->reservation].expires_us =
        action->request->ttl_us == 0 ? MODEL_NEVER : action->model->now_us + action->request->ttl_us;
}

/* A hold that is due has expired for good: an extension of the rest must not bring it back. */
void model_settle_due(struct model *model, uint32_t reservation)
{
    for (uint32_t link = model->reservations[reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        struct model_claim *claim = &model->claims[link - 1];
        if (model_is_due(model, claim)) {
            claim->expired += claim->held;
            claim->held = 0;
        }
    }
}

/* A claim that was moved away as a whole is no more. */
void model_claim_drop(struct model *model, const struct model_claim *claim)
{
    uint32_t number = (uint32_t)(claim - model->claims) + 1;
    uint32_t *link = &model->reservations[claim->reservation].first;
    while (*link != number)
        link = &model->claims[*link - 1].next_of_reservation;
    *link = claim->next_of_reservation;
    link = &model->claim_heads[claim->item][claim->node];
    while (*link != number)
        link = &model->claims[*link - 1].next_at_place;
    *link = claim->next_at_place;
}

static void act_lines(struct action *action, struct model_answer *out)
{
    const struct model_request *request = action->request;
    bool is_fine = request->line_count > 0 || act_line(action, NULL, out);
    for (uint32_t i = 0; is_fine && i < request->line_count; i++) {
        is_fine = !is_named_before(request, i);
        if (!is_fine)
            model_refuse(out, 400, "duplicate_line");
        is_fine = is_fine && act_line(action, &request->lines[i], out);
    }
    uint32_t count = action->work_count;
    is_fine = is_fine && (request->type != MODEL_MOVE || windows_take(action, out));
    for (uint32_t i = 0; is_fine && i < count; i++)
        work_do(action, &action->works[i], out);
    for (uint32_t i = 0; is_fine && i < count; i++) {
        if (action->works[i].claim->node != MODEL_NONE && action->works[i].claim->quantity == 0)
            model_claim_drop(action->model, action->works[i].claim);
    }
}

/* What is booked follows the claims; of a node's that go to several, with the first. */
static void bookings_follow(const struct action *action, int64_t left[MODEL_BOOKED_MAX])
{
    uint32_t to_nodes[MODEL_NODES] = { MODEL_NONE, MODEL_NONE, MODEL_NONE, MODEL_NONE, MODEL_NONE };
    uint32_t reservation = action->request->reservation;
    if (action->request->type != MODEL_MOVE) {
        model_bookings_settle(action->model, reservation, left);
        return;
    }
    for (uint32_t i = 0; i < action->work_count; i++) {
        const struct work *work = &action->works[i];
        if (work->took_held + work->took_confirmed > 0 && to_nodes[work->claim->node] == MODEL_NONE)
            to_nodes[work->claim->node] = work->to_node;
    }
    model_bookings_move(action->model, reservation, left, to_nodes);
    for (uint32_t i = 0; i < action->taken_count; i++)
        model_booking_add(action->model, reservation, &action->taken[i]);
}

void model_ask_action(struct model *model, const struct model_request *request, struct model_answer *out)
{
    static struct action action;
    action = (struct action){ .model = model, .request = request };
    if (!model_reservation_is_known(model, request->reservation)) {
        model_refuse(out, 404, "unknown_reservation");
        return;
    }
    if (request->type == MODEL_FULFIL && request->at_us > model->now_us + MODEL_AHEAD_US) {
        model_refuse(out, 400, "invalid_time");
        return;
    }
    int64_t left[MODEL_BOOKED_MAX];
    model_settle_due(model, request->reservation);
    model_bookings_note(model, request->reservation, left);
    for (uint32_t link = model->reservations[request->reservation].first; link != 0;
         link = model->claims[link - 1].next_of_reservation) {
        struct model_claim *claim = &model->claims[link - 1];
        action.works[action.work_count++] = (struct work){
            .claim = claim, .held = claim->held, .confirmed = claim->confirmed, .to_node = MODEL_NONE
        };
    }
    if (request->type == MODEL_EXTEND)
        extend(&action, out);
    else
        act_lines(&action, out);
    if (out->code != NULL)
        return;
    bookings_follow(&action, left);
    struct model_reservation *of = &model->reservations[request->reservation];
    out->reservation_status = model_status_of(model, request->reservation);
    out->expires_us = of->expires_us;
    bool is_live =
        strcmp(out->reservation_status, "held") == 0 || strcmp(out->reservation_status, "confirmed") == 0;
    if (!is_live && of->ended_us == MODEL_NEVER)
        of->ended_us = model->now_us;
}
