/*
 * durable.h - a server's storage without a server: the real ledger, record
 * codec, journal, snapshotter, directory and recovery, on a disk in memory.
 *
 * What it is: opened as the server opens it, worked one turn at a time by
 * random commands. What the helper threads of a server do, a seed decides:
 * which of them gets on in a turn, and what one does in the middle of an
 * operation of another one.
 *
 * It keeps aside what it was promised and what the ledger was at each record,
 * from a second ledger that is given the same commands and never sees a disk.
 *
 * Aborts on anything that must not fail: it is for tests. One thread.
 */
#ifndef ONHAND_TESTS_SIM_DURABLE_H
#define ONHAND_TESTS_SIM_DURABLE_H

#include "base/strbuf.h"
#include "sim/crash_trace.h"
#include "storage/journal.h"
#include "storage/recovery.h"
#include "storage/snapshotter.h"
#include "support/ledger_state.h"
#include "support/random_commands.h"
#include "support/storage_disk.h"
#include <stdbool.h>
#include <stdint.h>

/* ---- A data directory that is open ------------------------------------------------------------ */

struct stored {
    struct oh_directory *directory;
    struct oh_journal *journal;
    struct oh_ledger *ledger;
    struct oh_recovery_report report;
    struct oh_diag diag; /* why it could not be opened */
};

/* As the server does it; on an error what is open stays so, for stored_close(). */
OH_MUST_CHECK enum oh_err stored_open(struct stored *stored, const struct oh_io *io,
                                      const struct oh_journal_options *options);

/* As verify does it: changes nothing. `recovery` says from where. */
OH_MUST_CHECK enum oh_err stored_read(struct stored *stored, const struct oh_io *io,
                                      const struct oh_recovery_options *recovery);

void stored_close(struct stored *stored);

/* ---- A life ----------------------------------------------------------------------------------- */

struct durable_options {
    uint64_t seed;
    enum oh_durability durability;
    uint32_t frame_align;
    uint64_t snapshot_bytes;          /* of journal from one snapshot to the next */
    bool is_nagging;                  /* reads and writes are interrupted and short */
    uint64_t last_seq;                /* of the records that the directory has */
    struct ledger_states *states;     /* borrowed; what is kept aside, of earlier lives too */
    struct random_commands *commands; /* borrowed; goes on from life to life */
};

struct durable {
    struct storage_disk *disk;
    struct oh_journal_options journal_options;
    struct oh_snapshotter_options snapshotter_options;
    struct oh_prng prng;
    struct stored stored;
    struct oh_snapshotter *snapshotter;
    struct oh_ledger *shadow; /* the same ledger, without a disk */
    struct ledger_states *states;
    struct random_commands *commands;
    struct oh_strbuf record;
    struct crash_promise promise;
    int64_t *written_at_us; /* by seq: when it was given to the kernel */
    uint64_t written_seq;
    uint64_t promised_seq; /* class process: on the disk, by the clock */
    uint64_t snapshot_count;
    uint64_t refused_count; /* commands while the disk was full */
    unsigned running;       /* the helpers that are in an operation now */
};

/* On a new disk that holds `start`. */
void durable_begin(struct durable *durable, const struct durable_options *options,
                   const struct storage_image *start);
void durable_end(struct durable *durable);

/* Opens the directory. After an error (stored.diag) the process is gone again; the disk may have failed it. */
OH_MUST_CHECK enum oh_err durable_start(struct durable *durable);

/* Closes it: gently, with everything on the disk and proven; or as kill -9 does, with nothing more said to it. */
void durable_stop(struct durable *durable, bool is_gentle);

/* A turn: some commands, and some work of the helpers. False: the journal has failed, the process has to stop. */
bool durable_turn(struct durable *durable);

/* For struct crash_trace: what is promised now; another helper may get on now. */
void durable_promise(void *durable, struct crash_promise *out_promise);
void durable_interleave(void *durable);

#endif
