/*
 * projector.h - carries the journal into PostgreSQL, batch by batch, on a thread of its own.
 *
 * What it is: it reads the journal behind what is known to be on disk, and applies batches of records, each in one
 * transaction that also moves the watermark row. Whatever dies when, a batch is in the tables once or not at all: on
 * each connection it begins where the tables say they are. It tries again for ever, and says why it has to.
 *
 * What it is not: nobody waits for it. It touches neither the ledger nor the loop; the journal keeps the files that are
 * not projected yet (oh_journal_keep_from), and the service stops taking writes when they become too many.
 *
 * Memory: two batches (pg_fold.h), one that is on its way and the next, and the names of items, nodes, groups and
 * channels.
 * Threads: create, destroy and status on the loop thread; the rest happens on its own.
 * Source: docs/spec/projection.md.
 */
#ifndef ONHAND_STORAGE_PROJECTOR_H
#define ONHAND_STORAGE_PROJECTOR_H

#include "onhand/error.h"
#include "storage/directory.h"
#include "storage/journal.h"
#include <stdbool.h>
#include <stdint.h>

/* A batch ends with the record that reaches either. */
#define OH_PROJECTOR_BATCH_EFFECTS_MAX 40000u /* rows of the largest transaction, roughly */
#define OH_PROJECTOR_BATCH_BYTES ((size_t)8 << 20)

/*
 * Between the beginnings of two batches, unless more waits than one can hold: a transaction has a price for both sides,
 * and one that is twice as large costs far less than two. Between two tries after an error.
 */
#define OH_PROJECTOR_PACE_MS 200
#define OH_PROJECTOR_RETRY_MS_MIN 100
#define OH_PROJECTOR_RETRY_MS_MAX 5000

#define OH_PROJECTOR_STATES(X)                                                                              \
    X(OH_PROJECTOR_STARTING, 0, "starting")       /* not connected yet, for no reason but time */           \
    X(OH_PROJECTOR_LOADING, 1, "loading")         /* a snapshot, into empty tables */                       \
    X(OH_PROJECTOR_FOLLOWING, 2, "following")     /* connected; seq says how far */                         \
    X(OH_PROJECTOR_UNAVAILABLE, 3, "unavailable") /* no server, or it does not answer */                    \
    X(OH_PROJECTOR_REFUSED, 4, "refused")         /* it says no: a person has to look at the reason */      \
    X(OH_PROJECTOR_FAILED, 5, "failed")          /* the journal cannot be read, or memory is short */
#define OH_PROJECTOR_STATE_COUNT 6

enum oh_projector_state {
#define OH_PROJECTOR_STATE_ENUM(name, number, text) name = (number),
    OH_PROJECTOR_STATES(OH_PROJECTOR_STATE_ENUM)
#undef OH_PROJECTOR_STATE_ENUM
};

const char *oh_projector_state_text(enum oh_projector_state state);

/* Everything is borrowed until destroy. */
struct oh_projector_options {
    const char *uri;
    const struct oh_directory *directory;
    struct oh_journal *journal;
    bool migrates;         /* apply missing migrations on connecting */
    uint32_t batch_effects; /* of a batch; default and most OH_PROJECTOR_BATCH_EFFECTS_MAX */
    uint64_t segment_size; /* bytes of a journal file: for backlog_bytes */
    int64_t (*now_us)(void);
    bool is_manual;        /* no thread: oh_projector_work() and a drain do its work (simulator) */
};

struct oh_projector_status {
    enum oh_projector_state state;
    struct oh_diag reason;     /* UNAVAILABLE, REFUSED, FAILED; may be empty */
    bool has_seq;              /* false: not connected yet */
    uint64_t seq;              /* in the tables; before has_seq what is written down of that, 0: nothing */
    uint64_t backlog_bytes;    /* journal files that hold what is not, to within two files, also while it waits */
    int64_t lag_us;            /* since when the tables may lack something; 0: they have every durable record */
    uint64_t batches_count;
    uint64_t records_count;
    uint64_t failures_count;   /* connections and batches that ended in an error */
};

struct oh_projector;

/*
 * oh_projector_create - start the thread. The server need not be there.
 *
 * Errors:  OH_E_NOMEM, OH_E_IO (no thread, no descriptor).
 * Owner:   gives.
 */
OH_MUST_CHECK enum oh_err oh_projector_create(const struct oh_projector_options *options,
                                              struct oh_projector **out_projector);

/*
 * Before the journal goes. With drain_ms > 0, and while it is connected, it first gets that long to project everything
 * that is on disk now. Then it ends at once, whatever PostgreSQL does. Sets *projector to NULL; does nothing when it
 * is.
 */
void oh_projector_destroy(struct oh_projector **projector, int64_t drain_ms);

/*
 * One step of the thread: it connects, or projects a batch, or goes on waiting. How many milliseconds it then waits, at
 * most a second; negative: it has ended. Called by the thread, or with is_manual by the owner.
 */
int64_t oh_projector_work(struct oh_projector *projector);

/* A copy. Any thread. */
void oh_projector_status(struct oh_projector *projector, struct oh_projector_status *out_status);

#endif
