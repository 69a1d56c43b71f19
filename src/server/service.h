/*
 * service.h - the ledger as the handlers see it: apply, journal, reply gate.
 *
 * What it is: one ledger with its journal, snapshotter and online verifier,
 * the hooks that run them in each turn of the server's loop, and the scratch
 * memory that handlers share, because only one of them runs at a time.
 *
 * What it is not: it knows no HTTP. handle.h has what handlers share of that.
 *
 * Thread: the loop thread. The owner of the parts is who created them (serve).
 *
 * A write:  oh_service_write_check(service, size)      is there room on the disk?
 *           oh_service_apply(service, now, &command)   one or more
 *           oh_service_commit(service)                 all of it becomes one record
 *           reply, released at oh_service_seq(service)
 */
#ifndef ONHAND_SERVER_SERVICE_H
#define ONHAND_SERVER_SERVICE_H

#include "base/strbuf.h"
#include "codec/json_request.h"
#include "onhand/ledger.h"
#include "server/engine.h"
#include "storage/journal.h"
#include "timetable/builder.h"

struct oh_promise_engine;
struct oh_projector;
struct oh_snapshotter;

/* Verdict numbers are below this; one counter each. */
#define OH_SERVICE_VERDICTS_MAX 96

/* Imports whose bodies are arriving at the same time. One more is answered 503. */
#define OH_SERVICE_TASKS_MAX 32

/*
 * Holds written down as expired by one record, one record in a turn: answers are exact without it, so a hundred
 * thousand that are due at the same moment must not make a request wait. The turns then follow without sleeping.
 */
#define OH_SERVICE_EXPIRE_MAX 5000u

/*
 * A step of the verifier does so much (oh_ledger_verify; 0.1 us each or so), and the next one comes after so long for
 * each: a hundredth or two of a core. Rounds begin at most this often, and of a ledger that has not changed since the
 * last one only this often, so that an idle server sleeps.
 */
#define OH_SERVICE_VERIFY_STEP 500u
#define OH_SERVICE_VERIFY_CLAIMS 4096u /* of one position: a hot item at a node may have a million */
#define OH_SERVICE_VERIFY_EACH_US 10
#define OH_SERVICE_VERIFY_INTERVAL_US 5000
#define OH_SERVICE_VERIFY_ROUND_US 1000000
#define OH_SERVICE_VERIFY_IDLE_US 60000000

/* Objects that a running snapshot visits in one turn. */
#define OH_SERVICE_SNAPSHOT_STEP 1000u

/* How often the backlog of the projection is looked at. */
#define OH_SERVICE_BACKLOG_INTERVAL_US 100000

/* Without room on the disk, due holds (answers are exact all the same) and waiting tasks are tried again after this. */
#define OH_SERVICE_EXPIRE_RETRY_US 100000
#define OH_SERVICE_TASK_RETRY_US 10000

/*
 * Journal bytes that must be free before any write beyond its body: 4,096 claims that take a step each, and as much
 * again that is left for expiring holds once writes are refused.
 */
#define OH_SERVICE_WRITE_ROOM ((size_t)2 << 20)

/* Room that OH_SERVICE_EXPIRE_MAX holds may need in the journal, and room for which a few can be expired. */
#define OH_SERVICE_EXPIRE_ROOM ((uint64_t)OH_JOURNAL_RECORD_SIZE_MAX)
#define OH_SERVICE_EXPIRE_FEW 8u
#define OH_SERVICE_EXPIRE_FEW_ROOM ((uint64_t)1 << 20)

/* Why a write cannot be taken now. */
enum oh_service_state {
    OH_SERVICE_OK = 0,
    OH_SERVICE_STORAGE_FULL = 1, /* no space for the journal's next file */
    OH_SERVICE_STORAGE_BUSY = 2, /* the disk is slower than the writes */
    OH_SERVICE_FAILED = 3,       /* the journal is lost; the process is about to stop */
    OH_SERVICE_BACKLOG_FULL = 4, /* PostgreSQL is so far behind that the journal may not grow any more */
};

/* True when waiting a moment will not help: the write is refused, with the state as the reason. */
static inline bool oh_service_is_full(enum oh_service_state state)
{
    return state == OH_SERVICE_STORAGE_FULL || state == OH_SERVICE_BACKLOG_FULL;
}

/*
 * Work that goes on over several turns (an import). `run` is called in each turn after the requests, before their
 * records are handed to the disk; it may apply, commit and reply, and may remove its own task.
 */
struct oh_service_task {
    void (*run)(void *ctx);
    void *ctx;
    bool is_waiting; /* for room on the disk: run it again soon, also without traffic */
};

/* Every node there can be, and every node that one question can name (one may be named twice). */
#define OH_SERVICE_SCRATCH_NODES OH_CELLS_MAX

/* Everything is borrowed until oh_service_destroy. */
struct oh_service_options {
    struct oh_ledger *ledger;
    struct oh_journal *journal;
    struct oh_snapshotter *snapshotter; /* NULL in class memory */
    struct oh_projector *projector;     /* NULL without PostgreSQL */
    uint64_t backlog_bytes_max;         /* journal that may wait for PostgreSQL before writes are refused */
    uint32_t promise_horizon_days;      /* 0: OH_HORIZON_DAYS_DEFAULT */
    uint32_t promise_steps;             /* 0: OH_PROMISE_STEPS_DEFAULT */
    /* The journal cannot go on: end the process without another acknowledgement. Called once. */
    void (*stop)(void *ctx, enum oh_err error);
    void *stop_ctx;
    void (*reload)(void *ctx); /* SIGHUP; may be NULL */
    void *reload_ctx;
};

/* Handlers read the fields and use the scratch; only service.c changes the rest. */
struct oh_service {
    struct oh_service_options options;
    struct oh_ledger *ledger;
    struct oh_journal *journal;

    /* Scratch of the handler that runs. */
    struct oh_json_document *document;
    struct oh_node_id *nodes;       /* OH_SERVICE_SCRATCH_NODES */
    uint16_t *indexes;              /* OH_NODES_MAX + 1 */
    struct oh_claim_view *claims;   /* OH_CLAIMS_MAX */
    struct oh_near_row *near_rows;  /* OH_NEAR_ROWS_MAX */
    struct oh_booking_view *bookings;  /* OH_BOOKINGS_MAX */
    struct oh_strbuf promise;       /* what is kept with a promise; up to OH_PROMISE_SIZE_MAX */

    struct oh_promise_engine *promises;
    struct oh_timetable_builder *timetables;

    struct oh_strbuf record;        /* the encoded record of a commit; of full size from the start, so it cannot fail */
    struct oh_answer answer;        /* of the last apply */
    struct oh_service_task *tasks[OH_SERVICE_TASKS_MAX];
    uint32_t task_count;
    uint64_t import_serial;         /* for the names of imports that were given none */

    struct oh_verifier verifier;
    int64_t now_us;                 /* of this turn: the ledger's time, which may stand still */
    int64_t mono_us;                /* of this turn: by which the next three go */
    int64_t verify_due_us;          /* the next step */
    int64_t verify_round_at_us;     /* begin of the round */
    int64_t backlog_due_us;         /* the next look at the projector */
    uint64_t verify_round_seq;      /* where the ledger was when the round began */
    bool is_storage_full;
    bool is_backlog_full;
    bool is_failed;
    uint64_t verdict_counts[OH_SERVICE_VERDICTS_MAX];
    uint64_t promises_asked; /* questions put to the engine */
    uint64_t promises_bounded; /* of them, with an option whose search the steps ended */
    uint64_t promise_steps;
};

/* Errors: OH_E_NOMEM. Gives *out_service; its parts stay the caller's. */
OH_MUST_CHECK enum oh_err oh_service_create(const struct oh_service_options *options,
                                            struct oh_service **out_service);
void oh_service_destroy(struct oh_service **service);

/* The hooks of a server for this service. `context`, and so the `app` of every handler, is the service. */
struct oh_server_hooks oh_service_hooks(struct oh_service *service);

/* The ledger's position: what a reply speaks for, and what releases it. */
uint64_t oh_service_seq(const struct oh_service *service);

/*
 * oh_service_write_check - may a write of `size` request bytes be applied now?
 *
 * After OH_SERVICE_OK the record of the request certainly finds room: nothing can fail between the first change of the
 * ledger and its place in the journal.
 */
enum oh_service_state oh_service_write_check(const struct oh_service *service, size_t size);

/*
 * oh_service_apply - decide one command and do it; it joins the record that the next commit closes.
 *
 * Errors: OH_E_FULL as oh_ledger_apply. *out_answer is lent until the next apply.
 */
OH_MUST_CHECK enum oh_err oh_service_apply(struct oh_service *service, int64_t now_us,
                                           const struct oh_command *command, const struct oh_answer **out_answer);

/*
 * oh_service_commit - close the record of what was applied and journal it; nothing when nothing changed.
 *
 * A journal that does not take it ends the process (options.stop): the ledger is then ahead of its history.
 */
void oh_service_commit(struct oh_service *service);

/*
 * oh_service_timetable - the documents as they are now, as instants.
 *
 * Errors: OH_E_NOMEM, OH_E_TOO_LARGE, OH_E_IO (a time zone): what could not be built is the whole of it; nothing
 *         changed.
 * Owner:  lent until the next call.
 * Cost:   O(1), unless a document, node, channel or class has changed or the day has.
 */
OH_MUST_CHECK enum oh_err oh_service_timetable(struct oh_service *service, int64_t now_us,
                                               const struct oh_timetable **out_timetable);

/*
 * A sourcing document that is not stored, for a question. After oh_service_timetable in the same turn.
 *
 * Errors: as oh_timetable_draft.
 */
OH_MUST_CHECK enum oh_err oh_service_draft(struct oh_service *service, struct oh_bytes text,
                                           const struct oh_sourcing **out_sourcing, struct oh_fault *fault);

/* Errors: OH_E_FULL. Borrows the task until it is removed. */
OH_MUST_CHECK enum oh_err oh_service_task_add(struct oh_service *service, struct oh_service_task *task);
void oh_service_task_remove(struct oh_service *service, const struct oh_service_task *task);

#endif
