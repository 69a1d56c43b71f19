/*
 * database.h - a PostgreSQL that is simulated: what storage/pg_connection.h offers, over tables in memory.
 *
 * What it is: the functions of pg_connection.h, linked in the place of libpq's. It takes what the projector sends, byte
 * for byte as it would travel, and does what each statement says: the statements are known by their whole text, and one
 * that is not known ends the run. Transactions, savepoints, keys and the advisory lock are as PostgreSQL has them. It
 * fails as it is told to, before or after any call.
 *
 * What it is not: SQL. That the statements mean what is done here is what the tests with a real PostgreSQL show
 * (docs/PROOF.md, section 12).
 *
 * Threads: one. There is one database at a time.
 */
#ifndef ONHAND_TESTS_SIM_DATABASE_H
#define ONHAND_TESTS_SIM_DATABASE_H

#include "base/prng.h"
#include "sim/tables.h"

/* What may happen around a call; `before`: it is not done; `after`: it is, and nobody is told. */
enum database_fault {
    DATABASE_CUT_BEFORE,
    DATABASE_CUT_AFTER,
    DATABASE_SILENT_BEFORE, /* until the client gives up */
    DATABASE_SILENT_AFTER,
    DATABASE_RESTARTS_BEFORE,
    DATABASE_RESTARTS_AFTER,
    DATABASE_REFUSES,       /* an error of the statement */
    DATABASE_CLIENT_DIES_BEFORE,
    DATABASE_CLIENT_DIES_AFTER,
    DATABASE_RIVAL,         /* another projector takes over, between two statements */
    DATABASE_FAULTS,
};

struct database_hooks {
    void *ctx;
    void (*meanwhile)(void *ctx, int64_t us);  /* so long a call takes: the world goes on */
    void (*committed)(void *ctx);              /* what is in the tables is there for good */
    void (*broken)(void *ctx, const char *why); /* the client does what no client may */
    int64_t (*now_us)(void *ctx);              /* monotonic */
};

/* How far the tables say they are. */
struct database_watermark {
    int64_t seq;
    int64_t at_us;
    int64_t ledger;
    int64_t record_print;
    int64_t epoch;
    int64_t movements;
    int64_t imports;
    int64_t known_seq;
    int64_t forgotten; /* movements before the oldest that is there */
    int64_t forgotten_at_us;
    int64_t history_from_us;
    uint64_t loads; /* of snapshots */
};

void database_create(const struct database_hooks *hooks);
void database_destroy(void);

/* Of what is committed: nothing may be open. */
const struct tables *database_tables(void);
const struct database_watermark *database_watermark(void);

/* Of the next calls: so many of 100,000 meet this fault. */
void database_set_prng(uint64_t seed);
void database_set_fault(enum database_fault fault, uint32_t share);
void database_set_absent(bool is_absent); /* nobody listens; who is connected is cut */
void database_set_full(bool is_full);     /* of its disk: nothing more is written */
void database_empty(void);                /* somebody drops the schema and migrates; between two calls */
void database_renew(void);                /* another one in its place, with nothing in it; between two calls */
void database_rival_come(void);           /* another projector takes over, and is gone again */
void database_heal(void);                 /* it is there, has room, and has forgotten who was connected */

/* Who is connected and has the lock was replaced, by a rival or with the tables. */
bool database_has_replaced(void);

/* A call met DATABASE_CLIENT_DIES: every call ends with OH_E_STOPPED until the process is gone. */
bool database_client_is_dead(void);
void database_client_gone(void); /* the process is; the database may not know it yet */

/* So many times each fault has happened; and batches that were committed without the client knowing. */
uint64_t database_fault_count(enum database_fault fault);
uint64_t database_commit_count(void);

#endif
