/*
 * tables.h - the tables of schema `onhand`, as rows of numbers.
 *
 * What it is: a list of rows for each table, found by key, with a log by which changes can be taken back, and a hash
 * over all rows that does not depend on their order. Both sides of the projection's judge keep one: the simulated
 * database (database.h), and the fold that says what has to be in it (projected_fold.h).
 *
 * A cell is a number: a quantity in thousandths, a time in microseconds since 1970, a bool, the bits of a double; a
 * text is its number in one list that both share.
 *
 * Threads: one.
 */
#ifndef ONHAND_TESTS_SIM_TABLES_H
#define ONHAND_TESTS_SIM_TABLES_H

#include "onhand/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_COLUMNS_MAX 16u
#define TABLE_KEYS_MAX    5u
#define TABLE_BUCKETS     2048u
#define CELL_NULL         INT64_MIN
#define ROW_NONE          UINT32_MAX

/*
 * Name, types of the columns in the order of the statements (t text, i int4, l int8, b bool, d float8, z timestamptz,
 * n numeric), which of them are the key ("": rows are only added), and how many of the first columns a chain is of.
 */
#define TABLES(X)                                                                          \
    X(TABLE_NODE, "node", "titttttttt" "ddbbbl", "\0", 1, 1)                               \
    X(TABLE_ITEM, "item", "titttllll", "\0", 1, 1)                                         \
    X(TABLE_GROUP, "node_group", "titl", "\0", 1, 1)                                       \
    X(TABLE_MEMBER, "node_group_member", "ttil", "\0\1", 2, 1)                             \
    X(TABLE_CHANNEL, "channel", "tittl", "\0", 1, 1)                                       \
    X(TABLE_CHANNEL_NODE, "channel_node", "tit", "\0\1", 2, 1)                             \
    X(TABLE_CHANNEL_GROUP, "channel_group", "tit", "\0\1", 2, 1)                           \
    X(TABLE_RULE, "rule", "tttt" "nnnnnnn" "bbbl", "\0", 1, 1)                             \
    X(TABLE_FENCE, "fence", "ttttntl", "\0", 1, 1)                                         \
    X(TABLE_SUPPLY, "supply", "tttnzl", "\0", 1, 1)                                        \
    X(TABLE_POSTAL_CODE, "postal_code", "tttddl", "\0\1", 2, 2)                            \
    X(TABLE_TRANSIT, "transit", "tttiill", "\0\1\2\3\4", 5, 5)                             \
    X(TABLE_DOCUMENT, "document", "tttl", "\0\1", 2, 2)                                    \
    X(TABLE_IMPORT, "import_progress", "tlll", "\0", 1, 1)                                 \
    X(TABLE_RESERVATION, "reservation", "ttttttzzzll", "\0", 1, 1)                         \
    X(TABLE_LINE, "reservation_line", "titt" "nnnnnzll", "\0\1\2\3", 4, 1)                 \
    X(TABLE_BOOKING, "booking", "ttttzznll", "\0\1\2\4", 4, 1)                             \
    X(TABLE_PROMISE, "promise", "ttl", "\0", 1, 1)                                         \
    X(TABLE_POSITION, "position", "ttnnnnn" "nnllb", "\0\1", 2, 2)                         \
    X(TABLE_COUNT, "position_count", "tttzlntl", "\0\1\2", 3, 3)                           \
    X(TABLE_MOVEMENT, "movement", "lizzttttnnlttti", "", 0, 1)                             \
    X(TABLE_EVENT, "reservation_event", "lizt" "ittt" "nnnz", "", 0, 1)                    \
    X(TABLE_KEY, "idempotency_key", "lizlltt", "", 0, 1)                                   \
    X(TABLE_OPENING, "opening", "tttn", "\0\1\2", 3, 3)

enum table_id {
#define TABLE_ENUM(id, name, types, keys, key_count, chained) id,
    TABLES(TABLE_ENUM)
#undef TABLE_ENUM
    TABLE_IDS
};

struct table_shape {
    const char *name;
    const char *types;
    const char *keys;
    uint32_t key_count;
    uint32_t chained;
};
extern const struct table_shape table_shapes[TABLE_IDS];
uint32_t table_columns(enum table_id id);

/* ---- Texts, for all tables of a run ---- */

int64_t text_number(struct oh_bytes text); /* the same text has the same number */
struct oh_bytes text_of(int64_t number);   /* lends until the next text_number; of CELL_NULL: nothing */
void texts_free(void);

/* ---- Rows ---- */

struct table {
    int64_t *cells; /* [capacity][columns] */
    uint32_t *next; /* in the chain of rows whose first columns hash alike */
    bool *is_there;
    uint32_t count; /* rows that were ever added */
    uint32_t capacity;
    uint32_t rows; /* that are there */
    uint32_t buckets[TABLE_BUCKETS];
    uint64_t hash;
};

/* A change that can be taken back. */
struct table_change {
    enum table_id id;
    uint32_t row;
    bool was_there;
    int64_t cells[TABLE_COLUMNS_MAX];
};

struct tables {
    struct table tables[TABLE_IDS];
    struct table_change *changes;
    size_t change_count;
    size_t change_capacity;
};

void tables_init(struct tables *tables);
void tables_fini(struct tables *tables);
void tables_copy(const struct tables *from, struct tables *to); /* `to` is empty */

/* ROW_NONE: not there. `key`: the columns of the key, in order. */
uint32_t table_find(const struct tables *tables, enum table_id id, const int64_t *key);
/*
 * Of all rows whose first column is `first`, of a table that is chained by that alone. A row that is looked at may be
 * removed before the next is asked for.
 */
uint32_t table_first(const struct tables *tables, enum table_id id, int64_t first);
uint32_t table_next(const struct tables *tables, enum table_id id, uint32_t row);
const int64_t *table_row(const struct tables *tables, enum table_id id, uint32_t row);

bool table_insert(struct tables *tables, enum table_id id, const int64_t *cells); /* false: the key is there */
void table_change(struct tables *tables, enum table_id id, uint32_t row, const int64_t *cells);
void table_remove(struct tables *tables, enum table_id id, uint32_t row);
uint64_t table_row_hash(enum table_id id, const int64_t *cells);

/* A place in the log; taking back to it; forgetting that anything could be. */
size_t tables_mark(const struct tables *tables);
void tables_take_back(struct tables *tables, size_t mark);
void tables_keep(struct tables *tables);

/* One line with the first row that only one of the two has. */
void tables_difference(const struct tables *wanted, const struct tables *found, enum table_id id, char *out,
                       size_t size);

#endif
