#include "storage/pg_fold_internal.h"
#include "base/assert.h"
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS_MAX (4 * OH_PG_FOLD_ROWS_MAX)
#define TEXT_SIZE_MAX ((size_t)256 << 20)

/* ---- Lists ------------------------------------------------------------------------------------- */

static bool list_init(struct row_list *list, size_t row_size, bool is_indexed)
{
    *list = (struct row_list){ .row_size = row_size };
    list->rows = malloc(OH_PG_FOLD_ROWS_MAX * row_size); /* touched as it fills */
    if (is_indexed)
        list->slots = calloc(SLOTS_MAX, sizeof(*list->slots));
    return list->rows != NULL && (!is_indexed || list->slots != NULL);
}

static void list_fini(struct row_list *list)
{
    free(list->rows);
    free(list->slots);
}

static void list_clear(struct row_list *list)
{
    if (list->count > 0 && list->slots != NULL)
        memset(list->slots, 0, SLOTS_MAX * sizeof(*list->slots));
    list->count = 0;
}

static void *row_add(struct row_list *list)
{
    OH_ASSERT(list->count < OH_PG_FOLD_ROWS_MAX);
    void *row = row_at(list, list->count++);
    memset(row, 0, list->row_size);
    return row;
}

bool fold_rows_init(struct oh_pg_fold *fold)
{
    oh_strbuf_init(&fold->text, TEXT_SIZE_MAX);
    bool is_complete = list_init(&fold->positions, sizeof(struct position_row), true);
    is_complete = list_init(&fold->counts, sizeof(struct count_row), true) && is_complete;
    is_complete = list_init(&fold->reservations, sizeof(struct reservation_row), true) && is_complete;
    return list_init(&fold->claims, sizeof(struct claim_row), false) && is_complete;
}

void fold_rows_fini(struct oh_pg_fold *fold)
{
    oh_strbuf_fini(&fold->text);
    list_fini(&fold->positions);
    list_fini(&fold->counts);
    list_fini(&fold->reservations);
    list_fini(&fold->claims);
}

void fold_rows_clear(struct oh_pg_fold *fold)
{
    list_clear(&fold->positions);
    list_clear(&fold->counts);
    list_clear(&fold->reservations);
    list_clear(&fold->claims);
    oh_strbuf_clear(&fold->text);
}

/* ---- Looking for rows, and adding them --------------------------------------------------------- */

/* The slot where a search for `hash` goes on from `slot`; begin with hash % SLOTS_MAX. */
static uint32_t slot_next(uint32_t slot)
{
    return (slot + 1) % SLOTS_MAX;
}

static uint32_t place_slot(uint32_t item, uint16_t node, unsigned state)
{
    uint64_t key = ((uint64_t)item << 19 | (uint64_t)node << 3 | state) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(key >> 40) % SLOTS_MAX;
}

struct position_row *fold_position(struct oh_pg_fold *fold, uint32_t item, uint16_t node, uint64_t seq)
{
    struct row_list *list = &fold->positions;
    uint32_t slot = place_slot(item, node, 0);
    for (; list->slots[slot] != 0; slot = slot_next(slot)) {
        struct position_row *row = row_at(list, list->slots[slot] - 1);
        if (row->item == item && row->node == node) {
            row->seq = seq;
            return row;
        }
    }
    struct position_row *row = row_add(list);
    list->slots[slot] = list->count;
    row->item = item;
    row->node = node;
    row->first_movement = -1;
    row->seq = seq;
    return row;
}

struct count_row *fold_count(struct oh_pg_fold *fold, uint32_t item, uint16_t node, enum oh_state state)
{
    struct row_list *list = &fold->counts;
    uint32_t slot = place_slot(item, node, state);
    for (; list->slots[slot] != 0; slot = slot_next(slot)) {
        struct count_row *row = row_at(list, list->slots[slot] - 1);
        if (row->item == item && row->node == node && row->state == state)
            return row;
    }
    struct count_row *row = row_add(list);
    list->slots[slot] = list->count;
    row->item = item;
    row->node = node;
    row->state = state;
    return row;
}

struct span fold_text_put(struct oh_pg_fold *fold, struct oh_bytes text)
{
    struct span span = { (uint32_t)fold->text.size, (uint32_t)text.size };
    oh_strbuf_put_bytes(&fold->text, text);
    return span;
}

/* The reservation of that id in this batch; one that is not there yet is taken to be in the table. */
struct reservation_row *fold_reservation(struct oh_pg_fold *fold, struct oh_bytes id, bool *out_is_known)
{
    struct row_list *list = &fold->reservations;
    uint32_t slot = (uint32_t)XXH3_64bits(id.data, id.size) % SLOTS_MAX;
    for (; list->slots[slot] != 0; slot = slot_next(slot)) {
        struct reservation_row *row = row_at(list, list->slots[slot] - 1);
        if (oh_bytes_equal(text_at(fold, row->id), id)) {
            *out_is_known = true;
            return row;
        }
    }
    struct reservation_row *row = row_add(list);
    list->slots[slot] = list->count;
    *row = (struct reservation_row){ .id = fold_text_put(fold, id),
                                     .ended_at_us = OH_TIME_US_NONE,
                                     .stepped_at_us = OH_TIME_US_NONE,
                                     .first_claim = NO_ROW,
                                     .last_claim = NO_ROW };
    *out_is_known = false;
    return row;
}

struct claim_row *fold_claim_find(const struct oh_pg_fold *fold, const struct reservation_row *reservation,
                                  uint32_t line, uint32_t item, uint16_t node)
{
    for (uint32_t i = reservation->first_claim; i != NO_ROW;) {
        struct claim_row *row = row_at(&fold->claims, i);
        if (row->line == line && row->item == item && row->node == node && !row->is_dropped)
            return row;
        i = row->next;
    }
    return NULL;
}

struct claim_row *fold_claim_add(struct oh_pg_fold *fold, struct reservation_row *reservation, uint32_t line,
                                 uint32_t item, uint16_t node, struct moment moment)
{
    struct claim_row *row = row_add(&fold->claims);
    uint32_t at = fold->claims.count - 1;
    if (reservation->last_claim == NO_ROW)
        reservation->first_claim = at;
    else
        ((struct claim_row *)row_at(&fold->claims, reservation->last_claim))->next = at;
    reservation->last_claim = at;
    row->next = NO_ROW;
    row->line = line;
    row->item = item;
    row->node = node;
    row->due_at_us = OH_TIME_US_NONE;
    row->ordinal = fold_place(fold, moment);
    return row;
}
