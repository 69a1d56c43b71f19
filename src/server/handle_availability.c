#include "server/handle_availability.h"
#include "server/handle.h"
#include "server/handle_pages.h"

/* Positions that one POST may look at, so that it stays a bounded piece of work for the loop. */
#define POSITIONS_MAX 10000000u

/* Where a question looks. */
enum place_type {
    PLACE_EVERYWHERE, /* a page of nodes */
    PLACE_NODE,
    PLACE_GROUP,
    PLACE_CHANNEL,
    PLACE_NEAR,
};

/* A question with its names resolved. */
struct question {
    enum place_type type;
    struct oh_item_id item;
    struct oh_node_id node;
    struct oh_group_id group;
    struct oh_asker asker;
    struct oh_near near;
    struct oh_availability_question text;
};

static const char *const known_params[] = {
    "node", "channel",      "kind",    "group",   "near", "radius_km", "limit",
    "after", "min_quantity", "explain", "min_seq", "by",   NULL,
};

/* ---- GET: reading the question ----------------------------------------------------------------- */

static bool question_channel(const struct oh_call *call, const struct oh_param_list *params, struct question *question)
{
    struct oh_bytes name = oh_params_text(params, "channel");
    if (oh_bytes_is_empty(name))
        return true;
    if (!oh_channel_find(call->ledger, name, &question->asker.channel)) {
        oh_call_unknown(call, OH_V_UNKNOWN_CHANNEL, "channel");
        return false;
    }
    question->type = PLACE_CHANNEL;
    question->text.place_name = "channel";
    question->text.place = name;
    return true;
}

static bool question_node(const struct oh_call *call, struct oh_bytes name, struct question *question)
{
    if (!oh_node_find(call->ledger, name, &question->node)) {
        oh_call_unknown(call, OH_V_UNKNOWN_NODE, "node");
        return false;
    }
    question->type = PLACE_NODE;
    question->text.place_name = "node";
    question->text.place = name;
    return true;
}

static bool question_group(const struct oh_call *call, struct oh_bytes name, struct question *question)
{
    if (!oh_group_find(call->ledger, name, &question->group)) {
        oh_call_unknown(call, OH_V_UNKNOWN_GROUP, "group");
        return false;
    }
    question->type = PLACE_GROUP;
    question->text.place_name = "group";
    question->text.place = name;
    return true;
}

/* node, group and near exclude each other; channel goes with each of them, or alone. */
static bool question_place(const struct oh_call *call, const struct oh_param_list *params, struct question *question)
{
    struct oh_bytes node = oh_params_text(params, "node");
    struct oh_bytes group = oh_params_text(params, "group");
    bool is_near = oh_params_has(params, "near") || oh_params_has(params, "radius_km");
    int count = !oh_bytes_is_empty(node) + !oh_bytes_is_empty(group) + is_near;
    if (count > 1)
        return oh_call_query_is_wrong(call, is_near ? "near" : "group", "Ask for one of node, group and near.");
    if (!question_channel(call, params, question))
        return false;
    if (!oh_bytes_is_empty(node))
        return question_node(call, node, question);
    if (!oh_bytes_is_empty(group))
        return question_group(call, group, question);
    if (is_near)
        question->type = PLACE_NEAR;
    return true;
}

/* A parameter that this kind of question does not read would be dropped in silence otherwise. */
static bool question_has_no_stray(const struct oh_call *call, const struct oh_param_list *params,
                                  const struct question *question)
{
    bool is_list = question->type == PLACE_EVERYWHERE || question->type == PLACE_NEAR;
    if (!is_list && oh_params_has(params, "limit"))
        return oh_call_query_is_wrong(call, "limit", "limit goes with near, or with no place at all.");
    if (question->type != PLACE_EVERYWHERE && oh_params_has(params, "after"))
        return oh_call_query_is_wrong(call, "after", "after goes with no place at all.");
    return true;
}

/* What was available is not kept: a question about the past has no answer. */
static bool by_is_wrong(const struct oh_call *call, int64_t by_us, struct oh_fault *fault)
{
    if (by_us == OH_TIME_US_NONE || by_us >= call->now_us)
        return false;
    oh_fault_set(fault, OH_FAULT_INVALID_TIME, OH_BYTES("by"), "by is from now to 2199-12-31.");
    return true;
}

static bool question_by(const struct oh_call *call, const struct oh_param_list *params, struct question *question,
                        struct oh_fault *fault)
{
    int64_t by_us = OH_TIME_US_NONE;
    if (oh_params_time(params, "by", &by_us, fault) != OH_OK || by_is_wrong(call, by_us, fault))
        return false;
    question->asker.by_us = by_us;
    return true;
}

static bool question_details(const struct oh_call *call, const struct oh_param_list *params,
                             struct question *question)
{
    struct oh_fault fault;
    struct oh_availability_question *text = &question->text;
    text->has_min_quantity = oh_params_has(params, "min_quantity");
    if (oh_params_kind(params, "kind", &question->asker.kind, &fault) == OH_OK &&
        oh_params_milli(params, "min_quantity", 1, OH_QUANTITY_MILLI_MAX, &text->min_quantity_milli, &fault) == OH_OK &&
        oh_params_bool(params, "explain", &text->explain, &fault) == OH_OK &&
        question_by(call, params, question, &fault) &&
        oh_params_near(params, call->ledger, &question->near, &fault) == OH_OK)
        return true;
    oh_call_fault(call, &fault);
    return false;
}

/* ---- GET: answering it ------------------------------------------------------------------------- */

static void answer_place(const struct oh_call *call, const struct question *question)
{
    struct oh_availability availability;
    if (question->type == PLACE_NODE)
        oh_available_at_node(call->ledger, question->item, question->node, question->asker, call->now_us,
                             &availability);
    else if (question->type == PLACE_GROUP)
        oh_available_in_group(call->ledger, question->item, question->group, question->asker, call->now_us,
                              &availability);
    else
        oh_available_in_channel(call->ledger, question->item, question->asker, call->now_us, &availability);
    oh_reply_put_availability(oh_call_begin(call, 200), &question->text, &availability,
                              oh_service_seq(call->service));
    oh_call_end_read(call);
}

static void answer_near(const struct oh_call *call, const struct oh_param_list *params,
                        const struct question *question)
{
    uint32_t limit;
    if (!oh_call_limit(call, params, OH_NEAR_LIMIT_DEFAULT, &limit))
        return;
    struct oh_near_row *rows = call->service->near_rows;
    uint32_t count = oh_available_near(call->ledger, question->item, &question->near, question->asker,
                                       question->text.min_quantity_milli, call->now_us, limit, rows);
    oh_reply_put_near(oh_call_begin(call, 200), call->ledger, question->text.sku, question->near.point, rows, count,
                      oh_service_seq(call->service));
    oh_call_end_read(call);
}

static void answer_page(const struct oh_call *call, const struct oh_param_list *params,
                        const struct question *question)
{
    struct oh_page page;
    if (!oh_call_page(call, params, question->item, &page))
        return;
    struct oh_strbuf *body = oh_call_begin(call, 200);
    oh_strbuf_put_char(body, '{');
    oh_json_member_string(body, "sku", question->text.sku);
    oh_json_member(body, "nodes");
    oh_strbuf_put_char(body, '[');
    int64_t least_milli = question->text.min_quantity_milli > 0 ? question->text.min_quantity_milli : 1;
    uint32_t written = 0;
    uint32_t last = 0;
    bool has_more = false;
    for (uint32_t i = 0; i < page.count && !has_more; i++) {
        struct oh_availability availability;
        oh_available_at_node(call->ledger, question->item, page.nodes[i], question->asker, call->now_us,
                             &availability);
        if (availability.available_milli < least_milli)
            continue;
        has_more = written == page.limit;
        if (has_more)
            break;
        oh_reply_put_node_availability(body, oh_node_name(call->ledger, page.nodes[i]), &availability);
        written++;
        last = i;
    }
    oh_reply_put_page_end(body, has_more ? oh_node_name(call->ledger, page.nodes[last]) : OH_BYTES_NONE,
                          oh_service_seq(call->service));
    oh_call_end_read(call);
}

void oh_handle_availability_get(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_param_list params;
    struct question question = {
        .type = PLACE_EVERYWHERE,
        .asker = { .channel = { OH_NODE_NONE }, .kind = OH_KIND_ANY },
        .text = { .sku = call.request->params[0] },
    };
    if (!oh_call_query(&call, known_params, &params))
        return;
    if (!oh_item_find(call.ledger, question.text.sku, &question.item)) {
        oh_call_unknown(&call, OH_V_UNKNOWN_ITEM, NULL);
        return;
    }
    if (!question_details(&call, &params, &question) || !question_place(&call, &params, &question) ||
        !question_has_no_stray(&call, &params, &question))
        return;
    if (question.type == PLACE_EVERYWHERE)
        answer_page(&call, &params, &question);
    else if (question.type == PLACE_NEAR)
        answer_near(&call, &params, &question);
    else
        answer_place(&call, &question);
}

/* ---- POST: many items -------------------------------------------------------------------------- */

/* The names of a request, resolved once. */
struct ask {
    const struct oh_availability_request *request;
    const struct oh_node_id *nodes;
    const struct oh_bytes *cell_heads; /* of the nodes; NULL: they are asked for one item */
    struct oh_group_id group;
    struct oh_asker asker;
};

static void ask_unknown(const struct oh_call *call, enum oh_verdict verdict, enum oh_field field, uint32_t index)
{
    struct oh_answer answer = {
        .verdict = verdict,
        .field = field,
        .fault_index = index,
        .seq = oh_service_seq(call->service),
    };
    oh_call_refusal(call, &answer);
}

static bool ask_resolve_nodes(const struct oh_call *call, struct ask *ask)
{
    struct oh_node_id *nodes = call->service->nodes;
    for (uint32_t i = 0; i < ask->request->node_count; i++) {
        if (!oh_node_find(call->ledger, ask->request->nodes[i], &nodes[i])) {
            ask_unknown(call, OH_V_UNKNOWN_NODE, OH_FIELD_NODES, i);
            return false;
        }
    }
    ask->nodes = nodes;
    return true;
}

static bool ask_resolve(const struct oh_call *call, struct ask *ask)
{
    const struct oh_availability_request *request = ask->request;
    ask->asker = (struct oh_asker){ { OH_NODE_NONE }, request->kind, request->by_us };
    ask->group.index = OH_NODE_NONE;
    if (!oh_bytes_is_empty(request->channel) &&
        !oh_channel_find(call->ledger, request->channel, &ask->asker.channel)) {
        ask_unknown(call, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL, OH_INDEX_NONE);
        return false;
    }
    if (!oh_bytes_is_empty(request->group) && !oh_group_find(call->ledger, request->group, &ask->group)) {
        ask_unknown(call, OH_V_UNKNOWN_GROUP, OH_FIELD_GROUP, OH_INDEX_NONE);
        return false;
    }
    return ask_resolve_nodes(call, ask);
}

static bool ask_is_wrong(const struct oh_call *call, enum oh_fault_type type, const char *field, const char *sentence)
{
    struct oh_fault fault;
    oh_fault_set(&fault, type, oh_bytes_of(field), "%s", sentence);
    oh_call_fault(call, &fault);
    return false;
}

static bool ask_has_place(const struct oh_call *call, const struct ask *ask)
{
    if (ask->request->node_count > 0 || ask->request->near.is_set || ask->group.index != OH_NODE_NONE ||
        ask->asker.channel.index != OH_NODE_NONE)
        return true;
    return ask_is_wrong(call, OH_FAULT_MISSING_FIELD, "nodes", "Name nodes, a group, a channel or near.");
}

static uint32_t group_width(const struct oh_ledger *ledger, uint16_t index)
{
    struct oh_effect_group group;
    oh_group_get(ledger, (struct oh_group_id){ index }, &group);
    return group.node_count;
}

static uint64_t channel_width(const struct oh_ledger *ledger, struct oh_channel_id id)
{
    struct oh_effect_channel channel;
    oh_channel_get(ledger, id, &channel);
    if (channel.node_count + channel.group_count == 0)
        return oh_node_count(ledger);
    uint64_t width = channel.node_count;
    for (uint32_t i = 0; i < channel.group_count; i++)
        width += group_width(ledger, channel.groups[i]);
    return width;
}

/* A sum over a group is one cell of the answer, but a position for each of its nodes. */
static bool ask_is_bounded(const struct oh_call *call, const struct ask *ask)
{
    uint64_t width = 1;
    if (ask->request->node_count > 0)
        return true;
    if (ask->group.index != OH_NODE_NONE)
        width = group_width(call->ledger, ask->group.index);
    else if (ask->asker.channel.index != OH_NODE_NONE)
        width = channel_width(call->ledger, ask->asker.channel);
    else
        width = oh_node_count(call->ledger);
    if (width * ask->request->sku_count <= POSITIONS_MAX)
        return true;
    return ask_is_wrong(call, OH_FAULT_TOO_MANY, "skus", "At most 10,000,000 positions, skus times nodes looked at.");
}

/* {"sku","nodes":[ ... the caller writes the elements and "]}" */
static void item_open(struct oh_strbuf *body, struct oh_bytes sku)
{
    oh_json_separate(body);
    oh_strbuf_put_char(body, '{');
    oh_json_member_string(body, "sku", sku);
    oh_json_member(body, "nodes");
    oh_strbuf_put_char(body, '[');
}

static void ask_item_at_nodes(const struct oh_call *call, const struct ask *ask, struct oh_item_id item,
                              struct oh_strbuf *body)
{
    for (uint32_t i = 0; i < ask->request->node_count; i++) {
        struct oh_availability availability;
        oh_available_at_node(call->ledger, item, ask->nodes[i], ask->asker, call->now_us, &availability);
        if (ask->request->has_min_quantity && availability.available_milli < ask->request->min_quantity_milli)
            continue;
        if (ask->cell_heads != NULL)
            oh_reply_put_cell_of(body, ask->cell_heads[i], availability.available_milli);
        else
            oh_reply_put_cell(body, ask->request->nodes[i], availability.available_milli);
    }
}

static void ask_item_near(const struct oh_call *call, const struct ask *ask, struct oh_item_id item,
                          struct oh_strbuf *body)
{
    struct oh_near_row *rows = call->service->near_rows;
    uint32_t count = oh_available_near(call->ledger, item, &ask->request->near, ask->asker,
                                       ask->request->min_quantity_milli, call->now_us, ask->request->near_limit, rows);
    for (uint32_t i = 0; i < count; i++)
        oh_reply_put_near_row(body, call->ledger, &rows[i]);
}

static void ask_item_sum(const struct oh_call *call, const struct ask *ask, struct oh_bytes sku,
                         struct oh_item_id item, struct oh_strbuf *body)
{
    struct oh_availability availability;
    if (ask->group.index != OH_NODE_NONE)
        oh_available_in_group(call->ledger, item, ask->group, ask->asker, call->now_us, &availability);
    else
        oh_available_in_channel(call->ledger, item, ask->asker, call->now_us, &availability);
    oh_reply_put_sku_availability(body, sku, &availability);
}

static void ask_item(const struct oh_call *call, const struct ask *ask, struct oh_bytes sku, struct oh_strbuf *body)
{
    struct oh_item_id item;
    if (!oh_item_find(call->ledger, sku, &item)) {
        oh_reply_put_sku_verdict(body, sku, OH_V_UNKNOWN_ITEM);
        return;
    }
    if (ask->request->node_count == 0 && !ask->request->near.is_set) {
        ask_item_sum(call, ask, sku, item, body);
        return;
    }
    item_open(body, sku);
    if (ask->request->node_count > 0)
        ask_item_at_nodes(call, ask, item, body);
    else
        ask_item_near(call, ask, item, body);
    oh_strbuf_put_text(body, "]}");
}

/* Without memory for them, cells are written from the name on. */
static void ask_prepare_cells(const struct oh_call *call, struct ask *ask)
{
    if (ask->request->sku_count > 1 && ask->request->node_count > 0)
        ask->cell_heads =
            oh_reply_cell_heads(call->service->document, ask->request->nodes, ask->request->node_count);
}

static void ask_answer(const struct oh_call *call, const struct ask *ask)
{
    struct oh_strbuf *body = oh_call_begin(call, 200);
    oh_strbuf_put_char(body, '{');
    oh_json_member_u64(body, "seq", oh_service_seq(call->service));
    oh_json_member(body, "items");
    oh_strbuf_put_char(body, '[');
    for (uint32_t i = 0; i < ask->request->sku_count; i++)
        ask_item(call, ask, ask->request->skus[i], body);
    oh_strbuf_put_text(body, "]}");
    oh_call_end_read(call);
}

void oh_handle_availability_ask(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_availability_request request;
    struct oh_fault fault;
    if (!oh_call_json(&call) || !oh_call_read(&call))
        return;
    if (oh_request_availability(call.service->document, call.ledger, call.request->body, &request, &fault) != OH_OK ||
        by_is_wrong(&call, request.by_us, &fault)) {
        oh_call_fault(&call, &fault);
        return;
    }
    struct ask ask = { .request = &request };
    if (!ask_resolve(&call, &ask) || !ask_has_place(&call, &ask) || !ask_is_bounded(&call, &ask))
        return;
    ask_prepare_cells(&call, &ask);
    ask_answer(&call, &ask);
}
