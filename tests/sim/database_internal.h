/*
 * database_internal.h - what database.c (connections, transactions, faults) and database_statements.c (what the
 * statements do) share. Not for anyone else.
 */
#ifndef ONHAND_TESTS_SIM_DATABASE_INTERNAL_H
#define ONHAND_TESTS_SIM_DATABASE_INTERNAL_H

#include "sim/database.h"
#include "storage/pg_connection.h"

#define DATABASE_MONTHS_MAX 256u

/* What is not in a table: small enough to be copied when a transaction begins. */
struct database_state {
    struct database_watermark watermark;
    bool has_schema;
    uint32_t version;
    uint32_t months[DATABASE_MONTHS_MAX]; /* partitions: year * 12 + month */
    uint32_t month_count;
};

struct database {
    struct database_hooks hooks;
    struct tables tables;
    struct database_state state;
    struct database_state before; /* the open transaction; what it rolls back to */
    struct oh_pg *owner;          /* of the open transaction; NULL: none */
    bool is_row_locked;           /* by it: the watermark */
    struct oh_pg *lock_owner;
    int64_t locked_until_us; /* by somebody who is gone, which the database does not know yet */
    int64_t absent_until_us;
    bool is_absent;
    bool is_full;
    bool is_client_dead;
    uint32_t renewals;
    struct oh_prng prng;
    struct oh_prng prng_of_questions;
    uint32_t shares[DATABASE_FAULTS];
    uint64_t fault_counts[DATABASE_FAULTS];
    uint64_t commit_count;
};

/* A column of a statement's parameters, or of what was copied. A value alone is a column of one. */
struct database_column {
    uint32_t count;
    int64_t *cells;
};

/* One statement under way. Rows are what it brings: values as they travel. */
struct statement_call {
    struct database *database;
    struct oh_pg *pg;
    const struct database_column *columns;
    uint32_t column_count;
    uint32_t count; /* rows of the first column */
    uint64_t changed;
    const char *sqlstate; /* of a refusal */
    const char *message;
};

#define RESULT_COLUMNS_MAX 8u

struct result_value {
    bool is_null;
    char bytes[8];
    size_t size;
};

struct oh_pg {
    bool is_lost;
    uint32_t renewals; /* of the database it is connected to */
    bool is_asking;  /* the statement under way is a question */
    bool is_aborted; /* the transaction: only a roll back is taken */
    bool has_savepoint;
    size_t savepoint;
    int64_t statement_ms;
    bool (*work)(void *ctx); /* of the client, while it waits */
    void *work_ctx;
    int64_t epoch; /* that it took */
    uint64_t changed;
    char sqlstate[OH_PG_SQLSTATE_SIZE];
    enum database_fault after; /* of the call under way; DATABASE_FAULTS: none */
    uint32_t row_count;
    uint32_t value_count;
    struct result_value values[RESULT_COLUMNS_MAX];
    const char *copy_sql; /* under way */
    char *copied;         /* in */
    size_t copied_size;
    char *rows; /* out */
    size_t rows_size;
    size_t *row_ends;
    uint32_t out_count;
    uint32_t out_next;
};

/* False: refused, with sqlstate and message. An unknown text is told through hooks.broken. */
bool statement_run(struct statement_call *call, const char *sql);
/* It asks whether anything has changed: apart from what it finds, the run is what it would be without. */
bool statement_is_question(const char *sql);
/* The types of the columns that a COPY takes; NULL: it is not known. */
const char *statement_copy_types(const char *sql);
/* The table and its first columns that COPY ... TO STDOUT brings. False: it is not known. */
bool statement_copy_out(const char *sql, enum table_id *out_id);

/* ---- database.c: what statements do with the transaction ---- */

bool transaction_begin(struct statement_call *call);
bool transaction_commit(struct statement_call *call);
bool transaction_roll_back(struct statement_call *call);

bool statement_refuse(struct statement_call *call, const char *sqlstate, const char *message);
void result_put_i64(struct oh_pg *pg, int64_t value);
void result_put_i32(struct oh_pg *pg, int32_t value);
void result_put_bool(struct oh_pg *pg, bool value);
void result_put_null(struct oh_pg *pg);

#endif
