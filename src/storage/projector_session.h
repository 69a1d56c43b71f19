/*
 * projector_session.h - one connection of the projector: where the tables are, a snapshot into empty ones, batches.
 *
 * For projector.c only. Any error ends the session: close it, and open it again. Thread: the projector's.
 */
#ifndef ONHAND_STORAGE_PROJECTOR_SESSION_H
#define ONHAND_STORAGE_PROJECTOR_SESSION_H

#include "codec/record.h"
#include "storage/journal_reader.h"
#include "storage/pg_connection.h"
#include "storage/pg_fold.h"
#include "storage/projector.h"

/* Records that are folded and not in the tables. */
struct session_batch {
    uint64_t records;
    uint64_t effects;
    size_t bytes;
    uint64_t seq;
    int64_t at_us;
    uint64_t record_print; /* of its last record */
    uint64_t movements;    /* after it */
    uint64_t imports;
    bool has_begun;        /* its transaction */
    bool is_packed;        /* nothing may join it */
};

struct projector_session {
    const struct oh_projector_options *options;
    int stop_fd;
    struct oh_pg *pg;
    struct oh_pg_fold *fold;
    struct oh_record_decoder decoder;
    struct oh_journal_reader *reader;
    struct oh_bytes pending;  /* a record that was read, and is not wholly folded; lent by the reader */
    uint32_t pending_effects; /* of it that are */
    bool pending_is_counted;  /* in the batch */
    struct session_batch batch; /* the next one; begun while the last one is on its way */
    enum oh_err ahead_err;      /* why that could not go on; what it says is in ahead_diag */
    struct oh_diag ahead_diag;
    uint64_t seq;   /* in the tables */
    int64_t epoch;  /* ours */
    uint64_t imports;
    uint64_t movements;
    int64_t looked_at_us;    /* the watermark was where we left it */
    int64_t months_until_us; /* partitions are there until then */
    int64_t forget_keys_at_us;
    uint32_t records_max; /* of a batch: 1 while PostgreSQL refuses something, to find the record */
};

OH_MUST_CHECK enum oh_err projector_session_init(struct projector_session *session,
                                                 const struct oh_projector_options *options, int stop_fd);
void projector_session_fini(struct projector_session *session);

/*
 * Connects, brings the schema up to date if it may, takes the lock, and reads the watermark. Refuses tables of another
 * ledger or another history, and those that need records which are gone. *out_needs_snapshot: the tables are empty
 * and the journal does not reach back to its first record.
 */
OH_MUST_CHECK enum oh_err projector_session_open(struct projector_session *session, bool *out_needs_snapshot,
                                                 struct oh_diag *diag);

/* The newest snapshot into empty tables, in one transaction. */
OH_MUST_CHECK enum oh_err projector_session_load(struct projector_session *session, struct oh_diag *diag);

/* Learns the names and stands before the next record. */
OH_MUST_CHECK enum oh_err projector_session_begin(struct projector_session *session, struct oh_diag *diag);

/* What a batch was. */
struct projector_batch {
    uint64_t records; /* 0: nothing new */
    int64_t at_us;    /* of its last record */
    bool has_all;     /* that was durable when it began */
};

/* One transaction of what there is. While there is nothing it asks now and then whether these are still its tables. */
OH_MUST_CHECK enum oh_err projector_session_batch(struct projector_session *session, struct projector_batch *out_batch,
                                                  struct oh_diag *diag);

void projector_session_close(struct projector_session *session);

#endif
