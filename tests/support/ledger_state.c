#include "support/ledger_state.h"
#include "base/assert.h"
#include "base/strbuf.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define LINE_SIZE_MAX ((size_t)1 << 20)

/* ---- One object ------------------------------------------------------------------------------- */

/* The fields of an object one after the other: as bytes to hash, or as words to show. */
struct line {
    struct oh_strbuf buf;
    bool is_words;
};

static void put_number(struct line *line, const char *name, int64_t value)
{
    if (line->is_words)
        oh_strbuf_printf(&line->buf, " %s=%" PRId64, name, value);
    else
        oh_strbuf_put(&line->buf, &value, sizeof(value));
}

static void put_bytes(struct line *line, const char *name, struct oh_bytes value)
{
    if (line->is_words) {
        oh_strbuf_printf(&line->buf, " %s=\"", name);
        for (size_t i = 0; i < value.size; i++) {
            bool is_plain = value.data[i] >= ' ' && value.data[i] <= '~';
            oh_strbuf_printf(&line->buf, is_plain ? "%c" : "\\x%02x", (unsigned char)value.data[i]);
        }
        oh_strbuf_printf(&line->buf, "\"");
        return;
    }
    put_number(line, name, (int64_t)value.size);
    oh_strbuf_put(&line->buf, value.data, value.size);
}

static void put_point(struct line *line, struct oh_point point)
{
    put_bytes(line, "point", (struct oh_bytes){ (const char *)&point, sizeof(point) });
}

#define NUMBER(field) put_number(line, #field, (int64_t)o->field)
#define BYTES(field)  put_bytes(line, #field, o->field)

static void put_node(struct line *line, const struct oh_node_command *o)
{
    BYTES(node);
    BYTES(name);
    BYTES(gln);
    BYTES(country);
    BYTES(time_zone);
    BYTES(city);
    BYTES(region);
    BYTES(postal_code);
    NUMBER(type);
    NUMBER(ships);
    NUMBER(collects);
    NUMBER(enabled);
    NUMBER(has_point);
    if (o->has_point)
        put_point(line, o->point);
}

static void put_group(struct line *line, const struct oh_effect_group *o)
{
    NUMBER(index);
    BYTES(group);
    BYTES(name);
    NUMBER(node_count);
    for (uint32_t i = 0; i < o->node_count; i++) {
        NUMBER(nodes[i]);
        NUMBER(priorities[i]);
    }
}

static void put_channel(struct line *line, const struct oh_effect_channel *o)
{
    NUMBER(index);
    BYTES(channel);
    BYTES(name);
    NUMBER(policy);
    NUMBER(node_count);
    for (uint32_t i = 0; i < o->node_count; i++)
        NUMBER(nodes[i]);
    NUMBER(group_count);
    for (uint32_t i = 0; i < o->group_count; i++)
        NUMBER(groups[i]);
}

/* What a rule does not say has no value. */
#define SAID(bit, field)               \
    if ((o->values.mask & (bit)) != 0) \
    NUMBER(values.field)

static void put_rule(struct line *line, const struct oh_effect_rule *o)
{
    BYTES(rule);
    NUMBER(item);
    NUMBER(node);
    NUMBER(channel);
    NUMBER(values.mask);
    SAID(OH_RULE_SAFETY_STOCK, safety_stock_milli);
    SAID(OH_RULE_THRESHOLD, threshold_milli);
    SAID(OH_RULE_MIN_QUANTITY, min_quantity_milli);
    SAID(OH_RULE_MAX_QUANTITY, max_quantity_milli);
    SAID(OH_RULE_INCREMENT, increment_milli);
    SAID(OH_RULE_BACKORDER_LIMIT, backorder_limit_milli);
    SAID(OH_RULE_LOW_STOCK, low_stock_milli);
    SAID(OH_RULE_PICKUP_ALLOWED, pickup_allowed);
    SAID(OH_RULE_SHIP_ALLOWED, ship_allowed);
    SAID(OH_RULE_PREORDER, preorder);
}

static void put_fence(struct line *line, const struct oh_effect_fence *o)
{
    BYTES(fence);
    NUMBER(item);
    NUMBER(node);
    NUMBER(channel);
    NUMBER(quantity_milli);
    NUMBER(policy);
}

static void put_supply(struct line *line, const struct oh_effect_supply *o)
{
    BYTES(supply);
    NUMBER(item);
    NUMBER(node);
    NUMBER(quantity_milli);
    NUMBER(eta_us);
}

static void put_postal_code(struct line *line, const struct oh_postal_code_command *o)
{
    BYTES(country);
    BYTES(postal_code);
    BYTES(place);
    put_point(line, o->point);
}

static void put_reservation(struct line *line, const struct oh_effect_reservation *o)
{
    BYTES(id);
    BYTES(customer);
    BYTES(order);
    NUMBER(kind);
    NUMBER(channel);
    NUMBER(created_at_us);
    NUMBER(expires_at_us);
    NUMBER(ended_at_us);
}

static void put_claim(struct line *line, const struct oh_effect_claim *o)
{
    NUMBER(line);
    NUMBER(item);
    NUMBER(node);
    NUMBER(quantity_milli);
    NUMBER(held_milli);
    NUMBER(confirmed_milli);
    NUMBER(fulfilled_milli);
    NUMBER(expired_milli);
    NUMBER(due_at_us);
}

static void put_key(struct line *line, const struct oh_effect_key *o)
{
    BYTES(key);
    NUMBER(fingerprint);
    NUMBER(seq);
    NUMBER(at_us);
    BYTES(answer);
}

static void put_import(struct line *line, const struct oh_effect_import *o)
{
    BYTES(import);
    NUMBER(row_count);
    NUMBER(rejected_count);
    NUMBER(number);
}

static void put_position(struct line *line, const struct oh_effect_position *o)
{
    NUMBER(item);
    NUMBER(node);
    NUMBER(has_forgotten);
    for (unsigned i = 0; i < OH_STATE_COUNT; i++) {
        NUMBER(states[i].quantity_milli);
        NUMBER(states[i].as_of_us);
        NUMBER(states[i].source_seq);
    }
}

static void put_remembered(struct line *line, const struct oh_effect_remembered *o)
{
    NUMBER(item);
    NUMBER(node);
    NUMBER(state);
    NUMBER(quantity_milli);
    NUMBER(at_us);
    NUMBER(number);
}

static void put_booking(struct line *line, const struct oh_effect_booking *o)
{
    BYTES(id);
    NUMBER(node);
    BYTES(resource);
    NUMBER(unit);
    NUMBER(from_us);
    NUMBER(until_us);
    NUMBER(quantity_milli);
}

static void put_head(struct line *line, const struct oh_effect_head *o)
{
    NUMBER(seq);
    NUMBER(movement_count);
    NUMBER(forgotten_at_us);
}

static void put_transit(struct line *line, const struct oh_effect_transit *o)
{
    BYTES(service);
    BYTES(origin);
    BYTES(destination);
    NUMBER(weekday);
    for (uint32_t i = 0; i < o->bucket_count; i++) {
        NUMBER(buckets[i].bucket);
        NUMBER(buckets[i].count);
    }
}

static void put_fields(struct line *line, const struct oh_effect *object)
{
    switch (object->type) {
    case OH_EFFECT_NODE:
        put_number(line, "index", object->node.index);
        put_node(line, &object->node.value);
        return;
    case OH_EFFECT_ITEM:
        put_number(line, "index", object->item.index);
        put_bytes(line, "sku", object->item.value.sku);
        put_bytes(line, "name", object->item.value.name);
        put_bytes(line, "gtin", object->item.value.gtin);
        put_bytes(line, "class", object->item.value.class);
        put_number(line, "weight_grams", object->item.value.weight_grams);
        put_number(line, "side_mm", object->item.value.side_mm);
        put_number(line, "volume_cm3", object->item.value.volume_cm3);
        return;
    case OH_EFFECT_GROUP:
        put_group(line, &object->group);
        return;
    case OH_EFFECT_CHANNEL:
        put_channel(line, &object->channel);
        return;
    case OH_EFFECT_RULE:
        put_rule(line, &object->rule);
        return;
    case OH_EFFECT_FENCE:
        put_fence(line, &object->fence);
        return;
    case OH_EFFECT_SUPPLY:
        put_supply(line, &object->supply);
        return;
    case OH_EFFECT_POSTAL_CODE:
        put_postal_code(line, &object->postal_code);
        return;
    case OH_EFFECT_RESERVATION:
        put_reservation(line, &object->reservation);
        return;
    case OH_EFFECT_CLAIM:
        put_claim(line, &object->claim);
        return;
    case OH_EFFECT_DOCUMENT:
        put_number(line, "kind", object->document.kind);
        put_bytes(line, "id", object->document.id);
        put_bytes(line, "body", object->document.body);
        return;
    case OH_EFFECT_BOOKING:
        put_booking(line, &object->booking);
        return;
    case OH_EFFECT_PROMISE:
        put_bytes(line, "id", object->promise.id);
        put_bytes(line, "body", object->promise.body);
        return;
    case OH_EFFECT_TRANSIT:
        put_transit(line, &object->transit);
        return;
    case OH_EFFECT_KEY:
        put_key(line, &object->key);
        return;
    case OH_EFFECT_IMPORT:
        put_import(line, &object->import);
        return;
    case OH_EFFECT_POSITION:
        put_position(line, &object->position);
        return;
    case OH_EFFECT_REMEMBERED:
        put_remembered(line, &object->remembered);
        return;
    case OH_EFFECT_HEAD:
        put_head(line, &object->head);
        return;
    case OH_EFFECT_GROUP_MEMBER:
    case OH_EFFECT_MOVEMENT:
    case OH_EFFECT_COUNT:
    case OH_EFFECT_STEP:
    case OH_EFFECT_EXTEND:
        break;
    }
    OH_UNREACHABLE(); /* only in records */
}

/* ---- All objects ------------------------------------------------------------------------------ */

typedef void hash_sink(void *ctx, XXH128_hash_t hash, const struct oh_effect *object, struct oh_bytes owner,
                       uint32_t place);

/* Claims belong to the reservation before them, and have a place in it. */
struct walk {
    struct line line;
    char owner[OH_ID_SIZE_MAX];
    size_t owner_size;
    uint32_t place;
    hash_sink *sink;
    void *sink_ctx;
};

static void line_make(struct line *line, const struct oh_effect *object, struct oh_bytes owner,
                      uint32_t place)
{
    oh_strbuf_clear(&line->buf);
    if (line->is_words)
        oh_strbuf_printf(&line->buf, "%s", oh_effect_type_text(object->type));
    else
        put_number(line, "type", object->type);
    if (object->type == OH_EFFECT_CLAIM) {
        put_bytes(line, "reservation", owner);
        put_number(line, "place", place);
    }
    put_fields(line, object);
    OH_ASSERT(!line->buf.is_overflowed);
}

static void object_walk(void *ctx, const struct oh_effect *object)
{
    struct walk *walk = ctx;
    if (object->type == OH_EFFECT_RESERVATION) {
        walk->owner_size = object->reservation.id.size;
        OH_ASSERT(walk->owner_size <= sizeof(walk->owner));
        memcpy(walk->owner, object->reservation.id.data, walk->owner_size);
        walk->place = 0;
    }
    struct oh_bytes owner = { walk->owner, walk->owner_size };
    uint32_t place = object->type == OH_EFFECT_CLAIM ? walk->place++ : 0;
    line_make(&walk->line, object, owner, place);
    walk->sink(walk->sink_ctx, XXH3_128bits(walk->line.buf.data, walk->line.buf.size), object, owner, place);
}

static void ledger_walk(struct oh_ledger *ledger, hash_sink *sink, void *ctx)
{
    static struct walk walk; /* its buffer stays for the next time */
    if (walk.line.buf.size_max == 0)
        oh_strbuf_init(&walk.line.buf, LINE_SIZE_MAX);
    walk.sink = sink;
    walk.sink_ctx = ctx;
    oh_ledger_export(ledger, object_walk, &walk);
}

static void hash_add(void *ctx, XXH128_hash_t hash, const struct oh_effect *object, struct oh_bytes owner,
                     uint32_t place)
{
    struct ledger_state *state = ctx;
    (void)object;
    (void)owner;
    (void)place;
    state->low += hash.low64;
    state->high += hash.high64;
    state->count++;
}

void ledger_state_of(struct oh_ledger *ledger, struct ledger_state *out_state)
{
    *out_state = (struct ledger_state){ .count = 0 };
    ledger_walk(ledger, hash_add, out_state);
}

bool ledger_states_are_equal(const struct ledger_state *a, const struct ledger_state *b)
{
    return a->low == b->low && a->high == b->high && a->count == b->count;
}

/* ---- States of a history ---------------------------------------------------------------------- */

/* An object that was seen, in words. */
struct seen {
    uint64_t hash; /* 0: an empty slot */
    char *words;
    bool is_expected; /* while explaining: not met yet */
};

struct kept {
    bool is_kept;
    struct ledger_state state;
    uint64_t *hashes;
};

struct ledger_states {
    struct seen *seen; /* open addressing, a power of two */
    size_t seen_capacity;
    size_t seen_count;
    struct kept *kept; /* by seq */
    uint64_t kept_capacity;
    struct kept *keeping;
    struct line words;
};

static void *grown(void *memory, size_t count, size_t size)
{
    memory = realloc(memory, count * size);
    OH_ASSERT(memory != NULL);
    return memory;
}

static struct seen *seen_slot(struct ledger_states *states, uint64_t hash)
{
    size_t at = (size_t)hash & (states->seen_capacity - 1);
    while (states->seen[at].hash != 0 && states->seen[at].hash != hash)
        at = (at + 1) & (states->seen_capacity - 1);
    return &states->seen[at];
}

static void seen_grow(struct ledger_states *states)
{
    struct seen *before = states->seen;
    size_t before_capacity = states->seen_capacity;
    states->seen_capacity = before_capacity == 0 ? 4096 : before_capacity * 2;
    states->seen = calloc(states->seen_capacity, sizeof(*states->seen));
    OH_ASSERT(states->seen != NULL);
    for (size_t i = 0; i < before_capacity; i++) {
        if (before[i].hash != 0)
            *seen_slot(states, before[i].hash) = before[i];
    }
    free(before);
}

static uint64_t short_hash(XXH128_hash_t hash)
{
    return hash.low64 == 0 ? 1 : hash.low64;
}

static char *words_of(struct ledger_states *states, const struct oh_effect *object, struct oh_bytes owner,
                      uint32_t place)
{
    line_make(&states->words, object, owner, place);
    size_t size = states->words.buf.size;
    char *words = grown(NULL, size + 1, 1);
    memcpy(words, states->words.buf.data, size);
    words[size] = '\0';
    return words;
}

static void object_keep(void *ctx, XXH128_hash_t hash, const struct oh_effect *object, struct oh_bytes owner,
                        uint32_t place)
{
    struct ledger_states *states = ctx;
    struct kept *kept = states->keeping;
    if ((kept->state.count & (kept->state.count - 1)) == 0)
        kept->hashes =
            grown(kept->hashes, kept->state.count == 0 ? 1 : kept->state.count * 2, sizeof(uint64_t));
    kept->hashes[kept->state.count] = short_hash(hash);
    hash_add(&kept->state, hash, object, owner, place);
    if (states->seen_count >= states->seen_capacity / 2)
        seen_grow(states);
    struct seen *seen = seen_slot(states, short_hash(hash));
    if (seen->hash != 0)
        return;
    *seen = (struct seen){ .hash = short_hash(hash), .words = words_of(states, object, owner, place) };
    states->seen_count++;
}

struct ledger_states *ledger_states_create(void)
{
    struct ledger_states *states = grown(NULL, 1, sizeof(*states));
    *states = (struct ledger_states){ .words = { .is_words = true } };
    oh_strbuf_init(&states->words.buf, LINE_SIZE_MAX);
    return states;
}

void ledger_states_destroy(struct ledger_states **states_at)
{
    struct ledger_states *states = *states_at;
    if (states == NULL)
        return;
    for (size_t i = 0; i < states->seen_capacity; i++)
        free(states->seen[i].words);
    for (uint64_t i = 0; i < states->kept_capacity; i++)
        free(states->kept[i].hashes);
    free(states->seen);
    free(states->kept);
    oh_strbuf_fini(&states->words.buf);
    free(states);
    *states_at = NULL;
}

void ledger_states_keep(struct ledger_states *states, uint64_t seq, struct oh_ledger *ledger)
{
    while (seq >= states->kept_capacity) {
        uint64_t capacity = states->kept_capacity == 0 ? 256 : states->kept_capacity * 2;
        states->kept = grown(states->kept, capacity, sizeof(*states->kept));
        memset(states->kept + states->kept_capacity, 0,
               (capacity - states->kept_capacity) * sizeof(*states->kept));
        states->kept_capacity = capacity;
    }
    for (uint64_t i = seq; i < states->kept_capacity && states->kept[i].is_kept; i++) {
        states->kept[i].is_kept = false;
        states->kept[i].state = (struct ledger_state){ .count = 0 };
        free(states->kept[i].hashes);
        states->kept[i].hashes = NULL;
    }
    states->keeping = &states->kept[seq];
    states->keeping->is_kept = true;
    ledger_walk(ledger, object_keep, states);
}

const struct ledger_state *ledger_states_get(const struct ledger_states *states, uint64_t seq)
{
    return seq < states->kept_capacity && states->kept[seq].is_kept ? &states->kept[seq].state : NULL;
}

struct explanation {
    struct ledger_states *states;
    FILE *out;
};

static void object_explain(void *ctx, XXH128_hash_t hash, const struct oh_effect *object,
                           struct oh_bytes owner, uint32_t place)
{
    const struct explanation *explanation = ctx;
    struct seen *seen = seen_slot(explanation->states, short_hash(hash));
    if (seen->hash != 0 && seen->is_expected) {
        seen->is_expected = false;
        return;
    }
    char *words = words_of(explanation->states, object, owner, place);
    fprintf(explanation->out, "  + %s\n", words);
    free(words);
}

void ledger_states_explain(struct ledger_states *states, uint64_t seq, struct oh_ledger *ledger, FILE *out)
{
    struct explanation explanation = { states, out };
    const struct kept *kept = &states->kept[seq];
    for (uint64_t i = 0; i < kept->state.count; i++)
        seen_slot(states, kept->hashes[i])->is_expected = true;
    ledger_walk(ledger, object_explain, &explanation);
    for (uint64_t i = 0; i < kept->state.count; i++) {
        struct seen *seen = seen_slot(states, kept->hashes[i]);
        if (seen->is_expected)
            fprintf(out, "  - %s\n", seen->words);
        seen->is_expected = false;
    }
}
