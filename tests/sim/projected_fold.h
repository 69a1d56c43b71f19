/*
 * projected_fold.h - what the tables must hold: the records, one effect after the other, as rows.
 *
 * What it is: docs/spec/projection.md a second time, without batches: each effect changes the rows at once. Shares no
 * code with the projector but the reading of a record's bytes.
 *
 * Threads: one.
 */
#ifndef ONHAND_TESTS_SIM_PROJECTED_FOLD_H
#define ONHAND_TESTS_SIM_PROJECTED_FOLD_H

#include "onhand/effect.h"
#include "sim/tables.h"

#define FOLD_NAMES_MAX 256u

struct projected_fold {
    struct tables tables;
    uint64_t seq;
    int64_t at_us;
    uint32_t ordinal;
    uint64_t movements; /* numbered ones */
    uint64_t imports;
    uint64_t forgotten; /* movements before the oldest that is there */
    bool is_snapshot;   /* its objects are taken, not records */
    uint64_t places;    /* that were given to these */
    int64_t items[FOLD_NAMES_MAX]; /* texts, by index */
    int64_t nodes[FOLD_NAMES_MAX];
    int64_t groups[FOLD_NAMES_MAX];
    int64_t channels[FOLD_NAMES_MAX];
};

void projected_fold_init(struct projected_fold *fold);
void projected_fold_fini(struct projected_fold *fold);
void projected_fold_record(struct projected_fold *fold, const struct oh_record *record);

/*
 * A snapshot into empty tables (P7): begin with its head, name every object, then take every object in order, then end.
 */
void projected_fold_begin_snapshot(struct projected_fold *fold, const struct oh_effect_head *head);
void projected_fold_name(struct projected_fold *fold, const struct oh_effect *object);
void projected_fold_object(struct projected_fold *fold, const struct oh_effect *object);
void projected_fold_end_snapshot(struct projected_fold *fold);

/* As if it had seen what is in these tables, of record `seq`. */
void projected_fold_adopt(struct projected_fold *fold, const struct tables *tables, uint64_t seq, int64_t at_us,
                          uint64_t movements, uint64_t imports);

#endif
