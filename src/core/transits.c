/*
 * transits.c - how long deliveries took: a sketch for each weekday of
 * hand-over of a service between two regions (docs/spec/promise.md, LE1 to LE5).
 *
 * The sketch of all weekdays is the sum of the others. It is kept, so that a
 * question that falls back to it is as quick as one that does not; a snapshot
 * leaves it out.
 */
#include "core/state.h"

#define FUTURE_US_MAX 300000000ll /* clocks of carriers and ours may differ by five minutes */
#define SECOND_US 1000000ll
#define ALL_DAYS WEEKDAYS

_Static_assert(OH_TRANSIT_BUCKETS_MAX == OH_SKETCH_SCALE, "what an effect may say is what the scale has");

/* ---- Regions ---------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* The letters it begins with, or else its first two characters. */
static size_t area_size(struct oh_bytes normal)
{
    size_t size = 0;
    while (size < normal.size && is_letter(normal.data[size]))
        size++;
    return size > 0 ? size : normal.size < 2 ? normal.size : 2;
}

struct oh_bytes oh_destination_region(struct oh_bytes country, struct oh_bytes postal_code,
                                      char buffer[OH_REGION_DERIVED_SIZE_MAX])
{
    char code[POSTAL_CODE_SIZE_MAX];
    struct oh_bytes normal = postal_code_normal(postal_code, code);
    if (country.size == 0 || !country_is_valid(country) || normal.size == 0 ||
        !text_is_valid(normal, POSTAL_CODE_SIZE_MAX))
        return OH_BYTES_NONE;
    size_t size = area_size(normal);
    memcpy(buffer, country.data, 2);
    buffer[2] = '-';
    memcpy(buffer + 3, normal.data, size);
    return (struct oh_bytes){ buffer, 3 + size };
}

struct oh_bytes oh_node_region(const struct oh_ledger *ledger, struct oh_node_id node,
                               char buffer[OH_REGION_DERIVED_SIZE_MAX])
{
    OH_ASSERT(node.index < ledger->node_count);
    uint32_t text = ledger->nodes[node.index].text;
    struct oh_bytes region = ledger_string(ledger, text, NODE_TEXT_REGION);
    struct oh_bytes country = ledger_string(ledger, text, NODE_TEXT_COUNTRY);
    if (region.size > 0)
        return region;
    region = oh_destination_region(country, ledger_string(ledger, text, NODE_TEXT_POSTAL_CODE), buffer);
    return region.size > 0 ? region : country;
}

/* ---- Lanes and their sketches ----------------------------------------------------------------- */

static uint32_t lane_hash(struct oh_bytes service, struct oh_bytes origin, struct oh_bytes destination)
{
    return (uint32_t)((name_hash(service) * 31 + name_hash(origin)) * 31 + name_hash(destination));
}

static uint32_t lane_find(const struct oh_ledger *ledger, struct oh_bytes service, struct oh_bytes origin,
                          struct oh_bytes destination)
{
    struct oh_index_cursor cursor;
    uint32_t slot;
    oh_index_first(&ledger->transit_lane_index, lane_hash(service, origin, destination), &cursor);
    while (oh_index_next(&ledger->transit_lane_index, &cursor, &slot)) {
        uint32_t text = ledger->transit_lanes[slot].text;
        if (oh_bytes_equal(ledger_string(ledger, text, LANE_TEXT_SERVICE), service) &&
            oh_bytes_equal(ledger_string(ledger, text, LANE_TEXT_ORIGIN), origin) &&
            oh_bytes_equal(ledger_string(ledger, text, LANE_TEXT_DESTINATION), destination))
            return slot;
    }
    return NO_SLOT;
}

static const struct oh_sketch *lane_sketch(const struct oh_ledger *ledger, uint32_t lane, uint32_t weekday)
{
    uint32_t link = ledger->transit_lanes[lane].transits[weekday];
    return link == 0 ? NULL : &ledger->transits[link - 1].sketch;
}

/* A lane has one of all days. */
static const struct oh_sketch *lane_sketch_of_all(const struct oh_ledger *ledger, uint32_t lane)
{
    const struct oh_sketch *sketch = lane_sketch(ledger, lane, ALL_DAYS);
    OH_ASSERT(sketch != NULL);
    return sketch;
}

/* NO_SLOT: no room. */
static uint32_t lane_obtain(struct oh_ledger *ledger, const struct oh_effect_transit *effect)
{
    uint32_t slot = lane_find(ledger, effect->service, effect->origin, effect->destination);
    if (slot != NO_SLOT || ledger->transit_lane_count == TRANSIT_LANES_MAX)
        return slot;
    const struct oh_bytes strings[LANE_TEXTS] = { effect->service, effect->origin, effect->destination };
    uint32_t text = oh_text_put_strings(&ledger->text, strings, LANE_TEXTS);
    if (text == 0)
        return NO_SLOT;
    slot = ledger->transit_lane_count++;
    ledger->transit_lanes[slot].text = text;
    oh_index_insert(&ledger->transit_lane_index, lane_hash(effect->service, effect->origin, effect->destination),
                    slot);
    return slot;
}

static enum oh_err lane_add(struct oh_ledger *ledger, uint32_t lane, uint32_t weekday,
                            const struct oh_effect_transit *effect)
{
    uint32_t *link = &ledger->transit_lanes[lane].transits[weekday];
    if (*link == 0) {
        if (ledger->transit_count == OH_TRANSITS_MAX)
            return OH_E_CORRUPT;
        *link = ++ledger->transit_count;
        ledger->transits[*link - 1].lane = lane;
        ledger->transits[*link - 1].weekday = weekday;
    }
    snapshot_touch(ledger, SNAP_TRANSIT, *link - 1);
    for (uint32_t i = 0; i < effect->bucket_count; i++) {
        if (!oh_sketch_add(&ledger->transits[*link - 1].sketch, effect->buckets[i].bucket, effect->buckets[i].count))
            return OH_E_CORRUPT;
    }
    return OH_OK;
}

enum oh_err apply_transit(struct oh_ledger *ledger, const struct oh_effect_transit *effect)
{
    uint32_t lane = lane_obtain(ledger, effect);
    if (lane == NO_SLOT)
        return OH_E_NOMEM;
    enum oh_err err = lane_add(ledger, lane, effect->weekday, effect);
    return err == OH_OK ? lane_add(ledger, lane, ALL_DAYS, effect) : err;
}

bool transit_get(struct oh_ledger *ledger, uint32_t slot, struct oh_effect_transit *out_value)
{
    const struct transit *transit = &ledger->transits[slot];
    uint32_t text = ledger->transit_lanes[transit->lane].text;
    if (transit->weekday == ALL_DAYS)
        return false;
    for (uint32_t i = 0; i < transit->sketch.bucket_count; i++)
        ledger->transit_buckets[i] =
            (struct oh_transit_bucket){ transit->sketch.buckets[i], transit->sketch.counts[i] };
    *out_value = (struct oh_effect_transit){
        .service = ledger_string(ledger, text, LANE_TEXT_SERVICE),
        .origin = ledger_string(ledger, text, LANE_TEXT_ORIGIN),
        .destination = ledger_string(ledger, text, LANE_TEXT_DESTINATION),
        .weekday = (uint8_t)transit->weekday,
        .buckets = ledger->transit_buckets,
        .bucket_count = transit->sketch.bucket_count,
    };
    return true;
}

bool oh_transit_quantile(const struct oh_ledger *ledger, struct oh_bytes service, struct oh_bytes origin,
                         struct oh_bytes destination, uint32_t weekday, uint32_t percentile, int64_t *out_us)
{
    OH_ASSERT(weekday < WEEKDAYS && percentile >= 1 && percentile <= 100);
    uint32_t lane = lane_find(ledger, service, origin, destination);
    if (lane == NO_SLOT)
        return false;
    const struct oh_sketch *sketch = lane_sketch(ledger, lane, weekday);
    if (sketch == NULL || sketch->total < OH_TRANSIT_REPORTS_MIN)
        sketch = lane_sketch_of_all(ledger, lane);
    if (sketch->total < OH_TRANSIT_REPORTS_MIN)
        return false;
    *out_us = SECOND_US * oh_sketch_quantile_s(&ledger->sketch_scale, sketch, percentile);
    return true;
}

/* ---- Deciding --------------------------------------------------------------------------------- */

/* What a report says, once it is judged. */
struct judged_report { struct oh_bytes origin, destination; struct oh_transit_bucket bucket; bool is_repeat; };

static bool refuse_report(struct oh_answer *answer, enum oh_verdict verdict, enum oh_field field, uint32_t i)
{
    refuse(answer, verdict, field, i);
    return false;
}

static bool region_is_valid(struct oh_bytes region)
{
    return region.size > 0 && text_is_valid(region, OH_TEXT_SIZE_MAX);
}

static bool report_origin(struct oh_ledger *ledger, const struct oh_delivery_report *report, uint32_t i,
                          struct judged_report *out, struct oh_answer *answer)
{
    out->origin = report->origin_region;
    if (report->origin_node.size == 0) {
        bool is_valid = region_is_valid(out->origin);
        return is_valid ? is_valid : refuse_report(answer, OH_V_INVALID_VALUE, OH_FIELD_ORIGIN_REGION, i);
    }
    uint32_t node = node_find(ledger, report->origin_node);
    if (node == NO_SLOT)
        return refuse_report(answer, OH_V_UNKNOWN_NODE, OH_FIELD_ORIGIN_NODE, i);
    char buffer[OH_REGION_DERIVED_SIZE_MAX];
    out->origin = scratch_copy(ledger, oh_node_region(ledger, (struct oh_node_id){ (uint16_t)node }, buffer));
    return out->origin.size > 0 ? true : refuse_report(answer, OH_V_UNKNOWN_REGION, OH_FIELD_ORIGIN_NODE, i);
}

static bool report_destination(struct oh_ledger *ledger, const struct oh_delivery_report *report, uint32_t i,
                               struct judged_report *out, struct oh_answer *answer)
{
    out->destination = report->destination_region;
    if (report->country.size == 0) {
        bool is_valid = region_is_valid(out->destination);
        return is_valid ? is_valid : refuse_report(answer, OH_V_INVALID_VALUE, OH_FIELD_DESTINATION_REGION, i);
    }
    if (!country_is_valid(report->country))
        return refuse_report(answer, OH_V_INVALID_VALUE, OH_FIELD_DESTINATION_COUNTRY, i);
    out->destination = oh_destination_region(report->country, report->postal_code,
                                             scratch_take(ledger, OH_REGION_DERIVED_SIZE_MAX));
    return out->destination.size > 0
               ? true
               : refuse_report(answer, OH_V_INVALID_VALUE, OH_FIELD_DESTINATION_POSTAL_CODE, i);
}

static bool report_time_is_valid(const struct oh_ledger *ledger, int64_t at_us)
{
    return at_us >= 0 && at_us <= OH_TIME_US_MAX && at_us <= ledger->time_us + FUTURE_US_MAX;
}

static bool report_duration(const struct oh_ledger *ledger, const struct oh_delivery_report *report, uint32_t i,
                            struct judged_report *out, struct oh_answer *answer)
{
    if (!report_time_is_valid(ledger, report->handed_over_at_us))
        return refuse_report(answer, OH_V_INVALID_TIME, OH_FIELD_HANDED_OVER_AT, i);
    int64_t took_us = report->delivered_at_us - report->handed_over_at_us;
    if (!report_time_is_valid(ledger, report->delivered_at_us) || took_us < 0 ||
        took_us > SECOND_US * OH_SKETCH_SECONDS_MAX)
        return refuse_report(answer, OH_V_INVALID_TIME, OH_FIELD_DELIVERED_AT, i);
    uint32_t bucket = oh_sketch_bucket(&ledger->sketch_scale, (uint32_t)(took_us / SECOND_US));
    out->bucket = (struct oh_transit_bucket){ (uint16_t)bucket, 1 };
    return true;
}

/* An id names one report, of this request and of those before it. */
static bool report_id(struct oh_ledger *ledger, const struct oh_deliveries_command *command, uint32_t i,
                      struct judged_report *out, struct oh_answer *answer)
{
    const struct oh_delivery_report *report = &command->reports[i];
    out->is_repeat = false;
    if (report->id.size == 0)
        return true;
    if (!id_is_valid(report->id))
        return refuse_report(answer, OH_V_INVALID_ID, OH_FIELD_ID, i);
    bool is_first = pending_is_first(ledger, name_hash(report->id));
    for (uint32_t j = 0; j < i && !is_first; j++) {
        if (oh_bytes_equal(command->reports[j].id, report->id))
            return refuse_report(answer, OH_V_DUPLICATE_MEMBER, OH_FIELD_ID, i);
    }
    const struct key *key = key_lookup(ledger, 'd', OH_BYTES_NONE, report->id);
    if (key != NULL && key->fingerprint != report_fingerprint(report))
        return refuse_report(answer, OH_V_IDEMPOTENCY_MISMATCH, OH_FIELD_ID, i);
    out->is_repeat = key != NULL;
    return true;
}

static bool report_is_valid(struct oh_ledger *ledger, const struct oh_deliveries_command *command, uint32_t i,
                            struct judged_report *out, struct oh_answer *answer)
{
    const struct oh_delivery_report *report = &command->reports[i];
    OH_ASSERT(report->weekday < WEEKDAYS);
    if (!id_is_valid(report->service))
        return refuse_report(answer, OH_V_INVALID_ID, OH_FIELD_SERVICE, i);
    return report_origin(ledger, report, i, out, answer) && report_destination(ledger, report, i, out, answer) &&
           report_duration(ledger, report, i, out, answer) && report_id(ledger, command, i, out, answer);
}

/* How many sketches the report makes; more than there can be when what it adds to is full. */
static uint32_t report_need(const struct oh_ledger *ledger, const struct oh_delivery_report *report,
                            const struct judged_report *judged, uint32_t report_count)
{
    uint32_t lane = lane_find(ledger, report->service, judged->origin, judged->destination);
    if (judged->is_repeat)
        return 0;
    if (lane == NO_SLOT)
        return 2;
    if (lane_sketch_of_all(ledger, lane)->total > UINT32_MAX - report_count)
        return OH_TRANSITS_MAX + 1;
    return lane_sketch(ledger, lane, report->weekday) == NULL ? 1 : 0;
}

static bool reports_are_valid(struct oh_ledger *ledger, const struct oh_deliveries_command *command,
                              struct judged_report *judged, struct oh_answer *answer)
{
    uint32_t room = OH_TRANSITS_MAX - ledger->transit_count;
    pending_begin(ledger);
    for (uint32_t i = 0; i < command->report_count; i++) {
        if (!report_is_valid(ledger, command, i, &judged[i], answer))
            return false;
        uint32_t need = report_need(ledger, &command->reports[i], &judged[i], command->report_count);
        if (need > room)
            return refuse_report(answer, OH_V_LEDGER_FULL, OH_FIELD_REPORTS, i);
        room -= need;
    }
    return true;
}

static void report_do(struct oh_ledger *ledger, const struct oh_delivery_report *report,
                      const struct judged_report *judged)
{
    effect_add(ledger, OH_EFFECT_TRANSIT, NO_HINT)->transit = (struct oh_effect_transit){
        .service = report->service,
        .origin = judged->origin,
        .destination = judged->destination,
        .weekday = (uint8_t)report->weekday,
        .buckets = &judged->bucket,
        .bucket_count = 1,
    };
    if (report->id.size == 0)
        return;
    struct key_name name;
    key_name_make('d', OH_BYTES_NONE, report->id, &name);
    key_add(ledger, &name, report_fingerprint(report), NULL);
}

void decide_deliveries(struct oh_ledger *ledger, const struct oh_deliveries_command *command,
                       struct oh_answer *answer)
{
    if (command->report_count == 0 || command->report_count > OH_REPORTS_MAX) {
        refuse(answer, OH_V_TOO_MANY, OH_FIELD_REPORTS, OH_INDEX_NONE);
        return;
    }
    struct judged_report *judged = scratch_take(ledger, command->report_count * sizeof(*judged));
    if (!reports_are_valid(ledger, command, judged, answer))
        return;
    answer->line_count = command->report_count;
    for (uint32_t i = 0; i < command->report_count; i++) {
        ledger->answer_lines[i] = (struct oh_answer_line){
            .line = i,
            .item = { OH_INDEX_NONE },
            .node = { OH_NODE_NONE },
            .verdict = judged[i].is_repeat ? OH_V_REPEATED : OH_OK_DONE,
        };
        if (!judged[i].is_repeat)
            report_do(ledger, &command->reports[i], &judged[i]);
    }
}
