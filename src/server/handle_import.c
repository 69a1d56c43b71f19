#include "server/handle_import.h"
#include "base/utf8.h"
#include "codec/rows.h"
#include "server/handle.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Journal bytes that must be free for each byte of a chunk before its rows are applied. */
#define ROOM_PER_BYTE 16u

/* Bytes of one chunk that waits for the disk. The server hands over what one read gave, so far less. */
#define HELD_SIZE_MAX ((size_t)4 << 20)

#define REJECTIONS_SIZE_MAX ((size_t)16 << 20)

/* Where in `rejections` one row's object is: rows are refused out of order, some when read, some when applied. */
struct rejection {
    uint64_t row;
    size_t offset;
    size_t size;
};

/* One import while its body arrives. */
struct import {
    struct oh_service_task task;
    struct oh_service *service;
    struct oh_exchange *exchange;
    struct oh_rows *rows;
    struct oh_strbuf held;       /* bytes that arrived while the disk had no room */
    struct oh_strbuf rejections; /* JSON objects, one after the other */
    uint32_t rejection_count;    /* written to it */
    uint64_t applied_count;
    uint64_t unchanged_count;
    uint64_t rejected_count;
    uint64_t rejected_pending;   /* of them, not journaled yet */
    uint64_t done_row;           /* rows up to here are journaled as done */
    uint64_t done_rejected;
    enum oh_row_kind kind;
    bool is_ended;               /* the body is complete */
    bool is_named;               /* by the client: it must be able to resume */
    struct oh_fault refusal;     /* code NULL: none. Why the import ends early */
    char name[OH_TEXT_SIZE_MAX]; /* "<kind>/<id>": what the ledger knows its progress by */
    uint8_t name_size;
    uint8_t id_at;
    uint32_t count;              /* rows collected, below OH_IMPORT_GROUP_MAX between chunks */
    uint64_t numbers[OH_IMPORT_GROUP_MAX];
    struct rejection rejection_places[OH_IMPORT_REJECTIONS_MAX];
    union {
        struct oh_command commands[OH_IMPORT_GROUP_MAX];
        struct oh_sync_entry counts[OH_IMPORT_GROUP_MAX]; /* stock */
    };
};

/* Outside of begin there is no request to look at; the functions used here need none. */
static struct oh_call import_call(const struct import *import)
{
    return (struct oh_call){
        .service = import->service,
        .ledger = import->service->ledger,
        .exchange = import->exchange,
        .now_us = import->service->now_us,
    };
}

static struct oh_bytes import_id(const struct import *import)
{
    return (struct oh_bytes){ import->name + import->id_at, (size_t)(import->name_size - import->id_at) };
}

static struct oh_bytes import_name(const struct import *import)
{
    return (struct oh_bytes){ import->name, import->name_size };
}

static void import_destroy(struct import *import)
{
    oh_service_task_remove(import->service, &import->task);
    oh_rows_destroy(&import->rows);
    oh_strbuf_fini(&import->held);
    oh_strbuf_fini(&import->rejections);
    free(import);
}

/* ---- Rejected rows ----------------------------------------------------------------------------- */

static void import_reject(struct import *import, uint64_t row, const char *code, const char *field, const char *detail)
{
    import->rejected_count++;
    import->rejected_pending++;
    if (import->rejection_count == OH_IMPORT_REJECTIONS_MAX)
        return;
    struct oh_strbuf *buf = &import->rejections;
    size_t offset = buf->size;
    oh_strbuf_put_char(buf, '{');
    oh_json_member_u64(buf, "row", row);
    oh_json_member_text(buf, "code", code);
    oh_json_member_string_if_any(buf, "field", oh_bytes_of(field));
    oh_json_member_string_if_any(buf, "detail", oh_bytes_of(detail));
    oh_strbuf_put_char(buf, '}');
    if (buf->is_overflowed) { /* out of memory: counted, and not listed */
        buf->size = offset;
        buf->is_overflowed = buf->is_starved = false;
        return;
    }
    import->rejection_places[import->rejection_count++] = (struct rejection){ row, offset, buf->size - offset };
}

static int rejection_compare(const void *a, const void *b)
{
    const struct rejection *left = a;
    const struct rejection *right = b;
    return left->row < right->row ? -1 : left->row > right->row;
}

static void import_put_rejections(struct import *import, struct oh_strbuf *body)
{
    qsort(import->rejection_places, import->rejection_count, sizeof(struct rejection), rejection_compare);
    oh_json_member(body, "rejections");
    oh_strbuf_put_char(body, '[');
    for (uint32_t i = 0; i < import->rejection_count; i++) {
        const struct rejection *place = &import->rejection_places[i];
        oh_json_separate(body);
        oh_strbuf_put(body, import->rejections.data + place->offset, place->size);
    }
    oh_strbuf_put_char(body, ']');
}

/* A row that the ledger refused. The field is the column: the place of the row in its group means nothing outside. */
static void import_reject_answer(struct import *import, uint64_t row, const struct oh_answer *answer)
{
    struct oh_fault fault;
    oh_fault_from_answer(answer, &fault);
    import_reject(import, row, fault.code, oh_field_text(answer->field), fault.detail);
}

static void import_reject_verdict(struct import *import, uint64_t row, enum oh_verdict verdict, enum oh_field field)
{
    struct oh_answer answer = { .verdict = verdict, .field = field, .fault_index = OH_INDEX_NONE };
    import_reject_answer(import, row, &answer);
}

static void import_count_verdict(struct import *import, uint64_t row, enum oh_verdict verdict, enum oh_field field)
{
    if (verdict == OH_OK_DONE || verdict == OH_V_RECORDED)
        import->applied_count++;
    else if (oh_verdict_is_success(verdict))
        import->unchanged_count++;
    else
        import_reject_verdict(import, row, verdict, field);
}

/* ---- Applying a group -------------------------------------------------------------------------- */

/* A full record is journaled without saying how far the import is: its rows are then done again, to no effect. */
static const struct oh_answer *import_apply(struct import *import, const struct oh_command *command)
{
    const struct oh_answer *answer;
    struct oh_service *service = import->service;
    if (oh_service_apply(service, service->now_us, command, &answer) == OH_OK)
        return answer;
    oh_service_commit(service);
    return oh_service_apply(service, service->now_us, command, &answer) == OH_OK ? answer : NULL;
}

static void import_apply_commands(struct import *import)
{
    for (uint32_t i = 0; i < import->count; i++) {
        const struct oh_answer *answer = import_apply(import, &import->commands[i]);
        if (answer == NULL)
            import_reject_verdict(import, import->numbers[i], OH_V_TOO_MANY, OH_FIELD_NONE);
        else if (oh_verdict_is_success(answer->verdict))
            import_count_verdict(import, import->numbers[i], answer->verdict, OH_FIELD_NONE);
        else
            import_reject_answer(import, import->numbers[i], answer);
    }
}

static const struct oh_answer *import_sync(struct import *import, uint32_t first, uint32_t count)
{
    struct oh_command command = {
        .type = OH_COMMAND_SYNC,
        .sync = { .source = OH_BYTES("import"), .entries = import->counts + first, .entry_count = count },
    };
    return import_apply(import, &command);
}

static void import_count_sync(struct import *import, uint32_t first, const struct oh_answer *answer)
{
    for (uint32_t i = 0; i < answer->line_count; i++)
        import_count_verdict(import, import->numbers[first + i], answer->lines[i].verdict, OH_FIELD_AS_OF);
}

static void import_reject_all(struct import *import, uint32_t first, uint32_t count, const struct oh_answer *answer)
{
    enum oh_verdict verdict = answer == NULL ? OH_V_TOO_MANY : answer->verdict;
    for (uint32_t i = 0; i < count; i++)
        import_reject_verdict(import, import->numbers[first + i], verdict, OH_FIELD_NONE);
}

/*
 * Counts from `first` on, up to the first one that is refused. A sync is all or nothing, so the ones before that are
 * applied by a second sync, which looks at each once more. Returns how many are dealt with, at least 1.
 */
static uint32_t import_sync_some(struct import *import, uint32_t first)
{
    uint32_t count = import->count - first;
    const struct oh_answer *answer = import_sync(import, first, count);
    if (answer != NULL && oh_verdict_is_success(answer->verdict)) {
        import_count_sync(import, first, answer);
        return count;
    }
    if (answer == NULL || answer->fault_index >= count) {
        import_reject_all(import, first, count, answer);
        return count;
    }
    uint32_t bad = answer->fault_index;
    if (bad > 0) {
        answer = import_sync(import, first, bad);
        if (answer != NULL && oh_verdict_is_success(answer->verdict))
            import_count_sync(import, first, answer);
        else
            import_reject_all(import, first, bad, answer);
        return bad;
    }
    import_reject_answer(import, import->numbers[first], answer);
    return 1;
}

static void import_apply_counts(struct import *import)
{
    uint32_t done = 0;
    while (done < import->count)
        done += import_sync_some(import, done);
}

static void import_refuse_answer(struct import *import, const struct oh_answer *answer)
{
    if (answer != NULL)
        oh_fault_from_answer(answer, &import->refusal);
    else
        oh_fault_set(&import->refusal, OH_FAULT_TOO_MANY, OH_BYTES_NONE, "The record is full.");
}

/* Every row seen so far is now applied, skipped or rejected: say so in the record that the group makes. */
static void import_apply_progress(struct import *import)
{
    struct oh_command command = {
        .type = OH_COMMAND_IMPORT_PROGRESS,
        .import_progress = {
            .import = import_name(import),
            .row_count = oh_rows_last(import->rows),
            .rejected_count = import->done_rejected + import->rejected_pending,
        },
    };
    if (command.import_progress.row_count <= import->done_row)
        return;
    const struct oh_answer *answer = import_apply(import, &command);
    if (import->is_named && (answer == NULL || !oh_verdict_is_success(answer->verdict)))
        import_refuse_answer(import, answer);
    import->done_row = command.import_progress.row_count;
    import->done_rejected = command.import_progress.rejected_count;
    import->rejected_pending = 0;
}

/* Applies what was collected. There is room on the disk (checked before). */
static void import_flush(struct import *import)
{
    if (import->kind == OH_ROWS_STOCK)
        import_apply_counts(import);
    else
        import_apply_commands(import);
    import->count = 0;
    import_apply_progress(import);
    oh_service_commit(import->service);
    oh_rows_release(import->rows);
}

/* ---- Taking rows ------------------------------------------------------------------------------- */

/* A count of something unknown must not refuse its whole group. */
static bool import_count_is_known(struct import *import, const struct oh_row *row)
{
    struct oh_item_id item;
    struct oh_node_id node;
    const struct oh_ledger *ledger = import->service->ledger;
    if (!oh_item_find(ledger, row->count.sku, &item)) {
        import_reject_verdict(import, row->number, OH_V_UNKNOWN_ITEM, OH_FIELD_SKU);
        return false;
    }
    if (!oh_node_find(ledger, row->count.node, &node)) {
        import_reject_verdict(import, row->number, OH_V_UNKNOWN_NODE, OH_FIELD_NODE);
        return false;
    }
    return true;
}

static void import_collect(struct import *import, const struct oh_row *row)
{
    if (row->number <= import->done_row)
        return;
    if (import->kind == OH_ROWS_STOCK && !import_count_is_known(import, row))
        return;
    import->numbers[import->count] = row->number;
    if (import->kind == OH_ROWS_STOCK)
        import->counts[import->count] = row->count;
    else
        import->commands[import->count] = row->command;
    import->count++;
    if (import->count == OH_IMPORT_GROUP_MAX)
        import_flush(import);
}

static void import_take_fault(struct import *import, const struct oh_row *row)
{
    if (row->number > import->done_row)
        import_reject(import, row->number, row->fault.code, row->fault.field, row->fault.detail);
}

/* Deals with the rows of what was fed. Cost: the bytes of one chunk. */
static void import_take_rows(struct import *import)
{
    struct oh_row row;
    for (;;) {
        enum oh_row_status status = oh_rows_next(import->rows, &row);
        if (status == OH_ROW_COMMAND)
            import_collect(import, &row);
        else if (status == OH_ROW_FAULT)
            import_take_fault(import, &row);
        else if (status == OH_ROW_FULL)
            import_flush(import);
        else if (status == OH_ROW_REFUSED)
            import->refusal = row.fault;
        if (import->refusal.code != NULL || status == OH_ROW_MORE || status == OH_ROW_END)
            return;
    }
}

/* Another connection may import under the same name: what it has done is done. */
static void import_refresh_progress(struct import *import)
{
    struct oh_effect_import progress;
    if (!oh_import_get(import->service->ledger, import_name(import), &progress) ||
        progress.row_count <= import->done_row)
        return;
    import->done_row = progress.row_count;
    import->done_rejected = progress.rejected_count;
}

static enum oh_service_state import_room(const struct import *import, size_t size)
{
    return oh_service_write_check(import->service, OH_SERVICE_WRITE_ROOM + ROOM_PER_BYTE * size);
}

static void import_refuse_storage(struct import *import, enum oh_service_state state)
{
    if (state == OH_SERVICE_BACKLOG_FULL) {
        import->refusal = (struct oh_fault){
            .code = "projection_backlog_full",
            .title = "PostgreSQL is too far behind",
            .http_status = 503,
            .detail = "The journal may not keep more for PostgreSQL; send the import again later, under the same "
                      "Import-Id.",
        };
        return;
    }
    import->refusal = (struct oh_fault){
        .code = "storage_full",
        .title = "The disk is full",
        .http_status = 503,
        .detail = "The journal has no room for more rows; send the import again later, under the same Import-Id.",
    };
}

static void import_refuse_memory(struct import *import)
{
    import->refusal = (struct oh_fault){
        .code = "out_of_memory",
        .title = "Out of memory",
        .http_status = 503,
        .detail = "The rows could not be kept until the disk has room; send the import again under the same Import-Id.",
    };
}

/* Feeds the bytes when the disk has room for what they become; false when they have to wait. */
static bool import_take(struct import *import, struct oh_bytes bytes)
{
    enum oh_service_state state = import_room(import, bytes.size);
    if (oh_service_is_full(state))
        import_refuse_storage(import, state);
    if (state != OH_SERVICE_OK)
        return import->refusal.code != NULL;
    import_refresh_progress(import);
    oh_rows_feed(import->rows, bytes);
    import_take_rows(import);
    return true;
}

/* ---- Answering --------------------------------------------------------------------------------- */

static void import_put_answer(struct import *import, uint64_t seq, struct oh_strbuf *body)
{
    oh_strbuf_put_char(body, '{');
    oh_json_member_string(body, "import", import_id(import));
    oh_json_member_u64(body, "rows", oh_rows_last(import->rows));
    oh_json_member_u64(body, "applied", import->applied_count);
    oh_json_member_u64(body, "unchanged", import->unchanged_count);
    oh_json_member_u64(body, "rejected", import->rejected_count);
    import_put_rejections(import, body);
    oh_json_member_u64(body, "rejections_omitted", import->rejected_count - import->rejection_count);
    oh_reply_put_seq_end(body, seq);
}

static void import_answer_refusal(struct import *import)
{
    struct oh_call call = import_call(import);
    const struct oh_fault *fault = &import->refusal;
    uint64_t seq = oh_service_seq(import->service);
    if (fault->http_status == 503)
        oh_reply_header(import->exchange, "Retry-After", OH_BYTES("1"));
    struct oh_strbuf *body =
        oh_reply_problem_begin(call.exchange, fault->http_status, fault->code, fault->title,
                               oh_bytes_of(fault->detail), fault->field[0] == '\0' ? NULL : fault->field);
    oh_json_member_string(body, "import", import_id(import));
    oh_json_member_u64(body, "rows", import->done_row);
    oh_reply_put_seq_end(body, seq);
    oh_reply_end(call.exchange, seq);
    import_destroy(import);
}

static void import_answer(struct import *import)
{
    struct oh_call call = import_call(import);
    struct oh_strbuf *body = oh_call_begin(&call, 200);
    import_put_answer(import, oh_service_seq(import->service), body);
    oh_call_end_write(&call);
    import_destroy(import);
}

/* Deals with what arrived while the disk had no room; false when it still has none. */
static bool import_take_held(struct import *import)
{
    if (import->refusal.code == NULL && import->held.size > 0 && !import_take(import, oh_strbuf_bytes(&import->held)))
        return false;
    oh_strbuf_clear(&import->held);
    return true;
}

/* Whether the last row and the last group can be journaled now, or never. */
static bool import_has_room_to_finish(struct import *import)
{
    enum oh_service_state state = import_room(import, OH_ROW_SIZE_MAX);
    if (oh_service_is_full(state) && import->refusal.code == NULL)
        import_refuse_storage(import, state);
    return state == OH_SERVICE_OK || import->refusal.code != NULL;
}

/* The body is complete: the last rows, the last group, the answer. Waits for room on the disk when there is none. */
static void import_finish(struct import *import)
{
    import->task.is_waiting = !import_take_held(import) || !import_has_room_to_finish(import);
    if (import->task.is_waiting)
        return;
    if (import->refusal.code == NULL) {
        oh_rows_finish(import->rows);
        import_take_rows(import);
    }
    if (import->refusal.code == NULL)
        import_flush(import);
    if (import->refusal.code != NULL)
        import_answer_refusal(import);
    else
        import_answer(import);
}

/* Journals what was collected, when there is room; else it stays collected. */
static void import_flush_news(struct import *import)
{
    bool has_news = import->count > 0 || import->rejected_pending > 0;
    if (has_news && import->refusal.code == NULL && import_room(import, 0) == OH_SERVICE_OK)
        import_flush(import);
}

/* Once in each turn: journal what this turn's chunks brought, go on when the disk has caught up. */
static void import_run(void *ctx)
{
    struct import *import = ctx;
    if (import->is_ended) {
        import_finish(import);
        return;
    }
    if (!import_take_held(import))
        return;
    import_flush_news(import);
    if (import->task.is_waiting) {
        import->task.is_waiting = false;
        oh_exchange_resume(import->exchange);
    }
}

/* ---- The stream -------------------------------------------------------------------------------- */

static bool import_data(void *app, struct oh_exchange *exchange, struct oh_bytes bytes)
{
    struct import *import = oh_exchange_user(exchange);
    (void)app;
    if (import->refusal.code == NULL && !import_take(import, bytes)) {
        oh_strbuf_put_bytes(&import->held, bytes);
        if (import->held.is_overflowed)
            import_refuse_memory(import);
        import->task.is_waiting = true;
    }
    if (import->refusal.code == NULL)
        return !import->task.is_waiting;
    import_answer_refusal(import);
    return true;
}

static void import_end(void *app, struct oh_exchange *exchange)
{
    struct import *import = oh_exchange_user(exchange);
    (void)app;
    import->is_ended = true;
    import_finish(import);
}

static void import_closed(void *app, struct oh_exchange *exchange)
{
    struct import *import = oh_exchange_user(exchange);
    (void)app;
    if (import == NULL)
        return;
    import_flush_news(import);
    import_destroy(import);
}

/* ---- Its beginning ----------------------------------------------------------------------------- */

static bool begin_format(const struct oh_call *call, enum oh_row_kind kind, enum oh_row_format *out_format)
{
    struct oh_bytes type = call->request->content_type;
    if (!oh_call_is_plain(call))
        return false;
    if (type.data == NULL || oh_media_type_is(type, "text/csv")) {
        *out_format = OH_ROW_CSV;
        return true;
    }
    if (oh_media_type_is(type, "application/x-ndjson")) {
        *out_format = OH_ROW_NDJSON;
        return true;
    }
    if (kind == OH_ROWS_POSTAL_CODES && oh_media_type_is(type, "text/tab-separated-values")) {
        *out_format = OH_ROW_GEONAMES;
        return true;
    }
    oh_call_refuse_media(call, kind == OH_ROWS_POSTAL_CODES
                                   ? OH_BYTES("Send text/csv, application/x-ndjson or, in the layout of GeoNames, "
                                              "text/tab-separated-values.")
                                   : OH_BYTES("Send text/csv or application/x-ndjson."));
    return false;
}

static const char *const kind_texts[] = {
#define KIND_TEXT(name, number, text) [number] = text,
    OH_ROW_KINDS(KIND_TEXT)
#undef KIND_TEXT
};

#define KIND_COUNT (sizeof(kind_texts) / sizeof(kind_texts[0]))

/* What is known of an import of this kind. Shapes: id.size <= OH_ID_SIZE_MAX. */
static bool progress_find(const struct oh_ledger *ledger, size_t kind, struct oh_bytes id,
                          struct oh_effect_import *out_progress)
{
    char name[OH_TEXT_SIZE_MAX];
    int size = snprintf(name, sizeof(name), "%s/%.*s", kind_texts[kind], (int)id.size, id.data);
    return oh_import_get(ledger, (struct oh_bytes){ name, (size_t)size }, out_progress);
}

static void import_set_name(struct import *import, struct oh_bytes id)
{
    const char *kind = kind_texts[import->kind];
    int size = snprintf(import->name, sizeof(import->name), "%s/%.*s", kind, (int)id.size, id.data);
    import->name_size = (uint8_t)size;
    import->id_at = (uint8_t)(strlen(kind) + 1);
}

static void begin_make_name(const struct oh_call *call, struct import *import)
{
    char id[OH_ID_SIZE_MAX];
    int size = snprintf(id, sizeof(id), "import-%" PRIx64 "-%" PRIu64, (uint64_t)call->now_us,
                        ++import->service->import_serial);
    import_set_name(import, (struct oh_bytes){ id, (size_t)size });
}

/* An id names one import: under another kind its rows would count as done. */
static bool begin_kind_is_right(const struct oh_call *call, const struct import *import)
{
    struct oh_effect_import progress;
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        if (kind == (size_t)import->kind || !progress_find(call->ledger, kind, import_id(import), &progress))
            continue;
        oh_call_problem(call, 409, "import_kind_mismatch", "The import is of another kind", "Use an id of its own.");
        return false;
    }
    return true;
}

static bool begin_name(const struct oh_call *call, struct import *import)
{
    struct oh_bytes id = call->request->import_id;
    import->is_named = id.data != NULL;
    if (!import->is_named) {
        begin_make_name(call, import);
        return true;
    }
    if (id.size == 0 || id.size > OH_ID_SIZE_MAX || !oh_utf8_is_valid(id)) {
        oh_reply_problem(call->exchange, 400, oh_verdict_code(OH_V_INVALID_ID), oh_verdict_title(OH_V_INVALID_ID),
                         OH_BYTES("An import id is 1 to 64 bytes of UTF-8."), "Import-Id");
        return false;
    }
    import_set_name(import, id);
    return begin_kind_is_right(call, import);
}

static bool begin_first_row(const struct oh_call *call, const struct import *import, uint64_t *out_first_row)
{
    static const char *const known[] = { "first_row", NULL };
    struct oh_param_list params;
    struct oh_fault fault;
    int64_t first_row = 1;
    if (!oh_call_query(call, known, &params))
        return false;
    if (oh_params_integer(&params, "first_row", 1, INT64_MAX, &first_row, &fault) != OH_OK) {
        oh_call_fault(call, &fault);
        return false;
    }
    *out_first_row = (uint64_t)first_row;
    if (*out_first_row <= import->done_row + 1)
        return true;
    char detail[96];
    (void)snprintf(detail, sizeof(detail), "Rows up to %" PRIu64 " are done; first_row is %" PRIu64 ".",
                   import->done_row, *out_first_row);
    oh_call_problem(call, 409, "import_gap", "Rows are missing before first_row", detail);
    return false;
}

static bool begin_room(const struct oh_call *call, struct import *import)
{
    enum oh_service_state state = import_room(import, 0);
    if (oh_service_is_full(state)) {
        oh_call_unavailable(call, state);
        return false;
    }
    if (oh_service_task_add(import->service, &import->task) == OH_OK)
        return true;
    oh_reply_header(call->exchange, "Retry-After", OH_BYTES("1"));
    oh_call_problem(call, 503, "too_many_imports", "Too many imports at once", "At most 32 imports arrive at a time.");
    return false;
}

/* False: answered. */
static bool import_begin_checked(const struct oh_call *call, struct import *import)
{
    enum oh_row_format format;
    uint64_t first_row;
    if (!begin_format(call, import->kind, &format) || !begin_name(call, import))
        return false;
    import_refresh_progress(import);
    if (!begin_first_row(call, import, &first_row) || !begin_room(call, import))
        return false;
    if (oh_rows_create(import->kind, format, first_row, &import->rows) == OH_OK)
        return true;
    oh_call_problem(call, 503, "out_of_memory", "Out of memory, nothing changed", "");
    return false;
}

static void import_begin(void *app, struct oh_exchange *exchange, enum oh_row_kind kind)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct import *import = calloc(1, sizeof(*import));
    if (import == NULL) {
        oh_call_problem(&call, 503, "out_of_memory", "Out of memory, nothing changed", "");
        return;
    }
    import->service = app;
    import->exchange = exchange;
    import->kind = kind;
    import->task = (struct oh_service_task){ .run = import_run, .ctx = import };
    oh_strbuf_init(&import->held, HELD_SIZE_MAX);
    oh_strbuf_init(&import->rejections, REJECTIONS_SIZE_MAX);
    if (import_begin_checked(&call, import))
        oh_exchange_set_user(exchange, import);
    else
        import_destroy(import);
}

static void import_begin_nodes(void *app, struct oh_exchange *exchange)
{
    import_begin(app, exchange, OH_ROWS_NODES);
}

static void import_begin_items(void *app, struct oh_exchange *exchange)
{
    import_begin(app, exchange, OH_ROWS_ITEMS);
}

static void import_begin_groups(void *app, struct oh_exchange *exchange)
{
    import_begin(app, exchange, OH_ROWS_GROUPS);
}

static void import_begin_stock(void *app, struct oh_exchange *exchange)
{
    import_begin(app, exchange, OH_ROWS_STOCK);
}

static void import_begin_supplies(void *app, struct oh_exchange *exchange)
{
    import_begin(app, exchange, OH_ROWS_SUPPLIES);
}

static void import_begin_postal_codes(void *app, struct oh_exchange *exchange)
{
    import_begin(app, exchange, OH_ROWS_POSTAL_CODES);
}

const struct oh_stream_handlers oh_import_nodes = { import_begin_nodes, import_data, import_end, import_closed };
const struct oh_stream_handlers oh_import_items = { import_begin_items, import_data, import_end, import_closed };
const struct oh_stream_handlers oh_import_groups = { import_begin_groups, import_data, import_end, import_closed };
const struct oh_stream_handlers oh_import_stock = { import_begin_stock, import_data, import_end, import_closed };
const struct oh_stream_handlers oh_import_supplies = { import_begin_supplies, import_data, import_end, import_closed };
const struct oh_stream_handlers oh_import_postal_codes = {
    import_begin_postal_codes, import_data, import_end, import_closed,
};

/* ---- How far an import is ---------------------------------------------------------------------- */

void oh_handle_import_get(void *app, struct oh_exchange *exchange)
{
    struct oh_call call = oh_call_of(app, exchange);
    struct oh_bytes id = call.request->params[0];
    struct oh_effect_import progress;
    bool is_found = false;
    if (!oh_call_read(&call))
        return;
    for (size_t kind = 0; kind < KIND_COUNT && !is_found && id.size <= OH_ID_SIZE_MAX; kind++)
        is_found = progress_find(call.ledger, kind, id, &progress);
    if (!is_found) {
        oh_call_unknown(&call, OH_V_UNKNOWN_IMPORT, NULL);
        return;
    }
    progress.import = id;
    oh_reply_put_import(oh_call_begin(&call, 200), &progress, oh_service_seq(call.service));
    oh_call_end_read(&call);
}
