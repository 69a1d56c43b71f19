/*
 * model_internal.h - what the files of the model share. Not for anyone else.
 *
 * Each function says one sentence of the specification; its comment, in the file that has it, names the sentence.
 */
#ifndef ONHAND_TESTS_SIM_MODEL_INTERNAL_H
#define ONHAND_TESTS_SIM_MODEL_INTERNAL_H

#include "sim/model.h"

/* What the request being judged has taken so far. */
struct model_pending {
    int64_t milli[MODEL_ITEMS][MODEL_NODES];
};

struct model_room {
    int64_t free;
    int64_t backorder;
};

/* A window as the documents have it now. */
struct model_window {
    int64_t until_us;
    int64_t limit_milli;
    uint8_t unit; /* enum model_unit */
};

/* L2: what happened may be so far ahead of the clock. */
#define MODEL_AHEAD_US INT64_C(300000000)

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t at_least_0(int64_t value)
{
    return value > 0 ? value : 0;
}

bool model_count_is_greater(const struct model_fact *a, const struct model_fact *b);
const struct model_fact *model_greatest_count(const struct model *model, uint32_t item, uint32_t node,
                                              uint32_t state);
int64_t model_quantity(const struct model *model, uint32_t item, uint32_t node, uint32_t state);
int64_t model_sum_after(const struct model *model, uint32_t item, uint32_t node, uint32_t state,
                        int64_t at_us);
void model_tell(struct model *model, uint32_t item, uint32_t node, uint32_t state, struct model_fact fact);
bool model_is_forgotten(const struct model *model, const struct model_fact *fact);
bool model_reservation_is_known(const struct model *model, uint32_t reservation);
bool model_is_due(const struct model *model, const struct model_claim *claim);
int64_t model_held_of(const struct model *model, const struct model_claim *claim);
int64_t model_claimed(const struct model *model, uint32_t item, uint32_t node, uint32_t channel);
const struct model_rule_slot *model_resolve(const struct model *model, uint32_t attribute, uint32_t item,
                                            uint32_t node, uint32_t channel);
int64_t model_rule_value(const struct model *model, uint32_t attribute, uint32_t item, uint32_t node,
                         uint32_t channel);
struct model_members model_channel_members(const struct model *model, uint32_t channel);
const char *model_ineligible(const struct model *model, uint32_t item, uint32_t node, uint32_t channel,
                             uint32_t kind);
int64_t model_fence_unused(const struct model *model, const struct model_fence_slot *fence,
                           int64_t own_pending);
struct model_room model_room_at(const struct model *model, const struct model_pending *pending, uint32_t item,
                                uint32_t node, uint32_t channel, uint32_t kind);
int64_t model_allowance(const struct model *model, const struct model_pending *pending, uint32_t item,
                        uint32_t channel, uint32_t kind);
int64_t model_room_of_nobody(const struct model *model, uint32_t item, uint32_t node);
void model_refuse(struct model_answer *out, int status, const char *code);
struct model_part *model_part_add(struct model_answer *out, uint32_t line, uint32_t item, uint32_t node);
struct model_claim *model_claim_at(struct model *model, uint32_t reservation, uint32_t line, uint32_t item,
                                   uint32_t node);
const char *model_status_of(const struct model *model, uint32_t reservation);
bool model_key_is_known(const struct model *model, const struct model_key *key);
void model_ask_adjust(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_sync(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_import(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_import_places(struct model *model, const struct model_request *request,
                             struct model_answer *out);
const char *model_quantity_fault(const struct model *model, uint32_t item, uint32_t node, uint32_t channel,
                                 int64_t milli);
void model_ask_reserve(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_action(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_rule(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_fence(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_node(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_stock(const struct model *model, const struct model_request *request,
                     struct model_answer *out);
void model_ask_availability(const struct model *model, const struct model_request *request,
                            struct model_answer *out);
void model_ask_reservation(const struct model *model, const struct model_request *request,
                           struct model_answer *out);
void model_ask_list(const struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_fence_view(const struct model *model, const struct model_request *request,
                          struct model_answer *out);
void model_ask_import_view(const struct model *model, const struct model_request *request,
                           struct model_answer *out);
void model_ask_supply(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_group(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_channel(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_supply_view(const struct model *model, const struct model_request *request,
                           struct model_answer *out);
void model_ask_near(const struct model *model, const struct model_request *request, struct model_answer *out);
void model_settle_due(struct model *model, uint32_t reservation);
void model_claim_drop(struct model *model, const struct model_claim *claim);

uint32_t model_document_unit(uint32_t document);
bool model_node_is_limited(const struct model *model, uint32_t node);
int64_t model_sourcing_safety_stock(const struct model *model, uint32_t node);
bool model_sourcing_allows_partial(const struct model *model);
uint32_t model_sourcing_parcels_max(const struct model *model);
bool model_service_exists(const struct model *model, uint32_t service);
bool model_may_go_unbooked(const struct model *model, uint32_t service, uint32_t node);
bool model_move_window(const struct model *model, uint32_t node, struct model_booking *out);
bool model_window_of(const struct model *model, const char *resource, uint32_t node, int64_t from_us,
                     struct model_window *out);
void model_ask_document(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_document_view(const struct model *model, const struct model_request *request,
                             struct model_answer *out);

int64_t model_booking_left(const struct model *model, const struct model_booking *booking);
int64_t model_booking_joined(const struct model *model, uint32_t reservation, const struct model_booking *wanted);
void model_bookings_note(const struct model *model, uint32_t reservation, int64_t out_left[MODEL_BOOKED_MAX]);
void model_bookings_settle(struct model *model, uint32_t reservation, const int64_t left[MODEL_BOOKED_MAX]);
void model_bookings_move(struct model *model, uint32_t reservation, int64_t left[MODEL_BOOKED_MAX],
                         const uint32_t to_nodes[MODEL_NODES]);
void model_booking_add(struct model *model, uint32_t reservation, const struct model_booking *booking);
void model_booked_list(const struct model *model, uint32_t reservation, struct model_answer *out);

void model_ask_hold(struct model *model, const struct model_request *request, struct model_answer *out);
void model_ask_replace(struct model *model, const struct model_request *request, struct model_answer *out);
void model_promise_view(const struct model *model, uint32_t reservation, struct model_answer *out);
void model_ask_promise(const struct model *model, const struct model_request *request,
                       struct model_answer *out);
void model_ask_promise_view(const struct model *model, const struct model_request *request,
                            struct model_answer *out);
void model_ask_deliveries(struct model *model, const struct model_request *request, struct model_answer *out);

#endif
