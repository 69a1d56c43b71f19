/*
 * record_fields.h - the flag bits of the effects' bytes; inside codec/record_*.c only.
 *
 * The low bits of a flag byte hold a word of an enum (3 bits unless said).
 */
#ifndef ONHAND_CODEC_RECORD_FIELDS_H
#define ONHAND_CODEC_RECORD_FIELDS_H

#include <stdbool.h>

#define WORD_MASK 7u

#define NODE_HAS_POINT 8u
#define NODE_SHIPS     16u
#define NODE_COLLECTS  32u
#define NODE_ENABLED   64u

#define MOVEMENT_IS_COUNTED  8u
#define MOVEMENT_SAME_SOURCE 16u
#define MOVEMENT_SAME_REASON 32u

#define COUNT_HAS_SEQ     8u
#define COUNT_SAME_SOURCE 16u

#define RESERVATION_HAS_EXPIRY   8u
#define RESERVATION_HAS_END      16u
#define RESERVATION_HAS_CUSTOMER 32u
#define RESERVATION_HAS_ORDER    64u

/* What part of a claim is held, confirmed and fulfilled: nearly always all of it is one of them. */
enum claim_shape {
    CLAIM_MIXED = 0, /* the three quantities follow */
    CLAIM_HELD = 1,
    CLAIM_CONFIRMED = 2,
    CLAIM_ENDED = 3, /* none of the three */
};
#define CLAIM_HAS_EXPIRED 1u
#define CLAIM_SHAPE_SHIFT 3
#define CLAIM_SHAPE_MASK  3u
#define CLAIM_SAME_ID     32u
#define CLAIM_HAS_DUE     64u

#define STEP_IS_HELD    8u
#define STEP_IS_COUNTED 16u
#define STEP_SAME_ID    32u

#define EXTEND_HAS_EXPIRY 1u
#define EXTEND_SAME_ID    2u

#define BOOKING_SAME_ID 8u /* beside the unit */
#define PROMISE_SAME_ID 1u

/* Beside one bit for each state that has something to say. */
#define POSITION_HAS_FORGOTTEN 32u

#define STATE_HAS_QUANTITY 1u
#define STATE_HAS_AS_OF    2u
#define STATE_HAS_SEQ      4u

/* The quantities of a rule in the order of the bits OH_RULE_*, then one byte for its three booleans. */
#define RULE_QUANTITY_COUNT 7
#define RULE_QUANTITIES(values)                                                                       \
    {                                                                                                 \
        (values)->safety_stock_milli, (values)->threshold_milli, (values)->min_quantity_milli,        \
            (values)->max_quantity_milli, (values)->increment_milli, (values)->backorder_limit_milli, \
            (values)->low_stock_milli                                                                 \
    }
#define RULE_FLAGS_MASK (OH_RULE_PICKUP_ALLOWED | OH_RULE_SHIP_ALLOWED | OH_RULE_PREORDER)
#define RULE_MASK_MAX   ((1u << OH_RULE_ATTRIBUTE_COUNT) - 1u)

static inline unsigned flag(bool is_set, unsigned bit)
{
    return is_set ? bit : 0;
}

#endif
