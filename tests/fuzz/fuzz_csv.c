/*
 * fuzz_csv.c - cells of CSV against a twin.
 *
 * Input: one byte that says how to cut the rest, then CSV, in which a byte 0x01 stands for 1,000 letters: the limit of
 * a row is within reach of a short input.
 * Law: the same rows end at the same places; the same of them are wrong; the others have the same cells (twin_csv.h).
 */
#include "base/assert.h"
#include "codec/rows_csv.h"
#include "fuzz/fuzz.h"
#include "fuzz/twin_csv.h"
#include <string.h>

#define INPUT_SIZE_MAX 32768u
#define LETTERS_BYTE   1
#define LETTERS_COUNT  1000u

static void cells_check(const struct oh_csv_row *row, const struct twin_row *twin)
{
    OH_ASSERT(row->cell_count == twin->cell_count);
    for (uint32_t i = 0; i < row->cell_count; i++) {
        struct oh_bytes cell = oh_csv_cell(row, i);
        OH_ASSERT(oh_bytes_equal(cell, (struct oh_bytes){ twin->cells[i].text, twin->cells[i].size }));
    }
}

static void row_check(const struct oh_csv_row *row, const struct twin_row *twin)
{
    OH_ASSERT((row->problem == NULL) == twin->is_good);
    if (!twin->is_good)
        return;
    OH_ASSERT(oh_csv_is_blank(row) == twin->is_blank);
    cells_check(row, twin);
}

/* Reads one row from bytes that come in steps. Returns where it ends. */
static size_t row_read(struct oh_csv_row *row, const char *data, size_t size, size_t at, size_t step)
{
    bool is_complete = false;
    while (at < size && !is_complete) {
        size_t count = step < size - at ? step : size - at;
        size_t used = oh_csv_read(row, (struct oh_bytes){ data + at, count }, &is_complete);
        OH_ASSERT(used == count || is_complete);
        at += used;
    }
    if (!is_complete) {
        bool is_row = oh_csv_end(row);
        OH_ASSERT(is_row || row->source_size == 0);
    }
    return at;
}

/* Returns the size; what does not fit is left out. */
static size_t letters_expand(const uint8_t *data, size_t size, char *out)
{
    size_t out_size = 0;
    for (size_t i = 0; i < size; i++) {
        size_t count = data[i] == LETTERS_BYTE ? LETTERS_COUNT : 1;
        if (count > INPUT_SIZE_MAX - out_size)
            break;
        memset(out + out_size, data[i] == LETTERS_BYTE ? 'x' : data[i], count);
        out_size += count;
    }
    return out_size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct twin_row twin;
    static char text[OH_ROW_SIZE_MAX];
    static char bytes[INPUT_SIZE_MAX];
    if (size < 1)
        return 0;
    size_t step = data[0] == 0 ? INPUT_SIZE_MAX : data[0];
    size = letters_expand(data + 1, size - 1, bytes);
    for (size_t at = 0; at < size;) {
        struct oh_csv_row row;
        oh_csv_begin(&row, text);
        twin_csv_row(bytes, size, at, &twin);
        at = row_read(&row, bytes, size, at, step);
        OH_ASSERT(at == twin.end);
        row_check(&row, &twin);
    }
    return 0;
}
