#include "server/handle_documents.h"
#include "server/handle.h"

/* A page ends early when it has grown to this. */
#define PAGE_SIZE_SOFT ((size_t)4 << 20)

/* What the six nouns differ in. */
struct noun {
    enum oh_document_kind kind;
    const char *id;   /* the member that has it */
    const char *list; /* the member that has a page of them */
};

static const struct noun noun_calendar = { OH_DOCUMENT_CALENDAR, "calendar", "calendars" };
static const struct noun noun_zone = { OH_DOCUMENT_ZONE, "zone", "zones" };
static const struct noun noun_service = { OH_DOCUMENT_SERVICE, "service", "services" };
static const struct noun noun_lane = { OH_DOCUMENT_LANE, "lane", "lanes" };
static const struct noun noun_schedule = { OH_DOCUMENT_SCHEDULE, "node", "schedules" };
static const struct noun noun_sourcing = { OH_DOCUMENT_SOURCING, "channel", "sourcing" };

/* ---- As JSON ---------------------------------------------------------------------------------- */

/* {.. without its end: the id, and the document as it was put. */
static void document_put(struct oh_strbuf *body, const struct noun *noun, struct oh_bytes id, struct oh_bytes text)
{
    oh_strbuf_put_char(body, '{');
    oh_json_member_string(body, noun->id, id);
    oh_json_member(body, "document");
    oh_strbuf_put_bytes(body, text);
}

/* ---- What can be done with one ---------------------------------------------------------------- */

static void document_get(void *app, struct oh_exchange *exchange, const struct noun *noun)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_bytes text;
    uint64_t version;
    if (!oh_call_read(&call))
        return;
    if (!oh_document_get(call.ledger, noun->kind, call.request->params[0], &text, &version)) {
        oh_call_unknown(&call, OH_V_UNKNOWN_DOCUMENT, NULL);
        return;
    }
    struct oh_strbuf *body = oh_call_begin(&call, 200);
    document_put(body, noun, call.request->params[0], text);
    oh_reply_put_seq_end(body, oh_service_seq(call.service));
    oh_call_end_read(&call);
}

/* A document may say its id; another's is a mistake. */
static bool names_itself(const struct oh_document *document, struct oh_bytes id, struct oh_fault *fault)
{
    struct oh_bytes own = oh_document_own_id(document);
    if (oh_bytes_is_empty(own) || oh_bytes_equal(own, id))
        return true;
    oh_fault_set(fault, OH_FAULT_INVALID_VALUE, OH_BYTES("id"), "id is the one of the path, or not given.");
    return false;
}

/* A schedule is of a node, and sourcing of a channel, that there is. */
static bool is_of_something(const struct oh_call *call, const struct noun *noun)
{
    struct oh_node_id node;
    struct oh_channel_id channel;
    struct oh_bytes id = call->request->params[0];
    if (noun->kind == OH_DOCUMENT_SCHEDULE && !oh_node_find(call->ledger, id, &node)) {
        oh_call_unknown(call, OH_V_UNKNOWN_NODE, NULL);
        return false;
    }
    if (noun->kind == OH_DOCUMENT_SOURCING && !oh_channel_find(call->ledger, id, &channel)) {
        oh_call_unknown(call, OH_V_UNKNOWN_CHANNEL, NULL);
        return false;
    }
    return true;
}

/* It is kept as it came, after it was judged: nothing of it is refused later. */
static void document_replace(void *app, struct oh_exchange *exchange, const struct noun *noun)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_document document;
    struct oh_fault fault;
    if (!oh_call_write(&call, 0))
        return;
    struct oh_bytes text = call.request->body;
    if (!is_of_something(&call, noun))
        return;
    if (oh_document_judge(call.service->document, noun->kind, text, &document, &fault) != OH_OK ||
        !names_itself(&document, call.request->params[0], &fault)) {
        oh_call_fault(&call, &fault);
        return;
    }
    struct oh_command command = { .type = OH_COMMAND_DOCUMENT,
                                  .document = { noun->kind, call.request->params[0], text } };
    const struct oh_answer *answer = oh_call_apply(&call, &command);
    if (answer == NULL)
        return;
    struct oh_strbuf *body = oh_call_begin_answer(&call, answer);
    document_put(body, noun, call.request->params[0], text);
    oh_reply_put_seq_end(body, answer->seq);
    oh_call_end_write(&call);
}

static void document_delete(void *app, struct oh_exchange *exchange, const struct noun *noun)
{
    struct oh_call call = oh_call_of(app, exchange);
    if (!oh_call_write(&call, 0))
        return;
    struct oh_command command = { .type = OH_COMMAND_DOCUMENT,
                                  .document = { noun->kind, call.request->params[0], OH_BYTES_NONE } };
    oh_call_apply_and_answer(&call, &command);
}

/* ---- All of a kind ---------------------------------------------------------------------------- */

static void page_put(const struct oh_call *call, const struct noun *noun, uint32_t cursor, uint32_t limit)
{
    struct oh_strbuf *body = oh_call_begin(call, 200);
    struct oh_document_view view = { .id = OH_BYTES_NONE };
    size_t size_before = body->size;
    bool is_more = true;
    oh_strbuf_put_char(body, '{');
    oh_json_member(body, noun->list);
    oh_strbuf_put_char(body, '[');
    for (uint32_t i = 0; i < limit && is_more && body->size - size_before < PAGE_SIZE_SOFT; i++) {
        if (oh_document_list(call->ledger, noun->kind, 1, &cursor, &view) == 0) {
            is_more = false;
            break;
        }
        oh_json_separate(body);
        document_put(body, noun, view.id, view.body);
        oh_strbuf_put_char(body, '}');
        is_more = cursor != 0;
    }
    oh_reply_put_page_end(body, is_more ? view.id : OH_BYTES_NONE, oh_service_seq(call->service));
    oh_call_end_read(call);
}

static void documents_list(void *app, struct oh_exchange *exchange, const struct noun *noun)
{
    static const char *const known[] = { "limit", "after", "min_seq", NULL };
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_param_list params;
    uint32_t limit;
    uint32_t cursor = 0;
    if (!oh_call_query(&call, known, &params) || !oh_call_limit(&call, &params, OH_PAGE_LIMIT_DEFAULT, &limit))
        return;
    struct oh_bytes after = oh_params_text(&params, "after");
    if (!oh_bytes_is_empty(after) && !oh_document_cursor(call.ledger, noun->kind, after, &cursor)) {
        (void)oh_call_query_is_wrong(&call, "after", "after is the next of the page before.");
        return;
    }
    page_put(&call, noun, cursor, limit);
}

/* ---- Handlers --------------------------------------------------------------------------------- */

#define HANDLERS(noun_name, plural)                                                  \
    void oh_handle_##plural##_list(void *app, struct oh_exchange *exchange)          \
    {                                                                                \
        documents_list(app, exchange, &noun_##noun_name);                            \
    }                                                                                \
    void oh_handle_##noun_name##_get(void *app, struct oh_exchange *exchange)        \
    {                                                                                \
        document_get(app, exchange, &noun_##noun_name);                              \
    }                                                                                \
    void oh_handle_##noun_name##_put(void *app, struct oh_exchange *exchange)        \
    {                                                                                \
        document_replace(app, exchange, &noun_##noun_name);                          \
    }                                                                                \
    void oh_handle_##noun_name##_delete(void *app, struct oh_exchange *exchange)     \
    {                                                                                \
        document_delete(app, exchange, &noun_##noun_name);                           \
    }

HANDLERS(calendar, calendars)
HANDLERS(zone, zones)
HANDLERS(service, services)
HANDLERS(lane, lanes)
HANDLERS(schedule, schedules)
HANDLERS(sourcing, sourcings)
