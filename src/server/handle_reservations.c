#include "server/handle_reservations.h"
#include "server/handle.h"
#include "server/promise_call.h"
#include <inttypes.h>
#include <stdio.h>

/* Journal bytes of a batch beyond its body: 65,536 effects, and their answers under idempotency keys. */
#define BATCH_SIZE_EXTRA ((size_t)4 << 20)

/* A page of reservations ends early when it has grown to this, and asks the ledger for so many at a time. */
#define PAGE_SIZE_SOFT ((size_t)4 << 20)
#define PAGE_STEP 32u
#define PAGE_STEPS_MAX 64u

/* ---- Moves of what was promised ---------------------------------------------------------------- */

/* Where the work falls of what goes to nodes with windows: time zones and calendars are known out here only (CA6). */
static bool move_windows(const struct oh_call *call, struct oh_action_command *move)
{
    const struct oh_timetable *timetable;
    struct oh_reservation_id reservation;
    struct oh_reservation_view view;
    if (!oh_reservation_find(call->ledger, move->id, &reservation))
        return true;
    oh_reservation_get(call->ledger, reservation, call->now_us, &view);
    if (oh_bytes_is_empty(view.promise))
        return true;
    struct oh_reserve_booking *windows =
        oh_json_document_allocate(call->service->document, OH_BOOKINGS_MAX + 1, sizeof(*windows));
    if (windows == NULL)
        return promise_call_no_memory(call);
    if (!promise_call_timetable(call, &timetable))
        return false;
    move->windows = windows;
    move->window_count = oh_move_windows(call->ledger, timetable, reservation, move, call->now_us, windows);
    return true;
}

/* ---- One reservation --------------------------------------------------------------------------- */

void oh_handle_reservation_create(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_command command;
    struct oh_fault fault;
    if (!oh_call_write(&call, 0))
        return;
    if (oh_request_reserve(call.service->document, call.ledger, call.request->body, &command, &fault) != OH_OK) {
        oh_call_fault(&call, &fault);
        return;
    }
    oh_call_apply_and_answer(&call, &command);
}

static void reservation_act(void *app, struct oh_exchange *exchange, enum oh_command_type type)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_command command;
    struct oh_fault fault;
    if (!oh_call_write(&call, 0))
        return;
    if (oh_request_action(call.service->document, type, call.request->params[0], call.request->body, &command,
                          &fault) != OH_OK) {
        oh_call_fault(&call, &fault);
        return;
    }
    if (type == OH_COMMAND_MOVE && !move_windows(&call, &command.action))
        return;
    oh_call_apply_and_answer(&call, &command);
}

void oh_handle_reservation_confirm(void *app, struct oh_exchange *exchange)
{
    reservation_act(app, exchange, OH_COMMAND_CONFIRM);
}

void oh_handle_reservation_release(void *app, struct oh_exchange *exchange)
{
    reservation_act(app, exchange, OH_COMMAND_RELEASE);
}

void oh_handle_reservation_extend(void *app, struct oh_exchange *exchange)
{
    reservation_act(app, exchange, OH_COMMAND_EXTEND);
}

void oh_handle_reservation_change(void *app, struct oh_exchange *exchange)
{
    reservation_act(app, exchange, OH_COMMAND_CHANGE);
}

void oh_handle_reservation_move(void *app, struct oh_exchange *exchange)
{
    reservation_act(app, exchange, OH_COMMAND_MOVE);
}

void oh_handle_reservation_fulfil(void *app, struct oh_exchange *exchange)
{
    reservation_act(app, exchange, OH_COMMAND_FULFIL);
}

/* ---- Many at once ------------------------------------------------------------------------------ */

#define BATCH_KEY_SIZE (OH_ID_SIZE_MAX + 1)

/*
 * The Idempotency-Key of a batch gives each entry without a key of its own one, made of a hash of the batch's key
 * (FNV-1a; keys that collide would only be refused as a mismatch), its size and the entry's place.
 */
static struct oh_bytes batch_entry_key(struct oh_bytes key, uint32_t index, char out_text[BATCH_KEY_SIZE])
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ (unsigned char)key.data[i]) * UINT64_C(1099511628211);
    int size = snprintf(out_text, BATCH_KEY_SIZE, "batch-%016" PRIx64 "-%zu-%" PRIu32, hash, key.size, index);
    return (struct oh_bytes){ out_text, (size_t)size };
}

static void batch_put_refusal(struct oh_strbuf *body, enum oh_verdict verdict, enum oh_field field)
{
    struct oh_fault fault;
    struct oh_answer answer = {
        .type = OH_COMMAND_RESERVE,
        .verdict = verdict,
        .field = field,
        .fault_index = OH_INDEX_NONE,
    };
    oh_fault_from_answer(&answer, &fault);
    oh_reply_put_batch_fault(body, &fault);
}

/* Each entry is decided and answered in turn: an answer is lent only until the next one. */
static void batch_apply_entry(const struct oh_call *call, struct oh_batch_entry *entry, uint32_t index,
                              struct oh_strbuf *body)
{
    char key_text[BATCH_KEY_SIZE];
    struct oh_bytes key = call->request->idempotency_key;
    const struct oh_answer *answer;
    if (entry->verdict != OH_OK_DONE) {
        batch_put_refusal(body, entry->verdict, entry->field);
        return;
    }
    if (oh_bytes_is_empty(entry->command.key) && key.data != NULL)
        entry->command.key = batch_entry_key(key, index, key_text);
    if (oh_service_apply(call->service, call->now_us, &entry->command, &answer) != OH_OK)
        batch_put_refusal(body, OH_V_TOO_MANY, OH_FIELD_NONE);
    else
        oh_reply_put_batch_result(body, call->ledger, answer);
}

void oh_handle_reservation_batch(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_batch_entry *entries;
    uint32_t count;
    struct oh_fault fault;
    if (!oh_call_write(&call, BATCH_SIZE_EXTRA))
        return;
    if (oh_request_batch(call.service->document, call.ledger, call.request->body, &entries, &count, &fault) != OH_OK) {
        oh_call_fault(&call, &fault);
        return;
    }
    struct oh_strbuf *body = oh_call_begin(&call, 200);
    oh_strbuf_put_char(body, '{');
    oh_json_member(body, "results");
    oh_strbuf_put_char(body, '[');
    for (uint32_t i = 0; i < count; i++)
        batch_apply_entry(&call, &entries[i], i, body);
    oh_service_commit(call.service);
    oh_strbuf_put_char(body, ']');
    oh_reply_put_seq_end(body, oh_service_seq(call.service));
    oh_call_end_write(&call);
}

/* ---- Looking them up --------------------------------------------------------------------------- */

static void reservation_put(const struct oh_call *call, struct oh_reservation_id reservation, uint64_t seq,
                            struct oh_strbuf *body)
{
    struct oh_reservation_view view;
    struct oh_claim_view *claims = call->service->claims;
    struct oh_booking_view *bookings = call->service->bookings;
    oh_reservation_get(call->ledger, reservation, call->now_us, &view);
    const struct oh_reservation_parts parts = {
        .claims = claims,
        .claim_count = oh_reservation_claims(call->ledger, reservation, call->now_us, 0, OH_CLAIMS_MAX, claims),
        .bookings = bookings,
        .booking_count = oh_reservation_bookings(call->ledger, reservation, call->now_us, OH_BOOKINGS_MAX, bookings),
    };
    oh_reply_put_reservation(body, call->ledger, &view, &parts, seq);
}

void oh_handle_reservation_get(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_reservation_id reservation;
    if (!oh_call_read(&call))
        return;
    if (!oh_reservation_find(call.ledger, call.request->params[0], &reservation)) {
        oh_call_unknown(&call, OH_V_UNKNOWN_RESERVATION, NULL);
        return;
    }
    reservation_put(&call, reservation, oh_service_seq(call.service), oh_call_begin(&call, 200));
    oh_call_end_read(&call);
}

static bool list_filter(const struct oh_call *call, const struct oh_param_list *params,
                        struct oh_reservation_filter *out_filter, uint64_t *out_cursor)
{
    struct oh_fault fault;
    int64_t cursor = 0;
    struct oh_bytes node = oh_params_text(params, "node");
    *out_filter = (struct oh_reservation_filter){ .node_is_set = !oh_bytes_is_empty(node) };
    if (oh_params_id(params, "customer", &out_filter->customer, &fault) != OH_OK ||
        oh_params_id(params, "order", &out_filter->order, &fault) != OH_OK ||
        oh_params_status(params, "status", &out_filter->status_is_set, &out_filter->status, &fault) != OH_OK ||
        oh_params_integer(params, "after", 0, INT64_MAX, &cursor, &fault) != OH_OK) {
        oh_call_fault(call, &fault);
        return false;
    }
    if (out_filter->node_is_set && !oh_node_find(call->ledger, node, &out_filter->node)) {
        oh_call_unknown(call, OH_V_UNKNOWN_NODE, "node");
        return false;
    }
    *out_cursor = (uint64_t)cursor;
    return true;
}

/* Fills one page in steps, each bounded by the ledger; a page may be short and still have a next. */
static void list_page(const struct oh_call *call, const struct oh_reservation_filter *filter, uint32_t limit,
                      uint64_t *cursor, struct oh_strbuf *body)
{
    struct oh_reservation_id found[PAGE_STEP];
    size_t size_before = body->size;
    uint32_t count = 0;
    for (uint32_t step = 0; step < PAGE_STEPS_MAX; step++) {
        uint32_t wanted = limit - count < PAGE_STEP ? limit - count : PAGE_STEP;
        uint32_t got = oh_reservation_list(call->ledger, filter, call->now_us, wanted, cursor, found);
        for (uint32_t i = 0; i < got; i++) {
            oh_json_separate(body);
            reservation_put(call, found[i], OH_REPLY_NO_SEQ, body);
        }
        count += got;
        if (*cursor == 0 || count == limit || body->size - size_before >= PAGE_SIZE_SOFT)
            return;
    }
}

void oh_handle_reservations_list(void *app, struct oh_exchange *exchange)
{
    static const char *const known[] = { "customer", "order", "node", "status", "limit", "after", "min_seq", NULL };
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_param_list params;
    struct oh_reservation_filter filter;
    uint32_t limit;
    uint64_t cursor;
    if (!oh_call_query(&call, known, &params) || !oh_call_limit(&call, &params, OH_PAGE_LIMIT_DEFAULT, &limit) ||
        !list_filter(&call, &params, &filter, &cursor))
        return;
    struct oh_strbuf *body = oh_call_begin(&call, 200);
    oh_strbuf_put_char(body, '{');
    oh_json_member(body, "reservations");
    oh_strbuf_put_char(body, '[');
    list_page(&call, &filter, limit, &cursor, body);
    char next[24];
    int size = snprintf(next, sizeof(next), "%" PRIu64, cursor);
    oh_reply_put_page_end(body, cursor == 0 ? OH_BYTES_NONE : (struct oh_bytes){ next, (size_t)size },
                          oh_service_seq(call.service));
    oh_call_end_read(&call);
}
