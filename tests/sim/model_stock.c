/*
 * model_stock.c - what a till, a count and an import say (docs/spec/ledger.md, L9 to L16).
 */
#include "sim/model_internal.h"
#include <string.h>

static uint32_t entry_print(const struct model_line *line)
{
    uint64_t print = (uint64_t)line->milli * 31 + (uint64_t)line->at_us * 7 + line->item * 1000003u +
                     line->node * 101u + line->state * 17u + 1;
    return (uint32_t)(print ^ print >> 32) | 1u;
}

static struct model_key *entry_slot(struct model *model, const struct model_request *request,
                                    const struct model_line *line)
{
    return &model->entry_ids[(line->entry_id * 3 + request->source) % MODEL_KEYS_MAX];
}

/* V6, L15, L16 */
static bool entries_judge(struct model *model, const struct model_request *request, struct model_answer *out)
{
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        if (line->item >= MODEL_ITEMS) {
            model_refuse(out, 422, "unknown_item");
            return false;
        }
        if (line->at_us != MODEL_NEVER && line->at_us > model->now_us + MODEL_AHEAD_US) {
            model_refuse(out, 400, "invalid_time");
            return false;
        }
        for (uint32_t j = 0; line->entry_id != 0 && j < i; j++) {
            if (request->lines[j].entry_id == line->entry_id) {
                model_refuse(out, 400, "duplicate_member");
                return false;
            }
        }
        const struct model_key *known = entry_slot(model, request, line);
        if (line->entry_id != 0 && model_key_is_known(model, known) && known->request != entry_print(line)) {
            model_refuse(out, 422, "idempotency_mismatch");
            return false;
        }
    }
    return true;
}

/* L9, L11. Entries happen one after the other, and each says what is available after it. */
void model_ask_adjust(struct model *model, const struct model_request *request, struct model_answer *out)
{
    if (!entries_judge(model, request, out))
        return;
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        struct model_part *part = model_part_add(out, i, line->item, line->node);
        if (line->entry_id != 0) {
            struct model_key *key = entry_slot(model, request, line);
            if (model_key_is_known(model, key)) {
                part->verdict = "repeated";
                part->available = model_room_of_nobody(model, line->item, line->node);
                continue;
            }
            *key = (struct model_key){ entry_print(line), model->now_us };
        }
        int64_t at_us = line->at_us == MODEL_NEVER ? model->now_us : line->at_us;
        const struct model_fact *count = model_greatest_count(model, line->item, line->node, line->state);
        bool is_seen = count != NULL && at_us <= count->at_us;
        part->verdict = is_seen ? "recorded" : "ok";
        part->quantity = is_seen ? 0 : line->milli;
        model_tell(model, line->item, line->node, line->state,
                   (struct model_fact){ false, at_us, 0, line->milli, 0 });
        out->record = MODEL_RECORD_YES;
        part->available = model_room_of_nobody(model, line->item, line->node);
    }
}

/* L10, L12 */
static const char *sync_line(struct model *model, const struct model_line *line, int64_t *out_change)
{
    struct model_fact fact = { true, line->at_us, line->has_source_seq ? line->source_seq : -1, line->milli,
                               0 };
    const struct model_fact *greatest = model_greatest_count(model, line->item, line->node, line->state);
    *out_change = 0;
    if (greatest != NULL && !model_count_is_greater(&fact, greatest))
        return model_count_is_greater(greatest, &fact) ? "stale" : "unchanged";
    int64_t before = model_quantity(model, line->item, line->node, line->state);
    model_tell(model, line->item, line->node, line->state, fact);
    *out_change = model_quantity(model, line->item, line->node, line->state) - before;
    return "ok";
}

void model_ask_sync(struct model *model, const struct model_request *request, struct model_answer *out)
{
    if (!entries_judge(model, request, out))
        return;
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        struct model_part *part = model_part_add(out, i, line->item, line->node);
        part->verdict = sync_line(model, line, &part->quantity);
        if (strcmp(part->verdict, "ok") == 0)
            out->record = MODEL_RECORD_YES;
        part->available = model_room_of_nobody(model, line->item, line->node);
    }
}

/* Rows one after the other; an unknown item rejects its row and no other. */
void model_ask_import(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct model_import_slot *import = &model->imports[request->import % MODEL_IMPORTS_MAX];
    out->record = MODEL_RECORD_MAYBE;
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        int64_t change;
        import->rows++;
        if (line->item >= MODEL_ITEMS || line->at_us > model->now_us + MODEL_AHEAD_US) {
            import->rejected++;
            out->parts[2].quantity++;
        } else if (strcmp(sync_line(model, line, &change), "ok") == 0) {
            out->parts[0].quantity++;
        } else {
            out->parts[1].quantity++;
        }
    }
    out->part_count = 3; /* applied, unchanged, rejected */
}

/* New every time, so all are applied. */
void model_ask_import_places(struct model *model, const struct model_request *request,
                             struct model_answer *out)
{
    model->imports[request->import % MODEL_IMPORTS_MAX].rows += (uint64_t)request->value;
    out->record = MODEL_RECORD_MAYBE;
    out->parts[0].quantity = request->value;
    out->part_count = 3;
}
