/*
 * promise_call.h - one request to POST /v1/promises, and what is known of it so far: what asking, holding and
 * replacing share. Inside handle_promises.c and handle_replace.c only, but for how the lack of memory is answered.
 *
 * Functions that return bool answer the exchange themselves when they return false. Thread: the loop thread.
 */
#ifndef ONHAND_SERVER_PROMISE_CALL_H
#define ONHAND_SERVER_PROMISE_CALL_H

#include "codec/json_promise.h"
#include "server/handle.h"

/* Journal bytes of a promise beyond its body: what is kept of it, its claims and bookings. */
#define PROMISE_SIZE_EXTRA ((size_t)4 << 20)

struct promise_call {
    const struct oh_call *call;
    struct oh_promise_body body;
    struct oh_promise_names names;
    struct oh_promise_answer answer; /* to what was asked last */
};

/* An option as a command has it. In scratch of the service, until the next request. */
struct promise_taken {
    struct oh_reserve_pick *picks; /* line: index into the request's lines */
    uint32_t pick_count;
    struct oh_reserve_booking *bookings;
    uint32_t booking_count;
    struct oh_bytes kept;
};

/* Answers out_of_memory; always false. */
bool promise_call_no_memory(const struct oh_call *call);

/* The timetable as the documents are now. False: answered why there is none. */
bool promise_call_timetable(const struct oh_call *call, const struct oh_timetable **out_timetable);

/* The timetable as the documents are now, and the policy that is to be used. */
bool promise_call_begin(struct promise_call *promise);

/* The lines of the request are borrowed until the answer has been used. */
void promise_call_ask(struct promise_call *promise, const struct oh_promise_request *request);

/* A request that cannot be asked: the engine's verdict as a problem. */
void promise_call_refuse(const struct promise_call *promise);

/* The option that is to be booked, or 0 and why there is none. */
uint32_t promise_call_select(const struct promise_call *promise, enum oh_verdict *out_refusal);

/* False: out of memory, or what is to be kept is too large; answered. before: as oh_reply_put_kept. */
bool promise_call_take(const struct promise_call *promise, uint32_t option, const struct oh_promise_kept *before,
                       struct promise_taken *out);

/* A hash of what was asked: the outcome of it may differ, and is the same request all the same (L38). */
uint64_t promise_call_print(const struct promise_call *promise);

/* Applies, commits and answers: the promise as it is kept now, or why not, with the options there are. */
void promise_call_apply(const struct promise_call *promise, struct oh_command *command);

/* The members of a promise that is held, as it is kept now. */
void promise_call_put_kept(const struct oh_call *call, struct oh_strbuf *body, struct oh_bytes id);

/* handle_replace.c */
void promise_call_replace(struct promise_call *promise);

#endif
