/*
 * json_promise.h - POST /v1/promises: its body to a request, its answer to JSON.
 *
 * Shape only, as json_request.h; what the values mean is judged by the core.
 * Thread: the one that owns the document.
 */
#ifndef ONHAND_CODEC_JSON_PROMISE_H
#define ONHAND_CODEC_JSON_PROMISE_H

#include "base/strbuf.h"
#include "codec/fault.h"
#include "codec/json_request.h"
#include "onhand/promise.h"

#define OH_PROMISE_BASKETS_MAX 1000u /* lines of a request whose lines are baskets of their own */

/* Books an option. Of a replacement only `select`: the reservation is there. */
struct oh_promise_hold {
    bool is_set;
    bool is_bare;            /* nothing but `select` is given */
    int64_t ttl_us;          /* > 0; of a replacement 0 */
    struct oh_bytes select;  /* an option's id, or "first" */
    struct oh_bytes id;      /* may be empty */
    struct oh_bytes customer;
    struct oh_bytes order;
};

/* Sources anew what a reservation claims at nodes that cannot give it (PR4). */
struct oh_promise_replace {
    bool is_set;
    struct oh_bytes reservation;
    const struct oh_bytes *without;
    uint32_t without_count; /* >= 1 */
};

struct oh_promise_body {
    struct oh_promise_request request;
    struct oh_bytes policy; /* a channel whose sourcing document is used instead; may be empty */
    struct oh_bytes draft;  /* or a sourcing document that is not stored; may be empty */
    bool separately;        /* each line is a basket */
    struct oh_promise_hold hold;
    struct oh_promise_replace replace;
};

/*
 * oh_request_promise - parse the body.
 *
 * Errors: OH_E_SYNTAX with *fault filled.
 * Owner:  everything is lent by the document.
 */
OH_MUST_CHECK enum oh_err oh_request_promise(struct oh_json_document *document, struct oh_bytes body,
                                             struct oh_promise_body *out, struct oh_fault *fault);

/* What is kept with a reservation that was promised, as far as replacing a part of it needs it. */
struct oh_promise_kept {
    struct oh_destination destination;
    struct oh_bytes service; /* empty: collected */
    struct oh_bytes store;   /* empty: delivered */
    int64_t until_us;        /* by when the customer was told, all told */
    struct oh_bytes before;  /* the options that were booked: elements of an array */
};

/* Reads what oh_reply_put_kept wrote. False: it did not write that. Lent by the document. */
OH_MUST_CHECK bool oh_request_promise_kept(struct oh_json_document *document, struct oh_bytes kept,
                                           struct oh_promise_kept *out);

/* What the writers below speak of. */
struct oh_promise_names {
    const struct oh_ledger *ledger;
    const struct oh_timetable *timetable;
    const struct oh_promise_request *request;
};

/* "ship/<service>", "ship/<service>/<n>" for its n-th slot, "collect/<store>". Cut at `size`. Returns the text. */
#define OH_OPTION_ID_SIZE 96
struct oh_bytes oh_option_id(const struct oh_promise_names *names, const struct oh_promise_answer *answer,
                             uint32_t option, char out_text[OH_OPTION_ID_SIZE]);

/* Which option has this id; "first" is the first. OH_INDEX_NONE: there is none. */
uint32_t oh_option_find(const struct oh_promise_names *names, const struct oh_promise_answer *answer,
                        struct oh_bytes select);

/* {...}: one option, separated. terms: with the terms it was judged by. */
void oh_reply_put_option(struct oh_strbuf *buf, const struct oh_promise_names *names,
                         const struct oh_promise_answer *answer, uint32_t option, bool with_terms);

/*
 * {...}: what is kept with the reservation: the option that was booked, the question as it was asked, and of a part
 * that was replaced what was kept before (NULL: nothing).
 */
void oh_reply_put_kept(struct oh_strbuf *buf, const struct oh_promise_names *names,
                       const struct oh_promise_answer *answer, uint32_t option, struct oh_bytes question,
                       const struct oh_promise_kept *before);

/* The members of an answer: "at", "destination", "options", and "explain" when asked for. No braces. */
void oh_reply_put_promise(struct oh_strbuf *buf, const struct oh_promise_names *names,
                          const struct oh_promise_answer *answer);

#endif
