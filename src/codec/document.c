#include "codec/document.h"
#include "base/assert.h"
#include "codec/document_shapes.h"
#include "codec/json_bind.h"

/* Where the value of a kind is. */
static void *document_value(struct oh_document *document, enum oh_document_kind kind)
{
    switch (kind) {
    case OH_DOCUMENT_CALENDAR:
        return &document->calendar;
    case OH_DOCUMENT_ZONE:
        return &document->zone;
    case OH_DOCUMENT_SERVICE:
        return &document->service;
    case OH_DOCUMENT_SCHEDULE:
        return &document->schedule;
    case OH_DOCUMENT_LANE:
        return &document->lane;
    case OH_DOCUMENT_SOURCING:
        return &document->sourcing;
    }
    OH_UNREACHABLE();
}

struct oh_bytes oh_document_own_id(const struct oh_document *document)
{
    switch (document->kind) {
    case OH_DOCUMENT_CALENDAR:
        return document->calendar.id;
    case OH_DOCUMENT_ZONE:
        return document->zone.id;
    case OH_DOCUMENT_SERVICE:
        return document->service.id;
    case OH_DOCUMENT_SCHEDULE:
        return document->schedule.id;
    case OH_DOCUMENT_LANE:
        return document->lane.id;
    case OH_DOCUMENT_SOURCING:
        return document->sourcing.id;
    }
    OH_UNREACHABLE();
}

enum oh_err oh_document_read(struct oh_json_document *memory, enum oh_document_kind kind,
                             struct oh_bytes text, struct oh_document *out, struct oh_fault *fault)
{
    oh_json_document_clear(memory);
    out->kind = kind;
    if (text.size > OH_DOCUMENT_SIZE_MAX) {
        oh_fault_set(fault, OH_FAULT_TOO_LONG, OH_BYTES_NONE, "A document has at most %u bytes.",
                     OH_DOCUMENT_SIZE_MAX);
        return OH_E_SYNTAX;
    }
    struct oh_bytes kept;
    if (oh_json_document_keep(memory, text, &kept, fault) != OH_OK)
        return OH_E_SYNTAX;
    return oh_json_bind(memory, oh_document_shape(kind), kept, document_value(out, kind), fault);
}
