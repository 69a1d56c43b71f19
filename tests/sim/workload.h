/*
 * workload.h - what clients would ask next: every kind of request, on few hot items and many cold ones.
 *
 * A part of it is wrong on purpose, a part is about things that have just happened; how much of each is the seed's
 * (swarm.h). Knows the model only to find reservations worth acting on; judges nothing.
 */
#ifndef ONHAND_TESTS_SIM_WORKLOAD_H
#define ONHAND_TESTS_SIM_WORKLOAD_H

#include "base/prng.h"
#include "sim/model.h"
#include "sim/swarm.h"
#include "sim/wire.h"

struct workload {
    struct swarm swarm;
    uint32_t reservations; /* numbers given out */
    uint32_t keys;
    uint32_t entry_ids;
    uint32_t imports;
    uint32_t first_reservation; /* older ones may be forgotten by now */
    uint32_t reports;
    bool has_promises;
    bool has_batches; /* the journal is large enough for them */
};

/* Draws the next request. It lends `out->batch` for ever. */
void workload_next(struct workload *workload, struct oh_prng *prng, const struct model *model,
                   const struct wire_ids *ids, struct model_request *out);

/* A hold of little, for a time. */
void workload_hold(struct workload *workload, struct oh_prng *prng, int64_t ttl_s, struct model_request *out);

/* A promise that is held, by its own id. */
void workload_promise(struct workload *workload, struct oh_prng *prng, struct model_request *out);

/* Makes it another request, mostly by one small thing. */
void workload_alter(struct oh_prng *prng, struct model_request *request);

/* Something that is done with this reservation. */
void workload_action(const struct workload *workload, struct oh_prng *prng, const struct model *model,
                     uint32_t reservation, struct model_request *out);

/* An import of counts. */
void workload_import(struct workload *workload, struct oh_prng *prng, const struct model *model,
                     struct model_request *out);

/* A large import of what nobody asks for. */
void workload_bulk(struct workload *workload, struct oh_prng *prng, struct model_request *out);

#endif
