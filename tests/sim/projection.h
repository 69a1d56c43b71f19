/*
 * projection.h - PostgreSQL in a run: the weather over the simulated database, the projector's steps, and their judge.
 *
 * What it is: seeds of one residue of three have a projector (has_projection). It takes its steps between the events
 * of the run, and the server takes turns in the middle of any of its calls. Faults are drawn from the seed and the
 * number of the event alone, as events are.
 *
 * The laws, after every commit of the database: the tables are the fold of the records up to the watermark, which are
 * durable. Between events: the journal is kept until it is projected, and up to the limit; writes are refused beyond
 * it, and only there; a start while PostgreSQL is away knows how far it was. Now and then, and at the end: what is
 * behind drains, and the positions are those of the model.
 */
#ifndef ONHAND_TESTS_SIM_PROJECTION_H
#define ONHAND_TESTS_SIM_PROJECTION_H

#include "sim/run_internal.h"

bool projection_is_had(const struct run_options *options);

void projection_init(struct run *run); /* before the world starts */
void projection_fini(struct run *run);

void projection_event(struct run *run); /* the weather changes, the projector takes steps */
/* SIGTERM: perhaps PostgreSQL is well; then whatever there is has to be in the tables when the process has ended. */
void projection_stop_begin(struct run *run, struct oh_prng *prng);
void projection_stop_end(struct run *run);

void projection_end(struct run *run);   /* it clears up, and everything drains */

/* The journal may not take much more: not the time for an import, or a scene that wants everything to be taken. */
bool projection_is_near_limit(const struct run *run);

#endif
