#include "base/assert.h"
#include "sim/database_internal.h"
#include "storage/pg_migrate.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORTS_KEPT  4096u
#define UNIQUE        "23505"
#define CHECK_FAILED  "23514"
#define NO_PARTITION  "23514"
#define DISK_FULL     "53100"

/* ---- Rows in general --------------------------------------------------------------------------------------------- */

static int64_t cell(const struct statement_call *call, uint32_t column, uint32_t row)
{
    OH_ASSERT(column < call->column_count && row < call->columns[column].count);
    return call->columns[column].cells[row];
}

/* The columns of a row from `first` on, as the table has them. */
static void cells_take(const struct statement_call *call, enum table_id id, uint32_t first, uint32_t row, int64_t *out)
{
    for (uint32_t i = 0; i < table_columns(id); i++)
        out[i] = cell(call, first + i, row);
}

static uint32_t row_find(const struct statement_call *call, enum table_id id, const int64_t *cells)
{
    int64_t key[TABLE_KEYS_MAX];
    for (uint32_t i = 0; i < table_shapes[id].key_count; i++)
        key[i] = cells[(unsigned char)table_shapes[id].keys[i]];
    return table_find(&call->database->tables, id, key);
}

/* INSERT ... ON CONFLICT DO UPDATE of the last of each key, without the columns that keep what they have. */
static bool upsert(struct statement_call *call, enum table_id id, uint32_t kept)
{
    struct tables *tables = &call->database->tables;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        cells_take(call, id, 0, i, cells);
        uint32_t row = row_find(call, id, cells);
        if (row == ROW_NONE) {
            (void)table_insert(tables, id, cells);
            continue;
        }
        for (uint32_t column = 0; column < table_columns(id); column++) {
            if ((kept >> column & 1) != 0)
                cells[column] = table_row(tables, id, row)[column];
        }
        table_change(tables, id, row, cells);
    }
    call->changed = call->count;
    return true;
}

/* Every row whose first column is one of the parameter's. */
static bool remove_all(struct statement_call *call, enum table_id id, uint32_t column)
{
    struct tables *tables = &call->database->tables;
    call->changed = 0;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t first = cell(call, column, i);
        for (uint32_t row = table_first(tables, id, first); row != ROW_NONE;) {
            uint32_t next = table_next(tables, id, row);
            table_remove(tables, id, row);
            call->changed++;
            row = next;
        }
    }
    return true;
}

static bool insert_all(struct statement_call *call, enum table_id id)
{
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        cells_take(call, id, 0, i, cells);
        if (!table_insert(&call->database->tables, id, cells))
            return statement_refuse(call, UNIQUE, "duplicate key value violates unique constraint");
    }
    call->changed = call->count;
    return true;
}

/* The last row of each key, unless it says that it is removed; the first parameter says so. */
static bool insert_last(struct statement_call *call, enum table_id id)
{
    struct tables *tables = &call->database->tables;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        bool is_last = true;
        cells_take(call, id, 1, i, cells);
        for (uint32_t later = i + 1; later < call->count && is_last; later++) {
            is_last = false;
            for (uint32_t key = 0; key < table_shapes[id].key_count; key++) {
                uint32_t column = (unsigned char)table_shapes[id].keys[key];
                is_last = is_last || cell(call, 1 + column, later) != cells[column];
            }
        }
        if (is_last && cell(call, 0, i) == 0 && !table_insert(tables, id, cells))
            return statement_refuse(call, UNIQUE, "duplicate key value violates unique constraint");
    }
    return true;
}

/*
 * False: a row is said twice. What PostgreSQL then does is an error, or takes either of the two; nobody may rely on it,
 * also not on the error, after which records are taken one at a time.
 */
static bool rows_are_one_each(struct statement_call *call, uint32_t key_count)
{
    for (uint32_t a = 0; a < call->count; a++) {
        for (uint32_t b = a + 1; b < call->count; b++) {
            uint32_t same = 0;
            while (same < key_count && cell(call, same, a) == cell(call, same, b))
                same++;
            if (same < key_count)
                continue;
            call->database->hooks.broken(call->database->hooks.ctx, "a row is said twice in one statement");
            return statement_refuse(call, "21000", "command cannot affect row a second time");
        }
    }
    return true;
}

/* ---- Reference data ---------------------------------------------------------------------------------------------- */

#define KEPT(column) (1u << (column))

static bool nodes_put(struct statement_call *call)
{
    return upsert(call, TABLE_NODE, KEPT(1));
}

static bool items_put(struct statement_call *call)
{
    return upsert(call, TABLE_ITEM, KEPT(1));
}

static bool groups_put(struct statement_call *call)
{
    return upsert(call, TABLE_GROUP, KEPT(1));
}

static bool group_members_drop(struct statement_call *call)
{
    return remove_all(call, TABLE_MEMBER, 0);
}

static bool members_put(struct statement_call *call)
{
    return upsert(call, TABLE_MEMBER, 0);
}

static bool channels_put(struct statement_call *call)
{
    return rows_are_one_each(call, 1) && upsert(call, TABLE_CHANNEL, KEPT(1));
}

static bool channel_nodes_drop(struct statement_call *call)
{
    return remove_all(call, TABLE_CHANNEL_NODE, 0);
}

static bool channel_groups_drop(struct statement_call *call)
{
    return remove_all(call, TABLE_CHANNEL_GROUP, 0);
}

static bool channel_nodes_put(struct statement_call *call)
{
    return insert_all(call, TABLE_CHANNEL_NODE);
}

static bool channel_groups_put(struct statement_call *call)
{
    return insert_all(call, TABLE_CHANNEL_GROUP);
}

static bool rules_drop(struct statement_call *call)
{
    return remove_all(call, TABLE_RULE, 1);
}

static bool rules_put(struct statement_call *call)
{
    return insert_last(call, TABLE_RULE);
}

static bool fences_drop(struct statement_call *call)
{
    return remove_all(call, TABLE_FENCE, 1);
}

/* One at a place: (sku, node, channel) is unique too. */
static bool fences_put(struct statement_call *call)
{
    const struct tables *tables = &call->database->tables;
    const struct table *fences = &tables->tables[TABLE_FENCE];
    if (!insert_last(call, TABLE_FENCE))
        return false;
    for (uint32_t a = 0; a < fences->count; a++) {
        for (uint32_t b = a + 1; fences->is_there[a] && b < fences->count; b++) {
            if (fences->is_there[b] && memcmp(table_row(tables, TABLE_FENCE, a) + 1,
                                              table_row(tables, TABLE_FENCE, b) + 1, 3 * sizeof(int64_t)) == 0)
                return statement_refuse(call, UNIQUE, "two fences at one place");
        }
    }
    return true;
}

static bool supplies_drop(struct statement_call *call)
{
    return remove_all(call, TABLE_SUPPLY, 1);
}

static bool supplies_put(struct statement_call *call)
{
    return insert_last(call, TABLE_SUPPLY);
}

static bool postal_codes_put(struct statement_call *call)
{
    return upsert(call, TABLE_POSTAL_CODE, 0);
}

static bool transits_put(struct statement_call *call)
{
    struct tables *tables = &call->database->tables;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        cells_take(call, TABLE_TRANSIT, 0, i, cells);
        uint32_t row = row_find(call, TABLE_TRANSIT, cells);
        if (row == ROW_NONE) {
            (void)table_insert(tables, TABLE_TRANSIT, cells);
            continue;
        }
        cells[5] += table_row(tables, TABLE_TRANSIT, row)[5];
        table_change(tables, TABLE_TRANSIT, row, cells);
    }
    return true;
}

static bool documents_drop(struct statement_call *call)
{
    for (uint32_t i = 0; i < call->count; i++) {
        const int64_t key[] = { cell(call, 1, i), cell(call, 2, i) };
        uint32_t row = table_find(&call->database->tables, TABLE_DOCUMENT, key);
        if (row != ROW_NONE)
            table_remove(&call->database->tables, TABLE_DOCUMENT, row);
    }
    return true;
}

static bool documents_put(struct statement_call *call)
{
    return insert_last(call, TABLE_DOCUMENT);
}

/* The greatest number of each wins: the last one, as those of records grow, and a snapshot has each once. */
static bool imports_put(struct statement_call *call)
{
    for (uint32_t i = 0; i < call->count; i++) {
        for (uint32_t before = 0; before < i; before++)
            OH_ASSERT(cell(call, 0, before) != cell(call, 0, i) || cell(call, 3, before) < cell(call, 3, i));
    }
    return upsert(call, TABLE_IMPORT, 0);
}

static int greater_first(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return left > right ? -1 : left < right;
}

static bool imports_drop(struct statement_call *call)
{
    struct tables *tables = &call->database->tables;
    const struct table *imports = &tables->tables[TABLE_IMPORT];
    if (imports->rows <= IMPORTS_KEPT)
        return true;
    int64_t *numbers = calloc(imports->rows, sizeof(*numbers));
    uint32_t count = 0;
    OH_ASSERT(numbers != NULL);
    for (uint32_t row = 0; row < imports->count; row++) {
        if (imports->is_there[row])
            numbers[count++] = table_row(tables, TABLE_IMPORT, row)[3];
    }
    qsort(numbers, count, sizeof(*numbers), greater_first);
    for (uint32_t row = 0; row < imports->count; row++) {
        if (imports->is_there[row] && table_row(tables, TABLE_IMPORT, row)[3] <= numbers[IMPORTS_KEPT])
            table_remove(tables, TABLE_IMPORT, row);
    }
    free(numbers);
    return true;
}

/* ---- Reservations ------------------------------------------------------------------------------------------------ */

static bool replaced_reservations_drop(struct statement_call *call)
{
    return remove_all(call, TABLE_RESERVATION, 0);
}

static bool replaced_lines_drop(struct statement_call *call)
{
    return remove_all(call, TABLE_LINE, 0);
}

static bool replaced_bookings_drop(struct statement_call *call)
{
    return remove_all(call, TABLE_BOOKING, 0);
}

static bool replaced_promises_drop(struct statement_call *call)
{
    return remove_all(call, TABLE_PROMISE, 0);
}

static bool reservations_copy(struct statement_call *call)
{
    return insert_all(call, TABLE_RESERVATION);
}

/* Columns of a line. */
enum {
    LINE_QUANTITY = 4,
    LINE_HELD,
    LINE_CONFIRMED,
    LINE_FULFILLED,
    LINE_EXPIRED,
    LINE_DUE,
    LINE_ORDINAL,
    LINE_SEQ,
};

static bool line_is_sound(const int64_t *cells)
{
    int64_t released = cells[LINE_QUANTITY];
    bool is_sound = cells[LINE_QUANTITY] > 0;
    for (uint32_t i = LINE_HELD; i <= LINE_EXPIRED; i++) {
        is_sound = is_sound && cells[i] >= 0;
        released -= cells[i];
    }
    return is_sound && released >= 0;
}

static bool lines_copy(struct statement_call *call)
{
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        cells_take(call, TABLE_LINE, 0, i, cells);
        if (!line_is_sound(cells))
            return statement_refuse(call, CHECK_FAILED, "a line that cannot be");
    }
    return insert_all(call, TABLE_LINE);
}

static bool moved_lines_drop(struct statement_call *call)
{
    struct tables *tables = &call->database->tables;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        cells_take(call, TABLE_LINE, 0, i, cells);
        uint32_t row = row_find(call, TABLE_LINE, cells);
        if (row != ROW_NONE && cells[LINE_QUANTITY] < 0 &&
            table_row(tables, TABLE_LINE, row)[LINE_QUANTITY] + cells[LINE_QUANTITY] == 0) {
            table_remove(tables, TABLE_LINE, row);
            call->changed++;
        }
    }
    return true;
}

static bool lines_add(struct statement_call *call)
{
    struct tables *tables = &call->database->tables;
    if (!rows_are_one_each(call, 4))
        return false;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        cells_take(call, TABLE_LINE, 0, i, cells);
        uint32_t row = row_find(call, TABLE_LINE, cells);
        if (row == ROW_NONE)
            continue;
        const int64_t *there = table_row(tables, TABLE_LINE, row);
        for (uint32_t column = LINE_QUANTITY; column <= LINE_EXPIRED; column++)
            cells[column] += there[column];
        if (there[LINE_DUE] != CELL_NULL)
            cells[LINE_DUE] = there[LINE_DUE];
        if (cells[LINE_HELD] + cells[LINE_CONFIRMED] <= 0)
            cells[LINE_DUE] = CELL_NULL;
        cells[LINE_ORDINAL] = there[LINE_ORDINAL];
        if (!line_is_sound(cells))
            return statement_refuse(call, CHECK_FAILED, "a line that cannot be");
        table_change(tables, TABLE_LINE, row, cells);
        call->changed++;
    }
    return true;
}

static bool missing_lines_put(struct statement_call *call)
{
    struct tables *tables = &call->database->tables;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        cells_take(call, TABLE_LINE, 0, i, cells);
        if (cells[LINE_QUANTITY] <= 0 || row_find(call, TABLE_LINE, cells) != ROW_NONE)
            continue;
        if (cells[LINE_HELD] + cells[LINE_CONFIRMED] <= 0)
            cells[LINE_DUE] = CELL_NULL;
        if (!line_is_sound(cells))
            return statement_refuse(call, CHECK_FAILED, "a line that cannot be");
        (void)table_insert(tables, TABLE_LINE, cells);
        call->changed++;
    }
    return true;
}

/* Columns of a reservation. */
enum {
    RESERVATION_CHANNEL = 2,
    RESERVATION_STATUS = 5,
    RESERVATION_EXPIRES = 7,
    RESERVATION_ENDED = 8,
    RESERVATION_SEQ = 10,
};

static bool reservations_step(struct statement_call *call)
{
    static const char *const statuses[] = { "held", "confirmed", "fulfilled", "expired" };
    struct tables *tables = &call->database->tables;
    if (!rows_are_one_each(call, 1))
        return false;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        bool has[4] = { false };
        const int64_t key[] = { cell(call, 0, i) };
        uint32_t row = table_find(tables, TABLE_RESERVATION, key);
        if (row == ROW_NONE)
            continue;
        for (uint32_t line = table_first(tables, TABLE_LINE, key[0]); line != ROW_NONE;
             line = table_next(tables, TABLE_LINE, line)) {
            for (uint32_t figure = 0; figure < 4; figure++)
                has[figure] = has[figure] || table_row(tables, TABLE_LINE, line)[LINE_HELD + figure] > 0;
        }
        uint32_t status = 0;
        while (status < 4 && !has[status])
            status++;
        memcpy(cells, table_row(tables, TABLE_RESERVATION, row), sizeof(int64_t) * table_columns(TABLE_RESERVATION));
        cells[RESERVATION_SEQ] = cell(call, 1, i);
        if (cell(call, 2, i) != 0)
            cells[RESERVATION_EXPIRES] = cell(call, 3, i);
        cells[RESERVATION_STATUS] = text_number(oh_bytes_of(status < 4 ? statuses[status] : "released"));
        if (cells[RESERVATION_ENDED] == CELL_NULL && !has[0] && !has[1])
            cells[RESERVATION_ENDED] = cell(call, 4, i);
        if (cells[RESERVATION_ENDED] != CELL_NULL && status < 2)
            return statement_refuse(call, CHECK_FAILED, "a reservation that has ended and is live");
        table_change(tables, TABLE_RESERVATION, row, cells);
        call->changed++;
    }
    return true;
}

static bool ended_bookings_drop(struct statement_call *call)
{
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        cells_take(call, TABLE_BOOKING, 0, i, cells);
        uint32_t row = row_find(call, TABLE_BOOKING, cells);
        if (cells[6] == 0 && row != ROW_NONE)
            table_remove(&call->database->tables, TABLE_BOOKING, row);
    }
    return true;
}

static bool is_same_booking(const struct statement_call *call, uint32_t a, uint32_t b)
{
    return cell(call, 0, a) == cell(call, 0, b) && cell(call, 1, a) == cell(call, 1, b) &&
           cell(call, 2, a) == cell(call, 2, b) && cell(call, 4, a) == cell(call, 4, b);
}

/* Of each window: what is behind its last end; made as the first of these says, as large as the last says. */
static bool bookings_put(struct statement_call *call)
{
    struct tables *tables = &call->database->tables;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        bool has_ended = cell(call, 6, i) == 0;
        for (uint32_t later = i + 1; later < call->count; later++)
            has_ended = has_ended || (is_same_booking(call, i, later) && cell(call, 6, later) == 0);
        if (has_ended)
            continue;
        cells_take(call, TABLE_BOOKING, 0, i, cells);
        uint32_t row = row_find(call, TABLE_BOOKING, cells);
        if (row == ROW_NONE) {
            (void)table_insert(tables, TABLE_BOOKING, cells);
            continue;
        }
        int64_t there[TABLE_COLUMNS_MAX];
        memcpy(there, table_row(tables, TABLE_BOOKING, row), sizeof(int64_t) * table_columns(TABLE_BOOKING));
        there[6] = cells[6];
        there[8] = cells[8];
        table_change(tables, TABLE_BOOKING, row, there);
    }
    return true;
}

static bool promises_put(struct statement_call *call)
{
    return upsert(call, TABLE_PROMISE, 0);
}

/* ---- Stock ------------------------------------------------------------------------------------------------------- */

/* Columns of a position. */
enum {
    POSITION_SELLABLE = 2,
    POSITION_HELD = 7,
    POSITION_CONFIRMED,
    POSITION_SEQ,
    POSITION_FIRST,
    POSITION_FORGOTTEN,
};

static bool claimed_add(struct statement_call *call)
{
    struct tables *tables = &call->database->tables;
    if (!rows_are_one_each(call, 2))
        return false;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        const int64_t key[] = { cell(call, 0, i), cell(call, 1, i) };
        uint32_t row = table_find(tables, TABLE_POSITION, key);
        if (row == ROW_NONE)
            continue;
        memcpy(cells, table_row(tables, TABLE_POSITION, row), sizeof(int64_t) * table_columns(TABLE_POSITION));
        cells[POSITION_HELD] += cell(call, 2, i);
        cells[POSITION_CONFIRMED] += cell(call, 3, i);
        cells[POSITION_SEQ] = cell(call, 4, i);
        table_change(tables, TABLE_POSITION, row, cells);
        call->changed++;
    }
    return true;
}

static bool missing_claimed_put(struct statement_call *call)
{
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX] = { cell(call, 0, i), cell(call, 1, i) };
        cells[POSITION_HELD] = cell(call, 2, i);
        cells[POSITION_CONFIRMED] = cell(call, 3, i);
        cells[POSITION_SEQ] = cell(call, 4, i);
        cells[POSITION_FIRST] = CELL_NULL;
        if (row_find(call, TABLE_POSITION, cells) == ROW_NONE)
            (void)table_insert(&call->database->tables, TABLE_POSITION, cells);
    }
    return true;
}

static bool positions_merge(struct statement_call *call)
{
    struct tables *tables = &call->database->tables;
    if (!rows_are_one_each(call, 2))
        return false;
    for (uint32_t i = 0; i < call->count; i++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        cells_take(call, TABLE_POSITION, 0, i, cells);
        uint32_t row = row_find(call, TABLE_POSITION, cells);
        if (row == ROW_NONE) {
            (void)table_insert(tables, TABLE_POSITION, cells);
            continue;
        }
        const int64_t *there = table_row(tables, TABLE_POSITION, row);
        for (uint32_t column = POSITION_SELLABLE; column <= POSITION_CONFIRMED; column++)
            cells[column] += there[column];
        bool is_later = there[POSITION_FIRST] != CELL_NULL &&
                        (cells[POSITION_FIRST] == CELL_NULL || there[POSITION_FIRST] < cells[POSITION_FIRST]);
        if (is_later)
            cells[POSITION_FIRST] = there[POSITION_FIRST];
        cells[POSITION_FORGOTTEN] |= there[POSITION_FORGOTTEN];
        table_change(tables, TABLE_POSITION, row, cells);
    }
    return true;
}

static bool counts_put(struct statement_call *call)
{
    return rows_are_one_each(call, 3) && upsert(call, TABLE_COUNT, 0);
}

static bool fences_use(struct statement_call *call)
{
    struct tables *tables = &call->database->tables;
    const struct table *fences = &tables->tables[TABLE_FENCE];
    for (uint32_t row = 0; row < fences->count; row++) {
        int64_t cells[TABLE_COLUMNS_MAX];
        int64_t used = 0;
        int64_t seq = CELL_NULL;
        if (!fences->is_there[row])
            continue;
        memcpy(cells, table_row(tables, TABLE_FENCE, row), sizeof(int64_t) * table_columns(TABLE_FENCE));
        for (uint32_t i = 0; i < call->count; i++) {
            const int64_t key[] = { cell(call, 0, i) };
            uint32_t reservation = table_find(tables, TABLE_RESERVATION, key);
            if (cell(call, 1, i) != cells[1] || cell(call, 2, i) != cells[2] || reservation == ROW_NONE ||
                table_row(tables, TABLE_RESERVATION, reservation)[RESERVATION_CHANNEL] != cells[3])
                continue;
            used += cell(call, 3, i);
            seq = cell(call, 4, i) > seq ? cell(call, 4, i) : seq;
        }
        if (seq == CELL_NULL)
            continue;
        cells[4] = cells[4] > used ? cells[4] - used : 0;
        cells[6] = seq;
        table_change(tables, TABLE_FENCE, row, cells);
        call->changed++;
    }
    return true;
}

/* ---- Months ------------------------------------------------------------------------------------------------------ */

/* Year * 12 + month, from days since 1970 (proleptic Gregorian). */
static uint32_t month_of(int64_t at_us)
{
    int64_t days = at_us / INT64_C(86400000000);
    uint32_t year = 1970;
    OH_ASSERT(at_us >= 0);
    for (;; year++) { /* bounded by the year */
        bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (days < (is_leap ? 366 : 365))
            break;
        days -= is_leap ? 366 : 365;
    }
    static const uint8_t sizes[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    uint32_t month = 0;
    for (; month < 11; month++) {
        bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        int64_t size = sizes[month] + (month == 1 && is_leap ? 1 : 0);
        if (days < size)
            break;
        days -= size;
    }
    return year * 12 + month;
}

static bool month_is_there(const struct database *database, uint32_t month)
{
    for (uint32_t i = 0; i < database->state.month_count; i++) {
        if (database->state.months[i] == month)
            return true;
    }
    return false;
}

static void month_add(struct database *database, uint32_t month)
{
    if (month_is_there(database, month))
        return;
    OH_ASSERT(database->state.month_count < DATABASE_MONTHS_MAX);
    database->state.months[database->state.month_count++] = month;
}

static bool months_add(struct statement_call *call)
{
    uint32_t month = month_of(cell(call, 0, 0));
    int64_t end_us = cell(call, 0, 0) / INT64_C(86400000000) * INT64_C(86400000000);
    month_add(call->database, month);
    month_add(call->database, month + 1);
    while (month_of(end_us) < month + 2)
        end_us += INT64_C(86400000000);
    result_put_null(call->pg);
    result_put_null(call->pg);
    result_put_i64(call->pg, end_us - INT64_C(946684800000000));
    return true;
}

/* Rows go into the partition of their month. */
static bool partitioned_copy(struct statement_call *call, enum table_id id, uint32_t time_column)
{
    for (uint32_t i = 0; i < call->count; i++) {
        if (!month_is_there(call->database, month_of(cell(call, time_column, i))))
            return statement_refuse(call, NO_PARTITION, "no partition of relation found for row");
    }
    return insert_all(call, id);
}

static bool movements_copy(struct statement_call *call)
{
    return partitioned_copy(call, TABLE_MOVEMENT, 2);
}

static bool events_copy(struct statement_call *call)
{
    return partitioned_copy(call, TABLE_EVENT, 2);
}

static bool keys_copy(struct statement_call *call)
{
    return insert_all(call, TABLE_KEY);
}

static bool keys_forget(struct statement_call *call)
{
    struct tables *tables = &call->database->tables;
    for (uint32_t row = 0; row < tables->tables[TABLE_KEY].count; row++) {
        if (tables->tables[TABLE_KEY].is_there[row] && table_row(tables, TABLE_KEY, row)[2] < cell(call, 0, 0))
            table_remove(tables, TABLE_KEY, row);
    }
    return true;
}

/* ---- Watermark, lock, schema ------------------------------------------------------------------------------------- */

static bool watermark_read(struct statement_call *call)
{
    const struct database_watermark *watermark = &call->database->state.watermark;
    bool has_seq = watermark->seq > 0;
    call->database->is_row_locked = true;
    result_put_i64(call->pg, watermark->seq);
    if (watermark->ledger != CELL_NULL)
        result_put_i64(call->pg, watermark->ledger);
    else
        result_put_null(call->pg);
    if (has_seq)
        result_put_i64(call->pg, watermark->record_print);
    else
        result_put_null(call->pg);
    result_put_i64(call->pg, watermark->movements);
    result_put_i64(call->pg, watermark->imports);
    result_put_i64(call->pg, watermark->epoch);
    return true;
}

static bool epoch_adopt(struct statement_call *call)
{
    struct database_watermark *watermark = &call->database->state.watermark;
    watermark->ledger = cell(call, 0, 0);
    call->pg->epoch = ++watermark->epoch;
    call->database->is_row_locked = true;
    result_put_i64(call->pg, watermark->epoch);
    call->changed = 1;
    return true;
}

static bool watermark_advance(struct statement_call *call)
{
    struct database_watermark *watermark = &call->database->state.watermark;
    if (watermark->seq != cell(call, 6, 0) || watermark->epoch != cell(call, 7, 0))
        return true;
    call->database->is_row_locked = true;
    watermark->seq = cell(call, 0, 0);
    watermark->at_us = cell(call, 1, 0);
    watermark->record_print = cell(call, 2, 0);
    watermark->movements = cell(call, 3, 0);
    watermark->imports = cell(call, 4, 0);
    watermark->known_seq = cell(call, 5, 0) > watermark->seq ? cell(call, 5, 0) : watermark->seq;
    call->changed = 1;
    return true;
}

static bool watermark_look(struct statement_call *call)
{
    const struct database_watermark *watermark = &call->database->state.watermark;
    if (watermark->seq == cell(call, 0, 0) && watermark->epoch == cell(call, 1, 0))
        result_put_i32(call->pg, 1);
    return true;
}

/* What the position has in a state beyond its movements. */
static bool openings_put(struct statement_call *call)
{
    static const char *const states[] = { "sellable", "damaged", "quality_control", "display", "returned" };
    struct tables *tables = &call->database->tables;
    for (uint32_t row = 0; row < tables->tables[TABLE_POSITION].count; row++) {
        if (!tables->tables[TABLE_POSITION].is_there[row])
            continue;
        const int64_t *position = table_row(tables, TABLE_POSITION, row);
        for (uint32_t state = 0; state < 5; state++) {
            int64_t cells[TABLE_COLUMNS_MAX] = { position[0], position[1], text_number(oh_bytes_of(states[state])),
                                                 position[POSITION_SELLABLE + state] };
            for (uint32_t i = 0; i < tables->tables[TABLE_MOVEMENT].count; i++) {
                const int64_t *movement = table_row(tables, TABLE_MOVEMENT, i);
                if (tables->tables[TABLE_MOVEMENT].is_there[i] && memcmp(movement + 4, cells, 3 * sizeof(*cells)) == 0)
                    cells[3] -= movement[8];
            }
            if (cells[3] != 0 && !table_insert(tables, TABLE_OPENING, cells))
                return statement_refuse(call, UNIQUE, "duplicate key value violates unique constraint");
        }
    }
    return true;
}

static bool forgotten_set(struct statement_call *call)
{
    struct database_watermark *watermark = &call->database->state.watermark;
    call->database->is_row_locked = true;
    watermark->forgotten = cell(call, 0, 0);
    watermark->forgotten_at_us = cell(call, 1, 0);
    watermark->history_from_us = cell(call, 2, 0);
    watermark->loads++;
    call->changed = 1;
    return true;
}

static bool lock_try(struct statement_call *call)
{
    struct database *database = call->database;
    bool is_free = database->lock_owner == NULL &&
                   database->hooks.now_us(database->hooks.ctx) >= database->locked_until_us;
    if (is_free)
        database->lock_owner = call->pg;
    result_put_bool(call->pg, is_free);
    return true;
}

static bool schema_exists(struct statement_call *call)
{
    result_put_bool(call->pg, call->database->state.has_schema);
    return true;
}

static bool version_read(struct statement_call *call)
{
    result_put_i32(call->pg, (int32_t)call->database->state.version);
    return true;
}

static bool version_record(struct statement_call *call)
{
    call->database->state.version = (uint32_t)cell(call, 0, 0);
    return true;
}

static bool schema_make(struct statement_call *call)
{
    call->database->state.has_schema = true;
    return true;
}

/* The first one makes the tables, and the watermark's row. */
static bool migration_run(struct statement_call *call, uint32_t number)
{
    if (number == 0)
        call->database->state.watermark = (struct database_watermark){ .ledger = CELL_NULL };
    return true;
}

/* ---- Transactions ------------------------------------------------------------------------------------------------ */

static bool savepoint_return(struct statement_call *call)
{
    if (!call->pg->has_savepoint)
        return statement_refuse(call, "3B001", "savepoint \"before_ids\" does not exist");
    tables_take_back(&call->database->tables, call->pg->savepoint);
    call->pg->is_aborted = false;
    return true;
}

static bool savepoint_release(struct statement_call *call)
{
    if (!call->pg->has_savepoint)
        return statement_refuse(call, "3B001", "savepoint \"before_ids\" does not exist");
    call->pg->has_savepoint = false;
    return true;
}

/* The savepoint stands also when the COPY behind it fails. */
static bool savepoint_and_reservations(struct statement_call *call)
{
    if (call->database->owner != call->pg)
        return statement_refuse(call, "25P01", "SAVEPOINT can only be used in transaction blocks");
    call->pg->has_savepoint = true;
    call->pg->savepoint = tables_mark(&call->database->tables);
    return reservations_copy(call);
}

/* ---- All statements ---------------------------------------------------------------------------------------------- */

/*
 * A statement is known by a hash of its whole text: whoever changes one looks here whether what is done is still what
 * it says, and puts in the number that the failed run tells.
 */
struct known_statement {
    uint64_t hash;
    bool (*run)(struct statement_call *call);
    bool writes;            /* rows: it needs room on the disk */
    enum table_id copy_id; /* of a COPY from the client: the table; TABLE_IDS: it is none */
};

static const struct known_statement known_statements[] = {
    { UINT64_C(0x3469efc9ba77ff11), nodes_put, true, TABLE_IDS },
    { UINT64_C(0x8b199249a26f9b7d), items_put, true, TABLE_IDS },
    { UINT64_C(0x0a8ef1feffa9cc44), groups_put, true, TABLE_IDS },
    { UINT64_C(0x35c1850aa308cb21), group_members_drop, true, TABLE_IDS },
    { UINT64_C(0x00e69fb61d005e74), members_put, true, TABLE_IDS },
    { UINT64_C(0x428656ab1f9d24b2), channels_put, true, TABLE_IDS },
    { UINT64_C(0xbf2391ab3ae98385), channel_nodes_drop, true, TABLE_IDS },
    { UINT64_C(0xdae0ca120c7f9dfc), channel_groups_drop, true, TABLE_IDS },
    { UINT64_C(0x7c2da45ce2ff5e41), channel_nodes_put, true, TABLE_IDS },
    { UINT64_C(0xea06a1215e161c82), channel_groups_put, true, TABLE_IDS },
    { UINT64_C(0x55c246fabb21175d), rules_drop, true, TABLE_IDS },
    { UINT64_C(0x34dc5bad1586ea99), rules_put, true, TABLE_IDS },
    { UINT64_C(0x29d3a479aa01e05b), fences_drop, true, TABLE_IDS },
    { UINT64_C(0xad3e1cb9bf87cb75), fences_put, true, TABLE_IDS },
    { UINT64_C(0xc344d9c7ec977a53), supplies_drop, true, TABLE_IDS },
    { UINT64_C(0x88e2c765446fb3a2), supplies_put, true, TABLE_IDS },
    { UINT64_C(0x8560c22996353a82), postal_codes_put, true, TABLE_IDS },
    { UINT64_C(0x80f87dc5c01ff2ac), transits_put, true, TABLE_IDS },
    { UINT64_C(0x4cd0d99342f3a797), documents_drop, true, TABLE_IDS },
    { UINT64_C(0x18fb44ee781e6835), documents_put, true, TABLE_IDS },
    { UINT64_C(0x272a6bc5b7b51734), imports_put, true, TABLE_IDS },
    { UINT64_C(0x53500a092a4a3208), imports_drop, true, TABLE_IDS },
    { UINT64_C(0x4732d6603e247702), replaced_reservations_drop, true, TABLE_IDS },
    { UINT64_C(0x5c3564784a9320cf), replaced_lines_drop, true, TABLE_IDS },
    { UINT64_C(0x99b8a48dcec01351), replaced_bookings_drop, true, TABLE_IDS },
    { UINT64_C(0x97f6571fa8ac4947), replaced_promises_drop, true, TABLE_IDS },
    { UINT64_C(0xae6ca4eb8ec6a631), savepoint_and_reservations, true, TABLE_RESERVATION },
    { UINT64_C(0x9d79c2cde4ac78b7), lines_copy, true, TABLE_LINE },
    { UINT64_C(0x5c982f4f4358f834), ended_bookings_drop, true, TABLE_IDS },
    { UINT64_C(0xc4334b30b062a164), bookings_put, true, TABLE_IDS },
    { UINT64_C(0x911248855468ad22), promises_put, true, TABLE_IDS },
    { UINT64_C(0xccc3208530d5a20c), claimed_add, true, TABLE_IDS },
    { UINT64_C(0xb33c31ff536b4d1e), missing_claimed_put, true, TABLE_IDS },
    { UINT64_C(0x0390aa9bd9119bc6), positions_merge, true, TABLE_IDS },
    { UINT64_C(0x8db800f7ce14dd92), counts_put, true, TABLE_IDS },
    { UINT64_C(0x9e6f911f3c9d4f11), moved_lines_drop, true, TABLE_IDS },
    { UINT64_C(0xbdee78385184c56a), lines_add, true, TABLE_IDS },
    { UINT64_C(0x862fd98483003b93), missing_lines_put, true, TABLE_IDS },
    { UINT64_C(0xcc9363fe567861e7), reservations_step, true, TABLE_IDS },
    { UINT64_C(0xbf7fc7482b4df4c6), fences_use, true, TABLE_IDS },
    { UINT64_C(0x1d49aa7bb3d79d10), movements_copy, true, TABLE_MOVEMENT },
    { UINT64_C(0x26ce78a86a27b140), events_copy, true, TABLE_EVENT },
    { UINT64_C(0xa8ce7a109bc02d89), keys_copy, true, TABLE_KEY },
    { UINT64_C(0x88b09273c018a8cc), savepoint_return, false, TABLE_IDS },
    { UINT64_C(0x63180374bcfef040), savepoint_release, false, TABLE_IDS },
    { UINT64_C(0xc00bc427da2a65ea), lock_try, false, TABLE_IDS },
    { UINT64_C(0xa726e24ecde7fc7d), watermark_read, false, TABLE_IDS },
    { UINT64_C(0x68586f93e816251d), epoch_adopt, false, TABLE_IDS },
    { UINT64_C(0xb0d0c06cda8f4a4a), months_add, false, TABLE_IDS },
    { UINT64_C(0x7bba9f32c092197c), transaction_begin, false, TABLE_IDS },
    { UINT64_C(0x57774e4cbffd0c38), transaction_begin, false, TABLE_IDS },
    { UINT64_C(0x418c4bd39319981a), watermark_advance, false, TABLE_IDS },
    { UINT64_C(0x57cc4d65cf22ee1b), watermark_look, false, TABLE_IDS },
    { UINT64_C(0xfd1fdf28670cb1ea), openings_put, true, TABLE_IDS },
    { UINT64_C(0x691f4dd440d187a4), forgotten_set, true, TABLE_IDS },
    { UINT64_C(0xf4a9f773efa8cfd6), keys_forget, false, TABLE_IDS },
    { UINT64_C(0x92389d1ea869911c), transaction_commit, false, TABLE_IDS },
    { UINT64_C(0x1a1a33b839bb217e), transaction_begin, false, TABLE_IDS },
    { UINT64_C(0xe0b6ee1811c15e84), schema_exists, false, TABLE_IDS },
    { UINT64_C(0x8fa2fc48560a01c0), version_read, false, TABLE_IDS },
    { UINT64_C(0x3d18418e7acfbb8e), schema_make, false, TABLE_IDS },
    { UINT64_C(0x2aa23f751312ff9c), version_record, false, TABLE_IDS },
    { UINT64_C(0x42380226b8bf437d), transaction_roll_back, false, TABLE_IDS },
    { UINT64_C(0xc0aae5dd9783a3fc), transaction_begin, false, TABLE_IDS },
};

static uint64_t text_hash(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

static const struct known_statement *statement_find(const char *sql)
{
    uint64_t hash = text_hash(sql);
    for (size_t i = 0; i < sizeof(known_statements) / sizeof(known_statements[0]); i++) {
        if (known_statements[i].hash == hash)
            return &known_statements[i];
    }
    return NULL;
}

static bool migration_find(struct statement_call *call, const char *sql)
{
    for (uint32_t i = 0; i < oh_pg_migration_count; i++) {
        if (strcmp(sql, oh_pg_migrations[i].sql) == 0)
            return migration_run(call, i);
    }
    char why[200];
    (void)snprintf(why, sizeof(why), "a statement that is not known: 0x%016" PRIx64 " %.100s", text_hash(sql), sql);
    call->database->hooks.broken(call->database->hooks.ctx, why);
    return statement_refuse(call, "0A000", "not known");
}

bool statement_run(struct statement_call *call, const char *sql)
{
    const struct known_statement *known = statement_find(sql);
    if (known == NULL)
        return migration_find(call, sql);
    if (known->writes && call->database->is_full)
        return statement_refuse(call, DISK_FULL, "could not extend file: No space left on device");
    return known->run(call);
}

bool statement_is_question(const char *sql)
{
    const struct known_statement *known = statement_find(sql);
    return known != NULL && known->run == watermark_look;
}

const char *statement_copy_types(const char *sql)
{
    const struct known_statement *known = statement_find(sql);
    return known == NULL || known->copy_id == TABLE_IDS ? NULL : table_shapes[known->copy_id].types;
}

bool statement_copy_out(const char *sql, enum table_id *out_id)
{
    static const struct {
        const char *sql;
        enum table_id id;
    } known[] = {
        { "COPY (SELECT index, sku FROM onhand.item) TO STDOUT (FORMAT binary)", TABLE_ITEM },
        { "COPY (SELECT index, node FROM onhand.node) TO STDOUT (FORMAT binary)", TABLE_NODE },
        { "COPY (SELECT index, node_group FROM onhand.node_group) TO STDOUT (FORMAT binary)", TABLE_GROUP },
        { "COPY (SELECT index, channel FROM onhand.channel) TO STDOUT (FORMAT binary)", TABLE_CHANNEL },
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(sql, known[i].sql) == 0) {
            *out_id = known[i].id;
            return true;
        }
    }
    return false;
}
