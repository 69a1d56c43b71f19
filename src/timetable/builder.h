/*
 * builder.h - the timetable of a ledger, kept up to date: compiles what has
 * changed since the last time, and moves on with the days.
 *
 * Knows time zones (timetable/tz_database.h), reads no clock. What it lends is
 * good until the next refresh. One thread.
 */
#ifndef ONHAND_TIMETABLE_BUILDER_H
#define ONHAND_TIMETABLE_BUILDER_H

#include "codec/document.h"
#include "onhand/ledger.h"
#include "onhand/timetable.h"

#define OH_HORIZON_DAYS_DEFAULT   120u
#define OH_HORIZON_DAYS_MAX       400u
#define OH_TIMETABLE_SERVICES_MAX 65535u /* documents, and names in pickups without one */

/* A document as it is stored. */
struct oh_source_text {
    struct oh_bytes id;
    struct oh_bytes text;
    uint64_t version; /* differs after each change, never 0 */
};

/* Where documents are read: the ledger, or a test's list. What it lends is good until refresh returns. */
struct oh_document_source {
    /* Differs after any change of a document, node, channel or item class. */
    uint64_t (*version)(void *ctx);
    /* False: there is none. */
    bool (*get)(void *ctx, enum oh_document_kind kind, struct oh_bytes id, struct oh_source_text *out);
    /* The next of the kind from *cursor on, which begins as 0; in any order. False: no more. */
    bool (*next)(void *ctx, enum oh_document_kind kind, uint64_t *cursor, struct oh_source_text *out);
    /* The class_index of items of that class (oh_item_traits); 0: no item has it. */
    uint32_t (*class_index)(void *ctx, struct oh_bytes class_name);
    void *ctx;
};

struct oh_timetable_builder;

/* Shapes: horizon_days 1..OH_HORIZON_DAYS_MAX (asserted). Errors: OH_E_NOMEM. */
OH_MUST_CHECK enum oh_err oh_timetable_builder_create(uint32_t horizon_days,
                                                      struct oh_timetable_builder **out_builder);
void oh_timetable_builder_destroy(struct oh_timetable_builder **builder);

/*
 * oh_timetable_refresh - the timetable as of now.
 *
 * Post:   it covers yesterday (UTC) to at least horizon_days ahead, and every document of the source.
 * Errors: OH_E_NOMEM, OH_E_TOO_LARGE (OH_TIMETABLE_SERVICES_MAX), OH_E_IO (a time zone could not be read now):
 *         nothing changed; *out_timetable is the last one, NULL when there was none.
 * Owner:  lends it until the next refresh or destroy.
 * Cost:   O(1) when nothing changed; else O(documents + nodes) to find what did, and compiling that. Once a day
 *         everything: about 20 us a node.
 */
OH_MUST_CHECK enum oh_err oh_timetable_refresh(struct oh_timetable_builder *builder,
                                               const struct oh_ledger *ledger,
                                               const struct oh_document_source *source, int64_t now_us,
                                               const struct oh_timetable **out_timetable);

/*
 * oh_timetable_draft - a sourcing document that is not stored, for a question.
 *
 * Pre:    there is a timetable (asserted).
 * Errors: OH_E_SYNTAX with *fault filled, OH_E_NOMEM.
 * Owner:  lends it until the next draft or destroy, or a refresh after which the timetable has another version.
 */
OH_MUST_CHECK enum oh_err oh_timetable_draft(struct oh_timetable_builder *builder,
                                             const struct oh_ledger *ledger,
                                             const struct oh_document_source *source, struct oh_bytes text,
                                             const struct oh_sourcing **out_sourcing, struct oh_fault *fault);

/*
 * oh_document_judge - whether a document may be stored (docs/spec/promise.md, DO2).
 *
 * Errors: OH_E_SYNTAX with *fault filled.
 * Owner:  *out is lent by `memory`, which is cleared first, until it is cleared again.
 */
OH_MUST_CHECK enum oh_err oh_document_judge(struct oh_json_document *memory, enum oh_document_kind kind,
                                            struct oh_bytes text, struct oh_document *out,
                                            struct oh_fault *fault);

#endif
