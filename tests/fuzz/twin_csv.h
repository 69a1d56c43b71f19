/*
 * twin_csv.h - CSV read once more: the whole text at once, by position, without a state machine.
 *
 * Written from RFC 4180 and rows_csv.h; shares no code with src/codec. A row that breaks the rules has an end all the
 * same, and only its end is told. One thread.
 */
#ifndef ONHAND_TESTS_FUZZ_TWIN_CSV_H
#define ONHAND_TESTS_FUZZ_TWIN_CSV_H

#include <stdbool.h>
#include <stddef.h>

#define TWIN_CELLS_MAX    32u
#define TWIN_ROW_SIZE_MAX 8192u

struct twin_cell {
    const char *text; /* unquoted, in twin_row.text */
    size_t size;
};

struct twin_row {
    bool is_good;  /* else only `end` says something */
    bool is_blank; /* nothing stands on the line */
    size_t end;    /* where the next row begins */
    size_t cell_count;
    struct twin_cell cells[TWIN_CELLS_MAX];
    char text[TWIN_ROW_SIZE_MAX];
};

/* Reads the row that begins at data[at], at < size. */
void twin_csv_row(const char *data, size_t size, size_t at, struct twin_row *out);

#endif
