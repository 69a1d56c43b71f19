#include "timetable/zone_clock.h"
#include "base/checked.h"

#define MINUTES_PER_DAY 1440
#define OFFSET_CHANGES  INT64_MIN /* the mark of a day with a change near it */
#define NEAR_DAYS       2

static int64_t floor_day(int64_t at_us)
{
    return at_us / OH_US_PER_DAY - (at_us % OH_US_PER_DAY < 0 ? 1 : 0);
}

static void offsets_fill(int64_t *offsets_us, const struct oh_zone_clock *clock)
{
    uint32_t next = 1;
    for (uint32_t i = 0; i < clock->day_count; i++) {
        int64_t noon_us = ((int64_t)clock->day_first + i) * OH_US_PER_DAY + OH_US_PER_DAY / 2;
        while (next < clock->change_count && clock->changes[next].at_us <= noon_us)
            next++;
        offsets_us[i] = clock->changes[next - 1].offset_us;
    }
    for (uint32_t k = 1; k < clock->change_count; k++) {
        int64_t middle = floor_day(clock->changes[k].at_us) - clock->day_first;
        for (int64_t i = middle - NEAR_DAYS; i <= middle + NEAR_DAYS; i++)
            if (i >= 0 && i < clock->day_count)
                offsets_us[i] = OFFSET_CHANGES;
    }
}

enum oh_err oh_zone_clock_init(struct oh_zone_clock *clock, struct oh_bytes name, int32_t day_first,
                               uint32_t day_count, struct oh_buffer *buffer)
{
    *clock = (struct oh_zone_clock){ .day_first = day_first, .day_count = day_count };
    int64_t from_us = ((int64_t)day_first - NEAR_DAYS) * OH_US_PER_DAY;
    int64_t until_us = ((int64_t)day_first + day_count + NEAR_DAYS) * OH_US_PER_DAY;
    enum oh_err err = oh_tz_read(name, from_us, until_us, buffer, &clock->change_count);
    if (err != OH_OK)
        return err;
    int64_t *offsets_us = oh_arena_allocate(&clock->arena, day_count, sizeof(*offsets_us));
    clock->changes =
        oh_arena_copy(&clock->arena, buffer->memory, clock->change_count, sizeof(*clock->changes));
    if (offsets_us == NULL || clock->changes == NULL || !oh_arena_text(&clock->arena, name, &clock->name)) {
        oh_zone_clock_fini(clock);
        return OH_E_NOMEM;
    }
    offsets_fill(offsets_us, clock);
    clock->day_offsets_us = offsets_us;
    return OH_OK;
}

void oh_zone_clock_fini(struct oh_zone_clock *clock)
{
    oh_arena_clear(&clock->arena);
}

/* ---- Instants --------------------------------------------------------------------------------- */

/* When the offset of changes[i] ends. */
static int64_t change_until_us(const struct oh_zone_clock *clock, uint32_t i)
{
    return i + 1 < clock->change_count ? clock->changes[i + 1].at_us : INT64_MAX;
}

/* The instants at which the clock shows `wall_us`; a time that is skipped counts as the end of the gap. */
static void wall_search(const struct oh_zone_clock *clock, int64_t wall_us, int64_t *out_first_us,
                        int64_t *out_last_us)
{
    bool is_found = false;
    for (uint32_t i = 0; i < clock->change_count; i++) {
        int64_t at_us = wall_us - clock->changes[i].offset_us;
        if (at_us >= change_until_us(clock, i))
            continue; /* later, under another offset, or in the gap that follows */
        at_us = oh_max_i64(at_us, clock->changes[i].at_us);
        if (is_found && wall_us - clock->changes[i].offset_us < clock->changes[i].at_us)
            return;
        *out_last_us = at_us;
        if (!is_found)
            *out_first_us = at_us;
        is_found = true;
    }
}

static int64_t day_offset_us(const struct oh_zone_clock *clock, int32_t day)
{
    int64_t index = (int64_t)day - clock->day_first;
    return index >= 0 && index < clock->day_count ? clock->day_offsets_us[index] : OFFSET_CHANGES;
}

/* The first instant at which the clock shows that minute of the day, and the last. */
static void wall_find(const struct oh_zone_clock *clock, int32_t day, int32_t minute, int64_t *out_first_us,
                      int64_t *out_last_us)
{
    int64_t wall_us = day * OH_US_PER_DAY + minute * OH_US_PER_MINUTE;
    int64_t offset_us = day_offset_us(clock, day);
    *out_first_us = *out_last_us = 0;
    if (offset_us == OFFSET_CHANGES)
        wall_search(clock, wall_us, out_first_us, out_last_us);
    else
        *out_first_us = *out_last_us = wall_us - offset_us;
}

int64_t oh_zone_first_us(const struct oh_zone_clock *clock, int32_t day, int32_t minute)
{
    int64_t first_us;
    int64_t last_us;
    wall_find(clock, day, minute, &first_us, &last_us);
    return first_us;
}

int64_t oh_zone_last_us(const struct oh_zone_clock *clock, int32_t day, int32_t minute)
{
    int64_t first_us;
    int64_t last_us;
    wall_find(clock, day, minute, &first_us, &last_us);
    return last_us;
}

bool oh_zone_has_day(const struct oh_zone_clock *clock, int32_t day)
{
    return oh_zone_first_us(clock, day, 0) < oh_zone_first_us(clock, day + 1, 0);
}

void oh_zone_span(const struct oh_zone_clock *clock, int32_t day, int32_t from, int32_t to,
                  int64_t *out_from_us, int64_t *out_until_us)
{
    int32_t end = to <= from ? to + MINUTES_PER_DAY : to;
    bool is_midnight = end % MINUTES_PER_DAY == 0;
    int64_t from_us = oh_zone_first_us(clock, day, from);
    /* An end at midnight is where the next day begins. */
    int64_t until_us = is_midnight ? oh_zone_first_us(clock, day, end) : oh_zone_last_us(clock, day, end);
    *out_from_us = from_us;
    *out_until_us = oh_max_i64(from_us, until_us);
}
