#include "server/handle.h"
#include "base/assert.h"
#include <strings.h>

struct oh_call oh_call_of(void *app, struct oh_exchange *exchange)
{
    struct oh_service *service = app;
    return (struct oh_call){
        .service = service,
        .ledger = service->ledger,
        .exchange = exchange,
        .request = oh_exchange_request(exchange),
        .now_us = oh_exchange_now_us(exchange),
    };
}

/* ---- Refusing --------------------------------------------------------------------------------- */

/* The same may be taken in a moment. */
static void put_retry_after(const struct oh_call *call)
{
    oh_reply_header(call->exchange, "Retry-After", OH_BYTES("1"));
}

void oh_call_fault(const struct oh_call *call, const struct oh_fault *fault)
{
    if (fault->http_status == 503)
        put_retry_after(call);
    oh_reply_problem(call->exchange, fault->http_status, fault->code, fault->title, oh_bytes_of(fault->detail),
                     fault->field[0] == '\0' ? NULL : fault->field);
}

static void call_problem(const struct oh_call *call, int status, const char *code, const char *title,
                         struct oh_bytes detail, const char *field)
{
    struct oh_strbuf *body = oh_reply_problem_begin(call->exchange, status, code, title, detail, field);
    oh_reply_put_seq_end(body, oh_service_seq(call->service));
    oh_reply_end(call->exchange, oh_service_seq(call->service));
}

void oh_call_problem(const struct oh_call *call, int status, const char *code, const char *title, const char *detail)
{
    call_problem(call, status, code, title, oh_bytes_of(detail), NULL);
}

void oh_call_unknown(const struct oh_call *call, enum oh_verdict verdict, const char *field)
{
    struct oh_fault fault;
    struct oh_answer answer = { .verdict = verdict, .fault_index = OH_INDEX_NONE };
    oh_fault_from_answer(&answer, &fault);
    call_problem(call, field == NULL ? 404 : fault.http_status, fault.code, fault.title, oh_bytes_of(fault.detail),
                 field);
}

void oh_call_refusal(const struct oh_call *call, const struct oh_answer *answer)
{
    struct oh_fault fault;
    oh_fault_from_answer(answer, &fault);
    if (answer->is_repeat)
        oh_reply_header(call->exchange, "Idempotency-Replayed", OH_BYTES("true"));
    if (fault.http_status == 503)
        put_retry_after(call);
    struct oh_strbuf *body =
        oh_reply_problem_begin(call->exchange, fault.http_status, fault.code, fault.title, oh_bytes_of(fault.detail),
                               fault.field[0] == '\0' ? NULL : fault.field);
    oh_reply_put_refusal_members(body, call->ledger, answer);
    oh_strbuf_put_char(body, '}');
    oh_reply_end(call->exchange, oh_service_seq(call->service));
}

void oh_call_unavailable(const struct oh_call *call, enum oh_service_state state)
{
    put_retry_after(call);
    if (state == OH_SERVICE_STORAGE_FULL)
        oh_reply_problem(call->exchange, 503, "storage_full", "The disk is full",
                         OH_BYTES("The journal has no room for this write; nothing changed. Reads go on."), NULL);
    else if (state == OH_SERVICE_BACKLOG_FULL)
        oh_reply_problem(call->exchange, 503, "projection_backlog_full", "PostgreSQL is too far behind",
                         OH_BYTES("The journal may not keep more for PostgreSQL; nothing changed. Reads go on."), NULL);
    else
        oh_reply_problem(call->exchange, 503, "storage_busy", "The disk cannot keep up",
                         OH_BYTES("Too many writes wait for the disk; nothing changed. Reads go on."), NULL);
}

/* ---- Reading ---------------------------------------------------------------------------------- */

static bool call_min_seq(const struct oh_call *call, const struct oh_param_list *params)
{
    struct oh_fault fault;
    int64_t min_seq = 0;
    if (oh_params_integer(params, "min_seq", 0, INT64_MAX, &min_seq, &fault) != OH_OK) {
        oh_call_fault(call, &fault);
        return false;
    }
    if ((uint64_t)min_seq <= oh_service_seq(call->service))
        return true;
    oh_call_problem(call, 409, "seq_not_reached", "The ledger has not reached this position",
                    "min_seq is beyond the ledger's seq");
    return false;
}

bool oh_call_query(const struct oh_call *call, const char *const *known, struct oh_param_list *out)
{
    struct oh_fault fault;
    if (oh_params_parse(call->request->query, known, out, &fault) != OH_OK) {
        oh_call_fault(call, &fault);
        return false;
    }
    return !oh_params_has(out, "min_seq") || call_min_seq(call, out);
}

bool oh_call_read(const struct oh_call *call)
{
    static const char *const known[] = { "min_seq", NULL };
    if (oh_bytes_is_empty(call->request->query))
        return true;
    struct oh_param_list params;
    return oh_call_query(call, known, &params);
}

bool oh_call_limit(const struct oh_call *call, const struct oh_param_list *params, uint32_t fallback,
                   uint32_t *out_limit)
{
    struct oh_fault fault;
    int64_t limit = fallback;
    if (oh_params_integer(params, "limit", 1, OH_PAGE_LIMIT_MAX, &limit, &fault) != OH_OK) {
        oh_call_fault(call, &fault);
        return false;
    }
    *out_limit = (uint32_t)limit;
    return true;
}

bool oh_media_type_is(struct oh_bytes content_type, const char *wanted)
{
    size_t size = strlen(wanted);
    if (content_type.size < size || strncasecmp(content_type.data, wanted, size) != 0)
        return false;
    size_t at = size;
    while (at < content_type.size && (content_type.data[at] == ' ' || content_type.data[at] == '\t'))
        at++;
    return at == content_type.size || content_type.data[at] == ';';
}

void oh_call_refuse_media(const struct oh_call *call, struct oh_bytes sentence)
{
    oh_reply_problem(call->exchange, 415, "unsupported_media_type", "The media type is not supported", sentence, NULL);
}

bool oh_call_is_plain(const struct oh_call *call)
{
    struct oh_bytes encoding = call->request->content_encoding;
    if (encoding.size == 0 || oh_media_type_is(encoding, "identity"))
        return true;
    oh_call_refuse_media(call, OH_BYTES("Send the body without a Content-Encoding."));
    return false;
}

bool oh_call_json(const struct oh_call *call)
{
    struct oh_bytes type = call->request->content_type;
    if (!oh_call_is_plain(call))
        return false;
    if (type.data == NULL || oh_media_type_is(type, "application/json"))
        return true;
    oh_call_refuse_media(call, OH_BYTES("Send application/json."));
    return false;
}

bool oh_call_query_is_wrong(const struct oh_call *call, const char *field, const char *sentence)
{
    struct oh_fault fault;
    oh_fault_set(&fault, OH_FAULT_INVALID_QUERY, oh_bytes_of(field), "%s", sentence);
    oh_call_fault(call, &fault);
    return false;
}

/* ---- Writing ---------------------------------------------------------------------------------- */

static bool call_key_is_right(const struct oh_call *call)
{
    struct oh_bytes key = call->request->idempotency_key;
    if (key.data == NULL || (key.size >= 1 && key.size <= OH_ID_SIZE_MAX))
        return true;
    oh_reply_problem(call->exchange, 400, oh_verdict_code(OH_V_INVALID_ID), oh_verdict_title(OH_V_INVALID_ID),
                     OH_BYTES("An idempotency key is 1 to 64 bytes."), "Idempotency-Key");
    return false;
}

static bool call_query_is_empty(const struct oh_call *call)
{
    static const char *const known[] = { NULL };
    struct oh_param_list params;
    return oh_bytes_is_empty(call->request->query) || oh_call_query(call, known, &params);
}

bool oh_call_write(const struct oh_call *call, size_t size_extra)
{
    if (!oh_call_json(call) || !call_key_is_right(call) || !call_query_is_empty(call))
        return false;
    size_t size = OH_SERVICE_WRITE_ROOM + size_extra + call->request->body.size;
    enum oh_service_state state = oh_service_write_check(call->service, size);
    if (state == OH_SERVICE_OK)
        return true;
    oh_call_unavailable(call, state);
    return false;
}

const struct oh_answer *oh_call_apply(const struct oh_call *call, struct oh_command *command)
{
    const struct oh_answer *answer;
    if (call->request->idempotency_key.data != NULL)
        command->key = call->request->idempotency_key;
    enum oh_err err = oh_service_apply(call->service, call->now_us, command, &answer);
    if (err != OH_OK) {
        oh_call_problem(call, 400, oh_verdict_code(OH_V_TOO_MANY), oh_verdict_title(OH_V_TOO_MANY),
                        "The request has more effects than one record may have.");
        return NULL;
    }
    oh_service_commit(call->service);
    if (oh_verdict_is_success(answer->verdict))
        return answer;
    oh_call_refusal(call, answer);
    return NULL;
}

void oh_call_apply_and_answer(const struct oh_call *call, struct oh_command *command)
{
    const struct oh_answer *answer = oh_call_apply(call, command);
    if (answer == NULL)
        return;
    oh_reply_put_answer(oh_call_begin_answer(call, answer), call->ledger, answer);
    oh_call_end_write(call);
}

/* ---- Answering -------------------------------------------------------------------------------- */

struct oh_strbuf *oh_call_begin(const struct oh_call *call, int status)
{
    return oh_reply_begin(call->exchange, status, "application/json");
}

void oh_call_end_read(const struct oh_call *call)
{
    oh_reply_end(call->exchange, 0);
}

void oh_call_end_write(const struct oh_call *call)
{
    oh_reply_end(call->exchange, oh_service_seq(call->service));
}

struct oh_strbuf *oh_call_begin_answer(const struct oh_call *call, const struct oh_answer *answer)
{
    if (answer->is_repeat)
        oh_reply_header(call->exchange, "Idempotency-Replayed", OH_BYTES("true"));
    return oh_call_begin(call, answer->is_created && !answer->is_repeat ? 201 : 200);
}

uint16_t oh_call_node_index(const struct oh_call *call, struct oh_bytes name)
{
    struct oh_node_id node = { OH_NODE_NONE };
    bool is_right = oh_bytes_is_empty(name) || oh_node_find(call->ledger, name, &node);
    OH_ASSERT(is_right);
    return node.index;
}

uint16_t oh_call_channel_index(const struct oh_call *call, struct oh_bytes name)
{
    struct oh_channel_id channel = { OH_NODE_NONE };
    bool is_right = oh_bytes_is_empty(name) || oh_channel_find(call->ledger, name, &channel);
    OH_ASSERT(is_right);
    return channel.index;
}

uint32_t oh_call_item_index(const struct oh_call *call, struct oh_bytes sku)
{
    struct oh_item_id item = { OH_INDEX_NONE };
    bool is_right = oh_bytes_is_empty(sku) || oh_item_find(call->ledger, sku, &item);
    OH_ASSERT(is_right);
    return item.index;
}
