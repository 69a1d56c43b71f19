/*
 * rows.h - imports: a stream of CSV, NDJSON or GeoNames bytes to rows, in constant memory.
 *
 * The bytes come in chunks that are cut anywhere. Each row becomes a command
 * (or, for stock, an entry of a sync) or a fault with its number and field.
 *
 *     oh_rows_feed(rows, chunk);
 *     while (oh_rows_next(rows, &row) ...)
 *         OH_ROW_COMMAND  use row.command, or for stock collect row.count
 *         OH_ROW_FAULT    row.number was wrong: row.fault; the next rows go on
 *         OH_ROW_REFUSED  the whole import is wrong (header, unknown column): row.fault; it stays so
 *         OH_ROW_FULL     apply what was collected, then oh_rows_release(), then go on
 *         OH_ROW_MORE     the chunk is used up: feed the next, or oh_rows_finish() and go on until OH_ROW_END
 *         OH_ROW_END      no more rows
 *
 * Owner: rows lend their bytes until oh_rows_release. The chunk is borrowed
 * from oh_rows_feed until OH_ROW_MORE. One thread.
 */
#ifndef ONHAND_CODEC_ROWS_H
#define ONHAND_CODEC_ROWS_H

#include "codec/fault.h"
#include "onhand/command.h"
#include "onhand/error.h"
#include <stdint.h>

/* Bytes of one row, without its line end; a longer one is a fault (too_long) and is skipped. */
#define OH_ROW_SIZE_MAX    8192u
#define OH_ROW_COLUMNS_MAX 32u
#define OH_ROWS_LENT_MAX   4096u /* rows that can be lent at once, less when they are long */

/* X(name, number, text): the last part of /v1/import/{...} and the columns. */
#define OH_ROW_KINDS(X)                \
    X(OH_ROWS_NODES, 0, "nodes")       \
    X(OH_ROWS_ITEMS, 1, "items")       \
    X(OH_ROWS_GROUPS, 2, "groups")     \
    X(OH_ROWS_STOCK, 3, "stock")       \
    X(OH_ROWS_SUPPLIES, 4, "supplies") \
    X(OH_ROWS_POSTAL_CODES, 5, "postal_codes")

enum oh_row_kind { OH_ROW_KINDS(OH_ENUM_ROW) };

/* False: none of them, *out untouched. */
bool oh_row_kind_parse(struct oh_bytes text, enum oh_row_kind *out);

enum oh_row_format {
    /* RFC 4180, UTF-8 with or without a byte order mark, a header row with known columns in any order. */
    OH_ROW_CSV = 0,
    OH_ROW_NDJSON = 1, /* one JSON object a line, the columns are its fields */
    /* Postal codes only, as GeoNames publishes them: no header, 11 or 12 columns between tabs, nothing quoted. */
    OH_ROW_GEONAMES = 2
};

enum oh_row_status {
    OH_ROW_MORE = 0,
    OH_ROW_COMMAND = 1,
    OH_ROW_FAULT = 2,
    OH_ROW_REFUSED = 3,
    OH_ROW_FULL = 4,
    OH_ROW_END = 5
};

struct oh_row {
    uint64_t number; /* of the row: first_row for the first after the header; blank lines have none */
    /* OH_ROW_COMMAND, other than stock: a node, item, group_member, supply or postal_code. */
    struct oh_command command;
    struct oh_sync_entry count; /* OH_ROW_COMMAND of stock */
    struct oh_fault fault;      /* OH_ROW_FAULT, OH_ROW_REFUSED */
};

struct oh_rows;

/* Shapes: first_row >= 1; GeoNames only with postal codes. (asserted) Errors: OH_E_NOMEM. */
OH_MUST_CHECK enum oh_err oh_rows_create(enum oh_row_kind kind, enum oh_row_format format, uint64_t first_row,
                                         struct oh_rows **out_rows);
void oh_rows_destroy(struct oh_rows **rows);

/* Pre: the last chunk is used up, the end was not said (asserted). */
void oh_rows_feed(struct oh_rows *rows, struct oh_bytes chunk);

/* No more chunks come: what is left is the last row. */
void oh_rows_finish(struct oh_rows *rows);

/* See above. Cost: O(bytes of the row). */
enum oh_row_status oh_rows_next(struct oh_rows *rows, struct oh_row *out_row);

/* Takes back the bytes of all rows. Cost: O(bytes of a row that is half there). */
void oh_rows_release(struct oh_rows *rows);

/* Rows seen so far: the number of the next one, less one. */
uint64_t oh_rows_last(const struct oh_rows *rows);

#endif
