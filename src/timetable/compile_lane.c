#include "timetable/compile.h"

/* Sorted by when they leave; compiler->list. A departure that leaves later never closes earlier (see timetable.h). */
static uint32_t lane_list(const struct oh_compiler *compiler, const struct oh_days *days,
                          const struct oh_lane_document *lane, struct oh_departure *out)
{
    uint32_t made = 0;
    for (uint32_t i = 0; i < compiler->day_count; i++) {
        for (uint32_t k = 0; k < lane->departure_count; k++) {
            const struct oh_lane_departure_entry *entry = &lane->departures[k];
            if (!oh_days_have(days, i, entry->week))
                continue;
            int32_t day = compiler->day_first + (int32_t)i;
            int64_t at_us = oh_zone_first_us(days->clock, day, entry->at);
            if (at_us < compiler->from_us || at_us >= compiler->until_us)
                continue;
            out[made++] =
                (struct oh_departure){ .deadline_us = at_us - entry->cutoff_minutes * OH_US_PER_MINUTE,
                                       .notified_us = INT64_MAX,
                                       .leaves_us = at_us,
                                       .arrives_us = at_us + lane->transit_minutes * OH_US_PER_MINUTE,
                                       .day = day };
            oh_list_settle(out, made, sizeof(*out), offsetof(struct oh_departure, leaves_us));
        }
    }
    for (uint32_t i = 1; i < made; i++)
        if (out[i].deadline_us < out[i - 1].deadline_us)
            out[i].deadline_us =
                out[i - 1].deadline_us; /* what comes before that leaves with the earlier one */
    return made;
}

static enum oh_err lane_depart(struct oh_compiler *compiler, const struct oh_lane_document *lane,
                               struct oh_lane_content *content)
{
    if (content->schedule == NULL || content->schedule->days.clock == NULL)
        return OH_OK;
    struct oh_departure *departures = oh_buffer_reserve(
        &compiler->list, ((size_t)lane->departure_count) * compiler->day_count, sizeof(*departures));
    if (departures == NULL)
        return OH_E_NOMEM;
    uint32_t count = lane_list(compiler, &content->schedule->days, lane, departures);
    content->departures.count = count;
    content->departures.at = oh_arena_copy(&content->base.arena, departures, count, sizeof(*departures));
    return content->departures.at == NULL ? OH_E_NOMEM : OH_OK;
}

enum oh_err oh_compile_lane(struct oh_compiler *compiler, const struct oh_source_text *source,
                            const struct oh_context *context, struct oh_lane_content **out)
{
    struct oh_document document;
    struct oh_fault fault;
    struct oh_lane_content *content = oh_content_create(sizeof(*content), source);
    if (content == NULL)
        return OH_E_NOMEM;
    content->is_unreadable =
        oh_document_read(compiler->memory, OH_DOCUMENT_LANE, source->text, &document, &fault) != OH_OK;
    const struct oh_lane_document *lane = &document.lane;
    if (!content->is_unreadable) {
        content->schedule = context->schedule(context->ctx, lane->from);
        if (!oh_arena_text(&content->base.arena, lane->from, &content->from) ||
            !oh_arena_text(&content->base.arena, lane->to, &content->to) ||
            lane_depart(compiler, lane, content) != OH_OK) {
            oh_content_unref(&content->base);
            return OH_E_NOMEM;
        }
    }
    *out = content;
    return OH_OK;
}
