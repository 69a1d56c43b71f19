#include "timetable/compile.h"
#include <stdlib.h>

#define DAYS_BEFORE 2 /* what begins on them may last into the range, on any clock */
#define DAYS_AFTER  3

enum oh_err oh_compiler_init(struct oh_compiler *compiler, struct oh_json_document *memory, int64_t from_us,
                             int64_t until_us)
{
    int32_t day_first = (int32_t)(from_us / OH_US_PER_DAY) - DAYS_BEFORE;
    *compiler = (struct oh_compiler){ .from_us = from_us, .until_us = until_us, .day_first = day_first };
    compiler->day_count = (uint32_t)((until_us - from_us) / OH_US_PER_DAY) + DAYS_BEFORE + DAYS_AFTER;
    compiler->memory = memory;
    compiler->regions = oh_names_create();
    compiler->zones = oh_names_create();
    compiler->services = oh_names_create();
    if (compiler->regions != NULL && compiler->zones != NULL && compiler->services != NULL)
        return OH_OK;
    oh_compiler_fini(compiler);
    return OH_E_NOMEM;
}

void oh_compiler_fini(struct oh_compiler *compiler)
{
    for (uint32_t i = 0; i < compiler->clock_count; i++) {
        oh_zone_clock_fini(compiler->clocks[i]);
        free(compiler->clocks[i]);
    }
    oh_names_destroy(&compiler->regions);
    oh_names_destroy(&compiler->zones);
    oh_names_destroy(&compiler->services);
    oh_buffer_fini(&compiler->clock_list);
    oh_buffer_fini(&compiler->list);
    oh_buffer_fini(&compiler->days);
    oh_buffer_fini(&compiler->moments);
    oh_buffer_fini(&compiler->changes);
    *compiler = (struct oh_compiler){ 0 };
}

/* ---- Clocks ----------------------------------------------------------------------------------- */

static enum oh_err clock_add(struct oh_compiler *compiler, struct oh_bytes name,
                             const struct oh_zone_clock **out_clock)
{
    if (!oh_buffer_grow(&compiler->clock_list, (size_t)compiler->clock_count + 1, sizeof(*compiler->clocks)))
        return OH_E_NOMEM;
    compiler->clocks = compiler->clock_list.memory;
    struct oh_zone_clock *clock = malloc(sizeof(*clock));
    if (clock == NULL)
        return OH_E_NOMEM;
    enum oh_err err =
        oh_zone_clock_init(clock, name, compiler->day_first, compiler->day_count, &compiler->changes);
    if (err != OH_OK) {
        free(clock);
        *out_clock = NULL;
        return err == OH_E_NOT_FOUND ? OH_OK : err;
    }
    compiler->clocks[compiler->clock_count++] = clock;
    *out_clock = clock;
    return OH_OK;
}

enum oh_err oh_compiler_clock(struct oh_compiler *compiler, struct oh_bytes name,
                              const struct oh_zone_clock **out_clock)
{
    for (uint32_t i = 0; i < compiler->clock_count; i++) {
        if (oh_bytes_equal(compiler->clocks[i]->name, name)) {
            *out_clock = compiler->clocks[i];
            return OH_OK;
        }
    }
    return clock_add(compiler, name, out_clock);
}

/* ---- Contents --------------------------------------------------------------------------------- */

void *oh_content_create(size_t size, const struct oh_source_text *source)
{
    struct oh_content *content = calloc(1, size);
    if (content == NULL)
        return NULL;
    content->refs = 1;
    content->version = source->version;
    if (oh_arena_text(&content->arena, source->id, &content->id))
        return content;
    free(content);
    return NULL;
}

void oh_content_unref(struct oh_content *content)
{
    if (content == NULL || --content->refs > 0)
        return;
    oh_arena_clear(&content->arena);
    free(content);
}

/* ---- Calendars -------------------------------------------------------------------------------- */

static void dates_mark(const struct oh_compiler *compiler, const struct oh_dates *dates, uint8_t value,
                       uint8_t *out_days)
{
    for (uint32_t i = 0; i < dates->count; i++) {
        int64_t index = (int64_t)dates->days[i] - compiler->day_first;
        if (index >= 0 && index < compiler->day_count)
            out_days[index] = value;
    }
}

static void calendar_mark(const struct oh_compiler *compiler, const struct oh_calendar_document *calendar,
                          uint8_t *out_off)
{
    for (uint32_t i = 0; i < compiler->day_count; i++)
        out_off[i] = calendar->weekly_off.days >> oh_civil_weekday(compiler->day_first + (int32_t)i) & 1;
    dates_mark(compiler, &calendar->days_on, 0, out_off);
    dates_mark(compiler, &calendar->days_off, 1, out_off);
}

enum oh_err oh_compile_calendar(struct oh_compiler *compiler, const struct oh_source_text *source,
                                struct oh_calendar_content **out)
{
    struct oh_document document;
    struct oh_fault fault;
    struct oh_calendar_content *content = oh_content_create(sizeof(*content), source);
    if (content == NULL)
        return OH_E_NOMEM;
    uint8_t *off = oh_arena_allocate(&content->base.arena, compiler->day_count, 1);
    if (off == NULL) {
        oh_content_unref(&content->base);
        return OH_E_NOMEM;
    }
    if (oh_document_read(compiler->memory, OH_DOCUMENT_CALENDAR, source->text, &document, &fault) == OH_OK)
        calendar_mark(compiler, &document.calendar, off);
    else
        content->is_unreadable = true;
    content->off = off;
    *out = content;
    return OH_OK;
}

const uint8_t *oh_compile_days(const struct oh_compiler *compiler, const struct oh_zone_clock *clock,
                               const struct oh_calendar_content *calendar, const struct oh_dates *closures,
                               struct oh_arena *arena)
{
    uint8_t *on = oh_arena_allocate(arena, compiler->day_count, 1);
    if (on == NULL)
        return NULL;
    for (uint32_t i = 0; i < compiler->day_count; i++)
        on[i] = (calendar == NULL || calendar->off[i] == 0) &&
                oh_zone_has_day(clock, compiler->day_first + (int32_t)i);
    if (closures != NULL)
        dates_mark(compiler, closures, 0, on);
    return on;
}
