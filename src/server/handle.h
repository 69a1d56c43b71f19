/*
 * handle.h - what handlers share: reading a request's common parts, refusing it, applying one command, releasing.
 *
 * What it is not: the handlers (handle_*.h), the table of routes (routes.h).
 * Thread: the loop thread.
 *
 * Functions that return bool or a pointer answer the exchange themselves when they return false or NULL: the handler
 * then just returns.
 */
#ifndef ONHAND_SERVER_HANDLE_H
#define ONHAND_SERVER_HANDLE_H

#include "codec/fault.h"
#include "codec/json_reply.h"
#include "codec/json_request.h"
#include "codec/query.h"
#include "server/exchange.h"
#include "server/service.h"

#define OH_PAGE_LIMIT_DEFAULT 100
#define OH_PAGE_LIMIT_MAX 1000

/* One call of a handler. Everything is borrowed until the handler returns. */
struct oh_call {
    struct oh_service *service;
    const struct oh_ledger *ledger;
    struct oh_exchange *exchange;
    const struct oh_request *request;
    int64_t now_us;
};

struct oh_call oh_call_of(void *app, struct oh_exchange *exchange);

/* ---- Refusing --------------------------------------------------------------------------------- */

/* A wrong shape: leaves at once. */
void oh_call_fault(const struct oh_call *call, const struct oh_fault *fault);

/* A problem of the server's own, with the ledger's seq, released with it. detail may be "". */
void oh_call_problem(const struct oh_call *call, int status, const char *code, const char *title, const char *detail);

/* Something that does not exist: field NULL when the path names it (404), else the query parameter (422). */
void oh_call_unknown(const struct oh_call *call, enum oh_verdict verdict, const char *field);

/* A verdict other than a success, with its lines, released at the ledger's seq. */
void oh_call_refusal(const struct oh_call *call, const struct oh_answer *answer);

/* 503 with Retry-After. */
void oh_call_unavailable(const struct oh_call *call, enum oh_service_state state);

/* ---- Reading ---------------------------------------------------------------------------------- */

/* The query, with only the names in known[] (ended by NULL); answers min_seq when it is one of them. */
bool oh_call_query(const struct oh_call *call, const char *const *known, struct oh_param_list *out);

/* Only min_seq. For reads that know no other parameter. */
bool oh_call_read(const struct oh_call *call);

/* limit=, 1..OH_PAGE_LIMIT_MAX. */
bool oh_call_limit(const struct oh_call *call, const struct oh_param_list *params, uint32_t fallback,
                   uint32_t *out_limit);

/* Answers invalid_query about one parameter; always false. */
bool oh_call_query_is_wrong(const struct oh_call *call, const char *field, const char *sentence);

/* Whether media type `wanted` is what content_type says, parameters aside. */
bool oh_media_type_is(struct oh_bytes content_type, const char *wanted);

/* Answers 415. The two below do, and return false, when the body may not be read. */
void oh_call_refuse_media(const struct oh_call *call, struct oh_bytes sentence);
bool oh_call_is_plain(const struct oh_call *call); /* no Content-Encoding, or `identity` */
bool oh_call_json(const struct oh_call *call);     /* plain, and no Content-Type, or application/json */

/* ---- Writing ---------------------------------------------------------------------------------- */

/*
 * A write may be parsed and applied: content type, query (none), idempotency key and room on the disk are right.
 * size_extra: bytes of journal the request may need beyond what its body suggests.
 */
bool oh_call_write(const struct oh_call *call, size_t size_extra);

/* Applies under the request's Idempotency-Key and commits. NULL: refused and answered. */
const struct oh_answer *oh_call_apply(const struct oh_call *call, struct oh_command *command);
/* The same, and answers with what came of it, in the words that suit most commands. */
void oh_call_apply_and_answer(const struct oh_call *call, struct oh_command *command);

/* ---- Answering -------------------------------------------------------------------------------- */

/* The buffer for a JSON body. A read ends it with oh_call_end_read, a write with oh_call_end_write. */
struct oh_strbuf *oh_call_begin(const struct oh_call *call, int status);
void oh_call_end_read(const struct oh_call *call);  /* leaves at once */
void oh_call_end_write(const struct oh_call *call); /* leaves when the ledger's seq is durable */

/* The index of a name in an accepted command: it exists (asserted). No name: OH_NODE_NONE or OH_INDEX_NONE. */
uint16_t oh_call_node_index(const struct oh_call *call, struct oh_bytes name);
uint16_t oh_call_channel_index(const struct oh_call *call, struct oh_bytes name);
uint32_t oh_call_item_index(const struct oh_call *call, struct oh_bytes sku);

/* Status and headers of a success: 201 for what is new, Idempotency-Replayed for a repeat. */
struct oh_strbuf *oh_call_begin_answer(const struct oh_call *call, const struct oh_answer *answer);

#endif
