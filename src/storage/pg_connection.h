/*
 * pg_connection.h - one connection to PostgreSQL that never blocks without an end.
 *
 * What it is: libpq in non-blocking mode behind calls that read like blocking ones. Each waits in poll() for the
 * server, for its time to run out, or for a stop: the owner's thread has no other event loop.
 *
 * What it is not: it knows no table, and it never tries again. After any error but OH_E_REFUSED the connection is of no
 * use: close it. After OH_E_REFUSED the transaction is: roll back.
 *
 * Values travel in binary (pg_binary.h). Passwords: nothing of the URI is ever put into a diag or the log.
 * Threads: one at a time; any thread.
 */
#ifndef ONHAND_STORAGE_PG_CONNECTION_H
#define ONHAND_STORAGE_PG_CONNECTION_H

#include "onhand/bytes.h"
#include "onhand/error.h"
#include <stdbool.h>
#include <stdint.h>

#define OH_PG_PARAMETERS_MAX 32u
#define OH_PG_SQLSTATE_SIZE 6u

struct oh_pg;

struct oh_pg_options {
    const char *uri;             /* as libpq takes it, also "host=... dbname=..." */
    const char *application_name;
    int64_t connect_ms;          /* longest connect; default 10,000 */
    int64_t statement_ms;        /* longest silence of the server in a call; default 60,000 */
    int stop_fd;                 /* readable: every call ends with OH_E_STOPPED. -1: none. 0 is not a descriptor here */
};

/* OH_E_INVALID: it is no address of PostgreSQL. The diag shows nothing of it, as it may hold a password. */
OH_MUST_CHECK enum oh_err oh_pg_uri_check(const char *uri, struct oh_diag *diag);

/*
 * oh_pg_open - connect.
 *
 * Errors:  OH_E_UNAVAILABLE (no server, no answer, it starts or ends), OH_E_REFUSED (it says no: password, database,
 *          too many; the diag has its words), OH_E_INVALID (the URI), OH_E_STOPPED, OH_E_NOMEM.
 * Cost:    a host that is a name is looked up by the system, which has its own deadline and does not see the stop.
 * Owner:   gives *out_pg; copies the options.
 */
OH_MUST_CHECK enum oh_err oh_pg_open(const struct oh_pg_options *options, struct oh_pg **out_pg,
                                     struct oh_diag *diag);

/* Closes at once, whatever is under way: the server rolls back. Sets *pg to NULL; does nothing when it is. */
void oh_pg_close(struct oh_pg **pg);

/* From now on: the longest silence of the server. */
void oh_pg_set_statement_ms(struct oh_pg *pg, int64_t ms);

/*
 * oh_pg_set_meanwhile - what to do while the server is waited for, until it is set again. NULL: nothing, as at first.
 *
 * `work` is called again and again, each time for a piece of well below a millisecond, until it says that nothing is
 * left or the server has answered. It does not use the connection, nor what was handed to the call under way.
 */
void oh_pg_set_meanwhile(struct oh_pg *pg, bool (*work)(void *ctx), void *ctx);

/* One parameter in binary: a value, or an array of pg_binary.h. data NULL: null. type 0: the server decides. */
struct oh_pg_parameter {
    uint32_t type;
    struct oh_bytes value;
};

/* Statements without parameters, several at once if they bring no rows. Errors as oh_pg_query. */
OH_MUST_CHECK enum oh_err oh_pg_run(struct oh_pg *pg, const char *sql, struct oh_diag *diag);

/*
 * oh_pg_query - one statement; its rows are lent until the next call.
 *
 * Errors:  OH_E_REFUSED (oh_pg_sqlstate says why), OH_E_UNAVAILABLE (lost, or silent for too long), OH_E_STOPPED,
 *          OH_E_NOMEM.
 */
OH_MUST_CHECK enum oh_err oh_pg_query(struct oh_pg *pg, const char *sql, const struct oh_pg_parameter *parameters,
                                      uint32_t parameter_count, struct oh_diag *diag);

/* Of the last query. A value is binary; of a null, data is NULL. row < count (asserted). */
uint32_t oh_pg_row_count(const struct oh_pg *pg);
struct oh_bytes oh_pg_value(const struct oh_pg *pg, uint32_t row, uint32_t column);

/* Rows that the last statement changed, or gave. */
uint64_t oh_pg_changed_count(const struct oh_pg *pg);

/*
 * COPY ... FROM STDIN (FORMAT binary): begin, put any number of times, end. Bytes are those of pg_binary.h, cut
 * anywhere; the head and the end of the stream are added here. Errors as oh_pg_query; a refusal shows at the end.
 */
OH_MUST_CHECK enum oh_err oh_pg_copy_in_begin(struct oh_pg *pg, const char *sql, struct oh_diag *diag);
OH_MUST_CHECK enum oh_err oh_pg_copy_in_put(struct oh_pg *pg, struct oh_bytes rows, struct oh_diag *diag);
OH_MUST_CHECK enum oh_err oh_pg_copy_in_end(struct oh_pg *pg, struct oh_diag *diag);

/*
 * COPY ... TO STDOUT, streaming: begin, then next until OH_E_AGAIN, the end. Lends what the server sent as one row
 * until the next call; in binary, the head of the stream is in front of the first and its end is a row of its own
 * (oh_pg_row_read in pg_binary.h knows both).
 */
OH_MUST_CHECK enum oh_err oh_pg_copy_out_begin(struct oh_pg *pg, const char *sql, struct oh_diag *diag);
OH_MUST_CHECK enum oh_err oh_pg_copy_out_next(struct oh_pg *pg, struct oh_bytes *out_row, struct oh_diag *diag);

/* Of the last refusal: five characters, or "". */
const char *oh_pg_sqlstate(const struct oh_pg *pg);

/* Waits for `ms` or a stop (OH_E_STOPPED): the pause between two tries. Needs no connection. */
OH_MUST_CHECK enum oh_err oh_pg_pause(int stop_fd, int64_t ms);

#endif
