/*
 * run_internal.h - what run.c, events.c and judge.c share. Not for anyone else.
 */
#ifndef ONHAND_TESTS_SIM_RUN_INTERNAL_H
#define ONHAND_TESTS_SIM_RUN_INTERNAL_H

#include "base/prng.h"
#include "sim/model.h"
#include "sim/run.h"
#include "sim/wire.h"
#include "sim/workload.h"
#include "sim/world.h"
#include <inttypes.h>

#define START_US     INT64_C(1795352400000000) /* 2026-11-22T13:00Z */
#define SECOND_US    INT64_C(1000000)
#define HOUR_US      (3600 * SECOND_US)
#define OPS_MAX      8000u
#define FLIGHTS_MAX  40000u
#define APPLIED_MAX  40000u
#define CHOICES_MAX  16000u
#define SETTLE_TURNS 3000u
#define AUDIT_PEER   (SIM_PEERS_MAX - 1) /* the last one is the judge's own */

/* Something a client wants, until it has an answer. Retries are the same op. */
struct op {
    struct model_request request;
    struct model_answer *first; /* its first answers, one or one per entry of a batch; NULL: not asked yet */
    uint64_t first_seq;         /* of a reply that was received; 0: none */
    char
        refusal[WIRE_CODE_SIZE]; /* the code that a reply gave where the model knows none; empty: none came */
    bool is_done;
    bool is_waiting; /* a flight of it is under way */
};

/* One sending of an op over a connection. */
struct flight {
    uint32_t op;
    uint32_t peer;
    bool is_read;
    struct sim_read read;
    const struct model_choice *choice; /* hold, replace: what the server has made of it */
    struct model_answer *answers;      /* what the reply must say */
    bool is_answered;
};

/* What the server has applied in this life, in order: the model of a crash is made of it. */
struct applied {
    uint32_t op;
    const struct model_choice *choice;
    int64_t now_us;
    uint64_t seq_before;
    uint64_t seq_after;
};

struct run {
    const struct run_options *options;
    struct run_result *result;
    struct sim_world world;
    struct model *model;
    struct model *life; /* as it was when this life of the process began */
    struct workload workload;
    struct wire_ids *ids;
    struct op *ops;
    uint32_t op_count;
    struct flight *flights;
    uint32_t flight_count;
    uint32_t queues[SIM_PEERS_MAX][SIM_REQUESTS_MAX]; /* flights without an answer, oldest first */
    uint32_t queue_counts[SIM_PEERS_MAX];
    struct applied *applied;
    uint32_t applied_count;
    struct model_choice **choices; /* of this run, all */
    uint32_t choice_count;
    uint64_t acked_seq; /* the greatest that a client was told */
    uint64_t turn_seq;  /* of the ledger after the last turn */
    int64_t latest_us;  /* the greatest time the server has read */
    uint32_t first_op;  /* older ones have been forgotten by now: not retried */
    uint32_t event;
    bool is_draining;  /* SIGTERM came: what was read must be answered */
    bool is_stalled;   /* the journal's threads stand still */
    bool is_disk_weak; /* full, or about to fail */
    bool is_class_disk;
    bool has_projection; /* a projector, over a simulated PostgreSQL */
    uint32_t turns_after_failed_sync;
    size_t reply_size; /* of the reply that came last */
};

/* The first failure is kept; run_tell prints only where somebody looks. */
__attribute__((format(printf, 3, 4))) void run_fail(struct run *run, const char *law, const char *format,
                                                    ...);
__attribute__((format(printf, 2, 3))) void run_tell(const struct run *run, const char *format, ...);
void run_digest_add(struct run *run, const void *data, size_t size);

/* ---- run.c: clients, and the turns of the server ---- */

struct sim_peer *run_peer(struct run *run, uint32_t peer);
uint32_t run_answers_of(const struct model_request *request); /* one, or one an entry of a batch */
uint32_t run_op_add(struct run *run, const struct model_request *request); /* UINT32_MAX: no more */
bool run_op_can_repeat(const struct op *op);
bool run_send(struct run *run, uint32_t number, uint32_t peer_number);
void run_queue_drop(struct run *run, uint32_t peer); /* what was asked there gets no answer */
void run_turn(struct run *run);                      /* the server takes one turn, the judge looks at it */
void run_work(struct run *run);                      /* the journal's and the snapshot's threads get on */
void run_heal(struct run *run);                      /* disk and network work again */
void run_settle(struct run *run);                    /* heals, and turns until everybody has an answer */
void run_life_begin(struct run *run);

/* ---- choice.c ---- */

void run_choice_take(struct run *run, const struct sim_read *read); /* the server has applied this */
void run_choices_free(struct run *run);

/* ---- judge.c ---- */

void judge_read(struct run *run,
                const struct sim_read *read);         /* the server has read a request: what must it say? */
void judge_replies(struct run *run, uint32_t number); /* what a peer has received */
uint64_t judge_import_rows(const struct run *run,
                           const struct model_request *request); /* that the server says are done */
void judge_import_part(struct run *run, const struct model_request *request,
                       uint64_t seq_before);              /* an import is cut: the rows that are done */
void judge_audit(struct run *run);                        /* asks for everything; needs a settled world */
void judge_bookings(struct run *run);                     /* is what is booked what live reservations have? */
void judge_recovery(struct run *run, bool keeps_promise); /* after a start: what came back? */

/* ---- events.c ---- */

void run_event(struct run *run);
void run_wait_for_disk(struct run *run); /* settled, and one that was full was tried again */
void run_import_alone(struct run *run, uint32_t op);
void run_crash(struct run *run, struct oh_prng *prng, bool is_power_loss);
void run_stop_if_asked(struct run *run, struct oh_prng *prng);

/* ---- scenes.c ---- */

void scene_burst(struct run *run, struct oh_prng *prng);
void scene_holds(struct run *run, struct oh_prng *prng);
void scene_forget(struct run *run, struct oh_prng *prng);
void scene_one_reservation(struct run *run, struct oh_prng *prng);
void scene_take_id(struct run *run, struct oh_prng *prng);
void scene_fill(struct run *run, struct oh_prng *prng);
void scene_fence(struct run *run, struct oh_prng *prng);
void scene_pipeline(struct run *run, struct oh_prng *prng);
void scene_import(struct run *run, struct oh_prng *prng);
void scene_failed_sync(struct run *run, struct oh_prng *prng);
void scene_full_disk(struct run *run, struct oh_prng *prng);
void scene_queue(struct run *run, struct oh_prng *prng);
void scene_promises(struct run *run, struct oh_prng *prng);
void scene_down(struct run *run, struct oh_prng *prng); /* what happens to the files while no process runs */

#endif
