#include "codec/rows.h"
#include "base/assert.h"
#include "base/lanes.h"
#include "base/utf8.h"
#include "codec/json_bind.h"
#include "codec/rows_csv.h"
#include "codec/rows_ndjson.h"
#include "codec/shape_table.h"
#include <stdlib.h>

#define ROW_TEXT_SIZE        (OH_ROW_SIZE_MAX + 1u) /* room for one row of any format */
#define STORE_SIZE           (256u * 1024u)    /* text of the rows that are lent, and of the one being read */
#define JSON_ARENA_SIZE_MAX  ((size_t)8 << 20) /* values of as many NDJSON rows as can be lent */
#define BYTE_ORDER_MARK      "\xef\xbb\xbf"
#define BYTE_ORDER_MARK_SIZE 3u

/*
 * What a kind of row is bound to. `id_offset`: of the name that a PUT takes from its path and a row must
 * have.
 */
struct row_type {
    const char *text;
    const struct oh_shape *shape;
    enum oh_command_type command_type;
    size_t id_offset;
};

static const struct row_type row_types[] = {
    [OH_ROWS_NODES] = { "nodes", &oh_shape_node, OH_COMMAND_NODE, offsetof(struct oh_node_command, node) },
    [OH_ROWS_ITEMS] = { "items", &oh_shape_item, OH_COMMAND_ITEM, offsetof(struct oh_item_command, sku) },
    [OH_ROWS_GROUPS] = { "groups", &oh_shape_group_member, OH_COMMAND_GROUP_MEMBER,
                         offsetof(struct oh_group_member_command, group) },
    [OH_ROWS_STOCK] = { "stock", &oh_shape_sync_entry, OH_COMMAND_SYNC, offsetof(struct oh_sync_entry, sku) },
    [OH_ROWS_SUPPLIES] = { "supplies", &oh_shape_supply, OH_COMMAND_SUPPLY,
                           offsetof(struct oh_supply_command, supply) },
    [OH_ROWS_POSTAL_CODES] = { "postal_codes", &oh_shape_postal_code, OH_COMMAND_POSTAL_CODE,
                               offsetof(struct oh_postal_code_command, country) },
};
#define ROW_TYPE_COUNT (sizeof(row_types) / sizeof(row_types[0]))

struct oh_rows {
    enum oh_row_kind kind;
    enum oh_row_format format;
    uint64_t next_number;
    struct oh_bytes chunk; /* what is left of it */
    bool is_finished;
    bool is_refused;
    struct oh_fault refusal;
    /* Bytes of a byte order mark seen; BYTE_ORDER_MARK_SIZE: past the start of the input. */
    uint32_t mark_matched;
    bool has_header;
    uint32_t column_count;
    uint8_t column_fields[OH_ROW_COLUMNS_MAX]; /* index into the fields of the shape */
    struct oh_csv_row csv;
    struct oh_json_line line;
    bool is_row_begun;
    struct oh_json_document *document; /* NDJSON only */
    uint32_t lent_count;
    size_t lent_size; /* bytes of the store that are lent; the row being read is behind them */
    char store[STORE_SIZE];
};

bool oh_row_kind_parse(struct oh_bytes text, enum oh_row_kind *out)
{
    for (size_t i = 0; i < ROW_TYPE_COUNT; i++) {
        if (oh_bytes_equal(oh_bytes_of(row_types[i].text), text)) {
            *out = (enum oh_row_kind)i;
            return true;
        }
    }
    return false;
}

enum oh_err oh_rows_create(enum oh_row_kind kind, enum oh_row_format format, uint64_t first_row,
                           struct oh_rows **out_rows)
{
    OH_ASSERT(first_row >= 1);
    OH_ASSERT(format != OH_ROW_GEONAMES || kind == OH_ROWS_POSTAL_CODES);
    struct oh_rows *rows = malloc(sizeof(*rows));
    if (rows == NULL)
        return OH_E_NOMEM;
    memset(rows, 0, offsetof(struct oh_rows, store));
    rows->kind = kind;
    rows->format = format;
    rows->next_number = first_row;
    if (format == OH_ROW_NDJSON &&
        oh_json_document_create_sized(JSON_ARENA_SIZE_MAX, &rows->document) != OH_OK) {
        free(rows);
        return OH_E_NOMEM;
    }
    *out_rows = rows;
    return OH_OK;
}

void oh_rows_destroy(struct oh_rows **rows)
{
    if (*rows == NULL)
        return;
    oh_json_document_destroy(&(*rows)->document);
    free(*rows);
    *rows = NULL;
}

void oh_rows_feed(struct oh_rows *rows, struct oh_bytes chunk)
{
    OH_ASSERT(rows->chunk.size == 0 || rows->is_refused);
    OH_ASSERT(!rows->is_finished);
    rows->chunk = chunk;
}

void oh_rows_finish(struct oh_rows *rows)
{
    rows->is_finished = true;
}

uint64_t oh_rows_last(const struct oh_rows *rows)
{
    return rows->next_number - 1;
}

void oh_rows_release(struct oh_rows *rows)
{
    if (rows->is_row_begun && rows->lent_size > 0) {
        /* The row that is half there moves to the front. */
        size_t size = rows->format == OH_ROW_CSV ? rows->csv.size : rows->line.size;
        memmove(rows->store, rows->store + rows->lent_size, size);
        rows->csv.text = rows->store;
        rows->line.text = rows->store;
    }
    rows->lent_size = 0;
    rows->lent_count = 0;
    if (rows->document != NULL)
        oh_json_document_clear(rows->document);
}

/* ---- Reading one row -------------------------------------------------------------------------- */

static void rows_use(struct oh_rows *rows, size_t size)
{
    rows->chunk.data += size;
    rows->chunk.size -= size;
}

static void rows_begin_row(struct oh_rows *rows)
{
    char *text = rows->store + rows->lent_size;
    oh_csv_begin(&rows->csv, text);
    oh_json_line_begin(&rows->line, text);
    rows->is_row_begun = true;
}

static size_t rows_read_bytes(struct oh_rows *rows, struct oh_bytes bytes, bool *out_is_complete)
{
    return rows->format == OH_ROW_CSV ? oh_csv_read(&rows->csv, bytes, out_is_complete)
                                      : oh_json_line_read(&rows->line, bytes, out_is_complete);
}

/*
 * Passes over a byte order mark at the start of the input. What only begins like one is text of the first
 * row.
 */
static void rows_skip_mark(struct oh_rows *rows)
{
    static const char mark[] = BYTE_ORDER_MARK;
    bool is_complete;
    while (rows->mark_matched < BYTE_ORDER_MARK_SIZE && rows->chunk.size > 0) {
        if (rows->chunk.data[0] != mark[rows->mark_matched]) {
            rows_read_bytes(rows, (struct oh_bytes){ mark, rows->mark_matched }, &is_complete);
            rows->mark_matched = BYTE_ORDER_MARK_SIZE;
        } else {
            rows->mark_matched++;
            rows_use(rows, 1);
        }
    }
}

/* True: a whole row is there. False: the chunk is used up and, at the end of the input, no row was left. */
static bool rows_read_row(struct oh_rows *rows)
{
    bool is_complete = false;
    rows_skip_mark(rows);
    if (rows->chunk.size > 0)
        rows_use(rows, rows_read_bytes(rows, rows->chunk, &is_complete));
    if (is_complete || !rows->is_finished)
        return is_complete;
    return rows->format == OH_ROW_CSV ? oh_csv_end(&rows->csv) : oh_json_line_end(&rows->line);
}

static bool rows_row_is_blank(const struct oh_rows *rows)
{
    return rows->format == OH_ROW_CSV ? oh_csv_is_blank(&rows->csv)
                                      : rows->line.size == 0 && !rows->line.is_too_long;
}

/* ---- The header of a CSV ---------------------------------------------------------------------- */

static bool refuse(struct oh_fault *fault, enum oh_fault_type type, struct oh_bytes name, const char *reason)
{
    oh_fault_set(fault, type, name, "%s", reason);
    return false;
}

static bool header_add(struct oh_rows *rows, struct oh_bytes name, uint32_t *seen, struct oh_fault *fault)
{
    const struct oh_shape *shape = row_types[rows->kind].shape;
    uint32_t index = oh_shape_find(shape, name, 0);
    if (index == shape->field_count)
        return refuse(fault, OH_FAULT_UNKNOWN_FIELD, name, "There is no such column in this import.");
    if ((*seen >> index & 1) != 0)
        return refuse(fault, OH_FAULT_DUPLICATE_FIELD, name, "The column is there twice.");
    *seen |= UINT32_C(1) << index;
    rows->column_fields[rows->column_count++] = (uint8_t)index;
    return true;
}

/* A column that every row needs. */
static bool column_is_needed(const struct row_type *type, const struct oh_shape_field *field)
{
    return field->is_required || field->offset == type->id_offset;
}

static bool header_read(struct oh_rows *rows, struct oh_fault *fault)
{
    const struct row_type *type = &row_types[rows->kind];
    uint32_t seen = 0;
    if (rows->csv.problem != NULL)
        return refuse(fault, rows->csv.problem_type, OH_BYTES_NONE, rows->csv.problem);
    for (uint32_t i = 0; i < rows->csv.cell_count; i++)
        if (!header_add(rows, oh_csv_cell(&rows->csv, i), &seen, fault))
            return false;
    for (uint32_t i = 0; i < type->shape->field_count; i++) {
        const struct oh_shape_field *field = &type->shape->fields[i];
        if (column_is_needed(type, field) && (seen >> i & 1) == 0)
            return refuse(fault, OH_FAULT_MISSING_FIELD, oh_bytes_of(field->name), "The column is needed.");
    }
    return true;
}

/* ---- One row ---------------------------------------------------------------------------------- */

/* Where the row's values go in what is given to the caller. */
static void *row_object(enum oh_row_kind kind, struct oh_row *row)
{
    switch (kind) {
    case OH_ROWS_NODES:
        return &row->command.node;
    case OH_ROWS_ITEMS:
        return &row->command.item;
    case OH_ROWS_GROUPS:
        return &row->command.group_member;
    case OH_ROWS_STOCK:
        return &row->count;
    case OH_ROWS_SUPPLIES:
        return &row->command.supply;
    case OH_ROWS_POSTAL_CODES:
        return &row->command.postal_code;
    }
    OH_UNREACHABLE();
}

/* Whether all of it is ASCII without NUL, so that no cell needs to be looked at. The last lanes may overlap. */
static bool text_is_plain(struct oh_bytes text)
{
    size_t at = 0;
    while (at < text.size && text.size < OH_LANES && (signed char)text.data[at] > 0)
        at++;
    while (at < text.size && text.size >= OH_LANES) {
        size_t start = text.size - at < OH_LANES ? text.size - OH_LANES : at;
        if (oh_lanes_first(oh_lanes_load(text.data + start) <= 0) < OH_LANES)
            return false;
        at = start + OH_LANES;
    }
    return at == text.size;
}

/* `is_plain`: known to be so. */
static bool cell_bind(const struct oh_shape_field *field, struct oh_bytes cell, bool is_plain, void *object,
                      struct oh_fault *fault)
{
    if (!is_plain && (!oh_utf8_is_valid(cell) || memchr(cell.data, '\0', cell.size) != NULL)) {
        oh_fault_set(fault, OH_FAULT_INVALID_ENCODING, oh_bytes_of(field->name), "%s is not UTF-8 text.",
                     field->name);
        return false;
    }
    return oh_shape_set_cell(field, object, cell, fault);
}

static bool csv_row_bind(struct oh_rows *rows, void *object, struct oh_fault *fault)
{
    const struct oh_shape *shape = row_types[rows->kind].shape;
    uint32_t given = 0;
    if (rows->csv.problem != NULL)
        return refuse(fault, rows->csv.problem_type, OH_BYTES_NONE, rows->csv.problem);
    if (rows->csv.cell_count != rows->column_count) {
        oh_fault_set(fault, OH_FAULT_INVALID_VALUE, OH_BYTES_NONE, "The row has %u cells, the header has %u.",
                     (unsigned)rows->csv.cell_count, (unsigned)rows->column_count);
        return false;
    }
    bool is_plain = text_is_plain((struct oh_bytes){ rows->csv.text, rows->csv.size });
    oh_shape_prepare(shape, object);
    for (uint32_t i = 0; i < rows->column_count; i++) {
        struct oh_bytes cell = oh_csv_cell(&rows->csv, i);
        uint32_t index = rows->column_fields[i];
        if (cell.size == 0)
            continue;
        if (!cell_bind(&shape->fields[index], cell, is_plain, object, fault))
            return false;
        given |= UINT32_C(1) << index;
    }
    return oh_shape_finish(shape, object, given, fault);
}

static bool json_row_bind(struct oh_rows *rows, void *object, struct oh_fault *fault)
{
    struct oh_bytes body = { rows->line.text, rows->line.size };
    size_t mark = oh_json_document_mark(rows->document);
    if (rows->line.is_too_long)
        return refuse(fault, OH_FAULT_TOO_LONG, OH_BYTES_NONE, "A row has at most 8192 bytes.");
    if (oh_json_bind(rows->document, row_types[rows->kind].shape, body, object, fault) == OH_OK)
        return true;
    /* Refused rows must not use up the memory of good ones. */
    oh_json_document_rewind(rows->document, mark);
    return false;
}

/* ---- GeoNames --------------------------------------------------------------------------------- */

/* The columns of the readme of https://download.geonames.org/export/zip; the last may be missing. NULL: not read. */
static const char *const geonames_columns[] = {
    "country", "postal_code", "place", NULL, NULL, NULL, NULL, NULL, NULL, "lat", "lon", NULL,
};
#define GEONAMES_COLUMN_COUNT ((uint32_t)(sizeof(geonames_columns) / sizeof(geonames_columns[0])))

static struct oh_bytes cell_cut(struct oh_bytes *rest)
{
    const char *tab = memchr(rest->data, '\t', rest->size);
    size_t size = tab == NULL ? rest->size : (size_t)(tab - rest->data);
    size_t used = tab == NULL ? size : size + 1;
    struct oh_bytes cell = { rest->data, size };
    *rest = (struct oh_bytes){ rest->data + used, rest->size - used };
    return cell;
}

static bool geonames_count_is_right(struct oh_bytes line, struct oh_fault *fault)
{
    uint32_t count = 1;
    for (size_t i = 0; i < line.size; i++)
        count += line.data[i] == '\t';
    if (count == GEONAMES_COLUMN_COUNT || count == GEONAMES_COLUMN_COUNT - 1)
        return true;
    oh_fault_set(fault, OH_FAULT_INVALID_VALUE, OH_BYTES_NONE,
                 "The row has %u columns between tabs; the GeoNames layout has 12, of which the last may be missing.",
                 (unsigned)count);
    return false;
}

static bool geonames_row_bind(struct oh_rows *rows, void *object, struct oh_fault *fault)
{
    const struct oh_shape *shape = row_types[rows->kind].shape;
    struct oh_bytes rest = { rows->line.text, rows->line.size };
    uint32_t given = 0;
    if (rows->line.is_too_long)
        return refuse(fault, OH_FAULT_TOO_LONG, OH_BYTES_NONE, "A row has at most 8192 bytes.");
    if (!geonames_count_is_right(rest, fault))
        return false;
    oh_shape_prepare(shape, object);
    for (uint32_t i = 0; i < GEONAMES_COLUMN_COUNT; i++) {
        struct oh_bytes cell = cell_cut(&rest);
        if (cell.size == 0 || geonames_columns[i] == NULL)
            continue;
        uint32_t index = oh_shape_find(shape, oh_bytes_of(geonames_columns[i]), 0);
        if (!cell_bind(&shape->fields[index], cell, false, object, fault))
            return false;
        given |= UINT32_C(1) << index;
    }
    return oh_shape_finish(shape, object, given, fault);
}

static bool row_bind(struct oh_rows *rows, void *object, struct oh_fault *fault)
{
    switch (rows->format) {
    case OH_ROW_CSV:
        return csv_row_bind(rows, object, fault);
    case OH_ROW_NDJSON:
        return json_row_bind(rows, object, fault);
    case OH_ROW_GEONAMES:
        return geonames_row_bind(rows, object, fault);
    }
    OH_UNREACHABLE();
}

/* Whether the row says what it is about: the shapes leave that to the path of a PUT. */
static bool row_has_id(const struct row_type *type, const void *object, struct oh_fault *fault)
{
    struct oh_bytes id;
    memcpy(&id, (const char *)object + type->id_offset, sizeof(id));
    if (!oh_bytes_is_empty(id))
        return true;
    const char *name = "";
    for (uint32_t i = 0; i < type->shape->field_count; i++)
        if (type->shape->fields[i].offset == type->id_offset)
            name = type->shape->fields[i].name;
    oh_fault_set(fault, OH_FAULT_MISSING_FIELD, oh_bytes_of(name), "%s is needed.", name);
    return false;
}

/* A whole row that is not blank and not the header. */
static enum oh_row_status rows_give(struct oh_rows *rows, struct oh_row *out_row)
{
    const struct row_type *type = &row_types[rows->kind];
    void *object = row_object(rows->kind, out_row);
    out_row->number = rows->next_number++;
    out_row->command.type = type->command_type;
    out_row->command.key = OH_BYTES_NONE;
    if (!row_bind(rows, object, &out_row->fault) || !row_has_id(type, object, &out_row->fault))
        return OH_ROW_FAULT;
    rows->lent_size += rows->format == OH_ROW_CSV ? rows->csv.size : rows->line.size;
    rows->lent_count++;
    return OH_ROW_COMMAND;
}

static enum oh_row_status rows_refuse(struct oh_rows *rows, struct oh_row *out_row)
{
    rows->is_refused = true;
    out_row->number = 0;
    out_row->fault = rows->refusal;
    return OH_ROW_REFUSED;
}

/* No row is there: more bytes are needed, or none will come. */
static enum oh_row_status rows_give_none(struct oh_rows *rows, struct oh_row *out_row)
{
    if (!rows->is_finished)
        return OH_ROW_MORE;
    if (rows->format != OH_ROW_CSV || rows->has_header)
        return OH_ROW_END;
    oh_fault_set(&rows->refusal, OH_FAULT_EMPTY_BODY, OH_BYTES_NONE, "The header row is missing.");
    return rows_refuse(rows, out_row);
}

static bool rows_have_room(const struct oh_rows *rows)
{
    return rows->is_row_begun ||
           (rows->lent_count < OH_ROWS_LENT_MAX && STORE_SIZE - rows->lent_size >= ROW_TEXT_SIZE);
}

enum oh_row_status oh_rows_next(struct oh_rows *rows, struct oh_row *out_row)
{
    if (rows->is_refused)
        return rows_refuse(rows, out_row);
    for (;;) { /* ends: each round uses up a row of the chunk, or returns */
        if (!rows_have_room(rows))
            return OH_ROW_FULL;
        if (!rows->is_row_begun)
            rows_begin_row(rows);
        if (!rows_read_row(rows))
            return rows_give_none(rows, out_row);
        rows->is_row_begun = false;
        if (rows_row_is_blank(rows))
            continue;
        if (rows->format != OH_ROW_CSV || rows->has_header)
            return rows_give(rows, out_row);
        if (!header_read(rows, &rows->refusal))
            return rows_refuse(rows, out_row);
        rows->has_header = true;
    }
}
