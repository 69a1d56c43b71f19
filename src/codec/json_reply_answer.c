#include "base/assert.h"
#include "codec/json_reply.h"
#include <stdio.h>

/* ---- Claims by line --------------------------------------------------------------------------- */

/*
 * The order in which claims are written: by line number, and within a line as they were made. Sorted by
 * merging runs, which keeps equal ones in place and takes no memory of its own.
 */
struct claim_order {
    uint32_t count;
    uint16_t indices[OH_CLAIMS_MAX];
    uint16_t scratch[OH_CLAIMS_MAX];
};
_Static_assert(OH_CLAIMS_MAX <= UINT16_MAX, "an index of a claim must fit 16 bits");

/* The line number of the i-th of whatever is sorted. */
typedef uint32_t claim_line_of(const void *claims, uint32_t index);

static uint32_t answer_line_number(const void *claims, uint32_t index)
{
    return ((const struct oh_answer_line *)claims)[index].line;
}

static uint32_t view_line_number(const void *claims, uint32_t index)
{
    return ((const struct oh_claim_view *)claims)[index].line;
}

/* Merges from[first..middle) and from[middle..end) to the same place of `to`. */
static void claims_merge(const void *claims, claim_line_of *line_of, const uint16_t *from, uint16_t *to,
                         uint32_t first, uint32_t middle, uint32_t end)
{
    uint32_t left = first;
    uint32_t right = middle;
    for (uint32_t at = first; at < end; at++) {
        bool take_left =
            right == end || (left < middle && line_of(claims, from[left]) <= line_of(claims, from[right]));
        to[at] = take_left ? from[left++] : from[right++];
    }
}

static uint32_t at_most(uint32_t value, uint32_t max)
{
    return value < max ? value : max;
}

static void claims_order(const void *claims, claim_line_of *line_of, uint32_t count, struct claim_order *out)
{
    OH_ASSERT(count <= OH_CLAIMS_MAX);
    bool is_ordered = true;
    out->count = count;
    for (uint32_t i = 0; i < count; i++) {
        out->indices[i] = (uint16_t)i;
        is_ordered = is_ordered && (i == 0 || line_of(claims, i - 1) <= line_of(claims, i));
    }
    for (uint32_t run = 1; run < count && !is_ordered; run *= 2) {
        for (uint32_t first = 0; first < count; first += 2 * run)
            claims_merge(claims, line_of, out->indices, out->scratch, first, at_most(first + run, count),
                         at_most(first + 2 * run, count));
        memcpy(out->indices, out->scratch, count * sizeof(out->indices[0]));
    }
}

/* Where the line that starts at order[first] ends. */
static uint32_t claims_line_end(const void *claims, claim_line_of *line_of, const struct claim_order *order,
                                uint32_t first)
{
    uint32_t line = line_of(claims, order->indices[first]);
    uint32_t end = first + 1;
    while (end < order->count && line_of(claims, order->indices[end]) == line)
        end++;
    return end;
}

/* ---- A reservation that was made -------------------------------------------------------------- */

/* What every reservation is answered with is written in pieces as large as they are constant, not member by member. */

static void put_created_claims(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                               const struct oh_answer_line *lines, const uint16_t *indices, uint32_t count)
{
    bool is_first = true;
    for (uint32_t i = 0; i < count; i++) {
        const struct oh_answer_line *claim = &lines[indices[i]];
        if (claim->node.index == OH_NODE_NONE)
            continue; /* what could not be had */
        oh_strbuf_put_text(buf, is_first ? "{\"node\":" : ",{\"node\":");
        oh_json_put_string(buf, oh_node_name(ledger, claim->node));
        oh_strbuf_put_text(buf, ",\"quantity\":");
        oh_milli_put(buf, claim->quantity_milli);
        oh_strbuf_put_char(buf, '}');
        is_first = false;
    }
}

/* One line with its claims, all of the same line number. */
static void put_created_line(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                             const struct oh_answer_line *lines, const uint16_t *indices, uint32_t count)
{
    const struct oh_answer_line *first = &lines[indices[0]];
    int64_t quantity_milli = 0;
    for (uint32_t i = 0; i < count; i++)
        if (lines[indices[i]].node.index != OH_NODE_NONE)
            quantity_milli += lines[indices[i]].quantity_milli;
    oh_json_separate(buf);
    oh_strbuf_put_text(buf, "{\"line\":");
    oh_strbuf_put_u64(buf, first->line);
    oh_strbuf_put_text(buf, ",\"sku\":");
    oh_json_put_string(buf, oh_item_sku(ledger, first->item));
    oh_strbuf_put_text(buf, ",\"requested\":");
    oh_milli_put(buf, first->requested_milli);
    oh_strbuf_put_text(buf, ",\"quantity\":");
    oh_milli_put(buf, quantity_milli);
    oh_strbuf_put_text(buf, ",\"claims\":[");
    put_created_claims(buf, ledger, lines, indices, count);
    oh_strbuf_put_text(buf, "]}");
}

static void put_created_lines(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                              const struct oh_answer *answer)
{
    struct claim_order order;
    claims_order(answer->lines, answer_line_number, answer->line_count, &order);
    for (uint32_t first = 0; first < order.count;) {
        uint32_t end = claims_line_end(answer->lines, answer_line_number, &order, first);
        put_created_line(buf, ledger, answer->lines, order.indices + first, end - first);
        first = end;
    }
}

/* ---- What an action did ----------------------------------------------------------------------- */

static void put_action_lines(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                             const struct oh_answer *answer)
{
    for (uint32_t i = 0; i < answer->line_count; i++) {
        const struct oh_answer_line *line = &answer->lines[i];
        oh_json_separate(buf);
        oh_strbuf_put_char(buf, '{');
        oh_json_member_u64(buf, "line", line->line);
        oh_json_member_string(buf, "sku", oh_item_sku(ledger, line->item));
        if (line->node.index != OH_NODE_NONE)
            oh_json_member_string(buf, "node", oh_node_name(ledger, line->node));
        oh_json_member_milli(buf, "quantity", line->quantity_milli);
        if (line->returned_milli != 0)
            oh_json_member_milli(buf, "returned", line->returned_milli);
        oh_strbuf_put_char(buf, '}');
    }
}

static void put_reservation_answer(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                                   const struct oh_answer *answer)
{
    oh_strbuf_put_text(buf, "{\"id\":");
    oh_json_put_string(buf, answer->id);
    oh_strbuf_put_text(buf, ",\"kind\":\"");
    oh_strbuf_put_text(buf, oh_kind_text(answer->kind));
    oh_strbuf_put_text(buf, "\",\"status\":\"");
    oh_strbuf_put_text(buf, oh_status_text(answer->status));
    oh_strbuf_put_text(buf, "\",\"created_at\":");
    oh_json_put_time(buf, answer->created_at_us);
    oh_strbuf_put_text(buf, ",\"expires_at\":");
    oh_json_put_time(buf, answer->expires_at_us);
    oh_strbuf_put_text(buf, ",\"lines\":[");
    if (answer->type == OH_COMMAND_RESERVE)
        put_created_lines(buf, ledger, answer);
    else
        put_action_lines(buf, ledger, answer);
    oh_strbuf_put_text(buf, "],\"seq\":");
    oh_strbuf_put_u64(buf, answer->seq);
    oh_strbuf_put_char(buf, '}');
}

/* ---- Entries of an adjust or a sync ----------------------------------------------------------- */

static void put_entry(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                      const struct oh_answer_line *entry)
{
    oh_json_separate(buf);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "sku", oh_item_sku(ledger, entry->item));
    oh_json_member_string(buf, "node", oh_node_name(ledger, entry->node));
    oh_json_member_text(buf, "verdict", oh_verdict_code(entry->verdict));
    oh_json_member_milli(buf, "quantity", entry->quantity_milli);
    oh_json_member_milli(buf, "available", entry->available_milli);
    if (entry->short_milli != 0)
        oh_json_member_milli(buf, "short", entry->short_milli);
    oh_strbuf_put_char(buf, '}');
}

static void put_stock_answer(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                             const struct oh_answer *answer)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member(buf, "entries");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < answer->line_count; i++)
        put_entry(buf, ledger, &answer->lines[i]);
    oh_strbuf_put_char(buf, ']');
    oh_reply_put_seq_end(buf, answer->seq);
}

static void put_reports(struct oh_strbuf *buf, const struct oh_answer *answer)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member(buf, "reports");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < answer->line_count; i++) {
        oh_json_separate(buf);
        oh_strbuf_put_char(buf, '{');
        oh_json_member_text(buf, "verdict", oh_verdict_code(answer->lines[i].verdict));
        oh_strbuf_put_char(buf, '}');
    }
    oh_strbuf_put_char(buf, ']');
    oh_reply_put_seq_end(buf, answer->seq);
}

static bool is_action(enum oh_command_type type)
{
    return (type >= OH_COMMAND_CONFIRM && type <= OH_COMMAND_FULFIL) || type == OH_COMMAND_REPLACE;
}

void oh_reply_put_answer(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                         const struct oh_answer *answer)
{
    OH_ASSERT(oh_verdict_is_success(answer->verdict));
    if (answer->type == OH_COMMAND_RESERVE || is_action(answer->type)) {
        put_reservation_answer(buf, ledger, answer);
    } else if (answer->type == OH_COMMAND_ADJUST || answer->type == OH_COMMAND_SYNC) {
        put_stock_answer(buf, ledger, answer);
    } else if (answer->type == OH_COMMAND_DELIVERIES) {
        put_reports(buf, answer);
    } else {
        oh_strbuf_put_char(buf, '{');
        oh_reply_put_seq_end(buf, answer->seq);
    }
}

/* ---- Refusals --------------------------------------------------------------------------------- */

/* What the index of a fault counts: "lines", "entries", "reports", or the field itself ("nodes[3]"); NULL: nothing. */
static const char *fault_list(const struct oh_answer *answer)
{
    if (answer->type == OH_COMMAND_RESERVE || is_action(answer->type))
        return "lines";
    if (answer->type == OH_COMMAND_DELIVERIES)
        return "reports";
    return answer->type == OH_COMMAND_ADJUST || answer->type == OH_COMMAND_SYNC ? "entries" : NULL;
}

static void fault_path(const struct oh_answer *answer, char *path, size_t size)
{
    const char *list = fault_list(answer);
    const char *field = oh_field_text(answer->field);
    unsigned index = (unsigned)answer->fault_index;
    if (answer->fault_index == OH_INDEX_NONE)
        snprintf(path, size, "%s", field);
    else if (list == NULL)
        snprintf(path, size, "%s[%u]", field, index);
    else if (field[0] == '\0' || strcmp(field, list) == 0)
        snprintf(path, size, "%s[%u]", list, index);
    else
        snprintf(path, size, "%s[%u].%s", list, index, field);
}

/* What the title leaves out: the limits of a value that is out of range. */
static const char *verdict_detail(const struct oh_answer *answer)
{
    if (answer->verdict == OH_V_INVALID_QUANTITY)
        return answer->type == OH_COMMAND_ADJUST
                   ? "From -1000000000 to 1000000000, not 0, by thousandths"
                   : "More than 0 and at most 1000000000, by thousandths; 0 where it "
                     "means none";
    if (answer->verdict == OH_V_INVALID_TIME && answer->field == OH_FIELD_DELIVERED_AT)
        return "Not before handed_over_at, at most 365 days after it, and not in the future";
    if (answer->verdict == OH_V_INVALID_TIME)
        return "From 1970-01-01, and not in the future where it is when something happened";
    return oh_verdict_title(answer->verdict);
}

void oh_fault_from_answer(const struct oh_answer *answer, struct oh_fault *out_fault)
{
    out_fault->code = oh_verdict_code(answer->verdict);
    out_fault->title = oh_verdict_title(answer->verdict);
    out_fault->http_status = oh_verdict_http_status(answer->verdict);
    fault_path(answer, out_fault->field, sizeof(out_fault->field));
    snprintf(out_fault->detail, sizeof(out_fault->detail), "%s.", verdict_detail(answer));
}

static void put_refused_line(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                             const struct oh_answer_line *line)
{
    oh_json_separate(buf);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_u64(buf, "line", line->line);
    if (line->item.index != OH_INDEX_NONE)
        oh_json_member_string(buf, "sku", oh_item_sku(ledger, line->item));
    if (line->node.index != OH_NODE_NONE)
        oh_json_member_string(buf, "node", oh_node_name(ledger, line->node));
    oh_json_member_milli(buf, "requested", line->requested_milli);
    oh_json_member_milli(buf, "available", line->available_milli);
    oh_json_member_text(buf, "verdict", oh_verdict_code(line->verdict));
    oh_strbuf_put_char(buf, '}');
}

void oh_reply_put_refusal_members(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                                  const struct oh_answer *answer)
{
    if (answer->line_count > 0) {
        oh_json_member(buf, "lines");
        oh_strbuf_put_char(buf, '[');
        for (uint32_t i = 0; i < answer->line_count; i++)
            put_refused_line(buf, ledger, &answer->lines[i]);
        oh_strbuf_put_char(buf, ']');
    }
    if (answer->window_until_us != 0) {
        oh_json_member(buf, "window");
        oh_strbuf_put_char(buf, '{');
        oh_json_member_time(buf, "from", answer->window_from_us);
        oh_json_member_time(buf, "until", answer->window_until_us);
        oh_strbuf_put_char(buf, '}');
    }
    oh_json_member_u64(buf, "seq", answer->seq);
}

/* {"type","title","status","detail","code","field"?, without the brace. */
static void put_problem_head(struct oh_strbuf *buf, const struct oh_fault *fault)
{
    oh_strbuf_put_bytes(buf, OH_BYTES("{\"type\":\"urn:onhand:problem:"));
    oh_strbuf_put_text(buf, fault->code);
    oh_strbuf_put_char(buf, '"');
    oh_json_member_text(buf, "title", fault->title);
    oh_json_member_u64(buf, "status", (uint64_t)fault->http_status);
    oh_json_member_text(buf, "detail", fault->detail);
    oh_json_member_text(buf, "code", fault->code);
    oh_json_member_string_if_any(buf, "field", oh_bytes_of(fault->field));
}

void oh_reply_put_fault(struct oh_strbuf *buf, const struct oh_fault *fault)
{
    put_problem_head(buf, fault);
    oh_strbuf_put_char(buf, '}');
}

void oh_reply_put_problem(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                          const struct oh_answer *answer)
{
    struct oh_fault fault;
    oh_fault_from_answer(answer, &fault);
    put_problem_head(buf, &fault);
    oh_reply_put_refusal_members(buf, ledger, answer);
    oh_strbuf_put_char(buf, '}');
}

/* ---- Results of a batch ----------------------------------------------------------------------- */

static void put_result_status(struct oh_strbuf *buf, int http_status)
{
    oh_json_separate(buf);
    oh_strbuf_put_text(buf, "{\"status\":");
    oh_strbuf_put_u64(buf, (uint64_t)http_status);
}

void oh_reply_put_batch_result(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                               const struct oh_answer *answer)
{
    if (oh_verdict_is_success(answer->verdict)) {
        oh_json_separate(buf);
        oh_strbuf_put_text(buf, answer->is_repeat ? "{\"status\":200,\"reservation\":"
                                                  : "{\"status\":201,\"reservation\":");
        oh_reply_put_answer(buf, ledger, answer);
    } else {
        put_result_status(buf, oh_verdict_http_status(answer->verdict));
        oh_json_member(buf, "problem");
        oh_reply_put_problem(buf, ledger, answer);
    }
    oh_strbuf_put_char(buf, '}');
}

void oh_reply_put_batch_fault(struct oh_strbuf *buf, const struct oh_fault *fault)
{
    put_result_status(buf, fault->http_status);
    oh_json_member(buf, "problem");
    oh_reply_put_fault(buf, fault);
    oh_strbuf_put_char(buf, '}');
}

/* ---- A reservation as it is ------------------------------------------------------------------- */

static void put_claim(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                      const struct oh_claim_view *claim)
{
    oh_json_separate(buf);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "node", oh_node_name(ledger, claim->node));
    oh_json_member_text(buf, "status", oh_status_text(claim->status));
    oh_json_member_milli(buf, "quantity", claim->quantity_milli);
    oh_json_member_milli(buf, "held", claim->held_milli);
    oh_json_member_milli(buf, "confirmed", claim->confirmed_milli);
    oh_json_member_milli(buf, "fulfilled", claim->fulfilled_milli);
    oh_json_member_milli(buf, "released", claim->released_milli);
    oh_json_member_milli(buf, "expired", claim->expired_milli);
    if (claim->due_at_us != OH_TIME_US_NONE)
        oh_json_member_time(buf, "due_at", claim->due_at_us);
    oh_strbuf_put_char(buf, '}');
}

/*
 * One line: requested is all that was claimed or could not be had, quantity what is still claimed or was
 * fulfilled.
 */
static void put_viewed_line(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                            const struct oh_claim_view *claims, const uint16_t *indices, uint32_t count)
{
    int64_t requested_milli = 0;
    int64_t quantity_milli = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct oh_claim_view *claim = &claims[indices[i]];
        requested_milli += claim->quantity_milli;
        quantity_milli += claim->held_milli + claim->confirmed_milli + claim->fulfilled_milli;
    }
    oh_json_separate(buf);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_u64(buf, "line", claims[indices[0]].line);
    oh_json_member_string(buf, "sku", oh_item_sku(ledger, claims[indices[0]].item));
    oh_json_member_milli(buf, "requested", requested_milli);
    oh_json_member_milli(buf, "quantity", quantity_milli);
    oh_json_member(buf, "claims");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < count; i++)
        if (claims[indices[i]].node.index != OH_NODE_NONE)
            put_claim(buf, ledger, &claims[indices[i]]);
    oh_strbuf_put_bytes(buf, OH_BYTES("]}"));
}

static void put_viewed_lines(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                             const struct oh_claim_view *claims, uint32_t claim_count)
{
    struct claim_order order;
    claims_order(claims, view_line_number, claim_count, &order);
    for (uint32_t first = 0; first < order.count;) {
        uint32_t end = claims_line_end(claims, view_line_number, &order, first);
        put_viewed_line(buf, ledger, claims, order.indices + first, end - first);
        first = end;
    }
}

static void member_bookings(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                            const struct oh_reservation_parts *parts)
{
    oh_json_member(buf, "bookings");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < parts->booking_count; i++) {
        const struct oh_booking_view *booking = &parts->bookings[i];
        oh_json_separate(buf);
        oh_strbuf_put_char(buf, '{');
        oh_json_member_string(buf, "resource", booking->resource);
        oh_json_member_string(buf, "node", oh_node_name(ledger, booking->node));
        oh_json_member_text(buf, "unit", oh_unit_text(booking->unit));
        oh_json_member_time(buf, "from", booking->from_us);
        oh_json_member_time(buf, "until", booking->until_us);
        oh_json_member_milli(buf, "quantity", booking->quantity_milli);
        oh_strbuf_put_char(buf, '}');
    }
    oh_strbuf_put_char(buf, ']');
}

void oh_reply_put_reservation(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                              const struct oh_reservation_view *view, const struct oh_reservation_parts *parts,
                              uint64_t seq)
{
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "id", view->id);
    oh_json_member_text(buf, "kind", oh_kind_text(view->kind));
    if (view->channel.index != OH_NODE_NONE) /* the interface asks for one; the ledger, and so a file, does not */
        oh_json_member_string(buf, "channel", oh_channel_name(ledger, view->channel));
    oh_json_member_string_if_any(buf, "customer", view->customer);
    oh_json_member_string_if_any(buf, "order", view->order);
    oh_json_member_text(buf, "status", oh_status_text(view->status));
    oh_json_member_time(buf, "created_at", view->created_at_us);
    oh_json_member_time(buf, "expires_at", view->expires_at_us);
    oh_json_member(buf, "lines");
    oh_strbuf_put_char(buf, '[');
    put_viewed_lines(buf, ledger, parts->claims, parts->claim_count);
    oh_strbuf_put_char(buf, ']');
    if (parts->booking_count > 0)
        member_bookings(buf, ledger, parts);
    if (seq == OH_REPLY_NO_SEQ)
        oh_strbuf_put_char(buf, '}');
    else
        oh_reply_put_seq_end(buf, seq);
}
