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

/* L1: wherever the quantities of a request go, a counter stays in its range. */
static bool entries_fit(const struct model *model, const struct model_request *request)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < request->line_count; i++) {
        int64_t milli = request->lines[i].milli * (request->copies > 0 ? request->copies : 1);
        sum += milli < 0 ? -milli : milli;
    }
    for (uint32_t i = 0; i < request->line_count; i++) {
        const struct model_line *line = &request->lines[i];
        int64_t quantity = model_quantity(model, line->item, line->node, line->state);
        if (quantity + sum > MODEL_TOTAL_MAX || quantity - sum < -MODEL_TOTAL_MAX)
            return false;
    }
    return true;
}

/* L9, L11. Entries happen one after the other, and each says what is available after it. */
void model_ask_adjust(struct model *model, const struct model_request *request, struct model_answer *out)
{
    if (!entries_judge(model, request, out))
        return;
    if (!entries_fit(model, request)) {
        model_refuse(out, 409, "quantity_overflow");
        return;
    }
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
        for (uint32_t copy = 1; copy < request->copies; copy++) /* one fact, and as many movements */
            model->movement_count += is_seen ? 0 : 1;
        model_tell(model, line->item, line->node, line->state,
                   (struct model_fact){ .at_us = at_us,
                                        .milli = line->milli * (request->copies > 0 ? request->copies : 1) });
        out->record = MODEL_RECORD_YES;
        part->available = model_room_of_nobody(model, line->item, line->node);
    }
}

/* L14: with a movement of the position forgotten, and a count of before the newest that is, nobody can tell. */
static bool count_is_too_old(const struct model *model, const struct model_line *line)
{
    int64_t newest_us = MODEL_NEVER;
    bool is_here = false;
    for (uint32_t i = 0; i < model->fact_count; i++) {
        const struct model_fact *fact = &model->facts[i];
        if (model_is_forgotten(model, fact) && fact->at_us > newest_us)
            newest_us = fact->at_us;
    }
    for (uint32_t state = 0; state < MODEL_STATES && !is_here; state++) {
        for (uint32_t link = model->fact_heads[line->item][line->node][state]; link != 0;
             link = model->facts[link - 1].next)
            is_here = is_here || model_is_forgotten(model, &model->facts[link - 1]);
    }
    return is_here && newest_us > line->at_us;
}

/* L10, L12 */
static const char *sync_line(struct model *model, const struct model_line *line, int64_t *out_change)
{
    struct model_fact fact = { .is_count = true,
                               .at_us = line->at_us,
                               .seq = line->has_source_seq ? line->source_seq : -1,
                               .milli = line->milli };
    const struct model_fact *greatest = model_greatest_count(model, line->item, line->node, line->state);
    *out_change = 0;
    if (greatest != NULL &&
        (fact.at_us < greatest->at_us || (fact.at_us == greatest->at_us && fact.seq < greatest->seq)))
        return "stale";
    if (count_is_too_old(model, line))
        return "count_too_old";
    if (greatest != NULL && !model_count_is_greater(&fact, greatest))
        return model_count_is_greater(greatest, &fact) ? "stale" : "unchanged";
    int64_t counted = line->milli + model_sum_after(model, line->item, line->node, line->state, line->at_us);
    if (counted > MODEL_TOTAL_MAX || counted < -MODEL_TOTAL_MAX)
        return "quantity_overflow";
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

enum row_outcome { ROW_APPLIED, ROW_UNCHANGED, ROW_REJECTED };

static enum row_outcome import_row(struct model *model, const struct model_line *line)
{
    int64_t change;
    if (line->item >= MODEL_ITEMS || line->at_us > model->now_us + MODEL_AHEAD_US)
        return ROW_REJECTED;
    const char *verdict = sync_line(model, line, &change);
    if (strcmp(verdict, "count_too_old") == 0 || strcmp(verdict, "quantity_overflow") == 0)
        return ROW_REJECTED;
    return strcmp(verdict, "ok") == 0 ? ROW_APPLIED : ROW_UNCHANGED;
}

/* Rows one after the other, from the first that is not done; a row that is rejected rejects no other. */
void model_ask_import(struct model *model, const struct model_request *request, struct model_answer *out)
{
    struct model_import_slot *import = &model->imports[request->import % MODEL_IMPORTS_MAX];
    out->record = MODEL_RECORD_MAYBE;
    for (uint64_t i = import->rows; i < request->line_count; i++) {
        enum row_outcome outcome = import_row(model, &request->lines[i]);
        import->rows++;
        import->rejected += outcome == ROW_REJECTED ? 1 : 0;
        out->parts[outcome].quantity++;
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
