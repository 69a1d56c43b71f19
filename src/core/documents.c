/*
 * documents.c - how the company works, as texts that the ledger keeps and
 * does not read (docs/spec/promise.md, DO1 to DO4).
 */
#include "core/state.h"

static uint32_t document_hash(enum oh_document_kind kind, struct oh_bytes id)
{
    return (uint32_t)name_hash(id) * 8 + (uint32_t)kind;
}

static uint32_t document_find(const struct oh_ledger *ledger, enum oh_document_kind kind, struct oh_bytes id)
{
    struct oh_index_cursor cursor;
    uint32_t slot;
    oh_index_first(&ledger->document_index, document_hash(kind, id), &cursor);
    while (oh_index_next(&ledger->document_index, &cursor, &slot)) {
        const struct document *document = &ledger->documents[slot];
        if (document->kind == kind && oh_bytes_equal(ledger_string(ledger, document->text, 0), id))
            return slot;
    }
    return NO_SLOT;
}

static struct oh_bytes document_body(const struct oh_ledger *ledger, const struct document *document)
{
    return (struct oh_bytes){ oh_text_at(&ledger->text, document->body), document->body_size };
}

static enum oh_verdict document_judge(const struct oh_ledger *ledger, const struct oh_document_command *command,
                                      struct oh_answer *answer)
{
    if (command->kind >= OH_DOCUMENT_KIND_COUNT)
        return refuse(answer, OH_V_INVALID_VALUE, OH_FIELD_KIND, OH_INDEX_NONE);
    if (!id_is_valid(command->id))
        return refuse(answer, OH_V_INVALID_ID, OH_FIELD_ID, OH_INDEX_NONE);
    if (command->body.size > OH_DOCUMENT_SIZE_MAX)
        return refuse(answer, OH_V_TOO_MANY, OH_FIELD_DOCUMENT, OH_INDEX_NONE);
    if (command->kind == OH_DOCUMENT_SCHEDULE && node_find(ledger, command->id) == NO_SLOT)
        return refuse(answer, OH_V_UNKNOWN_NODE, OH_FIELD_NODE, OH_INDEX_NONE);
    if (command->kind == OH_DOCUMENT_SOURCING && channel_find(ledger, command->id) == NO_SLOT)
        return refuse(answer, OH_V_UNKNOWN_CHANNEL, OH_FIELD_CHANNEL, OH_INDEX_NONE);
    return OH_OK_DONE;
}

void decide_document(struct oh_ledger *ledger, const struct oh_document_command *command, struct oh_answer *answer)
{
    answer->id = command->id;
    if (document_judge(ledger, command, answer) != OH_OK_DONE)
        return;
    uint32_t slot = document_find(ledger, command->kind, command->id);
    answer->is_created = slot == NO_SLOT;
    if (slot == NO_SLOT && command->body.size == 0) {
        refuse(answer, OH_V_UNKNOWN_DOCUMENT, OH_FIELD_DOCUMENT, OH_INDEX_NONE);
        return;
    }
    if (slot != NO_SLOT && oh_bytes_equal(document_body(ledger, &ledger->documents[slot]), command->body)) {
        answer->verdict = OH_V_UNCHANGED;
        return;
    }
    if (slot == NO_SLOT && ledger->document_counts[command->kind] == oh_document_kind_max(command->kind)) {
        refuse(answer, OH_V_LEDGER_FULL, OH_FIELD_DOCUMENT, OH_INDEX_NONE);
        return;
    }
    effect_add(ledger, OH_EFFECT_DOCUMENT, NO_HINT)->document = *command;
}

static void document_remove(struct oh_ledger *ledger, uint32_t slot)
{
    struct document *document = &ledger->documents[slot];
    struct oh_bytes id = ledger_string(ledger, document->text, 0);
    oh_index_remove(&ledger->document_index, document_hash((enum oh_document_kind)document->kind, id), slot);
    ledger->document_counts[document->kind]--;
    oh_text_free(&ledger->text, document->body, document->body_size);
    oh_text_free_strings(&ledger->text, document->text, 1);
    pool_give(&ledger->document_pool, slot);
}

static uint32_t document_add(struct oh_ledger *ledger, const struct oh_document_command *effect, uint32_t text)
{
    uint32_t slot = pool_take(&ledger->document_pool);
    snapshot_skip(ledger, SNAP_DOCUMENT, slot);
    ledger->documents[slot] = (struct document){ .text = text, .kind = (uint8_t)effect->kind };
    ledger->document_counts[effect->kind]++;
    oh_index_insert(&ledger->document_index, document_hash(effect->kind, effect->id), slot);
    return slot;
}

enum oh_err apply_document(struct oh_ledger *ledger, const struct oh_document_command *effect)
{
    uint32_t slot = document_find(ledger, effect->kind, effect->id);
    ledger->documents_version++;
    if (effect->body.size == 0) {
        if (slot == NO_SLOT)
            return OH_E_CORRUPT;
        snapshot_touch(ledger, SNAP_DOCUMENT, slot);
        document_remove(ledger, slot);
        return OH_OK;
    }
    if (slot == NO_SLOT && ledger->document_counts[effect->kind] == oh_document_kind_max(effect->kind))
        return OH_E_CORRUPT;
    uint32_t body = oh_text_allocate(&ledger->text, effect->body.size);
    uint32_t text = slot != NO_SLOT || body == 0 ? 0 : oh_text_put_strings(&ledger->text, &effect->id, 1);
    if (body == 0 || (slot == NO_SLOT && text == 0))
        return OH_E_NOMEM;
    memcpy(oh_text_at(&ledger->text, body), effect->body.data, effect->body.size);
    if (slot == NO_SLOT)
        slot = document_add(ledger, effect, text);
    else
        snapshot_touch(ledger, SNAP_DOCUMENT, slot);
    struct document *document = &ledger->documents[slot];
    oh_text_free(&ledger->text, document->body, document->body_size);
    document->body = body;
    document->body_size = (uint32_t)effect->body.size;
    document->version = ledger->documents_version;
    return OH_OK;
}

/* ---- Public questions ------------------------------------------------------------------------- */

uint64_t oh_documents_version(const struct oh_ledger *ledger)
{
    return ledger->documents_version;
}

bool oh_document_get(const struct oh_ledger *ledger, enum oh_document_kind kind, struct oh_bytes id,
                     struct oh_bytes *out_body, uint64_t *out_version)
{
    uint32_t slot = document_find(ledger, kind, id);
    if (slot == NO_SLOT)
        return false;
    *out_body = document_body(ledger, &ledger->documents[slot]);
    *out_version = ledger->documents[slot].version;
    return true;
}

bool oh_document_cursor(const struct oh_ledger *ledger, enum oh_document_kind kind, struct oh_bytes id,
                        uint32_t *out_cursor)
{
    uint32_t slot = document_find(ledger, kind, id);
    if (slot != NO_SLOT)
        *out_cursor = slot + 1;
    return slot != NO_SLOT;
}

uint32_t oh_document_list(const struct oh_ledger *ledger, enum oh_document_kind kind, uint32_t documents_max,
                          uint32_t *cursor, struct oh_document_view *out_documents)
{
    uint32_t count = 0;
    uint32_t slot = *cursor;
    for (; slot < ledger->document_pool.slot_count && count < documents_max; slot++) {
        const struct document *document = &ledger->documents[slot];
        if (document->body_size == 0 || document->kind != kind)
            continue;
        out_documents[count++] = (struct oh_document_view){ ledger_string(ledger, document->text, 0),
                                                            document_body(ledger, document), document->version };
    }
    *cursor = slot < ledger->document_pool.slot_count ? slot : 0;
    return count;
}
