/*
 * json_request.h - request bodies to commands.
 *
 * One function per body. Each checks shape only (types, names, sizes,
 * exactness); what the values mean is judged by the ledger. Thread: the one
 * that owns the document.
 *
 * Owner: everything in a filled command is lent by the document (or is a
 * path parameter that was passed in) until the next request function on that
 * document, or oh_json_document_clear.
 *
 * Errors of every function: OH_E_SYNTAX, with *fault filled: answer that.
 * *out is then partly filled and must not be used.
 */
#ifndef ONHAND_CODEC_JSON_REQUEST_H
#define ONHAND_CODEC_JSON_REQUEST_H

#include "codec/fault.h"
#include "onhand/command.h"
#include "onhand/error.h"
#include "onhand/ledger.h"

/*
 * Address space of one document; touched only as far as bodies need it, then kept. A body that needs more is
 * `too_many`.
 */
#define OH_JSON_ARENA_SIZE_MAX ((size_t)64 << 20)

struct oh_json_document;

/* Errors: OH_E_NOMEM. */
OH_MUST_CHECK enum oh_err oh_json_document_create(struct oh_json_document **out_document);
void oh_json_document_destroy(struct oh_json_document **document);

/* Takes back all that was lent. Cost: O(1). */
void oh_json_document_clear(struct oh_json_document *document);

/*
 * Zeroed memory, aligned for any type, until the document is cleared. NULL: the arena is used up. Cost:
 * O(size).
 */
void *oh_json_document_allocate(struct oh_json_document *document, size_t count, size_t size);

/*
 * PUT of reference data. `id` is the path parameter (borrowed): it becomes the command's id; a body that
 * names another is refused (invalid_value). command->key is left empty: the header is the caller's.
 */
OH_MUST_CHECK enum oh_err oh_request_node(struct oh_json_document *document, struct oh_bytes id,
                                          struct oh_bytes body, struct oh_command *out,
                                          struct oh_fault *fault);
OH_MUST_CHECK enum oh_err oh_request_item(struct oh_json_document *document, struct oh_bytes id,
                                          struct oh_bytes body, struct oh_command *out,
                                          struct oh_fault *fault);
OH_MUST_CHECK enum oh_err oh_request_group(struct oh_json_document *document, struct oh_bytes id,
                                           struct oh_bytes body, struct oh_command *out,
                                           struct oh_fault *fault);
OH_MUST_CHECK enum oh_err oh_request_channel(struct oh_json_document *document, struct oh_bytes id,
                                             struct oh_bytes body, struct oh_command *out,
                                             struct oh_fault *fault);
/* A rule that says nothing is missing_field; removing a rule is a command with mask 0, made by the caller. */
OH_MUST_CHECK enum oh_err oh_request_rule(struct oh_json_document *document, struct oh_bytes id,
                                          struct oh_bytes body, struct oh_command *out,
                                          struct oh_fault *fault);
OH_MUST_CHECK enum oh_err oh_request_fence(struct oh_json_document *document, struct oh_bytes id,
                                           struct oh_bytes body, struct oh_command *out,
                                           struct oh_fault *fault);
OH_MUST_CHECK enum oh_err oh_request_supply(struct oh_json_document *document, struct oh_bytes id,
                                            struct oh_bytes body, struct oh_command *out,
                                            struct oh_fault *fault);

OH_MUST_CHECK enum oh_err oh_request_deliveries(struct oh_json_document *document, struct oh_bytes body,
                                                struct oh_command *out, struct oh_fault *fault);
OH_MUST_CHECK enum oh_err oh_request_adjust(struct oh_json_document *document, struct oh_bytes body,
                                            struct oh_command *out, struct oh_fault *fault);
OH_MUST_CHECK enum oh_err oh_request_sync(struct oh_json_document *document, struct oh_bytes body,
                                          struct oh_command *out, struct oh_fault *fault);

/*
 * oh_request_reserve - POST /v1/reservations.
 *
 * `ledger` (or NULL: no postal codes) is asked for the point of a near.postal_code; one that it does not have
 * is the fault unknown_postal_code (422). A missing line number is the line's place, from 1.
 */
OH_MUST_CHECK enum oh_err oh_request_reserve(struct oh_json_document *document,
                                             const struct oh_ledger *ledger, struct oh_bytes body,
                                             struct oh_command *out, struct oh_fault *fault);

/* One reservation of a batch. verdict other than OH_OK_DONE: not to be applied, this is its answer. */
struct oh_batch_entry {
    struct oh_command command; /* key: the entry's own idempotency_key */
    enum oh_verdict verdict;   /* OH_OK_DONE or OH_V_UNKNOWN_POSTAL_CODE */
    enum oh_field field;       /* OH_FIELD_NONE or OH_FIELD_NEAR */
};

/*
 * A wrong shape refuses the whole batch. out_entries is lent, 1..OH_BATCH_MAX, at most OH_BATCH_LINES_MAX
 * lines.
 */
OH_MUST_CHECK enum oh_err oh_request_batch(struct oh_json_document *document, const struct oh_ledger *ledger,
                                           struct oh_bytes body, struct oh_batch_entry **out_entries,
                                           uint32_t *out_count, struct oh_fault *fault);

/*
 * oh_request_action - POST /v1/reservations/{id}/confirm and its like.
 *
 * Shapes: type is OH_COMMAND_CONFIRM, RELEASE, EXTEND, CHANGE, MOVE or FULFIL (asserted). id: the path
 *         parameter, borrowed. An empty body is the whole reservation for confirm, release and fulfil.
 */
OH_MUST_CHECK enum oh_err oh_request_action(struct oh_json_document *document, enum oh_command_type type,
                                            struct oh_bytes id, struct oh_bytes body, struct oh_command *out,
                                            struct oh_fault *fault);

#define OH_CELLS_MAX          100000u
#define OH_NEAR_LIMIT_DEFAULT 10u

/* POST /v1/availability. At most one of nodes, group and near. */
struct oh_availability_request {
    const struct oh_bytes *skus;
    uint32_t sku_count; /* 1..OH_CELLS_MAX */
    const struct oh_bytes *nodes;
    uint32_t node_count; /* 0: not by node. sku_count * node_count <= OH_CELLS_MAX */
    struct oh_bytes group;
    struct oh_bytes channel;
    struct oh_near near;
    uint32_t near_limit; /* 1..OH_NEAR_ROWS_MAX. sku_count * near_limit <= OH_CELLS_MAX */
    enum oh_kind kind;   /* OH_KIND_ANY when not given */
    bool has_min_quantity;
    int64_t min_quantity_milli; /* >= 0 */
    int64_t by_us;       /* OH_TIME_US_NONE: now */
};

OH_MUST_CHECK enum oh_err oh_request_availability(struct oh_json_document *document,
                                                  const struct oh_ledger *ledger, struct oh_bytes body,
                                                  struct oh_availability_request *out,
                                                  struct oh_fault *fault);

#endif
