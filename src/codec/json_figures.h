/*
 * json_figures.h - the figures of a promise: when, from where, in how many parcels and at what cost. Of an option that
 * was answered now, or of one that was kept with its reservation (oh_reply_put_kept), so that the two can be compared.
 *
 * Thread: the one that owns the document.
 */
#ifndef ONHAND_CODEC_JSON_FIGURES_H
#define ONHAND_CODEC_JSON_FIGURES_H

#include "codec/json_promise.h"

#define OH_FIGURES_NODES_SIZE    (OH_PARCELS_MAX * (OH_ID_SIZE_MAX + 1u))
#define OH_FIGURES_CURRENCY_SIZE 4u

struct oh_promise_figures {
    char option[OH_OPTION_ID_SIZE];
    char nodes[OH_FIGURES_NODES_SIZE];       /* one for each parcel, in their order, with commas between */
    char currency[OH_FIGURES_CURRENCY_SIZE]; /* "": collected, or the service names none */
    int64_t from_us;
    int64_t until_us;
    int64_t cost_milli;
    int64_t distance_m; /* sum over the parcels; < 0: one of them is not known */
    uint64_t box_count; /* what `parcels` counts (docs/spec/promise.md, SO5) */
    bool is_complete;
};

/* Of an option that was answered. */
void oh_promise_figures_of(const struct oh_promise_names *names, const struct oh_promise_answer *answer,
                           uint32_t option, struct oh_promise_figures *out);

/*
 * oh_promise_figures_kept - of what is kept with a reservation, and the question as it was asked.
 *
 * Post:  false: oh_reply_put_kept did not write this, or a later version did.
 * Owner: *out_question is a part of `kept`. Uses the document, keeps nothing in it.
 */
OH_MUST_CHECK bool oh_promise_figures_kept(struct oh_json_document *document, struct oh_bytes kept,
                                           struct oh_promise_figures *out, struct oh_bytes *out_question);

/* The same in every figure. */
bool oh_promise_figures_equal(const struct oh_promise_figures *a, const struct oh_promise_figures *b);

#endif
