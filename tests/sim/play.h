/*
 * play.h - one run of a script against the whole server, in which one thing fails.
 *
 * What it is: the client, which asks until it is answered and starts the server again when it has stopped; and the
 * judge, who knows the script's answers from a run in which nothing failed (play_observe), and says what may not be:
 *
 *   answers       a reply that differs from the one without a fault, or that is no whole reply
 *   refusals      a refusal other than 500 or 503 with a named code, or one that goes on though nothing fails any more
 *   hanging       a request that is neither answered nor refused nor cut within seconds
 *   stopping      a server that ends itself though the journal has not failed; one that does not though it has
 *   acknowledging a success for a record that was not durable when the journal failed
 *   losing        a success that a repeat with the same key does not find again, after a power loss at the end
 *   doubling      figures at the end other than those of the run without a fault
 *   starting      a start that fails without a fault, or without a reason
 *   leaking       memory or files that are not given back
 *
 * What it is not: a model. Whether the answers themselves are right is the simulator's question (run.h).
 *
 * Threads: one. A broken assertion in the server aborts: a play runs in a process of its own (fail_once.c).
 */
#ifndef ONHAND_TESTS_SIM_PLAY_H
#define ONHAND_TESTS_SIM_PLAY_H

#include "sim/script.h"
#include "sim/world.h"
#include "support/failing_io.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_MEMORY,  /* an allocation, or a pool of the ledger */
    FAULT_STORAGE, /* a call of struct oh_io */
    FAULT_RECV,
    FAULT_SEND,
};

struct fault {
    enum fault_kind kind;
    enum failing_call call; /* of FAULT_STORAGE */
    uint64_t nth;           /* 1: the first of the run */
    uint64_t times;         /* so many in a row */
    int error_number;       /* or FAILING_SHORT: a part, one byte on a connection */
};

/* How often each thing that may fail is done in a run, and the answers; from a run without a fault. */
struct play_observation {
    uint64_t memory;
    uint64_t memory_before[SCRIPT_STEPS_MAX + 1]; /* each step */
    uint64_t storage[FAILING_CALL_COUNT];
    uint64_t recvs;
    uint64_t sends;
    uint64_t answers[SCRIPT_STEPS_MAX];       /* hashes; 0: not compared */
    uint64_t final_answers[SCRIPT_STEPS_MAX]; /* of reads, after all */
};

/* What became of it. */
struct play_result {
    bool has_failed;
    char why[1024];
    bool is_reached; /* the fault happened */
    bool has_refused_start;
    bool has_stopped;
    bool has_refused; /* a request: 500 or 503 */
    bool has_cut;     /* a connection */
};

struct play {
    const struct script *script;
    const struct play_observation *observation; /* NULL while observing */
    struct play_observation *observed;          /* NULL unless observing */
    struct fault fault;
    bool is_told; /* print what happens */
    struct play_result *result;

    struct sim_world *world;
    struct failing_io io;
    uint64_t recvs;
    uint64_t sends;
    uint64_t hits;           /* of the network and the ledger's pools */
    bool has_failed_journal; /* in this life */
    uint64_t failed_seq;     /* durable then */
    bool is_acked[SCRIPT_STEPS_MAX];
    bool is_asked_again[SCRIPT_STEPS_MAX];
};

/* Makes a world whose disk holds a data directory with nearly a whole journal file, or nothing. No process runs. */
void play_make_world(struct sim_world *world, bool is_full);

/* Runs the script. Fills *play->result (and *play->observed); the world is used up. */
void play_run(struct play *play);

#endif
