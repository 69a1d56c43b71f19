/*
 * keys.c - idempotency (docs/spec/ledger.md, L38, L39): a key remembers what was asked under it, by
 * a fingerprint, and what was answered. Kept 24 h, in the order they came.
 *
 * Keys of different kinds do not meet: 'k' header keys, 'r' ids that clients
 * gave their reservations, 'e' ids of adjust entries, per source, 'd' ids of reports of deliveries.
 */
#include "base/varint.h"
#include "core/state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- Fingerprints ----------------------------------------------------------------------------- */

static uint64_t print_bytes(uint64_t print, struct oh_bytes bytes)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.size, print + bytes.size + 1);
}

static uint64_t print_numbers(uint64_t print, const int64_t *numbers, size_t count)
{
    return XXH3_64bits_withSeed(numbers, count * sizeof(*numbers), print);
}

#define PRINT_NUMBERS(print, ...)                                                                  \
    print_numbers((print), (const int64_t[]){ __VA_ARGS__ }, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

static int64_t double_bits(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

uint64_t entry_fingerprint(const struct oh_adjust_entry *entry)
{
    uint64_t print = print_bytes(1, entry->sku);
    print = print_bytes(print, entry->node);
    print = print_bytes(print, entry->reason);
    return PRINT_NUMBERS(print, entry->quantity_milli, entry->state, entry->at_us);
}

uint64_t report_fingerprint(const struct oh_delivery_report *report)
{
    uint64_t print = print_bytes(1, report->service);
    print = print_bytes(print, report->origin_node);
    print = print_bytes(print, report->origin_region);
    print = print_bytes(print, report->destination_region);
    print = print_bytes(print, report->country);
    print = print_bytes(print, report->postal_code);
    return PRINT_NUMBERS(print, report->handed_over_at_us, report->delivered_at_us, report->weekday);
}

static uint64_t print_deliveries(uint64_t print, const struct oh_deliveries_command *command)
{
    for (uint32_t i = 0; i < command->report_count; i++) {
        print = print_bytes(print, command->reports[i].id);
        print = PRINT_NUMBERS(print, (int64_t)report_fingerprint(&command->reports[i]));
    }
    return print;
}

static uint64_t print_reserve(uint64_t print, const struct oh_reserve_command *command)
{
    if (command->fingerprint != 0) /* of the request that the rest is the outcome of */
        return PRINT_NUMBERS(print, (int64_t)command->fingerprint);
    print = print_bytes(print, command->id);
    print = print_bytes(print, command->channel);
    print = print_bytes(print, command->customer);
    print = print_bytes(print, command->order);
    print = PRINT_NUMBERS(print, command->kind, command->ttl_us, command->allow_partial, command->near.is_set,
                          double_bits(command->near.point.latitude), double_bits(command->near.point.longitude),
                          double_bits(command->near.radius_km));
    for (uint32_t i = 0; i < command->line_count; i++) {
        const struct oh_reserve_line *line = &command->lines[i];
        print = print_bytes(print, line->sku);
        print = print_bytes(print, line->node);
        print = print_bytes(print, line->group);
        print = PRINT_NUMBERS(print, line->line, line->quantity_milli);
    }
    return print;
}

static uint64_t print_action(uint64_t print, const struct oh_action_command *command)
{
    print = print_bytes(print, command->id);
    print = print_bytes(print, command->to_node);
    print = PRINT_NUMBERS(print, command->return_rest, command->ttl_us, command->at_us);
    for (uint32_t i = 0; i < command->line_count; i++) {
        const struct oh_action_line *line = &command->lines[i];
        print = print_bytes(print, line->node);
        print = print_bytes(print, line->to_node);
        print = PRINT_NUMBERS(print, line->line, line->has_quantity, line->quantity_milli);
    }
    return print;
}

static uint64_t print_adjust(uint64_t print, const struct oh_adjust_command *command)
{
    print = print_bytes(print, command->source);
    for (uint32_t i = 0; i < command->entry_count; i++) {
        print = print_bytes(print, command->entries[i].id);
        print = PRINT_NUMBERS(print, (int64_t)entry_fingerprint(&command->entries[i]));
    }
    return print;
}

static uint64_t print_sync(uint64_t print, const struct oh_sync_command *command)
{
    print = print_bytes(print, command->source);
    for (uint32_t i = 0; i < command->entry_count; i++) {
        const struct oh_sync_entry *entry = &command->entries[i];
        print = print_bytes(print, entry->sku);
        print = print_bytes(print, entry->node);
        print = PRINT_NUMBERS(print, entry->quantity_milli, entry->state, entry->as_of_us, entry->has_source_seq,
                              entry->source_seq);
    }
    return print;
}

static uint64_t print_names(uint64_t print, const struct oh_bytes *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        print = print_bytes(print, names[i]);
    return PRINT_NUMBERS(print, count);
}

static uint64_t print_node(uint64_t print, const struct oh_node_command *node)
{
    const struct oh_bytes texts[] = { node->node, node->name,   node->gln,    node->country,
                                      node->time_zone, node->city, node->region, node->postal_code };
    print = print_names(print, texts, sizeof(texts) / sizeof(texts[0]));
    return PRINT_NUMBERS(print, node->type, node->has_point, double_bits(node->point.latitude),
                         double_bits(node->point.longitude), node->ships, node->collects, node->enabled);
}

static uint64_t print_rule(uint64_t print, const struct oh_rule_command *rule)
{
    const struct oh_bytes texts[] = { rule->rule, rule->sku, rule->node, rule->channel };
    const struct oh_rule_values *values = &rule->values;
    print = print_names(print, texts, sizeof(texts) / sizeof(texts[0]));
    return PRINT_NUMBERS(print, values->mask, values->safety_stock_milli, values->threshold_milli,
                         values->min_quantity_milli, values->max_quantity_milli, values->increment_milli,
                         values->backorder_limit_milli, values->low_stock_milli, values->pickup_allowed,
                         values->ship_allowed, values->preorder);
}

static uint64_t print_reference(uint64_t print, const struct oh_command *command)
{
    switch ((int)command->type) {
    case OH_COMMAND_NODE:
        return print_node(print, &command->node);
    case OH_COMMAND_ITEM:
        print = print_bytes(print, command->item.sku);
        print = print_bytes(print, command->item.name);
        print = print_bytes(print, command->item.gtin);
        if (command->item.class.size + command->item.weight_grams + command->item.side_mm +
                command->item.volume_cm3 == 0)
            return print; /* as before there were traits: a key outlives an upgrade */
        print = print_bytes(print, command->item.class);
        return PRINT_NUMBERS(print, command->item.weight_grams, command->item.side_mm, command->item.volume_cm3);
    case OH_COMMAND_GROUP:
        print = print_bytes(print, command->group.group);
        print = print_bytes(print, command->group.name);
        return print_names(print, command->group.nodes, command->group.node_count);
    case OH_COMMAND_CHANNEL:
        print = print_bytes(print, command->channel.channel);
        print = print_bytes(print, command->channel.name);
        print = print_names(print, command->channel.nodes, command->channel.node_count);
        print = print_names(print, command->channel.groups, command->channel.group_count);
        return PRINT_NUMBERS(print, command->channel.policy);
    case OH_COMMAND_RULE:
        return print_rule(print, &command->rule);
    case OH_COMMAND_FENCE:
        print = print_bytes(print, command->fence.fence);
        print = print_bytes(print, command->fence.sku);
        print = print_bytes(print, command->fence.node);
        print = print_bytes(print, command->fence.channel);
        return PRINT_NUMBERS(print, command->fence.quantity_milli, command->fence.policy);
    case OH_COMMAND_SUPPLY:
        print = print_bytes(print, command->supply.supply);
        print = print_bytes(print, command->supply.sku);
        print = print_bytes(print, command->supply.node);
        return PRINT_NUMBERS(print, command->supply.quantity_milli, command->supply.eta_us);
    case OH_COMMAND_DOCUMENT:
        print = print_bytes(print, command->document.id);
        print = print_bytes(print, command->document.body);
        return PRINT_NUMBERS(print, (int64_t)command->document.kind);
    default:
        return print; /* rows of an import carry no key */
    }
}

/*
 * The type is mixed in by itself: of a short text and a small seed the hash sees little more than their exclusive
 * or, and "release R15" would be "extend R16".
 */
uint64_t command_fingerprint(const struct oh_command *command)
{
    uint64_t print = PRINT_NUMBERS(0, (int64_t)command->type);
    switch ((int)command->type) {
    case OH_COMMAND_RESERVE:
        return print_reserve(print, &command->reserve);
    case OH_COMMAND_ADJUST:
        return print_adjust(print, &command->adjust);
    case OH_COMMAND_SYNC:
        return print_sync(print, &command->sync);
    case OH_COMMAND_DELIVERIES:
        return print_deliveries(print, &command->deliveries);
    case OH_COMMAND_REPLACE:
        return PRINT_NUMBERS(print_bytes(print, command->replace.id), (int64_t)command->replace.fingerprint);
    default:
        return command_is_action(command->type) ? print_action(print, &command->action)
                                                : print_reference(print, command);
    }
}

/* ---- Packed answers --------------------------------------------------------------------------- */

#define PACKED_HEAD_SIZE_MAX 160u
#define PACKED_LINE_SIZE_MAX 64u

static size_t pack_line(unsigned char *out, const struct oh_answer_line *line)
{
    size_t size = oh_varint_put_u64(out, line->line);
    size += oh_varint_put_u64(out + size, line->item.index);
    size += oh_varint_put_u64(out + size, line->node.index);
    out[size++] = (unsigned char)line->verdict;
    size += oh_varint_put_i64(out + size, line->requested_milli);
    size += oh_varint_put_i64(out + size, line->quantity_milli);
    size += oh_varint_put_i64(out + size, line->returned_milli);
    size += oh_varint_put_i64(out + size, line->available_milli);
    size += oh_varint_put_i64(out + size, line->short_milli);
    return size;
}

static struct oh_bytes answer_pack(struct oh_ledger *ledger, const struct oh_answer *answer)
{
    size_t size_max = PACKED_HEAD_SIZE_MAX + (size_t)answer->line_count * PACKED_LINE_SIZE_MAX;
    unsigned char *out = scratch_take(ledger, size_max);
    size_t size = 0;
    out[size++] = (unsigned char)answer->type;
    out[size++] = (unsigned char)answer->verdict;
    out[size++] = (unsigned char)answer->field;
    out[size++] = (unsigned char)answer->kind;
    out[size++] = (unsigned char)answer->status;
    out[size++] = answer->is_created ? 1 : 0;
    size += oh_varint_put_u64(out + size, answer->fault_index);
    size += oh_varint_put_i64(out + size, answer->created_at_us);
    size += oh_varint_put_i64(out + size, answer->expires_at_us);
    size += oh_varint_put_u64(out + size, answer->id.size);
    if (answer->id.size > 0)
        memcpy(out + size, answer->id.data, answer->id.size);
    size += answer->id.size;
    size += oh_varint_put_u64(out + size, answer->line_count);
    for (uint32_t i = 0; i < answer->line_count; i++)
        size += pack_line(out + size, &answer->lines[i]);
    if (answer->window_until_us != 0) { /* last, and only where it is: older answers end before it */
        size += oh_varint_put_i64(out + size, answer->window_from_us);
        size += oh_varint_put_i64(out + size, answer->window_until_us);
    }
    ledger->scratch_used -= (size_max - size) & ~(size_t)7; /* give back what was not needed */
    return (struct oh_bytes){ (const char *)out, size };
}

struct unpacker { const unsigned char *data; size_t size; bool is_bad; };

static uint64_t unpack_u64(struct unpacker *unpacker)
{
    uint64_t value = 0;
    size_t used = oh_varint_get_u64(unpacker->data, unpacker->size, &value);
    unpacker->is_bad = unpacker->is_bad || used == 0;
    unpacker->data += used;
    unpacker->size -= used;
    return value;
}

static int64_t unpack_i64(struct unpacker *unpacker)
{
    return oh_unzigzag(unpack_u64(unpacker));
}

static unsigned unpack_byte(struct unpacker *unpacker)
{
    if (unpacker->size == 0) {
        unpacker->is_bad = true;
        return 0;
    }
    unpacker->size--;
    return *unpacker->data++;
}

static struct oh_bytes unpack_bytes(struct unpacker *unpacker)
{
    uint64_t size = unpack_u64(unpacker);
    if (size > unpacker->size) {
        unpacker->is_bad = true;
        return OH_BYTES_NONE;
    }
    struct oh_bytes bytes = { (const char *)unpacker->data, (size_t)size };
    unpacker->data += size;
    unpacker->size -= (size_t)size;
    return bytes;
}

static void unpack_line(struct unpacker *unpacker, struct oh_answer_line *line)
{
    line->line = (uint32_t)unpack_u64(unpacker);
    line->item.index = (uint32_t)unpack_u64(unpacker);
    line->node.index = (uint16_t)unpack_u64(unpacker);
    line->verdict = (enum oh_verdict)unpack_byte(unpacker);
    line->requested_milli = unpack_i64(unpacker);
    line->quantity_milli = unpack_i64(unpacker);
    line->returned_milli = unpack_i64(unpacker);
    line->available_milli = unpack_i64(unpacker);
    line->short_milli = unpack_i64(unpacker);
}

bool answer_unpack(struct oh_ledger *ledger, struct oh_bytes packed, struct oh_answer *answer)
{
    struct unpacker unpacker = { (const unsigned char *)packed.data, packed.size, false };
    answer->type = (enum oh_command_type)unpack_byte(&unpacker);
    answer->verdict = (enum oh_verdict)unpack_byte(&unpacker);
    answer->field = (enum oh_field)unpack_byte(&unpacker);
    answer->kind = (enum oh_kind)unpack_byte(&unpacker);
    answer->status = (enum oh_status)unpack_byte(&unpacker);
    answer->is_created = unpack_byte(&unpacker) != 0;
    answer->fault_index = (uint32_t)unpack_u64(&unpacker);
    answer->created_at_us = unpack_i64(&unpacker);
    answer->expires_at_us = unpack_i64(&unpacker);
    answer->id = unpack_bytes(&unpacker);
    uint64_t count = unpack_u64(&unpacker);
    if (count > ANSWER_LINES_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++)
        unpack_line(&unpacker, &ledger->answer_lines[i]);
    answer->lines = ledger->answer_lines;
    answer->line_count = (uint32_t)count;
    if (unpacker.size > 0) {
        answer->window_from_us = unpack_i64(&unpacker);
        answer->window_until_us = unpack_i64(&unpacker);
    }
    return !unpacker.is_bad && unpacker.size == 0;
}

/* ---- The table -------------------------------------------------------------------------------- */

static struct oh_bytes key_name_bytes(const struct key_name *name)
{
    return (struct oh_bytes){ name->data, name->size };
}

void key_name_make(char space, struct oh_bytes source, struct oh_bytes name, struct key_name *out)
{
    OH_ASSERT(source.size <= OH_ID_SIZE_MAX);
    size_t size = 0;
    out->size = 0;
    if (name.size > OH_ID_SIZE_MAX)
        return;
    out->data[size++] = space;
    if (source.size > 0) {
        memcpy(out->data + size, source.data, source.size);
        size += source.size;
        out->data[size++] = '\0';
    }
    memcpy(out->data + size, name.data, name.size);
    out->size = (uint32_t)(size + name.size);
    out->hash = (uint32_t)name_hash(key_name_bytes(out));
}

static struct oh_bytes key_stored_name(const struct oh_ledger *ledger, const struct key *key)
{
    return ledger_string(ledger, key->text, 0);
}

struct oh_bytes key_answer(const struct oh_ledger *ledger, const struct key *key)
{
    struct oh_bytes name = key_stored_name(ledger, key);
    return (struct oh_bytes){ name.data + name.size, key->answer_size };
}

static bool key_is_forgotten(const struct oh_ledger *ledger, const struct key *key)
{
    return ledger->time_us - key->at_us >= OH_KEY_RETENTION_US;
}

const struct key *key_find(const struct oh_ledger *ledger, const struct key_name *name)
{
    struct oh_index_cursor cursor;
    uint32_t slot;
    if (name->size == 0)
        return NULL;
    oh_index_first(&ledger->key_index, name->hash, &cursor);
    while (oh_index_next(&ledger->key_index, &cursor, &slot)) {
        const struct key *key = &ledger->keys[slot];
        if (!key_is_forgotten(ledger, key) && names_are_equal(key_stored_name(ledger, key), key_name_bytes(name)))
            return key;
    }
    return NULL;
}

const struct key *key_lookup(const struct oh_ledger *ledger, char space, struct oh_bytes source, struct oh_bytes name)
{
    struct key_name wanted;
    key_name_make(space, source, name, &wanted);
    return key_find(ledger, &wanted);
}

void key_add(struct oh_ledger *ledger, const struct key_name *name, uint64_t fingerprint,
             const struct oh_answer *answer)
{
    OH_ASSERT(name->size > 0);
    struct hint hint = { .is_sought = true, .key = { 0, name->hash } };
    struct oh_effect *effect = effect_add(ledger, OH_EFFECT_KEY, hint);
    effect->key = (struct oh_effect_key){
        .key = scratch_copy(ledger, key_name_bytes(name)),
        .fingerprint = fingerprint,
        .seq = ledger->seq,
        .at_us = ledger->record_at_us,
        .answer = answer == NULL ? OH_BYTES_NONE : answer_pack(ledger, answer),
    };
}

static size_t key_block_size(size_t name_size, size_t answer_size)
{
    return 2 + name_size + answer_size;
}

static void key_forget_oldest(struct oh_ledger *ledger)
{
    uint32_t slot = ring_slot(ledger->key_first++, ledger->options.keys_max);
    snapshot_touch(ledger, SNAP_KEY, slot);
    const struct key *key = &ledger->keys[slot];
    struct oh_bytes name = key_stored_name(ledger, key);
    if (!ledger->is_restored_unlinked)
        oh_index_remove(&ledger->key_index, (uint32_t)name_hash(name), slot);
    oh_text_free(&ledger->text, key->text, key_block_size(name.size, key->answer_size));
}

void keys_forget(struct oh_ledger *ledger, uint32_t count)
{
    for (uint32_t i = 0; i < count && ledger->key_first < ledger->key_next; i++) {
        if (!key_is_forgotten(ledger, &ledger->keys[ring_slot(ledger->key_first, ledger->options.keys_max)]))
            return;
        key_forget_oldest(ledger);
    }
}

enum oh_err apply_key(struct oh_ledger *ledger, const struct oh_effect_key *effect, struct hint hint)
{
    if (effect->key.size == 0 || effect->key.size > KEY_NAME_SIZE_MAX ||
        effect->answer.size > OH_TEXT_BLOCK_SIZE_MAX - KEY_NAME_SIZE_MAX - 2)
        return OH_E_CORRUPT;
    if (ledger->key_next - ledger->key_first == ledger->options.keys_max)
        key_forget_oldest(ledger);
    uint32_t text = oh_text_allocate(&ledger->text, key_block_size(effect->key.size, effect->answer.size));
    if (text == 0)
        return OH_E_NOMEM;
    unsigned char *block = oh_text_at(&ledger->text, text);
    uint16_t name_size = (uint16_t)effect->key.size;
    memcpy(block, &name_size, 2);
    memcpy(block + 2, effect->key.data, name_size);
    if (effect->answer.size > 0)
        memcpy(block + 2 + name_size, effect->answer.data, effect->answer.size);
    uint32_t slot = ring_slot(ledger->key_next++, ledger->options.keys_max);
    snapshot_skip(ledger, SNAP_KEY, slot);
    ledger->keys[slot] = (struct key){
        .fingerprint = effect->fingerprint,
        .seq = effect->seq,
        .at_us = effect->at_us,
        .text = text,
        .answer_size = (uint32_t)effect->answer.size,
    };
    uint32_t hash = hint.is_sought ? hint.key.hash : (uint32_t)name_hash(effect->key);
    if (!ledger->is_restored_unlinked)
        oh_index_insert(&ledger->key_index, hash, slot);
    return OH_OK;
}

/* ---- After a restore: in the order they came -------------------------------------------------- */

static bool key_is_before(const struct key *a, const struct key *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->seq < b->seq);
}

static void keys_sift_down(struct key *keys, uint64_t at, uint64_t count)
{
    for (;;) {
        uint64_t child = at * 2 + 1;
        if (child >= count)
            return;
        if (child + 1 < count && key_is_before(&keys[child], &keys[child + 1]))
            child++;
        if (!key_is_before(&keys[at], &keys[child]))
            return;
        struct key moved = keys[at];
        keys[at] = keys[child];
        keys[child] = moved;
        at = child;
    }
}

/* A heap sort, then the index. The ring starts at 0 unless it is smaller than the one that was saved. */
void keys_relink(struct oh_ledger *ledger)
{
    uint64_t count = ledger->key_next - ledger->key_first;
    struct key *keys = ledger->keys;
    for (uint64_t at = count / 2; at > 0; at--)
        keys_sift_down(keys, at - 1, count);
    for (uint64_t end = count; end > 1; end--) {
        struct key last = keys[0];
        keys[0] = keys[end - 1];
        keys[end - 1] = last;
        keys_sift_down(keys, 0, end - 1);
    }
    ledger->key_first = 0;
    ledger->key_next = count;
    for (uint64_t i = 0; i < count; i++)
        oh_index_insert(&ledger->key_index, (uint32_t)name_hash(key_stored_name(ledger, &keys[i])), (uint32_t)i);
}

bool oh_key_is_known(const struct oh_ledger *ledger, struct oh_bytes key, struct oh_bytes reservation)
{
    return (key.size > 0 && key_lookup(ledger, 'k', OH_BYTES_NONE, key) != NULL) ||
           (reservation.size > 0 && key_lookup(ledger, 'r', OH_BYTES_NONE, reservation) != NULL);
}
