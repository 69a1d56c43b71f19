/*
 * fuzz_rows.c - imports: CSV, NDJSON and the layout of GeoNames.
 *
 * Input: two bytes (what the rows are; how to cut the rest), then the bytes of the import.
 * Laws: the same rows and faults come out however the bytes are cut; rows are numbered without gaps; what is
 * taken from an import leaves the ledger whole.
 */
#include "base/assert.h"
#include "codec/rows.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_world.h"
#include <string.h>

#define IMPORT_SIZE_MAX 32768u
#define ROUNDS_MAX      (8 * IMPORT_SIZE_MAX)
#define KIND_COUNT      6u
#define TEXT_SIZE_MAX   ((size_t)1 << 20)

struct reading {
    struct oh_rows *rows;
    enum oh_row_kind kind;
    struct fuzz_world *world; /* NULL: rows are only written down */
    struct oh_strbuf text;    /* what came out */
    uint64_t last_number;
    bool is_over;
};

static void bytes_note(struct oh_strbuf *text, struct oh_bytes bytes)
{
    oh_strbuf_put_u64(text, bytes.size);
    oh_strbuf_put_char(text, ':');
    oh_strbuf_put_bytes(text, bytes);
}

/* Which fields are alive follows from the type; an encoded effect would leave some of them out. */
static void command_note(struct oh_strbuf *text, const struct oh_command *command)
{
    switch ((unsigned)command->type) {
    case OH_COMMAND_NODE:
        bytes_note(text, command->node.node);
        bytes_note(text, command->node.name);
        bytes_note(text, command->node.city);
        oh_strbuf_printf(text, "%d %d %.17g %.17g", (int)command->node.type, command->node.has_point,
                         command->node.point.latitude, command->node.point.longitude);
        break;
    case OH_COMMAND_ITEM:
        bytes_note(text, command->item.sku);
        bytes_note(text, command->item.name);
        bytes_note(text, command->item.gtin);
        bytes_note(text, command->item.class);
        oh_strbuf_printf(text, "%u %u %u", command->item.weight_grams, command->item.side_mm, command->item.volume_cm3);
        break;
    case OH_COMMAND_GROUP_MEMBER:
        bytes_note(text, command->group_member.group);
        bytes_note(text, command->group_member.node);
        oh_strbuf_put_i64(text, command->group_member.priority);
        break;
    case OH_COMMAND_SUPPLY:
        bytes_note(text, command->supply.supply);
        bytes_note(text, command->supply.sku);
        bytes_note(text, command->supply.node);
        oh_strbuf_printf(text, "%lld %lld", (long long)command->supply.quantity_milli,
                         (long long)command->supply.eta_us);
        break;
    case OH_COMMAND_POSTAL_CODE:
        bytes_note(text, command->postal_code.country);
        bytes_note(text, command->postal_code.postal_code);
        bytes_note(text, command->postal_code.place);
        oh_strbuf_printf(text, "%.17g %.17g", command->postal_code.point.latitude,
                         command->postal_code.point.longitude);
        break;
    default:
        OH_UNREACHABLE();
    }
}

static void count_note(struct oh_strbuf *text, const struct oh_sync_entry *count)
{
    bytes_note(text, count->sku);
    bytes_note(text, count->node);
    oh_strbuf_printf(text, "%lld %d %lld %d %lld", (long long)count->quantity_milli, (int)count->state,
                     (long long)count->as_of_us, count->has_source_seq,
                     count->has_source_seq ? (long long)count->source_seq : 0);
}

static void row_apply(struct fuzz_world *world, enum oh_row_kind kind, const struct oh_row *row)
{
    struct oh_answer answer;
    const struct oh_command count = {
        .type = OH_COMMAND_SYNC,
        .sync = { .source = OH_BYTES("import"), .entries = &row->count, .entry_count = 1 }
    };
    fuzz_world_apply(world, kind == OH_ROWS_STOCK ? &count : &row->command, &answer);
}

static void row_take(struct reading *reading, const struct oh_row *row)
{
    OH_ASSERT(row->number > reading->last_number);
    reading->last_number = row->number;
    oh_strbuf_printf(&reading->text, "\n%llu row ", (unsigned long long)row->number);
    if (reading->kind == OH_ROWS_STOCK)
        count_note(&reading->text, &row->count);
    else
        command_note(&reading->text, &row->command);
    if (reading->world != NULL)
        row_apply(reading->world, reading->kind, row);
}

static void fault_take(struct reading *reading, const struct oh_row *row)
{
    fuzz_fault_check(&row->fault);
    reading->last_number = row->number > reading->last_number ? row->number : reading->last_number;
    oh_strbuf_printf(&reading->text, "\n%llu %s %s %s", (unsigned long long)row->number, row->fault.code,
                     row->fault.field, row->fault.detail);
}

/* Reads until the chunk is used up, or the import is over. */
static void rows_drain(struct reading *reading)
{
    for (uint32_t round = 0; !reading->is_over; round++) {
        struct oh_row row;
        OH_ASSERT(round < ROUNDS_MAX);
        switch (oh_rows_next(reading->rows, &row)) {
        case OH_ROW_MORE:
            return;
        case OH_ROW_COMMAND:
            row_take(reading, &row);
            break;
        case OH_ROW_FAULT:
            fault_take(reading, &row);
            break;
        case OH_ROW_REFUSED:
            fuzz_fault_check(&row.fault);
            oh_strbuf_printf(&reading->text, "\nrefused %s %s %s", row.fault.code, row.fault.field,
                             row.fault.detail);
            reading->is_over = true;
            break;
        case OH_ROW_FULL:
            oh_rows_release(reading->rows);
            break;
        case OH_ROW_END:
            reading->is_over = true;
            break;
        }
    }
}

/* Each chunk is a copy that is gone when it is used up: a row that still pointed into it would show. */
static void rows_read(struct reading *reading, enum oh_row_format format, struct oh_bytes bytes, size_t step)
{
    char chunk[IMPORT_SIZE_MAX];
    enum oh_err err = oh_rows_create(reading->kind, format, 1, &reading->rows);
    OH_ASSERT(err == OH_OK);
    for (size_t at = 0; at < bytes.size && !reading->is_over; at += step) {
        size_t size = step < bytes.size - at ? step : bytes.size - at;
        memcpy(chunk, bytes.data + at, size);
        oh_rows_feed(reading->rows, (struct oh_bytes){ chunk, size });
        rows_drain(reading);
        memset(chunk, 0xee, size);
    }
    if (!reading->is_over) {
        oh_rows_finish(reading->rows);
        rows_drain(reading);
        OH_ASSERT(reading->is_over);
    }
    oh_strbuf_printf(&reading->text, "\n%llu rows", (unsigned long long)oh_rows_last(reading->rows));
    OH_ASSERT(oh_rows_last(reading->rows) >= reading->last_number);
    oh_rows_destroy(&reading->rows);
}

static enum oh_row_format format_of(enum oh_row_kind kind, uint8_t choice)
{
    if ((choice & 1) != 0)
        return OH_ROW_NDJSON;
    return kind == OH_ROWS_POSTAL_CODES && choice / (2 * KIND_COUNT) % 2 == 1 ? OH_ROW_GEONAMES : OH_ROW_CSV;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > IMPORT_SIZE_MAX)
        return 0;
    struct oh_bytes bytes = { (const char *)data + 2, size - 2 };
    enum oh_row_kind kind = (enum oh_row_kind)(data[0] / 2 % KIND_COUNT);
    enum oh_row_format format = format_of(kind, data[0]);
    size_t step = 1 + data[1] % 32;
    struct fuzz_world world;
    struct reading whole = { .kind = kind, .world = &world };
    struct reading cut = { .kind = kind };
    fuzz_world_init(&world, false);
    oh_strbuf_init(&whole.text, TEXT_SIZE_MAX);
    oh_strbuf_init(&cut.text, TEXT_SIZE_MAX);
    rows_read(&whole, format, bytes, IMPORT_SIZE_MAX);
    rows_read(&cut, format, bytes, step);
    OH_ASSERT(oh_bytes_equal(oh_strbuf_bytes(&whole.text), oh_strbuf_bytes(&cut.text)));
    fuzz_world_check(&world);
    oh_strbuf_fini(&whole.text);
    oh_strbuf_fini(&cut.text);
    fuzz_world_fini(&world);
    return 0;
}
