#include "codec/rows_csv.h"
#include "base/assert.h"
#include "base/lanes.h"

void oh_csv_begin(struct oh_csv_row *row, char *text)
{
    row->text = text;
    row->size = 0;
    row->source_size = 0;
    row->state = OH_CSV_CELL_START;
    row->cell_count = 0;
    row->problem = NULL;
    row->problem_type = OH_FAULT_INVALID_VALUE;
}

static void row_blame(struct oh_csv_row *row, enum oh_fault_type type, const char *problem)
{
    if (row->problem != NULL)
        return;
    row->problem = problem;
    row->problem_type = type;
}

/* Counts bytes of the row. False: it is too long, and is skipped from here on. */
static bool row_count(struct oh_csv_row *row, size_t size)
{
    if (size > OH_ROW_SIZE_MAX - row->source_size) {
        row_blame(row, OH_FAULT_TOO_LONG, "A row has at most 8192 bytes.");
        row->state = OH_CSV_SKIP;
        return false;
    }
    row->source_size += size;
    return true;
}

static void row_append(struct oh_csv_row *row, const char *data, size_t size)
{
    if (!row_count(row, size))
        return;
    oh_bytes_copy(row->text + row->size, data, size);
    row->size += size;
}

static void row_end_cell(struct oh_csv_row *row)
{
    if (row->cell_count < OH_ROW_COLUMNS_MAX)
        row->cell_ends[row->cell_count] = (uint16_t)row->size;
    else
        row_blame(row, OH_FAULT_TOO_MANY, "A row has at most 32 cells.");
    row->cell_count++;
    row->state = OH_CSV_CELL_START;
}

static bool is_special(char c)
{
    return c == ',' || c == '\n' || c == '\r' || c == '"';
}

/* How many bytes from the start of `bytes` are ordinary outside of quotes. */
static size_t cell_run(struct oh_bytes bytes)
{
    size_t size = 0;
    while (bytes.size - size >= OH_LANES) {
        oh_lanes lanes = oh_lanes_load(bytes.data + size);
        size_t run = oh_lanes_first((lanes == ',') | (lanes == '\n') | (lanes == '\r') | (lanes == '"'));
        size += run;
        if (run < OH_LANES)
            return size;
    }
    while (size < bytes.size && !is_special(bytes.data[size]))
        size++;
    return size;
}

/* How many bytes from the start of `bytes` are ordinary in this state. */
static size_t plain_run(enum oh_csv_state state, struct oh_bytes bytes)
{
    if (state != OH_CSV_QUOTED && state != OH_CSV_SKIP)
        return cell_run(bytes);
    const char *found = memchr(bytes.data, state == OH_CSV_QUOTED ? '"' : '\n', bytes.size);
    return found == NULL ? bytes.size : (size_t)(found - bytes.data);
}

/* Passes over ordinary bytes. Returns how many; 0: the next byte is special in this state. */
static size_t row_read_run(struct oh_csv_row *row, struct oh_bytes bytes)
{
    size_t room = OH_ROW_SIZE_MAX - row->source_size;
    if (row->state == OH_CSV_QUOTE_SEEN || row->state == OH_CSV_RETURN_SEEN)
        return 0;
    size_t size = plain_run(row->state, bytes);
    if (size == 0 || row->state == OH_CSV_SKIP)
        return size;
    /* The row becomes too long at a byte, not at a run, so that it does not matter how the input was cut. */
    if (room == 0) {
        (void)row_count(row, 1);
        return plain_run(row->state, bytes);
    }
    if (row->state == OH_CSV_CELL_START)
        row->state = OH_CSV_PLAIN;
    size = size < room ? size : room;
    row_append(row, bytes.data, size);
    return size;
}

/* '"' outside of SKIP. */
static void row_read_quote(struct oh_csv_row *row)
{
    switch (row->state) {
    case OH_CSV_CELL_START:
        row->state = OH_CSV_QUOTED;
        (void)row_count(row, 1);
        break;
    case OH_CSV_QUOTED:
        row->state = OH_CSV_QUOTE_SEEN;
        (void)row_count(row, 1);
        break;
    case OH_CSV_QUOTE_SEEN:
        row->state = OH_CSV_QUOTED;
        row_append(row, "\"", 1);
        break;
    case OH_CSV_PLAIN:
    case OH_CSV_RETURN_SEEN:
    case OH_CSV_SKIP:
        row_blame(row, OH_FAULT_INVALID_VALUE, "A quote inside a cell that is not quoted.");
        row_append(row, "\"", 1);
        break;
    }
}

/* Whether the byte is one that row_read_special() is for. */
static bool row_is_special(const struct oh_csv_row *row, char c)
{
    switch (row->state) {
    case OH_CSV_CELL_START:
    case OH_CSV_PLAIN:
        return is_special(c);
    case OH_CSV_QUOTED:
        return c == '"';
    case OH_CSV_QUOTE_SEEN:
    case OH_CSV_RETURN_SEEN:
        return true;
    case OH_CSV_SKIP:
        return c == '\n';
    }
    OH_UNREACHABLE();
}

/* One special byte. True: the row ended. */
static bool row_read_special(struct oh_csv_row *row, char c)
{
    if (c == '\n') {
        /* A row that is skipped has no more cells, but it must have an end. */
        if (row->state != OH_CSV_SKIP)
            row_end_cell(row);
        return true;
    }
    if (row->state == OH_CSV_RETURN_SEEN) {
        row_blame(row, OH_FAULT_INVALID_VALUE, "A carriage return without a line feed.");
        row->state = OH_CSV_PLAIN;
    }
    if (c == '"') {
        row_read_quote(row);
    } else if (c == ',') {
        if (row_count(row, 1))
            row_end_cell(row);
    } else if (c == '\r') {
        row->state = OH_CSV_RETURN_SEEN;
    } else {
        /* Only QUOTE_SEEN comes here with an ordinary byte, and RETURN_SEEN, which was blamed already. */
        row_blame(row, OH_FAULT_INVALID_VALUE, "Text after the quotes of a cell.");
        row->state = OH_CSV_PLAIN;
        row_append(row, &c, 1);
    }
    return false;
}

/*
 * Nearly every cell: a plain one that is there as a whole, up to the comma or line feed that ends it. Returns how many
 * bytes that are; 0: it is none.
 */
static size_t row_read_plain_cell(struct oh_csv_row *row, struct oh_bytes bytes)
{
    if (row->state != OH_CSV_CELL_START || row->cell_count >= OH_ROW_COLUMNS_MAX)
        return 0;
    size_t size = cell_run(bytes);
    bool is_ended = size < bytes.size && (bytes.data[size] == ',' || bytes.data[size] == '\n');
    if (!is_ended || size >= OH_ROW_SIZE_MAX - row->source_size)
        return 0;
    oh_bytes_copy(row->text + row->size, bytes.data, size);
    row->size += size;
    row->source_size += size + (bytes.data[size] == ',');
    row->cell_ends[row->cell_count++] = (uint16_t)row->size;
    return size + 1;
}

/* Up to the next special byte and with it. *out_is_complete: the row ended. */
static size_t row_read_step(struct oh_csv_row *row, struct oh_bytes bytes, bool *out_is_complete)
{
    size_t size = row_read_run(row, bytes);
    if (size < bytes.size && row_is_special(row, bytes.data[size]))
        *out_is_complete = row_read_special(row, bytes.data[size++]);
    return size;
}

size_t oh_csv_read(struct oh_csv_row *row, struct oh_bytes bytes, bool *out_is_complete)
{
    size_t at = 0;
    *out_is_complete = false;
    while (at < bytes.size && !*out_is_complete) {
        struct oh_bytes rest = { bytes.data + at, bytes.size - at };
        size_t used = row_read_plain_cell(row, rest);
        if (used > 0)
            *out_is_complete = rest.data[used - 1] == '\n';
        else
            used = row_read_step(row, rest, out_is_complete);
        at += used;
    }
    return at;
}

bool oh_csv_end(struct oh_csv_row *row)
{
    bool is_nothing = row->source_size == 0 && row->cell_count == 0 && row->state == OH_CSV_CELL_START;
    if (is_nothing)
        return false;
    if (row->state == OH_CSV_QUOTED)
        row_blame(row, OH_FAULT_INVALID_VALUE, "A quoted cell without its end.");
    if (row->state != OH_CSV_SKIP)
        row_end_cell(row);
    return true;
}

bool oh_csv_is_blank(const struct oh_csv_row *row)
{
    return row->source_size == 0 && row->cell_count == 1 && row->problem == NULL;
}

struct oh_bytes oh_csv_cell(const struct oh_csv_row *row, uint32_t index)
{
    OH_ASSERT(index < row->cell_count && index < OH_ROW_COLUMNS_MAX);
    size_t start = index == 0 ? 0 : row->cell_ends[index - 1];
    return (struct oh_bytes){ row->text + start, row->cell_ends[index] - start };
}
