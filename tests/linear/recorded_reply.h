/*
 * recorded_reply.h - what a reply of the server says, as the answer of an
 * operation. It looks for members by name in the few replies it knows; it is
 * no JSON parser, and shares nothing with the product's.
 */
#ifndef ONHAND_TESTS_LINEAR_RECORDED_REPLY_H
#define ONHAND_TESTS_LINEAR_RECORDED_REPLY_H

#include "linear/linear.h"

enum recorded_outcome {
    RECORDED_ANSWERED,
    RECORDED_TRY_AGAIN, /* 503: nothing happened, or so it says */
    RECORDED_STRANGE,   /* not a reply that this request can have */
};

/* Fills the answer of op, all but return_us. body ends with a NUL. Nodes are called n1, n2, .. in their order. */
enum recorded_outcome recorded_reply_read(unsigned status, const char *body, struct lin_op *op);

#endif
