/*
 * load_query.h - rows of a company's own tables for `onhand load`, as CSV.
 *
 * What it is: a file of named queries, checked against the database before anything is sent, and each query's rows as
 * a stream of bytes that the row reader takes in place of a file's. All queries see one moment of the database.
 *
 * The file is SQL that psql can run too. A line "-- load: KIND" begins the query of that kind; its columns have the
 * names of the CSV files. Times (as_of, eta) and flags (ships, collects, enabled) may have any type that PostgreSQL
 * turns into timestamptz and boolean; times without a zone are UTC.
 *
 * What it is not: it does not judge rows: the server does. One thread.
 */
#ifndef ONHAND_APP_LOAD_QUERY_H
#define ONHAND_APP_LOAD_QUERY_H

#include "app/row_reader.h"
#include "onhand/error.h"

/* Bytes of the file. */
#define OH_QUERIES_SIZE_MAX (1u << 20)

struct oh_queries;

/*
 * oh_queries_open - read the file.
 *
 * Shapes:  kinds[0..kind_count): the words that may follow "-- load:"; borrowed until close, as is the uri.
 * Errors:  OH_E_IO, OH_E_TOO_LARGE, OH_E_SYNTAX (a kind that is none, twice, or without a query; text before the
 *          first; no query at all), OH_E_NOMEM. The diag names file and line.
 */
OH_MUST_CHECK enum oh_err oh_queries_open(const char *uri, const char *path, const char *const *kinds,
                                          size_t kind_count, struct oh_queries **out_queries, struct oh_diag *diag);

/* Closes the connection too. Sets *queries to NULL; does nothing when it is. */
void oh_queries_close(struct oh_queries **queries);

bool oh_queries_has(const struct oh_queries *queries, size_t kind);

/*
 * oh_queries_check - have the database plan every query, and run none.
 *
 * Errors:  OH_E_REFUSED (the diag names the query and PostgreSQL's reason), else as oh_pg_open.
 */
OH_MUST_CHECK enum oh_err oh_queries_check(struct oh_queries *queries, struct oh_diag *diag);

/*
 * oh_queries_begin - run the query of a kind; its rows come through *out_source, which lives as long as the queries.
 *
 * A query that is not read to its end is given up, and a connection that broke is made anew: a later moment then.
 *
 * Pre:     oh_queries_has().                                        (asserted)
 * Errors:  as oh_queries_check; the diag does not name the query.
 */
OH_MUST_CHECK enum oh_err oh_queries_begin(struct oh_queries *queries, size_t kind, struct oh_row_source *out_source,
                                           struct oh_diag *diag);

#endif
