/*
 * What callers tell, made into deeds and parts, and the verdict over all of it.
 */
#include "linear/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Telling ---- */

struct lin_history *lin_create(const struct lin_options *options)
{
    struct lin_history *history = calloc(1, sizeof *history);
    if (history != NULL && options != NULL)
        history->options = *options;
    return history;
}

void lin_destroy(struct lin_history **history)
{
    if (*history == NULL)
        return;
    free((*history)->ops);
    free((*history)->crashes);
    free((*history)->items.list);
    free((*history)->windows.list);
    free((*history)->supplies.list);
    free(*history);
    *history = NULL;
}

/* Room for one more; false: out of memory. */
static bool array_grow(void **array, uint32_t count, uint32_t *max, size_t size)
{
    if (count < *max)
        return true;
    uint32_t grown = *max == 0 ? 64 : *max * 2;
    void *moved = realloc(*array, grown * size);
    if (moved == NULL)
        return false;
    *array = moved;
    *max = grown;
    return true;
}

static uint32_t name_find(const struct lin_name *names, uint32_t count, const char *name)
{
    uint32_t i = 0;
    while (i < count && strcmp(names[i].text, name) != 0)
        i++;
    return i;
}

static bool name_set(struct lin_name *to, const char *name)
{
    if (strlen(name) >= LIN_NAME_SIZE)
        return false;
    memcpy(to->text, name, strlen(name) + 1);
    return true;
}

static uint32_t name_number(struct lin_names *names, const char *name)
{
    uint32_t found = name_find(names->list, names->count, name);
    if (found < names->count)
        return found;
    if (!array_grow((void **)&names->list, names->count, &names->max, sizeof *names->list) ||
        !name_set(&names->list[found], name))
        return UINT32_MAX;
    return names->count++;
}

uint32_t lin_item(struct lin_history *history, const char *name)
{
    return name_number(&history->items, name);
}

uint32_t lin_window(struct lin_history *history, const char *name)
{
    return name_number(&history->windows, name);
}

uint32_t lin_supply(struct lin_history *history, const char *name)
{
    return name_number(&history->supplies, name);
}

uint32_t lin_node(struct lin_history *history, const char *name)
{
    uint32_t found = name_find(history->nodes, history->node_count, name);
    if (found < history->node_count)
        return found;
    if (found == LIN_NODES_MAX || !name_set(&history->nodes[found], name))
        return UINT32_MAX;
    return history->node_count++;
}

void lin_op_init(struct lin_op *op, enum lin_kind kind)
{
    *op = (struct lin_op){
        .kind = kind,
        .return_us = LIN_NEVER,
        .reservation = UINT64_MAX,
        .supply = UINT32_MAX,
        .window = UINT32_MAX,
        .by = LIN_UNSAID,
        .seq = LIN_UNSAID,
        .created_us = LIN_UNSAID,
        .expires_us = LIN_UNSAID,
        .sellable = LIN_UNSAID,
        .held = LIN_UNSAID,
        .confirmed = LIN_UNSAID,
        .claim_count = UINT32_MAX,
    };
    for (uint32_t i = 0; i < LIN_LINES_MAX; i++)
        op->lines[i].available = LIN_UNSAID;
}

bool lin_add(struct lin_history *history, const struct lin_op *op)
{
    if (!array_grow((void **)&history->ops, history->op_count, &history->op_max, sizeof *history->ops))
        return false;
    history->ops[history->op_count++] = *op;
    return true;
}

bool lin_crash(struct lin_history *history, int64_t at_us)
{
    if (!array_grow((void **)&history->crashes, history->crash_count, &history->crash_max,
                    sizeof *history->crashes))
        return false;
    history->crashes[history->crash_count++] = at_us;
    return true;
}

uint32_t lin_count(const struct lin_history *history)
{
    return history->op_count;
}

const struct lin_op *lin_op_at(const struct lin_history *history, uint32_t index)
{
    return &history->ops[index];
}

const char *lin_verdict_word(enum lin_verdict verdict)
{
#define VERDICT_WORD(name, word, sentence) word,
    static const char *const words[] = { LIN_VERDICTS(VERDICT_WORD) };
#undef VERDICT_WORD
    return words[verdict];
}

static const char *verdict_sentence(enum lin_verdict verdict)
{
#define VERDICT_SENTENCE(name, word, sentence) sentence,
    static const char *const sentences[] = { LIN_VERDICTS(VERDICT_SENTENCE) };
#undef VERDICT_SENTENCE
    return sentences[verdict];
}

/* ---- Deeds ---- */

/* Everything that is made to check a history, and freed after it. */
struct plan {
    struct lin_history *history;
    struct lin_result *result;
    uint32_t *order; /* requests by key, then by time */
    struct lin_deed *deeds;
    uint32_t deed_count;
    uint32_t *parent;       /* union-find over items, reservations, windows, then supplies */
    uint64_t *reservations; /* known ones, in order */
    uint32_t reservation_count;
    uint32_t *deed_order; /* deeds by part */
    uint32_t *local;      /* by element: a reservation's, window's or supply's number in its part */
    uint32_t *positions;  /* [item * LIN_NODES_MAX + node]: number in its part */
    struct lin_deed *part_deeds;
    int64_t *kept_seqs;
};

uint64_t lin_key_used(const struct lin_op *op)
{
    return op->answer == LIN_SAME_NODE || op->answer == LIN_UNKNOWN ? 0 : op->key;
}

struct order_key {
    uint64_t key;
    int64_t invoke_us;
    uint32_t index;
};

static int order_key_compare(const void *left, const void *right)
{
    const struct order_key *a = left;
    const struct order_key *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->key != 0 && a->invoke_us != b->invoke_us)
        return a->invoke_us < b->invoke_us ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static bool order_make(struct plan *plan)
{
    uint32_t count = plan->history->op_count;
    struct order_key *keys = malloc((count + 1) * sizeof *keys);
    plan->order = malloc((count + 1) * sizeof *plan->order);
    if (keys == NULL || plan->order == NULL) {
        free(keys);
        return false;
    }
    for (uint32_t i = 0; i < count; i++)
        keys[i] =
            (struct order_key){ lin_key_used(&plan->history->ops[i]), plan->history->ops[i].invoke_us, i };
    qsort(keys, count, sizeof *keys, order_key_compare);
    for (uint32_t i = 0; i < count; i++)
        plan->order[i] = keys[i].index;
    free(keys);
    return true;
}

static bool line_is_wellformed(const struct lin_history *history, enum lin_kind kind, const struct lin_line *line)
{
    bool has_item = lin_kind_has_items(kind);
    bool has_node = has_item || kind == LIN_MOVE;
    bool may_be_any = kind == LIN_RESERVE || kind == LIN_READ || kind == LIN_PROMISE;
    bool must_be_any = kind == LIN_PROMISE;
    if (has_item && line->item >= history->items.count)
        return false;
    if (line->node == LIN_ANY_NODE)
        return may_be_any || !has_node;
    return !must_be_any && (!has_node || line->node < history->node_count);
}

static bool op_is_wellformed(const struct lin_history *history, const struct lin_op *op)
{
    bool is_answered = op->answer != LIN_NONE;
    bool has_window = op->kind == LIN_PROMISE || op->kind == LIN_LIMIT;
    bool claims_are_right = op->claim_count == UINT32_MAX || op->claim_count <= LIN_CLAIMS_MAX;
    if (is_answered != (op->return_us != LIN_NEVER) || op->return_us < op->invoke_us ||
        op->line_count > LIN_LINES_MAX || !claims_are_right ||
        lin_kind_has_reservation(op->kind) != (op->reservation != UINT64_MAX) ||
        has_window != (op->window < history->windows.count) ||
        (op->kind == LIN_SUPPLY) != (op->supply < history->supplies.count))
        return false;
    if (op->line_count == 0 && (lin_kind_has_items(op->kind) || op->kind == LIN_LIMIT))
        return false;
    for (uint32_t i = 0; i < op->line_count; i++)
        if (!line_is_wellformed(history, op->kind, &op->lines[i]))
            return false;
    for (uint32_t i = 0; op->claim_count != UINT32_MAX && i < op->claim_count; i++)
        if (op->claims[i].line >= op->line_count || op->claims[i].node >= history->node_count)
            return false;
    return true;
}

static bool ask_alike(const struct lin_op *a, const struct lin_op *b)
{
    bool alike = a->kind == b->kind && a->line_count == b->line_count && a->reservation == b->reservation &&
                 a->ttl_us == b->ttl_us && a->as_of == b->as_of && a->supply == b->supply &&
                 a->window == b->window && a->eta == b->eta && a->by == b->by;
    for (uint32_t i = 0; alike && i < a->line_count; i++)
        alike = a->lines[i].item == b->lines[i].item && a->lines[i].node == b->lines[i].node &&
                a->lines[i].quantity == b->lines[i].quantity;
    return alike;
}

/* A promise that is asked for again is answered as it is by then: its end may be another one, and is not told. */
static bool ends_alike(const struct lin_op *a, const struct lin_op *b)
{
    bool is_untold = a->expires_us == LIN_UNSAID || b->expires_us == LIN_UNSAID;
    return a->expires_us == b->expires_us || (a->kind == LIN_PROMISE && is_untold);
}

static bool answered_alike(const struct lin_op *a, const struct lin_op *b)
{
    bool alike = a->answer == b->answer && a->seq == b->seq && a->created_us == b->created_us &&
                 ends_alike(a, b) && a->claim_count == b->claim_count;
    for (uint32_t i = 0; alike && i < a->line_count; i++)
        alike = a->lines[i].available == b->lines[i].available;
    for (uint32_t i = 0; alike && a->claim_count != UINT32_MAX && i < a->claim_count; i++)
        alike = a->claims[i].line == b->claims[i].line && a->claims[i].node == b->claims[i].node &&
                a->claims[i].quantity == b->claims[i].quantity;
    return alike;
}

static void result_set(struct plan *plan, enum lin_verdict verdict, uint32_t op, uint32_t cause)
{
    plan->result->verdict = verdict;
    plan->result->op = op;
    plan->result->cause = cause;
}

/* The first answer is the one that counts; every other must be like it. */
static void deed_make(struct plan *plan, const uint32_t *tries, uint32_t count)
{
    const struct lin_op *ops = plan->history->ops;
    uint32_t told = tries[0];
    for (uint32_t i = 0; i < count; i++) {
        if (ops[tries[i]].return_us < ops[told].return_us)
            told = tries[i];
        if (!op_is_wellformed(plan->history, &ops[tries[i]]) || !ask_alike(&ops[tries[0]], &ops[tries[i]]))
            result_set(plan, LIN_MALFORMED, tries[i], UINT32_MAX);
    }
    for (uint32_t i = 0; i < count && plan->result->verdict == LIN_GOOD; i++)
        if (ops[tries[i]].answer != LIN_NONE && !answered_alike(&ops[told], &ops[tries[i]]))
            result_set(plan, LIN_ANSWERS_DIFFER, tries[i], told);
    bool is_told = ops[told].answer != LIN_NONE;
    if (!is_told && lin_kind_is_read(ops[told].kind))
        return;
    struct lin_deed *deed = &plan->deeds[plan->deed_count++];
    *deed = (struct lin_deed){ .op = ops[told], .tries = tries, .try_count = count, .told = told };
    deed->op.invoke_us = ops[tries[0]].invoke_us;
}

static bool deeds_make(struct plan *plan)
{
    const struct lin_op *ops = plan->history->ops;
    uint32_t count = plan->history->op_count;
    plan->deeds = malloc((count + 1) * sizeof *plan->deeds);
    if (plan->deeds == NULL || !order_make(plan))
        return false;
    for (uint32_t i = 0; i < count;) {
        uint32_t end = i + 1;
        uint64_t key = lin_key_used(&ops[plan->order[i]]);
        while (key != 0 && end < count && lin_key_used(&ops[plan->order[end]]) == key)
            end++;
        deed_make(plan, plan->order + i, end - i);
        i = end;
    }
    return true;
}

/* ---- Parts ---- */

static int u64_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static bool reservations_make(struct plan *plan)
{
    plan->reservations = malloc((plan->deed_count + 1) * sizeof *plan->reservations);
    if (plan->reservations == NULL)
        return false;
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->deed_count; i++)
        if (plan->deeds[i].op.reservation != UINT64_MAX)
            plan->reservations[count++] = plan->deeds[i].op.reservation;
    qsort(plan->reservations, count, sizeof *plan->reservations, u64_compare);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || plan->reservations[i] != plan->reservations[i - 1])
            plan->reservations[plan->reservation_count++] = plan->reservations[i];
    return true;
}

static uint32_t reservation_index(const struct plan *plan, uint64_t reservation)
{
    const uint64_t *found = bsearch(&reservation, plan->reservations, plan->reservation_count,
                                    sizeof *plan->reservations, u64_compare);
    return (uint32_t)(found - plan->reservations);
}

static uint32_t root_of(struct plan *plan, uint32_t element)
{
    while (plan->parent[element] != element) {
        plan->parent[element] = plan->parent[plan->parent[element]];
        element = plan->parent[element];
    }
    return element;
}

static uint32_t reservation_element(const struct plan *plan, uint64_t reservation)
{
    return plan->history->items.count + reservation_index(plan, reservation);
}

static uint32_t window_element(const struct plan *plan, uint32_t window)
{
    return plan->history->items.count + plan->reservation_count + window;
}

static uint32_t supply_element(const struct plan *plan, uint32_t supply)
{
    return plan->history->items.count + plan->reservation_count + plan->history->windows.count + supply;
}

static uint32_t element_count(const struct plan *plan)
{
    return supply_element(plan, plan->history->supplies.count);
}

/* An element of a deed: its reservation, else its window, else its first item. */
static uint32_t deed_element(const struct plan *plan, const struct lin_op *op)
{
    if (op->reservation != UINT64_MAX)
        return reservation_element(plan, op->reservation);
    return op->window != UINT32_MAX ? window_element(plan, op->window) : op->lines[0].item;
}

static void elements_join(struct plan *plan, uint32_t a, uint32_t b)
{
    plan->parent[root_of(plan, a)] = root_of(plan, b);
}

static bool parts_join(struct plan *plan)
{
    uint32_t count = element_count(plan);
    plan->parent = malloc((count + 1) * sizeof *plan->parent);
    if (plan->parent == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        plan->parent[i] = i;
    for (uint32_t i = 0; i < plan->deed_count; i++) {
        const struct lin_op *op = &plan->deeds[i].op;
        uint32_t element = deed_element(plan, op);
        for (uint32_t n = 0; lin_kind_has_items(op->kind) && n < op->line_count; n++)
            elements_join(plan, op->lines[n].item, element);
        if (op->window != UINT32_MAX)
            elements_join(plan, window_element(plan, op->window), element);
        if (op->supply != UINT32_MAX)
            elements_join(plan, supply_element(plan, op->supply), element);
    }
    return true;
}

struct deed_key {
    uint32_t root;
    uint32_t deed;
};

static int deed_key_compare(const void *left, const void *right)
{
    const struct deed_key *a = left;
    const struct deed_key *b = right;
    if (a->root != b->root)
        return a->root < b->root ? -1 : 1;
    return a->deed < b->deed ? -1 : a->deed > b->deed;
}

/* Numbers the elements of one kind within their parts. */
static void elements_number(struct plan *plan, uint32_t first, uint32_t end, uint32_t *counts)
{
    memset(counts, 0, element_count(plan) * sizeof *counts);
    for (uint32_t i = first; i < end; i++)
        plan->local[i] = counts[root_of(plan, i)]++;
}

/* Deeds of one part in a row; reservations, windows, supplies and positions numbered within it. */
static bool parts_number(struct plan *plan)
{
    uint32_t items = plan->history->items.count;
    uint32_t elements = element_count(plan);
    struct deed_key *keys = malloc((plan->deed_count + 1) * sizeof *keys);
    uint32_t *counts = calloc(elements + 1, sizeof *counts);
    plan->local = malloc((elements + 1) * sizeof *plan->local);
    plan->positions = malloc((items + 1) * LIN_NODES_MAX * sizeof *plan->positions);
    plan->part_deeds = malloc((plan->deed_count + 1) * sizeof *plan->part_deeds);
    bool is_done = keys && counts && plan->local && plan->positions && plan->part_deeds;
    if (is_done) {
        elements_number(plan, 0, items, counts);
        elements_number(plan, items, window_element(plan, 0), counts);
        elements_number(plan, window_element(plan, 0), supply_element(plan, 0), counts);
        elements_number(plan, supply_element(plan, 0), elements, counts);
    }
    for (uint32_t i = 0; is_done && i < items; i++)
        for (uint32_t node = 0; node < plan->history->node_count; node++)
            plan->positions[i * LIN_NODES_MAX + node] = plan->local[i] * plan->history->node_count + node;
    for (uint32_t i = 0; is_done && i < plan->deed_count; i++)
        keys[i] = (struct deed_key){ root_of(plan, deed_element(plan, &plan->deeds[i].op)), i };
    if (is_done)
        qsort(keys, plan->deed_count, sizeof *keys, deed_key_compare);
    for (uint32_t i = 0; is_done && i < plan->deed_count; i++)
        plan->part_deeds[i] = plan->deeds[keys[i].deed];
    free(keys);
    free(counts);
    return is_done;
}

/* ---- One part ---- */

static uint64_t line_footprint(const struct lin_part *part, const struct lin_line *line)
{
    uint64_t bits = 0;
    for (uint32_t node = 0; node < part->shape.node_count; node++)
        if (line->node == LIN_ANY_NODE || line->node == node)
            bits |= UINT64_C(1) << part->shape.position_of[line->item * LIN_NODES_MAX + node] % 64;
    return bits;
}

static uint64_t window_footprint(const struct lin_part *part, uint32_t window)
{
    return window == UINT32_MAX ? 0 : UINT64_C(1) << (part->shape.position_count + window) % 64;
}

/* What a reservation can touch: all nodes of its items, as it can be moved, and the window of a promise. */
static uint64_t reserve_footprint(const struct lin_part *part, const struct lin_op *op)
{
    uint64_t bits = window_footprint(part, op->window);
    for (uint32_t i = 0; i < op->line_count; i++) {
        struct lin_line anywhere = { .item = op->lines[i].item, .node = LIN_ANY_NODE };
        bits |= line_footprint(part, &anywhere);
    }
    return bits;
}

static bool makes_reservation(const struct lin_op *op)
{
    return op->kind == LIN_RESERVE || op->kind == LIN_PROMISE;
}

/* What the deeds of a reservation, or of a supply, which may have been elsewhere, can touch together. */
static uint64_t *touched_by(const struct lin_part *part, uint64_t *touched, const struct lin_op *op)
{
    if (op->reservation != UINT64_MAX)
        return &touched[op->reservation];
    return op->supply != UINT32_MAX ? &touched[part->reservation_count + op->supply] : NULL;
}

/* False: out of memory. */
static bool part_footprints(struct lin_part *part)
{
    uint64_t *touched = calloc(part->reservation_count + part->shape.supply_count + 1, sizeof *touched);
    if (touched == NULL)
        return false;
    for (uint32_t i = 0; i < part->deed_count; i++) {
        const struct lin_op *op = &part->deeds[i].op;
        if (makes_reservation(op))
            *touched_by(part, touched, op) |= reserve_footprint(part, op);
        if (op->kind == LIN_SUPPLY)
            *touched_by(part, touched, op) |= line_footprint(part, &op->lines[0]);
    }
    for (uint32_t i = 0; i < part->deed_count; i++) {
        struct lin_deed *deed = &part->deeds[i];
        const uint64_t *together = touched_by(part, touched, &deed->op);
        deed->footprint = together != NULL ? *together : window_footprint(part, deed->op.window);
        for (uint32_t n = 0; lin_kind_has_items(deed->op.kind) && n < deed->op.line_count; n++)
            deed->footprint |= line_footprint(part, &deed->op.lines[n]);
    }
    free(touched);
    return true;
}

static uint32_t claims_possible(const struct lin_part *part)
{
    uint32_t count = 16;
    for (uint32_t i = 0; i < part->deed_count; i++)
        for (uint32_t n = 0; makes_reservation(&part->deeds[i].op) && n < part->deeds[i].op.line_count; n++)
            count += part->deeds[i].op.lines[n].node == LIN_ANY_NODE ? part->shape.node_count : 1;
    return count;
}

static uint32_t greater(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Names are numbered within the part from here on; items keep their numbers. */
static void part_number(const struct plan *plan, struct lin_op *op, struct lin_part *part)
{
    if (op->reservation != UINT64_MAX) {
        op->reservation = plan->local[reservation_element(plan, op->reservation)];
        part->reservation_count = greater(part->reservation_count, (uint32_t)op->reservation + 1);
    }
    if (op->window != UINT32_MAX) {
        op->window = plan->local[window_element(plan, op->window)];
        part->shape.window_count = greater(part->shape.window_count, op->window + 1);
    }
    if (op->supply != UINT32_MAX) {
        op->supply = plan->local[supply_element(plan, op->supply)];
        part->shape.supply_count = greater(part->shape.supply_count, op->supply + 1);
    }
}

static bool part_make(struct plan *plan, struct lin_deed *deeds, uint32_t count, struct lin_part *part)
{
    *part = (struct lin_part){
        .history = plan->history,
        .shape = { .node_count = plan->history->node_count, .position_of = plan->positions },
        .deeds = deeds,
        .deed_count = count,
        .kept_seqs = plan->kept_seqs,
        .clock_early_us = plan->history->options.clock_early_us,
        .clock_late_us = plan->history->options.clock_late_us,
    };
    for (uint32_t i = 0; i < count; i++) {
        struct lin_op *op = &deeds[i].op;
        for (uint32_t n = 0; lin_kind_has_items(op->kind) && n < op->line_count; n++)
            part->shape.position_count =
                greater(part->shape.position_count, plan->positions[op->lines[n].item * LIN_NODES_MAX] +
                                                        plan->history->node_count);
        part_number(plan, op, part);
    }
    part->shape.claims_max = claims_possible(part);
    return part_footprints(part);
}

static void part_check(struct plan *plan, struct lin_part *part)
{
    uint32_t deed = UINT32_MAX;
    uint32_t cause = UINT32_MAX;
    plan->result->parts++;
    enum lin_verdict verdict = lin_search(part, &deed, &plan->result->states_max);
    if (verdict == LIN_NO_ORDER)
        verdict = lin_reason(part, deed, &cause);
    else if (verdict == LIN_GOOD)
        verdict = lin_seq_replay(part, &deed);
    if (verdict != LIN_GOOD)
        result_set(plan, verdict, deed == UINT32_MAX ? UINT32_MAX : part->deeds[deed].told,
                   cause == UINT32_MAX ? UINT32_MAX : part->deeds[cause].told);
}

static bool parts_check(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->deed_count && plan->result->verdict == LIN_GOOD;) {
        struct lin_part part;
        uint32_t root = root_of(plan, deed_element(plan, &plan->part_deeds[i].op));
        uint32_t end = i + 1;
        while (end < plan->deed_count && root_of(plan, deed_element(plan, &plan->part_deeds[end].op)) == root)
            end++;
        if (!part_make(plan, plan->part_deeds + i, end - i, &part))
            return false;
        part_check(plan, &part);
        i = end;
    }
    return true;
}

/* ---- The verdict ---- */

static int time_compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static bool plan_run(struct plan *plan)
{
    if (plan->history->crash_count > 0)
        qsort(plan->history->crashes, plan->history->crash_count, sizeof(int64_t), time_compare);
    plan->kept_seqs = malloc((plan->history->crash_count + 1) * sizeof *plan->kept_seqs);
    if (plan->kept_seqs == NULL || !deeds_make(plan))
        return false;
    lin_seq_kept(plan->history, plan->kept_seqs);
    if (plan->result->verdict != LIN_GOOD)
        return true;
    if (!reservations_make(plan) || !parts_join(plan) || !parts_number(plan) || !parts_check(plan))
        return false;
    if (plan->result->verdict == LIN_GOOD)
        lin_seq_times(plan->history, plan->result);
    return true;
}

static void plan_fini(struct plan *plan)
{
    free(plan->order);
    free(plan->deeds);
    free(plan->parent);
    free(plan->reservations);
    free(plan->local);
    free(plan->positions);
    free(plan->part_deeds);
    free(plan->kept_seqs);
}

static void put_op(const struct lin_history *history, const char *what, uint32_t op, char *sentence,
                   size_t size)
{
    size_t used = strlen(sentence);
    char text[256];
    if (op == UINT32_MAX)
        return;
    (void)lin_write_op(history, &history->ops[op], text, sizeof text);
    (void)snprintf(sentence + used, size - used, "%s operation %u: %s", what, (unsigned)op, text);
}

static void sentence_make(const struct lin_history *history, struct lin_result *result)
{
    size_t size = sizeof result->sentence;
    (void)snprintf(result->sentence, size, "%s", verdict_sentence(result->verdict));
    put_op(history, ":", result->op, result->sentence, size);
    put_op(history, "; because of", result->cause, result->sentence, size);
}

void lin_check(struct lin_history *history, struct lin_result *out_result)
{
    struct plan plan = { .history = history, .result = out_result };
    *out_result = (struct lin_result){ .op = UINT32_MAX, .cause = UINT32_MAX };
    if (!plan_run(&plan))
        out_result->verdict = LIN_TOO_HARD;
    plan_fini(&plan);
    sentence_make(history, out_result);
}
