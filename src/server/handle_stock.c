#include "server/handle_stock.h"
#include "server/handle.h"
#include "server/handle_pages.h"

/* Journal bytes of 10,000 entries beyond what the body says: an answer and an idempotency key each. */
#define ENTRIES_SIZE_EXTRA ((size_t)2 << 20)

static void entries_write(void *app, struct oh_exchange *exchange,
                        enum oh_err (*parse)(struct oh_json_document *document, struct oh_bytes body,
                                             struct oh_command *out, struct oh_fault *fault))
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_command command;
    struct oh_fault fault;
    if (!oh_call_write(&call, ENTRIES_SIZE_EXTRA))
        return;
    if (parse(call.service->document, call.request->body, &command, &fault) != OH_OK) {
        oh_call_fault(&call, &fault);
        return;
    }
    oh_call_apply_and_answer(&call, &command);
}

void oh_handle_stock_adjust(void *app, struct oh_exchange *exchange)
{
    entries_write(app, exchange, oh_request_adjust);
}

void oh_handle_stock_sync(void *app, struct oh_exchange *exchange)
{
    entries_write(app, exchange, oh_request_sync);
}

void oh_handle_deliveries(void *app, struct oh_exchange *exchange)
{
    entries_write(app, exchange, oh_request_deliveries);
}

void oh_handle_stock_get(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_item_id item;
    struct oh_node_id node;
    if (!oh_call_read(&call))
        return;
    if (!oh_item_find(call.ledger, call.request->params[0], &item)) {
        oh_call_unknown(&call, OH_V_UNKNOWN_ITEM, NULL);
        return;
    }
    if (!oh_node_find(call.ledger, call.request->params[1], &node)) {
        oh_call_unknown(&call, OH_V_UNKNOWN_NODE, NULL);
        return;
    }
    struct oh_position_view view;
    oh_position_get(call.ledger, item, node, call.now_us, &view);
    oh_reply_put_position(oh_call_begin(&call, 200), call.ledger, &view, oh_service_seq(call.service));
    oh_call_end_read(&call);
}

static void stock_page(const struct oh_call *call, struct oh_item_id item, const struct oh_page *page)
{
    struct oh_strbuf *body = oh_call_begin(call, 200);
    oh_strbuf_put_char(body, '{');
    oh_json_member_string(body, "sku", oh_item_sku(call->ledger, item));
    oh_json_member(body, "positions");
    oh_strbuf_put_char(body, '[');
    uint32_t count = page->count < page->limit ? page->count : page->limit;
    for (uint32_t i = 0; i < count; i++) {
        struct oh_position_view view;
        oh_position_get(call->ledger, item, page->nodes[i], call->now_us, &view);
        oh_json_separate(body);
        oh_reply_put_position(body, call->ledger, &view, OH_REPLY_NO_SEQ);
    }
    struct oh_bytes next =
        count < page->count ? oh_node_name(call->ledger, page->nodes[count - 1]) : OH_BYTES_NONE;
    oh_reply_put_page_end(body, next, oh_service_seq(call->service));
    oh_call_end_read(call);
}

void oh_handle_stock_list(void *app, struct oh_exchange *exchange)
{
    static const char *const known[] = { "limit", "after", "min_seq", NULL };
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_param_list params;
    struct oh_item_id item;
    struct oh_page page;
    if (!oh_call_query(&call, known, &params))
        return;
    if (!oh_item_find(call.ledger, call.request->params[0], &item)) {
        oh_call_unknown(&call, OH_V_UNKNOWN_ITEM, NULL);
        return;
    }
    if (oh_call_page(&call, &params, item, &page))
        stock_page(&call, item, &page);
}
