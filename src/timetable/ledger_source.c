#include "timetable/ledger_source.h"

static uint64_t source_version(void *ctx)
{
    return oh_documents_version(ctx);
}

static bool source_get(void *ctx, enum oh_document_kind kind, struct oh_bytes id, struct oh_source_text *out)
{
    out->id = id;
    return oh_document_get(ctx, kind, id, &out->text, &out->version);
}

/* The ledger's cursor is 0 again at the end; the builder's is UINT64_MAX then. */
static bool source_next(void *ctx, enum oh_document_kind kind, uint64_t *cursor, struct oh_source_text *out)
{
    struct oh_document_view view;
    uint32_t at = (uint32_t)*cursor;
    if (*cursor == UINT64_MAX || oh_document_list(ctx, kind, 1, &at, &view) == 0)
        return false;
    *cursor = at == 0 ? UINT64_MAX : at;
    *out = (struct oh_source_text){ view.id, view.body, view.version };
    return true;
}

static uint32_t source_class(void *ctx, struct oh_bytes class_name)
{
    uint32_t class_index;
    return oh_class_find(ctx, class_name, &class_index) ? class_index : 0;
}

struct oh_document_source oh_ledger_source(const struct oh_ledger *ledger)
{
    return (struct oh_document_source){ source_version, source_get, source_next, source_class, (void *)ledger };
}
