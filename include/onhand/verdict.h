/*
 * verdict.h - the business answers. They are data: journaled and replayed.
 *
 * X(name, number, code, http_status, title). Numbers are never reused, codes
 * are part of the public contract. Below 20: the request did what it should.
 * The order in which a request is judged is in docs/spec/verdicts.md.
 */
#ifndef ONHAND_VERDICT_H
#define ONHAND_VERDICT_H

#include "onhand/bytes.h"
#include <stdbool.h>

#define OH_VERDICTS(X)                                                                                         \
    X(OH_OK_DONE,             0, "ok",                       200, "Done")                                      \
    X(OH_V_RECORDED,          1, "recorded",                 200, "Recorded; a later count has seen it")       \
    X(OH_V_UNCHANGED,         2, "unchanged",                200, "Nothing to change")                         \
    X(OH_V_STALE,             3, "stale",                    200, "A newer count is known")                    \
    X(OH_V_REPEATED,          4, "repeated",                 200, "Seen before, not applied again")            \
    X(OH_V_UNKNOWN_ITEM,     20, "unknown_item",             422, "No such item")                              \
    X(OH_V_UNKNOWN_NODE,     21, "unknown_node",             422, "No such node")                              \
    X(OH_V_UNKNOWN_GROUP,    22, "unknown_group",            422, "No such group")                             \
    X(OH_V_UNKNOWN_CHANNEL,  23, "unknown_channel",          422, "No such channel")                           \
    X(OH_V_UNKNOWN_RESERVATION, 24, "unknown_reservation",   404, "No such reservation")                       \
    X(OH_V_UNKNOWN_LINE,     25, "unknown_line",             422, "The reservation has no such line")          \
    X(OH_V_UNKNOWN_POSTAL_CODE, 26, "unknown_postal_code",   422, "No such postal code")                       \
    X(OH_V_UNKNOWN_RULE,     27, "unknown_rule",             404, "No such rule")                              \
    X(OH_V_UNKNOWN_FENCE,    28, "unknown_fence",            404, "No such fence")                             \
    X(OH_V_UNKNOWN_SUPPLY,   29, "unknown_supply",           404, "No such supply")                            \
    X(OH_V_INVALID_ID,       30, "invalid_id",               400, "An id is 1 to 64 bytes of printable UTF-8") \
    X(OH_V_INVALID_QUANTITY, 31, "invalid_quantity",         400, "Quantity out of range")                     \
    X(OH_V_INVALID_TIME,     32, "invalid_time",             400, "Time out of range")                         \
    X(OH_V_INVALID_VALUE,    33, "invalid_value",            400, "Value out of range")                        \
    X(OH_V_TOO_MANY,         34, "too_many",                 400, "More than the stated limit")                \
    X(OH_V_DUPLICATE_LINE,   35, "duplicate_line",           400, "Two lines have the same number")            \
    X(OH_V_SAME_NODE,        36, "same_node",                422, "The claim is at that node already")         \
    X(OH_V_NODE_DISABLED,    37, "node_disabled",            409, "The node is disabled")                      \
    X(OH_V_NOT_IN_CHANNEL,   38, "not_in_channel",           409, "The node is not eligible for the channel")  \
    X(OH_V_PICKUP_NOT_ALLOWED, 39, "pickup_not_allowed",     409, "The item cannot be collected there")        \
    X(OH_V_SHIP_NOT_ALLOWED, 40, "ship_not_allowed",         409, "The item cannot be shipped from there")     \
    X(OH_V_BELOW_MINIMUM,    41, "quantity_below_minimum",   409, "Less than the smallest quantity sold")      \
    X(OH_V_ABOVE_MAXIMUM,    42, "quantity_above_maximum",   409, "More than the largest quantity sold")       \
    X(OH_V_NOT_AN_INCREMENT, 43, "quantity_not_increment",   409, "Not a multiple of the quantity increment")  \
    X(OH_V_INSUFFICIENT,     44, "insufficient_stock",       409, "Not enough stock")                          \
    X(OH_V_IDEMPOTENCY_MISMATCH, 45, "idempotency_mismatch", 422, "The key was used with a different request") \
    X(OH_V_ALREADY_CONFIRMED, 46, "already_confirmed",       409, "Confirmed already")                         \
    X(OH_V_ALREADY_RELEASED, 47, "already_released",         409, "Released already")                          \
    X(OH_V_ALREADY_FULFILLED, 48, "already_fulfilled",       409, "Fulfilled already")                         \
    X(OH_V_EXPIRED,          49, "expired",                  409, "The hold expired")                          \
    X(OH_V_NOT_CONFIRMED,    50, "not_confirmed",            409, "The claim is not confirmed yet")            \
    X(OH_V_EXCEEDS_CLAIM,    51, "exceeds_claim",            409, "More than what is claimed")                 \
    X(OH_V_NOTHING_CLAIMED,  52, "nothing_claimed",          409, "Nothing is claimed")                        \
    X(OH_V_COUNT_TOO_OLD,    53, "count_too_old",            409, "Older than the remembered movements")       \
    X(OH_V_QUANTITY_OVERFLOW, 54, "quantity_overflow",       409, "A counter would leave its range")           \
    X(OH_V_RULE_CONFLICT,    55, "rule_conflict",            409, "Another rule says this for the same scope") \
    X(OH_V_INVALID_SCOPE,    56, "invalid_scope",            400, "Not a scope that rules resolve by")         \
    X(OH_V_LEDGER_FULL,      57, "ledger_full",              503, "A stated limit of the ledger is reached")   \
    X(OH_V_TOO_MANY_SPLITS,  58, "too_many_splits",          409, "More claims than one reservation may have") \
    X(OH_V_NEAR_REQUIRED,    59, "near_required",            422, "The channel's policy needs a point")        \
    X(OH_V_UNKNOWN_IMPORT,   60, "unknown_import",           404, "No such import")                            \
    X(OH_V_DUPLICATE_MEMBER, 61, "duplicate_member",         400, "A member is named twice")                   \
    X(OH_V_HAS_EXPIRY_ONLY_HELD, 62, "not_held",             409, "Only a hold has an expiry")                 \
    X(OH_V_NO_CAPACITY,      63, "no_capacity",              409, "The capacity is used up")                   \
    X(OH_V_UNKNOWN_DOCUMENT, 64, "unknown_document",         404, "No such document")                          \
    X(OH_V_OPTION_GONE,      65, "option_gone",              409, "The option is not there any more")          \
    X(OH_V_NOT_PROMISABLE,   66, "not_promisable",           409, "There is no way to have this basket")        \
    X(OH_V_UNKNOWN_REGION,   67, "unknown_region",           422, "The node has neither region nor country")  \
    X(OH_V_UNKNOWN_PROMISE,  68, "unknown_promise",          404, "No such promise")

enum oh_verdict {
#define OH_VERDICT_ENUM(name, number, code, http, title) name = (number),
    OH_VERDICTS(OH_VERDICT_ENUM)
#undef OH_VERDICT_ENUM
};

/* The stable code, the title, the HTTP status. Any thread. */
const char *oh_verdict_code(enum oh_verdict verdict);
const char *oh_verdict_title(enum oh_verdict verdict);
int oh_verdict_http_status(enum oh_verdict verdict);

/* Whether the request did what it should. */
static inline bool oh_verdict_is_success(enum oh_verdict verdict)
{
    return (int)verdict < 20;
}

#endif
