/*
 * brute.h - every order, one after the other, for histories of a few
 * operations. Knows nothing of the checker but the form of its operations:
 * its ledger is its own, and so is its idea of a crash.
 *
 * It knows adjust, supply, reserve, promise, confirm, release, fulfil, limit
 * and read of a node or of all, now or by a time; items A.. and nodes in their
 * order; no ends, no seq.
 */
#ifndef ONHAND_TESTS_LINEAR_BRUTE_H
#define ONHAND_TESTS_LINEAR_BRUTE_H

#include "linear/linear.h"

#define BRUTE_OPS_MAX      10u
#define BRUTE_ITEMS        2u
#define BRUTE_NODES        3u
#define BRUTE_RESERVATIONS 64u
#define BRUTE_WINDOWS      2u
#define BRUTE_SUPPLIES     2u

enum brute_stage { BRUTE_NONE, BRUTE_HELD, BRUTE_FIRM, BRUTE_GONE, BRUTE_SOLD };

struct brute_supply {
    uint32_t item;
    uint32_t node;
    int64_t quantity;
    int64_t eta;
};

/* A ledger that counts everything on its fingers. All zeros: empty. */
struct brute_book {
    int64_t there[BRUTE_ITEMS][BRUTE_NODES];
    int64_t claimed[BRUTE_RESERVATIONS][BRUTE_ITEMS][BRUTE_NODES];
    enum brute_stage stages[BRUTE_RESERVATIONS];
    bool is_in[BRUTE_RESERVATIONS][BRUTE_WINDOWS];
    int64_t limits[BRUTE_WINDOWS];
    struct brute_supply supplies[BRUTE_SUPPLIES];
};

/*
 * Does one operation, and puts the right answer, with every figure, into out_right.
 * Pre: reservation < BRUTE_RESERVATIONS where there is one, and so for windows and supplies.
 */
void brute_do(struct brute_book *book, uint32_t node_count, const struct lin_op *op, struct lin_op *out_right);

/*
 * Whether an order exists. crashes are in order of time.
 * Shapes: count <= BRUTE_OPS_MAX; a key is used at most twice, the second time in a later life or after the first.
 */
bool brute_check(const struct lin_op *ops, uint32_t count, const int64_t *crashes, uint32_t crash_count,
                 uint32_t node_count);

#endif
