/*
 * json_reply_promise.c - what the promise engine answers, as JSON.
 */
#include "base/assert.h"
#include "codec/decimal.h"
#include "codec/json_promise.h"
#include "codec/json_text.h"
#include <math.h>
#include <stdio.h>

static void put_km(struct oh_strbuf *buf, const char *name, double km)
{
    if (km < 0)
        return;
    oh_json_member(buf, name);
    oh_real_put(buf, floor(km * 1000 + 0.5) / 1000);
}

static void put_time_if_any(struct oh_strbuf *buf, const char *name, int64_t at_us)
{
    if (at_us != OH_TIME_US_NONE)
        oh_json_member_time(buf, name, at_us);
}

/* ---- Which option ----------------------------------------------------------------------------- */

/* Of one service's options, which: 1 is the first. */
static uint32_t option_ordinal(const struct oh_promise_answer *answer, uint32_t option)
{
    uint32_t ordinal = 1;
    for (uint32_t i = 0; i < option; i++) {
        const struct oh_promise_option *before = &answer->options[i];
        if (before->kind == answer->options[option].kind && before->service == answer->options[option].service &&
            before->store.index == answer->options[option].store.index)
            ordinal++;
    }
    return ordinal;
}

struct oh_bytes oh_option_id(const struct oh_promise_names *names, const struct oh_promise_answer *answer,
                             uint32_t option, char out_text[OH_OPTION_ID_SIZE])
{
    const struct oh_promise_option *of = &answer->options[option];
    uint32_t ordinal = option_ordinal(answer, option);
    struct oh_bytes name = of->kind == OH_KIND_COLLECT ? oh_node_name(names->ledger, of->store)
                                                       : names->timetable->services[of->service].service;
    int size = snprintf(out_text, OH_OPTION_ID_SIZE, "%s/%.*s", of->kind == OH_KIND_COLLECT ? "collect" : "ship",
                        (int)name.size, name.data);
    if (ordinal > 1)
        size += snprintf(out_text + size, OH_OPTION_ID_SIZE - (size_t)size, "/%u", (unsigned)ordinal);
    return (struct oh_bytes){ out_text, (size_t)size };
}

uint32_t oh_option_find(const struct oh_promise_names *names, const struct oh_promise_answer *answer,
                        struct oh_bytes select)
{
    char id[OH_OPTION_ID_SIZE];
    if (oh_bytes_equal(select, OH_BYTES("first")))
        return answer->option_count > 0 ? 0 : OH_INDEX_NONE;
    for (uint32_t i = 0; i < answer->option_count; i++) {
        if (oh_bytes_equal(select, oh_option_id(names, answer, i, id)))
            return i;
    }
    return OH_INDEX_NONE;
}

/* ---- Parcels ---------------------------------------------------------------------------------- */

static void put_pick(struct oh_strbuf *buf, const struct oh_promise_names *names, const struct oh_promise_pick *pick)
{
    const struct oh_promise_line *line = &names->request->lines[pick->line];
    oh_json_separate(buf);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_u64(buf, "line", line->line);
    oh_json_member_string(buf, "sku", line->sku);
    oh_json_member_milli(buf, "quantity", pick->quantity_milli);
    put_time_if_any(buf, "due_at", pick->due_at_us);
    oh_strbuf_put_char(buf, '}');
}

static void put_booking(struct oh_strbuf *buf, const struct oh_promise_booking *booking)
{
    oh_json_separate(buf);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "resource", booking->resource);
    oh_json_member_text(buf, "unit", oh_unit_text(booking->unit));
    oh_json_member_time(buf, "from", booking->from_us);
    oh_json_member_time(buf, "until", booking->until_us);
    oh_json_member_milli(buf, "quantity", booking->quantity_milli);
    oh_strbuf_put_char(buf, '}');
}

static void put_account(struct oh_strbuf *buf, const struct oh_promise_names *names,
                        const struct oh_promise_option *option, const struct oh_promise_parcel *parcel)
{
    if (parcel->account == OH_INDEX_NONE || option->service == OH_INDEX_NONE)
        return;
    const struct oh_timetable_service *service = &names->timetable->services[option->service];
    oh_json_member_string_if_any(buf, "account", service->accounts[parcel->account].account);
}

static void put_parcel(struct oh_strbuf *buf, const struct oh_promise_names *names,
                       const struct oh_promise_option *option, uint32_t index)
{
    const struct oh_promise_parcel *parcel = &option->parcels[index];
    oh_json_separate(buf);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "node", oh_node_name(names->ledger, parcel->node));
    oh_json_member_time(buf, "ready", parcel->ready_us);
    put_time_if_any(buf, "leaves", parcel->leaves_us);
    put_time_if_any(buf, "arrives", parcel->arrives_us);
    oh_json_member_string_if_any(buf, "lane", parcel->lane);
    oh_json_member_time(buf, "from", parcel->from_us);
    oh_json_member_time(buf, "until", parcel->until_us);
    oh_json_member_u64(buf, "boxes", parcel->box_count);
    oh_json_member_u64(buf, "weight_grams", parcel->weight_grams);
    oh_json_member_milli(buf, "cost", parcel->cost_milli);
    put_km(buf, "distance_km", parcel->distance_km);
    put_account(buf, names, option, parcel);
    oh_json_member(buf, "lines");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < option->pick_count; i++) {
        if (option->picks[i].parcel == index)
            put_pick(buf, names, &option->picks[i]);
    }
    oh_strbuf_put_char(buf, ']');
    if (parcel->booking_count > 0) {
        oh_json_member(buf, "capacity");
        oh_strbuf_put_char(buf, '[');
        for (uint32_t i = 0; i < parcel->booking_count; i++)
            put_booking(buf, &parcel->bookings[i]);
        oh_strbuf_put_char(buf, ']');
    }
    oh_strbuf_put_char(buf, '}');
}

/* ---- Options ---------------------------------------------------------------------------------- */

static void put_term(struct oh_strbuf *buf, enum oh_term term, int64_t value)
{
    if (term == OH_TERM_COMPLETE || term == OH_TERM_COST)
        oh_json_member_milli(buf, oh_term_text(term), value);
    else
        oh_json_member_u64(buf, oh_term_text(term), (uint64_t)value);
}

static void put_service(struct oh_strbuf *buf, const struct oh_promise_names *names,
                        const struct oh_promise_option *option)
{
    if (option->kind == OH_KIND_COLLECT) {
        oh_json_member_string(buf, "store", oh_node_name(names->ledger, option->store));
        put_km(buf, "distance_km", option->distance_km);
        return;
    }
    const struct oh_timetable_service *service = &names->timetable->services[option->service];
    oh_json_member_string(buf, "service", service->service);
    oh_json_member_string_if_any(buf, "name", service->name);
    oh_json_member_string_if_any(buf, "carrier", service->carrier);
    oh_json_member_milli(buf, "cost", option->cost_milli);
    oh_json_member_string_if_any(buf, "currency", service->currency);
}

void oh_reply_put_option(struct oh_strbuf *buf, const struct oh_promise_names *names,
                         const struct oh_promise_answer *answer, uint32_t option, bool with_terms)
{
    const struct oh_promise_option *of = &answer->options[option];
    char id[OH_OPTION_ID_SIZE];
    oh_json_separate(buf);
    oh_strbuf_put_char(buf, '{');
    oh_json_member_string(buf, "option", oh_option_id(names, answer, option, id));
    oh_json_member_text(buf, "kind", oh_kind_text(of->kind));
    put_service(buf, names, of);
    oh_json_member_time(buf, "from", of->from_us);
    oh_json_member_time(buf, "until", of->until_us);
    oh_json_member_time(buf, "valid_until", of->valid_until_us);
    oh_json_member_bool(buf, "complete", of->is_complete);
    oh_json_member_text(buf, "search", of->is_bounded ? "bounded" : "optimal");
    oh_json_member(buf, "parcels");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < of->parcel_count; i++)
        put_parcel(buf, names, of, i);
    oh_strbuf_put_char(buf, ']');
    if (with_terms) {
        oh_json_member(buf, "terms");
        oh_strbuf_put_char(buf, '{');
        for (uint32_t t = 0; t < OH_TERM_COUNT; t++)
            put_term(buf, (enum oh_term)t, of->terms[t]);
        oh_strbuf_put_char(buf, '}');
    }
    oh_strbuf_put_char(buf, '}');
}

static void put_destination(struct oh_strbuf *buf, const struct oh_destination *destination)
{
    if (!destination->has_point && oh_bytes_is_empty(destination->country))
        return;
    oh_json_member(buf, "destination");
    oh_strbuf_put_char(buf, '{');
    if (destination->has_point) {
        oh_json_member(buf, "lat");
        oh_real_put(buf, destination->point.latitude);
        oh_json_member(buf, "lon");
        oh_real_put(buf, destination->point.longitude);
    }
    oh_json_member_string_if_any(buf, "country", destination->country);
    oh_json_member_string_if_any(buf, "postal_code", destination->postal_code);
    oh_strbuf_put_char(buf, '}');
}

void oh_reply_put_kept(struct oh_strbuf *buf, const struct oh_promise_names *names,
                       const struct oh_promise_answer *answer, uint32_t option, struct oh_bytes question,
                       const struct oh_promise_kept *before)
{
    int64_t until_us = answer->options[option].until_us;
    if (before != NULL && before->until_us != OH_TIME_US_NONE && before->until_us > until_us)
        until_us = before->until_us;
    oh_strbuf_put_char(buf, '{');
    oh_json_member_time(buf, "at", answer->at_us);
    oh_json_member_time(buf, "promised_until", until_us);
    put_destination(buf, &names->request->destination);
    oh_json_member(buf, "promised");
    oh_reply_put_option(buf, names, answer, option, true);
    if (before != NULL && before->before.size > 0) {
        oh_json_member(buf, "before");
        oh_strbuf_put_char(buf, '[');
        oh_strbuf_put_bytes(buf, before->before);
        oh_strbuf_put_char(buf, ']');
    }
    oh_json_member(buf, "request");
    oh_strbuf_put_bytes(buf, question);
    oh_strbuf_put_char(buf, '}');
}

/* ---- Explanation ------------------------------------------------------------------------------ */

static enum oh_term term_of(enum oh_reason reason)
{
    switch ((int)reason) {
    case OH_REASON_MORE_PARCELS: return OH_TERM_PARCELS;
    case OH_REASON_COSTLIER: return OH_TERM_COST;
    case OH_REASON_FARTHER: return OH_TERM_DISTANCE;
    case OH_REASON_LOWER_PRIORITY: return OH_TERM_PRIORITY;
    case OH_REASON_WORSE_BALANCE: return OH_TERM_BALANCE;
    case OH_REASON_LESS_COMPLETE: return OH_TERM_COMPLETE;
    default: return OH_TERM_DATE;
    }
}

static void put_numbers(struct oh_strbuf *buf, const struct oh_promise_names *names,
                        const struct oh_promise_rejection *rejection)
{
    if (rejection->line != OH_INDEX_NONE) {
        const struct oh_promise_line *line = &names->request->lines[rejection->line];
        oh_json_member_u64(buf, "line", line->line);
        oh_json_member_string(buf, "sku", line->sku);
        oh_json_member_milli(buf, "requested", rejection->requested_milli);
        oh_json_member_milli(buf, "available", rejection->available_milli);
    }
    if (rejection->value != rejection->winner) {
        enum oh_term term = term_of(rejection->reason);
        oh_json_member_text(buf, "term", oh_term_text(term));
        oh_json_member(buf, "has");
        oh_milli_put(buf, term == OH_TERM_COST || term == OH_TERM_COMPLETE ? rejection->value
                                                                           : rejection->value * 1000);
        oh_json_member(buf, "best");
        oh_milli_put(buf, term == OH_TERM_COST || term == OH_TERM_COMPLETE ? rejection->winner
                                                                           : rejection->winner * 1000);
    }
}

static void put_rejection(struct oh_strbuf *buf, const struct oh_promise_names *names,
                          const struct oh_promise_rejection *rejection)
{
    oh_json_separate(buf);
    oh_strbuf_put_char(buf, '{');
    if (rejection->service != OH_INDEX_NONE)
        oh_json_member_string(buf, "service", names->timetable->services[rejection->service].service);
    if (rejection->store.index != OH_NODE_NONE)
        oh_json_member_string(buf, "store", oh_node_name(names->ledger, rejection->store));
    if (rejection->node.index != OH_NODE_NONE)
        oh_json_member_string(buf, "node", oh_node_name(names->ledger, rejection->node));
    oh_json_member_text(buf, "reason", oh_reason_text(rejection->reason));
    oh_json_member_string_if_any(buf, "name", rejection->name);
    put_numbers(buf, names, rejection);
    oh_strbuf_put_char(buf, '}');
}

static void put_explanation(struct oh_strbuf *buf, const struct oh_promise_names *names,
                            const struct oh_promise_answer *answer)
{
    oh_json_member(buf, "explain");
    oh_strbuf_put_char(buf, '{');
    oh_json_member(buf, "reasons");
    oh_strbuf_put_char(buf, '{');
    uint64_t total = 0;
    for (uint32_t i = 1; i < OH_REASON_COUNT; i++) {
        total += answer->reason_counts[i];
        if (answer->reason_counts[i] > 0)
            oh_json_member_u64(buf, oh_reason_text((enum oh_reason)i), answer->reason_counts[i]);
    }
    oh_strbuf_put_char(buf, '}');
    oh_json_member(buf, "rejected");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < answer->rejection_count; i++)
        put_rejection(buf, names, &answer->rejections[i]);
    oh_strbuf_put_char(buf, ']');
    if (names->request->explain == OH_EXPLAIN_FULL)
        oh_json_member_u64(buf, "not_listed", total - answer->rejection_count);
    oh_strbuf_put_char(buf, '}');
}

/* ---- The answer ------------------------------------------------------------------------------- */

void oh_reply_put_promise(struct oh_strbuf *buf, const struct oh_promise_names *names,
                          const struct oh_promise_answer *answer)
{
    oh_json_member_time(buf, "at", answer->at_us);
    if (answer->has_point) {
        oh_json_member(buf, "destination");
        oh_strbuf_put_char(buf, '{');
        oh_json_member(buf, "lat");
        oh_real_put(buf, answer->point.latitude);
        oh_json_member(buf, "lon");
        oh_real_put(buf, answer->point.longitude);
        oh_strbuf_put_char(buf, '}');
    }
    oh_json_member(buf, "options");
    oh_strbuf_put_char(buf, '[');
    for (uint32_t i = 0; i < answer->option_count; i++)
        oh_reply_put_option(buf, names, answer, i, names->request->explain != OH_EXPLAIN_NONE);
    oh_strbuf_put_char(buf, ']');
    if (answer->is_bounded)
        oh_json_member_text(buf, "search", "bounded");
    if (names->request->explain != OH_EXPLAIN_NONE)
        put_explanation(buf, names, answer);
}
