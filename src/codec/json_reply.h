/*
 * json_reply.h - answers and views as JSON, written straight into a buffer.
 *
 * Not here: status lines, headers, problem heads (server/exchange.h). Every
 * body that speaks for a ledger position has "seq" last. Thread: the owner of
 * the ledger. Bytes are copied into the buffer; an overflow is the buffer's.
 */
#ifndef ONHAND_CODEC_JSON_REPLY_H
#define ONHAND_CODEC_JSON_REPLY_H

#include "base/strbuf.h"
#include "codec/fault.h"
#include "codec/json_request.h"
#include "codec/json_text.h"
#include "onhand/command.h"
#include "onhand/ledger.h"

/* ---- Ends ------------------------------------------------------------------------------------- */

/* Ends an object: `,"seq":n}`. */
void oh_reply_put_seq_end(struct oh_strbuf *buf, uint64_t seq);

/* Ends a page: `],"next":"<id>"|null,"seq":n}`. next empty: null. */
void oh_reply_put_page_end(struct oh_strbuf *buf, struct oh_bytes next, uint64_t seq);

/* ---- Answers to commands ---------------------------------------------------------------------- */

/*
 * oh_reply_put_answer - the body of a success (oh_verdict_is_success, asserted).
 *
 * reserve: the reservation with its claims by line. confirm .. fulfil: what happened by line. adjust, sync, deliveries:
 * the entries.
 * Others: {"seq"}; a PUT answers with the object writers below.
 */
void oh_reply_put_answer(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                         const struct oh_answer *answer);

/* Code, status, title, field ("lines[2].quantity") and a sentence for a refusal. */
void oh_fault_from_answer(const struct oh_answer *answer, struct oh_fault *out_fault);

/*
 * The members a refusal adds to its problem: `,"lines":[..]` when the answer has lines, then `,"seq":n`. No
 * brace.
 */
void oh_reply_put_refusal_members(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                                  const struct oh_answer *answer);

/* A whole problem object, for a batch. */
void oh_reply_put_problem(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                          const struct oh_answer *answer);

/*
 * One result of a batch: {"status":201,"reservation":{..}} (200 for a repeat) or
 * {"status":409,"problem":{..}}. Separated.
 */
void oh_reply_put_batch_result(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                               const struct oh_answer *answer);

/* The same for an entry that was refused before the ledger saw it. */
void oh_reply_put_batch_fault(struct oh_strbuf *buf, const struct oh_fault *fault);

/* A whole problem object: {"type","title","status","detail","code","field"?}. */
void oh_reply_put_fault(struct oh_strbuf *buf, const struct oh_fault *fault);

/* ---- Reference data --------------------------------------------------------------------------- */

/* In place of a seq: an element of a list, without "seq". */
#define OH_REPLY_NO_SEQ UINT64_MAX

/*
 * In place of what a fence's channel uses of it: the answer to a PUT, which stays the same when it is
 * repeated.
 */
#define OH_REPLY_NO_USED INT64_MIN

/* One object each, `{...,"seq":n}`. Not separated. */
void oh_reply_put_node(struct oh_strbuf *buf, const struct oh_node_command *node, uint64_t seq);
void oh_reply_put_item(struct oh_strbuf *buf, const struct oh_item_command *item, uint64_t seq);
void oh_reply_put_group(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                        const struct oh_effect_group *group, uint64_t seq);
void oh_reply_put_channel(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                          const struct oh_effect_channel *channel, uint64_t seq);
void oh_reply_put_rule(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                       const struct oh_effect_rule *rule, uint64_t seq);
void oh_reply_put_fence(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                        const struct oh_effect_fence *fence, int64_t used_milli, uint64_t seq);
void oh_reply_put_supply(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                         const struct oh_effect_supply *supply, uint64_t seq);
void oh_reply_put_import(struct oh_strbuf *buf, const struct oh_effect_import *import, uint64_t seq);

/* ---- Positions and availability --------------------------------------------------------------- */

void oh_reply_put_position(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                           const struct oh_position_view *view, uint64_t seq);

/* What was asked with GET /v1/availability/{sku}. */
struct oh_availability_question {
    struct oh_bytes sku;
    const char *place_name; /* "node", "group" or "channel" */
    struct oh_bytes place;
    bool has_min_quantity;
    int64_t min_quantity_milli;
    bool explain;
};

/* The whole body. `sufficient`: a reservation of min_quantity would find enough, backorder included. */
void oh_reply_put_availability(struct oh_strbuf *buf, const struct oh_availability_question *question,
                               const struct oh_availability *availability, uint64_t seq);

/* Elements of lists, separated: */
/* {"node","available","status"} */
void oh_reply_put_node_availability(struct oh_strbuf *buf, struct oh_bytes node,
                                    const struct oh_availability *availability);
/* {"node","available"} */
void oh_reply_put_cell(struct oh_strbuf *buf, struct oh_bytes node, int64_t available_milli);
/* The same of what is written already of it, by oh_reply_cell_heads. */
void oh_reply_put_cell_of(struct oh_strbuf *buf, struct oh_bytes head, int64_t available_milli);
/* {"node","distance_km","available"} */
void oh_reply_put_near_row(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                           const struct oh_near_row *row);
/* {"sku","available","status"} */
void oh_reply_put_sku_availability(struct oh_strbuf *buf, struct oh_bytes sku,
                                   const struct oh_availability *availability);
/* {"sku","verdict"} */
void oh_reply_put_sku_verdict(struct oh_strbuf *buf, struct oh_bytes sku, enum oh_verdict verdict);

/*
 * How the cells of each node begin, for a question that asks for the same nodes many times. NULL: no memory.
 * Lent by the document.
 */
const struct oh_bytes *oh_reply_cell_heads(struct oh_json_document *document, const struct oh_bytes *nodes,
                                           uint32_t count);

/* The whole body of a near question: {"sku","near":{"lat","lon"},"nodes":[..],"seq"}. */
void oh_reply_put_near(struct oh_strbuf *buf, const struct oh_ledger *ledger, struct oh_bytes sku,
                       struct oh_point point, const struct oh_near_row *rows, uint32_t row_count,
                       uint64_t seq);

/* ---- Reservations ----------------------------------------------------------------------------- */

/* What a reservation consists of, each in the order made. */
struct oh_reservation_parts {
    const struct oh_claim_view *claims;
    uint32_t claim_count; /* all of them, <= OH_CLAIMS_MAX (asserted) */
    const struct oh_booking_view *bookings;
    uint32_t booking_count;
};

/*
 * oh_reply_put_reservation - the object of GET /v1/reservations/{id}.
 *
 * Shapes: lines are written by ascending number, the claims of a line in the order made; bookings when there are
 *         any.
 */
void oh_reply_put_reservation(struct oh_strbuf *buf, const struct oh_ledger *ledger,
                              const struct oh_reservation_view *view, const struct oh_reservation_parts *parts,
                              uint64_t seq);

#endif
