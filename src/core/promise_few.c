/*
 * promise_few.c - of the nodes that may have every line those that come first by date and distance (SO6).
 *
 * Most nodes are passed over by one comparison: of how far away they are with how far away a node of their class
 * may be to come before the last of those chosen so far.
 */
#include "core/promise_screen.h"

void full_find(struct oh_promise_engine *engine)
{
    const struct oh_ledger *ledger = engine->ledger;
    struct screen *screen = engine->screen;
    const struct item *first = &ledger->items[engine->lines[0].item];
    const uint16_t *first_nodes = item_node_list(ledger, first);
    screen->full = first_nodes;
    screen->full_count = first->node_count;
    if (engine->line_count == 1)
        return;
    bool is_few = engine->line_count <= SOURCING_PAIR_LINES_MAX;
    uint32_t all = is_few ? (1u << engine->line_count) - 2 : engine->line_count - 1;
    memset(screen->marks, 0, ledger->node_count * sizeof(screen->marks[0]));
    for (uint32_t j = 1; j < engine->line_count; j++) {
        const struct item *item = &ledger->items[engine->lines[j].item];
        const uint16_t *nodes = item_node_list(ledger, item);
        uint32_t mark = is_few ? 1u << j : 1;
        for (uint32_t i = 0; i < item->node_count; i++)
            screen->marks[nodes[i]] = (uint16_t)(screen->marks[nodes[i]] + mark);
    }
    screen->full = screen->full_nodes;
    screen->full_count = 0;
    for (uint32_t i = 0; i < first->node_count; i++) {
        if (screen->marks[first_nodes[i]] == all)
            screen->full_nodes[screen->full_count++] = first_nodes[i];
    }
}

static uint64_t few_key(enum order order, uint32_t minutes, double chord2)
{
    uint32_t bits = key_bits(chord2);
    switch (order) {
    case ORDER_NONE:
    case ORDER_DATE: return (uint64_t)minutes << 32;
    case ORDER_DATE_DISTANCE: return (uint64_t)minutes << 32 | bits;
    case ORDER_DISTANCE: return (uint64_t)bits << 32 | minutes;
    }
    OH_UNREACHABLE();
}

static void few_insert(struct screen *screen, uint32_t most, struct few one)
{
    uint32_t at = screen->few_count < most ? screen->few_count++ : most - 1;
    for (; at > 0 && screen->few[at - 1].key > one.key; at--)
        screen->few[at] = screen->few[at - 1];
    screen->few[at] = one;
}

struct choosing {
    const struct scope *scope;
    struct leavings *leavings;
    enum order order;
    uint32_t most;
    uint64_t limit; /* what has a key so great is not one of the first */
};

static void few_consider(struct choosing *choosing, uint16_t node, uint64_t key)
{
    struct screen *screen = choosing->scope->engine->screen;
    if (key >= choosing->limit || !node_is_open(choosing->scope->engine, node))
        return;
    few_insert(screen, choosing->most, (struct few){ key, node });
    if (screen->few_count < choosing->most)
        return;
    choosing->limit = screen->few[choosing->most - 1].key;
    screen->limit_stamp++;
}

/* How far away a node may be: in bands sooner than the limit, and in those that are as soon if it is nearer. */
static double class_limit(struct choosing *choosing, struct leaving *class)
{
    uint32_t high = (uint32_t)(choosing->limit >> 32);
    uint32_t low = (uint32_t)choosing->limit;
    bool is_by_date = choosing->order != ORDER_DISTANCE;
    double near = choosing->limit == KEY_NEVER ? CHORD2_ANY : key_chord2(is_by_date ? low : high) * KEY_CHORD2_UP;
    if (choosing->order == ORDER_DATE)
        near = 0; /* of two that are as soon the first is chosen */
    class->limit_stamp = choosing->scope->engine->screen->limit_stamp;
    double farthest = 0;
    for (uint32_t i = 0; i < class->band_count; i++) {
        bool is_sooner = is_by_date ? class->minutes[i] < high : false;
        bool is_equal = is_by_date ? class->minutes[i] == high : true;
        if (class->minutes[i] == MINUTES_NEVER || !(is_sooner || is_equal))
            continue;
        double limit = is_sooner || class->chord2_max[i] < near ? class->chord2_max[i] : near;
        farthest = limit > farthest ? limit : farthest;
    }
    return farthest;
}

/* It is nearer than the limit of its class was when that was made; since then that may have become less. */
__attribute__((noinline)) static void few_look(struct choosing *choosing, uint16_t node, double chord2)
{
    struct screen *screen = choosing->scope->engine->screen;
    uint16_t number = choosing->leavings->class_of[node];
    struct leaving *class = &choosing->leavings->classes[number];
    if (class->stamp != screen->stamp)
        bands_make(choosing->scope, class);
    if (class->limit_stamp != screen->limit_stamp) {
        screen->chord2_limits[number] = class_limit(choosing, class);
        if (chord2 > screen->chord2_limits[number])
            return;
    }
    uint32_t minutes = class_minutes(class, chord2);
    if (minutes != MINUTES_NEVER)
        few_consider(choosing, node, few_key(choosing->order, minutes, chord2));
}

static void few_choose_block(struct choosing *choosing, const uint16_t *nodes, uint32_t count)
{
    const double *limits = choosing->scope->engine->screen->chord2_limits;
    const uint16_t *class_of = choosing->leavings->class_of;
    uint32_t first = nodes[0];
    double chords[BLOCK_SPAN];
    chords_make(choosing->scope, nodes, count, chords);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = nodes[i];
        if (chords[node - first] <= limits[class_of[node]])
            few_look(choosing, (uint16_t)node, chords[node - first]);
    }
}

static void keys_make(const struct scope *scope, struct leavings *leavings, enum order order)
{
    for (uint32_t i = 0; i < scope->engine->ledger->node_count; i++) {
        uint32_t minutes = node_minutes(scope, leavings, (uint16_t)i);
        leavings->keys[i] =
            minutes == MINUTES_NEVER ? KEY_NEVER : few_key(order, minutes, node_chord2(scope, (uint16_t)i));
    }
}

bool keys_obtain(const struct scope *scope, struct leavings *leavings, enum order order)
{
    const struct oh_promise_engine *engine = scope->engine;
    struct asked asked = { .ordered_us = engine->ordered_us, .until_us = scope->until_us, .order = order,
                           .has_point = engine->has_point };
    if (engine->has_point) {
        asked.latitude = engine->point.latitude;
        asked.longitude = engine->point.longitude;
    }
    OH_ASSERT(engine->country.size <= sizeof(asked.country) && engine->postal_code.size <= sizeof(asked.postal_code));
    if (engine->country.size > 0)
        memcpy(asked.country, engine->country.data, engine->country.size);
    if (engine->postal_code.size > 0)
        memcpy(asked.postal_code, engine->postal_code.data, engine->postal_code.size);
    if (leavings->asked_count == 0 || memcmp(&asked, &leavings->asked, sizeof(asked)) != 0) {
        leavings->asked = asked;
        leavings->asked_count = 1;
        return false;
    }
    if (leavings->asked_count == 1)
        keys_make(scope, leavings, order);
    leavings->asked_count = 2;
    return true;
}

/* How many of the nodes from there on are a block. */
static uint32_t block_count(const uint16_t *nodes, uint32_t count, uint32_t from)
{
    uint32_t most = count - from < BLOCK_SPAN ? count - from : BLOCK_SPAN;
    while (nodes[from + most - 1] - nodes[from] >= (int)BLOCK_SPAN)
        most = (most + 1) / 2;
    return most;
}

void few_choose(const struct scope *scope, struct leavings *leavings, enum order order, uint32_t most)
{
    struct screen *screen = scope->engine->screen;
    struct choosing choosing = { scope, leavings, order, most, KEY_NEVER };
    screen->few_count = 0;
    screen->limit_stamp++;
    if (screen->has_keys) {
        for (uint32_t i = 0; i < screen->full_count; i++) {
            if (leavings->keys[screen->full[i]] < choosing.limit)
                few_consider(&choosing, screen->full[i], leavings->keys[screen->full[i]]);
        }
        return;
    }
    for (uint32_t i = 0; i < leavings->class_count; i++)
        screen->chord2_limits[i] = CHORD2_ANY;
    screen->chord2_limits[CLASS_NONE] = -1;
    for (uint32_t i = 0; i < screen->full_count;) {
        uint32_t count = block_count(screen->full, screen->full_count, i);
        few_choose_block(&choosing, &screen->full[i], count);
        i += count;
    }
}
