/*
 * rows_csv.h - bytes of CSV to the cells of one row at a time (RFC 4180).
 *
 * A row is read from chunks that are cut anywhere; its unquoted text goes to
 * memory of the caller. A row that breaks the rules is read to its end all
 * the same and says what was wrong. Not for the layers above: rows.h.
 */
#ifndef ONHAND_CODEC_ROWS_CSV_H
#define ONHAND_CODEC_ROWS_CSV_H

#include "codec/fault.h"
#include "codec/rows.h"
#include "onhand/bytes.h"
#include <stdbool.h>
#include <stdint.h>

enum oh_csv_state {
    OH_CSV_CELL_START,
    OH_CSV_PLAIN,
    OH_CSV_QUOTED,
    OH_CSV_QUOTE_SEEN,  /* inside quotes: the end of the cell, or the first of two */
    OH_CSV_RETURN_SEEN, /* '\r': '\n' must follow */
    OH_CSV_SKIP /* too long: to the next '\n', quoted or not; a stray quote must not cost the whole file */
};

struct oh_csv_row {
    char *text;         /* OH_ROW_SIZE_MAX bytes of the caller's */
    size_t size;        /* of the cells so far, without quotes */
    size_t source_size; /* bytes of the row so far, quotes and commas included */
    enum oh_csv_state state;
    uint32_t cell_count; /* ended cells; up to OH_ROW_COLUMNS_MAX are kept */
    uint16_t cell_ends[OH_ROW_COLUMNS_MAX];
    const char *problem; /* NULL, or the first thing that was wrong */
    enum oh_fault_type problem_type;
};

/* Starts a row. `text` is borrowed until the next begin. */
void oh_csv_begin(struct oh_csv_row *row, char *text);

/*
 * Reads until the row ends or the bytes do. Returns how many bytes were used; *out_is_complete: the row
 * ended.
 */
size_t oh_csv_read(struct oh_csv_row *row, struct oh_bytes bytes, bool *out_is_complete);

/* The input ended: closes the row. False: there was nothing left of one. */
bool oh_csv_end(struct oh_csv_row *row);

/* Whether the row was an empty line. */
bool oh_csv_is_blank(const struct oh_csv_row *row);

/* index < cell_count, < OH_ROW_COLUMNS_MAX (asserted). */
struct oh_bytes oh_csv_cell(const struct oh_csv_row *row, uint32_t index);

#endif
