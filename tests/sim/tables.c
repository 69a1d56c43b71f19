#include "sim/tables.h"
#include "base/assert.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct table_shape table_shapes[TABLE_IDS] = {
#define TABLE_SHAPE(id, name, types, keys, key_count, chained) [id] = { name, types, keys, key_count, chained },
    TABLES(TABLE_SHAPE)
#undef TABLE_SHAPE
};

uint32_t table_columns(enum table_id id)
{
    return (uint32_t)strlen(table_shapes[id].types);
}

static void *grown(void *memory, size_t count, size_t size)
{
    void *larger = reallocarray(memory, count, size);
    OH_ASSERT(larger != NULL);
    return larger;
}

static uint64_t mixed(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

#define TEXT_BUCKETS 65536u

struct text {
    char *data;
    size_t size;
    uint32_t next; /* number + 1 */
};

static struct text *texts;
static size_t text_count;
static size_t text_capacity;
static uint32_t text_buckets[TEXT_BUCKETS];

int64_t text_number(struct oh_bytes text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211);
    uint32_t *bucket = &text_buckets[(hash ^ (hash >> 32)) % TEXT_BUCKETS];
    for (uint32_t i = *bucket; i != 0; i = texts[i - 1].next) {
        if (oh_bytes_equal(text_of(i - 1), text))
            return i - 1;
    }
    if (text_count == text_capacity) {
        text_capacity = text_capacity == 0 ? 1024 : text_capacity * 2;
        texts = grown(texts, text_capacity, sizeof(*texts));
    }
    struct text *added = &texts[text_count++];
    *added = (struct text){ grown(NULL, text.size + 1, 1), text.size, *bucket };
    if (text.size > 0)
        memcpy(added->data, text.data, text.size);
    added->data[text.size] = '\0';
    *bucket = (uint32_t)text_count;
    return (int64_t)text_count - 1;
}

struct oh_bytes text_of(int64_t number)
{
    if (number == CELL_NULL)
        return OH_BYTES_NONE;
    OH_ASSERT(number >= 0 && (size_t)number < text_count);
    return (struct oh_bytes){ texts[number].data, texts[number].size };
}

void texts_free(void)
{
    for (size_t i = 0; i < text_count; i++)
        free(texts[i].data);
    free(texts);
    texts = NULL;
    text_count = text_capacity = 0;
    memset(text_buckets, 0, sizeof(text_buckets));
}

/* ---- Rows ------------------------------------------------------------------------------------------------------- */

void tables_init(struct tables *tables)
{
    *tables = (struct tables){ .changes = NULL };
    for (unsigned id = 0; id < TABLE_IDS; id++)
        memset(tables->tables[id].buckets, 0xff, sizeof(tables->tables[id].buckets));
}

void tables_fini(struct tables *tables)
{
    for (unsigned id = 0; id < TABLE_IDS; id++) {
        free(tables->tables[id].cells);
        free(tables->tables[id].next);
        free(tables->tables[id].is_there);
    }
    free(tables->changes);
    *tables = (struct tables){ .changes = NULL };
}

void tables_copy(const struct tables *from, struct tables *to)
{
    for (unsigned id = 0; id < TABLE_IDS; id++) {
        for (uint32_t row = 0; row < from->tables[id].count; row++) {
            if (from->tables[id].is_there[row])
                (void)table_insert(to, (enum table_id)id, table_row(from, (enum table_id)id, row));
        }
    }
    tables_keep(to);
}

static uint32_t bucket_of(enum table_id id, const int64_t *cells)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < table_shapes[id].chained; i++)
        hash = mixed(hash, (uint64_t)cells[i]);
    return (uint32_t)(hash % TABLE_BUCKETS);
}

const int64_t *table_row(const struct tables *tables, enum table_id id, uint32_t row)
{
    OH_ASSERT(row < tables->tables[id].count);
    return tables->tables[id].cells + (size_t)row * table_columns(id);
}

uint64_t table_row_hash(enum table_id id, const int64_t *cells)
{
    uint64_t hash = 1;
    for (uint32_t i = 0; i < table_columns(id); i++)
        hash = mixed(hash, (uint64_t)cells[i]);
    return hash;
}

/* The next row of the chain, from `row` on, that is there and begins with these cells. */
static uint32_t chain_from(const struct tables *tables, enum table_id id, uint32_t row, const int64_t *cells)
{
    const struct table *table = &tables->tables[id];
    size_t size = table_shapes[id].chained * sizeof(int64_t);
    while (row != ROW_NONE && (!table->is_there[row] || memcmp(table_row(tables, id, row), cells, size) != 0))
        row = table->next[row];
    return row;
}

static uint32_t chain_first(const struct tables *tables, enum table_id id, const int64_t *cells)
{
    return chain_from(tables, id, tables->tables[id].buckets[bucket_of(id, cells)], cells);
}

uint32_t table_first(const struct tables *tables, enum table_id id, int64_t first)
{
    OH_ASSERT(table_shapes[id].chained == 1);
    return chain_first(tables, id, &first);
}

uint32_t table_next(const struct tables *tables, enum table_id id, uint32_t row)
{
    return chain_from(tables, id, tables->tables[id].next[row], table_row(tables, id, row));
}

uint32_t table_find(const struct tables *tables, enum table_id id, const int64_t *key)
{
    const struct table_shape *shape = &table_shapes[id];
    OH_ASSERT(shape->key_count > 0);
    for (uint32_t row = chain_first(tables, id, key); row != ROW_NONE; row = table_next(tables, id, row)) {
        const int64_t *cells = table_row(tables, id, row);
        uint32_t same = 0;
        while (same < shape->key_count && cells[(unsigned char)shape->keys[same]] == key[same])
            same++;
        if (same == shape->key_count)
            return row;
    }
    return ROW_NONE;
}

static void change_log(struct tables *tables, enum table_id id, uint32_t row, bool was_there)
{
    if (tables->change_count == tables->change_capacity) {
        tables->change_capacity = tables->change_capacity == 0 ? 256 : tables->change_capacity * 2;
        tables->changes = grown(tables->changes, tables->change_capacity, sizeof(*tables->changes));
    }
    struct table_change *change = &tables->changes[tables->change_count++];
    *change = (struct table_change){ .id = id, .row = row, .was_there = was_there };
    if (was_there)
        memcpy(change->cells, table_row(tables, id, row), table_columns(id) * sizeof(int64_t));
}

/* A row as it is, or gone. Its first columns never change, so that it stays in its chain. */
static void row_set(struct tables *tables, enum table_id id, uint32_t row, const int64_t *cells)
{
    struct table *table = &tables->tables[id];
    int64_t *at = table->cells + (size_t)row * table_columns(id);
    if (table->is_there[row]) {
        table->hash -= table_row_hash(id, at);
        table->rows--;
    }
    table->is_there[row] = cells != NULL;
    if (cells == NULL)
        return;
    memmove(at, cells, table_columns(id) * sizeof(int64_t));
    table->hash += table_row_hash(id, at);
    table->rows++;
}

bool table_insert(struct tables *tables, enum table_id id, const int64_t *cells)
{
    const struct table_shape *shape = &table_shapes[id];
    struct table *table = &tables->tables[id];
    int64_t key[TABLE_KEYS_MAX];
    for (uint32_t i = 0; i < shape->key_count; i++)
        key[i] = cells[(unsigned char)shape->keys[i]];
    if (shape->key_count > 0 && table_find(tables, id, key) != ROW_NONE)
        return false;
    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        table->cells = grown(table->cells, table->capacity, table_columns(id) * sizeof(int64_t));
        table->next = grown(table->next, table->capacity, sizeof(*table->next));
        table->is_there = grown(table->is_there, table->capacity, sizeof(*table->is_there));
    }
    uint32_t row = table->count++;
    uint32_t *bucket = &table->buckets[bucket_of(id, cells)];
    table->is_there[row] = false;
    table->next[row] = *bucket;
    *bucket = row;
    change_log(tables, id, row, false);
    row_set(tables, id, row, cells);
    return true;
}

void table_change(struct tables *tables, enum table_id id, uint32_t row, const int64_t *cells)
{
    OH_ASSERT(tables->tables[id].is_there[row] && table_row(tables, id, row)[0] == cells[0]);
    change_log(tables, id, row, true);
    row_set(tables, id, row, cells);
}

void table_remove(struct tables *tables, enum table_id id, uint32_t row)
{
    OH_ASSERT(tables->tables[id].is_there[row]);
    change_log(tables, id, row, true);
    row_set(tables, id, row, NULL);
}

/* ---- Taking back ------------------------------------------------------------------------------------------------ */

size_t tables_mark(const struct tables *tables)
{
    return tables->change_count;
}

void tables_take_back(struct tables *tables, size_t mark)
{
    while (tables->change_count > mark) {
        const struct table_change *change = &tables->changes[--tables->change_count];
        row_set(tables, change->id, change->row, change->was_there ? change->cells : NULL);
    }
}

void tables_keep(struct tables *tables)
{
    tables->change_count = 0;
}

/* ---- Comparing -------------------------------------------------------------------------------------------------- */

/* The row's twin in the other: by its key, or by all of it. */
static bool has_row(const struct tables *tables, enum table_id id, const int64_t *cells)
{
    for (uint32_t row = chain_first(tables, id, cells); row != ROW_NONE; row = table_next(tables, id, row)) {
        if (memcmp(table_row(tables, id, row), cells, table_columns(id) * sizeof(int64_t)) == 0)
            return true;
    }
    return false;
}

static void row_print(enum table_id id, const int64_t *cells, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < table_columns(id) && used < size; i++) {
        int count;
        if (cells[i] == CELL_NULL)
            count = snprintf(out + used, size - used, " -");
        else if (table_shapes[id].types[i] == 't')
            count = snprintf(out + used, size - used, " %.24s", text_of(cells[i]).data);
        else
            count = snprintf(out + used, size - used, " %" PRId64, cells[i]);
        used += count > 0 ? (size_t)count : 0;
    }
}

static bool lacking_print(const struct tables *from, const struct tables *in, enum table_id id, const char *word,
                          char *out, size_t size)
{
    char text[300];
    for (uint32_t row = 0; row < from->tables[id].count; row++) {
        if (!from->tables[id].is_there[row] || has_row(in, id, table_row(from, id, row)))
            continue;
        row_print(id, table_row(from, id, row), text, sizeof(text));
        size_t used = strlen(out);
        (void)snprintf(out + used, size - used, ", %s:%s", word, text);
        return true;
    }
    return false;
}

void tables_difference(const struct tables *wanted, const struct tables *found, enum table_id id, char *out,
                       size_t size)
{
    (void)snprintf(out, size, "%s has %u rows, not %u", table_shapes[id].name, found->tables[id].rows,
                   wanted->tables[id].rows);
    bool is_lacking = lacking_print(wanted, found, id, "missing", out, size);
    is_lacking = lacking_print(found, wanted, id, "not expected", out, size) || is_lacking;
    if (!is_lacking)
        (void)snprintf(out + strlen(out), size - strlen(out), ", a row is there more than once");
}
