/*
 * compile.h - documents to instants: one document each, as a content that is
 * not changed afterwards and is shared by the timetables it is in. Inside
 * src/timetable only; timetable/builder.h is the interface. One thread.
 *
 * A compiler makes contents for one range of time. What compiles returns
 * OH_OK, or OH_E_NOMEM and has made nothing; where there is a clock, also
 * OH_E_IO: its time zone could not be read now. Bytes that cannot be read as a
 * document of their kind are a content too, which nothing is promised by.
 */
#ifndef ONHAND_TIMETABLE_COMPILE_H
#define ONHAND_TIMETABLE_COMPILE_H

#include "base/civil.h"
#include "codec/document.h"
#include "timetable/arena.h"
#include "timetable/builder.h"
#include "timetable/names.h"
#include "timetable/zone_clock.h"

struct oh_compiler {
    int64_t from_us;
    int64_t until_us;
    int32_t day_first; /* the days looked at: on every clock they reach beyond the range */
    uint32_t day_count;
    struct oh_names *regions; /* what the indexes of contents are of; they only grow */
    struct oh_names *zones;
    struct oh_names *services;     /* of pickups: numbers, not the indexes of a timetable */
    struct oh_zone_clock **clocks; /* those used so far, in clock_list */
    uint32_t clock_count;
    struct oh_buffer clock_list;
    struct oh_json_document *memory; /* of the document at hand; borrowed */
    struct oh_buffer list;           /* what is being made */
    struct oh_buffer days;
    struct oh_buffer moments;
    struct oh_buffer changes;
};

/* Errors: OH_E_NOMEM. Pre: from_us and until_us are midnights, UTC. */
OH_MUST_CHECK enum oh_err oh_compiler_init(struct oh_compiler *compiler, struct oh_json_document *memory,
                                           int64_t from_us, int64_t until_us);
void oh_compiler_fini(struct oh_compiler *compiler);

/* *out_clock is lent until fini; NULL: there is no such zone. Errors: OH_E_NOMEM, OH_E_IO. */
OH_MUST_CHECK enum oh_err oh_compiler_clock(struct oh_compiler *compiler, struct oh_bytes name,
                                            const struct oh_zone_clock **out_clock);

/* What the others say, asked while a document is compiled. */
struct oh_calendar_content;
struct oh_schedule_content;
struct oh_context {
    const struct oh_calendar_content *(*calendar)(void *ctx, struct oh_bytes id); /* NULL: there is none */
    uint16_t (*node)(void *ctx, struct oh_bytes id); /* OH_NODE_NONE: there is none */
    const struct oh_schedule_content *(*schedule)(void *ctx,
                                                  struct oh_bytes node); /* NULL: there is no such node */
    uint32_t (*service)(void *ctx, struct oh_bytes id);                  /* OH_INDEX_NONE: no document */
    uint32_t (*class_index)(void *ctx, struct oh_bytes name);            /* 0: unknown */
    void *ctx;
};

struct oh_content {
    uint32_t refs;
    struct oh_arena arena;
    struct oh_bytes id;
    uint64_t version; /* of its document */
};

/* Zeroed, `size` bytes that begin with a struct oh_content, with one reference. NULL: no memory. */
void *oh_content_create(size_t size, const struct oh_source_text *source);
/* Takes the caller's reference. NULL: nothing. */
void oh_content_unref(struct oh_content *content);

/* ---- Days ------------------------------------------------------------------------------------- */

struct oh_calendar_content {
    struct oh_content base;
    bool is_unreadable;
    const uint8_t *off; /* [day]: 1 */
};

OH_MUST_CHECK enum oh_err oh_compile_calendar(struct oh_compiler *compiler,
                                              const struct oh_source_text *source,
                                              struct oh_calendar_content **out);

/* 1 for each day that is on the clock and neither off nor closed. In the arena; NULL: no memory. */
const uint8_t *oh_compile_days(const struct oh_compiler *compiler, const struct oh_zone_clock *clock,
                               const struct oh_calendar_content *calendar, const struct oh_dates *closures,
                               struct oh_arena *arena);

/* A clock, and the days [day_first, ...) on which something happens. */
struct oh_days {
    const struct oh_compiler *compiler;
    const struct oh_zone_clock *clock;
    const uint8_t *on; /* [day] */
};

/* Whether entries of these days of the week happen on the index-th day. */
static inline bool oh_days_have(const struct oh_days *days, uint32_t index, struct oh_week week)
{
    return days->on[index] != 0 &&
           (week.days >> oh_civil_weekday(days->compiler->day_first + (int32_t)index) & 1) != 0;
}

/* ---- Lists ------------------------------------------------------------------------------------ */

/* Moves the last of `count` elements of `size` bytes to its place by the int64_t at key_offset. */
void oh_list_settle(void *list, uint32_t count, size_t size, size_t key_offset);

/* Spans of the entries, merged and cut to the range. `is_whole`: each day whole, without entries. */
OH_MUST_CHECK enum oh_err oh_compile_spans(struct oh_compiler *compiler, const struct oh_days *days,
                                           const struct oh_hours_list *hours, struct oh_arena *arena,
                                           struct oh_spans *out);
OH_MUST_CHECK enum oh_err oh_compile_capacity(struct oh_compiler *compiler, const struct oh_days *days,
                                              const struct oh_capacity_document *document,
                                              struct oh_arena *arena, struct oh_capacity *out);
/* Cut-offs in the range, ascending, each once, in compiler->moments. */
OH_MUST_CHECK enum oh_err oh_compile_moments(struct oh_compiler *compiler, const struct oh_days *days,
                                             const struct oh_cutoff_list *cutoffs, uint32_t *out_count);

/* ---- Schedules -------------------------------------------------------------------------------- */

struct oh_schedule_content {
    struct oh_content base;                     /* id: the node's */
    struct oh_bytes calendar_name;              /* empty: none */
    const struct oh_calendar_content *calendar; /* as it was: compared, not followed */
    struct oh_bytes node_zone;                  /* the node's own time zone, as it was */
    struct oh_days days;                        /* clock NULL: there is a gap */
    bool has_unknown_class;
    struct oh_timetable_node node;   /* but pickups[].service, lanes and region */
    struct oh_pickups *pickups;      /* node.pickups, ascending by name: whose service is filled in later */
    const uint32_t *pickup_services; /* [pickup_count] numbers in compiler->services */
};

/* A node without a document has a text that is empty, and is open always. */
OH_MUST_CHECK enum oh_err oh_compile_schedule(struct oh_compiler *compiler,
                                              const struct oh_source_text *source, struct oh_bytes node_zone,
                                              const struct oh_context *context,
                                              struct oh_schedule_content **out);

/* ---- Lanes ------------------------------------------------------------------------------------ */

struct oh_lane_content {
    struct oh_content base;
    bool is_unreadable;
    struct oh_bytes from;
    struct oh_bytes to;
    const struct oh_schedule_content
        *schedule; /* of the node it is from, as it was: compared, not followed */
    struct oh_departures departures;
};

OH_MUST_CHECK enum oh_err oh_compile_lane(struct oh_compiler *compiler, const struct oh_source_text *source,
                                          const struct oh_context *context, struct oh_lane_content **out);

/* ---- Zones, services, sourcing ---------------------------------------------------------------- */

struct oh_zone_content {
    struct oh_content base;
    bool is_unreadable;
    const struct oh_match *matches;
    uint32_t match_count;
};
OH_MUST_CHECK enum oh_err oh_compile_zone(struct oh_compiler *compiler, const struct oh_source_text *source,
                                          struct oh_zone_content **out);

struct oh_service_content {
    struct oh_content base;
    struct oh_bytes calendar_names[2];              /* transit, delivery; empty: none */
    const struct oh_calendar_content *calendars[2]; /* as they were: compared, not followed */
    bool has_unknown_node;
    struct oh_timetable_service service;
};
OH_MUST_CHECK enum oh_err oh_compile_service(struct oh_compiler *compiler,
                                             const struct oh_source_text *source,
                                             const struct oh_context *context,
                                             struct oh_service_content **out);

struct oh_sourcing_content {
    struct oh_content base; /* id: the channel's */
    bool has_unknown_class;
    struct oh_sourcing sourcing;
};
/* An empty text: the defaults. */
OH_MUST_CHECK enum oh_err oh_compile_sourcing(struct oh_compiler *compiler,
                                              const struct oh_source_text *source,
                                              const struct oh_context *context,
                                              struct oh_sourcing_content **out);

#endif
