/*
 * deadline.h - the deadlines of many owners, the earliest first. Takes `now`, reads no clock.
 *
 * Moving a deadline later costs one store: its place in the heap is corrected only when the old moment has
 * come. Keep-alive
 * connections move theirs at every request.
 * Thread: one.
 */
#ifndef ONHAND_SERVER_DEADLINE_H
#define ONHAND_SERVER_DEADLINE_H

#include "onhand/error.h"
#include <stddef.h>
#include <stdint.h>

#define OH_DEADLINE_NEVER INT64_MAX

/* Inside its owner. */
struct oh_deadline {
    int64_t at_us;     /* when it passes; OH_DEADLINE_NEVER for not at all */
    int64_t key_us;    /* where the heap has it, <= at_us */
    uint32_t position; /* 1-based place in the heap; 0: not in it */
};

struct oh_deadlines {
    struct oh_deadline **heap; /* [1..count] */
    uint32_t count;
    uint32_t capacity;
};

void oh_deadlines_init(struct oh_deadlines *deadlines);
void oh_deadlines_fini(struct oh_deadlines *deadlines);

/* Makes room for `count` owners in all, so that oh_deadline_set cannot fail. */
enum oh_err oh_deadlines_reserve(struct oh_deadlines *deadlines, uint32_t count) OH_MUST_CHECK;

void oh_deadline_init(struct oh_deadline *deadline);

/* Cost: O(1) when not earlier than before, else O(log n). */
void oh_deadline_set(struct oh_deadlines *deadlines, struct oh_deadline *deadline, int64_t at_us);

/* Takes it out. Must be called before its owner is freed. */
void oh_deadline_remove(struct oh_deadlines *deadlines, struct oh_deadline *deadline);

/* One deadline with at_us <= now_us, taken out; NULL when there is none. */
struct oh_deadline *oh_deadlines_pop(struct oh_deadlines *deadlines, int64_t now_us);

/* A moment not after the earliest deadline; OH_DEADLINE_NEVER when there is none. */
int64_t oh_deadlines_next_us(const struct oh_deadlines *deadlines);

#endif
