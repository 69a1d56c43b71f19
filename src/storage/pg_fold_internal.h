/*
 * pg_fold_internal.h - what the files pg_fold*.c share. Not for others.
 *
 *   pg_fold.c            which effect becomes what: stock, reservations, keys; the order within a batch
 *   pg_fold_reference.c  the same for reference data, rules, fences, supplies, imports
 *   pg_fold_rows.c       the rows of a batch that add up, and looking for them
 *   pg_fold_put.c        these rows on their way into the sets (pg_sets.h)
 */
#ifndef ONHAND_STORAGE_PG_FOLD_INTERNAL_H
#define ONHAND_STORAGE_PG_FOLD_INTERNAL_H

#include "storage/pg_fold.h"

#define NO_ROW UINT32_MAX

/* Where a text is in fold->text, which moves when it grows. */
struct span {
    uint32_t offset;
    uint32_t size;
};

struct position_row {
    uint32_t item;
    uint16_t node;
    bool has_forgotten;
    int64_t states_milli[OH_STATE_COUNT];
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t first_movement; /* -1: none */
    uint64_t seq;
};

struct count_row {
    uint32_t item;
    uint16_t node;
    enum oh_state state;
    bool has_quantity;
    int64_t quantity_milli;
    int64_t as_of_us;
    int64_t source_seq;
    struct span source;
    uint64_t seq;
};

/* A reservation that the batch makes (is_new: these are its values), or one that it only changes. */
struct reservation_row {
    struct span id;
    struct span customer;
    struct span order;
    bool is_new;
    bool is_extended;
    enum oh_kind kind;
    uint16_t channel;
    int64_t created_at_us;
    int64_t expires_at_us;
    int64_t ended_at_us;
    int64_t stepped_at_us; /* of the last step but moves; OH_TIME_US_NONE: none */
    uint64_t made_seq;
    uint64_t seq;
    uint32_t first_claim; /* its claims of this batch, in the order they were made */
    uint32_t last_claim;
};

/* A claim: of a new reservation its values, else what is to be added to them. */
struct claim_row {
    uint32_t next;
    uint32_t line;
    uint32_t item;
    uint16_t node;
    bool is_dropped; /* moved away whole */
    bool has_stepped;
    int64_t due_at_us; /* OH_TIME_US_NONE: not on a supply to come */
    int64_t quantity_milli;
    int64_t held_milli;
    int64_t confirmed_milli;
    int64_t fulfilled_milli;
    int64_t expired_milli;
    int64_t ordinal;
    uint64_t seq;
};

/* Rows of one kind. `slots` is an index over them: open addressing, at most a quarter full; NULL: not looked for. */
struct row_list {
    size_t row_size;
    uint32_t count;
    uint32_t *slots; /* row + 1 */
    unsigned char *rows;
};

struct oh_pg_fold {
    struct oh_pg_sets sets;
    struct oh_pg_sets sent; /* on their way, while `sets` take what comes next */
    struct oh_effect_names names;
    struct oh_strbuf text;
    struct row_list positions;
    struct row_list counts;
    struct row_list reservations;
    struct row_list claims;
    uint32_t newest_reservation; /* most claims are of the reservation named just before them */
    uint64_t movements;
    uint64_t imports;
    bool is_snapshot;
    uint64_t claim_number; /* of a snapshot: there are fewer than places in the history before it */
};

/* What an effect is part of. */
struct moment {
    uint64_t seq;
    int64_t at_us;
    uint32_t ordinal;
};

/* Grows with history: what came later is greater. index < OH_EFFECTS_MAX, of effects as of members of a group. */
static inline int64_t place_in_history(uint64_t seq, uint32_t index)
{
    return (int64_t)(seq * OH_EFFECTS_MAX + index);
}

/* The same of what is made in this moment. The objects of a snapshot have no history: they are counted. */
static inline int64_t fold_place(struct oh_pg_fold *fold, struct moment moment)
{
    return fold->is_snapshot ? (int64_t)++fold->claim_number : place_in_history(moment.seq, moment.ordinal);
}

static inline void *row_at(const struct row_list *list, uint32_t row)
{
    return list->rows + (size_t)row * list->row_size;
}

static inline struct oh_bytes text_at(const struct oh_pg_fold *fold, struct span span)
{
    return (struct oh_bytes){ fold->text.data + span.offset, span.size };
}

/* ---- Names: empty when the index has none ------------------------------------------------------ */

static inline struct oh_bytes sku_of(const struct oh_pg_fold *fold, uint32_t item)
{
    return oh_effect_name(&fold->names, &fold->names.items, item);
}

static inline struct oh_bytes node_of(const struct oh_pg_fold *fold, uint16_t node)
{
    return node == OH_NODE_NONE ? OH_BYTES_NONE : oh_effect_name(&fold->names, &fold->names.nodes, node);
}

static inline struct oh_bytes group_of(const struct oh_pg_fold *fold, uint16_t group)
{
    return oh_effect_name(&fold->names, &fold->names.groups, group);
}

static inline struct oh_bytes channel_of(const struct oh_pg_fold *fold, uint16_t channel)
{
    return channel == OH_NODE_NONE ? OH_BYTES_NONE : oh_effect_name(&fold->names, &fold->names.channels, channel);
}

static inline bool place_is_known(const struct oh_pg_fold *fold, uint32_t item, uint16_t node)
{
    return sku_of(fold, item).size > 0 && (node == OH_NODE_NONE || node_of(fold, node).size > 0);
}

/* ---- pg_fold_rows.c ---------------------------------------------------------------------------- */

bool fold_rows_init(struct oh_pg_fold *fold); /* false: out of memory */
void fold_rows_fini(struct oh_pg_fold *fold);
void fold_rows_clear(struct oh_pg_fold *fold);

/* Copies: texts of rows outlive the effect they came with. */
struct span fold_text_put(struct oh_pg_fold *fold, struct oh_bytes text);

/* The row of this batch, added when it is not there. A reservation that is added is taken to be in the table. */
struct position_row *fold_position(struct oh_pg_fold *fold, uint32_t item, uint16_t node, uint64_t seq);
struct count_row *fold_count(struct oh_pg_fold *fold, uint32_t item, uint16_t node, enum oh_state state);
struct reservation_row *fold_reservation(struct oh_pg_fold *fold, struct oh_bytes id, bool *out_is_known);

/* A claim of the reservation in this batch; NULL: there is none. */
struct claim_row *fold_claim_find(const struct oh_pg_fold *fold, const struct reservation_row *reservation,
                                  uint32_t line, uint32_t item, uint16_t node);
struct claim_row *fold_claim_add(struct oh_pg_fold *fold, struct reservation_row *reservation, uint32_t line,
                                 uint32_t item, uint16_t node, struct moment moment);

/* ---- pg_fold_reference.c ----------------------------------------------------------------------- */

OH_MUST_CHECK enum oh_err fold_node(struct oh_pg_fold *fold, struct moment moment,
                                    const struct oh_effect_node *effect);
OH_MUST_CHECK enum oh_err fold_item(struct oh_pg_fold *fold, struct moment moment,
                                    const struct oh_effect_item *effect);
OH_MUST_CHECK enum oh_err fold_group(struct oh_pg_fold *fold, struct moment moment,
                                     const struct oh_effect_group *effect);
OH_MUST_CHECK enum oh_err fold_group_member(struct oh_pg_fold *fold, struct moment moment,
                                              const struct oh_effect_group_member *effect);
OH_MUST_CHECK enum oh_err fold_channel(struct oh_pg_fold *fold, struct moment moment,
                                       const struct oh_effect_channel *effect);
OH_MUST_CHECK enum oh_err fold_rule(struct oh_pg_fold *fold, struct moment moment,
                                    const struct oh_effect_rule *effect);
OH_MUST_CHECK enum oh_err fold_fence(struct oh_pg_fold *fold, struct moment moment,
                                     const struct oh_effect_fence *effect);
OH_MUST_CHECK enum oh_err fold_supply(struct oh_pg_fold *fold, struct moment moment,
                                      const struct oh_effect_supply *effect);
OH_MUST_CHECK enum oh_err fold_postal_code(struct oh_pg_fold *fold, struct moment moment,
                                              const struct oh_postal_code_command *effect);
OH_MUST_CHECK enum oh_err fold_transit(struct oh_pg_fold *fold, struct moment moment,
                                       const struct oh_effect_transit *effect);
OH_MUST_CHECK enum oh_err fold_document(struct oh_pg_fold *fold, struct moment moment,
                                        const struct oh_document_command *effect);
OH_MUST_CHECK enum oh_err fold_import(struct oh_pg_fold *fold, const struct oh_effect_import *effect);

/* ---- pg_fold_put.c ----------------------------------------------------------------------------- */

/* Every row into its set. Afterwards rows can only be cleared. */
void fold_rows_put(struct oh_pg_fold *fold);

#endif
