/*
 * row_reader.h - a CSV, NDJSON or GeoNames file of any size, plain or gzipped, or a stream
 * of such bytes, as blocks of whole rows.
 *
 * It finds where rows end; it does not judge them: the server does. Rows end
 * where the server's import says they do, by the same code, so that row numbers
 * agree on any input: the CSV header is not a row, nor is an empty line. Memory is fixed at about 1.5 MiB. One thread.
 */
#ifndef ONHAND_APP_ROW_READER_H
#define ONHAND_APP_ROW_READER_H

#include "codec/rows.h"
#include "onhand/bytes.h"
#include "onhand/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one row that are carried. The server refuses shorter ones already, and says so row by row. */
#define OH_READER_ROW_SIZE_MAX (1u << 20)

/* By the name's end: .csv, .ndjson or .jsonl, .txt or .tsv (GeoNames), each also with .gz. False for any other. */
bool oh_row_format_of(const char *path, enum oh_row_format *out_format);

struct oh_row_reader;

/*
 * oh_row_reader_open - open a file and read its CSV header.
 *
 * Errors: OH_E_IO, OH_E_NOMEM, OH_E_SYNTAX (a CSV file without a header),
 *         OH_E_TOO_LARGE, OH_E_TORN (damaged gzip); diag names the file.
 * Owner:  gives the reader; oh_row_reader_close takes it back.
 */
enum oh_err oh_row_reader_open(const char *path, enum oh_row_format format, struct oh_row_reader **out_reader,
                               struct oh_diag *diag) OH_MUST_CHECK;
void oh_row_reader_close(struct oh_row_reader **reader);

/* Bytes that are in no file. */
struct oh_row_source {
    /* Up to `size` of them into `data`; *out_size 0: the end. An error (the diag says which) is the reader's. */
    enum oh_err (*read)(void *ctx, char *data, size_t size, size_t *out_size, struct oh_diag *diag);
    void *ctx; /* borrowed until close */
};

/* The same of a stream; `name` is for sentences, and borrowed until close. Errors: those of the source too. */
enum oh_err oh_row_reader_open_source(const char *name, enum oh_row_format format,
                                      const struct oh_row_source *source, struct oh_row_reader **out_reader,
                                      struct oh_diag *diag) OH_MUST_CHECK;

/* The CSV header with its line end; empty for other formats. Lent until close. */
struct oh_bytes oh_row_reader_header(const struct oh_row_reader *reader);

/*
 * oh_row_reader_next - the next whole rows.
 *
 * Shapes:  1 to `row_count_max` rows, about 64 KiB of them at most (one row may be larger).
 * Post:    the last row of the file is given with a line end, also when the file has none.
 * Errors:  OH_E_CLOSED (no more rows), OH_E_TORN (the gzip ends early or is damaged; whole rows before
 *          the damage were given), OH_E_TOO_LARGE (a row above OH_READER_ROW_SIZE_MAX), OH_E_IO; diag tells.
 * Owner:   lends the bytes until the next call.
 */
enum oh_err oh_row_reader_next(struct oh_row_reader *reader, uint64_t row_count_max,
                               struct oh_bytes *out_rows, uint64_t *out_row_count,
                               struct oh_diag *diag) OH_MUST_CHECK;

/* How far into the file on disk reading is, and how large that is, in bytes; of a stream, 0: nobody knows. */
uint64_t oh_row_reader_offset(const struct oh_row_reader *reader);
uint64_t oh_row_reader_size(const struct oh_row_reader *reader);

#endif
