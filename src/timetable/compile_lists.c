/*
 * compile_lists.c - the entries of a week to sorted instants.
 *
 * A list is made in a buffer that has room for the most there can be (entries
 * times days), day by day, so that it is nearly in order; then it is copied.
 */
#include "timetable/compile.h"
#include "base/assert.h"
#include "base/checked.h"

#define ELEMENT_SIZE_MAX 64u

static int64_t key_of(const char *element, size_t key_offset)
{
    int64_t key;
    memcpy(&key, element + key_offset, sizeof(key));
    return key;
}

void oh_list_settle(void *list, uint32_t count, size_t size, size_t key_offset)
{
    char held[ELEMENT_SIZE_MAX];
    char *elements = list;
    uint32_t at = count - 1;
    OH_ASSERT(size <= sizeof(held) && count > 0);
    int64_t key = key_of(elements + at * size, key_offset);
    if (at == 0 || key_of(elements + (at - 1) * size, key_offset) <= key)
        return;
    memcpy(held, elements + at * size, size);
    for (; at > 0 && key_of(elements + (at - 1) * size, key_offset) > key; at--)
        memcpy(elements + at * size, elements + (at - 1) * size, size);
    memcpy(elements + at * size, held, size);
}

/* ---- Spans ------------------------------------------------------------------------------------ */

static uint32_t span_add(struct oh_span *spans, uint32_t count, int64_t from_us, int64_t until_us)
{
    if (until_us <= from_us)
        return count;
    spans[count] = (struct oh_span){ .from_us = from_us, .until_us = until_us };
    oh_list_settle(spans, count + 1, sizeof(*spans), offsetof(struct oh_span, from_us));
    return count + 1;
}

static uint32_t spans_of_days(const struct oh_days *days, struct oh_span *spans)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < days->compiler->day_count; i++) {
        int32_t day = days->compiler->day_first + (int32_t)i;
        if (days->on[i] != 0)
            count = span_add(spans, count, oh_zone_first_us(days->clock, day, 0),
                             oh_zone_first_us(days->clock, day + 1, 0));
    }
    return count;
}

static uint32_t spans_of_hours(const struct oh_days *days, const struct oh_hours_list *hours,
                               struct oh_span *spans)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < days->compiler->day_count; i++) {
        for (uint32_t k = 0; k < hours->count; k++) {
            const struct oh_hours_entry *entry = &hours->at[k];
            struct oh_span span;
            if (!oh_days_have(days, i, entry->week))
                continue;
            oh_zone_span(days->clock, days->compiler->day_first + (int32_t)i, entry->from, entry->to,
                         &span.from_us, &span.until_us);
            count = span_add(spans, count, span.from_us, span.until_us);
        }
    }
    return count;
}

/* Joins what overlaps or touches, and cuts it to the range. Returns how many are left, in place. */
static uint32_t spans_merge(const struct oh_compiler *compiler, struct oh_span *spans, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t from_us = oh_max_i64(spans[i].from_us, compiler->from_us);
        int64_t until_us = oh_min_i64(spans[i].until_us, compiler->until_us);
        if (until_us <= from_us)
            continue;
        if (kept > 0 && from_us <= spans[kept - 1].until_us)
            spans[kept - 1].until_us = oh_max_i64(spans[kept - 1].until_us, until_us);
        else
            spans[kept++] = (struct oh_span){ .from_us = from_us, .until_us = until_us };
    }
    return kept;
}

static void spans_count_before(struct oh_span *spans, uint32_t count)
{
    int64_t before_us = 0;
    for (uint32_t i = 0; i < count; i++) {
        spans[i].before_us = before_us;
        before_us += spans[i].until_us - spans[i].from_us;
    }
}

enum oh_err oh_compile_spans(struct oh_compiler *compiler, const struct oh_days *days,
                             const struct oh_hours_list *hours, struct oh_arena *arena, struct oh_spans *out)
{
    size_t per_day = hours->is_given ? hours->count : 1;
    struct oh_span *spans = oh_buffer_reserve(&compiler->list, per_day * compiler->day_count, sizeof(*spans));
    if (spans == NULL)
        return OH_E_NOMEM;
    uint32_t count = hours->is_given ? spans_of_hours(days, hours, spans) : spans_of_days(days, spans);
    count = spans_merge(compiler, spans, count);
    spans_count_before(spans, count);
    const struct oh_span *at = oh_arena_copy(arena, spans, count, sizeof(*spans));
    *out = (struct oh_spans){ .at = at, .count = count };
    return at == NULL ? OH_E_NOMEM : OH_OK;
}

/* ---- Capacity --------------------------------------------------------------------------------- */

static uint32_t windows_make(const struct oh_days *days, const struct oh_capacity_document *document,
                             struct oh_window *windows)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < days->compiler->day_count; i++) {
        for (uint32_t k = 0; k < document->window_count; k++) {
            const struct oh_window_entry *entry = &document->windows[k];
            struct oh_window *window = &windows[count];
            if (!oh_days_have(days, i, entry->week))
                continue;
            oh_zone_span(days->clock, days->compiler->day_first + (int32_t)i, entry->from, entry->to,
                         &window->from_us, &window->until_us);
            window->limit_milli = entry->limit_milli;
            if (window->until_us > window->from_us)
                oh_list_settle(windows, ++count, sizeof(*windows), offsetof(struct oh_window, from_us));
        }
    }
    return count;
}

/*
 * Where an hour comes twice, the window that ends in it has it and the next begins later: windows do not
 * overlap. A window is what is booked, so it is whole or, outside the range, not there.
 */
static uint32_t windows_part(const struct oh_compiler *compiler, struct oh_window *windows, uint32_t count)
{
    uint32_t kept = 0;
    int64_t taken_until_us = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        struct oh_window window = windows[i];
        window.from_us = oh_max_i64(window.from_us, taken_until_us);
        if (window.until_us <= window.from_us)
            continue;
        taken_until_us = window.until_us;
        if (window.until_us > compiler->from_us && window.from_us < compiler->until_us)
            windows[kept++] = window;
    }
    return kept;
}

enum oh_err oh_compile_capacity(struct oh_compiler *compiler, const struct oh_days *days,
                                const struct oh_capacity_document *document, struct oh_arena *arena,
                                struct oh_capacity *out)
{
    *out = (struct oh_capacity){ .unit = document->unit, .is_limited = document->is_given };
    if (!document->is_given)
        return OH_OK;
    struct oh_window *windows = oh_buffer_reserve(
        &compiler->list, ((size_t)document->window_count) * compiler->day_count + 1, sizeof(*windows));
    if (windows == NULL)
        return OH_E_NOMEM;
    out->count = windows_part(compiler, windows, windows_make(days, document, windows));
    out->at = oh_arena_copy(arena, windows, out->count, sizeof(*windows));
    return out->at == NULL ? OH_E_NOMEM : OH_OK;
}

/* ---- Cut-offs --------------------------------------------------------------------------------- */

static uint32_t moment_add(const struct oh_compiler *compiler, int64_t *moments, uint32_t count,
                           int64_t at_us)
{
    if (at_us < compiler->from_us || at_us >= compiler->until_us)
        return count;
    moments[count] = at_us;
    oh_list_settle(moments, count + 1, sizeof(*moments), 0);
    return count + 1;
}

enum oh_err oh_compile_moments(struct oh_compiler *compiler, const struct oh_days *days,
                               const struct oh_cutoff_list *cutoffs, uint32_t *out_count)
{
    uint32_t count = 0;
    int64_t *moments = oh_buffer_reserve(&compiler->moments, ((size_t)cutoffs->count) * compiler->day_count,
                                         sizeof(*moments));
    if (moments == NULL)
        return OH_E_NOMEM;
    for (uint32_t i = 0; i < compiler->day_count; i++)
        for (uint32_t k = 0; k < cutoffs->count; k++)
            if (oh_days_have(days, i, cutoffs->at[k].week))
                count = moment_add(
                    compiler, moments, count,
                    oh_zone_first_us(days->clock, compiler->day_first + (int32_t)i, cutoffs->at[k].at));
    *out_count = count;
    return OH_OK;
}
