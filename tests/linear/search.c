/*
 * The search for an order, event by event. Between events it holds every
 * configuration that explains all answers so far: a state, and which of the
 * operations under way have taken effect in it. A request that is sent only
 * joins those under way. When an answer comes, each configuration in which it
 * has not taken effect is carried on through every order of operations under
 * way that makes it do so; those that cannot are given up. None left: no order.
 *
 * A configuration may go astray in a life that ends in a crash: from then on
 * its state is what reads see and the crash forgets, and `saved` is what will
 * be there afterwards.
 */
#include "linear/history.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)1 << 17) /* small enough that allocators, those of sanitizers too, keep it */
#define TABLE_MIN  64u
#define NO_SLOT    UINT32_MAX

enum event_type { EVENT_INVOKE, EVENT_RETURN, EVENT_CRASH };

struct event {
    int64_t at_us;
    uint32_t deed;
    enum event_type type;
};

/* Compared as bytes. The state follows, then the saved one. */
struct config {
    uint64_t done; /* slots that have taken effect and will be kept */
    uint64_t gone; /* slots that have taken effect and will be lost in the crash */
    uint64_t state_size;
    uint64_t saved_size; /* 0: not astray */
};

struct chunk {
    struct chunk *next;
    size_t used;
    size_t size;
};

/* Configurations, each once, in memory of the set's own. */
struct set {
    struct config **list;
    uint32_t *table; /* index + 1 into list; 0: free */
    uint32_t count;
    uint32_t list_max;
    uint32_t table_size;
    struct chunk *chunks; /* the first one is being filled */
};

struct slot {
    uint32_t deed;    /* UINT32_MAX: free */
    int64_t since_us; /* first request in this life */
};

struct search {
    const struct lin_part *part;
    struct event *events;
    uint32_t event_count;
    struct slot slots[LIN_SLOTS_MAX];
    uint32_t *slot_of; /* by deed */
    uint32_t *uses;    /* by reservation: deeds that still name it */
    uint64_t alive;    /* slots with a request in this life */
    int64_t crash_us;  /* end of this life */
    struct set now, next, seen;
    char *scratch;
    size_t scratch_size;
    uint64_t states_max;
    bool is_out; /* of memory, slots or patience */
};

/* ---- Sets ---- */

static char *config_state(struct config *config)
{
    return (char *)(config + 1);
}

static size_t config_size(const struct config *config)
{
    return sizeof *config + config->state_size + config->saved_size;
}

static uint64_t bytes_hash(const char *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash;
}

static void *set_room(struct set *set, size_t size)
{
    struct chunk *chunk = set->chunks;
    if (chunk == NULL || chunk->used + size > chunk->size) {
        size_t space = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = malloc(sizeof *chunk + space);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct chunk){ .next = set->chunks, .size = space };
        set->chunks = chunk;
    }
    char *at = (char *)(chunk + 1) + chunk->used;
    chunk->used += size;
    return at;
}

static void set_place(struct set *set, uint32_t index)
{
    const struct config *config = set->list[index];
    uint32_t at = (uint32_t)bytes_hash((const char *)config, config_size(config)) & (set->table_size - 1);
    while (set->table[at] != 0)
        at = (at + 1) & (set->table_size - 1);
    set->table[at] = index + 1;
}

static bool set_grow(struct set *set)
{
    uint32_t table_size = set->table_size == 0 ? TABLE_MIN : set->table_size * 2;
    struct config **list = realloc(set->list, table_size / 2 * sizeof *list);
    if (list == NULL)
        return false;
    set->list = list;
    set->list_max = table_size / 2;
    uint32_t *table = calloc(table_size, sizeof *table);
    if (table == NULL)
        return false;
    free(set->table);
    set->table = table;
    set->table_size = table_size;
    for (uint32_t i = 0; i < set->count; i++)
        set_place(set, i);
    return true;
}

static bool set_has(const struct set *set, const struct config *config)
{
    size_t size = config_size(config);
    uint32_t at = (uint32_t)bytes_hash((const char *)config, size) & (set->table_size - 1);
    for (; set->table[at] != 0; at = (at + 1) & (set->table_size - 1)) {
        const struct config *other = set->list[set->table[at] - 1];
        if (config_size(other) == size && memcmp(other, config, size) == 0)
            return true;
    }
    return false;
}

/* Copies, unless it is there. False: out of memory or patience. */
static bool set_add(struct set *set, const struct config *config)
{
    if (set->count == set->list_max && !set_grow(set))
        return false;
    if (set_has(set, config))
        return true;
    struct config *copy = set->count == LIN_STATES_MAX ? NULL : set_room(set, config_size(config));
    if (copy == NULL)
        return false;
    memcpy(copy, config, config_size(config));
    set->list[set->count] = copy;
    set_place(set, set->count++);
    return true;
}

static void set_clear(struct set *set)
{
    if (set->count * 8 < set->table_size &&
        set->table_size > 4096) { /* one large event must not slow all others */
        set->table_size = 0;
        set->list_max = 0;
        free(set->table);
        set->table = NULL;
        set->count = 0;
    } else if (set->table_size > 0) {
        memset(set->table, 0, set->table_size * sizeof *set->table);
    }
    set->count = 0;
    while (set->chunks != NULL && set->chunks->next != NULL) {
        struct chunk *chunk = set->chunks;
        set->chunks = chunk->next;
        free(chunk);
    }
    if (set->chunks != NULL)
        set->chunks->used = 0;
}

static void set_fini(struct set *set)
{
    set_clear(set);
    free(set->chunks);
    free(set->list);
    free(set->table);
}

/* ---- Events ---- */

static int event_compare(const void *left, const void *right)
{
    const struct event *a = left;
    const struct event *b = right;
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return a->deed < b->deed ? -1 : a->deed > b->deed;
}

static void event_add(struct search *search, int64_t at_us, enum event_type type, uint32_t deed)
{
    search->events[search->event_count++] = (struct event){ .at_us = at_us, .type = type, .deed = deed };
}

static bool events_make(struct search *search)
{
    const struct lin_part *part = search->part;
    const struct lin_history *history = part->history;
    size_t count = history->crash_count;
    for (uint32_t i = 0; i < part->deed_count; i++)
        count += part->deeds[i].try_count + 1;
    search->events = malloc((count + 1) * sizeof *search->events);
    if (search->events == NULL)
        return false;
    for (uint32_t i = 0; i < part->deed_count; i++) {
        const struct lin_deed *deed = &part->deeds[i];
        event_add(search, deed->op.invoke_us, EVENT_INVOKE, i);
        for (uint32_t n = 1; n < deed->try_count; n++)
            if (history->ops[deed->tries[n]].invoke_us <= deed->op.return_us)
                event_add(search, history->ops[deed->tries[n]].invoke_us, EVENT_INVOKE, i);
        if (deed->op.return_us != LIN_NEVER)
            event_add(search, deed->op.return_us, EVENT_RETURN, i);
    }
    for (uint32_t i = 0; i < history->crash_count; i++)
        event_add(search, history->crashes[i], EVENT_CRASH, UINT32_MAX);
    qsort(search->events, search->event_count, sizeof *search->events, event_compare);
    return true;
}

/* ---- Moving a configuration ---- */

static struct lin_state *state_of(struct config *config)
{
    return (struct lin_state *)(void *)config_state(config);
}

static int claim_compare(const struct lin_held *a, const struct lin_held *b)
{
    if (a->reservation != b->reservation)
        return a->reservation < b->reservation ? -1 : 1;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

/* One form for equal states: claims in order, and without those that nobody will name again. */
static void state_tidy(const struct search *search, struct lin_state *state)
{
    struct lin_held *claims = lin_state_claims(&search->part->shape, state);
    uint64_t kept = 0;
    for (uint64_t i = 0; i < state->claim_count; i++) {
        struct lin_held claim = claims[i];
        if (claim.held + claim.confirmed == 0 && search->uses[claim.reservation] == 0)
            continue;
        uint64_t at = kept++;
        for (; at > 0 && claim_compare(&claim, &claims[at - 1]) < 0; at--)
            claims[at] = claims[at - 1];
        claims[at] = claim;
    }
    state->claim_count = kept;
}

/* A copy to change: its state has room to grow, so the saved one is kept apart until config_finish(). */
static struct config *config_begin(struct search *search, struct config *from)
{
    struct config *config = (struct config *)(void *)search->scratch;
    memcpy(config, from, sizeof *from + from->state_size);
    return config;
}

/* The changed copy, whole: tidied, with the saved state of `from` (or `from` itself when it goes astray now). */
static void config_finish(struct search *search, struct config *config, struct config *from, bool goes_astray)
{
    struct lin_state *state = state_of(config);
    state_tidy(search, state);
    config->state_size = lin_state_size(&search->part->shape, state);
    const char *saved = config_state(from) + (goes_astray ? 0 : from->state_size);
    config->saved_size = goes_astray ? from->state_size : from->saved_size;
    memcpy(config_state(config) + config->state_size, saved, config->saved_size);
}

static const struct lin_deed *slot_deed(const struct search *search, uint32_t slot)
{
    return &search->part->deeds[search->slots[slot].deed];
}

static bool returns_in_this_life(const struct search *search, const struct lin_op *op)
{
    return op->return_us != LIN_NEVER && op->return_us <= search->crash_us;
}

static struct lin_moment slot_moment(const struct search *search, uint32_t slot, bool is_judged)
{
    const struct lin_op *op = &slot_deed(search, slot)->op;
    int64_t end_us = op->return_us < search->crash_us ? op->return_us : search->crash_us;
    return (struct lin_moment){
        .from_us = search->slots[slot].since_us - search->part->clock_early_us,
        .to_us = end_us == LIN_NEVER ? LIN_NEVER : end_us + search->part->clock_late_us,
        .is_judged = is_judged && op->answer != LIN_NONE,
    };
}

/* The operation takes effect next. NULL: it cannot, with the answer it was given. */
static struct config *config_apply(struct search *search, struct config *from, uint32_t slot)
{
    struct config *config = config_begin(search, from);
    struct lin_moment moment = slot_moment(search, slot, true);
    if (!lin_model_apply(&search->part->shape, state_of(config), &slot_deed(search, slot)->op, &moment))
        return NULL;
    config->done |= UINT64_C(1) << slot;
    config_finish(search, config, from, false);
    return config;
}

/* The same, but it will be lost in the crash, and nobody will hear the answer. */
static struct config *config_stray(struct search *search, struct config *from, uint32_t slot)
{
    struct config *config = config_begin(search, from);
    struct lin_moment moment = slot_moment(search, slot, false);
    if (!lin_model_apply(&search->part->shape, state_of(config), &slot_deed(search, slot)->op, &moment))
        return NULL;
    config->gone |= UINT64_C(1) << slot;
    config_finish(search, config, from, from->saved_size == 0);
    return config;
}

static struct config *config_expire(struct search *search, struct config *from, uint64_t reservation)
{
    struct config *config = config_begin(search, from);
    lin_model_expire(&search->part->shape, state_of(config), reservation);
    config_finish(search, config, from, false);
    return config;
}

/* ---- What must be tried ---- */

static uint64_t waiting_slots(const struct search *search, const struct config *config)
{
    return search->alive & ~config->done & ~config->gone;
}

static bool state_may_expire(const struct search *search, struct lin_state *state, int64_t by_us)
{
    const struct lin_held *claims = lin_state_claims(&search->part->shape, state);
    uint64_t i = 0;
    while (i < state->claim_count && !lin_model_may_expire(&claims[i], by_us))
        i++;
    return i < state->claim_count;
}

/* Whether a write under way could be lost, and seen by a read before. */
static bool slot_can_stray(const struct search *search, uint32_t slot)
{
    const struct lin_op *op = &slot_deed(search, slot)->op;
    return search->crash_us != LIN_NEVER && !lin_kind_is_read(op->kind) && !returns_in_this_life(search, op);
}

static bool any_can_stray(const struct search *search, uint64_t slots)
{
    uint32_t slot = 0;
    while (slot < LIN_SLOTS_MAX && ((slots >> slot & 1) == 0 || !slot_can_stray(search, slot)))
        slot++;
    return slot < LIN_SLOTS_MAX;
}

/* The time to which an operation takes the server's clock, at least. */
static int64_t slot_time(const struct search *search, uint32_t slot)
{
    int64_t told_us = lin_model_time_told(&slot_deed(search, slot)->op);
    return told_us != LIN_UNSAID ? told_us : slot_moment(search, slot, true).from_us;
}

/* Shares a position with others, or is told to have been before them. */
static bool matters(const struct search *search, uint32_t slot, uint64_t touched, int64_t last_us)
{
    int64_t told_us = lin_model_time_told(&slot_deed(search, slot)->op);
    return (slot_deed(search, slot)->footprint & touched) != 0 ||
           (told_us != LIN_UNSAID && told_us < last_us);
}

/*
 * Only what shares a position with the forced one, directly or through others, can matter to it: whatever else
 * would come before it may as well come after. Not so when holds may end meanwhile, nor when a read may see what
 * a crash will take, because then all that is kept has come before.
 */
static uint64_t region_of(const struct search *search, struct config *config, uint32_t forced, int64_t by_us)
{
    uint64_t waiting = waiting_slots(search, config);
    if (state_may_expire(search, state_of(config), by_us))
        return waiting;
    if (lin_kind_is_read(slot_deed(search, forced)->op.kind) && any_can_stray(search, waiting))
        return waiting;
    uint64_t region = UINT64_C(1) << forced;
    uint64_t touched = slot_deed(search, forced)->footprint;
    int64_t last_us = slot_time(search, forced);
    for (uint64_t before = 0; before != region;) {
        before = region;
        for (uint32_t slot = 0; slot < LIN_SLOTS_MAX; slot++) {
            if ((waiting >> slot & 1) == 0 || !matters(search, slot, touched, last_us))
                continue;
            region |= UINT64_C(1) << slot;
            touched |= slot_deed(search, slot)->footprint;
            last_us = slot_time(search, slot) > last_us ? slot_time(search, slot) : last_us;
        }
    }
    return region;
}

/* Whether the time that a read needs takes nothing away from what still waits. */
static bool time_is_idle(const struct search *search, struct config *config, uint32_t read)
{
    int64_t from_us = slot_moment(search, read, true).from_us;
    uint64_t waiting = waiting_slots(search, config);
    if (from_us <= state_of(config)->now_us)
        return true;
    for (uint32_t slot = 0; slot < LIN_SLOTS_MAX; slot++) {
        if ((waiting >> slot & 1) == 0)
            continue;
        int64_t told_us = lin_model_time_told(&slot_deed(search, slot)->op);
        if (told_us != LIN_UNSAID && told_us < from_us)
            return false;
    }
    return !state_may_expire(search, state_of(config), from_us);
}

/* A read that is right now changes nothing, so it need not be tried later. */
static struct config *config_read(struct search *search, struct config *config, uint64_t region)
{
    for (uint32_t slot = 0; slot < LIN_SLOTS_MAX; slot++) {
        if ((region >> slot & 1) == 0 || !lin_kind_is_read(slot_deed(search, slot)->op.kind) ||
            !time_is_idle(search, config, slot))
            continue;
        struct config *after = config_apply(search, config, slot);
        if (after != NULL)
            return after;
    }
    return NULL;
}

/* Where a configuration goes: to the next event when the forced operation has taken effect, else on and on. */
static void config_put(struct search *search, struct config *config, uint32_t forced)
{
    uint64_t bit = UINT64_C(1) << forced;
    struct set *set = (config->done & bit) != 0 ? &search->next : &search->seen;
    config->done &= ~bit;
    if (!set_add(set, config))
        search->is_out = true;
}

static void expand_slot(struct search *search, struct config *config, uint32_t slot, uint32_t forced)
{
    bool is_read = lin_kind_is_read(slot_deed(search, slot)->op.kind);
    bool is_astray = config->saved_size > 0;
    struct config *after = is_astray && !is_read ? NULL : config_apply(search, config, slot);
    if (after != NULL)
        config_put(search, after, forced);
    bool can_stray = lin_kind_is_read(slot_deed(search, forced)->op.kind) && slot_can_stray(search, slot);
    after = can_stray ? config_stray(search, config, slot) : NULL;
    if (after != NULL)
        config_put(search, after, forced);
}

static void expand_ends(struct search *search, struct config *config, uint32_t forced, int64_t by_us)
{
    struct lin_state *state = state_of(config);
    const struct lin_held *claims = lin_state_claims(&search->part->shape, state);
    for (uint64_t i = 0; i < state->claim_count; i++)
        if (lin_model_may_expire(&claims[i], by_us))
            config_put(search, config_expire(search, config, claims[i].reservation), forced);
}

static void expand(struct search *search, struct config *config, uint32_t forced)
{
    int64_t by_us = slot_moment(search, forced, true).to_us;
    bool is_lost = config->saved_size > 0 && !lin_kind_is_read(slot_deed(search, forced)->op.kind);
    if (is_lost) /* an answered write cannot come after one that the crash took */
        return;
    uint64_t region = region_of(search, config, forced, by_us);
    struct config *read = config_read(search, config, region);
    if (read != NULL) {
        config_put(search, read, forced);
        return;
    }
    for (uint32_t slot = 0; slot < LIN_SLOTS_MAX && !search->is_out; slot++)
        if ((region >> slot & 1) != 0)
            expand_slot(search, config, slot, forced);
    expand_ends(search, config, forced, by_us);
}

/* ---- Events, one by one ---- */

static void on_invoke(struct search *search, const struct event *event)
{
    uint32_t slot = search->slot_of[event->deed];
    if (slot == NO_SLOT) {
        for (slot = 0; slot < LIN_SLOTS_MAX && search->slots[slot].deed != UINT32_MAX; slot++)
            ;
        if (slot == LIN_SLOTS_MAX) {
            search->is_out = true;
            return;
        }
        search->slots[slot].deed = event->deed;
        search->slot_of[event->deed] = slot;
    }
    if ((search->alive >> slot & 1) == 0)
        search->slots[slot].since_us = event->at_us;
    search->alive |= UINT64_C(1) << slot;
}

static void slot_free(struct search *search, uint32_t slot)
{
    uint32_t deed = search->slots[slot].deed;
    search->slots[slot].deed = UINT32_MAX;
    search->slot_of[deed] = NO_SLOT;
    search->alive &= ~(UINT64_C(1) << slot);
    if (search->part->deeds[deed].op.reservation != UINT64_MAX)
        search->uses[search->part->deeds[deed].op.reservation]--;
}

static void sets_swap(struct search *search)
{
    struct set was = search->now;
    search->now = search->next;
    search->next = was;
    set_clear(&search->next);
    if (search->now.count > search->states_max)
        search->states_max = search->now.count;
}

static bool on_return(struct search *search, const struct event *event)
{
    uint32_t slot = search->slot_of[event->deed];
    set_clear(&search->seen);
    for (uint32_t i = 0; i < search->now.count; i++) {
        memcpy(search->scratch, search->now.list[i], config_size(search->now.list[i]));
        config_put(search, (struct config *)(void *)search->scratch, slot);
    }
    for (uint32_t i = 0; i < search->seen.count && !search->is_out; i++)
        expand(search, search->seen.list[i], slot);
    if (search->seen.count > search->states_max)
        search->states_max = search->seen.count;
    slot_free(search, slot);
    if (search->next.count == 0)
        return false;
    sets_swap(search);
    return true;
}

/* Slots that no request and no answer will come for any more. */
static uint64_t slots_over(const struct search *search, int64_t at_us)
{
    uint64_t over = 0;
    for (uint32_t slot = 0; slot < LIN_SLOTS_MAX; slot++) {
        if (search->slots[slot].deed == UINT32_MAX)
            continue;
        const struct lin_deed *deed = slot_deed(search, slot);
        const struct lin_op *last = &search->part->history->ops[deed->tries[deed->try_count - 1]];
        if (deed->op.return_us == LIN_NEVER && last->invoke_us <= at_us)
            over |= UINT64_C(1) << slot;
    }
    return over;
}

/* What is under way may be kept, each in any order; what goes astray from here on nobody sees. */
static void crash_keep(struct search *search, struct config *config)
{
    uint64_t waiting = config->saved_size > 0 ? 0 : waiting_slots(search, config);
    for (uint32_t slot = 0; slot < LIN_SLOTS_MAX && !search->is_out; slot++) {
        if ((waiting >> slot & 1) == 0 || lin_kind_is_read(slot_deed(search, slot)->op.kind))
            continue;
        struct config *after = config_apply(search, config, slot);
        if (after != NULL && !set_add(&search->seen, after))
            search->is_out = true;
    }
}

/* The state that is there afterwards. */
static void crash_lose(struct search *search, struct config *from, uint64_t over)
{
    struct config *config = (struct config *)(void *)search->scratch;
    bool is_astray = from->saved_size > 0;
    *config = (struct config){ .done = from->done & ~over };
    config->state_size = is_astray ? from->saved_size : from->state_size;
    memcpy(config_state(config), config_state(from) + (is_astray ? from->state_size : 0), config->state_size);
    if (!set_add(&search->next, config))
        search->is_out = true;
}

static void on_crash(struct search *search, const struct event *event)
{
    uint64_t over = slots_over(search, event->at_us);
    set_clear(&search->seen);
    for (uint32_t i = 0; i < search->now.count && !search->is_out; i++)
        if (!set_add(&search->seen, search->now.list[i]))
            search->is_out = true;
    for (uint32_t i = 0; i < search->seen.count && !search->is_out; i++) {
        crash_keep(search, search->seen.list[i]);
        crash_lose(search, search->seen.list[i], over);
    }
    for (uint32_t slot = 0; slot < LIN_SLOTS_MAX; slot++)
        if ((over >> slot & 1) != 0)
            slot_free(search, slot);
    search->alive = 0;
    sets_swap(search);
}

static int64_t crash_after(const struct search *search, uint32_t from)
{
    for (uint32_t i = from; i < search->event_count; i++)
        if (search->events[i].type == EVENT_CRASH)
            return search->events[i].at_us;
    return LIN_NEVER;
}

static enum lin_verdict search_run(struct search *search, uint32_t *out_deed)
{
    search->crash_us = crash_after(search, 0);
    for (uint32_t i = 0; i < search->event_count && !search->is_out; i++) {
        const struct event *event = &search->events[i];
        if (event->type == EVENT_INVOKE) {
            on_invoke(search, event);
        } else if (event->type == EVENT_CRASH) {
            on_crash(search, event);
            search->crash_us = crash_after(search, i + 1);
        } else if (!on_return(search, event)) {
            *out_deed = event->deed;
            return search->is_out ? LIN_TOO_HARD : LIN_NO_ORDER;
        }
    }
    return search->is_out ? LIN_TOO_HARD : LIN_GOOD;
}

/* ---- Life ---- */

static bool search_init(struct search *search, const struct lin_part *part)
{
    *search = (struct search){ .part = part };
    search->scratch_size = sizeof(struct config) + 2 * lin_state_size_max(&part->shape);
    search->scratch = malloc(search->scratch_size);
    search->slot_of = malloc((part->deed_count + 1) * sizeof *search->slot_of);
    search->uses = calloc(part->reservation_count + 1, sizeof *search->uses);
    if (search->scratch == NULL || search->slot_of == NULL || search->uses == NULL || !events_make(search))
        return false;
    for (uint32_t i = 0; i < LIN_SLOTS_MAX; i++)
        search->slots[i].deed = UINT32_MAX;
    for (uint32_t i = 0; i < part->deed_count; i++) {
        search->slot_of[i] = NO_SLOT;
        if (part->deeds[i].op.reservation != UINT64_MAX)
            search->uses[part->deeds[i].op.reservation]++;
    }
    struct config *first = (struct config *)(void *)search->scratch;
    *first = (struct config){ .done = 0 };
    lin_state_init(&part->shape, state_of(first));
    first->state_size = lin_state_size(&part->shape, state_of(first));
    return set_add(&search->now, first);
}

static void search_fini(struct search *search)
{
    set_fini(&search->now);
    set_fini(&search->next);
    set_fini(&search->seen);
    free(search->events);
    free(search->scratch);
    free(search->slot_of);
    free(search->uses);
}

enum lin_verdict lin_search(const struct lin_part *part, uint32_t *out_deed, uint64_t *states_max)
{
    struct search search;
    enum lin_verdict verdict = LIN_TOO_HARD;
    *out_deed = UINT32_MAX;
    if (search_init(&search, part))
        verdict = search_run(&search, out_deed);
    if (search.states_max > *states_max)
        *states_max = search.states_max;
    search_fini(&search);
    return verdict;
}
